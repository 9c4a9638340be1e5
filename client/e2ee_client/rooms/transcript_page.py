"""The page of a transcript: one HTML file for people, without scripts or parts from elsewhere (EXP-15).

What the room says is text: it is escaped, and what hides or turns the direction of a line becomes visible.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from typing import IO, Final

from e2ee.ids import DeviceId
from e2ee.rooms.entry import BODY_MAX_B, EntryHash
from e2ee.rooms.kinds import Side
from e2ee.rooms.payloads import EntryPayload, decode_payload
from e2ee.rooms.state import State
from e2ee.rooms.transcript_file import EntryLine, decode_element
from e2ee.rooms.transcript_report import Judged, Note, TranscriptReport
from e2ee.wire import cbor
from e2ee.wire.fields import array

from .transcript_findings import (
    as_html,
    counts,
    findings,
    headline,
    marks,
    name_of,
    stated_time,
    visible,
)
from .transcript_said import Told, told
from .transcript_words import LANGUAGES, WORDS, Words, counted

__all__ = ["LANGUAGES", "write_page"]

_NO_STATE: Final = frozenset({Note.RIGHT, Note.HELD})
"""Notes of a state that does not count, or of which that is not known (EXP-11)."""
_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--line:#d5dae0;--paper:#fff;--tint:#f3f6f9;
--mine:#0b5cad;--good:#17663a;--bad:#a3162a}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebee;--soft:#a3adb8;--line:#3a424b;--paper:#15191d;
--tint:#1e242a;--mine:#7db8f0;--good:#7fd0a0;--bad:#ff9aa5}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.25rem 4rem;max-width:46rem;background:var(--paper);color:var(--ink);
font:1rem/1.55 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}
h2{font-size:1.1rem;margin:2.5rem 0 .5rem}
p{margin:.4rem 0}
.soft,dt,footer{color:var(--soft)}
dl{display:grid;grid-template-columns:minmax(9rem,max-content) 1fr;gap:.2rem 1rem;margin:1.25rem 0;
font-size:.85rem}
dd{margin:0;font-size:.78rem;font-family:ui-monospace,Consolas,Menlo,monospace}
.sum{border:1px solid var(--line);border-left:.3rem solid var(--good);padding:.75rem 1rem;border-radius:.4rem}
.sum.bad{border-left-color:var(--bad)}
.sum ul{margin:.5rem 0;padding-left:1.2rem}
ol{list-style:none;margin:1.5rem 0;padding:0}
li.e{border-left:.2rem solid var(--line);padding:.15rem 0 .15rem .9rem;margin:0 0 1.1rem}
li.c{border-left-color:var(--mine)}
li.bad{border-left-color:var(--bad)}
.who{display:flex;flex-wrap:wrap;gap:0 .6rem;align-items:baseline;font-size:.85rem}
.who b{font-size:1rem}
.text{white-space:pre-wrap;margin:.15rem 0 .3rem;unicode-bidi:plaintext;overflow:hidden;
background:var(--tint);border-radius:.3rem;padding:.4rem .7rem}
.act{color:var(--soft);font-style:italic}
.mark{font-size:.8rem;color:var(--soft)}
.mark .bad{color:var(--bad)}
bdi{unicode-bidi:isolate}
footer{border-top:1px solid var(--line);margin-top:3rem;padding-top:1rem;font-size:.9rem}
@media print{body{max-width:none;padding:0;font-size:10.5pt}li.e{break-inside:avoid}}
@media(max-width:30rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
"""


def write_page(
    file: IO[bytes], report: TranscriptReport, digest: bytes | None, lines: Iterable[bytes], language: str
) -> None:
    """Write the page of a file that was verified; `lines` are those of the file, without line ends, and
    `digest` is None where the file does not stay (EXP-15).
    """
    page = _Page(report, WORDS[language], digest)
    file.write(page.head(language).encode())
    for number, line in enumerate(lines, start=1):
        file.write(page.line(number, line).encode())
    file.write(page.foot().encode())


