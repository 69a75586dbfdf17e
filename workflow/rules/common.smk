# Paths and input functions; no rule. Edges order jobs; the files that a shell line reads are named in its resources.
# A finished job has no edge to data or store: it is known by its key, so that a pruned manifest or another frame store
# re-runs nothing. It keeps its edge to the training it starts from: weights made again are scored and continued again.
RESULTS = STUDY.results_dir
HOME = f"{RESULTS}/{STUDY.name}"
FROZEN = str(dag.frozen_path(config))
COLLECTED = f"{HOME}/.collected/{STUDY.digest}"
DATASETS = {source.folder: source for source in STUDY.datasets.values()}
PICTURES = [f"{HOME}/attention/{place}.png" for place in STUDY.pictures]
FIGURES = [f"{HOME}/figures/{name}" for name in figure_names.of_study(STUDY)]
UNFINISHED = dag.Unfinished(STUDY)


wildcard_constraints:
    data=r"[a-z0-9_]+-[0-9a-f]{12}",
    training=r"[^/]+-[0-9a-f]{12}",
    evaluation=r"[^/]+-[0-9a-f]{12}",
    picture=r".+/attention-[0-9a-f]{12}",
    store=r"none|raw(-[0-9]+)?|jpeg(-[0-9]+)?-q[0-9]+|packed-frames",


def study_results(wildcards):
    try:
        dag.check_call(workflow, STUDY)
    except PartwayError as error:
        raise WorkflowError(str(error)) from None
    collected = [COLLECTED, *(f"{HOME}/{name}" for name in ("runs.csv", "epochs.csv", "summary.json"))]
    tables = [f"{HOME}/tables/{name}.{suffix}" for name in STUDY.table_files for suffix in ("csv", "md", "tex")]
    figures = [f"{figure}.svg" for figure in FIGURES]
    imported = [f"{HOME}/imported.md"] if STUDY.imports else []
    return [*collected, *tables, f"{HOME}/verdict.md", *imported, *figures, *PICTURES, f"{HOME}/report.html"]


def dataset_of(training):
    return STUDY.datasets[STUDY.trainings[training].dataset]


def manifest_of(training):
    return f"{RESULTS}/data/{dataset_of(training).folder}/manifest.csv"


def store_of(training):
    return f"{RESULTS}/data/{dataset_of(training).folder}/store-{dataset_of(training).store}.json"


def data_inputs(training):
    return {"manifest": manifest_of(training), "store": store_of(training)}


def training_file(training, name):
    return f"{RESULTS}/trainings/{training}/{name}"


def parent_of(wildcards):
    parent = STUDY.trainings[wildcards.training].parent
    return training_file(parent, "training.json") if parent else "none"


def weights_of(wildcards):
    training = STUDY.trainings[wildcards.training]
    named = [] if training.parent else [training.spec["weights"], *training.spec.get("fallback", [])]
    return keys.canonical_json({name: STUDY.weights[name] for name in named if name in STUDY.weights})


def training_of(wildcards):
    return STUDY.evaluations[wildcards.evaluation].training


def train_inputs(wildcards):
    training = STUDY.trainings[wildcards.training]
    inputs = {"parent": training_file(training.parent, "training.json")} if training.parent else {}
    if UNFINISHED.training(training.folder):
        inputs |= data_inputs(training.folder)
        inputs |= {"checkpoint": training_file(training.parent, "checkpoint.pt")} if training.parent else {}
    return inputs


def evaluate_inputs(wildcards):
    evaluation = STUDY.evaluations[wildcards.evaluation]
    inputs = {"training": training_file(evaluation.training, "training.json")}
    if UNFINISHED.evaluation(evaluation.folder):
        inputs |= data_inputs(evaluation.training) | {"checkpoint": training_file(evaluation.training, "checkpoint.pt")}
    return inputs


def attention_inputs(wildcards):
    training = STUDY.pictures[wildcards.picture].training
    inputs = {"training": training_file(training, "training.json")}
    if UNFINISHED.picture(wildcards.picture):
        inputs |= data_inputs(training) | {"checkpoint": training_file(training, "checkpoint.pt")}
    return inputs


def collect_inputs(wildcards):
    return {
        "trainings": [f"{RESULTS}/trainings/{folder}/training.json" for folder in STUDY.trainings],
        "evaluations": [f"{RESULTS}/evaluations/{folder}/metrics.json" for folder in STUDY.evaluations],
        "predictions": [f"{RESULTS}/evaluations/{folder}/predictions.parquet" for folder in STUDY.evaluations],
    }


def drawn_videos(wildcards):
    return keys.canonical_json(request.asked_videos(STUDY, wildcards.data))


def data_spec(wildcards):
    return keys.canonical_json(DATASETS[wildcards.data].spec)


def training_spec(wildcards):
    return keys.canonical_json(STUDY.trainings[wildcards.training].spec)


def evaluation_spec(wildcards):
    return keys.canonical_json(STUDY.evaluations[wildcards.evaluation].spec)


def attention_spec(wildcards):
    return keys.canonical_json(STUDY.pictures[wildcards.picture].spec)


def results_options(options):
    return keys.canonical_json({"options": options, "version": keys.RESULTS_VERSION})
