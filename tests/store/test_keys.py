"""What opens a store, and what its keys look like from outside."""

from __future__ import annotations

import copy
import hashlib
import inspect
import logging
import pickle  # noqa: TID251  # to show that keys refuse it
import struct
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import nacl.exceptions
import pytest
from e2ee_client import Runtime, account_key, restoring
from e2ee_client.errors import (
    SealroomError,
    StoreCorrupt,
    StoreMisuse,
    StoreTooNew,
    StoreUnavailable,
    StoreWrongKey,
)
from e2ee_client.store import (
    MODERATE,
    Delete,
    KdfProfile,
    Passphrase,
    Put,
    RawKey,
    Store,
    Unlock,
    backup,
    header,
)
from e2ee_client.store.keys import MAX_MEMORY_B, MIB, DataKey, StoreKeys, WrappingKey, stretch
from e2ee_client.store.sealing import RowSealer
from e2ee_client.store.state import StateSealer
from store_probe import CHEAP, RAW_KEY, all_bytes, flipped, keyless

PHRASE = Passphrase("korrekt Pferd Batterie")
OTHER = Passphrase("something else")


def _header(path: Path) -> bytes:
    with keyless(path) as connection:
        box = connection.execute("SELECT box FROM header").fetchone()[0]
    if not isinstance(box, bytes):
        raise TypeError
    return box


def test_a_passphrase_opens_what_it_created(tmp_path: Path) -> None:
    """STO-04, STO-05."""
    path = tmp_path / "store"
    with Store.create(path, PHRASE, kdf_profile=CHEAP) as store:
        store.commit([Put("account", b"k", b"v")])
    with Store.open(path, Passphrase("korrekt Pferd Batterie")) as store:
        assert store.get("account", b"k") == b"v"


def test_what_asks_for_no_cost_has_the_usual_one(tmp_path: Path) -> None:
    """STO-04: tests of commands and pages lower it (`quick_keys`)."""
    assert KdfProfile(3, 256 << 20) == MODERATE
    asking = (Store.create, Store.change_passphrase, backup.seal, account_key.seal, restoring.seal)
    defaults = [inspect.signature(one).parameters["kdf_profile"].default for one in asking]
    assert [*defaults, Runtime().kdf_profile] == [MODERATE] * 6
    Store.create(tmp_path / "store", PHRASE).close()
    assert struct.unpack_from(">IQ", _header(tmp_path / "store"), 3) == (3, 256 << 20)


@pytest.mark.parametrize("wrong", [OTHER, Passphrase("korrekt Pferd Batterie "), RAW_KEY], ids=repr)
def test_another_key_is_refused_and_changes_nothing(tmp_path: Path, wrong: Unlock) -> None:
    """STO-05."""
    path = tmp_path / "store"
    Store.create(path, PHRASE, kdf_profile=CHEAP).close()
    before = all_bytes(tmp_path)
    with pytest.raises(StoreWrongKey):
        Store.open(path, wrong)
    assert all_bytes(tmp_path) == before
    Store.open(path, PHRASE).close()


@pytest.mark.parametrize("wrong", [PHRASE, RawKey(bytes(32))], ids=repr)
def test_a_raw_key_store_opens_by_its_raw_key_only(tmp_path: Path, wrong: Unlock) -> None:
    """STO-04, STO-05."""
    Store.create(tmp_path / "store", RAW_KEY).close()
    with pytest.raises(StoreWrongKey):
        Store.open(tmp_path / "store", wrong)


def test_a_passphrase_is_the_same_however_it_was_typed() -> None:
    """STO-04: NFC."""
    composed, decomposed = (
        unicodedata.normalize("NFC", "Übergröße"),
        unicodedata.normalize("NFD", "Übergröße"),
    )
    assert composed != decomposed
    assert Passphrase(composed) == Passphrase(decomposed)


@pytest.mark.parametrize(
    "text", ["", "x" * 1025, "ü" * 513, "\ud800"], ids=["empty", "long", "long in bytes", "surrogate"]
)
def test_an_unusable_passphrase_is_refused(text: str) -> None:
    """STO-04."""
    with pytest.raises(StoreMisuse):
        Passphrase(text)


@pytest.mark.parametrize("size_b", [0, 31, 33])
def test_a_raw_key_has_32_bytes(size_b: int) -> None:
    """STO-04."""
    with pytest.raises(StoreMisuse):
        RawKey(bytes(size_b))


