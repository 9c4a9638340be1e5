"""Whoever has seen a person's recovery code, with a program of its own (chapter 15, TRN-48)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from conversations import until, until_read
from e2ee_client.engine.dossiers import Dossiers
from e2ee_client.engine.records import Contact
from e2ee_client.engine.rooms.asking import Asking
from e2ee_client.engine.rooms.engine_surroundings import EngineSurroundings
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.rooms.states import States
from e2ee_client.engine.turn import Turn
from e2ee_client.rooms import Customer, CustomerRoom, EntryProgress
from e2ee_client.testing import MemoryNetwork
from practice import ORIGIN, Practice, practice

from e2ee import recovery
from e2ee.content import Content, ContentType, OfRooms, SignedList
from e2ee.identity import DeviceList, DeviceRecord, next_list, sign_list
from e2ee.ids import AccountId, DeviceId
from e2ee.ports import Rng
from e2ee.rooms.entry import Author, RoomId, device_tag
from e2ee.rooms.signals import Want, encode_signal
from e2ee.secret import AccountKey

pytestmark = pytest.mark.asyncio

ASKED: Final = b"Frage vom Mai"
FOUND: Final = b"Befund vom Mai"
NIGHT: Final = "in der Nacht"


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
    """What is given of entries, in forwards, and the devices whose questions were answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.text, self.askers = b"", set[bytes]()
        post, answer = EngineSurroundings.post, Asking.answer

        def posted(around: EngineSurroundings, turn: Turn, content: Content, to: Iterable[Author]) -> None:
            if isinstance(content.payload, OfRooms) and content.payload.type is ContentType.FORWARD:
                self.text += b"".join(_bytes_in(content.payload.payload))
            post(around, turn, content, to)

        def answered(asking: Asking, turn: Turn, asker: Author, ranges: Any) -> None:
            answer(asking, turn, asker, ranges)
            self.askers.add(asker.device_id)

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
        await until(lambda: thief.devices()[0].device_id in given.askers)
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


# --- a device that is listed while the person's are off, and taken out again (ACC-76) ---


def _beside(monkeypatch: pytest.MonkeyPatch, listed: DeviceList, phone: DeviceRecord) -> None:
    """Let who recovers sign the list after the person's, which names the person's device as well."""

    def signed(
        key: AccountKey, own: DeviceRecord, _: DeviceList | None, now_ms: int, _rng: Rng
    ) -> DeviceList:
        return sign_list(key, next_list(own.account_id, listed, [phone, own], None, now_ms))

    monkeypatch.setattr(recovery, "first_list", signed)


async def _taken_out(made: Practice, thief: Customer, phone: DeviceRecord) -> None:
    """Give the company's device the next list, which names the person's device alone."""
    desk = made.company.client
    key = AccountId(desk.account_id) + DeviceId(desk.devices()[0].device_id)

    def give(turn: Turn, rooms: Rooms) -> None:
        state, context = rooms._state, rooms._context
        account_key, peer = state.own.account_key, state.peers[key]
        assert account_key is not None
        unsigned = next_list(phone.account_id, state.own.device_list, [phone], None, turn.now_ms)
        session = context.renewal.session_for(turn, peer)
        assert session is not None
        signed = sign_list(account_key, unsigned).signed
        context.sending.send_control(turn, peer, session, SignedList(signed))

    await thief._shell.call(lambda engine, now_ms: engine.of_rooms(give, now_ms))
    state = desk._shell.machine._context.state
    await until(lambda: _named(state.contacts[phone.account_id]) == (phone.hash,))


def _named(contact: Contact) -> tuple[bytes, ...]:
    found = contact.device_list()
    return () if found is None else found.record_hashes


async def _night(monkeypatch: pytest.MonkeyPatch, store: Path) -> bool:
    """Whether a person is told in the morning of a device that was listed over night and taken out again."""
    async with practice(MemoryNetwork()) as made:
        options: dict[str, Any] = {"company": ORIGIN, "fetch": made.fetch, "passphrase": "p"}
        async with Customer.open(store, runtime=made.network.runtime(), **options) as phone:
            room = await made.opened(phone)
            await (await room.send(ASKED.decode())).wait_for(EntryProgress.DELIVERED, 60)
            await phone.wait_settled(60)
            code, own = phone.recovery_code().text, phone._shell.machine._context.state.own
        _beside(monkeypatch, own.device_list, own.device.record)
        thief, _ = await recovered(made, code)
        await made.company.room(room.room_id).send(NIGHT)
        await _taken_out(made, thief, own.device.record)
        await thief.close()
        async with Customer.open(store, runtime=made.network.runtime(), **options) as phone:
            (room,) = phone.rooms()
            await until_read(lambda: _texts(room), [ASKED.decode(), NIGHT])
            return phone.is_replaced


async def _texts(room: CustomerRoom) -> list[str | None]:
    return [one.text for one in await room.texts()]


async def test_a_device_that_a_thief_lists_over_night_and_takes_out_again_is_shown_to_the_person(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """ACC-75, ACC-76: the list that the company has in the morning names the person's device alone."""
    assert await _night(monkeypatch, tmp_path / "phone.db")


async def test_control_without_the_list_shown_the_person_hears_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """ACC-76, without the countermeasure."""
    monkeypatch.setattr(Dossiers, "show_listed", lambda *_: None)
    assert not await _night(monkeypatch, tmp_path / "phone.db")
