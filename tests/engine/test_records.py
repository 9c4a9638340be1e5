"""Rows that do not fit are a fault of the store, whichever part of them does not (STO-08)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from e2ee_client.engine import records
from e2ee_client.errors import StoreCorrupt
from fuzz_stored import _DECODERS, _ROWS, TARGETS
from fuzz_target import run

from e2ee.wire import cbor

ROW = next(target for target in TARGETS if target.name == "row")
OWN, MAILBOX, CONTACT, PEER, PREKEY, OUTGOING, MESSAGE, RECEIPTS = range(8)


def _row(kind: int) -> list[Any]:
    seed = next(seed for seed in ROW.seeds() if seed[0] == kind)
    values = cbor.decode(seed[1:])
    assert isinstance(values, list)
    return values


@pytest.mark.parametrize("kind", range(8))
def test_the_rows_of_the_targets_are_valid(kind: int) -> None:
    """STO-08: each decoder reads what its own class wrote."""
    assert run(ROW, bytes((kind,)) + cbor.encode(_row(kind))) == "accepted"


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        (OWN, 1, b"short"),
        (OWN, 2, b"key"),
        (OWN, 3, b""),
        (OWN, 4, cbor.encode([b"", bytes(64)])),
        (OWN, 5, 7),
        (MAILBOX, 5, [[b"", b"token"]]),
        (MAILBOX, 5, [[]]),
        (CONTACT, 8, [1]),
        (CONTACT, 8, [1, bytes(32), 2]),
        (PEER, 2, [b"", b""]),
        (PEER, 8, []),
        (PEER, 8, [1, 2, 3]),
        (PREKEY, 1, b"signed"),
        (PREKEY, 2, bytes(31)),
        (PREKEY, 3, b"\xa0"),
        (OUTGOING, 8, None),
        (MESSAGE, 4, 99),
        (MESSAGE, 4, -1),
        (RECEIPTS, 1, [1]),
    ],
)
def test_a_part_that_does_not_fit(kind: int, place: int, value: object) -> None:
    """STO-08: no error of Python or of the core gets out, and no number counts from the end."""
    row = _row(kind)
    row[place] = value
    assert run(ROW, bytes((kind,)) + cbor.encode(row)) == "StoreCorrupt"


@pytest.mark.parametrize("decode", [records.Own.decode, records.decode_receipts])
@pytest.mark.parametrize("row", [b"", b"\x00", b"\x80", b"\x82\x02\x80", b"\xff"])
def test_a_row_of_another_version_or_none(decode: Callable[[bytes], object], row: bytes) -> None:
    """STO-08."""
    with pytest.raises(StoreCorrupt):
        decode(row)


@pytest.mark.parametrize("kind", [MAILBOX, CONTACT, PEER, PREKEY, OUTGOING, MESSAGE])
def test_a_row_has_a_place_of_its_size(kind: int) -> None:
    """STO-08, STO-26: also a row of a backup, whose places come from a file."""
    key, row = _ROWS()[kind].key, cbor.encode(_row(kind))
    assert _DECODERS[kind](key, row)
    for spoiled in (b"", key[:-1], key + b"\0"):
        with pytest.raises(StoreCorrupt):
            _DECODERS[kind](spoiled, row)
    if kind in (PREKEY, MESSAGE):
        with pytest.raises(StoreCorrupt):
            _DECODERS[kind](b"\xff" + key[1:], row)
