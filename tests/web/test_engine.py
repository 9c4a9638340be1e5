"""The web client's engine against a real relay and a real company in Python."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import e2ee_login
import pytest
import web_packages
from conversations import until, until_read
from e2ee_client.events import MandateSigned
from e2ee_client.rooms import Agent, Company, CompanyRoom
from practice import until_assigned
from relay_process import RelayProcess
from web_companies import company, relay
from web_person import PersonFault, WebPerson, web_person

from e2ee.rooms.kinds import Kind
from e2ee.rooms.state import Phase

__all__ = ["company", "relay"]
pytestmark = pytest.mark.processes
LEAST_CASES = 70
TEXT = 3
EDIT = 4


@pytest.fixture
async def person(web_libraries: None, company: Company, tmp_path: Path) -> AsyncIterator[WebPerson]:
    """A person who has accepted nothing yet."""
    door = tmp_path / "door"
    door.write_bytes(await company.door())
    async with web_person(door) as made:
        yield made


async def said(person: WebPerson) -> list[tuple[str, str | None]]:
    """Who wrote which text, as the person sees it: names of cards, "me" for its own."""
    entries = await person.do("entries")
    return [(one["name"] or "me", one["text"]) for one in entries if one["kind"] == TEXT]


async def heard(room: CompanyRoom) -> list[str | None]:
    return [one.text for one in await room.texts()]


async def until_heard(room: CompanyRoom, text: str) -> None:
    """Wait until a text is the newest that has come to a device of the company."""

    async def newest() -> str | None:
        return (await heard(room) or [None])[-1]

    await until_read(newest, text)


async def until_said(person: WebPerson, count: int) -> list[tuple[str, str | None]]:
    """Wait until the person sees so many texts."""
    while len(found := await said(person)) < count:
        await person.next_event()
    return found


async def seen(person: WebPerson) -> dict[str, Any]:
    view: dict[str, Any] = await person.do("view")
    return view


async def until_seen(person: WebPerson, **wanted: object) -> dict[str, Any]:
    """Wait until the room looks so to the person."""
    while not wanted.items() <= (view := await seen(person)).items():
        await person.next_event()
    return view


async def joined(company: Company, name: str) -> Agent:
    agent = await Agent.join(None, await company.invite(name))
    await agent.wait_ready(60)
    return agent


async def test_consent_then_twenty_texts_each_way(company: Company, person: WebPerson) -> None:
    """CNS-18, ROOM-21, SES-22: nothing is stored before consent; then all texts come once, in one order."""
    shown = await person.do("notice")
    assert shown["stored"] == 0
    with pytest.raises(PersonFault) as refused:
        await person.do("notice", account="00" * 32)
    assert refused.value.code == "door.identity"
    await person.do("accept")
    sent = [await person.do("send", text=f"Frage {n}") for n in range(20)]
    for one in sent:
        assert await person.do("wait", entry=one) == "delivered"
    (theirs,) = company.rooms()
    await until(lambda: theirs.unread == 20)
    assert await heard(theirs) == [f"Frage {n}" for n in range(20)]
    await theirs.claim(60)
    for n in range(20):
        await theirs.send(f"Antwort {n}")
    found = await until_said(person, 40)
    assert found == [("me", f"Frage {n}") for n in range(20)] + [
        ("Praxis", f"Antwort {n}") for n in range(20)
    ]
    assert found == [(("me" if n < 20 else "Praxis"), text) for n, text in enumerate(await heard(theirs))]
    assert await person.do("consent") == "Accepted"
    await person.do("edit", entry=sent[0], text="anders gefragt")
    assert (await said(person))[0] == ("me", "anders gefragt")
    await person.do("erase", entry=sent[0])
    assert (await said(person))[0] == ("me", None)
    (wording,) = [one for one in await person.do("entries") if one["kind"] == EDIT]
    assert wording["isErased"]
    (theirs_first, *_) = [one["id"] for one in await person.do("entries") if one["name"] == "Praxis"]
    for wrong in (sent[0], theirs_first):
        with pytest.raises(PersonFault) as refused:
            await person.do("edit", entry=wrong, text="nie")
        assert refused.value.code == "room.right"


def test_every_case_of_the_engine_passes(web_libraries: None) -> None:
    """ID-07, ID-45, RLY-03, ROOM-19, TRN-44, and what their files name: without a relay, in node."""
    files = sorted(map(str, (web_packages.WORKSPACE / "packages/client/tests").glob("*.test.ts")))
    done = web_packages.run(web_packages.REMEMBERING, *web_packages.TESTS, *files)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) >= LEAST_CASES


async def test_agents_the_relay_killed_and_a_withdrawal(
    company: Company, person: WebPerson, relay: RelayProcess
) -> None:
    """ROOM-07, ROOM-35, RLY-30, CNS-08: who is in the room is who reads it, whatever happens to the relay."""
    async with await joined(company, "Agent A") as a, await joined(company, "Agent B") as b:
        await person.do("accept")
        await person.do("send", text="Guten Tag")
        at_a = await anext(a.waiting())
        await at_a.claim(60)
        await at_a.send("Hier ist A")
        await until_said(person, 2)
        members = (await seen(person))["members"]
        assert [one["name"] for one in members] == ["Agent A"]
        relay.kill()
        meanwhile = await person.do("send", text="Ohne Relay")
        assert await person.do("delivery", entry=meanwhile) == "waiting"
        relay.start()
        assert await person.do("wait", entry=meanwhile) == "delivered"
        await until_heard(at_a, "Ohne Relay")
        await company.room(at_a.room_id).transfer(device_id=b.me().device_id, note="bitte")
        at_b = await until_assigned(b, at_a.room_id)
        await at_b.send("Hier ist B")
        await until_said(person, 4)
        last = await person.do("send", text="Danke")
        assert await person.do("wait", entry=last) == "delivered"
        await until_heard(at_b, "Danke")
        assert (await heard(at_b))[-2:] == ["Hier ist B", "Danke"]
        assert await person.do("reopen_store")
        await company.room(at_a.room_id).close()
        await until_seen(person, phase="closed")
        with pytest.raises(PersonFault) as refused:
            await person.do("send", text="zu")
        assert refused.value.code == "room.closed"
        await person.do("reopen")
        await until_seen(person, phase="open")
        await person.do("withdraw")
        await until_seen(person, phase="withdrawn")
        await until(lambda: at_b.phase is Phase.WITHDRAWN)
        assert await person.do("consent") == "Ended"
        await person.do("erase")
        erasure = await person.wait_for(type="erasure")
        assert erasure["outcome"] == "done"
        texts = [one for one in await person.do("entries") if one["kind"] == TEXT and one["ours"]]
        assert texts
        assert all(one["isErased"] and one["text"] is None for one in texts)


async def test_an_anonymous_person_becomes_a_known_one(
    web_libraries: None, company: Company, tmp_path: Path
) -> None:
    """CNS-50 to CNS-56: a token for this device, once; the room and what was written stay; who signs out is
    nobody known, and says so once.
    """
    events = company.client.events()
    await company.allow_logins()
    while not isinstance(await anext(events), MandateSigned):
        pass
    await company.wait_ready(60)
    await company.write_login_key(tmp_path / "login.key")
    (tmp_path / "door").write_bytes(await company.door())
    async with web_person(tmp_path / "door") as person:
        await person.do("accept")
        await person.do("send", text="Guten Tag")
        await until(lambda: bool(company.rooms()))
        (theirs,) = company.rooms()
        asked = await person.do("challenge")
        key = (tmp_path / "login.key").read_text()
        token = e2ee_login.issue_login_token(
            key, asked, subject="4711", name="Erika Muster", now_s=time.time()
        )
        await person.do("identify", text=token)
        await until_read(lambda: name_at(theirs), "Erika Muster")
        for wrong, code in ((token, "login.used"), (token[:-4], "remote.decode")):
            with pytest.raises(PersonFault) as refused:
                await person.do("identify", text=wrong)
            assert refused.value.code == code
        for _ in range(2):
            await person.do("sign_out")
        await until_read(lambda: name_at(theirs), None)
        kinds = [one["kind"] for one in await person.do("entries")]
        assert kinds.count(Kind.IDENTIFY) == 2
        assert await heard(theirs) == ["Guten Tag"]


async def name_at(room: CompanyRoom) -> str | None:
    known = await room.person()
    return known and known.name
