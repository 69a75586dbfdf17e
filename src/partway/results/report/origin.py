"""Where the numbers of a study come from, and what a reader must know before believing them: parts of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from partway import keys
from partway.results import protocol
from partway.results.collected import Collected
from partway.results.naming import count
from partway.results.tables import left_out

Records = dict[str, dict[str, Any]]  # what trainings or evaluations recorded of themselves, by folder

# What may move numbers, and is told where results differ in it; versions of libraries are, too.
COMPARED = {
    "git_commit": "version of partway's code",
    "numerics": "numerics versions",
    "precision": "precision",
    "device": "device",
    "compile": "mode of torch.compile",
    "attention": "kernel of attention",
    "threads": "number of threads",
}
RECORDED = {
    "git_commit": "commit of the code",
    "host": "machine",
    "device": "device",
    "precision": "precision",
    "compile": "torch.compile",
    "attention": "kernel of attention",
    "threads": "threads of a training",
    "numerics": "numerics versions",
}


def cautions(study: Collected) -> list[str]:
    """What a reader must know before believing a number, a sentence each."""
    said = [*_mixtures("trainings", study.summary), *_mixtures("evaluations", study.summary)]
    commits = [str(record["git_commit"]) for record in study.summary["trainings"].values()]
    if changed := sum(commit.endswith("-dirty") for commit in commits):
        said.append(
            f"{count(changed, 'training')} ran code with changes that were not committed, so that its commit alone does "
            "not give the code back."
        )
    return [*said, *protocol.cautions(study.lock), *left_out(study.home)]


def _mixtures(kind: str, summary: dict[str, Any]) -> Iterator[str]:
    """A sentence for whatever may move numbers and is not the same for all trainings, or all evaluations."""
    records = summary[kind]
    facts = {words: counted(records, name) for name, words in COMPARED.items()}
    facts |= {f"version of {name}": counts for name, counts in versions(records).items() if name != "partway"}
    for words, counts in facts.items():
        if len(counts) > 1:
            yield f"The {kind} differ in {words}: {_listed(counts)}. A difference between rows may come from that."


def counted(records: Records, name: str) -> Counter[str]:
    """How many records have each value of a fact, the most frequent first; what none recorded is left out."""
    values = [_as_text(record[name]) for record in records.values() if record.get(name) is not None]
    return Counter(dict(Counter(values).most_common()))


def _as_text(value: Any) -> str:
    return ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else str(value)


def versions(records: Records) -> dict[str, Counter[str]]:
    """For each library how many records were made with each of its versions."""
    found: dict[str, Counter[str]] = {}
    for record in records.values():
        for library, number in (record.get("versions") or {}).items():
            found.setdefault(library, Counter())[number] += 1
    return found


def _listed(counts: Counter[str]) -> str:
    """A value; or several, with how many have each."""
    return " or ".join(f"{value} ({number})" if len(counts) > 1 else value for value, number in counts.items())


def origin(study: Collected) -> dict[str, list[str]]:
    """What one needs to make the numbers again: facts with their values."""
    trainings = study.summary["trainings"]
    libraries = [f"{name} {_listed(counts)}" for name, counts in versions(trainings).items()]
    data = {name: record for name, record in study.summary["datasets"].items() if record}
    facts = {
        "study file": [study.summary["source"]],
        "changed for this call": [f"set={edit}" for edit in study.lock["edits"]],
        **{words: [_listed(counted(trainings, name))] for name, words in RECORDED.items()},
        "libraries": [", ".join(libraries)],
        "seeds": [", ".join(str(seed) for seed in sorted(study.runs.seed.unique()))],
        "data fingerprint": [f"{record['fingerprint']} ({name})" for name, record in data.items()],
        "study digest": [study.summary["digest"]],
        "this page": [f"results version {keys.RESULTS_VERSION}, partway {version('partway')}"],
    }
    return {words: values for words, values in facts.items() if any(values)}


def data_set(study: Collected, name: str) -> dict[str, Any]:
    """What is known of a data set; its record is None where it is not prepared."""
    record = study.summary["datasets"][name]
    validated = study.of_data(name).val_videos.dropna()
    validation = protocol.validation_of(study.lock, name)
    return {
        "name": name,
        **{part: study.lock["datasets"][name][part] for part in ("folder", "spec")},
        "record": record,
        "validation": validation,
        "listed_validation": bool(record) and "validation" in record["videos"],
        "validation_leaks": protocol.validation_leaks(validation),
        "validation_videos": int(validated.iloc[0]) if len(validated) else None,
    }
