"""What a store writes and reads for one session, without and with 1000 skipped keys as rows apart."""

from __future__ import annotations

import pytest

from bench import scenes
from bench.bare_calls import recorded
from bench.paired import PROCESSOR_TIME, Row
from e2ee import session, snapshot
from e2ee.session import Session
from e2ee.wire.envelope import decode

pytestmark = PROCESSOR_TIME

SKIPPED = {"0 skipped": 0, "1000 skipped": 1000}
Stored = tuple[bytes, list[tuple[bytes, bytes]]]


def _with_skipped(count: int) -> Session:
    """A receiver that still waits for `count` messages."""
    pair = scenes.talking()
    sealed = scenes.seal_all(pair.a, [scenes.text("x")] * (count + 1))
    return session.open_(pair.b, decode(sealed[-1]), scenes.NOW_MS).session


def _save(state: Session) -> Stored:
    return snapshot.encode_session(state), [snapshot.encode_skipped(row) for row in state.ratchet.skipped]


def _load(stored: Stored) -> Session:
    encoded, rows = stored
    return snapshot.decode_session(encoded, [snapshot.decode_skipped(*row) for row in rows])


@pytest.mark.parametrize("skipped", SKIPPED)
def test_save(row: Row, skipped: str) -> None:
    state = _with_skipped(SKIPPED[skipped])
    times = row.size(1 if SKIPPED[skipped] else 100, 1)
    with recorded() as bare:
        stored = _save(state)
    row.note(session_b=len(stored[0]), row_b=len(stored[1][0][1]) if stored[1] else 0)

    def ours() -> None:
        for _ in range(times):
            _save(state)

    row(ours, bare.block(times), times, unit="session")


@pytest.mark.parametrize("skipped", SKIPPED)
def test_load(row: Row, skipped: str) -> None:
    stored = _save(_with_skipped(SKIPPED[skipped]))
    times = row.size(1 if SKIPPED[skipped] else 100, 1)
    with recorded() as bare:
        state = _load(stored)
    assert _save(state) == stored

    def ours() -> None:
        for _ in range(times):
            _load(stored)

    row(ours, bare.block(times), times, unit="session")
