"""What is published of the guard: reports/guard.json and the tables of docs/guard.md."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import checkout
import guard_corpus
import kept_result
from e2ee_client import guard
from e2ee_client.guard import Kind
from guard_corpus import Score

PAGE: Final = checkout.ROOT / "docs" / "guard.md"
REPORT: Final = checkout.ROOT / "reports" / "guard.json"
VECTORS: Final = checkout.ROOT / "tests" / "guard" / "numbers.json"
NUMBERS: Final = tuple(kind for kind in Kind if kind in guard.DEFAULT_KINDS)
SHAPES: Final = (Kind.PHONE, Kind.EMAIL, Kind.BIRTH_DATE)
PACKS: Final = tuple(Kind(pack) for pack in guard.PACKS)
_GROUPS: Final = {"numbers": NUMBERS, "packs": PACKS, "all": (*NUMBERS, *PACKS), "shapes": SHAPES}
_MARKS: Final = ("<!-- figures -->", "<!-- end of figures -->")
_OTHER_SCRIPTS: Final = (
    "\U0001f600 \u0664" + "\u0661" * 3 + (" " + "\u0661" * 4) * 3,
    "Gro\u00dfe \u00dcberweisung: DE89\u20113704\u20110044\u20110532\u20110130\u201100, \ufb01x",
    "Stra\u00dfen-Nr. 4570305979882318",
)
_LIMITS: Final = (
    "The messages are invented, and most have one author, who also wrote the rules: people write otherwise."
    " A pack is right when it warns in a message that is about its subject, whatever the word."
)


def kept_first() -> dict[str, Any]:
    """Return the first figures of each file that was unseen once."""
    return dict(json.loads(REPORT.read_text("utf-8"))["figures"]["first"]) if REPORT.exists() else {}


def report(first: Sequence[str]) -> dict[str, Any]:
    """Measure everything; of `first` keep what is kept, and measure what is not."""
    kept = kept_first()
    scores = {name: guard_corpus.measure(guard_corpus.load(name)) for name in guard_corpus.names()}
    figures = {
        "messages": {name: len(guard_corpus.load(name)) for name in guard_corpus.names()},
        "first": {name: kept.get(name) or _figures(scores[name]) for name in first},
        "now": {name: _figures(score) for name, score in scores.items()},
        "all": _figures(_sum(scores.values())),
    }
    return {
        "name": "guard",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "command": "python tests/guard/measure.py",
        "python": sys.version.split()[0],
        "result": "pass",
        "figures": figures,
        "limits": _LIMITS,
    }


def _figures(score: Score) -> dict[str, Any]:
    by_kind = {kind.value: _counts(score, (kind,)) for kind in Kind}
    return {**{name: _counts(score, kinds) for name, kinds in _GROUPS.items()}, "kinds": by_kind}


def _counts(score: Score, kinds: Iterable[Kind]) -> dict[str, int]:
    wanted = tuple(kinds)
    found, labels = score.recall(wanted)
    return {"found": found, "labels": labels, "findings": score.precision(wanted)[1]}


def _sum(scores: Iterable[Score]) -> Score:
    total = Score()
    for score in scores:
        total.found.update(score.found)
        total.missed.update(score.missed)
        total.wrong.update(score.wrong)
    return total


def vectors() -> str:
    """Return what of the messages the guard of the browser must find too: numbers, by kind and place."""
    messages = (one for name in guard_corpus.names() for one in guard_corpus.load(name))
    texts = [*(one.text for one in messages if re.search(r"\d{3}", one.text)), *_OTHER_SCRIPTS]
    lines = (json.dumps([text, list(map(_found, guard.find(text)))], ensure_ascii=True) for text in texts)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _found(finding: guard.Finding) -> tuple[str, int, int]:
    return finding.kind.value.replace("_", "-"), finding.start, finding.end


def write(made: dict[str, Any]) -> None:
    """Replace the report, the vectors and the tables of the page."""
    kept_result.keep(made)
    VECTORS.write_text(vectors(), "utf-8")
    if PAGE.exists():
        PAGE.write_text(with_tables(PAGE.read_text("utf-8"), made), "utf-8")


def with_tables(page: str, made: dict[str, Any]) -> str:
    """Return the page with the tables of a report."""
    begin, end = _MARKS
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    return pattern.sub(lambda _: f"{begin}\n\n{tables(made)}\n{end}", page)


def tables(made: dict[str, Any]) -> str:
    """Return the tables: first figures by file, then all figures by kind as they are now."""
    figures = made["figures"]
    first = [
        (f"`{name}`, {part}", one[part])
        for name, one in figures["first"].items()
        for part in ("numbers", "packs", "all")
    ]
    now = [(f"`{kind}`", one) for kind, one in figures["all"]["kinds"].items()]
    now += [("numbers with check digits", figures["all"]["numbers"]), ("packs", figures["all"]["packs"])]
    return (
        "First figures of messages that no rule had been written with:\n\n"
        + _table("Messages", first)
        + f"\nAll {sum(figures['messages'].values())} messages, most of which rules were written with:\n\n"
        + _table("Kind", now)
    )


def _table(head: str, rows: Iterable[tuple[str, dict[str, int]]]) -> str:
    lines = [f"| {head} | Recall | Precision |", "| --- | --- | --- |"]
    for name, one in rows:
        recall = _share(one["found"], one["labels"])
        lines.append(f"| {name} | {recall} | {_share(one['found'], one['findings'])} |")
    return "\n".join(lines) + "\n"


def _share(part: int, whole: int) -> str:
    if not whole:
        return "none"
    low, high = guard_corpus.interval(part, whole)
    return f"{part}/{whole} = {part / whole:.1%} ({low:.0%} to {high:.0%})"
