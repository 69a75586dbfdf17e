"""The data sets of a study file: what every layout has, and the options of each."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from partway.schema_store import StoreOrKind
from partway.schema_types import Duration, Fraction, Moment, Probability, Section, Seed, list_of, not_true

FEWEST_DECIDED_FRAMES = 3  # of a generated video: fewer show no movement


class SplitOff(Section):
    """A share of the videos put apart, the same for every run of the study."""

    fraction: Fraction = Field(0.2, description="share of the videos to put apart; 0 for none")
    by: Literal["group", "random"] = Field("group", description="whole groups, or single videos (leaks)")
    seed: Seed = Field(0, description="of the draw")


class Dataset(Section):
    """What every layout has. A `store` without loss is an execution setting, in no key; another is in the training's."""

    validation: SplitOff = Field(SplitOff(), description="taken from the train split, to choose epochs")
    store: StoreOrKind = Field("none", description="decode every frame once, for all trainings", validate_default=True)
    on_bad_video: Literal["stop", "skip"] = Field("stop", description="skip: leave them out of every run alike")


class MimeOptions(Section):
    """The generated data set: stick figures acting out actions that share their opening in pairs."""

    num_classes: Literal[2, 4, 6, 8, 10, 12] = Field(
        10, description="actions are taken pair by pair; the last two of 12 are each other's mirror image"
    )
    num_videos: int = Field(800, ge=4, le=99_998, multiple_of=2, description="videos of both splits together")
    num_performers: int = Field(40, ge=2, le=999, description="looks, one group of videos each; a video shows one")
    habit: Annotated[float, Field(ge=0.5, le=1)] = Field(
        0.8,
        description="share of the videos in the room where a performer likes to do that action; 0.5: a split by random leaks nothing",
    )
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = Field(0.25, description="share of the performers for test")
    width: int = Field(96, ge=32, le=512, multiple_of=2, description="pixels")
    height: int = Field(72, ge=32, le=512, multiple_of=2, description="pixels")
    frame_rate: int = Field(12, ge=4, le=60, description="frames a second")
    duration_sec: Annotated[tuple[Duration, Duration], list_of(2)] = Field(
        (2.0, 4.0), description="shortest and longest, drawn without regard to the class"
    )
    decided_at: Annotated[tuple[Moment, Moment], list_of(2)] = Field(
        (0.15, 0.75), description="earliest and latest moment the pair parts, as a fraction"
    )
    noise: Probability = Field(0.05, description="amount of pixel noise and background clutter")
    distractors: int = Field(1, ge=0, le=9, description="balls that roll by, whatever is acted")
    speed: float = Field(1.0, ge=0.25, le=4, description="tempo of the movements, as a factor")
    seed: Seed = Field(0, description="of the draw")

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        shortest, longest = self.duration_sec
        earliest, latest = self.decided_at
        if shortest > longest:
            raise ValueError(f"duration_sec: expected [shortest, longest], got [{shortest}, {longest}]")
        if earliest > latest:
            raise ValueError(f"decided_at: expected [earliest, latest], got [{earliest}, {latest}]")
        if (1 - latest) * round(shortest * self.frame_rate) < FEWEST_DECIDED_FRAMES:
            raise ValueError(
                f"decided_at: {latest} leaves fewer than {FEWEST_DECIDED_FRAMES} decided frames in the shortest video"
            )
        if self.num_videos < 2 * self.num_performers:
            raise ValueError(f"num_videos: expected at least 2 for each of {self.num_performers} performers")
        return self


class MimeDataset(Dataset, MimeOptions):
    """`layout: mime`."""

    layout: Literal["mime"]


class ClassFolders(Dataset):
    """`layout: class_folders`: `<class>/<video>` or `<train|test>/<class>/<video>`: anybody's own clips."""

    layout: Literal["class_folders"]
    root: str = Field(min_length=1, description="the folder of the videos; ~ and $VARIABLES are expanded")
    test: SplitOff = Field(
        SplitOff(fraction=0.25),
        description="seeded test split; not with split folders",
        json_schema_extra={"properties": {"fraction": {"exclusiveMinimum": 0}}},
    )
    group_pattern: str | None = Field(
        None,
        description="regular expression with one (group) that finds the source of a clip in its file name",
    )

    @field_validator("group_pattern")
    @classmethod
    def _has_one_group(cls, pattern: str | None) -> str | None:
        try:
            groups = re.compile(pattern).groups if pattern is not None else 1
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if groups != 1:
            raise ValueError(f"expected exactly one (group) in {pattern!r}, found {groups}")
        return pattern

    @field_validator("test")
    @classmethod
    def _some_test(cls, test: SplitOff) -> SplitOff:
        if test.fraction == 0:
            raise ValueError("a test split of fraction 0 leaves nothing to evaluate; expected a number in (0, 1)")
        return test


class WithLists(Dataset):
    """A folder of videos, and beside it lists that say which of them are train and test."""

    root: str = Field(min_length=1, description="the folder of the class folders; ~ and $VARIABLES are expanded")
    lists: str = Field(min_length=1, description="the folder of the lists")


class Ucf101(WithLists):
    """`layout: ucf101`: UCF-101 as it is distributed, with its three official splits."""

    layout: Literal["ucf101"]
    split: Annotated[Literal[1, 2, 3], BeforeValidator(not_true)] = Field(1, description="which official split")


class Hmdb51(WithLists):
    """`layout: hmdb51`: HMDB51 as it is distributed, with its three official splits."""

    layout: Literal["hmdb51"]
    split: Annotated[Literal[1, 2, 3], BeforeValidator(not_true)] = Field(1, description="which official split")


class Hmdb51Frames(Dataset):
    """`layout: hmdb51_frames`: HMDB51 as folders of frames, with a test split that has no labels."""

    layout: Literal["hmdb51_frames"]
    root: str = Field(min_length=1, description="the folder of data_train and test; ~ and $VARIABLES are expanded")
    validation: SplitOff = Field(
        SplitOff(),
        description="taken from data_train, to choose epochs, and the only accuracy there is",
        json_schema_extra={"properties": {"fraction": {"exclusiveMinimum": 0}}},
    )

    @field_validator("validation")
    @classmethod
    def _some_validation(cls, validation: SplitOff) -> SplitOff:
        if validation.fraction == 0:
            raise ValueError(
                "fraction 0 leaves no accuracy to tell, since the test split of hmdb51_frames has no labels; "
                "expected a number in (0, 1), as validation: {fraction: 0.2}"
            )
        return validation


class LabelCsv(WithLists):
    """`layout: label_csv`: train.csv, val.csv and test.csv with columns id and label."""

    layout: Literal["label_csv"]
    val_csv: Literal["validation", "test"] = Field(
        "validation", description="what val.csv is; `test` where there is no test.csv, as in TemPr's lists"
    )


AnyDataset = Annotated[
    MimeDataset | ClassFolders | Ucf101 | Hmdb51 | Hmdb51Frames | LabelCsv, Field(discriminator="layout")
]
