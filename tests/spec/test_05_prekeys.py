"""Chapter 05: prekeys, bundles, compact bundles."""

from __future__ import annotations

import itertools
from dataclasses import replace

import forgery
import pytest
from parties import DAY_MS, NOW_MS, OPK_ID, Party, encode_bundle

from e2ee import identity, labels, prekeys, session
from e2ee.constants import CLOCK_TOLERANCE_MS, PREKEY_LIFE_MS
from e2ee.errors import (
    BadSignature,
    DecodeError,
    E2eeError,
    Expired,
    IdentityMismatch,
    InvalidKey,
    ListExpired,
    ListFork,
    ListGap,
    RemoteError,
    UnsupportedVersion,
)
from e2ee.identity import DeviceRecord
from e2ee.prekeys import (
    CompactBundle,
    OneTimeState,
    PeerPrekeys,
    PrekeyKind,
    PrekeyPair,
    SignedPrekey,
    VerifiedBundle,
)
from e2ee.primitives import kem
from e2ee.wire import cbor

PLACES = {
    "spk": (PrekeyKind.SPK,),
    "opk": (PrekeyKind.OPK,),
    "pqk": (PrekeyKind.PQK_ONE_TIME, PrekeyKind.PQK_LAST_RESORT),
}


@pytest.fixture
def bob() -> Party:
    """A party with one prekey of each kind."""
    return Party.make("bob")


def pairs(party: Party) -> dict[PrekeyKind, PrekeyPair]:
    """One prekey of each kind."""
    return {pair.prekey.kind: pair for pair in (party.spk, party.opk, party.one_time_pqk, party.pqk)}


def resigned(party: Party, kind: PrekeyKind, **values: cbor.Value) -> bytes:
    """Sign a prekey of the party again with entries replaced."""
    entries = forgery.entries_of(pairs(party)[kind].prekey.signed)
    entries |= {int(key[1:]): value for key, value in values.items()}
    return forgery.signed(party.device.signing_key.expose(), labels.SIG_PREKEY, entries)


def verify(party: Party, bundle: bytes, now_ms: int = NOW_MS) -> VerifiedBundle:
    """Verify a bundle of a party whose account id is all that is known."""
    return prekeys.verify_bundle(party.account_id, None, [], bundle, now_ms)


def bundle_with(party: Party, place: str, signed: bytes) -> bytes:
    """Replace one prekey of the party's bundle."""
    key = {"spk": 3, "opk": 4, "pqk": 5}[place]
    return cbor.encode(forgery.map_of(party.bundle()) | {key: signed})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (PrekeyKind.SPK, (1, 2)),
        (PrekeyKind.OPK, (1, 1)),
        (PrekeyKind.PQK_ONE_TIME, (2, 1)),
        (PrekeyKind.PQK_LAST_RESORT, (2, 2)),
    ],
)
def test_a_prekey_states_all_that_its_signature_covers(
    bob: Party, kind: PrekeyKind, value: tuple[int, int]
) -> None:
    """ID-14, ID-15"""
    prekey = pairs(bob)[kind].prekey
    record = bob.device.record
    entries = forgery.entries_of(prekey.signed)
    assert entries == {
        1: 1,
        2: bob.account_id,
        3: record.hash,
        4: value[0],
        5: value[1],
        6: prekey.id,
        7: prekey.not_after_ms,
        8: prekey.key,
    }
    assert SignedPrekey.verify(record, prekey.signed, (kind,)) == prekey
    assert len(prekey.key) == (1184 if kind.is_kem else 32)


