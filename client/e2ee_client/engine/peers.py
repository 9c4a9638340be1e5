"""What is kept of one device of a contact: how to reach it, the prekeys it gave us, and our pair with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from e2ee.constants import DEVICE_ID_B, HASH_B
from e2ee.content import WayBack
from e2ee.identity import DeviceRecord
from e2ee.ids import AccountId, DeviceId
from e2ee.pair import Pair
from e2ee.prekeys import COMPACT_ONE_TIME_MAX, CompactBundle, PeerPrekeys
from e2ee.snapshot import decode_pair, encode_pair
from e2ee_client.rows import Put

from .records import Contact
from .row_codec import Row, stored_parts


class Given(NamedTuple):
    """Prekeys that came in one session, and when the earlier of SPK and last-resort PQK ends (ID-19)."""

    bundle: CompactBundle
    ends_ms: int

    @classmethod
    def of(cls, prekeys: PeerPrekeys) -> Given:
        """Keep prekeys that were verified."""
        return cls(prekeys.compact(), min(prekeys.spk.not_after_ms, prekeys.pqk.not_after_ms))

    def joined(self, older: Given | None) -> Given:
        """Return those that end later, with the one-time keys of both (SES-34)."""
        if older is None:
            return self
        if self.ends_ms < older.ends_ms:
            return older
        opks = [*older.bundle.opks, *self.bundle.opks][-COMPACT_ONE_TIME_MAX:]
        pqks = [*older.bundle.one_time_pqks, *self.bundle.one_time_pqks][-COMPACT_ONE_TIME_MAX:]
        return self._replace(bundle=self.bundle._replace(opks=opks, one_time_pqks=pqks))


@dataclass(slots=True)
class Peer(Row):
    """One device of a contact.

    `given` holds the prekeys that came in each session that is kept; those of `given_in` count (SES-34).
    `told` is what the peer was told on its active session: our list's seq, its own as we know it, our
    delivery token. `listed_seq` is the number of the list that named it first, since it was last left out;
    None while it is (TRN-48).
    """

    TABLE = "peer"
    KEY = (("account_id", HASH_B), ("device_id", DEVICE_ID_B))
    account_id: AccountId
    device_id: DeviceId
    record: DeviceRecord
    way_back: WayBack | None = None
    way_back_ms: int = 0
    given: dict[bytes, Given] = field(default_factory=dict, repr=False)
    given_in: bytes = b""
    told: tuple[int, int, bytes] = field(default=(0, 0, b""), repr=False)
    listed_seq: int | None = None
    contact: Contact = field(init=False, repr=False, compare=False)
    pair: Pair = field(default_factory=Pair, init=False)
    heard_ms: int = field(default=0, init=False, compare=False)

    @property
    def key(self) -> bytes:
        """Key of the rows: account and device."""
        return self.account_id + self.device_id

    def prekeys(self) -> Given | None:
        """Return the prekeys that count (SES-34)."""
        return self.given.get(self.given_in)

    def learn_prekeys(self, session_id: bytes, prekeys: Given) -> None:
        """Keep prekeys as long as their session; before the first proof the newest count, then those of the
        active session (SES-34).
        """
        before, active = self.prekeys(), self.pair.active
        self.given[session_id] = prekeys.joined(self.given.get(session_id))
        is_newer = before is None or self.given[session_id].ends_ms >= before.ends_ms
        is_active = active is not None and active.id == session_id
        if is_active or (is_newer and not self.pair.met):
            self.given_in = session_id
        self.forget_prekeys()

    def proven(self, session_id: bytes) -> None:
        """From now on the prekeys of this session count, if it brought any."""
        if session_id in self.given:
            self.given_in = session_id

    def forget_prekeys(self) -> None:
        """Drop the prekeys of sessions that are gone, but for those that count."""
        kept = {one.id for one in self.pair.sessions} | {self.given_in}
        self.given = {key: value for key, value in self.given.items() if key in kept}

    def put_pair(self) -> Put:
        """Return the row of the pair."""
        return Put("pair", self.key, encode_pair(self.pair))

    def load_pair(self, row: bytes, line: bytes) -> None:
        """Take over the stored pair; `line` is that of this opening of the store (SES-29)."""
        with stored_parts():
            self.pair = decode_pair(row, line)
