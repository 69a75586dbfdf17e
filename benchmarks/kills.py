"""Kill a small study at random moments, again and again, and compare its end with that of an undisturbed one.

    python benchmarks/kills.py --kills 300 --seed 0

The study has accumulation, mixup and CutMix, dropout, unfreezing, a moving average, early stopping, the choice of the
best epoch, a second stage and evaluations of six views. Each kill sends SIGKILL,
SIGINT, SIGTERM or SIGHUP to the job that runs, to the main process, or to both, at a moment drawn from the time the
call needs. After it comes the documented command and nothing else: `snakemake --unlock` where the lock stayed, then
the same call, which may be killed again. A study that reached its end is compared bit for bit: digests of weights,
logs without the two columns of measured time, bytes of all predictions, and the table. Then the next one begins.
Prints a table of signals and targets, and what was found; ends with 1 where an end differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import psutil

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from conftest import Workplace, clips_study, heed_signals, make_class_folders  # noqa: E402 (they make the videos)

SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TARGETS = ("job", "main", "both")
VERBS = ("prepare", "store", "train", "evaluate", "collect", "tables", "figures", "report")
MEASURED_TIME = ["epoch_sec", "clips_per_sec"]
LONGEST_CALL_SEC = 600


def study(epochs: int) -> dict:
    """Two trainings in a chain and two evaluations: everything that has state, and little else that takes time."""
    tree = clips_study()
    tree["name"] = "kills"
    tree["models"]["small"]["dropout"] = 0.1
    parts = {1: "head", epochs // 4: "last_1", epochs // 2: "all"}
    tree["training"] |= {
        "epochs": epochs,
        "mixup": {"alpha": 0.8},
        "cutmix": {},
        "label_smoothing": 0.1,
        "trainable": [{"from_epoch": epoch, "part": part} for epoch, part in parts.items()],
        "ema": 0.9,
        "early_stopping": {"patience": epochs * 3 // 4},
    }
    stage = {"epochs": epochs // 2, "learning_rate": 1e-4, "trainable": "all"}
    tree["ablations"] = {"six_views": {"stages": [stage], "evaluation": {"crops": 3, "flips": 2}}}
    tree["ladders"] = {"recipe": ["six_views"]}
    tree["grid"] = [tree["grid"][0] | {"ablations": ["six_views"]}]
    return tree


def end_of(workplace: Workplace) -> dict[str, object]:
    """Everything a finished study came to, without what measures time."""
    end: dict[str, object] = {}
    for path in workplace.results("trainings/*/training.json"):
        end[f"weights {path.parent.name}"] = json.loads(path.read_text())["checkpoint_digest"]
        log = pd.read_csv(path.with_name("training_log.csv"), dtype=str).drop(columns=MEASURED_TIME)
        end[f"log {path.parent.name}"] = log.to_csv()
    for path in workplace.results("evaluations/*/predictions.parquet"):
        end[f"predictions {path.parent.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    for path in workplace.results("kills/tables/*"):
        end[path.name] = path.read_text()
    return end


def jobs_of(folder: Path) -> list[psutil.Process]:
    """The `python -m partway` processes of this workplace, orphans too."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if words[1:3] == ["-m", "partway"] and words[3] in VERBS and process.info["cwd"] == str(folder):
            found.append(process)
    return found


