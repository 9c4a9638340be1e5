"""The real processes: a relay and clients."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).resolve().parent.parent
_START_S: Final = 120.0
_ANSWER_S: Final = 300.0


class ProcessFailed(Exception):
    """A process of the demonstration ended or did not answer."""


def _environment() -> dict[str, str]:
    paths = os.pathsep.join(str(_ROOT / part) for part in (".", "client", "server"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEALROOM_")}
    return {**kept, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}


def _line_after(output: Path, began: int) -> str:
    """Return the first whole line after a place of a file; nothing if there is none yet."""
    line, newline, _ = output.read_bytes()[began:].partition(b"\n")
    return line.decode() if newline else ""


class Relay:
    """`sealroom-relay serve`, or one that does it worse; keeps its port and data over a restart.

    Whatever it writes lands below `folder`: database, log, output, temporary files, and what it would put
    into its home or its working folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        leaky: bool = False,
        module: str = "e2ee_relay",
        before: Sequence[str] = (),
        figures_port: int | None = None,
    ) -> None:
        self.folder = folder
        self._figures_port = figures_port
        self._module = "demo.leaky_relay" if leaky else module
        self._before = before
        self._leaky = leaky
        self._port = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """Its port, the same over a restart."""
        return self._port

    @property
    def database(self) -> Path:
        """Folder of its database and journals."""
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """Its process."""
        if self._process is None:
            raise ProcessFailed("the relay does not run")
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it listens; its log and output go to files that are searched later."""
        self._make_folders()
        command = [sys.executable, "-m", self._module, *self._before, "serve"]
        command += ["--listen", f"127.0.0.1:{self._port}", "--data-dir", str(self.database)]
        figures = "off" if self._figures_port is None else f"127.0.0.1:{self._figures_port}"
        command += ["--log-level", "debug", "--metrics-listen", figures]
        output = self.folder / "relay.out"
        began = output.stat().st_size if output.exists() else 0
        with (self.folder / "relay.log").open("ab") as log, output.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE if self._leaky else asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                env=self._own_environment(),
                cwd=self.folder / "cwd",
            )
        line = await self._first_line(output, began)
        if not line.startswith("ready "):
            raise ProcessFailed("the relay did not start: " + (self.folder / "relay.log").read_text()[-500:])
        self._port = int(line.rsplit(":", 1)[1])

    def _make_folders(self) -> None:
        for name in ("tmp", "home", "cwd"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def _own_environment(self) -> dict[str, str]:
        return {**_environment(), "TMPDIR": str(self.folder / "tmp"), "HOME": str(self.folder / "home")}

    async def _first_line(self, output: Path, began: int) -> str:
        """Wait for the first line that this start writes; nothing if the process ends without one."""
        end_s = time.monotonic() + _START_S
        while time.monotonic() < end_s and self._process is not None:
            line = _line_after(output, began)
            if line or self._process.returncode is not None:
                return line
            await asyncio.sleep(0.02)
        return ""

    async def tell(self, text: str) -> None:
        """Hand a text to the leaking relay; an honest one has no such door."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(text.encode() + b"\n")
            await self._process.stdin.drain()

    async def kill(self) -> None:
        """End it as a crash would."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Let it drain and end."""
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.send_signal(number)
            await process.wait()


class Person:
    """A client process. `event` is called with whatever its client tells."""

    def __init__(
        self,
        name: str,
        folder: Path,
        event: Callable[[str, dict[str, Any]], None],
        *,
        module: str = "demo.actor",
    ) -> None:
        self.name = name
        self._module = module
        self.id = ""
        self.card = ""
        self.store = folder / f"{name}.db"
        self.key = secrets.token_bytes(32)
        self._event = event
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the process; no client is open yet."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self._module, str(self.store)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(),
            cwd=_ROOT,
        )
        await self._write(self.key.hex())
        self._reader = asyncio.create_task(self._read())

    async def ask(self, do: str, **details: object) -> dict[str, Any]:
        """Let it do something and wait until it is done.

        Raises:
            ProcessFailed: it ended, or does not answer.
        """
        await self._write(json.dumps({"do": do, **details}))
        try:
            answer = await asyncio.wait_for(self._answers.get(), _ANSWER_S)
        except TimeoutError:
            raise ProcessFailed(f"the client of the {self.name} does not answer to {do!r}") from None
        if answer.get("done") != do:
            raise ProcessFailed(f"the client of the {self.name} ended at {do!r}")
        if "failed" in answer:
            raise ProcessFailed(f"the client of the {self.name} cannot {do!r}: {answer['failed']}")
        return answer

    async def kill(self) -> None:
        """End the process as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader
        self._answers = asyncio.Queue()

    async def stop(self) -> None:
        """End the process."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    async def _write(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            raise ProcessFailed(f"the client of the {self.name} does not run")
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    async def _read(self) -> None:
        if self._process is None or self._process.stdout is None:
            return
        while line := await self._process.stdout.readline():
            fact = json.loads(line)
            if "done" in fact:
                self._answers.put_nowait(fact)
            else:
                self._event(self.name, fact)
        self._answers.put_nowait({})
