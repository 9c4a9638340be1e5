"""Keys in the wrong hands: a thief's collection that opens first flights, forged prekeys and devices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from attack_world import Victim
from e2ee_relay.protocol import LookupResult, PrekeysBundle
from engine_world import RELAY_URL, START_MS
from forgery import changed, entries_of, signed
from parties import DAY_MS, Party, ScriptedRng, text_of, unpinned

from e2ee import labels, prekeys
from e2ee import session as sessions
from e2ee.content import WayBack
from e2ee.errors import E2eeError
from e2ee.handshake import ResponderKeys
from e2ee.identity import DeviceList, DeviceRecord, OurDevice, sign_address
from e2ee.ids import ListHash
from e2ee.prekeys import PrekeyKind, PrekeyPair, SignedPrekey
from e2ee.primitives import dh, kdf, sign
from e2ee.secret import AccountKey, DhPrivateKey, SigningKey
from e2ee.wire import envelope as envelopes
from e2ee.wire.envelope import Prefix
from e2ee.wire.fields import decode_signed


@dataclass
class Thief:
    """Whoever holds a device's identity key and some prekeys with their private halves."""

    device: OurDevice
    pairs: list[PrekeyPair]

    @classmethod
    def of(cls, victim: Victim, *more: PrekeyPair, x25519_only: bool = False) -> Thief:
        """Take what a victim's device holds now; with `x25519_only` what a break of X25519 gives."""
        held = [item.pair for item in victim.engine._state.prekeys.values()]
        kept = [pair for pair in held if not (x25519_only and pair.prekey.kind.is_kem)]
        return cls(victim.engine._state.own.device, [*kept, *more])

    def reads(self, bodies: Iterable[bytes]) -> list[str]:
        """Return the texts of the first flights that open with these keys."""
        texts: list[str] = []
        for body in bodies:
            try:
                raw = envelopes.decode(body)
                keys = self._keys(envelopes.decode_prefix(raw.prefix))
                texts.append(text_of(sessions.respond(raw, keys, unpinned, START_MS).opened))
            except (E2eeError, LookupError, TypeError):
                continue
        return texts

    def _keys(self, prefix: Prefix) -> ResponderKeys:
        spk = self._pair(prefix.spk_id, PrekeyKind.SPK)
        opk = self._pair(prefix.opk_id, PrekeyKind.OPK) if prefix.opk_id else None
        pqk = self._pair(prefix.pqk_id, PrekeyKind.PQK_ONE_TIME, PrekeyKind.PQK_LAST_RESORT)
        return ResponderKeys(self.device, self.device.record, spk, opk, pqk)

    def _pair(self, key_id: int, *kinds: PrekeyKind) -> PrekeyPair:
        """Return the newest pair of this id: what was added replaces what the device held."""
        found = [pair for pair in self.pairs if pair.prekey.id == key_id and pair.prekey.kind in kinds]
        return found[-1]


def resigned(honest: object, own: PrekeyPair, signer: bytes) -> PrekeyPair:
    """Return a pair that differs from an honest prekey in its key and its signature only."""
    assert isinstance(honest, bytes)
    entries = entries_of(honest) | {8: bytes(own.prekey.key)}
    kind = next(kind for kind in PrekeyKind if kind.value == (entries[4], entries[5]))
    key_id, ends_ms = entries[6], entries[7]
    assert isinstance(key_id, int)
    assert isinstance(ends_ms, int)
    forged = signed(signer, labels.SIG_PREKEY, entries)
    shown = SignedPrekey(forged, kind, own.prekey.record_hash, key_id, ends_ms, own.prekey.key)
    return PrekeyPair(shown, own.private)


@dataclass
class Impostor:
    """An account of the relay's own, with which it would like to stand between the two."""

    party: Party = field(default_factory=lambda: Party.make("impostor"))

    def entry(self, request_id: int) -> LookupResult:
        """Return the directory entry of this account."""
        party, later_ms = self.party, START_MS + 30 * DAY_MS
        address = sign_address(party.device, party.way_back.mailbox, party.way_back.token, later_ms)
        record = party.device.record.encoded
        return LookupResult(request_id, (party.device_list.signed,), (record,), (address,), False)

    def bundle(self, request_id: int) -> PrekeysBundle:
        """Return this account's prekeys."""
        return PrekeysBundle(request_id, self.party.bundle(), True, False)

    def reads(self, bodies: Iterable[bytes]) -> list[str]:
        """Return the texts of the first flights that were made for this account."""
        return Thief(self.party.device, list(self.party.held.values())).reads(bodies)


def ghost(victim: Victim, signer: bytes, *, seq_step: int = 1, same_id: bool = False) -> Impostor:
    """Return a device of the relay's under a victim's account, alone in a list signed by `signer`.

    With `seq_step` 1 the list follows the victim's own, with 0 it stands beside it; with `same_id` the device
    calls itself by the victim's device id.
    """
    own, rng = victim.engine._state.own, ScriptedRng("ghost")
    signing, identity_key = rng(32), rng(32)
    entries: dict[str, bytes] = {} if same_id else {"_4": rng(16)}
    entries |= {"_5": sign.derive_public(signing), "_6": dh.derive_public(identity_key)}
    record = DeviceRecord.decode(changed(own.device.record.encoded, **entries))
    listed = entries_of(own.device_list.signed) | {8: [record.hash]}
    if seq_step:
        listed |= {3: own.device_list.seq + seq_step, 4: own.device_list.hash}
    device = OurDevice(record, SigningKey(signing), DhPrivateKey(identity_key), own.device.hedge)
    made = signed(signer, labels.SIG_LIST, listed)
    list_hash = ListHash(kdf.hash_(labels.LIST, decode_signed(made, len(made))[0]))
    seq = own.device_list.seq + seq_step
    # Not verified: the signer may be another than the victim.
    shown = replace(own.device_list, signed=made, seq=seq, record_hashes=(record.hash,), hash=list_hash)
    return Impostor(_party_of(device, shown, AccountKey(signer), rng))


def _party_of(device: OurDevice, shown: DeviceList, account_key: AccountKey, rng: ScriptedRng) -> Party:
    spk, opk, one_time_pqk, pqk = (_new_pair(device, kind, rng) for kind in PrekeyKind)
    way_back = WayBack(rng(16), rng(32), RELAY_URL)
    party = Party("ghost", rng, account_key, device, shown, spk, pqk, opk, one_time_pqk, way_back)
    for pair in (spk, pqk, opk, one_time_pqk):
        party.hold(pair)
    return party


def _new_pair(device: OurDevice, kind: PrekeyKind, rng: ScriptedRng) -> PrekeyPair:
    return prekeys.new_prekey(device, kind, 1 + list(PrekeyKind).index(kind), START_MS + 90 * DAY_MS, rng)
