"""Content security policies, as far as rooms and the pages around them need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

# What a directive falls back to where it is not there itself.
_FALLBACKS: Final = {
    "script-src-elem": ("script-src", "default-src"),
    "script-src": ("default-src",),
    "frame-src": ("child-src", "default-src"),
    "connect-src": ("default-src",),
    "worker-src": ("child-src", "script-src", "default-src"),
    "style-src": ("default-src",),
}
_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}

Policy = Mapping[str, Sequence[str]]


def parse_policies(values: Sequence[str]) -> list[Policy]:
    """Return each policy of the headers; of a directive that is there twice the first counts."""
    return [_parse(one) for value in values for one in value.split(",") if one.strip()]


def _parse(text: str) -> Policy:
    found: dict[str, Sequence[str]] = {}
    for part in text.split(";"):
        name, *sources = part.split()[:200] or [""]
        if name:
            found.setdefault(name.lower(), sources)
    return found


def sources_of(policy: Policy, directive: str) -> Sequence[str] | None:
    """Return the sources that count for a directive; None where nothing restricts it."""
    for name in (directive, *_FALLBACKS.get(directive, ())):
        if name in policy:
            return policy[name]
    return None


def allows(policies: Sequence[Policy], directive: str, address: str, own: str) -> bool:
    """Whether each policy lets an address be used; `own` is the origin of the page that has them."""
    return all(
        sources is None or any(_matches(one, address, own) for one in sources)
        for sources in (sources_of(policy, directive) for policy in policies)
    )


def allows_script(policies: Sequence[Policy], script: Mapping[str, str], own: str) -> bool:
    """Whether each policy lets a script of the page's HTML run, by its attributes: its nonce, the hashes of
    `integrity`, or its address, which counts for nothing beside `'strict-dynamic'`.
    """
    return all(
        sources is None or _is_named(sources, script) or _is_by_address(sources, script["src"], own)
        for sources in (sources_of(policy, "script-src-elem") for policy in policies)
    )


def _is_named(sources: Sequence[str], script: Mapping[str, str]) -> bool:
    hashes = script.get("integrity", "").split()
    is_hashed = bool(hashes) and all(f"'{one}'" in sources for one in hashes)
    nonce = script.get("nonce", "")
    return is_hashed or (nonce != "" and f"'nonce-{nonce}'" in sources)


def _is_by_address(sources: Sequence[str], address: str, own: str) -> bool:
    is_strict = any(one.lower() == "'strict-dynamic'" for one in sources)
    return not is_strict and any(_matches(one, address, own) for one in sources)


def _matches(source: str, address: str, own: str) -> bool:
    if source == "'self'":
        return _origin(address) == _origin(own)
    if source == "*":
        return urlsplit(address).scheme in _PORTS
    if source.endswith(":"):
        return urlsplit(address).scheme == source[:-1].lower()
    if source.startswith("'"):
        return False
    return _matches_host(source, address, own)


def _matches_host(source: str, address: str, own: str) -> bool:
    whole = source if "://" in source else f"{urlsplit(own).scheme}://{source}"
    try:
        wanted, given = urlsplit(whole.replace(":*", ":0")), urlsplit(address)
        ports = wanted.port if wanted.port is not None else _PORTS.get(given.scheme), _port(address)
    except ValueError:
        return False
    # A scheme also stands for its own over TLS.
    if given.scheme not in (wanted.scheme, f"{wanted.scheme}s"):
        return False
    host, name = wanted.hostname or "", given.hostname or ""
    is_host = name.endswith(host[1:]) if host.startswith("*.") else name == host
    is_path = wanted.path in ("", "/", given.path) or (
        wanted.path.endswith("/") and given.path.startswith(wanted.path)
    )
    return is_host and is_path and ports[0] in (0, ports[1])


def _port(address: str) -> int | None:
    parts = urlsplit(address)
    return parts.port or _PORTS.get(parts.scheme)


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, _port(address)
