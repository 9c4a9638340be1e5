"""Stored sessions recomputed by the core: snapshot.json (SES-14)."""

from __future__ import annotations

from typing import Any

import pytest
from vector_files import hexed, load, unhex
from vector_play import conversation
from vector_states import KEM_STATES, described

from e2ee import pair, session, snapshot
from e2ee.ratchet.state import Sending, StepDue
from e2ee.session import Session

FILE = load("snapshot.json")
CASES = FILE["cases"]


def _restored(case: dict[str, Any]) -> Session:
    rows = [snapshot.decode_skipped(unhex(row["place"]), unhex(row["value"])) for row in case["skipped"]]
    return snapshot.decode_session(unhex(case["session"]), rows)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['file']}-{case['side']}{case['step']}")
def test_snapshots(case: dict[str, Any]) -> None:
    """SES-14, SES-15: stored form of the played session, and the same session restored from it."""
    whole = conversation(case["file"])
    ours = whole.initiated() if case["step"] < 0 else whole.played[case["step"]].session
    assert snapshot.encode_session(ours).hex() == case["session"]
    rows = [
        dict(zip(("place", "value"), snapshot.encode_skipped(row), strict=True))
        for row in ours.ratchet.skipped
    ]
    assert hexed(rows) == case["skipped"]
    restored = _restored(case)
    assert snapshot.encode_session(restored).hex() == case["session"]
    assert described(restored.ratchet, whole.wholes) == described(ours.ratchet, whole.wholes)
    assert type(restored.ratchet.kem).__name__ == case["kem"]
    assert restored.tags() == ours.tags()


def test_snapshots_show_every_kind_of_state() -> None:
    """SES-14: a responder that has received nothing is never stored, so `Listening` is not among them."""
    sessions = [_restored(case) for case in CASES]
    assert {type(one.ratchet.sending) for one in sessions} == {Sending, StepDue}
    assert {type(one.phase) for one in sessions} == {session.AwaitingReply, session.Established}
    assert {case["kem"] for case in CASES} == set(KEM_STATES)


@pytest.mark.parametrize("case", FILE["pairs"])
def test_pairs(case: dict[str, Any]) -> None:
    """SES-14, SES-15."""
    row = snapshot.decode_pair(unhex(case["pair"]))
    assert hexed([row.active, row.inactive, row.highest_gen]) == [
        case["active"],
        case["inactive"],
        case["highest_gen"],
    ]
    sessions: dict[Any, Session] = {}
    for session_id in filter(None, (row.active, *(one for one, _ in row.inactive))):
        ours = conversation("ratchet.json").initiated()
        sessions[session_id] = ours._replace(ratchet=ours.ratchet._replace(session_id=session_id))
    assert snapshot.encode_pair(snapshot.restore_pair(row, sessions)).hex() == case["pair"]
    assert pair.FRESH.highest_gen == 0
