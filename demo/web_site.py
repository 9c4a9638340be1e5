"""A small web server in memory, on the loopback address alone: of files, or of what a function answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, NamedTuple, Self, TypeAlias

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_ANY: Final = "application/octet-stream"
_POLL_S: Final = 0.02


@dataclass(slots=True)
class Answer:
    """What is answered; `raw` in the place of all of it."""

    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    raw: bytes | None = None

    def encoded(self) -> bytes:
        """Return the bytes on the wire."""
        if self.raw is not None:
            return self.raw
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        head = f"HTTP/1.1 {self.status} x\r\n{lines}Content-Length: {len(self.body)}\r\n\r\n"
        return head.encode("latin-1") + self.body


class Asked(NamedTuple):
    """A request; its headers by names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Answers: TypeAlias = Callable[[Asked], Answer | None]


class LocalServer:
    """Answers at a port of this machine until it is closed; None answers nothing for as long."""

    def __init__(self, answers: Answers, port: int = 0) -> None:
        self._is_over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(answers, self._is_over))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def close(self) -> None:
        """Serve no more."""
        self._is_over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _handler(answers: Answers, is_over: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = answers(Asked(self.command, self.path.partition("?")[0], headers, body))
            if answer is None:
                is_over.wait()
                self.close_connection = True
                return
            self.close_connection = self.close_connection or answer.raw is not None
            try:
                self.wfile.write(answer.encoded())
            except ConnectionError:
                self.close_connection = True  # who has read enough hangs up

        do_POST = do_GET  # noqa: N815  # the library's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
            """Nothing is written about requests."""

    return Handler


class WebSite(LocalServer):
    """Serves files by their paths, under any name of this machine; headers of the site go with each of them.

    `files` may be changed while it serves. `requests` are "GET /path" in the order of their coming,
    `reports` the bodies of what was posted (a policy's `report-uri /reports`).
    """

    def __init__(
        self, files: Mapping[str, bytes | Answer], headers: Mapping[str, str] | None = None, port: int = 0
    ) -> None:
        self.files = dict(files)
        self.headers = dict(headers or {})
        self.requests: list[str] = []
        self.reports: list[bytes] = []
        super().__init__(self._answer, port)

    def origin(self, host: str = "localhost") -> str:
        """The origin under a name: `localhost` or anything that ends with `.localhost`."""
        return f"http://{host}:{self.port}"

    def url(self, path: str = "/", host: str = "localhost") -> str:
        """The address of a path under a name."""
        return f"{self.origin(host)}{path}"

    def _answer(self, asked: Asked) -> Answer:
        if asked.method == "POST":
            self.reports.append(asked.body)
            return Answer(status=204)
        self.requests.append(f"GET {asked.path}")
        # What a browser looks for by itself is no fault of a page.
        found = self.files.get(asked.path, Answer(status=204 if asked.path == "/favicon.ico" else 404))
        answer = found if isinstance(found, Answer) else Answer(found)
        kind = {"Content-Type": type_of(asked.path)}
        return Answer(answer.body, {**kind, **self.headers, **answer.headers}, answer.status, answer.raw)


def type_of(path: str) -> str:
    """Return the media type that goes with the ending of a path; a folder has a page."""
    return _TYPES.get("html" if path.endswith("/") else path.rpartition(".")[2], _ANY)
