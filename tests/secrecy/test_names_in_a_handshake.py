"""A report of a failure that shows local variables shows no private key of a handshake (PRM-10, HS-13)."""

from __future__ import annotations

import traceback
from typing import Any, NoReturn

import pytest
from parties import NOW_MS, Party, unpinned

from e2ee import handshake, session
from e2ee.errors import AuthenticationError
from e2ee.primitives import kem
from e2ee.wire import envelope as envelopes


def _shows(error: BaseException, key: bytes) -> bool:
    # `FrameSummary.locals` holds the repr of each value; str of it escapes backslashes once more.
    shown = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    return any(
        repr(key) in (frame.locals or {}).values() for frame in shown if frame.name in ("initiate", "respond")
    )


def _fails(*_: object) -> NoReturn:
    raise MemoryError


@pytest.mark.reference
def test_the_initiator_shows_no_ephemeral_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is wrapped as soon as it is made (PRM-10)."""
    made: list[bytes] = []
    real: Any = handshake.hedged_ephemeral

    def making(*given: object) -> bytes:
        made.append(real(*given))
        return made[0]

    monkeypatch.setattr(handshake, "hedged_ephemeral", making)
    alice, bob = Party.make("alice"), Party.make("bob")
    with pytest.raises(MemoryError) as caught:
        alice.initiate(bob, encapsulate=_fails)
    assert _shows(caught.value, made[0]) is False


@pytest.mark.reference
def test_the_initiator_shows_no_identity_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The long-term key is exposed for one call at a time (PRM-10)."""
    monkeypatch.setattr(handshake, "derive_keys", _fails)
    alice, bob = Party.make("alice"), Party.make("bob")
    with pytest.raises(MemoryError) as caught:
        alice.initiate(bob, encapsulate=kem.encapsulate)
    assert _shows(caught.value, alice.device.dh_key.expose()) is False


def test_the_responder_shows_no_identity_key() -> None:
    """Whoever sends a flight with one changed bit brings about the report (PRM-10)."""
    alice, bob = Party.make("alice"), Party.make("bob")
    _, flight = alice.seal(alice.initiate(bob), "hello")
    changed = bytearray(flight)
    changed[2 + 32 + 12 + 1088 + 5] ^= 1
    raw = envelopes.decode(bytes(changed))
    with pytest.raises(AuthenticationError) as caught:
        session.respond(raw, bob.responder_keys(raw), unpinned, NOW_MS)
    assert _shows(caught.value, bob.device.dh_key.expose()) is False
