"""Schedules, learning rates by layer, and what is exempt from weight decay: numbers worked out by hand."""

import math
from itertools import pairwise

import pytest
import torch

from conftest import TINY_MODEL
from partway.models import create_model
from partway.models.layers import Layers
from partway.schema import ModelOptions
from partway.schema_training import Training
from partway.training.optim import layer_rates, learning_rate_factor, optimizer_steps, parameter_groups

MODEL = ModelOptions(**{name: value for name, value in TINY_MODEL.items() if name in ModelOptions.model_fields})


def test_cosine_with_warmup_by_hand():
    options = Training(epochs=2, learning_rate=0.1, warmup=0.2, min_learning_rate=0.01)
    factors = [learning_rate_factor(step, 5, options) for step in range(10)]
    assert factors[:3] == [0.5, 1.0, 1.0]  # two steps rise, then the cosine begins at its top
    middle = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 4 / 8))
    assert factors[6] == pytest.approx(middle) == pytest.approx(0.55)
    assert all(later < earlier for earlier, later in pairwise(factors[2:]))
    assert learning_rate_factor(10, 5, options) == pytest.approx(0.1)


def test_constant_rises_and_stays():
    options = Training(epochs=1, warmup=0.5, schedule="constant")
    assert [learning_rate_factor(step, 4, options) for step in range(4)] == [0.5, 1, 1, 1]
    assert learning_rate_factor(0, 4, Training(epochs=1, warmup=0.0, schedule="constant")) == 1


def test_an_incomplete_last_group_steps_too():
    assert optimizer_steps(100, Training(batch_size=8, accumulation=4)) == 4  # 13 micro-batches
    assert optimizer_steps(96, Training(batch_size=8, accumulation=4)) == 3
    assert optimizer_steps(1, Training(batch_size=8, accumulation=4)) == 1


def test_cosine_per_epoch_has_one_rate_an_epoch():
    options = Training(epochs=4, learning_rate=0.1, schedule="cosine_per_epoch", warmup=0.0, min_learning_rate=0.01)
    factors = [learning_rate_factor(step, 3, options) for step in range(12)]
    by_epoch = [0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * epoch / 4)) for epoch in range(4)]
    assert factors == pytest.approx([factor for factor in by_epoch for _ in range(3)])


def test_cosine_per_epoch_is_that_of_torch():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.2)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5, eta_min=0.02)
    options = Training(epochs=5, learning_rate=0.2, schedule="cosine_per_epoch", warmup=0.0, min_learning_rate=0.02)
    for epoch in range(5):
        assert 0.2 * learning_rate_factor(epoch * 7 + 3, 7, options) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()


def test_warmup_of_cosine_per_epoch_is_whole_epochs():
    options = Training(epochs=10, schedule="cosine_per_epoch", warmup=0.25)  # 2.5, rounded down
    factors = [learning_rate_factor(2 * epoch, 2, options) for epoch in range(10)]
    assert factors[:3] == [0.5, 1, 1]
    assert factors[6] == pytest.approx(0.5)


LAYERS = Layers(blocks=[["patch"], ["first"], ["second", "norm"]], head=["head"])


def test_layer_decay_by_hand():
    rates = layer_rates(LAYERS, Training(learning_rate=0.8, layer_decay=0.5))
    assert rates == pytest.approx({"patch": 0.1, "first": 0.2, "second": 0.4, "norm": 0.4})


def rates_and_decays(family: str, architecture: str, options: Training) -> dict[str, tuple[float, float]]:
    model = create_model(family, architecture, MODEL, 3)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = parameter_groups(model, options)
    found = {names[id(p)]: (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    assert len(found) == len(names) == sum(len(group["params"]) for group in groups)
    return found


@pytest.mark.parametrize(("family", "architecture"), [("transformers", "videomae"), ("timm", "vit")])
def test_head_and_layers_have_their_rates(family, architecture):
    options = Training(learning_rate=0.1, head_learning_rate=0.7, layer_decay=0.5)
    rates = {name: rate for name, (rate, _) in rates_and_decays(family, architecture, options).items()}
    heads = [name for name in rates if "classifier" in name or name.startswith("head")]
    assert [rates[name] for name in heads] == [0.7, 0.7]
    assert {rate for name, rate in rates.items() if name not in heads} == {0.05, 0.025}  # one block, and the embeddings
    assert {rate for name, rate in rates.items() if "patch_embed" in name} == {0.025}


@pytest.mark.parametrize(("family", "architecture"), [("transformers", "videomae"), ("timm", "vit")])
def test_norms_biases_and_tables_may_be_exempt_from_decay(family, architecture):
    everything = rates_and_decays(family, architecture, Training(weight_decay=0.3))
    assert {decay for _, decay in everything.values()} == {0.3}
    found = rates_and_decays(family, architecture, Training(weight_decay=0.3, decay_norm_and_bias=False))
    exempt = {name for name, (_, decay) in found.items() if decay == 0}
    assert exempt == {
        name for name in found if "norm" in name or name.endswith("bias") or "_token" in name or "pos_" in name
    }
    assert 0 < len(exempt) < len(found)


def test_a_recipe_without_these_options_has_one_group():
    model = create_model("timm", "vit", MODEL, 3)
    (group,) = parameter_groups(model, Training())
    assert [id(p) for p in group["params"]] == [id(p) for p in model.parameters()]
