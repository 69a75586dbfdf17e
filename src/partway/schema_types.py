"""What the sections of a study file are made of: their base, and ranges of numbers, names and ratios."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from partway.errors import did_you_mean, short

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")  # no leading dot: names are folders, and .. is one too
TRAIN_RATIO_WORDS = ("matched", "full", "random")


class Section(BaseModel):
    """Base of all sections: unknown keys, loose types, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers(cls, tree: Any) -> Any:
        """`epochs: 2e1` is a whole number, as a reader would think, and for JSON Schema."""
        if not isinstance(tree, dict):
            return tree
        whole = {name for name, field in cls.model_fields.items() if field.annotation in (int, int | None)}
        return {name: _as_whole(value) if name in whole else value for name, value in tree.items()}


def _as_whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_train_ratio(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value in TRAIN_RATIO_WORDS or (is_number and 0 < value <= 1):
        return float(value) if is_number else value
    close = did_you_mean(value, TRAIN_RATIO_WORDS)
    raise ValueError(f"expected matched, full, random or a number in (0, 1], got {short(value)}{close}")


def list_of(count: int) -> BeforeValidator:
    """YAML has lists, not tuples: a pair arrives as a list of two."""

    def as_tuple(value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != count:
            raise ValueError(f"expected a list of {count} numbers, got {short(value)}")
        return tuple(value)

    return BeforeValidator(as_tuple)


Name = Annotated[str, Field(pattern=rf"^{NAME.pattern}$", max_length=100)]
Ratio = Annotated[float, Field(gt=0, le=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Duration = Annotated[float, Field(ge=0.5, le=60)]
Moment = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1), BeforeValidator(_as_whole)]
CountOrNone = Annotated[int, Field(ge=0), BeforeValidator(_as_whole)]
Seed = Annotated[int, Field(ge=0, lt=2**32), BeforeValidator(_as_whole)]
# json_schema_input_type: what may be written, where a validator accepts more than the annotation says.
TrainRatio = Annotated[
    str | float, BeforeValidator(_as_train_ratio, json_schema_input_type=Literal[TRAIN_RATIO_WORDS] | Ratio)
]


def not_true(value: Any) -> Any:
    """Refuse true where 1 is meant: they are equal, for Python."""
    if isinstance(value, bool):
        raise ValueError(f"expected a whole number, got {short(value)}")
    return value
