"""A passive thief: a copy of a client's whole state, which follows what a relay has recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from attack_keys import Thief
from attack_world import Victim
from parties import unpinned

from e2ee import session as sessions
from e2ee.content import Text
from e2ee.errors import E2eeError
from e2ee.ids import SessionId
from e2ee.session import Opened, Session
from e2ee.wire import envelope as envelopes
from e2ee.wire.envelope import RawEnvelope


@dataclass
class Copy:
    """Identity key, prekeys and sessions; what opens is followed, and nothing is ever sent."""

    thief: Thief
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    begun: int = 0

    @classmethod
    def of(cls, victim: Victim) -> Copy:
        """Copy a client as it is now."""
        return cls(Thief.of(victim), dict(victim.engine._state.sessions))

    def reads(self, bodies: Iterable[bytes], now_ms: int) -> list[str]:
        """Return the texts that this copy can open, in the order of the bodies."""
        texts: list[str] = []
        for body in bodies:
            opened = self._open(envelopes.decode(body), now_ms)
            if opened is not None:
                self.sessions[opened.session.id] = opened.session
                if isinstance(opened.content.payload, Text):
                    texts.append(opened.content.payload.text)
        return texts

    def _open(self, raw: RawEnvelope, now_ms: int) -> Opened | None:
        for session in self.sessions.values():
            try:
                return sessions.open_(session, raw, now_ms)
            except E2eeError:
                continue
        return self._accept(raw, now_ms) if raw.prefix else None

    def _accept(self, raw: RawEnvelope, now_ms: int) -> Opened | None:
        try:
            keys = self.thief._keys(envelopes.decode_prefix(raw.prefix))
            opened = sessions.respond(raw, keys, unpinned, now_ms).opened
        except (E2eeError, IndexError):
            return None
        self.begun += 1
        return opened
