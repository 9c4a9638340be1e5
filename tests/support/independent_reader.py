"""A reader written from the chapters alone: the responder's side, with library primitives only."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
import struct
from base64 import urlsafe_b64decode
from dataclasses import dataclass, replace
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from independent_refusal import Refused
from nacl.exceptions import BadSignatureError, CryptoError
from nacl.signing import VerifyKey

Value: TypeAlias = "int | bytes | str | bool | list[Value] | dict[int, Value] | None"

DAY_MS = 86_400_000
RETENTION_MS = SKIPPED_TTL_MS = LIST_TTL_MS = 30 * DAY_MS
FLIGHT_GRACE_MS = 14 * DAY_MS + RETENTION_MS + DAY_MS
MAX_JUMP, MAX_SKIPPED, FRAGMENT_B, FLIGHT_CLASS = 1000, 1000, 272, 1882
PIECE_B, PIECES, KEM_KEY_B, KEM_MESSAGE_B = 256, 5, 1184, 1088 + 32
CLASSES = (512, 1024, 2048, 4096)
PREFIX_B, FRAME_B = 2108, 8 + 16 + 64
KINDS = {"SPK": (1, 2), "OPK": (1, 1), "PQK_ONE_TIME": (2, 1), "PQK_LAST_RESORT": (2, 2)}


def need(condition: bool, code: str = "remote.decode") -> None:
    """Refuse unless the condition holds."""
    if not condition:
        raise Refused(code)


# --- chapter 03 ---


def padded(label: str) -> bytes:
    """A label in its 16 bytes (PRM-06)."""
    return label.encode("ascii").ljust(16, b"\0")


def digest(label: str, data: bytes) -> bytes:
    """SHA-256 of label and data (PRM-11)."""
    return hashlib.sha256(padded(label) + data).digest()


def prf(key: bytes, label: str, size: int, data: bytes = b"", salt: bytes = b"") -> bytes:
    """Keyed BLAKE2b (PRM-12)."""
    return hashlib.blake2b(data, key=key, person=padded(label), salt=salt, digest_size=size).digest()


def hkdf(salt: bytes, secret: bytes, label: str, size: int, more: bytes = b"") -> bytes:
    """HKDF-SHA-256 whose info begins with a label (PRM-13)."""
    return HKDF(hashes.SHA256(), size, salt, padded(label) + more).derive(secret)


def canonical_key(key: bytes) -> bytes:
    """An X25519 public key below 2^255 - 19 (PRM-01)."""
    need(len(key) == 32 and int.from_bytes(key, "little") < 2**255 - 19, "remote.key")
    return key


def exchange(private: bytes, public: bytes) -> bytes:
    """X25519, never all zero (PRM-01, PRM-02)."""
    peer = X25519PublicKey.from_public_bytes(canonical_key(public))
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(peer)
    except ValueError:
        raise Refused("remote.key") from None


def kem_key(key: bytes) -> bytes:
    """An ML-KEM-768 key that passes the modulus check (PRM-04)."""
    try:
        MLKEM768PublicKey.from_public_bytes(key)
    except ValueError:
        raise Refused("remote.key") from None
    return key


def kem_public(seed: bytes) -> bytes:
    """The encapsulation key of a seed (chapter 03)."""
    return MLKEM768PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()


def verify(public: bytes, label: str, data: bytes, signature: bytes) -> None:
    """Ed25519 over label and data, as libsodium has it (PRM-03, PRM-11)."""
    try:
        VerifyKey(public).verify(padded(label) + data, signature)
    except (BadSignatureError, CryptoError, ValueError):
        raise Refused("remote.signature") from None


def unseal(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    """ChaCha20-Poly1305 with the zero nonce (PRM-07)."""
    try:
        return ChaCha20Poly1305(key).decrypt(bytes(12), sealed, associated)
    except InvalidTag:
        raise Refused("remote.authentication") from None


# --- chapter 04: CBOR ---


class _Cbor:
    """The strict decoder (WIRE-01 to WIRE-04)."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        """The next bytes, all of them."""
        need(size <= len(self.data) - self.at)
        self.at += size
        return self.data[self.at - size : self.at]

    def head(self) -> tuple[int, int]:
        """Major type and argument in the shortest form; a simple value counts as 0 to 31."""
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        need(info < 28 and major != 7)
        size = 1 << (info - 24)
        value = int.from_bytes(self.take(size), "big")
        need(value >= (24 if size == 1 else 1 << (4 * size)))
        return major, value

    def value(self, depth: int = 0) -> Value:
        """One value with at most 8 arrays or maps around each other (WIRE-03)."""
        major, number = self.head()
        if major in (0, 1):
            return -1 - number if major else number
        if major == 2:
            return self.take(number)
        if major == 3:
            return text_of(self.take(number))
        need(major in (4, 5, 7) and (major == 7 or depth < 8))
        if major == 4:
            return [self.value(depth + 1) for _ in range(number)]
        return self.map(number, depth + 1) if major == 5 else self.simple(number)

    def map(self, size: int, depth: int) -> dict[int, Value]:
        """A map with ascending unsigned keys (WIRE-02)."""
        result: dict[int, Value] = {}
        last = -1
        for _ in range(size):
            major, key = self.head()
            need(major == 0 and key > last)
            result[key] = self.value(depth)
            last = key
        return result

    def simple(self, number: int) -> bool | None:
        """`false`, `true` and `null` (WIRE-01)."""
        need(number in (20, 21, 22))
        return None if number == 22 else number == 21


def decode(data: bytes, cap: int = 65_536) -> Value:
    """One CBOR value that fills the bytes (WIRE-03)."""
    need(0 < len(data) <= cap)
    reader = _Cbor(data)
    value = reader.value()
    need(reader.at == len(data))
    return value


def text_of(data: bytes) -> str:
    """UTF-8 without surrogates (WIRE-01)."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("remote.decode") from None


def head_bytes(major: int, number: int) -> bytes:
    """The shortest head (WIRE-01)."""
    if number < 24:
        return bytes([major << 5 | number])
    size = next(size for size in (1, 2, 4, 8) if number < 1 << 8 * size)
    return bytes([major << 5 | 23 + size.bit_length()]) + number.to_bytes(size, "big")


def octets(value: Value, size: int | None = None) -> bytes:
    """A byte string, of that size if one is given."""
    if not isinstance(value, bytes) or (size is not None and len(value) != size):
        raise Refused("remote.decode")
    return value


