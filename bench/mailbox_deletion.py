"""What it costs to delete one mailbox among 500 000 fresh messages, by row ids and by a search for them.

    python bench/mailbox_deletion.py [--messages N] [--remembered N]

Prints JSON: medians in milliseconds of one committed deletion, over several mailboxes of 500 messages.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "server"))

from e2ee_relay.store.changes import (
    DropMailbox,
    DropMessages,
    MailboxRow,
    MessageRow,
    PutMailbox,
    PutMessages,
    RememberedRow,
)
from e2ee_relay.store.sqlite import SqliteStore

_OF_ONE, _FAR_MS, _BODY_B = 500, 1 << 60, 1024


def fill(store: SqliteStore, mailboxes: int, remembered: int) -> None:
    """Put messages as they arrive: those of one mailbox lie far apart."""
    store.execute(
        [PutMailbox(MailboxRow(no, os.urandom(16), bytes(32), 1)) for no in range(1, mailboxes + 1)]
    )
    for turn in range(_OF_ONE):
        first = turn * mailboxes
        rows = [
            MessageRow(first + no, no, turn, os.urandom(16), _FAR_MS, 0, os.urandom(_BODY_B))
            for no in range(1, mailboxes + 1)
        ]
        store.execute([PutMessages(tuple(rows))])
    for start in range(0, remembered, 10_000):
        ids = [
            RememberedRow(1 + place % mailboxes, os.urandom(16), _FAR_MS)
            for place in range(start, start + 10_000)
        ]
        store.execute([DropMessages((), tuple(ids))])
    store.tidy()


def median_ms(store: SqliteStore, changes: list[DropMailbox]) -> float:
    times = []
    for change in changes:
        begun = time.perf_counter()
        (result,) = store.execute([change])
        times.append((time.perf_counter() - begun) * 1000)
        if result is not None:
            raise SystemExit("a deletion could not be committed")
    return round(statistics.median(times), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=500_000)
    parser.add_argument("--remembered", type=int, default=0)
    options = parser.parse_args()
    mailboxes = options.messages // _OF_ONE
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "relay.db", bytes(16), reserve_b=0)
        fill(store, mailboxes, options.remembered)
        rows = {no: tuple(turn * mailboxes + no for turn in range(_OF_ONE)) for no in range(1, 11)}
        found = {
            "messages": mailboxes * _OF_ONE,
            "remembered": options.remembered,
            "named_ms": median_ms(store, [DropMailbox(no, (), rows[no]) for no in range(1, 6)]),
            "sought_ms": median_ms(store, [DropMailbox(no, ()) for no in range(6, 11)]),
        }
        store.close()
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
