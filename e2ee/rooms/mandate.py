"""What a company's account says of its team (chapter 15).

account key --- device list (ID-05): which devices exist
     |--------- mandate: which key signs rosters; supervisors, cleared and suspended devices, origins
roster key ---- roster: who is in force; channels
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from e2ee import labels
from e2ee.constants import KEY_B, MANDATE_TTL_MS, MAX_LIST_RECORDS, VERSION
from e2ee.errors import CounterExhausted, DecodeError, MandateInvalid
from e2ee.identity import account_id_of, check_version, encode_map, signed_bytes, verified
from e2ee.ids import AccountId, DeviceId, SignPublic
from e2ee.primitives import kdf
from e2ee.secret import AccountKey
from e2ee.wire.fields import KEYS, Fields

from .checks import MAX_SEQ, ascending, check_account, check_life, device_ids, is_in_force, page_origin

MANDATE_MAX_B: Final = 2_000
MAX_ORIGINS: Final = 4
_FIRST_SEQ_MS: Final = 1_577_836_800_000
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate whose signature has been verified; `signed` is the whole structure (ACC-01 to ACC-03)."""

    signed: bytes
    account_id: AccountId
    seq: int
    issued_ms: int
    expires_ms: int
    roster_public: SignPublic
    login_public: SignPublic | None
    supervisors: tuple[DeviceId, ...]
    cleared: tuple[DeviceId, ...]
    suspended: tuple[DeviceId, ...]
    origins: tuple[str, ...]
    hash: bytes

    @classmethod
    def verify(cls, account_id: AccountId, signed: bytes) -> Mandate:
        """Verify the signature of a mandate of a given account, then decode it (ID-29).

        Raises:
            BadSignature: not signed by the account key.
            DecodeError, UnsupportedVersion, IdentityMismatch: as ACC-03 says.
        """
        encoded, fields = verified(account_id, labels.SIG_MANDATE, signed, MANDATE_MAX_B, KEYS[11])
        check_version(fields)
        check_account(fields, account_id)
        seq, issued_ms, expires_ms = fields.uint(3, MAX_SEQ, 1), fields.time_ms(4), fields.time_ms(5)
        check_life(issued_ms, expires_ms, MANDATE_TTL_MS)
        roster_public, login_public = fields.bstr(6, KEY_B), fields.bstr_or_null(7, KEY_B)
        if len({account_id, roster_public, login_public}) < 3:
            raise DecodeError("a key of a mandate in the place of another")
        return cls(
            signed,
            account_id,
            seq,
            issued_ms,
            expires_ms,
            SignPublic(roster_public),
            None if login_public is None else SignPublic(login_public),
            device_ids(fields.array(8, 0, MAX_LIST_RECORDS)),
            device_ids(fields.array(9, 0, MAX_LIST_RECORDS)),
            device_ids(fields.array(10, 0, MAX_LIST_RECORDS)),
            ascending(tuple(page_origin(item) for item in fields.array(11, 0, MAX_ORIGINS))),
            kdf.hash_(labels.MANDATE, encoded),
        )

    def check_time(self, now_ms: int) -> None:
        """Refuse a mandate from the future or past its end; the clock tolerance is allowed (ACC-04).

        Raises:
            MandateInvalid.
        """
        if not is_in_force(self.issued_ms, self.expires_ms, now_ms):
            raise MandateInvalid("the mandate is not valid at this time")

    def precedes(self, other: Mandate) -> bool:
        """Whether the other one counts: the higher number, of equal ones the smaller hash (ACC-05)."""
        return (-other.seq, other.hash) < (-self.seq, self.hash)


class Powers(NamedTuple):
    """What a mandate gives and takes: device ids and origins, each ascending."""

    supervisors: Sequence[DeviceId] = ()
    cleared: Sequence[DeviceId] = ()
    suspended: Sequence[DeviceId] = ()
    origins: Sequence[str] = ()


def next_mandate(
    account_id: AccountId,
    seq: int,
    roster_public: SignPublic,
    login_public: SignPublic | None,
    powers: Powers,
    now_ms: int,
) -> bytes:
    """Return the unsigned bytes of a mandate of 90 days, for an account key to sign; its keys are new
    (ACC-06).
    """
    times, keys = (now_ms, now_ms + MANDATE_TTL_MS), (roster_public, login_public)
    devices = (sorted(set(ids)) for ids in (powers.supervisors, powers.cleared, powers.suspended))
    return encode_map(VERSION, account_id, seq, *times, *keys, *devices, sorted(set(powers.origins)))


def sign_mandate(key: AccountKey, unsigned: bytes) -> Mandate:
    """Sign the bytes of a mandate, where the account key is kept (ACC-01).

    Raises:
        DecodeError, IdentityMismatch: not a mandate of this account.
    """
    return Mandate.verify(account_id_of(key), signed_bytes(key, labels.SIG_MANDATE, unsigned))


def next_seq(last: int, now_ms: int) -> int:
    """Return the number of the next mandate or roster: above the last one, and not below the minutes since
    2020, so that a restored store does not give a number twice (ACC-07).

    Raises:
        CounterExhausted: no number is left; of rosters a new mandate gives them anew.
    """
    seq = max(last + 1, (now_ms - _FIRST_SEQ_MS) // _MINUTE_MS)
    if seq > MAX_SEQ:
        raise CounterExhausted("no number is left")
    return seq


def check_mandate(fields: Fields, mandate: Mandate) -> None:
    """Refuse what names another account under key 2, or another mandate of it under key 3, of one roster key
    in two mandates (ACC-03).

    Raises:
        IdentityMismatch, MandateInvalid. DecodeError: not the id of an account or the number of a mandate.
    """
    check_account(fields, mandate.account_id)
    if fields.uint(3, MAX_SEQ, 1) != mandate.seq:
        raise MandateInvalid("made for another mandate")
