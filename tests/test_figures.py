"""Figures: which a study has, that they are drawn of their tidy files alone, and that what is said of them is what is drawn."""

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from matplotlib.colors import to_hex

from known import HOME
from partway import cli, files
from partway.results import naming, stats
from partway.results.collect import collect, collect_partial
from partway.results.collected import Collected
from partway.results.dark import luminance
from partway.results.figures import confusion, draw_figures, drawing, look, matrix, names, shown
from partway.results.figures.confusion_numbers import in_order
from partway.results.figures.ends import spread
from partway.results.figures.look import STYLES
from partway.results.figures.palette import HUES, Palette
from partway.results.report.inline_svg import inline
from simulated import simulate

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "$x_1$ <b> & \u201cq\u201d"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A study that has every figure, with holes and a label that looks like markup; drawn once."""
    found = simulate(
        tmp_path_factory.mktemp("figures"),
        models=("vit", "videomae"),
        ablations=("vanilla", "mixup"),
        windows=("prefix", "middle"),
        ratios=(0.5, 1.0),
        train_ratios=("matched", "random"),
        missing=15,
        labels={"mixup": HOSTILE},
    )
    draw_figures(found, {"dpi": 50})
    return found


def read(home: Path, name: str) -> pd.DataFrame:
    """The tidy file of a figure."""
    return drawing.read(home / "figures" / f"{name}.csv")


# --- which there are -----------------------------------------------------------------------------------


def grid(**changes) -> list[dict]:
    """Two runs, seeds of one setting unless changed: each change has a value for each run."""
    axes = {"dataset": "d", "model": "m", "ablation": "a", "train_ratio": "full", "train_fraction": 1.0}
    axes |= {"observation_ratio": 1.0, "window": "prefix", "seed": 0, "training": "t", "evaluation": "e"}
    return [axes | {name: values[place] for name, values in changes.items()} for place in (0, 1)]


@pytest.mark.parametrize(
    ("runs", "more"),
    [
        (grid(), set()),
        (grid(seed=(0, 1)), {"seeds_and_views"}),
        (grid(ablation=("a", "b")), {"accuracy_against_cost", "per_class_gain"}),
        (
            grid(ablation=("a", "b"), evaluation=("e", "six")),
            {"accuracy_against_cost", "per_class_gain", "seeds_and_views"},
        ),
        (grid(ablation=("b", "c")), {"accuracy_against_cost"}),  # c is in no ladder
        (grid(train_ratio=("full", "random")), {"accuracy_against_cost", "ratio_matrix"}),
        (grid(train_ratio=("full", "matched")), {"accuracy_against_cost"}),  # at ratio 1 they are the same training
        (
            grid(train_ratio=("full", "matched"), observation_ratio=(1.0, 0.5)),
            {"accuracy_against_cost", "ratio_matrix"},
        ),
    ],
)
def test_the_grid_tells_which_figures_there_are(runs, more):
    ladders = {"ladder": {"rows": [{"model": None, "ablation": name} for name in "ab"], "train_ratio": "full"}}
    always = {"accuracy_against_ratio", "confusion", "training_curves"}
    assert set(names.of_runs(runs, ladders)) == always | more


@pytest.mark.slow
def test_the_workflow_is_told_of_the_files_that_are_drawn(resolved):
    collect(resolved, HOME)
    draw_figures(HOME, {"dpi": 50})
    drawn = {path.name for path in (HOME / "figures").iterdir()}
    assert drawn == {f"{name}.{suffix}" for name in names.of_study(resolved) for suffix in ("csv", "svg", "png")}
    assert names.of_study(resolved) == [figure.name for figure in shown(HOME)]


@pytest.mark.slow
def test_a_figure_that_a_study_no_longer_has_is_taken_away(resolved):
    collect(resolved, HOME)
    for suffix in ("csv", "svg", "png"):
        (HOME / "figures").mkdir(exist_ok=True)
        (HOME / "figures" / f"ratio_matrix.{suffix}").write_text("of before an edit")
    draw_figures(HOME, {"dpi": 50})
    assert not list((HOME / "figures").glob("ratio_matrix.*"))


# --- their numbers -------------------------------------------------------------------------------------


def test_a_share_of_the_train_videos_keeps_its_digits():
    assert [naming.of_train(fraction) for fraction in (0.125, 0.5)] == [
        "12.5 % of the train videos",
        "50 % of the train videos",
    ]


def test_accuracies_and_seeds_by_hand(resolved):
    collect(resolved, HOME)
    draw_figures(HOME, {"dpi": 50})
    points = read(HOME, "accuracy_against_ratio")
    measured = points[points.kind == "measured"].set_index("observation_ratio")
    assert measured.top1[0.5] == 0.25  # 5 of 20 videos
    around = stats.accuracy_interval(0.25, 20)
    assert measured.loc[0.5, ["low", "high", "videos"]].tolist() == pytest.approx([around.low, around.high, 20])
    assert points[points.kind == "chance"].top1.tolist() == [0.5]  # two classes
    rows = read(HOME, "seeds_and_views").query("train_ratio == 'matched' and ablation == 'vanilla'")
    assert rows[rows.kind == "seed"].top1.tolist() == [0.4, 0.5]
    assert rows[rows.kind == "mean"].top1.tolist() == [0.45]
    views = read(HOME, "seeds_and_views").query("shared == 1")
    assert set(views.ablation) == {"two_stage", "six_views"}  # one training in one and in six views


@pytest.mark.slow
def test_what_each_class_gains_by_hand(resolved):
    collect(resolved, HOME)
    draw_figures(HOME, {"dpi": 50})
    gains = read(HOME, "per_class_gain").query("ablation == 'mixup'").set_index("class")
    # Videos 0, 2, ... 18 are of class bow. Right of them in vanilla 4 and 5, in mixup 6 and 6; of wave 4 and 5, 6 and 6.
    assert gains.gain.to_dict() == pytest.approx({"bow": 0.15, "wave": 0.15})
    assert gains.n.tolist() == [10, 10]
    assert (gains.low < gains.gain).all()
    pairs = read(HOME, "confusion")
    best = pairs[pairs["class"] == "bow"].set_index("predicted")  # six_views: 15 of 20 right with both seeds
    assert best.n.to_dict() == {"bow": 16, "wave": 4}
    assert best.share["bow"] == 0.8


@pytest.mark.slow
def test_cost_counts_views_and_says_what_is_not_known(resolved):
    collect(resolved, HOME)
    runs = pd.read_csv(HOME / "runs.csv")
    runs.loc[runs.ablation == "mixup", "flops_per_clip"] = np.nan
    runs.to_csv(HOME / "runs.csv", index=False)
    draw_figures(HOME, {"dpi": 50})
    cost = read(HOME, "accuracy_against_cost").query("train_ratio == 'matched'").set_index("ablation")
    assert cost.gflops_per_video["vanilla"] == 2.5
    assert cost.gflops_per_video["six_views"] == 6 * 2.5
    assert cost.training_minutes["six_views"] == pytest.approx(3 / 60)  # two stages of 1.5 s
    assert np.isnan(cost.gflops_per_video["mixup"])
    (figure,) = (figure for figure in shown(HOME) if figure.name == "accuracy_against_cost")
    assert "since it was not recorded: + Mixup" in figure.caption


def test_holes_are_marked_and_in_no_mean(resolved):
    run = next(
        run for run in resolved.runs if run.ablation == "vanilla" and run.seed == 1 and run.train_ratio != "full"
    )
    Path("results/evaluations", run.evaluation, "metrics.json").unlink()
    collect_partial(resolved, HOME)
    rows = read(HOME / "partial", "seeds_and_views").query("train_ratio == 'matched' and ablation == 'vanilla'")
    assert rows[rows.kind == "mean"].top1.isna().all()
    assert rows[rows.kind == "seed"].top1.isna().tolist() == [False, True]
    assert "1 run missing" in (HOME / "partial/figures/seeds_and_views.svg").read_text()
    cost = next(figure for figure in shown(HOME / "partial") if figure.name == "accuracy_against_cost")
    assert "since runs are missing: vanilla" in cost.caption


@pytest.mark.slow
def test_the_matrix_marks_a_missing_run(home):
    cells = read(home, "ratio_matrix")
    assert cells.top1.isna().any()
    assert (home / "figures" / "ratio_matrix.svg").read_text().count(">missing<") == cells.top1.isna().sum()
    assert cells.groupby("mark").train_ratio.unique().map(list).tolist() == [["matched", "random"]] * 8


def test_numbers_in_coloured_cells_can_be_read(home):
    with mpl.rc_context(look.PLAIN):
        drawn = matrix.draw(
            read(home, "ratio_matrix").assign(top1=np.linspace(0, 1, len(read(home, "ratio_matrix")))), STYLES["report"]
        )
    pairs = [
        sorted(map(luminance, map(to_hex, (text.get_color(), cell.get_facecolor()))))
        for axis in drawn.axes
        for text, cell in zip(axis.texts, axis.patches, strict=True)
    ]
    assert len(pairs) == len(read(home, "ratio_matrix"))
    assert min((light + 0.05) / (dark + 0.05) for dark, light in pairs) >= 4.5


def test_square_panels_leave_no_room_above_and_below(tmp_path):
    numbers = confusion.numbers(Collected.read(simulate(tmp_path, classes=40, videos=80, seeds=1), 1))
    with mpl.rc_context(look.PLAIN):
        drawn = confusion.draw(numbers, STYLES["paper"])
    drawn.draw_without_rendering()
    assert drawn.get_figheight() - drawn.get_tightbbox().height < 0.2


@pytest.mark.parametrize("name", ["accuracy_against_ratio", "seeds_and_views", "accuracy_against_cost", "ratio_matrix"])
def test_what_is_drawn_is_what_accuracies_csv_says(home, name):
    axes = ["dataset", "model", "ablation", "train_ratio", "window", "observation_ratio"]
    drawn, known = read(home, name), drawing.read(home / "accuracies.csv")
    if "kind" in drawn:
        drawn = drawn[drawn.kind.isin(["measured", "mean"]) & drawn.top1.notna()]
    both = drawn[drawn.top1.notna()].merge(known, on=axes, suffixes=("", "_known"), validate="many_to_one")
    assert len(both) == drawn.top1.notna().sum() > 0
    for column in {"top1", "low", "high", "seeds"} & set(drawn):
        assert both[column].to_list() == both[f"{column}_known"].to_list()


def test_classes_that_are_taken_for_each_other_stand_together():
    classes = pd.DataFrame([(a, a, 0.5) for a in "abcdef"], columns=["class", "predicted", "share"])
    taken = pd.DataFrame([("a", "d", 0.5), ("b", "f", 0.5), ("e", "c", 0.5)], columns=classes.columns)
    order = in_order(pd.concat([classes, taken]))
    assert sorted(order) == list("abcdef")
    assert all(abs(order.index(a) - order.index(b)) == 1 for a, b in ("ad", "bf", "ec"))


# --- what is drawn -------------------------------------------------------------------------------------


def test_all_that_is_said_on_hover_has_its_point(home):
    figures = shown(home)
    assert [figure.name for figure in figures] == list(names.NAMES.values())
    for figure in figures:
        root = ElementTree.parse(home / "figures" / f"{figure.name}.svg").getroot()
        points = {group.get("id"): len(list(group.iter(f"{SVG}use"))) for group in root.iter(f"{SVG}g")}
        assert figure.tips
        assert {mark: len(tips) for mark, tips in figure.tips.items()} == {mark: points[mark] for mark in figure.tips}
        told = inline(home / "figures" / f"{figure.name}.svg", "x", figure.words, figure.tips)
        assert told.count("<title>") == sum(len(tips) for tips in figure.tips.values())
        assert len(figure.table)
        assert figure.table.map(lambda cell: isinstance(cell, str)).all(axis=None), figure.name
        assert figure.caption.endswith(".")
        assert figure.words


def test_tips_say_the_numbers_of_the_tidy_file(home):
    (figure,) = (figure for figure in shown(home) if figure.name == "accuracy_against_ratio")
    first = read(home, "accuracy_against_ratio").query("kind == 'measured' and top1.notna()").iloc[0]
    tip = figure.tips[first.mark][0]
    assert f"ratio {first.observation_ratio:g}: {100 * first.top1:.1f} %" in tip
    assert f"interval {100 * first.low:.1f} to {100 * first.high:.1f} %" in tip


def test_names_are_drawn_as_they_are(home):
    for name in ("accuracy_against_ratio", "seeds_and_views", "per_class_gain", "ratio_matrix", "training_curves"):
        root = ElementTree.parse(home / "figures" / f"{name}.svg").getroot()
        words = " ".join(text for element in root.iter(f"{SVG}text") for text in element.itertext())
        assert "$x_1$ <b> &" in words, name


def test_a_setting_has_one_look_in_all_figures(home):
    axes = ["model", "ablation", "train_ratio", "train_fraction"]
    figures = ("accuracy_against_ratio", "seeds_and_views", "accuracy_against_cost")
    looks = pd.concat([read(home, name).dropna(subset=["colour"])[[*axes, "colour", "marker"]] for name in figures])
    looks = looks.drop_duplicates()
    assert len(looks) == looks[axes].drop_duplicates().shape[0] == 8
    assert looks.groupby("ablation").marker.nunique().eq(1).all()
    columns = read(home, "training_curves").merge(looks, on=["model", "ablation", "colour"], how="left")
    assert columns.marker.notna().all()


@pytest.mark.slow
def test_equal_files_give_equal_figures(home, tmp_path):
    for name in ("seeds_and_views", "ratio_matrix"):  # of the others tests of their own
        paths = [tmp_path / f"{name}-{n}.{suffix}" for n in (1, 2) for suffix in ("svg", "pdf")]
        for pair in (paths[:2], paths[2:]):
            drawing.draw(name, read(home, name), STYLES["report"], pair, 50)
        assert paths[0].read_bytes() == paths[2].read_bytes()
        assert paths[1].read_bytes() == paths[3].read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("style", "width", "height"), [("paper", 3.3, None), ("wide", 7.0, None), ("slide", 13.333, 7.5)]
)
def test_a_style_gives_the_size_that_it_promises(home, tmp_path, style, width, height):
    for name in ("accuracy_against_ratio", "training_curves", "confusion"):
        path = tmp_path / "figure.svg"
        drawing.draw(name, read(home, name), STYLES[style], [path], 50)
        root = ElementTree.parse(path).getroot()
        found = [float(root.get(side).removesuffix("pt")) / 72 for side in ("width", "height")]
        assert found[0] == pytest.approx(width, abs=0.01)
        assert height is None or found[1] == pytest.approx(height, abs=0.01)


@pytest.mark.slow
def test_a_hundred_and_one_classes_and_forty_lines_are_cut_with_a_note(tmp_path):
    many = tuple(f"row_{n:02d}" for n in range(11))
    home = simulate(tmp_path, ablations=many, ratios=(0.5, 1.0), seeds=1, classes=101, videos=202)
    draw_figures(home, {"dpi": 50})
    texts = {name: (home / "figures" / f"{name}.svg").read_text() for name in names.of_runs([], {})}
    assert "lines 1 to 10 of 11" in texts["accuracy_against_ratio"]
    assert "the first 20 of" in texts["training_curves"]
    assert "77 classes between" in (home / "figures" / "per_class_gain.svg").read_text()
    named = re.findall(r">(class_\d+)<", texts["confusion"])
    assert 4 < len(named) < 80
    assert read(home, "per_class_gain").groupby("mark")["class"].nunique().eq(101).all()


# --- colours -------------------------------------------------------------------------------------------

# Machado, Oliveira & Fernandes 2009, severity 1: what is seen of linear RGB.
SEEN = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
}


def linear(colour: str) -> np.ndarray:
    """Linear RGB of #rrggbb."""
    parts = np.array([int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """OKLab of linear RGB (Ottosson 2020): distances are as large as they look, black to white is 1."""
    to_cones = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566]]
    to_cones += [[0.0883024619, 0.2817188376, 0.6299787005]]
    to_lab = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099]]
    to_lab += [[0.0259040371, 0.7827717662, -0.808675766]]
    return np.array(to_lab) @ np.cbrt(np.array(to_cones) @ np.clip(rgb, 0, 1))