def uint(value: Value, low: int = 0, high: int = 2**53 - 1) -> int:
    """An unsigned integer between the two, never a truth value; by itself a time below 2^53."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Refused("remote.decode")
    return value


def items(value: Value, low: int, high: int) -> list[Value]:
    """An array of so many values."""
    if not isinstance(value, list) or not low <= len(value) <= high:
        raise Refused("remote.decode")
    return value


def fields(value: Value, keys: int) -> dict[int, Value]:
    """A map with the keys from 1 to `keys` and no other (WIRE-05)."""
    if not isinstance(value, dict) or list(value) != list(range(1, keys + 1)):
        raise Refused("remote.decode")
    return value


def version_one(value: Value) -> None:
    """A version or suite number that is not 1 is `remote.version`, one that is no number `remote.decode`."""
    need(uint(value, 0, 2**64 - 1) == 1, "remote.version")


def signed_parts(data: bytes, cap: int) -> tuple[bytes, bytes]:
    """[bytes of the map, signature] (chapter 01)."""
    content, signature = items(decode(data, cap), 2, 2)
    return octets(content), octets(signature, 64)


# --- chapter 04: envelope, body ---


@dataclass(frozen=True)
class Prefix:
    """The fixed layout of a handshake prefix (WIRE-08)."""

    ek: bytes
    spk_id: int
    opk_id: int
    pqk_id: int
    ciphertext: bytes
    sealed_identity: bytes

    @classmethod
    def parse(cls, data: bytes) -> Prefix:
        """Parse 2108 bytes; EK is a canonical key (PRM-01, HS-10)."""
        need(len(data) == PREFIX_B)
        prefix = cls(*struct.unpack(">32sIII1088s976s", data))
        need(prefix.spk_id != 0 and prefix.pqk_id != 0)
        canonical_key(prefix.ek)
        return prefix


@dataclass(frozen=True)
class Envelope:
    """An envelope cut into its parts."""

    raw: bytes
    prefix: bytes
    tag: bytes
    salt: bytes
    header: bytes
    body: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Envelope:
        """Version and kind, then the length by class (WIRE-06, WIRE-07)."""
        need(raw[:2] in (b"\1\1", b"\1\2"), "remote.version")
        start = 2 + (PREFIX_B if raw[1] == 2 else 0)
        size = len(raw) - start - FRAME_B - 16
        need(len(raw) <= 98_304 and size > 0)
        need(padded_size(size, under_prefix=raw[1] == 2) == size)
        frame = raw[start : start + FRAME_B]
        return cls(raw, raw[2:start], frame[:8], frame[8:24], frame[24:], raw[start + FRAME_B :])


def padded_size(length: int, *, under_prefix: bool) -> int:
    """The smallest class of the kind, or the PADME size above 4096 (WIRE-11, WIRE-12)."""
    if under_prefix and length <= FLIGHT_CLASS:
        return FLIGHT_CLASS
    if length <= CLASSES[-1]:
        return next(size for size in CLASSES if length <= size)
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


def unpad(data: bytes) -> bytes:
    """What stands before 0x80 and zero bytes (WIRE-13, WIRE-15)."""
    text = data.rstrip(b"\0")
    need(text[-1:] == b"\x80", "remote.authentication")
    return text[:-1]


def body_parts(body: bytes, under_prefix: bool) -> tuple[bytes, bytes]:
    """Fragment block (none under a prefix) and content, from the smallest class (WIRE-10 to WIRE-14)."""
    text = unpad(body)
    need(len(body) == padded_size(len(text) + 1, under_prefix=under_prefix), "remote.authentication")
    block_b = 0 if under_prefix else FRAGMENT_B
    need(block_b <= len(text) <= block_b + 65_536, "remote.authentication")
    return text[:block_b], text[block_b:]


# --- chapter 05 ---


@dataclass(frozen=True)
class Record:
    """A device record."""

    raw: bytes
    account: bytes
    device: bytes
    sign_pub: bytes
    dh_pub: bytes
    created_ms: int
    expires_ms: int

    @classmethod
    def parse(cls, raw: bytes) -> Record:
        """Parse and check all but the time (ID-03)."""
        row = fields(decode(raw, 256), 10)
        version_one(row[1])
        for suite in items(row[2], 1, 1):
            version_one(suite)
        account, device, sign_pub = octets(row[3], 32), octets(row[4], 16), octets(row[5], 32)
        dh_pub = canonical_key(octets(row[6], 32))
        uint(row[7], 0, 2)
        uint(row[8], 0, 1)
        created, expires = uint(row[9]), uint(row[10])
        need(created < expires)
        return cls(raw, account, device, sign_pub, dh_pub, created, expires)

    @property
    def hash(self) -> bytes:
        """The record hash (ID-02)."""
        return digest("SR1-record", self.raw)

    def check_time(self, now_ms: int, grace_ms: int = 0) -> None:
        """Neither before it begins nor after its end (ID-04, ID-10)."""
        need(self.created_ms - DAY_MS <= now_ms <= self.expires_ms + grace_ms, "remote.expired")


@dataclass(frozen=True)
class DeviceList:
    """A device list whose signature holds."""

    account: bytes
    seq: int
    prev_hash: bytes | None
    issued_ms: int
    expires_ms: int
    hashes: tuple[bytes, ...]
    hash: bytes

    @classmethod
    def parse(cls, raw: bytes, account: bytes | None = None) -> DeviceList:
        """Parse the map (ID-06) of that account, in ascending order of its keys (ID-29)."""
        row = fields(decode(raw, 1024), 8)
        version_one(row[1])
        need(octets(row[2], 32) == (account or row[2]), "remote.identity")
        seq, issued, expires = uint(row[3], 1, 2**31 - 1), uint(row[5]), uint(row[6])
        prev_hash = None if row[4] is None else octets(row[4], 32)
        need((prev_hash is None) == (seq == 1) and issued < expires <= issued + LIST_TTL_MS)
        need(row[7] is None or len(octets(row[7])) == 32)
        named = tuple(octets(item, 32) for item in items(row[8], 0, 16))
        need(list(named) == sorted(set(named)))
        return cls(octets(row[2], 32), seq, prev_hash, issued, expires, named, digest("SR1-list", raw))

    @classmethod
    def verified(cls, signed: bytes, account: bytes) -> DeviceList:
        """Parse a signed list of that account (ID-05)."""
        raw, signature = signed_parts(signed, 1024)
        verify(account, "SR1-sig-list", raw, signature)
        return cls.parse(raw, account)

    def follows(self, head: tuple[int, bytes]) -> None:
        """The list of that head or the next link after it (ID-07)."""
        need(self.seq >= head[0], "remote.list_rollback")
        need(self.seq <= head[0] + 1 or self.leaves_out(head), "remote.list_gap")
        need(head[1] == (self.hash if self.seq == head[0] else self.prev_hash), "remote.list_fork")

    def leaves_out(self, head: tuple[int, bytes]) -> bool:
        """The list after that head, by which the account was recovered (ACC-63)."""
        return self.seq > 2**30 and self.prev_hash == head[1]

    def check_time(self, now_ms: int, grace_ms: int = 0) -> None:
        """Neither past its end nor from the future (ID-08, ID-10)."""
        need(self.issued_ms - DAY_MS <= now_ms <= self.expires_ms + grace_ms, "remote.list_expired")

    def holds(self, record: Record) -> None:
        """The record belongs to the account (ID-09)."""
        need(record.account == self.account and record.hash in self.hashes, "remote.identity")


Head: TypeAlias = "tuple[int, bytes] | None"


def verify_chain(account: bytes, pinned: Head, links: list[bytes], now_ms: int) -> DeviceList:
    """Links up to the newest list, each the next of the one before (ID-07, ID-08)."""
    lists = [DeviceList.verified(link, account) for link in links]
    need(bool(lists), "remote.list_gap")
    for older, newer in itertools.pairwise(lists):
        newer.follows((older.seq, older.hash))
    if pinned is not None:
        need(lists[-1].seq >= pinned[0], "remote.list_rollback")
        next(item for item in lists if item.seq >= pinned[0]).follows(pinned)
    lists[-1].check_time(now_ms)
    return lists[-1]


@dataclass(frozen=True)
class Prekey:
    """A signed prekey that was verified under its record."""

    signed: bytes
    id: int
    not_after_ms: int
    key: bytes
    one_time: bool


def verify_prekey(signed: bytes, record: Record, kinds: list[str]) -> Prekey:
    """A prekey of one of the kinds, of this account and record (ID-14, ID-15, ID-29)."""
    raw, signature = signed_parts(signed, 1536)
    verify(record.sign_pub, "SR1-sig-prekey", raw, signature)
    row = fields(decode(raw, 1536), 8)
    version_one(row[1])
    for key, owner in ((2, record.account), (3, record.hash)):
        need(octets(row[key], 32) == owner, "remote.identity")
    need((uint(row[4]), uint(row[5])) in [KINDS[kind] for kind in kinds])
    prekey_id, end = uint(row[6], 1, 2**32 - 1), uint(row[7])
    is_dh = row[4] == 1
    check = canonical_key if is_dh else kem_key
    return Prekey(signed, prekey_id, end, check(octets(row[8], 32 if is_dh else 1184)), row[5] == 1)


@dataclass(frozen=True)
class Bundle:
    """A bundle that was verified up to the account (ID-16)."""

    record: Record
    device_list: DeviceList
    prekeys: tuple[Prekey, ...]


def verify_bundle(
    raw: bytes, account: bytes, pinned: Head, links: list[bytes], now_ms: int, grace_ms: int = 0
) -> Bundle:
    """Form, list, head, time; record, listed, time; prekeys; their times (ID-16, ID-31)."""
    row = fields(decode(raw, 8192), 5)
    for key, size in ((1, 256), (2, 1024), (3, 1536), (4, 1536), (5, 1536)):
        need((key == 4 and row[key] is None) or 0 < len(octets(row[key])) <= size)
    own_list = octets(row[2])
    newest = verify_chain(account, pinned, links if own_list in links else [*links, own_list], now_ms)
    record = Record.parse(octets(row[1]))
    newest.holds(record)
    record.check_time(now_ms)
    places = ((3, ["SPK"]), (4, ["OPK"]), (5, ["PQK_ONE_TIME", "PQK_LAST_RESORT"]))
    given = [(octets(row[key]), kinds) for key, kinds in places if row[key] is not None]
    prekeys = tuple(verify_prekey(signed, record, kinds) for signed, kinds in given)
    for prekey in prekeys:
        end = prekey.not_after_ms + (0 if prekey.one_time else grace_ms)
        need(now_ms <= end, "remote.expired")
    return Bundle(record, newest, prekeys)


def verify_compact(raw: bytes, record: Record) -> list[Prekey]:
    """The prekeys of a compact bundle of a device, in the order of the map (ID-19)."""
    row = fields(decode(raw), 4)
    opks, one_time = items(row[3], 0, 8), items(row[4], 0, 8)
    given = [("SPK", row[1]), ("PQK_LAST_RESORT", row[2])]
    given += [("OPK", one) for one in opks] + [("PQK_ONE_TIME", one) for one in one_time]
    return [expanded(record, kind, one) for kind, one in given]


def expanded(record: Record, kind: str, compact: Value) -> Prekey:
    """One prekey with what the session knows, verified (ID-19)."""
    prekey_id, end, key, signature = items(compact, 4, 4)
    uint(prekey_id, 1, 2**32 - 1)
    uint(end)
    need(32 <= len(octets(key)) <= 1184)
    octets(signature, 64)
    types: list[Value] = [1, record.account, record.hash, *KINDS[kind], prekey_id, end, key]
    parts = [b"\xa8"]
    for at, one in enumerate(types, 1):
        text = one if isinstance(one, bytes) else b""
        head = head_bytes(2, len(text)) if isinstance(one, bytes) else head_bytes(0, uint(one))
        parts.append(head_bytes(0, at) + head + text)
    unsigned = b"".join(parts)
    whole = b"\x82" + head_bytes(2, len(unsigned)) + unsigned + b"\x58\x40" + octets(signature)
    return verify_prekey(whole, record, [kind])


def verify_address(signed: bytes, record: Record) -> tuple[bytes, bytes, int]:
    """Mailbox, token and time of an address (ID-20, ID-29)."""
    raw, signature = signed_parts(signed, 512)
    verify(record.sign_pub, "SR1-sig-address", raw, signature)
    row = fields(decode(raw, 512), 5)
    version_one(row[1])
    need(octets(row[2], 32) == record.hash, "remote.identity")
    return octets(row[3], 16), octets(row[4], 32), uint(row[5])


def verify_successor(signed: bytes, account: bytes, signed_list: bytes) -> bytes:
    """The new account of a statement about the pinned list's account (ID-13, ID-29)."""
    raw, signature = signed_parts(signed, 512)
    DeviceList.verified(signed_list, account)
    recovery = fields(decode(signed_parts(signed_list, 1024)[0], 1024), 8)[7]
    need(recovery is not None, "remote.identity")
    verify(octets(recovery, 32), "SR1-sig-succ", raw, signature)
    row = fields(decode(raw, 512), 4)
    version_one(row[1])
    need(octets(row[2], 32) == account, "remote.identity")
    new = octets(row[3], 32)
    need(new != account, "remote.identity")
    uint(row[4])
    return new


