"""What the page asks for, answered from rooms."""

from __future__ import annotations

from collections import Counter
from typing import Final

from e2ee.rooms.consent import Terms
from e2ee.rooms.entry import RoomId
from e2ee.rooms.notice import Mode
from e2ee.rooms.signals import RequestKind
from e2ee.rooms.state import State
from e2ee_client.errors import UnknownRoom
from e2ee_client.people import LoggedIn
from e2ee_client.rooms import Agent, CompanyRoom, Entry, Room
from e2ee_client.rooms.desk_rows import of_desk

from . import schema
from .alarms import Alarms
from .local import LocalRows
from .showing import ROLES, entry_row, person_row, preview_row, room_row, state_row

_PREVIEWED: Final = 8
_PAGE: Final = 200
_MODES: Final[dict[Mode, schema.ModeName]] = {
    Mode.NOTICE: "notice",
    Mode.CONSENT: "consent",
    Mode.EXPLICIT: "explicit",
}
_REQUESTS: Final = {int(one): one.name.lower() for one in RequestKind}
MAX_PURPOSES: Final = 32


class Asking:
    """Reads for the page; changes nothing but how many notes it has counted."""

    def __init__(self, agent: Agent, local: LocalRows, alarms: Alarms) -> None:
        self._agent, self._local, self._alarms = agent, local, alarms
        self._new_notes: Counter[bytes] = Counter()

    # --- the list ---

    def whole(self, ask: int, locks: int) -> schema.Whole:
        """Return everything that the list shows."""
        agent, team = self._agent, self.team()
        return schema.Whole(
            ask,
            agent.client.card().name,
            team.me,
            agent.connection_state.value,
            agent.entry_waits,
            team.team,
            team.roster_ends_ms,
            self.rooms([one.room_id for one in agent.rooms()])[0],
            self._local.answers(),
            self._alarms.rows(),
            agent.client.runtime.clock.now_ms(),
            locks,
        )

    def team(self) -> schema.Team:
        """Return who is in force; `me` is None while this device is not."""
        rows = tuple(person_row(one) for one in self._agent.team())
        me = next((one for one in rows if one.is_this), None)
        return schema.Team(me, rows, self._agent.roster_ends_ms)

    def rooms(self, room_ids: list[RoomId]) -> tuple[tuple[schema.RoomRow, ...], tuple[str, ...]]:
        """Return rooms as they are now, and which are gone; rooms of notes are neither."""
        agent, queries = self._agent, self._agent.client.shell.machine.rooms
        team = agent.team()
        rows: list[schema.RoomRow] = []
        gone: list[str] = []
        for room_id in room_ids:
            view = queries.view(room_id)
            if view is None:
                gone.append(room_id.hex())
            elif view.customer is not None or view.waits_ms is not None:
                labels = self._local.labels(room_id)
                new_notes = self._new_notes[queries.notes_of(room_id)]
                rows.append(room_row(agent, view, team, labels, new_notes))
        return tuple(rows), tuple(gone)

    def room_of(self, room_id: bytes) -> bytes:
        """Return the room beside which a room of notes is; any other as it is."""
        return self._agent.client.shell.machine.rooms.beside(RoomId(room_id)) or room_id

    def noted(self, notes_id: bytes) -> None:
        """Count a note of a colleague that nobody has read here; it may come ahead of its room. Forgotten
        when the program ends.
        """
        view = self._agent.client.shell.machine.rooms.view(notes_id)
        if view is not None and view.customer is None:
            self._new_notes[notes_id] += 1

    async def previews(self, asked: schema.Preview) -> schema.Previews:
        """Return the newest texts of rooms; of one that is gone, or not ours to read, nothing."""
        found: list[schema.PreviewRow] = []
        for name in asked.rooms:
            room = self._of(bytes.fromhex(name))
            entries = await self._newest(room, None, _PREVIEWED)
            login = await room.person() if entries else None
            customer = None if login is None else login.name or login.subject
            found.append(preview_row(room.room_id, customer, entries))
        return schema.Previews(asked.ask, tuple(found))

    # --- one room ---

    async def history(self, asked: schema.Read) -> schema.History:
        """Return a page of a room, or of its notes."""
        of_room = self._of(bytes.fromhex(asked.room))
        room: Room = of_room
        draft = "" if asked.before is not None else await of_room.draft(in_notes=asked.notes)
        if asked.notes:
            self._new_notes.pop(self._agent.client.shell.machine.rooms.notes_of(room.room_id), None)
            try:
                room = await of_room.notes()
            except UnknownRoom:
                return schema.History(asked.ask, asked.room, (), (), True, True, draft)
        before = None if asked.before is None else await room.entry(bytes.fromhex(asked.before))
        entries = await self._newest(room, before, asked.limit)
        unread = await room.unread_entries(_PAGE) if asked.before is None and entries else []
        rows = tuple(entry_row(self._agent, one) for one in entries)
        names = tuple(one.hash.hex() for one in unread)
        is_start = len(entries) < asked.limit
        return schema.History(asked.ask, asked.room, rows, names, is_start, asked.notes, draft)

    async def entries(self, room_id: bytes, hashes: list[bytes]) -> tuple[schema.EntryRow, ...]:
        """Return entries of a room as they are now."""
        room = Room(self._agent.client, room_id)
        return tuple([entry_row(self._agent, await room.entry(one)) for one in hashes])

    async def detail(self, asked: schema.About) -> schema.Detail:
        """Return what is known of a room."""
        room_id = RoomId(bytes.fromhex(asked.room))
        room, queries = self._of(room_id), self._agent.client.shell.machine.rooms
        notes_id, is_here = queries.notes_of(room_id), bool(room.members)
        state = await self._state(room_id) if is_here else None
        return schema.Detail(
            asked.ask,
            asked.room,
            tuple(person_row(one) for one in room.members),
            _terms(room.terms) if is_here else None,
            _login(await room.person()) if is_here else None,
            await _requests(room) if is_here else (),
            await _logins(room) if is_here else (),
            notes_id.hex(),
            queries.view(notes_id) is not None,
            None if state is None else state_row(self._agent, state),
            await self._alarms.until_ms(room_id),
            self._unreached_ms(room_id),
        )

    def _unreached_ms(self, room_id: RoomId) -> int | None:
        machine, now_ms = self._agent.client.shell.machine, self._agent.client.runtime.clock.now_ms()
        view = machine.rooms.view(room_id)
        return (
            None if view is None or view.customer is None else machine.out_of_reach_ms(view.customer, now_ms)
        )

    async def search(self, asked: schema.Search) -> schema.Found:
        """Look through the texts of all rooms."""
        found: list[schema.FoundRow] = []
        async for room, entry_hash in self._agent.search(asked.words, asked.limit):
            entry = await room.entry(entry_hash)
            by, said = entry.author, entry.text or ""
            found.append(
                schema.FoundRow(
                    room.room_id.hex(), entry_hash.hex(), said, by.name, ROLES[by.role], entry.written_ms
                )
            )
        return schema.Found(asked.ask, tuple(found))

    def _of(self, room_id: bytes) -> CompanyRoom:
        return CompanyRoom(self._agent.client, room_id)

    async def _newest(self, room: Room, before: Entry | None, limit: int) -> list[Entry]:
        """Return a page; nothing of a room of others that waits."""
        view = self._agent.client.shell.machine.rooms.view(room.room_id)
        return [] if view is None or view.phase is None else await room.history(before, limit)

    async def _state(self, room_id: RoomId) -> State | None:
        """Return the state in force."""
        return await of_desk(
            self._agent.client.shell, lambda turn, rooms: rooms.room(turn, room_id).states.state
        )


def _terms(terms: Terms | None) -> schema.TermsRow | None:
    if terms is None:
        return None
    purposes = tuple(one for one in range(MAX_PURPOSES) if terms.purposes >> one & 1)
    return schema.TermsRow(terms.locale, _MODES[terms.mode], purposes)


def _login(login: LoggedIn | None) -> schema.LoginRow | None:
    if login is None:
        return None
    return schema.LoginRow(login.subject, login.name, login.number, login.level, login.since_ms)


async def _requests(room: CompanyRoom) -> tuple[schema.RequestRow, ...]:
    return tuple(
        schema.RequestRow(
            one.request_id.hex(), one.device_id.hex(), _REQUESTS.get(one.what, "other"), one.reason, 0
        )
        for one in await room.requests()
    )


async def _logins(room: CompanyRoom) -> tuple[schema.RequestRow, ...]:
    return tuple(
        schema.RequestRow(one.entry_hash.hex(), None, "login", None, len(one.devices))
        for one in await room.identifications()
    )