@pytest.mark.parametrize("kind", list(PrekeyKind))
def test_any_changed_byte_breaks_the_signature(bob: Party, kind: PrekeyKind) -> None:
    """ID-14, ID-15: also a flip of type or usage alone (one-time against last-resort)."""
    signed = pairs(bob)[kind].prekey.signed
    for at in range(len(signed)):
        wrong = signed[:at] + bytes((signed[at] ^ 3,)) + signed[at + 1 :]
        with pytest.raises(RemoteError):
            SignedPrekey.verify(bob.device.record, wrong, list(PrekeyKind))
    outer = cbor.decode(signed)
    assert isinstance(outer, list)
    for key, value in ((4, 1), (4, 2), (5, 1), (5, 2)):
        entries = forgery.entries_of(signed)
        if entries[key] != value:
            flipped = cbor.encode([cbor.encode(entries | {key: value}), outer[1]])
            with pytest.raises(BadSignature):
                SignedPrekey.verify(bob.device.record, flipped, list(PrekeyKind))


@pytest.mark.parametrize(("kind", "place"), list(itertools.product(PrekeyKind, PLACES)))
def test_a_prekey_stands_in_its_own_place_only(bob: Party, kind: PrekeyKind, place: str) -> None:
    """ID-15: of all four kinds in all three places of a bundle."""
    bundle = bundle_with(bob, place, pairs(bob)[kind].prekey.signed)
    if kind in PLACES[place]:
        assert getattr(verify(bob, bundle), place).kind is kind
    else:
        with pytest.raises(DecodeError):
            verify(bob, bundle)


@pytest.mark.parametrize("kind", list(PrekeyKind))
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"_1": 2}, UnsupportedVersion),
        ({"_2": bytes(32)}, IdentityMismatch),
        ({"_3": bytes(32)}, IdentityMismatch),
        ({"_4": 3}, DecodeError),
        ({"_5": 3}, DecodeError),
        ({"_5": 0}, DecodeError),
        ({"_6": 0}, DecodeError),
        ({"_6": 2**32}, DecodeError),
        ({"_7": -1}, DecodeError),
        ({"_8": b"\xff" * 32}, RemoteError),
        ({"_8": b"\xff" * 1184}, RemoteError),
        ({"_8": bytes(33)}, DecodeError),
        ({"_8": b""}, DecodeError),
        ({"_9": 0}, DecodeError),
    ],
)
def test_a_malformed_prekey_is_refused_though_it_is_signed(
    bob: Party, kind: PrekeyKind, wrong: dict[str, cbor.Value], error: type[E2eeError]
) -> None:
    """ID-14, ID-15, WIRE-05, PRM-01, PRM-04"""
    with pytest.raises(error):
        SignedPrekey.verify(bob.device.record, resigned(bob, kind, **wrong), (kind,))


def test_keys_of_the_right_size_are_checked_as_keys(bob: Party) -> None:
    """ID-16, PRM-01, PRM-04"""
    for kind, key in ((PrekeyKind.OPK, b"\xff" * 32), (PrekeyKind.PQK_ONE_TIME, b"\xff" * 1184)):
        with pytest.raises(InvalidKey):
            SignedPrekey.verify(bob.device.record, resigned(bob, kind, _8=key), (kind,))


def test_a_signature_of_another_key_or_label_is_refused(bob: Party) -> None:
    """ID-14: the account key, another device, or another label do not sign prekeys."""
    mallory = Party.make("mallory")
    entries = forgery.entries_of(bob.spk.prekey.signed)
    seed = bob.device.signing_key.expose()
    for signer, label in (
        (bob.account_key.expose(), labels.SIG_PREKEY),
        (mallory.device.signing_key.expose(), labels.SIG_PREKEY),
        (seed, labels.SIG_ADDRESS),
        (seed, labels.SIG_LIST),
        (seed, bytes(16)),
    ):
        with pytest.raises(BadSignature):
            verify(bob, bundle_with(bob, "spk", forgery.signed(signer, label, entries)))


