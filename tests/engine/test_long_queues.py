"""A queue of any length for one contact: nothing in it is done by recursion, and it leaves in its order."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from e2ee_client.engine import Channel
from e2ee_client.events import MessageState
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import (
    ErrorCode,
    Role,
    Send,
    SendResult,
    SendResults,
    decode_frames,
)
from engine_world import Node, World
from relay_scenes import talk, the_peer
from run_counts import count

MINUTE_MS = 60_000
MANY = count(5_000, 34_000)
"""Far more than the calls that `shallow` allows."""


@contextmanager
def shallow() -> Iterator[None]:
    """Allow a step of the engine some hundred calls inside each other, whatever the queue's length is."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def talking(policy: Policy | None = None) -> tuple[World, Node, Node, bytes]:
    world = World(policy)
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(company.engine.card())
    customer.send(praxis, "Guten Tag")
    world.settle()
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(10_000)
    talk(world, company, customer, praxis, 1)
    world.advance(MINUTE_MS)
    return world, company, customer, praxis


def swallow(node: Node) -> list[bytes]:
    """A relay that confirms everything at once and keeps only the ids that it was given."""
    taken: list[bytes] = []

    def outgoing(channel: Channel, data: bytes) -> list[bytes]:
        sends = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Send)]
        for one in sends:
            taken.extend(item.msg_id for item in one.items)
            results = tuple(SendResult(ErrorCode.OK, 0) for _ in one.items)
            node.connections[channel].put(SendResults(one.request_id, results))
        return [] if sends else [data]

    node.outgoing = outgoing
    return taken


RUNNING = pytest.param(False, id="running")
RESTARTED = pytest.param(True, id="restarted", marks=pytest.mark.audit_only)


@pytest.mark.parametrize("restart", [RUNNING, RESTARTED])
def test_thousands_of_texts_leave_in_their_order(restart: bool) -> None:
    """RLY-32, STO-28: written while the relay was away; also where the store is opened anew before."""
    world, _, customer, praxis = talking()
    world.cut()
    sent, effects = customer.engine.send_texts(praxis, ["x"] * MANY, world.now_ms)
    customer.carry_out(effects)
    taken = swallow(customer)
    with shallow():
        if restart:
            customer.crash()
            world.relay_up = True
            customer.start()
        world.relay_up = True
        world.advance(MINUTE_MS)
    lane = customer.engine._state.outbox.lane(praxis, the_peer(customer).device_id)
    assert not lane.ready
    assert not lane.flying
    assert list(lane.unconfirmed)[-MANY:] == sent
    assert len(taken) == len(set(taken)) == MANY
    assert customer.engine.message(praxis, sent[-1]).state is MessageState.SENT


def test_batches_that_the_relay_refuses_together_keep_their_order() -> None:
    """RLY-32: an envelope that opens a session or a room is before those that stand on it."""
    world, _, customer, praxis = talking()
    held: list[tuple[Channel, Send]] = []

    def holding(channel: Channel, data: bytes) -> list[bytes]:
        sends = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Send)]
        held.extend((channel, one) for one in sends)
        return [] if sends else [data]

    customer.outgoing = holding
    _, effects = customer.engine.send_texts(praxis, ["x"] * 64, world.now_ms)
    customer.carry_out(effects)
    refused, first = list(held), [item.body for _, one in held for item in one.items]
    assert (len(refused), len(first)) == (2, 64)
    for channel, one in refused:
        results = tuple(SendResult(ErrorCode.UNAVAILABLE, 1_000) for _ in one.items)
        customer.connections[channel].put(SendResults(one.request_id, results))
    world.advance(10_000)
    assert [item.body for _, one in held[2:] for item in one.items][:64] == first


@pytest.mark.audit_only
def test_a_long_queue_that_waits_for_its_first_session() -> None:
    """SES-22: nothing is sealed yet; the session comes, and all of it follows."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    praxis = customer.add(company.engine.card())
    sent, effects = customer.engine.send_texts(praxis, ["x"] * 3_000, world.now_ms)
    customer.carry_out(effects)
    taken = swallow(customer)
    with shallow():
        customer.start()
        world.advance(MINUTE_MS)
    assert len(taken) >= 3_003, "each session begins with an ask, and its prefix ends at number 1000"
    lane = customer.engine._state.outbox.lane(praxis, the_peer(customer).device_id)
    assert list(lane.unconfirmed) == sent


def test_a_long_queue_with_proof_of_work() -> None:
    """RLY-142, RLY-24: one envelope at a time, each with its work; the relay names the work at the first."""
    world, _, customer, praxis = talking(Policy(pow_bits_send=1))
    way = the_peer(customer).way_back
    assert way is not None
    customer.engine._context.delivery._needs_work.add(way.token)
    world.cut()
    sent, effects = customer.engine.send_texts(praxis, ["x"] * 1_500, world.now_ms)
    customer.carry_out(effects)
    taken = swallow(customer)
    world.relay_up = True
    customer.works.clear()
    with shallow():
        world.advance(MINUTE_MS)
    assert len(taken) == 1_500
    assert len(customer.works) == 1_500
    lane = customer.engine._state.outbox.lane(praxis, the_peer(customer).device_id)
    assert list(lane.unconfirmed)[-1_500:] == sent


@pytest.mark.audit_only
def test_a_long_queue_arrives_once_each_at_a_relay_with_limits() -> None:
    """RLY-32, RLY-24: refusals mix with what is taken; nothing is lost, and nothing comes twice."""
    world, company, customer, praxis = talking()
    world.cut()
    texts = [str(number) for number in range(1_000)]
    _, effects = customer.engine.send_texts(praxis, texts, world.now_ms)
    customer.carry_out(effects)
    world.mend()
    with shallow():
        world.advance(10 * MINUTE_MS)
    assert sorted(company.texts()[-1_000:]) == sorted(texts)
    assert len(company.texts()) == 1_000 + 2
