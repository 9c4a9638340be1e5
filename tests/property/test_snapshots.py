"""Stored states: each comes back, and goes on as the one that was never stored (SES-14, SES-15)."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parties import NOW_MS, NUMBER, Party, ScriptedRng, open_

from e2ee import session as sessions
from e2ee import snapshot
from e2ee.content import Content, Text
from e2ee.errors import SnapshotError
from e2ee.ids import ContentId
from e2ee.primitives import kem
from e2ee.session import Session
from e2ee.wire import cbor

# One letter a step: A or B sends, a or b receives the oldest, x drops it, g leaves a gap in A's chain.
SCRIPTS = st.text("ABabababxg", max_size=25)
_ALICE, _BOB = Party.make("alice"), Party.make("bob")
_STARTED, _FLIGHT = _ALICE.seal(_ALICE.initiate(_BOB), "first")
_HEARD = _BOB.accept(_FLIGHT).opened.session


class Talk:
    """Two ends of one session and what is under way; `stores` puts each state through its rows."""

    def __init__(self, *, stores: bool = False) -> None:
        self.ends = {"A": _STARTED, "B": _HEARD}
        self.queues: dict[str, list[bytes]] = {"A": [], "B": []}
        self._stores = stores
        self._rng = ScriptedRng("talk")

    def play(self, script: str) -> Talk:
        """Play a script."""
        for letter in script:
            if letter in "AB":
                self.queues["B" if letter == "A" else "A"].append(self._sealed(letter))
            elif letter == "g":
                self._sealed("A")
            elif letter == "x":
                self.queues["B"] = self.queues["B"][1:]
            elif self.queues[letter.upper()]:
                self._open(letter.upper(), self.queues[letter.upper()].pop(0))
        return self

    def _sealed(self, name: str) -> bytes:
        party = _ALICE if name == "A" else _BOB
        content = Content(ContentId(self._rng(16)), NOW_MS, Text(name), number=NUMBER)
        content = content._replace(way_back=party.way_back)
        sealed = sessions.seal(self.ends[name], content, NOW_MS, self._rng, kem.encapsulate)
        self._keep(name, sealed.session)
        return sealed.envelope

    def _open(self, name: str, envelope: bytes) -> None:
        self._keep(name, open_(self.ends[name], envelope).session)

    def _keep(self, name: str, session: Session) -> None:
        self.ends[name] = loaded(*stored(session)) if self._stores else session


def sessions_of(talk: Talk) -> list[Session]:
    """Both ends."""
    return list(talk.ends.values())


def played(script: str) -> Talk:
    """Two ends after a script."""
    return Talk().play(script)


def stored(session: Session) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """A session as rows."""
    rows = sorted(snapshot.encode_skipped(row) for row in session.ratchet.skipped)
    return snapshot.encode_session(session), rows


def loaded(encoded: bytes, rows: list[tuple[bytes, bytes]]) -> Session:
    """A session from its rows."""
    return snapshot.decode_session(encoded, [snapshot.decode_skipped(*row) for row in rows])


@given(SCRIPTS)
def test_a_stored_session_comes_back_equal(script: str) -> None:
    """SES-14, SES-15: byte by byte, skipped keys included."""
    for session in sessions_of(played(script)):
        again = loaded(*stored(session))
        assert stored(again) == stored(session)
        assert again._replace(ratchet=session.ratchet) == session
        # Chains stored in the same millisecond may change places: none of them is the older one.
        assert sorted(again.tags()) == sorted(session.tags())


@given(SCRIPTS)
def test_a_restored_end_opens_and_answers_as_the_one_that_ran_through(script: str) -> None:
    """SES-14: each state goes through its rows, and every message still opens."""
    restarted = Talk(stores=True).play(script)
    through = Talk().play(script)
    for one, other in zip(sessions_of(through), sessions_of(restarted), strict=True):
        assert (one.phase, one.origin.epoch) == (other.phase, other.origin.epoch)
        assert len(list(one.ratchet.skipped)) == len(list(other.ratchet.skipped))
        assert len(one.tags()) == len(other.tags())


@given(
    SCRIPTS.filter(lambda script: "A" in script), st.integers(0, 2**16), st.integers(0, 255), st.booleans()
)
def test_a_damaged_row_is_refused_or_another_state(script: str, at: int, byte: int, cut: bool) -> None:
    """SES-14: nothing but a SnapshotError comes out, and what is taken encodes to what was read."""
    encoded, rows = stored(sessions_of(played(script))[0])
    at %= len(encoded)
    changed = encoded[:at] if cut else encoded[:at] + bytes((byte,)) + encoded[at + 1 :]
    try:
        session = loaded(changed, rows)
    except SnapshotError:
        assert changed != encoded
        return
    assert snapshot.encode_session(session) == changed


@given(SCRIPTS.filter(lambda script: "A" in script), st.integers(-(2**63), 2**63) | st.none() | st.booleans())
def test_an_unknown_version_is_refused(script: str, version: int | bool | None) -> None:
    """SES-14."""
    items = cast("list[Any]", cbor.decode(snapshot.encode_session(sessions_of(played(script))[0])))
    items[0] = version
    if version is not True and version == snapshot.SESSION_FORMAT:
        assert snapshot.decode_session(cbor.encode(items))
        return
    with pytest.raises(SnapshotError):
        snapshot.decode_session(cbor.encode(items))


def test_the_scripts_reach_every_kind_of_state() -> None:
    """Each sending and receiving state, and skipped keys, or the tests above would show little."""
    found = {
        (type(one.ratchet.sending).__name__, type(one.ratchet.receiving).__name__, bool(one.ratchet.skipped))
        for script in ("", "Ab", "AbB", "AbBa", "AbBaAb", "gAAbb", "gAAb")
        for one in sessions_of(played(script))
    }
    assert {kind for kind, _, _ in found} >= {"Sending", "StepDue"}
    assert {kind for _, kind, _ in found} == {"NoChain", "Receiving"}
    assert {kept for _, _, kept in found} == {True, False}
