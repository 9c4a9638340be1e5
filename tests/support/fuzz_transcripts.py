"""Fuzz targets of chapter 19: a transcript as a file of any bytes, and as entries that anybody has made.

What our verifier says of either is what the independent one says; what it says is also looked at by itself,
and a page is made of it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, Final

from e2ee_client.rooms.transcript_page import write_page
from export_verdicts import ACCOUNT, FILES, said_of, theirs
from fuzz_target import Shape, Target, require
from transcript_world import verify

from e2ee.errors import DecodeError, IdentityMismatch, TooMany, UnsupportedVersion
from e2ee.rooms.kinds import Side
from e2ee.rooms.transcript_report import Note, TranscriptReport, Verdict
from e2ee.wire import cbor
from e2ee.wire.fields import array, uint
from spec.vectors import company, export_vectors, proof_vectors
from spec.vectors.export_vectors import AGENT, CUSTOMER, DESK, Said
from spec.vectors.suite import DAY_MS, NOW_MS

_WHO: Final = (CUSTOMER, DESK, AGENT, proof_vectors.phone(), replace(CUSTOMER, name=AGENT.name))
_CARRIED: Final[tuple[cbor.Value, ...]] = (
    {1: proof_vectors.NONCE, 2: proof_vectors.given()[0]},
    proof_vectors.given()[0],
    proof_vectors.left()[0],
)
"""What an open, a consent and a withdrawal hold that their devices have signed."""
_MOST: Final = 24
_HELD, _GONE, _TWICE, _BEFORE, _UNSIGNED, _SHOWN = (1 << bit for bit in range(6))
_TAGS: Final = frozenset(
    {
        *("html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "dl", "dt", "dd"),
        *("section", "ul", "li", "b", "main", "ol", "div", "bdi", "span", "footer"),
    }
)


class _Page(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        require(tag in _TAGS, "a page has no markup of the room (EXP-15)")


def _check(lines: list[bytes], report: TranscriptReport) -> None:
    """What holds for whatever file."""
    require(said_of(report) == theirs(lines), "both verifiers say the same (EXP-05 to EXP-19)")
    firm = {one.device_id for one in report.entries if one.side is Side.COMPANY}
    for one in report.entries:
        is_company = one.side is Side.COMPANY
        require(is_company == (one.verdict in (Verdict.SIGNED, Verdict.STALE)), "who signs is the company")
        require(is_company or bool(one.witnesses) == (one.verdict is Verdict.ACKNOWLEDGED), "EXP-12")
        require(is_company or one.device_id not in firm, "no device is of both sides (EXP-17)")
        require(firm >= set(one.witnesses) - {one.device_id}, "a witness has signed (EXP-12)")
        require(one.device_id not in one.witnesses, "nobody is witness of itself (EXP-12)")
        require(not {Note.CONSENT, Note.OUTDATED} <= one.notes, "EXP-19")
    if report.holds:
        require(isinstance(json.loads(b"\n".join(lines)), list), "a transcript is JSON (EXP-01)")
    page = io.BytesIO()
    write_page(page, report, bytes(32), lines, "de")
    _Page().feed(page.getvalue().decode())


# --- a file of any bytes ---


def _read(data: bytes) -> TranscriptReport:
    return verify(data.split(b"\n"), ACCOUNT)


def _file_holds(data: bytes, report: TranscriptReport) -> None:
    _check(data.split(b"\n"), report)


def _file_seeds() -> Iterator[bytes]:
    yield from (b"\n".join(one) for one in FILES[::4])


# --- entries that anybody has made ---


def _slots() -> list[bytes]:
    """Rosters that say different things of the agent."""
    everybody, without = tuple(company.WHO), ("chief", "desk")

    def issued(days: int, who: tuple[str, ...], seq: int, **more: Any) -> bytes:
        given = company.roster(who, seq, **more)
        return export_vectors.slot({**given, 5: NOW_MS + days * DAY_MS, 6: NOW_MS + (days + 5) * DAY_MS})

    return [
        issued(1, without, 3_100_010, suspended=[AGENT.device_id]),
        issued(2, everybody, 3_100_011),
        issued(2, without, 3_100_011),
        issued(3, everybody, 3_100_002, ends={"agent": NOW_MS + 3 * DAY_MS}),
    ]


_PARTS: Final = export_vectors.parts()
_SLOTS: Final = [export_vectors.part("slot", one) for one in _slots()]


def _program(data: bytes) -> list[bytes]:
    """The input is [parts, [[who, kind, n, prev, seen, state, payload, minute, flags], ...]]: a bit for each
    part that is left out or added; `prev`, `seen` and `state` name rows before.
    """
    left, rows = array(cbor.decode(data), 2, 2)
    bits = uint(left, 2**16)
    kept = [one for at, one in enumerate(_PARTS) if not bits >> at & 1]
    extra = [one for at, one in enumerate(_SLOTS) if bits >> (len(_PARTS) + at) & 1]
    cards = [one for one in kept if one.startswith('{"card"')]
    parts = [*(one for one in kept if one not in cards), *extra, *cards]
    made: list[Said] = []
    lines: list[str] = []
    for row in array(rows, 0, _MOST):
        given = array(row, 9, 9)
        said = _said(given, made)
        made.append(said)
        _put(lines, said, uint(given[8], 63))
    return [one.encode() for one in export_vectors.file(lines, parts)]


def _said(given: Sequence[cbor.Value], made: list[Said]) -> Said:
    who, kind, n = uint(given[0], 4), uint(given[1], 63, 1), uint(given[2], 2**53 - 1)
    before, state = _named(given[3], made), _named(given[5], made)
    seen = {(one.owner.device_id, one.n): one for one in _several(given[4], made)}
    more = {} if state is None else {"_6": state.hash}
    payload = _payload(given[6], made)
    return export_vectors.say(
        _WHO[who], kind, payload, uint(given[7], 2**20), before, seen.values(), n=n, **more
    )


def _named(value: cbor.Value, made: list[Said]) -> Said | None:
    return made[uint(value, 2**16) % len(made)] if isinstance(value, int) and made else None


def _several(value: cbor.Value, made: list[Said]) -> list[Said]:
    return [one for item in array(value, 0, 12) if (one := _named(item, made)) is not None]


def _payload(value: cbor.Value, made: list[Said]) -> cbor.Value:
    """[epoch, parent, phase] stands for a state, 0 to 3 for what the customer has signed."""
    match value:
        case [int(epoch), int(parent), int(phase)] if made:
            named = made[parent % len(made)].hash
            return export_vectors.state(named, _2=abs(epoch) % 2**31, _4=abs(phase) % 8)
        case 0 | 1 | 2:
            return _CARRIED[value]
        case _:
            return value


def _put(lines: list[str], said: Said, flags: int) -> None:
    unsigned = said._replace(signature=None) if flags & _UNSIGNED else said
    line = export_vectors.line(unsigned, shown=not flags & _HELD)
    if flags & _SHOWN:
        line = line.replace('"kind":', '"kind":1')
    for _ in range(0 if flags & _GONE else 2 if flags & _TWICE else 1):
        lines.insert(max(0, len(lines) - bool(flags & _BEFORE)), line)


def _entries(data: bytes) -> tuple[list[bytes], TranscriptReport]:
    lines = _program(data)
    return lines, verify(lines, ACCOUNT)


def _entries_hold(_: bytes, found: tuple[list[bytes], TranscriptReport]) -> None:
    _check(*found)


def _rows() -> list[cbor.Value]:
    """The room of the vectors."""
    return [
        [0, 1, 0, None, [], None, 0, 1, 0],
        [1, 2, 0, None, [0], None, [1, 0, 1], 2, 0],
        [0, 3, 1, 0, [1], None, {1: "Rezept"}, 3, 0],
        [2, 3, 0, None, [2, 1], 1, {1: "Welches?"}, 4, 0],
        [0, 3, 2, 2, [3], None, {1: "Das alte"}, 5, 0],
        [1, 3, 1, 1, [4, 3], None, {1: "Bereit"}, 6, 0],
        [2, 21, 1, 3, [4, 5], None, None, 7, 0],
    ]


def _entry_seeds() -> Iterator[bytes]:
    rows = _rows()
    edits: tuple[tuple[int, cbor.Value], ...] = (
        (2, [4, 3, 1, 0, [1], None, {1: "Rezept"}, 3, 0]),
        (6, [1, 2, 2, 5, [4], None, [2, 1, 2], 5000, _HELD]),
        (6, [2, 3, 1, 3, [4], None, {1: "noch da"}, 5000, 0]),
        (4, [0, 9, 2, 2, [3], None, 2, 5, 0]),
        (5, [0, 8, 3, 4, [3], None, 1, 6, _TWICE]),
    )
    for at, changed in edits:
        yield cbor.encode([0, [*rows[:at], changed, *rows[at + 1 :]]])
    for bits in (0, 1, 4, 1 << len(_PARTS), 3 << len(_PARTS), 6 << len(_PARTS), 8 << len(_PARTS)):
        yield cbor.encode([bits, [*rows, [2, 3, 2, 6, [5], None, {1: "spät"}, 4300, 0]]])


_MAY_RAISE: Final = frozenset({DecodeError, IdentityMismatch, UnsupportedVersion, TooMany})
TARGETS: Final = (
    Target(
        "transcript_file",
        _read,
        _file_holds,
        _MAY_RAISE,
        _file_seeds,
        Shape.BYTES,
        16_384,
        tokens=(b"\n", b'{"entry":"', b',"hash":"', b'"},\n', b'{"end":8}\n]', b'{"slot":"', b'{"card":"'),
    ),
    Target("transcript_entries", _entries, _entries_hold, _MAY_RAISE, _entry_seeds, Shape.CBOR, 4096),
)
