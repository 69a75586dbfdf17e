# INPUTS   the source folder of a data set and the lists of its splits, or a generator's options
# OUTPUTS  results/data/<layout>-<key>/: manifest.csv, classes.json, dataset.json, dataset_problems.csv, store-<name>.json


rule prepare:
    output:
        manifest=f"{RESULTS}/data/{{data}}/manifest.csv",
        classes=f"{RESULTS}/data/{{data}}/classes.json",
        problems=f"{RESULTS}/data/{{data}}/dataset_problems.csv",
        dataset=f"{RESULTS}/data/{{data}}/dataset.json",
    log:
        f"{RESULTS}/logs/prepare/{{data}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        root=lambda wildcards: DATASETS[wildcards.data].root,
        lists=lambda wildcards: DATASETS[wildcards.data].lists,
    params:
        spec=data_spec,
    message:
        "prepare {wildcards.data}"
    shell:
        "python -m partway prepare --spec {params.spec:q} --root {resources.root:q}"
        " --lists {resources.lists:q} --output {output.manifest:q} --log {log:q}"


rule store:
    input:
        manifest=f"{RESULTS}/data/{{data}}/manifest.csv",
    output:
        store=f"{RESULTS}/data/{{data}}/store-{{store}}.json",
    log:
        f"{RESULTS}/logs/store/{{data}}-{{store}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        root=lambda wildcards: DATASETS[wildcards.data].root,
        drawn=drawn_videos,
    message:
        "store {wildcards.data}: {wildcards.store}"
    shell:
        "python -m partway store --kind {wildcards.store} --manifest {input.manifest:q} --root {resources.root:q}"
        " --drawn {resources.drawn:q} --output {output.store:q} --log {log:q}"
