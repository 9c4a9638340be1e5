"""An account with several devices: invited, listed, struck off (ACC-31 to ACC-36, ID-41)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from conversations import collect, next_of, until
from e2ee_client import (
    Client,
    DeviceRemoved,
    EventIterator,
    MessageReceived,
    MessageState,
    SessionProven,
    sync,
)
from e2ee_client.errors import (
    AccountKeyAbsent,
    InviteExpired,
    InviteInvalid,
    RelayUnavailable,
    StoreExists,
    UnknownDevice,
    WaitTimeout,
)
from e2ee_client.relay_box import BoxAddress, RelayBox
from e2ee_client.testing import MemoryNetwork
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import MAX_POW_BITS

from e2ee import identity
from e2ee.identity import DeviceKind
from e2ee.rooms import invite as invites
from e2ee.rooms.invite import Request, Step, Welcome
from e2ee.secret import InviteSecret

DAY_MS = 86_400_000


class Screen:
    """What the new device shows."""

    def __init__(self) -> None:
        self.digits = ""

    def __call__(self, digits: str) -> None:
        self.digits = digits


async def joined(network: MemoryNetwork, holder: Client, *, front_desk: bool = True) -> Client:
    """Let a device join, as two persons would do."""
    screen = Screen()
    async with await holder.invite(front_desk=front_desk) as invite:
        joining = asyncio.create_task(_join(network, holder, invite.code, screen))
        digits = await invite.digits(60)
        await until(lambda: screen.digits != "")
        assert digits == screen.digits
        device_id = await invite.confirm(60)
    client = await joining
    assert client.devices()[0].device_id == device_id
    await client.wait_settled(60)
    return client


async def _join(network: MemoryNetwork, holder: Client, code: str, screen: Screen) -> Client:
    return await Client.join(None, code, card=holder.card(), show_digits=screen, runtime=network.runtime())


@pytest.fixture
async def second(network: MemoryNetwork, shop: Client) -> AsyncIterator[Client]:
    """A second device of the shop, online."""
    client = await joined(network, shop)
    yield client
    await client.close()


async def test_both_devices_get_a_text_and_both_answer(
    network: MemoryNetwork, shop: Client, second: Client, customer: Client
) -> None:
    """ACC-35, SES-39: one card, one text, two devices; each answers by itself."""
    assert second.account_id == shop.account_id
    assert {one.device_id for one in shop.devices()} == {one.device_id for one in second.devices()}
    events, theirs = (shop.events(), second.events()), await customer.add_contact(shop.card())
    message = await theirs.send("to both")
    for client, seen in zip((shop, second), events, strict=True):
        received = await next_of(seen, MessageReceived)
        assert received.text == "to both"
        await client.contact(customer.account_id).send(f"from {len(client.devices())}")
    assert await collect(customer.events(), 2) == ["from 2", "from 2"]
    await message.wait_for(MessageState.DELIVERED, timeout_s=60)


async def test_the_joiner_has_no_account_key_and_no_history(second: Client) -> None:
    """ACC-35: it can neither invite nor remove, nor make a backup."""
    with pytest.raises(AccountKeyAbsent):
        await second.invite()
    with pytest.raises(AccountKeyAbsent):
        await second.remove_device(second.devices()[1].device_id)
    with pytest.raises(AccountKeyAbsent):
        await second.export("backup")
    assert second.contacts() == []


async def test_a_device_that_is_struck_off(
    network: MemoryNetwork, shop: Client, second: Client, customer: Client
) -> None:
    """ID-28: the customer is told, and goes on with the other one."""
    seen, theirs = customer.events(), await customer.add_contact(shop.card())
    await theirs.send("to both")
    for client in (shop, second):
        await next_of(client.events(), MessageReceived)
        await client.contact(customer.account_id).accept()
    await collect_sessions(seen, 2)
    (other,) = (one.device_id for one in shop.devices() if not one.is_this)
    with pytest.raises(UnknownDevice):
        await shop.remove_device(bytes(16))
    await shop.remove_device(other)
    await shop.wait_settled(60)
    assert len(shop.devices()) == 1
    assert (await next_of(seen, DeviceRemoved)).device_id == other
    events = shop.events()
    await theirs.send("to one")
    assert await collect(events, 1) == ["to one"]
    assert [one.text for one in await second.contact(customer.account_id).history()] == ["to both"]


async def collect_sessions(events: EventIterator, count: int) -> None:
    """Wait until so many sessions are proven."""
    for _ in range(count):
        await next_of(events, SessionProven)


# --- attacks on an invite ---


async def test_a_strangers_code_leaves_nothing(network: MemoryNetwork, shop: Client, tmp_path: Path) -> None:
    """ACC-31: the code of another account, with the card of ours; and a place that is taken."""
    async with network.client(publish=True) as stranger:
        await stranger.wait_settled(60)
        async with await stranger.invite() as theirs, await shop.invite() as ours:
            opened, screen = network.opened, Screen()
            with pytest.raises(InviteInvalid) as caught:
                await _join(network, shop, theirs.code, screen)
            assert caught.value.code == "link.code"
            with pytest.raises(InviteInvalid):
                await _join(network, shop, ours.code[:-1], screen)
            taken = tmp_path / "taken.db"
            taken.write_bytes(b"")
            with pytest.raises(StoreExists):
                await Client.join(
                    taken,
                    ours.code,
                    card=shop.card(),
                    show_digits=screen,
                    key=bytes(32),
                    runtime=network.runtime(),
                )
            assert (network.opened, screen.digits) == (opened, "")


async def test_a_code_serves_one_device(network: MemoryNetwork, shop: Client) -> None:
    """ACC-32, ACC-34, ACC-53: a second device before the digits are confirmed ends the invite on all three.
    Control: the first one alone joins.
    """
    screens, lists = (Screen(), Screen()), shop.list_expires_ms
    async with await shop.invite() as invite:
        joining = [asyncio.create_task(_join(network, shop, invite.code, one)) for one in screens]
        await until(invite._server.done)
        for step in (invite.digits, invite.confirm):
            with pytest.raises(InviteInvalid):
                await step(60)
    assert (len(shop.devices()), shop.list_expires_ms) == (1, lists)
    for one in joining:
        with pytest.raises(InviteInvalid):
            await one
    client = await joined(network, shop)
    await client.close()
    assert len(shop.devices()) == 2


async def test_a_used_code_finds_nobody(network: MemoryNetwork, shop: Client) -> None:
    """ACC-32: the mailbox is gone."""
    screen = Screen()
    async with await shop.invite() as invite:
        joining = asyncio.create_task(_join(network, shop, invite.code, screen))
        await invite.digits(60)
        await invite.confirm(60)
    await (await joining).close()
    with pytest.raises(InviteExpired):
        await _join(network, shop, invite.code, Screen())
    assert len(shop.devices()) == 2


@pytest.mark.parametrize("wrong", ["nothing", "kind", "front desk", "device id"])
async def test_the_record_is_the_one_that_was_invited(
    network: MemoryNetwork, shop: Client, wrong: str
) -> None:
    """ACC-35, ACC-53: whoever has the code can send any record, and is told; `nothing` is the control."""
    async with await shop.invite(kind="agent") as shown:
        invite = invites.parse(shop.card().account_id, shown.code)
        forged = {
            "nothing": invite,
            "kind": replace(invite, kind=DeviceKind.PERSON),
            "front desk": replace(invite, front_desk=True),
            "device id": replace(invite, secret=InviteSecret(bytes(16))),
        }[wrong]
        device = forged.make_device(shop._shell.now_ms, shop._shell.now_ms + DAY_MS, os.urandom)
        address = BoxAddress(bytes(16), bytes(32))
        box = await RelayBox.open(network, network.url, address, None, os.urandom)
        message = Request(device.record, *address).encode()
        place = BoxAddress(*invite.place()[:2])
        await box.send(place, b"\x01\x01" + os.urandom(88 + 512 + 16))  # does not open: passed over
        await box.send(place, invite.seal(Step.IN, message, os.urandom))
        if wrong == "nothing":
            opening = invite.open_(Step.OPENING, await box.receive())
            assert await shown.digits(60) == invite.digits(message, opening)
        else:
            assert invite.open_(Step.OUT, await box.receive()) == b""
            with pytest.raises(InviteInvalid):
                await shown.digits(60)
            with pytest.raises(InviteInvalid):
                await shown.confirm(60)
        await box.close()
    assert len(shop.devices()) == 1


@pytest.mark.parametrize("wrong", ["opening", "list"])
async def test_the_new_device_believes_its_account_only(
    network: MemoryNetwork, shop: Client, wrong: str
) -> None:
    """ACC-34, ACC-35: who has the code and stands between sends an r of its own, or a list of its own."""
    account_id = shop.card().account_id
    made, opening = invites.new_invite(account_id, DeviceKind.AGENT, front_desk=False, rng=os.urandom)
    box = await RelayBox.open(network, network.url, BoxAddress(*made.place()[:2]), None, os.urandom)
    screen = Screen()
    joining = asyncio.create_task(_join(network, shop, made.code, screen))
    message = made.open_(Step.IN, await box.receive())
    request = Request.decode(made, message, shop._shell.now_ms)
    sent = os.urandom(32) if wrong == "opening" else opening
    await box.send(BoxAddress(*request[1:]), made.seal(Step.OPENING, sent, os.urandom))
    if wrong == "list":
        thief = identity.new_account(os.urandom)
        own = identity.account_id_of(thief)
        device = identity.new_device(own, DeviceKind.AGENT, 0, shop._shell.now_ms, 2**52, os.urandom)
        now_ms = shop._shell.now_ms
        forged = identity.sign_list(thief, identity.next_list(own, None, [device.record], None, now_ms))
        answer = Welcome(forged, (device.record,)).encode()
        await box.send(BoxAddress(*request[1:]), made.seal(Step.OUT, answer, os.urandom))
    with pytest.raises(InviteInvalid):
        await joining
    assert bool(screen.digits) is (wrong == "list")
    await box.close()


async def test_ten_minutes_are_over(network: MemoryNetwork, shop: Client) -> None:
    """ACC-31, on both sides."""
    async with await shop.invite() as invite:
        network.clock.advance(600_000)  # type: ignore[attr-defined]  # a FakeClock
        with pytest.raises(InviteExpired):
            await invite.digits(60)
    with pytest.raises(InviteExpired):
        await _join(network, shop, invite.code, Screen())


async def test_an_invite_outlives_its_connections(network: MemoryNetwork, shop: Client) -> None:
    """A connection that breaks is made again, on both sides."""
    screen = Screen()
    async with await shop.invite() as invite:
        network.break_connections()
        joining = asyncio.create_task(_join(network, shop, invite.code, screen))
        await until(lambda: screen.digits != "")
        network.break_connections()
        assert await invite.digits(60) == screen.digits
        await invite.confirm(60)
        client = await joining
    assert len(client.devices()) == 2
    await client.close()


async def test_an_invite_makes_no_work_without_bound(shop: Client) -> None:
    """RLY-142: a relay that asks for more than 16 bits is left, at an invite as elsewhere."""
    network = MemoryNetwork(policy=Policy(pow_bits_create=MAX_POW_BITS + 1))
    async with asyncio.timeout(60), await shop.invite() as invite:
        with pytest.raises(RelayUnavailable, match=r"relay\.too_much_work"):
            await _join(network, shop, invite.code, Screen())


async def test_a_relay_that_is_away_ends_the_wait(
    network: MemoryNetwork, shop: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is signed and the new device cannot be told: that is said in time, and it is told later."""

    async def stuck(*_: object) -> None:
        await asyncio.Event().wait()

    async with await shop.invite() as invite:
        joining = asyncio.create_task(_join(network, shop, invite.code, Screen()))
        await invite.digits(60)
        with monkeypatch.context() as patch:
            patch.setattr(RelayBox, "send", stuck)
            async with asyncio.timeout(60):
                with pytest.raises(WaitTimeout):
                    await invite.confirm(2)
        device_id = await invite.confirm(60)
    client = await joining
    try:
        assert client.devices()[0].device_id == device_id
    finally:
        await client.close()


