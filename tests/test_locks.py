"""What a lock in the folder means: the words for each case; the real snakemake is in test_workflow.py."""

import os
import subprocess
import sys

import psutil
import pytest

from partway import locks


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A folder in which Snakemake left a lock."""
    monkeypatch.chdir(tmp_path)
    locks.LOCKS.mkdir(parents=True)
    (locks.LOCKS / "0.output.lock").write_text("results/x")
    return tmp_path


def test_without_a_lock_there_is_nothing_to_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locks.explain() is None
    locks.LOCKS.mkdir(parents=True)
    assert locks.explain() is None


def test_a_lock_of_nobody_names_unlock(locked):
    said = locks.explain()
    assert "none of yours runs in this folder" in said
    assert "snakemake --unlock`, then the same command again" in said


@pytest.mark.parametrize(
    ("words", "expected"), [("snakemake", "already works in this folder"), ("partway", "A job of it")]
)
def test_who_is_at_work_is_named(locked, words, expected):
    """A process of the name, in this folder: its command line is what is looked at."""
    module = locked / f"{words}.py"
    module.write_text("print('here', flush=True)\nimport time\ntime.sleep(60)\n")
    environment = os.environ | {"PYTHONPATH": str(locked)}
    command = [sys.executable, "-m", words, "train"]
    with subprocess.Popen(command, cwd=locked, env=environment, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        said = locks.explain()
        process.kill()
    assert expected in said
    assert f"(process {process.pid}" in said


def test_processes_that_cannot_be_seen_are_counted(locked, monkeypatch):
    def denied(self):
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "cwd", denied)
    monkeypatch.setattr(locks, "FIRST_PERSON", 0)
    said = locks.explain()
    assert "processes of other users cannot be seen" in said
    assert "If nobody else works here" in said
