"""Devices of a room that write and read real entries."""

from __future__ import annotations

from dataclasses import dataclass, field

from e2ee.content import Content
from e2ee.ids import AccountId, DeviceId, SignPublic
from e2ee.primitives import sign
from e2ee.rooms import transcript
from e2ee.rooms.chain import Gap
from e2ee.rooms.entry import (
    Author,
    DeviceTag,
    Entry,
    EntryHash,
    Header,
    Link,
    RoomId,
    carrier,
    decode_entry,
    device_tag,
    make_header,
    write_entry,
)
from e2ee.rooms.payloads import EntryPayload, Mark, RoomText, encode_payload
from e2ee.rooms.transcript import Finding, Held, Taken, View
from e2ee.secret import SigningKey

ROOM = RoomId(b"r" * 16)
COMPANY = AccountId(b"\x01" * 32)
CUSTOMER = AccountId(b"\x02" * 32)
NOW_MS = 1_790_000_000_000


@dataclass(eq=False)
class Person:
    """A device with its view of the transcript; `key` is None on the customer's side."""

    name: str
    is_company: bool = True
    late: bool = False
    entries: dict[EntryHash, Entry] = field(default_factory=dict)
    rows: dict[tuple[DeviceTag, int], Held] = field(default_factory=dict)
    aside: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.device_id = DeviceId(self.name.encode().ljust(16, b"."))
        self.author = Author(COMPANY if self.is_company else CUSTOMER, self.device_id)
        self.tag = device_tag(ROOM, self.device_id)
        seed = self.name.encode().ljust(32, b"k")
        self.key = SigningKey(seed) if self.is_company else None
        self.signer: SignPublic | None = sign.derive_public(seed) if self.is_company else None
        self.view = View(self.tag, self.late)

    def held(self, tag: DeviceTag, n: int) -> Held | None:
        """What is here of an entry."""
        return self.rows.get((tag, n))

    def write(
        self,
        sent_ms: int,
        payload: EntryPayload | None = None,
        *,
        state: EntryHash | None = None,
        restart: bool = False,
    ) -> Entry:
        """Write the next entry, with all links that are due, and take it in."""
        said = payload or RoomText(f"{self.name} at {sent_ms}")
        seen, view = transcript.links(self.view, self.held)
        n, prev = transcript.next_place(view, self.held)
        if restart:
            n, prev = transcript.restart_number(view, sent_ms), None
        entry = self.make(n, prev, sent_ms, said, seen, state)
        self.view = view
        assert self.take(entry, sent_ms).outcome is transcript.Outcome.TAKEN
        return entry

    def make(
        self,
        n: int,
        prev: EntryHash | None,
        sent_ms: int,
        payload: EntryPayload | None = None,
        seen: tuple[Link, ...] = (),
        state: EntryHash | None = None,
    ) -> Entry:
        """Make an entry of any place, as a liar does too."""
        said = payload or RoomText(f"{self.name} {n}")
        header = make_header(ROOM, int(said.kind), n, sent_ms, prev=prev, seen=seen, state=state)
        return write_entry(self.author, header, encode_payload(said), b"b" * 16, self.key)

    def mark(self, sent_ms: int) -> Entry:
        """Write a mark."""
        return self.write(sent_ms, Mark())

    def take(
        self,
        entry: Entry,
        now_ms: int,
        forwarded_by: Person | None = None,
        *,
        begins: bool = False,
        history: bool = False,
    ) -> Taken:
        """Take an entry in, and keep what a client keeps."""
        by = None if forwarded_by is None else forwarded_by.tag
        taken = transcript.take(
            *(self.view, entry, self.held, now_ms), forwarded_by=by, begins=begins, history=history
        )
        self.view = taken.view
        self.findings += taken.findings
        if taken.outcome is transcript.Outcome.TAKEN:
            tag = device_tag(ROOM, entry.author.device_id)
            header = entry.header
            self.rows[tag, header.n] = Held(entry.hash, header.prev, entry.signature is not None)
            self.entries[entry.hash] = entry
        return taken

    def receive(self, content: Content, sender: Person, now_ms: int) -> Taken:
        """Read a content of a session with its author, and take the entry in."""
        return self.take(decode_entry(content, sender.author, sender.signer), now_ms)

    def gaps(self, now_ms: int) -> list[Gap]:
        """What has been missing for a minute."""
        return transcript.gaps(self.view, now_ms)

    def headers(self) -> dict[EntryHash, Header]:
        """The headers of all entries that are here."""
        return {one: entry.header for one, entry in self.entries.items()}


def exchange(sent: list[Entry], people: list[Person], now_ms: int) -> None:
    """Give each entry to everybody but its author."""
    for entry in sent:
        for person in people:
            if person.author != entry.author:
                sender = next(one for one in people if one.author == entry.author)
                person.receive(carrier(entry), sender, now_ms)
