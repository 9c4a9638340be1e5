"""The frames that carry the load, read and written in their usual shape: nearly all that a relay sees.

Each says the same as `protocol`, in a tenth of the steps; whatever looks different is left to `protocol`. So
there is one definition of the format: a shape here is an abbreviation of it, and the tests hold both against
each other on valid and on damaged bytes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

from .cbor import Reader
from .frames import (
    MAX_BODY_B,
    Ack,
    Done,
    Frame,
    KnownFrame,
    Message,
    Role,
    Send,
    SendItem,
    SendResults,
    TtlClass,
    array_head,
    encode_frame,
    iterate_frames,
)

# An unsigned integer above 0 in its shortest form, at most four bytes long: a request id.
_ID: Final = rb"([\x01-\x17]|\x18[\x18-\xff]|\x19[\x01-\xff].|\x1a(?!\0\0)....)"
# The head of an array of 1 to 255.
_COUNT: Final = rb"([\x81-\x97]|\x98[\x18-\xff])"
_SEND: Final = re.compile(rb"\xa3\x00\x05\x01" + _ID + rb"\x02" + _COUNT, re.DOTALL)
# Mailbox, token, message id, class of holding, no work, and the head of a body of 24 bytes to 128 KiB.
_ITEM: Final = re.compile(
    rb"\x86\x50(.{16})\x58\x20(.{32})\x50(.{16})([\0-\2])\x40(\x58[\x18-\xff]|\x59[\x01-\xff].|\x5a\0\x01..)",
    re.DOTALL,
)
_ITEMS_OF_SEND: Final = 6
_ITEMS_OF_ITEM: Final = 7
_ACK: Final = re.compile(rb"\xa4\x00\x07\x01" + _ID + rb"\x02\x50(.{16})\x03" + _COUNT, re.DOTALL)
_ITEMS_OF_ACK: Final = 8
# A seq is a generation, at least 1, before 32 bits of a counter: it needs all eight bytes.
_SEQ: Final = 0x1B
_SEQ_B: Final = 9
_LEAST_SEQ: Final = 1 << 32
_TTLS: Final = tuple(sorted(TtlClass))

_MESSAGE: Final = struct.Struct(">8s16s2sQ2s16s2sH")
_OK: Final = b"\x82\0\0"
_TAIL: Final = struct.Struct(">2sQ")


def iterate_requests(message: bytes) -> Iterator[Frame]:
    """Decode one message of a client frame by frame.

    Raises:
        FrameError: on the way; what came before it is not to be carried out either (RLY-03).
    """
    return iterate_frames(message, Role.RELAY, _usual)


def _usual(reader: Reader) -> Frame | None:
    """Read a SEND or an ACK where the reader stands; None, and nothing is read, where there is another."""
    data = reader.data
    head = _SEND.match(data, reader.pos)
    if head is not None:
        return _send(reader, head)
    head = _ACK.match(data, reader.pos)
    return None if head is None else _ack(reader, head)


def _send(reader: Reader, head: re.Match[bytes]) -> Send | None:
    request_id, length = head.groups()
    count = _count(length)
    items: list[SendItem] = []
    data, position = reader.data, head.end()
    for _ in range(count):
        item = _ITEM.match(data, position)
        if item is None:
            return None
        mailbox, token, msg_id, ttl, size = item.groups()
        start = item.end()
        position = start + int.from_bytes(size[1:], "big")
        body = data[start:position]
        if position > len(data) or len(body) > MAX_BODY_B:
            return None
        items.append(SendItem(mailbox, token, msg_id, _TTLS[ttl[0]], b"", body))
    if not reader.skip_to(position, _ITEMS_OF_SEND + count * _ITEMS_OF_ITEM):
        return None
    return Send(_argument(request_id), tuple(items))


def _ack(reader: Reader, head: re.Match[bytes]) -> Ack | None:
    request_id, mailbox, length = head.groups()
    count = _count(length)
    start = head.end()
    end = start + count * _SEQ_B
    octets = reader.data[start:end]
    if len(octets) != count * _SEQ_B or octets[::_SEQ_B] != bytes((_SEQ,)) * count:
        return None
    seqs = struct.unpack(">" + "xQ" * count, octets)
    if min(seqs) < _LEAST_SEQ or not reader.skip_to(end, _ITEMS_OF_ACK + count):
        return None
    return Ack(_argument(request_id), mailbox, seqs)


def _argument(head: bytes) -> int:
    return head[0] if len(head) == 1 else int.from_bytes(head[1:], "big")


def _count(head: bytes) -> int:
    return head[0] - 0x80 if len(head) == 1 else head[1]


def encode(frame: KnownFrame) -> bytes:
    """Encode one frame as `protocol.encode_frame` does."""
    write = _WRITE.get(type(frame))
    return encode_frame(frame) if write is None else write(frame) or encode_frame(frame)


def _message(frame: Message) -> bytes | None:
    size_b = len(frame.body)
    if frame.seq < _LEAST_SEQ or frame.received_ms < _LEAST_SEQ or not 0xFF < size_b <= 0xFFFF:
        return None
    head = _MESSAGE.pack(
        b"\xa7\x00\x18\x81\x01\x00\x02\x50",
        frame.mailbox,
        b"\x03\x1b",
        frame.seq,
        b"\x04\x50",
        frame.msg_id,
        b"\x05\x59",
        size_b,
    )
    return head + frame.body + _TAIL.pack(b"\x06\x1b", frame.received_ms)


def _results(frame: SendResults) -> bytes | None:
    results = frame.results
    for one in results:
        if one.code or one.retry_after_ms:
            return None
    count = len(results)
    return b"\xa3\x00\x18\x45\x01" + _head(frame.request_id) + b"\x02" + array_head(count) + _OK * count


def _done(frame: Done) -> bytes:
    return b"\xa2\x00\x18\x40\x01" + _head(frame.request_id)


def _head(number: int) -> bytes:
    """Return an unsigned integer of at most four bytes in its shortest form."""
    if number > 0xFFFF:
        return b"\x1a" + number.to_bytes(4, "big")
    if number > 0xFF:
        return b"\x19" + number.to_bytes(2, "big")
    return bytes((number,)) if number < 24 else bytes((0x18, number))


_WRITE: Final[dict[type[KnownFrame], Callable[[Any], bytes | None]]] = {
    Message: _message,
    SendResults: _results,
    Done: _done,
}
