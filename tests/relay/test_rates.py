"""Rates of a mailbox over all of its tokens, and of subscriptions (RLY-155, RLY-156)."""

from __future__ import annotations

import os

import pytest
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import (
    Done,
    ErrorCode,
    ErrorReply,
    LowPrekeys,
    Message,
    PrekeysStock,
    Subscribe,
    TokenClass,
    TtlClass,
)
from e2ee_relay.store.api import Op, Stocks
from e2ee_relay.store.turns import whose
from node_relay import NodeRelay
from relay_actors import Clock, Company, Owner, Peer
from relay_backends import AnyRelay, MakeRelay, charged_mailboxes, states_of

OK, LIMITED = ErrorCode.OK, ErrorCode.RATE_LIMITED


async def connect(relay: AnyRelay) -> Peer:
    """Open a connection; of several nodes, always to the same one: buckets are each node's own (RLY-111)."""
    return await Peer(relay.connect(0) if isinstance(relay, NodeRelay) else relay.connect()).greet()


async def with_tokens(relay: AnyRelay, count: int) -> tuple[Peer, Peer, Owner, list[bytes]]:
    """Return owner's and sender's connections, and so many tokens, the last of them a front door's."""
    peer, sender, owner = await connect(relay), await connect(relay), Owner()
    await owner.set_up(peer)
    tokens = [owner.token, *[os.urandom(32) for _ in range(count - 1)]]
    for token in tokens[1:]:
        is_last = token is tokens[-1]
        await owner.admit(peer, token, TokenClass.FRONT_DOOR if is_last else TokenClass.CONTACT)
    return peer, sender, owner, tokens


async def codes(peer: Peer, *items: object) -> list[ErrorCode]:
    return [one.code for one in await peer.send(*items)]  # type: ignore[arg-type]  # items


@pytest.mark.parametrize("ttl", [TtlClass.RETENTION, TtlClass.EPHEMERAL])
async def test_a_mailbox_has_a_bucket_over_all_of_its_tokens(
    clock: Clock, make_relay: MakeRelay, ttl: TtlClass
) -> None:
    """RLY-155: whoever writes, front door or contact, stored or passing; with the wait; others are free."""
    relay = make_relay(Policy(mailbox_messages=Rate(3, 1)))
    _, sender, owner, tokens = await with_tokens(relay, 4)
    results = await sender.send(*[owner.item(b"x", token=token, ttl=ttl) for token in tokens])
    assert [one.code for one in results] == [OK, OK, OK, LIMITED]
    assert results[3].retry_after_ms == 1001
    elsewhere, other = await connect(relay), Owner()
    await other.set_up(elsewhere)
    assert await codes(sender, other.item(b"x", ttl=ttl)) == [OK]
    clock.forward(1001)
    again = [owner.item(b"x", token=token, ttl=ttl) for token in tokens[:2]]
    assert await codes(sender, *again) == [OK, LIMITED]
    relay.close()


