"""One evaluation: the predictions of a training on one split, with one ratio and set of views, every video once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import nn

from partway import files, keys, machine, metrics, submission
from partway.data import manifest as manifests
from partway.data import transforms
from partway.data.clips import ClipMaker
from partway.data.feeding import ClipLoader
from partway.data.manifest import UNLABELLED, Manifest, Video
from partway.data.store import FrameReader, open_reader
from partway.errors import TrainingError
from partway.models import create_model
from partway.progress import Progress, duration
from partway.schema_clips import Evaluation
from partway.training import checkpoints, memory
from partway.training import device as devices
from partway.training.precision import Precision
from partway.training.scoring import clips_at_once, predict
from partway.training.spec import TrainingSpec


def evaluate(
    spec: dict[str, Any],
    *,
    training: Path,
    manifest: Path,
    store: Path,
    root: str,
    folder: Path,
    progress: Progress,
) -> None:
    """Score a split and write predictions.parquet, then metrics.json, into `folder`.

    A test split without labels has no scores (None); its predicted classes stand in submission.csv.

    Args:
        spec: as hashed: training, split, observation_ratio, window, views.
        training: folder of the training.
        manifest, store, root: of the data set.

    Raises:
        TrainingError: the training was of other data or classes. DataError: a video broke; names it.
    """
    data = manifests.read(manifest)
    record = record_of(training, data)
    trained, views = TrainingSpec.from_record(record), Evaluation.model_validate(spec.get("views", {}))
    videos = data.split(spec["split"], trained.validation)
    torch.set_num_threads(machine.threads())
    device = devices.choose()
    precision = Precision(trained.training.precision, device, progress)
    model = trained_model(training, trained, data.classes)
    clips = clip_maker(spec, trained, open_reader(store, root, data, in_key=trained.store.in_key))
    began = time.monotonic()
    at_once = clips_at_once(trained.training.batch_size, device)
    with memory.explained(trained, "evaluation"), ClipLoader(data.classes, at_once, machine.workers()) as loader:
        batches = loader.batches(videos, lambda video: clips.test_clips(video, views), views=views.views)
        to_device = devices.ToDevice(device, trained.model.normalisation)
        counter = _Counter(len(videos), progress)
        scored = predict(model.to(device), batches, to_device, precision, counter, at_once=at_once)
    seconds = time.monotonic() - began
    observed = [clips.observed(video, spec["observation_ratio"]) for video in videos]
    _write_predictions(
        folder, videos, classes=data.classes, observed=observed, scored=scored, views=transforms.view_columns(views)
    )
    scores = _scores(folder, videos, data.classes, scored, views)
    facts = {
        "videos": len(videos),
        "classes": len(data.classes),
        "views": views.views,
        "predictions_digest": files.digest(folder / "predictions.parquet"),
        "checkpoint_digest": record["checkpoint_digest"],
        "data_fingerprint": data.fingerprint,
        "time_sec": round(seconds, 3),
        "clips_per_sec": round(len(videos) * views.views / seconds, 2),
        "device": devices.name(device),
        "precision": precision.name,
        "versions": devices.versions(),
        "numerics": keys.NUMERICS,
        "spec": spec,
    }
    files.write_json(folder / "metrics.json", scores | facts)
    told = f"no labels, classes in {submission.NAME}," if scores["top1"] is None else f"top1 {scores['top1']:.1%}"
    progress.line(f"{spec['split']} {told} of {len(videos)} videos in {duration(seconds)}")


def record_of(training: Path, data: Manifest) -> dict[str, Any]:
    """The record of a training, once it is sure that it was trained on these data.

    Raises:
        TrainingError: it was trained on others.
    """
    record = checkpoints.read_record(training)
    if record["data_fingerprint"] != data.fingerprint:
        raise TrainingError(
            f"{training}: was trained on data {record['data_fingerprint']}, the manifest now holds {data.fingerprint}: "
            "a video was replaced by another of the same size. Put it back, or delete this training to run it anew."
        )
    return record


def trained_model(training: Path, trained: TrainingSpec, classes: list[str]) -> nn.Module:
    """The model of a finished training, with the weights that were chosen."""
    model = create_model(trained.family, trained.architecture, trained.model, len(classes))
    model.load_state_dict(checkpoints.load_trained(training, classes))
    return model


def clip_maker(spec: dict[str, Any], trained: TrainingSpec, reader: FrameReader) -> ClipMaker:
    """What makes the clips of a trained model at the ratio and window of `spec`."""
    return ClipMaker(
        reader=reader,
        model=trained.model,
        sampling=trained.sampling,
        transforms=trained.transforms,
        ratio=spec["observation_ratio"],
        window=spec.get("window", "prefix"),
    )


class _Counter:
    """Counts scored videos and shows how long the rest will take."""

    def __init__(self, videos: int, progress: Progress):
        self.videos, self.progress = videos, progress
        self.done, self.began = 0, time.monotonic()

    def __call__(self, count: int) -> None:
        self.done += count
        self.progress.update(self._describe)

    def _describe(self) -> str:
        left = (time.monotonic() - self.began) / self.done * (self.videos - self.done)
        return f"about {duration(left)} left, scored {self.done} of {self.videos} videos"


def _write_predictions(
    folder: Path, videos: list[Video], *, classes: list[str], observed: list[int], scored: tuple, views: dict[str, list]
) -> None:
    """Write per-video logits of every view, one row a (video, view); a label that is not known is null."""
    logits_NVK, labels_N, ids = scored
    if ids != [video.id for video in videos] or len(set(ids)) != len(ids):
        raise TrainingError("a video was scored twice or not at all; this is a bug in partway, please report it")
    repeat = logits_NVK.shape[1]
    unknown_N = np.repeat(labels_N == UNLABELLED, repeat)
    labels = np.repeat([video.label or "" for video in videos], repeat)
    table = pa.table(
        {
            "id": np.repeat(ids, repeat),
            "label": pa.array(labels, pa.string(), mask=unknown_N),
            "label_index": pa.array(np.repeat(labels_N, repeat), pa.int64(), mask=unknown_N),
            "observed_frames": np.repeat(observed, repeat),
            "view": np.tile(np.arange(repeat), len(ids)),
            **{name: np.tile(values, len(ids)) for name, values in views.items()},
            "logits": list(logits_NVK.reshape(-1, logits_NVK.shape[2])),
        }
    ).replace_schema_metadata({"classes": "\n".join(classes)})
    with files.replacing(folder / "predictions.parquet") as temporary:
        pq.write_table(table, temporary)


def _scores(
    folder: Path, videos: list[Video], classes: list[str], scored: tuple, views: dict[str, list]
) -> dict[str, float | None]:
    """The metrics of the views' average; None where there are no labels, and submission.csv is written instead."""
    logits_NVK, labels_N, ids = scored
    logits_NK = metrics.average_views(logits_NVK, views.aggregation)
    if not any(video.label is None for video in videos):
        return metrics.summarise(logits_NK, labels_N)
    predicted = {video: classes[index] for video, index in zip(ids, logits_NK.argmax(axis=1), strict=True)}
    submission.write(folder, predicted, [video.id for video in videos], classes)
    return metrics.unknown()
