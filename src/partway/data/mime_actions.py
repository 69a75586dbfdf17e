"""The actions of `mime` as data: poses, movements between them, and groups of actions that share their opening."""

from typing import NamedTuple


class Pose(NamedTuple):
    """A stick figure seen from the front; lengths in figure heights, angles in degrees.

    The lead side is the right side of the frame, or the left one in a mirrored video. An arm is (upper arm,
    forearm), each an angle from hanging (0) outwards (90) to upright (180). A foot is (outwards, up), seen from
    the middle of the stance.
    """

    lead_arm: tuple[float, float] = (12, 8)
    trail_arm: tuple[float, float] = (12, 8)
    lead_foot: tuple[float, float] = (0.1, 0)
    trail_foot: tuple[float, float] = (0.1, 0)
    shift: float = 0  # of the pelvis, towards the lead side
    drop: float = 0  # of the pelvis; the knees give way
    lift: float = 0  # of the whole body, feet included
    lean: float = 0  # of the torso, in degrees towards the lead side
    fold: float = 0  # of the torso, 0 upright .. 1 bent forward until it has no height

    def mirrored(self) -> "Pose":
        """The pose as a mirror shows it."""
        return self._replace(
            lead_arm=self.trail_arm,
            trail_arm=self.lead_arm,
            lead_foot=self.trail_foot,
            trail_foot=self.lead_foot,
            shift=-self.shift,
            lean=-self.lean,
        )

    def both_arms(self, upper: float, fore: float) -> "Pose":
        """The pose with both arms at the same angles."""
        return self._replace(lead_arm=(upper, fore), trail_arm=(upper, fore))


Keyframes = tuple[tuple[float, Pose], ...]  # (phase 0..1, pose); a cycle that ends as it began


class Movement(NamedTuple):
    """A cycle of poses and how many such cycles a second holds at tempo 1."""

    hertz: float
    keyframes: Keyframes
    backwards: bool = False

    def mirrored(self) -> "Movement":
        """The movement as a mirror shows it."""
        return self._replace(keyframes=tuple((phase, pose.mirrored()) for phase, pose in self.keyframes))


class ActionGroup(NamedTuple):
    """Actions that share a floor and an opening, each with the movement after the decision."""

    floor_hue: float  # 0..1
    opening: Movement
    actions: dict[str, Movement]
    sided: bool = False  # the side of the frame is what tells the actions: its videos are not mirrored at random

    @property
    def differs_in(self) -> str:
        """What tells its two actions apart: `order` of the same poses, `side` of the frame, or the `poses`."""
        if any(movement.backwards for movement in self.actions.values()):
            return "order"
        return "side" if self.sided else "poses"


def _out_and_back(rest: Pose, extreme: Pose, hold: float = 0.0) -> Keyframes:
    """From rest to an extreme pose, which is held for that share of the cycle, and back."""
    return ((0, rest), (0.5 - hold / 2, extreme), (0.5 + hold / 2, extreme), (1, rest))


def _to_and_fro(rest: Pose, first: Pose, second: Pose) -> Keyframes:
    """From rest to one extreme pose, then to the opposite one, and back."""
    return ((0, rest), (0.15, first), (0.4, first), (0.6, second), (0.85, second), (1, rest))


# The poses at the decision. Each tells its group from the first frame on.
GREET = Pose(lead_arm=(85, 178))
CROSS = Pose().both_arms(90, 90)  # arms stretched out
AKIMBO = Pose().both_arms(55, -50)  # hands on the hips
CROUCH = Pose(lead_foot=(0.16, 0), trail_foot=(0.16, 0), drop=0.14).both_arms(35, 140)
POINT = Pose(lead_arm=(88, 92), trail_arm=(55, -50), lead_foot=(0.18, 0), trail_foot=(0.18, 0))