@pytest.mark.parametrize(
    ("passes", "memory_b"), [(0, 8 * MIB), (17, 8 * MIB), (1, 8 * MIB - 1), (1, MAX_MEMORY_B + 1)]
)
def test_costs_out_of_bounds_are_refused_before_they_are_paid(
    tmp_path: Path, passes: int, memory_b: int
) -> None:
    """STO-04: in code and in the file."""
    with pytest.raises(StoreMisuse):
        KdfProfile(passes, memory_b)
    path = tmp_path / "store"
    Store.create(path, PHRASE, kdf_profile=CHEAP).close()
    box = _header(path)
    with keyless(path) as connection:
        changed = box[:3] + struct.pack(">IQ", passes, memory_b) + box[15:]
        connection.execute("UPDATE header SET box = ?", (changed,))
    with pytest.raises(StoreCorrupt):
        Store.open(path, PHRASE)


def test_argon2id_is_what_the_chapter_says() -> None:
    """STO-04: against the Argon2id of another library."""
    argon2 = pytest.importorskip("cryptography.hazmat.primitives.kdf.argon2")
    theirs = argon2.Argon2id(salt=bytes(16), length=32, iterations=1, lanes=1, memory_cost=8 * 1024)
    assert stretch(Passphrase("pass"), bytes(16), CHEAP) == theirs.derive(b"pass")


def test_subkeys_are_what_the_chapter_says() -> None:
    """STO-03: computed here from the text, without the store's code."""
    data_key = bytes(range(32))
    keys = StoreKeys(DataKey(data_key))
    for name, label in {
        "row": b"SR1-store-row",
        "blind": b"SR1-store-blind",
        "sum": b"SR1-store-sum",
        "state": b"SR1-store-state",
        "anchor": b"SR1-store-anchor",
    }.items():
        expected = hashlib.blake2b(b"", key=data_key, digest_size=32, person=label.ljust(16, b"\0")).digest()
        assert getattr(keys, name).expose() == expected


def test_header_bytes_are_what_the_chapter_says() -> None:
    """STO-05: fields, sizes, and that each of them is authenticated."""
    made = header.wrap(PHRASE, DataKey(bytes(32)), b"i" * 16, CHEAP, lambda size_b: b"r" * size_b)
    box = header.encode(made)
    fixed = struct.pack(">HBIQ16s16s", 1, 1, 1, 8 * MIB, b"r" * 16, b"i" * 16)
    assert (len(box), box[:47], box[47:71]) == (119, fixed, b"r" * 24)
    assert header.unwrap(PHRASE, header.decode(box)) == DataKey(bytes(32))
    raw = header.encode(
        header.wrap(RAW_KEY, DataKey(bytes(32)), b"i" * 16, CHEAP, lambda size_b: b"r" * size_b)
    )
    for position in range(119):
        with pytest.raises((StoreWrongKey, StoreCorrupt, StoreTooNew)):
            header.unwrap(RAW_KEY, header.decode(flipped(raw, position)))


def test_a_newer_header_is_told_apart_from_a_damaged_one() -> None:
    """STO-18."""
    box = header.encode(header.wrap(RAW_KEY, DataKey(bytes(32)), bytes(16), CHEAP, bytes))
    with pytest.raises(StoreTooNew):
        header.decode(b"\0\2" + box[2:] + b"more")
    with pytest.raises(StoreCorrupt):
        header.decode(b"\0\0" + box[2:])
    with pytest.raises(StoreCorrupt):
        header.decode(box + b"\0")
    with pytest.raises(StoreCorrupt):
        header.decode(b"")


CHANGES: list[tuple[Unlock, Unlock]] = [
    (PHRASE, OTHER),
    (PHRASE, RAW_KEY),
    (RAW_KEY, PHRASE),
    (RAW_KEY, RawKey(bytes(32))),
]


@pytest.mark.parametrize(("old", "new"), CHANGES, ids=repr)
def test_changing_the_passphrase(tmp_path: Path, old: Unlock, new: Unlock) -> None:
    """STO-19: the new one opens, the old one does not, rows keep their bytes, the old wrap is gone."""
    path = tmp_path / "store"
    with Store.create(path, old, kdf_profile=CHEAP) as store:
        store.commit([Put("account", b"k", b"v")])
    wrapped = _header(path)[-72:]
    with keyless(path) as connection:
        row = connection.execute("SELECT box FROM slot WHERE n = 1").fetchone()[0]
    with Store.open(path, old) as store:
        store.change_passphrase(old, new, kdf_profile=CHEAP)
        now = all_bytes(tmp_path)
        for start in range(0, len(wrapped) - 8, 8):
            assert wrapped[start : start + 8] not in now
        assert row in now
        store.commit([Put("account", b"k", b"w"), Delete("account", b"x")])
    with pytest.raises(StoreWrongKey):
        Store.open(path, old)
    with Store.open(path, new) as store:
        assert store.get("account", b"k") == b"w"


def test_changing_needs_the_old_passphrase(tmp_path: Path) -> None:
    """STO-19: an open store is not enough."""
    path = tmp_path / "store"
    with Store.create(path, PHRASE, kdf_profile=CHEAP) as store, pytest.raises(StoreWrongKey):
        store.change_passphrase(OTHER, RAW_KEY)
    Store.open(path, PHRASE).close()


