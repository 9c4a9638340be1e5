"""Lists that an account signs for itself: one for each number, whatever happens to its store (ID-40)."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from e2ee_client.engine import Channel, Recovery
from e2ee_client.engine.own_lists import restored_seq, unlisted_seq
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.records import NextList
from e2ee_client.engine.sending import Sending
from e2ee_client.engine.turn import Turn
from e2ee_client.engine.upkeep import Upkeep
from e2ee_client.events import DeviceListExpiring, DeviceReplaced
from e2ee_client.rows import Continuity
from e2ee_relay.protocol import (
    KnownFrame,
    Lookup,
    LookupResult,
    Publish,
    Role,
    decode_frames,
    encode_frames,
)
from engine_world import Node, SeededRng, World, acquainted
from list_scenes import away, is_calm, lists_of, noting, published_lists, unconfirmed
from relay_scenes import lose, lossless, the_peer, well
from struck_off import backup_of, restored
from team_world import do

from e2ee.content import Content, Heads
from e2ee.errors import NoListNumber
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord, ListHead, new_device, next_list, sign_list
from e2ee.recovery import new_code, recovered_seq
from e2ee.session import Session

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
RENEWED_MS = 16 * DAY_MS


def publishing(signed: list[bytes]) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that notes the lists that a node gives to the directory."""

    def outgoing(_: Channel, data: bytes) -> list[bytes]:
        frames = decode_frames(data, Role.RELAY)
        signed.extend(one for frame in frames if isinstance(frame, Publish) for one in frame.lists)
        return [data]

    return outgoing


def pinned_by(node: Node, account_id: bytes) -> int:
    """Return the number of the list of a contact that a node has pinned."""
    head = node.engine._state.contacts[account_id].head
    assert head is not None
    return head.seq


def test_two_copies_of_a_published_store_that_both_renew() -> None:
    """ID-40: the directory takes one list for each number; the other copy follows it."""
    world, company, customer, praxis = acquainted()
    world.advance(15 * DAY_MS - 2 * HOUR_MS)
    assert len(lists_of(company)) == 1
    twin = Node(world, "Zwilling", company.setup)
    twin.crash(company.rows.copy())
    world.nodes.append(twin)
    twin.start()
    world.advance(4 * HOUR_MS)
    found = lists_of(company, twin)
    assert company.engine._state.own.device_list.seq == twin.engine._state.own.device_list.seq == 2
    assert all(len(hashes) == 1 for hashes in found.values())
    assert is_calm(company, twin, customer)
    twin.stop()
    world.nodes.remove(twin)
    world.advance(2 * HOUR_MS)
    well(world, company, customer, praxis)


@pytest.mark.parametrize("renewals", [1, pytest.param(3, marks=pytest.mark.audit_only)])
def test_a_published_store_that_was_set_back_follows_its_entry(renewals: int) -> None:
    """ID-40, ID-07: it compares its entry before it signs, and takes what it had signed before."""
    world, company, customer, praxis = acquainted()
    older = company.rows.copy()
    for _ in range(renewals):
        world.advance(RENEWED_MS)
    before = lists_of(company)
    signed: list[bytes] = []
    company.outgoing = publishing(signed)
    company.crash(older)
    company.start()
    world.advance(MINUTE_MS)
    assert lists_of(company).items() <= before.items()
    assert company.engine._state.own.device_list.seq == max(before)
    world.advance(RENEWED_MS)
    heads = [DeviceList.verify(company.engine._state.own.account_id, one).head for one in signed]
    assert max(head.seq for head in heads) > max(before)
    assert all(bytes(head.hash) in before[head.seq] for head in heads if head.seq in before)
    world.advance(3 * DAY_MS)  # The customer's search goes on in longer steps (SES-44).
    assert pinned_by(customer, praxis) > max(before)
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


