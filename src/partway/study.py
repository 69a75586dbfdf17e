"""A study file becomes runs, trainings and evaluations: the only place where that happens.

    datasets x models x ablations x ratios x windows x seeds  ->  runs
    runs that ask for the same GPU work                       ->  one training
    runs that ask for the same predictions                    ->  one evaluation

Snakefile, tables, figures and report all read the `Study` made here. Names that the study gives never enter a spec.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from partway import imports, keys, layouts
from partway.schema_grid import table_names
from partway.study_file import read

NONE = "none"  # in a command line: no such file or folder


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """One data set as the DAG knows it; `root` and `lists` are machine facts and in no key."""

    folder: str  # <layout>-<data key>
    spec: dict[str, Any]  # layout and its options, those at their default left out
    root: str
    store: str  # the name of its frame store; in the trainings' keys where it changes numbers
    lists: str = NONE  # folder of the lists of classes and splits
    missing: str = ""  # why it cannot be read; empty where it can

    @property
    def is_generated(self) -> bool:
        """Whether partway makes the videos itself, so that their truth is known."""
        return self.spec["layout"] == "mime"

    @property
    def scored_on(self) -> str:
        """The split whose accuracy tables and figures show: `test`, or `validation` where test has no labels."""
        return "test" if layouts.has_test_labels(self.spec["layout"]) else "validation"


@dataclass(frozen=True, kw_only=True)
class Training:
    """One piece of GPU work; `spec` is exactly what was hashed."""

    folder: str  # <architecture>-<training key>
    title: str
    spec: dict[str, Any]
    dataset: str
    parent: str | None = None  # folder of the previous stage


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The predictions of one training on one split, with one ratio, window and set of views."""

    folder: str
    title: str
    spec: dict[str, Any]
    training: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What one run's last training attends to in test videos, drawn; `spec` is exactly what was hashed."""

    title: str
    spec: dict[str, Any]
    dataset: str
    training: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """One cell of the grid; one row of `runs.csv`."""

    dataset: str
    model: str
    ablation: str
    train_ratio: str | float  # as the study says it: matched, full, random or a number
    train_fraction: float
    observation_ratio: float
    window: str
    seed: int
    trainings: tuple[str, ...]  # the chain of stages; the last one is evaluated
    evaluation: str
    validation: str | None  # evaluation on the validation split, where there is one

    @property
    def cell(self) -> dict[str, Any]:
        """The axes of the grid, by column name."""
        return {axis: getattr(self, axis) for axis in AXES}


AXES = (
    "dataset",
    "model",
    "ablation",
    "train_ratio",
    "train_fraction",
    "observation_ratio",
    "window",
    "seed",
)


@dataclass(frozen=True, kw_only=True)
class Study:
    """A resolved study: everything the DAG and all that is drawn need to know."""

    name: str
    question: str | None
    source: str
    edits: tuple[str, ...]
    results_dir: str
    datasets: dict[str, DataSource]
    weights: dict[str, str]  # digest of local pretrained weights -> where they lie, a machine fact
    fallbacks: dict[str, str]  # model -> why it does not start from the weights that it names first
    warnings: tuple[str, ...]  # about weights and imports; for who starts the study, in no result
    trainings: dict[str, Training]
    evaluations: dict[str, Evaluation]
    runs: tuple[Run, ...]
    ladders: dict[str, dict[str, Any]]
    references: list[dict[str, Any]]  # published accuracies
    labels: dict[str, dict[str, str | None]]
    tables: dict[str, Any]
    figures: dict[str, Any]
    report: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)  # by model and ablation: what it changes, and of which
    imports: list[dict[str, Any]] = field(default_factory=list)  # results of an older script, with all their numbers
    pictures: dict[str, Picture] = field(default_factory=dict)  # of attention; by place, see `attention.request`
    command: str | None = field(default=None, compare=False)  # what the user typed; for the report alone

    @property
    def roots(self) -> dict[str, str]:
        """Where the videos of each data set lie: machine facts."""
        return {name: source.root for name, source in self.datasets.items()}

    @property
    def table_files(self) -> list[str]:
        """The files in `tables/`, without their endings."""
        return table_names(self.ladders)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> Study:
        """Inverse of `to_dict`."""
        return cls(
            **tree
            | {
                "edits": tuple(tree["edits"]),
                "warnings": tuple(tree["warnings"]),
                "datasets": {k: DataSource(**v) for k, v in tree["datasets"].items()},
                "trainings": {k: Training(**v) for k, v in tree["trainings"].items()},
                "evaluations": {k: Evaluation(**v) for k, v in tree["evaluations"].items()},
                "pictures": {k: Picture(**v) for k, v in tree["pictures"].items()},
                "runs": tuple(Run(**v | {"trainings": tuple(v["trainings"])}) for v in tree["runs"]),
            }
        )

    def lock(self) -> dict[str, Any]:
        """What collect depends on: the study without machine facts, the name of its file, and how it was called."""
        tree = self.to_dict()
        del tree["results_dir"], tree["source"], tree["weights"], tree["warnings"], tree["command"]
        tree["imports"] = imports.in_lock(self.imports)
        # Where there are none, the mark of collect is the same as before there could be some.
        for optional in ("fallbacks", "pictures", "imports"):
            if not tree[optional]:
                del tree[optional]
        tree["datasets"] = {name: {"folder": d.folder, "spec": d.spec} for name, d in self.datasets.items()}
        return tree

    @property
    def digest(self) -> str:
        """Key of `lock()` and of what is made of it: another results version, or a results folder elsewhere, collects again."""
        return keys.key_of([self.lock(), self.results_dir, keys.RESULTS_VERSION])


def load(source: str, edits: list[str] | None = None) -> Study:
    """Read, check and resolve a study file.

    Args:
        source: path of the YAML file.
        edits: `path=value` texts that change the study before anything is resolved.

    Raises:
        StudyError: with every problem found.
    """
    from partway import checks  # it builds what is defined above

    text = read(source, edits)
    return checks.check(text).study()
