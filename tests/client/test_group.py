"""Bursts: steps that share a commit, rows that are not on disk yet, and what is left when a commit fails."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conversations import meet, until
from e2ee_client import Client, Contact, Message, MessageState
from e2ee_client.engine import Commit, Effect, Notify, Open, Transmit
from e2ee_client.errors import (
    ConfigError,
    MessageEmpty,
    MessageTooLarge,
    StoreFull,
    StoreUnavailable,
    UnknownContact,
)
from e2ee_client.events import ContactAdded
from e2ee_client.opening import Runtime
from e2ee_client.rows import Change, Delete, Put
from e2ee_client.runtime.group import MAX_STEPS, Uncommitted
from e2ee_client.runtime.machine import RowStore
from e2ee_client.store import INTERACTIVE, Store
from e2ee_client.testing import MemoryNetwork
from hypothesis import given
from hypothesis import strategies as st
from scripted_machine import CHANNEL, Held, ScriptedMachine, Stage

KEY = bytes(range(32))
EVENT = ContactAdded(b"a" * 32)


def commit(name: bytes) -> Commit:
    return Commit((Put("meta", name, b""),))


async def online_stage() -> Stage:
    stage = await Stage({"start": [Open(CHANNEL)]}).begin()
    await stage.until(lambda: "connected" in stage.machine.names())
    stage.log.clear()
    return stage


async def test_steps_that_wait_share_a_commit_and_nothing_of_any_is_sent_before_it() -> None:
    """STO-27."""
    stage = await online_stage()
    stage.store.before_commit = lambda: time.sleep(0.02)
    names = [bytes([n]) for n in range(5)]
    await asyncio.gather(*(stage.do(commit(name), Transmit(CHANNEL, name)) for name in names))
    await stage.until(lambda: len(stage.log) == 6)
    await stage.shell.close()
    assert stage.log[:6] == [("commit", tuple(names)), *(("send", name) for name in names)]


async def test_a_commit_that_fails_leaves_nothing_of_any_step() -> None:
    """STO-27, STO-09: all callers are told, nothing was sent, and the machine begins anew."""
    stage = await online_stage()
    stage.store.failures.append(StoreFull("no room"))
    calls = (stage.do(commit(bytes([n])), Transmit(CHANNEL, b"never"), Notify(EVENT)) for n in range(5))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreFull] * 5
    await stage.until(lambda: bool(stage.loads) and "connected" in stage.loads[0].names())
    assert await stage.do(commit(b"after"), value=1) == 1
    await stage.shell.close()
    assert ("send", b"never") not in stage.log
    assert EVENT not in stage.log
    assert [one for one in stage.log if isinstance(one, tuple)] == [("commit", (b"after",))]


async def test_an_error_of_one_step_is_its_callers_alone() -> None:
    stage = await online_stage()

    def refuse(machine: ScriptedMachine, now_ms: int) -> tuple[None, list[Effect]]:
        raise UnknownContact("x")

    calls = (stage.do(commit(b"1"), value=1), stage.shell.call(refuse), stage.do(commit(b"2"), value=2))
    first, second, third = await asyncio.gather(*calls, return_exceptions=True)
    await stage.shell.close()
    assert (first, third) == (1, 2)
    assert isinstance(second, UnknownContact)
    assert ("commit", (b"1", b"2")) in stage.log


async def test_a_step_that_opens_a_connection_ends_its_group() -> None:
    stage = await Stage().begin()
    await asyncio.gather(
        stage.do(commit(b"1")), stage.do(commit(b"2"), Open(CHANNEL)), stage.do(commit(b"3"))
    )
    await stage.shell.close()
    assert [one for one in stage.log if isinstance(one, tuple)] == [
        ("commit", (b"1", b"2")),
        ("commit", (b"3",)),
    ]


async def test_a_group_is_bounded() -> None:
    stage = await Stage().begin()
    count = 2 * MAX_STEPS + 1
    await asyncio.gather(*(stage.do(commit(n.to_bytes(2))) for n in range(count)))
    await stage.shell.close()
    sizes = [len(one[1]) for one in stage.log if isinstance(one, tuple)]
    assert sizes == [MAX_STEPS, MAX_STEPS, 1]


# --- rows that are not on disk yet ---

KEYS = st.sampled_from([b"1", b"2", b"3", b"4"])
TABLES = st.sampled_from(["meta", "message"])
CHANGES = st.lists(
    st.one_of(st.builds(Put, TABLES, KEYS, st.binary(max_size=2)), st.builds(Delete, TABLES, KEYS)),
    max_size=8,
)


class Plain:
    """Rows in a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, bytes], bytes] = {}

    def commit(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, Put):
                self.rows[change.table, change.key] = change.value
            else:
                self.rows.pop((change.table, change.key), None)

    def get(self, table: str, key: bytes) -> bytes | None:
        return self.rows.get((table, key))

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        yield from [(key, value) for (place, key), value in self.rows.items() if place == table]


