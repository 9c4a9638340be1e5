"""What an attacker, or a faulty peer with keys, could send: wrong structures under right keys.

Everything is put together from the primitives by the words of chapters 04 to 07, not by the code under test.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from parties import NOW_MS, Party, ScriptedRng, with_fields

from e2ee import content as contents
from e2ee import labels
from e2ee.content import Content
from e2ee.ids import AccountId
from e2ee.prekeys import PrekeyPair
from e2ee.primitives import aead, dh, kdf, kem, sign
from e2ee.ratchet import step
from e2ee.ratchet.state import Sending
from e2ee.secret import ChainKey, HeaderKey
from e2ee.session import Session
from e2ee.wire import cbor, padding

MESSAGE = bytes((1, 1))
FIRST = bytes((1, 2))
FRAGMENT = bytes(272)


def signed(seed: bytes, label: bytes, entries: Mapping[int, cbor.Value]) -> bytes:
    """Sign a map and wrap it as [bytes of the map, signature]."""
    encoded = cbor.encode(entries)
    return cbor.encode([encoded, sign.sign(seed, label + encoded)])


def entries_of(signed_structure: bytes) -> dict[int, cbor.Value]:
    """Return the map inside a signed structure."""
    outer = cbor.decode(signed_structure)
    assert isinstance(outer, list)
    assert isinstance(outer[0], bytes)
    return map_of(outer[0])


def map_of(encoded: bytes) -> dict[int, cbor.Value]:
    """Decode a map."""
    entries = cbor.decode(encoded)
    assert isinstance(entries, dict)
    return dict(entries)


def changed(encoded: bytes, **values: cbor.Value) -> bytes:
    """Encode a map again with entries replaced: `_8=2` replaces the value of key 8."""
    return cbor.encode(map_of(encoded) | {int(key[1:]): value for key, value in values.items()})


def prepared(session: Session, seed: str = "forger") -> Session:
    """Take a due sending step, so that the session's keys can be read."""
    ratchet, _ = step._turned(session.ratchet, ScriptedRng(seed))
    return with_fields(session, ratchet=ratchet)


def header(
    sending: Sending,
    *,
    number: int | None = None,
    previous_length: int | None = None,
    ratchet_key: bytes | None = None,
    pq_epoch: int = 0,
    flags: int = 0,
) -> bytes:
    """Lay out a plain header; what is not given is what the state would send."""
    return (sending.public_key if ratchet_key is None else ratchet_key) + struct.pack(
        ">IIII",
        sending.previous_length if previous_length is None else previous_length,
        sending.number if number is None else number,
        pq_epoch,
        flags,
    )


def sealed(
    session: Session, plain_header: bytes, body: bytes, lead: bytes = MESSAGE, ahead_keys: int = 0
) -> bytes:
    """Seal a header and a body with the session's next message key, or one `ahead_keys` further on."""
    sending = session.ratchet.sending
    assert isinstance(sending, Sending)
    chain_key, message_key = sending.chain_key.expose(), b""
    for _ in range(ahead_keys + 1):
        output = kdf.prf(chain_key, labels.CHAIN, 64)
        chain_key, message_key = output[:32], output[32:]
    salt = kdf.prf(message_key, labels.SALT, 16, data=bytes(16) + plain_header + body)
    key = kdf.prf(sending.header_key.expose(), labels.HEADER_KEY, 32, salt=salt)
    located = sending.tag + salt
    ahead = lead + located + aead.seal(key, plain_header, lead[:2] + located + session.id)
    return ahead + aead.seal(kdf.prf(message_key, labels.BODY_KEY, 32, salt=salt), body, ahead + session.id)


def message(session: Session, body: bytes, lead: bytes = MESSAGE) -> bytes:
    """Seal any body as the session's next message."""
    ready = prepared(session)
    assert isinstance(ready.ratchet.sending, Sending)
    return sealed(ready, header(ready.ratchet.sending), body, lead)


def body(encoded: bytes) -> bytes:
    """Pad a content as a body of kind 1."""
    plain = FRAGMENT + encoded + b"\x80"
    return plain.ljust(padding.body_class(len(plain)), b"\0")


def message_with(session: Session, entries: Mapping[int, cbor.Value]) -> bytes:
    """Seal any map as content of the session's next message."""
    return message(session, body(cbor.encode(entries)))


