"""report.html: a study on one page that opens anywhere."""

from partway.results.report.page import write_report

__all__ = ["write_report"]
