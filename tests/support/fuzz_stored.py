"""Fuzz targets of chapter 12: rows of the store, its header, and backup files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from e2ee_client import restoring
from e2ee_client.engine import outbox, own_mailbox, peers, records
from e2ee_client.engine.row_codec import to_array
from e2ee_client.errors import BackupCorrupt, BackupTooNew, StoreCorrupt, StoreTooNew
from e2ee_client.events import MessageState
from e2ee_client.rows import Put
from e2ee_client.store import backup, header, sodium
from e2ee_client.store.header import Header
from e2ee_client.store.keys import MIB, KdfProfile, WrappingKey
from fuzz_target import Shape, Target, require
from parties import DAY_MS, NOW_MS, NUMBER, Party, ScriptedRng

from e2ee.errors import (
    BadSignature,
    DecodeError,
    IdentityMismatch,
    InvalidArgument,
    InvalidKey,
    UnsupportedVersion,
)
from e2ee.secret import RecoveryKey
from e2ee.wire import cbor

# --- rows ---


@cache
def _party() -> Party:
    return Party.make("fuzz")


def _rows() -> tuple[Put, ...]:
    """One valid row of every kind; the first byte of an input chooses the kind, the rest is the row."""
    party = _party()
    account, device = party.account_id, party.device
    pinned = party.device_list
    return (
        records.Own(
            account,
            party.account_key,
            device,
            pinned,
            "wss://relay.example/",
            "Fuzz",
            True,
            False,
            b"s",
            device.record,
            3,
            False,
            False,
            4,
            NOW_MS,
            5,
            6,
        ).put(),
        own_mailbox.Mailbox(
            b"m" * 16, "wss://relay.example/", b"o" * 32, b"", True, {b"": (b"t" * 32, True)}
        ).put(),
        records.Contact(
            account, None, "wss://relay.example/", True, True, False, "", pinned.signed, pinned.head
        ).put(),
        peers.Peer(
            account,
            device.record.device_id,
            device.record,
            party.way_back,
            NOW_MS,
            {b"s" * 32: peers.Given(party.compact_bundle(), NOW_MS + 14 * DAY_MS)},
            b"s" * 32,
            (1, 2, b"t" * 32),
        ).put(),
        records.OwnPrekey(party.spk, device.record, account).put(),
        outbox.Outgoing(
            1,
            account,
            b"d" * 16,
            b"i" * 16,
            True,
            NOW_MS,
            b"e" * 64,
            b"j" * 16,
            b"s" * 32,
            NUMBER,
            2,
            NOW_MS + 1,
            b"a" * 8,
        ).put(),
        records.Message(account, b"i" * 16, False, "text", NOW_MS, NOW_MS, MessageState.QUEUED, 7, 1).put(),
        records.DueReceipts(account + device.record.device_id, [b"i" * 16]).put(),
    )


_ROWS: Final = cache(_rows)


_DECODERS: Final[tuple[Callable[[bytes, bytes], Any], ...]] = (
    records.Own.decode,
    own_mailbox.Mailbox.decode,
    records.Contact.decode,
    peers.Peer.decode,
    records.OwnPrekey.decode,
    outbox.Outgoing.decode,
    records.Message.decode,
    records.DueReceipts.decode,
)


def _kind(data: bytes) -> int:
    return data[0] % len(_DECODERS) if data else 0


def _decode_row(data: bytes) -> Any:
    kind = _kind(data)
    return _DECODERS[kind](_ROWS()[kind].key, data[1:])


def _row_holds(data: bytes, decoded: Any) -> None:
    """A row that was read is written, and what was written is read again and written the same."""
    kind = _kind(data)
    put = decoded.put()
    again = _DECODERS[kind](put.key, put.value)
    require(again.put() == put, "a row survives being stored (STO-08)")


def _row_seeds() -> Iterator[bytes]:
    for kind, put in enumerate(_ROWS()):
        yield bytes((kind,)) + put.value


# --- header of a store ---


def _header_holds(data: bytes, decoded: Header) -> None:
    require(header.encode(decoded) == data, "a header has one encoding (STO-04)")


def _header_seeds() -> Iterator[bytes]:
    salt, store_id, nonce, wrapped = b"s" * 16, b"i" * 16, b"n" * 24, b"w" * 48
    yield header.encode(Header(None, bytes(16), store_id, nonce, wrapped))
    yield header.encode(Header(KdfProfile(3, 256 * MIB), salt, store_id, nonce, wrapped))


# --- backups ---


@cache
def _backup_key() -> WrappingKey:
    return WrappingKey(b"k" * 32)


def _decode_backup(data: bytes) -> bytes:
    """The file as it is read once its passphrase fits; the derivation is left out, its cost is the file's."""
    backup._read_fixed(data)
    head = data[: backup.HEADER_B]
    return b"".join(backup._open_chunks(_backup_key(), head, data[backup.HEADER_B :]))


