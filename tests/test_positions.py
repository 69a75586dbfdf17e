"""Tables of positions for other numbers of frames, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from transformers import (
    TimesformerConfig,
    TimesformerForVideoClassification,
    VideoMAEConfig,
    VideoMAEForVideoClassification,
    VivitConfig,
    VivitForVideoClassification,
)

from partway.weights import WeightsError
from partway.weights.loading import into_transformers
from partway.weights.positions import over_space_and_time, over_time
from tiny_weights import SIZES

TINY = {key: SIZES[key] for key in ("image_size", "hidden_size", "num_hidden_layers", "num_attention_heads")}


def vivit(frames: int) -> VivitConfig:
    """Two blocks of frames are one token; 2 x 2 tokens a frame."""
    return VivitConfig(**TINY, intermediate_size=64, num_frames=frames, tubelet_size=[2, 16, 16], num_labels=3)


def grid(*values: float) -> torch.Tensor:
    """A table of CLS, 9, and one token a frame."""
    return torch.tensor([9.0, *values]).reshape(1, -1, 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Centres of four cells on two: at -0.25, 0.25, 0.75 and 1.25 of the old ones, the outer ones held.
        ([0, 8], [0, 2, 6, 8]),
        # Centres of two cells on four: at 0.5 and 2.5, means of neighbours.
        ([0, 2, 10, 20], [1, 15]),
        ([3, 5], [3, 5]),
        ([4], [4, 4, 4]),
    ],
)
def test_a_learned_table_is_interpolated_over_time_and_its_cls_kept(before, after):
    assert torch.equal(over_space_and_time(grid(*before), len(after), 1, 1), grid(*after))


def test_each_place_is_interpolated_over_its_own_time():
    # Two frames of 1 x 2 places: 0, 10 then 8, 30. The token order is time, row, column.
    assert torch.equal(over_space_and_time(grid(0, 10, 8, 30), 4, 1, 2), grid(0, 10, 2, 15, 6, 25, 8, 30))


def test_a_table_of_another_frame_size_is_refused():
    with pytest.raises(WeightsError, match="its 5 positions are no whole number of frames of 2 x 2 tokens"):
        over_space_and_time(grid(1, 2, 3, 4, 5), 2, 2, 2)


def test_timesformers_table_takes_the_nearest_frame():
    table = torch.tensor([1.0, 2, 3, 4]).reshape(1, 4, 1)
    assert over_time(table, 2).flatten().tolist() == [1, 3]
    assert over_time(table, 8).flatten().tolist() == [1, 1, 2, 2, 3, 3, 4, 4]


def test_videomae_computes_its_sinusoid_anew():
    # Position p of width 32: sin(p / 10000^(2i/32)) in column 2i, the cosine in 2i + 1; eight positions for four frames.
    table = VideoMAEForVideoClassification(VideoMAEConfig(**SIZES)).videomae.embeddings.position_embeddings
    assert table.shape == (1, 8, 32)
    expected = [math.sin(5), math.cos(5), math.sin(5 / 10000 ** (2 / 32)), math.cos(5 / 10000 ** (2 / 32))]
    torch.testing.assert_close(table[0, 5, :4], torch.tensor(expected))


def test_vivit_of_other_frames_has_the_interpolated_table_and_the_rest_as_it_was(tmp_path):
    torch.manual_seed(0)
    theirs = VivitForVideoClassification(vivit(4))
    torch.nn.init.normal_(theirs.vivit.embeddings.position_embeddings)
    theirs.save_pretrained(tmp_path)
    ours, report = into_transformers(VivitForVideoClassification, vivit(8), tmp_path, head="classifier", keep=None)
    before, after = (model.vivit.embeddings.position_embeddings.detach() for model in (theirs, ours))
    assert (before.shape, after.shape) == ((1, 1 + 2 * 4, 32), (1, 1 + 4 * 4, 32))
    assert torch.equal(after[:, 0], before[:, 0])
    for place in range(4):
        first, second = before[0, 1 + place], before[0, 5 + place]
        torch.testing.assert_close(after[0, 1 + place], first)
        torch.testing.assert_close(after[0, 5 + place], 0.75 * first + 0.25 * second)
    assert report["resized"] == ["vivit.embeddings.position_embeddings [1, 9, 32] -> [1, 17, 32]"]
    for name, tensor in ours.vivit.state_dict().items():
        assert "position" in name or torch.equal(tensor, theirs.vivit.state_dict()[name]), name


def old_name(name: str) -> str:
    """A parameter of ViViT as transformers called it before version 5, and as its checkpoints on the hub do."""
    for new, old in [
        ("layers.", "encoder.layer."),
        ("attention.q_proj", "attention.attention.query"),
        ("attention.k_proj", "attention.attention.key"),
        ("attention.v_proj", "attention.attention.value"),
        ("attention.o_proj", "attention.output.dense"),
        ("mlp.fc1", "intermediate.dense"),
        ("mlp.fc2", "output.dense"),
    ]:
        name = name.replace(new, old)
    return name


def test_the_old_vivit_scripts_checkpoint_loads_whole(tmp_path):
    torch.manual_seed(0)
    theirs = VivitForVideoClassification(vivit(4))
    old = {f"module.{old_name(name)}": tensor for name, tensor in theirs.state_dict().items()}
    torch.save({"model_state_dict": old, "epoch": 29}, tmp_path / "best.pth")
    ours, report = into_transformers(
        VivitForVideoClassification, vivit(4), tmp_path / "best.pth", head="classifier", keep=None
    )
    assert report == {
        "resized": [],
        "remade": ["classifier.bias", "classifier.weight"],
        "unused": [],
        "missing": [],
    }
    for name, tensor in ours.vivit.state_dict().items():
        assert torch.equal(tensor, theirs.vivit.state_dict()[name]), name


def test_timesformer_of_other_frames(tmp_path):
    sizes = TINY | {"intermediate_size": 64, "patch_size": 16, "num_labels": 3}
    theirs = TimesformerForVideoClassification(TimesformerConfig(**sizes, num_frames=4))
    torch.nn.init.normal_(theirs.timesformer.embeddings.time_embeddings)
    theirs.save_pretrained(tmp_path)
    config = TimesformerConfig(**sizes, num_frames=2)
    ours, report = into_transformers(TimesformerForVideoClassification, config, tmp_path, head="classifier", keep=None)
    before, after = (model.timesformer.embeddings.time_embeddings for model in (theirs, ours))
    assert torch.equal(after, before[:, ::2])
    assert report["resized"] == ["timesformer.embeddings.time_embeddings [1, 4, 32] -> [1, 2, 32]"]


def test_a_variant_that_computes_otherwise_is_refused(tmp_path):
    VivitForVideoClassification(vivit(4)).save_pretrained(tmp_path)
    config = vivit(4)
    config.layer_norm_eps = 1e-5
    with pytest.raises(WeightsError, match=r"has layer_norm_eps 1e-06; partway builds layer_norm_eps 1e-05 only"):
        into_transformers(VivitForVideoClassification, config, tmp_path, head="classifier", keep=None)
