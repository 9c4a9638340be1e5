"""Chapter 05: accounts, records, device lists and their chains, addresses, successors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import forgery
import parties
import pytest
from parties import DAY_MS, NOW_MS, Party, ScriptedRng

from e2ee import identity, labels
from e2ee.errors import (
    BadSignature,
    DecodeError,
    E2eeError,
    Expired,
    IdentityMismatch,
    InvalidArgument,
    InvalidKey,
    ListExpired,
    ListFork,
    ListGap,
    ListRollback,
    RemoteError,
    UnsupportedVersion,
)
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord, ListHead
from e2ee.ids import AccountId
from e2ee.primitives import dh, kdf, sign
from e2ee.secret import RecoveryKey
from e2ee.wire import cbor

MINUTE_MS = 60_000
WAITING_MS = (14 + 30 + 1) * DAY_MS


@pytest.fixture
def bob() -> Party:
    """A party to look at."""
    return Party.make("bob", DeviceKind.AGENT, identity.FLAG_FRONT_DESK)


def chain_of(party: Party, length: int, step_ms: int = MINUTE_MS) -> list[DeviceList]:
    """Sign a chain of lists, the party's first one included."""
    lists = [party.device_list]
    lists += [party.renew_list(NOW_MS + number * step_ms) for number in range(1, length)]
    return lists


def test_an_account_id_is_its_public_key() -> None:
    """ID-01: a list under another account's id is refused whoever signed it."""
    alice, mallory = Party.make("alice"), Party.make("mallory")
    assert bytes(alice.account_id) == sign.derive_public(alice.account_key.expose())
    claimed = forgery.entries_of(mallory.device_list.signed) | {2: alice.account_id}
    forged = forgery.signed(mallory.account_key.expose(), labels.SIG_LIST, claimed)
    with pytest.raises(BadSignature):
        DeviceList.verify(alice.account_id, forged)
    with pytest.raises(BadSignature):
        DeviceList.verify(alice.account_id, mallory.device_list.signed)
    with pytest.raises(IdentityMismatch):
        DeviceList.verify(alice.account_id, forgery.foreign_list(alice, _2=mallory.account_id))


def test_a_device_has_keys_of_its_own(bob: Party) -> None:
    """ID-02: devices of an account share no key, and no key of a device is made from another."""
    other = identity.new_device(bob.account_id, DeviceKind.AGENT, 0, NOW_MS, NOW_MS + DAY_MS, bob.rng)
    keys = [key for device in (bob.device, other) for key in (device.signing_key, device.dh_key)]
    assert len({key.expose() for key in keys}) == 4
    assert other.record.device_id != bob.device.record.device_id
    assert bob.device.record.sign_public == sign.derive_public(bob.device.signing_key.expose())
    assert bob.device.record.dh_public == dh.derive_public(bob.device.dh_key.expose())
    assert len({bob.device.signing_key.expose(), bob.device.dh_key.expose(), bob.account_key.expose()}) == 3


def test_the_record_hash_covers_the_record(bob: Party) -> None:
    """ID-02"""
    record = bob.device.record
    assert record.hash == kdf.hash_(b"SR1-record".ljust(16, b"\0"), record.encoded)
    assert DeviceRecord.decode(record.encoded) == record
    assert DeviceRecord.decode(forgery.changed(record.encoded, _9=NOW_MS + 1)).hash != record.hash


