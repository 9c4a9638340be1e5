"""A real relay process for end-to-end tests: start, kill, restart on the same port, stop."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TextIO

from held_port import HeldPort

ROOT = Path(__file__).resolve().parents[2]
_START_S = 60.0
_STOP_S = 60.0
PROGRAM = (sys.executable, "-m", "e2ee_relay")


class Started(Protocol):
    """A program that runs, as `subprocess.Popen` shows it."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def send_signal(self, number: int, /) -> None: ...

    def wait(self, timeout_s: float, /) -> int: ...


class RelayProcess:
    """`sealroom-relay serve` on a free port; a restart keeps port and data."""

    def __init__(
        self,
        data_dir: Path,
        *settings: str,
        environment: dict[str, str] | None = None,
        program: Sequence[str] = PROGRAM,
        options: Sequence[str] = (),
        figures: bool = True,
    ) -> None:
        """`settings` are NAME=VALUE pairs as for `--set`, `options` further words behind `serve`.

        Not `figures`: nothing is said of where it shows them.
        """
        self.data_dir = data_dir
        self.log_path = data_dir.with_name(data_dir.name + ".log")
        self._settings = settings
        self._environment = environment or {}
        self.program = tuple(program)
        self._options = tuple(options)
        self._held = HeldPort()
        self._port = self._held.number
        self._held_for_figures = HeldPort()
        self._has_figures = figures
        self._tls: ssl.SSLContext | None = None
        self._process: Started | None = None
        self._output: TextIO | None = None

    @property
    def url(self) -> str:
        """ws://127.0.0.1:port."""
        return f"ws://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """The port."""
        return self._port

    @property
    def pid(self) -> int:
        """The running process."""
        return self._running().pid

    def start(self) -> RelayProcess:
        """Start the relay and wait until it listens.

        Raises:
            RuntimeError: it ended without listening.
        """
        words = ["serve", *self._options, "--listen", f"127.0.0.1:{self._port}"]
        words += ["--data-dir", str(self.data_dir)]
        figures = [f"metrics_listen=127.0.0.1:{self._held_for_figures.number}"] if self._has_figures else []
        for setting in (*figures, *self._settings):
            words += ["--set", setting]
        ours, theirs = os.pipe()
        self._output = os.fdopen(ours, encoding="utf-8")
        try:
            with self.log_path.open("a") as log:
                self._process = self._started(words, theirs, log.fileno())
        finally:
            os.close(theirs)
        self._await_ready(self._output)
        return self

    def _started(self, words: list[str], output: int, log: int) -> Started:
        """Start the program with these words behind its name; its output goes to the two descriptors."""
        command = [*self.program, *words]
        return subprocess.Popen(command, stdout=output, stderr=log, env=self._variables(), cwd=ROOT)

    def _variables(self) -> dict[str, str]:
        paths = os.pathsep.join(str(ROOT / part) for part in (".", "client", "server"))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SEALROOM_RELAY_")}
        return {**kept, "PYTHONPATH": paths, **self._environment}

    def _await_ready(self, output: TextIO) -> None:
        line = output.readline().strip()
        if not line.startswith("ready "):
            self._running().wait(_START_S)
            output.close()
            self._process = None
            raise RuntimeError(f"the relay did not start: {self.log()}")

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        self._signal(signal.SIGKILL)
        self._finish()

    def restart(self) -> RelayProcess:
        """Kill it if it runs, and start it again on the same port and data."""
        if self._process is not None:
            self.kill()
        return self.start()

    def terminate(self) -> None:
        """Ask it to drain (SIGTERM) without waiting for its end."""
        self._signal(signal.SIGTERM)

    def stop(self) -> int:
        """Drain it and return its exit status; 0 also when it does not run."""
        if self._process is None:
            return 0
        self._signal(signal.SIGTERM)
        return self._finish()

    def wait(self) -> int:
        """Wait for its end and return the exit status."""
        return self._finish()

    def trust(self, context: ssl.SSLContext) -> None:
        """Ask it over TLS from now on."""
        self._tls = context

    def get(self, path: str) -> tuple[int, str]:
        """Ask its HTTP side; return status and text."""
        address = f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self._port}{path}"
        try:
            with urllib.request.urlopen(address, timeout=60, context=self._tls) as answer:  # noqa: S310 - ours
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def figures(self) -> str:
        """Return its figures, from the port of their own."""
        address = f"http://127.0.0.1:{self._held_for_figures.number}/metrics"
        with urllib.request.urlopen(address, timeout=60) as answer:
            return str(answer.read().decode())

    def log(self) -> str:
        """Everything that it has logged."""
        return self.log_path.read_text()

    def __enter__(self) -> RelayProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    def _running(self) -> Started:
        if self._process is None:
            raise RuntimeError("the relay does not run")
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _finish(self) -> int:
        process = self._running()
        status = process.wait(_STOP_S)
        if self._output is not None:
            self._output.close()
        self._process = None
        return status
