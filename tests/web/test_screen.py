"""What a screen is given of a room, against a real relay and a real company in Python."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from conversations import until, until_read
from e2ee_client.rooms import Company, CompanyRoom
from web_companies import ORIGIN, company, relay
from web_person import SCREEN, PersonFault, WebPerson, web_person

from e2ee.rooms.state import Phase

__all__ = ["company", "relay"]
pytestmark = pytest.mark.processes
State = dict[str, Any]


@pytest.fixture
async def screen(web_libraries: None, company: Company, tmp_path: Path) -> AsyncIterator[WebPerson]:
    """The screen of a page that names the company's account."""
    door = tmp_path / "door"
    door.write_bytes(await company.door())
    async with web_person(door, SCREEN, company.client.account_id.hex()) as made:
        yield made


async def until_shown(screen: WebPerson, holds: Callable[[State], object]) -> State:
    """Wait until the state is so."""
    state: State
    while not holds(state := await screen.do("state")):
        await screen.next_event()
    return state


async def in_phase(screen: WebPerson, phase: str) -> State:
    return await until_shown(screen, lambda state: state["phase"] == phase)


def messages(state: State) -> list[State]:
    return [one for one in state["items"] if one["kind"] == "message"]


def happened(state: State) -> list[str]:
    return [one["what"] for one in state["items"] if one["kind"] == "happening"]


async def call(screen: WebPerson, method: str, *args: object) -> Any:
    return await screen.do(method, args=args)


async def accepted(screen: WebPerson, company: Company, text: str) -> CompanyRoom:
    """Accept, write, and let the company take it up."""
    notice = (await in_phase(screen, "notice"))["notice"]
    await call(screen, "accept", [one["number"] for one in notice["purposes"] if one["isRequired"]], notice)
    await call(screen, "send", text, None)
    await until(lambda: any(one.phase is Phase.OPEN for one in company.rooms()))
    theirs = next(one for one in company.rooms() if one.phase is Phase.OPEN)
    await theirs.claim(60)
    await in_phase(screen, "open")
    return theirs


async def test_a_screen_before_consent_holds_nothing(company: Company, screen: WebPerson) -> None:
    """CNS-18: the notice is shown, and refused, without anything of it being kept."""
    state = await in_phase(screen, "notice")
    assert state["company"]["name"] == state["notice"]["controller"]["name"]
    assert state["company"]["origin"] == ORIGIN
    assert state["company"]["trust"] == "page"
    assert [len(one) for one in state["company"]["fingerprint"]] == [5] * 6
    assert state["notice"]["recipients"]
    assert not state["canWrite"]
    await call(screen, "refuse")
    assert (await in_phase(screen, "refused"))["stored"] is False
    await call(screen, "reconsider")
    assert (await in_phase(screen, "notice"))["members"] == []
    with pytest.raises(PersonFault) as refused:
        await call(screen, "accept", [32], state["notice"])
    assert refused.value.code == "local.argument"
    with pytest.raises(PersonFault) as refused:
        await call(screen, "accept", [1], state["notice"] | {"number": state["notice"]["number"] + 1})
    assert refused.value.code == "client.notice_changed"
    assert (await screen.do("state"))["stored"] is False
    with pytest.raises(PersonFault) as refused:
        await call(screen, "send", "zu früh", None)
    assert refused.value.code == "client.not_accepted"


async def test_a_door_of_another_account_blocks_the_screen(
    web_libraries: None, company: Company, tmp_path: Path
) -> None:
    """CNS-27: the page named one account, its door is of another."""
    door = tmp_path / "door"
    door.write_bytes(await company.door())
    async with web_person(door, SCREEN, "00" * 32) as screen:
        state = await in_phase(screen, "blocked")
        assert state["obstacle"] == "door-wrong"
        assert state["stored"] is False


