"""BLOB_OPEN, BLOB_PUT, BLOB_GET and BLOB_DROP over each store (RLY-240 to RLY-249)."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from blob_actors import Upload, greeted, refused
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.protocol import (
    MAX_PART_B,
    BlobData,
    BlobDrop,
    BlobPut,
    BlobState,
    DeleteMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    TokenAdd,
    TokenClass,
    TokenRevoke,
    hour_of,
    token_hash,
)
from e2ee_relay.store.api import Op
from relay_actors import DAY_MS, HOUR_MS, Clock, Owner, Peer
from relay_backends import AnyRelay, MakeRelay, longest_upkeep_ms, machine_is_ahead, states_of


async def trust(peer: Peer, owner: Owner, token: bytes | None = None) -> None:
    hashes = (token_hash(token or owner.token),)
    await peer.expect(Done, TokenAdd(peer.next_id(), owner.mailbox, hashes, TokenClass.TRUSTED))


@pytest.mark.parametrize(
    "size_b", [1, MAX_PART_B - 1, MAX_PART_B, MAX_PART_B + 1, 9 * MAX_PART_B, 9 * MAX_PART_B + 1]
)
async def test_a_blob_comes_back_as_it_was_put(sender: Peer, owner: Owner, size_b: int) -> None:
    """RLY-240, RLY-243, RLY-244: part by part, the last one short; nobody proves a mailbox."""
    upload = Upload(owner, os.urandom(size_b))
    assert (await upload.begin(sender)).next == 0
    for index in range(len(upload.parts)):
        assert await refused(sender, upload.get(sender)) is ErrorCode.NOT_FOUND
        state = await sender.expect(BlobState, upload.put(sender, index))
        assert (state.next, state.size_b) == (index + 1, size_b)
    assert await upload.load(sender) == upload.octets
    assert await upload.load(sender, 1) == upload.octets
    assert await refused(sender, upload.get(sender, len(upload.parts))) is ErrorCode.NOT_FOUND


async def test_an_upload_goes_on_where_it_was_cut(relay: AnyRelay, sender: Peer, owner: Owner) -> None:
    """RLY-241, RLY-243: after a restart too; what comes twice or too early changes nothing."""
    upload = Upload(owner, os.urandom(5 * MAX_PART_B + 7))
    await upload.begin(sender)
    await upload.go_on(sender, 0, 3)
    relay.restart()
    sender = await greeted(relay)
    assert (await upload.begin(sender)).next == 3
    other = upload.put(sender, 1, part=os.urandom(MAX_PART_B))
    assert (await sender.expect(BlobState, other)).next == 3
    assert (await sender.expect(BlobState, upload.put(sender, 4))).next == 3
    assert (await upload.go_on(sender, 3)).next == 6
    assert (await upload.begin(sender)).next == 6
    last = replace(upload.put(sender, 5), part=os.urandom(7))
    assert (await sender.expect(BlobState, last)).next == 6
    relay.restart()
    assert await upload.load(await greeted(relay)) == upload.octets


async def test_parts_on_their_way_at_the_same_time(sender: Peer, owner: Owner) -> None:
    """RLY-243: they are appended in their order, each is answered."""
    upload = Upload(owner, os.urandom(4 * MAX_PART_B))
    await upload.begin(sender)
    requests = [upload.put(sender, index) for index in range(4)]
    for request in requests:
        await sender.begin(request)
    answers = [await sender.answer(request.request_id) for request in requests]
    assert [one.next for one in answers if isinstance(one, BlobState)] == [1, 2, 3, 4]
    assert await upload.load(sender) == upload.octets


async def test_who_may_open(peer: Peer, sender: Peer, owner: Owner) -> None:
    """RLY-241: a contact; not the front door, not with what somebody else has opened."""
    upload, front = Upload(owner, bytes(10)), os.urandom(32)
    await owner.admit(peer, front, TokenClass.FRONT_DOOR)
    stranger = {"mailbox": os.urandom(16)}
    for changes in (stranger, {"token": os.urandom(32)}, {"token": front}):
        assert await refused(sender, upload.open(sender, **changes)) is ErrorCode.DENIED
    await upload.begin(sender)
    second = os.urandom(32)
    await owner.admit(peer, second)
    others: list[dict[str, object]] = [{"writer": bytes(32)}, {"size_b": 11}, {"token": second}]
    for other in others:
        assert await refused(sender, upload.open(sender, **other)) is ErrorCode.DENIED
    assert (await upload.begin(sender)).next == 0


async def test_who_may_put(peer: Peer, sender: Peer, owner: Owner) -> None:
    """RLY-243, RLY-247: who has the secret, while the token stands; parts of the right size."""
    upload = Upload(owner, os.urandom(2 * MAX_PART_B + 1))
    assert await refused(sender, upload.put(sender, 0)) is ErrorCode.NOT_FOUND
    await upload.begin(sender)
    assert await refused(sender, upload.put(sender, 0, secret=bytes(32))) is ErrorCode.DENIED
    assert await refused(sender, upload.put(sender, 0, secret=upload.blob)) is ErrorCode.DENIED
    for index, part in ((0, b"short"), (2, b"12"), (3, b"1"), (1 << 63, b"1"), ((1 << 64) - 1, b"1")):
        request = BlobPut(sender.next_id(), upload.blob, upload.secret, index, part)
        assert await refused(sender, request) is ErrorCode.BAD_REQUEST
    assert (await upload.begin(sender)).next == 0
    await upload.go_on(sender, 0, 1)
    await peer.expect(Done, TokenRevoke(peer.next_id(), owner.mailbox, (token_hash(owner.token),)))
    assert await refused(sender, upload.put(sender, 1)) is ErrorCode.DENIED
    await owner.admit(peer, owner.token)
    assert (await upload.go_on(sender, 1)).next == 3
    await peer.expect(Done, TokenRevoke(peer.next_id(), owner.mailbox, (token_hash(owner.token),)))
    assert await upload.load(sender) == upload.octets


async def test_what_a_token_pays(make_relay: MakeRelay) -> None:
    """RLY-242: little until it is trusted, then one largest blob; each blob counts as a part at least."""
    part_b = MAX_PART_B
    policy = Policy(max_blob_b=4 * part_b, blob_contact_b=2 * part_b, blob_quota_b=12 * part_b)
    relay = make_relay(policy)
    peer, sender, owner = await greeted(relay), await greeted(relay), Owner()
    await owner.set_up(peer)
    assert await refused(sender, Upload(owner, bytes(2 * part_b + 1)).open(sender)) is ErrorCode.QUOTA
    small = [Upload(owner, b"x") for _ in range(3)]
    await small[0].begin(sender)
    await small[1].begin(sender)
    assert await refused(sender, small[2].open(sender)) is ErrorCode.QUOTA
    await small[0].begin(sender)
    assert await refused(sender, Upload(owner, bytes(4 * part_b + 1)).open(sender)) is ErrorCode.TOO_LARGE
    await trust(peer, owner)
    assert await refused(sender, Upload(owner, bytes(2 * part_b + 1)).open(sender)) is ErrorCode.QUOTA
    large = Upload(owner, bytes(2 * part_b))
    await large.begin(sender)
    assert await refused(sender, small[2].open(sender)) is ErrorCode.QUOTA
    await sender.expect(Done, BlobDrop(sender.next_id(), large.blob, large.secret))
    relay.restart()
    sender = await greeted(relay)
    await small[2].begin(sender)
    assert await refused(sender, large.open(sender)) is ErrorCode.QUOTA


async def test_those_who_are_not_trusted_leave_half(make_relay: MakeRelay) -> None:
    """RLY-242: many strangers' contacts take half of a mailbox, all together no more than its quota."""
    part_b = MAX_PART_B
    relay = make_relay(Policy(max_blob_b=3 * part_b, blob_contact_b=2 * part_b, blob_quota_b=8 * part_b))
    peer, sender, owner = await greeted(relay), await greeted(relay), Owner()
    await owner.create(peer)
    await owner.prove(peer)

    async def begin(size_b: int, *, trusted: bool) -> ErrorCode | None:
        one = replace(owner, token=os.urandom(32))
        await one.admit(peer, one.token, TokenClass.TRUSTED if trusted else TokenClass.CONTACT)
        answer = await sender.ask(Upload(one, bytes(size_b)).open(sender))
        return answer.code if isinstance(answer, ErrorReply) else None

    results = [await begin(2 * part_b, trusted=False) for _ in range(3)]
    assert results == [None, None, ErrorCode.QUOTA]
    assert await begin(1, trusted=False) is ErrorCode.QUOTA
    assert await begin(3 * part_b, trusted=True) is None
    assert await begin(2 * part_b, trusted=True) is ErrorCode.QUOTA
    assert await begin(1, trusted=True) is None
    assert await begin(1, trusted=True) is ErrorCode.QUOTA


