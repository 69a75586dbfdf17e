"""Freezing, moving average, early stopping, compile and memory through real trainings: each does what its name says."""

import math
import os
import subprocess
import sys
from functools import partial

import pytest
import torch
from torch import nn

from conftest import REPOSITORY, TINY_MODEL
from partway import files, machine
from partway.errors import TrainingError
from partway.models import create_model
from partway.models.layers import Layers, layers
from partway.schema import ModelOptions
from partway.schema_training import EarlyStopping, TrainableFrom, Training
from partway.training import ema, forward, loop
from partway.training.freezing import freeze, names_of, part_in
from partway.training.parts import Parts
from partway.training.stopping import is_over
from tiny_trainings import MODEL, QUIET, Lines, log, spec, train, weights

TWO_BLOCKS = MODEL | {"num_layers": 2}
SCHEDULE = [{"from_epoch": 1, "part": "head"}, {"from_epoch": 2, "part": "last_1"}, {"from_epoch": 4, "part": "all"}]


# --- freezing ------------------------------------------------------------------------------------------


def test_a_schedule_of_unfreezing_by_epoch():
    steps = [TrainableFrom(from_epoch=e, part=p) for e, p in ((1, "head"), (11, "last_3"), (21, "all"))]
    parts = [part_in(epoch, steps) for epoch in range(1, 31)]
    assert parts == ["head"] * 10 + ["last_3"] * 10 + ["all"] * 10


def test_parts_by_hand():
    parts = Layers(blocks=[["patch"], ["first"], ["second", "norm"]], head=["head"])
    assert names_of("head", parts) == {"head"}
    assert names_of("last_1", parts) == {"second", "norm", "head"}
    assert names_of("last_2", parts) == {"first", "second", "norm", "head"}
    with pytest.raises(TrainingError, match="last_3, but the model has 2 blocks"):
        names_of("last_3", parts)


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def first_weights(recipe: dict) -> nn.Module:
    torch.manual_seed(0)  # the seed of the spec
    return create_model(recipe["family"], recipe["architecture"], ModelOptions(**recipe["model"]), 2)


@pytest.mark.parametrize(("family", "architecture"), [("transformers", "videomae"), ("timm", "vit")])
@pytest.mark.parametrize("part", ["head", "last_1", "all"])
def test_what_is_not_trainable_stays_bit_for_bit(data, tmp_path, family, architecture, part):
    options = {"epochs": 1, "trainable": part, "weight_decay": 0.5, "learning_rate": 0.01, "select": "last"}
    recipe = {"family": family, "architecture": architecture, "model": TWO_BLOCKS, "training": options}
    train(data, tmp_path, **recipe)
    model = first_weights(spec(**recipe))
    everything = {name for name, _ in model.named_parameters()}
    wanted = everything if part == "all" else names_of(part, layers(model))
    assert changed(model.state_dict(), weights(tmp_path)) == wanted


