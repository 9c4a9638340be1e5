"""Our own core, and the client's store under it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from e2ee_client.rows import Change, Put
from e2ee_client.store import RawKey, Store
from parties import NOW_MS, NUMBER, Party, connected_pair, unpinned

from e2ee import content, prekeys, session, snapshot
from e2ee.content import Content, Text
from e2ee.handshake import ResponderKeys
from e2ee.identity import DeviceKind
from e2ee.ids import ContentId
from e2ee.primitives import IN_USE, kem
from e2ee.session import Opened, Session
from e2ee.wire.envelope import decode

from .peer import TEXT_B, Work

_TEXT: Final = "x" * TEXT_B


class _End:
    def __init__(self, state: Session) -> None:
        self.state = state

    def encrypt(self, text: Content) -> bytes:
        self.state, envelope = session.seal(self.state, text, NOW_MS, os.urandom, kem.encapsulate)
        return envelope

    def decrypt(self, message: bytes) -> Opened:
        opened = session.open_(self.state, decode(message), NOW_MS)
        self.state = opened.session
        return opened

    def settle(self) -> None:
        """Nothing is stored."""


class _Stored(_End):
    """Envelopes and texts are rows of their own; the session is one more row of each commit."""

    def __init__(self, state: Session, path: Path) -> None:
        super().__init__(state)
        self.store = Store.create(path, RawKey(os.urandom(32)))
        self._changes: list[Change] = []
        self._number = 0

    def _keep(self, table: str, value: bytes) -> None:
        self._number += 1
        self._changes.append(Put(table, self._number.to_bytes(8), value))

    def encrypt(self, text: Content) -> bytes:
        envelope = super().encrypt(text)
        self._keep("outbox", envelope)
        return envelope

    def decrypt(self, message: bytes) -> Opened:
        opened = super().decrypt(message)
        self._keep("message", content.encode(opened.content))
        return opened

    def settle(self) -> None:
        """One commit of all that has happened since the last one; skipped keys do not occur here."""
        self._changes.append(Put("session", self.state.id, snapshot.encode_session(self.state)))
        self.store.commit(self._changes)
        self._changes.clear()


class Sealroom:
    """Two devices of this checkout."""

    name = "sealroom"
    version = f"this checkout ({IN_USE})"
    features: Final = {
        "header": "encrypted",
        "padding": "size classes",
        "post-quantum": "handshake and ratchet (ML-KEM-768)",
        "handshake": "hybrid, from a verified bundle with one-time keys",
        "stored": "on disk, encrypted; a burst shares a commit",
    }

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="peers-")
        self._open: list[Store] = []
        self._made = 0

    def text(self) -> Content:
        """A text of 1 KiB with an id of its own."""
        return Content(ContentId(os.urandom(16)), NOW_MS, Text(_TEXT), number=NUMBER)

    def pair(self, *, stored: bool) -> tuple[_End, _End]:
        """Two ends in the middle of a chain of the first one's."""
        _, _, *states = connected_pair()
        if not stored:
            first, second = map(_End, states)
            second.decrypt(first.encrypt(self.text()))
            return first, second
        while self._open:
            self._open.pop().close()
        self._made += 1
        folder = Path(self._folder.name)
        kept = [_Stored(state, folder / f"{self._made}-{at}.db") for at, state in enumerate(states)]
        self._open += [end.store for end in kept]
        kept[1].decrypt(kept[0].encrypt(self.text()))
        return kept[0], kept[1]

    def initiations(self, count: int) -> tuple[Sequence[Callable[[], Any]], Callable[[Any], Any]]:
        """First flights to a verified bundle with one-time keys, and what accepts one."""
        alice, bob = Party.make("alice"), Party.make("bob", DeviceKind.AGENT)
        verified = bob.verified(opk=True, one_time_kem=True)
        text = alice.text(_TEXT)

        def initiate() -> bytes:
            state = session.initiate(
                alice.device, alice.device_list, verified, 1, NOW_MS, os.urandom, kem.encapsulate
            )
            return session.seal(state, text, NOW_MS, os.urandom, kem.encapsulate).envelope

        keys: list[ResponderKeys] = []

        def respond(flight: bytes) -> Any:
            raw = decode(flight)
            if not keys:
                keys.append(bob.responder_keys(raw))
            return session.respond(raw, keys[0], unpinned, NOW_MS)

        return [initiate] * count, respond

    def verification(self) -> Work:
        """Device list, record and prekeys of a bundle."""
        bob = Party.make("bob", DeviceKind.AGENT)
        bundle = bob.bundle(opk=True, one_time_kem=True)
        return lambda: prekeys.verify_bundle(bob.account_id, None, [], bundle, NOW_MS)

    def state_b(self) -> int:
        """Size of a session's row."""
        return len(snapshot.encode_session(self.pair(stored=False)[1].state))
