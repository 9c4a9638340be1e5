"""Regressions: sessions that nobody answers (HS-04, SES-09, SES-26).

What becomes of a pair afterwards is in test_pair_world.
"""

from __future__ import annotations

import pytest
from pair_states import EPOCH, session_id, started
from parties import NOW_MS, Party, text_of
from session_rows import moved_on

from e2ee import pair as pairs
from e2ee import session, snapshot
from e2ee.errors import SessionExpired, SkipLimitExceeded
from e2ee.pair import Pair
from e2ee.primitives import kem
from e2ee.wire import envelope as envelopes


@pytest.mark.parametrize(("lost", "sealed"), [(999, True), (1_000, False)])
def test_no_message_under_a_prefix_has_a_number_that_cannot_be_the_first(lost: int, sealed: bool) -> None:
    """HS-04, DR-13: number 1000 can be the first to arrive, number 1001 could never be opened."""
    alice, bob = Party.make("alice"), Party.make("bob")
    first, _ = alice.seal(alice.initiate(bob), "number 0")
    late = snapshot.decode_session(moved_on(snapshot.encode_session(first), lost))
    if not sealed:
        assert late.is_expired(NOW_MS)
        with pytest.raises(SessionExpired):
            alice.seal(late, "late")
        return
    _, envelope = alice.seal(late, "late")
    assert text_of(bob.accept(envelope).opened) == "late"


def test_a_responder_with_less_patience_takes_nothing() -> None:
    """SES-38, DR-13: 64 keys for a peer that is not accepted."""
    alice, bob = Party.make("alice"), Party.make("bob")
    first, _ = alice.seal(alice.initiate(bob), "number 0")
    for count, opens in ((63, True), (64, False)):
        late = snapshot.decode_session(moved_on(snapshot.encode_session(first), count))
        sealed = session.seal(late, alice.text("late"), NOW_MS, alice.rng, kem.encapsulate)
        raw = envelopes.decode(sealed.envelope)
        if opens:
            assert session.respond(raw, bob.responder_keys(raw), lambda _: None, NOW_MS, 64)
        else:
            with pytest.raises(SkipLimitExceeded):
                session.respond(raw, bob.responder_keys(raw), lambda _: None, NOW_MS, 64)


def test_a_session_that_is_used_up_makes_room_for_the_next() -> None:
    """SES-09: its pair then writes on the next one."""
    pair = Pair(sessions=(started(1, EPOCH),))
    assert pairs.sending(pair, NOW_MS) == session_id(1)
    used_up = pairs.ended(pair, session_id(1))
    assert pairs.sending(used_up, NOW_MS) is None
    after = pairs.started(used_up, started(2, pairs.next_epoch(used_up, NOW_MS)), NOW_MS).pair
    assert pairs.sending(after, NOW_MS) == session_id(2)
