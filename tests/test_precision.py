"""Precision: what a device honours, what is recorded, and fp16 with its scaler through a resume."""

import pytest
import torch

from partway import evaluation, files
from partway.training import loop, precision
from tiny_trainings import QUIET, Lines, log, spec, train, weights

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("wanted", "device", "has_bf16", "expected"),
    [
        ("fp32", CPU, True, "fp32"),
        ("bf16", CPU, True, "bf16"),
        ("fp16", CPU, True, "fp32"),
        ("fp32", CUDA, True, "fp32"),
        ("bf16", CUDA, True, "bf16"),
        ("bf16", CUDA, False, "fp32"),
        ("fp16", CUDA, False, "fp16"),
    ],
)
def test_what_a_device_honours(monkeypatch, wanted, device, has_bf16, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: has_bf16)
    assert precision.effective(wanted, device) == expected


def test_bf16_trains_in_bf16_and_says_so(data, tmp_path):
    single = train(data, tmp_path / "fp32")
    mixed = train(data, tmp_path / "bf16", training={"precision": "bf16"})
    assert (single["precision"], mixed["precision"]) == ("fp32", "bf16")
    assert single["checkpoint_digest"] != mixed["checkpoint_digest"]
    assert mixed["final"]["train_loss"] == pytest.approx(single["final"]["train_loss"], rel=0.05)
    assert all(tensor.dtype == torch.float32 for tensor in weights(tmp_path / "bf16").values())
    asked = {"training": "t", "split": "test", "observation_ratio": 1}
    evaluation.evaluate(asked, training=tmp_path / "bf16", **data, folder=tmp_path / "e", progress=QUIET)
    assert files.read_json(tmp_path / "e" / "metrics.json")["precision"] == "bf16"


def test_a_fallback_is_told_and_recorded_and_gives_the_numbers_of_fp32(data, tmp_path):
    single = train(data, tmp_path / "fp32")
    asked = train(data, tmp_path / "fp16", training={"precision": "fp16"})
    assert asked["precision"] == "fp32"
    assert asked["spec"]["training"]["precision"] == "fp16"
    assert asked["checkpoint_digest"] == single["checkpoint_digest"]
    lines = Lines()
    precision.Precision("fp16", CPU, lines)
    assert lines.said == ["warning: no fp16 on this device (cpu); going on in fp32, and recorded so"]


def test_fp16_keeps_its_scale_through_a_resume(data, tmp_path, monkeypatch):
    """On the CPU for the test's sake: the same code as on a GPU, with autocast to float16 and a real scaler."""
    monkeypatch.setattr(precision, "effective", lambda wanted, _: wanted)
    recipe = {"training": {"precision": "fp16", "epochs": 4, "accumulation": 2}}
    undisturbed = train(data, tmp_path / "undisturbed", **recipe)
    assert undisturbed["precision"] == "fp16"
    state = torch.load(tmp_path / "undisturbed/state/state.pt", weights_only=True)
    assert state["parts"]["scaler"]["scale"] > 1
    real = loop.Trainer.run_epoch
    with monkeypatch.context() as patched:
        patched.setattr(loop.Trainer, "run_epoch", lambda s: real(s) if s.epoch < 2 else pytest.exit("killed"))
        with pytest.raises(pytest.exit.Exception):
            train(data, tmp_path / "killed", **recipe)
    resumed = train(data, tmp_path / "killed", **recipe)
    assert resumed["checkpoint_digest"] == undisturbed["checkpoint_digest"]
    assert log(tmp_path / "killed") == log(tmp_path / "undisturbed")


def test_a_training_that_goes_on_in_another_precision_says_so_and_records_both(data, tmp_path, monkeypatch):
    """fp16 where there was no GPU fell back to fp32; it goes on where there is one."""
    recipe = {"training": {"precision": "fp16", "epochs": 3}}
    real = loop.Trainer.run_epoch
    with monkeypatch.context() as patched:
        patched.setattr(loop.Trainer, "run_epoch", lambda s: real(s) if s.epoch < 1 else pytest.exit("killed"))
        with pytest.raises(pytest.exit.Exception):
            train(data, tmp_path, **recipe)
    monkeypatch.setattr(precision, "effective", lambda wanted, _: wanted)
    lines = Lines()
    loop.train(spec(**recipe), **data, parent=None, folder=tmp_path, progress=lines)
    assert "warning: this training runs with several precisions: fp32, fp16; recorded so" in lines.said
    assert files.read_json(tmp_path / "training.json")["precision"] == "fp32 + fp16"