class _Page:
    """The parts of one page."""

    def __init__(self, report: TranscriptReport, words: Words, digest: bytes | None) -> None:
        self._report, self._words, self._digest = report, words, digest
        self._judged = {one.line: one for one in report.entries}
        self._refused = {one.line: one for one in report.refused}
        self._lines = {one.hash: one.line for one in report.entries}

    # --- head ---

    def head(self, language: str) -> str:
        words, report = self._words, self._report
        title = escape(words["title"])
        times = [one.sent_ms for one in report.entries] or [0]
        lead = counted(words, "lead", len(report.entries), stated_time(min(times)), stated_time(max(times)))
        facts = {
            "company": report.head.company.hex(),
            "customer": report.head.customer.hex(),
            "room": report.head.room.hex(),
        }
        if self._digest is not None:
            facts["digest"] = self._digest.hex()
        if report.phase is not None:
            facts["phase"] = words[f"phase {report.phase.name}"]
        rows = "".join(f"<dt>{escape(words[key])}</dt><dd>{escape(one)}</dd>" for key, one in facts.items())
        style_hash = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{style_hash}'; base-uri 'none'; form-action 'none'"
        return (
            f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
            '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n'
            f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n"
            f'<p class="soft">{escape(lead)}</p>\n<dl>{rows}</dl>\n{self._summary()}</header>\n<main>\n<ol>\n'
        )

    def _summary(self) -> str:
        report, words = self._report, self._words
        shown = "".join(f"<li>{as_html(one)}</li>" for one in findings(report, words))
        tone = "" if report.holds else " bad"
        what = headline(report, words)
        stale = f"<p>{escape(words['stale'])}</p>" if report.is_stale else ""
        sums = counts(report, words)
        items = f"<ul>{shown}</ul>" if shown else ""
        return (
            f'<section class="sum{tone}"><p><b>{escape(what)}</b></p>{items}{stale}'
            f'<p class="soft">{escape(sums)}</p></section>\n'
        )

    def _name(self, device_id: DeviceId) -> str:
        return name_of(self._report, device_id)

    def _place(self, entry_hash: EntryHash) -> int | None:
        return self._lines.get(entry_hash)

    # --- entries ---

    def line(self, number: int, line: bytes) -> str:
        """Return what a line of the file shows; one that is no entry shows nothing."""
        judged, refused = self._judged.get(number), self._refused.get(number)
        if refused is not None:
            words = self._words
            what = words["refused"].format(number, words[f"fault {refused.fault.name}"])
            return f'<li class="e bad"><p class="act">{escape(what)}</p></li>\n'
        return "" if judged is None else self._entry(judged, _payload(judged, line))

    def _entry(self, judged: Judged, payload: EntryPayload | None) -> str:
        words = self._words
        is_company = judged.side is Side.COMPANY
        side = words["side company" if is_company else "side customer"]
        name = self._name(judged.device_id)
        shown = told(judged.kind, payload, words, self._name, self._place)
        if isinstance(payload, State) and not judged.notes.isdisjoint(_NO_STATE):
            shown = Told("")  # the note says why (ROOM-71)
        parts = [f'<p class="act">{as_html(shown.what)}</p>' if shown.what else ""]
        if shown.text is not None:
            parts.append(f'<p class="text" dir="auto">{escape(visible(shown.text))}</p>')
        return (
            f'<li class="e{"" if is_company else " c"}"><div class="who"><b>{escape(side)}</b>'
            f'<span>{as_html(name)}</span><span class="soft">{stated_time(judged.sent_ms)}</span>'
            f'<span class="soft">{escape(words["line"].format(judged.line))}</span></div>'
            f'{"".join(parts)}<div class="mark">{self._marks(judged)}</div></li>\n'
        )

    def _marks(self, judged: Judged) -> str:
        shown = [(as_html(what), is_bad) for what, is_bad in marks(judged, self._report, self._words)]
        return " · ".join(f'<span class="bad">{what}</span>' if is_bad else what for what, is_bad in shown)

    # --- end ---

    def foot(self) -> str:
        words = self._words
        reading = words["for reading alone" if self._digest is None else "for reading"]
        limits = "".join(f"<p>{escape(one)}</p>" for one in (*words["limits"].split("\n"), reading))
        return (
            f"</ol>\n</main>\n<footer>\n<h2>{escape(words['limits title'])}</h2>\n{limits}</footer>\n"
            "</body>\n</html>\n"
        )


def _payload(judged: Judged, line: bytes) -> EntryPayload | None:
    """Read once more what an entry says that was verified; None where its body is not in the file.

    Raises:
        DecodeError: another line stands there now.
    """
    found = decode_element(line.removesuffix(b","))
    shown = array(found.value if isinstance(found, EntryLine) else None, 5, 5)[3]
    if not isinstance(shown, bytes):
        return None
    body = array(cbor.decode(shown, BODY_MAX_B), 2, 2)
    return decode_payload(judged.kind, body[1])
