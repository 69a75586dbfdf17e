"""Gathering what the trainings and evaluations of a study left into its collected files."""

from partway.results.collect.collecting import collect, collect_partial, keep_tables_of, write_runs

__all__ = ["collect", "collect_partial", "keep_tables_of", "write_runs"]
