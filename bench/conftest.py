"""The fixture that measures a row of the table."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.paired import Row


@pytest.fixture
def row(benchmark: BenchmarkFixture) -> Row:
    """Measure our work beside its floor."""
    return Row(benchmark)
