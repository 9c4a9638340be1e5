"""One connection's task: reports, buffer, time limits, closing."""

from __future__ import annotations

import asyncio

import pytest
from e2ee_client.errors import RelayRefused
from e2ee_client.runtime import channels
from e2ee_client.runtime.channels import ChannelTask, Connected, Disconnected, Received
from scripted_machine import CHANNEL, NotingTransport


class Notes:
    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.data: list[bytes] = []
        self.last: Disconnected | None = None

    def put(self, report: Connected | Disconnected) -> None:
        self.kinds.append(type(report).__name__)
        self.last = report if isinstance(report, Disconnected) else None

    async def put_data(self, report: Received) -> None:
        self.data.append(report.data)

    @property
    def code(self) -> str:
        """Of the last report, which is of a connection that is gone."""
        assert self.last is not None
        return self.last.code

    async def until(self, *kinds: str) -> None:
        async with asyncio.timeout(60):
            while self.kinds != list(kinds):  # noqa: ASYNC110  # the notes signal nothing
                await asyncio.sleep(0.001)


def task_for(transport: NotingTransport) -> tuple[ChannelTask, Notes]:
    notes = Notes()
    return ChannelTask(CHANNEL, transport, notes), notes


async def test_a_refused_connection_is_reported_as_disconnected() -> None:
    transport = NotingTransport([])
    transport.refusal = RelayRefused("no")
    _, notes = task_for(transport)
    await notes.until("Disconnected")
    assert notes.code == "relay.refused"


async def test_a_transport_that_never_opens_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "OPEN_TIMEOUT_S", 0.02)
    transport = NotingTransport([])
    transport.hang = True
    _, notes = task_for(transport)
    await notes.until("Disconnected")
    assert notes.code == "relay.timeout"


async def test_a_fault_of_the_transport_counts_as_a_broken_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    transport = NotingTransport([])
    transport.refusal = OSError("secret-path")
    _, notes = task_for(transport)
    await notes.until("Disconnected")
    assert "channel.fault OSError" in caplog.text
    assert "secret-path" not in caplog.text
    assert notes.code == ""


async def test_the_transport_is_told_whose_relay_it_is() -> None:
    """RLY-170."""
    transport = NotingTransport([])
    for foreign in (False, True):
        notes = Notes()
        task = ChannelTask(CHANNEL._replace(foreign=foreign), transport, notes)
        await notes.until("Connected")
        await task.close()
    assert transport.foreign == [False, True]


async def test_messages_leave_in_order_and_arrive_in_order() -> None:
    log: list[object] = []
    transport = NotingTransport(log)
    task, notes = task_for(transport)
    await notes.until("Connected")
    for n in range(5):
        task.send(bytes([n]))
        transport.connections[0].arrive(bytes([n]))
    await task.close()
    assert log == [*(("send", bytes([n])) for n in range(5)), "close connection"]
    assert notes.data == sorted(notes.data)
    assert notes.kinds == ["Connected"]


async def test_a_connection_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "SEND_TIMEOUT_S", 0.02)
    transport = NotingTransport([])
    task, notes = task_for(transport)
    await notes.until("Connected")
    transport.connections[0].may_send.clear()
    task.send(b"x")
    await notes.until("Connected", "Disconnected")
    assert transport.connections[0].closed


async def test_a_buffer_that_grows_too_far_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "MAX_BUFFER_B", 100)
    transport = NotingTransport([])
    task, notes = task_for(transport)
    await notes.until("Connected")
    transport.connections[0].may_send.clear()
    for _ in range(4):
        task.send(bytes(40))
    await notes.until("Connected", "Disconnected")
    task.send(b"dropped")


async def test_closing_waits_for_the_buffer_only_so_long() -> None:
    log: list[object] = []
    transport = NotingTransport(log)
    task, notes = task_for(transport)
    await notes.until("Connected")
    transport.connections[0].may_send.clear()
    task.send(b"stuck")
    async with asyncio.timeout(60):
        await task.close(flush_s=0.02)
    assert log == ["close connection"]


async def test_closing_while_opening_does_not_wait() -> None:
    transport = NotingTransport([])
    transport.hang = True
    task, notes = task_for(transport)
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await task.close()
    assert notes.kinds == []
