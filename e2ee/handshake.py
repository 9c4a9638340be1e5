"""The hybrid handshake that hides its initiator (chapter 06).

    initiator                                     responder
    verified bundle -> initiate -> prefix, keys   prefix -> respond -> identity, keys

Both end with the same `HandshakeKeys`; nothing here touches a session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from . import labels
from .constants import HASH_B, IDENTITY_B, KEY_B, RELAY_RETENTION_MS, SUITE
from .errors import Expired, IdentityMismatch, InvalidArgument
from .identity import (
    DeviceList,
    DeviceRecord,
    OurDevice,
    check_flight_identity,
    decode_identity,
    encode_identity,
)
from .ids import AccountId, SessionId
from .ports import Encapsulate, Rng
from .prekeys import PrekeyKind, PrekeyPair, VerifiedBundle
from .primitives import aead, dh, kdf
from .primitives.kem import DecapsulationKey
from .secret import DhPrivateKey, HeaderKey, HedgeSecret, RootKey
from .wire import cbor, padding
from .wire.envelope import Prefix, encode_prefix

_OUTPUT_B: Final = 4 * HASH_B

Pinned: TypeAlias = Callable[[AccountId], DeviceList | None]
"""Looks up the pinned device list of an account, None for an account never seen."""


@dataclass(frozen=True, slots=True)
class HandshakeKeys:
    """What both sides derive: offsets 0, 32, 64 and 96 of one expansion (chapter 06)."""

    root_key: RootKey
    initiator_header_key: HeaderKey
    responder_header_key: HeaderKey
    session_id: SessionId


@dataclass(frozen=True, slots=True)
class ResponderKeys:
    """Private keys behind a prefix's ids, signed under `record`; `device` may have a renewed one (HS-06)."""

    device: OurDevice
    record: DeviceRecord
    spk: PrekeyPair
    opk: PrekeyPair | None
    pqk: PrekeyPair


@dataclass(frozen=True, slots=True)
class Response:
    """Keys, initiator and its list in force; authentic only once the first message opens (HS-07)."""

    keys: HandshakeKeys
    record: DeviceRecord
    device_list: DeviceList


def initiate(
    ours: OurDevice, our_list: DeviceList, bundle: VerifiedBundle, rng: Rng, encapsulate: Encapsulate
) -> tuple[HandshakeKeys, bytes]:
    """Run the initiator's side against a verified bundle; return the keys, and the prefix that is repeated
    byte by byte (HS-01 to HS-03).

    Raises:
        InvalidArgument: the bundle is our own device's, or our list does not name our record.
        InvalidKey: a DH of the bundle's keys is all zero (PRM-02).
    """
    _check_initiator(ours, our_list, bundle)
    record, spk, opk, pqk = bundle.record, bundle.spk, bundle.opk, bundle.pqk
    plaintext = padding.pad(encode_identity(ours.record, our_list), IDENTITY_B)
    ephemeral = DhPrivateKey(hedged_ephemeral(ours.hedge, rng(KEY_B), bundle, plaintext))
    ephemeral_public = dh.derive_public(ephemeral.expose())
    ciphertext, kem_secret = encapsulate(pqk.key)
    ikm = dh.exchange(ephemeral.expose(), record.dh_public) + dh.exchange(ephemeral.expose(), spk.key)
    if opk is not None:
        ikm += dh.exchange(ephemeral.expose(), opk.key)
    ikm += kem_secret
    opk_id, signed_opk = (0, None) if opk is None else (opk.id, opk.signed)
    t0 = transcript0(record.encoded, spk.signed, signed_opk, pqk.signed, ciphertext, ephemeral_public)
    sealed = aead.seal(_identity_key(t0, ikm), plaintext, t0)
    own = ours.dh_key
    ikm += dh.exchange(own.expose(), spk.key) + dh.exchange(own.expose(), record.dh_public)
    prefix = Prefix(ephemeral_public, spk.id, opk_id, pqk.id, ciphertext, sealed)
    return derive_keys(transcript1(t0, ours.record.encoded), ikm), encode_prefix(prefix)


