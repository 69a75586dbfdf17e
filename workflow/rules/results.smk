# INPUTS   every training.json and metrics.json, and the study as it was frozen when the first job started
# OUTPUTS  results/<study>/: runs.csv, epochs.csv, ceiling.csv, pairs.csv, leaks.csv, per_class.csv, confusion.csv,
#          summary.json, study.lock.json, tables/, cost.csv, cost.md, verdict.md, figures/, report.html; and, undeclared since
#          their names follow the study's, the readable run folders runs/
# The name of `collected` holds the study's digest and `all` asks for it: another study has no such file yet, and so
# collect runs, also where Snakemake's own records are lost. (As an input it would not do: a missing input of a finished
# job re-runs nothing.) collect removes those of earlier versions, so that an undone edit is collected again; rendering
# partial results removes all of them, so that the next full call takes partial/ away.


localrules:
    collect,
    tables,
    figures,
    report,


rule collect:
    input:
        unpack(collect_inputs),
    output:
        runs=f"{HOME}/runs.csv",
        epochs=f"{HOME}/epochs.csv",
        ceiling=f"{HOME}/ceiling.csv",
        leaks=f"{HOME}/leaks.csv",
        pairs=f"{HOME}/pairs.csv",
        per_class=f"{HOME}/per_class.csv",
        confusion=f"{HOME}/confusion.csv",
        lock=f"{HOME}/study.lock.json",
        collected=COLLECTED,
        summary=f"{HOME}/summary.json",
    log:
        f"{RESULTS}/logs/collect/{STUDY.name}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        frozen=FROZEN,
    message:
        f"collect {HOME}"
    shell:
        "python -m partway collect --frozen {resources.frozen:q} 2> >(tee {log:q} >&2)"


rule tables:
    input:
        summary=f"{HOME}/summary.json",
    output:
        csv=report(
            [f"{HOME}/tables/{name}.csv" for name in STUDY.table_files],
            caption="../report/tables.rst",
            category="Ablation tables",
        ),
        md=[f"{HOME}/tables/{name}.md" for name in STUDY.table_files],
        tex=[f"{HOME}/tables/{name}.tex" for name in STUDY.table_files],
        cost_csv=f"{HOME}/cost.csv",
        cost=f"{HOME}/cost.md",
        imported=[f"{HOME}/imported.md"] if STUDY.imports else [],
        verdict=report(f"{HOME}/verdict.md", caption="../report/verdict.rst", category="What was found"),
    log:
        f"{RESULTS}/logs/tables/{STUDY.name}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        options=results_options(STUDY.tables),
    message:
        f"tables {HOME}"
    shell:
        "python -m partway tables --summary {input.summary:q} --options {params.options:q} 2> >(tee {log:q} >&2)"


rule figures:
    input:
        summary=f"{HOME}/summary.json",
    output:
        svg=report([f"{figure}.svg" for figure in FIGURES], caption="../report/figures.rst", category="Figures"),
        png=[f"{figure}.png" for figure in FIGURES],
        csv=[f"{figure}.csv" for figure in FIGURES],
    log:
        f"{RESULTS}/logs/figures/{STUDY.name}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        options=results_options(STUDY.figures),
    message:
        f"figures {HOME}"
    shell:
        "python -m partway figures --summary {input.summary:q} --options {params.options:q} 2> >(tee {log:q} >&2)"


rule report:
    input:
        summary=f"{HOME}/summary.json",
        tables=rules.tables.output,
        figures=rules.figures.output,
        pictures=PICTURES,
    output:
        page=report(f"{HOME}/report.html", caption="../report/report.rst", category="What was found"),
    log:
        f"{RESULTS}/logs/report/{STUDY.name}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        roots=keys.canonical_json(STUDY.roots),
    params:
        options=results_options(STUDY.tables | STUDY.report),
    message:
        f"report {HOME}"
    shell:
        "python -m partway report --summary {input.summary:q} --options {params.options:q} --roots {resources.roots:q}"
        " 2> >(tee {log:q} >&2)"
