"""Rooms for programs without an event loop: the same names as in `e2ee_client.rooms`, without `await`.

    from e2ee_client.rooms import sync

    with sync.Agent.open("agent.db", passphrase=...) as agent:
        for room in agent.waiting():
            room.claim(timeout_s=600)
            room.send("Hello")

As in `e2ee_client.sync` calls may come from any thread, several at a time, and from no event loop. Handlers
of a desk are plain functions here; they run in threads of their own, and may call whatever is here. What is
given to `Customer.open` as `fetch` is a coroutine function: it runs in the event loop, as `show_digits` does.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeAlias, TypeVar

from e2ee_client import sync
from e2ee_client.blocking import (
    Closing,
    Held,
    Holder,
    Read,
    asking,
    iterating,
    same,
    starting,
    waiting,
)
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.events import ConnectionState
from e2ee_client.room_events import RequestAsked
from e2ee_client.runtime.background import BACKGROUND

from . import agent as agents
from . import company as companies
from . import company_room as company_rooms
from . import customer as customers
from . import customer_room as customer_rooms
from . import desk as desks
from . import device as devices
from . import entry as entries
from . import invites, linking
from .company import Keys
from .handlers import plain
from .sync_room import AnyRoom, CompanyRoom, CustomerRoom, Entry, Room, SentFile

__all__ = [
    "Agent",
    "AnyRoom",
    "Company",
    "CompanyRoom",
    "Customer",
    "CustomerRoom",
    "Desk",
    "Entry",
    "Invite",
    "Link",
    "Room",
    "SentFile",
]
MAX_HANDLERS: Final = 32
"""Handlers of one desk that run at a time; of a room one does."""
P = ParamSpec("P")
D = TypeVar("D", bound="agents.Agent | customers.Customer", covariant=True)
G = TypeVar("G", bound=agents.Agent, covariant=True)
K = TypeVar("K", bound=desks.Desk, covariant=True)
OnOpened: TypeAlias = "Callable[[CompanyRoom], None]"
OnMessage: TypeAlias = "Callable[[CompanyRoom, Entry], None]"
OnWaiting: TypeAlias = "Callable[[CompanyRoom, str], None]"
OnRequest: TypeAlias = "Callable[[CompanyRoom, RequestAsked], None]"


class _Device(Holder[D]):
    """What a company's devices and a customer's have in common."""

    connection_state = Read[ConnectionState]("connection_state", ask=True)
    entry_waits = Read[bool]("entry_waits", ask=True)
    wait_online = waiting(devices.Device.wait_online, same)
    wait_settled = waiting(devices.Device.wait_settled, same)
    wait_handed_over = waiting(devices.Device.wait_handed_over, same)
    lock_by = asking(devices.Device.lock_by, same)
    events = asking(devices.Device.events, sync.EventIterator)

    @property
    def client(self) -> sync.Client:
        """The client underneath, which is open as long as this device.

        Raises:
            NotAccepted: a person has not accepted anything yet.
        """
        return sync.Client(BACKGROUND.ask(lambda: self.inner.client), self._held)


def _company_rooms(inner: list[company_rooms.CompanyRoom]) -> list[CompanyRoom]:
    return [CompanyRoom(one) for one in inner]


def _company_hit(inner: tuple[company_rooms.CompanyRoom, bytes]) -> tuple[CompanyRoom, bytes]:
    return CompanyRoom(inner[0]), inner[1]


class _Agent(_Device[G]):
    """What each device of a company can do."""

    is_ready = Read[bool]("is_ready", ask=True)
    wait_ready = waiting(agents.Agent.wait_ready, same)
    me = asking(agents.Agent.me, same)
    team = asking(agents.Agent.team, same)
    roster_ends_ms = Read[int | None]("roster_ends_ms", ask=True)
    is_for_us = asking(agents.Agent.is_for_us, same)
    waiting = iterating(agents.Agent.waiting, CompanyRoom, ends=True)
    rooms = asking(agents.Agent.rooms, _company_rooms)
    room = asking(agents.Agent.room, CompanyRoom)
    search = iterating(agents.Agent.search, _company_hit)


def _agent(inner: agents.Agent) -> Agent:
    return Agent(inner)


class Agent(_Agent[agents.Agent]):
    """A device of a company's team; see `e2ee_client.rooms.Agent`."""

    join = staticmethod(starting(agents.Agent.join, _agent))
    open = staticmethod(starting(agents.Agent.open, _agent))


