"""The forms of `weights:` beside a folder: repositories of the hub, single files, old scripts' dicts, and fallback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import yaml
from safetensors.torch import save_file
from transformers import VideoMAEConfig, VideoMAEForVideoClassification, VivitConfig, VivitImageProcessor

from conftest import clips_study, make_class_folders
from partway import cli, evaluation, files, models, study
from partway.errors import StudyError
from partway.schema import ModelOptions
from partway.training.spec import TrainingSpec
from partway.weights import UnavailableError, WeightsError, hub, start
from partway.weights.description import describe
from partway.weights.digests import digest_of
from partway.weights.names import HubName, parse_hub
from tiny_trainings import QUIET, SPEC, Lines, loop
from tiny_weights import SIZES, write_weights

COMMIT = "0123456789" * 4
PINNED = f"hub:org/tiny@{COMMIT}"
FROM_CACHE = {"family": "transformers", "architecture": "videomae", "weights": PINNED}


@pytest.fixture(scope="module")
def fine_tuned(tmp_path_factory) -> Path:
    return write_weights(tmp_path_factory.mktemp("fine tuned"))


@pytest.fixture
def hub_cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of the hub, and no way to the hub."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def put_into(cache: Path, folder: Path, repository: str = "org/tiny", commit: str = COMMIT) -> Path:
    """Lay a checkpoint into the cache as the hub's own client does."""
    place = cache / f"models--{repository.replace('/', '--')}"
    shutil.copytree(folder, place / "snapshots" / commit)
    (place / "refs").mkdir(exist_ok=True)
    (place / "refs" / "main").write_text(commit)
    return place / "snapshots" / commit


def study_of(tmp_path: Path, *, edits: list[str] | None = None, **model) -> study.Study:
    """A study on clips with one model."""
    tree = clips_study(str(make_class_folders(tmp_path / "clips", clips=4)))
    tree["models"] = {"small": FROM_CACHE | {"training": {"batch_size": 4}} | model}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    return study.load(str(tmp_path / "study.yaml"), edits)


def spec_of(resolved: study.Study) -> dict:
    return next(iter(resolved.trainings.values())).spec


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hub:org/a.b-c", HubName("org/a.b-c")),
        (f"hub:org/name@{COMMIT}", HubName("org/name", COMMIT)),
        ("hub:org/name@v1.0", HubName("org/name", "v1.0")),
        ("weights/hub:org", None),
    ],
)
def test_names_of_the_hub(text, name):
    assert parse_hub(text) == name
    assert name is None or str(name) == text


@pytest.mark.parametrize("text", ["hub:name", "hub:org/name@", "hub:a/b/c", "hub:org/na me", "hub:../x"])
def test_what_names_no_repository_is_refused(text):
    with pytest.raises(WeightsError, match="expected hub:ORG/NAME"):
        parse_hub(text)


def test_only_a_commit_pins():
    assert HubName("a/b", COMMIT).is_pinned
    assert not HubName("a/b", "main").is_pinned
    assert not HubName("a/b").is_pinned


@pytest.mark.parametrize("word", ["pretrained", "true"])
def test_a_bare_wish_is_answered_with_what_to_write(tmp_path, hub_cache, word):
    with pytest.raises(StudyError, match=r"write hub:MCG-NJU/videomae-base-finetuned-kinetics@[0-9a-f]{40}, or"):
        study_of(tmp_path, weights=word)


def test_the_key_of_hub_weights_is_the_same_before_and_after_the_download(tmp_path, hub_cache, fine_tuned):
    before = study_of(tmp_path, num_frames=16)
    spec = spec_of(before)
    assert spec["weights"] == PINNED
    assert spec["model"] == {"num_frames": 16}  # written, so it stands, though 16 is a default: the checkpoint has 4
    put_into(hub_cache, fine_tuned)
    after = study_of(tmp_path, num_frames=16)
    assert list(after.trainings) == list(before.trainings)
    assert list(study_of(tmp_path).trainings) != list(before.trainings)


def test_sizes_that_contradict_are_found_as_soon_as_the_cache_knows(tmp_path, hub_cache, fine_tuned):
    study_of(tmp_path, hidden_size=64)
    put_into(hub_cache, fine_tuned)
    with pytest.raises(StudyError, match=r"hidden_size 64, but the weights in .* have 32"):
        study_of(tmp_path, hidden_size=64)


