"""Lists of an account without a directory entry: number and content follow from the minute (ID-40, ID-45)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from e2ee import identity, recovery
from e2ee.identity import DeviceList, DeviceRecord

_MINUTE_MS: Final = 60_000
_LAST_MINUTE: Final = 2**29
_NUMBERS_A_MINUTE: Final = 2
_RESTORE_STEP: Final = 2**23


def minute_of(now_ms: int) -> int:
    """Return the beginning of the minute, by which such an account dates what it signs (ID-45)."""
    return now_ms - now_ms % _MINUTE_MS


def unlisted_request(
    lists: Sequence[DeviceList], records: Sequence[DeviceRecord], now_ms: int, *, is_restored: bool = False
) -> bytes:
    """Return the unsigned bytes of the list after `lists`, all that the account is known to have signed, in
    ascending order. It names the first one as the one before, so that it does not depend on which of the
    others this copy of the store knows (ID-45).

    Raises:
        InvalidArgument: as `next_list`.
    """
    first, current = lists[0], lists[-1]
    number = restored_seq if is_restored else unlisted_seq
    return identity.next_list(
        first.account_id,
        first,
        records,
        current.recovery_public,
        minute_of(now_ms),
        least_seq=number(current.seq, [one.issued_ms for one in lists], now_ms),
    )


def check_unlisted(lists: Sequence[DeviceList], following: DeviceList) -> None:
    """Check that a list follows ours; numbers may be left out (ID-40), and it names our first one (ID-45).

    Raises:
        ListRollback, ListFork, ListGap.
    """
    first, current = lists[0], lists[-1]
    if following.seq <= current.seq or following.prev_hash != first.hash:
        identity.check_link(current.head, following)


def unlisted_seq(last_seq: int, issued_ms: Sequence[int], now_ms: int) -> int:
    """Return the number of the list after `last_seq` of an account without a directory entry, whose lists
    were dated at `issued_ms`, the last one last.

    It is twice the Unix minute, or where a clock ahead has given a higher number, that and twice the minutes
    since the newest list that is not dated ahead. So of two copies of a store the one that signs later signs
    the higher number, and never the next one, which would have to name the list before it (ID-07, ID-40).
    """
    minute = min(now_ms // _MINUTE_MS, _LAST_MINUTE)
    newest = max((at_ms // _MINUTE_MS for at_ms in issued_ms if at_ms <= now_ms), default=minute)
    passed = minute - newest + (issued_ms[-1] > now_ms)
    return max(_NUMBERS_A_MINUTE * minute, last_seq + _NUMBERS_A_MINUTE * max(passed, 1))


def restored_seq(last_seq: int, issued_ms: Sequence[int], now_ms: int) -> int:
    """Return the number of the first list after a restore of such an account: beyond any that it may have
    used since the backup, also under a clock that was years ahead (ID-40, SES-40). After a recovery it is
    that of another one (ACC-69).
    """
    if last_seq > recovery.RECOVERED_FROM:
        return max(last_seq + _NUMBERS_A_MINUTE, recovery.recovered_seq(now_ms))
    return unlisted_seq(last_seq, issued_ms, now_ms) + _RESTORE_STEP
