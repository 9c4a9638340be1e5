"""Attacks of a relay that has an account of its own, or several, among the company's customers."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attack_evidence import Book, Verdict
from attack_keys import Thief
from attack_world import AttackWorld, Victim
from e2ee_client.engine import entry
from e2ee_client.engine.upkeep import REFILL_BELOW, STOCK, Upkeep
from e2ee_client.events import Doubt, SessionStarted
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import (
    ErrorReply,
    KnownFrame,
    Lookup,
    LookupResult,
    PrekeysBundle,
    PrekeysFetch,
    Request,
    Role,
    decode_frames,
    encode_frames,
)
from evil_relay import LastResort, Strategy

from e2ee import identity, prekeys
from e2ee import pair as pairs
from e2ee.content import AddressOnly
from e2ee.identity import DeviceRecord
from e2ee.pair import MINUTE_MS

# --- A5 ---


def test_a5_one_time_keys_withheld(book: Book) -> None:
    """ID-17: both sides are told that the handshake had no one-time keys, and so what a later theft costs."""
    world = AttackWorld(LastResort())
    world.say(world.customer, world.praxis, "Guten Tag")
    for victim in (world.customer, world.company):
        (started,) = victim.of(SessionStarted)
        assert (started.one_time_x25519, started.one_time_kem) == (False, False)
    assert Thief.of(world.company).reads(world.relay.bodies()) == ["Guten Tag"], "what it costs"
    made = book.attack("A5", world, Verdict.VISIBLE, "the keys say under their signature what they are")
    assert len([line for line in made.saw if "without one-time keys" in line]) == 2, "and a person reads it"


def test_a5_with_one_time_keys_a_later_theft_opens_nothing() -> None:
    """HS-08: the same theft after an honest first contact finds the keys deleted."""
    world = AttackWorld()
    world.say(world.customer, world.praxis, "Guten Tag")
    assert world.company.texts() == ["Guten Tag"]
    assert Thief.of(world.company).reads(world.relay.bodies()) == []


def test_a5_control_nobody_looks(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-17: where the flags are not taken from the bundle, the loss is invisible."""
    whole = prekeys.OneTimeState(x25519=True, kem=True)
    monkeypatch.setattr(prekeys.VerifiedBundle, "one_time", whole)
    world = AttackWorld(LastResort())
    world.say(world.customer, world.praxis, "Guten Tag")
    (started,) = world.customer.of(SessionStarted)
    assert (started.one_time_x25519, started.one_time_kem) == (True, True)
    assert Thief.of(world.company).reads(world.relay.bodies()) == ["Guten Tag"]
    book.control("A5", "the flags of one-time keys", "the customer was told of keys that were never used")


def drained(policy: Policy | None = None, fetches: int = 150) -> tuple[AttackWorld, int]:
    """Let a customer of an honest relay fetch bundles at will; return how many one-time keys it got."""
    world = AttackWorld(policy=policy)
    connection = world.relay.connect()

    def ask(frame: KnownFrame) -> KnownFrame:
        while not connection._incoming.empty():
            connection._incoming.get_nowait()
        world.relay.take(connection, connection.session, encode_frames([frame]))
        (answer,) = decode_frames(connection._incoming.get_nowait() or b"", Role.CLIENT)
        assert isinstance(answer, PrekeysBundle | LookupResult | ErrorReply)
        return answer

    entry = ask(Lookup(1, world.praxis, 0))
    assert isinstance(entry, LookupResult)
    record = DeviceRecord.decode(entry.records[0])
    token = identity.verify_address(record, entry.addresses[0] or b"").token
    answers = [
        ask(PrekeysFetch(number, world.praxis, record.hash, token)) for number in range(2, 2 + fetches)
    ]
    world.relay.deeds.append(f"fetched bundles {fetches} times in a row, as a customer of an honest relay")
    refused = {one.code for one in answers if isinstance(one, ErrorReply)}
    world.customer.refusals.extend(f"relay.{code.name.lower()}" for code in refused)
    return world, sum(1 for one in answers if isinstance(one, PrekeysBundle) and one.one_time_x25519)


@pytest.fixture
def whole_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish as many one-time keys as a client does."""
    monkeypatch.setattr(entry, "STOCK", STOCK)
    monkeypatch.setattr(entry, "REFILL_BELOW", REFILL_BELOW)


@pytest.mark.usefixtures("whole_stock")
def test_a5_draining_is_limited(book: Book) -> None:
    """RLY-63: one connection drains a third of the stock; the owner is told to fill it up."""
    world, count = drained()
    assert count == int(Policy().fetches.burst) == 32
    assert world.customer.refusals == ["relay.rate_limited"]
    book.attack("A5", world, Verdict.REFUSED, "rates for a connection and for a device; the stock is 100")


@pytest.mark.usefixtures("whole_stock")
def test_a5_control_no_rates(book: Book) -> None:
    """Control of RLY-63: without rates the stock is empty at once."""
    endless = Rate(10_000, 10_000)
    _, count = drained(Policy(fetches=endless, fetches_per_device=endless))
    assert count == STOCK
    book.control("A5", "the rates of PREKEYS_FETCH", "one customer took all hundred one-time keys")


# --- B6 ---


class SameBundle(Strategy):
    """Hands the first bundle out again to everybody."""

    first: PrekeysBundle | None = None

    def answer(self, connection: int, request: Request | None, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not isinstance(frame, PrekeysBundle):
            return (frame,)
        if self.first is None:
            self.first = frame
        self.did("handed one one-time key out to two customers")
        return (PrekeysBundle(frame.request_id, self.first.bundle, True, True),)


def two_customers() -> tuple[AttackWorld, Victim]:
    """Let a customer of the relay's write first, and then the other one, with the same one-time keys."""
    world = AttackWorld(SameBundle())
    accomplice = world.victim("Mallory")
    accomplice.start()
    praxis = accomplice.add(world.company.engine.card())
    world.say(accomplice, praxis, "Ich war zuerst da")
    world.say(world.customer, world.praxis, "Guten Tag")
    return world, accomplice


