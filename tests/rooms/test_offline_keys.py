"""A company whose account key is kept offline: opened, published, renewed by who keeps the key (ACC-16)."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from conversations import next_of, until
from e2ee_client import sign_renewal
from e2ee_client.engine.upkeep import Upkeep
from e2ee_client.errors import AccountKeyAbsent, BackupWrongKey, ConfigError, InviteExpired, UnknownDevice
from e2ee_client.events import CompanyKeysExpiring
from e2ee_client.rooms import Company, Customer, sign_mandate, sign_notice
from e2ee_client.testing import FakeClock, MemoryNetwork
from offline_keys import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    ORIGIN,
    PASSPHRASE,
    Holder,
    asked_for,
    holder_of,
    later,
    opened_offline,
    written,
)


async def test_a_company_is_opened_published_and_renewed_without_its_key(
    network: MemoryNetwork, tmp_path: Path
) -> None:
    """ACC-16, ACC-26: a customer accepts what the holder of the key has signed; weeks later as well."""
    key_file = tmp_path / "praxis.key"
    async with opened_offline(network, key_file) as company:
        assert company.keys == "offline"
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        holder, notice = Holder(key_file), written(company)
        with pytest.raises(AccountKeyAbsent):
            await company.publish(notice)
        await holder.publish(company, notice)
        await holder.renew(company)
        await company.wait_ready(60)
        door = await company.door()

        async def fetch(origin: str) -> bytes:
            return door

        async with Customer.open(None, company=ORIGIN, fetch=fetch, runtime=network.runtime()) as me:
            room = await me.accept(await me.notice())
            await room.send("Guten Tag")
            await until(lambda: len(company.rooms()) == 1)
            events, clock = company.events(), network.clock
            assert isinstance(clock, FakeClock)
            clock.advance(17 * DAY_MS)
            assert (await next_of(events, CompanyKeysExpiring)).days == 14
            await later(clock, lambda: company.is_ready)
            before = company.client.list_expires_ms
            await holder.renew(company)
            assert company.client.list_expires_ms > before
            await holder.publish(company, written(company, "explicit"))
            clock.advance(17 * DAY_MS)
            await later(clock, lambda: company.is_ready)
            await company.room(room.room_id).send("Was fehlt Ihnen?")
            await later(clock, lambda: room.unread == 1)


async def test_a_colleague_is_taken_in_whose_list_is_signed_where_the_key_is(
    network: MemoryNetwork, tmp_path: Path
) -> None:
    """ACC-42, ACC-43: hours after the digits were compared, and in another run of the desk's program."""
    key_file, clock = tmp_path / "praxis.key", network.clock
    assert isinstance(clock, FakeClock)
    async with opened_offline(network, key_file) as company:
        holder = await holder_of(company, key_file)
        joining, request = await asked_for(network, company)
        clock.advance(3 * HOUR_MS)
        signed = holder.sign(request)
        assert len(company.client.devices()) == 1
        device_id = await company.install_device(signed, 60)
        async with await joining as agent:
            await agent.wait_ready(60)
            assert agent.me().device_id == device_id
            await until(lambda: {one.name for one in company.team()} == {"Praxis", "Frau Sommer"})
        with pytest.raises(ConfigError):
            await company.install_device(signed)


async def test_only_the_list_of_the_device_that_was_asked_for_is_installed(
    network: MemoryNetwork, tmp_path: Path
) -> None:
    """ACC-42: a plain renewal, one for a device in whose place another was asked for, no request at all."""
    key_file = tmp_path / "praxis.key"
    async with opened_offline(network, key_file) as company:
        holder = await holder_of(company, key_file)
        with pytest.raises(ConfigError):
            await company.install_device(holder.sign(company.renewal_request()))
        async with await company.invite("Frau Sommer") as invite:
            with pytest.raises(ConfigError):
                await invite.request()
        first, second = await asked_for(network, company), await asked_for(network, company)
        before = company.client.list_expires_ms
        for request in (company.renewal_request(), first[1]):
            with pytest.raises(ConfigError):
                await company.install_device(holder.sign(request), 60)
        with pytest.raises(ConfigError):
            await company.install_list(holder.sign(first[1]))
        assert (company.client.list_expires_ms, len(company.client.devices())) == (before, 1)
        first[0].cancel()
        await company.install_device(holder.sign(second[1]), 60)
        async with await second[0]:
            assert len(company.client.devices()) == 2