LOWER, DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"
UNRESERVED = LOWER + LOWER.upper() + DIGITS + "-._~"
HIDDEN = (
    "0-1F 7F-A0 AD 34F 61C 115F-1160 1680 17B4-17B5 180B-180F 2000-200B 200E-200F 2028-202F 205F-206F 2800"
    " 3000 3164 D800-F8FF FDD0-FDEF FE00-FE0E FEFF FFA0 FFF0-FFFF 13430-13442 16FE4"
    " 1BCA0-1BCA3 1D159 1D173-1D17A E0000-10FFFF"
)
SHOWN_BEHIND = (0x200C, 0x200D, 0xFE0F)


def is_decimal(text: str, highest: int) -> bool:
    """A decimal number without leading 0, up to a highest one."""
    plain = text != "" and all(one in DIGITS for one in text) and len(text) <= 5
    return plain and (text == "0" or text[0] != "0") and int(text) <= highest


def is_host(text: str) -> bool:
    """Labels with a last one that begins with a letter, or an IPv4 address (ID-23)."""
    labels = text.split(".")
    if len(labels) == 4 and all(is_decimal(label, 255) for label in labels):
        return True
    whole = all(
        1 <= len(label) <= 63
        and all(one in LOWER + DIGITS + "-" for one in label)
        and "-" not in (label[0], label[-1])
        for label in labels
    )
    return whole and labels[-1][0] in LOWER


