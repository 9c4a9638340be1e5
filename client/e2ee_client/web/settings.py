"""The settings of `sealroom web build`, from a file of TOML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from e2ee.errors import DecodeError
from e2ee.grammar import is_locale, is_name, is_origin, is_relay_url
from e2ee.rooms.assets import MAX_PAGES, is_asset_path
from e2ee.rooms.channels import Channel, ChannelKind, check_channels
from e2ee_client.rooms.settings import check, read_toml

from .origins import is_same_site

WHAT: Final = "the settings of the web pages"
_LANGUAGES: Final = ("de", "en")
_KINDS: Final = {
    "phone": ChannelKind.PHONE,
    "email": ChannelKind.EMAIL,
    "post": ChannelKind.POST,
    "web": ChannelKind.WEB,
}
_LABELS: Final = {
    "de": {"phone": "Telefon", "email": "E-Mail", "post": "Post", "web": "Seite"},
    "en": {"phone": "Telephone", "email": "E-mail", "post": "Post", "web": "Page"},
}
_CHOICES: Final = {
    "language": _LANGUAGES,
    "position": ("end", "start"),
    "color_scheme": ("auto", "light", "dark"),
    "storage": ("device", "recoverable", "session"),
    "linkable": ("no", "yes"),
}


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """Which origins serve room and pages, how the button looks, and which other ways to the company there
    are. `launcher` is a folder of the pages' host; `relay_upstream` is where the room's host passes its
    `/relay` on to.
    """

    room: str
    pages: tuple[str, ...]
    launcher: str = "/seal"
    language: str = "de"
    label: str = ""
    position: str = "end"
    color_scheme: str = "auto"
    storage: str = "device"
    linkable: str = "no"
    relay_upstream: str = ""
    channels: tuple[Channel, ...] = ()
    hours: Mapping[str, str] = field(default_factory=dict)


def load_settings(path: str | Path) -> SiteSettings:
    """Read the settings.

    Raises:
        ConfigError: with all that is wrong.
    """
    return settings_of(read_toml(path, WHAT))


def settings_of(data: Mapping[str, Any]) -> SiteSettings:
    """Read the settings from values: room, pages, and perhaps the others of `SiteSettings`; `channels` is a
    table of phone, email, post, web.

    Raises:
        ConfigError: with all that is wrong.
    """
    faults: list[str] = []
    known = {name: read(data[name], faults) for name, read in _READERS.items() if name in data}
    faults += [f"{name}: no setting of web pages" for name in data if name not in _READERS]
    faults += [f"{name}: is missing" for name in ("room", "pages") if name not in data]
    check(WHAT, faults)
    language = known.get("language", "de")
    known["channels"] = _named(known.get("channels", {}), language)
    found = SiteSettings(**known)
    check(WHAT, [*_places(found), *_ways(found), *_kept(found)])
    return found


def _places(found: SiteSettings) -> list[str]:
    """What is wrong with room and pages together."""
    faults = [
        f"pages: {page} is the room's own host, where scripts of the page could read the room"
        for page in found.pages
        if page == found.room
    ]
    return faults + [
        f"pages: {page} and the room {found.room} are not of one registered domain, so that browsers give "
        "the room no store"
        for page in found.pages
        if not is_same_site(page, found.room)
    ]


def _kept(found: SiteSettings) -> list[str]:
    """With a store that ends the account key would go, and with it the other devices (CNS-88)."""
    if found.linkable == "no" or found.storage == "recoverable":
        return []
    return ['linkable: needs storage = "recoverable", as the first device holds the key of all']


def _ways(found: SiteSettings) -> list[str]:
    faults: list[str] = []
    for channel in found.channels:
        try:
            check_channels([channel], {})
        except DecodeError:
            faults.append(f"channels: {channel.kind.name.lower()} is not such an address")
    try:
        check_channels([], found.hours)
    except DecodeError:
        faults.append("hours: at most four languages with a text of at most 240 characters each")
    return faults


def _named(channels: Mapping[str, str], language: str) -> tuple[Channel, ...]:
    return tuple(Channel(_KINDS[name], value, _LABELS[language][name]) for name, value in channels.items())


# --- values ---


def _one(name: str, is_such: Callable[[str], bool], must: str) -> Callable[[Any, list[str]], str]:
    def read(value: Any, faults: list[str]) -> str:
        if isinstance(value, str) and is_such(value):
            return value
        faults.append(f"{name}: has to be {must}")
        return ""

    return read


def _choice(name: str) -> Callable[[Any, list[str]], str]:
    choices = _CHOICES[name]
    return _one(name, lambda text: text in choices, f"one of {', '.join(choices)}")


def _pages(value: Any, faults: list[str]) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_PAGES:
        faults.append(f"pages: has to be a list of 1 to {MAX_PAGES} origins")
        return ()
    bad = [one for one in value if not isinstance(one, str) or not is_origin(one)]
    faults += [f"pages: {one!r} is no origin: https:// and a host, nothing behind" for one in bad]
    return () if bad else tuple(sorted(set(value)))


def _channels(value: Any, faults: list[str]) -> dict[str, str]:
    if not isinstance(value, dict):
        faults.append("channels: has to be a table")
        return {}
    odd = [name for name, one in value.items() if name not in _KINDS or not isinstance(one, str)]
    faults += [f"channels: {name}: phone, email, post or web, with a text" for name in odd]
    return {} if odd else dict(value)


def _hours(value: Any, faults: list[str]) -> dict[str, str]:
    if isinstance(value, dict) and all(is_locale(key) and isinstance(one, str) for key, one in value.items()):
        return dict(value)
    faults.append("hours: has to be a table of languages with a text each")
    return {}


_READERS: Final[Mapping[str, Callable[[Any, list[str]], Any]]] = {
    "room": _one("room", is_origin, "an origin: https:// and a host, nothing behind"),
    "pages": _pages,
    "launcher": _one("launcher", is_asset_path, "a path such as /seal"),
    **{name: _choice(name) for name in _CHOICES},
    "label": _one("label", is_name, "a text of 1 to 64 characters"),
    "relay_upstream": _one("relay_upstream", is_relay_url, "the address of a relay: wss:// and a host"),
    "channels": _channels,
    "hours": _hours,
}
