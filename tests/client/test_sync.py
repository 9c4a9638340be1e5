"""The synchronous facade: the same names, the same behaviour, from any thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import both_halves
import e2ee_client
import pytest
from e2ee_client import MessageReceived, MessageState, sync
from e2ee_client.errors import ClientClosed, ConfigError, MessageEmpty, StoreWrongKey, WaitTimeout
from e2ee_client.runtime import event_stream
from e2ee_client.runtime.background import Background
from e2ee_client.testing import FakeClock, MemoryNetwork

KEY = b"k" * 32
LONG_S = 60.0
PAIRS = [
    (e2ee_client.Client, sync.Client),
    (e2ee_client.Contact, sync.Contact),
    (e2ee_client.Message, sync.Message),
    (e2ee_client.Invitation, sync.Invitation),
    (event_stream.EventIterator, sync.EventIterator),
]
# What the client itself calls on its handles, and what rooms stand on.
INTERNAL = {"advance", "put", "end", "files", "shell", "progress", "runtime"}
# What an asynchronous handle has as plain attributes.
ATTRIBUTES = {"account_id", "message_id", "outgoing", "text", "sent_ms", "received_ms", "state", "reason"}


@pytest.mark.parametrize(("asynchronous", "synchronous"), PAIRS)
def test_both_have_the_same_names_and_arguments(asynchronous: type, synchronous: type) -> None:
    assert not both_halves.faults(asynchronous, synchronous, INTERNAL, ATTRIBUTES)


def test_instances_have_the_same_attributes() -> None:
    network = MemoryNetwork()
    with sync.Client.create(None, relay=network.url, runtime=network.runtime()) as me:
        public = {name for name in vars(me.inner) if not name.startswith("_")}
        assert public <= {name for name in dir(me) if not name.startswith("_")}


def test_a_conversation_without_an_event_loop(tmp_path: Path) -> None:
    network = MemoryNetwork(clock=FakeClock(speed=20))
    with (
        sync.Client.create(
            tmp_path / "shop.db",
            key=KEY,
            relay=network.url,
            publish=True,
            name="Shop",
            runtime=network.runtime(),
        ) as shop,
        sync.Client.create(None, relay=network.url, runtime=network.runtime()) as customer,
    ):
        shop.wait_online(60)
        contact = customer.add_contact(shop.card().to_uri())
        message = contact.send("hello")
        message.wait_for(MessageState.SENT, timeout_s=60)
        received = _received(shop.events())
        ours = shop.contact(received.account_id)
        ours.send("welcome")
        message.wait_for(MessageState.DELIVERED, timeout_s=60)
        assert message.state is MessageState.DELIVERED
        assert message.reason == ""
        assert _received(customer.events()).text == "welcome"
        assert [one.text for one in contact.history()] == ["hello", "welcome"]
        assert contact.safety_number() == ours.safety_number()
        assert contact.matches(ours.qr_payload())
        assert (contact.name, contact.relay_url, contact.alarm) == ("Shop", network.url, "")
        contact.set_name("Bakery")
        contact.verify()
        assert contact.verified
        assert contact.accepted
        assert contact == customer.contacts()[0]
        assert len({contact, *customer.contacts()}) == 1
        contact.mark_read(contact.history())
        ours.accept()
        saved, key = shop.export("p"), shop.export_account_key("p")
        shop.remove_account_key()
        shop.install_list(e2ee_client.sign_renewal(key, "p", shop.renewal_request()))
        assert shop.list_expires_ms > network.clock.now_ms()
        contact.forget()
        assert customer.contacts() == []
    with sync.Client.restore(
        None, saved, backup_passphrase="p", online=False, runtime=network.runtime()
    ) as again:
        assert again.card().name == "Shop"
        assert len(again.contacts()) == 1


def _received(events: sync.EventIterator) -> MessageReceived[sync.Contact]:
    return next(one for one in events if isinstance(one, MessageReceived))


def test_opening_again_and_errors(tmp_path: Path) -> None:
    network, path = MemoryNetwork(), tmp_path / "me.db"
    runtime = network.runtime()
    with sync.Client.create(path, passphrase="old", relay=network.url, runtime=runtime) as me:
        account_id = me.account_id
        assert me.recovery_key is not None
        me.change_passphrase("old", "new")
        contact = me.add_contact(_card(network))
        with pytest.raises(MessageEmpty):
            contact.send("")
        with pytest.raises(WaitTimeout):
            contact.send("waits").wait_for(MessageState.READ, timeout_s=0.05)
    with pytest.raises(StoreWrongKey):
        sync.Client.open(path, passphrase="old", runtime=runtime)
    with sync.Client.open(path, passphrase="new", runtime=runtime, online=False) as me:
        assert me.account_id == account_id
        assert me.connection_state is e2ee_client.ConnectionState.OFFLINE


def _card(network: MemoryNetwork) -> e2ee_client.ContactCard:
    with sync.Client.create(None, relay=network.url, publish=True, runtime=network.runtime()) as other:
        return other.card()


def test_closing_ends_iteration_waiting_and_the_thread() -> None:
    network = MemoryNetwork()
    network.cut()
    me = sync.Client.create(None, relay=network.url, runtime=network.runtime())
    events = me.events()
    waited: list[BaseException] = []

    def wait() -> None:
        try:
            me.wait_online()
        except ClientClosed as error:
            waited.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    seen: list[object] = []
    reader = threading.Thread(target=lambda: seen.extend(events))
    reader.start()
    me.close()
    me.close()
    thread.join(LONG_S)
    reader.join(LONG_S)
    assert not thread.is_alive()
    assert not reader.is_alive()
    assert len(waited) == 1
    assert not any(one.name == "sealroom-sync" for one in threading.enumerate())
    with pytest.raises(ClientClosed):
        me.card()


@pytest.mark.parametrize("ends_by_itself", [True, False])
def test_what_is_handed_over_while_the_last_client_closes_ends(
    ends_by_itself: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread is held up until the work, and then the word to end, wait for it."""
    background = Background(grace_s=LONG_S if ends_by_itself else 0.2)
    handed_over, held_up = threading.Event(), threading.Event()
    outcome: list[object] = []
    hand_over = asyncio.run_coroutine_threadsafe

    def noted(work: Coroutine[Any, Any, str], loop: asyncio.AbstractEventLoop) -> Future[str]:
        future = hand_over(work, loop)
        handed_over.set()
        return future

    async def work() -> str:
        await asyncio.sleep(0 if ends_by_itself else 3_600)
        return "done"

    def run() -> None:
        try:
            outcome.append(background.run(work()))
        except ClientClosed as error:
            outcome.append(error.code)

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", noted)
    background.hold()
    loop = background._loop
    assert loop is not None
    loop.call_soon_threadsafe(held_up.wait)
    runner, closer = (threading.Thread(target=one, daemon=True) for one in (run, background.release))
    runner.start()
    assert handed_over.wait(LONG_S)
    closer.start()
    while background._loop is not None:
        time.sleep(0.001)
    held_up.set()
    for thread in (closer, runner):
        thread.join(LONG_S)
        assert not thread.is_alive()
    assert outcome == ["done" if ends_by_itself else ClientClosed.code]


