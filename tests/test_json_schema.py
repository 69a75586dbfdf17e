"""The JSON Schema that editors check a study with: made from the code, and of one mind with it."""

from __future__ import annotations

import copy
import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from conftest import REPOSITORY, tiny_study
from partway import cli, json_schema
from partway.plain_yaml import parse
from partway.schema import StudyFile

SCHEMA = json_schema.study_schema()
EDITOR = jsonschema.Draft202012Validator(SCHEMA)
SHIPPED = sorted([REPOSITORY / "config.yaml", *REPOSITORY.glob("studies/*.yaml")])
SAY_IT_THEMSELVES = {"layout", "family", "architecture", "weights", "mean", "std"}  # and their section describes them
# Errors of a single key that JSON Schema has no word for; see `only_partway` in test_wrong_studies.py.
BEYOND_A_SCHEMA = re.compile(
    r"expected \[|expected at least 2 for|decided frames|regular expression|exactly one \(group"
)


def test_it_is_a_schema_of_the_dialect_it_names():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]


def test_the_shipped_file_is_what_the_code_makes_now():
    rewrite = f"python -m partway schema --output {json_schema.SHIPPED}"
    shipped = (REPOSITORY / json_schema.SHIPPED).read_text(encoding="utf-8")
    assert shipped == json_schema.as_text(), f"the schema is older than the code; rewrite it with: {rewrite}"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_studies_validate_and_their_first_line_leads_to_the_schema(path):
    text = path.read_text(encoding="utf-8")
    EDITOR.validate(parse(text).tree)
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert found, f"the first line of {path.name} must point editors at the schema"
    assert (path.parent / found[1]).resolve() == REPOSITORY / json_schema.SHIPPED


def test_every_section_is_closed_and_every_key_is_described():
    for section in [SCHEMA, *SCHEMA["$defs"].values()]:
        assert section["additionalProperties"] is False
        assert section["description"]
        for name, field in section["properties"].items():
            assert "description" in field or "$ref" in field or name in SAY_IT_THEMSELVES, name
            assert "title" not in field


def test_defaults_are_there():
    training = SCHEMA["$defs"]["Training"]["properties"]
    assert {name: field["default"] for name, field in training.items()} == StudyFile.model_fields[
        "training"
    ].default.model_dump()
    assert SCHEMA["$defs"]["ClassFolders"]["properties"]["test"]["default"]["fraction"] == 0.25  # not the section's 0.2


RIGHT = [  # what a validator lets a person write beside what the annotation says
    ("grid/0/train_ratio", "random"),
    ("grid/0/train_ratio", 0.5),
    ("grid/0/train_ratio", 1),
    ("ladders/recipe", {"rows": ["vanilla", {"ablation": "mixup", "model": "small"}], "train_ratio": "matched"}),
    ("ladders/recipe", ["vanilla", {"ablation": "mixup"}]),
    ("ablations/vanilla", None),
    ("ablations/vanilla", {}),
    ("ablations/mixup/training/mixup", None),
    ("models/small/normalisation", "half"),
    ("models/small/normalisation", {"mean": [0, 0, 0], "std": [1, 1, 0.5]}),
    ("training/epochs", 3.0),
    ("grid/0/seeds", [0.0, 1]),
    ("evaluation", {"crops": 3.0}),
    ("training/learning_rate", 1),
    ("transforms", {"scale": [0.5, 1], "aspect": [1, 2]}),
    ("question", None),
]


def put(tree: Any, path: str, value: Any) -> dict[str, Any]:
    tree = copy.deepcopy(tree)
    *above, last = path.split("/")
    section = tree
    for key in above:
        section = section[int(key)] if isinstance(section, list) else section.setdefault(key, {})
    section[int(last) if isinstance(section, list) else last] = value
    return tree


@pytest.mark.parametrize("path, value", RIGHT, ids=[f"{path}={value}" for path, value in RIGHT])
def test_both_take_what_a_person_may_write(path, value):
    tree = put(tiny_study(), path, value)
    StudyFile.model_validate(tree)
    EDITOR.validate(tree)


def keys_of(section: dict[str, Any], depth: int = 0) -> list[str]:
    """Every path that the schema knows, through its references, with the names that the tiny study uses."""
    paths = []
    for name, field in section.get("properties", {}).items():
        paths.append(name)
        below = SCHEMA["$defs"].get(field.get("$ref", "").rpartition("/")[2])
        if below and depth < 4:
            paths += [f"{name}/{path}" for path in keys_of(below, depth + 1)]
    return paths


