"""Videos that a list names: which of them is which file, which are missing, listed twice, or in another class's folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from partway import sources
from partway.data.candidates import Candidate, Problem
from partway.errors import some

MOST_NOTED = 5  # names of unlisted videos in the log


@dataclass(frozen=True)
class Entry:
    """One line of a list.

    Attributes:
        name: of the video below the folder of its class, as the list writes it; its suffix may be left out.
        where: file and line, for messages.
    """

    name: str
    label: str
    split: str
    group: str
    where: str


class VideoTree:
    """The videos below a root: `<class>/<video>`, or `<video>` at the root itself; a file or a folder of frames."""

    def __init__(self, root: Path):
        tree = sources.walk(root)
        above = sources.class_depth(tree) if tree else 0  # images up to there are covers, and in no data key
        frame_folders = [folder.path for folder in tree if folder.depth > above and folder.images]
        self.paths = {folder.child(name) for folder in tree for name, _ in folder.videos} | set(frame_folders)
        self.by_stem: dict[str, list[str]] = defaultdict(
            list
        )  # a frame folder has no suffix, and its name may have dots
        self.by_name: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self.paths):
            stem = path if path in frame_folders else path.rpartition(".")[0]
            self.by_stem[stem].append(path)
            self.by_name[stem.rpartition("/")[2]].append(path)

    def find(self, entry: Entry) -> list[str]:
        """The paths that an entry may mean: `<class>/<name>`, else `<name>` at the root, with any video suffix."""
        for path in (f"{entry.label}/{entry.name}", entry.name):
            stem = path if sources.suffix(path) not in sources.VIDEO_SUFFIXES else path.rpartition(".")[0]
            if path in self.paths:
                return [path]
            if stem in self.by_stem:
                return self.by_stem[stem]
        return []

    def elsewhere(self, entry: Entry) -> str | None:
        """A video of that name in the folder of another class."""
        has_suffix = sources.suffix(entry.name) in sources.VIDEO_SUFFIXES
        stem = entry.name.rpartition(".")[0] if has_suffix else entry.name
        return next(iter(self.by_name.get(stem.rpartition("/")[2], ())), None)


def match(entries: Iterable[Entry], root: Path) -> tuple[list[Candidate], list[Problem], list[str]]:
    """Find the file of each listed video.

    Returns:
        The videos in the order of the lists; what is missing, listed twice, ambiguous or in another class's folder; and
        a note on videos that no list names, which are left out.
    """
    tree, found, problems = VideoTree(root), {}, []
    for entry in entries:
        paths = tree.find(entry)
        if problem := _problem(entry, paths, tree, found):
            problems.append(problem)
        else:
            path = paths[0]
            found[path] = Candidate(id=path, path=path, label=entry.label, split=entry.split, group=entry.group)
    return list(found.values()), problems, list(_unlisted(tree, set(found)))


def _problem(entry: Entry, paths: list[str], tree: VideoTree, found: dict[str, Candidate]) -> Problem | None:
    shown = f"{entry.label}/{entry.name}"
    if not paths:
        other = tree.elsewhere(entry)
        if other:
            return Problem(shown, "wrong class", f"{entry.where} says class {entry.label}, but the video is {other}")
        return Problem(shown, "missing", f"listed in {entry.where}, and there is no such video")
    if len(paths) > 1:
        return Problem(shown, "ambiguous", f"listed in {entry.where}, which may mean {some(paths)}; keep one")
    if paths[0] in found:
        return Problem(shown, "listed twice", f"in {entry.where}, and before that as {found[paths[0]].split}")
    return None


def _unlisted(tree: VideoTree, listed: set[str]) -> Iterator[str]:
    if others := sorted(tree.paths - listed):
        yield f"{len(others)} videos are in no list of this split and are left out: {some(others, most=MOST_NOTED)}"