@given(CHANGES, st.lists(CHANGES, max_size=3))
def test_uncommitted_rows_read_as_they_will_after_the_commit(
    before: list[Change], steps: list[list[Change]]
) -> None:
    """STO-27: also in what is committed at last."""
    store, expected = Plain(), Plain()
    store.commit(before)
    expected.commit(before)
    rows = Uncommitted(store)
    for changes in steps:
        rows.hold(changes)
        expected.commit(changes)
    for table in ("meta", "message"):
        assert dict(rows.items(table)) == dict(expected.items(table))
        assert [rows.get(table, key) for key in (b"1", b"4")] == [
            expected.get(table, key) for key in (b"1", b"4")
        ]
    store.commit(rows.changes)
    rows.clear()
    assert store.rows == expected.rows


# --- whole clients ---


TEXTS = [f"part {n}" for n in range(20)]


def _texts(changes: Sequence[Change]) -> int:
    return sum(isinstance(change, Put) and change.table == "message" for change in changes)


async def _burst(contact: Contact, how: str) -> list[Message]:
    if how == "at once":
        return await contact.send_many(TEXTS)
    return await asyncio.gather(*(contact.send(text) for text in TEXTS))


@pytest.mark.parametrize("how", ["at once", "side by side"])
async def test_a_burst_shares_a_commit_and_arrives_whole_and_in_order(
    network: MemoryNetwork, shop: Client, how: str
) -> None:
    """STO-27, STO-28."""
    runtime = network.runtime()
    async with network.client(runtime=runtime) as customer:
        theirs, _ = await meet(customer, shop)
        runtime.store.record.clear()
        messages = await _burst(theirs, how)
        # What is confirmed soon after is stored again.
        assert next(filter(None, map(_texts, runtime.store.record))) == len(TEXTS)
        await asyncio.gather(*(one.wait_for(MessageState.DELIVERED, timeout_s=60) for one in messages))
        assert [one.text for one in await theirs.history() if one.outgoing][1:] == TEXTS
        told = [one.text for one in await shop.contact(customer.account_id).history() if not one.outgoing]
    assert told[1:] == TEXTS


async def test_a_burst_with_a_text_that_does_not_fit_is_not_sent_at_all(
    customer: Client, shop: Client
) -> None:
    """STO-28."""
    theirs, _ = await meet(customer, shop)
    for wrong, error in (("", MessageEmpty), ("x" * 70_000, MessageTooLarge), ("\ud800", ConfigError)):
        with pytest.raises(error):
            await theirs.send_many(["one", wrong, "two"])
    assert await theirs.send_many([]) == []
    assert [one.text for one in await theirs.history()] == ["first", "answer"]


@pytest.mark.parametrize("how", ["at once", "side by side"])
async def test_a_burst_without_room_leaves_nothing(network: MemoryNetwork, shop: Client, how: str) -> None:
    """STO-27, STO-09: all of it is refused, none of it is sent, and the conversation goes on."""
    runtime = network.runtime()
    async with network.client(runtime=runtime) as customer:
        theirs, _ = await meet(customer, shop)
        runtime.store.refuse = True
        with pytest.raises(StoreFull):
            await _burst(theirs, how)
        runtime.store.refuse = False
        async with asyncio.timeout(60):
            while True:
                with suppress(StoreFull):
                    last = await theirs.send("after")
                    break
                await asyncio.sleep(0.01)
            await last.wait_for(MessageState.DELIVERED, timeout_s=60)
        assert [one.text for one in await theirs.history() if one.outgoing] == ["first", "after"]
        told = [one.text for one in await shop.contact(customer.account_id).history() if not one.outgoing]
    assert told == ["first", "after"]


# --- what is asked meanwhile ---


