"""Progress lines: what stays, what is replaced, and that no terminal can end the work."""

import os
import pty
from contextlib import suppress

import pytest

from partway.errors import StorageError
from partway.progress import Progress, duration


def test_lines_go_to_the_terminal_with_a_title_and_to_the_log_with_a_time(tmp_path, capsys):
    Progress("demo vanilla", tmp_path / "logs" / "x.log").line("read 3 videos")
    assert capsys.readouterr().err == "[demo vanilla] read 3 videos\n"
    assert (tmp_path / "logs" / "x.log").read_text().endswith(" read 3 videos\n")


def test_a_pipe_that_nobody_reads_any_more_does_not_end_the_work(tmp_path):
    """What `snakemake 2>&1 | tee log` leaves behind after Ctrl-C, and a terminal that was closed."""
    reading, writing = os.pipe()
    os.close(reading)
    with suppress(BrokenPipeError), os.fdopen(writing, "w", buffering=1) as stream:  # closing it tries once more
        progress = Progress("x", tmp_path / "log", stream)
        for number in range(3):
            progress.line(f"line {number}")
            progress.update("more")
    assert (tmp_path / "log").read_text().count("line") == 3


def test_a_terminal_without_a_size_is_written_to(monkeypatch):
    """Some terminals say that they have 0 columns."""
    ours, theirs = pty.openpty()
    monkeypatch.delenv("COLUMNS", raising=False)
    with os.fdopen(theirs, "w") as stream:
        progress = Progress("x", stream=stream)
        progress._shown -= 5
        progress.update("epoch 1/3")
        progress.line("done")
        assert b"epoch 1/3" in os.read(ours, 1000)
    os.close(ours)


def test_a_log_that_cannot_be_opened_says_so(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.open", full)
    with pytest.raises(StorageError, match=r"log: cannot be written: No space left on device"):
        Progress("x", tmp_path / "log")


@pytest.mark.parametrize(("seconds", "text"), [(3.4, "3 s"), (59.6, "1:00 min"), (200, "3:20 min"), (7500, "2:05 h")])
def test_durations_as_people_write_them(seconds, text):
    assert duration(seconds) == text
