"""A desk that is always on: greeting, hours, routing, handlers, mail, webhooks."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import date
from functools import partial

import pytest
from conversations import until, until_read
from desk_runs import second_desk, until_later
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import ConfigError, UnknownRoom
from e2ee_client.rooms import (
    CompanyRoom,
    Desk,
    Entry,
    EntryProgress,
    Hours,
    Policy,
    RequestAsked,
    Room,
    Routing,
    Service,
    attending,
)
from e2ee_client.rooms.attending import Attending
from e2ee_client.rooms.desk_rows import of_desk
from e2ee_client.rooms.taking_over import hand_to_takers
from e2ee_client.rooms.webhooks import Webhook, Webhooks, WebhookSecret
from practice import Practice, until_assigned

from e2ee.errors import NoRight
from e2ee.ids import DeviceId
from e2ee.rooms.entry import RoomId
from e2ee.rooms.kinds import Kind
from e2ee.rooms.signals import RequestKind
from e2ee.rooms.state import Phase

NOTHING = Service()
NEVER = {"zone": "Europe/Berlin", "week": {}}
ROUTING = Routing.of({"default": "empfang", "rules": [{"team": "abrechnung", "words": ["rechnung*"]}]})


async def texts(room: Room) -> list[str | None]:
    return [one.text for one in await room.texts()]


@asynccontextmanager
async def running(desk: Desk, service: Service = NOTHING) -> AsyncIterator[None]:
    """Let a desk run."""
    task = asyncio.create_task(desk.run(service))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_desk_greets_once_and_answers_what_it_has_a_handler_for(praxis: Practice) -> None:
    desk = praxis.company

    @desk.on_message(pattern=r"(?i)wie lange.*offen", language="de")
    async def hours(room: CompanyRoom, entry: Entry) -> None:
        await room.send("Bis zwölf", reply_to=entry)

    @desk.on_message(language="fr")
    async def french(room: CompanyRoom, entry: Entry) -> None:
        raise AssertionError("nobody speaks French here")

    async with running(desk, Service(greeting={"de": "Willkommen", "en": "Welcome"})):
        room = await praxis.opened(await praxis.customer())
        await room.send("Wie lange haben Sie offen?")
        await room.send("Ich habe Husten")
        wanted = ["Willkommen", "Wie lange haben Sie offen?", "Ich habe Husten", "Bis zwölf"]
        await until_read(lambda: _sorted(room), sorted(wanted))
        theirs = desk.room(room.room_id)

        async def unread() -> list[str | None]:
            return [one.text for one in await theirs.unread_entries()]

        await until_read(unread, ["Ich habe Husten"])


async def test_a_desk_greets_nobody_in_a_room_that_others_are_in_and_goes_on(praxis: Practice) -> None:
    """ROOM-58, ROOM-39: of who is in the room nobody is assigned, or has written."""
    desk, agent, opened = praxis.company, await praxis.agent("Agent A"), list[bytes]()

    @desk.on_opened
    async def note_down(room: CompanyRoom) -> None:
        opened.append(room.room_id)

    room = await praxis.opened(await praxis.customer())
    await until(lambda: len(desk.rooms()) == 1)
    await desk.rooms()[0].add(agent.me().device_id)
    await until(lambda: bool(room.members))
    async with running(desk, Service(greeting={"de": "Willkommen", "en": "Welcome"})):
        await until(lambda: opened == [room.room_id])
        assert desk.failed == 0
    assert await texts(room) == await texts(desk.rooms()[0]) == []


async def test_a_desk_greets_nobody_in_a_room_that_was_claimed_meanwhile(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROOM-39: a greeting may wait for a handler, and then whoever has the room answers."""
    desk, agent, opened = praxis.company, await praxis.agent("Agent A"), list[bytes]()
    greets, goes_on, usual = asyncio.Event(), asyncio.Event(), Attending._greet

    async def greet(self: Attending, room_id: bytes) -> None:
        greets.set()
        await goes_on.wait()
        await usual(self, room_id)

    monkeypatch.setattr(Attending, "_greet", greet)

    @desk.on_opened
    async def note_down(room: CompanyRoom) -> None:
        opened.append(room.room_id)

    async with running(desk, Service(greeting={"de": "Willkommen", "en": "Welcome"})):
        room = await praxis.opened(await praxis.customer())
        await greets.wait()
        await room.send("Guten Tag")
        await (await anext(agent.waiting())).claim(600)
        await until(lambda: desk.rooms()[0].assigned is not None)
        goes_on.set()
        assert desk._attending is not None
        await desk._attending.lanes.done()
    assert opened == []
    assert "Willkommen" not in await texts(desk.rooms()[0])


