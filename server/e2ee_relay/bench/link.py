"""The load's client of a relay: RFC 6455 and the frames of chapter 11, as little of them as the load needs.

Set-up uses the relay's own codec; what is sent for each message is put together from prepared pieces, so that
the generator takes as little of the machine from the relay as it can.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import cbor2
from nacl.signing import SigningKey

from e2ee_relay.protocol import (
    Ack,
    Auth,
    CreateMailbox,
    Done,
    Hello,
    KnownFrame,
    Message,
    Send,
    SendResults,
    Subscribe,
    TokenAdd,
    TokenClass,
    auth_payload,
    encode_frame,
    join_frames,
    token_hash,
)

from .load import TAG_B, Link, Load

_TTL_LONG: Final = 2
_BINARY, _PING, _PONG, _CLOSE = 2, 9, 10, 8
# Request ids of sends are above, so that all have the same length.
_FIRST_ID: Final = 1 << 16


class RefusedByRelay(Exception):
    """The relay does not let the load in; the text says what it answered."""


class Box(NamedTuple):
    """A mailbox of the load."""

    mailbox: bytes
    token: bytes
    key: SigningKey


def fresh_box() -> Box:
    """Return a mailbox that no relay knows yet."""
    return Box(os.urandom(16), os.urandom(32), SigningKey(os.urandom(32)))


@dataclass(slots=True)
class Run:
    """What the links of one run share."""

    boxes: list[Box] = field(default_factory=list)
    salt: bytes = field(default_factory=lambda: os.urandom(16 - TAG_B))

    def place(self) -> Box:
        """Add a mailbox."""
        self.boxes.append(fresh_box())
        return self.boxes[-1]


def masked(payload: bytes) -> bytes:
    """Return a WebSocket binary message of a client, in one frame (RFC 6455, 5.2 and 5.3)."""
    size_b = len(payload)
    if size_b < 126:
        head = bytes((0x80 | _BINARY, 0x80 | size_b))
    elif size_b < 1 << 16:
        head = bytes((0x80 | _BINARY, 0x80 | 126)) + size_b.to_bytes(2, "big")
    else:
        head = bytes((0x80 | _BINARY, 0x80 | 127)) + size_b.to_bytes(8, "big")
    key = os.urandom(4)
    mask = (key * (size_b // 4 + 1))[:size_b]
    scrambled = int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")
    return head + key + scrambled.to_bytes(size_b, "little")


class RelayLink(Link):
    """One client: its own mailbox, subscribed, and the right to write to all others."""

    def __init__(self, load: Load, place: int, run: Run, url: str, secret: bytes | None = None) -> None:
        super().__init__(load, place)
        self._run = run
        self._url = urlsplit(url)
        self._secret = secret
        self._box = run.boxes[place]
        self._in = bytearray()
        self._is_upgraded = False
        self._tag_of: dict[int, int] = {}
        self._last_id = _FIRST_ID
        self._answers: dict[int, asyncio.Future[list[Any]]] = {}
        self._hello: asyncio.Future[dict[int, Any]] = load.loop.create_future()

    # --- set-up ---

    async def open(self, *, subscribes: bool = True) -> None:
        """Connect, make the mailbox, its token, and subscribe.

        Raises:
            OSError: no connection.
            RefusedByRelay: it answered something else than expected.
        """
        address, port = self._url.hostname or "", self._url.port or (443 if self._url.scheme == "wss" else 80)
        secure = self._url.scheme == "wss" or None
        await self.load.loop.create_connection(lambda: self, address, port, ssl=secure)
        self._greet(f"{address}:{port}")
        async with asyncio.timeout(60):
            hello = await self._hello
            await self._own(hello)
            if subscribes:
                await self._ask(Subscribe(4, (self._box.mailbox,)))

    def _greet(self, host: str) -> None:
        self._nonce = base64.b64encode(os.urandom(16))
        path = self._url.path or "/"
        if self.transport is not None:
            self.transport.write(
                f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {self._nonce.decode()}\r\n\r\n".encode()
            )

    async def _own(self, hello: dict[int, Any]) -> None:
        box, key = self._box, bytes(self._box.key.verify_key)
        await self._ask(CreateMailbox(1, box.mailbox, key, b"", self._secret))
        signed = auth_payload(hello[3], hello[4], (box.mailbox,))
        await self._ask(Auth(2, (box.mailbox,), key, box.key.sign(signed).signature))
        await self._ask(TokenAdd(3, box.mailbox, (token_hash(box.token),), TokenClass.CONTACT))

    async def _ask(self, frame: KnownFrame) -> None:
        waiting = self._answers[frame.request_id] = self.load.loop.create_future()
        self.write(encode_frame(frame))
        answer = await waiting
        if answer[0] == 63:
            raise RefusedByRelay(f"operation {frame.OP} was answered by error {answer[2]}")

    # --- the wire ---

    def packed(self, out: list[bytes]) -> bytes:
        """Frames of one turn are one message."""
        return masked(join_frames(out))

    def data_received(self, data: bytes) -> None:
        """Take WebSocket frames as they become whole."""
        self._in += data
        if not self._is_upgraded and not self._upgrade():
            return
        position = 0
        while (whole := self._whole(position)) is not None:
            opcode, start, position = whole
            if opcode == _BINARY:
                self._take(cbor2.loads(bytes(self._in[start:position])))
            elif opcode == _PING and self.transport is not None:
                pong = bytearray(masked(bytes(self._in[start:position])))
                pong[0] = 0x80 | _PONG
                self.transport.write(bytes(pong))
            elif opcode == _CLOSE and self.transport is not None:
                self.transport.close()
        del self._in[:position]

    def _upgrade(self) -> bool:
        end = self._in.find(b"\r\n\r\n")
        if end < 0:
            return False
        accepted = hashlib.sha1(self._nonce + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11")  # noqa: S324 - RFC 6455
        if base64.b64encode(accepted.digest()) not in self._in[:end]:
            self._hello.set_exception(RefusedByRelay(self._in[:40].decode("ascii", "replace")))
            return False
        del self._in[: end + 4]
        self._is_upgraded = True
        return True

    def _whole(self, position: int) -> tuple[int, int, int] | None:
        """Return opcode, start and end of the frame at `position` if all of it is there."""
        data, size_b = self._in, len(self._in) - position
        if size_b < 2:
            return None
        length, start = data[position + 1], position + 2
        if length > 125:
            wide = 2 if length == 126 else 8
            length, start = int.from_bytes(data[start : start + wide], "big"), start + wide
        end = start + length
        return (data[position] & 0x0F, start, end) if end <= len(data) else None

    # --- frames ---

    def send(self, recipient: int, tag: int, body: bytes) -> None:
        """SEND of one item."""
        self._last_id += 1
        self._tag_of[self._last_id] = tag
        box = self._run.boxes[recipient]
        item = [box.mailbox, box.token, self._run.salt + body[:TAG_B], _TTL_LONG, b"", body]
        self.write(cbor2.dumps({0: Send.OP, 1: self._last_id, 2: [item]}))

    def _take(self, frames: list[dict[int, Any]]) -> None:
        seqs: list[int] = []
        for frame in frames:
            operation = frame[0]
            if operation == Message.OP:
                seqs.append(frame[3])
                self.load.delivered(frame[5])
            elif operation == SendResults.OP:
                self._settle(frame)
            elif operation == Hello.OP:
                self._hello.set_result(frame)
            elif frame[1] in self._answers:
                self._answers.pop(frame[1]).set_result([frame[0], frame[1], frame.get(2)])
            elif frame[1] in self._tag_of and operation != Done.OP:
                self.load.refused(self._tag_of.pop(frame[1]))
        if seqs:
            self._last_id += 1
            self.write(cbor2.dumps({0: Ack.OP, 1: self._last_id, 2: self._box.mailbox, 3: seqs}))

    def _settle(self, frame: dict[int, Any]) -> None:
        tag = self._tag_of.pop(frame[1])
        if frame[2][0][0] == 0:
            self.load.confirmed(tag)
        else:
            self.load.refused(tag)
