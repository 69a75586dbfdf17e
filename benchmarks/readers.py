"""Readers of other libraries beside partway's: each gives the same frames of a window, in its own usual way.

Every reader uses one thread where it can be told to. `read(window, view=False)` gives the frames in native size, to check
them; `view=True` the clip that a model sees at test time, resized in the way that is quickest with that library. Libraries
are imported when a reader is called, for most of them are no dependency of partway.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from measure import installed
from partway.data import sampling, transforms
from partway.data.clips import ClipMaker
from partway.data.manifest import Video
from partway.data.store import FrameReader, VideoFiles
from partway.schema import ModelOptions
from partway.schema_clips import Evaluation, Sampling, Transforms


@dataclass(frozen=True)
class Window:
    """A prefix of a video, the frames of it that partway's rule (`uniform`) gives a model, and their view at test time."""

    video: Video
    root: Path
    ratio: float
    num_frames: int
    size: int
    options: Transforms

    @property
    def path(self) -> str:
        """The video file."""
        return str(self.root / self.video.path)

    @property
    def indices(self) -> list[int]:
        """Places in the decoder's output, rising; repeated where the window is too short."""
        observed = sampling.observed_frames(self.video.frames, self.ratio, self.video.frame_times_sec)
        return sampling.frame_indices(observed, self.num_frames)

    @property
    def box(self) -> transforms.Box:
        """What the view shows of a frame."""
        return transforms.test_boxes(self.video.height, self.video.width, self.options, crops=1)[0]

    @property
    def scaled(self) -> tuple[int, int]:
        """Height and width of the whole frame where the box in it is size x size, for readers that resize first."""
        _, _, height, width = self.box
        return round(self.video.height * self.size / height), round(self.video.width * self.size / width)


@dataclass(frozen=True)
class Reader:
    """One way of reading.

    Attributes:
        package: distribution and version that it was tried with, `name==version`.
        read: (window, view) -> frames_THWC, RGB, in the order of `window.indices`.
    """

    name: str
    package: str
    read: Callable[[Window, bool], np.ndarray]
    note: str = ""

    @property
    def problem(self) -> str | None:
        """Why it cannot be called here; None where it can."""
        name = self.package.partition("==")[0]
        if installed(name) is None:
            return f"not installed: `pip install {self.package}`{self.note}"
        try:
            importlib.import_module(MODULES.get(name, name))
        except Exception as error:  # whatever a library raises while it loads its own libraries
            return f"does not load ({type(error).__name__}){self.note}"
        return None


MODULES = {"opencv-python-headless": "cv2", "torchcodec": "torchcodec.decoders", "partway": "partway.data.video"}


def clip_maker(frames: FrameReader, ratio: float, num_frames: int, size: int, options: Transforms) -> ClipMaker:
    """What a training of a model of this size makes its clips with."""
    model = ModelOptions(num_frames=num_frames, frame_size=size)
    return ClipMaker(reader=frames, model=model, sampling=Sampling(), transforms=options, ratio=ratio)


def through(frames: FrameReader, window: Window, view: bool) -> np.ndarray:
    """Read a window by one of partway's own readers."""
    if not view:
        return frames.read(window.video, window.indices)
    clips = clip_maker(frames, window.ratio, window.num_frames, window.size, window.options)
    return clips.test_clips(window.video, Evaluation())[0]


def _partway(window: Window, view: bool) -> np.ndarray:
    return through(VideoFiles(window.root), window, view)


def _opencv(window: Window, view: bool) -> np.ndarray:
    capture = cv2.VideoCapture(window.path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    wanted, found = set(window.indices), {}
    for index in range(window.indices[-1] + 1):
        if capture.grab() and index in wanted:
            found[index] = cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
    capture.release()
    return _shown([found[index] for index in window.indices], window, view)


def _pyav(window: Window, view: bool) -> np.ndarray:
    top, left, height, width = window.box
    wanted, found = set(window.indices), {}
    with av.open(window.path, metadata_errors="replace") as container:
        container.streams.video[0].codec_context.thread_count = 1
        for index, frame in enumerate(container.decode(video=0)):
            if index in wanted:
                image = frame.to_image()
                if view:
                    box = (left, top, left + width, top + height)
                    image = image.resize((window.size, window.size), Image.Resampling.BILINEAR, box=box)
                found[index] = np.asarray(image)
            if index == window.indices[-1]:
                break
    return np.stack([found[index] for index in window.indices])


def _decord(window: Window, view: bool) -> np.ndarray:
    import decord

    if not view:
        return decord.VideoReader(window.path, num_threads=1).get_batch(window.indices).asnumpy()
    height, width = window.scaled
    frames = decord.VideoReader(window.path, num_threads=1, width=width, height=height)
    return _centre(frames.get_batch(window.indices).asnumpy(), window.size)


def _torchcodec(window: Window, view: bool) -> np.ndarray:
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(window.path, num_ffmpeg_threads=1, dimension_order="NHWC")
    return _shown(decoder.get_frames_at(window.indices).data.numpy(), window, view)


def _pytorchvideo(window: Window, view: bool) -> np.ndarray:
    from pytorchvideo.data.encoded_video import EncodedVideo
    from torch.nn.functional import interpolate

    video = EncodedVideo.from_path(window.path, decode_audio=False)
    clip_CTHW = video.get_clip(0, sampling.exact(window.ratio) * video.duration)["video"]
    clip_CTHW = _pytorchvideo_functional().uniform_temporal_subsample(clip_CTHW, window.num_frames)
    if view:  # as its own short_side_scale does
        clip_CTHW = interpolate(clip_CTHW, window.scaled, mode="bilinear", align_corners=False)
    frames_THWC = clip_CTHW.permute(1, 2, 3, 0).numpy()
    return _centre(frames_THWC, window.size) if view else frames_THWC


@cache
def _pytorchvideo_functional():
    """Its functions of clips, without the package around them: that needs a torchvision older than 0.17."""
    package = importlib.util.find_spec("pytorchvideo")
    path = Path(package.submodule_search_locations[0], "transforms", "functional.py")
    spec = importlib.util.spec_from_file_location("pytorchvideo_functional", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _shown(frames: Sequence[np.ndarray], window: Window, view: bool) -> np.ndarray:
    """Cut and resize as partway does, so that readers differ in their reading alone."""
    frames_THWC = np.stack(frames)
    return transforms.resized(frames_THWC, window.box, window.size) if view else frames_THWC


def _centre(frames_THWC: np.ndarray, size: int) -> np.ndarray:
    top, left = ((side - size) // 2 for side in frames_THWC.shape[1:3])
    return frames_THWC[:, top : top + size, left : left + size]


PARTWAY = Reader("partway", "partway", _partway)
PYTORCHVIDEO = Reader(
    "pytorchvideo `get_clip`",
    "pytorchvideo==0.1.5",
    _pytorchvideo,
    " (with --no-deps, then fvcore iopath parameterized yacs portalocker)",
)
READERS = [
    PARTWAY,
    Reader("OpenCV, in order", "opencv-python-headless", _opencv),
    Reader("PyAV, in order, PIL", "av", _pyav),
    Reader("torchcodec", "torchcodec==0.13.0", _torchcodec, "; it needs FFmpeg's shared libraries, see RESULTS.md"),
    Reader("decord, own resize", "decord==0.6.0", _decord),
    PYTORCHVIDEO,
]
