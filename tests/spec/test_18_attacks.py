"""Attacks on consent, each beside a control in which its countermeasure is off."""

from __future__ import annotations

from dataclasses import replace

import pytest
from company import RELAY_URL, TEXTS, Company
from parties import DAY_MS, NOW_MS, Party

from e2ee import labels
from e2ee.content import ContentType
from e2ee.errors import (
    BadSignature,
    ConsentRequired,
    CounterExhausted,
    IdentityMismatch,
    NoConsent,
    RemoteError,
)
from e2ee.identity import encode_map, signed_bytes
from e2ee.primitives import sign
from e2ee.rooms import channels, consent, customer, door, gate
from e2ee.rooms.consent import Receipt, RoomConsent, Terms, Withdrawal
from e2ee.rooms.customer import Accept, Accepted, Given, Leave, Replace, Shown, ShowNotice, Withdraw
from e2ee.rooms.door import Door
from e2ee.rooms.gate import Column, Row
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.roster import OlderNotice
from e2ee.secret import RosterKey

Patch = pytest.MonkeyPatch
ROOM = b"room" * 4
YEAR_MS = 365 * DAY_MS


@pytest.fixture
def firm() -> Company:
    """A company, whose roster names its first notice."""
    made = Company.make()
    made.new_roster(NOW_MS, notice_hash=made.notice().hash)
    return made


@pytest.fixture
def anna() -> Party:
    """A customer."""
    return Party.make("anna")


def receipt_of(
    firm: Company, who: Party, seq: int = 1, room: bytes = ROOM, purposes: int = 1, now_ms: int = NOW_MS
) -> Receipt:
    """A receipt for the company's notice."""
    notice = firm.notice()
    terms = Terms(notice.hash, "de", notice.mode, purposes)
    signed = consent.sign_receipt(who.device.signing_key, terms, now_ms, room, seq)
    return Receipt.verify(who.device.record.sign_public, signed)


def withdrawal_of(who: Party, receipt: Receipt, seq: int) -> Withdrawal:
    """A withdrawal of a receipt."""
    signed = consent.sign_withdrawal(who.device.signing_key, receipt.hash, ROOM, NOW_MS, seq)
    return Withdrawal.verify(who.device.record.sign_public, signed, ROOM)


def refused(row: Row, found: Column) -> str | None:
    """The code with which the gate refuses; None if it passes."""
    try:
        gate.check(row, found)
    except RemoteError as error:
        return error.code
    return None


@pytest.mark.parametrize("is_off", [False, True])
def test_content_before_consent_is_not_taken(firm: Company, monkeypatch: Patch, is_off: bool) -> None:
    """CNS-13, CNS-14: a text of a room, a text outside rooms, upkeep, a want for what others said."""
    if is_off:
        monkeypatch.setitem(gate._PASSES, Row.CONTENT, frozenset(Column))
    found = gate.column(None, 1, firm.view(), NOW_MS)
    assert (refused(gate.row_of(ContentType.ENTRY, 3), found) is None) is is_off
    assert refused(gate.row_of(ContentType.SIGNAL, 2), found) == "room.consent_required"
    for content_type in (1, 2, 3, 5, 6, 7):
        with pytest.raises(ConsentRequired):
            gate.check_upkeep(content_type, has_consent=False)


@pytest.mark.parametrize("is_off", [False, True])
def test_a_receipt_of_another_room_or_account_opens_nothing(
    firm: Company, anna: Party, monkeypatch: Patch, is_off: bool
) -> None:
    """CNS-07: a room's id binds both accounts, so one of another account is one of another room."""
    other = receipt_of(firm, anna, room=bytes(16))
    if is_off:
        monkeypatch.setattr(Receipt, "check", lambda *_: None)
        assert consent.opened(RoomConsent(), other, ROOM, firm.notice(), is_desk=True).receipt == other
        return
    with pytest.raises(ConsentRequired):
        consent.opened(RoomConsent(), other, ROOM, firm.notice(), is_desk=True)


