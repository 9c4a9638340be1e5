"""Chapter 08: doubt, silence, and the search for a peer that does not answer."""

from __future__ import annotations

from dataclasses import replace

import pair_states as states
import parties
from pair_states import ASK_ID, EPOCH, heard, met, session_id, started
from parties import DAY_MS, NOW_MS

from e2ee import pair as pairs
from e2ee.constants import PREKEY_LIFE_MS, RELAY_RETENTION_MS
from e2ee.numbers import Finding
from e2ee.pair import Candidate, Pair, Standing, Wanted

MINUTE_MS, HOUR_MS = pairs.MINUTE_MS, pairs.HOUR_MS
YEAR_MS = 365 * DAY_MS


def test_doubt_leads_to_one_ask_at_a_time() -> None:
    """SES-25, SES-35: ten minutes apart, on the active session, beside no search, twelve in a day."""
    assert pairs.may_ask(met(), NOW_MS)
    wanting = met(wanted=Wanted(NOW_MS))
    for pair in (Pair(), states.asking(), states.with_candidate(), wanting, met(heard(1))):
        assert not pairs.may_ask(pair, NOW_MS)
    recent = met(asked_ms=NOW_MS)
    assert not pairs.may_ask(recent, NOW_MS + 10 * MINUTE_MS - 1)
    assert pairs.may_ask(recent, NOW_MS + 10 * MINUTE_MS)
    pair, now_ms = met(), NOW_MS
    for number in range(12):
        now_ms = NOW_MS + number * 10 * MINUTE_MS
        assert pairs.may_ask(pair, now_ms)
        pair = replace(pairs.asked(pair, ASK_ID, 1, now_ms), ask=None)
    assert not pairs.may_ask(pair, now_ms + 10 * MINUTE_MS)
    assert pairs.may_ask(pair, NOW_MS + DAY_MS)


def test_a_gap_is_asked_for_three_times() -> None:
    """SES-25: at once, after an hour, after a day."""
    pair = pairs.numbered(met(), parties.NUMBER._replace(n=3)).pair
    now_ms, asked_at = NOW_MS, list[int]()
    while now_ms < NOW_MS + 5 * DAY_MS:
        if pairs.gap_ask_due(pair, now_ms):
            asked_at.append(now_ms - NOW_MS)
            pair = pairs.asked(pair, ASK_ID, pairs.LONG_PATIENCE_MS, now_ms, for_gap=True)
            pair = replace(pair, ask=None)
        now_ms += 10 * MINUTE_MS
    assert asked_at == [0, HOUR_MS, HOUR_MS + DAY_MS]
    assert not pairs.gap_ask_due(met(), NOW_MS)
    first = pairs.numbered(met(asked_ms=NOW_MS), parties.NUMBER._replace(n=3)).pair
    assert pairs.due_ms(first) == NOW_MS + pairs.ASK_APART_MS
    assert not pairs.gap_ask_due(first, NOW_MS + pairs.ASK_APART_MS - 1)
    assert pairs.gap_ask_due(first, NOW_MS + pairs.ASK_APART_MS)
    assert pairs.due_ms(pair) is None


def test_a_gap_is_due_when_it_can_be_asked_for() -> None:
    """SES-25, SES-35: not beside an open ask or a candidate, not without an active session, and with a
    budget that is spent when the next 24 hours begin.
    """
    first = pairs.numbered(met(), parties.NUMBER._replace(n=3)).pair
    assert pairs.due_ms(first) == pairs.GAP_ASKS_MS[0] + pairs.ASK_APART_MS
    spent = replace(first, budget=pairs.Budget(NOW_MS, asks=pairs.MAX_ASKS))
    assert pairs.due_ms(spent) == NOW_MS + DAY_MS
    for busy in (
        replace(first, ask=pairs.Ask(ASK_ID, 0, 1)),
        replace(first, sessions=()),
        replace(first, candidate=Candidate(session_id(2), NOW_MS, NOW_MS)),
    ):
        assert pairs.due_ms(busy) is None
        assert not pairs.gap_ask_due(busy, NOW_MS + DAY_MS)


def test_a_gap_while_a_session_is_wanted_is_told_and_asked_for_after_it() -> None:
    """SES-25, SES-30: no text goes without an event meanwhile, and none of the three asks is used up."""
    wanting = met(wanted=Wanted(NOW_MS))
    change = pairs.numbered(wanting, parties.NUMBER._replace(n=3))
    assert change.findings == [Finding.GAP]
    assert pairs.due_ms(change.pair) is None
    assert not pairs.gap_ask_due(change.pair, NOW_MS + DAY_MS)
    calm = replace(change.pair, wanted=None)
    assert pairs.gap_ask_due(calm, NOW_MS + DAY_MS)
    assert (calm.gap_asks, pairs.due_ms(calm)) == (0, pairs.GAP_ASKS_MS[0] + pairs.ASK_APART_MS)