@pytest.mark.parametrize("kind", list(DeviceKind))
@pytest.mark.parametrize("flags", [0, 1])
def test_a_record_states_kind_and_front_desk(kind: DeviceKind, flags: int) -> None:
    """ID-03"""
    record = Party.make("bob", kind, flags).device.record
    assert (record.kind, record.flags, record.front_desk) == (kind, flags, bool(flags))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"_1": 0}, UnsupportedVersion),
        ({"_1": 2}, UnsupportedVersion),
        ({"_2": [2]}, UnsupportedVersion),
        ({"_2": [1, 2]}, DecodeError),
        ({"_2": []}, DecodeError),
        ({"_2": 1}, DecodeError),
        ({"_2": ["1"]}, DecodeError),
        ({"_3": bytes(31)}, DecodeError),
        ({"_3": None}, DecodeError),
        ({"_4": bytes(15)}, DecodeError),
        ({"_5": bytes(33)}, DecodeError),
        ({"_6": bytes(31)}, DecodeError),
        ({"_6": b"\xff" * 32}, InvalidKey),
        ({"_6": (2**255 - 19).to_bytes(32, "little")}, InvalidKey),
        ({"_7": 3}, DecodeError),
        ({"_7": -1}, DecodeError),
        ({"_7": True}, DecodeError),
        ({"_8": 2}, DecodeError),
        ({"_8": 3}, DecodeError),
        ({"_8": 2**31}, DecodeError),
        ({"_9": -1}, DecodeError),
        ({"_9": "now"}, DecodeError),
        ({"_9": 2**53}, DecodeError),
        ({"_10": NOW_MS}, DecodeError),
        ({"_10": NOW_MS - 1}, DecodeError),
        ({"_10": 2**63}, DecodeError),
    ],
)
def test_a_malformed_record_is_refused(
    bob: Party, wrong: dict[str, cbor.Value], error: type[RemoteError]
) -> None:
    """ID-03: unknown version, suite, kind or flag, a bad key, a wrong size; each alone."""
    with pytest.raises(error):
        DeviceRecord.decode(forgery.changed(bob.device.record.encoded, **wrong))


@pytest.mark.parametrize("encoded", [b"", b"\x80", b"\xa0", bytes(300), b"\xa1\x01\x01"])
def test_what_is_no_map_is_no_record(encoded: bytes) -> None:
    """ID-03"""
    with pytest.raises(DecodeError):
        DeviceRecord.decode(encoded)


def test_a_record_has_a_life(bob: Party) -> None:
    """ID-04: from a day before its creation to its very last millisecond."""
    record = bob.device.record
    record.check_time(record.created_ms - DAY_MS)
    record.check_time(record.expires_ms)
    for moment in (record.created_ms - DAY_MS - 1, record.expires_ms + 1):
        with pytest.raises(Expired):
            record.check_time(moment)
        with pytest.raises(RemoteError):
            bob.verified(now_ms=moment)


def test_a_list_is_signed_by_the_account_under_its_label(bob: Party) -> None:
    """ID-05: another label, another key, or a changed byte is refused; the hash leaves the signature out."""
    entries = forgery.entries_of(bob.device_list.signed)
    key = bob.account_key.expose()
    assert bob.device_list.hash == kdf.hash_(b"SR1-list".ljust(16, b"\0"), cbor.encode(entries))
    wrong = [
        forgery.signed(key, label, entries)
        for label in (labels.SIG_PREKEY, labels.SIG_SUCCESSOR, labels.LIST, bytes(16))
    ]
    wrong.append(forgery.signed(bob.device.signing_key.expose(), labels.SIG_LIST, entries))
    for structure in wrong:
        with pytest.raises(BadSignature):
            DeviceList.verify(bob.account_id, structure)
    signed = bob.device_list.signed
    for at in range(len(signed)):
        with pytest.raises(RemoteError):
            DeviceList.verify(bob.account_id, signed[:at] + bytes((signed[at] ^ 1,)) + signed[at + 1 :])


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"_1": 2}, UnsupportedVersion),
        ({"_2": bytes(31)}, DecodeError),
        ({"_3": 0}, DecodeError),
        ({"_3": 2}, DecodeError),
        ({"_3": 2**31}, DecodeError),
        ({"_3": True}, DecodeError),
        ({"_4": bytes(32)}, DecodeError),
        ({"_3": 2, "_4": bytes(31)}, DecodeError),
        ({"_5": NOW_MS + 31 * DAY_MS}, DecodeError),
        ({"_6": NOW_MS}, DecodeError),
        ({"_6": NOW_MS - 1}, DecodeError),
        ({"_6": NOW_MS + 30 * DAY_MS + 1}, DecodeError),
        ({"_7": bytes(31)}, DecodeError),
        ({"_7": 0}, DecodeError),
        ({"_8": [bytes(31)]}, DecodeError),
        ({"_8": [bytes(32), bytes(32)]}, DecodeError),
        ({"_8": [b"\2" * 32, b"\1" * 32]}, DecodeError),
        ({"_8": [number.to_bytes(32, "big") for number in range(17)]}, DecodeError),
        ({"_8": {}}, DecodeError),
        ({"_8": [0]}, DecodeError),
    ],
)
def test_a_malformed_list_is_refused(
    bob: Party, wrong: dict[str, cbor.Value], error: type[RemoteError]
) -> None:
    """ID-06: signed by the account itself, each defect alone."""
    with pytest.raises(error):
        DeviceList.verify(bob.account_id, forgery.foreign_list(bob, **wrong))


