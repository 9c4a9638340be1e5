"""Receipts and withdrawals of consent, and which of them counts (chapter 18).

Both are signed by a device of the customer, and name a room, whose id binds both accounts, and no message.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from e2ee import labels
from e2ee.constants import HASH_B
from e2ee.errors import ConsentRequired, DecodeError
from e2ee.identity import encode_map, signed_bytes, verified
from e2ee.ids import SignPublic
from e2ee.primitives import kdf
from e2ee.secret import SigningKey
from e2ee.wire.fields import KEYS, MAX_MS, MAX_U32

from .checks import MAX_SEQ, locale
from .notice import Mode, Notice
from .team import TeamView

RECEIPT_MAX_B: Final = 256
ROOM_B: Final = 16
_SECOND_MS: Final = 1_000


class Terms(NamedTuple):
    """What a person accepted: which notice in which language, for which purposes."""

    notice_hash: bytes
    locale: str
    mode: Mode
    purposes: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt whose signature has been verified (CNS-06)."""

    signed: bytes
    terms: Terms
    accepted_ms: int
    room: bytes
    seq: int
    hash: bytes

    @classmethod
    def verify(cls, public: SignPublic, signed: bytes) -> Receipt:
        """Verify a receipt by the signing key of a device of the customer, then decode it (ID-29).

        Raises:
            BadSignature, DecodeError.
        """
        encoded, fields = verified(public, labels.SIG_CONSENT, signed, RECEIPT_MAX_B, KEYS[7])
        notice_hash, name, mode = fields.bstr(1, HASH_B), locale(fields.value(2)), Mode(fields.uint(3, 3, 1))
        terms = Terms(notice_hash, name, mode, fields.uint(4, MAX_U32))
        accepted_ms = fields.time_ms(5)
        if accepted_ms % _SECOND_MS:
            raise DecodeError("a time of acceptance is a whole second")
        room, seq = fields.bstr(6, ROOM_B), fields.uint(7, MAX_SEQ, 1)
        return cls(signed, terms, accepted_ms, room, seq, kdf.hash_(labels.CONSENT, encoded))

    def check(self, room: bytes, notice: Notice | None) -> None:
        """Refuse a receipt of another room, or one that its notice does not bear out; None for a notice that
        is not known (CNS-07).

        Raises:
            ConsentRequired.
        """
        terms = self.terms
        if self.room != room or notice is None or notice.hash != terms.notice_hash:
            raise ConsentRequired("a receipt of another room or notice")
        if terms.mode != notice.mode or terms.locale not in dict(notice.texts):
            raise ConsentRequired("a receipt for what the notice does not ask")
        if not notice.allows(terms.purposes):
            raise ConsentRequired("a receipt for other purposes than the notice states")


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal whose signature has been verified (CNS-08)."""

    signed: bytes
    receipt_hash: bytes
    room: bytes
    withdrawn_ms: int
    seq: int

    @classmethod
    def verify(cls, public: SignPublic, signed: bytes, room: bytes) -> Withdrawal:
        """Verify a withdrawal in its room by the signing key of a device of the customer (ID-29).

        Raises:
            BadSignature, DecodeError. ConsentRequired: of another room.
        """
        _, fields = verified(public, labels.SIG_WITHDRAWAL, signed, RECEIPT_MAX_B, KEYS[4])
        found = cls(
            signed,
            fields.bstr(1, HASH_B),
            fields.bstr(2, ROOM_B),
            fields.time_ms(3),
            fields.uint(4, MAX_SEQ, 1),
        )
        if found.room != room:
            raise ConsentRequired("a withdrawal of another room")
        return found


def sign_receipt(key: SigningKey, terms: Terms, accepted_ms: int, room: bytes, seq: int) -> bytes:
    """Sign a receipt with a device of the customer; its time is cut to the second (CNS-06)."""
    whole_ms = accepted_ms - accepted_ms % _SECOND_MS
    values = (terms.notice_hash, terms.locale, int(terms.mode), terms.purposes, whole_ms, room, seq)
    return signed_bytes(key, labels.SIG_CONSENT, encode_map(*values))


def sign_withdrawal(key: SigningKey, receipt_hash: bytes, room: bytes, now_ms: int, seq: int) -> bytes:
    """Sign a withdrawal with a device of the customer (CNS-08)."""
    return signed_bytes(key, labels.SIG_WITHDRAWAL, encode_map(receipt_hash, room, now_ms, seq))


# --- which counts ---


@dataclass(frozen=True, slots=True)
class RoomConsent:
    """The newest receipt and the newest withdrawal of a room that are known, in whatever order they came
    (CNS-09).

    A withdrawal alone is a tombstone: it stands against the receipt that is still under way.
    """

    receipt: Receipt | None = None
    withdrawal: Withdrawal | None = None

    @property
    def seq(self) -> int:
        """The highest number that is known; 0 for none."""
        return max((one.seq for one in (self.receipt, self.withdrawal) if one is not None), default=0)

    @property
    def is_withdrawn(self) -> bool:
        """Whether a withdrawal counts: it has the highest number, also beside a receipt of the same."""
        return self.withdrawal is not None and self.withdrawal.seq == self.seq

    def with_receipt(self, receipt: Receipt) -> RoomConsent:
        """Take a receipt that was checked; of two with one number the smaller hash stays."""
        known = self.receipt
        is_newer = known is None or (-receipt.seq, receipt.hash) < (-known.seq, known.hash)
        return replace(self, receipt=receipt) if is_newer else self

    def with_withdrawal(self, withdrawal: Withdrawal) -> RoomConsent:
        """Take a withdrawal; of two with one number the smaller bytes stay."""
        known = self.withdrawal
        is_newer = known is None or (-withdrawal.seq, withdrawal.signed) < (-known.seq, known.signed)
        return replace(self, withdrawal=withdrawal) if is_newer else self


def opened(
    known: RoomConsent, receipt: Receipt, room: bytes, notice: Notice | None, *, is_desk: bool
) -> RoomConsent:
    """Take the receipt of an `open` (CNS-15). Below a withdrawal that has overtaken it the room is withdrawn,
    and a later consent is taken in it (CNS-10).

    Raises:
        ConsentRequired: not at a front desk, where nothing is known; or as CNS-07 says.
    """
    if known.receipt is None and not is_desk:
        raise ConsentRequired("no consent is known of this account")
    receipt.check(room, notice)
    return known.with_receipt(receipt)


def ends_ms(receipt: Receipt, team: TeamView) -> int:
    """Return until when a receipt counts by the notices of a roster: without end for the notice in force,
    0 for one that the roster does not name (CNS-12).
    """
    accepted = receipt.terms.notice_hash
    if accepted == team.notice_hash:
        return MAX_MS
    return next((one.until_ms for one in team.older_notices if one.hash == accepted), 0)
