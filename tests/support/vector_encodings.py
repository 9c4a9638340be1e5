"""The encodings of the vector files by the rule of wire.cddl that describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cbor2
from vector_files import load, unhex

KEM_RULES = (
    "kem-key-due",
    "kem-offering",
    "kem-secret-held",
    "kem-collecting",
    "kem-ciphertext-due",
    "kem-answering",
)


def _identity() -> dict[str, list[bytes]]:
    """Rule to encodings, of chapter 05."""
    file = load("identity.json")
    prekeys = {case["kind"]: case for case in file["prekeys"]}
    kem_kinds, x_kinds = ("PQK_ONE_TIME", "PQK_LAST_RESORT"), ("SPK", "OPK")

    def of(kinds: Sequence[str], name: str) -> list[bytes]:
        return [unhex(prekeys[kind][name]) for kind in kinds]

    return {
        "device-record": [unhex(case["record"]) for case in file["records"]],
        "device-list": [unhex(case["list"]) for case in file["lists"]],
        "signed-device-list": [unhex(case["signed"]) for case in file["lists"]],
        "invite-request": [unhex(load("invite.json")["messages"][0]["message"])],
        "invite-welcome": [unhex(load("invite.json")["messages"][2]["message"])],
        "card-checked": [unhex(case["checked"]) for case in load("card.json")["cases"]],
        "x25519-prekey": of(x_kinds, "prekey"),
        "kem-prekey": of(kem_kinds, "prekey"),
        "prekey": of((*x_kinds, *kem_kinds), "prekey"),
        "signed-prekey": of((*x_kinds, *kem_kinds), "signed"),
        "signed-x25519-prekey": of(x_kinds, "signed"),
        "signed-kem-prekey": of(kem_kinds, "signed"),
        "compact-x25519-prekey": of(x_kinds, "compact"),
        "compact-kem-prekey": of(kem_kinds, "compact"),
        "bundle": [unhex(case["bundle"]) for case in file["bundles"]],
        "compact-bundle": [unhex(file["compact_bundle"])],
        "address": [unhex(file["address"]["address"])],
        "signed-address": [unhex(file["address"]["signed"])],
        "successor": [unhex(file["successor"]["successor"])],
        "signed-successor": [unhex(file["successor"]["signed"])],
    }


def _ignored_at_64(encoded: str) -> list[bytes]:
    """A content as it is; one with ignored keys, once with the value of each of them under key 64."""
    value = cbor2.loads(unhex(encoded))
    known = {key: item for key, item in value.items() if key < 64}
    ignored = [item for key, item in value.items() if key >= 64]
    return [cbor2.dumps({**known, 64: item}) for item in ignored] or [unhex(encoded)]


def _stored() -> dict[str, list[bytes]]:
    """Rule to encodings, of chapter 12."""
    file = load("snapshot.json")
    sessions = [unhex(case["session"]) for case in file["cases"]]
    kems = [cbor2.dumps(cbor2.loads(one)[16]) for one in sessions]
    by_state = {rule: [one for one in kems if cbor2.loads(one)[0] == at] for at, rule in enumerate(KEM_RULES)}
    chosen = {
        "started": [one[6] for one in map(cbor2.loads, sessions) if isinstance(one[6], list)],
        "stored-sending": [one[11] for one in map(cbor2.loads, sessions)],
        "receiving-chain": [one[12] for one in map(cbor2.loads, sessions)],
        "some-key-pieces": [
            kem[at] for kem in map(cbor2.loads, kems) for kind, at in ((3, 1), (5, 5)) if kem[0] == kind
        ],
        "some-ciphertext-pieces": [kem[3] for kem in map(cbor2.loads, kems) if kem[0] == 1],
    }
    parts = {rule: [cbor2.dumps(one) for one in found if one is not None] for rule, found in chosen.items()}
    rows = [unhex(row["value"]) for case in file["cases"] for row in case["skipped"]]
    pairs = [unhex(case["pair"]) for case in file["pairs"]]
    named = _stored_parts([cbor2.loads(one) for one in pairs])
    whole = {"stored-session": sessions, "stored-skipped": rows, "stored-pair": pairs}
    return {**whole, **by_state, **parts, **named}


def _stored_parts(pairs: list[Any]) -> dict[str, list[bytes]]:
    """Rule to encodings, of the parts of a stored pair that are there."""
    places = {"wanted": 4, "candidate": 5, "open-ask": 6, "budget": 10, "received": 12}
    found = {rule: [pair[at] for pair in pairs if pair[at] is not None] for rule, at in places.items()}
    found["standing"] = [one for pair in pairs for one in pair[1]]
    return {rule: [cbor2.dumps(one) for one in ones] for rule, ones in found.items()}


def _flights() -> dict[str, list[bytes]]:
    """Rule to encodings, of chapters 04, 06 and 10."""
    cases = load("handshake.json")["cases"]
    plain = [unhex(case["identity_plain"]).rstrip(b"\0")[:-1] for case in cases]
    return {
        "transcript-with-opk": [unhex(case["t0_input"]) for case in cases if case["opk"]],
        "transcript-without-opk": [unhex(case["t0_input"]) for case in cases if not case["opk"]],
        "transcript-0": [unhex(case["t0_input"]) for case in cases],
        "sealed-identity-plain": plain,
        "content": [one for case in load("content.json")["cases"] for one in _ignored_at_64(case["encoded"])],
    }


# Rules of payloads by kind; those that are missing are one signed structure, or null.
PAYLOAD_RULES = {
    1: "payload-open",
    2: "payload-state",
    3: "payload-text",
    4: "payload-edit",
    5: "payload-erase",
    6: "payload-erased",
    7: "payload-file",
    8: "signed-bytes",
    10: "payload-act",
    12: "payload-notice",
    14: "payload-reach",
    15: "payload-sensitive",
    16: "payload-access",
    18: "payload-form",
    19: "payload-answer",
    20: "payload-rating",
    22: "payload-refusal",
}
SIGNAL_RULES = {1: "typing-signal", 2: "want-signal", 3: "request-signal", 4: "waiting-signal"}


def _rooms() -> dict[str, list[bytes]]:
    """Rule to encodings, of chapters 16 and 17."""
    entries, file = load("transcript.json")["entries"], load("rooms.json")
    payloads = [(case["kind"], unhex(case["payload"])) for case in file["payloads"]]
    of_kind = {
        rule: [one for kind, one in payloads if kind == wanted] for wanted, rule in PAYLOAD_RULES.items()
    }
    signals = [unhex(case["signal"]) for case in file["signals"]]
    by_kind = {
        rule: [one for one in signals if cbor2.loads(one)[2] == wanted]
        for wanted, rule in SIGNAL_RULES.items()
    }
    lines = [unhex(case[name]) for case in entries for name in ("line", "redacted")]
    dossier = unhex(file["dossier"])
    room_id = unhex(load("transcript.json")["room_id"])
    named = {
        "room-entry": [unhex(case["content"]) for case in entries],
        "entry-header": [unhex(case["header"]) for case in entries],
        "room-signal": signals,
        "line": lines,
        "forward": [cbor2.dumps({1: room_id, 2: [cbor2.loads(one) for one in lines]})],
        "dossier": [dossier],
        "dossier-contact": [cbor2.dumps(one) for one in cbor2.loads(dossier)[2]],
    }
    return {**named, **by_kind, **of_kind, **_room_parts(payloads, by_kind)}


def _room_parts(payloads: list[tuple[int, bytes]], signals: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    """Rule to encodings, of parts of payloads and signals that the validator does not look into."""
    values = [(kind, cbor2.loads(one)) for kind, one in payloads]
    requests = [cbor2.loads(one)[3] for one in signals["request-signal"]]
    waiting = [cbor2.loads(one)[3] for one in signals["waiting-signal"]]
    parts = {
        "request": requests,
        "waiting": [one for one in waiting if one is not None],
        "wanted-range": [row for one in signals["want-signal"] for row in cbor2.loads(one)[3]],
        "ends": [value[4] for kind, value in values if kind == 16 and value[4] is not None],
        "question": [row for kind, value in values if kind == 18 for row in value[2]],
        "answered": [row for kind, value in values if kind == 19 for row in value[2]],
        "roster-ref": [value[8] for kind, value in values if kind == 2],
        "retention": [value[10] for kind, value in values if kind == 2],
        "list-head": [value[7] for kind, value in values if kind == 2 and value[7] is not None],
        "notice-text": [value[1][0] for kind, value in values if kind == 12],
    }
    return {rule: [cbor2.dumps(one) for one in found] for rule, found in parts.items()}


def _row(row: list[Any]) -> bytes:
    return cbor2.dumps([*row[:3], unhex(row[3]), *row[4:]])


def _company() -> dict[str, list[bytes]]:
    """Rule to encodings, of chapters 15 and 18."""
    file, consent = load("accounts.json"), load("consent.json")
    single = {
        "assets": [load("assets.json")],
        "channels": [file["channels"]],
        "notice": [consent["notice"]],
        "mandate": file["mandates"],
    }
    named = {"roster": file["rosters"], "receipt": consent["receipts"], "withdrawal": consent["withdrawals"]}
    cases = single | {rule: list(found.values()) for rule, found in named.items()}
    return {
        **{rule: [unhex(one["encoded"]) for one in found] for rule, found in cases.items()},
        **{f"signed-{rule}": [unhex(one["signed"]) for one in found] for rule, found in cases.items()},
        "agent-card": [unhex(one["card"]) for one in file["cards"].values()],
        "team-slot": [unhex(one) for one in file["slots"].values()],
        "roster-payload": [unhex(file["content"])],
        "door": [unhex(consent["door"])],
        "http-header": [cbor2.dumps(row) for one in load("assets.json")["header_sets"] for row in one],
        "asset": [_row(one) for one in load("assets.json")["files"]],
        "proof": [unhex(one["proof"]) for one in load("proof.json")["proofs"]],
    }


REAL = _identity() | _stored() | _flights() | _rooms() | _company()
