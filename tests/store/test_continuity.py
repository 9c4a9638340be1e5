"""Copies put back, copies run twice, and crashes that must not look like either."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from e2ee_client.errors import StoreFull, StoreUnavailable
from e2ee_client.store import (
    Continuity,
    FileAnchor,
    GenerationAnchor,
    HostAnchor,
    MemoryAnchor,
    Put,
    Store,
    StoreOptions,
)
from e2ee_client.store.state import AnchorRecord, StoreState, judge
from store_probe import RAW_KEY, copy_store, flipped, put_back_in_place

ONE = [Put("session", b"k", b"v")]


def _run(path: Path, commits: int = 1, anchor: GenerationAnchor | None = None) -> Continuity:
    """Open, commit, close."""
    with Store.open(path, RAW_KEY, anchor=anchor) as store:
        for _ in range(commits):
            store.commit(ONE)
        return store.continuity


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed store with a commit in it."""
    place = tmp_path / "db"
    with Store.create(place, RAW_KEY) as store:
        assert store.continuity is Continuity.FRESH
        store.commit(ONE)
    return place


def test_a_store_without_commits_is_fresh(tmp_path: Path) -> None:
    """STO-14: at every opening until the first commit, also without an anchor."""
    place = tmp_path / "db"
    Store.create(place, RAW_KEY).close()
    assert _run(place, commits=0) is Continuity.FRESH
    FileAnchor(tmp_path / "db.anchor").clear()
    assert _run(place) is Continuity.FRESH
    assert _run(place) is Continuity.CONTINUOUS


def test_run_after_run_continues(path: Path) -> None:
    """STO-14."""
    for commits in (0, 1, 40, 0, 3):
        assert _run(path, commits) is Continuity.CONTINUOUS


@pytest.mark.parametrize("commits", [0, 1, 50])
def test_an_older_database_put_back_is_recognised(path: Path, tmp_path: Path, commits: int) -> None:
    """STO-14: even if nothing but an opening lies between."""
    shutil.copy(path, tmp_path / "copy")
    _run(path, commits)
    put_back_in_place(tmp_path / "copy", path)
    assert _run(path) is Continuity.ROLLED_BACK


def test_an_empty_database_put_back_is_recognised(tmp_path: Path) -> None:
    """STO-14: it is not taken for a fresh one."""
    place = tmp_path / "db"
    Store.create(place, RAW_KEY).close()
    shutil.copy(place, tmp_path / "copy")
    _run(place, 2)
    put_back_in_place(tmp_path / "copy", place)
    assert _run(place) is Continuity.ROLLED_BACK


def test_a_copy_from_within_the_last_run_is_recognised(path: Path, tmp_path: Path) -> None:
    """STO-14: the number of commits tells, since generation and instance are the same."""
    with Store.open(path, RAW_KEY) as store:
        store.commit(ONE)
        store.erase()
        shutil.copy(path, tmp_path / "copy")
        store.commit(ONE)
    put_back_in_place(tmp_path / "copy", path)
    assert _run(path) is Continuity.ROLLED_BACK


@pytest.mark.parametrize(
    ("anchor_every", "verdict"), [(1, Continuity.ROLLED_BACK), (1000, Continuity.CONTINUOUS)]
)
def test_what_a_crash_leaves_unseen_is_bounded(
    path: Path, tmp_path: Path, anchor_every: int, verdict: Continuity
) -> None:
    """STO-14: without a clean close, a copy is recognised up to `anchor_every` commits before the end."""
    store = Store.open(path, RAW_KEY, options=StoreOptions(anchor_every=anchor_every))
    store.commit(ONE)
    store.erase()
    shutil.copy(path, tmp_path / "copy")
    store.commit(ONE)
    anchor = (tmp_path / "db.anchor").read_bytes()
    store.close()
    (tmp_path / "db.anchor").write_bytes(anchor)
    put_back_in_place(tmp_path / "copy", path)
    assert _run(path) is verdict


def test_a_copy_that_ran_elsewhere_and_came_back_is_recognised(path: Path, tmp_path: Path) -> None:
    """STO-14: the database is ahead of its anchor by more than an opening."""
    other = copy_store(path, tmp_path / "other")
    _run(other, anchor=MemoryAnchor())
    put_back_in_place(other, path)
    assert _run(path) is Continuity.CLONED


def test_a_copy_ahead_by_one_opening_without_commit_is_harmless(path: Path, tmp_path: Path) -> None:
    """STO-14: it holds exactly the rows that the anchor stands for."""
    other = copy_store(path, tmp_path / "other")
    Store.open(other, RAW_KEY, options=StoreOptions(detect_copies=False)).close()
    put_back_in_place(other, path)
    assert _run(path) is Continuity.CONTINUOUS