def test_an_ask_that_the_relay_refused_is_free_again() -> None:
    """SES-25: the next doubt may ask; another id changes nothing."""
    asking = pairs.asked(met(), ASK_ID, pairs.SHORT_PATIENCE_MS, NOW_MS)
    assert pairs.ask_refused(asking, b"another!") == asking
    assert pairs.ask_refused(asking, ASK_ID).ask is None
    assert pairs.ask_refused(met(), ASK_ID) == met()


def test_silence_counts_from_when_the_relay_took_the_ask() -> None:
    """SES-26: and while connected; another id changes nothing, nor does a second taking."""
    untaken = pairs.asked(met(), ASK_ID, pairs.SHORT_PATIENCE_MS, NOW_MS)
    assert pairs.due_ms(untaken) is None
    assert pairs.ask_taken(untaken, b"another!", NOW_MS) == untaken
    assert pairs.ask_taken(met(), ASK_ID, NOW_MS) == met()
    taken = pairs.ask_taken(untaken, ASK_ID, NOW_MS + 1)
    assert pairs.ask_taken(taken, ASK_ID, NOW_MS + 2) == taken
    end_ms = NOW_MS + 1 + pairs.SHORT_PATIENCE_MS
    assert pairs.due_ms(taken) == end_ms
    for pair, now_ms, connected, wants in (
        (untaken, end_ms, True, False),
        (taken, end_ms - 1, True, False),
        (taken, end_ms, False, False),
        (taken, end_ms, True, True),
    ):
        change = pairs.tick(pair, now_ms, connected=connected, texts_wait=False)
        assert (change.pair.wanted is not None) == wants
        assert (change.pair.ask is None) == wants


def test_silence_beside_a_candidate_wants_no_second_one() -> None:
    """SES-26"""
    ask = pairs.Ask(ASK_ID, NOW_MS, 1)
    pair = replace(states.with_candidate(), ask=ask)
    after = pairs.tick(pair, NOW_MS + MINUTE_MS, connected=True, texts_wait=False).pair
    assert (after.wanted, after.ask) == (None, None)


def test_the_ask_of_a_candidate_is_repeated() -> None:
    """SES-26: after 10 minutes, an hour, 6 hours, and each further day while it may send."""
    pair, now_ms, at = Pair(), NOW_MS, list[int]()
    assert not pairs.repeat_due(pair, now_ms)
    assert pairs.repeated(pair, now_ms) == pair
    pair = pairs.started(pair, started(2), NOW_MS).pair
    while now_ms < NOW_MS + 20 * DAY_MS:
        if pairs.repeat_due(pair, now_ms):
            assert pairs.due_ms(pair) == now_ms
            at.append(now_ms - NOW_MS)
            pair = pairs.repeated(pair, now_ms)
        now_ms += 10 * MINUTE_MS
    first = 10 * MINUTE_MS
    later = [first + 7 * HOUR_MS + days * DAY_MS for days in range(14)]
    assert at == [first, first + HOUR_MS, *later]
    assert pairs.due_ms(pair) == started(2).ends_ms + 1
    ended = pairs.tick(pair, started(2).ends_ms + 1, connected=True, texts_wait=True).pair
    assert ended.candidate is None


def begun(number: int, now_ms: int) -> Standing:
    """Return the session of ours that follows `number` others."""
    return started(2 + number, EPOCH + 1 + number, created_ms=now_ms, ends_ms=now_ms + PREKEY_LIFE_MS)


