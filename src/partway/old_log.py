"""The log of one training of the older ViViT script: a row an epoch, accuracies in per cent.

Where the GPU failed in the middle of an epoch, the script went on and wrote numbers that it had not measured: the train
loss and 0.9 times the train accuracies for validation, copies of the train values for `train_eval`. They are left out.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

from partway.errors import DataError, any_of

UNITS = {"percent": 100.0, "fraction": 1.0}  # what an accuracy of 1 is written as
MEASURES = {"loss": "loss", "acc_top1": "top1", "acc_top5": "top5"}  # the script's word -> ours
COLUMNS = {f"{part}_{old}": f"{part}_{new}" for part in ("train", "train_eval", "val") for old, new in MEASURES.items()}
NEEDED = ("epoch", "val_acc_top1")
INVENTED = 0.9  # of the train accuracy: what the script writes where it could not validate

Epoch = dict[str, float | int | None]


def accuracy(where: str, value: float, unit: str) -> float:
    """An accuracy as a fraction.

    Raises:
        DataError: it is outside of the range of its unit, a key of UNITS.
    """
    whole = UNITS[unit]
    if not 0 <= value <= whole:  # nan too
        other = " (--unit percent reads per cent)" if unit == "fraction" and 1 < value <= 100 else ""
        raise DataError(f"{where}: expected an accuracy from 0 to {whole:g}, got {value:g}{other}")
    return round(value / whole, 10)


def check_unit(path: Path, accuracies: list[float | None], unit: str) -> None:
    """Refuse fractions that were read as per cent.

    Raises:
        DataError: no accuracy of the file is above 1 per cent.
    """
    highest = max((value for value in accuracies if value is not None), default=0)
    if unit == "percent" and 0 < highest <= 0.01:
        raise DataError(
            f"{path}: no accuracy is above {100 * highest:g}: expected per cent, as the script writes them; if these are "
            "fractions, say --unit fraction"
        )


class OldLog:
    """What was read of a log.

    Attributes:
        epochs: its rows by our names, accuracies as fractions; what was not measured is None.
        notes: what was left out.
    """

    def __init__(self, path: Path, text: str, unit: str):
        """Read the text of a log.

        Raises:
            DataError: names the line and the column.
        """
        self.path, self.unit = path, unit
        self.notes: list[str] = []
        reader = csv.reader(text.splitlines())
        lines = [(reader.line_num, cells) for cells in reader if cells]
        self.epochs = self._epochs(lines[0][1], lines[1:]) if len(lines) > 1 else []
        accuracies = [
            value for epoch in self.epochs for name, value in epoch.items() if name.endswith(("top1", "top5"))
        ]
        check_unit(path, accuracies, unit)

    def _epochs(self, head: list[str], rows: list[tuple[int, list[str]]]) -> list[Epoch]:
        if absent := [name for name in NEEDED if name not in head]:
            raise DataError(f"{self.path}: no column {any_of(absent)}; it has {', '.join(head)}")
        if absent := [name for name in COLUMNS if name not in head]:
            self.notes.append(f"no column {', '.join(absent)}: not measured")
        if len(rows[-1][1]) < len(head):
            self.notes.append("its last line is cut off and was left out")
            rows = rows[:-1]
        return [self._epoch(number, line, head, cells) for number, (line, cells) in enumerate(rows, start=1)]

    def _epoch(self, number: int, line: int, head: list[str], cells: list[str]) -> Epoch:
        where = f"{self.path}: line {line}"
        if len(cells) != len(head):
            raise DataError(f"{where}: {len(cells)} values for {len(head)} columns: damaged; set the line right first")
        row = dict(zip(head, cells, strict=True))
        if row["epoch"] != str(number):
            raise DataError(f"{where}: expected epoch {number}, got {row['epoch']!r}: an epoch is missing or twice")
        values = {new: self._value(line, old, row.get(old, "")) for old, new in COLUMNS.items()}
        return {"epoch": number} | self._without_invented(number, values)

    def _value(self, line: int, column: str, text: str) -> float | None:
        """A cell; of a loss that is not finite None, for it was measured and is no number."""
        where = f"line {line}: {column}"
        if not text.strip():
            return None
        try:
            value = float(text)
        except ValueError:
            raise DataError(f"{self.path}: {where}: expected a number, got {text!r}") from None
        if not column.endswith("loss"):
            return accuracy(f"{self.path}: {where}", value, self.unit)
        if not math.isfinite(value):
            self.notes.append(f"{where}: {text}, shown as empty")
            return None
        return value

    def _without_invented(self, number: int, epoch: Epoch) -> Epoch:
        """An epoch without what the script wrote in place of a measurement that failed."""
        parts = []
        if None not in (epoch["val_loss"], epoch["val_top1"], epoch["train_top1"]):
            as_guessed = abs(epoch["val_top1"] - INVENTED * epoch["train_top1"]) < 1e-9
            parts += ["val"] if as_guessed and epoch["val_loss"] == epoch["train_loss"] else []
        copied = [epoch[f"train_{name}"] == epoch[f"train_eval_{name}"] for name in MEASURES.values()]
        parts += ["train_eval"] if all(copied) and epoch["train_eval_loss"] is not None else []
        if parts:
            self.notes.append(
                f"epoch {number}: {' and '.join(parts)} not measured, but made from train by the script when the GPU "
                "failed; left empty"
            )
        return epoch | {f"{part}_{name}": None for part in parts for name in MEASURES.values()}
