"""The sections of a study file that say what a model sees: which frames, changed how, in which views."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from partway.schema_types import Count, Positive, Probability, Ratio, Section, list_of, not_true

MIN_SCALE = 224 / 256  # at this factor a crop of the test views is as high as the short side


class Sampling(Section):
    """Which frames of the observed window a model is given (SPEC 4c)."""

    train: Literal["uniform", "strided", "jittered"] = Field("uniform", description="of training clips")
    test: Literal["uniform", "strided"] = Field("uniform", description="of validation and test clips")
    stride: Count = Field(2, description="of `strided`")
    too_short: Literal["stretch", "loop", "repeat_last"] = Field(
        "stretch", description="what fills a clip when the window has too few frames"
    )


class ColourJitter(Section):
    """Random brightness, contrast, saturation and hue, in this order; as torchvision's ColorJitter, whose order is random."""

    brightness: Annotated[float, Field(ge=0, le=1)] = Field(0.4, description="factor from [1 - x, 1 + x]")
    contrast: Annotated[float, Field(ge=0, le=1)] = Field(0.4, description="alike; 0 would be all grey")
    saturation: Annotated[float, Field(ge=0, le=1)] = Field(0.4, description="alike; 0 would be without colour")
    hue: Annotated[float, Field(ge=0, le=0.5)] = Field(0.1, description="turn from [-x, x] of the circle of colours")
    prob: Probability = Field(1.0, description="share of the clips, or frames, that are jittered")

    @property
    def ranges(self) -> tuple[float, float, float]:
        """How far the factors of brightness, contrast and saturation may lie from 1."""
        return self.brightness, self.contrast, self.saturation


class RandAugment(Section):
    """RandAugment (Cubuk et al. 2020): a few operations drawn from fourteen, all of one strength."""

    num_ops: Annotated[int, Field(ge=1, le=14)] = Field(2, description="operations, one after the other")
    magnitude: Annotated[float, Field(ge=0, le=30)] = Field(9.0, description="strength of all of them, of at most 30")
    magnitude_std: Annotated[float, Field(ge=0)] = Field(
        0.0, description="deviation of the strength of each operation, drawn around magnitude"
    )
    prob: Probability = Field(1.0, description="share of the clips, or frames, that are augmented")


class Transforms(Section):
    """Augmentation in training, and the view at test time (SPEC 4d)."""

    consistent: bool = Field(False, description="draw parameters once for the clip, not once for each frame")
    crop: Literal["random_resized", "random_scale", "none"] = Field(
        "random_resized",
        description="random_scale: both sides by a factor, then a crop of at most frame_size; none: the view of test time",
    )
    scale: Annotated[tuple[Ratio, Ratio], list_of(2)] = Field(
        (0.8, 1.0), description="share of the area that a random crop keeps; of random_scale the factor of both sides"
    )
    aspect: Annotated[tuple[Positive, Positive], list_of(2)] = Field(
        (0.75, 4 / 3), description="width over height of a random crop"
    )
    flip: Probability = Field(0.5, description="probability of a horizontal flip")
    never_flip: list[str] = Field(
        [],
        description="classes whose direction matters: no flip of their train videos (flips: 2 of `evaluation` mirrors all test videos)",
    )
    drop_frames: Probability = Field(
        0.0, description="probability that a frame, but the first, is replaced by the one before it"
    )
    rand_augment: RandAugment | None = Field(None, description="after crop and flip; null for none")
    colour_jitter: ColourJitter | None = Field(None, description="after rand_augment; null for none")
    test_resize: Literal["short_side", "square"] = Field(
        "short_side", description="then the centre crop; or both sides"
    )

    @field_validator("scale", "aspect")
    @classmethod
    def _rising(cls, pair: tuple[float, float]) -> tuple[float, float]:
        if pair[0] > pair[1]:
            raise ValueError(f"expected [smallest, largest], got {list(pair)}")
        return pair


class Evaluation(Section):
    """Views at test time, and how their scores are averaged: clips x scales x crops x flips."""

    clips: Annotated[int, Field(ge=1, le=100)] = Field(1, description="clips of the window, whose frames interleave")
    scales: Annotated[list[Annotated[float, Field(ge=MIN_SCALE, le=4)]], Field(min_length=1)] = Field(
        [1.0],
        description="factors of the size that a frame is resized to before it is cropped",
        json_schema_extra={"uniqueItems": True},
    )
    crops: Annotated[Literal[1, 3], BeforeValidator(not_true)] = Field(1, description="1: centre; 3: both sides too")
    flips: Annotated[Literal[1, 2], BeforeValidator(not_true)] = Field(1, description="2: mirrored as well")
    aggregation: Literal["logits", "softmax"] = Field("logits", description="what is averaged over the views")

    @field_validator("scales")
    @classmethod
    def _different(cls, scales: list[float]) -> list[float]:
        if len(set(scales)) < len(scales):
            raise ValueError(f"expected different factors, got {scales}")
        return scales

    @property
    def views(self) -> int:
        """Clips that a video is shown in."""
        return self.clips * len(self.scales) * self.crops * self.flips
