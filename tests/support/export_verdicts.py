"""What our verifier of transcript files says, and what the one written from chapter 19 alone says."""

from __future__ import annotations

from typing import Any

import independent_export
from independent_refusal import Refused
from transcript_world import verify
from vector_files import load, unhex

from e2ee.errors import RemoteError
from e2ee.ids import AccountId
from e2ee.rooms.transcript_report import TranscriptReport

VECTORS: dict[str, Any] = load("export.json")
ACCOUNT = AccountId(unhex(VECTORS["account_id"]))
FILES = [[line.encode() for line in case["lines"]] for case in VECTORS["transcripts"]]


def said_of(report: TranscriptReport) -> object:
    """A report in the words of both."""
    entries = [
        (one.line, one.hash, one.verdict.value, sorted(note.value for note in one.notes), one.witnesses)
        for one in report.entries
    ]
    refused = [[one.line, one.fault.value] for one in report.refused]
    missing = [[one.tag, one.n, one.after, one.hash] for one in report.missing]
    return entries, refused, missing, report.has_end, report.phase, report.holds


def ours(lines: list[bytes]) -> object:
    """What ours says."""
    try:
        return said_of(verify(lines, ACCOUNT))
    except RemoteError as error:
        return error.code


def theirs(lines: list[bytes]) -> object:
    """What the independent one says."""
    try:
        shown = independent_export.verify(lines, ACCOUNT)
    except Refused as refused:
        return refused.code
    entries = [
        (one.line, one.hash, one.verdict, sorted(one.notes), tuple(sorted(one.witnesses)))
        for one in shown.entries
    ]
    return entries, shown.refused, shown.missing, shown.has_end, shown.phase, shown.holds
