"""TLS handshakes at their turn: what a client sends for one waits until the newcomers are next (RLY-147).

A handshake costs the relay a signature and a key agreement, around a millisecond, which asyncio would spend
as soon as the bytes are there, for all who have sent theirs. This protocol stands between a transport and
asyncio's own protocol for TLS until the handshake is over, and lets bytes through one turn at a time.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import cast

from .turns import Share, Turns


class TlsTurns(asyncio.BufferedProtocol):
    """Hands all on to the protocol that the transport had; bytes when it is the share's turn."""

    def __init__(self, turns: Turns, share: Share, transport: asyncio.Transport) -> None:
        self._turns = turns
        self._share = share
        self._transport = transport
        self._inner = cast("asyncio.BufferedProtocol", transport.get_protocol())
        self._is_over = False
        transport.set_protocol(self)

    def leave(self) -> None:
        """Let the two speak directly: the handshake is over."""
        self._transport.set_protocol(self._inner)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Offer the room that TLS offers: bytes wait where they will be read."""
        return cast("bytearray", self._inner.get_buffer(sizehint))

    def buffer_updated(self, nbytes: int) -> None:
        """Go on with the handshake, now or when its turn is."""
        if self._turns.is_free:
            self._go_on(nbytes)
        else:
            self._transport.pause_reading()
            self._turns.enqueue(self._share, partial(self._turn, nbytes))

    def eof_received(self) -> bool | None:
        """They have hung up."""
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone; what waits is as if lost on its way."""
        self._is_over = True
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """The transport is full."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The transport has room."""
        self._inner.resume_writing()

    def _turn(self, nbytes: int) -> None:
        if not self._is_over:
            # First this: TLS may want to pause by itself.
            self._transport.resume_reading()
            self._go_on(nbytes)

    def _go_on(self, nbytes: int) -> None:
        begun, metered = self._turns.clock(), self._turns.meter()
        self._inner.buffer_updated(nbytes)
        self._turns.charge(self._share, self._turns.meter() - metered, self._turns.clock() - begun)
