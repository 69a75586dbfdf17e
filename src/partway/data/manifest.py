"""The table of a data set's videos, as `prepare` wrote it and as everything after it reads it.

Columns of manifest.csv: id, path (relative to the root; a file, or a folder of frames), label (empty for the test videos
of a data set whose test split has no labels), split (train, test or validation),
group (videos of one source share it; groups are never cut), frames (decoded, not the header's), frame_rate (empty
where unknown, as of frame folders), width, height, codec (of frame folders jpeg, png or jpeg+png), digest (SHA-256 of
the file, or of all frames in their order), decided_at (mime only), frame_times_sec (variable frame rate only).

The validation split stands in the table only where the data set's own lists name it. Else it is a pure function of this
table and the data set's `validation:`, so that another fraction does not decode again.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from partway import files
from partway.data.splits import split_off
from partway.errors import DataError
from partway.schema_data import SplitOff


@dataclass(frozen=True, kw_only=True)
class Video:
    """One row of the manifest."""

    id: str
    path: str
    label: str | None  # None: a test video without a label
    split: str
    group: str
    frames: int
    frame_rate: float | None
    width: int
    height: int
    codec: str
    digest: str
    decided_at: float | None = None
    frame_times_sec: tuple[float, ...] | None = None


COLUMNS = [field.name for field in fields(Video)]
UNLABELLED = -1  # what stands for the index of a class where a video has no label
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Manifest:
    """The videos of a data set and the order of its classes."""

    videos: list[Video]
    classes: list[str]

    @property
    def fingerprint(self) -> str:
        """Digest of everything here that numbers depend on: ids, labels, splits, groups and file contents."""
        rows = sorted("\t".join((v.id, v.label or "", v.split, v.group, str(v.frames), v.digest)) for v in self.videos)
        return hashlib.sha256("\n".join([*self.classes, *rows]).encode()).hexdigest()[:16]

    @property
    def has_own_validation(self) -> bool:
        """Whether the data set's lists name the validation videos."""
        return any(video.split == "validation" for video in self.videos)

    def split(self, name: str, validation: SplitOff) -> list[Video]:
        """The videos of `train`, `validation` or `test`, in manifest order.

        Raises:
            DataError: a validation split was asked for and the train videos cannot be parted.
        """
        if name == "test" or self.has_own_validation:
            return [video for video in self.videos if video.split == name]
        train = [video for video in self.videos if video.split == "train"]
        apart = split_off(train, validation, "validation")
        if validation.fraction > 0 and not apart:
            raise DataError(
                f"validation fraction {validation.fraction} by {validation.by} leaves no validation video among "
                f"{len(train)}: add videos, or write validation: {{fraction: 0}} and select: last"
            )
        return [video for video in train if (video.id in apart) == (name == "validation")]


def class_list_digest(classes: list[str]) -> str:
    """Digest of an ordered class list: an index means a class only beside its list."""
    return hashlib.sha256("\n".join(classes).encode()).hexdigest()[:16]


def subset(videos: list[Video], fraction: float) -> list[Video]:
    """The same share of each class, at least one video of each; a smaller share is part of a larger one."""
    if fraction == 1:
        return videos
    kept: set[str] = set()
    for label in {video.label for video in videos}:
        ids = sorted((v.id for v in videos if v.label == label), key=lambda i: hashlib.sha256(i.encode()).digest())
        kept.update(ids[: max(1, round(fraction * len(ids)))])
    return [video for video in videos if video.id in kept]


def write(manifest: Manifest, folder: Path) -> None:
    """Write manifest.csv and classes.json into `folder`."""
    files.write_json(folder / "classes.json", manifest.classes)
    rows = [asdict(video) for video in manifest.videos]
    for row in rows:
        times = row["frame_times_sec"]
        row["frame_times_sec"] = " ".join(map(str, times)) if times else None
    files.write_csv(folder / "manifest.csv", rows, COLUMNS)


def read(path: Path | str) -> Manifest:
    """Read a manifest.csv and the classes.json beside it.

    Raises:
        DataError: not a manifest.
    """
    try:
        videos = [_video(row) for row in files.read_csv(path)]
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}: not a manifest of this version ({error!r}); delete it and run again") from None
    return Manifest(videos, files.read_json(Path(path).with_name("classes.json")))


def _video(row: dict[str, str]) -> Video:
    times = row["frame_times_sec"]
    return Video(
        **{name: row[name] for name in ("id", "path", "split", "group", "codec", "digest")},
        label=row["label"] or None,
        frames=int(row["frames"]),
        frame_rate=float(row["frame_rate"]) if row["frame_rate"] else None,
        width=int(row["width"]),
        height=int(row["height"]),
        decided_at=float(row["decided_at"]) if row["decided_at"] else None,
        frame_times_sec=tuple(map(float, times.split())) if times else None,
    )
