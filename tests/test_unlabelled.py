"""Test splits without labels: the submission file and its check, and results that never mix validation with test."""

import re

import numpy as np
import pandas as pd
import pytest

from known import HOME, known_study, write_data, write_known
from partway import files, submission
from partway.errors import DataError
from partway.results.collect import collect, collect_partial
from partway.results.outcomes import read_outcomes
from partway.results.tables import read_runs
from test_report import Page, drawn

IDS, CLASSES = ["2", "10", "x1"], ["bow", "wave"]
ROWS = [{"id": "2", "class": "bow"}, {"id": "10", "class": "wave"}, {"id": "x1", "class": "bow"}]


def test_a_submission_is_sorted_by_number(tmp_path):
    submission.write(tmp_path, {"x1": "bow", "10": "wave", "2": "bow"}, IDS[::-1], CLASSES)
    assert (tmp_path / "submission.csv").read_text() == "id,class\n2,bow\n10,wave\nx1,bow\n"


WRONG = {
    "a wrong id": ([*ROWS[:2], {"id": "x2", "class": "bow"}], r"id x2: no video of the test split"),
    "a missing id": (ROWS[:2], r"2 rows, expected 3.*\n  id x1: a video of the test split that has no row"),
    "an id twice": ([ROWS[0], *ROWS], r"4 rows, expected 3.*\n  id 2: stands more than once"),
    "an unknown class": ([ROWS[0] | {"class": "sit"}, *ROWS[1:]], r"class sit: not a class of the data set"),
    "another order": ([ROWS[1], ROWS[0], ROWS[2]], r"the ids are not sorted by number"),
    "no class": ([{"id": "2"}, *ROWS[1:]], r"class : not a class"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_submission_is_refused_by_name(name, tmp_path):
    rows, message = WRONG[name]
    path = tmp_path / "submission.csv"
    files.write_csv(path, rows, submission.COLUMNS)
    with pytest.raises(DataError, match=rf"submission\.csv: cannot be submitted.*\n  (.*\n  )?{message}"):
        submission.check(path, IDS, CLASSES)


def test_other_columns_are_refused(tmp_path):
    path = tmp_path / "submission.csv"
    path.write_text("id,class\n2,bow\n10\nx1,bow,wave\n")
    with pytest.raises(DataError, match="line 3, 4: expected the columns id and class"):
        submission.check(path, IDS, CLASSES)


# --- results ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> tuple[Page, dict[str, str]]:
    """The known study with a second data set whose test split has no labels: its page and its other files."""
    tree = known_study()
    tree["datasets"]["frames"] = {"layout": "hmdb51_frames", "root": "nowhere"}
    tree["grid"].append(tree["grid"][0] | {"dataset": "frames", "ablations": ["vanilla", "mixup"]})
    tree["grid"].append(tree["grid"][1] | {"dataset": "frames"})  # at ratio 1 and seed 0 the same evaluation
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("mixed"))
        resolved = write_known(tree)
        write_data(resolved)
        write_data(resolved, "frames", groups="unknown")
        collect(resolved, HOME)
        page = Page(drawn())
        texts = {name: (HOME / name).read_text() for name in ("verdict.md", "tables/recipe.md", "tables/recipe.csv")}
        texts |= {"svg": (HOME / "figures/accuracy_against_ratio.svg").read_text()}
        runs = read_runs(HOME)
        (HOME / "seen.csv").write_text(runs.to_csv(index=False))
        texts |= {"runs": (HOME / "seen.csv").read_text()}
        unlabelled = next(run.evaluation for run in resolved.runs if run.dataset == "frames")
        with pytest.raises(DataError, match="its videos have no labels"):
            read_outcomes(HOME.parent, unlabelled)
    return page, texts


@pytest.mark.slow
def test_each_data_set_has_its_own_table_on_its_own_split(mixed, tmp_path):
    (tmp_path / "recipe.csv").write_text(mixed[1]["tables/recipe.csv"])
    rows = pd.read_csv(tmp_path / "recipe.csv")
    frames, mime = rows[rows.dataset == "frames"], rows[rows.dataset == "mime"]
    assert set(mime.scored_on) == {"test"}
    assert set(frames.scored_on) == {"validation"}
    assert frames.filter(regex="^test_").isna().all(axis=None)
    assert mime[["val_low", "val_high", "val_top1_std"]].isna().all(axis=None)  # an interval of what is shown alone
    assert frames.val_top1.tolist()[:2] == pytest.approx([0.45, 0.6])
    assert frames.val_top1_std.tolist()[:2] == pytest.approx([np.sqrt(0.005), 0])
    assert frames.gap.tolist()[:2] == pytest.approx([0.45, 0.3])
    assert frames.difference_to_previous.tolist()[1] == pytest.approx(0.15)
    assert frames.missing.tolist()[2:] == ["a run in the grid under these conditions"] * 2


def test_the_markdown_marks_validation(mixed):
    of_mime, of_frames = re.split(r"### recipe: dataset frames", mixed[1]["tables/recipe.md"])
    assert "validation %" not in of_mime
    table, notes = of_frames.split("lacks", 1)
    assert "n = 20 validation videos, since the test split has no labels" in table
    assert "validation %" in table
    assert "test %" not in table
    assert "Test accuracy (top1) as mean" in notes
    assert "Validation accuracy (top1) as mean" in notes
    assert "Gap is train minus validation, where validation is one view too." in notes
    assert "The test split of frames has no labels: what is shown is validation accuracy" in notes
    assert "The same videos chose the epoch (select: best), so it is optimistic" in notes
    assert "The test split of mime" not in notes


def test_the_verdict_says_which_split_and_names_the_submissions(mixed):
    text = mixed[1]["verdict.md"]
    assert "recognises 60.0 % of the 20 validation videos" in text
    assert "cannot be told from no effect at all: with these 20 validation videos" in text
    assert "Intervals and tests cover the choice of test and validation videos only" in text
    assert "The test split of frames has no labels" in text
    submissions = text.split("## Submissions")[1]
    named = re.findall(r"^- frames, (.*): results/evaluations/[^/]*/submission\.csv$", submissions, re.MULTILINE)
    assert named == [
        "vanilla, trained on matched ratios, ratio 1, seed 0",
        "vanilla, trained on matched ratios, ratio 1, seed 1",
        "+ Mixup, trained on matched ratios, ratio 1, seed 0",
        "+ Mixup, trained on matched ratios, ratio 1, seed 1",
        "vanilla, trained on whole videos, ratio 0.5, seed 0",
    ]
    assert "mime" not in submissions


def test_figure_and_page_say_it_too(mixed):
    page, texts = mixed
    assert texts["svg"].count("validation accuracy, top1 (%)") == 1
    assert texts["svg"].count(">test accuracy, top1 (%)") == 1
    assert "20 validation videos of 2 classes, frames" in page.texts("li")
    assert "20 test videos of 2 classes, mime" in page.texts("li")
    captions = page.texts("caption")
    assert (
        "frames, trained and tested on whole videos; n = 20 validation videos, since the test split has no labels"
        in captions
    )
    assert "mime, trained and tested on whole videos; n = 20 test videos" in captions
    assert [text.split(" ")[0] for text in page.texts("th") if " % 95 % interval" in text] == ["test", "validation"]
    assert any("20 test without labels" in text for text in page.texts("dd"))
    assert any(text.startswith("unknown: each video counts as a group") for text in page.texts("dd"))
    assert any("no labels, classes in results/evaluations/" in text for text in page.texts("dd"))


@pytest.mark.slow
def test_a_run_without_its_submission_is_not_complete(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = known_study() | {"datasets": {"frames": {"layout": "hmdb51_frames", "root": "nowhere"}}}
    tree["ladders"] = {"recipe": ["vanilla", "mixup"]}
    tree["grid"] = [tree["grid"][0] | {"dataset": "frames", "ablations": ["vanilla", "mixup"]}]
    resolved = write_known(tree)
    run = resolved.runs[0]
    (HOME.parent / "evaluations" / run.evaluation / "submission.csv").unlink()
    with pytest.raises(DataError, match=rf"submission\.csv of evaluation {run.evaluation} .*delete its folder and run"):
        collect(resolved, HOME)
    assert collect_partial(resolved, HOME).startswith("3 of 4 runs are complete")
    assert "lacks seed 0: submission.csv of evaluation" in (HOME / "partial/tables/recipe.md").read_text()


@pytest.mark.slow
def test_numbers_that_others_report_on_test_are_marked_as_that(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = known_study() | {"datasets": {"frames": {"layout": "hmdb51_frames", "root": "nowhere"}}}
    reference = {"test_top1": 0.8176, "source": "their page"}
    tree["ladders"] = {"recipe": [{"ablation": "vanilla", "reference": reference}, "mixup"]}
    tree["references"] = [
        {"label": "Theirs", "dataset": "frames", "observation_ratio": 1.0, "top1": 0.9, "source": "their page"}
    ]
    tree["grid"] = [tree["grid"][0] | {"dataset": "frames", "ablations": ["vanilla", "mixup"]}]
    resolved = write_known(tree)
    write_data(resolved, "frames")
    collect(resolved, HOME)
    page = Page(drawn())
    assert "| reported test % " in (HOME / "tables/recipe.md").read_text()
    assert "reported test %" in page.texts("th")
    assert "Theirs: 90 % at 1, prefix (reported on test videos, not" in page.html  # its words go on in the next line


def test_runs_name_the_submission_and_leave_test_empty(mixed, tmp_path):
    (tmp_path / "runs.csv").write_text(mixed[1]["runs"])
    runs = pd.read_csv(tmp_path / "runs.csv")
    frames, mime = runs[runs.dataset == "frames"], runs[runs.dataset == "mime"]
    assert frames.filter(regex="^test_").isna().all(axis=None)
    assert frames.submission.str.endswith("/submission.csv").all()
    assert mime.submission.isna().all()
    assert (frames.scored == frames.validation).all()
    assert (mime.scored == mime.evaluation).all()
    assert (frames.top1 == frames.val_top1).all()
