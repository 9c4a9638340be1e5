"""What an agent does at the page, as messages: a waiting room, claim, answer, note, transfer, close."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from conversations import until, until_read
from desk_page import Page, page_of, served
from e2ee_client.desk.local import LocalRows
from e2ee_client.engine.effects import Effect
from e2ee_client.engine.engine import Engine
from e2ee_client.engine.records import HeldEntry
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import RoomsLocked, StoreUnavailable
from e2ee_client.events import ConnectionChanged, ConnectionState
from e2ee_client.rooms import Agent, CompanyRoom, CustomerRoom, EntryProgress
from practice import Practice

from e2ee.rooms.state import Phase


async def asked(praxis: Practice, agent: Agent, text: str) -> CustomerRoom:
    """A customer has written, and waits."""
    room = await praxis.opened(await praxis.customer())
    # What nobody has confirmed yet goes to who takes the room (ROOM-35).
    await (await room.send(text)).wait_for(EntryProgress.DELIVERED, 60)
    await until(lambda: any(one.room_id == room.room_id for one in agent.rooms()))
    return room


async def test_a_waiting_room_is_claimed_answered_handed_on_and_closed(praxis: Practice) -> None:
    a, b = (
        await praxis.agent("Agent A", teams=["empfang"]),
        await praxis.agent("Agent B", teams=["abrechnung"]),
    )
    async with served(a) as (at, _), page_of(at) as page, served(b) as (there, _), page_of(there) as page_b:
        assert (await page_b.ask("begin"))["rooms"] == []
        whole = await page.ask("begin")
        assert (whole["rooms"], whole["me"]["name"]) == ([], "Agent A")
        assert {"Agent A", "Agent B", "Praxis"} >= {one["name"] for one in whole["team"] if one["name"]}
        room = await asked(praxis, a, "Guten Tag")
        name = room.room_id.hex()
        row = await page.room(name, phase="begun", isForUs=True, isHere=False)
        assert row["waitsMs"] is not None
        assert (await page.ask("claim", room=name))["type"] == "done"
        await page.room(name, isMine=True, isHere=True, phase="open")
        await page.say("watch", room=name)
        assert (await page.ask("send", room=name, text="Hier ist A", reply=None))["type"] == "done"
        await until(lambda: room.unread == 1)
        await room.send("Die Rechnung stimmt nicht")
        said = await text_of(page, "Die Rechnung stimmt nicht")
        assert said["author"]["role"] == "customer"
        await page.room(name, unread=1)
        assert (await page.ask("markRead", room=name, entries=[said["id"]]))["type"] == "done"
        await page.room(name, unread=0)
        seen = await page.ask("read", room=name, before=None, limit=50, notes=False)
        assert [one["text"] for one in seen["entries"] if one["kind"] == "text"] == [
            "Hier ist A",
            "Die Rechnung stimmt nicht",
        ]
        assert seen["unread"] == []
        found = await page.ask("search", words="rechnung", limit=5)
        assert [one["text"] for one in found["found"]] == ["Die Rechnung stimmt nicht"]
        previews = await page.ask("preview", rooms=[name])
        assert previews["previews"][0]["text"] == "Die Rechnung stimmt nicht"
        await praxis.company.room(room.room_id).note("Notizen beginnt der Empfang")
        await page.room(name, newNotes=1)
        device = b.me().device_id.hex()
        done = await page.ask("transfer", room=name, team=None, device=device, note="bitte prüfen")
        assert done["type"] == "done"
        await page.room(name, assignedName="Agent B", isMine=False)
        await page_b.room(name, isMine=True)
        while not page_b.rows[name]["newNotes"]:
            await page_b.next()

        async def is_noted() -> bool:
            notes = await page_b.ask("read", room=name, before=None, limit=50, notes=True)
            return "bitte prüfen" in [one["text"] for one in notes["entries"]]

        await until_read(is_noted, True)
        assert (await page_b.ask("close", room=name, reason="erledigt"))["type"] == "done"
        await page_b.room(name, phase="closed")
        await until(lambda: room.phase is Phase.CLOSED)


async def text_of(page: Page, text: str) -> dict[str, dict[str, str]]:
    """Return the entry with a text as soon as the page is told of it."""
    while True:
        for one in (await page.until("entries"))["entries"]:
            if one["text"] == text:
                entry: dict[str, dict[str, str]] = one
                return entry


async def test_what_is_kept_here_stays_here_and_goes_with_the_room(praxis: Practice) -> None:
    room = await asked(praxis, praxis.company, "Guten Tag")
    name = room.room_id.hex()
    answer = {"id": "ab" * 16, "shortcut": "gruss", "title": "Gruß", "text": "Guten Tag, {name}"}
    async with served(praxis.company) as (at, hub), page_of(at) as page:
        await page.ask("begin")
        assert (await page.ask("saveAnswer", answer=answer))["type"] == "done"
        assert (await page.ask("setLabels", room=name, labels=["dringend", "Abo", "Abo"]))["type"] == "done"
        await page.room(name, labels=["Abo", "dringend"])
        again = await page.ask("begin")
        assert (again["answers"], again["rooms"][0]["labels"]) == ([answer], ["Abo", "dringend"])
        assert (await page.ask("dropAnswer", id="ab" * 16))["type"] == "done"
        await room.withdraw()
        await page.room(name, phase="withdrawn", labels=[])
        assert hub.local.answers() == ()


async def test_a_draft_outlives_lock_and_restart_and_is_shown_by_the_other_page(praxis: Practice) -> None:
    """ROOM-74: of the room and of its notes; what was sent, here or there, is no draft any more."""
    room = await asked(praxis, praxis.company, "Guten Tag")
    name = room.room_id.hex()
    read = {"room": name, "before": None, "limit": 5}
    long = "\x01" * 65_536  # Six times as much in JSON.
    async with served(praxis.company) as (at, _), page_of(at) as page, page_of(at) as other:
        for one in (page, other):
            await one.ask("begin")
        await page.ask("claim", room=name)
        await page.room(name, isMine=True)
        for notes, text in ((False, "Sehr geehrte"), (True, "ruft zurück"), (False, "Sehr geehrte Frau")):
            assert (await page.ask("keepDraft", room=name, notes=notes, text=text))["type"] == "done"
            await other.until("drafted", room=name, notes=notes, text=text)
        assert (await page.ask("lock"))["type"] == "done"
        await page.ask("unlock", passphrase="x")
        first = await page.ask("read", **read, notes=False)
        earlier = await page.ask("read", **read | {"before": first["entries"][-1]["id"]}, notes=False)
        assert (first["draft"], earlier["draft"]) == ("Sehr geehrte Frau", "")
        assert not any(one["type"] == "drafted" for one in page.seen)
    async with served(praxis.company) as (at, _), page_of(at) as page, page_of(at) as other:
        for one in (page, other):
            await one.ask("begin")
        assert (await page.ask("read", **read, notes=True))["draft"] == "ruft zurück"
        assert (await page.ask("send", room=name, text="Sehr geehrte Frau X", reply=None))["type"] == "done"
        await other.until("drafted", notes=False, text="")
        assert (await page.ask("note", room=name, text="ruft zurück"))["type"] == "done"
        await other.until("drafted", notes=True, text="")
        assert (await page.ask("keepDraft", room=name, notes=False, text=long))["type"] == "done"
        assert (await page.ask("read", **read, notes=False))["draft"] == long
        beyond = await page.ask("keepDraft", room=name, notes=False, text=f"{long}x")
        assert (beyond["type"], beyond["code"]) == ("failed", "local.desk_input")
        await room.withdraw()
        await page.room(name, phase="withdrawn")
        refused = await page.ask("keepDraft", room=name, notes=False, text="zu spät")
        assert (refused["type"], refused["code"]) == ("failed", "room.erased")
        assert (await page.ask("read", **read, notes=False))["draft"] == ""


async def test_what_was_sent_is_done_also_where_no_page_can_be_told(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await asked(praxis, praxis.company, "Guten Tag")
    name = room.room_id.hex()
    async with served(praxis.company) as (at, _), page_of(at) as page, page_of(at) as other:
        for one in (page, other):
            await one.ask("begin")
        await page.ask("claim", room=name)
        await page.room(name, isMine=True)

        async def fail(_room: CompanyRoom, *, in_notes: bool) -> str:
            raise RoomsLocked("suspended meanwhile")

        monkeypatch.setattr(CompanyRoom, "draft", fail)
        assert (await page.ask("send", room=name, text="Hier ist A", reply=None))["type"] == "done"


async def test_labels_go_with_a_room_that_ended_while_no_page_was_served(praxis: Practice) -> None:
    ended, going_on = [await asked(praxis, praxis.company, "Guten Tag") for _ in range(2)]
    async with served(praxis.company) as (at, _), page_of(at) as page:
        await page.ask("begin")
        for room in (ended, going_on):
            await page.ask("setLabels", room=room.room_id.hex(), labels=["zahlt nicht"])
    await ended.withdraw()
    await until(lambda: praxis.company.room(ended.room_id).phase is Phase.WITHDRAWN)
    async with served(praxis.company) as (at, hub), page_of(at) as page:
        await page.ask("begin")
        await page.room(ended.room_id.hex(), labels=[])
        assert hub.local.labelled() == (going_on.room_id,)


async def test_the_first_page_shows_what_is_kept_here_also_where_reading_it_takes_long(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await asked(praxis, praxis.company, "Guten Tag")
    async with served(praxis.company) as (at, _), page_of(at) as page:
        await page.ask("begin")
        await page.ask("setLabels", room=room.room_id.hex(), labels=["Abo"])
    load = LocalRows.load

    async def slowly(rows: LocalRows) -> None:
        await asyncio.sleep(0.3)
        await load(rows)

    monkeypatch.setattr(LocalRows, "load", slowly)
    async with served(praxis.company) as (at, _), page_of(at) as page:
        assert (await page.ask("begin"))["rooms"][0]["labels"] == ["Abo"]


async def test_a_store_that_drops_no_label_ends_no_page(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = [await asked(praxis, praxis.company, "Guten Tag") for _ in range(2)]
    async with served(praxis.company) as (at, hub), page_of(at) as page:
        await page.ask("begin")

        async def fail(room_id: bytes) -> None:
            raise StoreUnavailable("the disk is full")

        monkeypatch.setattr(hub.local, "forget", fail)
        for room in rooms:
            await room.withdraw()
            await page.room(room.room_id.hex(), phase="withdrawn")


async def test_a_refused_act_says_its_code_and_changes_nothing(praxis: Practice) -> None:
    room = await asked(praxis, praxis.company, "Guten Tag")
    name = room.room_id.hex()
    async with served(praxis.company) as (at, _), page_of(at) as page:
        await page.ask("begin")
        missing = await page.ask("send", room="0" * 32, text="x", reply=None)
        assert (missing["type"], missing["code"]) == ("failed", "local.room")
        both = await page.ask("transfer", room=name, team="x", device="0" * 32, note=None)
        assert (both["type"], both["code"]) == ("failed", "config.invalid")


async def test_a_room_that_cannot_be_had_is_said_at_once_and_why(praxis: Practice) -> None:
    """ROOM-68: of one that the agent has left and that is closed; it was asked for without an answer."""
    agent = await praxis.agent("Agent A")
    room = await asked(praxis, agent, "Guten Tag")
    name = room.room_id.hex()
    async with served(agent) as (at, _), page_of(at) as page:
        await page.ask("begin")
        assert (await page.ask("claim", room=name))["type"] == "done"
        assert (await page.ask("leave", room=name))["type"] == "done"
        await page.room(name, isHere=False)
        await praxis.company.room(room.room_id).close()
        await page.room(name, phase="closed")
        refused = await page.ask("claim", room=name)
        assert (refused["type"], refused["code"]) == ("failed", "room.nobody_waits")
        refused = await page.ask("leave", room=name)
        assert (refused["type"], refused["code"]) == ("failed", "room.not_member")


async def test_figures_are_of_what_is_here(praxis: Practice) -> None:
    room = await asked(praxis, praxis.company, "Guten Tag")
    theirs = praxis.company.room(room.room_id)
    await until(lambda: theirs.unread == 1)
    await theirs.claim(60)
    await theirs.send("Guten Tag")
    async with served(praxis.company) as (at, _), page_of(at) as page:
        found = await page.ask("figures", days=2)
        assert (found["answered"], found["waiting"], len(found["days"])) == (1, 0, 2)
        assert found["firstAnswerMs"] >= 0
        today = found["days"][-1]
        assert (today["fromCustomers"], today["fromUs"]) == (1, 1)


async def test_a_page_shows_that_what_the_account_publishes_waits_whenever_it_is_opened(
    praxis: Practice,
) -> None:
    """ID-59: and that it does so no longer, while the connection stays; a connection does not end it."""

    def tells(*, waits: bool, code: str = "") -> Callable[[Engine, int], list[Effect]]:
        def step(engine: Engine, now_ms: int) -> list[Effect]:
            turn = Turn(now_ms)
            engine._context.entry.waits.told = HeldEntry(now_ms, now_ms) if waits else None
            turn.notify(ConnectionChanged(ConnectionState.ONLINE, "wss://relay.test", code))
            return turn.effects()

        return step

    shell = praxis.company.client.shell
    async with served(praxis.company) as (at, _), page_of(at) as page:
        assert not (await page.ask("begin"))["entryWaits"]
        await shell.do(tells(waits=True, code="relay.rate_limited"))
        await page.until("link", connection="online", entryWaits=True)
        await shell.do(tells(waits=True))
        await page.until("link", connection="online", entryWaits=True)
        async with page_of(at) as later:
            assert (await later.ask("begin"))["entryWaits"]
        await shell.do(tells(waits=False))
        await page.until("link", connection="online", entryWaits=False)


async def test_who_is_suspended_is_shown_no_room_any_more(praxis: Practice) -> None:
    agent = await praxis.agent("Agent A")
    room, device_id = await asked(praxis, agent, "Guten Tag"), agent.me().device_id
    async with served(agent) as (at, _), page_of(at) as page:
        assert len((await page.ask("begin"))["rooms"]) == 1
        assert (await page.ask("setLabels", room=room.room_id.hex(), labels=["Abo"]))["type"] == "done"
        await praxis.company.suspend(device_id)
        await page.until("again")
        whole = await page.ask("begin")
        assert (whole["rooms"], whole["me"]) == ([], None)
        refused = await page.ask("send", room=room.room_id.hex(), text="Noch da?", reply=None)
        assert refused["type"] == "failed"
        async with served(agent) as (_, anew):
            await until(lambda: bool(anew.local.labelled()))
            await asyncio.sleep(0.1)
            assert anew.local.labelled() == (room.room_id,)
        await praxis.company.reinstate(device_id)
        await page.until("again")


async def test_who_is_struck_off_is_not_of_the_team_and_no_page_is_served_anew(praxis: Practice) -> None:
    """ACC-15: what the page shows says so; the next start is refused with a reason."""
    agent = await praxis.agent("Agent A")
    async with served(agent) as (at, _), page_of(at) as page:
        assert (await page.ask("begin"))["me"]["name"] == "Agent A"
        await praxis.company.remove(agent.me().device_id)
        await page.until("again")
        whole = await page.ask("begin")
        assert (whole["me"], whole["team"], whole["rooms"]) == (None, [], [])
    with pytest.raises(RoomsLocked):
        async with served(agent):
            pass


async def test_a_room_whose_team_has_nobody_left_is_for_who_is_there(praxis: Practice) -> None:
    """ROOM-23: also on a page that stands, whose room has not changed."""
    a = await praxis.agent("Agent A", teams=["empfang"])
    b = await praxis.agent("Agent B", teams=["abrechnung"])
    room = await asked(praxis, b, "Guten Tag")
    name = room.room_id.hex()
    await praxis.company.room(room.room_id).wait_for_team("empfang")
    async with served(b) as (at, _), page_of(at) as page:
        await page.ask("begin")
        await page.room(name, waitsFor="empfang", isForUs=False)
        await praxis.company.suspend(a.me().device_id)
        await page.room(name, waitsFor="empfang", isForUs=True)
        assert b.is_for_us("empfang")
        assert not b.is_for_us(None)
        assert (await page.ask("claim", room=name))["type"] == "done"