async def _sorted(room: Room) -> list[str]:
    return sorted(str(one) for one in await texts(room))


async def test_notes_of_colleagues_are_greeted_by_nobody(praxis: Practice) -> None:
    """ROOM-02: no customer opens the notes beside a room, and none reads them."""
    desk, opened = praxis.company, list[bytes]()
    agent = await praxis.agent("Agent A")

    @desk.on_opened
    async def note(room: CompanyRoom) -> None:
        opened.append(room.room_id)

    async def notes() -> list[str | None]:
        try:
            return await texts(await desk.room(room.room_id).notes())
        except UnknownRoom:
            return []

    async with running(desk, Service(greeting="Willkommen")):
        room = await praxis.opened(await praxis.customer())
        await room.send("Guten Tag")
        theirs = await anext(agent.waiting())
        await theirs.claim(600)
        await until_noted(theirs, "Stammkunde")
        await until_read(notes, ["Stammkunde"])
    assert opened == [room.room_id]


async def until_noted(room: CompanyRoom, text: str) -> None:
    """Write a note as soon as the desk has begun the notes."""
    while True:
        with suppress(NoRight):
            return await room.note(text)
        await asyncio.sleep(0.02)


async def test_what_came_before_is_handled_when_the_desk_runs(praxis: Practice) -> None:
    """A text is handled once, also by a desk that was not running."""
    room = await praxis.opened(await praxis.customer())
    await room.send("eins")
    desk, seen = praxis.company, []
    await until(lambda: bool(desk.rooms()) and desk.rooms()[0].unread == 1)

    @desk.on_message()
    async def count(room: CompanyRoom, entry: Entry) -> None:
        seen.append(entry.text)

    for _ in range(2):
        async with running(desk, Service(greeting="Hallo")):
            await until(lambda: desk.room(room.room_id).unread == 0)
            await until_read(lambda: texts(room), ["eins", "Hallo"])
    assert seen == ["eins"]


async def test_handlers_of_a_room_run_one_at_a_time_and_a_failing_one_ends_nothing(
    praxis: Practice, caplog: pytest.LogCaptureFixture
) -> None:
    """What fails is named by its type alone, and comes again at the next start."""
    desk, seen, together = praxis.company, list[str](), set[int]()

    @desk.on_message()
    async def work(room: CompanyRoom, entry: Entry) -> None:
        seen.append(f"> {entry.text}")
        together.add(sum(one[0] == ">" for one in seen) - sum(one[0] == "<" for one in seen))
        await asyncio.sleep(0)
        seen.append(f"< {entry.text}")
        if entry.text == "zwei":
            raise ValueError(f"geheim {entry.text}")

    async with running(desk):
        room = await praxis.opened(await praxis.customer())
        for text in ("eins", "zwei", "drei"):
            await room.send(text)
        with caplog.at_level(logging.ERROR, logger="sealroom"):
            await until(lambda: seen[-1:] == ["< drei"])
            await until(lambda: desk.room(room.room_id).unread == 1)
        assert desk.failed == 1
    assert together == {1}
    assert [one.text for one in await desk.room(room.room_id).unread_entries()] == ["zwei"]
    shown = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert shown == ["desk.failed ValueError"]


async def test_the_first_text_says_which_team_its_room_waits_for(praxis: Practice) -> None:
    desk, waits = praxis.company, list[str]()
    agent = await praxis.agent("Agent A", teams=["abrechnung"])
    other = await praxis.agent("Agent B", teams=["empfang"])

    @desk.on_waiting
    async def note(room: CompanyRoom, team: str) -> None:
        waits.append(team)

    async with running(desk, Service(routing=ROUTING)):
        await until(lambda: desk.policy.team is None)
        room = await praxis.opened(await praxis.customer())
        await room.send("Meine Rechnung stimmt nicht")
        await room.send("Wo sind Sie?")
        found = await anext(agent.waiting())
        assert found.room_id == room.room_id
        await until(lambda: waits == ["abrechnung"])
        assert not other.is_for_us(found.waits_for)
        await found.claim(600)
        await until(lambda: room.assigned is not None and room.assigned.name == "Agent A")


