"""Messages in turn: each begins a chain, with a fresh ratchet key."""

from __future__ import annotations

import os

import parties
import pytest

from bench import floors, scenes
from bench.paired import PROCESSOR_TIME, Row
from e2ee import session
from e2ee.primitives import kem
from e2ee.wire.envelope import decode

pytestmark = PROCESSOR_TIME

TARGET = 1.4
SIZES_B = {"32 B": 32, "1 KiB": 1024, "64 KiB": 65_000}


@pytest.mark.parametrize("size", SIZES_B)
def test_round_trip(row: Row, size: str) -> None:
    round_trips = row.size(10, 2)
    _, _, start_a, start_b = parties.connected_pair()
    of = "x" * SIZES_B[size]
    work = scenes.ping_pong(start_a, start_b, of, round_trips)
    texts = [scenes.text(of) for _ in work]

    def ours() -> None:
        sender, receiver = start_a, start_b
        for content in texts:
            sender, envelope = session.seal(sender, content, scenes.NOW_MS, os.urandom, kem.encapsulate)
            receiver = session.open_(receiver, decode(envelope), scenes.NOW_MS).session
            sender, receiver = receiver, sender

    row(ours, floors.turns(work), round_trips, target=TARGET if size == "1 KiB" else None, unit="round trip")
