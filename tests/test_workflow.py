"""The real snakemake on small studies: kills, failures, sharing, edits under way, own clips, wrong calls."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest

import warm
from conftest import (
    COLLECT,
    REPOSITORY,
    SNAKEMAKE,
    Workplace,
    heed_signals,
    make_class_folders,
    one_run_study,
    write_video,
)
from partway import dag
from partway.data import video

pytestmark = pytest.mark.slow
MEASURED_TIME = ["epoch_sec", "clips_per_sec"]
CLIPS = REPOSITORY.parent / "shared" / "data" / "clips"


def wait_for(condition: Callable[[], object], seconds: float = 90) -> object:
    """Poll until something is there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def started(workplace: Workplace) -> subprocess.Popen:
    """Start snakemake in the background, in a process group of its own; cold, to be found and killed by its name."""
    with (workplace.folder / "output.log").open("w") as log:
        return dataclasses.replace(workplace, cold=True).started(
            workplace.command(), stdout=log, stderr=log, start_new_session=True, preexec_fn=heed_signals
        )


def training_process(workplace: Workplace) -> psutil.Process | None:
    """The running `partway train` of this workplace; of a warm one its caller."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if ["-m", "partway", "train"] in (words[1:4], words[3:6]) and process.info["cwd"] == str(workplace.folder):
            return process
    return None


def end_of(workplace: Workplace) -> tuple[str, pd.DataFrame, str]:
    """What a training came to: digest of its weights, its log without measured times, digests of its predictions."""
    (record,) = workplace.results("trainings/*/training.json")
    log = pd.read_csv(record.with_name("training_log.csv")).drop(columns=MEASURED_TIME)
    predictions = [path.read_bytes() for path in workplace.results("evaluations/*/predictions.parquet")]
    return json.loads(record.read_text())["checkpoint_digest"], log, str(hash(tuple(predictions)))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Workplace:
    """A training that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "work"
    make_class_folders(folder / "clips")
    workplace = Workplace(folder, killable_study())
    workplace.snakemake()
    return workplace


def killable_study() -> dict:
    study_ = one_run_study(epochs=24)
    study_["training"] |= {"accumulation": 2, "mixup": {"alpha": 0.8}, "label_smoothing": 0.1}
    return study_


def same_end(one: Workplace, other: Workplace) -> None:
    (digest, log, predictions), (other_digest, other_log, other_predictions) = end_of(one), end_of(other)
    pd.testing.assert_frame_equal(log, other_log, check_exact=True)
    assert digest == other_digest
    assert predictions == other_predictions


def killed_in_the_middle(workplace: Workplace) -> tuple[subprocess.Popen, psutil.Process]:
    """Start a study and return it when its training has saved a state and is still at work."""
    make_class_folders(workplace.folder / "clips")
    main = started(workplace)
    wait_for(lambda: workplace.results("trainings/*/state/state.previous.pt"))
    training = training_process(workplace)
    assert training, "the training ended before it could be killed"
    return main, training


def test_a_training_killed_in_the_middle_ends_bit_for_bit_the_same(undisturbed, tmp_path):
    workplace = Workplace(tmp_path / "work", killable_study())
    main, training = killed_in_the_middle(workplace)
    training.send_signal(signal.SIGKILL)
    assert main.wait(60) != 0
    assert not workplace.results("trainings/*/training.json")
    partial = (workplace.folder / "results/one/partial/tables/recipe.md").read_text()
    assert "lacks seed 0: training" in partial
    output = workplace.snakemake()
    assert re.search(r"resumed after epoch \d+ of 24", output)
    assert not (workplace.folder / "results/one/partial").exists()
    same_end(workplace, undisturbed)


