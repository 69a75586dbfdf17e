"""What runs again and what does not, counted in jobs of the real snakemake on a finished study (SPEC 2)."""

import json
import os
import re
import shutil
import time
from pathlib import Path

import pytest
import yaml

from conftest import COLLECT, REPOSITORY, SNAKEMAKE, TINY_MODEL, Workplace, make_class_folders, write_video
from old_script import write_old
from partway import cli, study

pytestmark = pytest.mark.slow
RUNS = "clips/runs/**/run.json"


def test_a_finished_study_has_nothing_to_do(workplace):
    assert workplace.jobs() == {}
    assert "Nothing to be done" in workplace.snakemake()


def test_the_report_names_the_command_of_the_call(finished):
    page = (finished.folder / "results/clips/report.html").read_text()
    command = re.search(r"<code>(snakemake .*? --config study=study.yaml)</code>", page)[1]
    assert "--cores 2 --resources gpu=2" in command
    assert str(SNAKEMAKE.parent) not in page


def test_the_report_shows_videos_from_where_snakemake_says_they_lie(finished):
    page = (finished.folder / "results/clips/report.html").read_text()
    assert 'src="data:image/jpeg;base64,' in page.partition('alt="Frames across the whole video')[0]
    assert "No video is shown" not in page


def test_the_finished_study_ran_each_job_once(finished):
    assert len(finished.results("trainings/*/training.json")) == 3
    assert len(finished.results("evaluations/*/metrics.json")) == 10