def test_two_copies_under_one_host_anchor_are_recognised(path: Path, tmp_path: Path) -> None:
    """STO-14: whichever opens second, and from then on both."""
    shared = MemoryAnchor()
    options = StoreOptions(detect_copies=False)
    place = tmp_path / "shared"
    with Store.create(place, RAW_KEY, anchor=shared, options=options) as store:
        store.commit(ONE)
    twin = copy_store(place, tmp_path / "twin")
    with Store.open(place, RAW_KEY, anchor=shared, options=options) as store:
        assert store.continuity is Continuity.CONTINUOUS
    with Store.open(twin, RAW_KEY, anchor=shared, options=options) as store:
        assert store.continuity is Continuity.ROLLED_BACK
        store.commit(ONE)
    with Store.open(place, RAW_KEY, anchor=shared, options=options) as store:
        assert not store.continuity.keeps_sessions


def test_equal_generations_of_two_copies_are_told_apart(path: Path, tmp_path: Path) -> None:
    """STO-14: the instance tells."""
    twin = copy_store(path, tmp_path / "twin")
    _run(path)
    with Store.open(twin, RAW_KEY, options=StoreOptions(detect_copies=False)) as store:
        assert store.continuity is Continuity.CONTINUOUS
        store.commit(ONE)
    put_back_in_place(twin, path)
    assert _run(path) is Continuity.CLONED


def test_a_copy_of_all_files_is_recognised(path: Path, tmp_path: Path) -> None:
    """STO-23: by the number of the file, unless that is switched off."""
    twin = copy_store(path, tmp_path / "twin")
    third = copy_store(path, tmp_path / "third")
    assert _run(path) is Continuity.CONTINUOUS
    assert _run(twin) is Continuity.CLONED
    with Store.open(third, RAW_KEY, options=StoreOptions(detect_copies=False)) as store:
        assert store.continuity is Continuity.CONTINUOUS


def test_a_renamed_store_goes_on(path: Path, tmp_path: Path) -> None:
    """STO-23: a move within the file system is no copy."""
    moved = tmp_path / "moved"
    path.rename(moved)
    (tmp_path / "db.anchor").rename(tmp_path / "moved.anchor")
    assert _run(moved) is Continuity.CONTINUOUS


def _cut_anchor(tmp_path: Path, size_b: int) -> None:
    anchor = tmp_path / "db.anchor"
    anchor.write_bytes(anchor.read_bytes()[:size_b])


def _take_foreign_anchor(tmp_path: Path) -> None:
    Store.create(tmp_path / "foreign", RAW_KEY).close()
    shutil.copy(tmp_path / "foreign.anchor", tmp_path / "db.anchor")


DAMAGE: dict[str, Callable[[Path], None]] = {
    "missing": lambda folder: (folder / "db.anchor").unlink(),
    "empty": lambda folder: _cut_anchor(folder, 0),
    "cut short": lambda folder: _cut_anchor(folder, 87),
    "of another store": _take_foreign_anchor,
}