def test_a_second_snakemake_waits_for_an_orphan_and_ends_the_same(undisturbed, tmp_path):
    workplace = Workplace(tmp_path / "work", killable_study())
    main, training = killed_in_the_middle(workplace)
    main.kill()  # the training lives on, as after a dead node
    main.wait()
    assert training.is_running()
    locked = workplace.snakemake(check=False)
    assert "none of yours runs in this folder on this machine" in locked
    assert "snakemake --unlock`, then the same command again" in locked
    assert "A job of it still runs (process" in locked
    workplace.snakemake("--unlock")
    output = workplace.snakemake()
    assert "another process works on this training" in output or not training.is_running()
    wait_for(lambda: not training.is_running())
    same_end(workplace, undisturbed)


def test_a_second_snakemake_in_one_folder_is_told_who_works_there(tmp_path):
    workplace = Workplace(tmp_path / "work", killable_study())
    main, _ = killed_in_the_middle(workplace)
    second = workplace.snakemake(check=False)
    assert f"snakemake already works in this folder (process {main.pid}, since" in second
    assert "wait for the other one, then call again" in second
    assert "Directory cannot be locked" in second
    refused = workplace.snakemake("--unlock", check=False)
    assert f"--unlock: snakemake works in this folder (process {main.pid}" in refused
    assert "Unlocked working directory" not in refused
    assert main.wait(120) == 0, (workplace.folder / "output.log").read_text()[-3000:]


def test_two_clones_over_one_results_folder_end_the_same(undisturbed, tmp_path):
    """Both work at once, each with its own Snakemake; what one call finds taken away, the same call again brings."""
    places = [Workplace(tmp_path / name, killable_study() | {"results_dir": "../shared"}) for name in ("one", "two")]
    for place in places:
        make_class_folders(place.folder / "clips")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for process in [place.started(place.command(), **quiet) for place in places]:
        process.wait(300)
    for place in places:
        place.snakemake()
        assert place.jobs() == {}
    assert len(list((tmp_path / "shared").glob("trainings/*/training.json"))) == 1
    shutil.copytree(tmp_path / "shared", tmp_path / "seen" / "results")
    same_end(Workplace(tmp_path / "seen", {}), undisturbed)
    assert not list((tmp_path / "shared").rglob("*.tmp*"))


def test_results_on_another_disk_and_a_moved_clone(undisturbed, tmp_path):
    """`results_dir` on another file system where there is one; then the whole folder moves, and nothing runs again."""
    disk = Path("/dev/shm")
    elsewhere = Path(tempfile.mkdtemp(dir=disk if os.access(disk, os.W_OK) else tmp_path))
    try:
        study_ = killable_study() | {"results_dir": str(elsewhere / "Ergebnisse für alle")}
        workplace = Workplace(tmp_path / "work", study_)
        make_class_folders(workplace.folder / "clips")
        workplace.snakemake()
        moved = workplace.folder.rename(tmp_path / "moved clone")
        moved_workplace = Workplace(moved, study_)
        assert moved_workplace.jobs() == {}
        shutil.copytree(elsewhere / "Ergebnisse für alle", tmp_path / "seen" / "results")
        same_end(Workplace(tmp_path / "seen", {}), undisturbed)
    finally:
        shutil.rmtree(elsewhere)


def test_an_interrupted_call_goes_on(undisturbed, tmp_path):
    workplace = Workplace(tmp_path / "work", killable_study())
    main, _ = killed_in_the_middle(workplace)
    os.killpg(main.pid, signal.SIGINT)  # what Ctrl-C does
    assert main.wait(60) != 0
    workplace.snakemake()
    same_end(workplace, undisturbed)


