"""A site as it is served, held against the assets that its company has signed (CNS-62 to CNS-64).

What is seen is what these requests were answered; who serves can answer others otherwise. So each file is
asked for as several browsers ask, too.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from e2ee.errors import Expired, IdentityMismatch, ListFork, ListRollback, RemoteError
from e2ee.ids import AccountId
from e2ee.rooms.assets import ASSETS_MAX_B, Asset, Assets, Place
from e2ee.rooms.door import DOOR_MAX_B, stated_account
from e2ee_client.rooms.doors import PATH as DOOR_PATH
from e2ee_client.rooms.doors import open_door
from e2ee_client.rooms.errors import DoorError
from e2ee_client.rooms.exchange import is_on_this_machine

from .fetching import ALL_LIMIT_S, OK, Answer, NoAnswer, fetch
from .findings import Finding
from .headers import is_odd
from .site import ASSETS_PATH

SOON_MS: Final = 14 * 86_400_000
_NAVIGATES: Final = ("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe")
BROWSERS: Final[dict[str, tuple[str, ...]]] = {
    "": (),
    "Chrome": (
        "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/142.0.0.0 Safari/537.36",
        "Accept-Language: de-DE,de;q=0.9",
        *_NAVIGATES,
    ),
    "Firefox": (
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept-Language: en-GB,en;q=0.5",
        *_NAVIGATES,
    ),
    "iPhone": (
        "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
        "Accept-Language: de-DE,de;q=0.9",
        *_NAVIGATES,
    ),
}
"""As whom files are asked for; the first one says nothing of itself."""
CODINGS: Final[dict[str, tuple[str, ...]]] = {
    "Chrome": ("gzip", "deflate", "br", "zstd"),
    "Firefox": ("gzip",),
    "iPhone": ("gzip",),
}
"""In which codings they ask; two for gzip alone, as others are not read here."""
_MEDIA: Final = {
    "html": ("text/html",),
    "js": ("text/javascript", "application/javascript"),
    "txt": ("text/plain",),
}
_CHARSETS: Final = ("", "charset=utf-8", 'charset="utf-8"')


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found; `assets` are None where none hold."""

    findings: tuple[Finding, ...]
    assets: Assets | None = None
    requests: int = 0


@dataclass(slots=True)
class Verifier:
    """One look at a site. `account_id` is the company's where it is known, `known` assets from elsewhere;
    `pages` are asked for the launcher in the place of those that are listed.
    """

    origin: str
    now_ms: int
    account_id: AccountId | None = None
    known: Assets | None = None
    pages: Sequence[str] = ()
    ssl_context: ssl.SSLContext | None = None
    all_limit_s: float = ALL_LIMIT_S
    findings: list[Finding] = field(default_factory=list)
    requests: int = 0

    async def run(self) -> Verified:
        """Ask for everything that is listed."""
        assets: Assets | None = None
        try:
            async with asyncio.timeout(self.all_limit_s):
                assets = await self._assets()
                if assets is not None:
                    for listed in assets.files:
                        await self._file(assets, listed)
        except TimeoutError:
            self._found("slow_all", self.origin, str(int(self.all_limit_s)))
        return Verified(tuple(self.findings), assets, self.requests)

    def _found(self, code: str, where: str, what: str = "", seen_by: str = "") -> None:
        self.findings.append(Finding(code, where, what, seen_by))

    # --- the list ---

    async def _assets(self) -> Assets | None:
        account_id = self.account_id or await self._stated()
        if account_id is None:
            return None
        where = f"{self.origin}{ASSETS_PATH}"
        encoded = await self._body(where, ASSETS_PATH, ASSETS_MAX_B)
        if encoded is None:
            return None
        try:
            assets = Assets.verify(account_id, encoded)
        except RemoteError as error:
            self._found("not_signed", where, error.code)
            return None
        self._judge(assets, where)
        return assets

    def _judge(self, assets: Assets, where: str) -> None:
        """Time, origin, and what is known from elsewhere (CNS-62, CNS-63)."""
        try:
            assets.check(self.now_ms, None if is_on_this_machine(self.origin) else self.origin)
            if assets.expires_ms < self.now_ms + SOON_MS:
                self._found("ends_soon", where, day(assets.expires_ms))
        except Expired:
            self._found("expired", where, day(assets.expires_ms))
        except IdentityMismatch:
            self._found("other_origin", where, assets.origin)
        try:
            if self.known is not None:
                assets.check_follows(self.known)
                if assets.seq > self.known.seq:
                    self._found("newer", where, str(assets.seq))
        except ListRollback:
            self._found("older", where, f"{assets.seq} < {self.known.seq if self.known else 0}")
        except ListFork:
            self._found("forked", where, str(assets.seq))

    async def _stated(self) -> AccountId | None:
        """The account that the site itself states, for who knows none."""
        where = f"{self.origin}{DOOR_PATH}"
        encoded = await self._body(where, DOOR_PATH, DOOR_MAX_B)
        if encoded is None:
            return None
        try:
            account_id = stated_account(encoded)
        except RemoteError as error:
            self._found("door", where, error.code)
            return None
        self._found("account_stated", where, account_id.hex())
        return account_id

    async def _body(self, where: str, path: str, max_b: int) -> bytes | None:
        try:
            answer = await self._ask(self.origin, path, max_b, "")
        except NoAnswer as failure:
            self._found(failure.code, where)
            return None
        problem = _not_there(answer, max_b)
        if problem is not None:
            self._found(problem[0], where, problem[1])
            return None
        return answer.body

    async def _ask(self, origin: str, path: str, max_b: int, name: str) -> Answer:
        """Ask as one of `BROWSERS`, in its codings (CNS-65)."""
        self.requests += 1
        context = None if is_on_this_machine(origin) else self.ssl_context
        headers, codings = BROWSERS[name], CODINGS.get(name, ())
        return await fetch(origin, path, max_b, headers=headers, codings=codings, ssl_context=context)

    # --- one file ---

    async def _file(self, assets: Assets, listed: Asset) -> None:
        origins = (self.origin,) if listed.place is Place.ROOM else self._pages(assets)
        for origin in origins:
            where = f"{origin}{listed.path}"
            seen = {name: await self._as(name, origin, assets, listed) for name in BROWSERS}
            self.findings += merged(where, seen)

    def _pages(self, assets: Assets) -> Sequence[str]:
        """Where the launcher is; a site on this machine stands for one whose pages are not asked yet."""
        if self.pages:
            return self.pages
        return () if is_on_this_machine(self.origin) else assets.pages

    async def _as(self, name: str, origin: str, assets: Assets, listed: Asset) -> list[tuple[str, str]]:
        """What is wrong with a file as one program is served it."""
        try:
            answer = await self._ask(origin, listed.path, listed.size_b, name)
        except NoAnswer as failure:
            return [(failure.code, "")]
        found = differences(answer, listed, dict(assets.header_sets[listed.headers]), origin)
        if listed.path == DOOR_PATH and answer.status == OK and not answer.unread:
            found += self._door(answer.body, assets)
        return found

    def _door(self, body: bytes, assets: Assets) -> list[tuple[str, str]]:
        """What is wrong with the door, and whether it ends soon (CNS-04)."""
        origin = None if is_on_this_machine(self.origin) else self.origin
        try:
            door = open_door(body, self.now_ms, origin=origin).door
        except DoorError as error:
            return [("door", error.code)]
        if door.mandate.account_id != assets.account_id:
            return [("door", "door.identity")]
        ends_ms = door.mandate.expires_ms
        return [("door_ends_soon", day(ends_ms))] if ends_ms < self.now_ms + SOON_MS else []


