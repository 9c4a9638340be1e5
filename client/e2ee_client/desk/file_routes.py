"""Bytes of files between page and process: given once as a download, taken once to be sent."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from e2ee.errors import E2eeError
from e2ee_client.errors import SealroomError

from .access import COOKIE, Access
from .hub import Hub

_PLAIN: Final = "application/octet-stream"


def file_routes(hub: Hub, access: Access) -> list[Route]:
    """Return the routes of files; each address works once, for a page of a session that is not locked."""

    def check(request: Request) -> None:
        if not access.knows_cookie(request.cookies.get(COOKIE, "")) or hub.is_locked:
            raise HTTPException(401)

    async def file(request: Request) -> Response:
        """Give a file once, as one to be saved: nothing of it is ever shown or run here."""
        check(request)
        found = hub.downloads.take(request.path_params["ticket"])
        if found is None:
            raise HTTPException(404)
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"}
        return Response(found.data, media_type=_PLAIN, headers=headers)

    async def upload(request: Request) -> Response:
        """Take a file to be sent, in blocks; what is refused says its code."""
        check(request)
        offered = hub.uploads.take(request.path_params["ticket"])
        if offered is None:
            raise HTTPException(404)
        try:
            await hub.uploads.receive(offered, request.stream())
        except (SealroomError, E2eeError) as failure:
            retryable = isinstance(failure, SealroomError) and failure.retryable
            return JSONResponse({"code": failure.code, "retryable": retryable}, 422)
        return JSONResponse({"file": offered.file_id.hex()})

    return [Route("/file/{ticket}", file), Route("/upload/{ticket}", upload, methods=["POST"])]
