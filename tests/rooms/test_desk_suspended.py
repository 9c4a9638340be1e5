"""What a desk sends that its company suspends, reinstates or strikes off, and one whose relay is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from conversations import until, until_read
from desk_runs import HOOK, MAIL, PAGE, Receiver, ahead, running, second_desk, until_later, waiting
from e2ee_client.engine.rooms.hearing import Gap
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import RoomsLocked
from e2ee_client.room_events import EntryState, RoomChanged
from e2ee_client.rooms import Agent, CompanyRoom, Desk, EntryProgress, Service, attending, webhooks
from e2ee_client.rooms.desk_rows import of_desk
from e2ee_client.rooms.errors import WebhookFailed
from e2ee_client.rooms.lanes import Lanes
from e2ee_client.rooms.taking_over import hand_to_takers
from e2ee_client.rooms.webhooks import Webhook
from e2ee_client.runtime.clock import Clock
from e2ee_client.runtime.event_stream import EventIterator
from e2ee_client.testing import FakeClock, MemoryNetwork
from practice import Practice

from e2ee.ids import AccountId
from e2ee.rooms.roster import Roster
from e2ee.rooms.state import Phase
from e2ee.rooms.team import Condition

KEY = b"k" * 32


@pytest.fixture
def network() -> Iterator[MemoryNetwork]:
    """A network whose time the tests move."""
    made = MemoryNetwork(clock=FakeClock(speed=1))
    yield made
    made.relay.close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """What the desks of a test send their events to."""
    made = Receiver()
    monkeypatch.setattr(attending, "Webhooks", partial(webhooks.Webhooks, send=made))
    return made


def condition(desk: Desk | Agent) -> Condition:
    """What the company has made of a desk."""
    return desk.client.shell.machine._context.team.condition()


async def suspended(praxis: Practice, desk: Desk | Agent) -> bytes:
    """Suspend a desk, and return its device id."""
    device_id = desk.me().device_id
    await praxis.company.suspend(device_id)
    await until(lambda: condition(desk) is Condition.LOCKED)
    return device_id


async def reinstated(praxis: Practice, desk: Desk | Agent, device_id: bytes) -> None:
    await praxis.company.reinstate(device_id)
    await until_later(praxis, lambda: condition(desk) is Condition.ACTIVE)


async def test_a_mail_that_is_due_while_the_desk_is_suspended_is_sent_afterwards(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-71: and so is each later one of the same run."""
    desk, me = await second_desk(praxis), await praxis.customer()
    async with running(desk, Service(mail=MAIL, page=PAGE, mail_after_s=3_600)):
        notice = await me.notice()
        room = await me.accept(notice, purposes=[one.number for one in notice.purposes])
        await room.reach("kundin@mail.example")
        await until(lambda: len(sent) == 1)
        token = str(sent[0].get_content()).partition("#confirm=")[2].split()[0]
        assert await desk.confirm_address(token)
        await me.client.close()
        mails, run = desk._mailing, desk._attending
        assert mails is not None
        assert run is not None
        entry = await desk.room(room.room_id).send("Ihr Befund ist da")
        await until(lambda: mails.waits(room.room_id))
        # A colleague's device has it, which is not the customer's.
        us = praxis.company.me().device_id
        run._take(EntryState(room.room_id, entry.hash, EntryProgress.DELIVERED, us))
        await run.lanes.done()
        device_id = await suspended(praxis, desk)
        ahead(praxis).advance(2 * 3_600_000)
        await asyncio.sleep(0.2)
        assert (len(sent), mails.waits(room.room_id)) == (1, True)
        await reinstated(praxis, desk, device_id)
        await until_later(praxis, lambda: len(sent) == 2)
        ahead(praxis).advance(25 * 3_600_000)
        await desk.room(room.room_id).send("Noch etwas")
        await until(lambda: mails.waits(room.room_id))
        # What waits may be noted behind the first leap only.
        for _ in range(2):
            await run.lanes.done()
            ahead(praxis).advance(2 * 3_600_000)
            await asyncio.sleep(0.2)
        await until_later(praxis, lambda: len(sent) == 3)
        assert desk.failed == 0


