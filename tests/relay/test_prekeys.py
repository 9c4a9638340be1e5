"""Prekeys: upload, stock, and each one-time key once (RLY-60 to RLY-68)."""

from __future__ import annotations

from dataclasses import replace

import cbor2
import pytest
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import (
    DeleteMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    KnownFrame,
    LowPrekeys,
    PrekeysBundle,
    PrekeysCount,
    PrekeysFetch,
    PrekeysStock,
    PrekeysUpload,
    TokenRevoke,
    find_pow,
    pow_context_fetch,
    token_hash,
)
from nacl.signing import SigningKey
from relay_actors import DAY_MS, Clock, Company, Owner, Peer, work_elsewhere
from relay_backends import AnyRelay, MakeRelay, machine_is_ahead


@pytest.fixture
async def company(peer: Peer, owner: Owner, clock: Clock) -> Company:
    """A published company without prekeys."""
    made = Company(owner, clock.now_ms)
    await made.publish(peer)
    return made


async def refused(peer: Peer, request: KnownFrame) -> ErrorCode:
    return (await peer.expect(ErrorReply, request)).code


def fetch(peer: Peer, company: Company, **changes: object) -> PrekeysFetch:
    request = PrekeysFetch(peer.next_id(), company.account_id, company.record_hash, company.front_token)
    return replace(request, **changes)  # type: ignore[arg-type]  # the tests name the fields


async def bundle(peer: Peer, company: Company) -> tuple[dict[int, bytes | None], bool, bool]:
    answer = await peer.expect(PrekeysBundle, fetch(peer, company))
    return cbor2.loads(answer.bundle), answer.one_time_x25519, answer.one_time_kem


def size_b(upload: PrekeysUpload) -> int:
    keys = [upload.signed_prekey, upload.last_resort, *upload.one_time_x25519, *upload.one_time_kem]
    return sum(len(one) for one in keys if one is not None)


async def test_a_bundle_is_what_was_uploaded(peer: Peer, sender: Peer, company: Company) -> None:
    """RLY-63, RLY-64: record, list, signed prekey and one key of each kind, in order of id."""
    upload = company.upload(peer, 2, 2)
    stock = await peer.expect(PrekeysStock, upload)
    assert replace(stock, request_id=0) == PrekeysStock(0, 2, 2, 2, 2, 1, 1)
    for place in range(2):
        fields, one_time_x25519, one_time_kem = await bundle(sender, company)
        assert fields == {
            1: company.record,
            2: company.lists[0],
            3: upload.signed_prekey,
            4: upload.one_time_x25519[place],
            5: upload.one_time_kem[place],
        }
        assert (one_time_x25519, one_time_kem) == (True, True)


async def test_an_empty_stock_is_visible(peer: Peer, sender: Peer, company: Company) -> None:
    """RLY-64: null for the X25519 key, the last-resort key for the KEM key, and flags that say so."""
    upload = company.upload(peer, 1, 0)
    await peer.expect(PrekeysStock, upload)
    fields, one_time_x25519, one_time_kem = await bundle(sender, company)
    assert (fields[4], fields[5]) == (upload.one_time_x25519[0], upload.last_resort)
    assert (one_time_x25519, one_time_kem) == (True, False)
    fields, one_time_x25519, one_time_kem = await bundle(sender, company)
    assert (fields[4], fields[5], one_time_x25519, one_time_kem) == (None, upload.last_resort, False, False)


async def test_a_device_without_reusable_keys_has_no_bundle(
    peer: Peer, sender: Peer, company: Company
) -> None:
    """RLY-66: and its one-time keys are not spent."""
    await peer.expect(PrekeysStock, company.upload(peer, 3, 3, reusable=False))
    assert await refused(sender, fetch(sender, company)) is ErrorCode.NO_PREKEYS
    count = PrekeysCount(peer.next_id(), company.account_id, company.record_hash)
    stock = await peer.expect(PrekeysStock, count)
    assert (stock.one_time_x25519, stock.one_time_kem, stock.signed_prekey_id) == (3, 3, None)


