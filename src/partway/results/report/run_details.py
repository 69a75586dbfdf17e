"""What a click on a run shows: what its ablation changes, its curves, its worst classes, some videos, all settings.

What several runs share, the curves and settings of a training and the picture of a video, is a part of the page that
stands there once: a run's details name it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from partway.results.collected import Collected
from partway.results.naming import ablation_name
from partway.results.report.run_curves import Curves
from partway.results.report.run_settings import Settings
from partway.results.report.run_videos import Answers, Films
from partway.results.report.strips import budget

Row = dict[str, Any]
SCORED = {"test": "evaluation", "validation": "validation"}  # split -> the column that names its evaluation


class Details:
    """The details of the runs of a study.

    Args:
        rows: of runs.csv; the first ones, which show details.
        film_strips: videos to show of each.
        roots: where the videos of each data set lie.
    """

    def __init__(self, study: Collected, rows: list[Row], *, film_strips: int, roots: dict[str, str]):
        self.study, self.rows = study, rows
        self.settings, curves = Settings(study), Curves(study.home)
        self.curves = cache(curves.of)
        self.answers = {name: Answers(study.lock["results_dir"], found) for name, found in _scored(rows).items()}
        self.films = {
            name: Films(
                answers,
                Path(study.lock["results_dir"], "data", study.lock["datasets"][name]["folder"]),
                roots.get(name),
                wanted=film_strips,
                most_bytes=budget(len(rows)) // len(self.answers),
            )
            for name, answers in self.answers.items()
        }
        self.pictures = {
            (name, video): f"strip-{number}-{place}"
            for number, (name, films) in enumerate(self.films.items())
            for place, video in enumerate(films.pool.pictures)
        }

    def of(self, place: int) -> dict[str, Any]:
        """The details of one run; None or empty where there is nothing to tell."""
        row, run = self.rows[place], self.study.lock["runs"][place]
        changes, chain = self.settings.changes(run), tuple(run["trainings"])
        below = changes["below"]
        several = len(chain) > 1
        titles = [f"Training, stage {n} of {len(chain)}" if several else "Training" for n, _ in enumerate(chain, 1)]
        return {
            "below": below and ablation_name(below, self.study.lock["labels"]),
            "changed": changes["changed"],
            "curves": _curves_id(chain) if self.curves(chain) else None,
            "stages": [(title, f"settings-{folder}") for title, folder in zip(titles, chain, strict=True)],
            "evaluations": self.settings.evaluations(run, row),
            "folder": self.study.summary["runs"][place]["paths"]["run"],
            "complete": not row["missing"],
        } | self._answered(row)

    def _answered(self, row: Row) -> dict[str, Any]:
        """What is told of a run's answers; nothing of one that has none."""
        evaluation, dataset = _evaluation(row), row["dataset"]
        if evaluation is None:
            return {"scored_on": None}
        films = self.films[dataset]
        videos = films.of(evaluation, row["observation_ratio"], row["window"])
        for answer in (answer for answers in videos.values() for answer in answers):
            answer["picture"] = self.pictures[dataset, answer["id"]]
        classes = self.answers[dataset].worst_classes(evaluation)
        return {"scored_on": row["scored_on"], "classes": classes, "videos": videos, "said": films.said}

    def parts(self) -> dict[str, dict[str, Any]]:
        """What runs share, by the id that it has in the page: `settings`, `curves` and `strips`."""
        chains = [tuple(run["trainings"]) for run in self.study.lock["runs"][: len(self.rows)]]
        folders = dict.fromkeys(folder for chain in chains for folder in chain)
        return {
            "settings": {f"settings-{folder}": self.settings.training(folder) for folder in folders},
            "curves": {_curves_id(chain): drawn for chain in chains if (drawn := self.curves(chain))},
            "strips": {
                id_: {"video": video, "picture": self.films[name].pool.pictures[video]}
                for (name, video), id_ in self.pictures.items()
            },
        }


def _curves_id(chain: tuple[str, ...]) -> str:
    """The last training has one chain only."""
    return f"curves-{chain[-1]}"


def _evaluation(row: Row) -> str | None:
    """The evaluation of the split that a run is scored on; None of one that is not complete or has none."""
    return None if row["missing"] else row[SCORED[row["scored_on"]]]


def _scored(rows: list[Row]) -> dict[str, list[str]]:
    """The evaluations of each data set whose answers are told."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        if evaluation := _evaluation(row):
            found.setdefault(row["dataset"], {})[evaluation] = None
    return {name: list(evaluations) for name, evaluations in found.items()}
