"""Chapter 04: CBOR, envelope, header, body and padding, at every boundary and in every malformed form."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import forgery
import parties
import pytest
from call_record import recorded
from hypothesis import given
from hypothesis import strategies as st
from parties import Party, open_, state_bytes, with_fields

from e2ee import content as contents
from e2ee import prekeys, session
from e2ee.content import Heads, Sync, SyncKind, Text, Top
from e2ee.errors import (
    AuthenticationError,
    ContentTooLarge,
    DecodeError,
    InvalidArgument,
    InvalidKey,
    RemoteError,
    UnsupportedVersion,
)
from e2ee.primitives import aead, kem
from e2ee.ratchet.state import Sending
from e2ee.session import Started
from e2ee.wire import cbor, envelope, padding

FIXED_1 = 2 + 8 + 16 + 64 + 16
FIXED_2 = FIXED_1 + 2108
MAX_ENVELOPE_B = 98_304

REFUSED_CBOR = {
    "empty": "",
    "tag epoch time": "c11a514b67b0",
    "tag self-described": "d9d9f700",
    "tag shared reference": "d81c00",
    "tag without a name": "d903e800",
    "bignum": "c249010000000000000000",
    "negative bignum": "c349010000000000000000",
    "bignum that would fit": "c24101",
    "decimal fraction": "c48221196ab3",
    "half float": "f93c00",
    "single float": "fa47c35000",
    "double float": "fb3ff199999999999a",
    "not a number": "f97e00",
    "undefined": "f7",
    "simple value": "f0",
    "simple value in two bytes": "f8ff",
    "false in two bytes": "f814",
    "text key": "a1616100",
    "byte string key": "a1416100",
    "negative key": "a12000",
    "boolean key": "a1f500",
    "null key": "a1f600",
    "keys out of order": "a202000100",
    "key twice": "a201000100",
    "key twice in an inner map": "81a201000100",
    "keys out of order in an inner map": "a101a202000100",
    "array of unknown length": "9fff",
    "map of unknown length": "bfff",
    "byte string in pieces": "5f4100ff",
    "text in pieces": "7f6161ff",
    "break alone": "ff",
    "reserved argument": "1c",
    "integer in two bytes": "1817",
    "integer in three bytes": "1900ff",
    "integer in five bytes": "1a0000ffff",
    "integer in nine bytes": "1b00000000ffffffff",
    "negative integer in two bytes": "3817",
    "length of a byte string in two bytes": "580100",
    "length of a text in two bytes": "780161",
    "length of an array in two bytes": "980100",
    "length of a map in two bytes": "b8010000",
    "key in two bytes": "a1180100",
    "trailing byte": "0000",
    "trailing item": "8000",
    "not UTF-8": "61ff",
    "surrogate": "63eda080",
    "overlong UTF-8": "62c080",
    "byte string cut short": "4200",
    "array cut short": "8200",
    "map without a value": "a101",
    "array longer than any input": "9bffffffffffffffff",
    "nested nine times": "81" * 9 + "00",
    "nine empty arrays": "81" * 8 + "80",
    "nine maps": "a101" * 8 + "a0",
}


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (2**32, "1b0000000100000000"),
        (2**64 - 1, "1bffffffffffffffff"),
        (-1, "20"),
        (-(2**64), "3bffffffffffffffff"),
        (b"", "40"),
        (b"\x01", "4101"),
        ("", "60"),
        ("ü", "62c3bc"),
        ([], "80"),
        ([1, [2]], "82018102"),
        ({}, "a0"),
        ({1: b"", 24: None}, "a201401818f6"),
        (True, "f5"),
        (False, "f4"),
        (None, "f6"),
        ({2**64 - 1: 0}, "a11bffffffffffffffff00"),
    ],
)
def test_accepted_values_have_one_encoding(value: cbor.Value, encoded: str) -> None:
    """WIRE-01, WIRE-04"""
    assert cbor.encode(value) == bytes.fromhex(encoded)
    decoded = cbor.decode(bytes.fromhex(encoded))
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize("begins", ["81" * 8, "a101" * 8, "81a101" * 4])
def test_eight_arrays_or_maps_nest(begins: str) -> None:
    """WIRE-03: a map counts as an array does; a ninth one is refused by encoder and decoder."""
    encoded = bytes.fromhex(begins + "00")
    value = cbor.decode(encoded)
    assert cbor.encode(value) == encoded
    for deeper in ([value], {1: value}):
        with pytest.raises(InvalidArgument):
            cbor.encode(deeper)
    for one in ("81", "a101"):
        with pytest.raises(DecodeError):
            cbor.decode(bytes.fromhex(one) + encoded)


@pytest.mark.parametrize("name", REFUSED_CBOR)
def test_every_other_form_is_refused(name: str) -> None:
    """WIRE-01, WIRE-02, WIRE-03, WIRE-04"""
    with pytest.raises(DecodeError):
        cbor.decode(bytes.fromhex(REFUSED_CBOR[name]))


@pytest.mark.parametrize("tag", [*range(24), *range(24, 300, 7), 1004, 43000, 55799])
def test_every_tag_is_refused(tag: int) -> None:
    """WIRE-03: also around a value that the library would turn into something of its own."""
    head = bytes((0xC0 + tag,)) if tag < 24 else b"\xd9" + tag.to_bytes(2, "big")
    for item in ("00", "60", "40", "80", "a0", "820a01", "61786178", "6a323032362d30312d3031"):
        with pytest.raises(DecodeError):
            cbor.decode(head + bytes.fromhex(item)[: 11 if item[0] == "6" else None])


def test_eight_levels_are_accepted() -> None:
    """WIRE-03: the ninth is what is refused, whatever the mixture."""
    for levels in ("81" * 8 + "00", "81" * 7 + "80", "a101" * 8 + "00", "81a101" * 4 + "f6"):
        assert cbor.encode(cbor.decode(bytes.fromhex(levels))) == bytes.fromhex(levels)


def test_a_cap_of_the_place_is_kept() -> None:
    """WIRE-03"""
    encoded = cbor.encode(bytes(100))
    assert cbor.decode(encoded, len(encoded)) == bytes(100)
    with pytest.raises(DecodeError):
        cbor.decode(encoded, len(encoded) - 1)
    with pytest.raises(DecodeError):
        cbor.decode(cbor.encode(bytes(MAX_ENVELOPE_B)))


@given(st.binary(max_size=40))
def test_whatever_is_accepted_encodes_to_itself(encoded: bytes) -> None:
    """WIRE-04"""
    try:
        value = cbor.decode(encoded)
    except DecodeError:
        return
    assert cbor.encode(value) == encoded


def test_encoding_orders_the_keys() -> None:
    """WIRE-02: at every level, whatever order the caller built the map in."""
    value: dict[int, cbor.Value] = {300: [{2: 0, 1: (5,)}], 24: b"", 1: {9: None, 8: True}}
    assert cbor.encode(value) == bytes.fromhex("a301a208f509f61818401901 2c81a20181050200".replace(" ", ""))


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        {"a": 1},
        {-1: 0},
        {True: 0},
        {2**64: 0},
        2**64,
        -(2**64) - 1,
        bytearray(b"x"),
        {1, 2},
        "\ud800",
        [[[[[[[[[]]]]]]]]],
        # What follows a map out of order is checked as well.
        [{2: 0, 1: 0}, 1.5],
        {2: {2: 0, 1: 0}, 1: [1.5]},
    ],
)
def test_what_cannot_be_read_back_is_not_encoded(value: object) -> None:
    """WIRE-01, WIRE-02, WIRE-03: the caller's mistake, so a local error."""
    with pytest.raises(InvalidArgument):
        cbor.encode(value)  # type: ignore[arg-type]  # values outside the type are the point