def test_limits_of_a_list_are_taken(bob: Party) -> None:
    """ID-06: no device at all, sixteen devices, a life of one millisecond or of thirty days."""
    hashes = [number.to_bytes(32, "big") for number in range(16)]
    for many in ([], hashes):
        assert DeviceList.verify(bob.account_id, forgery.foreign_list(bob, _8=many)).seq == 1
    for end_ms in (NOW_MS + 1, NOW_MS + 30 * DAY_MS):
        assert DeviceList.verify(bob.account_id, forgery.foreign_list(bob, _6=end_ms)).seq == 1


@pytest.mark.parametrize(
    "structure",
    [
        b"",
        cbor.encode([]),
        cbor.encode([b"x"]),
        cbor.encode([b"x", bytes(63)]),
        cbor.encode([b"", bytes(64)]),
    ],
)
def test_what_is_no_signed_structure_is_no_list(bob: Party, structure: bytes) -> None:
    """ID-05"""
    with pytest.raises(DecodeError):
        DeviceList.verify(bob.account_id, structure)


def test_a_chain_is_followed_from_the_pinned_head(bob: Party) -> None:
    """ID-07: the head itself, or every link up to the newest; links before the head do no harm."""
    lists = chain_of(bob, 5)
    signed = [item.signed for item in lists]
    for pinned in range(5):
        head = lists[pinned].head
        for first in range(pinned + 2 if pinned < 4 else 5):
            found = identity.verify_chain(bob.account_id, head, signed[first:], NOW_MS)
            assert found == lists[-1]
    assert identity.verify_chain(bob.account_id, None, signed[-1:], NOW_MS) == lists[-1]
    assert identity.verify_chain(bob.account_id, None, signed, NOW_MS) == lists[-1]
    assert lists[-1].head == ListHead(5, lists[-1].hash)


def test_an_older_list_is_a_rollback(bob: Party) -> None:
    """ID-07"""
    lists = chain_of(bob, 3)
    for older in ([lists[1]], [lists[0], lists[1]], [lists[0]]):
        with pytest.raises(ListRollback):
            identity.verify_chain(bob.account_id, lists[2].head, [item.signed for item in older], NOW_MS)
    with pytest.raises(ListRollback):
        identity.check_link(lists[2].head, lists[1])


def test_a_missing_link_is_a_gap(bob: Party) -> None:
    """ID-07"""
    lists = chain_of(bob, 5)
    signed = [item.signed for item in lists]
    cases: list[tuple[ListHead | None, list[bytes]]] = [
        (lists[0].head, signed[2:]),
        (lists[0].head, [signed[1], signed[3]]),
        (None, [signed[1], signed[4]]),
        (lists[1].head, [signed[0], signed[4]]),
        (None, []),
        (lists[0].head, []),
    ]
    for pinned, links in cases:
        with pytest.raises(ListGap):
            identity.verify_chain(bob.account_id, pinned, links, NOW_MS)


