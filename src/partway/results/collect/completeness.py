"""What a run lacks to be a result: jobs that did not end, and results that are of other weights, videos or files."""

from __future__ import annotations

from collections.abc import Iterator

from partway.errors import DataError, VanishedError
from partway.results.collect.reading import Results
from partway.results.predictions import NAME as PREDICTIONS
from partway.study import Run, Study
from partway.submission import NAME as SUBMISSION

AGAIN = "delete its folder and run again"


def missing_of(study: Study, run: Run, results: Results) -> str | None:
    """What a run lacks, in words that name the result; None for a complete run."""
    return next(_gaps(study, run, results), None)


def _gaps(study: Study, run: Run, results: Results) -> Iterator[str]:
    """What a run lacks, in the order of its jobs; each line holds only if there is none before it."""
    dataset = results.read("data", study.datasets[run.dataset].folder, "dataset.json")
    weights = None  # the digest of those that the next job must have started from
    for folder in run.trainings:
        training = results.read("trainings", folder, "training.json")
        if training is None:
            why = _why("training.json", "train", folder, results)
            yield f"training {folder} ({study.trainings[folder].title}){why}"
            return
        yield from _of_others(training, folder, weights, dataset)
        weights = training["checkpoint_digest"]
    for folder in filter(None, (run.evaluation, run.validation)):
        yield from _of_evaluation(study, folder, weights, results)
    yield from _of_answers(study, run, results)


def _of_others(training: dict, folder: str, weights: str | None, dataset: dict | None) -> Iterator[str]:
    """Whether a training is of the present weights of the stage before, and of the present videos."""
    if training["parent_digest"] != weights:
        yield f"training {folder} from the present weights of the stage before: {AGAIN}"
    if dataset and training["data_fingerprint"] != dataset["fingerprint"]:
        yield f"training {folder} on the present videos (one was replaced by another of the same size): {AGAIN}"


def _of_evaluation(study: Study, folder: str, weights: str | None, results: Results) -> Iterator[str]:
    title = study.evaluations[folder].title
    record = results.read("evaluations", folder, "metrics.json")
    if record is None:
        yield f"evaluation {folder} ({title}){_why('metrics.json', 'evaluate', folder, results)}"
        return
    if record["checkpoint_digest"] != weights:
        yield f"evaluation {folder} of the present weights: {AGAIN}"
    if not (results.folder / "evaluations" / folder / PREDICTIONS).exists():
        yield f"predictions of evaluation {folder} ({title})"


def _why(file: str, verb: str, folder: str, results: Results) -> str:
    """Why there is no record of a job: it cannot be read, or the job ended with an error."""
    broken = f": its {file} is broken: {AGAIN}" if folder in results.unreadable else ""
    return broken + results.last_words(verb, folder)


def _of_answers(study: Study, run: Run, results: Results) -> Iterator[str]:
    """Whether the answers that a run is scored by can be read, and those to a test split without labels sent in."""
    labelled = study.datasets[run.dataset].scored_on == "test"
    for folder in filter(None, (run.evaluation if labelled else None, run.validation)):
        try:
            results.outcomes.read(folder)
        except VanishedError:
            raise  # a job that runs again took it away a moment ago: whoever collects looks again
        except DataError:
            yield f"predictions of evaluation {folder} that its metrics.json tells of (damaged or replaced): {AGAIN}"
    if not labelled and not (results.folder / "evaluations" / run.evaluation / SUBMISSION).exists():
        yield f"{SUBMISSION} of evaluation {run.evaluation} ({study.evaluations[run.evaluation].title}): {AGAIN}"