async def test_a_conversation_on_a_screen(company: Company, screen: WebPerson) -> None:
    """ROOM-07, TRN-40, TRN-44: what is said, who is there, what was answered and worded anew."""
    theirs = await accepted(screen, company, "Guten Tag")
    await theirs.send("Guten Morgen")
    state = await until_shown(
        screen, lambda state: state["unread"] == 1 and messages(state)[0]["delivery"] == "delivered"
    )
    first, second = messages(state)
    assert (first["text"], first["delivery"], second["text"], second["delivery"]) == (
        "Guten Tag",
        "delivered",
        "Guten Morgen",
        None,
    )
    people = {one["id"]: one for one in state["members"]}
    assert people[first["author"]]["isSelf"]
    assert (people[second["author"]]["name"], people[second["author"]]["isPresent"]) == ("Praxis", True)
    assert "assigned" in happened(state)
    await call(screen, "seen", second["id"])
    await until_shown(screen, lambda state: state["unread"] == 0)
    await call(screen, "edit", first["id"], "Guten Abend")
    await call(screen, "send", "als Antwort", second["id"])
    await theirs.offer("Passt Ihnen Montag?", "ja", "nein")
    state = await until_shown(screen, lambda state: len(messages(state)) == 4)
    worded, _, reply, question = messages(state)
    assert (worded["text"], worded["isEdited"], reply["replyTo"]) == ("Guten Abend", True, second["id"])
    assert question["text"] == "Passt Ihnen Montag?"
    assert (question["question"]["choices"], question["question"]["chosen"]) == (["ja", "nein"], None)
    await call(screen, "answer", question["id"], "nein")
    state = await screen.do("state")
    assert messages(state)[3]["question"]["chosen"] == "nein"
    asked = await theirs.entry(bytes.fromhex(question["id"]))
    await until_read(lambda: answered(theirs, asked), True)
    await call(screen, "erase", worded["id"])
    gone = messages(await screen.do("state"))[0]
    assert (gone["text"], gone["isErased"]) == ("", True)
    assert sum(one["renewed"] for one in screen.events if one["type"] == "state") == 0


async def answered(room: CompanyRoom, asked: Any) -> bool:
    return await room.answer_to(asked) is not None


async def stars(room: CompanyRoom) -> int | None:
    found = await room.rating()
    return None if found is None else found.stars


async def test_a_room_ends_on_a_screen(company: Company, screen: WebPerson) -> None:
    """ROOM-18, ROOM-19, CNS-08: closed, rated and opened again, withdrawn, erased, forgotten."""
    theirs = await accepted(screen, company, "Guten Tag")
    await theirs.close("erledigt")
    state = await in_phase(screen, "closed")
    assert state["canReopen"]
    assert not state["canWrite"]
    assert "closed" in happened(state)
    assert state["canRate"]
    await call(screen, "rate", 5, "schnell")
    state = await until_shown(screen, lambda state: not state["canRate"])
    assert (state["phase"], state["canReopen"], happened(state)[-1]) == ("closed", True, "rated")
    await until_read(lambda: stars(theirs), 5)
    assert (theirs.phase, theirs.unread) == (Phase.CLOSED, 1)
    await call(screen, "reopen")
    state = await in_phase(screen, "open")
    assert "reopened" in happened(state)
    assert not state["canRate"]
    await call(screen, "freeze")
    await in_phase(screen, "frozen")
    with pytest.raises(PersonFault) as refused:
        await call(screen, "rate", 1, None)
    assert refused.value.code == "room.frozen"
    await call(screen, "unfreeze")
    await in_phase(screen, "open")
    assert "Guten Tag" in await call(screen, "exportTranscript")
    await call(screen, "withdraw")
    state = await until_shown(screen, lambda state: state["erasure"] == "confirmed")
    assert state["phase"] == "erased"
    assert "withdrawn" in happened(state)
    assert [one["text"] for one in messages(state)] == [""]
    await until(lambda: theirs.phase is Phase.ERASED)
    await call(screen, "startAnew")
    await accepted(screen, company, "Noch einmal")
    assert [one["text"] for one in messages(await screen.do("state"))] == ["Noch einmal"]
    await call(screen, "forget")
    state = await in_phase(screen, "erased")
    assert state["stored"] is False
    await call(screen, "startAnew")
    await in_phase(screen, "notice")
