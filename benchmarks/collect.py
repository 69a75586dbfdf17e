"""What it costs to look at a study: collect, tables, figures and report of 10, 100 and 1,000 finished runs.

    python benchmarks/collect.py --runs 10 100 1000

Each verb runs as the rules call it, in a process of its own, whose processor time and peak memory are told. A run has 3,783 videos x 101 classes, as the test split of
UCF-101; the logits of a thousand are 1.5 GB in the temporary folder. Then one more run is collected, after the predictions
of all others were made unreadable: whoever reads them fails.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import exponent, machine, table
from partway import keys, study
from simulated import TestSet, blank, save, tree, write_results

HOME = Path("results/many")
DRAWN = ("tables", "figures", "report")
TARGET_MB = 2048
# VmHWM begins anew with each program; the rusage of a child holds the memory of whoever started it.
PROBE = """
import json, resource, sys
from partway import cli
code = cli.main(sys.argv[1:])
usage = resource.getrusage(resource.RUSAGE_SELF)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(json.dumps([usage.ru_utime + usage.ru_stime, int(peak) / 1024]))
sys.exit(code)
"""


def measured(runs: int, test_set: TestSet) -> dict[str, tuple[float, float]]:
    """Processor seconds and peak memory in MB of each step of a simulated study, in the working directory."""
    resolved = save(tree(runs))
    write_results(resolved, test_set)
    print(f"{len(resolved.runs)} runs, {len(resolved.evaluations)} evaluations are written", flush=True)
    found = {"collect": _verb("collect", "study.yaml")}
    for verb in DRAWN:
        found[verb] = _verb(verb, "--summary", str(HOME / "summary.json"), "--options", _options(resolved, verb))
    found["collect again"] = _verb("collect", "study.yaml")
    others = [Path("results/evaluations", folder) for folder in resolved.evaluations]
    write_results(save(tree(runs, new=True)), test_set)
    blank(others)
    found["collect one more run"] = _verb("collect", "study.yaml")
    return found


def _verb(*words: str) -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", PROBE, *words], stdout=subprocess.PIPE, text=True, check=True)
    seconds, peak_mb = json.loads(done.stdout.splitlines()[-1])
    print(f"  {words[0]}: {seconds:.1f} CPU s, {peak_mb:.0f} MB", flush=True)
    return seconds, peak_mb


def _options(resolved: study.Study, verb: str) -> str:
    """As the rules give them."""
    options = resolved.figures if verb == "figures" else resolved.tables
    return keys.canonical_json({"options": options, "version": keys.RESULTS_VERSION})


def sizes() -> str:
    """The largest files that a reader of the study meets, in MB."""
    known = sorted(((path.stat().st_size / 2**20, path.name) for path in HOME.glob("*.*")), reverse=True)
    return ", ".join(f"{name} {size:.1f}" for size, name in known[:6])


def main() -> None:
    """Measure, print a table, say whether the target is met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--videos", type=int, default=3783)
    parser.add_argument("--classes", type=int, default=101)
    options = parser.parse_args()
    test_set = TestSet.drawn(options.videos, options.classes)
    found = {}
    for runs in options.runs:
        with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
            found[runs] = measured(runs, test_set)
            print(f"MB: {sizes()}", flush=True)
    steps = list(found[options.runs[0]])
    rows = [
        [step, *(f"{found[n][step][0]:.1f} CPU s, {found[n][step][1]:.0f} MB" for n in options.runs)] for step in steps
    ]
    print(table(["step", *(f"{runs:,} runs" for runs in options.runs)], rows))
    if len(options.runs) > 1:
        whole = [sum(found[runs][step][0] for step in ("collect", *DRAWN)) for runs in options.runs]
        print(f"time of the first four grows with runs to the power of {exponent(options.runs, whole):.2f}")
    most = max(memory for each in found.values() for _, memory in each.values())
    print(f"at most {most:.0f} MB; target {TARGET_MB}: {'met' if most <= TARGET_MB else 'MISSED'}")
    print(machine("numpy", "pandas", "pyarrow", "matplotlib"))
    sys.exit(most > TARGET_MB)


if __name__ == "__main__":
    main()
