"""A small server of pages in memory, on the loopback address alone."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
}
_ANY: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Page:
    """What is served under one path; without a type that of the path's ending."""

    data: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = ""


class WebSite:
    """Serves `pages` as long as it is entered, under any name of this machine."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @staticmethod
    def type_of(name: str) -> str:
        """Return the media type of a file name."""
        return _TYPES.get(name.rpartition(".")[2], _ANY)

    def origin(self, host: str) -> str:
        """Return the origin of a host name."""
        return f"http://{host}:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                page = pages.get(path)
                if page is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                kept = {"Content-Type": page.media_type or WebSite.type_of(path), "Cache-Control": "no-store"}
                for name, value in {**kept, **page.headers, "Content-Length": str(len(page.data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(page.data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
                """Nothing is written about requests."""

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
