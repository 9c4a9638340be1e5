"""Texts that do not arrive: who is told, what is asked for, what goes again and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from e2ee_client.engine.outbox import MAX_SENDINGS, NO_DEVICE, Lane, Outgoing
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.turn import Turn
from e2ee_client.events import (
    Churn,
    Doubt,
    Gap,
    GapFilled,
    MessageRejected,
    MessageState,
    MessageStateChanged,
    Parted,
    RolledBack,
    SessionStarted,
    Unconfirmed,
)
from e2ee_relay.protocol import Send
from engine_world import Node, World
from relay_scenes import (
    active_of,
    delivered,
    lose,
    losing,
    lossless,
    once,
    push,
    share_one_session,
    talk,
    talking,
    the_peer,
    well,
    withholding,
)

from e2ee.content import Sync, SyncKind
from e2ee.ids import AccountId
from e2ee.session import Heard, Proven, Session, Started

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def lane_of(node: Node) -> Lane:
    peer = the_peer(node)
    return node.engine._state.outbox.lane(peer.account_id, peer.device_id)


def drop(world: World, sender: Node, receiver: Node, *texts: str) -> list[bytes]:
    """Let a relay confirm texts and throw them away."""
    _, end = withholding(sender)
    sent = [sender.send(receiver.engine.account_id, text) for text in texts]
    world.settle()
    end()
    return sent


def test_first_contact_is_proven_for_both_by_its_third_leg() -> None:
    """SES-24, SES-36: ask, tell, and what the initiator sends then; the session is proven on each side."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    customer.send(customer.add(company.engine.card()), "Guten Tag")
    world.settle()
    session = customer.engine._state.sessions[the_peer(customer).pair.sessions[0].id]
    assert isinstance(session.phase, Started)
    assert isinstance(company.engine._state.sessions[session.id].phase, Heard)
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(10_000)
    assert isinstance(active_of(company).phase, Proven)
    assert isinstance(active_of(customer).phase, Proven)
    assert share_one_session(company, customer)


def test_a_gap_is_told_asked_for_and_filled() -> None:
    """SES-30, SES-25, SES-37: a relay drops a text that it has confirmed; the next one shows it."""
    world, company, customer, _ = talking()
    (lost,) = drop(world, company, customer, "verschwunden")
    world.advance(2 * MINUTE_MS)
    company.send(customer.engine.account_id, "danach")
    world.advance(5 * MINUTE_MS)
    assert len(customer.of(Gap)) == 1
    assert sorted(customer.texts()) == ["danach", "verschwunden"]
    assert len(customer.of(GapFilled)) == 1
    assert lost in delivered(company)
    assert customer.of(SessionStarted) == []
    assert not the_peer(customer).pair.received.missing


def test_a_gap_at_the_end_is_seen_by_the_next_sync() -> None:
    """SES-30, SES-24: no later text shows it, but each sync states the newest number."""
    world, company, customer, _ = talking()
    drop(world, company, customer, "das letzte")
    world.advance(2 * MINUTE_MS)
    push(customer, bytes((1, 1)) + bytes(600))
    world.advance(30 * MINUTE_MS)
    assert customer.of(Gap)
    assert customer.texts() == ["das letzte"]
    assert not the_peer(customer).pair.received.missing


@pytest.mark.parametrize("who", ["Praxis", "Kundin"])
def test_a_gap_survives_the_loss_of_all_sessions(who: str) -> None:
    """SES-30, SES-32: texts dropped, then state lost: numbers are of the pair, not of a session."""
    world, company, customer, praxis = talking()
    drop(world, company, customer, "eins", "zwei")
    node = {"Praxis": company, "Kundin": customer}[who]
    lose(node)
    world.advance(3 * HOUR_MS)
    company.send(customer.engine.account_id, "danach")
    world.advance(3 * HOUR_MS)
    assert sorted(customer.texts()) == ["danach", "eins", "zwei"]
    well(world, company, customer, praxis)


def test_a_text_that_its_sender_cannot_repeat_leaves_the_gap_told() -> None:
    """SES-30: the sender's store was set back to before the text; the receiver knows that one is missing."""
    world, company, customer, praxis = talking()
    copy = company.rows.copy()
    drop(world, company, customer, "nirgends mehr")
    world.advance(2 * MINUTE_MS)
    lose(company, copy)
    world.advance(DAY_MS)
    company.send(customer.engine.account_id, "danach")
    world.advance(2 * DAY_MS)
    assert "nirgends mehr" not in customer.texts()
    assert any(isinstance(one, Gap | Parted) for one in customer.events)
    well(world, company, customer, praxis)


