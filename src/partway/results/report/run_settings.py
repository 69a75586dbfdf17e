"""The settings of trainings and evaluations in full, as run.json has them, and what became of each."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from partway.progress import duration
from partway.results.collected import Collected
from partway.results.naming import count
from partway.results.run_folders import evaluation_settings, training_settings
from partway.results.tables import HOLE
from partway.results.tables.settings import as_written

NOT_THERE = "not there yet"
EVALUATED = {"evaluation": "test", "validation": "val"}  # what holds the folder -> prefix of the scores
MEASURED = {"top1": "top1", "top5": "top5", "mean_class_accuracy": "mean class accuracy", "ece": "calibration error"}
SECTIONS = ("model", "sampling", "transforms", "training")
ABOUT_MODEL = ("family", "architecture", "weights", "fallback")


class Settings:
    """The settings of a study's trainings and evaluations, and of its ablations what they change."""

    def __init__(self, study: Collected):
        self.lock, self.summary, self.percent = study.lock, study.summary, study.percent
        self.different = self._different()

    def changes(self, run: dict[str, Any]) -> dict[str, Any]:
        """What the run's ablation changes: `below`, whose settings these were, and `changed`: (path, before, after)."""
        found = self.lock["changes"][run["model"]][run["ablation"]]
        changed = [(path, *map(_or_none, values)) for path, *values in found["settings"]]
        return {"below": found["below"], "changed": changed}

    def training(self, folder: str) -> dict[str, Any]:
        """A training's settings by section, each with whether the trainings of the study differ in it; its outcome."""
        sections = {
            name: [(f"{key} {as_written(value)}", (name, key) in self.different) for key, value in section.items()]
            for name, section in self._sections(folder).items()
        }
        made = self.summary["trainings"].get(folder)
        return {"folder": folder, "sections": sections, "outcome": _outcome(made) if made else NOT_THERE}

    def evaluations(self, run: dict[str, Any], row: dict[str, Any]) -> list[dict[str, Any]]:
        """The evaluations of a run, on test and on validation."""
        return [self._evaluation(run[kind], prefix, row) for kind, prefix in EVALUATED.items() if run[kind]]

    def _evaluation(self, folder: str, prefix: str, row: dict[str, Any]) -> dict[str, Any]:
        spec = evaluation_settings(self.lock["evaluations"][folder]["spec"])
        settings = [f"{key} {as_written(value)}" for key, value in spec.items() if key != "training"]
        scores = {words: row[f"{prefix}_{name}"] for name, words in MEASURED.items()}
        told = [f"{words} {self.percent(score)} %" for words, score in scores.items() if score is not None]
        made = self.summary["evaluations"].get(folder)
        told += [f"no labels, classes in {row['submission']}"] if prefix == "test" and row["submission"] else []
        outcome = ", ".join([*told, *_made_on(made)]) if made else NOT_THERE
        return {"title": f"Evaluation on {spec['split']}", "folder": folder, "settings": settings, "outcome": outcome}

    def _sections(self, folder: str) -> dict[str, dict[str, Any]]:
        return _sections(self.lock["trainings"][folder]["spec"], self.summary["trainings"].get(folder))

    def _different(self) -> set[tuple[str, str]]:
        """The settings in which the trainings of the study differ, as (section, key)."""
        values: dict[tuple[str, str], set[str]] = defaultdict(set)
        for folder in self.lock["trainings"]:
            for name, section in self._sections(folder).items():
                for key, value in section.items():
                    values[name, key].add(as_written(value))
        return {place for place, found in values.items() if len(found) > 1}


def time(seconds: float | None) -> str:
    """A time in words; a dash where there is none."""
    return HOLE if seconds is None else duration(seconds)


def _or_none(value: Any) -> str:
    return "none" if value is None else as_written(value)


def _sections(spec: dict[str, Any], made: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """A training's settings in full, by section; those of no section are about its model or its data."""
    full = training_settings(spec, made)
    sections = {name: full.pop(name) for name in SECTIONS}
    model = {name: full.pop(name) for name in ABOUT_MODEL} | sections["model"]
    return sections | {"model": model, "data": {"folder": full.pop("data")} | full}


def _outcome(made: dict[str, Any]) -> str:
    epochs = f"{count(made['epochs'], 'epoch')}, epoch {made['chosen_epoch']} chosen"
    epochs = epochs if made["epochs"] else "no epochs, its weights evaluated as they are"
    threads = [count(made["threads"], "thread")] if made["threads"] else []
    commit = [f"commit {made['git_commit']}"] if made["git_commit"] else []
    return ", ".join([epochs, *_made_on(made), *threads, *commit])


def _made_on(made: dict[str, Any]) -> list[str]:
    """How long it took, on which device, in which precision; what was not recorded is left out."""
    facts = [time(made["time_sec"]), made["device"], made["precision"]]
    return [fact for fact in facts if fact and fact != HOLE]
