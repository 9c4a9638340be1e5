"""A person's recovery code in the web client and Python: what one shows the other opens."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from conversations import until, until_read
from e2ee_client.events import DeviceRemoved, NewDevice
from e2ee_client.rooms import Company, Customer, EntryProgress
from e2ee_client.runtime.event_stream import EventIterator
from relay_process import RelayProcess
from web_companies import ORIGIN, company, door, relay, served_by, until_texts
from web_person import PersonFault, said, until_said, web_person

__all__ = ["company", "door", "relay"]
pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("web_libraries")]


async def told(events: EventIterator, *wanted: object) -> None:
    """Wait for these events, in any order."""
    left = list(wanted)
    async for event in events:
        left = [one for one in left if one != event]
        if not left:
            return


async def until_entered(relay: RelayProcess, account_id: bytes) -> None:
    """Wait until a relay has the entry of an account; who recovers before goes on without one (ACC-64)."""

    async def is_there() -> bool:
        with closing(sqlite3.connect(f"file:{relay.data_dir}/relay.db?mode=ro", uri=True)) as database:
            return (account_id,) in database.execute("SELECT account_id FROM device_list").fetchall()

    await until_read(is_there, True)


@pytest.mark.parametrize("linkable", [False, True])
async def test_a_code_of_the_web_client_opens_in_python(
    company: Company, door: Path, relay: RelayProcess, *, linkable: bool
) -> None:
    """ACC-60, ACC-63 to ACC-67: same account, a room of its own; company and old device are told."""
    options = ("recoverable", "linkable") if linkable else ("recoverable",)
    events = company.client.events()
    async with web_person(door, "person.ts", *options) as browser:
        await browser.do("accept")
        await browser.do("wait", entry=await browser.do("send", text="vorher"))
        sheet = await browser.do("code")
        assert [len(one) for one in sheet["groups"]] == [5, 5, 5, 5, 5, 4]
        account_id = bytes.fromhex(await browser.do("account"))
        if linkable:
            await until_entered(relay, account_id)
        async with Customer.open(None, company=ORIGIN, fetch=served_by(door)) as phone:
            room = await phone.recover(await phone.notice(), " ".join(sheet["groups"]).lower())
            assert phone.client.account_id == account_id
            await (await room.send("ich bin es wieder")).wait_for(EntryProgress.DELIVERED, 60)
            assert len(company.rooms()) == 2
            await told(events, NewDevice(account_id, phone.devices()[0].device_id))
            await browser.wait_for(type="replaced")
            assert not phone.is_replaced
            assert await said(browser) == ["vorher"]
            assert await browser.do("reopen_store")
            with pytest.raises(PersonFault) as refused:
                await browser.do("send", text="nie")
            assert refused.value.code == "account.replaced"
            if linkable:
                await phone.wait_settled(60)
                async with await phone.link() as link:
                    assert link.text


@pytest.mark.parametrize("linkable", [False, True])
async def test_a_code_of_python_opens_in_the_web_client(
    company: Company, door: Path, *, linkable: bool
) -> None:
    """ACC-62 to ACC-67: same account and code; it lasts, and an entry goes on and links devices."""
    fetch = served_by(door)
    events = company.client.events()
    async with (
        Customer.open(None, company=ORIGIN, fetch=fetch, linkable=linkable) as phone,
        web_person(door) as browser,
    ):
        room = await phone.accept(await phone.notice())
        await (await room.send("vorher")).wait_for(EntryProgress.DELIVERED, 60)
        await phone.wait_settled(60)
        code, account_id, old = phone.recovery_code(), phone.client.account_id, phone.devices()[0].device_id
        assert await browser.do("recover", text=f" {code.text.lower()}\n") != room.room_id.hex()
        assert bytes.fromhex(await browser.do("account")) == account_id
        await browser.do("wait", entry=await browser.do("send", text="wieder da"))
        await told(events, DeviceRemoved(account_id, old))
        await until(lambda: phone.is_replaced)
        assert await browser.do("code_state") == "kept"
        assert (await browser.do("code"))["groups"] == list(code.groups)
        assert await browser.do("reopen_store")
        theirs = next(one for one in company.rooms() if one.room_id != room.room_id)
        await theirs.claim(60)
        await theirs.send("Guten Tag")
        await until_said(browser, ["wieder da", "Guten Tag"])
        await browser.do("wait", entry=await browser.do("send", text="nach dem Neustart"))
        await until_texts(theirs, ["wieder da", "Guten Tag", "nach dem Neustart"])
        if linkable:
            assert (await browser.do("link")).startswith("sealroom:contact?")
        else:
            with pytest.raises(PersonFault) as refused:
                await browser.do("link")
            assert refused.value.code == "client.unsupported"


async def test_a_code_goes_from_one_web_client_to_another_and_nothing_is_made_before_it_is_right(
    company: Company, door: Path
) -> None:
    """ACC-62, ACC-65: no connection and no store by a wrong code; of two recoveries at once one is made."""
    async with web_person(door, "person.ts", "recoverable") as first, web_person(door) as second:
        await first.do("accept")
        await first.do("wait", entry=await first.do("send", text="vorher"))
        code = "-".join((await first.do("code"))["groups"])
        calls = await second.do("calls")
        for wrong in ("", code[:-1], code + "0"):
            with pytest.raises(PersonFault) as refused:
                await second.do("recover", text=wrong)
            assert refused.value.code == "recovery.code"
        assert (await second.do("calls"))["connect"] == calls["connect"] == 0
        assert (await second.do("notice"))["stored"] == 0
        assert sorted(await second.do("recover_twice", text=code)) == ["client.unsupported", "done"]
        assert (await second.do("notice"))["stored"] == 1
        await second.do("wait", entry=await second.do("send", text="wieder da"))
        await first.wait_for(type="replaced")
        with pytest.raises(PersonFault) as refused:
            await first.do("recover", text=code)
        assert refused.value.code == "client.unsupported"
        assert len(company.rooms()) == 2