def test_another_list_for_a_known_number_is_a_fork(bob: Party) -> None:
    """ID-07: for the pinned number, or with a predecessor that is not the one pinned."""
    first = bob.device_list
    honest = bob.renew_list(NOW_MS + 1)
    bob.device_list = first
    fork = bob.renew_list(NOW_MS + 2)
    after = bob.renew_list(NOW_MS + 3)
    assert honest.seq == fork.seq
    cases: list[tuple[ListHead | None, list[DeviceList]]] = [
        (honest.head, [fork]),
        (honest.head, [fork, after]),
        (honest.head, [after]),
        (honest.head, [first, fork, after]),
        (None, [honest, after]),
        (None, [honest, fork]),
        (first.head, [honest, after]),
    ]
    for pinned, links in cases:
        with pytest.raises(ListFork):
            identity.verify_chain(bob.account_id, pinned, [item.signed for item in links], NOW_MS)


def test_a_list_cannot_follow_itself(bob: Party) -> None:
    """ID-07: the pinned number again, with the pinned hash as predecessor, is a fork."""
    head = bob.renew_list(NOW_MS).head
    again = forgery.foreign_list(bob, _4=head.hash)
    with pytest.raises(ListFork):
        identity.check_link(head, DeviceList.verify(bob.account_id, again))
    with pytest.raises(ListFork):
        identity.verify_chain(bob.account_id, None, [bob.device_list.signed, again], NOW_MS)


def test_the_newest_list_must_be_of_now(bob: Party) -> None:
    """ID-08: not expired, and at most a day from the future; links before it may have expired."""
    lists = chain_of(bob, 2, 20 * DAY_MS)
    head, signed = lists[0].head, [lists[1].signed]
    newest = lists[1]
    for moment in (newest.issued_ms - DAY_MS, newest.expires_ms):
        assert identity.verify_chain(bob.account_id, head, signed, moment) == newest
    for moment in (newest.issued_ms - DAY_MS - 1, newest.expires_ms + 1):
        with pytest.raises(ListExpired):
            identity.verify_chain(bob.account_id, head, signed, moment)
    assert lists[0].expires_ms < newest.expires_ms
    whole = [item.signed for item in lists]
    assert identity.verify_chain(bob.account_id, head, whole, newest.expires_ms) == newest


def test_a_record_belongs_if_the_list_names_it(bob: Party) -> None:
    """ID-09: another account's record, an unlisted device, or a changed record does not."""
    mallory = Party.make("mallory")
    bob.device_list.check_record(bob.device.record)
    ghost = identity.new_device(bob.account_id, DeviceKind.PERSON, 0, NOW_MS, NOW_MS + DAY_MS, bob.rng)
    listed = forgery.foreign_list(bob, _8=sorted([bob.device.record.hash, mallory.device.record.hash]))
    both = DeviceList.verify(bob.account_id, listed)
    for device_list, record in (
        (bob.device_list, ghost.record),
        (bob.device_list, mallory.device.record),
        (both, mallory.device.record),
        (both, ghost.record),
    ):
        with pytest.raises(IdentityMismatch):
            device_list.check_record(record)


def flight_identity(party: Party, pinned: DeviceList | None, now_ms: int) -> DeviceList:
    """Check a party's identity as a responder does."""
    return identity.check_flight_identity(party.device.record, party.device_list.signed, pinned, now_ms)


def test_a_flight_that_waited_is_taken(bob: Party) -> None:
    """ID-10: until 14 days of a prefix, 30 days at the relay and a day after the list expired."""
    ends_ms = bob.device_list.expires_ms
    for moment in (bob.device_list.issued_ms - DAY_MS, ends_ms + 1, ends_ms + WAITING_MS):
        assert flight_identity(bob, None, moment) == bob.device_list
    with pytest.raises(ListExpired):
        flight_identity(bob, None, ends_ms + WAITING_MS + 1)
    with pytest.raises(ListExpired):
        flight_identity(bob, None, bob.device_list.issued_ms - DAY_MS - 1)


def test_an_expired_record_in_a_flight_is_refused_in_the_end() -> None:
    """ID-10, ID-04"""
    alice = Party.make("alice")
    encoded = forgery.changed(alice.device.record.encoded, _10=NOW_MS + DAY_MS)
    device = replace(alice.device, record=DeviceRecord.decode(encoded))
    alice.device = device
    alice.renew_list(NOW_MS)
    assert flight_identity(alice, None, NOW_MS + DAY_MS + WAITING_MS) == alice.device_list
    with pytest.raises(Expired):
        flight_identity(alice, None, NOW_MS + DAY_MS + WAITING_MS + 1)


