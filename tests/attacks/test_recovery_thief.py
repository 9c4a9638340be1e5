"""Whoever has seen a person's recovery code, with a program of its own (chapter 15, TRN-48)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import pytest
from conversations import until
from e2ee_client.engine.rooms.asking import Asking
from e2ee_client.engine.rooms.engine_surroundings import EngineSurroundings
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.rooms.states import States
from e2ee_client.engine.turn import Turn
from e2ee_client.rooms import Customer, CustomerRoom, EntryProgress
from e2ee_client.testing import MemoryNetwork
from practice import ORIGIN, Practice, practice

from e2ee.content import Content, ContentType, OfRooms
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.entry import Author, RoomId, device_tag
from e2ee.rooms.signals import Want, encode_signal

pytestmark = pytest.mark.asyncio

ASKED: Final = b"Frage vom Mai"
FOUND: Final = b"Befund vom Mai"


async def somebody(made: Practice, **options: Any) -> tuple[Customer, CustomerRoom]:
    """A person who has written to the practice and was answered."""
    runtime = made.network.runtime()
    opening = Customer.open(None, company=ORIGIN, fetch=made.fetch, runtime=runtime, **options)
    phone = await made.stack.enter_async_context(opening)
    room = await made.opened(phone)
    await (await room.send(ASKED.decode())).wait_for(EntryProgress.DELIVERED, 60)
    answer = await made.company.room(room.room_id).send(FOUND.decode())
    await answer.wait_for(EntryProgress.DELIVERED, 60)
    await (await room.send("Danke")).wait_for(EntryProgress.DELIVERED, 60)
    return phone, room


async def recovered(made: Practice, code: str) -> tuple[Customer, CustomerRoom]:
    """Go on with the account of a code, on a new device."""
    device = await made.customer()
    room = await device.recover(await device.notice(), code)
    await (await room.send("hallo")).wait_for(EntryProgress.DELIVERED, 60)
    await device.wait_settled(60)
    return device, room


async def wants(made: Practice, thief: Customer, room_id: bytes, devices: Iterable[bytes]) -> None:
    """Ask the company's device for all that these devices have written in a room, and wait for its answer."""
    desk = made.company.client
    tags = sorted(device_tag(RoomId(room_id), DeviceId(one)) for one in devices)
    want = encode_signal(RoomId(room_id), Want(tuple((tag, 0, 63) for tag in tags)))
    to = Author(AccountId(desk.account_id), DeviceId(desk.devices()[0].device_id))

    def ask(turn: Turn, rooms: Rooms) -> None:
        rooms.around.signal(turn, OfRooms(ContentType.SIGNAL, want), [to])

    await thief._shell.call(lambda engine, now_ms: engine.of_rooms(ask, now_ms))
    await desk.wait_settled(60)


class Given:
    """What is given of entries, in forwards, and how many questions were answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.text, self.answers = b"", 0
        post, answer = EngineSurroundings.post, Asking.answer

        def posted(around: EngineSurroundings, turn: Turn, content: Content, to: Iterable[Author]) -> None:
            if isinstance(content.payload, OfRooms) and content.payload.type is ContentType.FORWARD:
                self.text += b"".join(_bytes_in(content.payload.payload))
            post(around, turn, content, to)

        def answered(asking: Asking, turn: Turn, asker: Author, ranges: Any) -> None:
            answer(asking, turn, asker, ranges)
            self.answers += 1

        monkeypatch.setattr(EngineSurroundings, "post", posted)
        monkeypatch.setattr(Asking, "answer", answered)


def _bytes_in(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _bytes_in(one)


async def _history(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What the company gives a thief of the code that asks for all that was written before."""
    async with practice(MemoryNetwork()) as made:
        phone, room = await somebody(made)
        before = phone.devices()[0].device_id, made.company.client.devices()[0].device_id
        code = phone.recovery_code().text
        await phone.close()
        given = Given(monkeypatch)
        thief, _ = await recovered(made, code)
        await wants(made, thief, room.room_id, before)
        await until(lambda: given.answers == 1)
        return given.text


async def test_who_has_seen_a_code_asks_the_company_in_vain_for_what_was_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TRN-15, TRN-48: its device is in force and a recipient now; it was none then."""
    text = await _history(monkeypatch)
    assert ASKED not in text
    assert FOUND not in text


async def test_control_without_the_number_of_the_list_the_company_gives_it_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TRN-48, without the countermeasure: both sides of all that was said."""
    monkeypatch.setattr(States, "_was_listed", lambda *_: True)
    text = await _history(monkeypatch)
    assert ASKED in text
    assert FOUND in text
