"""Chapter 06: the handshake, by its own words beside the code, under every change that a relay could make."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace

import forgery
import parties
import pytest
from call_record import recorded
from parties import DAY_MS, NOW_MS, Party, ScriptedRng, open_, state_bytes, with_fields

from e2ee import content as contents
from e2ee import handshake, labels, prekeys, session
from e2ee.content import Heads
from e2ee.errors import (
    AuthenticationError,
    BadSignature,
    ContentError,
    E2eeError,
    Expired,
    IdentityMismatch,
    InvalidArgument,
    ListExpired,
    ListFork,
    RemoteError,
    SessionExpired,
)
from e2ee.handshake import ResponderKeys
from e2ee.identity import DeviceList, DeviceRecord
from e2ee.primitives import aead, dh, kdf, kem
from e2ee.primitives.kem import DecapsulationKey
from e2ee.secret import DhPrivateKey, HedgeSecret
from e2ee.session import Heard, Proven, Started
from e2ee.wire import cbor, envelope

OPTIONS = list(itertools.product((False, True), repeat=2))


@pytest.fixture
def alice() -> Party:
    """The initiator."""
    return Party.make("alice")


@pytest.fixture
def bob() -> Party:
    """The responder."""
    return Party.make("bob")


@pytest.mark.parametrize(("opk", "one_time_kem"), OPTIONS)
def test_both_sides_share_a_session(alice: Party, bob: Party, opk: bool, one_time_kem: bool) -> None:
    """HS-01, HS-07: with and without each one-time key; the first text arrives and the answer returns."""
    a, flight = alice.seal(alice.initiate(bob, opk=opk, one_time_kem=one_time_kem), "hello")
    accepted = bob.accept(flight)
    b = accepted.opened.session
    assert parties.text_of(accepted.opened) == "hello"
    assert isinstance(b.phase, Heard)
    assert a.id == b.id
    assert (a.origin.initiator, b.origin.initiator) == (True, False)
    assert a.origin.peer == session.PeerDevice.of(bob.device.record)
    assert b.origin.peer == session.PeerDevice.of(alice.device.record)
    assert (a.origin.our_record_hash, b.origin.our_record_hash) == (
        b.origin.peer.record_hash,
        a.origin.peer.record_hash,
    )
    b, answer = bob.seal(b, "welcome", way_back=None)
    assert parties.text_of(open_(a, answer)) == "welcome"


@pytest.mark.parametrize("opk", [False, True])
def test_a_flight_made_by_the_words_of_the_chapter_is_accepted(alice: Party, bob: Party, opk: bool) -> None:
    """HS-02, DR-01, DR-06: every input, order, label and offset, put together without the code under test."""
    flight = forgery.flight(alice, bob, opk=bob.opk if opk else None)
    accepted = bob.accept(flight)
    assert parties.text_of(accepted.opened) == "forged"
    assert accepted.record == alice.device.record
    assert accepted.device_list == alice.device_list


def test_a_handshake_with_oneself_is_refused(alice: Party) -> None:
    """HS-01: with the own device, also when only its name or only its key is the same."""
    with pytest.raises(InvalidArgument):
        alice.initiate(alice)
    bundle = Party.make("bob").verified()
    record = alice.device.record
    for same in ({"_3": record.account_id, "_4": record.device_id}, {"_6": record.dh_public}):
        twin = DeviceRecord.decode(forgery.changed(bundle.record.encoded, **same))
        with pytest.raises(InvalidArgument):
            handshake.initiate(
                alice.device, alice.device_list, replace(bundle, record=twin), alice.rng, kem.encapsulate
            )


def test_an_initiator_stands_in_its_own_list(alice: Party, bob: Party) -> None:
    """HS-01: otherwise nobody would accept it; the caller learns it at once."""
    for device_list in (bob.device_list, replace(alice.device_list, record_hashes=())):
        with pytest.raises(InvalidArgument):
            handshake.initiate(alice.device, device_list, bob.verified(), alice.rng, kem.encapsulate)


def test_every_part_of_the_transcripts_changes_the_keys() -> None:
    """HS-02: T0 over the seven parts, T1 over T0 and the initiator's record."""
    parts = (b"record", b"spk", b"opk", b"pqk", b"ciphertext", b"ephemeral")
    t0 = handshake.transcript0(*parts)
    found = {t0, handshake.transcript0(parts[0], parts[1], None, *parts[3:])}
    for at in range(6):
        changed: list[bytes] = list(parts)
        changed[at] += b"x"
        found.add(handshake.transcript0(*changed))
    assert len(found) == 8
    assert handshake.transcript1(t0, b"a") != handshake.transcript1(t0, b"b")
    one, other = (handshake.derive_keys(handshake.transcript1(t0, record), b"ikm") for record in (b"a", b"b"))
    assert one.session_id != other.session_id
    assert one.root_key != other.root_key


