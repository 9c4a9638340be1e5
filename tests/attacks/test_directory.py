"""Attacks on the directory: the company's keys begin anew by the relay's word, lists go back or fork."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attack_evidence import Book, Verdict
from attack_keys import Impostor, ghost
from attack_world import AttackWorld
from e2ee_client.events import IdentityAlarm
from e2ee_relay.protocol import KnownFrame, Lookup, PrekeysFetch, Request, Send
from evil_relay import Strategy, accepted, denied

from e2ee import identity
from e2ee.primitives import sign

SECRET = "Die neue Kontonummer lautet 4711"


# --- A14 ---


class NewBeginning(Strategy):
    """Refuses what is sent, so that the client asks the directory again, and answers with its own device."""

    def __init__(self) -> None:
        self.device: Impostor | None = None

    def request(self, connection: int, frame: Request) -> Iterable[KnownFrame]:
        if self.device is None:
            return (frame,)
        match frame:
            case Send():
                self.relay.tell(connection, self._answer(frame))
            case Lookup(request_id):
                self.did("called the address gone, and answered the look-up with a device of its own")
                self.relay.tell(connection, self.device.entry(request_id))
            case PrekeysFetch(request_id):
                self.relay.tell(connection, self.device.bundle(request_id))
            case _:
                return (frame,)
        return ()

    def _answer(self, frame: Send) -> KnownFrame:
        own = self.device is not None and frame.items[0].mailbox == self.device.party.way_back.mailbox
        return accepted(frame) if own else denied(frame)


def reset_by(signer: bytes, *, seq_step: int) -> tuple[AttackWorld, Impostor]:
    """Let the relay bring in its device, in a list signed by `signer`, and the customer write on."""
    strategy = NewBeginning()
    world = AttackWorld.acquainted(strategy)
    account_key = world.company.engine.export_account_key().expose()
    strategy.device = ghost(world.company, signer or account_key, seq_step=seq_step)
    world.customer.events.clear()
    world.say(world.customer, world.praxis, "Hallo?")
    world.advance(60_000)
    world.customer.attempt(world.praxis, SECRET)
    world.written.append(SECRET)
    world.settle()
    return world, strategy.device


def test_a14_new_keys_by_the_relays_word(book: Book) -> None:
    """ID-05: a list that the account key has not signed raises the alarm; nothing goes to its device."""
    world, device = reset_by(bytes(32), seq_step=1)
    assert IdentityAlarm(world.praxis, "remote.signature") in world.customer.of(IdentityAlarm)
    assert device.reads(world.relay.bodies()) == []
    book.attack("A14", world, Verdict.ALARMED, "only the account key signs devices; the texts wait")


def test_a14_new_keys_by_a_stolen_account_key(book: Book) -> None:
    """ID-07: a second list beside the pinned one blocks the contact until a person has looked."""
    world, device = reset_by(b"", seq_step=0)
    assert IdentityAlarm(world.praxis, "remote.list_fork") in world.customer.of(IdentityAlarm)
    assert world.customer.alarm(world.praxis) == "remote.list_fork"
    assert "contact.blocked" in world.customer.refusals
    assert device.reads(world.relay.bodies()) == []
    book.attack("A14", world, Verdict.ALARMED, "a fork of the list blocks sending until a person has looked")


@pytest.mark.parametrize("stolen", [False, True])
def test_a14_control(stolen: bool, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Controls of ID-05 and ID-07: without signature, or without the pinned head, the relay reads on."""
    if stolen:
        monkeypatch.setattr(identity, "_check_from_head", lambda _pinned, _lists: None)
    else:
        monkeypatch.setattr(sign, "verify", lambda _public, _data, _signature: None)
    world, device = reset_by(b"" if stolen else bytes(32), seq_step=0 if stolen else 1)
    assert device.reads(world.relay.bodies()) == [SECRET]
    assert world.customer.of(IdentityAlarm) == []
    switched_off = "the pinned head of the device list" if stolen else "the signature of the device list"
    book.control("A14", switched_off, "the relay's device took the company's place and read the next text")
