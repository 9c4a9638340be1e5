"""Transcripts as files: all entries of a long room verified, offline and in one pass."""

from __future__ import annotations

import pytest
from company import Company
from parties import NOW_MS, Party
from transcript_world import Talk, Writer, verify

from bench.paired import PROCESSOR_TIME, Row
from e2ee import labels
from e2ee.primitives import sign
from e2ee.rooms.entry import Entry, Link
from e2ee.rooms.payloads import RoomText

pytestmark = PROCESSOR_TIME
ENTRIES = 10_000
APART_MS = 30_000


@pytest.fixture(scope="module")
def firm() -> Company:
    """A company whose roster names its notice."""
    made = Company.make()
    made.new_roster(NOW_MS, notice_hash=made.notice().hash)
    return made


def _long_room(firm: Company, count: int) -> Talk:
    """Customer, agent and desk in turn, each entry with a link to the one before."""
    talk = Talk(firm, Party.make("anna"))
    newest: dict[Writer, Entry] = {talk.customer: talk.opened, talk.desk: talk.first}
    before, by = talk.first, talk.desk
    for at in range(count - 2):
        writer = (talk.customer, talk.agent, talk.desk)[at % 3]
        own = newest.get(writer)
        n, prev = (0, None) if own is None else (own.header.n + 1, own.hash)
        seen = () if writer is by else (Link(by.tag, before.header.n, before.hash),)
        sent_ms = talk.now_ms + at * APART_MS
        before, by = writer.make(n, prev, sent_ms, RoomText(f"text {at} " + "x" * 100), seen), writer
        newest[writer] = before
        talk.entries.append(before)
    return talk


def test_transcript_verified(row: Row, firm: Company) -> None:
    """At most 5 s are wanted; the floor is the company's signatures alone, two of three entries."""
    talk = _long_room(firm, row.size(ENTRIES, 30))
    lines = talk.lines()
    keys = {device.record.device_id: device.record.sign_public for device in firm.devices.values()}
    signed = [(keys[one.author.device_id], one.hash, one.signature) for one in talk.entries if one.signature]

    def floor() -> None:
        for key, hash_, signature in signed:
            sign.verify(key, labels.SIG_ENTRY + hash_, signature)

    report = verify(lines, firm.account_id)
    assert (report.holds, len(report.entries)) == (True, len(talk.entries))
    row.note(file_b=sum(map(len, lines)) + len(lines))
    row(
        lambda: verify(lines, firm.account_id),
        floor,
        1,
        unit=f"{len(talk.entries)} entries",
        rounds=row.size(5, 1),
        beside="signatures",
    )