def test_unknown_keys_are_refused_in_every_structure() -> None:
    """WIRE-05: signed by the right key, with one key more or one less."""
    alice, bob = Party.make("alice"), Party.make("bob")
    record = bob.device.record
    bundle = forgery.map_of(bob.bundle())
    compact = prekeys.encode_compact(bob.compact_bundle())
    assert isinstance(compact, dict)
    for wrong in ({**bundle, 6: 0}, {key: bundle[key] for key in (1, 2, 3, 5)}):
        with pytest.raises(DecodeError):
            prekeys.verify_bundle(bob.account_id, None, [], cbor.encode(wrong), parties.NOW_MS)
    wrong_compacts: list[cbor.Value] = [{**compact, 5: 0}, {**compact, 64: 0}, {1: compact[1]}, []]
    for value in wrong_compacts:
        with pytest.raises(DecodeError):
            prekeys.decode_compact(value)
    fields = forgery.map_of(record.encoded)
    for entries in ({**fields, 11: 0}, {**fields, 64: 0}, {key: fields[key] for key in range(1, 10)}):
        with pytest.raises(DecodeError):
            type(record).decode(cbor.encode(entries))
    for values in ({"_9": 0}, {"_64": 0}):
        with pytest.raises(DecodeError):
            type(bob.device_list).verify(bob.account_id, forgery.foreign_list(bob, **values))
    assert alice.account_id != bob.account_id


