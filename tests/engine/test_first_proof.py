"""Before the first proof: what is sent on a session that the other side has lost (SES-22)."""

from __future__ import annotations

from engine_world import Node, World
from relay_scenes import delivered, lose, the_peer, well

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def introduced() -> tuple[World, Node, Node, bytes]:
    """A customer who has the card of a company, and has not written yet."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    return world, company, customer, customer.add(company.engine.card())


def test_a_text_that_nobody_confirms_before_the_first_proof_looks_for_a_session() -> None:
    """SES-22: who began has lost the session, nothing on it opens, and a loss starts none in a pair that has
    not met.
    """
    world, company, customer, praxis = introduced()
    sent = customer.send(praxis, "Guten Tag")
    world.settle()
    customer.stop()
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.settle()
    lose(customer)
    world.advance(DAY_MS - 2 * HOUR_MS)
    assert the_peer(customer).pair.sessions == ()
    world.advance(4 * HOUR_MS)
    assert sent in delivered(customer)
    assert company.texts() == ["Guten Tag"]
    well(world, company, customer, praxis)


def test_an_answer_that_nobody_confirms_before_the_first_proof_looks_for_a_session() -> None:
    """SES-22: the session of the other side is unproven as well; the answer arrives once, on whichever."""
    world, company, customer, praxis = introduced()
    customer.send(praxis, "Guten Tag")
    world.settle()
    customer.stop()
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    answered = company.send(customer.engine.account_id, "Befund")
    world.advance(DAY_MS - 2 * HOUR_MS)
    assert the_peer(company).pair.candidate is None
    world.advance(4 * HOUR_MS)
    assert the_peer(company).pair.candidate is not None
    lose(customer)
    world.advance(2 * MINUTE_MS)
    assert customer.texts() == ["Befund"]
    assert answered in delivered(company)
    well(world, company, customer, praxis)