def palette(models: int, ablations: int) -> Palette:
    cells = [
        {"model": f"m{m}", "ablation": f"a{a}", "train_ratio": "matched", "train_fraction": 1.0}
        for m in range(models)
        for a in range(ablations)
    ]
    return Palette(cells, {f"a{a}": {} for a in range(ablations)})


@pytest.mark.parametrize("eyes", SEEN)
@pytest.mark.parametrize(("models", "ablations"), [(1, 7), (2, 5), (4, 2), (7, 1)])
def test_looks_are_told_apart_by_colour_blind_readers(eyes, models, ablations):
    looks = palette(models, ablations).looks.values()
    for one, other in combinations(looks, 2):
        seen = [lab(np.array(SEEN[eyes]) @ linear(look.colour)) for look in (one, other)]
        assert one.marker != other.marker or np.linalg.norm(seen[0] - seen[1]) > 0.05, (one, other)


def test_one_model_has_a_hue_for_each_ablation_and_several_have_shades():
    one = palette(1, 3)
    assert [one.of("m0", f"a{n}", "matched", 1.0).colour for n in range(3)] == HUES[:3]
    two = palette(2, 3)
    shades = [linear(two.of("m1", f"a{n}", "matched", 1.0).colour).sum() for n in range(3)]
    assert shades == sorted(shades, reverse=True)
    assert palette(2, 1).of("m1", "a0", "matched", 1.0).colour == HUES[1]