def test_a_bundle_is_verified_up_to_the_account(bob: Party) -> None:
    """ID-16: what comes out is what was signed."""
    bundle = verify(bob, bob.bundle())
    assert bundle.record == bob.device.record
    assert bundle.device_list == bob.device_list
    assert (bundle.spk, bundle.opk, bundle.pqk) == (bob.spk.prekey, bob.opk.prekey, bob.pqk.prekey)
    mallory = Party.make("mallory")
    for wrong in (
        mallory.bundle(),
        encode_bundle(bob, record=mallory.device.record.encoded),
        encode_bundle(bob, signed_list=mallory.device_list.signed),
        encode_bundle(mallory, signed_list=bob.device_list.signed),
    ):
        with pytest.raises(RemoteError):
            verify(bob, wrong)


@pytest.mark.parametrize("cut", [b"", b"\xa0", b"\x80", bytes(9000)])
def test_what_is_no_bundle_is_refused(bob: Party, cut: bytes) -> None:
    """ID-16"""
    with pytest.raises(DecodeError):
        verify(bob, cut)


@pytest.mark.parametrize("key", range(1, 6))
@pytest.mark.parametrize("value", [None, b"", 0, "x", [], bytes(4000)])
def test_a_bundle_with_a_wrong_part_is_refused(bob: Party, key: int, value: cbor.Value) -> None:
    """ID-16: null is for a missing OPK only."""
    bundle = cbor.encode(forgery.map_of(bob.bundle()) | {key: value})
    if (key, value) == (4, None):
        assert verify(bob, bundle).opk is None
    else:
        with pytest.raises(DecodeError):
            verify(bob, bundle)


def test_an_unsigned_one_time_key_is_refused(bob: Party) -> None:
    """ID-14, ID-16: a relay cannot slip in a one-time key of its own."""
    mallory = Party.make("mallory")
    bare = cbor.encode([cbor.encode({8: mallory.opk.prekey.key}), bytes(64)])
    for wrong in (mallory.opk.prekey.signed, mallory.opk.prekey.key, bare):
        with pytest.raises(RemoteError):
            verify(bob, bundle_with(bob, "opk", wrong))


def test_a_prekey_of_a_sibling_device_is_refused(bob: Party) -> None:
    """ID-16: same account, listed, but another record."""
    sibling = identity.new_device(bob.account_id, bob.device.record.kind, 0, NOW_MS, NOW_MS + DAY_MS, bob.rng)
    bob.renew_list(NOW_MS, [bob.device, sibling])
    spk, pqk = prekeys.new_signed_pair(sibling, 1, NOW_MS, bob.rng)
    assert verify(bob, bob.bundle()).record == bob.device.record
    for wrong in (encode_bundle(bob, spk=spk.prekey), encode_bundle(bob, pqk=pqk.prekey)):
        with pytest.raises(RemoteError):
            verify(bob, wrong)
    with pytest.raises(IdentityMismatch):
        prekeys.bundle_from_peer(bob.device.record, bob.device_list, spk.prekey, None, bob.pqk.prekey, NOW_MS)


def test_a_device_that_left_the_list_cannot_be_written_to(bob: Party) -> None:
    """ID-16, ID-09: a ghost device with keys of its own is refused as well."""
    ghost = identity.new_device(bob.account_id, bob.device.record.kind, 0, NOW_MS, NOW_MS + DAY_MS, bob.rng)
    bob.renew_list(NOW_MS, [ghost])
    with pytest.raises(IdentityMismatch):
        verify(bob, bob.bundle())


@pytest.mark.parametrize("place", list(PLACES))
def test_a_bundle_with_an_expired_prekey_is_refused(bob: Party, place: str) -> None:
    """ID-16: each prekey is good until its last millisecond."""
    kind = PLACES[place][-1]
    bundle = bundle_with(bob, place, resigned(bob, kind, _7=NOW_MS + 5))
    assert verify(bob, bundle, NOW_MS + 5).record == bob.device.record
    with pytest.raises(Expired):
        verify(bob, bundle, NOW_MS + 6)


