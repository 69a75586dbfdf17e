"""What can be known of generated videos, as the report shows it: classes in pictures, ceilings, leaks, pairs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from partway.data.mime_plan import options_of, shared_openings
from partway.results import naming
from partway.results.collected import Collected
from partway.results.tables import HOLE


def is_generated(data: dict[str, Any]) -> bool:
    """Whether the truth of a data set is known."""
    return data["spec"]["layout"] == "mime"


def truth(study: Collected, dataset: str) -> dict[str, Any]:
    """All classes in pictures, and ratio by ratio the ceiling and how many predictions know more than they can have seen."""
    from partway.results import sheet  # it draws, which nothing else here does

    options = options_of(study.lock["datasets"][dataset]["spec"])
    ratios = set(study.of_data(dataset).observation_ratio)
    leaks = study.csv("leaks.csv", dataset).groupby("observation_ratio")
    tests = {ratio: _leak_counts(of_ratio) for ratio, of_ratio in leaks}
    rows = [
        row._asdict() | tests.get(row.observation_ratio, {"tested": 0, "flagged": 0})
        for row in study.csv("ceiling.csv", dataset).itertuples()
        if row.observation_ratio in ratios
    ]
    found = {"dataset": dataset, "sheet": sheet.as_data_uri(options), "classes": shared_openings(options)}
    return found | {"rows": rows, "pairs": _by_pair(study, dataset)}


def _leak_counts(tests: pd.DataFrame) -> dict[str, int]:
    """How many sets of predictions were tested, and how many of them in any of their groups flagged."""
    flagged = tests.groupby([*naming.SERIES, "seed", "split"]).flagged.max()
    return {"tested": len(flagged), "flagged": int(flagged.sum())}


def _by_pair(study: Collected, dataset: str) -> dict[str, Any] | None:
    """Right answers of each setting on the decided videos of each pair of classes, at the largest ratio; over seeds."""
    counts = study.csv("pairs.csv", dataset)
    if counts.empty:
        return None
    counts = counts[counts.observation_ratio == counts.observation_ratio.max()]
    rows = []
    for series, group in counts.groupby(naming.SERIES, sort=False):
        sums = group.groupby("pair", sort=False)[["right_videos", "decided_videos"]].sum()
        name = naming.curve_name(dict(zip(naming.SERIES, series, strict=True)), counts, study.lock["labels"])
        rows.append((name, [study.percent(right / of) if of else HOLE for right, of in sums.itertuples(index=False)]))
    pairs = counts.drop_duplicates("pair")[["pair", "differs_in", "decided_videos"]].itertuples(index=False)
    return {"ratio": float(counts.observation_ratio.max()), "columns": list(pairs), "rows": rows}
