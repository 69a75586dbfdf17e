"""YAML as a study uses it: plain values, the line of each key, and plain words for what is wrong.

YAML 1.1 reads `5e-5` as text and `on` as true; a study wants numbers to be numbers and names to be names,
so the scalars follow YAML 1.2's core schema. Depth and number of values are bounded: an anchor that repeats
an anchor that repeats an anchor can make gigabytes of one line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from partway.errors import nearest, short

DEEPEST = 50  # levels; a study has about 8
MOST_VALUES = 25_000  # written, and again with anchors followed; a second to read. The largest study we know has 2,000
MOST_DIGITS = 18  # of a whole number: what 64 bits hold
TAG = "tag:yaml.org,2002:"
Path_ = tuple[str | int, ...]


class NotYamlError(Exception):
    """A text that is no YAML, or more of it than any study needs; `line` counts from 1."""

    def __init__(self, line: int, message: str):
        super().__init__(message)
        self.line = line


@dataclass
class Parsed:
    """Plain values of a text, with `line 12` for the path of each key, and the problems that did not stop reading."""

    tree: Any = None
    origins: dict[Path_, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unreadable: set[Path_] = field(default_factory=set)  # a problem tells of their value already


def parse(text: str) -> Parsed:
    """Read a text.

    Raises:
        NotYamlError: nothing can be made of it.
    """
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        builder = _Builder()
        if node is not None:
            builder.parsed.tree = builder.build(node, (), frozenset())
        return builder.parsed
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotYamlError(line, f"the character U+{error.character:04X} cannot stand in a text file") from None
    except _Refused as error:
        raise NotYamlError(error.problem_mark.line + 1, error.problem) from None
    except yaml.MarkedYAMLError as error:
        raise _in_plain_words(error, loader) from None
    except (ValueError, OverflowError):  # PyYAML hands the number of an escape to chr() unchecked
        raise NotYamlError(loader.line + 1, r"not YAML: an escape like \U0001F600 that is no character") from None


class _Refused(yaml.MarkedYAMLError):
    """YAML, but too much of it; the problem says so in our own words."""


class _Loader(yaml.SafeLoader):
    """Scalars of YAML 1.2; stops early where a text is too deep or too long."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012 (PyYAML's own class attribute)

    def __init__(self, text: str):
        super().__init__(text)
        self.depth = self.composed = 0

    def compose_node(self, parent: Any, index: Any) -> yaml.Node:
        """One level of brackets or indentation; PyYAML recurses here."""
        self.depth += 1
        self.composed += 1
        if self.depth > DEEPEST:
            raise _refusal(self.peek_event(), f"more than {DEEPEST} levels deep; is this the right file?")
        if self.composed > MOST_VALUES:
            raise _refusal(self.peek_event(), f"more than {MOST_VALUES:,} values; is this the right file?")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


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
    _Loader.add_implicit_resolver(f"{TAG}{tag}", re.compile(rf"^(?:{pattern})$"), list(first))


def plain_kind(text: str) -> str:
    """What a text would be without quotes: str, int, float, bool or null."""
    return _Loader("").resolve(yaml.ScalarNode, text, (True, False)).removeprefix(TAG)


def _refusal(place: Any, problem: str) -> _Refused:
    return _Refused(problem=problem, problem_mark=place.start_mark)


def _can_be_saved(text: str) -> bool:
    """Half a character, as in "\\ud800", can be read but never written again."""
    return not re.search("[\ud800-\udfff]", text)


def _text(text: str) -> str:
    if not _can_be_saved(text):
        raise ValueError
    return text


def _whole_number(text: str) -> int:
    if len(text.lstrip("+-0")) > MOST_DIGITS:
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    return float(re.sub(r"\.(?=[a-z])", "", text.lower()))  # .inf, .nan


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


SCALARS = {
    "str": (_text, "text that can be saved as UTF-8"),
    "int": (_whole_number, f"a number of at most {MOST_DIGITS} digits, or one like 1e20"),
    "float": (_number, "a number"),
    "bool": (_truth, "true or false"),
    "null": (lambda _: None, "null"),
    "merge": (_text, "text"),
}


