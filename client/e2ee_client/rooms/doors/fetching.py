"""One request to an origin for the door of a company: bounded in size and time, nothing else (CNS-26)."""

from __future__ import annotations

import http.client
import ssl
from typing import Final

from e2ee.grammar import is_origin
from e2ee.rooms.checks import MAX_ORIGIN_B
from e2ee.rooms.door import DOOR_MAX_B
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.errors import (
    DoorCertificate,
    DoorElsewhere,
    DoorError,
    DoorInvalid,
    DoorMissing,
    DoorRefused,
    DoorTooLarge,
    DoorUnreachable,
)
from e2ee_client.rooms.exchange import encode_request, exchange, is_on_this_machine, read_answer

PATH: Final = "/.well-known/sealroom-door"
TIME_LIMIT_S: Final = 20.0
_OK: Final = 200
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


async def fetch_door(
    origin: str, *, ssl_context: ssl.SSLContext | None = None, time_limit_s: float = TIME_LIMIT_S
) -> bytes:
    """Return what an origin serves as its door, at most 262 144 bytes, unverified.

    `ssl_context` replaces the system's settings of TLS, for a company with an authority of its own.

    Raises:
        ConfigError: not an origin: https and a host, or http on this machine.
        DoorUnreachable, DoorCertificate, DoorMissing, DoorRefused, DoorElsewhere, DoorTooLarge, DoorInvalid.
    """
    if len(origin) > MAX_ORIGIN_B or not (is_origin(origin) or is_on_this_machine(origin)):
        raise ConfigError("an origin is https:// and a host, with nothing behind it")
    request = encode_request("GET", origin, PATH, "Accept-Encoding: identity")
    try:
        answer = await exchange(origin, request, DOOR_MAX_B, time_limit_s, ssl_context)
    except ssl.SSLError as error:
        raise DoorCertificate(f"the certificate does not hold ({type(error).__name__})") from None
    except TimeoutError:
        raise DoorUnreachable("the origin does not answer in time") from None
    except (OSError, UnicodeError) as error:
        raise DoorUnreachable(f"the origin cannot be reached ({type(error).__name__})") from None
    return _body(answer)


def _body(answer: bytes) -> bytes:
    """Return the body of an answer of HTTP.

    Raises:
        DoorError.
    """
    try:
        response = read_answer(answer, "GET")
        if response.status != _OK:
            raise _refusal(response)
        body = response.read(DOOR_MAX_B + 1)
        is_whole = response.length in (None, 0)
    except http.client.IncompleteRead:
        raise DoorUnreachable("the answer of the origin was cut short") from None
    except (http.client.HTTPException, ValueError):
        raise DoorInvalid("what answers does not speak HTTP") from None
    if len(body) > DOOR_MAX_B:
        raise DoorTooLarge(f"a door has at most {DOOR_MAX_B} bytes")
    if not is_whole:
        raise DoorUnreachable("the answer of the origin was cut short")
    return body


def _refusal(response: http.client.HTTPResponse) -> DoorError:
    """Return the error for an answer that is not the door; a redirect is not followed (CNS-26)."""
    status = response.status
    if status in _REDIRECTS:
        target = _origin_of(response.getheader("Location") or "")
        return DoorElsewhere("the origin points to another address", origin=target)
    if status == _TOO_MANY or status >= _SERVER_ERROR:
        return DoorRefused(f"the origin answers with a failure (HTTP {status})")
    return DoorMissing(f"the origin has no door (HTTP {status})")


def _origin_of(location: str) -> str | None:
    """Return the origin of an address, if it is one that a door may be fetched from."""
    origin = "/".join(location.split("/", 3)[:3])
    return origin if len(origin) <= MAX_ORIGIN_B and is_origin(origin) else None
