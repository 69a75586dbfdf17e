"""What can be wrong with a study, each said with the place, the key, and what was expected."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator
from itertools import product
from typing import Any

from pydantic import BaseModel, ValidationError

from partway import sources, weights
from partway.errors import PartwayError, StudyError
from partway.resolve import Resolver, at, chain_of
from partway.schema import GridBlock, ModelOptions, StudyFile
from partway.study_file import StudyText
from partway.weights import SCRATCH, Pretrained


def validate(text: StudyText, problems: list[str]) -> StudyFile:
    """Check the tree against the schema; raise with these problems and those found before."""
    try:
        return StudyFile.model_validate(text.tree)
    except ValidationError as error:
        found = [_describe(text, item) for item in error.errors()]
        raise StudyError(text.source, list(dict.fromkeys(found + problems))) from None


def _describe(text: StudyText, error: dict) -> str:
    """One schema error in the study's own words: where, which key, what was expected."""
    path = error["loc"]
    if len(path) > 2 and path[0] == "datasets":
        path = (*path[:2], *path[3:])  # pydantic puts the layout's name between
    dotted = ".".join(map(str, path)) or "the study"
    where = text.where(path)
    match error["type"]:
        case "extra_forbidden":
            return f"{where}: {dotted}: unknown key{_nearest(str(path[-1]), _known_keys(path[:-1], text.tree))}"
        case "missing":
            return f"{where}: {dotted}: missing; this key is required"
        case "union_tag_not_found" | "union_tag_invalid":
            return f"{where}: {dotted}.layout: expected mime or class_folders"
        case "value_error":
            return f"{where}: {dotted}: {error['ctx']['error']}"
        case _:
            message = error["msg"][0].lower() + error["msg"][1:]
            return f"{where}: {dotted}: {message}, got {_short(error['input'])}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _nearest(name: str, known: list[str]) -> str:
    return _did_you_mean(name, known) or (f"; known: {', '.join(known)}" if known else "")


