"""Chapter 08: numbers of texts, and what they show of the peer."""

from __future__ import annotations

import random

import pytest
from pair_states import met, session_id, sync
from parties import DAY_MS, NOW_MS

from e2ee import pair as pairs
from e2ee.errors import DecodeError, InvalidArgument
from e2ee.numbers import MAX_NUMBER, Finding, Given, Number, Received
from e2ee.pair import Pair

GAP, FILLED, PARTED = Finding.GAP, Finding.GAP_FILLED, Finding.PARTED
ONE, TWO, THREE = b"one.", b"two.", b"thre"


def taken(*numbers: tuple[int, bytes, int]) -> tuple[Received, list[list[Finding]]]:
    """Take numbers one after the other; return the state and what each has shown."""
    received, shown = Received(), list[list[Finding]]()
    for n, line, first in numbers:
        received, findings = received.take(Number(n, line, first))
        shown.append(findings)
    return received, shown


def test_a_number_is_20_bytes() -> None:
    """CON-12"""
    number = Number(258, b"line", 2)
    assert number.encode() == bytes(6) + b"\1\2line" + bytes(7) + b"\2"
    assert Number.decode(number.encode()) == number
    assert Number.decode(Number(MAX_NUMBER, ONE, MAX_NUMBER + 1).encode()).n == MAX_NUMBER


@pytest.mark.parametrize(
    ("n", "line", "first"), [(0, ONE, 1), (1, ONE, 0), (1, ONE, 3), (2**53, ONE, 1), (1, b"x", 1)]
)
def test_a_number_out_of_range_is_refused(n: int, line: bytes, first: int) -> None:
    """CON-12"""
    with pytest.raises(InvalidArgument):
        Number(n, line, first).encode()
    with pytest.raises(DecodeError):
        Number.decode(n.to_bytes(8, "big") + line + first.to_bytes(8, "big"))


def test_numbers_count_up_from_the_first_of_an_opening() -> None:
    """SES-29"""
    pair = Pair(given=Given(7, ONE))
    assert pair.given.newest == Number(7, ONE, 8)
    given = []
    for _ in range(3):
        pair, number = pairs.give(pair)
        given.append(number)
        assert pair.given.newest == number
    assert given == [Number(8, ONE, 8), Number(9, ONE, 8), Number(10, ONE, 8)]
    assert Given().newest is None


def test_a_loss_leaves_a_distance_to_what_was_given() -> None:
    """SES-32: max(n + 1, now), and a new first number."""
    lost = pairs.lost(met(given=Given(7, ONE, 5)), NOW_MS)
    assert pairs.give(lost)[1] == Number(NOW_MS + 1, ONE, NOW_MS + 1)
    assert Given(NOW_MS + 9, ONE, 5).skip_to(NOW_MS) == Given(NOW_MS + 10, ONE, 0)


def test_texts_in_order_show_nothing() -> None:
    """SES-30"""
    received, shown = taken(*((n, ONE, 1) for n in range(1, 9)))
    assert shown == [[]] * 8
    assert received == Received(8, ONE, 1, 8)


def test_a_text_that_is_missing_is_a_gap_until_it_comes() -> None:
    """SES-30"""
    received, shown = taken((1, ONE, 1), (4, ONE, 1), (2, ONE, 1), (3, ONE, 1))
    assert shown == [[], [GAP], [], [FILLED]]
    assert received.missing == ()
    received, shown = taken((9, ONE, 1), (5, ONE, 1))
    assert shown == [[GAP], []]
    assert received.missing == ((1, 4), (6, 8))
    assert received.is_missing(4)
    assert not received.is_missing(5)


def test_a_sync_shows_what_is_missing_at_the_end() -> None:
    """SES-30, SES-31"""
    received, _ = taken((1, ONE, 1))
    assert received.told(None) == (received, [])
    after, findings = received.told(Number(3, ONE, 1))
    assert (after.missing, findings) == (((2, 3),), [GAP])
    assert after.told(Number(3, ONE, 1)) == (after, [])
    change = pairs.synced(met(), session_id(1), sync(given=Number(2, ONE, 1)), NOW_MS)
    assert change.findings == [GAP]
    assert change.pair.gap_asks == 0
    assert pairs.numbered(change.pair, Number(1, ONE, 1)).findings == []