def test_a_receiver_that_was_set_back_has_the_texts_asked_again() -> None:
    """SES-31, SES-37: what it had and confirmed is gone with its store; what it had not confirmed comes."""
    world, company, customer, praxis = talking()
    copy = customer.rows.copy()
    customer.outgoing = losing(Send)
    sent = company.send(customer.engine.account_id, "nicht bestätigt")
    world.settle()
    customer.crash(copy)
    customer.outgoing = lossless
    customer.events.clear()
    customer.start()
    world.advance(26 * HOUR_MS)
    assert customer.texts().count("nicht bestätigt") == 1
    assert sent in delivered(company)
    well(world, company, customer, praxis)


def test_a_sender_that_was_set_back_is_told_and_numbers_above_its_clock() -> None:
    """SES-31: the peer's `got` is above what we gave; the next number is never one that the peer states."""
    world, company, customer, praxis = talking()
    copy = customer.rows.copy()
    for number in range(3):
        customer.send(praxis, f"vergessen {number}")
    world.advance(2 * MINUTE_MS)
    lose(customer, copy)
    world.advance(MINUTE_MS)
    assert len(customer.of(RolledBack)) <= 1
    assert the_peer(customer).pair.given.n >= world.now_ms - 2 * MINUTE_MS
    well(world, company, customer, praxis)


def test_a_peer_that_went_back_is_told_to_the_receiver() -> None:
    """SES-30: a copy that nobody noticed gives a number a second time."""
    world, company, customer, praxis = talking()
    copy = customer.rows.copy()
    for text in ("eins", "zwei"):
        customer.send(praxis, text)
    world.advance(2 * MINUTE_MS)
    customer.crash(copy)
    customer.start()
    customer.send(praxis, "noch einmal dieselbe Nummer")
    world.advance(30 * HOUR_MS)
    assert company.of(Parted)
    assert company.texts().count("noch einmal dieselbe Nummer") == 1
    assert customer.of(RolledBack)


def test_nothing_is_told_of_a_conversation_that_runs_well() -> None:
    """SES-30: crashes, cuts, reordering in time, new openings of the store: no gap, nothing parted."""
    world, company, customer, praxis = talking()
    for round_ in range(6):
        talk(world, company, customer, praxis, 1)
        node = (company, customer)[round_ % 2]
        node.crash()
        world.cut()
        company.send(customer.engine.account_id, f"offline {round_}")
        customer.send(praxis, f"auch offline {round_}")
        world.mend()
        node.start()
        world.advance(HOUR_MS)
    for one in (company, customer):
        told = (Gap, Parted, RolledBack, Unconfirmed)
        assert not [event for event in one.events if isinstance(event, told)]
        assert once(one)
    well(world, company, customer, praxis)


def test_a_text_unconfirmed_for_a_day_leads_to_an_ask_and_goes_again() -> None:
    """SES-25, SES-37."""
    world, company, customer, _ = talking()
    (lost,) = drop(world, customer, company, "Frage")
    world.advance(23 * HOUR_MS)
    assert customer.of(Doubt) == []
    world.advance(3 * HOUR_MS)
    assert customer.of(Doubt)
    assert company.texts().count("Frage") == 1
    assert lost in delivered(customer)


def test_a_text_is_sent_four_times_and_then_told() -> None:
    """SES-37: the peer passes it over again and again; after 14 days at the latest the sender is told."""
    world, company, customer, praxis = talking()
    kept, _ = withholding(customer)
    sending = customer.engine._context.sending
    seal, sealed = sending._seal, list[bytes]()

    def noting(turn: Turn, peer: Peer, session: Session, item: Outgoing, *more: Any, **others: Any) -> bool:
        sealed.append(item.content_id)
        return seal(turn, peer, session, item, *more, **others)

    sending._seal = noting  # type: ignore[method-assign]  # what it does stays
    sent = customer.send(praxis, "kommt nie an")
    for _ in range(2 * MAX_SENDINGS):
        world.advance(2 * MINUTE_MS)
        turn, peer = Turn(world.now_ms), the_peer(customer)
        sending.again_up_to(turn, peer, peer.pair.given.n)
        sending.pump(turn, peer.contact)
        customer.carry_out(turn.effects())
    world.advance(15 * DAY_MS)
    assert sealed.count(sent) == MAX_SENDINGS == 4
    assert Unconfirmed(praxis, sent) in customer.events
    assert len(customer.of(Unconfirmed)) == 1
    assert sent not in delivered(customer)
    assert "kommt nie an" not in company.texts()
    assert kept


