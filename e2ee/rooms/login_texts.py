"""What stands between a page and its web server as text: challenge, token, and the server's key (CNS-55)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from e2ee import labels
from e2ee.constants import ACCOUNT_ID_B, DEVICE_ID_B
from e2ee.errors import DecodeError
from e2ee.ids import AccountId, DeviceId
from e2ee.primitives import kdf
from e2ee.secret import LoginKey
from e2ee.wire.fields import MAX_MS

from .checks import MAX_SEQ
from .entry import ROOM_ID_B, RoomId
from .login import CHALLENGE_B, LOGIN_MAX_B, Challenge

_CHECK_B: Final = 5
_ASKED: Final = re.compile("sealroom:login\\?v=1&c=(?P<text>[A-Za-z0-9_-]{156})")
_KEY: Final = re.compile("sealroom:login-key\\?v=1&k=(?P<text>[A-Za-z0-9_-]{108})")
_TOKEN: Final = re.compile("[A-Za-z0-9_-]{1,1600}")
_SPACES: Final = "\t\n\r "
Check: TypeAlias = Callable[[bytes], bytes]


def challenge_text(asked: Challenge) -> str:
    """Return a challenge as a page hands it to its web server, 177 characters."""
    return f"sealroom:login?v=1&c={_checked(_ask_check, b''.join(asked))}"


def parse_challenge(text: str) -> Challenge:
    """Read a challenge.

    Raises:
        DecodeError: none, or a damaged one.
    """
    packed = _unpacked(_ASKED, _ask_check, text)
    found = list[bytes]()
    for size_b in (ACCOUNT_ID_B, ACCOUNT_ID_B, DEVICE_ID_B, ROOM_ID_B, CHALLENGE_B):
        found.append(packed[:size_b])
        packed = packed[size_b:]
    company, customer, device_id, room, nonce = found
    return Challenge(AccountId(company), AccountId(customer), DeviceId(device_id), RoomId(room), nonce)


@dataclass(frozen=True, slots=True)
class IssuingKey:
    """What a web server signs with: the login key, its mandate, and until when that counts."""

    company: AccountId
    mandate_seq: int
    expires_ms: int
    key: LoginKey = field(repr=False)

    def text(self) -> str:
        """Return it as text, 133 characters: a secret."""
        numbers = self.mandate_seq.to_bytes(4, "big") + self.expires_ms.to_bytes(8, "big")
        packed = self.company + numbers + self.key.expose()
        return f"sealroom:login-key?v=1&k={_checked(_key_check, packed)}"

    @classmethod
    def parse(cls, text: str) -> IssuingKey:
        """Read the text.

        Raises:
            DecodeError: none, or a damaged one.
        """
        packed = _unpacked(_KEY, _key_check, text)
        company, rest = AccountId(packed[:ACCOUNT_ID_B]), packed[ACCOUNT_ID_B:]
        mandate_seq, expires_ms = int.from_bytes(rest[:4], "big"), int.from_bytes(rest[4:12], "big")
        if not 1 <= mandate_seq <= MAX_SEQ or expires_ms > MAX_MS:
            raise DecodeError("the key of no mandate")
        return cls(company, mandate_seq, expires_ms, LoginKey(rest[12:]))


def token_text(signed: bytes) -> str:
    """Return a signed token as base64url without padding."""
    return base64.urlsafe_b64encode(signed).decode("ascii").rstrip("=")


def parse_token(text: str) -> bytes:
    """Return the bytes of a signed token, whose one spelling this is.

    Raises:
        DecodeError.
    """
    stripped = text.strip(_SPACES)
    if _TOKEN.fullmatch(stripped) is None or len(stripped) % 4 == 1:
        raise DecodeError("not a login token")
    signed = base64.urlsafe_b64decode(stripped + "=" * (-len(stripped) % 4))
    if len(signed) > LOGIN_MAX_B or token_text(signed) != stripped:
        raise DecodeError("not a login token")
    return signed


def _ask_check(packed: bytes) -> bytes:
    return kdf.hash_(labels.LOGIN_ASK, packed)[:_CHECK_B]


def _key_check(packed: bytes) -> bytes:
    return kdf.hash_(labels.LOGIN_KEY, packed)[:_CHECK_B]


def _checked(check: Check, packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed + check(packed)).decode("ascii")


def _unpacked(form: re.Pattern[str], check: Check, text: str) -> bytes:
    match = form.fullmatch(text.strip(_SPACES))
    if match is None:
        raise DecodeError("not of this form")
    decoded = base64.urlsafe_b64decode(match["text"])
    packed, given = decoded[:-_CHECK_B], decoded[-_CHECK_B:]
    if not kdf.equal(check(packed), given):
        raise DecodeError("damaged")
    return packed