@pytest.mark.parametrize("back_ms", [HOUR_MS, DAY_MS, 3 * DAY_MS])
@pytest.mark.parametrize("is_taken", [False, True])
def test_a_list_that_is_not_confirmed_is_sent_as_it_is(back_ms: int, *, is_taken: bool) -> None:
    """ID-47, ID-40: by a clock that went back further the next one leaves with it; none has its number."""
    world, company, customer, praxis = acquainted()
    world.advance(14 * DAY_MS)
    company.outgoing = unconfirmed(company, is_taken=is_taken)
    company.set_clock(4 * DAY_MS)
    account_id = company.engine._state.own.account_id
    row = company.rows.tables["meta"][NextList.PREFIX]
    unsent = NextList.decode(NextList.PREFIX, row).device_list
    asked: list[Publish | Lookup] = []
    company.outgoing = noting(asked)
    company.break_connections()
    company.set_clock(4 * DAY_MS - back_ms)
    world.advance(MINUTE_MS)
    published = published_lists(account_id, asked)
    is_far = back_ms > DAY_MS
    assert {one.hash for one in published if one.seq == 2} == (
        set() if is_far and is_taken else {unsent.hash}
    )
    assert isinstance(asked[0], Lookup if is_far else Publish)
    own = company.engine._state.own
    assert max(own.device_list.issued_ms, own.device.record.created_ms) <= company.now_ms
    company.set_clock(0)
    world.advance(RENEWED_MS)
    assert all(len(hashes) == 1 for hashes in lists_of(company).values())
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


@pytest.mark.parametrize("is_over", [False, True])
def test_a_relay_that_withholds_a_list_which_it_took_gets_no_other_of_its_number(*, is_over: bool) -> None:
    """ID-47: the clock went back by three days, or the list is over; the entry is shown without it."""
    world, company, customer, praxis = acquainted()
    world.advance(14 * DAY_MS)
    before = company.engine._state.own.device_list
    company.outgoing = unconfirmed(company, is_taken=True)
    company.set_clock(5 * DAY_MS)
    unsent = NextList.decode(NextList.PREFIX, company.rows.tables["meta"][NextList.PREFIX]).device_list
    company.break_connections()
    asked: list[Publish | Lookup] = []
    company.outgoing = withholding(company, before, asked)
    company.set_clock(36 * DAY_MS if is_over else 2 * DAY_MS)
    world.advance(MINUTE_MS)
    assert isinstance(asked[0], Lookup)
    published = published_lists(before.account_id, asked)
    assert {one.hash for one in published if one.seq == unsent.seq} == {unsent.hash}
    assert {one.seq for one in published} == {unsent.seq, unsent.seq + 1}
    company.outgoing = lossless
    company.break_connections()
    company.set_clock(0)
    world.advance(RENEWED_MS)
    assert all(len(hashes) == 1 for hashes in lists_of(company).values())
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


def test_a_list_that_is_over_and_its_next_leave_together_again_after_a_cut() -> None:
    """ID-47: the relay takes no head that is over (RLY-52), so that the first one alone would never leave."""
    world, company, customer, praxis = acquainted()
    company.outgoing = unconfirmed(company, is_taken=False)
    away(company, 17 * DAY_MS)
    away(company, 31 * DAY_MS)
    company.break_connections()
    company.outgoing = lossless
    world.advance(HOUR_MS)
    own = company.engine._state.own
    assert own.published_seq == own.device_list.seq > 2
    assert own.device_list.expires_ms > world.now_ms
    assert all(len(hashes) == 1 for hashes in lists_of(company).values())
    assert is_calm(company, customer)
    assert praxis in customer.engine._state.contacts


