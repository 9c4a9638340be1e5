"""Chapter 15: mandates, rosters, cards, channels, and who of a company is in force."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import forgery
import pytest
from company import TEAM, Company
from parties import DAY_MS, NOW_MS

from e2ee import grammar, identity, labels
from e2ee.content import ContentType
from e2ee.errors import (
    BadSignature,
    ContentError,
    CounterExhausted,
    DecodeError,
    IdentityMismatch,
    ListExpired,
    ListGap,
    MandateInvalid,
    NotInForce,
    RemoteError,
    RosterExpired,
    SigningUnsure,
    UnsupportedVersion,
)
from e2ee.identity import DeviceKind, DeviceRecord
from e2ee.ids import DeviceId
from e2ee.primitives import kdf
from e2ee.rooms import channels as channels_
from e2ee.rooms import mandate as mandates
from e2ee.rooms import roster as rosters
from e2ee.rooms import slots, team, upkeep
from e2ee.rooms.agent_card import AgentCard
from e2ee.rooms.channels import Channel, ChannelKind, Channels
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.roster import OlderNotice, Roster, RosterRef
from e2ee.rooms.slots import RosterContent
from e2ee.rooms.team import Condition, Finding, Rank, Standing
from e2ee.rooms.upkeep import Due, KeyPlace
from e2ee.wire import cbor

MINUTE_MS = 60_000
ALL = {"chief": 3, "desk": 2, "agent": 1, "bot": 0}
Change = dict[str, Any]


@pytest.fixture
def firm() -> Company:
    """A company."""
    return Company.make()


def mandate_with(firm: Company, **changes: cbor.Value) -> bytes:
    """Sign the company's mandate again, with entries replaced."""
    entries = forgery.entries_of(firm.mandate.signed) | {int(key[1:]): item for key, item in changes.items()}
    return forgery.signed(firm.account_key.expose(), labels.SIG_MANDATE, dict(sorted(entries.items())))


def roster_with(firm: Company, **changes: cbor.Value) -> bytes:
    """Sign the company's roster again, with entries replaced."""
    entries = forgery.entries_of(firm.roster.signed) | {int(key[1:]): item for key, item in changes.items()}
    return forgery.signed(firm.roster_key.expose(), labels.SIG_ROSTER, dict(sorted(entries.items())))


def ids(count: int) -> list[cbor.Value]:
    """Device ids, ascending."""
    return [bytes([at]) * 16 for at in range(count)]


# --- signatures and forms ---


def test_a_mandate_is_signed_by_the_account(firm: Company) -> None:
    """ACC-01: under its label, and by nobody else."""
    again = Mandate.verify(firm.account_id, firm.mandate.signed)
    assert again == firm.mandate
    encoded = cbor.encode(forgery.entries_of(firm.mandate.signed))
    assert again.hash == kdf.hash_(b"SR1-mandate".ljust(16, b"\0"), encoded)
    entries = forgery.entries_of(firm.mandate.signed)
    for seed, label in (
        (firm.roster_key.expose(), labels.SIG_MANDATE),
        (firm.devices["chief"].signing_key.expose(), labels.SIG_MANDATE),
        (firm.account_key.expose(), labels.SIG_LIST),
        (firm.account_key.expose(), labels.SIG_ROSTER),
    ):
        with pytest.raises(BadSignature):
            Mandate.verify(firm.account_id, forgery.signed(seed, label, entries))
    with pytest.raises(BadSignature):
        Mandate.verify(Company.make("other").account_id, firm.mandate.signed)


def test_a_roster_is_signed_by_the_key_of_its_mandate(firm: Company) -> None:
    """ACC-02: neither the account, a device nor the key of another mandate signs one."""
    assert Roster.verify(firm.mandate, firm.roster.signed) == firm.roster
    encoded = cbor.encode(forgery.entries_of(firm.roster.signed))
    digest = kdf.hash_(b"SR1-roster".ljust(16, b"\0"), encoded)
    assert firm.roster.ref == RosterRef(firm.mandate.seq, firm.roster.ref.seq, digest)
    entries = forgery.entries_of(firm.roster.signed)
    keys = (firm.account_key, firm.devices["desk"].signing_key, firm.login_key)
    for key in keys:
        with pytest.raises(BadSignature):
            Roster.verify(firm.mandate, forgery.signed(key.expose(), labels.SIG_ROSTER, entries))
    with pytest.raises(BadSignature):
        Roster.verify(firm.mandate, forgery.signed(firm.roster_key.expose(), labels.SIG_CHANNELS, entries))
    with pytest.raises(BadSignature):
        Roster.verify(firm.new_mandate(NOW_MS + MINUTE_MS), firm.roster.signed)


