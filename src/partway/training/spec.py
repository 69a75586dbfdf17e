"""The spec of a training, typed: the canonical JSON that was hashed, with the defaults filled in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from partway.schema import ModelOptions
from partway.schema_clips import Sampling, Transforms
from partway.schema_data import SplitOff
from partway.schema_store import FrameStore
from partway.schema_training import Training


@dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """A training's settings; see `study.py` for how they come about."""

    family: str
    architecture: str
    weights: str
    fallback: tuple[str, ...]
    model: ModelOptions
    sampling: Sampling
    transforms: Transforms
    training: Training
    validation: SplitOff
    data: str
    store: FrameStore
    train_ratio: float | str
    train_fraction: float
    window: str
    seed: int
    parent: str | None

    @classmethod
    def from_dict(cls, spec: dict[str, Any]) -> TrainingSpec:
        """Read a spec as it stands in `training.json` and in the rule's param."""
        sections = {
            "model": ModelOptions,
            "sampling": Sampling,
            "transforms": Transforms,
            "training": Training,
            "validation": SplitOff,
            "store": FrameStore,
        }
        plain = {name: value for name, value in spec.items() if name not in sections}
        typed = {name: section.model_validate(spec.get(name, {})) for name, section in sections.items()}
        return cls(**{"fallback": (), "train_fraction": 1, "window": "prefix", "parent": None} | plain | typed)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> TrainingSpec:
        """The spec of a finished training, with the sizes that its model has: a checkpoint's, where the spec names one."""
        spec = cls.from_dict(record["spec"])
        return replace(spec, model=ModelOptions.model_validate(record["model"])) if "model" in record else spec
