"""Two studies, or one under two versions of the code, held against each other: `partway compare A B`."""

from partway.results.compare.comparison import Comparison, compare
from partway.results.compare.sides import find
from partway.results.compare.text import as_text, write

__all__ = ["Comparison", "as_text", "compare", "find", "write"]
