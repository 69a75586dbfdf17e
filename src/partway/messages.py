"""What pydantic finds wrong with a study, in the study's own words: where, which key, what was expected."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from partway.errors import any_of, did_you_mean, nearest, short, some
from partway.plain_yaml import Path_, dotted, plain_kind
from partway.resolve import at
from partway.schema import StudyFile
from partway.schema_data import AnyDataset
from partway.schema_types import NAME
from partway.study_file import StudyText

LAYOUTS = [
    typing.get_args(m.model_fields["layout"].annotation)[0] for m in typing.get_args(typing.get_args(AnyDataset)[0])
]
MOST_SUGGESTIONS = 100  # looking for the nearest name is slow, and nobody reads more
EXPECTED = {  # pydantic's kind of error -> what was expected; {names} are its context
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "string_too_long": "text of at most {max_length} characters",
    "list_type": "a list",
    "too_short": "at least {min_length} entry",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:.10g}",
    "less_than_equal": "a number of at most {le:.10g}",
    "multiple_of": "a multiple of {multiple_of:g}",
}
MEANT = {"int_type": ["int"], "float_type": ["int", "float"], "bool_type": ["bool"]}  # in quotes by mistake
BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def describe(text: StudyText, errors: list[dict]) -> dict[Path_, str]:
    """Say each schema error once: path of the key -> `where: key: what was expected`."""
    paths = [path_of(text, error) for error in errors]
    meant: set[Path_] = set()  # a misspelt key says it all: that the right one is missing need not be said
    told: dict[Path_, str] = {}
    for path, error in zip(paths, errors, strict=True):
        if error["type"] == "extra_forbidden":
            suggestion = _suggestion(path, text) if len(told) < MOST_SUGGESTIONS else ""
            meant.add((*path[:-1], suggestion.removeprefix("; did you mean ").removesuffix("?")))
            told.setdefault(path, f"unknown key{suggestion}")
    for path, error in zip(paths, errors, strict=True):
        misspelt = error["type"] == "missing" and path in meant
        if error["type"] != "extra_forbidden" and not misspelt and path not in text.unreadable:
            told.setdefault(path, _sentence(path, error, text))
    return {path: f"{text.where(path)}: {dotted(path) or 'the study'}: {said}" for path, said in told.items()}


def path_of(text: StudyText, error: dict) -> Path_:
    """The path of a schema error as the study writes it."""
    path = tuple(part for part in error["loc"] if part != "[key]")
    if len(path) > 2 and path[0] == "datasets" and path[2] in LAYOUTS:
        path = (*path[:2], *path[3:])  # pydantic puts the layout's name between
    if path[0:1] == ("ladders",) and path[2:3] == ("rows",) and isinstance(at(text.tree, path[:2]), list):
        path = (*path[:2], *path[3:])  # `rows:` need not be written,
    if path[0:1] == ("ladders",) and path[-1] == "ablation" and isinstance(at(text.tree, path[:-1]), str):
        path = path[:-1]  # nor `ablation:`
    if error["type"].startswith("union_tag"):
        return (*path, "layout")
    if error["type"] == "value_error":  # of a section as a whole: `key: what is wrong with it`
        key = str(error["ctx"]["error"]).partition(": ")[0]
        return (*path, key) if key in _known_keys(path, text.tree) else path
    return path


def _sentence(path: Path_, error: dict, text: StudyText) -> str:
    value, kind = error["input"], error["type"]
    got = f", got {short(value)}"
    match kind:
        case "missing":
            return "missing; this key is required"
        case "value_error":
            return str(error["ctx"]["error"])[:300].removeprefix(f"{path[-1]}: " if path else "")
        case "union_tag_not_found" | "union_tag_invalid":
            return _layout_sentence(path, text)
        case "literal_error":
            names = [name.strip("'") for name in error["ctx"]["expected"].replace(" or ", ", ").split(", ")]
            return f"expected {any_of(names)}{got}{did_you_mean(value, names) if len(names) > 1 else ''}"
        case "string_pattern_mismatch" if NAME.pattern in error["ctx"]["pattern"]:
            return f"expected a name of letters, digits, _ - and dots (not first){got}"
        case "model_type" | "model_attributes_type" | "dict_type":
            known = _known_keys(path, text.tree)
            keys = f" with keys such as {some(known[:5])}" if known else ""
            return f"expected a section (key: value){keys}{got}{_hint(kind, value)}"
    if kind in EXPECTED:
        return f"expected {EXPECTED[kind].format(**error.get('ctx', {}))}{got}{_hint(kind, value)}"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}{got}"


def _hint(kind: str, value: Any) -> str:
    """What to type instead, where a value is right but for its quotes or brackets."""
    if value is None:
        return "; give it a value, or take the key out"
    if kind == "list_type" and isinstance(value, str | int | float):
        return f"; write [{value}]" if len(str(value)) < 40 else ""
    if kind == "string_type" and isinstance(value, str | int | float):
        return f"; write it in quotes: '{str(value).lower() if isinstance(value, bool) else value}'"
    if isinstance(value, str) and plain_kind(value) in MEANT.get(kind, ()):
        return "; take the quotes away"
    return f"; write {BOOLEANS[value.lower()]}" if kind == "bool_type" and str(value).lower() in BOOLEANS else ""


def _layout_sentence(path: Path_, text: StudyText) -> str:
    section = at(text.tree, path[:-1])
    expected = f"expected {any_of(LAYOUTS)}"
    if "layout" in section:
        return f"{expected}, got {short(section['layout'])}{did_you_mean(section['layout'], LAYOUTS)}"
    misspelt = [key for key in section if did_you_mean(key, ["layout"])]
    return f"missing; {expected}" + (f" under `layout:`, found `{misspelt[0]}:`" if misspelt else "")


def _suggestion(path: Path_, text: StudyText) -> str:
    return nearest(str(path[-1]), _known_keys(path[:-1], text.tree))


def _known_keys(path: Path_, tree: Any) -> list[str]:
    """The keys that a section at `path` may have, by walking the models' annotations."""
    annotation: Any = StudyFile
    if path[:1] == ("ladders",) and len(path) > 2 and isinstance(path[2], int):
        path = (*path[:2], "rows", *path[2:])  # a ladder may be written as the list of its rows
    for key in path:
        annotation = _item_annotation(annotation, key)
    models = [m for m in _flat(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]
    layout = at(tree, (*path, "layout"))
    models = [m for m in models if len(models) == 1 or layout in typing.get_args(m.model_fields["layout"].annotation)]
    return sorted({name for model in models for name in model.model_fields})


def _item_annotation(annotation: Any, key: Any) -> Any:
    for part in _flat(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            field = part.model_fields.get(key)
            return field.annotation if field else None
        arguments = typing.get_args(part)
        if typing.get_origin(part) in (dict, list):
            return arguments[-1]
    return None


def _flat(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _flat(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from _flat(part)
    else:
        yield annotation
