"""Sessions that one side has lost: noticed by what comes on them, said once, ended beyond the limit too."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from e2ee_client.engine import Channel
from e2ee_client.engine.records import RECEIPTS_PREFIX, TAKEN_PREFIX, Outgoing, Peer
from e2ee_client.engine.turn import Turn
from e2ee_client.events import (
    MessageRejected,
    MessageState,
    MessageStateChanged,
    ResetCause,
    SessionReset,
    SessionStarted,
)
from e2ee_client.rows import Continuity
from e2ee_relay.protocol import (
    Ack,
    ErrorCode,
    Lookup,
    Message,
    PrekeysFetch,
    Role,
    Send,
    SendResult,
    SendResults,
    decode_frames,
    encode_frames,
)
from engine_world import Node, Rows, World, acquainted
from relay_scenes import (
    UNKNOWN,
    copying,
    delivered,
    intercepting,
    losing,
    lossless,
    push,
    second_contact,
    strange,
    talk,
)

from e2ee import pair as pairs
from e2ee import prekeys
from e2ee.content import Content, Receipt, Reset, ResetReason, Text
from e2ee.ids import ContentId
from e2ee.prekeys import PrekeyKind
from e2ee.session import AwaitingReply, seal

MINUTE_MS = 60_000
DAY_MS = 86_400_000


def use_up_resets(world: World, customer: Node) -> None:
    """Three false alarms, as many as a day has."""
    for _ in range(3):
        push(customer, strange())
        world.advance(11 * MINUTE_MS)


def the_peer(node: Node) -> Peer:
    (peer,) = node.engine._state.peers.values()
    return peer


def test_a_loss_is_noticed_while_the_prefix_is_repeated() -> None:
    """SES-19, HS-09: nobody has answered on the session yet, so that everything on it is a first flight."""
    world, company, customer, _ = acquainted()
    push(customer, strange())
    world.advance(11 * MINUTE_MS)
    assert len(company.of(SessionReset)) == 1
    customer.outgoing = losing(Send)
    push(customer, strange())
    world.advance(MINUTE_MS)
    customer.engine._state.outbox.clear()
    customer.outgoing = lossless
    assert all(one.gen == 0 for one in the_peer(customer).pair.sessions())
    for number in range(5):
        company.send(customer.engine.account_id, f"Befund {number}")
        world.advance(11 * MINUTE_MS)
    assert set(customer.texts()) == {f"Befund {number}" for number in range(5)}
    assert len(company.of(SessionReset)) == 2


def test_a_first_flight_again_says_nothing_while_its_session_lives() -> None:
    """HS-09, SES-19: under another of the relay's ids, long after the session has moved on."""
    world, company, customer, praxis = acquainted()
    bodies: list[bytes] = []
    company.outgoing = copying(bodies)
    push(customer, strange())
    world.advance(MINUTE_MS)
    talk(world, company, customer, praxis, 4)
    world.advance(11 * MINUTE_MS)
    events = len(customer.events)
    push(customer, bodies[0])
    world.advance(MINUTE_MS)
    assert customer.events[events:] == []


def test_beyond_the_limit_the_next_text_goes_on_a_session_that_both_have() -> None:
    """SES-07, SES-20: the peer of a loss that is one too many writes on none of the old sessions."""
    world, company, customer, praxis = acquainted()
    use_up_resets(world, customer)
    assert len(company.of(SessionReset)) == 3
    customer.crash(continuity=Continuity.CLONED)
    customer.start()
    asked = customer.send(praxis, "Frage")
    world.advance(MINUTE_MS)
    assert company.texts()[-1] == "Frage"
    sent = company.send(customer.engine.account_id, "Befund")
    world.advance(MINUTE_MS)
    assert customer.texts() == ["Befund"]
    assert sent in delivered(company)
    assert asked in delivered(customer)
    assert len(company.of(SessionReset)) == 3


def test_a_loss_with_several_known_devices_is_one() -> None:
    """SES-07, SES-19: nothing is sealed on a session that is about to go, and the loss is told once."""
    world, company, customer, praxis = acquainted()
    known = the_peer(customer)
    older = Peer(known.account_id, type(known.device_id)(os.urandom(len(known.device_id))), known.record_b)
    peers = customer.engine._state.peers
    peers.pop(known.key)
    peers[older.key], peers[known.key] = older, known
    customer.sent.clear()
    push(customer, strange())
    frames = [one for data in customer.sent for one in decode_frames(data, Role.RELAY)]
    assert not any(isinstance(one, Send) for one in frames)
    world.advance(MINUTE_MS)
    assert len(company.of(SessionReset)) == 1
    assert len(customer.of(SessionReset)) == 2, "the loss, and its answer"
    push(customer, strange())
    world.advance(MINUTE_MS)
    assert len(company.of(SessionReset)) == 1
    talk(world, company, customer, praxis, 1)
    assert customer.texts() == ["her 0"]


