"""What surrounds the figure of a `mime` video: the room, the floor of the action group, and balls that roll by.

Nothing here may depend on the label, neither in number nor in order of draws.
"""

from __future__ import annotations

import colorsys
import dataclasses

import cv2
import numpy as np

from partway.schema_data import MimeOptions

Colour = tuple[int, ...]  # RGB in 0..255


def draw_colour(rng: np.random.Generator, *, value: tuple[float, float], saturation: tuple[float, float]) -> Colour:
    """Draw a colour of any hue, with value and saturation in the given ranges."""
    rgb = colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value))
    return tuple(round(255 * channel) for channel in rgb)


@dataclasses.dataclass(frozen=True)
class Room:
    """One of the two rooms of a performer."""

    backdrop: Colour
    clutter: tuple[Colour, ...]
    round_clutter: bool


def draw_room(options: MimeOptions, performer: int, room: int) -> Room:
    """A room of a performer, the same in all videos there."""
    rng = np.random.default_rng([options.seed, 6, performer, room])
    return Room(
        backdrop=draw_colour(rng, value=(0.1, 0.3), saturation=(0.2, 0.6)),
        clutter=tuple(draw_colour(rng, value=(0.2, 0.45), saturation=(0.4, 0.9)) for _ in range(4)),
        round_clutter=bool(rng.random() < 0.5),
    )


def draw_scenery(
    options: MimeOptions, room: Room, floor_hue: float, rng: np.random.Generator, margin: int
) -> np.ndarray:
    """The background (H + 2 margin, W + 2 margin, 3), uint8: the room, the floor of the group and clutter."""
    height, width = options.height + 2 * margin, options.width + 2 * margin
    scenery = np.full((height, width, 3), room.backdrop, np.uint8)
    hue = (floor_hue + rng.uniform(-0.03, 0.03)) % 1
    floor = colorsys.hsv_to_rgb(hue, rng.uniform(0.6, 0.9), rng.uniform(0.4, 0.6))
    scenery[round(height * rng.uniform(0.7, 0.75)) :] = np.rint(np.multiply(floor, 255))
    for _ in range(round(100 * options.noise)):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        size = int(options.height * rng.uniform(0.04, 0.16))
        colour = room.clutter[int(rng.integers(len(room.clutter)))]
        if room.round_clutter:
            cv2.circle(scenery, (x, y), size // 2, colour, cv2.FILLED)
        else:
            cv2.rectangle(scenery, (x, y), (x + size, y + size // 2), colour, cv2.FILLED)
    return scenery


@dataclasses.dataclass(frozen=True)
class Ball:
    """Something that moves and means nothing; behind the figure."""

    centre_N2: np.ndarray  # x, y in pixels, frame by frame
    radius: int
    colour: Colour

    def draw(self, frame: np.ndarray, index: int, offset: tuple[int, int]) -> None:
        """Draw it into frame `index` (H, W, 3), which the camera has moved by `offset`."""
        x, y = np.rint(self.centre_N2[index] + offset).astype(int).tolist()
        cv2.circle(frame, (x, y), self.radius, self.colour, cv2.FILLED, cv2.LINE_AA)


def draw_balls(options: MimeOptions, rng: np.random.Generator, num_frames: int) -> list[Ball]:
    """The distractors of a video: each rolls across the picture once, from either side, at a height and time of its own."""
    balls = []
    for _ in range(options.distractors):
        seconds = num_frames / options.frame_rate
        speed = options.width * rng.uniform(0.5, 1.5) / seconds * (1 if rng.random() < 0.5 else -1)  # pixels a second
        middle = rng.uniform(0.2, 0.8) * seconds  # when it passes the middle of the picture
        x_N = options.width / 2 + speed * (np.arange(num_frames) / options.frame_rate - middle)
        y_N = np.full(num_frames, options.height * rng.uniform(0.1, 0.9))
        radius = max(1, round(options.height * rng.uniform(0.03, 0.06)))
        colour = draw_colour(rng, value=(0.4, 0.8), saturation=(0.4, 0.9))
        balls.append(Ball(np.stack([x_N, y_N], axis=1), radius, colour))
    return balls