def differences(answer: Answer, listed: Asset, headers: dict[str, str], origin: str) -> list[tuple[str, str]]:
    """Say how an answer is not what is listed: code and value (CNS-64)."""
    problem = _not_there(answer, listed.size_b)
    if problem is not None:
        return [problem]
    found: list[tuple[str, str]] = []
    if answer.unread:
        found.append(("encoded", answer.unread))
    elif hashlib.sha256(answer.body).digest() != listed.sha256:
        found.append(("changed", f"{len(answer.body)} / {listed.size_b}"))
    for name, value in headers.items():
        values = answer.values(name)
        if not values:
            found.append(("header_missing", name))
        elif values != [value]:
            found.append(("header_other", f"{name}: {' | '.join(values)[:300]}"))
    found += [
        ("header_odd", f"{name}: {value[:100]}")
        for name, value in answer.headers
        if is_odd(name, value, headers, listed.place, origin)
    ]
    return found + media_of(answer, listed.path)


def media_of(answer: Answer, path: str) -> list[tuple[str, str]]:
    """A browser takes the last of several types, and a charset before that of the page."""
    wanted = _MEDIA.get(path.rpartition(".")[2])
    said = ", ".join(answer.values("content-type")).lower()
    kind, _, charset = said.partition(";")
    if wanted is None or (kind.strip() in wanted and charset.strip() in _CHARSETS):
        return []
    return [("media_type", said[:100])]


def _not_there(answer: Answer, max_b: int) -> tuple[str, str] | None:
    if answer.target is not None:
        return "redirect", answer.target[:200]
    if answer.status != OK:
        return "status", str(answer.status)
    if len(answer.body) > max_b:
        return "larger", str(max_b)
    return None if answer.is_whole else ("cut", str(len(answer.body)))


def merged(where: str, seen: dict[str, list[tuple[str, str]]]) -> Iterable[Finding]:
    """One finding for what all programs were served, and else the names of those that were."""
    every = dict.fromkeys(one for found in seen.values() for one in found)
    for code, what in every:
        names = [name or "-" for name, found in seen.items() if (code, what) in found]
        yield Finding(code, where, what, "" if len(names) == len(seen) else ", ".join(names))


def day(time_ms: int) -> str:
    """Return the day of a time, by UTC."""
    last = datetime.max.replace(tzinfo=UTC).timestamp()
    return datetime.fromtimestamp(min(time_ms / 1000, last), UTC).strftime("%Y-%m-%d")
