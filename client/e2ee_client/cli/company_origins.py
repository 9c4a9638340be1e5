"""The command on the hosts that may show a company's door: list, add, remove (ACC-20, CNS-04)."""

from __future__ import annotations

from e2ee.errors import NoticeIncomplete
from e2ee_client.rooms import Company

from .failures import DONE, Refused
from .fetching import fetch
from .neutral import neutral
from .room_addressing import company_of
from .session import Session, Work


def origins(session: Session) -> Work:
    """Show which hosts may show the company's door, after a change that is given."""
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            company = company_of(client)
            await fetch(session, client)
            before = await company.origins()
            chosen = _chosen(session, before)
            if chosen != before:
                await company.set_origins(chosen)
                await _settled(session, company, chosen)
            named = await company.origins_named()
        _show(session, chosen, named)
        return DONE

    return work()


def _chosen(session: Session, before: tuple[str, ...]) -> tuple[str, ...]:
    options = session.options
    wanted = {*before, *options.add}
    if not wanted.issuperset(options.remove) or set(options.add) & set(options.remove):
        raise Refused("usage.invalid", detail="--remove", program="sealroom company origins")
    return tuple(sorted(wanted - set(options.remove)))


async def _settled(session: Session, company: Company, chosen: tuple[str, ...]) -> None:
    """Wait for the mandate; one whose account key is elsewhere is signed there.

    Raises:
        Refused: what was chosen is kept, and no mandate that counts names it.
    """
    if company.keys == "offline":
        session.remark("origins.elsewhere")
        return
    await company.client.wait_settled(session.options.timeout)
    if await company.origins_named() != chosen:
        session.remark("origins.kept")
        raise await _unsigned(company)
    session.remark("origins.changed")


async def _unsigned(company: Company) -> Refused:
    """Return why nothing was signed."""
    view = await company.signing()
    code = "" if view is None else view.code
    if code == NoticeIncomplete.code:
        return Refused("origins.no_notice")
    return Refused(code or "origins.unsigned")


def _show(session: Session, chosen: tuple[str, ...], named: tuple[str, ...] | None) -> None:
    """Show what was chosen, and what the mandate that counts names where that is something else."""
    if session.options.json:
        session.terminal.json({"origins": list(chosen), "named": None if named is None else list(named)})
        return
    for one in chosen:
        session.terminal.line(neutral(one))
    if not chosen:
        session.say("origins.none")
    if named is not None and named != chosen:
        session.say("origins.named", origins=neutral(", ".join(named)) or "-")
