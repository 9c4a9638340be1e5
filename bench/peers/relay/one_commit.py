"""The relay with one commit for each message, as it would be without groups: for comparison only.

`python -m bench.peers.relay.one_commit serve ...` takes the arguments of `sealroom-relay`. Deletions
ride along with the next message; with a commit of their own it would be slower still.
"""

from __future__ import annotations

import sys
from unittest.mock import patch

from e2ee_relay import engine
from e2ee_relay.cli import main
from e2ee_relay.protocol import Send
from e2ee_relay.store.sqlite import SqliteStore, Submitted


class OneCommit(SqliteStore):
    """Ends a group with its first message."""

    _kept: tuple[Submitted, ...] = ()
    _is_ending = False

    def _collect(self, wait_s: float | None) -> tuple[list[Submitted], bool]:
        group = list(self._kept)
        if not group:
            group, self._is_ending = super()._collect(wait_s)
        ends = [place for place, one in enumerate(group, start=1) if _is_message(one)]
        first = ends[0] if ends else len(group)
        self._kept = tuple(group[first:])
        return group[:first], self._is_ending and not self._kept


def _is_message(one: Submitted) -> bool:
    return one.op is not None and isinstance(one.op.request, Send)


if __name__ == "__main__":
    # The relay has no setting for it, since nobody should run it so.
    with patch.object(engine, "SqliteStore", OneCommit):
        sys.exit(main())
