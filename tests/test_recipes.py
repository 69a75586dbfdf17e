"""The shipped studies of HMDB51 and UCF-101: every hyper-parameter of the sources (SPEC 7), and a small run of each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY, Workplace
from partway import dag, files, study
from partway.training.spec import TrainingSpec
from test_official_lists import write_hmdb51, write_ucf101
from tiny_weights import write_timm_vit, write_vivit, write_weights

# SPEC 7a: the ViT baseline; 7b: VideoMAE; 7d: ViViT. What a row changes stands with the row.
BASELINE = {
    "architecture": "vit_small_patch16_224", "num_frames": 16, "train": "strided", "test": "strided", "stride": 2,
    "consistent": False, "crop": "random_scale", "scale": (0.8, 1.0), "flip": 0.5, "test_resize": "square",
    "epochs": 4, "batch_size": 16, "accumulation": 4, "learning_rate": 1e-4, "head_learning_rate": 5e-4,
    "weight_decay": 0.05, "schedule": "constant", "warmup": 0.0, "clip_norm": None, "mixup": None,
    "label_smoothing": 0.0, "precision": "fp16", "select": "last", "views": 1,
}  # fmt: skip
VANILLA = {
    "architecture": "videomae", "num_frames": 16, "train": "uniform", "test": "uniform", "consistent": False,
    "crop": "random_resized", "scale": (0.8, 1.0), "aspect": (0.75, 4 / 3), "flip": 0.5, "test_resize": "short_side",
    "epochs": 20, "batch_size": 8, "accumulation": 4, "learning_rate": 5e-5, "head_learning_rate": None,
    "weight_decay": 0.05, "schedule": "cosine", "warmup": 0.1, "min_learning_rate": 0.0, "clip_norm": 1.0,
    "mixup": None, "label_smoothing": 0.0, "precision": "fp16", "select": "last", "views": 1,
}  # fmt: skip
CONSISTENT = VANILLA | {"consistent": True}
MIXUP = CONSISTENT | {"mixup": {"alpha": 0.8, "prob": 1.0}}
SECOND = CONSISTENT | {"epochs": 10, "learning_rate": 1e-6, "warmup": 0.0, "label_smoothing": 0.1}
SIX = {"views": 6}
VIVIT = {
    "architecture": "vivit", "num_frames": 32, "train": "uniform", "test": "uniform", "too_short": "loop",
    "crop": "none", "flip": 0.0, "test_resize": "square", "epochs": 30, "batch_size": 2, "accumulation": 1,
    "learning_rate": 2e-4, "head_learning_rate": None, "weight_decay": 1e-5, "schedule": "cosine_per_epoch",
    "warmup": 0.0, "clip_norm": 1.0, "mixup": None, "precision": "fp16", "select": "best", "views": 1,
    "normalisation": {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}, "trainable": [(1, "all")],
}  # fmt: skip
ROWS = {  # (study, model, ablation) -> the trainings of the row, one after the other
    ("hmdb51", "vit_small", "baseline"): [BASELINE],
    ("hmdb51", "vit_base", "baseline"): [BASELINE | {"architecture": "vit_base_patch16_224"}],
    ("hmdb51", "vit_small", "consistent"): [BASELINE | {"consistent": True}],
    ("hmdb51", "vit_small", "epochs_20"): [BASELINE | {"consistent": True, "epochs": 20}],
    ("hmdb51", "vit_small", "cosine"): [
        BASELINE | {"consistent": True, "epochs": 20, "schedule": "cosine", "warmup": 0.1}
    ],
    ("hmdb51", "vit_small", "cosine_mixup"): [
        BASELINE | {"consistent": True, "epochs": 20, "schedule": "cosine", "warmup": 0.1, "mixup": MIXUP["mixup"]}
    ],
    ("hmdb51", "videomae", "vanilla"): [VANILLA],
    ("hmdb51", "videomae", "consistent"): [CONSISTENT],
    ("hmdb51", "videomae", "mixup"): [MIXUP],
    ("hmdb51", "videomae", "two_stage"): [MIXUP, SECOND],
    ("hmdb51", "videomae", "six_views"): [MIXUP | SIX, SECOND | SIX],
    ("hmdb51", "videomae", "epochs_30"): [MIXUP | SIX | {"epochs": 30}, SECOND | SIX],
    ("hmdb51", "videomae", "frames_8"): [
        MIXUP | SIX | {"epochs": 30, "num_frames": 8},
        SECOND | SIX | {"num_frames": 8},
    ],
    ("ucf101", "vivit", "full"): [VIVIT],
    ("ucf101", "vivit", "head_only"): [VIVIT | {"trainable": [(1, "head")]}],
    ("ucf101", "vivit", "unfreezing"): [VIVIT | {"trainable": [(1, "head"), (11, "last_3"), (21, "all")]}],
    ("ucf101", "vivit", "separate_rates"): [VIVIT | {"learning_rate": 1e-5, "head_learning_rate": 2e-4}],
}
REVISIONS = {
    "vit_small": "timm/vit_small_patch16_224.augreg_in21k_ft_in1k@",
    "vit_base": "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k@",
    "videomae": "MCG-NJU/videomae-base-finetuned-kinetics@",
    "vivit": "google/vivit-b-16x2-kinetics400@",
}
REPORTED = {  # test, and train where it is reported, in per cent (SPEC 7)
    ("baselines", "vit_small", "baseline"): (69.22, None),
    ("baselines", "vit_base", "baseline"): (73.73, None),
    ("recipe", "videomae", "vanilla"): (81.76, 100.0),
    ("recipe", "videomae", "consistent"): (83.73, 100.0),
    ("recipe", "videomae", "mixup"): (84.31, 89.98),
    ("recipe", "videomae", "six_views"): (84.90, 91.0),
    ("recipe", "videomae", "epochs_30"): (85.10, None),
    ("frames", "videomae", "epochs_30"): (85.10, None),
    ("frames", "videomae", "frames_8"): (82.55, None),
    ("road", "vit_small", "baseline"): (69.22, None),
    ("road", "videomae", "mixup"): (84.31, 89.98),
    ("road", "videomae", "six_views"): (84.90, 91.0),
}


@pytest.fixture(scope="module")
def shipped() -> dict[str, study.Study]:
    """Both studies, without their data and with an empty cache of the hub."""
    return {name: study.load(str(REPOSITORY / "studies" / f"{name}.yaml")) for name in ("hmdb51", "ucf101")}


def run_of(resolved: study.Study, model: str, ablation: str) -> study.Run:
    return next(run for run in resolved.runs if (run.model, run.ablation) == (model, ablation))


def settings(resolved: study.Study, training: str, run: study.Run) -> dict[str, Any]:
    """All settings of a training under one name each, and the number of views that its run is scored with."""
    spec = TrainingSpec.from_dict(resolved.trainings[training].spec)
    views = resolved.evaluations[run.evaluation].spec.get("views", {})
    flat = {"architecture": spec.architecture, "views": views.get("crops", 1) * views.get("flips", 1)}
    for section in (spec.model, spec.sampling, spec.transforms, spec.training):
        flat |= section.model_dump()
    return flat | {"trainable": [(step["from_epoch"], step["part"]) for step in flat["trainable"]]}


@pytest.mark.parametrize(("name", "model", "ablation"), ROWS)
def test_every_setting_of_a_row_is_that_of_its_source(shipped, name, model, ablation):
    run, expected = run_of(shipped[name], model, ablation), ROWS[name, model, ablation]
    assert len(run.trainings) == len(expected)
    for training, stage in zip(run.trainings, expected, strict=True):
        found = settings(shipped[name], training, run)
        assert {field: found[field] for field in stage} == stage
    weights = shipped[name].trainings[run.trainings[0]].spec["weights"]
    assert weights.startswith(f"hub:{REVISIONS[model]}")
    assert len(weights.rpartition("@")[2]) == 40  # a commit


def test_no_row_of_the_shipped_studies_is_left_out_above(shipped):
    rows = {(name, run.model, run.ablation) for name, resolved in shipped.items() for run in resolved.runs}
    assert rows == set(ROWS)


def test_which_trainings_are_shared(shipped):
    hmdb51 = shipped["hmdb51"]
    chain = {run.ablation: run.trainings for run in hmdb51.runs if (run.model, run.seed) == ("videomae", 0)}
    assert chain["two_stage"][0] == chain["mixup"][0]  # the second stage starts from the row above
    assert chain["six_views"] == chain["two_stage"]  # views are of the evaluation alone
    assert chain["epochs_30"][0] not in chain["mixup"]  # 30 epochs are a training of their own
    assert not set(chain["frames_8"]) & set(chain["epochs_30"])
    # vanilla, consistent, mixup, second stage, and two chains of two; ViT-S in five rows, ViT-B in one; three seeds
    assert len(hmdb51.trainings) == 3 * (4 + 2 + 2 + 5 + 1)
    assert {training.spec["seed"] for training in hmdb51.trainings.values()} >= {1, 2}
    ucf101 = shipped["ucf101"]
    assert len(ucf101.trainings) == len(ucf101.runs) == 5 * 2 + 3  # one training a ratio and window
    assert {run.window for run in ucf101.runs} == {"prefix", "middle"}
    assert [run.observation_ratio for run in ucf101.runs if run.ablation != "full"] == [0.5] * 3
    assert all(run.validation for run in ucf101.runs)
    assert not any(run.validation for run in hmdb51.runs)


def test_reported_numbers_are_those_of_the_sources(shipped):
    found = {
        (ladder, row["model"], row["ablation"]): row["reference"]
        for ladder, definition in shipped["hmdb51"].ladders.items()
        for row in definition["rows"]
        if "reference" in row
    }
    per_cent = lambda share: share and pytest.approx(100 * share)  # noqa: E731
    assert {row: (per_cent(of["test_top1"]), per_cent(of["train_top1"])) for row, of in found.items()} == REPORTED
    assert all("another test set (510 videos, private)" in of["source"] for of in found.values())
    anchors = {anchor["label"]: anchor for anchor in shipped["ucf101"].references}
    assert {label: (a["top1"], a["observation_ratio"], a["window"]) for label, a in anchors.items()} == {
        "TemPr": (0.954, 0.5, "prefix"),
        "EAST": (0.955, 0.5, "prefix"),
    }


# --- a small run of each -------------------------------------------------------------------------------


def small_run(folder: Path, name: str, edits: list[str]) -> Workplace:
    """Run a shipped study on a tree of the real shape in HOME, with tiny weights and what `edits` set."""
    shutil.copy(REPOSITORY / "studies" / f"{name}.yaml", folder / "study.yaml")
    workplace = Workplace(folder, {}, {"HOME": str(folder)})
    assert workplace.command()[-1] == "study=study.yaml"
    code, output = workplace.called([*workplace.command(cores=2), f"set={json.dumps(edits)}"])
    assert code == 0, output[-6000:]
    return workplace


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A home folder, where the shipped studies look for their data."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.mark.slow
def test_a_small_run_of_hmdb51(home):
    write_hmdb51(home / "data")
    (home / "data" / "splits").rename(home / "data" / "hmdb51_splits")
    write_weights(home / "weights" / "videomae")
    write_timm_vit(home / "weights" / "vit")
    vits = [f"models.{vit}.{edit}" for vit in ("vit_small", "vit_base") for edit in (
        "architecture=vit", "weights=~/weights/vit", "training.epochs=1", "num_frames=4")]  # fmt: skip
    edits = [
        *vits, "models.videomae.weights=~/weights/videomae", "models.videomae.num_frames=4", "grid.*.seeds=[0]",
        "training.epochs=1", "ablations.epochs_20.training.epochs=2", "ablations.epochs_30.training.epochs=2",
        "ablations.two_stage.stages.0.epochs=1", "ablations.frames_8.model.num_frames=2",
    ]  # fmt: skip
    workplace = small_run(home, "hmdb51", edits)
    recipe = files.read_csv(workplace.results("hmdb51/tables/recipe.csv")[0])
    assert [row["ablation"] for row in recipe] == [
        *("vanilla", "consistent", "mixup", "two_stage", "six_views", "epochs_30")
    ]
    assert [row["total_epochs"] for row in recipe] == ["1", "1", "1", "2", "2", "3"]
    assert [row["views"] for row in recipe] == ["1"] * 4 + ["6"] * 2
    assert [row["reported_test_top1"] for row in recipe] == ["0.8176", "0.8373", "0.8431", "", "0.849", "0.851"]
    assert {row["seeds"] for row in recipe} == {"1"}
    text = workplace.results("hmdb51/tables/recipe.md")[0].read_text()
    assert "| 84.31 (train 89.98) |" in text
    assert "were not measured here" in text
    road = files.read_csv(workplace.results("hmdb51/tables/road.csv")[0])
    assert [row["model"] for row in road] == ["vit_small"] * 5 + ["videomae"] * 3
    assert all(row["test_top1"] for row in road)
    runs = {(run["model"], run["ablation"]): run for run in files.read_csv(workplace.results("hmdb51/runs.csv")[0])}
    assert all(run["weights"].startswith("sha256:") for run in runs.values())
    assert workplace.results("hmdb51/report.html")


@pytest.mark.slow
def test_a_small_run_of_ucf101(home):
    write_ucf101(home / "data")
    write_vivit(home / "weights" / "vivit")
    edits = [
        "models.vivit.weights=~/weights/vivit", "models.vivit.num_frames=4", "training.epochs=3", "grid.*.seeds=[0]",
        "grid.0.ratios=[0.5, 0.9]", "ablations.unfreezing.training.trainable.1={from_epoch: 2, part: last_1}",
        "ablations.unfreezing.training.trainable.2.from_epoch=3", "training.batch_size=8",
    ]  # fmt: skip
    workplace = small_run(home, "ucf101", edits)
    fine_tuning = files.read_csv(workplace.results("ucf101/tables/fine_tuning.csv")[0])
    shown = [(row["window"], row["observation_ratio"], row["ablation"]) for row in fine_tuning if not row["missing"]]
    rows = ["full", "head_only", "unfreezing", "separate_rates"]
    assert shown[:4] == [("prefix", "0.5", ablation) for ablation in rows]
    assert {row["observation_ratio"] for row in fine_tuning} == {"0.5"}
    figure = workplace.results("ucf101/figures/accuracy_against_ratio.svg")[0].read_text()
    assert "TemPr: 95.4 % at 0.5, prefix (reported, not measured here)" in figure
    runs = files.read_csv(workplace.results("ucf101/runs.csv")[0])
    assert len(runs) == 2 * 2 + 3
    assert all(run["val_top1"] for run in runs)
    logs = {run["ablation"]: run["training"] for run in runs if run["ablation"] == "unfreezing"}
    rates = files.read_csv(workplace.results(f"trainings/{logs['unfreezing']}/training_log.csv")[0])
    assert [row["epoch"] for row in rates] == ["1", "2", "3"]
    assert len({row["learning_rate"] for row in rates}) == 3  # a cosine over the epochs
    assert not dag.missing_data(study.load(str(home / "study.yaml")))
