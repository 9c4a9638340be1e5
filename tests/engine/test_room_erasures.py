"""Orders to erase, timers of classes, holds and answers, on real engines (ROOM-41 to ROOM-45, CNS-45)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.rooms.about import AboutOthers
from e2ee_client.engine.rooms.entry_log import EntryLog, StoredEntry
from e2ee_client.engine.rooms.erasing import MAX_GONE, MAX_ORDERS
from e2ee_client.engine.rooms.erasures import MAX_ERASURES, is_erased_by_customer
from e2ee_client.engine.rooms.records import Erasure
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.events import MessageRejected
from e2ee_client.room_events import ErasureAnswered, ErasureUnanswered
from engine_world import Node, World
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, act, add, change, opened, page, rooms_of, write
from team_world import colleague, this

from e2ee.errors import NoRight, TooMany
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.payloads import Edit, Erase, Erased, Outcome, Sensitive

SECRET = "Kanarienvogel im dritten Wirbel"


def body(node: Node, room_id: RoomId, entry_hash: EntryHash) -> bytes | None:
    """The body of an entry as it is stored."""
    stored = rooms_of(node).log(room_id).find(Turn(node.now_ms), entry_hash)
    return None if stored is None else stored.body


def erasures_of(node: Node, room_id: RoomId) -> tuple[Erasure, ...]:
    """What a device knows of the orders to erase."""
    return rooms_of(node).stored(Turn(node.now_ms), room_id)[0].erasures


def missing(node: Node, room_id: RoomId) -> set[bytes]:
    """Who has not said that the newest order is carried out."""
    return set(erasures_of(node, room_id)[-1].missing)


def staffed() -> tuple[World, Node, Node, Node, RoomId]:
    """A desk and an agent in a room with a customer."""
    world, desk, customer, room_id = opened()
    agent = colleague(desk, "Frau Anders")
    world.advance(5 * MINUTE_MS)
    add(desk, room_id, desk, agent)
    world.advance(5 * MINUTE_MS)
    return world, desk, agent, customer, room_id


# --- who answers ---


@pytest.mark.audit_only
def test_every_device_of_the_company_answers_an_erasure_and_who_does_not_is_told() -> None:
    """ROOM-45: who is away is named after seven days, and its late answer counts."""
    world, desk, agent, customer, room_id = staffed()
    said = write(customer, room_id, SECRET)
    world.advance(10 * MINUTE_MS)
    agent.stop()
    order = write(customer, room_id, Erase((said,)))
    world.advance(26 * HOUR_MS)
    for node in (desk, customer):
        assert missing(node, room_id) == {this(agent)}
        (answered,) = node.of(ErasureAnswered)
        assert (answered.device_id, answered.outcome) == (this(desk), "done")
    world.advance(7 * DAY_MS)
    for node in (desk, customer):
        assert node.of(ErasureUnanswered) == [ErasureUnanswered(room_id, order, (this(agent),))]
    assert body(agent, room_id, said)
    agent.start()
    world.advance(2 * DAY_MS)
    assert body(agent, room_id, said) is None
    assert missing(desk, room_id) == missing(customer, room_id) == set()


@pytest.mark.audit_only
def test_orders_of_one_side_push_none_of_the_other_out_of_what_is_remembered() -> None:
    """ROOM-45: an agent is told of who has not carried out the customer's, whatever it erases itself."""
    world, desk, agent, customer, room_id = staffed()
    said, text = write(customer, room_id, SECRET), write(agent, room_id, "Guten Tag")
    world.advance(10 * MINUTE_MS)
    desk.stop()
    order = write(customer, room_id, Erase((said,)))
    world.advance(HOUR_MS)
    for _ in range(MAX_ORDERS + 1):
        world.advance(HOUR_MS)
        write(agent, room_id, Erase((text,)))
    world.advance(10 * DAY_MS)
    assert order in [one.by for one in erasures_of(agent, room_id)]
    assert order in [one.entry_hash for one in agent.of(ErasureUnanswered)]