async def test_a_thousand_blobs_are_refused_early(make_relay: MakeRelay) -> None:
    """RLY-242: opening takes what was announced, before a byte has come."""
    relay = make_relay(Policy(blob_opens=Rate(1000, 1)))
    sender, owner = await greeted(relay), Owner()
    await owner.set_up(sender)
    answers = [await sender.ask(Upload(owner, bytes(MAX_PART_B)).open(sender)) for _ in range(140)]
    assert sum(isinstance(one, BlobState) for one in answers) == (8 << 20) // MAX_PART_B
    assert {one.code for one in answers if isinstance(one, ErrorReply)} == {ErrorCode.QUOTA}


async def test_who_may_drop(relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner) -> None:
    """RLY-246: its writer, or the owner of the mailbox that pays; what is not there is gone."""
    upload, stranger = Upload(owner, os.urandom(100_000)), Owner()
    await upload.store(sender)
    await stranger.set_up(sender)
    assert await refused(sender, BlobDrop(sender.next_id(), upload.blob, bytes(32))) is ErrorCode.DENIED
    assert await refused(sender, BlobDrop(sender.next_id(), upload.blob)) is ErrorCode.DENIED
    assert await upload.load(sender) == upload.octets
    await peer.expect(Done, BlobDrop(peer.next_id(), upload.blob))
    assert await refused(sender, upload.get(sender)) is ErrorCode.NOT_FOUND
    await peer.expect(Done, BlobDrop(peer.next_id(), upload.blob))
    await upload.begin(sender)
    await upload.go_on(sender, 0, 1)
    await sender.expect(Done, BlobDrop(sender.next_id(), upload.blob, upload.secret))
    assert (await upload.begin(sender)).next == 0
    upload.octets = os.urandom(100_000)
    await upload.go_on(sender, 0)
    relay.restart()
    assert await upload.load(await greeted(relay)) == upload.octets


