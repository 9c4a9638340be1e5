"""Proof of work as clients do it: when it is asked for, within bounds, and not for ever (RLY-24, RLY-142)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from e2ee_client.events import ConnectionChanged, ConnectionState
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import MAX_POW_BITS, Limits, Role, Send, decode_frames
from engine_world import Node, World


def people(world: World) -> tuple[Node, Node, bytes]:
    """A company that has published itself, and a customer who has its card."""
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    return company, customer, customer.add(company.engine.card())


def test_each_first_step_is_worked_for_and_nothing_after_it() -> None:
    """RLY-24, RLY-142: mailbox, bundle, ask and first text; who is known by a token of its own works no
    more.
    """
    world = World(Policy(pow_bits_create=5, pow_bits_send=6, pow_bits_fetch=7))
    company, customer, praxis = people(world)
    customer.send(praxis, "Guten Tag")
    world.advance(10_000)
    assert company.texts() == ["Guten Tag"]
    assert [bits for bits, _ in company.works] == [5]
    assert sorted(bits for bits, _ in customer.works) == [5, 6, 6, 7]
    company.send(customer.engine.account_id, "Gern")
    world.advance(10_000)
    done = len(customer.works)
    customer.send(praxis, "Danke")
    world.advance(10_000)
    assert company.texts() == ["Guten Tag", "Danke"]
    assert len(customer.works) == done


@pytest.mark.parametrize("setting", ["pow_bits_create", "pow_bits_send", "pow_bits_fetch"])
def test_a_relay_that_asks_for_too_much_is_left(setting: str) -> None:
    """RLY-142: nothing is computed, the application is told, and another attempt follows much later."""
    world = World(Policy(**{setting: MAX_POW_BITS + 1}))  # type: ignore[arg-type]  # one number
    customer = world.node("Kundin")
    customer.start()
    customer.add(world.node("Praxis", publish=True).engine.card())
    world.advance(60_000)
    assert customer.works == []
    told = [event.code for event in customer.of(ConnectionChanged) if event.state is ConnectionState.OFFLINE]
    assert "relay.too_much_work" in told
    assert not customer.connections
    assert len(told) <= 4


class Insatiable(Policy):
    """Asks for no work and accepts none."""

    def announced(self) -> Limits:
        return replace(super().announced(), pow_bits_send=0)


def test_a_relay_that_accepts_no_work_is_not_tried_in_a_loop() -> None:
    """RLY-142: once without work, once with what it names, then now and then."""
    world = World(Insatiable(pow_bits_send=20))
    _company, customer, praxis = people(world)
    customer.send(praxis, "Guten Tag")
    customer.sent.clear()
    world.advance(60_000)
    sends = [
        frame
        for data in customer.sent
        for frame in decode_frames(data, Role.RELAY)
        if isinstance(frame, Send)
    ]
    assert 2 <= len(sends) <= 64


class Understating(Policy):
    """Names less work than it accepts."""

    def announced(self) -> Limits:
        return replace(super().announced(), pow_bits_send=4)


def test_work_that_is_not_accepted_is_done_again_after_ten_minutes() -> None:
    """RLY-142: a relay could else keep a processor busy for ever."""
    world = World(Understating(pow_bits_send=20))
    _company, customer, praxis = people(world)
    customer.send(praxis, "Guten Tag")
    world.advance(120_000)
    assert 1 <= len(customer.works) <= 2


def test_work_for_a_connection_that_is_gone_is_void() -> None:
    """RLY-142: a relay's nonce is its own connection's."""
    world = World(Policy(pow_bits_create=5))
    customer = world.node("Kundin")
    customer.start()
    channel = next(iter(customer.connections), None)
    assert channel is None  # no contact yet, so no mailbox
    customer.add(world.node("Praxis", publish=True).engine.card())
    world.settle()
    channel = next(iter(customer.connections))
    customer.break_connections()
    assert customer.engine.worked(channel, 1, b"late", world.now_ms) == []