async def test_what_a_desk_could_not_see_go_is_not_sent(praxis: Practice, receiver: Receiver) -> None:
    """CNS-74, CNS-71: a suspended desk is told of no withdrawal, and of none for a while when it acts again;
    its events wait until then, and go without what was written, as what is unread does after a restart.
    """
    desk, service = await second_desk(praxis), Service(webhook=HOOK)
    room = await praxis.opened(await praxis.customer())
    async with running(desk, service):
        await room.send("Mein Befund")
        await until(lambda: waiting(desk) == 1)
        device_id = await suspended(praxis, desk)
        await room.withdraw()
        await until(lambda: praxis.company.room(room.room_id).phase is Phase.WITHDRAWN)
        receiver.is_up = True
        ahead(praxis).advance(86_400_000)
        await asyncio.sleep(0.2)
        assert (receiver.bodies, waiting(desk)) == ([], 1)
        await reinstated(praxis, desk, device_id)
        await until_later(praxis, lambda: "entry.text" in receiver.kinds)
    async with running(desk, service):
        run = desk._attending
        assert run is not None
        await run.lanes.done()
        await asyncio.sleep(0.2)
    assert receiver.texts == []
    assert len({one["id"] for one in receiver.bodies if one["kind"] == "entry.text"}) == 1


class Skewed:
    """A clock beside the network's."""

    def __init__(self, clock: Clock, hours: int) -> None:
        self._clock = clock
        self.set_ahead(hours)

    def set_ahead(self, hours: int) -> None:
        self._ahead_ms = hours * 3_600_000

    def now_ms(self) -> int:
        return self._clock.now_ms() + self._ahead_ms

    async def wait_until(self, deadline_ms: int) -> None:
        await self._clock.wait_until(deadline_ms - self._ahead_ms)


async def skewed_desk(praxis: Practice, hours: int) -> Desk:
    """Another front desk, with a clock that is wrong by some hours."""
    invite = await praxis.company.invite("Zweiter Empfang", front_desk=True)
    runtime = praxis.network.runtime()
    desk = await Desk.join(None, invite, runtime=replace(runtime, clock=Skewed(runtime.clock, hours)))
    praxis.stack.push_async_callback(desk.close)
    await desk.wait_ready(60)
    await desk.wait_settled(60)
    return desk


async def test_what_a_desk_with_a_fast_clock_could_not_see_go_is_not_sent(
    praxis: Practice, receiver: Receiver
) -> None:
    """CNS-74: what came before is not, whenever; what comes afterwards is sent."""
    desk = await skewed_desk(praxis, 3)
    room, other = [await praxis.opened(await praxis.customer()) for _ in range(2)]
    async with running(desk, Service(webhook=HOOK)):
        await room.send("Mein Befund")
        await until(lambda: waiting(desk) == 1)
        device_id = await suspended(praxis, desk)
        await room.withdraw()
        await until(lambda: praxis.company.room(room.room_id).phase is Phase.WITHDRAWN)
        receiver.is_up = True
        ahead(praxis).advance(7_200_000)
        await asyncio.sleep(0.2)
        await reinstated(praxis, desk, device_id)
        await until_later(praxis, lambda: "entry.text" in receiver.kinds)
        assert receiver.texts == []
        await other.send("Meine Frage")
        await until_later(praxis, lambda: receiver.texts == ["Meine Frage"])


async def test_a_desk_with_a_slow_clock_sends_what_was_written(praxis: Practice, receiver: Receiver) -> None:
    """CNS-74: no mandate of another clock, and no suspension of somebody else, says what it may send."""
    desk, agent = await skewed_desk(praxis, -3), await praxis.agent("Agent A")
    room = await praxis.opened(await praxis.customer())
    receiver.is_up = True
    async with running(desk, Service(webhook=HOOK)):
        await room.send("Erster Text")
        await until_later(praxis, lambda: receiver.texts == ["Erster Text"])
        receiver.is_up = False
        await room.send("Zweiter Text")
        await until(lambda: waiting(desk) == 1)
        await reinstated(praxis, agent, await suspended(praxis, agent))
        receiver.is_up = True
        ahead(praxis).advance(3_600_000)
        await until_later(praxis, lambda: "Zweiter Text" in receiver.texts)


