"""What the layouts read beside their videos: lists of classes and splits. Where they are, and what they weigh in a key.

Nothing here opens a video or reads a list; `partway.data` does.
"""

from __future__ import annotations

from pathlib import Path

from partway import files, sources
from partway.errors import some
from partway.schema_data import Dataset, Hmdb51, LabelCsv, Ucf101, WithLists

CLASS_INDEX, DICTIONARY = "classInd.txt", "dictionary.json"
WHERE = {  # how to get the lists; shown when they are not there
    "ucf101": "unpack UCF101TrainTestSplits-RecognitionTask.zip of UCF-101's page, and name its folder in `lists:`",
    "hmdb51": "unpack test_train_splits.rar of HMDB51's page, and name its folder in `lists:`",
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


def missing_lists(dataset: Dataset) -> str:
    """Which lists a data set lacks and how to get them; empty where it lacks none."""
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


def key_material(dataset: Dataset) -> list[tuple[str, int | str]] | None:
    """What the data key is made of beside the options: (path, bytes) of each video, and of each list its digest.

    None for generated videos.
    """
    if dataset.layout == "mime":
        return None
    listing = sources.listing(dataset.root)
    return listing + [(f"lists/{path.name}", files.digest(path)) for path in list_files(dataset)] if listing else []


def has_own_validation(dataset: Dataset) -> bool:
    """Whether the lists name the validation videos, so that none are taken from train."""
    return (
        isinstance(dataset, LabelCsv)
        and dataset.val_csv == "validation"
        and any(path.name == "val.csv" for path in list_files(dataset))
    )
