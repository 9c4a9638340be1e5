"""Commands on our own account: init, card, export, restore."""

from __future__ import annotations

import json
import os

from e2ee_client import Client
from e2ee_client.errors import StoreExists, WaitTimeout

from .failures import DONE, Refused
from .fetching import unless_hopeless
from .files import MAX_BACKUP_B, MAX_SMALL_B, check_writable, read_file, write_private
from .qr import qr_lines
from .session import Session, Work, make_folder

_GROUP = 4
_GROUPS_A_LINE = 8


def init(session: Session) -> Work:
    """Make an account; with `--publish`, wait until its card is of use."""
    if session.store_path.exists():
        raise StoreExists("a file is there")
    passphrase = session.passphrase(new=True)
    options = session.options
    opening = Client.create(
        session.store_path,
        relay=options.relay,
        passphrase=passphrase,
        name=options.name,
        kind=options.kind,
        publish=options.publish,
        front_desk=options.publish,
        read_receipts=options.read_receipts,
        registration_secret=registration(),
        online=options.publish,
        runtime=session.runtime(),
    )
    make_folder(session.store_path)

    async def work() -> int:
        async with opening as client:
            session.say("init.made", id=client.account_id.hex(), path=session.store_path)
            show_recovery_key(session, client)
            if options.publish:
                await until_published(session, client)
                session.say("init.published", relay=options.relay)
            session.say("init.next")
            session.terminal.line(client.card().to_uri())
            return DONE

    return work()


def card(session: Session) -> Work:
    """Show the contact card."""
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=False) as client:
            ours = client.card()
        if session.options.json:
            session.terminal.json(json.loads(ours.to_json()))
            return DONE
        session.terminal.line(ours.to_uri())
        show_qr(session, ours.to_uri())
        return DONE

    return work()


def export(session: Session) -> Work:
    """Write a backup; with an exported account key under the passphrase of that."""
    options, key = session.options, None
    check_writable(options.file, force=options.force)
    if options.account_key is not None:
        key = read_file(options.account_key, MAX_SMALL_B)
    passphrase = session.passphrase()
    sealed_by = session.backup_passphrase(new=key is None)

    async def work() -> int:
        async with session.open(passphrase, online=False) as client:
            data = await client.export(sealed_by, exported_key=key, key_passphrase=sealed_by)
        write_private(options.file, data, force=options.force)
        session.say("export.done", path=options.file)
        return DONE

    return work()


def restore(session: Session) -> Work:
    """Go on from a backup, in a new store."""
    if session.store_path.exists():
        raise StoreExists("a file is there")
    backup = read_file(session.options.file, MAX_BACKUP_B)
    backup_passphrase = session.backup_passphrase()
    passphrase = session.passphrase(new=True)
    make_folder(session.store_path)

    async def work() -> int:
        opening = Client.restore(
            session.store_path,
            backup,
            backup_passphrase=backup_passphrase,
            passphrase=passphrase,
            registration_secret=registration(),
            online=False,
            runtime=session.runtime(),
        )
        async with opening as client:
            session.say("restore.done", id=client.account_id.hex(), path=session.store_path)
            return DONE

    return work()


def show_qr(session: Session, text: str) -> None:
    """Print a QR code where it can be seen."""
    terminal = session.terminal
    if not terminal.has_blocks or not (terminal.shows or session.options.qr):
        return
    for line in qr_lines(text, colour=terminal.is_full):
        terminal.line(line)


def registration() -> str | None:
    """Return what a relay with closed registration asks for."""
    return os.environ.get("SEALROOM_REGISTRATION") or None


def show_recovery_key(session: Session, client: Client) -> None:
    """Print the recovery key of a new account: it is kept nowhere."""
    if client.recovery_key is None:
        return
    digits = client.recovery_key.expose().hex().upper()
    groups = [digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP)]
    session.say("init.recovery")
    for start in range(0, len(groups), _GROUPS_A_LINE):
        session.terminal.line("  " + " ".join(groups[start : start + _GROUPS_A_LINE]))


async def until_published(session: Session, client: Client) -> None:
    """Wait until the relay knows what this account publishes.

    Raises:
        Refused: publish.pending.
    """
    settled = client.wait_settled(session.options.timeout)
    try:
        await unless_hopeless(session, client, client.events(), settled)
    except WaitTimeout:
        raise Refused("publish.pending") from None
