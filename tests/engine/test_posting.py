"""Contents of rooms, posted to named devices: stored once, in order with texts, until confirmed (TRN-29)."""

from __future__ import annotations

import pytest
from e2ee_client.engine import Commit, Effect
from e2ee_client.engine.posted import PostedRow
from e2ee_client.engine.posting import MAX_POSTED_B, Posting
from e2ee_client.errors import StoreCorrupt, UnknownContact
from e2ee_client.events import Gap, MessageRejected, Parted
from e2ee_client.rows import Continuity
from engine_world import Node, World, acquainted
from own_devices import device_id, joined
from rooms_double import BAD, RoomsDouble, post, posted, with_rooms

from e2ee.content import ContentType, OfRooms
from e2ee.errors import ContentTooLarge, InvalidArgument
from e2ee.ids import AccountId, DeviceId

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def company() -> tuple[World, Node, Node, Node, bytes]:
    """Two front desks of an account and a customer who knows both; all with rooms."""
    world = World()
    first = world.node("Praxis", publish=True)
    first.start()
    second = joined(world, first)
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(first.engine.card())
    world.settle()
    return world, first, second, customer, praxis


def waiting(node: Node) -> tuple[int, int]:
    """How many posted contents, and how many items of the outbox, a node stores."""
    return len(node.rows.tables.get("posted", {})), len(node.rows.tables.get("outbox", {}))


