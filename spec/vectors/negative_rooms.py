"""Defects of chapters 16 and 17: entries, payloads, signals, lines, states above their authors' rights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from spec.vectors import parties
from spec.vectors.defects import Negative, flipped
from spec.vectors.room_vectors import (
    AGENT,
    CLIENT,
    DESK,
    FILE,
    NONCE,
    QUESTION,
    Made,
    accepted,
    dossier,
    first_state,
    room_id,
)
from spec.vectors.suite import NOW_MS, Value, cbor, draw, hash_, sign, sign_public

SOME: Final = draw("some entry", 32)
MANY: Final[list[Value]] = [draw(f"entry {at}", 32) for at in range(65)]
CONTENT, SIGNATURE, RIGHT = "remote.content", "room.signature", "room.right"


def _negative(name: str, rules: str, operation: str, given: dict[str, Any], error: str) -> Negative:
    words = name.replace("-", " ").capitalize()
    return Negative(name, f"{words}.", rules, operation, given, error)


# --- entries ---


def entry_input(made: Made, **changed: Any) -> dict[str, Any]:
    """What an entry is read from; some of it may be changed."""
    owner = made.owner
    whole = {
        "account_id": owner.account_id,
        "device_id": owner.device_id,
        "sign_public": None if made.signature is None else sign_public(owner.sign_seed),
        "content": cbor(made.carried),
        "content_id": made.hash[:16],
        "sent_ms": made.sent_ms,
    }
    return {**whole, **changed}


def entries() -> Iterator[Negative]:
    """Contents of type 8."""
    ours, theirs = Made(AGENT, 3, 0, {1: "x"}), Made(CLIENT, 3, 0, {1: "x"})
    bare: dict[int, Value] = {1: ours.header, 2: ours.body}
    yield _of("entry-of-the-company-unsigned", entry_input(ours, content=cbor(bare)), SIGNATURE)
    signed: dict[int, Value] = {**theirs.carried, 3: sign(CLIENT.sign_seed, "SR1-sig-entry", theirs.hash)}
    yield _of("entry-of-the-customer-signed", entry_input(theirs, content=cbor(signed)), SIGNATURE)
    wrong = {
        "by-another-device": sign(DESK.sign_seed, "SR1-sig-entry", ours.hash),
        "under-another-label": sign(AGENT.sign_seed, "SR1-sig-consent", ours.hash),
        "of-the-commitment-alone": sign(AGENT.sign_seed, "SR1-sig-entry", ours.commitment),
        "of-the-header-alone": sign(AGENT.sign_seed, "SR1-sig-entry", ours.header),
        "with-a-bit-flipped": flipped(sign(AGENT.sign_seed, "SR1-sig-entry", ours.hash), 5),
    }
    for name, signature in wrong.items():
        given = entry_input(ours, content=cbor({**bare, 3: signature}))
        yield _of(f"entry-signed-{name}", given, SIGNATURE)
    yield _of("entry-of-another-device", entry_input(ours, device_id=DESK.device_id), SIGNATURE)
    yield _of("entry-of-another-account", entry_input(ours, account_id=CLIENT.account_id), SIGNATURE)
    moved = Made(AGENT, 3, 1, {1: "x"}, prev=ours.hash)
    place: dict[int, Value] = {1: moved.header, 2: ours.body, 3: moved.signature}
    yield _of("entry-moved-to-another-place", entry_input(ours, content=cbor(place)), SIGNATURE)
    forms: dict[str, dict[int, Value]] = {
        "without-a-body": {1: ours.header, 3: ours.signature},
        "with-a-body-as-text": {**ours.carried, 2: "x"},
        "with-a-short-signature": {**bare, 3: bytes(63)},
        "with-a-key-added": {**ours.carried, 4: 0},
        "with-a-header-of-1025": {**ours.carried, 1: bytes(1025)},
        "with-a-body-of-32769": {**ours.carried, 2: bytes(32_769)},
    }
    for name, form in forms.items():
        yield _of(f"entry-{name}", entry_input(ours, content=cbor(form)), CONTENT)
    yield _of("entry-under-another-content-id", entry_input(theirs, content_id=bytes(16)), CONTENT)
    yield _of("entry-under-another-time", entry_input(theirs, sent_ms=NOW_MS + 1), CONTENT)
    yield from headers()


def headers() -> Iterator[Negative]:
    """Headers of a customer, so that nothing but their form is wrong."""
    link: list[Value] = [draw("tag", 8), 5, SOME]
    whole: dict[int, Value] = {1: room_id(), 2: 3, 3: 7, 4: SOME, 5: [link], 6: SOME, 7: NOW_MS}
    opened: dict[int, Value] = {1: room_id(), 2: 1, 3: 0, 7: NOW_MS}
    many: list[Value] = [[draw("tag", 8), at, SOME] for at in range(16)]
    cases: dict[str, dict[int, Value]] = {
        "room-short": {**whole, 1: bytes(15)},
        "kind-0": {**whole, 2: 0},
        "kind-64": {**whole, 2: 64},
        "n-2-to-53": {**whole, 3: 2**53},
        "prev-in-the-first": {**whole, 3: 0},
        "prev-null": {**whole, 4: None},
        "links-empty": {**whole, 5: []},
        "links-16": {**whole, 5: many},
        "links-descending": {**whole, 5: [[link[0], 6, SOME], link]},
        "link-doubled": {**whole, 5: [link, [link[0], 5, b"\xff" * 32]]},
        "link-tag-of-4": {**whole, 5: [[bytes(4), 5, SOME]]},
        "state-named-by-a-state": {**whole, 2: 2},
        "state-named-by-an-open": {**opened, 6: SOME},
        "open-that-is-not-the-first": {**opened, 3: 1},
        "open-with-a-link": {1: room_id(), 2: 1, 3: 0, 5: [link], 7: NOW_MS},
        "key-8": {**whole, 8: 0},
        "without-a-time": {key: item for key, item in whole.items() if key != 7},
    }
    body = cbor([bytes(16), None])
    for name, header in cases.items():
        encoded = cbor(header)
        data = CLIENT.account_id + CLIENT.device_id + hash_("SR1-commit", body) + encoded
        given = {
            "account_id": CLIENT.account_id,
            "device_id": CLIENT.device_id,
            "sign_public": None,
            "content": cbor({1: encoded, 2: body}),
            "content_id": hash_("SR1-entry", data)[:16],
            "sent_ms": NOW_MS,
        }
        yield _of(f"entry-header-{name}", given, CONTENT)


def _of(name: str, given: dict[str, Any], error: str) -> Negative:
    rules = "TRN-08" if error == SIGNATURE else "TRN-02 TRN-05 TRN-08"
    return _negative(name, rules, "entry.decode", given, error)


# --- payloads ---


def refused() -> dict[str, tuple[int, Value]]:
    """Kind and payload with one defect each, by name."""
    state, long = first_state(SOME), "ä" * 8192 + "x"
    device = DESK.device_id
    access: dict[int, Value] = {1: 2, 2: device, 3: 1, 4: [SOME, SOME], 5: None}
    question: list[Value] = [1, 2, "x", False, []]
    return {
        "open-nonce-short": (1, {1: bytes(15), 2: b"x"}),
        "open-receipt-of-8193": (1, {1: NONCE, 2: bytes(8193)}),
        "state-epoch-0": (2, {**state, 2: 0}),
        "state-epoch-2-to-31": (2, {**state, 2: 2**31}),
        "state-epoch-2-without-parent": (2, {**state, 2: 2, 3: None}),
        "state-phase-6": (2, {**state, 4: 6}),
        "state-members-13": (2, {**state, 5: [bytes((at,)) * 16 for at in range(13)], 6: None}),
        "state-members-descending": (2, {**state, 5: [b"b" * 16, b"a" * 16], 6: None}),
        "state-assigned-no-member": (2, {**state, 6: bytes(16)}),
        "state-list-seq-0": (2, {**state, 7: [0, SOME]}),
        "state-roster-without-hash": (2, {**state, 8: [1, 1]}),
        "state-class-5": (2, {**state, 10: [5, 0]}),
        "state-flag-4": (2, {**state, 11: 4}),
        "state-card-of-1025": (2, {**state, 13: [bytes(1025)]}),
        "state-cards-5": (2, {**state, 13: [b"c"] * 5}),
        "state-cards-of-2561": (2, {**state, 13: [bytes(1024), bytes(1024), bytes(513)]}),
        "state-text-of-201": (2, {**state, 14: "x" * 201}),
        "state-answers-17": (2, {**state, 15: [bytes((at,)) * 32 for at in range(17)]}),
        "state-answer-doubled": (2, {**state, 15: [SOME, SOME]}),
        "state-request-of-9": (2, {**state, 16: bytes(9)}),
        "state-key-17": (2, {**state, 17: 0}),
        "text-empty": (3, {1: ""}),
        "text-of-16385": (3, {1: long}),
        "text-reply-short": (3, {1: "x", 2: bytes(31)}),
        "text-language-of-36": (3, {1: "x", 3: "x" * 36}),
        "text-machine-false": (3, {1: "x", 4: False}),
        "text-machine-1": (3, {1: "x", 4: 1}),
        "edit-of-16385": (4, {1: SOME, 2: long}),
        "erase-nothing": (5, {1: []}),
        "erase-65": (5, {1: MANY}),
        "erased-outcome-4": (6, {1: None, 2: 4}),
        "erased-until-2-to-53": (6, {1: None, 2: 2, 3: 2**53}),
        "file-as-long-as-padded": (7, {**FILE, 5: 65_536}),
        "file-padded-too-far": (7, {**FILE, 3: 131_072}),
        "file-over-64-mib": (7, {**FILE, 3: 69_206_016, 5: 67_108_865}),
        "file-name-of-129": (7, {**FILE, 6: "x" * 129}),
        "file-name-of-130-bytes": (7, {**FILE, 6: "ä" * 65}),
        "file-name-with-a-path": (7, {**FILE, 6: "../x"}),
        "file-name-of-two-dots": (7, {**FILE, 6: ".."}),
        "file-name-with-a-backslash": (7, {**FILE, 6: "a\\b"}),
        "file-name-turned": (7, {**FILE, 6: "a\u202efdp.exe"}),
        "file-name-with-a-colon": (7, {**FILE, 6: "a.txt:b"}),
        "file-name-hidden": (7, {**FILE, 6: ".profile"}),
        "file-name-before-a-space": (7, {**FILE, 6: "a.pdf "}),
        "file-name-before-a-dot": (7, {**FILE, 6: "a.pdf."}),
        "file-name-of-a-device": (7, {**FILE, 6: "Com1 .pdf"}),
        "file-name-of-a-line": (7, {**FILE, 6: "a\n.pdf"}),
        "file-payer-of-15": (7, {**FILE, 9: bytes(15)}),
        "file-without-payer": (7, {key: one for key, one in FILE.items() if key != 9}),
        "file-type-of-65": (7, {**FILE, 7: "x" * 65}),
        "consent-empty": (8, b""),
        "withdraw-as-array": (9, [b"x", bytes(64)]),
        "act-6": (10, {1: 6}),
        "notice-without-text": (12, [b"x", []]),
        "notice-of-two-locales": (12, [b"x", [["de", b"x"], ["en", b"x"]]]),
        "notice-of-16385": (12, [b"x", [["de", bytes(16_385)]]]),
        "notice-locale-of-6": (12, [b"x", [["de-AT1", b"x"]]]),
        "notice-locale-in-upper-case": (12, [b"x", [["DE", b"x"]]]),
        "channels-as-text": (13, "x"),
        "reach-without-a-domain": (14, {1: "a@"}),
        "reach-with-two-lines": (14, {1: "a@b.example\r\nBcc: c@d.example"}),
        "reach-local-part-of-65": (14, {1: "x" * 65 + "@b.example"}),
        "sensitive-nothing": (15, {1: []}),
        "access-5": (16, {**access, 1: 5}),
        "access-handover-to-nobody": (16, {**access, 2: None}),
        "access-handover-of-nothing": (16, {**access, 3: 0}),
        "access-handover-without-ends": (16, {**access, 4: None}),
        "identify-as-map": (17, {1: b"x"}),
        "form-without-questions": (18, {1: "x", 2: []}),
        "form-13-questions": (18, {1: "x", 2: [[at, *question[1:]] for at in range(13)]}),
        "form-id-doubled": (18, {1: "x", 2: [question, question]}),
        "form-choice-without-options": (18, {1: "x", 2: [[1, 1, "x", True, []]]}),
        "form-text-with-options": (18, {1: "x", 2: [[1, 2, *QUESTION[2:]]]}),
        "form-required-1": (18, {1: "x", 2: [[1, 2, "x", 1, []]]}),
        "answer-of-1001": (19, {1: SOME, 2: [[1, "x" * 1001]]}),
        "answer-as-bytes": (19, {1: SOME, 2: [[1, b"x"]]}),
        "answer-ids-descending": (19, {1: SOME, 2: [[2, "x"], [1, "x"]]}),
        "rating-6": (20, {1: 6}),
        "rating-text-of-501": (20, {1: 5, 2: "x" * 501}),
        "mark-with-a-map": (21, {}),
        "refusal-of-16-bytes": (22, {1: bytes(16), 2: "x"}),
        "refusal-code-of-65": (22, {1: SOME, 2: "x" * 65}),
    }


def payloads() -> Iterator[Negative]:
    """Payloads by their kind."""
    for name, (kind, payload) in refused().items():
        given = {"kind": kind, "payload": cbor(payload)}
        rules = "ROOM-04 TRN-21" if kind == 2 else "TRN-21 TRN-22"
        yield _negative(f"payload-{name}", rules, "payload.decode", given, CONTENT)
    given = {"kind": 2, "payload": cbor({**first_state(SOME), 1: 2})}
    yield _negative("payload-state-version-2", "ROOM-04", "payload.decode", given, "remote.version")


# --- beside the transcript ---


def signals() -> Iterator[Negative]:
    """Signals, forwards, lines and dossiers."""
    room, where = room_id(), draw("tag", 8)
    request: dict[int, Value] = {1: bytes(8), 2: 1, 3: None, 4: None, 5: None}
    cases: dict[str, dict[int, Value]] = {
        "signal-6": {1: room, 2: 6, 3: None},
        "signal-held-null": {1: room, 2: 5, 3: None},
        "signal-held-of-31": {1: room, 2: 5, 3: bytes(31)},
        "signal-typing-with-more": {1: room, 2: 1, 3: None},
        "signal-want-of-nothing": {1: room, 2: 2, 3: []},
        "signal-want-backwards": {1: room, 2: 2, 3: [[where, 2, 1]]},
        "signal-want-65": {1: room, 2: 2, 3: [[where, 1, 1]] * 65},
        "signal-want-without-ranges": {1: room, 2: 2},
        "signal-request-id-of-7": {1: room, 2: 3, 3: {**request, 1: bytes(7)}},
        "signal-request-6": {1: room, 2: 3, 3: {**request, 2: 6}},
        "signal-request-reason-of-201": {1: room, 2: 3, 3: {**request, 5: "x" * 201}},
        "signal-waiting-without-a-team": {1: room, 2: 4, 3: {1: "", 2: "de", 3: 0}},
    }
    for name, value in cases.items():
        yield _negative(name, "TRN-14 TRN-25", "signal.decode", {"signal": cbor(value)}, CONTENT)
    line = Made(CLIENT, 3, 0, {1: "x"}).line()
    large = Made(CLIENT, 3, 0, {1: "x" * 16_384}).line()
    for name, lines in (("no-line", []), ("65-lines", [line] * 65), ("over-48-kib", [large] * 3)):
        given = {"forward": cbor({1: room, 2: lines})}
        yield _negative(f"forward-of-{name}", "TRN-15", "forward.decode", given, CONTENT)
    contacts = parties.prekey(CLIENT, parties.SPK, 9), parties.prekey(CLIENT, parties.PQK_LAST_RESORT, 9)
    bundle = parties.compact_entries(*contacts, [parties.prekey(CLIENT, parties.OPK, 1)], [])
    with_keys: list[Value] = [CLIENT.record, parties.way_back(CLIENT), bundle]
    for name, rows in (("with-one-time-keys", [with_keys]), ("of-nobody", [])):
        given = {"dossier": cbor({**dossier(), 2: rows})}
        yield _negative(f"dossier-{name}", "ROOM-25", "dossier.decode", given, CONTENT)
    yield from lines_()


def lines_() -> Iterator[Negative]:
    """Lines of a forward."""
    ours, theirs = Made(AGENT, 3, 0, {1: "x"}), Made(CLIENT, 3, 0, {1: "x"})
    stranger = parties.device("room stranger")
    mine, other = ours.line(), theirs.line()
    elsewhere = Made(CLIENT, 3, 0, {1: "x"}, room=draw("another room", 16))
    cases: dict[str, tuple[list[Value], str]] = {
        "of-the-company-unsigned": ([*mine[:4], None], SIGNATURE),
        "of-the-customer-signed": ([*other[:4], bytes(64)], SIGNATURE),
        "of-the-company-with-another-body": ([*mine[:3], other[3], mine[4]], SIGNATURE),
        "of-a-stranger": ([stranger.account_id, *other[1:]], "remote.identity"),
        "of-another-room": (elsewhere.line(), CONTENT),
        "with-four-items": (mine[:4], CONTENT),
        "with-a-bare-commitment-of-31": ([*other[:3], [bytes(31)], None], CONTENT),
        "without-body-and-commitment": ([*other[:3], None, None], CONTENT),
    }
    for name, (line, error) in cases.items():
        given = {
            "line": cbor(line),
            "room_id": room_id(),
            "company": AGENT.account_id,
            "customer": CLIENT.account_id,
            "device_id": AGENT.device_id,
            "sign_public": sign_public(AGENT.sign_seed),
        }
        yield _negative(f"forward-line-{name}", "TRN-17", "line.decode", given, error)


# --- rights ---


def states() -> Iterator[Negative]:
    """States above the rights of their authors, after one before them."""
    agent, desk, other, chief = (
        draw(f"rights {name}", 16) for name in ("agent", "desk", "other desk", "chief")
    )
    ranks: list[list[Any]] = sorted([[agent, 1], [desk, 2], [other, 2], [chief, 3]])
    old = {**first_state(SOME), 5: sorted([agent, desk, other]), 6: None, 8: [1, 5, SOME], 15: []}
    old = {**old, 7: [3, SOME]}
    new: dict[int, Any] = {**old, 2: 2, 3: draw("before", 32)}
    held = {**old, 11: 2}
    sensitive = {**old, 11: 1}
    statutory = {**old, 10: [3, 90 * 86_400]}
    cases: dict[str, tuple[bytes, dict[int, Any], dict[int, Any]]] = {
        "of-an-agent": (agent, old, new),
        "of-somebody-not-in-force": (draw("nobody", 16), old, new),
        "epoch-3": (desk, old, {**new, 2: 3}),
        "older-roster": (desk, old, {**new, 8: [1, 4, SOME]}),
        "older-list-of-the-customer": (desk, old, {**new, 7: [2, SOME]}),
        "other-list-of-the-customer": (desk, old, {**new, 7: [3, bytes(32)]}),
        "member-not-in-force": (chief, old, {**new, 5: sorted([agent, desk, other, bytes(16)])}),
        "supervisor-added-by-a-desk": (desk, old, {**new, 5: sorted([agent, desk, other, chief])}),
        "desk-removed-by-a-desk": (desk, old, {**new, 5: sorted([agent, desk])}),
        "frozen-without-an-act": (desk, old, {**new, 4: 3}),
        "withdrawn-reopened-without-an-act": (desk, {**old, 4: 4}, {**new, 4: 1}),
        "withdrawn-closed": (desk, {**old, 4: 4}, {**new, 4: 2, 15: [SOME]}),
        "erased-reopened": (chief, {**old, 4: 5}, {**new, 4: 1, 15: [SOME]}),
        "held-room-erased": (chief, held, {**new, 4: 5, 11: 2}),
        "hold-cleared-by-a-desk": (desk, held, {**new, 14: "x"}),
        "hold-set-without-a-text": (chief, old, {**new, 11: 2}),
        "mark-cleared-by-a-desk": (desk, sensitive, new),
        "retention-lengthened-by-a-desk": (desk, old, {**new, 9: bytes(32), 10: [2, 90 * 86_400 + 1]}),
        "retention-lengthened-under-the-same-notice": (chief, old, {**new, 10: [2, 90 * 86_400 + 1]}),
        "class-3-shortened-by-a-desk": (desk, statutory, {**new, 10: [3, 0]}),
        "class-3-room-erased": (chief, statutory, {**new, 4: 5, 10: [3, 90 * 86_400]}),
        "class-changed-by-a-desk": (desk, old, {**new, 10: [1, 1]}),
    }
    for name, (author, before, state) in cases.items():
        given = {"author": author, "before": cbor(before), "state": cbor(state), "ranks": ranks}
        rules = "ROOM-05 ROOM-07 ROOM-08 ROOM-09"
        yield _negative(f"state-{name}", rules, "state.check", given, RIGHT)


def all_rooms() -> Iterator[Negative]:
    """Every one of this module."""
    yield from entries()
    yield from payloads()
    yield from signals()
    yield from states()


def limits() -> list[tuple[str, str, str, dict[str, Any]]]:
    """Payloads at their limits, and the largest entry, for limits.json."""
    found = [
        (f"payload {at} of rooms.json", "TRN-21", "payload.decode", {"kind": kind, "payload": cbor(payload)})
        for at, (kind, payload) in enumerate(accepted())
    ]
    links = [(draw("tag", 8), 2**53 - 1 - 15 + at, SOME) for at in range(15)]
    blind_b, text_b = 16, 16_384
    largest = Made(
        *(CLIENT, 63, 2**53 - 1, [bytes(32_768 - blind_b - text_b - 9), bytes(text_b)]),
        prev=SOME,
        seen=links,
        state=SOME,
        sent_ms=2**53 - 1,
    )
    return [*found, ("the largest entry", "TRN-02 TRN-08", "entry.decode", entry_input(largest))]
