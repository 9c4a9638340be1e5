"""Chapter 10 recomputed by the core: every case of content.json."""

from __future__ import annotations

from typing import Any

import pytest
from vector_files import load, unhex

from e2ee import content
from e2ee.content import (
    AddressOnly,
    Nothing,
    OfRooms,
    Payload,
    Receipt,
    SignedList,
    Sync,
    Text,
    Unsupported,
)
from e2ee.wire import cbor

CASES = load("content.json")["cases"]
TYPES: dict[int, type[Payload]] = {
    1: Text,
    2: Receipt,
    3: AddressOnly,
    5: Sync,
    6: SignedList,
    7: Nothing,
    **dict.fromkeys(range(8, 13), OfRooms),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_contents(case: dict[str, Any]) -> None:
    """CON-01 to CON-07, CON-09, CON-11, CON-12: decoded, and encoded again to the bytes that are kept."""
    from spec.vectors.document import diagnostic

    encoded = unhex(case["encoded"])
    value = cbor.decode(encoded)
    assert isinstance(value, dict)
    assert diagnostic(value) == case["diagnostic"]
    opened = content.decode(encoded)
    assert content.encode(opened).hex() == case["kept"]
    assert (opened.id, opened.sent_ms) == (value[2], value[3])
    assert isinstance(opened.payload, TYPES.get(int(str(value[1])), Unsupported))
    assert (None if opened.number is None else opened.number.encode()) == value.get(9)
    assert (opened.heads is None, opened.epoch, opened.way_back is None, opened.bundle is None) == (
        5 not in value,
        value.get(6),
        7 not in value,
        8 not in value,
    )


def test_every_type_of_the_registry_is_there() -> None:
    """CON-03."""
    payloads = {type(content.decode(unhex(case["encoded"])).payload) for case in CASES}
    assert payloads == {*TYPES.values(), Unsupported}
    assert set(TYPES) == set(content.ContentType)