def test_the_expansion_is_cut_at_the_offsets_of_the_table() -> None:
    """HS-02"""
    output = kdf.hkdf(bytes(32), b"ikm", b"SR1-hs-keys".ljust(16, b"\0"), 128)
    keys = handshake.derive_keys(bytes(32), b"ikm")
    assert keys.root_key.expose() == output[:32]
    assert keys.initiator_header_key.expose() == output[32:64]
    assert keys.responder_header_key.expose() == output[64:96]
    assert keys.session_id == output[96:]


@pytest.mark.parametrize("part", ["record", "spk", "opk", "pqk"])
def test_other_bytes_under_the_same_keys_give_another_session(alice: Party, bob: Party, part: str) -> None:
    """HS-02: the same private keys, signed anew with one field changed; nothing opens."""
    _, flight = alice.seal(alice.initiate(bob), "x")
    raw = envelope.decode(flight)
    keys = bob.responder_keys(raw)
    assert session.respond(raw, keys, parties.unpinned, NOW_MS).opened.content
    if part == "record":
        changed = DeviceRecord.decode(forgery.changed(bob.device.record.encoded, _9=NOW_MS - 1))
        keys = replace(keys, record=changed)
    else:
        pair = getattr(keys, part)
        entries = forgery.entries_of(pair.prekey.signed) | {7: pair.prekey.not_after_ms + 1}
        signed = forgery.signed(bob.device.signing_key.expose(), labels.SIG_PREKEY, entries)
        keys = replace(keys, **{part: replace(pair, prekey=replace(pair.prekey, signed=signed))})
    with pytest.raises(AuthenticationError):
        session.respond(raw, keys, parties.unpinned, NOW_MS)


