"""Which devices of this program are behind the lock of an application: nothing of their rooms is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from .app_lock import AppLock
from .errors import AppLocked

if TYPE_CHECKING:
    from e2ee_client.client import Client

_LOCKS: WeakKeyDictionary[Client, AppLock] = WeakKeyDictionary()


def put_behind(client: Client, lock: AppLock | None) -> None:
    """Put the rooms of a device behind a lock, or, with None, behind none."""
    if lock is None:
        _LOCKS.pop(client, None)
    else:
        _LOCKS[client] = lock


def check(client: Client) -> None:
    """Refuse to show rooms while their application is locked.

    Raises:
        AppLocked.
    """
    lock = _LOCKS.get(client)
    if lock is not None and lock.is_locked(client.runtime.clock.now_ms()):
        raise AppLocked("the application is locked")
