"""What one relay grants: quotas, windows, periods, and token buckets on injected time."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Final, NamedTuple

from . import protocol
from .protocol import Limits


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket's size and its refill per second."""

    burst: float
    per_s: float


# An owner is told once a minute that one-time keys are held back (RLY-165).
_HELD_BACK_TOLD: Final = Rate(1, 1 / 60)
# How often the stocks behind a mailbox are looked at (RLY-267).
_STOCKS: Final = Rate(4, 1 / 60)


class Bucket:
    """A token bucket: full at first, refilled with time, never above its burst."""

    __slots__ = ("_burst", "_level", "_per_s", "_updated_ms")

    def __init__(self, rate: Rate, now_ms: int) -> None:
        self._burst = self._level = float(rate.burst)
        self._per_s = rate.per_s
        self._updated_ms = now_ms

    def take(self, amount: float, now_ms: int) -> int:
        """Take `amount` and return 0, or take nothing and return the wait in milliseconds, at least 1.

        An amount above the burst is granted from a full bucket and leaves it in debt: nobody waits for ever.
        """
        if now_ms != self._updated_ms:
            self._refill(now_ms)
        level = self._level
        if amount <= level or level >= self._burst:
            self._level = level - amount
            return 0
        return int((min(amount, self._burst) - level) / self._per_s * 1000) + 1

    def owe(self, amount: float, now_ms: int) -> bool:
        """Charge what is granted in any case, up to a debt of one burst; tell whether anything was left."""
        self._refill(now_ms)
        level = self._level
        self._level = min(level, max(level - amount, -self._burst))
        return level > 0

    def give_back(self, amount: float) -> None:
        """Return what was taken for something that was not done after all."""
        self._level = min(self._burst, self._level + amount)

    def is_full(self, now_ms: int) -> bool:
        """Tell whether forgetting this bucket would change nothing."""
        self._refill(now_ms)
        return self._level >= self._burst

    def _refill(self, now_ms: int) -> None:
        elapsed_ms = now_ms - self._updated_ms
        self._updated_ms = now_ms
        # A clock that steps back must neither fill nor drain a bucket.
        if elapsed_ms > 0:
            level = self._level + elapsed_ms * self._per_s / 1000
            self._level = level if level < self._burst else self._burst


class Buckets:
    """Buckets by key, one of each rate, made on first use and forgotten when they are full again."""

    __slots__ = ("_by_key", "_rates")

    def __init__(self, *rates: Rate) -> None:
        self._rates = rates
        self._by_key: dict[bytes, tuple[Bucket, ...]] = {}

    def of(self, key: bytes, now_ms: int) -> tuple[Bucket, ...]:
        """Return the buckets of `key`. Looked up once: another thread may forget full ones at any moment."""
        found = self._by_key.get(key)
        if found is None:
            found = self._by_key[key] = tuple([Bucket(rate, now_ms) for rate in self._rates])
        return found

    def take(self, key: bytes, now_ms: int, *amounts: float) -> int:
        """Take an amount from each bucket of `key` and return 0, or from none and return the wait."""
        buckets = self.of(key, now_ms)
        for place, bucket in enumerate(buckets):
            wait_ms = bucket.take(amounts[place], now_ms)
            if wait_ms:
                for earlier, taken in zip(buckets[:place], amounts, strict=False):
                    earlier.give_back(taken)
                return wait_ms
        return 0

    def give_back(self, key: bytes, *amounts: float) -> None:
        """Return what was taken for something that was not done after all."""
        for bucket, amount in zip(self._by_key.get(key, ()), amounts, strict=False):
            bucket.give_back(amount)

    def forget(self, key: bytes) -> None:
        """Drop the buckets of `key`, where there are any."""
        self._by_key.pop(key, None)

    def forget_full(self, now_ms: int) -> None:
        """Drop what new ones could stand for, so that memory follows the traffic."""
        for key, buckets in list(self._by_key.items()):
            if all(one.is_full(now_ms) for one in buckets):
                self.forget(key)


