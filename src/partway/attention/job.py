"""`partway attention`: draw what a finished training attends to in chosen test videos, at one ratio and window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
import torch

from partway import machine
from partway.attention.drawing import Strip, draw
from partway.attention.recording import AttentionError, record
from partway.attention.rollout import heat_map, rollout
from partway.data import manifest as manifests
from partway.data.clips import ClipMaker
from partway.data.manifest import Video
from partway.data.store import open_reader
from partway.errors import some
from partway.evaluation import clip_maker, record_of, trained_model
from partway.progress import Progress
from partway.results import naming
from partway.schema_clips import Evaluation
from partway.study import Picture, Study
from partway.training import device as devices
from partway.training import memory
from partway.training.precision import Precision
from partway.training.spec import TrainingSpec

ONE_VIEW = Evaluation()


def draw_attention(study: Study, picture: Picture, output: Path, progress: Progress) -> None:
    """Draw a picture of a study, whose training is finished, into a PNG.

    Raises:
        AttentionError: there is no finished training or no such test video, or the model's attention cannot be drawn.
        TrainingError: the training was of other data or classes. DataError: a video broke; names it.
    """
    source, spec = study.datasets[picture.dataset], picture.spec
    training = Path(study.results_dir, "trainings", picture.training)
    prepared = Path(study.results_dir, "data", source.folder)
    for needed in (training / "training.json", prepared / "manifest.csv", prepared / f"store-{source.store}.json"):
        if not needed.exists():
            raise AttentionError(f"{picture.title}: {needed} is not there; make it by: snakemake --cores 1 {needed}")
    data = manifests.read(prepared / "manifest.csv")
    trained = TrainingSpec.from_record(record_of(training, data))
    videos = chosen_videos(data.split("test", trained.validation), data.classes, spec["videos"])
    if not videos:
        raise AttentionError(
            f"{picture.title}: no test video to draw; ask for one at least, of a data set that has some"
        )
    torch.set_num_threads(machine.threads())
    model = trained_model(training, trained, data.classes)
    reader = open_reader(prepared / f"store-{source.store}.json", source.root, data, in_key=trained.store.in_key)
    with memory.explained(trained, "attention"):
        look = Look(model, trained, clip_maker(spec, trained, reader), data.classes, progress)
        strips = [look.at(video) for video in videos]
    draw(strips, f"Attention rollout: {picture.title}", output)
    progress.line(f"{output}: {naming.count(len(strips), 'video')} drawn")


def chosen_videos(test: Sequence[Video], classes: Sequence[str], asked: int | list[str]) -> list[Video]:
    """The test videos of these ids, or so many: the first of each class in turn, then the second of each, and so on.

    Classes stand in the order of their list and videos in that of the manifest; without labels, all are of one class.

    Raises:
        AttentionError: no such video.
    """
    if isinstance(asked, list):
        known = {video.id: video for video in test}
        if missing := [name for name in asked if name not in known]:
            raise AttentionError(
                f"no test video has the id {some(missing)}; manifest.csv lists them, such as {min(known)}"
            )
        return [known[name] for name in asked]
    by_class: dict[str | None, list[Video]] = defaultdict(list)
    for video in test:
        by_class[video.label].append(video)
    in_order = [by_class[label] for label in (*classes, None)]
    return [video for turn in zip_longest(*in_order) for video in turn if video][:asked]


class Look:
    """Scores the test clip of one view of a video as an evaluation does, and sees where the model looks.

    Raises:
        AttentionError: the model has no attention that can be drawn.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        trained: TrainingSpec,
        clips: ClipMaker,
        classes: list[str],
        progress: Progress,
    ):
        attended = getattr(model, "attended", lambda: None)()
        if attended is None:
            raise AttentionError(f"{trained.architecture}: this model has no attention that can be drawn")
        self.attended, self.clips, self.classes = attended, clips, classes
        self.device = devices.choose()
        self.model = model.to(self.device).eval()
        self.precision = Precision(trained.training.precision, self.device, progress)
        self.to_device = devices.ToDevice(self.device, trained.model.normalisation)

    def at(self, video: Video) -> Strip:
        """What is drawn of a video."""
        clip_THWC = self.clips.test_clips(video, ONE_VIEW)[0]
        logits_K, heat_THW = self.scored(clip_THWC)
        return Strip(self._title(video, logits_K), clip_THWC, heat_THW)

    @torch.inference_mode()
    def scored(self, clip_THWC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits_K of a clip, those of an evaluation with one view, and heat_THW."""
        with self.precision.autocast():
            logits_BK, layers = record(self.model, self.attended, self.to_device.clips(clip_THWC[None]))
        heat_THW = heat_map(rollout(layers, self.attended.read), self.attended)
        return logits_BK[0].float().cpu().numpy(), heat_THW.cpu().numpy()

    def _title(self, video: Video, logits_K: np.ndarray) -> str:
        chances_K = torch.from_numpy(logits_K).softmax(dim=0)
        best = int(chances_K.argmax())
        answer = f"{self.classes[best]} ({chances_K[best]:.0%})"
        told = "class not known" if video.label is None else f"true class {video.label}"
        seen = self.clips.observed(video, self.clips.ratio)
        return f"{video.id}: {told}, predicted {answer}; {seen} of {video.frames} frames observed"
