"""A person's recovery code: kept on paper, typed where every device is lost, and what a thief of it gets."""

from __future__ import annotations

import asyncio
import logging
import pickle  # noqa: TID251  # it must refuse
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conversations import until
from e2ee_client import Client
from e2ee_client.errors import (
    BackupOutdated,
    ConfigError,
    DeviceReplacedError,
    NotAccepted,
    StoreExists,
)
from e2ee_client.events import DeviceRemoved, DeviceReplaced, NewDevice
from e2ee_client.rooms import Customer, CustomerRoom, EntryProgress
from e2ee_client.rooms.errors import RecoveryCodeAbsent, RecoveryCodeInvalid
from e2ee_client.rooms.notices import EXAMPLE
from e2ee_client.runtime.clock import SystemClock
from e2ee_client.runtime.event_stream import EventIterator
from e2ee_client.testing import MemoryNetwork
from practice import ORIGIN, Practice, practice

from e2ee import recovery
from e2ee.errors import NoListNumber
from e2ee.secret import RecoverySecret

pytestmark = pytest.mark.asyncio


async def somebody(made: Practice, **options: Any) -> tuple[Customer, CustomerRoom]:
    """A person who has written to the practice."""
    runtime = made.network.runtime()
    opening = Customer.open(None, company=ORIGIN, fetch=made.fetch, runtime=runtime, **options)
    phone = await made.stack.enter_async_context(opening)
    room = await made.opened(phone)
    await (await room.send("vorher")).wait_for(EntryProgress.DELIVERED, 60)
    await phone.wait_settled(60)
    return phone, room


async def recovered(made: Practice, code: str) -> tuple[Customer, CustomerRoom]:
    """Go on with the account of a code, on a new device."""
    device = await made.customer()
    return device, await device.recover(await device.notice(), code)


async def told(events: EventIterator, *wanted: object) -> None:
    """Wait for these events, in any order."""
    left = list(wanted)
    async for event in events:
        left = [one for one in left if one != event]
        if not left:
            return


# --- recovering ---


async def test_a_person_who_lost_the_phone_goes_on_by_the_code() -> None:
    """ACC-60, ACC-63 to ACC-65: the same account, a room of its own; the company is shown a new device."""
    async with practice(MemoryNetwork()) as made:
        phone, room = await somebody(made)
        code, account_id = phone.recovery_code().text, phone.client.account_id
        old = phone.devices()[0].device_id
        await phone.close()
        events = made.company.client.events()
        tablet, again = await recovered(made, code.lower().replace("-", " "))
        assert tablet.client.account_id == account_id
        await (await again.send("ich bin es wieder")).wait_for(EntryProgress.DELIVERED, 60)
        assert again.room_id != room.room_id
        assert [one.text for one in await again.texts()] == ["ich bin es wieder"]
        assert [one.text for one in await made.company.room(room.room_id).texts()] == ["vorher"]
        new = tablet.devices()[0].device_id
        await told(events, NewDevice(account_id, new), DeviceRemoved(account_id, old))
        assert tablet.has_recovery_code
        assert tablet.recovery_code().text == code


async def test_the_old_device_is_told_keeps_what_it_has_and_writes_nothing_more() -> None:
    """ACC-66, ACC-67: whoever recovers, the person on the old device is shown it."""
    async with practice(MemoryNetwork()) as made:
        phone, room = await somebody(made)
        events = phone.events()
        thief, theirs = await recovered(made, phone.recovery_code().text)
        await told(events, DeviceReplaced(by_code=True))
        assert phone.is_replaced
        assert not thief.is_replaced
        assert [one.text for one in await room.texts()] == ["vorher"]
        assert await theirs.texts() == []
        for refused in (room.send("noch da?"), room.withdraw()):
            with pytest.raises(DeviceReplacedError):
                await refused


class Later(SystemClock):
    """A clock some seconds ahead: two recoveries at one moment would be two lists of one number."""

    def now_ms(self) -> int:
        """Return the time."""
        return super().now_ms() + 20_000


async def test_whoever_recovers_last_has_the_account() -> None:
    """ACC-63: the code takes the account back from whoever has used it; the thief is told as well."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made)
        code = phone.recovery_code().text
        thief, _ = await recovered(made, code)
        await until(lambda: phone.is_replaced)
        runtime = replace(made.network.runtime(), clock=Later())
        opening = Customer.open(None, company=ORIGIN, fetch=made.fetch, runtime=runtime)
        person = await made.stack.enter_async_context(opening)
        room = await person.recover(await person.notice(), code)
        await until(lambda: thief.is_replaced)
        await (await room.send("wieder meins")).wait_for(EntryProgress.DELIVERED, 60)
        assert not person.is_replaced


async def test_an_account_with_an_entry_keeps_it_and_all_linked_devices_are_replaced() -> None:
    """ACC-64, ACC-67, ID-41: the directory has the new list, and the account links devices again."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made, linkable=True)
        code = phone.recovery_code().text
        tablet, _ = await recovered(made, code)
        await tablet.wait_settled(60)
        await until(lambda: phone.is_replaced)
        async with await tablet.link() as link:
            assert link.text


