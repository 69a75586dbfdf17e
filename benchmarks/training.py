"""What the training loop costs beside bare forward, backward and step, and beside Hugging Face's Trainer.

    python benchmarks/training.py                                     # a small VideoMAE, on the CPU
    python benchmarks/training.py --size base --precision bf16        # VideoMAE-B at 224, on a GPU

The same VideoMAE, AdamW, clipping, precision and batches for all three; clips lie ready in memory, since decoding has a
benchmark of its own. The bare loop has its floats on the device; ours and the Trainer normalise uint8, and ours follows
loss and accuracy. The three take turns; each turn is one epoch, after one that warms up.
On a CPU processor seconds are counted, of all threads, for other work on the machine does not move them as much.
Targets: at most 5 % above the bare loop, and never slower than the Trainer; ends with 1 where one is missed.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import transformers
from torch import nn
from torch.nn import functional as F

from partway import machine
from partway.data.manifest import Manifest, Video
from partway.models import create_model
from partway.progress import Progress
from partway.training import device as devices
from partway.training.interruption import Interruption
from partway.training.loop import Trainer
from partway.training.precision import Precision
from partway.training.running import EpochUnderWay
from partway.training.spec import TrainingSpec
from partway.training.state import Owner, StateFolder
from partway.weights.start import find

SIZES = {
    "small": {"num_frames": 8, "frame_size": 64, "hidden_size": 96, "num_layers": 4, "num_heads": 4},
    "base": {},
}
QUIET = Progress("benchmark", stream=io.StringIO())
MOST_OVER_BARE = 1.05


class Ready:
    """Clips that are there already, in place of those that are decoded."""

    def __init__(self, clips_NTHWC: np.ndarray):
        self.clips_NTHWC = clips_NTHWC

    def train_clip(self, video: Video, epoch: int) -> np.ndarray:  # noqa: ARG002 (as ClipMaker has it)
        """A clip_THWC of a video."""
        return self.clips_NTHWC[video.frames]

    def jitter(self, ids: list[str], epoch: int) -> None:
        """No colours are changed."""


def manifest(clips: int, classes: int) -> Manifest:
    """Videos whose number of frames is their place in memory."""
    fixed = {"split": "train", "frame_rate": 25.0, "width": 1, "height": 1, "codec": "none"}
    videos = [
        Video(id=f"v{i}", path=f"v{i}", label=f"c{i % classes}", group=f"g{i}", frames=i, digest=f"{i}", **fixed)
        for i in range(clips)
    ]
    return Manifest(videos, [f"c{i}" for i in range(classes)])


def spec_of(options: argparse.Namespace, clips: int) -> TrainingSpec:
    """A plain recipe: what any loop does."""
    training = {
        "epochs": clips,
        "batch_size": options.batch_size,
        "precision": options.precision,
    }  # as long as asked for
    return TrainingSpec.from_dict(
        {
            "family": "transformers",
            "architecture": "videomae",
            "weights": "scratch",
            "model": SIZES[options.size],
            "training": training | {"warmup": 0.0, "select": "last", "train_eval": False},
            "validation": {"fraction": 0},
            "data": "memory",
            "train_ratio": 1,
            "seed": 0,
        }
    )


def videos_on(device: torch.device, spec: TrainingSpec, clips_NTHWC: np.ndarray) -> list[torch.Tensor]:
    """The batches, normalised."""
    to_device, size = devices.ToDevice(device, spec.model.normalisation), spec.training.batch_size
    return [to_device.clips(clips_NTHWC[at : at + size]) for at in range(0, len(clips_NTHWC), size)]


class Clock:
    """Seconds between begin and end: of the processor on a CPU, of the clock on a GPU that has done its work."""

    def __init__(self, device: torch.device):
        self.device = device

    def now(self) -> float:
        """The time in seconds."""
        if self.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def begin(self) -> None:
        """Start."""
        self.began = self.now()

    def end(self) -> None:
        """Stop."""
        self.took = self.now() - self.began


def bare(model: nn.Module, batches: list[torch.Tensor], labels: list[torch.Tensor], precision: Precision) -> Callable:
    """An epoch of forward, backward and step, and nothing else."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, fused=batches[0].is_cuda)

    def epoch(clock: Clock) -> None:
        clock.begin()
        for video_BTCHW, labels_B in zip(batches, labels, strict=True):
            with precision.autocast():
                loss = F.cross_entropy(model(video_BTCHW), labels_B)
            precision.backward(loss)
            precision.step(optimizer, model.parameters(), 1.0)
            optimizer.zero_grad(set_to_none=True)
        clock.end()

    return epoch


class Timed(transformers.TrainerCallback):
    """Takes the time of the Trainer's epoch, without what it does before and after."""

    def __init__(self, clock: Clock):
        self.clock = clock

    def on_epoch_begin(self, *_, **__) -> None:
        """Its first batch is next."""
        self.clock.begin()

    def on_epoch_end(self, *_, **__) -> None:
        """Its last step is done."""
        self.clock.end()


