"""Pretrained weights from a local `save_pretrained` folder: read, checked at parse time, loaded, head re-made."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from transformers import VideoMAEConfig, VideoMAEForPreTraining, VideoMAEForVideoClassification

from conftest import clips_study, make_class_folders
from partway import models, study
from partway.errors import StudyError
from partway.schema import ModelOptions
from partway.training import loop
from partway.training.spec import TrainingSpec
from partway.weights import WeightsError, digests, start
from partway.weights.description import describe
from partway.weights.digests import digest_of
from tiny_trainings import QUIET, SPEC, train
from tiny_weights import SIZES, write_weights


@pytest.fixture(scope="module")
def fine_tuned(tmp_path_factory) -> Path:
    """A tiny VideoMAE of five classes with its preprocessor, as the library saves it."""
    folder = tmp_path_factory.mktemp("fine tuned")
    return write_weights(folder)


# What a whole checkpoint leaves empty in the report.
NOTHING: dict = {"resized": [], "unused": [], "missing": []}


def options(folder: Path, **changes) -> ModelOptions:
    return ModelOptions(**describe(folder, "transformers", "videomae").options | changes)


def loaded(folder: Path, classes: int = 3, **changes):
    names = [f"class {index}" for index in range(classes)]
    sizes = options(folder, **changes)
    return models.load_pretrained("transformers", "videomae", sizes, names, folder, keep_head=False)


def test_the_folder_says_its_sizes_and_normalisation(fine_tuned):
    found = options(fine_tuned)
    assert (found.num_frames, found.frame_size, found.hidden_size, found.num_layers) == (4, 32, 32, 1)
    assert found.mlp_ratio == 2.0
    assert found.normalisation.mean == (0.1, 0.2, 0.3)
    assert found.normalisation.std == (0.4, 0.5, 0.6)


def test_the_backbone_is_the_checkpoints_and_the_head_is_fresh(fine_tuned):
    model, report = loaded(fine_tuned)
    theirs = VideoMAEForVideoClassification.from_pretrained(fine_tuned)
    for name, tensor in theirs.videomae.state_dict().items():
        assert torch.equal(model.model.videomae.state_dict()[name], tensor)
    assert model.model.classifier.weight.shape == (3, 32)
    assert report == {"remade": ["classifier.bias", "classifier.weight"]} | NOTHING
    assert model(torch.zeros(2, 4, 3, 32, 32)).shape == (2, 3)


def test_a_head_of_as_many_classes_is_re_made_too(fine_tuned):
    model, report = loaded(fine_tuned, classes=5)
    theirs = VideoMAEForVideoClassification.from_pretrained(fine_tuned)
    assert not torch.equal(model.model.classifier.weight, theirs.classifier.weight)
    assert report["remade"] == ["classifier.bias", "classifier.weight"]


def test_fewer_frames_take_the_first_part_of_the_position_table(fine_tuned):
    model, _ = loaded(fine_tuned, num_frames=2)
    theirs = VideoMAEForVideoClassification.from_pretrained(fine_tuned).videomae.embeddings.position_embeddings
    tokens = (32 // 16) ** 2  # of one tubelet of two frames
    assert theirs.shape == (1, 2 * tokens, 32)
    assert torch.equal(model.model.videomae.embeddings.position_embeddings, theirs[:, :tokens])


def test_a_pretraining_checkpoint_gives_its_encoder(tmp_path):
    decoder = {f"decoder_{name}": 2 for name in ("num_hidden_layers", "num_attention_heads")}
    config = VideoMAEConfig(
        **SIZES, **decoder, decoder_hidden_size=16, decoder_intermediate_size=16, use_mean_pooling=False
    )
    theirs = VideoMAEForPreTraining(config)
    theirs.save_pretrained(tmp_path)
    model, report = loaded(tmp_path)
    name = "encoder.layer.0.attention.attention.query.weight"
    assert torch.equal(model.model.videomae.state_dict()[name], theirs.videomae.state_dict()[name])
    assert {"fc_norm.weight", "classifier.weight"} <= set(report["remade"])
    assert "mask_token" in report["unused"]


def test_a_backbone_that_does_not_load_is_an_error(fine_tuned, tmp_path):
    folder = tmp_path / "deeper"
    shutil.copytree(fine_tuned, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 2}))
    with pytest.raises(WeightsError, match=r"the backbone did not load: 15 of its parameters .*encoder.layer.1"):
        loaded(folder)
    (folder / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        loaded(folder)


def test_weights_that_changed_since_the_key_was_made_are_refused(fine_tuned, tmp_path):
    shutil.copytree(fine_tuned, tmp_path / "w")
    digest = digest_of(tmp_path / "w")
    data = bytearray((tmp_path / "w/model.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "w/model.safetensors").write_bytes(data)
    with pytest.raises(WeightsError, match="have changed since"):
        start.find(TrainingSpec.from_dict(SPEC | {"weights": digest}), {digest: tmp_path / "w"})


def test_the_digest_is_of_contents_not_of_places(fine_tuned, tmp_path):
    shutil.copytree(fine_tuned, tmp_path / "elsewhere")
    assert digest_of(tmp_path / "elsewhere") == digest_of(fine_tuned)
    (tmp_path / "elsewhere" / "README.md").write_text("other words")
    assert digest_of(tmp_path / "elsewhere") == digest_of(fine_tuned)


def study_with(tmp_path: Path, folder: Path | str, **model) -> study.Study:
    tree = clips_study(str(make_class_folders(tmp_path / "clips", clips=4)))
    small = {"family": "transformers", "architecture": "videomae", "weights": str(folder)}
    tree["models"] = {"small": small | {"training": {"batch_size": 4}} | model}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    return study.load(str(tmp_path / "study.yaml"))


def test_a_study_takes_sizes_from_the_weights_and_keys_from_their_content(fine_tuned, tmp_path):
    first = study_with(tmp_path, fine_tuned)
    spec = next(iter(first.trainings.values())).spec
    assert spec["weights"] == digest_of(fine_tuned)
    assert spec["model"]["hidden_size"] == 32
    assert first.weights == {spec["weights"]: str(fine_tuned)}
    shutil.copytree(fine_tuned, tmp_path / "moved")
    moved = study_with(tmp_path, tmp_path / "moved")
    assert list(moved.trainings) == list(first.trainings)
    assert moved.digest == first.digest
    fewer = study_with(tmp_path, fine_tuned, num_frames=2)
    assert next(iter(fewer.trainings.values())).spec["model"]["num_frames"] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": 64}, "models.small.hidden_size: hidden_size 64, but the weights in .* have 32; leave it out"),
        ({"frame_size": 64}, "models.small.frame_size: frame_size 64, but the weights in .* have 32; leave it out"),
        ({"num_frames": 3}, "models.small.num_frames: num_frames 3 is not divisible by tubelet_size 2"),
        ({"weights": "scrach"}, "line .*models.small.weights: no folder 'scrach'.*did you mean scratch"),
        ({"weights": "clips"}, "holds no config.json"),
    ],
)
def test_a_study_that_contradicts_its_weights(fine_tuned, tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match=message):
        study_with(
            tmp_path,
            **{"folder": fine_tuned} | ({"folder": change.pop("weights")} if "weights" in change else {}),
            **change,
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "vivit"}, "holds a vivit, the study says architecture videomae"),
        ({"hidden_act": "relu"}, "has hidden_act relu; partway builds hidden_act gelu only"),
        ({"qkv_bias": False}, "has qkv_bias False"),
        ({"use_mean_pooling": False}, "was fine-tuned without mean pooling"),
        ({"attention_probs_dropout_prob": 0.3}, "has two dropouts"),
        ({"hidden_size": 0}, "no number above 0"),
        ({"hidden_size": None}, "no number above 0"),
        ({"image_size": [32, 48]}, "no model of partway can be: frame_size: "),
        ({"hidden_dropout_prob": 1.5, "attention_probs_dropout_prob": 1.5}, "dropout: .*less than 1, got 1.5"),
    ],
)
def test_variants_that_partway_does_not_build_are_refused(fine_tuned, tmp_path, change, message):
    shutil.copytree(fine_tuned, tmp_path / "w")
    config = json.loads((tmp_path / "w/config.json").read_text())
    (tmp_path / "w/config.json").write_text(json.dumps(config | change))
    with pytest.raises(WeightsError, match=message):
        describe(tmp_path / "w", "transformers", "videomae")


def with_json(folder: Path, to: Path, name: str, **change) -> Path:
    """A copy of a folder with one of its JSON files changed; None takes a key out."""
    shutil.copytree(folder, to)
    content = json.loads((to / name).read_text()) | change
    (to / name).write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return to


@pytest.mark.parametrize(
    ("change", "mean", "std"),
    [
        ({"do_normalize": False}, (0, 0, 0), (1, 1, 1)),
        # On values in 0 .. 255: x255 - mean, which is 255 * (x - mean/255).
        ({"do_rescale": False}, (0.1 / 255, 0.2 / 255, 0.3 / 255), (0.4 / 255, 0.5 / 255, 0.6 / 255)),
        # x255 / 127.5 = 2 x.
        ({"rescale_factor": 1 / 127.5}, (0.05, 0.1, 0.15), (0.2, 0.25, 0.3)),
    ],
)
def test_whatever_the_preprocessor_does_becomes_mean_and_std_of_values_in_0_to_1(
    fine_tuned, tmp_path, change, mean, std
):
    found = options(with_json(fine_tuned, tmp_path / "w", "preprocessor_config.json", **change)).normalisation
    assert found.mean == pytest.approx(mean)
    assert found.std == pytest.approx(std)


def test_the_preprocessor_may_be_called_that_of_a_video(fine_tuned, tmp_path):
    shutil.copytree(fine_tuned, tmp_path / "w")
    (tmp_path / "w/preprocessor_config.json").rename(tmp_path / "w/video_preprocessor_config.json")
    assert options(tmp_path / "w").normalisation.mean == (0.1, 0.2, 0.3)
    (tmp_path / "w/video_preprocessor_config.json").unlink()
    assert options(tmp_path / "w").normalisation == ModelOptions().normalisation


@pytest.mark.parametrize(
    "change", [{"image_mean": 0.5}, {"image_mean": [0.5]}, {"image_std": [0, 1, 1]}, {"image_std": None}]
)
def test_a_preprocessor_that_cannot_be_meant(fine_tuned, tmp_path, change):
    with pytest.raises(WeightsError, match=r"image_mean|normalisation"):
        options(with_json(fine_tuned, tmp_path / "w", "preprocessor_config.json", **change))


def test_files_that_are_not_loaded_move_no_key(fine_tuned, tmp_path):
    folder = with_json(fine_tuned, tmp_path / "w", "config.json", transformers_version="4.0")
    (folder / "pytorch_model.bin").write_bytes(b"the same again, for old versions")
    assert digest_of(folder) == digest_of(fine_tuned)


def test_a_shard_that_was_not_downloaded_is_named(fine_tuned, tmp_path):
    folder = with_json(fine_tuned, tmp_path / "w", "config.json")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(WeightsError, match=r"names model-00002-of-00002.safetensors, which is not there"):
        digest_of(folder)


@pytest.mark.parametrize("content", ["[]", "null", "{", "{}"])
def test_a_damaged_memory_of_digests_is_begun_anew(fine_tuned, tmp_path, monkeypatch, content):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    expected = digest_of(fine_tuned)
    digests.memory().write_text(content)
    assert digest_of(fine_tuned) == expected


def test_weights_that_were_asked_for_and_not_given_are_an_error(data, tmp_path):
    with pytest.raises(WeightsError, match="were asked for and none were given"):
        train(data, tmp_path, weights="sha256:0123")


def test_a_training_from_weights_resumes_bit_for_bit(data, fine_tuned, tmp_path, monkeypatch):
    spec = SPEC | {
        "weights": digest_of(fine_tuned),
        "model": options(fine_tuned).model_dump(exclude_defaults=True),
    }
    places = {**data, "parent": None, "progress": QUIET, "weights": {spec["weights"]: fine_tuned}}
    loop.train(spec, folder=tmp_path / "undisturbed", **places)
    real = loop.Trainer.run_epoch
    with monkeypatch.context() as patched:
        patched.setattr(loop.Trainer, "run_epoch", lambda s: real(s) if s.epoch < 1 else pytest.exit("killed"))
        with pytest.raises(pytest.exit.Exception):
            loop.train(spec, folder=tmp_path / "killed", **places)
    loop.train(spec, folder=tmp_path / "killed", **places)
    ends = [json.loads((tmp_path / name / "training.json").read_text()) for name in ("undisturbed", "killed")]
    assert ends[0]["checkpoint_digest"] == ends[1]["checkpoint_digest"]


def test_a_training_starts_from_the_weights_and_records_what_it_took(data, fine_tuned, tmp_path, capsys):
    spec = SPEC | {
        "weights": digest_of(fine_tuned),
        "model": options(fine_tuned).model_dump(exclude_defaults=True),
        "training": {"epochs": 1, "batch_size": 4, "learning_rate": 1e-30, "weight_decay": 0.0, "warmup": 0.0},
    }
    loop.train(spec, **data, parent=None, folder=tmp_path, progress=QUIET, weights={spec["weights"]: fine_tuned})
    record = json.loads((tmp_path / "training.json").read_text())
    remade = {"remade": ["classifier.bias", "classifier.weight"]}
    assert record["weights"] == {"source": spec["weights"]} | remade | NOTHING
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["weights"]
    theirs = VideoMAEForVideoClassification.from_pretrained(fine_tuned).videomae.state_dict()
    for name, tensor in theirs.items():
        torch.testing.assert_close(kept[f"model.videomae.{name}"], tensor, atol=1e-6, rtol=0)


def test_scratch_is_recorded_as_such(data, tmp_path):
    assert train(data, tmp_path)["weights"] == {"source": "scratch"}
    assert np.isfinite(train(data, tmp_path)["chosen"]["train_loss"])
