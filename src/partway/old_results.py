"""The result folders of the older ViViT script, one training for each observation ratio, read as what they are.

    FOLDER/observation_ratio_0.1/training_log_ratio_0.1.csv    a row an epoch: see `old_log`
    FOLDER/observation_ratio_0.1/summary_ratio_0.1.json
    FOLDER/training_summary.json                               best accuracies of all ratios

The log counts: the script makes its summaries from it. Of these `best_val_acc_top5` and `best_train_acc_top5` are not read, for
they are those of the last epoch, and `total_epochs` is what was planned.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from partway import files
from partway.errors import DataError, any_of, some
from partway.old_log import Epoch, OldLog, accuracy, check_unit

RATIO = re.compile(r"[a-z_]+_ratio_([0-9]+(?:[.,][0-9]+)?)")
SAME = 1e-4  # accuracies that differ by less are one number, rounded in one of the files


class OldResults:
    """What was read of a folder.

    Attributes:
        runs: by ratio: `observation_ratio`, `total_epochs`, `chosen_epoch` (None without a log), the accuracies of the chosen
            epoch as fractions, `checkpoint_path` as the script wrote it, and `epochs`, a row each.
        notes: what a reader of the numbers must know: what was missing, and where files disagree.
        files: SHA-256 of each file that was read, by its path in the folder.
    """

    def __init__(self, folder: Path, unit: str = "percent"):
        """Read the folder of the script's results.

        Args:
            folder: holds one `observation_ratio_*` for each ratio.
            unit: of the accuracies, a key of UNITS; the script writes per cent.

        Raises:
            DataError: names the file, and its line and column or its key.
        """
        self.folder, self.unit = folder, unit
        self.notes: list[str] = []
        self.files: dict[str, str] = {}
        runs = [self._run(ratio, place) for ratio, place in sorted(self._places().items())]
        self.runs = [run for run in runs if run is not None]
        if not self.runs:
            raise DataError("\n  ".join([f"{folder}: no ratio has a result that can be imported", *self.notes]))
        self._compare_with_whole()

    # --- files ---

    def _places(self) -> dict[float, Path]:
        """The folder of each ratio."""
        places: dict[float, Path] = {}
        for place in sorted(self.folder.glob("observation_ratio_*")):
            if not place.is_dir():
                continue
            ratio = ratio_of(place.name, place)
            if ratio in places:
                raise DataError(
                    f"{place}: ratio {ratio:g} stands twice, {places[ratio].name} has it too; move one away"
                )
            places[ratio] = place
        if not places:
            raise DataError(f"{self.folder}: {self._why_nothing()}")
        return places

    def _why_nothing(self) -> str:
        if not self.folder.is_dir():
            return "no such folder"
        if RATIO.fullmatch(self.folder.name):
            return f"the folder of one ratio; expected the one above it, {self.folder.parent}"
        below = sorted({path.parent.name for path in self.folder.glob("*/observation_ratio_*")})
        meant = f"; there are some in {some(below)}: import each of these" if below else ""
        return f"expected folders observation_ratio_0.1, observation_ratio_0.3 and so on, found none{meant}"

    def _only(self, place: Path, pattern: str, ratio: float) -> Path | None:
        """The one file of a ratio's folder that matches; its name must have the same ratio."""
        found = sorted(place.glob(pattern))
        if len(found) > 1:
            raise DataError(f"{place}: expected one {pattern}, found {any_of([path.name for path in found])}")
        if not found:
            return None
        if (named := ratio_of(found[0].stem, found[0])) != ratio:
            raise DataError(f"{found[0]}: the file's name says ratio {named:g}, its folder {ratio:g}")
        return found[0]

    def _text(self, path: Path) -> str:
        try:
            self.files[self._name(path)] = files.digest(path)
            return path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: byte {error.start} is not UTF-8: damaged, or not the script's") from None

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    # --- a ratio ---

    def _run(self, ratio: float, place: Path) -> dict[str, Any] | None:
        """One ratio; None, and a note, where nothing of it was measured."""
        log = self._only(place, "training_log_ratio_*.csv", ratio)
        summary = self._only(place, "summary_ratio_*.json", ratio)
        stated = self._stated(summary, ratio) if summary else {}
        epochs = self._epochs(log) if log else []
        measured = [epoch for epoch in epochs if epoch["val_top1"] is not None]
        if measured:
            run = self._from_log(epochs, max(measured, key=lambda epoch: epoch["val_top1"]))  # the first of equals
            self._compare(summary, stated, run)
        elif "best_val_acc_top1" in stated and not epochs:
            run = self._from_summary(stated)
            self.notes.append(f"ratio {ratio:g}: its log is missing or empty, so only what the summary says was read")
        else:
            self.notes.append(f"ratio {ratio:g}: left out, {place.name} holds no epoch that was validated")
            return None
        return {"observation_ratio": ratio} | run | {"checkpoint_path": stated.get("checkpoint_path")}

    def _epochs(self, path: Path) -> list[Epoch]:
        log = OldLog(path, self._text(path), self.unit)
        self.notes += [f"{self._name(path)}: {note}" for note in log.notes]
        return log.epochs

    def _from_log(self, epochs: list[Epoch], chosen: Epoch) -> dict[str, Any]:
        scores = {name: chosen.get(name) for name in ("val_top1", "val_top5", "train_top1", "train_eval_top1")}
        return {"total_epochs": len(epochs), "chosen_epoch": chosen["epoch"], **scores, "epochs": epochs}

    def _from_summary(self, stated: dict[str, Any]) -> dict[str, Any]:
        scores = {"val_top1": stated["best_val_acc_top1"], "train_top1": stated.get("best_train_acc_top1")}
        unknown = dict.fromkeys(("chosen_epoch", "val_top5", "train_eval_top1"))
        return {"total_epochs": stated.get("total_epochs")} | unknown | scores | {"epochs": []}

    # --- summaries ---

    def _json(self, path: Path) -> Any:
        try:
            return json.loads(self._text(path))
        except ValueError as error:
            raise DataError(f"{path}: damaged, not JSON ({error})") from None

    def _stated(self, path: Path, ratio: float) -> dict[str, Any]:
        """What the summary of a ratio says, accuracies as fractions."""
        tree = self._json(path)
        if not isinstance(tree, dict):
            raise DataError(f"{path}: expected an object with observation_ratio and best_val_acc_top1")
        found = self._checked(str(path), tree)
        if found.get("observation_ratio", ratio) != ratio:
            raise DataError(f"{path}: observation_ratio is {found['observation_ratio']:g}, its folder's is {ratio:g}")
        check_unit(path, [value for name, value in found.items() if "_acc_" in name], self.unit)
        return found

    def _checked(self, where: str, tree: dict[str, Any]) -> dict[str, Any]:
        """The keys of a summary that are read, each of its kind."""
        found: dict[str, Any] = {}
        for name, value in tree.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if "_acc_" in name or name in ("observation_ratio", "total_epochs"):
                if not is_number:
                    raise DataError(f"{where}: {name}: expected a number, got {value!r}")
                if name == "total_epochs" and (not float(value).is_integer() or value < 1):
                    raise DataError(f"{where}: {name}: expected a whole number of at least 1, got {value:g}")
                found[name] = accuracy(f"{where}: {name}", value, self.unit) if "_acc_" in name else value
            elif name == "checkpoint_path":
                found[name] = str(value)
        return found

    def _compare(self, path: Path | None, stated: dict[str, Any], run: dict[str, Any]) -> None:
        """Note where a summary says another number than its log; the log counts."""
        last = run["epochs"][-1]
        of_log = {
            "best_val_acc_top1": run["val_top1"],
            "best_train_acc_top1": run["train_top1"],
            "final_val_acc_top1": last["val_top1"],
            "final_train_acc_top1": last["train_top1"],
        }
        for name, value in of_log.items():
            if name in stated and value is not None and abs(stated[name] - value) > SAME:
                said = f"{name} is {100 * stated[name]:.2f} %, in the log {100 * value:.2f} %; the log counts"
                self.notes.append(f"{self._name(path)}: {said}")
        if stated.get("total_epochs", run["total_epochs"]) != run["total_epochs"]:
            planned = f"{stated['total_epochs']:g} epochs planned, {run['total_epochs']} in the log"
            self.notes.append(f"{self._name(path)}: {planned}: it was cut short, or is still running")

    def _compare_with_whole(self) -> None:
        """Note where training_summary.json says another best accuracy than what was read; it may lack ratios."""
        path = self.folder / "training_summary.json"
        if not path.exists():
            return
        tree = self._json(path)
        if not isinstance(tree, list) or not all(isinstance(entry, dict) for entry in tree):
            raise DataError(f"{path}: expected a list of objects, one for each ratio")
        best = {run["observation_ratio"]: run["val_top1"] for run in self.runs}
        for place, entry in enumerate(tree):
            stated = self._checked(f"{path}: entry {place}", entry)
            ratio, value = (stated.get(name) for name in ("observation_ratio", "best_val_acc_top1"))
            if ratio is not None and ratio not in best:
                self.notes.append(f"{path.name}: it has ratio {ratio:g}, of which nothing else was found")
            elif None not in (ratio, value) and abs(value - best[ratio]) > SAME:
                said = f"best_val_acc_top1 is {100 * value:.2f} %, not {100 * best[ratio]:.2f} %"
                self.notes.append(f"{path.name}: ratio {ratio:g}: {said}")


def ratio_of(name: str, path: Path) -> float:
    """The ratio that a name ends with, `0.5`, `0.50` or `0,5`.

    Raises:
        DataError: there is none in (0, 1].
    """
    found = RATIO.fullmatch(name)
    ratio = float(found[1].replace(",", ".")) if found else 0.0
    if not 0 < ratio <= 1:
        raise DataError(f"{path}: expected a name that ends with a ratio in (0, 1], as in observation_ratio_0.5")
    return ratio
