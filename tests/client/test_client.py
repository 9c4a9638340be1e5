"""The client as an application uses it, over the real relay in memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from conversations import collect, meet, next_of, until
from e2ee_client import (
    Client,
    ConnectionChanged,
    ConnectionState,
    ContactAdded,
    Message,
    MessageReceived,
    MessageState,
    Runtime,
    SealroomError,
    StoreTrouble,
)
from e2ee_client.errors import (
    ClientClosed,
    ConfigError,
    InvalidCard,
    MessageEmpty,
    MessageFailed,
    MessageTooLarge,
    StoreCorrupt,
    StoreExists,
    StoreFull,
    StoreLocked,
    StoreMissing,
    StoreMisuse,
    StoreWrongKey,
    UnknownContact,
    UnknownMessage,
    WaitTimeout,
)
from e2ee_client.rows import Continuity
from e2ee_client.store import INTERACTIVE, RawKey, Store
from e2ee_client.testing import FakeClock, MemoryNetwork

KEY = b"k" * 32


async def test_a_first_message_an_answer_and_their_states(shop: Client, customer: Client) -> None:
    theirs, ours = await meet(customer, shop)
    history = await theirs.history()
    assert [(one.outgoing, one.text) for one in history] == [(True, "first"), (False, "answer")]
    assert [one.text for one in await ours.history()] == ["first", "answer"]
    assert history[0].state is MessageState.DELIVERED
    assert theirs.safety_number() == ours.safety_number()
    assert theirs.qr_payload() == ours.qr_payload()


async def test_sending_returns_when_the_store_has_it_also_without_a_relay(network: MemoryNetwork) -> None:
    network.cut()
    async with network.client() as customer, network.client(publish=True) as shop:
        contact = await customer.add_contact(shop.card())
        message = await contact.send("waits")
        assert message.state is MessageState.QUEUED
        assert [one.text for one in await contact.history()] == ["waits"]
        with pytest.raises(WaitTimeout):
            await message.wait_for(MessageState.SENT, timeout_s=0.05)
        with pytest.raises(WaitTimeout):
            await customer.wait_online(0.05)


async def test_what_waited_goes_out_when_the_network_is_back() -> None:
    network = MemoryNetwork(clock=FakeClock(speed=20))
    async with network.client() as customer, network.client(publish=True) as shop:
        await shop.wait_online(60)
        network.cut()
        contact = await customer.add_contact(shop.card())
        messages = [await contact.send(str(n)) for n in range(5)]
        network.mend()
        await messages[-1].wait_for(MessageState.SENT, timeout_s=60)
        assert await collect(shop.events(), 5) == [str(n) for n in range(5)]


async def test_events_of_first_contact_come_in_order_and_nothing_before_iterating_is_lost(
    shop: Client, customer: Client
) -> None:
    await (await (await customer.add_contact(shop.card())).send("hello")).wait_for(MessageState.SENT, 60)
    events = shop.events()
    # A busy machine may have had to connect again.
    while (await next_of(events, ConnectionChanged)).state is not ConnectionState.ONLINE:
        pass
    added = await next_of(events, ContactAdded)
    received = await next_of(events, MessageReceived)
    assert received.text == "hello"
    assert received.account_id == added.account_id == customer.account_id
    assert not shop.contact(added.account_id).accepted


async def test_receipts_go_out_once_a_contact_is_accepted(shop: Client, customer: Client) -> None:
    """CON-04."""
    message = await (await customer.add_contact(shop.card())).send("hello")
    await until(lambda: [one.account_id for one in shop.contacts()] == [customer.account_id])
    with pytest.raises(WaitTimeout):
        await message.wait_for(MessageState.DELIVERED, timeout_s=1.5)
    await shop.contact(customer.account_id).accept()
    await message.wait_for(MessageState.DELIVERED, timeout_s=60)
    assert shop.contact(customer.account_id).accepted


async def test_read_receipts_only_where_they_are_switched_on(network: MemoryNetwork) -> None:
    """CON-04."""
    async with network.client(publish=True, read_receipts=True) as shop, network.client() as customer:
        await shop.wait_online(60)
        theirs, ours = await meet(customer, shop)
        message = (await theirs.history())[0]
        await ours.mark_read(await ours.history())
        await message.wait_for(MessageState.READ, timeout_s=60)
        await theirs.mark_read(await theirs.history())
        answer = (await ours.history())[1]
        with pytest.raises(WaitTimeout):
            await answer.wait_for(MessageState.READ, timeout_s=0.5)


async def test_the_history_in_pages_and_one_text_by_its_id(shop: Client, customer: Client) -> None:
    """STO-29."""
    theirs, ours = await meet(customer, shop)
    await theirs.send_many([f"part {number}" for number in range(70)])
    newest = await theirs.history()
    assert [one.text for one in newest] == ["first", "answer", *(f"part {number}" for number in range(70))]
    assert await theirs.history(limit=2) == newest[-2:]
    assert await theirs.history(before=newest[5], limit=4) == newest[1:5]
    assert await theirs.history(before=newest[0]) == []
    assert await theirs.message(newest[1].message_id) is newest[1]
    for refused in (theirs.message(bytes(16)), theirs.message(newest[0].message_id, outgoing=False)):
        with pytest.raises(UnknownMessage):
            await refused
    with pytest.raises(UnknownMessage):
        await theirs.history(before=await _other(customer))
    with pytest.raises(ConfigError):
        await ours.history(limit=0)


async def _other(customer: Client) -> Message:
    """A text with another contact."""
    async with MemoryNetwork().client(publish=True, online=False) as stranger:
        return await (await customer.add_contact(stranger.card())).send("elsewhere")


async def test_unread_texts_are_counted_until_they_are_marked(tmp_path: Path, network: MemoryNetwork) -> None:
    """STO-29: without read receipts as well, and after opening again."""
    path = tmp_path / "shop.db"
    async with network.client() as customer:
        for counts in ((0, 2, 1), (1, 3, 2)):
            runtime = network.runtime()
            async with Client.open_or_create(
                path, key=KEY, relay=network.url, publish=True, runtime=runtime
            ) as shop:
                events = shop.events()
                await shop.wait_online(60)
                before = sum(contact.unread for contact in shop.contacts())
                theirs = await customer.add_contact(shop.card())
                await theirs.send_many(["one", "two"])
                received = [await next_of(events, MessageReceived) for _ in range(2)]
                ours = shop.contact(customer.account_id)
                text = await ours.message(received[0].message_id)
                arrived = ours.unread
                await ours.mark_read([text, text])
                assert (before, arrived, ours.unread) == counts
                assert text.state is MessageState.READ


async def test_events_lead_to_their_contact(shop: Client, customer: Client) -> None:
    await (await customer.add_contact(shop.card())).send("hello")
    event = await next_of(shop.events(), MessageReceived)
    assert event.contact == shop.contact(customer.account_id)
    await event.contact.send("welcome")
    alike = MessageReceived(event.account_id, event.message_id, event.text, event.sent_ms, event.received_ms)
    assert (event, repr(event), hash(event)) == (alike, repr(alike), hash(alike))
    with pytest.raises(UnknownContact):
        _ = alike.contact


async def test_opening_or_creating(tmp_path: Path, network: MemoryNetwork) -> None:
    """The second run opens; an account that is there keeps its name, and a wrong key makes no other."""
    path = tmp_path / "me.db"
    seen = []
    for name in ("First", "Second"):
        async with Client.open_or_create(
            path, key=KEY, relay=network.url, name=name, runtime=network.runtime()
        ) as me:
            seen.append((me.account_id, me.card().name))
    assert seen == [seen[0]] * 2
    assert seen[0][1] == "First"
    with pytest.raises(StoreWrongKey):
        await Client.open_or_create(path, key=b"x" * 32, relay=network.url, runtime=network.runtime())
    with pytest.raises(ConfigError):
        Client.open_or_create(path, key=KEY, relay="http://relay.example", runtime=network.runtime())


@pytest.mark.parametrize("name", ["", "x" * 65, "a\x1b[31mb", "a\u202eb", "a\nb"])
async def test_a_contact_is_called_only_what_could_stand_on_a_card(customer: Client, name: str) -> None:
    """ID-33: no escape sequence, no change of direction, not 5 000 characters."""
    async with MemoryNetwork().client(publish=True, online=False, name="Shop") as other:
        contact = await customer.add_contact(other.card())
    with pytest.raises(ConfigError):
        await contact.set_name(name)
    assert contact.name == "Shop"
    await contact.set_name("Bäckerei 貓")
    assert contact.name == "Bäckerei 貓"
    await contact.set_name(None)
    assert contact.name is None


async def test_states_of_messages_in_the_history_follow_too(shop: Client, customer: Client) -> None:
    contact = await customer.add_contact(shop.card())
    sent = await contact.send("hello")
    (found,) = await contact.history()
    assert found is sent
    await found.wait_for(MessageState.SENT, 60)
    assert sent.state is MessageState.SENT
    await found.wait_for(MessageState.QUEUED, 0.1)


async def test_waiting_for_a_message_of_the_other_side_is_refused(shop: Client, customer: Client) -> None:
    theirs, _ = await meet(customer, shop)
    with pytest.raises(ConfigError):
        await (await theirs.history())[1].wait_for(MessageState.SENT)


async def test_a_failed_message_says_so_to_who_waits(shop: Client, customer: Client) -> None:
    theirs, ours = await meet(customer, shop)
    await theirs.forget()
    message = await ours.send("to nobody")
    with pytest.raises((MessageFailed, WaitTimeout)) as raised:
        await message.wait_for(MessageState.DELIVERED, timeout_s=0.5)
    assert isinstance(raised.value, MessageFailed) == (message.state is MessageState.FAILED)


async def test_errors_are_typed_and_carry_code_and_hint(shop: Client, customer: Client) -> None:
    contact = await customer.add_contact(shop.card())
    for text, expected in (("", MessageEmpty), ("x" * 70_000, MessageTooLarge), ("\ud800", ConfigError)):
        with pytest.raises(expected) as raised:
            await contact.send(text)
        assert isinstance(raised.value, SealroomError)
        assert raised.value.code
        assert raised.value.hint
    with pytest.raises(InvalidCard):
        await customer.add_contact("sealroom:contact?v=1&a=wrong&r=wss%3A%2F%2Fx")
    with pytest.raises(ConfigError):
        await shop.add_contact(shop.card())
    with pytest.raises(UnknownContact):
        customer.contact(bytes(32))
    assert [one.text for one in await contact.history()] == []


@pytest.mark.parametrize("given", [b"Hello", None, 7])
async def test_a_value_of_a_wrong_type_is_refused_and_the_client_goes_on(
    shop: Client, customer: Client, given: Any
) -> None:
    contact = await customer.add_contact(shop.card())
    for refused in (
        contact.send(given),
        contact.send_many(["a", given]),
        contact.send_many("Hi"),
        customer.add_contact(given),
    ):
        with pytest.raises(ConfigError):
            await refused
    await (await contact.send("Hello")).wait_for(MessageState.SENT, timeout_s=60)
    assert [one.text for one in await contact.history()] == ["Hello"]


async def test_who_waited_for_the_relay_in_vain_is_told_why(network: MemoryNetwork) -> None:
    network.cut()
    async with network.client(publish=True) as client:
        for wait in (client.wait_online, client.wait_settled):
            with pytest.raises(WaitTimeout, match=r"; wss://.*: relay\.unavailable"):
                await wait(timeout_s=0.3)
        network.mend()
        await client.wait_online(timeout_s=60)


async def test_cards_are_taken_as_uri_json_or_object(shop: Client, customer: Client) -> None:
    """ID-21, ID-22."""
    card = shop.card()
    first = await customer.add_contact(card)
    assert await customer.add_contact(card.to_uri()) == first
    assert await customer.add_contact(card.to_json()) == first
    assert len({first, customer.contact(shop.account_id), *customer.contacts()}) == 1
    assert first.name == "Shop"
    assert first.relay_url == shop.card().relay_url


async def test_names_verification_and_comparison_of_safety_numbers(shop: Client, customer: Client) -> None:
    """ID-25, ID-26."""
    theirs, ours = await meet(customer, shop)
    assert not theirs.view.verified
    assert theirs.matches(ours.qr_payload())
    assert theirs.matches(ours.safety_number().replace(" ", "  "))
    assert not theirs.matches("0" * 60)
    with pytest.raises(ConfigError):
        theirs.matches("no number")
    await theirs.verify()
    assert theirs.verified
    await theirs.verify(False)
    assert [one.view.verified for one in customer.contacts()] == [False]
    await theirs.set_name("Bakery")
    assert theirs.name == "Bakery"
    assert theirs.alarm == ""


async def test_forgetting_leaves_nothing(shop: Client, customer: Client) -> None:
    theirs, _ = await meet(customer, shop)
    await theirs.forget()
    assert customer.contacts() == []
    with pytest.raises(UnknownContact):
        _ = theirs.view
    with pytest.raises(UnknownContact):
        await theirs.send("x")


async def test_a_store_without_room_refuses_the_message_and_the_client_goes_on() -> None:
    network = MemoryNetwork(clock=FakeClock(speed=20))
    runtime = network.runtime()
    async with network.client(publish=True) as shop, network.client(runtime=runtime) as customer:
        await shop.wait_online(60)
        events = customer.events()
        contact = await customer.add_contact(shop.card())
        runtime.store.refuse = True
        with pytest.raises(StoreFull):
            await contact.send("lost")
        assert await next_of(events, StoreTrouble) == StoreTrouble("store.full")
        runtime.store.refuse = False
        message = await _send_when_possible(contact.send, "kept")
        await message.wait_for(MessageState.SENT, timeout_s=60)
        assert await collect(shop.events(), 1) == ["kept"]
        assert [one.text for one in await contact.history()] == ["kept"]


async def _send_when_possible(send: Callable[[str], Awaitable[Message]], text: str) -> Message:
    async with asyncio.timeout(60):
        while True:
            try:
                return await send(text)
            except StoreFull:
                await asyncio.sleep(0.02)


async def test_a_receiver_without_room_acknowledges_nothing_and_gets_it_later() -> None:
    """RLY-35: at least once, until acknowledged."""
    network = MemoryNetwork(clock=FakeClock(speed=20))
    runtime = network.runtime()
    async with network.client(publish=True, runtime=runtime) as shop, network.client() as customer:
        await shop.wait_online(60)
        theirs, _ = await meet(customer, shop)
        events = shop.events()
        runtime.store.refuse = True
        message = await theirs.send("later")
        await message.wait_for(MessageState.SENT, 60)
        await next_of(events, StoreTrouble)
        runtime.store.refuse = False
        assert await collect(events, 1) == ["later"]
        await message.wait_for(MessageState.DELIVERED, 60)


@pytest.mark.parametrize("state", [MessageState.SENT, MessageState.DELIVERED])
async def test_closing_ends_who_waits_and_who_iterates(network: MemoryNetwork, state: MessageState) -> None:
    network.cut()
    client = await network.client()
    other = await network.client(publish=True)
    contact = await client.add_contact(other.card())
    message = await contact.send("x")
    waiting = asyncio.ensure_future(message.wait_for(state))
    online = asyncio.ensure_future(client.wait_online())
    events = client.events()
    iterating = asyncio.ensure_future(collect(events, 1))
    await asyncio.sleep(0.01)
    await client.close()
    await client.close()
    for task in (waiting, online):
        with pytest.raises(ClientClosed):
            await task
    with pytest.raises(ClientClosed):
        await iterating
    assert [one async for one in events] == []
    for call in (contact.send("y"), contact.history(), client.add_contact(other.card()), client.export("p")):
        with pytest.raises(ClientClosed):
            await call
    with pytest.raises(ClientClosed):
        client.card()
    await other.close()


async def test_an_account_is_there_again_after_closing(tmp_path: Path, network: MemoryNetwork) -> None:
    async with network.client(publish=True) as shop:
        await shop.wait_online(60)
        path, runtime = tmp_path / "me.db", network.runtime()
        async with Client.create(path, key=KEY, relay=network.url, runtime=runtime) as me:
            account_id = me.account_id
            assert me.recovery_key is not None
            theirs, ours = await meet(me, shop)
        await ours.send("while away")
        async with Client.open(path, key=KEY, runtime=runtime) as me:
            assert me.account_id == account_id
            assert me.recovery_key is None
            assert await collect(me.events(), 1) == ["while away"]
            contact = me.contact(theirs.account_id)
            assert [one.text for one in await contact.history()] == ["first", "answer", "while away"]
            await (await contact.send("back")).wait_for(MessageState.DELIVERED, timeout_s=60)


async def test_a_store_put_back_from_a_copy_starts_new_sessions_and_settles(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    """STO-15, SES-32: the verdict is recorded with the commit that drops the sessions."""
    async with network.client(publish=True) as shop:
        await shop.wait_online(60)
        path, runtime = tmp_path / "me.db", network.runtime()
        async with Client.create(path, key=KEY, relay=network.url, runtime=runtime) as me:
            await meet(me, shop)
        copy = path.read_bytes()
        async with Client.open(path, key=KEY, runtime=runtime) as me:
            contact = me.contacts()[0]
            await (await contact.send("after the copy")).wait_for(MessageState.DELIVERED, timeout_s=60)
        path.write_bytes(copy)
        async with Client.open(path, key=KEY, runtime=runtime) as me:
            assert not me._store.continuity.keeps_sessions
            message = await me.contacts()[0].send("from the copy")
            await message.wait_for(MessageState.DELIVERED, timeout_s=60)
        async with Client.open(path, key=KEY, runtime=runtime) as me:
            assert me._store.continuity is Continuity.CONTINUOUS
            message = await me.contacts()[0].send("goes on")
            await message.wait_for(MessageState.DELIVERED, timeout_s=60)
            texts = [one.text for one in await shop.contacts()[0].history()]
            assert texts == ["first", "answer", "after the copy", "from the copy", "goes on"]


async def test_offline_a_client_opens_no_connection(tmp_path: Path, network: MemoryNetwork) -> None:
    runtime = network.runtime()
    async with Client.create(
        tmp_path / "x.db", key=KEY, relay=network.url, publish=True, online=False, runtime=runtime
    ) as me:
        assert me.connection_state is ConnectionState.OFFLINE
        assert me.card().relay_url == network.url
    assert network.opened == 0


async def test_a_creation_that_was_interrupted_can_be_repeated(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    """STO-16: the process ended between the making of the store and its first row."""
    path, runtime = tmp_path / "me.db", network.runtime()
    Store.create(path, RawKey(KEY)).close()
    with pytest.raises(StoreExists):
        await Client.create(path, key=KEY, relay=network.url, runtime=runtime)
    with pytest.raises(StoreWrongKey):
        await Client.open(path, key=b"x" * 32, runtime=runtime)
    with pytest.raises(StoreMissing):
        await Client.open(path, key=KEY, runtime=runtime)
    assert not os.listdir(tmp_path)
    await (await Client.create(path, key=KEY, relay=network.url, runtime=runtime)).close()
    await (await Client.open(path, key=KEY, runtime=runtime)).close()


async def test_opening_errors_leave_nothing_open(tmp_path: Path, network: MemoryNetwork) -> None:
    path, runtime = tmp_path / "me.db", network.runtime()
    with pytest.raises(StoreMissing):
        await Client.open(path, key=KEY, runtime=runtime)
    await (await Client.create(path, key=KEY, relay=network.url, runtime=runtime)).close()
    with pytest.raises(StoreExists):
        await Client.create(path, key=KEY, relay=network.url, runtime=runtime)
    for _ in range(2):
        with pytest.raises(StoreWrongKey):
            await Client.open(path, key=b"x" * 32, runtime=runtime)
    await (await Client.open(path, key=KEY, runtime=runtime)).close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"relay": "http://relay.test"},
        {"relay": "ws://relay.test"},
        {"name": "x" * 65},
        {"kind": "company"},
        {"passphrase": "both"},
        {"key": None},
    ],
)
async def test_arguments_that_cannot_be_used_are_refused_before_a_file_exists(
    tmp_path: Path, network: MemoryNetwork, wrong: dict[str, str]
) -> None:
    arguments = {"key": KEY, "relay": network.url, "runtime": network.runtime(), **wrong}
    with pytest.raises(ConfigError):
        Client.create(tmp_path / "x.db", **arguments)  # type: ignore[arg-type]  # wrong on purpose
    assert os.listdir(tmp_path) == []


async def test_a_key_of_the_wrong_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreMisuse):
        Client.open(tmp_path / "x.db", key=b"short")


async def test_cancelled_making_of_an_account_leaves_nothing(tmp_path: Path, network: MemoryNetwork) -> None:
    path, runtime = tmp_path / "me.db", network.runtime()

    async def opening() -> Client:
        return await Client.create(path, passphrase="slow enough", relay=network.url, runtime=runtime)

    task = asyncio.ensure_future(opening())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(60):
        while True:
            try:
                await (await opening()).close()
                break
            except (StoreLocked, StoreExists):
                await asyncio.sleep(0.02)


def test_another_event_loop_than_its_own_is_refused(network: MemoryNetwork) -> None:
    """As `async_to_sync` makes one for each call: nothing would wake who waits there."""

    async def opened() -> Client:
        return await Client.create(None, relay=network.url, runtime=network.runtime())

    async def use() -> None:
        for work in (me.add_contact(me_card), me.wait_online(5), events.next(5), me.close()):
            with pytest.raises(ConfigError):
                await asyncio.wait_for(work, 20)

    own = asyncio.new_event_loop()
    me = own.run_until_complete(opened())
    me_card, events = me.card(), me.events()
    asyncio.run(use())
    own.run_until_complete(me.close())
    asyncio.run(me.close())
    own.close()


async def test_closing_goes_on_however_often_its_caller_is_cancelled(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    """A scope of anyio, in which web frameworks run their handlers, cancels at each await again."""
    path, runtime = tmp_path / "me.db", network.runtime()
    me = await Client.create(path, key=KEY, relay=network.url, runtime=runtime)
    closing = asyncio.ensure_future(me.close())
    while not closing.done():
        await asyncio.sleep(0)
        closing.cancel()
    assert closing.cancelled()
    async with asyncio.timeout(20):
        while True:
            try:
                await (await Client.open(path, key=KEY, runtime=runtime)).close()
                break
            except StoreLocked:
                await asyncio.sleep(0.02)


async def test_closing_again_waits_for_a_close_that_was_cancelled_itself(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    """Nobody has cancelled who closes then; and the store is free."""
    path, runtime = tmp_path / "me.db", network.runtime()
    me = await Client.create(path, key=KEY, relay=network.url, runtime=runtime)
    first = asyncio.ensure_future(me.close())
    await asyncio.sleep(0)
    for task in asyncio.all_tasks():
        if task.get_name() == "sealroom-close":
            task.cancel()
    await first
    await me.close()
    await (await Client.open(path, key=KEY, runtime=runtime)).close()


async def test_a_cancelled_opening_gives_the_store_back(tmp_path: Path, network: MemoryNetwork) -> None:
    path, runtime = tmp_path / "me.db", network.runtime()
    await (await Client.create(path, passphrase="p", relay=network.url, runtime=runtime)).close()

    async def opening() -> Client:
        return await Client.open(path, passphrase="p", runtime=runtime)

    task = asyncio.ensure_future(opening())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(60):
        while True:
            try:
                await (await opening()).close()
                break
            except StoreLocked:
                await asyncio.sleep(0.02)


async def test_a_damaged_store_is_an_error_of_opening(tmp_path: Path, network: MemoryNetwork) -> None:
    path, runtime = tmp_path / "me.db", network.runtime()
    await (await Client.create(path, key=KEY, relay=network.url, runtime=runtime)).close()
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(StoreCorrupt):
        await Client.open(path, key=KEY, runtime=runtime)


async def test_the_passphrase_can_be_changed(tmp_path: Path, network: MemoryNetwork) -> None:
    """STO-05."""
    path = tmp_path / "me.db"
    runtime = Runtime(transport=network, kdf_profile=INTERACTIVE, rng=os.urandom)
    async with Client.create(path, passphrase="old", relay=network.url, runtime=runtime) as me:
        with pytest.raises(StoreWrongKey):
            await me.change_passphrase("wrong", "new")
        await me.change_passphrase("old", "new")
    with pytest.raises(StoreWrongKey):
        await Client.open(path, passphrase="old", runtime=runtime)
    await (await Client.open(path, passphrase="new", runtime=runtime)).close()
