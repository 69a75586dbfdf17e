"""Models of every family: shapes, what they can tell apart, that they learn, and that a saved one is the same."""

from __future__ import annotations

import copy
from functools import cache

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from conftest import TINY_MODEL, sweep
from partway.errors import TrainingError
from partway.families import FAMILIES
from partway.models import create_model, load_pretrained, transformers
from partway.models.layers import layers
from partway.schema import ModelOptions
from partway.training.checkpoints import load_tensors, save_tensors

OPTIONS = ModelOptions(**{k: v for k, v in TINY_MODEL.items() if k in ModelOptions.model_fields})
EVERY_MODEL = [(family, name) for family, about in FAMILIES.items() for name in about.architectures]
EVERY_MODEL += [("timm", "test_vit"), ("timm", "test_resnet")]  # timm's own tiny ones stand for all that it names
# Those of pytorchvideo cannot be made small: their tests are slow.
SMALL = [each for each in EVERY_MODEL if each[0] != "pytorchvideo"]
EACH = sweep(EVERY_MODEL, quick=SMALL)
CLASSES = 5
BY_LIBRARY = {"timesformer"}  # an attention of the library's own, which SDPA does not serve


def tiny(family: str, architecture: str, **more) -> ModelOptions:
    """The smallest of an architecture: its own defaults, and OPTIONS as far as it takes them."""
    about = FAMILIES[family].find(architecture)
    sizes = {name: value for name, value in OPTIONS.model_dump().items() if name in about.takes}
    frames = {"num_frames": 8 if architecture == "slowfast_r50" else 4, "frame_size": 32, "dropout": 0.0}
    options = ModelOptions(**dict(about.defaults) | sizes | frames | more)
    assert list(about.wrong_sizes(options)) == []
    return options


