"""Archives: a folder of transcripts that follows its rooms, goes on after a stop, and is verified offline."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from conversations import until
from e2ee_client.errors import ConfigError, FileStalled
from e2ee_client.rooms import CompanyRoom, CustomerRoom, Service, archive
from e2ee_client.rooms import transcripts as transcript_files
from e2ee_client.rooms.archive import Archive, Checked, verify_archive
from e2ee_client.rooms.archive_index import INDEX_NAME, Archived, Index, decode_index, encode_index
from e2ee_client.rooms.company_room import Outline
from e2ee_client.runtime import file_threads
from e2ee_client.runtime.drafts import Draft, draft
from practice import Practice

from e2ee.errors import NoRight, NotMember, TooMany
from e2ee.ids import AccountId
from e2ee.rooms.entry import RoomId
from e2ee.rooms.kinds import Kind
from e2ee.rooms.state import Phase

NOW_MS = 1_780_000_000_000
MONTH = "2026-05"


async def both(praxis: Practice, text: str = "Guten Tag") -> tuple[CustomerRoom, CompanyRoom]:
    """A room with a text in it, on both sides."""
    room = await praxis.opened(await praxis.customer())
    await room.send(text)
    await until(lambda: any(one.room_id == room.room_id and one.unread for one in praxis.company.rooms()))
    return room, praxis.company.room(room.room_id)


def begun(praxis: Practice, folder: Path) -> Archive:
    folder.mkdir(exist_ok=True)
    return Archive(folder, praxis.company.client.account_id)


def transcripts(folder: Path) -> list[Path]:
    """The files that stand for rooms."""
    return sorted(folder.glob("*/*.json"))


def everything(folder: Path) -> bytes:
    """The bytes of all files; of one that gets its name just now, those under it."""
    found = list[bytes]()
    for one in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found += [one.read_bytes()] if one.is_file() else []
    return b"".join(found)


def files(folder: Path) -> list[str]:
    return sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file())


async def test_each_room_is_a_file_that_anybody_verifies(praxis: Practice, tmp_path: Path) -> None:
    """EXP-20, EXP-22: written once; logged for the customer, which makes no room new."""
    room, theirs = await both(praxis)
    other, _ = await both(praxis, "Hallo")
    kept = begun(praxis, tmp_path / "a")
    report = await kept.update(praxis.company.rooms(), NOW_MS)
    assert set(report.written) == {room.room_id, other.room_id}
    times = 1
    while (again := await kept.update(praxis.company.rooms(), NOW_MS + 1)).written:
        times += room.room_id in again.written  # what was still on its way makes a room new, once
        assert times < 8
    assert (again.unchanged, again.refused) == (2, ())
    names = {f"{MONTH}/{one.room_id.hex()}.json" for one in (room, other)}
    assert set(files(tmp_path / "a")) == names | {INDEX_NAME}
    found = verify_archive(tmp_path / "a", praxis.company.client.account_id)
    assert {one.file for one in found} == names
    assert all(one.holds and not one.fault for one in found)
    assert [one.kind for one in await theirs.history()].count(Kind.ACCESS) == times
    await room.send("noch etwas")
    await until(lambda: theirs.unread == 2)
    assert room.room_id in (await kept.update(praxis.company.rooms(), NOW_MS + 2)).written


async def test_what_was_erased_is_gone_from_the_next_file_which_says_so(
    praxis: Practice, tmp_path: Path
) -> None:
    """EXP-21."""
    room, theirs = await both(praxis)
    said = await room.send("GEHEIM-4711")
    await room.edit(said, "GEHEIM-4712")
    await until(lambda: theirs.unread == 3)
    kept = begun(praxis, tmp_path)
    await kept.update([theirs], NOW_MS)
    (path,) = transcripts(tmp_path)
    assert b"GEHEIM-4711" in path.read_bytes()
    await room.erase([said])
    await until(lambda: theirs._shell.machine.rooms.search(room.room_id, ["geheim"], None, 50, 0).found == [])
    await kept.update([theirs], NOW_MS + 1)
    assert b"GEHEIM" not in everything(tmp_path)
    (checked,) = verify_archive(tmp_path, praxis.company.client.account_id)
    assert (checked.holds, checked.withheld) == (True, 2)


@pytest.mark.parametrize("at", range(3))
async def test_a_run_that_is_interrupted_goes_on(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """EXP-20: while a room is exported, before it has its place, before the index names it."""
    first, _ = await both(praxis)
    second, theirs = await both(praxis, "Hallo")
    kept = begun(praxis, tmp_path)
    await kept.update([praxis.company.room(first.room_id)], NOW_MS)

    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    class Broken(Archive):
        pass

    setattr(Broken, ("_keep", "_place", "_write_index")[at], killed)
    if at == 0:
        monkeypatch.setattr("e2ee_client.rooms.transcripts.verify_file", killed)
    with suppress(Killed):
        await Broken(tmp_path, praxis.company.client.account_id).update(praxis.company.rooms(), NOW_MS)
    monkeypatch.undo()
    report = await kept.update(praxis.company.rooms(), NOW_MS)
    assert (report.written, report.unchanged) == ((second.room_id,), 1)
    assert not [one for one in files(tmp_path) if one.startswith(".")]
    assert all(one.holds for one in verify_archive(tmp_path, praxis.company.client.account_id))
    assert theirs.room_id == second.room_id


async def test_where_the_disk_of_the_folder_is_not_connected_nothing_is_written(
    praxis: Practice, tmp_path: Path
) -> None:
    """EXP-26: neither at the first run nor later; with the disk it goes on where it was."""
    _, theirs = await both(praxis)
    folder, away = tmp_path / "a", tmp_path / "away"
    kept = begun(praxis, folder)
    assert (await kept.update(praxis.company.rooms(), NOW_MS)).written == (theirs.room_id,)
    folder.rename(away)
    with pytest.raises(ConfigError, match="is not there"):
        await kept.update(praxis.company.rooms(), NOW_MS)
    assert not folder.exists()
    away.rename(folder)
    assert (await kept.update(praxis.company.rooms(), NOW_MS)).unchanged == 1


async def test_what_a_stop_has_left_in_the_clear_is_told_and_goes(praxis: Practice, tmp_path: Path) -> None:
    """EXP-21, EXP-22, FIL-16: a part, and a draft where files have a name from their beginning."""
    kept, account = begun(praxis, tmp_path), praxis.company.client.account_id
    await both(praxis)
    await kept.update(praxis.company.rooms(), NOW_MS)
    left = [f".{bytes(16).hex()}.part", ".sealroom-a71cxq6o"]
    for name in left:
        (tmp_path / name).write_text("Befund: positiv")
    told = [one for one in verify_archive(tmp_path, account) if not one.holds]
    assert told == [Checked(name, None, holds=False, fault="unnamed") for name in left]
    await kept.update(praxis.company.rooms(), NOW_MS)
    assert all(one.holds for one in verify_archive(tmp_path, account))
    assert not [one for one in files(tmp_path) if one.startswith(".")]


class Record:
    """A statutory record whose bodies go, as retention has it; it exports what a real room does."""

    def __init__(
        self,
        room: CompanyRoom,
        withheld: int,
        *,
        is_record: bool = True,
        is_kept: bool = True,
        is_old: bool = False,
    ) -> None:
        self._room, self.room_id, self.view = room, room.room_id, room.view
        self._outline = Outline(bytes([withheld]) * 32, withheld, is_record, is_kept, is_old)

    async def outline(self) -> Outline:
        return self._outline

    async def archive(self, path: Path) -> object:
        return await self._room.archive(path)


async def archived(kept: Archive, *rooms: Record, now_ms: int = NOW_MS) -> archive.ArchiveReport:
    return await kept.update(rooms, now_ms)  # type: ignore[arg-type]  # what it uses of a room


async def test_an_old_copy_of_a_room_brings_nothing_back_to_its_file(
    praxis: Practice, tmp_path: Path
) -> None:
    """EXP-27: what was erased since the backup, which is told; what goes meanwhile takes the file with it."""
    _, theirs = await both(praxis)
    kept = begun(praxis, tmp_path)
    await archived(kept, Record(theirs, 1, is_record=False))
    before = everything(tmp_path)
    old = Record(theirs, 0, is_record=False, is_kept=False, is_old=True)
    told = (archive.Refused(theirs.room_id, "archive.old"),)
    assert (await archived(kept, old)).refused == told
    assert everything(tmp_path) == before
    old = Record(theirs, 2, is_record=False, is_kept=False, is_old=True)
    for _ in range(2):
        assert (await archived(kept, old)).refused == told
        assert files(tmp_path) == [INDEX_NAME]
    assert (await archived(kept, Record(theirs, 1, is_record=False))).written == (theirs.room_id,)


async def test_the_file_of_a_record_stays_when_its_bodies_go(praxis: Practice, tmp_path: Path) -> None:
    """EXP-21: of class 3 alone, and each at most once a run."""
    _, theirs = await both(praxis)
    kept, account = begun(praxis, tmp_path), praxis.company.client.account_id
    await archived(kept, Record(theirs, 0))
    before = transcripts(tmp_path)[0].read_bytes()
    await archived(kept, Record(theirs, 3), now_ms=NOW_MS + 5)
    aside = tmp_path / MONTH / f"{theirs.room_id.hex()}.{NOW_MS}.json"
    assert aside.read_bytes() == before
    assert [(one.fault, one.holds) for one in verify_archive(tmp_path, account)] == [("", True)] * 2
    await archived(kept, Record(theirs, 2), now_ms=NOW_MS + 6)
    await archived(kept, Record(theirs, 9, is_record=False), now_ms=NOW_MS + 7)
    assert len(transcripts(tmp_path)) == 2


async def test_an_interrupted_run_loses_no_file_of_a_record(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EXP-21: killed between the new file and the index, and then again as if nothing had been."""
    _, theirs = await both(praxis)
    kept, account = begun(praxis, tmp_path), praxis.company.client.account_id
    await archived(kept, Record(theirs, 0))
    before = transcripts(tmp_path)[0].read_bytes()

    def killed(self: Archive, index: Index) -> None:
        raise ConfigError("killed")

    monkeypatch.setattr(Archive, "_write_index", killed)
    for _ in range(2):
        with suppress(ConfigError):
            await archived(kept, Record(theirs, 3), now_ms=NOW_MS + 5)
    monkeypatch.undo()
    await archived(kept, Record(theirs, 3), now_ms=NOW_MS + 6)
    aside = tmp_path / MONTH / f"{theirs.room_id.hex()}.{NOW_MS}.json"
    assert aside.read_bytes() == before
    assert all(one.holds for one in verify_archive(tmp_path, account))


