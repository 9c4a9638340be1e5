"""spec/wire.cddl against encodings of the core and of the relay's frames, and against what it must refuse.

The validator has faults: `.cbor` inside an array is tried on every item of the array; `bytes .size n` takes a
text of that length too; the length of an array of arrays is not looked at; a key `uint .ge n` takes n only; a
choice in an array fails unless it has a name, and then a chosen array is not looked into. For the last one,
what may be chosen is validated by itself. For the first one, encodings that are embedded in byte strings are
taken out of the schema here and checked one by one, each by its own rule;
the schema itself stays as the standard has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import cbor2
import checkout
import pytest
from e2ee_relay import frames, protocol
from e2ee_relay.protocol import Role
from vector_encodings import REAL

PATH = checkout.ROOT / "spec" / "wire.cddl"
if not (PATH.parent / "04-wire.md").exists():
    pytest.skip("only the vectors are here, not the chapters", allow_module_level=True)
pycddl = pytest.importorskip("pycddl", reason="pycddl has no wheel for this Python or machine")

TEXT = PATH.read_text("utf-8")
PLAIN = re.sub(r";.*", "", TEXT)
RULES = dict(re.findall(r"^([a-z0-9-]+) = (.*?)(?=^[a-z0-9-]+ = |\Z)", PLAIN, re.MULTILINE | re.DOTALL))
EMBEDDED = re.compile(r"bytes \.cbor ([a-z0-9-]+)")
OPERATIONS = {
    int(code): rule
    for rule, code in re.findall(r"^([a-z0-9-]+) = \{\s*0: (\d+), *\s+1:", PLAIN, re.MULTILINE)
}


@cache
def _schema(rule: str) -> Any:
    return pycddl.Schema(f"root = {rule}\n" + EMBEDDED.sub("bytes", TEXT))


def _parts(rule: str) -> Iterator[tuple[int, str]]:
    """Key or index of each embedded encoding in an array or map, with the rule that it follows."""
    body = RULES[rule].strip()
    if not body.startswith(("[", "{")):
        return
    for index, entry in enumerate(body[1:-1].strip().rstrip(",").split(",")):
        found = EMBEDDED.search(entry)
        key = re.match(r"\s*(\d+):", entry)
        if found:
            yield int(key[1]) if key else index, found[1]


def validate(rule: str, encoded: bytes) -> None:
    """Checks an encoding and what is embedded in it; raises `pycddl.ValidationError`."""
    _schema(rule).validate_cbor(encoded)
    value = cbor2.loads(encoded)
    for at, inner in _parts(rule):
        if value[at] is not None:
            validate(inner, value[at])


def refused(rule: str, encoded: bytes) -> bool:
    """Whether the schema refuses an encoding."""
    try:
        validate(rule, encoded)
    except pycddl.ValidationError:
        return True
    return False


@pytest.mark.parametrize("rule", REAL)
def test_structures(rule: str) -> None:
    """WIRE-05, WIRE-15, ID-03, ID-06, ID-14, ID-16, ID-19, ID-20, SES-14, CON-01, TRN-02, TRN-04, TRN-17,
    TRN-21, TRN-25, ROOM-04, ROOM-25, ACC-03, CNS-02: real ones are accepted.
    """
    assert REAL[rule]
    for encoded in REAL[rule]:
        validate(rule, encoded)


LIMITS = protocol.Limits(*range(18))
B16, B32, B64 = bytes(16), bytes(32), bytes(64)
REQUESTS: tuple[protocol.Request, ...] = (
    protocol.CreateMailbox(1, B16, B32),
    protocol.CreateMailbox(2**32 - 1, B16, B32, b"1" * 16, b"secret"),
    protocol.Auth(2, (B16, B16), B32, B64),
    protocol.TokenAdd(3, B16, (B32,), protocol.TokenClass.FRONT_DOOR),
    protocol.TokenRevoke(4, B16, (B32,) * 256),
    protocol.Send(5, (protocol.SendItem(B16, B32, B16, protocol.TtlClass.RETENTION, b"", bytes(98304)),)),
    protocol.Subscribe(6, (B16,)),
    protocol.Ack(7, B16, (1, 2**64 - 1)),
    protocol.Publish(8, B32, (b"l",), (b"r",), (b"a",)),
    protocol.Publish(8, B32, (b"l",), (b"r",), (None,), bytes(4096)),
    protocol.Lookup(9, B32, 0),
    protocol.PrekeysUpload(10, B32, B32, b"s", b"p", (b"o",), ()),
    protocol.PrekeysUpload(10, B32, B32, None, None, (), (b"k",) * 200),
    protocol.PrekeysCount(11, B32, B32),
    protocol.PrekeysFetch(12, B32, B32, B32),
    protocol.DeleteMailbox(13, B16),
    protocol.Ping(14),
    protocol.BlobOpen(15, B16, B32, B32, B32, 2**64 - 1),
    protocol.BlobPut(16, B32, B32, 0, bytes(65_552)),
    protocol.BlobGet(17, B32, 2**64 - 1, 8),
    protocol.BlobDrop(18, B32),
    protocol.BlobDrop(18, B32, B32),
)
ANSWERS: tuple[protocol.Response | protocol.Push, ...] = (
    protocol.ErrorReply(1, protocol.ErrorCode.QUOTA, 5000),
    protocol.Done(1),
    protocol.AuthResult(1, ()),
    protocol.SendResults(1, (protocol.SendResult(protocol.ErrorCode.OK),)),
    protocol.LookupResult(1, (b"l",), (b"r",), (None,), True),
    protocol.LookupResult(1, (b"l",), (), (), False, (bytes(4096),) * 16),
    protocol.PrekeysStock(1, 1, 2, 3, 4, None, 6),
    protocol.PrekeysBundle(1, b"b", True, False),
    protocol.BlobState(1, 0, 1, 2**64 - 1),
    protocol.BlobData(1, (bytes(65_552),) * 8),
    protocol.Hello(0, 1, "relay.example", B32, LIMITS, protocol.OPERATIONS),
    protocol.Message(0, B16, 1, B16, b"body", 3_600_000),
    protocol.QueueEmpty(0, B16),
    protocol.Displaced(0, B16),
    protocol.LowPrekeys(0, B32, B32, 1, 2),
    protocol.GoAway(0, 1000),
)


def test_every_frame_is_among_the_examples() -> None:
    """RLY-04: an operation that the code adds must come into the schema."""
    assert {frame.OP for frame in REQUESTS} == set(protocol.OPERATIONS)
    assert {frame.OP for frame in ANSWERS} == set(frames._ANSWERS)
    assert set(OPERATIONS) == set(protocol.OPERATIONS) | set(frames._ANSWERS)


@pytest.mark.parametrize("frame", REQUESTS, ids=lambda frame: type(frame).__name__)
def test_requests(frame: protocol.Request) -> None:
    """RLY-01, RLY-04."""
    encoded = protocol.encode_frames([frame])
    validate("relay-requests", encoded)
    assert refused("relay-answers", encoded)
    assert protocol.decode_frames(encoded, Role.RELAY) == [frame]


@pytest.mark.parametrize("frame", ANSWERS, ids=lambda frame: type(frame).__name__)
def test_answers_and_pushes(frame: protocol.Response | protocol.Push) -> None:
    """RLY-01, RLY-04, RLY-08."""
    encoded = protocol.encode_frames([frame])
    validate("relay-answers", encoded)
    assert refused("relay-requests", encoded)
    assert protocol.decode_frames(encoded, Role.CLIENT) == [frame]


def test_what_auth_signs() -> None:
    """RLY-22."""
    payload = protocol.auth_payload("relay.example", B32, [B16, B16])
    validate("relay-auth-input", payload[16:])
    assert refused("relay-auth-input", payload)


def test_unknown_limits_are_accepted_and_missing_ones_not() -> None:
    """RLY-11."""
    limits: dict[int, Any] = LIMITS.as_map()
    validate("limits", cbor2.dumps({**limits, 18: "new"}))
    assert all(refused("limits", cbor2.dumps(_without(limits, key))) for key in limits)


def _without(entries: Mapping[int, Any], key: int) -> dict[int, Any]:
    return {other: value for other, value in entries.items() if other != key}


def _maps() -> Iterator[tuple[str, dict[int, Any]]]:
    for rule, encodings in REAL.items():
        value = cbor2.loads(encodings[0])
        if isinstance(value, dict):
            yield rule, value
    for frame in (*REQUESTS, *ANSWERS):
        yield OPERATIONS[frame.OP], cbor2.loads(protocol.encode_frame(frame))


@pytest.mark.parametrize(("rule", "entries"), list(_maps()))
def test_maps_have_just_their_keys(rule: str, entries: dict[int, Any]) -> None:
    """WIRE-05, RLY-04: no key can go, none can come, and none can hold a float."""
    assert not refused(rule, cbor2.dumps(entries))
    assert all(refused(rule, cbor2.dumps(_without(entries, key))) for key in entries)
    assert refused(rule, cbor2.dumps({**entries, 63: 0}))
    assert refused(rule, cbor2.dumps({"1": 0} | entries))
    assert all(refused(rule, cbor2.dumps({**entries, key: 1.5})) for key in entries)


@pytest.mark.parametrize("rule", [rule for rule in REAL if isinstance(cbor2.loads(REAL[rule][0]), list)])
def test_arrays_have_just_their_items(rule: str) -> None:
    """WIRE-05."""
    items = cbor2.loads(REAL[rule][0])
    assert refused(rule, cbor2.dumps(items[:-1]))
    assert refused(rule, cbor2.dumps([*items, b""]))
    assert all(refused(rule, cbor2.dumps([*items[:at], 1.5, *items[at + 1 :]])) for at in range(len(items)))


def _changed(rule: str, key: int, value: Any) -> tuple[str, bytes]:
    return rule, cbor2.dumps({**cbor2.loads(REAL[rule][0]), key: value})


def _stored_as(rule: str, at: int, item: Any) -> tuple[str, bytes]:
    items = cbor2.loads(REAL[rule][0])
    return rule, cbor2.dumps([*items[:at], item, *items[at + 1 :]])


DEFECTS: dict[str, tuple[str, bytes]] = {
    "record of version 2": _changed("device-record", 1, 2),
    "record with two suites": _changed("device-record", 2, [1, 2]),
    "record without suites": _changed("device-record", 2, []),
    "record of kind 3": _changed("device-record", 7, 3),
    "record with flag 2": _changed("device-record", 8, 2),
    "record with a short key": _changed("device-record", 6, bytes(31)),
    "record created before 1970": _changed("device-record", 9, -1),
    "record beyond 2^53": _changed("device-record", 10, 2**53),
    "list with seq 0": _changed("device-list", 3, 0),
    "list with seq 2^31": _changed("device-list", 3, 2**31),
    "list with 17 records": _changed("device-list", 8, [bytes(32)] * 17),
    "list with a short record hash": _changed("device-list", 8, [bytes(31)]),
    "list with a number as prev_hash": _changed("device-list", 4, 7),
    "prekey with id 0": _changed("x25519-prekey", 6, 0),
    "prekey with id 2^32": _changed("x25519-prekey", 6, 2**32),
    "prekey of usage 3": _changed("x25519-prekey", 5, 3),
    "prekey of type 3": _changed("prekey", 4, 3),
    "X25519 prekey with a KEM key": _changed("prekey", 8, bytes(1184)),
    "KEM prekey with a short key": _changed("kem-prekey", 8, bytes(1183)),
    "bundle with a KEM key as SPK": _changed("bundle", 3, REAL["signed-kem-prekey"][0]),
    "bundle with an SPK as PQK": _changed("bundle", 5, REAL["signed-x25519-prekey"][0]),
    "bundle with a bare record as list": _changed("bundle", 2, REAL["device-record"][0]),
    "compact bundle with a KEM key as OPK": _changed(
        "compact-bundle", 3, [cbor2.loads(REAL["compact-kem-prekey"][0])]
    ),
    "address with a long token": _changed("address", 4, bytes(33)),
    "successor without a time": _changed("successor", 4, None),
    "stored session of format 2": _stored_as("stored-session", 0, 2),
    "stored session with a short root key": _stored_as("stored-session", 10, bytes(31)),
    "stored session with a KEM state 6": _stored_as("stored-session", 16, [6]),
    "stored session whose epoch is 2^31": _stored_as("stored-session", 14, 2**31),
    "stored offer of -1 pieces": _stored_as("kem-offering", 2, -1),
    "stored key of 1183 bytes": _stored_as("kem-ciphertext-due", 1, bytes(1183)),
    "stored answer without its confirmation": _stored_as("kem-answering", 2, bytes(1088)),
    "stored piece of 255 bytes": _stored_as("some-key-pieces", 1, [bytes(255), *[None] * 4]),
    "stored last piece with its fill": _stored_as("some-key-pieces", 1, [*[None] * 4, bytes(256)]),
    "stored last piece of a key for a ciphertext": _stored_as(
        "some-ciphertext-pieces", 1, [*[None] * 4, bytes(160)]
    ),
    "four stored pieces": _stored_as("some-key-pieces", 1, [None] * 4),
    "stored skipped key of format 2": _stored_as("stored-skipped", 0, 2),
    "content that says nothing, with a payload": _changed("content", 1, 7),
    "content with an empty text": _changed("content", 4, {1: ""}),
    "content with a short id": _changed("content", 2, bytes(15)),
    "stored pair of format 1": _stored_as("stored-pair", 0, 1),
    "stored session of a pair with a short id": _stored_as("standing", 0, bytes(31)),
    "stored missing texts without an end": _stored_as("received", 4, [[1]]),
    "stored number of 2^53": _stored_as("received", 0, 2**53),
    "content with epoch 2^32": _changed("content", 6, 2**32),
    "text that is not a text": _changed("content", 4, {1: True}),
    "receipt of state 3": _changed("content", 1, 2),
    "text without a number": _changed("content", 9, b""),
    "content of type 2^32": _changed("content", 1, 2**32),
    "content of type list with a text": _changed("content", 1, 6),
    "header of kind 64": _changed("entry-header", 2, 64),
    "header with a tag of 4": _changed("entry-header", 5, [[bytes(4), 0, B32]]),
    "state of phase 6": _changed("payload-state", 4, 6),
    "state with 13 members": _changed("payload-state", 5, [B16] * 13),
    "state with a class 5": _stored_as("retention", 0, 5),
    "text of 16 385 bytes": _changed("payload-text", 1, "x" * 16_385),
    "text by no machine": _changed("payload-text", 4, False),
    "erasure of 65 entries": _changed("payload-erase", 1, [B32] * 65),
    "file over 64 MiB": _changed("payload-file", 5, 2**26 + 1),
    "act 6": _changed("payload-act", 1, 6),
    "rating of 6": _changed("payload-rating", 1, 6),
    "question with 13 options": _stored_as("question", 4, ["x"] * 13),
    "refusal of 16 bytes": _changed("payload-refusal", 1, B16),
    "range of a tag of 4": _stored_as("wanted-range", 0, bytes(4)),
    "request 6": _changed("request", 2, 6),
    "line of a short account": _stored_as("line", 0, bytes(31)),
    "dossier with a record as text": _stored_as("dossier-contact", 0, "x"),
    "mandate with 17 supervisors": _changed("mandate", 8, [bytes(16)] * 17),
    "mandate with a short roster key": _changed("mandate", 6, bytes(31)),
    "roster of mandate 0": _changed("roster", 3, 0),
    "roster with a short notice hash": _changed("roster", 9, bytes(31)),
    "notice of mode 4": _changed("notice", 5, 4),
    "notice without texts": _changed("notice", 19, []),
    "receipt of number 0": _changed("receipt", 7, 0),
    "withdrawal with a short hash": _changed("withdrawal", 1, bytes(31)),
    "request with id 0": ("ping", cbor2.dumps({0: 14, 1: 0})),
    "push with id 1": ("queue-empty", cbor2.dumps({0: 130, 1: 1, 2: B16})),
    "unknown operation": ("relay-requests", cbor2.dumps([{0: 15, 1: 1}])),
    "no frames": ("relay-requests", cbor2.dumps([])),
    "513 frames": ("relay-requests", cbor2.dumps([{0: 14, 1: 1}] * 513)),
    "body of 96 KiB and one": ("body", cbor2.dumps(bytes(98305))),
    "empty body": ("body", cbor2.dumps(b"")),
    "ACK of seq 0": ("ack", cbor2.dumps({0: 7, 1: 1, 2: B16, 3: [0]})),
    "send item of class 3": ("send-item", cbor2.dumps([B16, B32, B16, 3, b"", b"x"])),
    "error code 16": ("error", cbor2.dumps({0: 63, 1: 1, 2: 16, 3: 0})),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_the_schema_refuses(name: str) -> None:
    """WIRE-03, WIRE-05, ID-03, ID-06, ID-15, SES-14, CON-03, CON-04, CON-07, CON-11, RLY-04, RLY-06,
    RLY-08, TRN-02, TRN-21, TRN-25, ROOM-04, ROOM-25.
    """
    assert refused(*DEFECTS[name])


def test_every_rule_is_reached_from_what_is_validated() -> None:
    """A rule that nothing uses describes nothing."""
    roots = {*REAL, "relay-requests", "relay-answers", "relay-auth-input", "sealed-identity-plain"}
    reached, waiting = set(), list(roots)
    while waiting:
        rule = waiting.pop()
        if rule not in reached:
            reached.add(rule)
            waiting += [name for name in re.findall(r"[a-z][a-z0-9-]*", RULES[rule]) if name in RULES]
    assert reached == set(RULES)