MANDATE_DEFECTS: list[tuple[Change, type[RemoteError]]] = [
    ({"_1": 2}, UnsupportedVersion),
    ({"_1": 2, "_3": 0}, UnsupportedVersion),
    ({"_2": bytes(31)}, DecodeError),
    ({"_2": bytes(32)}, IdentityMismatch),
    ({"_2": bytes(32), "_3": 0}, IdentityMismatch),
    ({"_3": 0}, DecodeError),
    ({"_3": 2**31}, DecodeError),
    ({"_4": -1}, DecodeError),
    ({"_5": NOW_MS}, DecodeError),
    ({"_5": NOW_MS + 90 * DAY_MS + 1}, DecodeError),
    ({"_6": bytes(31)}, DecodeError),
    ({"_7": bytes(33)}, DecodeError),
    ({"_7": 0}, DecodeError),
    ({"_8": ids(17)}, DecodeError),
    ({"_8": [bytes(15)]}, DecodeError),
    ({"_9": [bytes(16), bytes(16)]}, DecodeError),
    ({"_10": [b"b" * 16, b"a" * 16]}, DecodeError),
    ({"_10": None}, DecodeError),
    ({"_11": ["http://praxis.example"]}, DecodeError),
    ({"_11": ["https://praxis.example/"]}, DecodeError),
    ({"_11": [b"https://praxis.example"]}, DecodeError),
    ({"_11": ["https://" + "a." * 96 + "a"]}, DecodeError),
    ({"_11": ["https://b.example", "https://a.example"]}, DecodeError),
    ({"_11": [f"https://{letter}.example" for letter in "abcde"]}, DecodeError),
    ({"_12": 0}, DecodeError),
]


@pytest.mark.parametrize(("wrong", "error"), MANDATE_DEFECTS)
def test_a_malformed_mandate_is_refused(firm: Company, wrong: Change, error: type[RemoteError]) -> None:
    """ACC-03"""
    with pytest.raises(error) as caught:
        Mandate.verify(firm.account_id, mandate_with(firm, **wrong))
    assert caught.value.code == error.code


def test_the_keys_of_a_mandate_are_three(firm: Company) -> None:
    """ACC-03: a web server's key that also signs rosters would be no mistake that anybody notices."""
    roster_public, login_public = firm.mandate.roster_public, firm.mandate.login_public
    for changes in (
        {"_7": roster_public},
        {"_6": firm.account_id},
        {"_7": firm.account_id},
        {"_6": login_public},
    ):
        with pytest.raises(DecodeError):
            Mandate.verify(firm.account_id, mandate_with(firm, **changes))
    assert Mandate.verify(firm.account_id, mandate_with(firm, _7=None)).login_public is None


def test_the_largest_mandate_and_roster_fit_into_a_slot(firm: Company) -> None:
    """ACC-03, ACC-11: every list is full, every origin as long as it may be."""
    origins: list[cbor.Value] = ["https://" + letter * 60 + ".example" * 16 + ".exa" for letter in "abcd"]
    assert {len(str(one)) for one in origins} == {200}
    full = mandate_with(firm, _3=2**31 - 1, _8=ids(16), _9=ids(16), _10=ids(16), _11=origins)
    largest = Mandate.verify(firm.account_id, full)
    named: list[cbor.Value] = [[one, NOW_MS, bytes(32)] for one in ids(12)]
    older: list[cbor.Value] = [[bytes([at]) * 32, 2**53 - 1] for at in range(4)]
    text = roster_with(
        firm, _3=2**31 - 1, _4=2**31 - 1, _7=[2**31 - 1, bytes(32)], _8=named, _10=older, _11=ids(16)
    )
    roster = Roster.verify(largest, text)
    slot = slots.encode_slot(largest, roster)
    assert len(largest.signed) <= mandates.MANDATE_MAX_B
    assert len(roster.signed) <= rosters.ROSTER_MAX_B
    assert len(slot) <= slots.SLOT_MAX_B
    assert slots.read_slots(firm.account_id, None, [slot], NOW_MS).refused == ()


ROSTER_DEFECTS: list[tuple[Change, type[RemoteError]]] = [
    ({"_1": 0}, UnsupportedVersion),
    ({"_2": bytes(32)}, IdentityMismatch),
    ({"_2": bytes(32), "_3": 1}, IdentityMismatch),
    ({"_3": 1}, MandateInvalid),
    ({"_3": 1, "_4": 0}, MandateInvalid),
    ({"_3": 0}, DecodeError),
    ({"_4": 0}, DecodeError),
    ({"_4": 2**31}, DecodeError),
    ({"_5": NOW_MS + 7 * DAY_MS}, DecodeError),
    ({"_6": NOW_MS + 7 * DAY_MS + 1}, DecodeError),
    ({"_7": [1]}, DecodeError),
    ({"_7": [0, bytes(32)]}, DecodeError),
    ({"_7": [1, bytes(31)]}, DecodeError),
    ({"_7": None}, DecodeError),
    ({"_8": [[one, NOW_MS, bytes(32)] for one in ids(13)]}, DecodeError),
    ({"_8": [[bytes(16), NOW_MS]]}, DecodeError),
    ({"_8": [[bytes(16), NOW_MS + 7 * DAY_MS + 1, bytes(32)]]}, DecodeError),
    ({"_8": [[bytes(16), NOW_MS, bytes(31)]]}, DecodeError),
    ({"_8": [[bytes(16), NOW_MS, bytes(32)]] * 2}, DecodeError),
    ({"_9": bytes(31)}, DecodeError),
    ({"_9": None}, DecodeError),
    ({"_10": [[bytes([at]) * 32, 0] for at in range(5)]}, DecodeError),
    ({"_10": [[bytes(32), 0], [bytes(32), 1]]}, DecodeError),
    ({"_10": [[bytes(32), 2**53]]}, DecodeError),
    ({"_10": [[bytes(32)]]}, DecodeError),
    ({"_11": ids(17)}, DecodeError),
    ({"_11": [bytes(16)] * 2}, DecodeError),
    ({"_12": 0}, DecodeError),
]


