"""The device a training runs on, and how batches get there."""

from __future__ import annotations

import platform
from importlib.metadata import version

import numpy as np
import torch

from partway import machine
from partway.errors import TrainingError
from partway.schema import Normalisation


def choose() -> torch.device:
    """The device of machine.yaml or PARTWAY_DEVICE; `auto` takes the GPU where there is one.

    Raises:
        TrainingError: a GPU was asked for and torch finds none.
    """
    wanted = str(machine.settings()["device"])
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise TrainingError(f"device: {wanted}, but torch {torch.__version__} finds no GPU; write device: cpu or auto")
    try:
        return torch.device(wanted)
    except RuntimeError:
        raise TrainingError(f"device: {wanted!r} is none that torch knows; write auto, cpu, cuda or cuda:0") from None


def name(device: torch.device) -> str:
    """The device as a person knows it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({platform.machine()})"


def versions() -> dict[str, str]:
    """Versions that the numbers may depend on."""
    names = ("partway", "torch", "transformers", "timm", "av", "opencv-python-headless", "numpy")
    return {"python": platform.python_version(), **{package: version(package) for package in names}}


class ToDevice:
    """Moves uint8 clips to the device and normalises them there: a quarter of the bytes to move."""

    def __init__(self, device: torch.device, normalisation: Normalisation):
        self.device = device
        as_channels = {"dtype": torch.float32, "device": device}
        self.mean_C = torch.tensor(normalisation.mean, **as_channels) * 255
        self.std_C = torch.tensor(normalisation.std, **as_channels) * 255

    def clips(self, clips_BTHWC: np.ndarray) -> torch.Tensor:
        """Give video_BTCHW, float, normalised."""
        video = torch.from_numpy(clips_BTHWC)
        if self.device.type == "cuda":
            video = video.pin_memory()
        video = video.to(self.device, non_blocking=True).float()
        return video.sub_(self.mean_C).div_(self.std_C).permute(0, 1, 4, 2, 3).contiguous()

    def labels(self, labels_B: np.ndarray) -> torch.Tensor:
        """Give labels_B, int64."""
        return torch.from_numpy(labels_B).to(self.device, non_blocking=True)