def test_the_study_resolves_the_same_in_the_package(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    resolved = study.load("study.yaml")
    assert {path.parent.name for path in finished.results("trainings/*/training.json")} == set(resolved.trainings)
    assert {path.parent.name for path in finished.results("evaluations/*/metrics.json")} == set(resolved.evaluations)


# --- changes that change no number ---------------------------------------------------------------------


def reordered(workplace: Workplace) -> None:
    workplace.study = dict(reversed(workplace.study.items()))
    workplace.study["ablations"] = dict(reversed(workplace.study["ablations"].items()))


def other_spelling(workplace: Workplace) -> None:
    workplace.study["grid"][0]["ratios"] = [1]
    workplace.study["training"]["learning_rate"] = 0.00100
    workplace.study["models"]["small"]["mlp_ratio"] = 4


def touched_clip(workplace: Workplace) -> None:
    (workplace.folder / "clips" / "dark" / "clip_0.avi").touch()


def moved_source(workplace: Workplace) -> None:
    shutil.move(workplace.folder / "clips", workplace.folder / "a moved folder")
    workplace.study["datasets"]["mine"]["root"] = "a moved folder"


def more_workers(workplace: Workplace) -> None:
    workplace.environment |= {"PARTWAY_WORKERS": "3", "PARTWAY_THREADS": "2"}


def store_option(workplace: Workplace) -> None:
    workplace.study["datasets"]["mine"]["store"] = "raw"


def packed_frames(workplace: Workplace) -> None:
    workplace.study["datasets"]["mine"]["store"] = {"kind": "packed-frames"}


def lost_records(workplace: Workplace) -> None:
    shutil.rmtree(workplace.folder / ".snakemake")


def pruned_checkpoint(workplace: Workplace) -> None:
    for path in workplace.results("trainings/*/checkpoint.pt"):
        path.unlink()


def lost_data(workplace: Workplace) -> None:
    shutil.rmtree(workplace.folder / "results" / "data")


NO_CHANGE = [
    reordered,
    other_spelling,
    touched_clip,
    moved_source,
    more_workers,
    store_option,
    packed_frames,
    lost_records,
    pruned_checkpoint,
    lost_data,
]


@pytest.mark.parametrize("change", NO_CHANGE, ids=lambda change: change.__name__)
def test_nothing_runs_after(workplace, change):
    change(workplace)
    assert workplace.jobs() == {}


def test_a_comment_changes_nothing(workplace):
    text = "# how much is enough?\n" + yaml.safe_dump(workplace.study).replace("name: clips", "name: clips  # ours")
    (workplace.folder / "commented.yaml").write_text(text)
    shutil.copy(workplace.folder / "commented.yaml", workplace.folder / "study.yaml")
    command = [*workplace.command()[:-1], "study=commented.yaml", "--dry-run"]
    assert "Nothing to be done" in workplace.called(command)[1]


def test_an_edited_shell_line_changes_nothing(workplace, tmp_path):
    clone = tmp_path / "clone"
    for name in ("Snakefile", "workflow", "profiles", "envs"):
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(
            source, clone / name if clone.exists() else mkdir(clone) / name
        )
    rules = clone / "workflow" / "rules" / "train.smk"
    text = rules.read_text()
    edited = text.replace("python -m partway train", "nice python -m partway train").replace(
        "gpu=1", "gpu=1, mem_mb=900"
    )
    assert edited != text
    rules.write_text(edited)
    command = [
        word.replace(str(REPOSITORY), str(clone)) if "Snakefile" in word else word for word in workplace.command()
    ]
    assert "Nothing to be done" in workplace.called([*command, "--dry-run"])[1]


def mkdir(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


# --- changes that change numbers -----------------------------------------------------------------------


def test_one_ablations_alpha_runs_its_trainings_and_those_that_extend_it(workplace):
    workplace.study["ablations"]["mixup"]["training"]["mixup"]["alpha"] = 0.4
    # mixup and the second stage; test and validation of mixup, two_stage, six_views
    assert workplace.jobs() == {"train": 2, "evaluate": 6, **COLLECT}


def test_two_swapped_values_are_noticed(workplace):
    workplace.study["training"] |= {"weight_decay": 1e-3, "learning_rate": 0.05}
    before = workplace.jobs()
    assert before == {"train": 3, "evaluate": 10, **COLLECT}
    workplace.study["training"] |= {"weight_decay": 0.05, "learning_rate": 1e-3}
    assert workplace.jobs() == {}  # 0.05 is the default weight decay: this is the finished study


def test_views_run_evaluations_only(workplace):
    workplace.study["ablations"]["six_views"]["evaluation"]["flips"] = 1
    assert workplace.jobs() == {"evaluate": 2, **COLLECT}


def test_what_is_shown_runs_neither_training_nor_evaluation(workplace):
    workplace.study |= {"tables": {"decimals": 2}, "figures": {"dpi": 100}, "report": {"film_strips": 0}}
    assert workplace.jobs() == COLLECT


def test_an_import_is_drawn_and_when_it_is_taken_away_all_is_as_before(workplace, monkeypatch):
    monkeypatch.chdir(workplace.folder)
    old = write_old()
    assert cli.main(["import", str(old), "--study", "study.yaml"]) == 0
    assert workplace.jobs() == COLLECT
    old.rename("elsewhere")  # it is not needed again
    workplace.snakemake()
    assert workplace.jobs() == {}
    table, page = (workplace.folder / "results/clips" / name for name in ("imported.md", "report.html"))
    assert "77.5" in table.read_text()
    table.unlink()
    assert workplace.jobs() == {"tables": 1, "report": 1}
    assert cli.main(["import", "--remove", "old", "--study", "study.yaml"]) == 0
    assert workplace.jobs() == COLLECT
    workplace.snakemake()
    assert workplace.jobs() == {}
    assert "(imported)" not in page.read_text()


def rename_ablation(study: dict) -> None:
    study["ablations"] = {"blend" if k == "mixup" else k: v for k, v in study["ablations"].items()}
    study["ablations"]["two_stage"]["extends"] = "blend"
    study["ladders"]["recipe"][1] = study["grid"][0]["ablations"][1] = "blend"


def rename_model(study: dict) -> None:
    study["models"] = {"petit": study["models"]["small"]}
    for block in study["grid"]:
        block["models"] = ["petit"]


def rename_data_set(study: dict) -> None:
    study["datasets"] = {"ours": study["datasets"]["mine"]}
    for block in study["grid"]:
        block["dataset"] = "ours"


@pytest.mark.parametrize("rename", [rename_ablation, rename_model, rename_data_set], ids=lambda change: change.__name__)
def test_a_new_name_runs_only_collect_and_what_draws(workplace, rename):
    rename(workplace.study)
    assert workplace.jobs() == COLLECT
    output = workplace.snakemake()
    assert "5 of 5 steps" in output  # and `all`
    assert workplace.jobs() == {}


def test_a_new_ratio_of_full_is_evaluated_only(workplace):
    workplace.study["grid"][1]["ratios"].append(0.25)
    assert workplace.jobs() == {"evaluate": 2, **COLLECT}


def test_a_new_model_runs_alone(workplace):
    workplace.study["models"]["wide"] = TINY_MODEL | {"hidden_size": 64, "training": {"batch_size": 4}}
    workplace.study["grid"].append(workplace.study["grid"][0] | {"models": ["wide"], "ablations": ["vanilla"]})
    assert workplace.jobs() == {"train": 1, "evaluate": 2, **COLLECT}


def test_a_replaced_clip_runs_everything_on_its_data_set(workplace):
    import numpy as np

    write_video(workplace.folder / "clips" / "dark" / "clip_0.avi", np.zeros((20, 36, 48, 3), np.uint8))
    assert workplace.jobs() == {"prepare": 1, "store": 1, "train": 3, "evaluate": 10, **COLLECT}


def test_a_store_with_loss_trains_again_and_without_it_the_old_ones_are_found(workplace):
    store = workplace.study["datasets"]["mine"]
    store["store"] = {"kind": "jpeg", "short_side": 32}
    assert workplace.jobs() == {"store": 1, "train": 3, "evaluate": 10, **COLLECT}
    workplace.snakemake("--until", "store")
    assert workplace.results("data/*/store-jpeg-32-q95.json")
    assert workplace.jobs() == {"train": 3, "evaluate": 10, **COLLECT}
    store["store"] = "raw"
    assert workplace.jobs() == {}


def test_a_second_study_on_the_same_data_shares_all(workplace):
    workplace.study["name"] = "second"
    workplace.study["grid"][0]["seeds"] = [0, 1]
    assert workplace.jobs() == {"train": 3, "evaluate": 8, **COLLECT}


@pytest.mark.parametrize("lost", ["manifest.csv", "store-none.json", "everything", "option"])
def test_a_new_seed_runs_alone_also_when_data_files_are_gone(workplace, lost):
    folder = workplace.results("data/*")[0]
    upstream = {"manifest.csv": {"prepare": 1, "store": 1}, "store-none.json": {"store": 1}, "option": {"store": 1}}
    if lost == "option":
        workplace.study["datasets"]["mine"]["store"] = "raw"
    elif lost == "everything":
        shutil.rmtree(folder)
    else:
        (folder / lost).unlink()
    workplace.study["grid"][1]["seeds"] = [0, 1]  # vanilla, trained on whole videos, seed 1
    expected = {"train": 1, "evaluate": 4, **COLLECT, **upstream.get(lost, {"prepare": 1, "store": 1})}
    assert workplace.jobs() == expected
    if lost in ("manifest.csv", "option"):
        workplace.snakemake(cores=2)
        assert workplace.jobs() == {}


def test_a_pruned_checkpoint_comes_back_when_an_evaluation_needs_it(workplace):
    pruned_checkpoint(workplace)
    workplace.study["grid"][1]["ratios"].append(0.25)
    # its finished evaluations (ratio 0.5 and 1.0, test and validation) are those of its weights: scored with the new two
    assert workplace.jobs() == {"train": 1, "evaluate": 6, **COLLECT}
    digest = json.loads(checkpoint_record(workplace))["checkpoint_digest"]
    workplace.snakemake(cores=2)
    assert json.loads(checkpoint_record(workplace))["checkpoint_digest"] == digest  # from the state, not trained again
    assert workplace.jobs() == {}


def checkpoint_record(workplace: Workplace) -> str:
    folder = next(
        path.parent for path in workplace.results("trainings/*/training.json") if "mixup" not in path.read_text()
    )
    return (folder / "training.json").read_text()


def test_a_finished_job_can_be_forced(workplace):
    output = workplace.snakemake("--forcerun", "evaluate", "--until", "evaluate", cores=2)
    assert output.count("] test top1") == 5


def test_a_lost_record_comes_back_with_what_hangs_on_it(workplace):
    for path in workplace.results("trainings/*/training.json"):
        if '"mixup"' in path.read_text():
            path.unlink()
    # mixup from its state, the second stage that starts from it, and the evaluations of both
    assert workplace.jobs() == {}  # nothing asks for it
    workplace.study["ablations"]["six_views"]["evaluation"]["flips"] = 1
    jobs = workplace.jobs()
    assert jobs["train"] >= 1
    workplace.snakemake(cores=2)
    assert workplace.jobs() == {}


@pytest.mark.parametrize("change", [lost_data, store_option], ids=lambda change: change.__name__)
def test_pruned_checkpoints_lost_data_and_a_new_seed_run_the_seed_alone(workplace, change):
    pruned_checkpoint(workplace)
    change(workplace)
    workplace.study["grid"][1]["seeds"] = [0, 1]
    data = {"prepare": 1, "store": 1} if change is lost_data else {"store": 1}
    assert workplace.jobs() == {"train": 1, "evaluate": 4, **COLLECT, **data}


# --- undo ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("records", ["kept", "lost"])
def test_undo_finds_the_old_results_again(workplace, records):
    table = (workplace.folder / "results/clips/tables/recipe.csv").read_text()
    workplace.study["ablations"]["six_views"]["evaluation"] = {"crops": 3}
    workplace.snakemake(cores=2)
    assert (workplace.folder / "results/clips/tables/recipe.csv").read_text() != table
    workplace.study["ablations"]["six_views"]["evaluation"] = {"crops": 3, "flips": 2}
    if records == "lost":
        lost_records(workplace)
    assert workplace.jobs() == COLLECT
    workplace.snakemake()
    assert (workplace.folder / "results/clips/tables/recipe.csv").read_text() == table
    assert workplace.jobs() == {}


def test_partial_results_of_a_failing_edit_go_when_it_is_undone(workplace):
    verdict = (workplace.folder / "results/clips/verdict.md").read_text()
    runs = workplace.results(RUNS)
    recipe = workplace.study["ablations"]["mixup"]["training"]
    recipe |= {"learning_rate": 1e30, "clip_norm": None}
    assert "At least one job did not complete successfully" in workplace.snakemake(check=False)
    assert "nothing is said about" in workplace.results("clips/partial/verdict.md")[0].read_text()
    assert workplace.results(RUNS) == runs  # what was collected before stays together until the next is whole
    assert "which said: " in workplace.results("clips/partial/tables/recipe.md")[0].read_text()
    del recipe["learning_rate"], recipe["clip_norm"]
    assert workplace.jobs() == COLLECT
    workplace.snakemake()
    assert not workplace.results("clips/partial")
    assert workplace.results(RUNS) == runs
    assert (workplace.folder / "results/clips/verdict.md").read_text() == verdict
    assert workplace.jobs() == {}


def test_results_of_another_version_are_collected_and_drawn_again(workplace):
    (collected,) = workplace.results("clips/.collected/*")
    collected.rename(collected.with_name("000000000000"))  # the mark holds the results version
    lost_records(workplace)
    assert workplace.jobs() == COLLECT


def test_a_renamed_ablation_has_its_run_folders_under_its_new_name(workplace):
    rename_ablation(workplace.study)
    workplace.snakemake()
    names = {path.relative_to(workplace.folder / "results/clips/runs").parts[2] for path in workplace.results(RUNS)}
    assert names == {"vanilla", "blend", "two_stage", "six_views"}
    link = next(path for path in workplace.results("clips/runs/**/training") if "blend" in path.parts)
    assert (link / "checkpoint.pt").exists()
    assert workplace.jobs() == {}


def test_a_replaced_clip_put_back_runs_only_collect_and_what_draws(one_run):
    clip = one_run.folder / "clips" / "dark" / "clip_0.avi"
    whole = clip.read_bytes()
    one_run.snakemake()
    shutil.copy(one_run.folder / "clips" / "dark" / "clip_1.avi", clip)
    one_run.snakemake()
    assert len(one_run.results("trainings/*/training.json")) == 2
    clip.write_bytes(whole)
    assert one_run.jobs() == COLLECT


def test_outputs_older_than_their_inputs_are_drawn_again(workplace):
    later = time.time() + 5
    os.utime(workplace.results("clips/summary.json")[0], (later, later))
    lost_records(workplace)
    assert workplace.jobs() == {"tables": 1, "figures": 1, "report": 1}


# --- calls that would lose finished work ---------------------------------------------------------------


def test_a_call_without_the_profile_stops_before_its_first_job(workplace):
    output = workplace.snakemake("--workflow-profile", "none", check=False)
    assert "does not use partway's profile" in output
    for setting in ("rerun-triggers: [mtime, params]", "keep-going: true", "ignore-incomplete: true"):
        assert setting in output
    assert len(workplace.results("trainings/*/training.json")) == 3


@pytest.mark.parametrize(
    "mode", [["--report", "report.html"], ["--rulegraph"], ["--summary"], ["--list"]], ids=lambda m: m[0]
)
def test_calls_that_run_nothing_work_on_a_finished_study(workplace, mode):
    output = workplace.snakemake(*mode)
    assert "Exception" not in output
    if mode[0] == "--report":
        report = (workplace.folder / "report.html").read_text()
        captions = set((REPOSITORY / "workflow" / "report").glob("*.rst"))
        for caption in captions - {REPOSITORY / "workflow" / "report" / "attention.rst"}:  # of pictures asked for
            assert caption.read_text().strip() in report
        for category in ("What was found", "Figures", "Ablation tables"):
            assert f'"{category}": {{"Other": ["results/clips/' in report
        names = {"report.html", "verdict.md", "recipe.csv", "accuracy_against_ratio.svg", "training_curves.svg"}
        assert all(f'"name": "{name}"' in report for name in names)


def test_it_runs_from_a_venv_that_is_not_activated(one_run):
    one_run.environment["PATH"] = "/usr/bin:/bin"
    one_run.cold = True
    assert str(SNAKEMAKE.parent) not in one_run.full_environment()["PATH"]
    one_run.snakemake()
    assert one_run.jobs() == {}


def test_missing_videos_warn_in_a_dry_run_and_stop_a_real_one(one_run):
    one_run.study["datasets"]["mine"]["root"] = "nowhere"
    warned = one_run.snakemake("--dry-run")
    assert "warning: data set mine: no videos found under nowhere" in warned
    stopped = one_run.snakemake(check=False)
    assert "no videos found under nowhere" in stopped
    assert not one_run.results("data/*")


def test_clips_that_come_later_are_found(one_run):
    make_class_folders(one_run.folder / "clips", clips=9)
    assert one_run.jobs()["train"] == 1
