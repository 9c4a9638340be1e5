"""The company's page as a browser reads it: the script of the button, the button, what loads without TLS."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final, TypeVar
from urllib.parse import urljoin, urlsplit

T = TypeVar("T")
_LOADS: Final = {
    "script": "src",
    "iframe": "src",
    "link": "href",
    "img": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
    "embed": "src",
}
_FORM: Final = {"stylesheet", "preload", "modulepreload", "icon", "manifest"}
MAX_FOUND: Final = 100


@dataclass(slots=True)
class Embedding:
    """What a page says of its room; addresses are whole ones."""

    rooms: list[dict[str, str]] = field(default_factory=list)
    launchers: list[dict[str, str]] = field(default_factory=list)
    insecure: list[str] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base, self.found = address, Embedding()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in reversed(attrs)}
        if tag == "base" and "href" in given:
            self.base = _joined(self.base, given["href"])
        elif tag == "seal-room":
            self._keep(self.found.rooms, {**given, "src": _joined(self.base, given.get("src", ""))})
        elif tag == "meta" and given.get("http-equiv", "").lower() == "content-security-policy":
            self._keep(self.found.policies, given.get("content", ""))
        elif tag in _LOADS:
            self._load(tag, given)

    def _load(self, tag: str, given: dict[str, str]) -> None:
        address = given.get(_LOADS[tag], "")
        is_loaded = tag != "link" or bool(_FORM & set(given.get("rel", "").lower().split()))
        if not address or not is_loaded:
            return
        whole = _joined(self.base, address)
        if tag == "script" and urlsplit(whole).path.rpartition("/")[2].startswith("launcher-"):
            self._keep(self.found.launchers, {**given, "src": whole})
        if whole.startswith("http://"):
            self._keep(self.found.insecure, whole)

    def _keep(self, into: list[T], one: T) -> None:
        if len(into) < MAX_FOUND:
            into.append(one)


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address.strip())
    except ValueError:
        return ""


def read_page(html: str, address: str) -> Embedding:
    """Return what a page says of its room."""
    reader = _Reader(address)
    reader.feed(html)
    reader.close()
    return reader.found
