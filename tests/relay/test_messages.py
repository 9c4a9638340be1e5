"""SEND, SUBSCRIBE and ACK (RLY-30 to RLY-42)."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import (
    Ack,
    Displaced,
    Done,
    ErrorCode,
    Message,
    Ping,
    QueueEmpty,
    Send,
    SendItem,
    TokenClass,
    TtlClass,
    encode_frames,
    find_pow,
    pow_context_send,
)
from relay_actors import HOUR_MS, START_MS, Clock, Owner, Peer, work_elsewhere
from relay_backends import AnyRelay, MakeRelay, held_rows, longest_upkeep_ms, machine_is_ahead


async def connect(relay: AnyRelay) -> Peer:
    return await Peer(relay.connect()).greet()


async def reconnect(relay: AnyRelay, owner: Owner) -> Peer:
    peer = await connect(relay)
    await owner.prove(peer)
    await owner.subscribe(peer)
    return peer


async def received(peer: Peer, owner: Owner, count: int) -> list[Message]:
    """Take so many messages, acknowledging each."""
    messages = [await peer.push(Message) for _ in range(count)]
    await owner.ack(peer, *messages)
    return messages


async def nothing_more(peer: Peer) -> bool:
    await peer.expect(Done, Ping(peer.next_id()))
    return not any(isinstance(push, Message) for push in peer.pushes)


async def codes(peer: Peer, *items: SendItem) -> list[ErrorCode]:
    return [result.code for result in await peer.send(*items)]


async def test_a_message_arrives_with_the_hour_only(
    relay: AnyRelay, clock: Clock, peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-34: the time of arrival is rounded down to the hour."""
    clock.forward(1_234_567)
    item = owner.item(b"sealed")
    assert await codes(sender, item) == [ErrorCode.OK]
    await owner.subscribe(peer)
    message = await peer.push(Message)
    assert (message.mailbox, message.msg_id, message.body) == (owner.mailbox, item.msg_id, b"sealed")
    assert message.received_ms == START_MS // HOUR_MS * HOUR_MS
    await peer.push(QueueEmpty)


@pytest.mark.parametrize("ttl", [TtlClass.RETENTION, TtlClass.EPHEMERAL])
async def test_the_hour_that_is_told_is_the_machines(
    relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner, ttl: TtlClass
) -> None:
    """RLY-133: a day ahead, the message is told a day later; it does not expire a day earlier."""
    await owner.subscribe(peer)
    machine_is_ahead(relay, 24 * HOUR_MS)
    assert await codes(sender, owner.item(b"sealed", ttl=ttl)) == [ErrorCode.OK]
    assert (await peer.push(Message)).received_ms == START_MS // HOUR_MS * HOUR_MS + 24 * HOUR_MS


async def test_items_are_judged_one_by_one(peer: Peer, sender: Peer, owner: Owner) -> None:
    """RLY-07, RLY-30: each item has its own result, in order."""
    items = [
        owner.item(b"1"),
        owner.item(b"2", token=bytes(32)),
        owner.item(b"3"),
        owner.item(b"4", mailbox=bytes(16)),
    ]
    assert await codes(sender, *items) == [ErrorCode.OK, ErrorCode.DENIED, ErrorCode.OK, ErrorCode.DENIED]
    await owner.subscribe(peer)
    assert [message.body for message in await received(peer, owner, 2)] == [b"1", b"3"]


