"""The three programs of a crash run: two clients and a relay, each started again when it has ended."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import checkout
from traced_process import Fault, Program

_SUPPORT: Final = checkout.ROOT / "tests" / "support"
_START_S: Final = 60.0
_ANSWER_S: Final = 90.0
_PATIENCE_S: Final = 60.0
_TRIES: Final = 60
_REFUSALS: Final = 4
PASSPHRASE: Final = "of the backup"
# None of these belongs in a conversation in which nothing was lost.
_ALARMS: Final = frozenset(
    {"Gap", "Parted", "RolledBack", "Unconfirmed", "IdentityAlarm", "MessageRejected", "EventsMissed"}
)


class Died(Exception):
    """The program ended before it answered."""


class Stuck(Exception):
    """Something did not come to its end in time."""


@dataclass(slots=True)
class Account:
    """What is known about one side from outside."""

    id: str = ""
    card: str = ""
    confirmed: list[str] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    events: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    given_up: set[str] = field(default_factory=set)
    deaths: int = 0


class Person:
    """A client program; `ask` starts it again when it has ended."""

    def __init__(
        self,
        name: str,
        folder: Path,
        fault: Fault | None,
        relay_url: Callable[[], str],
        words: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.account = Account()
        self.salts = folder / f"{name}.salts"
        self.store = folder / f"{name}.db"
        arguments = [str(_SUPPORT / "crash_actor.py"), str(self.store), str(self.salts), *words]
        self.program = Program(name, folder, arguments, fault, self._heard)
        self.key = secrets.token_bytes(32)
        self.backup: Path | None = None
        self._relay_url = relay_url
        self._answers: deque[dict[str, Any]] = deque()
        self._answered = asyncio.Event()
        self._open = False
        self._wanted = False
        self._refused = 0

    def salts_recorded(self) -> list[tuple[str, str]]:
        """Each message key that sealed, by its digest, with the salt of what it sealed."""
        lines = self.salts.read_text().splitlines() if self.salts.exists() else []
        return [(key, salt) for key, salt in (line.split() for line in lines)]

    async def begin(self) -> None:
        """Have a client open, whatever it takes: a new account, or the one that is there.

        Where a disk refuses again and again, now or whenever it is open, the program is started anew, as its
        user would: strace counts calls for each thread, so that a store opened again in the same process
        meets the same refusals.
        """
        self._wanted = True
        for attempt in range(1, _TRIES):
            try:
                await self._begin_once()
            except Died:
                continue
            if self._open:
                return
            if attempt % _REFUSALS == 0:
                await self.program.kill()
            await asyncio.sleep(0.05)
        raise Stuck(f"the {self.name} cannot open its store: {dict(self.account.codes)}")

    async def _begin_once(self) -> None:
        if not self.program.runs:
            self._open = False
            self._answers.clear()
            await self.program.start()
            await self.program.write(self.key.hex())
        answer = await (self._ask("open") if self.store.exists() else self._make())
        if "failed" not in answer:
            self._open = True
            self.account.id, self.account.card = answer["id"], answer["card"]

    async def _make(self) -> dict[str, Any]:
        """Make a new account, or a new device of one from its backup."""
        if self.backup is not None:
            return await self._ask("restore", backup=str(self.backup), passphrase=PASSPHRASE)
        return await self._ask("create", relay=self._relay_url(), publish=self.name == "company")

    async def be_there(self) -> None:
        """Start again what has ended unasked, and open again what its disk has stopped."""
        if self._wanted:
            await self.surely("look")

    async def leave(self) -> None:
        """Let the program end as its user would."""
        self._wanted = self._open = False
        self._answers.clear()
        await self.program.close_input()

    async def ask(self, do: str, **details: object) -> dict[str, Any]:
        """Ask a client that is open; opens it first where it has ended.

        Raises:
            Died: it ended meanwhile.
        """
        if self._open and not self.program.runs:
            self.account.deaths += 1
        if not (self._open and self.program.runs):
            if self._refused >= _REFUSALS:
                self._refused = 0
                await self.program.kill()
            await self.begin()
        return await self._ask(do, **details)

    async def surely(self, do: str, **details: object) -> dict[str, Any]:
        """Ask until it is done; for what may be done twice."""
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            try:
                answer = await self.ask(do, **details)
            except Died:
                continue
            if "failed" not in answer:
                return answer
            await asyncio.sleep(0.1)
        raise Stuck(f"the {self.name} cannot {do}: {dict(self.account.codes)}")

    async def _ask(self, do: str, **details: object) -> dict[str, Any]:
        await self.program.write(json.dumps({"do": do, **details}))
        async with asyncio.timeout(_ANSWER_S):
            while not self._answers:
                self._answered.clear()
                await self._answered.wait()
        answer = self._answers.popleft()
        if not answer:
            self._open = False
            self.account.deaths += 1
            await self.program.gone()
            raise Died(self.name)
        if "failed" in answer:
            self.account.codes[answer["failed"]] += 1
            self._refused += answer["failed"] == "store.unavailable"
            self._open = self._open and answer["failed"] not in ("client.closed", "store.unavailable")
        return answer

    def _heard(self, line: str) -> None:
        fact = json.loads(line) if line else {}
        match fact.get("event"):
            case None:
                self._answers.append(fact)
                self._answered.set()
            case "received":
                self.account.events[fact["id"]] += 1
            case "trouble":
                self.account.codes[fact["code"]] += 1
            case "Unconfirmed":
                self.account.given_up.add(fact["id"])
                self.account.alarms["Unconfirmed"] += 1
            case name:
                self.account.told[name] += 1
                self.account.alarms.update([name] if name in _ALARMS else [])


class Relay:
    """The relay program, started again whenever it ends."""

    def __init__(self, folder: Path, fault: Fault | None, early: bool) -> None:
        arguments = [str(_SUPPORT / "crash_relay.py"), *(["--early-ok"] if early else []), "serve"]
        arguments += ["--data-dir", str(folder / "relay")]
        self.program = Program("relay", folder, arguments, fault, self._heard)
        self.refused_starts = 0
        self.deaths = 0
        self._port = 0
        self._said: asyncio.Queue[str] = asyncio.Queue()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start it until it listens, and again whenever it ends."""
        await self._start()
        self._keeper = asyncio.create_task(self._keep())

    async def _start(self) -> None:
        for _ in range(_TRIES):
            self._said = asyncio.Queue()
            await self.program.start("--listen", f"127.0.0.1:{self._port}")
            line = await asyncio.wait_for(self._said.get(), _START_S)
            if line.startswith("ready "):
                self._port = int(line.rsplit(":", 1)[1])
                return
            self.refused_starts += 1
            await self.program.ended()
        raise Stuck("the relay does not start: " + self.program.said_on_stderr()[-500:])

    async def _keep(self) -> None:
        while True:
            await self.program.ended()
            self.deaths += 1
            await self._start()

    async def stop(self) -> int:
        """Drain it."""
        await self._leave_alone()
        return await self.program.terminate()

    async def kill(self) -> None:
        await self._leave_alone()
        await self.program.kill()

    async def _leave_alone(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None

    def _heard(self, line: str) -> None:
        self._said.put_nowait(line)
