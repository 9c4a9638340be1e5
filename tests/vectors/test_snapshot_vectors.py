"""Stored sessions recomputed by the core: snapshot.json (SES-14)."""

from __future__ import annotations

from typing import Any

import pytest
from vector_files import hexed, load, unhex
from vector_play import conversation
from vector_states import KEM_STATES, described

from e2ee import session, snapshot
from e2ee.ratchet.state import Sending, StepDue
from e2ee.session import Session

FILE = load("snapshot.json")
CASES = FILE["cases"]
LINE = b"LINE"


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
    assert {type(one.phase) for one in sessions} == {session.Started, session.Heard, session.Proven}
    assert {case["kem"] for case in CASES} == set(KEM_STATES)


@pytest.mark.parametrize("case", FILE["pairs"], ids=range(len(FILE["pairs"])))
def test_pairs(case: dict[str, Any]) -> None:
    """SES-14, SES-15: every field under its name, in the order of chapter 12."""
    pair = snapshot.decode_pair(unhex(case["pair"]), LINE)
    given = pair.given
    assert (given.line, given.first) == (LINE, 0)
    optional = {"wanted": pair.wanted, "candidate": pair.candidate, "ask": pair.ask}
    assert hexed(
        {
            "sessions": [list(one) for one in pair.sessions],
            **{name: None if part is None else list(part) for name, part in optional.items()},
            "budget": list(pair.budget),
            "given": given.n,
            "received": list(pair.received),
        }
    ) == {name: case[name] for name in ("sessions", *optional, "budget", "given", "received")}
    plain = ("known", "met", "asked_ms", "gap_asks", "rolled_back_ms")
    assert [getattr(pair, name) for name in plain] == [case[name] for name in plain]
    assert snapshot.encode_pair(pair).hex() == case["pair"]
