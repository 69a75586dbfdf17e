"""Stop signals: the state is saved at the next optimizer step, and what goes on there ends bit for bit the same."""

import os
import signal

import pytest

from conftest import sweep
from partway import cli, files
from partway.errors import StoppedError, TrainingError
from partway.families import FAMILIES as KNOWN
from partway.schema import ModelOptions
from partway.training import interruption, loop
from partway.training.interruption import STOP_SIGNALS, Interruption
from partway.training.parts import Parts
from partway.training.state import StateFolder
from tiny_trainings import MODEL, SPEC, log, train

# 12 train videos in micro-batches of 2: 6 batches, an optimizer step after the 4th and after the last.
STEPS = 2
RECIPE = {
    "training": {
        "epochs": 6,
        "batch_size": 2,
        "accumulation": 4,
        "mixup": {"alpha": 0.8},
        "cutmix": {"alpha": 1.0},
        "label_smoothing": 0.1,
        "learning_rate": 0.003,
        "head_learning_rate": 0.01,
        "layer_decay": 0.7,
        "ema": 0.8,
        "trainable": [
            {"from_epoch": 1, "part": "head"},
            {"from_epoch": 2, "part": "last_1"},
            {"from_epoch": 3, "part": "all"},
        ],
        "early_stopping": {"patience": 2},
    },
    "model": MODEL | {"dropout": 0.1},
}