def test_the_same_loss_waits_once_for_a_session() -> None:
    """SES-07: a relay that gives out no prekeys does not pile up what is said of a loss."""
    world, company, customer, praxis = acquainted()
    hold = customer.outgoing
    customer.outgoing = losing(Lookup)
    for _ in range(4):
        use_up_resets(world, customer)
        world.advance(DAY_MS)
    waiting = [one for one in customer.engine._state.outbox.values() if not one.envelope]
    lost = [one for one in waiting if one.decoded().payload == Reset(ResetReason.STATE_LOST)]
    assert len(lost) == 1
    customer.outgoing = hold
    customer.break_connections()
    world.advance(11 * MINUTE_MS)
    talk(world, company, customer, praxis, 1)
    assert len(company.of(SessionReset)) <= 2
    assert customer.texts()[-1] == "her 0"


def test_texts_are_searched_once_for_what_is_confirmed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """SES-20: whoever renews a device list again and again costs no search of the store each time."""
    world, company, customer, praxis = acquainted()
    state = company.engine._state
    contact = state.contacts[customer.engine.account_id]
    searched: list[str] = []
    items: Callable[[Rows, str], Iterator[tuple[bytes, bytes]]] = Rows.items

    def counted(rows: Rows, table: str) -> Iterator[tuple[bytes, bytes]]:
        searched.append(table)
        return items(rows, table)

    monkeypatch.setattr(Rows, "items", counted)
    customer.send(praxis, "eins")
    world.advance(MINUTE_MS)
    for _ in range(3):
        company.engine._receipts.again(Turn(world.now_ms), contact)
    customer.send(praxis, "zwei")
    world.settle()
    state.receipts.clear()
    company.engine._receipts.again(Turn(world.now_ms), contact)
    company.engine._receipts.arrived(Turn(world.now_ms + 1), contact.account_id, os.urandom(16))
    company.engine._receipts.again(Turn(world.now_ms), contact)
    assert searched.count("message") == 1
    assert len(state.receipts[contact.account_id]) == 3


def test_the_id_for_the_relay_is_drawn_when_a_text_is_sealed() -> None:
    """RLY-32, SES-18: an older copy of the store does not seal under an id that has been taken already."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    world.cut()
    praxis = customer.add(company.engine.card())
    customer.send(praxis, "später")
    copy = customer.rows.copy()
    (waiting,) = (Outgoing.decode(*row) for row in copy.items("outbox") if not Outgoing.decode(*row).envelope)
    assert waiting.msg_id == b""
    world.mend()
    world.advance(MINUTE_MS)
    assert company.texts() == ["später"]
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    talk(world, company, customer, praxis, 2)
    sessions = {one.id for one in the_peer(company).pair.sessions()}
    customer.crash(copy, Continuity.ROLLED_BACK)
    customer.start()
    world.advance(2 * 3_600_000)
    assert company.texts().count("später") == 1
    assert {one.id for one in the_peer(company).pair.sessions()} > sessions, "the flight was looked at"
    talk(world, company, customer, praxis, 1)
    assert company.texts()[-1] == "hin 0"


def test_what_the_relay_does_not_keep_is_neither_remembered_nor_acknowledged() -> None:
    """SES-18, RLY-34: a message without a number may come twice, and each is looked at."""
    world, _, customer, _ = acquainted()
    customer.sent.clear()
    (mailbox,) = customer.engine._state.mailboxes
    frame = Message(0, mailbox, 0, os.urandom(16), strange(), 0)
    before = dict(customer.rows.tables["meta"])
    for _ in range(2):
        push(customer, frame.body, frame)
    assert len(customer.of(MessageRejected)) == 2
    assert dict(customer.rows.tables["meta"]) == before
    assert not any(isinstance(one, Ack) for data in customer.sent for one in decode_frames(data, Role.RELAY))
    world.settle()


def test_a_forgotten_contact_leaves_no_id_behind() -> None:
    """SES-18, STO-12."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 3)
    meta = customer.rows.tables["meta"]
    assert any(key.startswith(TAKEN_PREFIX) for key in meta)
    customer.carry_out(customer.engine.forget_contact(praxis, world.now_ms))
    assert not any(key.startswith((TAKEN_PREFIX, RECEIPTS_PREFIX)) for key in meta)


