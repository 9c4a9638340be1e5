"""A verifier of transcript files, written from chapter 19 alone beside the other independent readers."""

from __future__ import annotations

import base64
import itertools
import re
from dataclasses import dataclass, field
from typing import Any

import independent_company as company
import independent_heads as heads
import independent_rooms as rooms
from independent_reader import DeviceList, Record, Value, decode, digest, items, need, octets
from independent_refusal import Refused

DAY_MS = 86_400_000
PARTS = ("company_list", "customer_list", "record", "slot", "card")
HEAD = re.compile(
    r'\{"sealroom_transcript":(0|[1-9][0-9]*),"company":"([0-9a-f]{64})","customer":"([0-9a-f]{64})",'
    r'"nonce":"([0-9a-f]{32})","room":"([0-9a-f]{32})"\}'
)
PART = re.compile(r'\{"([a-z_]+)":"([A-Za-z0-9_-]+)"\}')
ENTRY = re.compile(r'\{"entry":"([A-Za-z0-9_-]+)"(,"hash":"([0-9a-f]{64})",.*)\}', re.DOTALL)
SHOWN = re.compile(r',"hash":"([0-9a-f]{64})",')
END = re.compile(r'\{"end":(0|[1-9][0-9]*)\}')
SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


class Fault(Exception):
    """A line does not hold."""


@dataclass
class Entry:
    """An entry whose bytes hold."""

    line: int
    account: bytes
    device: bytes
    header: dict[int, Any]
    payload: Any
    is_here: bool
    hash: bytes
    tag: bytes
    verdict: str = "claimed"
    fault: bool = False
    notes: set[str] = field(default_factory=set)
    witnesses: set[bytes] = field(default_factory=set)


@dataclass
class Shown:
    """What a file shows."""

    entries: list[Entry]
    refused: list[list[Any]]
    missing: list[list[Any]]
    has_end: bool
    phase: int | None

    @property
    def holds(self) -> bool:
        """EXP-13"""
        doubted = any(one.notes & {"number", "place", "right", "withheld"} for one in self.entries)
        return self.has_end and not self.refused and not self.missing and not doubted


# --- form (EXP-01, EXP-02) ---


def octets_of(text: str) -> bytes:
    """base64url without padding, in its one encoding."""
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Fault("form") from None
    if base64.urlsafe_b64encode(found).decode().rstrip("=") != text:
        raise Fault("form")
    return found


