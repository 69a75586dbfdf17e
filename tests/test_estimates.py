"""accuracies.csv and curves.csv: what the answers of all seeds say together."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from known import HOME, RIGHT, VIDEOS, known_study, write_known
from partway import files
from partway.errors import DataError
from partway.results import stats
from partway.results.collect import collect, collect_partial
from partway.results.estimates import ACCURACY_COLUMNS, CURVE_COLUMNS, accuracy_rows, curve_rows
from partway.results.outcomes import Outcomes

TEXT = dict.fromkeys(("train_ratio", "ratios"), str)


class Answers:
    """Outcomes by evaluation, with how often each was asked for."""

    def __init__(self, correct: dict[str, np.ndarray], ids: dict[str, list[str]] | None = None):
        self.correct, self.ids, self.asked = correct, ids or {}, []

    def read(self, evaluation: str) -> Outcomes:
        self.asked.append(evaluation)
        correct_N = self.correct[evaluation]
        ids = np.array(self.ids.get(evaluation, [f"v{n}" for n in range(len(correct_N))]), dtype=object)
        zeros_N = np.zeros(len(correct_N), dtype=np.int32)
        return Outcomes(ids, zeros_N, (~correct_N).astype(np.int32), np.ones(len(correct_N)), ["bow", "wave"])


def run(seed: int, ratio: float, **changes) -> dict:
    """A complete run of one line."""
    axes = {"dataset": "d", "model": "m", "ablation": "a", "train_ratio": "full", "train_fraction": 1.0}
    axes |= {"observation_ratio": ratio, "window": "prefix", "seed": seed, "status": "complete", "scored_on": "test"}
    return axes | {"evaluation": f"e{seed}-{ratio}", "validation": f"v{seed}-{ratio}"} | changes


@pytest.fixture
def answers() -> Answers:
    rng = np.random.default_rng(0)
    wanted = product("ev", range(3), (0.5, 1.0))
    return Answers({f"{kind}{seed}-{ratio}": rng.random(40) < 0.4 + 0.4 * ratio for kind, seed, ratio in wanted})


def test_collect_writes_the_accuracy_of_each_setting(resolved):
    collect(resolved, HOME)
    table = pd.read_csv(HOME / "accuracies.csv", dtype=TEXT)
    assert table.columns.tolist() == ACCURACY_COLUMNS
    assert len(table) == len({tuple(v for k, v in run.cell.items() if k != "seed") for run in resolved.runs})
    row = table[(table.ablation == "vanilla") & (table.observation_ratio == 1)].iloc[0]
    first, second = (len(RIGHT["vanilla", seed]) / VIDEOS for seed in (0, 1))
    wilson = stats.accuracy_interval((first + second) / 2, VIDEOS)
    assert (row.top1, row.low, row.high) == pytest.approx((wilson.value, wilson.low, wilson.high))
    assert row.top1_std == pytest.approx(np.std([first, second], ddof=1))
    assert (row.seeds, row.seeds_of_grid, row.videos, row.covers) == (2, 2, VIDEOS, "videos")


def test_three_seeds_cover_seeds_and_videos(answers):
    (row,) = accuracy_rows([run(seed, 1.0) for seed in range(3)], answers)
    found = stats.accuracy(np.stack([answers.correct[f"e{seed}-1.0"] for seed in range(3)]))
    assert (row["top1"], row["low"], row["high"]) == (found.value, found.low, found.high)
    assert (row["seeds"], row["covers"]) == (3, "seeds and videos")


def test_a_setting_without_a_complete_run_only_says_so(answers):
    broken = [run(seed, 1.0, status="missing") for seed in range(2)]
    (row,) = accuracy_rows(broken, answers)
    assert (row["seeds"], row["seeds_of_grid"]) == (0, 2)
    assert "top1" not in row
    assert not answers.asked


def test_the_mean_is_over_the_complete_seeds(resolved):
    lost = next(
        run for run in resolved.runs if run.ablation == "vanilla" and run.seed == 1 and run.observation_ratio == 1
    )
    (Path("results/evaluations") / lost.evaluation / "metrics.json").unlink()
    collect_partial(resolved, HOME)
    table = pd.read_csv(HOME / "partial" / "accuracies.csv", dtype=TEXT)
    row = table[(table.ablation == "vanilla") & (table.observation_ratio == 1)].iloc[0]
    assert (row.seeds, row.seeds_of_grid) == (1, 2)
    assert row.top1 == pytest.approx(len(RIGHT["vanilla", 0]) / VIDEOS)
    assert np.isnan(row.top1_std)


def test_unlabelled_test_videos_are_scored_on_validation(answers):
    (row,) = accuracy_rows([run(0, 1.0, scored_on="validation")], answers)
    assert answers.asked == ["v0-1.0"]
    assert row["scored_on"] == "validation"


def test_collect_writes_a_row_for_each_line(resolved):
    collect(resolved, HOME)
    (row,) = pd.read_csv(HOME / "curves.csv", dtype=TEXT).to_dict("records")
    assert list(row) == CURVE_COLUMNS
    ends = [5 / VIDEOS, len(RIGHT["vanilla", 0]) / VIDEOS]  # at 0.5 and 1, of the one seed
    assert row["area"] == pytest.approx(sum(ends) / 2)
    assert row["sufficient_ratio"] == row["sufficient_high"] == row["of_ratio"] == 1
    assert (row["share"], row["seeds"], row["ratios"], row["covers"]) == (0.9, 1, "0.5 1", "videos")


def test_a_line_is_over_the_seeds_that_are_complete_at_all_of_its_ratios(answers):
    runs = [run(seed, ratio) for seed in range(3) for ratio in (1.0, 0.5)]
    runs[0] |= {"status": "missing"}
    (row,) = curve_rows(runs, answers)
    correct_RSN = np.stack([[answers.correct[f"e{seed}-{ratio}"] for seed in (1, 2)] for ratio in (0.5, 1.0)])
    found = stats.area(correct_RSN, [0.5, 1.0])
    assert (row["seeds"], row["ratios"]) == (2, "0.5 1")
    assert (row["area"], row["area_low"], row["area_high"]) == (found.value, found.low, found.high)


@pytest.mark.parametrize("ratios", [(1.0,), (0.5, 1.0)])
def test_there_is_no_line_of_one_ratio_or_without_a_whole_seed(answers, ratios):
    runs = [run(0, ratio, status="missing" if len(ratios) > 1 and ratio == 0.5 else "complete") for ratio in ratios]
    assert list(curve_rows(runs, answers)) == []


def test_seeds_that_answered_other_videos_are_refused(answers):
    answers.ids["e1-1.0"] = [f"other{n}" for n in range(40)]
    with pytest.raises(DataError, match="answered other videos"):
        list(accuracy_rows([run(0, 1.0), run(1, 1.0)], answers))


def test_a_study_without_lines_has_an_empty_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = known_study()
    tree["grid"] = tree["grid"][:1]  # the second has two ratios
    collect(write_known(tree), HOME)
    assert files.read_csv(HOME / "curves.csv") == []
