"""The part of a verdict that only generated videos allow: what could be known, who sees time, and whether something leaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from partway.data.truth import ALPHA
from partway.results import naming, stats
from partway.results.naming import count, listed

if TYPE_CHECKING:
    from partway.results.verdict.words import Writer

NAMES = dict.fromkeys(("dataset", "model", "ablation", "train_ratio", "window", "split", "pair"), str)
PREDICTIONS = [*naming.SERIES, "observation_ratio", "seed", "split"]


def what_can_be_known(home: Path, writer: Writer) -> Iterator[str]:
    """One part for each generated data set of a collected study, from ceiling.csv, pairs.csv and leaks.csv."""
    ceiling, pairs, leaks = (_read(home / name) for name in ("ceiling.csv", "pairs.csv", "leaks.csv"))
    for dataset, of_data in ceiling.groupby("dataset", sort=False):
        ratios = sorted(writer.runs[writer.runs.dataset == dataset].observation_ratio.unique())
        at = {row.observation_ratio: row.ceiling for row in of_data.itertuples()}
        limits = listed([f"{writer.percent(at[ratio])} % at ratio {ratio:g}" for ratio in ratios])
        said = f"The truth of these videos is known: no honest model can be expected to be right more often than {limits} of the prefix window."
        parts = [said + _leaks(leaks[leaks.dataset == dataset]), *_order(pairs[pairs.dataset == dataset], writer)]
        yield "\n\n".join([f"## What can be known: {dataset}", *parts])


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=NAMES, keep_default_na=False, na_values=[""])


def _leaks(tested: pd.DataFrame) -> str:
    """Whether any predictions know what cannot have been seen."""
    flagged = tested[tested.flagged == 1].drop_duplicates(PREDICTIONS)
    number = len(tested.drop_duplicates(PREDICTIONS))
    if not number:
        return ""
    if flagged.empty:
        return (
            f" Nothing leaks, as far as {count(number, 'test')} of predictions on undecided videos can tell "
            f"(at {100 * ALPHA:g} % each)."
        )
    names = listed(
        [f"{r.ablation} on {r.split} at ratio {r.observation_ratio:g}, seed {r.seed}," for r in flagged.itertuples()]
    )
    return (
        f" Beware: {names} {'knows' if len(flagged) == 1 else 'know'} what cannot have been seen (leaks.csv; of "
        f"{count(number, 'honest test')} some {ALPHA * number:.1f} would be flagged): something may leak."
    )


def _order(pairs: pd.DataFrame, writer: Writer) -> Iterator[str]:
    """How often each model is right on whole videos of pairs that differ in nothing but the order of their frames."""
    whole = pairs[(pairs.differs_in == "order") & (pairs.observation_ratio == 1)]
    if whole.empty:
        return
    models = whole.groupby("ablation", sort=False).model.nunique()
    shared = whole[whole.ablation == models.idxmax()]  # the ablation that most models run, the first of equals
    shared = shared[shared.train_ratio == shared.train_ratio.iloc[0]]
    scores = []
    for model, of_model in shared.groupby("model", sort=False):
        seeds = of_model.seed.nunique()
        videos = int(of_model.decided_videos.sum()) // seeds
        estimate = stats.accuracy_interval(of_model.right_videos.sum() / of_model.decided_videos.sum(), videos)
        scores.append(f"{model} is right on {writer.percent(estimate.value)} % ({writer.interval(estimate)})")
    name = naming.ablation_name(shared.ablation.iloc[0], writer.labels)
    alike = f"{count(shared.pair.nunique(), 'pair')} of classes {'is' if shared.pair.nunique() == 1 else 'are'}"
    yield (
        f"{alike} each other's reversal in time: the same poses in another order, which no average over the frames of "
        f"a whole video can tell. On the {count(videos, 'test video')} of these, with “{name}”, {listed(scores)}."
    )