def withholding(
    node: Node, newest: DeviceList, asked: list[Publish | Lookup]
) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that notes what a node asks of its entry, and shows that as it was with an older list."""
    record_b = node.engine._state.own.device.record.encoded

    def outgoing(channel: Channel, data: bytes) -> list[bytes]:
        frames = decode_frames(data, Role.RELAY)
        asked.extend(one for one in frames if isinstance(one, Publish | Lookup))
        for one in frames:
            if isinstance(one, Lookup):
                shown = LookupResult(one.request_id, (newest.signed,), (record_b,), (None,), False, ())
                node.connections[channel]._incoming.put_nowait(encode_frames([shown]))
        kept = [one for one in frames if isinstance(one, KnownFrame) and not isinstance(one, Lookup)]
        return [encode_frames(kept)] if kept else []

    return outgoing


def test_a_record_that_is_due_waits_for_the_list_that_is_not_confirmed() -> None:
    """ID-47, SES-32: a loss gets no second list of the number, and a record with the one after it."""
    world, company, customer, praxis = acquainted()
    world.advance(14 * DAY_MS)
    company.outgoing = unconfirmed(company, is_taken=False)
    company.set_clock(2 * DAY_MS)
    before = company.engine._state.own.device.record
    unsent = NextList.decode(NextList.PREFIX, company.rows.tables["meta"][NextList.PREFIX]).device_list
    asked: list[Publish | Lookup] = []
    company.outgoing = noting(asked)
    lose(company)
    world.advance(MINUTE_MS)
    own = company.engine._state.own
    published = published_lists(own.account_id, asked)
    assert {one.hash for one in published if one.seq == unsent.seq} == {unsent.hash}
    assert own.device.record != before
    assert not own.record_anew
    well(world, company, customer, praxis)


@pytest.mark.parametrize("later_ms", [MINUTE_MS, DAY_MS])
def test_an_unpublished_store_that_was_set_back_signs_another_number(later_ms: int) -> None:
    """ID-40: the number is of the minute, so that the list that is lost and the next one differ in it."""
    world, company, customer, praxis = acquainted()
    world.advance(14 * DAY_MS)
    older = customer.rows.copy()
    world.advance(RENEWED_MS - 14 * DAY_MS)
    first = pinned_by(company, customer.engine.account_id)
    lost = lists_of(customer)
    assert first == max(lost) > 1
    world.advance(later_ms)
    customer.crash(older)
    customer.start()
    world.advance(2 * DAY_MS)
    found = lists_of(customer)
    assert max(found) > first
    assert all(found[seq] == lost[seq] for seq in found.keys() & lost.keys())
    customer.send(praxis, "Sind Sie da?")
    world.advance(RENEWED_MS)
    assert pinned_by(company, customer.engine.account_id) == max(lists_of(customer)) > max(found)
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


@pytest.mark.parametrize("ahead_ms", [0, 20 * DAY_MS])
def test_two_copies_that_sign_in_one_minute_sign_one_list(ahead_ms: int) -> None:
    """ID-45, ID-39: also a record that was made ahead of time is made anew by both with the same bytes."""
    world = World()
    world.now_ms += ahead_ms
    customer = world.node("Kundin")
    customer.start()
    world.now_ms += RENEWED_MS - 2 * ahead_ms
    world.now_ms -= world.now_ms % MINUTE_MS
    copy = Node(world, "Zwilling", customer.setup)
    copy.crash(customer.rows.copy())
    customer.carry_out(customer.engine.tick(world.now_ms + 1_000))
    world.now_ms += 59_999
    copy.start()
    copy.carry_out(copy.engine.tick(world.now_ms))
    signed = lists_of(customer)
    assert len(signed) == 2
    assert lists_of(copy) == signed
    assert customer.engine._state.own.device.record == copy.engine._state.own.device.record


def test_a_store_set_back_beyond_a_renewal_in_the_minute_of_the_next_signs_that_one_again() -> None:
    """ID-45: what it had signed in between, and knows no more, is not part of it; no contact sees a fork."""
    world, company, customer, praxis = acquainted()
    older = customer.rows.copy()
    world.advance(RENEWED_MS)
    customer.stop()
    world.advance(RENEWED_MS)
    world.advance(MINUTE_MS - world.now_ms % MINUTE_MS)
    customer.crash(customer.rows)
    customer.start()
    world.advance(1_000)
    lost = lists_of(customer)
    assert len(lost) == 3
    assert pinned_by(company, customer.engine.account_id) == max(lost)
    customer.crash(older)
    customer.start()
    world.advance(1_000)
    found = lists_of(customer)
    assert len(found) == 2
    assert found[max(lost)] == lost[max(lost)]
    customer.send(praxis, "Sind Sie da?")
    world.advance(2 * DAY_MS)
    assert company.texts()[-1] == "Sind Sie da?"
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


def test_what_two_copies_sign_in_neighbouring_minutes_is_no_fork() -> None:
    """ID-40, ID-07: the later number is not the next one, whose list would have to name the other."""
    world, company, customer, praxis = acquainted()
    world.advance(14 * DAY_MS)
    older = customer.rows.copy()
    customer.stop()
    world.advance(DAY_MS + HOUR_MS)
    customer.crash()
    customer.start()
    lost = pinned_by(company, customer.engine.account_id)
    assert lost == max(lists_of(customer)) > len(older.tables["list"]) == 1
    world.now_ms += MINUTE_MS
    customer.crash(older)
    customer.start()
    customer.send(praxis, "Sind Sie da?")
    world.advance(2 * DAY_MS)
    assert pinned_by(company, customer.engine.account_id) == max(lists_of(customer)) > lost
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


def test_a_list_of_an_unpublished_account_is_numbered_after_the_last_one() -> None:
    """ID-40: also where the clock that gave the last number was ahead."""
    world = World()
    customer = world.node("Kundin")
    customer.start()
    ahead = world.now_ms + 400 * DAY_MS
    customer.carry_out(customer.engine.tick(ahead))
    numbers = sorted(lists_of(customer))
    assert numbers[-1] == 2 * (ahead // MINUTE_MS)
    world.advance(MINUTE_MS)
    following = sorted(lists_of(customer))[-1]
    assert numbers[-1] < following <= numbers[-1] + 4


def test_a_clock_beyond_all_numbers() -> None:
    """ID-40: a list signed in the year 6000 leaves numbers for those that follow."""
    world, company, customer, praxis = acquainted()
    customer.carry_out(customer.engine.tick(4_000 * 365 * DAY_MS))
    customer.carry_out(customer.engine.tick(4_100 * 365 * DAY_MS))
    world.advance(MINUTE_MS)
    customer.crash(customer.rows)
    customer.start()
    well(world, company, customer, praxis)
    assert max(lists_of(customer)) < 2**31 - 2**29


def test_renewals_after_a_set_back_are_above_those_that_were_lost() -> None:
    """ID-40: after a clock that was years ahead, the day's time at which lists are signed decides nothing."""
    world, company, customer, praxis = acquainted()
    world.advance(DAY_MS - world.now_ms % DAY_MS + 10 * MINUTE_MS)
    customer.carry_out(customer.engine.tick(world.now_ms + 730 * DAY_MS))
    world.advance(MINUTE_MS)
    older = customer.rows.copy()
    for _ in range(3):
        world.advance(14 * DAY_MS)
        customer.stop()
        world.advance(DAY_MS + (22 * HOUR_MS - world.now_ms) % DAY_MS)
        customer.crash(customer.rows)
        customer.start()
        world.advance(5 * MINUTE_MS)
    lost = pinned_by(company, customer.engine.account_id)
    world.advance((10 * MINUTE_MS - world.now_ms) % DAY_MS)
    customer.crash(older)
    customer.start()
    world.advance(20 * MINUTE_MS)
    assert max(lists_of(customer)) > lost
    customer.send(praxis, "Sind Sie da?")
    world.advance(DAY_MS)
    assert pinned_by(company, customer.engine.account_id) == max(lists_of(customer))
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


