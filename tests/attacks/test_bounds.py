"""Attacks on what a client does without end: keys, work, rows and answers that others may make it spend."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest
from attack_evidence import Book, Verdict
from attack_world import AttackWorld, Victim
from e2ee_client.engine import contents as engine_contents
from e2ee_client.engine import incoming, upkeep
from e2ee_client.engine.contents import Contents
from e2ee_client.engine.entry import Entry
from e2ee_client.engine.link import Link
from e2ee_client.engine.outbox import Outgoing
from e2ee_client.engine.records import Contact
from e2ee_client.engine.sending import Sending
from e2ee_client.engine.turn import Turn
from e2ee_client.engine.upkeep import Upkeep
from e2ee_relay.protocol import (
    ErrorReply,
    KnownFrame,
    LowPrekeys,
    PrekeysStock,
    PrekeysUpload,
    Request,
    Response,
)
from evil_relay import Strategy
from forgery import body, entries_of, header, prepared, sealed
from parties import DAY_MS

from e2ee import content as contents
from e2ee import pair as pairs
from e2ee.content import Content, Heads, Text
from e2ee.identity import DeviceList, ListHead
from e2ee.ids import ContentId, ListHash
from e2ee.numbers import Number
from e2ee.pair import MINUTE_MS
from e2ee.ratchet import chain, step
from e2ee.ratchet.state import Sending as SendingChain
from e2ee.session import Started
from e2ee.wire.fields import MAX_U32

# --- C2, C10: prekeys ---


class Stock(Strategy):
    """Lies about the relay's stock of prekeys, and notes what is uploaded."""

    def __init__(self, **lies: int) -> None:
        self.lies = lies
        self.is_on = False
        self.uploads: list[PrekeysUpload] = []

    def request(self, connection: int, frame: Request) -> Iterable[KnownFrame]:
        if isinstance(frame, PrekeysUpload):
            self.uploads.append(frame)
        return (frame,)

    def answer(self, connection: int, request: Request | None, frame: KnownFrame) -> Iterable[KnownFrame]:
        if self.is_on and isinstance(request, PrekeysUpload) and isinstance(frame, ErrorReply):
            # What was refused would go again (ID-50): it says that it has taken it.
            frame = PrekeysStock(frame.request_id, 0, 0, 0, 0, None, None)
        if not isinstance(frame, PrekeysStock) or not self.is_on:
            return (frame,)
        self.did(f"answered each question for the stock of prekeys with {self.lies}")
        return (dataclasses.replace(frame, **self.lies),)


def ids_of(uploads: list[PrekeysUpload]) -> list[int]:
    """Return the ids of all one-time X25519 keys in the order of their uploads."""
    found = [entries_of(signed)[6] for upload in uploads for signed in upload.one_time_x25519]
    return [key_id for key_id in found if isinstance(key_id, int)]


def wound_up() -> tuple[AttackWorld, Stock]:
    """Let the relay name the highest id of all, and the company start three times in the weeks after."""
    strategy = Stock(one_time_x25519=0, highest_x25519_id=MAX_U32, highest_kem_id=MAX_U32)
    world = AttackWorld.acquainted(strategy)
    strategy.is_on = True
    world.company.break_connections()
    world.advance(2 * MINUTE_MS)
    strategy.is_on = False
    for _ in range(3):
        world.company.crash()
        world.company.start()
        world.advance(8 * DAY_MS)
    return world, strategy


def test_c2_ids_wound_up(book: Book) -> None:
    """ID-30: ids follow our own clock and count; what the relay says of them is not read."""
    world, strategy = wound_up()
    ids = ids_of(strategy.uploads)
    assert ids == sorted(set(ids))
    assert max(ids) < MAX_U32 // 2
    newcomer = world.victim("Neue Kundin")
    newcomer.start()
    praxis = newcomer.add(world.company.engine.card())
    world.say(newcomer, praxis, "Guten Tag, neu hier")
    assert world.company.texts()[-1] == "Guten Tag, neu hier"
    book.attack("C2", world, Verdict.HARMLESS, "numbers of the relay are no source of ours")


