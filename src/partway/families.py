"""The families of models: what a study may name, and what each can do. They are built in `partway.models.<family>`.

No torch here: a study is read and checked with this table alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from partway.timm_models import image_models

EVERY = ("num_frames", "frame_size", "dropout", "normalisation")  # options that every model takes
LAYERS = ("hidden_size", "num_layers", "num_heads", "mlp_ratio", "initializer_range")
TOKENS = ("patch_size", "tubelet_size")
OVER_TIME = ("temporal", "temporal_layers", "temporal_heads")  # of models that look at one frame at a time


@dataclass(frozen=True)
class Architecture:
    """What a model can be told.

    Attributes:
        takes: the fields of ModelOptions that it honours, beside those of `EVERY`; all others are refused.
        defaults: those of its fields that are unlike ModelOptions' own.
        divisors: field -> the field or number that must divide it.
        least: field -> its smallest value.
        least_head: smallest hidden_size / num_heads; the rotary positions of V-JEPA 2 need two channels an axis.
        attention: whether `partway attention` can draw it: each block is one attention among all tokens of a clip or of
            a frame. Its model then has a method `attended`.
    """

    takes: tuple[str, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    divisors: Mapping[str, str | int] = field(default_factory=dict)
    least: Mapping[str, int] = field(default_factory=dict)
    least_head: int = 1
    attention: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """The fields of ModelOptions that it honours."""
        return (*EVERY, *self.takes)

    def wrong_sizes(self, options: Any) -> Iterator[tuple[tuple[str, ...], str]]:
        """What does not fit in its ModelOptions: the fields to blame, the likeliest first, and what is wrong."""
        divisors = list(self.divisors.items())
        if "hidden_size" in self.takes and options.temporal == "transformer":
            divisors.append(("hidden_size", "temporal_heads"))
        for size, by in divisors:
            named = isinstance(by, str)
            parts = getattr(options, by) if named else by
            if getattr(options, size) % parts:
                what = f"{by} {parts}" if named else parts
                yield (size, by) if named else (size,), f"{size} {getattr(options, size)} is not divisible by {what}"
        for size, least in self.least.items():
            if getattr(options, size) < least:
                yield (size,), f"{size} {getattr(options, size)} is too small; this model needs {least} at least"
        if options.hidden_size < self.least_head * options.num_heads:
            yield (
                ("hidden_size", "num_heads"),
                f"hidden_size {options.hidden_size} is less than {self.least_head} for each of num_heads "
                f"{options.num_heads}, which the rotary positions of this model need",
            )


@dataclass(frozen=True)
class Family:
    """One ecosystem of models.

    Attributes:
        architectures: by their names in a study.
        told: what they are, for the reference of the study file.
        single_frames: whether they look at one frame at a time, so that a token never spans several.
        has_more: whether it knows more names than those, which `find` looks up.
    """

    architectures: Mapping[str, Architecture]
    told: str
    single_frames: bool = False
    has_more: bool = False

    def find(self, name: str) -> Architecture | None:
        """What a model of this name can be told; None where there is none."""
        return self.architectures.get(name) or (_named(name) if self.has_more else None)

    def names(self) -> list[str]:
        """All names that `find` knows."""
        return [*self.architectures, *(image_models() if self.has_more else ())]


PATCHES = {"frame_size": "patch_size", "hidden_size": "num_heads"}
TUBELETS = {"num_frames": "tubelet_size"} | PATCHES
DROP_PATH = "drop_path"


def _named(name: str) -> Architecture | None:
    """An image model of timm: its name says its patches and the frame size that it was made for."""
    about = image_models().get(name)
    if about is None:
        return None
    patch = re.search(r"_patch(\d+)", name)
    size = re.search(r"_(\d{3})$", name)
    return Architecture(
        takes=(*OVER_TIME, *([DROP_PATH] if about.drop_path else [])),
        defaults={"frame_size": int(size[1])} if size else {},
        divisors={"frame_size": int(patch[1])} if patch and about.sized else {},
        least={"frame_size": 32},
        attention=about.attention,
    )


def _conv(frames: int, size: int, **more: Any) -> Architecture:
    return Architecture((), {"num_frames": frames, "frame_size": size, "dropout": 0.5}, **more)


FAMILIES = {
    "transformers": Family(
        {
            "videomae": Architecture((*LAYERS, *TOKENS), divisors=TUBELETS, attention=True),
            "vivit": Architecture((*LAYERS, *TOKENS), {"num_frames": 32}, TUBELETS, attention=True),
            "timesformer": Architecture((*LAYERS, "patch_size", DROP_PATH), {"num_frames": 8}, PATCHES),
            "vjepa2": Architecture(
                (*LAYERS, *TOKENS, DROP_PATH),
                {"num_frames": 64, "frame_size": 256, "hidden_size": 1024, "num_layers": 24, "num_heads": 16},
                TUBELETS,
                least_head=6,
            ),
        },
        told="video models",
    ),
    "timm": Family(
        {"vit": Architecture((*LAYERS, "patch_size", DROP_PATH, *OVER_TIME), divisors=PATCHES, attention=True)},
        told="image models, frame by frame",
        single_frames=True,
        has_more=True,
    ),
    "pytorchvideo": Family(
        {
            "slow_r50": _conv(8, 224),
            "slowfast_r50": _conv(32, 224, divisors={"num_frames": 4}),  # the slow pathway has every fourth frame
            "x3d_s": _conv(13, 160, least={"frame_size": 32}),
            "x3d_m": _conv(16, 224, least={"frame_size": 32}),
            "x3d_l": _conv(16, 312, least={"frame_size": 32}),
            "csn_r101": Architecture((), {"num_frames": 32}),
            "r2plus1d_r50": _conv(16, 224),
            "mvit_base_16x4": Architecture(
                (DROP_PATH,), {"dropout": 0.5}, {"num_frames": 2, "frame_size": 4}, {"frame_size": 32}
            ),
        },
        told="video models, most of them convolutional",
    ),
    "simple_vivit": Family(
        {
            "simple_vivit": Architecture(
                (*LAYERS, *TOKENS, DROP_PATH),
                {
                    "patch_size": 32,
                    "tubelet_size": 1,
                    "hidden_size": 512,
                    "num_layers": 8,
                    "num_heads": 8,
                    "dropout": 0.1,
                },
                TUBELETS,
                attention=True,
            )
        },
        told="our own, a plain fallback",
    ),
}