@pytest.mark.parametrize(("wrong", "error"), ROSTER_DEFECTS)
def test_a_malformed_roster_is_refused(firm: Company, wrong: Change, error: type[RemoteError]) -> None:
    """ACC-03"""
    with pytest.raises(error) as caught:
        Roster.verify(firm.mandate, roster_with(firm, **wrong))
    assert caught.value.code == error.code


def test_a_roster_ends_with_its_list(firm: Company) -> None:
    """ACC-08: seven days, or the list's end; a device ends with its roster, unless earlier."""
    assert firm.roster.expires_ms == NOW_MS + 7 * DAY_MS
    late_ms = NOW_MS + 28 * DAY_MS
    late = firm.new_roster(late_ms, ends={"agent": late_ms + DAY_MS})
    assert late.expires_ms == firm.device_list.expires_ms == late_ms + 2 * DAY_MS
    ends = {one.device_id: one.not_after_ms for one in late.named}
    assert ends.pop(firm.id("agent")) == late_ms + DAY_MS
    assert set(ends.values()) == {late.expires_ms}
    with pytest.raises(DecodeError):
        firm.new_roster(NOW_MS, ends={"agent": NOW_MS + 8 * DAY_MS})
    with pytest.raises(DecodeError):
        firm.new_roster(NOW_MS, ("agent", "agent"))


# --- which counts ---


@pytest.mark.parametrize(
    ("shift_ms", "holds"),
    [(-DAY_MS, True), (-DAY_MS - 1, False), (91 * DAY_MS, True), (91 * DAY_MS + 1, False)],
)
def test_a_mandate_has_a_life(firm: Company, shift_ms: int, holds: bool) -> None:
    """ACC-04: with the clock tolerance at both ends."""
    if holds:
        firm.mandate.check_time(NOW_MS + shift_ms)
        return
    with pytest.raises(MandateInvalid):
        firm.mandate.check_time(NOW_MS + shift_ms)


@pytest.mark.parametrize(
    ("shift_ms", "holds"),
    [(-DAY_MS, True), (-DAY_MS - 1, False), (8 * DAY_MS, True), (8 * DAY_MS + 1, False)],
)
def test_a_roster_has_a_life(firm: Company, shift_ms: int, holds: bool) -> None:
    """ACC-04: eight days at most, tolerance included."""
    if holds:
        firm.roster.check_time(NOW_MS + shift_ms)
        return
    with pytest.raises(RosterExpired) as caught:
        firm.roster.check_time(NOW_MS + shift_ms)
    assert caught.value.code == "room.roster_expired"


def test_what_is_issued_ahead_is_not_learned(firm: Company) -> None:
    """ACC-04"""
    before = firm.standing()
    ahead = firm.new_roster(NOW_MS + DAY_MS + 1)
    assert team.learn(before, firm.mandate, ahead, NOW_MS) == team.Learned(
        before, refused=("room.roster_expired",)
    )
    assert firm.new_mandate(NOW_MS + DAY_MS + 1).seq > before.mandate.seq
    with pytest.raises(MandateInvalid):
        team.learn(before, firm.mandate, None, NOW_MS)
    assert team.learn(before, firm.mandate, None, NOW_MS + 1).standing != before


def test_the_highest_number_counts_in_any_order(firm: Company) -> None:
    """ACC-05, ACC-09: after every order of two mandates with three rosters each, one standing."""
    given = []
    for seq in (7, 8):
        mandate = firm.new_mandate(NOW_MS, seq)
        given += [
            (mandate, firm.new_roster(NOW_MS, seq=3)),
            (mandate, firm.new_roster(NOW_MS, ("desk", "bot"), seq=4, suspended=["agent"])),
            (mandate, firm.new_roster(NOW_MS, ("desk", "agent"), seq=4, suspended=["chief"])),
        ]
    found = set()
    for order in itertools.permutations(given):
        standing: Standing | None = None
        for mandate, roster in order:
            standing = team.learn(standing, mandate, roster, NOW_MS).standing
        found.add(standing)
    (only,) = found
    assert only is not None
    assert only.roster is not None
    assert only.mandate.seq == 8
    assert only.roster.ref == min((given[4][1].ref, given[5][1].ref), key=lambda ref: ref.hash)
    assert only.suspended == {firm.id("agent"), firm.id("chief")}


