"""Files of rooms between disk, relay and engine; what is under way goes on after a cut or a restart.

The engine's rows say what is to be done, the files on disk how far it is; nothing else is kept. Each transfer
is a task. Two run at a time; one that the relay cannot serve now waits, longer each time.
"""

from __future__ import annotations

from pathlib import Path

from e2ee.ports import Rng
from e2ee.rooms.entry import RoomId
from e2ee.rooms.kinds import Kind
from e2ee.rooms.state import Phase
from e2ee_client.engine import Engine
from e2ee_client.engine.rooms.file_rows import FILE_ID_B
from e2ee_client.events import ConnectionChanged, ConnectionState, Event
from e2ee_client.room_events import EntryAdded, EntryErased, FileDropped, HistoryHandedOver, RoomChanged

from .clock import Clock
from .event_stream import EventLog
from .file_fetching import FileFetching
from .file_folder import FileFolder
from .file_sending import FileSending
from .file_threads import FileThreads
from .file_work import FileWork
from .shell import Shell
from .transport import Transport


class FileService:
    """One for each client. `start` when it is online, `stop` before its shell is closed."""

    def __init__(
        self,
        shell: Shell[Engine],
        log: EventLog,
        transport: Transport,
        clock: Clock,
        rng: Rng,
        store_path: Path | None,
    ) -> None:
        """Keep sealed files beside the store, in the folder `NAME.files`."""
        beside = None if store_path is None else store_path.with_name(f"{store_path.name}.files")
        self._work = FileWork(shell, log, transport, clock, rng, FileFolder(beside))
        self.sending = FileSending(self._work)
        self.fetching = FileFetching(self._work)

    @property
    def is_online(self) -> bool:
        """Whether files move."""
        return self._work.is_online

    @property
    def threads(self) -> FileThreads:
        """For files of persons that stand on a disk which may never answer (FIL-27)."""
        return self._work.threads

    @property
    def names(self) -> list[str]:
        """The files of its folder."""
        return self._work.folder.names()

    @property
    def parts_sent(self) -> int:
        """How many parts have left since the client was opened, repetitions included."""
        return self._work.parts_sent

    def new_id(self) -> bytes:
        """Draw the id of a file that is to be sent."""
        return self._work.rng(FILE_ID_B)

    async def start(self) -> None:
        """Go on with what was under way."""
        self._work.start()
        await self.sending.start()
        await self.fetching.start()

    async def stop(self) -> None:
        """End all tasks; what they were at goes on when the client is opened again."""
        await self._work.end()
        self._work.folder.close()

    def heard(self, event: Event) -> None:
        """Take note of what the engine tells."""
        match event:
            case EntryErased(kind=Kind.FILE, is_destroyed=True):
                self.fetching.forget(event.entry_hash)
            case ConnectionChanged(state=ConnectionState.ONLINE):
                self._work.came_back()
            case EntryAdded(kind=Kind.FILE) | HistoryHandedOver():
                self.fetching.look()
            case RoomChanged(phase=Phase.WITHDRAWN | Phase.ERASED) if self._work.is_online:
                self._work.begin(self.sending.left(RoomId(event.room_id)))
            case RoomChanged(members=[_, _, *_]) if self._work.is_online:
                self._work.begin(self.sending.put_for_taker(RoomId(event.room_id)))
            case EntryErased(kind=Kind.FILE) | FileDropped() if self._work.is_online:
                self._work.begin(self.sending.drop_all())
            case _:
                pass
