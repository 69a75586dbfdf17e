"""Colours on dark paper: those of light paper made lighter, so that dark shades are seen and keep their order."""

from __future__ import annotations

import colorsys
from functools import cache

DARKEST = 0.15  # relative luminance of what was black: 3.4 to 1 on the page's dark paper, where WCAG 1.4.11 asks for 3
STEPS = 12  # of the search: finer than eight bits of a colour


@cache
def lifted(colour: str) -> str:
    """A #rrggbb of the same hue whose luminance is 0.15 where it was 0, 1 where it was 1, and even between."""
    hue, _, saturation = colorsys.rgb_to_hls(*_parts(colour))
    wanted, low, high = DARKEST + (1 - DARKEST) * luminance(colour), 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        darker = luminance(_written(colorsys.hls_to_rgb(hue, middle, saturation))) < wanted
        low, high = (middle, high) if darker else (low, middle)
    return _written(colorsys.hls_to_rgb(hue, high, saturation))


def luminance(colour: str) -> float:
    """Relative luminance of a #rrggbb in [0, 1] (WCAG 2.2)."""
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour))
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _parts(colour: str) -> list[float]:
    return [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]


def _written(parts: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