async def test_half_a_connection_is_none(network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives up while it is made leaves nothing that would pass for a connection."""
    here = BoxAddress(os.urandom(16), os.urandom(32))
    box = await RelayBox.open(network, network.url, here, None, os.urandom)
    await box._disconnect()
    with monkeypatch.context() as patch:
        patch.setattr(RelayBox, "_do", lambda *_: asyncio.Event().wait())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(box.send(here, b"x"), 0.2)
    async with asyncio.timeout(60):
        await box.send(here, b"once more")
        assert await box.receive() == b"once more"
    await box.close()


async def test_a_restored_backup_keeps_the_other_devices(
    network: MemoryNetwork, shop: Client, second: Client
) -> None:
    """SES-40: but not one that was struck off since the backup was made."""
    third = await joined(network, shop)
    gone = third.devices()[0].device_id
    saved = await shop.export("backup")
    await shop.remove_device(gone)
    await shop.wait_settled(60)
    async with Client.restore(None, saved, backup_passphrase="backup", runtime=network.runtime()) as again:
        await again.wait_settled(60)
        assert {one.device_id for one in again.devices()} == {
            again.devices()[0].device_id,
            second.devices()[0].device_id,
        }
        events = (again.events(), second.events())
        async with network.client() as other:
            await (await other.add_contact(again.card())).send("hello")
            for seen in events:
                assert await collect(seen, 1) == ["hello"]
    assert third.contacts() == []
    await third.close()


def test_without_an_event_loop() -> None:
    """The names of `e2ee_client.sync`."""
    network = MemoryNetwork()
    with sync.Client.create(None, relay=network.url, publish=True, runtime=network.runtime()) as shop:
        shop.wait_settled(60)
        with shop.invite(front_desk=True) as invite, ThreadPoolExecutor(1) as threads:
            screen = Screen()
            joining = threads.submit(
                sync.Client.join,
                None,
                invite.code,
                card=shop.card(),
                show_digits=screen,
                runtime=network.runtime(),
            )
            assert invite.digits(60)
            invite.confirm(60)
            with joining.result(60) as client:
                assert len(client.devices()) == len(shop.devices()) == 2
    network.relay.close()
