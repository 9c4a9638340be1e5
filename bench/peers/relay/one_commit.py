"""The relay with one commit for each message, as it would be without groups: for comparison only.

`python -m bench.peers.relay.one_commit serve ...` takes the arguments of `sealroom-relay`. Deletions
ride along with the next message; with a commit of their own it would be slower still.
"""

from __future__ import annotations

import sys
import time
from unittest.mock import patch

from e2ee_relay import serving
from e2ee_relay.cli import main
from e2ee_relay.engine import CarryOut, Deliver, EmbeddedEngine
from e2ee_relay.store.changes import Change, PutMessages
from e2ee_relay.store.writer import Then, Writer


class OneCommit(Writer):
    """Ends a group with its first message."""

    _kept: tuple[tuple[Change, Then], ...] = ()
    _is_ending = False

    def _collect(self, wait_s: float | None) -> tuple[list[tuple[Change, Then]], bool]:
        group = list(self._kept)
        if not group:
            group, self._is_ending = super()._collect(wait_s)
        ends = [place for place, (change, _) in enumerate(group, start=1) if isinstance(change, PutMessages)]
        first = ends[0] if ends else len(group)
        self._kept = tuple(group[first:])
        return group[:first], self._is_ending and not self._kept


class OneCommitEngine(EmbeddedEngine):
    """The embedded engine with that writer."""

    def committer(self, deliver: Deliver, _carry_out: CarryOut, /) -> Writer:
        """Make the writer."""
        return OneCommit(self._store, deliver, time.monotonic)


if __name__ == "__main__":
    # The relay has no setting for it, since nobody should run it so.
    with patch.object(serving, "EmbeddedEngine", OneCommitEngine):
        sys.exit(main())
