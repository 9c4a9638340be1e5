"""Edges of rooms that other tests pass by: each of these ends a mutant."""

from __future__ import annotations

import pytest
from company import Company
from parties import NOW_MS, Party
from room_states import AGENT, DESK, ROOT, SUPERVISOR, after, dev, first, head_of, roster, team

from e2ee.content import ContentType
from e2ee.errors import DecodeError
from e2ee.identity import ListHead
from e2ee.ids import ListHash
from e2ee.rooms import consent, gate
from e2ee.rooms.acts import condition
from e2ee.rooms.consent import Receipt, RoomConsent, Terms, Withdrawal
from e2ee.rooms.gate import Row
from e2ee.rooms.kinds import Kind
from e2ee.rooms.notice import Mode
from e2ee.rooms.room import Room, company_recipients, with_states
from e2ee.rooms.state import HOLD, Guard, Setter, State, list_after

TEAM = team({roster(1): {"S": SUPERVISOR, "F": DESK}})


def test_a_content_whose_kind_is_not_said_is_content_and_never_an_open() -> None:
    """CNS-13: nor is a signal without a kind that of somebody who types."""
    assert gate.row_of(ContentType.ENTRY) is Row.CONTENT
    assert gate.row_of(ContentType.SIGNAL) is Row.TEAM


def test_a_login_of_devices_that_were_all_confirmed_does_not_wait() -> None:
    """CNS-16: also where no further one was confirmed."""
    one, other = dev("one"), dev("other")
    assert not gate.identify_waits([one], [one])
    assert not gate.identify_waits([one], [one, other])
    assert gate.identify_waits([one, other], [one])


@pytest.mark.parametrize("numbers", [(3, 5), (5, 3)])
def test_of_two_holds_of_one_author_the_newest_stands_whichever_came_first(numbers: tuple[int, int]) -> None:
    """ROOM-27"""
    root = first("F")
    held = [after(root, "S", n, flags=HOLD, text="court") for n in numbers]
    found = condition([root], {root.hash: {}}, [], [Setter(one, Guard.HOLD) for one in held])
    assert found.holds == (max(held, key=lambda one: one.n).hash,)


def test_a_room_of_notes_has_neither_a_list_nor_a_notice() -> None:
    """ROOM-02: one of both is enough for a refusal."""
    bare = first("F", parent=None, customer_list=None, notice=None)
    assert head_of([bare], TEAM, root=None) == bare
    assert head_of([first("F", parent=None, customer_list=None)], TEAM, root=None) is None
    assert head_of([first("F", parent=None, notice=None)], TEAM, root=None) is None
    assert head_of([first("F", parent=ROOT, notice=None)], TEAM) is not None


def test_a_second_state_has_one_before_it() -> None:
    """ROOM-04: an epoch of 2 without a parent is no state."""
    value = after(first("F"), "F", 1).state.value()
    assert isinstance(value, dict)
    assert State.of(value).epoch == 2
    with pytest.raises(DecodeError):
        State.of({**value, 3: None})


def test_another_list_of_the_same_number_does_not_replace_the_one_before() -> None:
    """ROOM-05: a state that named it would be refused."""
    before, other = ListHead(1, ListHash(b"a" * 32)), ListHead(1, ListHash(b"b" * 32))
    assert list_after(before, other) == before
    assert list_after(None, other) == other
    assert list_after(before, ListHead(2, other.hash)).seq == 2


def test_who_goes_on_from_a_hold_has_not_set_it() -> None:
    """ROOM-27: of another branch the state that set the hold stands, and not those after it."""
    root = first("S", members=("S", "F"))
    held = after(root, "S", 1, flags=HOLD, text="court")
    later = after(held, "F", 0, reason=1)
    head = after(root, "S", 2)
    room = with_states(Room(ROOT), [root, held, later, head], TEAM).room
    assert room.head == head
    assert room.condition(TEAM).holds == (held.hash,)


def test_the_first_state_goes_to_all_stewards() -> None:
    """ROOM-15: where no state is here yet."""
    ranks = {dev("S"): SUPERVISOR, dev("F"): DESK, dev("A"): AGENT}
    assert company_recipients(Room(ROOT), Kind.STATE, ranks) == {dev("S"), dev("F")}


def _receipt(who: Party, mode: Mode = Mode.CONSENT, purposes: int = 1, seq: int = 1) -> Receipt:
    """Sign and verify a receipt."""
    terms = Terms(bytes(32), "de", mode, purposes)
    signed = consent.sign_receipt(who.device.signing_key, terms, NOW_MS, bytes(16), seq)
    return Receipt.verify(who.device.record.sign_public, signed)


def test_a_receipt_at_its_limits_is_read() -> None:
    """CNS-06: the lowest mode, all 32 purposes; no number beyond."""
    anna = Party.make("anna")
    assert _receipt(anna, Mode.NOTICE, 2**32 - 1).terms.purposes == 2**32 - 1
    with pytest.raises(DecodeError):
        _receipt(anna, purposes=2**32)


def test_a_withdrawal_of_the_same_number_stands_against_an_open() -> None:
    """CNS-08, CNS-10: the first number of all is one of a withdrawal too."""
    anna, firm = Party.make("anna"), Company.make()
    notice = firm.notice()
    terms = Terms(notice.hash, "de", notice.mode, 1)
    signed = consent.sign_receipt(anna.device.signing_key, terms, NOW_MS, bytes(16), 1)
    receipt = Receipt.verify(anna.device.record.sign_public, signed)
    taken = consent.sign_withdrawal(anna.device.signing_key, receipt.hash, bytes(16), NOW_MS, 1)
    withdrawal = Withdrawal.verify(anna.device.record.sign_public, taken, bytes(16))
    known = consent.opened(RoomConsent(withdrawal=withdrawal), receipt, bytes(16), notice, is_desk=True)
    assert known.receipt == receipt
    assert known.is_withdrawn
    assert not consent.opened(RoomConsent(), receipt, bytes(16), notice, is_desk=True).is_withdrawn
