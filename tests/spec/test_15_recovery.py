"""Chapter 15: recovery codes, and lists of accounts that were recovered."""

from __future__ import annotations

import itertools

import pytest
from parties import NOW_MS, ScriptedRng

from e2ee import identity, recovery
from e2ee.errors import DecodeError, ListFork, ListRollback
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord, FlightIdentity
from e2ee.recovery import RecoveryCode
from e2ee.secret import AccountKey

SECOND_MS = 1_000
INTERVAL_MS = 4 * SECOND_MS


@pytest.fixture
def code() -> RecoveryCode:
    """A code."""
    return recovery.new_code(ScriptedRng("code"), entry=False)


def device(key: AccountKey, name: str) -> DeviceRecord:
    """A person's device."""
    account_id = identity.account_id_of(key)
    end_ms = NOW_MS + 10**10
    return identity.new_device(account_id, DeviceKind.PERSON, 0, NOW_MS, end_ms, ScriptedRng(name)).record


def first_list(key: AccountKey, record: DeviceRecord, at_ms: int = NOW_MS) -> DeviceList:
    """The list by which an account is recovered."""
    return recovery.first_list(key, record, None, at_ms)


def pinned_after(flight: DeviceRecord, shown: DeviceList, pinned: DeviceList) -> FlightIdentity:
    """What a contact makes of a first flight."""
    return identity.check_flight_identity(flight.encoded, shown.signed, pinned, NOW_MS)


def test_every_wrong_digit_is_refused_or_named(code: RecoveryCode) -> None:
    """ACC-62: of one wrong digit nearly always the group is named, never another one."""
    digits = "".join(code.groups)
    passed, misled, named = 0, 0, 0
    for place, other in itertools.product(range(0, 29, 4), recovery.ALPHABET[::3]):
        typed = digits[:place] + other + digits[place + 1 :]
        if typed == digits:
            continue
        with pytest.raises(DecodeError):
            recovery.parse(typed)
        group = recovery.doubtful_group(typed)
        named += group == place // 5 + 1
        misled += group not in (None, place // 5 + 1)
        passed += 1
    assert (misled, named >= passed * 0.9) == (0, True)


def test_a_code_is_read_whole_or_not_at_all(code: RecoveryCode) -> None:
    """ACC-62: nothing is put right by itself."""
    for cut in range(len(code.text)):
        with pytest.raises(DecodeError):
            recovery.parse(code.text[:cut])
    with pytest.raises(DecodeError):
        recovery.parse(code.text + code.text)
    for behind in (" " * 223, " " * 300 + "X"):
        with pytest.raises(DecodeError):
            recovery.parse(code.text + behind)
    assert recovery.read_group(" ab-oil ") == "AB011"


def test_a_recovered_account_is_followed_from_any_list_before(code: RecoveryCode) -> None:
    """ACC-63, ID-11: the new device is in force, the older one is not; an older list changes nothing."""
    key = code.account_key()
    old, new = device(key, "old"), device(key, "new")
    before = identity.sign_list(key, identity.next_list(old.account_id, None, [old], None, NOW_MS))
    found = pinned_after(new, first_list(key, new), before)
    assert found.device_list.record_hashes == (new.hash,)
    assert pinned_after(new, before, found.device_list).device_list == found.device_list
    with pytest.raises(ListRollback):
        identity.check_link(found.device_list.head, before)


def test_of_two_recoveries_the_later_one_counts_and_two_at_one_moment_are_evidence(
    code: RecoveryCode,
) -> None:
    """ACC-63, ID-07."""
    key = code.account_key()
    one, two = device(key, "one"), device(key, "two")
    first, later = first_list(key, one), first_list(key, two, NOW_MS + INTERVAL_MS)
    assert pinned_after(two, later, first).device_list == later
    with pytest.raises(ListFork):
        pinned_after(two, first_list(key, two), first)


def test_numbers_of_recoveries_leave_room_for_the_lists_between(code: RecoveryCode) -> None:
    """ACC-63, ID-40: never one list and the next, and above what is signed since in a list a minute."""
    key = code.account_key()
    record = device(key, "one")
    numbers = [first_list(key, record, NOW_MS + at * INTERVAL_MS).seq for at in range(3)]
    assert numbers == [numbers[0], numbers[0] + 2, numbers[0] + 4]
    assert recovery.recovered_seq(NOW_MS + 60 * SECOND_MS) > numbers[0] + 2


def test_a_device_knows_that_it_was_replaced(code: RecoveryCode) -> None:
    """ACC-67: by a list of a recovery that is newer and does not name it."""
    key = code.account_key()
    old, new = device(key, "old"), device(key, "new")
    before = identity.sign_list(key, identity.next_list(old.account_id, None, [old], None, NOW_MS))
    following = identity.sign_list(key, identity.next_list(old.account_id, before, [new], None, NOW_MS))
    list_ = first_list(key, new)
    assert recovery.has_replaced(list_, before, [old.hash])
    assert not recovery.has_replaced(list_, before, [old.hash, new.hash])
    assert not recovery.has_replaced(following, before, [old.hash])
    assert not recovery.has_replaced(list_, first_list(key, old, NOW_MS + INTERVAL_MS), [old.hash])


def test_no_number_is_left_after_the_highest(code: RecoveryCode) -> None:
    """ACC-63: who states the highest number shuts everybody out, itself included."""
    key = code.account_key()
    record = device(key, "one")
    highest = identity.encode_map(
        1, record.account_id, 2**31 - 1, bytes(32), NOW_MS, NOW_MS + 1, None, [record.hash]
    )
    with pytest.raises(DecodeError):
        recovery.first_list(key, record, identity.sign_list(key, highest), NOW_MS)