def test_receipts_go_with_the_session_that_the_contact_starts() -> None:
    """SES-20, CON-04: they waited for one, and nothing else has to happen."""
    world, company, customer, _ = acquainted()
    sent = company.send(customer.engine.account_id, "Befund")
    world.settle()
    assert customer.engine._state.receipts
    use_up_resets(world, customer)
    assert sent in delivered(company)


def test_receipts_that_went_out_are_not_sent_again_after_a_restart() -> None:
    """CON-04."""
    world, company, customer, _ = acquainted()
    company.send(customer.engine.account_id, "Befund")
    world.advance(10_000)
    assert not any(key.startswith(RECEIPTS_PREFIX) for key in customer.rows.tables["meta"])
    customer.crash()
    assert customer.engine._state.receipts == {}


def test_texts_alone_that_are_taken_back_bring_no_receipt_again() -> None:
    """SES-20."""
    world, company, customer, praxis = acquainted()
    company.send(customer.engine.account_id, "Befund")
    world.advance(10_000)
    customer.outgoing = losing(Send)
    customer.send(praxis, "Frage")
    world.settle()
    customer.engine._outgoings.unseal(Turn(world.now_ms), praxis)
    assert customer.engine._state.receipts == {}


def test_many_receipts_are_several_contents() -> None:
    """CON-04, SES-20: at most 64 ids in each."""
    world, _, customer, praxis = acquainted()
    customer.outgoing = losing(Send)
    ids = [number.to_bytes(16, "big") for number in range(130)]
    customer.engine._receipts.due(Turn(world.now_ms), praxis, ids)
    sizes: list[int] = []
    append = customer.engine._outgoings.send_control

    def noted(turn: Turn, contact: object, payload: object, **more: object) -> None:
        assert isinstance(payload, Receipt)
        sizes.append(len(payload.ids))
        append(turn, contact, payload, **more)  # type: ignore[arg-type]  # as it was called

    customer.engine._outgoings.send_control = noted  # type: ignore[method-assign]  # a spy
    customer.engine._receipts.send(Turn(world.now_ms))
    assert sizes == [64, 64, 2]


def test_a_text_that_waits_goes_at_once_on_the_next_session_beyond_the_limit() -> None:
    """SES-07: what the relay has not confirmed when the loss is heard of is sealed anew."""
    world, company, customer, praxis = acquainted()
    use_up_resets(world, customer)
    company.outgoing = losing(Send)
    company.send(customer.engine.account_id, "Befund")
    customer.crash(continuity=Continuity.CLONED)
    customer.start()
    company.outgoing = lossless
    customer.send(praxis, "Frage")
    world.settle()
    assert customer.texts() == ["Befund"]


def test_receipts_go_on_a_session_that_brings_no_text() -> None:
    """SES-20: the contact has started it, and nothing of ours is under way."""
    world, company, customer, praxis = acquainted()
    customer.engine._state.receipts[praxis] = [os.urandom(16)]
    contact = company.engine._state.contacts[customer.engine.account_id]
    turn = Turn(world.now_ms)
    company.engine._incomings._renew(turn, contact, the_peer(company))
    company.carry_out(turn.effects())
    world.advance(10_000)
    assert customer.engine._state.receipts == {}


def test_devices_without_a_session_have_lost_none() -> None:
    """SES-07, STO-15: a copy of the store says nothing of them."""
    _, _, customer, _ = acquainted()
    known = the_peer(customer)
    other = Peer(known.account_id, type(known.device_id)(os.urandom(len(known.device_id))), known.record_b)
    customer.rows.commit((other.put(),))
    customer.crash(continuity=Continuity.CLONED)
    peers = customer.engine._state.peers
    assert peers[known.key].lost
    assert not peers[other.key].lost


def test_both_sides_lost_their_sessions_and_write_at_once() -> None:
    """SES-07: two flights with gen 0 cross; whoever hears of the other's loss begins with more."""
    world, company, customer, praxis = acquainted()
    for node in (company, customer):
        node.crash(continuity=Continuity.CLONED)
    company.send(customer.engine.account_id, "Befund")
    customer.send(praxis, "Frage")
    for node in (company, customer):
        node.carry_out(node.engine.start(world.now_ms))
    world.advance(MINUTE_MS)
    assert company.texts()[1:] == ["Frage"]
    assert customer.texts() == ["Befund"]
    talk(world, company, customer, praxis, 2)
    assert customer.texts()[1:] == ["her 0", "her 1"]


@pytest.mark.parametrize("beyond", [False, True])
def test_two_flights_of_a_loss_wait_for_one_who_has_lost_as_well(beyond: bool) -> None:
    """SES-07: within the limit and beyond, a session that both have is the end of it."""
    world, company, customer, praxis = acquainted()
    if beyond:
        use_up_resets(world, customer)
    company.crash(continuity=Continuity.CLONED)
    for text in ("eins", "zwei"):
        customer.crash(continuity=Continuity.CLONED)
        customer.start()
        customer.send(praxis, text)
        world.settle()
    company.start()
    company.send(customer.engine.account_id, "Befund")
    world.advance(MINUTE_MS)
    assert company.texts()[1:] == ["eins", "zwei"]
    assert customer.texts() == ["Befund"]