def test_one_failing_training_leaves_the_others_and_marks_its_hole(tmp_path):
    workplace = Workplace(tmp_path / "work", one_run_study())
    make_class_folders(workplace.folder / "clips")
    workplace.study["ablations"] = {
        "vanilla": {},
        "too_fast": {"extends": "vanilla", "label": "Too fast", "training": {"learning_rate": 1e30, "clip_norm": None}},
    }
    workplace.study["ladders"] = {"recipe": ["vanilla", "too_fast"]}
    workplace.study["grid"][0]["ablations"] = ["too_fast", "vanilla"]
    output = workplace.snakemake(check=False)
    assert "the loss is" in output
    assert "lower learning_rate, or set clip_norm" in output
    assert "At least one job did not complete successfully" in output
    assert len(workplace.results("trainings/*/training.json")) == 1
    assert len(workplace.results("evaluations/*/metrics.json")) == 2
    assert not workplace.results("one/summary.json")
    table = workplace.results("one/partial/tables/recipe.md")[0].read_text()
    assert re.search(r"\*\*Too fast\*\* lacks seed 0: training videomae-\w+ \(mine small too_fast", table)
    assert "0 of 1" in table
    runs = pd.read_csv(workplace.results("one/partial/runs.csv")[0])
    assert dict(zip(runs.ablation, runs.status, strict=True)) == {"too_fast": "missing", "vanilla": "complete"}
    assert workplace.results("one/partial/figures/accuracy_against_ratio.png")
    workplace.study["ablations"]["too_fast"]["training"] = {"learning_rate": 1e-4}
    assert workplace.jobs() == {"train": 1, "evaluate": 2, **COLLECT}
    workplace.snakemake()
    assert workplace.jobs() == {}
    assert not workplace.results("one/partial/*")


def test_bad_videos_stop_the_study_and_stay_listed(tmp_path):
    workplace = Workplace(tmp_path / "work", one_run_study())
    make_class_folders(workplace.folder / "clips")
    (workplace.folder / "clips/dark/broken.avi").write_bytes(b"no video")
    output = workplace.snakemake(check=False)
    assert "1 bad video (1 unreadable)" in output
    listed = re.search(r"listed in (\S+problems\.csv)", output)[1]
    assert pd.read_csv(workplace.folder / listed).path.tolist() == ["dark/broken.avi"]
    log = next(workplace.folder.glob("results/logs/prepare/*.log"))
    assert "broken.avi" in log.read_text()
    workplace.study["datasets"]["mine"]["on_bad_video"] = "skip"
    workplace.snakemake()
    assert workplace.jobs() == {}


def test_the_exit_code_of_a_failure_is_not_0(tmp_path):
    workplace = Workplace(tmp_path / "work", one_run_study())
    make_class_folders(workplace.folder / "clips")
    workplace.study["training"] |= {"learning_rate": 1e30, "clip_norm": None}
    assert workplace.called(workplace.command())[0] == 1


def test_editing_the_study_while_its_jobs_run_disturbs_nothing(undisturbed, tmp_path):
    workplace = Workplace(tmp_path / "work", killable_study(), warm.environment())
    main, _ = killed_in_the_middle(workplace)
    (workplace.folder / "study.yaml").write_text("name: [broken\n")
    assert main.wait(120) == 0, (workplace.folder / "output.log").read_text()[-3000:]
    same_end(workplace, undisturbed)
    lock = json.loads(workplace.results("one/study.lock.json")[0].read_text())
    assert lock["name"] == "one"


def test_remote_jobs_read_the_frozen_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_class_folders(tmp_path / "clips", clips=2)
    Path("study.yaml").write_text(json.dumps(one_run_study()))
    monkeypatch.setattr("sys.argv", ["snakemake"])
    config = {"study": "study.yaml", "set": "training.epochs=3"}
    resolved = dag.load(config, main_process=True)
    dag.freeze(resolved, config)
    Path("study.yaml").write_text("name: [broken\n")
    assert dag.load(config, main_process=False) == resolved


