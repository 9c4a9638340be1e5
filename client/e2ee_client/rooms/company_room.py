"""A room on the company's side."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from e2ee.errors import ConsentWithdrawn, NoRight, RoomErased, RoomFrozen
from e2ee.grammar import is_name
from e2ee.ids import DeviceId
from e2ee.rooms.consent import Terms
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.forms import Question
from e2ee.rooms.state import Retention
from e2ee.rooms.transcript_report import TranscriptReport
from e2ee_client.contacts import checked_text, wait_until
from e2ee_client.engine.rooms.drafts import MAX_DRAFT_B
from e2ee_client.engine.rooms.forwarding import MAX_HANDED_OVER
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import ConfigError, RequestRefused, UnknownRoom
from e2ee_client.room_events import IdentifyAsked, RequestAsked

from .desk_rows import of_desk
from .entry import Entry
from .questions import form_of, quick_replies
from .room import Room
from .transcripts import export_room

_AT_ONCE: Final = 256


class Outline(NamedTuple):
    """A room in short: a digest of its entries and of which of them are shown, how many are not, whether it
    is a statutory record, whether a hold, or that it is or was one, keeps its files, and whether the copy of
    it is old (EXP-27).
    """

    state: bytes
    withheld: int
    is_record: bool
    is_kept: bool
    is_old: bool = False


def _shown(
    room_id: RoomId, hashes: Sequence[EntryHash], turn: Turn, rooms: Rooms
) -> list[tuple[EntryHash, bool]]:
    return rooms.exporting.shown(turn, room_id, hashes)


class CompanyRoom(Room):
    """What the team of a room can do. A desk or supervisor changes it; an agent's wish is a request to one,
    which is repeated until it is answered (ROOM-22).
    """

    @property
    def waits_since_ms(self) -> int | None:
        """Since when the customer waits for somebody; None while it does not."""
        return self.view.waits_ms

    @property
    def waits_for(self) -> str | None:
        """The team that the customer waits for, `*` for anybody; None while it does not wait."""
        return self.view.waits_for

    @property
    def terms(self) -> Terms | None:
        """What the customer has accepted: notice, language, purposes; None while no receipt counts."""
        return self._shell.machine.rooms.terms(self.room_id, self._shell.now_ms)

    @property
    def is_sensitive(self) -> bool:
        """Whether the room is marked as sensitive (ROOM-08)."""
        return self.view.is_sensitive

    @property
    def is_on_hold(self) -> bool:
        """Whether nothing of it may be destroyed (ROOM-08)."""
        return self.view.on_hold

    async def proof(self) -> bytes:
        """Return a file that shows what the customer has accepted, or withdrawn, and by which device; to be
        made where the notice was published (CNS-23). `e2ee_client.rooms.proof` reads it.

        Raises:
            NoConsent: nothing was accepted. ProofIncomplete: a part of it is not on this device.
        """
        return await self._proof()

    async def has_given(self, device_id: bytes) -> bool:
        """Return whether the room is a device's by a state of this desk, which may hand it what it has: to an
        agent, or, where nobody has asked for it, to another desk (ROOM-62).
        """
        taker = DeviceId(device_id)
        return await self._do(
            lambda turn, rooms: rooms.room(turn, self.room_id).stewarding.has_given(turn, taker)
        )

    async def outline(self) -> Outline:
        """Return what an archive compares: whether it is as it was when it was written (EXP-20)."""
        hashes, is_record, is_kept, is_old = await self._do(
            lambda turn, rooms: rooms.exporting.outline(turn, self.room_id)
        )
        digest, withheld = hashlib.sha256(), 0
        for at in range(0, len(hashes), _AT_ONCE):
            some = hashes[at : at + _AT_ONCE]
            shown = await self._do(partial(_shown, self.room_id, some))
            for entry_hash, is_shown in shown:
                digest.update(entry_hash + bytes([is_shown]))
                withheld += not is_shown
        return Outline(digest.digest(), withheld, is_record, is_kept, is_old)

    async def archive(self, path: str | Path) -> TranscriptReport:
        """Write a new file for a folder that stays: as `export` does, but never with what is marked (EXP-21).

        Raises:
            ConfigError: the file is there or cannot be written. FileStalled: its disk does not answer.
            NoRight: a sensitive room, or one of notes. NotMember: this device is not in the room.
        """
        threads = self._file_service().threads
        return await export_room(self._source(with_marked=False), path, "json", "en", threads)

    # --- questions ---

    async def ask(self, title: str, *questions: Question) -> Entry:
        """Ask the customer 1 to 12 questions: `choice`, `free_text`, `number` and `day` make them.

        Raises:
            ConfigError: a title or label of more than 200 bytes, or another number. As `send`.
        """
        return await self.write(form_of(title, questions))

    async def offer(self, text: str, *replies: str) -> Entry:
        """Offer 1 to 12 replies to tap on, below a text of at most 200 bytes; as `ask` of one choice."""
        return await self.write(quick_replies(text, replies))

    # --- who answers ---

    async def claim(self, timeout_s: float | None = None) -> None:
        """Take the room, and wait until this device is assigned. Of two agents the first has it (ROOM-23); of
        a room that is not open nobody (ROOM-67): claim it again when it waits again.

        Raises:
            NoRight: somebody else is assigned. RequestRefused: somebody else was quicker, the room is not
                open, or this device was not told that its customer waits (ROOM-68).
            WaitTimeout: no desk has answered in time; the request goes on.
        """
        request_id = await self._do(lambda turn, rooms: rooms.acting.claim(turn, self.room_id))
        await self._until_mine(request_id, timeout_s)

    async def _until_mine(self, request_id: bytes | None, timeout_s: float | None) -> None:
        queries = self._shell.machine.rooms

        def is_mine() -> bool:
            code = None if request_id is None else queries.refusal(request_id)
            if code is not None:
                raise RequestRefused(code)
            return queries.is_assigned(self.room_id)

        await wait_until(is_mine, self._client.progress, timeout_s, "the answer of a desk")

    async def transfer(
        self, *, team: str | None = None, device_id: bytes | None = None, note: str | None = None
    ) -> None:
        """Hand the room to a team, which is told that the customer waits, or to a colleague; this device
        leaves it. To a colleague who was not in the room its newest entries are handed over (ROOM-57). A
        `note` goes to the room of notes before, which the customer is not in (ROOM-02).

        Raises:
            ConfigError: neither team nor colleague, or both. NoRight: not ours to hand over.
        """
        if (team is None) == (device_id is None):
            raise ConfigError("a room is handed to a team or to a colleague")
        if note is not None:
            await self.note(note)
        if device_id is not None:
            await self._give_to(DeviceId(device_id))
        elif team is not None:
            await self._do(lambda turn, rooms: rooms.acting.to_team(turn, self.room_id, team, None))

    async def _give_to(self, to: DeviceId) -> None:
        """Hand the room to a colleague; a steward that had it itself hands over what was said, too."""
        had = self.assigned is not None and self.assigned.is_this
        is_new = all(one.device_id != to for one in self.members)
        asked = await self._do(lambda turn, rooms: rooms.acting.assign(turn, self.room_id, to))
        count = self._shell.machine.rooms.policy.history
        if asked is None and had and is_new and count:
            with suppress(NoRight, RoomFrozen, ConsentWithdrawn, RoomErased):
                await self.hand_over(to, count)

    async def wait_for_team(self, team: str) -> None:
        """Tell a team that the customer waits for somebody of it, where the room is not open once it is; who
        is in the room stays (ROOM-23, ROOM-67).

        Raises:
            ConfigError: not the name of a team. NoRight: this device is no desk, or somebody is assigned, who
                transfers the room (ROOM-69).
        """
        if not is_name(team):
            raise ConfigError("a team has a name")
        await self._do(lambda turn, rooms: rooms.acting.wait_for(turn, self.room_id, team))

    async def add(self, device_id: bytes) -> None:
        """Let a colleague read and write; it sees what is said from now on."""
        added = DeviceId(device_id)
        await self._do(lambda turn, rooms: rooms.acting.add(turn, self.room_id, added))

    async def hand_over(self, device_id: bytes, count: int = 64, reason: str | None = None) -> int:
        """Give a colleague who is in the room the newest entries from before it joined; returns how many.

        A desk or supervisor, which need not be in the room, gives what it has itself; an agent may give while
        it gives the colleague the room (ROOM-56). A log entry that the customer sees comes first, with the
        reason; what was erased or is marked as sensitive is not given. Files among them that this device
        holds are put at the relay again before, for at most a minute.

        Raises:
            ConfigError: `count` is not 1 to 256. NoRight: not ours to give, no such colleague in the room, or
                nothing to give. RoomFrozen, ConsentWithdrawn, RoomErased: the phase lets nothing be given.
        """
        if not 1 <= count <= MAX_HANDED_OVER:
            raise ConfigError("a hand-over has 1 to 256 entries")
        to = DeviceId(device_id)
        await self._file_service().sending.put_again(self.room_id, to, count)
        return await self._do(
            lambda turn, rooms: rooms.acting.hand_over(turn, self.room_id, to, count, reason)
        )

    async def leave(self) -> None:
        """Leave the room.

        Raises:
            NotMember: this device is not in it.
        """
        await self._do(lambda turn, rooms: rooms.acting.leave(turn, self.room_id))

    # --- what holds ---

    async def close(self, reason: str | None = None) -> None:
        """Close the room; the customer can ask for it to be opened again within 90 days."""
        await self._do(lambda turn, rooms: rooms.acting.close(turn, self.room_id, reason))

    async def reopen(self) -> None:
        """Open a closed room again (ROOM-18)."""
        await self._do(lambda turn, rooms: rooms.acting.reopen(turn, self.room_id))

    async def set_hold(self, on_hold: bool, text: str) -> None:
        """Keep everything from being destroyed, or no longer; a supervisor's, with a reason (ROOM-08).

        Raises:
            NoRight: this device is no supervisor.
        """
        await self._change(Change(hold=on_hold, text=text))

    async def set_sensitive(self, is_sensitive: bool) -> None:
        """Mark the room as sensitive, or, a supervisor, no longer (ROOM-08).

        Raises:
            NoRight: not ours to change.
        """
        await self._change(Change(sensitive=is_sensitive))

    async def set_retention(self, retention: Retention) -> None:
        """Shorten how long the company keeps the room (ROOM-08).

        Raises:
            NoRight: not ours to change.
        """
        await self._change(Change(retention=retention))

    async def _change(self, change: Change) -> None:
        await self._do(lambda turn, rooms: rooms.acting.change(turn, self.room_id, change))

    async def requests(self) -> list[RequestAsked]:
        """Return what colleagues ask for here and nobody has decided; of a desk or supervisor."""
        now_ms = self._shell.now_ms
        return await self._shell.ask(lambda engine: engine.rooms.asked(self.room_id, now_ms))

    async def decide(self, asked: RequestAsked, *, grant: bool) -> None:
        """Grant or refuse what a colleague has asked for (ROOM-22).

        Raises:
            NoRight: it was answered already, or is not ours to grant.
        """
        request_id = asked.request_id
        await self._do(lambda turn, rooms: rooms.acting.decide(turn, self.room_id, request_id, grant=grant))

    async def decide_objection(self, text: str, *, close: bool = False) -> None:
        """Decide a customer's objection, which has frozen the room: it is open again, or closed. The customer
        reads the text. What nobody decides within 30 days is closed (ROOM-37).

        Raises:
            ConfigError: not a text of 1 to 200 bytes. NoRight: the room is not frozen, or this device is no
                supervisor.
        """
        await self._do(lambda turn, rooms: rooms.acting.decide_freeze(turn, self.room_id, text, closes=close))

    async def identifications(self) -> list[IdentifyAsked]:
        """Return the customer's logins that wait for a steward, with the devices that are new (CNS-16)."""
        now_ms = self._shell.now_ms
        return await self._shell.ask(lambda engine: engine.rooms.identifications(self.room_id, now_ms))

    async def decide_identification(self, asked: IdentifyAsked, *, grant: bool) -> None:
        """Grant or refuse a login that waits, once a person has made sure of the new devices (CNS-42).

        Raises:
            NoRight: it was answered already, or this device is no desk.
        """
        entry_hash = EntryHash(asked.entry_hash)
        await self._do(
            lambda turn, rooms: rooms.acting.decide_identify(turn, self.room_id, entry_hash, grant=grant)
        )

    # --- files ---

    async def allow_large_files(self) -> None:
        """Somebody here knows who the customer is: from now on a file of it may have 64 MiB instead of 8
        (RLY-242). It holds for this device's mailbox.
        """
        customer = self.view.customer
        if customer is not None:
            await self._do(lambda turn, rooms: rooms.files.trust(turn, customer))

    # --- notes ---

    async def note(self, text: str) -> None:
        """Write a note for colleagues; nothing of it is ever sealed for the customer (ROOM-02).

        Raises:
            NoRight: nobody has begun the notes of this room yet, and this device is no desk.
        """
        await self._do(lambda turn, rooms: rooms.acting.note(turn, self.room_id, text))

    async def notes(self) -> Room:
        """Return the room of notes.

        Raises:
            UnknownRoom: nothing was noted yet.
        """
        notes_id = self._shell.machine.rooms.notes_of(self.room_id)
        if self._shell.machine.rooms.view(notes_id) is None:
            raise UnknownRoom("nothing was noted in this room")
        return Room(self._client, notes_id)

    # --- what is not sent ---

    async def draft(self, *, in_notes: bool = False) -> str:
        """Return what was kept last of what is being written here, or in the notes; "" for nothing.

        Raises:
            RoomsLocked.
        """
        return await of_desk(
            self._shell, lambda turn, rooms: rooms.drafts.text(turn, self.room_id, in_notes=in_notes)
        )

    async def keep_draft(self, text: str, *, in_notes: bool = False) -> None:
        """Keep what is being written here, or in the notes, in the store of this device alone, until it is
        sent or the room ends (ROOM-74); spaces keep nothing.

        Raises:
            ConfigError: more than 65 536 bytes. UnknownRoom, RoomsLocked. RoomErased: the room has ended.
            StoreFull: no room in the store; what was kept before stays.
        """
        if len(checked_text(text).encode()) > MAX_DRAFT_B:
            raise ConfigError(f"a draft has at most {MAX_DRAFT_B} bytes in UTF-8")
        await of_desk(
            self._shell, lambda turn, rooms: rooms.drafts.keep(turn, self.room_id, text, in_notes=in_notes)
        )
