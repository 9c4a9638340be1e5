"""What a request costs does not grow with what others have at the relay (RLY-153)."""

from __future__ import annotations

import os

import pytest
from e2ee_relay.entries import Entries
from e2ee_relay.entry import Device, Entry, SignedList
from e2ee_relay.store.changes import (
    Chill,
    DropMailbox,
    MailboxRow,
    MessageRow,
    PutMailbox,
    PutMessages,
    Result,
)
from e2ee_relay.store.sqlite import SqliteStore

FAR_MS = 1 << 50
SHOP, OTHER = b"s" * 16, b"o" * 16
looked_at: list[bytes] = []


class Watched(Entry):
    """An entry that notes when somebody looks through its devices."""

    def __getattribute__(self, name: str) -> object:
        if name == "devices":
            looked_at.append(self.head.account_id)
        return super().__getattribute__(name)


def entry(account_id: bytes, *mailboxes: bytes | None) -> Entry:
    head = SignedList(b"", b"", account_id, 1, None, FAR_MS, ())
    devices = [Device(os.urandom(32), b"", b"", mailbox, 0) for mailbox in mailboxes]
    return Watched(head, tuple(devices))


def accounts(entries: Entries, mailbox: bytes) -> list[bytes]:
    return [one.head.account_id for one, _ in entries.devices_of(mailbox)]


def test_the_devices_behind_a_mailbox_are_found_without_a_search() -> None:
    """RLY-153: of a thousand accounts only those that it reaches are looked at."""
    entries = Entries()
    for number in range(1000):
        entries.put(entry(b"account %d" % number, number.to_bytes(16, "big")))
    entries.put(entry(b"one", SHOP, None, OTHER))
    entries.put(entry(b"two", SHOP, SHOP))
    looked_at.clear()
    assert accounts(entries, SHOP) == [b"one", b"two", b"two"]
    assert set(looked_at) == {b"one", b"two"}


def test_the_index_follows_every_change() -> None:
    """RLY-153, RLY-27: an address that was replaced or removed leads nowhere any more."""
    entries = Entries()
    entries.put(entry(b"one", SHOP))
    entries.put(entry(b"two", SHOP))
    entries.put(entry(b"one", OTHER))
    assert (accounts(entries, SHOP), accounts(entries, OTHER)) == ([b"two"], [b"one"])
    entries.remove(b"two")
    entries.remove(b"nobody")
    assert (accounts(entries, SHOP), accounts(entries, OTHER)) == ([], [b"one"])
    entries.put(entry(b"one", None))
    assert (accounts(entries, OTHER), len(entries)) == ([], 1)
    found = entries.get(b"one")
    assert found is not None
    assert found.head.account_id == b"one"
    assert b"two" not in entries


def filled(of_others: int) -> SqliteStore:
    """Ten messages of one mailbox among those of another, the last of them cold."""
    store = SqliteStore(None, bytes(16))
    store.execute([PutMailbox(MailboxRow(no, bytes([no]) * 16, bytes(32), 1)) for no in (1, 2)])
    rows = [
        MessageRow(row_id, 1 if row_id <= 10 else 2, row_id, os.urandom(16), FAR_MS, 0, b"body")
        for row_id in range(1, of_others + 11)
    ]
    store.execute([PutMessages(tuple(rows))])
    store.execute([Chill((10,))])
    return store


def steps_of(store: SqliteStore, change: DropMailbox) -> int:
    """Carry out a change; return how many steps the database took."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    store.connection.set_progress_handler(step, 1)
    result: list[Result] = store.execute([change])
    store.connection.set_progress_handler(None, 1)
    assert result == [None]
    return steps


@pytest.mark.parametrize("named", [True, False])
def test_deleting_a_mailbox_looks_at_its_own_messages(named: bool) -> None:
    """RLY-153, RLY-27: many messages of others cost no step more; a search would pay for each."""
    rows = tuple(range(1, 11)) if named else None
    few, many = filled(50), filled(5_000)
    cheap, dear = steps_of(few, DropMailbox(1, (), rows)), steps_of(many, DropMailbox(1, (), rows))
    assert (dear == cheap) if named else (dear > 10 * cheap)
    for store, others in ((few, 50), (many, 5_000)):
        held = store.load().messages
        assert len(held) == others
        assert {one.mailbox_no for one in held} == {2}
        store.close()
