"""Starts the programs of the crash runs by forking a process that has their modules: a start imports nothing.

`python crash_nursery.py FD` serves requests on that socket until it is closed: the words of a command line as
JSON, with two file descriptors, one for the program's input and output, one for its stderr; the answer is the
process number. Only programs that run under strace are started the long way.
"""

from __future__ import annotations

import atexit
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import crash_actor
import crash_relay

_PROGRAMS: Final[dict[str, Callable[[list[str]], int | None]]] = {
    "crash_actor.py": crash_actor.main,
    "crash_relay.py": crash_relay.main,
}
_REQUEST_B: Final = 1 << 16


def serve(control: socket.socket) -> None:
    """Fork for each request. Ended children are not waited for, so the system forgets them by itself."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        data, handles, _, _ = socket.recv_fds(control, _REQUEST_B, 2)
        if not data:
            return
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            control.close()
            become(json.loads(data), handles)
        for handle in handles:
            os.close(handle)
        control.sendall(pid.to_bytes(4, "big"))


def become(request: list[str], handles: Sequence[int]) -> None:
    """Be the program that was asked for, and end with it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    random.seed()
    talk, errors = handles
    for handle, place in ((talk, 0), (talk, 1), (errors, 2)):
        os.dup2(handle, place)
    sys.argv = request
    sys.exit(_PROGRAMS[request[0]](request[1:]))


class Nursery:
    """The process that forks; started with the first program, ended with this interpreter."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=dict(environment),
                cwd=folder,
            )
        atexit.register(self.close)

    def start(self, arguments: Sequence[str], talk: socket.socket, errors: int) -> int:
        """Start a program; return its process number."""
        socket.send_fds(self._control, [json.dumps(list(arguments)).encode()], [talk.fileno(), errors])
        return int.from_bytes(self._control.recv(4), "big")

    def close(self) -> None:
        self._control.close()
        self._process.wait()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