def _backup_holds(data: bytes, payload: bytes) -> None:
    sealed_b = len(data) - backup.HEADER_B
    chunks = max(1, -(-sealed_b // (backup.CHUNK_B + sodium.STREAM_EXTRA_B)))
    require(
        len(payload) == sealed_b - chunks * sodium.STREAM_EXTRA_B, "every byte belongs to a chunk (STO-25)"
    )


def _backup_file(*chunks: bytes) -> bytes:
    stream = sodium.PushStream(backup._body_key(_backup_key()))
    fixed = backup._FIXED.pack(backup.MAGIC, backup.FORMAT, 1, 8 * MIB, b"s" * 16) + stream.header
    head = fixed + backup._check(_backup_key(), fixed)
    last = len(chunks) - 1
    return head + b"".join(stream.push(one, head, last=at == last) for at, one in enumerate(chunks))


def _backup_seeds() -> Iterator[bytes]:
    yield _backup_file(b"")
    yield _backup_file(b"payload" * 9)
    yield _backup_file(b"c" * 64, b"after the first")


def _decode_payload(data: bytes) -> restoring.Saved:
    """What an opened backup holds, with the contacts, messages and devices in it."""
    saved = restoring._saved(cbor.decode(data, len(data)))
    for key, row in saved.contacts:
        records.Contact.decode(key, row)
    for key, row in saved.messages:
        records.Message.decode(key, row)
    for key, row in saved.devices:
        peers.Peer.decode(key, row)
    return saved


def _payload_holds(data: bytes, saved: restoring.Saved) -> None:
    require(saved.account_id == saved.device_list.account_id, "the list is the account's (STO-26)")


def _payload_seeds() -> Iterator[bytes]:
    party, rows = _party(), _ROWS()
    contact, message, device = ([(rows[at].key, rows[at].value)] for at in (2, 6, 3))
    for recovery in (None, RecoveryKey(ScriptedRng("recovery")(32))):
        saved = restoring.Saved(
            party.account_key,
            recovery,
            party.device.record,
            party.device_list,
            "wss://relay.example/",
            "Fuzz",
            True,
            False,
            lists=[(b"\0" * 8, party.device_list.signed)],
            contacts=contact,
            messages=message,
            timeline=[(bytes(36), bytes(17))],
            devices=device,
        )
        yield cbor.encode(["sealroom account", *to_array(saved)])


# What `restoring.open_` turns into BackupCorrupt.
_CORE: Final = frozenset(
    {BadSignature, DecodeError, IdentityMismatch, InvalidArgument, InvalidKey, UnsupportedVersion}
)
_UNREADABLE: Final = frozenset({StoreCorrupt})

TARGETS: Final = (
    Target("row", _decode_row, _row_holds, _UNREADABLE, _row_seeds, Shape.CBOR, 4096),
    Target(
        "store_header",
        header.decode,
        _header_holds,
        _UNREADABLE | {StoreTooNew},
        _header_seeds,
        max_b=header.HEADER_B + 1,
        sizes=(header.HEADER_B,),
    ),
    Target(
        "backup",
        _decode_backup,
        _backup_holds,
        frozenset({BackupCorrupt, BackupTooNew}),
        _backup_seeds,
        max_b=512,
    ),
    Target(
        "backup_payload",
        _decode_payload,
        _payload_holds,
        _CORE | {BackupCorrupt, StoreCorrupt},
        _payload_seeds,
        Shape.CBOR,
        4096,
    ),
)
