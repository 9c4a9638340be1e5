"""Commands about a person's further devices: link, join, devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from e2ee_client import Client
from e2ee_client.contacts import wait_until
from e2ee_client.engine import DeviceView
from e2ee_client.errors import StoreExists, UnknownDevice
from e2ee_client.opening import Runtime
from e2ee_client.rooms import Customer
from e2ee_client.rooms.doors import fetch_door
from e2ee_client.rooms.linking import Link, LinkText, linked

from .addressing import short_id
from .failures import DONE, Refused
from .fetching import fetch
from .neutral import neutral
from .qr import qr_lines
from .room_addressing import is_company
from .room_opening import notice_of
from .session import Session, Work, local_time, make_folder, opened

_LEAST_DIGITS: Final = 4


def link(session: Session) -> Work:
    """Show a code to a further device of this person, and take it in once the digits were compared."""

    async def act(client: Client) -> None:
        person = person_of(client)
        await client.wait_online(session.options.timeout)
        async with await person.link() as shown:
            device_id = await _take_in(session, shown)
        await person.wait_handed_over(session.options.timeout)
        session.result("link.done", {"device_id": device_id.hex()}, short=short_id(device_id))

    return opened(session, act, online=True)


async def _take_in(session: Session, shown: Link) -> bytes:
    options = session.options
    if options.json:
        session.terminal.json({"link": shown.text})
    else:
        for line in qr_lines(shown.text, colour=session.terminal.is_full):
            session.terminal.line(line)
        session.terminal.line(shown.text)
    session.remark("link.waiting")
    digits = await shown.digits(options.timeout)
    session.result("link.digits", {"digits": digits}, digits=digits)
    await session.confirm("ask.link")
    session.remark("link.telling")
    return await shown.confirm(options.timeout)


def join(session: Session) -> Work:
    """Make this device a further one of a person, by the text that another one shows."""
    options = session.options
    if session.store_path.exists():
        raise StoreExists("a file is there")
    if (options.company is None) == (options.door is None):
        raise Refused("usage.invalid", detail="--company URL | --door FILE", program="sealroom room join")
    passphrase = session.passphrase(new=True)
    text = session.given_or_input(" ".join(options.text))

    async def work() -> int:
        asked = text or await session.ask(session.texts.say("ask.link_text"), "input.missing")
        given = LinkText.parse(asked)
        notice = await notice_of(session, given.company)
        origin = "" if notice.origin is None else f" ({neutral(notice.origin)})"
        session.say("link.own", company=neutral(notice.company), origin=origin)
        await session.confirm("ask.own")
        make_folder(session.store_path)
        unlock = passphrase, None
        path, show = session.store_path, _digits_shown(session)
        client = await linked(path, given, notice.found, show, unlock, session.runtime())
        async with _joined(client):
            await client.wait_settled(options.timeout)
            await _until_room(session, client)
            device_id = client.devices()[0].device_id
            session.result(
                "link.joined",
                {"device_id": device_id.hex()},
                short=short_id(device_id),
                path=session.store_path,
            )
            return DONE

    return work()


def _joined(client: Client) -> Customer:
    """Return a person of a client that is open."""
    return Customer(None, None, None, "", Runtime(), fetch_door, client)


def _digits_shown(session: Session) -> Callable[[str], None]:
    def show(digits: str) -> None:
        session.result("link.compare", {"digits": digits}, digits=digits)
        session.remark("join.waiting")

    return show


async def _until_room(session: Session, client: Client) -> None:
    """Wait until the other device has given a room."""
    rooms = client.shell.machine.rooms
    await wait_until(lambda: bool(rooms.all()), client.progress, session.options.timeout, "getting the rooms")


def devices(session: Session) -> Work:
    """List the devices of this person; with --remove, strike one off."""
    options = session.options

    async def act(client: Client) -> None:
        person = person_of(client)
        if options.remove is not None:
            await fetch(session, client)
            await person.remove_device(_named(person, options.remove))
            await client.wait_settled(options.timeout)
        for one in person.devices():
            if options.json:
                session.terminal.json(_device_json(one))
            else:
                session.terminal.line(_device_line(session, one))

    return opened(session, act, online=options.remove is not None)


def _named(person: Customer, wanted: str) -> bytes:
    digits = wanted.strip().lower()
    found = [one.device_id for one in person.devices() if one.device_id.hex().startswith(digits)]
    if len(digits) < _LEAST_DIGITS or len(found) != 1:
        raise UnknownDevice("no such device, or several begin so")
    return found[0]


def _device_json(one: DeviceView) -> dict[str, object]:
    return {
        "device_id": one.device_id.hex(),
        "created_ms": one.created_ms,
        "is_this": one.is_this,
        "reachable": one.reachable,
        "leaving": one.leaving,
    }


def _device_line(session: Session, one: DeviceView) -> str:
    say = session.texts.say
    words = [say("link.device", date=local_time(one.created_ms, "%Y-%m-%d"))]
    words += [say("member.this")] if one.is_this else []
    words += [say("member.leaving")] if one.leaving else []
    return f"{short_id(one.device_id)}  [{', '.join(words)}]"


def person_of(client: Client) -> Customer:
    """Return the person of a client that is open.

    Raises:
        Refused: local.side_company.
    """
    if is_company(client):
        raise Refused("local.side_company")
    return _joined(client)
