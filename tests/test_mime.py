"""The generated data set: what the manifest says about it must be exactly so."""

import dataclasses
import os
from collections import Counter
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import PictureType
from pydantic import ValidationError

from partway import files
from partway.data import mime, mime_render, transforms, truth
from partway.data.mime_actions import ACTIONS, Pose
from partway.data.mime_plan import Video
from partway.data.mime_scenery import draw_balls, draw_room
from partway.schema_data import MimeOptions

SMALL = MimeOptions(num_videos=20, num_performers=4, duration_sec=(1.0, 1.5), width=48, height=36)


def decode(path: Path) -> np.ndarray:
    """Frames (T, H, W, 3) of a file, RGB uint8."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def twins(options: MimeOptions) -> list[tuple[Video, Video]]:
    """For each group the same video with both of its labels."""
    template = mime.plan(options)[0]
    return [tuple(dataclasses.replace(template, label=label) for label in group.actions) for group in ACTIONS]


@pytest.mark.parametrize(
    ("num_frames", "decided_at", "expected"),
    [(10, 0.5, 5), (10, 0.51, 6), (100, 0.07, 7), (100, 0.29, 29), (20, 0.15, 3), (36, 0.0001, 1)],
)
def test_first_decided_frame_is_exact(num_frames: int, decided_at: float, expected: int) -> None:
    assert truth.first_decided_frame(num_frames, decided_at) == expected


@pytest.mark.parametrize("number", [0, 1])
def test_a_pair_is_identical_until_the_decision_and_parts_then(number: int) -> None:
    for a, b in twins(SMALL.model_copy(update={"seed": number})):
        first = truth.first_decided_frame(a.num_frames, a.decided_at)
        frames_a, frames_b = mime.render(SMALL, a), mime.render(SMALL, b)
        assert np.array_equal(frames_a[:first], frames_b[:first])
        assert not np.array_equal(frames_a[first], frames_b[first])
        soon = first + (a.num_frames - first) // 3
        assert np.abs(frames_a[soon].astype(int) - frames_b[soon]).mean() > 3


def test_no_decoded_frame_before_the_decision_depends_on_the_class(tmp_path: Path) -> None:
    for pair in twins(SMALL):
        first = truth.first_decided_frame(pair[0].num_frames, pair[0].decided_at)
        decoded = []
        for video in pair:
            path = tmp_path / f"{video.id}.avi"
            mime.encode(mime.render(SMALL, video), path, frame_rate=SMALL.frame_rate, first_decided=first)
            decoded.append(decode(path))
        assert np.array_equal(decoded[0][:first], decoded[1][:first])
        assert not np.array_equal(decoded[0][first:], decoded[1][first:])


def test_groups_differ_from_the_first_frame_on() -> None:
    first_poses = [mime_render.act(SMALL, a)[0] for a, _ in twins(SMALL)]
    for i, pose in enumerate(first_poses):
        assert all(np.abs(pose - other).max() > 30 for other in first_poses[:i])


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_reversed_actions_show_the_same_poses_in_reverse_order(speed: float) -> None:
    options = SMALL.model_copy(update={"speed": speed})
    reversible = [pair for pair in twins(options) if set(pair[0].label.split("_")) == set(pair[1].label.split("_"))]
    assert len(reversible) == 3
    for a, b in reversible:
        first = truth.first_decided_frame(a.num_frames, a.decided_at)
        poses_a, poses_b = mime_render.act(options, a)[first:], mime_render.act(options, b)[first:]
        assert np.array_equal(poses_a, poses_b[::-1])
        assert np.abs(poses_a - poses_b).max() > 0.1


def test_every_movement_begins_and_ends_in_the_last_pose_of_the_opening() -> None:
    for group in ACTIONS:
        rest = group.opening.keyframes[0][1]
        for movement in (group.opening, *group.actions.values()):
            assert movement.keyframes[0] == (0, rest)
            assert movement.keyframes[-1] == (1, rest)


@pytest.mark.parametrize("num_classes", [2, 6, 10, 12])
@pytest.mark.parametrize("num_videos", [50, 200])
def test_classes_are_equally_frequent(num_classes: int, num_videos: int) -> None:
    options = MimeOptions(num_classes=num_classes, num_videos=num_videos, num_performers=20)
    videos = mime.plan(options)
    assert len(videos) == num_videos
    assert len({video.id for video in videos}) == num_videos
    assert mime.classes(options) == sorted({video.label for video in videos})
    for split in ("train", "test"):
        counts = Counter(video.label for video in videos if video.split == split)
        for group in ACTIONS[: num_classes // 2]:
            assert len({counts[label] for label in group.actions}) == 1
        assert max(counts.values()) - min(counts.values()) <= 1


def test_performers_appear_in_one_split_only_and_act_both_classes_of_a_group() -> None:
    videos = mime.plan(MimeOptions(num_performers=20))
    performers = {split: {v.performer for v in videos if v.split == split} for split in ("train", "test")}
    assert (len(performers["train"]), len(performers["test"])) == (15, 5)
    assert not performers["train"] & performers["test"]
    assert Counter(video.split for video in videos) == {"train": 600, "test": 200}
    counts = Counter((video.performer, video.label) for video in videos)
    assert set(counts.values()) == {4}
    assert len(counts) == 20 * 10


def test_a_performer_does_an_action_mostly_in_one_room_and_nobody_else_shares_that_habit():
    """What a random split can learn of a performer, a split by performer cannot: the rooms of the others say nothing."""
    videos = mime.plan(MimeOptions(num_videos=8000, num_performers=80, habit=0.8))
    first_of = {label: next(iter(group.actions)) for group in ACTIONS for label in group.actions}
    as_usual: dict[tuple, list[bool]] = {}  # by performer and group: first action in room 0, or second in room 1
    for v in videos:
        as_usual.setdefault((v.performer, first_of[v.label]), []).append(
            (v.label == first_of[v.label]) == (v.room == 0)
        )
    shares = np.array([np.mean(turns) for turns in as_usual.values()])
    assert Counter(v.room for v in videos) == {0: 4000, 1: 4000}
    assert abs(np.maximum(shares, 1 - shares).mean() - 0.8) < 0.02  # within a performer and group the room tells 80 %
    assert abs(shares.mean() - 0.5) < 4 * shares.std() / np.sqrt(len(shares))  # over performers it tells nothing


def test_a_room_looks_the_same_in_every_video_of_its_performer_only():
    rooms = [draw_room(SMALL, performer, room) for performer in (0, 1) for room in (0, 1)]
    assert len({room.backdrop for room in rooms}) == 4
    assert draw_room(SMALL, 1, 0) == rooms[2]


def test_the_last_pair_is_each_others_mirror_image():
    a, b = twins(SMALL)[-1]
    poses_a, poses_b = mime_render.act(SMALL, a), mime_render.act(SMALL, b)
    mirrored = [np.hstack(Pose(*_fields(row)).mirrored()) for row in poses_a]
    assert np.allclose(mirrored, poses_b)
    assert np.abs(poses_a - poses_b).max() > 10
    assert all(not np.allclose(pose_a, pose_b) for pose_a, pose_b in zip(poses_a[-2:], poses_b[-2:], strict=True))


def _fields(row: np.ndarray) -> list:
    return [tuple(row[i : i + 2]) for i in (0, 2, 4, 6)] + row[8:].tolist()


def test_the_side_that_tells_a_pair_is_never_mirrored_at_random():
    options = MimeOptions(num_classes=12, num_videos=120, num_performers=10, noise=0, distractors=0)
    right = [v for v in mime.plan(options) if v.label == "reach_right"]
    hands = []
    for video in right:
        frames = mime.render(options, dataclasses.replace(video, decided_at=0.15))
        white = (frames[len(frames) * 6 // 10] > 250).all(axis=2)  # the gloves
        hands.append(np.nonzero(white)[1].mean() / options.width)
    assert len(hands) == 10
    assert min(hands) > 0.5


def test_distractors_move_and_are_the_same_for_every_class():
    still = SMALL.model_copy(update={"distractors": 0})
    rolling = SMALL.model_copy(update={"distractors": 3})
    a, b = twins(SMALL)[1]
    first = truth.first_decided_frame(a.num_frames, a.decided_at)
    assert np.array_equal(mime.render(rolling, a)[:first], mime.render(rolling, b)[:first])
    balls = draw_balls(rolling, np.random.default_rng(0), 12)
    assert len(balls) == 3
    for ball in balls:
        steps = np.diff(ball.centre_N2[:, 0])
        assert np.allclose(steps, steps[0])
        assert 0.5 <= abs(steps[0]) * 12 / SMALL.width <= 1.5
    assert not np.array_equal(mime.render(rolling, a), mime.render(still, a))


def test_figures_fit_every_crop_of_three_views():
    """The side crops begin at the top row and leave an eighth out below: the feet must stay in the picture."""
    options = MimeOptions(num_videos=80, noise=0, distractors=0, width=72)
    bottom = round(72 / transforms.SHORT_SIDE_RATIO)
    for video in mime.plan(options)[:20]:
        look = mime_render._draw_look(options, video.performer)
        bare = mime.render(options, video)[0]
        assert _is_floor(bare[bottom:], look), video.id


def _is_floor(rows: np.ndarray, look) -> bool:
    """Whether no trousers are seen in these rows."""
    return not (np.abs(rows.astype(int) - look.trousers).max(axis=2) < 12).any()


def test_duration_and_decision_do_not_depend_on_the_class() -> None:
    options = MimeOptions(num_videos=4000)
    videos = mime.plan(options)
    for values in ([v.decided_at for v in videos], [v.num_frames for v in videos]):
        by_class = [
            np.mean([x for v, x in zip(videos, values, strict=True) if v.label == c]) for c in mime.classes(options)
        ]
        assert np.ptp(by_class) < 5 * np.std(values) / np.sqrt(len(videos) / 10)
    assert all(0.15 <= v.decided_at <= 0.75 and v.decided_at == round(v.decided_at, 4) for v in videos)
    assert {v.num_frames for v in videos} == set(range(24, 49))


def test_the_seed_decides_everything() -> None:
    video, other = mime.plan(SMALL)[7], mime.plan(SMALL.model_copy(update={"seed": 1}))[7]
    assert video == mime.plan(SMALL)[7]
    assert np.array_equal(mime.render(SMALL, video), mime.render(SMALL, video))
    assert video.decided_at != other.decided_at


def test_generate_writes_what_the_rows_say(tmp_path: Path) -> None:
    rows = mime.generate(SMALL, tmp_path / "one", workers=2)
    assert rows == mime.generate(SMALL, tmp_path / "two", workers=1)
    for row, video in zip(rows, mime.plan(SMALL), strict=True):
        assert row["path"] == f"{row['label']}/{row['id']}.avi"
        assert (tmp_path / "one" / row["path"]).read_bytes() == (tmp_path / "two" / row["path"]).read_bytes()
        frames_THWC = decode(tmp_path / "one" / row["path"])
        assert frames_THWC.shape == (video.num_frames, 36, 48, 3)
    error = np.abs(frames_THWC.astype(int) - mime.render(SMALL, video)).mean()
    assert error < 12
    assert len([path for path in (tmp_path / "one").rglob("*") if path.is_file()]) == len(rows)
    assert set(rows[0]) == {"id", "path", "label", "split", "group", "decided_at"}


def test_files_are_mpeg4_with_b_frames(tmp_path: Path) -> None:
    rows = mime.generate(SMALL, tmp_path)
    with av.open(str(tmp_path / rows[0]["path"])) as container:
        assert container.format.name == "avi"
        assert container.streams.video[0].codec_context.name == "mpeg4"
        assert container.streams.video[0].average_rate == SMALL.frame_rate
        kinds = {PictureType(frame.pict_type).name for frame in container.decode(video=0)}
    assert kinds == {"I", "P", "B"}


def test_generate_resumes(tmp_path: Path) -> None:
    rows = mime.generate(SMALL, tmp_path)
    kept, lost = (tmp_path / rows[i]["path"] for i in (0, 1))
    os.utime(kept, (1, 1))
    content = lost.read_bytes()
    lost.unlink()
    leftover = lost.with_name(f".{lost.name}.0{files.TEMPORARY}.avi")
    leftover.write_bytes(b"half a file")
    emptied = tmp_path / rows[2]["path"]  # a power cut may leave a name without its content
    whole = emptied.read_bytes()
    emptied.write_bytes(b"")
    with files.owned(tmp_path):
        assert mime.generate(SMALL, tmp_path) == rows
    assert kept.stat().st_mtime == 1
    assert emptied.read_bytes() == whole
    assert lost.read_bytes() == content
    assert not leftover.exists()


def test_contact_sheet_has_a_row_per_class(tmp_path: Path) -> None:
    mime.contact_sheet(SMALL, tmp_path / "sheet.png", columns=3)
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (10 * 72, 180 + 3 * 96, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_classes": 3},
        {"num_classes": 14},
        {"num_performers": 1},
        {"habit": 0.4},
        {"distractors": -1},
        {"num_videos": 21},
        {"num_videos": 20},
        {"width": 97},
        {"noise": 1.5},
        {"seed": "0"},
        {"duration_sec": (4.0, 2.0)},
        {"duration_sec": [2.0]},
        {"decided_at": (0.0, 0.5)},
        {"decided_at": (0.5, 0.99)},
        {"colour": "red"},
    ],
)
def test_wrong_options_are_rejected(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MimeOptions(**wrong)


def test_a_yaml_list_is_a_range() -> None:
    assert MimeOptions(duration_sec=[1, 2]).duration_sec == (1.0, 2.0)
