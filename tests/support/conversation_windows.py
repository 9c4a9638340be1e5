"""How many texts of a conversation a thief reads, with resets and losses: the second table of chapter 09."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from conversation_thief import Recorded, Theft, reads, texts
from thief import Powers

CHAPTER: Final = Path("spec") / "09-pq.md"
BEGIN: Final = "<!-- conversations:begin (python tests/secrecy/report.py) -->\n"
END: Final = "<!-- conversations:end -->"
CLASSICAL: Final = "classical"
QUANTUM: Final = "breaks Diffie-Hellman"
THIEVES: Final = (CLASSICAL, QUANTUM)
SEEDS: Final = range(20)
MOST_QUANTUM: Final = 60
SCENES: Final[Mapping[str, Callable[[Recorded], object]]] = {
    "undisturbed": lambda run: None,
    "reset by the relay, customer starts": lambda run: run.force_reset("A"),
    "reset by the relay, company starts": lambda run: run.force_reset("B"),
    "customer's state lost": lambda run: run.lose("A"),
    "company's state lost": lambda run: run.lose("B"),
}


class Row(NamedTuple):
    """Texts that a thief reads after a theft: median and most over all thefts, and the most of them on
    sessions that began after it.
    """

    scene: str
    thief: str
    thefts: int
    median: int
    most: int
    new: int


@cache
def after_a_reset(scene: str, victim: str, seed: int) -> tuple[Recorded, Theft]:
    """Play a conversation with one theft, a scene after it, and 80 texts in turn."""
    run = Recorded(seed)
    run.begin()
    run.talk("ABAB" + "AB" * (seed % 7) + "A" * (seed % 2))
    run.steal(victim)
    run.talk("AB")
    SCENES[scene](run)
    run.talk("AB" * 40)
    return run, run.thefts[0]


def measured(scene: str, seeds: Iterable[int] = SEEDS) -> list[Row]:
    """Measure a scene for every thief, stealing from both sides."""
    found: dict[str, list[tuple[int, int]]] = {thief: [] for thief in THIEVES}
    for seed in seeds:
        for victim in ("A", "B"):
            run, theft = after_a_reset(scene, victim, seed)
            known = {one.id for one in theft.sessions}
            for thief in THIEVES:
                opened = reads(run, theft, Powers(dh=run.broken if thief == QUANTUM else None))
                new = {at for at in opened if run.sealed[at].session_id not in known}
                found[thief].append((len(texts(run, opened, theft.at)), len(texts(run, new, theft.at))))
    return [_row(scene, thief, counts) for thief, counts in found.items()]


def _row(scene: str, thief: str, counts: Sequence[tuple[int, int]]) -> Row:
    read = sorted(count for count, _ in counts)
    return Row(scene, thief, len(read), read[len(read) // 2], read[-1], max(new for _, new in counts))


def table(found: Sequence[Row]) -> str:
    """The table of the chapter."""
    lines = [
        "| After the theft | Thief | Thefts | Median | Most | Most on new sessions |\n",
        "| --- | --- | --: | --: | --: | --: |\n",
    ]
    return "".join([*lines, *("| " + " | ".join(map(str, row)) + " |\n" for row in found)])


def in_chapter(text: str) -> str:
    """The table as the chapter has it."""
    return text.partition(BEGIN)[2].partition(END)[0]


def rows_of(text: str) -> list[Row]:
    """The rows of the chapter's table."""
    rows: list[Row] = []
    for line in in_chapter(text).splitlines()[2:]:
        scene, thief, *numbers = (cell.strip() for cell in line.strip("|").split("|"))
        rows.append(Row(scene, thief, *map(int, numbers)))
    return rows


def misses(found: Sequence[Row]) -> list[str]:
    """What of PQ-19 does not hold."""
    wrong = [
        f"{row.scene}: {row.new} texts of a new session are read"
        for row in found
        if row.thief == CLASSICAL and row.new
    ]
    return wrong + [
        f"{row.scene}: {row.most} texts are read with Diffie-Hellman broken"
        for row in found
        if row.thief == QUANTUM and row.most > MOST_QUANTUM
    ]


def beyond(part: Sequence[Row], whole: Sequence[Row]) -> list[str]:
    """What a part of the seeds brought that the figures of all of them do not have."""
    known = {(row.scene, row.thief): row for row in whole}
    return [
        f"{row.scene}, {row.thief}: {row.most} texts, {row.new} on new sessions; the chapter has less"
        for row in part
        if (one := known.get((row.scene, row.thief))) is None or row.most > one.most or row.new > one.new
    ]
