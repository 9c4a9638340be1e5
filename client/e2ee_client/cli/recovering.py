"""Commands about a person's recovery code: code, recover."""

from __future__ import annotations

from collections.abc import Sequence

from e2ee_client import Client
from e2ee_client.errors import StoreExists
from e2ee_client.rooms import Customer, RecoverySheet, ShownNotice
from e2ee_client.rooms.errors import RecoveryCodeInvalid
from e2ee_client.rooms.recovering import parse

from .failures import DONE, Refused
from .handing_over import hand_over
from .linking import person_of
from .neutral import neutral, neutral_name
from .room_opening import accepts, chosen_purposes, notice_of, origin_of, show_channels, show_room
from .session import Session, Work, make_folder, opened
from .terminal import ERASE


def code(session: Session) -> Work:
    """Show this person's recovery code, and have two of its groups typed back once it is written down."""

    async def act(client: Client) -> None:
        person = person_of(client)
        sheet = person.recovery_code()
        if session.options.json:
            shown = {"company": sheet.company, "origins": sheet.origins, "code": sheet.text}
            session.terminal.json({**shown, "kept": person.has_recovery_code})
            return
        session.say("recovery.code", company=_known_as(sheet.company, sheet.origins), code=sheet.text)
        session.remark("recovery.keep")
        if not person.has_recovery_code:
            await _type_back(session, person, sheet)

    return opened(session, act, online=False)


async def _type_back(session: Session, person: Customer, sheet: RecoverySheet) -> None:
    """Ask for two groups, when the code is off the screen."""
    await session.ask(session.texts.say("ask.recovery_written"))
    if session.terminal.is_full:
        session.terminal.line(ERASE)
    typed = {at: await session.ask(session.texts.say("ask.recovery_group", group=at)) for at in sheet.asked}
    with _Named():
        await person.confirm_recovery_code(typed)
    session.say("recovery.kept")


def recover(session: Session) -> Work:
    """Accept a company's notice and go on with an account by its code, on this device."""
    options = session.options
    if session.store_path.exists():
        raise StoreExists("a file is there")
    if (options.company is None) == (options.door is None):
        raise Refused("usage.invalid", detail="--company URL | --door FILE", program="sealroom room recover")

    async def work() -> int:
        notice = await notice_of(session, None)
        if not await accepts(session, notice):
            show_channels(session, notice)
            return DONE
        found = notice.found
        origins = found.door.mandate.origins if found.origin is None else (found.origin,)
        session.remark("recovery.whose", company=_known_as(notice.company, origins))
        typed = await session.ask_or_input(session.texts.say("ask.recovery_code"))
        with _Named():
            parse(typed)
        return await _go_on(session, notice, typed)

    return work()


async def _go_on(session: Session, notice: ShownNotice, typed: str) -> int:
    passphrase = session.passphrase(new=True)
    make_folder(session.store_path)
    path, runtime = session.store_path, session.runtime()
    opening = Customer.open(path, company=origin_of(session), passphrase=passphrase, runtime=runtime)
    async with opening as customer:
        session.remark("recovery.going_on")
        locale = notice.locale(session.texts.language)
        purposes = chosen_purposes(session, notice)
        room = await customer.recover(notice, typed, locale=locale, purposes=purposes)
        try:
            await hand_over(session, customer.client, room)
        finally:
            show_room(session, notice, room)
            session.remark("recovery.done")
        return DONE


def _known_as(company: str, origins: Sequence[str]) -> str:
    """Name a company and its pages, as a terminal can show them (ACC-72)."""
    pages = ", ".join(map(neutral, origins))
    name = neutral_name(company) or pages
    return f"{name} ({pages})" if pages and name != pages else name


class _Named:
    """Name the group of a wrong code in the language of the person."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RecoveryCodeInvalid) and error.group is not None:
            raise Refused("recovery.group", group=error.group) from None