def test_a_bundle_follows_the_pinned_head(bob: Party) -> None:
    """ID-16, ID-07, ID-08: links between head and list may hold the bundle's own list or not."""
    first = bob.device_list
    second, third = bob.renew_list(NOW_MS + 1), bob.renew_list(NOW_MS + 2)
    bundle = bob.bundle()
    for links in ([second.signed], [second.signed, third.signed], [first.signed, second.signed]):
        found = prekeys.verify_bundle(bob.account_id, first.head, links, bundle, NOW_MS)
        assert found.device_list == third
    with pytest.raises(ListGap):
        prekeys.verify_bundle(bob.account_id, first.head, [], bundle, NOW_MS)
    with pytest.raises(ListFork):
        prekeys.verify_bundle(bob.account_id, replace(third.head, hash=first.hash), [], bundle, NOW_MS)
    with pytest.raises(ListExpired):
        verify(bob, bundle, third.expires_ms + 1)


def test_the_initiator_sees_which_one_time_keys_it_got(bob: Party) -> None:
    """ID-17: from the signed usage, in the bundle and in the session."""
    alice = Party.make("alice")
    for opk, one_time_kem in itertools.product((False, True), repeat=2):
        assert bob.verified(opk=opk, one_time_kem=one_time_kem).one_time == OneTimeState(opk, one_time_kem)
        state = alice.initiate(bob, opk=opk, one_time_kem=one_time_kem)
        assert state.origin.one_time == OneTimeState(opk, one_time_kem)
        _, flight = alice.seal(state, "x")
        assert bob.accept(flight).opened.session.origin.one_time == OneTimeState(opk, one_time_kem)


def test_spk_and_last_resort_key_are_made_together(bob: Party) -> None:
    """ID-18: under one id, valid for 14 days; prekeys differ from each other."""
    spk, pqk = prekeys.new_signed_pair(bob.device, 5, NOW_MS, bob.rng)
    assert (spk.prekey.kind, pqk.prekey.kind) == (PrekeyKind.SPK, PrekeyKind.PQK_LAST_RESORT)
    assert spk.prekey.id == pqk.prekey.id == 5
    assert spk.prekey.not_after_ms == pqk.prekey.not_after_ms == NOW_MS + 14 * DAY_MS
    again, _ = prekeys.new_signed_pair(bob.device, 6, NOW_MS, bob.rng)
    assert again.prekey.key != spk.prekey.key


def test_a_responder_takes_an_old_prekey_as_long_as_a_relay_may_hold_a_message(bob: Party) -> None:
    """ID-18, HS-06: until `not_after_ms` plus 30 days."""
    alice = Party.make("alice")
    _, flight = alice.seal(alice.initiate(bob), "x")
    ends_ms = bob.spk.prekey.not_after_ms + 30 * DAY_MS
    assert bob.accept(flight, now_ms=ends_ms)
    with pytest.raises(Expired):
        bob.accept(flight, now_ms=ends_ms + 1)


def whole_compact(party: Party) -> CompactBundle:
    """A compact bundle with prekeys of all four kinds."""
    return CompactBundle(
        prekeys.compact(party.spk.prekey),
        prekeys.compact(party.pqk.prekey),
        [prekeys.compact(party.opk.prekey), prekeys.compact(party.new_opk(OPK_ID + 1).prekey)],
        [prekeys.compact(party.one_time_pqk.prekey)],
    )


def test_a_compact_bundle_gives_the_same_prekeys(bob: Party) -> None:
    """ID-19: expanded with the session's peer, byte by byte what the peer signed; it starts a session."""
    bundle = whole_compact(bob)
    value = cbor.decode(cbor.encode(prekeys.encode_compact(bundle)))
    found = prekeys.verify_compact(bob.device.record, prekeys.decode_compact(value))
    assert (found.spk, found.pqk) == (bob.spk.prekey, bob.pqk.prekey)
    assert (found.opks[0], found.one_time_pqks) == (bob.opk.prekey, (bob.one_time_pqk.prekey,))
    assert [opk.id for opk in found.opks] == [OPK_ID, OPK_ID + 1]
    alice = Party.make("alice")
    ready = prekeys.bundle_from_peer(
        bob.device.record, bob.device_list, found.spk, found.opks[1], found.one_time_pqks[0], NOW_MS
    )
    state = session.initiate(alice.device, alice.device_list, ready, 1, NOW_MS, alice.rng, kem.encapsulate)
    _, flight = alice.seal(state, "x")
    assert bob.accept(flight).opened.session.id == state.id