def is_relay(url: str) -> bool:
    """`wss://` with a host, or `ws://` with a loopback one; port, path (ID-23)."""
    scheme, _, rest = url.partition("://")
    at = min((rest + "/").index("/"), len(rest))
    path = rest[at:]
    end = rest.index("]") + 1 if rest.startswith("[") and "]" in rest[:at] else rest[:at].find(":")
    host, port = (rest[:at], "") if end < 0 else (rest[:end], rest[end:at])
    loop = host in ("localhost", "127.0.0.1", "[::1]")
    return (
        len(url) <= 240
        and (scheme in ("ws", "wss") and (loop or (scheme == "wss" and is_host(host))))
        and (port == "" or (port[0] == ":" and port != ":0" and is_decimal(port[1:], 65_535)))
        and all(one in UNRESERVED + "/" for one in path)
        and not {".", ".."} & set(path.split("/"))
    )


def check_relay(url: str) -> str:
    """A relay URL, or a refusal (ID-23)."""
    need(is_relay(url))
    return url


def is_hidden(code_point: int) -> bool:
    """One of the table of ID-33."""
    for part in HIDDEN.split():
        first, _, last = part.partition("-")
        if int(first, 16) <= code_point <= int(last or first, 16):
            return True
    return False


def is_name(code_points: list[int]) -> bool:
    """A name by its scalar values (ID-33)."""
    before = 0x20
    for code_point in code_points:
        if is_hidden(code_point) or (code_point == 0x20 and before == 0x20):
            return False
        if code_point in SHOWN_BEHIND and (before in SHOWN_BEHIND or code_point == code_points[0]):
            return False
        before = code_point
    return 1 <= len(code_points) <= 64 and before != 0x20


def parse_card(text: str) -> tuple[bytes, str, str | None]:
    """Account, relay URL and name of a card in either form (ID-21 to ID-23, ID-33 to ID-35)."""
    start, end = 0, len(text)
    while start < end and text[start] in "\t\n\r ":
        start += 1
    while end > start and text[end - 1] in "\t\n\r ":
        end -= 1
    inner = text[start:end]
    need(len(inner.encode("utf-8", "surrogatepass")) <= 2048)
    account, relay, name = json_parts(inner) if inner[:1] == "{" else uri_parts(inner)
    need(len(account) == 48 and all(one in LOWER + LOWER.upper() + DIGITS + "-_" for one in account))
    check_relay(relay)
    need(name is None or is_name([ord(one) for one in name]))
    raw = urlsafe_b64decode(account)
    written = b"\x83" + b"".join(
        head_bytes(major, len(part)) + part
        for major, part in ((2, raw[:32]), (3, relay.encode()), (3, (name or "").encode()))
        if name is not None or part
    )
    digest_of = digest("SR1-card", written if name is not None else written + b"\xf6")
    need(hmac.compare_digest(raw[32:], digest_of[:4]))
    return raw[:32], relay, name


def uri_parts(uri: str) -> tuple[str, str, str | None]:
    """The three values of a URI (ID-21)."""
    lead = "sealroom:contact?v=1&a="
    need(uri.startswith(lead))
    account, *rest = uri[len(lead) :].split("&")
    need(len(rest) in (1, 2) and rest[0][:2] == "r=" and (len(rest) == 1 or rest[1][:2] == "n="))
    values = [unescaped(part[2:]) for part in rest]
    need(all(values))
    return account, values[0], values[1] if len(values) == 2 else None


def unescaped(text: str) -> str:
    """Percent-encoded UTF-8 of which only what must be is encoded, in upper case (ID-21)."""
    out = bytearray()
    at = 0
    while at < len(text):
        if text[at] == "%":
            pair = text[at + 1 : at + 3]
            need(len(pair) == 2 and all(one in "0123456789ABCDEF" for one in pair))
            out.append(int(pair, 16))
            need(chr(out[-1]) not in UNRESERVED)
            at += 3
        else:
            need(text[at] in UNRESERVED)
            out += text[at].encode()
            at += 1
    return text_of(bytes(out))


def json_parts(text: str) -> tuple[str, str, str | None]:
    """The members of the object (ID-22)."""
    reader, found = _Json(text), dict[str, "str | int"]()
    reader.mark("{")
    while True:
        key = reader.plain_key()
        need(key not in found)
        reader.mark(":")
        found[key] = reader.value()
        if reader.take() != ",":
            break
    need(text[reader.at - 1] == "}" and reader.at == len(text))
    need(set(found) - {"name"} == {"sealroom", "account", "relay"} and found["sealroom"] == 1)
    parts = [found.get(key) for key in ("account", "relay", "name")]
    need(all(isinstance(part, str) for part in parts[:2]) and not isinstance(parts[2], int))
    return str(parts[0]), str(parts[1]), None if parts[2] is None else str(parts[2])


