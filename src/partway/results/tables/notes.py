"""What stands below ablation tables, in sentences: what their numbers cover, and what a reader must know of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from partway import files
from partway.results.mixtures import mixtures
from partway.results.naming import count, listed
from partway.results.protocol import unlabelled_test
from partway.results.tables.rows import conditions
from partway.results.tables.words import LUCK, THESE_TRAININGS, Table, as_percent, beyond_luck, rows_named


def notes(home: Path, ladder: str, runs: pd.DataFrame, definition: dict[str, Any]) -> list[str]:
    """What stands below all tables of a ladder, a paragraph each."""
    of_ladder = [group for _, _, group in conditions(runs, definition)]
    splits = sorted({group.scored_on.iloc[0] for group in of_ladder})
    unlabelled = {group.dataset.iloc[0] for group in of_ladder if group.scored_on.iloc[0] != "test"}
    lock = files.read_json(home / "study.lock.json")
    told = [unlabelled_test(lock, dataset) for dataset in lock["datasets"] if dataset in unlabelled]
    validated = any(group.val_top1.notna().any() for group in of_ladder)
    return [
        *(_measured(split, validated=validated) for split in splits),
        *told,
        *_reported(definition),
        *left_out(home),
        *(_mixed(ladder, pd.concat(of_ladder)) if of_ladder else ()),
        *(_fallbacks(pd.concat(of_ladder)) if of_ladder else ()),
    ]


def table_notes(table: Table, decimals: int) -> list[str]:
    """What stands below one table, a paragraph each: what it could show, what is luck, and what intervals cover.

    Args:
        table: its rows, `scored`.
        decimals: of percentages.
    """
    return [*_resolution(table, decimals), *_luck(table), *_covered(table), *_stopped(table)]


def differences_of(table: Table) -> list[tuple[dict[str, Any], str]]:
    """Every difference that a table shows, once, as a row and what it is held against: `previous` or `first`."""
    of_first_step = table[1:2]  # there both are the same
    shown = [(row, to) for to in ("previous", "first") for row in table if not (to == "first" and row in of_first_step)]
    return [(row, to) for row, to in shown if row[f"difference_to_{to}"] is not None]


def _resolution(table: Table, decimals: int) -> Iterator[str]:
    videos = max((row["videos"] for row in table if row["videos"]), default=None)
    if videos is None:
        return
    split = table[0]["scored_on"]
    digits = 2 if videos > 100 else 3
    said = f"{100 / videos:.{digits}g} points are 1 of {count(int(videos), f'{split} video')}"
    differences = differences_of(table)
    found = [row[f"difference_to_{to}_detectable"] for row, to in differences]
    if found:
        crossed = any(row[f"difference_to_{to}_covers"] != "videos" for row, to in differences)
        shows = f"these seeds and {split} videos" if crossed else f"this {split} set"
        least, most = (as_percent(value, decimals) for value in (min(found), max(found)))
        reach = (
            f"{least} points or more" if least == most else f"{least} to {most} points or more, depending on the row"
        )
        said += (
            f"; {shows} can show true differences of {reach} (each taken alone, found in four of five such studies: 80 % "
            "power)"
        )
    yield f"{said}."


def _luck(table: Table) -> Iterator[str]:
    """How many differences were tested, by which test, and which of them are marked."""
    found = differences_of(table)
    if not found:
        return
    tests = Counter(row[f"difference_to_{to}_test"] for row, to in found)
    by = listed([f"{name} ({number})" if len(tests) > 1 else name for name, number in tests.items()])
    marked = sum(beyond_luck(row, to) for row, to in found)
    if len(found) == 1:
        yield f"* marks a difference beyond luck: p is at most {LUCK:g}. Test: {by}."
        return
    yield (
        f"* marks what stays beyond luck when all {len(found)} differences of this table are tested together: p, "
        f"shown adjusted for that after Holm, is at most {LUCK:g} ({marked or 'none'} of {len(found)}). Test: {by}."
    )


def _covered(table: Table) -> Iterator[str]:
    """Which intervals cover the choice of seeds too, and which that of the videos only."""
    done = [row for row in table if row["covers"]]
    of_videos = [row for row in done if row["covers"] == "videos"]
    if not done:
        return
    split, tested = table[0]["scored_on"], {row[f"difference_to_{to}_covers"] for row, to in differences_of(table)}
    if len(of_videos) == len(done):
        so = f" What is marked * is a difference between {THESE_TRAININGS}." if tested else ""
        yield (
            f"All intervals cover the choice of {split} videos only, not that of the seed: below three seeds nobody "
            f"can tell how far another seed would lie.{so}"
        )
    elif of_videos or "videos" in tested:
        few = f" ({rows_named(of_videos, table)})" if of_videos else ""
        so = f" A difference over so few, where it is marked *, is one between {THESE_TRAININGS}."
        yield (
            f"Intervals cover the choice of seeds and {split} videos; below three seeds{few}, and where the two rows of a "
            f"difference have fewer than three in common, that of the videos only.{so if 'videos' in tested else ''}"
        )
    else:
        yield f"Intervals cover the choice of seeds and {split} videos."


def _stopped(table: Table) -> Iterator[str]:
    if any(row["total_epochs"] is not None and row["total_epochs"] % 1 for row in table):
        yield "Epochs are the mean over seeds where these stopped early, each at its own epoch."


def _measured(split: str, *, validated: bool) -> str:
    return (
        f"{split.capitalize()} accuracy (top1) as mean ± standard deviation over n seeds, with 95 % intervals. Differences "
        "are paired over the same videos and the seeds that both rows have (said where these are fewer than the row's). "
        "Train accuracy is measured in one view, without augmentation, on a fixed sample of n train videos, in the chosen "
        f"epoch. Gap is train minus {split}, where {split} is one view too."
        + (
            " Validation accuracy is measured in the same views as test; with select: best its videos chose the epoch, and "
            "it is too high by that."
            if split == "test" and validated
            else ""
        )
    )


def _reported(definition: dict[str, Any]) -> Iterator[str]:
    """One line a source: which numbers of a ladder are somebody else's."""
    given = [(row["ablation"], row["reference"]) for row in definition["rows"] if row.get("reference")]
    ratios = definition.get("ratios")
    reported = [(name, of) for name, of in given if ratios is None or of["observation_ratio"] in ratios]
    for source in dict.fromkeys(reference["source"] for _, reference in reported):
        rows = ", ".join(ablation for ablation, reference in reported if reference["source"] == source)
        yield f"Reported numbers were not measured here, and are in no difference ({rows}): {source}"


