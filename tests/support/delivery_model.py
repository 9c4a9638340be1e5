"""What was sent, and what may therefore arrive: the model that property tests hold against real sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from device_model import Delivery, DeviceModel

from e2ee.content import Content
from e2ee.ids import ContentId, SessionId


class Sent(NamedTuple):
    """One content as it left: in which session, in which envelope, for whom."""

    content: Content
    sender: int
    recipient: int
    session_id: SessionId
    envelope: bytes


@dataclass
class DeliveryModel:
    """Everything sent, what each life of a device has opened, and what applications were given."""

    sent: dict[tuple[int, ContentId], Sent] = field(default_factory=dict)
    envelopes: dict[bytes, Sent] = field(default_factory=dict)
    opened: set[tuple[int, bytes]] = field(default_factory=set)
    given: set[tuple[int, int, ContentId]] = field(default_factory=set)

    def next_id(self) -> ContentId:
        """Return a content id that nobody has used."""
        return ContentId(len(self.sent).to_bytes(16, "big"))

    def record(self, sent: Sent) -> None:
        """Note a content as sent."""
        self.sent[sent.sender, sent.content.id] = sent
        self.envelopes[sent.envelope] = sent

    def accept(self, device: DeviceModel, delivery: Delivery, envelope: bytes) -> None:
        """Check that what opened is what was sent, byte by byte, and opens once in a life (DR-12, HS-09)."""
        sent = self.sent.get((delivery.peer, delivery.content.id))
        assert sent is not None, "accepted what the peer never sent"
        assert sent.envelope == envelope, "accepted an envelope that was changed on the way"
        assert sent.recipient == device.owner.index, "accepted what was meant for somebody else"
        assert sent.session_id == delivery.session_id, "accepted in another session than it was sent in"
        assert _but_gen(delivery.content) == _but_gen(sent.content), "accepted with another content"
        assert (device.life, envelope) not in self.opened, "opened twice"
        self.opened.add((device.life, envelope))
        self.given.add((device.owner.index, delivery.peer, delivery.content.id))

    def was_given(self, sent: Sent) -> bool:
        """Whether the application of its recipient has it."""
        return (sent.recipient, sent.sender, sent.content.id) in self.given


def _but_gen(content: Content) -> tuple[object, ...]:
    """Return everything that the sender chose; `gen` is the session's (HS-05)."""
    return content.id, content.sent_ms, content.payload, content.heads, content.way_back, content.bundle
