"""The device a training runs on, and how batches get there."""

from __future__ import annotations

import platform
import re
from functools import cache
from importlib.metadata import version

import numpy as np
import torch

from partway import machine
from partway.errors import TrainingError
from partway.schema import Normalisation
from partway.training.jitter import jitter

ARCHITECTURE = re.compile(r"(sm|compute)_([0-9]+)([0-9])(a?)f?")


def choose() -> torch.device:
    """The device of machine.yaml or PARTWAY_DEVICE; `auto` takes the GPU where there is one.

    Raises:
        TrainingError: a GPU was asked for and torch finds none, or one that this build of torch cannot run.
    """
    wanted = str(machine.settings()["device"])
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise TrainingError(f"device: {wanted}, but torch {torch.__version__} finds no GPU; write device: cpu or auto")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise TrainingError(f"device: {wanted!r} is none that torch knows; write auto, cpu, cuda or cuda:0") from None
    _check_build(device)
    return device


def _check_build(device: torch.device) -> None:
    if device.type != "cuda":
        return
    capability, built_for = torch.cuda.get_device_capability(device), torch.cuda.get_arch_list()
    if not runs(capability, built_for):
        raise TrainingError(
            f"{name(device)} has capability {capability[0]}.{capability[1]}, and torch {torch.__version__} was built for "
            f"{', '.join(built_for)}; write device: cpu in profiles/machine.yaml, or install a build for this GPU"
        )


def runs(capability: tuple[int, int], built_for: list[str]) -> bool:
    """Whether a GPU runs code of one of these architectures.

    Code of sm_XY runs on X.Y and later minor versions of X, that of sm_XYa on X.Y alone; compute_XY is translated for
    all later GPUs (CUDA C++ Programming Guide, compute capabilities). Names of other vendors say nothing here.
    """
    known = [match for match in (ARCHITECTURE.fullmatch(entry) for entry in built_for) if match]
    for kind, major, minor, only in (match.groups() for match in known):
        built = (int(major), int(minor))
        if capability == built or (
            not only and capability >= built and (kind == "compute" or capability[0] == built[0])
        ):
            return True
    return not known


def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on a device; to a GPU from pinned memory, so that nobody waits for the copy."""
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)


def name(device: torch.device) -> str:
    """The device as a person knows it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({platform.machine()})"


@cache
def versions() -> dict[str, str]:
    """Versions that the numbers may depend on."""
    names = ("partway", "torch", "transformers", "timm", "av", "opencv-python-headless", "numpy")
    return {"python": platform.python_version(), **{package: version(package) for package in names}}


class ToDevice:
    """Moves uint8 clips to the device and normalises them there: a quarter of the bytes to move."""

    def __init__(self, device: torch.device, normalisation: Normalisation):
        self.device = device
        as_channels = {"dtype": torch.float32, "device": device}
        self.mean_C11 = torch.tensor(normalisation.mean, **as_channels)[:, None, None] * 255
        self.std_C11 = torch.tensor(normalisation.std, **as_channels)[:, None, None] * 255

    def clips(self, clips_BTHWC: np.ndarray, factors_BT4: np.ndarray | None = None) -> torch.Tensor:
        """Give video_BTCHW, float, its colours changed by the factors where there are some, normalised."""
        video_BTHWC = moved(torch.from_numpy(clips_BTHWC), self.device)
        if factors_BT4 is not None:
            factors = moved(torch.from_numpy(factors_BT4), self.device)
            video_BTHWC = jitter(video_BTHWC.float().div_(255), factors).mul_(255)
        # Planes first: arithmetic over the three channels of a pixel is four times as slow on a CPU.
        planes = {"dtype": torch.float32, "memory_format": torch.contiguous_format}
        video_BTCHW = video_BTHWC.permute(0, 1, 4, 2, 3).to(**planes).contiguous()
        return video_BTCHW.sub_(self.mean_C11).div_(self.std_C11)

    def labels(self, labels_B: np.ndarray) -> torch.Tensor:
        """Give labels_B, int64."""
        return moved(torch.from_numpy(labels_B), self.device)
