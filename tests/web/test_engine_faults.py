"""The web client's engine when links, relays, stores and processes fail."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conversations import until, until_read
from e2ee_client.rooms import Company, CompanyRoom
from web_companies import company, relay
from web_person import PersonFault, WebPerson, web_person

__all__ = ["company", "relay"]
pytestmark = pytest.mark.processes
TEXT = 3


@pytest.fixture
async def person(web_libraries: None, company: Company, tmp_path: Path) -> AsyncIterator[WebPerson]:
    """A person who has accepted nothing yet."""
    door = tmp_path / "door"
    door.write_bytes(await company.door())
    async with web_person(door) as made:
        yield made


async def met(company: Company, person: WebPerson) -> CompanyRoom:
    """Open a room in which both sides have written."""
    await person.do("accept")
    await person.do("send", text="eins")
    await until(lambda: bool(company.rooms()))
    (theirs,) = company.rooms()
    await theirs.claim(60)
    await theirs.send("zwei")
    await until_seen(person, ["eins", "zwei"])
    return theirs


async def shown(person: WebPerson) -> list[str]:
    return [one["text"] for one in await person.do("entries") if one["kind"] == TEXT]


async def until_seen(person: WebPerson, texts: list[str]) -> None:
    """Wait until a person sees these texts, each once."""
    while await shown(person) != texts:
        await person.next_event()


async def heard(room: CompanyRoom) -> list[str | None]:
    return [one.text for one in await room.texts()]


async def test_nothing_is_used_before_consent(company: Company, person: WebPerson) -> None:
    """CNS-18: no randomness, no connection, no timer, no store before the first accept."""
    shown_first = await person.do("notice")
    assert shown_first["stored"] == 0
    assert await person.do("calls") == {"random": 0, "connect": 0, "wake": 0}
    await person.do("refuse")
    assert await person.do("calls") == {"random": 0, "connect": 0, "wake": 0}
    await person.do("accept")
    used = await person.do("calls")
    assert used["random"] > 0
    assert used["connect"] > 0


async def test_links_that_lose_repeat_and_garble(company: Company, person: WebPerson) -> None:
    """RLY-03, RLY-30, SES-22: whatever links do, each text comes once and in order."""
    theirs = await met(company, person)
    texts: list[str | None] = ["eins", "zwei"]
    for n in range(3):
        await person.do("lose", count=1 + n)
        await person.do("send", text=f"verloren {n}")
        texts.append(f"verloren {n}")
        await until_read(lambda: heard(theirs), texts)
    for n in range(3):
        await person.do("swallow", count=1 + n)
        await person.do("send", text=f"verschluckt {n}")
        texts.append(f"verschluckt {n}")
        await until_read(lambda: heard(theirs), texts)
    await person.do("double", count=1)
    await person.do("send", text="doppelt")
    texts.append("doppelt")
    await until_read(lambda: heard(theirs), texts)
    await theirs.send("doppelt zurück")
    texts.append("doppelt zurück")
    await until_seen(person, [one or "" for one in texts])
    await person.do("double", count=0)
    assert await person.do("replay") > 10
    await person.do("garble")
    last = await person.do("send", text="danach")
    assert await person.do("wait", entry=last) == "delivered"
    await theirs.send("auch danach")
    await until_seen(person, [*(one or "" for one in texts), "danach", "auch danach"])
    assert await heard(theirs) == [*texts, "danach", "auch danach"]
    assert not [one for one in person.events if one["type"] in {"identity-alarm", "finding", "gap"}]


async def test_processes_that_die_between_disk_and_relay(company: Company, person: WebPerson) -> None:
    """STO-09, SES-32: what was committed goes out once, by the same store or by an older copy of it."""
    theirs = await met(company, person)
    texts = ["eins", "zwei"]
    for kind in ("outbox", "entry", "session"):
        await person.do("die_after", kind=kind, text=f"vor {kind}")
        with pytest.raises(PersonFault) as died:
            await person.do("send", text=f"vor {kind}")
        assert died.value.code == "store.closed"
        assert await person.do("revive", kind="same")
        texts.append(f"vor {kind}")
        await until_read(lambda: heard(theirs), texts)
    await person.do("die_after", kind="entry", text="als Kopie")
    with pytest.raises(PersonFault):
        await person.do("send", text="als Kopie")
    assert await person.do("revive", kind="copy")
    await until_read(lambda: heard(theirs), [*texts, "als Kopie"])
    await theirs.send("angekommen")
    await until_seen(person, [*texts, "als Kopie", "angekommen"])


async def test_a_full_disk_and_another_writer(company: Company, person: WebPerson) -> None:
    """STO-20: what does not fit is refused and changes nothing; who is not alone stops."""
    theirs = await met(company, person)
    await person.do("fill_for", text="passt nicht")
    with pytest.raises(PersonFault) as refused:
        await person.do("send", text="passt nicht")
    assert refused.value.code == "store.full"
    assert await shown(person) == ["eins", "zwei"]
    await person.do("send", text="passt")
    await until_read(lambda: heard(theirs), ["eins", "zwei", "passt"])
    await person.do("intrude")
    with pytest.raises(PersonFault) as refused:
        await person.do("send", text="zu spät")
    assert refused.value.code == "store.conflict"
    await person.wait_for(type="connection", code="store.conflict")


async def test_a_device_without_room_takes_later_what_comes_and_asks_a_relay_seldom(
    company: Company, person: WebPerson
) -> None:
    """STO-41: nothing is acknowledged before there is room, and each further pause is longer."""
    theirs = await met(company, person)
    begun = time.monotonic()
    await person.do("fill", count=1)
    await theirs.send("drei")
    # No pause behind the first, 1 s behind the second, 2 s behind the third.
    await until_refused(person, 4)
    assert time.monotonic() - begun > 2.9
    assert await shown(person) == ["eins", "zwei"]
    await person.do("fill", count=0)
    await until_seen(person, ["eins", "zwei", "drei"])


async def until_refused(person: WebPerson, times: int) -> None:
    """Wait until a person was told so often that its device has no room."""
    while [one.get("code") for one in person.events].count("store.full") < times:
        await person.next_event()
