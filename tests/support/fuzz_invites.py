"""Fuzz targets of chapter 15: the code of an invite, and the messages that bring a further device in."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

import fuzz_seeds
from fuzz_signed import part_of, sign_as
from fuzz_target import Shape, Target, require
from vector_files import unhex

from e2ee import labels
from e2ee.errors import (
    BadSignature,
    DecodeError,
    Expired,
    IdentityMismatch,
    InvalidKey,
    ListExpired,
    UnsupportedVersion,
)
from e2ee.identity import DeviceRecord
from e2ee.ids import AccountId
from e2ee.rooms import invite
from e2ee.rooms.invite import Invite, Request, Welcome
from e2ee.wire import cbor
from spec.vectors import parties
from spec.vectors.suite import NOW_MS

_RECORD: Final = frozenset({DecodeError, UnsupportedVersion, IdentityMismatch, InvalidKey})


@cache
def _invite() -> Invite:
    given = fuzz_seeds.vectors("invite")
    return invite.parse(AccountId(unhex(given["account_id"])), given["code"])


@cache
def _joiner() -> DeviceRecord:
    message = unhex(fuzz_seeds.vectors("invite")["messages"][0]["message"])
    return Request.decode(_invite(), message, NOW_MS).record


def _decode_code(data: bytes) -> Invite:
    return invite.parse(_invite().account_id, data.decode("utf-8", "replace"))


def _code_holds(data: bytes, found: Invite) -> None:
    require(found.code.encode() == data.strip(b"\t\n\r "), "an invite has one code (ACC-31)")


def _code_seeds() -> Iterator[bytes]:
    code = _invite().code
    yield from (code.encode(), f" {code}\n".encode(), code[:-1].encode(), code.replace("v=1", "v=2").encode())


def _request_holds(data: bytes, found: Request) -> None:
    require(found.encode() == data, "a request has one encoding (ACC-33)")
    require(found.record.device_id == _invite().place().device_id, "a request is of the invited (ACC-35)")


def _welcome(data: bytes) -> bytes:
    """The input is {1: unsigned list, 2: records}."""
    value = cbor.decode(data)
    unsigned = value.get(1) if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(unsigned, bytes):
        return data
    signed = sign_as(
        parties.device("invite holder", account="invite").account_seed, labels.SIG_LIST, unsigned
    )
    return cbor.encode({**value, 1: signed})


def _welcome_holds(data: bytes, found: Welcome) -> None:
    require(found.encode() == _welcome(data), "a welcome has one encoding (ACC-33)")
    require(_joiner().hash in found.device_list.record_hashes, "the list names the new device (ACC-35)")


def _message_seeds(at: int) -> Iterator[bytes]:
    message = unhex(fuzz_seeds.vectors("invite")["messages"][at]["message"])
    value = cbor.decode(message)
    signed = value[1] if isinstance(value, dict) else None
    for unsigned in part_of(signed) if at and isinstance(signed, bytes) else ():
        yield cbor.encode({**value, 1: unsigned} if isinstance(value, dict) else None)
    yield message


TARGETS: Final = (
    Target(
        "invite_code",
        _decode_code,
        _code_holds,
        frozenset({DecodeError}),
        _code_seeds,
        Shape.TEXT,
        100,
        tokens=(b"sealroom:join?v=1&c=", b"&c=", b"=", b"+", b"/", b"_-", b"\n", b"\xc2\xa0", b"A" * 52),
    ),
    Target(
        "invite_request",
        lambda data: Request.decode(_invite(), data, NOW_MS),
        _request_holds,
        _RECORD | {Expired},
        lambda: _message_seeds(0),
        Shape.CBOR,
        600,
    ),
    Target(
        "invite_welcome",
        lambda data: Welcome.decode(_invite(), _joiner(), _welcome(data), NOW_MS),
        _welcome_holds,
        _RECORD | {BadSignature, ListExpired},
        lambda: _message_seeds(2),
        Shape.CBOR,
        1200,
    ),
)
