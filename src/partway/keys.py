"""Keys: a hash of what the numbers of a file depend on, and of nothing else.

Canonical JSON has sorted keys, no blanks, and one spelling of a number: `1`, `1.0` and `1e0` are one key.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

KEY_LENGTH = 12  # hexadecimal digits: 48 bits, a collision among 100,000 files has a chance of 2e-5

# A change that alters numbers bumps its part, and only that: the keys of everything behind it move.
NUMERICS = {"data": 3, "model": 1, "training": 1, "evaluation": 1}
# What is made of finished results; in no key, but in the params of tables, figures and report and in the mark of collect.
RESULTS_VERSION = 10
ATTENTION_VERSION = 1  # of what pictures of attention show and how; in their keys


def normalise(value: Any) -> Any:
    """Bring equal values to one form: whole floats become integers, tuples lists.

    Raises:
        ValueError: NaN or infinity, which no setting may hold.
    """
    if isinstance(value, dict):
        return {str(key): normalise(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [normalise(item) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be part of a key")
        return int(value) if value.is_integer() else value
    return value


def canonical_json(value: Any) -> str:
    """Write `value` in its one canonical form: equal settings give equal text."""
    return json.dumps(normalise(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def key_of(value: Any) -> str:
    """Hash the canonical form of `value` to `KEY_LENGTH` hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:KEY_LENGTH]


def data_key(layout: str, options: dict, listing: list[tuple[str, int]] | None) -> str:
    """Key of a data set: its layout options and the (relative path, bytes) of each source file.

    `validation`, the root path and the frame store (the training's) are not among `options`; a generated data set has no listing.
    """
    files = None if listing is None else sorted([path, size] for path, size in listing)
    return key_of({"layout": layout, "options": options, "files": files, "numerics": _numerics("data")})


def training_key(spec: dict) -> str:
    """Key of a training: its resolved spec without the fields at their default (see `study.py`)."""
    return key_of({**spec, "numerics": _numerics("data", "model", "training")})


def evaluation_key(spec: dict) -> str:
    """Key of an evaluation: its training's key, split, ratio, window and views."""
    return key_of({**spec, "numerics": _numerics("evaluation")})


def attention_key(spec: dict) -> str:
    """Key of a picture of attention: its training's key, ratio, window and videos."""
    return key_of({**spec, "attention": ATTENTION_VERSION, "numerics": _numerics("evaluation")})


def _numerics(*parts: str) -> dict[str, int]:
    return {part: NUMERICS[part] for part in parts}
