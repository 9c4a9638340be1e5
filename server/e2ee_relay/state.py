"""The relay's state in memory and the effects that a step leaves behind."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from .entries import Entries
from .entry import Entry, entry_from_rows
from .limits import Bucket, Buckets, MailboxAllowances, Policy, Rate
from .mailbox import Connection, HeldMessage, Mailbox, Token
from .protocol import (
    CreateMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    KnownFrame,
    TokenClass,
    hour_of,
    pow_context_create,
    pow_is_enough,
)
from .store.changes import Change, DeviceRow, Held, HeldRow, RememberedRow, Result, StoreFailure

_RETRY_UNAVAILABLE_MS = 2_000
_RETRY_CREATION_MS = 60_000
_HALF_AN_HOUR_MS = 1_800_000
# An owner is told once a minute that one-time keys are held back (RLY-165).
_HELD_BACK_TOLD = Rate(1, 1 / 60)


class Transmit(NamedTuple):
    """Effect: put a frame into a connection's outgoing buffer."""

    connection: int
    frame: KnownFrame
    can_wait: bool = False  # for others to go with, since nobody waits for it


class Submit(NamedTuple):
    """Effect: give a change to the store; after the commit call RelayCore.complete with `then`."""

    change: Change
    then: Then


Then: TypeAlias = Callable[[Result, int], None]
Effect: TypeAlias = Transmit | Submit


