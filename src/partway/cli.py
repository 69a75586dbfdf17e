"""The verbs of `python -m partway`: parsing only; what they do is in `partway.verbs`."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from partway import verbs
from partway.errors import PartwayError, StoppedError

Verb = Callable[[str, Callable, str], argparse.ArgumentParser]  # adds a verb: its name, what runs, and its help


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
    subparsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, run: Callable, help_: str) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=help_, description=help_)
        sub.set_defaults(run=run)
        return sub

    for add in (_for_rules, _for_drawing, _figure, _for_studies, _import, _attention, _compare, _others):
        add(verb)
    return parser


def _for_rules(verb: Verb) -> None:
    """Jobs of the workflow."""
    prepare = verb(
        "prepare", verbs.run_prepare, "Open every video of a data set and write its manifest (called by a rule)."
    )
    _add_spec(prepare, "layout and options of the data set")
    prepare.add_argument("--root", required=True, help="folder of the videos; generated ones are written there")
    prepare.add_argument("--lists", default="none", help="folder of the lists of classes and splits, or none")
    prepare.add_argument("--output", required=True, type=Path, help="manifest.csv to write; the rest goes beside it")
    _add_log(prepare)

    store = verb("store", verbs.run_store, "Pack the frames of a data set once for all trainings (called by a rule).")
    store.add_argument("--kind", help="none, raw, raw-256 (short side), jpeg-q95, jpeg-256-q95 or packed-frames")
    store.add_argument("--manifest", type=Path, help="manifest.csv of the data set")
    store.add_argument("--root", help="folder of the videos")
    store.add_argument("--output", type=Path, help="store-<kind>.json to write; the frames go into a folder beside it")
    store.add_argument(
        "--drawn",
        type=json.loads,
        default=[],
        help="JSON: ids of test videos that pictures of attention ask for; an unknown one stops before trainings begin",
    )
    store.add_argument(
        "--verify", type=Path, metavar="STORE", help="instead: compare all of a store-<kind>.json with its checksums"
    )
    _add_log(store)

    train = verb("train", verbs.run_train, "Run one training, or what is left of it (called by a rule).")
    _add_spec(train, "the training's spec")
    train.add_argument("--parent", default="none", help="training.json of the previous stage, or none")
    train.add_argument(
        "--weights",
        type=json.loads,
        default={},
        help="JSON: where pretrained weights lie on this disk, by the digest that the spec has; those of the hub need none",
    )
    _add_job(train, "training.json")

    evaluate = verb("evaluate", verbs.run_evaluate, "Score one split with a finished training (called by a rule).")
    _add_spec(evaluate, "the evaluation's spec")
    evaluate.add_argument("--training", required=True, type=Path, help="training.json of the training")
    _add_job(evaluate, "metrics.json")


def _for_drawing(verb: Verb) -> None:
    """What is made of finished results."""
    collect = verb(
        "collect", verbs.run_collect, "Gather logs and summaries of a study into runs.csv, summary.json and runs/."
    )
    _add_study(collect)
    collect.add_argument("--frozen", type=Path, help="instead of STUDY: the study as snakemake froze it")
    collect.add_argument(
        "--partial", action="store_true", help="what there is, drawn and told with holes marked, into partial/"
    )
    collect.add_argument("--copy", action="store_true", help="copies instead of links in the readable run folders")

    for name, run, help_ in [
        (
            "tables",
            verbs.run_tables,
            "Write the ablation tables of a collected study, and its verdict in words (called by a rule).",
        ),
        ("figures", verbs.run_figures, "Draw the figures of a collected study (called by a rule)."),
        (
            "report",
            verbs.run_report,
            "Write report.html, one page of a study whose tables and figures are drawn (called by a rule).",
        ),
    ]:
        drawing = verb(name, run, help_)
        drawing.add_argument("--summary", required=True, type=Path, help="summary.json of the study")
        drawing.add_argument("--options", required=True, type=json.loads, help="JSON: options and results version")
    drawing.add_argument(
        "--roots",
        type=json.loads,
        default={},
        help="JSON: where the videos of each data set lie; without, none is shown",
    )


def _figure(verb: Verb) -> None:
    figure = verb(
        "figure",
        verbs.run_figure,
        "Draw one figure of a collected study again, for a paper or a slide, without Snakemake.",
    )
    figure.add_argument("name", help="ratio, matrix, seeds, per-class, confusion, cost or curves")
    figure.add_argument("--study", default="config.yaml", help="the study file (default: config.yaml)")
    figure.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="change the study; may repeat")
    figure.add_argument("--home", type=Path, help="instead of a study: the folder of its results, results/demo")
    figure.add_argument(
        "--style",
        default="report",
        choices=["report", "paper", "wide", "slide"],
        help="paper: a column of 3.3 inches, 8 pt; wide: two columns, 7 inches; slide: 13.3 x 7.5 inches, up to 18 pt",
    )
    figure.add_argument(
        "--output", type=Path, metavar="FILE", help="ends in .pdf, .svg or .png (default: <figure>-<style>.pdf here)"
    )


def _for_studies(verb: Verb) -> None:
    """Before paying, and for a trained model."""
    check = verb("check", verbs.run_check, "Check a study file and say what it comes to; runs nothing.")
    _add_study(check)
    check.add_argument(
        "--download", action="store_true", help="fetch the weights that the study names from the hub, now"
    )

    export = verb(
        "export", verbs.run_export, "Write a trained checkpoint as a folder that transformers or timm loads themselves."
    )
    export.add_argument("training", type=Path, help="folder of a finished training: results/trainings/...")
    export.add_argument("--output", required=True, type=Path, help="folder to write; it must not be there, or be empty")


def _import(verb: Verb) -> None:
    import_ = verb(
        "import",
        verbs.run_import,
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


def _attention(verb: Verb) -> None:
    attention = verb(
        "attention",
        verbs.run_attention,
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


def _compare(verb: Verb) -> None:
    compare = verb(
        "compare",
        verbs.run_compare,
        "Compare two studies, or one study under two versions of the code, setting by setting: what got better, and which "
        "videos flipped.",
    )
    for letter in "ab":
        compare.add_argument(
            letter,
            metavar=letter.upper(),
            help="a study file, a folder that collect wrote (results/demo, also of another clone), or a name in results/",
        )
    for letter in "ab":
        compare.add_argument(
            f"--set-{letter}",
            action="append",
            default=[],
            metavar="PATH=VALUE",
            help=f"change the study file {letter.upper()}; may repeat",
        )
    compare.add_argument(
        "--rename",
        action="append",
        default=[],
        type=_renaming,
        metavar="OLD=NEW",
        help="an ablation, model or data set of A, and what B calls it; may repeat",
    )
    compare.add_argument(
        "--output", type=Path, metavar="FOLDER", help="write compare.md, compare.csv and flips.csv there"
    )
    compare.add_argument(
        "--strict", action="store_true", help="exit with 1 where a setting is worse in B, as in a CI job"
    )


def _renaming(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise argparse.ArgumentTypeError(f"expected OLD=NEW, got {text!r}")
    return old, new


def _others(verb: Verb) -> None:
    """About the schema, generated videos and this machine."""
    schema = verb(
        "schema", verbs.run_schema, "Print the JSON Schema of a study file, which editors complete and check with."
    )
    schema.add_argument("--reference", action="store_true", help="the reference for people instead (docs/study.md)")
    schema.add_argument("--output", type=Path, help="file to write it to instead")

    mime = verb("mime", verbs.run_mime, "Draw a picture of all classes of a study's generated videos.")
    mime.add_argument("study", nargs="?", default="config.yaml", help="the study file (default: config.yaml)")
    mime.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="change the study; may repeat")
    mime.add_argument("--sheet", required=True, type=Path, metavar="PNG", help="picture to write: a row a class")

    machine = verb("machine", verbs.run_machine, "Print what this machine gives a study: cores, and trainings at once.")
    machine.add_argument("--jobs", action="store_true", help="print only the number of trainings to run at once")


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def _ratio(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


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
