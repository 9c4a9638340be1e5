"""Commands that change a room: send, claim, transfer, handover, objection, note, close, withdraw."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from e2ee.errors import NoRight
from e2ee.rooms.state import Phase
from e2ee_client import Client
from e2ee_client.contacts import wait_until
from e2ee_client.engine.rooms.forwarding import MAX_HANDED_OVER
from e2ee_client.errors import UnknownRoom, WaitTimeout
from e2ee_client.people import Role
from e2ee_client.room_events import EntryProgress, IdentifyAsked
from e2ee_client.rooms import CompanyRoom, CustomerRoom, Room

from .addressing import short_id
from .before_sending import look_before_sending
from .failures import DONE, Refused
from .fetching import fetch, when_fetched
from .handing_over import hand_over, until_granted, until_passed_on
from .room_addressing import (
    all_rooms,
    company_of,
    company_room,
    customer_room,
    find_colleague,
    find_own_device,
    find_request,
    find_room,
    is_company,
)
from .room_lines import entry_json, is_waiting, room_json
from .room_words import find_answered
from .session import Session, Work

Act = Callable[[Client], Awaitable[Room]]


def send(session: Session) -> Work:
    """Write a text, and wait until it has come as far as asked; first a person may think again."""
    passphrase, options = session.passphrase(), session.options
    text = session.given_or_input(options.text)
    wanted = EntryProgress(options.wait)

    async def work() -> int:
        await look_before_sending(session, text)
        async with session.open(passphrase, online=True) as client:
            await fetch(session, client)
            room = find_room(client, options.room)
            named = options.reply_to
            answered = None if named is None else await find_answered(room, named)
            entry = await room.send(text, reply_to=answered)
            await hand_over(session, client, room)
            try:
                await entry.wait_for(wanted, options.timeout)
            except WaitTimeout:
                raise Refused("send.undelivered") from None
            if options.json:
                session.terminal.json(entry_json(await room.entry(entry.hash)))
            else:
                session.say(f"state.{wanted.value}")
            return DONE

    return work()


def claim(session: Session) -> Work:
    """Take a room, for `-` that of the next customer who waits; wait until this device answers in it."""

    async def act(client: Client) -> Room:
        if session.options.room.strip() == "-":
            room = await _next_waiting(session, client)
        else:
            room = company_room(client, session.options.room)
        session.remark("request.waiting")
        try:
            await room.claim(session.options.timeout)
        except WaitTimeout:
            raise Refused("wait.desk") from None
        return room

    return acting(session, act, "claim.done")


async def _next_waiting(session: Session, client: Client) -> CompanyRoom:
    """Return the room whose customer has waited longest, as soon as one waits."""
    company_of(client)

    def first() -> Room | None:
        found = [one for one in all_rooms(client) if is_waiting(one)]
        return min(found, key=lambda one: one.view.waits_ms or 0, default=None)

    if first() is None:
        session.remark("claim.nobody")
    try:
        await wait_until(lambda: first() is not None, client.progress, session.options.timeout, "a customer")
    except WaitTimeout:
        raise Refused("wait.customer") from None
    found = first()
    if found is None:
        raise UnknownRoom("nobody waits any more")
    return CompanyRoom(client, found.room_id)


def transfer(session: Session) -> Work:
    """Hand a room to a colleague or to a team."""
    options = session.options
    if (options.to is None) == (options.team is None):
        raise Refused("usage.invalid", detail="--to NAME | --team TEAM", program="sealroom room transfer")

    async def act(client: Client) -> Room:
        room, company = company_room(client, options.room), company_of(client)
        events = client.events()
        if options.note is not None:
            await _note(room, options.note)
        if options.to is None:
            await room.transfer(team=options.team)
        else:
            device_id = find_colleague(company.team(), options.to)
            await room.transfer(device_id=device_id)
        await until_granted(session, events, room, lambda: not _is_ours(room))
        is_agent = company.me().role in (Role.AGENT, Role.BOT)
        await until_passed_on(session, events, room, is_agent=is_agent)
        return room

    return acting(session, act, "transfer.done")


def handover(session: Session) -> Work:
    """Give a colleague in a room what was said before; a person gives it to another device of its own."""
    options = session.options

    async def act(client: Client) -> Room:
        if not is_company(client):
            mine = customer_room(client, options.room)
            await mine.hand_over(find_own_device(client, options.to))
            return mine
        room = company_room(client, options.room)
        device_id = find_colleague(company_of(client).team(), options.to)
        await room.hand_over(device_id, min(options.last, MAX_HANDED_OVER), options.reason)
        return room

    return acting(session, act, "handover.done")


def _is_ours(room: Room) -> bool:
    assigned = room.assigned
    return assigned is not None and assigned.is_this


def decide(session: Session) -> Work:
    """Grant or refuse what a colleague asks for, or a customer's login."""
    options = session.options
    if options.grant == options.refuse:
        raise Refused("usage.invalid", detail="--grant | --refuse", program="sealroom room decide")

    async def act(client: Client) -> Room:
        room = company_room(client, options.room)
        asked = find_request([*await room.requests(), *await room.identifications()], options.request)
        if isinstance(asked, IdentifyAsked):
            await room.decide_identification(asked, grant=options.grant)
        else:
            await room.decide(asked, grant=options.grant)
        return room

    return acting(session, act, "decide.granted" if options.grant else "decide.refused")


