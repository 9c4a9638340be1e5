"""The lock of an application: when it locks, what unlocks it, and what wrong passphrases cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2ee_client.errors import ConfigError, StoreUnavailable, StoreWrongKey
from e2ee_client.rooms.app_lock import (
    HOUR_MS,
    MINUTE_MS,
    AppLock,
    Locked,
    after_failure,
    after_time,
    check_version,
)
from e2ee_client.rooms.errors import AppLocked, UnlockTooSoon, VersionTooOld
from e2ee_client.store import KdfProfile, Passphrase, RawKey, Store
from parties import NOW_MS, ScriptedRng

IDLE_MS = 10 * MINUTE_MS
QUARTER_MS = 15 * MINUTE_MS


class Keys:
    """A store's key that one passphrase opens."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_broken = False

    async def __call__(self, passphrase: str) -> None:
        self.asked += 1
        if self.is_broken:
            raise StoreUnavailable("no memory")
        if passphrase != "right":
            raise StoreWrongKey("no")


async def opened(keys: Keys | None = None) -> AppLock:
    """A lock that was opened."""
    lock = AppLock(keys or Keys(), IDLE_MS)
    assert lock.is_locked(NOW_MS)
    await lock.unlock("right", NOW_MS)
    return lock


async def test_it_locks_after_a_time_without_use_and_not_before() -> None:
    lock = await opened()
    lock.use(NOW_MS + IDLE_MS - 1)
    assert not lock.is_locked(NOW_MS + 2 * IDLE_MS - 2)
    assert lock.is_locked(NOW_MS + 2 * IDLE_MS - 1)
    with pytest.raises(AppLocked):
        lock.use(NOW_MS + 2 * IDLE_MS)
    assert lock.is_locked(NOW_MS)


async def test_it_locks_after_twelve_hours_of_use_and_when_the_clock_is_put_back() -> None:
    lock = await opened()
    for minute in range(1, 12 * 60):
        lock.use(NOW_MS + minute * MINUTE_MS)
    assert lock.is_locked(NOW_MS + 12 * HOUR_MS)
    assert (await opened()).is_locked(NOW_MS - 1)


async def test_it_locks_at_once_on_demand() -> None:
    lock = await opened()
    lock.lock()
    lock.lock()
    assert lock.is_locked(NOW_MS)


async def test_wrong_passphrases_cost_growing_pauses_in_which_none_is_taken() -> None:
    keys = Keys()
    lock = AppLock(keys, IDLE_MS)
    now_ms, pauses = NOW_MS, list[int]()
    for _ in range(14):
        with pytest.raises(StoreWrongKey):
            await lock.unlock("wrong", now_ms)
        try:
            await lock.unlock("wrong", now_ms)
        except UnlockTooSoon as error:
            pauses.append(error.wait_ms)
            now_ms += error.wait_ms
        except StoreWrongKey:
            pauses.append(0)
    assert pauses[0] == 0
    assert pauses[1:4] == [5_000, 10_000, 20_000]
    assert max(pauses) == QUARTER_MS
    asked = keys.asked
    with pytest.raises(StoreWrongKey):
        await lock.unlock("wrong", now_ms)
    with pytest.raises(UnlockTooSoon):
        await lock.unlock("right", now_ms)
    assert keys.asked == asked + 1
    await lock.unlock("right", now_ms + QUARTER_MS)
    assert not lock.is_locked(now_ms + QUARTER_MS)


def test_a_clock_that_was_put_back_makes_no_pause_longer() -> None:
    state = after_failure(Locked(9), NOW_MS)
    assert after_time(state, IDLE_MS, NOW_MS - 10**9) == Locked(10, NOW_MS - 10**9 + QUARTER_MS)
    assert after_time(state, IDLE_MS, NOW_MS) == state


async def test_what_is_no_wrong_passphrase_is_not_counted() -> None:
    keys = Keys()
    lock = AppLock(keys, IDLE_MS)
    keys.is_broken = True
    for _ in range(9):
        with pytest.raises(StoreUnavailable):
            await lock.unlock("right", NOW_MS)
    keys.is_broken = False
    await lock.unlock("right", NOW_MS)


@pytest.mark.parametrize("idle_ms", [0, MINUTE_MS - 1, 12 * HOUR_MS + 1])
def test_the_time_without_use_has_bounds(idle_ms: int) -> None:
    with pytest.raises(ConfigError):
        AppLock(Keys(), idle_ms)


def test_an_open_store_says_whether_a_passphrase_opens_it(tmp_path: Path) -> None:
    """STO-05: checked against the header, by the store's own derivation; nothing changes."""
    path, cheap = tmp_path / "store.db", KdfProfile(1, 8 * 1024 * 1024)
    with Store.create(path, Passphrase("right"), rng=ScriptedRng("lock"), kdf_profile=cheap) as store:
        store.check_unlock(Passphrase("right"))
        for wrong in (Passphrase("wrong"), RawKey(bytes(32))):
            with pytest.raises(StoreWrongKey):
                store.check_unlock(wrong)


def test_a_program_that_is_too_old_is_told() -> None:
    for own, minimum in (("1.2.3", "1.2.3"), ("1.10.0", "1.9.9"), ("2.0.0", "1.9.9")):
        check_version(own, minimum)
    for own, minimum in (("1.2.3", "1.2.4"), ("1.9.9", "1.10.0")):
        with pytest.raises(VersionTooOld):
            check_version(own, minimum)
    for own, minimum in (("1.2", "1.2.3"), ("1.2.3", "1.02.3"), ("1.2.3", "v1.2.3"), ("1.2.3", "")):
        with pytest.raises(ConfigError):
            check_version(own, minimum)
