"""The key file: values that end with their row, whatever copies of the database there are (STO-53).

    head (128) = magic 8 || format 2 || store id 16 || zeros
    slot (128) = nonce 24 || XChaCha20-Poly1305(key of the key file, nonce, plaintext, associated data)
    plaintext  = id 16 || value length 1 || value || zeros
    associated data = label 16 || format 2 || store id 16

A slot that holds zeros is free. Slots are overwritten where they stand, since a file that is written anew
leaves its old blocks on the disk.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from e2ee.ports import Rng
from e2ee_client.errors import StoreCorrupt, StoreError, StoreMisuse, StoreTooNew

from . import files, sodium
from .keys import Subkey
from .labels import KEYS

MAGIC: Final = b"SR1keys\n"
FORMAT: Final = 1
SLOT_B: Final = 128
ID_B: Final = 16
_PLAIN_B: Final = SLOT_B - sodium.NONCE_B - sodium.TAG_B
MAX_VALUE_B: Final = _PLAIN_B - ID_B - 1
_HEAD: Final = struct.Struct(">8sH16s")
_FREE: Final = bytes(SLOT_B)


class _Kept(NamedTuple):
    """A value and the slot that it stands in."""

    slot: int
    value: bytes

    def __repr__(self) -> str:
        return f"<_Kept {self.slot}>"


class KeyFile:
    """The values by id. Its file begins with the first one; without a path there is none."""

    __slots__ = ("_free", "_kept", "_key", "_next", "_path", "_prefix", "_rng", "_store_id", "_waste")

    def __init__(self, path: Path | None, key: Subkey, store_id: bytes, rng: Rng) -> None:
        """Read the file, if there is one.

        Raises:
            StoreCorrupt: it is of another store (STO-56). StoreTooNew: it has a newer format.
            StoreUnavailable: it cannot be read.
        """
        self._path, self._key, self._store_id, self._rng = path, key, store_id, rng
        self._prefix = KEYS + FORMAT.to_bytes(2) + store_id
        self._kept: dict[bytes, _Kept] = {}
        self._free: list[int] = []
        self._waste: list[int] = []  # slots that hold what nobody asks for, to be overwritten
        self._next = 1
        if path is not None:
            with files.translated_os_errors("reading the key file"):
                if path.exists():
                    files.make_private(path)
                    self._load(path.read_bytes())

    def __repr__(self) -> str:
        return f"<KeyFile of {len(self._kept)}>"

    def _load(self, content: bytes) -> None:
        magic, number, store_id = _HEAD.unpack(content[: _HEAD.size].ljust(_HEAD.size, b"\0"))
        if magic == MAGIC and number > FORMAT:
            raise StoreTooNew("the key file has a newer format")
        if (magic, number, store_id) != (MAGIC, FORMAT, self._store_id):
            raise StoreCorrupt("the key file is none, or of another store")
        self._next = max(1, -(-len(content) // SLOT_B))
        for slot in range(1, self._next):
            box = content[slot * SLOT_B : (slot + 1) * SLOT_B]
            found = None if box == _FREE else self._opened(box)
            if box == _FREE:
                self._free.append(slot)
            elif found is None or found[0] in self._kept:
                self._waste.append(slot)
            else:
                self._kept[found[0]] = _Kept(slot, found[1])

    def _opened(self, box: bytes) -> tuple[bytes, bytes] | None:
        """Return id and value of a slot; None for one that a crash or somebody else has left."""
        try:
            plain = sodium.open_(
                self._key.expose(), box[: sodium.NONCE_B], box[sodium.NONCE_B :], self._prefix
            )
        except sodium.DoesNotOpen:
            return None
        start = ID_B + 1
        return plain[:ID_B], plain[start : start + plain[ID_B]]

    @property
    def ids(self) -> Collection[bytes]:
        """The ids of all values."""
        return self._kept.keys()

    def value(self, key_id: bytes) -> bytes | None:
        """Return a value; None if it is not here."""
        found = self._kept.get(key_id)
        return None if found is None else found.value

    def add(self, values: Sequence[bytes]) -> list[bytes]:
        """Write values into slots and return their ids; all are on disk when this returns (STO-54).

        Raises:
            StoreMisuse: a value is too long. StoreFull, StoreUnavailable: none of them is here.
        """
        if any(len(one) > MAX_VALUE_B for one in values):
            raise StoreMisuse(f"a value of the key file has at most {MAX_VALUE_B} bytes")
        made = {self._rng(ID_B): _Kept(self._slot(), one) for one in values}
        try:
            self._write([(one.slot, self._sealed(key_id, one.value)) for key_id, one in made.items()])
        except StoreError:
            self._waste += [one.slot for one in made.values()]
            raise
        self._kept.update(made)
        return list(made)

    def _slot(self) -> int:
        if self._free:
            return self._free.pop()
        self._next += 1
        return self._next - 1

    def _sealed(self, key_id: bytes, value: bytes) -> bytes:
        plain = (key_id + bytes((len(value),)) + value).ljust(_PLAIN_B, b"\0")
        nonce = self._rng(sodium.NONCE_B)
        return nonce + sodium.seal(self._key.expose(), nonce, plain, self._prefix)

    def remove(self, key_ids: Iterable[bytes]) -> None:
        """Overwrite the slots of values with zeros; no byte of them is in the file when this returns.

        Raises:
            StoreFull, StoreUnavailable: they are not here any more; the next call overwrites them.
        """
        self._waste += [self._kept.pop(one).slot for one in key_ids if one in self._kept]
        self._write([(slot, _FREE) for slot in self._waste])
        self._free += self._waste
        self._waste = []

    def _write(self, boxes: Sequence[tuple[int, bytes]]) -> None:
        if self._path is None or not boxes:
            return
        with files.translated_os_errors("writing the key file"):
            if not self._path.exists():
                head = _HEAD.pack(MAGIC, FORMAT, self._store_id)
                files.write_private(self._path, head.ljust(SLOT_B, b"\0"))
            files.overwrite(self._path, [(slot * SLOT_B, box) for slot, box in boxes])

    def destroy(self) -> None:
        """Overwrite and remove the file (STO-17).

        Raises:
            StoreFull, StoreUnavailable.
        """
        if self._path is not None and self._path.exists():
            with files.translated_os_errors("removing the key file"):
                files.overwrite(self._path, [(0, bytes(os.path.getsize(self._path)))])
                self._path.unlink()
                files.synchronise_directory(self._path.parent)