@pytest.fixture
def slow_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads a page of texts beside the event loop goes on when no uncommitted row is left."""
    get, loop = Uncommitted.get, threading.current_thread()

    def slowly(rows: Uncommitted, table: str, key: bytes) -> bytes | None:
        row, end = get(rows, table, key), time.monotonic() + 1
        while table == "timeline" and threading.current_thread() is not loop and time.monotonic() < end:
            if not rows.changes:
                break
            time.sleep(0.001)
        return row

    monkeypatch.setattr(Uncommitted, "get", slowly)


@pytest.mark.usefixtures("slow_reader")
async def test_a_history_that_is_asked_for_during_a_refused_commit_knows_nothing_of_it(
    network: MemoryNetwork, shop: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STO-53: a page that names a text which is then gone looked like a damaged store."""
    runtime = network.runtime()
    async with network.client(runtime=runtime) as customer:
        theirs, _ = await meet(customer, shop)
        held, commit = Held(), runtime.store.commit

        def refuse(changes: Sequence[Change]) -> None:
            if not _texts(changes):
                commit(changes)
                return
            held()
            raise StoreFull("no room")

        with monkeypatch.context() as full:
            full.setattr(runtime.store, "commit", refuse)
            sending = asyncio.ensure_future(theirs.send("refused"))
            await until(held.begun.is_set)
            reading = asyncio.ensure_future(theirs.history())
            await asyncio.sleep(0)
        held.let_go.set()
        with pytest.raises(StoreFull):
            await sending
        assert [one.text for one in await reading] == ["first", "answer"]


class CrashingStore:
    """Ends its client at a commit with texts, before or after it is on disk; nothing follows."""

    def __init__(self, store: RowStore) -> None:
        self._store = store
        self.crashes = False
        self.committed = True

    def commit(self, changes: Sequence[Change]) -> None:
        crashes = self.crashes and _texts(changes) > 0
        if self.committed or not crashes:
            self._store.commit(changes)
        if crashes:
            raise StoreUnavailable("the process ended here, says the test")

    def close(self) -> None:
        self._store.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashingRuntime(Runtime):
    """Puts the crashing store in between."""

    made: list[CrashingStore] = field(default_factory=list)

    def row_store(self, store: Store) -> RowStore:
        self.made.append(CrashingStore(store))
        return self.made[-1]


def _crashing(network: MemoryNetwork) -> CrashingRuntime:
    return CrashingRuntime(transport=network, clock=network.clock, kdf_profile=INTERACTIVE)


@pytest.mark.parametrize("committed", [False, True], ids=["before the commit", "after the commit"])
@pytest.mark.parametrize("how", ["at once", "side by side"])
async def test_a_crash_within_a_sent_burst(
    tmp_path: Path, network: MemoryNetwork, shop: Client, how: str, committed: bool
) -> None:
    """STO-27, RLY-30: none of it, or all of it once and in order; never a part."""
    path, runtime = tmp_path / "me.db", _crashing(network)
    client = await Client.create(path, key=KEY, relay=network.url, runtime=runtime)
    theirs, _ = await meet(client, shop)
    runtime.made[-1].crashes, runtime.made[-1].committed = True, committed
    with pytest.raises(StoreUnavailable):
        await _burst(theirs, how)
    with suppress(StoreUnavailable):
        await client.close()
    async with Client.open(path, key=KEY, runtime=runtime) as again:
        theirs = again.contact(shop.account_id)
        await (await theirs.send("later")).wait_for(MessageState.DELIVERED, timeout_s=60)
        told = [one.text for one in await shop.contact(again.account_id).history() if not one.outgoing]
    assert told == ["first", *(TEXTS if committed else []), "later"]


@pytest.mark.parametrize("committed", [False, True], ids=["before the commit", "after the commit"])
async def test_a_crash_within_a_received_burst(
    tmp_path: Path, network: MemoryNetwork, shop: Client, committed: bool
) -> None:
    """STO-27, STO-09: what was not acknowledged comes again, and the application hears of each text once."""
    path, runtime = tmp_path / "me.db", _crashing(network)
    client = await Client.create(path, key=KEY, relay=network.url, runtime=runtime)
    _, ours = await meet(client, shop)
    runtime.made[-1].crashes, runtime.made[-1].committed = True, committed
    messages = await ours.send_many(TEXTS)
    with pytest.raises(StoreUnavailable):
        async for _ in client.events():
            pass
    with suppress(StoreUnavailable):
        await client.close()
    async with Client.open(path, key=KEY, runtime=runtime) as again:
        await asyncio.gather(*(one.wait_for(MessageState.DELIVERED, timeout_s=60) for one in messages))
        history = await again.contact(shop.account_id).history()
    assert [one.text for one in history if not one.outgoing] == ["answer", *TEXTS]
