"""Write the table of docs/models.md anew: every architecture at its defaults, counted on shapes alone.

python docs/models_table.py
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import torch

from partway.families import FAMILIES
from partway.models import cost, create_model
from partway.schema import ModelOptions

PAGE = Path(__file__).parent / "models.md"
BEGIN, END = "<!-- table: models_table.py -->", "<!-- end -->"
NAMED = ("vit_small_patch16_224", "vit_base_patch16_224", "resnet50")  # examples of timm's own names
ON_CPU = {"mvit_base_16x4"}  # its library computes with numbers while it builds
CLASSES = 400  # of Kinetics, as papers count
HEADS = ("family", "architecture", "frames", "size", "tokens", "parameters", "GFLOPs", "GMACs")


def rows() -> list[tuple[str, str]]:
    """Family and name of each model of the table."""
    found = [(name, model) for name, family in FAMILIES.items() for model in family.architectures]
    return found + [("timm", name) for name in NAMED]


@cache
def measured(family: str, name: str, frame_size: int | None = None) -> dict[str, Any]:
    """What a model costs at its own defaults, or for frames of another size."""
    options = ModelOptions(**FAMILIES[family].find(name).defaults)
    if frame_size:
        options = options.model_copy(update={"frame_size": frame_size})
    with torch.device("cpu" if name in ON_CPU else "meta"):
        model = create_model(family, name, options, CLASSES)
    return cost.measure(model, options)


def line(family: str, name: str) -> str:
    """One row of the table."""
    found = measured(family, name)
    frames, _, size, _ = found["input"]
    tokens = f"{found['tokens']:,}" if found["tokens"] else "none"
    flops = found["flops_per_clip"] / 1e9
    cells = (f"`{family}`", f"`{name}`", frames, size, tokens, f"{found['parameters'] / 1e6:.1f} M")
    return "| " + " | ".join(map(str, (*cells, f"{flops:,.1f}", f"{flops / 2:,.1f}"))) + " |"


def table() -> str:
    """The whole table as Markdown."""
    return "\n".join(
        [f"| {' | '.join(HEADS)} |", f"|{' --- |' * len(HEADS)}", *(line(family, name) for family, name in rows())]
    )


def filled(page: str) -> str:
    """The page with a new table between its marks."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n\n{table()}\n\n{END}", page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