@pytest.mark.parametrize("is_off", [False, pytest.param(True, marks=pytest.mark.reference)])
def test_a_desk_does_not_make_up_a_consent(
    firm: Company, anna: Party, monkeypatch: Patch, is_off: bool
) -> None:
    """CNS-06: what an agent is handed with a room is signed by the customer's device or not at all."""
    notice = firm.notice()
    unsigned = encode_map(notice.hash, "de", 2, 3, NOW_MS, ROOM, 9)
    forged = signed_bytes(firm.devices["desk"].signing_key, labels.SIG_CONSENT, unsigned)
    if is_off:
        monkeypatch.setattr(sign, "verify", lambda *_: None)
        Receipt.verify(anna.device.record.sign_public, forged).check(ROOM, notice)
        return
    with pytest.raises(BadSignature):
        Receipt.verify(anna.device.record.sign_public, forged)


@pytest.mark.parametrize("is_off", [False, True])
def test_an_open_that_was_kept_back_does_not_undo_a_withdrawal(
    firm: Company, anna: Party, is_off: bool
) -> None:
    """CNS-10: the relay delivers the withdrawal, and weeks later the `open` that it is of."""
    receipt = receipt_of(firm, anna)
    before = RoomConsent() if is_off else RoomConsent().with_withdrawal(withdrawal_of(anna, receipt, 2))
    after = consent.opened(before, receipt, ROOM, firm.notice(), is_desk=True)
    found = gate.column(after, 1, firm.view(), NOW_MS)
    assert (refused(Row.CONTENT, found), refused(Row.ACT, found)) == (
        None if is_off else "room.consent_withdrawn",
        None,
    )


def test_a_stranger_withdraws_nothing_of_others(firm: Company, anna: Party) -> None:
    """CNS-08, CNS-10: its tombstone is of its own account; the control keeps one state for all accounts."""
    eve, receipt = Party.make("eve"), receipt_of(firm, anna)
    forged = withdrawal_of(eve, receipt, 2**31 - 1)
    kept = {anna.account_id: RoomConsent(receipt), eve.account_id: RoomConsent().with_withdrawal(forged)}
    assert gate.column(kept[anna.account_id], 1, firm.view(), NOW_MS) is Column.OPEN
    assert gate.column(kept[eve.account_id], 1, firm.view(), NOW_MS) is Column.NONE
    with pytest.raises(BadSignature):
        Withdrawal.verify(anna.device.record.sign_public, forged.signed, ROOM)
    shared = RoomConsent(receipt).with_withdrawal(forged)
    assert gate.column(shared, 1, firm.view(), NOW_MS) is Column.WITHDRAWN


@pytest.mark.parametrize("is_off", [False, True])
def test_two_devices_at_once_end_withdrawn(
    firm: Company, anna: Party, monkeypatch: Patch, is_off: bool
) -> None:
    """CNS-09: one gives a newer consent, one withdraws, with one number, in both orders."""
    first = receipt_of(firm, anna)
    newer, leave = receipt_of(firm, anna, 2, purposes=3), withdrawal_of(anna, first, 2)
    if is_off:  # the receipt wins
        monkeypatch.setattr(RoomConsent, "is_withdrawn", property(lambda one: one.receipt.seq < one.seq))
    one = RoomConsent(first).with_receipt(newer).with_withdrawal(leave)
    other = RoomConsent(first).with_withdrawal(leave).with_receipt(newer)
    found = {gate.column(known, 1, firm.view(), NOW_MS) for known in (one, other)}
    assert found == ({Column.OPEN} if is_off else {Column.WITHDRAWN})


def test_a_clock_that_is_wrong_decides_nothing(firm: Company, anna: Party) -> None:
    """CNS-09: a consent dated a year ahead goes by its number; the control goes by the time."""
    dated = receipt_of(firm, anna, 1, now_ms=NOW_MS + YEAR_MS)
    leave = withdrawal_of(anna, dated, 2)
    known = RoomConsent(dated).with_withdrawal(leave)
    assert gate.column(known, 1, firm.view(), NOW_MS) is Column.WITHDRAWN
    by_time = dated if dated.accepted_ms > leave.withdrawn_ms else leave
    assert by_time is dated


