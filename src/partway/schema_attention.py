"""The part of a study file that asks for pictures of what its models attend to."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from partway.errors import short
from partway.schema_types import Name, Ratio, Section, Seed

MOST_VIDEOS = 20  # of one picture
Ids = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=MOST_VIDEOS)]


def _as_videos(value: Any) -> Any:
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MOST_VIDEOS:
        return number
    ids = value if isinstance(value, list) and all(isinstance(name, str) and name for name in value) else []
    if 1 <= len(set(ids)) == len(ids) <= MOST_VIDEOS:
        return ids
    raise ValueError(
        f"expected a number from 1 to {MOST_VIDEOS}, or a list of so many different ids of test videos, "
        f"got {short(value)}"
    )


class Attention(Section):
    """Pictures of what trained models attend to in test videos; in no key of a training.

    Each list narrows the runs of the grid that are drawn; one that is left out takes all.
    """

    videos: Annotated[
        int | list[str],
        BeforeValidator(_as_videos, json_schema_input_type=Annotated[int, Field(ge=1, le=MOST_VIDEOS)] | Ids),
        Field(description="ids of test videos, or how many: the first of each class in turn, then the second of each"),
    ] = 4
    datasets: Annotated[list[Name], Field(min_length=1)] | None = Field(None, description="names of data sets")
    models: Annotated[list[Name], Field(min_length=1)] | None = Field(
        None, description="names of models; [which can be drawn](models.md#attention-maps)"
    )
    ablations: Annotated[list[Name], Field(min_length=1)] | None = Field(None, description="names of ablations")
    ratios: Annotated[list[Ratio], Field(min_length=1)] | None = Field(None, description="observation ratios")
    seeds: Annotated[list[Seed], Field(min_length=1)] | None = Field(None, description="seeds of the trainings")
