"""Structured logs: one JSON object a line, from a closed set of events, with counts and never an identifier.

Each event has a fixed text that says what happened and what to do. No other text is written, so no address,
mailbox, account, token or content can get into a line by accident (RLY-73).
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TextIO

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Event(StrEnum):
    """Everything that the relay ever logs."""

    STARTED = "started"
    STOPPED = "stopped"
    DRAINING = "draining"
    NOT_READY = "not_ready"
    READY = "ready"
    RESTORED = "restored_copy_found"
    CLIENT_REFUSED = "client_refused"
    TURNED_AWAY = "turned_away"
    STORE_FAILING = "store_failing"
    STORE_LOST = "store_lost"
    DATABASE_GONE = "database_gone"
    DATABASE_BACK = "database_back"
    RELOADED = "reloaded"
    RELOAD_REFUSED = "reload_refused"
    CERTIFICATE_ENDS = "certificate_ends_soon"
    CERTIFICATE_ENDED = "certificate_ended"
    CLOCK_JUMPED = "clock_jumped"
    NO_FIGURES = "figures_not_served"
    FEW_FILES = "few_open_files"
    INTERNAL_ERROR = "internal_error"


# The level of each, and what it tells the operator to do.
_TOLD: Final = {
    Event.STARTED: ("info", "clients are served"),
    Event.STOPPED: ("info", "the relay has ended"),
    Event.DRAINING: ("info", "the relay ends: clients are told to come back, what was read is answered"),
    Event.NOT_READY: ("warning", "the relay cannot take all traffic: mend the reasons, it goes on by itself"),
    Event.READY: ("info", "no reason is left: the relay takes traffic again"),
    Event.RESTORED: (
        "warning",
        "the database is a copy of another time: one-time keys are deleted and companies asked for new ones;"
        " nothing is to be done",
    ),
    Event.CLIENT_REFUSED: ("debug", "a client broke the protocol or a limit, and was disconnected"),
    Event.TURNED_AWAY: (
        "warning",
        "so many connections were not let in within a minute: sealroom_relay_not_let_in_total says why;"
        " against a flood put a proxy or nftables in front",
    ),
    Event.STORE_FAILING: (
        "error",
        "changes cannot be committed, senders keep their messages: see /readyz, then the disk or database",
    ),
    Event.STORE_LOST: (
        "error",
        "a thread of the store has ended, and so does the relay: start it again; what was confirmed is there",
    ),
    Event.DATABASE_GONE: (
        "error",
        "the database is not the one that was opened, nothing is confirmed: do not end the relay, it may hold"
        " the last copy; OPERATING.md says how to save it",
    ),
    Event.DATABASE_BACK: ("warning", "the database is in its place again: nothing is to be done"),
    Event.RELOADED: ("info", "certificate, key and registration secret were read again"),
    Event.RELOAD_REFUSED: (
        "error",
        "a file cannot be used, what was read before stays in force: check-config names a fault of"
        " certificate, key or secret; else mend relay.blocked",
    ),
    Event.CERTIFICATE_ENDS: ("warning", "the certificate ends in so many days: renew it, then send SIGHUP"),
    Event.CERTIFICATE_ENDED: (
        "error",
        "the certificate has ended, clients refuse it: renew it, then send SIGHUP",
    ),
    Event.CLOCK_JUMPED: (
        "warning",
        "the machine's clock is so far ahead of the relay's time (negative: behind): set it right; after a"
        " stop of days nothing is to be done",
    ),
    Event.NO_FIGURES: (
        "warning",
        "another program has the default address of the metrics, they are not served: set metrics_listen",
    ),
    Event.FEW_FILES: (
        "warning",
        "the system allows few open files, so many connections are admitted at most: raise LimitNOFILE"
        " (ulimit -n)",
    ),
    Event.INTERNAL_ERROR: ("error", "a mistake in the relay, which goes on: report type and place"),
}
LEVELS: Final = tuple(_LEVELS)


class EventLog:
    """Writes events of at least one level to a stream."""

    def __init__(self, stream: TextIO, level: str, clock_ms: Callable[[], int]) -> None:
        self._stream = stream
        self._least = _LEVELS[level]
        self._clock_ms = clock_ms

    def write(self, event: Event, **figures: int) -> None:
        """Write one line; figures are counts, never anything of a client."""
        self._print(event, **figures)

    def write_reasons(self, event: Event, reasons: Sequence[str]) -> None:
        """Write one line with reasons in fixed words."""
        self._print(event, reasons=", ".join(reasons))

    def write_error(self, error: BaseException) -> None:
        """Write an unexpected error as its type and place; its text could quote what a client sent."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
        self._print(Event.INTERNAL_ERROR, type=type(error).__name__, place=place)

    def _print(self, event: Event, **more: int | str) -> None:
        level, text = _TOLD[event]
        if _LEVELS[level] < self._least:
            return
        line = {"time_ms": self._clock_ms(), "level": level, "event": event.value, **more, "text": text}
        # A log on a full disk must not keep messages from their owners.
        with suppress(OSError):
            self._stream.write(json.dumps(line) + "\n")
            self._stream.flush()


class _ErrorsOnly(logging.Handler):
    """Takes what a library logs, keeps only the type and place of unexpected errors."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(logging.ERROR)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self._log.write_error(error)


def library_logger(log: EventLog) -> logging.Logger:
    """Return a logger for the WebSocket library, whose own lines name peers and show frames."""
    logger = logging.Logger("e2ee_relay.websocket", logging.ERROR)
    logger.propagate = False
    logger.addHandler(_ErrorsOnly(log))
    return logger


def take_over_error_reports(log: EventLog, loop: asyncio.AbstractEventLoop) -> None:
    """Report each error that nobody caught as its type and place (LKG-10).

    The event loop, threads and the interpreter itself would print its text, and the loop also what a
    callback was given: both could quote a frame.
    """

    def in_loop(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        log.write_error(error if isinstance(error, BaseException) else RuntimeError())

    def uncaught(found: threading.ExceptHookArgs | sys.UnraisableHookArgs) -> None:
        log.write_error(found.exc_value or RuntimeError())

    loop.set_exception_handler(in_loop)
    threading.excepthook = uncaught
    sys.unraisablehook = uncaught
    sys.excepthook = lambda _type, error, _trace: log.write_error(error)
    # Python prints the warnings of a logger without a handler: those of the database's library, at each
    # connection that is lost, and in debug mode those of the loop, of slow callbacks with their arguments.
    logging.getLogger().addHandler(_ErrorsOnly(log))