def take_from_all(charged: Sequence[tuple[Bucket, float]], now_ms: int) -> int:
    """Take its amount from each and return 0, or nothing from any and return the wait in milliseconds."""
    for place, (bucket, amount) in enumerate(charged):
        wait_ms = bucket.take(amount, now_ms)
        if wait_ms:
            for one, taken in charged[:place]:
                one.give_back(taken)
            return wait_ms
    return 0


@dataclass(frozen=True, slots=True)
class Policy:
    """All limits of one relay, with their defaults; each can be set in the configuration under its name."""

    relay_name: str = "localhost"
    registration_secret: bytes | None = field(default=None, repr=False)

    max_body_b: int = protocol.MAX_BODY_B
    max_send_items: int = 64
    max_mailboxes: int = 1024
    max_tokens: int = 20_000
    window_messages: int = 256
    window_b: int = 1 << 20
    connection_window_b: int = 4 << 20
    quota_messages: int = 1000
    quota_b: int = 32 << 20
    published_quota_messages: int = 50_000
    published_quota_b: int = 256 << 20
    retention_s: int = 30 * 86_400
    minute_s: int = 60
    remembered_s: int = 3600
    remembered_max: int = 1_000_000
    abandoned_s: int = 400 * 86_400
    max_blob_b: int = protocol.MAX_BLOB_B
    blob_quota_b: int = 512 << 20
    blob_contact_b: int = 8 << 20
    blob_retention_s: int = 30 * 86_400
    blob_unfinished_s: int = 86_400
    max_one_time_keys: int = protocol.MAX_ONE_TIME_KEYS
    low_prekeys: int = 50
    pow_bits_create: int = 0
    pow_bits_send: int = 0
    pow_bits_fetch: int = 0

    # Of one connection.
    requests: Rate = Rate(10_000, 5_000)
    creations: Rate = Rate(20, 0.2)
    auths: Rate = Rate(64, 4)
    lookups: Rate = Rate(60, 2)
    fetches: Rate = Rate(32, 0.2)
    subscriptions: Rate = Rate(4_096, 64)
    blob_opens: Rate = Rate(120, 4)
    tokens: Rate = Rate(20_000, 20)
    # Of the whole relay.
    creations_global: Rate = Rate(2_000, 50)
    directory_b_global: Rate = Rate(128 << 20, 64 << 10)
    # Of one token.
    contact_messages: Rate = Rate(600, 20)
    contact_b: Rate = Rate(16 << 20, 256 << 10)
    front_door_messages: Rate = Rate(400, 10)
    front_door_b: Rate = Rate(8 << 20, 128 << 10)
    # Parts put with one token, and put or got on one connection.
    blob_parts_b: Rate = Rate(128 << 20, 8 << 20)
    # How often one blob is got: so often, and then once in a day and a half.
    blob_gets: Rate = Rate(20, 20 / 2_592_000)
    # Of one mailbox, over all of its tokens.
    mailbox_messages: Rate = Rate(10_000, 500)
    mailbox_b: Rate = Rate(256 << 20, 16 << 20)
    # Of one mailbox that publishes: the largest entry with 64 lists is 213 KB.
    directory_b: Rate = Rate(1 << 20, 512)
    # Of one mailbox whose devices upload prekeys: a full stock is 300 KB, the largest upload 825 KB.
    prekeys_b: Rate = Rate(1 << 20, 1 << 10)
    # Of one client address, over all of its connections.
    lookups_per_address: Rate = Rate(120, 4)
    fetches_per_address: Rate = Rate(32, 0.2)
    # Of these twenty addresses leave something of what all share.
    creations_per_address: Rate = Rate(80, 2)
    directory_b_per_address: Rate = Rate(4 << 20, 2 << 10)
    knocks_per_address: Rate = Rate(16, 0.2)
    knocks_b_per_address: Rate = Rate(256 << 10, 2 << 10)
    blob_opens_per_address: Rate = Rate(120, 4)
    tokens_per_address: Rate = Rate(40_000, 20)
    # Of one device that is asked for: fetches that get one-time keys. More than one address may take.
    fetches_per_device: Rate = Rate(60, 0.5)
    # Of one account: so many device lists, and then twelve a day.
    lists_per_account: Rate = Rate(128, 12 / 86_400)

    def admits_registration(self, secret: bytes | None) -> bool:
        """Tell whether a mailbox may be created with this registration secret (RLY-21)."""
        if self.registration_secret is None:
            return True
        return hmac.compare_digest(self.registration_secret, secret or b"")

    @property
    def published_quota(self) -> tuple[int, int]:
        """Messages and bytes held for a mailbox that a directory entry names (RLY-203)."""
        messages = max(self.quota_messages, self.published_quota_messages)
        return messages, max(self.quota_b, self.published_quota_b)

    def announced(self) -> Limits:
        """Return what a Hello tells of these limits."""
        own = {one.name: getattr(self, one.name) for one in fields(Limits) if one.name != "max_message_b"}
        return Limits(max_message_b=protocol.MAX_MESSAGE_B, **own)


