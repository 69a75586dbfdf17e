"""Python that is warm: a server that has imported the large libraries, and forks a process for each call.

`python -m partway train` imports torch and transformers for seconds and then trains for half a second; the tests call it
and its like hundreds of times. A warm call is a process of its own, with its own folder, environment, output and exit
code, and no input; it imports partway itself, and only the libraries are there already. What Python and the libraries
read when they start, such as PYTHONPATH, is the server's, and from outside it looks like the server: what is killed by
name, or needs a Python that begins from nothing, is called as ever.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import multiprocessing
import os
import runpy
import shlex
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path

from warm_call import ADDRESS, STREAMS

CALLER = str(Path(__file__).with_name("warm_call.py"))
FORK = multiprocessing.get_context("fork")  # which ends without taking all libraries down again
LIBRARIES = (
    "transformers.models.videomae.modeling_videomae",
    "snakemake.cli",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "pyarrow.parquet",
    "scipy.special",
    "tabulate",
    "jinja2",
    "av",
    "cv2",
)


def environment() -> dict[str, str]:
    """What makes `python` warm in every bash below; nothing on systems that cannot do it."""
    if sys.platform != "linux":
        return {}
    here = f"command python -IS {shlex.quote(CALLER)}"
    return {ADDRESS: _started(), "BASH_FUNC_python%%": f'() {{ {here} "$@"; }}'}


def command(program: str, *arguments: str) -> list[str]:
    """The call of a program that is a file of Python, to be made with `environment`."""
    here = [sys.executable, "-IS", CALLER] if environment() else []
    return [*here, program, *arguments]


@functools.cache
def _started() -> str:
    """Start the server, which ends with this process, and return its address."""
    folder = tempfile.TemporaryDirectory(prefix="warm-")
    address = str(Path(folder.name, "socket"))
    with socket.create_server(address, family=socket.AF_UNIX) as listener:  # who comes early waits
        call = [sys.executable, __file__, str(listener.fileno())]
        server = subprocess.Popen(call, stdin=subprocess.PIPE, pass_fds=[listener.fileno()])
    atexit.register(lambda: (server.communicate(), folder.cleanup()))
    return address


def _serve(listener: socket.socket) -> None:
    """Fork for each call, until standard input is closed."""
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # a collection in a fork would copy all of these pages
    calls: dict[int, tuple[multiprocessing.Process, socket.socket]] = {}  # by what is ready when the process has ended
    while sys.stdin not in (ready := wait([sys.stdin, listener, *calls, *(caller for _, caller in calls.values())])):
        for sentinel, (process, caller) in list(calls.items()):
            if sentinel in ready:
                del calls[sentinel]
                _tell(caller, process)
            elif caller in ready:  # it was killed
                process.kill()
        if listener in ready:
            process, caller = _fork(listener)
            calls[process.sentinel] = process, caller


def _fork(listener: socket.socket) -> tuple[multiprocessing.Process, socket.socket]:
    caller, _ = listener.accept()
    size, streams, _, _ = socket.recv_fds(caller, 8, len(STREAMS))
    request = json.loads(caller.makefile("rb").read(int.from_bytes(size, "big")))
    process = FORK.Process(target=_run, args=(streams,), kwargs=request)
    process.start()
    for stream in streams:
        os.close(stream)
    return process, caller


def _tell(caller: socket.socket, process: multiprocessing.Process) -> None:
    process.join()
    code = process.exitcode
    with caller, suppress(OSError):  # nobody may be there any more
        caller.sendall(str(code if code >= 0 else 128 - code).encode())
        caller.shutdown(socket.SHUT_RDWR)  # closing is not enough: later processes hold it too


def _run(streams: list[int], arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """What `python *arguments` does, for `-m module` and for a file."""
    for stream, own in zip(streams, STREAMS, strict=True):
        os.dup2(stream, own)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if arguments[0] == "-m":
        sys.path[0], sys.argv = folder, arguments[1:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0], sys.argv = str(Path(arguments[0]).parent), arguments
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
