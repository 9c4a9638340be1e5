"""A relay that answers everything as it should and does with the messages what a test wants.

It keeps no rule of chapter 11 but the answers: who may listen, what a token is good for and how much is
held is no matter of a client's promises.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

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

from e2ee.identity import DeviceList
from e2ee.wire import cbor

LIMITS = Limits(98_304, 1 << 20, 64, 16, 256, 1 << 22, 1_000, 1 << 26, 2_592_000, 604_800, 200, 20, 0, 0, 0)
_FULL = 100


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on its way: to which mailbox, under which id of the relay, and its bytes."""

    mailbox: bytes
    msg_id: bytes
    body: bytes


@dataclass(slots=True)
class Entry:
    """What the directory holds of an account."""

    lists: list[bytes] = field(default_factory=list)
    records: tuple[bytes, ...] = ()
    addresses: tuple[bytes | None, ...] = ()
    spk: bytes = b""
    pqk: bytes = b""
    one_time: list[tuple[bytes, bytes]] = field(default_factory=list)


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

    def _answers(self, frame: Frame) -> Iterator[Frame]:
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
                yield self._stock(frame.request_id, frame.account_id)
            case PrekeysCount():
                yield self._stock(frame.request_id, frame.account_id)
            case PrekeysFetch():
                yield self._bundle(frame)
            case _:
                yield Done(frame.request_id)

    def _post(self, letter: Letter) -> None:
        self.letters.setdefault(letter.mailbox, []).append(letter)
        self.sent.setdefault(letter.mailbox, []).append(letter)

    def _publish(self, frame: Publish) -> Frame:
        entry = self.entries.setdefault(frame.account_id, Entry())
        known = [DeviceList.verify(frame.account_id, one).seq for one in entry.lists]
        fresh = [one for one in frame.lists if one not in entry.lists]
        first = DeviceList.verify(frame.account_id, frame.lists[0])
        if fresh and known and first.seq > known[-1] + 1:
            return ErrorReply(frame.request_id, ErrorCode.STALE_ENTRY)
        if fresh and known and DeviceList.verify(frame.account_id, fresh[0]).seq <= known[-1]:
            return ErrorReply(frame.request_id, ErrorCode.STALE_ENTRY)
        entry.lists += fresh
        entry.records, entry.addresses = frame.records, frame.addresses
        return Done(frame.request_id)

    def _look_up(self, frame: Lookup) -> Frame:
        entry = self.entries.get(frame.account_id)
        if entry is None:
            return ErrorReply(frame.request_id, ErrorCode.NOT_FOUND)
        newer = [one for one in entry.lists if DeviceList.verify(frame.account_id, one).seq > frame.after_seq]
        return LookupResult(frame.request_id, tuple(newer), entry.records, entry.addresses, False)

    def _store(self, frame: PrekeysUpload) -> None:
        entry = self.entries[frame.account_id]
        entry.spk, entry.pqk = frame.signed_prekey or entry.spk, frame.last_resort or entry.pqk
        entry.one_time += zip(frame.one_time_x25519, frame.one_time_kem, strict=False)

    def _stock(self, request_id: int, account_id: bytes) -> Frame:
        entry = self.entries[account_id]
        stock = _FULL if entry.spk else self.stock_at_first
        ids = (_field(one, 6) if one else None for one in (entry.spk, entry.pqk))
        return PrekeysStock(request_id, stock, stock, 0, 0, *ids)

    def _bundle(self, frame: PrekeysFetch) -> Frame:
        entry, now_ms = self.entries[frame.account_id], self.now_ms()
        entry.one_time = [pair for pair in entry.one_time if _field(pair[0], 7) > now_ms]
        opk, pqk = entry.one_time.pop(0) if entry.one_time else (None, entry.pqk)
        record = entry.records[0]
        bundle = cbor.encode({1: record, 2: entry.lists[-1], 3: entry.spk, 4: opk, 5: pqk})
        return PrekeysBundle(frame.request_id, bundle, opk is not None, pqk != entry.pqk)


def _field(signed: bytes, key: int) -> int:
    """Return a number of a signed prekey: 6 its id, 7 its end."""
    (encoded, _) = cbor.decode(signed, len(signed))  # type: ignore[misc]  # a signed structure
    fields: dict[int, int] = cbor.decode(encoded, len(encoded))  # type: ignore[assignment]  # its map
    return fields[key]


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
