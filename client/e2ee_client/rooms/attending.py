"""What a desk does with what happens: its own service first, then the handlers of the application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, ParamSpec, Protocol

from e2ee.errors import NoRight, NotMember
from e2ee.rooms.desk import TURN_MS
from e2ee.rooms.entry import ROOM_ID_B, EntryHash, RoomId
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import RoomText
from e2ee.rooms.state import Phase
from e2ee_client.client import Client
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.errors import RoomsLocked, UnknownEntry, UnknownRoom
from e2ee_client.people import Person, Role
from e2ee_client.room_events import (
    EntryAdded,
    EntryErased,
    RequestAsked,
    RoomChanged,
    WaitingChanged,
)
from e2ee_client.runtime.event_stream import ClientEvent, EventIterator

from .archive import Archive
from .catching_up import wait_caught_up, wait_open
from .company_room import CompanyRoom
from .desk_rows import DeskRows, StoredQueue
from .ends import Ends
from .entry import Entry
from .errors import AppLocked, WebhookQueueFull
from .handlers import Handlers
from .lanes import Lanes
from .mailing import Mailing
from .offered import LOOKED_AT, Offered
from .ratings import Ratings
from .reach import DAY_MS
from .routing import Asked
from .service import Service, machine_text
from .taking_over import TakingOver
from .timed import Timed
from .told import TOLD, said
from .webhooks import RoomEvent, Webhooks

_READ_AGAIN: Final = 64
"""Unread entries of a room that are offered when the desk begins to run; older ones stay unread."""
_PAGE: Final = 256
_ENDED: Final = frozenset({Phase.WITHDRAWN, Phase.ERASED})
_END: Final = b"end"
"""Before the id of a room: the lane of its end, which waits for no handler of the room."""
_TELL: Final = b"tell"
"""Before the id of a room: the lane of what its receiver is told, which waits for no handler (CNS-89)."""
_MAIL: Final = b"mail"
"""Before the id of a room: the lane of its address and mails, which waits for no handler either."""
_HANDLED: Final = frozenset({Kind.TEXT, Kind.ANSWER})
_ABOUT_MAIL: Final = frozenset({Kind.REACH, Kind.CONSENT})
DESKS: Final = frozenset({Role.DESK, Role.SUPERVISOR})
P = ParamSpec("P")


class Attended(Protocol):
    """The desk, as it is attended."""

    @property
    def client(self) -> Client: ...
    @property
    def policy(self) -> Policy: ...
    def rooms(self) -> list[CompanyRoom]: ...
    def room(self, room_id: bytes) -> CompanyRoom: ...
    def team(self) -> list[Person]: ...


class Attending:
    """One run of a desk. Work of a room is done in order, that of different rooms side by side: what happens
    is told first, in a lane of its own, and goes on from there to the lane of the handlers.
    """

    def __init__(self, desk: Attended, handlers: Handlers, service: Service, mailing: Mailing | None) -> None:
        self._desk, self._handlers, self._service, self._mailing = desk, handlers, service, mailing
        self._us = desk.client.account_id
        self.lanes = Lanes()
        self._phases: dict[bytes, int] = {}
        self._taking_over = TakingOver(desk.policy.history)
        self._told_of, self._offered = Offered(), Offered()
        self._looked_for: set[bytes] = set()
        runtime = desk.client.runtime
        self._clock = runtime.clock
        hook, ready = service.webhook, partial(wait_caught_up, desk.client)
        self._queue, self._ends = StoredQueue(DeskRows(desk.client.shell)), Ends(desk.client.shell)
        self._ratings = Ratings(desk.client.shell)
        self._webhooks = None
        if hook is not None:
            self._webhooks = Webhooks(
                hook,
                runtime.clock,
                runtime.rng,
                self._queue,
                says=self._says,
                ready=ready,
                failed=self.lanes.report,
            )
        self._greetings = Timed(runtime.clock, ready, DAY_MS)

    async def run(self, events: EventIterator) -> None:
        """Attend to what was missed, then to what happens, until the client is closed."""
        try:
            await self._load()
            self._begin_work()
            self._attend_missed()
            async for event in events:
                self._take(event)
        finally:
            await self.lanes.end()

    async def _load(self) -> None:
        """Read what was to be done when the desk ran last."""
        if self._webhooks is not None:
            await self._queue.load()
            await self._ends.load()
            await self._ratings.load()
        if self._mailing is not None:
            await self._mailing.load()

    def _begin_work(self) -> None:
        """Begin what goes on beside the rooms for as long as the desk runs."""
        self.lanes.keep(self._greet_in_turn())
        if self._webhooks is not None:
            self.lanes.add(_END, self._tell_missed)
            self._tell(b"", self._tell_ratings)
            self.lanes.keep(self._webhooks.run())
        if self._mailing is not None:
            self.lanes.add(_MAIL, partial(self._renew_all, self._mailing))
            self.lanes.keep(self._drop_expired(self._mailing))
        if self._service.archive is not None:
            archive, every_s = Archive(self._service.archive, self._us), self._service.archive_every_s
            self.lanes.keep(archive.run(self._desk.rooms, self._clock, every_s))

    def _attend_missed(self) -> None:
        for room in self._desk.rooms():
            view = room.view
            self._phases[view.room_id] = int(view.phase or 0)
            self._taking_over.begin(room)
            if view.phase is Phase.OPEN and (view.unread or view.assigned is None):
                self._tell(view.room_id, self._opened, view.room_id)

    async def _says(self, content_of: bytes) -> str | None:
        """Return what an entry says to a receiver of content; None where it was erased, the room has ended,
        or a suspension may have kept us from hearing of that (CNS-43, CNS-74).
        """
        try:
            room_id, entry_hash = RoomId(content_of[:ROOM_ID_B]), EntryHash(content_of[ROOM_ID_B:])
            room = self._desk.room(room_id)
            entry, rooms = await room.entry(entry_hash), self._desk.client.shell.machine.rooms
            is_told_of = rooms.is_told_of(room_id, entry_hash, self._clock.now_ms())
            is_over = room.view.phase in _ENDED
        except (AppLocked, RoomsLocked, UnknownRoom, UnknownEntry):
            return None
        return said(entry) if is_told_of and not is_over else None

    def _do(
        self,
        room_id: bytes,
        do: Callable[P, Coroutine[Any, Any, None]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Do something in a room after what waits there, and while rooms are open (CNS-71)."""
        self.lanes.add(room_id, self._when_open(do, *args, **kwargs))

    def _when_open(
        self, do: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        async def work() -> None:
            await wait_open(self._desk.client)
            await do(*args, **kwargs)

        return work

    def _tell(
        self,
        room_id: bytes,
        do: Callable[P, Coroutine[Any, Any, None]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Do something that waits for no handler, and what follows from it after that (CNS-89)."""
        self.lanes.add(_TELL + room_id, self._when_open(do, *args, **kwargs))

    def _offer(self, room_id: bytes, entry_hash: bytes, kind: int) -> None:
        """Have an entry told, then handled; where it has no place it is found later (CNS-79)."""
        do = self._when_open(self._told, room_id, entry_hash, kind)
        self.lanes.add(_TELL + room_id, do, self._when_open(self._tell_rest, room_id))

    async def _tell_rest(self, room_id: bytes) -> None:
        """Offer what had no place to be told: what nobody has read, and the rating that counts."""
        await self._tell_rating(room_id)
        for entry in await self._desk.room(room_id).unread_entries(LOOKED_AT):
            if entry.kind in TOLD and not self._told_of.has(room_id, entry.hash):
                self._offer(room_id, entry.hash, entry.kind)

    def _offer_handlers(self, room_id: bytes, entry_hash: bytes) -> None:
        """Have an entry handled; where it has no place it is found later (CNS-79)."""
        do = self._when_open(self._handle, room_id, entry_hash)
        self.lanes.add(room_id, do, self._when_open(self._handle_unread, room_id))

    async def _handle_unread(self, room_id: bytes) -> None:
        """Offer what had no place to be handled and nobody has read."""
        for entry in await self._desk.room(room_id).unread_entries(LOOKED_AT):
            if entry.kind in _HANDLED and not self._offered.has(room_id, entry.hash):
                self._offer_handlers(room_id, entry.hash)

    # --- events ---

    def _take(self, event: ClientEvent) -> None:
        match event:
            case EntryAdded():
                self._added(event)
            case RoomChanged(room_id=room_id, phase=phase):
                before = self._phases.get(room_id, 0)
                self._phases[room_id] = phase
                self._taken(event)
                if not self._is_notes(room_id):
                    self._changed(room_id, before, phase)
            case EntryErased(room_id=room_id):
                self._look_for_address(room_id)
            case WaitingChanged(room_id=room_id, team=str(team)):
                self._tell(room_id, self._waits, room_id, team)
            case RequestAsked(room_id=room_id):
                self._do(room_id, self._asked, event)
            case _:
                pass

    def _is_notes(self, room_id: bytes) -> bool:
        """Whether a room is the notes beside one: nobody is greeted there, or told of it (ROOM-02)."""
        view = self._desk.client.shell.machine.rooms.view(RoomId(room_id))
        return view is not None and view.customer is None

    def _changed(self, room_id: bytes, before: int, phase: int) -> None:
        if not before and phase == Phase.OPEN:
            self._tell(room_id, self._opened, room_id)
        elif phase == Phase.CLOSED and before in (Phase.OPEN, Phase.FROZEN):
            self._tell(room_id, self._closed, room_id)
            self._look_for_address(room_id)
        elif phase in _ENDED and before != phase:
            self._told_of.drop(room_id)
            self._offered.drop(room_id)
            self.lanes.add(_END + room_id, partial(self._ended, room_id))

    def _added(self, event: EntryAdded) -> None:
        is_text, room_id = event.kind == Kind.TEXT, event.room_id
        if event.account_id == self._us:
            if is_text and self._mailing is not None and not self._mailing.waits(room_id):
                self.lanes.add(_MAIL + room_id, partial(self._mailing.written, room_id))
        elif is_text and event.is_history:
            self._told_of.add(room_id, event.entry_hash)
            self._offered.add(room_id, event.entry_hash)
        elif event.kind in TOLD and not event.is_history and self._phases.get(room_id):
            self._offer(room_id, event.entry_hash, event.kind)
        elif event.kind in _ABOUT_MAIL:
            self._look_for_address(room_id)

    def _look_for_address(self, room_id: bytes) -> None:
        """Something that says which address counts was entered, or erased (CNS-77)."""
        if self._mailing is not None and room_id not in self._looked_for:
            self._looked_for.add(room_id)
            self.lanes.add(_MAIL + room_id, partial(self._renew, self._mailing, room_id))

    def _taken(self, event: RoomChanged) -> None:
        """Hand over what was said before somebody took the room."""
        taker = self._taking_over.taker(event)
        if taker is not None:
            self._do(event.room_id, self._hand_over, event.room_id, taker)

    # --- what is done ---

    async def _opened(self, room_id: bytes) -> None:
        """A room was opened, or the desk begins to run: of several desks the first greets, the next in turn
        if nobody has (ROOM-39).
        """
        room, place = self._desk.room(room_id), self._place()
        if place:
            self._greetings.add(room_id, self._clock.now_ms() + TURN_MS * place)
        else:
            await self.lanes.attempt(partial(self._begin, room_id))
        for entry in await room.unread_entries(_READ_AGAIN):
            if entry.kind in TOLD:
                await self.lanes.attempt(partial(self._told, room_id, entry.hash, entry.kind))

    async def _begin(self, room_id: bytes) -> None:
        room, rooms = self._desk.room(room_id), self._desk.client.shell.machine.rooms
        is_new = rooms.was_opened_here(RoomId(room_id), self._clock.now_ms())
        if is_new and await self._is_silent(room):
            await self._hook("room.opened", room_id, room_id)
            self._do(room_id, self._greet, room_id)

    async def _is_silent(self, room: CompanyRoom) -> bool:
        """Whether nobody of the company has written in an open room, and nobody else answers; in one in which
        more was written than is looked through that is not known.
        """
        is_free = room.assigned is None or room.assigned.is_this
        if not is_free or room.phase is not Phase.OPEN:
            return False
        before: Entry | None = None
        for _ in range(LOOKED_AT // _PAGE):
            page = await room.history(before, _PAGE)
            if any(one.text is not None and one.author.role is not Role.CUSTOMER for one in page):
                return False
            if len(page) < _PAGE:
                return True
            before = page[0]
        return False

    async def _greet(self, room_id: bytes) -> None:
        room = self._desk.room(room_id)
        if await self._is_silent(room):
            await self._welcome(room)
            await self._call(self._handlers.opened, room)

    async def _call(
        self, handlers: Sequence[Callable[P, Awaitable[None]]], *args: P.args, **kwargs: P.kwargs
    ) -> bool:
        """Call each of these handlers; whether none has failed. None keeps another from its turn (CNS-80)."""

        async def call(handle: Callable[P, Awaitable[None]]) -> None:
            await handle(*args, **kwargs)

        return all([await self.lanes.attempt(partial(call, one)) for one in handlers])

    def _place(self) -> int:
        """Our place among the desks in force: bots first, each in the order of the roster (ROOM-39)."""
        desks = [one for one in self._desk.team() if one.role in DESKS]
        desks.sort(key=lambda one: (not one.is_bot, one.device_id))
        return next((place for place, one in enumerate(desks) if one.is_this), 0)

    async def _greet_in_turn(self) -> None:
        while True:
            room_id = await self._greetings.next()
            self._tell(room_id, self._begin, room_id)

    async def _hand_over(self, room_id: bytes, taker: bytes) -> None:
        await self._taking_over.hand_over(self._desk.room(room_id), taker)

    async def _welcome(self, room: CompanyRoom) -> None:
        terms = room.terms
        locale = "" if terms is None else terms.locale
        text = self._service.welcome(locale, self._clock.now_ms())
        if text is not None:
            with suppress(NotMember):
                # Somebody else is in the room by now, and answers (ROOM-58).
                await room.write(machine_text(text, locale or None))

    async def _told(self, room_id: bytes, entry_hash: bytes, kind: int) -> None:
        """Tell of an entry once in a run, then offer it to who handles such."""
        if not self._told_of.add(room_id, entry_hash):
            return
        entry = await self._desk.room(room_id).entry(entry_hash)
        if kind == Kind.TEXT and not isinstance(entry.payload, RoomText):
            return
        is_kept = await self._hook(TOLD[kind], room_id, entry=entry_hash)
        if kind in _HANDLED:
            self._offer_handlers(room_id, entry_hash)
        elif kind == Kind.RATING and is_kept:
            await self._ratings.note(room_id, entry_hash)

    async def _tell_ratings(self) -> None:
        """Tell of ratings that no event is kept of (CNS-89)."""
        for room_id in self._ratings.rooms():
            self._tell(room_id, self._tell_rating, room_id)

    async def _tell_rating(self, room_id: bytes) -> None:
        rating = self._ratings.untold(room_id)
        if rating is not None:
            await self._told(room_id, rating, Kind.RATING)

    async def _handle(self, room_id: bytes, entry_hash: bytes) -> None:
        """Offer an entry once in a run to who handles such; it is read when that has not failed (CNS-80)."""
        if not self._offered.add(room_id, entry_hash):
            return
        room = self._desk.room(room_id)
        entry = await room.entry(entry_hash)
        if entry.answers is not None:
            await self._handle_answer(room, entry)
        elif isinstance(entry.payload, RoomText):
            await self._handle_text(room, entry, entry.payload)

    async def _handle_answer(self, room: CompanyRoom, entry: Entry) -> None:
        handlers = self._handlers.answer
        if handlers and await self._call(handlers, room, entry):
            await room.mark_read([entry])

    async def _handle_text(self, room: CompanyRoom, entry: Entry, payload: RoomText) -> None:
        await self._route(room, entry, payload.text)
        if room.assigned is not None and not room.assigned.is_this:
            return
        terms = room.terms
        language = payload.language or ("" if terms is None else terms.locale)
        handler = self._handlers.of_message(payload.text, language)
        if handler is not None:
            await handler.handle(room, entry)
            await room.mark_read([entry])

    async def _route(self, room: CompanyRoom, entry: Entry, text: str) -> None:
        """The first text of a customer says which team its room waits for."""
        terms, routing = room.terms, self._service.routing
        if routing is None or terms is None or room.view.assigned is not None or room.waits_for is not None:
            return
        if all(one.author.role is not Role.CUSTOMER for one in await room.texts(before=entry)):
            try:
                await room.wait_for_team(routing.team(Asked(text, terms.purposes, terms.locale)))
            except NoRight:
                if room.view.assigned is None:  # else somebody has it meanwhile (ROOM-69)
                    raise

    async def _waits(self, room_id: bytes, team: str) -> None:
        await self._hook("room.waiting", room_id)
        if self._handlers.waiting:
            self._do(room_id, self._handle_waiting, room_id, team)

    async def _handle_waiting(self, room_id: bytes, team: str) -> None:
        await self._call(self._handlers.waiting, self._desk.room(room_id), team)

    async def _asked(self, asked: RequestAsked) -> None:
        await self._call(self._handlers.request, self._desk.room(asked.room_id), asked)

    # --- mail and webhooks ---

    async def _renew(self, mailing: Mailing, room_id: bytes) -> None:
        await wait_caught_up(self._desk.client)
        self._looked_for.discard(room_id)
        if room_id in self._phases:
            await mailing.renew(room_id)

    async def _renew_all(self, mailing: Mailing) -> None:
        """Look at what customers have said of addresses while the desk did not run with mail: in all rooms at
        what ends one, before anybody is told (CNS-77).
        """
        for room in self._desk.rooms():
            await self._reported(self._end_missed(mailing, room))
        self.lanes.keep(self._tell_by_mail(mailing))
        for room in self._desk.rooms():
            await self._reported(self._renew_missed(mailing, room))

    async def _reported(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something whose error ends nothing in other rooms (CNS-72)."""
        for error in await asyncio.gather(work, return_exceptions=True):
            if error is not None:
                self.lanes.report(error)

    async def _end_missed(self, mailing: Mailing, room: CompanyRoom) -> None:
        await wait_caught_up(self._desk.client)
        if room.phase in _ENDED:
            await mailing.addresses.forget(room.room_id)
        elif room.phase:
            await mailing.addresses.renew(room.room_id, asks=False)

    async def _renew_missed(self, mailing: Mailing, room: CompanyRoom) -> None:
        await wait_caught_up(self._desk.client)
        if room.phase and room.phase not in _ENDED:
            await mailing.renew(room.room_id)

    async def _closed(self, room_id: bytes) -> None:
        await self._hook("room.closed", room_id)

    async def _ended(self, room_id: bytes) -> None:
        """A consent was withdrawn, or a room erased: its address goes as well (CNS-11)."""
        if self._mailing is not None:
            await self._mailing.addresses.forget(room_id)
        await wait_caught_up(self._desk.client)
        await self._ratings.forget(room_id)
        await self._tell_end(room_id)

    async def _tell_missed(self) -> None:
        """Tell of what ended while the desk did not run (CNS-70)."""
        await wait_caught_up(self._desk.client)
        for room in self._desk.rooms():
            if room.phase:
                await self._tell_end(room.room_id)

    async def _tell_end(self, room_id: bytes) -> None:
        """Tell of the newest end of a room once; it is noted when it is in the store (CNS-70)."""
        end = None if self._webhooks is None else self._ends.untold(room_id)
        if end is not None and await self._hook("room.ended", room_id, end.name):
            await self._ends.note(end)

    async def _tell_by_mail(self, mailing: Mailing) -> None:
        while True:
            room_id = await mailing.next()
            self.lanes.add(_MAIL + room_id, partial(self._tell_waiting, mailing, room_id))

    async def _drop_expired(self, mailing: Mailing) -> None:
        """Drop addresses that are not confirmed in time, once a day (CNS-69)."""
        while True:
            self._do(_MAIL, mailing.addresses.drop_expired)
            await self._clock.wait_until(self._clock.now_ms() + DAY_MS)

    async def _tell_waiting(self, mailing: Mailing, room_id: bytes) -> None:
        """Tell of what waits, also after what came before has kept it from that until a suspension."""
        await wait_caught_up(self._desk.client)
        await mailing.tell(self._desk.room(room_id))

    async def _hook(
        self, kind: str, room_id: bytes, of: bytes | None = None, entry: bytes | None = None
    ) -> bool:
        """Have an event sent; False: it finds no place, which is counted and stops nothing (CNS-72)."""
        if self._webhooks is None:
            return False
        try:
            await self._webhooks.add(RoomEvent(kind, room_id, self._clock.now_ms(), entry), of)
        except WebhookQueueFull as error:
            self.lanes.report(error)
            return False
        return True