async def test_expired_keys_are_not_handed_out(
    clock: Clock, peer: Peer, sender: Peer, company: Company
) -> None:
    """RLY-66, RLY-68: one-time keys are passed over, reusable ones make NO_PREKEYS, an expired list too."""
    short = company.make_prekey(1, 1, 1, k7=clock.now_ms + 1000)
    longer = company.make_prekey(1, 1, 2)
    upload = replace(company.upload(peer, 0, 0), one_time_x25519=(short, longer))
    await peer.expect(PrekeysStock, upload)
    clock.forward(1000)
    fields, _, _ = await bundle(sender, company)
    assert fields[4] == longer
    clock.forward(14 * DAY_MS)
    assert await refused(sender, fetch(sender, company)) is ErrorCode.NO_PREKEYS
    company.now_ms = clock.now_ms
    await peer.expect(PrekeysStock, company.upload(peer, 1, 1))
    clock.forward(16 * DAY_MS - 1000)
    assert await refused(sender, fetch(sender, company)) is ErrorCode.NO_PREKEYS


@pytest.mark.parametrize(
    "ahead_ms", [15 * DAY_MS, 31 * DAY_MS], ids=["the prekeys are over", "the list is over"]
)
async def test_what_a_wrong_clock_finds_expired_is_refused_and_kept(
    relay: AnyRelay, clock: Clock, peer: Peer, sender: Peer, company: Company, ahead_ms: int
) -> None:
    """RLY-133: no bundle and no upload while the machine's clock is wrong; all is there when it is right."""
    await peer.expect(PrekeysStock, company.upload(peer, 2, 2))
    machine_is_ahead(relay, ahead_ms)
    assert await refused(sender, fetch(sender, company)) is ErrorCode.NO_PREKEYS
    assert await refused(peer, company.upload(peer, 1, 1)) is ErrorCode.BAD_REQUEST
    clock.forward(1_000)
    relay.tick()
    machine_is_ahead(relay, 0)
    _, x25519, kem = await bundle(sender, company)
    assert (x25519, kem) == (True, True)


async def test_a_repeated_upload_adds_nothing(peer: Peer, sender: Peer, company: Company) -> None:
    """RLY-62: ids not above the highest are ignored, those handed out in between included."""
    upload = company.upload(peer, 3, 3)
    await peer.expect(PrekeysStock, upload)
    first, _, _ = await bundle(sender, company)
    stock = await peer.expect(PrekeysStock, replace(upload, request_id=peer.next_id()))
    assert (stock.one_time_x25519, stock.one_time_kem, stock.highest_x25519_id) == (2, 2, 3)
    handed_out = [first[4]] + [(await bundle(sender, company))[0][4] for _ in range(3)]
    assert handed_out == [*upload.one_time_x25519, None]


