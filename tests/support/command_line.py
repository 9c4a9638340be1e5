"""Runs `sealroom` as people do: a process, its output, its exit status; with pipes or on a terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import select
import signal
import termios
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyte
from e2ee_client import Client, Runtime
from e2ee_client.store import KdfProfile
from forked_command import ForkedCommand

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
PASSPHRASE = "correct horse battery"
# Deriving a key at full cost for each of hundreds of commands would test nothing but patience.
QUICK = Runtime(kdf_profile=KdfProfile(1, 8 * 1024 * 1024))
TIMEOUT_S = 60.0
_PRESSED_AGAIN_S = 5.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()].|\x1b[=>78]")


@dataclass(frozen=True, slots=True)
class Result:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def code(self) -> str:
        """The error code at the end of the error line; remarks may stand above it."""
        found = re.search(r"^(?:error|Fehler): .*\(([a-z_.0-9]+)\)$", self.err, re.MULTILINE)
        return found[1] if found else ""


def make_account(path: Path, relay_url: str, *, name: str | None = None, publish: bool = False) -> str:
    """Make an account as `init` does, at a low cost of key derivation; return its card."""

    async def make() -> str:
        opening = Client.create(
            path,
            relay=relay_url,
            passphrase=PASSPHRASE,
            name=name,
            publish=publish,
            front_desk=publish,
            online=publish,
            runtime=QUICK,
        )
        async with opening as client:
            if publish:
                await client.wait_settled(60)
            return client.card().to_uri()

    return asyncio.run(make())


class Person:
    """Somebody with a store and a command line."""

    def __init__(self, home: Path, store: Path | None = None, **environment: str) -> None:
        self.home = home
        self.store = store or home / "store.db"
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in (".", "client", "server")),
            "PYTHONWARNINGS": "error",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "SEALROOM_STORE": str(self.store),
            "SEALROOM_PASSPHRASE": PASSPHRASE,
            **environment,
        }

    def with_(self, **changes: str | None) -> Person:
        """Return the same person with other environment variables; None takes one away."""
        other = Person(self.home, self.store)
        other.environment = {
            name: value for name, value in {**self.environment, **changes}.items() if value is not None
        }
        return other

    def run(self, *arguments: str, text: str = "", fds: tuple[int, ...] = ()) -> Result:
        """Run a command to its end, with `text` as its input."""
        with self.start(*arguments, fds=fds) as running:
            running.write(text)
            running.end_of_input()
            result = running.finish()
        if "Traceback" in result.err:
            raise RuntimeError(f"a traceback: {result.err}")
        return result

    def ok(self, *arguments: str, text: str = "") -> str:
        """Run a command that has to succeed, and return its output."""
        result = self.run(*arguments, text=text)
        if result.status != 0:
            raise RuntimeError(f"{arguments[0]} ended with {result.status}: {result.err}")
        return result.out

    def start(self, *arguments: str, fds: tuple[int, ...] = ()) -> Running:
        """Start a command and leave it running."""
        return Running(arguments, self, fds)

    def terminal(self, *arguments: str, columns: int = 80, rows: int = 24) -> TerminalRun:
        """Start a command on a terminal of its own."""
        return TerminalRun(arguments, self, columns, rows)


@dataclass(frozen=True, slots=True)
class Two:
    """A company that is published, and a customer who added it."""

    shop: Person
    customer: Person
    card: str

    @property
    def customer_id(self) -> str:
        """The beginning of the customer's id, after its first text came."""
        return self.shop.ok("contacts", "--offline").split()[0]


class Running:
    """A command that runs; what it prints is read as it comes."""

    def __init__(self, arguments: tuple[str, ...], person: Person, fds: tuple[int, ...] = ()) -> None:
        theirs_in, self._input = os.pipe()
        self._output, theirs_out = os.pipe()
        self._errors, theirs_err = os.pipe()
        descriptors = {0: theirs_in, 1: theirs_out, 2: theirs_err, **{one: one for one in fds}}
        self.process = ForkedCommand(arguments, person.environment, person.home, descriptors)
        for one in (theirs_in, theirs_out, theirs_err):
            os.close(one)
        self.output = ""
        self._raw = {self._output: b"", self._errors: b""}
        self._ended: set[int] = set()

    def wait_for(self, pattern: str) -> str:
        """Read until the output so far matches; return what matched.

        Raises:
            RuntimeError: it did not in time, or the command ended.
        """
        return _wait_for(self, pattern)

    def write(self, text: str) -> None:
        """Write to its input, while reading what it prints; what it does not read any more is dropped."""
        data = text.encode()
        while data:
            self.read_some(0)
            try:
                data = data[os.write(self._input, data[:4096]) :]
            except BrokenPipeError:
                return

    def end_of_input(self) -> None:
        """Close its input."""
        if self._input >= 0:
            os.close(self._input)
            self._input = -1

    def finish(self, number: signal.Signals | None = None) -> Result:
        """Send a signal, if any, and wait for the end."""
        if number is not None:
            self.process.send_signal(number)
        deadline = time.monotonic() + TIMEOUT_S
        while self.read_some(deadline - time.monotonic()):
            pass
        status = self.process.wait(max(0.0, deadline - time.monotonic()))
        return Result(status, self._raw[self._output].decode(), self._raw[self._errors].decode())

    def ends_within(self, timeout_s: float) -> bool:
        """Read for so long at most; return whether nothing more will come."""
        deadline = time.monotonic() + timeout_s
        while self.read_some(deadline - time.monotonic()):
            pass
        return len(self._ended) == len(self._raw)

    def read_some(self, timeout_s: float) -> bool:
        """Read what has come, or the next of it; return False if nothing did, or nothing more will."""
        open_ones = [one for one in self._raw if one not in self._ended]
        if not open_ones:
            return False
        ready, _, _ = select.select(open_ones, [], [], max(0.0, timeout_s))
        for one in ready:
            data = os.read(one, 65536)
            self._raw[one] += data
            if not data:
                self._ended.add(one)
        self.output = self._raw[self._output].decode(errors="replace")
        return bool(ready)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT_S)
        self.end_of_input()
        os.close(self._output)
        os.close(self._errors)


