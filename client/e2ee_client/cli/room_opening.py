"""The command by which a person reads a company's notice, and accepts or refuses it."""

from __future__ import annotations

import shutil
import ssl
import textwrap
import time
from functools import partial
from string import ascii_lowercase
from typing import Final

from e2ee.card import ContactCard
from e2ee_client.rooms import Customer, CustomerRoom, ShownNotice
from e2ee_client.rooms.customer import check_page
from e2ee_client.rooms.doors import fetch_door, find_door, open_door
from e2ee_client.rooms.errors import DoorOfAnotherCompany
from e2ee_client.rooms.exchange import is_on_this_machine

from .addressing import short_id
from .failures import DONE, Refused
from .files import read_file
from .handing_over import hand_over
from .neutral import neutral, neutral_lines, neutral_name
from .room_addressing import is_company
from .session import Session, Work, make_folder

_DOOR_MAX_B: Final = 1024 * 1024
_WIDEST: Final = 100


def open_(session: Session) -> Work:
    """Show a company's notice and ask; only who accepts has an account, a store and a room."""
    options = session.options
    if (options.company is None) == (options.door is None):
        raise Refused("usage.invalid", detail="--company URL | --door FILE", program="sealroom room open")
    if options.accept and options.refuse:
        raise Refused("usage.invalid", detail="--accept | --refuse", program="sealroom room open")
    passphrase = session.passphrase() if session.is_shared or session.store_path.exists() else None

    async def work() -> int:
        if passphrase is None:
            return await _first(session)
        async with session.open(passphrase, online=True) as client:
            if is_company(client):
                raise Refused("local.side_company")
            known = client.shell.machine.rooms.company_card()
            customer = Customer(None, None, None, origin_of(session), session.runtime(), fetch_door, client)
            try:
                notice = await notice_of(session, known)
            except DoorOfAnotherCompany:
                if options.company is not None:
                    check_page(client, origin_of(session))
                raise
            return await _decide(session, customer, notice)

    return work()


async def _first(session: Session) -> int:
    """Nothing is made before the person has accepted, not even asked for a passphrase."""
    notice = await notice_of(session, None)
    if not await accepts(session, notice):
        show_channels(session, notice)
        return DONE
    passphrase = session.passphrase(new=True)
    make_folder(session.store_path)
    opening = Customer.open(
        session.store_path,
        company=origin_of(session),
        passphrase=passphrase,
        runtime=session.runtime(),
        linkable=session.options.linkable,
    )
    async with opening as customer:
        done = await _accept(session, customer, notice)
        session.remark("recovery.remind")
        return done


def origin_of(session: Session) -> str:
    """Return the page that was named; "" where there is a file."""
    given: str | None = session.options.company
    return given.rstrip("/") if given is not None else ""


async def notice_of(session: Session, known: ContactCard | None) -> ShownNotice:
    """Return the notice from the company's page, or from a file: an application's, or a trial's.

    Raises:
        DoorError, ConfigError, Refused: file.failed, file.large.
    """
    now_ms = int(time.time() * 1000)
    if session.options.door is not None:
        data = read_file(session.path(session.options.door), _DOOR_MAX_B)
        return ShownNotice(open_door(data, now_ms, known=known))
    session.remark("room.fetching", origin=neutral(origin_of(session)))
    file = session.authorities
    fetch = fetch_door
    if file is not None and not is_on_this_machine(origin_of(session)):
        session.runtime()
        fetch = partial(fetch_door, ssl_context=ssl.create_default_context(cafile=file))
    return ShownNotice(await find_door(origin_of(session), now_ms, known=known, fetch=fetch))


async def _decide(session: Session, customer: Customer, notice: ShownNotice) -> int:
    if await accepts(session, notice):
        return await _accept(session, customer, notice)
    show_channels(session, notice)
    for room in customer.rooms()[:1]:
        session.remark("about.withdraw", short=short_id(room.room_id))
    return DONE


async def accepts(session: Session, notice: ShownNotice) -> bool:
    """Show the notice, and what the person says to it."""
    options = session.options
    _show_notice(session, notice)
    if options.accept or options.refuse:
        return bool(options.accept)
    key = "ask.accept_age" if notice.minimum_age else "ask.accept"
    question = session.texts.say(key, age=notice.minimum_age)
    answer = (await session.ask(question, "confirm.undecided")).strip().lower()
    if answer in session.texts.say("ask.yes").split():
        return True
    if answer in session.texts.say("ask.no").split():
        return False
    raise Refused("confirm.undecided")


def chosen_purposes(session: Session, notice: ShownNotice) -> set[int] | None:
    """Return the purposes that were chosen beside the required ones; None for these alone."""
    chosen = set(session.options.purpose or ())
    return {one.number for one in notice.purposes if one.is_required} | chosen if chosen else None


async def _accept(session: Session, customer: Customer, notice: ShownNotice) -> int:
    purposes = chosen_purposes(session, notice)
    locale = notice.locale(session.texts.language)
    session.remark("room.opening")
    room = await customer.accept(notice, locale=locale, purposes=purposes)
    try:
        await hand_over(session, customer.client, room)
    finally:
        show_room(session, notice, room)
    return DONE


# --- what is shown ---


def _show_notice(session: Session, notice: ShownNotice) -> None:
    language = session.texts.language
    if session.options.json:
        session.terminal.json(_notice_json(notice, language))
        return
    session.say("room.notice_of", company=neutral_name(notice.company))
    if notice.origin is None:
        session.say("room.notice_from_file")
    else:
        session.say("room.notice_from", origin=neutral(notice.origin))
    session.terminal.line()
    width = min(shutil.get_terminal_size().columns - 1, _WIDEST)
    for line in neutral_lines(notice.text(language)):
        for part in textwrap.wrap(line, width) or [""]:
            session.terminal.line(part)
    session.terminal.line()
    for place, purpose in enumerate(notice.purposes):
        if not purpose.is_required:
            letter = ascii_lowercase[place % len(ascii_lowercase)]
            session.say("room.optional_purpose", number=purpose.number, letter=letter)


def _notice_json(notice: ShownNotice, language: str) -> dict[str, object]:
    return {
        "company": notice.company,
        "origin": notice.origin,
        "mode": notice.mode.name.lower(),
        "locale": notice.locale(language),
        "text": notice.text(language),
        "minimum_age": notice.minimum_age,
        "purposes": [
            {"number": one.number, "basis": one.basis, "required": one.is_required} for one in notice.purposes
        ],
        "channels": _channels_json(notice),
    }


def _channels_json(notice: ShownNotice) -> list[dict[str, object]]:
    return [
        {"kind": one.kind.name.lower(), "value": one.value, "label": one.label}
        for one in notice.channels.channels
    ]


def show_channels(session: Session, notice: ShownNotice) -> None:
    """Show other ways to the company, for who refuses."""
    if session.options.json:
        session.terminal.json({"accepted": False, "channels": _channels_json(notice)})
        return
    session.say("room.refused", company=neutral_name(notice.company))
    for one in notice.channels.channels:
        session.terminal.line(f"  {neutral(one.label)}: {neutral(one.value)}")


def show_room(session: Session, notice: ShownNotice, room: CustomerRoom) -> None:
    """Show the room that was opened."""
    if session.options.json:
        session.terminal.json({"accepted": True, "room_id": room.room_id.hex()})
        return
    session.say("room.opened", short=short_id(room.room_id), company=neutral_name(notice.company))
