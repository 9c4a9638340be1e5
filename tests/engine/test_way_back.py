"""What a first flight says of the way back holds by the time that somebody can go it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from e2ee_client.engine import Channel
from e2ee_client.engine.link import BACKOFF_MAX_MS
from e2ee_client.events import ConnectionChanged, MessageState, MessageStateChanged
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import Role, Subscribe, TokenAdd, decode_frames
from e2ee_relay.store.sqlite_view import SqliteView
from engine_world import Node, World
from relay_scenes import losing, lossless

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


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


def test_who_never_heard_the_answer_is_told_its_token_on_the_next_session() -> None:
    """CON-15: a clock that was wrong for a day has ended the session on which it was told."""
    world = World()
    company, customer, praxis = asked(world)
    company.stop()
    customer.send(praxis, "Frage")
    world.settle()
    customer.stop()
    company.start()
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, company.now_ms))
    world.advance(MINUTE_MS)
    assert company.texts() == ["Frage"]
    customer.ahead_ms = 365 * 24 * HOUR_MS
    customer.start()
    world.advance(MINUTE_MS)
    customer.set_clock(0)
    customer.send(praxis, "Noch da?")
    world.advance(HOUR_MS)
    answered(world, company, customer)
    (way_back,) = (one.way_back for one in customer.engine._state.peers.values())
    mailbox = company.engine._state.mailbox_for(customer.engine.account_id)
    assert way_back is not None
    assert way_back.token == mailbox.tokens[customer.engine.account_id][0]


def test_a_first_flight_waits_for_a_mailbox_that_is_put_off() -> None:
    """CON-06, RLY-21, RLY-158: the relay makes no new mailboxes for now, and all else goes on."""
    world = World(Policy(creations_global=Rate(1, 0.02)))
    company, customer, praxis = asked(world)
    customer.send(praxis, "Frage")
    world.settle()
    assert customer.of(ConnectionChanged)[-1].code == "relay.rate_limited"
    assert company.texts() == []
    answered(world, company, customer)


def subscribing_first(held: list[bytes]) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that has the relay answer SUBSCRIBE before TOKEN_ADD, and keeps what asked for tokens."""

    def outgoing(_: Channel, data: bytes) -> list[bytes]:
        frames = decode_frames(data, Role.RELAY)
        if any(isinstance(one, TokenAdd) for one in frames):
            held.append(data)
            return []
        return [data, held[-1]] if any(isinstance(one, Subscribe) for one in frames) else [data]

    return outgoing


def test_a_first_flight_waits_for_room_for_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """CON-14, CON-06: that there is none is told, and asked again later each time."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    praxis = customer.add(company.engine.card())
    held: list[bytes] = []
    customer.outgoing = subscribing_first(held)
    with monkeypatch.context() as full:
        full.setattr(SqliteView, "count_tokens", lambda *_: (Policy().max_tokens, 1))
        customer.start()
        customer.send(praxis, "Frage")
        world.advance(HOUR_MS)
        assert customer.of(ConnectionChanged)[-1].code == "relay.quota"
        assert 2 < len(held) <= 2 * HOUR_MS // BACKOFF_MAX_MS + 8
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
