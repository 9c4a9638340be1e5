"""Verifies a transcript file line by line, offline, by the account of the company (chapter 19).

lines -> structures -> EvidenceSet: who was in force when -+
lines -> entries: bytes, signature, room, what is shown ---+-> Chains -> TranscriptReport
"""

from __future__ import annotations

from typing import Final

from e2ee.errors import (
    BadSignature,
    DecodeError,
    IdentityMismatch,
    NoRight,
    RemoteError,
    TooMany,
)
from e2ee.ids import AccountId, SignPublic

from .entry import Entry, EntryHash, device_tag
from .head import choose, judge
from .kinds import PROOFS, Kind, Side, check_writer
from .payloads import EntryPayload, Open
from .room import check_open
from .signed_payloads import Withdrawal as Leaving
from .state import Phase, State, WrittenState
from .state import Verdict as StateVerdict
from .transcript_chains import Chains, Node
from .transcript_evidence import EvidenceSet, InForce
from .transcript_file import (
    BEGIN,
    CLOSE,
    LINE_MAX_B,
    End,
    EntryLine,
    Evidence,
    Head,
    Part,
    decode_element,
    decode_head,
    is_entry,
    shown_hash,
)
from .transcript_reading import Consents, Faulty, carried_by, read_entry_line
from .transcript_report import Fault, Judged, Note, Refused, TranscriptReport, Verdict

MAX_LINES: Final = 262_144
MAX_STATES: Final = 4_096
MAX_NAMED: Final = 1_024
_PARTS: Final = tuple(Part)


