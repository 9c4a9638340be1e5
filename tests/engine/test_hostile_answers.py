"""Answers of a relay that refuse for ever, never come, or come after a contact was forgotten."""

from __future__ import annotations

from collections import Counter

import pytest
from e2ee_client.engine import Channel
from e2ee_client.events import Doubt
from e2ee_relay.protocol import (
    ErrorCode,
    Frame,
    Lookup,
    Publish,
    Role,
    Send,
    SendResult,
    SendResults,
    decode_frames,
    encode_frames,
)
from engine_world import World, acquainted
from relay_scenes import lossless, push, strange, the_peer

from e2ee.content import Content, Heads, Nothing
from e2ee.identity import DeviceList, ListHead
from e2ee.ids import ListHash

DAY_MS = 86_400_000
MINUTE_MS = 60_000


def test_an_ask_that_the_relay_refuses_does_not_end_all_asking() -> None:
    """SES-25: it was never taken, so its silence never counted; a later doubt asks again."""
    world, _company, customer, _praxis = acquainted()
    refused: list[tuple[Channel, bytes]] = []

    def refusing(channel: Channel, data: bytes) -> list[bytes]:
        sends = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Send)]
        for one in sends:
            results = (SendResult(ErrorCode.BAD_REQUEST, 0),) * len(one.items)
            refused.append((channel, encode_frames([SendResults(one.request_id, results)])))
        return [] if sends else [data]

    customer.outgoing = refusing
    push(customer, strange())
    for channel, answer in refused:
        customer.carry_out(customer.engine.received(channel, answer, world.now_ms))
    customer.outgoing = lossless
    assert the_peer(customer).pair.ask is None
    world.advance(30 * MINUTE_MS)
    push(customer, strange())
    world.advance(MINUTE_MS)
    assert len(customer.of(Doubt)) == 2


def test_one_list_is_signed_for_one_number_however_often_it_is_published() -> None:
    """ID-07, ID-40: a relay that swallows PUBLISH would else collect lists that contradict each other."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    published: list[bytes] = []

    def swallowing(_: Channel, data: bytes) -> list[bytes]:
        found = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Publish)]
        published.extend(one.lists[-1] for one in found)
        return [] if found else [data]

    company.outgoing = swallowing
    world.advance(15 * DAY_MS + 10 * MINUTE_MS)
    company.crash()
    company.start()
    world.advance(10 * MINUTE_MS)
    assert len(published) > 2
    assert len(set(published)) == 1
    company.outgoing = lossless
    world.advance(10 * MINUTE_MS)
    own = company.engine._state.own
    assert own.device_list == DeviceList.verify(own.account_id, published[0])
    assert own.published_seq == own.device_list.seq


def test_a_forgotten_mailbox_does_not_come_back_with_a_late_answer() -> None:
    """RLY-20: the contact is forgotten while its mailbox is being made; its row stays deleted."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(company.engine.card())
    while not any(link.pending for link in customer.engine._context.links.by_channel.values()):
        customer.step()
    customer.carry_out(customer.engine.forget_contact(praxis, world.now_ms))
    world.advance(MINUTE_MS)
    assert not customer.rows.tables.get("mailbox")
    customer.crash()
    customer.start()
    world.advance(MINUTE_MS)
    assert not customer.connections


def lying(*arguments: object) -> Content:
    """Dress a content with heads that nobody has."""
    content = arguments[-1]
    assert isinstance(content, Content)
    head = ListHead(2**31 - 1, ListHash(bytes(32)))
    return content._replace(heads=Heads(head, head))


@pytest.mark.parametrize("liar", ["Kundin", "Praxis"])
def test_claims_of_newer_lists_are_not_followed_each_time(liar: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """CON-13: a contact cannot make a company look itself up, or a customer it, with each message."""
    world, company, customer, praxis = acquainted()
    nodes = {"Kundin": (customer, company, praxis), "Praxis": (company, customer, customer.engine.account_id)}
    sender, receiver, account_id = nodes[liar]
    asked: Counter[type[Frame]] = Counter()

    def counting(_: Channel, data: bytes) -> list[bytes]:
        asked.update(type(one) for one in decode_frames(data, Role.RELAY))
        return [data]

    receiver.outgoing = counting
    context = sender.engine._context
    monkeypatch.setattr(context.sending, "_dressed", lying)
    contact = sender.engine._state.contacts[account_id]
    for _ in range(20):
        turn = sender.engine._step(world.now_ms)
        context.telling.send_to_all(turn, contact, Nothing())
        sender.carry_out(turn.effects())
        world.advance(1_000)
    assert asked[Lookup] == 1
