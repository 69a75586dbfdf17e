"""The walls of the house: what imports torch, what the command line says, what no tracked file holds."""

import re
import subprocess
import sys

import pytest

from conftest import REPOSITORY
from partway import cli

LIGHT = [
    *(
        "study",
        "resolve",
        "checks",
        "messages",
        "plain_yaml",
        "json_schema",
        "schema_reference",
        "dag",
        "keys",
        "locks",
        "machine",
        "metrics",
        "weights.choice",
        "weights.hub",
        "attention.request",
        "results.pictures",
        "cli",
        "verbs",
    ),
    *("data.prepare", "data.manifest", "data.sampling", "data.video", "data.store"),
    *("submission", "data.hmdb51_frames", "imports", "old_log", "old_results"),
    *("data.class_folders", "data.frame_folders", "data.reading", "data.splits", "data.candidates", "sources"),
    *("results.collect", "results.tables", "results.figures", "results.stats", "results.run_folders"),
    *("results.imported", "results.imported_rows", "results.estimates", "results.compare"),
    *("results.naming", "results.figures.drawing", "results.verdict", "results.report", "training.spec"),
]
VERBS = [
    "prepare",
    "store",
    "train",
    "evaluate",
    "collect",
    "tables",
    "figures",
    "figure",
    "report",
    "check",
    "export",
    "import",
    "attention",
    "compare",
    "schema",
    "mime",
    "machine",
]


def test_modules_before_the_clips_and_after_the_predictions_import_no_torch():
    code = "import sys; import " + ", ".join(f"partway.{name}" for name in LIGHT)
    code += "; sys.exit(sorted({'torch', 'transformers', 'torchvision'} & set(sys.modules)) or None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([verb, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 100


def test_check_counts_a_study_and_names_its_errors(tmp_path, capsys):
    assert cli.main(["check", str(REPOSITORY / "config.yaml")]) == 0
    assert re.search(r"\d+ runs, \d+ trainings, \d+ evaluations", capsys.readouterr().out)
    assert cli.main(["check", str(REPOSITORY / "config.yaml"), "--set", "training.epochs=0"]) == 1
    assert "training.epochs" in capsys.readouterr().err
    assert cli.main(["check", str(tmp_path / "none.yaml")]) == 1


def test_a_failed_verb_says_why_in_its_log(tmp_path, capsys):
    log = tmp_path / "logs" / "prepare.log"
    arguments = ["--spec", '{"layout": "class_folders", "options": {}}', "--root", str(tmp_path / "none")]
    assert cli.main(["prepare", *arguments, "--output", str(tmp_path / "d/manifest.csv"), "--log", str(log)]) == 1
    assert "no videos found" in capsys.readouterr().err
    assert "no videos found" in log.read_text()


def test_an_unforeseen_error_leaves_its_traceback_in_the_log(tmp_path, monkeypatch):
    def broken(_) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(cli.verbs, "run_check", broken)
    monkeypatch.setattr(cli.argparse.Namespace, "log", tmp_path / "check.log", raising=False)
    with pytest.raises(ZeroDivisionError):
        cli.main(["check"])
    assert "Traceback" in (tmp_path / "check.log").read_text()


def test_the_machine_verb_prints_a_number(capsys):
    assert cli.main(["machine", "--jobs"]) == 0
    assert int(capsys.readouterr().out) >= 1
    assert cli.main(["machine"]) == 0
    assert "cores" in capsys.readouterr().out


def test_versions_are_pinned_without_addresses():
    text = (REPOSITORY / "envs" / "constraints.txt").read_text()
    assert "://" not in text
    pins = dict(line.split("==") for line in text.splitlines() if line and not line.startswith("#"))
    assert {"torch", "torchvision", "transformers", "snakemake", "av", "pydantic"} <= set(pins)
