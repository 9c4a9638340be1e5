"""Regressions that the state machine found: sessions that nobody answers (HS-04, SES-09, SES-17)."""

from __future__ import annotations

import random

import pytest
from session_world import SessionWorld

from e2ee.content import Content, Text
from e2ee.errors import SessionExpired
from e2ee.ids import ContentId


@pytest.mark.parametrize(("lost", "sealed"), [(999, True), (1_000, False)])
def test_no_message_under_a_prefix_has_a_number_that_cannot_be_the_first(lost: int, sealed: bool) -> None:
    """HS-04, DR-13: number 1000 can be the first to arrive, number 1001 could never be opened."""
    world = SessionWorld(1)
    sender, recipient = world.devices[0], world.devices[1]
    world.send(sender, 1, Text("number 0"), keep=False)
    sender.pass_over(1, lost)
    late = Content(ContentId(b"late" * 4), world.now_ms, Text("late"), way_back=sender.owner.way_back)
    if not sealed:
        with pytest.raises(SessionExpired):
            sender.seal(1, late, world.now_ms)
        return
    _, envelope = sender.seal(1, late, world.now_ms)
    assert recipient.receive(envelope, world.now_ms).content.payload == Text("late")


@pytest.mark.parametrize("seed", range(6))
def test_both_sides_agree_after_many_lost_messages_of_a_session_that_nobody_answered(seed: int) -> None:
    """SES-09: the next send starts a new session; before, the two sides kept two sessions of gen 1, one of
    them dead.
    """
    world = SessionWorld(seed)
    world.send(world.devices[1], 0, Text("before"), keep=False)
    world.devices[1].pass_over(0, 1_001)
    world.send(world.devices[1], 0, Text("after"))
    world.quiesce(random.Random(seed))
    assert world.outcomes["remote.skip_limit"] == 0


@pytest.mark.parametrize("seed", range(6))
def test_both_sides_agree_after_a_list_was_renewed_under_a_waiting_first_flight(seed: int) -> None:
    """ID-11: who has seen the new list takes the flight with the old one: the new list names the device."""
    world = SessionWorld(seed)
    world.send(world.devices[0], 1, Text("with the first list"))
    world.renew_list(0)
    world.send(world.devices[1], 0, Text("knows the second list"))
    world.quiesce(random.Random(seed))
    assert not world.outcomes["remote.list_rollback"]


@pytest.mark.parametrize("seed", range(6))
def test_a_flight_from_before_a_loss_heals_after_the_flight_of_the_loss(seed: int) -> None:
    """SES-07, SES-16: the older flight has the higher gen, and nobody is left who knows its session."""
    world = SessionWorld(seed)
    world.send(world.devices[0], 1, Text("before the loss"))
    older = world.network.take(0)
    world.lose_sessions(world.devices[0])
    world.deliver(world.devices[1], world.network.take(0).envelope)
    world.deliver(world.devices[1], older.envelope)
    world.quiesce(random.Random(seed))
    assert not world.outcomes["healed"]


@pytest.mark.parametrize("seed", range(8))
def test_both_sides_agree_after_both_lost_their_sessions_and_renewed_their_lists(seed: int) -> None:
    """SES-07, SES-17: the flights of gen 0 carry old lists; those that replace them have gen 0 as well."""
    world = SessionWorld(seed)
    world.send(world.devices[0], 1, Text("before"))
    world.initiate(world.devices[1], 0)
    for index in (0, 1):
        world.lose_sessions(world.devices[index])
        world.renew_list(index)
    world.send(world.devices[0], 1, Text("after"))
    world.quiesce(random.Random(seed))
    assert not world.outcomes["healed"]
