"""What the tests share: videos that they write themselves, a tiny study, and the real snakemake.

New tests stay cheap like this. Take the `workplace` fixture, a copy of a finished study, or `one_run`, instead of a study
of your own, and call `snakemake`, `jobs` and `called` of a `Workplace`: their Pythons are warm (warm.py), so that a job
takes about half a CPU second in place of five. Begin from nothing (`cold=True`, or a process of your own) only where the
process itself is tested: signals, environments, and who works in a folder.

`make test-quick` takes 90 seconds: of a test that goes through many cases alike, a few run there (`sweep`).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yaml

import warm
from known import resolved  # noqa: F401 (a fixture)
from partway.training.interruption import STOP_SIGNALS

# The tests' own trainings are tiny and run beside others: one thread each, on the CPU.
os.environ.update(PARTWAY_THREADS="1", PARTWAY_WORKERS="1", PARTWAY_DEVICE="cpu", OMP_NUM_THREADS="1")

REPOSITORY = Path(__file__).parents[1]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")

TINY_MODEL = {
    "family": "transformers",
    "architecture": "videomae",
    "weights": "scratch",
    "num_frames": 4,
    "frame_size": 32,
    "patch_size": 16,
    "hidden_size": 32,
    "num_layers": 1,
    "num_heads": 2,
}


def sweep(cases: Iterable[Any], *, quick: Container[Any]) -> list[Any]:
    """The cases of a parametrised test: those of `quick` run in every call, the others only with the slow tests."""
    slow = {"marks": pytest.mark.slow}
    return [
        case if case in quick else pytest.param(*(case if isinstance(case, tuple) else [case]), **slow)
        for case in cases
    ]


def write_video(path: Path, frames_THWC: np.ndarray, *, codec: str = "mpeg4", rate: int = 12, **options: str) -> Path:
    """Encode frames as a real video file; options go to the encoder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width = frames_THWC.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames_THWC:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def numbered_frames(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Frames that can be told apart after lossy coding: a brightness that rises frame by frame, and a moving bar."""
    frames = np.empty((count, height, width, 3), dtype=np.uint8)
    for index in range(count):
        frames[index] = 20 + 200 * index // count
        frames[index, :, (3 * index) % width, :] = 255
    return frames


@pytest.fixture
def class_folders(tmp_path: Path) -> Path:
    """Two classes of eight short clips, told apart by brightness."""
    return make_class_folders(tmp_path / "clips")


def make_class_folders(root: Path, classes: tuple[str, ...] = ("dark", "light"), clips: int = 8, seed: int = 0) -> Path:
    """Write `<class>/<clip>.avi`: noise around a brightness of its own for each class."""
    rng = np.random.default_rng(seed)
    for place, name in enumerate(classes):
        level = 40 + 170 * place // max(1, len(classes) - 1)
        for clip in range(clips):
            noise = rng.integers(-30, 30, (6 + clip % 5, 36, 48, 3))
            write_video(root / name / f"clip_{clip}.avi", np.clip(level + noise, 0, 255).astype(np.uint8))
    return root


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory) -> None:
    """What partway remembers of this user stays out of the tests, and the tests out of it."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@dataclass
class Workplace:
    """A folder in which the real snakemake runs one study, with this repository's Snakefile and profile."""

    folder: Path
    study: dict
    environment: dict[str, str] = field(default_factory=dict)
    cold: bool = False  # every call and job a Python that begins from nothing: see warm.py

    def snakemake(self, *arguments: str, check: bool = True, cores: int = 1) -> str:
        """Write the study and run snakemake; return all it printed."""
        code, output = self.called([*self.command(cores), *arguments])
        if check and code:
            raise AssertionError(f"snakemake ended with {code}:\n{output[-6000:]}")
        return output

    def called(self, command: list[str]) -> tuple[int, str]:
        """Write the study, run a command that begins with snakemake; return its exit code and all it printed."""
        with self.started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                output = "".join(process.communicate(timeout=900))
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return process.returncode, output

    def started(self, command: list[str], **options) -> subprocess.Popen:
        """Write the study and start a command that begins with snakemake, by warm Pythons unless this place is cold."""
        if self.study:
            (self.folder / "study.yaml").write_text(yaml.safe_dump(self.study, sort_keys=False))
        words, added = (command, {}) if self.cold else (warm.command(*command), warm.environment())
        return subprocess.Popen(words, env=self.full_environment() | added, **options)

    def command(self, cores: int = 1) -> list[str]:
        """The snakemake call without further arguments."""
        where = ["--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(self.folder)]
        amount = ["--cores", str(cores), "--resources", f"gpu={cores}"]
        return [str(SNAKEMAKE), *where, *amount, "--config", "study=study.yaml"]

    def full_environment(self) -> dict[str, str]:
        """The environment of every call."""
        return os.environ | self.environment

    def jobs(self, *arguments: str) -> dict[str, int]:
        """Number of jobs by rule that snakemake would run now; without `all`."""
        output = self.snakemake("--dry-run", *arguments)
        if "Nothing to be done" in output:
            return {}
        table = re.search(r"Job stats:\n.*?\n-[- ]+\n(.*?)\ntotal", output, re.DOTALL)
        assert table, output
        counts = Counter({name: int(count) for name, count in (line.split() for line in table[1].splitlines())})
        del counts["all"]
        return dict(counts)

    def copy(self, folder: Path) -> Workplace:
        """A copy with all results, times of change included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workplace(folder, yaml.safe_load(yaml.safe_dump(self.study)), dict(self.environment), self.cold)

    def results(self, pattern: str) -> list[Path]:
        """Result files by pattern, sorted."""
        return sorted((self.folder / "results").glob(pattern))


def heed_signals() -> None:
    """As in a terminal: a shell ignores SIGINT in what it starts in the background, `nohup` SIGHUP, and so would we."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)


COLLECT = {"collect": 1, "tables": 1, "figures": 1, "report": 1}


def tiny_study() -> dict:
    """Three ablations, two stages, two ratios, two seeds on generated videos, a few seconds of training."""
    return {
        "name": "tiny",
        "datasets": {
            "mime": {
                "layout": "mime",
                "num_classes": 2,
                "num_videos": 24,
                "num_performers": 6,
                "width": 48,
                "height": 36,
                "duration_sec": [0.7, 1.0],
                "decided_at": [0.2, 0.6],
                "validation": {"fraction": 0.25},
            }
        },
        "models": {"small": TINY_MODEL | {"training": {"batch_size": 4}}},
        "training": {"epochs": 2, "learning_rate": 1e-3, "accumulation": 2},
        "ablations": {
            "vanilla": {},
            "mixup": {"extends": "vanilla", "training": {"mixup": {"alpha": 0.8}}},
            "two_stage": {"extends": "mixup", "stages": [{"epochs": 1, "learning_rate": 1e-4, "mixup": None}]},
            "six_views": {"extends": "two_stage", "evaluation": {"crops": 3, "flips": 2}},
        },
        "ladders": {"recipe": ["vanilla", "mixup", "two_stage", "six_views"]},
        "grid": [
            {
                "dataset": "mime",
                "models": ["small"],
                "ablations": ["vanilla", "mixup", "two_stage", "six_views"],
                "ratios": [1.0],
                "seeds": [0, 1],
            },
            {
                "dataset": "mime",
                "models": ["small"],
                "ablations": ["vanilla"],
                "train_ratio": "full",
                "ratios": [0.5, 1.0],
                "seeds": [0],
            },
        ],
    }


def clips_study(root: str = "clips") -> dict:
    """The tiny study on somebody's own clips, one seed: 3 trainings and 10 evaluations."""
    study = tiny_study()
    study["name"] = "clips"
    study["datasets"] = {"mine": {"layout": "class_folders", "root": root, "validation": {"fraction": 0.25}}}
    for block in study["grid"]:
        block |= {"dataset": "mine", "seeds": [0]}
    return study


def one_run_study(epochs: int = 2) -> dict:
    """One training, two evaluations."""
    study = clips_study()
    study |= {"name": "one", "training": {"epochs": epochs, "learning_rate": 1e-3}, "ladders": {"recipe": ["vanilla"]}}
    study["grid"] = [study["grid"][0] | {"ablations": ["vanilla"]}]
    return study


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Workplace:
    """`clips_study`, run to its end once; tests work on copies."""
    folder = tmp_path_factory.mktemp("finished") / "work"
    make_class_folders(folder / "clips")
    workplace = Workplace(folder, clips_study())
    workplace.snakemake(cores=2)
    return workplace


@pytest.fixture
def workplace(finished, tmp_path) -> Workplace:
    """A copy of the finished study."""
    return finished.copy(tmp_path / "work")


@pytest.fixture
def one_run(tmp_path) -> Workplace:
    """A study of one training, not yet run."""
    make_class_folders(tmp_path / "work" / "clips")
    return Workplace(tmp_path / "work", one_run_study())


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> dict:
    """A prepared data set of 22 videos: 5 test, 4 validation, 13 train; for trainings without Snakemake."""
    from tiny_trainings import prepared

    root = make_class_folders(tmp_path_factory.mktemp("clips"), clips=11)
    return prepared(root, tmp_path_factory.mktemp("data"))
