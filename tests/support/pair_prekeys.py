"""Prekeys of a simulated device and of its peer, and the root of a handshake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from pair_bodies import Bundle
from symbolic_ratchet import Prefix, agree, mix

from e2ee.constants import PREKEY_LIFE_MS, RELAY_RETENTION_MS

_HANDSHAKE: Final = 20


class Prekey(NamedTuple):
    """A private prekey of ours."""

    key: int
    ends_ms: int


@dataclass
class Prekeys:
    """Private prekeys by id, the newest bundle of ours, and the bundle that the peer is reached with."""

    private: dict[int, Prekey] = field(default_factory=dict)
    bundle: Bundle | None = None
    made_ms: int = 0
    of_peer: Bundle | None = None
    of_peer_from: bytes | None = None

    def copied(self) -> Prekeys:
        """Return a copy."""
        return replace(self, private=dict(self.private))

    def make(self, now_ms: int, identity: int, fresh: Callable[[], int]) -> None:
        """Make prekeys anew; the private ones of before are kept past their end."""
        ends_ms, prekey_id, one_time_id = now_ms + PREKEY_LIFE_MS, fresh(), fresh()
        prekey, one_time = Prekey(fresh(), ends_ms), Prekey(fresh(), ends_ms)
        kept = {key: one for key, one in self.private.items() if now_ms <= one.ends_ms + RELAY_RETENTION_MS}
        self.private = {**kept, prekey_id: prekey, one_time_id: one_time}
        self.bundle = Bundle(prekey_id, prekey.key, ends_ms, identity, (one_time_id, one_time.key))
        self.made_ms = now_ms

    def take_newest_end(self, bundle: Bundle) -> None:
        """Keep the bundle that ends last, wherever it comes from: against the rules."""
        if self.of_peer is None or bundle.ends_ms > self.of_peer.ends_ms:
            self.of_peer = bundle

    def root_of(self, prefix: Prefix, identity: int, now_ms: int) -> int | None:
        """Return the root of the handshake that a prefix asks for; None without its private keys."""
        prekey = self.private.get(prefix.prekey_id)
        one_time = Prekey(0, 0) if prefix.one_time_id is None else self.private.get(prefix.one_time_id)
        if prekey is None or one_time is None or now_ms > prekey.ends_ms + RELAY_RETENTION_MS:
            return None
        return mix(
            _HANDSHAKE,
            agree(prefix.ephemeral, prekey.key),
            agree(prefix.ephemeral, identity),
            agree(prefix.ephemeral, one_time.key) if prefix.one_time_id is not None else 0,
            agree(prefix.identity, prekey.key),
            agree(prefix.identity, identity),
        )


def root_of_initiator(identity: int, ephemeral: int, bundle: Bundle) -> int:
    """Return the root of a handshake that is made with a bundle."""
    return mix(
        _HANDSHAKE,
        agree(ephemeral, bundle.prekey),
        agree(ephemeral, bundle.identity),
        agree(ephemeral, bundle.one_time[1]) if bundle.one_time else 0,
        agree(identity, bundle.prekey),
        agree(identity, bundle.identity),
    )
