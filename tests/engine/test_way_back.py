"""What a first flight says of the way back holds by the time that somebody can go it."""

from __future__ import annotations

from e2ee_client.events import ConnectionChanged, MessageState, MessageStateChanged
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import TokenAdd
from engine_world import Node, World
from relay_scenes import losing, lossless

MINUTE_MS = 60_000


def asked(world: World) -> tuple[Node, Node, bytes]:
    """A published company, and a customer who has just added it."""
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    return company, customer, customer.add(company.engine.card())


def answered(world: World, company: Node, customer: Node) -> None:
    """The company answers as soon as it has something to answer, and nothing of that is lost."""
    for _ in range(30):
        if company.texts():
            break
        world.advance(10_000)
    company.send(customer.engine.account_id, "Antwort")
    world.advance(10 * MINUTE_MS)
    states = [one.state for one in company.of(MessageStateChanged)]
    assert MessageState.FAILED not in states
    assert customer.texts() == ["Antwort"]


def test_a_first_flight_waits_for_the_token_that_it_gives() -> None:
    """CON-06: TOKEN_ADD was lost with a relay that was killed, and comes again after the first flight."""
    world = World()
    company, customer, praxis = asked(world)
    customer.outgoing = losing(TokenAdd)
    customer.send(praxis, "Frage")
    world.settle()
    assert company.texts() == []
    customer.outgoing = lossless
    answered(world, company, customer)


def test_a_first_flight_waits_for_a_mailbox_that_is_put_off() -> None:
    """CON-06, RLY-21, RLY-158: the relay makes no new mailboxes for now, and all else goes on."""
    world = World(Policy(creations_global=Rate(1, 0.02)))
    company, customer, praxis = asked(world)
    customer.send(praxis, "Frage")
    world.settle()
    assert customer.of(ConnectionChanged)[-1].code == "relay.rate_limited"
    assert company.texts() == []
    answered(world, company, customer)


def test_a_text_fails_where_no_answer_could_ever_come() -> None:
    """CON-06: a relay that registers nobody without its secret; who has the secret is not affected."""
    world = World(Policy(registration_secret=b"s" * 32))
    company = world.node("Praxis", publish=True, registration_secret=b"s" * 32)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(company.engine.card())
    sent = customer.send(praxis, "Frage")
    world.advance(10 * MINUTE_MS)
    (failed,) = customer.of(MessageStateChanged)
    assert (failed.message_id, failed.state) == (sent, MessageState.FAILED)
    assert failed.code == "relay.registration_refused"
    assert company.texts() == []
