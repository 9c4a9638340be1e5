"""The headers that go with the files of a site, as numbered sets (CNS-61)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Final
from urllib.parse import urlsplit

from e2ee.rooms.assets import HeaderSet, Place

# Who passes a file on neither compresses nor rewrites what was signed.
_FOREVER: Final = "public, max-age=31536000, immutable, no-transform"
_ASK: Final = "no-cache, no-transform"
_TLS_ONLY: Final = "max-age=31536000"
_NOTHING: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class Kind(IntEnum):
    """The number of a set."""

    ROOM = 0
    SCRIPT = 1
    LAUNCHER = 2
    OTHER = 3


# Headers that no file of a room has (CNS-67). `x-frame-options` would keep the page out of its frame.
FORBIDDEN: Final = frozenset(
    {
        "accept-ch",
        "access-control-allow-credentials",
        "access-control-allow-origin",
        "clear-site-data",
        "content-encoding",
        "content-security-policy-report-only",
        "critical-ch",
        "cross-origin-opener-policy-report-only",
        "link",
        "location",
        "nel",
        "origin-trial",
        "refresh",
        "report-to",
        "reporting-endpoints",
        "service-worker-allowed",
        "set-cookie",
        "sourcemap",
        "speculation-rules",
        "use-as-dictionary",
        "x-frame-options",
        "x-sourcemap",
    }
)
_SAME_HOST: Final = re.compile(r'clear|[!-+\--<>-~]+="(:[0-9]{1,5})"(?:[ \t]*;[ \t]*[!-+\--:<-~]+)*')
"""An alternative without a host is of the same one (RFC 7838, section 3)."""


def is_odd(name: str, value: str, headers: Mapping[str, str], place: Place, origin: str) -> bool:
    """Whether a file with a set of headers has one that none of its kind has (CNS-67)."""
    if name in FORBIDDEN:
        return True
    if name in headers:
        return False
    if name == "content-security-policy":
        return place is Place.ROOM
    if name == "vary":
        return "*" in value
    if name == "alt-svc":
        return not _is_same_host(value, origin)
    return name == "content-disposition"


def _is_same_host(value: str, origin: str) -> bool:
    """Whether all alternatives are on the host and port that were asked."""
    parts = urlsplit(origin)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    found = [_SAME_HOST.fullmatch(one.strip()) for one in value.split(",")]
    return all(one is not None and one.group(1) in (None, f":{port}") for one in found)


def header_sets(room: Mapping[str, str], pages: tuple[str, ...], relay: str) -> tuple[HeaderSet, ...]:
    """Return the sets by their numbers. `room` are the headers of the page as they were built; `relay` is
    the source of the policy by which the page reaches its relay.
    """
    page = {
        name.lower(): value.replace("{pages}", " ".join(pages)).replace("{relay}", relay)
        for name, value in room.items()
    }
    script = {"x-content-type-options": "nosniff", "cache-control": _FOREVER}
    own = {"cross-origin-resource-policy": "same-origin", "strict-transport-security": _TLS_ONLY}
    sets = {
        Kind.ROOM: {
            **page,
            "cross-origin-opener-policy": "same-origin",
            "cache-control": _ASK,
            "strict-transport-security": _TLS_ONLY,
        },
        Kind.SCRIPT: {**script, **own},
        Kind.LAUNCHER: script,
        Kind.OTHER: {
            **own,
            "content-security-policy": _NOTHING,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": _ASK,
        },
    }
    return tuple(tuple(sorted(sets[kind].items())) for kind in Kind)
