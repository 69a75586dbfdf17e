"""Where a study's submission files lie, for its verdict."""

from __future__ import annotations

from typing import Any

import pandas as pd

from partway.results import naming

MOST_NAMED = 20  # files; runs.csv names all


def submissions(runs: pd.DataFrame, labels: dict[str, Any]) -> str:
    """Name the files with the predicted classes of test videos without labels, each once; empty where there are none."""
    made = runs.dropna(subset=["submission"]).drop_duplicates("submission")
    if made.empty:
        return ""
    lines = [
        f"- {run['dataset']}, {naming.curve_name(run, made, labels)}, ratio {run['observation_ratio']:g}, "
        f"seed {run['seed']}: {run['submission']}"
        for run in made[:MOST_NAMED].to_dict("records")
    ]
    if (more := len(made) - len(lines)) > 0:
        lines.append(f"- {more} more, in the column submission of runs.csv")
    return "\n".join(["## Submissions", "", "The predicted classes of the test videos:", "", *lines])