def test_two_of_one_number_are_an_event(firm: Company) -> None:
    """ACC-05: of rosters and of mandates; the same one twice is none."""
    first, roster = firm.mandate, firm.roster
    known = firm.standing()
    assert team.learn(known, first, roster, NOW_MS) == team.Learned(known)
    other = firm.new_roster(NOW_MS, ("desk",), seq=roster.ref.seq)
    assert team.learn(known, first, other, NOW_MS).findings == {Finding.ROSTER_FORK}
    lower = firm.new_roster(NOW_MS, ("desk",), seq=roster.ref.seq - 1)
    assert team.learn(known, first, lower, NOW_MS) == team.Learned(known)
    second = firm.new_mandate(NOW_MS, first.seq)
    mine = team.learn(known, second, None, NOW_MS)
    yours = team.learn(team.learn(None, second, None, NOW_MS).standing, first, roster, NOW_MS)
    assert mine.findings == yours.findings == {Finding.MANDATE_FORK}
    assert mine.standing is not None
    assert yours.standing is not None
    assert mine.standing.mandate == yours.standing.mandate
    with pytest.raises(IdentityMismatch):
        team.learn(known, Company.make("other").mandate, None, NOW_MS)


def test_a_new_mandate_has_new_keys_and_ends_what_the_old_ones_signed(firm: Company) -> None:
    """ACC-06: a roster of the highest number ends with its mandate; its key signs nothing for the next."""
    old_key, old = firm.roster_key, firm.mandate
    thief = firm.new_roster(NOW_MS, ("agent",), seq=2**31 - 1, suspended=["chief", "desk", "bot"])
    taken = firm.standing()
    assert firm.names(firm.view(taken)) == {"agent": 1}
    new = firm.new_mandate(NOW_MS, old.seq + 1)
    assert {old.roster_public, old.login_public}.isdisjoint({new.roster_public, new.login_public})
    firm.new_roster(NOW_MS)
    healed = firm.standing(taken)
    assert firm.names(firm.view(healed)) == ALL
    assert team.learn(healed, old, thief, NOW_MS).standing == healed
    forged = forgery.signed(
        old_key.expose(), labels.SIG_ROSTER, forgery.entries_of(thief.signed) | {3: new.seq}
    )
    with pytest.raises(BadSignature):
        Roster.verify(new, forged)


def test_numbers_follow_the_minutes() -> None:
    """ACC-07: above the last one, and above what a restored store may have given; none beyond the end."""
    since_ms = 1_577_836_800_000
    assert mandates.next_seq(0, since_ms + 5 * MINUTE_MS) == 5
    assert mandates.next_seq(5, since_ms + 5 * MINUTE_MS + 59_999) == 6
    assert mandates.next_seq(2**31 - 2, NOW_MS) == 2**31 - 1
    with pytest.raises(CounterExhausted):
        mandates.next_seq(2**31 - 1, NOW_MS)


def test_an_unsure_store_signs_nothing_before_a_person_has_looked() -> None:
    """ACC-07"""
    assert upkeep.last_number(7, 7, None, is_continuous=True) == 7
    assert upkeep.last_number(7, 3, 99, is_continuous=True) == 7
    for own, stated, sure in ((7, 8, True), (7, 8, False), (8, 7, False)):
        for confirmed in (None, 7):
            with pytest.raises(SigningUnsure) as caught:
                upkeep.last_number(own, stated, confirmed, is_continuous=sure)
            assert caught.value.code == "local.signing_unsure"
        assert upkeep.last_number(own, stated, 8, is_continuous=sure) == 8


# --- in force ---


def test_who_is_in_force_with_which_rank(firm: Company) -> None:
    """ACC-09, ACC-10"""
    view = firm.view()
    assert firm.names(view) == ALL
    assert (view.roster, view.notice_hash) == (firm.roster.ref, firm.roster.notice_hash)
    assert {who for who in TEAM if view.member(firm.id(who)).is_cleared} == {"chief", "desk"}
    assert view.member(firm.id("bot")).kind is DeviceKind.BOT
    with pytest.raises(NotInForce) as caught:
        view.member(DeviceId(bytes(16)))
    assert caught.value.code == "room.suspended"


def test_a_bot_is_one_at_any_rank(firm: Company) -> None:
    """ACC-10: named as supervisor it has the rank, and is shown as a bot."""
    firm.new_mandate(NOW_MS, supervisors=[firm.id("bot")])
    firm.new_roster(NOW_MS)
    member = firm.view().member(firm.id("bot"))
    assert (member.rank, member.kind) == (Rank.SUPERVISOR, DeviceKind.BOT)
    assert firm.names(firm.view())["chief"] == Rank.DESK


def test_each_condition_of_being_in_force(firm: Company) -> None:
    """ACC-09: without one of them a device is out, and the others stay."""
    known, without = firm.standing(), {"chief": 3, "desk": 2, "bot": 0}
    records = [record for record in firm.records if record.device_id != firm.id("agent")]
    assert firm.names(team.view(known, firm.device_list, records, NOW_MS)) == without
    firm.new_roster(NOW_MS, ("chief", "desk", "bot"), seq=2**30)
    assert firm.names(firm.view(firm.standing(known))) == without
    firm.new_roster(NOW_MS, seq=2**30 + 1)
    assert firm.names(firm.view(firm.standing(known))) == ALL
    firm.sign_list(NOW_MS, records)
    assert firm.names(firm.view(firm.standing(known))) == without
    firm.sign_list(NOW_MS)
    firm.new_roster(NOW_MS, seq=2**30 + 2, suspended=["agent"])
    assert firm.names(firm.view(firm.standing(known))) == without


