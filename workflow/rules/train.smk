# INPUTS   manifest and store of the data set, the checkpoint of the previous stage
# OUTPUTS  results/trainings/<architecture>-<key>/, results/evaluations/<architecture>-<key>/
# A rule has one param, the canonical spec that was hashed: Snakemake compares params as a set without names.


rule train:
    input:
        unpack(train_inputs),
    output:
        log=f"{RESULTS}/trainings/{{training}}/training_log.csv",
        checkpoint=f"{RESULTS}/trainings/{{training}}/checkpoint.pt",
        training=f"{RESULTS}/trainings/{{training}}/training.json",
    log:
        f"{RESULTS}/logs/train/{{training}}.log",
    conda:
        "../../envs/train.yaml"
    resources:
        gpu=1,
        run=lambda wildcards: STUDY.trainings[wildcards.training].title,
        parent=parent_of,
        weights=weights_of,
        manifest=lambda wildcards: manifest_of(wildcards.training),
        store=lambda wildcards: store_of(wildcards.training),
        root=lambda wildcards: dataset_of(wildcards.training).root,
    params:
        spec=training_spec,
    message:
        "train {resources.run}"
    shell:
        "python -m partway train --spec {params.spec:q} --title {resources.run:q}"
        " --manifest {resources.manifest:q} --store {resources.store:q} --root {resources.root:q}"
        " --parent {resources.parent:q} --weights {resources.weights:q} --output {output.training:q} --log {log:q}"


rule evaluate:
    input:
        unpack(evaluate_inputs),
    output:
        predictions=f"{RESULTS}/evaluations/{{evaluation}}/predictions.parquet",
        metrics=f"{RESULTS}/evaluations/{{evaluation}}/metrics.json",
    log:
        f"{RESULTS}/logs/evaluate/{{evaluation}}.log",
    conda:
        "../../envs/train.yaml"
    resources:
        gpu=1,
        run=lambda wildcards: STUDY.evaluations[wildcards.evaluation].title,
        training=lambda wildcards: training_file(training_of(wildcards), "training.json"),
        manifest=lambda wildcards: manifest_of(training_of(wildcards)),
        store=lambda wildcards: store_of(training_of(wildcards)),
        root=lambda wildcards: dataset_of(training_of(wildcards)).root,
    params:
        spec=evaluation_spec,
    message:
        "evaluate {resources.run}"
    shell:
        "python -m partway evaluate --spec {params.spec:q} --title {resources.run:q} --training {resources.training:q}"
        " --manifest {resources.manifest:q} --store {resources.store:q} --root {resources.root:q}"
        " --output {output.metrics:q} --log {log:q}"
