"""After each step, nothing reachable from the new state holds a secret that the chapters call dead."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from parties import NOW_MS, Party, open_
from reachable import byte_strings
from recorded_run import BURSTS, ONE_SIDED, PING_PONG, Pattern, Run

from e2ee import session as sessions
from e2ee.primitives import kem
from e2ee.ratchet import chain
from e2ee.ratchet.kem_ratchet import Answering, CiphertextDue, Offering, SecretHeld
from e2ee.ratchet.state import Receiving, Sending
from e2ee.session import Session


def steps(run: Run) -> Iterator[tuple[str, Session, Session]]:
    """Each change of a side's state: what happened, before and after."""
    for before, after in zip(run.moments, run.moments[1:], strict=False):
        for side in ("A", "B"):
            old, new = before.sides[side], after.sides[side]
            if old is not new:
                yield ("sealed" if run.sent[after.at].sender == side else "opened"), old, new


def dead(old: Session, new: Session) -> set[bytes]:
    """The secrets of the old state that the chapters say are gone from the new one."""
    was, now = old.ratchet, new.ratchet
    gone: set[bytes] = set()
    if was.root_key is not now.root_key:  # DR-06, DR-14: a root step
        gone.add(was.root_key.expose())
    if isinstance(was.sending, Sending) and was.sending is not now.sending:  # DR-04
        gone.add(was.sending.chain_key.expose())
        gone.add(chain.step(was.sending.chain_key.expose())[1])
        if not isinstance(now.sending, Sending):  # DR-14
            gone.add(was.sending.private_key.expose())
            gone.add(was.sending.header_key.expose())
    if isinstance(was.receiving, Receiving) and was.receiving is not now.receiving:  # DR-04, DR-14
        gone.add(was.receiving.chain_key.expose())
    for row in was.skipped:  # DR-12
        if now.skipped.get(row.header_key, row.number) is None:
            gone.add(row.message_key.expose())
    return gone | dead_of_the_epoch(old, new)


def dead_of_the_epoch(old: Session, new: Session) -> set[bytes]:
    """PQ-14: secrets of the KEM ratchet that have served."""
    was, now = old.ratchet.kem, new.ratchet.kem
    if isinstance(was, Offering) and not isinstance(now, Offering):
        return {was.pair.expose(), *was.blocks}
    if isinstance(was, CiphertextDue) and not isinstance(now, CiphertextDue):
        return {was.key}
    if isinstance(was, SecretHeld | Answering) and type(was) is not type(now):
        return {was.secret.expose()}
    return set()


@pytest.mark.parametrize(("pattern", "late"), [(PING_PONG, 0.0), (BURSTS, 0.3), (ONE_SIDED, 0.2)])
def test_what_is_dead_is_not_there(pattern: Pattern, late: float) -> None:
    """DR-04, DR-06, DR-12, DR-14, DR-17, PQ-14"""
    run = Run(pattern, 0.05, seed=5, late=late).talk(160)
    kinds: set[str] = set()
    for what, old, new in steps(run):
        gone = dead(old, new)
        assert gone, what
        assert not gone & byte_strings(new)
        assert gone - _message_keys(old) <= byte_strings(old)
        kinds.add(what)
    assert kinds == {"sealed", "opened"}
    assert pattern is ONE_SIDED or run.sides["A"].ratchet.pq_epoch >= 3


def _message_keys(session: Session) -> set[bytes]:
    """Message keys are derived on the way and were in no state."""
    sending = session.ratchet.sending
    return {chain.step(sending.chain_key.expose())[1]} if isinstance(sending, Sending) else set()


def test_the_message_key_of_an_opened_message_is_not_kept() -> None:
    """DR-04, DR-12: neither in order nor late."""
    run = Run(PING_PONG, seed=6).talk(4)
    a, b = run.sides["A"], run.sides["B"]
    alice = run.alice
    a, last = alice.seal(a, "one", way_back=None)
    keys = []
    for text in ("two", "three"):
        assert isinstance(a.ratchet.sending, Sending)
        keys.append(chain.step(a.ratchet.sending.chain_key.expose())[1])
        a, last = alice.seal(a, text, way_back=None)
    b = open_(b, last).session
    assert keys[0] in byte_strings(b)
    assert keys[1] not in byte_strings(b)


def test_a_handshake_leaves_no_prekey_in_the_session() -> None:
    """HS-08, DR-14: nor the SPK, which was the responder's first ratchet key."""
    alice, bob = Party.make("alice"), Party.make("bob")
    a, flight = alice.seal(alice.initiate(bob), "hello")
    b = bob.accept(flight).opened.session
    for session in (a, b):
        there = byte_strings(session)
        for secret in (
            alice.device.dh_key,
            bob.device.dh_key,
            bob.opk.private,
            bob.pqk.private,
            bob.spk.private,
        ):
            assert secret.expose() not in there


def test_a_state_that_keeps_the_old_one_is_found_out() -> None:
    """The control: a secret somewhere below the new state is seen."""
    run = Run(PING_PONG, seed=7).talk(6)
    what, old, new = next(iter(steps(run)))
    assert not dead(old, new) & byte_strings(new), what
    hoarder = new._replace(phase=(new.phase, {"undo": [old]}))  # type: ignore[arg-type]  # what must not be
    assert dead(old, new) & byte_strings(hoarder)
    sealed = sessions.seal(new, run.alice.text("x"), NOW_MS, run.rng, kem.encapsulate)
    assert byte_strings(sealed.session) != byte_strings(new)