def test_a_revision_that_may_move_is_warned_of(tmp_path, hub_cache):
    assert study_of(tmp_path).warnings == ()
    (told,) = study_of(tmp_path, weights="hub:org/tiny@main").warnings
    assert told.startswith("model small: hub:org/tiny@main names no commit")


def test_a_repository_that_cannot_be_had_says_what_to_do(hub_cache):
    with pytest.raises(UnavailableError) as error:
        hub.fetch(HubName("org/tiny", COMMIT))
    assert f"hf download org/tiny --revision {COMMIT} --local-dir tiny" in str(error.value)
    assert "weights:" in str(error.value)
    assert f"revision {COMMIT} of org/tiny" in str(error.value)


def test_a_snapshot_without_weights_counts_as_not_there(hub_cache, fine_tuned):
    folder = put_into(hub_cache, fine_tuned)
    assert hub.cached(HubName("org/tiny")) == folder
    (folder / "model.safetensors").unlink()
    assert hub.cached(HubName("org/tiny")) is None


def test_check_downloads_nothing_that_is_there_and_tells_what_cannot_be_had(tmp_path, hub_cache, fine_tuned, capsys):
    study_of(tmp_path)
    assert cli.main(["check", str(tmp_path / "study.yaml"), "--download"]) == 1
    assert "hf download org/tiny" in capsys.readouterr().err
    folder = put_into(hub_cache, fine_tuned)
    assert cli.main(["check", str(tmp_path / "study.yaml"), "--download"]) == 0
    assert f"downloaded: {folder}" in capsys.readouterr().out


def test_every_repository_is_tried_and_all_that_cannot_be_had_are_told(tmp_path, hub_cache, fine_tuned, capsys):
    folder = put_into(hub_cache, fine_tuned)
    tree = clips_study(str(make_class_folders(tmp_path / "clips", clips=4)))
    names = {"first": "hub:org/gone", "here": PINNED, "last": f"hub:org/lost@{COMMIT}"}
    tree["models"] = {name: FROM_CACHE | {"weights": weights} for name, weights in names.items()}
    tree["grid"] = [tree["grid"][0] | {"models": list(names), "ablations": ["vanilla"]}]
    tree["ladders"] = {}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    assert cli.main(["check", str(tmp_path / "study.yaml"), "--download"]) == 1
    out, err = capsys.readouterr()
    assert f"downloaded: {folder}" in out
    assert "hf download org/gone --local-dir gone" in err
    assert f"hf download org/lost --revision {COMMIT} --local-dir lost" in err


