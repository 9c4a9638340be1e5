"""Reads one line of a transcript file that holds an entry, and names what is wrong with it (EXP-07)."""

from __future__ import annotations

from e2ee.errors import BadEntry, DecodeError, IdentityMismatch, RemoteError
from e2ee.ids import SignPublic

from . import signed_payloads
from .consent import Receipt, Withdrawal
from .entry import Entry, Header, RoomId, payload_of
from .forward import Signers, decode_line
from .payloads import EntryPayload, Open, decode_payload
from .structure import reading_content
from .transcript_file import EntryLine, Head, encode_shown
from .transcript_report import Fault


class Faulty(Exception):
    """A line does not hold."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def read_entry_line(given: EntryLine, head: Head, signers: Signers) -> tuple[Entry, EntryPayload | None]:
    """Read an entry, and compare it with what its line shows.

    Raises:
        Faulty.
    """
    try:
        entry = decode_line(given.value, head.room, head.company, head.customer, signers)
        with reading_content():
            value = None if entry.body is None else payload_of(entry)
            payload = None if entry.body is None else decode_payload(entry.header.kind, value)
    except BadEntry:
        raise Faulty(Fault.SIGNATURE) from None
    except IdentityMismatch:
        raise Faulty(Fault.IDENTITY) from None
    except RemoteError:
        raise Faulty(Fault.ROOM if _is_of_another_room(given, head) else Fault.FORM) from None
    if encode_shown(entry, value) != given.shown:
        raise Faulty(Fault.SHOWN)
    return entry, payload


def _is_of_another_room(given: EntryLine, head: Head) -> bool:
    header = given.value[2] if isinstance(given.value, list) and len(given.value) == 5 else None
    try:
        return isinstance(header, bytes) and Header.decode(header).room_id != head.room
    except DecodeError:
        return False


def carried_by(payload: EntryPayload | None) -> bytes | None:
    """Return the receipt or withdrawal that an entry carries."""
    if isinstance(payload, Open):
        return payload.receipt
    if isinstance(payload, signed_payloads.Consent | signed_payloads.Withdrawal):
        return payload.signed
    return None


class Consents:
    """The numbers of the receipts and withdrawals that entries before carried (EXP-19)."""

    def __init__(self) -> None:
        self._receipt_seq = self._withdrawal_seq = 0

    def take(self, key: SignPublic, signed: bytes, room: RoomId, *, is_left: bool) -> bool:
        """Verify one; whether it counts where it stands, before which all had lower numbers (CNS-09).

        Raises:
            BadSignature, DecodeError, ConsentRequired: its device has not signed it for this room.
        """
        if is_left:
            seq = Withdrawal.verify(key, signed, room).seq
            counts = seq >= self._receipt_seq and seq > self._withdrawal_seq
            self._withdrawal_seq = max(seq, self._withdrawal_seq)
            return counts
        receipt = Receipt.verify(key, signed)
        if receipt.room != room:
            raise DecodeError("a receipt of another room")
        counts = receipt.seq > max(self._receipt_seq, self._withdrawal_seq)
        self._receipt_seq = max(receipt.seq, self._receipt_seq)
        return counts
