"""Rows of files: what is on its way to the relay, what entries have announced, who is trusted with much."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final, NamedTuple

from e2ee.constants import HASH_B
from e2ee.files import Announced, sealed_size
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.secret import FileKey
from e2ee_client.engine.row_codec import Row

FILE_ID_B: Final = 16
SECRET_B: Final = 32
"""A blob's id and its writer's secret (RLY-240)."""


class Payer(NamedTuple):
    """A device whose mailbox may pay for a blob, with the token that writes to it (FIL-11)."""

    device_id: DeviceId
    mailbox: bytes
    token: bytes

    def __repr__(self) -> str:
        return f"<Payer {self.device_id.hex()[:8]}>"


@dataclass(slots=True)
class FileOut(Row):
    """A file that is sealed on disk: on its way, or announced by `entry`, perhaps by another device (FIL-22);
    with `is_over` its blob is to be dropped. One that is being sealed has no hash yet, and no type (FIL-24).
    `recipients` are those to whom the entry went, `held_by` those of them that hold it.
    """

    TABLE: ClassVar[str] = "file_out"
    KEY: ClassVar = (("id", FILE_ID_B),)
    id: bytes
    room_id: RoomId
    name: str = field(repr=False)
    media_type: str = field(repr=False)
    size_b: int
    padded_b: int
    hash: bytes
    file_key: FileKey
    blob: bytes = field(repr=False)
    secret: bytes = field(repr=False)
    payer: DeviceId | None = None
    mailbox: bytes = field(default=b"", repr=False)
    token: bytes = field(default=b"", repr=False)
    entry: EntryHash | None = None
    expires_ms: int = 0
    recipients: tuple[DeviceId, ...] = ()
    held_by: tuple[DeviceId, ...] = ()
    is_over: bool = False


@dataclass(slots=True)
class FileIn(Row):
    """A file that an entry has announced; one of ours is held from then on."""

    TABLE: ClassVar[str] = "file_in"
    KEY: ClassVar = (("entry", HASH_B),)
    entry: EntryHash
    room_id: RoomId
    writer: DeviceId
    payer: DeviceId
    blob: bytes = field(repr=False)
    size_b: int
    expires_ms: int
    is_held: bool = False
    told: int = 0
    held_by: tuple[DeviceId, ...] = ()


@dataclass(slots=True)
class TrustedRow(Row):
    """An account that a person of ours has trusted with large files."""

    TABLE: ClassVar[str] = "meta"
    PREFIX: ClassVar[bytes] = b"trusted/"
    KEY: ClassVar = (("account_id", HASH_B),)
    account_id: AccountId
    since_ms: int


class FileTicket(NamedTuple):
    """What it takes to get, and to open, the file of an entry."""

    entry: EntryHash
    room_id: RoomId
    name: str
    media_type: str
    file_key: FileKey
    announced: Announced
    blob: bytes
    expires_ms: int
    is_ours: bool

    def __repr__(self) -> str:
        return f"<FileTicket {self.entry.hex()[:8]}>"

    @property
    def sealed_b(self) -> int:
        """The size of its blob."""
        return sealed_size(self.announced.size_b)
