"""What the known truth of generated videos says about a study: its ceiling, and runs that know what they cannot know."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from partway.data import manifest as manifests
from partway.data.manifest import Video
from partway.data.mime_plan import group_of, options_of, shared_openings
from partway.data.truth import LeakTest, ceiling, is_undecided, leak_tests, leaks
from partway.results.outcomes import OutcomesReader
from partway.schema_data import SplitOff
from partway.study import AXES, Run, Study

CEILING_COLUMNS = ["dataset", "observation_ratio", "ceiling", "undecided_videos", "test_videos"]
PAIR_COLUMNS = [*AXES, "pair", "differs_in", "decided_videos", "right_videos"]
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
        self.split = cache(self._split)  # every run asks

    def _split(self, name: str, validation: SplitOff = NO_VALIDATION) -> list[Video]:
        """The videos of `test` or `validation`."""
        return self.manifest.split(name, validation)


class KnownTruths:
    """The generated data sets of a study, as long as their manifest is there, and what its runs answered on them."""

    def __init__(self, study: Study, outcomes: OutcomesReader):
        self.study, self.outcomes = study, outcomes
        self.of = {
            name: Truth(study, name)
            for name, source in study.datasets.items()
            if source.is_generated and Path(study.results_dir, "data", source.folder, "manifest.csv").exists()
        }

    def _correct(self, evaluation: str) -> dict[str, bool]:
        found = self.outcomes.read(evaluation)
        return dict(zip(found.ids, found.correct_N.tolist(), strict=True))

    def ceilings(self) -> Iterator[dict[str, Any]]:
        """Rows of ceiling.csv: the ceiling of the prefix window at a hundred ratios and at those of the study."""
        for name, truth in self.of.items():
            ratios = {float(run.observation_ratio) for run in self.study.runs if run.dataset == name} | set(STEPS)
            videos = truth.split("test")
            for ratio in sorted(ratios):
                yield {
                    "dataset": name,
                    "observation_ratio": ratio,
                    "ceiling": ceiling(videos, ratio, truth.groups),
                    "undecided_videos": sum(is_undecided(video, ratio) for video in videos),
                    "test_videos": len(videos),
                }

    def pairs(self, runs: list[Run]) -> Iterator[dict[str, Any]]:
        """Rows of pairs.csv: how often each complete run of the prefix window is right on the test videos of each pair.

        Only videos whose decided frame is observed count. `differs_in: order` marks pairs that are each other's
        reversal: they show the same poses, so that no average over the frames of a whole video can tell them apart.
        """
        for run, truth in self._tested(runs):
            correct = self._correct(run.evaluation)
            for pair in truth.groups:
                of_pair = [video for video in truth.split("test") if video.label in pair]
                decided = [video for video in of_pair if not is_undecided(video, run.observation_ratio)]
                yield run.cell | {
                    "pair": " ".join(pair),
                    "differs_in": group_of(pair[0]).differs_in,
                    "decided_videos": len(decided),
                    "right_videos": sum(correct[video.id] for video in decided),
                }

    def leaks(self, runs: list[Run]) -> Iterator[dict[str, Any]]:
        """Rows of leaks.csv: each complete run of the prefix window tested on the videos whose class it cannot see.

        Test videos show whether a model is given what it must not see; validation videos, whether their split leaks.
        """
        for run, truth in self._tested(runs):
            validation = SplitOff(**self.study.trainings[run.trainings[0]].spec.get("validation", {}))
            for split, evaluation in (("test", run.evaluation), ("validation", run.validation)):
                if evaluation is not None:
                    videos = truth.split(split, validation)
                    tests = leak_tests(videos, run.observation_ratio, truth.groups, self._correct(evaluation))
                    yield from (run.cell | {"split": split} | row for row in _rows(tests))

    def _tested(self, runs: list[Run]) -> Iterator[tuple[Run, Truth]]:
        """The runs of which the truth is known: what `middle` shows before the decision is not worked out."""
        for run in runs:
            if run.dataset in self.of and run.window == "prefix":
                yield run, self.of[run.dataset]


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
