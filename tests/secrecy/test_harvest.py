"""All traffic recorded from the first flight on: what opens with broken primitives or keys stolen later."""

from __future__ import annotations

import pytest
from harvester import Loot, harvest
from recorded_run import PING_PONG, Run
from thief import Powers

from e2ee.secret import DhPrivateKey


@pytest.fixture(scope="module")
def run() -> Run:
    """Two whole epochs of ping-pong."""
    return Run(PING_PONG, seed=3).talk(50)


def loot_of(run: Run, *names: str) -> Loot:
    """Stolen private keys by name: identity and prekeys of B, identity of A."""
    pairs = {"SPK": run.bob.spk, "OPK": run.bob.opk}
    found: dict[bytes, bytes] = {}
    if "IK_B" in names:
        found[run.bob.device.record.dh_public] = run.bob.device.dh_key.expose()
    if "IK_A" in names:
        found[run.alice.device.record.dh_public] = run.alice.device.dh_key.expose()
    for name, pair in pairs.items():
        if name in names and isinstance(pair.private, DhPrivateKey):
            found[pair.prekey.key] = pair.private.expose()
    kem = {run.bob.pqk.prekey.key: run.bob.pqk.private.expose()} if "PQK" in names else {}
    return Loot(found, kem)


def test_a_later_quantum_computer_opens_nothing(run: Run) -> None:
    """HS-02, PQ-06: every Diffie-Hellman broken, back to the first message."""
    assert harvest(run, Powers(dh=run.broken)) == set()


def test_a_broken_ml_kem_opens_nothing(run: Run) -> None:
    """HS-02: the classical half stands alone."""
    assert harvest(run, Powers(kem=run.broken)) == set()


def test_with_both_broken_everything_opens(run: Run) -> None:
    """The control: the harvester's program is complete."""
    assert harvest(run, Powers(run.broken, run.broken)) == set(range(len(run.sent)))


@pytest.mark.parametrize("missing", ["SPK", "OPK", "PQK"])
def test_keys_that_are_gone_protect_what_was_sent(run: Run, missing: str) -> None:
    """HS-08: one deleted prekey is enough; with the KEM key there, the classical ones, and the reverse."""
    kept = [name for name in ("IK_A", "IK_B", "SPK", "OPK", "PQK") if name != missing]
    assert harvest(run, Powers(), loot_of(run, *kept)) == set()


def test_stolen_with_every_prekey_only_the_first_chain_opens(run: Run) -> None:
    """HS-08, DR-06: all keys of B before they were deleted; the reply's fresh ratchet key ends it."""
    everything = loot_of(run, "IK_B", "SPK", "OPK", "PQK")
    first = {at for at, one in enumerate(run.sent) if one.chain == run.sent[0].chain}
    reply = {at for at, one in enumerate(run.sent) if one.chain == run.sent[1].chain}
    assert harvest(run, Powers(), everything) == first
    assert harvest(run, Powers(kem=run.broken), everything) == first
    assert reply


@pytest.mark.parametrize("names", [("IK_A", "IK_B"), ("IK_B", "SPK"), ("IK_A", "IK_B", "SPK", "PQK")])
def test_identity_keys_alone_open_nothing(run: Run, names: tuple[str, ...]) -> None:
    """HS-02, HS-08: long-term keys stolen after the handshake, the one-time key gone."""
    assert harvest(run, Powers(), loot_of(run, *names)) == set()
