"""Keys of a few devices for property tests, made once from scripted randomness and shared by all examples.

The KEM keys are real. Encapsulation to a prekey is scripted: the library takes no randomness from its caller
(PRM-09), and an example has to repeat in another process; encapsulation to a key of the KEM ratchet is real.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from parties import DAY_MS, NOW_MS, RELAY_URL, ScriptedRng

from e2ee import identity, prekeys
from e2ee.constants import KEM_CIPHERTEXT_B, PREKEY_ROTATION_MS
from e2ee.content import WayBack
from e2ee.identity import DeviceKind, DeviceList, OurDevice
from e2ee.ids import AccountId
from e2ee.ports import Encapsulate, Rng
from e2ee.prekeys import OneTimeState, PrekeyKind, PrekeyPair, VerifiedBundle
from e2ee.primitives import kem
from e2ee.primitives.kem import DecapsulationKey
from e2ee.secret import AccountKey

ONE_TIME_KEYS_PER_WINDOW = 8
_FIRST_ONE_TIME_KEM_ID = 1 << 16
_RECORD_LIFE_MS = 40 * 365 * DAY_MS
_MAX_LISTS = 2_000
_ONE_TIME_LIFE_MS = 30 * DAY_MS


@lru_cache(maxsize=4096)
def repeatable_encapsulation(key: bytes) -> tuple[bytes, bytes]:
    """Encapsulate to a key of the KEM ratchet: with the library's randomness, and the same again for the same
    key in this process, so that two runs of one script seal the same bytes.
    """
    return kem.encapsulate(key)


class ScriptedDecapsulation(DecapsulationKey):
    """A KEM key whose secret is a keyed hash of the ciphertext: a wrong ciphertext gives another secret
    (PRM-05).
    """

    __slots__ = ("_hash_key",)

    def __init__(self, seed: bytes) -> None:
        super().__init__(seed)
        self._hash_key = seed

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """Return 32 bytes."""
        return hashlib.blake2b(ciphertext, key=self._hash_key, digest_size=32).digest()


@dataclass(frozen=True, eq=False)
class Owner:
    """An account with one device."""

    index: int
    account_key: AccountKey
    account_id: AccountId
    device: OurDevice
    way_back: WayBack


class HeldPrekeys(NamedTuple):
    """Private keys behind the ids of one prefix."""

    spk: PrekeyPair
    opk: PrekeyPair | None
    pqk: PrekeyPair


def window_of(now_ms: int) -> int:
    """Return the number of the 7 days for which one SPK is handed out (ID-18)."""
    return (now_ms - NOW_MS) // PREKEY_ROTATION_MS


class PrekeyShelf:
    """All keys by device, window and number; whatever is asked for twice is the same object."""

    def __init__(self) -> None:
        self._owners: dict[int, Owner] = {}
        self._prekeys: dict[tuple[int, PrekeyKind, int], PrekeyPair] = {}
        self._decapsulations: dict[bytes, ScriptedDecapsulation] = {}
        self._lists: dict[tuple[int, bytes, int], DeviceList] = {}

    def owner(self, index: int) -> Owner:
        """Return an account with its device."""
        if index not in self._owners:
            rng = ScriptedRng(f"owner {index}")
            key = identity.new_account(rng)
            account_id = identity.account_id_of(key)
            device = identity.new_device(
                account_id, DeviceKind.PERSON, 0, NOW_MS, NOW_MS + _RECORD_LIFE_MS, rng
            )
            self._owners[index] = Owner(index, key, account_id, device, WayBack(rng(16), rng(32), RELAY_URL))
        return self._owners[index]

    def next_list(self, index: int, previous: DeviceList | None, now_ms: int) -> DeviceList:
        """Return the device list that follows `previous`, issued now."""
        place = (index, b"" if previous is None else previous.hash, now_ms)
        if place not in self._lists:
            if len(self._lists) >= _MAX_LISTS:
                self._lists.clear()
            owner = self.owner(index)
            unsigned = identity.next_list(owner.account_id, previous, [owner.device.record], None, now_ms)
            self._lists[place] = identity.sign_list(owner.account_key, unsigned)
        return self._lists[place]

    def bundle(
        self, index: int, device_list: DeviceList, one_time: OneTimeState, number: int, now_ms: int
    ) -> VerifiedBundle:
        """Return a device's bundle of now; `number` is that of the one-time keys in this window."""
        window = window_of(now_ms)
        spk = self._prekey(index, PrekeyKind.SPK, window + 1)
        opk = self._prekey(index, PrekeyKind.OPK, _one_time_id(window, number)) if one_time.x25519 else None
        if one_time.kem:
            kem_id = _FIRST_ONE_TIME_KEM_ID + _one_time_id(window, number)
            pqk = self._prekey(index, PrekeyKind.PQK_ONE_TIME, kem_id)
        else:
            pqk = self._prekey(index, PrekeyKind.PQK_LAST_RESORT, window + 1)
        record = self.owner(index).device.record
        shown = None if opk is None else opk.prekey
        return prekeys.bundle_from_peer(record, device_list, spk.prekey, shown, pqk.prekey, now_ms)

    def held(self, index: int, spk_id: int, opk_id: int, pqk_id: int, now_ms: int) -> HeldPrekeys | None:
        """Return the private keys behind three ids, or None if one was never made or is past its keeping."""
        newest = window_of(now_ms) + 1
        last_one_time = _one_time_id(newest, 0) - 1
        kem_id = pqk_id - _FIRST_ONE_TIME_KEM_ID if pqk_id >= _FIRST_ONE_TIME_KEM_ID else 0
        last_resort_id = 0 if kem_id else pqk_id
        if max(spk_id, last_resort_id) > newest or max(opk_id, kem_id) > last_one_time:
            return None
        kind = PrekeyKind.PQK_ONE_TIME if kem_id else PrekeyKind.PQK_LAST_RESORT
        return HeldPrekeys(
            self._prekey(index, PrekeyKind.SPK, spk_id),
            self._prekey(index, PrekeyKind.OPK, opk_id) if opk_id else None,
            self._prekey(index, kind, pqk_id),
        )

    def encapsulation(self, rng: Rng) -> Encapsulate:
        """Return an encapsulation that draws its randomness from `rng`."""

        def encapsulate(key: bytes) -> tuple[bytes, bytes]:
            ciphertext = rng(KEM_CIPHERTEXT_B)
            return ciphertext, self._decapsulations[key].decapsulate(ciphertext)

        return encapsulate

    def _prekey(self, index: int, kind: PrekeyKind, key_id: int) -> PrekeyPair:
        place = (index, kind, key_id)
        if place not in self._prekeys:
            window, life_ms = _window_of_id(kind, key_id), _ONE_TIME_LIFE_MS
            if not kind.is_one_time:
                life_ms = 2 * PREKEY_ROTATION_MS
            not_after_ms = NOW_MS + window * PREKEY_ROTATION_MS + life_ms
            rng = ScriptedRng(f"prekey {index} {kind.name} {key_id}")
            pair = prekeys.new_prekey(self.owner(index).device, kind, key_id, not_after_ms, rng)
            if kind.is_kem:
                scripted = ScriptedDecapsulation(pair.private.expose())
                self._decapsulations[pair.prekey.key] = scripted
                pair = replace(pair, private=scripted)
            self._prekeys[place] = pair
        return self._prekeys[place]


def _one_time_id(window: int, number: int) -> int:
    return window * ONE_TIME_KEYS_PER_WINDOW + number + 1


def _window_of_id(kind: PrekeyKind, key_id: int) -> int:
    if not kind.is_one_time:
        return key_id - 1
    first = _FIRST_ONE_TIME_KEM_ID if kind.is_kem else 0
    return (key_id - first - 1) // ONE_TIME_KEYS_PER_WINDOW


SHELF = PrekeyShelf()
"""One shelf for the process: examples differ in their sessions, not in these keys."""
