"""What an ablation changes, as the report tells it: against the one that it extends, or against the model alone."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import tiny_study
from partway import study

MIXUP = [["training.mixup.alpha", None, 0.8], ["training.mixup.prob", None, 1]]


def changes_of(tmp_path: Path, ablations: dict) -> dict:
    """What a study's lock says of its ablations, of its one model."""
    tree = tiny_study() | {"ablations": ablations, "ladders": {}}
    tree["grid"] = [tree["grid"][0] | {"ablations": [name for name in ablations if name != "never_run"]}]
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps(tree))
    return study.load(str(path)).lock()["changes"]["small"]


def test_each_row_of_a_ladder_tells_what_it_adds(tmp_path):
    found = changes_of(tmp_path, tiny_study()["ablations"])
    assert found["vanilla"] == {"below": None, "settings": []}
    assert found["mixup"] == {"below": "vanilla", "settings": MIXUP}
    assert found["two_stage"] == {
        "below": "mixup",
        "settings": [
            ["stages", 1, 2],
            ["stage 2: training.epochs", 2, 1],
            ["stage 2: training.learning_rate", 0.001, 0.0001],
            ["stage 2: training.mixup.alpha", 0.8, None],
            ["stage 2: training.mixup.prob", 1, None],
        ],
    }
    assert found["six_views"] == {
        "below": "two_stage",
        "settings": [["evaluation.crops", 1, 3], ["evaluation.flips", 1, 2]],
    }


def test_an_ablation_that_no_run_has_is_compared_with_all_the_same(tmp_path):
    ablations = {
        "never_run": {"training": {"mixup": {"alpha": 0.8}}},
        "smoothed": {"extends": "never_run", "training": {"label_smoothing": 0.1}},
        "first": {"model": {"num_frames": 2}, "training": {"weight_decay": 0.05}},  # the decay is the default
    }
    found = changes_of(tmp_path, ablations)
    assert found["smoothed"] == {"below": "never_run", "settings": [["training.label_smoothing", 0, 0.1]]}
    assert found["first"] == {"below": None, "settings": [["model.num_frames", 4, 2]]}


def test_what_holds_for_all_stages_is_told_once(tmp_path):
    stages = [{"epochs": 1, "learning_rate": 1e-4}]
    ablations = {"two": {"stages": stages}, "same": {"extends": "two", "transforms": {"consistent": True}}}
    assert changes_of(tmp_path, ablations)["same"]["settings"] == [["transforms.consistent", False, True]]
