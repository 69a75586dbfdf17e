"""The parts of a study file that say what runs and what is shown: grid, ladders, reported numbers, tables, figures, report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from partway.errors import short
from partway.schema_types import Name, Probability, Ratio, Section, Seed, TrainRatio

SETTINGS = "settings"  # the table of these, beside those of the ladders


class Reported(Section):
    """What others report for a row of a ladder; shown beside what is measured, and in no mean or difference."""

    test_top1: Probability = Field(description="their accuracy, as a fraction")
    train_top1: Probability | None = Field(None, description="their accuracy on train videos, as a fraction")
    observation_ratio: Ratio = Field(1.0, description="that it was reported for: the table of that ratio shows it")
    source: str = Field(min_length=1, description="where it is reported, and what differs there")


class Anchor(Section):
    """A published accuracy, drawn in accuracy against ratio as what it is."""

    label: str = Field(min_length=1, description="its name in the figure")
    dataset: Name = Field(description="name of a data set of this study")
    observation_ratio: Ratio = Field(description="share of the video that was seen")
    top1: Probability = Field(description="accuracy, as a fraction")
    window: Literal["prefix", "middle"] = Field("prefix", description="which share was seen")
    source: str = Field(min_length=1, description="where it is published, and what differs there")


class LadderRow(Section):
    """One row of an ablation table; without `model`, of each model that runs it."""

    ablation: Name = Field(description="name of an ablation")
    model: Name | None = Field(None, description="name of a model; each that runs the ablation if not given")
    reference: Reported | None = Field(None, description="what others report for this row")


def _as_row(value: Any) -> Any:
    if isinstance(value, dict | LadderRow):
        return value
    if isinstance(value, str):
        return {"ablation": value}
    raise ValueError(f"expected an ablation's name, or {{ablation: .., model: ..}}, got {short(value)}")


def _as_ladder(value: Any) -> Any:
    if isinstance(value, dict | Ladder):
        return value
    if isinstance(value, list):
        return {"rows": value}
    raise ValueError(f"expected a list of ablations, or {{rows: [..], train_ratio: ..}}, got {short(value)}")


LadderRows = Annotated[
    list[Annotated[LadderRow, BeforeValidator(_as_row, json_schema_input_type=Name | LadderRow)]], Field(min_length=1)
]


class Ladder(Section):
    """Ordered rows of one ablation table."""

    rows: LadderRows = Field(description="names of ablations, or {ablation: .., model: ..}")
    model: Name | None = Field(None, description="of rows that name none; each that runs one of them if not given")
    train_ratio: TrainRatio = Field("matched", description="which runs of the grid the table shows")
    ratios: Annotated[list[Ratio], Field(min_length=1)] | None = Field(
        None, description="those with a table each; null for all that its rows run at"
    )

    def named_rows(self) -> list[LadderRow]:
        """The rows, with the ladder's model where they name none."""
        return [row.model_copy(update={"model": row.model or self.model}) for row in self.rows]


class GridBlock(Section):
    """A cross product of runs."""

    dataset: Name = Field(description="name of a data set")
    models: Annotated[list[Name], Field(min_length=1, description="names of models")]
    ablations: Annotated[list[Name], Field(min_length=1, description="names of ablations")]
    ratios: Annotated[list[Ratio], Field(min_length=1, description="shares of the video that may be seen")]
    windows: Annotated[list[Literal["prefix", "middle"]], Field(min_length=1, description="which share")] = ["prefix"]  # noqa: RUF012 (frozen)
    train_ratio: TrainRatio = Field("matched", description="share seen in training: matched, full, random or a number")
    train_fraction: Ratio = Field(1.0, description="share of the train split, class by class")
    seeds: Annotated[list[Seed], Field(min_length=1, description="one training each")]


class TableOptions(Section):
    """How tables are written; in no key."""

    decimals: Annotated[int, Field(ge=0, le=6)] = Field(1, description="of percentages")


class FigureOptions(Section):
    """How figures are drawn; in no key."""

    dpi: Annotated[int, Field(ge=50, le=1200)] = Field(150, description="of the PNG files")


class ReportOptions(Section):
    """What the report shows; in no key."""

    film_strips: Annotated[int, Field(ge=0, le=12)] = Field(
        5,
        description="videos in pictures that it shows of each run: half of them, rounded up, wrong and the others right; "
        "0 for none, as where the data set's licence forbids to pass frames on",
    )


def _no_other_table(name: str) -> str:
    if name == SETTINGS:
        raise ValueError(
            f"a ladder cannot be called {SETTINGS}: tables/{SETTINGS}.csv is a table of its own; choose another"
        )
    return name


LadderName = Annotated[Name, AfterValidator(_no_other_table), Field(json_schema_extra={"not": {"const": SETTINGS}})]
LadderOrRows = Annotated[Ladder, BeforeValidator(_as_ladder, json_schema_input_type=LadderRows | Ladder)]


def table_names(ladders: Iterable[str]) -> list[str]:
    """The files in `tables/`, without their endings: one of each ladder, and where there is one the settings of all."""
    names = list(ladders)
    return [*names, SETTINGS] if names else []
