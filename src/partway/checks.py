"""What can be wrong with a study, each said with the place, the key, and what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from pydantic import ValidationError

from partway import layouts
from partway.attention.request import wrong_request
from partway.errors import PartwayError, StudyError, did_you_mean, nearest, short
from partway.messages import MOST_SUGGESTIONS, describe, path_of
from partway.plain_yaml import Path_, dotted
from partway.resolve import Resolver, architecture_of, at, chain_of, why_missing
from partway.schema import ModelOptions, StudyFile
from partway.schema_grid import Ladder
from partway.schema_training import Training
from partway.study_file import NAMED, StudyText
from partway.weights import SCRATCH
from partway.weights.choice import Choice, choose


def check(text: StudyText) -> Resolver:
    """Check the tree: names, schema, weights, and what single fields cannot show; give what resolves it.

    Raises:
        StudyError: with every problem found.
    """
    references = unknown_references(text)
    errors: list[dict] = []
    try:
        file = StudyFile.model_validate(text.tree)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    wrong = describe(text, errors)
    if errors or references:
        file = _what_is_right(text.tree, [path_of(text, item) for item in errors] + list(references))
    problems = text.problems + list((wrong | references).values())
    if file is not None:
        choices, unusable = chosen_weights(file, text)
        resolver = Resolver(file, text, choices)
        problems += [*unusable, *wrong_recipes(file, text, resolver)]
        if unusable:  # whoever fetches weights wants to know what else to fetch
            problems += _missing_data(file, text)
    if problems:
        raise StudyError(text.source, problems)
    return resolver


def unknown_references(text: StudyText) -> dict[Path_, str]:
    """Names that nothing defines, and circles; on the raw tree, so that one call finds these beside type errors."""
    tree = text.tree
    defined = {kind: tree.get(kind) for kind in ("datasets", "models", "ablations")}
    known = {kind: names for kind, names in defined.items() if names and isinstance(names, dict)}  # else told elsewhere
    problems: dict[Path_, str] = {}

    def check(path: tuple, kind: str) -> None:
        name = at(tree, path)
        if isinstance(name, str) and kind in known and name not in known[kind]:
            close = nearest(name, list(known[kind])) if len(problems) < MOST_SUGGESTIONS else ""
            problems[path] = f"{text.where(path)}: {dotted(path)}: no {kind[:-1]} is called {short(name)}{close}"

    for index, block in enumerate(tree.get("grid") if isinstance(tree.get("grid"), list) else []):
        check(("grid", index, "dataset"), "datasets")
        for kind in ("models", "ablations"):
            for position, _ in enumerate(_as_list(at(block, (kind,)))):
                check(("grid", index, kind, position), kind)
    for ladder in tree["ladders"] if isinstance(tree.get("ladders"), dict) else {}:
        rows = ("ladders", ladder, "rows") if isinstance(tree["ladders"][ladder], dict) else ("ladders", ladder)
        check(("ladders", ladder, "model"), "models")
        for position, row in enumerate(_as_list(at(tree, rows))):
            if isinstance(row, dict):
                check((*rows, position, "ablation"), "ablations")
                check((*rows, position, "model"), "models")
            else:
                check((*rows, position), "ablations")
    for position, _ in enumerate(_as_list(tree.get("references"))):
        check(("references", position, "dataset"), "datasets")
    for kind in defined:
        for position, _ in enumerate(_as_list(at(tree, ("attention", kind)))):
            check(("attention", kind, position), kind)
    for name in known.get("ablations", ()):
        check(("ablations", name, "extends"), "ablations")
    return problems | _circles(text, known.get("ablations", {}))


def _circles(text: StudyText, ablations: dict) -> dict[Path_, str]:
    """Each circle once, at its first member in the file; who only leads into it is not to blame."""
    seen: set[str] = set()
    problems: dict[Path_, str] = {}
    for first in ablations:
        walk: dict[str, None] = {}
        name: Any = first
        while isinstance(name, str) and name not in seen:
            seen.add(name)
            walk[name] = None
            name = at(text.tree, ("ablations", name, "extends"))
        if isinstance(name, str) and name in walk:
            members = list(walk)[list(walk).index(name) :]
            start = min(members, key=list(ablations).index)
            turn = members.index(start)
            turned = [*members[turn:], *members[:turn], start]
            circle = " -> ".join(turned if len(turned) <= 12 else [*turned[:10], "...", start])
            path = ("ablations", start, "extends")
            problems[path] = f"{text.where(path)}: {dotted(path)}: extends itself in a circle: {circle}"
    return problems


def _as_list(value: Any) -> list:
    return value if isinstance(value, list) else []


def _what_is_right(tree: dict, wrong: list[Path_]) -> StudyFile | None:
    """The study without its wrong entries, so that what is right is checked as a whole too; None if too little is."""
    wrong_units = {path[:2] if path[:1] and path[0] in (*NAMED, "grid") else path[:1] for path in wrong}
    right = {key: value for key, value in tree.items() if (key,) not in wrong_units} | {"name": "checked"}
    if any(unit[:1] == ("grid",) for unit in wrong_units) or not {"datasets", "models", "ablations"} <= set(right):
        return None
    if {("training",), ("sampling",), ("transforms",), ("evaluation",)} & wrong_units:
        return None  # every recipe rests on them
    for section in NAMED:
        if isinstance(right.get(section), dict):
            right[section] = {k: v for k, v in right[section].items() if (section, k) not in wrong_units}
    try:
        return StudyFile.model_validate(right)
    except ValidationError:
        return None  # nothing left in a section


def chosen_weights(file: StudyFile, text: StudyText) -> tuple[dict[str, Choice], list[str]]:
    """What each model that runs starts from, and what is wrong with weights that cannot be used."""
    found, problems = {}, []
    for name in dict.fromkeys(name for block in file.grid for name in block.models if name in file.models):
        model = file.models[name]
        try:
            found[name] = choose(model)
        except PartwayError as error:
            path = ("models", name, "weights")
            meant = did_you_mean(model.weights, [SCRATCH])
            problems.append(f"{text.where(path)}: {dotted(path)}: {error}{meant}")
    return found, problems


def _missing_data(file: StudyFile, text: StudyText) -> Iterator[str]:
    """Data sets of the grid that cannot be read; where nothing else is wrong, that is only a warning."""
    for name in dict.fromkeys(block.dataset for block in file.grid if block.dataset in file.datasets):
        dataset = file.datasets[name]
        if missing := why_missing(dataset, layouts.key_material(dataset)):
            path = ("datasets", name, "root")
            yield f"{text.where(path)}: {dotted(path[:-1])}: {missing}"


def wrong_recipes(file: StudyFile, text: StudyText, resolve: Resolver) -> list[str]:
    """What single fields cannot show: sizes that do not divide, choices that need a validation split, empty rows.

    Entries that are wrong by themselves are not in `file`; what rests on them is left out.
    """
    problems = []
    recipes = dict.fromkeys(
        (m, a) for b in file.grid for m in b.models for a in b.ablations if _whole(file, text, resolve, m, a)
    )
    for model, ablation in recipes:
        problems += _wrong_sizes(text, resolve, model, ablation)
        problems += _wrong_trainings(text, resolve, model, ablation)
        problems += _wrong_views(text, resolve, model, ablation)
    for index, block in enumerate(file.grid):
        problems += _choices_without_validation(
            file, text, resolve, index, [c for c in product(block.models, block.ablations) if c in recipes]
        )
    for name, ladder in file.ladders.items():
        problems += _rows_without_runs(file, text, name, ladder)
    return [*problems, *wrong_request(file, text)]


def _whole(file: StudyFile, text: StudyText, resolve: Resolver, model: str, ablation: str) -> bool:
    chain = chain_of(text.tree, ablation)
    return model in resolve.weights and chain is not None and set(chain) <= set(file.ablations)


def _blame(text: StudyText, sections: list[Path_], *keys: str) -> Path_:
    """The key that made a recipe wrong: the innermost section that writes one of `keys`."""
    for section in sections:
        for key in keys:
            if (*section, key) in text.origins:
                return (*section, key)
    return (*sections[-1], keys[0])


def _wrong_sizes(text: StudyText, resolve: Resolver, model: str, ablation: str) -> Iterator[str]:
    options = resolve.recipe(model, ablation).model
    sections = [("ablations", name, "model") for name in chain_of(text.tree, ablation)] + [("models", model)]
    choice, architecture = resolve.weights[model], architecture_of(resolve.file.models[model])
    for section, field in product(sections, sorted(set(ModelOptions.model_fields) - set(architecture.options))):
        path = (*section, field)
        if path in text.origins:
            named = resolve.file.models[model].architecture
            takes = ", ".join(architecture.options)
            yield f"{text.where(path)}: {dotted(path)}: {model} ({named}) cannot honour it; it takes {takes}"
    if not choice.sizes_are_known:
        return  # the job that downloads them checks
    wrong = [*architecture.wrong_sizes(options)]
    wrong += [((field,), told) for field, told in (choice.known.contradictions(options) if choice.known else ())]
    for fields, told in wrong:
        path = _blame(text, sections, *fields)
        yield f"{text.where(path)}: {dotted(path)}: {told}"


def _layers(text: StudyText, resolve: Resolver, model: str, ablation: str) -> list[list[Path_]]:
    """The sections that may write a key of `training`, innermost first, for each training of a recipe."""
    chain = chain_of(text.tree, ablation)
    layers = [("ablations", name, "training") for name in chain] + [("models", model, "training"), ("training",)]
    stages = [
        ("ablations", name, "stages", i)
        for name in reversed(chain)
        for i, _ in enumerate(resolve.file.ablations[name].stages)
    ]
    return [layers, *([stage, *layers] for stage in stages)]


def _wrong_trainings(text: StudyText, resolve: Resolver, model: str, ablation: str) -> Iterator[str]:
    recipe, choice = resolve.recipe(model, ablation), resolve.weights[model]
    counts_layers = "num_layers" in architecture_of(resolve.file.models[model]).takes and choice.sizes_are_known
    blocks = recipe.model.num_layers if counts_layers else None  # else the job that builds the model counts them
    sections = _layers(text, resolve, model, ablation)
    for number, (own, stage) in enumerate(zip(sections, recipe.stages, strict=True)):
        training = stage["training"]
        wrong = _wrong_in(training, blocks) if training.epochs else _wrong_without_epochs(number, model, choice)
        for keys, said in wrong:
            path = _blame(text, own, *keys)
            yield f"{text.where(path)}: {dotted(path)}: {said}"


def _wrong_without_epochs(number: int, model: str, choice: Choice) -> Iterator[tuple[tuple[str, ...], str]]:
    """Without epochs a training evaluates its weights as they are: there must be some, and no training before."""
    if number:
        yield ("epochs",), "0, but a further stage trains; expected at least 1"
    elif SCRATCH in choice.identities:
        yield (
            ("epochs",),
            f"0 only evaluates pretrained weights, and {model} may start from scratch; expected at least 1, or weights "
            "that name a checkpoint",
        )


def _wrong_in(training: Training, num_layers: int | None) -> Iterator[tuple[tuple[str, ...], str]]:
    """What of one training's recipe does not go together: the keys that say it, and how."""
    lowest, rate = training.min_learning_rate, training.learning_rate
    if lowest > rate:
        yield ("min_learning_rate", "learning_rate"), f"min_learning_rate {lowest:g} is above learning_rate {rate:g}"
    if training.batch_size == 1 and (training.mixup or training.cutmix):
        mixing = "mixup" if training.mixup else "cutmix"
        yield ("batch_size", mixing), f"{mixing} mixes the clips of a micro-batch, and batch_size is 1; write 2 or more"
    for step in training.trainable:
        if step.from_epoch > training.epochs:
            said = f"from_epoch {step.from_epoch} comes after the last epoch, {training.epochs}; take the step out"
            yield ("trainable", "epochs"), said
        if num_layers and step.part.startswith("last_") and int(step.part.removeprefix("last_")) > num_layers:
            said = f"{step.part} asks for more blocks than the model has, {num_layers}; write all, or fewer"
            yield ("trainable",), said