class _Json:
    """Reads the few things that the JSON of a card consists of (ID-22)."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def next(self) -> str:
        """The next character."""
        need(self.at < len(self.text))
        self.at += 1
        return self.text[self.at - 1]

    def take(self) -> str:
        """The next character behind spaces."""
        while (one := self.next()) in "\t\n\r ":
            pass
        return one

    def mark(self, wanted: str) -> None:
        """A mark, with spaces before it."""
        need(self.take() == wanted)

    def plain_key(self) -> str:
        """The name of a member, written as it is."""
        self.mark('"')
        end = self.text.find('"', self.at)
        key, self.at = self.text[self.at : end], end + 1
        need(key in ("sealroom", "account", "relay", "name"))
        return key

    def value(self) -> str | int:
        """The number 1 or a string."""
        first = self.take()
        need(first in '1"')
        if first == "1":
            return 1
        units = bytearray()
        while (one := self.next()) != '"':
            need(one >= " ")
            units += (self.escape() if one == "\\" else one).encode("utf-16-be", "surrogatepass")
        return units.decode("utf-16-be", "surrogatepass")

    def escape(self) -> str:
        """What stands behind a backslash."""
        letter = self.next()
        if letter == "u":
            digits = "".join(self.next() for _ in range(4))
            need(all(one in "0123456789abcdefABCDEF" for one in digits))
            return chr(int(digits, 16))
        need(letter in '"\\/bfnrt')
        return dict(zip("bfnrt", "\b\f\n\r\t", strict=True)).get(letter, letter)


def fingerprint(account: bytes) -> bytes:
    """5200 times SHA-512 (ID-24)."""
    value = hashlib.sha512(padded("SR1-safety") + account).digest()
    for _ in range(5199):
        value = hashlib.sha512(value + account).digest()
    return value[:32]


def safety_number(ours: bytes, theirs: bytes) -> str:
    """60 digits in 12 groups (ID-25)."""
    joined = sorted((fingerprint(ours), fingerprint(theirs)))
    parts = [mark[5 * i : 5 * i + 5] for mark in joined for i in range(6)]
    return " ".join(f"{int.from_bytes(part, 'big') % 100_000:05}" for part in parts)


def safety_qr(ours: bytes, theirs: bytes) -> str:
    """The text of the QR code (ID-26)."""
    return "SEALROOM:1:" + b"".join(sorted((fingerprint(ours), fingerprint(theirs)))).hex().upper()


def compare_safety(ours: bytes, theirs: bytes, scanned: str) -> bool:
    """Equal or different, or refused as not a safety number (ID-26)."""
    need(re.fullmatch(r"SEALROOM:1:[0-9A-F]{128}", scanned) is not None)
    return hmac.compare_digest(safety_qr(ours, theirs), scanned)


# --- chapter 10 ---


@dataclass(frozen=True)
class Content:
    """What this reader looks at in a content."""

    type: int
    id: bytes
    epoch: int | None
    has_address: bool


def parse_content(raw: bytes) -> Content:
    """A content map; whatever is wrong with it is `remote.content` (CON-01 to CON-04)."""
    try:
        row = decode(raw)
        if not isinstance(row, dict) or not {1, 2, 3, 4} <= set(row):
            raise Refused("remote.content")
        need(all(key <= 9 or key >= 64 for key in row) and 0 not in row)
        kind, content_id = uint(row[1], 0, 2**32 - 1), octets(row[2], 16)
        uint(row[3])
        _check_payload(kind, row)
        _check_tail(row)
    except Refused:
        raise Refused("remote.content") from None
    epoch = uint(row[6], 0, 2**32 - 1) if 6 in row else None
    return Content(kind, content_id, epoch, 7 in row)


def _check_payload(kind: int, row: dict[int, Value]) -> None:
    """The payload of a known type (CON-02 to CON-04, registry of content types)."""
    payload = row[4]
    if kind == 1:
        text = fields(payload, 1)[1]
        need(isinstance(text, str) and text != "")
    elif kind == 2:
        receipt = fields(payload, 2)
        uint(receipt[1], 1, 2)
        for content_id in items(receipt[2], 1, 64):
            octets(content_id, 16)
    elif kind in (3, 7):
        need(payload is None and (kind == 7 or 7 in row))
    elif kind == 5:
        _check_sync(fields(payload, 5))
    elif kind == 6:
        need(1 <= len(octets(fields(payload, 1)[1])) <= 1024)


def _check_sync(sync: dict[int, Value]) -> None:
    """What an ask or a tell states (SES-24, CON-03); only a tell may go without an id."""
    kind = uint(sync[1], 1, 2)
    if kind == 1 or sync[2] is not None:
        octets(sync[2], 8)
    if sync[3] is not None:
        epoch, short_id = items(sync[3], 2, 2)
        uint(epoch, 0, 2**32 - 1)
        octets(short_id, 8)
    if sync[4] is not None:
        number_of(octets(sync[4], 20))
    uint(sync[5])


def number_of(data: bytes) -> tuple[int, bytes, int]:
    """The number of a text: n, line, first (CON-12)."""
    n, first = int.from_bytes(data[:8], "big"), int.from_bytes(data[12:], "big")
    need(1 <= n < 2**53 and 1 <= first <= n + 1)
    return n, data[8:12], first


def _check_tail(row: dict[int, Value]) -> None:
    """Heads, epoch, address and compact bundle (chapter 10, wire.cddl)."""
    if 5 in row:
        heads = fields(row[5], 2)
        for head in [heads[1]] if heads[2] is None else [heads[1], heads[2]]:
            seq, list_hash = items(head, 2, 2)
            uint(seq, 1, 2**31 - 1)
            octets(list_hash, 32)
    if 6 in row:
        uint(row[6], 0, 2**32 - 1)
    need((9 in row) == (row[1] in (1, 8, 10, 11, 12)))
    if 9 in row:
        number_of(octets(row[9], 20))
    if 7 in row:
        address = fields(row[7], 3)
        octets(address[1], 16)
        octets(address[2], 32)
        need(isinstance(address[3], str))
        check_relay(str(address[3]))
    if 8 in row:
        _check_compact(fields(row[8], 4))


def _check_compact(bundle: dict[int, Value]) -> None:
    """The shape of a compact bundle (wire.cddl)."""
    small = [bundle[1], *items(bundle[3], 0, 8)]
    large = [bundle[2], *items(bundle[4], 0, 8)]
    for size, prekeys in ((32, small), (1184, large)):
        for prekey in prekeys:
            prekey_id, end, key, signature = items(prekey, 4, 4)
            uint(prekey_id, 1, 2**32 - 1)
            uint(end)
            octets(key, size)
            octets(signature, 64)


# --- chapter 08: which session is active, and what numbers show ---


def active_session(sessions: list[tuple[bytes, int, bool]]) -> bytes | None:
    """The id of the active one of (id, epoch, proven) (SES-22)."""
    found: tuple[bytes, int] | None = None
    for session_id, epoch, proven in sessions:
        if proven and (found is None or epoch > found[1] or (epoch == found[1] and session_id < found[0])):
            found = session_id, epoch
    return None if found is None else found[0]


@dataclass(frozen=True)
class Numbers:
    """What is known of a peer's numbers; `missing` holds each one by itself (SES-30)."""

    highest: int = 0
    missing: frozenset[int] = frozenset()
    forgotten: int = 0
    line: bytes = b""
    line_first: int = 0
    line_last: int = 0