@pytest.mark.audit_only
def test_what_so_many_orders_may_have_erased_counts_as_erased() -> None:
    """CNS-77: the order is forgotten by then."""
    world, desk, _, customer, room_id = staffed()
    said, other = write(customer, room_id, SECRET), write(customer, room_id, "Guten Tag")
    world.advance(10 * MINUTE_MS)

    def is_erased(entry_hash: EntryHash) -> bool:
        turn, log = Turn(desk.now_ms), rooms_of(desk).log(room_id)
        stored = log.find(turn, entry_hash)
        assert stored is not None
        return is_erased_by_customer(turn, rooms_of(desk).stored(turn, room_id)[0], log, stored)

    order = write(customer, room_id, Erase((said,)))
    world.advance(26 * HOUR_MS)
    assert [is_erased(one) for one in (said, other)] == [True, False]
    more = write(customer, room_id, "Danke")
    for _ in range(MAX_ERASURES):
        write(customer, room_id, Erase((more,)))
    world.advance(10 * MINUTE_MS)
    for node in (desk, customer):
        assert order not in [one.by for one in erasures_of(node, room_id)]
        assert len(erasures_of(node, room_id)) == MAX_ERASURES
    assert is_erased(said)


def test_an_answer_of_one_device_is_none_of_another() -> None:
    """ROOM-45: a colleague that answers at once, or twice, answers for itself alone."""
    world, desk, agent, customer, room_id = staffed()
    said = write(customer, room_id, SECRET)
    world.advance(10 * MINUTE_MS)
    write(customer, room_id, Erase((said,)))
    world.advance(MINUTE_MS)
    for _ in range(2):
        write(agent, room_id, Erased((said,), Outcome.DONE))
    world.advance(MINUTE_MS)
    assert missing(customer, room_id) == {this(desk)}
    world.advance(26 * HOUR_MS)
    assert missing(customer, room_id) == set()


def test_each_order_for_the_whole_room_has_its_own_answer() -> None:
    """ROOM-45: what is done of the first one says nothing of the second."""
    world, desk, agent, customer, room_id = staffed()
    write(customer, room_id, SECRET)
    world.advance(10 * MINUTE_MS)
    desk.stop()
    write(customer, room_id, Erase(None))
    world.advance(23 * HOUR_MS)
    act(customer, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))
    world.advance(2 * HOUR_MS)
    for node in (agent, customer):
        first, second = erasures_of(node, room_id)
        assert this(agent) not in first.missing
        assert this(agent) in second.missing
    world.advance(24 * HOUR_MS)
    for node in (agent, customer):
        assert missing(node, room_id) == {this(desk)}
    done = [one.entry_hash for one in customer.of(ErasureAnswered)]
    assert done == [one.by for one in erasures_of(customer, room_id)]


@pytest.mark.audit_only
def test_no_device_of_the_company_keeps_a_customer_from_erasing() -> None:
    """ROOM-63: however often an agent orders."""
    world, desk, agent, customer, room_id = staffed()
    said, text = write(customer, room_id, SECRET), write(agent, room_id, "Guten Tag")
    world.advance(10 * MINUTE_MS)
    for _ in range(MAX_ORDERS):
        write(agent, room_id, Erase((text,)))
    with pytest.raises(TooMany):
        write(agent, room_id, Erase((text,)))
    write(customer, room_id, Erase((said,)))
    world.advance(26 * HOUR_MS)
    assert missing(customer, room_id) == set()
    assert [body(node, room_id, said) for node in (desk, agent, customer)] == [None] * 3