def test_the_key_of_the_identity_seals_once_and_is_not_kept(
    alice: Party, bob: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HS-03"""
    seals = recorded(monkeypatch, aead, "seal")
    a = alice.initiate(bob)
    ((k0, plaintext, _),) = seals
    assert len(plaintext) == 960
    envelopes = []
    for number in range(3):
        a, sealed = alice.seal(a, f"text {number}")
        envelopes.append(sealed)
        assert k0 not in state_bytes(a)
    assert [key for key, _, _ in seals].count(k0) == 1
    assert len({sealed[2:2110] for sealed in envelopes}) == 1


def test_the_prefix_goes_when_a_message_of_the_peer_opens(alice: Party, bob: Party) -> None:
    """HS-04, SES-36"""
    (_, _, a, b), flight = parties.first_contact(alice, bob)
    prefix = flight[2:2110]
    for number in range(3):
        a, again = alice.seal(a, f"{number}")
        assert (again[:2], again[2:2110]) == (b"\1\2", prefix)
    assert isinstance(a.phase, Started)
    b, answer = bob.seal(b, "answer", way_back=None)
    with pytest.raises(RemoteError):
        open_(a, answer[:-1] + bytes((answer[-1] ^ 1,)))
    assert alice.seal(a, "still under the prefix")[1][1] == 2
    a = open_(a, answer).session
    assert isinstance(a.phase, Proven)
    assert alice.seal(a, "without")[1][:2] == b"\1\1"


@pytest.mark.parametrize("place", ["spk", "opk", "pqk"])
def test_a_prefix_is_repeated_until_the_first_prekey_ends(alice: Party, bob: Party, place: str) -> None:
    """HS-04: the earliest end of those used."""
    bundle = bob.verified()
    pair = getattr(bundle, place)
    bundle = replace(bundle, **{place: replace(pair, not_after_ms=NOW_MS + 5)})
    a = session.initiate(alice.device, alice.device_list, bundle, 1, NOW_MS, alice.rng, kem.encapsulate)
    assert alice.seal(a, "x", NOW_MS + 5)[1]
    with pytest.raises(SessionExpired):
        alice.seal(a, "x", NOW_MS + 6)


def test_a_prefix_is_repeated_up_to_number_1000(alice: Party, bob: Party) -> None:
    """HS-04, DR-13: what comes last could still be the first to arrive; the next one could not."""
    a, _ = alice.seal(alice.initiate(bob), "number 0")
    for number in range(1, 1000):
        a, _ = alice.seal(a, f"number {number}")
    assert not a.is_expired(NOW_MS)
    a, last = alice.seal(a, "number 1000")
    assert parties.text_of(bob.accept(last).opened) == "number 1000"
    assert a.is_expired(NOW_MS)
    with pytest.raises(SessionExpired):
        alice.seal(a, "number 1001")


def test_an_initiator_whose_own_list_or_record_ended_is_told(alice: Party, bob: Party) -> None:
    """HS-01: nobody would accept its flight."""
    old = Party.make("old", now_ms=NOW_MS - 30 * DAY_MS)
    assert old.initiate(bob).id
    with pytest.raises(InvalidArgument):
        old.initiate(bob, now_ms=NOW_MS + 1)
    record = forgery.changed(alice.device.record.encoded, _10=NOW_MS + 1)
    alice.device = replace(alice.device, record=DeviceRecord.decode(record))
    alice.renew_list(NOW_MS)
    assert alice.initiate(bob, now_ms=NOW_MS + 1).id
    with pytest.raises(InvalidArgument):
        alice.initiate(bob, now_ms=NOW_MS + 2)


def test_the_ephemeral_key_is_hedged(alice: Party, bob: Party) -> None:
    """HS-13: made as the rule says; with repeated randomness another bundle or list gives another EK."""
    found = []
    for opk, one_time_kem in OPTIONS:
        state = alice.initiate(bob, opk=opk, one_time_kem=one_time_kem, rng=ScriptedRng("clone"))
        again = alice.initiate(bob, opk=opk, one_time_kem=one_time_kem, rng=ScriptedRng("clone"))
        found.append(prefix_of(state)[:32])
        assert prefix_of(again)[:32] == found[-1]
        pair = cbor.encode([alice.device.record.encoded, alice.device_list.signed]) + b"\x80"
        data = ScriptedRng("clone")(32) + bob.device.record.encoded + bob.spk.prekey.signed
        data += bob.opk.prekey.signed if opk else b""
        data += (bob.one_time_pqk if one_time_kem else bob.pqk).prekey.signed + pair.ljust(960, b"\0")
        label = b"SR1-ephemeral".ljust(16, b"\0")
        private = hashlib.blake2b(
            data, digest_size=32, key=alice.device.hedge.expose(), person=label
        ).digest()
        assert dh.derive_public(private) == found[-1]
    alice.renew_list(NOW_MS)
    found.append(prefix_of(alice.initiate(bob, rng=ScriptedRng("clone")))[:32])
    carol = Party.make("carol")
    found.append(prefix_of(alice.initiate(carol, rng=ScriptedRng("clone")))[:32])
    found.append(prefix_of(alice.initiate(carol, rng=ScriptedRng("fresh")))[:32])
    assert len(set(found)) == 7


def test_only_the_hedge_secret_and_the_draw_choose_the_ephemeral_key(alice: Party, bob: Party) -> None:
    """HS-13: another hedge secret gives another EK from the same draw; IK's private key has no part in it."""
    bundle, plaintext, fresh = bob.verified(), bytes(960), bytes(32)
    made = {
        handshake.hedged_ephemeral(device.hedge, fresh, bundle, plaintext)
        for device in (
            alice.device,
            replace(alice.device, dh_key=bob.device.dh_key),
            replace(alice.device, hedge=HedgeSecret(bytes(32))),
        )
    }
    assert len(made) == 2
    assert type(alice.device.hedge) is HedgeSecret
    assert alice.device.hedge.expose().hex() not in repr(alice.device)


def prefix_of(state: session.Session) -> bytes:
    """The prefix of a session that waits for its answer."""
    assert isinstance(state.phase, Started)
    return state.phase.prefix


def test_an_unanswered_session_stops_sending_with_the_signed_prekey(alice: Party, bob: Party) -> None:
    """HS-04: it still receives; an answered one has no such end."""
    (_, _, a, b), _ = parties.first_contact(alice, bob)
    ends_ms = bob.spk.prekey.not_after_ms
    assert not a.is_expired(ends_ms)
    assert alice.seal(a, "last", ends_ms)[1]
    assert a.is_expired(ends_ms + 1)
    before = state_bytes(a)
    with pytest.raises(SessionExpired):
        alice.seal(a, "too late", ends_ms + 1)
    assert state_bytes(a) == before
    _, answer = bob.seal(b, "late answer", way_back=None)
    a = open_(a, answer, ends_ms + 1).session
    assert not a.is_expired(ends_ms + 1)
    assert alice.seal(a, "goes on", ends_ms + 1)[1]
    assert not b.is_expired(ends_ms + 1)


def test_a_content_under_a_prefix_has_epoch_and_way_back(alice: Party, bob: Party) -> None:
    """HS-05, SES-21: refused when sealing without, and when one arrives without, though authentic."""
    a = alice.initiate(bob, epoch=3)
    with pytest.raises(InvalidArgument):
        alice.seal(a, "x", way_back=None)
    with pytest.raises(InvalidArgument):
        alice.seal(a, "x", epoch=3)
    _, flight = alice.seal(a, "x")
    opened = bob.accept(flight).opened
    assert (opened.content.epoch, opened.session.origin.epoch) == (3, 3)
    assert opened.content.way_back == alice.way_back
    good = alice.text("x")
    for wrong in (good, with_fields(good, epoch=1, way_back=None), with_fields(good, way_back=None)):
        body = (contents.encode(wrong) + b"\x80").ljust(1882, b"\0")
        with pytest.raises(ContentError):
            bob.accept(forgery.flight(alice, bob, first_body=body))


def test_a_first_flight_has_room_for_way_back_prekeys_and_a_text(alice: Party, bob: Party) -> None:
    """HS-05, CON-07: a device without a published entry can be answered by a new session."""
    heads = Heads(alice.device_list.head, bob.device_list.head)
    content = alice.text("x" * 80, bundle=alice.compact_bundle(), heads=heads)
    sealed = session.seal(alice.initiate(bob), content, NOW_MS, alice.rng, kem.encapsulate)
    assert len(sealed.envelope) == 4096
    accepted = bob.accept(sealed.envelope)
    assert accepted.opened.content.heads == heads
    bundle = accepted.opened.content.bundle
    assert bundle is not None
    found = prekeys.verify_compact(accepted.record, bundle)
    assert (found.spk, found.pqk) == (alice.spk.prekey, alice.pqk.prekey)
    again = alice.text("x", bundle=bundle)
    assert session.seal(alice.initiate(bob), again, NOW_MS, alice.rng, kem.encapsulate)


@pytest.mark.parametrize("place", ["spk", "opk", "pqk"])
def test_each_prekey_is_taken_until_retention_ends(alice: Party, bob: Party, place: str) -> None:
    """HS-06"""
    _, flight = alice.seal(alice.initiate(bob), "x")
    raw = envelope.decode(flight)
    keys = bob.responder_keys(raw)
    pair = getattr(keys, place)
    old = replace(pair, prekey=replace(pair.prekey, not_after_ms=NOW_MS - 30 * DAY_MS))
    keys = replace(keys, **{place: old})
    assert session.respond(raw, keys, parties.unpinned, NOW_MS).opened.content
    with pytest.raises(Expired):
        session.respond(raw, keys, parties.unpinned, NOW_MS + 1)


def test_a_bad_first_message_consumes_nothing(alice: Party, bob: Party) -> None:
    """HS-07, HS-08: after forgeries under a valid identity the one-time keys open the honest flight."""
    a = alice.initiate(bob, one_time_kem=True)
    _, flight = alice.seal(a, "honest")
    held = dict(bob.held)
    for at in (2110, 2118, 2134, 2198, 4095):
        with pytest.raises(AuthenticationError):
            bob.accept(flight[:at] + bytes((flight[at] ^ 0x80,)) + flight[at + 1 :])
    wrong_body = forgery.flight(alice, bob, opk=bob.opk, first_body=bytes(1882))
    with pytest.raises(AuthenticationError):
        bob.accept(wrong_body)
    assert bob.held == held
    accepted = bob.accept(flight)
    assert parties.text_of(accepted.opened) == "honest"
    assert accepted.opened.session.origin.one_time == (True, True)


@pytest.mark.parametrize(
    ("defect", "error"),
    [
        ("fork", ListFork),
        ("wrong predecessor", ListFork),
        ("expired list", ListExpired),
        ("unlisted", IdentityMismatch),
        ("other account's list", BadSignature),
        ("list signed by another", BadSignature),
        ("expired record", Expired),
        ("unknown record version", RemoteError),
    ],
)
def test_the_initiators_identity_is_checked(
    alice: Party, bob: Party, defect: str, error: type[E2eeError]
) -> None:
    """HS-07, ID-03 to ID-11: each defect alone, everything else authentic."""
    mallory = Party.make("mallory")
    first = alice.device_list
    pinned: DeviceList | None = None
    record, signed_list = alice.device.record.encoded, first.signed
    if defect == "fork":
        pinned = replace(first, hash=mallory.device_list.hash)
    elif defect == "wrong predecessor":
        signed_list = alice.renew_list(NOW_MS).signed
        pinned = replace(first, hash=mallory.device_list.hash)
    elif defect == "expired list":
        ttl = {"_5": NOW_MS - 76 * DAY_MS, "_6": NOW_MS - 46 * DAY_MS}
        signed_list = forgery.foreign_list(alice, **ttl)
    elif defect == "unlisted":
        signed_list = forgery.foreign_list(alice, _8=[mallory.device.record.hash])
    elif defect == "other account's list":
        signed_list = mallory.device_list.signed
    elif defect == "list signed by another":
        entries = forgery.entries_of(first.signed)
        signed_list = forgery.signed(mallory.account_key.expose(), labels.SIG_LIST, entries)
    else:
        past = {"_9": NOW_MS - 90 * DAY_MS, "_10": NOW_MS - 46 * DAY_MS}
        values = past if defect == "expired record" else {"_1": 2}
        record = forgery.changed(record, **values)
        record_hash = kdf.hash_(labels.RECORD, record)
        signed_list = forgery.foreign_list(alice, _8=[record_hash])
    flight = forgery.flight(alice, bob, record=record, signed_list=signed_list)
    with pytest.raises(error):
        bob.accept(flight, lambda _: pinned)


def test_the_pinned_list_of_the_initiators_account_is_asked_for(alice: Party, bob: Party) -> None:
    """HS-07, ID-11"""
    alice.renew_list(NOW_MS)
    first = alice.device_list
    alice.renew_list(NOW_MS + 1)
    alice.renew_list(NOW_MS + 2)
    _, flight = alice.seal(alice.initiate(bob), "x")
    asked: list[bytes] = []

    def pinned(account_id: bytes) -> DeviceList:
        asked.append(account_id)
        return first

    assert bob.accept(flight, pinned).device_list == alice.device_list
    assert asked == [alice.account_id]
    newest = alice.renew_list(NOW_MS + 3)
    assert bob.accept(flight, lambda _: newest).device_list == newest


def test_an_acceptance_holds_all_that_is_stored_together(alice: Party, bob: Party) -> None:
    """HS-08: session, used one-time keys, replay entry, list head and content come from one call."""
    _, flight = alice.seal(alice.initiate(bob), "x")
    raw = envelope.decode(flight)
    accepted = bob.accept(flight)
    assert accepted.opened.session.id
    assert accepted.opened.session.origin.one_time.x25519
    assert accepted.device_list.head == alice.device_list.head
    assert accepted.opened.content.id
    assert envelope.decode_prefix(raw.prefix).opk_id == bob.opk.prekey.id


def test_the_replay_key_is_spk_id_and_ephemeral(alice: Party, bob: Party) -> None:
    """HS-09: the same for every message of a session under its prefix, different for every handshake."""
    a, flight = alice.seal(alice.initiate(bob), "one")
    _, later = alice.seal(a, "two")
    _, other = alice.seal(alice.initiate(bob), "one")
    keys = [session.replay_key(envelope.decode(one)) for one in (flight, later, other)]
    assert keys[0] == bob.spk.prekey.id.to_bytes(4, "big") + flight[2:34]
    assert keys[0] == keys[1] != keys[2]


def test_a_repeated_prefix_belongs_to_the_session_made_then(alice: Party, bob: Party) -> None:
    """HS-09: later messages with the prefix open there; each of them again is a replay."""
    a, flight = alice.seal(alice.initiate(bob), "one")
    a, second = alice.seal(a, "two")
    b = bob.accept(flight).opened.session
    assert envelope.decode(second).tag in b.tags()
    opened = open_(b, second)
    assert parties.text_of(opened) == "two"
    assert opened.session.id == b.id
    before = state_bytes(opened.session)
    for again in (flight, second):
        with pytest.raises(RemoteError):
            open_(opened.session, again)
    assert state_bytes(opened.session) == before


def test_every_failure_is_one_error_with_one_text(alice: Party, bob: Party) -> None:
    """HS-10: every byte of a first flight flipped; nothing opens, nothing changes.

    Version, kind, ids and EK have errors of their own; from the KEM ciphertext on there is the one text.
    """
    _, flight = alice.seal(alice.initiate(bob), "x")
    texts = set()
    for at in range(len(flight)):
        with pytest.raises(RemoteError) as caught:
            bob.accept(flight[:at] + bytes((flight[at] ^ 1,)) + flight[at + 1 :])
        if at >= 2 + 32 + 12:
            assert type(caught.value) is AuthenticationError
            texts.add(str(caught.value))
    assert texts == {"the message does not open"}
    assert bob.accept(flight).opened.content


def test_prefix_ids_of_other_keys_do_not_open(alice: Party, bob: Party) -> None:
    """HS-02, HS-10: an OPK id of zero or of another key, another SPK, another KEM key."""
    _, flight = alice.seal(alice.initiate(bob), "x")
    other = bob.new_opk(8)
    for pair in prekeys.new_signed_pair(bob.device, 3, NOW_MS, bob.rng):
        bob.hold(pair)
    for at, number in ((38, 0), (38, other.prekey.id), (34, 3), (42, 3), (42, bob.one_time_pqk.prekey.id)):
        wrong = flight[:at] + number.to_bytes(4, "big") + flight[at + 4 :]
        with pytest.raises(AuthenticationError):
            bob.accept(wrong)


def test_a_flight_for_one_device_opens_at_no_other(alice: Party, bob: Party) -> None:
    """HS-02, HS-10: cross-delivered to a device with the same ids."""
    carol = Party.make("carol")
    _, flight = alice.seal(alice.initiate(bob), "x")
    with pytest.raises(AuthenticationError):
        carol.accept(flight)


def test_an_identity_cannot_be_put_on_another_flight(alice: Party, bob: Party) -> None:
    """HS-02: who lacks the private key behind the record does not get a first message to open."""
    mallory = Party.make("mallory")
    claimed = forgery.flight(
        mallory, bob, record=alice.device.record.encoded, signed_list=alice.device_list.signed
    )
    with pytest.raises(AuthenticationError):
        bob.accept(claimed)
    _, flight = alice.seal(alice.initiate(bob), "x")
    own = forgery.flight(mallory, bob)
    for start, end in ((34 + 12 + 1088, 2110), (2, 34), (2110, 4096)):
        with pytest.raises(AuthenticationError):
            bob.accept(own[:start] + flight[start:end] + own[end:])


def test_a_reflected_or_self_made_flight_is_refused(alice: Party, bob: Party) -> None:
    """HS-11: own record, and a record that borrows only the own DH key."""
    with pytest.raises(IdentityMismatch):
        bob.accept(forgery.flight(bob, bob))
    record = forgery.changed(alice.device.record.encoded, _6=bob.device.record.dh_public)
    borrowed = replace(alice.device, record=DeviceRecord.decode(record), dh_key=bob.device.dh_key)
    alice.renew_list(NOW_MS, [borrowed])
    alice.device = borrowed
    with pytest.raises(IdentityMismatch):
        bob.accept(forgery.flight(alice, bob))
    _, flight = alice.seal(Party.make("alice").initiate(bob), "x")
    with pytest.raises(RemoteError):
        alice.accept(flight)


def test_a_kept_decapsulation_key_gives_the_same_session(alice: Party, bob: Party) -> None:
    """HS-12"""
    a, flight = alice.seal(alice.initiate(bob), "x")
    raw = envelope.decode(flight)
    keys = bob.responder_keys(raw)
    kept = bob.pqk.private
    from_seed = replace(keys, pqk=replace(keys.pqk, private=DecapsulationKey(kept.expose())))
    for one in (keys, keys, from_seed):
        assert session.respond(raw, one, parties.unpinned, NOW_MS).opened.session.id == a.id


def test_private_keys_of_the_wrong_kind_are_our_own_fault(alice: Party, bob: Party) -> None:
    """HS-06, HS-12: a caller that mixes up its prekeys gets a local error, never a session."""
    _, flight = alice.seal(alice.initiate(bob), "x")
    raw = envelope.decode(flight)
    keys = bob.responder_keys(raw)
    wrong = [
        replace(keys, spk=bob.pqk),
        replace(keys, spk=bob.opk),
        replace(keys, opk=bob.pqk),
        replace(keys, opk=bob.spk),
        replace(keys, pqk=bob.spk),
        replace(keys, pqk=bob.opk),
        replace(keys, spk=replace(keys.spk, private=bob.pqk.private)),
        replace(keys, pqk=replace(keys.pqk, private=bob.spk.private)),
    ]
    for one in wrong:
        with pytest.raises(InvalidArgument):
            session.respond(raw, one, parties.unpinned, NOW_MS)


def test_a_renewed_record_still_answers_under_the_old_one(alice: Party, bob: Party) -> None:
    """HS-06: prekeys stay bound to the record that they were signed under; the session names that one."""
    old = bob.device
    _, flight = alice.seal(alice.initiate(bob), "x")
    raw = envelope.decode(flight)
    renewed = replace(
        old, record=DeviceRecord.decode(forgery.changed(old.record.encoded, _10=NOW_MS + 800 * DAY_MS))
    )
    keys = bob.responder_keys(raw)
    accepted = session.respond(
        raw, ResponderKeys(renewed, old.record, keys.spk, keys.opk, keys.pqk), parties.unpinned, NOW_MS
    )
    assert accepted.opened.session.origin.our_record_hash == old.record.hash
    with pytest.raises(AuthenticationError):
        session.respond(
            raw,
            ResponderKeys(renewed, renewed.record, keys.spk, keys.opk, keys.pqk),
            parties.unpinned,
            NOW_MS,
        )


def test_another_private_key_behind_an_id_opens_nothing(alice: Party, bob: Party) -> None:
    """HS-10, DR-01: the responder's first ratchet key is the signed prekey that the prefix names."""
    _, flight = alice.seal(alice.initiate(bob), "x")
    raw = envelope.decode(flight)
    keys = bob.responder_keys(raw)
    other = DhPrivateKey(ScriptedRng("other")(32))
    with pytest.raises(AuthenticationError):
        session.respond(raw, replace(keys, spk=replace(keys.spk, private=other)), parties.unpinned, NOW_MS)
