"""What a proof of consent is made of: what was kept when the consent was taken, and the answer (CNS-30)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, TypeVar

from e2ee.errors import NoConsent, RemoteError
from e2ee.ids import SignPublic
from e2ee.rooms.consent import Receipt, Withdrawal
from e2ee.rooms.entry import ROOM_ID_B, Author, Entry, EntryHash, RoomId
from e2ee.rooms.kinds import Side
from e2ee.rooms.notice import Notice
from e2ee.rooms.payloads import Open, read_payload
from e2ee.rooms.proof import Answer, Evidence, Signed
from e2ee.rooms.state import State, Verdict
from e2ee_client.engine.row_codec import Row
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import ProofIncomplete

from .entry_log import EntryLog
from .records import LiveRoom
from .room_part import RoomsPart
from .state_pages import StatePages
from .surroundings import Papers

T = TypeVar("T")


@dataclass(slots=True)
class KeptConsent(Row):
    """The newest receipt or withdrawal of a room, who signed it, and which entry carried it (CNS-30)."""

    TABLE: ClassVar[str] = "team"
    PREFIX: ClassVar[bytes] = b"consent:"
    KEY: ClassVar = (("room_id", ROOM_ID_B), ("is_withdrawal", 1))
    room_id: RoomId
    is_withdrawal: int
    signed: bytes
    entry_hash: EntryHash
    papers: Papers

    @classmethod
    def of(
        cls, room_id: RoomId, consent: Receipt | Withdrawal, entry_hash: EntryHash, papers: Papers
    ) -> KeptConsent:
        """Return the row of a receipt or withdrawal that has been taken."""
        return cls(room_id, int(isinstance(consent, Withdrawal)), consent.signed, entry_hash, papers)


class _Found(NamedTuple):
    """A receipt or withdrawal with what was kept beside it; no entry where that is not known."""

    papers: Papers
    entry_hash: EntryHash | None

    def signed(self, consent: Receipt | Withdrawal) -> Signed:
        return Signed(consent.signed, self.papers.record, self.papers.device_list)


class Proving(RoomsPart):
    """Reads what is stored of a room; nothing is verified here but what makes the parts fit."""

    def evidence(self, turn: Turn, room_id: RoomId) -> Evidence:
        """Return what a proof of the receipt with the highest number is made of (CNS-30).

        Raises:
            UnknownRoom, RoomsLocked. NoConsent: nothing was accepted in this room.
            ProofIncomplete: a part of it is not on this device.
        """
        live, log = self._rooms.stored(turn, room_id)
        receipt, customer = live.consent.receipt, live.customer
        if receipt is None or customer is None:
            raise NoConsent("nothing was accepted in this room")
        notice, text = self._notice(turn, live, receipt)
        given = self._found(turn, live, receipt)
        withdrawal = live.consent.withdrawal
        if withdrawal is not None and withdrawal.receipt_hash != receipt.hash:
            withdrawal = None
        left = None if withdrawal is None else self._found(turn, live, withdrawal)
        nonce = _needed(_nonce(turn, live, log), "the opening of the room")
        parts = live.company, customer, nonce, given.papers.mandate, notice.signed, text
        ended = None if left is None or withdrawal is None else left.signed(withdrawal)
        evidence = Evidence(*parts, given.signed(receipt), ended)
        if self._rooms.around.side is Side.COMPANY:
            return evidence
        answers = ((left, None), (given, notice.hash))
        found = (self._answer(turn, live, log, one.entry_hash, about) for one, about in answers if one)
        return evidence._replace(answer=next((one for one in found if one is not None), None))

    def _notice(self, turn: Turn, live: LiveRoom, receipt: Receipt) -> tuple[Notice, str]:
        notice_hash = receipt.terms.notice_hash
        notice = self._context.team.notice(turn, live.company, notice_hash)
        texts = self._context.notices.texts(turn, live.company, notice_hash)
        text = _needed(texts.get(receipt.terms.locale), "the text of the notice")
        return _needed(notice, "the notice"), text

    # --- who signed ---

    def _found(self, turn: Turn, live: LiveRoom, consent: Receipt | Withdrawal) -> _Found:
        """Return what was kept when it was taken; else what is known of the device that signed it now."""
        key = KeptConsent.key_of(live.room_id, int(isinstance(consent, Withdrawal)))
        row = turn.read(self._state.rows, KeptConsent.TABLE, key)
        kept = None if row is None else KeptConsent.decode(key, row)
        if kept is not None and kept.signed == consent.signed:
            return _Found(kept.papers, kept.entry_hash)
        papers = next(self._papers_now(live, consent), None)
        return _Found(_needed(papers, "the record of the device that signed"), None)

    def _papers_now(self, live: LiveRoom, consent: Receipt | Withdrawal) -> Iterator[Papers]:
        around, customer = self._rooms.around, live.customer
        authors = [] if customer is None else [Author(customer, one) for one in around.devices(customer)]
        for author in authors:
            public, papers = around.signer(author), around.papers(author, live.company)
            if public is not None and papers is not None and _is_of(public, live, consent):
                yield papers

    # --- the answer ---

    def _answer(
        self, turn: Turn, live: LiveRoom, log: EntryLog, about: EntryHash | None, notice_hash: bytes | None
    ) -> Answer | None:
        """Return the first valid state that names the entry, of the receipt under its notice (CNS-24)."""
        stored = None if about is None else log.find(turn, about)
        if stored is None:
            return None
        verdicts = StatePages(self._state.rows, live.room_id).load(turn)
        for written, state in sorted(_states(turn, verdicts, log), key=lambda one: one[1].epoch):
            is_named = about == state.parent or about in state.answers
            if not is_named or notice_hash not in (None, state.notice):
                continue
            content = self._context.team.content(turn, live.company, state.roster)
            if content is not None:
                parts = content.mandate, content.roster, content.lists[0], content.records
                return Answer(*parts, log.entry(turn, stored), written)
        return None


def _states(
    turn: Turn, verdicts: Mapping[EntryHash, Verdict], log: EntryLog
) -> Iterator[tuple[Entry, State]]:
    for one, verdict in verdicts.items():
        stored = log.find(turn, one) if verdict is Verdict.VALID else None
        if stored is not None:
            entry = log.entry(turn, stored)
            payload = read_payload(entry)
            if isinstance(payload, State):
                yield entry, payload


def _nonce(turn: Turn, live: LiveRoom, log: EntryLog) -> bytes | None:
    stored = None if live.root is None else log.find(turn, live.root)
    payload = None if stored is None else read_payload(log.entry(turn, stored))
    return payload.nonce if isinstance(payload, Open) else None


def _is_of(public: SignPublic, live: LiveRoom, consent: Receipt | Withdrawal) -> bool:
    try:
        if isinstance(consent, Receipt):
            Receipt.verify(public, consent.signed)
        else:
            Withdrawal.verify(public, consent.signed, live.room_id)
    except RemoteError:
        return False
    return True


def _needed(part: T | None, name: str) -> T:
    if part is None:
        raise ProofIncomplete(f"{name} is not on this device")
    return part