def test_full_has_the_colour_of_matched_and_random_another():
    cells = [
        {"model": "m", "ablation": "a", "train_ratio": ratio, "train_fraction": 1.0}
        for ratio in ("random", "matched", "full")
    ]
    found = Palette(cells, {"a": {}})
    matched, full, random = (found.of("m", "a", ratio, 1.0) for ratio in ("matched", "full", "random"))
    assert matched.colour == full.colour != random.colour
    assert (matched.filled, full.filled, random.filled) == (True, False, False)


# --- names beside lines --------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(float, st.integers(1, 12), elements=st.floats(0, 1)), st.floats(0.01, 0.08))
def test_names_do_not_overlap_and_stay_in_the_axes(targets, height):
    heights = np.full(len(targets), height)
    placed = np.sort(spread(targets, heights))
    assert (np.diff(placed) >= height - 1e-9).all()
    assert placed[0] >= height / 2 - 1e-9
    assert placed[-1] <= 1 - height / 2 + 1e-9


def test_names_with_room_stay_where_their_lines_end():
    assert spread(np.array([0.9, 0.2, 0.5]), np.full(3, 0.1)).tolist() == pytest.approx([0.9, 0.2, 0.5])
    assert spread(np.array([0.5, 0.5]), np.full(2, 0.1)).tolist() == pytest.approx([0.45, 0.55])


