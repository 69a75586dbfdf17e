"""Readable run folders: what they hold, that they follow names, and that nothing else is ever touched."""

import shutil
from pathlib import Path

import pytest

from conftest import sweep
from known import HOME, VIDEOS
from partway import cli, files, study
from partway.errors import DataError
from partway.results import run_folders
from partway.results.collect import collect, collect_partial, collecting

RUNS = HOME / "runs"
VANILLA = RUNS / "mime/small/vanilla/train_matched/prefix/observation_ratio_1.0/seed_0"
SIX_VIEWS = RUNS / "mime/small/six_views/train_matched/prefix/observation_ratio_1.0/seed_1"


def tree(root: Path) -> dict[str, tuple]:
    """What lies below a folder without following links: kind, target or content, and time of change."""
    found = {}
    for path in sorted(root.rglob("*")):
        kind = "link" if path.is_symlink() else "folder" if path.is_dir() else "file"
        content = str(path.readlink()) if kind == "link" else path.read_bytes() if kind == "file" else None
        found[str(path.relative_to(root))] = (kind, content, path.lstat().st_mtime_ns if kind != "folder" else None)
    return found


def edited(resolved: study.Study, **changes) -> study.Study:
    """The study with other grid blocks, read again."""
    text = files.read_json("study.yaml")
    text["grid"] = [block | changes for block in text["grid"]]
    files.write_json("study.yaml", text)
    return study.load("study.yaml")


def test_every_run_has_its_folder_with_settings_in_full(resolved):
    collect(resolved, HOME)
    records = sorted(RUNS.rglob("run.json"))
    assert len(records) == len(resolved.runs) == 10
    assert (RUNS / "mime/small/vanilla/train_full/prefix/observation_ratio_0.5/seed_0/run.json").exists()
    run = files.read_json(SIX_VIEWS / "run.json")
    assert run["run"]["ablation"] == "six_views"
    first, second = run["trainings"]
    assert first["settings"]["training"]["mixup"] == {"alpha": 0.8, "prob": 1.0}
    assert second["settings"]["training"]["mixup"] is None
    assert first["settings"]["training"]["weight_decay"] == 0.05  # a default that the study does not write
    assert first["settings"]["sampling"]["train"] == "uniform"
    assert second["settings"]["parent"] == first["folder"]
    assert second["parent_digest"] == first["checkpoint_digest"]
    assert first["data_fingerprint"] == "f"
    test, validation = run["evaluations"]
    views = {"clips": 1, "scales": [1.0], "crops": 3, "flips": 2, "aggregation": "logits"}
    assert test["settings"]["views"] == views
    assert (test["settings"]["split"], validation["settings"]["split"]) == ("test", "validation")
    assert test["scores"]["top1"] == 0.75
    assert test["scores"]["videos"] == VIDEOS
    assert test["folder"].endswith(test["key"])


def test_the_links_are_relative_and_lead_to_the_results(resolved, tmp_path):
    collect(resolved, HOME)
    names = sorted(path.name for path in SIX_VIEWS.iterdir())
    assert names == ["evaluation_test", "evaluation_validation", "run.json", "training_stage_1", "training_stage_2"]
    assert (VANILLA / "training" / "training.json").exists()
    moved = tmp_path / "elsewhere"
    shutil.move(tmp_path / "results", moved)
    there = moved / SIX_VIEWS.relative_to("results")
    assert files.read_json(there / "evaluation_test" / "metrics.json")["top1"] == 0.75
    assert (there / "training_stage_2").resolve().parent == (moved / "trainings").resolve()
    assert not any(str(path.readlink()).startswith("/") for path in moved.rglob("*") if path.is_symlink())


def test_collecting_again_writes_nothing(resolved):
    collect(resolved, HOME)
    before = tree(RUNS)
    collect(resolved, HOME)
    assert tree(RUNS) == before


def test_a_fraction_of_the_train_videos_stands_in_the_name(resolved):
    cell = resolved.runs[0].cell | {"train_fraction": 0.25, "train_ratio": 0.5}
    assert run_folders.folder_of(cell) == "mime/small/vanilla/train_0.5_0.25/prefix/observation_ratio_1.0/seed_0"


