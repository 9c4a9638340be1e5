"""Logins of a simulated world: tokens, who is known, and signing out."""

from __future__ import annotations

from typing import Any

from e2ee_client.engine.rooms.entry_log import EntryLog
from e2ee_client.engine.rooms.identifying import logins_of, person_of
from e2ee_client.engine.turn import Turn
from e2ee_client.people import LoggedIn
from room_rooms import MINUTE_MS, do
from room_world import World, ground

from e2ee.rooms.entry import EntryHash
from e2ee.rooms.login import Challenge, Person, sign_login
from e2ee.rooms.signed_payloads import Identify
from e2ee.secret import LoginKey


def token(
    world: World, challenge: Challenge, subject: str = "4711", key: LoginKey | None = None, ago_ms: int = 0
) -> bytes:
    """A token of the company's web server."""
    company, person = ground().company, Person(subject, "Erika Muster")
    signing = company.login_key if key is None else key
    return sign_login(signing, company.mandate.seq, challenge, person, world.now_ms - ago_ms, 5 * MINUTE_MS)


def challenge(world: World, name: str = "phone") -> Challenge:
    """What a device of the customer asks the web server for."""
    found: Challenge = do(world, name, lambda room, turn: room.identifying.ask(turn))
    return found


def log_in(world: World, subject: str = "4711", name: str = "phone") -> EntryHash:
    """The customer logs in by a token of the company's web server."""
    signed = token(world, challenge(world, name), subject)
    return handed_in(world, lambda room, turn: room.identifying.hand_in(turn, signed), name)


def handed_in(world: World, step: Any, name: str = "phone") -> EntryHash:
    """Do a step at a device, and let the others hear of it."""
    found = settled(world, step, name)
    world.run(4 * MINUTE_MS)
    return found


def settled(world: World, step: Any, name: str = "phone") -> EntryHash:
    """Do a step at a device of the customer."""

    def both(room: Any, turn: Turn) -> Any:
        found = step(room, turn)
        room.settle(turn)
        return found

    found: EntryHash = do(world, name, both)
    return found


def knows(world: World, name: str) -> LoggedIn | None:
    """Whom a device takes the customer for."""
    device = world.devices[name]
    turn = Turn(world.now_ms)
    counts = logins_of(turn, device.rows, world.room_id).counts
    return person_of(turn, EntryLog(device.rows, world.room_id, device.rng), counts)


def sign_out(room: Any, turn: Turn) -> EntryHash:
    """The step by which a person signs out."""
    found: EntryHash = room.identifying.sign_out(turn)
    return found


def by_null(room: Any, turn: Turn) -> EntryHash:
    """Sign out as a device does on which no login is, or no more erasures fit."""
    found: EntryHash = room.writing.write(turn, Identify(None))
    return found
