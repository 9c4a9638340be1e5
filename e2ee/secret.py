"""Secrets: one type per role, redacted, neither copied nor pickled nor hashed."""

from __future__ import annotations

import hmac
from typing import ClassVar, NoReturn

from .errors import InvalidArgument


class _Role(type):
    """A class whose objects take no attributes but those that it names in `__slots__`."""

    def __new__(cls, name: str, bases: tuple[type, ...], names: dict[str, object]) -> _Role:
        return super().__new__(cls, name, bases, {"__slots__": (), **names})


class Secret(metaclass=_Role):
    """Bytes that must not leak; `expose` is the only way out. Compared in constant time (PRM-10)."""

    __slots__ = ("_value",)
    SIZE_B: ClassVar[int] = 32

    def __init__(self, value: bytes) -> None:
        if len(value) != self.SIZE_B:
            raise InvalidArgument(f"{type(self).__name__} has {self.SIZE_B} bytes")
        self._value = value

    def expose(self) -> bytes:
        """Return the raw bytes."""
        return self._value

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a secret must not become a key of a mapping

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is neither copied nor serialised")

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = _refuse


class DhPrivateKey(Secret):
    """X25519 private key: identity key, signed prekey, one-time prekey or ephemeral key."""


class RatchetPrivateKey(Secret):
    """X25519 private key of one ratchet step."""


class SigningKey(Secret):
    """Ed25519 seed of a device."""


class AccountKey(Secret):
    """Ed25519 seed of an account; may be kept offline."""


class RecoveryKey(Secret):
    """Ed25519 seed that can sign a successor of an account (ID-13)."""


class RosterKey(Secret):
    """Ed25519 seed of a front desk: signs rosters and channels, while a mandate names it (ACC-02)."""


class LoginKey(Secret):
    """Ed25519 seed of a company's web server: signs login tokens, while a mandate names it (ACC-06)."""


class InviteSecret(Secret):
    """What the code of an invite is made of; for one device, ten minutes (ACC-31)."""

    SIZE_B: ClassVar[int] = 16


class RecoverySecret(Secret):
    """The r of a recovery code, from which a customer's account key follows (ACC-60)."""

    SIZE_B: ClassVar[int] = 16


class HedgeSecret(Secret):
    """Key that hedges the ephemeral keys of one device (HS-13); never in a backup."""


class RootKey(Secret):
    """Root of a ratchet."""


class ChainKey(Secret):
    """Key of a chain, replaced with each message."""


class EpochSecret(Secret):
    """KEM secret of one epoch, until a root step mixes it (PQ-03)."""


class HeaderKey(Secret):
    """Key from which the header keys and the tag of a chain come."""


class MessageKey(Secret):
    """Key of one message number, kept only while the message is missing."""


class FileKey(Secret):
    """Key of one sealed file, told to all who may open it (FIL-03)."""
