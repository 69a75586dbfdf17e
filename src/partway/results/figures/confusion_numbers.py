"""The numbers of the confusion matrices: for each model those of its most accurate setting, similar classes side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from partway.results.collected import NAMES, Collected
from partway.results.figures import settings

TITLE = "Which classes are taken for which"
COLUMNS = ["mark", "title", *settings.SETTING, "seeds", "scored_on", "class", "predicted", "n", "of", "share"]
COLUMNS += ["row", "column", "classes"]
MOST_MATRICES = 6
MOST_TOLD = 20  # confusions named beside the matrix and in its table
MOST_TIPS = 400
MOST_LABELLED = 32  # classes; of more, those of the most confused pairs alone are named


def numbers(study: Collected) -> pd.DataFrame:
    """A row for each pair of classes that some video has: `n` of the `of` videos of a class taken for another.

    Of each data set and model that is its most accurate setting among those at their largest ratio, over its seeds;
    `row` and `column` are places of the classes such that those taken for each other stand together.
    """
    counts = _counts(study)
    parts = []
    rows = settings.at_largest_ratio(study)
    for _, of_model in rows.groupby(["dataset", "model"], sort=False):
        known = of_model[of_model.top1.notna()]
        best = (known if len(known) else of_model).sort_values("top1", ascending=False, kind="stable").iloc[[0]]
        name = settings.names(best)[0]
        about = best[[*settings.SETTING, "seeds", "scored_on"]].iloc[0].to_dict()
        about |= {"title": _title(about, name, several=len(known) > 1), "mark": f"confusion-{len(parts)}"}
        here = counts[(counts[settings.SETTING] == {axis: about[axis] for axis in settings.SETTING}).all(axis=1)]
        pairs = _pairs(here) if len(known) else pd.DataFrame([{}])
        parts.append(pairs.assign(**about))
    return pd.concat(parts[:MOST_MATRICES]).reindex(columns=COLUMNS)


def _counts(study: Collected) -> pd.DataFrame:
    names = dict.fromkeys((*NAMES, "class", "predicted"), str)
    return pd.read_csv(study.home / "confusion.csv", dtype=names, keep_default_na=False, na_values=[""])


def _title(setting: dict[str, Any], name: str, *, several: bool) -> str:
    of = " (its most accurate setting)" if several else ""
    return f"{setting['dataset']}, {setting['model']}: {name}, ratio {setting['observation_ratio']:g}{of}"


def _pairs(counts: pd.DataFrame) -> pd.DataFrame:
    """Videos over the seeds, as shares of those of their class, with the places of the classes."""
    pairs = counts.groupby(["class", "predicted"], as_index=False).n.sum()
    of = pairs.groupby("class").n.transform("sum")
    pairs = pairs.assign(of=of, share=pairs.n / of)
    places = {name: place for place, name in enumerate(in_order(pairs))}
    return pairs.assign(row=pairs["class"].map(places), column=pairs.predicted.map(places), classes=len(places))


def in_order(pairs: pd.DataFrame) -> list[str]:
    """The classes such that those taken for each other stand together.

    Average linkage of the distance 1 - (share of a taken for b + of b for a) / 2, its leaves in optimal order
    (Bar-Joseph et al. 2001).
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    names = sorted({*pairs["class"], *pairs.predicted})
    place = {name: n for n, name in enumerate(names)}
    shares_KK = np.zeros((len(names), len(names)))
    shares_KK[pairs["class"].map(place), pairs.predicted.map(place)] = pairs.share
    distances_KK = 1 - (shares_KK + shares_KK.T) / 2
    np.fill_diagonal(distances_KK, 0)
    if len(names) < 3:
        return names
    tree = linkage(squareform(distances_KK, checks=False), "average", optimal_ordering=True)
    return [names[n] for n in leaves_list(tree)]


def most_confused(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs of two classes, those with the most videos first."""
    wrong = pairs[pairs["class"] != pairs.predicted]
    return wrong.sort_values(["n", "class", "predicted"], ascending=[False, True, True]).head(MOST_TIPS)


# --- what is said --------------------------------------------------------------------------------------


def caption(numbers: pd.DataFrame) -> str:
    """What a reader must know to read the figure."""
    models = numbers[["dataset", "model"]].drop_duplicates()
    first = f" The first {MOST_MATRICES} models are shown." if len(models) == MOST_MATRICES else ""
    few = " Only classes of the most confused pairs are named." if (numbers.classes > MOST_LABELLED).any() else ""
    return (
        "Rows are classes, columns what their videos were taken for, in per cent of the row: blue is right, orange wrong. "
        f"Classes that are taken for each other stand together; the table names the most confused pairs.{few}{first}"
    )


def words(numbers: pd.DataFrame) -> str:
    """The text alternative."""
    wrong = most_confused(numbers[numbers.n.notna()])
    if wrong.empty:
        return "Confusion matrix without a mistake, or of no complete run."
    worst = wrong.iloc[0]
    return f"Confusion matrices; most often {worst['class']} is taken for {worst['predicted']}; the table holds the worst pairs."


def tips(numbers: pd.DataFrame, percent: Callable[..., str]) -> dict[str, list[str]]:
    """What to say of each confusion, the most frequent ones of each matrix."""
    found = {}
    for mark, rows in numbers[numbers.n.notna()].groupby("mark", sort=False):
        found[mark] = [
            f"{row['class']} taken for {row['predicted']}: {row['n']} of {row['of']} ({percent(row['share'])} %)"
            for row in most_confused(rows).to_dict("records")
        ]
    return found


def table(numbers: pd.DataFrame, percent: Callable[..., str]) -> pd.DataFrame:
    """The most confused pairs of each matrix."""
    rows = []
    for title, of_matrix in numbers[numbers.n.notna()].groupby("title", sort=False):
        for row in most_confused(of_matrix).head(MOST_TOLD).to_dict("records"):
            videos = f"{row['n']} of {row['of']} ({percent(row['share'])} %)"
            rows.append({"of": title, "class": row["class"], "taken for": row["predicted"], "videos x seeds": videos})
    return pd.DataFrame(rows, columns=["of", "class", "taken for", "videos x seeds"])
