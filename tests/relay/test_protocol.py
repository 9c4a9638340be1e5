"""Frames: round trip, strictness, and bytes that are no frames (RLY-01 to RLY-08, RLY-11)."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import get_args

import cbor2
import pytest
from e2ee_relay import protocol
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import (
    Ack,
    CreateMailbox,
    Done,
    ErrorCode,
    FrameError,
    Hello,
    InvalidRequest,
    KnownFrame,
    Message,
    Ping,
    PrekeysFetch,
    Push,
    Request,
    Role,
    Send,
    SendItem,
    SendResult,
    TokenClass,
    TtlClass,
    UnknownFrame,
    UnknownRequest,
    decode_frames,
    decode_item,
    encode_frames,
)
from hypothesis import given
from hypothesis import strategies as st

B16, B32, B64 = b"m" * 16, b"k" * 32, b"s" * 64
ITEM = SendItem(B16, B32, b"i" * 16, TtlClass.RETENTION, b"", b"body")
REQUESTS: list[KnownFrame] = [
    CreateMailbox(1, B16, B32),
    CreateMailbox(1, B16, B32, b"work", b"secret"),
    protocol.Auth(2, (B16, b"n" * 16), B32, B64),
    protocol.TokenAdd(3, B16, (B32,), TokenClass.FRONT_DOOR),
    protocol.TokenRevoke(4, B16, (B32,)),
    Send(5, (ITEM, dataclasses.replace(ITEM, ttl=TtlClass.EPHEMERAL, pow=b"12345678"))),
    protocol.Subscribe(6, (B16,)),
    Ack(7, B16, (1, 1 << 40)),
    protocol.Publish(8, B32, (b"list",), (b"record", b"other"), (b"address", None)),
    protocol.Publish(8, B32, (b"list",), (b"record",), (None,), b"slot"),
    protocol.Lookup(9, B32, 0),
    protocol.PrekeysUpload(10, B32, B32, b"spk", None, (b"one",), ()),
    protocol.PrekeysCount(11, B32, B32),
    PrekeysFetch(12, B32, B32, B32, b""),
    protocol.DeleteMailbox(13, B16),
    Ping(0xFFFF_FFFF),
    protocol.BlobOpen(15, B16, B32, B32, B32, 1),
    protocol.BlobPut(16, B32, B32, 3, b"part"),
    protocol.BlobGet(17, B32, 0, 8),
    protocol.BlobDrop(18, B32, None),
]
ANSWERS: list[KnownFrame] = [
    protocol.ErrorReply(1, ErrorCode.RATE_LIMITED, 1500),
    Done(2),
    protocol.AuthResult(3, (B16,)),
    protocol.SendResults(4, (SendResult(ErrorCode.OK), SendResult(ErrorCode.QUOTA, 60_000))),
    protocol.LookupResult(5, (b"list",), (b"record",), (None,), False),
    protocol.LookupResult(5, (), (), (), True, (b"slot", b"other")),
    protocol.PrekeysStock(6, 1, 2, 3, 4, None, 5),
    protocol.PrekeysBundle(7, b"bundle", True, False),
    protocol.BlobState(8, 0, 1, 3_600_000),
    protocol.BlobData(9, (b"part", b"last")),
    Hello(0, 1, "relay.example", B32, Policy().announced(), protocol.OPERATIONS),
    Message(0, B16, 1, b"i" * 16, b"body", 3_600_000),
    protocol.QueueEmpty(0, B16),
    protocol.Displaced(0, B16),
    protocol.LowPrekeys(0, B32, B32, 0, 49),
    protocol.GoAway(0, 2000),
]


@pytest.mark.parametrize("frame", REQUESTS, ids=lambda frame: type(frame).__name__)
def test_requests_round_trip(frame: KnownFrame) -> None:
    """RLY-04, RLY-08: a request decodes to what was encoded, and its keys have no gaps."""
    message = encode_frames([frame])
    assert decode_frames(message, Role.RELAY) == [frame]
    (decoded,) = cbor2.loads(message)
    assert list(decoded) == list(range(len(decoded)))
    assert decoded[1] == frame.request_id


@pytest.mark.parametrize("frame", ANSWERS, ids=lambda frame: type(frame).__name__)
def test_answers_round_trip(frame: KnownFrame) -> None:
    """RLY-04: answers and pushes decode to what was encoded."""
    assert decode_frames(encode_frames([frame]), Role.CLIENT) == [frame]


def test_every_frame_is_round_tripped() -> None:
    tried = {type(frame) for frame in REQUESTS + ANSWERS}
    assert tried == set(get_args(KnownFrame))
    assert {type(frame).OP for frame in REQUESTS} == set(protocol.OPERATIONS)
    assert {cls.OP for cls in get_args(Push)} == {
        type(frame).OP for frame in ANSWERS if frame.request_id == 0
    }


def test_frames_coalesce_in_order() -> None:
    assert decode_frames(encode_frames(REQUESTS), Role.RELAY) == REQUESTS
    many = [Ping(number + 1) for number in range(300)]
    assert decode_frames(encode_frames(many), Role.RELAY) == many


def test_messages_are_deterministic_cbor() -> None:
    """RLY-01: what is encoded is what canonical encoding gives."""
    for frame in REQUESTS + ANSWERS:
        message = encode_frames([frame])
        assert cbor2.dumps(cbor2.loads(message), canonical=True) == message


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty", b""),
        ("trailing byte", encode_frames([Ping(1)]) + b"\0"),
        ("truncated", encode_frames([Ping(1)])[:-1]),
        ("not an array", cbor2.dumps({0: 14, 1: 1})),
        ("empty array", b"\x80"),
        ("indefinite array", b"\x9f\xa2\x00\x0e\x01\x01\xff"),
        ("indefinite map", b"\x81\xbf\x00\x0e\x01\x01\xff"),
        ("long form of a small integer", b"\x81\xa2\x00\x18\x0e\x01\x01"),
        ("long form of a length", b"\x98\x01\xa2\x00\x0e\x01\x01"),
        ("long form in 64 bits", b"\x81\xa2\x00\x0e\x01\x1b\x00\x00\x00\x00\xff\xff\xff\xff"),
        ("duplicate key", b"\x81\xa2\x00\x0e\x00\x0e"),
        ("descending keys", b"\x81\xa2\x01\x01\x00\x0e"),
        ("text key", b"\x81\xa2\x00\x0e\x61a\x01"),
        ("negative key", b"\x81\xa2\x20\x0e\x01\x01"),
        ("tag", b"\x81\xa2\x00\x0e\x01\xc2\x41\x01"),
        ("float", b"\x81\xa2\x00\x0e\x01\xf9\x3c\x00"),
        ("undefined", b"\x81\xa2\x00\x0e\x01\xf7"),
        ("simple value in two bytes", b"\x81\xa2\x00\x0e\x01\xf8\xff"),
        ("reserved length", b"\x81\xa2\x00\x0e\x01\x1c"),
        ("bad UTF-8", b"\x81\xa2\x00\x0e\x01\x61\xff"),
        ("huge claimed array", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("huge claimed string", b"\x81\x5b\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("no operation", b"\x81\xa1\x01\x01"),
        ("no request id", b"\x81\xa1\x00\x0e"),
        ("request id 0", b"\x81\xa2\x00\x0e\x01\x00"),
        ("request id beyond 32 bits", b"\x81\xa2\x00\x0e\x01\x1b\x00\x00\x00\x01\x00\x00\x00\x00"),
        ("operation 0", b"\x81\xa2\x00\x00\x01\x01"),
    ],
)
def test_what_is_no_message_is_refused(name: str, data: bytes) -> None:
    """RLY-01, RLY-03: only the deterministic form is accepted, and frames name operation and request."""
    with pytest.raises(FrameError):
        decode_frames(data, Role.RELAY)


def test_size_count_and_depth_are_bounded() -> None:
    """RLY-02: size, frames, items and depth."""
    ping = encode_frames([Ping(1)])[1:]
    with pytest.raises(FrameError, match="size"):
        decode_item(b"\x5a" + (protocol.MAX_MESSAGE_B).to_bytes(4, "big") + bytes(protocol.MAX_MESSAGE_B))
    with pytest.raises(FrameError, match="array of 1"):
        decode_frames(b"\x99\x02\x01" + ping * 513, Role.RELAY)
    assert len(decode_frames(b"\x99\x02\x00" + ping * 512, Role.RELAY)) == 512
    with pytest.raises(FrameError, match="items"):
        decode_item(b"\x99\x80\x00" + b"\0" * 0x8000)
    assert decode_item(b"\x81" * 8 + b"\0") == [[[[[[[[0]]]]]]]]
    with pytest.raises(FrameError, match="deep"):
        decode_item(b"\x81" * 9 + b"\0")


def test_an_encoder_keeps_to_the_same_bounds() -> None:
    """RLY-02: what a decoder would refuse is not sent."""
    with pytest.raises(ValueError, match="frames"):
        encode_frames([Ping(1)] * 513)
    with pytest.raises(ValueError, match="frames"):
        encode_frames([])
    large = Send(1, (dataclasses.replace(ITEM, body=bytes(protocol.MAX_BODY_B)),))
    with pytest.raises(ValueError, match="MAX_MESSAGE_B"):
        encode_frames([large] * 11)


def test_an_unknown_operation_is_told_apart() -> None:
    """RLY-05: it decodes, whatever its fields are."""
    unknown = cbor2.dumps([{0: 40, 1: 7, 9: [b"x", "y", None]}, {0: 14, 1: 8}])
    assert decode_frames(unknown, Role.RELAY) == [UnknownRequest(7, 40), Ping(8)]


def test_an_answer_is_no_request() -> None:
    assert decode_frames(encode_frames([Done(3)]), Role.RELAY) == [UnknownRequest(3, 64)]


@pytest.mark.parametrize(
    "fields",
    [
        {0: 6, 1: 5},
        {0: 6, 1: 5, 2: [b"short"]},
        {0: 6, 1: 5, 2: []},
        {0: 6, 1: 5, 2: [B16], 3: 0},
        {0: 6, 1: 5, 3: [B16]},
        {0: 6, 1: 5, 2: None},
        {0: 5, 1: 5, 2: [[B16, B32, B16, 3, b"", b"body"]]},
        {0: 5, 1: 5, 2: [[B16, B32, B16, 2, b"", b""]]},
        {0: 5, 1: 5, 2: [[B16, B32, B16, 2, b"", bytes(protocol.MAX_BODY_B + 1)]]},
        {0: 5, 1: 5, 2: [[B16, B32, B16, 2, b"body"]]},
        {0: 5, 1: 5, 2: [[B16, B32, B16, True, b"", b"body"]]},
        {0: 7, 1: 5, 2: B16, 3: [0]},
        {0: 7, 1: 5, 2: B16, 3: [True]},
        {0: 3, 1: 5, 2: B16, 3: [B32], 4: 9},
        {0: 1, 1: 5, 2: B16, 3: B32, 4: bytes(17), 5: None},
        {0: 1, 1: 5, 2: B16, 3: B32, 4: b"", 5: b""},
        {0: 9, 1: 5, 2: B32, 3: -1},
    ],
)
def test_fields_outside_the_format_are_told_apart(fields: dict[int, object]) -> None:
    """RLY-06: the request is known by id, so that it can be answered."""
    assert decode_frames(cbor2.dumps([fields]), Role.RELAY) == [InvalidRequest(5, int(str(fields[0])))]


def test_a_client_ignores_newer_frames_and_refuses_broken_ones() -> None:
    assert decode_frames(cbor2.dumps([{0: 200, 1: 0, 2: 1.5 > 1}]), Role.CLIENT) == [UnknownFrame(0, 200)]
    for broken in ({0: 64, 1: 0}, {0: 130, 1: 4, 2: B16}, {0: 64, 1: 1, 2: 1}, {0: 63, 1: 1, 2: 99, 3: 0}):
        with pytest.raises(FrameError):
            decode_frames(cbor2.dumps([broken]), Role.CLIENT)


def test_limits_may_grow_but_not_shrink() -> None:
    """RLY-11: unknown keys are ignored, a missing one is refused."""
    hello = Hello(0, 1, "r", B32, Policy().announced(), (1,))
    fields = cbor2.loads(encode_frames([hello]))[0]
    fields[5][18] = 7
    assert decode_frames(cbor2.dumps([fields]), Role.CLIENT) == [hello]
    del fields[5][17]
    with pytest.raises(FrameError):
        decode_frames(cbor2.dumps([fields]), Role.CLIENT)
    fields[5][17] = -1
    with pytest.raises(FrameError):
        decode_frames(cbor2.dumps([fields]), Role.CLIENT)


def test_secrets_and_bodies_are_not_shown() -> None:
    """RLY-73: a frame in a log or a traceback shows no token, secret or body."""
    shown = repr(
        [
            ITEM,
            CreateMailbox(1, B16, b"o" * 32, b"", b"registration"),
            PrekeysFetch(1, b"a" * 32, b"r" * 32, B32),
            Message(0, B16, 1, b"i" * 16, b"sealed body", 0),
        ]
    )
    for secret in ("k" * 32, "registration", "body'", "sealed"):
        assert secret not in shown


_LEAVES = st.one_of(
    st.integers(-(1 << 64), (1 << 64) - 1),
    st.binary(max_size=40),
    st.text(max_size=10),
    st.booleans(),
    st.none(),
)
_ITEMS = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.integers(0, 1 << 32), inner, max_size=5),
    max_leaves=20,
)


@given(_ITEMS)
def test_the_decoder_agrees_with_canonical_encoding(value: object) -> None:
    """RLY-01: everything in the accepted set decodes to itself."""
    assert decode_item(cbor2.dumps(value, canonical=True)) == value


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_canonical(data: bytes) -> None:
    """RLY-01: whatever is accepted is the one encoding of its value."""
    try:
        value = decode_item(data)
    except FrameError:
        return
    assert cbor2.dumps(value, canonical=True) == data


@given(st.sampled_from(REQUESTS), st.data())
def test_a_changed_byte_never_escapes(frame: Request, data: st.DataObject) -> None:
    """RLY-03, RLY-06: any change decodes to frames or raises FrameError, nothing else."""
    message = bytearray(encode_frames([frame]))
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] ^= data.draw(st.integers(1, 255))
    try:
        frames = decode_frames(bytes(message), Role.RELAY)
    except FrameError:
        return
    assert frames != [frame]


def test_work_is_found_and_checked() -> None:
    """RLY-24: the hash of context and work begins with that many zero bits."""
    context = protocol.pow_context_send(B16, b"i" * 16)
    work = protocol.find_pow(context, 10)
    digest = hashlib.blake2b(
        context + work, digest_size=32, person=b"SR1-relay-pow".ljust(16, b"\0")
    ).digest()
    assert digest[0] == 0
    assert digest[1] < 64
    assert protocol.pow_is_enough(context, work, 10)
    assert not protocol.pow_is_enough(context, work, 11)
    assert not protocol.pow_is_enough(context, b"", 10)
    assert protocol.find_pow(context, 0) == b""
    assert protocol.pow_is_enough(context, b"", 0)


def test_a_frame_has_a_bound_of_its_own() -> None:
    """RLY-141: what one frame may hold is less than what all of them may."""
    within = {0: 40, 1: 7, 2: list(range(protocol.MAX_FRAME_ITEMS - 6))}
    message = cbor2.dumps([within, within, {0: 14, 1: 8}])
    assert decode_frames(message, Role.RELAY) == [UnknownRequest(7, 40), UnknownRequest(7, 40), Ping(8)]
    beyond = {0: 40, 1: 7, 2: list(range(protocol.MAX_FRAME_ITEMS - 5))}
    with pytest.raises(FrameError, match="too many"):
        decode_frames(cbor2.dumps([{0: 14, 1: 8}, beyond]), Role.RELAY)
    whole = [within] * (protocol.MAX_ITEMS // protocol.MAX_FRAME_ITEMS + 1)
    with pytest.raises(FrameError, match="too many"):
        decode_frames(cbor2.dumps(whole), Role.RELAY)
