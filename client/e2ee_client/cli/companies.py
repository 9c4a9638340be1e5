"""Commands of a company: create, invite, members, suspend, reinstate, remove."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from e2ee_client import Client
from e2ee_client.engine import DeviceView
from e2ee_client.errors import AccountKeyAbsent, StoreExists, UnknownDevice
from e2ee_client.people import Person
from e2ee_client.rooms import Company, Invite

from .account import registration, show_recovery_key, until_published
from .addressing import label_of, short_id
from .failures import DONE
from .fetching import when_fetched
from .neutral import neutral
from .room_addressing import colleague, company_of
from .session import Session, Work, make_folder, opened

_LEAST_DIGITS = 4
Change = Callable[[Company, bytes], Awaitable[None]]


def create(session: Session) -> Work:
    """Found a company on this device, which signs for it and is its first front desk."""
    if session.store_path.exists():
        raise StoreExists("a file is there")
    passphrase, options = session.passphrase(new=True), session.options
    opening = Company.create(
        session.store_path,
        relay=options.relay,
        name=options.name,
        passphrase=passphrase,
        languages=options.language,
        teams=options.team,
        origins=options.origin,
        registration_secret=registration(),
        runtime=session.runtime(),
    )
    make_folder(session.store_path)

    async def work() -> int:
        async with opening as company:
            client = company.client
            if options.json:
                session.terminal.json(_created(session, client))
            else:
                session.say("init.made", id=client.account_id.hex(), path=session.store_path)
                show_recovery_key(session, client)
            await until_published(session, client)
            if not options.json:
                session.say("init.published", relay=options.relay)
                session.say("company.next")
            return DONE

    return work()


def _created(session: Session, client: Client) -> dict[str, object]:
    key = client.recovery_key
    return {
        "account_id": client.account_id.hex(),
        "store": str(session.store_path),
        "card": client.card().to_uri(),
        "recovery_key": None if key is None else key.expose().hex(),
    }


# --- who belongs to it ---


def invite(session: Session) -> Work:
    """Show what a colleague's device is given, compare digits with it, and take it in."""
    options = session.options

    async def act(client: Client) -> None:
        company = company_of(client)
        if company.keys == "offline":
            raise AccountKeyAbsent("the device list is signed where the account key is kept")
        async with await invited_by(session, company) as invited:
            await compare(session, invited)
            session.remark("invite.telling")
            device_id = await invited.confirm(options.timeout)
        await until_published(session, client)
        session.result(
            "invite.done",
            {"device_id": device_id.hex()},
            name=neutral(options.name),
            short=short_id(device_id),
        )

    return opened(session, act, online=True)


def invited_by(session: Session, company: Company) -> Awaitable[Invite]:
    """Invite the device that the options describe."""
    options = session.options
    return company.invite(
        options.name,
        languages=options.language,
        teams=options.team,
        kind="bot" if options.bot else "agent",
        front_desk=options.desk,
    )


async def compare(session: Session, invited: Invite) -> None:
    """Show what a colleague's device is given, then the digits, and ask whether they are the same."""
    options = session.options
    if options.json:
        session.terminal.json({"invite": invited.text})
    else:
        session.terminal.line(invited.text)
    session.remark("invite.waiting", name=neutral(options.name))
    digits = await invited.digits(options.timeout)
    session.result("invite.digits", {"digits": digits}, digits=digits, name=neutral(options.name))
    await session.confirm("ask.invite")


def members(session: Session) -> Work:
    """List the devices of the company."""

    async def act(client: Client) -> None:
        team = {one.device_id: one for one in company_of(client).team()}
        for device in client.devices():
            person = team.get(device.device_id)
            if session.options.json:
                session.terminal.json(_member_json(client, device, person))
            else:
                session.terminal.line(_member_line(session, client, device, person))

    return when_fetched(session, act)


def _member_json(client: Client, device: DeviceView, person: Person | None) -> dict[str, object]:
    return {
        "device_id": device.device_id.hex(),
        "name": colleague(client, device.device_id).name,
        "role": None if person is None else person.role.value,
        "is_bot": person is not None and person.is_bot,
        "languages": [] if person is None else list(person.languages),
        "teams": [] if person is None else list(person.teams),
        "is_this": device.is_this,
        "in_force": person is not None,
        "reachable": device.reachable,
        "leaving": device.leaving,
    }


def _member_line(session: Session, client: Client, device: DeviceView, person: Person | None) -> str:
    say = session.texts.say
    words = [say("member.not_in_force")] if person is None else [say(f"role.{person.role.value}")]
    if person is not None:
        words += [say("role.bot")] if person.is_bot and person.role.value != "bot" else []
        words += list(person.languages)
        words += [say("member.team", team=one) for one in person.teams]
    words += [say("member.this")] if device.is_this else []
    words += [] if device.reachable or device.is_this else [say("member.not_seen")]
    words += [say("member.leaving")] if device.leaving else []
    name = label_of(colleague(client, device.device_id).name, device.device_id)
    return neutral(f"{short_id(device.device_id)}  {name}  [{', '.join(words)}]")


def suspend(session: Session) -> Work:
    """Take a device out at once; its rooms are locked and kept."""
    return _change(session, lambda company, device_id: company.suspend(device_id), "member.suspended")


def reinstate(session: Session) -> Work:
    """Let a suspended device act again."""
    return _change(session, lambda company, device_id: company.reinstate(device_id), "member.reinstated")


def remove(session: Session) -> Work:
    """Strike a device off for good: it erases its rooms when it learns of it."""
    return _change(
        session, lambda company, device_id: company.remove(device_id), "member.removed", "ask.remove_device"
    )


def _change(session: Session, change: Change, said: str, question: str = "") -> Work:

    async def step(client: Client) -> None:
        company = company_of(client)
        device_id = find_device(client, session.options.device)
        short = short_id(device_id)
        if question:
            await session.confirm(question, short=short)
        await change(company, device_id)
        await until_published(session, client)
        session.result(said, {"device_id": device_id.hex()}, short=short)

    return opened(session, step, online=True)


def find_device(client: Client, wanted: str) -> bytes:
    """Return the device that is meant, by the beginning of its id or by its name.

    Raises:
        UnknownDevice: none, or several.
    """
    folded = wanted.strip().casefold()
    found = {
        one.device_id
        for one in client.devices()
        if (colleague(client, one.device_id).name or "").casefold() == folded
        or (len(folded) >= _LEAST_DIGITS and one.device_id.hex().startswith(folded))
    }
    if len(found) != 1:
        raise UnknownDevice("no such device, or several")
    return found.pop()
