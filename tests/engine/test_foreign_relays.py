"""Which connections are marked as those of a relay that only a contact has named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attack_world import STORES, AttackWorld
from e2ee_client.engine import Channel, Effect, Open
from e2ee_client.engine.turn import Turn
from engine_world import RELAY_URL

from e2ee.content import AddressOnly, WayBack


def opened(node_effects: list[list[Effect]]) -> list[Channel]:
    return [one.channel for effects in node_effects for one in effects if isinstance(one, Open)]


@pytest.fixture
def world() -> Iterator[AttackWorld]:
    made = AttackWorld.acquainted()
    yield made
    while STORES:
        STORES.pop().close()


def test_a_relay_that_a_contact_named_is_marked(world: AttackWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-170: the transport is told, whatever address the contact states; our own relay is not marked."""
    company, customer = world.company, world.customer
    seen: list[list[Effect]] = []
    carry_out = company.carry_out

    def noted(effects: list[Effect]) -> None:
        seen.append(effects)
        carry_out(effects)

    monkeypatch.setattr(company, "carry_out", noted)
    contact = customer.engine._state.contacts[world.praxis]
    for url in ("wss://10.0.0.5:9200/", "wss://127.0.0.1:8443/"):
        turn, way = Turn(world.now_ms), customer.engine._context.sending.way_back(contact)
        named = WayBack(way.mailbox, way.token, url)
        (peer,) = customer.engine._state.peers_of(world.praxis)
        context = customer.engine._context
        session = context.renewal.session_for(turn, peer)
        assert session is not None
        context.sending.send_control(turn, peer, session, AddressOnly(), way_back=named)
        customer.carry_out(turn.effects())
        world.settle()
        world.say(customer, world.praxis, "hi")
        world.advance(5_000)
    urls = {channel.relay_url: channel.foreign for channel in opened(seen)}
    assert urls == {"wss://10.0.0.5:9200/": True, "wss://127.0.0.1:8443/": True}
    ours = [channel for channel in company.engine._context.links.by_channel if channel.relay_url == RELAY_URL]
    assert ours
    assert not any(channel.foreign for channel in ours)
