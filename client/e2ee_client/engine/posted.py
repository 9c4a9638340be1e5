"""What is posted to devices for a room or a team: one content, stored once for all of them (TRN-29)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from e2ee.constants import CONTENT_ID_B
from e2ee.content import Content, ContentType, OfRooms
from e2ee.ids import ContentId
from e2ee.wire import cbor
from e2ee_client.errors import StoreCorrupt

from .row_codec import Row, stored_parts

POSTED_TYPES: Final = frozenset(
    {ContentType.ENTRY, ContentType.FORWARD, ContentType.DOSSIER, ContentType.ROSTER}
)
_PAYLOAD_MAX_B: Final = 65_536


@dataclass(frozen=True, slots=True)
class Posted:
    """A counted content of a room or a team: type 8, 10, 11 or 12 (CON-12). Its id has 16 bytes."""

    content_id: bytes
    sent_ms: int
    type: ContentType
    payload: cbor.Value = field(repr=False)
    lasts: bool = False
    """Whether it is kept for a device until that has confirmed it (ROOM-73)."""

    def content(self) -> Content:
        """Return what is sealed, before it has the number of a pair."""
        return Content(ContentId(self.content_id), self.sent_ms, OfRooms(self.type, self.payload))

    def row(self) -> PostedRow:
        """Return the stored form."""
        return PostedRow(self.content_id, self.sent_ms, int(self.type), cbor.encode(self.payload))


@dataclass(slots=True)
class PostedRow(Row):
    """A posted content, kept until no device is left to confirm it."""

    TABLE = "posted"
    KEY = (("content_id", CONTENT_ID_B),)
    content_id: bytes
    sent_ms: int
    type: int
    payload_b: bytes = field(repr=False)

    def posted(self) -> Posted:
        """Return the content.

        Raises:
            StoreCorrupt: another type, or a payload that does not decode.
        """
        if self.type not in POSTED_TYPES:
            raise StoreCorrupt("a stored row has another shape")
        with stored_parts():
            payload = cbor.decode(self.payload_b, _PAYLOAD_MAX_B)
        return Posted(self.content_id, self.sent_ms, ContentType(self.type), payload)
