"""Training curves: each training once, stages one after the other, means over all seeds or none, holes marked."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from known import HOME, write_training
from partway import files, study
from partway.results.collect import collect, collect_partial
from partway.results.collected import Collected
from partway.results.figures import curves, draw_figures, drawing
from partway.results.figures.look import STYLES
from partway.results.figures.palette import HUES

mpl.rcParams["svg.fonttype"] = "none"


def figure(home: Path = HOME):
    """The figure as matplotlib holds it: what was drawn, not what it looks like."""
    drawing.write_numbers(home / "curves.csv", curves.numbers(Collected.read(home, 1)))
    return curves.draw(drawing.read(home / "curves.csv"), STYLES["report"])


def column(drawn, title: str) -> list:
    """The two axes below a title: loss, top1."""
    place = next(n for n, axis in enumerate(drawn.axes) if axis.get_title().startswith(title))
    abreast = len({axis.get_position().x0 for axis in drawn.axes})
    return [drawn.axes[place], drawn.axes[place + abreast]]


def lines(axis, style_: str | None = None) -> list[tuple[list, list]]:
    """Points of the lines of an axis; of one line style."""
    kept = [line for line in axis.lines if style_ is None or line.get_linestyle() == style_]
    return [(list(line.get_xdata()), [round(float(y), 6) for y in line.get_ydata()]) for line in kept]


def test_every_training_is_drawn_once_and_stages_follow_each_other(resolved):
    collect(resolved, HOME)
    drawn = figure()
    titles = [axis.get_title() for axis in drawn.axes if axis.get_title()]
    assert titles == ["vanilla\n2 seeds", "+ Mixup\n2 seeds", "two_stage\n2 seeds"]  # six_views has none of its own
    second = column(drawn, "two_stage")
    validation = [points for points in lines(second[0], "-") if len(points[0]) == 2 and points[0][0] != points[0][1]]
    assert validation == [([3, 4], [0.6, 0.5])] * 3  # two seeds and their mean, after the two epochs of mixup
    words = [text.get_text() for text in second[0].texts]
    assert words == ["stage 2", "continues\n+\u00a0Mixup at its\nchosen epoch"]
    assert not column(drawn, "+ Mixup")[0].texts


def test_the_axes_are_named_and_shared(resolved):
    collect(resolved, HOME)
    drawn = figure()
    assert [axis.get_ylabel() for axis in drawn.axes if axis.get_ylabel()] == ["loss", "accuracy, top1 (%)"]
    assert {axis.get_xlabel() for axis in drawn.axes} == {"", "epoch"}
    assert len({axis.get_ylim() for axis in drawn.axes[:3]}) == 1
    assert {axis.get_ylim() for axis in drawn.axes[3:]} == {(0, 100)}
    words = [text.get_text() for text in drawn.legends[0].texts]
    assert words == [
        *("train, as trained (augmented)", "train, without augmentation", "validation", "chosen epoch of a seed"),
        "thin: one seed; thick: mean over seeds",
    ]


def scored(folder: str, val: list[float], chosen: int) -> None:
    """Give a training another validation top1 and chosen epoch."""
    path = Path("results/trainings", folder)
    log = pd.read_csv(path / "training_log.csv")
    log["val_top1"] = val
    log.to_csv(path / "training_log.csv", index=False)
    files.write_json(path / "training.json", files.read_json(path / "training.json") | {"chosen_epoch": chosen})


def test_the_mean_over_seeds_and_the_chosen_epochs_by_hand(resolved):
    first, second = (
        run.trainings[0] for run in resolved.runs if run.ablation == "vanilla" and run.train_ratio != "full"
    )
    scored(first, [0.2, 0.6], 2)
    scored(second, [0.4, 0.5], 1)
    collect(resolved, HOME)
    top1 = column(figure(), "vanilla")[1]
    solid = lines(top1, "-")
    assert solid == [([1, 2], [20, 60]), ([1, 2], [40, 50]), ([1, 2], [30, 55])]
    (rings,) = lines(top1, "None")
    assert sorted(zip(*rings, strict=True)) == [(1, 40), (2, 60)]


def test_no_mean_where_a_seed_has_stopped_earlier(resolved):
    first = next(run.trainings[0] for run in resolved.runs if run.ablation == "vanilla")
    write_training(Path("results/trainings", first), epochs=1)
    collect(resolved, HOME)
    mean = lines(column(figure(), "vanilla")[0], "-")[-1]
    assert mean[0] == [1, 2]
    assert mean[1][0] == 0.6
    assert np.isnan(mean[1][1])


def test_what_was_not_measured_is_not_drawn(resolved):
    for training in resolved.trainings.values():
        folder = Path("results/trainings", training.folder)
        write_training(folder, training.parent, train_eval=None)
        log = pd.read_csv(folder / "training_log.csv").assign(train_eval_loss="", val_loss="", val_top1="")
        log.to_csv(folder / "training_log.csv", index=False)
    collect(resolved, HOME)
    drawn = figure()
    words = [text.get_text() for text in drawn.legends[0].texts]
    assert words[:2] == ["train, as trained (augmented)", "chosen epoch of a seed"]
    rings = lines(column(drawn, "vanilla")[0], "None")
    assert rings == [([1, 1], [0.5, 0.5])]  # on the only curve there is


def test_holes_are_counted_and_marked(resolved):
    of = {(run.ablation, run.seed): run.trainings[-1] for run in resolved.runs}
    for missing in (of["vanilla", 1], of["two_stage", 0], of["two_stage", 1]):
        Path("results/trainings", missing, "training.json").unlink()
    collect_partial(resolved, HOME)
    drawn = figure(HOME / "partial")
    titles = [axis.get_title() for axis in drawn.axes if axis.get_title()]
    assert titles == ["vanilla\n1 of 2 seeds", "+ Mixup\n2 seeds", "two_stage\n0 of 2 seeds"]
    assert [text.get_text() for text in column(drawn, "two_stage")[0].texts] == ["no finished training"]


@pytest.mark.slow
def test_nothing_finished_is_a_figure_too(resolved):
    for training in resolved.trainings:
        Path("results/trainings", training, "training.json").unlink()
    collect_partial(resolved, HOME)
    text = (HOME / "partial" / "figures" / "training_curves.svg").read_text()
    assert text.count("no finished training") == 6
    assert "0 of 2 seeds" in text


def with_grid(*blocks: dict) -> study.Study:
    """The known study with another grid; trainings that it did not have are written."""
    tree = files.read_json("study.yaml")
    tree["grid"] = [tree["grid"][0] | block for block in blocks]
    tree["ladders"] = {}
    files.write_json("study.yaml", tree)
    found = study.load("study.yaml")
    for training in found.trainings.values():
        if not Path("results/trainings", training.folder).exists():
            write_training(Path("results/trainings", training.folder), training.parent)
    return found


@pytest.mark.slow
def test_trainings_at_several_ratios_are_columns_of_their_own(resolved):
    several = with_grid(
        {"ablations": ["vanilla"], "ratios": [0.5, 1.0], "seeds": [0]},
        {"ablations": ["vanilla"], "train_ratio": "random", "ratios": [0.5, 1.0], "seeds": [0]},
        {"ablations": ["vanilla"], "train_ratio": "full", "ratios": [0.5], "seeds": [0]},
    )
    collect_partial(several, HOME)
    drawn = figure(HOME / "partial")
    titles = [axis.get_title().replace("\u00a0", " ") for axis in drawn.axes if axis.get_title()]
    # the training on whole videos is that of ratio 1.0
    assert titles == ["vanilla, ratio 0.5\n1 seed", "vanilla, whole videos\n1 seed", "vanilla, random ratios\n1 seed"]
    assert "thin: one seed" not in str([text.get_text() for text in drawn.legends[0].texts])


@pytest.mark.slow
def test_an_ablation_has_one_colour_in_both_figures(resolved):
    several = with_grid(
        {"ablations": ["vanilla", "mixup"], "seeds": [0]},
        {"ablations": ["mixup"], "train_ratio": "random", "ratios": [0.5, 1.0], "seeds": [0]},
        {"ablations": ["mixup"], "train_ratio": "full", "ratios": [0.5, 1.0], "seeds": [0]},
    )
    collect_partial(several, HOME)
    by_ratio = (
        drawing.read(HOME / "partial" / "figures" / "accuracy_against_ratio.csv")
        .set_index("train_ratio")
        .colour.to_dict()
    )
    vanilla, mixup = HUES[:2]
    assert by_ratio["full"] == mixup  # its first curve, random comes after
    assert by_ratio["random"] not in (vanilla, mixup)
    drawn = figure(HOME / "partial")
    for title, colour in (("vanilla", vanilla), ("+ Mixup, whole", mixup), ("+ Mixup, random", by_ratio["random"])):
        axis = next(a for a in drawn.axes if a.get_title().replace("\u00a0", " ").startswith(title))
        assert {line.get_color() for line in axis.lines if line.get_linestyle() in ("-", "None")} == {colour}


def test_too_many_columns_are_cut_and_counted(resolved, monkeypatch):
    monkeypatch.setattr(curves, "MOST_COLUMNS", 2)
    collect(resolved, HOME)
    drawn = figure()
    assert drawn.get_suptitle() == "the first 2 of 3 columns; training_curves.csv holds all"
    assert len([axis for axis in drawn.axes if axis.get_title()]) == 2


@pytest.mark.slow
def test_figures_are_drawn_the_same_twice(resolved):
    collect(resolved, HOME)
    drawn = []
    for _ in range(2):
        draw_figures(HOME, {"dpi": 60})
        drawn.append({path.name: path.read_bytes() for path in (HOME / "figures").iterdir()})
    assert drawn[0] == drawn[1]
    assert {"training_curves.svg", "accuracy_against_ratio.png", "confusion.svg", "per_class_gain.csv"} <= set(drawn[0])
    assert b"continues" in drawn[0]["training_curves.svg"]
