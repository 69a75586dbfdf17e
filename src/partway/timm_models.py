"""What timm's own sources say about its image models, read as text: importing timm takes three seconds, this a tenth."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

REGISTERED = re.compile(r"^@register_model\s*\ndef (\w+)\(", re.MULTILINE)
IMPORTED = re.compile(r"^from (?:\.|timm\.models\.)(\w+) import (\([^)]*\)|.*)$", re.MULTILINE)
BODY = re.compile(r"^@register_model\s*\ndef (\w+)\((.*?)(?=^@|\Z)", re.MULTILINE | re.DOTALL)
OTHER_THAN_VIT = re.compile(r"block_fn=|attn_layer=|global_pool='map'")
BUILT_ON = re.compile(r"(?:^class \w+\(|build_model_with_cfg\(\s*)(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class ImageModel:
    """One model of timm.

    Attributes:
        sized: whether it is built for one frame size, as those with a table of positions are.
        drop_path: whether its blocks can be skipped at random.
        attention: whether it is a ViT whose blocks are one attention each and whose head reads the class token or
            the mean of the patches.
    """

    sized: bool
    drop_path: bool
    attention: bool


@cache
def image_models() -> dict[str, ImageModel]:
    """Every model that the installed timm registers, by name without the tag of its weights.

    Whether an option is taken is told of whole modules: a parameter of this name stands in it, or in the module of a
    class that it builds on.
    """
    folder = Path(find_spec("timm").origin).parent / "models"
    sources = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
    found: dict[str, ImageModel] = {}
    for name, source in sources.items():
        built_on = set(BUILT_ON.findall(source))
        bases = [sources[base] for base, what in IMPORTED.findall(source) if built_on & set(re.findall(r"\w+", what))]
        sized, drop_path = (
            any(re.search(rf"^\s+{option}: ", text, re.MULTILINE) for text in (source, *bases))
            for option in ("img_size", "drop_path_rate")
        )
        plain = _plain_vits(source) if name == "vision_transformer" else ()
        found |= {model: ImageModel(sized, drop_path, model in plain) for model in REGISTERED.findall(source)}
    return found


def _plain_vits(source: str) -> set[str]:
    """The models of vision_transformer.py whose functions ask for no other kind of block, attention or pooling."""
    return {model for model, body in BODY.findall(source) if not OTHER_THAN_VIT.search(body)}
