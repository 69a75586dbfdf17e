"""Statistics, collect, tables and figures: numbers worked out by hand on a small results folder."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from known import HOME, VIDEOS, known_study, write_data, write_known, write_training
from partway import cli, files, keys, study
from partway.errors import DataError
from partway.results.collect import collect, collect_partial
from partway.results.figures import draw_figures
from partway.results.report import write_report
from partway.results.tables import read_runs, write_tables
from partway.results.verdict import write_verdict


def table() -> pd.DataFrame:
    write_tables(HOME, {"decimals": 1})
    return pd.read_csv(HOME / "tables" / "recipe.csv")


def test_collect_writes_one_row_a_run(resolved):
    collect(resolved, HOME)
    runs = read_runs(HOME)
    assert len(runs) == 10
    assert (runs.status == "complete").all()
    assert sorted(set(runs.train_ratio)) == ["full", "matched"]
    two_stage = runs[(runs.ablation == "two_stage") & (runs.seed == 1)].iloc[0]
    assert two_stage.test_top1 == 0.7
    assert two_stage.total_epochs == 4  # both stages
    assert two_stage.time_sec == 3.0
    epochs = pd.read_csv(HOME / "epochs.csv")
    assert epochs.training.nunique() == 6  # every training once, two epochs each
    assert len(epochs) == 12
    assert epochs[epochs.chosen == 1].epoch.tolist() == [1] * 6
    assert set(epochs[epochs.ablation == "two_stage"].stage) == {2}  # its first stage is the training of mixup
    assert set(epochs.observation_ratio) == {1}
    summary = files.read_json(HOME / "summary.json")
    assert summary["digest"] == resolved.digest
    assert len(summary["runs"]) == 10
    assert Path(summary["runs"][0]["paths"]["training"]).exists()
    assert [path.name for path in (HOME / ".collected").iterdir()] == [resolved.digest]


def test_classes_and_their_confusion_by_hand(resolved):
    """Vanilla of seed 0 is right on the videos 0 to 7: four of the ten of each class; what is not bow is wave."""
    collect(resolved, HOME)
    for name, columns in {
        "per_class": ["class", "n", "correct", "accuracy"],
        "confusion": ["class", "predicted", "n"],
    }.items():
        table = pd.read_csv(HOME / f"{name}.csv", dtype={"train_ratio": str})
        first = (table.ablation == "vanilla") & (table.seed == 0) & (table.train_ratio == "matched")
        expected = {
            "per_class": [["bow", 10, 4, 0.4], ["wave", 10, 4, 0.4]],
            "confusion": [["bow", "bow", 4], ["bow", "wave", 6], ["wave", "bow", 6], ["wave", "wave", 4]],
        }
        assert table[first][columns].to_numpy().tolist() == expected[name]
        assert table.groupby(["ablation", "train_ratio", "observation_ratio", "seed"]).n.sum().tolist() == [VIDEOS] * 10


def test_calibration_is_that_of_metrics_json_or_of_the_predictions(resolved):
    """Each answer has logits 1 and 0, a confidence of 73.1 %; vanilla of seed 0 is right on 40 %."""
    run = resolved.runs[0]
    path = Path("results/evaluations", run.validation, "metrics.json")
    files.write_json(path, files.read_json(path) | {"ece": 0.125})
    collect(resolved, HOME)
    row = read_runs(HOME).iloc[0]
    assert (run.ablation, run.seed, row.val_ece) == ("vanilla", 0, 0.125)
    assert row.test_ece == pytest.approx(1 / (1 + np.exp(-1)) - 0.4)


def test_the_ablation_table_by_hand(resolved):
    collect(resolved, HOME)
    rows = table()
    assert rows.ablation.tolist() == ["vanilla", "mixup", "two_stage", "six_views"]
    assert rows.test_top1.tolist() == pytest.approx([0.45, 0.6, 0.65, 0.75])
    assert rows.test_top1_std.tolist() == pytest.approx([np.sqrt(0.005), 0.0, np.sqrt(0.005), 0.0])
    assert rows.seeds.tolist() == [2, 2, 2, 2]
    assert rows.test_videos.tolist() == [VIDEOS] * 4
    assert rows.gap.tolist()[:3] == pytest.approx([0.45, 0.3, 0.25])
    assert np.isnan(rows.gap[3])  # train is measured in one view, this row in six
    assert rows.difference_to_previous_seeds.tolist()[1:] == [2, 2, 2]
    assert rows.difference_to_previous.tolist()[1:] == pytest.approx([0.15, 0.05, 0.1])
    assert rows.difference_to_first.tolist()[1:] == pytest.approx([0.15, 0.2, 0.3])
    assert pd.isna(rows.difference_to_first[0])
    assert rows.views.tolist() == [1, 1, 1, 6]
    assert rows.total_epochs.tolist() == [2, 2, 4, 4]
    markdown = (HOME / "tables" / "recipe.md").read_text()
    assert "n = 20 test videos" in markdown
    assert "45.0 ± 7.1" in markdown
    assert "+ Mixup" in markdown
    assert "alpha 0.8" in markdown
    assert "cover the choice of test videos only" in markdown.replace("\n", " ")


def test_decimals_are_those_asked_for(resolved):
    collect(resolved, HOME)
    write_tables(HOME, {"decimals": 2})
    assert "45.00 ± 7.07" in (HOME / "tables" / "recipe.md").read_text()


def test_holes_are_named_and_never_averaged_away(resolved):
    missing = next(run for run in resolved.runs if run.ablation == "mixup" and run.seed == 1)
    Path("results/trainings", missing.trainings[-1], "training.json").unlink()
    with pytest.raises(DataError, match="runs are not complete"):
        collect(resolved, HOME)
    collect_partial(resolved, HOME)
    rows = pd.read_csv(HOME / "partial" / "tables" / "recipe.csv")
    # mixup of seed 1 is gone, and with it the second stage that starts from it, and its six views
    assert rows.seeds.tolist() == [2, 1, 1, 1]
    assert rows.test_top1.tolist() == pytest.approx([0.45, 0.6, 0.6, 0.75])
    assert rows.difference_to_first[1] == pytest.approx(0.6 - 0.4)  # over seed 0, which both have
    markdown = (HOME / "partial" / "tables" / "recipe.md").read_text()
    assert "1 of 2" in markdown
    assert f"**+ Mixup** lacks seed 1: training {missing.trainings[-1]}" in markdown
    assert (HOME / "partial" / "figures" / "accuracy_against_ratio.svg").exists()
    assert not (HOME / ".collected").exists()


@pytest.mark.slow
def test_a_row_without_any_run_is_a_hole(resolved):
    for run in resolved.runs:
        if run.ablation == "six_views":
            Path("results/evaluations", run.evaluation, "metrics.json").unlink()
    collect_partial(resolved, HOME)
    last = (HOME / "partial" / "tables" / "recipe.md").read_text().split("six_views")[1].split("\n")[0]
    assert last.count("—") >= 5
    assert "0 of 2" in last


def test_train_accuracy_that_was_not_measured_says_so(resolved):
    for training in resolved.trainings.values():
        write_training(Path("results/trainings", training.folder), training.parent, train_eval=None)
    collect(resolved, HOME)
    rows = table()
    assert rows.train_eval_top1.isna().all()
    assert rows.gap.isna().all()
    assert "not measured" in (HOME / "tables" / "recipe.md").read_text()


def test_an_evaluation_of_other_weights_is_no_result(resolved):
    run = resolved.runs[0]
    path = Path("results/evaluations", run.evaluation, "metrics.json")
    files.write_json(path, files.read_json(path) | {"checkpoint_digest": "other"})
    with pytest.raises(DataError, match="of the present weights: delete its folder"):
        collect(resolved, HOME)


def test_a_run_that_stands_twice_is_refused(resolved):
    collect(resolved, HOME)
    text = (HOME / "runs.csv").read_text()
    (HOME / "runs.csv").write_text(text + text.splitlines()[1] + "\n")
    with pytest.raises(DataError, match="a run stands twice"):
        write_tables(HOME, {"decimals": 1})


NAMES = {"vanilla": "8", "mixup": "None", "two_stage": "16", "six_views": "1e3"}


@pytest.mark.slow
def test_names_that_look_like_numbers_or_nothing_stay_names(resolved):
    collect(resolved, HOME)
    lock = files.read_json(HOME / "study.lock.json")
    for old, new in NAMES.items():
        lock["labels"][new] = lock["labels"].pop(old)
        for table in (
            HOME / f"{name}.csv" for name in ("runs", "epochs", "accuracies", "curves", "per_class", "confusion")
        ):
            table.write_text(table.read_text().replace(f",{old},", f",{new},"))
    for row in lock["ladders"]["recipe"]["rows"]:
        row["ablation"] = NAMES[row["ablation"]]
    files.write_json(HOME / "study.lock.json", lock)
    write_tables(HOME, {"decimals": 1})
    rows = pd.read_csv(HOME / "tables" / "recipe.csv", dtype=str, keep_default_na=False)
    assert rows.ablation.tolist() == list(NAMES.values())
    assert rows.seeds.tolist() == ["2"] * 4
    draw_figures(HOME, {"dpi": 60})
    titles = re.findall(r">(\w+)</", (HOME / "figures" / "training_curves.svg").read_text())
    assert {"8", "16"} <= set(titles)  # that of mixup is its label
    write_verdict(HOME, {"decimals": 1})
    assert "“1e3” is the best of 4 rows" in (HOME / "verdict.md").read_text()


def test_a_row_that_these_conditions_do_not_have_is_a_hole_too(resolved):
    collect(resolved, HOME)
    lock = files.read_json(HOME / "study.lock.json")
    lock["ladders"] = {"full": {"rows": lock["ladders"]["recipe"]["rows"][:2], "train_ratio": "full"}}
    files.write_json(HOME / "study.lock.json", lock)
    write_tables(HOME, {"decimals": 1})
    rows = pd.read_csv(HOME / "tables" / "full.csv")
    assert rows.ablation.tolist() == ["vanilla", "mixup"] * 2
    assert rows.seeds.tolist() == [1, 0, 1, 0]
    assert "**+ Mixup** lacks a run in the grid" in (HOME / "tables" / "full.md").read_text()
    assert sorted(path.name for path in (HOME / "tables").iterdir()) == [
        f"{name}.{suffix}" for name in ("full", "settings") for suffix in ("csv", "md", "tex")
    ]


def test_a_row_of_one_model_makes_no_table_of_its_own(resolved):
    collect(resolved, HOME)
    for name in ("runs.csv", "accuracies.csv"):
        text = (HOME / name).read_text().splitlines()
        lines = [line for line in text if ",small,vanilla," in line and ",matched," in line]
        other = [line.replace(",small,vanilla,", ",vit,vanilla,") for line in lines]
        (HOME / name).write_text("\n".join(text + other) + "\n")
    lock = files.read_json(HOME / "study.lock.json")
    lock["ladders"]["recipe"]["rows"] = [{"model": "vit", "ablation": "vanilla"}, {"model": None, "ablation": "mixup"}]
    files.write_json(HOME / "study.lock.json", lock)
    rows = table()
    assert list(zip(rows.model, rows.ablation, strict=True)) == [("vit", "vanilla"), ("small", "mixup")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"checkpoint_digest": "made again"}, "from the present weights of the stage before"),
        pytest.param({"data_fingerprint": "other"}, "on the present videos", marks=pytest.mark.slow),
    ],
)
def test_mixed_weights_and_mixed_videos_are_no_results(resolved, change, message):
    write_data(resolved)
    collect(resolved, HOME)
    folder = next(run.trainings[0] for run in resolved.runs if run.ablation == "two_stage")
    path = Path("results/trainings", folder, "training.json")
    files.write_json(path, files.read_json(path) | change)
    collect_partial(resolved, HOME)
    missing = pd.read_csv(HOME / "partial" / "runs.csv").missing.dropna()
    assert missing.str.contains(message).any()


def test_the_figure_shows_the_curve_and_chance(resolved):
    collect(resolved, HOME)
    draw_figures(HOME, {"dpi": 80})
    svg = (HOME / "figures" / "accuracy_against_ratio.svg").read_text()
    for text in (
        "observation ratio",
        "test accuracy, top1 (%)",
        "chance",
        "n = 20 test videos",
        "trained on whole",  # videos, in the next line of its name
    ):
        assert text in svg
    assert "+ Mixup" not in svg  # one ratio is no curve
    assert (HOME / "figures" / "accuracy_against_ratio.png").stat().st_size > 5000
    again = svg
    draw_figures(HOME, {"dpi": 80})
    assert (HOME / "figures" / "accuracy_against_ratio.svg").read_text() == again


@pytest.mark.slow
def test_a_missing_ratio_is_a_marked_gap(resolved):
    run = next(run for run in resolved.runs if run.observation_ratio == 0.5)
    Path("results/evaluations", run.evaluation, "metrics.json").unlink()
    collect_partial(resolved, HOME)
    assert "missing" in (HOME / "partial" / "figures" / "accuracy_against_ratio.svg").read_text()


@pytest.mark.slow
def test_why_a_run_is_missing_is_what_its_log_said_last(resolved, capsys):
    """So that a call that failed ends with its reasons, and the table's hole names them."""
    run = next(run for run in resolved.runs if run.ablation == "mixup" and run.seed == 1)
    Path("results/trainings", run.trainings[-1], "training.json").unlink()
    log = Path("results/logs/train", f"{run.trainings[-1]}.log")
    log.parent.mkdir(parents=True)
    log.write_text(
        "2026-11-21 12:00:00 12 train videos\npartway train: the loss is nan in epoch 1; lower learning_rate\n"
    )
    assert cli.main(["collect", "study.yaml", "--partial"]) == 0
    assert "which said: the loss is nan in epoch 1; lower learning_rate" in capsys.readouterr().out
    table = (HOME / "partial" / "tables" / "recipe.md").read_text()
    assert "which said: the loss is nan in epoch 1; lower learning_rate" in table


