"""A blob between a client and a relay: going on where it was cut, few parts on their way, and lies."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from e2ee_client.errors import BlobRefused, NotARelay, RelayUnavailable
from e2ee_client.runtime.transfer import IN_FLIGHT, Transfer, Upload, parts_of
from e2ee_client.runtime.transport import Connection
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.memory import ConnectionClosed, MemoryConnection, MemoryRelay
from e2ee_relay.protocol import (
    MAX_PART_B,
    BlobData,
    BlobGet,
    BlobPut,
    BlobState,
    Done,
    Frame,
    Hello,
    KnownFrame,
    Role,
    TokenClass,
    decode_frames,
    encode_frames,
)
from relay_actors import Clock, Owner, Peer

from e2ee.errors import FileCorrupt

Change = Callable[[Frame], Frame | None]


@dataclass
class Wire:
    """One connection: counts parts on their way, changes answers, and breaks after so many parts."""

    link: MemoryConnection
    road: Road
    on_their_way: int = 0

    async def send(self, data: bytes) -> None:
        for frame in decode_frames(data, Role.RELAY):
            if isinstance(frame, BlobPut | BlobGet):
                count = frame.count if isinstance(frame, BlobGet) else 1
                self.on_their_way += count
                self.road.parts += count
                self.road.most = max(self.road.most, self.on_their_way)
        if self.road.breaks_after and self.road.parts >= self.road.breaks_after:
            self.road.breaks_after += self.road.every
            self.link.drop()
        try:
            await self.link.send_bytes(data)
        except ConnectionClosed:
            raise RelayUnavailable("gone") from None

    async def receive(self) -> bytes:
        try:
            data = await self.link.receive_bytes()
        except ConnectionClosed:
            raise RelayUnavailable("gone") from None
        frames = [self.road.change(one) for one in decode_frames(data, Role.CLIENT)]
        self.on_their_way -= sum(isinstance(one, BlobState) for one in frames)
        self.on_their_way -= 2 * sum(isinstance(one, BlobData) for one in frames)
        return encode_frames([one for one in frames if one is not None])  # type: ignore[misc]  # known ones

    async def close(self) -> None:
        self.link.drop()


@dataclass
class Road:
    """A transport to a relay in memory."""

    relay: MemoryRelay
    breaks_after: int = 0
    every: int = 0
    parts: int = 0
    most: int = 0
    opened: int = 0
    change: Change = field(default=lambda frame: frame)

    async def open(self, url: str, *, foreign: bool = False) -> Connection:
        self.opened += 1
        return Wire(self.relay.connect(), self)


@dataclass
class Scene:
    relay: MemoryRelay
    clock: Clock
    owner: Owner
    octets: bytes
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.road = Road(self.relay)
        self.transfer = Transfer(self.road, "ws://relay", sleep=self.pause)
        self.upload = Upload(
            self.owner.mailbox, self.owner.token, os.urandom(32), os.urandom(32), len(self.octets)
        )
        self.got: list[bytes] = []

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.forward(int(seconds * 1000) + 1)
        await asyncio.sleep(0)

    async def read(self, index: int) -> bytes:
        return self.octets[index * MAX_PART_B : (index + 1) * MAX_PART_B]

    def write(self, index: int, part: bytes) -> None:
        assert index == len(self.got)
        self.got.append(part)

    async def put(self) -> int:
        return await self.transfer.put(self.upload, self.read)

    async def get(self) -> bytes:
        await self.transfer.get(self.upload.blob, self.upload.size_b, self.write)
        return b"".join(self.got)


async def scene_of(parts: float, policy: Policy | None = None) -> Scene:
    clock = Clock()
    relay = MemoryRelay(clock, os.urandom, policy)
    peer, owner = await Peer(relay.connect()).greet(), Owner()
    await owner.create(peer)
    await owner.prove(peer)
    await owner.admit(peer, owner.token, TokenClass.TRUSTED)
    return Scene(relay, clock, owner, os.urandom(int(parts * MAX_PART_B)))


@pytest.mark.parametrize("parts", [0.001, 1, 1.5, 4, 11.3])
async def test_a_blob_is_put_and_got(parts: float) -> None:
    """RLY-243, RLY-244: four parts on their way at most, both ways; one connection each."""
    scene = await scene_of(parts)
    assert await scene.put() > scene.clock.now_ms
    assert await scene.get() == scene.octets
    assert scene.road.opened == 2
    assert scene.road.parts <= 2 * parts_of(len(scene.octets)) + 1
    assert scene.road.most <= IN_FLIGHT
    assert scene.road.most == IN_FLIGHT or parts <= IN_FLIGHT


async def test_what_is_cut_goes_on() -> None:
    """RLY-241, RLY-243: each break costs at most the parts that were on their way."""
    scene = await scene_of(20)
    scene.road.breaks_after = scene.road.every = 6
    await scene.put()
    breaks = scene.road.opened - 1
    assert breaks >= 3
    assert scene.transfer.parts_sent <= 20 + IN_FLIGHT * breaks
    before = scene.road.opened
    assert await scene.get() == scene.octets
    assert scene.road.opened > before + 2


async def test_a_download_begins_where_the_caller_stands() -> None:
    """What is on disk already is not asked for again."""
    scene = await scene_of(5)
    await scene.put()
    scene.got = [await scene.read(0), await scene.read(1)]
    await scene.transfer.get(scene.upload.blob, scene.upload.size_b, scene.write, first=2)
    assert b"".join(scene.got) == scene.octets
    assert scene.road.parts == 5 + 4


class SlowLink:
    """A link of so many bytes a second each way, on a time of its own. It is lost where a message takes
    longer than the relay waits for one (RLY-181), and where an answer takes longer than a minute.
    """

    def __init__(self, relay: MemoryRelay, rate_b: float) -> None:
        self.relay = relay
        self.rate_b = rate_b
        self.now_s = 0.0
        self.asked: list[int] = []  # parts that a message puts or asks for
        self.changes_after = 0  # so many of these messages; 0: never
        self.then_b = rate_b

    async def open(self, url: str, *, foreign: bool = False) -> Connection:
        return SlowConnection(self.relay.connect(), self)

    def carry(self, data: bytes, most_s: float) -> bytes:
        takes_s = len(data) / self.rate_b
        self.now_s += takes_s
        if takes_s > most_s:
            raise RelayUnavailable("gone")
        return data


class SlowConnection:
    """One connection over the link."""

    def __init__(self, link: MemoryConnection, road: SlowLink) -> None:
        self.link = link
        self.road = road

    async def send(self, data: bytes) -> None:
        frames = decode_frames(data, Role.RELAY)
        counts = [one.count if isinstance(one, BlobGet) else 1 for one in frames if is_of_parts(one)]
        if counts:
            self.road.asked.append(sum(counts))
        if self.road.changes_after and len(self.road.asked) > self.road.changes_after:
            self.road.rate_b = self.road.then_b
        await self.link.send_bytes(self.road.carry(data, 20 + len(data) / 4096))

    async def receive(self) -> bytes:
        return self.road.carry(await self.link.receive_bytes(), 60)

    async def close(self) -> None:
        self.link.drop()


def is_of_parts(one: Frame) -> bool:
    return isinstance(one, BlobPut | BlobGet)


def over(scene: Scene, rate_b: float) -> SlowLink:
    """Let the scene go over a slow link."""
    road = SlowLink(scene.relay, rate_b)
    scene.transfer = Transfer(road, "ws://relay", sleep=scene.pause, monotonic=lambda: road.now_s)
    return road


async def test_a_slow_uplink_gets_on() -> None:
    """RLY-257, RLY-181: at 2 KB a second two parts in a message never arrive, one does."""
    scene = await scene_of(5)
    road = over(scene, 2_000)
    await scene.put()
    assert road.asked == [2, 1, 1, 1, 1, 1]
    scene.transfer = Transfer(scene.road, "ws://relay", sleep=scene.pause)
    assert await scene.get() == scene.octets


async def test_a_slow_downlink_gets_on() -> None:
    """RLY-257: two parts in an answer take more than a minute there."""
    scene = await scene_of(5)
    await scene.put()
    road = over(scene, 2_000)
    assert await scene.get() == scene.octets
    assert road.asked == [2, 2, 1, 1, 1, 1, 1]


async def test_a_link_that_becomes_slow_is_noticed() -> None:
    """RLY-257: a lost connection that brought parts is no reason to go one by one, the next one is."""
    scene = await scene_of(12)
    road = over(scene, 1e9)
    road.changes_after, road.then_b = 3, 2_000
    await scene.put()
    assert road.asked == [2, 2, 2, 2] + [2] + [1] * 6


@pytest.mark.parametrize(("then_b", "asked"), [(1e9, [2, 1, 2, 2, 2, 2, 2, 1]), (10_000, [2] + [1] * 12)])
async def test_a_link_that_becomes_quick_has_four_again(then_b: float, asked: list[int]) -> None:
    """RLY-257: when a part has come within 4 seconds, not before."""
    scene = await scene_of(12)
    road = over(scene, 2_000)
    road.changes_after, road.then_b = 1, then_b
    await scene.put()
    assert road.asked == asked


async def test_a_slow_relay_is_waited_for() -> None:
    """RLY-248: as long as it says."""
    scene = await scene_of(12, Policy(blob_parts_b=Rate(5 * MAX_PART_B, MAX_PART_B)))
    await scene.put()
    assert scene.pauses
    assert max(scene.pauses) <= 60
    assert await scene.get() == scene.octets


async def test_what_a_relay_refuses_for_good() -> None:
    """RLY-241, RLY-242, RLY-244."""
    scene = await scene_of(2)
    with pytest.raises(BlobRefused, match="NOT_FOUND"):
        await scene.get()
    scene.upload = Upload(scene.owner.mailbox, bytes(32), bytes(32), bytes(32), len(scene.octets))
    with pytest.raises(BlobRefused, match="DENIED"):
        await scene.put()
    assert scene.pauses == []


async def test_a_relay_that_never_gets_on_is_given_up() -> None:
    """Five attempts without a part forward."""
    scene = await scene_of(20)
    scene.road.breaks_after, scene.road.every = 1, 1
    with pytest.raises(RelayUnavailable):
        await scene.put()
    assert scene.pauses == [1, 2, 4, 8]


def _smaller(frame: Frame) -> Frame:
    if isinstance(frame, BlobState):
        return BlobState(frame.request_id, frame.next, frame.size_b - 1, frame.expires_ms)
    return frame


def _ahead(frame: Frame) -> Frame:
    if isinstance(frame, BlobState):
        return BlobState(frame.request_id, 1 << 40, frame.size_b, frame.expires_ms)
    return frame


def _back(frame: Frame) -> Frame:
    if isinstance(frame, BlobState):
        return BlobState(frame.request_id, 0, frame.size_b, frame.expires_ms)
    return frame


def _short(frame: Frame) -> Frame:
    return BlobData(frame.request_id, (b"short",)) if isinstance(frame, BlobData) else frame


def _more(frame: Frame) -> Frame:
    return BlobData(frame.request_id, frame.parts * 2) if isinstance(frame, BlobData) else frame


def _other(frame: Frame) -> Frame:
    return Done(frame.request_id) if isinstance(frame, BlobState | BlobData) else frame


@pytest.mark.parametrize("lie", [_smaller, _ahead, _back, _short, _more, _other])
async def test_a_relay_that_lies_is_left(lie: Callable[[Frame], KnownFrame]) -> None:
    """No lie makes a client loop for ever, or hand on a part of another size."""
    scene = await scene_of(6)
    if lie in (_short, _more, _other):
        await scene.put()
    scene.road.change = lie
    with pytest.raises((NotARelay, RelayUnavailable, FileCorrupt)):
        await (scene.get() if lie in (_short, _more, _other) else scene.put())
    assert scene.got == []
    assert scene.road.parts <= 6 * 7


@pytest.mark.parametrize("lie", [_short, _more])
async def test_a_blob_of_other_parts_is_corrupt_at_once(lie: Callable[[Frame], KnownFrame]) -> None:
    """FIL-05: a size that the announcement lies about is no fault of the connection, to be tried again."""
    scene = await scene_of(6)
    await scene.put()
    scene.road.change, before = lie, scene.road.parts
    with pytest.raises(FileCorrupt):
        await scene.get()
    assert scene.road.parts - before <= IN_FLIGHT


class Dripping:
    """Greets, and then sends what nobody asked for, a little at a time, for ever."""

    def __init__(self, hello: bytes) -> None:
        self.frames = [hello]

    async def send(self, data: bytes) -> None:
        """Nothing is answered."""

    async def receive(self) -> bytes:
        if self.frames:
            return self.frames.pop()
        await asyncio.sleep(0.02)
        return encode_frames([Done(1 << 20)])

    async def close(self) -> None:
        """Nothing to close."""


async def test_a_relay_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a relay sends beside the answer does not prolong the wait for it."""
    scene = await scene_of(1)
    hello = await (await scene.road.open("wss://relay.test")).receive()
    monkeypatch.setattr("e2ee_client.runtime.transfer._ANSWER_S", 0.1)

    class Road:
        async def open(self, url: str, *, foreign: bool = False) -> Connection:
            return Dripping(hello)

    async def at_once(_seconds: float) -> None:
        await asyncio.sleep(0)

    transfer = Transfer(Road(), "wss://relay.test", sleep=at_once)
    with pytest.raises(RelayUnavailable):
        async with asyncio.timeout(60):
            await transfer.get(bytes(32), 100, lambda _index, _part: None)


async def test_a_relay_without_blobs() -> None:
    """RLY-05: seen from its Hello."""
    scene = await scene_of(1)

    def without(frame: Frame) -> Frame:
        return replace(frame, operations=frame.operations[:14]) if isinstance(frame, Hello) else frame

    scene.road.change = without
    with pytest.raises(BlobRefused, match="no blobs"):
        await scene.put()


@pytest.mark.parametrize("size_b", [0, -1, (67 << 20) + 1])
async def test_a_size_that_no_blob_has_is_refused(size_b: int) -> None:
    """RLY-242: a contact may announce what it likes."""
    scene = await scene_of(1)
    with pytest.raises(BlobRefused):
        await scene.transfer.get(bytes(32), size_b, scene.write)
    with pytest.raises(BlobRefused):
        await scene.transfer.put(replace(scene.upload, size_b=size_b), scene.read)
    assert scene.road.opened == 0


async def test_a_file_that_changes_is_not_put() -> None:
    """FIL-07: a part of another size is the caller's mistake."""
    scene = await scene_of(2)

    async def read(_index: int) -> bytes:
        return b"short"

    with pytest.raises(ValueError, match="another size"):
        await scene.transfer.put(scene.upload, read)
