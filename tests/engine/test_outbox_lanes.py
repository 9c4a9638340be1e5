"""Lanes that are taken out, and timers of which one raises an error: what is left, and what is done still."""

from __future__ import annotations

import pytest
from e2ee_client.engine import Channel
from e2ee_client.engine.delivery import _take_batch
from e2ee_client.engine.link import REQUEST_TIMEOUT_MS
from e2ee_client.engine.outbox import Outbox
from e2ee_client.engine.timers import Timers
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from engine_world import RELAY_URL

from e2ee.ids import AccountId

ACCOUNT, DEVICE = AccountId(b"a" * 32), b"d" * 16
CHANNEL = Channel(RELAY_URL, b"", b"t")


@pytest.mark.parametrize("is_forgotten", [True, False])
def test_of_a_lane_that_is_taken_out_no_connection_keeps_anything(is_forgotten: bool) -> None:
    outbox = Outbox(iter(()))
    lane = outbox.lane(ACCOUNT, DEVICE)
    outbox.give(lane, CHANNEL, [outbox.new_text(ACCOUNT, DEVICE, b"c" * 16, 1)])
    if is_forgotten:
        outbox.forget(ACCOUNT)
    else:
        assert outbox.drop_lane(ACCOUNT, DEVICE) is lane
    assert not outbox._given[CHANNEL]
    outbox.take_back(CHANNEL)
    assert not lane.ready


def test_what_still_goes_of_a_lane_that_is_taken_out_comes_back_with_its_connection() -> None:
    """ACC-66: it is in the lane that takes its place."""
    outbox = Outbox(iter(()))
    words, other = (outbox.new_text(ACCOUNT, DEVICE, one * 16, 1) for one in (b"w", b"o"))
    outbox.give(outbox.lane(ACCOUNT, DEVICE), CHANNEL, [words, other])
    assert outbox.drop_lane(ACCOUNT, DEVICE, {words.content_id}).all() == [other]
    outbox.take_back(CHANNEL)
    assert list(outbox.lane(ACCOUNT, DEVICE).ready) == [words]


def test_what_is_due_beside_a_timer_that_raises_is_done_at_the_next_time() -> None:
    timers, ran = Timers(), list[str]()

    def broken(_: Turn) -> None:
        ran.append("broken")
        raise StoreCorrupt("a row")

    timers.set("first", 1, lambda _: ran.append("first"))
    timers.set("broken", 2, broken)
    timers.set("last", 3, lambda _: ran.append("last"))
    with pytest.raises(StoreCorrupt):
        timers.run(Turn(5))
    assert ran == ["first", "broken"]
    assert timers.wake_ms() == timers.at_ms("last") == 3
    timers.run(Turn(5))
    assert ran == ["first", "broken", "last"]
    assert timers.wake_ms() is None


def test_what_is_asked_at_once_gets_through_a_line_of_64_kbit_s_before_its_answer_is_late() -> None:
    line_b = 8_000 * REQUEST_TIMEOUT_MS // 1_000
    outbox = Outbox(iter(()))
    lane = outbox.lane(ACCOUNT, DEVICE)
    for number in range(20):
        item = outbox.new_text(ACCOUNT, DEVICE, bytes([number]) * 16, 1)
        item.envelope = bytes(48_000)
        lane.ready.append(item)
    batches = []
    while lane.ready:
        batches.append(_take_batch(lane, 32))
    assert sum(len(batch) for batch in batches) == 20
    assert max(sum(len(item.envelope) for item in batch) for batch in batches) < line_b
