"""A relay whose directory stands still: it takes what is published, and shows what it had at some time."""

from __future__ import annotations

from dataclasses import replace

from e2ee_client.engine import Channel, Effect
from e2ee_relay.protocol import (
    InvalidRequest,
    Lookup,
    LookupResult,
    Publish,
    Role,
    UnknownFrame,
    UnknownRequest,
    decode_frames,
    encode_frames,
)
from engine_world import Node


class FrozenDirectory:
    """Stands between a node and its relay; `published` and `asked` have when the node did which.

    Once `freeze` was called, the first answer to come is kept, and shown in place of all later ones while
    `shows` is set.
    """

    def __init__(self, node: Node, account_id: bytes) -> None:
        self.shows = True
        self.published: list[int] = []
        self.asked: list[int] = []
        self._account_id, self._node = account_id, node
        self._entry: LookupResult | None = None
        node.outgoing = self._outgoing

    def freeze(self) -> None:
        """Keep what the directory answers next."""
        received = self._node.engine.received

        def keep(channel: Channel, data: bytes, now_ms: int) -> list[Effect]:
            for frame in decode_frames(data, Role.CLIENT):
                if isinstance(frame, LookupResult) and self._entry is None:
                    self._entry = frame
            return received(channel, data, now_ms)

        self._node.engine.received = keep  # type: ignore[method-assign]  # stands between relay and engine

    def _outgoing(self, channel: Channel, data: bytes) -> list[bytes]:
        left = []
        for frame in decode_frames(data, Role.RELAY):
            if isinstance(frame, Publish):
                self.published.append(self._node.now_ms)
            if isinstance(frame, Lookup) and frame.account_id == self._account_id:
                self.asked.append(self._node.now_ms)
                if self.shows and self._entry is not None:
                    answer = replace(self._entry, request_id=frame.request_id)
                    self._node.connections[channel].put(answer)
                    continue
            if not isinstance(frame, UnknownFrame | UnknownRequest | InvalidRequest):
                left.append(frame)
        return [encode_frames(left)] if left else []
