"""Film strips: which videos a page shows, which of their frames a run saw, and what is said where there is none."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import numbered_frames, write_video
from known import HOME, RIGHT, VIDEOS, known_study, write_data, write_known
from partway.data import manifest, sampling
from partway.data.manifest import Manifest, Video
from partway.results.collect import collect
from partway.results.report import strips, write_report
from partway.results.report.strip_choice import in_order
from partway.results.report.strips import FRAMES, HEIGHT, Pool, frames_of, seen, side_by_side
from test_report import Page, drawn

FRAMES_OF_A_VIDEO = 12


def video(number: int = 0, frames: int = FRAMES_OF_A_VIDEO, **changes) -> Video:
    name = f"v{number:02d}"
    facts = {"label": ("bow", "wave")[number % 2], "split": "test", "group": name, "frame_rate": 12.0, "digest": name}
    size = {"width": 64, "height": 48, "codec": "mpeg4"}
    return Video(id=name, path=f"{name}.avi", frames=frames, **facts, **size, **changes)


def picture(address: str) -> np.ndarray:
    """The picture of a data address, BGR."""
    data = base64.b64decode(address.removeprefix("data:image/jpeg;base64,"))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


# --- which videos ----------------------------------------------------------------------------------------


def test_first_come_videos_that_serve_many_then_what_each_run_was_most_sure_of():
    correct_RN = np.array([[0, 0, 1, 1], [0, 1, 0, 1]], dtype=bool)
    confidence_RN = np.array([[0.6, 0.9, 0.5, 0.7], [0.6, 0.4, 0.9, 0.5]])
    # Sums of thousandths: 1200, 1300, 1400, 1200. Video 2 serves run 0 as right and run 1 as wrong, then 1 the other way
    # round; video 3 is what both are most sure to be right in. Nobody needs video 0.
    assert list(in_order(correct_RN, confidence_RN, wrong=1, right=1)) == [2, 1, 3]
    assert list(in_order(correct_RN, confidence_RN, wrong=0, right=0)) == []


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 4), st.integers(0, 4), st.integers(0, 1000))
def test_every_run_gets_what_it_wants_as_far_as_there_is_any(runs, videos, wrong, right, seed):
    rng = np.random.default_rng(seed)
    correct_RN, confidence_RN = rng.random((runs, videos)) < rng.random(), rng.random((runs, videos))
    order = list(in_order(correct_RN, confidence_RN, wrong=wrong, right=right))
    assert len(order) == len(set(order))
    for correct_N, confidence_N in zip(correct_RN, confidence_RN, strict=True):
        for kind_N, wanted in ((~correct_N, wrong), (correct_N, right)):
            own = np.flatnonzero(kind_N)
            surest = own[np.argsort(-confidence_N[own], kind="stable")][:wanted]
            assert set(surest.tolist()) <= set(order)


def test_a_thousand_runs_share_some_hundred_videos():
    rng = np.random.default_rng(0)
    hard_N, skill_R = rng.beta(5, 2, 400), rng.normal(0, 0.1, 1000)
    correct_RN = rng.random((1000, 400)) < np.clip(hard_N + skill_R[:, None], 0.02, 0.98)
    order = list(in_order(correct_RN, rng.beta(4, 1, (1000, 400)), wrong=3, right=2))
    page = correct_RN[:, order[:50]]
    assert (~page).sum(axis=1).min() >= 3
    assert page.sum(axis=1).min() >= 2


# --- which frames ----------------------------------------------------------------------------------------


def test_a_strip_goes_from_the_first_frame_to_the_last():
    assert frames_of(video(frames=15)) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert frames_of(video(frames=3)) == [0, 0, 0, 0, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("ratio", "window", "expected"),
    [
        (1.0, "prefix", (0, 8)),
        (0.3, "prefix", (0, 3)),  # ceil(0.3 x 15) = 5: frames 0 to 4
        (0.01, "prefix", (0, 1)),
        (0.2, "middle", (3, 5)),  # 3 of 15 from frame 6 on: 6 and 8 of the strip's
        (0.05, "middle", (4, 4)),  # frame 7, between 6 and 8
        (1.0, "middle", (0, 8)),
    ],
)
def test_what_a_run_saw_of_a_strip(ratio, window, expected):
    assert seen(video(frames=15), ratio, window) == expected


@given(
    st.integers(1, 200), st.sampled_from([0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]), st.sampled_from(["prefix", "middle"])
)
def test_a_frame_is_dimmed_where_no_evaluation_saw_it(frames, ratio, window):
    found = video(frames=frames)
    observed = sampling.observed_frames(frames, ratio)
    start = sampling.window_start(frames, observed, ratio, window)
    inside = [start <= frame < start + observed for frame in frames_of(found)]
    first, end = seen(found, ratio, window)
    assert inside == [first <= place < end for place in range(FRAMES)]


def test_frames_of_a_variable_rate_are_seen_by_their_times():
    slow_end = tuple(float(time) for time in (0, 1, 2, 3, 4, 5, 6, 14))  # 16 s: half of it are frames 0 to 6
    assert seen(video(frames=8, frame_times_sec=slow_end), 0.5, "prefix") == (0, 7)


def test_frames_stand_side_by_side_in_order_and_none_is_enlarged():
    frames_THWC = numbered_frames(FRAMES, height=144, width=192)
    strip = side_by_side(frames_THWC)
    assert strip.shape == (HEIGHT, FRAMES * 96, 3)
    means = [part.mean() for part in np.split(strip, FRAMES, axis=1)]
    assert means == sorted(means)
    assert side_by_side(frames_THWC[:, :36, :48]).shape == (36, FRAMES * 48, 3)


# --- the pictures of a page ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """The videos of the known study, one of them damaged."""
    folder = tmp_path_factory.mktemp("videos")
    for number in range(VIDEOS):
        write_video(folder / f"v{number:02d}.avi", numbered_frames(FRAMES_OF_A_VIDEO))
    (folder / "v03.avi").write_bytes(b"no video")
    return folder


VIDEOS_BY_ID = {f"v{number:02d}": video(number) for number in range(VIDEOS)}


def test_pictures_are_taken_until_the_page_is_full_and_broken_videos_are_named(root):
    pool = Pool(VIDEOS_BY_ID, root, 1_000_000)
    pool.fill(iter(VIDEOS_BY_ID))
    assert list(pool.pictures) == [name for name in VIDEOS_BY_ID if name != "v03"]
    assert pool.said() == "Left out, since they could not be read: v03."
    assert picture(pool.pictures["v00"]).shape == (48, FRAMES * 64, 3)
    one = len(pool.pictures["v00"])
    small = Pool(VIDEOS_BY_ID, root, 3 * one)
    small.fill(iter(VIDEOS_BY_ID))
    assert list(small.pictures) == ["v00", "v01", "v02"]
    assert sum(map(len, small.pictures.values())) <= 3 * one
    assert small.pictures["v02"] == pool.pictures["v02"]  # equal bytes


def test_a_page_of_a_thousand_runs_has_room_for_more_pictures():
    assert strips.budget(20) == 1_500_000
    assert strips.budget(1000) == strips.budget(10_000) == 6_000_000


# --- in the report ---------------------------------------------------------------------------------------


def known_with_videos(root: Path) -> dict[str, str]:
    """The known study in the working directory, collected and drawn, with a manifest of its videos; gives its roots."""
    resolved = write_known(known_study())
    write_data(resolved)
    collect(resolved, HOME)
    drawn()
    # Not before: these videos are not what collect would take for generated ones.
    manifest.write(Manifest(list(VIDEOS_BY_ID.values()), ["bow", "wave"]), data_folder())
    return {"mime": str(root)}


def data_folder() -> Path:
    (path,) = Path("results/data").iterdir()
    return path


def reported(roots: dict[str, str], wanted: int = 5) -> Page:
    write_report(HOME, {"decimals": 1, "film_strips": wanted}, roots)
    return Page((HOME / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(tmp_path_factory, root) -> Page:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("report"))
        roots = known_with_videos(root)
        first = reported(roots)
        assert reported(roots).html == first.html
        return first


def test_each_run_shows_videos_that_it_got_wrong_and_right(page):
    runs = page.texts("details", class_="run")
    shown = page.find("ul", class_="strips")
    assert len(runs) == 10
    assert len(shown) == 20
    wrong, right = " ".join("".join(shown[0][1]).split()), " ".join("".join(shown[1][1]).split())
    assert (
        sum(f"Picture of v{number:02d}" in wrong for number in range(VIDEOS) if number not in RIGHT["vanilla", 0]) == 3
    )
    assert sum(f"Picture of v{number:02d}" in right for number in RIGHT["vanilla", 0]) == 2
    assert "bow, taken for wave, 73.1 % sure, saw the whole video" in wrong  # softmax of (1, 0)
    assert "taken for" not in right
    assert "Left out, since they could not be read: v03." in runs[0]


def test_a_picture_stands_in_the_page_once_and_dims_what_a_run_did_not_see(page):
    pictures = [attrs for attrs, _ in page.find("img") if "Frames across" in attrs["alt"]]
    assert len({attrs["src"] for attrs in pictures}) > 0
    assert len({attrs["alt"] for attrs in pictures}) == len(pictures) < VIDEOS
    ids = {attrs["id"] for _, attrs, _ in page.elements if "id" in attrs}
    linked = [attrs["href"].removeprefix("#") for attrs, _ in page.find("a", class_="part")]
    assert {link for link in linked if link.startswith("strip-")} <= ids
    half = [attrs["style"] for attrs, _ in page.find("div", class_="strip") if "--after: 0" not in attrs["style"]]
    assert set(half) == {"--before: 0; --after: 4"}  # frames 0 to 5 of 12 are seen: 0, 1, 3, 4 of the strip's


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("videos", "No video is shown: the folder that they were read from is not there."),
        ("manifest", "manifest.csv, which says where each lies, is not there."),
    ],
)
def test_without_its_videos_the_report_says_so(tmp_path, monkeypatch, root, lost, said):
    monkeypatch.chdir(tmp_path)
    roots = known_with_videos(root)
    if lost == "manifest":
        shutil.rmtree(data_folder())
    found = reported(roots if lost == "manifest" else {"mime": "moved/away"})
    assert all(said in text for text in found.texts("details", class_="run"))
    assert not found.find("ul", class_="strips")
    assert not found.find("div", class_="strip")
    nothing = reported(roots, wanted=0)
    assert not any("No video is shown" in text for text in nothing.texts("details", class_="run"))


@pytest.mark.slow
def test_test_videos_without_labels_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = known_study()
    tree["datasets"] = {"frames": {"layout": "hmdb51_frames", "root": "nowhere"}}
    tree["grid"] = [tree["grid"][0] | {"dataset": "frames", "ablations": ["vanilla"]}]
    tree["ladders"] = {}
    resolved = write_known(tree)
    write_data(resolved, "frames", videos={"train": 38, "test": 20}, test_labelled=False)
    collect(resolved, HOME)
    drawn()
    for run in resolved.runs:  # whoever looks at them would fail
        (Path("results/evaluations", run.evaluation) / "predictions.parquet").write_bytes(b"")
    Path("nowhere").mkdir()
    manifest.write(Manifest([video(n) for n in range(VIDEOS)], ["bow", "wave"]), data_folder())
    (text, _) = reported({"frames": "nowhere"}).texts("details", class_="run")
    assert "Some validation videos" in text
    assert "Left out, since they could not be read: v" in text
