"""One training, from its spec to `training_log.csv`, `checkpoint.pt` and `training.json`.

A killed training goes on at its last whole epoch and ends, on a CPU at the same number of threads, bit for bit where
an undisturbed one ends: clips and mixing are drawn from (seed, epoch, place) alone, the rest is in the state.
"""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from partway import files, keys, machine, metrics
from partway.data import manifest as manifests
from partway.data.clips import ClipLoader, ClipMaker, epoch_order
from partway.data.manifest import Manifest, Video
from partway.data.store import open_reader
from partway.errors import TrainingError
from partway.models import create_model, parameter_count
from partway.progress import Progress, duration
from partway.schema import Evaluation
from partway.training import checkpoints
from partway.training import device as devices
from partway.training.mixup import mix
from partway.training.optim import create_optimizer, create_schedule, optimizer_steps
from partway.training.running import RecentLosses, RunningSums
from partway.training.scoring import predict
from partway.training.spec import TrainingSpec
from partway.training.state import Owner, StateFolder

LOG_COLUMNS = [
    "epoch",
    *(f"{part}_{name}" for part in ("train", "train_eval", "val") for name in ("loss", "top1", "top5")),
    *("train_target", "learning_rate", "epoch_sec", "clips_per_sec", "gpu_mem_mb"),
]
MOST_TRAIN_EVAL_VIDEOS = 1000
ONE_VIEW = Evaluation()


def train(
    spec: dict[str, Any],
    *,
    manifest: Path,
    store: Path,
    root: str,
    parent: Path | None,
    folder: Path,
    progress: Progress,
) -> None:
    """Run a training, or what is left of it, and write its three files into `folder`, `training.json` last.

    Args:
        spec: as hashed; fields at their default may be left out.
        manifest, store, root: of the data set, see `prepare` and `store`.
        parent: folder of the previous stage's training, whose chosen checkpoint is the start.

    Raises:
        DataError: a video broke; names it. TrainingError: a loss that is not finite, a parent of other classes.
        OwnershipError: another process has taken this training over.
    """
    with Owner(folder / "state", progress) as owner:
        files.remove_leftovers(folder)
        data = manifests.read(manifest)
        start = files.read_json(parent / "training.json")["checkpoint_digest"] if parent else "fresh"
        identity = {"spec": keys.canonical_json(spec), "fingerprint": data.fingerprint, "start": start}
        states = StateFolder(owner, identity, progress)
        with _Trainer(TrainingSpec.from_dict(spec), data, open_reader(store, root, data), states, progress) as trainer:
            trainer.start(parent)
            while trainer.epoch < trainer.options.epochs:
                trainer.run_epoch()
            trainer.write(spec, folder, parent)


@dataclass
class _SoFar:
    """What a training has come to so far; saved after every epoch."""

    epoch: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int | None = None
    elapsed_sec: float = 0.0


