"""What the backup of a client in the middle of a conversation holds, and what it must not."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from e2ee_client import restoring
from e2ee_client.engine.records import OWN_KEY, Own, OwnPrekey
from e2ee_client.errors import BackupCorrupt
from e2ee_client.rows import TABLES, Put
from e2ee_client.store import Passphrase, Store, backup
from engine_world import World
from parties import Party
from store_probe import CHEAP

KEPT = frozenset({"contact", "list", "message", "timeline"})


@pytest.fixture
def customer_in_conversation() -> Iterator[Store]:
    """The rows of a customer's client after a text and its answer."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    customer.send(customer.add(company.engine.card()), "Guten Tag")
    world.settle()
    store = Store.in_memory()
    for table, rows in customer.rows.tables.items():
        store.commit([Put(table, key, value) for key, value in rows.items()])
    yield store
    store.close()
    world.relay.close()


def test_a_backup_holds_no_ratchet_state_and_no_prekeys(customer_in_conversation: Store) -> None:
    """STO-26: the kept tables' rows are in it as they are; of all others no row, and no key of the device."""
    store = customer_in_conversation
    payload = backup.open_(Passphrase("phrase"), restoring.seal(store, None, "phrase", os.urandom, CHEAP))
    rows = {table: [value for _, value in store.items(table)] for table in TABLES}
    assert all(rows[table] for table in (*KEPT, "session", "prekey"))
    for table in TABLES:
        assert {value in payload for value in rows[table]} <= {table in KEPT}, table
    for key, value in store.items("prekey"):
        pair = OwnPrekey.decode(key, value).pair
        assert pair.private.expose() not in payload
        assert pair.prekey.signed not in payload
    own = Own.decode(OWN_KEY, store.get("account", OWN_KEY) or b"")
    for device_key in (own.device.signing_key, own.device.dh_key, own.device.hedge):
        assert device_key.expose() not in payload
    assert own.account_key is not None
    assert own.account_key.expose() in payload


def test_a_backup_of_another_accounts_device_is_refused(customer_in_conversation: Store) -> None:
    """STO-26: account key, device list and device record are of one account."""
    store = customer_in_conversation
    own = Own.decode(OWN_KEY, store.get("account", OWN_KEY) or b"")
    stranger = Party.make("stranger").device.record.encoded
    payload = backup.open_(Passphrase("phrase"), restoring.seal(store, None, "phrase", os.urandom, CHEAP))
    forged = payload.replace(own.device.record.encoded, stranger)
    assert len(stranger) == len(own.device.record.encoded)
    assert forged != payload
    file = backup.seal(Passphrase("phrase"), forged, os.urandom, CHEAP)
    with pytest.raises(BackupCorrupt):
        restoring.open_("phrase", file)
