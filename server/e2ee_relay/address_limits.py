"""What one client address may have at a time; no address is kept.

An address is counted under a ticket: a hash under a key that is lost with the process (RLY-144). The empty
ticket stands for those whose address is not known; they are bounded all together only.
"""

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
NO_TICKET: Final = b""


class AddressLimits:
    """How many connections each address has, and how fast new ones come."""

    def __init__(self, key: bytes, places: Shares, rate: Rate) -> None:
        self._key = key
        self._places = places
        self._buckets = Buckets(rate)

    def enter(self, ticket: bytes, now_ms: int) -> bool:
        """Count one more connection; False: this address has too many, or too many new ones."""
        if not self._places.take(ticket):
            return False
        if self._buckets.take(ticket, now_ms, 1):
            self._places.give_back(ticket)
            return False
        return True

    def leave(self, ticket: bytes) -> None:
        """Count it no longer."""
        self._places.give_back(ticket)

    def forget(self, now_ms: int) -> None:
        """Forget who has gone and whose bucket is full again."""
        self._buckets.forget_full(now_ms)

    def ticket(self, address: Address) -> bytes:
        """Return what an address is counted under; whoever has one of IPv6 has all of its network."""
        address = plain(address)
        shown = address.packed if address.version == 4 else address.packed[: _PREFIX_V6 // 8]
        return hashlib.blake2b(shown, digest_size=16, key=self._key).digest()


class Shares:
    """Amounts of one resource that are held: so much by each ticket, and so much in all.

    What the others leave of the whole is what a ticket may hold of its own bound (RLY-220).
    """

    def __init__(self, most_of_one: int, most: int) -> None:
        self._most_of_one = most_of_one
        self._most = most
        self._held: Counter[bytes] = Counter()
        self.total = 0

    def take(self, ticket: bytes, amount: int = 1) -> bool:
        """Hold an amount more; False: that is too much, and nothing has changed."""
        if self.total + amount > self._most:
            return False
        if ticket:
            held = self._held.get(ticket, 0)
            left = self._most - (self.total - held)
            if held + amount > -(-self._most_of_one * left // self._most):  # rounded up
                return False
            self._held[ticket] = held + amount
        self.total += amount
        return True

    def give_back(self, ticket: bytes, amount: int = 1) -> None:
        """Hold it no longer."""
        self.total -= amount
        if ticket:
            self._held[ticket] -= amount
            if self._held[ticket] <= 0:
                del self._held[ticket]


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
