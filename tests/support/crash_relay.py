"""The relay as a program to be killed: `serve` and its options, with the writer's calls numbered apart.

strace counts calls by thread and by call, so the N-th call of the main thread would hide the N-th call of
the writer. Before its first change the writer therefore makes OFFSET calls of each kind on a scratch file:
its own begin at OFFSET + 1. `--early-ok` as first argument makes the control: OK leaves before the commit
begins.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress

from e2ee_relay import cli
from e2ee_relay.node import Node
from e2ee_relay.protocol import Send
from e2ee_relay.store.api import Op
from e2ee_relay.store.sqlite import SqliteStore, Submitted

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
    run = SqliteStore._run

    def run_after_spending(self: SqliteStore) -> None:
        spend_calls(OFFSET)
        run(self)

    SqliteStore._run = run_after_spending  # type: ignore[method-assign]  # that is the point of this program


def answer_before_the_commit() -> None:
    """The control: what a relay without RLY-30 would do.

    Nor does it deliver before the commit: whoever is there would have the message, and nothing would be lost.
    """
    submit, commit, sent = SqliteStore.submit, SqliteStore._commit, Node._sent

    def early(self: SqliteStore, op: Op) -> None:
        submit(self, op)
        if isinstance(op.request, Send) and not self.view.is_stopped:
            sent(self._node, op, failed=False)  # type: ignore[arg-type]  # a Node

    def deliver(self: Node, op: Op) -> None:
        for fresh in op.fresh or ():
            self.delivery.arrived(fresh)

    def late(self: SqliteStore, group: Sequence[Submitted], *, is_last: bool) -> None:
        time.sleep(_COMMIT_DELAY_S)
        commit(self, group, is_last=is_last)

    def later(self: Node, op: Op) -> None:
        op.told = True
        asyncio.get_running_loop().call_later(2 * _COMMIT_DELAY_S, deliver, self, op)

    Node.decided = later  # type: ignore[method-assign]
    Node._sent = _said_already  # type: ignore[method-assign, assignment]
    SqliteStore.submit = early  # type: ignore[method-assign]
    SqliteStore._commit = late  # type: ignore[method-assign]


def _said_already(_node: Node, _op: Op, *, failed: bool) -> None:
    """The answer left with the request."""


def main(arguments: list[str]) -> int:
    number_the_writer_apart()
    if arguments[0] == "--early-ok":
        answer_before_the_commit()
        arguments = arguments[1:]
    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
