"""Which session of a pair is active, over all orders of what happens (SES-22, SES-27, SES-33)."""

from __future__ import annotations

from itertools import permutations

import pair_states as states
from hypothesis import given
from hypothesis import strategies as st
from pair_states import EPOCH, LATER_KEY, heard, met, session_id, started, sync
from parties import DAY_MS, NOW_MS

from e2ee import pair as pairs
from e2ee import snapshot
from e2ee.content import SyncKind
from e2ee.numbers import Number
from e2ee.pair import Change, Pair

_NUMBERS = st.integers(1, 9)
_EPOCHS = st.integers(EPOCH - 2, EPOCH + 2)
_STEPS = st.one_of(
    st.tuples(st.just("heard"), _NUMBERS, _EPOCHS),
    st.tuples(st.just("started"), _NUMBERS, _EPOCHS),
    st.tuples(st.just("answer"), _NUMBERS, st.just(0)),
    st.tuples(st.just("message"), _NUMBERS, st.just(0)),
    st.tuples(st.just("sync"), _NUMBERS, _EPOCHS),
    st.tuples(st.just("wait"), st.integers(1, 30), st.just(0)),
    st.tuples(st.just("lost"), st.just(0), st.just(0)),
    st.tuples(st.just("text"), st.integers(1, 200), st.just(0)),
)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_the_active_session_is_the_same_in_every_order_of_proof(epochs: list[int]) -> None:
    """SES-22: highest epoch, then smallest id."""
    sessions = [heard(number, epoch) for number, epoch in enumerate(epochs, 1)]
    best = min(sessions, key=lambda one: (-one.epoch, one.id))
    for order in permutations(sessions):
        pair = Pair(sessions=tuple(sessions))
        for session in order:
            pair = pairs.opened(pair, session.id, LATER_KEY, NOW_MS).pair
        assert pair.active is not None
        assert pair.active.id == best.id
        assert {one.id for one in pair.sessions} == {one.id for one in sessions}


def step(pair: Pair, what: str, number: int, epoch: int, now_ms: int) -> Change:
    """Let one thing happen."""
    match what:
        case "heard" if pair.session(session_id(number)) is None:
            return pairs.heard(pair, heard(number, epoch, created_ms=now_ms), now_ms)
        case "started" if pair.session(session_id(number)) is None:
            return pairs.started(pair, started(number, epoch, created_ms=now_ms), now_ms)
        case "answer":
            return pairs.opened(pair, session_id(number), LATER_KEY, now_ms)
        case "message":
            return pairs.opened(pair, session_id(number), None, now_ms)
        case "sync":
            stated = sync(SyncKind.TELL, None, top=states.top(number, epoch), got=number)
            return pairs.synced(pair, session_id(number), stated, now_ms)
        case "text":
            return pairs.numbered(pair, Number(number, b"line", 1))
        case "lost":
            return Change(pairs.lost(pair, now_ms))
        case _:
            return pairs.tick(pair, now_ms, connected=True, texts_wait=True)


@given(st.lists(_STEPS, max_size=40))
def test_what_holds_of_a_pair_holds_after_every_step(steps: list[tuple[str, int, int]]) -> None:
    """SES-15, SES-22, SES-26, SES-33: kept sessions, one candidate, what is known, and its stored form."""
    pair, now_ms = met(), NOW_MS
    for what, number, epoch in steps:
        before = pair
        now_ms += number * DAY_MS if what == "wait" else 1_000
        change = step(pair, what, number, epoch, now_ms)
        pair = change.pair
        proven = [one for one in pair.sessions if one.proven]
        assert pair.active == min(proven, key=lambda one: one.rank, default=None)
        assert pair.known >= max(before.known, *(one.epoch for one in pair.sessions), 0)
        assert pair.met >= before.met
        assert len(pair.sessions) <= 6
        ids = {one.id for one in pair.sessions}
        assert not ids & set(change.gone)
        assert pair.candidate is None or pair.candidate.id in ids or what == "lost"
        assert all(one.proven == (one.since_ms > 0) for one in proven if one != pair.active)
        assert snapshot.decode_pair(snapshot.encode_pair(pair), bytes(4)) == pair
