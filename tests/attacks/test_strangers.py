"""Attacks that join a person's mailboxes, and what a stranger or a foreign relay may make a client do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from attack_evidence import Book, Verdict
from attack_world import AttackWorld, Victim
from e2ee_client.engine import Effect, Open, delivery, engine
from e2ee_client.engine.contents import Contents
from e2ee_client.engine.entry import Entry
from e2ee_client.engine.link import Link, LinkState
from e2ee_client.engine.records import OwnPrekey, prekey_place
from e2ee_client.engine.sending import Sending
from e2ee_client.engine.state import State
from e2ee_client.engine.turn import Turn
from e2ee_client.engine.upkeep import Upkeep
from e2ee_client.events import IdentityAlarm, PrekeysLow
from e2ee_client.rows import Continuity
from e2ee_relay.protocol import GoAway, LowPrekeys
from evil_relay import Keeper, Strategy

from e2ee.card import ContactCard
from e2ee.content import AddressOnly, Heads, WayBack
from e2ee.errors import InvalidArgument
from e2ee.identity import ListHead
from e2ee.ids import AccountId, ListHash
from e2ee.pair import HOUR_MS, MINUTE_MS
from e2ee.prekeys import PrekeyKind
from e2ee.primitives import dh
from e2ee.wire import envelope as envelopes

# --- C11 ---


def people(strategy: Strategy | None = None) -> tuple[AttackWorld, list[Victim], list[Victim]]:
    """Let four people write to two companies each."""
    world = AttackWorld(strategy)
    companies = [world.company, world.victim("Labor", publish=True)]
    companies[1].start()
    persons = [world.customer, *(world.victim(f"Person {number}") for number in range(3))]
    for person in persons:
        person.start()
        for company in companies:
            account_id = person.add(company.engine.card())
            world.settle()
            world.say(person, account_id, "Guten Tag")
            world.say(company, person.account_id, "Guten Tag!")
    world.advance(10_000)
    return world, companies, persons


def flights_to(world: AttackWorld, companies: list[Victim]) -> dict[bytes, tuple[int, int]]:
    """Have the companies begin new sessions with everybody; return the prekey ids that each mailbox is
    sent.
    """
    sent = len(world.relay.mail)
    for company in companies:
        company.crash(company.rows, Continuity.ROLLED_BACK)
        company.start()
    world.advance(MINUTE_MS)
    world.relay.deeds.append("read the prekey ids in clear in first flights to people's mailboxes")
    seen: dict[bytes, tuple[int, int]] = {}
    for item in world.relay.mail[sent:]:
        raw = envelopes.decode(item.body)
        if raw.prefix:
            prefix = envelopes.decode_prefix(raw.prefix)
            seen[item.mailbox] = prefix.spk_id, prefix.pqk_id
    return seen


def joined(seen: dict[bytes, tuple[int, int]]) -> list[set[bytes]]:
    """Return groups of mailboxes whose prekey ids are equal or close to each other."""
    groups: list[set[bytes]] = []
    for mailbox, ids in seen.items():
        near = {other for other, theirs in seen.items() if abs(theirs[0] - ids[0]) < 1_000}
        if len(near) > 1 and near not in groups:
            groups.append(near)
        assert mailbox in near
    return groups


def test_c11_prekey_ids(book: Book) -> None:
    """ID-38, ID-30: each contact gets prekeys of its own under random ids."""
    world, companies, persons = people()
    seen = flights_to(world, companies)
    theirs = {mailbox for person in persons for mailbox in person.engine._state.mailboxes}
    assert theirs <= set(seen)
    assert joined({mailbox: seen[mailbox] for mailbox in theirs}) == []
    book.attack("C11", world, Verdict.HARMLESS, "no two mailboxes share a value")


def shared_prekeys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give all contacts of a client the same prekeys, found from every mailbox."""

    def first(self: Upkeep) -> bytes:
        return next(iter(self.owners()))

    def find(self: Upkeep, kind: PrekeyKind, key_id: int, _owner: bytes) -> OwnPrekey | None:
        return self._state.prekeys.get(prekey_place(kind, key_id))

    current, rotate = Upkeep.current, Upkeep.rotate
    monkeypatch.setattr(Upkeep, "current", lambda self, _owner: current(self, first(self)))
    monkeypatch.setattr(
        Upkeep, "rotate", lambda self, turn, _owner, **how: rotate(self, turn, first(self), **how)
    )
    monkeypatch.setattr(Upkeep, "_find", find)


