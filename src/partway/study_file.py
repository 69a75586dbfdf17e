"""A study file as text: what it holds, the line of each key, and edits by `set=path=value`."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partway.errors import StudyError, nearest, short
from partway.plain_yaml import DEEPEST, NotYamlError, Path_, parse

LARGEST_FILE_BYTES = 1_000_000  # the largest study we know of is 20 kB; more is the wrong file
NAMED = ("datasets", "models", "ablations", "ladders")  # mappings whose keys are the study's own names
SECTIONS = "name, datasets, models, ablations and grid"


@dataclass
class StudyText:
    """The tree of a study file and where each of its keys stands.

    Attributes:
        source: the file's path, as the user gave it.
        tree: plain dicts, lists and scalars.
        origins: path of a key -> `line 12` or `set='...'`.
        edits: the `set=` texts, as given.
        problems: duplicate keys, and edits that match nothing; to be told with what else is wrong.
        unreadable: paths whose value is told of in `problems`.
    """

    source: str
    tree: dict[str, Any]
    origins: dict[Path_, str]
    edits: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unreadable: set[Path_] = field(default_factory=set)

    def where(self, path: Path_) -> str:
        """Say where `path` stands: the nearest written key above it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.origins:
                return self.origins[path[:end]]
        return "line 1"


def read(source: str, edits: list[str] | None = None) -> StudyText:
    """Read a study file and apply `set=` edits.

    Raises:
        StudyError: no file, no text, no YAML, no mapping; then nothing else can be checked.
    """
    try:
        parsed = parse(_read_text(source))
    except NotYamlError as error:
        raise StudyError(source, [f"line {error.line}: {error}"]) from None
    if not isinstance(parsed.tree, dict):
        found = "nothing" if parsed.tree is None else "a list" if isinstance(parsed.tree, list) else "a single value"
        raise StudyError(source, [f"line 1: expected a mapping with {SECTIONS}, got {found}", *parsed.problems])
    study = StudyText(source, parsed.tree, parsed.origins, list(edits or []), parsed.problems, parsed.unreadable)
    for edit in study.edits:
        study.problems += _apply(study, edit)
    return study


def _read_text(source: str) -> str:
    path = Path(source)
    try:
        if not path.exists():
            places = (path.parent.glob("*.y*ml"), path.parent.glob("studies/*.y*ml"))
            there = {file.name: str(file) for found in reversed(places) for file in found if file.name[0] != "."}
            if path.name in there:
                raise StudyError(source, [f"no such file; did you mean {there[path.name]}?"])
            raise StudyError(source, [f"no such file{nearest(path.name, sorted(there))}"])
        if not path.is_file():
            raise StudyError(source, ["not a file; expected a study file in YAML"])
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise StudyError(source, [f"cannot be read: {error.strerror}"]) from None
    if len(content) > LARGEST_FILE_BYTES:
        raise StudyError(
            source, [f"more than {LARGEST_FILE_BYTES / 1e6:.0f} MB: too large for a study; is it the right file?"]
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = f"byte 0x{content[error.start]:02x}"
        raise StudyError(source, [f"line {line}: {byte} is not UTF-8; save the file as UTF-8 text"]) from None


def _apply(study: StudyText, edit: str) -> list[str]:
    """Apply one `path=value` edit in place; return the problems found."""
    path, equals, text = edit.partition("=")
    where = f"set={short(edit, 200)}"
    if not equals or not path or path.startswith(("[", "{")):
        return [
            f"{where}: expected path=value, as in set='training.epochs=50'; several, or a value with brackets, as "
            """'set=["a=1", "grid.*.ratios=[0.1, 0.5]"]'"""
        ]
    try:
        value = parse(text)
    except NotYamlError as error:
        return [f"{where}: the value is not YAML ({error}); for a list write '{path}=[0.1, 0.5]'"]
    *above, last = _segments(study.tree, path)
    if len(above) > DEEPEST:
        return [f"{where}: no study is {len(above)} levels deep"]
    changed = set()
    for container, at in _places(study.tree, tuple(above), ()):
        for key in _children(container) if last == "*" else _own_key(container, at, last):
            container[key] = deepcopy(value.tree)  # each its own: a later edit may change one of them
            changed.add((*at, key))
    kept = {k: v for k, v in study.origins.items() if not any(k[:end] in changed for end in range(1, len(k) + 1))}
    study.origins = kept | dict.fromkeys(changed, where)
    if not changed:
        return [f"{where}: nothing in the study matches the path {path}{_near_path(study.tree, path)}"]
    study.unreadable |= {(*place, *below) for place in changed for below in value.unreadable}
    return [f"{where}: {problem.partition(': ')[2].removeprefix(': ')}" for problem in value.problems]


def _near_path(tree: dict, path: str) -> str:
    section, _, rest = path.partition(".")
    below = tree.get(section)
    if isinstance(below, list):
        return f"; {section} has the entries 0 to {len(below) - 1}, and * stands for all"
    name = rest.partition(".")[0]
    return nearest(name, list(below)) if section in NAMED and isinstance(below, dict) and name not in below else ""


def _segments(tree: Any, path: str) -> list[str]:
    """Split a path at its dots; a name of the study's own may hold dots itself (`ablations.lr_0.1.training.epochs`)."""
    section, _, rest = path.partition(".")
    names = tree.get(section) if section in NAMED and isinstance(tree.get(section), dict) else {}
    for name in sorted(names, key=len, reverse=True):
        if rest == name or rest.startswith(f"{name}."):
            return [section, name, *rest[len(name) + 1 :].split(".")] if rest != name else [section, name]
    return path.split(".")


def _children(container: Any) -> list:
    if isinstance(container, list):
        return list(range(len(container)))
    return list(container) if isinstance(container, dict) else []


def _own_key(container: Any, at: Path_, key: str) -> list:
    """The key as this container knows it; a name of the study's own must already be there."""
    if isinstance(container, list):
        return [int(key)] if re.fullmatch("[0-9]{1,9}", key) and int(key) < len(container) else []
    if not isinstance(container, dict) or (len(at) == 1 and at[0] in NAMED and key not in container):
        return []
    return [key]


def _places(container: Any, keys: tuple[str, ...], at: Path_) -> list[tuple[Any, Path_]]:
    """All containers that `keys` leads to; sections that are not written yet are made on the way."""
    if not keys:
        return [(container, at)]
    found = []
    names = _children(container) if keys[0] == "*" else _own_key(container, at, keys[0])
    for name in names:
        if isinstance(container, dict) and container.get(name) is None:
            container[name] = {}
        found += _places(container[name], keys[1:], (*at, name))
    return found