def test_a_list_is_renewed_while_one_who_has_lost_waits_for_an_answer() -> None:
    """SES-17, SES-04: the new flight has gen 0 again, and is the one that is written on."""
    world, company, customer, praxis = acquainted()
    company.stop()
    customer.crash(continuity=Continuity.CLONED)
    customer.start()
    customer.send(praxis, "Frage")
    world.settle()
    turn = Turn(world.now_ms)
    customer.engine._outgoings.replace_unanswered(turn)
    customer.carry_out(turn.effects())
    customer.send(praxis, "noch eine")
    world.settle()
    assert the_peer(customer).pair.active is not None
    company.start()
    world.advance(MINUTE_MS)
    assert set(company.texts()[1:]) == {"Frage", "noch eine"}
    talk(world, company, customer, praxis, 1)
    assert customer.texts()[-1] == "her 0"


def test_a_flight_moved_to_another_mailbox_tells_nothing() -> None:
    """LKG-07, SES-19: a relay that asks whether two mailboxes are one person's gets no reaction."""
    world, company, customer, _ = acquainted()
    laboratory, labor = second_contact(world, customer)
    flights: list[bytes] = []
    company.outgoing = copying(flights)
    push(customer, strange())
    world.advance(11 * MINUTE_MS)
    other = next(one.id for one in customer.engine._state.mailboxes.values() if one.contact == labor)
    customer.sent.clear()
    push(customer, flights[0], mailbox=other)
    world.advance(MINUTE_MS)
    frames = [one for data in customer.sent for one in decode_frames(data, Role.RELAY)]
    assert not any(isinstance(one, Send | Lookup) for one in frames)
    assert laboratory.of(SessionReset) == []


def test_receipts_come_when_the_limit_is_free_again() -> None:
    """SES-16, SES-20: the company has nothing to say, and renews the session all the same."""
    world, company, customer, praxis = acquainted()
    use_up_resets(world, customer)
    talk(world, company, customer, praxis, 2)
    customer.crash(continuity=Continuity.CLONED)
    customer.start()
    sent = customer.send(praxis, "Frage")
    world.advance(MINUTE_MS)
    assert sent not in delivered(customer)
    world.advance(DAY_MS)
    customer.send(praxis, "noch da?")
    world.advance(MINUTE_MS)
    assert sent in delivered(customer)


def test_the_text_that_tells_of_a_loss_is_confirmed_again_too() -> None:
    """SES-20: it is not in the store yet when the store is searched."""
    world, company, customer, praxis = acquainted()
    use_up_resets(world, customer)
    company.crash()
    company.start()
    world.advance(MINUTE_MS)
    customer.crash(continuity=Continuity.CLONED)
    customer.start()
    asked = customer.send(praxis, "Frage")
    world.advance(MINUTE_MS)
    account_id, state = customer.engine.account_id, company.engine._state
    state.receipts.clear()
    company.engine._receipts.again(Turn(world.now_ms), state.contacts[account_id])
    assert asked in state.receipts[account_id]


def test_a_device_whose_limit_is_used_up_keeps_its_sessions_beside_another() -> None:
    """SES-19: further known devices are no way to have more resets."""
    world, company, customer, _ = acquainted()
    use_up_resets(world, customer)
    known = the_peer(customer)
    other = Peer(known.account_id, type(known.device_id)(os.urandom(len(known.device_id))), known.record_b)
    customer.engine._state.peers[other.key] = other
    sound = known.pair.active
    for _ in range(3):
        push(customer, strange())
        world.advance(11 * MINUTE_MS)
    assert known.pair.active is sound
    assert len(company.of(SessionReset)) == 3


