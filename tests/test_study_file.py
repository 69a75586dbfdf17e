"""Reading a study: YAML as people write it, `set=` edits, and every error at once, with its place."""

import json
from pathlib import Path

import pytest
import yaml

from conftest import tiny_study
from partway import study
from partway.errors import StudyError
from partway.study_file import read

SHIPPED = sorted(Path(__file__).parents[1].glob("studies/*.yaml"))


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return str(path)


def problems(tmp_path: Path, tree: dict, *edits: str) -> list[str]:
    with pytest.raises(StudyError) as caught:
        study.load(written(tmp_path, yaml.safe_dump(tree, sort_keys=False)), list(edits))
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5e-5", 5e-5),
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        ("0.00005", 5e-5),
        ("1", 1),
        ("-3", -3),
        ("1.", 1.0),
        (".5", 0.5),
        ("on", "on"),
        ("no", "no"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("'5e-5'", "5e-5"),
        ("1:30", "1:30"),
        ("wave", "wave"),
    ],
)
def test_scalars_mean_what_they_look_like(tmp_path, text, value):
    found = read(written(tmp_path, f"key: {text}\n")).tree["key"]
    assert found == value
    assert type(found) is type(value)


def test_merges_and_anchors_work(tmp_path):
    text = "base: &base {a: 1, b: 2}\nother: {<<: *base, b: 3}\nboth: {<<: [{b: 4}, *base], c: 5}\nlist: [*base]\n"
    tree = read(written(tmp_path, text)).tree
    assert tree["other"] == {"a": 1, "b": 3}
    assert tree["both"] == {"a": 1, "b": 4, "c": 5}
    assert tree["list"] == [{"a": 1, "b": 2}]


def test_names_with_dots_can_be_set(tmp_path):
    tree = tiny_study()
    tree["ablations"]["rate_0.1"] = {"extends": "vanilla"}
    tree["grid"][1]["ablations"] = ["rate_0.1"]
    path = written(tmp_path, yaml.safe_dump(tree))
    edited = study.load(path, ["ablations.rate_0.1.training.epochs=9"])
    assert 9 in {training.spec["training"]["epochs"] for training in edited.trainings.values()}


def test_a_data_set_that_no_run_uses_is_not_looked_for(tmp_path):
    tree = tiny_study()
    first = study.load(written(tmp_path, yaml.safe_dump(tree)))
    tree["datasets"]["away"] = {"layout": "class_folders", "root": "/nowhere"}
    assert study.load(written(tmp_path, yaml.safe_dump(tree))).digest == first.digest


def test_results_dir_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("SCRATCH", "/scratch/me")
    found = study.load(written(tmp_path, yaml.safe_dump(tiny_study() | {"results_dir": "$SCRATCH/results/"})))
    assert found.results_dir == "/scratch/me/results"
    assert any("wildcards" in line for line in problems(tmp_path, tiny_study() | {"results_dir": "a{b}"}))


def test_set_edits_before_anything_is_resolved(tmp_path):
    path = written(tmp_path, yaml.safe_dump(tiny_study(), sort_keys=False))
    edited = study.load(
        path, ["training.epochs=7", "grid.*.ratios=[0.1]", "grid.1.seeds=[5]", "sampling.train=jittered"]
    )
    first = next(iter(edited.trainings.values())).spec
    assert first["training"]["epochs"] == 7
    assert first["sampling"] == {"train": "jittered"}  # the section was not written in the file
    assert {run.observation_ratio for run in edited.runs} == {0.1}
    assert {run.seed for run in edited.runs} == {0, 1, 5}
    assert edited.edits == ("training.epochs=7", "grid.*.ratios=[0.1]", "grid.1.seeds=[5]", "sampling.train=jittered")


def test_an_ablation_that_states_its_own_value_keeps_it(tmp_path):
    tree = tiny_study()
    tree["ablations"]["vanilla"] = {"training": {"epochs": 9}}
    edited = study.load(written(tmp_path, yaml.safe_dump(tree)), ["training.epochs=7"])
    assert {training.spec["training"]["epochs"] for training in edited.trainings.values() if not training.parent} == {9}


def test_json_is_a_study_too(tmp_path):
    assert len(study.load(written(tmp_path, json.dumps(tiny_study()))).runs) == 10


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_studies_are_right(path):
    assert study.load(str(path)).runs  # what is not downloaded yet stops no reading