def test_vanished_runs_lose_their_folder_and_nothing_else(resolved):
    collect(resolved, HOME)
    results = tree(Path("results/trainings")) | tree(Path("results/evaluations"))
    note = SIX_VIEWS / "notes.txt"
    note.write_text("mine")
    fewer = edited(resolved, seeds=[0])
    collect(fewer, HOME)
    assert not list(RUNS.rglob("seed_1/run.json"))
    assert not (RUNS / "mime/small/mixup/train_matched/prefix/observation_ratio_1.0/seed_1").exists()
    assert (RUNS / "mime/small/mixup/train_matched/prefix/observation_ratio_1.0/seed_0/run.json").exists()
    assert [path.name for path in SIX_VIEWS.iterdir()] == ["notes.txt"]  # what somebody wrote there stays
    assert tree(Path("results/trainings")) | tree(Path("results/evaluations")) == results


def test_links_in_the_tree_are_never_followed(resolved, tmp_path):
    collect(resolved, HOME)
    outside = tmp_path / "outside"
    inner = "small/vanilla/train_matched/prefix/observation_ratio_1.0/seed_7"
    (outside / inner / "training").mkdir(parents=True)
    (outside / inner / "run.json").write_text("not ours")
    (RUNS / "foreign").symlink_to(outside)
    shutil.rmtree(RUNS / "mime")
    (RUNS / "mime").symlink_to(outside)  # where a folder of ours must be
    before = tree(outside)
    collect(resolved, HOME)
    assert tree(outside) == before
    assert (RUNS / "foreign").is_symlink()
    assert not (RUNS / "mime").is_symlink()
    assert (VANILLA / "run.json").exists()


def test_an_ablation_that_loses_a_stage_loses_its_link(resolved):
    collect(resolved, HOME)
    (VANILLA / "training_stage_2").symlink_to("nowhere")
    (VANILLA / "training").unlink()
    (VANILLA / "training").symlink_to("other")
    collect(resolved, HOME)
    assert sorted(path.name for path in VANILLA.iterdir()) == [
        *("evaluation_test", "evaluation_validation", "run.json", "training")
    ]
    assert (VANILLA / "training" / "training.json").exists()


def test_copies_on_request_and_links_again(resolved):
    for training in resolved.trainings:
        Path("results/trainings", training, "checkpoint.pt").write_text(training)
    collect(resolved, HOME)
    assert cli.main(["collect", "study.yaml", "--copy"]) == 0
    copied = SIX_VIEWS / "training_stage_2"
    assert not copied.is_symlink()
    assert sorted(path.name for path in copied.iterdir()) == ["checkpoint.pt", "training.json", "training_log.csv"]
    before = tree(RUNS)
    assert cli.main(["collect", "study.yaml", "--copy"]) == 0
    assert tree(RUNS) == before
    original = Path("results/trainings", resolved.runs[-3].trainings[-1], "checkpoint.pt")
    collect(resolved, HOME)
    assert (SIX_VIEWS / "training_stage_2").is_symlink()
    assert original.exists()


def test_a_file_system_without_links_gets_copies_and_says_so_once(resolved, monkeypatch, capsys):
    def refused(*_) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(run_folders.os, "symlink", refused)
    collect(resolved, HOME)
    assert capsys.readouterr().err.count("its run folders hold copies instead") == 1
    assert (SIX_VIEWS / "evaluation_test" / "predictions.parquet").is_file()
    assert not any(path.is_symlink() for path in RUNS.rglob("*"))


@pytest.mark.slow
def test_partial_results_leave_what_was_collected_before(resolved):
    """The verdict, the tables and the run folders of one study stay together until the next one is whole."""
    run = next(run for run in resolved.runs if run.ablation == "six_views" and run.seed == 1)
    collect(resolved, HOME)
    Path("results/evaluations", run.evaluation, "metrics.json").unlink()
    collect_partial(resolved, HOME)
    assert SIX_VIEWS.exists()
    assert len(list(RUNS.rglob("run.json"))) == 10
    assert not (HOME / "partial" / "runs").exists()


