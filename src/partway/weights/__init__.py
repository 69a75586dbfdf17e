"""Where a model's first weights come from, and what of it stands in a training's key; no torch in what a study needs.

`weights:` names scratch, a local folder or file, or a repository of the hub; `fallback:` others, tried in order where
the ones before are not available.

What the key holds:
- a local checkpoint: the digest of its content, and the sizes and normalisation that its config states. The path is a
  machine fact. Local ones are chosen while the study is read: the first that is there.
- a repository of the hub: its name and revision as the study writes them, and of the model only what the study writes,
  whether at a default or not. Whether the hub's cache holds it changes no key, so nothing read from it may stand there:
  the job merges the checkpoint's own sizes below the written ones when it starts, and records the sum in training.json
  (`model`), which later stages and evaluations read. Where the cache holds it, they are checked while the study is read.
- `fallback` behind a repository of the hub: the list as far as something is certain to be there. Which one was used is
  a fact of the job; it is in training.json (`weights`), runs.csv and below the tables.

Nothing is downloaded while a study is read: `partway check --download` or the first training does it.
"""

from __future__ import annotations

from partway.weights.names import SCRATCH, UnavailableError, WeightsError

__all__ = ["SCRATCH", "UnavailableError", "WeightsError"]
