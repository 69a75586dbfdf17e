"""What a layout needs beside plain videos: lists of classes and splits, or certain folders. Where they are, what they
weigh in a key, and whether the test split has labels.

Nothing here opens a video or reads a list; `partway.data` does.
"""

from __future__ import annotations

from pathlib import Path

from partway import files, sources
from partway.errors import some
from partway.schema_data import Dataset, Hmdb51, Hmdb51Frames, LabelCsv, Ucf101, WithLists

CLASS_INDEX, DICTIONARY = "classInd.txt", "dictionary.json"
FRAME_SPLITS = ("data_train", "test")  # the folders of hmdb51_frames; whatever lies beside them is not read
UNLABELLED_TEST = {"hmdb51_frames"}  # layouts whose test split has no labels
WHERE = {  # how to get what is missing; shown when it is not there
    "ucf101": "unpack UCF101TrainTestSplits-RecognitionTask.zip of UCF-101's page, and name its folder in `lists:`",
    "hmdb51": "unpack test_train_splits.rar of HMDB51's page, and name its folder in `lists:`",
    "hmdb51_frames": (
        "download the data of the competition from Kaggle, unpack data_train and test beside each other, and name the "
        "folder that holds both in `root:`"
    ),
    "label_csv": "name the folder that holds train.csv in `lists:`",
}


def ucf101_lists(split: int) -> list[str]:
    """Names of the lists of one official split of UCF-101: classes, train, test."""
    return [CLASS_INDEX, f"trainlist0{split}.txt", f"testlist0{split}.txt"]


def hmdb51_suffix(split: int) -> str:
    """What the names of the lists of one official split of HMDB51 end with, after the class."""
    return f"_test_split{split}.txt"


def list_files(dataset: Dataset) -> list[Path]:
    """The lists that a data set reads, those that are there; none for a layout without lists."""
    if not isinstance(dataset, WithLists):
        return []
    folder = sources.expand(dataset.lists)
    match dataset:
        case Ucf101():
            paths = [folder / name for name in ucf101_lists(dataset.split)]
        case Hmdb51():
            paths = sorted(folder.glob(f"*{hmdb51_suffix(dataset.split)}"))
        case LabelCsv():
            paths = [folder / name for name in ("train.csv", "val.csv", "test.csv", DICTIONARY)]
    return [path for path in paths if path.is_file()]


def has_test_labels(layout: str) -> bool:
    """Whether the test videos of a layout have labels, so that there is a test accuracy."""
    return layout not in UNLABELLED_TEST


def missing_parts(dataset: Dataset) -> str:
    """Which lists or folders a data set lacks and how to get them; empty where it lacks none."""
    if isinstance(dataset, Hmdb51Frames):
        return _missing_folders(sources.expand(dataset.root))
    if not isinstance(dataset, WithLists):
        return ""
    there = {path.name for path in list_files(dataset)}
    match dataset:
        case Ucf101():
            missing = [name for name in ucf101_lists(dataset.split) if name not in there]
        case Hmdb51():
            missing = [] if there else [f"<class>{hmdb51_suffix(dataset.split)}"]
        case LabelCsv():
            tested = "val.csv" if dataset.val_csv == "test" else "test.csv"
            missing = [name for name in ("train.csv", tested) if name not in there]
    if not missing:
        return ""
    hint = (
        "; if val.csv is the test list, write val_csv: test" if missing == ["test.csv"] and "val.csv" in there else ""
    )
    return f"lists: {some(missing)} not found in {sources.expand(dataset.lists)}; {WHERE[dataset.layout]}{hint}"


def _missing_folders(root: Path) -> str:
    """Which of the two folders of hmdb51_frames a root lacks, and where both are, if that is nearby."""
    lost = [name for name in FRAME_SPLITS if not (root / name).is_dir()]
    if not lost:
        return ""
    nearby = [root.parent, *sorted(root.glob("*/"))]
    both = [folder for folder in nearby if all((folder / name).is_dir() for name in FRAME_SPLITS)]
    hint = f"perhaps {both[0]} is the folder for `root:`" if both else WHERE["hmdb51_frames"]
    return f"{some(lost)} not found in {root}; {hint}"


def key_material(dataset: Dataset) -> list[tuple[str, int | str]] | None:
    """What the data key is made of beside the options: (path, bytes) of each video, and of each list its digest.

    None for generated videos.
    """
    if dataset.layout == "mime":
        return None
    listing = sources.listing(dataset.root)
    if isinstance(dataset, Hmdb51Frames):
        listing = [(path, size) for path, size in listing if path.split("/")[0] in FRAME_SPLITS]
    return listing + [(f"lists/{path.name}", files.digest(path)) for path in list_files(dataset)] if listing else []


def has_own_validation(dataset: Dataset) -> bool:
    """Whether the lists name the validation videos, so that none are taken from train."""
    return (
        isinstance(dataset, LabelCsv)
        and dataset.val_csv == "validation"
        and any(path.name == "val.csv" for path in list_files(dataset))
    )
