"""What a page of texts, a mark and the deletion of a contact cost beside a scan of all texts.

    python bench/history.py [--texts 100000] [--contacts 100]

The texts stand in a store on disk; each figure is the median of several calls, in milliseconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from e2ee_client.engine.effects import Commit
from e2ee_client.engine.history import History
from e2ee_client.engine.records import Message
from e2ee_client.engine.turn import Turn
from e2ee_client.events import MessageState
from e2ee_client.store import RawKey, Store

from e2ee.ids import AccountId


def main() -> None:
    """Fill a store, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--contacts", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(Path(folder) / "history.db", RawKey(os.urandom(32)))
        contacts = [AccountId(os.urandom(32)) for _ in range(options.contacts)]
        history = _fill(store, contacts, options.texts)
        for name, call in _calls(store, history, contacts):
            print(f"{name:32} {_median_ms(call):10.3f}")
        store.close()


def _fill(store: Store, contacts: list[AccountId], texts: int) -> History:
    history = History(store)
    for start in range(0, texts, 500):
        turn = Turn(start)
        for number in range(start, min(start + 500, texts)):
            history.append(turn, _text(contacts[number % len(contacts)], number))
        _commit(store, turn)
    return history


def _text(account_id: AccountId, number: int) -> Message:
    message_id = number.to_bytes(16, "big")
    return Message(account_id, message_id, False, "Guten Tag", number, number, MessageState.DELIVERED)


def _calls(
    store: Store, history: History, contacts: list[AccountId]
) -> list[tuple[str, Callable[[], object]]]:
    middle = contacts[len(contacts) // 2]
    newest = history.page(middle, None, 200)
    unread = iter(newest)

    def scan() -> list[Message]:
        return [Message.decode(key, row) for key, row in store.items("message") if key[1:33] == middle]

    def mark() -> None:
        turn = Turn(0)
        history.mark_read(turn, middle, [next(unread).message_id])
        _commit(store, turn)

    def write() -> None:
        turn = Turn(0)
        history.append(turn, _text(middle, 1 << 40 | time.monotonic_ns()))
        _commit(store, turn)

    return [
        ("scan of all texts", scan),
        ("load", lambda: History.load(store)),
        ("page of 100, newest", lambda: history.page(middle, None, 100)),
        (
            "page of 100, before the newest",
            lambda: history.page(middle, (newest[100].message_id, False), 100),
        ),
        ("mark one as read, with commit", mark),
        ("append a text, with commit", write),
        ("forget a contact, without commit", lambda: history.forget(Turn(0), contacts.pop())),
    ]


def _commit(store: Store, turn: Turn) -> None:
    store.commit([change for one in turn.effects() if isinstance(one, Commit) for change in one.changes])


def _median_ms(call: Callable[[], object], times: int = 9) -> float:
    took: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took)


if __name__ == "__main__":
    main()
