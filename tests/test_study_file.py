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


def test_merges_and_anchors_work_and_circles_are_refused(tmp_path):
    text = "base: &base {a: 1, b: 2}\nother: {<<: *base, b: 3}\n"
    assert read(written(tmp_path, text)).tree["other"] == {"a": 1, "b": 3}
    assert "holds itself" in read(written(tmp_path, "a: &a [1, *a]\n")).problems[0]


def test_duplicate_keys_are_named_with_both_lines_told_apart(tmp_path):
    found = read(written(tmp_path, "a: 1\nb: {c: 1,\n    c: 2}\na: 3\n")).problems
    assert any("line 1: a is written twice" in line for line in found)
    assert any("b.c is written twice" in line for line in found)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a mapping"),
        (b"- 1\n- 2\n", "expected a mapping"),
        (b"a: [1, 2\n", "not YAML"),
        (b"a:\n\tb: 1\n", "line 2: not YAML"),
        ("name: caf\xe9".encode("latin-1"), "UTF-8"),
        (b"x" * 1_000_001, "too large"),
    ],
)
def test_files_that_are_no_study(tmp_path, content, message):
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=message):
        study.load(str(path))


def test_no_file_and_a_folder_say_so(tmp_path):
    with pytest.raises(StudyError, match="no such file"):
        study.load(str(tmp_path / "none.yaml"))
    with pytest.raises(StudyError, match="not a file"):
        study.load(str(tmp_path))


def test_all_errors_come_at_once_each_with_its_place(tmp_path):
    tree = tiny_study()
    tree["training"]["epoks"] = 3
    tree["training"]["learning_rate"] = "fast"
    tree["ablations"]["mixup"]["extends"] = "vanila"
    tree["grid"][0]["ratios"] = [0, 0.5, 1.5]
    tree["grid"][0]["seeds"] = [-1]
    tree["grid"][1]["models"] = ["big"]
    tree["ladders"]["recipe"].append("nothing")
    text = "\n".join(found := problems(tmp_path, tree))
    assert "training.epoks: unknown key; did you mean epochs?" in text
    assert "training.learning_rate: input should be a valid number, got 'fast'" in text
    assert "ablations.mixup.extends: no ablation is called 'vanila'; did you mean vanilla?" in text
    assert "grid.0.ratios.0" in text
    assert "grid.0.ratios.2" in text
    assert "grid.0.seeds.0" in text
    assert "grid.1.models.0: no model is called 'big'" in text
    assert "ladders.recipe.4: no ablation is called 'nothing'" in text
    assert all(line.startswith("line ") for line in found)
    lines = (tmp_path / "study.yaml").read_text().splitlines()
    place = next(int(line.split()[1].rstrip(":")) for line in found if "epoks" in line)
    assert "epoks" in lines[place - 1]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"name": "data"}, "taken by a shared folder"),
        ({"name": "a/b"}, "pattern"),
        ({"name": ".."}, "pattern"),
        ({"ladders": {"recipe": []}}, "at least 1 item"),
        ({"grid": []}, "at least 1 item"),
        ({"datasets": {"mime": {"layout": "mimes"}}}, "expected mime or class_folders"),
        ({"datasets": {"mime": {"layout": "mime", "num_clips": 3}}}, "unknown key"),
        ({"training": {"epochs": True}}, "valid integer"),
        ({"training": {"epochs": 2.5}}, "valid integer"),
        ({"training": {"learning_rate": float("inf")}}, "finite"),
        ({"training": {"select": "worst"}}, "'best' or 'last'"),
        ({"transforms": {"scale": [1.0, 0.8]}}, "smallest, largest"),
        ({"transforms": {"scale": [0.8, 1.2]}}, "more than the whole"),
        (
            {"ablations": tiny_study()["ablations"] | {"vanilla": {"extends": "six_views"}}},
            "extends itself in a circle",
        ),
        ({"tables": {"decimals": -1}}, "greater than or equal to 0"),
        ({"grid": [tiny_study()["grid"][0] | {"train_ratio": "most"}]}, "expected matched, full, random or a number"),
    ],
)
def test_wrong_studies(tmp_path, edit, message):
    assert any(message in line for line in problems(tmp_path, tiny_study() | edit))


@pytest.mark.parametrize("key", [*tiny_study(), "transforms", "tables", "question", "results_dir"])
@pytest.mark.parametrize("value", [None, 3, "text", [1, "two"], {"a": {"b": 1}}, True, [[]], [{}]], ids=repr)
def test_any_key_may_hold_anything_and_the_error_is_a_study_error(tmp_path, key, value):
    path = written(tmp_path, yaml.safe_dump(tiny_study() | {key: value}, sort_keys=False))
    try:
        study.load(path)
    except StudyError as error:
        assert any(key in line for line in error.problems)


def test_min_learning_rate_above_the_learning_rate(tmp_path):
    found = problems(tmp_path, tiny_study(), "training.min_learning_rate=1.0")
    assert any("min_learning_rate 1 is above learning_rate 0.001" in line.replace("1.0 ", "1 ") for line in found)


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


def test_sizes_that_do_not_divide(tmp_path):
    found = problems(tmp_path, tiny_study(), "models.small.num_frames=5", "models.small.frame_size=33")
    assert any("models.small.num_frames: 5 does not divide by tubelet_size 2" in line for line in found)
    assert any("models.small.frame_size: 33 does not divide by patch_size 16" in line for line in found)
    assert all("set='models.small" in line for line in found)


def test_best_without_validation_is_refused(tmp_path):
    found = problems(tmp_path, tiny_study(), "datasets.mime.validation.fraction=0")
    assert all("has no validation (fraction 0); write select: last" in line for line in found)


def test_a_ladder_row_without_runs(tmp_path):
    found = problems(tmp_path, tiny_study(), "grid.0.ablations=[vanilla, mixup, two_stage]")
    assert len(found) == 1
    assert "row six_views has no run in the grid with train_ratio matched" in found[0]


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


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("training.epochs", "expected path=value"),
        ("=3", "expected path=value"),
        ("ablations.mixop.training.epochs=3", "nothing in the study matches"),
        ("grid.7.seeds=[1]", "nothing in the study matches"),
        ("ladders.*.rows.9=vanilla", "nothing in the study matches"),
        ("training.epochs=[1", "not YAML"),
        ("training.epoch=3", "did you mean epochs?"),
        ("grid.*.ratios=[2]", "less than or equal to 1"),
    ],
)
def test_wrong_edits_name_themselves(tmp_path, edit, message):
    found = problems(tmp_path, tiny_study(), edit)
    assert all(message in line and f"set={edit!r}" in line for line in found)


def test_json_is_a_study_too(tmp_path):
    assert len(study.load(written(tmp_path, json.dumps(tiny_study()))).runs) == 10


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_studies_are_right(path):
    assert study.load(str(path)).runs
