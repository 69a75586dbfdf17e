"""The verdict in words, on small tables whose numbers are worked out by hand."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from known import HOME
from partway import files
from partway.results import stats
from partway.results.collect import collect, collect_partial
from partway.results.collect.honesty import CEILING_COLUMNS, LEAK_COLUMNS, PAIR_COLUMNS
from partway.results.collect.run_rows import RUN_COLUMNS
from partway.results.estimates import CURVE_COLUMNS, SETTING
from partway.results.tables import CONDITIONS, write_tables
from partway.results.verdict import write_verdict

CELL = {"dataset": "mime", "model": "vit", "train_ratio": "matched", "train_fraction": 1, "window": "prefix"}
LABELS = {"vanilla": "Vanilla", "crop": "+ Crop", "mixup": "+ Mixup", "views": "+ Views"}


def run(ablation: str, top1: float | None, ratio: float = 1, seed: int = 0, **cell) -> dict:
    """One row of runs.csv; without a score it is missing."""
    row = CELL | {"ablation": ablation, "observation_ratio": ratio, "seed": seed, "status": "missing"}
    row |= {"scored_on": "test"} | cell
    return row if top1 is None else row | {"status": "complete", "test_top1": top1, "test_videos": 160, "classes": 4}


def row(ablation: str, top1: float | None, step: tuple | None = None, way: tuple | None = None, **more) -> dict:
    """One row of a ladder's CSV: 160 videos, one seed, an interval of 6 points on both sides.

    `step` and `way`, its differences to the rows before and to the first, are value, low, high and the adjusted p value.
    """
    found = {name: CELL.get(name) for name in CONDITIONS} | {"observation_ratio": 1, "model": "vit"}
    found |= {"ablation": ablation, "label": LABELS[ablation], "test_top1": top1, "test_videos": None}
    found |= {"test_low": None, "test_high": None, "test_top1_std": None, "seeds": 0, "seeds_of_grid": 1}
    found |= {"scored_on": "test", "test_covers": None}
    if top1 is not None:
        found |= {"test_low": top1 - 0.06, "test_high": top1 + 0.06, "test_videos": 160, "seeds": 1}
        found |= {"test_covers": "videos"}
    for to, difference in (("previous", step), ("first", way)):
        ends = zip(("", "_low", "_high", "_p_holm"), difference or (None,) * 4, strict=True)
        found |= {f"difference_to_{to}{end}": value for end, value in ends}
        about = {"covers": "videos", "test": "exact McNemar", "detectable": 0.051, "seeds": 1, "p": 0.01}
        found |= {f"difference_to_{to}_{name}": value if difference else None for name, value in about.items()}
    return found | more


def accuracies(runs: list[dict]) -> list[dict]:
    """Rows of accuracies.csv over the seeds of each setting that are complete."""
    settings: dict[tuple, list[dict]] = defaultdict(list)
    for each in runs:
        settings[tuple(each[axis] for axis in SETTING)].append(each)
    rows = []
    for axes, of_setting in settings.items():
        if done := [each for each in of_setting if each["status"] == "complete"]:
            top1 = [each["test_top1"] for each in done]
            found = stats.accuracy_interval(float(np.mean(top1)), 160)
            of = dict(zip(SETTING, axes, strict=True)) | {"seeds": len(done), "seeds_of_grid": len(of_setting)}
            of |= {"top1": found.value, "top1_std": stats.spread(top1), "low": found.low, "high": found.high}
            rows.append(of | {"scored_on": "test", "videos": 160, "covers": "videos"})
    return rows


def verdict(
    tmp_path: Path, runs: list[dict], tables: dict[str, list[dict]], decimals: int = 1, curves: tuple = (), **lock
) -> str:
    """Write the files of a collected study and read what is said about it."""
    files.write_csv(tmp_path / "runs.csv", runs, RUN_COLUMNS)
    ladders = {
        name: {"rows": [{"ablation": r["ablation"], "model": None} for r in table]} for name, table in tables.items()
    }
    labels = {name: {"label": label, "note": None} for name, label in LABELS.items()}
    lock = {"name": "known", "question": None, "ladders": ladders, "labels": labels} | lock
    lock = {
        "datasets": {"mime": {"spec": {"layout": "mime"}}},
        "trainings": {"t": {"dataset": "mime", "spec": {}}},
        "runs": runs,
    } | lock
    files.write_json(tmp_path / "study.lock.json", lock)
    files.write_json(tmp_path / "summary.json", {"datasets": {}})
    files.write_csv(tmp_path / "accuracies.csv", accuracies(runs), list(accuracies([run("vanilla", 0)])[0]))
    files.write_csv(tmp_path / "curves.csv", curves, CURVE_COLUMNS)
    files.write_csv(tmp_path / "ceiling.csv", [], CEILING_COLUMNS)
    files.write_csv(tmp_path / "leaks.csv", [], LEAK_COLUMNS)
    files.write_csv(tmp_path / "pairs.csv", [], PAIR_COLUMNS)
    for name, table in tables.items():
        files.write_csv(tmp_path / "tables" / f"{name}.csv", table, list(table[0]))
    write_verdict(tmp_path, {"decimals": decimals})
    return (tmp_path / "verdict.md").read_text()


GAIN, LOSS, NOTHING = (0.05, 0.0125, 0.0875, 0.03), (-0.08125, -0.135, -0.026, 0.0004), (0.01875, -0.033, 0.07, 0.9)


def test_gain_loss_and_no_effect(tmp_path):
    names = ["vanilla", "crop", "mixup", "views"]
    table = [
        row("vanilla", 0.7),
        row("crop", 0.75, GAIN, GAIN),
        row("mixup", 0.76875, NOTHING, (0.06875, 0.01, 0.1275, 0.05)),
        row("views", 0.6875, LOSS, (-0.0125, -0.08, 0.055, 0.9)),
    ]
    text = verdict(tmp_path, [run(name, 0.7) for name in names], {"recipe": table}, question="Which helps?")
    assert (
        "# known: what was found, and how sure\n\nWhich helps?\n\n## recipe: mime, trained and tested on whole" in text
    )
    assert (
        "“+ Mixup” is the best of 4 rows: it recognises 76.9 % of the 160 test videos (95 % interval 70.9 to 82.9 %, "
        "videos only), with one seed. Guessing would get 25.0 %." in text
    )
    by = "McNemar's exact test on the videos that only one of the two gets right"
    assert (
        "Each row against the row above it, on the same videos, with 95 % intervals that cover the videos only:" in text
    )
    assert (
        "- “+ Crop” raises accuracy by 5.0 points (1.2 to 8.8): more than the luck of the test videos, which alone would "
        f"show as much in about 1 of 33 such tables (p = 0.030, {by})." in text
    )
    assert "- “+ Views” lowers accuracy by 8.1 points (2.6 to 13.5): more than the luck" in text
    assert f"in fewer than 1 of 1,000 such tables (p < 0.001, {by})." in text
    assert (
        "- “+ Mixup” (+1.9 points, -3.3 to +7.0) cannot be told from no effect at all: with these 160 test videos, true "
        "differences below 5.1 points would not have shown reliably (80 % power)." in text
    )
    assert "The whole way from “Vanilla” to “+ Mixup” raises accuracy by 6.9 points (1.0 to 12.8): more than" in text
    assert "5 differences were held against 0" in text  # three steps, and the first row against the last two
    assert (
        "at most 5 % of such tables would call any difference more than luck. Where seeds are not covered, what they did"
        in text
    )
    assert "Everything was trained with one seed, so how much another seed would change is not known." in text
    assert "The best row was found on these very test videos" in text
    assert "missing" not in text
    assert "How much of a video" not in text  # one ratio is no curve


def test_what_is_clear_alone_but_not_among_many_is_not_called_clear(tmp_path):
    alone = (0.05, 0.01, 0.1, 0.08)
    table = [row("vanilla", 0.7), row("crop", 0.75, alone, alone), row("mixup", 0.74, NOTHING, NOTHING)]
    text = verdict(tmp_path, [run("vanilla", 0.7), run("crop", 0.75), run("mixup", 0.74)], {"recipe": table})
    assert "“+ Crop” (+5.0 points, +1.0 to +10.0) and “+ Mixup” (+1.9 points, -3.3 to +7.0) cannot be told" in text
    assert "- The interval of “+ Crop” leaves 0 out, but among 3 differences that may well be luck." in text
    assert "raises" not in text


def test_three_seeds_cover_seeds_too(tmp_path):
    several = {"seeds": 3, "seeds_of_grid": 3, "test_covers": "seeds and videos"}
    crossed = {f"difference_to_{to}_covers": "seeds and videos" for to in ("previous", "first")}
    crossed |= {f"difference_to_{to}_test": "crossed seeds x videos" for to in ("previous", "first")}
    crossed |= {f"difference_to_{to}_seeds": 3 for to in ("previous", "first")}
    table = [row("vanilla", 0.7, **several), row("crop", 0.75, GAIN, GAIN, **several, **crossed)]
    table.append(row("mixup", 0.74, NOTHING, NOTHING, **several, **crossed))
    runs = [run(name, top1, seed=seed) for name, top1 in (("vanilla", 0.7), ("crop", 0.75)) for seed in range(3)]
    text = verdict(tmp_path, runs, {"recipe": table})
    assert "(95 % interval 69.0 to 81.0 %, seeds and videos), the mean of 3 seeds" in text
    assert "with 95 % intervals that cover seeds and videos:" in text
    assert (
        "more than the luck of seeds and test videos, which alone would show as much in about 1 of 33 such tables "
        "(p = 0.030, paired test over seeds and videos)." in text
    )
    assert "with 3 seeds and these 160 test videos, true differences below 5.1 points would not have shown" in text
    assert "Intervals and tests cover the choice of seeds and of test videos." in text
    fewer = verdict(tmp_path, runs[1:], {"recipe": table})
    assert "; for 1 setting with fewer than three seeds, that of the videos only." in fewer
    assert "very trainings" not in text + fewer


def test_below_three_seeds_what_is_more_than_luck_is_of_these_trainings(tmp_path):
    """Also where both rows have three seeds, but not the same."""
    several = {"seeds": 3, "seeds_of_grid": 4, "test_covers": "seeds and videos"}
    shared = {f"difference_to_{to}_seeds": 2 for to in ("previous", "first")}
    table = [row("vanilla", 0.7, **several), row("crop", 0.75, GAIN, GAIN, **several, **shared)]
    runs = [run("vanilla", 0.7, seed=seed) for seed in (0, 1, 2)] + [run("crop", 0.75, seed=seed) for seed in (1, 2, 3)]
    text = verdict(tmp_path, runs, {"recipe": table})
    assert "“+ Crop” raises accuracy by 5.0 points (1.2 to 8.8), over the 2 seeds that both have: more than" in text
    assert "of seeds and of test videos; for differences over fewer than three, that of the videos only. " in text
    assert "luck is a difference between these very trainings, and other seeds may not show it." in text
    single = verdict(tmp_path, runs[2:4], {"recipe": [row("vanilla", 0.7), row("crop", 0.75, GAIN, GAIN)]})
    assert "What is called more than luck is a difference between these very trainings, and other seeds" in single


def test_coverage_of_steps_that_differ_in_it_is_told(tmp_path):
    crossed = {"difference_to_previous_covers": "seeds and videos"}
    table = [row("vanilla", 0.7), row("crop", 0.75, GAIN, GAIN), row("mixup", 0.76, GAIN, GAIN, **crossed)]
    text = verdict(tmp_path, [run(name, 0.7) for name in ("vanilla", "crop", "mixup")], {"recipe": table})
    assert "intervals that cover seeds and videos, or the videos only where fewer than three seeds are in" in text


def test_one_difference_whose_interval_and_exact_test_disagree(tmp_path):
    near = {f"difference_to_{to}_p": 0.07 for to in ("previous", "first")}
    table = [row("vanilla", 0.7), row("crop", 0.75, (0.05, 0.002, 0.1, 0.07), (0.05, 0.002, 0.1, 0.07), **near)]
    text = verdict(tmp_path, [run("vanilla", 0.7), run("crop", 0.75)], {"recipe": table})
    assert "- The interval of “+ Crop” leaves 0 out by a little, but the exact test, which is the more careful" in text
    assert "among 1" not in text


def test_one_step_is_spoken_of_once(tmp_path):
    table = [row("vanilla", 0.7), row("crop", 0.75, (0.05, 0.0, 0.1, 0.06), (0.05, 0.0, 0.1, 0.06))]
    text = verdict(tmp_path, [run("vanilla", 0.7), run("crop", 0.75)], {"recipe": table})
    assert "“+ Crop” (+5.0 points, 0.0 to +10.0) cannot be told from no effect at all" in text
    assert "whole way" not in text  # there is one step, and it was spoken of
    assert "differences were held" not in text


def test_seeds_are_counted_and_their_spread_is_said(tmp_path):
    table = [row("vanilla", 0.7, seeds=2, seeds_of_grid=2), row("crop", 0.6, LOSS, LOSS, seeds=2, seeds_of_grid=3)]
    runs = [run("vanilla", 0.68), run("vanilla", 0.72, seed=1), run("crop", 0.6), run("crop", 0.6, seed=1)]
    text = verdict(tmp_path, [*runs, run("crop", None, seed=2)], {"recipe": table}, decimals=2)
    assert "“Vanilla” is the best of 2 rows: it recognises 70.00 %" in text
    assert "the mean of 2 seeds. Guessing" in text
    # 0.68 and 0.72: deviations of 0.02 from 0.7, squares sum to 0.0008, over n - 1 = 1
    assert f"varied by up to {100 * np.sqrt(0.0008):.2f} points (standard deviation)." in text
    assert "1 of 5 runs is missing: nothing is said about\n\n- + Crop, train_ratio matched, ratio 1, seed 2" in text


def test_holes_are_named_and_nothing_is_said_about_them(tmp_path):
    table = [row("vanilla", 0.7), row("crop", None), row("mixup", 0.8, None, GAIN)]
    runs = [run("vanilla", 0.7), run("mixup", 0.8), *(run("crop", None, seed=seed) for seed in (0, 1))]
    text = verdict(tmp_path, runs, {"recipe": table})
    assert "“+ Mixup” is the best of 2 rows (of 3 in the table)" in text
    assert "Nothing can be said about “+ Crop” and “+ Mixup”: a run of it, or of the row above, is missing." in text
    assert "The whole way from “Vanilla” to “+ Mixup” raises accuracy by 5.0 points" in text
    assert (
        "2 of 4 runs are missing: nothing is said about\n\n- + Crop, train_ratio matched, ratio 1, seeds 0 and 1"
        in text
    )


def test_missing_runs_of_several_models_name_theirs(tmp_path):
    runs = [run("vanilla", 0.7), run("crop", None, model="mae")]
    assert "- mae, + Crop, train_ratio matched, ratio 1, seed 0" in verdict(tmp_path, runs, {})


def test_a_table_without_any_result_says_so(tmp_path):
    text = verdict(
        tmp_path, [run("vanilla", None), run("crop", None)], {"recipe": [row("vanilla", None), row("crop", None)]}
    )
    assert "No run of this table is complete, so nothing can be said." in text
    assert "2 of 2 runs are missing" in text
    assert "No run is complete." in text


def test_equals_and_what_is_no_better_than_guessing(tmp_path):
    table = [row("vanilla", 0.3), row("crop", 0.3, (0.0, -0.03, 0.03, 1.0), (0.0, -0.03, 0.03, 1.0))]
    text = verdict(tmp_path, [run("vanilla", 0.3), run("crop", 0.3)], {"recipe": table})
    assert "; “+ Crop” did as well. Guessing would get 25.0 %, which the interval does not exclude" in text
    assert "(0.0 points, -3.0 to +3.0) cannot be told" in text


def test_the_curve_says_what_share_of_the_video_it_takes(tmp_path):
    points = {0.1: 0.25, 0.3: 0.5, 0.5: 0.73, 0.7: 0.7, 1.0: 0.8}
    runs = [run("vanilla", top1, ratio, train_ratio="full") for ratio, top1 in points.items()]
    line = {"seeds": 1, "ratios": "0.1 0.3 0.5 0.7 1", "area": 0.61234, "area_low": 0.55, "area_high": 0.67}
    line |= {"covers": "videos", "sufficient_ratio": 0.5, "sufficient_low": 0.5, "sufficient_high": 1, "share": 0.9}
    text = verdict(
        tmp_path, runs, {}, curves=(CELL | {"train_ratio": "full", "ablation": "vanilla", "of_ratio": 1} | line,)
    )
    # Wilson for 40 of 160: centre (0.25 + 1.92073 / 160) / (1 + 3.84146 / 160) = 0.25586, half width 0.06638
    assert (
        "“Vanilla, trained on whole videos” recognises 25.0 % of the 160 test videos at observation ratio 0.1" in text
    )
    assert (
        "(95 % interval 18.9 to 32.2 %, videos only) and 80.0 % where they are seen whole (95 % interval 73.1" in text
    )
    assert "is 61.2 % on average, the area under the curve (95 % interval 55.0 to 67.0 %, videos only)." in text
    # 90 % of 0.8 is 0.72: 0.5 reaches it, 0.7 does not
    assert (
        "reaches 90 % of its full-video accuracy at ratio 0.5 (95 % interval 0.5 to 1, videos only), and falls below it "
        "again at 0.7." in text
    )
    assert "At 0.1 it cannot be told from guessing (25.0 %)." in text
    assert "This study has no ladder, so no ingredient was compared with another." in text
    assert "The best row" not in text


def test_a_line_may_have_more_seeds_at_some_ratios(tmp_path):
    """Three seeds of whole videos, one of the rest: the area is of the one, and nothing is mixed with the three."""
    runs = [run("vanilla", 0.5, 0.5), run("vanilla", 0.6, 0.7), *(run("vanilla", 0.8, seed=seed) for seed in range(3))]
    line = {"seeds": 1, "ratios": "0.5 0.7 1", "area": 0.6, "area_low": 0.5, "area_high": 0.7, "covers": "videos"}
    line |= {"sufficient_ratio": 0.5, "sufficient_low": 0.5, "sufficient_high": 1, "share": 0.9, "of_ratio": 1}
    text = verdict(tmp_path, runs, {}, curves=(CELL | {"ablation": "vanilla"} | line,))
    assert (
        "videos only), the means of 1 to 3 seeds. Over all these ratios, of the 1 seed that all of them have," in text
    )
    assert "at ratio 0.5 (95 % interval 0.5 to 1, videos only)." in text
    assert "falls below" not in text


def test_nine_tenths_that_rounding_makes_less_do_not_fall_below(tmp_path):
    runs = [run("vanilla", 0.72, 0.5), run("vanilla", 0.72, 0.7), run("vanilla", 0.8)]
    line = {"seeds": 1, "ratios": "0.5 0.7 1", "area": 0.7, "area_low": 0.6, "area_high": 0.8, "covers": "videos"}
    line |= {"sufficient_ratio": 0.5, "sufficient_low": 0.5, "sufficient_high": 1, "share": 0.9, "of_ratio": 1}
    assert 0.9 * 0.8 > 0.72
    assert "falls below" not in verdict(tmp_path, runs, {}, curves=(CELL | {"ablation": "vanilla"} | line,))


def test_a_curve_without_whole_videos_says_of_what_its_share_is(tmp_path):
    line = {"seeds": 1, "ratios": "0.3 0.7", "area": 0.65, "area_low": 0.6, "area_high": 0.7, "covers": "videos"}
    line |= {"sufficient_ratio": 0.7, "sufficient_low": 0.7, "sufficient_high": 0.7, "share": 0.9, "of_ratio": 0.7}
    runs = [run("vanilla", 0.5, 0.3), run("vanilla", 0.8, 0.7)]
    text = verdict(tmp_path, runs, {}, curves=(CELL | {"ablation": "vanilla"} | line,))
    assert "and 80.0 % at observation ratio 0.7 (95 % interval" in text
    assert (
        "90 % of its accuracy at ratio 0.7, the largest that was run, only there (95 % interval: no other of these ratios, "
        "videos only)." in text
    )


def test_of_a_curve_with_a_hole_no_share_is_said(tmp_path):
    runs = [run("vanilla", 0.5, 0.3), run("vanilla", None, 0.5), run("vanilla", 0.8, 0.7)]
    text = verdict(tmp_path, runs, {})
    assert "and 80.0 % at observation ratio 0.7 (95 % interval" in text
    assert "reaches" not in text
    assert "Ratio 0.5 is missing, so nothing is said of the whole line." in text


def test_one_ratio_is_no_curve(tmp_path):
    text = verdict(tmp_path, [run("vanilla", 0.8)], {})
    assert (
        "“Vanilla, trained on matched ratios” recognises 80.0 % of the 160 test videos where they are seen whole"
        in text
    )
    assert "reaches" not in text


def test_models_are_named_where_there_are_several(tmp_path):
    table = [row("vanilla", 0.7, model="mae"), row("crop", 0.75, GAIN, GAIN)]
    text = verdict(tmp_path, [run("vanilla", 0.7, model="mae"), run("crop", 0.75)], {"road": table})
    assert "“+ Crop (vit)” is the best of 2 rows" in text
    alone = verdict(tmp_path, [run("vanilla", 0.7, model="mae"), run("vanilla", 0.7)], {"road": [row("vanilla", 0.7)]})
    assert "## road: mime, vit, trained and tested on whole videos\n\n“Vanilla” recognises 70.0 %" in alone


@pytest.mark.parametrize("decimals", [0, 2])
def test_decimals_are_those_of_the_tables(tmp_path, decimals):
    text = verdict(tmp_path, [run("vanilla", 0.7)], {"one": [row("vanilla", 0.70126)]}, decimals=decimals)
    assert f"recognises {'70' if decimals == 0 else '70.13'} % of the" in text


@pytest.mark.slow
def test_the_verdict_agrees_with_the_table_it_was_written_from(resolved):
    collect(resolved, HOME)
    write_tables(HOME, {"decimals": 1})
    write_verdict(HOME, {"decimals": 1})
    text = (HOME / "verdict.md").read_text()
    six = pd.read_csv(HOME / "tables" / "recipe.csv").iloc[3]
    assert "“six_views” is the best of 4 rows: it recognises 75.0 % of the 20 test videos" in text
    way = f"{100 * six.difference_to_first:.1f} points ({100 * six.difference_to_first_low:.1f} to"
    assert f"The whole way from “vanilla” to “six_views” raises accuracy by {way}" in text
    run_ = next(run for run in resolved.runs if run.ablation == "mixup" and run.seed == 0)
    Path("results/evaluations", run_.evaluation, "metrics.json").unlink()
    collect_partial(resolved, HOME)
    assert "1 of 10 runs is missing" in (HOME / "partial" / "verdict.md").read_text()


def test_a_split_that_leaks_and_a_window_that_sees_later_content_are_told(tmp_path):
    leaking = {"t": {"dataset": "mime", "spec": {"validation": {"by": "random"}}}}
    runs = [run("vanilla", 0.5), run("vanilla", 0.6, ratio=0.5, window="middle")]
    said = verdict(tmp_path, runs, {}, trainings=leaking)
    assert "The validation videos of mime were drawn one by one (by: random), which leaks" in said
    assert "The middle window sees later content" in said
    none = {"t": {"dataset": "mime", "spec": {"validation": {"by": "random", "fraction": 0}}}}
    quiet = verdict(tmp_path, runs[:1], {}, trainings=none)
    assert "which leaks" not in quiet
    assert "middle" not in quiet


def test_rows_that_differ_in_nothing_but_their_model_are_called_by_it(tmp_path):
    table = [row("vanilla", 0.5, model="frames"), row("vanilla", 0.55, GAIN, model="vit")]
    said = verdict(tmp_path, [run("vanilla", 0.5, model="frames"), run("vanilla", 0.55)], {"time": table})
    assert "- “vit” raises accuracy by 5.0 points" in said