async def test_a_room_that_may_not_leave_is_told_and_stops_nothing(praxis: Practice, tmp_path: Path) -> None:
    """EXP-04: a sensitive room stays where it is."""
    first, theirs = await both(praxis)
    second, _ = await both(praxis, "Hallo")
    await theirs.set_sensitive(True)
    report = await begun(praxis, tmp_path).update(praxis.company.rooms(), NOW_MS)
    assert report.written == (second.room_id,)
    assert [(one.room_id, one.code) for one in report.refused] == [(first.room_id, "room.right")]


async def test_a_room_that_is_gone_when_its_turn_comes_stops_nothing(
    praxis: Practice, tmp_path: Path
) -> None:
    """CNS-72: a company suspends a desk while it writes."""
    room = await praxis.opened(await praxis.customer())
    company = praxis.company
    await until(lambda: any(one.room_id == room.room_id for one in company.rooms()))
    gone = company._room(bytes(16))
    report = await Archive(tmp_path, company.client.account_id).update(
        [gone, company.room(room.room_id)], company.client.runtime.clock.now_ms()
    )
    assert [one.room_id for one in report.refused] == [bytes(16)]
    assert report.written == (room.room_id,)


async def test_the_file_of_a_room_that_may_not_leave_any_more_goes_with_what_is_erased(
    praxis: Practice, tmp_path: Path
) -> None:
    """EXP-21: it was archived, then marked as sensitive, then its customer withdrew."""
    room, theirs = await both(praxis, "Kanarienvogel")
    kept = begun(praxis, tmp_path)
    await kept.update([theirs], NOW_MS)
    await theirs.set_sensitive(True)
    await kept.update([theirs], NOW_MS + 1)
    assert b"Kanarienvogel" in everything(tmp_path)
    await room.withdraw()
    await until(lambda: theirs.view.phase is Phase.WITHDRAWN)
    report = await kept.update([theirs], NOW_MS + 2)
    assert [one.code for one in report.refused] == ["room.right"]
    assert b"Kanarienvogel" not in everything(tmp_path)
    assert verify_archive(tmp_path, praxis.company.client.account_id) == []


