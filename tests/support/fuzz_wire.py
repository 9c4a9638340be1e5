"""Fuzz targets of chapters 04, 07, 09 and 10: encodings, envelopes and what stands inside of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import fuzz_seeds
from e2ee_relay import protocol
from fuzz_target import Shape, Target, require
from vector_files import unhex

from e2ee import content, session
from e2ee.constants import (
    BODY_CLASSES_B,
    FIRST_BODY_B,
    FIRST_FLIGHT_B,
    FRAGMENT_B,
    HEADER_B,
    MAX_ENVELOPE_B,
    PREFIX_B,
)
from e2ee.content import Content
from e2ee.errors import AuthenticationError, ContentError, DecodeError, InvalidKey, UnsupportedVersion
from e2ee.wire import cbor, envelope, fragment, padding
from e2ee.wire.envelope import Header, Prefix, RawEnvelope
from e2ee.wire.fragment import Fragment

_MESSAGE_B: Final = 2 + 8 + 16 + 64 + 16
_MESSAGE_SIZES: Final = tuple(_MESSAGE_B + body_b for body_b in (*BODY_CLASSES_B, 4224))
_ENVELOPE_SIZES: Final = (*_MESSAGE_SIZES, FIRST_FLIGHT_B, _MESSAGE_B + PREFIX_B + 2048)
_IGNORED_FROM: Final = 64


# --- cbor ---


def _cbor_holds(data: bytes, value: cbor.Value) -> None:
    require(cbor.encode(value) == data, "what was decoded encodes to the same bytes (WIRE-02)")
    require(protocol.decode_item(data) == value, "the relay's decoder reads the same value (RLY-01)")


def _cbor_seeds() -> Iterator[bytes]:
    yield from (unhex(case["encoded"]) for case in fuzz_seeds.vectors("cbor")["cases"])
    yield from fuzz_seeds.negative("cbor.decode", "encoded")


# --- envelope, prefix, header ---


def _envelope_holds(data: bytes, raw: RawEnvelope) -> None:
    parts = raw.ahead[:2] + raw.prefix + raw.tag + raw.salt + raw.sealed_header
    require(parts == raw.ahead and raw.ahead + raw.sealed_body == data, "the parts are the whole (WIRE-07)")
    sizes = (len(raw.tag), len(raw.salt), len(raw.sealed_header), len(raw.prefix))
    require(sizes in ((8, 16, 64, 0), (8, 16, 64, PREFIX_B)), "parts have their sizes (WIRE-07)")
    require(len(data) <= MAX_ENVELOPE_B, "an envelope has its limit (WIRE-07)")
    body_b = len(raw.sealed_body) - 16
    classes = (FIRST_BODY_B, 1024, 2048, 4096) if raw.prefix else BODY_CLASSES_B
    require(body_b in classes or body_b > 4096, "a body has the size of a class (WIRE-11, WIRE-12)")


def _envelopes() -> Iterator[bytes]:
    for step in fuzz_seeds.vectors("ratchet")["steps"]:
        if "envelope" in step:
            yield unhex(step["envelope"])


def _envelope_seeds() -> Iterator[bytes]:
    yield from _envelopes()
    for given in fuzz_seeds.inputs("envelope.decode"):
        if given["zeros"] < 8192:
            yield unhex(given["head"]) + bytes(given["zeros"])


def _prefix_holds(data: bytes, prefix: Prefix) -> None:
    require(envelope.encode_prefix(prefix) == data, "a prefix encodes to the same bytes (WIRE-08)")
    require(prefix.spk_id > 0 and prefix.pqk_id > 0, "no prekey id of zero (WIRE-08)")


def _prefix_seeds() -> Iterator[bytes]:
    yield from (unhex(case["prefix"]) for case in fuzz_seeds.vectors("handshake")["cases"])
    yield from fuzz_seeds.negative("prefix.decode", "prefix")


def _decode_header(data: bytes) -> Header:
    # What opens has 48 bytes: the seal makes sure of the size, so the decoder need not.
    return envelope.decode_header(data[:HEADER_B].ljust(HEADER_B, b"\0"))


def _header_holds(data: bytes, decoded: Header) -> None:
    whole = data[:HEADER_B].ljust(HEADER_B, b"\0")
    require(envelope.encode_header(*decoded) == whole, "a header encodes to the same bytes (WIRE-09)")
    require(max(decoded.number, decoded.previous_length) < 2**31, "counters are below 2^31 (WIRE-09)")


def _header_seeds() -> Iterator[bytes]:
    for step in fuzz_seeds.vectors("ratchet")["steps"]:
        if "header" in step:
            yield unhex(step["header"])


# --- fragment block, padding, body ---


def _decode_fragment(data: bytes) -> Fragment | None:
    return fragment.decode(data[:FRAGMENT_B].ljust(FRAGMENT_B, b"\0"))


def _fragment_holds(data: bytes, piece: Fragment | None) -> None:
    block = data[:FRAGMENT_B].ljust(FRAGMENT_B, b"\0")
    if piece is None:
        require(block == fragment.NONE, "only the empty block carries nothing (WIRE-10)")
        return
    whole = bytes(piece.number * fragment.PIECE_B) + piece.data
    again = fragment.blocks(piece.type, piece.epoch, piece.id, whole)[piece.number]
    require(again == block, "a fragment encodes to the same block (WIRE-10, PQ-02)")
    require(len(piece.data) == fragment.piece_size_b(piece.type, piece.number), "pieces have their size")


def _fragment_seeds() -> Iterator[bytes]:
    key, message = bytes(range(256)) * 5, bytes(range(255, -1, -1)) * 5
    yield from fragment.blocks(fragment.EK, 1, b"key-name", key[:1184])
    yield from fragment.blocks(fragment.CT, 2**31 - 1, b"text-id!", message[:1120])
    yield fragment.NONE


def _padding_holds(data: bytes, plain: bytes) -> None:
    require(padding.pad(plain, len(data)) == data, "padding it again gives the same bytes (WIRE-13)")


def _padding_seeds() -> Iterator[bytes]:
    for case in fuzz_seeds.vectors("padding")["padded"]:
        yield unhex(case["padded"])[:600]
    yield from (b"\x80", b"text\x80" + bytes(9), b"\x80\x80\0", b"\x80\0x\0")


def _decode_body(data: bytes) -> tuple[bytes, Content]:
    """First byte: whether under a prefix; the rest is a body, filled up to its class."""
    first, plain = data[:1] > b"\x7f", data[1:]
    size_b = padding.body_class(max(1, len(plain)), first=first)
    body = plain.ljust(size_b, b"\0")
    raw = RawEnvelope(bytes(PREFIX_B) if first else b"", *[b""] * 5)  # type: ignore[arg-type]  # parts unused
    return body, session._content_of(raw, body)


def _body_holds(data: bytes, decoded: tuple[bytes, Content]) -> None:
    body, kept = decoded
    start = 0 if data[:1] > b"\x7f" else FRAGMENT_B
    encoded = padding.unpad(body, start)
    require(content.decode(encoded) == kept, "a body holds the content behind its block (WIRE-10)")
    require(padding.pad(body[:start] + encoded, len(body)) == body, "a body has one padding (WIRE-13)")


def _body_seeds() -> Iterator[bytes]:
    for encoded in _contents():
        if len(encoded) < 700:
            yield b"\x00" + bytes(FRAGMENT_B) + encoded + b"\x80"
            yield b"\xff" + encoded + b"\x80"


# --- content ---


def _content_holds(data: bytes, kept: Content) -> None:
    again = content.encode(kept)
    require(content.decode(again) == kept, "a content survives encoding (CON-01)")
    value = cbor.decode(data)
    require(isinstance(value, dict), "a content is a map (CON-01)")
    known = (
        {key: item for key, item in value.items() if key < _IGNORED_FROM} if isinstance(value, dict) else {}
    )
    require(cbor.encode(known) == again, "what is known of a content has one encoding (CON-02)")
    require(content._decode(value) == kept, "the short way reads what the long way reads (CON-01)")


def _contents() -> Iterator[bytes]:
    for case in fuzz_seeds.vectors("content")["cases"]:
        if len(case["encoded"]) < 12_000:
            yield unhex(case["encoded"])


def _content_seeds() -> Iterator[bytes]:
    yield from _contents()
    yield from fuzz_seeds.negative("content.decode", "content")


TARGETS: Final = (
    Target(
        "cbor",
        cbor.decode,
        _cbor_holds,
        frozenset({DecodeError}),
        _cbor_seeds,
        Shape.CBOR,
        2048,
    ),
    Target(
        "envelope",
        envelope.decode,
        _envelope_holds,
        frozenset({DecodeError, UnsupportedVersion}),
        _envelope_seeds,
        max_b=8192,
        sizes=_ENVELOPE_SIZES,
    ),
    Target(
        "prefix",
        envelope.decode_prefix,
        _prefix_holds,
        frozenset({DecodeError, InvalidKey}),
        _prefix_seeds,
        max_b=PREFIX_B + 1,
        sizes=(PREFIX_B,),
    ),
    Target(
        "header",
        _decode_header,
        _header_holds,
        frozenset({AuthenticationError}),
        _header_seeds,
        max_b=HEADER_B,
        sizes=(HEADER_B,),
    ),
    Target(
        "fragment",
        _decode_fragment,
        _fragment_holds,
        frozenset({AuthenticationError}),
        _fragment_seeds,
        max_b=FRAGMENT_B,
        sizes=(FRAGMENT_B,),
    ),
    Target(
        "padding", padding.unpad, _padding_holds, frozenset({AuthenticationError}), _padding_seeds, max_b=640
    ),
    Target(
        "body",
        _decode_body,
        _body_holds,
        frozenset({AuthenticationError, ContentError}),
        _body_seeds,
        max_b=5000,
    ),
    Target(
        "content", content.decode, _content_holds, frozenset({ContentError}), _content_seeds, Shape.CBOR, 8192
    ),
)