async def test_a_mailbox_has_a_bucket_of_bytes(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-155: the wait is that of the item's size; a smaller one fits sooner."""
    relay = make_relay(Policy(mailbox_b=Rate(1000, 100)))
    _, sender, owner, tokens = await with_tokens(relay, 2)
    assert await codes(sender, owner.item(bytes(900))) == [OK]
    (large,) = await sender.send(owner.item(bytes(300), token=tokens[1]))
    assert (large.code, large.retry_after_ms) == (LIMITED, 2001)
    assert await codes(sender, owner.item(bytes(100), token=tokens[1])) == [OK]
    clock.forward(3001)
    assert await codes(sender, owner.item(bytes(300), token=tokens[1])) == [OK]
    relay.close()


async def test_what_the_mailbox_refuses_costs_the_token_nothing(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-155: neither bucket is charged; the repetition is answered though both are empty (RLY-32)."""
    relay = make_relay(Policy(contact_messages=Rate(2, 0.001), mailbox_messages=Rate(1, 1)))
    _, sender, owner, _ = await with_tokens(relay, 2)
    first, second = owner.item(b"1"), owner.item(b"2")
    assert await codes(sender, first, second, second, second) == [OK, LIMITED, LIMITED, LIMITED]
    clock.forward(1001)
    assert await codes(sender, second) == [OK]
    clock.forward(1001)
    assert await codes(sender, owner.item(b"3"), first, second) == [LIMITED, OK, OK]
    relay.close()


async def test_a_refused_quota_costs_the_mailbox_nothing(make_relay: MakeRelay) -> None:
    """RLY-155, RLY-33: what was not stored has not been charged."""
    relay = make_relay(Policy(quota_messages=1, mailbox_messages=Rate(2, 0.001)))
    peer, sender, owner, _ = await with_tokens(relay, 2)
    await owner.subscribe(peer)
    assert await codes(sender, owner.item(b"1")) == [OK]
    for _ in range(3):
        assert await codes(sender, owner.item(b"more")) == [ErrorCode.QUOTA]
    await owner.ack(peer, await peer.push(Message))
    assert await codes(sender, owner.item(b"2")) == [OK]
    await owner.ack(peer, await peer.push(Message))
    assert await codes(sender, owner.item(b"3")) == [LIMITED]
    relay.close()


async def test_buckets_of_mailboxes_are_counted_and_forgotten(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-155: memory follows the traffic; a figure says that the limit was met, not whose."""
    relay = make_relay(Policy(mailbox_messages=Rate(1, 1)))
    _, sender, owner, _ = await with_tokens(relay, 2)
    assert await codes(sender, owner.item(b"1"), owner.item(b"2")) == [OK, LIMITED]
    state = states_of(relay)[0]
    assert (charged_mailboxes(relay), state.counters["limited_by_mailbox"]) == (1, 1)
    clock.forward(601_000)
    relay.tick()
    assert charged_mailboxes(relay) == 0
    relay.close()


async def test_stocks_are_looked_at_so_often_however_often_a_mailbox_is_subscribed(
    clock: Clock, make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-267, RLY-67: each mailbox for itself, in its owner's turn; the first subscription is told, and the
    last one later. What other nodes tell does not wait behind that.
    """
    relay = make_relay()
    (peer, other), owner, idle = [await connect(relay) for _ in range(2)], Owner(), Owner()
    await owner.set_up(peer)
    await idle.set_up(peer)
    company = Company(owner, clock.now_ms)
    await company.publish(peer)
    await peer.expect(PrekeysStock, company.upload(peer, 1, 1))
    await owner.prove(other)
    store, looks = states_of(relay)[0].store, list[Op]()
    submit = store.submit

    def noted(op: Op) -> None:
        looks.extend([op] if isinstance(op.request, Stocks) else ())
        submit(op)

    monkeypatch.setattr(store, "submit", noted)
    await peer.expect(Done, Subscribe(peer.next_id(), (owner.mailbox, idle.mailbox)))
    assert (await peer.push(LowPrekeys)).account_id == company.account_id
    assert [op.request for op in looks] == [Stocks(owner.mailbox), Stocks(idle.mailbox)]
    assert {op.peer.visitor for op in looks} == {b""}
    assert len({whose(op) for op in looks}) == 1
    for _ in range(20):
        await owner.subscribe(other)
        await owner.subscribe(peer)
    assert len(looks) == 5
    clock.forward(60_001)
    await owner.subscribe(other)
    await owner.subscribe(peer)
    assert len(looks) == 6
    relay.tick()
    assert len(looks) == 6
    states_of(relay)[0].low_stock(owner.mailbox, is_held_back=True)
    assert looks.pop().request == Stocks(owner.mailbox, are_held_back=True)
    clock.forward(60_001)
    relay.tick()
    assert (len(looks), looks[-1].request) == (7, Stocks(owner.mailbox))
    clock.forward(60_001)
    relay.tick()
    assert len(looks) == 7
    relay.close()


async def test_subscriptions_are_limited_by_what_they_name(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-156: also those that change nothing; on this connection, not on another."""
    relay = make_relay(Policy(subscriptions=Rate(4, 1)))
    peer, owner = await connect(relay), Owner()
    await owner.set_up(peer)
    await peer.expect(Done, Subscribe(peer.next_id(), (owner.mailbox,) * 3))
    answer = await peer.expect(ErrorReply, Subscribe(peer.next_id(), (owner.mailbox,) * 2))
    assert (answer.code, answer.retry_after_ms) == (LIMITED, 1001)
    other = await connect(relay)
    await owner.prove(other)
    await owner.subscribe(other)
    clock.forward(1001)
    await peer.expect(Done, Subscribe(peer.next_id(), (owner.mailbox,) * 2))
    relay.close()
