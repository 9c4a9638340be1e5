"""A relay that answers everything as it should and does with the messages what a test wants.

It keeps no rule of chapter 11 but the answers: who may listen, what a token is good for and how much is
held is no matter of a client's promises.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from e2ee_client.engine import Channel
from e2ee_relay.protocol import (
    OPERATIONS,
    Auth,
    AuthResult,
    Done,
    ErrorCode,
    ErrorReply,
    Frame,
    Hello,
    KnownFrame,
    Limits,
    Lookup,
    LookupResult,
    Message,
    PrekeysBundle,
    PrekeysCount,
    PrekeysFetch,
    PrekeysStock,
    PrekeysUpload,
    Publish,
    QueueEmpty,
    Role,
    Send,
    SendResult,
    SendResults,
    Subscribe,
    decode_frames,
    encode_frames,
)

from e2ee.identity import DeviceList, DeviceRecord
from e2ee.ids import AccountId, RecordHash
from e2ee.wire import cbor
from e2ee.wire.fields import MAX_MS, Fields, decode_signed

LIMITS = Limits(
    98_304, 1 << 20, 64, 16, 256, 1 << 22, 1_000, 1 << 26, 2_592_000, 604_800, 200, 20, 0, 0, 0, 0, 0, 1
)
_FULL = 100


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on its way: to which mailbox, under which id of the relay, and its bytes."""

    mailbox: bytes
    msg_id: bytes
    body: bytes


