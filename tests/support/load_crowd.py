"""Everybody who uses a relay in a load run: begun together, ended so that only the relay can owe anything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from load_ledger import LATE_S, MINUTE_S
from load_people import Passenger, Reader, Sender, Shop, Stage


@dataclass
class Crowd:
    """Owners, those who write to them, companies with prekeys, and mailboxes that come and go."""

    stage: Stage
    readers: Sequence[Reader]
    senders: Sequence[Sender]
    shops: Sequence[Shop] = ()
    passengers: Sequence[Passenger] = ()
    _reading: list[asyncio.Task[None]] = field(default_factory=list)
    _sending: list[asyncio.Task[None]] = field(default_factory=list)

    async def begin(self) -> None:
        """Make the mailboxes and entries, then let everybody run."""
        for reader in self.readers:
            await reader.set_up()
        for shop in self.shops:
            await shop.set_up()
        self._reading = [asyncio.create_task(one.run()) for one in self.readers]
        self._reading += [asyncio.create_task(one.run()) for one in self.shops]
        self._sending = [asyncio.create_task(one.run()) for one in self.senders]
        self._sending += [asyncio.create_task(one.run()) for one in self.passengers]

    async def go_on(self, seconds: float) -> None:
        """Wait, but no longer than everybody is well; what an actor died of is raised."""
        tasks = [*self._reading, *self._sending]
        ended, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for one in ended:
            one.result()

    async def finish(self, *, patience_s: float = 2 * MINUTE_S + LATE_S) -> None:
        """No more is sent; all owners come and read what is there. What is owed then is lost."""
        self.stage.busy.set()
        for sender in self.senders:
            sender.is_ending = True
        for passenger in self.passengers:
            passenger.is_ending = True
        await asyncio.gather(*self._sending)
        await end_tasks(self._reading)
        self._reading = [asyncio.create_task(one.remain()) for one in self.readers]
        deadline = time.monotonic() + patience_s
        while self.stage.ledger.owed() and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            self.stage.ledger.give_up_expired()
        await end_tasks(self._reading)
        self.stage.ledger.close()

    async def abandon(self) -> None:
        """End everybody at once, for a run that has failed."""
        await end_tasks([*self._reading, *self._sending])


async def end_tasks(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel; what a task died of is raised."""
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended
