"""Backup files: what opens, and everything that must not."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable

import pytest
from e2ee_client.errors import BackupCorrupt, BackupError, BackupTooNew, BackupWrongKey, StoreMisuse
from e2ee_client.store import Passphrase, backup
from e2ee_client.store.backup import CHUNK_B, HEADER_B
from hypothesis import given
from hypothesis import strategies as st
from nacl import bindings
from store_probe import CHEAP, flipped

PHRASE = Passphrase("phrase")
SEALED_B = CHUNK_B + 17


def _sealed(payload: bytes) -> bytes:
    return backup.seal(PHRASE, payload, os.urandom, CHEAP)


SHORT = _sealed(b"payload of a short backup")
LONG = _sealed(os.urandom(2 * CHUNK_B + 5))


@pytest.mark.parametrize("size_b", [0, 1, CHUNK_B - 1, CHUNK_B, CHUNK_B + 1, 3 * CHUNK_B, 3 * CHUNK_B + 5])
def test_what_was_sealed_opens(size_b: int) -> None:
    """STO-25: at every border of the chunks."""
    payload = os.urandom(size_b)
    data = _sealed(payload)
    assert len(data) == HEADER_B + size_b + 17 * max(1, -(-size_b // CHUNK_B))
    assert backup.open_(PHRASE, data) == payload


@given(st.binary(max_size=300))
def test_any_payload_comes_back(payload: bytes) -> None:
    """STO-25."""
    assert backup.open_(PHRASE, _sealed(payload)) == payload


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_typed_error(data: bytes) -> None:
    """STO-24."""
    for start in (b"", backup.MAGIC, backup.MAGIC + b"\0\1"):
        with pytest.raises(BackupError):
            backup.open_(PHRASE, start + data)


def test_two_backups_of_one_payload_differ() -> None:
    """STO-24: salt and stream are fresh, and the text is in neither."""
    first, second = _sealed(b"canary" * 9), _sealed(b"canary" * 9)
    assert first[22:] != second[22:]
    assert b"canary" not in first + second


def test_the_file_is_what_the_chapter_says() -> None:
    """STO-24, STO-25: opened here from the text, without the store's code for backups."""
    data = _sealed(b"payload" * 20_000)
    magic, format_, passes, memory_b, salt = struct.unpack_from(">8sHIQ16s", data)
    assert (magic, format_) == (b"SR1bkup\n", 1)
    key = bindings.crypto_pwhash_alg(
        32, b"phrase", salt, passes, memory_b, bindings.crypto_pwhash_ALG_ARGON2ID13
    )

    def prf(label: bytes, text: bytes) -> bytes:
        return hashlib.blake2b(text, key=key, digest_size=32, person=label.ljust(16, b"\0")).digest()

    assert prf(b"SR1-backup-head", data[:62]) == data[62:94]
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, data[38:62], prf(b"SR1-backup-body", b""))
    chunks = [data[start : start + 65553] for start in range(94, len(data), 65553)]
    pulled = [
        bindings.crypto_secretstream_xchacha20poly1305_pull(state, chunk, data[:94]) for chunk in chunks
    ]
    assert b"".join(text for text, _ in pulled) == b"payload" * 20_000
    assert [tag for _, tag in pulled] == [0, 0, 3]


@pytest.mark.parametrize(
    "position", [n for n in range(HEADER_B) if n not in range(11, 22)] + [11, 12, 15, 16]
)
def test_every_byte_of_the_header_counts(position: int) -> None:
    """STO-24: the low bytes of the costs are left to the next tests: paying a changed cost takes long."""
    with pytest.raises((BackupCorrupt, BackupWrongKey, BackupTooNew)):
        backup.open_(PHRASE, flipped(SHORT, position))


@pytest.mark.parametrize(
    ("passes", "memory_b"),
    [(0, 8 << 20), (17, 8 << 20), (1, (8 << 20) - 1), (1, (1 << 30) + 1), (2**32 - 1, 2**64 - 1)],
)
def test_costs_out_of_bounds_are_refused_before_they_are_paid(passes: int, memory_b: int) -> None:
    """STO-24."""
    with pytest.raises(BackupCorrupt):
        backup.open_(PHRASE, SHORT[:10] + struct.pack(">IQ", passes, memory_b) + SHORT[22:])