def take_number(known: Numbers, n: int, line: bytes, first: int) -> tuple[Numbers, list[str]]:
    """A text with a new content id (SES-30)."""
    known, found = _line(known, n, line, first)
    was_missing = n in known.missing
    if n <= known.highest and n > known.forgotten and not was_missing:
        found.append("parted")
    known, more = _given_up_to(known, n - 1)
    known = replace(known, highest=max(known.highest, n), missing=known.missing - {n})
    if was_missing and not known.missing:
        more.append("gap_filled")
    return _within_64_ranges(known), found + more


def told_number(known: Numbers, n: int, line: bytes, first: int) -> tuple[Numbers, list[str]]:
    """The newest number that a sync states (SES-30, SES-31)."""
    known, found = _line(known, n, line, first)
    known, more = _given_up_to(known, n)
    return known, found + more


def _line(known: Numbers, n: int, line: bytes, first: int) -> tuple[Numbers, list[str]]:
    if first > n:  # nothing was given on it yet
        return known, []
    if line == known.line:
        return replace(known, line_last=max(known.line_last, n)), []
    begins_inside = known.line_first < first <= known.line_last or first <= known.line_first <= n
    found = ["parted"] if known.line_first and begins_inside else []
    if first < known.line_first:
        return known, found
    return replace(known, line=line, line_first=first, line_last=n), found


def _given_up_to(known: Numbers, n: int) -> tuple[Numbers, list[str]]:
    if n <= known.highest:
        return known, []
    if n > known.highest + 10_000:
        return replace(known, highest=n, forgotten=n), ["parted"]
    missing = known.missing | set(range(known.highest + 1, n + 1))
    return _within_64_ranges(replace(known, highest=n, missing=missing)), ["gap"]


def _within_64_ranges(known: Numbers) -> Numbers:
    """Beyond 64 ranges the oldest is forgotten (SES-30)."""
    ends = sorted(n for n in known.missing if n + 1 not in known.missing)
    if len(ends) <= 64:
        return known
    forgotten = ends[len(ends) - 65]
    missing = frozenset(n for n in known.missing if n > forgotten)
    return replace(known, missing=missing, forgotten=max(known.forgotten, forgotten))


# --- chapter 09 ---


@dataclass(frozen=True)
class Kem:
    """A state of the KEM ratchet, by its name; what it does not hold is empty (PQ-01)."""

    name: str
    seed: bytes = b""
    key_id: bytes = b""
    message: bytes = b""
    secret: bytes = b""
    made: tuple[int, int] = (0, 0)
    sent: int = 0
    hash: bytes = b""
    pieces: tuple[bytes, ...] = ()

    def collected(self, mark: bytes, index: int, data: bytes) -> Kem:
        """With a piece more; one of another hash begins anew (PQ-09)."""
        there = list(self.pieces if self.pieces and self.hash == mark else (b"",) * PIECES)
        there[index] = there[index] or data
        return replace(self, hash=mark, pieces=tuple(there))

    def whole(self, size: int) -> bytes:
        """What is collected, once every piece is there."""
        return b"".join(self.pieces)[:size] if all(self.pieces) else b""


def key_id_of(key: bytes) -> bytes:
    """The id of a key (chapter 09)."""
    return digest("SR1-kem-key", key)[:8]


def epoch_keys(session_id: bytes, epoch: int, shared: bytes, key: bytes, text: bytes) -> tuple[bytes, bytes]:
    """Epoch secret and confirmation (PQ-03)."""
    more = struct.pack(">I", epoch) + hashlib.sha256(key + text).digest()
    both = hkdf(session_id, shared, "SR1-kem-epoch", 64, more)
    return both[:32], both[32:]


def take_fragment(kem: Kem, pq_epoch: int, session_id: bytes, block: bytes, fresh: bool = False) -> Kem:
    """The state after the fragment of a message that has opened (PQ-07, PQ-08, WIRE-10)."""
    refusal = "remote.authentication"
    if block == bytes(len(block)):
        lost = fresh and len(block) > 0 and kem.name == "Offering"
        return replace(kem, hash=b"", pieces=()) if lost else kem
    kind, index, reserved, epoch, mark, data = struct.unpack(">BBHI8s256s", block)
    need(kind in (1, 2) and index < PIECES and reserved == 0 and epoch > 0, refusal)
    size = KEM_KEY_B if kind == 1 else KEM_MESSAGE_B
    need(not any(data[max(0, size - PIECE_B * index) :]), refusal)
    if epoch <= pq_epoch:
        return kem
    offers = kem.name in ("Offering", "SecretHeld")
    need(epoch == pq_epoch + 1 and kem.name != "KeyDue" and kind == (2 if offers else 1), refusal)
    need(kem.name != "SecretHeld" or mark == kem.hash, "remote.pq_desync")
    if kem.name == "SecretHeld" or (not offers and mark == kem.key_id):
        return kem
    if offers:
        return take_ciphertext(kem, epoch, session_id, mark, index, data)
    begun = Kem("Collecting") if kem.name == "CiphertextDue" else kem
    return take_key(begun.collected(mark, index, data))


def take_key(kem: Kem) -> Kem:
    """A key that may be whole (PQ-10, PQ-11)."""
    key = kem.whole(KEM_KEY_B)
    if not key:
        return kem
    need(key_id_of(key) == kem.hash, "remote.authentication")
    try:
        return Kem("CiphertextDue", key_id=kem.hash, message=kem_key(key))
    except Refused:
        raise Refused("remote.authentication") from None


def take_ciphertext(kem: Kem, epoch: int, session_id: bytes, mark: bytes, index: int, data: bytes) -> Kem:
    """A piece of a ciphertext, for our key or another (PQ-10, PQ-11, PQ-14)."""
    if mark[:4] != kem.key_id[:4]:
        return replace(kem, hash=b"", pieces=())
    kem = kem.collected(mark, index, data)
    message = kem.whole(KEM_MESSAGE_B)
    if not message:
        return kem
    need(digest("SR1-kem-text", message)[:4] == mark[4:], "remote.authentication")
    private = MLKEM768PrivateKey.from_seed_bytes(kem.seed)
    key, text = private.public_key().public_bytes_raw(), message[:1088]
    secret, confirmation = epoch_keys(session_id, epoch, private.decapsulate(text), key, text)
    need(hmac.compare_digest(confirmation, message[1088:]), "remote.pq_desync")
    return Kem("SecretHeld", secret=secret, hash=mark, made=kem.made)


# --- chapter 07 ---


@dataclass(frozen=True)
class Sending:
    """Our side to a receiver: a private key, or their key while a step is due; the numbers used so far."""

    private: bytes | None
    their_key: bytes | None
    next_header_key: bytes
    used: int


