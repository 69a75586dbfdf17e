"""The sections of a study file as typed models: what may be written, in which range, and the default.

A field's default is part of the numbers: `tests/golden/keys.json` pins every one of them, and a changed
default must bump the numerics version of its part in `keys.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from partway.errors import any_of, did_you_mean, short
from partway.families import FAMILIES
from partway.schema_attention import Attention
from partway.schema_clips import Evaluation, Sampling, Transforms
from partway.schema_data import AnyDataset
from partway.schema_grid import Anchor, FigureOptions, GridBlock, LadderName, LadderOrRows, ReportOptions, TableOptions
from partway.schema_training import Training
from partway.schema_types import (
    Count,
    Fraction,
    Name,
    Positive,
    Section,
    list_of,
)

RESERVED_NAMES = {"data", "trainings", "evaluations", "features", "logs"}


# --- recipe sections -----------------------------------------------------------------------------------


class Normalisation(Section):
    """Per-channel mean and standard deviation of RGB values in [0, 1]."""

    mean: Annotated[tuple[float, float, float], list_of(3)]
    std: Annotated[tuple[Positive, Positive, Positive], list_of(3)]


NORMALISATIONS = {
    "imagenet": {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
    "half": {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)},
}


def _as_normalisation(value: Any) -> Any:
    if isinstance(value, str):
        if value not in NORMALISATIONS:
            close = did_you_mean(value, NORMALISATIONS)
            raise ValueError(
                f"expected {', '.join(NORMALISATIONS)} or {{mean: [..], std: [..]}}, got {short(value)}{close}"
            )
        return NORMALISATIONS[value]
    return value


class ModelOptions(Section):
    """Sizes and options of a model; an ablation may override them under `model:`.

    The defaults are VideoMAE's. What another architecture takes, and its own defaults, stand in docs/models.md.
    """

    num_frames: Count = Field(16, description="frames of one clip")
    frame_size: Count = Field(224, description="height and width of a frame in pixels")
    patch_size: Count = Field(16, description="height and width of one token in pixels; divides frame_size")
    tubelet_size: Count = Field(2, description="frames of one token; divides num_frames")
    hidden_size: Count = Field(768, description="width of a token's vector")
    num_layers: Count = Field(12, description="transformer blocks")
    num_heads: Count = Field(12, description="attention heads; divides hidden_size")
    mlp_ratio: Positive = Field(4.0, description="width of the MLP over hidden_size")
    dropout: Fraction = Field(
        0.0,
        description="of hidden states and attention; of pytorchvideo and of timm's named models, of the features "
        "before the head",
    )
    drop_path: Fraction = Field(0.0, description="chance to skip a block's branch in training: of the last block")
    temporal: Literal["mean", "lstm", "transformer"] = Field(
        "mean", description="what makes one vector of the features of all frames"
    )
    temporal_layers: Count = Field(1, description="of `temporal: lstm` or `transformer`")
    temporal_heads: Count = Field(8, description="of `temporal: transformer`; divides the width of the features")
    initializer_range: Positive = Field(
        0.02,
        description="deviation of fresh weights; 0.02 suits a hidden_size of 768, smaller models need more to learn",
    )
    normalisation: Annotated[
        Normalisation,
        BeforeValidator(_as_normalisation, json_schema_input_type=Literal[tuple(NORMALISATIONS)] | Normalisation),
        Field(description="of pixel values"),
    ] = Normalisation(**NORMALISATIONS["imagenet"])


class Stage(Training):
    """A further training from the previous one's chosen checkpoint: `training` keys that differ, and sections."""

    sampling: Sampling = Sampling()
    transforms: Transforms = Transforms()


class Recipe(Section):
    """The sections that the study, a model and an ablation may each write; the later ones win."""

    sampling: Sampling = Sampling()
    transforms: Transforms = Transforms()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()


def _unknown_architecture(family: str, name: str) -> str:
    """What was expected instead of a name that the family does not have."""
    about = FAMILIES[family]
    for other, of in FAMILIES.items():
        if name in of.architectures:
            return f"{name} is of the family {other}, not of {family}"
    expected = any_of(list(about.architectures)) + (f" or an image model of {family}" if about.has_more else "")
    plain = name.partition(".")[0]
    tagged = about.has_more and plain != name and about.find(plain) is not None
    meant = f"; write {plain}, what follows names its weights" if tagged else did_you_mean(name, about.names())
    return f"expected {expected}, got {short(name)}{meant}"