def test_a_content_is_stored_once_and_gone_with_the_last_confirmation() -> None:
    """TRN-29: one row for the content, one for each device; each device takes and confirms it once."""
    world, first, second, customer, praxis = company()
    rooms = [with_rooms(one) for one in (first, second)]
    ours = with_rooms(customer)
    second.stop()
    what = posted(customer, "eins")
    post(customer, what, (praxis, device_id(first)), (praxis, device_id(second)))
    assert waiting(customer) == (1, 2)
    assert customer.engine._context.posting.is_waiting(what.content_id)
    world.settle()
    for one in (first, second):
        one.carry_out(
            one.engine.accept_contact(customer.engine.account_id, world.now_ms)
        ) if one is first else 0
    world.advance(10_000)
    assert rooms[0].words == ["eins"]
    assert ours.reached == [(device_id(first), what.content_id)]
    assert waiting(customer)[0] == 1
    second.start()
    world.settle()
    second.carry_out(second.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(10_000)
    assert rooms[1].words == ["eins"]
    assert sorted(ours.reached) == sorted((device_id(one), what.content_id) for one in (first, second))
    assert waiting(customer) == (0, 0)
    assert not customer.engine._context.posting.is_waiting(what.content_id)


def test_contents_and_texts_of_a_device_keep_one_order() -> None:
    """TRN-29, SES-29: texts and posted contents wait in one lane and get their numbers as they are sealed."""
    world, company_, customer, praxis = acquainted()
    rooms = with_rooms(company_)
    world.cut()
    device = (praxis, device_id(company_))
    for number in range(3):
        customer.send(praxis, f"Text {number}")
        post(customer, posted(customer, f"Eintrag {number}"), device)
    world.mend()
    world.advance(2 * MINUTE_MS)
    assert rooms.words == ["Eintrag 0", "Eintrag 1", "Eintrag 2"]
    assert company_.texts()[-3:] == ["Text 0", "Text 1", "Text 2"]
    assert not company_.of(Gap)
    assert not company_.of(Parted)
    peer = next(iter(company_.engine._state.peers.values()))
    assert peer.pair.received.highest == 7
    assert peer.pair.received.missing == ()


def test_a_lost_session_and_a_restart_bring_a_content_again_and_it_is_taken_once() -> None:
    """SES-37, TRN-29: the receiver loses its sessions, the sender its memory; nothing is lost or doubled."""
    world, company_, customer, praxis = acquainted()
    rooms, ours = with_rooms(company_), with_rooms(customer)
    company_.stop()
    what = posted(customer, "wichtig")
    post(customer, what, (praxis, device_id(company_)))
    world.settle()
    customer.crash()
    with_rooms(customer, ours)
    customer.start()
    assert customer.engine._context.posting.is_waiting(what.content_id)
    company_.crash(continuity=Continuity.UNKNOWN)
    with_rooms(company_, rooms)
    company_.start()
    world.advance(HOUR_MS)
    assert rooms.words == ["wichtig"]
    assert ours.reached == [(device_id(company_), what.content_id)]
    assert waiting(customer) == (0, 0)
    assert company_.of(Parted) == []


def test_a_repeat_after_a_restart_of_the_sender_is_no_sign_of_two_copies() -> None:
    """TRN-29: a number that is here, of an older line, shows nothing; a repeat is confirmed three times."""
    world, company_, customer, praxis = acquainted()
    rooms, ours = with_rooms(company_), with_rooms(customer)
    what = posted(customer, "wieder")
    post(customer, what, (praxis, device_id(company_)))
    world.settle()
    company_.engine._state.receipts.clear()  # the receipt never leaves
    customer.crash()
    with_rooms(customer, ours)
    customer.start()
    for word in ("danach", "spaeter"):
        post(customer, posted(customer, word), (praxis, device_id(company_)))
        world.advance(2 * HOUR_MS)
    world.advance(2 * DAY_MS)
    assert rooms.words == ["wieder", "danach", "spaeter"]
    assert rooms.repeats >= 1
    assert company_.of(Parted) == []
    assert not customer.engine._context.posting.is_waiting(what.content_id)
    peer = next(iter(company_.engine._state.peers.values()))
    for _ in range(5):
        turn = company_.engine._step(world.now_ms)
        company_.engine._context.posting.confirm(turn, peer, what.content_id)  # type: ignore[arg-type]  # 16 bytes
    due = [one for ids in company_.engine._state.receipts.values() for one in ids]
    assert due.count(what.content_id) <= 1


def test_what_a_room_refuses_is_told_and_not_confirmed() -> None:
    """TRN-29, TRN-10: its number is counted, so that what follows is no gap; it is given up in the end."""
    world, company_, customer, praxis = acquainted()
    rooms, ours = with_rooms(company_), with_rooms(customer)
    bad, good = posted(customer, BAD), posted(customer, "gut")
    for one in (bad, good):
        post(customer, one, (praxis, device_id(company_)))
    world.advance(MINUTE_MS)
    assert [one.code for one in company_.of(MessageRejected)] == ["room.right"]
    assert (rooms.words, company_.of(Gap)) == (["gut"], [])
    assert ours.reached == [(device_id(company_), good.content_id)]
    for _ in range(16):
        world.advance(DAY_MS)
    assert ours.lost == [(device_id(company_), bad.content_id, "local.unconfirmed")]
    assert waiting(customer) == (0, 0)
    assert company_.of(Parted) == []


def test_a_device_that_is_struck_off_loses_what_waits_for_it() -> None:
    """TRN-29, ID-28: and the content goes on to the others."""
    world, first, second, customer, praxis = company()
    with_rooms(first, RoomsDouble(first))
    ours = with_rooms(customer)
    customer.send(praxis, "an beide")
    world.settle()
    for one in (first, second):
        one.carry_out(one.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    gone = device_id(second)
    second.stop()
    what = posted(customer, "eins")
    post(customer, what, (praxis, device_id(first)), (praxis, gone))
    first.carry_out(first.engine.remove_device(gone, world.now_ms))
    world.advance(MINUTE_MS)
    assert ours.lost == [(gone, what.content_id, "remote.identity")]
    assert ours.reached == [(device_id(first), what.content_id)]
    assert waiting(customer) == (0, 0)
    assert praxis in ours.changed
    again = posted(customer, "zwei")
    post(customer, again, (praxis, gone))
    assert ours.lost[-1] == (gone, again.content_id, "remote.identity")
    assert waiting(customer) == (0, 0)


def test_what_has_not_left_for_a_device_that_is_struck_off_is_not_lost() -> None:
    """ID-28: a sealed content that no relay has has not left; one that the relay has is reported."""
    world, first, second, customer, praxis = company()
    ours = with_rooms(customer)
    customer.send(praxis, "an beide")
    world.settle()
    for one in (first, second):
        one.carry_out(one.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    gone = device_id(second)
    second.stop()
    left, stayed = posted(customer, "eins"), posted(customer, "zwei")
    post(customer, left, (praxis, gone))
    world.settle()
    customer.stop()
    post(customer, stayed, (praxis, gone))
    first.carry_out(first.engine.remove_device(gone, world.now_ms))
    world.advance(MINUTE_MS)
    turn, contact = customer.engine._step(world.now_ms), customer.engine._state.contacts[AccountId(praxis)]
    customer.engine._context.contents.pin(turn, contact, first.engine._state.own.device_list)
    customer.carry_out(turn.effects())
    assert ours.lost == [(gone, left.content_id, "remote.identity")]
    assert ours.unsent == [(gone, stayed.content_id)]
    # The list that leaves it out is what still goes to it (ACC-66).
    assert waiting(customer) == (0, 1)


def test_a_contact_that_is_forgotten_loses_what_waits_for_it() -> None:
    """TRN-29: no row stays."""
    _, company_, customer, praxis = acquainted()
    ours = with_rooms(customer)
    what = posted(customer, "eins")
    post(customer, what, (praxis, device_id(company_)))
    customer.carry_out(customer.engine.forget_contact(praxis, customer.now_ms))
    assert ours.lost == [(device_id(company_), what.content_id, UnknownContact.code)]
    assert waiting(customer) == (0, 0)


def test_a_content_is_recalled_from_a_device_before_it_is_sealed_for_it() -> None:
    """ROOM-36: what has no number yet can be taken back without a gap; another device still gets it."""
    world, first, second, customer, praxis = company()
    ours = with_rooms(customer)
    what, other = posted(customer, "zurueck"), posted(customer, "bleibt")
    posting = customer.engine._context.posting
    world.cut()
    for one in (what, other):
        post(customer, one, (praxis, device_id(first)), (praxis, device_id(second)))
    turn = customer.engine._step(world.now_ms)
    to = AccountId(praxis), DeviceId(device_id(first))
    assert posting.recall(turn, *to, lambda one: one.content_id == what.content_id) == [what.content_id]
    assert posting.recall(turn, *to, lambda one: one.content_id == what.content_id) == []
    customer.carry_out(turn.effects())
    assert waiting(customer) == (2, 3)
    assert posting.is_waiting(what.content_id)
    assert ours.lost == []
    world.mend()


def test_a_device_that_is_not_known_yet_gets_what_waits_when_it_is() -> None:
    """TRN-29, SES-39: posted before the first look into the directory."""
    world, _, second, customer, praxis = company()
    rooms = with_rooms(second)
    post(customer, posted(customer, "eins"), (praxis, device_id(second)))
    world.advance(MINUTE_MS)
    assert rooms.words == ["eins"]


def test_what_cannot_be_posted_is_refused_before_anything_changes() -> None:
    """TRN-29: types, sizes, accounts."""
    _, company_, customer, praxis = acquainted()
    device = (praxis, device_id(company_))
    before = {table: dict(rows) for table, rows in customer.rows.tables.items()}
    with pytest.raises(UnknownContact):
        post(customer, posted(customer, "eins"), device, (b"?" * 32, b"?" * 16))
    with pytest.raises(InvalidArgument):
        post(customer, posted(customer, "eins", ContentType.SIGNAL), device)
    with pytest.raises(ContentTooLarge):
        post(customer, posted(customer, "x" * MAX_POSTED_B), device)
    with pytest.raises(InvalidArgument):
        post(customer, posted(customer, "eins"), (customer.engine.account_id, device_id(customer)))
    turn = customer.engine._step(0)
    with pytest.raises(InvalidArgument):
        customer.engine._context.posting.signal(turn, OfRooms(ContentType.ENTRY, 1), [])
    assert before == customer.rows.tables


def test_a_signal_goes_once_and_waits_for_nobody() -> None:
    """TRN-29: type 9 has no number, no row and no receipt."""
    world, company_, customer, praxis = acquainted()
    rooms = with_rooms(company_)
    payload = OfRooms(ContentType.SIGNAL, {1: "tippt"})
    devices = [(AccountId(praxis), DeviceId(device_id(company_))), (AccountId(praxis), DeviceId(b"?" * 16))]
    turn = customer.engine._step(world.now_ms)
    customer.engine._context.posting.signal(turn, payload, devices)
    customer.carry_out(turn.effects())
    world.advance(MINUTE_MS)
    assert rooms.words == ["tippt"]
    assert waiting(customer) == (0, 0)


def test_a_content_of_a_room_that_is_not_known_is_reported_and_not_confirmed() -> None:
    """CNS-14: it is of no room of ours."""
    world, company_, customer, praxis = acquainted()
    what = posted(customer, "eins")
    post(customer, what, (praxis, device_id(company_)))
    world.advance(MINUTE_MS)
    assert "remote.content" in [one.code for one in company_.of(MessageRejected)]
    assert customer.engine._context.posting.is_waiting(what.content_id)


class _Stop(Exception):
    """The process ends here."""


def test_a_crash_between_any_two_effects_loses_nothing_and_confirms_nothing_early() -> None:
    """TRN-29, STO-09: the sender ends after each of its effects in turn, the receiver likewise."""
    for victim in ("Kundin", "Praxis"):
        count = 0
        while _goes_on(victim, count):
            count += 1
        assert count > 2


def _goes_on(victim: str, count: int) -> bool:
    """Post something and let one node end after its effect `count`; False if there was none."""
    world, company_, customer, praxis = acquainted()
    rooms, ours = with_rooms(company_), with_rooms(customer)
    node, double = (customer, ours) if victim == "Kundin" else (company_, rooms)
    left, carry_out = [count], node.carry_out

    def counted(effects: list[Effect]) -> None:
        for effect in effects:
            if not left[0]:
                raise _Stop
            left[0] -= 1
            carry_out([effect])

    what = posted(customer, "einmal")
    node.carry_out = counted  # type: ignore[method-assign]  # the process that ends
    is_stopped = False
    try:
        post(customer, what, (praxis, device_id(company_)))
        world.advance(5_000)
    except _Stop:
        is_stopped = True
        is_posted = bool(node.rows.tables.get("posted")) or node is company_
        node.carry_out = carry_out  # type: ignore[method-assign]  # the next one
        if ours.reached:
            assert rooms.words == ["einmal"]
        node.crash()
        with_rooms(node, double)
        node.start()
        world.advance(DAY_MS + 2 * HOUR_MS)
        assert rooms.words == (["einmal"] if is_posted or ours.reached else [])
    assert len(rooms.words) == len(set(ours.reached))
    assert waiting(customer) == (0, 0)
    return is_stopped


def test_a_stored_content_that_does_not_fit_is_a_fault_of_the_store() -> None:
    """STO-08: another type, other bytes."""
    row = PostedRow(b"i" * 16, 1, 9, b"\x01")
    with pytest.raises(StoreCorrupt):
        row.posted()
    row.type, row.payload_b = 8, b"\xff"
    with pytest.raises(StoreCorrupt):
        row.posted()


def test_the_confirmations_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRN-29: a contact that sends on and on does not fill the memory."""
    monkeypatch.setattr("e2ee_client.engine.posting.MAX_REMEMBERED", 8)
    world, company_, _, _ = acquainted()
    posting: Posting = company_.engine._context.posting
    peer = next(iter(company_.engine._state.peers.values()))
    for number in range(20):
        turn = company_.engine._step(world.now_ms)
        posting.confirm(turn, peer, number.to_bytes(16, "big"))  # type: ignore[arg-type]  # an id
    assert len(posting._confirmed) == 8


def test_a_post_changes_no_more_rows_than_a_text_to_the_same_devices() -> None:
    """TRN-29: one row for the content; the others are those of any sealed envelope."""
    world, first, second, customer, praxis = company()
    customer.send(praxis, "an beide")
    world.settle()
    for one in (first, second):
        one.carry_out(one.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    _, effects = customer.engine.send_texts(praxis, ["Text"], world.now_ms)
    rows_of_text = sum(len(one.changes) for one in effects if isinstance(one, Commit))
    customer.carry_out(effects)
    world.advance(MINUTE_MS)
    turn = customer.engine._step(world.now_ms)
    devices = [(AccountId(praxis), DeviceId(device_id(one))) for one in (first, second)]
    customer.engine._context.posting.post(turn, posted(customer, "Eintrag"), devices)
    effects = turn.effects()
    assert sum(len(one.changes) for one in effects if isinstance(one, Commit)) <= rows_of_text
    customer.carry_out(effects)
