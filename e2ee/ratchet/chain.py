"""Root and chain steps, and the keys that come from them (chapter 07, "Functions").

What goes from state to state has the type of its role. What one message derives and forgets is bytes, as in
`message`, which checks the sizes of what comes in.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from e2ee import labels
from e2ee.constants import KEY_B, SALT_B, TAG_B
from e2ee.ids import Tag
from e2ee.primitives import kdf
from e2ee.secret import ChainKey, EpochSecret, HeaderKey, RootKey

_EPOCH: Final = struct.Struct(">I")
_PAIR_B: Final = 2 * KEY_B


class RootStep(NamedTuple):
    """Outputs of a root step."""

    root_key: RootKey
    chain_key: ChainKey
    next_header_key: HeaderKey


def root(root_key: RootKey, shared: bytes, kem_secret: EpochSecret | None, pq_epoch: int) -> RootStep:
    """Mix a DH output, and a KEM secret where `pq_epoch` has just risen, into the root."""
    mixed = shared if kem_secret is None else shared + kem_secret.expose()
    output = kdf.hkdf(root_key.expose(), mixed, labels.ROOT + _EPOCH.pack(pq_epoch), 3 * KEY_B)
    return RootStep(RootKey(output[:KEY_B]), ChainKey(output[KEY_B:_PAIR_B]), HeaderKey(output[_PAIR_B:]))


def step(chain_key: bytes) -> tuple[bytes, bytes]:
    """Return (next chain key, message key) (DR-04)."""
    output = kdf.prf(chain_key, labels.CHAIN, _PAIR_B)
    return output[:KEY_B], output[KEY_B:]


def tag(header_key: HeaderKey) -> Tag:
    """Return the 8 bytes that name a chain (DR-10)."""
    return Tag(kdf.prf(header_key.expose(), labels.TAG, TAG_B))


def header_key(chain_header_key: bytes, salt: bytes) -> bytes:
    """Return the key of one header."""
    return kdf.prf(chain_header_key, labels.HEADER_KEY, KEY_B, salt)


def body_key(message_key: bytes, salt: bytes) -> bytes:
    """Return the key of one body."""
    return kdf.prf(message_key, labels.BODY_KEY, KEY_B, salt)


def hedged_salt(message_key: bytes, fresh: bytes, header: bytes, body: bytes) -> bytes:
    """Return the salt of a message: another one for another text even if `fresh` repeats (DR-05)."""
    return kdf.prf(message_key, labels.SALT, SALT_B, data=fresh + header + body)
