"""A node over a SQLite store whose writer runs in its thread, with one owner who is subscribed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from types import TracebackType

from e2ee_relay.limits import Policy, Rate
from e2ee_relay.node import Node
from e2ee_relay.protocol import (
    Ack,
    Auth,
    CreateMailbox,
    ErrorCode,
    KnownFrame,
    Message,
    PrekeysBundle,
    PrekeysFetch,
    QueueEmpty,
    Request,
    Send,
    SendResults,
    Subscribe,
    TokenAdd,
    TokenClass,
    auth_payload,
    token_hash,
)
from e2ee_relay.store.sqlite import SqliteStore
from e2ee_relay.store.sqlite_file import DatabaseFile
from relay_actors import Company, Owner

_PLENTY = Rate(1e9, 1e9)
_POLICY = Policy(fetches=_PLENTY, fetches_per_device=_PLENTY, prekeys_b=_PLENTY, max_one_time_keys=200)


async def until(holds: Callable[[], bool], timeout_s: float = 60) -> None:
    """Wait for something that has no event."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0.005)


class RunningStore:
    """One connection, which owns a mailbox, is subscribed to it, and writes to it."""

    def __init__(self, file: DatabaseFile) -> None:
        self.store = SqliteStore(file)
        self.node = Node(_POLICY, self.store, lambda: time.time_ns() // 1_000_000)
        self.owner = Owner()
        self.messages: list[Message] = []
        self._answers: dict[int, KnownFrame] = {}
        self._last_id = 0
        self._is_drained = False

    async def __aenter__(self) -> RunningStore:
        self.store.start(self.node, lambda _seconds, _count, _failed: None)
        self._session = self.node.connect(self, bytes(32))
        owner = self.owner
        signed = auth_payload(_POLICY.relay_name, bytes(32), (owner.mailbox,))
        for make in (
            lambda n: CreateMailbox(n, owner.mailbox, owner.owner_pub),
            lambda n: Auth(n, (owner.mailbox,), owner.owner_pub, owner.key.sign(signed).signature),
            lambda n: TokenAdd(n, owner.mailbox, (token_hash(owner.token),), TokenClass.CONTACT),
            lambda n: Subscribe(n, (owner.mailbox,)),
        ):
            await self.ask(make(self.next_id()))
        # Until the first read is over, what is sent comes after the answer to it.
        await until(lambda: self._is_drained)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopped = await asyncio.to_thread(self.store.stop, 60)
        if not stopped or self.store.is_alive:
            raise AssertionError("the writer does not end")

    def next_id(self) -> int:
        """Also gives ids to what makes requests for a connection."""
        self._last_id += 1
        return self._last_id

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Take a frame of the node."""
        if isinstance(frame, Message):
            self.messages.append(frame)
        elif isinstance(frame, QueueEmpty):
            self._is_drained = True
        else:
            self._answers[frame.request_id] = frame

    async def ask(self, request: Request) -> KnownFrame:
        """Ask and wait for the answer."""
        self.node.receive(self._session, request)
        await until(lambda: request.request_id in self._answers)
        return self._answers.pop(request.request_id)

    def begin(self, body: bytes) -> int:
        """Send a message; return the request id."""
        number = self.next_id()
        self.node.receive(self._session, Send(number, (self.owner.item(body),)))
        return number

    async def answer(self, number: int) -> ErrorCode:
        """Wait for what is said to a message."""
        await until(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert isinstance(answer, SendResults)
        return answer.results[0].code

    async def send(self, body: bytes) -> ErrorCode:
        """Send a message and wait."""
        return await self.answer(self.begin(body))

    async def acknowledge_all(self) -> None:
        """Acknowledge what has come."""
        seqs = tuple(message.seq for message in self.messages)
        await self.ask(Ack(self.next_id(), self.owner.mailbox, seqs))

    async def publish(self, keys: int) -> bytes:
        """Publish a device with so many keys of each kind; return its record hash."""
        self.company = company = Company(self.owner, time.time_ns() // 1_000_000)
        await self.ask(company.entry(self, company.make_list([company.record])))  # type: ignore[arg-type]  # it gives the id
        hashed = (token_hash(company.front_token),)
        await self.ask(TokenAdd(self.next_id(), self.owner.mailbox, hashed, TokenClass.FRONT_DOOR))
        await self.ask(company.upload(self, keys, keys))  # type: ignore[arg-type]  # it gives the id
        return company.record_hash

    async def fetch(self, count: int) -> list[PrekeysBundle]:
        """Fetch so many bundles on as many connections at a time; return those that were handed out."""
        answers: list[KnownFrame] = []
        company = self.company
        for number in range(1, count + 1):
            session = self.node.connect(_Asker(answers), os.urandom(32))
            fetch = PrekeysFetch(number, company.account_id, company.record_hash, company.front_token)
            self.node.receive(session, fetch)
        await until(lambda: len(answers) == count)
        return [one for one in answers if isinstance(one, PrekeysBundle)]


class _Asker:
    """A connection that hears one answer."""

    def __init__(self, answers: list[KnownFrame]) -> None:
        self._answers = answers

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Keep an answer."""
        if frame.request_id:
            self._answers.append(frame)
