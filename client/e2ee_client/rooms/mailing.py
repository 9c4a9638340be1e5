"""Mail without content for a desk: when something has waited for a while, and whether it may be told."""

from __future__ import annotations

from functools import partial
from typing import Final

from e2ee.rooms.entry import RoomId
from e2ee.rooms.state import Phase
from e2ee_client.client import Client

from .addresses import Addresses
from .catching_up import wait_caught_up
from .company_room import CompanyRoom
from .desk_rows import DeskRows, MailDue
from .errors import AddressNotKept, MailInsecure, MailRefused, MailUnavailable
from .mail import MailServer, compose, send_mail
from .reach import DAY_MS, Order
from .timed import Timed

AGAIN_MS: Final = 900_000
"""When a mail is sent again that the mail server has not taken; each time twice as long, up to a day."""


class Mailing:
    """When something is to be sent for a room; what that is, is found when it is due. Times are in the
    store (CNS-43).
    """

    def __init__(self, client: Client, server: MailServer, page: str, after_s: int) -> None:
        self._client, self._server, self._after_ms = client, server, after_s * 1000
        self._runtime = client.runtime
        self.addresses = Addresses(client.shell, page, self._runtime.rng)
        self._rows = DeskRows(client.shell)
        longest_ms = max(self._after_ms, DAY_MS)
        self._pauses = dict[bytes, int]()
        self._timed = Timed(self._runtime.clock, partial(wait_caught_up, client), longest_ms)

    async def load(self) -> None:
        """Time what was timed before the program ended."""
        for one in await self._rows.load(MailDue):
            self._timed.add(one.room_id, one.at_ms)

    async def written(self, room_id: bytes) -> None:
        """A text of the company is in a room, or may be told of from now on."""
        await self._time(room_id, self._runtime.clock.now_ms() + self._after_ms)

    async def confirm(self, token: str) -> bool:
        """Take the token of a link; whether it confirms an address. What waits in its room is told when who
        has confirmed had time to read it.
        """
        room_id = await self.addresses.confirm(token)
        if room_id is not None:
            await self.written(room_id)
        return room_id is not None

    def waits(self, room_id: bytes) -> bool:
        """Whether a room is looked at later."""
        return self._timed.has(room_id)

    async def next(self) -> bytes:
        """Wait for a room in which something may be due."""
        return await self._timed.next()

    async def renew(self, room_id: bytes) -> None:
        """Take what the customer of a room says of an address now, and ask whether it is the customer's. What
        comes while the room waits for the mail server is asked when that is tried again (CNS-78).

        Raises:
            AddressNotKept: no mail can go there, or as many are kept as may be (CNS-76).
        """
        asks = room_id not in self._pauses
        await self._send(room_id, await self.addresses.renew(room_id, asks=asks))

    async def tell(self, room: CompanyRoom) -> None:
        """Send what is due in a room, and time what is to be sent later (CNS-78)."""
        room_id = room.room_id
        try:
            await self._send(room_id, await self.addresses.renew(room_id))
            at_ms = await self._tell(room)
        except (AddressNotKept, MailRefused):
            await self._done(room_id)
            raise
        if at_ms is not None:
            await self._time(room_id, at_ms)
        elif not self._timed.has(room_id):
            await self._done(room_id)

    async def _tell(self, room: CompanyRoom) -> int | None:
        """Tell the customer of what waits; return when it can be told that cannot be yet."""
        room_id, terms, since_ms = room.room_id, room.terms, await self._waits_since(room)
        now_ms = self._runtime.clock.now_ms()
        if terms is None or room.phase is not Phase.OPEN:
            return None
        if since_ms is not None and since_ms <= now_ms < since_ms + self._after_ms:
            return since_ms + self._after_ms
        waits = since_ms is not None
        order = await self.addresses.waiting(room_id, terms.purposes, terms.locale, is_open=True, waits=waits)
        if order is None and waits:
            at_ms = await self.addresses.may_tell_ms(room_id)
            # One that a clock ahead has noted is no farther off than a day.
            return None if at_ms is None or at_ms <= now_ms else min(at_ms, now_ms + DAY_MS)
        await self._send(room_id, order)
        return None

    async def _waits_since(self, room: CompanyRoom) -> int | None:
        room_id, now_ms = RoomId(room.room_id), self._runtime.clock.now_ms()
        return await self._client.shell.ask(lambda engine: engine.rooms.waits_since(room_id, now_ms))

    async def _time(self, room_id: bytes, at_ms: int) -> None:
        """Look at a room at a time, unless that is done sooner."""
        if self._timed.add(room_id, at_ms):
            await self._rows.put(MailDue(room_id, at_ms))

    async def _done(self, room_id: bytes) -> None:
        """Nothing is to be sent any more."""
        self._pauses.pop(room_id, None)
        await self._rows.drop(MailDue, room_id)

    async def _send(self, room_id: bytes, order: Order | None) -> None:
        """Hand a mail over to the server; what it does not take now is ordered again later."""
        if order is None:
            return
        address, kind, locale, link, _ = order
        now_ms = self._runtime.clock.now_ms()
        message = compose(self._server, address, kind, locale, link, now_ms, self._runtime.rng)
        try:
            await send_mail(self._server, message)
        except (MailUnavailable, MailInsecure) as error:
            if not error.may_have_left:
                await self.addresses.unsent(room_id, order)
            pause_ms = self._pauses[room_id] = min(2 * self._pauses.get(room_id, AGAIN_MS // 2), DAY_MS)
            await self._time(room_id, now_ms + pause_ms)
            raise
        self._pauses.pop(room_id, None)
