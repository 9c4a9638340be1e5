"""People of a chaos run: they repeat until they are answered, acknowledge what they have, and keep book."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import cbor2
from e2ee_relay.protocol import (
    Ack,
    Done,
    ErrorCode,
    FrameError,
    Message,
    PrekeysBundle,
    PrekeysFetch,
    SendItem,
)
from relay_actors import Company, Owner, Peer, SocketLink
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PATIENCE_S = 15.0
_FAULTS = (OSError, TimeoutError, WebSocketException, FrameError, AssertionError)


@dataclass
class Book:
    """What was confirmed, what arrived, and which keys were handed out."""

    confirmed: set[bytes] = field(default_factory=set)  # message ids answered OK
    arrived: Counter[bytes] = field(default_factory=Counter)
    acknowledged: set[bytes] = field(default_factory=set)  # whose acknowledgement was answered
    after_acknowledgement: set[bytes] = field(default_factory=set)
    keys: Counter[bytes] = field(default_factory=Counter)
    bundles: int = 0
    reconnects: int = 0

    def findings(self) -> dict[str, int]:
        """Count what must not be: each is 0 in a run that holds."""
        return {
            "confirmed_lost": len(self.confirmed - self.arrived.keys()),
            "delivered_after_acknowledgement": len(self.after_acknowledgement),
            "one_time_keys_given_twice": sum(count > 1 for count in self.keys.values()),
        }


@dataclass
class Conversation:
    """One direction: who owns the mailbox, and the messages that have to get there."""

    owner: Owner
    items: list[SendItem]


class Person:
    """Some conversations over one connection that is made anew whenever it breaks."""

    def __init__(self, url: str, book: Book, conversations: list[Conversation]) -> None:
        self._url = url
        self._book = book
        self._conversations = conversations

    async def live_on(self, live: Callable[[Peer], Awaitable[bool]]) -> None:
        """Live on one connection after the other until `live` says that it is done."""
        while True:
            with suppress(*_FAULTS):
                async with connect(self._url, compression=None, open_timeout=PATIENCE_S) as socket:
                    peer = await Peer(SocketLink(socket), timeout_s=PATIENCE_S).greet()
                    if await live(peer):
                        return
            self._book.reconnects += 1
            await asyncio.sleep(0.2)

    async def set_up(self) -> None:
        """Make the mailboxes; repeated, it changes nothing."""

        async def live(peer: Peer) -> bool:
            for one in self._conversations:
                await one.owner.set_up(peer)
            return True

        await self.live_on(live)

    async def talk(self, pause_s: float) -> None:
        """Send everything, each message until it is answered OK."""

        async def live(peer: Peer) -> bool:
            for turn in range(len(self._conversations[0].items)):
                items = [one.items[turn] for one in self._conversations]
                left = [item for item in items if item.msg_id not in self._book.confirmed]
                if not left:
                    continue
                results = await peer.send(*left)
                for item, result in zip(left, results, strict=True):
                    if result.code is ErrorCode.OK:
                        self._book.confirmed.add(item.msg_id)
                if any(result.code is not ErrorCode.OK for result in results):
                    return False
                await asyncio.sleep(pause_s)
            return True

        await self.live_on(live)

    async def listen(self, is_over: Callable[[], bool]) -> None:
        """Take and acknowledge what comes, until it is over."""

        async def live(peer: Peer) -> bool:
            for one in self._conversations:
                await one.owner.prove(peer)
                await one.owner.subscribe(peer)
            by_mailbox = {one.owner.mailbox: one.owner for one in self._conversations}
            while not is_over():
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        while not any(isinstance(frame, Message) for frame in peer.pushes):
                            await peer.pump()
                await self._acknowledge(peer, by_mailbox)
            return True

        await self.live_on(live)

    async def _acknowledge(self, peer: Peer, owners: dict[bytes, Owner]) -> None:
        messages = [frame for frame in peer.pushes if isinstance(frame, Message)]
        peer.pushes = [frame for frame in peer.pushes if not isinstance(frame, Message)]
        for message in messages:
            self._book.arrived[message.msg_id] += 1
            if message.msg_id in self._book.acknowledged:
                self._book.after_acknowledgement.add(message.msg_id)
        for mailbox in {message.mailbox for message in messages}:
            own = [message for message in messages if message.mailbox == mailbox]
            request = Ack(peer.next_id(), owners[mailbox].mailbox, tuple(one.seq for one in own))
            if isinstance(await peer.ask(request), Done):
                self._book.acknowledged.update(one.msg_id for one in own)


async def fetch_keys(url: str, book: Book, company: Company, is_over: Callable[[], bool]) -> None:
    """Take one bundle after the other and note the one-time keys in it."""
    person = Person(url, book, [])

    async def live(peer: Peer) -> bool:
        while not is_over():
            request = PrekeysFetch(
                peer.next_id(), company.account_id, company.record_hash, company.front_token, b""
            )
            answer = await peer.ask(request)
            if not isinstance(answer, PrekeysBundle):
                return False
            book.bundles += 1
            bundle = cbor2.loads(answer.bundle)
            given = [bundle[4]] if answer.one_time_x25519 else []
            book.keys.update(given + ([bundle[5]] if answer.one_time_kem else []))
            await asyncio.sleep(0.02)
        return True

    await person.live_on(live)


def make_conversations(count: int, messages: int) -> list[Conversation]:
    """Make mailboxes and what is to be sent to them."""
    made: list[Conversation] = []
    for _ in range(count):
        owner = Owner()
        made.append(Conversation(owner, [owner.item(os.urandom(300)) for _ in range(messages)]))
    return made
