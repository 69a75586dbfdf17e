"""The parameters of a model by depth."""

from __future__ import annotations

import pytest
from torch import nn

from partway.models import create_model
from partway.models.layers import layers
from test_models import EVERY_MODEL, OPTIONS


@pytest.mark.parametrize(("family", "architecture"), EVERY_MODEL)
def test_every_parameter_has_one_depth(family, architecture):
    model = create_model(family, architecture, OPTIONS, 5)
    found = layers(model)
    names = [*(name for block in found.blocks for name in block), *found.head]
    assert sorted(names) == sorted(name for name, _ in model.named_parameters())
    assert len(found.blocks) == OPTIONS.num_layers + 1  # embeddings first
    sizes = dict(model.named_parameters())
    assert [sizes[name].shape[0] for name in found.head] == [5, 5]


def test_blocks_run_from_input_to_output():
    deeper = OPTIONS.model_copy(update={"num_layers": 2})
    found = layers(create_model("timm", "vit", deeper, 5))
    assert any("patch_embed" in name for name in found.blocks[0])
    assert all(".blocks.0." in name for name in found.blocks[1])
    found = layers(create_model("transformers", "videomae", deeper, 5))
    assert all("embeddings" in name for name in found.blocks[0])
    assert any("fc_norm" in name for name in found.blocks[-1])
    assert all("layer.1." in name or "fc_norm" in name for name in found.blocks[2])


class Forgetful(nn.Module):
    """A model that does not say where its norm is."""

    def __init__(self):
        super().__init__()
        self.body, self.norm, self.head = nn.Linear(2, 2), nn.LayerNorm(2), nn.Linear(2, 2)

    def depth(self):
        return [[self.body], [self.head]]


def test_a_forgotten_parameter_is_told():
    with pytest.raises(ValueError, match=r"Forgetful.*norm\.bias"):
        layers(Forgetful())
