"""Metrics, logs and readiness without a process (RLY-72 to RLY-74)."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from e2ee_relay.logs import Event, EventLog, library_logger
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.metrics import CommitFigures, ShellFigures, render
from e2ee_relay.protocol import Message
from relay_actors import Owner, Peer

SHELL = ShellFigures(connections=2, slow_clients_dropped=1, journal_b=10, database_b=20, is_ready=True)


async def test_metrics_count_without_naming(relay: MemoryRelay, peer: Peer, owner: Owner) -> None:
    """RLY-72: labels are reasons and bounds, nothing else; figures are right."""
    await owner.subscribe(peer)
    await peer.send(owner.item(b"12345"), owner.item(b"x", token=bytes(32)))
    await owner.ack(peer, await peer.push(Message))
    await peer.send(owner.item(b"held"))
    commits = CommitFigures()
    commits.observe(0.003, 5)
    text = render(relay.node, commits, SHELL)
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert {
        name: figures[f"sealroom_relay_{name}"]
        for name in (
            "accepted_total",
            "accepted_bytes_total",
            "delivered_total",
            "acknowledged_total",
            "mailboxes",
        )
    } == {
        "accepted_total": "2.0",
        "accepted_bytes_total": "9.0",
        "delivered_total": "2.0",
        "acknowledged_total": "1.0",
        "mailboxes": "1.0",
    }
    assert (figures["sealroom_relay_held_messages"], figures["sealroom_relay_held_bytes"]) == ("1.0", "4.0")
    assert figures['sealroom_relay_commit_seconds_bucket{le="0.0025"}'] == "0.0"
    assert figures['sealroom_relay_commit_seconds_bucket{le="0.005"}'] == "1.0"
    labels = set(re.findall(r"\{(\w+)=", text))
    assert labels == {"code", "le"}
    for secret in (owner.mailbox, owner.token, owner.owner_pub):
        assert secret.hex() not in text
    assert all(
        re.fullmatch(r"(# (HELP|TYPE) .+|[a-z_]+(\{[a-z]+=\"[^\"]+\"\})? [\d.]+)", line)
        for line in text.splitlines()
    )


def test_metrics_are_the_relays_alone(relay: MemoryRelay) -> None:
    """RLY-72: nothing of the library's own registry, and no times at which series were made."""
    names = re.findall(r"^# TYPE (\S+)", render(relay.node, CommitFigures(), SHELL), re.MULTILINE)
    assert len(names) == len(set(names)) >= 40
    assert all(name.startswith("sealroom_relay_") for name in names)
    assert not [name for name in names if name.endswith("_created")]


def test_log_levels() -> None:
    """RLY-73: one JSON object a line; events below the level are not written."""
    stream = io.StringIO()
    log = EventLog(stream, "warning", lambda: 5)
    log.write(Event.STARTED, mailboxes=3)
    log.write(Event.STORE_FAILING)
    line = json.loads(stream.getvalue())
    assert line.pop("text").startswith("changes cannot be committed")
    assert line == {"time_ms": 5, "level": "error", "event": "store_failing"}


def test_an_unexpected_error_is_logged_without_its_text() -> None:
    """RLY-73: its text, and what the library has to say about the peer, could name somebody."""
    stream = io.StringIO()
    logger = library_logger(EventLog(stream, "debug", lambda: 5))
    try:
        raise RuntimeError("canary of a client")
    except RuntimeError:
        logger.exception("connection with %s failed", "192.0.2.1")
    logger.error("opening handshake with 192.0.2.1 failed")
    logger.info("connection open")
    (line,) = stream.getvalue().splitlines()
    shown = json.loads(line)
    assert (shown["event"], shown["type"]) == ("internal_error", "RuntimeError")
    assert shown["place"].startswith("test_observation.py:")
    assert "canary" not in line
    assert "192.0.2.1" not in line


@pytest.mark.parametrize("event", list(Event))
def test_every_event_has_a_level_and_a_text(event: Event, repo_root: Path) -> None:
    """RLY-73: the set of events is closed; each has a text, and stands in the operator's manual."""
    stream = io.StringIO()
    EventLog(stream, "debug", lambda: 0).write(event)
    line = json.loads(stream.getvalue())
    assert line["event"] == event.value
    assert 10 < len(line["text"]) < 200
    assert f"`{event}`" in (repo_root / "server/deploy/OPERATING.md").read_text("utf-8")
