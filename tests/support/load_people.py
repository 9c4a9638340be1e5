"""Owners, senders and companies that keep a relay busy and come back whenever it does.

Each is one task that runs until it is cancelled. What a connection's end leaves open is asked again with the
same message id, as a client does. Everything that was promised and delivered goes into the ledger.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import cbor2
from e2ee_relay.protocol import (
    Ack,
    DeleteMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    Message,
    PrekeysBundle,
    PrekeysFetch,
    PrekeysStock,
    Send,
    SendItem,
    SendResults,
    TtlClass,
)
from load_ledger import Account, Ledger, body_of
from relay_actors import Company, OtherAnswer, Owner, Peer, SocketLink
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

# What the end of a relay looks like from outside.
GONE: Final = (OSError, WebSocketException, TimeoutError)
_MAX_MESSAGE_B: Final = 1 << 20
_ANSWER_S: Final = 30.0
_BACK_S: Final = (0.1, 0.6)
_ONE_TIME_X25519, _ONE_TIME_KEM = 4, 5
_UPLOAD: Final = 60
_LOW: Final = 40


@dataclass(slots=True)
class Stage:
    """What all actors of a run share."""

    url: Callable[[], str]
    ledger: Ledger
    random: random.Random
    results: Counter[str] = field(default_factory=Counter)
    peer_class: type[Peer] = Peer
    # Cleared while nobody is to ask for anything new.
    busy: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.busy.set()

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Peer]:
        """One connection that has been greeted."""
        async with connect(
            self.url(), max_size=_MAX_MESSAGE_B, compression=None, close_timeout=1, ping_interval=None
        ) as socket:
            yield await self.peer_class(SocketLink(socket), timeout_s=_ANSWER_S).greet()

    async def again(self, life: Callable[[Peer], Awaitable[None]]) -> None:
        """Live on one connection after the other until a life ends by itself."""
        while True:
            try:
                async with self.peer() as peer:
                    await life(peer)
                return
            except GONE:
                self.results["connections that ended"] += 1
            except OtherAnswer as other:
                self.results[f"other answer: {other}"] += 1
            await asyncio.sleep(self.random.uniform(*_BACK_S))


class Reader:
    """The owner of one mailbox: reads, deletes what was read, and may be away for a while."""

    def __init__(self, stage: Stage, presence: tuple[float, float] | None = None) -> None:
        """`presence`: seconds there and seconds away, on average; None for one who is always there."""
        self._stage = stage
        self._presence = presence
        self.owner = Owner()
        self.account: Account = stage.ledger.open()

    async def set_up(self) -> None:
        await self._stage.again(self.owner.set_up)

    async def run(self) -> None:
        """Read for ever."""
        if self._presence is None:
            await self.remain()
            return
        there_s, away_s = self._presence
        while True:
            chance = self._stage.random
            try:
                await asyncio.wait_for(self._stage.again(self.read), chance.uniform(0.5, 1.5) * there_s)
            except TimeoutError:
                await asyncio.sleep(chance.uniform(0.5, 1.5) * away_s)

    async def remain(self) -> None:
        """Be there for ever."""
        await self._stage.again(self.read)

    async def read(self, peer: Peer) -> None:
        """Read on one connection until it ends."""
        ledger = self._stage.ledger
        try:
            await self.owner.prove(peer)
            await self.owner.subscribe(peer)
            ledger.here(self.account)
            while True:
                # While a deletion is confirmed, the next messages may have come.
                if not peer.pushes:
                    await _quietly(peer.pump())
                await self._take(peer)
        finally:
            ledger.away(self.account)

    async def _take(self, peer: Peer) -> None:
        messages = [one for one in peer.pushes if isinstance(one, Message)]
        peer.pushes.clear()
        for one in messages:
            self._stage.ledger.delivered(self.account, one)
        for start in range(0, len(messages), 1024):
            some = messages[start : start + 1024]
            seqs = tuple(one.seq for one in some)
            await peer.expect(Done, Ack(peer.next_id(), self.owner.mailbox, seqs))
            self._stage.ledger.acked(self.account, some)


async def _quietly(waiting: Awaitable[None]) -> None:
    """Nothing has come for a while: that is no trouble for a reader."""
    try:
        await waiting
    except TimeoutError:
        return


@dataclass(frozen=True, slots=True)
class Pace:
    """What a sender sends: batches a second, items a batch, bytes a body, share of short-lived ones."""

    batches_per_s: float
    items: tuple[int, int] = (1, 4)
    size_b: tuple[int, int] = (200, 1400)
    short_share: float = 0.2
    in_flight: int = 1


class Sender:
    """Writes to many mailboxes at a pace; asks again what was not answered."""

    def __init__(self, stage: Stage, readers: Sequence[Reader], pace: Pace) -> None:
        self._stage = stage
        self._readers = list(readers)
        self._pace = pace
        self._open: list[tuple[SendItem, Account]] = []
        self.is_ending = False

    @property
    def open_count(self) -> int:
        """Messages that have no answer yet."""
        return len(self._open)

    async def run(self) -> None:
        """Send until told to end, and until nothing is open any more."""
        await self._stage.again(self._send)

    async def _send(self, peer: Peer) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._open or not self.is_ending:
            if not self._open:
                await self._stage.busy.wait()
                count = self._stage.random.randint(*self._pace.items) * self._pace.in_flight
                self._open = [self._fresh() for _ in range(count)]
            await self._ask(peer)
            due = max(due + 1 / self._pace.batches_per_s, loop.time() - 1)
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _fresh(self) -> tuple[SendItem, Account]:
        chance, pace = self._stage.random, self._pace
        reader = chance.choice(self._readers)
        ttl = TtlClass.MINUTE if chance.random() < pace.short_share else TtlClass.RETENTION
        msg_id = self._stage.ledger.sent(reader.account, ttl)
        body = body_of(msg_id, chance.randint(*pace.size_b))
        return reader.owner.item(body, msg_id=msg_id, ttl=ttl), reader.account

    async def _ask(self, peer: Peer) -> None:
        """Send what is open in several requests at once, so that their commits meet; keep what is unsure."""
        size = max(1, -(-len(self._open) // self._pace.in_flight))
        parts = [self._open[start : start + size] for start in range(0, len(self._open), size)]
        requests = [Send(peer.next_id(), tuple(item for item, _ in part)) for part in parts]
        for request in requests:
            await peer.begin(request)
        again: list[tuple[SendItem, Account]] = []
        for request, part in zip(requests, parts, strict=True):
            answer = await peer.answer(request.request_id)
            if not isinstance(answer, SendResults):
                raise OtherAnswer(answer)
            for (item, account), result in zip(part, answer.results, strict=True):
                self._stage.results[f"items answered {result.code.name}"] += 1
                if result.code is ErrorCode.OK:
                    self._stage.ledger.confirmed(account, item.msg_id)
                elif result.code is ErrorCode.UNAVAILABLE:
                    again.append((item, account))
        self._open = again


class Passenger:
    """Makes a mailbox, is written to, reads a part, removes the mailbox, and begins anew."""

    def __init__(self, stage: Stage, pause_s: float) -> None:
        self._stage = stage
        self._pause_s = pause_s
        self.is_ending = False

    async def run(self) -> None:
        """Go on until told to end, and then to the end of this mailbox."""
        while not self.is_ending:
            await self._stage.busy.wait()
            reader = Reader(self._stage)
            await reader.set_up()
            sender = Sender(self._stage, [reader], Pace(3, short_share=0.0))
            sending = asyncio.create_task(sender.run())
            await asyncio.sleep(self._pause_s * self._stage.random.uniform(0.2, 1.0))
            sender.is_ending = True
            await sending
            await self._read_a_part(reader)
            await self._stage.again(partial(self._delete, reader))

    async def _read_a_part(self, reader: Reader) -> None:
        try:
            await asyncio.wait_for(
                self._stage.again(reader.read), self._pause_s * self._stage.random.random()
            )
        except TimeoutError:
            return

    async def _delete(self, reader: Reader, peer: Peer) -> None:
        try:
            await reader.owner.prove(peer)
        except OtherAnswer:
            # Refused: the answer to an earlier deletion was lost on its way.
            self._stage.results["deletions whose answer was lost"] += 1
        else:
            await peer.expect(Done, DeleteMailbox(peer.next_id(), reader.owner.mailbox))
        self._stage.ledger.deleted(reader.account)


class Shop:
    """A company whose prekeys strangers fetch, and which uploads more in time."""

    def __init__(self, stage: Stage, now_ms: int, pause_s: float) -> None:
        self._stage = stage
        self._pause_s = pause_s
        self._company = Company(Owner(), now_ms)
        self._is_published = False

    async def set_up(self) -> None:
        await self._stage.again(self._open_shop)

    async def _open_shop(self, peer: Peer) -> None:
        await self._company.owner.set_up(peer)
        await self._company.publish(peer)
        await self._upload(peer, reusable=True)

    async def run(self) -> None:
        """Fetch for ever, as a stranger on a new connection each time; restock when it runs low."""
        while True:
            await self._stage.busy.wait()
            await self._stage.again(self._fetch)
            if self._stage.random.random() < 1 / _LOW:
                await self._stage.again(self._restock)
            await asyncio.sleep(self._pause_s * self._stage.random.uniform(0.5, 1.5))

    async def _fetch(self, peer: Peer) -> None:
        company = self._company
        request = PrekeysFetch(peer.next_id(), company.account_id, company.record_hash, company.front_token)
        answer = await peer.expect(PrekeysBundle, request)
        bundle = cbor2.loads(answer.bundle)
        if answer.one_time_x25519:
            self._stage.ledger.handed_out(bundle[_ONE_TIME_X25519])
        if answer.one_time_kem:
            self._stage.ledger.handed_out(bundle[_ONE_TIME_KEM])

    async def _restock(self, peer: Peer) -> None:
        await self._company.owner.prove(peer)
        await self._upload(peer, reusable=False)

    async def _upload(self, peer: Peer, *, reusable: bool) -> None:
        answer = await peer.ask(self._company.upload(peer, _UPLOAD, _UPLOAD, reusable=reusable))
        if isinstance(answer, ErrorReply) and answer.code is ErrorCode.QUOTA:
            self._stage.results["uploads to a full stock"] += 1
        elif not isinstance(answer, PrekeysStock):
            raise OtherAnswer(answer)