def test_a_compact_bundle_of_another_device_does_not_verify(bob: Party) -> None:
    """ID-19: the signature covers account and record, which come from the session."""
    mallory = Party.make("mallory")
    with pytest.raises(BadSignature):
        prekeys.verify_compact(mallory.device.record, whole_compact(bob))
    renewed = replace(
        bob.device, record=DeviceRecord.decode(forgery.changed(bob.device.record.encoded, _9=NOW_MS + 1))
    )
    with pytest.raises(BadSignature):
        prekeys.verify_compact(renewed.record, whole_compact(bob))


def test_prekeys_in_a_compact_bundle_do_not_change_places(bob: Party) -> None:
    """ID-19, ID-15: a one-time key offered as SPK, or a last-resort key as one-time key."""
    spk, pqk, opks, one_time = whole_compact(bob)
    for wrong in (
        CompactBundle(opks[0], pqk, [], []),
        CompactBundle(spk, one_time[0], [], []),
        CompactBundle(spk, pqk, [spk], []),
        CompactBundle(spk, pqk, [], [pqk]),
        CompactBundle(pqk, spk, [], []),
    ):
        with pytest.raises(RemoteError):
            prekeys.verify_compact(bob.device.record, wrong)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, 0),
        (0, 2**32),
        (0, "1"),
        (1, -1),
        (1, None),
        (2, bytes(31)),
        (2, b"\xff" * 32),
        (2, bytes(1185)),
        (3, bytes(63)),
        (3, bytes(64)),
        (3, None),
    ],
)
def test_a_malformed_compact_prekey_is_refused(bob: Party, at: int, value: cbor.Value) -> None:
    """ID-19"""
    spk, pqk, _, _ = whole_compact(bob)
    assert isinstance(spk, list)
    wrong = [*spk[:at], value, *spk[at + 1 :]]
    for item in (wrong, spk[:3], [*spk, 0], None, {1: 2}):
        with pytest.raises(RemoteError):
            prekeys.verify_compact(bob.device.record, CompactBundle(item, pqk, [], []))


def test_a_compact_bundle_has_at_most_eight_of_a_kind(bob: Party) -> None:
    """CON-07, ID-19"""
    spk, pqk, opks, one_time = whole_compact(bob)
    eight = {1: spk, 2: pqk, 3: [opks[0]] * 8, 4: [one_time[0]] * 8}
    assert len(prekeys.decode_compact(eight).opks) == 8
    for key in (3, 4):
        with pytest.raises(DecodeError):
            prekeys.decode_compact({**eight, key: [opks[0]] * 9})


