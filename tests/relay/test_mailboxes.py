"""CREATE, AUTH, tokens and DELETE_MAILBOX (RLY-10, RLY-12, RLY-20 to RLY-27)."""

from __future__ import annotations

import os

import cbor2
from e2ee_relay import protocol
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import (
    Ack,
    Auth,
    AuthResult,
    CreateMailbox,
    DeleteMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    KnownFrame,
    Ping,
    Subscribe,
    TokenAdd,
    TokenClass,
    TokenRevoke,
    find_pow,
    pow_context_create,
    token_hash,
)
from relay_actors import Clock, Owner, Peer, work_elsewhere
from relay_backends import AnyRelay, MakeRelay


async def refused(peer: Peer, request: KnownFrame) -> ErrorCode:
    answer = await peer.expect(ErrorReply, request)
    return answer.code


async def test_the_hello_comes_first_with_a_fresh_nonce(relay: AnyRelay, peer: Peer, sender: Peer) -> None:
    """RLY-10: version, name, nonce, limits and operations."""
    assert peer.hello is not None
    assert (peer.hello.version, peer.hello.relay_name) == (1, "localhost")
    assert peer.hello.operations == tuple(range(1, 19))
    assert peer.hello.limits.quota_messages == 1000
    assert peer.nonce != sender.nonce


async def test_a_client_can_tell_another_relays_name(make_relay: MakeRelay) -> None:
    """RLY-12: HELLO has the configured name, and a signature for another name is not valid here."""
    relay = make_relay(Policy(relay_name="b.example"))
    peer = await Peer(relay.connect()).greet()
    owner = Owner()
    await owner.create(peer)
    assert peer.hello is not None
    assert peer.hello.relay_name == "b.example"
    signed = protocol.auth_payload("a.example", peer.nonce, (owner.mailbox,))
    signature = owner.key.sign(signed).signature
    request = Auth(peer.next_id(), (owner.mailbox,), owner.owner_pub, signature)
    assert await refused(peer, request) is ErrorCode.AUTH_FAILED
    relay.close()


async def test_creation_is_idempotent_for_its_owner_only(peer: Peer, sender: Peer) -> None:
    """RLY-20: the same key is answered DONE, another one DENIED."""
    owner = Owner()
    await owner.create(peer)
    await owner.create(sender)
    stranger = Owner(mailbox=owner.mailbox)
    request = CreateMailbox(sender.next_id(), stranger.mailbox, stranger.owner_pub)
    assert await refused(sender, request) is ErrorCode.DENIED


