"""What an ablation changes: the settings of its recipe that are not those of the recipe below it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from partway.resolve import Recipe

Change = list[Any]  # path, value before, value after; plain, for JSON


def changes(recipe: Recipe, below: Recipe) -> list[Change]:
    """Compare a recipe with the one below it, both of one model.

    A stage that only the upper one has is compared with its own first training, as a study file is read; what already
    changed in the first training is not told again for the others.

    Returns:
        `["training.mixup.alpha", None, 0.8]` and so on; of a further training `stage 2: training.epochs`.
    """
    first = list(_unlike(_of_stage(below, 0), _of_stage(recipe, 0)))
    found = first + list(_unlike(_of_all(below), _of_all(recipe)))
    counts = [len(below.stages), len(recipe.stages)]
    found += [["stages", *counts]] if len(set(counts)) > 1 else []
    for place in range(1, counts[1]):
        base = _of_stage(below, place) if place < counts[0] else _of_stage(recipe, 0)
        changed = (change for change in _unlike(base, _of_stage(recipe, place)) if change not in first)
        found += [[f"stage {place + 1}: {path}", *values] for path, *values in changed]
    return found


def _of_all(recipe: Recipe) -> dict[str, Any]:
    """What holds for all trainings of a recipe, and for its evaluation."""
    return {"model": _plain(recipe.model), "evaluation": _plain(recipe.evaluation)}


def _of_stage(recipe: Recipe, place: int) -> dict[str, Any]:
    return {name: _plain(section) for name, section in recipe.stages[place].items()}


def _plain(section: BaseModel) -> dict[str, Any]:
    return section.model_dump(mode="json")


def _unlike(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """The paths at which two trees differ; a section that is missing has None in place of each of its values."""
    if isinstance(before, dict) or isinstance(after, dict):
        sections = [tree if isinstance(tree, dict) else {} for tree in (before, after)]
        for key in dict.fromkeys([*sections[0], *sections[1]]):
            yield from _unlike(*(section.get(key) for section in sections), f"{path}.{key}" if path else key)
    elif before != after:
        yield [path, before, after]