@pytest.mark.parametrize("seed", range(8))
def test_whatever_was_lost_both_can_write_in_the_end(seed: int) -> None:
    """SES-07, SES-11, SES-16, SES-19: copies put back, crashes, cuts and false alarms in any order."""
    chance, texts = random.Random(seed), map(str, itertools.count())
    world, company, customer, praxis = acquainted()

    def alarm() -> None:
        world.settle()
        if any(one.mailbox for one in customer.connections):
            push(customer, strange())

    def again(node: Node) -> None:
        node.crash(continuity=chance.choice([Continuity.CLONED, Continuity.CONTINUOUS]))
        node.start()

    def cut() -> None:
        world.cut()
        world.advance(chance.choice([MINUTE_MS, 60 * MINUTE_MS]))
        world.mend()

    steps: list[Callable[[], object]] = [
        lambda: customer.send(praxis, next(texts)),
        lambda: company.send(customer.engine.account_id, next(texts)),
        lambda: again(customer),
        lambda: again(company),
        alarm,
        cut,
    ]
    for _ in range(30):
        chance.choice(steps)()
        world.advance(chance.choice([0, 0, 1_000, MINUTE_MS, 11 * MINUTE_MS, 5 * 60 * MINUTE_MS]))
    world.advance(26 * 60 * MINUTE_MS)
    before = len(customer.sent) + len(company.sent)
    world.advance(120 * MINUTE_MS)
    assert len(customer.sent) + len(company.sent) - before < 100, "they have come to rest"
    talk(world, company, customer, praxis, 2)
    world.advance(MINUTE_MS)
    assert company.texts()[-2:] == ["hin 0", "hin 1"]
    assert customer.texts()[-2:] == ["her 0", "her 1"]
    for node in (company, customer):
        assert len(set(node.texts())) == len(node.texts())


def test_no_reset_is_spent_while_a_session_is_being_begun() -> None:
    """SES-16: what still comes on the old one meanwhile is no new disagreement."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 1)
    customer.outgoing = losing(Lookup)
    turn = Turn(world.now_ms)
    customer.engine._incomings._renew(turn, customer.engine._state.contacts[praxis], the_peer(customer))
    customer.carry_out(turn.effects())
    for number in range(4):
        company.send(customer.engine.account_id, f"Befund {number}")
        world.advance(1_000)
    assert customer.texts()[1:] == [f"Befund {number}" for number in range(4)]
    assert len(the_peer(customer).resets_ms) == 1


def test_a_forgotten_contact_that_comes_back_is_searched_anew() -> None:
    """SES-20: nothing of what it wrote before is confirmed."""
    world, company, customer, _ = acquainted()
    contact = company.engine._state.contacts[customer.engine.account_id]
    company.engine._receipts.again(Turn(world.now_ms), contact)
    company.carry_out(company.engine.forget_contact(contact.account_id, world.now_ms))
    company.engine._receipts.again(Turn(world.now_ms), contact)
    assert company.engine._state.receipts == {}


def renew(world: World, node: Node) -> None:
    """Have a node find that the two sides disagree."""
    turn, peer = Turn(world.now_ms), the_peer(node)
    node.engine._incomings._renew(turn, node.engine._state.contacts[peer.account_id], peer)
    node.carry_out(turn.effects())


def test_a_session_that_the_peer_began_ends_a_loss_whatever_its_gen() -> None:
    """SES-07, SES-04: both have lost, one was quicker; what comes after its gen 0 is more, and is active."""
    world, company, customer, praxis = acquainted()
    customer.stop()
    company.crash(continuity=Continuity.CLONED)
    company.start()
    customer.crash(continuity=Continuity.CLONED)
    customer.outgoing = losing(Lookup)
    customer.start()
    world.advance(1_000)
    customer.outgoing = lossless
    customer.break_connections()
    world.advance(20 * MINUTE_MS)
    assert not the_peer(customer).lost
    talk(world, company, customer, praxis, 2)
    assert not the_peer(company).lost
    renew(world, customer)
    sent = customer.send(praxis, "danach")
    world.advance(MINUTE_MS)
    assert sent in delivered(customer)


@pytest.mark.parametrize("number", range(6))
def test_a_start_that_does_not_win_holds_nothing_up(number: int) -> None:
    """SES-04: the bundle comes when the peer's own flight has made a session that can be written on."""
    world, company, customer, praxis = acquainted()
    for node in (company, customer):
        node.stop()
        node.crash(continuity=Continuity.CLONED)
    company.ports.rng(32 * number + 1)
    held: list[tuple[Channel, bytes]] = []

    def hold(channel: Channel, data: bytes) -> list[bytes]:
        fetches = any(isinstance(one, PrekeysFetch) for one in decode_frames(data, Role.RELAY))
        held.extend([(channel, data)] if fetches else [])
        return [] if fetches else [data]

    customer.outgoing = hold
    customer.start()
    company.start()
    customer.outgoing = lossless
    assert held
    for channel, data in held:
        customer._transmit(channel, data)
    world.settle()
    customer.send(praxis, "gleich")
    world.settle()
    assert "gleich" in company.texts()