async def text_of(room: CompanyRoom, entry_hash: bytes) -> str | None:
    """What an entry says."""
    return (await room.entry(entry_hash)).text


def told_of(desk: Desk, gaps: int) -> bool:
    """Whether a desk was told of what has become of what came after so many gaps."""
    return desk.client.shell.machine.rooms._rooms.hearing.is_told_of(gaps)


@pytest.mark.parametrize("hours", [-5, 5])
async def test_a_clock_that_is_wrong_for_a_while_sends_nothing_that_was_erased(
    praxis: Practice, receiver: Receiver, hours: int
) -> None:
    """CNS-74: wrong as the text came, or once the desk is back; what comes afterwards is sent."""
    desk = await skewed_desk(praxis, max(hours, 0))
    clock, me = desk.client.shell._clock, await praxis.customer()
    assert isinstance(clock, Skewed)
    room, other = await praxis.opened(me), await praxis.opened(await praxis.customer())
    async with running(desk, Service(webhook=HOOK)):
        sent = await room.send("Mein Befund")
        await until(lambda: waiting(desk) == 1)
        clock.set_ahead(0)
        device_id = await suspended(praxis, desk)
        await room.erase([sent])
        at_company = praxis.company.room(room.room_id)
        await until_read(lambda: text_of(at_company, sent.hash), None)
        await me.client.close()
        await reinstated(praxis, desk, device_id)
        await until_later(praxis, lambda: told_of(desk, 1))
        clock.set_ahead(min(hours, 0))
        for _ in range(5):
            ahead(praxis).advance(130_000)
            await asyncio.sleep(0.1)
        clock.set_ahead(0)
        receiver.is_up = True
        ahead(praxis).advance(86_400_000)
        await until_later(praxis, lambda: "entry.text" in receiver.kinds)
        await other.send("Meine Frage")
        await until_later(praxis, lambda: "Meine Frage" in receiver.texts)
    assert receiver.texts == ["Meine Frage"]


async def test_a_roster_that_is_shown_again_hides_nothing_more(praxis: Practice) -> None:
    """CNS-74: a colleague that is away shows it for long; a newer one that comes late does count."""
    desk = await second_desk(praxis)
    team = desk.client.shell.machine._context.team
    assert told_of(desk, 0)
    device_id = await suspended(praxis, desk)
    standing = team.standing(AccountId(desk.client.account_id))
    assert standing is not None
    suspending = standing.roster
    assert suspending is not None
    assert not told_of(desk, 0)
    await reinstated(praxis, desk, device_id)
    await until_later(praxis, lambda: told_of(desk, 1))

    async def shown(roster: Roster) -> bool:
        def learn(turn: Turn, rooms: Rooms) -> None:
            rooms.hearing.note(turn, roster)
            rooms.hearing.look(turn)

        await of_desk(desk.client.shell, learn)
        return told_of(desk, 1)

    assert await shown(suspending)
    assert not await shown(replace(suspending, ref=suspending.ref._replace(seq=suspending.ref.seq + 1)))
    assert told_of(desk, 2)


async def test_a_suspension_that_an_earlier_program_has_not_noted_counts(praxis: Practice) -> None:
    """CNS-74: the desk was suspended before its program was replaced."""
    desk = await second_desk(praxis)

    def start_anew(turn: Turn, rooms: Rooms) -> None:
        turn.delete(Gap.TABLE, Gap.PREFIX)
        rooms.start(turn)

    await of_desk(desk.client.shell, start_anew)
    assert told_of(desk, 0)
    device_id = await suspended(praxis, desk)
    await of_desk(desk.client.shell, start_anew)
    assert not told_of(desk, 0)
    await reinstated(praxis, desk, device_id)
    await until_later(praxis, lambda: told_of(desk, 1))
    assert not told_of(desk, 0)


