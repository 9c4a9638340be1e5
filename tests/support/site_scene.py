"""The site of a practice in a folder, and a server on this machine that serves it, or something else."""

from __future__ import annotations

import base64
import hashlib
import json
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from e2ee_client.web.built import Built, read
from e2ee_client.web.settings import SiteSettings, settings_of

from e2ee.rooms.assets import Assets, HeaderSet, Place

ROOM: Final = "https://chat.praxis.example"
PAGES: Final = ("https://praxis.example", "https://www.praxis.example")
SETTINGS: Final[Mapping[str, Any]] = {
    "room": ROOM,
    "pages": list(PAGES),
    "language": "de",
    "team": "Empfang",
    "channels": {"phone": "+49 30 1234", "email": "praxis@praxis.example"},
    "hours": {"de": "8 bis 12"},
}
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'none'; img-src blob:; "
    "connect-src 'self' {relay}; worker-src 'self'; frame-ancestors {pages}; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types seal",
    "Cross-Origin-Resource-Policy": "same-site",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def settings(**changes: Any) -> SiteSettings:
    """The settings of the practice."""
    return settings_of({**SETTINGS, **changes})


def write_built(folder: Path, release: str = "one") -> Path:
    """Write what a build gives, with small files that differ by release."""
    folder.mkdir(parents=True)
    mark = hashlib.sha256(release.encode()).hexdigest()[:16]
    files = {
        f"launcher-{mark}.js": f"/* launcher {release} */",
        f"vault-{mark}.js": f"/* vault {release} */",
        f"file_service-{mark}.js": f"/* files {release} */",
        "room.html": f'<!doctype html><script type="module" src="vault-{mark}.js"></script>',
        "third-party.txt": "MIT",
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    listed = {
        name: "sha384-" + base64.b64encode(hashlib.sha384(text.encode()).digest()).decode()
        for name, text in files.items()
    }
    manifest = {"launcher": f"launcher-{mark}.js", "vault": "room.html", "files": listed, "headers": HEADERS}
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def built(folder: Path, release: str = "one") -> Built:
    """What `write_built` has written."""
    return read(write_built(folder, release))


@dataclass(slots=True)
class Reply:
    """What a server answers; `raw` in the place of all of it."""

    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    raw: bytes | None = None

    def encoded(self) -> bytes:
        """Return the bytes on the wire."""
        if self.raw is not None:
            return self.raw
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return (
            f"HTTP/1.1 {self.status} x\r\n{lines}Content-Length: {len(self.body)}\r\n\r\n".encode()
            + self.body
        )


Alter = Callable[[str, Mapping[str, str], Reply], Reply | None]
_TYPES: Final = {"html": "text/html; charset=utf-8", "js": "text/javascript", "txt": "text/plain"}


class Server:
    """Serves `replies` by their paths on 127.0.0.1. `alter` is given path, headers and reply of a request;
    it may answer otherwise, and None answers nothing until the server ends.
    """

    def __init__(self, replies: Mapping[str, Reply]) -> None:
        self.replies = dict(replies)
        self.requests: list[str] = []
        self.alter: Alter = lambda _path, _headers, reply: reply
        self.is_over = threading.Event()
        self._server = _Threaded(("127.0.0.1", 0), _handler(self))
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, path: str, headers: Mapping[str, str]) -> Reply | None:
        """What is answered to a request."""
        self.requests.append(path)
        return self.alter(path, headers, self.replies.get(path, Reply(status=404)))

    def close(self) -> None:
        """Serve no more."""
        self.is_over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Threaded(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def _handler(server: Server) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            first = self.rfile.readline(65_536).decode("latin-1").split(" ")
            headers: dict[str, str] = {}
            while line := self.rfile.readline(65_536).decode("latin-1").strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            reply = (
                server.answer(first[1].partition("?")[0], headers) if len(first) > 1 else Reply(status=400)
            )
            if reply is None:
                server.is_over.wait()
                return
            try:
                self.wfile.write(reply.encoded())
            except (BrokenPipeError, ConnectionResetError):
                return  # who has read enough hangs up

    return Handler


@contextmanager
def serving(replies: Mapping[str, Reply]) -> Iterator[Server]:
    """A server until the block ends."""
    server = Server(replies)
    try:
        yield server
    finally:
        server.close()


def replies_of(folder: Path, assets: Assets) -> dict[str, Reply]:
    """What a server that is set up well answers for the room and for a page of one build, under one host."""
    found: dict[str, Reply] = {}
    for one in assets.files:
        name = "room" if one.place is Place.ROOM else "page"
        data = (folder / name / one.path.removeprefix("/")).read_bytes()
        found[one.path] = Reply(data, {**dict(assets.header_sets[one.headers]), **media_type(one.path)})
    path = "/.well-known/sealroom-assets"
    return {**found, path: Reply(assets.signed, dict(_other(assets)))}


def media_type(path: str) -> dict[str, str]:
    """The type that goes with a file."""
    return {"content-type": _TYPES.get(path.rpartition(".")[2], "application/octet-stream")}


def _other(assets: Assets) -> HeaderSet:
    return assets.header_sets[-1]


def host_of(origin: str) -> str:
    """Host and port of an origin."""
    return urlsplit(origin).netloc