def test_nobody_there_is_said_with_the_time_when_somebody_is() -> None:
    closed = Service(closed="Wir sind {opens} wieder da", hours=Hours.of(NEVER))
    assert closed.welcome("de", 0) == "Wir sind später wieder da"
    service = Service(
        greeting={"de": "Hallo", "en": "Hello"},
        closed={"de": "Wieder da: {opens}", "en": "Back: {opens}"},
        hours=Hours.of({"zone": "Europe/Berlin", "week": {"mon": ["08:00-12:00"]}}),
    )
    monday_ms = 1_767_571_200_000
    assert date.fromtimestamp(monday_ms / 1000).isoformat() == "2026-01-05"
    assert service.welcome("de-AT", monday_ms) == "Wieder da: Montag, 05.01., 08:00 Uhr"
    assert service.welcome("fr", monday_ms) == "Back: Monday, 05/01, 08:00"
    assert service.welcome("de", monday_ms + 8 * 3_600_000) == "Hallo"


async def test_what_the_policy_does_not_grant_is_for_the_handler(praxis: Practice) -> None:
    """ROOM-22."""
    desk, asked_for = praxis.company, list[int]()
    await desk.set_policy(Policy(grants=frozenset()))
    agent = await praxis.agent("Agent A")

    @desk.on_request
    async def decide(room: CompanyRoom, asked: RequestAsked) -> None:
        asked_for.append(asked.what)
        await room.decide(asked, grant=True)

    async with running(desk):
        room = await praxis.opened(await praxis.customer())
        theirs = await anext(agent.waiting())
        await theirs.claim(600)
        await theirs.close()
        await until(lambda: room.phase is Phase.CLOSED)
    assert asked_for == [RequestKind.CLOSE]


async def test_a_desk_is_a_front_desk_and_runs_once(praxis: Practice) -> None:
    invite = await praxis.company.invite("Bot", kind="bot")
    async with Desk.join(None, invite, runtime=praxis.network.runtime()) as bot:
        with pytest.raises(ConfigError):
            await bot.run()
    async with running(praxis.company):
        await until(lambda: praxis.company._attending is not None)
        with pytest.raises(ConfigError):
            await praxis.company.run()


def test_settings_go_together() -> None:
    with pytest.raises(ConfigError):
        Service(closed="x")
    with pytest.raises(ConfigError):
        Service(hours=Hours.of(NEVER))
    with pytest.raises(ConfigError):
        Service(page="https://praxis.example")
    with pytest.raises(ConfigError):
        Service(mail_after_s=1)