def test_a_candidate_is_replaced_for_14_days_then_while_a_text_waits() -> None:
    """SES-26, SES-44: without one-time keys; without a text the search ends and doubt may begin another.
    The times double, but none is longer than a candidate may send.
    """
    pair, now_ms = states.with_candidate(), NOW_MS
    days = (1, 2, 4, 8, 15, 28, 42, 56)
    for number, day in enumerate(days, 1):
        now_ms = NOW_MS + day * DAY_MS + (day > 28) * (day - 28) // 14
        early = pairs.tick(pair, now_ms - 1, connected=True, texts_wait=True).pair
        assert (early.wanted, early.candidate) == (None, pair.candidate)
        waiting = pairs.tick(pair, now_ms, connected=True, texts_wait=True).pair
        assert waiting.wanted == Wanted(NOW_MS, None, again=True)
        after = pairs.tick(pair, now_ms, connected=True, texts_wait=False).pair
        assert (after.wanted is not None) == (day <= 14)
        assert after.candidate is None
        pair = pairs.started(waiting, begun(number, now_ms), now_ms).pair
        assert pair.candidate is not None
        assert pair.candidate.since_ms == NOW_MS
        older = pair.session(session_id(1 + number))
        assert older is None or older.proven or not older.may_send(now_ms)
    over_ms = now_ms + 15 * DAY_MS
    assert pairs.may_ask(pairs.tick(pair, over_ms, connected=True, texts_wait=False).pair, over_ms)


def test_flights_that_wait_for_30_days_are_fewer_than_a_day_takes() -> None:
    """SES-35, SES-44: of one search, of searches one after the other, each day on which one may begin."""
    for lull_days in (0, 1, 8, 15, 22):
        pair, at = states.with_candidate(), [NOW_MS]
        for hour in range(1, 24 * 100):
            now_ms = NOW_MS + hour * HOUR_MS
            pair = pairs.tick(pair, now_ms, connected=True, texts_wait=not lull_days).pair
            is_begun = lull_days and pair.candidate is None and now_ms >= at[-1] + lull_days * DAY_MS
            pair = replace(pair, wanted=Wanted(now_ms)) if is_begun and pair.wanted is None else pair
            if pair.wanted is not None:
                pair, at = pairs.started(pair, begun(len(at), now_ms), now_ms).pair, [*at, now_ms]
        waiting = [sum(one <= late < one + RELAY_RETENTION_MS for late in at) for one in at]
        assert 4 < len(at) < 100
        assert max(waiting) < pairs.MAX_FLIGHTS


def test_a_pair_that_has_met_without_a_session_starts_one_when_a_text_waits() -> None:
    """SES-26: and one that has not met is not searched for."""
    bare = Pair(met=True)
    assert pairs.tick(bare, NOW_MS, connected=True, texts_wait=True).pair.wanted == Wanted(NOW_MS)
    assert pairs.tick(bare, NOW_MS, connected=True, texts_wait=False).pair.wanted is None
    young = pairs.started(Pair(), started(2), NOW_MS).pair
    later_ms = NOW_MS + DAY_MS
    assert pairs.tick(young, later_ms, connected=True, texts_wait=False).pair == young
    assert pairs.tick(young, later_ms - 1, connected=True, texts_wait=True).pair == young
    again = pairs.tick(young, later_ms, connected=True, texts_wait=True).pair
    assert (again.wanted, again.candidate) == (Wanted(NOW_MS, None, again=True), None)
    orphan = Pair(met=True, candidate=Candidate(session_id(2), NOW_MS, NOW_MS))
    assert pairs.tick(orphan, NOW_MS, connected=True, texts_wait=False).pair.candidate is None
    assert not pairs.repeat_due(orphan, NOW_MS + DAY_MS)
    assert pairs.due_ms(orphan) is None


def test_times_ahead_of_the_clock_are_set_to_now() -> None:
    """SES-25, SES-26, SES-35: a clock that was a year ahead and is right again blocks nothing."""
    ahead = NOW_MS + YEAR_MS
    pair = replace(
        pairs.started(met(wanted=Wanted(ahead)), started(2, created_ms=ahead), ahead).pair,
        ask=pairs.Ask(ASK_ID, ahead, 1),
        asked_ms=ahead,
        rolled_back_ms=ahead,
        budget=pairs.Budget(ahead, starts=3, asks=12),
    )
    after = pairs.tick(pair, NOW_MS, connected=True, texts_wait=False).pair
    assert after.candidate == Candidate(session_id(2), NOW_MS, NOW_MS)
    assert after.ask == pairs.Ask(ASK_ID, NOW_MS, 1)
    assert (after.asked_ms, after.rolled_back_ms, after.budget.since_ms) == (NOW_MS, NOW_MS, NOW_MS)
    assert all(one.created_ms <= NOW_MS for one in after.sessions)
    wanting = pairs.tick(met(wanted=Wanted(ahead)), NOW_MS, connected=True, texts_wait=False).pair
    assert wanting.wanted == Wanted(NOW_MS)
    assert not pairs.left(after, "starts", NOW_MS)
    assert pairs.left(after, "starts", NOW_MS + DAY_MS)
    assert pairs.tick(after, NOW_MS, connected=True, texts_wait=False).pair == after
