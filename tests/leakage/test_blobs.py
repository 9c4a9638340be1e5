"""What a relay sees of blobs: declared fields only; random ones look random, and tie no blob to another."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import seen_fields
from byte_statistics import LIMIT, judge
from e2ee_client.runtime.transfer import ReadPart, Transfer, Upload
from e2ee_client.runtime.transport import Connection
from e2ee_relay.memory import MemoryConnection, MemoryRelay
from e2ee_relay.protocol import TokenClass
from leakage_declaration import Row
from relay_actors import Clock, Owner, Peer

from e2ee import files
from e2ee.secret import FileKey

BLOBS = 8


class Seen:
    """A transport whose messages are kept as the relay sees them."""

    def __init__(self, relay: MemoryRelay) -> None:
        self.relay = relay
        self.messages: list[bytes] = []

    async def open(self, url: str, *, foreign: bool = False) -> Connection:
        return _Link(self.relay.connect(), self.messages)


class _Link:
    def __init__(self, link: MemoryConnection, messages: list[bytes]) -> None:
        self._link = link
        self._messages = messages

    async def send(self, data: bytes) -> None:
        self._messages.append(data)
        await self._link.send_bytes(data)

    async def receive(self) -> bytes:
        self._messages.append(await self._link.receive_bytes())
        return self._messages[-1]

    async def close(self) -> None:
        self._link.drop()


def _reads(parts: list[bytes]) -> ReadPart:
    async def read(index: int) -> bytes:
        return parts[index]

    return read


async def _transfers(relay: MemoryRelay) -> list[list[bytes]]:
    """Put and get files that are all the same, each by another contact; return what is seen of each."""
    peer, seen = await Peer(relay.connect()).greet(), list[list[bytes]]()
    for _ in range(BLOBS):
        owner = Owner()
        await owner.create(peer)
        await owner.prove(peer)
        await owner.admit(peer, owner.token, TokenClass.TRUSTED)
        sealing = files.Sealing(FileKey(os.urandom(32)), 70_000)
        parts = list(sealing.parts([bytes(70_000)]))
        upload = Upload(owner.mailbox, owner.token, os.urandom(32), os.urandom(32), sum(map(len, parts)))
        road = Seen(relay)
        transfer = Transfer(road, "ws://relay")
        await transfer.put(upload, _reads(parts))
        await transfer.get(upload.blob, upload.size_b, lambda _index, _part: None)
        seen.append(road.messages)
    return seen


def _fields(relay: MemoryRelay, messages: list[bytes], root: Path) -> Iterator[seen_fields.Field]:
    names = seen_fields.operation_names(root)
    for message in messages:
        yield from seen_fields.fields_of_message(message, names)
    cursor = relay._file.connection.execute("SELECT * FROM blob")
    columns = [one[0] for one in cursor.description]
    for row in cursor:
        yield from seen_fields.fields_of_row("blob", dict(zip(columns, row, strict=True)))


async def test_blobs_show_what_is_declared(table: Mapping[str, Row], repo_root: Path) -> None:
    """LKG-01, LKG-05, LKG-06: of the same file sent eight times no value comes again with another blob."""
    relay = MemoryRelay(Clock(), os.urandom)
    seen = await _transfers(relay)
    values: dict[Row, set[bytes]] = defaultdict(set)
    owners: dict[bytes, set[int]] = defaultdict(set)
    for place, messages in enumerate(seen):
        for field in _fields(relay, messages, repo_root):
            assert field.path in table, field.path
            row = table[field.path]
            if row.scope == "blob" and isinstance(field.value, bytes):
                values[row].add(field.value)
                if not field.path.startswith("db."):
                    owners[field.value].add(place)
    assert {row.what for row in table.values() if row.scope == "blob"} == {row.what for row in values}
    assert all(len(places) == 1 for places in owners.values())
    for row, found in values.items():
        assert [name for name, chance in judge(sorted(found)) if chance < LIMIT] == [], row.what
    relay.close()