class Rows(torch.utils.data.Dataset):
    """What the Trainer reads: each clip normalised when it is asked for."""

    def __init__(self, clips_NTHWC: np.ndarray, classes: int, to_device: devices.ToDevice):
        self.clips_NTHWC, self.classes, self.to_device = clips_NTHWC, classes, to_device

    def __len__(self) -> int:
        return len(self.clips_NTHWC)

    def __getitem__(self, index: int) -> dict:
        clip_TCHW = self.to_device.clips(self.clips_NTHWC[index : index + 1])[0]
        return {"pixel_values": clip_TCHW, "labels": index % self.classes}


def hugging_face(model: nn.Module, rows: Rows, options: argparse.Namespace, folder: str) -> Callable:
    """An epoch of the Trainer, without its logging and saving."""
    arguments = transformers.TrainingArguments(
        folder,
        num_train_epochs=1,
        per_device_train_batch_size=options.batch_size,
        max_grad_norm=1.0,
        bf16=options.precision == "bf16",
        fp16=options.precision == "fp16",
        lr_scheduler_type="cosine",
        use_cpu=next(model.parameters()).device.type == "cpu",
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )

    def epoch(clock: Clock) -> None:
        transformers.Trainer(model=model, args=arguments, train_dataset=rows, callbacks=[Timed(clock)]).train()

    return epoch


def ours(trainer: Trainer, clock: Clock) -> None:
    """An epoch of the loop, without the state's file and the log."""
    trainer.under_way = EpochUnderWay()
    clock.begin()
    trainer._train_epoch()
    clock.end()


def main() -> int:
    """Measure in turns, print a table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="small", help="of the VideoMAE")
    parser.add_argument("--precision", choices=("fp32", "bf16", "fp16"), default="fp32")
    parser.add_argument("--batch-size", type=int, default=16, help="clips of a step")
    parser.add_argument("--steps", type=int, default=20, help="of an epoch")
    parser.add_argument("--repeats", type=int, default=7, help="epochs of each that are measured")
    options = parser.parse_args()
    if importlib.util.find_spec("accelerate") is None:
        sys.exit("Hugging Face's Trainer needs accelerate, which is not installed: `pip install accelerate==1.15.0`")
    clips, classes = options.batch_size * options.steps, 10
    spec, data = spec_of(options, clips), manifest(clips, classes)
    shape = (clips, spec.model.num_frames, spec.model.frame_size, spec.model.frame_size, 3)
    clips_NTHWC = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    torch.set_num_threads(machine.threads())
    with tempfile.TemporaryDirectory() as folder, Owner(Path(folder, "state"), QUIET) as owner:
        trainer = Trainer(spec, data, None, StateFolder(owner, {}, QUIET), Interruption("benchmark"), QUIET)
        trainer.clips = Ready(clips_NTHWC)
        with trainer:
            trainer.start(None, find(spec, {}))
            device = trainer.parts.device
            clock = Clock(device)
            batches = videos_on(device, spec, clips_NTHWC)
            make = partial(create_model, "transformers", "videomae", spec.model, classes)
            labels = [
                (torch.arange(len(batch), device=device) + at * options.batch_size) % classes
                for at, batch in enumerate(batches)
            ]
            precision = Precision(spec.training.precision, device, QUIET)
            rows = Rows(clips_NTHWC, classes, devices.ToDevice(torch.device("cpu"), spec.model.normalisation))
            turns = {
                "bare": bare(make().to(device), batches, labels, precision),
                "ours": partial(ours, trainer),
                "Trainer": hugging_face(make().model.to(device), rows, options, folder),
            }
            seconds: dict[str, list[float]] = {name: [] for name in turns}
            for repeat in range(options.repeats + 1):
                for name, epoch in turns.items():
                    epoch(clock)
                    if repeat:
                        seconds[name].append(clock.took)
    print(
        f"{devices.name(device)}, {torch.get_num_threads()} threads, {trainer.parts.precision.name}, VideoMAE {options.size}"
    )
    print(", ".join(f"{name} {version}" for name, version in devices.versions().items()))
    ratios = {
        name: [took / alone for took, alone in zip(times, seconds["bare"], strict=True)]
        for name, times in seconds.items()
    }
    for name, times in seconds.items():
        ms, ratio = statistics.median(times) / options.steps * 1000, statistics.median(ratios[name])
        spread = f"{min(ratios[name]):.3f} to {max(ratios[name]):.3f}"
        print(f"{name:8} {ms:8.2f} ms a step, {ratio:.3f} of the bare loop ({spread})")
    mine, theirs = (statistics.median(ratios[name]) for name in ("ours", "Trainer"))
    return 0 if mine <= MOST_OVER_BARE and mine <= theirs else 1


if __name__ == "__main__":
    sys.exit(main())