@pytest.mark.audit_only
def test_marks_by_which_nothing_is_destroyed_here_keep_none_from_being_taken() -> None:
    """ROOM-63, ROOM-17: of both sides, over some days; and C erases."""
    world, desk, agent, customer, room_id = staffed()
    texts = [write(customer, room_id, f"{SECRET} {n}") for n in range(MAX_ORDERS // 2)]
    world.advance(10 * MINUTE_MS)
    for day in range(3):
        more = [write(customer, room_id, f"{SECRET} {day}") for _ in range(MAX_ORDERS // 4)]
        texts += more
        world.advance(10 * MINUTE_MS)
        for author in (desk, customer):
            for one in more + texts[: MAX_ORDERS // 4]:
                write(author, room_id, Sensitive((one,)))
        world.advance(DAY_MS + HOUR_MS)
    marked = texts[: MAX_ORDERS // 4] + texts[MAX_ORDERS // 2 :]
    for node in (desk, customer):
        live, log = rooms_of(node).stored(Turn(node.now_ms), room_id)
        found = [log.find(Turn(node.now_ms), one) for one in marked]
        assert all(one is not None and one.is_marked for one in found)
        assert len(live.orders) == 2 * MAX_ORDERS
    for node in (desk, agent, customer):
        assert not node.of(MessageRejected)
    write(customer, room_id, Erase((texts[0],)))
    world.advance(26 * HOUR_MS)
    assert [body(node, room_id, texts[0]) for node in (desk, agent, customer)] == [None] * 3


def test_a_device_that_keeps_what_is_marked_looks_for_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROOM-17: each entry that comes asks when a mark destroys."""
    _, desk, agent, customer, room_id = staffed()
    write(customer, room_id, Sensitive((write(customer, room_id, SECRET),)))
    desk.world.advance(10 * MINUTE_MS)
    found, find = list[EntryHash](), EntryLog.find

    def noted(self: EntryLog, turn: Turn, entry_hash: EntryHash) -> StoredEntry | None:
        found.append(entry_hash)
        return find(self, turn, entry_hash)

    monkeypatch.setattr(EntryLog, "find", noted)
    for node, looks in ((desk, False), (customer, False), (agent, True)):
        found.clear()
        turn = Turn(node.now_ms)
        due_ms = rooms_of(node).room(turn, room_id).erasing.due_ms(turn)
        assert (due_ms is not None, bool(found)) == (looks, looks)


@pytest.mark.parametrize("floods", [True, pytest.param(False, marks=pytest.mark.audit_only)])
def test_no_marks_of_the_company_have_a_mark_of_the_customer_forgotten(*, floods: bool) -> None:
    """ROOM-63, ROOM-17: a text that was marked under a hold goes where it is to when that is over."""
    world, desk, agent, customer, room_id = staffed()
    said, other = write(customer, room_id, SECRET), write(customer, room_id, "Guten Tag")
    world.advance(10 * MINUTE_MS)
    change(desk, room_id, Change(hold=True, text="Klage"))
    world.advance(MINUTE_MS)
    write(customer, room_id, Sensitive((said,)))
    world.advance(10 * MINUTE_MS)
    for _ in range(MAX_ORDERS if floods else 0):
        write(agent, room_id, Sensitive((other,)))
    world.advance(10 * MINUTE_MS)
    change(desk, room_id, Change(hold=False, text="erledigt"))
    world.advance(2 * DAY_MS)
    assert body(agent, room_id, said) is None
    assert body(desk, room_id, said) is not None


@pytest.mark.audit_only
def test_no_erasures_of_the_company_have_one_of_the_customer_forgotten() -> None:
    """ROOM-44: an agent erases what never was, while a newcomer has the customer's order and not its text."""
    world, desk, agent, customer, room_id = staffed()
    said = write(customer, room_id, SECRET)
    world.advance(10 * MINUTE_MS)
    write(customer, room_id, Erase((said,)))
    world.advance(10 * MINUTE_MS)
    new = colleague(desk, "Herr Neu")
    world.advance(5 * MINUTE_MS)
    add(desk, room_id, new)
    world.advance(10 * MINUTE_MS)
    for part in range(5):
        nothing = [EntryHash(bytes([part, n]) + bytes(30)) for n in range(60)]
        write(agent, room_id, Erase(tuple(nothing)))
    world.advance(30 * HOUR_MS)
    gone = rooms_of(new).stored(Turn(new.now_ms), room_id)[0].gone
    assert len(gone) == 1 + MAX_GONE
    assert said in [one.hash for one in gone]


def test_a_customer_answers_no_erasure() -> None:
    """TRN-20, attack: a forged `erased` of the customer's side is refused where it is written and taken."""
    _, _, _, customer, room_id = staffed()
    with pytest.raises(NoRight):
        write(customer, room_id, Erased(None, Outcome.DONE))


# --- what goes with it ---


def test_a_new_wording_goes_with_its_text_and_one_that_comes_later_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-44: on all devices, whichever of the two comes first, also of a device that would not look."""
    monkeypatch.setattr(AboutOthers, "check_ours", lambda self, turn, payload: None)
    world, desk, agent, customer, room_id = staffed()
    said = write(customer, room_id, "Tippfehler")
    worded = write(customer, room_id, Edit(said, SECRET))
    world.advance(10 * MINUTE_MS)
    write(customer, room_id, Erase((said,)))
    world.advance(MINUTE_MS)
    late = write(customer, room_id, Edit(said, SECRET))
    world.advance(MINUTE_MS)
    assert not any(one.payload for one in page(desk, room_id) if one.hash in (said, worded, late))
    world.advance(26 * HOUR_MS)
    latest = write(customer, room_id, Edit(said, SECRET))
    world.advance(10 * MINUTE_MS)
    for node in (desk, agent, customer):
        assert [body(node, room_id, one) for one in (said, worded, late, latest)] == [None] * 4


def test_what_was_erased_is_not_sent_any_more() -> None:
    """ROOM-44: an agent that was away all along is never given it, though it was posted to it."""
    world, desk, agent, customer, room_id = staffed()
    agent.stop()
    world.advance(HOUR_MS)
    said = write(desk, room_id, SECRET)
    customer.stop()
    world.advance(10 * MINUTE_MS)
    posting = desk.engine._context.posting
    assert posting.is_waiting(said[:16])
    write(desk, room_id, Erase((said,)))
    world.advance(26 * HOUR_MS)
    assert not posting.is_waiting(said[:16])
    values = [value for table in desk.rows.tables.values() for value in table.values()]
    assert not any(SECRET.encode() in one for one in values)


def test_an_erasure_that_was_carried_out_holds_for_what_comes_after_it() -> None:
    """ROOM-44: of a device that comes back later, which had not got it yet, too."""
    world, _, agent, customer, room_id = staffed()
    agent.stop()
    said = write(customer, room_id, SECRET)
    world.advance(10 * MINUTE_MS)
    write(customer, room_id, Erase((said,)))
    world.advance(26 * HOUR_MS)
    agent.start()
    world.advance(2 * DAY_MS)
    assert body(agent, room_id, said) is None


def test_the_whole_room_goes_with_its_notes_and_what_is_said_later_stays() -> None:
    """ROOM-43, CNS-45: a withdrawal erases what was said, both sides', and what colleagues have noted."""
    world, desk, agent, customer, room_id = staffed()
    said = write(customer, room_id, SECRET)
    ours = write(desk, room_id, SECRET)
    noted = act(desk, lambda turn, rooms: rooms.acting.note(turn, room_id, SECRET))
    world.advance(10 * MINUTE_MS)
    notes_id = rooms_of(desk).notes_of(room_id)
    assert body(agent, notes_id, noted)
    act(customer, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))
    world.advance(26 * HOUR_MS)
    for node in (desk, agent):
        assert body(node, room_id, said) is body(node, room_id, ours) is None
        assert body(node, notes_id, noted) is None
    assert body(customer, room_id, said)
    assert body(customer, room_id, ours)
    assert missing(customer, room_id) == set()


def test_a_hold_stays_above_an_erasure_and_says_so() -> None:
    """ROOM-26, ROOM-45: nothing goes until a supervisor clears it; then the order is carried out."""
    world, desk, agent, customer, room_id = staffed()
    said = write(customer, room_id, SECRET)
    world.advance(10 * MINUTE_MS)
    change(desk, room_id, Change(hold=True, text="Klage angekündigt"))
    world.advance(MINUTE_MS)
    write(customer, room_id, Erase((said,)))
    world.advance(2 * DAY_MS)
    assert body(desk, room_id, said)
    assert body(agent, room_id, said)
    outcomes = {(one.device_id, one.outcome) for one in customer.of(ErasureAnswered)}
    assert outcomes == {(this(desk), "hold"), (this(agent), "hold")}
    assert missing(customer, room_id) == {this(desk), this(agent)}
    with pytest.raises(NoRight):
        change(agent, room_id, Change(hold=False, text="nein"))
    change(desk, room_id, Change(hold=False, text="erledigt"))
    world.advance(10 * MINUTE_MS)
    assert body(desk, room_id, said) is body(agent, room_id, said) is None
    assert missing(customer, room_id) == set()
