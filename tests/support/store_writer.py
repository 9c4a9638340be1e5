"""A process that commits to a store until it is killed: prints each number once its commit has returned.

Usage: store_writer.py PATH FIRST [COUNT]
"""

from __future__ import annotations

import itertools
import sys

from e2ee_client.store import Delete, Put, Store, StoreOptions
from store_probe import RAW_KEY

KEPT = 5


def session_value(number: int) -> bytes:
    """A value whose size changes from commit to commit, so that rows move between slots."""
    return number.to_bytes(8) * (1 + number % 60)


def main(path: str, first: int, count: int | None) -> None:
    """Each commit counts up, replaces one of seven sessions, adds a skipped key and deletes an old one."""
    store = Store.open(path, RAW_KEY, options=StoreOptions(erase_every=3, anchor_every=2))
    numbers = itertools.count(first) if count is None else range(first, first + count)
    for number in numbers:
        store.commit(
            [
                Put("meta", b"number", number.to_bytes(8)),
                Put("session", bytes((number % 7,)), session_value(number)),
                Put("skipped", number.to_bytes(8), b"key"),
                Delete("skipped", max(0, number - KEPT).to_bytes(8)),
            ]
        )
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