@pytest.mark.parametrize("later_ms", [MINUTE_MS, DAY_MS - 10 * MINUTE_MS])
def test_a_store_that_was_set_back_after_a_clock_ahead_signs_another_number(later_ms: int) -> None:
    """ID-40: the list after one that was dated ahead is numbered by the minute in which it is signed."""
    world, company, customer, praxis = acquainted()
    customer.carry_out(customer.engine.tick(world.now_ms + 20 * DAY_MS))
    assert customer.engine._state.own.device_list.issued_ms > world.now_ms
    older = customer.rows.copy()
    world.advance(MINUTE_MS)
    lost = lists_of(customer)
    world.advance(later_ms)
    customer.crash(older)
    customer.start()
    world.advance(MINUTE_MS)
    found = lists_of(customer)
    assert max(lost) != max(found)
    assert all(found[seq] == lost[seq] for seq in found.keys() & lost.keys())
    world.advance(3 * RENEWED_MS)
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


@pytest.mark.parametrize(
    ("continuity", "within_ms"), [(Continuity.CONTINUOUS, RENEWED_MS), (Continuity.ROLLED_BACK, HOUR_MS)]
)
def test_a_store_that_was_set_back_to_before_a_clock_ahead_is_given_its_list_back(
    continuity: Continuity, within_ms: int
) -> None:
    """ID-40, ID-11, CON-05: its flights are taken, and it goes on above the number that the contact knows."""
    world, company, customer, praxis = acquainted()
    older = customer.rows.copy()
    customer.set_clock(25 * DAY_MS)
    world.advance(HOUR_MS)
    ahead = pinned_by(company, customer.engine.account_id)
    assert ahead > 2 * (world.now_ms // MINUTE_MS + 24 * 1_440)
    customer.stop()
    customer.ahead_ms = 0
    customer.crash(older, continuity)
    customer.start()
    customer.send(praxis, "Sind Sie da?")
    world.advance(within_ms)
    assert company.texts().count("Sind Sie da?") == 1
    pinned = pinned_by(company, customer.engine.account_id)
    assert pinned == customer.engine._state.own.device_list.seq > ahead
    assert customer.engine._state.own.device_list.issued_ms <= world.now_ms
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


@pytest.mark.parametrize("away_ms", [40 * DAY_MS, pytest.param(100 * DAY_MS, marks=pytest.mark.audit_only)])
def test_it_is_given_back_long_after_its_end_too(away_ms: int) -> None:
    """ID-36, ID-11: the contact seals nothing else for the account, and shows what it held afterwards."""
    world, company, customer, praxis = acquainted()
    older = customer.rows.copy()
    high = signed_by(customer, 2**27, [customer.engine._state.own.device.record])
    customer.carry_out(customer.engine.install_list(high, world.now_ms))
    customer.send(praxis, "mit hoher Nummer")
    world.advance(DAY_MS)
    assert pinned_by(company, customer.engine.account_id) == 2**27
    customer.stop()
    world.advance(away_ms)
    customer.crash(older, Continuity.ROLLED_BACK)
    customer.start()
    customer.send(praxis, "Sind Sie da?")
    world.advance(2 * HOUR_MS)
    assert company.texts()[-1] == "Sind Sie da?"
    assert pinned_by(company, customer.engine.account_id) == max(lists_of(customer)) > 2**27
    assert is_calm(company, customer)
    well(world, company, customer, praxis)


def test_a_list_is_given_back_once_a_day_on_the_session_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """CON-05, SES-35: a customer that states an old head of its own with each text draws one list; what a
    flight states draws none on a session that its sender may have lost.
    """
    world, company, customer, praxis = acquainted()
    old, dressed, take_back = customer.engine._state.own.device_list.head, Sending._dressed, Upkeep.take_back
    world.advance(RENEWED_MS)
    assert pinned_by(company, customer.engine.account_id) > old.seq
    back: list[bytes] = []

    def stating(self: Sending, peer: Peer, session: Session, content: Content) -> Content:
        content = dressed(self, peer, session, content)
        if self._state.own.publish:
            return content
        return content._replace(heads=Heads(old, peer.contact.head))

    def noting(self: Upkeep, turn: Turn, signed: bytes) -> bool:
        is_ours = take_back(self, turn, signed)
        if is_ours:
            back.append(signed)
        return is_ours

    monkeypatch.setattr(Sending, "_dressed", stating)
    monkeypatch.setattr(Upkeep, "take_back", noting)
    for number in range(10):
        customer.send(praxis, f"Text {number}")
        world.advance(MINUTE_MS)
    assert back == [customer.engine._state.own.device_list.signed]
    world.advance(DAY_MS)
    back.clear()
    lose(customer)
    customer.send(praxis, "auf einer neuen Sitzung")
    world.advance(MINUTE_MS)
    assert company.texts()[-1] == "auf einer neuen Sitzung"
    assert back == [customer.engine._state.own.device_list.signed]


def signed_by(node: Node, seq: int, records: list[DeviceRecord]) -> bytes:
    """A list of a node's account, as another copy of its store may have signed it."""
    own = node.engine._state.own
    assert own.account_key is not None
    unsigned = next_list(own.account_id, own.device_list, records, None, node.world.now_ms, least_seq=seq)
    return sign_list(own.account_key, unsigned).signed


def test_no_contact_moves_an_account_to_a_list_that_it_has_not_signed_for_this_device() -> None:
    """ID-40, ACC-67: an older list and one of somebody else are left alone; an account with an entry follows
    that. The one that it has signed is taken, and one that names another device alone ends this one.
    """
    world, company, customer, praxis = acquainted()
    own, upkeep = customer.engine._state.own, customer.engine._context.upkeep
    first, mine = own.device_list, [own.device.record]
    elsewhere = [company.engine._state.own.device.record]
    stranger = new_device(own.account_id, DeviceKind.PERSON, 0, world.now_ms, world.now_ms + 1, customer.rng)
    theirs = signed_by(company, 2**30, elsewhere)
    world.advance(RENEWED_MS)
    before = own.device_list

    def shown(signed: bytes) -> DeviceList:
        turn = Turn(world.now_ms)
        upkeep.take_back(turn, signed)
        customer.carry_out(turn.effects())
        return own.device_list

    assert shown(first.signed) == before
    assert shown(theirs) == before
    assert shown(b"") == before
    newer = signed_by(customer, 2**30, mine)
    assert shown(newer).signed == newer
    turn, entry = Turn(world.now_ms), company.engine._state.own.device_list
    company.engine._context.upkeep.take_back(turn, theirs)
    company.carry_out(turn.effects())
    assert company.engine._state.own.device_list == entry
    well(world, company, customer, praxis)
    last = own.device_list
    assert shown(signed_by(customer, last.seq + 1, [stranger.record])) == last
    assert customer.of(DeviceReplaced) == [DeviceReplaced(by_code=True)]


def test_a_claim_of_a_higher_number_draws_an_ask_and_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """CON-13, SES-35: a contact that states the last number for our list with each content."""
    world, company, customer, _ = acquainted()
    own, dressed = customer.engine._state.own, Sending._dressed
    before = own.device_list

    def lying(self: Sending, peer: Peer, session: Session, content: Content) -> Content:
        content = dressed(self, peer, session, content)
        if not self._state.own.publish:
            return content
        return content._replace(
            heads=Heads(self._state.own.device_list.head, ListHead(2**31 - 1, before.hash))
        )

    monkeypatch.setattr(Sending, "_dressed", lying)
    for number in range(20):
        company.send(own.account_id, f"Text {number}")
        world.advance(1_000)
    assert own.device_list == before
    assert the_peer(customer).pair.budget.asks == 1
    world.advance(RENEWED_MS)
    assert own.device_list.seq == 2 * (own.device_list.issued_ms // MINUTE_MS)


@pytest.mark.parametrize("ahead_ms", [0, 20 * DAY_MS, 730 * DAY_MS])
def test_a_restore_begins_above_what_a_clock_ahead_gave(ahead_ms: int) -> None:
    """ID-40, SES-40: the backup is older than the lists that a wrong clock has numbered."""
    world, company, customer, praxis = acquainted()
    saved = backup_of(customer)
    customer.carry_out(customer.engine.tick(world.now_ms + ahead_ms))
    world.advance(HOUR_MS)
    customer.stop()
    world.nodes.remove(customer)
    again = restored(world, saved, "Kundin neu")
    again.start()
    world.advance(DAY_MS)
    again.send(praxis, "Das bin wieder ich")
    company.send(again.engine.account_id, "Willkommen zurück")
    world.advance(HOUR_MS)
    assert company.texts()[-1:] == ["Das bin wieder ich"]
    assert again.texts()[-1:] == ["Willkommen zurück"]
    assert is_calm(company, again)


def test_the_number_of_a_list_without_an_entry() -> None:
    """ID-40: twice the minute; behind the last number, that and twice the minutes since a list of a right
    clock.
    """
    minute = 29_000_001
    number = 2 * minute

    def following(last_seq: int, *dated: int, at: int = minute) -> int:
        return unlisted_seq(last_seq, [one * MINUTE_MS for one in dated], at * MINUTE_MS + 59_999)

    assert following(1, minute - 9) == number
    assert following(number, minute) == number + 2
    assert following(number + 500, minute - 7, minute + 250) == number + 516
    assert following(number + 500, minute - 7, minute + 250, at=minute + 30) == number + 576
    assert following(number + 516, minute - 7, minute + 250, minute, at=minute + 90) == number + 696
    assert following(number + 500, minute + 250) == number + 502
    assert following(1, 1, at=2**26 - 1) == 2**27 - 2
    restored = restored_seq(number + 500, [minute * MINUTE_MS], minute * MINUTE_MS, os.urandom)
    assert restored == number + 502 + 2**23


@pytest.mark.parametrize(
    ("last_seq", "minute"),
    [(1, 2**26), (1, 2**33), (2**30 + 7, 2**26), (2**30 - 1, 29_000_001), (2**31 - 2, 29_000_001)],
)
def test_no_number_is_left_by_a_clock_far_ahead_or_after_the_highest(last_seq: int, minute: int) -> None:
    """ID-46: for a renewal and a restore."""
    issued_ms = [29_000_001 * MINUTE_MS]
    with pytest.raises(NoListNumber):
        unlisted_seq(last_seq, issued_ms, minute * MINUTE_MS)
    with pytest.raises(NoListNumber):
        restored_seq(last_seq, issued_ms, minute * MINUTE_MS, os.urandom)


def test_a_restore_never_numbers_a_list_as_if_the_account_was_recovered() -> None:
    """ID-46: who goes by numbers would take it for a recovery."""
    now_ms = 29_000_001 * MINUTE_MS
    with pytest.raises(NoListNumber):
        restored_seq(2**30 - 2**23, [now_ms], now_ms, os.urandom)


def test_the_number_of_a_restore_after_a_recovery() -> None:
    """ACC-69: that of a recovery, which a later one is above; by a clock behind a random one above the last,
    so that two restores of one backup are two numbers.
    """
    now_ms = 29_000_001 * MINUTE_MS
    last = recovered_seq(now_ms, 0, os.urandom)
    later = restored_seq(last, [now_ms], now_ms + HOUR_MS, os.urandom)
    assert later == recovered_seq(now_ms + HOUR_MS, 0, os.urandom) == last + 1800
    for at_ms in (now_ms, now_ms - DAY_MS):
        made = [restored_seq(last, [now_ms], at_ms, SeededRng(name)) for name in ("one", "two")]
        assert len({last, last + 1, *made}) == 4
        assert min(made) > last


@pytest.mark.parametrize("year", [2100, 2262, 2940, 2991, 3500])
def test_a_clock_centuries_ahead_signs_nothing_and_loses_nothing(year: int) -> None:
    """ID-46: the list in force stays until the clock is right, also of an account that was recovered."""
    for code in (None, new_code(SeededRng("code"), entry=False)):
        world = World()
        company = world.node("Praxis", publish=True)
        company.start()
        customer = world.node("Kundin", recovery=code and Recovery(code, is_typed=True))
        customer.start()
        praxis = customer.add(company.engine.card())
        customer.send(praxis, "Guten Tag")
        world.advance(HOUR_MS)
        company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
        world.advance(HOUR_MS)
        known = lists_of(customer)
        ahead_ms = (year - 2026) * 365_250 * 86_400
        for at_ms in (ahead_ms, ahead_ms // 2 + 100 * 365 * DAY_MS, ahead_ms):
            customer.carry_out(customer.engine.tick(world.now_ms + at_ms))
            customer.crash(customer.rows)
            customer.carry_out(customer.engine.start(world.now_ms + at_ms))
        assert lists_of(customer) == known
        assert customer.of(DeviceListExpiring)
        customer.crash(customer.rows)
        customer.start()
        world.advance(20 * DAY_MS)
        customer.send(praxis, "wieder richtig")
        company.send(customer.engine.account_id, "gut")
        world.advance(HOUR_MS)
        assert company.texts()[-1] == "wieder richtig"
        assert customer.texts()[-1] == "gut"
        assert len(lists_of(customer)) > len(known)
        assert is_calm(company, customer)


def test_what_could_not_begin_under_a_list_that_is_over_begins_with_the_next_one() -> None:
    """ID-08: prekeys are there before the next list, whose PUBLISH was lost with its connection."""
    world = World()
    praxis = world.node("Praxis", publish=True)
    praxis.start()
    person = world.node("Person", publish=True)
    person.start()
    account_id = person.add(praxis.engine.card())
    world.advance(MINUTE_MS)
    person.stop()
    person.alive = False
    world.advance(31 * DAY_MS)
    person.alive = True
    person.send(account_id, "wieder da")
    lost: list[bytes] = []

    def outgoing(_channel: Channel, data: bytes) -> list[bytes]:
        if lost or not any(isinstance(one, Publish) for one in decode_frames(data, Role.RELAY)):
            return [data]
        lost.append(data)
        return []

    person.outgoing = outgoing
    person.crash()
    person.start()
    world.advance(MINUTE_MS)
    assert len(lost) == 1
    assert praxis.texts() == ["wieder da"]


def test_a_claim_of_a_newer_list_within_an_hour_of_another_one_is_looked_into_after_it() -> None:
    """CON-13: whoever claims it says so once, and what it says may be true."""
    world = World()
    praxis = world.node("Praxis", publish=True)
    praxis.start()
    world.advance(MINUTE_MS)
    looks: list[int] = []

    def outgoing(_channel: Channel, data: bytes) -> list[bytes]:
        looks.extend(world.now_ms for one in decode_frames(data, Role.RELAY) if isinstance(one, Lookup))
        return [data]

    praxis.outgoing = outgoing
    entry, first_ms = praxis.engine._context.entry, world.now_ms
    do(praxis, entry.check)
    world.advance(MINUTE_MS)
    do(praxis, entry.check)
    do(praxis, entry.check)
    world.advance(2 * HOUR_MS)
    assert looks == [first_ms, first_ms + HOUR_MS]


def test_claims_go_on_being_looked_into_though_the_clock_was_set_back() -> None:
    """CON-13: neither that nor claims which come without end put off the next look beyond an hour."""
    world = World()
    praxis = world.node("Praxis", publish=True)
    praxis.ahead_ms = 30 * DAY_MS
    praxis.start()
    world.advance(MINUTE_MS)
    entry = praxis.engine._context.entry
    do(praxis, entry.check)
    praxis.set_clock(0)
    world.advance(MINUTE_MS)
    looks: list[int] = []

    def look(turn: Turn) -> bool:
        looks.append(turn.now_ms)
        return True

    entry.compare = look  # type: ignore[method-assign]  # of claims alone
    begun_ms = world.now_ms
    for _ in range(15):
        do(praxis, entry.check)
        world.advance(10 * MINUTE_MS)
    assert looks == [begun_ms + HOUR_MS, begun_ms + 2 * HOUR_MS]
