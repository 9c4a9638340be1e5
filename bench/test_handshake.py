"""Handshakes: from a fetched bundle to the first flight, and from a first flight to its text.

With one-time keys there is one more scalar multiplication on either side, and the responder expands its KEM
key from the seed; the key of last resort is kept expanded (HS-12).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from parties import NOW_MS, Party, unpinned

from bench.bare_calls import recorded
from bench.paired import PROCESSOR_TIME, Row
from e2ee import prekeys, session
from e2ee.constants import KEM_CIPHERTEXT_B
from e2ee.handshake import ResponderKeys
from e2ee.identity import DeviceKind
from e2ee.ports import Rng
from e2ee.primitives import kem
from e2ee.primitives.kem import DecapsulationKey
from e2ee.wire.envelope import decode

pytestmark = PROCESSOR_TIME

ONE_TIME = {"with one-time keys": True, "without one-time keys": False}


def _initiator(alice: Party, bob: Party, one_time: bool) -> Callable[[Rng], bytes]:
    bundle = bob.bundle(opk=one_time, one_time_kem=one_time)
    content = alice.text("x" * 200)

    def initiate(rng: Rng) -> bytes:
        verified = prekeys.verify_bundle(bob.account_id, None, [], bundle, NOW_MS)
        state = session.initiate(alice.device, alice.device_list, verified, 1, NOW_MS, rng, kem.encapsulate)
        return session.seal(state, content, NOW_MS, rng, kem.encapsulate).envelope

    return initiate


def _as_kept(keys: ResponderKeys) -> ResponderKeys:
    """Return the keys as the client has them: only a key of last resort was used and is expanded."""
    private = DecapsulationKey(keys.pqk.private.expose())
    if not keys.pqk.prekey.kind.is_one_time:
        private.decapsulate(bytes(KEM_CIPHERTEXT_B))
    return replace(keys, pqk=replace(keys.pqk, private=private))


@pytest.mark.parametrize("one_time", ONE_TIME.values(), ids=ONE_TIME.keys())
def test_initiator(row: Row, one_time: bool) -> None:
    times = row.size(4, 1)
    initiate = _initiator(Party.make("alice"), Party.make("bob", DeviceKind.AGENT), one_time)
    with recorded() as bare:
        initiate(bare.rng)

    def ours() -> None:
        for _ in range(times):
            initiate(os.urandom)

    row(ours, bare.block(times), times, unit="handshake")


@pytest.mark.parametrize("one_time", ONE_TIME.values(), ids=ONE_TIME.keys())
def test_responder(row: Row, one_time: bool) -> None:
    times = row.size(4, 1)
    bob = Party.make("bob", DeviceKind.AGENT)
    flight = _initiator(Party.make("alice"), bob, one_time)(os.urandom)
    held = bob.responder_keys(decode(flight))
    with recorded() as bare:
        keys = _as_kept(held)
        bare.forget()
        session.respond(decode(flight), keys, unpinned, NOW_MS)
    kept = _as_kept(held)

    def ours() -> None:
        for _ in range(times):
            ours_keys = _as_kept(held) if one_time else kept
            session.respond(decode(flight), ours_keys, unpinned, NOW_MS)

    row(ours, bare.block(times), times, unit="handshake")
