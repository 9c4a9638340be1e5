"""The gate before anything is stored, and the `open` that goes ahead of every ask (CNS-28, TRN-30)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.records import TakenId
from e2ee_client.events import ContactAdded, Gap, MessageRejected
from engine_world import Node, World, acquainted
from own_devices import device_id
from relay_scenes import push, share_one_session, withholding
from rooms_double import OPEN, RoomsDouble, post, posted, with_rooms, word_of

from e2ee.content import AddressOnly, Nothing, Receipt, ReceiptState, SignedList, Sync, Text
from e2ee.ids import ContentId

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

Tables = dict[str, dict[bytes, bytes]]


def strangers() -> tuple[World, Node, Node, bytes, RoomsDouble, RoomsDouble]:
    """A company with a gate, and a customer whom it has not heard of; both are online."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(company.engine.card())
    world.settle()
    return world, company, customer, praxis, with_rooms(company, gated=True), with_rooms(customer)


def opening(customer: Node, company: Node, ours: RoomsDouble) -> None:
    """Let each flight of the customer begin with an `open`."""
    ours.opens[device_id(company)] = posted(customer, OPEN)


def tables(node: Node) -> Tables:
    """All rows but the remembered ids of the relay."""
    found = {table: dict(rows) for table, rows in node.rows.tables.items() if rows}
    found["meta"] = {
        key: row for key, row in found.get("meta", {}).items() if not key.startswith(TakenId.PREFIX)
    }
    return found


def test_a_refused_first_flight_leaves_the_remembered_id_and_nothing_else() -> None:
    """CNS-28, CNS-14, HS-07, CON-08: a stranger's ask and text; all rows are as before."""
    world, company, customer, praxis, rooms, _ = strangers()
    before, taken = tables(company), len(company.rows.tables.get("meta", {}))
    customer.send(praxis, "ohne Einwilligung")
    world.settle()
    kinds = [type(one.payload) for one in rooms.admitted]
    assert kinds == [Sync, Text]
    assert tables(company) == before
    assert len(company.rows.tables["meta"]) == taken + 2
    assert [one.code for one in company.of(MessageRejected)] == ["room.consent_required"] * 2
    state = company.engine._state
    assert (state.contacts, state.peers, dict(state.sessions), state.tags) == ({}, {}, {}, {})
    assert not company.of(ContactAdded)
    assert not company.texts()
    company.crash()
    with_rooms(company, rooms)
    company.start()
    world.advance(MINUTE_MS)
    assert len(rooms.admitted) == 2


@pytest.mark.parametrize(
    "payload",
    [
        Receipt(ReceiptState.DELIVERED, (ContentId(b"r" * 16),)),
        SignedList(b"list"),
        AddressOnly(),
        Nothing(),
    ],
    ids=lambda one: type(one).__name__,
)
def test_upkeep_of_a_stranger_is_refused_as_well(payload: object) -> None:
    """CNS-14, CNS-28: receipt, list, address and nothing under a prefix; the one-time keys stay."""
    world, company, customer, praxis, rooms, _ = strangers()
    customer.send(praxis, "beginnt eine Sitzung")
    world.settle()
    company.events.clear()
    before = tables(company)
    context = customer.engine._context
    turn = customer.engine._step(world.now_ms)
    (peer, session), *_ = context.renewal.with_sessions(turn, customer.engine._state.contacts[praxis])
    way_back = context.sending.way_back(peer.contact)
    context.sending.send_control(turn, peer, session, payload, way_back=way_back)  # type: ignore[arg-type]  # a payload
    customer.carry_out(turn.effects())
    world.settle()
    assert type(rooms.admitted[-1].payload) is type(payload)
    assert tables(company) == before
    assert [one.code for one in company.of(MessageRejected)] == ["room.consent_required"]


def test_a_refused_content_on_a_known_session_moves_the_session_alone() -> None:
    """CNS-28, TRN-10: no text, no receipt, no number, no contact changes."""
    world, company, customer, praxis = acquainted()
    rooms = with_rooms(company, gated=True)
    session_id = next(iter(company.engine._state.sessions))
    before = tables(company)
    sent = customer.send(praxis, "nach dem Widerruf")
    world.advance(MINUTE_MS)
    after = tables(company)
    assert {table for table in before.keys() | after.keys() if before.get(table) != after.get(table)} == {
        "session"
    }
    assert before["session"].keys() == after["session"].keys() == {session_id}
    assert [one.code for one in company.of(MessageRejected)] == ["room.consent_required"]
    assert customer.engine.message(praxis, sent, True).state.value == "sent"
    rooms.consents.add(customer.engine.account_id)
    customer.send(praxis, "mit Einwilligung")
    world.advance(2 * HOUR_MS)
    assert company.texts()[-2:] == ["mit Einwilligung", "nach dem Widerruf"]
    assert len(company.of(Gap)) == 1


