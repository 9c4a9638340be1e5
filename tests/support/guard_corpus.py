"""The labelled corpus of the guard, and how findings are compared with it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import checkout
from e2ee_client import guard
from e2ee_client.guard import Kind

FOLDER: Final = checkout.ROOT / "tests" / "guard" / "corpus"
SEEN: Final = "seen"
_MARKED: Final = re.compile(r"\{(\w+):([^{}]*)\}")
_ESCAPED: Final = re.compile(r"\\(?:n|u([0-9a-f]{4}))")
_Z95: Final = 1.959964

Label = tuple[Kind, int, int]


@dataclass(frozen=True, slots=True)
class Message:
    """A message, where its numbers stand, and what it is about."""

    language: str
    packs: frozenset[Kind]
    text: str
    numbers: frozenset[Label]
    line: str


@dataclass(slots=True)
class Score:
    """Labels that were found, that were not, and findings without a label."""

    found: Counter[Kind] = field(default_factory=Counter)
    missed: Counter[Kind] = field(default_factory=Counter)
    wrong: Counter[Kind] = field(default_factory=Counter)
    misses: list[tuple[Kind, Message]] = field(default_factory=list)
    alarms: list[tuple[Kind, Message]] = field(default_factory=list)

    def recall(self, kinds: Iterable[Kind]) -> tuple[int, int]:
        """Return how many labels were found, of how many."""
        wanted = tuple(kinds)
        found = sum(self.found[kind] for kind in wanted)
        return found, found + sum(self.missed[kind] for kind in wanted)

    def precision(self, kinds: Iterable[Kind]) -> tuple[int, int]:
        """Return how many findings have a label, of how many."""
        wanted = tuple(kinds)
        found = sum(self.found[kind] for kind in wanted)
        return found, found + sum(self.wrong[kind] for kind in wanted)


def load(name: str) -> list[Message]:
    """Return one file of the corpus."""
    lines = (FOLDER / f"{name}.tsv").read_text("utf-8").splitlines()
    return [message(line) for line in lines]


def message(line: str) -> Message:
    """Return a line as a message with its labels."""
    language, packs, marked = line.split("\t")
    text, labels = "", set[Label]()
    for part, kind, value in _parts(marked):
        text += part
        if kind is not None:
            labels.add((kind, len(text), len(text) + len(value)))
            text += value
    about = frozenset() if packs == "-" else frozenset(Kind(one) for one in packs.split(","))
    return Message(language, about, text, frozenset(labels), line)


def _parts(marked: str) -> Iterator[tuple[str, Kind | None, str]]:
    place = 0
    for one in _MARKED.finditer(marked):
        yield _plain(marked[place : one.start()]), Kind(one.group(1)), _plain(one.group(2))
        place = one.end()
    yield _plain(marked[place:]), None, ""


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda one: chr(int(one.group(1), 16)) if one.group(1) else "\n", text)


def measure(messages: Iterable[Message]) -> Score:
    """Compare: a number is found if kind and place are right, a pack if it has a finding in the message."""
    score = Score()
    for one in messages:
        findings = guard.find(one.text, packs=guard.PACKS, kinds=guard.ALL_KINDS)
        about = {Kind(pack) for pack in guard.PACKS}
        told: set[Label | Kind] = {found.kind for found in findings if found.kind in about}
        told |= {(found.kind, found.start, found.end) for found in findings if found.kind not in about}
        _count(score, one, told)
    return score


def _count(score: Score, one: Message, told: set[Label | Kind]) -> None:
    labels: set[Label | Kind] = {*one.numbers, *one.packs}
    for label in labels | told:
        kind = label if isinstance(label, Kind) else label[0]
        if label in labels and label in told:
            score.found[kind] += 1
        elif label in labels:
            score.missed[kind] += 1
            score.misses.append((kind, one))
        else:
            score.wrong[kind] += 1
            score.alarms.append((kind, one))


def interval(part: int, whole: int) -> tuple[float, float]:
    """Return the Wilson interval at 95 %."""
    if not whole:
        return 0.0, 1.0
    share, square = part / whole, _Z95**2
    centre = share + square / (2 * whole)
    spread = _Z95 * math.sqrt(share * (1 - share) / whole + square / (4 * whole**2))
    return max(0.0, (centre - spread) / (1 + square / whole)), min(
        1.0, (centre + spread) / (1 + square / whole)
    )


def names() -> list[str]:
    """Return the files of the corpus: the one that rules were begun with, then each that was unseen once."""
    return [SEEN, *sorted(path.stem for path in FOLDER.glob("unseen-*.tsv"))]
