"""What the models of a study cost: a row for each model and size of it, from runs.csv; in no ladder's table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from partway import files
from partway.results.tables import HOLE, read_runs, records

SIZES = ["model", "input", "parameters", "flops_per_clip", "tokens"]  # what makes a row
COLUMNS = [*SIZES, "weights_mb", "clips_per_sec", "gpu_mem_mb", "device", "precision", "runs"]
HEADS = {
    "model": "model",
    "input": "clip (frames x channels x height x width)",
    "parameters": "parameters (million)",
    "flops_per_clip": "GFLOPs a clip",
    "tokens": "tokens",
    "weights_mb": "checkpoint MB",
    "clips_per_sec": "training clips/s",
    "gpu_mem_mb": "peak GPU MB",
    "device": "device",
    "precision": "precision",
    "runs": "runs",
}
NOTE = (
    "GFLOPs are of one forward pass of one clip, counted by torch.utils.flop_counter with a multiply-add as two; papers "
    "mostly print multiply-adds, half of this. Training clips/s is the median over the epochs of a training, then over "
    "the runs of the row; it takes in decoding and augmentation. Peak GPU memory is the highest of them; on a CPU it is "
    "not measured."
)


def cost_table(home: Path) -> list[dict[str, Any]]:
    """One row for each model, input, and device of the complete runs of a collected study, in the order of runs.csv."""
    runs = read_runs(home)
    runs = runs[runs.status == "complete"]
    rows = []
    for values, group in runs.groupby([*SIZES, "device", "precision"], sort=False, dropna=False):
        row = dict(zip([*SIZES, "device", "precision"], values, strict=True))
        row |= {"weights_mb": group.weights_mb.iloc[0], "clips_per_sec": group.clips_per_sec.median()}
        rows.append(row | {"gpu_mem_mb": group.gpu_mem_mb.max(), "runs": len(group)})
    return records(pd.DataFrame(rows, columns=COLUMNS))


def write_costs(home: Path) -> None:
    """Write `cost.csv` and `cost.md` of a collected study."""
    rows = cost_table(home)
    files.write_csv(home / "cost.csv", rows, COLUMNS)
    shown = pd.DataFrame([shown_costs(row) for row in rows], columns=list(HEADS.values()))
    text = shown.to_markdown(index=False, disable_numparse=True)
    files.write_text(home / "cost.md", f"### What the models cost\n\n{text}\n\n{NOTE}\n")


def shown_costs(row: dict[str, Any]) -> dict[str, str]:
    """A row as a reader sees it; a dash for what was not recorded or has no value."""

    def number(name: str, scale: float = 1, digits: int = 0) -> str:
        value = row[name]
        return HOLE if value is None or not value else f"{value / scale:,.{digits}f}"

    shown = {
        **{name: row[name] or HOLE for name in ("model", "input", "device", "precision")},
        "parameters": number("parameters", 1e6, 2),
        "flops_per_clip": number("flops_per_clip", 1e9, 2),
        "tokens": number("tokens"),
        "weights_mb": number("weights_mb", digits=1),
        "clips_per_sec": number("clips_per_sec", digits=1),
        "gpu_mem_mb": number("gpu_mem_mb"),
        "runs": number("runs"),
    }
    return {head: shown[name] for name, head in HEADS.items()}
