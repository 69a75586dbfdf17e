"""The parameters of a model by depth."""

from __future__ import annotations

import pytest
from torch import nn

from partway.models import create_model
from partway.models.layers import layers
from test_models import CLASSES, EACH, EVERY_MODEL, OPTIONS, trained

DEPTHS = {"mvit_base_16x4": 17, "test_resnet": 5, "test_vit": 7}  # of those that count no num_layers
STAGES = 5  # of a convolutional model: stem and four stages
HEAD_IS_ONE_LAYER = {name for _, name in EVERY_MODEL} - {"vjepa2"}  # which pools by attention


@pytest.mark.parametrize(("family", "architecture"), EACH)
def test_every_parameter_has_one_depth(family, architecture):
    model, _ = trained(family, architecture)
    found = layers(model)
    names = [*(name for block in found.blocks for name in block), *found.head]
    sizes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    assert sorted(names) == sorted(sizes)
    usual = STAGES if family == "pytorchvideo" else OPTIONS.num_layers + 1  # embeddings first
    assert len(found.blocks) == DEPTHS.get(architecture, usual)
    assert sizes[found.head[-1]] == (CLASSES,)
    assert len(found.head) == 2 or architecture not in HEAD_IS_ONE_LAYER


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
