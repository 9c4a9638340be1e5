"""Several nodes over one database: delivery across them, lost words, displacement, revocation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, LiteralString

import pytest
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import (
    Ack,
    AuthResult,
    CreateMailbox,
    DeleteMailbox,
    Displaced,
    Done,
    ErrorCode,
    ErrorReply,
    KnownFrame,
    LowPrekeys,
    Message,
    PrekeysBundle,
    PrekeysFetch,
    PrekeysStock,
    QueueEmpty,
    Subscribe,
    TokenAdd,
    TokenClass,
    TokenRevoke,
    TtlClass,
    encode_frames,
    token_hash,
)
from e2ee_relay.store.postgres_session import Link, connect
from node_relay import NodeRelay
from relay_actors import Clock, Company, Owner, Peer
from relay_backends import SharedDatabase


@pytest.fixture
def nodes(clock: Clock, shared_database: SharedDatabase) -> Iterator[NodeRelay]:
    made = NodeRelay(clock, os.urandom, url=shared_database.empty())
    yield made
    made.close()


def ask(nodes: NodeRelay, query: LiteralString) -> tuple[Any, ...] | None:
    with connect(nodes.url, "test") as db:
        return db.execute(query).fetchone()


async def peer_at(nodes: NodeRelay, node: int) -> Peer:
    return await Peer(nodes.connect(node)).greet()


async def subscribed(nodes: NodeRelay, node: int) -> tuple[Peer, Owner]:
    peer, owner = await peer_at(nodes, node), Owner()
    await owner.set_up(peer)
    await owner.subscribe(peer)
    await peer.push(QueueEmpty)
    return peer, owner


async def bodies(peer: Peer, count: int) -> list[bytes]:
    return [(await peer.push(Message)).body for _ in range(count)]


async def test_messages_of_all_nodes_arrive_in_order(nodes: NodeRelay) -> None:
    """RLY-35, RLY-105: what other nodes store and what the own one stores, in ascending order."""
    peer, owner = await subscribed(nodes, 0)
    senders = [await peer_at(nodes, node) for node in range(3)]
    for turn in range(12):
        await senders[turn % 3].send(owner.item(b"%d" % turn))
    messages = [await peer.push(Message) for _ in range(12)]
    assert [one.body for one in messages] == [b"%d" % turn for turn in range(12)]
    assert [one.seq for one in messages] == sorted(one.seq for one in messages)
    await owner.ack(peer, *messages)
    assert ask(nodes, "SELECT held, held_b FROM mailbox") == (0, 0)


async def test_a_lost_word_delays_and_loses_nothing(nodes: NodeRelay) -> None:
    """RLY-105: the slow poll finds what is there; messages of the own node do not overtake it."""
    peer, owner = await subscribed(nodes, 0)
    other, same = await peer_at(nodes, 1), await peer_at(nodes, 0)
    nodes.words.are_lost = True
    await other.send(owner.item(b"far"))
    assert peer.pushes == []
    nodes.tick()
    assert await bodies(peer, 1) == [b"far"]
    await other.send(owner.item(b"far again"))
    await same.send(owner.item(b"near"))
    assert await bodies(peer, 2) == [b"far again", b"near"]
    assert nodes.nodes[0].node.counters["found_by_poll"] == 1


async def test_a_node_that_dies_takes_nothing_with_it(nodes: NodeRelay) -> None:
    """RLY-105, RLY-39: another node delivers what it had under way, in order, and nothing acknowledged."""
    peer, owner = await subscribed(nodes, 0)
    sender = await peer_at(nodes, 1)
    await sender.send(*[owner.item(b"%d" % number) for number in range(4)])
    messages = [await peer.push(Message) for _ in range(4)]
    await owner.ack(peer, messages[1])
    nodes.restart()
    again = await peer_at(nodes, 2)
    await owner.prove(again)
    await owner.subscribe(again)
    assert await bodies(again, 3) == [b"0", b"2", b"3"]
    await again.push(QueueEmpty)


async def test_acknowledging_on_another_node_deletes(nodes: NodeRelay) -> None:
    """RLY-37: a node that has delivered nothing does not know the day of the partition."""
    peer, owner = await subscribed(nodes, 0)
    await (await peer_at(nodes, 1)).send(owner.item(b"a"), owner.item(b"b"))
    messages = [await peer.push(Message) for _ in range(2)]
    elsewhere = await peer_at(nodes, 2)
    await owner.prove(elsewhere)
    await elsewhere.expect(Done, Ack(elsewhere.next_id(), owner.mailbox, tuple(one.seq for one in messages)))
    assert ask(nodes, "SELECT count(*) FROM message") == (0,)


@pytest.mark.parametrize("words_are_lost", [False, True])
async def test_a_subscription_elsewhere_displaces(nodes: NodeRelay, words_are_lost: bool) -> None:
    """RLY-107, RLY-39: told by a word, or found by the poll; what was not acknowledged is delivered again."""
    peer, owner = await subscribed(nodes, 0)
    await (await peer_at(nodes, 1)).send(owner.item(b"x"))
    await peer.push(Message)
    nodes.words.are_lost = words_are_lost
    newer = await peer_at(nodes, 2)
    await owner.prove(newer)
    await owner.subscribe(newer)
    if words_are_lost:
        assert not [one for one in peer.pushes if isinstance(one, Displaced)]
        nodes.tick()
    assert (await peer.push(Displaced)).mailbox == owner.mailbox
    assert await bodies(newer, 1) == [b"x"]
    await (await peer_at(nodes, 0)).send(owner.item(b"y"))
    if words_are_lost:
        nodes.tick()
    assert await bodies(newer, 1) == [b"y"]
    assert not [one for one in peer.pushes if isinstance(one, Message)]


async def test_a_revoked_token_is_refused_everywhere(nodes: NodeRelay) -> None:
    """RLY-106, RLY-31: also by a node that has seen it in force."""
    peer, owner = await subscribed(nodes, 0)
    sender = await peer_at(nodes, 1)
    assert (await sender.send(owner.item(b"x")))[0].code is ErrorCode.OK
    revoke = TokenRevoke(peer.next_id(), owner.mailbox, (token_hash(owner.token),))
    await peer.expect(Done, revoke)
    assert (await sender.send(owner.item(b"y")))[0].code is ErrorCode.DENIED
    assert (await sender.send(owner.item(b"z")))[0].code is ErrorCode.DENIED


async def test_a_mailbox_deleted_elsewhere_is_owned_no_longer(nodes: NodeRelay) -> None:
    """RLY-26, RLY-27: the connection that had proved it is answered as if it never had."""
    peer, owner = await subscribed(nodes, 0)
    elsewhere = await peer_at(nodes, 1)
    await owner.prove(elsewhere)
    await elsewhere.expect(Done, DeleteMailbox(elsewhere.next_id(), owner.mailbox))
    answer = await peer.expect(ErrorReply, Ack(peer.next_id(), owner.mailbox, (1,)))
    assert answer.code is ErrorCode.NOT_AUTHENTICATED
    nodes.tick()
    assert not nodes.nodes[0].node.delivers(owner.mailbox)


async def test_an_ephemeral_message_passes_between_nodes(nodes: NodeRelay) -> None:
    """RLY-40, RLY-110: pushed where the subscriber is, stored nowhere, OK in any case."""
    peer, owner = await subscribed(nodes, 0)
    sender = await peer_at(nodes, 1)
    body = os.urandom(96 * 1024)
    item = owner.item(body, ttl=TtlClass.EPHEMERAL)
    assert (await sender.send(item))[0].code is ErrorCode.OK
    message = await peer.push(Message)
    assert (message.seq, message.body, message.msg_id) == (0, body, item.msg_id)
    assert ask(nodes, "SELECT count(*) FROM message") == (0,)
    await peer.link.close()
    assert (await sender.send(owner.item(b"x", ttl=TtlClass.EPHEMERAL)))[0].code is ErrorCode.OK


async def test_an_owner_is_told_of_a_low_stock_on_any_node(nodes: NodeRelay, clock: Clock) -> None:
    """RLY-67, RLY-110: the word names the mailbox by its hash; its node looks at the stock itself."""
    peer, owner = await subscribed(nodes, 0)
    company = Company(owner, clock.now_ms)
    await company.publish(peer)
    await peer.expect(PrekeysStock, company.upload(peer, 5, 5))
    fetcher = await peer_at(nodes, 1)
    request = PrekeysFetch(
        fetcher.next_id(), company.account_id, company.record_hash, company.front_token, b""
    )
    await fetcher.expect(PrekeysBundle, request)
    told = await peer.push(LowPrekeys)
    assert (told.one_time_x25519, told.one_time_kem) == (4, 4)


async def test_buckets_are_each_nodes_own(clock: Clock, shared_database: SharedDatabase) -> None:
    """RLY-111: n nodes grant at most n times what one does; the quota is one for all."""
    policy = Policy(contact_messages=Rate(2, 0.001), quota_messages=5)
    nodes = NodeRelay(clock, os.urandom, policy, url=shared_database.empty())
    _, owner = await subscribed(nodes, 0)
    senders = [await peer_at(nodes, node) for node in range(3)]
    codes = [(await sender.send(owner.item(b"x")))[0].code for sender in senders for _ in range(3)]
    ok, limited, full = ErrorCode.OK, ErrorCode.RATE_LIMITED, ErrorCode.QUOTA
    assert codes == [ok, ok, limited, ok, ok, limited, ok, full, full]
    nodes.close()


async def test_a_pipeline_of_requests_is_carried_out_in_order(nodes: NodeRelay) -> None:
    """RLY-07: requests that follow each other without waiting for answers find what the earlier ones did."""
    peer, owner = await peer_at(nodes, 0), Owner()
    requests: list[KnownFrame] = [
        CreateMailbox(peer.next_id(), owner.mailbox, owner.owner_pub),
        owner.auth(peer),
        TokenAdd(peer.next_id(), owner.mailbox, (token_hash(owner.token),), TokenClass.CONTACT),
        Subscribe(peer.next_id(), (owner.mailbox,)),
    ]
    await peer.link.send_bytes(encode_frames(requests))
    answers = [await peer.answer(request.request_id) for request in requests]
    assert [type(answer) for answer in answers] == [Done, AuthResult, Done, Done]
    await (await peer_at(nodes, 1)).send(owner.item(b"x"))
    assert await bodies(peer, 1) == [b"x"]


async def test_a_failed_acknowledgement_can_be_repeated(
    nodes: NodeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-105, RLY-109: what could not be deleted counts as delivered, until it is acknowledged again."""
    peer, owner = await subscribed(nodes, 0)
    sender = await peer_at(nodes, 1)
    await sender.send(owner.item(b"x"))
    message = await peer.push(Message)
    monkeypatch.setattr(Link, "connection", lambda _self: None)
    answer = await peer.ask(Ack(peer.next_id(), owner.mailbox, (message.seq,)))
    assert getattr(answer, "code", None) is ErrorCode.UNAVAILABLE
    monkeypatch.undo()
    nodes.tick()
    assert ask(nodes, "SELECT held FROM mailbox") == (1,)
    await owner.ack(peer, message)
    assert ask(nodes, "SELECT held FROM mailbox") == (0,)
    await sender.send(owner.item(b"y"))
    assert await bodies(peer, 1) == [b"y"]