@pytest.mark.slow
def test_a_difference_over_fewer_seeds_than_the_row_has_says_so(resolved):
    run = next(run for run in resolved.runs if run.ablation == "vanilla" and run.seed == 1)
    Path("results/evaluations", run.evaluation, "metrics.json").unlink()
    collect_partial(resolved, HOME)
    lines = (HOME / "partial" / "tables" / "recipe.md").read_text().splitlines()
    mixup, two_stage = (next(line for line in lines if f"| {name} " in line) for name in ("+ Mixup", "two_stage"))
    assert mixup.count("(n = 1)") == 2  # vanilla is the row before and the first
    assert two_stage.count("(n = 1)") == 1


def test_videos_that_were_left_out_are_told_under_the_table_and_in_the_verdict(resolved):
    collect(resolved, HOME)
    summary = files.read_json(HOME / "summary.json")
    data = {"left_out": 1, "videos": {"train": 30, "test": 11}}
    files.write_json(HOME / "summary.json", summary | {"datasets": {"mime": data}})
    write_tables(HOME, {"decimals": 1})
    write_verdict(HOME, {"decimals": 1})
    for path in (HOME / "tables" / "recipe.md", HOME / "verdict.md"):
        assert "1 bad video was left out of every run, of 42 of data set mime" in path.read_text()


