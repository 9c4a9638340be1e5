"""The NATS client protocol with JetStream (docs.nats.io, reference), as much of it as the load needs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from e2ee_relay.bench.load import Link, Load

_STREAM = "MAIL"
_OPTIONS = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "lang": "load"}


class NatsFailed(Exception):
    """The server answered an error."""


class NatsLink(Link):
    """One client with a subject of its own and, unless it only listens, a durable consumer on it."""

    def __init__(self, load: Load, place: int, port: int, *, consumes: bool = True) -> None:
        super().__init__(load, place)
        self._port = port
        self._consumes = consumes
        self._in = bytearray()
        self._answers: dict[str, asyncio.Future[bytes]] = {}
        self._ready: asyncio.Future[None] = load.loop.create_future()

    async def open(self) -> None:
        """Connect, subscribe, make the consumer."""
        await self.load.loop.create_connection(lambda: self, "127.0.0.1", self._port)
        place = self.place
        self.write(b"CONNECT " + json.dumps(_OPTIONS).encode() + b"\r\n")
        self.write(f"SUB R.{place}.* 1\r\nSUB D.{place} 2\r\nPING\r\n".encode())
        async with asyncio.timeout(60):
            await self._ready
            if self._consumes:
                await self._consume()

    async def _consume(self) -> None:
        name = f"c{self.place}"
        config = {
            "durable_name": name,
            "deliver_subject": f"D.{self.place}",
            "filter_subject": f"m.{self.place}",
            "ack_policy": "explicit",
            "max_ack_pending": 10_000,
        }
        await self.ask(
            f"$JS.API.CONSUMER.DURABLE.CREATE.{_STREAM}.{name}", {"stream_name": _STREAM, "config": config}
        )

    async def make_stream(self) -> None:
        """Make the stream: a work queue on files, all else as the server has it."""
        config = {"name": _STREAM, "subjects": ["m.*"], "retention": "workqueue", "storage": "file"}
        await self.ask(f"$JS.API.STREAM.CREATE.{_STREAM}", config)

    async def ask(self, subject: str, content: dict[str, Any]) -> None:
        """Send a request of the JetStream API.

        Raises:
            NatsFailed: it was answered by an error.
        """
        reply = f"R.{self.place}.a{len(subject)}"
        waiting = self._answers[reply] = self.load.loop.create_future()
        data = json.dumps(content).encode()
        self.write(f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n")
        async with asyncio.timeout(60):
            answer = json.loads(await waiting)
        if "error" in answer:
            raise NatsFailed(answer["error"])

    def send(self, recipient: int, tag: int, body: bytes) -> None:
        """PUB with a reply subject, which the PubAck comes to."""
        self.write(b"PUB m.%d R.%d.%d %d\r\n" % (recipient, self.place, tag, len(body)) + body + b"\r\n")

    def data_received(self, data: bytes) -> None:
        """Take lines and payloads as they become whole."""
        self._in += data
        position = 0
        while (end := self._in.find(b"\r\n", position)) >= 0:
            words = bytes(self._in[position:end]).split()
            verb = words[0] if words else b""
            if verb in {b"MSG", b"HMSG"}:
                after = end + 2 + int(words[-1])
                if after + 2 > len(self._in):
                    break
                head_b = int(words[-2]) if verb == b"HMSG" else 0
                self._message(words, bytes(self._in[end + 2 + head_b : after]))
                position = after + 2
                continue
            if verb == b"PING":
                self.write(b"PONG\r\n")
            elif verb == b"PONG" and not self._ready.done():
                self._ready.set_result(None)
            elif verb == b"-ERR" and not self._ready.done():
                self._ready.set_exception(NatsFailed(words))
            position = end + 2
        del self._in[:position]

    def _message(self, words: list[bytes], payload: bytes) -> None:
        subject = words[1]
        # A push keeps the subject of its message; the number of the subscription tells it apart.
        if words[2] == b"2":
            self.load.delivered(payload)
            self.write(b"PUB %s 4\r\n+ACK\r\n" % words[3])
            return
        waiting = self._answers.pop(subject.decode(), None)
        if waiting is not None:
            waiting.set_result(payload)
            return
        tag = int(subject.rpartition(b".")[2])
        if b'"error"' in payload or not payload:
            self.load.refused(tag)
        else:
            self.load.confirmed(tag)