# --- the verb ------------------------------------------------------------------------------------------


def test_a_figure_is_drawn_again_from_its_tidy_file_alone(home, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("summary.json", "study.lock.json"):
        files.write_json(tmp_path / "alone" / name, files.read_json(home / name))
    table = tmp_path / "alone" / "figures" / "ratio_matrix.csv"
    table.parent.mkdir()
    table.write_text((home / "figures" / "ratio_matrix.csv").read_text())
    assert cli.main(["figure", "matrix", "--home", "alone", "--style", "paper"]) == 0
    assert "ratio_matrix-paper.pdf: ratio_matrix of alone, style paper" in capsys.readouterr().out
    assert b"CIDFontType2" in Path("ratio_matrix-paper.pdf").read_bytes()  # words are letters, not shapes


@pytest.mark.slow
def test_a_figure_of_a_study_follows_what_was_collected_since(resolved, capsys):
    collect(resolved, HOME)
    draw_figures(HOME, {"dpi": 50})
    runs = pd.read_csv(HOME / "runs.csv")
    lock = files.read_json(HOME / "study.lock.json")
    lock["labels"]["mixup"]["label"] = "renamed since"
    files.write_json(HOME / "study.lock.json", lock)
    files.write_json(HOME / "summary.json", files.read_json(HOME / "summary.json"))  # newer than the figures
    before = (HOME / "figures" / "seeds_and_views.csv").read_text()
    command = ["figure", "seeds_and_views", "--study", "study.yaml", "--output", "seeds.svg"]
    assert cli.main(command) == 0
    assert "renamed since" in Path("seeds.svg").read_text()
    assert (HOME / "figures" / "seeds_and_views.csv").read_text() == before  # the results are left alone
    assert len(runs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["unknown"], "unknown: no such figure; there are ratio (accuracy_against_ratio), matrix (ratio_matrix)"),
        (["ratio"], "results/known: nothing is collected there yet; run the study, or `partway collect study.yaml"),
        (["ratio", "--output", "a.jpg"], "a.jpg: expected a name that ends in .pdf, .svg, .png"),
    ],
)
def test_what_is_wrong_with_a_call_is_said(resolved, capsys, arguments, message):
    assert resolved.name == "known"
    assert cli.main(["figure", *arguments, "--study", "study.yaml"]) == 1
    assert message in capsys.readouterr().err


def test_a_figure_that_the_study_has_not_says_why(resolved, capsys):
    collect(resolved, HOME)
    assert Collected.read(HOME, 1).lock["name"] == "known"
    assert cli.main(["figure", "matrix", "--home", str(HOME)]) == 1
    assert "the study has no ratio_matrix: no model and ablation" in capsys.readouterr().err