def test_a_device_has_its_own_end(firm: Company) -> None:
    """ACC-09: the clock tolerance behind it, and not a millisecond more."""
    firm.new_roster(NOW_MS, ends={"agent": NOW_MS + DAY_MS})
    assert "agent" in firm.names(firm.view(now_ms=NOW_MS + 2 * DAY_MS))
    assert "agent" not in firm.names(firm.view(now_ms=NOW_MS + 2 * DAY_MS + 1))


def test_a_record_outside_its_life_is_not_in_force(firm: Company) -> None:
    """ACC-09, ID-04: and of several valid ones the one created last speaks."""
    old = firm.devices["agent"].record
    short = identity.redated(old, NOW_MS - 9 * DAY_MS, NOW_MS - 1)
    promoted = DeviceRecord.decode(forgery.changed(old.encoded, _8=1, _9=NOW_MS + MINUTE_MS))
    base = [record for record in firm.records if record is not old]
    for records, rank in (([short], None), ([short, old], 1), ([promoted, old], 2), ([old, promoted], 2)):
        firm.sign_list(NOW_MS, [*base, *records])
        firm.new_roster(NOW_MS, seq=2**30 + firm.device_list.seq)
        view = team.view(firm.standing(), firm.device_list, [*base, *records], NOW_MS)
        assert view.ranks().get(firm.id("agent")) == rank


def test_a_person_is_no_device_of_a_company(firm: Company) -> None:
    """ACC-09"""
    person = DeviceRecord.decode(forgery.changed(firm.devices["agent"].record.encoded, _7=0))
    records = [*(record for record in firm.records if record.device_id != person.device_id), person]
    firm.sign_list(NOW_MS, records)
    firm.new_roster(NOW_MS, seq=2**30)
    assert firm.id("agent") not in team.view(firm.standing(), firm.device_list, records, NOW_MS).members


def test_the_first_failure_of_a_view_names_the_code(firm: Company) -> None:
    """ACC-19: mandate, roster, list, then both together."""
    other, known = Company.make("other"), firm.standing()
    bare = Standing(known.mandate, None, known.suspended)

    def code(standing: Standing, now_ms: int, device_list: identity.DeviceList = firm.device_list) -> str:
        with pytest.raises(RemoteError) as caught:
            team.view(standing, device_list, firm.records, now_ms)
        return caught.value.code

    assert code(bare, NOW_MS + 92 * DAY_MS, other.device_list) == "room.mandate"
    assert code(bare, NOW_MS, other.device_list) == "room.roster_expired"
    assert code(known, NOW_MS + 9 * DAY_MS, other.device_list) == "room.roster_expired"
    early = identity.next_list(other.account_id, None, other.records, None, NOW_MS - 40 * DAY_MS)
    ended = identity.sign_list(other.account_key, early)
    assert code(known, NOW_MS, ended) == "remote.list_expired"
    assert code(known, NOW_MS, other.device_list) == "remote.identity"
    for seq, wanted in ((2, "remote.list_gap"), (1, "remote.identity")):
        roster = Roster.verify(firm.mandate, roster_with(firm, _4=2**30, _7=[seq, bytes(32)]))
        assert code(Standing(known.mandate, roster, known.suspended), NOW_MS) == wanted


def test_a_list_serves_a_day_longer(firm: Company) -> None:
    """ACC-19, ID-36: as long as anything is sealed for the company."""
    late_ms = firm.device_list.expires_ms
    firm.new_roster(late_ms - 1)
    known = firm.standing(now_ms=late_ms)
    assert firm.names(firm.view(known, late_ms + DAY_MS - 1))
    longer = Roster.verify(firm.mandate, roster_with(firm, _6=late_ms + DAY_MS))
    with pytest.raises(ListExpired):
        firm.view(Standing(firm.mandate, longer, frozenset()), late_ms + DAY_MS + 1)


def test_one_device_id_with_two_pairs_of_keys_is_refused(firm: Company) -> None:
    """ACC-19, ID-27: an invited device with a supervisor's id would have its rank."""
    twin = firm.devices["agent"].record
    forged = DeviceRecord.decode(forgery.changed(twin.encoded, _4=firm.id("chief")))
    firm.sign_list(NOW_MS, [*firm.records, forged])
    firm.new_roster(NOW_MS, seq=2**30)
    with pytest.raises(IdentityMismatch):
        team.view(firm.standing(), firm.device_list, [*firm.records, forged], NOW_MS)
    assert team.view(firm.standing(), firm.device_list, firm.records, NOW_MS).members


def test_what_was_written_by_an_older_roster_is_judged_by_it(firm: Company) -> None:
    """ACC-21: long after its end, and whatever was suspended since."""
    then, mandate, device_list = firm.roster, firm.mandate, firm.device_list
    firm.sign_list(NOW_MS + DAY_MS, [firm.devices["desk"].record])
    firm.new_mandate(NOW_MS + DAY_MS, suspended=[firm.id("agent")])
    firm.new_roster(NOW_MS + DAY_MS, ("desk",), suspended=["agent", "bot"])
    assert firm.names(team.view_by(mandate, then, device_list, firm.records)) == ALL
    assert firm.names(team.view_by(firm.mandate, firm.roster, firm.device_list, firm.records)) == {"desk": 2}
    with pytest.raises(ListGap):
        team.view_by(firm.mandate, firm.roster, device_list, firm.records)


