"""Each content that a customer could send a company: every type, every kind of entry, every bad receipt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from engine_world import Node
from room_states import first
from rooms_world import acceptance
from team_world import account, this

from e2ee import pair as pairs
from e2ee import session as sessions
from e2ee.content import (
    AddressOnly,
    Content,
    ContentType,
    Nothing,
    OfRooms,
    Payload,
    Receipt,
    ReceiptState,
    SignedList,
    Sync,
    SyncKind,
    Text,
    Unsupported,
)
from e2ee.ids import ContentId
from e2ee.rooms.consent import Terms, sign_receipt, sign_withdrawal
from e2ee.rooms.entry import Author, EntryHash, RoomId, carrier, make_header, write_entry
from e2ee.rooms.kinds import Kind
from e2ee.rooms.notice import Mode
from e2ee.rooms.room import room_id
from e2ee.secret import SigningKey

HASH: Final = b"h" * 32
NONCE: Final = b"n" * 16
FILE: Final = {
    1: HASH,
    2: HASH,
    3: 65_536,
    4: HASH,
    5: 1,
    6: "a",
    7: "text/plain",
    8: 1_764_000_000_000,
    9: bytes(16),
}
PAYLOADS: Final[dict[int, Any]] = {
    Kind.STATE: first("F1").state.value(),
    Kind.TEXT: {1: "ohne Einwilligung"},
    Kind.EDIT: {1: HASH, 2: "anders"},
    Kind.ERASE: {1: None},
    Kind.ERASED: {1: None, 2: 1},
    Kind.FILE: FILE,
    Kind.CONSENT: b"receipt",
    Kind.ACT: {1: 5},
    11: None,
    Kind.NOTICE: [b"notice", [["de", b"x"]]],
    Kind.CHANNELS: b"channels",
    Kind.REACH: {1: "a@praxis.example"},
    Kind.SENSITIVE: {1: [HASH]},
    Kind.ACCESS: {1: 1, 2: None, 3: 1, 4: None, 5: None},
    Kind.IDENTIFY: b"token",
    Kind.FORM: {1: "x", 2: [[1, 2, "x", False, []]]},
    Kind.ANSWER: {1: HASH, 2: [[1, "x"]]},
    Kind.RATING: {1: 1},
    Kind.MARK: None,
    Kind.REFUSAL: {1: HASH, 2: "room.right"},
    63: None,
}
"""A payload that is right for each kind but `open` and withdrawal, and for one that nobody knows yet."""
STRANGER: Final = SigningKey(b"s" * 32)


def author(node: Node) -> Author:
    """Who writes."""
    return Author(account(node), this(node))


def room_of(customer: Node, company: Node, nonce: bytes = NONCE) -> RoomId:
    """The room of a nonce."""
    return room_id(account(company), account(customer), nonce)


def signing_key(node: Node) -> SigningKey:
    """What a device signs with."""
    return node.engine._state.own.device.signing_key


def entry(customer: Node, room: RoomId, kind: int, payload: Any, n: int = 1) -> Content:
    """An entry as a customer writes it."""
    prev = EntryHash(HASH) if n else None
    header = make_header(room, int(kind), n, customer.now_ms, prev=prev)
    return carrier(write_entry(author(customer), header, payload, bytes(16), None))


def of_no_room(payload: Payload) -> Content:
    """A content of a session alone."""
    return Content(ContentId(b"c" * 16), 1_764_000_000_000, payload)


def every_content(customer: Node, company: Node) -> Iterator[tuple[str, Content]]:
    """Yield a content of each type 1 to 12, of an unknown one, and an entry of each kind but `open`."""
    room = room_of(customer, company)
    signals: list[Any] = [
        {1: room, 2: 1},
        {1: room, 2: 2, 3: [[bytes(8), 0, 9]]},
        {1: room, 2: 3, 3: {1: bytes(8), 2: 3, 3: None, 4: None, 5: None}},
        {1: room, 2: 4, 3: None},
    ]
    line = [*author(customer), make_header(room, 3, 0, customer.now_ms).encoded, b"\x82\x40\xf6", None]
    plain: list[tuple[str, Payload]] = [
        ("type 1", Text("ohne Einwilligung")),
        ("type 2", Receipt(ReceiptState.DELIVERED, (ContentId(b"r" * 16),))),
        ("type 3", AddressOnly()),
        ("type 4", Unsupported(4, None)),
        ("type 5", Sync(SyncKind.ASK, bytes(8), None, None, 0)),
        ("type 6", SignedList(customer.engine._state.own.device_list.signed)),
        ("type 7", Nothing()),
        *((f"type 9, signal {n}", OfRooms(ContentType.SIGNAL, one)) for n, one in enumerate(signals, 1)),
        ("type 10", OfRooms(ContentType.FORWARD, {1: room, 2: [line]})),
        ("type 11", OfRooms(ContentType.DOSSIER, {1: b"list", 2: [[b"record", None, None]]})),
        ("type 12", OfRooms(ContentType.ROSTER, {1: b"m", 2: b"r", 3: [], 4: [], 5: [], 6: []})),
        ("type 13", Unsupported(13, None)),
    ]
    for name, payload in plain:
        yield name, of_no_room(payload)
    forged = sign_withdrawal(STRANGER, HASH, room, customer.now_ms, 1)
    for kind, value in {**PAYLOADS, Kind.WITHDRAW: forged}.items():
        yield f"type 8, kind {kind:d}", entry(customer, room, kind, value)


def opening(customer: Node, company: Node, **about: Any) -> Content:
    """An `open` of a customer; `about` changes what its receipt says, who signs it and for which room."""
    notice = acceptance(company).notice
    said: dict[str, Any] = {
        "notice_hash": notice.hash,
        "locale": "de",
        "mode": notice.mode,
        "purposes": 1,
        "label": None,
    }
    said |= {"room": room_of(customer, company), "key": signing_key(customer), "opens": NONCE, **about}
    terms = Terms(said["notice_hash"], said["locale"], said["mode"], said["purposes"])
    receipt = sign_receipt(said["key"], terms, customer.now_ms, said["room"], 1_000)
    payload = {1: said["opens"], 2: said.get("receipt", receipt)}
    return entry(customer, room_of(customer, company), Kind.OPEN, payload, 0)


def bad_opens(customer: Node, company: Node) -> Iterator[tuple[str, Content]]:
    """Yield an `open` with each way in which a receipt does not count (CNS-06, CNS-07, ROOM-01)."""
    key, room = signing_key(customer), room_of(customer, company)
    bad: dict[str, dict[str, Any]] = {
        "signed by somebody else": {"key": STRANGER},
        "of another room": {"room": room_of(customer, company, b"o" * 16)},
        "of another account": {"room": room_id(account(company), account(company), NONCE)},
        "of a notice that nobody knows": {"notice_hash": HASH},
        "of another mode": {"mode": Mode.EXPLICIT},
        "of a language that the notice has not": {"locale": "fr"},
        "without a required purpose": {"purposes": 2},
        "with a purpose that the notice has not": {"purposes": 0b1001},
        "with a nonce of another room": {"opens": b"o" * 16},
        "with a withdrawal in its place": {"receipt": sign_withdrawal(key, HASH, room, customer.now_ms, 1)},
        "with garbage in its place": {"receipt": b"receipt"},
    }
    for name, about in bad.items():
        yield name, opening(customer, company, **about)


def is_counted(payload: Payload) -> bool:
    """Whether a content has a number: texts, and what is posted (TRN-29)."""
    return isinstance(payload, Text) or (
        isinstance(payload, OfRooms) and payload.type is not ContentType.SIGNAL
    )


def seal(customer: Node, company: Node, content: Content) -> bytes:
    """Seal a content for a company's device, on the session that there is; return the body."""
    engine, now_ms = customer.engine, customer.now_ms
    turn, state = engine._step(now_ms), engine._state
    peer = state.peers[account(company) + this(company)]
    held = peer.pair.active or peer.pair.candidate
    assert held is not None
    session = state.sessions[held.id]
    if is_counted(content.payload):
        pair, number = pairs.give(peer.pair)
        state.set_pair(turn, peer, pair)
        content = content._replace(number=number)
    if isinstance(content.payload, AddressOnly):
        content = content._replace(way_back=engine._context.sending.way_back(peer.contact))
    content = engine._context.sending._dressed(peer, session, content)
    ports = state.ports
    sealed = sessions.seal(session, content, now_ms, ports.rng, ports.encapsulate)
    state.store_session(turn, peer, session, sealed.session)
    customer.carry_out(turn.effects())
    return sealed.envelope