class TerminalRun:
    """A command on a terminal; `output` is everything that it drew since `mark`, `screen` what is seen."""

    def __init__(self, arguments: tuple[str, ...], person: Person, columns: int = 80, rows: int = 24) -> None:
        self._ours, theirs = pty.openpty()
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        termios.tcsetwinsize(self._ours, (rows, columns))
        descriptors: dict[int, int] = {0: theirs, 1: theirs, 2: theirs}
        self.process = ForkedCommand(arguments, person.environment, person.home, descriptors, terminal=True)
        os.close(theirs)
        self.output = ""

    def mark(self) -> None:
        """Forget what was drawn so far; the screen stays."""
        self.output = ""

    def wait_for(self, pattern: str) -> str:
        """Read until what was drawn matches, escape sequences left out."""
        return _wait_for(self, pattern)

    def see(self, pattern: str) -> str:
        """Read until the screen shows the pattern; lines end with their last letter."""
        return self.wait_until(lambda: re.search(pattern, self.shown()), repr(pattern))[0]

    def wait_until(self, reached: Callable[[], T | None], what: str) -> T:
        """Read until something holds of the screen.

        Raises:
            RuntimeError: it did not in time, or the command ended.
        """
        deadline = time.monotonic() + TIMEOUT_S
        while not (found := reached()):
            if not self.read_some(deadline - time.monotonic()):
                raise RuntimeError(f"no {what} on the screen\n{self.shown()}")
        return found

    def shown(self) -> str:
        """Return what the screen shows, composed: so the emulator keeps letters with marks."""
        return unicodedata.normalize("NFC", "\n".join(line.rstrip() for line in self.screen.display))

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size; the program is told by the system."""
        self.screen.resize(rows, columns)
        termios.tcsetwinsize(self._ours, (rows, columns))

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def interrupt(self) -> int:
        """Press Ctrl-C, and again after seconds in which nothing came of it; return the exit status.

        A signal that comes just before a read begins is told to the program only when that read ends.
        """
        for _ in range(4):
            self.type("\x03")
            pressed_at = time.monotonic()
            while (left := pressed_at + _PRESSED_AGAIN_S - time.monotonic()) > 0 and self.read_some(left):
                pass
            if self.process.poll() is not None:
                break
        return self.finish()

    def paste(self, text: str) -> None:
        """Paste a text, as terminals do it for programs that have asked for it."""
        self.type(f"\x1b[200~{text}\x1b[201~")

    def read_some(self, timeout_s: float) -> bool:
        """Read what has come, or the next of it; return False if nothing did, or nothing more will."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, timeout_s))
        if not ready:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # a terminal whose other end is gone says EIO
            return False
        self.output += data.decode(errors="replace")
        self._stream.feed(data)
        return bool(data)

    def finish(self) -> int:
        """Read to the end and return the exit status."""
        deadline = time.monotonic() + TIMEOUT_S
        while self.read_some(deadline - time.monotonic()):
            pass
        return self.process.wait(TIMEOUT_S)

    def __enter__(self) -> TerminalRun:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT_S)
        os.close(self._ours)


def plain(text: str) -> str:
    """Return what a terminal was sent without its escape sequences."""
    return _ESCAPES.sub("", text)


def _wait_for(run: Running | TerminalRun, pattern: str) -> str:
    deadline = time.monotonic() + TIMEOUT_S
    while not (found := re.search(pattern, plain(run.output))):
        if not run.read_some(deadline - time.monotonic()):
            raise RuntimeError(f"no {pattern!r} in {plain(run.output)!r}")
    return found[0]