def test_b6_one_key_for_two(book: Book) -> None:
    """HS-06, HS-08: the key is gone with its first use; the second flight is refused by name, and told."""
    world, _ = two_customers()
    world.advance(10_000)
    assert world.company.texts() == ["Ich war zuerst da"]
    assert set(world.company.refusals) == {"remote.unknown_prekey"}
    assert Thief.of(world.company).reads(world.relay.bodies()) == []
    book.attack("B6", world, Verdict.REFUSED, "the second customer's text stays undelivered, and shows so")


def test_b6_control_keys_stay(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of HS-08: where one-time keys stay, a later thief opens what was written with them."""
    monkeypatch.setattr(Upkeep, "used", lambda _self, _turn, _one_time: None)
    world, _ = two_customers()
    assert world.company.texts() == ["Ich war zuerst da", "Guten Tag"]
    assert Thief.of(world.company).reads(world.relay.bodies()) == ["Ich war zuerst da", "Guten Tag"]
    book.control("B6", "deletion of one-time keys", "a later thief read both customers' first texts")


# --- B7 ---


def accompanied() -> tuple[AttackWorld, Victim]:
    """Return a company with two customers who have written; the second one is with the relay."""
    world = AttackWorld.acquainted()
    accomplice = world.victim("Mallory")
    accomplice.start()
    praxis = accomplice.add(world.company.engine.card())
    world.say(accomplice, praxis, "Hier Mallory")
    world.say(world.company, accomplice.account_id, "Guten Tag, Mallory")
    world.advance(10_000)
    return world, accomplice


def test_b7_mail_of_one_customer_to_the_other(book: Book) -> None:
    """DR-10, SES-23: what was sealed for one opens nowhere else, whichever way the relay leads it."""
    world, accomplice = accompanied()
    world.say(world.customer, world.praxis, "Mein Geheimnis")
    world.say(world.company, world.kundin, "Ihr Befund")
    ours = {victim.mailbox(): world.relay.bodies(victim.mailbox()) for victim in (world.customer, accomplice)}
    for body in ours[world.customer.mailbox()]:
        world.relay.slip(accomplice.mailbox(), body)
    for body in ours[accomplice.mailbox()]:
        world.relay.slip(world.customer.mailbox(), body)
    for body in world.relay.bodies(world.company.mailbox()):
        world.relay.slip(world.company.mailbox(), body)
        world.relay.slip(accomplice.mailbox(), body)
    world.relay.deeds.append(
        "delivered each customer's mail to the other one and to its sender, all of it twice"
    )
    world.settle()
    world.advance(60_000)
    assert sorted(accomplice.texts()) == ["Guten Tag, Mallory"]
    assert sorted(world.customer.texts()) == ["Ihr Befund", "Was kann ich tun?"]
    assert sorted(world.company.texts()) == ["Guten Tag", "Hier Mallory", "Mein Geheimnis"]
    assert {"remote.unknown_session", "remote.replay"} <= set(accomplice.refusals + world.company.refusals)
    book.attack("B7", world, Verdict.REFUSED, "tags, keys and identities belong to one pair of devices")


def led_astray() -> AttackWorld:
    """Let an accomplice name the victim's mailbox as its own, so that what is meant for it goes there."""
    world, accomplice = accompanied()
    victim_way = world.company.peer_with(world.kundin).way_back
    assert victim_way is not None
    accomplice.control(world.praxis, AddressOnly(), way_back=victim_way)
    world.relay.deeds.append("gave its accomplice the address of another customer, as its own")
    world.settle()
    for number in range(20):
        world.say(world.company, accomplice.account_id, f"Nur fuer Mallory {number}")
        world.advance(11 * MINUTE_MS)
    return world


def test_b7_answers_led_to_another_customer(book: Book) -> None:
    """CON-06, SES-23, SES-35: the victim sees nothing of it, keeps its session, and asks 12 times a day."""
    world = led_astray()
    assert not [text for text in world.customer.texts() if "Mallory" in text]
    assert "remote.unknown_session" in world.customer.refusals
    assert 1 <= len(world.customer.of(Doubt)) <= 12
    assert len(world.customer.engine._state.sessions) == 1
    world.say(world.customer, world.praxis, "Sind wir noch verbunden?")
    world.advance(60_000)
    assert world.company.texts()[-1] == "Sind wir noch verbunden?"
    book.attack(
        "B7", world, Verdict.REFUSED, "costs the victim an ask, at most twelve a day; its session stays"
    )


def test_b7_control_asks_without_limit(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of SES-35: without the limit every message that is led astray makes the victim ask."""
    monkeypatch.setattr(pairs, "LIMITS", pairs.LIMITS._replace(asks=10_000))
    count = len(led_astray().customer.of(Doubt))
    assert count > 12
    book.control("B7", "the limit of asks", f"the victim asked {count} times in {20 * 11} minutes")
