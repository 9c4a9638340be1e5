"""One message: its keys from chain and header key, and what is sealed under them (chapter 07).

    envelope      = lead || tag || salt || sealed header || sealed body
    sealed header = AEAD(header_key(header key, salt), header, version || kind || tag || salt || session id)
    sealed body   = AEAD(body_key(message key, salt), body, all that stands before it || session id)

Bytes in, bytes out: sealing is one call of the extension where that is installed. Opening is two, since what
the header says decides by which key the body opens (DR-11).
"""

from __future__ import annotations

from typing import Final

from e2ee.constants import HEADER_B, KEY_B, PREFIX_B, SALT_B, SESSION_ID_B, TAG_B
from e2ee.errors import InvalidArgument
from e2ee.primitives import aead, native

from . import chain

_LEAD_B: Final = 2
_LEADS_B: Final = (_LEAD_B, _LEAD_B + PREFIX_B)
_SIZES_B: Final = (KEY_B, KEY_B, TAG_B, SESSION_ID_B, HEADER_B, SALT_B)


@native("message_seal")
def seal(
    chain_key: bytes,
    header_key: bytes,
    tag: bytes,
    session_id: bytes,
    header: bytes,
    fresh: bytes,
    lead: bytes,
    body: bytes,
) -> tuple[bytes, bytes]:
    """Return (next chain key, envelope) (DR-04, DR-05, DR-07, DR-08).

    `lead` is version and kind, 2 bytes, perhaps with the prefix of 2108 bytes; `fresh` is 16 random bytes.

    Raises:
        InvalidArgument: a part that is not of its size.
    """
    parts = (chain_key, header_key, tag, session_id, header, fresh)
    if tuple(map(len, parts)) != _SIZES_B or len(lead) not in _LEADS_B:
        raise InvalidArgument("a part of a message has the wrong size")
    next_chain_key, message_key = chain.step(chain_key)
    salt = chain.hedged_salt(message_key, fresh, header, body)
    located = tag + salt
    associated = lead[:_LEAD_B] + located + session_id
    sealed_header = aead.seal(chain.header_key(header_key, salt), header, associated)
    ahead = lead + located + sealed_header
    sealed_body = aead.seal(chain.body_key(message_key, salt), body, ahead + session_id)
    return next_chain_key, ahead + sealed_body


@native("message_open_header")
def open_header(header_key: bytes, salt: bytes, sealed_header: bytes, associated: bytes) -> bytes:
    """Return a header under the key that comes from a chain's header key (DR-07, DR-11).

    Raises:
        InvalidArgument: the key is not 32 bytes, or the salt not 16.
        AuthenticationError: it does not open.
    """
    _check_sizes(header_key, salt)
    return aead.open_(chain.header_key(header_key, salt), sealed_header, associated)


@native("message_open_next")
def open_next(chain_key: bytes, salt: bytes, sealed_body: bytes, associated: bytes) -> tuple[bytes, bytes]:
    """Return (next chain key, body) of a chain's next message (DR-04, DR-08).

    Raises:
        InvalidArgument, AuthenticationError: as `open_header`.
    """
    _check_sizes(chain_key, salt)
    next_chain_key, message_key = chain.step(chain_key)
    return next_chain_key, aead.open_(chain.body_key(message_key, salt), sealed_body, associated)


@native("message_open_skipped")
def open_skipped(message_key: bytes, salt: bytes, sealed_body: bytes, associated: bytes) -> bytes:
    """Return a body under a message key that was kept (DR-08, DR-12).

    Raises:
        InvalidArgument, AuthenticationError: as `open_header`.
    """
    _check_sizes(message_key, salt)
    return aead.open_(chain.body_key(message_key, salt), sealed_body, associated)


def _check_sizes(key: bytes, salt: bytes) -> None:
    if len(key) != KEY_B or len(salt) != SALT_B:
        raise InvalidArgument("a part of a message has the wrong size")