def respond(prefix: Prefix, ours: ResponderKeys, pinned: Pinned, now_ms: int) -> Response:
    """Run the responder's side; changes nothing (HS-06, HS-07, HS-10, HS-11).

    Raises:
        Expired: a prekey past its end plus the relay's retention (HS-06).
        AuthenticationError: ciphertext or sealed identity do not fit (HS-10).
        IdentityMismatch: the initiator names our own device (HS-11).
        RemoteError: what `check_flight_identity` raises for the initiator's list and record.
    """
    _check_held(ours, now_ms)
    own = ours.device.dh_key
    ikm = dh.exchange(own.expose(), prefix.ephemeral) + dh.exchange(dh_private(ours.spk), prefix.ephemeral)
    if ours.opk is not None:
        ikm += dh.exchange(dh_private(ours.opk), prefix.ephemeral)
    ikm += _decapsulate(ours, prefix.ciphertext)
    signed_opk = None if ours.opk is None else ours.opk.prekey.signed
    signed = ours.spk.prekey.signed, signed_opk, ours.pqk.prekey.signed
    t0 = transcript0(ours.record.encoded, *signed, prefix.ciphertext, prefix.ephemeral)
    plaintext = aead.open_(_identity_key(t0, ikm), prefix.sealed_identity, t0)
    record_b, signed_list = decode_identity(padding.unpad(plaintext))
    record = DeviceRecord.decode(record_b)
    device_list = check_flight_identity(record, signed_list, pinned(record.account_id), now_ms)
    if _same_device(record, ours.record):
        raise IdentityMismatch("a first flight from our own device")
    theirs = record.dh_public
    ikm += dh.exchange(dh_private(ours.spk), theirs) + dh.exchange(own.expose(), theirs)
    return Response(derive_keys(transcript1(t0, record_b), ikm), record, device_list)


def hedged_ephemeral(hedge: HedgeSecret, fresh: bytes, bundle: VerifiedBundle, plaintext: bytes) -> bytes:
    """Return EK's private key: another one for another bundle or identity even if `fresh` repeats (HS-13)."""
    opk = b"" if bundle.opk is None else bundle.opk.signed
    data = fresh + bundle.record.encoded + bundle.spk.signed + opk + bundle.pqk.signed + plaintext
    return kdf.prf(hedge.expose(), labels.EPHEMERAL, KEY_B, data=data)


def transcript0(
    record_b: bytes, spk: bytes, opk: bytes | None, pqk: bytes, ciphertext: bytes, ephemeral: bytes
) -> bytes:
    """Return T0, over the responder's exact bytes (HS-02)."""
    return kdf.hash_(
        labels.HANDSHAKE_T0, cbor.encode([SUITE, record_b, spk, opk, pqk, ciphertext, ephemeral])
    )


def transcript1(t0: bytes, initiator_record: bytes) -> bytes:
    """Return T1, which adds the initiator's record (HS-02)."""
    return kdf.hash_(labels.HANDSHAKE_T1, t0 + initiator_record)


def derive_keys(t1: bytes, ikm: bytes) -> HandshakeKeys:
    """Return the four outputs of the handshake, by the table of offsets in chapter 06."""
    output = kdf.hkdf(t1, ikm, labels.HANDSHAKE_KEYS, _OUTPUT_B)
    root_key, initiator, responder, session_id = (
        output[at : at + HASH_B] for at in range(0, _OUTPUT_B, HASH_B)
    )
    return HandshakeKeys(RootKey(root_key), HeaderKey(initiator), HeaderKey(responder), SessionId(session_id))


def _identity_key(t0: bytes, ikm: bytes) -> bytes:
    return kdf.hkdf(t0, ikm, labels.HANDSHAKE_IDENTITY, KEY_B)


def _check_initiator(ours: OurDevice, our_list: DeviceList, bundle: VerifiedBundle) -> None:
    if _same_device(ours.record, bundle.record):
        raise InvalidArgument("a handshake with our own device")
    if ours.record.hash not in our_list.record_hashes or ours.record.account_id != our_list.account_id:
        raise InvalidArgument("our device list does not name our device")


def _same_device(one: DeviceRecord, other: DeviceRecord) -> bool:
    same_name = (one.account_id, one.device_id) == (other.account_id, other.device_id)
    return same_name or one.dh_public == other.dh_public


def _check_held(ours: ResponderKeys, now_ms: int) -> None:
    kinds = (ours.spk.prekey.kind, PrekeyKind.OPK if ours.opk is None else ours.opk.prekey.kind)
    if kinds != (PrekeyKind.SPK, PrekeyKind.OPK) or not ours.pqk.prekey.kind.is_kem:
        raise InvalidArgument("a prekey in the place of another kind")
    for pair in (ours.spk, ours.opk, ours.pqk):
        if pair is not None and now_ms > pair.prekey.not_after_ms + RELAY_RETENTION_MS:
            raise Expired("the prekey is past its end")


def dh_private(pair: PrekeyPair) -> bytes:
    """Return the 32-byte private key of an SPK or OPK.

    Raises:
        InvalidArgument: the private key is of another kind.
    """
    if not isinstance(pair.private, DhPrivateKey):
        raise InvalidArgument("not an X25519 prekey")
    return pair.private.expose()


def _decapsulate(ours: ResponderKeys, ciphertext: bytes) -> bytes:
    if not isinstance(ours.pqk.private, DecapsulationKey):
        raise InvalidArgument("not an ML-KEM prekey")
    return ours.pqk.private.decapsulate(ciphertext)
