"""Runs `sealroom` as people do: a process, its output, its exit status; with pipes or on a terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from e2ee_client import Client, Runtime
from e2ee_client.store import KdfProfile

ROOT = Path(__file__).resolve().parents[2]
PASSPHRASE = "correct horse battery"
# Deriving a key at full cost for each of hundreds of commands would test nothing but patience.
QUICK = Runtime(kdf_profile=KdfProfile(1, 8 * 1024 * 1024))
TIMEOUT_S = 90.0
_REDRAW_S = 1.0
_MODULE = (sys.executable, "-m", "e2ee_client.cli")
# Makes the terminal on descriptor 0 the controlling one of the new session, then becomes the program.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; "
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()].|\x1b[=>78]")


@dataclass(frozen=True, slots=True)
class Result:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def code(self) -> str:
        """The error code at the end of the first error line."""
        found = re.search(r"\(([a-z_.0-9]+)\)$", self.err.strip().split("\n", 1)[0])
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
        done = subprocess.run(
            [*_MODULE, *arguments],
            input=text.encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            env=self.environment,
            cwd=self.home,
            pass_fds=fds,
            start_new_session=True,
            check=False,
        )
        result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
        if "Traceback" in result.err:
            raise RuntimeError(f"a traceback: {result.err}")
        return result

    def ok(self, *arguments: str, text: str = "") -> str:
        """Run a command that has to succeed, and return its output."""
        result = self.run(*arguments, text=text)
        if result.status != 0:
            raise RuntimeError(f"{arguments[0]} ended with {result.status}: {result.err}")
        return result.out

    def start(self, *arguments: str) -> Running:
        """Start a command and leave it running."""
        return Running(arguments, self)

    def terminal(self, *arguments: str) -> TerminalRun:
        """Start a command on a terminal of its own."""
        return TerminalRun(arguments, self)


@dataclass(frozen=True, slots=True)
class Two:
    """A company that is published, and a customer who added it."""

    shop: Person
    customer: Person
    card: str

    @property
    def customer_id(self) -> str:
        """The beginning of the customer's id, after its first text came."""
        return self.shop.ok("contacts").split()[0]


class Running:
    """A command that runs; its output is read line by line."""

    def __init__(self, arguments: tuple[str, ...], person: Person) -> None:
        self.process = subprocess.Popen(
            [*_MODULE, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=person.environment,
            cwd=person.home,
            start_new_session=True,
        )
        self.output = ""

    def wait_for(self, pattern: str) -> str:
        """Read until the output so far matches; return what matched.

        Raises:
            RuntimeError: it did not in time, or the command ended.
        """
        return _wait_for(self, pattern, _stream(self.process.stdout))

    def write(self, text: str) -> None:
        """Write to its input."""
        stream = self.process.stdin
        if stream is None:
            raise RuntimeError("no input")
        stream.write(text.encode())
        stream.flush()

    def end_of_input(self) -> None:
        """Close its input."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    def finish(self, number: signal.Signals | None = None) -> Result:
        """Send a signal, if any, and wait for the end."""
        if number is not None:
            self.process.send_signal(number)
        if self.process.stdin is not None and self.process.stdin.closed:
            self.process.stdin = None
        out, err = self.process.communicate(timeout=TIMEOUT_S)
        return Result(self.process.returncode, self.output + out.decode(), err.decode())

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        self.process.wait(TIMEOUT_S)


class TerminalRun:
    """A command on a terminal; `output` is everything that it drew since `mark`."""

    def __init__(self, arguments: tuple[str, ...], person: Person) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *_MODULE, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=person.environment,
            cwd=person.home,
            start_new_session=True,
        )
        os.close(theirs)
        self.output = ""

    def mark(self) -> None:
        """Forget what was drawn so far."""
        self.output = ""

    def wait_for(self, pattern: str) -> str:
        """Read until what was drawn matches, escape sequences left out."""
        return _wait_for(self, pattern, self._ours)

    def see(self, pattern: str) -> str:
        """Let the whole screen be drawn again and again until it shows the pattern.

        A program that draws only what has changed leaves out the letters that stay.
        """
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            self.mark()
            self.type("\x0c")
            pause = time.monotonic() + _REDRAW_S
            while _read_some(self, self._ours, pause):
                if found := re.search(pattern, plain(self.output)):
                    return found[0]
        raise RuntimeError(f"no {pattern!r} on the screen {plain(self.output)!r}")

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def finish(self) -> int:
        """Read to the end and return the exit status."""
        deadline = time.monotonic() + TIMEOUT_S
        while _read_some(self, self._ours, deadline):
            pass
        return self.process.wait(TIMEOUT_S)

    def __enter__(self) -> TerminalRun:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(TIMEOUT_S)
        os.close(self._ours)


def plain(text: str) -> str:
    """Return what a terminal was sent without its escape sequences."""
    return _ESCAPES.sub("", text)


def _stream(stream: object) -> int:
    fileno = getattr(stream, "fileno", None)
    if fileno is None:
        raise RuntimeError("no output")
    return int(fileno())


def _wait_for(run: Running | TerminalRun, pattern: str, descriptor: int) -> str:
    deadline = time.monotonic() + TIMEOUT_S
    while not (found := re.search(pattern, plain(run.output))):
        if not _read_some(run, descriptor, deadline):
            raise RuntimeError(f"no {pattern!r} in {plain(run.output)!r}")
    return found[0]


def _read_some(run: Running | TerminalRun, descriptor: int, deadline: float) -> bool:
    ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
    if not ready:
        return False
    try:
        data = os.read(descriptor, 65536)
    except OSError:  # a terminal whose other end is gone says EIO
        return False
    run.output += data.decode(errors="replace")
    return bool(data)
