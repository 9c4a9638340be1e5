"""Rows that do not fit are a fault of the store, whichever part of them does not (STO-08)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import engine_world
import pytest
from e2ee_client.engine import own_mailbox, records
from e2ee_client.engine.outbox import Outgoing
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.records import OWN_KEY, DueReceipts
from e2ee_client.errors import StoreCorrupt
from e2ee_client.rows import Put
from engine_world import Rows, acquainted

from e2ee.wire import cbor

Decode = Callable[[bytes, bytes], Any]
DECODERS: dict[str, Decode] = {
    "account": records.Own.decode,
    "mailbox": own_mailbox.Mailbox.decode,
    "contact": records.Contact.decode,
    "peer": Peer.decode,
    "prekey": records.OwnPrekey.decode,
    "outbox": Outgoing.decode,
    "message": records.Message.decode,
    "meta": DueReceipts.decode,
}
CUSTOMERS = ("contact", "peer", "outbox")


@cache
def stored() -> tuple[Rows, Rows]:
    """The rows of a company and a customer in a conversation, with a text and receipts under way."""
    world, company, customer, praxis = acquainted()
    company.send(customer.engine.account_id, "Gern")
    world.advance(10_000)
    world.cut()
    customer.send(praxis, "unterwegs")
    rows = company.rows.copy(), customer.rows.copy()
    account_id = next(iter(company.engine._state.peers))
    rows[0].commit((DueReceipts(account_id, [b"i" * 16]).put(),))
    while engine_world.OPEN:
        engine_world.OPEN.pop().relay.close()
    return rows


def row_of(table: str) -> tuple[bytes, list[Any]]:
    """A row of a table: its key and values."""
    company, customer = stored()
    rows: Iterator[tuple[bytes, bytes]] = (customer if table in CUSTOMERS else company).items(table)
    key, row = next(one for one in rows if table != "meta" or one[0].startswith(DueReceipts.PREFIX))
    values = cbor.decode(row, 131_072)
    assert isinstance(values, list)
    return key, values


@pytest.mark.parametrize(
    ("field", "value"), [("verified", None), ("verified", 1), ("name", b"Shop"), ("relay_url", None)]
)
def test_a_row_that_could_not_be_read_is_not_written(field: str, value: object) -> None:
    """STO-08."""
    company, _ = stored()
    contact = records.Contact.decode(*next(iter(company.items("contact"))))
    setattr(contact, field, value)
    with pytest.raises(TypeError, match=field):
        contact.put()


@pytest.mark.parametrize("table", DECODERS)
def test_a_row_is_written_as_it_was_read(table: str) -> None:
    """STO-08: each decoder reads what its own class wrote."""
    key, values = row_of(table)
    row = cbor.encode(values)
    assert DECODERS[table](key, row).put() == Put(table, key, row)


@pytest.mark.parametrize(
    ("table", "place", "value"),
    [
        ("account", 1, 7),
        ("account", 2, b"short"),
        ("account", 3, [b"short", b"", b"", b""]),
        ("account", 3, [1, 2, 3]),
        ("account", 3, [b"", None]),
        ("account", 4, b""),
        ("account", 4, [bytes(32), b"signed"]),
        ("account", 4, [1, 2]),
        ("account", 5, None),
        ("account", 7, 1),
        ("account", 12, 0),
        ("mailbox", 4, 1),
        ("mailbox", 5, [[b"", b"token"]]),
        ("mailbox", 5, [[b"", [b"token"]]]),
        ("mailbox", 5, [[]]),
        ("contact", 3, [True]),
        ("contact", 8, [1]),
        ("contact", 8, [1, bytes(32), 2]),
        ("contact", 8, [True, bytes(32)]),
        ("peer", 2, [b"", b""]),
        ("peer", 4, [[b"", b"no bundle", 1]]),
        ("peer", 4, [[b"", [b"no bundle", 1]]]),
        ("peer", 4, [[b"", b""]]),
        ("peer", 6, []),
        ("peer", 6, [1, 2]),
        ("prekey", 1, b"signed"),
        ("prekey", 2, bytes(31)),
        ("prekey", 3, b"\xa0"),
        ("outbox", 4, 1),
        ("outbox", 8, None),
        ("outbox", 9, [1, b""]),
        ("outbox", 10, b""),
        ("outbox", 12, 7),
        ("message", 4, 99),
        ("message", 4, -1),
        ("message", 4, True),
        ("message", 6, None),
        ("meta", 1, [1]),
    ],
)
def test_a_part_that_does_not_fit(table: str, place: int, value: cbor.Value) -> None:
    """STO-08: no error of Python or of the core gets out, and no number counts from the end."""
    key, values = row_of(table)
    spoiled = [*values[:place], value, *values[place + 1 :]]
    with pytest.raises(StoreCorrupt):
        DECODERS[table](key, cbor.encode(spoiled))


@pytest.mark.parametrize("table", DECODERS)
@pytest.mark.parametrize("row", [b"", b"\x00", b"\x80", b"\x82\x01\x80", b"\xff"])
def test_a_row_of_another_version_or_none(table: str, row: bytes) -> None:
    """STO-08."""
    with pytest.raises(StoreCorrupt):
        DECODERS[table](row_of(table)[0], row)


@pytest.mark.parametrize("table", DECODERS)
def test_a_row_has_a_place_of_its_size(table: str) -> None:
    """STO-08, STO-26: also a row of a backup, whose places come from a file."""
    key, values = row_of(table)
    row = cbor.encode(values)
    for spoiled in (b"", key[:-1], key + b"\0"):
        with pytest.raises(StoreCorrupt):
            DECODERS[table](spoiled, row)
    if table in ("prekey", "message"):
        with pytest.raises(StoreCorrupt):
            DECODERS[table](b"\xff" + key[1:], row)


def test_a_pair_without_one_of_its_sessions_is_refused() -> None:
    """STO-16: the rows of one commit are there together or the store is at fault."""
    world, company, _, _ = acquainted()
    company.rows.tables["session"].clear()
    with pytest.raises(StoreCorrupt):
        company.crash()
    assert world.nodes


def test_a_store_without_an_account_is_refused() -> None:
    """STO-08."""
    _, company, _, _ = acquainted()
    del company.rows.tables["account"][OWN_KEY]
    with pytest.raises(StoreCorrupt):
        company.crash()
