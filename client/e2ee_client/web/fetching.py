"""One request for a file of a site: bounded in size and time; no redirect is followed, no cookie is kept."""

from __future__ import annotations

import http.client
import re
import ssl
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from e2ee_client.rooms.exchange import encode_request, exchange, read_answer

TIME_LIMIT_S: Final = 20.0
ALL_LIMIT_S: Final = 180.0
"""All requests of one command together."""
_FRAME_MAX_B: Final = 4096
"""What a coding may add to bytes that it cannot shorten."""
_CODING: Final = "content-encoding"
_HEAD: Final = re.compile(
    rb"HTTP/1\.[01] [2-9][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?\r?\n"
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r?\n)*\r?\n"
)
"""A head that all programs read alike."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
OK: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came; `body` has one byte more than was asked for where there is more. `headers` have names in
    small letters, in their order. `unread` is a coding that was asked for, in which `body` still is.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    is_whole: bool
    unread: str = ""

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
    """Nothing came that could be looked at.

    `code` is unreachable, certificate, slow, not_http or odd_head.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def fetch(
    origin: str,
    path: str,
    max_b: int,
    *,
    headers: Sequence[str] = (),
    codings: Sequence[str] = (),
    ssl_context: ssl.SSLContext | None = None,
    time_limit_s: float = TIME_LIMIT_S,
) -> Answer:
    """Ask for a path, in one of `codings` where there are some, and read at most one byte more than `max_b`.

    Raises:
        NoAnswer.
    """
    asked = f"Accept-Encoding: {', '.join(codings) or 'identity'}"
    request = encode_request("GET", origin, path, asked, *headers)
    try:
        received = await exchange(origin, request, max_b + 1, time_limit_s, ssl_context)
    except ssl.SSLError:
        raise NoAnswer("certificate") from None
    except TimeoutError:
        raise NoAnswer("slow") from None
    except (OSError, UnicodeError, ValueError):
        raise NoAnswer("unreachable") from None
    try:
        answer = _read(received, max_b + _FRAME_MAX_B if codings else max_b)
    except (http.client.HTTPException, ValueError):
        raise NoAnswer("not_http") from None
    # `http.client` takes what follows a line that is no header for a body; browsers go on (CNS-66).
    if _HEAD.match(received) is None:
        raise NoAnswer("odd_head")
    return _decoded(answer, codings, max_b)


def _read(received: bytes, max_b: int) -> Answer:
    response = read_answer(received, "GET")
    named = tuple((name.lower(), value.strip()) for name, value in response.getheaders())
    try:
        body = response.read(max_b + 1)
        is_whole = len(body) > max_b or response.length in (None, 0)
    except http.client.IncompleteRead as cut:
        body, is_whole = cut.partial, False
    return Answer(response.status, named, body, is_whole)


def _decoded(answer: Answer, codings: Sequence[str], max_b: int) -> Answer:
    """The answer as a browser has it, if it is in a coding that was asked for (CNS-65)."""
    coding = ", ".join(answer.values(_CODING)).lower()
    if coding not in codings:
        return replace(answer, body=answer.body[: max_b + 1])
    headers = tuple((name, value) for name, value in answer.headers if name != _CODING)
    if coding != "gzip":
        return replace(answer, headers=headers, body=b"", unread=coding)
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        body = decoder.decompress(answer.body, max_b + 1)
    except zlib.error:
        return replace(answer, headers=headers, body=b"", is_whole=False)
    is_whole = answer.is_whole and decoder.eof and not decoder.unused_data
    return replace(answer, headers=headers, body=body, is_whole=is_whole)