def test_a_training_takes_its_sizes_from_the_hub_and_evaluate_and_stages_agree(data, tmp_path, hub_cache, fine_tuned):
    put_into(hub_cache, fine_tuned)
    spec = SPEC | {"weights": "hub:org/tiny", "model": {"num_frames": 2}, "training": {"epochs": 1, "batch_size": 8}}
    loop.train(spec, **data, parent=None, folder=tmp_path / "first", progress=QUIET)
    record = files.read_json(tmp_path / "first/training.json")
    assert record["weights"]["source"] == "hub:org/tiny"
    assert record["weights"]["commit"] == COMMIT
    assert "asked" not in record["weights"]
    assert (record["model"]["num_frames"], record["model"]["hidden_size"]) == (2, 32)
    assert record["normalisation"] == {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    shutil.rmtree(hub_cache)  # nobody behind the first training asks the hub
    loop.train(spec | {"parent": "x"}, **data, parent=tmp_path / "first", folder=tmp_path / "second", progress=QUIET)
    assert files.read_json(tmp_path / "second/training.json")["model"] == record["model"]
    places = {**data, "folder": tmp_path / "evaluation", "progress": QUIET}
    evaluation.evaluate({"split": "test", "observation_ratio": 1}, training=tmp_path / "second", **places)
    assert (tmp_path / "evaluation/metrics.json").exists()


def test_state_of_another_start_is_not_taken_up(tmp_path, hub_cache, fine_tuned):
    spec = TrainingSpec.from_dict(SPEC | {"weights": "hub:org/tiny", "model": {}})
    put_into(hub_cache, fine_tuned)
    one = start.find(spec, {}).identity
    shutil.rmtree(hub_cache)
    put_into(hub_cache, fine_tuned, commit="f" * 40)
    assert {one, start.find(spec, {}).identity} == {f"hub:org/tiny {COMMIT}", f"hub:org/tiny {'f' * 40}"}


# --- fallback ------------------------------------------------------------------------------------------


def test_a_local_fallback_is_chosen_while_the_study_is_read(tmp_path, hub_cache, fine_tuned):
    direct = study_of(tmp_path, weights=str(fine_tuned))
    chosen = study_of(
        tmp_path, weights=str(tmp_path / "none"), fallback=[str(tmp_path / "nor"), str(fine_tuned), "scratch"]
    )
    assert list(chosen.trainings) == list(direct.trainings)  # the key is of what is used
    assert chosen.weights == direct.weights
    assert f"it starts from {fine_tuned}" in chosen.fallbacks["small"]
    assert direct.fallbacks == {}
    assert "fallbacks" not in direct.lock()
    with pytest.raises(StudyError, match=r"no folder '.*none' nor '.*nor'"):
        study_of(tmp_path, weights=str(tmp_path / "none"), fallback=[str(tmp_path / "nor")])


def test_a_broken_checkpoint_is_no_reason_for_the_fallback(tmp_path, hub_cache, fine_tuned):
    shutil.copytree(fine_tuned, tmp_path / "broken")
    (tmp_path / "broken/config.json").unlink()
    with pytest.raises(StudyError, match=r"holds no config.json"):
        study_of(tmp_path, weights=str(tmp_path / "broken"), fallback=[str(fine_tuned)])


def test_the_job_falls_back_where_the_hub_has_nothing_and_records_it(data, tmp_path, hub_cache, fine_tuned):
    resolved = study_of(tmp_path, fallback=["hub:org/other", str(fine_tuned), "scratch"])
    digest = digest_of(fine_tuned)
    spec = spec_of(resolved)
    assert (spec["weights"], spec["fallback"]) == (PINNED, ["hub:org/other", digest])
    assert "model" not in spec
    lines = Lines()
    spec = (
        SPEC
        | {"training": {"epochs": 1, "batch_size": 8}}
        | {k: spec[k] for k in ("weights", "fallback")}
        | {"model": {}}
    )
    weights = {key: Path(path) for key, path in resolved.weights.items()}
    loop.train(spec, **data, parent=None, folder=tmp_path / "t", progress=lines, weights=weights)
    record = files.read_json(tmp_path / "t/training.json")
    assert (record["weights"]["source"], record["weights"]["asked"]) == (digest, PINNED)
    assert record["model"]["hidden_size"] == 32
    assert [PINNED in line and "the next of fallback is tried" in line for line in lines.said[:2]] == [True, False]
    put_into(hub_cache, fine_tuned)
    assert start.find(TrainingSpec.from_dict(spec), weights).facts["source"] == PINNED


def test_without_any_that_can_be_had_every_reason_is_told(hub_cache):
    spec = TrainingSpec.from_dict(SPEC | {"weights": "hub:a/b", "fallback": ["hub:c/d"]})
    with pytest.raises(UnavailableError, match=r"(?s)hf download a/b .*hf download c/d "):
        start.find(spec, {})


# --- files and old scripts -----------------------------------------------------------------------------


def wrapped(tensors: dict, prefix: str) -> dict:
    return {prefix + name: tensor for name, tensor in tensors.items()}


@pytest.fixture(scope="module")
def tensors(fine_tuned) -> dict[str, torch.Tensor]:
    return VideoMAEForVideoClassification.from_pretrained(fine_tuned).state_dict()


SMALL = ModelOptions(num_frames=4, frame_size=32, hidden_size=32, num_layers=1, num_heads=2, mlp_ratio=2.0)


@pytest.mark.parametrize("name", ["plain.pth", "module.pt", "script.pth", "script2.bin", "own.pt", "w.safetensors"])
def test_files_of_every_old_form_give_the_same_backbone(tensors, tmp_path, name):
    contents = {
        "plain.pth": tensors,
        "module.pt": wrapped(tensors, "module."),
        "script.pth": {"state_dict": wrapped(tensors, "module.model."), "epoch": 3},
        "script2.bin": {"model_state_dict": tensors, "epoch": 3, "optimizer_state_dict": {"state": {}}},
        "own.pt": {"weights": wrapped(tensors, "model."), "classes": ["a", "b"], "spec": "{}"},
    }
    if name in contents:
        torch.save(contents[name], tmp_path / name)
    else:
        save_file(tensors, tmp_path / name)
    model, report = models.load_pretrained(
        "transformers", "videomae", SMALL, ["a", "b"], tmp_path / name, keep_head=False
    )
    for key, tensor in model.model.videomae.state_dict().items():
        assert torch.equal(tensor, tensors[f"videomae.{key}"])
    assert report == {"resized": [], "remade": ["classifier.bias", "classifier.weight"], "unused": [], "missing": []}


def test_a_file_must_be_told_how_its_pixels_were_normalised(tensors, tmp_path, hub_cache):
    save_file(tensors, tmp_path / "w.safetensors")
    sizes = SMALL.model_dump(exclude_defaults=True)
    with pytest.raises(StudyError, match="write normalisation: imagenet, half"):
        study_of(tmp_path, weights=str(tmp_path / "w.safetensors"), **sizes)
    told = study_of(tmp_path, weights=str(tmp_path / "w.safetensors"), normalisation="half", **sizes)
    assert spec_of(told)["weights"].startswith("sha256:")


def test_what_is_no_checkpoint_is_said_so(tmp_path):
    def load(path: Path):
        return models.load_pretrained("transformers", "videomae", SMALL, ["a", "b"], path, keep_head=False)

    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(WeightsError, match="holds no tensors by name, but 'epoch'"):
        load(tmp_path / "empty.pth")
    (tmp_path / "cut.pth").write_bytes(b"cut")
    with pytest.raises(WeightsError, match=r"cut.pth: cannot be loaded"):
        load(tmp_path / "cut.pth")
    (tmp_path / "w.onnx").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"not a file of weights; expected one of .safetensors"):
        digest_of(tmp_path / "w.onnx")