async def test_the_stock_is_limited(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-62: beyond it QUOTA, and nothing of the upload is stored."""
    relay = make_relay(Policy(max_one_time_keys=5))
    peer = await Peer(relay.connect()).greet()
    owner = Owner()
    await owner.set_up(peer)
    company = Company(owner, clock.now_ms)
    await company.publish(peer)
    await peer.expect(PrekeysStock, company.upload(peer, 5, 1))
    assert await refused(peer, company.upload(peer, 1, 1)) is ErrorCode.QUOTA
    count = PrekeysCount(peer.next_id(), company.account_id, company.record_hash)
    stock = await peer.expect(PrekeysStock, count)
    assert (stock.one_time_x25519, stock.one_time_kem) == (5, 1)
    relay.close()


async def test_what_is_uploaded_has_a_rate(make_relay: MakeRelay, clock: Clock) -> None:
    """RLY-263: by bytes, over all connections and accounts of a mailbox; nothing of what is refused."""
    relay = make_relay(Policy(prekeys_b=Rate(9_000, 100)), nodes=1)
    peer, again = [await Peer(relay.connect(visitor=b"visitor")).greet() for _ in range(2)]
    owner = Owner()
    await owner.set_up(peer)
    await owner.prove(again)
    first, second = Company(owner, clock.now_ms), Company(owner, clock.now_ms)
    for one in (first, second):
        await one.publish(peer)
    stored, beyond = first.upload(peer, 3, 3), second.upload(again, 2, 1)
    await peer.expect(PrekeysStock, stored)
    await peer.expect(PrekeysStock, replace(stored, request_id=peer.next_id()))
    count = PrekeysCount(again.next_id(), second.account_id, second.record_hash)
    reply = await again.expect(ErrorReply, beyond)
    left_b = 9_000 - size_b(stored) - size_b(replace(stored, one_time_x25519=(), one_time_kem=()))
    wait_ms = (size_b(beyond) - left_b) * 10 + 1
    assert (reply.code, reply.retry_after_ms) == (ErrorCode.RATE_LIMITED, wait_ms)
    assert (await again.expect(PrekeysStock, count)).one_time_x25519 == 0
    clock.forward(wait_ms)
    stock = await again.expect(PrekeysStock, replace(beyond, request_id=again.next_id()))
    assert (stock.one_time_x25519, stock.one_time_kem) == (2, 1)


async def test_only_the_devices_mailbox_uploads_and_counts(
    peer: Peer, sender: Peer, company: Company
) -> None:
    """RLY-60: another authenticated mailbox does not suffice, nor does an unknown device."""
    await Owner().set_up(sender)
    assert await refused(sender, company.upload(sender, 1, 1)) is ErrorCode.NOT_AUTHENTICATED
    count = PrekeysCount(sender.next_id(), company.account_id, company.record_hash)
    assert await refused(sender, count) is ErrorCode.NOT_AUTHENTICATED
    unknown = PrekeysCount(peer.next_id(), company.account_id, bytes(32))
    assert await refused(peer, unknown) is ErrorCode.NOT_AUTHENTICATED
    nobody = PrekeysCount(peer.next_id(), bytes(32), company.record_hash)
    assert await refused(peer, nobody) is ErrorCode.NOT_AUTHENTICATED


async def test_keys_must_be_for_their_place(clock: Clock, peer: Peer, company: Company) -> None:
    """RLY-61: account, record, type, usage, time and format; BAD_REQUEST and nothing stored."""
    good = company.upload(peer, 1, 1)
    bad: list[PrekeysUpload] = [
        replace(good, one_time_x25519=(company.make_prekey(2, 1, 1),)),
        replace(good, one_time_x25519=(company.make_prekey(1, 2, 1),)),
        replace(good, one_time_kem=(company.make_prekey(1, 1, 1),)),
        replace(good, signed_prekey=company.make_prekey(1, 1, 1)),
        replace(good, last_resort=company.make_prekey(2, 1, 1)),
        replace(good, one_time_x25519=(company.make_prekey(1, 1, 1, k2=bytes(32)),)),
        replace(good, one_time_x25519=(company.make_prekey(1, 1, 1, k3=bytes(32)),)),
        replace(good, one_time_x25519=(company.make_prekey(1, 1, 1, k1=2),)),
        replace(good, one_time_x25519=(company.make_prekey(1, 1, 0),)),
        replace(good, one_time_x25519=(company.make_prekey(1, 1, 1 << 32),)),
        replace(good, one_time_x25519=(company.make_prekey(1, 1, 1, k7=clock.now_ms),)),
        replace(good, one_time_x25519=(company.make_prekey(1, 1, 1, k8="text"),)),
        replace(good, one_time_x25519=(company.make_prekey(1, 1, 2), company.make_prekey(1, 1, 1))),
        replace(good, one_time_x25519=(b"\0",)),
    ]
    for request in bad:
        assert await refused(peer, replace(request, request_id=peer.next_id())) is ErrorCode.BAD_REQUEST
    count = PrekeysCount(peer.next_id(), company.account_id, company.record_hash)
    stock = await peer.expect(PrekeysStock, count)
    assert (stock.one_time_x25519, stock.one_time_kem, stock.signed_prekey_id) == (0, 0, None)


async def test_a_fetch_needs_the_front_door_token(
    peer: Peer, sender: Peer, owner: Owner, company: Company
) -> None:
    """RLY-65: unknown account, device and token, a contact's token and a revoked one: one answer."""
    await peer.expect(PrekeysStock, company.upload(peer, 1, 1))
    for changes in (
        {"token": bytes(32)},
        {"token": owner.token},
        {"account_id": bytes(32)},
        {"record_hash": bytes(32)},
    ):
        answer = await sender.expect(ErrorReply, fetch(sender, company, **changes))
        assert (answer.code, answer.retry_after_ms) == (ErrorCode.DENIED, 0)
    revoke = TokenRevoke(peer.next_id(), owner.mailbox, (token_hash(company.front_token),))
    await peer.expect(Done, revoke)
    assert await refused(sender, fetch(sender, company)) is ErrorCode.DENIED


async def test_fetches_are_limited_per_connection_and_per_device(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-56, RLY-164: a drain is slow, whoever joins in; what is refused or held back is not spent."""
    relay = make_relay(Policy(fetches=Rate(2, 1), fetches_per_device=Rate(3, 0.5)), nodes=1)
    peer, first, second = [await Peer(relay.connect()).greet() for _ in range(3)]
    owner = Owner()
    await owner.set_up(peer)
    company = Company(owner, clock.now_ms)
    await company.publish(peer)
    await peer.expect(PrekeysStock, company.upload(peer, 10, 10))
    await bundle(first, company)
    await bundle(first, company)
    answer = await first.expect(ErrorReply, fetch(first, company))
    assert (answer.code, answer.retry_after_ms) == (ErrorCode.RATE_LIMITED, 1001)
    assert (await bundle(second, company))[1:] == (True, True)
    assert (await bundle(second, company))[1:] == (False, False)
    count = PrekeysCount(peer.next_id(), company.account_id, company.record_hash)
    assert (await peer.expect(PrekeysStock, count)).one_time_x25519 == 7
    relay.close()


async def test_a_fetch_may_cost_work(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-24: bound to nonce, account and record."""
    relay = make_relay(Policy(pow_bits_fetch=10))
    peer, sender = [await Peer(relay.connect()).greet() for _ in range(2)]
    owner = Owner()
    await owner.set_up(peer)
    company = Company(owner, clock.now_ms)
    await company.publish(peer)
    await peer.expect(PrekeysStock, company.upload(peer, 1, 1))
    there, here = [
        pow_context_fetch(one.nonce, company.account_id, company.record_hash) for one in (peer, sender)
    ]
    request = fetch(sender, company, pow=work_elsewhere(there, here, 10))
    assert await refused(sender, request) is ErrorCode.POW_REQUIRED
    await sender.expect(PrekeysBundle, fetch(sender, company, pow=find_pow(here, 10)))
    relay.close()


async def test_the_owner_is_told_of_a_low_stock(
    relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner, company: Company
) -> None:
    """RLY-67: when a fetch leaves too few, and when it subscribes with too few."""
    await peer.expect(PrekeysStock, company.upload(peer, 51, 60))
    await owner.subscribe(peer)
    await bundle(sender, company)
    assert not any(isinstance(push, LowPrekeys) for push in peer.pushes)
    await bundle(sender, company)
    low = await peer.push(LowPrekeys)
    assert low == LowPrekeys(0, company.account_id, company.record_hash, 49, 58)
    again = await Peer(relay.connect()).greet()
    await owner.prove(again)
    await owner.subscribe(again)
    assert await again.push(LowPrekeys) == low


async def test_a_device_that_leaves_the_list_loses_its_prekeys(
    peer: Peer, sender: Peer, company: Company
) -> None:
    """RLY-65: the old record is unknown, the new one begins empty."""
    await peer.expect(PrekeysStock, company.upload(peer, 2, 2))
    before = company.record_hash
    company.record = company.make_record(SigningKey.generate())
    company.record = company.make_record(company.device)
    await company.publish(peer)
    assert await refused(sender, fetch(sender, company, record_hash=before)) is ErrorCode.DENIED
    assert await refused(sender, fetch(sender, company)) is ErrorCode.NO_PREKEYS


async def test_prekeys_go_with_the_mailbox(peer: Peer, sender: Peer, owner: Owner, company: Company) -> None:
    """RLY-27: nothing is left to hand out."""
    await peer.expect(PrekeysStock, company.upload(peer, 2, 2))
    await peer.expect(Done, DeleteMailbox(peer.next_id(), owner.mailbox))
    assert await refused(sender, fetch(sender, company)) is ErrorCode.DENIED
