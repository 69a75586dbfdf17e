"""The demo study with one ablation and one seed: what it must show, on real videos, through the real snakemake."""

import json
import shutil

import pandas as pd
import pytest

from conftest import REPOSITORY, Workplace

pytestmark = pytest.mark.slow


def test_the_demo_learns_to_see_time_and_needs_to_see_the_video(tmp_path, monkeypatch):
    shutil.copy(REPOSITORY / "config.yaml", tmp_path / "config.yaml")
    workplace = Workplace(tmp_path, {})
    only = ["grid.0.ablations=[consistent]", "ladders.recipe.rows=[consistent]", "grid.*.seeds=[0]"]
    only += [
        "grid.2.ratios=[0.1, 1.0]",
        "grid.3.ablations=[consistent]",
        "grid.3.train_ratio=full",
        "grid.3.ratios=[1.0]",
    ]
    command = [*workplace.command(cores=2)[:-1], f"set={json.dumps(only)}"]
    for name in ("PARTWAY_THREADS", "PARTWAY_WORKERS"):
        monkeypatch.delenv(name)
    code, output = workplace.called(command)
    assert code == 0, output[-3000:]
    assert len(workplace.results("trainings/*/training.json")) == 2
    table = pd.read_csv(workplace.results("demo/tables/time.csv")[0]).set_index("model")
    assert table.test_low["frames"] > 1 / 2  # a pair is told by its floor: half of the videos without any movement
    assert table.difference_to_previous_low["videomae"] > 0
    pairs = pd.read_csv(workplace.results("demo/pairs.csv")[0])
    whole = pairs[(pairs.observation_ratio == 1) & (pairs.train_ratio == "matched") & (pairs.differs_in == "order")]
    right = (whole.right_videos / whole.decided_videos).set_axis(whole.model)
    assert right["frames"] < 0.75 < right["videomae"]
    runs = pd.read_csv(workplace.results("demo/runs.csv")[0])
    curve = runs[runs.train_ratio == "full"].set_index("observation_ratio")
    ceiling = pd.read_csv(workplace.results("demo/ceiling.csv")[0]).set_index("observation_ratio").ceiling
    assert curve.test_top1[1.0] > curve.test_top1[0.1]
    deviation = (0.25 * curve.test_videos[0.1]) ** 0.5 / curve.test_videos[0.1]  # of guessing one of two
    assert curve.test_top1[0.1] < ceiling[0.1] + 4 * deviation
    leaks = pd.read_csv(workplace.results("demo/leaks.csv")[0])
    assert set(leaks.split) == {"test", "validation"}
    assert leaks.p_value.min() > 1e-4
    page = workplace.results("demo/report.html")[0].read_text()
    assert "+ Consistent augmentation" in page
    assert 200_000 < len(page) < 2_000_000  # with all six classes in pictures