def test_a_proof_in_a_refused_content_still_counts() -> None:
    """CNS-28, SES-36: the first message that answers is refused; its session is proven all the same."""
    world, company, customer, praxis, rooms, ours = strangers()
    opening(customer, company, ours)
    post(customer, posted(customer, "danach"), (praxis, device_id(company)))
    world.settle()
    rooms.consents.clear()
    world.advance(MINUTE_MS)
    rooms.consents.add(customer.engine.account_id)
    customer.send(praxis, "danach")
    world.advance(2 * HOUR_MS)
    assert company.texts() == ["danach"]
    assert share_one_session(company, customer)


def test_each_flight_begins_with_the_open_before_its_ask() -> None:
    """TRN-30, SES-24: open, ask, then what waits; the gate lets all of it pass."""
    world, company, customer, praxis, rooms, ours = strangers()
    opening(customer, company, ours)
    post(customer, posted(customer, "danach"), (praxis, device_id(company)))
    world.advance(MINUTE_MS)
    heard = [word_of(one) or type(one.payload).__name__ for one in rooms.admitted]
    assert heard[:3] == [OPEN, "Sync", "danach"]
    assert rooms.words == [OPEN, "danach"]
    assert rooms.admitted[0].bundle is not None
    assert company.of(MessageRejected) == []
    assert ours.opens == {}
    assert len(customer.rows.tables.get("posted", {})) == 0


def test_what_overtakes_the_open_leaves_nothing_and_comes_again() -> None:
    """TRN-30, CNS-28, SES-30: the relay turns the order round; the gap brings back what was refused."""
    world, company, customer, praxis, rooms, ours = strangers()
    opening(customer, company, ours)
    kept, end = withholding(customer)
    post(customer, posted(customer, "zu frueh"), (praxis, device_id(company)))
    world.settle()
    end()
    assert len(kept) == 3
    before = tables(company)
    for body in (kept[2], kept[1]):
        push(company, body)
    assert tables(company) == before
    assert [one.code for one in company.of(MessageRejected)] == ["room.consent_required"] * 2
    push(company, kept[0])
    assert rooms.words == [OPEN]
    world.advance(2 * HOUR_MS)
    assert rooms.words == [OPEN, "zu frueh"]


def test_a_lost_open_comes_again_with_each_repetition_of_the_ask() -> None:
    """TRN-30, SES-26: under the same number, and however often it takes."""
    world, company, customer, praxis, rooms, ours = strangers()
    opening(customer, company, ours)
    kept, end = withholding(customer)
    post(customer, posted(customer, "wartet"), (praxis, device_id(company)))
    world.settle()
    end()
    for body in kept[1:]:
        push(company, body)
    world.advance(9 * MINUTE_MS)
    assert rooms.words == []
    world.advance(2 * HOUR_MS)
    assert rooms.words == [OPEN, "wartet"]
    numbers = {one.number for one in rooms.admitted if word_of(one) == OPEN}
    assert len(numbers) == 1


def test_an_open_is_repeated_while_the_company_is_away_and_taken_once() -> None:
    """TRN-30, SES-37: more repetitions than a text may have sendings; one is taken."""
    world, company, customer, praxis, rooms, ours = strangers()
    opening(customer, company, ours)
    company.stop()
    post(customer, posted(customer, "wartet"), (praxis, device_id(company)))
    world.advance(5 * DAY_MS)
    company.start()
    world.advance(2 * HOUR_MS)
    opens = [one for one in rooms.admitted if word_of(one) == OPEN]
    assert len(opens) > 4
    assert len({one.id for one in opens}) == 1
    assert sorted(rooms.words) == sorted([OPEN, "wartet"])
    assert ours.opens == {}
    assert len(customer.rows.tables.get("posted", {})) == 0


def test_an_open_that_waits_in_the_lane_goes_ahead_of_what_was_posted_before_it() -> None:
    """TRN-30: it is the same item, sealed once; a crash at this point keeps it."""
    world, company, customer, praxis, rooms, ours = strangers()
    world.cut()
    device = (praxis, device_id(company))
    post(customer, posted(customer, "zuerst"), device)
    first = posted(customer, OPEN)
    ours.opens[device_id(company)] = first
    post(customer, first, device)
    customer.crash()
    with_rooms(customer, ours)
    customer.start()
    world.mend()
    world.advance(5 * MINUTE_MS)
    assert rooms.words == [OPEN, "zuerst"]
    assert rooms.repeats == 0