def content_map(content: Content) -> dict[int, cbor.Value]:
    """Return a content as the map that it is encoded to."""
    return map_of(contents.encode(content))


def flight(
    alice: Party,
    bob: Party,
    *,
    record: bytes | None = None,
    signed_list: bytes | None = None,
    identity: bytes | None = None,
    opk: PrekeyPair | None = None,
    ephemeral: bytes | None = None,
    static_shares: tuple[bytes, bytes] | None = None,
    first_body: bytes | None = None,
    epoch: int = 1,
) -> bytes:
    """Build a first flight step by step after chapter 06, with any part replaced."""
    record = alice.device.record.encoded if record is None else record
    own = alice.device.dh_key.expose()
    secret = ScriptedRng("ephemeral")(32)
    public = dh.derive_public(secret) if ephemeral is None else ephemeral
    ciphertext, shared = kem.encapsulate(bob.pqk.prekey.key)
    spk, identity_key = bob.spk.prekey.key, bob.device.record.dh_public
    ikm = dh.exchange(secret, identity_key) + dh.exchange(secret, spk)
    ikm += b"" if opk is None else dh.exchange(secret, opk.prekey.key)
    ikm += shared
    parts: list[cbor.Value] = [1, bob.device.record.encoded, bob.spk.prekey.signed]
    parts += [None if opk is None else opk.prekey.signed, bob.pqk.prekey.signed, ciphertext, public]
    t0 = kdf.hash_(labels.HANDSHAKE_T0, cbor.encode(parts))
    if identity is None:
        identity = cbor.encode([record, signed_list or alice.device_list.signed]) + b"\x80"
    k0 = kdf.hkdf(t0, ikm, labels.HANDSHAKE_IDENTITY, 32)
    sealed_identity = aead.seal(k0, identity.ljust(960, b"\0"), t0)
    dh4, dh5 = static_shares or (dh.exchange(own, spk), dh.exchange(own, identity_key))
    output = kdf.hkdf(
        kdf.hash_(labels.HANDSHAKE_T1, t0 + record), ikm + dh4 + dh5, labels.HANDSHAKE_KEYS, 128
    )
    ids = struct.pack(">III", bob.spk.prekey.id, 0 if opk is None else opk.prekey.id, bob.pqk.prekey.id)
    prefix = public + ids + ciphertext + sealed_identity
    if first_body is None:
        encoded = contents.encode(with_fields(alice.text("forged"), epoch=epoch))
        first_body = (encoded + b"\x80").ljust(1882, b"\0")
    return FIRST + prefix + _first_message(output, spk, first_body, FIRST + prefix)


def _first_message(output: bytes, spk: bytes, first_body: bytes, lead: bytes) -> bytes:
    root_key, header_key, session_id = output[:32], HeaderKey(output[32:64]), output[96:]
    private = ScriptedRng("ratchet")(32)
    stepped = kdf.hkdf(root_key, dh.exchange(private, spk), labels.ROOT + bytes(4), 96)
    tag = kdf.prf(header_key.expose(), labels.TAG, 8)
    plain = dh.derive_public(private) + bytes(16)
    chained = kdf.prf(ChainKey(stepped[32:64]).expose(), labels.CHAIN, 64)
    salt = kdf.prf(chained[32:], labels.SALT, 16, data=bytes(16) + plain + first_body)
    key = kdf.prf(header_key.expose(), labels.HEADER_KEY, 32, salt=salt)
    ahead = tag + salt + aead.seal(key, plain, lead[:2] + tag + salt + session_id)
    body_key = kdf.prf(chained[32:], labels.BODY_KEY, 32, salt=salt)
    return ahead + aead.seal(body_key, first_body, lead + ahead + session_id)


def account_of(signed_list: bytes) -> AccountId:
    """Return the account that a signed device list names."""
    account_id = entries_of(signed_list)[2]
    if not isinstance(account_id, bytes):
        raise TypeError("not a byte string")
    return AccountId(account_id)


def foreign_list(party: Party, **values: cbor.Value) -> bytes:
    """Sign the party's device list again with entries replaced (`_3=2` is another sequence number)."""
    entries = entries_of(party.device_list.signed) | {int(key[1:]): value for key, value in values.items()}
    return signed(party.account_key.expose(), labels.SIG_LIST, entries)


def later(ms: int) -> int:
    """Return a time after the parties were made."""
    return NOW_MS + ms
