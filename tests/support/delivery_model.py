"""What was sent, and what may therefore arrive: the model that property tests hold against real sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from device_model import Delivery, DeviceModel

from e2ee.content import Content, Text
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

    ids: int = 0
    envelopes: dict[bytes, Sent] = field(default_factory=dict)
    texts: dict[tuple[int, int, ContentId], Content] = field(default_factory=dict)
    sent_in: set[tuple[int, tuple[int, int, ContentId]]] = field(default_factory=set)
    opened: set[tuple[int, bytes]] = field(default_factory=set)
    given: set[tuple[int, int, ContentId]] = field(default_factory=set)
    given_in: set[tuple[int, int, ContentId]] = field(default_factory=set)

    def next_id(self) -> ContentId:
        """Return a content id that nobody has used."""
        self.ids += 1
        return ContentId(self.ids.to_bytes(16, "big"))

    def record(self, sent: Sent, life: int, *, is_proven: bool, is_met: bool) -> None:
        """Note a content as sent. A text leaves again in one life of a device, and in a met pair at all, on a
        proven session alone (SES-22, SES-37). An older store that came back does not know what it has sent.
        """
        self.envelopes[sent.envelope] = sent
        if isinstance(sent.content.payload, Text):
            place = (sent.sender, sent.recipient, sent.content.id)
            assert (life, place) not in self.sent_in or is_proven, "a text sent again before an answer"
            assert is_proven or not is_met, "a text on an unproven session of a pair that has met"
            self.texts[place] = sent.content
            self.sent_in.add((life, place))

    def accept(self, device: DeviceModel, delivery: Delivery, envelope: bytes) -> None:
        """Check that what opened is what was sent, byte by byte, opens once in a life, and that its text is
        given once (DR-12, HS-09, SES-11).
        """
        sent = self.envelopes.get(envelope)
        assert sent is not None, "accepted what was never sent, or was changed on the way"
        assert (sent.sender, sent.recipient) == (delivery.peer, device.owner.index), "accepted for another"
        assert sent.session_id == delivery.session_id, "accepted in another session than it was sent in"
        assert _but_epoch(delivery.content) == _but_epoch(sent.content), "accepted with another content"
        assert (device.life, envelope) not in self.opened, "opened twice"
        self.opened.add((device.life, envelope))
        if delivery.is_given:
            once = (device.life, delivery.peer, delivery.content.id)
            assert once not in self.given_in, "given twice"
            self.given_in.add(once)
            self.given.add((device.owner.index, delivery.peer, delivery.content.id))

    def was_given(self, sender: int, recipient: int, content_id: ContentId) -> bool:
        """Whether the application of a recipient has a text."""
        return (recipient, sender, content_id) in self.given


def _but_epoch(content: Content) -> tuple[object, ...]:
    """Return everything that the sender chose; `epoch` is the session's (HS-05)."""
    return content._replace(epoch=None)
