"""A passive thief: it has copied one side's whole state, reads what goes to that side, and makes no key."""

from __future__ import annotations

import symbolic_ratchet
from pair_bodies import Body, SessionState, TextBody
from pair_device import Device
from symbolic_ratchet import Envelope, Prefix, Ratchet, Refused


class Thief:
    """A copy of the device `name`; `healed` are the texts that were written when its victim had healed."""

    def __init__(self, name: str, copy: Device, peer: Device) -> None:
        self.name, self.copy = name, copy
        self.texts: set[int] = set()
        self.healed: set[int] | None = None
        self._chains = {key: one.ratchet.chains for key, one in copy.sessions.items()}
        self._peer_chains = {key: one.ratchet.chains for key, one in peer.sessions.items()}

    def read(self, envelope: Envelope) -> None:
        """Open what can be opened with what was copied."""
        for session in self.copy.sessions.values():
            if envelope.tag in session.ratchet.tags() and self._open(session, envelope):
                return
        if envelope.prefix is not None:
            self._open_flight(envelope, envelope.prefix)

    def _open(self, session: SessionState, envelope: Envelope) -> bool:
        try:
            opened = session.ratchet.open(envelope)
        except Refused:
            return False
        session.ratchet = opened.ratchet
        self._note(opened.body)
        return True

    def _open_flight(self, envelope: Envelope, prefix: Prefix) -> None:
        root = self.copy.prekeys.root_of(prefix, self.copy.identity, 0)
        if root is None:
            return
        session_id = symbolic_ratchet.session_id(root)
        ratchet = Ratchet.of_responder(root, self.copy.prekeys.private[prefix.prekey_id].key)
        session = SessionState(ratchet, None)
        if session_id not in self.copy.sessions and self._open(session, envelope):
            self.copy.sessions[session_id] = session

    def _note(self, body: object) -> None:
        if isinstance(body, Body) and isinstance(body.content, TextBody):
            self.texts.add(body.content.text_id)

    def is_healed(self, victim: Device, peer: Device) -> bool:
        """Whether both sides have one active session, on which since the theft two chains came to each: then
        the victim has made a key there and was answered.
        """
        ours, theirs = victim.pair.active, peer.pair.active
        if ours is None or theirs is None or ours.id != theirs.id:
            return False
        chains = victim.sessions[ours.id].ratchet.chains - self._chains.get(ours.id, 0)
        peer_chains = peer.sessions[ours.id].ratchet.chains - self._peer_chains.get(ours.id, 0)
        return chains >= 2 and peer_chains >= 2

    def reads_after_healing(self) -> bool:
        """Whether it has read a text that was written after the healing."""
        return self.healed is not None and bool(self.texts - self.healed)