class TranscriptVerifier:
    """Takes one line after the other, without its line end; then `finish`.

    A line that does not hold is left out and named in the report. What is raised ends the verification: the
    file is no transcript, one of another company, or beyond the bounds of EXP-14.
    """

    def __init__(self, company: AccountId) -> None:
        self._company = company
        self._head: Head | None = None
        self._evidence: EvidenceSet | None = None
        self._chains = Chains()
        self._states: dict[EntryHash, WrittenState] = {}
        self._root: EntryHash | None = None
        self._consents = Consents()
        self._at = 0
        self._part = 0
        self._entries = 0
        self._end: End | None = None
        self._is_closed = False
        self._refused: list[Refused] = []
        self._refused_count = 0
        self._shown: set[bytes] = set()

    # --- lines ---

    def take(self, line: bytes) -> None:
        """Take the next line.

        Raises:
            DecodeError, UnsupportedVersion: not a transcript. IdentityMismatch: of another company.
            TooMany: beyond the bounds.
        """
        self._at += 1
        if self._at > MAX_LINES:
            raise TooMany("too many lines for one transcript")
        if self._at == 1:
            if line != BEGIN:
                raise DecodeError("not a transcript")
        elif self._at == 2:
            self._begin(line)
        else:
            try:
                self._element(line)
            except Faulty as found:
                self._refuse(self._at, found.fault, shown_hash(line[:LINE_MAX_B]))

    def _begin(self, line: bytes) -> None:
        head = decode_head(line.removesuffix(b","))
        if head.company != self._company:
            raise IdentityMismatch("a transcript of another company")
        self._head, self._evidence = head, EvidenceSet(head)

    def _refuse(self, line: int, fault: Fault, shown: bytes | None) -> None:
        self._refused_count += 1
        if shown is not None:
            self._shown.add(shown)
        if len(self._refused) < MAX_NAMED:
            self._refused.append(Refused(line, fault, shown))

    def _element(self, line: bytes) -> None:
        if self._end is not None:
            if self._is_closed or line != CLOSE:
                raise Faulty(Fault.FORM)
            self._is_closed = True
            return
        bare = line.removesuffix(b",")
        if is_entry(line):
            self._part = len(_PARTS)
        self._entries += self._part == len(_PARTS)
        try:
            if len(line) > LINE_MAX_B:
                raise DecodeError("a line that is too long")
            found = decode_element(bare)
        except DecodeError:
            raise Faulty(Fault.FORM) from None
        if isinstance(found, End) is (len(bare) < len(line)):
            raise Faulty(Fault.FORM)
        match found:
            case End():
                self._end = found
                self._entries -= self._part == len(_PARTS)
            case Evidence():
                self._add_evidence(found)
            case _:
                self._add_entry(found)

    def _add_evidence(self, found: Evidence) -> None:
        place = _PARTS.index(found.part)
        if place < self._part:
            raise Faulty(Fault.FORM)
        self._part = place
        try:
            self._of_room()[1].add(found)
        except TooMany:
            raise
        except BadSignature:
            raise Faulty(Fault.SIGNATURE) from None
        except IdentityMismatch:
            raise Faulty(Fault.IDENTITY) from None
        except RemoteError:
            raise Faulty(Fault.FORM) from None

    # --- entries ---

    def _add_entry(self, given: EntryLine) -> None:
        """Check an entry in the order of EXP-07; what holds takes its place in the chains."""
        head, evidence = self._of_room()
        entry, payload = read_entry_line(given, head, evidence.signer)
        tag = device_tag(head.room, entry.author.device_id)
        if evidence.is_of_another(entry.author, tag) or self._chains.is_of_another(entry.author, tag):
            raise Faulty(Fault.IDENTITY)
        if self._chains.has(entry.hash):
            raise Faulty(Fault.REPEATED)
        node = self._chains.add(entry, tag, self._at)
        if entry.body is None:
            node.notes.add(Note.REDACTED)
            node.notes |= {Note.WITHHELD} if entry.header.kind in PROOFS else set()
        try:
            self._judge(node, entry, payload)
        except Faulty as found:
            node.fault = found.fault
            raise

    def _judge(self, node: Node, entry: Entry, payload: EntryPayload | None) -> None:
        head, evidence = self._of_room()
        node.is_company = entry.author.account_id == head.company
        try:
            check_writer(entry.header.kind, Side.COMPANY if node.is_company else Side.CUSTOMER)
        except NoRight:
            raise Faulty(Fault.RIGHT) from None
        if not node.is_company:
            self._judge_customer(node, evidence.signer(entry.author), payload)
            return
        match evidence.in_force(entry.author.device_id, entry.header.sent_ms):
            case InForce.NO:
                raise Faulty(Fault.IN_FORCE)
            case InForce.YES:
                node.verdict = Verdict.SIGNED
            case _:
                node.verdict = Verdict.STALE
        if isinstance(payload, State) and len(self._states) < MAX_STATES:
            device_id, n = entry.place
            self._states[entry.hash] = WrittenState(entry.hash, device_id, n, payload)

    def _judge_customer(self, node: Node, key: SignPublic | None, payload: EntryPayload | None) -> None:
        """What a device of the customer signs is a receipt or a withdrawal, and nothing else."""
        head, _ = self._of_room()
        if key is None:
            node.notes.add(Note.DEVICE)
        try:
            if isinstance(payload, Open):
                check_open(head.room, head.company, head.customer, payload)
            signed = carried_by(payload)
            if key is not None and signed is not None:
                is_new = self._consents.take(key, signed, head.room, is_left=isinstance(payload, Leaving))
                node.notes.add(Note.CONSENT if is_new else Note.OUTDATED)
        except RemoteError:
            raise Faulty(Fault.CONSENT) from None
        if isinstance(payload, Open):
            self._root = self._root or node.hash

    # --- at the end ---

    def finish(self) -> TranscriptReport:
        """Return what the file shows.

        Raises:
            DecodeError: it has no head.
        """
        head, evidence = self._of_room()
        chains = self._chains
        phase = self._judge_states()
        chains.witness()
        missing = chains.missing(frozenset(self._shown))
        chains.mark_places(self._root)
        has_end = self._is_closed and self._end == End(self._entries)
        return TranscriptReport(
            head,
            tuple(self._judged(node) for node in chains.nodes if node.fault is None),
            tuple(self._refused),
            self._refused_count,
            tuple(missing),
            has_end,
            phase,
            evidence.names(),
        )

    def _judged(self, node: Node) -> Judged:
        return Judged(
            node.line,
            node.hash,
            self._chains.device_id(node),
            Side.COMPANY if node.is_company else Side.CUSTOMER,
            node.n,
            node.kind,
            node.sent_ms,
            node.verdict,
            frozenset(node.notes),
            self._chains.devices(node.witnesses),
        )

    def _judge_states(self) -> Phase | None:
        """Judge the states by the rosters of the file; return the phase of the head, None where a state could
        not be judged (EXP-11).
        """
        team = self._of_room()[1].team()
        verdicts = judge(self._states, self._root, team)
        is_known = True
        for node in self._chains.nodes:
            if node.kind == Kind.STATE and node.is_company and node.fault is None:
                is_known &= _note_state(node, verdicts.get(node.hash, StateVerdict.HELD))
        head = choose(self._states, verdicts, self._root, team)
        return head.state.phase if head is not None and is_known else None

    def _of_room(self) -> tuple[Head, EvidenceSet]:
        if self._head is None or self._evidence is None:
            raise DecodeError("not a transcript")
        return self._head, self._evidence


def _note_state(node: Node, verdict: StateVerdict) -> bool:
    """Note what a state is; whether it could be judged."""
    if verdict is StateVerdict.REFUSED:
        node.notes.add(Note.RIGHT)
    elif verdict is StateVerdict.HELD:
        node.notes.add(Note.HELD)
    return verdict is not StateVerdict.HELD
