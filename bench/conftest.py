"""The fixture that measures a row of the table."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.paired import Row


@pytest.fixture
def row(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> Row:
    """Measure our work beside its floor, by the clock of the test's mark."""
    marker = request.node.get_closest_marker("benchmark")
    return Row(benchmark, None if marker is None else marker.kwargs["timer"])
