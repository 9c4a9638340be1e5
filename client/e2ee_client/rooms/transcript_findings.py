"""What does not hold in a transcript, and what it comes to, as lines for people in German or English."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from e2ee.grammar import is_plain_text
from e2ee.ids import DeviceId
from e2ee.rooms.transcript_report import DOUBTED, Judged, Missing, Note, TranscriptReport, Verdict

from .transcript_words import Words

_LAST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""
_KEPT: Final = frozenset("\n\t\u00a0\u202f\u200c\u200d\ufe0f")


def counts(report: TranscriptReport, words: Words) -> str:
    """Return how many entries have which verdict."""
    found = Counter(one.verdict for one in report.entries)
    redacted = sum(Note.REDACTED in one.notes for one in report.entries)
    return words["counts"].format(*(found[one] for one in Verdict), redacted)


def findings(report: TranscriptReport, words: Words) -> Iterator[str]:
    """Yield what does not hold, one line each; none where all is in order (EXP-13)."""
    for one in report.refused:
        yield words["finding refused"].format(one.line, words[f"fault {one.fault.name}"])
    if report.refused_count > len(report.refused):
        yield words["finding more"].format(report.refused_count - len(report.refused))
    yield from (_missing(one, report, words) for one in report.missing)
    for judged in report.entries:
        for note in Note:
            if note in judged.notes & DOUBTED:
                yield words[f"finding {note.value}"].format(judged.line)
    if not report.has_end:
        yield words["finding end"]


def _missing(one: Missing, report: TranscriptReport, words: Words) -> str:
    whom = words["unknown"] if one.device_id is None else name_of(report, one.device_id)
    by = ", ".join(name_of(report, device_id) for device_id in one.named_by)
    is_next = one.after == one.n - 1 or (one.after is None and one.n == 0)
    key = "finding missing" if is_next else "finding missing between"
    return words[key].format(one.n, whom, by, "–" if one.after is None else one.after)


def marks(judged: Judged, report: TranscriptReport, words: Words) -> Iterator[tuple[str, bool]]:
    """Yield verdict, notes and witnesses of an entry, and whether each of them is a fault."""
    yield words[f"verdict {judged.verdict.name}"], False
    for note in Note:
        if note in judged.notes:
            yield words[f"note {note.name}"], note in DOUBTED
    names = ", ".join(name_of(report, one) for one in judged.witnesses)
    yield words["witnesses"].format(names) if names else words["no witness"], False


def name_of(report: TranscriptReport, device_id: DeviceId) -> str:
    """Return what a device is called: the name on its card, and the beginning of its id."""
    name, short = report.names.get(device_id), device_id.hex()[:8]
    return short if name is None else f"{visible(name)} ({short})"


def visible(text: str) -> str:
    """Return a text in which nothing hides: what no name may hold is shown by its number (ID-33)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        one if one in _KEPT or is_plain_text(one) else f"⟨U+{ord(one):04X}⟩"
        for one in text.replace("\r\n", "\n")
    )


def stated_time(at_ms: int) -> str:
    """Return a time in UTC, of whatever year."""
    if at_ms > _LAST_MS:
        return f"{at_ms} ms"
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