# --- how pixels are normalised ------------------------------------------------------------------------


def described_vivit(folder: Path, **processor) -> dict:
    VivitConfig(image_size=32, num_frames=8, tubelet_size=[2, 16, 16], hidden_size=32).save_pretrained(folder)
    VivitImageProcessor(**processor).save_pretrained(folder)
    return describe(folder, "transformers", "vivit").options


def test_vivit_was_trained_on_minus_one_to_one_whatever_its_processor_adds(tmp_path):
    processor = VivitImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    black = processor([np.zeros((32, 32, 3), np.uint8)], return_tensors="pt")["pixel_values"]
    assert black.min() == -3  # the trap: what the library would give it
    stated = described_vivit(tmp_path)
    assert stated["normalisation"] == {"mean": (0.5,) * 3, "std": (0.5,) * 3}  # black becomes -1
    assert (stated["num_frames"], stated["tubelet_size"], stated["patch_size"]) == (8, 2, 16)


def test_vivits_processor_without_offset_is_taken_at_its_word(tmp_path):
    stated = described_vivit(tmp_path, offset=False, rescale_factor=1 / 255, image_mean=[0.1] * 3, image_std=[0.2] * 3)
    assert stated["normalisation"]["mean"] == pytest.approx((0.1,) * 3)
    with pytest.raises(WeightsError, match="offset and rescale_factor"):
        described_vivit(tmp_path, rescale_factor=1 / 255)


# --- timm ----------------------------------------------------------------------------------------------

VIT = ModelOptions(
    num_frames=2, frame_size=32, patch_size=16, hidden_size=64, num_layers=2, num_heads=1, mlp_ratio=2.0, tubelet_size=1
)


def timm_vit(size: int = 32, global_pool: str = "avg") -> torch.nn.Module:
    """A tiny ViT as timm's factory builds it; 0.5 and 0.5 as augreg's."""
    sizes = {"patch_size": 16, "embed_dim": 64, "depth": 2, "num_heads": 1, "mlp_ratio": 2.0}
    return timm.create_model("vit_base_patch16_224", img_size=size, global_pool=global_pool, num_classes=5, **sizes)


