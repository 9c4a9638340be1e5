"""Fuzz targets of chapter 05: contact cards and safety numbers, texts that people pass on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import fuzz_seeds
from fuzz_target import Shape, Target, require
from vector_files import unhex

from e2ee import card, fingerprint
from e2ee.card import ContactCard
from e2ee.errors import DecodeError
from e2ee.grammar import is_relay_url
from e2ee.ids import AccountId

# --- cards and safety numbers ---


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _decode_card(data: bytes) -> ContactCard:
    return card.parse(_text(data))


def _card_holds(_: bytes, found: ContactCard) -> None:
    require(card.parse(found.to_uri()) == found, "a card survives as a URI (ID-21)")
    require(card.parse(found.to_json()) == found, "a card survives as JSON (ID-22)")
    require(is_relay_url(found.relay_url), "a card names a relay (ID-23)")


def _card_seeds() -> Iterator[bytes]:
    for case in fuzz_seeds.vectors("card")["cases"]:
        yield case["uri"].encode()
        yield case["json"].encode()
    yield from fuzz_seeds.negative_texts("card.parse", "text")


def _safety_accounts() -> list[AccountId]:
    return [AccountId(unhex(one)) for one in fuzz_seeds.vectors("safety")["cases"][0]["accounts"]]


def _decode_safety(data: bytes) -> bool:
    ours, theirs = _safety_accounts()
    return fingerprint.compare_qr(ours, theirs, _text(data))


def _safety_holds(data: bytes, is_equal: bool) -> None:
    same = _text(data) == fuzz_seeds.vectors("safety")["cases"][0]["qr"]
    require(is_equal == same, "equal means the same text (ID-26)")


def _safety_seeds() -> Iterator[bytes]:
    yield from (case["qr"].encode() for case in fuzz_seeds.vectors("safety")["cases"])
    yield from fuzz_seeds.negative_texts("safety.compare", "scanned")


_CARD_TOKENS: Final = (
    b"sealroom:contact?v=1",
    b"&a=",
    b"&r=",
    b"&n=",
    b"%",
    b"%00",
    b"%C3%A4",
    b"wss://",
    b"ws://127.0.0.1",
    b"[::1]",
    b":0",
    b":99999",
    b"@",
    b"#",
    b"?",
    b"{",
    b"}",
    b'"sealroom"',
    b'"account"',
    b'"relay"',
    b'"name"',
    b": 1",
    b"1.0",
    b"true",
    b"null",
    b"\\ud800",
    b"\\u0000",
    b"[" * 9,
    b"1e9",
    b"-0",
    b"NaN",
    b"\xe2\x80\xae",
    b"9" * 30,
)

TARGETS: Final = (
    Target(
        "card",
        _decode_card,
        _card_holds,
        frozenset({DecodeError}),
        _card_seeds,
        Shape.TEXT,
        2200,
        tokens=_CARD_TOKENS,
    ),
    Target(
        "safety_number",
        _decode_safety,
        _safety_holds,
        frozenset({DecodeError}),
        _safety_seeds,
        Shape.TEXT,
        150,
        tokens=(b"SEALROOM:1:", b"\xef\xbc\xa1", b"a", b"\n"),
    ),
)
