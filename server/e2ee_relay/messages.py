"""A client's messages on their way from frames of WebSocket to requests of the relay (RLY-03, RLY-84).

    frames --take--> whole messages --decode, a part at a time--> requests --pop--> carried out --answered

What is not answered yet is counted for the client's address, also behind the connection's end (RLY-180), and
what is unfinished has a time limit (RLY-181).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from websockets.frames import CloseCode, Opcode
from websockets.frames import Frame as WebSocketFrame

from .address_limits import Shares
from .cbor import FrameError
from .fast_frames import iterate_requests
from .frame_heads import FrameHeads
from .frames import Frame

# More than this is a part of a great message.
SMALL_B: Final = 1 << 14
# A message may take so long, and a second more for each so many bytes of it that have come.
UNFINISHED_S: Final = 20.0
LEAST_RATE_B: Final = 4096
# Of one message; they may be empty, so that their sum is no bound.
_MOST_FRAGMENTS: Final = 1024
_DATA: Final = frozenset((Opcode.BINARY, Opcode.TEXT, Opcode.CONT))


class MessageRefused(Exception):
    """The connection is to be closed with a code."""

    def __init__(self, code: CloseCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Parts:
    """A message in fragments, as far as it has come."""

    is_text: bool
    count: int = 0
    octets: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class _Carried:
    """A message that is carried out, and how many of its requests are not answered."""

    size_b: int
    waiting: int


@dataclass(slots=True, eq=False, repr=False)
class Messages:
    """What one connection has sent and what is not answered yet."""

    _shares: Shares
    _ticket: bytes
    heads: FrameHeads = field(default_factory=FrameHeads)
    _parts: Parts | None = None
    _coming_b: int = 0  # of a message that is not whole, while the connection reads
    # Whole messages, and the codes of refusals that have their turn behind them.
    _whole: deque[bytes | CloseCode] | None = None
    _message_b: int = 0  # of these, and of all behind them that are not answered
    _decoding: Iterator[Frame] | None = None
    _decoding_b: int = 0
    _decoded: list[Frame] = field(default_factory=list[Frame])
    requests: list[Frame] | None = None  # of a message that is whole and good, the last one first
    _carried: _Carried = field(default_factory=lambda: _Carried(0, 0))  # the message of these requests
    # Of one id there may be several; the youngest counts as answered first: a quick one frees none.
    _unanswered: dict[int, list[_Carried]] = field(default_factory=dict[int, list[_Carried]])
    _reserved_b: int = 0
    _unfinished_s: float = 0.0  # since when a message is on its way; 0: none is

    @property
    def is_decoding(self) -> bool:
        """Tell whether something that is whole is to be decoded."""
        return self._decoding is not None or bool(self._whole)

    @property
    def is_unfinished(self) -> bool:
        """Tell whether a message is on its way."""
        return bool(self._unfinished_s)

    @property
    def is_great(self) -> bool:
        """Tell whether a share of the address is taken."""
        return self._reserved_b > 0

    def is_overdue(self, now_s: float) -> bool:
        """Tell whether the message that is on its way has come too slowly (RLY-181)."""
        patience_s = UNFINISHED_S + self._coming_b / LEAST_RATE_B
        return bool(self._unfinished_s) and now_s - self._unfinished_s > patience_s

    def slice_b(self, data: bytes, most_b: int) -> int:
        """Return how much of what waits is parsed in one step: the rest of one great frame, or `most_b`.

        Small frames are many in little, so that their number bounds a step; a great one is one.
        """
        return max(most_b, self.heads.great_b(data))

    def add(self, frames: list[WebSocketFrame], now: Callable[[], float]) -> None:
        """Take the frames that ended in what was parsed.

        Raises:
            MessageRefused: they are too much of a great message.
        """
        for frame in frames:
            if self._parts is None:
                self._unfinished_s = 0.0
            if frame.opcode is Opcode.BINARY and frame.fin:
                self._add_whole(bytes(frame.data))
            elif frame.opcode in _DATA:
                self._collect(frame)
        self._coming_b = self.heads.begun_b + (0 if self._parts is None else len(self._parts.octets))
        is_much = self._coming_b or self._reserved_b or self._message_b > SMALL_B
        if is_much or self._parts is not None:
            self._watch(now)

    def _collect(self, frame: WebSocketFrame) -> None:
        """Put a message together from fragments, whose sum the library bounds; refuse text (RLY-84)."""
        if frame.opcode is not Opcode.CONT:
            self._parts = Parts(frame.opcode is Opcode.TEXT)
        parts = self._parts
        if parts is None:
            return
        parts.count += 1
        parts.octets += frame.data
        if parts.count > _MOST_FRAGMENTS:
            self._parts = None
            self._add_whole(CloseCode.MESSAGE_TOO_BIG)
        elif frame.fin:
            self._parts = None
            self._unfinished_s = 0.0
            self._add_whole(_why_no_text(parts.octets) if parts.is_text else bytes(parts.octets))

    def _add_whole(self, message: bytes | CloseCode) -> None:
        if self._whole is None:
            self._whole = deque()
        self._whole.append(message)
        if isinstance(message, bytes):
            self._message_b += len(message)

    def decode(self, clock: Callable[[], float], until_s: float) -> bool:
        """Decode until about then; tell whether a message has become requests.

        Raises:
            MessageRefused: it is none.
        """
        if self._decoding is None:
            message = self._whole.popleft() if self._whole else b""
            if isinstance(message, CloseCode):
                raise MessageRefused(message)
            self._decoding, self._decoding_b = iterate_requests(message), len(message)
        try:
            for frame in self._decoding:
                self._decoded.append(frame)
                if clock() >= until_s:
                    return False
        except FrameError:
            raise MessageRefused(CloseCode.PROTOCOL_ERROR) from None
        self.requests, self._decoding, self._decoded = self._decoded, None, []
        self.requests.reverse()
        self._carried = _Carried(self._decoding_b, len(self.requests))
        return True

    def pop(self, requests: list[Frame]) -> Frame:
        """Return the next request to be carried out."""
        request = requests.pop()
        self._unanswered.setdefault(request.request_id, []).append(self._carried)
        return request

    def answered(self, request_id: int) -> None:
        """Count a message no longer when its last request is answered, or forgotten."""
        carried = self._unanswered[request_id]
        message = carried.pop()
        if not carried:
            del self._unanswered[request_id]
        message.waiting -= 1
        if not message.waiting:
            self._message_b -= message.size_b
            if self._reserved_b:
                self._reserve(self._coming_b + self._message_b)

    def clear(self) -> None:
        """Forget everything but where the frame ends that is under way, and what waits for an answer."""
        self._carried.waiting -= len(self.requests or ())
        self._whole = self._decoding = self.requests = self._parts = None
        self._decoded = []
        waiting = {id(one): one.size_b for of_id in self._unanswered.values() for one in of_id}
        self._message_b = sum(waiting.values())
        self._coming_b = 0
        self._unfinished_s = 0.0
        self._reserve(self._message_b)

    def _watch(self, now: Callable[[], float]) -> None:
        if not self._reserve(self._coming_b + self._message_b):
            raise MessageRefused(CloseCode.TRY_AGAIN_LATER)
        if not self._coming_b and self._parts is None:
            self._unfinished_s = 0.0
        elif not self._unfinished_s:
            self._unfinished_s = now()

    def _reserve(self, held_b: int) -> bool:
        """Count what messages take for the client's address; False: that is too much (RLY-180)."""
        wanted_b = held_b if held_b > SMALL_B else 0
        if wanted_b > self._reserved_b and not self._shares.take(self._ticket, wanted_b - self._reserved_b):
            return False
        if wanted_b < self._reserved_b:
            self._shares.give_back(self._ticket, self._reserved_b - wanted_b)
        self._reserved_b = wanted_b
        return True


def _why_no_text(octets: bytearray) -> CloseCode:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return CloseCode.INVALID_DATA
    return CloseCode.PROTOCOL_ERROR
