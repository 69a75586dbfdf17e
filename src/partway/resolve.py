"""From a checked study file to runs, trainings and evaluations, each with the spec that its key is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from partway import effect, imports, keys, layouts, sources
from partway.attention import request
from partway.changes import changes
from partway.families import FAMILIES, Architecture
from partway.schema import Model, ModelOptions, Stage, StudyFile
from partway.schema_clips import Evaluation as EvaluationOptions
from partway.schema_clips import Sampling, Transforms
from partway.schema_data import Dataset, WithLists
from partway.schema_grid import GridBlock, LadderRow
from partway.schema_training import Training as TrainingOptions
from partway.study import NONE, DataSource, Evaluation, Run, Study, Training
from partway.study_file import StudyText
from partway.weights.choice import Choice

RECIPE_SECTIONS = ("sampling", "transforms", "training", "evaluation")


def merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Merge nested mappings; a later layer wins, and null or a scalar replaces a whole section."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result


def _written(section: BaseModel) -> dict[str, Any]:
    return section.model_dump(exclude_unset=True)


def _unlike_default(section: BaseModel) -> dict[str, Any]:
    return section.model_dump(exclude_defaults=True)


@dataclass(frozen=True)
class Recipe:
    """What one model and one ablation come to; `stages` has at least one entry: the first training."""

    identity: dict[str, Any]  # family, architecture, weights and, where there is one, fallback
    model: ModelOptions
    model_key: dict[str, Any]  # what of `model` stands in the key
    stages: list[dict[str, Any]]  # sampling, transforms, training of each
    evaluation: EvaluationOptions


class Resolver:
    """Expands one checked study file; recipes are resolved once for each (model, ablation)."""

    def __init__(self, file: StudyFile, text: StudyText, weights: dict[str, Choice]):
        self.file = file
        self.text = text
        self.weights = weights  # by model name
        self.recipe = cache(self._recipe)
        self.trainings: dict[str, Training] = {}
        self.evaluations: dict[str, Evaluation] = {}

    def _recipe(self, model_name: str, ablation_name: str | None) -> Recipe:
        """The recipe of an ablation; without one, that of the model alone."""
        model = self.file.models[model_name]
        names = chain_of(self.text.tree, ablation_name) if ablation_name else []
        chain = [self.file.ablations[name] for name in reversed(names)]
        layers = [_written(layer) for layer in (self.file, model, *chain)]
        sections = {name: merged(*(layer.get(name, {}) for layer in layers)) for name in RECIPE_SECTIONS}
        choice = self.weights.get(model_name, Choice())
        sizes = {name: value for name, value in _written(model).items() if name in ModelOptions.model_fields}
        sizes = merged(sizes, *(_written(a.model) for a in chain))
        stated = choice.known.options if choice.known else {}
        options = effect.of_model(ModelOptions(**merged(dict(architecture_of(model).defaults), stated, sizes)))
        first = {
            "sampling": Sampling(**sections["sampling"]),
            "transforms": Transforms(**sections["transforms"]),
            "training": TrainingOptions(**sections["training"]),
        }
        stages = [first] + [self._stage(sections, stage) for ablation in chain for stage in ablation.stages]
        return Recipe(
            identity={
                "family": model.family,
                "architecture": model.architecture,
                "weights": choice.identities[0],
                **({"fallback": list(choice.identities[1:])} if choice.identities[1:] else {}),
            },
            model=options,
            # Of weights of the hub, what the study writes, at a default or not: see `partway.weights`.
            model_key=effect.written_of_model(ModelOptions(**sizes)) if choice.is_of_hub else _unlike_default(options),
            stages=[effect.of_stage(stage) for stage in stages],
            evaluation=effect.of_evaluation(EvaluationOptions(**sections["evaluation"])),
        )

    def _stage(self, sections: dict[str, dict], stage: Stage) -> dict[str, Any]:
        written = _written(stage)
        own = {name: written.pop(name, {}) for name in ("sampling", "transforms")}
        return {
            "sampling": Sampling(**merged(sections["sampling"], own["sampling"])),
            "transforms": Transforms(**merged(sections["transforms"], own["transforms"])),
            "training": TrainingOptions(**merged(sections["training"], written)),
        }

    def study(self) -> Study:
        file = self.file
        results_dir = str(sources.expand(file.results_dir))
        used = dict.fromkeys(block.dataset for block in file.grid)  # others may lie on a disk that is not there
        self.datasets = {name: _data_source(file.datasets[name], results_dir) for name in used}
        runs = {}
        for block in file.grid:
            for run in self._runs(block):
                runs.setdefault(tuple(run.cell.values()), run)
        imported, not_shown = imports.read_all(Path(results_dir, file.name), self.datasets)
        told = [f"model {name}: {told}" for name, choice in self.weights.items() for told in choice.told]
        return Study(
            name=file.name,
            question=file.question,
            source=self.text.source,
            edits=tuple(self.text.edits),
            results_dir=results_dir,
            datasets=self.datasets,
            weights={digest: path for choice in self.weights.values() for digest, path in choice.places},
            fallbacks={name: choice.fallback for name, choice in self.weights.items() if choice.fallback},
            warnings=(*told, *not_shown),
            trainings=self.trainings,
            evaluations=self.evaluations,
            runs=tuple(runs.values()),
            ladders={
                name: {"rows": [_row(row) for row in ladder.named_rows()], "train_ratio": ladder.train_ratio}
                | ({"ratios": ladder.ratios} if ladder.ratios else {})
                for name, ladder in file.ladders.items()
            },
            references=[anchor.model_dump() for anchor in file.references],
            labels={name: {"label": a.label, "note": a.note} for name, a in file.ablations.items()},
            tables=file.tables.model_dump(),
            figures=file.figures.model_dump(),
            report=file.report.model_dump(),
            changes=self._changes(runs.values()),
            imports=imported,
            pictures=request.pictures(file.attention, runs.values()),
        )

    def _changes(self, runs: Iterable[Run]) -> dict[str, Any]:
        """What each ablation that runs changes, by model and ablation: the one below it, by name, and the settings."""
        found: dict[str, Any] = {}
        for model, name in dict.fromkeys((run.model, run.ablation) for run in runs):
            below = self.file.ablations[name].extends
            settings = keys.normalise(changes(self.recipe(model, name), self.recipe(model, below)))
            found.setdefault(model, {})[name] = {"below": below, "settings": settings}
        return found

    def _runs(self, block: GridBlock) -> Iterator[Run]:
        dataset = self.file.datasets[block.dataset]
        validated = dataset.validation.fraction > 0 or layouts.has_own_validation(dataset)
        for model, ablation, ratio, window, seed in product(
            block.models, block.ablations, block.ratios, block.windows, block.seeds
        ):
            recipe = self.recipe(model, ablation)
            ratios = {"matched": ratio, "full": 1.0}
            train_ratio = ratios.get(block.train_ratio, block.train_ratio)
            names = f"{block.dataset} {model} {ablation}" + (f", {window} window" if window != "prefix" else "")
            chain = self._trainings(recipe, block, train_ratio, window, seed, names)
            title = f"{names}, train_ratio {train_ratio}, observation_ratio {ratio}, seed {seed}"
            predictions = [
                self._evaluation(recipe, chain[-1], split, ratio, window, f"{title}, {split}")
                for split in (("test", "validation") if validated else ("test",))
            ]
            yield Run(
                dataset=block.dataset,
                model=model,
                ablation=ablation,
                train_ratio=block.train_ratio,
                train_fraction=block.train_fraction,
                observation_ratio=ratio,
                window=window,
                seed=seed,
                trainings=tuple(chain),
                evaluation=predictions[0],
                validation=predictions[1] if validated else None,
            )

    def _trainings(
        self, recipe: Recipe, block: GridBlock, train_ratio, window: str, seed: int, title: str
    ) -> list[str]:
        """Register the chain of trainings that a run needs; return their folders."""
        chain: list[str] = []
        for number, stage in enumerate(recipe.stages, start=1):
            spec = recipe.identity | {
                "model": recipe.model_key,
                **{name: _unlike_default(section) for name, section in stage.items()},
                "data": self.datasets[block.dataset].folder,
                "store": self.file.datasets[block.dataset].store.in_key,
                "validation": _validation(self.file.datasets[block.dataset]),
                "train_ratio": train_ratio,
                "train_fraction": block.train_fraction if block.train_fraction != 1 else None,
                "window": window if window != "prefix" and train_ratio != 1 else None,
                "seed": seed,
                "parent": chain[-1] if chain else None,
            }
            spec = keys.normalise({name: value for name, value in spec.items() if value not in (None, {})})
            folder = f"{recipe.identity['architecture']}-{keys.training_key(spec)}"
            of = f" stage {number} of {len(recipe.stages)}" if len(recipe.stages) > 1 else ""
            training = Training(
                folder=folder,
                title=f"{title}{of}, train_ratio {train_ratio}, seed {seed}",
                spec=spec,
                dataset=block.dataset,
                parent=chain[-1] if chain else None,
            )
            self.trainings.setdefault(folder, training)
            chain.append(folder)
        return chain

    def _evaluation(self, recipe: Recipe, training: str, split: str, ratio: float, window: str, title: str) -> str:
        spec = {
            "training": training,
            "split": split,
            "observation_ratio": ratio,
            "window": window if window != "prefix" and ratio != 1 else None,
            "views": _unlike_default(recipe.evaluation),
        }
        spec = keys.normalise({name: value for name, value in spec.items() if value not in (None, {})})
        folder = f"{recipe.identity['architecture']}-{keys.evaluation_key(spec)}"
        self.evaluations.setdefault(folder, Evaluation(folder=folder, title=title, spec=spec, training=training))
        return folder


def _row(row: LadderRow) -> dict[str, Any]:
    """A row of a ladder as plain values; `reference` only where there is one."""
    return row.model_dump(exclude={"reference"} if row.reference is None else None)


def architecture_of(model: Model) -> Architecture:
    """What a model of the study can be told; its name was checked."""
    return FAMILIES[model.family].find(model.architecture)


def _data_source(dataset: Dataset, results_dir: str) -> DataSource:
    options = _unlike_default(dataset)
    for name in ("layout", "root", "lists", "validation", "store"):
        options.pop(name, None)
    if dataset.layout == "class_folders" and (root := sources.expand(dataset.root)) and sources.has_split_folders(root):
        options.pop("test", None)  # official split folders: a seeded test split has no effect
    generated = dataset.layout == "mime"
    material = layouts.key_material(dataset)
    folder = f"{dataset.layout}-{keys.data_key(dataset.layout, options, material)}"
    return DataSource(
        folder=folder,
        spec=keys.normalise({"layout": dataset.layout, "options": options}),
        root=f"{results_dir}/data/{folder}/videos" if generated else str(sources.expand(dataset.root)),
        lists=str(sources.expand(dataset.lists)) if isinstance(dataset, WithLists) else NONE,
        store=dataset.store.name,
        missing=why_missing(dataset, material),
    )


def why_missing(dataset: Dataset, material: list | None) -> str:
    """Why a data set cannot be read, given what its key is made of; empty where it can."""
    if material is None:
        return ""
    videos = "" if material else f"no videos found under {dataset.root}: {sources.why_nothing(dataset.root)}"
    return "; ".join(filter(None, [videos, layouts.missing_parts(dataset)]))


def _validation(dataset: Dataset) -> dict[str, Any]:
    """What of the validation split is in a key: nothing where the data set's own lists name it."""
    if layouts.has_own_validation(dataset):
        return {}
    return {"fraction": 0} if dataset.validation.fraction == 0 else _unlike_default(dataset.validation)


def at(tree: Any, path: tuple) -> Any:
    """The value at a path of a plain tree; None where there is none."""
    for key in path:
        try:
            tree = tree[key]
        except (KeyError, IndexError, TypeError):
            return None
    return tree


def chain_of(tree: dict, name: str) -> list[str] | None:
    """Names from `name` up to the ablation that extends none; None where it runs in a circle."""
    chain: dict[str, None] = {}  # a set that keeps its order
    while isinstance(name, str):
        if name in chain:
            return None
        chain[name] = None
        name = at(tree, ("ablations", name, "extends"))
    return list(chain)
