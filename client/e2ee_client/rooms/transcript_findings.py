"""What does not hold in a transcript, and what it comes to, as lines for people in German or English."""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

from e2ee.grammar import is_plain_text
from e2ee.ids import DeviceId
from e2ee.rooms.transcript_report import DOUBTED, Judged, Missing, Note, TranscriptReport, Verdict

from .transcript_words import Words

_LAST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""
_KEPT: Final = frozenset("\n\t\u00a0\u202f\u200c\u200d\ufe0f")
_MAX_MARKS: Final = 8
"""Letters carry a handful of marks; hundreds would draw over the lines above and below."""
MAX_NAMES: Final = 8
MAX_FINDINGS: Final = 200
_BEGIN, _END = "\x02", "\x03"
"""What stands around a text of the room in a line of ours; `visible` lets neither through."""


def counts(report: TranscriptReport, words: Words) -> str:
    """Return how many entries have which verdict."""
    found = Counter(one.verdict for one in report.entries)
    redacted = sum(Note.REDACTED in one.notes for one in report.entries)
    return words["counts"].format(*(found[one] for one in Verdict), redacted)


def headline(report: TranscriptReport, words: Words) -> str:
    """Return what it comes to: it holds, it holds as far as it could be judged, it does not hold (EXP-13)."""
    if not report.holds:
        return words["fails"]
    return words["holds in part" if report.is_stale else "holds"]


def findings(report: TranscriptReport, words: Words) -> Iterator[str]:
    """Yield what does not hold, one line each, at most 200; none where all is in order (EXP-13)."""
    every = _findings(report, words)
    yield from itertools.islice(every, MAX_FINDINGS)
    left = sum(1 for _ in every)
    if left:
        yield words["finding more"].format(left)


def _findings(report: TranscriptReport, words: Words) -> Iterator[str]:
    for one in report.refused:
        yield words["finding refused"].format(one.line, words[f"fault {one.fault.name}"])
    if report.refused_count > len(report.refused):
        yield words["finding more lines"].format(report.refused_count - len(report.refused))
    yield from (_missing(one, report, words) for one in report.missing)
    for judged in report.entries:
        for note in Note:
            if note in judged.notes & DOUBTED:
                yield words[f"finding {note.value}"].format(judged.line)
    if not report.has_end:
        yield words["finding end"]


def _missing(one: Missing, report: TranscriptReport, words: Words) -> str:
    whom = words["unknown"] if one.device_id is None else name_of(report, one.device_id)
    by = _names(one.named_by, report, words)
    is_next = one.after == one.n - 1 or (one.after is None and one.n == 0)
    key = "finding missing" if is_next else "finding missing between"
    return words[key].format(one.n, whom, by, "–" if one.after is None else one.after)


def marks(judged: Judged, report: TranscriptReport, words: Words) -> Iterator[tuple[str, bool]]:
    """Yield verdict, notes and witnesses of an entry, and whether each of them is a fault."""
    yield words[f"verdict {judged.verdict.name}"], False
    for note in Note:
        if note in judged.notes:
            yield words[f"note {note.name}"], note in DOUBTED
    names = _names(judged.witnesses, report, words)
    yield words["witnesses"].format(names) if names else words["no witness"], False


def _names(devices: Sequence[DeviceId], report: TranscriptReport, words: Words) -> str:
    names = ", ".join(name_of(report, one) for one in devices[:MAX_NAMES])
    left = len(devices) - MAX_NAMES
    return names if left <= 0 else words["and more"].format(names, left)


def name_of(report: TranscriptReport, device_id: DeviceId) -> str:
    """Return what a device is called: the names on its cards (EXP-25), and the beginning of its id."""
    names, short = report.names.get(device_id, ()), device_id.hex()[:8]
    shown = [isolated(one) for one in names[:MAX_NAMES]] + ["…"] * (len(names) > MAX_NAMES)
    return f"{' / '.join(shown)} ({short})" if shown else short


def isolated(text: str) -> str:
    """Return a text of the room for a line of ours, so that no letter of it turns what stands beside it."""
    return f"{_BEGIN}{visible(text)}{_END}"


def as_html(line: str) -> str:
    """Return a line as HTML: all of it is text, and each text of the room stands for itself (EXP-15)."""
    return escape(line).replace(_BEGIN, "<bdi>").replace(_END, "</bdi>")


def as_plain(line: str) -> str:
    """Return a line without what tells the texts of the room apart."""
    return line.replace(_BEGIN, "").replace(_END, "")


def visible(text: str) -> str:
    """Return a text in which nothing hides: what no name may hold is shown by its number (ID-33), and marks
    beyond a handful on one letter are left out (EXP-24).
    """
    if text.isascii() and text.isprintable():
        return text
    parts: list[str] = []
    marks = 0
    for one in text.replace("\r\n", "\n"):
        marks = marks + 1 if unicodedata.category(one) in ("Mn", "Me") else 0
        if marks <= _MAX_MARKS:
            parts.append(one if one in _KEPT or is_plain_text(one) else f"⟨U+{ord(one):04X}⟩")
    return "".join(parts)


def stated_time(at_ms: int) -> str:
    """Return a time in UTC, of whatever year."""
    if at_ms > _LAST_MS:
        return f"{at_ms} ms"
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
