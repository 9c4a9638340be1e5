"""The lock of an application: locked at the start, after a time without use, and at the latest after hours.

What is locked is the screen: the keys of an open store stay in memory until it is closed. The passphrase is
checked by opening the store's key again, and wrong ones cost growing pauses.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from e2ee_client.errors import ConfigError, StoreWrongKey
from e2ee_client.rooms.errors import AppLocked, UnlockTooSoon, VersionTooOld

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
LONGEST_MS: Final = 12 * HOUR_MS
"""After this time the passphrase is asked for again, however much the application was used."""
FREE_FAILURES: Final = 3
_FIRST_PAUSE_MS: Final = 5_000
_LONGEST_PAUSE_MS: Final = 15 * MINUTE_MS
_VERSION: Final = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")

Check = Callable[[str], Awaitable[None]]
"""Opens the store's key by a passphrase; raises `StoreWrongKey`."""


@dataclass(frozen=True, slots=True)
class Locked:
    """Nothing is shown; the next passphrase is taken at `not_before_ms`."""

    failures: int = 0
    not_before_ms: int = 0


@dataclass(frozen=True, slots=True)
class Unlocked:
    """Unlocked at one time, used last at another."""

    since_ms: int
    used_ms: int


State = Locked | Unlocked


def after_time(state: State, idle_ms: int, now_ms: int) -> State:
    """Return the state now: unlocked ends after `idle_ms` without use, after 12 hours, and when the clock was
    put back; no pause is longer than 15 minutes, whatever the clock did.
    """
    match state:
        case Unlocked(since_ms, used_ms) if not (
            used_ms <= now_ms < used_ms + idle_ms and now_ms < since_ms + LONGEST_MS
        ):
            return Locked()
        case Locked(failures, not_before_ms) if not_before_ms > now_ms + _LONGEST_PAUSE_MS:
            return Locked(failures, now_ms + _LONGEST_PAUSE_MS)
        case _:
            return state


def after_failure(state: Locked, now_ms: int) -> Locked:
    """Return the state after a wrong passphrase: from the third one on a pause, which doubles."""
    failures = state.failures + 1
    if failures < FREE_FAILURES:
        return Locked(failures)
    doubled = _FIRST_PAUSE_MS << min(failures - FREE_FAILURES, 16)
    return Locked(failures, now_ms + min(doubled, _LONGEST_PAUSE_MS))


class AppLock:
    """The lock of one application, locked at first. `idle_ms` is a minute to twelve hours."""

    def __init__(self, check: Check, idle_ms: int = 10 * MINUTE_MS) -> None:
        if not MINUTE_MS <= idle_ms <= LONGEST_MS:
            raise ConfigError("an application is locked after a minute to twelve hours without use")
        self._check, self._idle_ms = check, idle_ms
        self._state: State = Locked()

    def is_locked(self, now_ms: int) -> bool:
        """Whether nothing may be shown now."""
        self._state = after_time(self._state, self._idle_ms, now_ms)
        return isinstance(self._state, Locked)

    def use(self, now_ms: int) -> None:
        """Note that somebody uses the application.

        Raises:
            AppLocked.
        """
        if self.is_locked(now_ms) or not isinstance(self._state, Unlocked):
            raise AppLocked("the application is locked")
        self._state = Unlocked(self._state.since_ms, now_ms)

    def lock(self) -> None:
        """Lock at once."""
        if isinstance(self._state, Unlocked):
            self._state = Locked()

    async def unlock(self, passphrase: str, now_ms: int) -> None:
        """Unlock by the passphrase of the store.

        Raises:
            StoreWrongKey: it is wrong. UnlockTooSoon: a pause is not over.
            StoreMisuse, StoreUnavailable: as the store says; nothing is counted.
        """
        known = after_time(self._state, self._idle_ms, now_ms)
        state = known if isinstance(known, Locked) else Locked()
        if state.not_before_ms > now_ms:
            self._state = state
            raise UnlockTooSoon(state.not_before_ms - now_ms)
        # Counted before it is checked: several at once are several failures.
        self._state = after_failure(state, now_ms)
        try:
            await self._check(passphrase)
        except StoreWrongKey:
            raise
        except BaseException:
            self._state = state
            raise
        self._state = Unlocked(now_ms, now_ms)


def check_version(own: str, minimum: str) -> None:
    """Refuse to go on with a program that is older than the company allows; versions are like 1.2.3.

    Raises:
        VersionTooOld. ConfigError: not a version.
    """
    numbers = [_VERSION.fullmatch(text) for text in (own, minimum)]
    if numbers[0] is None or numbers[1] is None:
        raise ConfigError("a version is three numbers with full stops")
    ours, least = (tuple(map(int, match.groups())) for match in numbers if match is not None)
    if ours < least:
        raise VersionTooOld(f"this program is {own}; at least {minimum} is needed")
