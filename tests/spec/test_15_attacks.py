"""Attacks on who of a company is in force, each beside a control in which its countermeasure is off."""

from __future__ import annotations

from collections.abc import Iterable

import forgery
import pytest
from company import Company
from parties import DAY_MS, NOW_MS

from e2ee import identity, labels
from e2ee.errors import BadSignature, IdentityMismatch, RosterExpired, SigningUnsure
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord
from e2ee.ids import DeviceId
from e2ee.primitives import sign
from e2ee.rooms import mandate as mandates
from e2ee.rooms import slots, team, upkeep
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.roster import Roster
from e2ee.rooms.team import Rank, Standing, TeamView

Patch = pytest.MonkeyPatch
YEAR_MS = 365 * DAY_MS


@pytest.fixture
def firm() -> Company:
    """A company."""
    return Company.make()


def seen(firm: Company, given: Iterable[bytes], now_ms: int = NOW_MS) -> dict[str, int]:
    """Who is in force to a newcomer that is given these slots."""
    standing = slots.read_slots(firm.account_id, None, given, now_ms).standing
    assert standing is not None
    return firm.names(firm.view(standing, now_ms))


def slot(firm: Company) -> bytes:
    """The slot of the newest mandate and roster."""
    return slots.encode_slot(firm.mandate, firm.roster)


# --- a thief of the roster key ---


@pytest.mark.parametrize("is_off", [False, True])
def test_a_suspended_desk_with_the_roster_key_does_not_come_back(firm: Company, is_off: bool) -> None:
    """ACC-09: whichever of the two rosters comes first, and whatever number the thief gives."""
    honest = firm.new_roster(NOW_MS, ("chief", "agent", "bot"), seq=2**30, suspended=["desk"])
    thief = firm.new_roster(NOW_MS, seq=2**31 - 1)
    for order in ((honest, thief), (thief, honest)):
        known: Standing | None = None
        for roster in order:
            known = team.learn(known, firm.mandate, roster, NOW_MS).standing
        assert known is not None
        if is_off:  # the newest roster alone says who is out
            known = Standing(known.mandate, thief, frozenset(thief.suspended))
        assert ("desk" in firm.names(firm.view(known))) is is_off


@pytest.mark.parametrize("is_off", [False, True])
def test_a_roster_key_lists_no_accomplice(firm: Company, monkeypatch: Patch, is_off: bool) -> None:
    """ACC-09, ACC-10: a record that the account did not list, with every right that it states itself."""
    mallory = Company.make("mallory").devices["chief"]
    record = DeviceRecord.decode(forgery.changed(mallory.record.encoded, _3=firm.account_id))
    firm.devices["mallory"], firm.cards["mallory"] = (
        identity.OurDevice(record, mallory.signing_key, mallory.dh_key, mallory.hedge),
        firm.cards["desk"],
    )
    firm.new_roster(NOW_MS, ("desk", "mallory"), seq=2**31 - 1)
    if is_off:

        def anybody(_: DeviceList, records: Iterable[DeviceRecord]) -> dict[DeviceId, list[DeviceRecord]]:
            return {one.device_id: [one] for one in records}

        monkeypatch.setattr(team, "_listed", anybody)
    assert ("mallory" in firm.names(firm.view())) is is_off


@pytest.mark.parametrize("is_off", [False, True])
def test_a_roster_key_ends_with_the_next_mandate(firm: Company, monkeypatch: Patch, is_off: bool) -> None:
    """ACC-05, ACC-06: all numbers used up, everybody else suspended."""
    firm.new_roster(NOW_MS, ("agent",), seq=2**31 - 1, suspended=["chief", "desk", "bot"])
    stolen = slot(firm)
    firm.new_mandate(NOW_MS, firm.mandate.seq + 1)
    firm.new_roster(NOW_MS)
    if is_off:
        monkeypatch.setattr(Mandate, "precedes", lambda *_: False)
    healed = seen(firm, [stolen, slot(firm)])
    assert (healed == {"agent": 1}) is is_off
    assert (len(healed) == 4) is not is_off