class Killer:
    """Runs one study to its end, killing it as often as there are kills left."""

    def __init__(self, folder: Path, epochs: int, rng: random.Random, longest_wait_sec: float):
        make_class_folders(folder / "clips")
        self.workplace = Workplace(folder, study(epochs))
        self.rng, self.longest_wait_sec = rng, longest_wait_sec
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.log = folder / "output.log"

    def run(self, kills: int) -> int:
        """Call snakemake until it ends well; return how many kills fell."""
        fallen = 0
        while True:
            process = self._start()
            if fallen < kills and self._kill(process):
                fallen += 1
                self._wait(process)
                continue
            self._wait(process)
            if process.returncode == 0:
                return fallen
            raise RuntimeError(f"an undisturbed call failed:\n{self.log.read_text()[-4000:]}")

    def _start(self) -> subprocess.Popen:
        import yaml

        place = self.workplace
        (place.folder / "study.yaml").write_text(yaml.safe_dump(place.study, sort_keys=False))
        if any((place.folder / ".snakemake" / "locks").glob("*")):  # what the lock's message says to do
            subprocess.run(
                [*place.command(), "--unlock"], capture_output=True, check=True, env=place.full_environment()
            )
        with self.log.open("w") as file:
            return subprocess.Popen(
                place.command(),
                stdout=file,
                stderr=file,
                env=place.full_environment(),
                start_new_session=True,
                preexec_fn=heed_signals,
            )

    def _kill(self, main: subprocess.Popen) -> bool:
        """Wait a random time, then kill; False where the call had already ended."""
        number, target = self.rng.choice(SIGNALS), self.rng.choice(TARGETS)
        end = time.monotonic() + self.rng.uniform(0.3, self.longest_wait_sec)
        while time.monotonic() < end:
            if main.poll() is not None:
                return False
            time.sleep(0.02)
        jobs = jobs_of(self.workplace.folder)
        hit = {"job": jobs, "main": [psutil.Process(main.pid)], "both": [*jobs, psutil.Process(main.pid)]}[target]
        if not hit:
            hit, target = [psutil.Process(main.pid)], "main"  # between two jobs
        doing = jobs[0].cmdline()[3] if jobs and jobs[0].is_running() else "no job"
        for process in hit:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                return False
        self.counts[number.name, target, doing] += 1
        return True

    def _wait(self, main: subprocess.Popen) -> None:
        """Until the call has ended; what it left running works on, as after a dead node."""
        main.wait(LONGEST_CALL_SEC)


def differences(found: dict, wanted: dict) -> list[str]:
    """Names of what differs between two ends."""
    return sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))


def main() -> int:
    """Kill, compare, print; 1 where an end differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300, help="how many kills in all")
    parser.add_argument("--kills-a-study", type=int, default=12, help="then it may reach its end")
    parser.add_argument("--epochs", type=int, default=80, help="of the first stage")
    parser.add_argument("--longest-wait", type=float, default=14.0, help="seconds from a call's start to its kill")
    parser.add_argument("--seed", type=int, default=0, help="of signals, targets and moments")
    options = parser.parse_args()
    rng, counts, wrong, fallen, studies = random.Random(options.seed), Counter(), 0, 0, 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kills ") as top:
        quiet = Killer(Path(top, "undisturbed"), options.epochs, rng, options.longest_wait)
        quiet.run(kills=0)
        wanted = end_of(quiet.workplace)
        print(f"undisturbed: {len(wanted)} things to compare, {time.monotonic() - began:.0f} s", flush=True)
        while fallen < options.kills:
            folder = Path(top, f"study {studies}")
            killer = Killer(folder, options.epochs, rng, options.longest_wait)
            fallen += killer.run(min(options.kills_a_study, options.kills - fallen))
            counts.update(killer.counts)
            studies += 1
            different = differences(end_of(killer.workplace), wanted)
            wrong += bool(different)
            minutes = (time.monotonic() - began) / 60
            print(f"{fallen} kills, {studies} studies, {wrong} ended differently, {minutes:.0f} min", flush=True)
            if different:
                print(f"  {folder}: {', '.join(different)}")
            for job in jobs_of(folder):
                job.wait()
            shutil.rmtree(folder)
    table = pd.Series(dict(sorted(counts.items())), name="kills")
    table.index.names = ["signal", "target", "job"]
    print(table.unstack("job", fill_value=0).to_string())
    print(f"{fallen} kills in {studies} studies: {wrong} ended differently from the undisturbed one")
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.update(PARTWAY_THREADS="1", PARTWAY_WORKERS="1", PARTWAY_DEVICE="cpu")
    sys.exit(main())