@pytest.mark.parametrize("is_off", [False, True])
def test_content_after_the_end_of_an_older_notice(firm: Company, anna: Party, is_off: bool) -> None:
    """CNS-12: by K's clock at arrival; until then the old consent counts. Off: the roster has no end."""
    old, until_ms = firm.notice(), NOW_MS + DAY_MS
    end_ms = 2**53 - 1 if is_off else until_ms
    firm.new_roster(NOW_MS, seq=2**30, notice_hash=firm.notice(2).hash, older=[OlderNotice(old.hash, end_ms)])
    known = RoomConsent(receipt_of(firm, anna))
    late = gate.column(known, 1, firm.view(), until_ms + 1)
    assert refused(Row.CONTENT, late) == (None if is_off else "room.consent_stale")
    assert refused(Row.ACT, late) is refused(Row.WITHDRAWAL, late) is None


@pytest.mark.parametrize("is_off", [False, True])
def test_a_stolen_web_server_does_not_redirect(firm: Company, is_off: bool) -> None:
    """CNS-04, CNS-05: another relay, another page, numbers of a thief. Off: there is nothing to compare."""
    signed = channels.sign_channels(firm.roster_key, firm.mandate, [], {}, NOW_MS)
    good = door.encode_door(firm.mandate, firm.notice(), TEXTS, signed)
    relay, origin = (None, None) if is_off else ("wss://card.example/", "https://evil.example")
    if is_off:
        assert Door.verify(firm.account_id, good, NOW_MS, relay, origin).notice.relay_url == RELAY_URL
        return
    for card, page in ((relay, None), (None, origin)):
        with pytest.raises((IdentityMismatch, RemoteError)):
            Door.verify(firm.account_id, good, NOW_MS, card, page)
    thief = channels.sign_channels(RosterKey(b"t" * 32), _with_key(firm, b"t" * 32), [], {}, NOW_MS)
    other = door.encode_door(firm.mandate, firm.notice(), TEXTS, thief)
    with pytest.raises(BadSignature):
        Door.verify(firm.account_id, other, NOW_MS, None, None)


def _with_key(firm: Company, seed: bytes) -> Mandate:
    """The company's mandate as a thief wishes it were."""
    return replace(firm.mandate, roster_public=sign.derive_public(seed))


@pytest.mark.parametrize("is_off", [False, True])
def test_a_notice_that_was_replaced_under_the_finger_is_not_accepted(firm: Company, is_off: bool) -> None:
    """CNS-18: shown, replaced, touched. Off: the button accepts what is in force, whatever was shown."""
    shown, later = firm.notice(1), firm.notice(2)
    state, effects = customer.step(Shown(shown), Replace(later, 0), NOW_MS)
    assert effects == (ShowNotice(later),)
    touched = Accept(later.hash if is_off else shown.hash, "de", 1)
    if is_off:
        assert isinstance(customer.step(state, touched, NOW_MS)[0], Accepted)
        return
    with pytest.raises(NoConsent):
        customer.step(state, touched, NOW_MS)


@pytest.mark.parametrize("is_off", [False, True])
def test_an_older_notice_of_a_thief_is_not_asked_for_again(
    firm: Company, monkeypatch: Patch, is_off: bool
) -> None:
    """CNS-19: the roster key can name one; a customer who knows a newer one never goes back."""
    old, new = firm.notice(1), firm.notice(2)
    state = Accepted(new, Given(Terms(new.hash, "de", new.mode, 1), NOW_MS, 1))
    given = replace(old, version=3) if is_off else old
    _, effects = customer.step(state, Replace(given, 0), NOW_MS)
    assert (effects == (ShowNotice(given),)) is is_off


def test_no_number_keeps_a_person_from_withdrawing(firm: Company, anna: Party) -> None:
    """CNS-09: a device of the person that was stolen has given a consent with the last number there is."""
    last = receipt_of(firm, anna, 2**31 - 1)
    state = Accepted(firm.notice(), Given(last.terms, NOW_MS, last.seq))
    ended, effects = customer.step(state, Leave(), NOW_MS)
    assert effects[0] == Withdraw(2**31 - 1)
    kept = RoomConsent(last).with_withdrawal(withdrawal_of(anna, last, 2**31 - 1))
    assert gate.column(kept, 1, firm.view(), NOW_MS) is Column.WITHDRAWN
    with pytest.raises(CounterExhausted):
        customer.step(ended, Accept(last.terms.notice_hash, "de", 1), NOW_MS)
