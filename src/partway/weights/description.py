"""What a checkpoint says about itself, as the study needs it: sizes, normalisation, and what contradicts them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from partway.schema import ModelOptions
from partway.weights import configs, preprocessing
from partway.weights.digests import read_mapping
from partway.weights.names import WeightsError

FAMILIES_OF_FOLDERS = ("timm", "transformers")


@dataclass(frozen=True)
class Pretrained:
    """A checkpoint on this disk.

    Attributes:
        path: of the folder or file.
        options: fields of ModelOptions that the checkpoint states; a file states none.
        fixed: those of them that the study must not change.
    """

    path: str
    options: dict[str, Any]
    fixed: frozenset[str]

    def contradictions(self, options: ModelOptions) -> Iterator[tuple[str, str]]:
        """Each size that the weights fix and a study has otherwise: the field, and what is wrong."""
        for field in sorted(self.fixed & set(self.options)):
            size, given = getattr(options, field), self.options[field]
            if size != given:
                yield field, f"{field} {size:g}, but the weights in {self.path} have {given:g}; leave it out"


def describe(path: Path, family: str, architecture: str) -> Pretrained:
    """Read what a folder says about itself; a file says nothing, its sizes are the study's.

    Raises:
        WeightsError: no config.json, another architecture, or a variant that partway does not build.
    """
    if path.is_file():
        return Pretrained(str(path), {}, frozenset())
    config = read_mapping(path / "config.json")
    if config is None:
        raise WeightsError(f"{path}: holds no config.json; expected a folder that save_pretrained or timm wrote")
    try:
        stated, normalisation = _read(path, config, family, architecture)
        typed = ModelOptions.model_validate(stated.options | normalisation)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}, got {e['input']!r}" for e in error.errors())
        raise WeightsError(f"{path}: its config says what no model of partway can be: {wrong}") from None
    except (TypeError, ZeroDivisionError) as error:
        raise WeightsError(f"{path}: its config holds a size that is no number above 0: {error}") from None
    return Pretrained(str(path), typed.model_dump(exclude_unset=True), stated.fixed)


def _read(path: Path, config: dict[str, Any], family: str, architecture: str) -> tuple[configs.Stated, dict[str, Any]]:
    if family == "timm":
        return configs.of_timm(path, config, architecture), preprocessing.of_timm(path, config)
    if family == "transformers":
        stated = configs.of_transformers(path, config, architecture)
        return stated, preprocessing.of_transformers(path, architecture)
    raise WeightsError(f"{path}: the family {family} has no folders of weights; name a file")