async def test_a_device_that_waits_in_vain_ends_after_a_day(network: MemoryNetwork, tmp_path: Path) -> None:
    """ACC-43: its list is known all the same, so that nobody is left out by the next one (ID-42)."""
    key_file, clock = tmp_path / "praxis.key", network.clock
    assert isinstance(clock, FakeClock)
    async with opened_offline(network, key_file) as company:
        holder = await holder_of(company, key_file)
        joining, request = await asked_for(network, company)
        clock.advance(DAY_MS - MINUTE_MS)
        assert not joining.done()
        clock.advance(MINUTE_MS)
        with pytest.raises(InviteExpired):
            await joining
        signed = holder.sign(request)
        with pytest.raises(InviteExpired):
            await company.install_device(signed, 60)
        with pytest.raises(ConfigError, match="no device waits"):
            await company.install_device(signed, 60)
        assert len(company.client.devices()) == 2
        renewed = holder.sign(company.renewal_request())
        await company.install_list(renewed)
        assert len(company.client.devices()) == 2


async def test_what_was_signed_otherwise_is_not_installed(network: MemoryNetwork, tmp_path: Path) -> None:
    """ACC-26: a wrong passphrase, other texts, a request for something else, a changed byte."""
    key_file = tmp_path / "praxis.key"
    async with opened_offline(network, key_file) as company:
        holder, notice = Holder(key_file), written(company)
        request = await company.notice_request(notice)
        with pytest.raises(BackupWrongKey):
            sign_notice(holder.exported, "guessed", request)
        for sign in (sign_mandate, sign_renewal):
            with pytest.raises(ConfigError):
                sign(holder.exported, PASSPHRASE, request)
        signed = sign_notice(holder.exported, PASSPHRASE, request)
        other = written(company, "explicit")
        changed = signed[:-1] + bytes((signed[-1] ^ 1,))
        for wrong, texts in ((changed, notice), (signed, other), (b"", notice)):
            with pytest.raises(ConfigError):
                await company.install_notice(texts, wrong)
        asked = sign_mandate(holder.exported, PASSPHRASE, await company.mandate_request())
        with pytest.raises(ConfigError):
            await company.install_mandate(asked[:-1])
        assert not company.is_ready
        with pytest.raises(UnknownDevice):
            company.me()
        await company.install_notice(notice, signed)
        await company.install_mandate(asked)
        await company.wait_ready(60)
        with pytest.raises(ConfigError):
            await company.install_notice(notice, signed)


async def test_the_key_stays_where_its_file_cannot_be_written(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ID-12, ID-47: nothing is forgotten that is not on disk elsewhere, nor while a list waits."""
    taken = tmp_path / "taken"
    taken.write_bytes(b"something")
    async with Company.create(None, relay=network.url, name="Praxis", runtime=network.runtime()) as company:
        for place in (taken, tmp_path / "none" / "key"):
            with pytest.raises(ConfigError):
                await company.move_account_key(place, PASSPHRASE)
        with monkeypatch.context() as waits:
            waits.setattr(Upkeep, "pending", lambda *_: True)
            with pytest.raises(ConfigError):
                await company.move_account_key(tmp_path / "key", PASSPHRASE)
        assert not (tmp_path / "key").exists()
        assert company.client.shell.machine.has_account_key
        await company.move_account_key(tmp_path / "key", PASSPHRASE)
        assert company.keys == "offline"
        with pytest.raises(AccountKeyAbsent):
            await company.move_account_key(tmp_path / "again", PASSPHRASE)
    assert taken.read_bytes() == b"something"
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    "given",
    [
        {"keys": "offline"},
        {"keys": "offline", "key_passphrase": "x"},
        {"key_passphrase": "x"},
        {"keys": "elsewhere"},
        {"keys": "offline", "key_passphrase": "x", "key_file": "/"},
    ],
)
def test_keys_are_described_whole(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        Company.create(None, relay="wss://relay.test", name="Praxis", **given)  # type: ignore[arg-type]  # wrong