def test_c2_control_the_relay_is_believed(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-30: where the next id follows the relay's highest, one answer uses all of them up."""

    def believing(self: Entry, link: Link, turn: Turn, frame: Response) -> None:
        if isinstance(frame, PrekeysStock):
            self._state.own.stock_id = max(self._state.own.stock_id, frame.highest_x25519_id)
        stock(self, link, turn, frame)

    stock = Entry._stock
    monkeypatch.setattr(Entry, "_stock", believing)
    monkeypatch.setattr(Upkeep, "_new_stock_id", counting)
    with pytest.raises(OverflowError):
        wound_up()
    book.control("C2", "ids of our own", "after one answer no prekey could be made")


def counting(self: Upkeep, _turn: Turn) -> int:
    """Return the id that follows the highest one known."""
    self._state.own.stock_id += 1
    return int.from_bytes(self._state.own.stock_id.to_bytes(4, "big"), "big")


def hungry(pushes: int) -> tuple[AttackWorld, int]:
    """Say again and again that the stock is empty; return how many private keys were made for it in a day."""
    strategy = Stock(one_time_x25519=0, one_time_kem=0)
    world = AttackWorld.acquainted(strategy)
    strategy.is_on = True
    own = world.company.engine._state.own
    connection = world.relay._listening[world.company.mailbox()]
    before = len(world.company.engine._state.prekeys)
    for _ in range(pushes):
        world.relay.tell(connection, LowPrekeys(0, own.account_id, own.device.record.hash, 0, 0))
        world.advance(MINUTE_MS)
    strategy.did("said every minute that the stock of one-time keys is empty")
    return world, len(world.company.engine._state.prekeys) - before


def test_c10_prekeys_without_end(book: Book) -> None:
    """SES-35: 400 one-time keys a day, unless flights have named more."""
    world, made = hungry(60)
    assert 100 < made <= upkeep.MAX_STOCK_A_DAY
    book.attack("C10", world, Verdict.HARMLESS, "a budget of keys for a day")


def test_c10_control_keys_without_budget(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-35: without the budget every push has keys made."""
    monkeypatch.setattr(upkeep, "MAX_STOCK_A_DAY", 10**9)
    _, made = hungry(60)
    assert made > 1_000
    book.control("C10", "the budget of one-time keys", f"{made} private keys were made in an hour")


# --- C10: heads ---


def old_heads(monkeypatch: pytest.MonkeyPatch) -> tuple[AttackWorld, int]:
    """Let a contact say with each of 40 texts that it knows an old list of ours; return how many lists it
    got.
    """
    world = AttackWorld.acquainted()
    world.advance(16 * DAY_MS)
    world.say(world.company, world.kundin, "Guten Morgen")
    world.say(world.customer, world.praxis, "Guten Morgen!")
    own = world.customer.engine._state.own.device_list.head
    dressed = Sending._dressed

    def lying(self: Sending, *arguments):  # type: ignore[no-untyped-def]  # handed on as it came
        content = dressed(self, *arguments)
        if self is not world.customer.engine._context.sending:
            return content
        return content._replace(heads=Heads(own, ListHead(1, ListHash(bytes(32)))))

    lists: list[bytes] = []
    following = Contents.following

    def noting(self: Contents, turn: Turn, contact: Contact, signed: bytes) -> DeviceList | None:
        lists.append(signed)
        return following(self, turn, contact, signed)

    monkeypatch.setattr(Sending, "_dressed", lying)
    monkeypatch.setattr(Contents, "following", noting)
    for number in range(40):
        world.say(world.customer, world.praxis, f"Frage {number}")
    world.relay.deeds.append("had a contact state an old list of the company's with each of 40 texts")
    world.advance(MINUTE_MS)
    return world, len(lists)


def test_c10_old_heads(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """CON-05, SES-35: one list in a day, in one row."""
    world, lists = old_heads(monkeypatch)
    assert lists == 1
    book.attack("C10", world, Verdict.HARMLESS, "our newest list, once in a day")


def test_c10_control_old_heads(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of CON-05: without the limit each text has a list sent."""
    monkeypatch.setattr(pairs, "LIMITS", pairs.LIMITS._replace(lists=10**6))
    _, lists = old_heads(monkeypatch)
    assert lists > 20
    book.control("C10", "the limit of lists for a contact", f"{lists} lists went out for 40 texts")


# --- C10: skipped keys ---


class Steps:
    """Counts the chain keys that are derived."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._step = chain.step
        monkeypatch.setattr(chain, "step", self)

    def __call__(self, chain_key: bytes) -> tuple[bytes, bytes]:
        self.count += 1
        return self._step(chain_key)


def ahead(world: AttackWorld, sender: Victim, jump: int, place: int) -> bytes:
    """Seal a text of somebody who is with the relay, `jump` numbers ahead of the place that was used last."""
    session = prepared(sender.session_with(world.praxis))
    sending = session.ratchet.sending
    assert isinstance(sending, SendingChain)
    number = Number(2 + place, b"line", 2)
    content = Content(ContentId(place.to_bytes(16, "big")), world.now_ms, Text("weit voraus"), number=number)
    way_back = sender.engine._context.sending.way_back(sender.engine._state.contacts[world.praxis])
    step_by = jump * (place + 1) + place
    plain = header(sending, number=sending.number + step_by, pq_epoch=session.ratchet.pq_epoch)
    if not isinstance(session.phase, Started):
        return sealed(session, plain, body(contents.encode(content)), ahead_keys=step_by)
    under_prefix = contents.encode(content._replace(epoch=session.origin.epoch, way_back=way_back)) + b"\x80"
    lead = bytes((1, 2)) + session.phase.prefix
    return sealed(session, plain, under_prefix.ljust(1882, b"\0"), lead, ahead_keys=step_by)


def jumps(
    monkeypatch: pytest.MonkeyPatch, jump: int, times: int, *, stranger: bool
) -> tuple[AttackWorld, int]:
    """Let somebody who is with the relay jump ahead again and again; return how many keys the company
    derived.
    """
    world = AttackWorld.acquainted()
    sender = world.customer
    if stranger:
        sender = world.victim("Fremde")
        sender.start()
        sender.add(world.company.engine.card())
        world.say(sender, world.praxis, "Sind Sie da?")
    bodies = [ahead(world, sender, jump, place) for place in range(times)]
    steps = Steps(monkeypatch)
    for one in bodies:
        world.relay.slip(world.company.mailbox(), one)
        world.company.step_all()
    who = "a stranger" if stranger else "a contact"
    world.relay.deeds.append(f"had {who} jump {jump} numbers ahead, {times} times")
    return world, steps.count


def test_c10_jumps_of_a_contact(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-13, SES-35: 1000 keys for a message, 2000 in a day."""
    world, count = jumps(monkeypatch, 900, 6, stranger=False)
    assert 1_800 <= count <= pairs.MAX_SKIPS + 20
    assert "remote.skip_limit" in world.company.refusals
    book.attack("C10", world, Verdict.REFUSED, "a budget of skipped keys for a day")


def test_c10_jumps_of_a_stranger(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """SES-38: 64 keys for a message of somebody who is not accepted."""
    world, count = jumps(monkeypatch, 65, 3, stranger=True)
    assert count <= 10
    assert set(world.company.refusals) == {"remote.skip_limit"}
    book.attack("C10", world, Verdict.REFUSED, "a stranger may skip 64 keys")


def test_c10_control_jumps(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-35 and SES-38: without the budgets both have thousands of keys derived."""
    monkeypatch.setattr(incoming, "STRANGER_SKIP", 10**6)
    monkeypatch.setattr(pairs, "LIMITS", pairs.LIMITS._replace(skips=10**6))
    monkeypatch.setattr(step, "MAX_JUMP", 10**6)
    monkeypatch.setattr(incoming, "MAX_JUMP", 10**6)
    with monkeypatch.context() as patch:
        _, of_contact = jumps(patch, 900, 6, stranger=False)
    _, of_stranger = jumps(monkeypatch, 900, 3, stranger=True)
    assert of_contact > 5_000
    assert of_stranger > 2_500
    book.control("C10", "the budgets of skipped keys", f"{of_contact} and {of_stranger} keys were derived")


# --- C9 ---


def probed(times: int) -> tuple[AttackWorld, int, int]:
    """Let a contact send one text again and again; return how often it was shown, and what came back."""
    world = AttackWorld.acquainted()
    content_id = ContentId(b"the same content")
    sender, number = world.customer, Number(2, b"line", 2)
    sent = len(world.relay.bodies(sender.mailbox()))
    shown = len(world.company.texts())
    for _ in range(times):
        send(world, sender, Content(content_id, world.now_ms, Text("Sind Sie da?"), number=number))
        world.advance(2_000)
    world.relay.deeds.append(f"had a contact send one content id {times} times")
    answers = len(world.relay.bodies(sender.mailbox())) - sent
    return world, len(world.company.texts()) - shown, answers


def send(world: AttackWorld, sender: Victim, content: Content) -> None:
    """Seal a content of the sender's choice on its session, and send it."""
    state, turn = sender.engine._state, Turn(world.now_ms)
    peer, contact = sender.peer_with(world.praxis), state.contacts[world.praxis]
    sending, outbox = sender.engine._context.sending, state.outbox
    item = Outgoing(outbox.new_place(), contact.account_id, peer.device_id, content.id, False, world.now_ms)
    sending._seal(turn, peer, sender.session_with(world.praxis), item, content)
    sender.engine._context.delivery.flush(turn, peer, outbox.lane(contact.account_id, peer.device_id))
    sender.carry_out(turn.effects())
    world.settle()


def test_c9_one_content_again(book: Book) -> None:
    """SES-11, SES-42: shown once, confirmed three times at most."""
    world, shown, answers = probed(20)
    assert shown == 1
    assert answers <= engine_contents.MAX_CONFIRMED
    book.attack("C9", world, Verdict.HARMLESS, "who is probed answers three times at most")


def test_c9_control_each_is_confirmed(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-42: where each repeat is confirmed, twenty probes tell twenty times that a device is
    on.
    """
    monkeypatch.setattr(engine_contents, "MAX_CONFIRMED", 10**6)
    _, shown, answers = probed(20)
    assert shown == 1
    assert answers == 20
    book.control("C9", "the limit of receipts for one text", "each of twenty unseen probes was answered")
