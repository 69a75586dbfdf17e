"""The reference of a study file (`docs/study.md`), made from the models in `schema.py` and their JSON Schema.

Types, ranges, defaults and descriptions are those of `json_schema.py`; the order is that of the models, a section's own
keys before those it inherits. The opening, and the words about a whole section, are written by hand: `reference_text.py`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from partway.json_schema import study_schema
from partway.reference_text import ENDING, HEADINGS, OPENING
from partway.schema import NORMALISATIONS, StudyFile
from partway.schema_training import PART
from partway.schema_types import NAME, Section

SHIPPED = "docs/study.md"
STUDY = StudyFile.__name__
PLAIN = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}
PATTERNS = {
    f"^{NAME.pattern}$": "name",
    f"^({PART.pattern})$": "`all`, `head`, `last_N`",
    "^[^{}]*$": "text without { }",
}
PLURALS = {"name": "names", "number": "numbers", "whole number": "whole numbers"}


def as_text() -> str:
    """Write the reference as the shipped file has it."""
    schema = study_schema()
    sections = {STUDY: schema} | schema["$defs"]
    classes = {cls.__name__: cls for cls in _subclasses(Section)}
    parts = [OPENING.strip()]
    for name in HEADINGS:
        parts += _section(name, sections, classes)
    return "\n\n".join([*parts, ENDING.strip()]) + "\n"


def sections_without_a_heading() -> list[str]:
    """Sections of the schema that the reference would leave out; a test wants none."""
    return sorted({STUDY, *study_schema()["$defs"]} - set(HEADINGS))


def _subclasses(cls: type) -> Iterator[type]:
    for below in cls.__subclasses__():
        yield below
        yield from _subclasses(below)


def _section(name: str, sections: dict[str, Any], classes: dict[str, type]) -> list[str]:
    """Heading, sentence and table of a section; keys of a section that it extends are told where those stand."""
    heading, where = HEADINGS[name]
    schema, cls = sections[name], classes[name]
    extended = [base.__name__ for base in cls.__mro__[1:] if base.__name__ in HEADINGS]
    inherited = {key for base in extended for key in sections[base]["properties"]}
    keys = [key for key in _keys_in_order(cls) if key not in inherited]
    rows = [_row(key, schema["properties"][key], key in schema.get("required", ()), sections) for key in keys]
    parts = [f"## {heading}", f"{where} {schema['description']}".strip(), _table(rows)]
    if extended:
        parts.append(f"And every key of {' and '.join(map(_link, extended))}.")
    return parts


def _keys_in_order(cls: type) -> list[str]:
    """A section's own keys first, then those of its bases, each as its class lists them."""
    written = (key for base in cls.__mro__ for key in inspect.get_annotations(base))
    return list(dict.fromkeys(key for key in written if key in cls.model_fields))


def _link(section: str) -> str:
    heading, _ = HEADINGS[section]
    return f"[{heading}](#{heading.lower().replace(' ', '-')})"


def _table(rows: list[tuple[str, str, str, str]]) -> str:
    """A Markdown table whose columns stand below each other in plain text too; the last one may be long."""
    rows = [("key", "value", "default", "what it is"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    rows.insert(1, tuple("-" * width for width in (*widths, len(rows[0][3]))))
    lines = (" | ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3].replace("|", "\\|")]) for row in rows)
    return "\n".join(f"| {line} |" for line in lines)


def _row(key: str, field: dict[str, Any], required: bool, sections: dict[str, Any]) -> tuple[str, str, str, str]:
    said = field.get("description") or sections.get(_referred(field), {}).get("description", "").rstrip(".")
    return f"`{key}`", _kind(field), "required" if required else _default(field, sections), said


# --- what may be written -------------------------------------------------------------------------------


def _kind(field: dict[str, Any]) -> str:
    """The type of a value and its range, in words."""
    if section := _referred(field):
        return _link(section) + _narrower(field)
    if "enum" in field or "const" in field:
        return _or([f"`{value}`" for value in field.get("enum", [field.get("const")])])
    if alternatives := field.get("anyOf", field.get("oneOf")):
        words = [[f"`{value}`" for value in one.get("enum", ())] or [_kind(one)] for one in alternatives]
        return _or(list(chain(*words)))
    if field.get("type") == "array":
        return _list(field)
    if field.get("type") == "object":
        return f"by name: {_kind(field['additionalProperties'])}"
    return _plain(field)


def _referred(field: dict[str, Any]) -> str:
    return field.get("$ref", "").removeprefix("#/$defs/")


def _narrower(field: dict[str, Any]) -> str:
    """What a key narrows in the section that it refers to."""
    return "".join(f", its `{key}`{_range(limits)}" for key, limits in field.get("properties", {}).items())


def _plain(field: dict[str, Any]) -> str:
    word = PATTERNS.get(field.get("pattern"), PLAIN[field["type"]])
    step = field.get("multipleOf")
    even = f"multiple of {step}" if step else ""
    never = f" but {_or([f'`{name}`' for name in field['not']['enum']])}" if "not" in field else ""
    return (even or word) + _range(field) + never


def _range(limits: dict[str, Any]) -> str:
    """Limits as an interval: a round bracket leaves its end out."""
    low = limits.get("minimum", limits.get("exclusiveMinimum"))
    high = limits.get("maximum", limits.get("exclusiveMaximum"))
    if low is None and high is None:
        return ""
    if high is None:
        return f" {'>=' if 'minimum' in limits else '>'} {_number(low)}"
    return (
        f" in {'[' if 'minimum' in limits else '('}{_number(low)}, {_number(high)}{']' if 'maximum' in limits else ')'}"
    )


def _list(field: dict[str, Any]) -> str:
    if "prefixItems" in field:
        return f"list of {len(field['prefixItems'])} numbers{_range(field['prefixItems'][0])}"
    item = _kind(field["items"])
    word = next((w for w in sorted(PLURALS, key=len, reverse=True) if item == w or item.startswith(f"{w} ")), None)
    return "list of " + (PLURALS[word] + item[len(word) :] if word else item)


def _or(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


# --- defaults ------------------------------------------------------------------------------------------


def _default(field: dict[str, Any], sections: dict[str, Any]) -> str:
    """The default as a study would write it; of a section what differs from its own defaults."""
    if "default" not in field:
        return "its own"
    value, section = field["default"], _referred(field)
    if section:
        own = {key: below.get("default") for key, below in sections[section]["properties"].items()}
        value = {key: item for key, item in value.items() if item != own[key]}
    named = [name for name, known in NORMALISATIONS.items() if json.loads(json.dumps(known)) == value]
    return f"`{named[0] if named else _written(value)}`"


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return (
        _number(value)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else json.dumps(value).strip('"')
    )


def _number(value: float) -> str:
    """A number as short as it can be read: `1`, `0.8`, `1e-05`; 4/3 to four digits."""
    return f"{value:.10g}" if len(f"{value:.10g}") < 8 or float(value).is_integer() else f"{value:.4g}"
