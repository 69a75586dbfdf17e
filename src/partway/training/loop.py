"""One training, from its spec to `training_log.csv`, `checkpoint.pt` and `training.json`.

A killed training goes on at its last whole epoch, one that was asked to stop at its last optimizer step; both end, on
a CPU at the same number of threads, bit for bit where an undisturbed one ends: clips and mixing are drawn from (seed,
epoch, place) alone, the rest is in the state.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from partway import files, keys, machine, metrics
from partway.data import manifest as manifests
from partway.data.clips import ClipMaker, epoch_order
from partway.data.feeding import ClipLoader
from partway.data.manifest import Manifest, Video
from partway.data.store import open_reader
from partway.errors import StoppedError, StorageError, TrainingError, did_you_mean, some
from partway.models import parameter_count
from partway.progress import Progress, duration
from partway.schema_clips import Evaluation
from partway.training import checkpoints, memory
from partway.training import device as devices
from partway.training.interruption import Interruption
from partway.training.mixing import mix
from partway.training.optim import optimizer_steps
from partway.training.parts import Parts
from partway.training.record import LOG_COLUMNS, write_training
from partway.training.running import EpochUnderWay, RecentLosses, SoFar
from partway.training.scoring import clips_at_once, predict
from partway.training.spec import TrainingSpec
from partway.training.state import Owner, StateFolder
from partway.training.stopping import is_over
from partway.weights.start import Start, find

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
    weights: Mapping[str, Path] | None = None,
) -> None:
    """Run a training, or what is left of it, and write its three files into `folder`, `training.json` last.

    Args:
        spec: as hashed; fields at their default may be left out.
        manifest, store, root: of the data set, see `prepare` and `store`.
        parent: folder of the previous stage's training, whose chosen checkpoint is the start.
        weights: where local weights lie, by the digest that stands in `spec["weights"]` or its `fallback`.

    Raises:
        DataError: a video broke; names it. TrainingError: a loss that is not finite, a parent of other classes.
        StoppedError: a stop signal; the state is saved. OwnershipError: another process has taken this training over.
    """
    with Owner(folder / "state", progress) as owner, Interruption(progress.title) as interruption:
        files.remove_leftovers(folder)
        data = manifests.read(manifest)
        typed, began_at, start = _beginning(spec, parent, weights or {})
        identity = {
            "spec": keys.canonical_json(spec),
            "fingerprint": data.fingerprint,
            "start": began_at or start.identity,
        }
        states = StateFolder(owner, identity, progress)
        reader = open_reader(store, root, data, in_key=typed.store.in_key)
        with Trainer(typed, data, reader, states, interruption, progress) as trainer:
            trainer.start(parent, start)
            if not trainer.options.epochs:
                trainer.only_score()
            while not trainer.is_over:
                trainer.run_epoch()
            write_training(trainer, spec, folder, began_at)


def _beginning(
    spec: dict[str, Any], parent: Path | None, weights: Mapping[str, Path]
) -> tuple[TrainingSpec, str | None, Start | None]:
    """The spec with the sizes that hold; the digest of the stage before; or the weights of a first stage."""
    typed = TrainingSpec.from_dict(spec)
    if parent is None:
        start = find(typed, weights)
        return start.spec, None, start
    record = checkpoints.read_record(parent)
    sizes = TrainingSpec.from_record(record).model  # a checkpoint's, where the spec leaves them to it
    return replace(typed, model=sizes), record["checkpoint_digest"], None


class Trainer:
    """The loop and its parts."""

    def __init__(
        self,
        spec: TrainingSpec,
        data: Manifest,
        reader,
        states: StateFolder,
        interruption: Interruption,
        progress: Progress,
    ):
        self.spec, self.options, self.data = spec, spec.training, data
        if unknown := [name for name in spec.transforms.never_flip if name not in data.classes]:
            close = did_you_mean(unknown[0], data.classes)
            raise TrainingError(f"transforms.never_flip: the data set has no class {some(unknown)}{close}")
        self.states, self.interruption, self.progress = states, interruption, progress
        self.so_far, self.under_way = SoFar(), EpochUnderWay()
        self.videos = manifests.subset(data.split("train", spec.validation), spec.train_fraction)
        self.validation = data.split("validation", spec.validation) if spec.validation.fraction else []
        self.train_eval = _fixed_sample(self.videos, len(self.validation)) if self.options.train_eval else []
        self.clips = ClipMaker(
            reader=reader,
            model=spec.model,
            sampling=spec.sampling,
            transforms=spec.transforms,
            ratio=spec.train_ratio,
            window=spec.window,
            seed=spec.seed,
            validation_seed=spec.validation.seed,
        )

    def __enter__(self) -> Trainer:
        self.open = ExitStack()
        self.loader = self.open.enter_context(ClipLoader(self.data.classes, self.options.batch_size, machine.workers()))
        return self

    def __exit__(self, *error) -> None:
        self.open.__exit__(*error)

    @property
    def epoch(self) -> int:
        """Whole epochs so far."""
        return self.so_far.epoch

    @property
    def is_over(self) -> bool:
        """Whether no further epoch is to run."""
        return is_over([row["val_top1"] for row in self.so_far.rows], self.options)

    def start(self, parent: Path | None, start: Start | None) -> None:
        """Build what is trained; take up saved state where there is some."""
        state = self.states.load()
        self.threads = state["threads"] if state else machine.threads()
        torch.set_num_threads(self.threads)
        steps = optimizer_steps(len(self.videos), self.options)  # an epoch
        self.parts = Parts(self.spec, self.data.classes, steps, parent=parent, start=start, progress=self.progress)
        at_once = clips_at_once(self.options.batch_size, self.parts.device)
        self.scoring_loader = self.open.enter_context(ClipLoader(self.data.classes, at_once, machine.workers()))
        self.progress.line(
            f"{len(self.videos)} train and {len(self.validation)} validation videos, "
            f"{parameter_count(self.parts.model):,} parameters, {devices.name(self.parts.device)}, "
            f"{self.parts.precision.name}, {self.threads} threads, {machine.workers()} workers"
        )
        if state:
            self._take_up(state)
        self.so_far.ran_on(self.progress, devices=devices.name(self.parts.device), precisions=self.parts.precision.name)

    def _take_up(self, state: dict[str, Any]) -> None:
        try:
            self.parts.load_state_dict(state["parts"])
            self.so_far = SoFar(**state["so_far"])
            self.under_way = EpochUnderWay.from_dict(state["under_way"], self.parts.device)
        except torch.OutOfMemoryError:  # a RuntimeError too, of which the state is not to blame
            raise
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise StorageError(
                f"{self.states.path}: its state does not fit this training ({' '.join(str(error).split())[:120]}); it may be of another version of a "
                f"library. Go back to that version, or delete {self.states.path.parent} to train anew"
            ) from error
        self.progress.line(f"resumed {self._place()}")

    def _place(self) -> str:
        inside = f", {self.under_way.batches} batches into the next" if self.under_way.batches else ""
        return f"after epoch {self.epoch} of {self.options.epochs}{inside}"

    def only_score(self) -> None:
        """Log the scores of the weights as they are, as epoch 0; nothing is trained."""
        began = time.monotonic()
        row = dict.fromkeys(LOG_COLUMNS) | {"epoch": 0, "train_target": "hard"}
        row |= self._scores("train_eval", self.train_eval) | self._scores("val", self.validation)
        self.so_far.elapsed_sec = round(time.monotonic() - began, 3)
        row |= {"epoch_sec": self.so_far.elapsed_sec, "gpu_mem_mb": self.parts.peak_memory_mb()}
        self.so_far.rows = [row]
        self.progress.line("no epochs: the checkpoint is evaluated as it is, with its own head")

    def run_epoch(self) -> None:
        """Train one epoch, or the rest of it, score it, log it, save the state."""
        self._stop_if_asked()
        with memory.explained(self.spec, f"epoch {self.epoch + 1}"):
            row = {"epoch": self.epoch + 1} | self._train_epoch()
            train_sec, scoring_began = self.under_way.train_sec, time.monotonic()
            row |= self._scores("train_eval", self.train_eval) | self._scores("val", self.validation)
        row |= {
            "train_target": "dominant" if self.options.mixup or self.options.cutmix else "hard",
            "epoch_sec": round(train_sec + time.monotonic() - scoring_began, 3),
            "clips_per_sec": round(len(self.videos) / train_sec, 2),
            "gpu_mem_mb": self.parts.peak_memory_mb(),
        }
        self._keep(row)

    def _train_epoch(self) -> dict[str, float]:
        epoch, so_far, losses = self.epoch + 1, self.under_way, RecentLosses()
        order = epoch_order(self.videos, self.spec.seed, epoch)
        batches = math.ceil(len(order) / self.options.batch_size)
        began = time.monotonic() - so_far.train_sec
        self.parts.begin(epoch)
        left = order[so_far.batches * self.options.batch_size :]
        make = partial(self.clips.train_clip, epoch=epoch)
        for number, batch in enumerate(self.loader.batches(left, make), start=so_far.batches):
            video_BTCHW = self.parts.to_device.clips(batch.clips_BTHWC, self.clips.jitter(batch.ids, epoch))
            labels_B = self.parts.to_device.labels(batch.labels_B)
            at = (self.spec.seed, epoch, number)
            video_BTCHW, targets_BK = mix(video_BTCHW, labels_B, len(self.data.classes), self.options, at=at)
            with self.parts.precision.autocast():
                logits_BK = self.parts.forward(video_BTCHW)
                loss = F.cross_entropy(logits_BK, targets_BK, label_smoothing=self.options.label_smoothing)
            losses.add(loss, f"epoch {epoch}, batch {number + 1} of {batches}, videos {', '.join(batch.ids)}")
            self.parts.precision.backward(loss * len(batch.ids) / self._group_clips(number, len(order)))
            so_far.sums.add(loss, logits_BK.detach(), targets_BK.argmax(dim=1))
            if (number + 1) % self.options.accumulation == 0 or number + 1 == batches:
                so_far.learning_rate = self.parts.step()
                so_far.batches, so_far.train_sec = number + 1, time.monotonic() - began
                self._stop_if_asked(losses)
            self.progress.update(partial(self._describe, epoch, number + 1, batches, began))
        losses.check()
        means = {f"train_{name}": value for name, value in so_far.sums.means().items()}
        return means | {"learning_rate": so_far.learning_rate}

    def _describe(self, epoch: int, done: int, batches: int, began: float) -> str:
        left = (time.monotonic() - began) / done * (batches * (self.options.epochs - epoch + 1) - done)
        means = self.under_way.sums.means()
        return (
            f"about {duration(left)} left, epoch {epoch}/{self.options.epochs} batch {done}/{batches} "
            f"loss {means['loss']:.3f} top1 {means['top1']:.1%} top5 {means['top5']:.1%}"
        )

    def _group_clips(self, batch: int, clips: int) -> int:
        """Clips of the optimizer step that micro-batch `batch` belongs to; the last group may be smaller."""
        group = self.options.batch_size * self.options.accumulation
        first = batch // self.options.accumulation * group
        return min(group, clips - first)

    def _stop_if_asked(self, losses: RecentLosses | None = None) -> None:
        """Where a stop signal has arrived, save the state inside the epoch and leave."""
        signal = self.interruption.requested
        if signal is None:
            return
        if losses is not None:
            losses.check()  # a state after a loss that is not finite is worth nothing
        if self.under_way.batches:  # else the state of the last whole epoch is on the disk already
            self._save()
        saved = "the state is saved, the same command goes on there"
        nothing = "there is nothing to save yet, the same command begins anew"
        what = saved if self.epoch or self.under_way.batches else nothing
        raise StoppedError(f"stopped by {signal.name} {self._place()}; {what}", signal)

    def _scores(self, part: str, videos: list[Video]) -> dict[str, float | None]:
        """Score videos without augmentation, one view, at the training's ratio; empty where nothing is measured."""
        if not videos:
            return {f"{part}_{name}": None for name in ("loss", "top1", "top5")}
        batches = self.scoring_loader.batches(videos, lambda video: self.clips.test_clips(video, ONE_VIEW))
        stop_between = lambda _: self._stop_if_asked()  # noqa: E731 (one word at its only use)
        logits_NVK, labels_N, _ = predict(
            self.parts.scored, batches, self.parts.to_device, self.parts.precision, stop_between
        )
        scores = metrics.summarise(logits_NVK[:, 0], labels_N)
        return {f"{part}_{name}": scores[name] for name in ("loss", "top1", "top5")}

    def _keep(self, row: dict[str, Any]) -> None:
        """Log a finished epoch and save everything that going on from here needs."""
        if bad := [name for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)]:
            raise TrainingError(
                f"{bad[0]} is {row[bad[0]]} after epoch {row['epoch']}; lower learning_rate, or set clip_norm"
            )
        was_best = self.so_far.best_epoch
        self.under_way = EpochUnderWay()
        if self.so_far.keep(row, select_best=self.options.select == "best"):
            self.states.save_best(self.epoch, self.parts.scored.state_dict())
        self.so_far.ran_on(self.progress, compiles=self.parts.forward.compiled, attentions=self.parts.forward.attention)
        self._save()
        self.states.forget_bests(keep={was_best, self.so_far.best_epoch})
        files.write_csv(self.states.owner.folder / "training_log.csv", self.so_far.rows, LOG_COLUMNS)
        self.progress.line(
            f"epoch {self.epoch}/{self.options.epochs}: "
            + ", ".join(f"{name} {_percent(row[name])}" for name in ("train_top1", "train_eval_top1", "val_top1"))
            + f", loss {row['train_loss']:.4f}, {row['epoch_sec']:.1f} s"
        )

    def _save(self) -> None:
        self.states.save(
            {
                "so_far": vars(self.so_far),
                "under_way": self.under_way.to_dict(),
                "parts": self.parts.state_dict(),
                "threads": self.threads,
            }
        )

    def chosen_weights(self) -> dict[str, torch.Tensor]:
        """Weights of the chosen epoch, on the CPU."""
        if self.so_far.best_epoch is not None:
            return self.states.load_best(self.so_far.best_epoch)
        return {name: tensor.cpu() for name, tensor in self.parts.scored.state_dict().items()}


def _percent(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.1%}"


def _fixed_sample(videos: list[Video], count: int) -> list[Video]:
    """A sample of the train videos as large as validation, at most 1,000; the same in every epoch."""
    count = min(len(videos), count or MOST_TRAIN_EVAL_VIDEOS, MOST_TRAIN_EVAL_VIDEOS)
    by_draw = sorted(videos, key=lambda video: hashlib.sha256(video.id.encode()).digest())
    kept = {video.id for video in by_draw[:count]}
    return [video for video in videos if video.id in kept]
