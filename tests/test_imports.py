"""Results of the older script: read as what they are, shown beside a study's own, and mixed into nothing."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from known import HOME, known_study, write_known
from old_script import OLD, row, write_log, write_old, write_ratio
from partway import cli, files, imports, study
from partway.errors import DataError
from partway.old_results import OldResults
from partway.results import stats
from partway.results.collect import collect, collect_partial
from partway.results.imported import read_curves
from partway.results.tables import read_runs

VIDEOS = 40


@pytest.fixture
def old(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_old()


def log_of(ratio: str = "0.1") -> Path:
    return OLD / f"observation_ratio_{ratio}/training_log_ratio_{ratio}.csv"


# --- reading -------------------------------------------------------------------------------------------


def test_names_are_ours_and_accuracies_fractions(old):
    found = OldResults(old)
    assert found.notes == []
    assert [run["observation_ratio"] for run in found.runs] == [0.1, 0.5]
    first = found.runs[0]
    assert (first["chosen_epoch"], first["total_epochs"]) == (2, 4)  # the earliest of equals, as the script saved it
    assert (first["val_top1"], first["val_top5"], first["train_top1"], first["train_eval_top1"]) == (
        0.45,
        0.75,
        0.52,
        0.57,
    )
    assert first["checkpoint_path"] == "/old/observation_ratio_0.1/vivit_ucf_best.pth"
    epoch = {"epoch": 1, "train_loss": 0.9, "train_top1": 0.51, "train_top5": 0.9, "train_eval_loss": 0.8}
    epoch |= {"train_eval_top1": 0.56, "train_eval_top5": 0.925, "val_loss": 1.1, "val_top1": 0.4, "val_top5": 0.7}
    assert first["epochs"][0] == epoch
    assert sorted(found.files) == [
        "observation_ratio_0.1/summary_ratio_0.1.json",
        "observation_ratio_0.1/training_log_ratio_0.1.csv",
        "observation_ratio_0.50/summary_ratio_0.50.json",
        "observation_ratio_0.50/training_log_ratio_0.50.csv",
        "training_summary.json",
    ]
    assert found.files["training_summary.json"] == files.digest(old / "training_summary.json")


def test_a_ratio_may_be_written_with_a_comma(old):
    write_ratio("0,7", [80.0])
    assert [run["observation_ratio"] for run in OldResults(old).runs] == [0.1, 0.5, 0.7]


def test_what_the_script_made_up_is_no_accuracy(old):
    """Where the GPU failed it wrote 0.9 x train accuracy with the train loss, and copies of train for train_eval."""
    made_up = [3, 0.7, 90.0, 95.0, 0.7, 90.0, 95.0, 0.7, 90.0 * 0.9, 95.0 * 0.9, 2e-4]
    write_log(log_of(), [row(1, 40.0), row(2, 45.0), made_up, row(4, 42.5)])
    found = OldResults(old)
    assert (found.runs[0]["chosen_epoch"], found.runs[0]["val_top1"]) == (2, 0.45)
    third = found.runs[0]["epochs"][2]
    assert third["train_top1"] == 0.9
    assert {third[f"{part}_{name}"] for part in ("val", "train_eval") for name in ("loss", "top1", "top5")} == {None}
    assert any("epoch 3: val and train_eval not measured, but made from train" in note for note in found.notes)


def without(text: str, columns: list[str]) -> str:
    table = pd.read_csv(Path(text))
    return table.drop(columns=columns).to_csv(index=False)


def test_train_eval_may_be_absent(old):
    log_of().write_text(without(log_of(), ["train_eval_loss", "train_eval_acc_top1", "train_eval_acc_top5"]))
    found = OldResults(old)
    assert found.runs[0]["train_eval_top1"] is None
    assert found.notes == [
        "observation_ratio_0.1/training_log_ratio_0.1.csv: no column train_eval_loss, train_eval_acc_top1, "
        "train_eval_acc_top5: not measured"
    ]


def changed(pattern: str, replacement: str, path: Path | None = None) -> None:
    path = path or log_of()
    text = path.read_text()
    assert pattern in text
    path.write_text(text.replace(pattern, replacement, 1))


def test_a_line_that_was_cut_off_is_left_out_and_told(old):
    log_of().write_text(log_of().read_text()[:-30])
    found = OldResults(old)
    assert (found.runs[0]["total_epochs"], found.runs[0]["chosen_epoch"]) == (3, 2)
    assert "its last line is cut off and was left out" in found.notes[0]
    assert "4 epochs planned, 3 in the log" in found.notes[-1]


def test_blank_lines_at_the_end_are_no_epoch(old):
    log_of().write_text(log_of().read_text() + "\n\n")
    assert (OldResults(old).notes, OldResults(old).runs[0]["total_epochs"]) == ([], 4)


def test_a_loss_that_is_no_number_is_shown_as_empty(old):
    changed("1.1,40.0", "nan,40.0")
    found = OldResults(old)
    assert found.runs[0]["epochs"][0]["val_loss"] is None
    assert found.notes == ["observation_ratio_0.1/training_log_ratio_0.1.csv: line 2: val_loss: nan, shown as empty"]


def test_without_a_log_its_summary_is_all_there_is(old):
    log_of().unlink()
    found = OldResults(old)
    first = found.runs[0]
    assert (first["val_top1"], first["train_top1"], first["total_epochs"]) == (0.45, 0.52, 4)
    assert (first["chosen_epoch"], first["val_top5"], first["epochs"]) == (None, None, [])
    assert "ratio 0.1: its log is missing or empty" in found.notes[0]


def test_a_ratio_without_an_epoch_is_left_out_and_told(old):
    write_log(OLD / "observation_ratio_0.9/training_log_ratio_0.9.csv", [])
    found = OldResults(old)
    assert [run["observation_ratio"] for run in found.runs] == [0.1, 0.5]
    assert found.notes == ["ratio 0.9: left out, observation_ratio_0.9 holds no epoch that was validated"]


def test_a_summary_that_says_otherwise_is_told_and_the_log_counts(old):
    write_ratio("0.1", [40.0, 45.0], best_val_acc_top1=44.0, total_epochs=30)
    found = OldResults(old)
    assert found.runs[0]["val_top1"] == 0.45
    assert found.notes == [
        "observation_ratio_0.1/summary_ratio_0.1.json: best_val_acc_top1 is 44.00 %, in the log 45.00 %; the log counts",
        "observation_ratio_0.1/summary_ratio_0.1.json: 30 epochs planned, 2 in the log: it was cut short, or is still running",
    ]
    changed("77.5", "70.5", OLD / "training_summary.json")
    assert OldResults(old).notes[-1] == "training_summary.json: ratio 0.5: best_val_acc_top1 is 70.50 %, not 77.50 %"


def fractions() -> None:
    log = pd.read_csv(log_of())
    names = [name for name in log if "_acc_" in name]
    log[names] /= 100
    log.to_csv(log_of(), index=False)


def summary(**changes):
    def change() -> None:
        path = OLD / "observation_ratio_0.1/summary_ratio_0.1.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


LOG, SUMMARY = "training_log_ratio_0.1.csv", "summary_ratio_0.1.json"


@pytest.mark.parametrize(
    ("break_", "said"),
    [
        (fractions, [LOG, "no accuracy is above 0.925", "--unit fraction"]),
        (lambda: changed("45.0", "145.0"), [LOG, "line 3: val_acc_top1", "from 0 to 100, got 145"]),
        (lambda: changed("45.0", "nan"), [LOG, "line 3: val_acc_top1", "got nan"]),
        (lambda: changed("45.0", "high"), [LOG, "line 3: val_acc_top1: expected a number, got 'high'"]),
        (lambda: changed("2,0.9", "3,0.9"), [LOG, "line 3: expected epoch 2, got '3'"]),
        (lambda: changed(",0.0002", ""), [LOG, "line 2: 10 values for 11 columns"]),
        (lambda: changed(",val_acc_top1", ",acc"), [LOG, "no column val_acc_top1"]),
        (lambda: log_of().write_bytes(b"\xff\xfe"), [LOG, "not UTF-8"]),
        (lambda: write_ratio("0.5", [1.0]), ["observation_ratio_0.50", "ratio 0.5 stands twice, observation_ratio_0.5"]),
        (lambda: log_of().rename(log_of().with_stem("training_log_ratio_0.3")), ["0.3.csv", "says ratio 0.3, its folder 0.1"]),
        (lambda: write_log(log_of().with_stem("training_log_ratio_0.3"), []), ["expected one training_log_ratio_*.csv"]),
        (lambda: write_ratio("1.5", [1.0]), ["observation_ratio_1.5", "in (0, 1]"]),
        (summary(observation_ratio=0.3), [SUMMARY, "observation_ratio is 0.3, its folder's is 0.1"]),
        (summary(best_val_acc_top1="45"), [SUMMARY, "best_val_acc_top1: expected a number, got '45'"]),
        (summary(total_epochs=0), [SUMMARY, "total_epochs: expected a whole number of at least 1, got 0"]),
        (lambda: log_of().unlink() or log_of().mkdir(), [LOG, "cannot be read: Is a directory"]),
        (summary(best_val_acc_top1=float("nan")), [SUMMARY, "best_val_acc_top1", "got nan"]),
        (lambda: (OLD / "training_summary.json").write_text("[{"), ["training_summary.json: damaged, not JSON"]),
        (lambda: (OLD / "training_summary.json").write_text("{}"), ["training_summary.json: expected a list"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_file_and_key(old, break_, said):
    break_()
    with pytest.raises(DataError) as error:
        OldResults(old)
    assert all(words in str(error.value) for words in said), error.value


def test_the_wrong_folder_says_which_would_be_right(old):
    with pytest.raises(DataError, match="the folder of one ratio; expected the one above it, old"):
        OldResults(OLD / "observation_ratio_0.1")
    with pytest.raises(DataError, match=r"found none; there are some in old"):
        OldResults(OLD.resolve().parent)
    with pytest.raises(DataError, match="no such folder"):
        OldResults(Path("nowhere"))


def test_fractions_are_read_where_that_is_said(old):
    fractions()
    for path in (*OLD.glob("*/summary*"), OLD / "training_summary.json", OLD / "observation_ratio_0.50"):
        if path.is_file():
            path.unlink()
    log_of("0.50").unlink()
    assert OldResults(old, "fraction").runs[0]["val_top1"] == 0.45
    with pytest.raises(DataError, match=r"from 0 to 1, got 45 \(--unit percent reads"):
        OldResults(write_old(Path("per_cent")), "fraction")


# --- into a study --------------------------------------------------------------------------------------


def call(*words: str) -> int:
    return cli.main(["import", *words, "--study", "study.yaml"])


def test_importing_collects_again_and_removing_finds_back(resolved, capsys):
    write_old()
    assert call("old", "--name", "old_vivit") == 0
    said = capsys.readouterr().out
    assert "old_vivit is imported: 2 ratios of data set mime, middle window" in said
    assert "ratio 0.5: best validation top1 77.50 % (epoch 3 of 3)" in said
    assert "/old/observation_ratio_0.1/vivit_ucf_best.pth" in said
    with_import = study.load("study.yaml")
    assert with_import.digest != resolved.digest
    assert (with_import.trainings, with_import.runs) == (resolved.trainings, resolved.runs)
    assert study.Study.from_dict(json.loads(json.dumps(with_import.to_dict()))) == with_import  # as it is frozen
    assert call("old", "--name", "old_vivit") == 0
    assert "was imported before, the same" in capsys.readouterr().out
    changed("45.0", "46.0")
    assert call("old", "--name", "old_vivit") == 1
    assert "holds another import" in capsys.readouterr().err
    assert study.load("study.yaml").digest == with_import.digest  # the old folder is not read again
    assert call() == 0
    assert capsys.readouterr().out == "old_vivit\n"
    assert call("--remove", "old_vitvit") == 1
    assert "did you mean old_vivit?" in capsys.readouterr().err
    assert call("--remove", "old_vivit") == 0
    assert study.load("study.yaml").digest == resolved.digest


def test_rows_are_marked_and_nothing_of_the_study_moves(resolved):
    collect_partial(resolved, HOME)
    collect(resolved, HOME)
    before, epochs = read_runs(HOME), pd.read_csv(HOME / "epochs.csv")
    write_old()
    call("old", "--name", "old_vivit", "--videos", str(VIDEOS))
    collect(study.load("study.yaml"), HOME)
    pd.testing.assert_frame_equal(read_runs(HOME), before)
    rows = pd.read_csv(HOME / "runs.csv")
    assert rows.status.tolist() == ["complete"] * 10 + ["imported"] * 2
    last = rows.iloc[-1]
    assert (last.dataset, last.model, last.window, last.scored_on) == ("mime", "old_vivit", "middle", "validation")
    assert (last.observation_ratio, last.val_top1, last.val_videos, last.chosen_epoch) == (0.5, 0.775, VIDEOS, 3)
    assert last[["test_top1", "test_videos", "seed", "train_fraction"]].isna().all()
    logs = pd.read_csv(HOME / "epochs.csv")
    assert len(logs) == len(epochs) + 7
    assert logs[logs.model == "old_vivit"].chosen.tolist() == [0, 1, 0, 0, 0, 0, 1]
    found = files.read_json(HOME / "summary.json")
    assert len(found["runs"]) == 10
    assert found["imports"][0]["runs"][0]["checkpoint_path"].endswith("vivit_ucf_best.pth")


@pytest.mark.slow
def test_tables_figures_verdict_and_report_show_them_apart(resolved):
    collect_partial(resolved, HOME)
    own = {name: (HOME / "partial" / name).read_text() for name in ("tables/recipe.md", "cost.md", "verdict.md")}
    write_old()
    call("old", "--name", "old_vivit", "--videos", str(VIDEOS))
    found = study.load("study.yaml")
    collect_partial(found, HOME)
    home = HOME / "partial"
    assert (home / "tables/recipe.md").read_text() == own["tables/recipe.md"]
    assert (home / "cost.md").read_text() == own["cost.md"]
    verdict = (home / "verdict.md").read_text()
    told = [part for part in verdict.split("\n\n") if "old_vivit" in part]
    assert [("are in no mean, no difference" in part) for part in told] == [True]
    assert verdict.replace(f"\n\n{told[0].strip()}", "") == own["verdict.md"]

    interval = stats.accuracy_interval(0.45, VIDEOS)
    table = (home / "imported.md").read_text()
    assert "imported from old, mime, middle window, n = 40 validation videos" in table
    assert f"| 45.0                | [{100 * interval.low:.1f}, {100 * interval.high:.1f}] |" in table
    assert "They are no test accuracies" in table
    svg = (home / "figures/accuracy_against_ratio.svg").read_text()
    words = " ".join(re.findall(r">([^<>]+)</text>", svg))  # a legend breaks long names into lines
    assert "old_vivit (imported): best validation accuracy, middle window (n = 40 videos)" in words
    curves = (home / "figures/training_curves.svg").read_text()
    assert curves.count(">imported<") == 2
    page = (home / "report.html").read_text()
    assert "<title>old_vivit (imported)" in page  # each point says its numbers
    assert page.count("<td>imported</td>") == 2
    assert files.digest(log_of()) in page


@pytest.mark.slow
def test_without_a_number_of_videos_there_is_no_interval(resolved):
    write_old()
    call("old", "--name", "old_vivit")
    found = study.load("study.yaml")
    collect_partial(found, HOME)
    home = HOME / "partial"
    curve = read_curves(home, files.read_json(home / "study.lock.json"))[0]
    assert [around for *_, around in curve.points] == [None, None]
    assert "95 %" not in (home / "imported.md").read_text()
    assert "n not given, no interval" in (home / "figures/accuracy_against_ratio.svg").read_text()
    call("--remove", "old_vivit")
    collect_partial(study.load("study.yaml"), HOME)
    assert not (home / "imported.md").exists()
    assert "imported" not in (home / "report.html").read_text().partition("<body>")[2]


def test_a_number_of_videos_that_cannot_be_is_told(old):
    made, _ = imports.add(
        HOME, old, name="old", dataset="mime", options={"window": "middle", "videos": 39, "unit": "percent"}
    )
    assert made.notes == [
        "9 of 9 accuracies are no whole number of 39 videos, as 45.00 %, 17.6 videos: is --videos right?"
    ]


def test_names_and_data_sets_that_cannot_be_are_refused(resolved, capsys):
    write_old()
    for words, said in {
        ("--name", "../x"): "--name '../x': expected letters, digits",
        ("--dataset", "mine"): "--dataset 'mine': this study runs no such data set; did you mean mime?",
    }.items():
        assert call("old", *words) == 1
        assert said in capsys.readouterr().err
    assert not (HOME / imports.FOLDER).exists()


def test_an_import_of_a_data_set_that_is_gone_is_told_and_stops_nothing(resolved):
    write_old()
    call("old")
    tree = known_study()
    tree["datasets"]["other"] = tree["datasets"].pop("mime")
    for block in tree["grid"]:
        block["dataset"] = "other"
    found = write_known(tree)
    assert found.imports == []
    assert "import old is not shown: it is of data set mime" in found.warnings[-1]


def test_a_damaged_import_names_its_file(resolved, capsys):
    write_old()
    call("old")
    path = HOME / imports.FOLDER / "old.json"
    for change, said in (({"format": 2}, "old.json: format:"), ({"runs": []}, "old.json: runs:")):
        content = files.read_json(path)
        files.write_json(path, content | change)
        assert cli.main(["check", "study.yaml"]) == 1
        assert said in capsys.readouterr().err
        files.write_json(path, content)
    path.write_text("{")
    assert cli.main(["check", "study.yaml"]) == 1
    assert "old.json: damaged" in capsys.readouterr().err