async def test_order_is_kept_and_deletion_is_by_acknowledgement(
    relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-35, RLY-37: in order, again until acknowledged, then gone."""
    bodies = [b"%d" % number for number in range(10)]
    await sender.send(*[owner.item(body) for body in bodies])
    await owner.subscribe(peer)
    first = [await peer.push(Message) for _ in bodies]
    assert [message.body for message in first] == bodies
    assert [message.seq for message in first] == sorted({message.seq for message in first})
    await owner.ack(peer, *first[:3], first[7])
    await peer.link.close()
    again = await reconnect(relay, owner)
    left = [first[place] for place in (3, 4, 5, 6, 8, 9)]
    assert [await again.push(Message) for _ in left] == left
    await owner.ack(again, *left)
    assert (await again.push(QueueEmpty)).mailbox == owner.mailbox
    await again.link.close()
    last = await reconnect(relay, owner)
    await last.push(QueueEmpty)
    assert await nothing_more(last)


async def test_acknowledging_what_is_not_held_is_done(peer: Peer, owner: Owner) -> None:
    """RLY-37: numbers that are not held are ignored, also those that no store can hold."""
    await peer.expect(Done, Ack(peer.next_id(), owner.mailbox, (1, 2, 1 << 40, 1 << 63, (1 << 64) - 1)))


async def test_live_delivery_follows_the_backlog(peer: Peer, sender: Peer, owner: Owner) -> None:
    """RLY-35, RLY-38: what was held comes first, QUEUE_EMPTY once, then what arrives."""
    await sender.send(owner.item(b"old 1"), owner.item(b"old 2"))
    await owner.subscribe(peer)
    await sender.send(owner.item(b"new"))
    await nothing_more(peer)
    kinds = [push.body if isinstance(push, Message) else type(push) for push in peer.pushes]
    assert kinds == [b"old 1", b"old 2", QueueEmpty, b"new"]


async def test_subscribing_twice_changes_nothing(peer: Peer, sender: Peer, owner: Owner) -> None:
    await owner.subscribe(peer)
    await peer.push(QueueEmpty)
    await sender.send(owner.item(b"once"))
    await owner.subscribe(peer)
    assert (await peer.push(Message)).body == b"once"
    assert await nothing_more(peer)
    assert not any(isinstance(push, QueueEmpty | Displaced) for push in peer.pushes)


async def test_the_newest_connection_displaces_the_older_one(
    relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-39: the older one is told, the newer one gets what was not acknowledged."""
    await owner.subscribe(peer)
    await sender.send(owner.item(b"unacknowledged"))
    seen = await peer.push(Message)
    newer = await reconnect(relay, owner)
    assert (await peer.push(Displaced)).mailbox == owner.mailbox
    assert await newer.push(Message) == seen
    await sender.send(owner.item(b"next"))
    assert (await newer.push(Message)).body == b"next"
    assert await nothing_more(peer)
    await owner.ack(peer, seen)


async def test_the_window_bounds_what_is_under_way(make_relay: MakeRelay) -> None:
    """RLY-36: so many messages, then acknowledgements open it again."""
    relay = make_relay(Policy(window_messages=4))
    peer, sender, owner = await connect(relay), await connect(relay), Owner()
    await owner.set_up(peer)
    await sender.send(*[owner.item(b"%d" % number) for number in range(10)])
    await owner.subscribe(peer)
    first = [await peer.push(Message) for _ in range(4)]
    assert await nothing_more(peer)
    await owner.ack(peer, first[0], first[1])
    second = [await peer.push(Message) for _ in range(2)]
    assert await nothing_more(peer)
    await owner.ack(peer, *first[2:], *second)
    third = [await peer.push(Message) for _ in range(4)]
    assert [message.body for message in first + second + third] == [b"%d" % number for number in range(10)]
    relay.close()


async def test_the_window_counts_bytes_but_always_lets_one_pass(make_relay: MakeRelay) -> None:
    """RLY-36: a message larger than the window is delivered alone; live ones wait too."""
    relay = make_relay(Policy(window_b=1000))
    peer, sender, owner = await connect(relay), await connect(relay), Owner()
    await owner.set_up(peer)
    await owner.subscribe(peer)
    for body in (bytes(5000), bytes(600), bytes(600)):
        await sender.send(owner.item(body))
    sizes = []
    for _ in range(3):
        message = await peer.push(Message)
        sizes.append(len(message.body))
        assert await nothing_more(peer)
        await owner.ack(peer, message)
    assert sizes == [5000, 600, 600]
    relay.close()


async def test_one_connection_with_many_mailboxes_has_one_bound(make_relay: MakeRelay) -> None:
    """RLY-36: the bytes under way on a connection are bounded over all its mailboxes, none is forgotten."""
    relay = make_relay(Policy(connection_window_b=2500))
    peer, sender = await connect(relay), await connect(relay)
    owners = [Owner() for _ in range(4)]
    for owner in owners:
        await owner.set_up(peer)
        await sender.send(owner.item(bytes(1000)), owner.item(bytes(1000)))
        await owner.subscribe(peer)
    await nothing_more(peer)
    by_mailbox = {owner.mailbox: owner for owner in owners}
    taken = 0
    while taken < 8:
        message = await peer.push(Message)
        taken += 1
        await by_mailbox[message.mailbox].ack(peer, message)
    assert await nothing_more(peer)
    relay.close()


async def test_a_repeated_id_is_stored_once(
    clock: Clock, relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-32: while held, in one batch, once acknowledged, after a restart, until its time is over."""
    item = owner.item(b"once")
    assert await codes(sender, item, item) == [ErrorCode.OK] * 2
    assert await codes(sender, item) == [ErrorCode.OK]
    await owner.subscribe(peer)
    await received(peer, owner, 1)
    assert await codes(sender, item) == [ErrorCode.OK]
    assert await nothing_more(peer)
    relay.restart()
    sender, peer = await connect(relay), await reconnect(relay, owner)
    assert await codes(sender, item) == [ErrorCode.OK]
    assert await nothing_more(peer)
    clock.forward(3_600_000)
    assert await codes(sender, item) == [ErrorCode.OK]
    assert await nothing_more(peer)
    clock.forward(3_600_000)
    relay.tick()
    assert await codes(sender, item) == [ErrorCode.OK]
    assert (await peer.push(Message)).body == b"once"


async def test_ids_are_compared_within_a_mailbox(relay: AnyRelay, peer: Peer, sender: Peer) -> None:
    """RLY-32: another mailbox's id means nothing."""
    first, second = Owner(), Owner()
    await first.set_up(peer)
    await second.set_up(peer)
    item = first.item(b"a")
    await sender.send(item, second.item(b"b", msg_id=item.msg_id))
    await first.subscribe(peer)
    await second.subscribe(peer)
    assert {(await peer.push(Message)).body for _ in range(2)} == {b"a", b"b"}


async def test_numbers_are_never_given_twice(relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner) -> None:
    """RLY-35: a late acknowledgement after a restart cannot hit a newer message."""
    await owner.subscribe(peer)
    await sender.send(owner.item(b"before"))
    (before,) = await received(peer, owner, 1)
    relay.restart()
    sender, peer = await connect(relay), await reconnect(relay, owner)
    await sender.send(owner.item(b"after"))
    after = await peer.push(Message)
    assert after.seq > before.seq
    await owner.ack(peer, before)
    await peer.link.close()
    assert await (await reconnect(relay, owner)).push(Message) == after


async def test_quota_in_messages_and_bytes(make_relay: MakeRelay) -> None:
    """RLY-33: QUOTA, until something is acknowledged."""
    relay = make_relay(Policy(quota_messages=3, quota_b=1000))
    peer, sender, owner = await connect(relay), await connect(relay), Owner()
    await owner.set_up(peer)
    assert await codes(sender, *[owner.item(bytes(300))] * 1) == [ErrorCode.OK]
    assert await codes(sender, owner.item(bytes(701))) == [ErrorCode.QUOTA]
    assert await codes(sender, owner.item(b"2"), owner.item(b"3"), owner.item(b"4")) == [
        ErrorCode.OK,
        ErrorCode.OK,
        ErrorCode.QUOTA,
    ]
    assert (await sender.send(owner.item(b"5")))[0].retry_after_ms > 0
    await owner.subscribe(peer)
    await received(peer, owner, 3)
    assert await codes(sender, owner.item(bytes(1000))) == [ErrorCode.OK]
    relay.restart()
    assert await codes(await connect(relay), owner.item(b"x")) == [ErrorCode.QUOTA]
    relay.close()


async def test_buckets_per_token(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-42: messages and bytes, with the time after which the item fits; each token by itself."""
    policy = Policy(contact_messages=Rate(2, 1), contact_b=Rate(1000, 100), front_door_messages=Rate(1, 0.5))
    relay = make_relay(policy)
    peer, sender, owner = await connect(relay), await connect(relay), Owner()
    await owner.set_up(peer)
    other, front = os.urandom(32), os.urandom(32)
    await owner.admit(peer, other)
    await owner.admit(peer, front, TokenClass.FRONT_DOOR)
    results = await sender.send(*[owner.item(b"x") for _ in range(3)])
    assert [result.code for result in results] == [ErrorCode.OK, ErrorCode.OK, ErrorCode.RATE_LIMITED]
    assert results[2].retry_after_ms == 1001
    assert await codes(sender, owner.item(bytes(900), token=other)) == [ErrorCode.OK]
    (by_bytes,) = await sender.send(owner.item(bytes(300), token=other))
    assert (by_bytes.code, by_bytes.retry_after_ms) == (ErrorCode.RATE_LIMITED, 2001)
    at_the_door = await codes(sender, *[owner.item(b"x", token=front)] * 1, owner.item(b"y", token=front))
    assert at_the_door == [ErrorCode.OK, ErrorCode.RATE_LIMITED]
    clock.forward(2001)
    assert await codes(sender, owner.item(bytes(300), token=other), owner.item(b"x")) == [ErrorCode.OK] * 2
    relay.close()


async def test_a_repetition_is_not_charged(make_relay: MakeRelay) -> None:
    """RLY-32, RLY-42: a sender that missed the answer can ask as often as it needs."""
    relay = make_relay(Policy(contact_messages=Rate(1, 0.001)))
    peer, sender, owner = await connect(relay), await connect(relay), Owner()
    await owner.set_up(peer)
    item = owner.item(b"x")
    assert await codes(sender, item, item, item) == [ErrorCode.OK] * 3
    relay.close()


async def test_an_ephemeral_message_needs_somebody_there(
    relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-40: OK in either case, seq 0, never stored."""
    away = owner.item(b"typing 1", ttl=TtlClass.EPHEMERAL)
    assert await codes(sender, away) == [ErrorCode.OK]
    await owner.subscribe(peer)
    await peer.push(QueueEmpty)
    assert await codes(sender, owner.item(b"typing 2", ttl=TtlClass.EPHEMERAL)) == [ErrorCode.OK]
    message = await peer.push(Message)
    assert (message.seq, message.body) == (0, b"typing 2")
    await peer.link.close()
    assert await nothing_more(await reconnect(relay, owner))


@pytest.mark.parametrize(
    ("ttl", "period_ms"), [(TtlClass.MINUTE, 60_000), (TtlClass.RETENTION, 30 * 86_400_000)]
)
async def test_an_expired_message_is_not_delivered(
    clock: Clock, relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner, ttl: TtlClass, period_ms: int
) -> None:
    """RLY-41: held for its time, then neither delivered nor kept, also over a restart."""
    await sender.send(owner.item(b"early", ttl=ttl), owner.item(b"other", ttl=ttl))
    clock.forward(period_ms - 1)
    relay.tick()
    await owner.subscribe(peer)
    assert (await peer.push(Message)).body == b"early"
    relay.restart()
    clock.forward(1 + HOUR_MS)
    again = await reconnect(relay, owner)
    await again.push(QueueEmpty)
    assert await nothing_more(again)
    clock.forward(longest_upkeep_ms(relay))
    relay.tick()
    assert held_rows(relay) == 0


async def test_a_short_lived_message_does_not_outlive_an_earlier_clock(
    clock: Clock, relay: AnyRelay, sender: Peer, owner: Owner
) -> None:
    """RLY-41, RLY-150: nor hide behind one that lives longer, where a start finds its time earlier."""
    await sender.send(owner.item(b"long"), owner.item(b"short", ttl=TtlClass.MINUTE))
    clock.forward(-HOUR_MS // 2)
    relay.restart()
    clock.forward(HOUR_MS)
    relay.tick()
    assert held_rows(relay) == 1


async def test_expiry_frees_the_quota(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-33, RLY-41: what has expired counts no longer."""
    relay = make_relay(Policy(quota_messages=1))
    peer, sender, owner = await connect(relay), await connect(relay), Owner()
    await owner.set_up(peer)
    assert await codes(sender, owner.item(b"1", ttl=TtlClass.MINUTE)) == [ErrorCode.OK]
    assert await codes(sender, owner.item(b"2")) == [ErrorCode.QUOTA]
    clock.forward(60_000)
    relay.tick()
    assert await codes(sender, owner.item(b"2")) == [ErrorCode.OK]
    relay.close()


async def test_the_front_door_may_cost_work(make_relay: MakeRelay) -> None:
    """RLY-24: bound to mailbox and message id, so the same bytes can be sent again; contacts pay nothing."""
    relay = make_relay(Policy(pow_bits_send=10))
    peer, sender, owner = await connect(relay), await connect(relay), Owner()
    await owner.set_up(peer)
    front = os.urandom(32)
    await owner.admit(peer, front, TokenClass.FRONT_DOOR)
    assert await codes(sender, owner.item(b"x")) == [ErrorCode.OK]
    item = owner.item(b"x", token=front)
    there, here = [pow_context_send(owner.mailbox, msg_id) for msg_id in (os.urandom(16), item.msg_id)]
    unpaid, paid = [replace(item, pow=work) for work in (work_elsewhere(there, here, 10), find_pow(here, 10))]
    assert await codes(sender, unpaid) == [ErrorCode.POW_REQUIRED]
    assert await codes(sender, paid) == [ErrorCode.OK]
    assert await codes(await connect(relay), paid) == [ErrorCode.OK]
    relay.close()


async def test_batches_and_bodies_are_limited(make_relay: MakeRelay) -> None:
    """RLY-07: TOO_LARGE for the batch or for the item."""
    relay = make_relay(Policy(max_send_items=2, max_body_b=100))
    peer, sender, owner = await connect(relay), await connect(relay), Owner()
    await owner.set_up(peer)
    assert await codes(sender, owner.item(bytes(101)), owner.item(bytes(100))) == [
        ErrorCode.TOO_LARGE,
        ErrorCode.OK,
    ]
    request = Send(sender.next_id(), tuple(owner.item(b"x") for _ in range(3)))
    answer = await sender.ask(request)
    assert getattr(answer, "code", None) is ErrorCode.TOO_LARGE
    relay.close()


async def test_a_sender_that_has_gone_does_not_matter(
    relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-30: its message is held, the answer is dropped."""
    await sender.link.send_bytes(encode_frames([Send(1, (owner.item(b"last words"),))]))
    await sender.link.close()
    await owner.subscribe(peer)
    assert (await peer.push(Message)).body == b"last words"