def test_nobody_judges_by_another_list_or_by_fewer_records(firm: Company) -> None:
    """ACC-21: a device that lacks a record, or has a newer list only, would refuse what others take."""
    then, mandate = firm.roster, firm.mandate
    with pytest.raises(ListGap):
        team.view_by(mandate, then, firm.device_list, firm.records[:-1])
    newer = firm.sign_list(NOW_MS, [firm.devices["desk"].record])
    with pytest.raises(ListGap):
        team.view_by(mandate, then, newer, firm.records)


def test_suspended_is_locked_and_only_the_account_has_it_erased(firm: Company) -> None:
    """ACC-15"""
    agent = firm.devices["agent"].record

    def now() -> Condition:
        return team.condition(firm.standing(), firm.device_list, agent)

    assert now() is Condition.ACTIVE
    firm.new_roster(NOW_MS, ("desk",), seq=2**30)
    assert now() is Condition.ACTIVE
    firm.new_roster(NOW_MS, ("desk",), seq=2**30 + 1, suspended=["agent"])
    assert now() is Condition.LOCKED
    firm.new_mandate(NOW_MS, suspended=[firm.id("agent")])
    firm.new_roster(NOW_MS)
    assert now() is Condition.DROPPED
    firm.new_mandate(NOW_MS)
    firm.new_roster(NOW_MS)
    assert now() is Condition.ACTIVE
    firm.sign_list(NOW_MS, [firm.devices["desk"].record])
    assert now() is Condition.DROPPED


# --- how it travels ---


def test_slots_are_learned_and_what_does_not_hold_is_left_out(firm: Company) -> None:
    """ACC-11: in any order, with garbage and another company's slot between them."""
    good = [slots.encode_slot(firm.mandate, firm.roster)]
    firm.new_roster(NOW_MS, ("chief", "desk", "bot"), seq=2**30, suspended=["agent"])
    good.append(slots.encode_slot(firm.mandate, firm.roster))
    other = Company.make("other")
    mixed = cbor.encode([firm.mandate.signed, other.roster.signed])
    bad = [b"", cbor.encode([firm.mandate.signed]), slots.encode_slot(other.mandate, other.roster), mixed]
    codes = ("remote.decode", "remote.decode", "remote.signature", "remote.signature")
    known = firm.standing()
    for order in (good, good[::-1]):
        learned = slots.read_slots(firm.account_id, None, [*order, *bad], NOW_MS)
        assert (learned.standing, learned.refused) == (known, codes)
    assert slots.read_slots(firm.account_id, known, good[:1], NOW_MS) == team.Learned(known)
    assert slots.read_slots(firm.account_id, None, [], NOW_MS) == team.Learned(None)


def test_a_slot_has_its_sizes(firm: Company) -> None:
    """ACC-11"""
    for slot in (
        cbor.encode([firm.mandate.signed, firm.roster.signed, b""]),
        cbor.encode([firm.mandate.signed, bytes(4096)]),
        cbor.encode([bytes(2001), firm.roster.signed]),
        cbor.encode([b"", firm.roster.signed]),
    ):
        assert slots.read_slots(firm.account_id, None, [slot], NOW_MS).refused == ("remote.decode",)


def test_a_content_of_type_roster(firm: Company) -> None:
    """ACC-12"""
    lists = tuple(one.signed for one in firm.lists)
    content = RosterContent(
        firm.mandate.signed,
        firm.roster.signed,
        lists,
        tuple(one.encoded for one in firm.records),
        (b"notice",),
        (b"card",),
    )
    made = content.encode()
    assert (made.type, RosterContent.decode(made.payload)) == (ContentType.ROSTER, content)
    empty = RosterContent(b"m", b"r", (), ())
    assert RosterContent.decode(empty.encode().payload) == empty
    payload: dict[int, cbor.Value] = {1: b"m", 2: b"r", 3: [], 4: [], 5: [], 6: []}
    for wrong in (
        {3: [b"l"] * 9},
        {4: [b"r"] * 17},
        {1: bytes(2001)},
        {2: b""},
        {3: [bytes(1025)]},
        {4: [bytes(257)]},
        {5: [b"n"] * 5},
        {5: [bytes(8193)]},
        {6: [b"c"] * 13},
        {6: [bytes(1025)]},
        {7: 0},
    ):
        with pytest.raises(ContentError):
            RosterContent.decode({**payload, **wrong})
    with pytest.raises(ContentError):
        RosterContent.decode(None)


def test_an_old_roster_is_looked_up(firm: Company) -> None:
    """ACC-13: from 24 hours on."""
    assert not firm.roster.is_due(NOW_MS + DAY_MS - 1)
    assert firm.roster.is_due(NOW_MS + DAY_MS)