def test_a_change_makes_salt_and_nonce_new(tmp_path: Path) -> None:
    """STO-19: also if the passphrase stays."""
    path = tmp_path / "store"
    with Store.create(path, PHRASE, kdf_profile=CHEAP) as store:
        pass
    before = header.decode(_header(path))
    with Store.open(path, PHRASE) as store:
        store.change_passphrase(PHRASE, PHRASE, kdf_profile=CHEAP)
    after = header.decode(_header(path))
    assert before.salt != after.salt
    assert before.nonce != after.nonce
    assert before.store_id == after.store_id


SECRETS: list[object] = [
    PHRASE,
    RAW_KEY,
    DataKey(b"\xab" * 32),
    WrappingKey(b"\xab" * 32),
    StoreKeys(DataKey(b"\xab" * 32)),
]
SEALERS: list[object] = [
    RowSealer(StoreKeys(DataKey(b"\xab" * 32)), bytes(16), bytes),
    StateSealer(StoreKeys(DataKey(b"\xab" * 32)), bytes(16), bytes),
]


@pytest.mark.parametrize("secret", SECRETS + SEALERS, ids=repr)
def test_keys_are_neither_shown_nor_copied_nor_pickled(secret: object) -> None:
    """STO-21."""
    shown = f"{secret!r} {secret} {vars(secret) if hasattr(secret, '__dict__') else ''}"
    for leak in ("korrekt", "abab", "\\xab", "0001", "\\x01"):
        assert leak not in shown
    for take in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            take(secret)


@pytest.fixture
def every_error(tmp_path: Path) -> Iterator[list[Callable[[], object]]]:
    """Calls that raise each error of the store, with canaries in whatever they are given."""
    path = tmp_path / "store"
    with Store.create(path, Passphrase("canary-phrase"), kdf_profile=CHEAP) as made:
        made.commit([Put("session", b"canary-key", b"canary-value")])
    store = Store.open(path, Passphrase("canary-phrase"))
    closed = Store.in_memory()
    closed.close()
    Store.create(tmp_path / "other", Passphrase("canary-phrase"), kdf_profile=CHEAP).close()
    with keyless(tmp_path / "garbage") as connection:
        connection.execute("CREATE TABLE canary (value)")
    yield [
        lambda: Store.open(path, Passphrase("canary-phrase")),
        lambda: Store.create(tmp_path / "garbage", Passphrase("canary-phrase"), kdf_profile=CHEAP),
        lambda: Store.open(tmp_path / "garbage", Passphrase("canary-phrase")),
        lambda: store.commit([Put("canary-table", b"canary-key", b"canary-value")]),
        lambda: store.commit([Put("session", b"canary-key" * 99, b"canary-value")]),
        lambda: store.change_passphrase(Passphrase("canary-wrong"), Passphrase("canary-new")),
        lambda: store.get("session", b"canary-key" * 99),
        lambda: closed.get("session", b"canary-key"),
        lambda: Store.open(tmp_path / "other", Passphrase("canary-wrong")),
        lambda: Passphrase("canary-" * 999),
    ]
    store.close()


def test_no_secret_in_errors_reprs_or_logs(
    every_error: list[Callable[[], object]], caplog: pytest.LogCaptureFixture
) -> None:
    """STO-21: messages and the exceptions' own text; rows redact their keys and values."""
    caplog.set_level(logging.DEBUG)
    for provoke in every_error:
        with pytest.raises(SealroomError) as caught:
            provoke()
        error: BaseException | None = caught.value
        while error is not None:
            assert "canary" not in "".join(traceback.format_exception_only(error))
            error = error.__cause__ or error.__context__
    assert "canary" not in repr(Put("session", b"canary", b"canary")) + repr(Delete("session", b"canary"))
    assert "canary" not in caplog.text


def test_too_little_memory_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """STO-04: libsodium's answer when the system gives it no memory."""

    def no_memory(*_: object) -> bytes:
        raise nacl.exceptions.RuntimeError("out of memory")

    monkeypatch.setattr("nacl.bindings.crypto_pwhash_alg", no_memory)
    with pytest.raises(StoreUnavailable):
        stretch(PHRASE, bytes(16), CHEAP)


def test_row_ids_and_table_tags_are_what_the_chapter_says() -> None:
    """STO-06: computed here from the text; the length keeps table and key apart."""
    keys = StoreKeys(DataKey(bytes(range(32))))
    rows = RowSealer(keys, bytes(16), bytes)

    def prf(size_b: int, data: bytes) -> bytes:
        label = b"SR1-store-blind".ljust(16, b"\0")
        return hashlib.blake2b(data, key=keys.blind.expose(), digest_size=size_b, person=label).digest()

    assert rows.row_id("session", b"key") == prf(32, b"\x07sessionkey")
    assert rows.table_tag("session") == prf(8, b"session")
