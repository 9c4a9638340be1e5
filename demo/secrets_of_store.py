"""Which keys of a closed client's store the search looks for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from e2ee_client.engine.own_mailbox import Mailbox
from e2ee_client.engine.records import OWN_KEY, Own, OwnPrekey
from e2ee_client.engine.rooms.entry_keys import KEYS, EntryKeys, MonthKey
from e2ee_client.engine.rooms.entry_segments import SEGMENTS, decode_segment
from e2ee_client.engine.rooms.file_rows import FileOut
from e2ee_client.engine.signing_row import Signing
from e2ee_client.engine.team_rows import CardRow
from e2ee_client.engine.turn import Turn
from e2ee_client.store import RawKey, Store

from e2ee.ratchet.state import Listening, Receiving, Sending
from e2ee.rooms.entry import ROOM_ID_B, RoomId
from e2ee.session import Session
from e2ee.snapshot import decode_session, decode_skipped
from e2ee.wire import cbor

_CARD_BLIND: Final = 4


def secrets_of_store(path: str, key: bytes) -> dict[str, str]:
    """Return names and hexadecimal values of private keys and session keys in the store of a client."""
    with_keys = Store.open(path, RawKey(key))
    try:
        found = dict(_secrets(with_keys))
    finally:
        with_keys.close()
    return {name: value.hex() for name, value in found.items()}


def _secrets(store: Store) -> Iterator[tuple[str, bytes]]:
    own_row = store.get("account", OWN_KEY)
    if own_row is not None:
        own = Own.decode(OWN_KEY, own_row)
        yield "device signing key", own.device.signing_key.expose()
        yield "device identity key", own.device.dh_key.expose()
        yield "device hedge secret", own.device.hedge.expose()
        if own.account_key is not None:
            yield "account key", own.account_key.expose()
    for place, row in store.items("mailbox"):
        yield f"mailbox owner key {place.hex()[:6]}", Mailbox.decode(place, row).owner_seed
    for place, row in store.items("prekey"):
        prekey = OwnPrekey.decode(place, row).pair
        if not prekey.prekey.kind.is_one_time:
            yield f"{prekey.prekey.kind.name} {prekey.prekey.id}", prekey.private.expose()
    for place, row in store.items("session"):
        yield from _session_secrets(place.hex()[:6], decode_session(row))
    for place, row in store.items("skipped"):
        yield f"skipped message key {place.hex()[:6]}", decode_skipped(place[32:], row).message_key.expose()
    yield from _of_rooms(store)


def _of_rooms(store: Store) -> Iterator[tuple[str, bytes]]:
    """The key that signs rosters, and blinds, without which the hash of a content tells nothing of it."""
    for place, row in store.items("team"):
        if place == Signing.PREFIX and (keys := Signing.decode(place, row).keys) is not None:
            yield "roster key", keys.roster.expose()
        if place.startswith(CardRow.PREFIX):
            yield f"blind of card {place[-3:].hex()}", _blind(CardRow.decode(place, row).encoded)
    for place, _ in store.items(KEYS):
        key = _month_key(store, place)
        if key is not None:
            yield f"key of a month {place[-3:].hex()}", key.key
    for place, row in store.items(SEGMENTS):
        segment = decode_segment(row)
        key = _month_key(store, place[:ROOM_ID_B] + segment.key.to_bytes(4))
        for entry in segment.entries.values():
            if entry.body is not None and key is not None:
                body = key.open_(RoomId(place[:ROOM_ID_B]), entry.content_id, entry.body)
                yield f"blind of entry {entry.content_id.hex()[:6]}", _blind(body)
    for place, row in store.items(FileOut.TABLE):
        sent = FileOut.decode(place, row)
        yield f"key of file {place.hex()[:6]}", sent.file_key.expose()
        yield f"owner secret of blob {place.hex()[:6]}", sent.secret


def _month_key(store: Store, place: bytes) -> MonthKey | None:
    keys = EntryKeys(store, RoomId(place[:ROOM_ID_B]), os.urandom)
    return keys.get(Turn(0), int.from_bytes(place[ROOM_ID_B:]))


def _blind(encoded: bytes) -> bytes:
    """Return the random bytes in a card or in the body of an entry."""
    value = cbor.decode(encoded)
    found = value[_CARD_BLIND] if isinstance(value, dict) else value[0] if isinstance(value, list) else None
    if not isinstance(found, bytes):
        raise ValueError("a stored content without a blind")
    return found


def _session_secrets(name: str, session: Session) -> Iterator[tuple[str, bytes]]:
    ratchet = session.ratchet
    yield f"root key {name}", ratchet.root_key.expose()
    yield f"next header key {name}", ratchet.next_receive.header_key.expose()
    if isinstance(ratchet.sending, Sending):
        yield f"sending chain key {name}", ratchet.sending.chain_key.expose()
        yield f"sending header key {name}", ratchet.sending.header_key.expose()
    if isinstance(ratchet.sending, Sending | Listening):
        yield f"ratchet key {name}", ratchet.sending.private_key.expose()
    if isinstance(ratchet.receiving, Receiving):
        yield f"receiving chain key {name}", ratchet.receiving.chain_key.expose()
        yield f"receiving header key {name}", ratchet.receiving.header_key.expose()
