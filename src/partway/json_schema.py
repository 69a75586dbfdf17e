"""The JSON Schema of a study file, made from the models in `schema.py`: editors complete and check with it.

It says what a single key may hold. What needs more than one key (names that must exist, circles, sizes that must
divide, rows without runs) only `partway check` and snakemake find.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from partway.schema import StudyFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SHIPPED = "workflow/schemas/study.schema.json"


class _Generator(GenerateJsonSchema):
    """Names checked, and no title for each field: it would say the key's name once more."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 (its parent's signature)
        return False

    def dict_schema(self, schema: Any) -> dict[str, Any]:
        """Pydantic writes a pattern of names as patternProperties, which lets any other name pass."""
        made = super().dict_schema(schema)
        made.pop("patternProperties", None)
        names, values = (self.generate_inner(schema[part]) for part in ("keys_schema", "values_schema"))
        return made | {"propertyNames": names, "additionalProperties": values}


def study_schema() -> dict[str, Any]:
    """Make the schema as a plain tree."""
    schema = StudyFile.model_json_schema(schema_generator=_Generator)
    for section in [schema, *schema["$defs"].values()]:
        section["description"] = re.sub(r" \(SPEC [^)]*\)", "", section["description"])
        for field in section["properties"].values():
            _without_repetition(field, schema["$defs"])
    return {"$schema": DIALECT, "title": "A partway study", **schema}


def _without_repetition(field: dict[str, Any], sections: dict[str, Any]) -> None:
    """A section's default is that of its fields, unless it says otherwise."""
    section = sections.get(field.get("$ref", "").removeprefix("#/$defs/"))
    if section and field.get("default") == {name: f.get("default") for name, f in section["properties"].items()}:
        del field["default"]


def as_text() -> str:
    """Write the schema as the shipped file has it."""
    return json.dumps(study_schema(), indent=2, ensure_ascii=False) + "\n"
