"""Structured logs: one JSON object a line, from a closed set of events, with counts and never an identifier.

No free text is written, so no address, mailbox, account, token or content can get into a line by accident
(RLY-73).
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TextIO

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Event(StrEnum):
    """Everything that the relay ever logs, with its level."""

    STARTED = "started"
    STOPPED = "stopped"
    DRAINING = "draining"
    RESTORED = "restored_copy_found"
    CLIENT_REFUSED = "client_refused"
    SLOW_CLIENT = "slow_client_dropped"
    STORE_FAILING = "store_failing"
    STORE_LOST = "store_lost"
    DATABASE_GONE = "database_gone"
    DATABASE_BACK = "database_back"
    PURGED = "purged"
    RELOADED = "reloaded"
    RELOAD_REFUSED = "reload_refused"
    CERTIFICATE_ENDS = "certificate_ends_soon"
    CLOCK_JUMPED = "clock_jumped"
    NO_FIGURES = "figures_not_served"
    FEW_FILES = "few_open_files"
    INTERNAL_ERROR = "internal_error"


_LEVEL_OF: Final = {
    Event.STARTED: "info",
    Event.STOPPED: "info",
    Event.DRAINING: "info",
    Event.PURGED: "info",
    Event.RELOADED: "info",
    Event.RELOAD_REFUSED: "error",
    Event.CERTIFICATE_ENDS: "warning",
    Event.CLOCK_JUMPED: "warning",
    Event.NO_FIGURES: "warning",
    Event.FEW_FILES: "warning",
    Event.RESTORED: "warning",
    Event.CLIENT_REFUSED: "debug",
    Event.SLOW_CLIENT: "debug",
    Event.STORE_FAILING: "error",
    Event.STORE_LOST: "error",
    Event.DATABASE_GONE: "error",
    Event.DATABASE_BACK: "warning",
    Event.INTERNAL_ERROR: "error",
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
        level = _LEVEL_OF[event]
        if _LEVELS[level] >= self._least:
            line: dict[str, object] = {
                "time_ms": self._clock_ms(),
                "level": level,
                "event": event.value,
                **figures,
            }
            self._print(line)

    def write_error(self, error: BaseException) -> None:
        """Write an unexpected error as its type and place; its text could quote what a client sent."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
        line: dict[str, object] = {
            "time_ms": self._clock_ms(),
            "level": "error",
            "event": Event.INTERNAL_ERROR.value,
            "type": type(error).__name__,
            "place": place,
        }
        self._print(line)

    def _print(self, line: dict[str, object]) -> None:
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
    # In debug mode the loop reports slow callbacks with their arguments.
    asyncio_logger = logging.getLogger("asyncio")
    asyncio_logger.addHandler(_ErrorsOnly(log))
    asyncio_logger.propagate = False
