"""What the log tells an operator of readiness and of a flood of connections (RLY-73, RLY-74)."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from e2ee_relay.listener import Reason
from e2ee_relay.logs import EventLog
from e2ee_relay.server import RelayServer
from relay_here import relay_here


def told(server: RelayServer) -> list[dict[str, Any]]:
    """Have the server write into a new log from now on; the list grows with it."""
    lines: list[dict[str, Any]] = []

    class Lines(io.StringIO):
        def write(self, text: str, /) -> int:
            lines.append(json.loads(text))
            return len(text)

    server._log = EventLog(Lines(), "info", lambda: 0)
    return lines


async def test_reasons_are_told_each_time_that_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-74: in the words of /readyz, once; and that none is left."""
    async with relay_here(tmp_path) as server:
        lines = told(server)
        reasons: list[str] = []
        monkeypatch.setattr(server, "complaints", lambda: list(reasons))
        for now in ([], ["the disk is full"], ["the disk is full"], ["the store fails", "x"], [], []):
            reasons[:] = now
            server._look_at_readiness()
        found = [(one["event"], one.get("reasons")) for one in lines]
        wanted = [("not_ready", "the disk is full"), ("not_ready", "the store fails, x"), ("ready", None)]
        assert found == wanted


async def test_a_commit_that_failed_is_told_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-261: also where the store has gone on at once, and as long as it does not; said once."""
    async with relay_here(tmp_path) as server:
        assert server.complaints() == []
        server._observe(0.1, 1, failed=True)
        assert server.complaints() == ["the store fails"]
        monkeypatch.setattr(server._store, "complaints", lambda: {"the store fails": True})
        assert server.complaints() == ["the store fails"]
        monkeypatch.setattr(server, "_failed_at", time.monotonic() - 11)
        assert server.complaints() == ["the store fails"]
        monkeypatch.undo()
        monkeypatch.setattr(server, "_failed_at", time.monotonic() - 11)
        assert server.complaints() == []


async def test_who_is_turned_away_in_crowds_is_told_once_a_minute(tmp_path: Path) -> None:
    """RLY-73: how many, by no address; a few are nobody's business."""
    async with relay_here(tmp_path) as server:
        lines, now_s = told(server), server._next_count_s
        for more, passed_s in ((59, 0), (60, 60), (500, 30), (0, 30), (0, 60)):
            now_s += passed_s
            server._admission.refusals[Reason.ADDRESS] += more
            server._look_at_admission(now_s)
        assert [one["connections"] for one in lines if one["event"] == "turned_away"] == [60, 500]
