"""The verdict: what a study found and how sure that is, in sentences for an e-mail, from its tables and runs."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd

from partway import files
from partway.results import style
from partway.results.protocol import cautions
from partway.results.stats import Estimate
from partway.results.style import count, listed
from partway.results.submissions import submissions
from partway.results.tables import CONDITIONS, left_out, read_runs, read_tables
from partway.results.verdict_known import what_can_be_known

SHARE = 0.9  # of the accuracy with the whole video: how much of it has to be seen to get there


def write_verdict(home: Path, options: dict[str, Any]) -> None:
    """Write `verdict.md` of a study whose tables are written.

    Args:
        home: folder with runs.csv, study.lock.json and tables/.
        options: `decimals` of percentages, those of the tables.
    """
    lock, runs = files.read_json(home / "study.lock.json"), read_runs(home)
    writer = Writer(runs, lock, options["decimals"])
    parts = [f"# {lock['name']}: what was found, and how sure", lock["question"] or ""]
    if not lock["ladders"]:
        parts.append("This study has no ladder, so no ingredient was compared with another.")
    for ladder, definition in lock["ladders"].items():
        for table in read_tables(home, ladder, len(definition["rows"])):
            parts.append(writer.ladder(ladder, table))
    parts += [*writer.curves(), *what_can_be_known(home, writer), writer.holes(), writer.how_sure()]
    parts += [*cautions(lock), *left_out(home), submissions(runs, lock["labels"])]
    files.write_text(home / "verdict.md", "\n\n".join(part.strip() for part in parts if part) + "\n")


class Writer:
    """Sentences about one study; every number in them is computed from its files."""

    def __init__(self, runs: pd.DataFrame, lock: dict[str, Any], decimals: int):
        self.runs, self.labels, self.decimals = runs, lock["labels"], decimals
        self.ladders = bool(lock["ladders"])
        self.compared = 0  # differences that were held against 0
        self.chosen = 0  # best rows among several

    # --- numbers in words ---

    def percent(self, value: float) -> str:
        """A fraction as a number of per cent, without the sign."""
        return f"{100 * value:.{self.decimals}f}"

    def points(self, value: float, sign: str = "") -> str:
        """A difference of accuracies in percentage points; what rounds to nothing has no sign."""
        text = f"{100 * value:{sign}.{self.decimals}f}"
        return text if float(text) else f"{0:.{self.decimals}f}"

    def interval(self, estimate: Estimate) -> str:
        """The interval of an accuracy."""
        return f"95 % interval {self.percent(estimate.low)} to {self.percent(estimate.high)} %"

    # --- ladders ---

    def ladder(self, ladder: str, table: list[dict[str, Any]]) -> str:
        """What one ablation table says."""
        done = [row for row in table if row["top1"] is not None]
        head = f"## {ladder}: {self.condition(table)}"
        if not done:
            return f"{head}\n\nNo run of this table is complete, so nothing can be said."
        parts = [self.best(table, done)]
        if len(table) > 1:
            parts += [self.steps(table), self.whole_way(table, max(done, key=_accuracy))]
        return "\n\n".join([head, *(part for part in parts if part)])

    def condition(self, table: list[dict[str, Any]]) -> str:
        """Under what a table was measured."""
        row = table[0]
        several = self.runs.model.nunique() > 1 and len({other["model"] for other in table}) == 1
        of = f"{row['dataset']}, {row['model']}" if several else row["dataset"]
        words = {"matched": "trained and tested", "full": "trained on whole videos, tested"}
        words |= {"random": "trained on random ratios, tested"}
        how = words.get(row["train_ratio"], f"trained at ratio {row['train_ratio']}, tested")
        whole = float(row["observation_ratio"]) == 1
        ratio = "on whole videos" if whole else f"at observation ratio {float(row['observation_ratio']):g}"
        part = "" if row["train_fraction"] == 1 else f", {row['train_fraction']:.0%} of the train videos"
        window = f", {row['window']} window" if self.runs.window.nunique() > 1 else ""
        return f"{of}, {how} {ratio}{window}{part}"

    def name(self, row: dict[str, Any], table: list[dict[str, Any]]) -> str:
        """A row by its label, with its model where the rows have several; by the model alone where nothing else differs."""
        label = row["label"] or row["ablation"]
        if len({other["model"] for other in table}) == 1:
            return f"“{label}”"
        return (
            f"“{row['model']}”" if len({other["ablation"] for other in table}) == 1 else f"“{label}” ({row['model']})"
        )

    def best(self, table: list[dict[str, Any]], done: list[dict[str, Any]]) -> str:
        """The highest row, how high, and over what it was measured."""
        best = max(done, key=_accuracy)
        self.chosen += len(done) > 1
        among = f"the best of {len(done)} rows" if len(done) > 1 else "the only row with a result"
        among += f" (of {len(table)} in the table)" if len(done) < len(table) else ""
        estimate = Estimate(best["top1"], best["low"], best["high"])
        is_best = f"is {among}: it recognises" if len(table) > 1 else "recognises"
        said = f"{self.name(best, table)} {is_best} {self.percent(estimate.value)} % of the "
        said += f"{_videos_of(best)} ({self.interval(estimate)}), {_seeds(best)}"
        equals = [row for row in done if row["top1"] == best["top1"] and row is not best]
        said += f"; {listed([self.name(row, table) for row in equals])} did as well" if equals else ""
        chance = self.chance(best)
        within = "" if estimate.low > chance else ", which the interval does not exclude: it may know nothing"
        return f"{said}. Guessing would get {self.percent(chance)} %{within}."

    def chance(self, row: dict[str, Any]) -> float:
        """The share that guessing gets right: one class in so many."""
        of_data = self.runs[self.runs.dataset == row["dataset"]]
        return 1 / float(of_data.classes.dropna().iloc[0])

    def steps(self, table: list[dict[str, Any]]) -> str:
        """Each row against the one above it: what helps, what hurts, and what cannot be told."""
        clear, unclear, unknown = [], [], []
        for row in table[1:]:
            name, estimate = self.name(row, table), _difference(row, "previous")
            if estimate is None:
                unknown.append(name)
            elif _is_clear(estimate):
                clear.append(f"- {name} {self.change(estimate)}: {_beyond_luck(row)}.")
            else:
                unclear.append(f"{name} ({self.difference(estimate)})")
        self.compared += len(clear) + len(unclear)
        lines = ["Each row against the row above it, on the same videos, with 95 % intervals:", "", *clear]
        if unclear:
            lines.append(f"- {listed(unclear)} cannot be told from no effect at all with {_videos(table)}.")
        if unknown:
            lines.append(
                f"- Nothing can be said about {listed(unknown)}: a run of it, or of the row above, is missing."
            )
        return "\n".join(lines)

    def change(self, estimate: Estimate) -> str:
        """What a clear difference does, with its interval."""
        low, high = sorted((abs(estimate.low), abs(estimate.high)))
        verb = "raises" if estimate.value > 0 else "lowers"
        size = f"{self.points(abs(estimate.value))} points ({self.points(low)} to {self.points(high)})"
        return f"{verb} accuracy by {size}"

    def difference(self, estimate: Estimate) -> str:
        """A difference with its sign and interval."""
        value, low, high = (self.points(number, "+") for number in (estimate.value, estimate.low, estimate.high))
        return f"{value} points, {low} to {high}"

    def whole_way(self, table: list[dict[str, Any]], best: dict[str, Any]) -> str:
        """From the first row to the best, where that is more than one step."""
        estimate = _difference(best, "first")
        if estimate is None or best is table[1]:
            return ""
        self.compared += 1
        way = f"The whole way from {self.name(table[0], table)} to {self.name(best, table)}"
        if _is_clear(estimate):
            return f"{way} {self.change(estimate)}: {_beyond_luck(best)}."
        return f"{way} ({self.difference(estimate)}) cannot be told from no effect at all with {_videos(table)}."

    # --- curves ---

    def curves(self) -> Iterator[str]:
        """What each accuracy-against-ratio curve says; without ladders also what single ratios say."""
        for dataset, of_data in self.runs.groupby("dataset", sort=False):
            several = of_data.groupby(style.SERIES).observation_ratio.transform("nunique") > 1
            drawn = of_data[several] if self.ladders else of_data
            lines = []
            for series, curve in drawn.groupby(style.SERIES, sort=False):
                name = style.curve_name(dict(zip(style.SERIES, series, strict=True)), drawn, self.labels)
                lines.append(f"- {self.curve(name, curve)}")
            if lines:
                yield "\n".join([f"## How much of a video it takes: {dataset}", "", *lines])

    def curve(self, name: str, runs: pd.DataFrame) -> str:
        """Accuracy at the smallest and largest ratio, and the share of the video that most of it takes."""
        points = {ratio: estimate for ratio, estimate in style.curve_points(runs) if estimate}
        if not points:
            return f"“{name}”: no ratio is complete."
        videos = _videos_of(runs.dropna(subset=["videos"]).iloc[0])
        smallest, largest = min(points), max(points)
        said = f"“{name}” recognises {self.at(smallest, points, f' of the {videos}')}"
        said += f" and {self.at(largest, points)}" if largest > smallest else ""
        seeds = runs.seed.nunique()
        said += f", the mean of {count(seeds, 'seed')}." if seeds > 1 else ", with one seed."
        lost = [f"{ratio:g}" for ratio in runs.observation_ratio.unique() if ratio not in points]
        said += self.reach(points, largest) if largest > smallest else ""
        said += f" Ratio {listed(lost)} {'is' if len(lost) == 1 else 'are'} missing." if lost else ""
        return said + self.guessing(points, runs)

    def at(self, ratio: float, points: dict[float, Estimate], of: str = "") -> str:
        """The accuracy at a ratio."""
        where = "where they are seen whole" if ratio == 1 else f"at observation ratio {ratio:g}"
        return f"{self.percent(points[ratio].value)} %{of} {where} ({self.interval(points[ratio])})"

    def reach(self, points: dict[float, Estimate], largest: float) -> str:
        """The smallest ratio with most of the accuracy of the largest; a value without an interval, and said so."""
        goal = SHARE * points[largest].value
        ratio = min(ratio for ratio in points if points[ratio].value >= goal)
        full = "full-video accuracy" if largest == 1 else f"accuracy at ratio {largest:g}, the largest that was run,"
        share = f" It reaches {100 * SHARE:.0f} % of its {full}"
        if ratio == largest:
            return f"{share} only {'on whole videos' if largest == 1 else 'there'}."
        below = [f"{later:g}" for later in points if later > ratio and points[later].value < goal]
        falls = f", and falls below it again at {listed(below)}" if below else ""
        return f"{share} at ratio {ratio:g} (point estimate){falls}."

    def guessing(self, points: dict[float, Estimate], runs: pd.DataFrame) -> str:
        """The ratios that are no better than guessing, where there are any."""
        chance = self.chance(runs.iloc[0].to_dict())
        lost = [f"{ratio:g}" for ratio, estimate in points.items() if estimate.low <= chance]
        return f" At {listed(lost)} it cannot be told from guessing ({self.percent(chance)} %)." if lost else ""

    # --- holes, and how sure ---

    def holes(self) -> str:
        """Which runs are missing, by name."""
        missing = self.runs[self.runs.status != "complete"]
        if missing.empty:
            return ""
        lines = [
            f"- {', '.join([*self.dataset_and_model(axes), style.ablation_name(axes[2], self.labels)])}, "
            f"train_ratio {axes[3]}, ratio {listed([f'{r:g}' for r in group.observation_ratio.unique()])}, "
            f"{'seed' if group.seed.nunique() == 1 else 'seeds'} {listed([str(s) for s in group.seed.unique()])}"
            for axes, group in missing.groupby(["dataset", "model", "ablation", "train_ratio"], sort=False)
        ]
        verb = "is" if len(missing) == 1 else "are"
        head = f"{len(missing)} of {count(len(self.runs), 'run')} {verb} missing: nothing is said about"
        return "\n".join(["## What is missing", "", head, "", *lines])

    def dataset_and_model(self, axes: tuple) -> list[str]:
        """Data set and model of a run, where the study has several."""
        return [value for name, value in zip(("dataset", "model"), axes, strict=False) if self.runs[name].nunique() > 1]

    def how_sure(self) -> str:
        """What the intervals cover and what they do not."""
        done = self.runs[self.runs.status == "complete"]
        if done.empty:
            return "No run is complete."
        splits = listed(sorted(done.scored_on.unique()))
        said = [f"Intervals cover the choice of {splits} videos only, not that of the seed."]
        settings = done.groupby([*CONDITIONS, "model", "ablation"])
        if settings.seed.nunique().max() == 1:
            said.append("Everything was trained with one seed, so how much another seed would change is not known.")
        else:
            largest = self.points(settings.top1.std().max())
            unknown = "; not known where there is one seed" if settings.seed.nunique().min() == 1 else ""
            said.append(
                f"Between seeds the same setting varied by up to {largest} points (standard deviation{unknown})."
            )
        if self.compared > 1:
            said.append(
                f"{self.compared} differences were held against 0, each for itself; where nothing has an effect, about "
                "one in twenty such intervals excludes 0 all the same."
            )
        if self.chosen:
            which = "The best row" if self.chosen == 1 else "Each best row"
            said.append(f"{which} was found on these very {splits} videos, which flatters it a little.")
        return "## How sure\n\n" + " ".join(said)


def _accuracy(row: dict[str, Any]) -> float:
    return row["top1"]


def _difference(row: dict[str, Any], to: str) -> Estimate | None:
    values = [row[f"difference_to_{to}{end}"] for end in ("", "_low", "_high")]
    return None if values[0] is None else Estimate(*values)


def _is_clear(estimate: Estimate) -> bool:
    """Whether the interval lies on one side of 0."""
    return estimate.low > 0 or estimate.high < 0


def _seeds(row: dict[str, Any]) -> str:
    if row["seeds"] < row["seeds_of_grid"]:
        return f"over {row['seeds']} of {count(row['seeds_of_grid'], 'seed')}"
    return f"the mean of {count(row['seeds'], 'seed')}" if row["seeds"] > 1 else "with one seed"


def _videos(table: list[dict[str, Any]]) -> str:
    largest = max((row for row in table if row["videos"] is not None), key=itemgetter("videos"))
    return f"this one {largest['scored_on']} video" if largest["videos"] == 1 else f"these {_videos_of(largest)}"


def _videos_of(row: Any) -> str:
    """The videos that an accuracy is of, by number and split."""
    return count(int(row["videos"]), f"{row['scored_on']} video")


def _beyond_luck(row: dict[str, Any]) -> str:
    return f"more than the luck of the {row['scored_on']} videos can explain"