def test_a_flight_that_does_not_win_against_nothing_is_renewed() -> None:
    """SES-16: the receiver remembers a higher gen, has no active session and nothing to say."""
    world, company, customer, praxis = acquainted()
    peer, turn = the_peer(company), Turn(world.now_ms)
    company.engine._state.set_pair(turn, peer, *pairs.retire(peer.pair, world.now_ms))
    company.carry_out(turn.effects())
    peer.pair = replace(peer.pair, highest_gen=5)
    turn = Turn(world.now_ms)
    customer.engine._state.drop_sessions(turn, the_peer(customer))
    customer.carry_out(turn.effects())
    sent = customer.send(praxis, "einmal")
    world.advance(MINUTE_MS)
    assert sent in delivered(customer)


def test_a_text_that_comes_twice_in_one_message_of_the_relay_is_told_once() -> None:
    """SES-11: on the old session and on the next one, before anything of it is in the store."""
    world, company, customer, praxis = acquainted()
    bodies: list[bytes] = []
    customer.outgoing = intercepting(bodies)
    customer.send(praxis, "doppelt")
    world.settle()
    renew(world, customer)
    world.settle()
    customer.break_connections()
    world.advance(MINUTE_MS)
    (mailbox,) = company.engine._state.mailboxes
    channel = next(one for one in company.connections if one.mailbox == mailbox)
    frames = [Message(0, mailbox, 1, os.urandom(16), body, 0) for body in dict.fromkeys(bodies)]
    company.carry_out(company.engine.received(channel, encode_frames(frames), world.now_ms))
    assert len(frames) >= 2
    assert company.texts()[1:] == ["doppelt"]


def test_behind_a_session_of_gen_0_comes_one_with_more() -> None:
    """SES-07, SES-04: still lost, and without an active session: another gen 0 would never become active."""
    world, company, customer, praxis = acquainted()
    company.stop()
    customer.crash(continuity=Continuity.CLONED)
    customer.start()
    peer, turn = the_peer(customer), Turn(world.now_ms)
    customer.engine._state.set_pair(turn, peer, *pairs.retire(peer.pair, world.now_ms))
    customer.carry_out(turn.effects())
    assert peer.lost
    customer.send(praxis, "danach")
    world.settle()
    assert peer.pair.active is not None
    assert peer.pair.active.gen == 1
    company.start()
    world.advance(MINUTE_MS)
    assert company.texts()[1:] == ["danach"]


def forget_pair(node: Node) -> None:
    """Let a malicious node take the next flight as the first one."""
    turn = Turn(node.world.now_ms)
    node.engine._state.drop_sessions(turn, the_peer(node))
    node.carry_out(turn.effects())


def beyond_the_limit(node: Node) -> bytes:
    """Return the last of so many messages that the receiver cannot derive its key (DR-13)."""
    session, envelope = the_peer(node).pair.active, b""
    assert session is not None
    for _ in range(2_005):
        content = Content(ContentId(os.urandom(16)), node.world.now_ms, Text("x"))
        session, envelope = seal(session, content, node.world.now_ms, os.urandom, node.ports.encapsulate)[:2]
    return envelope


def test_a_start_behind_an_expired_session_never_loses() -> None:
    """SES-07, SES-04: who takes gen 0, breaks it and lets gen 1 expire makes nobody ask for ever."""
    world, company, customer, praxis = acquainted()
    forget_pair(company)
    company.outgoing = losing(Send)
    push(customer, strange())
    world.settle()
    push(customer, beyond_the_limit(company))
    world.settle()
    active = the_peer(customer).pair.active
    assert active is not None
    assert (the_peer(customer).lost, active.gen) == (True, 1)
    assert isinstance(active.phase, AwaitingReply)
    world.advance(active.phase.not_after_ms - world.now_ms + MINUTE_MS)
    assert active.is_expired(world.now_ms)
    company.outgoing = lossless
    asked = len(customer.sent)
    customer.send(praxis, "hallo")
    world.settle()
    frames = [one for data in customer.sent[asked:] for one in decode_frames(data, Role.RELAY)]
    assert len([one for one in frames if isinstance(one, PrekeysFetch)]) == 1
    assert company.texts()[-1] == "hallo"


def test_prekeys_that_end_soon_end_no_engine() -> None:
    """SES-07: a customer whose key ends while gen 1 is unanswered; what waited goes out, at a start too."""
    world, company, customer, _ = acquainted()
    company.crash(continuity=Continuity.CLONED)
    forget_pair(customer)
    customer.outgoing = losing(Send)
    company.start()
    world.settle()
    their_keys = the_peer(company)
    device = customer.engine._state.own.device
    soon = prekeys.new_prekey(device, PrekeyKind.OPK, 9_000, world.now_ms + 5 * MINUTE_MS, os.urandom)
    their_keys.opks, their_keys.one_time_pqks = [soon.prekey.signed], []
    push(company, beyond_the_limit(customer))
    world.advance(6 * MINUTE_MS)
    company.crash()
    company.stop()
    company.send(customer.engine.account_id, "Befund")
    company.crash()
    company.start()
    world.advance(MINUTE_MS)
    active = the_peer(company).pair.active
    assert active is not None
    assert active.gen == 2
    assert "Befund" in customer.texts()