async def test_creation_is_limited_per_connection_and_over_all(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-21: RATE_LIMITED with the time after which it works."""
    policy = Policy(creations=Rate(2, 1), creations_global=Rate(3, 0.1))
    relay = make_relay(policy, nodes=1)
    first, second = [await Peer(relay.connect()).greet() for _ in range(2)]
    await Owner().create(first)
    await Owner().create(first)
    answer = await first.expect(ErrorReply, CreateMailbox(first.next_id(), os.urandom(16), os.urandom(32)))
    assert (answer.code, answer.retry_after_ms) == (ErrorCode.RATE_LIMITED, 1001)
    await Owner().create(second)
    answer = await second.expect(ErrorReply, CreateMailbox(second.next_id(), os.urandom(16), os.urandom(32)))
    assert (answer.code, answer.retry_after_ms) == (ErrorCode.RATE_LIMITED, 10_001)
    clock.forward(answer.retry_after_ms)
    await Owner().create(first)
    relay.close()


async def test_the_registration_secret_is_needed_where_there_is_one(make_relay: MakeRelay) -> None:
    """RLY-21: without it REGISTRATION_REFUSED."""
    relay = make_relay(Policy(registration_secret=b"letmein"))
    peer = await Peer(relay.connect()).greet()
    owner = Owner()
    for secret in (None, b"guess"):
        request = CreateMailbox(peer.next_id(), owner.mailbox, owner.owner_pub, b"", secret)
        assert await refused(peer, request) is ErrorCode.REGISTRATION_REFUSED
    await peer.expect(Done, CreateMailbox(peer.next_id(), owner.mailbox, owner.owner_pub, b"", b"letmein"))
    relay.close()


async def test_creation_may_cost_work(make_relay: MakeRelay) -> None:
    """RLY-24: bound to nonce, mailbox and key."""
    relay = make_relay(Policy(pow_bits_create=12))
    peer = await Peer(relay.connect()).greet()
    other = await Peer(relay.connect()).greet()
    owner = Owner()
    there, here = [pow_context_create(one.nonce, owner.mailbox, owner.owner_pub) for one in (other, peer)]
    request = CreateMailbox(peer.next_id(), owner.mailbox, owner.owner_pub, work_elsewhere(there, here, 12))
    assert await refused(peer, request) is ErrorCode.POW_REQUIRED
    work = find_pow(here, 12)
    await peer.expect(Done, CreateMailbox(peer.next_id(), owner.mailbox, owner.owner_pub, work))
    relay.close()


async def test_one_signature_proves_many_mailboxes(peer: Peer) -> None:
    """RLY-22, RLY-23: those of others and those that do not exist are refused alike."""
    owner, stranger = Owner(), Owner()
    second = Owner(key=owner.key)
    for one in (owner, stranger, second):
        await one.create(peer)
    missing = os.urandom(16)
    named = (owner.mailbox, stranger.mailbox, second.mailbox, missing)
    answer = await peer.expect(AuthResult, owner.auth(peer, *named))
    assert answer.refused == (stranger.mailbox, missing)
    await owner.subscribe(peer)
    await second.subscribe(peer)
    code = await refused(peer, Subscribe(peer.next_id(), (stranger.mailbox,)))
    assert code is ErrorCode.NOT_AUTHENTICATED


async def test_a_signature_is_bound_to_nonce_and_mailboxes(peer: Peer, sender: Peer) -> None:
    """RLY-22: what was signed for another connection or another set is AUTH_FAILED."""
    owner = Owner()
    await owner.create(peer)
    for_sender = owner.auth(sender)
    replayed = Auth(peer.next_id(), for_sender.mailboxes, for_sender.owner_pub, for_sender.signature)
    assert await refused(peer, replayed) is ErrorCode.AUTH_FAILED
    ours = owner.auth(peer)
    moved = Auth(peer.next_id(), (os.urandom(16),), ours.owner_pub, ours.signature)
    assert await refused(peer, moved) is ErrorCode.AUTH_FAILED
    other_key = Auth(peer.next_id(), ours.mailboxes, Owner().owner_pub, ours.signature)
    assert await refused(peer, other_key) is ErrorCode.AUTH_FAILED
    no_point = Auth(peer.next_id(), ours.mailboxes, b"\xff" * 32, ours.signature)
    assert await refused(peer, no_point) is ErrorCode.AUTH_FAILED


def test_what_an_auth_signs() -> None:
    """RLY-22: label, then CBOR of relay name, nonce and mailbox ids."""
    payload = protocol.auth_payload("relay", b"n" * 32, (b"a" * 16, b"b" * 16))
    assert payload[:16] == b"SR1-relay-auth\0\0"
    assert payload[16:] == cbor2.dumps(["relay", b"n" * 32, [b"a" * 16, b"b" * 16]])


async def test_authentication_is_limited(clock: Clock, make_relay: MakeRelay) -> None:
    relay = make_relay(Policy(auths=Rate(1, 1), max_mailboxes=2))
    peer = await Peer(relay.connect()).greet()
    owner = Owner()
    await owner.create(peer)
    await owner.prove(peer)
    assert await refused(peer, owner.auth(peer)) is ErrorCode.RATE_LIMITED
    clock.forward(2000)
    many = owner.auth(peer, *[os.urandom(16) for _ in range(3)])
    assert await refused(peer, many) is ErrorCode.TOO_LARGE
    relay.close()


async def test_what_is_not_proved_is_not_done(peer: Peer, sender: Peer, owner: Owner) -> None:
    """RLY-26: NOT_AUTHENTICATED, whether the mailbox exists or not."""
    for mailbox in (owner.mailbox, os.urandom(16)):
        requests: list[KnownFrame] = [
            TokenAdd(sender.next_id(), mailbox, (bytes(32),), TokenClass.CONTACT),
            TokenRevoke(sender.next_id(), mailbox, (bytes(32),)),
            Subscribe(sender.next_id(), (mailbox,)),
            Ack(sender.next_id(), mailbox, (1,)),
            DeleteMailbox(sender.next_id(), mailbox),
        ]
        for request in requests:
            assert await refused(sender, request) is ErrorCode.NOT_AUTHENTICATED


async def test_authentication_ends_with_the_connection(relay: AnyRelay, peer: Peer, owner: Owner) -> None:
    """RLY-23: a new connection has proved nothing."""
    await peer.link.close()
    again = await Peer(relay.connect()).greet()
    code = await refused(again, Subscribe(again.next_id(), (owner.mailbox,)))
    assert code is ErrorCode.NOT_AUTHENTICATED


async def test_tokens_are_kept_as_hashes_and_can_be_revoked(
    relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-25, RLY-31: a revoked token gives the same result as an unknown one."""
    second = os.urandom(32)
    await owner.admit(peer, second)
    assert (await sender.send(owner.item(b"x", token=second)))[0].code is ErrorCode.OK
    await peer.expect(Done, TokenRevoke(peer.next_id(), owner.mailbox, (token_hash(second), bytes(32))))
    revoked = (await sender.send(owner.item(b"x", token=second)))[0]
    unknown = (await sender.send(owner.item(b"x", token=os.urandom(32))))[0]
    nowhere = (await sender.send(owner.item(b"x", mailbox=os.urandom(16))))[0]
    assert revoked == unknown == nowhere
    assert revoked.code is ErrorCode.DENIED
    assert (await sender.send(owner.item(b"x")))[0].code is ErrorCode.OK


async def test_the_number_of_tokens_is_limited(make_relay: MakeRelay) -> None:
    relay = make_relay(Policy(max_tokens=2))
    peer = await Peer(relay.connect()).greet()
    owner = Owner()
    await owner.set_up(peer)
    await owner.admit(peer, os.urandom(32))
    request = TokenAdd(peer.next_id(), owner.mailbox, (os.urandom(32),), TokenClass.CONTACT)
    assert await refused(peer, request) is ErrorCode.QUOTA
    await owner.admit(peer, owner.token)
    relay.close()


async def test_a_deleted_mailbox_is_gone(relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner) -> None:
    """RLY-27: messages, tokens and remembered ids go with it; the id is free again."""
    await sender.send(owner.item(b"held"))
    await peer.expect(Done, DeleteMailbox(peer.next_id(), owner.mailbox))
    assert (await sender.send(owner.item(b"x")))[0].code is ErrorCode.DENIED
    assert await refused(peer, DeleteMailbox(peer.next_id(), owner.mailbox)) is ErrorCode.NOT_AUTHENTICATED
    relay.restart()
    again = await Peer(relay.connect()).greet()
    successor = Owner(mailbox=owner.mailbox)
    await successor.set_up(again)
    await successor.subscribe(again)
    assert (await again.push(protocol.QueueEmpty)).mailbox == owner.mailbox
    assert not any(isinstance(push, protocol.Message) for push in again.pushes)


async def test_who_has_proved_a_mailbox_of_before_owns_no_other_one_of_its_id(
    peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-26, RLY-27: the connection that proved the deleted one lasts."""
    await peer.expect(Done, DeleteMailbox(peer.next_id(), owner.mailbox))
    successor = Owner(mailbox=owner.mailbox)
    await successor.set_up(sender)
    assert (await sender.send(successor.item(b"held")))[0].code is ErrorCode.OK
    requests: list[KnownFrame] = [
        Subscribe(peer.next_id(), (owner.mailbox,)),
        Ack(peer.next_id(), owner.mailbox, (1,)),
        DeleteMailbox(peer.next_id(), owner.mailbox),
    ]
    for request in requests:
        assert await refused(peer, request) is ErrorCode.NOT_AUTHENTICATED


async def test_an_abandoned_mailbox_is_removed(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-79: after the period without use; one that is used stays."""
    policy = Policy(abandoned_s=20 * 86_400)
    relay = make_relay(policy)
    peer = await Peer(relay.connect()).greet()
    used, abandoned = Owner(), Owner()
    await used.set_up(peer)
    await abandoned.set_up(peer)
    clock.forward(15 * 86_400_000)
    await used.prove(peer)
    relay.tick()
    clock.forward(10 * 86_400_000)
    relay.restart()
    relay.tick()
    peer = await Peer(relay.connect()).greet()
    assert (await peer.send(used.item(b"x")))[0].code is ErrorCode.OK
    assert (await peer.send(abandoned.item(b"x")))[0].code is ErrorCode.DENIED
    relay.close()


async def test_unknown_and_invalid_requests_keep_the_connection(peer: Peer) -> None:
    """RLY-05, RLY-06, RLY-07: answered by id, and the next request works."""
    unknown = cbor2.dumps([{0: 50, 1: 1, 2: "whatever"}])
    await peer.link.send_bytes(unknown)
    answer = await peer.answer(1)
    assert answer == ErrorReply(1, ErrorCode.UNKNOWN_OPERATION, 0)
    await peer.link.send_bytes(cbor2.dumps([{0: 7, 1: 2, 2: b"short", 3: [1]}]))
    assert await peer.answer(2) == ErrorReply(2, ErrorCode.BAD_REQUEST, 0)
    assert await peer.ask(Ping(3)) == Done(3)


async def test_requests_are_limited_per_connection(make_relay: MakeRelay) -> None:
    """RLY-07: beyond the bucket each request is still answered."""
    relay = make_relay(Policy(requests=Rate(3, 1)))
    peer = await Peer(relay.connect()).greet()
    answers = [await peer.ask(Ping(number)) for number in range(1, 6)]
    assert [type(answer) for answer in answers] == [Done, Done, Done, ErrorReply, ErrorReply]
    relay.close()
