"""Colours and markers: one look for each setting, the same in every figure of a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# Okabe & Ito 2008: told apart by colour-blind readers.
HUES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
LIGHTEST, DARKEST = 0.4, -0.55  # shades of a hue: mixed with white, and with black
MOST_SHADES = 7
LINES = {"prefix": "-", "middle": (0, (5, 1.8))}  # of windows; the prefix is the field's protocol
CONDITION = ["model", "ablation", "train_ratio", "train_fraction"]


@dataclass(frozen=True)
class Look:
    """How a setting is drawn: a colour as #rrggbb, a marker, and whether that is filled."""

    colour: str
    marker: str
    filled: bool


class Palette:
    """The look of each setting of a study, by its model, ablation, train_ratio and train_fraction.

    - In a study of one model each ablation has a hue, in the order of the study file. With several models each model
      has a hue, in the order of the grid, and its ablations are shades of it, the first the lightest.
    - The marker tells the ablation, whatever the model.
    - An ablation that runs under several train_ratios or train_fractions has its own colour for the first of them
      (random comes last), and the colours after those of the ablations for the others. Full has that of matched, with
      which it shares the training at ratio 1. All but the first have hollow markers.
    - Line style is left to the window, and greys to what was not measured here.
    - Hues and shades repeat where there are more settings than they are; the markers then differ.
    """

    def __init__(self, runs: Iterable[Mapping[str, Any]], labels: Mapping[str, Any]):
        """Take the grid, complete or not, and the ablations in the order of the study file."""
        settings = dict.fromkeys((r["model"], r["ablation"], str(r["train_ratio"]), r["train_fraction"]) for r in runs)
        self.models = list(dict.fromkeys(model for model, *_ in settings))
        used = {ablation for _, ablation, *_ in settings}
        self.ablations = [name for name in labels if name in used]
        self.looks: dict[tuple, Look] = {}
        for model in self.models:
            ordered = self._in_order([setting for setting in settings if setting[0] == model])
            coloured = list(dict.fromkeys(_sharing(setting) for setting in ordered))
            for place, setting in enumerate(ordered):
                filled = setting[1] not in {ablation for _, ablation, *_ in ordered[:place]}
                colour = self._colour(model, coloured.index(_sharing(setting)), len(coloured))
                self.looks[setting] = Look(colour, self._marker(setting[1]), filled)

    def of(self, model: str, ablation: str, train_ratio: Any, train_fraction: float) -> Look:
        """The look of one setting."""
        return self.looks[model, ablation, str(train_ratio), train_fraction]

    def _in_order(self, settings: list[tuple]) -> list[tuple]:
        """First the first setting of each ablation, then the others."""
        ordered = sorted(settings, key=lambda setting: (self.ablations.index(setting[1]), setting[2] == "random"))
        firsts = {setting[1]: setting for setting in reversed(ordered)}
        return sorted(ordered, key=lambda setting: firsts[setting[1]] != setting)

    def _colour(self, model: str, place: int, of: int) -> str:
        if len(self.models) == 1:
            return HUES[place % len(HUES)]
        hue, steps = HUES[self.models.index(model) % len(HUES)], min(of, MOST_SHADES)
        if steps == 1:
            return hue
        span = min(1.0, steps / 5)  # few shades stay near their hue, where hues differ most
        return shade(hue, span * (LIGHTEST + (place % MOST_SHADES) / (steps - 1) * (DARKEST - LIGHTEST)))

    def _marker(self, ablation: str) -> str:
        place = self.ablations.index(ablation)
        return MARKERS[(place + place // len(MARKERS)) % len(MARKERS)]


def _sharing(setting: tuple) -> tuple:
    """What settings of one colour have in common."""
    _, ablation, train_ratio, train_fraction = setting
    return ablation, "matched" if train_ratio == "full" else train_ratio, train_fraction


def shade(colour: str, by: float) -> str:
    """Mix a #rrggbb colour with white (`by` in (0, 1]) or with black ([-1, 0))."""
    target = 255 if by > 0 else 0
    parts = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return "#" + "".join(f"{round(part + (target - part) * abs(by)):02x}" for part in parts)