class _Builder:
    """Plain Python values from YAML nodes; the bounds hold for what anchors repeat, too."""

    def __init__(self):
        self.parsed = Parsed()
        self.built = 0
        self.known_entries: dict[int, dict[str, tuple[yaml.Node, yaml.Node]]] = {}

    def build(self, node: yaml.Node, path: Path_, above: frozenset[int]) -> Any:
        if id(node) in above:
            return self._unreadable(node, path, "an anchor that holds itself")
        self.built += 1
        if self.built > MOST_VALUES:
            raise _refusal(node, f"anchors that repeat to more than {MOST_VALUES:,} values")
        if len(above) > DEEPEST:
            raise _refusal(node, f"anchors that repeat to more than {DEEPEST} levels")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in (f"{TAG}map", f"{TAG}seq"):
            self._problem(node, f"{dotted(path)}: {_no_tag(node)}")
        above = above | {id(node)}
        if isinstance(node, yaml.SequenceNode):
            return [self._child(item, item, (*path, index), above) for index, item in enumerate(node.value)]
        entries = self._entries(node, path, above)
        return {name: self._child(key, value, (*path, name), above) for name, (key, value) in entries.items()}

    def _child(self, key: yaml.Node, value: yaml.Node, path: Path_, above: frozenset[int]) -> Any:
        self.parsed.origins[path] = f"line {key.start_mark.line + 1}"
        return self.build(value, path, above)

    def _scalar(self, node: yaml.ScalarNode, path: Path_) -> Any:
        convert, expected = SCALARS.get(node.tag.removeprefix(TAG), (None, ""))
        if convert is None:
            return self._unreadable(node, path, _no_tag(node))
        try:
            return convert(node.value)
        except (ValueError, KeyError):
            return self._unreadable(node, path, f"expected {expected}, got {short(node.value)}")

    def _entries(self, node: yaml.MappingNode, path: Path_, above: frozenset[int]) -> dict:
        """Name -> (key, value): what is written here, over what `<<: *anchor` merges in.

        Noted, so that merges of merges stay cheap.
        """
        if id(node) in self.known_entries:
            return self.known_entries[id(node)]
        merged: dict[str, tuple] = {}
        own: dict[str, tuple] = {}
        lines: dict[str, list[int]] = {}
        for key, value in node.value:
            if key.tag == f"{TAG}merge":
                merged |= self._merged(value, path, above)
            elif not isinstance(key, yaml.ScalarNode) or not _can_be_saved(key.value):
                self._problem(key, "expected plain text before the `:`")
            else:
                own[key.value] = (key, value)
                lines.setdefault(key.value, []).append(key.start_mark.line + 1)
        for name, places in lines.items():
            if len(places) > 1:
                at = ", ".join(map(str, places[:9]))
                self._problem(own[name][0], f"{dotted((*path, name))} is written {len(places)} times (lines {at})")
        self.known_entries[id(node)] = merged | own
        return merged | own

    def _merged(self, value: yaml.Node, path: Path_, above: frozenset[int]) -> dict:
        sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
        merged: dict[str, tuple] = {}
        for source in reversed(sources):  # of several, the first wins
            if id(source) in above:
                self._problem(source, "an anchor that holds itself")
            elif not isinstance(source, yaml.MappingNode):
                self._problem(source, "expected an anchor of a mapping behind `<<:`, or a list of them")
            elif len(above) > DEEPEST:
                raise _refusal(source, f"merges of merges, more than {DEEPEST} levels deep")
            else:
                merged |= self._entries(source, path, above | {id(source)})
                self.built += len(merged)
        return merged

    def _unreadable(self, node: yaml.Node, path: Path_, message: str) -> None:
        self.parsed.unreadable.add(path)
        self._problem(node, f"{dotted(path)}: {message}")

    def _problem(self, node: yaml.Node, message: str) -> None:
        self.parsed.problems.append(f"line {node.start_mark.line + 1}: {message}")


def _no_tag(node: yaml.Node) -> str:
    return f"the tag {node.tag.replace(TAG, '!!')} means nothing in a study; take it away"


def dotted(path: Path_) -> str:
    """Write the path of a key as people do: `grid.0.seeds`."""
    return ".".join(key if (key := str(part)).isprintable() and len(key) <= 60 else short(key) for part in path)


PLAIN_WORDS = [  # what PyYAML says -> what to do; {line} is where the construct began, {0} the pattern's group
    (r"found character '\\t'", "a tab; YAML wants spaces"),
    (r"found character ['\"](.)['\"] that cannot start", "a value cannot begin with {0}; put it in quotes"),
    (r"mapping values are not allowed", "a `:` in the wrong place: look for wrong indentation or a missing blank after "
     "the `:` of the line above, and put texts that hold `: ` in quotes"),
    (r"could not find expected ':'", "expected `key: value`; is a `:` or the blank behind it missing?"),
    (r"unexpected end of stream", "the quote that opens in line {line} is never closed"),
    (r"expected ',' or '.', but got '<stream end>'", "the bracket that opens in line {line} is never closed"),
    (r"expected ',' or '(.)'", "expected `,` or `{0}` in what opens with a bracket in line {line}"),
    (r"expected <block end>", "does not fit the lines above: look at its indentation, and put texts that begin with a "
     "bracket or a quote in quotes"),
    (r"found another document", "a second document begins here (---); a study file holds one"),
    (r"second occurrence", "an anchor (&name) that was already given in line {line}"),
]  # fmt: skip


def _in_plain_words(error: yaml.MarkedYAMLError, loader: _Loader) -> NotYamlError:
    mark = error.problem_mark or error.context_mark
    began = error.context_mark or mark
    raw = error.problem or error.context or "unreadable"
    if alias := re.search(r"found undefined alias '(.*)'", raw):
        known = list(loader.anchors)
        return NotYamlError(mark.line + 1, f"not YAML: no anchor &{alias[1]} stands above{nearest(alias[1], known)}")
    for pattern, words in PLAIN_WORDS:
        if found := re.search(pattern, raw):
            never_closed = "never closed" in words
            place = (began if never_closed else mark).line + 1
            return NotYamlError(place, "not YAML: " + words.format(*found.groups(), line=began.line + 1))
    return NotYamlError(mark.line + 1, f"not YAML: {raw}")
