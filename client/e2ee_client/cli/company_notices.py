"""Commands of what customers read first: draft, publish or have signed elsewhere, door."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from e2ee.ids import AccountId
from e2ee.rooms import notice as notices
from e2ee.rooms.channels import Channel, ChannelKind
from e2ee_client.errors import PublishRefused, WaitTimeout
from e2ee_client.rooms import Company, Notice, sign_notice
from e2ee_client.rooms.doors import PATH
from e2ee_client.rooms.errors import NoticeInvalid
from e2ee_client.rooms.notices import EXAMPLE, FILE, write_draft

from .account import until_published
from .account_keys import request_elsewhere, signed_elsewhere
from .failures import DONE, Refused
from .files import MAX_SMALL_B, check_writable, read_file, write_public
from .neutral import neutral
from .room_addressing import company_of
from .session import Session, Work

_DAY_MS: Final = 86_400_000
_CHANNELS: Final = {"phone": ChannelKind.PHONE, "email": ChannelKind.EMAIL, "web": ChannelKind.WEB}


def draft(session: Session) -> Work:
    """Write a draft of a notice, for the company and its counsel to complete; needs no store."""
    options = session.options
    facts = dict(EXAMPLE) if options.example else {}
    if options.relay is not None:
        facts["relay_url"] = options.relay

    async def work() -> int:
        folder = session.path(options.folder)
        paths = write_draft(folder, options.sector, options.mode, facts, is_reviewed=options.example)
        if options.json:
            session.terminal.json({"files": [str(one) for one in paths]})
            return DONE
        for path in paths:
            session.terminal.line(neutral(str(path)))
        session.remark("draft.example" if options.example else "draft.next", file=paths[0])
        return DONE

    return work()


def publish(session: Session) -> Work:
    """Sign a notice, and state it from now on."""
    options = session.options
    passphrase = session.passphrase()
    notice = _loaded(session, session.path(options.file))
    until_ms = _until_ms(session)
    return _stated(session, passphrase, lambda company: company.publish(notice, until_ms=until_ms))


def request(session: Session) -> Work:
    """Write what the account key has to sign, where it is kept, in the place of `publish` (ACC-26)."""
    notice = _loaded(session, session.path(session.options.notice))
    return request_elsewhere(session, lambda client: company_of(client).notice_request(notice))


def sign(session: Session) -> Work:
    """Sign a request with an account key that is kept elsewhere."""
    return signed_elsewhere(session, sign_notice, _show_signed)


def _show_signed(session: Session, account_id: AccountId, signed: bytes) -> None:
    notice = notices.Notice.verify(account_id, signed)
    session.say(
        "notice.signed",
        id=account_id.hex(),
        company=neutral(notice.controller[0]),
        relay=neutral(notice.relay_url),
        locales=", ".join(locale for locale, _ in notice.texts),
        number=notice.version,
    )


def install(session: Session) -> Work:
    """State a notice that was signed elsewhere."""
    options = session.options
    passphrase = session.passphrase()
    notice = _loaded(session, session.path(options.notice))
    signed, until_ms = read_file(options.file, MAX_SMALL_B), _until_ms(session)
    return _stated(
        session, passphrase, lambda company: company.install_notice(notice, signed, until_ms=until_ms)
    )


def _until_ms(session: Session) -> int | None:
    days = session.options.until
    return None if days is None else int(time.time() * 1000) + days * _DAY_MS


async def _stated(session: Session, passphrase: str, state: Callable[[Company], Awaitable[bytes]]) -> int:
    """State a notice, and wait until the relay has it; it is stated under a mandate."""
    async with session.open(passphrase, online=True) as client:
        company = company_of(client)
        digest = await state(company)
        await until_published(session, client)
        if company.keys == "offline" and await company.origins_named() is None:
            session.say("notice.kept")
            return DONE
        try:
            await company.wait_ready(session.options.timeout)
        except PublishRefused:
            raise
        except WaitTimeout:
            raise Refused("publish.pending") from None
        session.result("notice.published", {"notice_hash": digest.hex()}, short=digest.hex()[:8])
        return DONE


def _loaded(session: Session, path: Path) -> Notice:
    try:
        return Notice.load(path / FILE if path.is_dir() else path)
    except NoticeInvalid as invalid:
        for fault in invalid.faults:
            must = session.texts.detail(fault.must)
            session.terminal.remark(f"- {neutral(str(fault._replace(must=must)))}")
        raise Refused("config.notice", path=path, count=len(invalid.faults)) from None


def door(session: Session) -> Work:
    """Write the file that the company's web server shows to customers."""
    options, path = session.options, session.path(session.options.file)
    check_writable(path, force=options.force)
    passphrase = session.passphrase()
    channels = [
        Channel(kind, value, session.texts.say(f"channel.{name}"))
        for name, kind in _CHANNELS.items()
        if (value := getattr(options, name)) is not None
    ]

    async def work() -> int:
        async with session.open(passphrase, online=False) as client:
            data = await company_of(client).door(channels)
        write_public(path, data, force=options.force)
        session.result(
            "door.done", {"file": str(path), "size_b": len(data)}, path=path, size=len(data), place=PATH
        )
        return DONE

    return work()
