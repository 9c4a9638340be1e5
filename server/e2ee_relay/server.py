"""The relay's shell: sockets, clock and randomness around a core, on asyncio; threads commit."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final, cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.protocol import State

from . import machine
from .certificate import CertificateUnreadable, ServedCertificate
from .clock import SteadyClock
from .config import Config
from .connection import BoundedConnection
from .door import ACCEPTS_A_PASS, HANDSHAKE_S, Door, Reason
from .engine import Engine
from .entrance import Entrance, bind
from .fast_frames import iterate_requests
from .logs import Event, EventLog, library_logger
from .metrics import CommitFigures, ShellFigures, render
from .outbox import Departures, Outbox
from .pages import Pages, disk_is_full
from .protocol import MAX_MESSAGE_B, Frame, FrameError
from .settings import ConfigError
from .state import Effect, Transmit
from .store.changes import Result, StoreError, StoreFailure
from .store.writer import Completed, Then
from .turns import QUANTUM_S, Share, Turns

_TICK_S: Final = 1.0
# Requests of one connection that wait for their commit; beyond, nothing more is read from it.
_MAX_OUTSTANDING: Final = 128
_FAILING_S: Final = 10.0
_PING_S: Final = 25.0
# How long clients may take to say goodbye, all of them together (RLY-70).
_GOODBYE_S: Final = 4.0
# What was read when a drain begins is carried out by then; who floods has always something to be read.
_READ_ON_S: Final = 1.0
_DAY_S: Final = 86_400
_WARN_BEFORE_END_S: Final = 14 * _DAY_S


@dataclass(slots=True)
class _Client:
    """What the shell keeps of a connection beside the core."""

    socket: BoundedConnection
    outbox: Outbox
    outstanding: int = 0
    is_held: bool = False


class RelayServer:
    """Serves one engine's core until `stop` is called."""

    def __init__(self, config: Config, engine: Engine, log: EventLog) -> None:
        """Prepare to serve.

        Raises:
            ConfigError: certificate or key cannot be used.
        """
        self._config = config
        self._certificate = _certificate(config)
        self._pages = Pages(config, self)
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._turns = Turns(self._loop)
        self._departures = Departures(self._loop, self._turns)
        tls = None if self._certificate is None else self._certificate.listening
        self._clock = SteadyClock(engine.core.state.started_ms)
        self._door = Door(config, self._turns, tls, secrets.token_bytes(32), self._clock)
        self._engine = engine
        self._core = engine.core
        self._writer = engine.committer(self._from_writer, self._carry_out)
        self._clients: dict[int, _Client] = {}
        # Connections with a place: those of clients, and those that wait for their end.
        self._standing = 0
        self._servers: list[Server] = []
        self._commits = CommitFigures()
        self._committed: deque[tuple[Then, Result]] = deque()
        self._is_answering = False
        self._failed_at: float | None = None
        self._completed_at = time.monotonic()
        self._warned_day = 0
        self._slow_clients = 0
        self._ticker: asyncio.Task[None] | None = None
        self.port = 0
        self.is_lost = asyncio.Event()

    # --- life ---

    async def start(self) -> None:
        """Listen. `port` has the port that was bound.

        Raises:
            OSError: the address cannot be bound.
        """
        self._writer.start()
        with ExitStack() as undoing:
            # Its threads would keep a process alive that cannot listen (RLY-83).
            undoing.callback(self._writer.stop, self._config.drain_s)
            # Swept, and the machine's clock looked at, before anybody is served.
            self._tick()
            await self._listen_to_all()
            undoing.pop_all()
        self._ticker = asyncio.create_task(self._tick_for_ever())
        self._ticker.add_done_callback(self._ticker_ended)
        self._log.write(Event.STARTED, **self._core.state.at_start())

    async def _listen_to_all(self) -> None:
        config = self._config
        entrances = await self._door.open(config.host, config.port)
        self.port = entrances[0].getsockname()[1]
        await self._listen(entrances, self._serve_client, self._answer_http, self._door.make)
        if config.metrics_port is not None:
            await self._listen_for_figures(config.metrics_host, config.metrics_port)

    async def _listen_for_figures(self, host: str, port: int) -> None:
        """Listen for those who ask for figures (RLY-167); the default address may be another relay's."""
        try:
            sockets = await bind(host, port)
        except OSError:
            if self._config.metrics_chosen:
                raise
            self._log.write(Event.NO_FIGURES)
            return
        # Plain HTTP: it is meant for this machine, where the certificate's name does not fit.
        await self._listen(
            [Entrance(one) for one in sockets],
            _no_client,
            self._answer_metrics_http,
            partial(BoundedConnection, self._turns, Share()),
        )

    async def _listen(
        self,
        entrances: list[Entrance],
        handler: Callable[[BoundedConnection], object],
        answer: Callable[[ServerConnection, Request], Response | None],
        make: Callable[..., asyncio.BaseProtocol],
    ) -> None:
        for entrance in entrances:
            # Framing, and the time limit of the handshake, are the library's (RLY-84).
            server = await serve(
                handler,  # type: ignore[arg-type]  # the library's own alias is narrower than what it calls
                sock=entrance,
                process_request=answer,
                # Whatever makes one will do; the library's annotation is narrower than what it calls.
                create_connection=cast("type[BoundedConnection]", make),
                compression=None,
                max_size=MAX_MESSAGE_B,
                open_timeout=HANDSHAKE_S,
                ping_interval=_PING_S,
                ping_timeout=_PING_S,
                close_timeout=_GOODBYE_S,
                server_header=None,
                logger=library_logger(self._log),
                backlog=ACCEPTS_A_PASS,
            )
            self._servers.append(server)

    def reload(self) -> None:
        """Read certificate, key and registration secret again; a fault changes nothing (RLY-81)."""
        try:
            secret = self._config.registration_secret()
            if self._certificate is not None:
                self._certificate.reload()
        except (ConfigError, CertificateUnreadable, OSError):
            self._log.write(Event.RELOAD_REFUSED)
            return
        self._core.replace_registration_secret(secret)
        self._warned_day = 0
        self._log.write(Event.RELOADED)

    async def stop(self) -> bool:
        """Drain: GO_AWAY, finish commits, close with 1001; tell whether all was committed (RLY-70)."""
        self._log.write(Event.DRAINING, connections=len(self._clients))
        self._carry_out(self._core.drain(self._config.retry_after_ms))
        for server in self._servers:
            server.close(close_connections=False)
        await self._settle(self._config.drain_s)
        await self._say_goodbye()
        if self._ticker is not None:
            self._ticker.cancel()
        committed = await asyncio.to_thread(self._writer.stop, self._config.drain_s)
        self._log.write(Event.STOPPED)
        return committed

    async def _say_goodbye(self) -> None:
        """Close all connections at the same time; whoever does not answer is cut off."""
        all_sockets = [socket for server in self._servers for socket in server.all_connections]
        # Those who are in the midst of it as well.
        sockets = [socket for socket in all_sockets if socket.state is not State.CONNECTING]
        if sockets:
            await asyncio.wait(
                [asyncio.create_task(socket.close(1001)) for socket in sockets], timeout=_GOODBYE_S
            )
        # Those in their opening handshake too, which nobody can greet.
        self._door.cut_off()
        for socket in [socket for server in self._servers for socket in server.all_connections]:
            socket.transport.abort()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                for server in self._servers:
                    await server.wait_closed()

    async def _settle(self, most_s: float) -> None:
        """Wait until every request that was read has been answered, at most so long."""
        begun = now = time.monotonic()
        quiet = 0
        while quiet < 3 and now < begun + most_s:
            await asyncio.sleep(0.05)
            now = time.monotonic()
            reads = now < begun + _READ_ON_S
            busy = any(one.outstanding or (reads and one.socket.is_busy) for one in self._clients.values())
            quiet = 0 if busy or self._writer.backlog or self._committed else quiet + 1

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._tick()
            self._door.visitors.forget(self._clock())
            self._look_at_certificate(time.time())
            self._look_at_block_list()
            if not self._writer.is_alive and not self.is_lost.is_set():
                self._log.write(Event.STORE_LOST)
                self.is_lost.set()

    def _tick(self) -> None:
        self._look_at_clock()
        self._carry_out(self._core.tick(self._clock()))

    def _look_at_clock(self) -> None:
        """Follow the machine's clock in what is told, and warn when it has jumped (RLY-132)."""
        skew_ms = self._core.state.skew_ms = self._clock.skew_ms()
        if self._clock.has_jumped():
            self._log.write(Event.CLOCK_JUMPED, clock_skew_s=skew_ms // 1000)

    def _look_at_certificate(self, now_s: float) -> None:
        """Warn once a day of an end that is near."""
        if self._certificate is None or self._warned_day == int(now_s) // _DAY_S:
            return
        left_s = self._certificate.ends_s - now_s
        if left_s < _WARN_BEFORE_END_S:
            self._warned_day = int(now_s) // _DAY_S
            self._log.write(Event.CERTIFICATE_ENDS, certificate_days=int(left_s // _DAY_S))

    def _look_at_block_list(self) -> None:
        """Take over what the operator has changed; a damaged list leaves the last one in force (RLY-86)."""
        try:
            blocked = self._engine.newly_blocked()
            if blocked is not None:
                self._core.block(blocked)
        except (StoreError, OSError):
            self._log.write(Event.RELOAD_REFUSED)

    def _ticker_ended(self, ticker: asyncio.Task[None]) -> None:
        """Without it nothing expires and a dead writer goes unnoticed: the relay ends, to be started anew."""
        error = None if ticker.cancelled() else ticker.exception()
        if error is not None:
            self._log.write_error(error)
            self.is_lost.set()

    # --- connections ---

    async def _serve_client(self, socket: BoundedConnection) -> None:
        self._standing += 1
        try:
            await self._turns.run(self._door.share, iter(()))
            socket.when_greeted()
            if socket.is_gone or self._core.state.is_draining:
                await self._part(socket, CloseCode.GOING_AWAY)
                return
            number, effects = self._core.connect(secrets.token_bytes(32), socket.visitor)
            client = self._clients[number] = _Client(socket, Outbox(socket, self._departures))
            socket.before_close = client.outbox.flush
            try:
                self._carry_out(effects)
                refused = await socket.serve(Share(), partial(self._take, number, client))
            finally:
                del self._clients[number]
                self._core.disconnect(number)
            if refused is not None:
                self._log.write(Event.CLIENT_REFUSED)
            await self._part(socket, refused or CloseCode.NORMAL_CLOSURE)
        finally:
            self._slow_clients += socket.was_slow
            self._standing -= 1

    async def _part(self, socket: BoundedConnection, code: CloseCode) -> None:
        """Close a connection that is served no longer; its place is free then, and that is soon (RLY-162)."""
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await socket.close(code)
        except TimeoutError:
            socket.transport.abort()

    def _take(self, number: int, client: _Client, message: bytes) -> Iterator[None]:
        """Decode a message as a whole, then carry it out; others come between the pieces (RLY-140)."""
        frames: list[Frame] = []
        try:
            for frame in iterate_requests(message):
                frames.append(frame)
                yield
        except FrameError:
            client.socket.refuse()
            return
        now_ms = self._clock()
        for frame in frames:
            client.outstanding += 1
            self._carry_out(self._core.receive(number, frame, now_ms))
            yield
        if client.outstanding > _MAX_OUTSTANDING:
            client.is_held = True
            client.socket.hold()

    # --- effects ---

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Transmit):
                self._transmit(effect)
            else:
                self._writer.submit(effect.change, effect.then)

    def _transmit(self, effect: Transmit) -> None:
        client = self._clients.get(effect.connection)
        if client is None:
            return
        client.outbox.put(effect.frame, can_wait=effect.can_wait)
        if effect.frame.request_id:
            client.outstanding -= 1
            if client.is_held and client.outstanding <= _MAX_OUTSTANDING:
                client.is_held = False
                client.socket.release()

    def _from_writer(self, completed: Completed, seconds: float) -> None:
        self._loop.call_soon_threadsafe(self._completed, completed, seconds)

    def _completed(self, completed: Completed, seconds: float) -> None:
        self._commits.observe(seconds, len(completed))
        self._completed_at = time.monotonic()
        self._committed.extend(completed)
        if not self._is_answering:
            self._answer()

    def _answer(self) -> None:
        """Go on with some of what was committed, in order, and with the others in the next pass (RLY-149). A
        mistake of ours with one is reported by the event loop, and they have their answers all the same.
        """
        until_s = self._loop.time() + QUANTUM_S
        try:
            now_ms = self._clock()
            while self._committed and self._loop.time() < until_s:
                then, result = self._committed.popleft()
                if isinstance(result, StoreFailure):
                    self._commits.failures += 1
                    self._note_failure()
                self._carry_out(self._core.complete(then, result, now_ms))
        finally:
            self._is_answering = bool(self._committed)
            if self._is_answering:
                self._loop.call_soon(self._answer)

    def _note_failure(self) -> None:
        if self._failed_at is None or time.monotonic() - self._failed_at > _FAILING_S:
            self._log.write(Event.STORE_FAILING)
        self._failed_at = time.monotonic()

    # --- health and figures ---

    def _answer_http(self, socket: ServerConnection, request: Request) -> Response | None:
        page = self._pages.for_clients(socket, request.path.split("?", 1)[0])
        if page is not None or self._core.state.is_draining:
            return page or socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "draining\n")
        if self._standing >= self._config.max_connections:
            self._door.refusals[Reason.FULL] += 1
            return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "full\n")
        if not self._door.admit_forwarded(cast("BoundedConnection", socket), request):
            return socket.respond(HTTPStatus.TOO_MANY_REQUESTS, "too many connections\n")
        return None

    def _answer_metrics_http(self, socket: ServerConnection, request: Request) -> Response:
        return self._pages.for_operators(socket, request.path.split("?", 1)[0])

    def is_stuck(self, most_s: float) -> bool:
        """Tell whether changes wait and none has been carried out for so long: the watchdog goes by it."""
        waits = self._writer.backlog > 0 and time.monotonic() - self._completed_at > most_s
        return waits or not self._writer.is_alive

    def complaints(self) -> list[str]:
        """Return what keeps it from taking traffic, in fixed words (RLY-74)."""
        ends_s = None if self._certificate is None else self._certificate.ends_s
        failing = self._failed_at is not None and time.monotonic() - self._failed_at < _FAILING_S
        found = {
            "draining": self._core.state.is_draining,
            "the store is lost": not self._writer.is_alive,
            "the store fails": failing,
            "the disk is full": disk_is_full(self._engine.home),
            "the certificate has ended": ends_s is not None and ends_s <= time.time(),
            **self._engine.complaints(),
        }
        return [complaint for complaint, applies in found.items() if applies]

    def figures(self) -> str:
        """Return the figures in Prometheus' text format (RLY-72)."""
        database_b, journal_b = self._engine.file_sizes_b()
        shell = ShellFigures(
            connections=self._standing,
            slow_clients_dropped=self._slow_clients,
            not_let_in={str(one): self._door.refusals[one] for one in Reason},
            journal_b=journal_b,
            database_b=database_b,
            store_backlog=self._writer.backlog,
            is_ready=not self.complaints(),
            is_draining=self._core.state.is_draining,
            now_ms=self._clock(),
            certificate_ends_s=None if self._certificate is None else self._certificate.ends_s,
            machine=machine.measure(self._engine.home),
        )
        return render(self._core.state, self._commits, shell)


def _certificate(config: Config) -> ServedCertificate | None:
    if config.tls_cert is None:
        return None
    try:
        return ServedCertificate(config.tls_listener, config.tls_cert)
    except (CertificateUnreadable, OSError):
        raise ConfigError("tls_cert", "a certificate chain in PEM, each with an end of validity") from None


async def _no_client(socket: ServerConnection) -> None:
    """The port for metrics answers HTTP only; every request was answered before it came here."""
    await socket.close(1008)
