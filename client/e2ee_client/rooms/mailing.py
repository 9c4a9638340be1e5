"""Mail without content for a desk: when something has waited for a while, and whether it may be told."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from e2ee.rooms.state import Phase
from e2ee_client.client import Client
from e2ee_client.people import Role

from .addresses import Addresses
from .company_room import CompanyRoom
from .mail import MailServer, compose, send_mail
from .reach import Order

_FALLBACK = "de"


class Due(NamedTuple):
    """A text of the company that waits in a room, and when its customer is told."""

    room_id: bytes
    entry_hash: bytes
    at_ms: int


class Mailing:
    """Of each room the oldest text that waits is timed; what was read or answered meanwhile is not told."""

    def __init__(self, client: Client, server: MailServer, page: str, after_s: int) -> None:
        self._client, self._server, self._after_ms = client, server, after_s * 1000
        self._runtime = client.runtime
        self.addresses = Addresses(client.shell, page, self._runtime.rng)
        self._due: dict[bytes, Due] = {}
        self._changed = asyncio.Event()

    def written(self, room_id: bytes, entry_hash: bytes) -> None:
        """A text of the company is in a room."""
        if room_id not in self._due:
            at_ms = self._runtime.clock.now_ms() + self._after_ms
            self._due[room_id] = Due(room_id, entry_hash, at_ms)
            self._changed.set()

    def seen(self, room_id: bytes) -> None:
        """The customer's device has it, or the customer wrote: nothing waits."""
        self._due.pop(room_id, None)

    async def next(self) -> bytes:
        """Wait for a room whose customer is to be told."""
        while True:
            self._changed.clear()
            first = min(self._due.values(), key=lambda one: one.at_ms, default=None)
            if first is not None and first.at_ms <= self._runtime.clock.now_ms():
                del self._due[first.room_id]
                return first.room_id
            await self._wait(None if first is None else first.at_ms)

    async def _wait(self, at_ms: int | None) -> None:
        waits: set[asyncio.Future[Any]] = {asyncio.ensure_future(self._changed.wait())}
        if at_ms is not None:
            waits.add(asyncio.ensure_future(self._runtime.clock.wait_until(at_ms)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.wait(waits)

    async def tell(self, room: CompanyRoom) -> None:
        """Tell the customer of a room that something waits, if its address may be told now."""
        newest, terms = await room.history(limit=1), room.terms
        if terms is None or any(one.author.role is Role.CUSTOMER for one in newest):
            return
        is_open = room.phase is Phase.OPEN
        order = await self.addresses.waiting(room.room_id, terms.purposes, terms.locale, is_open=is_open)
        await self._send(order)

    async def set(self, room: CompanyRoom, address: str | None) -> None:
        """Take an address that a customer leaves, and ask whether it is the customer's."""
        terms = room.terms
        await self._send(
            await self.addresses.set(room.room_id, address, terms.locale if terms else _FALLBACK)
        )

    async def _send(self, order: Order | None) -> None:
        if order is not None:
            address, kind, locale, link = order
            message = compose(
                self._server, address, kind, locale, link, self._runtime.clock.now_ms(), self._runtime.rng
            )
            await send_mail(self._server, message)
