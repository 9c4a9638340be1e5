"""One connection's way in: bytes wait here for their turn; they are parsed, and what comes of them is carried
out, a little at a time (RLY-140).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from .turns import PIECE_S, Share, Turns

# So much may wait unparsed before reading pauses, which costs more than reading a few frames does.
_PAUSE_B: Final = 1 << 14
_PAUSE_READS: Final = 8
_END: Final = object()


class Transport(Protocol):
    """What an Inlet asks of a transport."""

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def abort(self) -> None: ...


class Inlet:
    """Bytes that were read and not parsed yet, and work that came of those that were.

    At most eight reads, or one beyond 16 KiB: the transport pauses meanwhile. `feed` takes bytes and a place
    in them, parses a little from there on, and returns where that ends.
    """

    __slots__ = (
        "_bytes",
        "_feed",
        "_is_held",
        "_is_queued",
        "_reads",
        "_share",
        "_transport",
        "_turns",
        "_work",
    )

    def __init__(
        self,
        turns: Turns,
        share: Callable[[], Share],
        transport: Transport,
        feed: Callable[[bytes, int], int],
    ) -> None:
        self._turns = turns
        self._share = share
        self._transport = transport
        self._feed = feed
        self._bytes = b""
        self._work: list[Iterator[None]] = []
        self._is_held = False
        self._is_queued = False
        self._reads = 0

    def put(self, data: bytes) -> None:
        """Parse what has come, now or when its turn is."""
        if self._bytes or self._work or self._is_held or not self._turns.is_free:
            self._bytes += data
            self._reads += 1
            self._wait()
        else:
            self._bytes = data
            self._go_on()

    def add(self, work: Iterator[None]) -> None:
        """Take over work in pieces that came of the bytes; it is done before more of them is parsed."""
        self._work.append(work)

    def hold(self) -> None:
        """Go on no further: enough waits for the relay."""
        self._is_held = True
        self._transport.pause_reading()

    def release(self) -> None:
        """Go on."""
        self._is_held = False
        self._wait()

    @property
    def is_busy(self) -> bool:
        """Tell whether something waits to be parsed or carried out."""
        return bool(self._bytes or self._work)

    def give_up(self) -> None:
        """Forget the work, and go on with the bytes: nothing is carried out any more."""
        self._work.clear()
        if self._is_held:
            self.release()

    def clear(self) -> None:
        """Forget what was not carried out: the connection is gone."""
        self._bytes = b""
        self._work.clear()

    def _wait(self) -> None:
        # Nor is the end of the connection read before what has begun is carried out.
        if self._is_held or self._work or len(self._bytes) > _PAUSE_B or self._reads >= _PAUSE_READS:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
        if not self._is_held and not self._is_queued and (self._bytes or self._work):
            self._is_queued = True
            self._turns.enqueue(self._share(), self._turn)

    def _turn(self) -> None:
        self._is_queued = False
        if not self._is_held:
            self._go_on()

    def _go_on(self) -> None:
        clock, meter = self._turns.clock, self._turns.meter
        begun = before = clock()
        metered = meter()
        data, place = self._bytes, 0
        try:
            while not self._is_held and before - begun < PIECE_S:
                if self._work:
                    if next(self._work[0], _END) is _END:
                        del self._work[:1]
                    before = clock()
                elif place < len(data):
                    place = self._feed(data, place)
                    before = clock()
                else:
                    break
        except BaseException:
            # A mistake of ours: this connection ends, and the event loop reports it.
            self.clear()
            self._transport.abort()
            raise
        self._bytes = data[place:]
        self._reads = 0
        self._turns.charge(self._share(), meter() - metered, before - begun)
        if not self._is_held:
            self._wait()
