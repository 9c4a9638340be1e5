"""Chapter 15: recovery codes, and lists of accounts that were recovered."""

from __future__ import annotations

import itertools

import pytest
from parties import NOW_MS, ScriptedRng

from e2ee import identity, recovery
from e2ee.errors import DecodeError, ListFork, ListGap, ListRollback, NoListNumber
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord
from e2ee.recovery import RecoveryCode
from e2ee.secret import AccountKey

SECOND_MS = 1_000
INTERVAL_MS = 4 * SECOND_MS
DAY_MS = 86_400 * SECOND_MS


@pytest.fixture
def code() -> RecoveryCode:
    """A code."""
    return recovery.new_code(ScriptedRng("code"), entry=False)


def device(key: AccountKey, name: str) -> DeviceRecord:
    """A person's device."""
    account_id = identity.account_id_of(key)
    end_ms = NOW_MS + 10**10
    return identity.new_device(account_id, DeviceKind.PERSON, 0, NOW_MS, end_ms, ScriptedRng(name)).record


def first_list(
    key: AccountKey, record: DeviceRecord, at_ms: int = NOW_MS, shown: DeviceList | None = None
) -> DeviceList:
    """The list by which an account is recovered."""
    return recovery.first_list(key, record, shown, at_ms, ScriptedRng(record.hash.hex()))


def next_lists(key: AccountKey, record: DeviceRecord, first: DeviceList, count: int) -> list[DeviceList]:
    """The lists that an account with an entry signs after one, that one first."""
    found = [first]
    for _ in range(count):
        unsigned = identity.next_list(record.account_id, found[-1], [record], None, NOW_MS)
        found.append(identity.sign_list(key, unsigned))
    return found


def pinned_after(flight: DeviceRecord, shown: DeviceList, pinned: DeviceList) -> DeviceList:
    """What a contact makes of a first flight."""
    return identity.check_flight_identity(flight, shown.signed, pinned, NOW_MS)


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
    assert found.record_hashes == (new.hash,)
    assert pinned_after(new, before, found) == found
    with pytest.raises(ListRollback):
        identity.check_link(found.head, before)


def test_of_two_recoveries_the_later_one_counts_and_two_at_one_moment_are_evidence(
    code: RecoveryCode,
) -> None:
    """ACC-63, ID-07."""
    key = code.account_key()
    one, two = device(key, "one"), device(key, "two")
    first, later = first_list(key, one), first_list(key, two, NOW_MS + INTERVAL_MS)
    assert pinned_after(two, later, first) == later
    with pytest.raises(ListFork):
        pinned_after(two, first_list(key, two), first)


def test_numbers_of_recoveries_leave_room_for_the_lists_between(code: RecoveryCode) -> None:
    """ACC-63, ID-40: never one list and the next, and above what is signed since in a list a minute."""
    key = code.account_key()
    record = device(key, "one")
    numbers = [first_list(key, record, NOW_MS + at * INTERVAL_MS).seq for at in range(3)]
    assert numbers == [numbers[0], numbers[0] + 2, numbers[0] + 4]
    assert first_list(key, record, NOW_MS + 60 * SECOND_MS).seq > numbers[0] + 2


@pytest.mark.parametrize("behind_ms", [0, 60 * SECOND_MS, DAY_MS, 29 * DAY_MS])
def test_a_clock_behind_and_a_relay_that_shows_an_older_list_sign_no_number_twice(
    code: RecoveryCode, behind_ms: int
) -> None:
    """ACC-63: of a year of renewals the relay shows the first list alone; a contact follows the new one."""
    key = code.account_key()
    old, new, other = device(key, "old"), device(key, "new"), device(key, "other")
    signed = next_lists(key, old, first_list(key, old), 24)
    made = [first_list(key, one, NOW_MS - behind_ms, signed[0]) for one in (new, other)]
    assert len({one.seq for one in (*signed, *made)}) == len(signed) + 2
    assert all(one.seq > signed[-1].seq + 1 for one in made)
    assert pinned_after(new, made[0], signed[-1]) == made[0]


def test_a_recovery_is_the_next_list_of_the_directory_whatever_numbers_it_leaves_out(
    code: RecoveryCode,
) -> None:
    """ID-07, ACC-63: who has a card, or a list from before, follows the entry."""
    key = code.account_key()
    old, new = device(key, "old"), device(key, "new")
    before = next_lists(key, old, identity.sign_list(key, _unsigned_first(old)), 2)
    made = first_list(key, new, shown=before[-1])
    links = [one.signed for one in (*before, made)]
    for pinned in (None, before[0].head, before[-1].head, made.head):
        assert identity.verify_chain(old.account_id, pinned, links, NOW_MS) == made
    with pytest.raises(ListGap):
        identity.check_link(before[-2].head, made)


def _unsigned_first(record: DeviceRecord) -> bytes:
    return identity.next_list(record.account_id, None, [record], None, NOW_MS)


@pytest.mark.parametrize("year", [1601, 1970, 2019, 2087, 2088, 2262, 2940, 9999, 287_000])
def test_every_clock_that_gives_no_number_is_refused(code: RecoveryCode, year: int) -> None:
    """ACC-70."""
    key = code.account_key()
    at_ms = (year - 1970) * 365_250 * 86_400
    with pytest.raises(NoListNumber):
        first_list(key, device(key, "one"), at_ms)


def test_a_device_knows_that_it_was_replaced(code: RecoveryCode) -> None:
    """ACC-67: by a list that is newer, or another one of its number, and does not name it."""
    key = code.account_key()
    old, new = device(key, "old"), device(key, "new")
    before = identity.sign_list(key, identity.next_list(old.account_id, None, [old], None, NOW_MS))
    following = identity.sign_list(key, identity.next_list(old.account_id, before, [new], None, NOW_MS))
    list_ = first_list(key, new)
    assert recovery.has_replaced(list_, before, [old.hash])
    assert not recovery.has_replaced(list_, before, [old.hash, new.hash])
    assert recovery.has_replaced(following, before, [old.hash])
    assert not recovery.has_replaced(following, before, [new.hash])
    assert not recovery.has_replaced(before, before, [new.hash])
    beside = identity.sign_list(key, identity.next_list(old.account_id, None, [new], None, NOW_MS))
    assert recovery.has_replaced(beside, before, [old.hash])
    assert not recovery.has_replaced(list_, first_list(key, old, NOW_MS + INTERVAL_MS), [old.hash])


def test_no_number_is_left_after_the_highest(code: RecoveryCode) -> None:
    """ACC-70: who states the highest number shuts everybody out, itself included."""
    key = code.account_key()
    record = device(key, "one")
    highest = identity.encode_map(
        1, record.account_id, 2**31 - 1, bytes(32), NOW_MS, NOW_MS + 1, None, [record.hash]
    )
    with pytest.raises(NoListNumber):
        first_list(key, record, shown=identity.sign_list(key, highest))
