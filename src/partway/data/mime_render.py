"""The frames of a `mime` video: a stick figure in its scenery, drawn from its plan.

Nothing but the movement from the decided frame on may depend on the label, neither in number nor in order of draws.
"""

import dataclasses
from typing import NamedTuple

import cv2
import numpy as np

from partway.data.mime_actions import Movement
from partway.data.mime_plan import Video, group_of
from partway.data.mime_scenery import draw_balls, draw_colour, draw_room, draw_scenery
from partway.data.truth import first_decided_frame
from partway.schema_data import MimeOptions


def _poses(movement: Movement, phase_N: np.ndarray) -> np.ndarray:
    """Poses (N, 13) of a movement at phases counted in cycles, the fields of `Pose` flattened."""
    times = [time for time, _ in movement.keyframes]
    poses_KP = np.array([np.hstack(pose) for _, pose in movement.keyframes])
    poses_NP = np.stack([np.interp(phase_N % 1.0, times, column) for column in poses_KP.T], axis=1)
    return poses_NP[::-1] if movement.backwards else poses_NP


def act(options: MimeOptions, video: Video, tempo: float = 1.0) -> np.ndarray:
    """Poses (N, 13) of all frames of a video, the fields of `Pose` flattened, before any personal deviation."""
    group = group_of(video.label)
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


def _draw_look(options: MimeOptions, performer: int) -> Look:
    rng = np.random.default_rng([options.seed, 2, performer])
    return Look(
        leg=rng.uniform(0.44, 0.5),
        torso=rng.uniform(0.28, 0.32),
        arm=rng.uniform(0.32, 0.37),
        shoulder=rng.uniform(0.06, 0.1),
        head=rng.uniform(0.075, 0.095),
        hand=rng.uniform(0.065, 0.08),
        thickness=rng.uniform(0.085, 0.11),
        skin=draw_colour(rng, value=(0.9, 1.0), saturation=(0.1, 0.3)),
        shirt=draw_colour(rng, value=(0.85, 1.0), saturation=(0.2, 0.5)),
        trousers=draw_colour(rng, value=(0.85, 1.0), saturation=(0.2, 0.5)),
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
    look, group = _draw_look(options, video.performer), group_of(video.label)
    # What is drawn here must not depend on the label, in number or in order.
    rng = np.random.default_rng([options.seed, 3, video.performer, video.number])
    height, width, num_frames = options.height, options.width, video.num_frames
    # The figure fits the side crops of three views too, which begin at the top row: its feet are what many actions do.
    tempo, figure = rng.uniform(0.8, 1.25), height * rng.uniform(0.64, 0.7)
    origin = np.array([width / 2 + height * rng.uniform(-0.04, 0.04), height * rng.uniform(0.79, 0.82)])
    mirror = -1 if rng.random() < 0.5 and not group.sided else 1
    time_N = np.arange(num_frames) / options.frame_rate
    sway_NP = _wobble(rng, time_N, 13, hertz=(0.3, 1.0)) * np.array([2.0] * 4 + [0.006] * 7 + [1.5, 0.01])
    margin = max(2, round(0.03 * height))
    camera_N2 = np.rint(_wobble(rng, time_N, 2, hertz=(0.3, 1.5)) * margin * 0.6).astype(int)
    scenery = draw_scenery(options, draw_room(options, video.performer, video.room), group.floor_hue, rng, margin)
    balls = draw_balls(options, rng, num_frames)
    noise_shape = (num_frames, height, width, 3)
    noise_THWC = rng.standard_normal(noise_shape, dtype=np.float32) * np.float32(127.5 * options.noise)

    joints = _joints(act(options, video, tempo) + sway_NP, look)
    pixels = {name: origin + camera_N2 + xy * [mirror * figure, -figure] for name, xy in joints.items()}
    frames = []
    for index, (dx, dy) in enumerate(camera_N2):
        frame = scenery[margin - dy :, margin - dx :][:height, :width].copy()
        for ball in balls:
            ball.draw(frame, index, offset=(dx, dy))
        _draw_figure(frame, {name: xy[index] for name, xy in pixels.items()}, look, figure)
        frames.append(frame)
    return np.clip(np.rint(np.stack(frames) + noise_THWC), 0, 255).astype(np.uint8)


def _wobble(rng: np.random.Generator, time_N: np.ndarray, num: int, hertz: tuple[float, float]) -> np.ndarray:
    """Smooth oscillations (N, num) in -1 .. 1, each with its own frequency and phase."""
    frequency, phase = rng.uniform(*hertz, num), rng.uniform(0, 1, num)
    return np.sin(2 * np.pi * (time_N[:, None] * frequency + phase))


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
