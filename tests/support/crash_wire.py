"""A proxy in front of a relay that keeps what was asked, confirmed and delivered, over all restarts."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Final

import cbor2
from e2ee_relay.protocol import (
    Ack,
    Done,
    ErrorCode,
    Frame,
    KnownFrame,
    Message,
    PrekeysBundle,
    PrekeysFetch,
    Role,
    Send,
    SendResults,
    decode_frames,
)
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake

_MAX_MESSAGE_B: Final = 1 << 20
_ONE_TIME_X25519, _ONE_TIME_KEM = 4, 5
_FIRST_PREFIX_B: Final = 2108
Place = tuple[bytes, bytes]


def salt_of(envelope: bytes) -> bytes:
    """The salt of an envelope (chapter 04): it follows version, kind, perhaps a prefix, and the tag."""
    start = 10 + (_FIRST_PREFIX_B if envelope[1] == 2 else 0)
    return envelope[start : start + 16]


class WireRecord:
    """What has passed; `faults` are sentences about what must never happen on the wire."""

    def __init__(self) -> None:
        self.bodies: dict[Place, set[bytes]] = defaultdict(set)
        self.accepted: set[Place] = set()
        self.delivered: Counter[Place] = Counter()
        self.refusals: Counter[ErrorCode] = Counter()
        self.deleted: set[tuple[bytes, int]] = set()
        self.numbered: dict[tuple[bytes, int], bytes] = {}
        self.one_time: Counter[bytes] = Counter()
        self.fetch: PrekeysFetch | None = None
        self.faults: list[str] = []

    def asked(self, request: Frame) -> None:
        """A request on its way to the relay."""
        if isinstance(request, Send):
            for item in request.items:
                self.bodies[item.mailbox, item.msg_id].add(item.body)
        elif isinstance(request, PrekeysFetch):
            self.fetch = request

    def answered(self, request: Frame, answer: Frame) -> None:
        """An answer that has left the relay: from here on it counts, whatever happens to the relay."""
        if isinstance(request, Send) and isinstance(answer, SendResults):
            for item, result in zip(request.items, answer.results, strict=True):
                if result.code is ErrorCode.OK:
                    self.accepted.add((item.mailbox, item.msg_id))
                else:
                    self.refusals[result.code] += 1
        elif isinstance(request, Ack) and isinstance(answer, Done):
            self.deleted.update((request.mailbox, seq) for seq in request.seqs)
        elif isinstance(answer, PrekeysBundle):
            self._handed_out(answer)

    def _handed_out(self, answer: PrekeysBundle) -> None:
        bundle = cbor2.loads(answer.bundle)
        if answer.one_time_x25519:
            self.one_time[bundle[_ONE_TIME_X25519]] += 1
        if answer.one_time_kem:
            self.one_time[bundle[_ONE_TIME_KEM]] += 1

    def pushed(self, message: Message) -> None:
        """A delivery that has left the relay."""
        place = (message.mailbox, message.seq)
        if place in self.deleted:
            self.faults.append("a message whose deletion was confirmed is delivered again (RLY-37)")
        if self.numbered.setdefault(place, message.msg_id) != message.msg_id:
            self.faults.append("one number stands for two messages (RLY-35)")
        self.delivered[message.mailbox, message.msg_id] += 1

    def undelivered(self) -> int:
        """Confirmed messages that have not left the relay yet."""
        return len(self.accepted - self.delivered.keys())


class RecordingProxy:
    """Passes messages on as they are. Its address outlives the relay's restarts."""

    def __init__(self, relay_url: Callable[[], str], record: WireRecord) -> None:
        self._relay_url = relay_url
        self._record = record
        self._server: Server | None = None
        self.url = ""

    async def start(self) -> None:
        self._server = await serve(
            self._pass_on, "127.0.0.1", 0, max_size=_MAX_MESSAGE_B, compression=None, close_timeout=1
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _pass_on(self, client: ServerConnection) -> None:
        waiting: dict[int, KnownFrame] = {}
        try:
            async with connect(
                self._relay_url(),
                max_size=_MAX_MESSAGE_B,
                compression=None,
                close_timeout=1,
                ping_interval=None,
            ) as relay:
                tasks = {
                    asyncio.create_task(self._up(client, relay, waiting)),
                    asyncio.create_task(self._down(client, relay, waiting)),
                }
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
            pass
        await client.close()

    async def _up(
        self, client: ServerConnection, relay: ClientConnection, waiting: dict[int, KnownFrame]
    ) -> None:
        async for data in client:
            if isinstance(data, bytes):
                for frame in decode_frames(data, Role.RELAY):
                    if isinstance(frame, KnownFrame):
                        waiting[frame.request_id] = frame
                        self._record.asked(frame)
            await relay.send(data)

    async def _down(
        self, client: ServerConnection, relay: ClientConnection, waiting: dict[int, KnownFrame]
    ) -> None:
        async for data in relay:
            if isinstance(data, bytes):
                for frame in decode_frames(data, Role.CLIENT):
                    request = waiting.pop(frame.request_id, None)
                    if request is not None:
                        self._record.answered(request, frame)
                    elif isinstance(frame, Message):
                        self._record.pushed(frame)
            await client.send(data)
