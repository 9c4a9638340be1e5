"""Hosts that want a relay, or one company on it, for themselves, each from an address of its own.

    python tests/support/newcomer_crowd.py PORT ATTACK HOSTS TARGET

They come through a proxy that the relay trusts, which names their addresses (PROXY protocol). TARGET is the
JSON of a `Target`. The process runs until its input ends, at what priority is left, and then prints as JSON
what it has done.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from abuse_crowd import only_what_is_left  # noqa: E402
from e2ee_relay.protocol import (  # noqa: E402
    CreateMailbox,
    ErrorReply,
    KnownFrame,
    Lookup,
    Ping,
    PrekeysFetch,
    Send,
    SendItem,
    TtlClass,
    encode_frames,
)
from raw_websocket import BINARY, RawWebSocket, frame  # noqa: E402
from relay_actors import Company, Owner, Peer  # noqa: E402

_MIB: Final = 1 << 20
_DONE: Final[Counter[str]] = Counter()


@dataclass(frozen=True, slots=True)
class Target:
    """What anybody knows of a company: its card and its signed address."""

    account_id: bytes
    record_hash: bytes
    mailbox: bytes
    token: bytes

    @classmethod
    def of(cls, company: Company) -> Target:
        """Return what a company publishes."""
        return cls(company.account_id, company.record_hash, company.owner.mailbox, company.front_token)

    @classmethod
    def read(cls, text: str) -> Target:
        """Return what `written` has written."""
        return cls(**{name: bytes.fromhex(value) for name, value in json.loads(text).items()})

    def written(self) -> str:
        """Return it as JSON."""
        return json.dumps({name: value.hex() for name, value in asdict(self).items()})

    def lookup(self, request_id: int) -> Lookup:
        """Ask for the entry."""
        return Lookup(request_id, self.account_id, 0)

    def fetch(self, request_id: int) -> PrekeysFetch:
        """Ask for a bundle."""
        return PrekeysFetch(request_id, self.account_id, self.record_hash, self.token)

    def knock(self) -> SendItem:
        """A first flight, as far as a relay can tell."""
        body = os.urandom(4096)
        return SendItem(self.mailbox, self.token, os.urandom(16), TtlClass.RETENTION, b"", body)


class Visitor(RawWebSocket):
    """A client of a given address. Also a `Link`."""

    @classmethod
    async def of(cls, port: int, address: str) -> Visitor:
        """Connect and be named by the proxy."""
        visitor = cls(*await asyncio.open_connection("127.0.0.1", port))
        await visitor.write(f"PROXY TCP4 {address} 10.0.0.1 4000 443\r\n".encode())
        return visitor

    async def send_bytes(self, message: bytes) -> None:
        """Send one message.

        Raises:
            ConnectionError: the relay takes no more.
        """
        if not await self.write(frame(BINARY, message)):
            raise ConnectionError("cut off")

    async def receive_bytes(self) -> bytes:
        """Wait for one message.

        Raises:
            ConnectionError: the relay has closed the connection.
        """
        while not self.heard.messages:
            if self.heard.code is not None:
                raise ConnectionError("closed")
            await self._more()
        return self.heard.messages.pop(0)

    async def close(self) -> None:
        """Vanish."""
        self.abort()


Attack = Callable[[int, str, Target], Awaitable[None]]


async def enter(port: int, address: str) -> Visitor:
    """Come in, and be greeted."""
    visitor = await Visitor.of(port, address)
    await visitor.upgrade()
    _DONE["connections"] += 1
    return visitor


async def _forget(visitor: Visitor) -> None:
    while data := await visitor.reader.read(1 << 16):
        _DONE["bytes of answers"] += len(data)


def asking(make: Callable[[Target], list[KnownFrame]]) -> Attack:
    """Send the same requests over and over, and read what comes."""

    async def attack(port: int, address: str, target: Target) -> None:
        visitor = await enter(port, address)
        reading = asyncio.create_task(_forget(visitor))
        try:
            while not reading.done():
                await visitor.send_bytes(encode_frames(make(target)))
                _DONE["messages"] += 1
                await asyncio.sleep(0)
        finally:
            reading.cancel()
            visitor.abort()

    return attack


def knocks(target: Target) -> list[KnownFrame]:
    return [Send(number + 1, (target.knock(),)) for number in range(16)]


def junk(_target: Target) -> list[KnownFrame]:
    """Messages for nobody, as many as a request holds."""
    return [
        Send(
            number + 1,
            tuple(
                SendItem(os.urandom(16), os.urandom(32), os.urandom(16), TtlClass.RETENTION, b"", bytes(24))
                for _ in range(64)
            ),
        )
        for number in range(16)
    ]


async def creations(port: int, address: str, _target: Target) -> None:
    """Make mailboxes, on a new connection where the old one may make no more."""
    while True:
        visitor = await enter(port, address)
        peer = await Peer(visitor).greet()
        made = [CreateMailbox(peer.next_id(), os.urandom(16), os.urandom(32)) for _ in range(20)]
        await visitor.send_bytes(encode_frames(made))
        for one in made:
            answer = await peer.answer(one.request_id)
            _DONE[type(answer).__name__] += 1
        visitor.abort()


async def entries(port: int, address: str, _target: Target) -> None:
    """Publish a chain of 64 lists, signed as they should be, of an account of its own."""
    visitor = await enter(port, address)
    peer = await Peer(visitor).greet()
    request = _entry(peer)
    message = encode_frames([request])
    while True:
        await visitor.send_bytes(message)
        answer = await peer.answer(request.request_id)
        _DONE[answer.code.name if isinstance(answer, ErrorReply) else "Done"] += 1


_CHAIN: Final[list[Company]] = []


def _entry(peer: Peer) -> KnownFrame:
    if not _CHAIN:
        company = Company(Owner(), time.time_ns() // 1_000_000)
        for _ in range(64):
            company.lists.append(company.make_list([company.record]))
        _CHAIN.append(company)
    return _CHAIN[0].entry(peer, *_CHAIN[0].lists)


async def halves(port: int, address: str, _target: Target) -> None:
    """All but the last bytes of a message of 1 MiB, and the rest as slowly as may be."""
    visitor = await enter(port, address)
    reading = asyncio.create_task(_forget(visitor))
    try:
        await visitor.write(frame(BINARY, bytes(_MIB - 1000), claimed_b=_MIB))
        while await visitor.write(b"\0"):
            await asyncio.wait([reading], timeout=1)
    finally:
        reading.cancel()
        visitor.abort()


async def places(port: int, address: str, _target: Target) -> None:
    """Stay, and ask for something now and then."""
    visitor = await enter(port, address)
    reading = asyncio.create_task(visitor.listen(3600))
    try:
        while not reading.done():
            await visitor.send_bytes(encode_frames([Ping(1)]))
            await asyncio.sleep(5)
    finally:
        reading.cancel()
        visitor.abort()


async def silence(port: int, address: str, _target: Target) -> None:
    """Be named, and say nothing."""
    visitor = await Visitor.of(port, address)
    _DONE["connections"] += 1
    await visitor.reader.read(1)
    visitor.abort()


# Each with how many connections of a host carry it out.
ATTACKS: Final[dict[str, tuple[Attack, int]]] = {
    "fetches": (asking(lambda target: [target.fetch(number + 1) for number in range(32)]), 4),
    "lookups": (asking(lambda target: [target.lookup(number + 1) for number in range(32)]), 4),
    "knocks": (asking(knocks), 4),
    "junk": (asking(junk), 10),
    "creations": (creations, 8),
    "entries": (entries, 90),
    "halves": (halves, 40),
    "places": (places, 110),
    "silence": (silence, 150),
}


async def again_and_again(attack: Attack, port: int, address: str, target: Target) -> None:
    """Begin anew where the relay has cut the attacker off."""
    while True:
        try:
            await attack(port, address, target)
        except (ConnectionError, EOFError, TimeoutError, OSError):
            _DONE["cut off"] += 1
        await asyncio.sleep(0.2)


async def crowd(port: int, name: str, hosts: int, target: Target) -> None:
    """Attack until the input ends."""
    attack, copies = ATTACKS[name]
    tasks = [
        asyncio.create_task(again_and_again(attack, port, f"10.66.{host}.1", target))
        for host in range(hosts)
        for _ in range(copies)
    ]
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    port, name, hosts, target = sys.argv[1:5]
    only_what_is_left()
    asyncio.run(crowd(int(port), name, int(hosts), Target.read(target)))
    sys.stdout.write(json.dumps(dict(sorted(_DONE.items()))) + "\n")


if __name__ == "__main__":
    main()
