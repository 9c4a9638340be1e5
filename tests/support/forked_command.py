"""`sealroom` and `sealroom-relay` in processes that are forked from one which has imported it already.

A test of the command line runs some hundred commands, and each would spend a quarter of a second importing.
What is forked is the program all the same: its own process, session, terminal, descriptors, environment,
signals and exit status; keys of passphrases are derived at a low cost (`quick_keys`). For each command a
process stands between, which waits for it and tells its status.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_MAX_REQUEST_B = 4 * 1024 * 1024
_MAX_DESCRIPTORS = 16
_ABOVE = 200
_SERVE = "import sys, forked_command; forked_command.serve(*sys.argv[1:])"
# What is imported before the fork; the first has `main`.
_MODULES = {
    "sealroom": ("e2ee_client.cli", "e2ee_client.cli.chat_screen", "quick_keys"),
    "sealroom-relay": ("e2ee_relay.cli",),
}


class ForkedCommand:
    """A running command, as `subprocess.Popen` shows it."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        descriptors: Mapping[int, int],
        *,
        terminal: bool = False,
        program: str = "sealroom",
    ) -> None:
        """`descriptors` are those of the command, with ours that each becomes."""
        self._connection = _connect(program)
        self._program = program
        request = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": str(folder),
            "targets": list(descriptors),
            "terminal": terminal,
            "program": program,
        }
        data = json.dumps(request).encode()
        self._connection.sendall(len(data).to_bytes(4, "big"))
        socket.send_fds(self._connection, [b"x"], list(descriptors.values()))
        self._connection.sendall(data)
        self.pid = self._number()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status if the command has ended."""
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self._take_status()
        return self.returncode

    def wait(self, timeout_s: float) -> int:
        """Wait for the end."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout_s)[0]:
                raise subprocess.TimeoutExpired(self._program, timeout_s)
            self._take_status()
        return self.returncode if self.returncode is not None else 1

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended and its status is on its way
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _take_status(self) -> None:
        self.returncode = os.waitstatus_to_exitcode(self._number())
        self._connection.close()

    def _number(self) -> int:
        data = b""
        while len(data) < 4:
            more = self._connection.recv(4 - len(data))
            if not more:
                raise RuntimeError("the process that starts commands is gone")
            data += more
        return int.from_bytes(data, "big")


# --- the process that has imported it ---


def serve(address: str, program: str) -> None:
    """Fork for each connection until the input ends."""
    for name in _MODULES[program]:  # here, in the process that is forked
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # A command's own collection passes what it has not made, and copies no page of it.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([listening.fileno(), 0], [], [])
        if 0 in ready:
            return
        connection, _ = listening.accept()
        if os.fork() == 0:
            _between(connection)
        connection.close()


def _between(connection: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size = int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "big")
    _, descriptors, _, _ = socket.recv_fds(connection, 1, _MAX_DESCRIPTORS)
    request = json.loads(connection.recv(min(size, _MAX_REQUEST_B), socket.MSG_WAITALL))
    pid = os.fork()
    if pid == 0:
        connection.close()
        _command(request, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    try:
        connection.sendall(pid.to_bytes(4, "big"))
        connection.sendall(os.waitpid(pid, 0)[1].to_bytes(4, "big"))
    except BrokenPipeError:
        pass
    os._exit(0)


def _command(request: dict[str, object], descriptors: list[int]) -> None:
    status = 1
    try:
        status = _run(request, descriptors)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - nothing may return into the process that was forked
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                status = 120
        os._exit(status)


def _run(request: dict[str, object], descriptors: list[int]) -> int:
    targets, arguments, environment = request["targets"], request["arguments"], request["environment"]
    assert isinstance(targets, list)
    assert isinstance(arguments, list)
    assert isinstance(environment, dict)
    high = [fcntl.fcntl(one, fcntl.F_DUPFD, _ABOVE) for one in descriptors]
    for target, descriptor in zip(targets, high, strict=True):
        os.dup2(descriptor, target)
    os.closerange(max(targets) + 1, _ABOVE + 2 * _MAX_DESCRIPTORS)
    os.setsid()
    if request["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(request["folder"]))
    encoding = str(environment.get("PYTHONIOENCODING", "utf-8"))
    sys.stdin = _stream(0, encoding, "strict")
    sys.stdout = _stream(1, encoding, "strict")
    sys.stderr = _stream(2, encoding, "backslashreplace")
    program = str(request["program"])
    sys.argv = [program, *arguments]
    return int(importlib.import_module(_MODULES[program][0]).main())


def _stream(descriptor: int, encoding: str, errors: str) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, "r" if descriptor == 0 else "w", closefd=False)
    buffered = io.BufferedReader(raw) if descriptor == 0 else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffered, encoding=encoding, errors=errors)


# --- ours ---

_addresses: dict[str, str] = {}


def address_of(program: str) -> str:
    """Return the socket of the process that forks a program; it is started once."""
    if program not in _addresses:
        _addresses[program] = _start(program)
    return _addresses[program]


def _connect(program: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address_of(program))
    return connection


def _start(program: str) -> str:
    folder = tempfile.TemporaryDirectory(prefix="forked-")
    address = str(Path(folder.name) / "socket")
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, address, program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "error"},
        start_new_session=True,
    )

    def end() -> None:
        process.terminate()
        process.communicate()
        folder.cleanup()

    atexit.register(end)
    if process.stdout is None or process.stdout.readline() != b"ready\n":
        raise RuntimeError("the process that starts commands did not start")
    return address
