"""Full disks and damaged files: a clear message, nothing lost, nothing half-written ever taken for whole."""

import json
import resource
import shutil
import subprocess
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import torch

from conftest import sweep
from partway import evaluation, files
from partway.data import manifest, packing
from partway.errors import StorageError
from partway.progress import Progress
from partway.schema_store import FrameStore
from partway.training import loop
from tiny_trainings import QUIET, SPEC, Lines, log, prepared, train


@contextmanager
def no_file_beyond(size: int):
    """What a full disk does, for this process alone: every write beyond `size` bytes of a file fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory) -> Path:
    """Folder of a training with all the room it wants."""
    folder = tmp_path_factory.mktemp("undisturbed")
    train(data, folder)
    return folder


def same_end(folder: Path, other: Path) -> None:
    digests = [files.read_json(place / "training.json")["checkpoint_digest"] for place in (folder, other)]
    assert digests[0] == digests[1]
    assert log(folder) == log(other)


def readable(folder: Path) -> None:
    """Every file that lies here under its real name is whole."""
    for path in folder.rglob("*.pt"):
        torch.load(path, weights_only=True)
    for path in folder.rglob("*.json"):
        json.loads(path.read_text())
    assert not list(folder.rglob("*.tmp*"))


FILES = ("state.next.pt", "best-1.pt", "checkpoint.pt", "training_log.csv", "training.json")
DAMAGES = ("truncated", "empty", "text", "other object", "flipped", "gone")


@pytest.mark.parametrize("name", sweep(FILES, quick=("state.next.pt", "training.json")))
def test_a_disk_that_fills_up_at_any_file_of_a_training(data, tmp_path, monkeypatch, undisturbed, name):
    real = files.replacing

    @contextmanager
    def no_room_for_it(path, **options):
        full = no_file_beyond(200) if Path(path).name == name else nullcontext()
        with full, real(path, **options) as temporary:
            yield temporary

    with monkeypatch.context() as patched:
        patched.setattr(files, "replacing", no_room_for_it)
        with pytest.raises(StorageError, match=rf"{name}: cannot be written: File too large .* MB are free there"):
            train(data, tmp_path)
    assert not (tmp_path / "training.json").exists()
    readable(tmp_path)
    train(data, tmp_path)
    same_end(tmp_path, undisturbed)


def test_a_disk_that_fills_up_in_the_second_epoch_keeps_the_first(data, tmp_path, monkeypatch, undisturbed):
    real, limits = loop.Trainer._keep, [None, 10_000]
    with monkeypatch.context() as patched:

        def keep(self, row):
            if (limit := limits.pop(0)) is None:
                return real(self, row)
            with no_file_beyond(limit):
                return real(self, row)

        patched.setattr(loop.Trainer, "_keep", keep)
        with pytest.raises(StorageError, match=r"best-\d\.pt: cannot be written|state\.next\.pt: cannot be written"):
            train(data, tmp_path)
    lines = Lines()
    loop.train(SPEC, **data, parent=None, folder=tmp_path, progress=lines)
    assert any("resumed after epoch 1 of 3" in line for line in lines.said)
    same_end(tmp_path, undisturbed)


@pytest.mark.parametrize(("name", "room"), [("predictions.parquet", 900), ("metrics.json", 10)])
def test_a_disk_that_fills_up_under_an_evaluation(data, tmp_path, monkeypatch, undisturbed, name, room):
    asked = {"training": "t", "split": "test", "observation_ratio": 1}
    places = {"training": undisturbed, **data, "progress": QUIET}
    evaluation.evaluate(asked, folder=tmp_path / "room", **places)
    real = files.write_json if name == "metrics.json" else evaluation._write_predictions
    with monkeypatch.context() as patched:

        def in_no_room(*arguments, **named):
            with no_file_beyond(room):
                return real(*arguments, **named)

        patched.setattr(
            *((files, "write_json") if name == "metrics.json" else (evaluation, "_write_predictions")), in_no_room
        )
        with pytest.raises(StorageError, match=rf"{name}: cannot be written: File too large"):
            evaluation.evaluate(asked, folder=tmp_path / "full", **places)
    assert not (tmp_path / "full" / "metrics.json").exists()
    readable(tmp_path / "full")
    evaluation.evaluate(asked, folder=tmp_path / "full", **places)
    assert (tmp_path / "full/predictions.parquet").read_bytes() == (tmp_path / "room/predictions.parquet").read_bytes()


def test_a_log_file_that_takes_no_more_lines_does_not_end_the_work(tmp_path, capsys):
    progress = Progress("test", tmp_path / "log")
    with no_file_beyond(100):
        for number in range(10):
            progress.line(f"line {number} of some length")
    said = capsys.readouterr().err
    assert "the log file takes no more lines: File too large" in said
    assert "line 9" in said


def test_the_old_file_stays_where_the_new_one_does_not_fit(tmp_path):
    path = tmp_path / "runs.csv"
    files.write_text(path, "old")
    with no_file_beyond(1000), pytest.raises(StorageError, match=r"runs\.csv: cannot be written: File too large"):
        files.write_text(path, "new" * 1000)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")  # the tests may run as root, whom no mode stops

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(StorageError, match=r"Permission denied. Make the folder writable"):
        files.write_text(tmp_path / "runs.csv", "text")


@pytest.mark.parametrize("damage", sweep(DAMAGES, quick=("truncated", "flipped")))
@pytest.mark.parametrize("name", ["state.pt", "best"])
def test_damaged_state_and_best_weights_fall_back(data, tmp_path, undisturbed, damage, name):
    shutil.copytree(undisturbed, tmp_path / "run")
    state = tmp_path / "run" / "state"
    chosen = files.read_json(undisturbed / "training.json")["chosen_epoch"]
    path = state / ("state.pt" if name == "state.pt" else f"best-{chosen}.pt")
    if damage == "other object":
        torch.save([1, 2] if name == "state.pt" else "no weights", path)
    elif damage == "flipped":  # the archive is whole, and one of its tensors is not
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 64] = bytes(64)
        path.write_bytes(content)
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"truncated": path.read_bytes()[:3000], "empty": b"", "text": b"nothing"}[damage])
    (tmp_path / "run" / "training.json").unlink()
    train(data, tmp_path / "run")
    same_end(tmp_path / "run", undisturbed)


def test_a_kill_between_two_renames_loses_nothing(data, tmp_path, undisturbed, monkeypatch):
    shutil.copytree(undisturbed, tmp_path / "run")
    state = tmp_path / "run" / "state"
    (state / "state.pt").rename(state / "state.next.pt")
    (tmp_path / "run" / "training.json").unlink()
    monkeypatch.setattr(loop.Trainer, "run_epoch", lambda _: pytest.fail("nothing is left to train"))
    train(data, tmp_path / "run")
    same_end(tmp_path / "run", undisturbed)


def test_a_state_that_does_not_fit_says_what_to_do(data, tmp_path, undisturbed):
    shutil.copytree(undisturbed, tmp_path / "run")
    path = tmp_path / "run" / "state" / "state.pt"
    state = torch.load(path, weights_only=True)
    state["parts"]["model"] = {f"renamed.{name}": tensor for name, tensor in state["parts"]["model"].items()}
    torch.save(state, path)
    with pytest.raises(StorageError, match=r"does not fit this training .*delete .*state to train anew"):
        train(data, tmp_path / "run")


def test_both_states_damaged_means_from_the_start(data, tmp_path, undisturbed):
    shutil.copytree(undisturbed, tmp_path / "run")
    for path in (tmp_path / "run" / "state").glob("*.pt"):
        path.write_bytes(b"")
    train(data, tmp_path / "run")
    same_end(tmp_path / "run", undisturbed)


def test_a_damaged_checkpoint_or_record_says_what_to_do(data, tmp_path, undisturbed):
    asked = {"training": "t", "split": "test", "observation_ratio": 1}
    shutil.copytree(undisturbed, tmp_path / "run")
    for name in ("checkpoint.pt", "training.json"):
        path = tmp_path / "run" / name
        path.write_bytes(path.read_bytes()[:500])
        with pytest.raises(StorageError, match=rf"{name}: .*delete it and run the same command again"):
            evaluation.evaluate(asked, training=tmp_path / "run", **data, folder=tmp_path / "e", progress=QUIET)


def test_a_checkpoint_of_another_training_is_not_scored(data, tmp_path, undisturbed):
    asked = {"training": "t", "split": "test", "observation_ratio": 1}
    train(data, tmp_path / "other", seed=1)
    shutil.copytree(undisturbed, tmp_path / "run")
    shutil.copy(tmp_path / "other" / "checkpoint.pt", tmp_path / "run" / "checkpoint.pt")
    with pytest.raises(StorageError, match=r"checkpoint.pt: not the weights that training.json beside it describes"):
        evaluation.evaluate(asked, training=tmp_path / "run", **data, folder=tmp_path / "e", progress=QUIET)


@pytest.mark.parametrize("content", ["{}", "[]", "null"])
def test_a_record_of_something_else_says_so(data, tmp_path, undisturbed, content):
    asked = {"training": "t", "split": "test", "observation_ratio": 1}
    shutil.copytree(undisturbed, tmp_path / "run")
    (tmp_path / "run" / "training.json").write_text(content)
    with pytest.raises(StorageError, match=r"training.json: not the record of a training"):
        evaluation.evaluate(asked, training=tmp_path / "run", **data, folder=tmp_path / "e", progress=QUIET)
    with pytest.raises(StorageError, match=r"training.json: not the record of a training"):
        train(data, tmp_path / "child", parent=tmp_path / "run")


@pytest.mark.parametrize("content", [[1], {"state_dict": {}}, torch.zeros(3)], ids=["list", "dict", "tensor"])
def test_a_checkpoint_of_something_else_says_so(data, tmp_path, undisturbed, content):
    asked = {"training": "t", "split": "test", "observation_ratio": 1}
    shutil.copytree(undisturbed, tmp_path / "run")
    torch.save(content, tmp_path / "run" / "checkpoint.pt")
    with pytest.raises(StorageError, match=r"checkpoint.pt: not a checkpoint of partway"):
        evaluation.evaluate(asked, training=tmp_path / "run", **data, folder=tmp_path / "e", progress=QUIET)


@pytest.fixture
def mounted(tmp_path):
    """A file system of its own, mounted by its options; where no test may mount one, RLIMIT_FSIZE above stands for it."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(options: str) -> Path:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", disk], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no tmpfs here: {done.stderr.strip()}")
        return disk

    yield mount
    if disk.is_mount():
        subprocess.run(["umount", disk], check=True)