def objection(session: Session) -> Work:
    """Object as a customer, or take it back; decide an objection as a supervisor."""
    options = session.options
    is_decided = options.open or options.close
    if options.open and options.close:
        raise Refused("usage.invalid", detail="--open | --close", program="sealroom room objection")

    async def act(client: Client) -> Room:
        if is_company(client):
            if not is_decided or options.reason is None:
                program = "sealroom room objection"
                raise Refused("usage.invalid", detail="(--open | --close) --reason TEXT", program=program)
            room = company_room(client, options.room)
            await room.decide_objection(options.reason, close=options.close)
            return room
        mine = customer_room(client, options.room)
        await (mine.unfreeze() if options.open else mine.freeze())
        return mine

    said = "objection.withdrawn" if options.open else "objection.made"
    return acting(session, act, "objection.decided", said)


def note(session: Session) -> Work:
    """Write a note for colleagues, which the customer never gets."""
    text = session.given_or_input(session.options.text)

    async def act(client: Client) -> Room:
        room = company_room(client, session.options.room)
        await _note(room, text)
        return await room.notes()

    return acting(session, act, "note.done")


async def _note(room: CompanyRoom, text: str) -> None:
    try:
        await room.note(text)
    except NoRight:
        raise Refused("local.notes") from None


def close(session: Session) -> Work:
    """Close a room; it can be opened again."""

    async def act(client: Client) -> Room:
        if not is_company(client):
            room = customer_room(client, session.options.room)
            await room.close()
            return room
        return await _asked(
            session,
            client,
            lambda ours: ours.close(session.options.reason),
            lambda phase: phase is Phase.CLOSED,
        )

    return acting(session, act, "close.done", "close.asked")


def reopen(session: Session) -> Work:
    """Open a closed room again, or ask the company to."""

    async def act(client: Client) -> Room:
        if not is_company(client):
            room = customer_room(client, session.options.room)
            await room.reopen()
            return room
        return await _asked(session, client, lambda ours: ours.reopen(), lambda phase: phase is Phase.OPEN)

    return acting(session, act, "reopen.done", "reopen.asked")


async def _asked(
    session: Session,
    client: Client,
    ask: Callable[[CompanyRoom], Awaitable[None]],
    reached: Callable[[Phase | None], bool],
) -> Room:
    room, events = company_room(client, session.options.room), client.events()
    await ask(room)
    await until_granted(session, events, room, lambda: reached(room.phase))
    return room


def withdraw(session: Session) -> Work:
    """Withdraw the consent; as easy as giving it, hence no question."""

    async def act(client: Client) -> CustomerRoom:
        room = customer_room(client, session.options.room)
        await room.withdraw()
        return room

    return acting(session, act, "withdraw.done")


def acting(session: Session, act: Act, said: str, by_customer: str = "") -> Work:
    """Do something in a room as it is now, and leave when the relays have it."""

    async def step(client: Client) -> None:
        room = await act(client)
        await hand_over(session, client, room)
        if session.options.json:
            session.terminal.json(room_json(room))
        else:
            key = by_customer if by_customer and not is_company(client) else said
            session.say(key, short=short_id(room.room_id))

    return when_fetched(session, step)
