"""What the engine knows, in memory; every change goes through a turn into the store as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from e2ee.ids import SessionId, Tag
from e2ee.pair import FRESH, Pair
from e2ee.prekeys import PrekeyKind
from e2ee.primitives.kem import DecapsulationKey
from e2ee.ratchet.skipped import EMPTY, SkippedKey
from e2ee.session import Session
from e2ee.snapshot import (
    decode_pair,
    decode_session,
    decode_skipped,
    encode_session,
    encode_skipped,
    restore_pair,
    skipped_changes,
)
from e2ee_client.errors import StoreCorrupt, UnknownContact
from e2ee_client.rows import Put

from .history import History
from .ports import Ports, RowReader
from .records import (
    OWN_KEY,
    RECEIPTS_PREFIX,
    TAKEN_PREFIX,
    Contact,
    Mailbox,
    Outgoing,
    Own,
    OwnPrekey,
    Peer,
    decode_receipts,
    decode_taken,
)
from .taken import Taken
from .turn import Turn

_PREFIX_B: Final = len(RECEIPTS_PREFIX)


@dataclass(slots=True)
class State:
    """Everything but the texts, which stay in the store."""

    ports: Ports
    rows: RowReader
    own: Own
    mailboxes: dict[bytes, Mailbox] = field(default_factory=dict)
    contacts: dict[bytes, Contact] = field(default_factory=dict)
    peers: dict[bytes, Peer] = field(default_factory=dict)
    prekeys: dict[bytes, OwnPrekey] = field(default_factory=dict)
    outbox: dict[int, Outgoing] = field(default_factory=dict)
    receipts: dict[bytes, list[bytes]] = field(default_factory=dict)
    tags: dict[Tag, set[tuple[bytes, SessionId]]] = field(default_factory=dict)
    taken: Taken = field(default_factory=Taken)
    decapsulation: dict[int, DecapsulationKey] = field(default_factory=dict)
    history: History = field(init=False)

    def __post_init__(self) -> None:
        self.history = History(self.rows)

    @classmethod
    def load(cls, rows: RowReader, ports: Ports) -> State:
        """Rebuild from the store.

        Raises:
            StoreCorrupt: there is no account, or a row does not fit.
        """
        own = rows.get("account", OWN_KEY)
        if own is None:
            raise StoreCorrupt("the store holds no account")
        state = cls(ports, rows, Own.decode(own))
        state.history = History.load(rows)
        state.mailboxes = {key: Mailbox.decode(key, row) for key, row in rows.items("mailbox")}
        state.contacts = {key: Contact.decode(key, row) for key, row in rows.items("contact")}
        state.prekeys = {key: OwnPrekey.decode(key, row) for key, row in rows.items("prekey")}
        outbox = [Outgoing.decode(key, row) for key, row in rows.items("outbox")]
        state.outbox = {item.number: item for item in sorted(outbox, key=lambda item: item.number)}
        for key, row in rows.items("meta"):
            if key.startswith(RECEIPTS_PREFIX):
                state.receipts[key[_PREFIX_B:]] = decode_receipts(row)
            elif key.startswith(TAKEN_PREFIX):
                state.taken.load(*decode_taken(key))
        state._load_peers()
        return state

    def _load_peers(self) -> None:
        skipped: dict[bytes, list[SkippedKey]] = {}
        for key, row in self.rows.items("skipped"):
            skipped.setdefault(key[:32], []).append(decode_skipped(key[32:], row))
        sessions: dict[SessionId, Session] = {}
        for key, row in self.rows.items("session"):
            sessions[SessionId(key)] = decode_session(row, skipped.get(key, ()))
        for key, row in self.rows.items("peer"):
            peer, pair = Peer.decode(key, row)
            peer.pair = restore_pair(decode_pair(pair), sessions)
            self.peers[key] = peer
            for session in peer.pair.sessions():
                self._index(key, session)

    # --- lookups ---

    def contact(self, account_id: bytes) -> Contact:
        """Return a contact.

        Raises:
            UnknownContact: no such contact.
        """
        try:
            return self.contacts[account_id]
        except KeyError:
            raise UnknownContact("no such contact") from None

    def peers_of(self, account_id: bytes) -> Iterator[Peer]:
        """Yield the known devices of a contact."""
        return (peer for peer in self.peers.values() if peer.account_id == account_id)

    def mailbox_for(self, account_id: bytes) -> Mailbox:
        """Return the mailbox through which a contact reaches us: its own, or the published one.

        Raises:
            StoreCorrupt: there is none.
        """
        fallback = None
        for mailbox in self.mailboxes.values():
            if mailbox.contact == account_id:
                return mailbox
            if not mailbox.contact:
                fallback = mailbox
        if fallback is None:
            raise StoreCorrupt("a contact without a mailbox")
        return fallback

    def is_foreign(self, relay_url: str) -> bool:
        """Whether a relay is neither our account's nor holds a mailbox of ours."""
        ours = {self.own.relay_url, *(mailbox.relay_url for mailbox in self.mailboxes.values())}
        return relay_url not in ours

    def prekeys_of(self, kind: PrekeyKind) -> list[OwnPrekey]:
        """Return our prekeys of one kind, ascending by id."""
        found = [item for item in self.prekeys.values() if item.pair.prekey.kind is kind]
        return sorted(found, key=lambda item: item.pair.prekey.id)

    # --- sessions ---

    def store_session(self, turn: Turn, peer: Peer, before: Session | None, after: Session) -> None:
        """Write a session's new state: one small row, and a row for each skipped key that came or went
        (SES-14).
        """
        turn.put_at_end("session", after.id, lambda: Put("session", after.id, encode_session(after)))
        if before is None or before.ratchet.skipped is not after.ratchet.skipped:
            self._store_skipped(turn, before, after)
        if before is None or before.tags() != after.tags():
            if before is not None:
                self._unindex(peer.key, before)
            self._index(peer.key, after)

    def set_pair(self, turn: Turn, peer: Peer, pair: Pair, gone: tuple[Session, ...] = ()) -> None:
        """Change which sessions a peer has; what is gone takes its keys with it (SES-05)."""
        peer.pair = pair
        for session in gone:
            self._unindex(peer.key, session)
            turn.delete("session", session.id)
            for row in session.ratchet.skipped:
                turn.delete("skipped", session.id + encode_skipped(row)[0])
        turn.put(peer.put())

    def drop_sessions(self, turn: Turn, peer: Peer) -> None:
        """Forget every session with a peer, and what we knew of `gen` (SES-07)."""
        self.set_pair(turn, peer, FRESH, peer.pair.sessions())

    def _store_skipped(self, turn: Turn, before: Session | None, after: Session) -> None:
        old = EMPTY if before is None else before.ratchet.skipped
        added, removed = skipped_changes(old, after.ratchet.skipped)
        for place in removed:
            turn.delete("skipped", after.id + place)
        for row in added:
            place, value = encode_skipped(row)
            turn.put(Put("skipped", after.id + place, value))

    def _index(self, peer_key: bytes, session: Session) -> None:
        for tag in session.tags():
            self.tags.setdefault(tag, set()).add((peer_key, session.id))

    def _unindex(self, peer_key: bytes, session: Session) -> None:
        for tag in session.tags():
            known = self.tags.get(tag)
            if known is not None:
                known.discard((peer_key, session.id))
                if not known:
                    del self.tags[tag]
