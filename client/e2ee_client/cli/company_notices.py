"""Commands of what customers read first: draft, publish, door."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from e2ee.rooms.channels import Channel, ChannelKind
from e2ee_client.errors import WaitTimeout
from e2ee_client.rooms import Notice
from e2ee_client.rooms.doors import PATH
from e2ee_client.rooms.errors import NoticeInvalid
from e2ee_client.rooms.notices import EXAMPLE, FILE, write_draft

from .account import until_published
from .failures import DONE, Refused
from .files import check_writable, write_public
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
    until_ms = None if options.until is None else int(time.time() * 1000) + options.until * _DAY_MS

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            company = company_of(client)
            digest = await company.publish(notice, until_ms=until_ms)
            await until_published(session, client)
            try:
                await company.wait_ready(options.timeout)
            except WaitTimeout:
                raise Refused("publish.pending") from None
            if options.json:
                session.terminal.json({"notice_hash": digest.hex()})
            else:
                session.say("notice.published", short=digest.hex()[:8])
            return DONE

    return work()


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
        if options.json:
            session.terminal.json({"file": str(path), "size_b": len(data)})
        else:
            session.say("door.done", path=path, size=len(data), place=PATH)
        return DONE

    return work()
