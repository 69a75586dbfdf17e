"""The verbs of `python -m partway`: parsing only; each imports what it needs, so that the light ones start at once."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from partway.errors import PartwayError, StoppedError


def main(arguments: list[str] | None = None) -> int:
    """Run a verb; return the exit code: 0 done, 1 an error that was explained, 128 + n ended by signal n."""
    typed = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(typed)
    options.command = shlex.join(["partway", *typed])
    try:
        options.run(options)
    except StoppedError as error:
        _say(options, f"partway {options.verb}: {error}")
        return 128 + error.signal_number
    except PartwayError as error:
        _say(options, f"partway {options.verb}: {error}")
        return 1
    except KeyboardInterrupt:
        _say(options, f"partway {options.verb}: interrupted; run the same command again")
        return 130
    except Exception:
        _log(options, traceback.format_exc())
        raise
    return 0


def _say(options: argparse.Namespace, message: str) -> None:
    _log(options, message)
    with suppress(OSError):  # a closed terminal; the log has it
        print(message, file=sys.stderr, flush=True)


def _log(options: argparse.Namespace, message: str) -> None:
    """Why a job failed belongs in the log that Snakemake points to."""
    if log := getattr(options, "log", None):
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                print(message, file=file)
        except OSError as error:  # it must not hide the message, which goes to the terminal too
            message = f"partway {options.verb}: {log} cannot be written: {error.strerror}"
            with suppress(OSError):
                print(message, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="partway",
        description="How much of a video does a model need to see, and which ingredient of the recipe earns its place? "
        "Start a study with: snakemake --cores 1 --resources gpu=1",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, run, help_: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=help_, description=help_)
        sub.set_defaults(run=run)
        return sub

    prepare = verb("prepare", _prepare, "Open every video of a data set and write its manifest (called by a rule).")
    _add_spec(prepare, "layout and options of the data set")
    prepare.add_argument("--root", required=True, help="folder of the videos; generated ones are written there")
    prepare.add_argument("--lists", default="none", help="folder of the lists of classes and splits, or none")
    prepare.add_argument("--output", required=True, type=Path, help="manifest.csv to write; the rest goes beside it")
    _add_log(prepare)

    store = verb("store", _store, "Pack the frames of a data set once for all trainings (called by a rule).")
    store.add_argument("--kind", help="none, raw, raw-256 (short side), jpeg-q95, jpeg-256-q95 or packed-frames")
    store.add_argument("--manifest", type=Path, help="manifest.csv of the data set")
    store.add_argument("--root", help="folder of the videos")
    store.add_argument("--output", type=Path, help="store-<kind>.json to write; the frames go into a folder beside it")
    store.add_argument(
        "--verify", type=Path, metavar="STORE", help="instead: compare all of a store-<kind>.json with its checksums"
    )
    _add_log(store)

    train = verb("train", _train, "Run one training, or what is left of it (called by a rule).")
    _add_spec(train, "the training's spec")
    train.add_argument("--parent", default="none", help="training.json of the previous stage, or none")
    train.add_argument(
        "--weights",
        type=json.loads,
        default={},
        help="JSON: where pretrained weights lie on this disk, by the digest that the spec has; those of the hub need none",
    )
    _add_job(train, "training.json")

    evaluate = verb("evaluate", _evaluate, "Score one split with a finished training (called by a rule).")
    _add_spec(evaluate, "the evaluation's spec")
    evaluate.add_argument("--training", required=True, type=Path, help="training.json of the training")
    _add_job(evaluate, "metrics.json")

    collect = verb("collect", _collect, "Gather logs and summaries of a study into runs.csv, summary.json and runs/.")
    _add_study(collect)
    collect.add_argument("--frozen", type=Path, help="instead of STUDY: the study as snakemake froze it")
    collect.add_argument(
        "--partial", action="store_true", help="what there is, drawn and told with holes marked, into partial/"
    )
    collect.add_argument("--copy", action="store_true", help="copies instead of links in the readable run folders")

    for name, run, help_ in [
        ("tables", _tables, "Write the ablation tables of a collected study, and its verdict in words."),
        ("figures", _figures, "Draw the figures of a collected study."),
        (
            "report",
            _report,
            "Write report.html, one page that holds all of a study whose tables and figures are drawn.",
        ),
    ]:
        drawing = verb(name, run, help_)
        drawing.add_argument("--summary", required=True, type=Path, help="summary.json of the study")
        drawing.add_argument("--options", required=True, type=json.loads, help="JSON: options and results version")

    check = verb("check", _check, "Check a study file and say what it comes to; runs nothing.")
    _add_study(check)
    check.add_argument(
        "--download", action="store_true", help="fetch the weights that the study names from the hub, now"
    )

    import_ = verb(
        "import",
        _import,
        "Take the results of the older ViViT script into a study's tables and figures, marked imported.",
    )
    import_.add_argument(
        "folder", nargs="?", type=Path, help="holds observation_ratio_0.1 and so on; without: list imports"
    )
    import_.add_argument("--study", default="config.yaml", help="the study file (default: config.yaml)")
    import_.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", help="change the study; may repeat"
    )
    import_.add_argument("--name", help="what tables and figures call them; default the folder's name")
    import_.add_argument("--dataset", help="the study's data set that they are of; needed where it has several")
    import_.add_argument(
        "--window", choices=["prefix", "middle"], default="middle", help="default middle, the script's"
    )
    import_.add_argument("--videos", type=_count, metavar="N", help="validation videos, for intervals; none without")
    import_.add_argument(
        "--unit", choices=["percent", "fraction"], default="percent", help="of accuracies; default percent"
    )
    import_.add_argument("--remove", metavar="NAME", help="instead: take an import away again")

    export = verb(
        "export", _export, "Write a trained checkpoint as a folder that transformers or timm loads themselves."
    )
    export.add_argument("training", type=Path, help="folder of a finished training: results/trainings/...")
    export.add_argument("--output", required=True, type=Path, help="folder to write; it must not be there, or be empty")

    attention = verb(
        "attention",
        _attention,
        "Draw what a finished run of a study attends to in test videos, as heat on their frames.",
    )
    _add_study(attention)
    for axis, type_, what in [
        ("dataset", str, "a data set"),
        ("model", str, "a model"),
        ("ablation", str, "an ablation"),
        ("train-ratio", _ratio, "a train_ratio: matched, full, random or a number"),
        ("train-fraction", float, "a train_fraction"),
        ("ratio", float, "an observation ratio"),
        ("window", str, "a window: prefix or middle"),
        ("seed", int, "a seed"),
    ]:
        attention.add_argument(
            f"--{axis}", type=type_, help=f"the run is of {what}; may be left out where there is one"
        )
    chosen = attention.add_mutually_exclusive_group()
    chosen.add_argument(
        "--video", action="append", metavar="ID", help="id of a test video, as in manifest.csv; may repeat"
    )
    chosen.add_argument("--videos", type=int, default=4, metavar="N", help="or how many, class by class (default: 4)")
    attention.add_argument("--output", required=True, type=Path, metavar="PNG", help="picture to write")
    attention.add_argument("--frozen", type=Path, help="called by a rule: the study as snakemake froze it")
    attention.add_argument("--picture", help="called by a rule: which picture of it")
    _add_log(attention)

    schema = verb("schema", _schema, "Print the JSON Schema of a study file, which editors complete and check with.")
    schema.add_argument("--reference", action="store_true", help="the reference for people instead (docs/study.md)")
    schema.add_argument("--output", type=Path, help="file to write it to instead")

    mime = verb("mime", _mime, "Draw a picture of all classes of a study's generated videos.")
    mime.add_argument("study", nargs="?", default="config.yaml", help="the study file (default: config.yaml)")
    mime.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="change the study; may repeat")
    mime.add_argument("--sheet", required=True, type=Path, metavar="PNG", help="picture to write: a row a class")

    machine = verb("machine", _machine, "Print what this machine gives a study: cores, and trainings at once.")
    machine.add_argument("--jobs", action="store_true", help="print only the number of trainings to run at once")
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def _add_study(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", nargs="?", default="config.yaml", help="the study file (default: config.yaml)")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="change the study; may repeat")


def _add_spec(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--spec", required=True, type=json.loads, help=f"JSON: {what}")


def _add_log(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log", type=Path, help="file that progress is written to as well")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--manifest", required=True, type=Path, help="manifest.csv of the data set")
    parser.add_argument("--root", required=True, help="folder of the videos")


def _add_job(parser: argparse.ArgumentParser, output: str) -> None:
    _add_data(parser)
    parser.add_argument("--store", required=True, type=Path, help="store-<name>.json of the data set")
    parser.add_argument("--output", required=True, type=Path, help=f"{output} to write; the rest goes beside it")
    parser.add_argument("--title", default="", help="what runs, by its names, for progress lines")
    _add_log(parser)


def _progress(options: argparse.Namespace, title: str = ""):
    from partway.progress import Progress

    return Progress(title or options.title or options.output.parent.name, options.log)


def _prepare(options: argparse.Namespace) -> None:
    from partway import files
    from partway.data.prepare import prepare

    refused = options.log.with_suffix(".problems.csv") if options.log else None
    progress = _progress(options, f"prepare {options.spec['layout']}")
    with files.owned(options.output.parent):
        prepare(options.spec, options.root, options.output.parent, progress, refused, lists=options.lists)


def _store(options: argparse.Namespace) -> None:
    from partway import files
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
    with files.owned(options.output.parent):
        data = manifest.read(options.manifest)
        packing.pack(kind, data, options.root, options.output, _progress(options, f"store {options.kind}"))


def _train(options: argparse.Namespace) -> None:
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


def _evaluate(options: argparse.Namespace) -> None:
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


def _collect(options: argparse.Namespace) -> None:
    from partway import files, study
    from partway.results.collect import collect, collect_partial

    frozen = options.frozen and study.Study.from_dict(files.read_json(options.frozen))
    resolved = frozen or replace(study.load(options.study, options.set), command=options.command)
    home = Path(resolved.results_dir, resolved.name)
    print(collect_partial(resolved, home) if options.partial else collect(resolved, home, copy=options.copy))


def _tables(options: argparse.Namespace) -> None:
    from partway.results.costs import write_costs
    from partway.results.imported import write_imported
    from partway.results.tables import write_tables
    from partway.results.verdict import write_verdict

    write_tables(options.summary.parent, options.options["options"])
    write_verdict(options.summary.parent, options.options["options"])
    write_costs(options.summary.parent)
    write_imported(options.summary.parent, options.options["options"])


def _figures(options: argparse.Namespace) -> None:
    from partway.results.figures import draw_figures

    draw_figures(options.summary.parent, options.options["options"])


def _report(options: argparse.Namespace) -> None:
    from partway.results.report import write_report

    write_report(options.summary.parent, options.options["options"])


def _check(options: argparse.Namespace) -> None:
    from partway import dag, study

    resolved = study.load(options.study, options.set)
    if options.download:
        from partway.weights import hub

        for folder in hub.fetch_all(training.spec for training in resolved.trainings.values()):
            print(f"downloaded: {folder}")
        resolved = study.load(options.study, options.set)  # now their sizes are known and can be checked
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


def _import(options: argparse.Namespace) -> None:
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


def _export(options: argparse.Namespace) -> None:
    from partway.export import export

    for line in export(options.training, options.output):
        print(line)


def _ratio(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _attention(options: argparse.Namespace) -> None:
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


def _schema(options: argparse.Namespace) -> None:
    from partway import files, json_schema, schema_reference

    text = schema_reference.as_text() if options.reference else json_schema.as_text()
    if options.output:
        files.write_text(options.output, text)
    else:
        print(text, end="")


def _mime(options: argparse.Namespace) -> None:
    from partway import study
    from partway.data.mime import contact_sheet
    from partway.data.mime_plan import options_of

    generated = [source for source in study.load(options.study, options.set).datasets.values() if source.is_generated]
    if not generated:
        raise PartwayError(f"{options.study}: no data set of layout mime is run in this study")
    contact_sheet(options_of(generated[0].spec), options.sheet)
    print(f"{options.sheet}: one row a class, the same video but for its label; framed in red from where they part")


def _machine(options: argparse.Namespace) -> None:
    from partway import machine

    if options.jobs:
        print(machine.jobs_at_once())
    else:
        print(f"{machine.available_cores()} cores, {machine.jobs_at_once()} trainings at once")
