"""With sockets, files and processes: what a real relay sees of real clients (LKG-01, LKG-03, LKG-04)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from e2ee_client.runtime import transport
from leakage_declaration import Row
from leakage_scripts import FIRST, SECOND
from real_relay_view import RealStage, as_bytes
from relay_view import Seen, all_fields
from view_comparison import differences, undeclared

Table = Mapping[str, Row]
pytestmark = pytest.mark.processes
_ATTEMPTS = 5


async def view_of(
    folder: Path, names: Mapping[str, str], texts: Mapping[str, str], **leak: Any
) -> list[Seen]:
    """Play once."""
    stage = RealStage(folder, leaky=bool(leak))
    return as_bytes(await stage.play(names, texts, **leak))


async def test_two_real_runs_of_equal_leakage_look_the_same(tmp_path: Path, table: Table) -> None:
    """LKG-01, LKG-03, LKG-04: HTTP, frames, rows, files, log at debug, output and figures; time apart."""
    firsts: list[list[Seen]] = []
    seconds: list[list[Seen]] = []
    found: list[str] = []
    # Whether an answer on one connection is there before another connection stands is time, too: it decides
    # what shares a batch. What depends on names or texts would differ between any two.
    for attempt in range(_ATTEMPTS):
        first, second = await asyncio.gather(
            view_of(tmp_path / f"first {attempt}", FIRST.names, FIRST.texts),
            view_of(tmp_path / f"second {attempt}", SECOND.names, SECOND.texts),
        )
        firsts.append(first)
        seconds.append(second)
        pairs = [differences(one, other, table, with_time=False) for one in firsts for other in seconds]
        found = min(pairs, key=len)
        if not found:
            break
    assert not found, "\n".join(found)
    assert undeclared(firsts[0], table) == []
    seen = {field.path.split(".")[0] for _, field in all_fields(firsts[0])}
    assert seen >= {"http", "db", "file", "log", "metric"}


@pytest.mark.audit_only
async def test_a_relay_that_logs_and_keeps_more_is_found(tmp_path: Path, table: Table) -> None:
    """LKG-01, control: a key of the log, a line of output and two files that nobody declared."""
    view = await view_of(tmp_path, FIRST.names, FIRST.texts, leak="Guten Tag")
    found = undeclared(view, table)
    assert {"log.body", "output.unreadable", "file.analytics.db"} <= set(found)
    assert any(path.startswith("file.tmp/upload-") for path in found)


@pytest.mark.audit_only
async def test_a_client_that_names_its_version_is_found(
    tmp_path: Path, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LKG-01, control: a header that tells one client from another."""

    def chatty(*arguments: Any, **settings: Any) -> Any:
        return connect(*arguments, **{**settings, "user_agent_header": "sealroom/0.1 (Erika's laptop)"})

    connect = transport._Connect
    monkeypatch.setattr(transport, "_Connect", chatty)
    assert undeclared(await view_of(tmp_path, FIRST.names, FIRST.texts), table) == ["http.user-agent"]
