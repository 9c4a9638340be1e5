"""Our account, device list and prekeys: made once, renewed in time (ID-10, ID-12, ID-18, CON-10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from e2ee import identity, prekeys
from e2ee.constants import LIST_TTL_MS, PREKEY_LIFE_MS, PREKEY_ROTATION_MS, RELAY_RETENTION_MS, TOKEN_B
from e2ee.errors import E2eeError
from e2ee.handshake import ResponderKeys
from e2ee.identity import FLAG_FRONT_DESK, DeviceList, DeviceRecord, OurDevice
from e2ee.pair import expire, updated
from e2ee.ports import Rng
from e2ee.prekeys import CompactBundle, PrekeyKind
from e2ee.primitives.kem import DecapsulationKey
from e2ee.secret import AccountKey, RecoveryKey
from e2ee.session import expire_skipped
from e2ee.wire.envelope import Prefix
from e2ee_client.errors import AccountKeyAbsent, ConfigError
from e2ee_client.events import DeviceListExpiring, GapDetected
from e2ee_client.rows import Put

from .ports import Ports, Setup
from .records import Mailbox, Own, OwnPrekey, prekey_place, replay_ends_ms
from .state import State
from .turn import Turn

STOCK: Final = 100
REFILL_BELOW: Final = 50
COMPACT_ONE_TIME: Final = 4
_DEVICE_LIFE_MS: Final = 5 * 365 * 86_400_000
_RENEW_BEFORE_MS: Final = LIST_TTL_MS // 2
_REMIND_BEFORE_MS: Final = 7 * 86_400_000
_MAILBOX_B: Final = 16
_SEED_B: Final = 32


class NewAccount(NamedTuple):
    """A fresh account: what is stored, and the recovery key that is shown once."""

    own: Own
    recovery_key: RecoveryKey


def new_account(setup: Setup, ports: Ports, now_ms: int) -> NewAccount:
    """Make account, device and first device list (ID-01, ID-02, ID-06)."""
    rng = ports.rng
    account_key, recovery_key = identity.new_account(rng), identity.new_recovery(rng)
    account_id = identity.account_id_of(account_key)
    flags = FLAG_FRONT_DESK if setup.front_desk else 0
    device = identity.new_device(account_id, setup.kind, flags, now_ms, now_ms + _DEVICE_LIFE_MS, rng)
    recovery_public = identity.recovery_public_of(recovery_key)
    unsigned = identity.next_list(account_id, None, [device.record], recovery_public, now_ms)
    own = Own(
        account_id,
        account_key,
        device,
        identity.sign_list(account_key, unsigned),
        setup.relay_url,
        setup.name,
        setup.publish,
        setup.read_receipts,
        setup.registration_secret,
        1,
        1,
        0,
    )
    return NewAccount(own, recovery_key)


def new_mailbox(relay_url: str, contact: bytes, rng: Rng) -> Mailbox:
    """Make a mailbox for one contact, or with an empty `contact` the published one."""
    return Mailbox(rng(_MAILBOX_B), relay_url, rng(_SEED_B), contact, False, {contact: (rng(TOKEN_B), False)})


class Upkeep:
    """What has to be renewed, and the prekeys that answer first flights."""

    def __init__(self, state: State) -> None:
        self._state = state

    # --- prekeys ---

    def current(self) -> tuple[OwnPrekey, OwnPrekey] | None:
        """Return the newest SPK and last-resort PQK, or None before the first rotation."""
        spks = self._state.prekeys_of(PrekeyKind.SPK)
        pqks = self._state.prekeys_of(PrekeyKind.PQK_LAST_RESORT)
        return (spks[-1], pqks[-1]) if spks and pqks else None

    def rotate(self, turn: Turn) -> bool:
        """Make new reusable prekeys once a week and delete what no message can need any more (ID-18)."""
        for item in list(self._state.prekeys.values()):
            if turn.now_ms > item.pair.prekey.not_after_ms + RELAY_RETENTION_MS:
                self.delete(turn, item)
        current = self.current()
        if current is not None and turn.now_ms < self._made_ms(current[0]) + PREKEY_ROTATION_MS:
            return False
        key_id = self._take_ids(turn, 1)
        device = self._state.own.device
        for pair in prekeys.new_signed_pair(device, key_id, turn.now_ms, self._state.ports.rng):
            self._keep(turn, OwnPrekey(pair, device.record.encoded))
        return True

    def make_one_time(self, turn: Turn, kind: PrekeyKind, count: int) -> list[OwnPrekey]:
        """Make one-time prekeys with ascending ids."""
        first = self._take_ids(turn, count)
        device, not_after_ms = self._state.own.device, turn.now_ms + PREKEY_LIFE_MS
        made = [
            OwnPrekey(
                prekeys.new_prekey(device, kind, key_id, not_after_ms, self._state.ports.rng),
                device.record.encoded,
            )
            for key_id in range(first, first + count)
        ]
        for item in made:
            self._keep(turn, item)
        return made

    def skip_ids(self, turn: Turn, highest: int) -> None:
        """Go on above the ids that the relay has seen: a restored store may be behind (RLY-62)."""
        own = self._state.own
        if own.next_prekey_id <= highest:
            own.next_prekey_id = highest + 1
            turn.put(own.put())

    def delete(self, turn: Turn, item: OwnPrekey) -> None:
        """Delete a prekey for good."""
        self._state.prekeys.pop(item.key, None)
        self._state.decapsulation.pop(item.pair.prekey.id, None)
        turn.delete("prekey", item.key)

    def compact(self, turn: Turn, *, one_time: bool) -> CompactBundle:
        """Return a compact bundle for the way back (ID-19, CON-07)."""
        self.rotate(turn)
        current = self.current()
        if current is None:
            raise ConfigError("a device without prekeys")
        spk, pqk = current
        opks = self.make_one_time(turn, PrekeyKind.OPK, COMPACT_ONE_TIME) if one_time else []
        pqks = self.make_one_time(turn, PrekeyKind.PQK_ONE_TIME, COMPACT_ONE_TIME) if one_time else []
        return CompactBundle(
            prekeys.compact(spk.pair.prekey),
            prekeys.compact(pqk.pair.prekey),
            [prekeys.compact(item.pair.prekey) for item in opks],
            [prekeys.compact(item.pair.prekey) for item in pqks],
        )

    def responder_keys(self, prefix: Prefix) -> tuple[ResponderKeys, list[OwnPrekey]] | None:
        """Return the keys that a prefix names and the one-time ones among them, or None (HS-06)."""
        known = self._state.prekeys
        spk = known.get(prekey_place(PrekeyKind.SPK, prefix.spk_id))
        opk = known.get(prekey_place(PrekeyKind.OPK, prefix.opk_id)) if prefix.opk_id else None
        one_time_pqk = known.get(prekey_place(PrekeyKind.PQK_ONE_TIME, prefix.pqk_id))
        pqk = one_time_pqk or known.get(prekey_place(PrekeyKind.PQK_LAST_RESORT, prefix.pqk_id))
        if spk is None or pqk is None or (prefix.opk_id and opk is None):
            return None
        record = DeviceRecord.decode(spk.record_b)
        keys = ResponderKeys(
            self._state.own.device,
            record,
            spk.pair,
            None if opk is None else opk.pair,
            pqk.pair,
            self._expanded(pqk),
        )
        return keys, [item for item in (opk, one_time_pqk) if item is not None]

    def _expanded(self, pqk: OwnPrekey) -> DecapsulationKey | None:
        """Keep the expanded last-resort key: it answers many first flights (HS-12)."""
        if pqk.pair.prekey.kind.is_one_time:
            return None
        key_id = pqk.pair.prekey.id
        known = self._state.decapsulation.get(key_id)
        if known is None:
            known = self._state.decapsulation[key_id] = DecapsulationKey(pqk.pair.private.expose())
        return known

    def _keep(self, turn: Turn, item: OwnPrekey) -> None:
        self._state.prekeys[item.key] = item
        turn.put(item.put())

    def _take_ids(self, turn: Turn, count: int) -> int:
        own = self._state.own
        first = own.next_prekey_id
        own.next_prekey_id += count
        turn.put(own.put())
        return first

    @staticmethod
    def _made_ms(item: OwnPrekey) -> int:
        return item.pair.prekey.not_after_ms - PREKEY_LIFE_MS

    # --- device list ---

    def store_list(self, turn: Turn, device_list: DeviceList) -> None:
        """Take a list of ours as the newest; every link is kept, since others ask for them (ID-07)."""
        self._state.own.device_list = device_list
        turn.put(Put("list", device_list.seq.to_bytes(8, "big"), device_list.signed))
        turn.put(self._state.own.put())

    def renewal_request(self, now_ms: int) -> bytes:
        """Return the unsigned bytes of our next list (ID-12)."""
        own = self._state.own
        current = own.device_list
        return identity.next_list(
            own.account_id, current, [own.device.record], current.recovery_public, now_ms
        )

    def install_list(self, turn: Turn, signed: bytes) -> None:
        """Install a list that the account key signed elsewhere (ID-12).

        Raises:
            ConfigError: it does not follow our list, or does not name our device.
        """
        own = self._state.own
        if signed == own.device_list.signed:
            raise ConfigError("the signed list is installed already")
        try:
            device_list = DeviceList.verify(own.account_id, signed)
            identity.check_link(own.device_list.head, device_list)
            device_list.check_record(own.device.record)
            device_list.check_time(turn.now_ms)
        except E2eeError as error:
            raise ConfigError(f"the signed list does not fit: {error.code}") from None
        self.store_list(turn, device_list)

    def renew_list(self, turn: Turn) -> bool:
        """Sign the next list when half of its life is over, or remind of it when the key is elsewhere."""
        own = self._state.own
        left_ms = own.device_list.expires_ms - turn.now_ms
        if left_ms > _RENEW_BEFORE_MS:
            return False
        if own.account_key is None:
            if left_ms <= _REMIND_BEFORE_MS:
                turn.notify(DeviceListExpiring(own.device_list.expires_ms))
            return False
        self.store_list(turn, identity.sign_list(own.account_key, self.renewal_request(turn.now_ms)))
        return True

    def remove_account_key(self, turn: Turn) -> None:
        """Forget the account key on this device; it has to be kept elsewhere (ID-12)."""
        self._state.own.account_key = None
        turn.put(self._state.own.put())

    def device(self) -> OurDevice:
        """Return our device."""
        return self._state.own.device

    # --- what ends by itself ---

    def sweep(self, turn: Turn) -> None:
        """Let inactive sessions and replay entries go at their time (SES-05, HS-09)."""
        for peer in self._state.peers.values():
            pair, gone = expire(peer.pair, turn.now_ms)
            if gone:
                self._state.set_pair(turn, peer, pair, gone)
            for session in peer.pair.sessions():
                kept, dropped = expire_skipped(session, turn.now_ms)
                if dropped:
                    peer.pair = updated(peer.pair, kept)
                    self._state.store_session(turn, peer, session, kept)
                    turn.notify(GapDetected(peer.account_id, 0, dropped))
        for key in self._ended_replays(turn.now_ms):
            turn.delete("replay", key)

    def _ended_replays(self, now_ms: int) -> Iterator[bytes]:
        for key, row in self._state.rows.items("replay"):
            if now_ms > replay_ends_ms(row):
                yield key


def account_key_of(own: Own) -> AccountKey:
    """Return the account key.

    Raises:
        AccountKeyAbsent: it is kept elsewhere.
    """
    if own.account_key is None:
        raise AccountKeyAbsent("the account key is not on this device")
    return own.account_key
