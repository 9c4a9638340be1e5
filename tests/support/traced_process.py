"""Programs run as they are, or under strace with one fault: a kill or a refusing disk at a chosen call."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import checkout
from crash_nursery import Nursery

KILLED = -signal.SIGKILL
_CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)[( ]")
_END_S = 20.0


def available() -> bool:
    return shutil.which("strace") is not None


@dataclass(frozen=True, slots=True)
class Fault:
    """What strace does to one program.

    `who` is the program, `life` the part of the conversation that begins with its start. With `first` 0
    nothing is done and all `calls` are logged. Else it is killed at the call number `first`; or the call is
    refused with `error`, and again each `step` calls up to `last`. Calls are counted for each thread and each
    call by itself.
    """

    who: str
    life: int
    calls: str
    first: int = 0
    last: int = 0
    step: int = 0
    error: str = ""

    def options(self, log: Path) -> list[str]:
        """Return the command in front of the program's."""
        command = ["strace", "-f", "-qq", "--kill-on-exit", "-o", str(log), "-e", f"trace={self.calls}"]
        if self.first:
            what = f"error={self.error}" if self.error else "signal=SIGKILL"
            command += ["-e", f"inject={self.calls}:{what}:when={self._when}"]
        return [*command, "--"]

    @property
    def _when(self) -> str:
        return f"{self.first}..{self.last}+{self.step}" if self.step else f"{self.first}"

    def __str__(self) -> str:
        what = self.error or "kill"
        return f"{what} at {self.calls} {self._when} in life {self.life} of the {self.who}"


def calls_by_thread(log: Path) -> dict[int, list[str]]:
    """Read a log without injection: the calls of each thread in order."""
    found: dict[int, list[str]] = {}
    for line in log.read_text("utf-8", "replace").splitlines():
        match = _CALL.match(line)
        if match and "resumed>" not in line:
            found.setdefault(int(match[1]), []).append(match[2])
    return found


def was_hit(log: Path) -> bool:
    """Whether the fault took place."""
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    return "(INJECTED)" in text or "killed by SIGKILL" in text


class Forked:
    """A program that the nursery has started, with as much of asyncio's Process as is needed."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.stdout = reader
        self.stdin = writer
        self.returncode: int | None = None
        self._exited = asyncio.Event()
        self._handle = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._handle, self._exit)

    @classmethod
    async def start(cls, arguments: Sequence[str], errors: int) -> Forked:
        """Start it with a socket as input and output."""
        ours, theirs = socket.socketpair()
        with theirs:
            pid = nursery().start(arguments, theirs, errors)
        return cls(pid, *await asyncio.open_connection(sock=ours))

    def _exit(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        self.returncode = 0
        self._exited.set()

    async def wait(self) -> int:
        await self._exited.wait()
        self.stdin.close()
        return 0

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


@cache
def nursery() -> Nursery:
    return Nursery(environment(), checkout.ROOT)


class Program:
    """A Python program of tests/support, started several times; each line of its output goes to `heard`."""

    def __init__(
        self,
        name: str,
        folder: Path,
        arguments: Sequence[str],
        fault: Fault | None,
        heard: Callable[[str], None],
    ) -> None:
        self.name = name
        self.life = 1
        self._was_traced = False
        self.log = folder / f"{name}.strace"
        self.errors = folder / f"{name}.stderr"
        self._arguments = arguments
        self._fault = fault
        self._heard = heard
        self._process: asyncio.subprocess.Process | Forked | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self, *more: str) -> None:
        """Start it; under strace for the first time in the life that the fault names."""
        fault = self._fault
        traced = (
            fault is not None and not self._was_traced and (fault.who, fault.life) == (self.name, self.life)
        )
        self._was_traced = self._was_traced or traced
        with self.errors.open("ab") as errors:
            if fault is not None and traced:
                self._process = await self._start_traced(fault, more, errors)
            else:
                words = [Path(self._arguments[0]).name, *self._arguments[1:], *more]
                self._process = await Forked.start(words, errors.fileno())
        self._reader = asyncio.create_task(self._read(self._process))

    async def _start_traced(
        self, fault: Fault, more: Sequence[str], errors: IO[bytes]
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(*fault.options(self.log), sys.executable, *self._arguments, *more),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=environment(),
            cwd=checkout.ROOT,
        )

    async def write(self, line: str) -> None:
        """Write a line to its stdin; a program that has ended does not read it."""
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return

    async def ended(self) -> int:
        """Wait until it has ended; return its status."""
        process = self._process
        if process is None:
            return 0
        status = await process.wait()
        if self._reader is not None:
            await self._reader
        return status

    async def gone(self) -> None:
        """Wait until it has ended, as its output has; end an strace that outlives what it has killed."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.ended(), _END_S)
        await self.kill()

    async def kill(self) -> None:
        if self.runs and self._process is not None:
            self._process.kill()
        await self.ended()

    async def terminate(self) -> int:
        """Ask it to end by SIGTERM; under strace that goes to strace's child."""
        if self.runs and self._process is not None:
            pid = self._process.pid
            os.kill(_traced_child(pid), signal.SIGTERM)
        return await asyncio.wait_for(self.ended(), _END_S)

    async def close_input(self) -> int:
        """Let it end by itself, as a client does when its input ends."""
        process = self._process
        if isinstance(process, Forked) and process.returncode is None:
            process.stdin.write_eof()
        elif process is not None and process.stdin is not None:
            process.stdin.close()
        return await asyncio.wait_for(self.ended(), _END_S)

    async def _read(self, process: asyncio.subprocess.Process | Forked) -> None:
        if process.stdout is None:
            return
        # Killed with a line unread, it resets the socket.
        with suppress(ConnectionResetError):
            while line := await process.stdout.readline():
                self._heard(line.decode().rstrip("\n"))
        self._heard("")

    def said_on_stderr(self) -> str:
        return self.errors.read_text("utf-8", "replace") if self.errors.exists() else ""


def _traced_child(pid: int) -> int:
    """The program that an strace has started, or the process itself."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return int(children[0]) if children else pid


def environment() -> dict[str, str]:
    """The environment of a program: this checkout, no settings from outside."""
    paths = os.pathsep.join(str(checkout.ROOT / part) for part in (".", "client", "server"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEALROOM_")}
    return {**kept, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}
