"""The caller of a warm Python: `python warm_call.py -m partway train ...`. It imports little, to start at once; see warm.py."""

import json
import os
import socket
import sys

ADDRESS = "PARTWAY_TESTS_WARM"
STREAMS = (1, 2)


def call(arguments: list[str]) -> int:
    """Let the server that the environment names run `python *arguments` for this process; return the exit code."""
    folder = os.getcwd()  # noqa: PTH109 (importing pathlib costs more than all the rest)
    request = json.dumps({"arguments": arguments, "folder": folder, "environment": dict(os.environ)}).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ[ADDRESS])
        socket.send_fds(connection, [len(request).to_bytes(8, "big")], STREAMS)
        connection.sendall(request)
        return int(connection.makefile().read())


if __name__ == "__main__":
    sys.exit(call(sys.argv[1:]))
