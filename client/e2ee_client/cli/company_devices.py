"""Commands on a colleague's device where the account key is elsewhere: request, sign, install (ACC-42)."""

from __future__ import annotations

from e2ee.identity import DeviceList
from e2ee.ids import AccountId
from e2ee.rooms.invite import fingerprint
from e2ee_client import sign_renewal

from .account import until_published
from .account_keys import show_signed, signed_elsewhere
from .addressing import short_id
from .companies import compare, invited_by
from .failures import DONE
from .files import MAX_SMALL_B, check_writable, read_file, write_private
from .room_addressing import company_of
from .session import Session, Work


def request(session: Session) -> Work:
    """Show what a colleague's device is given, compare digits with it, and write what the account key has to
    sign.
    """
    options, path = session.options, session.path(session.options.file)
    check_writable(path, force=options.force)
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            async with await invited_by(session, company_of(client)) as invited:
                await compare(session, invited)
                digits = invited.fingerprint
                data = await invited.request(options.timeout)
            write_private(path, data, force=options.force)
            if options.json:
                session.terminal.json({"fingerprint": digits})
            session.say("device.requested", path=options.file, digits=digits)
            return DONE

    return work()


def sign(session: Session) -> Work:
    """Sign the list; the file is written after it was shown of which devices it is (ACC-44)."""
    return signed_elsewhere(session, sign_renewal, _show_devices)


def _show_devices(session: Session, account_id: AccountId, signed: bytes) -> None:
    show_signed(session, account_id, signed)
    for one in DeviceList.verify(account_id, signed).record_hashes:
        session.terminal.line(f"  {fingerprint(one)}")
    session.say("device.compare")


def install(session: Session) -> Work:
    """Install the signed list, and take the device in that it names."""
    options = session.options
    answer = read_file(session.path(options.file), MAX_SMALL_B)
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            device_id = await company_of(client).install_device(answer, options.timeout)
            await until_published(session, client)
            if options.json:
                session.terminal.json({"device_id": device_id.hex()})
            else:
                session.say("device.installed", short=short_id(device_id))
            return DONE

    return work()


def cancel(session: Session) -> Work:
    """Forget the device that was asked for."""
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=False) as client:
            await company_of(client).cancel_device()
            if session.options.json:
                session.terminal.json({"cancelled": True})
            else:
                session.say("device.cancelled")
            return DONE

    return work()
