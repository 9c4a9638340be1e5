"""Whether a page and the room in its frame belong to one site, so that the frame has a store that lasts."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urlsplit

# Second levels under which anybody gets a name, as the room itself has them; the list of all is long.
_SHARED: Final = frozenset({"co", "com", "org", "net", "gov", "ac", "edu", "or", "ne", "gv"})
_OF_COUNTRY: Final = 2


def is_same_site(page: str, room: str) -> bool:
    """Whether two addresses have one host, or hosts under one name that a company registers."""
    first, second = _split(page), _split(room)
    if first is None or second is None or first.scheme != second.scheme:
        return False
    one, other = first.hostname or "", second.hostname or ""
    if not one or not other or one == other:
        return one == other != ""
    if _is_address(one) or _is_address(other):
        return False
    common = _common_end(one.split("."), other.split("."))
    if len(common) < _OF_COUNTRY:
        return False
    return len(common) > _OF_COUNTRY or len(common[1]) != _OF_COUNTRY or common[0] not in _SHARED


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address, empty if it has none."""
    parts = _split(address)
    return "" if parts is None or not parts.netloc else f"{parts.scheme}://{parts.netloc}"


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_address(host: str) -> bool:
    return ":" in host or all(one in "0123456789." for one in host)


def _common_end(one: list[str], other: list[str]) -> list[str]:
    common: list[str] = []
    for mine, theirs in zip(reversed(one), reversed(other), strict=False):
        if mine != theirs or not mine:
            break
        common.insert(0, mine)
    return common
