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
        root=lambda wildcards: dataset_of(wildcards.training).root,
    params:
        spec=training_spec,
    message:
        "train {resources.run}"
    shell:
        "python -m partway train --spec {params.spec:q} --title {resources.run:q}"
        " --manifest {input.manifest:q} --store {input.store:q} --root {resources.root:q}"
        " --parent {resources.parent:q} --output {output.training:q} --log {log:q}"


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
        root=lambda wildcards: dataset_of(STUDY.evaluations[wildcards.evaluation].training).root,
    params:
        spec=evaluation_spec,
    message:
        "evaluate {resources.run}"
    shell:
        "python -m partway evaluate --spec {params.spec:q} --title {resources.run:q} --training {input.training:q}"
        " --manifest {input.manifest:q} --store {input.store:q} --root {resources.root:q}"
        " --output {output.metrics:q} --log {log:q}"