def _did_you_mean(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _known_keys(path: tuple, tree: Any) -> list[str]:
    """The keys that a section at `path` may have, by walking the models' annotations."""
    annotation: Any = StudyFile
    for key in path:
        annotation = _item_annotation(annotation, key)
    models = [m for m in _flat(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]
    layout = at(tree, (*path, "layout"))
    models = [m for m in models if len(models) == 1 or layout in typing.get_args(m.model_fields["layout"].annotation)]
    return sorted({name for model in models for name in model.model_fields})


def _item_annotation(annotation: Any, key: Any) -> Any:
    for part in _flat(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            field = part.model_fields.get(key)
            return field.annotation if field else None
        arguments = typing.get_args(part)
        if typing.get_origin(part) in (dict, list):
            return arguments[-1]
    return None


def _flat(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _flat(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from _flat(part)
    else:
        yield annotation


def unknown_references(text: StudyText) -> list[str]:
    """Names that nothing defines, and circles; on the raw tree, so that one call finds these beside type errors."""
    tree = text.tree
    known = {
        kind: list(tree[kind]) if isinstance(tree.get(kind), dict) else []
        for kind in ("datasets", "models", "ablations")
    }
    problems = []

    def check(path: tuple, kind: str) -> None:
        name = at(tree, path)
        if isinstance(name, str) and name not in known[kind]:
            problems.append(
                f"{text.where(path)}: {'.'.join(map(str, path))}: no {kind[:-1]} is called {name!r}{_nearest(name, known[kind])}"
            )

    for index, block in enumerate(tree.get("grid") if isinstance(tree.get("grid"), list) else []):
        check(("grid", index, "dataset"), "datasets")
        for kind in ("models", "ablations"):
            for position, _ in enumerate(_as_list(at(block, (kind,)))):
                check(("grid", index, kind, position), kind)
    for ladder in tree["ladders"] if isinstance(tree.get("ladders"), dict) else {}:
        rows = ("ladders", ladder, "rows") if isinstance(tree["ladders"][ladder], dict) else ("ladders", ladder)
        for position, row in enumerate(_as_list(at(tree, rows))):
            if isinstance(row, dict):
                check((*rows, position, "ablation"), "ablations")
                check((*rows, position, "model"), "models")
            else:
                check((*rows, position), "ablations")
    for name in known["ablations"]:
        check(("ablations", name, "extends"), "ablations")
        chain = chain_of(tree, name)
        if chain is None:
            problems.append(f"{text.where(('ablations', name))}: ablations.{name}: extends itself in a circle")
    return problems


def _as_list(value: Any) -> list:
    return value if isinstance(value, list) else []


def pretrained_weights(file: StudyFile, text: StudyText) -> tuple[dict[str, Pretrained], list[str]]:
    """The checkpoint of each model that runs and names one, and what is wrong with those that cannot be used."""
    found, problems = {}, []
    for name in dict.fromkeys(name for block in file.grid for name in block.models):
        model = file.models[name]
        if model.weights == SCRATCH:
            continue
        try:
            found[name] = weights.describe(sources.expand(model.weights), model.architecture)
        except PartwayError as error:
            where = text.where(("models", name, "weights"))
            problems.append(f"{where}: models.{name}.weights: {error}{_did_you_mean(model.weights, [SCRATCH])}")
    return found, problems


def wrong_recipes(file: StudyFile, text: StudyText, resolve: Resolver) -> list[str]:
    """What single fields cannot show: sizes that do not divide, choices that need a validation split, empty rows."""
    problems = []
    for model, ablation in dict.fromkeys((m, a) for b in file.grid for m in b.models for a in b.ablations):
        for stage in resolve.recipe(model, ablation).stages:
            lowest, rate = stage["training"].min_learning_rate, stage["training"].learning_rate
            if lowest > rate:
                where = ("ablations", ablation, "training", "min_learning_rate")
                problems.append(
                    f"{text.where(where)}: {model} {ablation}: min_learning_rate {lowest} is above learning_rate {rate}"
                )
        for field, problem in _wrong_sizes(resolve.recipe(model, ablation).model, resolve.pretrained.get(model)):
            in_ablation = field in file.ablations[ablation].model.model_fields_set
            at_field = ("ablations", ablation, "model", field) if in_ablation else ("models", model, field)
            problems.append(f"{text.where(at_field)}: {'.'.join(at_field)}: {problem}")
    for index, block in enumerate(file.grid):
        problems += _best_without_validation(file, text, resolve, index, block)
    for name, ladder in file.ladders.items():
        for index, row in enumerate(ladder.rows):
            runs = [b for b in file.grid if row.ablation in b.ablations and b.train_ratio == ladder.train_ratio]
            if not [b for b in runs if row.model in (None, *b.models)]:
                of = f" of model {row.model}" if row.model else ""
                problems.append(
                    f"{text.where(('ladders', name, index))}: ladders.{name}: row {row.ablation}{of} has no run in the grid "
                    f"with train_ratio {ladder.train_ratio}; add it to a grid block or take the row out"
                )
    return list(dict.fromkeys(problems))


def _wrong_sizes(model: ModelOptions, pretrained: Pretrained | None) -> Iterator[tuple[str, str]]:
    for field in sorted(pretrained.fixed & set(pretrained.options)) if pretrained else ():
        if getattr(model, field) != (given := pretrained.options[field]):
            yield field, f"{getattr(model, field)}, but the weights in {pretrained.path} have {given}; leave it out"
    for field, divisor in (("num_frames", "tubelet_size"), ("frame_size", "patch_size"), ("hidden_size", "num_heads")):
        if getattr(model, field) % getattr(model, divisor):
            yield field, f"{getattr(model, field)} does not divide by {divisor} {getattr(model, divisor)}"


def _best_without_validation(file, text, resolve, index: int, block: GridBlock) -> Iterator[str]:
    if file.datasets[block.dataset].validation.fraction > 0:
        return
    for model, ablation in product(block.models, block.ablations):
        if any(stage["training"].select == "best" for stage in resolve.recipe(model, ablation).stages):
            yield (
                f"{text.where(('grid', index))}: grid.{index}: {model} {ablation} has select: best, but data set {block.dataset} "
                "has no validation (fraction 0); write select: last, or give it a validation fraction"
            )