def test_own_clips_need_three_lines(tmp_path):
    """The shipped study for own clips, its root named and its model made tiny for the test."""
    make_class_folders(tmp_path / "work" / "films", ("juggling", "walking", "waving"))
    shutil.copy(REPOSITORY / "studies" / "own_clips.yaml", tmp_path / "work" / "own.yaml")
    workplace = Workplace(tmp_path / "work", {})
    tiny = ["num_frames=4", "frame_size=32", "hidden_size=32", "num_layers=1", "num_heads=2"]
    edits = ["datasets.clips.root=films", "training.epochs=1", "grid.*.seeds=[0]", "grid.1.ratios=[0.5, 1.0]"]
    edits += [f"models.videomae.{option}" for option in tiny]
    command = [*workplace.command(cores=2)[:-2], "--config", "study=own.yaml", f"set={json.dumps(edits)}"]
    code, output = workplace.called(command)
    assert code == 0, output[-3000:]
    runs = pd.read_csv(workplace.results("own_clips/runs.csv")[0])
    assert (runs.status == "complete").all()
    assert set(runs.classes) == {3}
    assert "test %" in workplace.results("own_clips/tables/*.md")[0].read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "study=none.yaml"], "none.yaml: 1 problem in this study"),
        (["--config", "study=study.yaml", "set=training.epoks=3"], "did you mean epochs?"),
        (["--config", "study=study.yaml", "set=a=1", "set=b=2"], "set= is given 2 times"),
        (["--config", "study=study.yaml", "--config", "set=a=1"], "--config is given 2 times"),
        (["--config", "study=study.yaml", "set=3"], "expected a text or a list of texts"),
        (["--config", "studdy=study.yaml"], "studdy=...: unknown"),
    ],
)
def test_wrong_calls_say_what_to_do(tmp_path, arguments, message):
    workplace = Workplace(tmp_path, one_run_study())
    make_class_folders(tmp_path / "clips", clips=2)
    command = [*workplace.command()[:-2], *arguments, "--dry-run"]
    code, output = workplace.called(command)
    assert code != 0
    assert message in output
    assert "Traceback" not in output


def test_every_command_can_be_copied_and_run_by_hand(tmp_path):
    """`snakemake -p` prints the line of a training; run alone it writes the same weights."""
    workplace = Workplace(tmp_path / "work", one_run_study())
    make_class_folders(workplace.folder / "clips")
    output = workplace.snakemake("-p")
    line = re.search(r"(python -m partway train .*)", output)[1]
    (record,) = workplace.results("trainings/*/training.json")
    before = json.loads(record.read_text())["checkpoint_digest"]
    shutil.rmtree(record.parent)
    environment = workplace.full_environment()
    environment["PATH"] = f"{SNAKEMAKE.parent}:{environment['PATH']}"
    subprocess.run(line, shell=True, cwd=workplace.folder, env=environment, check=True, executable="/bin/bash")
    assert json.loads(record.read_text())["checkpoint_digest"] == before


def test_two_seeds_of_the_whole_workflow_are_deterministic(undisturbed, tmp_path):
    """The same study elsewhere, with frames from a raw store: the same numbers."""
    workplace = Workplace(tmp_path / "another place", killable_study())
    make_class_folders(workplace.folder / "clips")
    workplace.study["datasets"]["mine"]["store"] = "raw"
    workplace.snakemake()
    same_end(workplace, undisturbed)


@pytest.mark.skipif(not CLIPS.is_dir(), reason="the real clips are not on this machine")
def test_real_clips_as_classes(tmp_path):
    groups = {"wave": "*_wave_*.avi", "SoccerJuggling": "v_SoccerJuggling*.avi", "walking": "*walking*.avi"}
    workplace = Workplace(tmp_path / "work", one_run_study())
    for label, pattern in groups.items():
        (workplace.folder / "clips" / label).mkdir(parents=True)
        for path in CLIPS.glob(pattern):
            (workplace.folder / "clips" / label / path.name).symlink_to(path)
    whole = next(video.read_all_frames(next(CLIPS.glob("*walking*"))))
    assert whole.shape == (120, 160, 3)
    frames = list(video.read_all_frames(next(CLIPS.glob("*walking*"))))[200:260]
    import numpy as np

    write_video(
        workplace.folder / "clips/walking/second.avi", np.stack(frames), rate=25
    )  # a class of one cannot be split
    workplace.study["datasets"]["mine"]["validation"] = {"fraction": 0}
    workplace.study["training"] |= {"select": "last"}
    workplace.snakemake()
    runs = pd.read_csv(workplace.results("one/runs.csv")[0])
    assert runs.classes[0] == 3
    assert runs.test_videos[0] == 3