@dataclass(slots=True)
class Stock:
    """The prekeys of one record of a device."""

    spk: bytes = b""
    pqk: bytes = b""
    one_time: list[tuple[bytes, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class Entry:
    """What the directory holds of an account, and its prekeys by record."""

    lists: list[bytes] = field(default_factory=list)
    records: tuple[bytes, ...] = ()
    addresses: tuple[bytes | None, ...] = ()
    stocks: dict[bytes, Stock] = field(default_factory=dict)

    def stock(self, record_hash: bytes) -> Stock:
        """Return the prekeys of a record."""
        return self.stocks.setdefault(record_hash, Stock())


class HostileRelay:
    """Directory, and letters by mailbox, which wait for whoever decides.

    `stock_at_first` is how many one-time keys of each kind it says to have before the first upload: with
    less, a client makes more.
    """

    def __init__(self) -> None:
        self.entries: dict[bytes, Entry] = {}
        self.letters: dict[bytes, list[Letter]] = {}
        self.sent: dict[bytes, list[Letter]] = {}
        self.now_ms: Callable[[], int] = lambda: 0
        self.stock_at_first = 0
        self.on_letter: Callable[[Letter], None] = lambda _letter: None
        self._seq = 0

    def hello(self) -> bytes:
        """Return the first bytes on a connection."""
        return encode_frames([Hello(0, 1, "relay.example", bytes(32), LIMITS, OPERATIONS)])

    def take(self, data: bytes) -> Iterator[bytes]:
        """Answer a message of a client."""
        for frame in decode_frames(data, Role.RELAY):
            yield from (encode_frames([answer]) for answer in self._answers(frame))

    def delivery(self, letter: Letter) -> bytes:
        """Return the bytes that hand a letter to a client; each time under another number."""
        self._seq += 1
        return encode_frames([Message(0, letter.mailbox, self._seq, letter.msg_id, letter.body, 0)])

    def _answers(self, frame: Frame) -> Iterator[KnownFrame]:
        match frame:
            case Send():
                for item in frame.items:
                    self._post(Letter(item.mailbox, item.msg_id, item.body))
                yield SendResults(frame.request_id, (SendResult(ErrorCode.OK),) * len(frame.items))
            case Auth():
                yield AuthResult(frame.request_id, ())
            case Subscribe():
                yield Done(frame.request_id)
                yield from (QueueEmpty(0, mailbox) for mailbox in frame.mailboxes)
            case Publish():
                yield self._publish(frame)
            case Lookup():
                yield self._look_up(frame)
            case PrekeysUpload():
                self._store(frame)
                yield self._stock(frame)
            case PrekeysCount():
                yield self._stock(frame)
            case PrekeysFetch():
                yield self._bundle(frame)
            case _:
                yield Done(frame.request_id)

    def _post(self, letter: Letter) -> None:
        self.letters.setdefault(letter.mailbox, []).append(letter)
        self.sent.setdefault(letter.mailbox, []).append(letter)
        self.on_letter(letter)

    def _publish(self, frame: Publish) -> KnownFrame:
        entry = self.entries.setdefault(frame.account_id, Entry())
        known = [_seq(frame.account_id, one) for one in entry.lists]
        fresh = [one for one in frame.lists if one not in entry.lists]
        if fresh and known and _seq(frame.account_id, frame.lists[0]) > known[-1] + 1:
            return ErrorReply(frame.request_id, ErrorCode.STALE_ENTRY)
        if fresh and known and _seq(frame.account_id, fresh[0]) <= known[-1]:
            return ErrorReply(frame.request_id, ErrorCode.STALE_ENTRY)
        entry.lists += fresh
        entry.records, entry.addresses = frame.records, frame.addresses
        return Done(frame.request_id)

    def _look_up(self, frame: Lookup) -> KnownFrame:
        entry = self.entries.get(frame.account_id)
        if entry is None:
            return ErrorReply(frame.request_id, ErrorCode.NOT_FOUND)
        newer = [one for one in entry.lists if _seq(frame.account_id, one) > frame.after_seq]
        return LookupResult(frame.request_id, tuple(newer), entry.records, entry.addresses, False)

    def _store(self, frame: PrekeysUpload) -> None:
        stock = self.entries[frame.account_id].stock(frame.record_hash)
        stock.spk, stock.pqk = frame.signed_prekey or stock.spk, frame.last_resort or stock.pqk
        stock.one_time += zip(frame.one_time_x25519, frame.one_time_kem, strict=False)

    def _stock(self, frame: PrekeysUpload | PrekeysCount) -> KnownFrame:
        stock = self.entries[frame.account_id].stock(frame.record_hash)
        held = _FULL if stock.spk else self.stock_at_first
        ids = (_field(one, 6) if one else None for one in (stock.spk, stock.pqk))
        return PrekeysStock(frame.request_id, held, held, 0, 0, *ids)

    def _bundle(self, frame: PrekeysFetch) -> KnownFrame:
        entry, now_ms = self.entries[frame.account_id], self.now_ms()
        records = {DeviceRecord.decode(one).hash: one for one in entry.records}
        stock, record = entry.stock(frame.record_hash), records.get(RecordHash(frame.record_hash))
        if record is None or not stock.spk:
            return ErrorReply(frame.request_id, ErrorCode.NO_PREKEYS)
        stock.one_time = [pair for pair in stock.one_time if _field(pair[0], 7) > now_ms]
        opk, pqk = stock.one_time.pop(0) if stock.one_time else (None, stock.pqk)
        bundle = cbor.encode({1: record, 2: entry.lists[-1], 3: stock.spk, 4: opk, 5: pqk})
        return PrekeysBundle(frame.request_id, bundle, opk is not None, pqk != stock.pqk)


@lru_cache(1_024)
def _seq(account_id: bytes, signed: bytes) -> int:
    """Return the number of a device list, which is verified once."""
    return DeviceList.verify(AccountId(account_id), signed).seq


def _field(signed: bytes, key: int) -> int:
    """Return a number of a signed prekey: 6 its id, 7 its end."""
    encoded, _ = decode_signed(signed, len(signed))
    return Fields(cbor.decode(encoded, len(encoded)), frozenset(range(1, 9))).uint(key, MAX_MS)


class Connections:
    """The connections of one client to the relay; what is to be heard waits in `inbox`."""

    def __init__(self, relay: HostileRelay) -> None:
        self.relay = relay
        self.inbox: deque[tuple[Channel, bytes]] = deque()
        self.open: set[Channel] = set()

    def connect(self, channel: Channel) -> None:
        """Open a connection; the relay greets."""
        self.open.add(channel)
        self.inbox.append((channel, self.relay.hello()))

    def transmit(self, channel: Channel, data: bytes) -> None:
        """Hand over a message; the answers wait."""
        if channel in self.open:
            self.inbox.extend((channel, answer) for answer in self.relay.take(data))

    def close(self, channel: Channel) -> None:
        """End a connection."""
        self.open.discard(channel)

    def listening(self, mailbox: bytes) -> Channel | None:
        """Return the connection that serves a mailbox."""
        return next((one for one in self.open if one.mailbox == mailbox), None)
