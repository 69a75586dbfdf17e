# partway: models x observation ratios x ablations x seeds -> ablation tables and accuracy-against-ratio plots.
#   snakemake --cores 1 --resources gpu=1                                    the study in config.yaml
#   snakemake --cores 1 --resources gpu=1 --config study=studies/mine.yaml   another one
# Snakemake knows files; which runs, trainings and evaluations there are is decided in src/partway/study.py.
from snakemake.exceptions import WorkflowError

from partway import dag, keys
from partway.attention import request
from partway.errors import PartwayError
from partway.results.figures import names as figure_names

dag.interpreter_first_on_path()
dag.announce_machine(workflow)
try:
    STUDY = dag.load(config, main_process=workflow.is_main_process)
except PartwayError as error:
    raise WorkflowError(str(error)) from None


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/attention.smk"
include: "workflow/rules/results.smk"


rule all:
    input:
        study_results,


onstart:
    dag.freeze(STUDY, config)


onsuccess:
    print(dag.where_results_are(STUDY))


onerror:
    shell("python -m partway collect --frozen {FROZEN:q} --partial")
