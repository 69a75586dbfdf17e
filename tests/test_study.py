"""From a study to runs, trainings and evaluations: counts worked out by hand."""

import json
from pathlib import Path

from conftest import tiny_study
from partway import study


def load(tmp_path: Path, tree: dict) -> study.Study:
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps(tree))
    return study.load(str(path))


def test_the_tiny_study_by_hand(tmp_path):
    resolved = load(tmp_path, tiny_study())
    # 4 ablations x 2 seeds at ratio 1, and vanilla `full` at 0.5 and 1.0 with seed 0.
    assert len(resolved.runs) == 10
    # vanilla, mixup and the second stage, each with 2 seeds; six_views re-uses, `full` equals `matched` at 1.0.
    assert len(resolved.trainings) == 6
    # 10 runs on test and validation, but `full` at 1.0 is `matched` at 1.0 with seed 0.
    assert len(resolved.evaluations) == 18


def test_second_stage_starts_from_the_training_of_the_row_above(tmp_path):
    resolved = load(tmp_path, tiny_study())
    by_name = {(run.ablation, run.seed): run for run in resolved.runs if run.train_ratio == "matched"}
    for seed in (0, 1):
        mixup, two_stage, six_views = (by_name[name, seed] for name in ("mixup", "two_stage", "six_views"))
        assert two_stage.trainings[0] == mixup.trainings[-1]
        assert resolved.trainings[two_stage.trainings[1]].parent == mixup.trainings[-1]
        assert six_views.trainings == two_stage.trainings
        assert six_views.evaluation != two_stage.evaluation


def test_stages_inherit_the_recipe_and_change_what_they_say(tmp_path):
    resolved = load(tmp_path, tiny_study())
    stage = next(training for training in resolved.trainings.values() if training.parent)
    assert stage.spec["training"] == {"epochs": 1, "batch_size": 4, "accumulation": 2, "learning_rate": 0.0001}
    assert "stage 2 of 2" in stage.title


def test_full_trains_once_for_all_ratios_and_equals_matched_at_one(tmp_path):
    tree = tiny_study()
    tree["grid"] = [
        tree["grid"][1] | {"ratios": [0.1, 0.5, 1.0]},
        tree["grid"][1] | {"ratios": [1.0], "train_ratio": "matched"},
        tree["grid"][1] | {"ratios": [1.0], "train_ratio": 1},
    ]
    tree["ladders"] = {}
    resolved = load(tmp_path, tree)
    assert len(resolved.trainings) == 1
    assert len(resolved.evaluations) == 6
    assert [run.train_ratio for run in resolved.runs] == ["full", "full", "full", "matched", 1.0]


def test_matched_trains_each_ratio_and_random_once(tmp_path):
    tree = tiny_study()
    tree["ladders"] = {}
    tree["grid"] = [tree["grid"][1] | {"ratios": [0.1, 0.5, 1.0], "train_ratio": "matched"}]
    assert len(load(tmp_path, tree).trainings) == 3
    tree["grid"][0]["train_ratio"] = "random"
    resolved = load(tmp_path, tree)
    assert [training.spec["train_ratio"] for training in resolved.trainings.values()] == ["random"]
    assert len(resolved.evaluations) == 6


def test_windows_share_what_whole_videos_train(tmp_path):
    tree = tiny_study()
    tree["ladders"] = {}
    block = tree["grid"][1] | {"ratios": [0.5, 1.0], "windows": ["prefix", "middle"]}
    tree["grid"] = [block | {"train_ratio": "full"}]
    full = load(tmp_path, tree)
    assert len(full.trainings) == 1  # a whole video has no window
    assert len(full.evaluations) == 6  # on test and validation: prefix 0.5, middle 0.5, and 1.0 for both
    tree["grid"] = [block | {"train_ratio": "matched"}]
    matched = load(tmp_path, tree)
    assert sorted(t.spec.get("window", "prefix") for t in matched.trainings.values()) == ["middle", "prefix", "prefix"]
    tree["grid"] = [block | {"train_ratio": "random"}]
    assert len(load(tmp_path, tree).trainings) == 2  # random lengths lie somewhere, also in the middle
    assert any("middle window" in training.title for training in load(tmp_path, tree).trainings.values())


def test_precedence_is_study_then_model_then_ablation(tmp_path):
    tree = tiny_study()
    tree["training"] = {"epochs": 1, "batch_size": 2, "learning_rate": 0.1}
    tree["models"]["small"]["training"] = {"batch_size": 4, "learning_rate": 0.2}
    tree["ablations"]["vanilla"] = {"training": {"learning_rate": 0.3}}
    first = next(iter(load(tmp_path, tree).trainings.values()))
    assert first.spec["training"] == {"epochs": 1, "batch_size": 4, "learning_rate": 0.3}


def test_an_ablation_may_change_the_model(tmp_path):
    tree = tiny_study()
    tree["ablations"]["vanilla"] = {"model": {"num_frames": 8}}
    assert {t.spec["model"]["num_frames"] for t in load(tmp_path, tree).trainings.values()} == {8}


def test_duplicate_cells_collapse(tmp_path):
    tree = tiny_study()
    tree["grid"].append(tree["grid"][0])
    assert len(load(tmp_path, tree).runs) == 10


def test_without_validation_a_run_has_one_evaluation(tmp_path):
    tree = tiny_study() | {"training": {"epochs": 1, "select": "last"}}
    tree["datasets"]["mime"]["validation"] = {"fraction": 0}
    resolved = load(tmp_path, tree)
    assert {run.validation for run in resolved.runs} == {None}
    assert {evaluation.spec["split"] for evaluation in resolved.evaluations.values()} == {"test"}


def test_a_study_survives_freezing(tmp_path):
    resolved = load(tmp_path, tiny_study())
    assert study.Study.from_dict(json.loads(json.dumps(resolved.to_dict()))) == resolved
    assert study.Study.from_dict(json.loads(json.dumps(resolved.to_dict()))).digest == resolved.digest


def test_a_ladders_model_is_that_of_its_rows_that_name_none(tmp_path):
    tree = tiny_study()
    tree["models"]["other"] = tree["models"]["small"]
    tree["grid"][0]["models"] = ["small", "other"]
    tree["ladders"] = {"recipe": {"model": "small", "rows": ["vanilla", {"ablation": "mixup", "model": "other"}]}}
    (tmp_path / "study.yaml").write_text(json.dumps(tree))
    ladder = study.load(str(tmp_path / "study.yaml")).ladders["recipe"]
    rows = [{"ablation": "vanilla", "model": "small"}, {"ablation": "mixup", "model": "other"}]
    assert ladder == {"rows": rows, "train_ratio": "matched"}
