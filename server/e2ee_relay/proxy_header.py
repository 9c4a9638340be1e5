"""The PROXY protocol, versions 1 and 2: what a balancer says of the client, ahead of all else (RLY-145).

Strict where the specification leaves a choice: TCP only, no field too many, lengths that add up. The header
is read in exactly as many bytes as it has, so that TLS can begin behind it; `missing_b` tells how many.
Source: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_TEXT: Final = b"PROXY "
_MAX_TEXT_B: Final = 107
# Both addresses, and TLVs of which a balancer adds some dozens of bytes.
_MAX_BINARY_B: Final = 1024
_LOCAL, _PROXY = 0x20, 0x21
_UNSPECIFIED: Final = 0x00
# Address family and transport, with the size of one address in bytes.
_TCP: Final = {0x11: 4, 0x21: 16}
_FAMILIES: Final[dict[bytes, Callable[[str], Address]]] = {
    b"TCP4": ipaddress.IPv4Address,
    b"TCP6": ipaddress.IPv6Address,
}


class ProxyHeaderError(ValueError):
    """The bytes are no header that this relay takes."""


def missing_b(head: bytes) -> int:
    """Return how many bytes to read next; 0: the header is whole.

    Raises:
        ProxyHeaderError: this cannot become a header.
    """
    if len(head) < len(_SIGNATURE):
        if not (_SIGNATURE.startswith(head) or head.startswith(_TEXT) or _TEXT.startswith(head)):
            raise ProxyHeaderError("neither version")
        return len(_SIGNATURE) - len(head)
    if head.startswith(_SIGNATURE):
        return _missing_binary_b(head)
    if not head.startswith(_TEXT):
        raise ProxyHeaderError("neither version")
    if head.endswith(b"\r\n"):
        return 0
    if b"\n" in head or len(head) >= _MAX_TEXT_B:
        raise ProxyHeaderError("a line that does not end")
    return 1


def _missing_binary_b(head: bytes) -> int:
    if len(head) < 16:
        return 16 - len(head)
    size_b = int.from_bytes(head[14:16], "big")
    if size_b > _MAX_BINARY_B:
        raise ProxyHeaderError("too long")
    return 16 + size_b - len(head)


def client_of(header: bytes) -> Address | None:
    """Return the client's address of a whole header; None where it names none (the balancer's own checks).

    Raises:
        ProxyHeaderError: it is not well-formed.
    """
    return _binary(header) if header.startswith(_SIGNATURE) else _text(header)


def _text(header: bytes) -> Address | None:
    if header == b"PROXY UNKNOWN\r\n" or header.startswith(b"PROXY UNKNOWN "):
        return None
    parts = header.removesuffix(b"\r\n").split(b" ")
    if len(parts) != 6 or parts[1] not in _FAMILIES:
        raise ProxyHeaderError("not the six fields of TCP")
    family = _FAMILIES[parts[1]]
    try:
        client, _own = (family(part.decode("ascii")) for part in parts[2:4])
    except ValueError:
        raise ProxyHeaderError("no address") from None
    if not all(_is_port(part) for part in parts[4:]) or getattr(client, "scope_id", None):
        raise ProxyHeaderError("no port, or an address of a link")
    return client


def _is_port(text: bytes) -> bool:
    return text.isdigit() and len(text) <= 5 and int(text) <= 0xFFFF and (text == b"0" or text[:1] != b"0")


def _binary(header: bytes) -> Address | None:
    command, family, rest = header[12], header[13], header[16:]
    if command not in (_LOCAL, _PROXY):
        raise ProxyHeaderError("neither LOCAL nor PROXY")
    if command == _LOCAL or family == _UNSPECIFIED:
        return None
    size_b = _TCP.get(family)
    if size_b is None:
        raise ProxyHeaderError("not TCP")
    addresses_b = 2 * size_b + 4
    if len(rest) < addresses_b:
        raise ProxyHeaderError("addresses are cut off")
    _check_extensions(rest[addresses_b:])
    client = rest[:size_b]
    return ipaddress.IPv4Address(client) if size_b == 4 else ipaddress.IPv6Address(client)


def _check_extensions(rest: bytes) -> None:
    """Type, length in two bytes, value; what they say is not needed here."""
    while rest:
        end = 3 + int.from_bytes(rest[1:3], "big")
        if len(rest) < end:
            raise ProxyHeaderError("an extension is cut off")
        rest = rest[end:]
