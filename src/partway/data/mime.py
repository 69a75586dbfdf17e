"""Mime: a generated data set of stick figures, of which the truth is known.

Ten actions come in groups of two. The actions of a group share their floor, whose colour tells the group from
the first frame on as a sports field does, and their opening. They part at a moment that the manifest column
`decided_at` tells, as a fraction of the duration. A video of n frames is undecided in its frames 0 .. f-1 and
decided from frame f = `first_decided_frame(n, decided_at)` = ceil(decided_at * n) on.

Everything but the movement from frame f on is drawn without regard to the class, from generators seeded by
(seed, performer, number of the video): two videos that differ in nothing but their label are identical, bit by
bit, in the frames 0 .. f-1. So are these frames after decoding, because the encoder quantises by a constant
and begins a closed group of pictures at frame f; a B-frame before f would borrow from the frames behind it.
"""

import colorsys
import dataclasses
import functools
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np

from partway import files
from partway.data.mime_actions import ACTIONS, ActionGroup, Movement
from partway.data.truth import DECIMALS, first_decided_frame
from partway.data.video import inspect
from partway.errors import DataError
from partway.schema_data import MimeOptions

# No rate control, as it would look at the whole video. Closed groups of pictures are only to be had from an
# encoder that does not look for cuts.
ENCODER = {
    "bf": "2",
    "g": "12",
    "qmin": "3",
    "qmax": "3",
    "flags": "+bitexact+cgop",
    "sc_threshold": "1000000000",
}


@dataclasses.dataclass(frozen=True)
class Video:
    """One video to render; `performer` and `number` seed all that is not its label."""

    number: int
    label: str
    performer: int
    split: str
    num_frames: int
    decided_at: float

    @property
    def id(self) -> str:
        """Unique and readable, such as `p03_wave_0017`."""
        return f"p{self.performer:02d}_{self.label}_{self.number:04d}"


def shared_openings(options: MimeOptions) -> list[list[str]]:
    """The actions of each group."""
    return [list(group.actions) for group in _groups(options)]


def classes(options: MimeOptions) -> list[str]:
    """The names of the actions, in ASCII order."""
    return sorted(name for group in _groups(options) for name in group.actions)


