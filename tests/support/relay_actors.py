"""Owners, senders and publishing companies for tests of the relay, written without the protocol core."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import cbor2
from e2ee_relay.protocol import (
    Ack,
    Auth,
    AuthResult,
    CreateMailbox,
    Done,
    ErrorCode,
    Frame,
    Hello,
    KnownFrame,
    Message,
    PrekeysUpload,
    Publish,
    Role,
    Send,
    SendItem,
    SendResult,
    SendResults,
    Subscribe,
    TokenAdd,
    TokenClass,
    TtlClass,
    auth_payload,
    decode_frames,
    encode_frames,
    pow_is_enough,
    token_hash,
)
from nacl.signing import SigningKey

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = 1_800_000_000_000
F = TypeVar("F")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def forward(self, by_ms: int) -> None:
        self.now_ms += by_ms


class Link(Protocol):
    """One connection in bytes: a MemoryConnection, or an adapter of a socket."""

    async def send_bytes(self, message: bytes) -> None: ...
    async def receive_bytes(self) -> bytes: ...
    async def close(self) -> None: ...


class OtherAnswer(AssertionError):
    """The relay answered a request with something else than the test counts on."""


class SocketLink:
    """A WebSocket as a Link."""

    def __init__(self, socket: object) -> None:
        self._send: Callable[..., object] = socket.send  # type: ignore[attr-defined]  # any WebSocket client
        self._recv: Callable[..., object] = socket.recv  # type: ignore[attr-defined]
        self._close: Callable[..., object] = socket.close  # type: ignore[attr-defined]

    async def send_bytes(self, message: bytes) -> None:
        await self._send(message)  # type: ignore[misc]  # a coroutine function

    async def receive_bytes(self) -> bytes:
        return await self._recv()  # type: ignore[misc, no-any-return]  # a coroutine function

    async def close(self) -> None:
        await self._close()  # type: ignore[misc]  # a coroutine function


class Peer:
    """One connection: requests with their answers, and the pushes in between."""

    def __init__(self, link: Link, *, timeout_s: float = 60.0) -> None:
        self.link = link
        self.pushes: list[Frame] = []
        self.hello: Hello | None = None
        self._answers: dict[int, Frame] = {}
        self._last_id = 0
        self._timeout_s = timeout_s

    @property
    def nonce(self) -> bytes:
        assert self.hello is not None
        return self.hello.nonce

    async def greet(self) -> Peer:
        """Wait for the Hello."""
        while self.hello is None:
            await self.pump()
        return self

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def pump(self) -> None:
        """Take one message from the relay."""
        message = await asyncio.wait_for(self.link.receive_bytes(), self._timeout_s)
        for frame in decode_frames(message, Role.CLIENT):
            if isinstance(frame, Hello):
                self.hello = frame
            elif frame.request_id:
                self._answers[frame.request_id] = frame
            else:
                self.pushes.append(frame)

    async def ask(self, request: KnownFrame) -> Frame:
        """Send one request and wait for its answer."""
        await self.begin(request)
        return await self.answer(request.request_id)

    async def begin(self, request: KnownFrame) -> None:
        """Send one request whose answer is waited for later."""
        await self.link.send_bytes(encode_frames([request]))

    async def answer(self, request_id: int) -> Frame:
        """Wait for the answer to a request that was sent."""
        while request_id not in self._answers:
            await self.pump()
        return self._answers.pop(request_id)

    async def expect(self, kind: type[F], request: KnownFrame) -> F:
        """Send one request whose answer must be of this class."""
        answer = await self.ask(request)
        if not isinstance(answer, kind):
            raise OtherAnswer(answer)
        return answer

    async def push(self, kind: type[F]) -> F:
        """Wait for the next push of this class."""
        while True:
            for place, frame in enumerate(self.pushes):
                if isinstance(frame, kind):
                    del self.pushes[place]
                    return frame
            await self.pump()

    async def send(self, *items: SendItem) -> list[SendResult]:
        answer = await self.expect(SendResults, Send(self.next_id(), tuple(items)))
        return list(answer.results)


@dataclass
class Owner:
    """A mailbox with its key and one contact's token."""

    key: SigningKey = field(default_factory=SigningKey.generate)
    mailbox: bytes = field(default_factory=lambda: os.urandom(16))
    token: bytes = field(default_factory=lambda: os.urandom(32))

    @property
    def owner_pub(self) -> bytes:
        return bytes(self.key.verify_key)

    def auth(self, peer: Peer, *mailboxes: bytes) -> Auth:
        named = mailboxes or (self.mailbox,)
        assert peer.hello is not None
        signed = auth_payload(peer.hello.relay_name, peer.nonce, named)
        return Auth(peer.next_id(), named, self.owner_pub, self.key.sign(signed).signature)

    async def create(self, peer: Peer) -> None:
        await peer.expect(Done, CreateMailbox(peer.next_id(), self.mailbox, self.owner_pub))

    async def prove(self, peer: Peer) -> None:
        answer = await peer.expect(AuthResult, self.auth(peer))
        if answer.refused:
            raise OtherAnswer(answer)

    async def admit(self, peer: Peer, token: bytes, token_class: TokenClass = TokenClass.CONTACT) -> None:
        await peer.expect(Done, TokenAdd(peer.next_id(), self.mailbox, (token_hash(token),), token_class))

    async def set_up(self, peer: Peer) -> None:
        """Create, prove and admit the one contact."""
        await self.create(peer)
        await self.prove(peer)
        await self.admit(peer, self.token)

    async def subscribe(self, peer: Peer) -> None:
        await peer.expect(Done, Subscribe(peer.next_id(), (self.mailbox,)))

    def item(self, body: bytes, **changes: object) -> SendItem:
        values: dict[str, object] = {
            "mailbox": self.mailbox,
            "token": self.token,
            "msg_id": os.urandom(16),
            "ttl": TtlClass.RETENTION,
            "pow": b"",
            "body": body,
        }
        return SendItem(**{**values, **changes})  # type: ignore[arg-type]  # the tests name the fields

    async def ack(self, peer: Peer, *messages: Message) -> None:
        seqs = tuple(message.seq for message in messages)
        await peer.expect(Done, Ack(peer.next_id(), self.mailbox, seqs))