def test_a_folder_of_timm_tells_sizes_and_normalisation_and_gives_its_backbone(tmp_path):
    theirs = timm_vit()
    timm.models.save_for_hf(theirs, str(tmp_path), safe_serialization=True)
    stated = describe(tmp_path, "timm", "vit")
    assert stated.options["normalisation"] == {"mean": (0.5,) * 3, "std": (0.5,) * 3}
    for name in ("frame_size", "patch_size", "hidden_size", "num_layers", "num_heads", "mlp_ratio"):
        assert stated.options[name] == getattr(VIT, name), name
    model, report = models.load_pretrained("timm", "vit", VIT, ["a", "b"], tmp_path, keep_head=False)
    for name, tensor in model.backbone.state_dict().items():
        assert torch.equal(tensor, theirs.state_dict()[name])
    assert report == {"resized": [], "remade": ["head.bias", "head.weight"], "unused": [], "missing": []}


def test_another_frame_size_resamples_the_positions_as_timm_does(tmp_path):
    theirs = timm_vit(size=64)
    torch.save({"model": theirs.state_dict(), "classes": ["x"], "acc": 0.5}, tmp_path / "baseline.pth")
    model, report = models.load_pretrained("timm", "vit", VIT, ["a", "b"], tmp_path / "baseline.pth", keep_head=False)
    expected = timm.layers.resample_abs_pos_embed(theirs.pos_embed, (2, 2), num_prefix_tokens=1)
    torch.testing.assert_close(model.backbone.pos_embed, expected)
    assert report["resized"] == ["pos_embed [1, 17, 64] -> [1, 5, 64]"]


def test_a_timm_backbone_that_does_not_load_is_an_error(tmp_path):
    tensors = {name: tensor for name, tensor in timm_vit().state_dict().items() if not name.startswith("blocks.1.")}
    torch.save(tensors, tmp_path / "shallow.pth")
    with pytest.raises(WeightsError, match=r"the backbone did not load: 12 of its parameters .*first blocks.1"):
        models.load_pretrained("timm", "vit", VIT, ["a", "b"], tmp_path / "shallow.pth", keep_head=False)


def test_a_vit_that_read_its_class_token_gets_a_fresh_norm_and_the_report_says_so(tmp_path):
    """`vit` averages its patches and normalises the average, which no norm of a checkpoint with a class token has seen.

    timm leaves it fresh too, and so did the fine-tuning of MAE (He et al. 2022).
    """
    theirs = timm_vit(global_pool="token")
    torch.save(theirs.state_dict(), tmp_path / "augreg.pth")
    _, report = models.load_pretrained("timm", "vit", VIT, ["a", "b"], tmp_path / "augreg.pth", keep_head=False)
    norm = ["backbone.fc_norm.bias", "backbone.fc_norm.weight"]
    assert report["unused"] == ["norm.bias", "norm.weight"]
    assert (report["missing"], report["remade"]) == (norm, [*norm, "head.bias", "head.weight"])


@pytest.fixture(scope="module")
def convnext() -> dict[str, torch.Tensor]:
    """Tensors of timm's smallest ConvNeXt, whose final norm is called as its head is; fine-tuned for other classes."""
    return timm.create_model("convnext_zepto_rms", num_classes=5).state_dict()


def load_convnext(folder: Path, stored: dict[str, torch.Tensor]) -> dict[str, list[str]]:
    torch.save(stored, folder / "weights.pth")
    options = ModelOptions(num_frames=2, frame_size=32)
    path = folder / "weights.pth"
    return models.load_pretrained("timm", "convnext_zepto_rms", options, ["a"], path, keep_head=False)[1]


def test_the_norm_before_a_head_is_of_the_backbone(convnext, tmp_path):
    assert load_convnext(tmp_path, convnext)["remade"] == ["head.bias", "head.weight"]
    wider = torch.ones(len(convnext["head.norm.weight"]) + 1)
    for damaged in ({"head.norm.weight": wider}, {"head.norm.weight": None}):
        stored = {name: tensor for name, tensor in (convnext | damaged).items() if tensor is not None}
        with pytest.raises(WeightsError, match=r"1 of its parameters are missing .*first head.norm.weight"):
            load_convnext(tmp_path, stored)


def test_what_was_pretrained_without_labels_has_neither_head_nor_norm(convnext, tmp_path):
    """As the masked autoencoders of ConvNeXt V2 that timm publishes."""
    report = load_convnext(tmp_path, {name: t for name, t in convnext.items() if not name.startswith("head.")})
    assert report["missing"] == ["backbone.head.norm.weight", "head.bias", "head.weight"]