@pytest.mark.parametrize("lead", [b"\0\1", b"\2\1", b"\1\0", b"\1\3", b"\xff\xff", b"\2\2"])
def test_another_version_or_kind_is_refused(lead: bytes) -> None:
    """WIRE-06"""
    _, flight = parties.first_contact()
    with pytest.raises(UnsupportedVersion):
        envelope.decode(lead + flight[2:])


def _padme(length: int) -> int:
    exponent = math.floor(math.log2(length))
    step: int = 2 ** (exponent - (math.floor(math.log2(exponent)) + 1))
    return -(-length // step) * step


def _classes(first: bool) -> set[int]:
    classes = {1882, 2048, 4096} if first else {512, 1024, 2048, 4096}
    return classes | {_padme(length) for length in range(4097, MAX_ENVELOPE_B)}


@pytest.mark.parametrize(("lead", "fixed_b"), [(b"\1\1", FIXED_1), (b"\1\2", FIXED_2)])
def test_an_envelope_has_one_of_few_sizes(lead: bytes, fixed_b: int) -> None:
    """WIRE-07, WIRE-11, WIRE-12: of all lengths exactly those of a padding class, up to 98304 bytes."""
    longest = lead + bytes(MAX_ENVELOPE_B + 600)
    sizes = set()
    for size_b in range(2, len(longest)):
        try:
            raw = envelope.decode(longest[:size_b])
        except DecodeError:
            continue
        sizes.add(size_b)
        assert len(raw.sealed_body) == size_b - fixed_b + 16
        assert raw.ahead + raw.sealed_body == longest[:size_b]
    expected = {fixed_b + size_b for size_b in _classes(lead == b"\1\2")}
    assert sizes == {size_b for size_b in expected if size_b <= MAX_ENVELOPE_B}
    assert len(sizes) < 160


def test_a_short_or_empty_envelope_is_refused() -> None:
    """WIRE-06, WIRE-07"""
    for encoded in (b"", b"\1", b"\1\1", b"\1\2", b"\1\1" + bytes(50)):
        with pytest.raises(RemoteError):
            envelope.decode(encoded)


def test_the_parts_of_an_envelope_stand_where_the_figure_says() -> None:
    """WIRE-07"""
    kind_2 = b"\1\2" + bytes(range(256)) * 20
    raw = envelope.decode(kind_2[:4096])
    assert raw.prefix == kind_2[2:2110]
    assert (raw.tag, raw.salt) == (kind_2[2110:2118], kind_2[2118:2134])
    assert (raw.sealed_header, raw.sealed_body) == (kind_2[2134:2198], kind_2[2198:4096])
    raw = envelope.decode(b"\1\1" + kind_2[2:618])
    assert (raw.prefix, raw.tag, raw.salt) == (b"", kind_2[2:10], kind_2[10:26])
    assert raw.ahead[:2] == b"\1\1"


@pytest.mark.parametrize("ids", list(itertools.product([0, 1, 2**32 - 1], repeat=3)))
def test_only_an_opk_id_may_be_zero(ids: tuple[int, int, int]) -> None:
    """WIRE-08"""
    encoded = b"".join(
        (bytes(32), *(number.to_bytes(4, "big") for number in ids), bytes(1088), bytes(range(1, 245)) * 4)
    )
    if ids[0] and ids[2]:
        prefix = envelope.decode_prefix(encoded)
        assert (prefix.spk_id, prefix.opk_id, prefix.pqk_id) == ids
        assert prefix.sealed_identity == encoded[-976:]
        assert envelope.encode_prefix(prefix) == encoded
    else:
        with pytest.raises(DecodeError):
            envelope.decode_prefix(encoded)


@pytest.mark.parametrize("size_b", [0, 2107, 2109])
def test_a_prefix_has_2108_bytes(size_b: int) -> None:
    """WIRE-08"""
    with pytest.raises(DecodeError):
        envelope.decode_prefix(bytes(size_b))


def test_a_prefix_with_a_non_canonical_key_is_refused() -> None:
    """WIRE-08, PRM-01"""
    with pytest.raises(InvalidKey):
        envelope.decode_prefix(b"\xff" * 2108)


@pytest.mark.parametrize(
    "wrong",
    [
        {"flags": 1},
        {"flags": 2**31},
        {"number": 2**31},
        {"number": 2**32 - 1},
        {"previous_length": 2**31},
        {"ratchet_key": b"\xff" * 32},
        {"ratchet_key": (2**255 - 19).to_bytes(32, "little")},
        {"pq_epoch": 2**31},
    ],
)
@pytest.mark.parametrize("new_chain", [False, True])
def test_an_authenticated_header_with_a_wrong_field_does_not_open(
    wrong: dict[str, int], new_chain: bool
) -> None:
    """WIRE-09: within a chain, and as first header of a new one."""
    alice, bob, a, b = parties.connected_pair()
    if not new_chain:
        a, envelope_b = alice.seal(a, "begins the chain")
        b = open_(b, envelope_b).session
    ready = forgery.prepared(a)
    sending = ready.ratchet.sending
    assert isinstance(sending, Sending)
    body = forgery.body(contents.encode(bob.text("x")))
    assert open_(b, forgery.sealed(ready, forgery.header(sending), body))
    before = state_bytes(b)
    with pytest.raises(AuthenticationError):
        open_(b, forgery.sealed(ready, forgery.header(sending, **wrong), body))  # type: ignore[arg-type]  # by name
    assert state_bytes(b) == before


def test_a_fragment_block_without_a_fragment_is_zero() -> None:
    """WIRE-10: any single byte of the 272 that is not zero is refused, though authentic."""
    alice, _, a, b = parties.connected_pair()
    body = forgery.body(contents.encode(alice.text("x")))
    before = state_bytes(b)
    assert open_(b, forgery.message(a, body))
    for at in range(272):
        wrong = body[:at] + b"\1" + body[at + 1 :]
        with pytest.raises(AuthenticationError):
            open_(b, forgery.message(a, wrong))
    assert state_bytes(b) == before


def test_a_body_of_kind_2_begins_with_its_content() -> None:
    """WIRE-10: a fragment block there would be content that is no content."""
    alice, bob = Party.make("alice"), Party.make("bob")
    encoded = contents.encode(with_fields(alice.text("x"), epoch=1))
    assert bob.accept(forgery.flight(alice, bob, first_body=(encoded + b"\x80").ljust(1882, b"\0")))
    with pytest.raises(RemoteError):
        bob.accept(forgery.flight(alice, bob, first_body=(bytes(272) + encoded + b"\x80").ljust(1882, b"\0")))


def test_sizes_of_bodies_follow_the_classes() -> None:
    """WIRE-11: each length gets the smallest class that holds it."""
    classes = sorted(_classes(False))
    for length in range(1, 70_000, 3):
        smallest = next(size for size in classes if size >= length)
        assert padding.body_class(length) == smallest
    for length in (512, 513, 1024, 1025, 2048, 2049, 4096, 4097, 4352, 4353, 65_536, 65_537):
        assert padding.body_class(length) == next(size for size in classes if size >= length)


def test_padme_costs_little() -> None:
    """WIRE-11: above 4096 bytes at most an eighth is padding, and equal sizes are few."""
    for length in range(4097, 98_000, 11):
        padded = padding.padme(length)
        assert length <= padded == _padme(length) <= length * 1.12
        assert padding.padme(padded) == padded


def test_an_envelope_of_a_message_shows_its_class_only() -> None:
    """WIRE-10, WIRE-11: texts from one character up share few sizes."""
    alice, _, a, _ = parties.connected_pair()
    sizes = set()
    for length in range(1, 900, 13):
        sizes.add(len(alice.seal(a, "x" * length, way_back=None)[1]))
    assert sizes == {FIXED_1 + 512, FIXED_1 + 1024, FIXED_1 + 2048}


def _text_of_size(party: Party, encoded_b: int, epoch: int | None) -> contents.Content:
    """Make a text content whose encoding, `epoch` included, has exactly this size."""
    content = party.text("x")
    for length in range(encoded_b - 200, encoded_b):
        content = with_fields(content, payload=Text("x" * length))
        if len(contents.encode(with_fields(content, epoch=epoch))) == encoded_b:
            return content
    raise ValueError(encoded_b)


def test_a_first_content_that_fits_makes_4096_bytes() -> None:
    """WIRE-12, SES-24: up to the last byte; an ask with all that goes with it is far below."""
    alice, bob = Party.make("alice"), Party.make("bob")
    state = alice.initiate(bob)
    ask = Sync(SyncKind.ASK, b"ask-id-8", Top(2**32 - 1, bytes(8)), parties.NUMBER, 2**53 - 1)
    heads = Heads(alice.device_list.head, bob.device_list.head)
    first = with_fields(alice.content(ask), heads=heads)
    assert len(contents.encode(with_fields(first, epoch=1))) < 400
    for content in (first, alice.text("x"), _text_of_size(alice, 1881, 1)):
        sealed = session.seal(state, content, parties.NOW_MS, alice.rng, kem.encapsulate)
        assert len(sealed.envelope) == 4096
        assert bob.accept(sealed.envelope).opened.content == with_fields(content, epoch=1)


def test_content_under_a_prefix_may_be_larger() -> None:
    """WIRE-12: by WIRE-11, except that 1882 is used whenever it suffices; the first one too."""
    alice, bob = Party.make("alice"), Party.make("bob")
    state = alice.initiate(bob)
    later, _ = alice.seal(state, "first")
    for a in (state, later):
        sizes = []
        for encoded_b in (500, 1881, 1882, 2047, 2048, 4095, 4096, 60_000):
            content = _text_of_size(alice, encoded_b, 1)
            sealed = session.seal(a, content, parties.NOW_MS, alice.rng, kem.encapsulate)
            sizes.append(len(sealed.envelope) - FIXED_2)
        assert sizes == [1882, 1882, 2048, 2048, 4096, 4096, _padme(4097), _padme(60_001)]


def test_a_larger_message_under_the_prefix_begins_a_session_too() -> None:
    """WIRE-12: when the first flight is lost, a later message with the prefix does its work."""
    alice, bob = Party.make("alice"), Party.make("bob")
    a, _ = alice.seal(alice.initiate(bob), "lost")
    content = _text_of_size(alice, 5000, 1)
    sealed = session.seal(a, content, parties.NOW_MS, alice.rng, kem.encapsulate)
    assert isinstance(sealed.session.phase, Started)
    opened = bob.accept(sealed.envelope).opened
    assert (opened.content, opened.skipped) == (with_fields(content, epoch=1), 1)


@pytest.mark.parametrize(
    "wrong_body",
    [
        lambda encoded: bytes(512),
        lambda encoded: (bytes(272) + encoded).ljust(512, b"\0"),
        lambda encoded: (bytes(272) + encoded + b"\x80").ljust(511, b"\0") + b"\1",
        lambda encoded: (bytes(272) + encoded + b"\x40").ljust(512, b"\0"),
        lambda encoded: (bytes(272) + encoded + b"\x80").ljust(1024, b"\0"),
        lambda encoded: (bytes(272) + encoded + b"\x80").ljust(4096, b"\0"),
        lambda encoded: (bytes(272) + encoded + b"\x80").ljust(4352, b"\0"),
        lambda encoded: (bytes(272) + b"\x80").ljust(1024, b"\0"),
        lambda encoded: (bytes(200) + b"\x80").ljust(512, b"\0"),
        lambda encoded: b"\x80".ljust(512, b"\0"),
    ],
)
def test_a_wrongly_padded_body_is_refused(wrong_body: Callable[[bytes], bytes]) -> None:
    """WIRE-13: no mark, something after it, or not the smallest class."""
    alice, _, a, b = parties.connected_pair()
    encoded = contents.encode(alice.text("x", way_back=None))
    before = state_bytes(b)
    assert open_(b, forgery.message(a, forgery.body(encoded)))
    with pytest.raises(AuthenticationError):
        open_(b, forgery.message(a, wrong_body(encoded)))
    assert state_bytes(b) == before


@pytest.mark.parametrize("size_b", [2048, 4096, 4352])
def test_a_first_body_in_too_large_a_class_is_refused(size_b: int) -> None:
    """WIRE-13, WIRE-12: 1882 suffices, so nothing else is taken; nor a body without mark."""
    alice, bob = Party.make("alice"), Party.make("bob")
    encoded = contents.encode(with_fields(alice.text("x"), epoch=1))
    for plain in (encoded + b"\x80", encoded, b""):
        with pytest.raises(AuthenticationError):
            bob.accept(forgery.flight(alice, bob, first_body=plain.ljust(size_b, b"\0")))


def test_a_content_ends_with_any_byte() -> None:
    """WIRE-13: content that ends with 0x80 or zero bytes is told from padding."""
    alice, _, a, b = parties.connected_pair()
    base = forgery.content_map(alice.text("x", way_back=None))
    for tail in (b"\x80", b"\0", b"\x80\0\0", b"\0\x80\x80"):
        assert open_(b, forgery.message_with(a, {**base, 64: tail}))


def test_content_has_at_most_65536_bytes() -> None:
    """WIRE-14: on the way out a local error; on the way in refused, though authentic."""
    alice, _, a, b = parties.connected_pair()
    content = _text_of_size(alice, 65_536, None)
    sealed = session.seal(a, content, parties.NOW_MS, alice.rng, kem.encapsulate)
    assert open_(b, sealed.envelope).content == content
    too_large = forgery.content_map(content) | {4: {1: "x" * 65_400 + "y" * 137}}
    encoded = cbor.encode(too_large)
    assert len(encoded) > 65_536
    before = state_bytes(b)
    with pytest.raises(AuthenticationError):
        open_(b, forgery.message(a, forgery.body(encoded)))
    assert state_bytes(b) == before
    payload = Text("x" * 65_536)
    with pytest.raises(ContentTooLarge):
        session.seal(a, with_fields(content, payload=payload), parties.NOW_MS, alice.rng, kem.encapsulate)


def test_the_sealed_identity_is_record_and_list_padded_to_960_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """WIRE-15"""
    seals = recorded(monkeypatch, aead, "seal")
    alice, bob = Party.make("alice"), Party.make("bob")
    alice.initiate(bob)
    ((_, plaintext, _),) = seals
    expected = cbor.encode([alice.device.record.encoded, alice.device_list.signed]) + b"\x80"
    assert plaintext == expected.ljust(960, b"\0")


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        cbor.encode([b"x"]) + b"\x80",
        cbor.encode([b"x", b"y", b"z"]) + b"\x80",
        cbor.encode(["x", "y"]) + b"\x80",
        cbor.encode({1: b"x", 2: b"y"}) + b"\x80",
        cbor.encode([b"", b""]) + b"\x80",
        cbor.encode([bytes(257), bytes(1)]) + b"\x80",
        bytes(959) + b"\1",
    ],
)
def test_another_identity_plaintext_is_refused(wrong: bytes) -> None:
    """WIRE-15: authentic, but not the array of two, or not padded with 0x80."""
    alice, bob = Party.make("alice"), Party.make("bob")
    with pytest.raises(RemoteError):
        bob.accept(forgery.flight(alice, bob, identity=wrong))


def test_an_identity_without_mark_is_refused() -> None:
    """WIRE-15"""
    alice, bob = Party.make("alice"), Party.make("bob")
    pair = cbor.encode([alice.device.record.encoded, alice.device_list.signed])
    assert bob.accept(forgery.flight(alice, bob, identity=pair + b"\x80"))
    with pytest.raises(RemoteError):
        bob.accept(forgery.flight(alice, bob, identity=pair))
