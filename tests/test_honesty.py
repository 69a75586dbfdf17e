"""The ceiling and the leak tests of a collected study: the known truth of 20 test videos, by hand."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import REPOSITORY
from known import HOME, VIDEOS, write_predictions
from partway import files
from partway.data import manifest as manifests
from partway.data.manifest import Manifest, Video
from partway.results.collect import collect
from partway.results.collect.honesty import Truth
from partway.results.figures import draw_figures
from partway.results.tables import write_tables
from partway.results.verdict import write_verdict


@pytest.fixture
def truth(resolved):
    """Twenty videos for test and for train each; the study looks at ratios 0.5 and 1.0, where validation is a quarter.

    Of the test videos ten are decided from frame 2 of 10 on and ten from frame 8 on; of the others all from frame 8 on.
    """
    folder = Path("results/data", resolved.datasets["mime"].folder)
    pair = _pair({"options": resolved.datasets["mime"].spec["options"]})
    test = [_video(f"v{n:02d}", pair[n % 2], "test", f"g{n // 2}", 0.2 if n < 10 else 0.8) for n in range(VIDEOS)]
    train = [_video(f"t{n:02d}", pair[n % 2], "train", ("h1", "h3", "h4", "h5")[n // 5], 0.8) for n in range(VIDEOS)]
    manifests.write(Manifest(test + train, sorted(pair)), folder)
    for run in resolved.runs:  # the known answers of validation are those of the train videos
        path = Path("results/evaluations", run.validation, "predictions.parquet")
        table = pq.read_table(path)
        ids = pa.array([f"t{name[1:]}" for name in table["id"].to_pylist()])
        write_predictions(path.parent, table.set_column(table.schema.get_field_index("id"), "id", ids))
    return resolved


def _video(name: str, label: str, split: str, group: str, decided_at: float) -> Video:
    return Video(
        id=name, path="x", label=label, split=split, group=group, frames=10, frame_rate=12.0, width=8, height=8,
        codec="mpeg4", digest=name, decided_at=decided_at,
    )  # fmt: skip


def _pair(spec: dict) -> tuple[str, str]:
    from partway.data.mime_plan import shared_openings
    from partway.schema_data import MimeOptions

    (pair,) = shared_openings(MimeOptions(num_classes=spec["options"]["num_classes"]))
    return tuple(pair)


def test_the_ceiling_of_a_study_by_hand(truth):
    collect(truth, HOME)
    rows = pd.read_csv(HOME / "ceiling.csv").set_index("observation_ratio")
    # Frame 2 is seen from 0.21 on (3 frames), frame 8 from 0.81 on (9 frames); before that a guess among two.
    assert rows.ceiling[0.2] == 0.5
    assert rows.ceiling[0.21] == 0.75
    assert rows.ceiling[0.5] == rows.ceiling[0.8] == 0.75
    assert rows.ceiling[0.81] == rows.ceiling[1.0] == 1.0
    assert rows.undecided_videos[0.5] == 10
    assert (rows.test_videos == VIDEOS).all()


def test_leak_tests_count_the_undecided_videos_of_each_run(truth):
    collect(truth, HOME)
    rows = pd.read_csv(HOME / "leaks.csv")
    assert rows.observation_ratio.tolist() == [0.5] * 4  # only that run has videos that it cannot decide
    assert rows.split.tolist() == ["test", "test", "validation", "validation"]
    assert rows.group.tolist() == ["all", "wave bow"] * 2
    # Of test v10 .. v19, of which it has none right; of validation the five of one performer, h1, all of them right.
    assert rows.undecided_videos.tolist() == [10, 10, 5, 5]
    assert rows.right_videos.tolist() == [0, 0, 5, 5]
    assert rows.p_value.tolist() == [1.0, 1.0, 0.5, 0.5]
    assert rows.flagged.tolist() == [0, 0, 0, 0]


def test_a_run_that_knows_too_much_is_named(truth, monkeypatch):
    monkeypatch.setattr("partway.results.collect.honesty.leaks", lambda tests: tests)
    collect(truth, HOME)
    write_tables(HOME, {"decimals": 1})
    write_verdict(HOME, {"decimals": 1})
    said = (HOME / "verdict.md").read_text()
    assert "Beware: vanilla on test at ratio 0.5, seed 0, and vanilla on validation at ratio 0.5, seed 0, know" in said
    assert "(leaks.csv; of 2 honest tests some 0.0 would be flagged): something may leak." in said


@pytest.mark.slow
def test_verdict_and_figure_tell_the_ceiling(truth):
    collect(truth, HOME)
    write_tables(HOME, {"decimals": 1})
    write_verdict(HOME, {"decimals": 1})
    draw_figures(HOME, {"dpi": 80})
    said = " ".join((HOME / "verdict.md").read_text().split())
    assert (
        "no honest model can be expected to be right more often than 75.0 % at ratio 0.5 and 100.0 % at ratio 1" in said
    )
    assert "Nothing leaks, as far as 2 tests of predictions on undecided videos can tell (at 1 % each)." in said
    assert "ceiling of any honest model" in (HOME / "figures/accuracy_against_ratio.svg").read_text()


@pytest.mark.slow
def test_without_a_manifest_there_is_no_ceiling(resolved):
    collect(resolved, HOME)
    for name in ("ceiling.csv", "leaks.csv"):
        assert len(files.read_csv(HOME / name)) == 0
    draw_figures(HOME, {"dpi": 80})
    assert "ceiling" not in (HOME / "figures/accuracy_against_ratio.svg").read_text()


def test_the_truth_of_the_shipped_demo_can_be_told(tmp_path):
    from partway import study

    demo = study.load(str(REPOSITORY / "config.yaml"))
    assert all(demo.datasets[name].spec["layout"] == "mime" for name in demo.datasets)
    with pytest.raises(FileNotFoundError):
        Truth(study.Study.from_dict(demo.to_dict() | {"results_dir": str(tmp_path)}), "mime")


def test_pairs_count_the_decided_videos_of_each_run(truth):
    collect(truth, HOME)
    rows = pd.read_csv(HOME / "pairs.csv").set_index(["ablation", "train_ratio", "observation_ratio", "seed"])
    assert set(rows.pair) == {"wave bow"}
    assert set(rows.differs_in) == {"poses"}
    whole, half = rows.loc["vanilla", "matched", 1.0, 1], rows.loc["vanilla", "full", 0.5, 0]
    assert (whole.decided_videos, whole.right_videos) == (20, 10)
    assert (half.decided_videos, half.right_videos) == (10, 5)  # v00 .. v09, of which it has v00 .. v04


def test_the_verdict_tells_who_sees_the_order_of_frames(truth):
    collect(truth, HOME)
    write_tables(HOME, {"decimals": 1})
    rows = pd.read_csv(HOME / "pairs.csv")
    rows["differs_in"] = "order"
    frames = rows.assign(model="frames", right_videos=rows.decided_videos // 2)
    files.write_csv(HOME / "pairs.csv", pd.concat([frames, rows]).to_dict("records"), list(rows.columns))
    write_verdict(HOME, {"decimals": 1})
    said = " ".join((HOME / "verdict.md").read_text().split())
    assert "1 pair of classes is each other's reversal in time" in said
    assert (  # of vanilla: 8 and 10 of 20
        "On the 20 test videos of these, with “vanilla”, frames is right on 50.0 % (95 % interval 29.9 to 70.1 %, videos "
        "only) and small is right on 45.0 % (95 % interval" in said
    )
