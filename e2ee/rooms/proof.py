"""Proof of consent: one file that shows, offline, what was accepted and what the company answered (CNS-23 to
CNS-25).

evidence -> `encode_proof` -> bytes -> `Proof.verify` by the company's account -> what is shown, with doubts
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from e2ee.constants import ACCOUNT_ID_B, CLOCK_TOLERANCE_MS, MAX_LIST_RECORDS, VERSION
from e2ee.errors import ConsentRequired, DecodeError, IdentityMismatch, NoRight
from e2ee.identity import LIST_MAX_B, RECORD_MAX_B, DeviceList, DeviceRecord, check_version
from e2ee.ids import AccountId, SignPublic
from e2ee.wire import cbor
from e2ee.wire.fields import KEYS, Fields, array, bstr, decode_map

from . import signed_payloads
from .checks import check_account, is_in_force
from .consent import RECEIPT_MAX_B, Receipt, Withdrawal
from .door import TEXT_MAX_B, check_texts
from .entry import Author, Entry, RoomId
from .forward import decode_line, encode_line
from .mandate import MANDATE_MAX_B, Mandate
from .notice import NOTICE_MAX_B, Notice
from .payloads import Open, read_payload
from .room import check_open, room_id
from .roster import ROSTER_MAX_B, Roster
from .state import Phase, State
from .team import Rank, TeamView, view_by

PROOF_MAX_B: Final = 65_536
NONCE_B: Final = 16
_KEYS: Final = KEYS[10]
_ANSWER_KEYS: Final = KEYS[6]


class Signed(NamedTuple):
    """A signed receipt or withdrawal, the record of the device that signed, and the signed device list of its
    account that names it.
    """

    signed: bytes
    record: bytes
    device_list: bytes


class Answer(NamedTuple):
    """How the company answered: the entry of the customer, the state that names it, and what the state is
    judged by, which is the roster that it names with mandate, list and all records of it (ACC-21).
    """

    mandate: bytes
    roster: bytes
    device_list: bytes
    records: tuple[bytes, ...]
    entry: Entry
    state: Entry


class Evidence(NamedTuple):
    """What a proof is made of; a company's own has no answer."""

    company: AccountId
    customer: AccountId
    nonce: bytes
    mandate: bytes
    notice: bytes
    text: str
    receipt: Signed
    withdrawal: Signed | None = None
    answer: Answer | None = None


def encode_proof(evidence: Evidence) -> bytes:
    """Return the bytes of a proof, unverified (CNS-23)."""
    given = evidence.answer
    answer: cbor.Value = None
    if given is not None:
        parts: list[cbor.Value] = [given.mandate, given.roster, given.device_list, list(given.records)]
        answer = dict(enumerate([*parts, encode_line(given.entry), encode_line(given.state)], start=1))
    values: list[cbor.Value] = [
        *(VERSION, *evidence[:5], evidence.text.encode(), list(evidence.receipt)),
        *(None if evidence.withdrawal is None else list(evidence.withdrawal), answer),
    ]
    return cbor.encode(dict(enumerate(values, start=1)))


# --- what it shows ---


class Doubt(Enum):
    """What does not go together with the time that the customer's device stated (CNS-25)."""

    RECORD = "record"
    """The record of a device that signed was not valid then."""
    DEVICE_LIST = "device_list"
    """The device list that names it was not valid then."""
    MANDATE = "mandate"
    """The mandate was not valid then."""
    NOTICE = "notice"
    """The notice was issued later."""


class CompanyAnswer(NamedTuple):
    """What a steward of the company signed about the consent, or about its withdrawal."""

    record: DeviceRecord
    rank: Rank
    phase: Phase
    sent_ms: int
    is_of_withdrawal: bool