def spelled(value: Any) -> str:
    """A payload as JSON."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return f'"{value.hex()}"'
    if isinstance(value, str):
        inside = (SHORT.get(one) or (f"\\u{ord(one):04x}" if one < " " else one) for one in value)
        return f'"{"".join(inside)}"'
    if isinstance(value, dict):
        return "{" + ",".join(f'"{key}":{spelled(value[key])}' for key in sorted(value)) + "}"
    return "[" + ",".join(map(spelled, value)) + "]"


def earliest(chain: list[int]) -> tuple[int, list[int]]:
    """The longest first, of those the one with the earlier lines."""
    return -len(chain), chain


# --- a file ---


class Verifier:
    """One file."""

    def __init__(self, lines: list[bytes], account: bytes) -> None:
        self.lines = [one.decode("utf-8", "surrogateescape") for one in lines]
        need(len(self.lines) > 1 and self.lines[0] == "[")
        found = HEAD.fullmatch(self.lines[1].removesuffix(","))
        if found is None:
            raise Refused("remote.decode")
        need(found[1] == "1", "remote.version")
        self.company, self.customer, nonce, self.room = map(bytes.fromhex, found.groups()[1:])
        need(self.company != self.customer, "remote.identity")
        need(digest("SR1-room-id", self.company + self.customer + nonce)[:16] == self.room)
        need(self.company == account, "remote.identity")
        self.nonce = nonce
        self.lists: dict[bytes, list[DeviceList]] = {self.company: [], self.customer: []}
        self.records: dict[bytes, Record] = {}
        self.slots: list[tuple[company.Mandate, company.Roster, bytes]] = []
        self.entries: list[Entry] = []
        self.refused: list[list[Any]] = []
        self.shown: set[bytes] = set()
        self.receipt = self.withdrawal = 0
        self.place, self.count, self.end, self.is_closed = 0, 0, -1, False

    def verify(self) -> Shown:
        """EXP-06 to EXP-13"""
        for number, line in enumerate(self.lines[2:], start=3):
            try:
                self.take(number, line)
            except Fault as fault:
                self.refused.append([number, str(fault)])
                found = SHOWN.search(line[:262_144])
                if found is not None:
                    self.shown.add(bytes.fromhex(found[1]))
        self.witness()
        missing = self.missing()
        self.mark_places()
        phase = self.judge_states()
        standing = [one for one in self.entries if not one.fault]
        return Shown(standing, self.refused, missing, self.is_closed and self.end == self.count, phase)

    def take(self, number: int, line: str) -> None:
        """A line behind the head."""
        if self.end >= 0:
            if self.is_closed or line != "]":
                raise Fault("form")
            self.is_closed = True
            return
        bare = line.removesuffix(",")
        if is_end := END.fullmatch(bare):
            if bare != line:
                raise Fault("form")
            self.end = int(is_end[1])
            return
        if bare[:9] == '{"entry":':
            self.place = len(PARTS)
        self.count += self.place == len(PARTS)
        entry, part = ENTRY.fullmatch(bare), PART.fullmatch(bare)
        if bare == line or len(line.encode("utf-8", "surrogateescape")) > 262_144 or not (entry or part):
            raise Fault("form")
        if entry is not None:
            self.take_entry(number, entry[1], entry[2])
        elif part is not None:
            self.take_part(part[1], octets_of(part[2]))

    # --- parts (EXP-06) ---

    def take_part(self, name: str, data: bytes) -> None:
        """A part in its place."""
        if name not in PARTS or PARTS.index(name) < self.place:
            raise Fault("form")
        self.place = PARTS.index(name)
        try:
            getattr(self, f"add_{name}")(data)
        except Refused as refused:
            known = {"remote.signature": "signature", "remote.identity": "identity"}
            raise Fault(known.get(refused.code, "form")) from None

    def add_company_list(self, data: bytes) -> None:
        """A list of K."""
        self.lists[self.company].append(DeviceList.verified(data, self.company))

    def add_customer_list(self, data: bytes) -> None:
        """A list of C."""
        self.lists[self.customer].append(DeviceList.verified(data, self.customer))

    def add_record(self, data: bytes) -> None:
        """A record that a list names, with the keys of its device."""
        found = Record.parse(data)
        named = any(found.hash in one.hashes for one in self.lists.get(found.account, []))
        need(named, "remote.identity")
        for one in self.records.values():
            same = (one.account, one.device) == (found.account, found.device)
            equal = (one.sign_pub, one.dh_pub) == (found.sign_pub, found.dh_pub)
            need(not same or equal, "remote.identity")
        self.records[found.hash] = found

    def add_slot(self, data: bytes) -> None:
        """Mandate and roster."""
        signed, signed_roster = items(decode(data, 4096), 2, 2)
        mandate = company.Mandate.verified(octets(signed), self.company)
        self.slots.append((mandate, company.Roster.verified(octets(signed_roster), mandate), data))

    def add_card(self, data: bytes) -> None:
        """A card that a roster names."""
        found = company.card(data)
        row: Any = decode(data)
        hashes = [one[2] for _, _, slot in self.slots for one in self.roster_map(slot)[8] if one[0] == row[3]]
        need(row[2] == self.company and found in hashes, "remote.identity")

    def roster_map(self, slot: bytes) -> Any:
        """The map of the roster in a slot."""
        pair: Any = decode(slot)
        inside: Any = decode(pair[1])
        return decode(inside[0])

    # --- entries (EXP-07) ---

    def take_entry(self, number: int, encoded: str, behind: str) -> None:
        """An entry."""
        try:
            entry = self.read(number, decode(octets_of(encoded), 40_000))
        except Refused as refused:
            known = {"room.signature": "signature", "remote.identity": "identity", "room": "room"}
            raise Fault(known.get(refused.code, "form")) from None
        header = entry.header
        said = f',"payload":{spelled(entry.payload)}' if entry.is_here else ""
        shown = f',"hash":"{entry.hash.hex()}","device":"{entry.device.hex()}","kind":{header[2]}'
        if behind != f'{shown},"n":{header[3]},"sent_ms":{header[7]}{said}':
            raise Fault("shown")
        if self.is_taken(entry):
            raise Fault("identity")
        if any(one.hash == entry.hash for one in self.entries):
            raise Fault("repeated")
        self.entries.append(entry)
        try:
            self.judge(entry)
        except Fault:
            entry.fault = True
            raise

    def read(self, number: int, value: Value) -> Entry:
        """Form, account, signature, header, room, payload."""
        account, device, encoded, shown, signature = items(value, 5, 5)
        account, device, encoded = octets(account, 32), octets(device, 16), octets(encoded)
        need(1 <= len(encoded) <= 1024)
        need(signature is None or len(octets(signature)) == 64)
        if isinstance(shown, list):
            commitment = octets(items(shown, 1, 1)[0], 32)
        else:
            need(1 <= len(octets(shown)) <= 32_768)
            commitment = digest("SR1-commit", octets(shown))
        key = self.key(account, device)
        need(account == self.customer or (account == self.company and key is not None), "remote.identity")
        found = rooms.entry_hash(account, device, commitment, encoded)
        is_company = account == self.company
        rooms.signed_rightly(
            found, None if signature is None else octets(signature), key if is_company else None
        )
        header = rooms.header(encoded)
        need(header[1] == self.room, "room")
        payload: Any = None
        if not isinstance(shown, list):
            blind, payload = items(decode(octets(shown), 32_768), 2, 2)
            octets(blind, 16)
            rooms.PAYLOADS.get(header[2], rooms.anything)(payload)
        tag = heads.tag_of(self.room, device)
        is_here = not isinstance(shown, list)
        entry = Entry(number, account, device, header, payload, is_here, found, tag)
        erasable = (3, 4, 7, 14, 17, 18, 19, 20)
        is_proof = header[2] <= 22 and header[2] not in (*erasable, 11)
        entry.notes |= set() if is_here else {"redacted", "withheld"} if is_proof else {"redacted"}
        return entry

    def is_taken(self, entry: Entry) -> bool:
        """EXP-17"""
        firm = [(one.account, one.device) for one in self.records.values() if one.account == self.company]
        for account, device in [*firm, *((one.account, one.device) for one in self.entries)]:
            if heads.tag_of(self.room, device) == entry.tag:
                return (account, device) != (entry.account, entry.device)
        return False

    def key(self, account: bytes, device: bytes) -> bytes | None:
        """The key of a listed record."""
        keys = [
            one.sign_pub for one in self.records.values() if (one.account, one.device) == (account, device)
        ]
        return keys[0] if keys else None

    def judge(self, entry: Entry) -> None:
        """Side, who was in force, receipts."""
        kind, is_company = entry.header[2], entry.account == self.company
        if (is_company and kind in (1, 8, 9, 10, 14, 17, 19, 20)) or (
            not is_company and kind in (2, 6, 12, 13, 16, 18, 22)
        ):
            raise Fault("right")
        if is_company:
            verdict = self.in_force(entry.device, entry.header[7])
            if verdict is None:
                raise Fault("in_force")
            entry.verdict = verdict
            return
        key = self.key(entry.account, entry.device)
        if key is None:
            entry.notes.add("device")
        if not entry.is_here or kind not in (1, 8, 9):
            return
        try:
            need(kind != 1 or entry.payload[1] == self.nonce)
            if key is not None:
                signed = entry.payload[2] if kind == 1 else entry.payload
                if kind == 9:
                    seq = company.withdrawal(signed, key, self.room)[0]
                    counts = seq >= self.receipt and seq > self.withdrawal
                    self.withdrawal = max(self.withdrawal, seq)
                else:
                    receipt = company.Receipt.verified(signed, key)
                    need(receipt.room == self.room)
                    counts = receipt.seq > max(self.receipt, self.withdrawal)
                    self.receipt = max(self.receipt, receipt.seq)
                entry.notes.add("consent" if counts else "outdated")
        except Refused:
            raise Fault("consent") from None

    # --- who was in force (EXP-08) ---

    def list_of(self, roster: company.Roster) -> DeviceList | None:
        """The list of a roster, if that and all its records are here."""
        for listed in self.lists[self.company]:
            known = [one for one in self.records.values() if one.hash in listed.hashes]
            if roster.head == (listed.seq, listed.hash) and len(known) == len(listed.hashes):
                return listed
        return None

    def ranks(self, mandate: company.Mandate, roster: company.Roster, slot: bytes) -> dict[bytes, int] | None:
        """By one roster (ACC-21); none where list or record is missing."""
        listed = self.list_of(roster)
        if listed is None:
            return None
        raw = [one.raw for one in self.records.values() if one.hash in listed.hashes]
        try:
            return company.in_force(self.company, [slot], listed, raw, roster.issued_ms)
        except Refused:
            return {}

    def judged(self) -> list[tuple[company.Mandate, company.Roster, dict[bytes, int]]]:
        """The rosters that can be judged by."""
        found = [(mandate, roster, self.ranks(mandate, roster, slot)) for mandate, roster, slot in self.slots]
        return [(mandate, roster, ranks) for mandate, roster, ranks in found if ranks is not None]

    def out(self, seq: int, until_ms: int) -> set[bytes]:
        """Who is suspended under a mandate by then."""
        found: set[bytes] = set()
        for mandate, roster, _ in self.slots:
            if mandate.seq == seq and roster.issued_ms <= until_ms:
                found |= {*mandate.suspended, *roster.suspended}
        return found

    def ends(self, roster: company.Roster, device: bytes) -> int:
        """Until when a device that was in force by a roster is."""
        listed = self.list_of(roster)
        records = [
            one
            for one in self.records.values()
            if listed is not None and one.hash in listed.hashes and one.device == device
            if one.created_ms - DAY_MS <= roster.issued_ms <= one.expires_ms
        ]
        newest = max(records, key=lambda one: (one.created_ms, one.hash))
        return min(roster.named[device], newest.expires_ms) + DAY_MS

    def in_force(self, device: bytes, at_ms: int) -> str | None:
        """Signed, stale, or none for a device that was not in force (EXP-08, EXP-16)."""
        known = self.judged()
        before = [one for one in known if one[1].issued_ms <= at_ms]
        number = max(((one[0].seq, one[1].seq) for one in before), default=(0, 0))
        for mandate, roster, ranks in known:
            soon = at_ms < roster.issued_ms <= at_ms + DAY_MS and (mandate.seq, roster.seq) >= number
            if soon and device in ranks and device not in self.out(mandate.seq, roster.issued_ms):
                return "signed"
        counts = [one for one in before if (one[0].seq, one[1].seq) == number]
        if not counts:
            return "stale"
        for mandate, roster, _ in counts:
            listed = self.list_of(roster)
            list_end = roster.expires_ms if listed is None else listed.expires_ms
            if at_ms > min(roster.expires_ms, mandate.expires_ms, list_end) + DAY_MS:
                return "stale"
        barred = self.out(number[0], at_ms)
        is_in = all(device in ranks and at_ms <= self.ends(roster, device) for _, roster, ranks in counts)
        return "signed" if is_in and device not in barred else None

    # --- chains (EXP-09, EXP-12) ---

    def named(self, one: Entry) -> list[tuple[bytes, int, bytes]]:
        """What an entry names: tag, n, hash."""
        before = [(one.tag, one.header[3] - 1, one.header[4])] if 4 in one.header else []
        return [*before, *((tag, n, hash_) for tag, n, hash_ in one.header.get(5, []))]

    def witness(self) -> None:
        """Who has named what, and all below it."""
        by_hash = {one.hash: one for one in self.entries}
        for one in self.entries:
            vouches = one.verdict == "signed" and not one.fault
            for _, _, hash_ in self.named(one)[4 in one.header :] if vouches else []:
                at = by_hash.get(hash_)
                while at is not None:
                    at.witnesses |= {one.device}
                    before = by_hash.get(at.header.get(4, b""))
                    follows = (
                        before is not None and before.tag == at.tag and before.header[3] == at.header[3] - 1
                    )
                    at = before if follows else None
        for one in self.entries:
            one.witnesses -= {one.device}
            if one.account == self.customer and one.witnesses:
                one.verdict = "acknowledged"

    def missing(self) -> list[list[Any]]:
        """What is named and not here; contradictions get their note."""
        by_hash = {one.hash: one for one in self.entries}
        for one, other in itertools.combinations(self.entries, 2):
            if (one.tag, one.header[3]) == (other.tag, other.header[3]):
                one.notes.add("number")
                other.notes.add("number")
        absent: set[tuple[bytes, int, bytes]] = set()
        for one in self.entries:
            one.notes |= {"restarted"} if one.header[3] > 0 and 4 not in one.header else set()
            for tag, n, hash_ in self.named(one):
                here = by_hash.get(hash_)
                if here is None:
                    absent.add((tag, n, hash_))
                elif (here.tag, here.header[3]) != (tag, n):
                    one.notes.add("number")
        numbers = {(one.tag, one.header[3]) for one in self.entries}
        found: list[list[Any]] = []
        for tag, n, hash_ in sorted(absent):
            for one in self.entries:
                one.notes |= {"number"} if (one.tag, one.header[3]) == (tag, n) else set()
            below = [known for other, known in numbers if other == tag and known < n]
            numbers.add((tag, n))
            if hash_ not in self.shown:
                found.append([tag, n, max(below, default=None), hash_])
        return found

    def mark_places(self) -> None:
        """EXP-10: the fewest that stand elsewhere, by the longest part that ascends."""
        root = self.root() or b""
        keys = heads.ordered({one.hash: one.header for one in self.entries}, root)
        order = [(keys[one.hash], one.hash) for one in self.entries]
        best: list[list[int]] = []
        for at in reversed(range(len(order))):
            behind = [chain for chain in best if order[chain[0]] > order[at]]
            best.append([at, *min(behind, key=earliest, default=[])])
        kept = min(best, key=earliest, default=[])
        for at, one in enumerate(self.entries):
            one.notes |= set() if at in kept else {"place"}

    def root(self) -> bytes | None:
        """The first `open` that holds."""
        opens = [one.hash for one in self.entries if one.header[2] == 1 and not one.fault and one.is_here]
        return opens[0] if opens else None

    # --- states (EXP-11) ---

    def judge_states(self) -> int | None:
        """Marks states; the phase of the head."""
        written = {
            one.hash: heads.State(one.hash, one.device, one.header[3], one.payload)
            for one in self.entries
            if one.header[2] == 2 and one.is_here and not one.fault
        }
        rosters = {(mandate.seq, roster.seq, roster.hash): ranks for mandate, roster, ranks in self.judged()}
        found = heads.verdicts(written.values(), self.root(), rosters)
        for one in self.entries:
            if one.header[2] == 2 and not one.fault:
                verdict = found.get(one.hash, "held")
                one.notes |= {"refused": {"right"}, "held": {"held"}}.get(verdict, set())
        suspended: set[bytes] = set()
        if self.slots:
            newest = min((one[0] for one in self.slots), key=lambda one: (-one.seq, one.hash))
            suspended = set(newest.suspended).union(
                *(roster.suspended for mandate, roster, _ in self.slots if mandate.hash == newest.hash)
            )
        head = heads.head(written.values(), self.root(), rosters, suspended)
        if any("held" in one.notes for one in self.entries if not one.fault):
            return None
        return None if head is None else int(written[head].map[4])


def verify(lines: list[bytes], account: bytes) -> Shown:
    """What a file shows."""
    return Verifier(lines, account).verify()
