"""Scripted people for tests of the core: accounts, devices, prekeys and sessions from repeatable randomness.

Only KEM encapsulation draws on the library's own randomness (PRM-09); everything else repeats with the seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any, NamedTuple, TypeVar

from e2ee import identity, prekeys, session, snapshot
from e2ee.content import Content, Payload, Text, WayBack
from e2ee.errors import UnknownPrekey
from e2ee.handshake import ResponderKeys
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord, OurDevice
from e2ee.ids import AccountId, ContentId
from e2ee.numbers import Number
from e2ee.ports import Encapsulate, Rng
from e2ee.prekeys import CompactBundle, PrekeyKind, PrekeyPair, SignedPrekey, VerifiedBundle
from e2ee.primitives import kem
from e2ee.secret import AccountKey
from e2ee.session import Accepted, Opened, Session
from e2ee.wire import envelope as envelopes
from e2ee.wire.envelope import RawEnvelope

NOW_MS = 1_764_000_000_000
DAY_MS = 86_400_000
RELAY_URL = "wss://relay.example/"
State = TypeVar("State")
SPK_ID = 1
OPK_ID = 7
ONE_TIME_PQK_ID = 9
LINE = b"line"
NUMBER = Number(1, LINE, 1)


class ScriptedRng:
    """Repeatable randomness: BLAKE2b over a counter, keyed by the seed; two of one seed give the same."""

    def __init__(self, seed: str | int) -> None:
        self._key = hashlib.blake2b(str(seed).encode(), digest_size=32).digest()
        self.calls = 0

    def __call__(self, size_b: int) -> bytes:
        self.calls += 1
        block = self.calls.to_bytes(8, "big")
        stream = b""
        for part in range(-(-size_b // 64)):
            stream += hashlib.blake2b(block + part.to_bytes(4, "big"), key=self._key).digest()
        return stream[:size_b]


def unpinned(_: AccountId) -> DeviceList | None:
    """Know no account."""
    return None


@dataclass
class Party:
    """One account with one device, its list and its prekeys with their private keys."""

    name: str
    rng: ScriptedRng
    account_key: AccountKey
    device: OurDevice
    device_list: DeviceList
    spk: PrekeyPair
    pqk: PrekeyPair
    opk: PrekeyPair
    one_time_pqk: PrekeyPair
    way_back: WayBack
    texts: int = 0
    held: dict[tuple[bool, int], PrekeyPair] = field(default_factory=dict)

    @classmethod
    def make(
        cls, name: str, kind: DeviceKind = DeviceKind.PERSON, flags: int = 0, now_ms: int = NOW_MS
    ) -> Party:
        """Make a party; the name is the seed."""
        rng = ScriptedRng(name)
        account_key = identity.new_account(rng)
        account_id = identity.account_id_of(account_key)
        device = identity.new_device(account_id, kind, flags, now_ms, now_ms + 400 * DAY_MS, rng)
        unsigned = identity.next_list(account_id, None, [device.record], None, now_ms)
        spk, pqk = prekeys.new_signed_pair(device, SPK_ID, now_ms, rng)
        not_after_ms = now_ms + 90 * DAY_MS
        party = cls(
            name,
            rng,
            account_key,
            device,
            identity.sign_list(account_key, unsigned),
            spk,
            pqk,
            prekeys.new_prekey(device, PrekeyKind.OPK, OPK_ID, not_after_ms, rng),
            prekeys.new_prekey(device, PrekeyKind.PQK_ONE_TIME, ONE_TIME_PQK_ID, not_after_ms, rng),
            WayBack(rng(16), rng(32), RELAY_URL),
        )
        for pair in (party.spk, party.pqk, party.opk, party.one_time_pqk):
            party.hold(pair)
        return party

    @property
    def account_id(self) -> AccountId:
        """The account's id."""
        return self.device_list.account_id

    def hold(self, pair: PrekeyPair) -> PrekeyPair:
        """Keep a prekey so that `responder_keys` finds it."""
        self.held[pair.prekey.kind.is_kem, pair.prekey.id] = pair
        return pair

    def new_opk(self, key_id: int) -> PrekeyPair:
        """Make and hold one more one-time X25519 prekey."""
        return self.hold(
            prekeys.new_prekey(self.device, PrekeyKind.OPK, key_id, NOW_MS + 90 * DAY_MS, self.rng)
        )

    def bundle(self, *, opk: bool = True, one_time_kem: bool = False) -> bytes:
        """Encode this party's bundle as a relay would hand it out."""
        return encode_bundle(
            self,
            opk=self.opk.prekey if opk else None,
            pqk=(self.one_time_pqk if one_time_kem else self.pqk).prekey,
        )

    def verified(
        self, *, opk: bool = True, one_time_kem: bool = False, now_ms: int = NOW_MS
    ) -> VerifiedBundle:
        """Verify this party's bundle as a peer does that knows only the account id."""
        bundle = self.bundle(opk=opk, one_time_kem=one_time_kem)
        return prekeys.verify_bundle(self.account_id, None, [], bundle, now_ms)

    def responder_keys(self, raw: RawEnvelope) -> ResponderKeys:
        """Look up the private keys behind a prefix (HS-06)."""
        prefix = envelopes.decode_prefix(raw.prefix)
        spk = self._held(prefix.spk_id, PrekeyKind.SPK)
        opk = self._held(prefix.opk_id, PrekeyKind.OPK) if prefix.opk_id else None
        pqk = self._held(prefix.pqk_id, PrekeyKind.PQK_ONE_TIME, PrekeyKind.PQK_LAST_RESORT)
        return ResponderKeys(self.device, self.device.record, spk, opk, pqk)

    def _held(self, key_id: int, *kinds: PrekeyKind) -> PrekeyPair:
        pair = self.held.get((kinds[0].is_kem, key_id))
        if pair is None or pair.prekey.kind not in kinds:
            raise UnknownPrekey("no such prekey is held")
        return pair

    def compact_bundle(self) -> CompactBundle:
        """Give SPK and last-resort PQK as they travel inside a session."""
        return CompactBundle(prekeys.compact(self.spk.prekey), prekeys.compact(self.pqk.prekey), [], [])

    def text(self, text: str, **more: object) -> Content:
        """Make a text content with a number, and a way back, so that it may stand under a prefix."""
        self.texts += 1
        return self.content(Text(text), **({"number": Number(self.texts, LINE, 1)} | more))

    def content(self, payload: Payload, **more: object) -> Content:
        """Make a content with this party's way back; `more` replaces fields."""
        made = Content(ContentId(self.rng(16)), NOW_MS, payload, way_back=self.way_back)
        return with_fields(made, **more)

    def renew_list(self, now_ms: int, devices: list[OurDevice] | None = None) -> DeviceList:
        """Sign and adopt the next device list."""
        records = [device.record for device in devices or [self.device]]
        unsigned = identity.next_list(self.account_id, self.device_list, records, None, now_ms)
        self.device_list = identity.sign_list(self.account_key, unsigned)
        return self.device_list

    def initiate(
        self,
        peer: Party,
        epoch: int = 1,
        *,
        opk: bool = True,
        one_time_kem: bool = False,
        now_ms: int = NOW_MS,
        rng: Rng | None = None,
        encapsulate: Encapsulate = kem.encapsulate,
    ) -> Session:
        """Start a session with a peer's device."""
        bundle = peer.verified(opk=opk, one_time_kem=one_time_kem, now_ms=now_ms)
        return session.initiate(
            self.device, self.device_list, bundle, epoch, now_ms, rng or self.rng, encapsulate
        )

    def seal(self, state: Session, text: str, now_ms: int = NOW_MS, **more: object) -> tuple[Session, bytes]:
        """Seal a text; return (state, envelope)."""
        return session.seal(state, self.text(text, **more), now_ms, self.rng, kem.encapsulate)

    def accept(
        self,
        envelope: bytes,
        pinned: Callable[[AccountId], DeviceList | None] = unpinned,
        now_ms: int = NOW_MS,
    ) -> Accepted:
        """Accept a first flight; nothing is consumed."""
        raw = envelopes.decode(envelope)
        return session.respond(raw, self.responder_keys(raw), pinned, now_ms)


