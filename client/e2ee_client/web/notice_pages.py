"""Pages with a company's notice, to read without the room: plain HTML, no script and no style."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from e2ee.rooms.channels import ChannelKind
from e2ee.rooms.door import Door

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "de": {
        "title": "Hinweise zum Schreiben",
        "imprint": "Impressum",
        "privacy": "Datenschutz",
        "ways": "Andere Wege",
    },
    "en": {"title": "Before you write", "imprint": "Imprint", "privacy": "Privacy", "ways": "Other ways"},
}
_PREFIXES: Final = {ChannelKind.PHONE: "tel:", ChannelKind.EMAIL: "mailto:", ChannelKind.WEB: ""}


def notice_pages(door: Door) -> dict[str, bytes]:
    """Return a page for each text of the notice, by its file name."""
    return {
        f"notice.{locale.lower()}.html": _page(door, locale, text).encode() for locale, text in door.texts
    }


def _page(door: Door, locale: str, text: str) -> str:
    words = _WORDS["de" if locale.startswith("de") else "en"]
    company = escape(door.notice.controller[0])
    paragraphs = "\n".join(f"<p>{_lines(one)}</p>" for one in text.split("\n\n") if one.strip())
    links = "".join(
        f'<li><a href="{escape(url, quote=True)}">{words[name]}</a></li>'
        for name, url in (("imprint", door.notice.imprint_url), ("privacy", door.notice.privacy_url))
    )
    return f"""<!doctype html>
<html lang="{locale}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{words["title"]} - {company}</title>
<body>
<main>
<h1>{words["title"]}</h1>
<p><strong>{company}</strong></p>
{paragraphs}
{_ways(door, words["ways"])}<ul>{links}</ul>
</main>
</body>
</html>
"""


def _lines(text: str) -> str:
    return escape(text.strip("\n")).replace("\n", "<br>")


def _ways(door: Door, title: str) -> str:
    if not door.channels.channels:
        return ""
    rows = "".join(
        f"<li>{escape(one.label)}: {_link(one.kind, one.value)}</li>" for one in door.channels.channels
    )
    return f"<h2>{title}</h2>\n<ul>{rows}</ul>\n"


def _link(kind: ChannelKind, value: str) -> str:
    prefix = _PREFIXES.get(kind)
    if prefix is None:
        return escape(value)
    target = value.replace(" ", "") if kind is ChannelKind.PHONE else value
    return f'<a href="{escape(prefix + target, quote=True)}">{escape(value)}</a>'