def test_a_newer_list_in_a_flight_is_taken_with_or_without_the_links_to_it(bob: Party) -> None:
    """ID-11"""
    lists = chain_of(bob, 4)
    assert flight_identity(bob, None, NOW_MS) == lists[-1]
    for pinned in lists:
        assert flight_identity(bob, pinned, NOW_MS) == lists[-1]


def test_an_older_list_in_a_flight_proves_nothing_and_is_no_error(bob: Party) -> None:
    """ID-11: the record is looked up in the pinned list, whose times count; it must be named there."""
    old = bob.device_list
    renewed = bob.renew_list(NOW_MS + 20 * DAY_MS)
    bob.device_list = old
    last_ms = renewed.expires_ms + WAITING_MS
    assert last_ms > old.expires_ms + WAITING_MS
    for now_ms in (NOW_MS + 20 * DAY_MS, last_ms):
        assert flight_identity(bob, renewed, now_ms) == renewed
    with pytest.raises(ListExpired):
        flight_identity(bob, renewed, last_ms + 1)
    bob.device_list = renewed
    struck_off = DeviceList.verify(bob.account_id, forgery.foreign_list(bob, _8=[]))
    bob.device_list = old
    with pytest.raises(IdentityMismatch):
        flight_identity(bob, struck_off, NOW_MS + 20 * DAY_MS)
    forged = forgery.foreign_list(Party.make("mallory"), _2=bob.account_id)
    with pytest.raises(BadSignature):
        identity.check_flight_identity(bob.device.record, forged, renewed, NOW_MS)


def test_under_a_list_that_ended_long_ago_a_flight_has_to_be_of_now(bob: Party) -> None:
    """ID-11: an account that was set back signs lower numbers than the pinned one."""
    pinned = replace(bob.device_list, seq=9)
    now_ms = pinned.expires_ms + WAITING_MS + 1
    with pytest.raises(ListExpired):
        flight_identity(bob, pinned, now_ms)
    bob.renew_list(now_ms)
    assert flight_identity(bob, pinned, now_ms) == pinned
    with pytest.raises(IdentityMismatch):
        flight_identity(bob, replace(pinned, record_hashes=()), now_ms)


def test_under_a_list_dated_ahead_a_flight_has_to_be_of_now(bob: Party) -> None:
    """ID-11: the record stands in the pinned list, which nobody who was struck off goes behind; the list of
    the flight is in time, or past its end by the clock tolerance.
    """
    old = bob.device_list
    ahead = bob.renew_list(old.expires_ms + 3 * DAY_MS)
    bob.device_list = old
    for now_ms in (NOW_MS, old.expires_ms + DAY_MS):
        assert flight_identity(bob, ahead, now_ms) == ahead
    with pytest.raises(ListExpired):
        flight_identity(bob, ahead, old.expires_ms + DAY_MS + 1)
    with pytest.raises(ListExpired):
        flight_identity(bob, ahead, old.issued_ms - DAY_MS - 1)
    bob.device_list = ahead
    struck_off = DeviceList.verify(bob.account_id, forgery.foreign_list(bob, _8=[]))
    with pytest.raises(ListExpired):
        flight_identity(bob, ahead, NOW_MS)
    bob.device_list = old
    with pytest.raises(IdentityMismatch):
        flight_identity(bob, struck_off, NOW_MS)
    assert flight_identity(bob, ahead, ahead.expires_ms + WAITING_MS) == ahead