@pytest.mark.parametrize("first", ["list", "record", "spk"])
def test_prekeys_are_checked_with_all_that_stands_behind_them(bob: Party, first: str) -> None:
    """ID-04, ID-08, ID-16, ID-19: the one that ends first ends the bundle, fetched or given in a session."""
    ends_ms = {"list": 20 * DAY_MS, "record": 20 * DAY_MS, "spk": 20 * DAY_MS} | {first: DAY_MS}
    encoded = forgery.changed(bob.device.record.encoded, _10=NOW_MS + ends_ms["record"])
    bob.device = replace(bob.device, record=DeviceRecord.decode(encoded))
    unsigned = identity.next_list(bob.account_id, None, [bob.device.record], None, NOW_MS, ends_ms["list"])
    bob.device_list = identity.sign_list(bob.account_key, unsigned)
    bob.spk, bob.pqk = (
        prekeys.new_prekey(bob.device, kind, 1, NOW_MS + ends_ms["spk"], bob.rng)
        for kind in (PrekeyKind.SPK, PrekeyKind.PQK_LAST_RESORT)
    )
    error = {"list": ListExpired, "record": Expired, "spk": Expired}[first]
    bundle = bob.bundle(opk=False)
    found = prekeys.verify_compact(bob.device.record, bob.compact_bundle())

    def given(now_ms: int) -> VerifiedBundle:
        return prekeys.bundle_from_peer(
            bob.device.record, bob.device_list, found.spk, None, found.pqk, now_ms
        )

    last_ms = NOW_MS + DAY_MS
    assert given(last_ms).spk == verify(bob, bundle, last_ms).spk
    with pytest.raises(error):
        given(last_ms + 1)
    with pytest.raises(error):
        verify(bob, bundle, last_ms + 1)


@pytest.mark.parametrize("place", list(PLACES))
def test_reusable_prekeys_serve_longer_where_grace_is_given(bob: Party, place: str) -> None:
    """ID-31: SPK and last-resort PQK, fetched or given in a session; a one-time key never."""
    kind, grace_ms = PLACES[place][-1], 14 * DAY_MS
    bundle = bundle_with(bob, place, resigned(bob, kind, _7=NOW_MS + 5))
    spk, opk, pqk = verify(bob, bundle).prekeys
    reusable = place != "opk"

    def fetched(now_ms: int) -> VerifiedBundle:
        return prekeys.verify_bundle(bob.account_id, None, [], bundle, now_ms, grace_ms=grace_ms)

    def given(now_ms: int) -> VerifiedBundle:
        return prekeys.bundle_from_peer(
            bob.device.record, bob.device_list, spk, opk, pqk, now_ms, grace_ms=grace_ms
        )

    for check in (fetched, given):
        last_ms = NOW_MS + 5 + (grace_ms if reusable else 0)
        assert (check(last_ms).spk, check(last_ms).pqk) == (spk, pqk)
        with pytest.raises(Expired):
            check(last_ms + 1)


def test_a_one_time_kem_key_has_no_grace(bob: Party) -> None:
    """ID-31"""
    bundle = bundle_with(bob, "pqk", resigned(bob, PrekeyKind.PQK_ONE_TIME, _7=NOW_MS + 5))
    with pytest.raises(Expired):
        prekeys.verify_bundle(bob.account_id, None, [], bundle, NOW_MS + 6, grace_ms=14 * DAY_MS)


def test_expired_one_time_keys_are_never_chosen(bob: Party) -> None:
    """ID-32: the first one of each kind that has not expired; it and expired ones are not left."""
    ends_ms = (NOW_MS - 1, NOW_MS, NOW_MS + 5, NOW_MS - 2, NOW_MS + 9)
    opks, pqks = (
        [prekeys.new_prekey(bob.device, kind, at + 1, end, bob.rng).prekey for at, end in enumerate(ends_ms)]
        for kind in (PrekeyKind.OPK, PrekeyKind.PQK_ONE_TIME)
    )
    given = PeerPrekeys(bob.spk.prekey, bob.pqk.prekey, tuple(opks), tuple(pqks))
    opk, pqk, rest = given.take(NOW_MS)
    assert (opk, pqk) == (opks[1], pqks[1])
    assert rest == PeerPrekeys(given.spk, given.pqk, (opks[2], opks[4]), (pqks[2], pqks[4]))
    stored = prekeys.verify_compact(bob.device.record, rest.compact())
    assert stored == rest
    assert stored.take(NOW_MS + 6) == (opks[4], pqks[4], PeerPrekeys(given.spk, given.pqk, (), ()))
    assert stored.take(NOW_MS + 10) == (None, None, PeerPrekeys(given.spk, given.pqk, (), ()))


