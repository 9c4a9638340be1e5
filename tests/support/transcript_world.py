"""A room of real accounts as a transcript file: a company, a customer, entries, and what edits the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from company import Company
from parties import NOW_MS, Party

from e2ee.identity import OurDevice
from e2ee.ids import AccountId
from e2ee.rooms import consent, transcript
from e2ee.rooms.consent import Terms
from e2ee.rooms.entry import (
    Author,
    DeviceTag,
    Entry,
    EntryHash,
    Link,
    device_tag,
    make_header,
    write_entry,
)
from e2ee.rooms.order import order
from e2ee.rooms.payloads import EntryPayload, Mark, Open, RoomText, encode_payload
from e2ee.rooms.slots import encode_slot
from e2ee.rooms.state import Phase, Retention, RetentionClass, State
from e2ee.rooms.transcript import Held, View
from e2ee.rooms.transcript_file import (
    BEGIN,
    CLOSE,
    Head,
    Part,
    encode_end,
    encode_entry,
    encode_evidence,
    encode_head,
)
from e2ee.rooms.transcript_report import Judged, TranscriptReport
from e2ee.rooms.transcript_verifier import TranscriptVerifier

NONCE = b"nonce of a file."
MINUTE_MS = 60_000


@dataclass(eq=False)
class Writer:
    """A device of the room with its view of the transcript; a company's signs."""

    device: OurDevice
    head: Head
    entries: dict[EntryHash, Entry] = field(default_factory=dict)
    rows: dict[tuple[DeviceTag, int], Held] = field(default_factory=dict)

    def __post_init__(self) -> None:
        record = self.device.record
        self.author = Author(record.account_id, record.device_id)
        self.tag = device_tag(self.head.room, record.device_id)
        self.is_company = record.account_id == self.head.company
        self.view = View(self.tag)

    def held(self, tag: DeviceTag, n: int) -> Held | None:
        """What is here of an entry."""
        return self.rows.get((tag, n))

    def write(self, sent_ms: int, payload: EntryPayload, *, state: EntryHash | None = None) -> Entry:
        """Write the next entry with all links that are due, and take it in."""
        seen, self.view = transcript.links(self.view, self.held)
        n, prev = transcript.next_place(self.view, self.held)
        found = self.make(n, prev, sent_ms, payload, () if isinstance(payload, Open) else seen, state)
        self.take(found, sent_ms)
        return found

    def make(
        self,
        n: int,
        prev: EntryHash | None,
        sent_ms: int,
        payload: EntryPayload,
        seen: tuple[Link, ...] = (),
        state: EntryHash | None = None,
    ) -> Entry:
        """Make an entry of any place, as a liar does too."""
        room = self.head.room
        header = make_header(room, int(payload.kind), n, sent_ms, prev=prev, seen=seen, state=state)
        key = self.device.signing_key if self.is_company else None
        return write_entry(self.author, header, encode_payload(payload), b"b" * 16, key)

    def take(self, entry: Entry, now_ms: int) -> None:
        """Take an entry in."""
        taken = transcript.take(self.view, entry, self.held, now_ms)
        assert taken.outcome is transcript.Outcome.TAKEN
        self.view = taken.view
        tag = device_tag(self.head.room, entry.author.device_id)
        self.rows[tag, entry.header.n] = Held(entry.hash, entry.header.prev, entry.signature is not None)
        self.entries[entry.hash] = entry


