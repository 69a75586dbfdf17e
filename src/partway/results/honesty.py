"""What the known truth of generated videos says about a study: its ceiling, and runs that know what they cannot know."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from partway.data import manifest as manifests
from partway.data.manifest import Video
from partway.data.mime_plan import options_of, shared_openings
from partway.data.truth import LeakTest, ceiling, is_undecided, leak_tests, leaks
from partway.results.predictions import read_correct
from partway.schema_data import SplitOff
from partway.study import AXES, Run, Study

CEILING_COLUMNS = ["dataset", "observation_ratio", "ceiling", "undecided_videos", "test_videos"]
LEAK_COLUMNS = [*AXES, "split", "group", "undecided_videos", "right_videos", "p_value", "flagged"]
NO_VALIDATION = SplitOff(fraction=0)
STEPS = [step / 100 for step in range(1, 101)]  # ratios that the ceiling is drawn at


EVERY_GROUP = "all"  # in leaks.csv: the undecided videos of all groups together


class Truth:
    """The videos of a generated data set, and which of its classes share their opening."""

    def __init__(self, study: Study, dataset: str):
        source = study.datasets[dataset]
        self.groups = shared_openings(options_of(source.spec))
        self.manifest = manifests.read(Path(study.results_dir, "data", source.folder, "manifest.csv"))

    def split(self, name: str, validation: SplitOff = NO_VALIDATION) -> list[Video]:
        """The videos of `test` or `validation`."""
        return self.manifest.split(name, validation)


def known_truths(study: Study) -> dict[str, Truth]:
    """The generated data sets of a study, as long as their manifest is there."""
    return {
        name: Truth(study, name)
        for name, source in study.datasets.items()
        if source.is_generated and Path(study.results_dir, "data", source.folder, "manifest.csv").exists()
    }


def ceilings(study: Study, truths: dict[str, Truth]) -> Iterator[dict[str, Any]]:
    """Rows of ceiling.csv: the ceiling of the prefix window at a hundred ratios and at those of the study."""
    for name, truth in truths.items():
        ratios = {float(run.observation_ratio) for run in study.runs if run.dataset == name} | set(STEPS)
        videos = truth.split("test")
        for ratio in sorted(ratios):
            yield {
                "dataset": name,
                "observation_ratio": ratio,
                "ceiling": ceiling(videos, ratio, truth.groups),
                "undecided_videos": sum(is_undecided(video, ratio) for video in videos),
                "test_videos": len(videos),
            }


def leak_rows(study: Study, runs: list[Run], truths: dict[str, Truth]) -> Iterator[dict[str, Any]]:
    """Rows of leaks.csv: each complete run of the prefix window tested on the videos whose class it cannot see.

    Test videos show whether a model is given what it must not see; validation videos, whether their split leaks.
    """
    correct = cache(lambda folder: read_correct(Path(study.results_dir, "evaluations", folder)).to_dict())
    for run in runs:
        truth = truths.get(run.dataset)
        if truth is None or run.window != "prefix":
            continue
        validation = SplitOff(**study.trainings[run.trainings[0]].spec.get("validation", {}))
        for split, evaluation in (("test", run.evaluation), ("validation", run.validation)):
            if evaluation is not None:
                videos = truth.split(split, validation)
                tests = leak_tests(videos, run.observation_ratio, truth.groups, correct(evaluation))
                yield from (run.cell | {"split": split} | row for row in _rows(tests))


def _rows(tests: list[LeakTest]) -> Iterator[dict[str, Any]]:
    flagged = leaks(tests)
    for test in tests:
        yield {
            "group": " ".join(test.group) or EVERY_GROUP,
            "undecided_videos": test.undecided,
            "right_videos": test.right,
            "p_value": test.p_value,
            "flagged": int(test in flagged),
        }
