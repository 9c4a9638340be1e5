"""Commands on archives: write one from the rooms of a company, verify one offline."""

from __future__ import annotations

import asyncio

from e2ee_client.rooms.archive import Archive, Checked, verify_archive

from .addressing import short_id
from .failures import DONE
from .fetching import fetch
from .neutral import neutral
from .room_addressing import company_of
from .session import Session, Work, settle
from .transcripts import DIFFERENT, UNJUDGED


def write(session: Session) -> Work:
    """Write the rooms of a company's device that have changed to a folder; customers are told."""
    options, passphrase = session.options, session.passphrase()
    folder = session.path(options.folder)

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            await fetch(session, client)
            company = company_of(client)
            archive = Archive(folder, client.account_id)
            report = await archive.update(company.rooms(), client.shell.now_ms)
            await settle(client)
        refused = [{"room_id": one.room_id.hex(), "code": one.code} for one in report.refused]
        if options.json:
            written = [one.hex() for one in report.written]
            found = {"written": written, "unchanged": report.unchanged, "refused": refused}
            session.terminal.json({"folder": str(folder), **found})
        else:
            session.say("archive.done", written=len(report.written), unchanged=report.unchanged)
            for one in report.refused:
                session.remark("archive.refused", room=short_id(one.room_id), code=one.code)
        return DONE

    return work()


def verify(session: Session) -> Work:
    """Verify an archive by the company's account; needs neither a store nor a network."""
    options = session.options

    async def work() -> int:
        found = await asyncio.to_thread(verify_archive, session.path(options.folder), options.account)
        for one in found:
            if options.json:
                session.terminal.json(_json(one))
            elif one.fault:
                said = session.texts.say("archive.fault", file=one.file, why=one.fault)
                session.terminal.line(neutral(said))
        if not options.json:
            good, withheld = sum(one.holds for one in found), sum(one.withheld for one in found)
            session.say("archive.verified", good=good, count=len(found), withheld=withheld)
        if not all(one.holds for one in found):
            return DIFFERENT
        return UNJUDGED if any(one.is_stale for one in found) else DONE

    return work()


def _json(one: Checked) -> dict[str, object]:
    return {**one._asdict(), "room_id": None if one.room_id is None else one.room_id.hex()}