class Publishing(NamedTuple):
    """What a PUBLISH is charged for."""

    mailbox: bytes
    account_id: bytes
    size_b: int
    further_lists: int  # those that an entry goes on by
    goes_on: bool  # the account has an entry


class SendLimits:
    """The buckets that the rules ask: of tokens, mailboxes and devices. A store's thread may ask them too.

    Single steps on dictionaries are atomic, so that nothing breaks; two threads that charge one bucket at the
    same moment may charge it once.
    """

    def __init__(self, policy: Policy, counters: Counter[str]) -> None:
        self._counters = counters
        # Of messages and of their bytes.
        self._contacts = Buckets(policy.contact_messages, policy.contact_b)
        self._front_doors = Buckets(policy.front_door_messages, policy.front_door_b)
        self._mailboxes = Buckets(policy.mailbox_messages, policy.mailbox_b)
        self._knocks = Buckets(policy.knocks_per_address, policy.knocks_b_per_address)
        self._devices = Buckets(policy.fetches_per_device)
        self._parts = Buckets(policy.blob_parts_b)
        self._gets = Buckets(policy.blob_gets)

    def charge(
        self, mailbox: bytes, hashed: bytes, token_class: int, visitor: bytes, size_b: int, now_ms: int
    ) -> int:
        """Charge a message to token, mailbox and a stranger's address, or to none of them.

        Return 0 or the wait in milliseconds (RLY-42, RLY-155, RLY-223).
        """
        is_stranger = token_class == protocol.TokenClass.FRONT_DOOR
        by_token = self._front_doors if is_stranger else self._contacts
        charged = [(by_token, mailbox + hashed), (self._mailboxes, mailbox)]
        if is_stranger and visitor:
            charged.append((self._knocks, visitor))
        for place, (buckets, key) in enumerate(charged):
            wait_ms = buckets.take(key, now_ms, 1, size_b)
            if wait_ms:
                for earlier, other in charged[:place]:
                    earlier.give_back(other, 1, size_b)
                self._counters["limited_by_mailbox"] += buckets is self._mailboxes
                return wait_ms
        return 0

    def grants_one_time_keys(self, record_hash: bytes, now_ms: int) -> bool:
        """Tell whether this fetch gets one-time keys, and charge it to the device if so (RLY-164)."""
        granted = not self._devices.take(record_hash, now_ms, 1)
        self._counters["bundles_held_back"] += not granted
        return granted

    def charge_part(self, mailbox: bytes, hashed: bytes, size_b: int, now_ms: int) -> int:
        """Charge a part to the token that pays for its blob; return 0 or the wait (RLY-248)."""
        return self._parts.take(mailbox + hashed, now_ms, size_b)

    def charge_get(self, key: bytes, share: float, now_ms: int) -> int:
        """Charge a share of a blob's size to what it is got; return 0 or the wait (RLY-245)."""
        return self._gets.take(key, now_ms, share)

    def forget_gets(self, key: bytes) -> None:
        """Forget how often a blob was got: it is dropped, and would be remembered for a day and a half."""
        self._gets.forget(key)

    def forget_full(self, now_ms: int) -> None:
        """Drop buckets that are full again, so that memory follows the traffic."""
        of_messages = (self._contacts, self._front_doors, self._mailboxes)
        for buckets in (*of_messages, self._devices, self._parts, self._gets):
            buckets.forget_full(now_ms)

    def forget_visitors(self, now_ms: int) -> None:
        """Drop full buckets of client addresses, soon: no address is kept for long (RLY-144)."""
        self._knocks.forget_full(now_ms)