def _architectures_of_families(schema: dict[str, Any]) -> None:
    """For editors: which architectures go with which family; the names of timm's models are too many to list."""
    schema["allOf"] = [
        {
            "if": {"properties": {"family": {"const": name}}, "required": ["family"]},
            "then": {"properties": {"architecture": {"enum": list(family.architectures)}}},
        }
        for name, family in FAMILIES.items()
        if not family.has_more
    ]


class Model(ModelOptions, Recipe):
    """A model of the study, with what it changes in the recipe."""

    model_config = ConfigDict(json_schema_extra=_architectures_of_families)

    family: Literal[tuple(FAMILIES)] = Field(
        description="; ".join(f"{name}: {family.told}" for name, family in FAMILIES.items())
    )
    architecture: str = Field(
        min_length=1,
        description="; ".join(
            f"of {name}: {', '.join(family.architectures)}{' or the name of any of its models' if family.has_more else ''}"
            for name, family in FAMILIES.items()
        ),
    )
    weights: str = Field(
        min_length=1,
        description="scratch; the folder or file of a checkpoint, relative to here; or hub:ORG/NAME@REVISION "
        "(see [weights](weights.md))",
    )
    fallback: list[Annotated[str, Field(min_length=1)]] = Field(
        [], description="other weights, tried in this order where those before are not available; what was used is told"
    )

    @model_validator(mode="after")
    def _of_its_family(self) -> Self:
        family = FAMILIES[self.family]
        if family.find(self.architecture) is None:
            raise ValueError(f"architecture: {_unknown_architecture(self.family, self.architecture)}")
        return self


class Ablation(Recipe):
    """A named set of overrides; `extends` one other."""

    extends: Name | None = Field(None, description="the ablation whose overrides this one adds to")
    label: str | None = Field(None, description="the row's name in the table")
    note: str | None = Field(None, description="a remark for the table")
    model: ModelOptions = ModelOptions()
    stages: list[Stage] = Field([], description="further trainings, each from the one before")


# --- the whole file ------------------------------------------------------------------------------------

# `vanilla:` with nothing behind it is an empty section, as a reader would think.
AblationOrNothing = Annotated[
    Ablation, BeforeValidator(lambda v: {} if v is None else v, json_schema_input_type=Ablation | None)
]


class StudyFile(Recipe):
    """A whole study file."""

    name: Name = Field(description="folder of the results", json_schema_extra={"not": {"enum": sorted(RESERVED_NAMES)}})
    question: str | None = Field(None, description="what the study asks, in words")
    results_dir: str = Field(
        "results", min_length=1, description="~ and $VARIABLES are expanded", json_schema_extra={"pattern": "^[^{}]*$"}
    )
    datasets: Annotated[dict[Name, AnyDataset], Field(min_length=1, description="data sets by name")]
    models: Annotated[dict[Name, Model], Field(min_length=1, description="models by name")]
    ablations: Annotated[
        dict[Name, AblationOrNothing], Field(min_length=1, description="overrides of the recipe, by name")
    ]
    ladders: dict[LadderName, LadderOrRows] = Field({}, description="tables by name: their rows in order")
    references: list[Anchor] = Field([], description="published accuracies, drawn beside the curves")
    grid: Annotated[list[GridBlock], Field(min_length=1, description="what runs: the union of these blocks")]
    attention: Attention | None = Field(
        None, description="pictures of what models attend to; null for none, {} for all runs of the grid"
    )
    tables: TableOptions = TableOptions()
    figures: FigureOptions = FigureOptions()
    report: ReportOptions = ReportOptions()

    @field_validator("results_dir")
    @classmethod
    def _plain_folder(cls, folder: str) -> str:
        if set(folder) & set("{}"):
            raise ValueError(f"braces are Snakemake's wildcards, got {folder!r}")
        return folder

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, name: str) -> str:
        if name in RESERVED_NAMES:
            raise ValueError(f"the name {name!r} is taken by a shared folder; choose another")
        return name