async def test_an_archive_never_has_what_is_marked(praxis: Practice, tmp_path: Path) -> None:
    """EXP-21: nor while a supervisor may export it; what is erased after the hold is in no file."""
    room, theirs = await both(praxis, "Kanarienvogel")
    (entry,) = await theirs.texts()
    await theirs.mark_sensitive([entry])
    await theirs.set_hold(True, "Streit")
    kept = begun(praxis, tmp_path)
    await kept.update([theirs], NOW_MS)
    assert b"Kanarienvogel" not in everything(tmp_path)
    (checked,) = verify_archive(tmp_path, praxis.company.client.account_id)
    assert (checked.holds, checked.withheld) == (True, 1)
    await theirs.export(tmp_path.parent / "once.json")
    assert b"Kanarienvogel" in (tmp_path.parent / "once.json").read_bytes()
    await theirs.set_hold(False, "vorbei")
    await room.withdraw()
    await until(lambda: theirs.view.phase is Phase.WITHDRAWN)
    await kept.update([theirs], NOW_MS + 1)
    assert b"Kanarienvogel" not in everything(tmp_path)


async def test_a_month_that_was_moved_away_keeps_no_other_room_from_its_file(
    praxis: Practice, tmp_path: Path
) -> None:
    """EXP-20, EXP-21: the line of a room goes whose file is not there any more."""
    _, theirs = await both(praxis)
    _, others = await both(praxis, "Hallo")
    kept = begun(praxis, tmp_path)
    await archived(kept, Record(theirs, 0, is_record=False))
    shutil.rmtree(tmp_path / MONTH)
    gone = Refusing(theirs, 1, is_record=False, is_kept=False)
    report = await archived(kept, gone, Record(others, 0, is_record=False), now_ms=NOW_MS + 1)
    assert report.written == (others.room_id,)
    assert files(tmp_path) == [f"{MONTH}/{others.room_id.hex()}.json", INDEX_NAME]


