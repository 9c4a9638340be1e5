"""What a process takes, read from /proc, and whether it grows."""

from __future__ import annotations

import itertools
import sqlite3
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: seconds since the run and since this process began, bytes, and counts."""

    at_s: int
    age_s: int
    life: int
    rss_kib: int
    descriptors: int
    threads: int
    database_b: int
    journal_b: int
    remembered: int = 0  # message ids that the relay keeps in memory, an hour and more (RLY-32)

    def row(self) -> dict[str, int]:
        return asdict(self)


def look(pid: int, data_dir: Path, *, at_s: float, age_s: float, life: int) -> Sample:
    """Take a sample.

    Raises:
        OSError: the process has ended.
    """
    process = Path("/proc") / str(pid)
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    if "VmRSS" not in status:
        raise ProcessLookupError
    return Sample(
        at_s=round(at_s),
        age_s=round(age_s),
        life=life,
        rss_kib=int(status["VmRSS"].split()[0]),
        descriptors=len(list((process / "fd").iterdir())),
        threads=int(status["Threads"]),
        database_b=size_of(data_dir / "relay.db"),
        journal_b=size_of(data_dir / "relay.db-wal"),
        remembered=_remembered(data_dir / "relay.db"),
    )


def _remembered(database: Path) -> int:
    """Count them on the disk, where memory has them from; 0 where the database is elsewhere."""
    if not database.exists():
        return 0
    db = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=2)
    try:
        return int(db.execute("SELECT count(*) FROM seen").fetchone()[0])
    except sqlite3.Error as error:
        raise OSError(str(error)) from None
    finally:
        db.close()


def unexplained(points: Sequence[tuple[float, float, float]]) -> list[tuple[float, float]]:
    """(second, value) without what grows and shrinks with a count; `points` are (second, count, value).

    Least squares: value = base + price * count. What is left is the base and what the count does not explain.
    """
    counts, values = [count for _, count, _ in points], [value for _, _, value in points]
    if len(set(counts)) < 2:
        return [(at, value) for at, _, value in points]
    price, _ = statistics.linear_regression(counts, values)
    return [(at, value - price * count) for at, count, value in points]


def size_of(file: Path) -> int:
    """Size in bytes; 0 where there is none."""
    return file.stat().st_size if file.exists() else 0


def growth_per_hour(points: Sequence[tuple[float, float]]) -> float:
    """Median of the slopes between all pairs of (second, value), as a share of the median value (Theil-Sen).

    Raises:
        ValueError: fewer than three points in time.
    """
    if len({at for at, _ in points}) < 3:
        raise ValueError("a trend needs three points")
    slopes = [
        (later - earlier) / (at_later - at_earlier)
        for (at_earlier, earlier), (at_later, later) in itertools.combinations(sorted(points), 2)
        if at_later > at_earlier
    ]
    return statistics.median(slopes) * 3600 / max(1.0, statistics.median(value for _, value in points))
