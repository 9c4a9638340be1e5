"""The recovery code of a customer's account: the account key follows from it, and no record of it is kept
anywhere (chapter 15).

code on paper --> r --> account key --> first list: it names the new device alone, and strikes off the others
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from e2ee import identity, labels
from e2ee.constants import HASH_B, KEY_B, LIST_TTL_MS, VERSION
from e2ee.errors import DecodeError, NoListNumber
from e2ee.identity import RECOVERED_FROM, DeviceList, DeviceRecord
from e2ee.ids import RecordHash
from e2ee.ports import Rng
from e2ee.primitives import kdf
from e2ee.secret import AccountKey, RecoverySecret

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DIGITS: Final = 29
GROUP: Final = 5
GROUPS: Final = 6
RECOVERED_TO: Final = 2**31 - 2**24
"""No account is recovered by a list with a higher number (ACC-70)."""
_R_B: Final = 16
_CHECK_B: Final = 2
_CHECK_BITS: Final = 16
_BITS_A_DIGIT: Final = 5
_TYPED_MAX: Final = 256
_BEGUN_MS: Final = 1_577_836_800_000  # 2020-01-01 00:00 UTC
_INTERVAL_MS: Final = 4_000
_DRAWN_B: Final = 3
_DRAWN: Final = 2**22
_LEFT_OUT: Final = re.compile("[ \t\r\n-]+")
# Small letters as capitals; an O as 0, an I or L as 1.
_READ_AS: Final = str.maketrans("abcdefghijklmnopqrstuvwxyzOIL", "ABCDEFGH1JK1MN0PQRSTUVWXYZ011")


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """What a code says: r, and whether the account was made with a directory entry (ACC-60, ACC-61)."""

    secret: RecoverySecret = field(repr=False)
    entry: bool

    @property
    def groups(self) -> tuple[str, ...]:
        """The six groups to show: five of five digits, one of four."""
        bits = int.from_bytes(self.secret.expose(), "big") << 1 | self.entry
        return _grouped(_digits(bits << _CHECK_BITS | _check(bits)))

    @property
    def text(self) -> str:
        """The code as it is shown."""
        return "-".join(self.groups)

    def account_key(self) -> AccountKey:
        """Return the account key that follows from r (ACC-60)."""
        return AccountKey(kdf.prf(self.secret.expose(), labels.RECOVERY, KEY_B))


def new_code(rng: Rng, *, entry: bool) -> RecoveryCode:
    """Draw an r (ACC-60)."""
    return RecoveryCode(RecoverySecret(rng(_R_B)), entry)


def parse(typed: str) -> RecoveryCode:
    """Read a code as somebody has typed it (ACC-62).

    Raises:
        DecodeError: it is none.
    """
    digits = read_group(typed)
    if len(digits) != DIGITS or not _checks(digits):
        raise DecodeError("not a recovery code")
    bits = _value(digits) >> _CHECK_BITS
    return RecoveryCode(RecoverySecret((bits >> 1).to_bytes(_R_B, "big")), bool(bits & 1))


def doubtful_group(typed: str) -> int | None:
    """Return the group of a refused code to look at, from 1 on; None where that cannot be told (ACC-62)."""
    digits = read_group(typed)
    if not digits:
        return None
    foreign = next((place for place, digit in enumerate(digits) if digit not in ALPHABET), None)
    if foreign is not None:
        return min(_group_of(foreign), GROUPS)
    if len(digits) != DIGITS:
        return _group_of_other_length(typed)
    found = {_group_of(place) for place in _places_in_doubt(digits)}
    return found.pop() if len(found) == 1 else None


def read_group(typed: str) -> str:
    """Return the digits of a code or a group as they are shown; none of a text too long (ACC-62, ACC-68)."""
    return "" if len(typed) > _TYPED_MAX else _LEFT_OUT.sub("", typed).translate(_READ_AS)


def _group_of(place: int) -> int:
    return place // GROUP + 1


def _group_of_other_length(typed: str) -> int | None:
    parts = [part for part in _LEFT_OUT.split(typed) if part]
    sizes = [GROUP] * (GROUPS - 1) + [DIGITS % GROUP]
    sized = enumerate(zip(parts, sizes, strict=False), start=1)
    others = [number for number, (part, size) in sized if len(part) != size]
    return others[0] if len(parts) == GROUPS and len(others) == 1 else None


def _places_in_doubt(digits: str) -> Iterator[int]:
    """Yield the places where one other digit, or two neighbours exchanged, make a code check."""
    for place, digit in enumerate(digits):
        before, after = digits[:place], digits[place + 1 :]
        if any(_checks(before + other + after) for other in ALPHABET if other != digit):
            yield place
        if after and _checks(before + after[0] + digit + after[1:]):
            yield place


def _digits(value: int) -> str:
    places = range((DIGITS - 1) * _BITS_A_DIGIT, -1, -_BITS_A_DIGIT)
    return "".join(ALPHABET[value >> place & (len(ALPHABET) - 1)] for place in places)


def _value(digits: str) -> int:
    value = 0
    for digit in digits:
        place = ALPHABET.find(digit)
        if place < 0:
            raise DecodeError("not a recovery code")
        value = value << _BITS_A_DIGIT | place
    return value


def _grouped(digits: str) -> tuple[str, ...]:
    return tuple(digits[start : start + GROUP] for start in range(0, DIGITS, GROUP))


def _checks(digits: str) -> bool:
    value = _value(digits)
    return value & (2**_CHECK_BITS - 1) == _check(value >> _CHECK_BITS)


def _check(bits: int) -> int:
    """Return the 16 check bits over r and the entry bit."""
    data = (bits >> 1).to_bytes(_R_B, "big") + bytes((bits & 1,))
    return int.from_bytes(kdf.hash_(labels.RECOVERY_CODE, data)[:_CHECK_B], "big")


# --- lists of an account that was recovered ---


def recovered_seq(now_ms: int, last_seq: int, rng: Rng) -> int:
    """Return the number of a list by which an account is recovered, or restored after that: of the clock, or
    a random one above `last_seq`, the highest number that is known, 0 for none (ACC-63, ACC-69).

    Raises:
        NoListNumber: by this clock, or above that number, there is none (ACC-70).
    """
    seq = RECOVERED_FROM + 2 * ((now_ms - _BEGUN_MS) // _INTERVAL_MS)
    is_clock_good = RECOVERED_FROM < seq <= RECOVERED_TO
    if seq <= last_seq:
        seq = last_seq + 2 * (1 + int.from_bytes(rng(_DRAWN_B), "big") % _DRAWN)
    if not is_clock_good or seq > RECOVERED_TO:
        raise NoListNumber("no number for a device list: a wrong clock, or an account that has used them up")
    return seq


def first_list(
    key: AccountKey, record: DeviceRecord, previous: DeviceList | None, now_ms: int, rng: Rng
) -> DeviceList:
    """Sign the list that names a new device alone; `previous` is what the directory showed (ACC-63).

    Raises:
        NoListNumber: there is none (ACC-70).
    """
    seq = recovered_seq(now_ms, 0 if previous is None else previous.seq, rng)
    prev_hash, recovery = bytes(HASH_B), None
    if previous is not None:
        prev_hash, recovery = previous.hash, previous.recovery_public
    times = now_ms, now_ms + LIST_TTL_MS
    unsigned = identity.encode_map(
        VERSION, record.account_id, seq, prev_hash, *times, recovery, [record.hash]
    )
    return identity.sign_list(key, unsigned)


def is_recovered(device_list: DeviceList) -> bool:
    """Whether a list is one of an account that was recovered (ACC-63, ACC-66)."""
    return device_list.seq > RECOVERED_FROM


def has_replaced(found: DeviceList, held: DeviceList, records: Iterable[RecordHash]) -> bool:
    """Whether a list of our own account says that another device has it now: `records` are ours (ACC-67)."""
    is_later = found.seq >= held.seq and found.hash != held.hash
    return is_later and not any(one in found.record_hashes for one in records)
