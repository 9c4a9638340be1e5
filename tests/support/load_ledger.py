"""What a load run was promised and what it got: an account of its own, kept without asking the relay.

Message ids carry their mailbox and a running number, so that one byte a message is enough to remember for
the whole run what happened to it: a doubled message is found hours after its first copy.
"""

from __future__ import annotations

import hashlib
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from e2ee_relay.protocol import Message, TtlClass
from e2ee_relay.store.sqlite_view import SEQ_COUNTER_BITS

MINUTE_S: Final = 60.0
# A relay expires once a second; what it had put on the wire just before may wait in a busy reader.
LATE_S: Final = 15.0
_SENT, _CONFIRMED, _DELIVERED, _ACKED, _SHORT, _GIVEN_UP = 1, 2, 4, 8, 16, 32
_ID: Final = struct.Struct(">QQ")
_MOST_FAULTS: Final = 200


def body_of(msg_id: bytes, size_b: int) -> bytes:
    """The content that belongs to an id: what is delivered is checked without keeping it."""
    return hashlib.shake_128(msg_id).digest(size_b)


@dataclass(slots=True)
class Account:
    """One mailbox: a byte of marks for each message, and what is delivered and not yet deleted."""

    number: int
    marks: bytearray = field(default_factory=bytearray)
    # Message number to seq, until the deletion is confirmed.
    unacked: dict[int, int] = field(default_factory=dict)
    # Message number to the time of its confirmation (monotonic seconds), for short-lived ones.
    short_since: dict[int, float] = field(default_factory=dict)
    absences: list[tuple[float, float]] = field(default_factory=list)
    away_since: float | None = 0.0
    last_seq: int = 0
    is_deleted: bool = False


