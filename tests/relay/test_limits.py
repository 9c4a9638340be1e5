"""Token buckets on injected time."""

from __future__ import annotations

import pytest
from core_bench import Bench
from e2ee_relay.limits import Bucket, Buckets, Policy, Publishing, Rate, SharedLimits
from hypothesis import given
from hypothesis import strategies as st


def test_a_bucket_grants_its_burst_then_its_rate() -> None:
    bucket = Bucket(Rate(3, 2), 0)
    assert [bucket.take(1, 0) for _ in range(3)] == [0, 0, 0]
    wait_ms = bucket.take(1, 0)
    assert wait_ms == 501
    assert bucket.take(1, wait_ms) == 0
    assert bucket.take(1, wait_ms) > 0


def test_an_amount_above_the_burst_goes_through_a_full_bucket_and_is_paid_afterwards() -> None:
    bucket = Bucket(Rate(10, 1), 0)
    assert bucket.take(25, 0) == 0
    assert bucket.take(1, 10_000) > 0
    assert bucket.take(1, 17_000) == 0


def test_a_clock_that_steps_back_gives_nothing() -> None:
    bucket = Bucket(Rate(1, 1), 10_000)
    assert bucket.take(1, 10_000) == 0
    assert bucket.take(1, 1_000) > 0
    assert bucket.take(1, 1_500) > 0


def test_what_is_granted_in_any_case_leaves_a_debt_of_one_burst_at_most() -> None:
    """RLY-264"""
    bucket = Bucket(Rate(10, 1), 0)
    assert [bucket.owe(7, 0), bucket.owe(7, 0), bucket.owe(70, 0)] == [True, True, False]
    assert bucket.take(1, 0) == 11_001
    larger = Bucket(Rate(10, 1), 0)
    assert larger.take(100, 0) == 0
    assert not larger.owe(1, 0)
    assert larger.take(1, 0) == 91_001


def test_who_owes_leaves_the_others_what_all_share() -> None:
    """RLY-264: one address takes no more of the relay's bucket than it has of its own."""
    rate = Rate(1_000, 1)
    limits = SharedLimits(Policy(directory_b_per_address=rate, directory_b_global=Rate(5_000, 1)), 0)
    for number in range(100):
        assert limits.charge_entry(Publishing(b"%d" % number, b"", 900, 0, goes_on=True), b"one", 0) == 0
    begun = Publishing(b"new", b"", 1_000, 0, goes_on=False)
    assert limits.charge_entry(begun, b"one", 0) == 2_000_001
    assert [limits.charge_entry(begun, b"%d" % other, 0) for other in range(3)] == [0] * 3


def test_what_was_not_done_is_given_back() -> None:
    bucket = Bucket(Rate(1, 1), 0)
    assert bucket.take(1, 0) == 0
    bucket.give_back(1)
    assert bucket.take(1, 0) == 0


def test_equal_rates_of_a_connection_are_buckets_of_their_own() -> None:
    """Who has looked much up may still fetch."""
    policy, connection = Policy(lookups=Rate(1, 1), fetches=Rate(1, 1)), Bench().session
    assert connection.take("lookups", policy, 1, 0) == 0
    assert connection.take("lookups", policy, 1, 0) > 0
    assert connection.take("fetches", policy, 1, 0) == 0


def test_full_buckets_are_forgotten() -> None:
    buckets = Buckets(Rate(2, 1))
    buckets.take(b"a", 0, 1)
    buckets.take(b"b", 0, 2)
    buckets.forget_full(1_000)
    assert len(buckets._by_key) == 1
    assert buckets.take(b"b", 1_000, 2) > 0


@given(
    st.floats(1, 100),
    st.floats(0.1, 100),
    st.lists(st.tuples(st.integers(0, 5_000), st.floats(0.1, 50)), max_size=60),
)
def test_never_more_than_burst_plus_rate(burst: float, per_s: float, steps: list[tuple[int, float]]) -> None:
    """RLY-42: over any time, what is granted is bounded; and the wait that is told suffices."""
    bucket = Bucket(Rate(burst, per_s), 0)
    now_ms, granted = 0, 0.0
    for by_ms, amount in steps:
        now_ms += by_ms
        amount = min(amount, burst)
        wait_ms = bucket.take(amount, now_ms)
        if wait_ms:
            now_ms += wait_ms
            assert bucket.take(amount, now_ms) == 0
        granted += amount
        assert granted <= burst + per_s * now_ms / 1000 + 1e-6


def test_the_hello_announces_the_policy() -> None:
    """RLY-10: what is told is what is enforced."""
    policy = Policy(quota_messages=7, retention_s=60, pow_bits_fetch=3)
    announced = policy.announced()
    assert (announced.quota_messages, announced.retention_s, announced.pow_bits_fetch) == (7, 60, 3)


def test_registration_secret() -> None:
    """RLY-21: without one anybody may create; with one only who knows it."""
    assert Policy().admits_registration(None)
    guarded = Policy(registration_secret=b"letmein")
    assert guarded.admits_registration(b"letmein")
    assert not guarded.admits_registration(b"letmeout")
    assert not guarded.admits_registration(None)
    assert "letmein" not in repr(guarded)


def test_full_buckets_may_be_forgotten_while_they_are_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-42: a store's thread charges what the loop forgets: the charge is lost at most."""
    buckets, take = Buckets(Rate(2, 1), Rate(2, 1)), Bucket.take

    def forgotten_meanwhile(bucket: Bucket, amount: float, now_ms: int) -> int:
        buckets.forget_full(now_ms)
        return take(bucket, amount, now_ms)

    buckets.take(b"token", 0, 1, 1)
    monkeypatch.setattr(Bucket, "take", forgotten_meanwhile)
    assert buckets.take(b"token", 10_000, 1, 1) == 0
