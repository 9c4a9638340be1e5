"""Frames in their usual shape say what the one definition of the format says (RLY-01 to RLY-06)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from e2ee_relay import fast_frames
from e2ee_relay.protocol import (
    MAX_BODY_B,
    Ack,
    Done,
    ErrorCode,
    Frame,
    FrameError,
    InvalidRequest,
    KnownFrame,
    Message,
    Ping,
    Reader,
    Role,
    Send,
    SendItem,
    SendResult,
    SendResults,
    TtlClass,
    decode_frames,
    encode_frame,
    encode_frames,
    join_frames,
)
from hypothesis import example, given
from hypothesis import strategies as st

ITEM = SendItem(b"m" * 16, b"t" * 32, b"i" * 16, TtlClass.RETENTION, b"", b"b" * 1100)
SEND = Send(70_000, (ITEM,))
ACK = Ack(70_001, b"m" * 16, ((1 << 32) + 1, (5 << 32) + 7))
MESSAGE = Message(0, b"m" * 16, (1 << 32) + 1, b"i" * 16, b"b" * 1100, 1_800_000_000_000)

ids = st.sampled_from([1, 23, 24, 255, 256, 65_535, 65_536, (1 << 32) - 1]) | st.integers(1, (1 << 32) - 1)
b16 = st.binary(min_size=16, max_size=16)
sizes_b = st.sampled_from([1, 23, 24, 255, 256, 4096, 65_535, 65_536, MAX_BODY_B])
bodies = sizes_b.map(lambda size_b: b"b" * size_b)
items = st.builds(
    SendItem,
    b16,
    st.binary(min_size=32, max_size=32),
    b16,
    st.sampled_from(TtlClass),
    st.sampled_from([b"", b"", b"12345678"]),
    bodies,
)
seqs = st.sampled_from([1, 23, 24, (1 << 32) - 1, 1 << 32]) | st.integers(1 << 32, (1 << 64) - 1)
counts = st.sampled_from([1, 2, 23, 24, 255, 256])
small = dataclasses.replace(ITEM, body=b"b" * 30)
sends = st.builds(Send, ids, st.lists(items, min_size=1, max_size=3).map(tuple))
long_sends = st.builds(Send, ids, counts.map(lambda count: (small,) * count))
acks = st.builds(Ack, ids, b16, st.lists(seqs, min_size=1, max_size=4).map(tuple))
long_acks = st.builds(Ack, ids, b16, counts.map(lambda count: tuple(range(1 << 32, (1 << 32) + count))))
requests = sends | long_sends | acks | long_acks | st.builds(Ping, ids)


def told(decode: Callable[[bytes], list[Frame]], message: bytes) -> list[Frame] | str:
    try:
        return decode(message)
    except FrameError:
        return "refused"


def both(message: bytes) -> tuple[list[Frame] | str, list[Frame] | str]:
    return (
        told(lambda data: list(fast_frames.iterate_requests(data)), message),
        told(lambda data: decode_frames(data, Role.RELAY), message),
    )


@given(st.lists(requests, min_size=1, max_size=4))
def test_requests_are_read_as_they_were_written(frames: list[KnownFrame]) -> None:
    """RLY-01: whatever they are, in whatever company."""
    message = encode_frames(frames)
    assert both(message) == (frames, frames)


@given(requests, st.data())
@example(Send(1, (dataclasses.replace(ITEM, body=b"b" * 24),)), None)
def test_damaged_bytes_are_judged_alike(frame: KnownFrame, data: st.DataObject | None) -> None:
    """RLY-01, RLY-02, RLY-06: heads that are not the shortest, wrong sizes, ends that are missing."""
    message = bytearray(encode_frames([frame, Ping(1)]))
    if data is None:
        for place in range(len(message)):
            for value in (0x00, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x40, 0x58, 0x59, 0x81, 0x98, 0xFF):
                changed = bytes(message[:place]) + bytes((value,)) + bytes(message[place + 1 :])
                ours, theirs = both(changed)
                assert ours == theirs
            ours, theirs = both(bytes(message[:place]))
            assert ours == theirs == "refused"
        return
    heads = st.integers(0, min(len(message) - 1, 160))
    for _ in range(data.draw(st.integers(1, 3))):
        message[data.draw(heads)] = data.draw(st.integers(0, 255))
    kept = data.draw(st.integers(0, len(message)) | st.just(len(message)))
    ours, theirs = both(bytes(message[:kept]))
    assert ours == theirs


def test_the_usual_requests_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all of this would be for nothing, and nobody would notice."""
    monkeypatch.setattr(Reader, "frame", None)
    message = encode_frames([SEND, ACK, Send(1, (ITEM, ITEM))])
    assert list(fast_frames.iterate_requests(message)) == [SEND, ACK, Send(1, (ITEM, ITEM))]


def test_items_are_counted_on_the_short_way_too() -> None:
    """RLY-02: a message of 32 768 items is too long, whichever way its frames are read."""
    ack = Ack(1, b"m" * 16, tuple(range(1 << 32, (1 << 32) + 200)))
    each = 1 + 8 + 200
    most = 32_767 // each
    fits = join_frames([encode_frame(ack)] * most)
    assert both(fits)[0] == both(fits)[1] == [ack] * most
    beyond = join_frames([encode_frame(ack)] * (most + 1))
    assert both(beyond) == ("refused", "refused")


def test_a_body_beyond_the_most_is_answered_and_not_refused() -> None:
    """RLY-06: the frame is known, its field is outside the format."""
    item = dataclasses.replace(ITEM, body=bytes(MAX_BODY_B + 1))
    ours, theirs = both(encode_frames([Send(1, (item,))]))
    assert ours == theirs == [InvalidRequest(1, Send.OP)]


results = st.builds(SendResult, st.sampled_from(ErrorCode), st.sampled_from([0, 0, 60_000]))
answers = (
    st.builds(Done, ids)
    | st.builds(
        SendResults,
        ids,
        st.lists(results, min_size=1, max_size=3).map(tuple)
        | counts.map(lambda count: (SendResult(ErrorCode.OK),) * count),
    )
    | st.builds(
        Message,
        st.just(0),
        b16,
        seqs | st.just(0),
        b16,
        bodies,
        st.sampled_from([0, 3_600_000, (1 << 32) - 1, 1 << 32, MESSAGE.received_ms]),
    )
)


@given(answers | requests)
def test_answers_are_written_as_the_definition_writes_them(frame: KnownFrame) -> None:
    """RLY-01, RLY-04: byte for byte."""
    assert fast_frames.encode(frame) == encode_frame(frame)


def test_the_usual_answers_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    frames: list[KnownFrame] = [Done(7), SendResults(8, (SendResult(ErrorCode.OK),)), MESSAGE]
    written = [encode_frame(frame) for frame in frames]
    monkeypatch.setattr(fast_frames, "encode_frame", None)
    assert [fast_frames.encode(frame) for frame in frames] == written
