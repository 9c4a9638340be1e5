"""MQTT 3.1.1 (OASIS), QoS 1 and a persistent session, as much of it as the load needs."""

from __future__ import annotations

import asyncio

from e2ee_relay.bench.load import Link, Load

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 0x10, 0x20, 0x30, 0x40, 0x82, 0x90
_QOS_1 = 0x02
_KEEP_ALIVE_S = 600


def text(value: str) -> bytes:
    """Return a string with its length before it (1.5.3)."""
    return len(value).to_bytes(2, "big") + value.encode()


def packet(kind: int, rest: bytes) -> bytes:
    """Return a control packet with its remaining length (2.2.3)."""
    length, head = len(rest), bytearray((kind,))
    while True:
        length, digit = length >> 7, length & 0x7F
        head.append(digit | 0x80 if length else digit)
        if not length:
            return bytes(head) + rest


class MqttLink(Link):
    """One client with a topic of its own."""

    def __init__(self, load: Load, place: int, port: int) -> None:
        super().__init__(load, place)
        self._port = port
        self._in = bytearray()
        self._last_id = 0
        self._tag_of: dict[int, int] = {}
        self._waiting: dict[int, asyncio.Future[None]] = {}

    async def open(self) -> None:
        """Connect, begin or resume the session, subscribe."""
        await self.load.loop.create_connection(lambda: self, "127.0.0.1", self._port)
        head = text("MQTT") + bytes((4, 0)) + _KEEP_ALIVE_S.to_bytes(2, "big")
        await self._ask(CONNACK, packet(CONNECT, head + text(f"load-{self.place}-{id(self.load):x}")))
        await self._ask(SUBACK, packet(SUBSCRIBE, b"\x00\x01" + text(f"m/{self.place}") + b"\x01"))

    async def _ask(self, answer: int, data: bytes) -> None:
        waiting = self._waiting[answer] = self.load.loop.create_future()
        self.write(data)
        async with asyncio.timeout(30):
            await waiting

    def send(self, recipient: int, tag: int, body: bytes) -> None:
        """PUBLISH to the recipient's topic."""
        self._last_id = self._last_id % 0xFFFF + 1
        self._tag_of[self._last_id] = tag
        head = text(f"m/{recipient}") + self._last_id.to_bytes(2, "big")
        self.write(packet(PUBLISH | _QOS_1, head + body))

    def data_received(self, data: bytes) -> None:
        """Take packets as they become whole."""
        self._in += data
        position = 0
        while (end := self._end_of(position)) is not None:
            self._take(self._in[position], bytes(self._in[self._start : end]))
            position = end
        del self._in[:position]

    def _end_of(self, position: int) -> int | None:
        length = shift = 0
        for place in range(position + 1, min(position + 5, len(self._in))):
            digit = self._in[place]
            length |= (digit & 0x7F) << shift
            if digit < 0x80:
                self._start = place + 1
                return self._start + length if self._start + length <= len(self._in) else None
            shift += 7
        return None

    def _take(self, kind: int, rest: bytes) -> None:
        if kind & 0xF0 == PUBLISH:
            topic_end = 2 + int.from_bytes(rest[:2], "big")
            self.load.delivered(rest[topic_end + 2 :])
            self.write(packet(PUBACK, rest[topic_end : topic_end + 2]))
        elif kind == PUBACK:
            self.load.confirmed(self._tag_of.pop(int.from_bytes(rest[:2], "big")))
        elif kind in self._waiting and not self._waiting[kind].done():
            self._waiting[kind].set_result(None)
