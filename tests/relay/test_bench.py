"""The load generator that operators run: what it counts, and what it does with a relay that refuses."""

from __future__ import annotations

import argparse
import asyncio
import json
from array import array
from pathlib import Path

import pytest
from e2ee_relay.bench import command
from e2ee_relay.bench.load import Link, Load, Plan
from e2ee_relay.bench.runs import percentiles_ms
from e2ee_relay.cli import main
from relay_process import RelayProcess

SHORT = ["--clients", "6", "--warm-up", "0.1", "--seconds", "0.6", "--size", "100"]


class Perfect(Link):
    """A server that confirms and delivers at once, but refuses every tenth message and loses every 25th."""

    def send(self, recipient: int, tag: int, body: bytes) -> None:
        if tag % 10 == 0:
            self.load.loop.call_soon(self.load.refused, tag)
            return
        self.load.loop.call_soon(self.load.confirmed, tag)
        if tag % 25 and recipient < self.load.plan.clients:
            self.load.loop.call_soon(self.load.delivered, body)


def played(plan: Plan, offline: int = 0) -> Load:
    async def play() -> Load:
        load = Load(plan, offline)
        await load.run([Perfect(load, place) for place in range(plan.clients)])
        return load

    return asyncio.run(play())


def test_a_message_counts_when_it_is_confirmed_and_delivered() -> None:
    """RLY-92: what was refused or lost does not count, and is told."""
    plan = Plan(clients=4, rate_per_s=2_000, size_b=20, warm_up_s=0, measure_s=2)
    measured = played(plan).measured
    sent = measured.done + measured.refused + measured.unfinished
    assert measured.refused == sent // 10
    # Every 25th is lost; those that are refused as well are not.
    assert abs(measured.unfinished - sent // 50) <= 2
    assert 500 < sent <= 4_001
    assert measured.done > 0.8 * sent


def test_a_closed_loop_keeps_so_many_under_way() -> None:
    """RLY-92: nothing new is sent for a message that is not done."""
    measured = played(Plan(clients=3, in_flight=2, size_b=20, warm_up_s=0, measure_s=1)).measured
    # Each lost message takes its place away, so all six are stuck in the end.
    assert measured.unfinished == 6
    assert measured.done > 0


def test_messages_to_absent_recipients_are_done_when_confirmed() -> None:
    """RLY-92: nobody is there to acknowledge them."""
    plan = Plan(clients=3, rate_per_s=500, size_b=20, offline_share=1.0, warm_up_s=0, measure_s=1)
    measured = played(plan, offline=3).measured
    assert measured.done > 0
    assert len(measured.deliver_s) == 0
    assert measured.unfinished == 0


def test_percentiles() -> None:
    assert percentiles_ms(array("d", [n / 1000 for n in range(1, 101)])) == {"p50": 51.0, "p99": 100.0}
    assert percentiles_ms(array("d")) == {"p50": None, "p99": None}


def test_a_run_against_a_relay_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-92: a backlog, idle connections, absent recipients; a closed loop and half of its rate."""
    kept = tmp_path / "figures.json"
    extra = [
        "--idle",
        "4",
        "--backlog",
        "300",
        "--backlog-mailboxes",
        "20",
        "--offline-share",
        "0.2",
        "--half",
    ]
    assert main(["bench", *SHORT, *extra, "--data-dir", str(tmp_path), "--json", str(kept)]) == 0
    document = json.loads(kept.read_text(encoding="utf-8"))
    closed, half = document["runs"]
    assert closed["messages_per_s"] > 0
    assert closed["refused"] == closed["lost_connections"] == half["refused"] == 0
    assert half["plan"]["rate_per_s"] == closed["messages_per_s"] / 2
    assert closed["confirm_ms"]["p50"] <= closed["confirm_ms"]["p99"]
    assert document["bytes_per_idle_connection"] is not None
    assert "closed 6x1" in capsys.readouterr().out
    assert [one.name for one in tmp_path.iterdir()] == ["figures.json"]


@pytest.mark.audit_only
def test_a_run_against_a_relay_at_an_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-92: the limits of that relay are told as what was refused; one that lets nobody in is named."""
    with RelayProcess(tmp_path / "relay", "contact_messages=2/0.1") as process:
        kept = tmp_path / "figures.json"
        assert main(["bench", *SHORT, "--rate", "400", "--url", process.url, "--json", str(kept)]) == 0
        assert json.loads(kept.read_text(encoding="utf-8"))["runs"][0]["refused"] > 0
    closed = {"SEALROOM_RELAY_REGISTRATION_SECRET": "open-sesame"}
    with RelayProcess(tmp_path / "closed", environment=closed) as process:
        assert main(["bench", *SHORT, "--url", process.url]) == 1
        assert "error 9" in capsys.readouterr().err
        secret = tmp_path / "secret"
        secret.write_text("open-sesame\n", encoding="utf-8")
        named = ["--registration-secret-file", str(secret)]
        assert main(["bench", *SHORT, "--url", process.url, *named]) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        ["--clients", "1"],
        ["--size", "7"],
        ["--size", "98305"],
        ["--offline-share", "1.5"],
        ["--seconds", "0"],
        ["--url", "ws://localhost:1", "--backlog", "5"],
        ["--url", "http://localhost:1"],
        ["--backlog", "5", "--backlog-mailboxes", "0"],
    ],
)
def test_options_that_make_no_sense(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *wrong]) == 2
    assert "sealroom-relay bench: --" in capsys.readouterr().err


def test_the_defaults_are_sound() -> None:
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    assert command.problem(parser.parse_args([])) is None