def test_a_roster_key_gives_no_rank(firm: Company) -> None:
    """ACC-10: nothing in a roster states one; the control is the account, which can."""
    firm.new_roster(NOW_MS, ("agent", "bot"), seq=2**31 - 1)
    assert firm.names(firm.view()) == {"agent": Rank.AGENT, "bot": Rank.BOT}
    firm.new_mandate(NOW_MS, firm.mandate.seq + 1, supervisors=[firm.id("agent")])
    firm.new_roster(NOW_MS)
    assert firm.names(firm.view())["agent"] == Rank.SUPERVISOR


@pytest.mark.parametrize("is_off", [False, pytest.param(True, marks=pytest.mark.reference)])
def test_a_login_key_signs_no_roster(firm: Company, monkeypatch: Patch, is_off: bool) -> None:
    """ACC-02: a web server's key, under the label of rosters."""
    entries = forgery.entries_of(firm.roster.signed) | {4: 2**31 - 1, 11: [firm.id("agent")]}
    forged = forgery.signed(firm.login_key.expose(), labels.SIG_ROSTER, dict(sorted(entries.items())))
    if is_off:
        monkeypatch.setattr(sign, "verify", lambda *_: None)
        assert Roster.verify(firm.mandate, forged).suspended == (firm.id("agent"),)
        return
    with pytest.raises(BadSignature):
        Roster.verify(firm.mandate, forged)


# --- the relay ---


@pytest.mark.parametrize("is_off", [False, True])
def test_an_older_slot_that_comes_last_changes_nothing(
    firm: Company, monkeypatch: Patch, is_off: bool
) -> None:
    """ACC-05, ACC-11: the relay, or a suspended device, puts it back weeks later."""
    old = slot(firm)
    firm.new_roster(NOW_MS, ("chief", "desk", "bot"), seq=2**30)
    if is_off:
        monkeypatch.setattr(Roster, "precedes", lambda *_: True)
    assert ("agent" in seen(firm, [slot(firm), old])) is is_off


@pytest.mark.parametrize("is_off", [False, True])
def test_a_relay_that_hides_a_suspension_gains_eight_days(
    firm: Company, monkeypatch: Patch, is_off: bool
) -> None:
    """ACC-04: then the last roster that it shows is over, tolerance included."""
    shown, end_ms = [slot(firm)], NOW_MS + 8 * DAY_MS
    assert "agent" in seen(firm, shown, end_ms)
    if is_off:
        monkeypatch.setattr(Roster, "check_time", lambda *_: None)
        later = slots.read_slots(firm.account_id, None, shown, end_ms + 1).standing
        assert later is not None
        stretched = [one._replace(not_after_ms=2**53 - 1) for one in firm.roster.named]
        assert {one.device_id for one in stretched} == set(firm.view(later, end_ms).members)
        firm.view(later, end_ms + 1)
        return
    with pytest.raises(RosterExpired):
        seen(firm, shown, end_ms + 1)


def test_a_slot_of_another_company_or_of_mixed_parts_teaches_nothing(firm: Company) -> None:
    """ACC-11: the control is its own slot among them."""
    other = Company.make("other")
    mixed = [
        slot(other),
        slots.encode_slot(firm.mandate, other.roster),
        slots.encode_slot(other.mandate, firm.roster),
    ]
    assert slots.read_slots(firm.account_id, None, mixed, NOW_MS).standing is None
    assert len(seen(firm, [*mixed, slot(firm)])) == 4


# --- desks, clocks, backups ---


@pytest.mark.parametrize("is_off", [False, True])
def test_two_desks_at_once_leave_a_suspended_device_out(firm: Company, is_off: bool) -> None:
    """ACC-09: one suspends, the other makes its daily roster with a higher number, not knowing of it."""
    suspension = firm.new_roster(NOW_MS, ("chief", "desk", "bot"), seq=2**30, suspended=["agent"])
    daily = firm.new_roster(NOW_MS, seq=2**30 + 1)
    given = [daily] if is_off else [daily, suspension]  # off: what is not the newest is not even read
    known: Standing | None = None
    for roster in given:
        known = team.learn(known, firm.mandate, roster, NOW_MS).standing
    assert known is not None
    assert ("agent" in firm.names(firm.view(known))) is is_off


