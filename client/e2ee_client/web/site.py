"""A whole site: which files are served where, with which headers, and how the company lists them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from e2ee.rooms.assets import MAX_AGE, Asset, Assets, HeaderSet, Place, Served
from e2ee.rooms.door import Door
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.doors import PATH as DOOR_PATH
from e2ee_client.rooms.settings import check

from .built import Built, integrity
from .headers import Kind, header_sets
from .notice_pages import notice_pages
from .settings import WHAT, SiteSettings

ASSETS_PATH: Final = "/.well-known/sealroom-assets"
RELAY_PATH: Final = "/relay"
# Scripts carry a hash of their bytes in their names; those of earlier releases stay under theirs.
VERSIONED: Final = re.compile(r"(?:/[A-Za-z0-9._-]+)*/[a-z_]+-[0-9a-f]{16}\.js")
# How a room keeps and whose it is: the built page has a place for it (CNS-84).
_OWN: Final = '<body data-storage="{storage}" data-linkable="{linkable}" data-account="{account}">'
_LABEL: Final = {"de": "Nachricht schreiben", "en": "Write a message"}


class SiteFile(NamedTuple):
    """A file of a site."""

    place: Place
    path: str
    data: bytes
    kind: Kind
    age: int = 0


class Kept(NamedTuple):
    """What was served before: its assets, and the bytes of its scripts by place and path."""

    assets: Assets
    scripts: Mapping[tuple[Place, str], bytes]


@dataclass(frozen=True, slots=True)
class Site:
    """Files and headers, before the company has signed what it serves."""

    settings: SiteSettings
    release: str
    header_sets: tuple[HeaderSet, ...]
    files: tuple[SiteFile, ...]
    launcher: str
    room: str
    account: str

    @property
    def served(self) -> Served:
        """What the company lists."""
        rows = [
            Asset(
                one.place, one.path, len(one.data), hashlib.sha256(one.data).digest(), int(one.kind), one.age
            )
            for one in self.files
        ]
        return Served(self.release, self.settings.room, self.settings.pages, self.header_sets, rows)

    @property
    def snippet(self) -> str:
        """What goes into the company's page."""
        settings = self.settings
        script = next(one for one in self.files if one.path == self.launcher)
        given = {
            "src": f"{settings.room}{self.room}",
            "account": self.account,
            "lang": settings.language,
            "color-scheme": settings.color_scheme,
            "position": settings.position,
            "storage": settings.storage,
        }
        attributes = " ".join(
            f'{name}="{escape(value, quote=True)}"' for name, value in given.items() if value
        )
        label = escape(settings.label or _LABEL[settings.language])
        return (
            f'<script type="module" src="{self.launcher}" integrity="{integrity(script.data)}"></script>\n'
            f'<seal-room {attributes}>\n  <span slot="label">{label}</span></seal-room>\n'
        )


def compose(
    settings: SiteSettings, built: Built, encoded_door: bytes, door: Door, release: str, kept: Kept | None
) -> Site:
    """Return the site of a company.

    Raises:
        ConfigError: settings and door do not go together; with all that is wrong.
    """
    check(WHAT, list(_faults(settings, door)))
    launcher = f"{settings.launcher}/{built.launcher}"
    account = door.mandate.account_id.hex()
    built = replace(built, files={**built.files, built.room: _owned(built, settings, account)})
    files = [
        SiteFile(Place.PAGE, launcher, built.files[built.launcher], Kind.LAUNCHER),
        SiteFile(Place.ROOM, DOOR_PATH, encoded_door, Kind.OTHER),
        *(SiteFile(Place.ROOM, f"/{name}", data, Kind.OTHER) for name, data in notice_pages(door).items()),
        *(_of_room(built, name) for name in built.files if name != built.launcher),
    ]
    files += _older(kept, files)
    sets = header_sets(built.headers, settings.pages, _source(door.notice.relay_url))
    return Site(settings, release, sets, tuple(sorted(files)), launcher, f"/{built.room}", account)


def _owned(built: Built, settings: SiteSettings, account: str) -> bytes:
    """The page of the room, which says how it is kept and whose it is (CNS-84)."""
    page, place = built.files[built.room], _OWN.format(storage="device", linkable="no", account="").encode()
    if page.count(place) != 1:
        raise ConfigError("the built page of the room has no place for its settings")
    own = _OWN.format(storage=settings.storage, linkable=settings.linkable, account=account)
    return page.replace(place, own.encode())


def _of_room(built: Built, name: str) -> SiteFile:
    kind = Kind.ROOM if name == built.room else Kind.SCRIPT if name.endswith(".js") else Kind.OTHER
    return SiteFile(Place.ROOM, f"/{name}", built.files[name], kind)


def _source(relay_url: str) -> str:
    """The relay as the page's policy names it: scheme, host and port."""
    parts = urlsplit(relay_url)
    return f"{parts.scheme}://{parts.netloc}"


def _faults(settings: SiteSettings, door: Door) -> list[str]:
    """What settings and door say differently."""
    faults: list[str] = []
    if settings.room not in door.mandate.origins:
        named = ", ".join(door.mandate.origins) or "none"
        faults.append(
            f"room: {settings.room} is no origin of the company (it has {named}); its door would be "
            "refused: sealroom company origins --add"
        )
    relay, is_through = urlsplit(door.notice.relay_url), bool(settings.relay_upstream)
    is_ours = relay.netloc == urlsplit(settings.room).netloc
    if is_ours and not is_through:
        faults.append("relay_upstream: is missing, for the notice names a relay on the room's own host")
    if is_through and not (is_ours and relay.path == RELAY_PATH):
        faults.append(
            f"relay_upstream: the notice has to name wss://{urlsplit(settings.room).netloc}{RELAY_PATH} "
            f"as the relay; it names {door.notice.relay_url}"
        )
    return faults


def _script_kind(place: Place) -> Kind:
    return Kind.LAUNCHER if place is Place.PAGE else Kind.SCRIPT


def _older(kept: Kept | None, files: list[SiteFile]) -> list[SiteFile]:
    """Scripts of the releases before, so that a page that is open finds them; they age with each release."""
    if kept is None:
        return []
    now = {(one.place, one.path) for one in files if VERSIONED.fullmatch(one.path)}
    last = {
        (one.place, one.path) for one in kept.assets.files if one.age == 0 and VERSIONED.fullmatch(one.path)
    }
    step = int(now != last)
    return [
        SiteFile(
            one.place, one.path, kept.scripts[one.place, one.path], _script_kind(one.place), one.age + step
        )
        for one in kept.assets.files
        if (one.place, one.path) in kept.scripts
        and (one.place, one.path) not in now
        and one.age + step <= MAX_AGE
    ]