async def test_an_entry_that_the_relay_does_not_have_any_more_stops_nobody() -> None:
    """ACC-64: the account goes on without one."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made)
        code = recovery.RecoveryCode(recovery.parse(phone.recovery_code().text).secret, entry=True)
        tablet, room = await recovered(made, code.text)
        await (await room.send("da")).wait_for(EntryProgress.DELIVERED, 60)
        with pytest.raises(ConfigError):
            await tablet.link()


# --- nothing before it is right ---


async def test_a_code_with_a_typing_error_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    """ACC-62, ACC-65: the group is named; no connection, no store."""
    # Of a drawn code, one in 80 checks with another digit of another group as well: then none is named.
    groups = recovery.RecoveryCode(RecoverySecret(bytes(range(16))), entry=False).groups
    wrong = groups[2][:3] + ("A" if groups[2][3] != "A" else "B") + groups[2][4:]
    async with practice(MemoryNetwork()) as made:
        path = tmp_path / "neu.db"
        opening = Customer.open(
            path, company=ORIGIN, fetch=made.fetch, runtime=made.network.runtime(), passphrase="p"
        )
        async with opening as device:
            notice, opened = await device.notice(), made.network.opened
            for third in (wrong, "ABC"):
                typed = "-".join((*groups[:2], third, *groups[3:]))
                with pytest.raises(RecoveryCodeInvalid) as caught:
                    await device.recover(notice, typed)
                assert caught.value.group == 3
            with pytest.raises(RecoveryCodeInvalid):
                await device.recover(notice, "")
            assert made.network.opened == opened
            assert not path.exists()
            with pytest.raises(NotAccepted):
                device.recovery_code()


async def test_no_store_is_recovered_over() -> None:
    """ACC-65: a device with an account keeps it."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made)
        other, _ = await somebody(made)
        with pytest.raises(ConfigError):
            await phone.recover(await phone.notice(), other.recovery_code().text)
        assert not phone.is_replaced


async def test_a_file_at_the_path_is_kept(tmp_path: Path) -> None:
    """ACC-65: nothing was signed before the place was looked at."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made)
        path = tmp_path / "neu.db"
        opening = Customer.open(
            path, company=ORIGIN, fetch=made.fetch, runtime=made.network.runtime(), passphrase="p"
        )
        async with opening as device:
            notice = await device.notice()
            path.write_bytes(b"something else")
            with pytest.raises(StoreExists):
                await device.recover(notice, phone.recovery_code().text)
        assert path.read_bytes() == b"something else"


async def test_of_two_recoveries_at_once_on_one_device_one_is_made() -> None:
    """ACC-65: the other one signs nothing, which would be a second list of one number (ACC-63)."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made)
        code = phone.recovery_code().text
        device = await made.customer()
        notice = await device.notice()
        both = asyncio.gather(
            device.recover(notice, code), device.recover(notice, code), return_exceptions=True
        )
        kinds = sorted(type(one).__name__ for one in await both)
        assert kinds == ["ConfigError", "CustomerRoom"]
        assert len(device.rooms()) == 1


async def test_two_acceptances_at_once_make_one_account() -> None:
    """CNS-18, ACC-60: both rooms are of it."""
    async with practice(MemoryNetwork()) as made:
        device = await made.customer()
        notice = await device.notice()
        rooms = await asyncio.gather(device.accept(notice), device.accept(notice))
        assert {one.room_id for one in rooms} <= {one.room_id for one in device.rooms()}


class At(SystemClock):
    """A clock that stands."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return the time."""
        return self._now_ms


@pytest.mark.parametrize("at_ms", [0, 4 * 10**12, 31 * 10**12])
async def test_a_clock_that_gives_no_number_is_told_and_nothing_is_made(at_ms: int, tmp_path: Path) -> None:
    """ACC-70: in 1970, 2096 and 2952."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made, linkable=True)
        path = tmp_path / "neu.db"
        runtime = replace(made.network.runtime(), clock=At(at_ms))
        opening = Customer.open(path, company=ORIGIN, fetch=made.fetch, runtime=runtime, passphrase="p")
        async with opening as device:
            notice, opened = await phone.notice(), made.network.opened
            with pytest.raises(NoListNumber):
                await device.recover(notice, phone.recovery_code().text)
            assert made.network.opened == opened
        assert not path.exists()


async def test_a_backup_from_before_a_recovery_says_what_it_is() -> None:
    """ACC-71."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made, linkable=True)
        backup = await phone.client.export("p")
        tablet, _ = await recovered(made, phone.recovery_code().text)
        await tablet.wait_settled(60)
        with pytest.raises(BackupOutdated):
            await Client.restore(
                None, backup, backup_passphrase="p", key=bytes(32), runtime=made.network.runtime()
            )


