"""Models of every family: shapes, what they can tell apart, that they learn, and that a saved one is the same."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from conftest import TINY_MODEL
from partway.families import FAMILIES
from partway.models import create_model
from partway.schema import ModelOptions

OPTIONS = ModelOptions(**{k: v for k, v in TINY_MODEL.items() if k in ModelOptions.model_fields})
EVERY_MODEL = [(family, name) for family, about in FAMILIES.items() for name in about.architectures]


def clips(seed: int = 0) -> torch.Tensor:
    """Eight clips that fit OPTIONS, as normalised video_BTCHW."""
    shape = (8, OPTIONS.num_frames, 3, OPTIONS.frame_size, OPTIONS.frame_size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("family", "architecture"), EVERY_MODEL)
def test_a_few_steps_lower_the_loss(family, architecture):
    torch.manual_seed(0)
    model = create_model(family, architecture, OPTIONS, 5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(10):
        logits_BK = model(clips())
        assert logits_BK.shape == (8, 5)
        loss = F.cross_entropy(logits_BK, torch.arange(8) % 5)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(("family", "architecture"), EVERY_MODEL)
def test_a_loaded_model_gives_the_same_logits(family, architecture):
    torch.manual_seed(0)
    first, second = (create_model(family, architecture, OPTIONS, 5).eval() for _ in range(2))
    assert not torch.allclose(first(clips()), second(clips()))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(clips()), second(clips()))


@pytest.mark.parametrize(("family", "architecture"), EVERY_MODEL)
def test_only_a_model_with_time_can_tell_a_clip_from_its_reversal(family, architecture):
    torch.manual_seed(0)
    model = create_model(family, architecture, OPTIONS, 5).eval()
    forwards, backwards = model(clips()), model(clips().flip(1))
    assert torch.allclose(forwards, backwards, atol=1e-5) == FAMILIES[family].single_frames


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