class Ledger:
    """Counts and judges; `faults` are sentences about what must never happen."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._accounts: list[Account] = []
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.fault_count = 0
        self.one_time: Counter[bytes] = Counter()

    def fault(self, text: str) -> None:
        """Record what must not be; the count goes on when the list is long enough."""
        self.fault_count += 1
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(text)

    def open(self) -> Account:
        """A new mailbox, whose owner is not there yet."""
        account = Account(len(self._accounts), away_since=self._monotonic())
        self._accounts.append(account)
        return account

    # --- the sender's side ---

    def sent(self, account: Account, ttl: TtlClass) -> bytes:
        """A message is about to leave for the first time; return its id."""
        account.marks.append(_SENT | (_SHORT if ttl is TtlClass.MINUTE else 0))
        self.counts["sent"] += 1
        return _ID.pack(account.number, len(account.marks) - 1)

    def confirmed(self, account: Account, msg_id: bytes) -> None:
        """The relay said OK."""
        if account.is_deleted:
            return
        number = _ID.unpack(msg_id)[1]
        if account.marks[number] & _CONFIRMED:
            return
        account.marks[number] |= _CONFIRMED
        self.counts["confirmed"] += 1
        if account.marks[number] & _SHORT:
            self.counts["confirmed, short-lived"] += 1
            if not account.marks[number] & _DELIVERED:
                account.short_since[number] = self._monotonic()

    # --- the owner's side ---

    def here(self, account: Account) -> None:
        """The owner is subscribed."""
        if account.away_since is not None:
            account.absences.append((account.away_since, self._monotonic()))
            del account.absences[:-8]
            account.away_since = None

    def away(self, account: Account) -> None:
        """The owner's connection is gone, whoever ended it."""
        if account.away_since is None:
            account.away_since = self._monotonic()
        account.last_seq = 0

    def delivered(self, account: Account, message: Message) -> bool:
        """A push arrived; tell whether the application takes it, which forgets ids once they are deleted."""
        number = self._number(account, message)
        if number is None:
            return False
        if message.seq <= account.last_seq:
            self.fault(f"seq {message.seq} follows {account.last_seq} (RLY-35)")
        account.last_seq = message.seq
        before = account.unacked.get(number, message.seq)
        account.unacked[number] = message.seq
        if before != message.seq and before >> SEQ_COUNTER_BITS == message.seq >> SEQ_COUNTER_BITS:
            # Only a relay that was killed between delivery and commit takes the same item in again (RLY-90).
            self.fault("one message id is held under two numbers (RLY-32)")
        marks = account.marks[number]
        if marks & _ACKED:
            self.fault("double: delivered again after its deletion was confirmed (RLY-37)")
            return False
        if marks & _DELIVERED:
            self.counts["delivered again before the deletion was confirmed"] += 1
            return False
        account.marks[number] |= _DELIVERED
        self.counts["delivered"] += 1
        since = account.short_since.pop(number, None)
        if since is not None and self._monotonic() - since > MINUTE_S + LATE_S:
            self.fault("a short-lived message was delivered after its time (RLY-41)")
        return True

    def _number(self, account: Account, message: Message) -> int | None:
        owner, number = _ID.unpack(message.msg_id)
        if owner != account.number or number >= len(account.marks):
            self.fault("a message that nobody sent here")
            return None
        if message.body != body_of(message.msg_id, len(message.body)):
            self.fault("a message whose content is another one's")
            return None
        return int(number)

    def acked(self, account: Account, messages: Sequence[Message]) -> None:
        """The relay said Done to the deletion of these."""
        for message in messages:
            number = _ID.unpack(message.msg_id)[1]
            account.marks[number] |= _ACKED
            account.unacked.pop(number, None)
            self.counts["deleted"] += 1

    def deleted(self, account: Account) -> None:
        """The owner has removed the mailbox with what it held."""
        account.is_deleted = True
        self.counts["mailboxes deleted"] += 1
        self.counts["removed with their mailbox"] += sum(
            _is_owed(marks) and not marks & _GIVEN_UP for marks in account.marks
        )
        # A deleted mailbox is asked for nothing any more; its memory goes, or the run itself would grow.
        account.marks = bytearray()
        account.short_since.clear()
        account.unacked.clear()

    # --- prekeys ---

    def handed_out(self, one_time_key: bytes) -> None:
        """A one-time prekey was fetched."""
        digest = hashlib.blake2b(one_time_key, digest_size=16).digest()
        self.one_time[digest] += 1
        self.counts["one-time prekeys handed out"] += 1
        if self.one_time[digest] > 1:
            self.fault("a one-time prekey was handed out twice (RLY-63)")

    # --- judgement ---

    def give_up_expired(self) -> None:
        """Short-lived messages whose time is over: expired where the owner was away meanwhile, else lost."""
        now = self._monotonic()
        for account in self._accounts:
            over = [
                number for number, since in account.short_since.items() if now > since + MINUTE_S + LATE_S
            ]
            for number in over:
                since = account.short_since.pop(number)
                account.marks[number] |= _GIVEN_UP
                if _was_away(account, since, since + MINUTE_S):
                    self.counts["expired while the owner was away"] += 1
                else:
                    self.fault("lost: a short-lived message did not reach an owner who was there")

    def owed(self) -> int:
        """Confirmed messages that have neither arrived nor expired."""
        return sum(1 for _ in self._owed())

    def close(self) -> None:
        """Call what is still owed lost, at the end of a run."""
        self.counts["lost"] = self.owed()
        if self.counts["lost"]:
            self.fault_count += self.counts["lost"]
            self.faults.append(f"lost: {self.counts['lost']} confirmed messages never arrived (RLY-30)")

    def _owed(self) -> Iterator[int]:
        for account in self._accounts:
            for marks in account.marks:
                if _is_owed(marks):
                    yield account.number


def _is_owed(marks: int) -> bool:
    return marks & (_CONFIRMED | _DELIVERED | _GIVEN_UP) == _CONFIRMED


def _was_away(account: Account, begin: float, end: float) -> bool:
    if account.away_since is not None and account.away_since < end:
        return True
    return any(left < end and back > begin for left, back in account.absences)