def test_what_goes_to_the_rooms_at_once(firm: Company) -> None:
    """ACC-17: a change of people, cards or notices does; a daily roster does not."""
    before = firm.roster

    def told(**changes: Any) -> bool:
        return rosters.changes_team(before, firm.new_roster(NOW_MS + DAY_MS, **changes))

    assert not told()
    assert not told(ends={"agent": NOW_MS + 2 * DAY_MS})
    assert told(who=("chief", "desk"))
    assert told(suspended=["agent"])
    assert told(notice_hash=bytes(32))
    assert told(older=[OlderNotice(bytes(32), NOW_MS)])
    firm.cards["agent"] = firm.card("agent", "Another")
    assert told()


def test_a_card_is_that_of_the_device_in_force(firm: Company) -> None:
    """ACC-14"""
    card, member = firm.cards["agent"], firm.view().member(firm.id("agent"))
    assert AgentCard.decode(card.encoded) == card
    assert card.hash == kdf.hash_(b"SR1-agent-card".ljust(16, b"\0"), card.encoded)
    assert (card.name, card.languages, card.teams) == ("Agent", ("de",), ("Empfang",))
    member.check_card(card)
    blinded = firm.card("agent", "Agent")
    assert blinded.hash != card.hash
    for wrong in (blinded, firm.cards["desk"], Company.make("other").cards["agent"]):
        with pytest.raises(IdentityMismatch):
            member.check_card(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"_2": bytes(31)},
        {"_3": bytes(17)},
        {"_4": bytes(15)},
        {"_5": ""},
        {"_5": "a" * 65},
        {"_5": "a\u202eb"},
        {"_5": 5},
        {"_6": ["en", "de"]},
        {"_6": ["deutsch"]},
        {"_6": [5]},
        {"_6": [a + b for a in "ab" for b in "abcde"]},
        {"_7": ["x"] * 9},
        {"_7": [" "]},
        {"_8": 0},
    ],
)
def test_a_malformed_card_is_refused(firm: Company, wrong: Change) -> None:
    """ACC-03, ACC-14"""
    with pytest.raises(DecodeError):
        AgentCard.decode(forgery.changed(firm.cards["agent"].encoded, **wrong))
    with pytest.raises(UnsupportedVersion):
        AgentCard.decode(forgery.changed(firm.cards["agent"].encoded, _1=2, _2=bytes(31)))


# --- when what is signed ---


def test_what_is_due(firm: Company) -> None:
    """ACC-16: kept here the account signs by itself at half of a life, kept offline a person is reminded."""
    standing, signed = firm.standing(), firm.device_list

    def at(place: KeyPlace, days: float) -> Due:
        return upkeep.due(place, standing, signed, NOW_MS + int(days * DAY_MS))

    assert at(KeyPlace.HERE, 0.5) == at(KeyPlace.OFFLINE, 0.5) == Due()
    assert at(KeyPlace.HERE, 1) == at(KeyPlace.OFFLINE, 1) == Due(roster=True)
    assert at(KeyPlace.HERE, 14.99) == Due(roster=True)
    assert at(KeyPlace.HERE, 15) == at(KeyPlace.HERE, 300) == Due(account=True, roster=True)
    found = [at(KeyPlace.OFFLINE, days).remind_days for days in (15.99, 16, 22.99, 23, 27.99, 28, 31, 300)]
    assert found == [None, 14, 14, 7, 7, 2, 2, 2]
    assert not at(KeyPlace.OFFLINE, 300).account


def test_a_short_mandate_is_renewed_in_time(firm: Company) -> None:
    """ACC-16: the earlier end of mandate and list is the one that counts."""
    short = Mandate.verify(firm.account_id, mandate_with(firm, _5=NOW_MS + 4 * DAY_MS))
    standing = Standing(short, firm.roster, frozenset())
    assert upkeep.due(KeyPlace.HERE, standing, firm.device_list, NOW_MS + 2 * DAY_MS).account
    assert upkeep.due(KeyPlace.OFFLINE, standing, firm.device_list, NOW_MS).remind_days == 7


def test_a_roster_is_due_after_a_new_mandate_or_list(firm: Company) -> None:
    """ACC-16"""
    standing = firm.standing()
    assert upkeep.due(KeyPlace.HERE, standing, firm.sign_list(NOW_MS), NOW_MS).roster
    bare = team.learn(standing, firm.new_mandate(NOW_MS, 2**30), None, NOW_MS).standing
    assert bare is not None
    assert upkeep.due(KeyPlace.HERE, bare, firm.lists[0], NOW_MS).roster


# --- channels and texts ---

CHANNELS = [
    Channel(ChannelKind.PHONE, "+49 30 1234-0", "Empfang"),
    Channel(ChannelKind.EMAIL, "praxis@example.org", "Rückfragen"),
    Channel(ChannelKind.POST, "Praxis\nHauptstraße 1\n10115 Berlin", "Post"),
    Channel(ChannelKind.WEB, "https://praxis.example/kontakt?a=1#b", "Formular"),
]


def test_channels_are_checked_before_they_are_signed() -> None:
    """ACC-18, ACC-20"""
    channels_.check_channels(CHANNELS, {"de": "Mo-Fr 8-12 Uhr"})
    for wrong, hours in (
        ([Channel(ChannelKind.PHONE, "keine Nummer", "Empfang")], {}),
        (CHANNELS * 5, {}),
        (CHANNELS, {"deutsch": "immer"}),
    ):
        with pytest.raises(DecodeError):
            channels_.check_channels(wrong, hours)


