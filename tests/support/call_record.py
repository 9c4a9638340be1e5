"""A list of the arguments that a function of the core was called with."""

from __future__ import annotations

from typing import Any

import pytest


def recorded(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[tuple[Any, ...]]:
    """Let a function of a module keep its behaviour, and record the positional arguments of each call."""
    real = getattr(owner, name)
    calls: list[tuple[Any, ...]] = []

    def record(*args: Any, **named: Any) -> Any:
        calls.append(args)
        return real(*args, **named)

    monkeypatch.setattr(owner, name, record)
    return calls
