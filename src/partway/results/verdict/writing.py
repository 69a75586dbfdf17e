"""The verdict: what a study found and how sure that is, in sentences for an e-mail, from its tables and runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from partway import files
from partway.results import naming
from partway.results.naming import count, listed
from partway.results.protocol import cautions
from partway.results.stats import FEWEST_SEEDS
from partway.results.submissions import submissions
from partway.results.tables import CONDITIONS, differences_of, left_out, read_runs, read_tables
from partway.results.tables.words import LUCK, THESE_TRAININGS, Table
from partway.results.verdict.curves import about_curves
from partway.results.verdict.known import what_can_be_known
from partway.results.verdict.ladders import about_ladder
from partway.results.verdict.words import Writer


def write_verdict(home: Path, options: dict[str, Any]) -> None:
    """Write `verdict.md` of a study whose tables are written.

    Args:
        home: folder with runs.csv, accuracies.csv, curves.csv, study.lock.json and tables/.
        options: `decimals` of percentages, those of the tables.
    """
    lock, runs = files.read_json(home / "study.lock.json"), read_runs(home)
    writer = Writer(runs, lock, options["decimals"])
    tables = [
        (name, table)
        for name, ladder in lock["ladders"].items()
        for table in read_tables(home, name, len(ladder["rows"]))
    ]
    parts = [f"# {lock['name']}: what was found, and how sure", lock["question"] or ""]
    if not tables:
        parts.append("This study has no ladder, so no ingredient was compared with another.")
    parts += [about_ladder(name, table, writer) for name, table in tables]
    parts += [*about_curves(home, writer), *what_can_be_known(home, writer), _holes(writer)]
    parts.append(_how_sure([table for _, table in tables], writer))
    parts += [*cautions(lock), *left_out(home), submissions(runs, lock["labels"])]
    files.write_text(home / "verdict.md", "\n\n".join(part.strip() for part in parts if part) + "\n")


def _holes(writer: Writer) -> str:
    """Which runs are missing, by name."""
    missing = writer.runs[writer.runs.status != "complete"]
    if missing.empty:
        return ""
    lines = [
        f"- {', '.join([*_dataset_and_model(axes, writer), naming.ablation_name(axes[2], writer.labels)])}, "
        f"train_ratio {axes[3]}, ratio {listed([f'{r:g}' for r in group.observation_ratio.unique()])}, "
        f"{'seed' if group.seed.nunique() == 1 else 'seeds'} {listed([str(s) for s in group.seed.unique()])}"
        for axes, group in missing.groupby(["dataset", "model", "ablation", "train_ratio"], sort=False)
    ]
    verb = "is" if len(missing) == 1 else "are"
    head = f"{len(missing)} of {count(len(writer.runs), 'run')} {verb} missing: nothing is said about"
    return "\n".join(["## What is missing", "", head, "", *lines])


def _dataset_and_model(axes: tuple, writer: Writer) -> list[str]:
    """Data set and model of a run, where the study has several."""
    named = zip(("dataset", "model"), axes, strict=False)
    return [value for name, value in named if writer.runs[name].nunique() > 1]


def _how_sure(tables: list[Table], writer: Writer) -> str:
    """What the intervals cover and what they do not."""
    done = writer.runs[writer.runs.status == "complete"]
    if done.empty:
        return "No run is complete."
    splits = listed(sorted(done.scored_on.unique()))
    seeds = done.groupby([*CONDITIONS, "model", "ablation"]).top1
    covers = {row[f"difference_to_{to}_covers"] for table in tables for row, to in differences_of(table)}
    said = [*_covered(seeds.count(), splits, covers)]
    if seeds.count().max() > 1:
        unknown = "; not known where there is one seed" if seeds.count().min() == 1 else ""
        largest = writer.points(seeds.std().max())
        said.append(f"Between seeds the same setting varied by up to {largest} points (standard deviation{unknown}).")
    said += [*_tested(tables, covers), *_chosen(tables, splits)]
    return "## How sure\n\n" + " ".join(said)


def _covered(seeds: pd.Series, splits: str, covers: set[str]) -> Iterator[str]:
    """What intervals cover, by how many seeds a setting has.

    Args:
        covers: what the differences of all tables cover.
    """
    few = int((seeds < FEWEST_SEEDS).sum())
    if few == len(seeds):
        yield (
            f"Intervals and tests cover the choice of {splits} videos only, not that of the seed: below three seeds nobody "
            "can tell how far another seed would lie."
        )
    else:
        settings = [f"{count(few, 'setting')} with fewer than three seeds"] if few else []
        settings += ["differences over fewer than three"] if "videos" in covers else []
        yield f"Intervals and tests cover the choice of seeds and of {splits} videos" + (
            f"; for {listed(settings)}, that of the videos only." if settings else "."
        )
    if "videos" in covers:
        which = (
            "What is called more than luck"
            if covers == {"videos"}
            else "What is called more than luck of the videos alone"
        )
        yield f"{which} is a difference between {THESE_TRAININGS}."
    if seeds.max() == 1:
        yield "Everything was trained with one seed, so how much another seed would change is not known."


def _tested(tables: list[Table], covers: set[str]) -> Iterator[str]:
    """How often luck alone would be taken for an effect."""
    families = [len(differences_of(table)) for table in tables]
    if sum(families) > 1:
        yield (
            f"{sum(families)} differences were held against 0, and many looks find something by luck. So the more a table "
            f"compares, the more each of its differences has to show (Holm's correction of p): where nothing has an "
            f"effect, at most {100 * LUCK:g} % of such tables would call any difference more than luck."
            + (
                " Where seeds are not covered, what they did by chance counts as an effect."
                if "videos" in covers
                else ""
            )
        )


def _chosen(tables: list[Table], splits: str) -> Iterator[str]:
    chosen = sum(sum(row["top1"] is not None for row in table) > 1 for table in tables)
    if chosen:
        which = "The best row" if chosen == 1 else "Each best row"
        yield f"{which} was found on these very {splits} videos, which flatters it a little."
