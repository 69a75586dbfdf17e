"""verdict.md: what a study found, in sentences, and how sure that is."""

from partway.results.verdict.words import Writer
from partway.results.verdict.writing import write_verdict

__all__ = ["Writer", "write_verdict"]
