"""A further device of an account: the code that the device with the account key shows, and the messages that
follow (chapter 15).

code --> place: mailbox, token, device id of the new device
new device -- in: its record, where to answer --> holder of the account key
           <-- opening: r, which the code has committed to --
both show six digits of s, in and r; once a person has confirmed them
           <-- hold, where the account key is kept elsewhere
           <-- out: the list that names the new device, and the others' records --
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from e2ee import labels
from e2ee.constants import CLOCK_TOLERANCE_MS, KEY_B, MAILBOX_B, MAX_LIST_RECORDS, TOKEN_B
from e2ee.errors import AuthenticationError, DecodeError, Expired, IdentityMismatch
from e2ee.identity import (
    FLAG_FRONT_DESK,
    LIST_MAX_B,
    RECORD_MAX_B,
    DeviceKind,
    DeviceList,
    DeviceRecord,
    OurDevice,
    encode_map,
    new_device,
)
from e2ee.ids import AccountId, DeviceId
from e2ee.ports import Rng
from e2ee.primitives import aead, kdf
from e2ee.secret import InviteSecret
from e2ee.wire import padding
from e2ee.wire.envelope import LEAD
from e2ee.wire.fields import bstr, decode_map

INVITE_LIFE_MS: Final = 600_000
HOLD_LIFE_MS: Final = 86_400_000
COMMIT_B: Final = 16
OPENING_B: Final = 32
_CHECK_B: Final = 5
_RANDOM_B: Final = 88
_AHEAD_B: Final = len(LEAD) + _RANDOM_B
_MESSAGE_MAX_B: Final = 8_192
_DIGITS: Final = 6
_FINGERPRINT_B: Final = 10
_FINGERPRINT_GROUP: Final = 4
_CODE: Final = re.compile("sealroom:join\\?v=1&c=(?P<code>[A-Za-z0-9_-]{52})")
_SPACES: Final = "\t\n\r "


def fingerprint(record_hash: bytes) -> str:
    """Return the 20 digits by which a record is compared on two screens (ACC-44)."""
    digits = record_hash[:_FINGERPRINT_B].hex()
    return "-".join(digits[at : at + _FINGERPRINT_GROUP] for at in range(0, len(digits), _FINGERPRINT_GROUP))


class Step(IntEnum):
    """Which of the messages: the key of a message names it."""

    IN = 1
    OPENING = 2
    OUT = 3
    HOLD = 4


class Place(NamedTuple):
    """What follows from a code: where the new device writes to, and its device id (ACC-32)."""

    mailbox: bytes
    token: bytes
    device_id: DeviceId


@dataclass(frozen=True, slots=True)
class Invite:
    """What a code says: a secret for one device, a commitment, and what the device will be (ACC-31)."""

    account_id: AccountId
    secret: InviteSecret = field(repr=False)
    commitment: bytes
    kind: DeviceKind
    front_desk: bool

    @property
    def code(self) -> str:
        """The text to show, 72 characters."""
        packed = self._packed()
        encoded = base64.urlsafe_b64encode(packed + self._check(packed)).decode("ascii")
        return f"sealroom:join?v=1&c={encoded}"

    def _packed(self) -> bytes:
        return self.secret.expose() + self.commitment + bytes((self.kind, self.front_desk))

    def _check(self, packed: bytes) -> bytes:
        return kdf.hash_(labels.INVITE_CODE, self.account_id + packed)[:_CHECK_B]

    def place(self) -> Place:
        """Return what follows from the code (ACC-32)."""
        drawn = kdf.prf(self.secret.expose(), labels.INVITE_PLACE, 64, data=self.account_id)
        mailbox, rest = drawn[:MAILBOX_B], drawn[MAILBOX_B:]
        return Place(mailbox, rest[:TOKEN_B], DeviceId(rest[TOKEN_B:]))

    def make_device(self, now_ms: int, expires_ms: int, rng: Rng) -> OurDevice:
        """Make the new device as the code wants it."""
        flags = FLAG_FRONT_DESK if self.front_desk else 0
        return new_device(
            self.account_id, self.kind, flags, now_ms, expires_ms, rng, device_id=self.place().device_id
        )

    def seal(self, step: Step, message: bytes, rng: Rng) -> bytes:
        """Return a message in the layout of an envelope of kind 1 (ACC-33)."""
        return seal(self.account_id, self.secret, step, message, rng)

    def open_(self, step: Step, body: bytes) -> bytes:
        """Return what `seal` was given.

        Raises:
            AuthenticationError: not this message of this invite.
        """
        if not body.startswith(LEAD) or len(body) > _MESSAGE_MAX_B:
            raise AuthenticationError
        ahead, sealed = body[:_AHEAD_B], body[_AHEAD_B:]
        return padding.unpad(aead.open_(_key(self.account_id, self.secret, step, ahead), sealed, ahead))

    def check_opening(self, opening: bytes) -> None:
        """Refuse an r that the code has not committed to (ACC-34).

        Raises:
            IdentityMismatch.
        """
        if not kdf.equal(_commit(opening), self.commitment):
            raise IdentityMismatch("not what the code has committed to")

    def digits(self, message: bytes, opening: bytes) -> str:
        """Return the six digits that both devices show, from `in` and r (ACC-34)."""
        hashed = kdf.hash_(labels.INVITE_SAS, self.secret.expose() + message + opening)
        return f"{int.from_bytes(hashed[:8], 'big') % 10**_DIGITS:0{_DIGITS}}"


def new_invite(
    account_id: AccountId, kind: DeviceKind, *, front_desk: bool, rng: Rng
) -> tuple[Invite, bytes]:
    """Make an invite; the second value is r, which stays here until one device has come (ACC-31, ACC-34)."""
    opening = rng(OPENING_B)
    secret = InviteSecret(rng(InviteSecret.SIZE_B))
    return Invite(account_id, secret, _commit(opening), kind, front_desk), opening


def parse(account_id: AccountId, code: str) -> Invite:
    """Read a code of an account that is known from elsewhere.

    Raises:
        DecodeError: no code, a damaged one, or one of another account (ACC-31).
    """
    match = _CODE.fullmatch(code.strip(_SPACES))
    if match is None:
        raise DecodeError("not the code of an invite")
    decoded = base64.urlsafe_b64decode(match["code"])
    secret_b, rest = decoded[: InviteSecret.SIZE_B], decoded[InviteSecret.SIZE_B :]
    commitment, (kind, front_desk) = rest[:COMMIT_B], rest[COMMIT_B : COMMIT_B + 2]
    if kind > max(DeviceKind) or front_desk > 1:
        raise DecodeError("the code of an unknown kind of device")
    found = Invite(account_id, InviteSecret(secret_b), commitment, DeviceKind(kind), bool(front_desk))
    if found.code != match[0]:
        raise DecodeError("a damaged code, or one of another account")
    return found


def seal(account_id: AccountId, secret: InviteSecret, step: Step, message: bytes, rng: Rng) -> bytes:
    """Return a message of the invite with this secret, in the layout of an envelope of kind 1 (ACC-33)."""
    ahead = LEAD + rng(_RANDOM_B)
    padded = padding.pad(message, padding.body_class(len(message) + 1))
    return ahead + aead.seal(_key(account_id, secret, step, ahead), padded, ahead)


def _key(account_id: AccountId, secret: InviteSecret, step: Step, ahead: bytes) -> bytes:
    """Return the key of one message: of its step, and of the random bytes ahead of it (PRM-07)."""
    data = account_id + bytes((step,)) + ahead.removeprefix(LEAD)
    return kdf.prf(secret.expose(), labels.INVITE_KEYS, KEY_B, data=data)


def _commit(opening: bytes) -> bytes:
    return kdf.hash_(labels.INVITE_COMMIT, opening)[:COMMIT_B]


class Request(NamedTuple):
    """`in`: the new device's record, and where it is answered (ACC-33)."""

    record: DeviceRecord
    mailbox: bytes
    token: bytes

    def encode(self) -> bytes:
        """Return the message."""
        return encode_map(self.record.encoded, self.mailbox, self.token)

    @classmethod
    def read(cls, message: bytes) -> Request:
        """Read the message of any device: where it is answered (ACC-53).

        Raises:
            DecodeError, UnsupportedVersion, InvalidKey: none.
        """
        fields = decode_map(message, _MESSAGE_MAX_B, frozenset((1, 2, 3)))
        record = DeviceRecord.decode(fields.bstr(1, 1, RECORD_MAX_B))
        return cls(record, fields.bstr(2, MAILBOX_B), fields.bstr(3, TOKEN_B))

    @classmethod
    def decode(cls, invite: Invite, message: bytes, now_ms: int) -> Request:
        """Read the message of a new device that is what the invite says (ACC-35).

        Raises:
            DecodeError, UnsupportedVersion, InvalidKey: as `read`.
            IdentityMismatch: a record of another account, device, kind or flag.
            Expired: not valid now, or made longer ago than the clock tolerance.
        """
        request = cls.read(message)
        record = request.record
        is_named = (record.account_id, record.device_id) == (invite.account_id, invite.place().device_id)
        if not is_named or (record.kind, record.front_desk) != (invite.kind, invite.front_desk):
            raise IdentityMismatch("another device than the one that was invited")
        record.check_time(now_ms)
        if record.created_ms < now_ms - CLOCK_TOLERANCE_MS:
            raise Expired("a new device whose clock is behind")
        return request


