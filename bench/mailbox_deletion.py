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

from e2ee_relay.store.sqlite_directory import drop_mailbox
from e2ee_relay.store.sqlite_file import DatabaseFile

_OF_ONE, _FAR_MS, _BODY_B = 500, 1 << 60, 1024


def fill(file: DatabaseFile, mailboxes: int, remembered: int) -> None:
    """Put messages as they arrive: those of one mailbox lie far apart."""
    ask = file.connection.executemany
    boxes = [(no, os.urandom(16), bytes(32), 1) for no in range(1, mailboxes + 1)]
    with file.transaction():
        ask("INSERT INTO mailbox VALUES (?, ?, ?, ?)", boxes)
    for turn in range(_OF_ONE):
        first = turn * mailboxes
        rows = [
            (first + no, no, turn, os.urandom(16), _FAR_MS, 0, os.urandom(_BODY_B))
            for no in range(1, mailboxes + 1)
        ]
        with file.transaction():
            ask("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    for start in range(0, remembered, 10_000):
        ids = [
            (place + 1, 1 + place % mailboxes, os.urandom(16), _FAR_MS)
            for place in range(start, start + 10_000)
        ]
        with file.transaction():
            ask("INSERT INTO seen VALUES (?, ?, ?, ?)", ids)
    file.tidy()


def delete(file: DatabaseFile, no: int, row_ids: tuple[int, ...] | None) -> float:
    """Delete a mailbox with its messages, named or sought; return the milliseconds."""
    ask = file.connection.execute
    begun = time.perf_counter()
    with file.transaction():
        if row_ids is None:
            ask("DELETE FROM message WHERE mailbox_no = ?", (no,))
        else:
            named = json.dumps(row_ids)
            ask("DELETE FROM message WHERE row_id IN (SELECT value FROM json_each(?))", (named,))
        drop_mailbox(file.connection, no, b"")
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=500_000)
    parser.add_argument("--remembered", type=int, default=0)
    options = parser.parse_args()
    mailboxes = options.messages // _OF_ONE
    with tempfile.TemporaryDirectory() as folder:
        file = DatabaseFile(Path(folder) / "relay.db", bytes(16), reserve_b=0)
        fill(file, mailboxes, options.remembered)
        rows = {no: tuple(turn * mailboxes + no for turn in range(_OF_ONE)) for no in range(1, 6)}
        named = [delete(file, no, rows[no]) for no in range(1, 6)]
        sought = [delete(file, no, None) for no in range(6, 11)]
        found = {
            "messages": mailboxes * _OF_ONE,
            "remembered": options.remembered,
            "named_ms": round(statistics.median(named), 1),
            "sought_ms": round(statistics.median(sought), 1),
        }
        file.close()
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