SECTIONS = {
    "": SCHEMA,
    "datasets/mime/": SCHEMA["$defs"]["MimeDataset"],
    "models/small/": SCHEMA["$defs"]["Model"],
    "ablations/mixup/": SCHEMA["$defs"]["Ablation"],
    "ablations/two_stage/stages/0/": SCHEMA["$defs"]["Stage"],
    "grid/0/": SCHEMA["$defs"]["GridBlock"],
}
PATHS = [f"{place}{path}" for place, section in SECTIONS.items() for path in keys_of(section)]
ODD = [None, True, False, 0, 1, 2, 3, -1, 0.5, 1.0, 1.5, 16, 2**32, -0.5, 1e-9, "", "a", "vanilla", "a b", "true", "1"]
ODD += ["matched", "none", "imagenet", "mime", [], {}, [1], [0.2, 0.5], [0.5, 0.2], [0, 1], [0.5, 2], ["a"], [[]], [{}]]
ODD += [["vanilla"], [None], [1, 1, 1], {"a": 1}, {"a": None}, {"a": {}}, {"a b": {}}, {"a": ["vanilla"]}, ["prefix"]]
ODD += [
    {"fraction": 0},
    {"fraction": 0.5},
    {"alpha": 1},
    {"rows": []},
    {"rows": ["a"]},
    {"layout": "mime"},
    {"seed": 1.0},
]


def of_one_mind(tree: dict[str, Any]) -> None:
    """The schema refuses nothing that the code takes, and takes nothing that the code refuses for a single key."""
    try:
        StudyFile.model_validate(tree)
        said = []
    except ValidationError as error:
        said = [item["msg"] for item in error.errors()]
    if not said:
        EDITOR.validate(tree)
    elif not all(BEYOND_A_SCHEMA.search(message) for message in said):
        assert not EDITOR.is_valid(tree), said


@pytest.mark.parametrize("path", PATHS)
def test_code_and_schema_are_of_one_mind_about_every_key(path):
    """With every ninth odd value, other ones from key to key; the test below takes all of them."""
    for value in ODD[PATHS.index(path) % 9 :: 9]:
        of_one_mind(put(tiny_study(), path, value))


@pytest.mark.slow
@pytest.mark.parametrize("place", SECTIONS)
def test_code_and_schema_are_of_one_mind_about_every_key_and_value(place):
    for path, value in product(keys_of(SECTIONS[place]), ODD):
        of_one_mind(put(tiny_study(), place + path, value))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(PATHS),
            st.sampled_from(ODD)
            | st.integers(-5, 100)
            | st.floats(-2, 100, allow_nan=False)
            | st.text("ab.-/ ", max_size=4)
            | st.lists(st.floats(0, 2), max_size=3),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_code_and_schema_are_of_one_mind_about_mutated_studies(mutations):
    tree = tiny_study()
    for path, value in mutations:
        try:
            tree = put(tree, path, copy.deepcopy(value))
        except (TypeError, AttributeError, IndexError, KeyError, ValueError):
            continue  # an earlier mutation took the section away
    of_one_mind(tree)


def test_the_tests_of_agreement_can_fail():
    loose = copy.deepcopy(SCHEMA)
    del loose["$defs"]["Training"]["properties"]["epochs"]["minimum"]
    tree = put(tiny_study(), "training/epochs", -1)
    assert not EDITOR.is_valid(tree)
    assert jsonschema.Draft202012Validator(loose).is_valid(tree)


def test_the_verb_prints_the_schema_or_writes_it(tmp_path, capsys):
    assert cli.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
    assert cli.main(["schema", "--output", str(tmp_path / "a folder" / "study.schema.json")]) == 0
    assert json.loads((tmp_path / "a folder" / "study.schema.json").read_text()) == SCHEMA
    assert not capsys.readouterr().out


def test_check_tells_all_problems_of_a_study_in_a_folder_with_blanks(tmp_path, capsys):
    path = tmp_path / "my studies" / "the first.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(put(put(tiny_study(), "training/epoks", 1), "grid/0/seeds", [-1]), sort_keys=False))
    assert cli.main(["check", str(path)]) == 1
    told = capsys.readouterr().err
    assert f"{path}: 2 problems in this study" in told
    assert "training.epoks: unknown key; did you mean epochs?" in told
    assert "grid.0.seeds.0: expected a number of at least 0, got -1" in told


def test_check_says_what_a_right_study_comes_to_and_which_data_is_there(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = tiny_study()
    tree["datasets"] |= {name: {"layout": "class_folders", "root": f"my {name}"} for name in ("here", "gone")}
    tree["grid"] += [tree["grid"][1] | {"dataset": name} for name in ("here", "gone")]
    Path("my study.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    Path("my here/wave").mkdir(parents=True)
    Path("my here/wave/a.avi").touch()
    assert cli.main(["check", "my study.yaml"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "my study.yaml: the study tiny is right, but data is missing",
        "  14 runs, 8 trainings, 26 evaluations, 1 ladder",
        "  data set mime: generated",
        "  data set here: found in my here",
        "  data set gone: NOT found in my gone",
    ]
    assert err.startswith("warning: data set gone: no videos found under my gone")