class _Trainer:
    """The loop and its parts."""

    def __init__(self, spec: TrainingSpec, data: Manifest, reader, states: StateFolder, progress: Progress):
        self.spec, self.options, self.data = spec, spec.training, data
        self.states, self.progress = states, progress
        self.so_far = _SoFar()
        self.videos = manifests.subset(data.split("train", spec.validation), spec.train_fraction)
        self.validation = data.split("validation", spec.validation) if spec.validation.fraction else []
        self.train_eval = _fixed_sample(self.videos, len(self.validation)) if self.options.train_eval else []
        self.clips = ClipMaker(
            reader=reader,
            model=spec.model,
            sampling=spec.sampling,
            transforms=spec.transforms,
            ratio=spec.train_ratio,
            seed=spec.seed,
            validation_seed=spec.validation.seed,
        )

    def __enter__(self) -> _Trainer:
        self.loader = ClipLoader(self.data.classes, self.options.batch_size, machine.workers())
        return self

    def __exit__(self, *error) -> None:
        self.loader.__exit__(*error)

    @property
    def epoch(self) -> int:
        return self.so_far.epoch

    def start(self, parent: Path | None) -> None:
        """Build model, optimizer and schedule; take up saved state where there is some."""
        state = self.states.load()
        self.threads = state["threads"] if state else machine.threads()
        torch.set_num_threads(self.threads)
        self.device = devices.choose()
        self.to_device = devices.ToDevice(self.device, self.spec.model.normalisation)
        torch.manual_seed(self.spec.seed)
        model = create_model(self.spec.family, self.spec.architecture, self.spec.model, len(self.data.classes))
        if parent is not None:
            model.load_state_dict(checkpoints.load(parent / "checkpoint.pt", self.data.classes)["weights"])
        self.model = model.to(self.device).train()
        self.optimizer = create_optimizer(self.model, self.options)
        self.steps = self.options.epochs * optimizer_steps(len(self.videos), self.options)
        self.schedule = create_schedule(self.optimizer, self.steps, self.options)
        self.progress.line(
            f"{len(self.videos)} train and {len(self.validation)} validation videos, {parameter_count(model):,} parameters, "
            f"{devices.name(self.device)}, {self.threads} threads, {machine.workers()} workers"
        )
        if state:
            self._resume(state)

    def _resume(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["torch_rng"])
        if self.device.type == "cuda" and state["cuda_rng"] is not None:
            torch.cuda.set_rng_state(state["cuda_rng"], self.device)
        self.so_far = _SoFar(**{name: state[name] for name in ("epoch", "rows", "best_epoch", "elapsed_sec")})
        self.progress.line(f"resumed after epoch {self.epoch} of {self.options.epochs}")

    def run_epoch(self) -> None:
        """Train one epoch, score it, log it, save the state."""
        began = time.monotonic()
        row = {"epoch": self.epoch + 1} | self._train_epoch()
        train_sec = time.monotonic() - began
        row |= self._scores("train_eval", self.train_eval) | self._scores("val", self.validation)
        row |= {
            "train_target": "dominant" if self.options.mixup else "hard",
            "epoch_sec": round(time.monotonic() - began, 3),
            "clips_per_sec": round(len(self.videos) / train_sec, 2),
            "gpu_mem_mb": self._gpu_mem_mb(),
        }
        self._keep(row)

    def _gpu_mem_mb(self) -> int:
        """Peak of the epoch; 0 on the CPU."""
        if self.device.type != "cuda":
            return 0
        peak = torch.cuda.max_memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        return round(peak / 2**20)

    def _train_epoch(self) -> dict[str, float]:
        epoch, sums, losses = self.epoch + 1, RunningSums(), RecentLosses()
        order = epoch_order(self.videos, self.spec.seed, epoch)
        batches = math.ceil(len(order) / self.options.batch_size)
        began = time.monotonic()
        for number, batch in enumerate(self.loader.batches(order, lambda video: self.clips.train_clip(video, epoch))):
            video_BTCHW = self.to_device.clips(batch.clips_BTHWC)
            labels_B = self.to_device.labels(batch.labels_B)
            at = (self.spec.seed, epoch, number)
            video_BTCHW, targets_BK = mix(video_BTCHW, labels_B, len(self.data.classes), self.options.mixup, at=at)
            logits_BK = self.model(video_BTCHW)
            loss = F.cross_entropy(logits_BK, targets_BK, label_smoothing=self.options.label_smoothing)
            losses.add(loss, f"epoch {epoch}, batch {number + 1} of {batches}, videos {', '.join(batch.ids)}")
            (loss * len(batch.ids) / self._group_clips(number, len(order))).backward()
            sums.add(loss, logits_BK.detach(), targets_BK.argmax(dim=1))
            if (number + 1) % self.options.accumulation == 0 or number + 1 == batches:
                learning_rate = self._step()
            self.progress.update(partial(self._epoch_so_far, epoch, number + 1, batches, sums, began))
        losses.check()
        return {f"train_{name}": value for name, value in sums.means().items()} | {"learning_rate": learning_rate}

    def _epoch_so_far(self, epoch: int, done: int, batches: int, sums: RunningSums, began: float) -> str:
        left = (time.monotonic() - began) / done * (batches * (self.options.epochs - epoch + 1) - done)
        means = sums.means()
        return (
            f"epoch {epoch}/{self.options.epochs} batch {done}/{batches} loss {means['loss']:.3f} "
            f"top1 {means['top1']:.1%} top5 {means['top5']:.1%}, about {duration(left)} left"
        )

    def _group_clips(self, batch: int, clips: int) -> int:
        """Clips of the optimizer step that micro-batch `batch` belongs to; the last group may be smaller."""
        group = self.options.batch_size * self.options.accumulation
        first = batch // self.options.accumulation * group
        return min(group, clips - first)

    def _step(self) -> float:
        """Take one optimizer step; return the learning rate it was taken with."""
        if self.options.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip_norm)
        learning_rate = self.optimizer.param_groups[0]["lr"]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.schedule.step()
        return learning_rate

    def _scores(self, part: str, videos: list[Video]) -> dict[str, float | None]:
        """Score videos without augmentation, one view, at the training's ratio; empty where nothing is measured."""
        if not videos:
            return {f"{part}_{name}": None for name in ("loss", "top1", "top5")}
        batches = self.loader.batches(videos, lambda video: self.clips.test_clips(video, ONE_VIEW))
        logits_NVK, labels_N, _ = predict(self.model, batches, self.to_device)
        scores = metrics.summarise(logits_NVK[:, 0], labels_N)
        return {f"{part}_{name}": scores[name] for name in ("loss", "top1", "top5")}

    def _keep(self, row: dict[str, Any]) -> None:
        """Log a finished epoch and save everything that going on from here needs."""
        if bad := [name for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)]:
            raise TrainingError(
                f"{bad[0]} is {row[bad[0]]} after epoch {row['epoch']}; lower learning_rate, or set clip_norm"
            )
        was_best = self.so_far.best_epoch
        self.so_far.epoch += 1
        self.so_far.rows.append(row)
        self.so_far.elapsed_sec += row["epoch_sec"]
        if self.options.select == "best" and (was_best is None or row["val_top1"] > self._row(was_best)["val_top1"]):
            self.so_far.best_epoch = self.epoch
            self.states.save_best(self.epoch, self.model.state_dict())
        self.states.save(
            vars(self.so_far)
            | {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "torch_rng": torch.get_rng_state(),
                "cuda_rng": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
                "threads": self.threads,
            }
        )
        self.states.forget_bests(keep={was_best, self.so_far.best_epoch})
        files.write_csv(self.states.owner.folder / "training_log.csv", self.so_far.rows, LOG_COLUMNS)
        self.progress.line(
            f"epoch {self.epoch}/{self.options.epochs}: "
            + ", ".join(f"{name} {_percent(row[name])}" for name in ("train_top1", "train_eval_top1", "val_top1"))
            + f", loss {row['train_loss']:.4f}, {row['epoch_sec']:.1f} s"
        )

    def _row(self, epoch: int) -> dict[str, Any]:
        return self.so_far.rows[epoch - 1]

    @property
    def chosen(self) -> dict[str, Any]:
        """The log row of the epoch whose weights are the result."""
        return self._row(self.so_far.best_epoch or self.epoch)

    def write(self, spec: dict[str, Any], folder: Path, parent: Path | None) -> None:
        """Write the three files of the finished training."""
        self.states.owner.check()
        files.write_csv(folder / "training_log.csv", self.so_far.rows, LOG_COLUMNS)
        weights, chosen = self.chosen_weights(), self.chosen
        checkpoints.save(folder / "checkpoint.pt", weights, spec, self.data.classes, chosen)
        scores = [name for name in LOG_COLUMNS if name.endswith(("loss", "top1", "top5"))]
        facts = {
            "observation_ratio": self.spec.train_ratio,
            "seed": self.spec.seed,
            "epochs": self.epoch,
            "chosen_epoch": chosen["epoch"],
            "chosen": {name: chosen[name] for name in scores},
            "final": {name: self.so_far.rows[-1][name] for name in scores},
            "train_target": chosen["train_target"],
            "videos": {
                "train": len(self.videos),
                "validation": len(self.validation),
                "train_eval": len(self.train_eval),
            },
            "time_sec": round(self.so_far.elapsed_sec, 3),
            "parameters": parameter_count(self.model),
            "normalisation": self.spec.model.normalisation.model_dump(),
            "class_list_digest": manifests.class_list_digest(self.data.classes),
            "data_fingerprint": self.data.fingerprint,
            "device": devices.name(self.device),
            "threads": self.threads,
        }
        files.write_json(
            folder / "training.json", facts | checkpoints.provenance(folder, weights, parent) | {"spec": spec}
        )

    def chosen_weights(self) -> dict[str, torch.Tensor]:
        """Weights of the chosen epoch, on the CPU."""
        if self.so_far.best_epoch is not None:
            return self.states.load_best(self.so_far.best_epoch)
        return {name: tensor.cpu() for name, tensor in self.model.state_dict().items()}


def _percent(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.1%}"


def _fixed_sample(videos: list[Video], count: int) -> list[Video]:
    """A sample of the train videos as large as validation, at most 1,000; the same in every epoch."""
    count = min(len(videos), count or MOST_TRAIN_EVAL_VIDEOS, MOST_TRAIN_EVAL_VIDEOS)
    by_draw = sorted(videos, key=lambda video: hashlib.sha256(video.id.encode()).digest())
    kept = {video.id for video in by_draw[:count]}
    return [video for video in videos if video.id in kept]