def encode_bundle(
    party: Party,
    *,
    record: bytes | None = None,
    signed_list: bytes | None = None,
    spk: SignedPrekey | None = None,
    opk: SignedPrekey | None = None,
    pqk: SignedPrekey | None = None,
) -> bytes:
    """Encode a bundle of a party with parts replaced; without `opk` it has none."""
    shown = party.device.record if record is None else replace(party.device.record, encoded=record)
    return bundle_of(
        shown, signed_list or party.device_list.signed, spk or party.spk.prekey, opk, pqk or party.pqk.prekey
    )


def bundle_of(
    record: DeviceRecord, signed_list: bytes, spk: SignedPrekey, opk: SignedPrekey | None, pqk: SignedPrekey
) -> bytes:
    """Encode a bundle of its parts, as a relay hands it out."""
    signed_opk = None if opk is None else opk.signed
    return identity.encode_map(record.encoded, signed_list, spk.signed, signed_opk, pqk.signed)


class Connected(NamedTuple):
    """Two parties and their states of one session."""

    alice: Party
    bob: Party
    a: Session
    b: Session


def open_(state: Session, envelope: bytes, now_ms: int = NOW_MS) -> Opened:
    """Decode and open an envelope."""
    return session.open_(state, envelopes.decode(envelope), now_ms)


def text_of(opened: Opened) -> str:
    """Return the text that arrived."""
    payload = opened.content.payload
    if not isinstance(payload, Text):
        raise TypeError(f"not a text: {payload!r}")
    return payload.text


def first_contact(
    alice: Party | None = None, bob: Party | None = None, *, opk: bool = True, one_time_kem: bool = False
) -> tuple[Connected, bytes]:
    """Alice initiates and Bob accepts; Alice still waits for a reply. Return both and the first flight."""
    alice = alice or Party.make("alice")
    bob = bob or Party.make("bob", DeviceKind.AGENT)
    a, flight = alice.seal(alice.initiate(bob, opk=opk, one_time_kem=one_time_kem), "hello")
    return Connected(alice, bob, a, bob.accept(flight).opened.session), flight


def connected_pair(*, opk: bool = True, one_time_kem: bool = False) -> Connected:
    """Two parties with an established session: a first flight and a reply have been opened."""
    (alice, bob, a, b), _ = first_contact(opk=opk, one_time_kem=one_time_kem)
    b, reply = bob.seal(b, "welcome", way_back=None)
    return Connected(alice, bob, open_(a, reply).session, b)


def with_fields(state: State, **fields: Any) -> State:
    """Return a state with fields replaced, whether it is a tuple or a dataclass."""
    whole: Any = state
    changed: State = replace(whole, **fields) if is_dataclass(state) else whole._replace(**fields)
    return changed


def state_bytes(state: Session) -> bytes:
    """Everything a store would keep of a session, skipped keys included: equal bytes are an equal state."""
    rows = b"".join(b"".join(snapshot.encode_skipped(row)) for row in state.ratchet.skipped)
    return snapshot.encode_session(state) + rows
