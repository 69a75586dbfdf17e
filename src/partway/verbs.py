"""What each verb of `python -m partway` does with its parsed options; each imports what it needs.

So the light verbs start at once, and only those that train or score wait for torch.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from partway.errors import PartwayError


def _progress(options: argparse.Namespace, title: str = ""):
    from partway.progress import Progress

    return Progress(title or options.title or options.output.parent.name, options.log)


def run_prepare(options: argparse.Namespace) -> None:
    from partway import files
    from partway.data.prepare import prepare

    refused = options.log.with_suffix(".problems.csv") if options.log else None
    progress = _progress(options, f"prepare {options.spec['layout']}")
    with files.owned(options.output.parent):
        prepare(options.spec, options.root, options.output.parent, progress, refused, lists=options.lists)


def run_store(options: argparse.Namespace) -> None:
    from partway import files
    from partway.attention import request
    from partway.data import manifest, packing, store
    from partway.schema_store import FrameStore

    if options.verify:
        print(store.verify(options.verify))
        return
    needed = ("kind", "manifest", "root", "output")
    if missing := [f"--{name}" for name in needed if getattr(options, name) is None]:
        raise PartwayError(f"expected {' and '.join(missing)}, or --verify STORE alone")
    try:
        kind = FrameStore.from_name(options.kind)
    except ValueError as error:
        raise PartwayError(f"--kind {error}") from None
    if unknown := request.why_unknown(options.drawn, options.manifest):
        raise request.RequestError(unknown)
    with files.owned(options.output.parent):
        data = manifest.read(options.manifest)
        packing.pack(kind, data, options.root, options.output, _progress(options, f"store {options.kind}"))


def run_train(options: argparse.Namespace) -> None:
    from partway.training.loop import train

    train(
        options.spec,
        manifest=options.manifest,
        store=options.store,
        root=options.root,
        parent=None if options.parent == "none" else Path(options.parent).parent,
        weights={digest: Path(path) for digest, path in options.weights.items()},
        folder=options.output.parent,
        progress=_progress(options),
    )


def run_evaluate(options: argparse.Namespace) -> None:
    from partway import files
    from partway.evaluation import evaluate

    with files.owned(options.output.parent):
        evaluate(
            options.spec,
            training=options.training.parent,
            manifest=options.manifest,
            store=options.store,
            root=options.root,
            folder=options.output.parent,
            progress=_progress(options),
        )


def run_collect(options: argparse.Namespace) -> None:
    from partway import files, study
    from partway.attention import request
    from partway.results.collect import collect, collect_partial

    frozen = options.frozen and study.Study.from_dict(files.read_json(options.frozen))
    resolved = frozen or replace(study.load(options.study, options.set), command=options.command)
    home = Path(resolved.results_dir, resolved.name)
    if not options.partial:
        print(collect(resolved, home, copy=options.copy))
        return
    print(collect_partial(resolved, home))
    for line in request.not_drawn(resolved):
        print(line)


def run_tables(options: argparse.Namespace) -> None:
    from partway.results.costs import write_costs
    from partway.results.imported import write_imported
    from partway.results.tables import write_tables
    from partway.results.verdict import write_verdict

    write_tables(options.summary.parent, options.options["options"])
    write_verdict(options.summary.parent, options.options["options"])
    write_costs(options.summary.parent)
    write_imported(options.summary.parent, options.options["options"])


def run_figures(options: argparse.Namespace) -> None:
    from partway.results.figures import draw_figures

    draw_figures(options.summary.parent, options.options["options"])


def run_figure(options: argparse.Namespace) -> None:
    from partway import study

    if options.home:
        home, collect = options.home, "partway collect STUDY"
    else:
        resolved = study.load(options.study, options.set)
        home, collect = Path(resolved.results_dir, resolved.name), f"partway collect {options.study}"
    from partway.results.figures.redraw import redraw  # matplotlib, when the study is known to be right

    print(redraw(options.name, home, options.style, options.output, collect=collect))


def run_report(options: argparse.Namespace) -> None:
    from partway.results.report import write_report

    write_report(options.summary.parent, options.options["options"], options.roots)


def run_check(options: argparse.Namespace) -> None:
    from partway import dag, study
    from partway.attention import request

    resolved = study.load(options.study, options.set)
    if options.download:
        from partway.weights import hub

        for folder in hub.fetch_all(training.spec for training in resolved.trainings.values()):
            print(f"downloaded: {folder}")
        resolved = study.load(options.study, options.set)  # now their sizes are known and can be checked
    if unknown := list(request.unknown_videos(resolved)):
        raise request.RequestError("\n".join(unknown))
    missing = dag.missing_data(resolved)
    print(f"{options.study}: the study {resolved.name} is right" + (", but data is missing" if missing else ""))
    amounts = {what: len(getattr(resolved, what)) for what in ("runs", "trainings", "evaluations", "ladders")}
    print("  " + ", ".join(f"{count} {what if count != 1 else what[:-1]}" for what, count in amounts.items()))
    for name, source in resolved.datasets.items():
        found = f"{'NOT ' * bool(source.missing)}found in {source.root}"
        shown = "; no labels for test: validation accuracy is shown" if source.scored_on != "test" else ""
        print(f"  data set {name}: {'generated' if source.is_generated else found}{shown}")
    for warning in [*missing, *resolved.warnings]:
        print(f"warning: {warning}", file=sys.stderr)


def run_import(options: argparse.Namespace) -> None:
    from partway import imports, study

    resolved = study.load(options.study, options.set)
    home = Path(resolved.results_dir, resolved.name)
    chosen = {name: getattr(options, name) for name in ("window", "videos", "unit")}
    if options.remove:
        imports.remove(home, options.remove)
        print(f"{options.remove} is no longer imported. {imports.NEXT}")
    elif options.folder:
        name = options.name or options.folder.resolve().name
        dataset = imports.data_set(options.dataset, list(resolved.datasets))
        print(
            *imports.told(home, *imports.add(home, options.folder, name=name, dataset=dataset, options=chosen)),
            sep="\n",
        )
    else:
        print(*(imports.names(home) or [f"nothing was imported into {home}"]), sep="\n")


def run_export(options: argparse.Namespace) -> None:
    from partway.export import export

    for line in export(options.training, options.output):
        print(line)


def run_attention(options: argparse.Namespace) -> None:
    from partway import files, study
    from partway.attention import request

    if options.frozen:
        resolved = study.Study.from_dict(files.read_json(options.frozen))
        picture = resolved.pictures[options.picture]
    else:
        resolved = study.load(options.study, options.set)
        axes = {axis: getattr(options, axis) for axis in study.AXES if axis != "observation_ratio"}
        run = request.one_run(resolved, axes | {"observation_ratio": options.ratio})
        picture = request.of_run(run, request.bounded(options.video or options.videos))
    from partway.attention.job import draw_attention  # torch, when it is sure what to draw

    draw_attention(resolved, picture, options.output, _progress(options, f"attention {picture.title}"))


def run_schema(options: argparse.Namespace) -> None:
    from partway import files, json_schema, schema_reference

    text = schema_reference.as_text() if options.reference else json_schema.as_text()
    if options.output:
        files.write_text(options.output, text)
    else:
        print(text, end="")


def run_mime(options: argparse.Namespace) -> None:
    from partway import study
    from partway.data.mime import contact_sheet
    from partway.data.mime_plan import options_of

    generated = [source for source in study.load(options.study, options.set).datasets.values() if source.is_generated]
    if not generated:
        raise PartwayError(f"{options.study}: no data set of layout mime is run in this study")
    contact_sheet(options_of(generated[0].spec), options.sheet)
    print(f"{options.sheet}: one row a class, the same video but for its label; framed in red from where they part")


def run_machine(options: argparse.Namespace) -> None:
    from partway import machine

    if options.jobs:
        print(machine.jobs_at_once())
    else:
        print(f"{machine.available_cores()} cores, {machine.jobs_at_once()} trainings at once")


def run_compare(options: argparse.Namespace) -> None:
    from partway.results import compare

    a, b = compare.find("A", options.a, options.set_a), compare.find("B", options.b, options.set_b)
    found = compare.compare(a, b, options.rename)
    print(compare.as_text(found), end="")
    if options.output:
        compare.write(found, options.output)
    if options.strict and (worse := found.with_verdict("worse")):
        raise PartwayError(
            f"--strict: {len(worse)} of {len(found.rows)} settings {'is' if len(worse) == 1 else 'are'} worse in B"
        )
