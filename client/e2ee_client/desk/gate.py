"""What every request passes: one host, one origin, few methods; and the headers of every answer."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS: Final = frozenset({"GET", "HEAD", "POST"})
_REFUSED: Final = b"refused\n"
_FOREIGN: Final = 4403


def policy(origin: str) -> str:
    """Return the policy of the page: its own scripts, its own connection, no styles but those it makes."""
    socket = "ws" + origin.removeprefix("http")
    parts = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'none'",
        "img-src 'self' blob:",
        f"connect-src 'self' {socket}",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return "; ".join(parts)


class Gate:
    """Passes on what is for `host` by its very name, and, where something may change, from its own page."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app, self._host, self._origin = app, host, f"http://{host}"
        self._headers = [
            (b"content-security-policy", policy(self._origin).encode()),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"cross-origin-embedder-policy", b"require-corp"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            (b"cache-control", b"no-store"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if self._is_ours(scope):
            await self._app(scope, receive, self._sealed(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": _FOREIGN})
        elif scope["type"] == "http":
            await _refuse(self._sealed(send))

    def _is_ours(self, scope: Scope) -> bool:
        """Any other name of this host is DNS rebinding; any other origin is a page of somebody else."""
        if scope["type"] not in ("http", "websocket") or _values(scope, b"host") != [self._host]:
            return False
        if scope["type"] == "http" and scope["method"] not in METHODS:
            return False
        changes = scope["type"] == "websocket" or scope["method"] == "POST"
        return not changes or _values(scope, b"origin") == [self._origin]

    def _sealed(self, send: Send) -> Send:
        async def sealing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        return sealing


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for one, value in scope["headers"] if one == name]


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"8")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": _REFUSED})
