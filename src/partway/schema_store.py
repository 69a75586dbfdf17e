"""How the frames of a data set are kept for its trainings: the `store` of a study's data set, and its name in files."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from partway.errors import did_you_mean, short
from partway.schema_types import Section

Kind = Literal["none", "raw", "jpeg", "packed-frames"]
KINDS = get_args(Kind)
OPTIONS = {"none": (), "raw": ("short_side",), "jpeg": ("short_side", "quality"), "packed-frames": ()}
NAME = re.compile(r"(none|raw|jpeg|packed-frames)(?:-([1-9][0-9]*))?(?:-q([1-9][0-9]*))?")


class FrameStore(Section):
    """Frames decoded once for all trainings. What changes them (`jpeg`, `short_side`) is in the training's key."""

    kind: Kind = Field(
        "none",
        description="none: videos are decoded when they are read; raw: uncompressed; jpeg: small, with a loss; "
        "packed-frames: the pictures of frame folders as they are, in one file",
    )
    short_side: int | None = Field(
        None, ge=16, le=4320, description="pixels that a longer short side is shrunk to; of raw and jpeg"
    )
    quality: int = Field(95, ge=1, le=100, description="of jpeg")

    @model_validator(mode="after")
    def _options_of_its_kind(self) -> Self:
        written = self.model_fields_set - {"kind", *OPTIONS[self.kind]}
        for key in sorted(written - {"short_side"} if self.short_side is None else written):
            kinds = [kind for kind, options in OPTIONS.items() if key in options]
            raise ValueError(f"{key}: {self.kind} has none; it is an option of {' and '.join(kinds)}")
        return self

    @property
    def name(self) -> str:
        """Kind and options in one word, as file names have it: `raw`, `raw-256`, `jpeg-q95`, `jpeg-256-q95`."""
        size = [str(self.short_side)] if self.short_side else []
        return "-".join([self.kind, *size, *([f"q{self.quality}"] if self.kind == "jpeg" else [])])

    @classmethod
    def from_name(cls, name: str) -> Self:
        """Inverse of `name`.

        Raises:
            ValueError: no store has this name.
        """
        if found := NAME.fullmatch(name):
            options = {key: int(value) for key, value in zip(OPTIONS["jpeg"], found.groups()[1:], strict=True) if value}
            with suppress(ValidationError):
                if (store := cls(kind=found[1], **options)).name == name:
                    return store
        raise ValueError(f"{name}: expected none, raw, raw-<short side>, jpeg-q<quality> or packed-frames")

    @property
    def in_key(self) -> dict[str, Any]:
        """What of it numbers depend on: nothing where it gives the decoder's frames bit for bit."""
        changes = self.kind == "jpeg" or self.short_side is not None
        return self.model_dump(exclude_defaults=True) if changes else {}


def _as_store(value: Any) -> Any:
    if isinstance(value, dict | FrameStore):
        return value
    if value in KINDS:
        return {"kind": value}
    raise ValueError(f"expected {', '.join(KINDS)} or {{kind: ..}}, got {short(value)}{did_you_mean(value, KINDS)}")


StoreOrKind = Annotated[FrameStore, BeforeValidator(_as_store, json_schema_input_type=Kind | FrameStore)]
