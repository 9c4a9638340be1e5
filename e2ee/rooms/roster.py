"""Rosters: who of a company may act, from one day to the next (ACC-08)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from e2ee import labels
from e2ee.constants import (
    HASH_B,
    MAX_LIST_RECORDS,
    MAX_TEAM,
    ROSTER_RENEWAL_MS,
    ROSTER_TTL_MS,
    VERSION,
)
from e2ee.errors import RosterExpired
from e2ee.identity import ListHead, check_version, encode_map, signed_bytes, verified
from e2ee.ids import DeviceId, ListHash
from e2ee.primitives import kdf
from e2ee.secret import RosterKey
from e2ee.wire import cbor
from e2ee.wire.fields import KEYS, MAX_MS, array, bstr, uint

from .checks import MAX_SEQ, ascending, check_life, device_ids, is_in_force
from .mandate import Mandate, check_mandate

ROSTER_MAX_B: Final = 2_000
MAX_OLDER: Final = 4


class Named(NamedTuple):
    """A device that a roster names: until when, and the hash of its card."""

    device_id: DeviceId
    not_after_ms: int
    card_hash: bytes


class OlderNotice(NamedTuple):
    """A notice that was replaced, and until when consent to it counts."""

    hash: bytes
    until_ms: int


class RosterRef(NamedTuple):
    """Which roster: its mandate's number, its own, its hash."""

    mandate_seq: int
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Roster:
    """A roster whose signature has been verified; `signed` is the whole structure (ACC-08)."""

    signed: bytes
    ref: RosterRef
    issued_ms: int
    expires_ms: int
    list_head: ListHead
    named: tuple[Named, ...]
    notice_hash: bytes
    older_notices: tuple[OlderNotice, ...]
    suspended: tuple[DeviceId, ...]

    @classmethod
    def verify(cls, mandate: Mandate, signed: bytes) -> Roster:
        """Verify a roster against the mandate whose key signs it, then decode it (ID-29).

        Raises:
            BadSignature: not signed by the mandate's roster key.
            DecodeError, UnsupportedVersion, IdentityMismatch, MandateInvalid: as ACC-03 says.
        """
        encoded, fields = verified(mandate.roster_public, labels.SIG_ROSTER, signed, ROSTER_MAX_B, KEYS[11])
        check_version(fields)
        check_mandate(fields, mandate)
        seq, issued_ms, expires_ms = fields.uint(4, MAX_SEQ, 1), fields.time_ms(5), fields.time_ms(6)
        check_life(issued_ms, expires_ms, ROSTER_TTL_MS)
        head = fields.array(7, 2, 2)
        return cls(
            signed,
            RosterRef(mandate.seq, seq, kdf.hash_(labels.ROSTER, encoded)),
            issued_ms,
            expires_ms,
            ListHead(uint(head[0], MAX_SEQ, 1), ListHash(bstr(head[1], HASH_B, HASH_B))),
            _named(fields.array(8, 0, MAX_TEAM), expires_ms),
            fields.bstr(9, HASH_B),
            _older(fields.array(10, 0, MAX_OLDER)),
            device_ids(fields.array(11, 0, MAX_LIST_RECORDS)),
        )

    def check_time(self, now_ms: int) -> None:
        """Refuse a roster from the future or past its end; the clock tolerance is allowed (ACC-04).

        Raises:
            RosterExpired.
        """
        if not is_in_force(self.issued_ms, self.expires_ms, now_ms):
            raise RosterExpired("the roster is not valid at this time")

    def is_due(self, now_ms: int) -> bool:
        """Whether it is a day old: who needs it looks it up, a front desk makes the next (ACC-13, ACC-16)."""
        return now_ms >= self.issued_ms + ROSTER_RENEWAL_MS

    def precedes(self, other: Roster) -> bool:
        """Whether the other one of the same mandate counts: the higher number, of equal ones the smaller hash
        (ACC-05).
        """
        return (-other.ref.seq, other.ref.hash) < (-self.ref.seq, self.ref.hash)


class NextRoster(NamedTuple):
    """What a front desk puts into a roster; each device with the hash of its card, and its end if early."""

    list_head: ListHead
    list_expires_ms: int
    named: Sequence[tuple[DeviceId, bytes, int | None]]
    notice_hash: bytes
    older_notices: Sequence[OlderNotice] = ()
    suspended: Sequence[DeviceId] = ()


def sign_roster(key: RosterKey, mandate: Mandate, seq: int, given: NextRoster, now_ms: int) -> Roster:
    """Sign the next roster: of 7 days, and not beyond its device list (ACC-08, ACC-16).

    Raises:
        DecodeError: more than 12 devices, a device or notice twice, or an early end beyond the roster's.
    """
    expires_ms = min(now_ms + ROSTER_TTL_MS, given.list_expires_ms)
    named: list[cbor.Value] = [
        [device_id, expires_ms if end_ms is None else end_ms, card_hash]
        for device_id, card_hash, end_ms in sorted(given.named, key=lambda one: one[0])
    ]
    unsigned = encode_map(
        VERSION,
        mandate.account_id,
        mandate.seq,
        seq,
        now_ms,
        expires_ms,
        [given.list_head.seq, given.list_head.hash],
        named,
        given.notice_hash,
        [list(one) for one in sorted(given.older_notices)],
        sorted(set(given.suspended)),
    )
    return Roster.verify(mandate, signed_bytes(key, labels.SIG_ROSTER, unsigned))


def changes_team(old: Roster, new: Roster) -> bool:
    """Whether a roster goes to team and rooms at once, and is not only published (ACC-17)."""
    return _team(old) != _team(new)


def _team(roster: Roster) -> tuple[object, ...]:
    devices = [(one.device_id, one.card_hash) for one in roster.named]
    return devices, roster.suspended, roster.notice_hash, roster.older_notices


def _named(items: Sequence[cbor.Value], expires_ms: int) -> tuple[Named, ...]:
    rows = [array(item, 3, 3) for item in items]
    ids = device_ids([row[0] for row in rows])
    return tuple(
        Named(device_id, uint(row[1], expires_ms), bstr(row[2], HASH_B, HASH_B))
        for device_id, row in zip(ids, rows, strict=True)
    )


def _older(items: Sequence[cbor.Value]) -> tuple[OlderNotice, ...]:
    rows = [array(item, 2, 2) for item in items]
    hashes = ascending(tuple(bstr(row[0], HASH_B, HASH_B) for row in rows))
    return tuple(OlderNotice(one, uint(row[1], MAX_MS)) for one, row in zip(hashes, rows, strict=True))
