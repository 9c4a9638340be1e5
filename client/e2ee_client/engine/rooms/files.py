"""Files of rooms: who pays, when a file is announced, who holds it, when its blob goes (FIL-11 to FIL-16).

    begin --FileOut--> paid_by --> announce: the entry --> held by all, or erased --> is_over --> dropped
    an entry comes --FileIn--> have: `held` to writer and payer --> held by all: the payer drops the blob

Nothing here touches a disk or a blob: the shell's file service does, and tells what became of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from e2ee_relay.protocol import BlobDrop, Response

from e2ee.content import ContentType, OfRooms
from e2ee.errors import RemoteError
from e2ee.files import Announced, sealed_size
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.entry import Author, Entry, EntryHash, RoomId
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.payloads import File, read_payload
from e2ee.rooms.signals import Held, encode_signal
from e2ee.rooms.state import Phase
from e2ee.secret import FileKey
from e2ee.wire.fields import MAX_MS
from e2ee_client.engine.link import LinkState
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import FileCancelled, FileMissing, UnknownRoom
from e2ee_client.room_events import (
    EntryAdded,
    EntryErased,
    FileDropped,
    FileExpiring,
    FileHeld,
    HistoryHandedOver,
    IdentifyAnswered,
    RoomChanged,
    RoomEvent,
)

from .entry_log import EntryLog, StoredEntry
from .file_rows import FILE_ID_B, SECRET_B, FileIn, FileOut, FileTicket, Payer, TrustedRow
from .room_engine import RoomEngine
from .room_part import RoomsPart

if TYPE_CHECKING:
    from e2ee_client.engine.context import Context

    from .rooms import Rooms

DAY_MS: Final = 86_400_000
LONGEST_MS: Final = 31 * DAY_MS
WARNED_MS: Final = 3 * DAY_MS
_TIMER: Final = "files"
_ENDED: Final = "ended files"
_LEFT: Final = (Phase.WITHDRAWN, Phase.ERASED)
_WARNED, _OVER, _AGAIN = 1, 2, 4
"""Flags of `told`: its end is near; it is over, or given up; it outlasts the next refusal (FIL-23)."""


class Files(RoomsPart):
    """The rows are in the store; in memory is only when each file that is not held is spoken of next."""

    def __init__(self, context: Context, rooms: Rooms) -> None:
        super().__init__(context, rooms)
        self._due: dict[EntryHash, int] = {}

    # --- on its way out ---

    def check(self, turn: Turn, room_id: RoomId) -> None:
        """Refuse a file where its entry would be refused now.

        Raises:
            UnknownRoom, RoomsLocked, NoConsent, DeviceListOver. RemoteError: the phase lets no content pass.
        """
        room = self._rooms.room(turn, room_id)
        if self._rooms.around.side is Side.CUSTOMER:
            self._rooms.consenting.check_writing(turn, room, int(Kind.FILE))
        self._rooms.around.check_listed(turn)
        room.states.check_ours(int(Kind.FILE), turn.now_ms)

    def begin(self, turn: Turn, row: FileOut) -> None:
        """Keep a file that is being sealed; raises what `check` raises."""
        self.check(turn, row.room_id)
        turn.put(row.put())

    def go_on(self, turn: Turn, row: FileOut) -> None:
        """Keep a file that has come further on its way.

        Raises:
            FileCancelled: it was given up meanwhile (FIL-29), or its entry erased.
        """
        stored = turn.read(self._state.rows, FileOut.TABLE, row.id)
        if stored is not None:
            is_gone = FileOut.decode(row.id, stored).is_over
        else:
            is_gone = row.entry is None or self._payload(turn, row.room_id, row.entry) is None
        if is_gone:
            raise FileCancelled("the file was given up")
        turn.put(row.put())

    def payers(self, turn: Turn, room_id: RoomId) -> list[Payer]:
        """Return whose mailboxes may pay, in turn: recipients at the company's relay (FIL-11)."""
        room = self._rooms.room(turn, room_id)
        relay_url, found = self.relay_url(room.live.company), list[Payer]()
        for one in room.states.recipients(int(Kind.FILE), turn.now_ms):
            peer = self._state.peers.get(one.account_id + one.device_id)
            way = None if peer is None else peer.way_back
            if way is not None and way.relay_url == relay_url:
                found.append(Payer(one.device_id, way.mailbox, way.token))
        return found

    def relay_url(self, company: AccountId) -> str:
        """Return the relay of a company's card, where its files lie (FIL-11)."""
        own = self._state.own
        return own.relay_url if company == own.account_id else self._state.contact(company).relay_url

    def company(self, room_id: RoomId) -> AccountId:
        """Return the company of a room.

        Raises:
            UnknownRoom.
        """
        if room_id not in self._rooms.index:
            raise UnknownRoom("no such room")
        return self._rooms.index[room_id].company

    def paid_by(self, turn: Turn, row: FileOut, payer: Payer) -> None:
        """Keep who pays: a blob that is begun goes on with the same token."""
        row.payer, row.mailbox, row.token = payer
        self.go_on(turn, row)

    def announce(self, turn: Turn, row: FileOut, expires_ms: int) -> EntryHash:
        """Write the entry of a file that the relay has (FIL-12); raises what `go_on` and `write` raise."""
        self.go_on(turn, row)
        payer = row.payer or DeviceId(bytes(16))
        payload = File(
            *(row.blob, row.file_key, row.padded_b, row.hash, row.size_b, row.name, row.media_type),
            *(min(max(0, expires_ms), MAX_MS), payer),
        )
        row.entry = self._rooms.write(turn, row.room_id, payload)
        row.expires_ms = min(expires_ms, turn.now_ms + LONGEST_MS)
        room = self._rooms.room(turn, row.room_id)
        row.recipients = tuple(one.device_id for one in room.states.recipients(int(Kind.FILE), turn.now_ms))
        turn.put(row.put())
        turn.put(self._own(row, row.entry, payer).put())
        self._forget_ended(turn)
        return row.entry

    def _own(self, row: FileOut, entry: EntryHash, payer: DeviceId) -> FileIn:
        """A file of ours is held from the moment in which it is announced."""
        us = self._rooms.around.us.device_id
        return FileIn(
            *(entry, row.room_id, us, payer, row.blob, row.size_b, row.expires_ms), is_held=True, told=_OVER
        )

    def handed(self, turn: Turn, room_id: RoomId, to: DeviceId, count: int) -> list[FileOut]:
        """Return the files of the newest entries that are held here, to be put at the relay again for a
        device which these entries are handed over to (FIL-22).

        Raises:
            NoRight, RoomFrozen, ConsentWithdrawn, RoomErased: as `Forwarding.hand_over`.
        """
        room = self._rooms.room(turn, room_id)
        room.forwarding.check_handover(turn, to)
        found = [self._handed(turn, room_id, to, one) for one in room.forwarding.newest(turn, count)]
        return [one for one in found if one is not None]

    def passed_on(self, turn: Turn, room_id: RoomId) -> tuple[DeviceId, int] | None:
        """Return to whom this device hands a room over next, and how many entries (ROOM-57)."""
        ours = self._rooms.room(turn, room_id).passing.to_hand_over(turn)
        return None if ours is None else (ours.taker, ours.most)

    def _handed(self, turn: Turn, room_id: RoomId, to: DeviceId, entry_hash: EntryHash) -> FileOut | None:
        row, found = self._row(turn, entry_hash), self._payload(turn, room_id, entry_hash)
        if row is None or found is None or not row.is_held or found[0].is_marked:
            return None
        if row.expires_ms <= turn.now_ms:
            return None
        for out in self._announced(turn, entry_hash):
            if not out.is_over:
                out.recipients = tuple(dict.fromkeys((*out.recipients, to)))
                turn.put(out.put())
                return out
        payload, rng = found[1], self._state.ports.rng
        return FileOut(
            *(rng(FILE_ID_B), room_id, payload.name, payload.media_type, payload.size_b, payload.padded_b),
            *(payload.hash, payload.key, payload.blob, rng(SECRET_B)),
            entry=entry_hash,
            expires_ms=row.expires_ms,
            recipients=(to,),
        )

    def outgoing(self) -> list[FileOut]:
        """Return all files that are on their way, or whose blob is ours to drop."""
        return [FileOut.decode(key, row) for key, row in self._state.rows.items(FileOut.TABLE)]

    def over(self, turn: Turn, row: FileOut) -> None:
        """The blob of a file is to be dropped, unless its room is gone with all that stood of it; nothing
        else of it stays, and that at most until its blob has ended by itself (FIL-30).
        """
        row.is_over, row.expires_ms = True, row.expires_ms or turn.now_ms + LONGEST_MS
        row.name, row.media_type, row.hash, row.file_key = "", "", b"", FileKey(bytes(FileKey.SIZE_B))
        if turn.read(self._state.rows, FileOut.TABLE, row.id) is not None:
            turn.put(row.put())
            self._forget_ended(turn)

    def forget(self, turn: Turn, file_id: bytes) -> None:
        """Drop the row of a file whose blob is gone."""
        turn.delete(FileOut.TABLE, file_id)

    # --- what comes ---

    def heard(self, turn: Turn, event: RoomEvent) -> None:
        """Take notice of what rooms tell."""
        match event:
            case EntryAdded(kind=Kind.FILE) if event.device_id != self._rooms.around.us.device_id:
                self._added(turn, event)
            case EntryErased(kind=Kind.FILE):
                self._erased(turn, EntryHash(event.entry_hash), is_destroyed=event.is_destroyed)
            case FileHeld():
                self._held(turn, event)
            case RoomChanged(phase=Phase.WITHDRAWN | Phase.ERASED):
                self._left(turn)
            case HistoryHandedOver(to=to) if to == self._rooms.around.us.device_id:
                self._handed_over(turn, RoomId(event.room_id))
            case IdentifyAnswered(code=""):
                self._identified(turn, RoomId(event.room_id))
            case _:
                pass

    def _added(self, turn: Turn, event: EntryAdded) -> None:
        found = self._payload(turn, RoomId(event.room_id), EntryHash(event.entry_hash))
        if found is None or turn.read(self._state.rows, FileIn.TABLE, event.entry_hash) is not None:
            return
        payload = found[1]
        row = FileIn(
            *(EntryHash(event.entry_hash), RoomId(event.room_id), DeviceId(event.device_id), payload.payer),
            *(payload.blob, payload.size_b, min(payload.expires_ms, turn.now_ms + LONGEST_MS)),
        )
        turn.put(row.put())
        self._plan(turn, row)

    def _payload(
        self, turn: Turn, room_id: RoomId, entry_hash: EntryHash
    ) -> tuple[StoredEntry, File, Entry] | None:
        log = EntryLog(self._state.rows, room_id, self._state.ports.rng)
        stored = log.find(turn, entry_hash)
        if stored is None or stored.is_hidden:
            return None
        if stored.is_marked and not self._rooms.shows_marked(turn, self._rooms.index[room_id].company):
            return None
        entry = log.entry(turn, stored)
        if entry.header.kind != Kind.FILE or entry.body is None:
            return None
        try:
            payload = read_payload(entry)
        except RemoteError:
            return None
        return (stored, payload, entry) if isinstance(payload, File) else None

    def ticket(self, room_id: RoomId, entry_hash: EntryHash) -> FileTicket:
        """Return what it takes to get the file of an entry.

        Raises:
            FileMissing: the entry has none, or it was erased.
        """
        found = self._payload(Turn(0), room_id, entry_hash)
        if found is None:
            raise FileMissing("the entry has no file, or no longer")
        stored, payload, _ = found
        expires_ms = min(payload.expires_ms, stored.received_ms + LONGEST_MS)
        return FileTicket(
            *(entry_hash, room_id, payload.name, payload.media_type, payload.key),
            Announced(payload.size_b, payload.padded_b, payload.hash),
            payload.blob,
            expires_ms,
            stored.author == self._rooms.around.us,
        )

    def incoming(self, turn: Turn) -> list[FileIn]:
        """Return all files that entries have announced."""
        return [FileIn.decode(key, row) for key, row in turn.items(self._state.rows, FileIn.TABLE)]

    def wanted(self) -> list[FileIn]:
        """Return the files that a device of a company gets by itself (FIL-13)."""
        if self._rooms.around.side is Side.CUSTOMER:
            return []
        found = self.incoming(Turn(0))
        return [one for one in found if not one.is_held and not one.told & _OVER and self._has_consent(one)]

    def _has_consent(self, row: FileIn) -> bool:
        room = self._rooms.index.get(row.room_id)
        return room is not None and room.phase != Phase.WITHDRAWN

    def refuse(self, turn: Turn, entry_hash: EntryHash) -> bool:
        """A file is not what was announced, or gone: it is not asked for again; False: once more (FIL-23)."""
        row = self._row(turn, entry_hash)
        is_over = row is None or not row.told & _AGAIN
        if row is not None:
            row.told = row.told | _OVER if is_over else row.told & ~_AGAIN
            turn.put(row.put())
            self._plan(turn, row)
        return is_over

    def _handed_over(self, turn: Turn, room_id: RoomId) -> None:
        """Want the files of a room once more whose history is handed over to us (FIL-23): what was given up,
        and what may be given up for an answer from before.
        """
        for row in self.incoming(turn):
            if row.room_id == room_id and not row.is_held and row.expires_ms > turn.now_ms:
                row.told = row.told & ~_OVER if row.told & _OVER else row.told | _AGAIN
                turn.put(row.put())
                self._plan(turn, row)

    def held_b(self) -> int:
        """Return how much the files that this device holds have."""
        return sum(sealed_size(one.size_b) for one in self.incoming(Turn(0)) if one.is_held)

    def have(self, turn: Turn, entry_hash: EntryHash) -> None:
        """This device holds a file: tell who may put or drop its blob (FIL-14, FIL-25)."""
        row = self._row(turn, entry_hash)
        if row is None or row.is_held:
            return
        row.is_held = True
        turn.put(row.put())
        self._plan(turn, row)
        turn.notify(FileHeld(row.room_id, entry_hash, self._rooms.around.us.device_id))
        room, us = self._rooms.room(turn, row.room_id), self._rooms.around.us
        was_handed = not self._went_to(room, us, self._followed(turn, room, entry_hash))
        to = (row.writer, row.payer)
        # Who has given the room away pays, and has handed the entry over, all the same (ROOM-15).
        known = [
            one
            for one in room.states.recipients(int(Kind.STATE), turn.now_ms)
            if one.device_id in to or (was_handed and one.account_id == us.account_id)
        ]
        payload = OfRooms(ContentType.SIGNAL, encode_signal(row.room_id, Held(entry_hash)))
        self._rooms.around.signal(turn, payload, known)
        self._drop_as_payer(turn, row)

    def _row(self, turn: Turn, entry_hash: EntryHash) -> FileIn | None:
        row = turn.read(self._state.rows, FileIn.TABLE, entry_hash)
        return None if row is None else FileIn.decode(entry_hash, row)

    # --- who holds it ---

    def _held(self, turn: Turn, event: FileHeld) -> None:
        entry_hash, by = EntryHash(event.entry_hash), DeviceId(event.device_id)
        for out in self._announced(turn, entry_hash):
            if by in out.recipients and by not in out.held_by:
                out.held_by = (*out.held_by, by)
                turn.put(out.put())
            self._drop_as_writer(turn, out)
        row = self._row(turn, entry_hash)
        if row is not None and row.room_id == event.room_id and by not in row.held_by:
            row.held_by = (*row.held_by, by)[-16:]
            turn.put(row.put())
            self._drop_as_payer(turn, row)

    def _announced(self, turn: Turn, entry_hash: EntryHash) -> Iterable[FileOut]:
        rows = turn.items(self._state.rows, FileOut.TABLE)
        return [one for one in (FileOut.decode(*found) for found in rows) if one.entry == entry_hash]

    def _drop_as_writer(self, turn: Turn, out: FileOut) -> None:
        room = self._rooms.as_it_was(turn, out.room_id)
        now = {one.device_id for one in room.states.recipients(int(Kind.FILE), turn.now_ms)}
        if not out.is_over and out.entry is not None and now & set(out.recipients) <= set(out.held_by):
            self.over(turn, out)
            turn.notify(FileDropped(out.room_id, out.entry))

    def _drop_as_payer(self, turn: Turn, row: FileIn) -> None:
        """Drop the blob that our mailbox pays for, when all others hold the file too."""
        us = self._rooms.around.us
        room = self._rooms.as_it_was(turn, row.room_id)
        if row.payer != us.device_id or not row.is_held or self._lacking(turn, room, row) - set(row.held_by):
            return
        stored = room.log.find(turn, row.entry)
        account_id = us.account_id if stored is None else stored.account_id
        channel = self._context.mailboxes.channel(self._state.mailbox_for(account_id))
        link = self._context.links.link(turn, channel)
        if link.state is LinkState.READY:
            link.request(turn, BlobDrop(link.new_id(), row.blob, None), _ignore)
            turn.notify(FileDropped(row.room_id, row.entry))

    def _lacking(self, turn: Turn, room: RoomEngine, row: FileIn) -> set[DeviceId]:
        """The others to whom an entry went, but its writer."""
        followed = self._followed(turn, room, row.entry)
        found = room.states.recipients(int(Kind.FILE), turn.now_ms)
        return {one.device_id for one in found if self._went_to(room, one, followed)} - {row.writer}

    def _followed(self, turn: Turn, room: RoomEngine, entry_hash: EntryHash) -> EntryHash | None:
        stored = room.log.find(turn, entry_hash)
        return None if stored is None else stored.followed

    def _went_to(self, room: RoomEngine, one: Author, followed: EntryHash | None) -> bool:
        return one.account_id != room.live.company or room.states.received_then(one, followed)

    # --- what goes ---

    def _erased(self, turn: Turn, entry_hash: EntryHash, *, is_destroyed: bool) -> None:
        for out in self._announced(turn, entry_hash):
            self.over(turn, out)
        if is_destroyed and self._row(turn, entry_hash) is not None:
            turn.delete(FileIn.TABLE, entry_hash)
            self._due.pop(entry_hash, None)

    def gone(self, turn: Turn, entry_hash: bytes) -> None:
        """The row of a file goes with all rooms (ACC-15); its sealed copy goes with it (FIL-16)."""
        self._due.pop(EntryHash(entry_hash), None)
        row = self._state.rows.get(FileIn.TABLE, entry_hash)
        if row is not None:
            one = FileIn.decode(entry_hash, row)
            turn.notify(EntryErased(one.room_id, one.entry, int(Kind.FILE), is_destroyed=True))

    def _left(self, turn: Turn) -> None:
        """What is on its way in rooms that were erased or withdrawn from is given up (FIL-29)."""
        for key, stored in turn.items(self._state.rows, FileOut.TABLE):
            out = FileOut.decode(key, stored)
            room = self._rooms.index.get(out.room_id)
            if out.entry is None and not out.is_over and (room is None or room.phase in _LEFT):
                self.over(turn, out)

    # --- time ---

    def start(self, turn: Turn) -> None:
        """Say again what has to be said of files that are not held, and forget what is over for long."""
        self._due.clear()
        self._left(turn)
        for out in self.outgoing():
            if out.is_over:
                self.over(turn, out)
        self._forget_ended(turn)
        for row in self.incoming(turn):
            self._plan(turn, row)

    def _forget_ended(self, turn: Turn) -> None:
        """Forget what is announced, or over, a day after its blob has ended (FIL-30)."""
        rows = [FileOut.decode(*one) for one in turn.items(self._state.rows, FileOut.TABLE)]
        ends = {one.id: one.expires_ms + DAY_MS for one in rows if one.is_over or one.entry is not None}
        for file_id, end_ms in ends.items():
            if turn.now_ms > end_ms:
                self.forget(turn, file_id)
        left = [end_ms for end_ms in ends.values() if end_ms >= turn.now_ms]
        if left:
            self._context.timers.set(_ENDED, min(left) + 1, self._forget_ended)
        else:
            self._context.timers.drop(_ENDED)

    def _plan(self, turn: Turn, row: FileIn) -> None:
        if row.is_held or row.told & _OVER:
            self._due.pop(row.entry, None)
        else:
            at_ms = row.expires_ms if row.told & _WARNED else max(0, row.expires_ms - WARNED_MS)
            self._due[row.entry] = at_ms
        self._wait()

    def _wait(self) -> None:
        if self._due:
            self._context.timers.set(_TIMER, min(self._due.values()), self._tick)
        else:
            self._context.timers.drop(_TIMER)

    def _tick(self, turn: Turn) -> None:
        for entry_hash in [one for one, at_ms in self._due.items() if at_ms <= turn.now_ms]:
            del self._due[entry_hash]
            row = self._row(turn, entry_hash)
            if row is not None:
                is_over = row.expires_ms <= turn.now_ms
                row.told |= _OVER if is_over else _WARNED
                turn.put(row.put())
                turn.notify(FileExpiring(row.room_id, entry_hash, row.expires_ms, is_over=is_over))
                self._plan(turn, row)
        self._wait()

    # --- who is trusted with large blobs ---

    def trust(self, turn: Turn, account_id: AccountId) -> None:
        """A person of ours knows who this is: its token pays for large blobs (RLY-242)."""
        turn.put(TrustedRow(account_id, turn.now_ms).put())
        self._context.mailboxes.trust(turn, account_id)

    def _identified(self, turn: Turn, room_id: RoomId) -> None:
        """Whose login counts is known to the company."""
        one = self._rooms.index.get(room_id)
        if self._rooms.around.side is Side.COMPANY and one is not None and one.customer is not None:
            self.trust(turn, one.customer)

    def is_trusted(self, account_id: bytes) -> bool:
        """Whether an account may put large blobs at the cost of our mailbox."""
        if self._rooms.around.side is Side.CUSTOMER:
            return self._rooms.are_with(AccountId(account_id))
        is_own = account_id == self._state.own.account_id
        return is_own or self._state.rows.get(TrustedRow.TABLE, TrustedRow.key_of(account_id)) is not None


def _ignore(_turn: Turn, _frame: Response) -> None:
    """Whether the blob was there or not, nothing follows."""