class Remembered:
    """Ids of messages that are gone, oldest first, at most so many (RLY-32)."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._until_ms: dict[tuple[int, bytes], int] = {}

    def __len__(self) -> int:
        return len(self._until_ms)

    def add(self, row: RememberedRow) -> None:
        """Remember an id; the oldest one goes when there are too many."""
        self._until_ms[row.mailbox_no, row.msg_id] = row.until_ms
        if len(self._until_ms) > self._most:
            del self._until_ms[next(iter(self._until_ms))]

    def knows(self, mailbox_no: int, msg_id: bytes, now_ms: int) -> bool:
        """Tell whether this id is to be answered OK without being stored."""
        return self._until_ms.get((mailbox_no, msg_id), 0) > now_ms

    def forget_expired(self, now_ms: int) -> None:
        """Forget what is over; all periods are equal, so the oldest is over first."""
        while self._until_ms:
            oldest = next(iter(self._until_ms))
            if self._until_ms[oldest] > now_ms:
                return
            del self._until_ms[oldest]


class Answering:
    """Policy, connections and counters of any core, and the effects that it leaves."""

    def __init__(self, policy: Policy, now_ms: int) -> None:
        self.policy = policy
        self.connections: dict[int, Connection] = {}
        self.creations = Bucket(policy.creations_global, now_ms)
        self._by_address = {
            "lookups": Buckets(policy.lookups_per_address),
            "fetches": Buckets(policy.fetches_per_address),
        }
        self._fetches_per_device = Buckets(policy.fetches_per_device)
        self._held_back_told = Buckets(_HELD_BACK_TOLD)
        self.mailbox_allowances = MailboxAllowances()
        self.counters: Counter[str] = Counter()
        self.refusals: Counter[ErrorCode] = Counter()
        self.started_ms = now_ms
        self.skew_ms = 0  # how far the machine's clock is ahead of the relay's time
        self.is_draining = False
        self.admits_mailboxes: Callable[[], bool] = lambda: True  # whether there is room for new ones
        self.blocked: frozenset[bytes] = frozenset()  # mailboxes and accounts, on the operator's word
        self._nobody = Mailbox(0, bytes(16), bytes(32), 0, 0)
        self._effects: list[Effect] = []

    def at_start(self) -> dict[str, int]:
        """Return counts for the log."""
        return {}

    def gauges(self, _now_ms: int) -> dict[str, tuple[str, int]]:
        """Return figures of this moment for the metrics, each with its explanation (RLY-72)."""
        return {}

    def wall_ms(self, now_ms: int) -> int:
        """Return the machine's time, for dates that others have signed (RLY-133)."""
        return now_ms + self.skew_ms

    def told_hour_ms(self, now_ms: int) -> int:
        """Return the hour that is told of an arrival (RLY-34).

        Whole hours apart from the relay's own: it tells no more than the time of expiry does.
        """
        return hour_of(now_ms) + hour_of(self.skew_ms + _HALF_AN_HOUR_MS)

    def charge(self, token: Token, mailbox: bytes, size_b: int, now_ms: int) -> int:
        """Charge a message to token and mailbox, or to neither; return 0 or the wait (RLY-42, RLY-155)."""
        wait_ms = token.charge(size_b, self.policy, now_ms)
        if wait_ms:
            return wait_ms
        wait_ms = self.mailbox_allowances.take(mailbox, size_b, self.policy, now_ms)
        if wait_ms:
            token.give_back(size_b)
            self.counters["limited_by_mailbox"] += 1
        return wait_ms

    def charge_question(
        self, connection: Connection, kind: Literal["lookups", "fetches"], now_ms: int
    ) -> int:
        """Charge LOOKUP or PREKEYS_FETCH to connection and client address; return 0 or the wait (RLY-56)."""
        wait_ms = connection.take(kind, self.policy, 1, now_ms)
        if wait_ms or not connection.visitor:
            return wait_ms
        return self._by_address[kind].of(connection.visitor, now_ms).take(1, now_ms)

    @property
    def known_visitors(self) -> int:
        """Return of how many client addresses there are buckets."""
        return len(frozenset[bytes]().union(*(one.keys() for one in self._by_address.values())))

    def grants_one_time_keys(self, record_hash: bytes, now_ms: int) -> bool:
        """Tell whether this fetch gets one-time keys, and charge it to the device if so (RLY-164)."""
        granted = not self._fetches_per_device.of(record_hash, now_ms).take(1, now_ms)
        self.counters["bundles_held_back"] += not granted
        return granted

    def may_tell_held_back(self, record_hash: bytes, now_ms: int) -> bool:
        """Tell whether the owner is to hear now that one-time keys are held back (RLY-165)."""
        return not self._held_back_told.of(record_hash, now_ms).take(1, now_ms)

    def forget_full(self, now_ms: int) -> None:
        """Drop buckets of accounts, devices and mailboxes that are full again."""
        self._fetches_per_device.forget_full(now_ms)
        self._held_back_told.forget_full(now_ms)
        self.mailbox_allowances.forget_full(now_ms)

    def forget_visitors(self, now_ms: int) -> None:
        """Drop full buckets of client addresses, soon: no address is kept for long (RLY-144)."""
        for buckets in self._by_address.values():
            buckets.forget_full(now_ms)

    def may_create(self, connection: Connection, frame: CreateMailbox, now_ms: int) -> tuple[ErrorCode, int]:
        """Judge the creation of a mailbox that does not exist; return OK, or the refusal and the wait."""
        if not self.policy.admits_registration(frame.registration_secret):
            return ErrorCode.REGISTRATION_REFUSED, 0
        context = pow_context_create(connection.nonce, frame.mailbox, frame.owner_pub)
        if not pow_is_enough(context, frame.pow, self.policy.pow_bits_create):
            return ErrorCode.POW_REQUIRED, 0
        if not self.admits_mailboxes():
            return ErrorCode.UNAVAILABLE, _RETRY_CREATION_MS
        wait_ms = connection.take("creations", self.policy, 1, now_ms) or self.creations.take(1, now_ms)
        return (ErrorCode.RATE_LIMITED, wait_ms) if wait_ms else (ErrorCode.OK, 0)

    # --- effects ---

    def transmit(self, connection: Connection, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Leave a frame for a connection that is still there."""
        if connection.is_open:
            self._effects.append(Transmit(connection.no, frame, can_wait))

    def refuse(
        self, connection: Connection, request_id: int, code: ErrorCode, retry_after_ms: int = 0
    ) -> None:
        """Answer a request with an error (RLY-07)."""
        self.refusals[code] += 1
        self.transmit(connection, ErrorReply(request_id, code, retry_after_ms))

    def submit(self, change: Change, then: Then) -> None:
        """Leave a change for the store."""
        self._effects.append(Submit(change, then))

    def submit_and_answer(
        self,
        connection: Connection,
        request_id: int,
        change: Change,
        committed: Callable[[], None] | None = None,
    ) -> None:
        """Leave a change whose request is answered Done after the commit, else UNAVAILABLE."""

        def then(result: Result, _now_ms: int) -> None:
            if committed is not None and not isinstance(result, StoreFailure):
                committed()
            self.answer_done(connection, request_id, result)

        self.submit(change, then)

    def answer_done(
        self, connection: Connection, request_id: int, result: Result, *, can_wait: bool = False
    ) -> None:
        """Answer Done after a commit, or UNAVAILABLE after its failure; Done may be of no hurry (RLY-161)."""
        if isinstance(result, StoreFailure):
            self.unavailable(connection, request_id)
        else:
            self.transmit(connection, Done(request_id), can_wait=can_wait)

    def unavailable(self, connection: Connection, request_id: int) -> None:
        """Answer that the store could not commit."""
        self.refuse(connection, request_id, ErrorCode.UNAVAILABLE, _RETRY_UNAVAILABLE_MS)

    def collect(self) -> list[Effect]:
        """Return the effects of this step and begin a new one."""
        effects, self._effects = self._effects, []
        return effects


class RelayState(Answering):
    """Mailboxes, entries, connections, buckets and counters; the parts of the relay share one."""

    def __init__(self, policy: Policy, held: Held, now_ms: int) -> None:
        super().__init__(policy, now_ms)
        self.generation = held.generation
        self.mailboxes: dict[bytes, Mailbox] = {}
        self.by_no: dict[int, Mailbox] = {}
        self.entries = Entries()
        self.remembered = Remembered(policy.remembered_max)
        self.short_lived: deque[tuple[int, Mailbox, int]] = deque()  # (expires_ms, mailbox, seq)
        self.last_mailbox_no = max((row.no for row in held.mailboxes), default=0)
        self.last_row_id = held.messages[-1].row_id if held.messages else 0
        self._adopt(held, now_ms)

    def _adopt(self, held: Held, now_ms: int) -> None:
        for row in held.mailboxes:
            self.add_mailbox(Mailbox(row.no, row.mailbox, row.owner_pub, row.used_day, self.generation))
        for token in held.tokens:
            mailbox = self.by_no.get(token.mailbox_no)
            if mailbox is not None:
                mailbox.tokens[token.token_hash] = Token(TokenClass(token.token_class))
        for message in held.messages:
            self._adopt_message(message, now_ms)
        for gone in held.remembered:
            self.remembered.add(gone)
        by_account: dict[bytes, list[DeviceRow]] = {}
        for device in held.devices:
            by_account.setdefault(device.account_id, []).append(device)
        for head in held.heads:
            self.entries.put(entry_from_rows(head, by_account.get(head.account_id, [])))

    def _adopt_message(self, row: HeldRow, now_ms: int) -> None:
        mailbox = self.by_no.get(row.mailbox_no)
        if mailbox is None:
            return
        message = HeldMessage(row.row_id, row.msg_id, row.size_b, row.expires_ms, row.received_ms)
        mailbox.hold(row.seq, message)
        if row.is_cold:
            mailbox.cold_to = row.seq
        if row.expires_ms <= now_ms + self.policy.minute_s * 1000:
            self.short_lived.append((row.expires_ms, mailbox, row.seq))

    def at_start(self) -> dict[str, int]:
        """Return how many mailboxes were found, and the number of this start."""
        return {"mailboxes": len(self.mailboxes), "generation": self.generation}

    def gauges(self, now_ms: int) -> dict[str, tuple[str, int]]:
        """Return what is held at this moment."""
        mailboxes = self.mailboxes.values()
        return {
            "mailboxes": ("Mailboxes", len(mailboxes)),
            "subscriptions": (
                "Mailboxes with a subscriber",
                sum(one.subscription is not None for one in mailboxes),
            ),
            "held_messages": ("Messages held", sum(len(one.held) for one in mailboxes)),
            "held_bytes": ("Bytes of messages held", sum(one.held_b for one in mailboxes)),
            "remembered_ids": ("Message ids remembered after deletion", len(self.remembered)),
            "accounts": ("Directory entries", len(self.entries)),
            "oldest_held_seconds": ("Age of the oldest message held, to the hour", self._oldest_s(now_ms)),
        }

    def _oldest_s(self, now_ms: int) -> int:
        # The held messages of a mailbox are in the order of arrival.
        firsts = [next(iter(one.held.values())).received_ms for one in self.mailboxes.values() if one.held]
        return max(0, self.wall_ms(now_ms) - min(firsts)) // 1000 if firsts else 0

    def add_mailbox(self, mailbox: Mailbox) -> None:
        """Make a mailbox known by id and by number."""
        self.mailboxes[mailbox.address] = mailbox
        self.by_no[mailbox.no] = mailbox

    def drop_mailbox(self, mailbox: Mailbox) -> None:
        """Make it unknown."""
        self.mailboxes.pop(mailbox.address, None)
        self.by_no.pop(mailbox.no, None)
        mailbox.subscription = None

    def owned(self, connection: Connection, address: bytes) -> Mailbox | None:
        """Return the mailbox if it exists and this connection has authenticated it (RLY-26)."""
        mailbox = connection.owned.get(address)
        return mailbox if mailbox is not None and self.mailbox(address) is mailbox else None

    def mailbox(self, address: bytes) -> Mailbox | None:
        """Return a mailbox that takes requests: neither on its way out nor blocked (RLY-86)."""
        mailbox = self.mailboxes.get(address)
        # One that is being deleted takes no more changes: their rows would outlive it.
        if mailbox is None or mailbox.is_closing or address in self.blocked:
            return None
        return mailbox

    def addressed(self, address: bytes) -> tuple[Mailbox, bool]:
        """Return the mailbox that is written to, or another and False, at the same price (RLY-31).

        Most of that price is the first look at a mailbox, which is not in the processor's cache. So where
        there is none, another one is looked at, which the address chooses, and nothing is left out.
        """
        chosen = int.from_bytes(address[:6], "big") % (self.last_mailbox_no + 1)
        mailbox = self.mailboxes.get(address, self.by_no.get(chosen, self._nobody))
        is_it = (mailbox.address == address) & (not mailbox.is_closing) & (address not in self.blocked)
        return mailbox, is_it

    def entry(self, account_id: bytes) -> Entry | None:
        """Return the entry of an account that is not blocked (RLY-86)."""
        return None if account_id in self.blocked else self.entries.get(account_id)
