"""What the runs of one table were made with and must share, since it may move numbers: code, libraries, machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

# Columns of runs.csv that hold one value, or `one, other` where the stages of a run differ, and the word for each.
SINGLE = {"precision": "precision", "device": "device", "compile": "compile", "git_commit": "commit of the code"}
# Columns that hold `name version, name version`: they differ in the version of a name.
LISTED = {"numerics": "numerics version", "versions": "version of library"}
HASH = re.compile(r"\b([0-9a-f]{10})[0-9a-f]{30}\b")  # a commit, of which the first digits are enough to tell
SAME_NUMERICS = "; their numerics versions are the same, so that it should move no number"


def mixtures(runs: pd.DataFrame) -> Iterator[str]:
    """What complete runs differ in, with the values: `precision: bf16, fp32`; nothing where none recorded it."""
    same_numerics = bool(runs.numerics.nunique() == 1 and runs.numerics.notna().all())  # else nobody knows
    for column, word in SINGLE.items():
        values = {value for run in runs[column].dropna().unique() for value in str(run).split(", ")}  # of its stages
        if len(values) > 1:
            same = column == "git_commit" and same_numerics
            yield f"{word}: {', '.join(sorted(_short(value) for value in values))}{SAME_NUMERICS * same}"
    for column, word in LISTED.items():
        for name, found in _versions(runs[column].dropna().unique()).items():
            if len(found) > 1:
                yield f"{word} {name}: {', '.join(sorted(found))}"


def joined(records: Iterable[Mapping[str, Any]], name: str, default: str | None = None) -> str | None:
    """One value of all records of a run, `a, b` where they differ; None where none recorded it."""
    values = dict.fromkeys(str(value) for record in records if (value := record.get(name, default)) is not None)
    return ", ".join(values) or None


def merged(records: Iterable[Mapping[str, Any]], name: str) -> str | None:
    """The versions that all records of a run hold under `name`: `torch 2.12.1, timm 1.0.31`; each different one once."""
    pairs = [f"{part} {version}" for record in records for part, version in (record.get(name) or {}).items()]
    return ", ".join(dict.fromkeys(pairs)) or None


def _versions(texts: Iterable[str]) -> dict[str, set[str]]:
    """The versions of each name in texts of `merged`."""
    found: dict[str, set[str]] = {}
    for pair in (pair for text in texts for pair in text.split(", ")):
        name, version = pair.rsplit(" ", 1)
        found.setdefault(name, set()).add(version)
    return found


def _short(value: str) -> str:
    return HASH.sub(r"\1", value)
