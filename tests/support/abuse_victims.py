"""Well-behaved users beside an attack: pairs that talk at a rate of their own, and newcomers.

Open loop: each message has its moment, and its latency counts from there, whatever became of the one before
it. A stall therefore meets every message that falls into it, not one.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from e2ee_relay.protocol import Ack, ErrorCode, Message, Send, SendResults
from raw_websocket import RawWebSocket
from relay_actors import Owner, Peer, SocketLink
from websockets.asyncio.client import connect

_PATIENCE_S: Final = 30.0
_NEWCOMER_EVERY_S: Final = 0.1


@dataclass(slots=True)
class Seen:
    """(moment, seconds) of each message and of each newcomer, and what must not be."""

    messages: list[tuple[float, float]] = field(default_factory=list)
    newcomers: list[tuple[float, float]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


async def meet(port: int, tls: ssl.SSLContext | None) -> Peer:
    """Connect and wait for the Hello."""
    address = f"{'ws' if tls is None else 'wss'}://127.0.0.1:{port}"
    socket = await connect(address, ssl=tls, compression=None, max_size=1 << 20, close_timeout=1)
    return await Peer(SocketLink(socket), timeout_s=_PATIENCE_S).greet()


class Talkers:
    """One sender and one owner: a message at each moment, acknowledged on arrival."""

    def __init__(self, seen: Seen, sender: Peer, receiver: Peer, owner: Owner) -> None:
        self._seen = seen
        self._sender = sender
        self._receiver = receiver
        self._owner = owner
        self._due: dict[bytes, float] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.is_over = False

    @classmethod
    async def begin(cls, seen: Seen, port: int, tls: ssl.SSLContext | None, rate: float) -> Talkers:
        """Set up, and talk `rate` times a second until `end`."""
        sender, receiver, owner = await meet(port, tls), await meet(port, tls), Owner()
        await owner.set_up(receiver)
        await owner.subscribe(receiver)
        talkers = cls(seen, sender, receiver, owner)
        for work in (talkers._send(rate), talkers._confirm(), talkers._receive()):
            talkers._tasks.append(asyncio.create_task(work))
        return talkers

    async def end(self) -> None:
        """Send no more; whatever has not arrived within the patience of a user is lost."""
        self.is_over = True
        until = time.monotonic() + _PATIENCE_S
        reading = self._tasks[1:]
        while self._due and time.monotonic() < until and not any(one.done() for one in reading):
            await asyncio.wait(reading, timeout=0.05)
        if self._due:
            self._seen.faults.append(f"{len(self._due)} messages never arrived")
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                self._seen.faults.append(f"a user could not go on: {result!r}")
        for peer in (self._sender, self._receiver):
            await peer.link.close()

    async def _send(self, rate: float) -> None:
        chance = random.Random()  # moments, so that users and attackers do not fall into step
        due, number = time.monotonic(), 0
        while not self.is_over:
            due += chance.uniform(0.5, 1.5) / rate
            await asyncio.sleep(due - time.monotonic())
            number += 1
            body = str(number).encode()
            self._due[body] = due
            await self._sender.begin(Send(self._sender.next_id(), (self._owner.item(body),)))

    async def _confirm(self) -> None:
        for number in range(1, 1 << 62):
            answer = await self._sender.answer(number)
            if not isinstance(answer, SendResults) or answer.results[0].code is not ErrorCode.OK:
                self._seen.faults.append(f"a message was refused: {answer}")

    async def _receive(self) -> None:
        while True:
            message = await self._receiver.push(Message)
            due = self._due.pop(message.body, None)
            if due is None:
                self._seen.faults.append(f"came twice, or was never sent: {message.body!r}")
            else:
                self._seen.messages.append((due, time.monotonic() - due))
            await self._receiver.begin(Ack(self._receiver.next_id(), self._owner.mailbox, (message.seq,)))


async def come_anew(seen: Seen, greet: Callable[[], Awaitable[RawWebSocket]]) -> None:
    """Connect ten times a second, and wait for the relay's first word, until cancelled."""
    due = time.monotonic()
    while True:
        due = max(due + _NEWCOMER_EVERY_S, time.monotonic())
        await asyncio.sleep(due - time.monotonic())
        try:
            socket = await greet()
            heard = await socket.listen(_PATIENCE_S, messages=1)
        except (OSError, EOFError, TimeoutError) as error:
            seen.faults.append(f"a newcomer was not let in: {error!r}")
            continue
        socket.abort()
        if heard.messages:
            seen.newcomers.append((due, time.monotonic() - due))
        else:
            seen.faults.append("a newcomer was let in and heard nothing")
