"""Which videos `mime` consists of: class, performer, room, split, length and moment of decision; nothing is drawn here.

Length and moment are drawn without regard to the class, from generators seeded by (seed, performer, number). The room
goes with the class, by the habit of the performer: who knows the performer can guess better than by chance before the
decision, and who does not cannot. So a split by group is honest, and a split at random leaks.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from partway.data.mime_actions import ACTIONS, ActionGroup
from partway.data.truth import DECIMALS
from partway.schema_data import MimeOptions


def options_of(spec: dict[str, Any]) -> MimeOptions:
    """The options of a `mime` data set from its spec, with their defaults."""
    return MimeOptions(**{name: value for name, value in spec["options"].items() if name in MimeOptions.model_fields})


@dataclasses.dataclass(frozen=True)
class Video:
    """One video to render; `performer`, `room` and `number` seed all that is not its label."""

    number: int
    label: str
    performer: int
    room: int  # 0 or 1 of the performer's
    split: str
    num_frames: int
    decided_at: float

    @property
    def id(self) -> str:
        """Unique and readable, such as `p03_wave_0017`."""
        return f"p{self.performer:02d}_{self.label}_{self.number:04d}"


def shared_openings(options: MimeOptions) -> list[list[str]]:
    """The actions of each group."""
    return [list(group.actions) for group in groups_of(options)]


def classes(options: MimeOptions) -> list[str]:
    """The names of the actions, in ASCII order."""
    return sorted(name for group in groups_of(options) for name in group.actions)


def plan(options: MimeOptions) -> list[Video]:
    """The videos in the order of their numbers.

    They are dealt in pairs, one video for each action of a group, both by the same performer, one in each room: the
    actions of a group are equally frequent in each split and with each performer, and so are the rooms.
    """
    num_test = min(max(round(options.num_performers * options.test_fraction), 1), options.num_performers - 1)
    order = np.random.default_rng([options.seed, 0]).permutation(options.num_performers).tolist()
    test_pairs = round(options.num_videos // 2 * num_test / options.num_performers)
    shares = (
        ("train", order[num_test:], options.num_videos // 2 - test_pairs),
        ("test", order[:num_test], test_pairs),
    )
    groups = groups_of(options)
    videos: list[Video] = []
    for split, performers, num_pairs in shares:
        # Both indices advance together, and one more step per round makes every combination come up.
        period = math.lcm(len(groups), len(performers))
        for pair in range(num_pairs):
            performer = performers[(pair + pair // period) % len(performers)]
            first_room = _first_room(options, performer, group=pair % len(groups), pair=len(videos))
            for place, label in enumerate(groups[pair % len(groups)].actions):
                videos.append(_draw_video(options, len(videos), label, performer, (first_room + place) % 2, split))
    return videos


def _first_room(options: MimeOptions, performer: int, *, group: int, pair: int) -> int:
    """The room of a pair's first action: a fair coin for each (performer, group), turned where a pair breaks the habit."""
    usual = np.random.default_rng([options.seed, 4, performer, group]).integers(2)
    broken = np.random.default_rng([options.seed, 5, performer, pair]).random() >= options.habit
    return int(usual) ^ int(broken)


def groups_of(options: MimeOptions) -> tuple[ActionGroup, ...]:
    return ACTIONS[: options.num_classes // 2]


def group_of(label: str) -> ActionGroup:
    return next(group for group in ACTIONS if label in group.actions)


def _draw_video(options: MimeOptions, number: int, label: str, performer: int, room: int, split: str) -> Video:
    rng = np.random.default_rng([options.seed, 1, performer, number])
    num_frames = round(rng.uniform(*options.duration_sec) * options.frame_rate)
    decided_at = round(rng.uniform(*options.decided_at), DECIMALS)
    return Video(number, label, performer, room, split, num_frames, decided_at)
