"""Lists of an account without a directory entry: number and content follow from the minute (ID-40, ID-45)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from e2ee import identity, recovery
from e2ee.errors import NoListNumber
from e2ee.identity import MAX_SEQ, RECOVERED_FROM, DeviceList, DeviceRecord
from e2ee.ports import Rng

_MINUTE_MS: Final = 60_000
_END_MINUTE: Final = 2**26  # in the year 2097
_NUMBERS_A_MINUTE: Final = 2
_RESTORE_STEP: Final = 2**23


def minute_of(now_ms: int) -> int:
    """Return the beginning of the minute, by which such an account dates what it signs (ID-45)."""
    return now_ms - now_ms % _MINUTE_MS


def unlisted_request(lists: Sequence[DeviceList], records: Sequence[DeviceRecord], now_ms: int) -> bytes:
    """Return the unsigned bytes of the list after `lists`, all that the account is known to have signed, in
    ascending order. It names the first one as the one before, so that it does not depend on which of the
    others this copy of the store knows (ID-45).

    Raises:
        InvalidArgument: as `next_list`. NoListNumber: as `unlisted_seq`.
    """
    return _request(lists, records, now_ms, next_seq(lists, now_ms))


def restored_request(
    lists: Sequence[DeviceList], records: Sequence[DeviceRecord], now_ms: int, rng: Rng
) -> bytes:
    """Return the unsigned bytes of the first list after a restore of such an account.

    Raises:
        InvalidArgument: as `next_list`. NoListNumber: as `restored_seq`.
    """
    seq = restored_seq(lists[-1].seq, [one.issued_ms for one in lists], now_ms, rng)
    return _request(lists, records, now_ms, seq)


def _request(
    lists: Sequence[DeviceList], records: Sequence[DeviceRecord], now_ms: int, least_seq: int
) -> bytes:
    first, recovery_public = lists[0], lists[-1].recovery_public
    minute_ms = minute_of(now_ms)
    return identity.next_list(
        first.account_id, first, records, recovery_public, minute_ms, least_seq=least_seq
    )


def check_unlisted(lists: Sequence[DeviceList], following: DeviceList) -> None:
    """Check that a list follows ours; numbers may be left out (ID-40), and it names our first one (ID-45).

    Raises:
        ListRollback, ListFork, ListGap.
    """
    first, current = lists[0], lists[-1]
    if following.seq <= current.seq or following.prev_hash != first.hash:
        identity.check_link(current.head, following)


def next_seq(lists: Sequence[DeviceList], now_ms: int) -> int:
    """Return the number of the list after these.

    Raises:
        NoListNumber: as `unlisted_seq`.
    """
    return unlisted_seq(lists[-1].seq, [one.issued_ms for one in lists], now_ms)


def unlisted_seq(last_seq: int, issued_ms: Sequence[int], now_ms: int) -> int:
    """Return the number of the list after `last_seq` of an account without a directory entry, whose lists
    were dated at `issued_ms`, the last one last.

    It is twice the Unix minute, or where a clock ahead has given a higher number, that and twice the minutes
    since the newest list that is not dated ahead. So of two copies of a store the one that signs later signs
    the higher number, and never the next one, which would have to name the list before it (ID-07, ID-40).

    Raises:
        NoListNumber: by a clock of 2097 or later, or above the highest number (ID-46).
    """
    minute = now_ms // _MINUTE_MS
    newest = max((at_ms // _MINUTE_MS for at_ms in issued_ms if at_ms <= now_ms), default=minute)
    passed = minute - newest + (issued_ms[-1] > now_ms)
    seq = max(_NUMBERS_A_MINUTE * minute, last_seq + _NUMBERS_A_MINUTE * max(passed, 1))
    if minute >= _END_MINUTE:
        raise NoListNumber("a clock so far ahead numbers no device list")
    return _checked(seq, last_seq)


def _checked(seq: int, last_seq: int) -> int:
    if seq > (MAX_SEQ if last_seq > RECOVERED_FROM else RECOVERED_FROM):
        raise NoListNumber("the account has used up the numbers of its device lists")
    return seq


def restored_seq(last_seq: int, issued_ms: Sequence[int], now_ms: int, rng: Rng) -> int:
    """Return the number of the first list after a restore of such an account: beyond any that it may have
    used since the backup, also under a clock that was years ahead (ID-40, SES-40). After a recovery it is
    that of another one (ACC-69).

    Raises:
        NoListNumber: as `unlisted_seq`, or `recovered_seq`.
    """
    if last_seq > RECOVERED_FROM:
        return recovery.recovered_seq(now_ms, last_seq, rng)
    return _checked(unlisted_seq(last_seq, issued_ms, now_ms) + _RESTORE_STEP, last_seq)