def stranger_of(world: World) -> tuple[Node, Node, bytes]:
    """A practice, somebody who has written to it and is not accepted, and the practice's account id."""
    company = world.node("Praxis", publish=True)
    company.start()
    stranger = world.node("Fremd")
    stranger.start()
    praxis = stranger.add(company.engine.card())
    stranger.send(praxis, "eins")
    world.advance(MINUTE_MS)
    return company, stranger, praxis


def withholding(node: Node) -> tuple[list[bytes], Callable[[], None]]:
    """Let a relay confirm what a node sends and keep it; return what it keeps, and a way to end that."""
    kept: list[bytes] = []
    answers: list[tuple[Channel, bytes]] = []

    def outgoing(channel: Channel, data: bytes) -> list[bytes]:
        sends = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Send)]
        for one in sends:
            kept.extend(item.body for item in one.items)
            results = tuple(SendResult(ErrorCode.OK, 0) for _ in one.items)
            answers.append((channel, encode_frames([SendResults(one.request_id, results)])))
        return [] if sends else [data]

    def end() -> None:
        node.outgoing = lossless
        for channel, data in answers:
            node.carry_out(node.engine.received(channel, data, node.world.now_ms))
        node.world.settle()

    node.outgoing = outgoing
    return kept, end


def lost_twice(world: World, stranger: Node, praxis: bytes) -> list[bytes]:
    """Let a stranger lose its sessions two times, and write after each; return the flights of the first time,
    which the relay has confirmed and keeps.
    """
    stranger.crash(continuity=Continuity.CLONED)
    kept, end = withholding(stranger)
    stranger.start()
    stranger.send(praxis, "A, kommt spaeter")
    world.advance(MINUTE_MS)
    end()
    stranger.crash(continuity=Continuity.CLONED)
    stranger.start()
    stranger.send(praxis, "B")
    world.advance(MINUTE_MS)
    return kept


def test_nothing_goes_back_to_a_stranger_who_lost_its_sessions() -> None:
    """SES-07, CON-04: it is heard again, and learns nothing; what is said when it is accepted arrives."""
    world = World()
    company, stranger, praxis = stranger_of(world)
    sent: list[bytes] = []
    company.outgoing = copying(sent)
    for number in range(4):
        stranger.crash(continuity=Continuity.CLONED)
        stranger.start()
        stranger.send(praxis, f"danach {number}")
        world.advance(8 * DAY_MS)
        stranger.send(praxis, f"viel spaeter {number}")
        world.advance(MINUTE_MS)
    assert sent == []
    assert len(company.texts()) == 9
    company.send(stranger.engine.account_id, "Guten Tag")
    world.advance(MINUTE_MS)
    assert stranger.texts() == ["Guten Tag"]


def test_a_stranger_is_heard_whatever_order_its_flights_come_in() -> None:
    """SES-05, SES-07: a flight that a relay withheld, delivered behind a later one, ends nothing."""
    world = World()
    company, stranger, praxis = stranger_of(world)
    kept, end = withholding(stranger)
    stranger.send(praxis, "zwei, kommt spaeter")
    world.settle()
    end()
    old = lost_twice(world, stranger, praxis)
    for body in (*kept, *old):
        push(company, body)
    world.settle()
    for number in range(12):
        stranger.send(praxis, f"B {number}")
        world.advance(2 * DAY_MS)
    assert len(company.texts()) == 4 + 12
    assert company.of(MessageRejected) == []
    company.send(stranger.engine.account_id, "Guten Tag")
    world.advance(MINUTE_MS)
    stranger.send(praxis, "Danke")
    world.advance(11 * MINUTE_MS)
    assert company.texts()[-1] == "Danke"
    assert stranger.texts() == ["Guten Tag"]


def test_an_answer_to_a_stranger_goes_where_it_writes() -> None:
    """SES-05, SES-07: a withheld flight came late; an answer goes where a text came last."""
    world = World()
    company, stranger, praxis = stranger_of(world)
    kept = lost_twice(world, stranger, praxis)
    for body in kept:
        push(company, body)
    world.settle()
    stranger.send(praxis, "C")
    world.advance(MINUTE_MS)
    assert set(company.texts()) == {"eins", "A, kommt spaeter", "B", "C"}
    company.crash()
    company.start()
    company.send(stranger.engine.account_id, "Guten Tag")
    world.advance(MINUTE_MS)
    assert stranger.texts() == ["Guten Tag"]


