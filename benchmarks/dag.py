"""What the DAG costs: a dry run of many runs beside a bare Snakefile with the same files.

    python benchmarks/dag.py --runs 10000              # the target: at most 1.5 times the bare Snakefile
    python benchmarks/dag.py --runs 50 --finished      # a call with nothing to do; the target: 2 s

Both run in turn, in one process tree on one machine, so that the ratio holds where absolute seconds do not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from partway import study
from partway.results.figures import names

REPOSITORY = Path(__file__).parents[1]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")
RATIOS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]

TRAINING_FILES = ("training_log.csv", "checkpoint.pt", "training.json")
EVALUATION_FILES = ("predictions.parquet", "metrics.json")

BARE = """
import json
JOBS = json.load(open("jobs.json"))

rule all:
    input: JOBS["targets"]

rule train:
    output: multiext("results/trainings/{{training}}/", "training_log.csv", "checkpoint.pt", "training.json")
    input: lambda w: JOBS["train"][w.training]
    shell: "touch {{output}}"

rule evaluate:
    output: multiext("results/evaluations/{{evaluation}}/", "predictions.parquet", "metrics.json")
    input: lambda w: JOBS["evaluate"][w.evaluation]
    shell: "touch {{output}}"

rule prepare:
    output: "{manifest}", "{store}"
    shell: "touch {{output}}"
"""


def many_runs(count: int) -> dict:
    """A study of `count` runs: ablations x 10 ratios x 5 seeds on generated videos, no validation."""
    ablations = {f"rate_{n}": {"training": {"learning_rate": 1e-5 * (n + 1)}} for n in range(count // 50 or 1)}
    block = {"dataset": "mime", "models": ["videomae"], "ablations": list(ablations), "ratios": RATIOS}
    return {
        "name": "many",
        "datasets": {"mime": {"layout": "mime", "validation": {"fraction": 0}}},
        "models": {"videomae": {"family": "transformers", "architecture": "videomae", "weights": "scratch"}},
        "training": {"select": "last"},
        "ablations": ablations,
        "ladders": {"rates": list(ablations)},
        "grid": [block | {"seeds": [0, 1, 2, 3, 4]}],
    }


def write_bare(folder: Path, resolved: study.Study) -> None:
    """The same trainings and evaluations with the same input and output files, and nothing else."""
    data = f"results/data/{resolved.datasets['mime'].folder}"
    manifest, store = f"{data}/manifest.csv", f"{data}/store-none.json"
    jobs = {
        "train": {folder: [manifest, store] for folder in resolved.trainings},
        "evaluate": {
            name: [f"results/trainings/{e.training}/{file}" for file in ("training.json", "checkpoint.pt")]
            + [manifest, store]
            for name, e in resolved.evaluations.items()
        },
        "targets": [f"results/evaluations/{name}/metrics.json" for name in resolved.evaluations],
    }
    folder.mkdir(parents=True)
    (folder / "jobs.json").write_text(json.dumps(jobs))
    (folder / "Snakefile").write_text(BARE.format(manifest=manifest, store=store))


def write_finished(folder: Path, resolved: study.Study) -> None:
    """Empty files where a finished study has its results, each kind newer than what it is made from."""
    home = f"results/{resolved.name}"
    kinds = [
        [f"results/trainings/{t}/{name}" for t in resolved.trainings for name in TRAINING_FILES],
        [f"results/evaluations/{e}/{name}" for e in resolved.evaluations for name in EVALUATION_FILES],
        [
            f"{home}/{name}"
            for name in ("runs.csv", "epochs.csv", "ceiling.csv", "leaks.csv", "study.lock.json", "summary.json")
        ],
        [f"{home}/.collected/{resolved.digest}"],
        [f"{home}/tables/{ladder}.{suffix}" for ladder in resolved.ladders for suffix in ("csv", "md")],
        [f"{home}/verdict.md", f"{home}/report.html"],
        [f"{home}/figures/{n}.{s}" for n in names.of_study(resolved) for s in ("svg", "png", "csv")],
    ]
    now = time.time() - len(kinds)
    for age, paths in enumerate(kinds):
        for path in paths:
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
            os.utime(place, (now + min(age, 2), now + min(age, 2)))


def seconds(command: list[str], folder: Path) -> tuple[float, float]:
    """Wall seconds and peak memory in MB of one call."""
    began = time.monotonic()
    run = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = run.stderr.read()
    _, status, usage = os.wait4(run.pid, 0)
    if status:
        sys.exit(errors.decode()[-3000:])
    return time.monotonic() - began, usage.ru_maxrss / 1024


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--finished", action="store_true", help="time a call with nothing to do instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        ours, bare = Path(scratch, "ours"), Path(scratch, "bare")
        ours.mkdir()
        (ours / "study.yaml").write_text(json.dumps(many_runs(options.runs)))
        resolved = study.load(str(ours / "study.yaml"))
        write_bare(bare, resolved)
        print(
            f"{len(resolved.runs)} runs, {len(resolved.trainings)} trainings, {len(resolved.evaluations)} evaluations"
        )
        if options.finished:
            write_finished(ours, resolved)
        call = [str(SNAKEMAKE), "--cores", "1", "--resources", "gpu=1", "--dry-run", "--quiet"]
        snakefile = ["--snakefile", str(REPOSITORY / "Snakefile"), "--config", "study=study.yaml"]
        if options.finished:
            check = subprocess.run([*call[:-1], *snakefile], cwd=ours, capture_output=True, text=True)
            assert "Nothing to be done" in check.stdout + check.stderr, check.stderr
            measured = [seconds([*call[:-2], *snakefile], ours)[0] for _ in range(options.repeats)]
            print(f"nothing to do: {statistics.median(measured):.2f} s (median of {options.repeats})")
            return
        results: dict[str, list] = {"ours": [], "bare": []}
        for _ in range(options.repeats):
            results["ours"].append(seconds([*call, *snakefile], ours))
            results["bare"].append(seconds([*call, "--workflow-profile", "none"], bare))
        ratios = [o[0] / b[0] for o, b in zip(results["ours"], results["bare"], strict=True)]
        for name, measured in results.items():
            wall, memory = (statistics.median(values) for values in zip(*measured, strict=True))
            print(f"{name}: dry run {wall:.1f} s, {memory:.0f} MB (median of {options.repeats})")
        print(f"ratio: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