def test_a_number_that_is_known_is_parted() -> None:
    """SES-30: the caller gives new content ids only."""
    assert taken((1, ONE, 1), (2, ONE, 1), (2, ONE, 1))[1] == [[], [], [PARTED]]


def test_lines_that_share_a_number_are_parted() -> None:
    """SES-30: whichever comes first, also where no single number came twice."""
    assert taken((1, ONE, 1), (2, ONE, 1), (3, TWO, 3), (4, ONE, 1))[1][3] == [PARTED]
    assert taken((4, ONE, 1), (3, TWO, 3))[1] == [[GAP], [PARTED]]
    assert taken((4, ONE, 1), (1, TWO, 1))[1] == [[GAP], [PARTED]]


def test_an_honest_opening_is_not_parted() -> None:
    """SES-30: lines one behind the other, in any order of arrival."""
    texts = [(1, ONE, 1), (2, ONE, 1), (3, TWO, 3), (4, TWO, 3), (5, THREE, 5)]
    for seed in range(40):
        shuffled = random.Random(seed).sample(texts, len(texts))
        received, shown = taken(*shuffled)
        assert not any(PARTED in findings for findings in shown), shuffled
        assert (received.highest, received.missing) == (5, ())
    received, _ = taken((1, ONE, 1))
    assert received.told(Number(1, TWO, 2)) == (received, [])


def test_a_jump_is_no_gap() -> None:
    """SES-30: more than 10 000; what comes late of it is judged no more."""
    assert taken((1, ONE, 1), (10_002, ONE, 1))[1] == [[], [GAP]]
    received, shown = taken((1, ONE, 1), (10_003, ONE, 1), (500, ONE, 1), (10_002, ONE, 1))
    assert shown == [[], [PARTED], [], []]
    assert (received.highest, received.forgotten, received.missing) == (10_003, 10_002, ())


def test_beyond_64_ranges_the_oldest_is_forgotten() -> None:
    """SES-30, SES-35: a late text of it is no alarm."""
    received, _ = taken(*((2 * n, ONE, 1) for n in range(1, 66)))
    assert (len(received.missing), received.missing[0], received.forgotten) == (64, (3, 3), 1)
    late, findings = received.take(Number(1, ONE, 1))
    assert (late, findings) == (received, [])
    wide, _ = taken((10, ONE, 1), *((10 + 2 * n, ONE, 1) for n in range(1, 64)))
    split, _ = wide.take(Number(5, ONE, 1))
    assert (len(split.missing), split.missing[0], split.forgotten) == (64, (6, 9), 4)


def test_a_peer_that_received_more_than_we_gave_shows_that_we_were_set_back() -> None:
    """SES-31: once in 24 hours, and never at the peer's value."""
    pair = met(given=Given(5, ONE, 1))
    for got in (0, 5):
        assert not pairs.synced(pair, session_id(1), sync(got=got), NOW_MS).rolled_back
    change = pairs.synced(pair, session_id(1), sync(got=2**53 - 1), NOW_MS)
    assert change.rolled_back
    assert change.pair.given == Given(NOW_MS, ONE, 0)
    for later_ms, seen in ((0, False), (DAY_MS - 1, False), (DAY_MS, True)):
        again = pairs.synced(change.pair, session_id(1), sync(got=2**53 - 1), NOW_MS + later_ms)
        assert again.rolled_back == seen


def test_whether_a_number_has_arrived() -> None:
    """SES-30: of this line what is neither missing nor forgotten, and of older openings what came before."""
    received, _ = taken((1, ONE, 1), (2, ONE, 1), (5, TWO, 5), (7, TWO, 5))
    assert [n for n in range(5, 9) if received.has(Number(n, TWO, 5))] == [5, 7]
    assert received.has(Number(2, ONE, 1))
    assert not received.has(Number(5, ONE, 1))
    assert not received.has(Number(7, THREE, 7))
