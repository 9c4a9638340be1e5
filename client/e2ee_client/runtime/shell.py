"""The asyncio shell around a machine without I/O: one consumer, one step at a time, effects strictly in
order.

    connections --\\
    commands -------> inbox --> consumer: step, then its effects --> store | connections | events
    clock --------/

A command that was refused half-way leaves a machine that is ahead of its store (`is_ahead`); it is thrown
away and loaded again likewise, before the next step. So does one that met a value which it cannot use, for
which nobody had looked: its caller gets a `ConfigError`, and nobody else notices more than a new connection.

Inputs that wait already when one is taken share its commit (`group`). A `Commit` runs in a thread of its own
while the consumer waits, so that the application's event loop does
not stand still for the disk (measured: 1.11 ms a commit in the loop, 1.19 ms in the thread). What a step
wants sent, or told, happens after its commit (STO-09). If a commit is refused for lack of room, the
machine is thrown away, loaded again from the store and started again, at once the first time and with
growing delays after that; the caller of the command gets the store's error. Any other failure of the store
ends the shell: every waiting and later call gets that error.

Cancelling a caller withdraws a command that has not begun, and otherwise only the waiting for it.
Cancelling the consumer is as safe as a crash: a commit is complete or absent, and what follows it is
repeated after the next start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeAlias, TypeVar

from e2ee.errors import E2eeError
from e2ee_client.engine import Channel, Close, Commit, Effect, Notify, Open, Transmit, Work
from e2ee_client.errors import ClientClosed, ConfigError, SealroomError, StoreError, StoreFull
from e2ee_client.events import Event
from e2ee_client.rows import Change

from .channels import ChannelTask, Connected, Disconnected, Received
from .clock import Clock
from .event_stream import EventLog, StoreTrouble
from .group import Group, Uncommitted, refuse
from .inbox import Command, Inbox, Input, Stop, Wake, Worked
from .machine import Machine, RowStore, Watcher
from .own_loop import OwnLoop
from .store_thread import StoreThread
from .transport import Transport
from .worker import Worker

_LOG: Final = logging.getLogger("sealroom")
_RELOAD_FIRST_MS: Final = 1_000
_RELOAD_MAX_MS: Final = 60_000
_OF_A_VALUE: Final = (TypeError, ValueError, AttributeError, LookupError, OverflowError)
"""What Python raises for a value of a wrong type or range."""


M = TypeVar("M", bound=Machine)
T = TypeVar("T")
Step: TypeAlias = Callable[[M, int], tuple[T, list[Effect]]]


class Shell(Generic[M]):
    """Drives one machine over one store. Use: `begin`, then `call`, at last `close`."""

    def __init__(
        self,
        store: RowStore,
        rows: Uncommitted,
        thread: StoreThread,
        transport: Transport,
        clock: Clock,
        load: Callable[[int], tuple[M, list[Effect]]],
        watch: Watcher,
        log: EventLog,
    ) -> None:
        """The machine reads `rows`, and `load` rebuilds it from them; `watch` sees every event first."""
        self._store = store
        self._thread = thread
        self._transport = transport
        self._clock = clock
        self._load = load
        self._watch = watch
        self._log = log
        self._inbox: Inbox = Inbox()
        self._machine: M | None = None
        self._goes_online = False
        self._channels: dict[Channel, ChannelTask] = {}
        self._worker = Worker()
        self._background: set[asyncio.Task[None]] = set()
        self._timer: asyncio.Task[None] | None = None
        self._timer_ms: int | None = None
        self._timer_from_ms = 0
        self._refusals = 0
        self._reload_at_ms: int | None = None
        self._rows = rows
        self._group = Group(rows)
        self._is_half_changed = False
        self._failure: BaseException | None = None
        self._own_loop = OwnLoop()
        self._consumer: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    # --- life ---

    async def begin(self, machine: M, effects: list[Effect], *, online: bool) -> None:
        """Carry out the effects of making or loading the machine, then start it if it is to go online.

        Raises:
            StoreError: the first commit failed; the shell is to be closed.
        """
        self._machine, self._goes_online = machine, online
        await self._carry_out(effects)
        self._consumer = asyncio.create_task(self._consume(), name="sealroom-shell")
        self._consumer.add_done_callback(self._ended)
        if online:
            await self.do(lambda machine, now_ms: machine.start(now_ms))

    async def call(self, step: Step[M, T]) -> T:
        """Carry out a command; its row changes are on disk when this returns.

        Raises:
            ClientClosed: the shell is closed, or was while this waited.
            SealroomError, E2eeError: what the command or the store raised; nothing changed.
            ConfigError: the command met a value that it cannot use; nothing changed.
        """
        self.check_open()
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._inbox.put(Command(step, answer))
        return await answer

    async def do(self, step: Callable[[M, int], list[Effect]]) -> None:
        """Carry out a command that returns nothing; as `call`."""
        await self.call(lambda machine, now_ms: (None, step(machine, now_ms)))

    async def ask(self, query: Callable[[M], T]) -> T:
        """Ask the machine something that reads the store, in turn with the steps (STO-53).

        Raises:
            ClientClosed, StoreError: as `call`; a row that does not open ends nothing. What `query` raises.
            ConfigError: it met a value that it cannot use.
        """

        def step(machine: M, _now_ms: int) -> tuple[T | StoreError, list[Effect]]:
            try:
                return query(machine), []
            except StoreError as error:
                return error, []
            except _OF_A_VALUE as error:
                raise _unusable(error) from error

        answer = await self.call(step)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    @property
    def machine(self) -> M:
        """The machine, for queries that read its memory only.

        Raises:
            ClientClosed, StoreError: there is none (any more, or at the moment).
        """
        self.check_open()
        return self._loaded()

    @property
    def now_ms(self) -> int:
        """The time of the clock that the machine is driven by."""
        return self._clock.now_ms()

    def _loaded(self) -> M:
        if self._machine is None:
            raise StoreFull("the store has no room; it is tried again")
        return self._machine

    @property
    def is_inherited(self) -> bool:
        """Whether this is a forked child, where no client of its parent does anything (STO-58)."""
        return self._own_loop.is_inherited

    def check_open(self) -> None:
        """Raise if no command can be taken.

        Raises:
            ClientClosed: closed, or stopped by a fault, which is the cause.
            StoreError: what ended the shell.
            ConfigError: another event loop than that of the client runs here.
        """
        self._own_loop.check_process()
        if isinstance(self._failure, SealroomError):
            raise self._failure
        if self._closing is not None or self._consumer is None or self._consumer.done():
            raise ClientClosed("the client is closed") from self._failure
        self._own_loop.check()

    def check_loop(self) -> None:
        """Refuse another event loop than that of the client.

        Raises:
            ConfigError: it runs here.
        """
        self._own_loop.check()

    async def close(self) -> None:
        """Stop the machine, flush and close the connections, close the store. Closing twice is allowed.

        Goes on in the background if the caller is cancelled. A fault of the program that ended the client
        before is raised here, so that it is not lost.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._shut_down(), name="sealroom-close")
        await ended(self._closing)

    async def _shut_down(self) -> None:
        try:
            await self._go_offline()
        finally:
            # Also where somebody cancels all tasks, as the end of an event loop does.
            if self._consumer is not None:
                self._consumer.cancel()
            await self._close_store()
        if self._failure is not None and not isinstance(self._failure, SealroomError):
            raise self._failure

    async def _go_offline(self) -> None:
        self._inbox.put(Stop())
        if self._consumer is not None:
            await asyncio.wait([self._consumer])
        self._set_timer(None)
        self._disconnect()
        if self._background:
            await asyncio.wait(self._background)

    async def _close_store(self) -> None:
        try:
            await self._thread.run_last(self._store.close)
        finally:
            self._end()

    # --- the consumer ---

    async def _consume(self) -> None:
        while not isinstance(item := await self._inbox.get(), Stop):
            try:
                await self._take(item)
            except StoreFull as error:
                await self._refused(error)
            self._set_timer(self._wake_ms())
            self._watch.stepped()
        if self._machine is not None and self._goes_online:
            await self._carry_out(self._machine.stop(self._clock.now_ms()))

    async def _take(self, item: Input) -> None:
        now_ms = self._clock.now_ms()
        match item:
            case Command() | Received():
                await self._together(item, now_ms)
            case Wake():
                await self._woken(now_ms)
            case Connected(task) | Disconnected(task) | Worked(task):
                if self._is_current(task):
                    await self._carry_out(self._heard(self._loaded(), item, now_ms))
            case _:
                return

    async def _together(self, first: Command | Received, now_ms: int) -> None:
        """Let all that waits share a commit; what is sent or told comes after it (STO-27)."""
        group = self._group = Group(self._rows)
        item: Input | None = first
        apart: list[Effect] = []
        try:
            while isinstance(item, Command | Received) and not apart and not self._is_ahead():
                effects = self._step(group, item, now_ms)
                apart = [] if group.joins(effects) else effects
                item = self._inbox.at_once() if group.takes_more and not apart else None
            if item is not None:
                self._inbox.put_back(item)
            if changes := self._rows.changes:
                await self._commit(changes)
            await self._carry_out([*group.after, *apart])
        except StoreFull as error:
            group.refuse(error)
            raise
        group.answer()
        if self._is_ahead():
            # Until the other one is there this one is asked, as during the commit: the store is not full.
            self._disconnect()
            await self._reload(now_ms)

    def _is_ahead(self) -> bool:
        return self._machine is not None and (self._is_half_changed or self._machine.is_ahead)

    def _step(self, group: Group, item: Command | Received, now_ms: int) -> list[Effect]:
        """Take one step; an error of a command is its caller's alone."""
        if isinstance(item, Received):
            return self._heard(self._loaded(), item, now_ms) if self._is_current(item.task) else []
        if item.answer.done():
            return []
        try:
            value, effects = item.step(self._loaded(), now_ms)
        except StoreError as error:
            if self._machine is None:
                refuse(item.answer, error)
                return []
            group.awaits(item.answer)
            raise
        except (SealroomError, E2eeError) as error:
            refuse(item.answer, error)
            return []
        except _OF_A_VALUE as error:
            self._is_half_changed = True
            refuse(item.answer, _unusable(error))
            return []
        except BaseException:
            group.awaits(item.answer)
            raise
        group.awaits(item.answer, value)
        return effects

    def _is_current(self, task: ChannelTask) -> bool:
        """Whether a report is of a connection that stands, and there is somebody to hear it."""
        return self._channels.get(task.channel) is task and self._machine is not None

    def _heard(
        self, machine: M, item: Connected | Received | Disconnected | Worked, now_ms: int
    ) -> list[Effect]:
        channel = item.task.channel
        match item:
            case Connected():
                return machine.connected(channel, now_ms)
            case Received(_, data):
                return machine.received(channel, data, now_ms)
            case Worked(_, number, work):
                return machine.worked(channel, number, work, now_ms)
            case Disconnected(_, code):
                del self._channels[channel]
                return machine.disconnected(channel, now_ms, code)

    async def _woken(self, now_ms: int) -> None:
        if self._reload_at_ms is not None and now_ms >= self._reload_at_ms:
            await self._reload(now_ms)
        elif self._machine is not None:
            wake_ms, was_put_back = self._machine.next_wake_ms, now_ms < self._timer_from_ms
            if wake_ms is not None and (now_ms >= wake_ms or was_put_back):
                await self._carry_out(self._machine.tick(now_ms))

    def _ended(self, consumer: asyncio.Task[None]) -> None:
        """Whatever ended the consumer is what all who wait, and all who come, are told."""
        failure = None if consumer.cancelled() else consumer.exception()
        if failure is not None:
            self._failure = failure
            _LOG.error("client.failed %s", getattr(failure, "code", type(failure).__name__))
            self._end()
            self._set_timer(None)
            self._disconnect()
        error: SealroomError = ClientClosed("the client was closed")
        if isinstance(failure, SealroomError):
            error = failure
        else:
            error.__cause__ = failure
        self._group.refuse(error)
        for item in self._inbox.rest():
            if isinstance(item, Command):
                refuse(item.answer, error)

    def _end(self) -> None:
        self._log.end(self._failure)
        self._watch.end()

    # --- effects ---

    async def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Commit(changes):
                    await self._commit(changes)
                case Open(channel):
                    self._close_channel(channel)
                    self._channels[channel] = ChannelTask(channel, self._transport, self._inbox)
                case Close(channel):
                    self._close_channel(channel)
                case Transmit(channel, data):
                    if (task := self._channels.get(channel)) is not None:
                        task.send(data)
                case Notify(event):
                    self._notify(event)
                case Work():
                    self._work(effect)

    async def _commit(self, changes: tuple[Change, ...]) -> None:
        """Meanwhile rows read as they will be: the machine has gone on already (STO-53)."""
        self._rows.hold(changes)
        await self._thread.run(lambda: self._store.commit(changes))
        self._rows.clear()
        self._refusals = 0

    def _close_channel(self, channel: Channel) -> None:
        task = self._channels.pop(channel, None)
        if task is not None:
            self._in_background(task.close())

    def _work(self, effect: Work) -> None:
        task = self._channels.get(effect.channel)
        if task is not None:
            self._in_background(self._worker.find(task, effect, self._inbox))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _notify(self, event: Event) -> None:
        _LOG.info("event.%s %s", type(event).__name__, getattr(event, "code", ""))
        self._watch.event(event)
        self._log.put(event)

    # --- a store without room ---

    async def _refused(self, error: StoreFull) -> None:
        """The machine is ahead of the store: go back to what the store holds."""
        _LOG.warning("store.refused %s", error.code)
        self._log.put(StoreTrouble(error.code))
        self._throw_away()
        self._refusals += 1
        if self._refusals == 1:
            await self._reload(self._clock.now_ms())
        else:
            self._put_off(self._clock.now_ms())

    def _throw_away(self) -> None:
        self._machine = None
        self._rows.clear()
        self._disconnect()

    def _disconnect(self) -> None:
        for channel in list(self._channels):
            self._close_channel(channel)

    async def _reload(self, now_ms: int) -> None:
        self._reload_at_ms = None
        try:
            machine, effects = await self._thread.run(lambda: self._load(now_ms))
            await self._carry_out(effects)
            if self._goes_online:
                await self._carry_out(machine.start(now_ms))
        except StoreFull as error:
            _LOG.warning("store.refused %s", error.code)
            self._throw_away()
            self._refusals += 1
            self._put_off(now_ms)
        else:
            self._machine, self._is_half_changed = machine, False

    def _put_off(self, now_ms: int) -> None:
        delay_ms = min(_RELOAD_MAX_MS, _RELOAD_FIRST_MS << min(max(self._refusals - 2, 0), 16))
        self._reload_at_ms = now_ms + delay_ms

    # --- time ---

    def _wake_ms(self) -> int | None:
        return self._reload_at_ms if self._machine is None else self._machine.next_wake_ms

    def _set_timer(self, wake_ms: int | None) -> None:
        """Wake at this time; a timer that is due earlier stays, since a wake too many does no harm."""
        running = self._timer is not None and not self._timer.done()
        if running and wake_ms is not None and self._timer_ms is not None and self._timer_ms <= wake_ms:
            return
        if running and self._timer is not None:
            self._timer.cancel()
        self._timer_ms, self._timer = wake_ms, None
        if wake_ms is not None:
            self._timer_from_ms = self._clock.now_ms()
            self._timer = asyncio.create_task(self._wake_at(wake_ms), name="sealroom-timer")

    async def _wake_at(self, wake_ms: int) -> None:
        await self._clock.wait_until(wake_ms)
        self._timer_ms = None
        self._inbox.put(Wake())


async def ended(task: asyncio.Task[None]) -> None:
    """Wait for a task, which goes on if the waiting is cancelled. Its own cancellation is no error here."""
    if not task.done():
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


def _unusable(cause: Exception) -> ConfigError:
    _LOG.error("client.value_refused %s", type(cause).__name__)
    error = ConfigError(f"a value cannot be used ({type(cause).__name__})")
    error.__cause__ = cause
    return error