class Talk:
    """A room from its `open` on: desk and agent of a company, one device of a customer."""

    def __init__(self, firm: Company, who: Party) -> None:
        self.firm, self.who = firm, who
        self.head = Head(firm.account_id, who.account_id, NONCE)
        self.customer = Writer(who.device, self.head)
        self.desk = Writer(firm.devices["desk"], self.head)
        self.agent = Writer(firm.devices["agent"], self.head)
        self.now_ms = NOW_MS
        self.entries: list[Entry] = []
        self.opened = self.say(self.customer, Open(NONCE, self.receipt()))
        self.first = self.say(self.desk, self.state())

    def receipt(self) -> bytes:
        """The signed receipt of the customer."""
        notice = self.firm.notice()
        terms = Terms(notice.hash, "de", notice.mode, 1)
        return consent.sign_receipt(self.who.device.signing_key, terms, NOW_MS, self.head.room, 1)

    def state(self, parent: State | None = None, before: Entry | None = None, **changes: object) -> State:
        """A state, the first one or the next after another."""
        firm, who = self.firm, self.who
        if parent is None or before is None:
            members = tuple(sorted((firm.id("desk"), firm.id("agent"))))
            return State(
                *(1, 1, self.opened.hash, Phase.OPEN, members, firm.id("agent"), who.device_list.head),
                *(firm.roster.ref, firm.notice().hash, Retention(RetentionClass.DEFAULT, 7_776_000)),
            )
        given = {"epoch": parent.epoch + 1, "parent": before.hash, "roster": firm.roster.ref, **changes}
        return replace(parent, **given)  # type: ignore[arg-type]  # given by tests as they stand

    def say(self, by: Writer, said: EntryPayload | str, **given: EntryHash) -> Entry:
        """Write an entry, a minute after the last one, and let everybody have it."""
        self.now_ms += MINUTE_MS
        payload = RoomText(said) if isinstance(said, str) else said
        entry = by.write(self.now_ms, payload, **given)
        for one in (self.customer, self.desk, self.agent):
            if one is not by:
                one.take(entry, self.now_ms)
        self.entries.append(entry)
        return entry

    def mark(self, by: Writer) -> Entry:
        """Let a device link what it has."""
        return self.say(by, Mark())

    def lines(self, entries: Iterable[Entry] | None = None) -> list[bytes]:
        """The file of these entries, line by line."""
        return file_of(self.head, self.parts(), self.entries if entries is None else entries)

    def parts(self) -> list[tuple[Part, bytes]]:
        """What the entries are judged by."""
        firm, who = self.firm, self.who
        records = [*firm.records, who.device.record]
        return [
            *((Part.COMPANY_LIST, one.signed) for one in firm.lists),
            (Part.CUSTOMER_LIST, who.device_list.signed),
            *((Part.RECORD, one.encoded) for one in records),
            (Part.SLOT, encode_slot(firm.mandate, firm.roster)),
            *((Part.CARD, one.encoded) for one in firm.cards.values()),
        ]


def conversation(firm: Company, who: Party) -> Talk:
    """A short room in which everybody writes, and all but the last text is linked."""
    talk = Talk(firm, who)
    talk.say(talk.customer, "Guten Tag, ich brauche ein Rezept.")
    talk.say(talk.agent, "Gern, welches?", state=talk.first.hash)
    talk.say(talk.customer, 'Das von letzter Woche \u2028 <b>"bitte"</b>\n\x01\\')
    talk.say(talk.desk, "Liegt am Freitag bereit.")
    talk.mark(talk.agent)
    talk.say(talk.customer, "Danke!")
    return talk


def file_of(head: Head, parts: Sequence[tuple[Part, bytes]], entries: Iterable[Entry]) -> list[bytes]:
    """A file in the order of the transcript."""
    given = {one.hash: one for one in entries}
    root = next((one.hash for one in given.values() if one.header.kind == 1), None)
    placed = order({key: one.header for key, one in given.items()}, root)
    shown = [encode_entry(given[one]) for one in placed]
    inside = [encode_head(head), *(encode_evidence(*one) for one in parts), *shown]
    return [BEGIN, *(one + b"," for one in inside), encode_end(len(shown)), CLOSE]


def verify(lines: Iterable[bytes], company: AccountId) -> TranscriptReport:
    """What is said of a file."""
    verifier = TranscriptVerifier(company)
    for line in lines:
        verifier.take(line)
    return verifier.finish()


def of_entry(report: TranscriptReport, entry: Entry) -> Judged:
    """What is said of one entry."""
    return next(one for one in report.entries if one.hash == entry.hash)


def line_of(lines: Sequence[bytes], entry: Entry) -> int:
    """Where an entry stands in a file, counted from 0."""
    return next(at for at, one in enumerate(lines) if entry.hash.hex().encode() in one)


def edited(lines: Sequence[bytes], at: int, change: Callable[[bytes], bytes]) -> list[bytes]:
    """A file with one line changed."""
    return [change(one) if place == at else one for place, one in enumerate(lines)]