class SharedLimits:
    """The buckets of one process that its connections share."""

    def __init__(self, policy: Policy, now_ms: int) -> None:
        self._of_all = {
            "creations": Bucket(policy.creations_global, now_ms),
            "directory_b": Bucket(policy.directory_b_global, now_ms),
        }
        self._by_address = {
            "lookups": Buckets(policy.lookups_per_address),
            "fetches": Buckets(policy.fetches_per_address),
            "creations": Buckets(policy.creations_per_address),
            "directory_b": Buckets(policy.directory_b_per_address),
            "blob_opens": Buckets(policy.blob_opens_per_address),
            "tokens": Buckets(policy.tokens_per_address),
        }
        self._publishing = Buckets(policy.directory_b)
        self._uploading = Buckets(policy.prekeys_b)
        self._lists = Buckets(policy.lists_per_account)
        self._held_back_told = Buckets(_HELD_BACK_TOLD)
        self._stocks = Buckets(_STOCKS)
        self._held_back_looks = Buckets(_STOCKS)

    def take(self, kind: str, visitor: bytes, now_ms: int) -> int:
        """Charge a question to a client address, where that is known; return 0 or the wait (RLY-56)."""
        return self._by_address[kind].take(visitor, now_ms, 1) if visitor else 0

    def of(self, kind: str, visitor: bytes, now_ms: int) -> list[Bucket]:
        """Return the buckets of the client address, where that is known, and of the whole relay."""
        return [*self.of_address(kind, visitor, now_ms), self._of_all[kind]]

    def of_address(self, kind: str, visitor: bytes, now_ms: int) -> tuple[Bucket, ...]:
        """Return the bucket of the client address, where that is known."""
        return self._by_address[kind].of(visitor, now_ms) if visitor else ()

    def charge_entry(self, publishing: Publishing, visitor: bytes, now_ms: int) -> int:
        """Charge what a PUBLISH writes, to all buckets or none; return 0 or the wait (RLY-258, RLY-260).

        Those that others use as well do not refuse an entry that goes on (RLY-264).
        """
        size_b = publishing.size_b
        shared = self.of("directory_b", visitor, now_ms)
        charged = [(one, size_b) for one in self._publishing.of(publishing.mailbox, now_ms)]
        if publishing.further_lists:
            of_account = self._lists.of(publishing.account_id, now_ms)
            charged += [(one, publishing.further_lists) for one in of_account]
        if not publishing.goes_on:
            charged += [(one, size_b) for one in shared]
        wait_ms = take_from_all(charged, now_ms)
        if publishing.goes_on and not wait_ms:
            # The relay's only as long as the address has something left: one address would empty it for all.
            all(one.owe(size_b, now_ms) for one in shared)
        return wait_ms

    def charge_prekeys(self, mailbox: bytes, size_b: int, now_ms: int) -> int:
        """Charge prekeys that are stored; return 0 or the wait (RLY-263)."""
        return self._uploading.take(mailbox, now_ms, size_b)

    def may_tell_held_back(self, record_hash: bytes, now_ms: int) -> bool:
        """Tell whether the owner is to hear now that one-time keys are held back (RLY-165)."""
        return not self._held_back_told.take(record_hash, now_ms, 1)

    def may_look_at_stocks(self, mailbox: bytes, now_ms: int, *, are_held_back: bool) -> bool:
        """Tell whether the stocks behind a mailbox are to be looked at now (RLY-267)."""
        looks = self._held_back_looks if are_held_back else self._stocks
        return not looks.take(mailbox, now_ms, 1)

    def forget_visitors(self, now_ms: int) -> None:
        """Drop full buckets of client addresses, soon: no address is kept for long (RLY-144)."""
        for buckets in self._by_address.values():
            buckets.forget_full(now_ms)

    def forget_full(self, now_ms: int) -> None:
        """Drop what a new bucket could stand for."""
        of_directory = (self._publishing, self._uploading, self._lists)
        for buckets in (*of_directory, self._held_back_told, self._held_back_looks, self._stocks):
            buckets.forget_full(now_ms)
