"""Who attacks a company's team: a relay that shows what it likes, a thief of the roster key, a suspended
device.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from e2ee_client.engine import Channel, Effect
from e2ee_client.engine.signing_row import Keys
from e2ee_relay.protocol import Frame, KnownFrame, LookupResult, Role, decode_frames, encode_frames
from engine_world import Node
from team_world import account, company_of, do, standing, team_of, this

from e2ee.identity import DeviceList
from e2ee.ids import DeviceId
from e2ee.rooms.roster import NextRoster, Roster, sign_roster
from e2ee.rooms.team import Standing
from e2ee.secret import RosterKey
from e2ee.wire import cbor


@dataclass
class EvilDirectory:
    """A relay that shows one node what it likes in the place of slots; `freezes` shows lists and records as
    they were at the first look as well.
    """

    node: Node
    slots: tuple[bytes, ...] | None = None
    freezes: bool = False
    first: LookupResult | None = None
    seen: list[tuple[bytes, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._received = self.node.engine.received
        self.node.engine.received = self.received  # type: ignore[method-assign]  # what arrives is changed

    def received(self, channel: Channel, data: bytes, now_ms: int) -> list[Effect]:
        frames = [self._changed(one) for one in decode_frames(data, Role.CLIENT)]
        return self._received(channel, encode_frames(frames), now_ms)

    def _changed(self, frame: Frame) -> KnownFrame:
        assert isinstance(frame, KnownFrame)
        if not isinstance(frame, LookupResult):
            return frame
        self.seen.append(frame.slots)
        self.first = self.first or frame
        if self.freezes:
            frame = replace(self.first, request_id=frame.request_id)
        return replace(frame, slots=frame.slots if self.slots is None else self.slots)


def slot_of(node: Node) -> bytes:
    found = team_of(node).slot()
    assert found is not None
    return found


def keys_of(founder: Node) -> Keys:
    """The roster key in a founder's store, as a thief has it."""
    signing = company_of(founder)._signing
    assert signing is not None
    assert signing.keys is not None
    return signing.keys


def stolen(founder: Node, seq: int, suspended: list[DeviceId], named: list[DeviceId]) -> Roster:
    """A roster that a thief of the roster key signs."""
    return Loot.of(founder).sign(founder.now_ms, seq, suspended, named)


class Loot(NamedTuple):
    """What a thief took from the desk that signs: its roster key, and what counted then."""

    key: RosterKey
    standing: Standing
    device_list: DeviceList

    @classmethod
    def of(cls, founder: Node) -> Loot:
        """Take it."""
        own = founder.engine._state.own
        return cls(keys_of(founder).roster, standing(founder, founder), own.device_list)

    def sign(self, now_ms: int, seq: int, suspended: list[DeviceId], named: list[DeviceId]) -> Roster:
        """Sign a roster, of any number, under the mandate and by the list of then."""
        before, device_list = self.standing.roster, self.device_list
        assert before is not None
        cards = {one.device_id: one.card_hash for one in before.named}
        given = NextRoster(
            device_list.head,
            device_list.expires_ms,
            [(one, cards.get(one, bytes(32)), None) for one in sorted(named)],
            before.notice_hash,
            (),
            suspended,
        )
        return sign_roster(self.key, self.standing.mandate, seq, given, now_ms)


def suspend(founder: Node, node: Node) -> None:
    do(founder, lambda turn: company_of(founder).suspend(turn, this(node)))


def learn(node: Node, founder: Node, slot: bytes) -> None:
    mandate, roster = cbor.decode(slot, 4_096)  # type: ignore[misc]
    do(node, lambda turn: team_of(node).learn(turn, account(founder), mandate, roster))  # type: ignore[arg-type]
