"""Commands of an agent's device: join, rooms, waiting."""

from __future__ import annotations

from collections.abc import Callable

from e2ee_client import Client
from e2ee_client.errors import PublishRefused, StoreExists, WaitTimeout
from e2ee_client.rooms import Agent, Room

from .account import registration
from .addressing import short_id
from .failures import DONE, Refused
from .fetching import when_fetched
from .room_addressing import all_rooms, company_of
from .room_lines import is_waiting, show_rooms
from .session import Session, Work, make_folder, settle


def join(session: Session) -> Work:
    """Make this device one of a company, by the text that its front desk shows."""
    if session.store_path.exists():
        raise StoreExists("a file is there")
    passphrase, options = session.passphrase(new=True), session.options
    given = session.given_or_input(" ".join(options.text))
    make_folder(session.store_path)

    def show(digits: str) -> None:
        session.result("join.digits", {"digits": digits}, digits=digits)
        session.remark("join.waiting")

    def show_fingerprint(digits: str) -> None:
        session.result("join.fingerprint", {"fingerprint": digits}, digits=digits)

    async def work() -> int:
        text = given or await session.ask(session.texts.say("ask.invite_text"), "input.missing")
        session.remark("join.asking")
        opening = Agent.join(
            session.store_path,
            " ".join(text.split()),
            show_digits=show,
            show_fingerprint=show_fingerprint,
            passphrase=passphrase,
            registration_secret=registration(),
            runtime=session.runtime(),
        )
        async with opening as agent:
            await _until_ready(session, agent)
            await settle(agent.client)
            _show_joined(session, agent)
            return DONE

    return work()


async def _until_ready(session: Session, agent: Agent) -> None:
    session.remark("join.ready")
    try:
        await agent.wait_ready(session.options.timeout)
    except PublishRefused:
        raise
    except WaitTimeout:
        raise Refused("publish.joined") from None


def _show_joined(session: Session, agent: Agent) -> None:
    me = agent.me()
    session.result(
        "join.done",
        {"device_id": me.device_id.hex(), "account_id": agent.client.account_id.hex()},
        short=short_id(me.device_id),
        path=session.store_path,
    )


def rooms(session: Session) -> Work:
    """List the rooms in which this device reads and writes."""

    def chosen(client: Client) -> list[Room]:
        ours = company_of(client).me().device_id
        return [one for one in all_rooms(client) if ours in one.view.members]

    return _list(session, chosen)


def waiting(session: Session) -> Work:
    """List the rooms whose customer waits for somebody of this device's teams."""
    return _list(session, lambda client: [one for one in all_rooms(client) if is_waiting(one)])


def _list(session: Session, choose: Callable[[Client], list[Room]]) -> Work:

    async def act(client: Client) -> None:
        company_of(client)
        show_rooms(session, client, choose(client))

    return when_fetched(session, act)
