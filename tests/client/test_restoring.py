"""Backups, restored accounts, and an account key that is kept offline (ID-12, SES-12, STO-26)."""

from __future__ import annotations

from pathlib import Path

import pytest
from conversations import collect, meet, next_of
from e2ee_client import (
    Client,
    MessageReceived,
    MessageState,
    NewDevice,
    sign_renewal,
)
from e2ee_client.errors import (
    AccountKeyAbsent,
    AccountKeyHere,
    BackupCorrupt,
    BackupWrongKey,
    ConfigError,
    RelayUnavailable,
    StoreExists,
)
from e2ee_client.store import INTERACTIVE, Passphrase, backup
from e2ee_client.testing import Dice, MemoryNetwork

from e2ee.identity import RECOVERED_FROM, DeviceList, next_list
from e2ee.wire import cbor

KEY = b"k" * 32
DAY_MS = 86_400_000


async def test_a_restored_account_keeps_id_contacts_and_history(network: MemoryNetwork) -> None:
    """ID-07: the restored device signs itself into the next list, and contacts follow the chain."""
    async with network.client() as customer:
        async with network.client(publish=True, front_desk=True, name="Shop") as shop:
            await shop.wait_online(60)
            theirs, _ = await meet(customer, shop)
            account_id = shop.account_id
            saved = await shop.export("backup")
        runtime = network.runtime()
        async with Client.restore(None, saved, backup_passphrase="backup", runtime=runtime) as again:
            assert again.account_id == account_id
            assert again.card().name == "Shop"
            await again.wait_online(60)
            (contact,) = again.contacts()
            assert [one.text for one in await contact.history()] == ["first", "answer"]
            events, seen = again.events(), customer.events()
            await again.contact(customer.account_id).set_name("known")
            async with network.client() as other:
                await (await other.add_contact(again.card())).send("new customer")
                assert (await next_of(events, MessageReceived)).text == "new customer"
            await next_of(seen, NewDevice)
            assert theirs.alarm == ""


async def test_a_restored_customer_writes_to_the_company_again(network: MemoryNetwork, shop: Client) -> None:
    async with network.client() as customer:
        await meet(customer, shop)
        saved = await customer.export("backup")
    events = shop.events()
    async with Client.restore(None, saved, backup_passphrase="backup", runtime=network.runtime()) as again:
        message = await again.contact(shop.account_id).send("it is me")
        await message.wait_for(MessageState.SENT, timeout_s=60)
        received = await next_of(events, NewDevice)
        assert received.account_id == again.account_id
        assert await collect(events, 1) == ["it is me"]
        await shop.contact(again.account_id).send("welcome back")
        assert await collect(again.events(), 1) == ["welcome back"]


async def test_a_restored_account_follows_lists_that_are_newer_than_the_backup(
    network: MemoryNetwork,
) -> None:
    """ID-07: without asking the relay it would fork its own chain."""
    async with network.client() as customer:
        async with network.client(publish=True) as shop:
            await shop.wait_online(60)
            theirs, _ = await meet(customer, shop)
            saved = await shop.export("backup")
            key = await shop.export_account_key("offline")
            await shop.remove_account_key()
            await shop.install_list(sign_renewal(key, "offline", shop.renewal_request()))
            renewed = await theirs.send("after the renewal")
            await renewed.wait_for(MessageState.DELIVERED, timeout_s=60)
            await shop.wait_online(60)
        async with Client.restore(
            None, saved, backup_passphrase="backup", runtime=network.runtime()
        ) as again:
            await again.wait_online(60)
            events = again.events()
            async with network.client() as other:
                await (await other.add_contact(again.card())).send("hello")
                assert await collect(events, 1) == ["hello"]
            assert theirs.alarm == ""


async def test_a_published_account_is_not_restored_without_its_relay(
    network: MemoryNetwork, tmp_path: Path
) -> None:
    async with network.client(publish=True) as shop:
        saved = await shop.export("backup")
    network.cut()
    path = tmp_path / "new.db"
    with pytest.raises(RelayUnavailable):
        await Client.restore(path, saved, backup_passphrase="backup", key=KEY, runtime=network.runtime())
    assert not path.exists()
    network.mend()
    async with Client.restore(path, saved, backup_passphrase="backup", key=KEY, runtime=network.runtime()):
        pass
    with pytest.raises(StoreExists):
        await Client.restore(path, saved, backup_passphrase="backup", key=KEY, runtime=network.runtime())