def left_out(home: Path) -> list[str]:
    """One line for each data set of which videos were left out of every run, by `on_bad_video: skip`."""
    lines = []
    for name, data in (files.read_json(home / "summary.json").get("datasets") or {}).items():
        if data and data.get("left_out"):
            total = data["left_out"] + sum(data["videos"].values())
            were = "video was" if data["left_out"] == 1 else "videos were"
            lines.append(
                f"{data['left_out']} bad {were} left out of every run, of {total} of data set {name}; which and why "
                "stands in its dataset_problems.csv."
            )
    return lines


def _mixed(ladder: str, runs: pd.DataFrame) -> Iterator[str]:
    """A line for whatever the runs of a ladder ran on that may move numbers and differs between them."""
    for found in mixtures(runs[runs.status == "complete"]):
        yield f"Caution: the runs of {ladder} differ in {found}."


def _fallbacks(runs: pd.DataFrame) -> Iterator[str]:
    """A line for each model of a ladder that started from its fallback, since its own weights were not available."""
    used = runs[runs.weights_asked.notna()]
    for model, group in used.groupby("model", sort=False):
        sources, asked = (", ".join(sorted(group[column].unique())) for column in ("weights", "weights_asked"))
        yield f"Caution: {model} started from its fallback, {sources}, in {len(group)} runs; asked for was: {asked}."
