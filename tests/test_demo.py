"""The demo study with one ablation and one seed: what it must show, on real videos, through the real snakemake."""

import json
import shutil
import subprocess

import pandas as pd
import pytest

from conftest import REPOSITORY, Workplace

pytestmark = pytest.mark.slow


def test_the_demo_learns_and_needs_to_see_the_video(tmp_path):
    shutil.copy(REPOSITORY / "config.yaml", tmp_path / "config.yaml")
    workplace = Workplace(tmp_path, {})
    only = ["grid.0.ablations=[consistent]", "ladders.recipe=[consistent]", "grid.*.seeds=[0]"]
    only += ["grid.*.train_ratio=full", "grid.0.train_ratio=matched", "grid.1.ratios=[0.1, 1.0]", "grid.2.ratios=[1.0]"]
    command = [*workplace.command(cores=2)[:-1], f"set={json.dumps(only)}"]
    environment = {
        k: v for k, v in workplace.full_environment().items() if k not in ("PARTWAY_THREADS", "PARTWAY_WORKERS")
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(workplace.results("trainings/*/training.json")) == 1
    table = pd.read_csv(workplace.results("demo/tables/recipe.csv")[0])
    chance = 1 / 10
    assert table.test_low[0] > 2 * chance
    runs = pd.read_csv(workplace.results("demo/runs.csv")[0])
    curve = runs[runs.train_ratio == "full"].set_index("observation_ratio")
    assert curve.test_videos[0.1] == curve.test_videos[1.0]
    assert curve.test_top1[1.0] > curve.test_top1[0.1]
    page = workplace.results("demo/report.html")[0].read_text()
    assert "+ Consistent augmentation" in page
    assert 200_000 < len(page) < 2_000_000  # with all ten classes in pictures
