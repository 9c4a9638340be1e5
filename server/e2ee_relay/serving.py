"""`sealroom-relay serve`: one relay from its start to the end of its process, with signals and manager."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import Final

from .config import Config
from .datadir import DataDirectory
from .engine import EmbeddedEngine, Engine
from .logs import Event, EventLog, take_over_error_reports
from .machine import allow_open_files, forbid_core_dumps
from .notify import ServiceNotifier
from .server import RelayServer
from .store.api import StoreError
from .store.spare import SpareRoom

# Without it each row that SQLite handles makes the event loop wait up to 5 ms for the interpreter's lock.
_SWITCH_INTERVAL_S: Final = 0.0005
# What the relay opens beside its connections.
_OWN_FILES: Final = 64
# How often database and disk are looked at; within a second an operator is told (RLY-173).
_WATCH_S: Final = 0.5


async def serve(config: Config) -> bool:
    """Serve until a signal or the loss of the store; tell whether all that was read is committed.

    Raises:
        ConfigError: certificate or key cannot be used.
        StoreError: the data directory or the database cannot be used.
        OSError: the address cannot be bound.
    """
    forbid_core_dumps()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    log = EventLog(sys.stderr, config.log_level, _now_ms)
    take_over_error_reports(log, asyncio.get_running_loop())
    config = _within_open_files(config, log)
    directory, engine = _node(config, log) if config.store else _embedded(config, log)
    server = RelayServer(config, engine, log)
    notifier = ServiceNotifier.from_environment(os.environ, os.getpid())
    await server.start()
    # What is there now stays: collections, 13 ms each with it, need not look at it again.
    gc.collect()
    gc.freeze()
    stopping = _heed_signals(server, notifier)
    sys.stdout.write(f"ready {_address(config, server.port)}\n")
    sys.stdout.flush()
    notifier.ready()
    watching = [
        asyncio.create_task(_stay_alive(server, notifier)),
        asyncio.create_task(_watch_database(engine, log)),
    ]
    if directory is not None:
        watching.append(asyncio.create_task(_keep_spare_room(directory.spare(config.disk_reserve_b))))
    await _until_first(server.is_lost, stopping)
    notifier.stopping()
    committed = await server.stop()
    for task in watching:
        task.cancel()
    if directory is not None:
        directory.release()
    return committed and not server.is_lost.is_set()


def _within_open_files(config: Config, log: EventLog) -> Config:
    """Admit no more connections than files can be open, for addresses to share (RLY-224)."""
    wanted = config.max_connections + config.max_handshakes + _OWN_FILES
    allowed = allow_open_files(wanted)
    if allowed >= wanted:
        return config
    room = max(2, allowed - _OWN_FILES)
    handshakes = min(config.max_handshakes, max(1, room // 10))
    config = replace(config, max_handshakes=handshakes, max_connections=room - handshakes)
    log.write(Event.FEW_FILES, connections=config.max_connections)
    return config


def _embedded(config: Config, log: EventLog) -> tuple[DataDirectory, Engine]:
    directory = DataDirectory.claim(config.data_dir)
    store = directory.open_store(config.disk_reserve_b)
    if store.is_restored():
        log.write(Event.RESTORED)
    return directory, EmbeddedEngine(config, store, _now_ms())


def _node(config: Config, log: EventLog) -> tuple[None, Engine]:
    try:
        from .shared_engine import SharedEngine
    except ModuleNotFoundError:
        raise StoreError("a shared store needs the extra relay-postgres") from None
    engine = SharedEngine(config, _now_ms)
    if engine.store.burned is not None:
        log.write(Event.RESTORED)
    return None, engine


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _address(config: Config, port: int) -> str:
    scheme = "ws" if config.tls_cert is None else "wss"
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"{scheme}://{host}:{port}"


async def _until_first(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


async def _stay_alive(server: RelayServer, notifier: ServiceNotifier) -> None:
    """Tell the manager's watchdog that loop and store go on; without a watchdog there is nothing to tell."""
    while notifier.interval_s is not None:
        if not server.is_stuck(notifier.interval_s):
            notifier.alive()
        await asyncio.sleep(notifier.interval_s)


async def _watch_database(engine: Engine, log: EventLog) -> None:
    """Write to the log when the database's files are gone, and when they are back (RLY-173)."""
    was_in_place = True
    while True:
        is_in_place = engine.is_in_place()
        if is_in_place is not was_in_place:
            log.write(Event.DATABASE_BACK if is_in_place else Event.DATABASE_GONE)
        was_in_place = is_in_place
        await asyncio.sleep(_WATCH_S)


async def _keep_spare_room(spare: SpareRoom) -> None:
    """Keep room for deletions while the disk is ample, give it back on a full disk (RLY-174)."""
    while True:
        # A directory that is gone is the business of `_watch_database`.
        with suppress(OSError):
            spare.keep()
        await asyncio.sleep(_WATCH_S)


def _heed_signals(server: RelayServer, notifier: ServiceNotifier) -> asyncio.Event:
    """SIGHUP reloads; the first SIGTERM or SIGINT drains, a second one ends the process at once (RLY-70)."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    def reload() -> None:
        notifier.reloading(time.monotonic_ns() // 1000)
        server.reload()
        notifier.ready()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    return stopping
