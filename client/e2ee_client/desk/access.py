"""Who may use the page: a token that works once, then a cookie and a key of the page, which go together.

A cookie of this host goes to every port of it, so that another program of this machine can collect it; what
the page keeps belongs to its origin alone, port included. Neither is of use without the other.
What needs the cookie stands below a path of this desk, so that a browser sends no desk the cookies of others.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

COOKIE: Final = "sealroom-desk"
TOKEN_MS: Final = 10 * 60_000
MAX_SESSIONS: Final = 8
_SECRET_B: Final = 32


class Halves(NamedTuple):
    """A session: what the browser sends by itself, and what the page sends."""

    cookie: str
    key: str


@dataclass(slots=True)
class Access:
    """The token that is out, and the sessions of this run; nothing of it is kept."""

    rng: Callable[[int], bytes] = field(repr=False)
    now_ms: Callable[[], int]
    path: str
    """What is below it gets the cookie; another desk on this machine has another."""
    _token: str = field(default="", repr=False)
    _ends_ms: int = 0
    _sessions: list[Halves] = field(default_factory=list, repr=False)

    def new_token(self) -> str:
        """Return a token for ten minutes; one that was out before is worth nothing."""
        self._token, self._ends_ms = self.rng(_SECRET_B).hex(), self.now_ms() + TOKEN_MS
        return self._token

    def exchange(self, token: str, cookie: str) -> Halves | None:
        """Return a session for the token, once; a browser that has a session goes on with it."""
        is_right = _same(token, self._token) and self.now_ms() < self._ends_ms and self._token != ""
        if not is_right:
            return None
        self._token = ""
        known = self._of_cookie(cookie)
        if known is not None:
            return known
        made = Halves(self.rng(_SECRET_B).hex(), self.rng(_SECRET_B).hex())
        self._sessions = [*self._sessions, made][-MAX_SESSIONS:]
        return made

    def knows_cookie(self, cookie: str) -> bool:
        """Whether a cookie is that of a session."""
        return self._of_cookie(cookie) is not None

    def holds(self, cookie: str, key: str) -> bool:
        """Whether both halves are of one session."""
        return any(_same(one.cookie, cookie) & _same(one.key, key) for one in self._sessions)

    def _of_cookie(self, cookie: str) -> Halves | None:
        return next((one for one in self._sessions if _same(one.cookie, cookie)), None)


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(errors="replace"), right.encode(errors="replace"))
