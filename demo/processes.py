"""The real processes: a relay and two clients."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).resolve().parent.parent
_START_S: Final = 30.0
_ANSWER_S: Final = 60.0


class ProcessFailed(Exception):
    """A process of the demonstration ended or did not answer."""


def _environment() -> dict[str, str]:
    paths = os.pathsep.join(str(_ROOT / part) for part in (".", "client", "server"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEALROOM_")}
    return {**kept, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}


class Relay:
    """`sealroom-relay serve`, or the leaking one; keeps its port and data over a restart."""

    def __init__(self, folder: Path, *, leaky: bool = False) -> None:
        self.folder = folder
        self._module = "demo.leaky_relay" if leaky else "e2ee_relay"
        self._leaky = leaky
        self._port = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://127.0.0.1:{self._port}"

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
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", self._module, "serve", "--listen", f"127.0.0.1:{self._port}"]
        with (self.folder / "relay.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                "--data-dir",
                str(self.database),
                stdin=asyncio.subprocess.PIPE if self._leaky else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=_environment(),
                cwd=_ROOT,
            )
        if self._process.stdout is None:
            raise ProcessFailed("the relay has no output")
        line = await asyncio.wait_for(self._process.stdout.readline(), _START_S)
        if not line.startswith(b"ready "):
            raise ProcessFailed("the relay did not start: " + (self.folder / "relay.log").read_text()[-500:])
        self._port = int(line.strip().rsplit(b":", 1)[1])

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

    def __init__(self, name: str, folder: Path, event: Callable[[str, dict[str, Any]], None]) -> None:
        self.name = name
        self.id = ""
        self.card = ""
        self._store = folder / f"{name}.db"
        self._key = secrets.token_bytes(32)
        self._event = event
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the process; no client is open yet."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "demo.actor", str(self._store)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(),
            cwd=_ROOT,
        )
        await self._write(self._key.hex())
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
