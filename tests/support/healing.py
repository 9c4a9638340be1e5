"""How long a stolen state is of use: the windows of chapter 09, measured over every point of theft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from recorded_run import BURSTS, ONE_SIDED, PING_PONG, Pattern, Run
from thief import Powers, sorted_traffic, steal

CHAPTER: Final = Path("spec") / "09-pq.md"
BEGIN: Final = "<!-- windows:begin (python tests/secrecy/report.py) -->\n"
END: Final = "<!-- windows:end -->"
PATTERNS: Final[Mapping[str, Pattern]] = {
    "ping-pong": PING_PONG,
    "bursts of 5": BURSTS,
    "20 to 1": ONE_SIDED,
}
LOSSES: Final = (0.0, 0.05, 0.2)
THIEVES: Final = ("classical", "breaks ML-KEM", "breaks Diffie-Hellman")
QUANTUM: Final = THIEVES[2]


@dataclass(frozen=True)
class Scale:
    """How much is played: messages of a run, how many of them follow the last theft, and runs."""

    messages: int
    after: int
    step: int
    runs: int


SCALES: Final[Mapping[str, Scale]] = {
    "ping-pong": Scale(600, 200, 1, 3),
    "bursts of 5": Scale(500, 200, 3, 2),
    "20 to 1": Scale(1600, 900, 31, 1),
}


@dataclass(frozen=True)
class Window:
    """Messages that a thief reads after a theft: median, 95th percentile, most, over all points of theft."""

    pattern: str
    loss: float
    thief: str
    thefts: int
    median: int
    p95: int
    most: int


def windows(pattern: str, loss: float) -> list[Window]:
    """Measure one pattern at one loss, for every thief, stealing from both sides."""
    scale = SCALES[pattern]
    read: dict[str, list[int]] = {thief: [] for thief in THIEVES}
    for seed in range(scale.runs if loss else 1):
        run = Run(PATTERNS[pattern], loss, seed=seed, late=loss).talk(scale.messages)
        for thief in THIEVES:
            read[thief] += _reads(run, powers_of(thief, run), scale)
    return [_window(pattern, loss, thief, sorted(counts)) for thief, counts in read.items()]


def powers_of(thief: str, run: Run) -> Powers:
    """What a thief breaks in a run."""
    return Powers(
        dh=run.broken if thief == QUANTUM else None, kem=run.broken if thief == "breaks ML-KEM" else None
    )


def _reads(run: Run, powers: Powers, scale: Scale) -> list[int]:
    traffic = sorted_traffic(run.sent)
    counts = []
    for moment in run.moments[: -scale.after : scale.step]:
        for side in moment.sides.values():
            stolen = steal(side, traffic, powers)
            last = max(stolen, default=moment.at)
            if last >= len(run.sent) - 1:
                raise LookupError("the run is too short: a window does not close")
            counts.append(max(last - moment.at, 0))
    return counts


def _window(pattern: str, loss: float, thief: str, counts: Sequence[int]) -> Window:
    middle, tail = counts[len(counts) // 2], counts[int(len(counts) * 0.95)]
    return Window(pattern, loss, thief, len(counts), middle, tail, counts[-1])


def table(found: Sequence[Window]) -> str:
    """The table of the chapter."""
    lines = [
        "| Conversation | Loss | Thief | Thefts | Median | 95 % | Most |\n",
        "| --- | --: | --- | --: | --: | --: | --: |\n",
    ]
    for row in found:
        cells = (row.pattern, f"{row.loss:.0%}", row.thief, row.thefts, row.median, row.p95, row.most)
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |\n")
    return "".join(lines)


def in_chapter(text: str) -> str:
    """The table as the chapter has it."""
    return text.partition(BEGIN)[2].partition(END)[0]


def misses(found: Sequence[Window]) -> list[str]:
    """What of PQ-18 does not hold."""
    wrong = []
    for row in found:
        if row.pattern == "ping-pong" and row.thief == QUANTUM:
            if row.loss == 0 and row.most > 40:
                wrong.append(f"without loss a thief reads {row.most} messages")
            if row.loss == 0.2 and (row.median > 50 or row.p95 > 90):
                wrong.append(f"at 20 % loss a thief reads {row.median} (median), {row.p95} (95 %)")
    return wrong
