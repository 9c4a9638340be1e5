"""ratchet_cases.json: arrivals at the limits of chapter 07, with the core."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from vector_files import load, unhex

from e2ee import session, snapshot
from e2ee.ratchet.skipped import SkippedKeys
from e2ee.wire import envelope

FILE = load("ratchet_cases.json")


def digest(keys: SkippedKeys) -> dict[str, Any]:
    """Count and SHA-256 of all keys, by ascending tag and number."""
    rows = sorted(
        row.tag
        + row.number.to_bytes(4, "big")
        + row.header_key.expose()
        + row.message_key.expose()
        + row.stored_ms.to_bytes(8, "big")
        for row in keys
    )
    return {"count": len(rows), "sha256": hashlib.sha256(b"".join(rows)).hexdigest()}


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("case", FILE["cases"], ids=lambda case: case["name"])
def test_an_arrival_at_a_limit(case: dict[str, Any], backwards: bool) -> None:
    """DR-12, DR-13, DR-14, DR-16: it opens, whatever the order in which the store gives the rows."""
    rows = [snapshot.decode_skipped(unhex(row["place"]), unhex(row["value"])) for row in case["skipped"]]
    ours = snapshot.decode_session(unhex(case["session"]), rows[::-1] if backwards else rows)
    opened = session.open_(ours, envelope.decode(unhex(case["envelope"])), FILE["now_ms"])
    assert (opened.skipped, opened.dropped) == (case["missing"], case["dropped"])
    assert snapshot.encode_session(opened.session).hex() == case["after"]["session"]
    assert digest(opened.session.ratchet.skipped) == case["after"]["skipped"]