# --- partial, by hand and while jobs run ---------------------------------------------------------------


@pytest.mark.slow
def test_partial_by_hand_says_where(resolved, capsys):
    assert cli.main(["collect", "study.yaml", "--partial"]) == 0
    assert "10 of 10 runs are complete" in capsys.readouterr().out
    assert cli.main(["collect", "study.yaml", "--partial", "--set", "grid.*.seeds=[0, 1, 2]"]) == 0
    # new are seed 2 of four ablations, and seeds 1 and 2 of vanilla on whole videos at two ratios; of these eight, ratio
    # 1.0 of seed 1 is the evaluation that the ladder already has
    assert "11 of 18 runs are complete; report, tables, figures and verdict so far: results/known/partial" in (
        capsys.readouterr().out
    )
    assert "2 of 3" in (HOME / "partial" / "tables" / "recipe.md").read_text()


def test_an_incomplete_study_names_its_first_hole(resolved, capsys):
    run = resolved.runs[3]
    Path("results/evaluations", run.evaluation, "metrics.json").unlink()
    assert cli.main(["collect", "study.yaml"]) == 1
    error = capsys.readouterr().err
    assert f"1 of 10 runs are not complete, first: evaluation {run.evaluation} (mime small mixup" in error
    assert "--partial" in error
    assert not HOME.exists()


HALVES = [
    ("evaluations", "predictions.parquet", "predictions of evaluation"),
    ("evaluations", "metrics.json", "evaluation"),
    ("trainings", "training.json", "training"),
]


@pytest.mark.parametrize(("kind", "name", "missing"), sweep(HALVES, quick=HALVES[:1]))
def test_half_a_result_is_missing(resolved, kind, name, missing):
    run = next(run for run in resolved.runs if run.ablation == "six_views" and run.seed == 0)
    folder = run.evaluation if kind == "evaluations" else run.trainings[-1]
    Path("results", kind, folder, name).unlink()
    collect_partial(resolved, HOME)
    assert f'"missing": "{missing} {folder}' in (HOME / "partial" / "summary.json").read_text()


@pytest.mark.slow
def test_a_broken_record_is_a_hole_that_says_what_to_do(resolved):
    run = resolved.runs[0]
    Path("results/trainings", run.trainings[0], "training.json").write_text('{"chosen": {')
    collect_partial(resolved, HOME)
    assert "its training.json is broken: delete its folder" in (HOME / "partial" / "summary.json").read_text()
    with pytest.raises(DataError, match=r"training\.json is broken"):
        collect(resolved, HOME)


@pytest.mark.slow
def test_files_that_vanish_while_it_draws_are_missing(resolved, monkeypatch):
    """A job that re-runs deletes its outputs first: here after they were collected, before the table reads them."""
    run = next(run for run in resolved.runs if run.ablation == "mixup" and run.seed == 0)
    draw = collecting._draw

    def deleted_just_before(*arguments) -> None:
        for path in Path("results/evaluations", run.evaluation).iterdir():
            path.unlink()
        draw(*arguments)

    monkeypatch.setattr(collecting, "_draw", deleted_just_before)
    assert "9 of 10 runs" in collect_partial(resolved, HOME)
    assert "1 of 2" in (HOME / "partial" / "tables" / "recipe.md").read_text()


@pytest.mark.slow
def test_partial_results_are_collected_again_by_the_next_full_call(resolved):
    collect(resolved, HOME)
    collected = HOME / ".collected" / resolved.digest
    assert collected.exists()
    collect_partial(resolved, HOME)
    assert not collected.exists()
    collect(resolved, HOME)
    assert collected.exists()
    assert not (HOME / "partial").exists()


def test_tables_of_vanished_ladders_go(resolved):
    collect(resolved, HOME)
    for name in ("old.csv", "old.md", "recipe.csv", "notes.txt"):
        (HOME / "tables").mkdir(exist_ok=True)
        (HOME / "tables" / name).touch()
    collect(resolved, HOME)
    assert sorted(path.name for path in (HOME / "tables").iterdir()) == ["notes.txt", "recipe.csv"]