class Refusing(Record):
    """A room that may not leave, or cannot be written."""

    error: Exception = NoRight("a sensitive room")

    async def archive(self, path: Path) -> object:
        raise self.error


@pytest.mark.parametrize("error", [NotMember("given away"), TooMany("256 wait"), ConfigError("disk full")])
async def test_the_file_of_a_room_that_cannot_be_written_goes_with_what_is_erased(
    praxis: Practice, tmp_path: Path, error: Exception
) -> None:
    """EXP-21: who has given the room away archives it no more, nor is it written to a disk that is full."""
    _, theirs = await both(praxis)
    _, others = await both(praxis, "Hallo")
    kept = begun(praxis, tmp_path)
    await archived(kept, *(Record(one, 0, is_record=False, is_kept=False) for one in (theirs, others)))
    refusing = Refusing(theirs, 0, is_record=False, is_kept=False)
    refusing.error, refusing._outline = error, refusing._outline._replace(state=b"n" * 32)
    await archived(kept, refusing, now_ms=NOW_MS + 1)
    assert len(transcripts(tmp_path)) == 2
    refusing._outline = refusing._outline._replace(withheld=1)
    report = await archived(kept, refusing, Record(others, 1, is_record=False), now_ms=NOW_MS + 2)
    assert (report.written, [one.room_id for one in report.refused]) == ((others.room_id,), [theirs.room_id])
    assert files(tmp_path) == [f"{MONTH}/{others.room_id.hex()}.json", INDEX_NAME]
    assert (await archived(kept, Record(theirs, 1, is_record=False))).written == (theirs.room_id,)
    assert all(one.holds for one in verify_archive(tmp_path, praxis.company.client.account_id))