class _Desk(_Agent[K]):
    """What each front desk can do. Its handlers end with the desk: what they call then is refused."""

    failed = Read[int]("failed", ask=True)
    policy = Read[Policy]("policy", ask=True)
    run = waiting(desks.Desk.run, same)
    confirm_address = waiting(desks.Desk.confirm_address, same)
    set_policy = waiting(desks.Desk.set_policy, same)

    def __init__(self, inner: K, held: Held | None = None) -> None:
        """Not for callers: use `create`, `open` or `join`."""
        super().__init__(inner, held)
        self._threads = ThreadPoolExecutor(MAX_HANDLERS, "sealroom-handler")

    def on_opened(self, handle: OnOpened) -> OnOpened:
        """Call `handle(room)` for each room that a customer opens; as `e2ee_client.rooms.Desk.on_opened`."""

        plain(handle)

        async def opened(room: company_rooms.CompanyRoom) -> None:
            await self._in_thread(handle, CompanyRoom(room))

        BACKGROUND.ask(lambda: self.inner.on_opened(opened))
        return handle

    def on_message(
        self, *, pattern: str | re.Pattern[str] | None = None, language: str | None = None
    ) -> Callable[[OnMessage], OnMessage]:
        """Call `handle(room, entry)` for a customer's text; as `e2ee_client.rooms.Desk.on_message`."""

        def add(handle: OnMessage) -> OnMessage:
            plain(handle)

            async def message(room: company_rooms.CompanyRoom, entry: entries.Entry) -> None:
                await self._in_thread(handle, CompanyRoom(room), Entry(entry))

            BACKGROUND.ask(lambda: self.inner.on_message(pattern=pattern, language=language)(message))
            return handle

        return add

    def on_answer(self, handle: OnMessage) -> OnMessage:
        """Call `handle(room, entry)` for an answer to a form; as `e2ee_client.rooms.Desk.on_answer`."""

        plain(handle)

        async def answers(room: company_rooms.CompanyRoom, entry: entries.Entry) -> None:
            await self._in_thread(handle, CompanyRoom(room), Entry(entry))

        BACKGROUND.ask(lambda: self.inner.on_answer(answers))
        return handle

    def on_waiting(self, handle: OnWaiting) -> OnWaiting:
        """Call `handle(room, team)` when a customer waits; as `e2ee_client.rooms.Desk.on_waiting`."""

        plain(handle)

        async def waits(room: company_rooms.CompanyRoom, team: str) -> None:
            await self._in_thread(handle, CompanyRoom(room), team)

        BACKGROUND.ask(lambda: self.inner.on_waiting(waits))
        return handle

    def on_request(self, handle: OnRequest) -> OnRequest:
        """Call `handle(room, asked)` for what a colleague asks; as `e2ee_client.rooms.Desk.on_request`."""

        plain(handle)

        async def asks(room: company_rooms.CompanyRoom, asked: RequestAsked) -> None:
            await self._in_thread(handle, CompanyRoom(room), asked)

        BACKGROUND.ask(lambda: self.inner.on_request(asks))
        return handle

    def _in_thread(self, handle: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> Awaitable[None]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._threads, partial(handle, *args, **kwargs))

    def close(self) -> None:
        """Go offline and close the store; `run` and iterations over events end. Closing twice is allowed.

        A handler that still runs is not waited for here, but Python waits for its thread before it ends.
        """
        self._held.check()
        try:
            super().close()
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)


def _desk(inner: desks.Desk) -> Desk:
    return Desk(inner)


class Desk(_Desk[desks.Desk]):
    """A front desk that is always on; see `e2ee_client.rooms.Desk`."""

    join = staticmethod(starting(desks.Desk.join, _desk))
    open = staticmethod(starting(desks.Desk.open, _desk))


class Invite(Closing[invites.Invite]):
    """An invite that waits for its device; see `e2ee_client.rooms.Invite`."""

    digits = waiting(invites.Invite.digits, same)
    fingerprint = Read[str]("fingerprint", ask=True)
    confirm = waiting(invites.Invite.confirm, same)
    request = waiting(invites.Invite.request, same)

    def __init__(self, inner: invites.Invite) -> None:
        """Not for callers: use `Company.invite`."""
        super().__init__(inner)
        self._text = BACKGROUND.ask(lambda: inner.text)

    @property
    def text(self) -> str:
        """What the new device is given: the company's contact card and the code, in one line."""
        return self._text

    def compare(self) -> invites.Comparison:
        """Confirm it by program, where the device is made in the same one: for `Agent.join`."""
        return self.inner.compare()


