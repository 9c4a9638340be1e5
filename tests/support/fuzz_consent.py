"""Fuzz targets of chapter 18: notices and doors, receipts and withdrawals.

Where a signature hides the decoder, the target signs the input. Each is read by the independent reader too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import fuzz_seeds
import independent_company as company_reader
import independent_reader as reader
from fuzz_beside import beside
from fuzz_companies import (
    ACCOUNT,
    AS_CHANNELS,
    AS_MANDATE,
    OF_ACCOUNT,
    OF_MANDATE,
    encoded,
    parts,
    same,
    signer,
)
from fuzz_signed import part_of
from fuzz_target import Shape, Target, require
from vector_files import unhex

from e2ee import labels
from e2ee.errors import BadSignature, ConsentRequired, DecodeError
from e2ee.ids import SignPublic
from e2ee.rooms.consent import Receipt, Withdrawal
from e2ee.rooms.door import Door
from e2ee.rooms.notice import Notice
from e2ee.wire import cbor
from e2ee.wire.fields import array, bstr
from spec.vectors import company as of_vectors
from spec.vectors.suite import NOW_MS

_AS_NOTICE: Final = signer(of_vectors.ACCOUNT_SEED, labels.SIG_NOTICE)
_AS_RECEIPT: Final = signer(of_vectors.customer().sign_seed, labels.SIG_CONSENT)
_AS_WITHDRAWAL: Final = signer(of_vectors.customer().sign_seed, labels.SIG_WITHDRAWAL)
_CUSTOMER: Final = SignPublic(unhex(fuzz_seeds.vectors("consent")["customer"]))


def _notice_again(found: Notice) -> dict[int, cbor.Value]:
    return {
        1: 1,
        2: found.account_id,
        3: found.version,
        4: found.issued_ms,
        5: int(found.mode),
        6: list(found.controller),
        7: found.protection_officer,
        8: [list(one) for one in found.purposes],
        9: [found.operator, found.relay_url],
        10: list(found.recipients),
        11: list(found.third_countries),
        12: [list(one) for one in found.retention],
        13: found.authority,
        14: found.imprint_url,
        15: found.privacy_url,
        16: found.has_bot,
        17: found.minimum_age,
        18: found.decides_alone,
        19: [list(one) for one in found.texts],
        20: found.default_locale,
        21: found.sector,
    }


def _receipt_again(found: Receipt) -> dict[int, cbor.Value]:
    notice_hash, locale, mode, purposes = found.terms
    terms: dict[int, cbor.Value] = {1: notice_hash, 2: locale, 3: int(mode), 4: purposes}
    return {**terms, 5: found.accepted_ms, 6: found.room, 7: found.seq}


def _withdrawal_again(found: Withdrawal) -> dict[int, cbor.Value]:
    return {1: found.receipt_hash, 2: found.room, 3: found.withdrawn_ms, 4: found.seq}


def _door(data: bytes) -> bytes:
    """The input is [unsigned mandate, unsigned notice, texts, unsigned channels]."""
    parts = array(cbor.decode(data), 4, 4)
    mandate, notice, channels = (bstr(parts[at], 1, 8_000) for at in (0, 1, 3))
    return cbor.encode([AS_MANDATE(mandate), _AS_NOTICE(notice), parts[2], AS_CHANNELS(channels)])


def _decode_door(data: bytes) -> Door:
    return Door.verify(ACCOUNT, _door(data), NOW_MS, of_vectors.RELAY_URL, "https://praxis.example")


def _read_door(data: bytes) -> None:
    parts = reader.items(reader.decode(data), 4, 4)
    reader.need(all(1 <= len(reader.octets(parts[at])) <= 8_000 for at in (0, 1, 3)))
    company_reader.door(_door(data), ACCOUNT, NOW_MS, of_vectors.RELAY_URL, "https://praxis.example")


def _door_holds(data: bytes, found: Door) -> None:
    texts: list[cbor.Value] = [[name, text.encode()] for name, text in found.texts]
    structures = (found.mandate.signed, found.notice.signed, found.channels.signed)
    mandate, notice, channels = (next(part_of(one)) for one in structures)
    require(cbor.encode([mandate, notice, texts, channels]) == data, "a door has one encoding (CNS-04)")


def _door_seeds() -> Iterator[bytes]:
    honest = of_vectors.door()
    doors = [cbor.encode([honest[0], honest[1], honest[2], honest[3]])]
    for door in (*doors, *fuzz_seeds.negative("door.verify", "door")):
        parts = cbor.decode(door, 262_144)
        if isinstance(parts, list) and len(parts) == 4:
            bare = [list(part_of(one)) if isinstance(one, bytes) else [one] for one in parts]
            yield cbor.encode([one[0] if one else None for one in bare])


TARGETS: Final = (
    Target(
        "notice",
        beside(
            lambda data: Notice.verify(ACCOUNT, _AS_NOTICE(data)),
            lambda data: company_reader.Notice.verified(_AS_NOTICE(data), ACCOUNT),
        ),
        same(_notice_again),
        OF_ACCOUNT,
        parts("notice.verify", encoded(of_vectors.notice())),
        Shape.CBOR,
    ),
    # A mandate that is damaged may name another roster key than that which has signed the channels.
    Target(
        "door",
        beside(_decode_door, _read_door),
        _door_holds,
        OF_MANDATE | {BadSignature},
        _door_seeds,
        Shape.CBOR,
    ),
    Target(
        "receipt",
        beside(
            lambda data: Receipt.verify(_CUSTOMER, _AS_RECEIPT(data)),
            lambda data: company_reader.Receipt.verified(_AS_RECEIPT(data), _CUSTOMER),
        ),
        same(_receipt_again),
        frozenset({DecodeError}),
        parts("consent_receipt.verify", encoded(of_vectors.receipt())),
        Shape.CBOR,
        300,
    ),
    Target(
        "withdrawal",
        beside(
            lambda data: Withdrawal.verify(_CUSTOMER, _AS_WITHDRAWAL(data), of_vectors.ROOM),
            lambda data: company_reader.withdrawal(_AS_WITHDRAWAL(data), _CUSTOMER, of_vectors.ROOM),
        ),
        same(_withdrawal_again),
        frozenset({DecodeError, ConsentRequired}),
        parts("withdrawal.verify", encoded(of_vectors.withdrawal())),
        Shape.CBOR,
        300,
    ),
)
