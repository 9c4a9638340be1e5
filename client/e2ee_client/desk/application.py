"""The application: files of the page, the exchange of the token, downloads, and the connection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from .access import COOKIE, Access
from .assets import Asset
from .file_routes import file_routes
from .gate import Gate
from .hub import Hub
from .link import link

_EXCHANGE_MAX_B: Final = 1024


def application(hub: Hub, access: Access, assets: Mapping[str, Asset], host: str) -> Starlette:
    """Return the application for one host, such as `127.0.0.1:8000`."""

    async def asset(request: Request) -> Response:
        found = assets[request.url.path]
        return Response(found.data, media_type=found.media_type)

    async def no_picture(_: Request) -> Response:
        """Browsers ask for a picture of the page by themselves; there is none."""
        return Response(status_code=204)

    async def session(request: Request) -> Response:
        """Give a session for the token; the cookie is out of reach of scripts and of other sites."""
        made = access.exchange(await _token(request), request.cookies.get(COOKIE, ""))
        if made is None:
            raise HTTPException(401)
        answer = JSONResponse({"key": made.key})
        answer.set_cookie(COOKIE, made.cookie, path=access.path, httponly=True, samesite="strict")
        return answer

    async def connected(socket: WebSocket) -> None:
        await link(socket, access, hub)

    ours = [Route("/session", session, methods=["POST"]), WebSocketRoute("/link", connected)]
    routes = [Route(path, asset) for path in assets]
    routes.append(Route("/favicon.ico", no_picture))
    return Starlette(
        routes=[*routes, Mount(access.path, routes=[*ours, *file_routes(hub, access)])],
        middleware=[Middleware(Gate, host=host)],
        exception_handlers={HTTPException: _said},
    )


async def _said(_: Request, failure: Exception) -> Response:
    status = failure.status_code if isinstance(failure, HTTPException) else 500
    return Response(b"refused\n", status, media_type="text/plain; charset=utf-8")


async def _token(request: Request) -> str:
    """Read `{"token": text}` of at most a kilobyte; nothing else is one."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > _EXCHANGE_MAX_B:
            raise HTTPException(413)
    try:
        found: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise HTTPException(400) from None
    if not isinstance(found, dict) or found.keys() != {"token"} or not isinstance(found["token"], str):
        raise HTTPException(400)
    return found["token"]
