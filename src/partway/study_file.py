"""A study file as text: YAML with line numbers, duplicate keys refused, and edits by `set=path=value`.

YAML 1.1 reads `5e-5` as text and `on` as true; a study wants numbers to be numbers and names to be names,
so the scalars follow YAML 1.2's core schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from partway.errors import StudyError

LARGEST_FILE_BYTES = 1_000_000  # the largest study we know of is 20 kB; more is the wrong file
NAMED = ("datasets", "models", "ablations", "ladders")  # mappings whose keys are the study's own names
Path_ = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict = {}  # noqa: RUF012 (PyYAML's own class attribute)


for tag, pattern, first in [  # YAML 1.2 core schema; `first` are the characters a scalar may begin with
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("merge", r"<<", "<"),
]:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), list(first))
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node)))
_Loader.add_constructor(
    "tag:yaml.org,2002:float", lambda loader, node: float(_float_text(loader.construct_scalar(node)))
)


def _float_text(text: str) -> str:
    return text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").lower().replace(".nan", "nan")


@dataclass
class StudyText:
    """The tree of a study file and where each of its keys stands.

    Attributes:
        source: the file's path, as the user gave it.
        tree: plain dicts, lists and scalars.
        origins: path of a key -> `line 12` or `set='...'`.
        edits: the `set=` texts, as given.
        problems: duplicate keys, and edits that match nothing; to be told with what else is wrong.
    """

    source: str
    tree: dict[str, Any]
    origins: dict[Path_, str]
    edits: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

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
    text = _read_text(source)
    loader = _Loader(text)
    problems: list[str] = []
    origins: dict[Path_, str] = {}
    try:
        node = loader.get_single_node()
        tree = _construct(loader, node, (), origins, problems, frozenset()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}" if mark else "line 1"
        raise StudyError(source, [f"{line}: not YAML: {error.problem or error.context}"]) from None
    except yaml.YAMLError as error:
        raise StudyError(source, [f"not YAML: {error}"]) from None
    if not isinstance(tree, dict):
        raise StudyError(source, ["expected a mapping with name, datasets, models, ablations and grid"])
    study = StudyText(source, tree, origins, list(edits or []), problems)
    for edit in study.edits:
        study.problems += _apply(study, edit)
    return study


def _read_text(source: str) -> str:
    path = Path(source)
    if not path.exists():
        raise StudyError(source, ["no such file; give one with --config study=FILE"])
    if not path.is_file():
        raise StudyError(source, ["not a file; expected a study file in YAML"])
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise StudyError(
            source, [f"{path.stat().st_size / 1e6:.1f} MB is too large for a study; is it the right file?"]
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise StudyError(source, [f"byte {error.start} is not UTF-8; save the file as UTF-8"]) from None


def _construct(loader, node, path: Path_, origins, problems, above: frozenset[int]) -> Any:
    """Build plain Python values from YAML nodes, noting the line of each key and refusing duplicates."""
    if id(node) in above:
        problems.append(f"line {node.start_mark.line + 1}: an anchor that holds itself")
        return None
    above = above | {id(node)}
    if isinstance(node, yaml.MappingNode):
        written = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for key, _ in node.value:
            if written.count(key.value) > 1:
                problems.append(f"line {key.start_mark.line + 1}: {_dotted((*path, key.value))} is written twice")
                written = [name for name in written if name != key.value]
        loader.flatten_mapping(node)  # merges `<<: *anchor`
        mapping = {}
        for key, value in node.value:
            name = str(key.value)
            origins[*path, name] = f"line {key.start_mark.line + 1}"
            mapping[name] = _construct(loader, value, (*path, name), origins, problems, above)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            origins[*path, index] = f"line {item.start_mark.line + 1}"
        return [_construct(loader, v, (*path, i), origins, problems, above) for i, v in enumerate(node.value)]
    return loader.construct_object(node)


def _dotted(path: Path_) -> str:
    return ".".join(map(str, path))


def _apply(study: StudyText, edit: str) -> list[str]:
    """Apply one `path=value` edit in place; return the problems found."""
    path, equals, text = edit.partition("=")
    where = f"set={edit!r}"
    if not equals or not path:
        return [f"{where}: expected path=value, as in set='training.epochs=50'"]
    try:
        value = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError:
        return [f"{where}: the value is not YAML; for a list write '{path}=[0.1, 0.5]'"]
    *above, last = _segments(study.tree, path)
    changed = []
    for container, at in _places(study.tree, tuple(above), ()):
        for key in _children(container) if last == "*" else _own_key(container, at, last):
            container[key] = value
            changed.append((*at, key))
    for place in changed:
        study.origins = {k: v for k, v in study.origins.items() if k[: len(place)] != place} | {place: where}
    return [] if changed else [f"{where}: nothing in the study matches the path {path}"]


def _segments(tree: Any, path: str) -> list[str]:
    """Split a path at its dots; a name of the study's own may hold dots itself (`ablations.lr_0.1.training.epochs`)."""
    section, _, rest = path.partition(".")
    names = tree.get(section) if section in NAMED and isinstance(tree.get(section), dict) else {}
    for name in sorted(names, key=len, reverse=True):
        if rest == name or rest.startswith(f"{name}."):
            return [section, name, *rest[len(name) + 1 :].split(".")] if rest != name else [section, name]
    return path.split(".")


def _children(container: Any) -> list:
    return list(range(len(container))) if isinstance(container, list) else list(container or {})


def _own_key(container: Any, at: Path_, key: str) -> list:
    """The key as this container knows it; a name of the study's own must already be there."""
    if isinstance(container, list):
        return [int(key)] if key.isdigit() and int(key) < len(container) else []
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