def plan(options: MimeOptions) -> list[Video]:
    """The videos in the order of their numbers.

    They are dealt in pairs, one video for each action of a group, both by the same performer: the actions of a
    group are equally frequent in each split and with each performer.
    """
    num_test = min(max(round(options.num_performers * options.test_fraction), 1), options.num_performers - 1)
    order = np.random.default_rng([options.seed, 0]).permutation(options.num_performers).tolist()
    test_pairs = round(options.num_videos // 2 * num_test / options.num_performers)
    shares = (
        ("train", order[num_test:], options.num_videos // 2 - test_pairs),
        ("test", order[:num_test], test_pairs),
    )
    videos: list[Video] = []
    for split, performers, num_pairs in shares:
        groups = _groups(options)
        # Both indices advance together, and one more step per round makes every combination come up.
        period = math.lcm(len(groups), len(performers))
        for pair in range(num_pairs):
            performer = performers[(pair + pair // period) % len(performers)]
            for label in groups[pair % len(groups)].actions:
                videos.append(_draw_video(options, len(videos), label, performer, split))
    return videos


def _groups(options: MimeOptions) -> tuple[ActionGroup, ...]:
    return ACTIONS[: options.num_classes // 2]


def _group_of(label: str) -> ActionGroup:
    return next(group for group in ACTIONS if label in group.actions)


def _draw_video(options: MimeOptions, number: int, label: str, performer: int, split: str) -> Video:
    rng = np.random.default_rng([options.seed, 1, performer, number])
    num_frames = round(rng.uniform(*options.duration_sec) * options.frame_rate)
    decided_at = round(rng.uniform(*options.decided_at), DECIMALS)
    return Video(number, label, performer, split, num_frames, decided_at)


def _poses(movement: Movement, phase_N: np.ndarray) -> np.ndarray:
    """Poses (N, 13) of a movement at phases counted in cycles, the fields of `Pose` flattened."""
    times = [time for time, _ in movement.keyframes]
    poses_KP = np.array([np.hstack(pose) for _, pose in movement.keyframes])
    poses_NP = np.stack([np.interp(phase_N % 1.0, times, column) for column in poses_KP.T], axis=1)
    return poses_NP[::-1] if movement.backwards else poses_NP


def act(options: MimeOptions, video: Video, tempo: float = 1.0) -> np.ndarray:
    """Poses (N, 13) of all frames of a video, the fields of `Pose` flattened, before any personal deviation."""
    group = _group_of(video.label)
    movement = group.actions[video.label]
    first = first_decided_frame(video.num_frames, video.decided_at)
    # The opening counts backwards from the decision: its last frame is the pose in which a movement begins.
    step = group.opening.hertz * tempo * options.speed / options.frame_rate
    opening_NP = _poses(group.opening, np.arange(1 - first, 1) * step)
    # Whole cycles, with phases that lie symmetrically, so that reversed frames show exactly the same poses.
    num_decided = video.num_frames - first
    cycles = max(1, round(movement.hertz * tempo * options.speed * num_decided / options.frame_rate))
    phase_N = np.arange(1, num_decided + 1) / (num_decided + 1) * cycles
    return np.concatenate([opening_NP, _poses(movement, phase_N)])


@dataclasses.dataclass(frozen=True)
class Look:
    """What a performer looks like; lengths in figure heights, colours RGB in 0..255."""

    leg: float
    torso: float
    arm: float
    shoulder: float
    head: float
    hand: float
    thickness: float
    skin: tuple[int, ...]
    shirt: tuple[int, ...]
    trousers: tuple[int, ...]
    backdrop: tuple[int, ...]
    clutter: tuple[tuple[int, ...], ...]
    round_clutter: bool


def _draw_look(options: MimeOptions, performer: int) -> Look:
    rng = np.random.default_rng([options.seed, 2, performer])

    def colour(value: tuple[float, float], saturation: tuple[float, float]) -> tuple[int, ...]:
        rgb = colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value))
        return tuple(round(255 * channel) for channel in rgb)

    return Look(
        leg=rng.uniform(0.44, 0.5),
        torso=rng.uniform(0.28, 0.32),
        arm=rng.uniform(0.32, 0.37),
        shoulder=rng.uniform(0.06, 0.1),
        head=rng.uniform(0.075, 0.095),
        hand=rng.uniform(0.065, 0.08),
        thickness=rng.uniform(0.085, 0.11),
        skin=colour((0.9, 1.0), (0.1, 0.3)),
        shirt=colour((0.85, 1.0), (0.2, 0.5)),
        trousers=colour((0.85, 1.0), (0.2, 0.5)),
        backdrop=colour((0.1, 0.22), (0.2, 0.6)),
        clutter=tuple(colour((0.2, 0.45), (0.4, 0.9)) for _ in range(4)),
        round_clutter=bool(rng.random() < 0.5),
    )


class Segment(NamedTuple):
    """A part of the body between two joints, and the field of `Look` with its colour."""

    start: str
    end: str
    colour: str


OUTLINE, GLOVE = (8, 8, 8), (255, 255, 255)  # the same for all: hands are what many actions are about

# In the order in which they are drawn.
SKELETON = (
    Segment("trail_hip", "trail_knee", "trousers"),
    Segment("trail_knee", "trail_foot", "trousers"),
    Segment("lead_hip", "lead_knee", "trousers"),
    Segment("lead_knee", "lead_foot", "trousers"),
    Segment("pelvis", "neck", "shirt"),
    Segment("trail_shoulder", "lead_shoulder", "shirt"),
    Segment("trail_shoulder", "trail_elbow", "shirt"),
    Segment("trail_elbow", "trail_hand", "skin"),
    Segment("lead_shoulder", "lead_elbow", "shirt"),
    Segment("lead_elbow", "lead_hand", "skin"),
)


def _joints(poses_NP: np.ndarray, look: Look) -> dict[str, np.ndarray]:
    """Positions (N, 2) of the joints in figure heights: x towards the lead side, y up from the ground."""
    lead_arm, trail_arm, lead_foot, trail_foot = (poses_NP[:, i : i + 2] for i in (0, 2, 4, 6))
    shift, drop, lift, lean, fold = poses_NP[:, 8:].T
    lean = np.radians(lean)
    upright = np.stack([np.sin(lean), np.cos(lean)], axis=1)
    across = np.stack([np.cos(lean), -np.sin(lean)], axis=1)
    pelvis = np.stack([shift, 0.97 * look.leg - drop + lift], axis=1)
    neck = pelvis + upright * (look.torso * (1 - fold))[:, None]
    joints = {
        "pelvis": pelvis,
        "neck": neck,
        "head": neck + upright * (look.head + 0.05 - 0.1 * fold[:, None]),
    }
    for side, sign, arm, foot in (("lead", 1, lead_arm, lead_foot), ("trail", -1, trail_arm, trail_foot)):
        shoulder = neck + across * sign * look.shoulder
        angles = np.radians(arm) - sign * lean[:, None]
        bones = np.stack([sign * np.sin(angles), -np.cos(angles)], axis=2) * look.arm / 2
        hip = pelvis + np.array([sign * 0.04, 0.0])
        target = foot * [sign, 1] + np.stack([np.zeros_like(lift), lift], axis=1)
        knee, sole = _bend_knee(hip, target, look.leg, sign)
        chain = {"shoulder": shoulder, "elbow": shoulder + bones[:, 0], "hand": shoulder + bones.sum(1)}
        chain |= {"hip": hip, "knee": knee, "foot": sole}
        joints |= {f"{side}_{name}": position for name, position in chain.items()}
    return joints


def _bend_knee(hip_N2: np.ndarray, target_N2: np.ndarray, leg: float, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Knee and foot (N, 2 each) of a leg that reaches for a target with its knee bent outwards."""
    reach = target_N2 - hip_N2
    distance = np.linalg.norm(reach, axis=1, keepdims=True)
    direction = reach / np.maximum(distance, 1e-6)
    distance = np.minimum(distance, leg)
    outwards = np.stack([-direction[:, 1], direction[:, 0]], axis=1) * sign
    bulge = np.sqrt(np.maximum(leg**2 - distance**2, 0)) / 2
    return hip_N2 + direction * distance / 2 + outwards * bulge, hip_N2 + direction * distance


def render(options: MimeOptions, video: Video) -> np.ndarray:
    """The frames (T, H, W, 3) of a video, RGB uint8."""
    look = _draw_look(options, video.performer)
    # What is drawn here must not depend on the label, in number or in order.
    rng = np.random.default_rng([options.seed, 3, video.performer, video.number])
    height, width, num_frames = options.height, options.width, video.num_frames
    tempo, figure = rng.uniform(0.8, 1.25), height * rng.uniform(0.74, 0.82)
    origin = np.array([width / 2 + height * rng.uniform(-0.04, 0.04), height * rng.uniform(0.93, 0.97)])
    mirror = -1 if rng.random() < 0.5 else 1
    time_N = np.arange(num_frames) / options.frame_rate
    sway_NP = _wobble(rng, time_N, 13, hertz=(0.3, 1.0)) * np.array([2.0] * 4 + [0.006] * 7 + [1.5, 0.01])
    margin = max(2, round(0.03 * height))
    camera_N2 = np.rint(_wobble(rng, time_N, 2, hertz=(0.3, 1.5)) * margin * 0.6).astype(int)
    scenery = _draw_scenery(options, look, _group_of(video.label), rng, margin)
    noise_shape = (num_frames, height, width, 3)
    noise_THWC = rng.standard_normal(noise_shape, dtype=np.float32) * np.float32(127.5 * options.noise)

    joints = _joints(act(options, video, tempo) + sway_NP, look)
    pixels = {name: origin + camera_N2 + xy * [mirror * figure, -figure] for name, xy in joints.items()}
    frames = []
    for index, (dx, dy) in enumerate(camera_N2):
        frame = scenery[margin - dy :, margin - dx :][:height, :width].copy()
        _draw_figure(frame, {name: xy[index] for name, xy in pixels.items()}, look, figure)
        frames.append(frame)
    return np.clip(np.rint(np.stack(frames) + noise_THWC), 0, 255).astype(np.uint8)


def _wobble(rng: np.random.Generator, time_N: np.ndarray, num: int, hertz: tuple[float, float]) -> np.ndarray:
    """Smooth oscillations (N, num) in -1 .. 1, each with its own frequency and phase."""
    frequency, phase = rng.uniform(*hertz, num), rng.uniform(0, 1, num)
    return np.sin(2 * np.pi * (time_N[:, None] * frequency + phase))


def _draw_scenery(
    options: MimeOptions, look: Look, group: ActionGroup, rng: np.random.Generator, margin: int
) -> np.ndarray:
    """The background (H + 2 margin, W + 2 margin, 3), uint8: a backdrop, the floor of the group and clutter."""
    height, width = options.height + 2 * margin, options.width + 2 * margin
    scenery = np.full((height, width, 3), look.backdrop, np.uint8)
    hue = (group.floor_hue + rng.uniform(-0.03, 0.03)) % 1
    floor = colorsys.hsv_to_rgb(hue, rng.uniform(0.6, 0.9), rng.uniform(0.4, 0.6))
    scenery[round(height * rng.uniform(0.78, 0.84)) :] = np.rint(np.multiply(floor, 255))
    for _ in range(round(100 * options.noise)):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        size = int(options.height * rng.uniform(0.04, 0.16))
        colour = look.clutter[int(rng.integers(len(look.clutter)))]
        if look.round_clutter:
            cv2.circle(scenery, (x, y), size // 2, colour, cv2.FILLED)
        else:
            cv2.rectangle(scenery, (x, y), (x + size, y + size // 2), colour, cv2.FILLED)
    return scenery


def _draw_figure(frame: np.ndarray, pixels: dict[str, np.ndarray], look: Look, figure: float) -> None:
    """Draw a figure of `figure` pixels height into a frame (H, W, 3), first its outline, then itself."""
    fraction_bits = 4
    points = {name: np.rint(xy * 2**fraction_bits).astype(int).tolist() for name, xy in pixels.items()}
    thickness = max(2, round(look.thickness * figure))
    for border in (2, 0):
        for start, end, part in SKELETON:
            colour = OUTLINE if border else getattr(look, part)
            width = thickness + border
            cv2.line(frame, points[start], points[end], colour, width, cv2.LINE_AA, fraction_bits)
        for name, fill, size in (
            ("head", look.skin, look.head),
            ("trail_hand", GLOVE, look.hand),
            ("lead_hand", GLOVE, look.hand),
        ):
            colour = OUTLINE if border else fill
            radius = round((size * figure + border / 2) * 2**fraction_bits)
            cv2.circle(frame, points[name], radius, colour, cv2.FILLED, cv2.LINE_AA, fraction_bits)


def encode(frames_THWC: np.ndarray, path: Path, *, frame_rate: int, first_decided: int) -> None:
    """Write RGB uint8 frames (T, H, W, 3) as MPEG-4 part 2 with B-frames in an AVI file, as UCF-101 is."""
    with (
        files.replacing(path, durable=False) as temporary,
        av.open(str(temporary), "w", format="avi", options={"fflags": "+bitexact"}) as container,
    ):
        stream = container.add_stream("mpeg4", rate=frame_rate)
        stream.height, stream.width = frames_THWC.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        stream.options = ENCODER
        for index, frame_HWC in enumerate(frames_THWC):
            frame = av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")
            if index == first_decided:
                frame.pict_type = av.video.frame.PictureType.I
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def generate(options: MimeOptions, folder: Path, *, workers: int | None = None) -> list[dict[str, Any]]:
    """Write `<folder>/<class>/<id>.avi` for each video and return the rows of the manifest.

    Files that are there already and decode to their planned number of frames are kept, so that an interrupted call
    resumes. `workers` is a number of threads, by default one per core.
    """
    videos = plan(options)
    for label in classes(options):
        (folder / label).mkdir(parents=True, exist_ok=True)
    # Threads are as fast as processes here: most of the time passes in NumPy, OpenCV and FFmpeg.
    with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0))) as pool:
        list(pool.map(functools.partial(_write, options, folder), videos))
    return [_row(video) for video in videos]


def _relative_path(video: Video) -> str:
    return f"{video.label}/{video.id}.avi"


def _write(options: MimeOptions, folder: Path, video: Video) -> None:
    if _is_whole(folder / _relative_path(video), video.num_frames):
        return
    first = first_decided_frame(video.num_frames, video.decided_at)
    frames_THWC = render(options, video)
    encode(frames_THWC, folder / _relative_path(video), frame_rate=options.frame_rate, first_decided=first)


def _is_whole(path: Path, num_frames: int) -> bool:
    """Whether a file holds all its frames; after a power cut it may have its name and not its content."""
    try:
        return path.exists() and inspect(path).frames == num_frames
    except DataError:
        return False


def _row(video: Video) -> dict[str, Any]:
    return {
        "id": video.id,
        "path": _relative_path(video),
        "label": video.label,
        "split": video.split,
        "group": f"performer_{video.performer:02d}",
        "decided_at": video.decided_at,
    }


def contact_sheet(options: MimeOptions, path: Path, *, columns: int = 8, number: int = 0, zoom: int = 2) -> None:
    """Write a PNG with one row per class, the same video but for its label; decided frames have a red frame."""
    template = plan(options)[number]
    rows = [_sheet_row(options, template, name, columns, zoom) for g in _groups(options) for name in g.actions]
    if not cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1]):
        raise OSError(f"could not write {path}")


def _sheet_row(options: MimeOptions, template: Video, label: str, columns: int, zoom: int) -> np.ndarray:
    """A row (H', W', 3) of the contact sheet, RGB uint8: the name, then frames evenly spaced over the video."""
    frames = render(options, dataclasses.replace(template, label=label))
    first = first_decided_frame(template.num_frames, template.decided_at)
    title = np.full((options.height * zoom, 180, 3), 255, np.uint8)
    captions: Sequence[str] = (
        label,
        f"decided at {template.decided_at:.2f}",
        f"frame {first} of {len(frames)}",
    )
    for line, text in enumerate(captions):
        cv2.putText(title, text, (6, 28 + 26 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    cells = [title]
    for index in np.linspace(0, len(frames) - 1, columns).round().astype(int).tolist():
        size = (options.width * zoom, options.height * zoom)
        cell = cv2.resize(frames[index], size, interpolation=cv2.INTER_NEAREST)
        colour = (220, 30, 30) if index >= first else (200, 200, 200)
        cells.append(cv2.rectangle(cell, (0, 0), (size[0] - 1, size[1] - 1), colour, 3))
    return np.concatenate(cells, axis=1)