def test_a_changed_cost_within_bounds_is_refused() -> None:
    """STO-24: two passes instead of one give another key."""
    with pytest.raises(BackupWrongKey):
        backup.open_(PHRASE, SHORT[:10] + struct.pack(">IQ", 2, 8 << 20) + SHORT[22:])


def test_formats() -> None:
    """STO-24."""
    with pytest.raises(BackupTooNew):
        backup.open_(PHRASE, SHORT[:8] + b"\0\2" + SHORT[10:])
    with pytest.raises(BackupCorrupt):
        backup.open_(PHRASE, SHORT[:8] + b"\0\0" + SHORT[10:])


def test_another_passphrase_is_told_apart_from_damage() -> None:
    """STO-24."""
    with pytest.raises(BackupWrongKey):
        backup.open_(Passphrase("phrase "), SHORT)


def test_every_byte_of_the_chunks_counts() -> None:
    """STO-25."""
    for position in range(HEADER_B, len(SHORT)):
        with pytest.raises(BackupCorrupt):
            backup.open_(PHRASE, flipped(SHORT, position))
    for position in (0, SEALED_B - 1, SEALED_B, 2 * SEALED_B, len(LONG) - HEADER_B - 1):
        with pytest.raises(BackupCorrupt):
            backup.open_(PHRASE, flipped(LONG, HEADER_B + position))


def test_a_backup_cut_short_is_refused() -> None:
    """STO-25: at every byte of a short one, and at the borders of a long one."""
    for size_b in range(len(SHORT)):
        with pytest.raises(BackupCorrupt):
            backup.open_(PHRASE, SHORT[:size_b])
    for size_b in (HEADER_B, HEADER_B + 1, HEADER_B + SEALED_B, HEADER_B + 2 * SEALED_B, len(LONG) - 1):
        with pytest.raises(BackupCorrupt):
            backup.open_(PHRASE, LONG[:size_b])


def _chunks(data: bytes) -> list[bytes]:
    return [data[start : start + SEALED_B] for start in range(HEADER_B, len(data), SEALED_B)]


REARRANGED: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "two exchanged": lambda c: [c[1], c[0], c[2]],
    "one repeated": lambda c: [c[0], c[0], c[1], c[2]],
    "first missing": lambda c: c[1:],
    "middle missing": lambda c: [c[0], c[2]],
    "last missing": lambda c: c[:2],
    "last repeated": lambda c: [*c, c[2]],
    "bytes behind the last": lambda c: [*c, b"x"],
    "a chunk behind the last": lambda c: [*c, c[0]],
    "no chunk": lambda c: [],
}


@pytest.mark.parametrize("rearrange", list(REARRANGED.values()), ids=list(REARRANGED))
def test_rearranged_chunks_are_refused(rearrange: Callable[[list[bytes]], list[bytes]]) -> None:
    """STO-25."""
    with pytest.raises(BackupCorrupt):
        backup.open_(PHRASE, LONG[:HEADER_B] + b"".join(rearrange(_chunks(LONG))))


def test_chunks_behind_a_full_final_chunk_are_refused() -> None:
    """STO-25: where the final chunk has full length, a further one is a chunk of its own."""
    full = _sealed(bytes(CHUNK_B))
    with pytest.raises(BackupCorrupt):
        backup.open_(PHRASE, full + b"x" * 40)


def test_chunks_of_another_backup_are_refused() -> None:
    """STO-25: also under the same passphrase."""
    other = _sealed(bytes(2 * CHUNK_B + 5))
    with pytest.raises(BackupCorrupt):
        backup.open_(PHRASE, LONG[:HEADER_B] + other[HEADER_B:])


def test_a_payload_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """STO-08: 1 GiB is not built here, so the limit is lowered."""
    monkeypatch.setattr(backup, "MAX_PAYLOAD_B", 10)
    with pytest.raises(StoreMisuse):
        _sealed(bytes(11))
