"""Loss and top1 of one run by epoch, all its stages, as small drawings for the report: points in an SVG's own units."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from partway.results import imported_rows
from partway.results.naming import count
from partway.results.tables import records

WIDTH, HEIGHT = 240, 90  # of the area that the lines take
PARTS = {"train": "train, as trained", "train_eval": "train, without augmentation", "val": "validation"}
MEASURES = {"loss": ("Loss", 1, ".3g"), "top1": ("top1 in percent", 100, ".1f")}  # title, factor, how a value is told

Line = list[tuple[int, float]]  # epoch, counted from 0 over all stages, and value; those without a value are left out


class Curves:
    """Draws the curves of trainings from epochs.csv."""

    def __init__(self, home: Path):
        epochs = imported_rows.read_measured(home / "epochs.csv", {"training": str}, "training")
        self.of_training: dict[str, list[dict[str, Any]]] = {}
        for epoch in records(epochs):
            self.of_training.setdefault(epoch["training"], []).append(epoch)

    def of(self, folders: tuple[str, ...]) -> dict[str, Any] | None:
        """The panels of a chain of trainings, its epochs counted from the first on; None where there are no epochs."""
        stages = [self.of_training[folder] for folder in folders if folder in self.of_training]
        epochs = [epoch for stage in stages for epoch in stage]
        if not epochs:
            return None
        panels = [panel for measure in MEASURES if (panel := _panel(epochs, measure))]
        return {
            "begins": [f"{x:.1f}" for x in _begins([len(stage) for stage in stages])],
            "panels": panels,
            "parts": {part: words for part, words in PARTS.items() if any(part in panel["lines"] for panel in panels)},
        }


def _begins(lengths: list[int]) -> Iterator[float]:
    """Where the stages after the first begin: between two epochs."""
    for number in range(1, len(lengths)):
        before = sum(lengths[:number])
        yield (_across(before - 1, sum(lengths)) + _across(before, sum(lengths))) / 2


def _panel(epochs: list[dict[str, Any]], measure: str) -> dict[str, Any] | None:
    """The lines of one measure, with what they show in words; None where it was never measured."""
    title, factor, form = MEASURES[measure]
    lines = {part: line for part in PARTS if (line := _line(epochs, f"{part}_{measure}", factor))}
    if not lines:
        return None
    highest = 100.0 if measure == "top1" else max(value for line in lines.values() for _, value in line) or 1.0
    told = list(lines)[-1]  # validation, where there is one
    rings = [(place, value) for place, value in lines[told] if epochs[place]["chosen"]]
    return {
        "title": f"{title}, {count(len(epochs), 'epoch')}",
        "words": _words(PARTS[told], lines[told], rings, form),
        "highest": f"{highest:{form}}".removesuffix(".0"),
        "lines": {part: " ".join(_points(line, len(epochs), highest)) for part, line in lines.items()},
        "chosen": [point.split(",") for point in _points(rings, len(epochs), highest)],
    }


def _line(epochs: list[dict[str, Any]], name: str, factor: float) -> Line:
    values = ((place, epoch.get(name)) for place, epoch in enumerate(epochs))
    return [(place, factor * value) for place, value in values if value is not None]


def _words(name: str, line: Line, rings: Line, form: str) -> str:
    """What a line shows, for who does not see it."""
    ends = ", ".join(f"{value:{form}} in epoch {place + 1}" for place, value in dict.fromkeys((line[0], line[-1])))
    return "; ".join(
        [f"{name}: {ends}", *(f"epoch {place + 1} was chosen, with {value:{form}}" for place, value in rings)]
    )


def _points(line: Line, epochs: int, highest: float) -> Iterator[str]:
    """The points of a line as `x,y`; a value above the highest stands at the upper edge."""
    for place, value in line:
        yield f"{_across(place, epochs):.1f},{HEIGHT * (1 - min(value / highest, 1)):.1f}"


def _across(place: int, epochs: int) -> float:
    """Where an epoch, counted from 0, stands from left to right."""
    return WIDTH * (place / (epochs - 1) if epochs > 1 else 0.5)