@pytest.fixture(autouse=True)
def signals_stop():
    """As in a terminal: whoever runs the tests may ignore signals (`nohup` does), and so would what it starts."""
    ignored = [number for number in STOP_SIGNALS if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    """Folder of the training that nobody stopped."""
    folder = tmp_path_factory.mktemp("undisturbed")
    record = train(data, folder, **RECIPE)
    assert record["stopped_early"]
    assert record["epochs"] >= 4, "every part has been trained"
    return folder


def stop_at(monkeypatch, method: str, call: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Send this process a signal in the `call`-th call of a method of the trainer."""
    owner = Parts if method == "step" else loop.Trainer
    real, calls = getattr(owner, method), iter(range(1, 10_000))

    def stopping(self, *arguments):
        if next(calls) == call:
            os.kill(os.getpid(), number)
        return real(self, *arguments)

    monkeypatch.setattr(owner, method, stopping)


def same_end(folder, undisturbed) -> None:
    ends = [files.read_json(place / "training.json") for place in (folder, undisturbed)]
    assert ends[0]["checkpoint_digest"] == ends[1]["checkpoint_digest"]
    assert ends[0]["chosen"] == ends[1]["chosen"]
    assert log(folder) == log(undisturbed)


@pytest.mark.parametrize("number", sweep(STOP_SIGNALS, quick=(signal.SIGINT, signal.SIGTERM)), ids=lambda n: n.name)
def test_each_stop_signal_saves_inside_the_epoch(data, tmp_path, monkeypatch, undisturbed, number):
    with monkeypatch.context() as patched:
        stop_at(patched, "step", 5, number)
        with pytest.raises(StoppedError, match=rf"stopped by {number.name} after epoch 2 of 6, 4 batches into") as end:
            train(data, tmp_path, **RECIPE)
    assert end.value.signal_number == number
    assert not (tmp_path / "training.json").exists()
    train(data, tmp_path, **RECIPE)
    same_end(tmp_path, undisturbed)


@pytest.mark.parametrize("method", ["step", "_scores"])
@pytest.mark.parametrize("call", sweep(range(1, 7), quick=(2, 5)))
def test_stopped_at_any_step_or_scoring_pass_it_ends_the_same(data, tmp_path, monkeypatch, undisturbed, method, call):
    with monkeypatch.context() as patched:
        stop_at(patched, method, call)
        with pytest.raises(StoppedError):
            train(data, tmp_path, **RECIPE)
    steps = []
    real = Parts.step
    monkeypatch.setattr(Parts, "step", lambda self: steps.append(1) or real(self))
    train(data, tmp_path, **RECIPE)
    done = call if method == "step" else STEPS * -(-call // 2)  # two scoring passes an epoch, after its steps
    epochs = len(log(undisturbed))
    assert len(steps) == epochs * STEPS - done, "no step is taken twice"
    same_end(tmp_path, undisturbed)


def test_stopped_again_and_again_it_still_ends_the_same(data, tmp_path, monkeypatch, undisturbed):
    real = Parts.step
    monkeypatch.setattr(Parts, "step", lambda self: os.kill(os.getpid(), signal.SIGHUP) or real(self))
    for _ in range(len(log(undisturbed)) * STEPS):
        with pytest.raises(StoppedError):
            train(data, tmp_path, **RECIPE)
    monkeypatch.setattr(Parts, "step", real)
    train(data, tmp_path, **RECIPE)
    same_end(tmp_path, undisturbed)


def test_before_the_first_step_there_is_nothing_to_save(data, tmp_path, monkeypatch, undisturbed):
    with monkeypatch.context() as patched:
        stop_at(patched, "run_epoch", 1)
        with pytest.raises(StoppedError, match="after epoch 0 of 6; there is nothing to save yet"):
            train(data, tmp_path, **RECIPE)
    assert not (tmp_path / "state" / "state.pt").exists()
    train(data, tmp_path, **RECIPE)
    same_end(tmp_path, undisturbed)


def test_a_loss_that_is_not_finite_is_not_saved_on_the_way_out(data, tmp_path, monkeypatch):
    stop_at(monkeypatch, "step", 2)
    fast = {"learning_rate": 1e30, "clip_norm": None, "warmup": 0.0, "batch_size": 2, "accumulation": 4}
    with pytest.raises(TrainingError, match="the loss is"):
        train(data, tmp_path, training=fast)
    assert not (tmp_path / "state" / "state.pt").exists()


def test_a_signal_that_was_ignored_stays_so(data, tmp_path, monkeypatch, undisturbed):
    """`nohup` ignores SIGHUP, a shell in the background SIGINT: what they start is meant to go on."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop_at(monkeypatch, "step", 3, signal.SIGHUP)
        train(data, tmp_path, **RECIPE)
    finally:
        signal.signal(signal.SIGHUP, before)
    same_end(tmp_path, undisturbed)


def test_ctrl_c_once_more_stops_at_once(monkeypatch, capfd):
    now = iter([10.0, 10.2, 12.0])
    monkeypatch.setattr(interruption.time, "monotonic", lambda: next(now))
    with Interruption("mine") as asked:
        os.kill(os.getpid(), signal.SIGINT)
        assert "[mine] SIGINT: the state is saved at the next optimizer step" in capfd.readouterr().err
        os.kill(os.getpid(), signal.SIGINT)  # the same Ctrl-C, passed on by a shell
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert asked.requested is signal.SIGINT


def test_a_signal_during_a_save_and_two_of_them(data, tmp_path, monkeypatch, undisturbed):
    real = StateFolder.save

    def interrupted(self, state):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGUSR1)
        real(self, state)

    with monkeypatch.context() as patched:
        patched.setattr(StateFolder, "save", interrupted)
        with pytest.raises(StoppedError, match="stopped by SIGTERM after epoch 1 of 6;"):
            train(data, tmp_path, **RECIPE)
    train(data, tmp_path, **RECIPE)
    same_end(tmp_path, undisturbed)


def test_the_handlers_of_before_come_back():
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    with Interruption("test") as asked:
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked.requested is signal.SIGUSR1
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == before


def test_the_exit_code_names_the_signal(monkeypatch, capsys):
    def stopped(_) -> None:
        raise StoppedError("stopped by SIGUSR1", signal.SIGUSR1)

    monkeypatch.setattr(cli.verbs, "run_check", stopped)
    assert cli.main(["check"]) == 128 + signal.SIGUSR1
    assert "stopped by SIGUSR1" in capsys.readouterr().err


FAMILIES = {  # one of each, with what only it has: states of an LSTM, statistics of BatchNorm, a class token
    ("timm", "vit"): {"temporal": "lstm", "drop_path": 0.2},
    ("timm", "test_resnet"): {},
    ("transformers", "vivit"): {},
    ("transformers", "timesformer"): {"drop_path": 0.2},
    ("transformers", "vjepa2"): {},
    ("pytorchvideo", "x3d_s"): {"dropout": 0.5},
    ("simple_vivit", "simple_vivit"): {"drop_path": 0.2},
}


@pytest.mark.slow
@pytest.mark.parametrize(("family", "architecture"), FAMILIES)
def test_every_family_ends_the_same(data, tmp_path, monkeypatch, family, architecture):
    own = FAMILIES[family, architecture]
    takes = set(ModelOptions.model_fields) & {"num_frames", "frame_size", *KNOWN[family].find(architecture).takes}
    sizes = {name: value for name, value in (MODEL | {"dropout": 0.1} | own).items() if name in takes | {"dropout"}}
    training = RECIPE["training"] | {"epochs": 3, "batch_size": 4, "accumulation": 2, "early_stopping": None}
    recipe = {"family": family, "architecture": architecture, "training": training}
    monkeypatch.setitem(SPEC, "model", {})  # the sizes of the tiny VideoMAE are not theirs
    train(data, tmp_path / "undisturbed", **recipe, model=sizes)
    with monkeypatch.context() as patched:
        stop_at(patched, "step", 3)
        with pytest.raises(StoppedError, match=r"after epoch 1 of 3, 2 batches into"):
            train(data, tmp_path / "stopped", **recipe, model=sizes)
    train(data, tmp_path / "stopped", **recipe, model=sizes)
    same_end(tmp_path / "stopped", tmp_path / "undisturbed")