def test_a_company_that_is_away_for_weeks_gets_everything() -> None:
    """SES-26, SES-37, SES-44: texts of a customer wait at the relay; the search for an answer disturbs
    nothing, and what it has left there raises no alarm.
    """
    world, company, customer, praxis = talking()
    company.stop()
    for day in range(29):
        customer.send(praxis, f"Tag {day}")
        world.advance(DAY_MS)
    company.start()
    world.advance(2 * DAY_MS)
    assert [company.texts().count(f"Tag {day}") for day in range(29)] == [1] * 29
    assert not company.of(Churn)
    assert "remote.budget" not in [one.code for one in company.of(MessageRejected)]
    well(world, company, customer, praxis)


def test_a_customer_that_is_away_for_weeks_gets_everything() -> None:
    """SES-26, SES-34, SES-44: the same for the side that publishes nothing; the company holds its prekeys."""
    world, company, customer, praxis = talking()
    customer.stop()
    for day in range(29):
        company.send(customer.engine.account_id, f"Tag {day}")
        world.advance(DAY_MS)
    customer.start()
    world.advance(2 * DAY_MS)
    assert [customer.texts().count(f"Tag {day}") for day in range(29)] == [1] * 29
    assert not customer.of(Churn)
    assert "remote.budget" not in [one.code for one in customer.of(MessageRejected)]
    well(world, company, customer, praxis)


@pytest.mark.parametrize(("away", "older"), [(16, 8), (33, 0)])
def test_the_first_text_to_a_company_that_is_away_for_weeks_arrives(away: int, older: int) -> None:
    """SES-37: it comes back with a store from before its last prekeys, which refuses all that has waited, or
    when the relay has dropped it. After 14 days the text was given up, before the pair could meet.
    """
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    rows = company.rows.copy()
    for _ in range(older):
        world.advance(DAY_MS)
    company.stop()
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(company.engine.card())
    sent = customer.send(praxis, "Guten Tag")
    for _ in range(away):
        world.advance(DAY_MS)
    company.crash(rows if older else None)
    company.start()
    for _ in range(25):
        world.advance(HOUR_MS)
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(HOUR_MS)
    assert company.texts() == ["Guten Tag"]
    assert sent in delivered(customer)
    assert not customer.of(Unconfirmed)