@pytest.mark.parametrize("is_kept", [True, False])
async def test_the_file_of_a_room_on_hold_or_that_was_a_record_stays(
    praxis: Practice, tmp_path: Path, *, is_kept: bool
) -> None:
    """EXP-21: though the room may not leave any more, and its customer has something erased."""
    _, theirs = await both(praxis)
    kept = begun(praxis, tmp_path)
    await archived(kept, Record(theirs, 0, is_record=False))
    before = files(tmp_path)
    await archived(kept, Refusing(theirs, 1, is_record=False, is_kept=is_kept), now_ms=NOW_MS + 1)
    assert files(tmp_path) == (before if is_kept else [INDEX_NAME])


async def test_a_hold_keeps_the_file_of_a_room(praxis: Practice) -> None:
    """EXP-21, ROOM-08."""
    _, theirs = await both(praxis)
    assert not (await theirs.outline()).is_kept
    await theirs.set_hold(True, "Streit")
    assert (await theirs.outline()).is_kept


async def test_what_was_changed_in_a_folder_is_told(praxis: Practice, tmp_path: Path) -> None:
    """EXP-22."""
    room, theirs = await both(praxis)
    account = praxis.company.client.account_id
    await begun(praxis, tmp_path).update([theirs], NOW_MS)
    (path,) = transcripts(tmp_path)
    whole, index = path.read_bytes(), (tmp_path / INDEX_NAME).read_bytes()

    def fault() -> str:
        (one,) = verify_archive(tmp_path, account)
        assert not one.holds
        return one.fault

    path.write_bytes(whole.replace(b'"end":', b'"end" :'))
    assert fault() == "changed"
    path.write_bytes(b"{}")
    assert fault() == "remote.decode"
    path.unlink()
    assert fault() == "missing"
    elsewhere = tmp_path.parent / "elsewhere.json"
    elsewhere.write_bytes(whole)
    path.symlink_to(elsewhere)
    assert fault() == "missing"
    path.unlink()
    path.write_bytes(whole)
    (tmp_path / MONTH / "notes.txt").write_text("x")
    assert verify_archive(tmp_path, account)[-1] == Checked(
        f"{MONTH}/notes.txt", None, holds=False, fault="unnamed"
    )
    other = bytes([room.room_id[0] ^ 1]) + room.room_id[1:]
    renamed = path.with_name(f"{other.hex()}.json")
    path.rename(renamed)
    (tmp_path / INDEX_NAME).write_bytes(index.replace(room.room_id.hex().encode(), other.hex().encode()))
    assert verify_archive(tmp_path, account)[0].fault == "room"
    with pytest.raises(ConfigError):
        verify_archive(tmp_path, AccountId(bytes(32)))
    with pytest.raises(ConfigError):
        await Archive(tmp_path, AccountId(bytes(32))).update([], NOW_MS)


ROOM = RoomId(b"r" * 16)
INDEX = Index(
    AccountId(b"a" * 32),
    {
        ROOM: Archived(
            f"{MONTH}/{ROOM.hex()}.json",
            *(b"d" * 32, 4, 1, b"s" * 32, NOW_MS),
            kept=((f"{MONTH}/{ROOM.hex()}.17.json", b"k" * 32),),
        )
    },
)