# --- epochs: 0 -----------------------------------------------------------------------------------------

AS_IT_IS = {"training": {"epochs": 0, "batch_size": 4}}


def evaluated(data: dict, folder: Path, path: Path, **changes) -> dict:
    spec = SPEC | {"weights": digest_of(path), "model": SMALL.model_dump(exclude_defaults=True)} | AS_IT_IS | changes
    loop.train(spec, **data, parent=None, folder=folder, progress=QUIET, weights={spec["weights"]: path})
    return files.read_json(folder / "training.json")


def old_checkpoint(folder: Path, classes: list[str] | None) -> Path:
    """A model of two classes, saved by the library."""
    torch.manual_seed(1)
    model = VideoMAEForVideoClassification(VideoMAEConfig(**SIZES, num_labels=2))
    if classes:
        model.config.id2label = dict(enumerate(classes))
        model.config.label2id = {name: index for index, name in enumerate(classes)}
    model.save_pretrained(folder)
    return folder


def test_without_epochs_an_old_checkpoint_is_evaluated_as_it_is(data, tmp_path):
    path = old_checkpoint(tmp_path / "old", ["dark", "light"])
    record = evaluated(data, tmp_path / "t", path)
    assert (record["epochs"], record["chosen_epoch"], record["weights"]["remade"]) == (0, 0, [])
    (row,) = files.read_csv(tmp_path / "t/training_log.csv")
    assert (row["epoch"], row["train_loss"]) == ("0", "")
    assert 0 <= float(row["val_top1"]) <= 1
    kept = torch.load(tmp_path / "t/checkpoint.pt", weights_only=True)["weights"]
    theirs = VideoMAEForVideoClassification.from_pretrained(path).state_dict()
    assert {name.removeprefix("model."): True for name in kept} == dict.fromkeys(theirs, True)
    assert all(torch.equal(kept[f"model.{name}"], tensor) for name, tensor in theirs.items())


def test_a_head_for_other_classes_is_refused(data, tmp_path):
    path = old_checkpoint(tmp_path / "turned", ["light", "dark"])
    with pytest.raises(WeightsError, match=r"another class list .*index 0 is light there and dark here"):
        evaluated(data, tmp_path / "t", path)
    path = old_checkpoint(tmp_path / "unnamed", None)
    with pytest.raises(WeightsError, match="stores no class list"):
        evaluated(data, tmp_path / "t", path)
    (path / "classes.json").write_text(json.dumps(["dark", "light"]))
    assert evaluated(data, tmp_path / "t", path)["epochs"] == 0


def test_a_checkpoint_without_a_head_is_not_evaluated(data, tmp_path):
    torch.manual_seed(1)
    tensors = VideoMAEForVideoClassification(VideoMAEConfig(**SIZES, num_labels=2)).state_dict()
    del tensors["classifier.weight"]
    torch.save({"state_dict": tensors, "classes": {"dark": 0, "light": 1}}, tmp_path / "old.pth")
    with pytest.raises(WeightsError, match=r"the model did not load: 1 .*classifier.weight.* which epochs: 0 needs"):
        evaluated(data, tmp_path / "t", tmp_path / "old.pth")


def test_no_epochs_are_refused_where_nothing_was_trained(tmp_path, hub_cache):
    own = {"training": {"batch_size": 4, "epochs": 0}}
    with pytest.raises(StudyError, match=r"models.small.training.epochs: 0 only evaluates pretrained weights"):
        study_of(tmp_path, **own, weights="scratch")
    with pytest.raises(StudyError, match="small may start from scratch"):
        study_of(tmp_path, **own, fallback=["scratch"])
    shown = {"transforms": {"flip": 0.1, "test_resize": "square"}}
    with pytest.raises(
        StudyError, match=r"six_views.evaluation.crops: 3 crops are squares of a frame whose proportions"
    ):
        study_of(tmp_path, **own, **shown)
    spec = spec_of(study_of(tmp_path, **own, **shown, edits=["ablations.six_views.evaluation.crops=1"]))
    assert spec["training"] == {"epochs": 0, "batch_size": 4}
    assert spec["transforms"] == {"test_resize": "square"}
