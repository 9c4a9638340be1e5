"""Commands on transcripts: export a room, verify a file offline."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from e2ee import card
from e2ee.errors import DecodeError
from e2ee.ids import AccountId
from e2ee.rooms.transcript_report import Judged, TranscriptReport, Verdict
from e2ee_client.rooms.transcript_findings import (
    as_plain,
    counts,
    findings,
    headline,
    marks,
    name_of,
    stated_time,
)
from e2ee_client.rooms.transcript_words import WORDS
from e2ee_client.rooms.transcripts import Progress, verify_transcript, write_transcript_page

from .failures import DONE
from .fetching import fetch
from .files import check_writable
from .handing_over import hand_over
from .neutral import neutral
from .room_addressing import find_room, is_company
from .session import Session, Work

T = TypeVar("T")
DIFFERENT: Final = 7
"""The exit status of a transcript that does not hold."""
UNJUDGED: Final = 9
"""The exit status of one that holds, of which not everything could be judged."""
_TOLD_EVERY_S: Final = 0.5
_ACCOUNT_B: Final = 32


def account_id(text: str) -> AccountId:
    """Read the account of a company: 64 hexadecimal digits, or its contact card.

    Raises:
        ValueError: neither.
    """
    try:
        return card.parse(text).account_id
    except DecodeError:
        found = bytes.fromhex(text)
        if len(found) != _ACCOUNT_B:
            raise ValueError from None
        return AccountId(found)


def export(session: Session) -> Work:
    """Write a room to a file, and say what it shows; the customer of a company is told."""
    options, path = session.options, session.path(session.options.file)
    check_writable(path, force=False)
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=not options.offline) as client:
            await fetch(session, client)
            room = find_room(client, options.room)
            report = await room.export(path, format=options.format, language=session.texts.language)
            if is_company(client) and not options.offline:
                await hand_over(session, client, room)
            is_partial = is_company(client) and bool(report.missing)
        status = _show(session, report, path)
        if is_partial:
            session.remark("transcript.partial")
        return status

    return work()


def verify(session: Session) -> Work:
    """Verify a transcript by the company's account; needs neither a store nor a network."""
    options, path = session.options, session.path(session.options.file)

    async def work() -> int:
        report = await _in_thread(session, lambda told: verify_transcript(path, options.account, told))
        if options.html is not None:
            page, language = session.path(options.html), session.texts.language
            await asyncio.to_thread(write_transcript_page, path, page, options.account, language)
        if options.all:
            for one in report.entries:
                _show_entry(session, one, report)
        return _show(session, report, path)

    return work()


class _Stopped(Exception):
    """Nobody waits any more."""


async def _in_thread(session: Session, step: Callable[[Progress], T]) -> T:
    """Work through a long file beside the event loop, so that Ctrl-C ends it, and show how far it is."""
    stopped, shown = threading.Event(), _Shown(session)

    def told(done_b: int, whole_b: int) -> None:
        if stopped.is_set():
            raise _Stopped
        shown.tell(done_b, whole_b)

    try:
        return await asyncio.to_thread(step, told)
    finally:
        stopped.set()
        shown.clear()


class _Shown:
    """A percentage that is written over itself, at most twice a second, on terminals only."""

    def __init__(self, session: Session) -> None:
        self._terminal = session.terminal
        self._is_shown = session.terminal.err.isatty() and not session.is_shared
        self._next_s = time.monotonic() + _TOLD_EVERY_S
        self._was_told = False

    def tell(self, done_b: int, whole_b: int) -> None:
        """Say how far it is."""
        if self._is_shown and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _TOLD_EVERY_S
            self._was_told = True
            self._terminal.prompt(f"\r{min(99, 100 * done_b // max(1, whole_b))} % ")

    def clear(self) -> None:
        """Leave an empty line."""
        if self._was_told:
            self._terminal.prompt("\r     \r")


# --- what is shown ---


def _show(session: Session, report: TranscriptReport, path: Path) -> int:
    words, count = WORDS[session.texts.language], len(report.entries)
    if session.options.json:
        session.terminal.json({"file": str(path), **_report_json(report)})
    else:
        session.terminal.line(neutral(session.texts.say("transcript.of", file=path, count=count)))
        session.terminal.line(headline(report, words))
        for line in findings(report, words):
            session.terminal.line(f"- {neutral(as_plain(line))}")
        if report.is_stale:
            session.terminal.line(words["stale"])
        session.terminal.line(counts(report, words))
        session.remark("transcript.limits")
    if not report.holds:
        return DIFFERENT
    return UNJUDGED if report.is_stale else DONE


def _show_entry(session: Session, one: Judged, report: TranscriptReport) -> None:
    if session.options.json:
        session.terminal.json(_entry_json(one))
        return
    words = WORDS[session.texts.language]
    who = f"{words[f'side {_side(one)}']} {name_of(report, one.device_id)}"
    told = ", ".join(what for what, _ in marks(one, report, words))
    line = as_plain(f"{one.line}  {stated_time(one.sent_ms)}  {who}: {told}")
    session.terminal.line(neutral(line))


def _side(one: Judged) -> str:
    return (one.side.name or "").lower()


def _entry_json(one: Judged) -> dict[str, object]:
    return {
        "line": one.line,
        "hash": one.hash.hex(),
        "device_id": one.device_id.hex(),
        "side": _side(one),
        "n": one.n,
        "kind": one.kind,
        "sent_ms": one.sent_ms,
        "verdict": one.verdict.value,
        "notes": sorted(note.value for note in one.notes),
        "witnesses": [device_id.hex() for device_id in one.witnesses],
    }


def _report_json(report: TranscriptReport) -> dict[str, object]:
    head = report.head
    return {
        "holds": report.holds,
        "is_stale": report.is_stale,
        "has_end": report.has_end,
        "company": head.company.hex(),
        "customer": head.customer.hex(),
        "room_id": head.room.hex(),
        "phase": None if report.phase is None else report.phase.name.lower(),
        "entries": len(report.entries),
        "verdicts": {one.value: sum(two.verdict is one for two in report.entries) for one in Verdict},
        "noted": [_entry_json(one) for one in report.entries if one.notes],
        "refused": [
            {"line": one.line, "fault": one.fault.value, "hash": None if one.hash is None else one.hash.hex()}
            for one in report.refused
        ],
        "refused_count": report.refused_count,
        "missing": [
            {
                "device_id": None if one.device_id is None else one.device_id.hex(),
                "n": one.n,
                "after": one.after,
                "hash": one.hash.hex(),
                "named_by": [device_id.hex() for device_id in one.named_by],
            }
            for one in report.missing
        ],
    }
