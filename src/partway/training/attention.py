"""Which kernel scaled dot-product attention runs on: torch chooses it silently, and the slow one costs much."""

from __future__ import annotations

import re
from typing import Any, Self

from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

FUSED = re.compile(r"_scaled_dot_product_(flash|efficient|cudnn)_attention")


class Watch(TorchFunctionMode):
    """Looks on while its block runs a model; changes nothing.

    Attributes:
        calls: of scaled_dot_product_attention.
        fused: kernels that were run for them, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.fused: list[str] = []
        self._kernels = _Kernels(self.fused)

    def __enter__(self) -> Self:
        self._kernels.__enter__()
        return super().__enter__()

    def __exit__(self, *error) -> None:
        super().__exit__(*error)
        self._kernels.__exit__(*error)

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Count the calls."""
        self.calls += func is F.scaled_dot_product_attention
        return func(*args, **(kwargs or {}))

    @property
    def backends(self) -> str | None:
        """Names of what ran; `math` is the slow one. None for a model without scaled dot-product attention."""
        missing = ["math"] if self.calls > len(self.fused) else []
        return " + ".join(sorted({*self.fused, *missing})) or None


class _Kernels(TorchDispatchMode):
    def __init__(self, seen: list[str]):
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if match := FUSED.match(func.overloadpacket.__name__):
            self.seen.append(match[1])
        return func(*args, **(kwargs or {}))