async def test_what_was_under_way_is_marked_as_failed(network: MemoryNetwork, shop: Client) -> None:
    """SES-12: the outbox is no part of a backup."""
    network.cut()
    async with network.client() as customer:
        await (await customer.add_contact(shop.card())).send("never sent")
        saved = await customer.export("backup")
    async with Client.restore(
        None, saved, backup_passphrase="backup", online=False, runtime=network.runtime()
    ) as again:
        (message,) = await again.contact(shop.account_id).history()
        assert message.state is MessageState.FAILED


async def test_a_backup_holds_no_ratchet_state_and_no_prekeys(network: MemoryNetwork, shop: Client) -> None:
    """SES-12, STO-26: nothing of these tables stands in the opened payload."""
    async with network.client() as customer:
        await meet(customer, shop)
        payload = backup.open_(Passphrase("p"), await customer.export("p"))
        for table in ("session", "skipped", "prekey", "peer", "outbox", "mailbox"):
            rows = list(customer._store.items(table))
            assert rows or table in {"skipped", "outbox"}
            for key, row in rows:
                assert row not in payload
                assert key not in payload or len(key) < 16 or table == "peer"


async def test_a_backup_opens_with_its_passphrase_only(network: MemoryNetwork) -> None:
    """STO-24, STO-25."""
    async with network.client() as me:
        saved = await me.export("right")
        with pytest.raises(BackupWrongKey):
            await Client.restore(None, saved, backup_passphrase="wrong", runtime=network.runtime())
        with pytest.raises(BackupCorrupt):
            await Client.restore(None, saved[:-1], backup_passphrase="right", runtime=network.runtime())
        account_key = await me.export_account_key("right")
        with pytest.raises(BackupCorrupt):
            await Client.restore(None, account_key, backup_passphrase="right", runtime=network.runtime())
        await me.remove_account_key()
        with pytest.raises(BackupCorrupt):
            sign_renewal(saved, "right", me.renewal_request())


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", cbor.encode(None), cbor.encode([1, 2]), cbor.encode(["sealroom account key", b""])],
)
async def test_a_file_that_holds_something_else_is_refused(network: MemoryNetwork, payload: bytes) -> None:
    """STO-25."""
    other = backup.seal(Passphrase("p"), payload, Dice(), INTERACTIVE)
    with pytest.raises(BackupCorrupt):
        await Client.restore(None, other, backup_passphrase="p", runtime=network.runtime())
    with pytest.raises(BackupCorrupt):
        sign_renewal(other, "p", b"")


async def test_an_account_key_kept_offline_signs_renewals(network: MemoryNetwork) -> None:
    """ID-12: export, remove, request, sign elsewhere, install."""
    async with network.client(publish=True) as me, network.client() as other:
        exported = await me.export_account_key("offline")
        with pytest.raises(AccountKeyHere):
            me.renewal_request()
        for one in (me, other):
            await one.remove_account_key()
        for call in (me.export_account_key("x"), me.export("x"), me.remove_account_key()):
            with pytest.raises(AccountKeyAbsent):
                await call
        before_ms = me.list_expires_ms
        request = me.renewal_request()
        signed = sign_renewal(exported, "offline", request)
        await me.install_list(signed)
        assert me.list_expires_ms > before_ms
        with pytest.raises(ConfigError):
            await me.install_list(signed)
        with pytest.raises(ConfigError):
            sign_renewal(exported, "offline", other.renewal_request())
        with pytest.raises(BackupWrongKey):
            sign_renewal(exported, "wrong", request)


async def test_a_number_of_a_recovery_is_signed_for_such_an_account_alone(
    network: MemoryNetwork,
) -> None:
    """ACC-73: it would strike off all devices, or be the last list that the account can sign."""
    async with network.client(publish=True) as me:
        exported = await me.export_account_key("offline")
        own = me._shell.machine._state.own
        for seq in (RECOVERED_FROM, RECOVERED_FROM + 1, 2**31 - 1):
            request = next_list(
                own.account_id, own.device_list, [own.device.record], None, 1_800_000_000_000, least_seq=seq
            )
            signed = sign_renewal(exported, "offline", request, recovered=True)
            assert DeviceList.verify(own.account_id, signed).seq == seq
            if seq > RECOVERED_FROM:
                with pytest.raises(ConfigError):
                    sign_renewal(exported, "offline", request)
            else:
                assert sign_renewal(exported, "offline", request)


async def test_the_recovery_key_is_shown_once_and_part_of_a_backup_made_then(network: MemoryNetwork) -> None:
    """ID-13."""
    async with network.client() as me:
        assert me.recovery_key is not None
        assert len(me.recovery_key.expose()) == 32
        assert me.recovery_key.expose() in backup.open_(Passphrase("p"), await me.export("p"))
        assert me.recovery_key.expose().hex() not in repr(me.recovery_key)
