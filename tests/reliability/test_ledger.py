"""The account of a load run notices what a relay could do wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

import pytest
from e2ee_relay.protocol import Message, TtlClass
from e2ee_relay.store.sqlite_view import SEQ_COUNTER_BITS
from load_ledger import LATE_S, MINUTE_S, Account, Ledger, body_of
from process_samples import Sample, growth_per_hour, unexplained
from soak_run import FILE_GROWTH, GROWTH_PER_HOUR, _memory, most_so_far, room_per_id


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def ledger(clock: Seconds) -> Ledger:
    return Ledger(clock)


def sent(ledger: Ledger, account: Account, ttl: TtlClass = TtlClass.RETENTION) -> bytes:
    msg_id = ledger.sent(account, ttl)
    ledger.confirmed(account, msg_id)
    return msg_id


def push(msg_id: bytes, seq: int, body: bytes | None = None) -> Message:
    return Message(0, bytes(16), seq, msg_id, body_of(msg_id, 20) if body is None else body, 0)


def test_what_arrives_and_is_deleted_is_no_fault(ledger: Ledger) -> None:
    account = ledger.open()
    message = push(sent(ledger, account), 1)
    assert ledger.delivered(account, message)
    ledger.away(account)
    assert not ledger.delivered(account, message)
    ledger.acked(account, [message])
    ledger.close()
    assert (ledger.fault_count, ledger.counts["lost"], ledger.counts["delivered"]) == (0, 0, 1)


def test_a_confirmed_message_that_never_arrives_is_lost(ledger: Ledger) -> None:
    account = ledger.open()
    sent(ledger, account)
    ledger.sent(account, TtlClass.RETENTION)
    ledger.close()
    assert (ledger.fault_count, ledger.counts["lost"]) == (1, 1)


def test_a_message_that_comes_back_after_its_deletion_is_double(ledger: Ledger) -> None:
    account = ledger.open()
    message = push(sent(ledger, account), 1)
    ledger.delivered(account, message)
    ledger.acked(account, [message])
    ledger.away(account)
    assert not ledger.delivered(account, message)
    assert "double" in ledger.faults[0]


def test_a_relay_killed_before_the_commit_may_take_an_item_in_anew_but_not_hold_it_twice(
    ledger: Ledger,
) -> None:
    account = ledger.open()
    ledger.here(account)
    msg_id = sent(ledger, account)
    assert ledger.delivered(account, push(msg_id, 1))
    ledger.away(account)
    anew = push(msg_id, 1 << SEQ_COUNTER_BITS)
    assert not ledger.delivered(account, anew)
    assert not ledger.fault_count
    ledger.acked(account, [anew])
    ledger.away(account)
    ledger.delivered(account, push(msg_id, 1))
    assert "double" in ledger.faults[0]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (lambda own: push(own, 1), "follows"),
        (lambda own: push(own, 2), "two numbers"),
        (lambda own: push(own, 2, b"other"), "content"),
        (lambda own: push(own[:8] + b"\xff" * 8, 2), "nobody sent"),
    ],
)
def test_a_wrong_delivery_is_noticed(ledger: Ledger, second: Callable[[bytes], Message], said: str) -> None:
    account = ledger.open()
    own = sent(ledger, account)
    ledger.delivered(account, push(own, 1))
    ledger.delivered(account, second(own))
    assert said in ledger.faults[0]


@pytest.mark.parametrize(("is_there", "faults"), [(True, 1), (False, 0)])
def test_a_short_lived_message_may_expire_only_while_its_owner_is_away(
    ledger: Ledger, clock: Seconds, is_there: bool, faults: int
) -> None:
    account = ledger.open()
    if is_there:
        ledger.here(account)
    clock.now += 10
    sent(ledger, account, TtlClass.MINUTE)
    clock.now += MINUTE_S + LATE_S + 1
    ledger.give_up_expired()
    ledger.close()
    assert ledger.fault_count == faults


def test_a_short_lived_message_that_comes_late_is_noticed(ledger: Ledger, clock: Seconds) -> None:
    account = ledger.open()
    msg_id = sent(ledger, account, TtlClass.MINUTE)
    clock.now += MINUTE_S + LATE_S + 1
    ledger.delivered(account, push(msg_id, 1))
    assert "after its time" in ledger.faults[0]


def test_a_one_time_key_that_is_given_twice_is_noticed(ledger: Ledger) -> None:
    ledger.handed_out(b"key")
    ledger.handed_out(b"other")
    assert ledger.fault_count == 0
    ledger.handed_out(b"key")
    assert ledger.fault_count == 1


def test_a_trend_is_the_median_slope_as_a_share_of_the_value() -> None:
    assert growth_per_hour([(0, 100.0), (1800, 105.0), (3600, 110.0)]) == pytest.approx(10 / 105)
    assert growth_per_hour([(0, 100.0), (60, 100.0), (120, 900.0), (180, 100.0), (240, 100.0)]) == 0
    with pytest.raises(ValueError, match="three points"):
        growth_per_hour([(0, 1.0), (0, 2.0), (5, 3.0)])


def test_what_a_count_explains_is_no_growth() -> None:
    saw = [(at * 60.0, at % 10 * 1000.0, 500.0 + at % 10 * 20) for at in range(30)]
    assert growth_per_hour(unexplained(saw)) == pytest.approx(0, abs=1e-9)
    leak = [(at, count, value + at / 10) for at, count, value in saw]
    assert growth_per_hour(unexplained(leak)) > 0.3


def test_a_file_that_follows_its_saw_is_flat_and_one_that_grows_is_not() -> None:
    counts = [at % 60 * 1000 for at in range(120)]

    def samples(leak_b: int) -> list[Sample]:
        tops = accumulate(counts, max)
        return [
            Sample(at, at, 1, 0, 0, 0, top * 45 + at * leak_b, 0, count)
            for at, (top, count) in enumerate(zip(tops, counts, strict=True))
        ]

    assert {per_id for _, per_id in room_per_id(samples(0))[1:]} == {45}
    before, after = (room_per_id(samples(10_000))[at][1] for at in (60, 119))
    assert after / before > FILE_GROWTH


def test_memory_that_follows_its_saw_is_flat_and_a_leak_is_not() -> None:
    """The ids go in the midst of a life, and their memory stays for the next ones."""
    counts = [(at + 30) % 60 * 1000 for at in range(60)]
    tops = list(accumulate(counts, max))

    def growth(leak_kib: int) -> float:
        lives = [
            Sample(at * 60, at * 60, 1, 40_000 + top // 5 + at * leak_kib, 0, 0, 0, 0, count)
            for at, (top, count) in enumerate(zip(tops, counts, strict=True))
        ]
        return growth_per_hour(_memory(lives, most_so_far(lives)))

    assert growth(0) == pytest.approx(0, abs=1e-9)
    assert growth(200) > GROWTH_PER_HOUR
