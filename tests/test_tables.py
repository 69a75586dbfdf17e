"""Ablation tables and tables of settings as they are written: CSV, Markdown and LaTeX, with names that are nasty."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pylatexenc.latexwalker import LatexEnvironmentNode, LatexMacroNode, LatexWalker
from scipy.stats import binomtest

from known import HOME, VIDEOS, known_study, write_known, write_predictions
from partway import files, study
from partway.errors import DataError, StudyError
from partway.results import stats
from partway.results.collect import collect, collect_partial
from partway.results.tables import differences_of, read_tables, table_notes, write_tables
from partway.results.tables.latex import MOST_LINES, document, escape, number, paragraphs, table

NASTY = r"50 % & more_of $x$ #1 {a} \b ~ ^ “q” ± é β→Ω -- | <script> ?`"
TABULARS = ("tabular", "longtable")


def collected(tree: dict, decimals: int = 1) -> study.Study:
    """A study with known results, collected, and its tables written."""
    resolved = write_known(tree)
    collect(resolved, HOME)
    write_tables(HOME, {"decimals": decimals})
    return resolved


def lines_of(tex: str) -> list[list[int]]:
    """For each table in LaTeX the number of cells of each of its lines; strict, so that what is no LaTeX raises."""
    nodes, _, _ = LatexWalker(tex, tolerant_parsing=False).get_latex_nodes()
    return [_cells(node) for node in _tables(nodes)]


def _tables(nodes: list):
    for node in nodes:
        if isinstance(node, LatexEnvironmentNode):
            if node.environmentname in TABULARS:
                yield node
            else:
                yield from _tables(node.nodelist)


def _cells(node: LatexEnvironmentNode) -> list[int]:
    counts = [1]
    for part in node.nodelist:
        if isinstance(part, LatexMacroNode) and part.macroname == "\\":
            counts.append(1)
        counts[-1] += getattr(part, "specials_chars", "") == "&"
    return counts[:-1]  # behind the last line break stands none


def compiled(tmp_path: Path, tex: str) -> str:
    """What pdflatex says of a page with this in it, which must have no error; nothing where there is no pdflatex."""
    if shutil.which("pdflatex") is None:
        return ""
    (tmp_path / "part.tex").write_text(tex, encoding="utf-8")
    opening = r"\documentclass{article}\usepackage[a4paper,margin=2cm]{geometry}\usepackage{array,booktabs,longtable}"
    (tmp_path / "page.tex").write_text(opening + r"\begin{document}\input{part}\end{document}", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def test_every_letter_that_means_something_to_latex_is_escaped():
    assert escape(r"a_b & 50% $x$ #1 {q}") == r"a\_b \& 50\% \$x\$ \#1 \{q\}"
    assert escape("~^\\") == r"{\textasciitilde}{\textasciicircum}{\textbackslash}"
    assert escape("a|b") == r"a{\textbar}b"  # else a dash
    assert escape("--lr ?`") == r"-{}-lr ?{}`"  # else a dash, and an exclamation mark upside down
    assert escape("“a” ± é\n β") == r"{\textquotedblleft}a{\textquotedblright} \ensuremath{\pm} \'e \ensuremath{\beta}"
    assert number("-8.1* [-10.8, +5.3]") == r"\ensuremath{-}8.1* [\ensuremath{-}10.8, +5.3]"
    assert number("1e-4") == "1e-4"


def test_a_table_longer_than_a_page_breaks_and_a_bracket_begins_no_line_break(tmp_path):
    rows = [["[a]", "1"], ["*", "2"]] * MOST_LINES
    for shown, kind in ((rows[:4], "tabular"), (rows, "longtable")):
        tex = document("it", [table("A table.", "tab:it", ["l", "r"], ["x", "n"], shown, paragraphs(["50 %"]))])
        assert rf"\begin{{{kind}}}" in tex
        heads = 2 if kind == "longtable" else 1
        assert lines_of(tex)[0].count(2) == len(shown) + heads
        assert "Overfull" not in compiled(tmp_path, tex)


def test_letters_beyond_pdflatex_are_named():
    assert "(中文) need XeLaTeX or LuaLaTeX" in document("it", [escape("中文 é")])
    assert "XeLaTeX" not in document("it", [escape(NASTY)])


@pytest.fixture
def nasty(tmp_path, monkeypatch) -> study.Study:
    """A study whose label, note and ladder are made to break tables, with a number that others report."""
    monkeypatch.chdir(tmp_path)
    tree = known_study()
    tree["ablations"]["mixup"] |= {"label": f"[{NASTY}]", "note": f"*{NASTY}\n\n{NASTY}"}
    reported = {"ablation": "mixup", "reference": {"test_top1": 0.84, "train_top1": 0.9, "source": NASTY}}
    tree["ladders"] = {"a_-_b": ["vanilla", reported, "two_stage", "six_views"]}
    return collected(tree, decimals=2)


def test_nasty_names_stay_what_they_are_in_all_three(nasty, tmp_path):
    tex = (HOME / "tables/a_-_b.tex").read_text()
    assert lines_of(tex) == [[10] * 5]  # heads and four rows of ablation, three counts, three accuracies, ..., reported
    assert lines_of((HOME / "tables/settings.tex").read_text())[0][0] == 5
    for name in ("a_-_b", "settings"):
        text = (HOME / f"tables/{name}.tex").read_text()
        assert "Overfull \\hbox" not in compiled(tmp_path, text)
        grid = [line for line in (HOME / f"tables/{name}.md").read_text().splitlines() if line.startswith("|")]
        assert len({line.replace(r"\|", "").count("|") for line in grid}) == 1
    assert pd.read_csv(HOME / "tables/a_-_b.csv").label.tolist()[1] == f"[{NASTY}]"
    assert pd.read_csv(HOME / "tables/settings.csv").ladder.unique().tolist() == ["a_-_b"]


def test_differences_are_tested_and_adjusted_once_each(resolved):
    """Each row against the one before and against the first: five differences, for the second row has one of both."""
    only_first_seed = known_study()
    for block in only_first_seed["grid"]:
        block["seeds"] = [0]
    collected(only_first_seed)
    (rows,) = read_tables(HOME, "recipe", 4)
    assert [(row["ablation"], to) for row, to in differences_of(rows)] == [
        *(("mixup", "previous"), ("two_stage", "previous"), ("six_views", "previous")),
        *(("two_stage", "first"), ("six_views", "first")),
    ]
    # right are 0-7, 2-13, 0-11 and 0-14: alone right on 6 and 2, 2 and 2, 3 and 0; to the first 4 and 0, 7 and 0
    alone = [binomtest(min(pair), sum(pair)).pvalue for pair in ((6, 2), (2, 2), (3, 0), (4, 0), (7, 0))]
    found = [row[f"difference_to_{to}_p"] for row, to in differences_of(rows)]
    assert found == pytest.approx(alone)
    adjusted = [row[f"difference_to_{to}_p_holm"] for row, to in differences_of(rows)]
    # from the smallest on 1/64 x 5, 1/8 x 4, 1/4 x 3; 0.289 x 2 is below the one before, so 0.75 again; and 1
    assert adjusted == pytest.approx([0.75, 1, 0.75, 0.5, 5 / 64])
    assert rows[1]["difference_to_first_p_holm"] == rows[1]["difference_to_previous_p_holm"]
    assert {row[f"difference_to_{to}_test"] for row, to in differences_of(rows)} == {"exact McNemar"}
    assert {row[f"difference_to_{to}_covers"] for row, to in differences_of(rows)} == {"videos"}
    right = [[[video in answers for video in range(VIDEOS)]] for answers in (range(2, 14), range(8))]
    alone_found = stats.difference(*map(np.array, right))
    assert rows[1]["difference_to_previous_detectable"] == pytest.approx(alone_found.detectable)


def test_rows_that_answered_other_videos_are_not_held_against_each_other(resolved):
    """As many videos, with other names: a difference video by video would pair what is no pair."""
    for run in resolved.runs:
        if run.ablation == "mixup":
            folder = Path("results/evaluations", run.evaluation)
            table = pq.read_table(folder / "predictions.parquet")
            others = pa.array([f"other_{name}" for name in table["id"].to_pylist()])
            write_predictions(folder, table.set_column(table.column_names.index("id"), "id", others))
    collect(resolved, HOME)
    with pytest.raises(DataError, match=r"answered other videos \(of 20 and 20\).*delete the folder"):
        write_tables(HOME, {"decimals": 1})


def test_notes_say_what_the_test_set_can_show_and_what_is_luck(resolved):
    collect(resolved, HOME)
    write_tables(HOME, {"decimals": 1})
    (rows,) = list(read_tables(HOME, "recipe", 4))
    resolution, luck, covered = table_notes(rows, 1)
    found = [row[f"difference_to_{to}_detectable"] for row, to in differences_of(rows)]
    assert resolution.startswith("5 points are 1 of 20 test videos; this test set can show true differences of ")
    assert f"{100 * min(found):.1f} to {100 * max(found):.1f} points or more, depending on the row" in resolution
    marked = sum(row[f"difference_to_{to}_p_holm"] <= 0.05 for row, to in differences_of(rows))
    assert f"({marked or 'none'} of 5). Test: paired over videos." in luck
    assert (HOME / "tables/recipe.md").read_text().count("* [") == marked
    assert covered.startswith("All intervals cover the choice of test videos only, not that of the seed: below three")
    assert covered.endswith("* is a difference between these very trainings, and other seeds may not show it.")


def test_with_three_seeds_it_is_not_the_test_set_alone_that_shows():
    row = {"covers": "seeds and videos", "label": "A", "note": None, "ablation": "a", "model": "m"} | EMPTY
    shown = {
        "": 0.1,
        "_detectable": 0.2,
        "_covers": "seeds and videos",
        "_test": "crossed seeds x videos",
        "_p_holm": 0.2,
    }
    second = row | {f"difference_to_previous{end}": value for end, value in shown.items()}
    resolution, *_ = table_notes([row, second], 1)
    assert resolution == (
        "5 points are 1 of 20 test videos; these seeds and test videos can show true differences of 20.0 points or more "
        "(each taken alone, found in four of five such studies: 80 % power)."
    )


def test_some_rows_with_three_seeds_cover_seeds(resolved):
    rows = [{"covers": "videos", "label": "A", "note": None, "ablation": "a", "model": "m"} | EMPTY for _ in range(2)]
    rows.append(rows[0] | {"covers": "seeds and videos", "label": "B", "ablation": "b"})
    *_, covered = table_notes(rows, 1)
    assert covered == (
        "Intervals cover the choice of seeds and test videos; below three seeds (A, A), and where the two rows of a "
        "difference have fewer than three in common, that of the videos only."
    )


def test_what_validation_videos_can_show_is_not_called_the_test_sets(resolved):
    row = {"covers": "videos", "label": "A", "note": None, "ablation": "a", "model": "m"} | EMPTY
    row |= {"scored_on": "validation"}
    resolution, *_ = table_notes([row, row | of_difference("videos")], 1)
    assert resolution.startswith("5 points are 1 of 20 validation videos; this validation set can show")


def test_epochs_of_seeds_that_stopped_early_are_their_mean(resolved):
    (seed_1,) = (run.trainings[0] for run in resolved.runs if (run.ablation, run.seed) == ("mixup", 1))
    record = files.read_json(Path("results/trainings", seed_1, "training.json"))
    files.write_json(Path("results/trainings", seed_1, "training.json"), record | {"epochs": 1})
    collect(resolved, HOME)
    write_tables(HOME, {"decimals": 1})
    assert pd.read_csv(HOME / "tables/recipe.csv").total_epochs.tolist() == [
        2,
        1.5,
        3.5,
        3.5,
    ]  # the last has the trainings before it
    text = (HOME / "tables/recipe.md").read_text()
    assert "| + Mixup    | alpha 0.8 | 1.5      |" in text
    assert "Epochs are the mean over seeds where these stopped early" in text


def of_difference(covers: str) -> dict:
    """Columns of one difference."""
    about = {"": 0.1, "_detectable": 0.1, "_test": "crossed seeds x videos", "_p_holm": 0.01, "_covers": covers}
    return {f"difference_to_previous{end}": value for end, value in about.items()}


def test_rows_of_three_seeds_each_may_have_fewer_in_common(resolved):
    row = {"covers": "seeds and videos", "label": "A", "note": None, "ablation": "a", "model": "m"} | EMPTY
    *_, whole = table_notes([row, row | of_difference("seeds and videos")], 1)
    assert whole == "Intervals cover the choice of seeds and test videos."
    *_, fewer = table_notes([row, row | of_difference("videos")], 1)
    assert fewer == (
        "Intervals cover the choice of seeds and test videos; below three seeds, and where the two rows of a difference "
        "have fewer than three in common, that of the videos only. A difference over so few, where it is marked *, is "
        "one between these very trainings, and other seeds may not show it."
    )


@pytest.mark.parametrize(
    ("videos", "points"), [(1, "100"), (8, "12.5"), (3, "33.3"), (400, "0.25"), (510, "0.2"), (3783, "0.026")]
)
def test_what_one_video_counts(videos, points):
    row = {"covers": "videos", "label": "A", "note": None, "ablation": "a", "model": "m"} | EMPTY
    resolution, _ = table_notes([row | {"videos": videos}], 1)
    assert resolution == f"{points} points are 1 of {videos} test video{'s' if videos > 1 else ''}."


EMPTY = {
    "scored_on": "test",
    "videos": 20,
    "total_epochs": 2,
    "difference_to_previous": None,
    "difference_to_first": None,
}


def test_settings_are_those_that_differ_by_the_study_files_words(resolved):
    collect(resolved, HOME)
    write_tables(HOME, {"decimals": 1})
    tidy = pd.read_csv(HOME / "tables/settings.csv", dtype=str, keep_default_na=False)
    assert tidy.columns.tolist() == ["ladder", "setting", "model", "ablation", "value"]
    wide = tidy.pivot(index="setting", columns="ablation", values="value")
    rows = ["vanilla", "mixup", "two_stage", "six_views"]
    assert wide[rows].to_dict("index") == {
        name: dict(zip(rows, values, strict=True))
        for name, values in {
            "total epochs": ["2", "2", "3", "3"],
            "stages": ["1", "1", "2", "2"],
            "views": ["1", "1", "1", "6"],
            "training.mixup.alpha": ["", "0.8", "0.8", "0.8"],
            "training.mixup.prob": ["", "1", "1", "1"],
            "evaluation.crops": ["1", "1", "1", "3"],
            "evaluation.flips": ["1", "1", "1", "2"],
            "stage 2: epochs": ["", "", "1", "1"],
            "stage 2: learning_rate": ["", "", "0.0001", "0.0001"],
            "stage 2: mixup": ["", "", "null", "null"],
        }.items()
    }
    text = (HOME / "tables/settings.md").read_text()
    assert "| training.mixup.alpha   | —         | 0.8" in text
    assert "The same in every row: effective batch 8. —: off, or not there yet." in text  # 4 x 2 steps of accumulation


def test_settings_of_runs_that_are_missing_are_told_as_well(resolved):
    collect(resolved, HOME)
    write_tables(HOME, {"decimals": 1})
    whole = (HOME / "tables/settings.csv").read_text()
    Path("results/trainings", resolved.runs[0].trainings[-1], "training.json").unlink()
    collect_partial(resolved, HOME)
    assert (HOME / "partial/tables/settings.csv").read_text() == whole


def test_a_ladder_whose_rows_are_alike_has_no_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    collected(known_study() | {"ladders": {"one": ["vanilla"]}})
    same = "No setting differs. The same in every row: total epochs 2, effective batch 8, views 1."
    assert same in (HOME / "tables/settings.md").read_text()
    assert f"one: {same}" in (HOME / "tables/settings.tex").read_text()
    assert (HOME / "tables/settings.csv").read_text() == "ladder,setting,model,ablation,value\n"


def test_tables_of_ladders_that_are_gone_are_removed_and_settings_with_the_last(resolved):
    collect(resolved, HOME)
    write_tables(HOME, {"decimals": 1})
    names = {path.name for path in (HOME / "tables").iterdir()}
    assert names == {f"{name}.{suffix}" for name in ("recipe", "settings") for suffix in ("csv", "md", "tex")}
    lock = files.read_json(HOME / "study.lock.json")
    files.write_json(HOME / "study.lock.json", lock | {"ladders": {}})
    write_tables(HOME, {"decimals": 1})
    assert not list((HOME / "tables").iterdir())


def test_no_ladder_is_called_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match=r"ladders\.settings: a ladder cannot be called settings: .* choose another"):
        write_known(known_study() | {"ladders": {"settings": ["vanilla"]}})


@pytest.mark.slow
def test_a_thousand_rows(resolved, tmp_path):
    collect(resolved, HOME)
    names = [f"row_{place}" for place in range(996)]
    for name in ("runs.csv", "accuracies.csv"):
        head, *lines = (HOME / name).read_text().splitlines()
        copied = [
            line for line in lines if ",vanilla,matched," in line or (",vanilla," in line and ",matched," in line)
        ]
        more = [line.replace(",vanilla,", f",{row},") for row in names for line in copied]
        (HOME / name).write_text("\n".join([head, *lines, *more]) + "\n")
    lock = files.read_json(HOME / "study.lock.json")
    lock["labels"] |= {name: {"label": None, "note": None} for name in names}
    lock["ladders"]["recipe"]["rows"] += [{"ablation": name, "model": "small"} for name in names]
    files.write_json(HOME / "study.lock.json", lock)
    write_tables(HOME, {"decimals": 1})
    rows = next(read_tables(HOME, "recipe", 1000))
    assert [row["ablation"] for row in rows[4:]] == names
    assert {row["difference_to_first"] for row in rows[4:]} == {0.0}
    tex = (HOME / "tables/recipe.tex").read_text()
    assert r"\begin{longtable}" in tex
    assert tex.count("row\\_") == 996
    assert VIDEOS == 20
    compiled(tmp_path, tex)