# The extreme poses after it.
WAVE_OUT, WAVE_IN = GREET._replace(lead_arm=(105, 100)), GREET._replace(lead_arm=(130, 230))
BOW = Pose(fold=0.85, drop=0.06).both_arms(25, 0)
ARMS_UP, ARMS_DOWN = CROSS.both_arms(165, 178), CROSS.both_arms(10, 5)
KICK = AKIMBO._replace(lead_foot=(0.55, 0.45), lean=-18)
LUNGE = AKIMBO._replace(shift=0.14, drop=0.22, lead_foot=(0.24, 0), trail_foot=(0.34, 0))
JUMP = Pose(lift=0.14, lead_foot=(0.14, 0), trail_foot=(0.14, 0)).both_arms(150, 165)
SQUAT = CROUCH._replace(drop=0.3).both_arms(60, 40)
STEP_TOWARDS = POINT._replace(shift=0.22, lean=25, lead_foot=(0.42, 0), trail_foot=(-0.04, 0))
STEP_AWAY = POINT._replace(shift=-0.22, lean=-25, lead_foot=(-0.04, 0), trail_foot=(0.42, 0))

REACH = Pose().both_arms(150, 120)
REACH_RIGHT = REACH._replace(shift=0.2, lean=20, lead_arm=(110, 95), lead_foot=(0.36, 0), trail_foot=(0, 0))

# The movements that make two actions each, one in the reverse order of the other. They are slow enough for one
# cycle to fill the rest of an ordinary video.
SWING = Movement(0.2, _to_and_fro(CROSS, ARMS_UP, ARMS_DOWN))
SPRING = Movement(0.2, _to_and_fro(CROUCH, JUMP, SQUAT))
STEP = Movement(0.2, _to_and_fro(POINT, STEP_TOWARDS, STEP_AWAY))

REACHING = Movement(0.25, _out_and_back(REACH, REACH_RIGHT, hold=0.3))

# An opening moves other joints than what follows it, so that the two are not taken for each other. Towards and
# away are meant as seen from the pointing arm: mirroring a video does not change its class, but for the last group,
# whose actions are each other's mirror image.
ACTIONS: tuple[ActionGroup, ...] = (
    ActionGroup(
        floor_hue=0.0,
        opening=Movement(1.0, _to_and_fro(GREET, GREET._replace(shift=0.03), GREET._replace(shift=-0.03))),
        actions={
            "wave": Movement(1.2, _to_and_fro(GREET, WAVE_OUT, WAVE_IN)),
            "bow": Movement(0.25, _out_and_back(GREET, BOW, hold=0.3)),
        },
    ),
    ActionGroup(
        floor_hue=0.3,
        opening=Movement(1.0, _out_and_back(CROSS, CROSS._replace(drop=0.07))),
        actions={"arms_up_down": SWING, "arms_down_up": SWING._replace(backwards=True)},
    ),
    ActionGroup(
        floor_hue=0.6,
        opening=Movement(0.8, _to_and_fro(AKIMBO, AKIMBO._replace(lean=8), AKIMBO._replace(lean=-8))),
        actions={
            "kick": Movement(0.9, _out_and_back(AKIMBO, KICK)),
            "lunge": Movement(0.25, _out_and_back(AKIMBO, LUNGE, hold=0.3)),
        },
    ),
    ActionGroup(
        floor_hue=0.14,
        opening=Movement(1.0, _out_and_back(CROUCH, CROUCH.both_arms(50, 110))),
        actions={"jump_squat": SPRING, "squat_jump": SPRING._replace(backwards=True)},
    ),
    ActionGroup(
        floor_hue=0.82,
        opening=Movement(1.0, _out_and_back(POINT, POINT._replace(lead_arm=(88, 135)))),
        actions={"step_towards_away": STEP, "step_away_towards": STEP._replace(backwards=True)},
    ),
    ActionGroup(
        floor_hue=0.48,
        opening=Movement(1.0, _out_and_back(REACH, REACH.both_arms(170, 175))),
        actions={"reach_right": REACHING, "reach_left": REACHING.mirrored()},
        sided=True,
    ),
)
