"""The command on the hosts that may show a company's door: list, add, remove (ACC-20, CNS-04)."""

from __future__ import annotations

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
                await _settled(session, company)
        _show(session, chosen)
        return DONE

    return work()


def _chosen(session: Session, before: tuple[str, ...]) -> tuple[str, ...]:
    options = session.options
    wanted = {*before, *options.add}
    if not wanted.issuperset(options.remove) or set(options.add) & set(options.remove):
        raise Refused("usage.invalid", detail="--remove", program="sealroom company origins")
    return tuple(sorted(wanted - set(options.remove)))


async def _settled(session: Session, company: Company) -> None:
    """Wait for the mandate; one whose account key is elsewhere is signed there."""
    if company.keys == "offline":
        session.remark("origins.elsewhere")
        return
    await company.client.wait_settled(session.options.timeout)
    session.remark("origins.changed")


def _show(session: Session, chosen: tuple[str, ...]) -> None:
    if session.options.json:
        session.terminal.json({"origins": list(chosen)})
        return
    for one in chosen:
        session.terminal.line(neutral(one))
    if not chosen:
        session.say("origins.none")
