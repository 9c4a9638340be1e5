"""The store against a dictionary: random commits, openings, crashes and changes of key."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from e2ee_client.errors import StoreMisuse
from e2ee_client.store import Continuity, Delete, Put, RawKey, Store, StoreOptions
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

TABLES = st.sampled_from(["session", "skipped", "outbox"])
KEYS = st.sampled_from([b"", b"a", b"b", b"ab", b"c" * 255])
VALUES = st.one_of(st.binary(max_size=8), st.sampled_from([80, 90, 700, 9000]).map(bytes))
CHANGES = st.one_of(st.builds(Put, TABLES, KEYS, VALUES), st.builds(Delete, TABLES, KEYS))


class StoreMachine(RuleBasedStateMachine):
    """STO-09, STO-11, STO-14: equal contents and order after every step, and never a false alarm."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "db"
        self.keys = 0
        self.rows: dict[tuple[str, bytes], bytes] = {}
        self.written = False

    def _key(self) -> RawKey:
        return RawKey(self.keys.to_bytes(32))

    @initialize(erase_every=st.sampled_from([1, 3, 1000]))
    def create(self, erase_every: int) -> None:
        self.options = StoreOptions(erase_every=erase_every, anchor_every=erase_every)
        self.store = Store.create(self.path, self._key(), options=self.options)

    @rule(changes=st.lists(CHANGES, min_size=1, max_size=6))
    def commit(self, changes: list[Put | Delete]) -> None:
        self.store.commit(changes)
        self.written = True
        for change in changes:
            if isinstance(change, Put):
                self.rows[change.table, change.key] = change.value
            else:
                self.rows.pop((change.table, change.key), None)

    @rule(changes=st.lists(CHANGES, max_size=4))
    def refused_commit(self, changes: list[Put | Delete]) -> None:
        with pytest.raises(StoreMisuse):
            self.store.commit([*changes, Put("nowhere", b"", b"")])

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self._open()

    @rule()
    def crash(self) -> None:
        """What is in the files now is opened, as after a power cut; the running store is thrown away."""
        files = {ending: self.path.with_name("db" + ending) for ending in ("", "-wal", ".anchor")}
        kept = {ending: file.read_bytes() for ending, file in files.items() if file.exists()}
        self.store.close()
        for ending, data in kept.items():
            with files[ending].open("r+b" if files[ending].exists() else "wb") as file:
                file.write(data)
                file.truncate()
        self._open()

    @rule()
    def erase(self) -> None:
        self.store.erase()

    @rule()
    def change_key(self) -> None:
        old = self._key()
        self.keys += 1
        self.store.change_passphrase(old, self._key())

    def _open(self) -> None:
        self.store = Store.open(self.path, self._key(), options=self.options)
        assert self.store.continuity is (Continuity.CONTINUOUS if self.written else Continuity.FRESH)

    @invariant()
    def same_rows_in_the_same_order(self) -> None:
        for table in ("session", "skipped", "outbox"):
            expected = [(key, value) for (name, key), value in self.rows.items() if name == table]
            assert list(self.store.items(table)) == expected
            assert self.store.count(table) == len(expected)
            for key in (b"", b"a", b"c" * 255):
                assert self.store.get(table, key) == self.rows.get((table, key))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
        self.folder.cleanup()


# A step costs a few synchronised writes: a third of the profile's examples, but not less than its steps.
StoreMachine.TestCase.settings = settings(max_examples=max(20, settings().max_examples // 3))
TestStoreMachine = StoreMachine.TestCase
