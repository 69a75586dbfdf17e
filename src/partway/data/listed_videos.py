"""Videos that a list names: which of them is which file, which are missing, listed twice, or in another class's folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from partway import sources
from partway.data.candidates import Candidate, Listed, Problem
from partway.errors import some

UNUSED = "unused"  # the split of a video that a list names and leaves out


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
        # By names without suffix; a frame folder has none, and its name may have dots.
        self.by_stem: dict[str, list[str]] = defaultdict(list)
        self.by_name: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self.paths):
            stem = path if path in frame_folders else path.rpartition(".")[0]
            self.by_stem[stem].append(path)
            self.by_name[stem.rpartition("/")[2]].append(path)

    def find(self, entry: Entry) -> list[str]:
        """The paths that an entry may mean: `<class>/<name>`, else `<name>` at the root, with any video suffix."""
        for path in (f"{entry.label}/{entry.name}", entry.name):
            if path in self.paths:
                return [path]
            if (stem := sources.without_video_suffix(path)) in self.by_stem:
                return self.by_stem[stem]
        return []

    def elsewhere(self, entry: Entry) -> str | None:
        """A video of that name in the folder of another class."""
        stem = sources.without_video_suffix(entry.name)
        return next(iter(self.by_name.get(stem.rpartition("/")[2], ())), None)


def match(entries: Iterable[Entry], root: Path, *, groups_known: bool, classes: list[str]) -> Listed:
    """Find the file of each listed video, in the order of the lists.

    What is missing, listed twice, ambiguous or in another class's folder is a problem; a video that no list names is not,
    and is left out; one that a list leaves out (`UNUSED`) need not be there.
    """
    tree, found, problems, unused = VideoTree(root), {}, [], set()
    for entry in entries:
        paths = tree.find(entry)
        if entry.split == UNUSED:
            unused.update(paths)
        elif problem := _problem(entry, paths, tree, found):
            problems.append(problem)
        else:
            path = paths[0]
            found[path] = Candidate(id=path, path=path, label=entry.label, split=entry.split, group=entry.group)
    unlisted = sorted(tree.paths - unused - set(found))
    notes = [f"{len(unused - set(found))} videos are not used in this split, as its lists say"] if unused else []
    return Listed(
        list(found.values()),
        groups_known=groups_known,
        published=True,
        classes=classes,
        problems=problems,
        unlisted=unlisted,
        notes=notes,
    )


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
