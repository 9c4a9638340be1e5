"""A person's devices in the web client and Python: each takes the other in, as one customer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from conversations import until
from e2ee_client.rooms import Company, Customer, EntryProgress
from web_companies import ORIGIN, company, door, relay, served_by, until_texts
from web_person import PersonFault, WebPerson, said, until_said, web_person

__all__ = ["company", "door", "relay"]
pytestmark = pytest.mark.processes


@asynccontextmanager
async def web(door: Path) -> AsyncIterator[WebPerson]:
    """A web client whose accounts have a directory entry."""
    async with web_person(door, "person.ts", "linkable") as made:
        yield made


@asynccontextmanager
async def python(door: Path) -> AsyncIterator[Customer]:
    """The same in Python."""
    async with Customer.open(None, company=ORIGIN, fetch=served_by(door), linkable=True) as made:
        yield made


class Screen:
    """What the new device in Python shows."""

    digits = ""

    def show(self, digits: str) -> None:
        """Show six digits."""
        self.digits = digits


async def joined(door: Path, text: str, screen: Screen) -> Customer:
    """Come as the new device in Python; the person says that the other one is its own."""
    return await Customer.join(
        None, text, company=ORIGIN, is_own=lambda _: True, show_digits=screen.show, fetch=served_by(door)
    )


async def test_python_becomes_a_further_device_of_a_web_client(
    web_libraries: None, company: Company, door: Path
) -> None:
    """ACC-50 to ACC-52, ROOM-38, TRN-19: same digits, the rooms, and three that hear each other."""
    async with web(door) as phone:
        await phone.do("accept")
        await phone.do("wait", entry=await phone.do("send", text="vorher"))
        (theirs,) = company.rooms()
        await theirs.claim(60)
        await theirs.send("Guten Tag")
        await until_said(phone, ["vorher", "Guten Tag"])
        screen = Screen()
        coming = asyncio.create_task(joined(door, await phone.do("link"), screen))
        digits = await phone.do("link_digits")
        await until(lambda: screen.digits != "")
        assert screen.digits == digits
        device_id = await phone.do("link_confirm")
        async with await coming as tablet:
            assert tablet.devices()[0].device_id.hex() == device_id
            await until(lambda: len(tablet.rooms()) == 1)
            (there,) = tablet.rooms()
            await until_texts(there, ["vorher", "Guten Tag"])
            await (await there.send("vom Tablet")).wait_for(EntryProgress.DELIVERED, 60)
            await until_said(phone, ["vorher", "Guten Tag", "vom Tablet"])
            await phone.do("wait", entry=await phone.do("send", text="vom Telefon"))
            await until_texts(there, ["vorher", "Guten Tag", "vom Tablet", "vom Telefon"])
            await theirs.send("an beide")
            wanted = ["vorher", "Guten Tag", "vom Tablet", "vom Telefon", "an beide"]
            await until_texts(there, wanted)
            await until_said(phone, wanted)
            await until_texts(theirs, wanted)
            assert [one["isThis"] for one in await phone.do("devices")] == [True, False]
            await phone.do("remove_device", entry=device_id)
            await phone.wait_for(type="device", what="removed")
            assert [one["isThis"] for one in await phone.do("devices")] == [True]


async def test_a_web_client_becomes_a_further_device_of_python(
    web_libraries: None, company: Company, door: Path
) -> None:
    """ACC-50 to ACC-52, ROOM-38, TRN-19: nothing is stored before the digits were confirmed."""
    async with python(door) as phone, web(door) as browser:
        room = await phone.accept(await phone.notice())
        await (await room.send("vorher")).wait_for(EntryProgress.DELIVERED, 60)
        (theirs,) = company.rooms()
        await theirs.claim(60)
        await theirs.send("Guten Tag")
        await until_texts(room, ["vorher", "Guten Tag"])
        async with await phone.link() as link:
            offer = await browser.do("offer", text=link.text)
            assert offer["origin"] == ORIGIN
            assert await browser.do("join") == await link.digits(60)
            assert offer["stored"] == 0
            confirming = asyncio.create_task(link.confirm(120))
            device_id = await browser.do("joined")
            assert (await confirming).hex() == device_id
        while not await browser.do("has_room"):
            await browser.next_event()
        await until_said(browser, ["vorher", "Guten Tag"])
        await browser.do("wait", entry=await browser.do("send", text="vom Browser"))
        await until_texts(theirs, ["vorher", "Guten Tag", "vom Browser"])
        await until_texts(room, ["vorher", "Guten Tag", "vom Browser"])
        await room.send("vom Telefon")
        await theirs.send("an beide")
        wanted = ["vorher", "Guten Tag", "vom Browser"]
        while len(await said(browser)) < 5:
            await browser.next_event()
        assert (await said(browser))[:3] == wanted
        assert await browser.do("reopen_store")
        assert len(await said(browser)) == 5
        await browser.do("wait", entry=await browser.do("send", text="nach dem Neustart"))
        await phone.remove_device(bytes.fromhex(device_id))
        await phone.wait_settled(60)
        await browser.do("reopen_store")
        await browser.wait_for(type="replaced")
        with pytest.raises(PersonFault) as refused:
            await browser.do("send", text="nie")
        assert refused.value.code == "account.replaced"


async def test_a_second_device_by_one_code_ends_the_link_for_all_three(
    web_libraries: None, company: Company, door: Path
) -> None:
    """ACC-34, ACC-53: a code that was photographed takes nobody in, and each of the three is told."""
    async with web(door) as phone, web(door) as own, web(door) as thief:
        await phone.do("accept")
        text = await phone.do("link")
        for device in (own, thief):
            await device.do("offer", text=text)
        await own.do("join")
        await phone.do("link_digits")
        for one in ("join", "joined"):
            with pytest.raises(PersonFault) as refused:
                await thief.do(one)
            assert refused.value.code == "link.code"
        for person, what, code in (
            (own, "joined", "link.code"),
            (phone, "link_over", "link.second"),
            (phone, "link_confirm", "link.second"),
        ):
            with pytest.raises(PersonFault) as refused:
                await person.do(what)
            assert refused.value.code == code
        assert len(await phone.do("devices")) == 1
        assert (await own.do("offer", text=text))["stored"] == 0


async def test_a_code_that_is_none_of_this_company_or_over_is_refused(
    web_libraries: None, company: Company, door: Path
) -> None:
    """ACC-31, ACC-32, ACC-51: of a company, damaged, of another company, and one whose link was closed."""
    async with web(door) as phone, web(door) as other:
        await phone.do("accept")
        text = await phone.do("link")
        account, code, card = text.split(" ")
        theirs = company.client.card().to_uri()
        async with await company.invite("Agent") as invite:
            of_a_company = f"{invite.text} {theirs}"
            wrong = [
                "",
                account,
                f"{account} {card}",
                f"{theirs} {code} {card}",
                f"{account} {code} {account}",
            ]
            for one in (*wrong, of_a_company, text.replace(code, code[:-1] + "A"), f"{text} {text}"):
                with pytest.raises(PersonFault) as refused:
                    await other.do("offer", text=one)
                assert refused.value.code == "link.code", one
        await phone.do("link_close")
        await other.do("offer", text=f"\n {text}\t")
        with pytest.raises(PersonFault) as refused:
            await other.do("join")
        assert refused.value.code == "link.expired"


async def test_an_account_without_an_entry_links_nothing(
    web_libraries: None, company: Company, door: Path
) -> None:
    """ACC-50: it was not made for further devices."""
    async with web_person(door) as phone:
        await phone.do("accept")
        with pytest.raises(PersonFault) as refused:
            await phone.do("link")
        assert refused.value.code == "client.unsupported"
