"""A warm Python does what a cold one does, and ends with who called it."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import warm

pytestmark = pytest.mark.slow
SAYS = """
import os, sys
print(sys.argv[1:], os.getcwd(), os.environ["WORD"])
print("an error", file=sys.stderr)
"""
ENDS = {
    "well": "",
    "code": "sys.exit(3)",
    "words": "sys.exit('why')",
    "raised": "1 / 0",
    "killed": "os.kill(os.getpid(), 9)",
}


def called(words: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str, str]:
    environment = os.environ | environment
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode % 256, done.stdout, done.stderr


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_it_says_and_ends_like_a_cold_one(tmp_path, end):
    program = tmp_path / "program.py"
    program.write_text(SAYS + end)
    environment = {"WORD": "grün"} | warm.environment()
    cold = called([sys.executable, str(program), "one", "two words"], tmp_path, environment)
    warm_end = called(warm.command(str(program), "one", "two words"), tmp_path, environment)
    assert cold[1] == warm_end[1]
    assert cold[2].splitlines()[-1] == warm_end[2].splitlines()[-1]  # of a traceback the last line
    assert warm_end[0] == (128 + 9 if end == ENDS["killed"] else cold[0])


def test_a_shell_calls_modules_warm_and_their_failure_is_its_own(tmp_path):
    line = "python -m partway check none.yaml && echo right"
    code, output, said = called(["bash", "-euc", line], tmp_path, warm.environment())
    assert (code, output) == (1, "")
    assert "none.yaml: 1 problem in this study" in said


def test_who_is_killed_takes_its_process_along(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)")
    environment = os.environ | warm.environment()
    with subprocess.Popen(warm.command(str(program)), env=environment, stdout=subprocess.PIPE, text=True) as caller:
        process = psutil.Process(int(caller.stdout.readline()))
        caller.kill()
    process.wait(30)
