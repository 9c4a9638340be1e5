"""10 000 sessions in one process, beside one session alone in another: a company with many customers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.companies import Company, Pattern, memory_per_session_b, processor_time
from bench.paired import Row

pytestmark = pytest.mark.benchmark(timer=processor_time)

SESSIONS = 10_000
TARGET = {Pattern.ONE: 1.10, Pattern.ALL: 1.30}
BLOCK = {Pattern.ONE: 200, Pattern.ALL: 10_000}
ROUNDS = {Pattern.ONE: 100, Pattern.ALL: 20}


@pytest.fixture(scope="module")
def companies(request: pytest.FixtureRequest) -> Iterator[tuple[Company, Company]]:
    """A company with all sessions and one with a single one."""
    smoke = request.config.getoption("benchmark_disable") and not request.config.getoption("benchmark_enable")
    with Company(20 if smoke else SESSIONS) as many, Company(1) as one:
        many.wait_ready()
        one.wait_ready()
        yield many, one


@pytest.mark.parametrize("pattern", Pattern, ids=["hot session", "round robin"])
def test_encrypt(row: Row, companies: tuple[Company, Company], pattern: Pattern) -> None:
    many, one = companies
    count = row.size(BLOCK[pattern], 20)
    row.note(memory_per_session_b=memory_per_session_b(row.size(1000, 20)))
    row(
        lambda: many.seal(pattern, count),
        lambda: one.seal(Pattern.ONE, count),
        count,
        rounds=ROUNDS[pattern],
        target=TARGET[pattern],
        beside="one session alone",
    )