def test_a_ladder_that_mixes_precisions_is_flagged(resolved):
    collect(resolved, HOME)
    runs = pd.read_csv(HOME / "runs.csv", dtype=str, keep_default_na=False)
    runs.loc[runs.ablation == "mixup", "precision"] = "bf16"
    runs.to_csv(HOME / "runs.csv", index=False)
    write_tables(HOME, {"decimals": 1})
    assert "Caution: the runs of recipe differ in precision: bf16, fp32." in (HOME / "tables/recipe.md").read_text()


def test_what_runs_beside_the_ladder_ran_on_is_not_told_of_it(resolved):
    collect(resolved, HOME)
    runs = pd.read_csv(HOME / "runs.csv", dtype=str, keep_default_na=False)
    runs.loc[runs.train_ratio == "full", "precision"] = "bf16"
    runs.loc[runs.train_ratio == "full", "weights_asked"] = "better"
    runs.to_csv(HOME / "runs.csv", index=False)
    write_tables(HOME, {"decimals": 1})
    assert "Caution" not in (HOME / "tables/recipe.md").read_text()


LATER = keys.NUMERICS | {"data": keys.NUMERICS["data"] + 1}
A, B = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"git_commit": f"{B}-dirty"},
            "commit of the code: aaaaaaaaaa, bbbbbbbbbb-dirty; their numerics versions are the same, so that it should "
            "move no number.",
        ),
        ({"git_commit": B, "numerics": LATER}, "commit of the code: aaaaaaaaaa, bbbbbbbbbb."),
        ({"numerics": LATER}, f"numerics version data: {keys.NUMERICS['data']}, {LATER['data']}."),
        ({"versions": {"torch": "2.13.0", "partway": "0.1.0"}}, "version of library torch: 2.12.1, 2.13.0."),
        ({"versions": None, "numerics": None}, None),
        ({"git_commit": B, "numerics": None}, "commit of the code: aaaaaaaaaa, bbbbbbbbbb."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_ladder_that_mixes_versions_of_the_code_is_flagged(resolved, changed, said):
    """One training of mixup was made by other code: a record as another version of partway leaves it."""
    other = next(run.trainings[-1] for run in resolved.runs if run.ablation == "mixup" and run.seed == 0)
    for folder in resolved.trainings:
        path = Path("results/trainings", folder, "training.json")
        files.write_json(path, files.read_json(path) | {"git_commit": A} | (changed if folder == other else {}))
    collect(resolved, HOME)
    write_tables(HOME, {"decimals": 1})
    told = re.findall("Caution: the runs of recipe differ in (.*)", (HOME / "tables/recipe.md").read_text())
    assert said in told if said else not told


def test_a_run_tells_all_versions_that_made_it(resolved):
    run = next(run for run in resolved.runs if run.ablation == "two_stage" and run.seed == 0)
    path = Path("results/trainings", run.trainings[0], "training.json")
    files.write_json(path, files.read_json(path) | {"git_commit": "def", "versions": {"torch": "2.13.0"}})
    collect(resolved, HOME)
    runs = read_runs(HOME)
    row = runs[(runs.ablation == "two_stage") & (runs.seed == 0)].iloc[0]
    assert row.git_commit == "def, abc"
    assert row.versions == "torch 2.13.0, python 3.11.7, partway 0.1.0, torch 2.12.1"
    assert row.numerics == ", ".join(f"{part} {version}" for part, version in keys.NUMERICS.items())


@pytest.mark.slow
def test_reported_numbers_stand_apart_from_measured_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = known_study()
    write_known(plain)
    collect(study.load("study.yaml"), HOME)
    write_tables(HOME, {"decimals": 1})
    before = pd.read_csv(HOME / "tables" / "recipe.csv")
    assert "reported %" not in (HOME / "tables" / "recipe.md").read_text()

    reported = {"test_top1": 0.8431, "train_top1": 0.8998, "source": "their page; another test set"}
    rows = [
        name if name != "mixup" else {"ablation": name, "reference": reported} for name in plain["ladders"]["recipe"]
    ]
    anchor = {"label": "TemPr", "dataset": "mime", "observation_ratio": 0.5, "top1": 0.954, "source": "their paper"}
    write_known(plain | {"ladders": {"recipe": rows}, "references": [anchor]})
    collect(study.load("study.yaml"), HOME)
    write_tables(HOME, {"decimals": 1})
    table = pd.read_csv(HOME / "tables" / "recipe.csv")
    measured = [name for name in table if not name.startswith("reported_")]
    pd.testing.assert_frame_equal(table[measured], before[measured])  # reported numbers are in no measured one
    whole = table[(table.ablation == "mixup") & (table.observation_ratio == 1)].iloc[0]
    assert (whole.reported_test_top1, whole.reported_train_top1) == (0.8431, 0.8998)
    assert table[(table.ablation != "mixup") | (table.observation_ratio != 1)].reported_test_top1.isna().all()
    text = (HOME / "tables" / "recipe.md").read_text()
    assert "| 84.31 (train 89.98) |" in text
    assert "were not measured here, and are in no difference (mixup): their page; another test set" in text
    write_verdict(HOME, {"decimals": 1})
    draw_figures(HOME, {"dpi": 50})
    write_report(HOME, {"decimals": 1})
    assert (
        "TemPr: 95.4 % at 0.5, prefix (reported, not measured here)"
        in (HOME / "figures" / "accuracy_against_ratio.svg").read_text()
    )
    page = (HOME / "report.html").read_text()
    assert re.search(r"84\.31.{0,80}\(train 89\.98\)", page, re.DOTALL)
    assert "is reported and was not measured here: their paper" in page


def test_a_model_that_started_from_its_fallback_is_told_below_the_table(resolved):
    training = next(run.trainings[0] for run in resolved.runs if run.ablation == "vanilla")
    path = Path(resolved.results_dir, "trainings", training, "training.json")
    files.write_json(
        path, files.read_json(path) | {"weights": {"source": "hub:b/c", "asked": "hub:a/b", "commit": "01"}}
    )
    collect(resolved, HOME)
    write_tables(HOME, {"decimals": 1})
    told = (HOME / "tables/recipe.md").read_text()
    assert re.search(
        r"Caution: small started from its fallback, hub:b/c \(commit 01\), in \d+ runs; asked .*hub:a/b\.", told
    )


def test_validation_stands_beside_test_with_its_distance(resolved):
    collect(resolved, HOME)
    runs = pd.read_csv(HOME / "runs.csv", dtype=str, keep_default_na=False)
    runs.loc[runs.ablation == "mixup", "val_top1"] = ["0.7", "0.8"]
    runs.to_csv(HOME / "runs.csv", index=False)
    write_tables(HOME, {"decimals": 1})
    lines = (HOME / "tables" / "recipe.md").read_text().splitlines()
    head, mixup = (next(line for line in lines if f"| {name} " in line) for name in ("ablation", "+ Mixup"))
    names, cells = ([cell.strip() for cell in line.split("|")] for line in (head, mixup))
    shown = dict(zip(names, cells, strict=True))
    assert shown["test %"].startswith("60.0")  # 12 of 20 with either seed
    assert shown["val %"].startswith("75.0 (n = ")
    assert shown["val - test"] == "+15.0"
    runs["val_top1"] = ""
    runs.to_csv(HOME / "runs.csv", index=False)
    write_tables(HOME, {"decimals": 1})
    assert "val %" not in (HOME / "tables" / "recipe.md").read_text()
