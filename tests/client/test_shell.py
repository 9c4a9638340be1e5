"""The shell: order of effects, failures of the store, cancellation, time, closing (STO-09)."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from e2ee_client.engine import Close, Commit, Effect, Notify, Open, Transmit, Work
from e2ee_client.errors import ClientClosed, ConfigError, StoreCorrupt, StoreFull, UnknownContact
from e2ee_client.events import ContactAdded
from e2ee_client.rows import Put
from e2ee_client.runtime.event_stream import StoreTrouble
from e2ee_client.runtime.group import MAX_STEPS
from e2ee_client.runtime.inbox import MAX_UNREAD
from e2ee_relay.protocol import pow_is_enough
from scripted_machine import CHANNEL, Held, ScriptedMachine, Stage

from e2ee.errors import InvalidArgument

EVENT = ContactAdded(b"a" * 32)


def commit(name: bytes) -> Commit:
    return Commit((Put("meta", name, b""),))


async def test_effects_happen_in_order_and_each_after_the_commit_before_it() -> None:
    """STO-09: durable before the next effect."""
    stage = await Stage({"start": [Open(CHANNEL)]}).begin()
    await stage.until(lambda: "connected" in stage.machine.names())
    stage.store.before_commit = lambda: time.sleep(0.02)
    await stage.do(
        Transmit(CHANNEL, b"1"), commit(b"a"), Notify(EVENT), commit(b"b"), Transmit(CHANNEL, b"2")
    )
    await stage.until(lambda: ("send", b"2") in stage.log)
    await stage.shell.close()
    assert stage.log[:5] == [
        ("send", b"1"), ("commit", (b"a",)), EVENT, ("commit", (b"b",)), ("send", b"2")
    ]  # fmt: skip


async def test_a_call_returns_after_its_commit_with_the_value_of_its_step() -> None:
    stage = await Stage().begin()
    assert await stage.do(commit(b"a"), value=7) == 7
    assert ("commit", (b"a",)) in stage.log
    await stage.shell.close()


async def test_commits_run_outside_the_event_loop() -> None:
    stage = await Stage().begin()
    threads: list[str] = []
    stage.store.before_commit = lambda: threads.append(threading.current_thread().name)
    await stage.do(commit(b"a"))
    await stage.shell.close()
    assert len(threads) == 1
    assert threads[0].startswith("sealroom-store")


async def test_steps_do_not_overlap() -> None:
    stage = await Stage().begin()
    stage.store.before_commit = lambda: time.sleep(0.005)
    calls = [commit(bytes([n])) for n in range(10)]
    await asyncio.gather(*(stage.do(one, Notify(ContactAdded(one.changes[0].key)), one) for one in calls))
    await stage.shell.close()
    order = [one[1][0] if isinstance(one, tuple) else one.account_id for one in stage.log[:30]]  # type: ignore[attr-defined]  # a log of both
    assert order == [bytes([n // 3]) for n in range(30)]


async def test_an_error_of_a_command_reaches_its_caller_and_changes_nothing_else() -> None:
    stage = await Stage().begin()
    for error in (UnknownContact("x"), InvalidArgument("y")):

        def step(_machine: object, _now_ms: int, error: Exception = error) -> tuple[None, list[object]]:
            raise error

        with pytest.raises(type(error)):
            await stage.shell.call(step)  # type: ignore[arg-type]  # it only raises
    assert await stage.do(value=1) == 1
    assert not stage.loads
    await stage.shell.close()


async def test_a_question_that_meets_a_damaged_row_ends_nothing() -> None:
    stage = await Stage().begin()

    def damaged(_machine: ScriptedMachine) -> None:
        raise StoreCorrupt("damaged")

    beside, asked = stage.do(commit(b"a"), value=1), stage.shell.ask(damaged)
    assert [str(one) for one in await asyncio.gather(beside, asked, return_exceptions=True)] == [
        "1",
        "damaged",
    ]
    assert await stage.do(commit(b"b"), value=2) == 2
    assert not stage.loads
    await stage.shell.close()


async def test_a_refused_commit_reloads_the_machine_and_drops_the_effects_after_it() -> None:
    """STO-09: the store is the truth."""
    stage = await Stage({"start": [Open(CHANNEL)]}).begin()
    await stage.until(lambda: "connected" in stage.machine.names())
    events = stage.events.iterate()
    stage.store.failures.append(StoreFull("no room"))
    with pytest.raises(StoreFull):
        await stage.do(commit(b"a"), Transmit(CHANNEL, b"never"), Notify(EVENT))
    await stage.until(lambda: bool(stage.loads) and "connected" in stage.loads[0].names())
    assert await events.next(1) == StoreTrouble("store.full")
    assert stage.shell.machine is stage.loads[0]
    assert stage.loads[0].names()[0] == "start"
    await stage.until(lambda: stage.transport.connections[0].closed)
    assert await stage.do(commit(b"b"), value=2) == 2
    await stage.shell.close()
    assert ("send", b"never") not in stage.log
    assert EVENT not in stage.log


async def test_a_command_that_is_refused_half_way_reloads_the_machine_and_nobody_elses_is_lost() -> None:
    """STO-09: what it had begun to change is in memory only, and nothing that follows goes by it."""
    stage = await Stage({"start": [Open(CHANNEL)]}).begin()
    await stage.until(lambda: "connected" in stage.machine.names())

    def half(machine: ScriptedMachine, _now_ms: int) -> tuple[int, list[Effect]]:
        machine.is_ahead = True
        raise UnknownContact("refused half-way")

    before = asyncio.ensure_future(stage.do(commit(b"before"), value=1))
    refused = asyncio.ensure_future(stage.shell.call(half))
    after = asyncio.ensure_future(stage.do(commit(b"after"), value=2))
    with pytest.raises(UnknownContact):
        await refused
    assert (await before, await after) == (1, 2)
    assert stage.shell.machine is stage.loads[0]
    assert stage.loads[0].names()[0] == "start"
    assert [one for one in stage.log if one in (("commit", (b"before",)), ("commit", (b"after",)))] == [
        ("commit", (b"before",)),
        ("commit", (b"after",)),
    ]
    await stage.shell.close()


async def test_who_looks_while_a_machine_is_loaded_again_is_not_told_that_the_store_is_full() -> None:
    stage = await Stage({"start": [Open(CHANNEL)]}).begin()
    stage.before_load = held = Held()

    def half(machine: ScriptedMachine, _now_ms: int) -> tuple[int, list[Effect]]:
        machine.is_ahead = True
        raise UnknownContact("refused half-way")

    with pytest.raises(UnknownContact):
        await stage.shell.call(half)
    await stage.until(held.begun.is_set)
    assert stage.shell.machine is stage.machine
    held.let_go.set()
    await stage.until(lambda: stage.shell.machine is not stage.machine)
    await stage.shell.close()


@pytest.mark.parametrize("fault", [TypeError, ValueError, AttributeError, KeyError, OverflowError])
async def test_a_value_that_a_command_cannot_use_is_its_callers_and_the_machine_is_loaded_again(
    fault: type[Exception],
) -> None:
    """STO-09: what it had begun to change is gone, and what came before and after it is not."""
    stage = await Stage({"start": [Open(CHANNEL)]}).begin()

    def unusable(_machine: ScriptedMachine, _now_ms: int) -> tuple[int, list[Effect]]:
        raise fault("of a value")

    before = asyncio.ensure_future(stage.do(commit(b"before"), value=1))
    refused = asyncio.ensure_future(stage.shell.call(unusable))
    after = asyncio.ensure_future(stage.do(commit(b"after"), value=2))
    with pytest.raises(ConfigError) as raised:
        await refused
    assert isinstance(raised.value.__cause__, fault)
    assert (await before, await after) == (1, 2)
    assert stage.shell.machine is stage.loads[0]
    assert stage.log.index(("commit", (b"before",))) < stage.log.index(("commit", (b"after",)))
    await stage.shell.close()


async def test_a_question_about_a_value_that_it_cannot_use_ends_nothing_and_loads_nothing() -> None:
    stage = await Stage().begin()
    with pytest.raises(ConfigError, match="TypeError"):
        await stage.shell.ask(lambda _machine: len(None))  # type: ignore[arg-type]  # what a caller may do
    assert await stage.do(value=1) == 1
    assert not stage.loads
    await stage.shell.close()


async def test_a_store_that_stays_full_is_tried_again_with_growing_delays() -> None:
    """STO-41: meanwhile no connection stands: the machine that knew them is gone."""
    stage = await Stage({"start": [Open(CHANNEL)]}).begin()
    await stage.until(lambda: "connected" in stage.machine.names())
    stage.load_script = {"start": [commit(b"s")]}
    stage.store.failures.extend([StoreFull("1"), StoreFull("2"), StoreFull("3")])
    with pytest.raises(StoreFull):
        await stage.do(commit(b"a"))
    await stage.until(lambda: len(stage.loads) == 1)
    await stage.until(lambda: stage.transport.connections[0].closed)
    with pytest.raises(StoreFull):
        await stage.do(commit(b"b"))
    stage.clock.advance(999)
    await asyncio.sleep(0.02)
    assert len(stage.loads) == 1
    stage.clock.advance(1)
    await stage.until(lambda: len(stage.loads) == 2)
    await asyncio.sleep(0.02)
    stage.clock.advance(1_999)
    await asyncio.sleep(0.02)
    assert len(stage.loads) == 2
    stage.clock.advance(1)
    await stage.until(lambda: ("commit", (b"s",)) in stage.log)
    assert await stage.do(value=3) == 3
    await stage.shell.close()


async def test_rows_read_as_they_will_be_while_any_commit_is_under_way() -> None:
    """STO-53: that of a step which no command asked for among them; of a refused one nothing is left."""
    stage = await Stage({"tick": [commit(b"t")]}).begin()
    stage.load_script = {"start": [commit(b"s")]}
    rows = stage.shell._rows
    stage.store.failures.extend([StoreFull("1"), StoreFull("2"), None])
    seen: list[list[bytes]] = []
    stage.store.before_commit = lambda: seen.append([change.key for change in rows.changes])
    stage.machine.next_wake_ms = stage.clock.now_ms()
    await stage.do()
    await stage.until(lambda: len(seen) == 2)
    await stage.until(lambda: rows.changes == ())
    stage.clock.advance(1_000)
    await stage.until(lambda: ("commit", (b"s",)) in stage.log)
    await stage.do()
    assert (seen, rows.changes) == ([[b"t"], [b"s"], [b"s"]], ())
    await stage.shell.close()


async def test_a_full_store_met_by_the_network_reloads_as_well() -> None:
    """STO-41"""
    stage = Stage({"start": [Open(CHANNEL)], "received": [commit(b"r")]})
    await stage.begin()
    await stage.until(lambda: "connected" in stage.machine.names())
    stage.store.failures.append(StoreFull("no room"))
    stage.transport.connections[0].arrive(b"x")
    await stage.until(lambda: bool(stage.loads) and "connected" in stage.loads[0].names())
    await stage.shell.close()


async def test_any_other_failure_of_the_store_ends_the_client_with_that_error() -> None:
    stage = await Stage({"start": [Open(CHANNEL)]}).begin()
    await stage.until(lambda: "connected" in stage.machine.names())
    events = stage.events.iterate()
    stage.store.failures.append(StoreCorrupt("damaged"))
    stage.store.before_commit = held = Held()
    first = asyncio.ensure_future(stage.do(commit(b"a")))
    await stage.until(held.begun.is_set)
    second = asyncio.ensure_future(stage.do(commit(b"b")))
    await asyncio.sleep(0.01)
    held.let_go.set()
    for call in (first, second, stage.do(value=1)):
        with pytest.raises(StoreCorrupt):
            await call
    with pytest.raises(StoreCorrupt):
        await events.next(1)
    await stage.shell.close()
    assert stage.store.closed
    assert stage.transport.connections[0].closed


async def test_a_fault_of_the_program_is_told_to_all_and_raised_by_close() -> None:
    stage = await Stage().begin()

    def faulty(_machine: object, _now_ms: int) -> tuple[None, list[object]]:
        raise ZeroDivisionError

    with pytest.raises(ClientClosed) as raised:
        await stage.shell.call(faulty)  # type: ignore[arg-type]  # it only raises
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    with pytest.raises(ClientClosed):
        await stage.do(value=1)
    with pytest.raises(ZeroDivisionError):
        await stage.shell.close()
    assert stage.store.closed


async def test_a_cancelled_caller_withdraws_what_has_not_begun() -> None:
    stage = await Stage().begin()
    stage.store.before_commit = held = Held()
    first = asyncio.ensure_future(stage.do(commit(b"a")))
    await stage.until(held.begun.is_set)
    second = asyncio.ensure_future(stage.do(commit(b"b")))
    third = asyncio.ensure_future(stage.do(commit(b"c")))
    await asyncio.sleep(0.01)
    second.cancel()
    held.let_go.set()
    await asyncio.gather(first, third)
    await stage.shell.close()
    assert [one for one in stage.log if isinstance(one, tuple)] == [("commit", (b"a",)), ("commit", (b"c",))]


async def test_a_caller_cancelled_in_the_middle_leaves_the_command_complete() -> None:
    stage = await Stage().begin()
    stage.store.before_commit = held = Held()
    call = asyncio.ensure_future(stage.do(commit(b"a"), commit(b"b"), Notify(EVENT)))
    await stage.until(held.begun.is_set)
    call.cancel()
    held.let_go.set()
    assert await stage.do(value=1) == 1
    assert stage.log == [("commit", (b"a",)), ("commit", (b"b",)), EVENT]
    await stage.shell.close()


async def test_what_a_closed_connection_still_reports_is_ignored() -> None:
    stage = await Stage({"start": [Open(CHANNEL)]}).begin()
    await stage.until(lambda: "connected" in stage.machine.names())
    stage.transport.connections[0].arrive(b"early")
    await stage.until(lambda: ("received", b"early") in stage.machine.heard)
    stage.transport.connections[0].arrive(b"late")
    await stage.do(Close(CHANNEL))
    await stage.until(lambda: stage.transport.connections[0].closed)
    await asyncio.sleep(0.01)
    assert "disconnected" not in stage.machine.names()
    assert ("received", b"late") not in stage.machine.heard
    await stage.do(Transmit(CHANNEL, b"to nobody"))
    await stage.shell.close()
    assert ("send", b"to nobody") not in stage.log


async def test_a_connection_that_breaks_is_reported_once_and_can_be_opened_again() -> None:
    stage = await Stage({"start": [Open(CHANNEL)], "disconnected": [Open(CHANNEL)]}).begin()
    await stage.until(lambda: "connected" in stage.machine.names())
    stage.transport.connections[0].break_()
    await stage.until(lambda: stage.machine.names().count("connected") == 2)
    assert stage.machine.names() == ["start", "connected", "disconnected", "connected"]
    await stage.shell.close()


async def test_a_slow_store_stops_reading_from_the_network() -> None:
    stage = await Stage({"start": [Open(CHANNEL)], "received": [commit(b"r")]}).begin()
    await stage.until(lambda: "connected" in stage.machine.names())
    gate = threading.Event()

    def wait() -> None:
        gate.wait()

    stage.store.before_commit = wait
    for n in range(200):
        stage.transport.connections[0].arrive(bytes([n]))
    await asyncio.sleep(0.05)
    assert stage.transport.connections[0].received <= MAX_STEPS + MAX_UNREAD + 1
    gate.set()
    await stage.until(lambda: stage.machine.names().count("received") == 200)
    assert [data for name, data in stage.machine.heard if name == "received"] == [
        bytes([n]) for n in range(200)
    ]
    await stage.shell.close()


async def test_the_machine_is_woken_at_its_time_and_not_before() -> None:
    stage = await Stage().begin()
    start_ms = stage.clock.now_ms()

    async def wake_at(ms: int) -> None:
        stage.machine.next_wake_ms = ms
        await stage.do()

    await wake_at(start_ms + 5_000)
    await wake_at(start_ms + 2_000)
    stage.clock.advance(1_999)
    await asyncio.sleep(0.02)
    assert "tick" not in stage.machine.names()
    stage.clock.advance(1)
    await stage.until(lambda: ("tick", start_ms + 2_000) in stage.machine.heard)
    await wake_at(start_ms + 3_000)
    await wake_at(start_ms + 9_000)
    stage.clock.advance(1_500)
    await asyncio.sleep(0.02)
    assert stage.machine.names().count("tick") == 1
    stage.clock.advance(6_000)
    await stage.until(lambda: stage.machine.names().count("tick") == 2)
    await stage.shell.close()


async def test_closing_stops_the_machine_flushes_and_closes_everything_once() -> None:
    stage = await Stage(
        {"start": [Open(CHANNEL)], "stop": [Transmit(CHANNEL, b"bye"), Close(CHANNEL)]}
    ).begin()
    await stage.until(lambda: "connected" in stage.machine.names())
    await asyncio.gather(stage.shell.close(), stage.shell.close())
    await stage.shell.close()
    assert stage.machine.names()[-1] == "stop"
    assert [one for one in stage.log if one != "end"] == [("send", b"bye"), "close connection", "close store"]
    with pytest.raises(ClientClosed):
        await stage.do()
    with pytest.raises(ClientClosed):
        _ = stage.shell.machine


async def test_what_was_called_before_closing_is_carried_out() -> None:
    stage = await Stage().begin()
    call = asyncio.ensure_future(stage.do(commit(b"a"), value=1))
    await asyncio.sleep(0)
    await stage.shell.close()
    assert await call == 1


async def test_closing_goes_on_when_its_caller_is_cancelled() -> None:
    stage = await Stage().begin()
    closing = asyncio.ensure_future(stage.shell.close())
    await asyncio.sleep(0)
    closing.cancel()
    await stage.until(lambda: stage.store.closed)


@pytest.mark.parametrize("all_tasks", [True, False])
async def test_a_close_that_is_cancelled_itself_gives_the_store_back(all_tasks: bool) -> None:
    """Also where a commit is under way; who closes then was not cancelled, and hears of no cancellation."""
    stage = await Stage().begin()
    stage.store.before_commit = held = Held()
    call = asyncio.ensure_future(stage.do(commit(b"a"), Notify(EVENT)))
    await stage.until(held.begun.is_set)
    closing = asyncio.ensure_future(stage.shell.close())
    for _ in range(2):
        await asyncio.sleep(0.01)
        for task in asyncio.all_tasks():
            if task.get_name() == "sealroom-close" or (all_tasks and task.get_name().startswith("sealroom")):
                task.cancel()
    await closing
    held.let_go.set()
    await stage.shell.close()
    with pytest.raises(ClientClosed):
        await call
    await stage.until(lambda: stage.store.closed)
    assert stage.log[-1] == "close store"


async def test_a_cancelled_consumer_refuses_who_waits_and_the_store_still_closes() -> None:
    """What `asyncio.run` does to tasks that were left behind."""
    stage = await Stage().begin()
    stage.store.before_commit = held = Held()
    call = asyncio.ensure_future(stage.do(commit(b"a"), Notify(EVENT)))
    await stage.until(held.begun.is_set)
    waiting = asyncio.ensure_future(stage.do(commit(b"b")))
    await asyncio.sleep(0.01)
    for task in asyncio.all_tasks():
        if task.get_name() == "sealroom-shell":
            task.cancel()
    held.let_go.set()
    for one in (call, waiting):
        with pytest.raises(ClientClosed):
            await one
    await stage.shell.close()
    assert stage.store.closed
    assert EVENT not in stage.log


async def test_offline_the_machine_is_never_started_nor_stopped() -> None:
    stage = await Stage().begin(online=False)
    assert await stage.do(value=1) == 1
    await stage.shell.close()
    assert stage.machine.names() == []


async def test_work_is_found_beside_the_event_loop_and_reported() -> None:
    """RLY-142: the loop turns meanwhile; what is found is enough."""
    stage = await Stage({"start": [Open(CHANNEL)]}).begin()
    await stage.until(lambda: "connected" in stage.machine.names())
    await stage.do(Work(CHANNEL, 5, b"context", 16), Work(CHANNEL, 6, b"other", 8))
    turns = 0
    while "worked" not in stage.machine.names():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1
    await stage.until(lambda: stage.machine.names().count("worked") == 2)
    found = [what for name, what in stage.machine.heard if name == "worked"]
    assert [number for number, _ in found] == [5, 6]  # type: ignore[misc, has-type]  # pairs
    assert pow_is_enough(b"context", found[0][1], 16)  # type: ignore[index]  # a pair
    await stage.shell.close()


async def test_work_ends_with_its_connection() -> None:
    """RLY-142: closing does not wait for work that would take years."""
    stage = await Stage({"start": [Open(CHANNEL)]}).begin()
    await stage.until(lambda: "connected" in stage.machine.names())
    await stage.do(Work(CHANNEL, 5, b"context", 200))
    await asyncio.sleep(0.05)
    await stage.shell.close()
    assert "worked" not in stage.machine.names()
