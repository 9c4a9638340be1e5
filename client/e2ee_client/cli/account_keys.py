"""Commands on an account key that is kept elsewhere: account-key export and remove, renewal (ID-12)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from e2ee.errors import E2eeError
from e2ee.identity import DeviceList
from e2ee.ids import AccountId
from e2ee.rooms.invite import fingerprint
from e2ee.wire import cbor
from e2ee_client import Client, sign_renewal
from e2ee_client.errors import WaitTimeout

from .failures import DONE, Refused
from .fetching import unless_hopeless
from .files import MAX_SMALL_B, check_writable, read_file, write_private
from .session import Session, Work, local_date, opened


def export_key(session: Session) -> Work:
    """Write the account key into an encrypted file."""
    options = session.options
    check_writable(options.file, force=options.force)
    passphrase = session.passphrase()
    file_passphrase = session.backup_passphrase(new=True)

    async def work() -> int:
        async with session.open(passphrase, online=False) as client:
            data = await client.export_account_key(file_passphrase)
        write_private(options.file, data, force=options.force)
        session.say("key.exported", path=options.file)
        return DONE

    return work()


def remove_key(session: Session) -> Work:
    """Remove the account key from this store."""
    passphrase = session.passphrase()

    async def work() -> int:
        await session.confirm("ask.remove_key")
        async with session.open(passphrase, online=False) as client:
            await client.remove_account_key()
            session.say("key.removed", date=local_date(client.list_expires_ms))
            return DONE

    return work()


def request(session: Session) -> Work:
    """Write what the account key has to sign."""

    async def renewal(client: Client) -> bytes:
        await until_compared(session, client, "renewal.offline")
        return client.renewal_request()

    return request_elsewhere(session, renewal, online=True)


async def until_compared(session: Session, client: Client, otherwise: str) -> None:
    """Wait until relay and store agree which device list of this account is the newest (ID-40).

    Raises:
        Refused: the code that is given.
    """
    compared = client.wait_compared(session.options.timeout)
    try:
        await unless_hopeless(session, client, client.events(), compared)
    except WaitTimeout:
        raise Refused(otherwise) from None


def request_elsewhere(
    session: Session, make: Callable[[Client], Awaitable[bytes]], *, online: bool = False
) -> Work:
    """Write what the account key has to sign, where it is kept, into a file."""
    options = session.options
    check_writable(options.file, force=options.force)
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=online) as client:
            data = await make(client)
        write_private(options.file, data, force=options.force)
        session.say("renewal.requested", path=options.file)
        return DONE

    return work()


def sign(session: Session) -> Work:
    """Sign a device list, whatever it was asked for; the file is written after it was shown of which devices
    it is (ACC-44).
    """
    return signed_elsewhere(session, partial(sign_renewal, recovered=session.options.recovered), _show_signed)


def signed_elsewhere(
    session: Session,
    sign_request: Callable[[bytes, str, bytes], bytes],
    show: Callable[[Session, AccountId, bytes], None],
) -> Work:
    """Sign what a file asks for with the key of another; show what it says, then write the answer."""
    options = session.options
    check_writable(options.file, force=options.force)
    exported, unsigned = read_file(options.key, MAX_SMALL_B), read_file(options.request, MAX_SMALL_B)
    signed = sign_request(exported, session.backup_passphrase(), unsigned)

    async def work() -> int:
        show(session, _account_of(signed), signed)
        write_private(options.file, signed, force=options.force)
        return DONE

    return work()


def install(session: Session) -> Work:
    """Install the signed answer, and hand it to the relay."""
    answer = read_file(session.options.file, MAX_SMALL_B)

    async def act(client: Client) -> None:
        await until_compared(session, client, "renewal.offline")
        await client.install_list(answer)
        await until_compared(session, client, "renewal.waiting")
        session.say("renewal.installed", date=local_date(client.list_expires_ms))

    return opened(session, act, online=True)


def follow(session: Session) -> Work:
    """Take the list that the relay has, though another one of its number is in use here, after it was shown
    of which devices it is (ID-55).
    """

    async def act(client: Client) -> None:
        signed = await _list_beside(session, client)
        if signed is not None:
            _show_fingerprints(session, DeviceList.verify(AccountId(client.account_id), signed))
            await session.confirm("ask.follow")
            await client.follow_entry(signed)
        await until_compared(session, client, "renewal.not_followed")
        session.result(
            "renewal.installed", {"until_ms": client.list_expires_ms}, date=local_date(client.list_expires_ms)
        )

    return opened(session, act, online=True)


async def _list_beside(session: Session, client: Client) -> bytes | None:
    shown = client.list_beside(session.options.timeout)
    try:
        return await unless_hopeless(session, client, client.events(), shown)
    except WaitTimeout:
        raise Refused("renewal.offline") from None


def _show_signed(session: Session, account_id: AccountId, signed: bytes) -> None:
    """Say which list was signed, and show the fingerprint of each device."""
    device_list = DeviceList.verify(account_id, signed)
    session.say(
        "renewal.signed",
        id=account_id.hex(),
        count=len(device_list.record_hashes),
        seq=device_list.seq,
        date=local_date(device_list.expires_ms),
    )
    _show_fingerprints(session, device_list)
    session.say("renewal.compare")


def _show_fingerprints(session: Session, device_list: DeviceList) -> None:
    for one in device_list.record_hashes:
        session.terminal.line(f"  {fingerprint(one)}")


def _account_of(signed: bytes) -> AccountId:
    """The account that a signed structure states, under key 2 in each of them."""
    match cbor.decode(signed, MAX_SMALL_B):
        case [bytes(encoded), bytes()]:
            match cbor.decode(encoded, MAX_SMALL_B):
                case {2: bytes(account_id)}:
                    return AccountId(account_id)
                case _:
                    pass
        case _:
            pass
    raise E2eeError("not signed by an account")
