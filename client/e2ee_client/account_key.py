"""An account key kept away from its device: exported once, signs what is asked for (ID-12, ACC-26)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from e2ee import identity
from e2ee.errors import E2eeError
from e2ee.ports import Rng
from e2ee.rooms import assets, mandate, notice
from e2ee.secret import AccountKey
from e2ee.wire import cbor
from e2ee_client.errors import BackupCorrupt, ConfigError
from e2ee_client.store import MODERATE, KdfProfile, Passphrase, backup

_KIND: Final = "sealroom account key"
_MAX_B: Final = 128


def seal(key: AccountKey, passphrase: str, rng: Rng, kdf_profile: KdfProfile = MODERATE) -> bytes:
    """Return a file, in the format of backups, that holds nothing but the account key (STO-24)."""
    return backup.seal(Passphrase(passphrase), cbor.encode([_KIND, key.expose()]), rng, kdf_profile)


def sign_renewal(exported: bytes, passphrase: str, request: bytes, *, recovered: bool = False) -> bytes:
    """Sign `Client.renewal_request()` with an exported account key; `Client.install_list` takes the result.

    Takes about a second. Look at what is signed: the request names the devices of the account for the next
    30 days. A number above 2^30, which strikes off all older devices, is signed for an account that was
    `recovered` by its code, and for no other (ACC-73).

    Raises:
        BackupWrongKey, BackupCorrupt, BackupTooNew: the file does not open, or is none of an account key.
        ConfigError: the request is not a device list of this account, or one of such a number.
    """

    def sign(key: AccountKey) -> bytes:
        signed = identity.sign_list(key, request)
        if signed.seq > identity.RECOVERED_FROM and not recovered:
            raise ConfigError("a list of such a number is that of an account that was recovered")
        return signed.signed

    return _signed(exported, passphrase, sign)


def sign_mandate(exported: bytes, passphrase: str, request: bytes) -> bytes:
    """Sign `Company.mandate_request()` with an exported account key, for `Company.install_mandate`.

    Look at what is signed: it names who supervises, and lets one device say who acts, for the next 90 days.

    Raises:
        BackupWrongKey, BackupCorrupt, BackupTooNew: the file does not open, or is none of an account key.
        ConfigError: the request is not a mandate of this account.
    """
    return _signed(exported, passphrase, lambda key: mandate.sign_mandate(key, request).signed)


def sign_notice(exported: bytes, passphrase: str, request: bytes) -> bytes:
    """Sign `Company.notice_request()` with an exported account key, for `Company.install_notice`.

    Raises:
        BackupWrongKey, BackupCorrupt, BackupTooNew: the file does not open, or is none of an account key.
        ConfigError: the request is not a notice of this account.
    """
    return _signed(exported, passphrase, lambda key: notice.sign_next_notice(key, request).signed)


def sign_assets(exported: bytes, passphrase: str, request: bytes) -> bytes:
    """Sign `Company.assets_request()` with an exported account key.

    Raises:
        BackupWrongKey, BackupCorrupt, BackupTooNew: the file does not open, or is none of an account key.
        ConfigError: the request is no list of files of this account.
    """
    return _signed(exported, passphrase, lambda key: assets.sign_assets(key, request).signed)


def open_(exported: bytes, passphrase: str) -> AccountKey:
    """Return the account key that a file holds.

    Raises:
        BackupWrongKey, BackupCorrupt, BackupTooNew: it does not open, or is none of an account key.
    """
    opened = backup.open_(Passphrase(passphrase), exported)
    try:
        kind, seed = _pair(cbor.decode(opened, _MAX_B))
        key = AccountKey(seed)
    except E2eeError:
        raise BackupCorrupt("the file holds no account key") from None
    if kind != _KIND:
        raise BackupCorrupt("the file holds no account key")
    return key


def _signed(exported: bytes, passphrase: str, sign: Callable[[AccountKey], bytes]) -> bytes:
    key = open_(exported, passphrase)
    try:
        return sign(key)
    except E2eeError as error:
        raise ConfigError(f"the request does not fit this account: {error.code}") from None


def _pair(value: cbor.Value) -> tuple[str, bytes]:
    match value:
        case [str(kind), bytes(seed)]:
            return kind, seed
        case _:
            raise BackupCorrupt("the file holds no account key")