@pytest.mark.slow
def test_a_disk_that_became_read_only(mounted):
    disk = mounted("size=1m")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(StorageError, match=r"runs.csv: cannot be written: Read-only file system"):
        files.write_text(disk / "runs.csv", "text")
    with pytest.raises(StorageError, match="Read-only file system"), files.owned(disk / "folder"):
        pass


@pytest.mark.slow
def test_a_real_small_disk(data, mounted, undisturbed):
    disk = mounted("size=300k")
    with pytest.raises(StorageError, match="No space left on device"):
        train(data, disk / "run")
    readable(disk / "run")
    subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
    train(data, disk / "run")
    same_end(disk / "run", undisturbed)


@pytest.mark.slow
def test_a_store_on_a_real_small_disk(mounted, class_folders, tmp_path):
    disk = mounted("size=1m")
    places = prepared(class_folders, tmp_path / "data")
    data, store = manifest.read(places["manifest"]), FrameStore(kind="raw")

    class Filler(Progress):
        def line(self, text: str) -> None:  # somebody else takes the room once it has been announced
            if "are free in" in text:
                (disk / "other").write_bytes(bytes(600_000))

    def pack(folder: Path, progress: Progress = QUIET) -> None:
        packing.pack(store, data, class_folders, folder / "store-raw.json", progress)

    with pytest.raises(StorageError, match=r"store-raw: cannot be written: No space left on device .* MB are free"):
        pack(disk, Filler("test"))
    with pytest.raises(StorageError, match=r"takes 0\.6 MB, 0\.4 MB of it are there from an earlier call, and 0"):
        pack(disk)
    (disk / "other").unlink()
    pack(disk)
    pack(tmp_path / "room")
    for name in ("frames.bin", "index.jsonl"):
        assert (disk / "store-raw" / name).read_bytes() == (tmp_path / "room/store-raw" / name).read_bytes()