class _Device(NamedTuple):
    """Bytes that a device of the customer signed, with its record and list."""

    signed: bytes
    record: DeviceRecord
    device_list: DeviceList

    def doubts(self, at_ms: int) -> Iterator[Doubt]:
        if not is_in_force(self.record.created_ms, self.record.expires_ms, at_ms):
            yield Doubt.RECORD
        if not self.device_list.is_in_time(at_ms, CLOCK_TOLERANCE_MS):
            yield Doubt.DEVICE_LIST


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that was verified: all of it stands, but for the doubts (CNS-25)."""

    company: AccountId
    customer: AccountId
    room: RoomId
    notice: Notice
    text: str
    receipt: Receipt
    record: DeviceRecord
    withdrawal: Withdrawal | None
    answer: CompanyAnswer | None
    doubts: frozenset[Doubt]

    @property
    def is_withdrawn(self) -> bool:
        """Whether the withdrawal counts, of the two that are here (CNS-09)."""
        return self.withdrawal is not None and self.withdrawal.seq >= self.receipt.seq

    @classmethod
    def verify(cls, company: AccountId, encoded: bytes) -> Proof:
        """Verify a proof by the account of the company, which the reader knows (CNS-24).

        Raises:
            DecodeError, UnsupportedVersion, BadSignature, IdentityMismatch, InvalidKey: of the structures.
            ConsentRequired: of another room, notice or receipt.
            ContentError, BadEntry, ListGap, ListExpired, MandateInvalid, RosterExpired, NoRight: the answer.
        """
        fields = decode_map(encoded, PROOF_MAX_B, _KEYS)
        check_version(fields)
        check_account(fields, company)
        customer = AccountId(fields.bstr(3, ACCOUNT_ID_B))
        room = room_id(company, customer, fields.bstr(4, NONCE_B))
        mandate = Mandate.verify(company, fields.bstr(5, 1, MANDATE_MAX_B))
        notice = Notice.verify(company, fields.bstr(6, 1, NOTICE_MAX_B))
        text, given = fields.bstr(7, 1, TEXT_MAX_B), _device(customer, fields.value(8))
        receipt = Receipt.verify(given.record.sign_public, given.signed)
        receipt.check(room, notice)
        shown = check_texts(notice, [(receipt.terms.locale, text)])[0][1]
        left = None if fields.value(9) is None else _device(customer, fields.value(9))
        withdrawal = None if left is None else _withdrawal(left, receipt)
        carried = {receipt.signed: given.record}
        if left is not None:
            carried[left.signed] = left.record
        sides = _Sides(company, customer, room)
        answer = None if fields.value(10) is None else _answer(fields.value(10), sides, carried, receipt)
        doubts = set(_doubts(mandate, notice, receipt)) | set(given.doubts(receipt.accepted_ms))
        if left is not None and withdrawal is not None:
            doubts |= set(left.doubts(withdrawal.withdrawn_ms))
        return cls(
            *(company, customer, room, notice, shown, receipt, given.record, withdrawal, answer),
            frozenset(doubts),
        )


def _device(customer: AccountId, value: cbor.Value) -> _Device:
    """Read bytes, record and list, of which the list names the record (ID-05, ID-09)."""
    signed, record, signed_list = array(value, 3, 3)
    found = _Device(
        bstr(signed, 1, RECEIPT_MAX_B),
        DeviceRecord.decode(bstr(record, 1, RECORD_MAX_B)),
        DeviceList.verify(customer, bstr(signed_list, 1, LIST_MAX_B)),
    )
    found.device_list.check_record(found.record)
    return found


def _withdrawal(left: _Device, receipt: Receipt) -> Withdrawal:
    found = Withdrawal.verify(left.record.sign_public, left.signed, receipt.room)
    if found.receipt_hash != receipt.hash:
        raise ConsentRequired("a withdrawal of another receipt")
    return found


def _doubts(mandate: Mandate, notice: Notice, receipt: Receipt) -> Iterator[Doubt]:
    at_ms = receipt.accepted_ms
    if not is_in_force(mandate.issued_ms, mandate.expires_ms, at_ms):
        yield Doubt.MANDATE
    if notice.issued_ms > at_ms + CLOCK_TOLERANCE_MS:
        yield Doubt.NOTICE


# --- the answer ---


class _Sides(NamedTuple):
    company: AccountId
    customer: AccountId
    room: RoomId


def _answer(
    value: cbor.Value, sides: _Sides, carried: dict[bytes, DeviceRecord], receipt: Receipt
) -> CompanyAnswer:
    """Verify how the company answered one of the signed structures, `carried` with their devices (CNS-24)."""
    fields = Fields(value, _ANSWER_KEYS)
    view = _view(fields, sides.company)
    entry, written = (_line(fields.value(key), sides, view) for key in (5, 6))
    if (entry.author.account_id, written.author.account_id) != (sides.customer, sides.company):
        raise IdentityMismatch("an answer of the customer, or to the company itself")
    signed = _carried(entry, sides)
    signer = carried.get(signed)
    if signer is None or signer.device_id != entry.author.device_id:
        raise IdentityMismatch("an answer to another consent than the one that is shown")
    state, author = read_payload(written), view.member(written.author.device_id)
    if not isinstance(state, State):
        raise DecodeError("an answer that is no state")
    if author.rank < Rank.DESK:
        raise NoRight("a state of somebody who writes none")
    is_of_withdrawal = signed != receipt.signed
    named = entry.hash == state.parent or entry.hash in state.answers
    is_of_notice = is_of_withdrawal or state.notice == receipt.terms.notice_hash
    if not named or not is_of_notice or state.roster != view.roster:
        raise IdentityMismatch("a state that names another entry, notice or roster")
    return CompanyAnswer(author.record, author.rank, state.phase, written.header.sent_ms, is_of_withdrawal)


def _view(fields: Fields, company: AccountId) -> TeamView:
    """Say who was in force by the roster of the answer (ACC-21)."""
    mandate = Mandate.verify(company, fields.bstr(1, 1, MANDATE_MAX_B))
    roster = Roster.verify(mandate, fields.bstr(2, 1, ROSTER_MAX_B))
    device_list = DeviceList.verify(company, fields.bstr(3, 1, LIST_MAX_B))
    items = fields.array(4, 1, MAX_LIST_RECORDS)
    records = [DeviceRecord.decode(bstr(item, 1, RECORD_MAX_B)) for item in items]
    return view_by(mandate, roster, device_list, records)


def _line(value: cbor.Value, sides: _Sides, view: TeamView) -> Entry:
    def signer(author: Author) -> SignPublic | None:
        member = view.members.get(author.device_id)
        return None if member is None else member.record.sign_public

    return decode_line(value, sides.room, sides.company, sides.customer, signer)


def _carried(entry: Entry, sides: _Sides) -> bytes:
    """Return the signed receipt or withdrawal that an entry of the customer carries."""
    match read_payload(entry):
        case Open() as opened:
            check_open(sides.room, sides.company, sides.customer, opened)
            return opened.receipt
        case signed_payloads.Consent(signed) | signed_payloads.Withdrawal(signed):
            return signed
        case _:
            raise IdentityMismatch("an answer to an entry that carries no consent")
