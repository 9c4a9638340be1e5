"""How many connections a client address has, and how fast new ones come; no address is kept (RLY-144)."""

from __future__ import annotations

import hashlib
import ipaddress
from collections import Counter
from collections.abc import Iterable
from typing import Final, TypeAlias

from .limits import Buckets, Rate
from .proxy_header import Address

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_PREFIX_V6: Final = 64


class Visitors:
    """Counts by a hash of the address under a key of this run, which is lost with the process."""

    def __init__(self, key: bytes, most: int, rate: Rate) -> None:
        self._key = key
        self._most = most
        self._counts: Counter[bytes] = Counter()
        self._buckets = Buckets(rate)

    def enter(self, address: Address, now_ms: int) -> bytes | None:
        """Count one more connection and return its ticket; None: this address has too many."""
        ticket = self._ticket(address)
        if self._counts[ticket] >= self._most or self._buckets.of(ticket, now_ms).take(1, now_ms):
            if not self._counts[ticket]:
                del self._counts[ticket]
            return None
        self._counts[ticket] += 1
        return ticket

    def leave(self, ticket: bytes) -> None:
        """Count it no longer."""
        self._counts[ticket] -= 1
        if self._counts[ticket] <= 0:
            del self._counts[ticket]

    def forget(self, now_ms: int) -> None:
        """Forget who has gone and whose bucket is full again."""
        self._buckets.forget_full(now_ms)

    def __len__(self) -> int:
        return len(self._counts.keys() | self._buckets.keys())

    def _ticket(self, address: Address) -> bytes:
        address = plain(address)
        # Whoever has one address of IPv6 has all of its network.
        shown = address.packed if address.version == 4 else address.packed[: _PREFIX_V6 // 8]
        return hashlib.blake2b(shown, digest_size=16, key=self._key).digest()


def plain(address: Address) -> Address:
    """Return an IPv4 address that is written as an IPv6 one as itself."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def is_within(address: Address, networks: Iterable[Network]) -> bool:
    """Tell whether an address belongs to one of these networks."""
    address = plain(address)
    return any(address in network for network in networks if network.version == address.version)


def forwarded_for(values: Iterable[str], trusted: Iterable[Network]) -> Address | None:
    """Return whom our own proxies name in X-Forwarded-For: the last address that is none of theirs.

    None: they name nobody.

    Raises:
        ValueError: what they name is no address.
    """
    networks = tuple(trusted)
    hops = [hop.strip() for value in values for hop in value.split(",")]
    for hop in reversed(hops):
        address = ipaddress.ip_address(hop)
        if not is_within(address, networks):
            return address
    return None
