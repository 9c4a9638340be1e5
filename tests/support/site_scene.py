"""The site of a practice in a folder, and a server on this machine that serves it, or something else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from e2ee_client.web.built import Built, read
from e2ee_client.web.settings import SiteSettings, settings_of

from demo.web_site import Answer as Reply
from demo.web_site import Asked, LocalServer, type_of
from e2ee.rooms.assets import Assets, HeaderSet, Place

__all__ = [
    "HEADERS", "PAGES", "ROOM", "SETTINGS", "Reply", "Server", "built", "replies_of", "settings",
    "write_built",
]  # fmt: skip

ROOM: Final = "https://chat.praxis.example"
PAGES: Final = ("https://praxis.example", "https://www.praxis.example")
SETTINGS: Final[Mapping[str, Any]] = {
    "room": ROOM,
    "pages": list(PAGES),
    "language": "de",
    "channels": {"phone": "+49 30 1234", "email": "praxis@praxis.example"},
    "hours": {"de": "8 bis 12"},
}
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'none'; img-src blob:; "
    "connect-src 'self' {relay}; worker-src 'none'; frame-ancestors {pages}; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
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
        f"vault-{mark}.js": f"/* vault {release} */\n" * 100,
        f"file_part-{mark}.js": f"/* files {release} */",
        "room.html": f'<!doctype html><script type="module" src="vault-{mark}.js"></script>'
        '<body data-storage="device" data-linkable="no" data-account=""></body>',
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


Alter = Callable[[str, Mapping[str, str], Reply], Reply | None]


class Server(LocalServer):
    """Serves `replies` by their paths on 127.0.0.1. `alter` is given path, headers and reply of a request;
    it may answer otherwise, and None answers nothing until the server ends.
    """

    def __init__(self, replies: Mapping[str, Reply]) -> None:
        self.replies = dict(replies)
        self.requests: list[str] = []
        self.alter: Alter = lambda _path, _headers, reply: reply
        super().__init__(self._answer)
        self.origin = f"http://127.0.0.1:{self.port}"

    def _answer(self, asked: Asked) -> Reply | None:
        self.requests.append(asked.path)
        return self.alter(asked.path, asked.headers, self.replies.get(asked.path, Reply(status=404)))


def replies_of(folder: Path, assets: Assets) -> dict[str, Reply]:
    """What a server that is set up well answers for the room and for a page of one build, under one host."""
    found: dict[str, Reply] = {}
    for one in assets.files:
        name = "room" if one.place is Place.ROOM else "page"
        data = (folder / name / one.path.removeprefix("/")).read_bytes()
        found[one.path] = Reply(
            data, {**dict(assets.header_sets[one.headers]), "content-type": type_of(one.path)}
        )
    path = "/.well-known/sealroom-assets"
    return {**found, path: Reply(assets.signed, dict(_other(assets)))}


def _other(assets: Assets) -> HeaderSet:
    return assets.header_sets[-1]
