"""Blobs between a file of sealed parts and a relay: put and got part by part, going on where it was cut.

    transfer.put(upload, read_part)       BLOB_OPEN --next--> BLOB_PUT, at most 4 on their way --> whole
    transfer.get(blob, size_b, ...)       BLOB_GET, at most 4 on their way --> the last part

Each transfer has a connection of its own, on which no mailbox is authenticated (LKG-08). One that is lost is
made anew, as long as that brings parts forward; after one that brought none, parts go one at a time
(RLY-257). What is sealed, and what becomes of it, is the caller's: no part is kept here for longer than it
is on its way.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from e2ee_relay.protocol import (
    MAX_BLOB_B,
    MAX_PART_B,
    PROTOCOL_VERSION,
    BlobData,
    BlobDrop,
    BlobGet,
    BlobOpen,
    BlobPut,
    BlobState,
    ErrorCode,
    ErrorReply,
    Frame,
    FrameError,
    Hello,
    KnownFrame,
    Role,
    blob_hash,
    decode_frames,
    encode_frames,
)

from e2ee.errors import FileCorrupt
from e2ee_client.errors import BlobRefused, NotARelay, RelayTimeout, RelayUnavailable

from .transport import Connection, Transport

IN_FLIGHT: Final = 4
# So many go in one message: half of what is on its way, so that neither side waits for the other.
_AT_ONCE: Final = 2
# A link that brings a part within this carries four in less time than the connection's ping is waited for.
_QUICK_S: Final = 4.0
_ANSWER_S: Final = 60.0
# Attempts in a row that bring no part forward; what a relay answers to those is waited for, up to a minute.
_ATTEMPTS: Final = 5
_PAUSE_S: Final = 1.0
_MOST_PAUSE_S: Final = 60.0
_LATER: Final = (ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE)

T = TypeVar("T")
ReadPart = Callable[[int], Awaitable[bytes]]
WritePart = Callable[[int, bytes], None]
Sleep = Callable[[float], Awaitable[None]]
Monotonic = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Upload:
    """Where a blob goes, who pays for it, and by what it is known."""

    mailbox: bytes  # 16 B
    token: bytes = field(repr=False)  # 32 B
    blob: bytes = field(repr=False)  # 32 B, random
    secret: bytes = field(repr=False)  # 32 B, random
    size_b: int  # of all parts together


def parts_of(size_b: int) -> int:
    """Return how many parts a blob has."""
    return -(-size_b // MAX_PART_B)


def part_b(size_b: int, index: int) -> int:
    """Return the size of a part."""
    return min(MAX_PART_B, size_b - index * MAX_PART_B)


class Transfer:
    """Puts and gets blobs at one relay."""

    def __init__(
        self,
        transport: Transport,
        url: str,
        *,
        foreign: bool = False,
        sleep: Sleep = asyncio.sleep,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        """`foreign` marks a relay that a contact named, as for `Transport.open`; `monotonic`: seconds."""
        self._transport = transport
        self._url = url
        self._foreign = foreign
        self._sleep = sleep
        self._monotonic = monotonic
        self.parts_sent = 0  # repetitions included

    async def put(self, upload: Upload, read_part: ReadPart) -> int:
        """Put all parts; return when the blob ends, in milliseconds since 1970 by the relay's word.

        `read_part(index)` gives stored ciphertext, the same each time (FIL-07), and may wait for it (FIL-24).
        Keep it until this returns.

        Raises:
            BlobRefused: the relay will not take it.
            RelayUnavailable: it was not reached, or did not answer, several times in a row; call again later.
        """
        _refuse_size(upload.size_b)
        return await self._go_on(lambda: _Putting(upload, read_part))

    async def get(self, blob: bytes, size_b: int, write_part: WritePart, *, first: int = 0) -> None:
        """Get the parts from `first` on, each handed to `write_part(index, part)` in ascending order, once.

        Raises:
            BlobRefused: the relay has no such blob that is whole, or has handed it out often enough.
            FileCorrupt: a part of it has another length than its place (FIL-05).
            RelayUnavailable: it was not reached, or did not answer, several times in a row.
        """
        _refuse_size(size_b)
        getting = _Getting(blob, size_b, write_part, first)
        await self._go_on(lambda: getting)

    async def drop(self, blob: bytes, secret: bytes) -> None:
        """Delete a blob, as its writer; one that is not there is no fault (RLY-246).

        Raises:
            BlobRefused: it is somebody else's.
            RelayUnavailable: the relay was not reached, or did not answer, several times in a row.
        """
        await self._go_on(lambda: _Dropping(blob, secret))

    async def _go_on(self, make: Callable[[], _Work]) -> int:
        failures, done = 0, 0
        pace = _Pace(self._monotonic)
        failure: BlobRefused | RelayUnavailable
        while True:
            work = make()
            try:
                return await self._attempt(work, pace)
            except _NotNow as error:
                pause_s, failure = error.pause_s, error.failure
            except RelayUnavailable as error:
                pause_s, failure = _PAUSE_S * 2**failures, error
                pace.lost()
            failures = 0 if work.done > done else failures + 1
            done = max(done, work.done)
            if failures >= _ATTEMPTS:
                raise failure
            await self._sleep(min(pause_s, _MOST_PAUSE_S))

    async def _attempt(self, work: _Work, pace: _Pace) -> int:
        pace.begin()
        connection = await self._transport.open(self._url, foreign=self._foreign)
        line = _Line(connection, pace)
        try:
            await line.greet()
            return await work.run(line)
        except FrameError:
            raise NotARelay("the relay's answers are none") from None
        finally:
            self.parts_sent += line.parts_sent
            await connection.close()


def _refuse_size(size_b: int) -> None:
    """Refuse a size that no blob has, whoever said it."""
    if not 1 <= size_b <= MAX_BLOB_B:
        raise BlobRefused("a blob has 1 byte to 67 MiB")


class _Work(Protocol):
    """What is done on one connection, and on the next one if that is lost; `done` says how far it is."""

    done: int

    async def run(self, line: _Line) -> int: ...


class _NotNow(Exception):
    """The relay asks to come back later."""

    def __init__(self, failure: BlobRefused, retry_after_ms: int) -> None:
        super().__init__()
        self.failure = failure
        self.pause_s = max(_PAUSE_S, retry_after_ms / 1000)


class _Pace:
    """How many parts of a blob go at a time, over all connections of a transfer (RLY-257)."""

    def __init__(self, monotonic: Monotonic) -> None:
        self._monotonic = monotonic
        self._asked_s = 0.0
        self._has_come = False
        self.at_once = _AT_ONCE  # in one message
        self.in_flight = IN_FLIGHT

    def begin(self) -> None:
        """Begin a connection."""
        self._has_come = False

    def asked(self) -> None:
        """Note when parts go on their way."""
        self._asked_s = self._monotonic()

    def came(self) -> None:
        """Go on with four after a part that came quickly."""
        self._has_come = True
        if self._monotonic() - self._asked_s <= _QUICK_S:
            self.at_once, self.in_flight = _AT_ONCE, IN_FLIGHT

    def lost(self) -> None:
        """Go one at a time after a connection on which no part came."""
        if not self._has_come:
            self.at_once = self.in_flight = 1


class _Line:
    """Requests and their answers on one connection, in the order of the requests."""

    def __init__(self, connection: Connection, pace: _Pace) -> None:
        self._connection = connection
        self.pace = pace
        self._last_id = 0
        self._waiting: deque[int] = deque()
        self._answers: dict[int, Frame] = {}
        self.parts_sent = 0

    @property
    def in_flight(self) -> int:
        """How many requests are not answered."""
        return len(self._waiting)

    def next_id(self) -> int:
        """Return the id of the next request."""
        self._last_id += 1
        return self._last_id

    async def greet(self) -> None:
        """Wait for the Hello of a relay that has blobs."""
        for frame in await _in_time(self._receive()):
            if isinstance(frame, Hello) and frame.version == PROTOCOL_VERSION:
                if not {BlobOpen.OP, BlobPut.OP, BlobGet.OP} <= set(frame.operations):
                    raise BlobRefused("the relay has no blobs")
                return
        raise NotARelay("this is no relay of our version")

    async def ask(self, *requests: KnownFrame) -> None:
        """Send requests in one message."""
        self._waiting += [one.request_id for one in requests]
        self.parts_sent += sum(isinstance(one, BlobPut) for one in requests)
        await _in_time(self._connection.send(encode_frames(requests)))

    async def answer(self) -> Frame:
        """Wait for the answer to the oldest request."""
        request_id = self._waiting.popleft()
        if request_id not in self._answers:
            # One time for all: what else a relay sends meanwhile does not prolong it.
            await _in_time(self._receive_until(request_id))
        frame = self._answers.pop(request_id)
        if isinstance(frame, ErrorReply):
            failure = BlobRefused(f"the relay refused: {frame.code.name}", reason=frame.code.name)
            if frame.code in _LATER:
                raise _NotNow(failure, frame.retry_after_ms)
            raise failure
        return frame

    async def _receive_until(self, request_id: int) -> None:
        while request_id not in self._answers:
            for frame in await self._receive():
                if frame.request_id in self._waiting or frame.request_id == request_id:
                    self._answers[frame.request_id] = frame

    async def _receive(self) -> list[Frame]:
        return decode_frames(await self._connection.receive(), Role.CLIENT)


async def _in_time(work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(_ANSWER_S):
            return await work
    except TimeoutError:
        raise RelayTimeout("the relay does not answer") from None


class _Putting:
    """One attempt to put what is missing of a blob."""

    def __init__(self, upload: Upload, read_part: ReadPart) -> None:
        self._upload = upload
        self._read_part = read_part
        self.done = 0  # parts that the relay has

    async def run(self, line: _Line) -> int:
        """Put them; return when the blob ends."""
        upload = self._upload
        opening = BlobOpen(
            line.next_id(),
            upload.mailbox,
            upload.token,
            upload.blob,
            blob_hash(upload.secret),
            upload.size_b,
        )
        await line.ask(opening)
        state = await self._state(line)
        index, count, pace = state.next, parts_of(upload.size_b), line.pace
        while self.done < count:
            while index < count and line.in_flight <= pace.in_flight - pace.at_once:
                after = min(index + pace.at_once, count)
                parts = [await self._part(line, one) for one in range(index, after)]
                pace.asked()
                await line.ask(*parts)
                index = after
            if not line.in_flight:
                # What was put is not there: the next attempt asks where to go on.
                raise RelayUnavailable("the relay has lost parts of the blob")
            state = await self._state(line)
            pace.came()
        return state.expires_ms

    async def _part(self, line: _Line, index: int) -> BlobPut:
        part = await self._read_part(index)
        if len(part) != part_b(self._upload.size_b, index):
            raise ValueError("a part has another size than its place")
        return BlobPut(line.next_id(), self._upload.blob, self._upload.secret, index, part)

    async def _state(self, line: _Line) -> BlobState:
        state = await line.answer()
        if (
            not isinstance(state, BlobState)
            or state.size_b != self._upload.size_b
            or state.next > parts_of(self._upload.size_b)
        ):
            raise NotARelay("the relay speaks of another blob")
        self.done = state.next
        return state


class _Dropping:
    """The deletion of a blob."""

    def __init__(self, blob: bytes, secret: bytes) -> None:
        self._blob = blob
        self._secret = secret
        self.done = 0

    async def run(self, line: _Line) -> int:
        """Delete it; return 0."""
        await line.ask(BlobDrop(line.next_id(), self._blob, self._secret))
        await line.answer()
        return 0


class _Getting:
    """What is missing of a blob, over all attempts to get it."""

    def __init__(self, blob: bytes, size_b: int, write_part: WritePart, first: int) -> None:
        self._blob = blob
        self._size_b = size_b
        self._write_part = write_part
        self.done = first

    async def run(self, line: _Line) -> int:
        """Get it; return 0."""
        index, count, pace = self.done, parts_of(self._size_b), line.pace
        while self.done < count:
            at_once = pace.at_once
            while index < count and line.in_flight < pace.in_flight // at_once:
                pace.asked()
                await line.ask(BlobGet(line.next_id(), self._blob, index, at_once))
                index += at_once
            self._take(await line.answer(), min(at_once, count - self.done))
            pace.came()
        return 0

    def _take(self, data: Frame, count: int) -> None:
        sizes_b = [part_b(self._size_b, self.done + place) for place in range(count)]
        if not isinstance(data, BlobData):
            raise NotARelay("the relay speaks of another blob")
        if [len(one) for one in data.parts] != sizes_b:
            raise FileCorrupt
        for part in data.parts:
            self._write_part(self.done, part)
            self.done += 1
