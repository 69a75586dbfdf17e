"""What models cost: against published figures, in the table of docs/models.md, in training.json, runs.csv and cost.md."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from conftest import REPOSITORY, sweep
from known import resolved  # noqa: F401 (a fixture)
from partway import files
from partway.models import cost, create_model
from partway.results import costs
from partway.results.collect import collect
from partway.schema import ModelOptions
from test_models import clips, tiny

SPEC = importlib.util.spec_from_file_location("models_table", REPOSITORY / "docs" / "models_table.py")
TABLE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(TABLE)
PUBLISHED = [  # family, architecture, frame size, million parameters, GMACs a clip; as in each paper or model zoo
    ("transformers", "videomae", 224, 87, 180),
    ("transformers", "vivit", 224, 88.9, 455.2),
    ("transformers", "timesformer", 224, 121.4, 196),
    ("timm", "vit_small_patch16_224", 224, 22, 16 * 4.6),
    ("timm", "vit_base_patch16_224", 224, 86.6, 16 * 17.6),
    ("pytorchvideo", "slow_r50", 256, 32.45, 54.52),
    ("pytorchvideo", "slowfast_r50", 256, 34.57, 65.71),
    ("pytorchvideo", "x3d_s", 160, 3.79, 1.96),
    ("pytorchvideo", "mvit_base_16x4", 224, 36.61, 70.8),
]
QUICK = [PUBLISHED[0], PUBLISHED[3], PUBLISHED[7]]  # one of each library
TOKENS = {"videomae": 1568, "vivit": 3137, "timesformer": 8 * 196 + 1, "vit_small_patch16_224": 16 * 197}


@pytest.mark.parametrize(("family", "architecture", "size", "millions", "gmacs"), sweep(PUBLISHED, quick=QUICK))
def test_parameters_and_flops_are_the_published_ones(family, architecture, size, millions, gmacs):
    usual = TABLE.measured(family, architecture)
    found = usual if usual["input"][-1] == size else TABLE.measured(family, architecture, size)
    assert found["parameters"] / 1e6 == pytest.approx(millions, rel=0.01)
    assert found["flops_per_clip"] / 2e9 == pytest.approx(gmacs, rel=0.01)
    assert found["tokens"] == TOKENS.get(architecture, found["tokens"])


@pytest.mark.slow
def test_the_table_of_the_docs_is_what_the_code_counts_now():
    page = TABLE.PAGE.read_text(encoding="utf-8")
    assert page == TABLE.filled(page), "docs/models.md is older than the code: python docs/models_table.py"


@pytest.mark.parametrize(
    ("family", "architecture"), [("transformers", "videomae"), ("timm", "test_resnet"), ("pytorchvideo", "x3d_s")]
)
def test_counting_leaves_a_model_as_it_was(family, architecture):
    options = tiny(family, architecture)
    model = create_model(family, architecture, options, 5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    found = cost.measure(model, options)
    assert found["flops_per_clip"] > 0
    assert found["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert found["input"] == list(clips(options, 1).shape[1:])
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_flops_by_hand():
    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(2 * 3 * 4 * 4, 5)

        def forward(self, video_BTCHW):
            return self.head(video_BTCHW.flatten(1))

        def first_block(self):
            return None

    found = cost.measure(Linear(), ModelOptions(num_frames=2, frame_size=4))
    assert found == {"parameters": 96 * 5 + 5, "flops_per_clip": 2 * 96 * 5, "tokens": None, "input": [2, 3, 4, 4]}


def test_costs_stand_in_runs_and_in_a_table(resolved):  # noqa: F811
    home = Path("results/known")
    collect(resolved, home)
    runs = pd.read_csv(home / "runs.csv")
    assert set(runs.flops_per_clip) == {2.5e9}
    assert set(runs.input) == {"16x3x224x224"}
    costs.write_costs(home)
    (row,) = files.read_csv(home / "cost.csv")
    assert (row["model"], row["tokens"], row["runs"]) == ("small", "1568", str(len(runs)))
    text = (home / "cost.md").read_text()
    assert "| small   | 16x3x224x224" in text
    assert " 1.00 " in text and " 2.50 " in text and " 1,568 " in text and " 20.0 " in text
    assert costs.HOLE in text  # a CPU has no GPU memory to measure


def test_a_training_of_an_earlier_version_has_holes(resolved):  # noqa: F811
    for record in Path("results/trainings").glob("*/training.json"):
        kept = {name: value for name, value in json.loads(record.read_text()).items() if name != "flops_per_clip"}
        del kept["input"], kept["tokens"], kept["clips_per_sec"], kept["gpu_mem_mb"]
        files.write_json(record, kept)
    home = Path("results/known")
    collect(resolved, home)
    (row,) = costs.cost_table(home)
    assert row["flops_per_clip"] is None and row["parameters"] == 1_000_000
    assert costs.shown_costs(row)["GFLOPs a clip"] == costs.HOLE