def _wrong_views(text: StudyText, resolve: Resolver, model: str, ablation: str) -> Iterator[str]:
    recipe = resolve.recipe(model, ablation)
    views, transforms = recipe.evaluation, recipe.stages[-1]["transforms"]
    square, smallest = transforms.test_resize == "square", min(views.scales)
    wrong = {
        "scales": f"{smallest:g} is below 1, but test_resize: square shows the whole frame at 1, and there is no more of "
        "it; write factors from 1 up",
        "crops": "3 crops are squares of a frame whose proportions stay, and test_resize: square changes them; write "
        "test_resize: short_side, or crops: 1",
    }
    found = {"scales": square and smallest < 1 and views.crops == 1, "crops": square and views.crops == 3}
    chain = [("ablations", name, "evaluation") for name in chain_of(text.tree, ablation)]
    for field in (field for field in wrong if found[field]):
        path = _blame(text, [*chain, ("models", model, "evaluation"), ("evaluation",)], field)
        yield f"{text.where(path)}: {dotted(path)}: {wrong[field]}"


def _rows_without_runs(file: StudyFile, text: StudyText, name: str, ladder: Ladder) -> Iterator[str]:
    listed = isinstance(at(text.tree, ("ladders", name)), list)
    for index, row in enumerate(ladder.named_rows()):
        runs = [b for b in file.grid if row.ablation in b.ablations and b.train_ratio == ladder.train_ratio]
        runs = [b for b in runs if ladder.ratios is None or set(ladder.ratios) & set(b.ratios)]
        if not [b for b in runs if row.model in (None, *b.models)]:
            path = ("ladders", name, index) if listed else ("ladders", name, "rows", index)
            of = f" of model {row.model}" if row.model else ""
            at_ratios = f" and ratio {', '.join(f'{r:g}' for r in ladder.ratios)}" if ladder.ratios else ""
            yield (
                f"{text.where(path)}: {dotted(path)}: row {row.ablation}{of} has no run in the grid "
                f"with train_ratio {ladder.train_ratio}{at_ratios}; add it to a grid block or take the row out"
            )


def _choices_without_validation(
    file: StudyFile, text: StudyText, resolve: Resolver, index: int, recipes: list[tuple[str, str]]
) -> Iterator[str]:
    name = file.grid[index].dataset
    if name not in file.datasets or file.datasets[name].validation.fraction > 0:
        return
    if layouts.has_own_validation(file.datasets[name]):
        return
    for model, ablation in recipes:
        trainings = [stage["training"] for stage in resolve.recipe(model, ablation).stages]
        asking = {
            "select: best": ("write select: last", any(t.select == "best" and t.epochs for t in trainings)),
            "early_stopping": ("take it out", any(t.early_stopping for t in trainings)),
        }
        for what, (instead, asked) in asking.items():
            if asked:
                yield (
                    f"{text.where(('grid', index))}: grid.{index}: {model} {ablation} has {what}, but data set {name} has "
                    f"no validation (fraction 0); {instead}, or give it a validation fraction"
                )