@pytest.mark.parametrize("damage", list(DAMAGE.values()), ids=list(DAMAGE))
def test_without_a_valid_anchor_nothing_is_known(
    path: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """STO-14."""
    damage(tmp_path)
    assert _run(path) is Continuity.UNKNOWN


def test_every_byte_of_the_anchor_counts(path: Path, tmp_path: Path) -> None:
    """STO-14: the record is authenticated."""
    original = (tmp_path / "db.anchor").read_bytes()
    assert len(original) == 88
    for position in range(88):
        (tmp_path / "db.anchor").write_bytes(flipped(original, position))
        with Store.open(path, RAW_KEY) as store:
            assert store.continuity is Continuity.UNKNOWN
            store.commit([], settle_continuity=True)


def test_a_verdict_lasts_until_it_is_settled(path: Path, tmp_path: Path) -> None:
    """STO-15: through openings, commits and crashes."""
    (tmp_path / "db.anchor").unlink()
    for _ in range(3):
        assert _run(path, commits=2) is Continuity.UNKNOWN
    with Store.open(path, RAW_KEY) as store:
        assert not store.continuity.keeps_sessions
        store.commit([Put("session", b"k", b"marked")], settle_continuity=True)
        assert store.continuity is Continuity.UNKNOWN
    assert _run(path) is Continuity.CONTINUOUS


def test_a_newer_verdict_takes_the_place_of_an_unsettled_one(path: Path, tmp_path: Path) -> None:
    """STO-15."""
    (tmp_path / "db.anchor").unlink()
    _run(path)
    shutil.copy(path, tmp_path / "copy")
    _run(path)
    put_back_in_place(tmp_path / "copy", path)
    assert _run(path, commits=0) is Continuity.ROLLED_BACK
    assert _run(path, commits=0) is Continuity.ROLLED_BACK


def test_a_refused_commit_settles_nothing(path: Path, tmp_path: Path) -> None:
    """STO-15, STO-09."""
    (tmp_path / "db.anchor").unlink()
    with Store.open(path, RAW_KEY, options=StoreOptions(max_size_b=1)) as store, pytest.raises(StoreFull):
        store.commit([Put("message", b"m", bytes(900_000))], settle_continuity=True)
    assert _run(path) is Continuity.UNKNOWN


class CrashingAnchor(MemoryAnchor):
    """An anchor whose process dies at its N-th record, before or after keeping it."""

    def __init__(self) -> None:
        super().__init__()
        self.lives = -1
        self.keeps_last = False

    def save(self, record: bytes) -> None:
        if self.lives != 0 or self.keeps_last:
            super().save(record)
        if self.lives == 0:
            raise StoreUnavailable("crash")
        self.lives -= 1


@pytest.mark.parametrize("keeps_last", [False, True], ids=["before the record lasts", "after"])
@pytest.mark.parametrize("crashes", [1, 2, 5])
def test_crashes_between_the_two_writes_are_no_alarm(tmp_path: Path, keeps_last: bool, crashes: int) -> None:
    """STO-14: at the first and at the second record of an opening, any number of times in a row."""
    for life in (0, 1):
        anchor = CrashingAnchor()
        place = tmp_path / f"db{life}"
        with Store.create(place, RAW_KEY, anchor=anchor) as store:
            store.commit(ONE)
        for _ in range(crashes):
            anchor.lives, anchor.keeps_last = life, keeps_last
            try:
                Store.open(place, RAW_KEY, anchor=anchor).close()
            except StoreUnavailable:
                continue
        anchor.lives = -1
        assert _run(place, anchor=anchor) is Continuity.CONTINUOUS
        assert _run(place, anchor=anchor) is Continuity.CONTINUOUS


def test_a_crash_while_opening_hides_no_copy(tmp_path: Path) -> None:
    """STO-14: the crash leaves the database ahead by one; an older copy is still older than the anchor."""
    anchor = CrashingAnchor()
    place = tmp_path / "db"
    with Store.create(place, RAW_KEY, anchor=anchor) as store:
        store.commit(ONE)
    shutil.copy(place, tmp_path / "copy")
    _run(place, anchor=anchor)
    anchor.lives = 0
    with pytest.raises(StoreUnavailable):
        Store.open(place, RAW_KEY, anchor=anchor)
    anchor.lives = -1
    put_back_in_place(tmp_path / "copy", place)
    assert _run(place, anchor=anchor) is Continuity.ROLLED_BACK


def test_a_verdict_survives_a_crash_while_opening(tmp_path: Path) -> None:
    """STO-15: the first opening after a rollback dies between its two writes."""
    anchor = CrashingAnchor()
    place = tmp_path / "db"
    with Store.create(place, RAW_KEY, anchor=anchor) as store:
        store.commit(ONE)
    shutil.copy(place, tmp_path / "copy")
    _run(place, anchor=anchor)
    put_back_in_place(tmp_path / "copy", place)
    for keeps_last in (False, True):
        anchor.lives, anchor.keeps_last = 0, keeps_last
        with pytest.raises(StoreUnavailable):
            Store.open(place, RAW_KEY, anchor=anchor)
    anchor.lives = -1
    assert not _run(place, anchor=anchor).keeps_sessions


def test_an_anchor_that_cannot_be_renewed_fails_no_commit(tmp_path: Path) -> None:
    """STO-09, STO-14: the commit is on disk; the anchor follows later."""
    anchor = CrashingAnchor()
    place = tmp_path / "db"
    with Store.create(place, RAW_KEY, anchor=anchor, options=StoreOptions(anchor_every=1)) as store:
        anchor.lives = 0
        store.commit(ONE)
        anchor.lives = -1
        store.commit(ONE)
    assert _run(place, anchor=anchor) is Continuity.CONTINUOUS


def test_a_host_keeps_the_anchor(tmp_path: Path) -> None:
    """STO-14, STO-17: by two functions; an empty record asks to forget."""
    kept: list[bytes] = []
    anchor = HostAnchor(lambda: kept[-1] if kept else None, kept.append)
    place = tmp_path / "db"
    with Store.create(place, RAW_KEY, anchor=anchor) as store:
        store.commit(ONE)
    shutil.copy(place, tmp_path / "copy")
    assert not (tmp_path / "db.anchor").exists()
    assert _run(place, anchor=anchor) is Continuity.CONTINUOUS
    put_back_in_place(tmp_path / "copy", place)
    assert _run(place, anchor=anchor) is Continuity.ROLLED_BACK
    Store.open(place, RAW_KEY, anchor=anchor).destroy()
    assert kept[-1] == b""
    assert anchor.load() is None


def test_a_store_in_memory_is_fresh() -> None:
    """STO-14."""
    with Store.in_memory() as store:
        assert store.continuity is Continuity.FRESH
        store.commit(ONE)
        store.erase()
        assert store.get("session", b"k") == b"v"


def test_a_twin_ahead_by_one_opening_is_told_apart(path: Path, tmp_path: Path) -> None:
    """STO-14: its last opening followed another instance than the anchor's: no crash while opening."""
    options = StoreOptions(detect_copies=False)
    twin = copy_store(path, tmp_path / "twin")
    _run(path)
    for commits in (1, 0):
        with Store.open(twin, RAW_KEY, options=options) as store:
            assert store.continuity is Continuity.CONTINUOUS
            store.commit(ONE * commits)
    put_back_in_place(twin, path)
    assert _run(path) is Continuity.CLONED


NOW, BEFORE, OTHER = b"n" * 16, b"b" * 16, b"o" * 16
STATE = StoreState(7, NOW, BEFORE, 50, 40, 60, 0, None)
SAME = AnchorRecord(bytes(16), 7, NOW, 50, 5)
OPENED = replace(STATE, commits=40)
BEHIND = AnchorRecord(bytes(16), 6, BEFORE, 40, 5)


@pytest.mark.parametrize(
    ("state", "anchor", "mark", "verdict"),
    [
        (STATE, SAME, 5, Continuity.CONTINUOUS),
        (STATE, None, 5, Continuity.UNKNOWN),
        (STATE, replace(SAME, commits=49), 5, Continuity.CONTINUOUS),
        (STATE, replace(SAME, commits=51), 5, Continuity.ROLLED_BACK),
        (STATE, replace(SAME, instance=OTHER), 5, Continuity.CLONED),
        (STATE, replace(SAME, generation=8), 5, Continuity.ROLLED_BACK),
        (STATE, BEHIND, 5, Continuity.CLONED),
        (OPENED, BEHIND, 5, Continuity.CONTINUOUS),
        (OPENED, replace(BEHIND, commits=39), 5, Continuity.CONTINUOUS),
        (OPENED, replace(BEHIND, commits=41), 5, Continuity.CLONED),
        (OPENED, replace(BEHIND, instance=OTHER), 5, Continuity.CLONED),
        (OPENED, replace(BEHIND, generation=5), 5, Continuity.CLONED),
        (OPENED, BEHIND, 6, Continuity.CLONED),
        (STATE, SAME, 6, Continuity.CLONED),
        (STATE, SAME, 0, Continuity.CONTINUOUS),
        (STATE, replace(SAME, file_mark=0), 6, Continuity.CONTINUOUS),
        (replace(STATE, commits=0, commits_at_opening=0), None, 5, Continuity.FRESH),
        (replace(STATE, commits=0, commits_at_opening=0), replace(SAME, commits=0), 6, Continuity.FRESH),
        (replace(STATE, commits=0, commits_at_opening=0), SAME, 5, Continuity.ROLLED_BACK),
    ],
)
def test_the_table_of_verdicts(
    state: StoreState, anchor: AnchorRecord | None, mark: int, verdict: Continuity
) -> None:
    """STO-14, STO-23: row by row, with the neighbours of each border."""
    assert judge(state, anchor, mark) is verdict


def test_the_generation_grows_after_a_rollback_too(path: Path, tmp_path: Path) -> None:
    """STO-14: one above both, so that no generation is given twice."""
    shutil.copy(path, tmp_path / "copy")
    for _ in range(3):
        _run(path)
    before = int.from_bytes((tmp_path / "db.anchor").read_bytes()[16:24])
    put_back_in_place(tmp_path / "copy", path)
    assert _run(path) is Continuity.ROLLED_BACK
    assert int.from_bytes((tmp_path / "db.anchor").read_bytes()[16:24]) == before + 1


def test_a_copy_made_after_a_crash_while_opening_is_recognised(tmp_path: Path) -> None:
    """STO-23, STO-14: even if opening the copy dies as well, just after the anchor has caught up."""
    anchor = CrashingAnchor()
    place = tmp_path / "db"
    with Store.create(place, RAW_KEY, anchor=anchor) as store:
        store.commit(ONE)
    anchor.lives = 0
    with pytest.raises(StoreUnavailable):
        Store.open(place, RAW_KEY, anchor=anchor)
    shutil.copy(place, tmp_path / "copy")
    anchor.keeps_last = True
    with pytest.raises(StoreUnavailable):
        Store.open(tmp_path / "copy", RAW_KEY, anchor=anchor)
    anchor.lives = -1
    assert _run(tmp_path / "copy", anchor=anchor) is Continuity.CLONED
