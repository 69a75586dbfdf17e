"""Where a study's videos lie: path expansion, and the one walk of a source folder that its data key is made of.

A video is a file, or a folder of numbered pictures ("frame folder") at the same place in the tree:
`<class>/<video>` or `<train|test>/<class>/<video>`. Names that begin with a dot are left out everywhere.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from partway.errors import DataError, some

VIDEO_SUFFIXES = {".avi", ".mp4", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg"}
FRAME_SUFFIXES = {".jpg", ".jpeg", ".png"}
SPLIT_FOLDERS = {"train", "test"}
READ = f"{', '.join(sorted(VIDEO_SUFFIXES))} files, or folders of {', '.join(sorted(FRAME_SUFFIXES))} frames"
UNREADABLE = {"Cc", "Cs", "Zl", "Zp"}  # Unicode categories: control, bytes that are not UTF-8, line ends
DIGITS = re.compile(r"([0-9]+)")
DEEPEST = 6  # levels of folders; no layout has so many, and a link that points to its own parent ends here


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of a source tree, files sorted by what they are; names in the order of the directory.

    Attributes:
        path: relative to the root, posix; empty for the root.
        folders: names of the folders in it.
        videos, images: (name, bytes) of the files in it; -1 bytes for a broken link.
        others: number of other files by suffix.
    """

    path: str
    folders: list[str] = field(default_factory=list)
    videos: list[tuple[str, int]] = field(default_factory=list)
    images: list[tuple[str, int]] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)

    @property
    def depth(self) -> int:
        """Levels below the root: 0 for the root."""
        return self.path.count("/") + 1 if self.path else 0

    def child(self, name: str) -> str:
        """Relative path of something in this folder."""
        return f"{self.path}/{name}" if self.path else name


def expand(root: str) -> Path:
    """Expand `~` and `$VARIABLES`; a relative path is relative to Snakemake's working directory."""
    return Path(os.path.expandvars(root)).expanduser()


def readable(name: str) -> bool:
    """Whether a file name is text of one line, which a CSV file and a log can hold."""
    return name.isprintable() or not any(unicodedata.category(letter) in UNREADABLE for letter in name)


def shown(name: str | Path) -> str:
    """A file name as it can be printed: what is not readable text is escaped."""
    return "".join(
        letter.encode("unicode_escape").decode() if unicodedata.category(letter) in UNREADABLE else letter
        for letter in str(name)
    )


def natural_order(name: str) -> tuple[str | int, ...]:
    """What names with numbers are sorted by: text without regard to case and whole numbers in turn, text first."""
    parts = DIGITS.split(name.casefold())
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts))


def by_number(name: str) -> tuple:
    """What ids of videos are sorted by: whole numbers by their value, then all others in natural order."""
    return re.fullmatch("[0-9]+", name) is None, natural_order(name), name


def suffix(name: str) -> str:
    """The suffix of a file name in lower case, with its dot; empty where there is none."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 (half a million names: a Path each takes seconds)


def without_video_suffix(name: str) -> str:
    """A video's name without its suffix; other names as they are, for they may hold dots (as frame folders' do)."""
    return name[: -len(suffix(name))] if suffix(name) in VIDEO_SUFFIXES else name


def has_split_folders(root: str | Path) -> bool:
    """Whether the folder holds official splits: `train/` and `test/`, and no other folder."""
    top = expand(str(root))
    return _is_folder(top) and set(_read(str(top), "").folders) == SPLIT_FOLDERS


def walk(root: str | Path) -> list[Folder]:
    """Read the folders of a source, the root first; empty where there is no such folder.

    Raises:
        DataError: a folder in it cannot be listed.
    """
    top = expand(str(root))
    if not _is_folder(top):
        return []
    found, waiting = [], [""]
    while waiting:
        folder = _read(str(top), waiting.pop())
        found.append(folder)
        if folder.depth < DEEPEST:
            waiting.extend(folder.child(name) for name in folder.folders)
    return found


def class_depth(tree: list[Folder]) -> int:
    """Level of the class folders; the folders in them hold the frames of one video each."""
    return 2 if set(tree[0].folders) == SPLIT_FOLDERS else 1


def listing(root: str | Path) -> list[tuple[str, int]]:
    """List videos and frames below a folder as sorted (relative posix path, bytes); empty where there is no folder.

    Pictures above the level of frame folders (a cover, thumbnails beside the videos) are not part of it.
    """
    return media(walk(root))


def media(tree: list[Folder]) -> list[tuple[str, int]]:
    """Videos and frames of a tree as `listing` gives them."""
    found = [(folder.child(name), size) for folder in tree for name, size in folder.videos]
    frame_folders = (folder for folder in tree if folder.depth > class_depth(tree))
    found += [(f"{folder.path}/{name}", size) for folder in frame_folders for name, size in folder.images]
    return sorted(found)


def why_nothing(root: str | Path) -> str:
    """Why no video is found under a root, and what to do; the root's own name is not part of it."""
    top = expand(str(root))
    try:
        is_folder = stat.S_ISDIR(top.stat().st_mode)
    except FileNotFoundError:
        unset = " (is its $VARIABLE set?)" if "$" in str(top) else ""
        return (
            f"there is no such folder{unset}; mount or download the videos, or correct `root:` (now {top.absolute()})"
        )
    except OSError as error:
        raise _unlistable(top, error) from None
    if not is_folder:
        return "this is a file; `root:` names the folder that holds the class folders"
    tree = walk(top)
    others = sum((folder.others for folder in tree), Counter())
    if images := [folder for folder in tree if folder.images]:
        where = shown(images[0].path or ".")
        return (
            f"no video, and images lie directly in {where}, where videos are expected; put the frames of each video "
            "into a folder of its own, <class>/<video>/<image>, or name the folder above in `root:`"
        )
    there = (
        f"it holds {sum(others.values())} other files ({by_suffix(others)})"
        if others
        else "the folder is empty (is its disk mounted?)"
    )
    return f"{there}; expected <class>/<video> or <train|test>/<class>/<video>, which are {READ}"


def by_suffix(counts: Counter[str]) -> str:
    """Name the suffixes of files that are no videos, the most frequent first."""
    return shown(some([name or "no suffix" for name, _ in counts.most_common()], most=5))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise _unlistable(path, error) from None


def _read(top: str, path: str) -> Folder:
    folder = Folder(path)
    where = f"{top}/{path}"
    try:
        with os.scandir(where) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    _sort(entry, folder)
    except OSError as error:
        raise _unlistable(where, error) from None
    return folder


def _sort(entry: os.DirEntry, folder: Folder) -> None:
    if entry.is_dir():
        folder.folders.append(entry.name)
        return
    kind = suffix(entry.name)
    if kind in VIDEO_SUFFIXES:
        folder.videos.append((entry.name, _size(entry)))
    elif kind in FRAME_SUFFIXES:
        folder.images.append((entry.name, _size(entry)))
    else:
        folder.others[kind] += 1


def _size(entry: os.DirEntry) -> int:
    """Bytes of a file; -1 for a broken link, which `prepare` reports by name."""
    try:
        return entry.stat().st_size
    except OSError:
        return -1


def _unlistable(folder: Path | str, error: OSError) -> DataError:
    return DataError(
        f"{shown(error.filename or folder)}: cannot be listed: {error.strerror}; whoever runs this needs the right to read and enter "
        "the folder (chmod u+rx), or correct `root:`"
    )