def test_the_id_of_a_prekey_is_drawn_and_is_not_in_use(bob: Party) -> None:
    """ID-30: uniform over 1 to 2^32 - 1; 0 and ids that are kept are drawn again."""
    drawn = [bytes(4), b"\0\0\0\5", b"\0\0\0\7", b"\xff" * 4, b"\0\0\0\1"]
    asked: list[int] = []

    def rng(size_b: int) -> bytes:
        asked.append(size_b)
        return drawn[len(asked) - 1]

    assert prekeys.new_prekey_id(rng, {5}) == 7
    assert prekeys.new_prekey_id(rng, {5}) == 2**32 - 1
    assert prekeys.new_prekey_id(rng, frozenset()) == 1
    assert asked == [4] * 5
    assert prekeys.new_prekey(bob.device, PrekeyKind.SPK, 2**32 - 1, NOW_MS, bob.rng).prekey.id == 2**32 - 1


def defective(bob: Party) -> dict[str, tuple[int, cbor.Value]]:
    """Parts of a bundle with one defect each, in the order in which they are looked at."""
    seed = bob.device.signing_key.expose()
    entries = forgery.entries_of(bob.spk.prekey.signed)
    unsigned = cbor.encode([cbor.encode(entries), bytes(64)])
    opk = forgery.entries_of(bob.opk.prekey.signed)
    other = forgery.signed(seed, labels.SIG_PREKEY, opk | {3: bytes(32)})
    return {
        "form": (4, b""),
        "list": (2, cbor.encode([cbor.encode(forgery.entries_of(bob.device_list.signed)), bytes(64)])),
        "record": (1, forgery.changed(bob.device.record.encoded, _1=2)),
        "spk": (3, unsigned),
        "opk": (4, other),
        "pqk": (5, bob.spk.prekey.signed),
    }


def test_the_first_defect_of_a_bundle_names_the_code(bob: Party) -> None:
    """ID-16, ID-29: form, list, record, SPK, OPK, PQK, in each pair of two."""
    codes = {
        "form": "remote.decode",
        "list": "remote.signature",
        "record": "remote.version",
        "spk": "remote.signature",
        "opk": "remote.identity",
        "pqk": "remote.decode",
    }
    parts, whole = defective(bob), forgery.map_of(bob.bundle())
    for first, second in itertools.combinations(parts, 2):
        both = dict([parts[second], parts[first]])
        with pytest.raises(RemoteError) as caught:
            verify(bob, cbor.encode(whole | both))
        assert caught.value.code == codes[first], (first, second)


def test_a_prekey_that_ends_later_than_one_of_now_is_refused(bob: Party) -> None:
    """ID-16, SES-34: 14 days and a day of clock; one such key condemns all that came with it."""
    good = PeerPrekeys(bob.spk.prekey, bob.pqk.prekey, (bob.opk.prekey,), (bob.one_time_pqk.prekey,))
    for one in (bob.spk, bob.pqk, bob.opk, bob.one_time_pqk):
        latest_ms = one.prekey.not_after_ms - PREKEY_LIFE_MS - CLOCK_TOLERANCE_MS
        alone = PeerPrekeys(one.prekey, one.prekey, (), ())
        alone.check_ahead(latest_ms)
        with pytest.raises(Expired):
            alone.check_ahead(latest_ms - 1)
    ends_ms = max(key.not_after_ms for key in (good.spk, good.pqk, *good.opks, *good.one_time_pqks))
    latest_ms = ends_ms - PREKEY_LIFE_MS - CLOCK_TOLERANCE_MS
    good.check_ahead(latest_ms)
    later = replace(good.opks[0], not_after_ms=ends_ms + 1)
    for changed in (
        replace(good, spk=later),
        replace(good, pqk=later),
        replace(good, opks=(later,)),
        replace(good, one_time_pqks=(later,)),
    ):
        with pytest.raises(Expired):
            changed.check_ahead(latest_ms)
