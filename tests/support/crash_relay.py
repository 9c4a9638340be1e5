"""The relay as a program to be killed: `serve` and its options, with the writer's calls numbered apart.

strace counts calls by thread and by call, so the N-th call of the main thread would hide the N-th call of
the writer. Before its first change the writer therefore makes OFFSET calls of each kind on a scratch file:
its own begin at OFFSET + 1. `--early-ok` as first argument makes the control: OK leaves before the commit
begins.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from e2ee_relay import cli
from e2ee_relay.protocol import Message
from e2ee_relay.server import RelayServer
from e2ee_relay.state import Effect, Submit, Transmit
from e2ee_relay.store.changes import PutMessages, Result
from e2ee_relay.store.sqlite import SqliteStore
from e2ee_relay.store.writer import Writer

OFFSET = 300
_COMMIT_DELAY_S = 0.05


def spend_calls(count: int) -> None:
    """Make so many calls of each kind that is counted."""
    with tempfile.TemporaryFile(buffering=0) as scratch:
        handle = scratch.fileno()
        for call in (_write, os.fsync, os.fdatasync):
            for _ in range(count):
                # Some of these may be refused on purpose.
                with suppress(OSError):
                    call(handle)


def _write(handle: int) -> None:
    os.pwrite(handle, b"x", 0)


def number_the_writer_apart() -> None:
    run = Writer._run

    def run_after_spending(self: Writer) -> None:
        spend_calls(OFFSET)
        run(self)

    Writer._run = run_after_spending  # type: ignore[method-assign]  # that is the point of this program


def answer_before_the_commit() -> None:
    """The control: what a relay without RLY-30 would do.

    Nor does it deliver before the commit: whoever is there would have the message, and nothing would be lost.
    """
    carry_out, execute = RelayServer._carry_out, SqliteStore.execute

    def early(self: RelayServer, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Submit) and isinstance(effect.change, PutMessages):
                self._writer.submit(effect.change, _nothing_more)
                early(self, self._core.complete(effect.then, None, time.time_ns() // 1_000_000))
            elif isinstance(effect, Transmit) and isinstance(effect.frame, Message):
                later: list[Effect] = [effect]
                self._loop.call_later(2 * _COMMIT_DELAY_S, carry_out, self, later)
            else:
                carry_out(self, [effect])

    def late(self: SqliteStore, changes: Sequence[Any]) -> list[Result]:
        time.sleep(_COMMIT_DELAY_S)
        return execute(self, changes)

    RelayServer._carry_out = early  # type: ignore[method-assign]
    SqliteStore.execute = late  # type: ignore[method-assign]


def _nothing_more(_result: Result, _now_ms: int) -> None:
    """It was said already."""


def main(arguments: list[str]) -> int:
    number_the_writer_apart()
    if arguments[0] == "--early-ok":
        answer_before_the_commit()
        arguments = arguments[1:]
    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