@pytest.mark.parametrize("is_off", [False, True])
def test_a_company_whose_clock_was_ahead_is_heard_again(firm: Company, is_off: bool) -> None:
    """ACC-04, ACC-07: its rosters go on above those that it dated a year ahead."""
    wrong = mandates.next_seq(0, NOW_MS + YEAR_MS)
    known = firm.standing(firm.standing())
    firm.new_roster(NOW_MS, seq=wrong)
    known = firm.standing(known)
    last = 0 if is_off else wrong  # off: numbers follow the clock alone
    right = firm.new_roster(NOW_MS, ("desk",), seq=mandates.next_seq(last, NOW_MS))
    assert (firm.standing(known).roster == right) is not is_off


@pytest.mark.parametrize("is_off", [False, True])
def test_a_restored_account_gives_one_number_twice_and_all_readers_agree(
    firm: Company, monkeypatch: Patch, is_off: bool
) -> None:
    """ACC-05: two mandates of one number, each with a roster; two readers that got them in two orders."""
    first = firm.mandate, firm.roster
    firm.new_mandate(NOW_MS, firm.mandate.seq)
    second = firm.mandate, firm.new_roster(NOW_MS, ("desk",))
    if is_off:
        monkeypatch.setattr(Mandate, "precedes", lambda known, other: known.seq < other.seq)
    found = []
    for order in ((first, second), (second, first)):
        known: Standing | None = None
        for mandate, roster in order:
            known = team.learn(known, mandate, roster, NOW_MS).standing
        found.append(known)
    assert (found[0] != found[1]) is is_off


def test_a_restored_desk_signs_nothing_behind_its_own_slot(firm: Company) -> None:
    """ACC-07: the control is the same desk after a person has looked."""
    own, published = firm.roster.ref.seq, firm.roster.ref.seq + 5
    with pytest.raises(SigningUnsure):
        upkeep.last_number(own, published, None, is_continuous=True)
    last = upkeep.last_number(own, published, published, is_continuous=True)
    assert mandates.next_seq(last, NOW_MS) > published


# --- invited devices ---


@pytest.mark.parametrize("is_off", [False, True])
def test_an_invited_device_does_not_take_a_supervisors_id(
    firm: Company, monkeypatch: Patch, is_off: bool
) -> None:
    """ACC-19, ID-27: listed by an inviter who did not compare, with other keys and a later date."""
    agent = firm.devices["agent"].record
    forged = DeviceRecord.decode(forgery.changed(agent.encoded, _4=firm.id("chief"), _9=NOW_MS + 1))
    records = [*firm.records, forged]
    firm.sign_list(NOW_MS, records)
    firm.new_roster(NOW_MS, seq=2**30)

    def view() -> TeamView:
        return team.view(firm.standing(), firm.device_list, records, NOW_MS)

    if is_off:
        monkeypatch.setattr(team, "IdentityMismatch", type("Ignored", (Exception,), {}))
        monkeypatch.setattr(team, "_listed", lambda _, given: {one.device_id: [one] for one in given})
        assert (view().member(firm.id("chief")).record, view().ranks()[firm.id("chief")]) == (forged, 3)
        return
    with pytest.raises(IdentityMismatch):
        view()


def test_a_bot_does_not_pass_as_a_person(firm: Company) -> None:
    """ACC-10: the kind stands in the record that the account has listed, not in the card; neither as desk."""
    bot = DeviceRecord.decode(forgery.changed(firm.devices["bot"].record.encoded, _8=1))
    records = [*(one for one in firm.records if one.device_id != bot.device_id), bot]
    firm.cards["bot"] = firm.card("bot", "Frau Meier")
    firm.sign_list(NOW_MS, records)
    firm.new_roster(NOW_MS, seq=2**30)
    member = team.view(firm.standing(), firm.device_list, records, NOW_MS).member(firm.id("bot"))
    member.check_card(firm.cards["bot"])
    assert (member.rank, member.kind) == (Rank.DESK, DeviceKind.BOT)