def clips(options: ModelOptions = OPTIONS, count: int = 8) -> torch.Tensor:
    """Clips that fit the options, as normalised video_BTCHW."""
    shape = (count, options.num_frames, 3, options.frame_size, options.frame_size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@cache
def trained(family: str, architecture: str, temporal: str = "mean") -> tuple[nn.Module, list[float]]:
    """A tiny model after a few steps on the same clips, and the loss before each."""
    torch.manual_seed(0)
    large = family == "pytorchvideo"  # these cannot be made small
    count, steps, learning_rate = (2, 3, 1e-4) if large else (4, 10, 1e-3)
    options = tiny(family, architecture, temporal=temporal)
    model = create_model(family, architecture, options, CLASSES)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        logits_BK = model(clips(options, count))
        assert logits_BK.shape == (count, CLASSES)
        loss = F.cross_entropy(logits_BK, torch.arange(count))
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval(), losses


@pytest.mark.parametrize(("family", "architecture"), EACH)
def test_a_few_steps_lower_the_loss(family, architecture):
    _, losses = trained(family, architecture)
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize(("family", "architecture"), EACH)
def test_a_saved_model_gives_the_same_logits(family, architecture, tmp_path):
    model, _ = trained(family, architecture)
    options = tiny(family, architecture)
    save_tensors(tmp_path / "checkpoint.pt", model.state_dict())
    other = create_model(family, architecture, options, CLASSES).eval()
    with torch.no_grad():
        assert not torch.allclose(model(clips(options, 2)), other(clips(options, 2)))
        other.load_state_dict(load_tensors(tmp_path / "checkpoint.pt"))
        assert torch.equal(model(clips(options, 2)), other(clips(options, 2)))


@pytest.mark.parametrize(("family", "architecture"), EACH)
def test_the_backbone_of_every_model_loads_from_a_file_and_its_head_for_the_same_classes(
    family, architecture, tmp_path
):
    model, _ = trained(family, architecture)
    options, classes = tiny(family, architecture), [f"class {number}" for number in range(CLASSES)]
    content = {"model_state": {f"module.{name}": tensor for name, tensor in model.state_dict().items()}}
    torch.save(content | {"classes": classes}, tmp_path / "weights.pyth")
    other, report = load_pretrained(
        family, architecture, options, ["a", "b"], tmp_path / "weights.pyth", keep_head=False
    )
    head, own = set(layers(model).head), dict(model.named_parameters())
    loaded = [name for name, tensor in other.named_parameters() if name not in head and torch.equal(tensor, own[name])]
    assert set(loaded) == set(own) - head
    assert {name.rpartition(".")[2] for name in report["remade"]} == {"weight", "bias"}
    whole, _ = load_pretrained(family, architecture, options, classes, tmp_path / "weights.pyth", keep_head=True)
    with torch.no_grad():
        assert torch.equal(whole.eval()(clips(options, 2)), model(clips(options, 2)))


@pytest.mark.parametrize(("family", "architecture"), EACH)
def test_only_a_model_with_time_can_tell_a_clip_from_its_reversal(family, architecture):
    model = copy.deepcopy(trained(family, architecture)[0]).double()  # branches that began with zeros say little yet
    video_BTCHW = clips(tiny(family, architecture), 2).double()
    with torch.no_grad():
        same = torch.allclose(model(video_BTCHW), model(video_BTCHW.flip(1)), rtol=1e-9, atol=1e-9)
    assert same == FAMILIES[family].single_frames


@pytest.mark.parametrize("temporal", ["lstm", "transformer"])
def test_a_frame_model_may_learn_over_time(temporal):
    model, losses = trained("timm", "vit", temporal)
    assert losses[-1] < 0.9 * losses[0]
    assert not torch.allclose(model(clips()), model(clips().flip(1)), atol=1e-4)
    assert any(name.startswith("temporal.") for name in layers(model).head)


def test_a_frame_model_averages_the_features_of_its_frames():
    torch.manual_seed(0)
    model = create_model("timm", "vit", OPTIONS, 5).eval()
    video_BTCHW = clips()
    by_frame = [model.backbone(video_BTCHW[:, t]) for t in range(OPTIONS.num_frames)]
    expected = model.head(sum(by_frame) / OPTIONS.num_frames)
    assert torch.allclose(model(video_BTCHW), expected, atol=1e-5)


def test_fresh_weights_have_the_deviation_that_was_asked_for():
    wide = OPTIONS.model_copy(update={"hidden_size": 128, "initializer_range": 0.08})
    model = create_model("timm", "vit", wide, 5)
    assert model.backbone.blocks[0].attn.qkv.weight.std().item() == pytest.approx(0.08, rel=0.05)
    assert model.head.weight.std().item() == pytest.approx(0.08, rel=0.2)


DROPPING = [
    (family, name, option)
    for family, name in EVERY_MODEL
    for option in ("dropout", "drop_path")
    if option in FAMILIES[family].find(name).options
]
QUICK_ONES = [*SMALL, ("pytorchvideo", "x3d_s")]


@pytest.mark.parametrize(
    ("family", "architecture", "option"), sweep(DROPPING, quick=[case for case in DROPPING if case[:2] in QUICK_ONES])
)
def test_what_is_dropped_in_training_changes_logits_there_alone(family, architecture, option):
    layered = "num_layers" in FAMILIES[family].find(architecture).takes
    options = tiny(family, architecture, **{option: 0.5} | ({"num_layers": 2} if layered else {}))
    model = create_model(family, architecture, options, CLASSES)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.ones_(part.eval().weight)  # at first branches of a ResNet give zeros
    video_BTCHW = clips(options, 2)
    with torch.no_grad():
        assert not torch.equal(model(video_BTCHW), model(video_BTCHW))
        model.eval()
        assert torch.equal(model(video_BTCHW), model(video_BTCHW))


class CountsAttention(TorchFunctionMode):
    """Counts calls of scaled_dot_product_attention, which has kernels of its own."""

    count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.count += func is F.scaled_dot_product_attention
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("architecture", sorted(set(FAMILIES["transformers"].architectures) - BY_LIBRARY))
def test_attention_is_never_silently_eager(architecture):
    options = tiny("transformers", architecture)
    fused, eager = (
        transformers.build(architecture, options, CLASSES, attn_implementation=implementation).eval()
        for implementation in (None, "eager")
    )
    eager.load_state_dict(fused.state_dict())
    with CountsAttention() as counted, torch.no_grad():
        logits_BK = fused(clips(options, 2))
    assert counted.count >= options.num_layers
    with CountsAttention() as counted, torch.no_grad():
        assert torch.allclose(eager(clips(options, 2)), logits_BK, atol=1e-5)
        pixels = {eager.model.main_input_name: clips(options, 2)}
        maps = eager.model(**pixels, output_attentions=True).attentions
    assert counted.count == 0
    assert len(maps) == options.num_layers


def test_slowfast_gives_its_slow_pathway_every_fourth_frame_from_first_to_last():
    model = create_model("pytorchvideo", "slowfast_r50", tiny("pytorchvideo", "slowfast_r50"), CLASSES)
    seen = []
    model.model.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs[0]))
    video_BTCHW = torch.arange(8.0).reshape(1, 8, 1, 1, 1).expand(2, 8, 3, 32, 32)
    with torch.no_grad():
        model(video_BTCHW)
    slow_BCTHW, fast_BCTHW = seen
    assert slow_BCTHW[0, 0, :, 0, 0].tolist() == [0, 7]
    assert fast_BCTHW[0, 0, :, 0, 0].tolist() == list(range(8))


def test_a_frame_size_that_a_model_of_timm_cannot_take_is_told():
    options = ModelOptions(num_frames=2, frame_size=224)
    with pytest.raises(TrainingError, match="crossvit_tiny_240 cannot be built for frames of 224 x 224 pixels"):
        create_model("timm", "crossvit_tiny_240", options, CLASSES)
