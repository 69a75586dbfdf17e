# Paths and input functions; no rule. A finished job has no edge to data or store: it is known by its key, so that a
# pruned manifest or another frame store re-runs nothing. An unfinished one has plain edges.
RESULTS = STUDY.results_dir
HOME = f"{RESULTS}/{STUDY.name}"
FROZEN = dag.frozen_path(config)
COLLECTED = f"{HOME}/.collected/{STUDY.digest}"
DATASETS = {source.folder: source for source in STUDY.datasets.values()}
TRAINING_FILES = ["training_log.csv", "checkpoint.pt", "training.json"]
EVALUATION_FILES = ["predictions.parquet", "metrics.json"]


wildcard_constraints:
    data=r"[a-z0-9_]+-[0-9a-f]{12}",
    training=r"[^/]+-[0-9a-f]{12}",
    evaluation=r"[^/]+-[0-9a-f]{12}",
    store=r"none|raw",


def study_results(wildcards):
    try:
        dag.check_call(workflow, STUDY)
    except PartwayError as error:
        raise WorkflowError(str(error)) from None
    tables = [f"{HOME}/tables/{ladder}.{suffix}" for ladder in STUDY.ladders for suffix in ("csv", "md")]
    return [COLLECTED, f"{HOME}/figures/accuracy_against_ratio.svg", *tables]


def dataset_of(training):
    return STUDY.datasets[STUDY.trainings[training].dataset]


def data_inputs(training):
    source = dataset_of(training)
    folder = f"{RESULTS}/data/{source.folder}"
    return {"manifest": f"{folder}/manifest.csv", "store": f"{folder}/store-{source.store}.json"}


def parent_inputs(training, name):
    folder = f"{RESULTS}/trainings/{training}"
    return {name: f"{folder}/training.json", f"{name}_checkpoint": f"{folder}/checkpoint.pt"}


def parent_of(wildcards):
    parent = STUDY.trainings[wildcards.training].parent
    return parent_inputs(parent, "parent")["parent"] if parent else "none"


def train_inputs(wildcards):
    training = STUDY.trainings[wildcards.training]
    if dag.all_exist(f"{RESULTS}/trainings/{training.folder}/{name}" for name in TRAINING_FILES):
        return {}
    parent = parent_inputs(training.parent, "parent") if training.parent else {}
    return parent | data_inputs(training.folder)


def evaluate_inputs(wildcards):
    # A finished evaluation keeps its edge to training.json: weights that are made again are scored again.
    evaluation = STUDY.evaluations[wildcards.evaluation]
    inputs = parent_inputs(evaluation.training, "training")
    if not dag.all_exist(f"{RESULTS}/evaluations/{evaluation.folder}/{name}" for name in EVALUATION_FILES):
        return inputs | data_inputs(evaluation.training)
    if dag.all_exist([inputs.pop("training_checkpoint")]):
        return inputs
    return inputs | data_inputs(evaluation.training)


def collect_inputs(wildcards):
    return {
        "trainings": [f"{RESULTS}/trainings/{folder}/training.json" for folder in STUDY.trainings],
        "evaluations": [f"{RESULTS}/evaluations/{folder}/metrics.json" for folder in STUDY.evaluations],
    }


def data_spec(wildcards):
    return keys.canonical_json(DATASETS[wildcards.data].spec)


def training_spec(wildcards):
    return keys.canonical_json(STUDY.trainings[wildcards.training].spec)


def evaluation_spec(wildcards):
    return keys.canonical_json(STUDY.evaluations[wildcards.evaluation].spec)


def results_options(options):
    return keys.canonical_json({"options": options, "version": keys.RESULTS_VERSION})
