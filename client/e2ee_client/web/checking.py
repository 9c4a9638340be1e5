"""Whether a room can work where it is to be: its host, its door, its relay, and the pages around it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from e2ee.rooms.assets import Place
from e2ee.rooms.door import DOOR_MAX_B, Door
from e2ee_client.errors import RelayUnavailable
from e2ee_client.rooms.doors import PATH as DOOR_PATH
from e2ee_client.rooms.doors import open_door
from e2ee_client.rooms.errors import DoorError
from e2ee_client.rooms.exchange import is_on_this_machine
from e2ee_client.runtime.transport import WebSocketTransport

from .built import integrity
from .embedding import Embedding, read_page
from .fetching import ALL_LIMIT_S, OK, Answer, NoAnswer, fetch
from .findings import Finding
from .headers import is_odd
from .origins import is_same_site, origin_of
from .policy import Policy, allows, allows_script, parse_policies, sources_of
from .verifying import SOON_MS, day, media_of

PAGE_MAX_B: Final = 4_194_304
ROOM_MAX_B: Final = 262_144
_CONNECT_S: Final = 10.0
_STRANGER: Final = "https://stranger.example"
_MUST_BE_NONE: Final = ("default-src", "base-uri", "form-action")
_OWN_ONLY: Final = {"'self'", "'none'"}


@dataclass(slots=True)
class Checker:
    """One look at a room's address and at pages that are to embed it."""

    room: str
    pages: Sequence[str]
    now_ms: int
    ssl_context: ssl.SSLContext | None = None
    all_limit_s: float = ALL_LIMIT_S
    findings: list[Finding] = field(default_factory=list)

    async def run(self) -> tuple[Finding, ...]:
        """Look at all of it, and name everything that is wrong."""
        try:
            async with asyncio.timeout(self.all_limit_s):
                await self._all()
        except TimeoutError:
            self._found("slow_all", self.room, str(int(self.all_limit_s)))
        return tuple(self.findings)

    async def _all(self) -> None:
        origin = origin_of(self.room)
        if not await self._is_reached(origin, self.room):
            return
        door = await self._door(origin)
        await self._room(origin, door)
        if door is not None:
            await self._relay(door.notice.relay_url)
        for page in self.pages:
            await self._page(page, origin)

    def _found(self, code: str, where: str, what: str = "") -> None:
        self.findings.append(Finding(code, where, what))

    # --- names and certificates ---

    async def _is_reached(self, origin: str, where: str) -> bool:
        """Whether a host has an address, answers, and has a certificate that holds for a while."""
        parts = urlsplit(origin)
        port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
        context = None
        if parts.scheme in ("https", "wss"):
            context = self.ssl_context or ssl.create_default_context()
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
        except socket.gaierror:
            self._found("no_name", where, parts.hostname or "")
        except ssl.SSLError as error:
            self._found("certificate", where, getattr(error, "verify_message", "") or "")
        except TimeoutError:
            self._found("slow", where)
        except (OSError, UnicodeError):
            self._found("unreachable", where)
        else:
            self._certificate(writer.get_extra_info("peercert"), where)
            writer.transport.abort()
            return True
        return False

    def _certificate(self, certificate: object, where: str) -> None:
        ends = certificate.get("notAfter") if isinstance(certificate, dict) else None
        if (
            isinstance(ends, str)
            and (ends_ms := int(ssl.cert_time_to_seconds(ends)) * 1000) < self.now_ms + SOON_MS
        ):
            self._found("certificate_ends_soon", where, day(ends_ms))

    async def _relay(self, url: str) -> None:
        if not await self._is_reached(url, url):
            return
        await self._is_relay(url)
        if url.startswith("wss://"):
            origin = f"https://{urlsplit(url).netloc}"
            answer = await self._ask(origin, urlsplit(url).path or "/", ROOM_MAX_B, url)
            if answer is not None:
                self._cross_origin(answer, url)

    async def _is_relay(self, url: str) -> None:
        """Whether a room is connected there; what only answers may be a web server that passes nothing on."""
        transport = WebSocketTransport(
            ssl_context=self.ssl_context if url.startswith("wss://") else None,
            proxy=None,
            open_timeout_s=_CONNECT_S,
            close_timeout_s=1,
        )
        try:
            connection = await transport.open(url)
        except RelayUnavailable as failure:
            self._found("no_relay", url, failure.code)
        else:
            await connection.close()

    async def _ask(self, origin: str, path: str, max_b: int, where: str) -> Answer | None:
        context = None if is_on_this_machine(origin) else self.ssl_context
        try:
            return await fetch(origin, path, max_b, headers=(f"Origin: {_STRANGER}",), ssl_context=context)
        except NoAnswer as failure:
            self._found(failure.code, where)
            return None

    # --- the room's host ---

    async def _door(self, origin: str) -> Door | None:
        where = f"{origin}{DOOR_PATH}"
        answer = await self._there(origin, DOOR_PATH, DOOR_MAX_B, where)
        if answer is None:
            return None
        self._cross_origin(answer, where)
        try:
            door = open_door(
                answer.body, self.now_ms, origin=None if is_on_this_machine(origin) else origin
            ).door
        except DoorError as error:
            self._found("door", where, error.code)
            return None
        if door.mandate.expires_ms < self.now_ms + SOON_MS:
            self._found("door_ends_soon", where, day(door.mandate.expires_ms))
        return door

    async def _there(self, origin: str, path: str, max_b: int, where: str) -> Answer | None:
        answer = await self._ask(origin, path, max_b, where)
        if answer is None:
            return None
        if answer.target is not None:
            self._found("redirect", where, answer.target[:200])
        elif answer.status != OK:
            self._found("status", where, str(answer.status))
        elif len(answer.body) > max_b:
            self._found("larger", where, str(max_b))
        else:
            return answer
        return None

    def _cross_origin(self, answer: Answer, where: str) -> None:
        if answer.values("access-control-allow-origin"):
            self._found("cors", where, answer.values("access-control-allow-origin")[0][:100])

    async def _room(self, origin: str, door: Door | None) -> None:
        answer = await self._there(origin, urlsplit(self.room).path or "/", ROOM_MAX_B, self.room)
        if answer is None:
            return
        for name, value in answer.headers:
            if name != "content-security-policy" and is_odd(name, value, {}, Place.ROOM, origin):
                self._found("header_odd", self.room, f"{name}: {value[:100]}")
        wanted = {
            "x-content-type-options": ("nosniff",),
            "referrer-policy": ("no-referrer",),
            "cross-origin-resource-policy": ("same-site", "same-origin"),
            "cross-origin-opener-policy": ("same-origin",),
        }
        for name, choices in wanted.items():
            values = answer.values(name)
            if not values or values[-1].lower() not in choices:
                self._found("header_missing" if not values else "header_other", self.room, name)
        self._policy(origin, answer, door)

    def _policy(self, origin: str, answer: Answer, door: Door | None) -> None:
        policies = parse_policies(answer.values("content-security-policy"))
        if not policies:
            self._found("policy_missing", self.room)
            return
        for name in _MUST_BE_NONE:
            if all(tuple(one.get(name, ())) != ("'none'",) for one in policies):
                self._found("policy_loose", self.room, f"{name} 'none'")
        for name in ("script-src", "worker-src", "style-src"):
            if all(not _is_own(one, name) for one in policies):
                self._found("policy_loose", self.room, f"{name} 'self'")
        if all("require-trusted-types-for" not in one for one in policies):
            self._found("policy_loose", self.room, "require-trusted-types-for 'script'")
        if door is not None and not allows(policies, "connect-src", door.notice.relay_url, origin):
            self._found("policy_relay", self.room, door.notice.relay_url)
        self._ancestors(policies)

    def _ancestors(self, policies: Sequence[Policy]) -> None:
        if all("frame-ancestors" not in one for one in policies):
            self._found("policy_loose", self.room, "frame-ancestors")
        if any("*" in one.get("frame-ancestors", ()) for one in policies):
            self._found("policy_loose", self.room, "frame-ancestors *")
        for page in self.pages:
            if not allows(policies, "frame-ancestors", page, self.room):
                self._found("not_framed", self.room, origin_of(page))

    # --- the pages around it ---

    async def _page(self, page: str, room: str) -> None:
        origin, parts = origin_of(page), urlsplit(page)
        if not is_same_site(page, self.room):
            self._found("other_site", page, room)
        if parts.scheme == "http" and not is_on_this_machine(origin):
            self._found("insecure_page", page)
        if not await self._is_reached(origin, page):
            return
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        answer = await self._there(origin, path, PAGE_MAX_B, page)
        if answer is None:
            return
        found = read_page(answer.body.decode("utf-8", "replace"), page)
        self._isolation(answer, page)
        self._embedding(found, answer, page)
        for launcher in found.launchers[:1]:
            await self._launcher(launcher, page)

    def _isolation(self, answer: Answer, page: str) -> None:
        """A page that is isolated takes frames only that say so themselves."""
        embedder = [one.partition(";")[0].strip() for one in answer.values("cross-origin-embedder-policy")]
        if {"require-corp", "credentialless"} & set(embedder):
            self._found("isolated", page, embedder[0])

    def _embedding(self, found: Embedding, answer: Answer, page: str) -> None:
        if not found.launchers or not found.rooms:
            self._found("not_embedded", page, "<script>" if not found.launchers else "<seal-room>")
        for one in found.insecure:
            if not is_on_this_machine(origin_of(one)):
                self._found("insecure_part", page, one[:200])
        policies = parse_policies([*answer.values("content-security-policy"), *found.policies])
        for button in found.rooms:
            self._button(button, policies, page)
        for script in found.launchers:
            if not allows_script(policies, script, page):
                self._found("page_policy", page, f"script-src {script['src'][:200]}")

    def _button(self, button: dict[str, str], policies: Sequence[Policy], page: str) -> None:
        if button["src"] != self.room:
            self._found("other_room", page, button["src"][:200])
        if not button.get("account"):
            self._found("no_account", page)
        if not allows(policies, "frame-src", self.room, page):
            self._found("page_policy", page, f"frame-src {origin_of(self.room)}")

    async def _launcher(self, launcher: dict[str, str], page: str) -> None:
        said, address = launcher.get("integrity", ""), launcher["src"]
        if not said:
            self._found("no_integrity", page)
        parts = urlsplit(address)
        answer = await self._there(origin_of(address), parts.path or "/", ROOM_MAX_B, address)
        if answer is None:
            return
        if said and integrity(answer.body) not in said.split():
            self._found("integrity", address, said[:100])
        for code, what in media_of(answer, parts.path):
            self._found(code, address, what)
        # A module of another origin is fetched by the rules for strangers.
        if origin_of(address) != origin_of(page) and answer.values("access-control-allow-origin") != ["*"]:
            self._found("other_host", address, origin_of(page))


def _is_own(policy: Policy, directive: str) -> bool:
    """Whether a policy lets in nothing from elsewhere, and nothing inline."""
    sources = sources_of(policy, directive)
    return sources is not None and set(sources) <= _OWN_ONLY