@dataclass(frozen=True)
class Receiving:
    """The current receiving chain."""

    their_key: bytes
    header_key: bytes
    chain_key: bytes
    number: int
    pq_epoch: int


@dataclass(frozen=True)
class Skipped:
    """A message key of a number not seen yet."""

    header_key: bytes
    number: int
    message_key: bytes
    stored_ms: int


@dataclass(frozen=True)
class State:
    """What a receiver keeps of a session (chapter 07)."""

    session_id: bytes
    root_key: bytes
    sending: Sending
    receiving: Receiving | None
    next_receive: bytes
    pq_epoch: int
    skipped: tuple[Skipped, ...]
    healed_ms: int
    kem: Kem
    finished: int
    pq_healing: tuple[int, int]


@dataclass(frozen=True)
class Header:
    """A plain header (chapter 04)."""

    key: bytes
    previous: int
    number: int
    pq_epoch: int


def tag_of(header_key: bytes) -> bytes:
    """The tag of a chain (chapter 07)."""
    return prf(header_key, "SR1-tag", 8)


def open_header(envelope: Envelope, header_key: bytes, session_id: bytes) -> Header:
    """A header without flags and with counters below 2^31 (DR-07, WIRE-09)."""
    key = prf(header_key, "SR1-header-key", 32, salt=envelope.salt)
    plain = unseal(key, envelope.header, envelope.raw[:2] + envelope.tag + envelope.salt + session_id)
    public, previous, number, epoch, flags = struct.unpack(">32sIIII", plain)
    need(flags == 0 and max(previous, number, epoch) < 2**31, "remote.authentication")
    return Header(public, previous, number, epoch)


def find_header(state: State, envelope: Envelope, now_ms: int) -> tuple[bytes, Header]:
    """The header key that opens the header, of those with its tag (DR-10, DR-11)."""
    current = [] if state.receiving is None else [state.receiving.header_key]
    older = [item.header_key for item in kept_keys(state.skipped, now_ms)]
    for key in dict.fromkeys([*current, state.next_receive, *older]):
        if not hmac.compare_digest(tag_of(key), envelope.tag):
            continue
        try:
            return key, open_header(envelope, key, state.session_id)
        except Refused:
            continue
    raise Refused("remote.authentication")


def skip(chain: Receiving, end: int, now_ms: int) -> tuple[Receiving, tuple[Skipped, ...]]:
    """The chain moved to a number, with the keys in between (DR-04)."""
    stored: list[Skipped] = []
    key = chain.chain_key
    for number in range(chain.number, end):
        both = prf(key, "SR1-chain", 64)
        key = both[:32]
        stored.append(Skipped(chain.header_key, number, both[32:], now_ms))
    return replace(chain, chain_key=key, number=max(end, chain.number)), tuple(stored)


def new_chain(state: State, header: Header, now_ms: int) -> State:
    """The state after the root step of a header under next receive (DR-14, DR-19, PQ-12)."""
    old, sending = state.receiving, state.sending
    refusal = "remote.authentication"
    mixes = header.pq_epoch == state.pq_epoch + 1 and state.kem.name == "Answering"
    if sending.private is None or header.pq_epoch not in (state.pq_epoch, state.pq_epoch + 1):
        raise Refused(refusal)
    need(mixes or header.pq_epoch == state.pq_epoch, "remote.pq_desync")
    need(old is None or (header.key != old.their_key and header.previous >= old.number), refusal)
    need(old is not None or header.previous == 0, refusal)
    owed = 0 if old is None else header.previous - old.number
    need(owed + header.number <= MAX_JUMP, "remote.skip_limit")
    rest = skip(old, header.previous, now_ms)[1] if old is not None else ()
    try:
        secret = exchange(sending.private, header.key)
    except Refused:
        raise Refused(refusal) from None
    secret += state.kem.secret if mixes else b""
    keys = hkdf(state.root_key, secret, "SR1-root", 96, struct.pack(">I", header.pq_epoch))
    return replace(
        state,
        pq_epoch=header.pq_epoch,
        kem=Kem("KeyDue") if mixes else state.kem,
        pq_healing=state.kem.made if mixes else state.pq_healing,
        finished=state.finished + sending.used + (0 if old is None else max(old.number, header.previous)),
        root_key=keys[:32],
        sending=replace(sending, private=None, their_key=header.key),
        receiving=Receiving(header.key, state.next_receive, keys[32:64], 0, header.pq_epoch),
        next_receive=keys[64:],
        skipped=state.skipped + rest,
        healed_ms=now_ms,
    )


def kept_keys(skipped: tuple[Skipped, ...], now_ms: int) -> tuple[Skipped, ...]:
    """The keys that stay: not past their age, at most 1000; the rest goes by time, tag and number (DR-16)."""
    young = [item for item in skipped if now_ms <= item.stored_ms + SKIPPED_TTL_MS]
    order = sorted(young, key=lambda item: (item.stored_ms, tag_of(item.header_key), item.number))
    gone = {(item.header_key, item.number) for item in order[: max(0, len(order) - MAX_SKIPPED)]}
    return tuple(item for item in young if (item.header_key, item.number) not in gone)


def take_skipped(state: State, key: bytes, number: int, now_ms: int) -> tuple[State, bytes]:
    """The state without a skipped key, and that key (DR-12, DR-16)."""
    for item in state.skipped:
        if item.header_key == key and item.number == number and now_ms <= item.stored_ms + SKIPPED_TTL_MS:
            rest = tuple(other for other in state.skipped if other is not item)
            return replace(state, skipped=rest), item.message_key
    raise Refused("remote.replay")


def message_key(state: State, key: bytes, header: Header, now_ms: int) -> tuple[State, bytes]:
    """The state after the header, and the key of the message (DR-12 to DR-15, PQ-13)."""
    if key == state.next_receive:
        state = new_chain(state, header, now_ms)
    chain = state.receiving
    if chain is None or key != chain.header_key:
        return take_skipped(state, key, header.number, now_ms)
    same = header.key == chain.their_key and header.pq_epoch == chain.pq_epoch
    need(same, "remote.authentication")
    if header.number < chain.number:
        return take_skipped(state, key, header.number, now_ms)
    need(header.number - chain.number <= MAX_JUMP, "remote.skip_limit")
    chain, stored = skip(chain, header.number, now_ms)
    both = prf(chain.chain_key, "SR1-chain", 64)
    chain = replace(chain, chain_key=both[:32], number=chain.number + 1)
    return replace(state, receiving=chain, skipped=state.skipped + stored), both[32:]


