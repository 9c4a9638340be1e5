"""Mail without content for a desk: when something has waited for a while, and whether it may be told."""

from __future__ import annotations

from functools import partial

from e2ee.rooms.state import Phase
from e2ee_client.client import Client
from e2ee_client.people import Role

from .addresses import Addresses
from .catching_up import wait_caught_up
from .company_room import CompanyRoom
from .desk_rows import DeskRows, MailDue
from .mail import MailServer, compose, send_mail
from .reach import Order
from .timed import Timed


class Mailing:
    """Of each room the oldest text that waits is timed; what was read or answered meanwhile is not told.
    What is timed is in the store.
    """

    def __init__(self, client: Client, server: MailServer, page: str, after_s: int) -> None:
        self._client, self._server, self._after_ms = client, server, after_s * 1000
        self._runtime = client.runtime
        self.addresses = Addresses(client.shell, page, self._runtime.rng)
        self._rows = DeskRows(client.shell)
        self._timed = Timed(self._runtime.clock, partial(wait_caught_up, client))

    async def load(self) -> None:
        """Time what was timed before the program ended."""
        for one in await self._rows.load(MailDue):
            self._timed.add(one.room_id, one.at_ms)

    async def written(self, room_id: bytes) -> None:
        """A text of the company is in a room."""
        if not self._timed.has(room_id):
            at_ms = self._runtime.clock.now_ms() + self._after_ms
            self._timed.add(room_id, at_ms)
            await self._rows.put(MailDue(room_id, at_ms))

    def waits(self, room_id: bytes) -> bool:
        """Whether the customer of a room is to be told."""
        return self._timed.has(room_id)

    async def seen(self, room_id: bytes) -> None:
        """The customer's device has it, or the customer wrote: nothing waits."""
        if self._timed.drop(room_id):
            await self._rows.drop(MailDue, room_id)

    async def next(self) -> bytes:
        """Wait for a room whose customer is to be told."""
        return await self._timed.next()

    async def tell(self, room: CompanyRoom) -> None:
        """Tell the customer of a room that something waits, if its address may be told now; nothing where it
        was read since it was due.
        """
        if not self.waits(room.room_id):
            return
        try:
            await self.renew(room.room_id)
            await self._tell(room)
        finally:
            self._timed.drop(room.room_id)
        await self._rows.drop(MailDue, room.room_id)

    async def _tell(self, room: CompanyRoom) -> None:
        newest, terms = await room.history(limit=1), room.terms
        if terms is None or any(one.author.role is Role.CUSTOMER for one in newest):
            return
        is_open = room.phase is Phase.OPEN
        order = await self.addresses.waiting(room.room_id, terms.purposes, terms.locale, is_open=is_open)
        await self._send(order)

    async def renew(self, room_id: bytes) -> None:
        """Take what the customer of a room says of an address now, and ask whether it is the customer's.

        Raises:
            AddressNotKept: no mail can go there, or as many are kept as may be (CNS-76).
        """
        await self._send(await self.addresses.renew(room_id))

    async def _send(self, order: Order | None) -> None:
        if order is not None:
            address, kind, locale, link = order
            message = compose(
                self._server, address, kind, locale, link, self._runtime.clock.now_ms(), self._runtime.rng
            )
            await send_mail(self._server, message)
