"""Fuzz targets of chapter 11: frames as relay and client read them, and what a relay reads inside of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import cache
from typing import Final

import fuzz_seeds
from e2ee_relay import entry, protocol
from e2ee_relay.entry import EntryError, SignedList, StaleEntry
from e2ee_relay.frames import _LIMIT_NAMES
from e2ee_relay.protocol import Frame, FrameError, Role
from e2ee_relay.proxy_header import Address, ProxyHeaderError, client_of, missing_b
from fuzz_target import Shape, Target, require
from vector_files import unhex

from e2ee.identity import DeviceList
from e2ee.ids import AccountId
from e2ee.wire import cbor

_BODY: Final = b"sealed" * 20


def _requests() -> tuple[protocol.Request, ...]:
    b16, b32, b64 = b"m" * 16, b"t" * 32, b"s" * 64
    item = protocol.SendItem(b16, b32, b"i" * 16, protocol.TtlClass.RETENTION, b"", _BODY)
    return (
        protocol.CreateMailbox(1, b16, b32, b"work", b"secret"),
        protocol.Auth(2, (b16, b"n" * 16), b32, b64),
        protocol.TokenAdd(3, b16, (b32,), protocol.TokenClass.CONTACT),
        protocol.TokenRevoke(4, b16, (b32,)),
        protocol.Send(5, (item, item)),
        protocol.Subscribe(6, (b16,)),
        protocol.Ack(7, b16, (1, 2, 3)),
        protocol.Publish(8, b32, (b"list",), (b"record",), (None,)),
        protocol.Lookup(9, b32, 0),
        protocol.PrekeysUpload(10, b32, b32, b"spk", None, (b"opk",), ()),
        protocol.PrekeysCount(11, b32, b32),
        protocol.PrekeysFetch(12, b32, b32, b32, b"work"),
        protocol.DeleteMailbox(13, b16),
        protocol.Ping(14),
    )


def _answers() -> tuple[protocol.Response | protocol.Push, ...]:
    b16, b32 = b"m" * 16, b"t" * 32
    limits = protocol.Limits(*range(1, len(_LIMIT_NAMES) + 1))
    result = protocol.SendResult(protocol.ErrorCode.QUOTA, 250)
    return (
        protocol.ErrorReply(1, protocol.ErrorCode.DENIED, 9),
        protocol.Done(2),
        protocol.AuthResult(3, (b16,)),
        protocol.SendResults(4, (result, result)),
        protocol.LookupResult(5, (b"list",), (b"record",), (None,), True),
        protocol.PrekeysStock(6, 1, 2, 3, 4, None, 6),
        protocol.PrekeysBundle(7, b"bundle", True, False),
        protocol.Hello(0, 1, "relay", b32, limits, protocol.OPERATIONS),
        protocol.Message(0, b16, 7, b"i" * 16, _BODY, 3_600_000),
        protocol.QueueEmpty(0, b16),
        protocol.Displaced(0, b16),
        protocol.LowPrekeys(0, b32, b32, 1, 2),
        protocol.GoAway(0, 2000),
    )


def _frames_hold(data: bytes, frames: list[Frame], role: Role) -> None:
    known = [one for one in frames if isinstance(one, protocol.KnownFrame)]
    if not known:
        return
    message = protocol.encode_frames(known)
    require(protocol.decode_frames(message, role) == known, "frames survive encoding (RLY-01)")
    # Limits may have more keys than this version knows (RLY-11), unknown frames are not kept.
    if len(known) == len(frames) and not any(isinstance(one, protocol.Hello) for one in known):
        require(message == data, "frames have one encoding (RLY-01)")


def _request_seeds() -> Iterator[bytes]:
    yield from (protocol.encode_frames([one]) for one in _requests())
    yield protocol.encode_frames(_requests())


def _answer_seeds() -> Iterator[bytes]:
    yield from (protocol.encode_frames([one]) for one in _answers())
    yield protocol.encode_frames(_answers())


# --- directory entries and prekeys ---


def _list_holds(data: bytes, parsed: SignedList) -> None:
    require(parsed.encoded == data, "a relay keeps the bytes that it was given (RLY-51)")
    value = cbor.decode(data)
    require(isinstance(value, list) and len(value) == 2, "a relay reads what the core reads (RLY-01)")


def _list_seeds() -> Iterator[bytes]:
    yield from (unhex(one["signed"]) for one in fuzz_seeds.vectors("identity")["lists"])
    yield from fuzz_seeds.negative("list.verify", "signed")


@cache
def _account() -> AccountId:
    return AccountId(unhex(fuzz_seeds.vectors("identity")["account"]["account_id"]))


def _check_entry(data: bytes) -> tuple[entry.Device, ...]:
    """A whole entry: [signed list, records, addresses], as in a Publish."""
    value = protocol.decode_item(data)
    match value:
        case [bytes(signed), list(records), list(addresses)]:
            lists = entry.check_lists(_account(), (signed,), None, fuzz_seeds.vectors("identity")["now_ms"])
            kept = tuple(one for one in records if isinstance(one, bytes))
            shown = tuple(one if isinstance(one, bytes) else None for one in addresses)
            return entry.check_devices(lists[-1], kept, shown, None)
        case _:
            raise EntryError("not the arguments of a Publish")


def _entry_holds(data: bytes, devices: tuple[entry.Device, ...]) -> None:
    value = protocol.decode_item(data)
    signed = value[0] if isinstance(value, list) else b""
    names = DeviceList.verify(_account(), signed).record_hashes
    require(tuple(one.record_hash for one in devices) == names, "devices are those of the list (RLY-53)")


def _entry_seeds() -> Iterator[bytes]:
    given = fuzz_seeds.vectors("identity")
    records = {case["record_hash"]: unhex(case["record"]) for case in given["records"]}
    address = unhex(given["address"]["signed"])
    for one in given["lists"]:
        devices: list[cbor.Value] = [records[name] for name in one["record_hashes"] if name in records]
        yield cbor.encode([unhex(one["signed"]), devices, [None] * len(devices)])
        yield cbor.encode([unhex(one["signed"]), devices, [address, *[None] * (len(devices) - 1)]])


def _parse_prekey(data: bytes) -> object:
    record = unhex(fuzz_seeds.vectors("identity")["records"][0]["record_hash"])
    now_ms = fuzz_seeds.vectors("identity")["now_ms"]
    return entry.parse_prekey(data, _account(), record, 1, entry.USAGE_ONE_TIME, now_ms)


def _prekey_holds(data: bytes, _: object) -> None:
    require(isinstance(cbor.decode(data), list), "a relay reads what the core reads (RLY-01)")


def _prekey_seeds() -> Iterator[bytes]:
    yield from (unhex(case["signed"]) for case in fuzz_seeds.vectors("identity")["prekeys"])
    yield from fuzz_seeds.negative("prekey.verify", "signed")


# --- what a balancer says ahead of TLS ---


def _read_header(data: bytes) -> tuple[bytes, Address | None]:
    """Read a stream as the door does: as many bytes at a time as are missing."""
    head = b""
    while wanted := missing_b(head):
        if len(head) + wanted > len(data):
            raise ProxyHeaderError("the stream ends")
        head = data[: len(head) + wanted]
    return head, client_of(head)


def _header_holds(data: bytes, found: tuple[bytes, Address | None]) -> None:
    head, address = found
    require(data.startswith(head), "what follows the header is not touched (RLY-145)")
    if head.startswith(b"PROXY TCP") and address is not None:
        require(ipaddress.ip_address(head.split(b" ")[2].decode()) == address, "as it is written (RLY-145)")
    elif address is not None:
        require(head[16:].startswith(address.packed), "as it is written (RLY-145)")


def _header_seeds() -> Iterator[bytes]:
    signature = b"\r\n\r\n\x00\r\nQUIT\n"
    yield b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 443\r\nGET / HTTP/1.1\r\n"
    yield b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n\x16\x03\x01"
    yield b"PROXY UNKNOWN\r\n"
    yield signature + b"\x20\x00\x00\x00"
    yield signature + b"\x21\x11\x00\x0c" + bytes(range(12))
    yield signature + b"\x21\x11\x00\x11" + bytes(range(12)) + b"\x04\x00\x02ab" + b"\x16\x03"
    yield signature + b"\x21\x21\x00\x24" + bytes(range(36))


_ENTRY: Final = frozenset({EntryError, StaleEntry})

TARGETS: Final = (
    Target(
        "relay_requests",
        lambda data: protocol.decode_frames(data, Role.RELAY),
        lambda data, frames: _frames_hold(data, frames, Role.RELAY),
        frozenset({FrameError}),
        _request_seeds,
        Shape.CBOR,
        4096,
    ),
    Target(
        "relay_answers",
        lambda data: protocol.decode_frames(data, Role.CLIENT),
        lambda data, frames: _frames_hold(data, frames, Role.CLIENT),
        frozenset({FrameError}),
        _answer_seeds,
        Shape.CBOR,
        4096,
    ),
    Target("relay_list", entry.parse_list, _list_holds, _ENTRY, _list_seeds, Shape.CBOR, 2100),
    Target("relay_entry", _check_entry, _entry_holds, _ENTRY | {FrameError}, _entry_seeds, Shape.CBOR, 4096),
    Target(
        "relay_proxy_header",
        _read_header,
        _header_holds,
        frozenset({ProxyHeaderError}),
        _header_seeds,
        Shape.BYTES,
        1200,
    ),
    Target("relay_prekey", _parse_prekey, _prekey_holds, _ENTRY, _prekey_seeds, Shape.CBOR, 2100),
)
