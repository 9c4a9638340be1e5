"""How people name a room, and a colleague: by the beginning of an id, by a name; `-` is the only room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.entry import Author
from e2ee.rooms.state import Phase
from e2ee_client import Client
from e2ee_client.errors import UnknownDevice, UnknownRoom
from e2ee_client.people import Person, Role
from e2ee_client.room_events import IdentifyAsked, RequestAsked
from e2ee_client.rooms import Company, CompanyRoom, CustomerRoom, Room

from .addressing import label_of, short_id
from .failures import Refused
from .neutral import neutral_name
from .texts import Texts

_LEAST_DIGITS: Final = 4


def is_company(client: Client) -> bool:
    """Whether a store is that of a company's device."""
    return client.shell.machine.is_company


def company_of(client: Client) -> Company:
    """Return the company's side of an open store.

    Raises:
        Refused: local.side, it is the store of a person.
    """
    if not is_company(client):
        raise Refused("local.side")
    return Company(client)


def company_room(client: Client, wanted: str) -> CompanyRoom:
    """Return a room on the company's side.

    Raises:
        UnknownRoom, Refused: as `find_room`; local.side.
    """
    company_of(client)
    return CompanyRoom(client, find_room(client, wanted).room_id)


def customer_room(client: Client, wanted: str) -> CustomerRoom:
    """Return a room on the customer's side.

    Raises:
        UnknownRoom, Refused: as `find_room`; local.side_company.
    """
    if is_company(client):
        raise Refused("local.side_company")
    return CustomerRoom(client, find_room(client, wanted).room_id)


def all_rooms(client: Client) -> list[Room]:
    """Return all rooms, that with the newest entry first."""
    found = sorted(client.shell.machine.rooms.all(), key=lambda one: one.last_ms, reverse=True)
    return [Room(client, one.room_id) for one in found]


def find_room(client: Client, wanted: str) -> Room:
    """Return the one room that is meant: for `-` the only one, or the only one that is open.

    Raises:
        UnknownRoom: none. Refused: local.rooms, several.
    """
    rooms = all_rooms(client)
    found = _only(rooms) if wanted.strip() == "-" else _begun(rooms, wanted.strip().lower())
    if not found:
        raise UnknownRoom("no such room")
    if len(found) > 1:
        raise Refused("local.rooms", rooms=", ".join(short_id(one.room_id) for one in found))
    return found[0]


def _only(rooms: Sequence[Room]) -> list[Room]:
    is_open = [one for one in rooms if one.phase in (None, Phase.OPEN)]
    return is_open if len(is_open) == 1 else list(rooms)


def _begun(rooms: Sequence[Room], digits: str) -> list[Room]:
    if len(digits) < _LEAST_DIGITS:
        return []
    return [one for one in rooms if one.room_id.hex().startswith(digits)]


def find_colleague(people: Sequence[Person], wanted: str) -> bytes:
    """Return the device of the one colleague that is meant, by its name or the beginning of its id.

    Raises:
        UnknownDevice: nobody. Refused: local.colleagues, several.
    """
    folded = wanted.strip().casefold()
    names = {one.device_id: (one.name or "").casefold() for one in people}
    exact = [one for one in people if folded and names[one.device_id] == folded]
    begun = [one for one in people if folded and names[one.device_id].startswith(folded)]
    by_id = [one for one in people if len(folded) >= _LEAST_DIGITS and one.device_id.hex().startswith(folded)]
    found = list(dict.fromkeys(exact or [*begun, *by_id]))
    if not found:
        raise UnknownDevice("no such colleague")
    if len(found) > 1:
        names_of = ", ".join(
            f"{label_of(one.name, one.device_id)} ({short_id(one.device_id)})" for one in found
        )
        raise Refused("local.colleagues", names=names_of)
    return found[0].device_id


def find_own_device(client: Client, wanted: str) -> bytes:
    """Return the one other device of this account that is meant, by the beginning of its id.

    Raises:
        UnknownDevice: none, or several.
    """
    digits, others = wanted.strip().lower(), client.devices()[1:]
    found = [one.device_id for one in others if one.device_id.hex().startswith(digits)]
    if len(digits) < _LEAST_DIGITS or len(found) != 1:
        raise UnknownDevice("no such device of this account")
    return found[0]


def id_asked(asked: RequestAsked | IdentifyAsked) -> str:
    """Return the id by which a person names what is asked for."""
    return (asked.entry_hash if isinstance(asked, IdentifyAsked) else asked.request_id).hex()


def find_request(
    requests: Sequence[RequestAsked | IdentifyAsked], wanted: str
) -> RequestAsked | IdentifyAsked:
    """Return the one request that is meant, by the beginning of its id; `-` is the only one.

    Raises:
        Refused: local.request, none or several.
    """
    digits = "" if wanted == "-" else wanted.strip().lower()
    found = [one for one in requests if id_asked(one).startswith(digits)]
    if len(found) != 1:
        raise Refused("local.request")
    return found[0]


def name_in(client: Client, device_id: bytes, texts: Texts) -> str:
    """Return what a device of the company is called, also one that is not in a room any more."""
    return person_name(colleague(client, device_id), client, texts)


def colleague(client: Client, device_id: bytes) -> Person:
    """Return a device of the company that the rooms of a store are with."""
    queries = client.shell.machine.rooms
    card = queries.company_card()
    company = client.account_id if is_company(client) or card is None else card.account_id
    return queries.person(Author(AccountId(company), DeviceId(device_id)), client.shell.now_ms)


def room_label(client: Client, room_id: bytes, texts: Texts) -> str:
    """Return what a room is called in lines: the beginning of its id; notes are called by their room."""
    queries = client.shell.machine.rooms
    for view in queries.all():
        if view.room_id == room_id:
            break
        if is_company(client) and queries.notes_of(view.room_id) == room_id:
            return f"{short_id(view.room_id)} {texts.say('room.notes')}"
    return short_id(room_id)


def is_of_notes(client: Client, room_id: bytes) -> bool:
    """Whether a room is that of the notes of another one."""
    queries = client.shell.machine.rooms
    return is_company(client) and any(queries.notes_of(view.room_id) == room_id for view in queries.all())


def _nameless(person: Person, client: Client, texts: Texts) -> str:
    """Return what a device of the company without a card that is known here is called: to customers, which
    know no devices, it speaks as the company.
    """
    if is_company(client):
        return f"{texts.say(f'role.{person.role.value}')} {short_id(person.device_id)}"
    card = client.shell.machine.rooms.company_card()
    return texts.say("company.nameless") if card is None or not card.name else neutral_name(card.name)


def person_name(person: Person, client: Client, texts: Texts) -> str:
    """Return what somebody is called in a room."""
    if person.is_this:
        return texts.say("chat.you")
    if person.role is Role.CUSTOMER:
        return texts.say("role.customer")
    name = neutral_name(person.name) if person.name else _nameless(person, client, texts)
    return f"{name} ({texts.say('role.bot')})" if person.is_bot else name