async def sent_again(peer: Peer, owner: Owner) -> None:
    """Send until it is taken, as a client does that was told to come back within seconds."""
    message, results = owner.item(b"again"), list[SendResult]()
    async with asyncio.timeout(60):
        while not results or results[0].code is ErrorCode.UNAVAILABLE:
            results = await peer.send(message)
            await asyncio.sleep(0.05)
    if results[0].code is not ErrorCode.OK:
        raise OtherAnswer(results[0])


def work_elsewhere(there: bytes, here: bytes, bits: int) -> bytes:
    """Return work that is enough for one context and not for another (RLY-24)."""
    works = (counter.to_bytes(8, "big") for counter in itertools.count())
    return next(
        work for work in works if pow_is_enough(there, work, bits) and not pow_is_enough(here, work, bits)
    )


def label(name: str) -> bytes:
    return name.encode().ljust(16, b"\0")


def labelled_hash(name: str, payload: bytes) -> bytes:
    return hashlib.sha256(label(name) + payload).digest()


def signed(key: SigningKey, name: str, payload: bytes) -> bytes:
    return cbor2.dumps([payload, key.sign(label(name) + payload).signature])


class Company:
    """An account with one device behind an Owner's mailbox, publishing what the relay checks."""

    def __init__(self, owner: Owner, now_ms: int) -> None:
        self.owner = owner
        self.now_ms = now_ms
        self.account = SigningKey.generate()
        self.device = SigningKey.generate()
        self.front_token = os.urandom(32)
        self.record = self.make_record(self.device)
        self.lists: list[bytes] = []
        self.next_key_id = 1

    @property
    def account_id(self) -> bytes:
        return bytes(self.account.verify_key)

    @property
    def record_hash(self) -> bytes:
        return labelled_hash("SR1-record", self.record)

    def make_record(self, device: SigningKey, **changes: object) -> bytes:
        record: dict[int, object] = {
            1: 1, 2: [1], 3: self.account_id, 4: os.urandom(16), 5: bytes(device.verify_key),
            6: os.urandom(32), 7: 0, 8: 0, 9: self.now_ms, 10: self.now_ms + 365 * DAY_MS,
        }  # fmt: skip
        record.update({int(key[1:]): value for key, value in changes.items()})
        return cbor2.dumps(record)

    def make_list(self, records: list[bytes], key: SigningKey | None = None, **changes: object) -> bytes:
        """Make the list that follows the last one; changes are k1=..., k2=..."""
        last = None if not self.lists else cbor2.loads(self.lists[-1])[0]
        fields: dict[int, object] = {
            1: 1, 2: self.account_id, 3: len(self.lists) + 1,
            4: None if last is None else labelled_hash("SR1-list", last),
            5: self.now_ms, 6: self.now_ms + 30 * DAY_MS, 7: None,
            8: sorted(labelled_hash("SR1-record", record) for record in records),
        }  # fmt: skip
        fields.update({int(name[1:]): value for name, value in changes.items()})
        return signed(key or self.account, "SR1-sig-list", cbor2.dumps(fields))

    def make_address(self, key: SigningKey | None = None, **changes: object) -> bytes:
        fields: dict[int, object] = {
            1: 1, 2: self.record_hash, 3: self.owner.mailbox, 4: self.front_token, 5: self.now_ms,
        }  # fmt: skip
        fields.update({int(name[1:]): value for name, value in changes.items()})
        return signed(key or self.device, "SR1-sig-address", cbor2.dumps(fields))

    def entry(self, peer: Peer, *lists: bytes, **changes: object) -> Publish:
        values: dict[str, object] = {
            "account_id": self.account_id,
            "lists": lists,
            "records": (self.record,),
            "addresses": (self.make_address(),),
        }
        return Publish(peer.next_id(), **{**values, **changes})  # type: ignore[arg-type]  # the tests name the fields

    async def publish(self, peer: Peer) -> None:
        """Publish the next list with the one device, and open its front door."""
        signed_list = self.make_list([self.record])
        await peer.expect(Done, self.entry(peer, signed_list))
        self.lists.append(signed_list)
        await self.owner.admit(peer, self.front_token, TokenClass.FRONT_DOOR)

    def make_prekey(self, key_type: int, usage: int, key_id: int, **changes: object) -> bytes:
        fields: dict[int, object] = {
            1: 1, 2: self.account_id, 3: self.record_hash, 4: key_type, 5: usage, 6: key_id,
            7: self.now_ms + 14 * DAY_MS, 8: os.urandom(32 if key_type == 1 else 1184),
        }  # fmt: skip
        fields.update({int(name[1:]): value for name, value in changes.items()})
        return signed(self.device, "SR1-sig-prekey", cbor2.dumps(fields))

    def upload(self, peer: Peer, x25519: int, kem: int, *, reusable: bool = True) -> PrekeysUpload:
        """Make an upload of fresh keys with ids that follow the last ones."""
        first = self.next_key_id
        self.next_key_id += max(x25519, kem)
        return PrekeysUpload(
            peer.next_id(),
            self.account_id,
            self.record_hash,
            signed_prekey=self.make_prekey(1, 2, 1) if reusable else None,
            last_resort=self.make_prekey(2, 2, 1) if reusable else None,
            one_time_x25519=tuple(self.make_prekey(1, 1, first + place) for place in range(x25519)),
            one_time_kem=tuple(self.make_prekey(2, 1, first + place) for place in range(kem)),
        )
