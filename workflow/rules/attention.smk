# INPUTS   the record and checkpoint of a training, manifest and store of its data set
# OUTPUTS  results/<study>/attention/<the run by name>/attention-<key>.png: chosen test videos with heat on their frames
# A study that asks for no pictures has no such job. The spec says when to draw again; the study that was frozen has it
# too, with the names that stand in the picture.


rule attention:
    input:
        unpack(attention_inputs),
    output:
        picture=report(
            f"{HOME}/attention/{{picture}}.png", caption="../report/attention.rst", category="Attention maps"
        ),
    log:
        f"{RESULTS}/logs/attention/{STUDY.name}/{{picture}}.log",
    conda:
        "../../envs/train.yaml"
    resources:
        gpu=1,
        run=lambda wildcards: STUDY.pictures[wildcards.picture].title,
        frozen=FROZEN,
    params:
        spec=attention_spec,
    message:
        "attention {resources.run}"
    shell:
        "python -m partway attention --frozen {resources.frozen:q} --picture {wildcards.picture:q}"
        " --output {output.picture:q} --log {log:q}"