async def test_a_text_that_meets_a_suspension_behind_a_handler_is_told_afterwards(
    praxis: Practice, receiver: Receiver
) -> None:
    """CNS-71: in the same run."""
    desk, goes_on, began = await second_desk(praxis), asyncio.Event(), asyncio.Event()

    @desk.on_message()
    async def hang(room: object, entry: object) -> None:
        began.set()
        await goes_on.wait()

    receiver.is_up = True
    room = await praxis.opened(await praxis.customer())
    async with running(desk, Service(webhook=HOOK)):
        await room.send("eins")
        await began.wait()
        await room.send("zwei")
        await until(lambda: desk.room(room.room_id).unread == 2)
        device_id = await suspended(praxis, desk)
        goes_on.set()
        await asyncio.sleep(0.2)
        await reinstated(praxis, desk, device_id)
        await until_later(praxis, lambda: receiver.kinds.count("entry.text") == 2)


@pytest.mark.parametrize("is_withdrawn", [True, False])
async def test_a_desk_that_is_started_while_its_relay_is_away_sends_nothing_yet(
    praxis: Practice, receiver: Receiver, tmp_path: Path, *, is_withdrawn: bool
) -> None:
    """CNS-71, CNS-43: what waits, and what is unread; what was withdrawn meanwhile is known then."""
    service, invite = Service(webhook=HOOK), await praxis.company.invite("Zweiter Empfang", front_desk=True)
    path, runtime, me = tmp_path / "desk", praxis.network.runtime(), await praxis.customer()
    async with Desk.join(path, invite, key=KEY, runtime=runtime) as desk:
        await desk.wait_ready(60)
        await desk.wait_settled(60)
        room = await praxis.opened(me)
        async with running(desk, service):
            await room.send("Mein Befund")
            await until(lambda: waiting(desk) == 1)
    if is_withdrawn:
        await room.withdraw()
        await until(lambda: praxis.company.room(room.room_id).phase is Phase.WITHDRAWN)
    receiver.is_up = True
    ahead(praxis).advance(2 * 3_600_000)
    praxis.network.cut()
    async with Desk.open(path, key=KEY, runtime=runtime) as desk, running(desk, service):
        await asyncio.sleep(0.2)
        assert (receiver.bodies, waiting(desk)) == ([], 1)
        praxis.network.mend()
        ahead(praxis).advance(600_000)
        await until_later(praxis, lambda: "entry.text" in receiver.kinds)
        run = desk._attending
        assert run is not None
        await run.lanes.done()
        await until(lambda: not list(run._queue.rows()))
    assert receiver.texts == ([] if is_withdrawn else ["Mein Befund"])
    assert receiver.kinds.count("room.ended") == is_withdrawn


async def test_a_desk_that_was_suspended_while_it_did_not_run_sends_nothing_that_went(
    praxis: Practice, receiver: Receiver, tmp_path: Path
) -> None:
    """CNS-74: it acts again when it is started, and knows of no withdrawal yet."""
    service, invite = Service(webhook=HOOK), await praxis.company.invite("Zweiter Empfang", front_desk=True)
    path, runtime, me = tmp_path / "desk", praxis.network.runtime(), await praxis.customer()
    async with Desk.join(path, invite, key=KEY, runtime=runtime) as desk:
        await desk.wait_ready(60)
        await desk.wait_settled(60)
        device_id, room = desk.me().device_id, await praxis.opened(me)
        async with running(desk, service):
            await room.send("Mein Befund")
            await until(lambda: waiting(desk) == 1)
    await praxis.company.suspend(device_id)
    await room.withdraw()
    await until(lambda: praxis.company.room(room.room_id).phase is Phase.WITHDRAWN)
    await praxis.company.reinstate(device_id)
    receiver.is_up = True
    ahead(praxis).advance(2 * 3_600_000)
    async with Desk.open(path, key=KEY, runtime=runtime) as desk, running(desk, service):
        await until_later(praxis, lambda: "entry.text" in receiver.kinds)
        await asyncio.sleep(0.2)
    assert receiver.texts == []