def _company(inner: companies.Company) -> Company:
    return Company(inner)


class Company(_Desk[companies.Company]):
    """The device that founded a company; see `e2ee_client.rooms.Company`."""

    create = staticmethod(starting(companies.Company.create, _company))
    open = staticmethod(starting(companies.Company.open, _company))
    join = staticmethod(starting(companies.Company.join, _company))
    keys = Read[Keys]("keys", ask=True)
    move_account_key = waiting(companies.Company.move_account_key, same)
    renewal_request = asking(companies.Company.renewal_request, same)
    install_list = waiting(companies.Company.install_list, same)
    install_device = waiting(companies.Company.install_device, same)
    cancel_device = waiting(companies.Company.cancel_device, same)
    mandate_request = waiting(companies.Company.mandate_request, same)
    install_mandate = waiting(companies.Company.install_mandate, same)
    notice_request = waiting(companies.Company.notice_request, same)
    install_notice = waiting(companies.Company.install_notice, same)
    publish = waiting(companies.Company.publish, same)
    door = waiting(companies.Company.door, same)
    sign_assets = waiting(companies.Company.sign_assets, same)
    assets_request = waiting(companies.Company.assets_request, same)
    invite = waiting(companies.Company.invite, Invite)
    suspend = waiting(companies.Company.suspend, same)
    reinstate = waiting(companies.Company.reinstate, same)
    remove = waiting(companies.Company.remove, same)
    signing = waiting(companies.Company.signing, same)
    origins = waiting(companies.Company.origins, same)
    origins_named = waiting(companies.Company.origins_named, same)
    set_origins = waiting(companies.Company.set_origins, same)
    allow_logins = waiting(companies.Company.allow_logins, same)
    write_login_key = waiting(companies.Company.write_login_key, same)
    confirm_signing = waiting(companies.Company.confirm_signing, same)


def _customer(inner: customers.Customer) -> Customer:
    return Customer(inner)


def _customer_rooms(inner: list[customer_rooms.CustomerRoom]) -> list[CustomerRoom]:
    return [CustomerRoom(one) for one in inner]


def _customer_hit(inner: tuple[customer_rooms.CustomerRoom, bytes]) -> tuple[CustomerRoom, bytes]:
    return CustomerRoom(inner[0]), inner[1]


class Link(Closing[linking.Link]):
    """A link that waits for a further device; see `e2ee_client.rooms.Link`."""

    digits = waiting(linking.Link.digits, same)
    confirm = waiting(linking.Link.confirm, same)

    def __init__(self, inner: linking.Link) -> None:
        """Not for callers: use `Customer.link`."""
        super().__init__(inner)
        self._text = BACKGROUND.ask(lambda: inner.text)

    @property
    def text(self) -> str:
        """What the new device reads, in one line, as QR code or to copy."""
        return self._text


class Customer(_Device[customers.Customer]):
    """A person who talks to a company; see `e2ee_client.rooms.Customer`."""

    open = staticmethod(starting(customers.Customer.open, _customer))
    join = staticmethod(starting(customers.Customer.join, _customer))
    link = waiting(customers.Customer.link, Link)
    devices = asking(customers.Customer.devices, same)
    give_rooms = waiting(customers.Customer.give_rooms, same)
    remove_device = waiting(customers.Customer.remove_device, same)
    recover = waiting(customers.Customer.recover, CustomerRoom)
    recovery_code = asking(customers.Customer.recovery_code, same)
    confirm_recovery_code = waiting(customers.Customer.confirm_recovery_code, same)
    has_recovery_code = Read[bool]("has_recovery_code", ask=True)
    is_replaced = Read[bool]("is_replaced", ask=True)
    has_accepted = Read[bool]("has_accepted", ask=True)
    notice = waiting(customers.Customer.notice, same)
    accept = waiting(customers.Customer.accept, CustomerRoom)
    refuse = waiting(customers.Customer.refuse, same)
    rooms = asking(customers.Customer.rooms, _customer_rooms)
    room = asking(customers.Customer.room, CustomerRoom)
    search = iterating(customers.Customer.search, _customer_hit)