def test_a_stranger_who_begins_again_is_heard_for_good() -> None:
    """SES-07: it has forgotten us and added us again; its `gen` is then below what we know."""
    for _ in range(4):
        world = World()
        company, stranger, praxis = stranger_of(world)
        world.advance(40 * DAY_MS)
        stranger.send(praxis, "zwei")
        world.advance(MINUTE_MS)
        stranger.carry_out(stranger.engine.forget_contact(praxis, world.now_ms))
        world.settle()
        stranger.add(company.engine.card())
        stranger.send(praxis, "drei")
        world.advance(8 * DAY_MS)
        stranger.send(praxis, "vier")
        world.advance(MINUTE_MS)
        assert company.texts() == ["eins", "zwei", "drei", "vier"]


def test_a_flight_whose_session_is_gone_is_told() -> None:
    """HS-09: in the mailbox of a company too, so that nothing that somebody writes disappears silently."""
    world = World()
    company, stranger, praxis = stranger_of(world)
    turn = Turn(world.now_ms)
    company.engine._state.drop_sessions(turn, the_peer(company))
    company.carry_out(turn.effects())
    stranger.send(praxis, "zwei")
    world.settle()
    assert [one.code for one in company.of(MessageRejected)] == [UNKNOWN]


def test_a_flight_that_stands_twice_in_one_message_is_taken_once() -> None:
    """HS-09: the cache says so also within the step that takes the first."""
    world, company, customer, _ = acquainted()
    peer = the_peer(company)
    peer.opks, peer.one_time_pqks = [], []
    bodies: list[bytes] = []
    company.outgoing = intercepting(bodies)
    turn = Turn(world.now_ms)
    contact = company.engine._state.contacts[customer.engine.account_id]
    company.engine._incomings._renew(turn, contact, peer)
    company.carry_out(turn.effects())
    world.settle()
    (mailbox,) = customer.engine._state.mailboxes
    channel = next(one for one in customer.connections if one.mailbox == mailbox)
    parts = [bodies[0], strange(), bodies[0]]
    frames = [Message(0, mailbox, 1 + place, os.urandom(16), body, 0) for place, body in enumerate(parts)]
    events = len(customer.events)
    customer.carry_out(customer.engine.received(channel, encode_frames(frames), world.now_ms))
    begun = [one for one in customer.events[events:] if isinstance(one, SessionStarted)]
    assert [one.by_us for one in begun].count(False) == 1


def test_a_text_that_is_confirmed_in_the_message_of_a_loss_is_not_sent_again() -> None:
    """SES-08: receipt and flight of gen 0 come in one message of the relay."""
    world, company, customer, _ = acquainted()
    world.advance(11 * MINUTE_MS)
    sent = company.send(customer.engine.account_id, "Befund")
    bodies: list[bytes] = []
    customer.outgoing = intercepting(bodies)
    world.advance(5_000)
    customer.crash(continuity=Continuity.CLONED)
    customer.start()
    world.settle()
    (mailbox,) = company.engine._state.mailboxes
    channel = next(one for one in company.connections if one.mailbox == mailbox)
    customer.outgoing = lossless
    frames = [
        Message(0, mailbox, 1 + place, os.urandom(16), body, 0)
        for place, body in enumerate(dict.fromkeys(bodies))
    ]
    company.carry_out(company.engine.received(channel, encode_frames(frames), world.now_ms))
    world.advance(MINUTE_MS)
    resets = company.of(SessionReset)
    assert [one.resent for one in resets if one.cause is ResetCause.THEIR_LOSS] == [0]
    states = [one.state for one in company.of(MessageStateChanged) if one.message_id == sent]
    assert states.count(MessageState.DELIVERED) == 1


def test_a_search_ends_with_its_contact() -> None:
    """A contact that was forgotten while it was looked up is found when it is added again."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(company.engine.card())
    late: list[tuple[Channel, bytes]] = []

    def delayed(channel: Channel, data: bytes) -> list[bytes]:
        is_lookup = any(isinstance(one, Lookup) for one in decode_frames(data, Role.RELAY))
        late.extend([(channel, data)] if is_lookup else [])
        return [] if is_lookup else [data]

    customer.outgoing = delayed
    customer.send(praxis, "a")
    world.settle()
    customer.outgoing = lossless
    customer.carry_out(customer.engine.forget_contact(praxis, world.now_ms))
    for channel, data in late:
        customer._transmit(channel, data)
    world.settle()
    assert customer.add(company.engine.card()) == praxis
    customer.send(praxis, "b")
    world.advance(MINUTE_MS)
    assert company.texts() == ["b"]