def test_a_signal_handler_may_call_while_its_thread_hands_work_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler runs in the middle of whatever the main thread does, also under the lock."""
    background, answers = Background(), list[str]()
    hand_over = asyncio.run_coroutine_threadsafe

    def interrupted(work: Coroutine[Any, Any, str], loop: asyncio.AbstractEventLoop) -> Future[str]:
        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", hand_over)
        answers.append(background.ask(lambda: "handler"))
        return hand_over(work, loop)

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", interrupted)
    background.hold()
    caller = threading.Thread(target=lambda: answers.append(background.ask(lambda: "caller")), daemon=True)
    caller.start()
    caller.join(10)
    assert answers == ["handler", "caller"]
    background.release()


def test_calls_from_several_threads() -> None:
    network = MemoryNetwork()
    network.cut()
    with sync.Client.create(None, relay=network.url, runtime=network.runtime()) as me:
        contact = me.add_contact(_card(MemoryNetwork()))
        threads = [threading.Thread(target=contact.send, args=(str(n),)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(one.text for one in contact.history()) == [str(n) for n in range(8)]


def test_a_close_that_was_refused_in_an_event_loop_can_be_repeated(tmp_path: Path) -> None:
    network, path = MemoryNetwork(), tmp_path / "me.db"
    me = sync.Client.create(path, key=KEY, relay=network.url, runtime=network.runtime())

    async def wrong() -> None:
        with pytest.raises(ConfigError):
            me.close()

    asyncio.run(wrong())
    assert me.contacts() == []
    me.close()
    sync.Client.open(path, key=KEY, runtime=network.runtime()).close()


def test_it_refuses_to_block_an_event_loop() -> None:
    network = MemoryNetwork()

    async def wrong() -> None:
        with pytest.raises(ConfigError):
            sync.Client.create(None, relay=network.url, runtime=network.runtime())

    asyncio.run(wrong())
    assert not any(one.name == "sealroom-sync" for one in threading.enumerate())


def test_attributes_have_the_types_of_the_asynchronous_ones() -> None:
    for pair in PAIRS:
        assert not both_halves.wrong_types(*pair, INTERNAL)


def test_events_lead_to_handles_of_the_facade() -> None:
    network = MemoryNetwork(clock=FakeClock(speed=20))
    with (
        sync.Client.create(None, relay=network.url, publish=True, runtime=network.runtime()) as shop,
        sync.Client.create(None, relay=network.url, runtime=network.runtime()) as customer,
    ):
        shop.wait_online(60)
        events, others = shop.events(), shop.events()
        customer.add_contact(shop.card()).send("hello")
        for one in (_received(events), _received(others)):
            assert isinstance(one.contact, sync.Contact)
            assert one.contact == shop.contact(one.account_id)
            one.contact.send("welcome").wait_for(MessageState.SENT, timeout_s=60)
        texts = shop.contacts()[0].history()
        assert [text.text for text in texts] == ["hello", "welcome", "welcome"]
        assert shop.contacts()[0].history(texts[-1], 1) == texts[1:2]
        assert (shop.contacts()[0].unread, shop.contacts()[0].message(texts[0].message_id)) == (1, texts[0])


def test_open_or_create_twice(tmp_path: Path) -> None:
    network, path = MemoryNetwork(), tmp_path / "me.db"
    made = []
    for name in ("First", "Second"):
        with sync.Client.open_or_create(
            path, key=KEY, relay=network.url, name=name, runtime=network.runtime()
        ) as me:
            made.append((me.account_id, me.card().name, me.recovery_key is not None))
    assert made == [(made[0][0], "First", True), (made[0][0], "First", False)]