def test_two_signed_lists_of_one_number_are_a_fork_that_is_kept(bob: Party) -> None:
    """ID-11, ID-07: also a successor that names another predecessor; the error holds the signed list."""
    first = bob.device_list
    honest = bob.renew_list(NOW_MS + 1)
    bob.device_list = first
    fork = bob.renew_list(NOW_MS + 2)
    after = bob.renew_list(NOW_MS + 3)
    record = bob.device.record
    for given in (fork, after):
        with pytest.raises(ListFork) as caught:
            identity.check_flight_identity(record, given.signed, honest, NOW_MS)
        assert caught.value.signed == given.signed
        assert given.signed.hex() not in repr(caught.value)
    assert identity.check_flight_identity(record, honest.signed, honest, NOW_MS) == honest


def test_equal_neighbours_in_a_chain_are_one_list(bob: Party) -> None:
    """ID-07: a relay that answers with a list twice has made no fork."""
    one, two, three = chain_of(bob, 3)
    cases: list[tuple[ListHead | None, list[DeviceList]]] = [
        (None, [two, two]),
        (two.head, [two, two]),
        (one.head, [two, two, three]),
        (one.head, [one, one, two, two, three, three]),
        (three.head, [one, two, two, three]),
    ]
    for pinned, links in cases:
        found = identity.verify_chain(bob.account_id, pinned, [item.signed for item in links], NOW_MS)
        assert found == links[-1]
    identity.check_link(two.head, two)
    with pytest.raises(ListRollback):
        identity.verify_chain(bob.account_id, None, [two.signed, one.signed], NOW_MS)


def test_an_account_key_signs_a_request_offline(bob: Party) -> None:
    """ID-12: the request is the next list's bytes; the answer is checked from the device's own head."""
    request = identity.next_list(bob.account_id, bob.device_list, [bob.device.record], None, NOW_MS + 1)
    answer = identity.sign_list(bob.account_key, request)
    installed = identity.verify_chain(bob.account_id, bob.device_list.head, [answer.signed], NOW_MS + 1)
    installed.check_record(bob.device.record)
    assert (installed.seq, installed.prev_hash) == (2, bob.device_list.hash)
    assert forgery.entries_of(answer.signed) == forgery.map_of(request)
    mallory = Party.make("mallory")
    with pytest.raises(IdentityMismatch):
        identity.sign_list(mallory.account_key, request)
    assert answer.account_id == bob.account_id
    for wrong in (b"", b"\xa0", forgery.changed(request, _6=NOW_MS + 40 * DAY_MS)):
        with pytest.raises(DecodeError):
            identity.sign_list(bob.account_key, wrong)


def test_a_request_within_the_limits_only(bob: Party) -> None:
    """ID-12, ID-06: the device that asks is told at once."""
    make: Callable[[int], DeviceRecord] = lambda number: (  # noqa: E731  # one line of many records
        identity.new_device(
            bob.account_id, DeviceKind.AGENT, 0, NOW_MS, NOW_MS + DAY_MS, ScriptedRng(number)
        ).record
    )
    records = [make(number) for number in range(17)]
    full = identity.next_list(bob.account_id, None, records[:16], None, NOW_MS)
    assert len(identity.sign_list(bob.account_key, full).record_hashes) == 16
    other = Party.make("mallory").device.record
    wrong_arguments: list[tuple[list[DeviceRecord], int]] = [
        (records, DAY_MS),
        ([other], DAY_MS),
        (records[:1], 0),
        (records[:1], 30 * DAY_MS + 1),
    ]
    for chosen, ttl_ms in wrong_arguments:
        with pytest.raises(InvalidArgument):
            identity.next_list(bob.account_id, None, chosen, None, NOW_MS, ttl_ms)


def successor_of(party: Party, seed: str = "recovery") -> tuple[DeviceList, bytes, AccountId]:
    """Give a party a recovery key in its next list, and sign a successor with it."""
    recovery = RecoveryKey(ScriptedRng(seed)(32))
    request = identity.next_list(
        party.account_id,
        party.device_list,
        [party.device.record],
        identity.recovery_public_of(recovery),
        NOW_MS,
    )
    pinned = identity.sign_list(party.account_key, request)
    new = Party.make("new account").account_id
    return pinned, identity.sign_successor(recovery, party.account_id, new, NOW_MS + 5), new