class WithStatistics(nn.Module):
    """A convolution with BatchNorm and dropout, and a head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        self.block = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        self.head = nn.Linear(4, 2)

    def depth(self):
        return [[self.stem], [self.block], [self.head]]

    def forward(self, inputs_BF: torch.Tensor) -> torch.Tensor:
        return self.head(self.block(self.stem(inputs_BF)))


def stepped(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    model(torch.randn(8, 2)).square().sum().backward()
    optimizer.step()


def test_frozen_modules_keep_their_statistics_and_drop_nothing_out():
    torch.manual_seed(0)
    model = WithStatistics()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    freeze(model, optimizer, names_of("last_1", layers(model)))
    stepped(model, optimizer)
    moved = {name for name in changed(before, model.state_dict()) if not name.startswith(("block.", "head."))}
    assert not moved, "no gradient, no decay, no statistics in the frozen stem"
    assert not torch.equal(before["block.1.running_mean"], model.state_dict()["block.1.running_mean"])
    assert [module.training for module in (model, model.stem[1], model.stem[2], model.block[1], model.block[2])] == [
        *(True, False, False, True, True)
    ]
    freeze(model, optimizer, set(before))
    assert model.stem[1].training


@pytest.mark.parametrize(
    ("family", "architecture"), [("simple_vivit", "simple_vivit"), ("timm", "vit"), ("timm", "test_vit")]
)
def test_a_frozen_backbone_gives_the_same_features_twice(family, architecture):
    sizes = TWO_BLOCKS | {"dropout": 0.5, "drop_path": 0.5, "frame_size": 32}
    model = create_model(family, architecture, ModelOptions(**sizes), 2)
    freeze(model, torch.optim.AdamW(model.parameters()), names_of("head", layers(model)))
    seen = []
    model.head.register_forward_pre_hook(lambda _, features: seen.append(features[0]))
    video_BTCHW = torch.randn(2, sizes["num_frames"], 3, 32, 32)
    for _ in range(2):
        model(video_BTCHW)
    if family == "timm" and architecture != "vit":  # its dropout is of the head, which is trained
        assert model.dropout.training
        return
    assert torch.equal(*seen)


def test_a_step_of_the_schedule_that_fits_no_model_is_told_before_the_first_epoch(data, tmp_path):
    steps = [{"from_epoch": 1, "part": "head"}, {"from_epoch": 2, "part": "last_30"}]
    with pytest.raises(TrainingError, match="last_30, but the model has 2 blocks"):
        train(data, tmp_path, model=TWO_BLOCKS, training={"epochs": 2, "trainable": steps})
    assert not (tmp_path / "training_log.csv").exists()


def test_a_freed_parameter_enters_with_fresh_state_and_the_present_rate():
    torch.manual_seed(0)
    model = WithStatistics()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.0)
    freeze(model, optimizer, {"head.weight", "head.bias"})
    stepped(model, optimizer)
    stepped(model, optimizer)
    assert set(optimizer.state) == {model.head.weight, model.head.bias}
    optimizer.param_groups[0]["lr"] = 0.01  # the schedule has come down by now
    freeze(model, optimizer, {name for name, _ in model.named_parameters()})
    before = model.stem[0].weight.detach().clone()
    stepped(model, optimizer)
    assert optimizer.state[model.stem[0].weight]["step"] == 1
    assert optimizer.state[model.head.weight]["step"] == 3
    # The first step of Adam moves each weight by the learning rate, whatever the gradient's size.
    torch.testing.assert_close((model.stem[0].weight - before).abs(), torch.full((4, 2), 0.01), atol=1e-5, rtol=0)
    freeze(model, optimizer, {"head.weight", "head.bias"})
    assert set(optimizer.state) == {model.head.weight, model.head.bias}, "frozen again, its state is gone"


def test_the_optimizer_steps_what_the_schedule_frees(data, tmp_path, monkeypatch):
    seen = []
    real = Parts.begin
    monkeypatch.setattr(Parts, "begin", lambda self, epoch: seen.append(real(self, epoch)) or seen[-1])
    train(data, tmp_path, model=TWO_BLOCKS, training={"epochs": 4, "trainable": SCHEDULE})
    assert seen == ["head", "last_1", "last_1", "all"]
    state = torch.load(tmp_path / "state" / "state.pt", weights_only=True)["parts"]["optimizer"]["state"]
    steps_an_epoch = 3  # 12 videos in batches of 4
    assert {int(of["step"]) for of in state.values()} == {k * steps_an_epoch for k in (1, 3, 4)}


# --- moving average ------------------------------------------------------------------------------------


def test_the_moving_average_by_hand():
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1, affine=False))
    weight = model[0].weight
    nn.init.constant_(weight, 1.0)
    average = ema.MovingAverage(model, 0.75)
    for value in (5.0, 9.0):
        nn.init.constant_(weight, value)
        model[1].running_mean.fill_(value)
        average.update(model)
    assert float(average.model[0].weight.detach()) == 0.75 * (0.75 * 1 + 0.25 * 5) + 0.25 * 9  # 3.75
    assert float(average.model[1].running_mean) == 9, "statistics are copied"
    assert float(weight.detach()) == 9
    assert not average.model[0].weight.requires_grad


def test_the_average_is_what_is_scored_and_kept(data, tmp_path, monkeypatch):
    averaged, real = [], ema.MovingAverage.update

    def followed(self, model):
        wanted = {name: p.detach() * 0.9 for name, p in self.model.named_parameters()}
        wanted = {name: wanted[name] + p.detach() * 0.1 for name, p in model.named_parameters()}
        real(self, model)
        averaged.append(wanted)

    monkeypatch.setattr(ema.MovingAverage, "update", followed)
    plain = train(data, tmp_path / "plain", training={"epochs": 2, "select": "last"})
    record = train(data, tmp_path / "ema", training={"epochs": 2, "select": "last", "ema": 0.9})
    assert len(averaged) == 6  # an update after each optimizer step
    for name, tensor in weights(tmp_path / "ema").items():
        torch.testing.assert_close(tensor, averaged[-1][name])
    state = torch.load(tmp_path / "ema" / "state" / "state.pt", weights_only=True)["parts"]["model"]
    assert not changed(state, weights(tmp_path / "plain")), "what is trained is as without an average"
    assert record["final"]["train_loss"] == plain["final"]["train_loss"]
    assert record["final"]["val_loss"] != plain["final"]["val_loss"]


# --- early stopping ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "min_delta", "over"),
    [
        ([0.5], 0.0, False),
        ([0.5, 0.5], 0.0, False),
        ([0.5, 0.5, 0.4], 0.0, True),
        ([0.5, 0.5, 0.51], 0.0, False),
        ([0.5, 0.55, 0.59], 0.1, True),  # neither is more than 0.1 above the 0.5 that counted
        ([0.5, 0.55, 0.61], 0.1, False),
        ([0.5, 0.4, 0.6, 0.6], 0.0, False),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 0.0, True),  # all epochs have run
    ],
)
def test_early_stopping_by_hand(scores, min_delta, over):
    options = Training(epochs=6, early_stopping=EarlyStopping(patience=2, min_delta=min_delta))
    assert is_over(scores, options) is over


def test_early_stopping_ends_the_training_and_leaves_the_schedule_its_length(data, tmp_path, monkeypatch):
    scores = iter([0.2, 0.6, 0.6, 0.4, 0.9])
    real = loop.Trainer._scores

    def scripted(self, part, videos):
        measured = real(self, part, videos)
        return measured | {"val_top1": next(scores)} if part == "val" else measured

    options = {"epochs": 5, "warmup": 0.0}
    train(data, tmp_path / "whole", training=options)
    monkeypatch.setattr(loop.Trainer, "_scores", scripted)
    record = train(data, tmp_path / "early", training=options | {"early_stopping": {"patience": 2}})
    assert (record["epochs"], record["stopped_early"], record["chosen_epoch"]) == (4, True, 2)
    rates = [[row["learning_rate"] for row in log(tmp_path / name)] for name in ("whole", "early")]
    assert rates[1] == rates[0][:4]


# --- schedules and rates through a training ------------------------------------------------------------


def test_the_log_has_the_rate_of_the_backbone(data, tmp_path):
    options = {"epochs": 3, "learning_rate": 0.001, "head_learning_rate": 0.01, "layer_decay": 0.5, "warmup": 0.0}
    train(data, tmp_path, training=options | {"schedule": "cosine_per_epoch"})
    rates = [float(row["learning_rate"]) for row in log(tmp_path)]
    assert rates == pytest.approx([0.0005 * (1 + math.cos(math.pi * epoch / 3)) for epoch in range(3)])
    groups = torch.load(tmp_path / "state" / "state.pt", weights_only=True)["parts"]["optimizer"]["param_groups"]
    assert sorted(group["initial_lr"] for group in groups) == pytest.approx([0.00025, 0.0005, 0.01])


def test_cutmix_trains_against_the_dominant_label(data, tmp_path):
    plain = train(data, tmp_path / "plain", training={"epochs": 1})
    mixed = train(data, tmp_path / "mixed", training={"epochs": 1, "cutmix": {}})
    assert (plain["train_target"], mixed["train_target"]) == ("hard", "dominant")
    assert plain["checkpoint_digest"] != mixed["checkpoint_digest"]


# --- compile -------------------------------------------------------------------------------------------


TRY = """
import torch, sys
sys.path.insert(0, "tests")
from partway.training.forward import Forward
from tiny_trainings import Lines
lines, model = Lines(), torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
run = Forward(model, "default", lines)
video = torch.ones(2, 4)
torch.testing.assert_close(run(video), model(video))
run(video).sum().backward()
print(run.compiled, any("_orig_mod" in name for name in run.model.state_dict()), lines.said)
"""


@pytest.mark.slow
def test_torch_compile_for_real_without_a_compiler(tmp_path):
    """With one it works too, and takes half a minute of a core: benchmarks/training.py does that."""
    caches = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path), "OMP_NUM_THREADS": "1", "CXX": "/nonexistent/c++"}
    command = [sys.executable, "-c", TRY]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | caches, cwd=REPOSITORY)
    assert done.stdout.startswith("off False")
    assert "warning: compile: default does not work here; going on without it, and recorded so." in done.stdout
    assert "/nonexistent/c++" in done.stdout


@pytest.mark.slow
def test_checkpoints_of_compiled_trainings_have_plain_names(data, tmp_path, monkeypatch):
    """With the tracing of torch.compile and without its code generation, which takes long."""
    options = {"training": {"epochs": 2, "trainable": SCHEDULE[:2]}}
    plain = train(data, tmp_path / "off", **options)
    traced = partial(torch.compile, backend="eager")
    monkeypatch.setattr(machine, "compile_mode", lambda: "default")
    monkeypatch.setattr(forward.torch, "compile", lambda model, **_: traced(model))
    record = train(data, tmp_path / "on", **options)
    assert (plain["compile"], record["compile"]) == ("off", "default")
    assert weights(tmp_path / "on").keys() == weights(tmp_path / "off").keys()
    assert record["final"]["train_loss"] == pytest.approx(plain["final"]["train_loss"], rel=1e-4)


def test_a_compile_that_fails_changes_no_number_and_is_recorded(data, tmp_path, monkeypatch):
    options = {"training": {"epochs": 2, "trainable": SCHEDULE[:2]}, "model": MODEL | {"dropout": 0.1}}
    plain = train(data, tmp_path / "off", **options)
    monkeypatch.setattr(machine, "compile_mode", lambda: "default")
    monkeypatch.setattr(forward.torch, "compile", lambda *_, **__: fails_late)
    lines = Lines()
    loop.train(spec(**options), **data, parent=None, folder=tmp_path / "on", progress=lines)
    record = files.read_json(tmp_path / "on" / "training.json")
    assert [line for line in lines.said if "RuntimeError: no compiler" in line]
    assert (plain["compile"], record["compile"]) == ("off", "off")
    assert record["checkpoint_digest"] == plain["checkpoint_digest"]
    assert log(tmp_path / "on") == log(tmp_path / "off")


def fails_late(video_BTCHW: torch.Tensor) -> torch.Tensor:
    torch.rand(3)  # draws, as dropout would, before it fails
    raise RuntimeError("no compiler")


def test_a_failure_at_a_later_shape_falls_back_too(monkeypatch):
    """Another batch size is compiled anew, and may fail where the first one did not."""
    model, lines = nn.Linear(2, 2), Lines()

    def compiled(inputs: torch.Tensor) -> torch.Tensor:
        if len(inputs) != 4:
            raise RuntimeError("no kernel for this shape")
        return model(inputs)

    monkeypatch.setattr(forward.torch, "compile", lambda *_, **__: compiled)
    run = forward.Forward(model, "default", lines)
    assert run(torch.ones(4, 2)).shape == (4, 2)
    assert (run.compiled, lines.said) == ("default", [])
    torch.testing.assert_close(run(torch.ones(3, 2)), model(torch.ones(3, 2)))
    assert run.compiled == "off"
    assert "no kernel for this shape" in lines.said[0]


def test_trying_out_leaves_nothing_behind(monkeypatch):
    model = WithStatistics()
    monkeypatch.setattr(forward.torch, "compile", lambda run, **_: run)
    torch.manual_seed(3)
    wanted = WithStatistics()
    wanted.load_state_dict(model.state_dict())
    inputs, ends = torch.randn(8, 2), []
    for run in (forward.Forward(model, "default", QUIET), wanted):
        torch.manual_seed(7)
        ends.append(run(inputs))
    assert torch.equal(*ends)
    assert not changed(wanted.state_dict(), model.state_dict())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(("written", "mode"), [("off", "off"), ("reduce-overhead", "reduce-overhead")])
def test_compile_is_a_machine_setting(tmp_path, monkeypatch, written, mode):
    (tmp_path / "machine.yaml").write_text(f"compile: {written}\n")  # off is false, for YAML
    monkeypatch.setenv("PARTWAY_MACHINE", str(tmp_path / "machine.yaml"))
    machine.settings.cache_clear()
    assert machine.compile_mode() == mode
    machine.settings.cache_clear()
    monkeypatch.setenv("PARTWAY_COMPILE", "fast")
    with pytest.raises(
        machine.MachineError, match="compile: expected one of off, default, reduce-overhead, max-autotune"
    ):
        machine.compile_mode()
    machine.settings.cache_clear()


# --- attention, memory ---------------------------------------------------------------------------------


def test_the_kernel_of_attention_is_recorded(data, tmp_path):
    assert train(data, tmp_path, training={"epochs": 1})["attention"] == "flash"  # that of torch's CPU
    model = create_model("transformers", "videomae", ModelOptions(**(MODEL | {"dropout": 0.1})), 2)
    run = forward.Forward(model.train(), "off", QUIET)
    run(torch.zeros(1, 4, 3, 32, 32))
    assert run.attention == "math", "the CPU has no other for attention with dropout"
    run = forward.Forward(WithStatistics(), "off", QUIET)
    run(torch.zeros(2, 2))
    assert run.attention is None


def runs_out(*_) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


@pytest.mark.parametrize(
    ("training", "advice"),
    [
        ({"batch_size": 4}, "write batch_size: 2 and accumulation: 2, which keeps 4 clips an optimizer step; or lower"),
        ({"batch_size": 9, "accumulation": 2}, "batch_size: 3 and accumulation: 6, which keeps 18 clips"),
        ({"batch_size": 1}, "fp32: lower num_frames or frame_size, or write precision: bf16"),
    ],
)
def test_out_of_memory_says_what_to_lower(data, tmp_path, monkeypatch, training, advice):
    monkeypatch.setattr(forward.Forward, "__call__", runs_out)
    with pytest.raises(TrainingError) as told:
        train(data, tmp_path, training=training)
    size = f"batch_size {training['batch_size']}, 4 frames of {TINY_MODEL['frame_size']} x 32"
    assert f"out of GPU memory in epoch 1 with {size}" in str(told.value)
    assert advice in str(told.value)
    assert not (tmp_path / "training.json").exists()
