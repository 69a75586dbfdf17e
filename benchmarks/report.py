"""How large the page of a study is and how long it takes to open: of 10, 100 and 1,000 runs, with film strips.

    python benchmarks/report.py --runs 10 100 1000

Runs are simulated (`simulated.py`), and their videos are of moving texture (`videos.py`). A Chromium opens each page
several times. Its main thread's work is told beside the time on the clock, which other work of the machine lengthens.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from measure import machine, table
from partway import study
from partway.data import manifest
from partway.results.collect import collect
from partway.results.figures import draw_figures
from partway.results.report import write_report
from partway.results.tables import write_tables
from partway.results.verdict import write_verdict
from simulated import TestSet, save, tree, write_results
from videos import AVI, generate

HOME = Path("results/many")
FILES = 8  # videos that are different; the others are links to them
FRAMES = 16
TARGET_MB, TARGET_SEC = {10: 5, 100: 5, 1000: 20}, 2.0
PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def write_page(runs: int, test_set: TestSet) -> Path:
    """Write a study of `runs` runs into the working directory, with its videos, and its page."""
    tree_ = tree(runs)
    tree_["datasets"]["videos"]["root"] = "clips"
    resolved = save(tree_)
    write_results(resolved, test_set)
    write_videos(resolved, test_set)
    collect(resolved, HOME)
    write_tables(HOME, resolved.tables)
    write_verdict(HOME, resolved.tables)
    draw_figures(HOME, resolved.figures)
    write_report(HOME, resolved.tables | resolved.report, resolved.roots)
    return HOME / "report.html"


def write_videos(resolved: study.Study, test_set: TestSet) -> None:
    """A file for each test video, and the manifest that tells of them."""
    sources = generate(Path("sources"), AVI, FILES, shortest=FRAMES, height=120, width=160)
    rows = []
    for number, (id_, label) in enumerate(zip(test_set.ids, test_set.labels_N, strict=True)):
        path = Path("clips", id_)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(sources[number % FILES], path)
        about = {"split": "test", "group": "g", "frame_rate": 25.0, "width": 160, "height": 120, "codec": "mpeg4"}
        frames = FRAMES + 30 * (number % FILES)
        rows.append(manifest.Video(id=id_, path=id_, label=test_set.classes[label], frames=frames, digest="d", **about))
    (source,) = resolved.datasets.values()
    manifest.write(manifest.Manifest(rows, test_set.classes), Path("results/data", source.folder))


def opened(browser: Any, page: Path, repeats: int) -> dict[str, float]:
    """Median seconds until a page is painted, filtered and one of its runs opened, and of its main thread's work."""
    found: dict[str, list[float]] = {"opened": [], "main thread": [], "filtered": [], "a run opened": []}
    for _ in range(repeats):
        tab = browser.new_page(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
        session = tab.context.new_cdp_session(tab)
        session.send("Performance.enable")
        for step, act in {
            "opened": lambda tab=tab: tab.goto(page.absolute().as_uri()),
            "filtered": lambda tab=tab: tab.get_by_role("searchbox").fill("mixup"),
            "a run opened": lambda tab=tab: tab.locator("#runs-table tbody tr:visible button").first.click(),
        }.items():
            start = time.perf_counter()
            act()
            tab.evaluate(PAINTED)
            found[step].append(time.perf_counter() - start)
            if step == "opened":
                metrics = {it["name"]: it["value"] for it in session.send("Performance.getMetrics")["metrics"]}
                found["main thread"].append(metrics["TaskDuration"])
        tab.close()
    return {step: median(seconds) for step, seconds in found.items()}


def main() -> None:
    """Measure, print a table, say whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--classes", type=int, default=101)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        sys.exit("no Chromium on this machine: apt-get install chromium")
    test_set = TestSet.drawn(options.videos, options.classes)
    rows, missed = [], []
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium)
        for runs in options.runs:
            with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
                page = write_page(runs, test_set)
                megabytes = page.stat().st_size / 1e6
                seconds = opened(browser, page, options.repeats)
            rows.append([f"{runs:,}", f"{megabytes:.1f}", *(f"{it:.2f}" for it in seconds.values())])
            if megabytes > TARGET_MB.get(runs, 20):
                missed.append(f"{runs} runs: {megabytes:.1f} MB, at most {TARGET_MB.get(runs, 20)} are wanted")
            if seconds["opened"] > TARGET_SEC:
                missed.append(f"{runs} runs: {seconds['opened']:.2f} s to open, at most {TARGET_SEC:g} are wanted")
        browser.close()
    print(table(["runs", "MB", *(f"{step}, s" for step in seconds)], rows))
    print("; ".join(missed) or "all targets are met")
    print(machine("jinja2", "playwright"))
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