def test_c11_control_shared_prekeys(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-38: with one set of prekeys for all contacts, equal ids join a person's mailboxes."""
    shared_prekeys(monkeypatch)
    world, companies, persons = people()
    groups = joined(flights_to(world, companies))
    assert {frozenset(person.engine._state.mailboxes) for person in persons} <= {
        frozenset(one) for one in groups
    }
    book.control("C11", "prekeys of each contact's own", "the relay joined the mailboxes of every person")


def exchanges(monkeypatch: pytest.MonkeyPatch, *, taken: bool) -> tuple[tuple[int, str], tuple[int, str]]:
    """Put a first flight, which was delivered where it belongs or was not, into another mailbox of the same
    person, and into one of somebody else; return what a relay could see as time or as an answer: how many
    DH operations each costs, and how it is refused.
    """
    keeper = Keeper()
    world, companies, persons = people(keeper)
    one, other = persons[0], persons[1]
    mailboxes = list(one.engine._state.mailboxes)
    sent = len(world.relay.mail)
    keeper.mailboxes = set() if taken else set(mailboxes)
    flights_to(world, companies[:1])
    keeper.mailboxes.clear()
    flight = next(item for item in world.relay.mail[sent:] if item.mailbox in mailboxes and item.body[1] == 2)
    elsewhere = next(mailbox for mailbox in mailboxes if mailbox != flight.mailbox)
    found: list[tuple[int, str]] = []
    for victim, mailbox in ((one, elsewhere), (other, next(iter(other.engine._state.mailboxes)))):
        slip(world, mailbox, bytes((1, 1)) + bytes(616))
        world.advance(5_000)  # the ask that follows doubt once in ten minutes is answered
        count = work(monkeypatch, partial(slip, world, mailbox, flight.body))
        found.append((count, victim.refusals[-1]))
    return found[0], found[1]


def slip(world: AttackWorld, mailbox: bytes, body: bytes) -> None:
    """Deliver, and let everybody take what has arrived."""
    world.relay.slip(mailbox, body)
    for node in world.nodes:
        if isinstance(node, Victim):
            node.step_all()


def work(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> int:
    """Count the DH operations of an act."""
    count = 0
    exchange = dh.exchange

    def counting(private: bytes, public: bytes) -> bytes:
        nonlocal count
        count += 1
        return exchange(private, public)

    with monkeypatch.context() as patch:
        patch.setattr(dh, "exchange", counting)
        act()
    return count


@pytest.mark.parametrize("taken", [False, True])
def test_c11_time_of_a_refusal(taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """ID-38, LKG-07: keys of one mailbox are not found from another: neither refusal computes anything."""
    assert exchanges(monkeypatch, taken=taken) == ((0, "remote.unknown_prekey"),) * 2


def test_c11_control_time_of_a_refusal(monkeypatch: pytest.MonkeyPatch, book: Book) -> None:
    """Control of ID-38: where keys are found from every mailbox, time and answer tell whose mailbox it is."""
    shared_prekeys(monkeypatch)
    (same, code), (another, other_code) = exchanges(monkeypatch, taken=False)
    assert same > another == 0
    assert exchanges(monkeypatch, taken=True)[0][1] == "remote.replay" != other_code
    book.control(
        "C11", "keys that are found from their mailbox only", f"{same} DH operations against none: {code}"
    )


# --- C12 ---


def led_to(world: AttackWorld, url: str) -> list[tuple[str, bool]]:
    """Let a contact name a relay as its own; return what the company opens, and whether as foreign."""
    opened: list[tuple[str, bool]] = []
    carry_out = world.company.carry_out

    def noting(effects: list[Effect]) -> None:
        opened.extend(
            (one.channel.relay_url, one.channel.foreign) for one in effects if isinstance(one, Open)
        )
        carry_out(effects)

    vars(world.company)["carry_out"] = noting
    way = world.company.peer_with(world.kundin).way_back
    assert way is not None
    world.customer.control(world.praxis, AddressOnly(), way_back=WayBack(way.mailbox, way.token, url))
    world.say(world.customer, world.praxis, "Bitte antworten")
    world.advance(5_000)
    world.relay.deeds.append(f"had a contact name {url} as its relay")
    return opened


@pytest.mark.parametrize("url", ["wss://10.0.0.5:9200/", "wss://127.0.0.1:8443/", "wss://relay.intern/"])
def test_c12_a_foreign_relay(url: str, book: Book) -> None:
    """CON-06, RLY-170: it is opened as a foreign one: the transport refuses every address that is not
    global.
    """
    world = AttackWorld.acquainted()
    opened = led_to(world, url)
    assert opened
    assert set(opened) == {(url, True)}
    book.attack("C12", world, Verdict.HARMLESS, "the address connected to is judged, not the name")


def test_c12_control_no_relay_is_foreign(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of RLY-170: unmarked, the connection is opened like one to the company's own relay."""
    monkeypatch.setattr(State, "is_foreign", lambda _self, _url: False)
    assert led_to(AttackWorld.acquainted(), "wss://10.0.0.5:9200/") == [("wss://10.0.0.5:9200/", False)]
    book.control("C12", "the mark of a foreign relay", "a contact chose what the company's host connects to")


def told_low(world: AttackWorld) -> list[PrekeysLow]:
    """Let a relay that a contact named say that the company's one-time keys are gone."""
    led_to(world, "wss://fremd.example/")
    own = world.company.engine._state.own
    channel = next(one for one in world.company.connections if not one.mailbox)
    turn = Turn(world.now_ms)
    link = world.company.engine._context.links.link(turn, channel)
    world.company.engine._context.entry.low(
        turn, link, LowPrekeys(0, own.account_id, own.device.record.hash, 0, 0)
    )
    world.company.carry_out(turn.effects())
    world.relay.deeds.append("had a foreign relay say that the company's one-time keys are gone")
    return [event for event in world.company.of(PrekeysLow) if not event.one_time_x25519]


def test_c12_low_prekeys_from_afar(book: Book) -> None:
    """SES-35: only the relay of our own entry, on our mailbox's own connection, has a stock of ours."""
    world = AttackWorld.acquainted()
    assert told_low(world) == []
    book.attack("C12", world, Verdict.HARMLESS, "numbers count where they come from")


def test_c12_control_low_prekeys_from_anybody(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: believed from any connection, a contact's relay raises the owner's warning."""

    def believing(self: Entry, turn: Turn, link: Link, frame: LowPrekeys) -> None:
        assert link.state is LinkState.READY
        self._tell_shortage(turn, frame.one_time_x25519, frame.one_time_kem)

    monkeypatch.setattr(Entry, "low", believing)
    assert told_low(AttackWorld.acquainted())
    book.control("C12", "whose stock it is", "a contact's relay told the owner that its keys are gone")


def strange_heads(monkeypatch: pytest.MonkeyPatch) -> AttackWorld:
    """Let somebody who is not accepted claim another list of the company's."""
    world = AttackWorld.acquainted()
    stranger = world.victim("Fremder")
    stranger.start()
    praxis = stranger.add(world.company.engine.card())
    own = stranger.engine._state.own.device_list.head
    dressed = Sending._dressed

    def lying(self: Sending, *arguments):  # type: ignore[no-untyped-def]  # handed on as it came
        content = dressed(self, *arguments)
        return content._replace(heads=Heads(own, ListHead(99, ListHash(bytes(32)))))

    with monkeypatch.context() as patch:
        patch.setattr(Sending, "_dressed", lying)
        world.say(stranger, praxis, "Hallo")
    world.advance(MINUTE_MS)
    world.relay.deeds.append("had a stranger claim that the company has signed another list")
    assert world.company.texts()[-1] == "Hallo"
    return world


def test_c12_heads_of_a_stranger(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """CON-05, SES-38: what somebody who is not accepted says of lists is not read."""
    world = strange_heads(monkeypatch)
    assert world.company.refusals == []
    assert world.company.of(IdentityAlarm) == []
    book.attack("C12", world, Verdict.HARMLESS, "no event, no look-up")


def test_c12_control_heads_of_anybody(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-38: read from anybody, they have the company told of a newer list of its own."""
    extras = Contents._extras

    def reading(self: Contents, turn, peer, session, content) -> None:  # type: ignore[no-untyped-def]
        extras(self, turn, peer, session, content)
        if content.heads is not None:
            self._heads(turn, peer, session, content.heads)

    monkeypatch.setattr(Contents, "_extras", reading)
    world = strange_heads(monkeypatch)
    assert "remote.list_rollback" in world.company.refusals
    book.control(
        "C12", "heads of accepted contacts only", "a stranger had the company warned of its own list"
    )


def silenced() -> tuple[AttackWorld, int]:
    """Let a relay go away for 146 million years; return for how long the customer stays away."""
    world = AttackWorld.acquainted()
    world.relay.tell(world.relay._listening[world.customer.mailbox()], GoAway(0, 2**62))
    world.relay.deeds.append("said that it goes away for 146 million years")
    world.customer.step_all()
    links = world.customer.engine._context.links
    ends = (links._deadlines.at_ms((channel, 0)) or 0 for channel in links.by_channel)
    return world, max(at_ms - world.now_ms for at_ms in ends)


def test_c12_going_away(book: Book) -> None:
    """SES-35: an hour at most; then the client is back."""
    world, away_ms = silenced()
    assert away_ms <= HOUR_MS
    world.say(world.company, world.kundin, "Wieder da?")
    world.advance(HOUR_MS + MINUTE_MS)
    assert world.customer.texts()[-1] == "Wieder da?"
    book.attack("C12", world, Verdict.HARMLESS, "waits that a relay asks for have a bound")


def test_c12_control_going_away(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-35: without the bound one frame silences a client for good."""
    for module in (engine, delivery):
        monkeypatch.setattr(module, "MAX_RETRY_AFTER_MS", 2**63)
    _, away_ms = silenced()
    assert away_ms > 10**9 * HOUR_MS // HOUR_MS
    book.control("C12", "the bound of a wait", "one frame silenced the client for good")


# --- names and texts of others ---

HIDDEN = [
    "Pra\u202exis",
    "Pra\u200bxis",
    "\u2066x",
    "Praxis\u00a0",
    "\u3164",
    "\u115f\u115f",
    "\u2800",
    "\ufe0f",
    " ",
]
ADDRESSES = [
    "wss://a.example:0/",
    "wss://a.example:65536/",
    "wss://a@b.example/",
    "wss://a.example/?x",
    "ws://10.0.0.5/",
]


@pytest.mark.parametrize("name", HIDDEN, ids=ascii)
def test_names_that_show_nothing_or_another(name: str) -> None:
    """ID-33: no name is blank, and none turns or hides what stands beside it."""
    with pytest.raises(InvalidArgument):
        ContactCard(AccountId(bytes(32)), "wss://a.example/", name)
    assert ContactCard(AccountId(bytes(32)), "wss://a.example/", "Praxis Dr. Maier").name


@pytest.mark.parametrize("url", ADDRESSES)
def test_addresses_that_no_relay_has(url: str) -> None:
    """ID-23."""
    with pytest.raises(InvalidArgument):
        ContactCard(AccountId(bytes(32)), url, None)
    assert ContactCard(AccountId(bytes(32)), "wss://a.example:65535/x", None).relay_url


def test_a_text_that_has_no_encoding() -> None:
    """A lone surrogate is refused before anything is used, and the next text goes out."""
    world = AttackWorld.acquainted()
    before = len(list(world.customer.rows.items("outbox")))
    with pytest.raises(InvalidArgument):
        world.customer.send(world.praxis, "a\ud800b")
    assert len(list(world.customer.rows.items("outbox"))) == before
    world.say(world.customer, world.praxis, "danach")
    assert world.company.texts()[-1] == "danach"