async def test_a_backup_brings_contacts_and_no_rooms() -> None:
    """STO-26: what the hint of a store that does not open says."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made, linkable=True)
        backup, runtime = await phone.client.export("p"), made.network.runtime()
        async with Client.restore(None, backup, backup_passphrase="p", runtime=runtime) as again:
            assert [one.account_id for one in again.contacts()] == [made.company.client.account_id]
            assert again.shell.machine.rooms.all() == []


# --- the code on paper ---


@pytest.mark.parametrize("opened_by", [ORIGIN, "https://elsewhere.example", ""])
async def test_the_sheet_says_whose_code_it_is(opened_by: str) -> None:
    """ACC-72: the name that the store has, and a page that the mandate names, whatever is said of it."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made)
        again = Customer(None, None, None, opened_by, made.network.runtime(), made.fetch, phone.client)
        sheet = again.recovery_code()
        assert (sheet.company, sheet.origins) == (EXAMPLE["name"], (ORIGIN,))
        assert sheet.text == phone.recovery_code().text


async def test_of_two_pages_the_sheet_names_that_which_the_device_uses() -> None:
    """ACC-72: without one it names both."""
    async with practice(MemoryNetwork()) as made:
        both = (ORIGIN, "https://www.praxis.example")
        await made.company.set_origins(both)
        await made.company.wait_ready(60)
        await made.publish_door()
        phone, _ = await somebody(made)
        assert phone.recovery_code().origins == (ORIGIN,)
        runtime = made.network.runtime()
        assert (
            Customer(None, None, None, "", runtime, made.fetch, phone.client).recovery_code().origins == both
        )


async def test_a_code_counts_as_kept_once_two_groups_were_typed_back() -> None:
    """ACC-68: a wrong one is named, and changes nothing."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made)
        sheet = phone.recovery_code()
        first, second = sheet.asked
        assert 1 <= first < second <= 6
        right = {first: sheet.groups[first - 1], second: sheet.groups[second - 1]}
        with pytest.raises(RecoveryCodeInvalid) as caught:
            await phone.confirm_recovery_code(right | {second: "00000"})
        assert caught.value.group == second
        every = dict(enumerate(sheet.groups, 1))
        others = {at: group for at, group in every.items() if at not in right}
        wrong: tuple[dict[int, str], ...] = (
            {},
            {first: sheet.groups[first - 1]},
            right | {7: "AAAAA"},
            right | {0: "AAAAA"},
            every,
            others,
        )
        for typed in wrong:
            with pytest.raises(ConfigError):
                await phone.confirm_recovery_code(typed)
        assert not phone.has_recovery_code
        assert phone.recovery_code().asked == sheet.asked
        await phone.confirm_recovery_code({at: f" {group.lower()} " for at, group in right.items()})
        assert phone.has_recovery_code


async def test_groups_that_no_sheet_has_asked_for_confirm_nothing() -> None:
    """ACC-68: an application that has shown no code since it began cannot say that the person has it."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made)
        code = phone.client.shell.machine.recovery_code()
        assert code is not None
        with pytest.raises(ConfigError):
            await phone.confirm_recovery_code({1: code.groups[0], 2: code.groups[1]})
        assert not phone.has_recovery_code


async def test_a_device_without_the_account_key_has_no_code() -> None:
    """ACC-60: without the key on the device r goes, too; a company's device has none."""
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made)
        await phone.client.remove_account_key()
        assert not phone.has_recovery_code
        with pytest.raises(RecoveryCodeAbsent):
            phone.recovery_code()
        with pytest.raises(RecoveryCodeAbsent):
            await phone.confirm_recovery_code({1: "AAAAA", 2: "AAAAA"})
        assert made.company.client.shell.machine.recovery_code() is None


async def test_the_code_is_in_no_log_no_repr_and_no_exception(caplog: pytest.LogCaptureFixture) -> None:
    """ACC-60, ACC-68: it is shown where it is asked for, and nowhere else."""
    caplog.set_level(logging.DEBUG)
    async with practice(MemoryNetwork()) as made:
        phone, _ = await somebody(made)
        sheet = phone.recovery_code()
        code = recovery.parse(sheet.text)
        tablet, _ = await recovered(made, sheet.text)
        with pytest.raises(RecoveryCodeInvalid) as caught:
            await phone.confirm_recovery_code(dict.fromkeys(sheet.asked, sheet.groups[0]))
        shown = f"{sheet!r} {code!r} {phone!r} {tablet!r} {caught.value!r} {caplog.text}"
        secret = code.secret.expose()
        for hidden in (*sheet.groups, secret.hex(), repr(secret), repr(code.account_key().expose())):
            assert hidden not in shown
        with pytest.raises(TypeError, match="serialised"):
            pickle.dumps(sheet)