def test_a_successor_binds_both_accounts(bob: Party) -> None:
    """ID-13"""
    pinned, statement, new = successor_of(bob)
    found = identity.verify_successor(pinned, statement)
    assert (found.old_account_id, found.new_account_id, found.issued_ms) == (bob.account_id, new, NOW_MS + 5)
    recovery = RecoveryKey(ScriptedRng("recovery")(32))
    thief = RecoveryKey(ScriptedRng("thief")(32))
    entries = forgery.entries_of(statement)
    cases: list[tuple[DeviceList, bytes, type[E2eeError]]] = [
        (bob.device_list, statement, IdentityMismatch),
        (pinned, identity.sign_successor(recovery, bob.account_id, bob.account_id, NOW_MS), IdentityMismatch),
        (pinned, identity.sign_successor(thief, bob.account_id, new, NOW_MS), BadSignature),
        (
            pinned,
            identity.sign_successor(recovery, new, bob.account_id, NOW_MS),
            IdentityMismatch,
        ),
        (pinned, forgery.signed(recovery.expose(), labels.SIG_LIST, entries), BadSignature),
        (
            pinned,
            forgery.signed(recovery.expose(), labels.SIG_SUCCESSOR, entries | {1: 2}),
            UnsupportedVersion,
        ),
        (pinned, forgery.signed(recovery.expose(), labels.SIG_SUCCESSOR, entries | {5: 0}), DecodeError),
        (pinned, forgery.signed(recovery.expose(), labels.SIG_SUCCESSOR, entries | {3: b""}), DecodeError),
        (pinned, statement[:-1], DecodeError),
    ]
    for device_list, structure, error in cases:
        with pytest.raises(error):
            identity.verify_successor(device_list, structure)


def test_a_successor_holds_by_every_list_that_names_its_key(bob: Party) -> None:
    """ID-13: a list that was renewed since, by its owner or by a thief, takes nothing from a statement."""
    pinned, statement, new = successor_of(bob)
    named = (pinned.recovery_public, identity.recovery_public_of(RecoveryKey(ScriptedRng("other")(32))))
    renewed, replaced = (
        identity.sign_list(
            bob.account_key,
            identity.next_list(bob.account_id, pinned, [bob.device.record], one, NOW_MS + DAY_MS),
        )
        for one in named
    )
    assert identity.verify_successor(renewed, statement).new_account_id == new
    with pytest.raises(BadSignature):
        identity.verify_successor(replaced, statement)


def test_an_address_belongs_to_its_device(bob: Party) -> None:
    """ID-20, WIRE-05"""
    record, seed = bob.device.record, bob.device.signing_key.expose()
    signed = identity.sign_address(bob.device, bytes(16), bytes(range(32)), NOW_MS)
    address = identity.verify_address(record, signed)
    assert (address.mailbox, address.token, address.issued_ms) == (bytes(16), bytes(range(32)), NOW_MS)
    assert address.record_hash == record.hash
    mallory = Party.make("mallory")
    entries = forgery.entries_of(signed)
    cases: list[tuple[bytes, type[E2eeError]]] = [
        (identity.sign_address(mallory.device, bytes(16), bytes(32), NOW_MS), BadSignature),
        (forgery.signed(seed, labels.SIG_PREKEY, entries), BadSignature),
        (
            forgery.signed(seed, labels.SIG_ADDRESS, entries | {2: mallory.device.record.hash}),
            IdentityMismatch,
        ),
        (forgery.signed(seed, labels.SIG_ADDRESS, entries | {1: 2}), UnsupportedVersion),
        (forgery.signed(seed, labels.SIG_ADDRESS, entries | {3: bytes(15)}), DecodeError),
        (forgery.signed(seed, labels.SIG_ADDRESS, entries | {4: bytes(33)}), DecodeError),
        (forgery.signed(seed, labels.SIG_ADDRESS, entries | {5: -1}), DecodeError),
        (forgery.signed(seed, labels.SIG_ADDRESS, entries | {6: 0}), DecodeError),
    ]
    for structure, error in cases:
        with pytest.raises(error):
            identity.verify_address(record, structure)
    assert parties.RELAY_URL.startswith("wss://")
