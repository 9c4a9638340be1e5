"""What the client does about healing: it tells how old it is, and can keep silent conversations alive."""

from __future__ import annotations

import pytest
from e2ee_client.events import Doubt, MessageRejected
from engine_world import Node, World, acquainted

from e2ee.errors import PqDesync
from e2ee.ratchet import kem_ratchet
from e2ee.session import Session

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def talking(keep_alive_ms: int | None = None) -> tuple[World, Node, Node, bytes]:
    """Acquainted, and the company has answered."""
    world, company, customer, praxis = acquainted(keep_alive_ms=keep_alive_ms)
    company.send(customer.engine.account_id, "Willkommen")
    world.advance(10_000)
    return world, company, customer, praxis


def session_of(node: Node) -> Session:
    """The node's only active session."""
    (peer,) = node.engine._state.peers.values()
    assert peer.pair.active is not None
    return node.engine._state.sessions[peer.pair.active.id]


def test_health_grows_with_time_and_with_messages() -> None:
    """PQ-16: None before there is a session; then both ages and counts."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(company.engine.card())
    assert customer.engine.health(praxis, world.now_ms) is None
    world, company, customer, praxis = talking()
    before = customer.engine.health(praxis, world.now_ms)
    assert before is not None
    world.now_ms += 5_000
    later = customer.engine.health(praxis, world.now_ms)
    assert later is not None
    assert later.classical.age_ms == before.classical.age_ms + 5_000
    assert later.post_quantum.age_ms == before.post_quantum.age_ms + 5_000
    customer.send(praxis, "eins")
    world.settle()
    after = customer.engine.health(praxis, world.now_ms)
    assert after is not None
    assert after.post_quantum.messages > before.post_quantum.messages


def test_a_silent_conversation_stays_as_it_is() -> None:
    """PQ-17: off by default, nothing is sent by itself and nothing heals."""
    world, company, customer, praxis = talking()
    sent = session_of(customer).ratchet.messages()
    world.advance(6 * DAY_MS)
    assert session_of(customer).ratchet.messages() == sent
    health = customer.engine.health(praxis, world.now_ms)
    assert health is not None
    assert health.classical.age_ms >= 6 * DAY_MS
    assert company.texts() == ["Guten Tag"]


def test_kept_alive_it_heals_in_turns_and_shows_nothing() -> None:
    """PQ-17, CON-11: each side in its turn; no event, no text, no receipt, and a whole epoch in the end."""
    world, company, customer, praxis = talking(HOUR_MS)
    for node in (company, customer):
        node.events.clear()
    world.advance(5 * DAY_MS)
    health = customer.engine.health(praxis, world.now_ms)
    assert health is not None
    assert health.classical.age_ms <= 5 * HOUR_MS
    assert session_of(customer).ratchet.pq_epoch >= 2
    assert health.post_quantum.age_ms <= 4 * DAY_MS
    assert [len(node.engine.history(other, None, 9)) for node, other in ((customer, praxis),)] == [2]
    assert not company.events
    assert not customer.events
    assert not customer.engine._state.receipts


def test_at_most_one_unanswered_message_keeps_it_alive() -> None:
    """PQ-17: with one side alone nothing piles up."""
    world, company, customer, _ = talking()
    customer.engine._state.ports = type(customer.ports)(customer.rng, customer.ports.encapsulate, HOUR_MS)
    before = session_of(customer).ratchet.messages()
    world.advance(3 * DAY_MS)
    assert session_of(customer).ratchet.messages() - before <= 2
    assert company.texts() == ["Guten Tag"]


def test_an_unconfirmed_ciphertext_is_a_doubt_and_a_switch_only_where_nobody_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PQ-10, SES-25, SES-26: the message is reported and dropped, the session is asked on; where all of it
    fails, a candidate takes over, and the text that was lost goes again on it.
    """
    world, company, customer, praxis = talking()
    old = session_of(customer).id

    def refuse(*_: object, **__: object) -> kem_ratchet.KemState:
        raise PqDesync("the ciphertext of the post-quantum ratchet is not for our key")

    with monkeypatch.context() as patch:
        patch.setattr("e2ee.ratchet.kem_ratchet.receive", refuse)
        customer.send(praxis, "geht verloren")
        world.settle()
        assert "remote.pq_desync" in [event.code for event in company.of(MessageRejected)]
        assert len(company.of(Doubt)) == 1
        assert session_of(company).id == session_of(customer).id == old
    world.advance(12 * HOUR_MS)
    assert session_of(customer).id == session_of(company).id
    customer.send(praxis, "kommt an")
    world.advance(60_000)
    assert company.texts()[-1] == "kommt an"
    assert company.texts().count("geht verloren") == 1