def test_channels_are_signed_by_the_roster_key(firm: Company) -> None:
    """ACC-18: good as long as their mandate."""
    hours = {"de": "Mo bis Fr, 8 bis 12 Uhr", "en": "Mon to Fri, 8 to 12"}
    made = channels_.sign_channels(firm.roster_key, firm.mandate, CHANNELS, hours, NOW_MS)
    assert Channels.verify(firm.mandate, made.signed, NOW_MS) == made
    assert (list(made.channels), dict(made.hours), made.issued_ms) == (CHANNELS, hours, NOW_MS)
    entries = forgery.entries_of(made.signed)
    for key, label in ((firm.account_key, labels.SIG_CHANNELS), (firm.roster_key, labels.SIG_ROSTER)):
        with pytest.raises(BadSignature):
            Channels.verify(firm.mandate, forgery.signed(key.expose(), label, entries), NOW_MS)
    Channels.verify(firm.mandate, made.signed, NOW_MS - DAY_MS)
    with pytest.raises(MandateInvalid):
        Channels.verify(firm.mandate, made.signed, NOW_MS - DAY_MS - 1)
    with pytest.raises(BadSignature):
        Channels.verify(firm.new_mandate(NOW_MS), made.signed, NOW_MS)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({1: 2}, UnsupportedVersion),
        ({2: bytes(32)}, IdentityMismatch),
        ({3: 7}, MandateInvalid),
        ({4: -1}, DecodeError),
        ({5: [[1, "030 1234", "x"]] * 17}, DecodeError),
        ({5: [[0, "030 1234", "x"]]}, DecodeError),
        ({5: [[5, "030 1234", "x"]]}, DecodeError),
        ({5: [[1, "030 1234"]]}, DecodeError),
        ({5: [[1, "030 1234", ""]]}, DecodeError),
        ({5: [[1, "030 1234", "a\u202eb"]]}, DecodeError),
        ({5: [[3, "x" * 241, "x"]]}, DecodeError),
        ({5: [[3, 5, "x"]]}, DecodeError),
        ({5: [[4, "javascript:alert(1)", "x"]]}, DecodeError),
        ({6: [["de", "x"], ["de", "y"]]}, DecodeError),
        ({6: [["en", "x"], ["de", "y"]]}, DecodeError),
        ({6: [["de"]]}, DecodeError),
        ({6: [[a + "a", "x"] for a in "abcde"]}, DecodeError),
        ({7: 0}, DecodeError),
    ],
)
def test_malformed_channels_are_refused(
    firm: Company, wrong: dict[int, cbor.Value], error: type[RemoteError]
) -> None:
    """ACC-03, ACC-18"""
    made = channels_.sign_channels(firm.roster_key, firm.mandate, CHANNELS, {}, NOW_MS)
    entries = forgery.entries_of(made.signed) | wrong
    with pytest.raises(error):
        Channels.verify(
            firm.mandate, forgery.signed(firm.roster_key.expose(), labels.SIG_CHANNELS, entries), NOW_MS
        )


@pytest.mark.parametrize(
    ("accepts", "good", "bad"),
    [
        (
            grammar.is_locale,
            ["de", "de-DE", "gsw"],
            ["", "d", "DE", "de-", "de-de", "de_DE", "de-DEU", "gsw-CH", "de\n"],
        ),
        (
            grammar.is_origin,
            ["https://a", "https://a.b:8443", "https://localhost:1"],
            [
                "",
                "http://a",
                "https://a/",
                "https://A",
                "https://a:0",
                "https://a:65536",
                "https://a@b",
                "https://1.2.3.4",
            ],
        ),
        (
            grammar.is_web_url,
            ["https://a", "https://a/", "https://a/b%20c?d=e&f=g#h", "https://a:65535/x"],
            [
                "http://a",
                "javascript:x",
                "https://a/ b",
                'https://a/"',
                "https://a/<",
                "https://a:65536/x",
                "https://a?x",
            ],
        ),
        (
            grammar.is_email,
            ["a@b", "a.b+c@d.example", "x" * 64 + "@b"],
            [
                "",
                "a",
                "@b",
                "a@",
                "a@b@c",
                "a b@c",
                "a@B",
                "x" * 65 + "@b",
                "a@b,c@d",
                "a@" + "b." * 126 + "b",
                "ä@b",
            ],
        ),
        (
            grammar.is_phone,
            ["112", "+49 30 12", "0" * 31],
            ["", "11", "0" * 32, "+ 49", "tel:112", "112;1", "++49", "112\n"],
        ),
        (
            grammar.is_plain_text,
            ["", "a", "a\nb", "a\n", "ä 漢 \U0001f600"],
            ["a\tb", "a\rb", "\u202e", "a\u200b", "\ufe0f", "a\n\ufe0f", "\x7f", "\ud800"],
        ),
    ],
)
def test_grammars(accepts: Callable[[str], bool], good: list[str], bad: list[str]) -> None:
    """ACC-20"""
    assert [text for text in good if not accepts(text)] == []
    assert [text for text in bad if accepts(text)] == []