async def test_a_desk_that_is_struck_off_keeps_nothing_of_what_it_was_to_send(
    praxis: Practice, sent: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACC-15: neither an event that its receiver refuses just then, nor an address that is confirmed then."""
    is_asked, refuses = asyncio.Event(), asyncio.Event()

    async def refuse(hook: Webhook, body: bytes, now_ms: int) -> None:
        is_asked.set()
        await refuses.wait()
        raise WebhookFailed("not now")

    monkeypatch.setattr(attending, "Webhooks", partial(webhooks.Webhooks, send=refuse))
    desk, me = await second_desk(praxis), await praxis.customer()
    rows = desk.client.shell.machine.rooms._rooms.around.rows
    async with running(desk, Service(webhook=HOOK, mail=MAIL, page=PAGE)):
        notice = await me.notice()
        room = await me.accept(notice, purposes=[one.number for one in notice.purposes])
        await room.reach("kundin@mail.example")
        await until(lambda: len(sent) == 1)
        await room.send("Mein Befund")
        await until(lambda: waiting(desk) == 1)
        await is_asked.wait()
        await praxis.company.remove(desk.me().device_id)
        await until(lambda: condition(desk) is Condition.DROPPED)
        await until_later(praxis, lambda: not list(rows.items("desk")))
        refuses.set()
        with pytest.raises(RoomsLocked):
            await desk.confirm_address(str(sent[0].get_content()).partition("#confirm=")[2].split()[0])
        await until(lambda: desk.failed > 0)
        ahead(praxis).advance(30 * 86_400_000)
        await asyncio.sleep(0.2)
        assert list(rows.items("desk")) == []


async def test_an_end_that_a_suspension_keeps_from_being_told_is_told_afterwards(
    praxis: Practice, receiver: Receiver
) -> None:
    """CNS-70, CNS-71: the desk has heard of it just before."""
    desk, room = await second_desk(praxis), await praxis.opened(await praxis.customer())
    receiver.is_up = True
    async with running(desk, Service(webhook=HOOK)):
        run = desk._attending
        assert run is not None
        await until(lambda: bool(run._phases.get(room.room_id)))
        await run.lanes.done()
        device_id = await suspended(praxis, desk)
        run._take(RoomChanged(room.room_id, Phase.WITHDRAWN, (), None, is_sensitive=False, on_hold=False))
        await asyncio.sleep(0.1)
        await reinstated(praxis, desk, device_id)
        await run.lanes.done()
        assert desk.failed == 0


async def test_an_event_of_a_room_that_is_not_there_ends_nothing(praxis: Practice) -> None:
    """CNS-72: a suspension closes the rooms, of which events may still be to be read."""
    desk, unknown, device = praxis.company, bytes(16), (await praxis.agent("Agent A")).me().device_id
    async with running(desk, Service()):
        run = desk._attending
        assert run is not None
        run._take(RoomChanged(unknown, Phase.OPEN, (device,), device, is_sensitive=False, on_hold=False))
        await run.lanes.done()
        assert desk.failed == 2
        room = await praxis.opened(await praxis.customer())
        await until(lambda: room.room_id in run._phases)


async def test_a_desk_that_only_hands_over_goes_on_after_a_room_that_is_not_there(praxis: Practice) -> None:
    """CNS-72."""
    device, asked = (await praxis.agent("Agent A")).me().device_id, list[bytes]()

    async def events() -> AsyncIterator[RoomChanged]:
        for room_id in (bytes(16), bytes([1]) * 16):
            asked.append(room_id)
            yield RoomChanged(room_id, Phase.OPEN, (device,), device, is_sensitive=False, on_hold=False)

    await hand_to_takers(praxis.company, cast("EventIterator", events()), 64)
    assert len(asked) == 2


async def test_what_goes_on_beside_the_rooms_and_ends_by_an_error_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """CNS-72: it is told by the name of the error, as a handler that fails."""

    async def fail() -> None:
        raise LookupError("a name")

    lanes = Lanes()
    lanes.keep(fail())
    lanes.keep(asyncio.sleep(60))
    await asyncio.sleep(0)
    await lanes.end()
    assert lanes.failed == 1
    assert [one.getMessage() for one in caplog.records] == ["desk.failed LookupError"]
