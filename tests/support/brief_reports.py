"""What a process of pytest-xdist tells of a test that passed: its result, and no more.

Else there are six messages for each test. To write, to send and to read them cost more than most tests take.
"""

from __future__ import annotations

from typing import Final

import pytest
from _pytest.runner import runtestprotocol

# Of a set-up or a tear-down that took longer than so many seconds `--durations` is to hear.
LONG: Final = 0.1


def is_told(report: pytest.TestReport) -> bool:
    """Return whether anybody would miss a report."""
    return report.when == "call" or not report.passed or bool(report.sections) or report.duration > LONG


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test as pytest does, and report what is worth it."""
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if is_told(report):
            item.ihook.pytest_runtest_logreport(report=report)
    return True