async def test_a_blob_goes_with_the_mailbox_that_pays(
    relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-247, RLY-27."""
    whole, half = Upload(owner, os.urandom(10)), Upload(owner, os.urandom(100_000))
    await whole.store(sender)
    await half.begin(sender)
    await half.go_on(sender, 0, 1)
    await peer.expect(Done, DeleteMailbox(peer.next_id(), owner.mailbox))
    assert await refused(sender, whole.get(sender)) is ErrorCode.NOT_FOUND
    assert await refused(sender, half.put(sender, 1)) is ErrorCode.NOT_FOUND
    await owner.set_up(peer)
    assert (await half.begin(sender)).next == 0
    relay.restart()
    assert await refused(await greeted(relay), whole.get(sender)) is ErrorCode.NOT_FOUND


async def test_ends(relay: AnyRelay, clock: Clock, sender: Peer, owner: Owner) -> None:
    """RLY-247: a day where it is not whole, 30 days from the last part on; told to the hour."""
    clock.forward(1_234_567)
    whole, half = Upload(owner, os.urandom(10)), Upload(owner, os.urandom(100_000))
    assert (await half.begin(sender)).expires_ms == hour_of(clock.now_ms) + HOUR_MS + DAY_MS
    state = await whole.store(sender)
    assert state.expires_ms == hour_of(clock.now_ms) + HOUR_MS + 30 * DAY_MS
    machine_is_ahead(relay, -5 * HOUR_MS)
    assert (await whole.begin(sender)).expires_ms == state.expires_ms - 5 * HOUR_MS
    machine_is_ahead(relay, 0)
    await half.go_on(sender, 0, 1)
    clock.forward(DAY_MS + HOUR_MS)
    assert await refused(sender, half.put(sender, 1)) is ErrorCode.NOT_FOUND
    assert await whole.load(sender) == whole.octets
    assert (await half.begin(sender)).next == 0
    clock.forward(29 * DAY_MS)
    assert await refused(sender, whole.get(sender)) is ErrorCode.NOT_FOUND
    relay.tick()
    clock.forward(longest_upkeep_ms(relay))
    relay.restart()
    relay.tick()
    assert (await whole.begin(await greeted(relay))).next == 0


async def test_how_often_a_blob_is_got(make_relay: MakeRelay, clock: Clock) -> None:
    """RLY-245: 20 times its size, by parts or as a whole, then slowly; another blob is not concerned."""
    relay = make_relay(nodes=1)
    peer, owner = await greeted(relay), Owner()
    await owner.set_up(peer)
    upload, other = Upload(owner, os.urandom(4 * MAX_PART_B)), Upload(owner, os.urandom(10))
    await upload.store(peer)
    await other.store(peer)
    for _ in range(10):
        await upload.load(peer, 4)
    for _ in range(40):
        await peer.expect(BlobData, upload.get(peer, 1, 1))
    refusal = await peer.expect(ErrorReply, upload.get(peer, 0, 4))
    assert refusal.code is ErrorCode.RATE_LIMITED
    assert refusal.retry_after_ms == pytest.approx(1.5 * DAY_MS, rel=0.01)
    assert await other.load(peer) == other.octets
    clock.forward(refusal.retry_after_ms)
    assert await upload.load(peer) == upload.octets


async def test_a_dropped_blob_is_remembered_no_longer(make_relay: MakeRelay) -> None:
    """RLY-245: else who puts, gets and drops small ones fills the memory for a day and a half."""
    relay = make_relay(nodes=1)
    peer, owner = await greeted(relay), Owner()
    await owner.set_up(peer)
    upload = Upload(owner, os.urandom(10))
    await upload.store(peer)
    await upload.load(peer)
    limits = relay.node.limits if isinstance(relay, MemoryRelay) else relay.nodes[0].node.limits
    assert len(limits._gets._by_key) == 1
    await peer.expect(Done, BlobDrop(peer.next_id(), upload.blob, upload.secret))
    assert len(limits._gets._by_key) == 0


async def test_rates_of_parts(make_relay: MakeRelay, clock: Clock) -> None:
    """RLY-248: by token and by connection, what is put and what is got."""
    relay = make_relay(Policy(blob_parts_b=Rate(2 * MAX_PART_B, MAX_PART_B)), nodes=1)
    peer, sender, owner = await greeted(relay), await greeted(relay), Owner()
    await owner.set_up(peer)
    upload = Upload(owner, os.urandom(3 * MAX_PART_B))
    await upload.begin(sender)
    await upload.go_on(sender, 0, 2)
    assert await refused(sender, upload.put(sender, 2)) is ErrorCode.RATE_LIMITED
    third = await greeted(relay)
    refusal = await third.expect(ErrorReply, upload.put(third, 2))
    assert (refusal.code, refusal.retry_after_ms) == (ErrorCode.RATE_LIMITED, 1001)
    clock.forward(1001)
    await third.expect(BlobState, upload.put(third, 2))
    reader = await greeted(relay)
    assert len((await reader.expect(BlobData, upload.get(reader, 0, 2))).parts) == 2
    assert await refused(reader, upload.get(reader, 0, 1)) is ErrorCode.RATE_LIMITED


async def test_a_blocked_mailbox_pays_for_nothing(
    relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-86, RLY-247: nothing held is deleted."""
    upload = Upload(owner, os.urandom(10))
    await upload.store(sender)
    for state in states_of(relay):
        state.block(frozenset({owner.mailbox}))
    assert await refused(sender, upload.open(sender)) is ErrorCode.DENIED
    assert await refused(sender, upload.get(sender)) is ErrorCode.NOT_FOUND
    await peer.expect(Done, BlobDrop(peer.next_id(), upload.blob, upload.secret))
    for state in states_of(relay):
        state.block(frozenset())
    assert await upload.load(sender) == upload.octets


async def test_no_blobs_where_the_operator_wants_none(make_relay: MakeRelay) -> None:
    """RLY-242."""
    relay = make_relay(Policy(max_blob_b=0))
    peer, owner = await greeted(relay), Owner()
    await owner.set_up(peer)
    assert peer.hello is not None
    assert peer.hello.limits.max_blob_b == 0
    assert await refused(peer, Upload(owner, b"x").open(peer)) is ErrorCode.TOO_LARGE


async def test_rates_of_opening(make_relay: MakeRelay) -> None:
    """RLY-248: by connection and by address, whatever comes of it."""
    policy = Policy(blob_opens=Rate(3, 0.001), blob_opens_per_address=Rate(5, 0.001))
    relay = make_relay(policy, nodes=1)
    peer, owner = await greeted(relay), Owner()
    await owner.set_up(peer)
    here = [await Peer(relay.connect(visitor=b"address")).greet() for _ in range(2)]
    answers = [await sender.ask(Upload(owner, b"x").open(sender)) for sender in here for _ in range(4)]
    taken = [isinstance(one, BlobState) for one in answers]
    assert taken == [True] * 3 + [False] + [True] * 2 + [False] * 2
    assert {one.code for one in answers if isinstance(one, ErrorReply)} == {ErrorCode.RATE_LIMITED}
    elsewhere = await Peer(relay.connect(visitor=b"another")).greet()
    await Upload(owner, b"x").begin(elsewhere)


async def test_parts_that_wait_for_the_disk_are_few(
    relay: AnyRelay, sender: Peer, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-248: of one connection, where the store does not get on; answers count them out."""
    upload = Upload(owner, os.urandom(30 * MAX_PART_B))
    await upload.begin(sender)
    (node, *_) = states_of(relay)
    kept: list[Op] = []
    monkeypatch.setattr(node.store, "submit", kept.append)  # a slow disk
    session = next(iter(node.sessions))
    for index in range(10):
        node.receive(session, upload.put(sender, index))
    assert len(kept) == 8
    node.committed(kept, failed=True)
    node.receive(session, upload.put(sender, 0))
    assert len(kept) == 9


async def test_revoked_tokens_leave_the_half_to_others(make_relay: MakeRelay) -> None:
    """RLY-271: over a restart too, until all is paid for; what was put stays."""
    part_b = MAX_PART_B
    relay = make_relay(Policy(blob_contact_b=part_b, blob_quota_b=8 * part_b))
    peer, sender, owner = await greeted(relay), await greeted(relay), Owner()
    await owner.create(peer)
    await owner.prove(peer)
    uploads = [Upload(replace(owner, token=os.urandom(32)), os.urandom(part_b)) for _ in range(10)]
    for one in uploads:
        await one.owner.admit(peer, one.owner.token)
    for one in uploads[1:4]:
        await one.begin(sender)
    await uploads[0].store(sender)
    revoked = iter(uploads)

    async def revoke(count: int) -> None:
        hashes = tuple(token_hash(next(revoked).owner.token) for _ in range(count))
        await peer.expect(Done, TokenRevoke(peer.next_id(), owner.mailbox, hashes))

    assert await refused(sender, uploads[4].open(sender)) is ErrorCode.QUOTA
    await revoke(2)
    relay.restart()
    peer, sender = await greeted(relay), await greeted(relay)
    await owner.prove(peer)
    await uploads[4].begin(sender)
    await uploads[5].begin(sender)
    assert await refused(sender, uploads[6].open(sender)) is ErrorCode.QUOTA
    await revoke(4)
    await uploads[6].begin(sender)
    await uploads[7].begin(sender)
    assert await refused(sender, uploads[8].open(sender)) is ErrorCode.QUOTA
    assert await uploads[0].load(sender) == uploads[0].octets
    relay.close()
