"""The relay's shell: sockets, clock and randomness around a core, on asyncio; threads commit."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final

from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from . import machine
from .address_limits import Shares
from .certificate import CertificateUnreadable, ServedCertificate
from .config import ClientAddress, Config
from .engine import Engine
from .figures_port import FiguresOnly
from .frames import Frame
from .listener import Admission, Listener, Reason, bind
from .logs import Event, EventLog, library_logger
from .metrics import CommitFigures, ShellFigures, render
from .outgoing import Flusher
from .pages import Pages, disk_is_full, respond
from .scheduler import Scheduler
from .service import Endpoint, Service
from .settings import ConfigError
from .store.api import StoreError
from .websocket import GOODBYE_S, Connection

_TICK_S: Final = 1.0
_FAILING_S: Final = 10.0
# What was read when a drain begins is carried out by then; who floods has always something to be read.
_READ_ON_S: Final = 1.0
_DAY_S: Final = 86_400
# Connections that are not let in within a minute, and are told of: one a second.
_COUNT_EVERY_S: Final = 60.0
_MANY_TURNED_AWAY: Final = 60
_WARN_BEFORE_END_S: Final = 14 * _DAY_S
# Bytes of messages that are unfinished, or not answered, of one address and of all (RLY-180).
_UNFINISHED_OF_ONE_B: Final = 32 << 20
_UNFINISHED_B: Final = 256 << 20
# Bytes that wait for who does not read (RLY-184).
_UNREAD_OF_ONE_B: Final = 64 << 20
_UNREAD_B: Final = 512 << 20
# Connections of one address that ask for nothing (RLY-182).
_SILENT_OF_ONE: Final = 64


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
        self._scheduler = Scheduler(self._loop)
        self._flusher = Flusher(self._loop)
        self._clock = engine.clock
        self._admission = Admission(config, secrets.token_bytes(32), self._clock)
        self._engine = engine
        self._core = engine.core
        self._store = engine.store
        self._clients: set[Connection] = set()
        # Connections with a place: those of clients, and those that wait for their end.
        self._standing: set[Connection] = set()
        self._listeners: list[Listener] = []
        self._commits = CommitFigures()
        self._failed_at: float | None = None
        self._warned_day = 0
        self._told_reasons: list[str] = []
        self._turned_away = 0
        self._next_count_s = 0.0
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
        found = self._engine.start(self._observe)
        with ExitStack() as undoing:
            # Its threads would keep a process alive that cannot listen (RLY-83).
            undoing.callback(self._store.stop, self._config.drain_s)
            # Swept, and the machine's clock looked at, before anybody is served.
            self._tick()
            await self._listen_to_all()
            undoing.pop_all()
        self._ticker = asyncio.create_task(self._tick_for_ever())
        self._ticker.add_done_callback(self._ticker_ended)
        self._log.write(Event.STARTED, **found)

    async def _listen_to_all(self) -> None:
        config = self._config
        bound = await bind(config.host, config.port)
        self.port = bound[0].getsockname()[1]
        tls = None if self._certificate is None else self._certificate.listening
        endpoint = self._endpoint(self)
        self._listeners.append(Listener(bound, self._admission, partial(Connection, endpoint), tls))
        if config.metrics_port is not None:
            await self._listen_for_figures(config.metrics_host, config.metrics_port)

    async def _listen_for_figures(self, host: str, port: int) -> None:
        """Listen for those who ask for figures (RLY-167); the default address may be another relay's."""
        try:
            bound = await bind(host, port)
        except OSError:
            if self._config.metrics_chosen:
                raise
            self._log.write(Event.NO_FIGURES)
            return
        direct = replace(self._config, client_address=ClientAddress.CONNECTION, trusted_proxies=())
        admission = Admission(direct, secrets.token_bytes(32), self._clock)
        endpoint = self._endpoint(FiguresOnly(self._pages, admission))
        # Plain HTTP: it is meant for this machine, where the certificate's name does not fit.
        self._listeners.append(Listener(bound, admission, partial(Connection, endpoint), None))

    def _endpoint(self, service: Service) -> Endpoint:
        return Endpoint(
            service,
            self._scheduler,
            self._flusher,
            self._loop,
            library_logger(self._log),
            unfinished=Shares(_UNFINISHED_OF_ONE_B, _UNFINISHED_B),
            unread=Shares(_UNREAD_OF_ONE_B, _UNREAD_B),
            silent=Shares(_SILENT_OF_ONE, self._config.max_connections),
        )

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
        self._core.drain(self._config.retry_after_ms)
        for listener in self._listeners:
            await listener.close()
        await self._settle(self._config.drain_s)
        await self._say_goodbye()
        # What waits still is of those who flood: everybody else has had a turn (RLY-221).
        self._store.give_up()
        if self._ticker is not None:
            self._ticker.cancel()
        committed = await asyncio.to_thread(self._store.stop, self._config.drain_s)
        self._log.write(Event.STOPPED)
        return committed

    async def _say_goodbye(self) -> None:
        """Close all connections at the same time; whoever does not answer is cut off."""
        for connection in list(self._standing):
            connection.close(CloseCode.GOING_AWAY)
        await self._until_gone(GOODBYE_S)
        # Those in their opening handshake too, who cannot be told.
        for listener in self._listeners:
            listener.cut_off()
        for connection in list(self._standing):
            connection.abort()
        await self._until_gone(1.0)

    async def _until_gone(self, most_s: float) -> None:
        until_s = self._loop.time() + most_s
        while self._standing and self._loop.time() < until_s:  # noqa: ASYNC110  # it happens once a life
            await asyncio.sleep(0.02)

    async def _settle(self, most_s: float) -> None:
        """Wait until every request that was read has been answered, at most so long."""
        begun = now = time.monotonic()
        quiet = 0
        while quiet < 3 and now < begun + most_s:
            await asyncio.sleep(0.05)
            now = time.monotonic()
            reads = now < begun + _READ_ON_S
            busy = any(one.outstanding or (reads and one.is_busy) for one in self._clients)
            quiet = 0 if busy or not self._store.is_idle else quiet + 1

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._tick()
            self._admission.limits.forget(self._clock())
            self._look_at_certificate(time.time())
            self._look_at_block_list()
            self._look_at_readiness()
            self._look_at_admission(time.monotonic())
            if not self._store.is_alive and not self.is_lost.is_set():
                self._log.write(Event.STORE_LOST)
                self.is_lost.set()

    def _tick(self) -> None:
        self._look_at_clock()
        self._core.tick(self._clock())

    def _look_at_clock(self) -> None:
        """Follow the machine's clock in what is told, and warn when it has jumped (RLY-132)."""
        skew_ms = self._store.skew_ms = self._clock.skew_ms()
        if self._clock.has_jumped():
            self._log.write(Event.CLOCK_JUMPED, clock_skew_s=skew_ms // 1000)

    def _look_at_certificate(self, now_s: float) -> None:
        """Warn once a day of an end that is near."""
        if self._certificate is None or self._warned_day == int(now_s) // _DAY_S:
            return
        left_s = self._certificate.ends_s - now_s
        if left_s < _WARN_BEFORE_END_S:
            self._warned_day = int(now_s) // _DAY_S
            event = Event.CERTIFICATE_ENDS if left_s > 0 else Event.CERTIFICATE_ENDED
            self._log.write(event, certificate_days=int(left_s // _DAY_S))

    def _look_at_readiness(self) -> None:
        """Tell what keeps the relay from taking traffic, each time that this has changed (RLY-74)."""
        reasons = self.complaints()
        if self._core.is_draining or reasons == self._told_reasons:
            return
        self._told_reasons = reasons
        if reasons:
            self._log.write_reasons(Event.NOT_READY, reasons)
        else:
            self._log.write(Event.READY)

    def _look_at_admission(self, now_s: float) -> None:
        """Tell once a minute of many connections that were not let in."""
        if now_s < self._next_count_s:
            return
        self._next_count_s = now_s + _COUNT_EVERY_S
        turned_away = sum(self._admission.refusals.values())
        since, self._turned_away = turned_away - self._turned_away, turned_away
        if since >= _MANY_TURNED_AWAY:
            self._log.write(Event.TURNED_AWAY, connections=since)

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

    def answer(self, connection: Connection, request: Request) -> Response | None:
        page = self._pages.for_clients(request.path.split("?", 1)[0])
        if page is not None or self._core.is_draining:
            return page or respond(HTTPStatus.SERVICE_UNAVAILABLE, "draining\n")
        if len(self._standing) >= self._config.max_connections:
            self._admission.refusals[Reason.FULL] += 1
            return respond(HTTPStatus.SERVICE_UNAVAILABLE, "full\n")
        if not self._admission.admit_forwarded(connection, request):
            return respond(HTTPStatus.TOO_MANY_REQUESTS, "too many connections\n")
        return None

    def opened(self, connection: Connection) -> None:
        """Greet a client."""
        self._admission.greeted(connection)
        self._standing.add(connection)
        self._clients.add(connection)
        nonce = secrets.token_bytes(32)
        connection.session = self._core.connect(connection, nonce, connection.ticket, connection.answered)

    def received(self, connection: Connection, frame: Frame) -> None:
        self._core.receive(connection.session, frame)

    def ended(self, connection: Connection, *, refused: bool) -> None:
        """Serve a client no longer (RLY-162)."""
        if refused:
            self._log.write(Event.CLIENT_REFUSED)
        self._clients.discard(connection)
        self._core.disconnect(connection.session)

    def lost(self, connection: Connection) -> None:
        """Give back the place of a connection that is gone."""
        self._slow_clients += connection.was_slow
        self._standing.discard(connection)
        self._admission.left(connection)

    # --- commits ---

    def _observe(self, seconds: float, changes: int, failed: bool) -> None:
        self._commits.observe(seconds, changes, failed=failed)
        if failed:
            self._note_failure()

    def _note_failure(self) -> None:
        if self._failed_at is None or time.monotonic() - self._failed_at > _FAILING_S:
            self._log.write(Event.STORE_FAILING)
        self._failed_at = time.monotonic()

    # --- health and figures ---

    def is_stuck(self, most_s: float) -> bool:
        """Tell whether changes wait and none has been carried out for so long: the watchdog goes by it."""
        waits = self._store.backlog > 0 and time.monotonic() - self._store.completed_at > most_s
        return waits or not self._store.is_alive

    def complaints(self) -> list[str]:
        """Return what keeps it from taking traffic, in fixed words (RLY-74, RLY-261)."""
        ends_s = None if self._certificate is None else self._certificate.ends_s
        failing = self._failed_at is not None and time.monotonic() - self._failed_at < _FAILING_S
        found = [
            ("draining", self._core.is_draining),
            ("the store is lost", not self._store.is_alive),
            ("the store fails", failing),
            ("the disk is full", disk_is_full(self._engine.home)),
            ("the certificate has ended", ends_s is not None and ends_s <= time.time()),
            *self._store.complaints().items(),  # a word of ours may be among them: either suffices
            ("the database is not the one that was opened", not self._engine.is_in_place()),
        ]
        return list(dict.fromkeys(complaint for complaint, applies in found if applies))

    def figures(self) -> str:
        """Return the figures in Prometheus' text format (RLY-72)."""
        database_b, journal_b = self._engine.file_sizes_b()
        shell = ShellFigures(
            connections=len(self._standing),
            slow_clients_dropped=self._slow_clients,
            not_let_in={str(one): self._admission.refusals[one] for one in Reason},
            journal_b=journal_b,
            database_b=database_b,
            is_ready=not self.complaints(),
            certificate_ends_s=None if self._certificate is None else self._certificate.ends_s,
            machine=machine.measure(self._engine.home),
        )
        return render(self._core, self._commits, shell)


def _certificate(config: Config) -> ServedCertificate | None:
    if config.tls_cert is None:
        return None
    try:
        return ServedCertificate(config.tls_listener, config.tls_cert)
    except (CertificateUnreadable, OSError):
        raise ConfigError("tls_cert", "a certificate chain in PEM, each with an end of validity") from None
