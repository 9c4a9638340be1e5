"""Commands about who a customer is: log in by the company's web server, sign out, the web server's key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from e2ee_client import Client
from e2ee_client.people import LoggedIn
from e2ee_client.rooms import Company, CustomerRoom, Entry, Room

from .failures import DONE, Refused
from .fetching import fetch, when_fetched
from .handing_over import hand_over
from .neutral import neutral
from .room_addressing import company_of, customer_room
from .room_lines import entry_json
from .session import Session, Work, local_time, opened

Act = Callable[[Company], Awaitable[None]]


def login(session: Session) -> Work:
    """Print what the web server is asked for; with its token, say who the person is."""
    token = session.options.token

    async def act(client: Client) -> None:
        if token is not None:
            await fetch(session, client)
        room = customer_room(client, session.options.room)
        if token is None:
            challenge = await room.login_challenge()
            _print(session, {"room_id": room.room_id.hex(), "challenge": challenge}, challenge)
        else:
            await _wrote(session, client, await room.identify(token), "login.sent")

    return opened(session, act, online=token is not None)


def sign_out(session: Session) -> Work:
    """Sign the person out: the room is of nobody known."""

    async def act(client: Client) -> None:
        room: CustomerRoom = customer_room(client, session.options.room)
        await _wrote(session, client, await room.sign_out(), "login.signed_out")

    return when_fetched(session, act)


async def _wrote(session: Session, client: Client, entry: Entry, said: str) -> None:
    await hand_over(session, client, entry.room)
    session.result(said, entry_json(entry))


def _print(session: Session, found: dict[str, object], text: str) -> None:
    if session.options.json:
        session.terminal.json(found)
    else:
        session.terminal.line(text)


def allow(session: Session) -> Work:
    """Let the company's web server say who its customers are, or no longer."""
    options = session.options
    if options.allow == options.end:
        raise Refused("usage.invalid", detail="--allow | --end", program="sealroom company logins")

    async def act(company: Company) -> None:
        await company.allow_logins(allowed=options.allow)

    return _of_company(session, act, "logins.allowed" if options.allow else "logins.ended")


def write_key(session: Session) -> Work:
    """Write the web server's key to a file for its owner only."""
    path = session.path(session.options.file)

    async def act(company: Company) -> None:
        await company.write_login_key(path)

    return _of_company(session, act, "logins.key", path=str(path))


def _of_company(session: Session, act: Act, said: str, **values: object) -> Work:
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            company = company_of(client)
            await fetch(session, client)
            await act(company)
            await company.client.wait_settled(session.options.timeout)
        session.result(said, {"done": True, **values}, **values)
        return DONE

    return work()


def person_json(person: LoggedIn | None) -> dict[str, object] | None:
    """Return who a customer is as an object."""
    return None if person is None else {**person._asdict(), "device_id": person.device_id.hex()}


async def person_lines(session: Session, room: Room) -> list[str]:
    """Return the line that says who the customer is, if that is known."""
    person = await room.person()
    if person is None:
        return []
    name = neutral(person.name or person.subject)
    number = "" if person.number is None else f" ({neutral(person.number)})"
    since = local_time(person.since_ms, "%Y-%m-%d %H:%M")
    level = session.texts.say(f"login.level.{person.level}")
    return [session.texts.say("about.person", name=name + number, since=since, level=level)]
