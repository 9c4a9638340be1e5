"""A contact with several devices, and sessions that can send no more (SES-39, DR-09)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from e2ee_client.engine.turn import Turn
from e2ee_client.events import MessageState, MessageStateChanged, NewDevice, Unreachable
from e2ee_relay.protocol import Send
from engine_world import Node, World, acquainted
from own_devices import company, joined
from relay_scenes import active_of, delivered, losing, lossless, once, talk, the_peer, well

from e2ee.errors import CounterExhausted
from e2ee.session import Session, seal

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def two_desks() -> tuple[World, Node, Node, Node, bytes]:
    """A company with two devices that its list names, and a customer who has its card."""
    world = World()
    one = world.node("Praxis", publish=True)
    one.start()
    other = joined(world, one)
    customer = world.node("Kundin")
    customer.start()
    return world, one, other, customer, customer.add(one.engine.card())


def desks_of(customer: Node) -> list[bytes]:
    return [peer.device_id for peer in customer.engine._state.peers.values()]


@pytest.fixture
def scene() -> tuple[World, Node, Node, Node, bytes]:
    """A company with two devices at two mailboxes, both in the directory."""
    return two_desks()


def test_a_text_is_sealed_for_each_device_with_one_id(scene: tuple[World, Node, Node, Node, bytes]) -> None:
    """SES-39: a number per pair, one content id; the state is the best of all."""
    world, one, other, customer, praxis = scene
    sent = customer.send(praxis, "an beide")
    world.advance(MINUTE_MS)
    assert len(desks_of(customer)) == 2
    assert one.texts() == other.texts() == ["an beide"]
    lanes = customer.engine._state.outbox.of(praxis)
    assert {item.content_id for _, lane in lanes for item in lane.all()} == {sent}
    one.carry_out(one.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    assert customer.engine.message(praxis, sent).state is MessageState.DELIVERED
    states = [event.state for event in customer.of(MessageStateChanged) if event.message_id == sent]
    assert states == [MessageState.SENT, MessageState.DELIVERED]


def test_one_device_that_is_away_holds_nobody_up(scene: tuple[World, Node, Node, Node, bytes]) -> None:
    """SES-39: pairs are independent."""
    world, one, other, customer, praxis = scene
    customer.send(praxis, "an beide")
    world.advance(MINUTE_MS)
    for node in (one, other):
        node.carry_out(node.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    other.stop()
    for day in range(3):
        sent = customer.send(praxis, f"Tag {day}")
        world.advance(DAY_MS)
        assert sent in delivered(customer)
    other.start()
    world.advance(HOUR_MS)
    assert other.texts() == one.texts() == ["an beide", "Tag 0", "Tag 1", "Tag 2"]
    assert once(other)
    one.send(customer.engine.account_id, "von der einen")
    other.send(customer.engine.account_id, "von der anderen")
    world.advance(MINUTE_MS)
    assert sorted(customer.texts()) == ["von der anderen", "von der einen"]


def test_a_device_that_is_new_to_a_contact_is_asked_at_once() -> None:
    """SES-39, ID-28: so that it can write; texts that have left for the other one are not sealed for it."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    world.advance(MINUTE_MS)
    customer.send(praxis, "vorher")
    world.settle()
    other = joined(world, company)
    world.advance(8 * DAY_MS)
    assert customer.of(NewDevice)
    assert other.engine._state.contacts
    assert other.texts() == []
    other.send(customer.engine.account_id, "ich bin neu hier")
    customer.send(praxis, "an beide")
    world.advance(MINUTE_MS)
    assert "ich bin neu hier" in customer.texts()
    assert company.texts()[-1] == other.texts()[-1] == "an beide"


def test_a_full_chain_leads_to_another_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-09, SES-26: the active session can send no more: a candidate takes over, texts keep their order."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    world.advance(MINUTE_MS)
    full = active_of(company).id

    def at_its_end(session: Session, *more: object) -> object:
        if session.id == full and session.origin.peer.account_id == customer.engine.account_id:
            raise CounterExhausted("the chain is full")
        return seal(session, *more)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr("e2ee.session.seal", at_its_end)
    for number in range(3):
        company.send(customer.engine.account_id, f"Befund {number}")
    world.advance(5 * MINUTE_MS)
    assert customer.texts()[-3:] == [f"Befund {number}" for number in range(3)]
    assert active_of(company).id != full
    well(world, company, customer, praxis)


def test_a_text_after_a_search_that_ended_starts_another_one_at_once() -> None:
    """SES-26: 14 days without an answer; the company had lost its sessions while the customer was away."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    world.advance(MINUTE_MS)
    peer = the_peer(customer)
    gone = tuple(one.id for one in peer.pair.sessions)
    turn = Turn(world.now_ms)
    ended = replace(peer.pair, sessions=(), candidate=None, wanted=None, ask=None)
    customer.engine._context.renewal.set_pair(turn, peer, ended, gone)
    customer.carry_out(turn.effects())
    customer.send(praxis, "nach langer Zeit")
    world.advance(10_000)
    assert company.texts()[-1] == "nach langer Zeit"
    well(world, company, customer, praxis)


def test_what_is_ready_when_a_connection_breaks_goes_in_its_order() -> None:
    """RLY-32."""
    world, company, customer, praxis = acquainted()
    customer.outgoing = losing(Send)
    texts = [f"Text {number}" for number in range(40)]
    for text in texts:
        customer.send(praxis, text)
    customer.break_connections()
    customer.outgoing = lossless
    world.advance(MINUTE_MS)
    assert company.texts()[1:] == texts


def test_a_contact_is_unreachable_when_none_of_its_devices_answers() -> None:
    """SES-43: not while another one does; once, when the last has gone, and again after an answer."""
    world, holder, second, customer, praxis = company()
    second.stop()
    second.alive = False
    for day in range(8):
        customer.send(praxis, f"Tag {day}")
        world.advance(DAY_MS)
    assert not customer.of(Unreachable)
    holder.stop()
    holder.alive = False
    customer.send(praxis, "an niemanden")
    world.advance(8 * DAY_MS)
    assert customer.of(Unreachable) == [Unreachable(praxis)]
    for node in (holder, second):
        node.alive = True
        node.start()
    customer.send(praxis, "wieder da")
    world.advance(HOUR_MS)
    assert holder.texts()[-1] == second.texts()[-1] == "wieder da"
    for node in (holder, second):
        node.stop()
        node.alive = False
    customer.send(praxis, "noch einmal")
    world.advance(8 * DAY_MS)
    assert customer.of(Unreachable) == [Unreachable(praxis)] * 2