async def test_a_desk_is_told_of_answers_ratings_and_closing(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-43: with content where the company says so; the handler gets only an answer that fits."""
    desk, told, given = praxis.company, list[tuple[str, str | None]](), list[object]()

    async def take(hook: Webhook, body: bytes, now_ms: int) -> None:
        event = json.loads(body)
        told.append((event["kind"], event.get("text")))

    monkeypatch.setattr(attending, "Webhooks", partial(Webhooks, send=take))

    @desk.on_answer
    async def answered(room: CompanyRoom, entry: Entry) -> None:
        given.extend(one.value for one in entry.answers or ())

    hook = Webhook("https://praxis.example/hook", WebhookSecret(b"s" * 32), has_content=True)
    async with running(desk, Service(webhook=hook)):
        room = await praxis.opened(await praxis.customer())
        said = await room.send("Guten Tga")
        await until(lambda: any(one.unread for one in desk.rooms()))
        form = await desk.room(room.room_id).offer("Passt es?", "Ja", "Nein")
        await until(lambda: room.unread == 1)
        await room.edit(said, "Guten Tag")
        await room.answer(form, "Ja")
        await room.rate(4, "gut")
        await until(lambda: ("entry.rating", "4: gut") in told)
        await room.close()
        await until(lambda: ("room.closed", None) in told)
    assert given == ["Ja"]
    assert {("entry.edit", "Guten Tag"), ("entry.answer", "Passt es?: Ja")} <= set(told)


async def test_a_desk_that_is_only_connected_hands_over_as_well(praxis: Practice) -> None:
    """TRN-34: as `sealroom company run` does; of the room that it had before too, and to the second one."""
    first, second = await praxis.agent("Agent A"), await praxis.agent("Agent B")
    room = await praxis.opened(await praxis.customer())
    await room.send("Mein Rezept geht zu Ende")
    await until(lambda: any(one.unread == 1 for one in praxis.company.rooms()))
    desk = praxis.company
    task = asyncio.create_task(hand_to_takers(desk, desk.client.events(), 64))
    ours = await anext(first.waiting())
    await ours.claim(60)
    await until_read(lambda: texts(ours), ["Mein Rezept geht zu Ende"])
    await ours.transfer(device_id=second.me().device_id)
    at_second = await until_assigned(second, room.room_id)
    await until_read(lambda: texts(at_second), ["Mein Rezept geht zu Ende"])
    task.cancel()


async def test_a_desk_whose_elder_is_off_hands_over(praxis: Practice) -> None:
    """ROOM-23, TRN-34: the one that has opened the room and given it to who asked."""
    other, agent = await praxis.agent("Zentrale", front_desk=True), await praxis.agent("Agent A")
    first, second = sorted((praxis.company, other), key=lambda one: one.me().device_id)
    customer = await praxis.customer()
    notice = await customer.notice()
    await first.client.close()
    task = asyncio.create_task(hand_to_takers(second, second.client.events(), 64))
    room = await customer.accept(notice)
    await until(lambda: bool(second.rooms()))
    await room.send("Mein Rezept geht zu Ende")
    ours = await anext(agent.waiting())
    await ours.claim(60)
    await until_read(lambda: texts(ours), ["Mein Rezept geht zu Ende"])
    task.cancel()


def takes(way: str, room_id: RoomId, us: DeviceId) -> Callable[[Turn, Rooms], object]:
    """What a desk that was stolen may try to get a room."""
    match way:
        case "state":
            return lambda turn, rooms: rooms.acting.change(turn, room_id, Change(add=(us,), assign=us))
        case "transfer":
            return lambda turn, rooms: rooms.room(turn, room_id).ask(turn, RequestKind.TRANSFER, us)
        case _:
            return lambda turn, rooms: rooms.room(turn, room_id).ask(turn, RequestKind.ADD, us)


@pytest.mark.parametrize("way", ["state", "transfer", "claim"])
async def test_a_desk_that_takes_a_room_of_another_is_handed_nothing(praxis: Practice, way: str) -> None:
    """ROOM-62, ROOM-22: as one that was stolen would, of a colleague that runs."""
    desk, thief = praxis.company, await second_desk(praxis)
    async with running(desk, Service()), running(thief, Service()):
        room = await praxis.opened(await praxis.customer())
        await until(lambda: bool(desk.rooms() and thief.rooms()))
        ours, theirs = desk.room(room.room_id), thief.room(room.room_id)
        await ours.claim(60)
        await until(lambda: theirs.assigned is not None and room.assigned is not None)
        await (await room.send("Mein Befund: geheim")).wait_for(EntryProgress.DELIVERED, 60)
        us, room_id = DeviceId(thief.me().device_id), RoomId(room.room_id)
        if way == "claim":

            def release(turn: Turn, rooms: Rooms) -> None:
                rooms.acting.change(turn, room_id, Change(unassign=True))

            def wait(turn: Turn, rooms: Rooms) -> None:
                rooms.acting.wait_for(turn, room_id, "*")

            await of_desk(thief.client.shell, release)
            await until(lambda: ours.assigned is None)
            await of_desk(desk.client.shell, wait)
        await of_desk(thief.client.shell, takes(way, room_id, us))
        if way != "transfer":
            await until_later(praxis, lambda: room.assigned is not None and room.assigned.device_id == us)
        await room.send("Sind Sie da?")
        await until(lambda: ours.unread == 2)
        known = [] if way == "transfer" else ["Sind Sie da?"]
        await until_read(lambda: texts(theirs), known)
        await asyncio.sleep(0.5)
        assert await texts(theirs) == known


async def test_a_desk_that_is_new_is_handed_what_was_said_by_who_gives_it_the_room(praxis: Practice) -> None:
    """ROOM-62: it was no steward when that came."""
    desk = praxis.company
    async with running(desk, Service()):
        room = await praxis.opened(await praxis.customer())
        await (await room.send("Mein Rezept geht zu Ende")).wait_for(EntryProgress.DELIVERED, 60)
        new = await second_desk(praxis)
        await desk.room(room.room_id).transfer(device_id=new.me().device_id)
        at_new = await until_assigned(new, room.room_id)
        await until_read(lambda: texts(at_new), ["Mein Rezept geht zu Ende"])


async def test_a_desk_hands_nothing_over_for_an_agent_who_gives_a_room_away(praxis: Practice) -> None:
    """ROOM-62: the room was given to that agent by the state of a desk that was stolen."""
    desk, thief = praxis.company, await second_desk(praxis)
    first, second = await praxis.agent("Agent A"), await praxis.agent("Agent B")
    async with running(desk, Service()):
        room = await praxis.opened(await praxis.customer())
        await until(lambda: bool(desk.rooms() and thief.rooms()))
        ours = desk.room(room.room_id)
        await ours.claim(60)
        await until(lambda: thief.room(room.room_id).assigned is not None and room.assigned is not None)
        await (await room.send("Mein Befund: geheim")).wait_for(EntryProgress.DELIVERED, 60)
        one, room_id = DeviceId(first.me().device_id), RoomId(room.room_id)

        def give(turn: Turn, rooms: Rooms) -> None:
            rooms.acting.change(turn, room_id, Change(add=(one,), assign=one))

        await of_desk(thief.client.shell, give)
        await until(lambda: room.assigned is not None and room.assigned.device_id == one)
        await thief.client.close()
        at_first = await until_assigned(first, room.room_id)
        await at_first.transfer(device_id=second.me().device_id)
        await until_later(praxis, lambda: bool(second.rooms()))
        at_second = await until_assigned(second, room.room_id)
        await until_later(praxis, lambda: room.assigned is not None and room.assigned.name == "Agent B")
        await asyncio.sleep(0.5)
        assert "Mein Befund: geheim" not in await texts(at_first) + await texts(at_second)


@pytest.mark.parametrize("runs", [True, False])
async def test_a_desk_that_gives_its_own_room_away_hands_over_once(praxis: Practice, *, runs: bool) -> None:
    """TRN-34: whether it runs by itself, or a person uses it."""
    agent, desk = await praxis.agent("Agent A"), praxis.company
    async with running(desk, Service()) if runs else nullcontext():
        room = await praxis.opened(await praxis.customer())
        await (await room.send("Mein Rezept geht zu Ende")).wait_for(EntryProgress.DELIVERED, 60)
        ours = desk.room(room.room_id)
        await ours.claim(60)
        await ours.send("Ich sehe nach")
        await ours.transfer(device_id=agent.me().device_id)
        at_agent = await until_assigned(agent, room.room_id)
        await until_read(lambda: texts(at_agent), ["Mein Rezept geht zu Ende", "Ich sehe nach"])

        async def logged() -> int:
            return sum(one.kind == Kind.ACCESS for one in await room.history())

        await until_read(logged, 1)
        await asyncio.sleep(0.5)
        assert await logged() == 1


async def test_a_desk_that_runs_keeps_the_policy_of_which_its_service_says_nothing(praxis: Practice) -> None:
    """ROOM-56: what was set stays; what a service says is set."""
    desk = praxis.company
    await desk.set_policy(Policy(history=0))
    async with running(desk):
        await asyncio.sleep(0.5)
        assert desk.policy.history == 0
    async with running(desk, Service(history=9)):
        await until(lambda: desk.policy.history == 9)


@pytest.mark.parametrize(("history", "known"), [(64, True), (0, False)])
async def test_who_takes_a_room_is_handed_what_was_said_before(
    praxis: Practice, history: int, known: bool
) -> None:
    """TRN-34: by a log entry that the customer sees; not what was said to nobody else."""
    agent = await praxis.agent("Agent A")
    async with running(praxis.company, Service(history=history)):
        room = await praxis.opened(await praxis.customer())
        # What nobody has confirmed yet goes to who takes the room (ROOM-35).
        await (await room.send("Mein Rezept geht zu Ende")).wait_for(EntryProgress.DELIVERED, 60)
        ours = await anext(agent.waiting())
        await ours.claim(60)
        await ours.send("Ich sehe nach")
        if known:
            await until_read(lambda: texts(ours), ["Mein Rezept geht zu Ende", "Ich sehe nach"])
        await until(lambda: room.assigned is not None and room.assigned.name == "Agent A")
    assert ("Mein Rezept geht zu Ende" in await texts(ours)) == known
