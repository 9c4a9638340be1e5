"""Relay URLs, names and what a company publishes: grammars over code points, the same in every language
(ID-23, ID-33, ACC-20).

Both are compared code point by code point; nothing is normalised, lower-cased or resolved. No library for
URLs, addresses or Unicode takes part, since those of two languages accept different texts.
"""

from __future__ import annotations

import re
from typing import Final

MAX_RELAY_B: Final = 240
MAX_ROOM_RELAY_B: Final = 56
MAX_NAME: Final = 64
MAX_EMAIL_B: Final = 254
_MAX_PORT: Final = 65_535

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_LAST_LABEL: Final = r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAMES: Final = rf"(?:{_LABEL}\.)*{_LAST_LABEL}"
_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_LOOP: Final = r"localhost|127\.0\.0\.1|\[::1\]"
_HOST: Final = rf"{_NAMES}|{_OCTET}(?:\.{_OCTET}){{3}}|\[::1\]"
_PORT: Final = r"(?::(?P<port>[1-9][0-9]{0,4}))?"
_RELAY: Final = re.compile(rf"(?:wss://(?:{_HOST})|ws://(?:{_LOOP})){_PORT}(?P<path>(?:/[A-Za-z0-9._~-]*)*)")
_ORIGIN: Final = re.compile(rf"https://(?:{_NAMES}){_PORT}")
_WEB_URL: Final = re.compile(rf"{_ORIGIN.pattern}(?:/[A-Za-z0-9._~/%?&=+,:;@!$*()#-]*)?")
_LOCALE: Final = re.compile(r"[a-z]{2}(?:-[A-Z]{2})?|[a-z]{3}")
_EMAIL: Final = re.compile(rf"[A-Za-z0-9!#$%&*+/=?^_{{}}~.-]{{1,64}}@{_NAMES}")
_NOT_IN_NAMES: Final = frozenset('/\\<>:"|?*')
_DEVICE: Final = re.compile(
    r"(?ai:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9]|(?:com|lpt)[\u00b9\u00b2\u00b3]) *(?:\..*)?"
)
"""What a system of files takes for a device, whatever stands behind the first dot (FIL-08)."""
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()/-]{2,30}")

_SPACE: Final = " "
_JOINERS: Final = "\u200c\u200d\ufe0f"
_FORBIDDEN: Final = (
    (0x00, 0x1F),
    (0x7F, 0xA0),
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x1680, 0x1680),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2000, 0x200B),
    (0x200E, 0x200F),
    (0x2028, 0x202F),
    (0x205F, 0x206F),
    (0x2800, 0x2800),
    (0x3000, 0x3000),
    (0x3164, 0x3164),
    (0xD800, 0xF8FF),
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0E),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFF),
    (0x13430, 0x13442),
    (0x16FE4, 0x16FE4),
    (0x1BCA0, 0x1BCA3),
    (0x1D159, 0x1D159),
    (0x1D173, 0x1D17A),
    (0xE0000, 0x10FFFF),
)
"""First and last code point of each range that no name holds, ascending (ID-33)."""
_RANGES: Final = "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in _FORBIDDEN)
_HIDDEN: Final = re.compile(f"[{_RANGES}]")
_LOOSE: Final = re.compile(rf"(?:\A|[{_JOINERS}])[{_JOINERS}]")
"""A joiner that joins nothing to what stands before it."""


def is_relay_url(text: str) -> bool:
    """Whether a text is the URL of a relay: at most 240 bytes, all of them ASCII (ID-23)."""
    match = _RELAY.fullmatch(text) if len(text) <= MAX_RELAY_B else None
    if match is None:
        return False
    return _in_range(match) and not {".", ".."} & set(match["path"].split("/"))


def _in_range(match: re.Match[str] | None) -> bool:
    return match is not None and (match["port"] is None or int(match["port"]) <= _MAX_PORT)


def is_name(text: str) -> bool:
    """Whether a text is a name of an account: 1 to 64 scalar values without hidden ones (ID-33).

    The names that a person gives to contacts follow the same grammar.
    """
    if not 1 <= len(text) <= MAX_NAME or text[0] == _SPACE or text[-1] == _SPACE or "  " in text:
        return False
    return _is_visible(text)


def is_plain_text(text: str) -> bool:
    """Whether a text of one or more lines, behind each U+000A, holds nothing hidden (ACC-20)."""
    return all(_is_visible(line) for line in text.split("\n"))


def is_file_name(text: str) -> bool:
    """Whether a text is the name of a file: no path, nothing hidden, and nothing that a system of files takes
    for something else (FIL-08).
    """
    if not text or text[0] in " ." or text[-1] in " ." or not _NOT_IN_NAMES.isdisjoint(text):
        return False
    return _DEVICE.fullmatch(text) is None and _is_visible(text)


def is_locale(text: str) -> bool:
    """Whether a text is a language, or a language and a country: 2 to 5 bytes (ACC-20)."""
    return _LOCALE.fullmatch(text) is not None


def is_origin(text: str) -> bool:
    """Whether a text is the origin of a page: https, host and port, nothing behind (ACC-20)."""
    return _in_range(_ORIGIN.fullmatch(text))


def is_web_url(text: str) -> bool:
    """Whether a text is the URL of a page: an origin and perhaps a path (ACC-20)."""
    return _in_range(_WEB_URL.fullmatch(text))


def is_email(text: str) -> bool:
    """Whether a text is an address of e-mail in ASCII, of at most 254 bytes (ACC-20)."""
    return len(text) <= MAX_EMAIL_B and _EMAIL.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    """Whether a text is a telephone number as people write it (ACC-20)."""
    return _PHONE.fullmatch(text) is not None


def _is_visible(text: str) -> bool:
    """Whether nothing in a text is hidden or turns its direction."""
    return _HIDDEN.search(text) is None and _LOOSE.search(text) is None
