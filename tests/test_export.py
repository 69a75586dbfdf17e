"""`partway export`: the library itself loads what it wrote, to the same logits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch
from transformers import AutoImageProcessor, AutoModelForVideoClassification

from partway import cli, files
from partway.models import create_model
from partway.training.spec import TrainingSpec
from partway.weights.description import describe
from partway.weights.digests import digest_of
from partway.weights.tensors import read
from tiny_trainings import QUIET, SPEC, loop, train, weights

ONE_EPOCH = {"training": {"epochs": 1}}


def exported(training: Path, output: Path, capsys) -> tuple[torch.nn.Module, TrainingSpec, str]:
    """Export a training; its model as partway has it, its spec, and what was said."""
    assert cli.main(["export", str(training), "--output", str(output)]) == 0
    spec = TrainingSpec.from_record(files.read_json(training / "training.json"))
    model = create_model(spec.family, spec.architecture, spec.model, 2)
    model.load_state_dict(weights(training))
    return model.eval(), spec, capsys.readouterr().out


def clip(spec: TrainingSpec) -> torch.Tensor:
    shape = (2, spec.model.num_frames, 3, spec.model.frame_size, spec.model.frame_size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_transformers_loads_its_model_to_the_same_logits(data, tmp_path, capsys):
    train(data, tmp_path / "t", **ONE_EPOCH, model={"normalisation": {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5]}})
    model, spec, said = exported(tmp_path / "t", tmp_path / "out", capsys)
    theirs = AutoModelForVideoClassification.from_pretrained(tmp_path / "out").eval()
    video_BTCHW = clip(spec)
    with torch.inference_mode():
        assert torch.equal(theirs(pixel_values=video_BTCHW).logits, model(video_BTCHW))
    assert theirs.config.id2label == {0: "dark", 1: "light"}
    assert f"AutoModelForVideoClassification.from_pretrained('{tmp_path / 'out'}')" in said
    processor = AutoImageProcessor.from_pretrained(tmp_path / "out")
    assert (processor.image_mean, processor.image_std) == ((0.1, 0.2, 0.3), (0.5, 0.5, 0.5))
    stated = describe(tmp_path / "out", "transformers", "videomae").options
    for name in ("num_frames", "frame_size", "hidden_size", "num_layers", "mlp_ratio"):
        assert stated[name] == getattr(spec.model, name), name  # so that a study takes it up again as it was
    assert stated["normalisation"]["mean"] == pytest.approx((0.1, 0.2, 0.3))
    assert read(tmp_path / "out").classes == ["dark", "light"]


def test_timm_loads_its_model_and_the_mean_over_frames_is_the_same(data, tmp_path, capsys):
    train(data, tmp_path / "t", **ONE_EPOCH, family="timm", architecture="vit")
    model, spec, _ = exported(tmp_path / "t", tmp_path / "out", capsys)
    theirs = timm.create_model(f"local-dir:{tmp_path / 'out'}", pretrained=True).eval()
    video_BTCHW = clip(spec)
    with torch.inference_mode():
        logits_BTK = theirs(video_BTCHW.flatten(0, 1)).unflatten(0, video_BTCHW.shape[:2])
        torch.testing.assert_close(logits_BTK.mean(dim=1), model(video_BTCHW))
    config = json.loads((tmp_path / "out/config.json").read_text())
    assert config["label_names"] == ["dark", "light"]
    assert config["pretrained_cfg"]["mean"] == pytest.approx([0.485, 0.456, 0.406])
    stated = describe(tmp_path / "out", "timm", "vit").options
    for name in ("frame_size", "patch_size", "hidden_size", "num_layers", "num_heads", "mlp_ratio"):
        assert stated[name] == getattr(spec.model, name), name


def test_what_is_exported_is_evaluated_without_epochs_to_the_same_scores(data, tmp_path, capsys):
    first = train(data, tmp_path / "t", **ONE_EPOCH)
    exported(tmp_path / "t", tmp_path / "out", capsys)
    digest = digest_of(tmp_path / "out")
    spec = SPEC | {"weights": digest, "training": {"epochs": 0, "batch_size": 4}}
    loop.train(spec, **data, parent=None, folder=tmp_path / "again", progress=QUIET, weights={digest: tmp_path / "out"})
    again = files.read_json(tmp_path / "again/training.json")
    assert again["checkpoint_digest"] == first["checkpoint_digest"]
    for name in ("val_loss", "val_top1", "train_eval_loss"):
        assert again["chosen"][name] == pytest.approx(first["chosen"][name])


def test_what_cannot_be_exported_is_said_so(data, tmp_path, capsys):
    assert cli.main(["export", str(tmp_path), "--output", str(tmp_path / "out")]) == 1
    assert "holds no training.json" in capsys.readouterr().err
    train(data, tmp_path / "t", **ONE_EPOCH)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("x")
    assert cli.main(["export", str(tmp_path / "t"), "--output", str(tmp_path / "out")]) == 1
    assert "not empty" in capsys.readouterr().err
    assert (tmp_path / "out/mine.txt").exists()
