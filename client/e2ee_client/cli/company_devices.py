"""Commands on a colleague's device where the account key is elsewhere: request, install (ACC-42)."""

from __future__ import annotations

from e2ee_client import Client

from .account import until_published
from .addressing import short_id
from .companies import compare, invited_by
from .files import MAX_SMALL_B, check_writable, read_file, write_private
from .room_addressing import company_of
from .session import Session, Work, opened


def request(session: Session) -> Work:
    """Show what a colleague's device is given, compare digits with it, and write what the account key has to
    sign.
    """
    options, path = session.options, session.path(session.options.file)
    check_writable(path, force=options.force)

    async def act(client: Client) -> None:
        async with await invited_by(session, company_of(client)) as invited:
            await compare(session, invited)
            digits = invited.fingerprint
            data = await invited.request(options.timeout)
        write_private(path, data, force=options.force)
        if options.json:
            session.terminal.json({"fingerprint": digits})
        session.say("device.requested", path=options.file, digits=digits)

    return opened(session, act, online=True)


def install(session: Session) -> Work:
    """Install the signed list, and take the device in that it names."""
    options = session.options
    answer = read_file(session.path(options.file), MAX_SMALL_B)

    async def act(client: Client) -> None:
        device_id = await company_of(client).install_device(answer, options.timeout)
        await until_published(session, client)
        session.result("device.installed", {"device_id": device_id.hex()}, short=short_id(device_id))

    return opened(session, act, online=True)


def cancel(session: Session) -> Work:
    """Forget the device that was asked for."""

    async def act(client: Client) -> None:
        await company_of(client).cancel_device()
        session.result("device.cancelled", {"cancelled": True})

    return opened(session, act, online=False)
