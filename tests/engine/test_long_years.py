"""Devices that are years old, or were away for longer than lists live (ID-67, CON-10)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.stewarding import Change
from rooms_world import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    accept,
    add,
    change,
    head,
    opened,
    rooms_of,
    texts,
    write,
)
from team_world import colleague, this

from e2ee.rooms.state import Phase

YEARS = 6


def test_devices_of_years_ago_write_to_each_other() -> None:
    """ID-67, ID-04: of the device with the account key, a colleague's and the customer's no record ends.
    All are off meanwhile, so that it costs little.
    """
    world, desk, customer, _ = opened()
    agent = colleague(desk, "Frau Anders")
    for node in world.nodes:
        node.stop()
    world.now_ms += YEARS * 365 * DAY_MS
    for node in world.nodes:
        node.crash()
        node.start()
    world.advance(2 * HOUR_MS)
    room_id = accept(customer, desk)
    world.advance(2 * DAY_MS)
    add(desk, room_id, desk, agent)
    world.advance(MINUTE_MS)
    write(customer, room_id, "a question")
    world.advance(MINUTE_MS)
    write(agent, room_id, "an answer")
    world.advance(MINUTE_MS)
    for node in (desk, agent, customer):
        assert texts(node, room_id) == ["a question", "an answer"]


def test_who_was_away_for_longer_than_lists_live_is_heard_at_once() -> None:
    """CON-10, ID-36: both sides know an ended list; the agent, which signs none and so asks for nothing, is
    sent the customer's new one ahead of its ask, and does not hold the text for a day.
    """
    world, desk, customer, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(MINUTE_MS)
    add(desk, room_id, agent)
    world.advance(2 * DAY_MS)
    write(agent, room_id, "a reminder")
    world.advance(MINUTE_MS)
    for node in world.nodes:
        node.stop()
    world.now_ms += 29 * DAY_MS + 12 * HOUR_MS
    for node in (desk, agent):
        node.start()
    world.advance(MINUTE_MS)
    customer.start()
    write(customer, room_id, "an answer")
    world.advance(MINUTE_MS)
    assert texts(agent, room_id) == ["a reminder", "an answer"]


@pytest.mark.audit_only
def test_a_customer_who_was_away_for_long_gets_more_states_than_are_held() -> None:
    """ROOM-29, ROOM-30: the newest 16 come first, and those before them, which they wait for, beside them."""
    world, desk, customer, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(5 * MINUTE_MS)
    add(desk, room_id, desk, agent)
    world.advance(5 * MINUTE_MS)
    customer.stop()
    for at in range(40):
        change(desk, room_id, Change(assign=this((desk, agent)[at % 2])))
        world.advance(12 * HOUR_MS)
    world.advance(30 * DAY_MS)
    assert rooms_of(desk).index[room_id].phase == Phase.CLOSED
    customer.start()
    world.advance(2 * HOUR_MS)
    assert rooms_of(customer).index[room_id].phase == Phase.CLOSED
    assert head(customer, room_id) == head(desk, room_id)