class Welcome(NamedTuple):
    """`out`: the list that names the new device, and the records of all that it names (ACC-35)."""

    device_list: DeviceList
    records: tuple[DeviceRecord, ...]

    def encode(self) -> bytes:
        """Return the message."""
        return encode_map(self.device_list.signed, [one.encoded for one in self.records])

    @classmethod
    def decode(cls, invite: Invite, record: DeviceRecord, message: bytes, now_ms: int) -> Welcome:
        """Read what the new device goes on with; `record` is its own (ACC-35).

        Raises:
            DecodeError, BadSignature, UnsupportedVersion, InvalidKey: no list of the account, or no records.
            IdentityMismatch: the list does not name this device, or the records are not those of the list.
            ListExpired: not valid at this time.
        """
        fields = decode_map(message, _MESSAGE_MAX_B, frozenset((1, 2)))
        device_list = DeviceList.verify(invite.account_id, fields.bstr(1, 1, LIST_MAX_B))
        device_list.check_time(now_ms)
        device_list.check_record(record)
        items = fields.array(2, 1, MAX_LIST_RECORDS)
        records = tuple(DeviceRecord.decode(bstr(item, 1, RECORD_MAX_B)) for item in items)
        if [one.hash for one in records] != list(device_list.record_hashes):
            raise IdentityMismatch("records that are not those of the list")
        return cls(device_list, records)