def test_an_index_is_read_as_it_was_written() -> None:
    """EXP-20."""
    assert decode_index(encode_index(INDEX)) == INDEX


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{MONTH}/", "../"),
        (f"{MONTH}/", "/etc/"),
        (f"{MONTH}/{ROOM.hex()}.json", f"{MONTH}/{ROOM.hex()}.json/../../x"),
        (f"{MONTH}/{ROOM.hex()}.json", f"{MONTH}/{'0' * 32}.json"),
        ('"entries": 4', '"entries": -1'),
        ('"entries": 4', '"entries": true'),
        ('"entries": 4', '"entries": 4, "more": 1'),
        ('"sealroom_archive": 1', '"sealroom_archive": 2'),
        ("64" * 32, "64" * 31),
        ("64" * 32, "6G" * 32),
        ('"kept": [', '"kept": [1, '),
        ('"kept": [', '"kept": {}, "x": ['),
        ("{", "{" * 100_000),
        ("{", "\xff"),
    ],
)
def test_an_index_that_is_none_is_refused(before: str, after: str) -> None:
    """EXP-22: no name leads out of the folder."""
    broken = encode_index(INDEX).decode().replace(before, after, 1)
    assert broken.encode() != encode_index(INDEX)
    with pytest.raises(ConfigError):
        decode_index(broken.encode("latin-1", "ignore"))


async def test_a_desk_that_runs_writes_its_archive(praxis: Practice, tmp_path: Path) -> None:
    """EXP-20: by itself, now and once a day."""
    room, theirs = await both(praxis)
    task = asyncio.create_task(praxis.company.run(Service(archive=tmp_path)))
    try:
        await until((tmp_path / INDEX_NAME).exists)
        await room.send("noch etwas")
        await until(lambda: theirs.unread == 2)
        async with asyncio.timeout(60):
            while b"noch etwas" not in everything(tmp_path):
                # The first writing may last until behind the day.
                praxis.network.clock.advance(86_400_000)  # type: ignore[attr-defined]  # the clock of tests
                await asyncio.sleep(1)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    found = json.loads((tmp_path / INDEX_NAME).read_bytes())
    assert re.fullmatch(r"[0-9]{4}-[0-9]{2}/[0-9a-f]{32}\.json", found["rooms"][room.room_id.hex()]["file"])


def test_an_archive_is_written_once_in_an_hour_at_most() -> None:
    with pytest.raises(ConfigError):
        Service(archive=Path(), archive_every_s=60)


async def test_a_folder_that_never_answers_holds_up_nothing(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-28: neither the event loop nor a run for ever; the one after goes on where the disk answers."""
    monkeypatch.setattr(file_threads, "LOOK_S", 0.05)
    answers = threading.Event()

    @contextmanager
    def hanging(folder: Path) -> Iterator[Draft]:
        answers.wait(600)
        with draft(folder) as made:
            yield made

    monkeypatch.setattr(transcript_files, "draft", hanging)
    rooms = {(await both(praxis, text))[0].room_id for text in ("Guten Tag", "Hallo")}
    kept = begun(praxis, tmp_path / "a")
    async with asyncio.timeout(60):
        report = await kept.update(praxis.company.rooms(), NOW_MS)
    assert {one.code for one in report.refused} == {FileStalled.code}
    assert transcripts(tmp_path / "a") == []
    answers.set()
    monkeypatch.setattr(file_threads, "LOOK_S", 10.0)
    await until(lambda: not praxis.company.client.files.threads._hanging)
    assert set((await kept.update(praxis.company.rooms(), NOW_MS)).written) == rooms


async def test_an_archive_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-28"""
    monkeypatch.setattr(file_threads, "LOOK_S", 0.05)
    answers = threading.Event()
    monkeypatch.setattr(archive, "read_index", lambda _: answers.wait(600) and None)
    async with asyncio.timeout(60):
        with pytest.raises(FileStalled):
            await Archive(tmp_path, AccountId(bytes(32))).update([], NOW_MS)
    answers.set()
