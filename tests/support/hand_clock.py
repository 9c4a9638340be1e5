"""A clock for tests: time passes when the test says so."""

from __future__ import annotations


class HandClock:
    """Time that passes only when work is done."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s