def test_a_first_text_is_told_as_lost_when_no_flight_of_it_can_arrive_any_more() -> None:
    """SES-37: 44 days after it was written."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    company.stop()
    customer = world.node("Kundin")
    customer.start()
    customer.send(customer.add(company.engine.card()), "Guten Tag")
    for days, told in ((43, 0), (2, 1)):
        for _ in range(days):
            world.advance(DAY_MS)
        assert len(customer.of(Unconfirmed)) == told


def test_a_text_written_before_any_device_was_known_stays_one_when_another_device_has_met() -> None:
    """SES-37: it goes on to a device of the account in the time that it had when it was written."""
    world, _, customer, praxis = talking()
    sending, outbox = customer.engine._context.sending, customer.engine._state.outbox
    account_id, device_id = AccountId(praxis), bytes(16)
    assert not sending.new_item(account_id, device_id, bytes(16), world.now_ms).first
    item = outbox.new_text(account_id, NO_DEVICE, bytes(16), world.now_ms, first=True)
    sending._wait_for(Turn(world.now_ms), item, device_id)
    assert [one.first for one in outbox.lane(account_id, device_id).waiting] == [True]


@pytest.mark.parametrize("losses", [1, 2])
def test_who_lost_its_sessions_meanwhile_is_heard_by_one_that_is_back_at_once(losses: int) -> None:
    """SES-44: of more flights than a day takes the newest, which alone hold, were refused for a day."""
    world, company, customer, praxis = talking()
    customer.stop()
    for day in range(28):
        if day in (2, 10)[:losses]:
            lose(company)
        company.send(customer.engine.account_id, f"Tag {day}")
        world.advance(DAY_MS)
    customer.start()
    customer.send(praxis, "bin zurück")
    world.advance(15 * MINUTE_MS)
    assert [customer.texts().count(f"Tag {day}") for day in range(14, 28)] == [1] * 14
    assert "bin zurück" in company.texts()
    assert len(customer.of(Churn)) == losses - 1


def test_the_session_that_is_proven_first_is_one_that_the_peer_still_has() -> None:
    """SES-33: of six flights that come at once it keeps four, and its answer to the second proved one that
    was gone: all that had waited was sealed on it, and what was older than 14 days went no more.
    """
    world, company, customer, praxis = talking()
    customer.stop()
    for day in range(25):
        company.send(customer.engine.account_id, f"Tag {day}")
        if day == 1:
            lose(company)
        world.advance(DAY_MS)
    customer.start()
    world.advance(MINUTE_MS)
    assert [customer.texts().count(f"Tag {day}") for day in range(25)] == [1] * 25
    well(world, company, customer, praxis)


def test_a_sync_on_a_session_that_is_not_active_brings_no_text_again() -> None:
    """SES-37: what it states of numbers counts on the active one alone."""
    world, company, customer, _ = talking()
    older = active_of(company)
    lose(customer)
    world.advance(2 * MINUTE_MS)
    assert older.id != active_of(company).id
    drop(world, company, customer, "Befund")
    world.advance(2 * MINUTE_MS)
    peer, lane, (item,) = the_peer(company), lane_of(company), lane_of(company).unconfirmed.values()
    assert item.number is not None
    tell = Sync(SyncKind.TELL, None, None, None, item.number.n)
    for session, is_again in ((older, False), (active_of(company), True)):
        turn = Turn(world.now_ms)
        company.engine._context.renewal.synced(turn, peer, session, tell)
        company.carry_out(turn.effects())
        assert (item.sendings == 2 or item in lane.waiting) is is_again


def test_at_most_64_texts_go_again_at_a_time() -> None:
    """SES-37, SES-35: a peer that says it has nothing does not draw a whole history."""
    world, company, customer, _ = talking()
    drop(world, customer, company, *(f"Text {number}" for number in range(100)))
    world.advance(2 * MINUTE_MS)
    lose(company)
    world.advance(2 * MINUTE_MS)
    assert company.texts()[:64] == [f"Text {number}" for number in range(36, 100)]
    world.advance(3 * DAY_MS)
    assert sorted(company.texts()) == sorted(f"Text {number}" for number in range(100))


def test_a_text_confirmed_while_it_waits_to_go_again_does_not_go() -> None:
    """SES-37: its receipt comes while the relay is away."""
    world, company, customer, praxis = talking()
    sent = customer.send(praxis, "schon da")
    world.settle()
    lane = lane_of(customer)
    item = lane.unconfirmed[sent]
    lane.waiting.append(lane.unconfirmed.pop(sent))
    world.advance(5_000)
    assert MessageStateChanged(praxis, sent, MessageState.DELIVERED) in customer.events
    talk(world, company, customer, praxis, 1)
    world.advance(5_000)
    assert item.sendings == 1
    assert lane_of(customer).all() == []


@pytest.mark.audit_only
def test_the_weekly_ask_gives_fresh_prekeys() -> None:
    """SES-25, SES-34, ID-18: a customer publishes nothing; the company always holds prekeys in force."""
    world, company, customer, praxis = talking()
    before = the_peer(company).prekeys()
    world.advance(8 * DAY_MS)
    after = the_peer(company).prekeys()
    assert before is not None
    assert after is not None
    assert after.ends_ms > before.ends_ms
    assert after.bundle.opks
    for _ in range(5):
        world.advance(7 * DAY_MS)
        given = the_peer(company).prekeys()
        assert given is not None
        assert given.ends_ms > world.now_ms + 6 * DAY_MS
    assert customer.of(Doubt) == company.of(Doubt) == []
    assert share_one_session(company, customer)
    lose(company)
    world.advance(MINUTE_MS)
    well(world, company, customer, praxis)
    started = company.of(SessionStarted)[-1]
    assert (started.by_us, started.one_time_x25519, started.one_time_kem) == (True, True, True)


def test_texts_in_flight_when_both_start_a_session_arrive_once() -> None:
    """SES-22, SES-37: two candidates cross; one of them is active on both sides."""
    world, company, customer, praxis = talking()
    lose(company, start=False)
    lose(customer, start=False)
    for number in range(3):
        company.send(customer.engine.account_id, f"her {number} gekreuzt")
        customer.send(praxis, f"hin {number} gekreuzt")
    for node in (company, customer):
        node.carry_out(node.engine.start(world.now_ms))
    world.advance(2 * MINUTE_MS)
    assert [company.texts().count(f"hin {one} gekreuzt") for one in range(3)] == [1] * 3
    assert [customer.texts().count(f"her {one} gekreuzt") for one in range(3)] == [1] * 3
    assert active_of(company).origin.epoch == max(one.epoch for one in the_peer(customer).pair.sessions)
    well(world, company, customer, praxis)


def test_a_side_that_lacks_the_peers_session_mends_it_by_its_top() -> None:
    """SES-28: a customer that was set back to before the present session hears of it in the answer to its
    ask, and starts one above it at once, not after a silence.
    """
    world, company, customer, praxis = talking()
    copy = customer.rows.copy()
    lose(customer)
    world.advance(2 * MINUTE_MS)
    high = active_of(company).origin.epoch
    customer.crash(copy)
    customer.start()
    assert active_of(customer).origin.epoch < high
    company.send(customer.engine.account_id, "auf der neuen")
    world.advance(MINUTE_MS)
    assert share_one_session(company, customer)
    assert active_of(company).origin.epoch > high
    assert customer.texts()[-1] == "auf der neuen"
    well(world, company, customer, praxis)
