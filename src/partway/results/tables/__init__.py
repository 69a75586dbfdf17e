"""The tables of a study: ablation tables with their statistics, and the settings in which their rows differ."""

from partway.results.tables.notes import differences_of, left_out, notes, table_notes
from partway.results.tables.reading import CONDITIONS, read_accuracies, read_runs, read_tables, records
from partway.results.tables.words import (
    HOLE,
    above_test,
    as_p,
    as_percent,
    beyond_luck,
    condition,
    reported,
    row_name,
    shows_reported,
    shows_validation,
)
from partway.results.tables.writing import write_tables

__all__ = [
    "CONDITIONS",
    "HOLE",
    "above_test",
    "as_p",
    "as_percent",
    "beyond_luck",
    "condition",
    "differences_of",
    "left_out",
    "notes",
    "read_accuracies",
    "read_runs",
    "read_tables",
    "records",
    "reported",
    "row_name",
    "shows_reported",
    "shows_validation",
    "table_notes",
    "write_tables",
]