def receive(state: State, envelope: Envelope, now_ms: int) -> tuple[State, bytes]:
    """The state after a message, and the bytes of its content (DR-08, DR-10 to DR-18, PQ-07)."""
    header_key, header = find_header(state, envelope, now_ms)
    after, key = message_key(state, header_key, header, now_ms)
    associated = envelope.raw[: -len(envelope.body)] + state.session_id
    body = unseal(prf(key, "SR1-body-key", 32, salt=envelope.salt), envelope.body, associated)
    block, content = body_parts(body, bool(envelope.prefix))
    fresh = header_key == state.next_receive
    kem = take_fragment(after.kem, after.pq_epoch, state.session_id, block, fresh)
    return replace(after, kem=kem, skipped=kept_keys(after.skipped, now_ms)), content


def open_message(state: State, session_epoch: int, raw: bytes, now_ms: int) -> tuple[State, bytes]:
    """Open an envelope on a session of that epoch (HS-05, SES-21, CON-08)."""
    envelope = Envelope.parse(raw)
    after, content = receive(state, envelope, now_ms)
    parsed = parse_content(content)
    need(parsed.epoch == (session_epoch if envelope.prefix else None), "remote.content")
    need(parsed.has_address or not envelope.prefix, "remote.content")
    return after, content


# --- chapter 06 ---


@dataclass(frozen=True)
class OwnPrekey:
    """A prekey of ours with its private key (a seed for the KEM)."""

    private: bytes
    prekey: Prekey


@dataclass(frozen=True)
class Found:
    """The prekeys behind the ids of a prefix."""

    spk: OwnPrekey
    opk: OwnPrekey | None
    pqk: OwnPrekey

    def check_time(self, now_ms: int) -> None:
        """None is past its end plus relay retention (HS-06)."""
        for own in (self.spk, self.opk, self.pqk):
            need(own is None or now_ms <= own.prekey.not_after_ms + RETENTION_MS, "remote.expired")


@dataclass(frozen=True)
class Responder:
    """A device that can be written to; its prekeys stand under SPK, OPK or PQK and the id."""

    dh_private: bytes
    record: Record
    prekeys: dict[tuple[str, int], OwnPrekey]

    def find(self, prefix: Prefix) -> Found:
        """The prekeys that a prefix names (HS-06)."""
        try:
            opk = self.prekeys["OPK", prefix.opk_id] if prefix.opk_id else None
            return Found(self.prekeys["SPK", prefix.spk_id], opk, self.prekeys["PQK", prefix.pqk_id])
        except KeyError:
            raise Refused("remote.unknown_prekey") from None


@dataclass(frozen=True)
class Accepted:
    """What a first flight gives (HS-08), with the values in between."""

    t0: bytes
    k0: bytes
    t1: bytes
    record: Record
    device_list: DeviceList
    start: State
    header_keys: tuple[bytes, bytes]


def transcript(suite_and_parts: list[bytes | None]) -> bytes:
    """The CBOR array of T0 behind its suite number 1 (step 2)."""
    out = head_bytes(4, 1 + len(suite_and_parts)) + b"\1"
    for part in suite_and_parts:
        out += b"\xf6" if part is None else head_bytes(2, len(part)) + part
    return out


Pins: TypeAlias = "dict[bytes, DeviceList]"


def check_initiator(me: Record, plain: bytes, pins: Pins, now_ms: int) -> tuple[Record, DeviceList]:
    """A's record and the newer of its list and the pinned one (HS-07, HS-11, ID-10, ID-11)."""
    record_raw, signed = items(decode(unpad(plain), 1024), 2, 2)
    record = Record.parse(octets(record_raw))
    given = listed = DeviceList.verified(octets(signed), record.account)
    pinned = pins.get(record.account)
    if pinned is not None and listed.seq < pinned.seq:
        listed = pinned
    elif pinned is not None and listed.seq <= pinned.seq + 1:
        listed.follows((pinned.seq, pinned.hash))
    in_time = listed.issued_ms - DAY_MS <= now_ms <= listed.expires_ms + FLIGHT_GRACE_MS
    timed, grace_ms = (listed, FLIGHT_GRACE_MS) if in_time else (given, DAY_MS)
    timed.check_time(now_ms, grace_ms)
    listed.holds(record)
    record.check_time(now_ms, FLIGHT_GRACE_MS)
    need((record.account, record.device) != (me.account, me.device), "remote.identity")
    return record, listed


def dh_secret(me: Responder, found: Found, ek: bytes) -> bytes:
    """dh2 | dh1 | [dh3] as the responder computes them (step 3)."""
    secret = exchange(me.dh_private, ek) + exchange(found.spk.private, ek)
    return secret if found.opk is None else secret + exchange(found.opk.private, ek)


def respond(me: Responder, found: Found, prefix: Prefix, pins: Pins, now_ms: int) -> Accepted:
    """Run the handshake from a prefix and the prekeys that it names (chapter 06, HS-02, HS-07)."""
    found.check_time(now_ms)
    spk, opk, pqk = found.spk, found.opk, found.pqk
    secret = dh_secret(me, found, prefix.ek)
    secret += MLKEM768PrivateKey.from_seed_bytes(pqk.private).decapsulate(prefix.ciphertext)
    opk_signed = None if opk is None else opk.prekey.signed
    signed = [spk.prekey.signed, opk_signed, pqk.prekey.signed]
    t0 = digest("SR1-hs-t0", transcript([me.record.raw, *signed, prefix.ciphertext, prefix.ek]))
    k0 = hkdf(t0, secret, "SR1-hs-id", 32)
    plain = unseal(k0, prefix.sealed_identity, t0)
    record, listed = check_initiator(me.record, plain, pins, now_ms)
    secret += exchange(spk.private, record.dh_pub) + exchange(me.dh_private, record.dh_pub)
    t1 = digest("SR1-hs-t1", t0 + record.raw)
    keys = hkdf(t1, secret, "SR1-hs-keys", 128)
    hk_a, hk_b = keys[32:64], keys[64:96]
    sending = Sending(spk.private, None, hk_b, 0)
    kem = Kem("Collecting")
    start = State(keys[96:], keys[:32], sending, None, hk_a, 0, (), now_ms, kem, 0, (now_ms, 0))
    return Accepted(t0, k0, t1, record, listed, start, (hk_a, hk_b))


def open_flight(me: Responder, found: Found, raw: bytes, pins: Pins, now_ms: int) -> tuple[State, Content]:
    """Handshake and first message; the content states the session's epoch (HS-05, HS-07, SES-21)."""
    envelope = Envelope.parse(raw)
    accepted = respond(me, found, Prefix.parse(envelope.prefix), pins, now_ms)
    state, raw_content = receive(accepted.start, envelope, now_ms)
    content = parse_content(raw_content)
    need(content.epoch is not None and content.has_address, "remote.content")
    return state, content
