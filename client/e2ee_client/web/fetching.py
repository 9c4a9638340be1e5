"""One request for a file of a site: bounded in size and time; no redirect is followed, no cookie is kept."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from e2ee_client.rooms.exchange import encode_request, exchange, read_answer

TIME_LIMIT_S: Final = 20.0
ALL_LIMIT_S: Final = 180.0
"""All requests of one command together."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
OK: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came; `body` has one byte more than was asked for where there is more. `headers` have names in
    small letters, in their order.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    is_whole: bool

    def values(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for found, value in self.headers if found == name]

    @property
    def target(self) -> str | None:
        """Where a redirect points to; None if this is none."""
        if self.status not in _REDIRECTS:
            return None
        return "".join(self.values("location")[:1])


class NoAnswer(Exception):
    """Nothing came that could be looked at: `code` is unreachable, certificate, slow, or not_http."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def fetch(
    origin: str,
    path: str,
    max_b: int,
    *,
    headers: Sequence[str] = (),
    ssl_context: ssl.SSLContext | None = None,
    time_limit_s: float = TIME_LIMIT_S,
) -> Answer:
    """Ask for a path and read at most one byte more than `max_b`.

    Raises:
        NoAnswer.
    """
    request = encode_request("GET", origin, path, "Accept-Encoding: identity", *headers)
    try:
        received = await exchange(origin, request, max_b + 1, time_limit_s, ssl_context)
    except ssl.SSLError:
        raise NoAnswer("certificate") from None
    except TimeoutError:
        raise NoAnswer("slow") from None
    except (OSError, UnicodeError, ValueError):
        raise NoAnswer("unreachable") from None
    try:
        return _read(received, max_b)
    except (http.client.HTTPException, ValueError):
        raise NoAnswer("not_http") from None


def _read(received: bytes, max_b: int) -> Answer:
    response = read_answer(received, "GET")
    named = tuple((name.lower(), value.strip()) for name, value in response.getheaders())
    try:
        body = response.read(max_b + 1)
        is_whole = len(body) > max_b or response.length in (None, 0)
    except http.client.IncompleteRead as cut:
        body, is_whole = cut.partial, False
    return Answer(response.status, named, body, is_whole)
