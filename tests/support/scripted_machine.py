"""A machine for tests of the shell: it does what the test tells it to, and notes what it is told."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from e2ee_client.engine import Channel, Effect
from e2ee_client.errors import RelayUnavailable
from e2ee_client.events import Event
from e2ee_client.rows import Change
from e2ee_client.runtime.event_stream import EventLog
from e2ee_client.runtime.group import Uncommitted
from e2ee_client.runtime.shell import Shell
from e2ee_client.runtime.store_thread import StoreThread
from e2ee_client.testing import FakeClock

CHANNEL = Channel("wss://relay.test", b"m" * 16, b"")


class ScriptedMachine:
    """Notes every input; its answers are the effects that stand in `script` for the input's name."""

    def __init__(self, script: Mapping[str, Sequence[Effect]] | None = None) -> None:
        self.script: dict[str, Sequence[Effect]] = dict(script or {})
        self.heard: list[tuple[str, object]] = []
        self.next_wake_ms: int | None = None
        self.is_ahead = False

    def _step(self, name: str, what: object = None) -> list[Effect]:
        self.heard.append((name, what))
        return list(self.script.get(name, []))

    def start(self, now_ms: int) -> list[Effect]:
        return self._step("start")

    def stop(self, now_ms: int) -> list[Effect]:
        return self._step("stop")

    def connected(self, channel: Channel, now_ms: int) -> list[Effect]:
        return self._step("connected", channel)

    def received(self, channel: Channel, data: bytes, now_ms: int) -> list[Effect]:
        return self._step("received", data)

    def disconnected(self, channel: Channel, now_ms: int, code: str = "") -> list[Effect]:
        return self._step("disconnected", (channel, code))

    def worked(self, channel: Channel, number: int, work: bytes, now_ms: int) -> list[Effect]:
        return self._step("worked", (number, work))

    def tick(self, now_ms: int) -> list[Effect]:
        self.next_wake_ms = None
        return self._step("tick", now_ms)

    def names(self) -> list[str]:
        """The names of the inputs so far."""
        return [name for name, _ in self.heard]


class Held:
    """Holds commits up from their beginning until they are let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        self.let_go.wait(60)


class NotingStore:
    """Notes commits in `log`; `failures` are raised by the next commits instead."""

    def __init__(self, log: list[object]) -> None:
        self.log = log
        self.failures: deque[Exception | None] = deque()
        self.before_commit: Callable[[], None] = lambda: None
        self.closed = False

    def commit(self, changes: Sequence[Change]) -> None:
        self.before_commit()
        failure = self.failures.popleft() if self.failures else None
        if failure is not None:
            raise failure
        self.log.append(("commit", tuple(change.key for change in changes)))

    def close(self) -> None:
        self.closed = True
        self.log.append("close store")


class NoRows:
    """A machine that reads nothing needs no rows."""

    def get(self, table: str, key: bytes) -> bytes | None:
        raise KeyError(table)

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        raise KeyError(table)


class NotingTransport:
    """Hands out `NotingConnection`s; while `refusal` is set it raises that instead."""

    def __init__(self, log: list[object]) -> None:
        self.log = log
        self.refusal: BaseException | None = None
        self.hang = False
        self.connections: list[NotingConnection] = []
        self.foreign: list[bool] = []

    async def open(self, url: str, *, foreign: bool = False) -> NotingConnection:
        self.foreign.append(foreign)
        if self.hang:
            await asyncio.Event().wait()
        if self.refusal is not None:
            raise self.refusal
        self.connections.append(NotingConnection(self.log))
        return self.connections[-1]


class NotingConnection:
    """Notes what is sent; `arrive` puts a message in, `break_` ends it."""

    def __init__(self, log: list[object]) -> None:
        self.log = log
        self.incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.closed = False
        self.received = 0

    async def send(self, data: bytes) -> None:
        await self.may_send.wait()
        self.log.append(("send", data))

    async def receive(self) -> bytes:
        data = await self.incoming.get()
        if data is None:
            raise RelayUnavailable("broken by the test")
        self.received += 1
        return data

    async def close(self) -> None:
        self.closed = True
        self.log.append("close connection")

    def arrive(self, data: bytes) -> None:
        self.incoming.put_nowait(data)

    def break_(self) -> None:
        self.incoming.put_nowait(None)


class NotingWatcher:
    """Notes events."""

    def __init__(self, log: list[object]) -> None:
        self.log = log

    def event(self, event: Event) -> None:
        self.log.append(event)

    def stepped(self) -> None:
        """Steps are not noted."""

    def end(self) -> None:
        self.log.append("end")


class Stage:
    """A shell over a scripted machine, with everything around it noting into one log."""

    def __init__(self, script: Mapping[str, Sequence[Effect]] | None = None) -> None:
        self.log: list[object] = []
        self.machine = ScriptedMachine(script)
        self.store = NotingStore(self.log)
        self.transport = NotingTransport(self.log)
        self.clock = FakeClock()
        self.events = EventLog()
        self.loads: list[ScriptedMachine] = []
        self.load_script: Mapping[str, Sequence[Effect]] = dict(script or {})
        self.load_effects: list[Effect] = []
        self.before_load: Callable[[], None] = lambda: None
        self.shell: Shell[ScriptedMachine] = Shell(
            self.store,
            Uncommitted(NoRows()),
            StoreThread(),
            self.transport,
            self.clock,
            self._load,
            NotingWatcher(self.log),
            self.events,
        )

    def _load(self, now_ms: int) -> tuple[ScriptedMachine, list[Effect]]:
        self.before_load()
        self.loads.append(ScriptedMachine(self.load_script))
        return self.loads[-1], list(self.load_effects)

    async def begin(self, *, online: bool = True) -> Stage:
        await self.shell.begin(self.machine, [], online=online)
        return self

    async def do(self, *effects: Effect, value: object = None) -> object:
        """Carry out a command that has these effects."""
        return await self.shell.call(lambda machine, now_ms: (value, list(effects)))

    async def until(self, reached: Callable[[], bool], limit_s: float = 60.0) -> None:
        """Wait for something to come true."""
        async with asyncio.timeout(limit_s):
            while not reached():  # noqa: ASYNC110  # the test looks at things that signal nothing
                await asyncio.sleep(0.001)
