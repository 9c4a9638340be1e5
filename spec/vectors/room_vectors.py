"""transcript.json, order.json, room_heads.json and rooms.json: chapters 16 and 17."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from spec.vectors import act_cases, head_cases, parties, room_rules
from spec.vectors.document import diagnostic, render
from spec.vectors.head_cases import MEMBERS, roster, steward
from spec.vectors.parties import Device
from spec.vectors.room_rules import HOLD, MONTH_MS, SENSITIVE, Step, Team, View, Written
from spec.vectors.session_vectors import Choices
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, draw, hash_, sign, sign_public

AGENT: Final = parties.device("room agent", kind=1, account="room company")
DESK: Final = parties.device("room desk", kind=1, flags=1, account="room company")
CLIENT: Final = parties.device("room client", account="room customer")
NONCE: Final = draw("room nonce", 16)
SETS, ORDERED = 40, 200


def room_id() -> bytes:
    """The room of all vectors (ROOM-01)."""
    return hash_("SR1-room-id", DESK.account_id + CLIENT.account_id + NONCE)[:16]


def tag(owner: Device) -> bytes:
    """The tag of a device in it (TRN-03)."""
    return hash_("SR1-device-tag", room_id() + owner.device_id)[:8]


class Made:
    """An entry with everything that it is made of."""

    def __init__(
        self,
        owner: Device,
        kind: int,
        n: int,
        payload: Value,
        *,
        prev: bytes | None = None,
        seen: Sequence[tuple[bytes, int, bytes]] = (),
        state: bytes | None = None,
        sent_ms: int = NOW_MS,
        room: bytes | None = None,
    ) -> None:
        optional: dict[int, Value] = {4: prev, 5: [list(link) for link in seen] or None, 6: state}
        first: dict[int, Value] = {1: room or room_id(), 2: kind, 3: n}
        self.owner, self.kind, self.n, self.sent_ms = owner, kind, n, sent_ms
        self.entries = {**first, **{key: one for key, one in optional.items() if one is not None}, 7: sent_ms}
        self.header = cbor(self.entries)
        self.body = cbor([draw(f"blind {owner.name} {kind} {n} {sent_ms}", 16), payload])
        self.commitment = hash_("SR1-commit", self.body)
        self.hash = hash_("SR1-entry", owner.account_id + owner.device_id + self.commitment + self.header)
        signed = owner is not CLIENT
        self.signature = sign(owner.sign_seed, "SR1-sig-entry", self.hash) if signed else None
        self.payload, self.seen, self.prev = payload, tuple(seen), prev

    @property
    def carried(self) -> dict[int, Value]:
        """The payload of the content that carries it."""
        signed: dict[int, Value] = {} if self.signature is None else {3: self.signature}
        return {1: self.header, 2: self.body, **signed}

    @property
    def link(self) -> tuple[bytes, int, bytes]:
        """What another device's entry names it by."""
        return tag(self.owner), self.n, self.hash

    def line(self, *, redacted: bool = False) -> list[Value]:
        """The line of a `forward`."""
        shown: Value = [self.commitment] if redacted else self.body
        return [self.owner.account_id, self.owner.device_id, self.header, shown, self.signature]

    def step(self) -> Step:
        """The entry as the rules see it."""
        seen = tuple(self.seen)
        return Step(
            self.hash, tag(self.owner), self.n, self.prev, seen, self.sent_ms, self.signature is not None
        )


def entries() -> list[tuple[str, Made]]:
    """Entries of every form."""
    receipt = cbor([cbor({1: draw("notice", 32)}), draw("a signature", 64)])
    opened = Made(CLIENT, 1, 0, {1: NONCE, 2: receipt})
    asked = Made(CLIENT, 3, 1, {1: "Haben Sie morgen Zeit?"}, prev=opened.hash)
    first = Made(DESK, 2, 0, first_state(opened.hash), seen=[opened.link])
    answer = Made(AGENT, 3, 0, {1: "Ja, um 9.", 2: asked.hash, 3: "de"}, seen=[asked.link], state=first.hash)
    links = [(draw(f"tag {at}", 8), at, draw(f"linked {at}", 32)) for at in range(15)]
    parts = [(tag(CLIENT), 1, asked.hash), (tag(CLIENT), NOW_MS, draw("restarted", 32))]
    return [
        ("open, of the customer, not signed", opened),
        ("text of the customer, with the entry before it", asked),
        ("state of a desk, signed, with a link", first),
        ("text of an agent, that names a state and answers", answer),
        ("mark with 15 links", Made(AGENT, 21, 1, None, prev=answer.hash, seen=sorted(links))),
        ("links to two parts of one chain", Made(DESK, 21, 2, None, prev=first.hash, seen=parts)),
        ("restart of a desk", Made(DESK, 3, NOW_MS, {1: "x", 4: True})),
        ("last number, unknown kind", Made(CLIENT, 63, 2**53 - 1, [None, {0: 1}], prev=asked.hash)),
        ("text of 16 KiB", Made(DESK, 3, 1, {1: "ä" * 8192}, prev=first.hash)),
        ("a body of 32 bytes", Made(CLIENT, 3, 2, {1: "x" * 11}, prev=asked.hash)),
    ]


def first_state(opened: bytes, **changed: Value) -> dict[int, Value]:
    """The map of the first state of the room."""
    whole: dict[int, Value] = {
        1: 1,
        2: 1,
        3: opened,
        4: 1,
        5: sorted([AGENT.device_id, DESK.device_id]),
        6: AGENT.device_id,
        7: [1, parties.list_hash(parties.first_list(CLIENT))],
        8: [1, 1, draw("roster hash", 32)],
        9: draw("notice", 32),
        10: [2, 90 * 86_400],
        11: 0,
        12: 0,
        13: [],
        14: None,
        15: [],
    }
    return whole | {int(key[1:]): value for key, value in changed.items()}


def transcript() -> str:
    """The file."""
    return render(
        "Entries of one room: header in diagnostic notation, body, commitment, hash, signature of the"
        " company's devices, what carries it, its line and the same without its body. `chains`: entries, and"
        " in which `order` they come to a device that was there from the first; what is found, is missing,"
        " and is to be linked then: [finding, tag, n, tag of who showed it], [tag, first, last],"
        " [tag, n, hash].",
        "TRN-01 TRN-02 TRN-03 TRN-04 TRN-05 TRN-06 TRN-07 TRN-08 TRN-09 TRN-13 TRN-17 ROOM-01",
        {
            "company": DESK.account_id,
            "customer": CLIENT.account_id,
            "room_id": room_id(),
            "nonce": NONCE,
            "notes_id": hash_("SR1-room-notes", DESK.account_id + room_id() + NONCE)[:16],
            "entries": [_entry(name, made) for name, made in entries()],
            "chains": [_chain(name, sent) for name, sent in chains()],
        },
    )


def _entry(name: str, made: Made) -> dict[str, Any]:
    owner = made.owner
    return {
        "name": name,
        "device_id": owner.device_id,
        "sign_seed": None if made.signature is None else owner.sign_seed,
        "sign_public": None if made.signature is None else sign_public(owner.sign_seed),
        "tag": tag(owner),
        "kind": made.kind,
        "header_diagnostic": diagnostic(made.entries),
        "header": made.header,
        "body": made.body,
        "commitment": made.commitment,
        "entry_hash": made.hash,
        "signature": made.signature,
        "content_id": made.hash[:16],
        "sent_ms": made.sent_ms,
        "content": cbor(made.carried),
        "line": cbor(made.line()),
        "redacted": cbor(made.line(redacted=True)),
    }


def chains() -> list[tuple[str, list[Made]]]:
    """Entries as they come to one device."""
    one = Made(CLIENT, 3, 0, {1: "eins"})
    two = Made(CLIENT, 3, 1, {1: "zwei"}, prev=one.hash)
    three = Made(CLIENT, 3, 2, {1: "drei"}, prev=two.hash)
    other = Made(CLIENT, 3, 1, {1: "anders"}, prev=one.hash)
    behind = Made(CLIENT, 3, 2, {1: "dahinter"}, prev=other.hash)
    ours = Made(AGENT, 3, 0, {1: "ja"})
    told = Made(AGENT, 3, 0, {1: "nein"})
    after_told = Made(AGENT, 3, 1, {1: "doch"}, prev=told.hash)
    links_two = Made(AGENT, 21, 0, None, seen=[two.link])
    links_other = Made(DESK, 21, 0, None, seen=[other.link])
    again = Made(CLIENT, 3, NOW_MS, {1: "wieder da"})
    more = Made(CLIENT, 3, NOW_MS + 1, {1: "und weiter"}, prev=again.hash)
    beside = Made(CLIENT, 3, 2, {1: "gleich daneben"})
    tenth = Made(CLIENT, 3, 10, {1: "zehn"}, prev=draw("ninth", 32))
    links_fifth = Made(AGENT, 21, 0, None, seen=[(tag(CLIENT), 5, draw("fifth", 32))])
    links_third = Made(AGENT, 21, 0, None, seen=[(tag(CLIENT), 1, draw("third", 32))])
    links_again = Made(AGENT, 21, 0, None, seen=[one.link, again.link])
    links_wrong = Made(AGENT, 21, 0, None, seen=[(tag(CLIENT), 1, draw("wrong", 32))])
    links_right = Made(DESK, 21, 0, None, seen=[two.link])
    forked = Made(CLIENT, 3, 2, {1: "zwei"}, prev=two.hash, seen=[links_two.link])
    return [
        ("in order", [one, two, three, ours]),
        ("in another order, and twice", [three, one, three, two, one]),
        ("a gap", [one, three]),
        ("a gap that is filled", [three, one, two]),
        ("a missing beginning", [two, three]),
        ("a gap by a link", [one, links_two]),
        ("a wrong link, then the entry, then a right one", [one, links_wrong, two, links_right]),
        ("a link whose entry comes", [links_two, one, two]),
        ("a fork of the customer", [one, two, other]),
        ("a fork of the customer, by what follows", [one, two, behind]),
        ("the same, the other way round", [behind, one, two]),
        ("a fork of the customer, by a link", [one, two, links_other]),
        ("a fork of the customer, by two links", [links_two, links_other]),
        ("a link, and another entry", [links_other, one, two]),
        ("a link, and another entry, and the one it names", [links_other, one, two, other]),
        ("a fork of the company", [ours, told]),
        ("a fork of the company, by what follows", [ours, after_told]),
        ("a long gap, with a link into it", [one, tenth, links_fifth]),
        ("a fork, whose links and prev are not used", [one, two, behind, forked]),
        ("a link, and another prev, of what is not here", [links_two, one, behind]),
        ("the same, when it comes", [links_two, one, behind, other]),
        ("two links against one entry", [links_other, links_third, one, two]),
        ("a link to a restart", [one, links_again]),
        ("a restart", [one, two, again, more]),
        ("a restart that comes last", [more, one, again]),
        ("a restart directly behind", [one, two, beside]),
        ("a restart, and then what is directly before it", [beside, two, one]),
    ]


def _chain(name: str, sent: list[Made]) -> dict[str, Any]:
    view = View()
    for made in sent:
        view.take(made.step())
    distinct = list({made.hash: made for made in sent}.values())
    return {
        "name": name,
        "entries": [
            {
                "account_id": made.owner.account_id,
                "device_id": made.owner.device_id,
                "sign_public": None if made.signature is None else sign_public(made.owner.sign_seed),
                "content": cbor(made.carried),
            }
            for made in distinct
        ],
        "order": [distinct.index(next(one for one in distinct if one.hash == made.hash)) for made in sent],
        "findings": [list(finding) for finding in view.findings],
        "missing": [list(gap) for gap in view.missing()],
        "links": [list(link) for link in view.links()],
    }


# --- order ---


def ordered() -> str:
    """order.json: 205 entries of ten devices with clocks that are wrong, and their one order."""
    choices = Choices("order")
    root = _bare(0, 0, None, (), NOW_MS)
    steps, newest = [root], {0: root}
    seen_by: dict[int, dict[int, Step]] = {at: {0: root} for at in range(5)}
    for at in range(1, ORDERED):
        who = choices.number(5)
        before = newest.get(who)
        n = 0 if before is None else before.n + 1
        links = {other: step for other, step in seen_by[who].items() if other != who and choices.number(3)}
        seen = tuple(sorted(_device(other) + _key(step) for other, step in links.items()))
        read = tuple((row[:8], int.from_bytes(row[8:16], "big"), row[16:]) for row in seen)
        ahead = choices.one_of(0, 0, 0, -DAY_MS, DAY_MS, 30 * DAY_MS, 400 * DAY_MS, -400 * DAY_MS)
        sent_ms = NOW_MS + at * 1_000 + ahead
        step = _bare(who, n, None if before is None else before.hash, read, sent_ms)
        steps.append(step)
        newest[who] = step
        for other in range(5):
            if choices.number(2):
                seen_by[other][who] = step
    steps += _at_limits()
    found = room_rules.keys(steps, root.hash)
    shown = sorted(found, key=lambda one: (found[one], one))
    return render(
        "Headers of 205 entries of ten devices, the first one the `open`, by the"
        " hashes of their entries, with k; `order` has the"
        " hashes as they are shown. Some clocks are a day, a month, or years wrong.",
        "TRN-16",
        {
            "root": root.hash,
            "entries": [
                {"hash": one.hash, "header": _header(one), "k": found[one.hash]}
                for one in sorted(steps, key=lambda one: one.hash)
            ],
            "order": shown,
        },
    )


def _at_limits() -> list[Step]:
    """Entries that name nothing, each of a device of its own, with times at the limits."""
    times = (MONTH_MS, MONTH_MS + 1, 0, 1, -DAY_MS)
    return [_bare(5 + at, 0, None, (), NOW_MS + ahead) for at, ahead in enumerate(times)]


def _device(at: int) -> bytes:
    return draw(f"order tag {at}", 8)


def _key(step: Step) -> bytes:
    return step.n.to_bytes(8, "big") + step.hash


def _bare(who: int, n: int, prev: bytes | None, seen: tuple[Any, ...], sent_ms: int) -> Step:
    return Step(draw(f"order {who} {n}", 32), _device(who), n, prev, seen, sent_ms, False)


def _header(step: Step) -> bytes:
    is_open = step.hash == draw("order 0 0", 32)
    entries: dict[int, Value] = {1: room_id(), 2: 1 if is_open else 3, 3: step.n}
    if step.prev is not None:
        entries[4] = step.prev
    if step.seen:
        entries[5] = [list(link) for link in step.seen]
    return cbor({**entries, 7: step.sent_ms})


# --- heads ---


def _tables() -> dict[tuple[int, int, bytes], dict[bytes, int]]:
    whole = {steward(name): rank for name, rank in MEMBERS.items()}
    without = {key: rank for key, rank in whole.items() if key != steward("T")}
    fewer = {steward("S"): 2, steward("F"): 2, steward("A"): 1}
    return {
        roster(1, 1): whole,
        roster(1, 2): without,
        roster(1, 3): without,
        roster(1, 3, "fork"): fewer,
        roster(2, 1): {**without, steward("G"): 1},
    }


def heads() -> str:
    """room_heads.json: sets of states, the verdict about each, and the head."""
    root = draw("head root", 32)
    return render(
        "Sets of states: of each its entry hash, author, the author's number and payload. `rosters` are those"
        " that are known, `suspended` whom a known roster of the newest mandate suspends; then the verdict"
        " about each state and the head, null for none. The name says what is written, allowed or not; at"
        " random stewards write anything, some above their rights.",
        "ROOM-04 ROOM-05 ROOM-06 ROOM-07 ROOM-08 ROOM-09 ROOM-10 ROOM-11 ROOM-28",
        {
            "root": root,
            "rosters": [
                {"ref": list(ref), "ranks": [[key, rank] for key, rank in sorted(ranks.items())]}
                for ref, ranks in _tables().items()
            ],
            "sets": [
                *(_judged(*case) for case in head_cases.cases(root, first_state(root))),
                *(_set(at) for at in range(SETS)),
            ],
        },
    )


def acts() -> str:
    """room_acts.json: what holds above a head."""
    root = draw("head root", 32)
    return act_cases.acts_file(root, first_state(root))


def _set(at: int) -> dict[str, Any]:
    choices = Choices(f"heads {at}")
    root = draw("head root", 32)
    states: dict[bytes, Written] = {}
    for number in range(1 + at % 14):
        parent = choices.one_of(*states.values()) if states else None
        if number and choices.number(3):
            parent = list(states.values())[-choices.one_of(1, 1, min(2, number))]
        one = _state(choices, f"{at} {number}", parent, root)
        states[one.hash] = one
    if at % 9 == 8:
        # The beginning of a branch is not here.
        del states[next(iter(states))]
    suspended = frozenset(
        [steward("T")] if at % 4 == 3 else [steward("S"), steward("F"), steward("G")] if at % 13 == 12 else []
    )
    return _judged(f"random {at}", states, suspended)


def _judged(name: str, states: dict[bytes, Written], suspended: frozenset[bytes]) -> dict[str, Any]:
    root, team = draw("head root", 32), Team(_tables(), suspended)
    found = room_rules.verdicts(states, root, team)
    return {
        "name": name,
        "states": [
            {
                "hash": one.hash,
                "author": one.author,
                "n": one.n,
                "state": cbor(one.state),
                "verdict": found[one.hash],
            }
            for one in sorted(states.values(), key=lambda one: one.hash)
        ],
        "suspended": sorted(suspended),
        "head": room_rules.head(states, root, team),
    }


def _state(choices: Choices, name: str, parent: Written | None, root: bytes) -> Written:
    old: dict[int, Any] = dict(first_state(root) if parent is None else parent.state)
    author = steward(choices.one_of(*"FGST" * 5, "A"))
    refs = list(_tables())
    new = (
        {**old, 2: old[2] + 1, 3: parent.hash}
        if parent is not None
        else {**old, 5: [], 6: None, 8: list(refs[0])}
    )
    new |= {14: None, 15: []}
    if parent is not None and choices.number(6) == 0:
        new[8] = list(choices.one_of(*refs)) if choices.number(6) else [9, 9, draw("unknown roster", 32)]
    _change(choices, new)
    entry_hash = draw(f"state {name}", 32)
    return Written(entry_hash, author, choices.number(30), dict(sorted(new.items())))


def _change(choices: Choices, new: dict[int, Any]) -> None:
    someone = steward(choices.one_of(*"FGSTAB"))
    match choices.number(9):
        case 0 | 1:
            new[5] = sorted({*new[5], someone})
        case 2:
            new[5] = sorted({*new[5]} - {someone})
            new[6] = new[6] if new[6] in new[5] else None
        case 3:
            new[5], new[6] = sorted({*new[5], someone}), someone
        case 4:
            new[4], new[15] = 1 + choices.number(5), [draw("act", 32)] if choices.number(3) else []
        case 5:
            new[11], new[14] = (
                new[11] ^ choices.one_of(HOLD, SENSITIVE),
                choices.one_of("Grund", "Grund", None),
            )
        case 6:
            new[10] = [choices.one_of(2, 2, 1), new[10][1] + choices.one_of(-1, -1, 1)]
            new[9] = choices.one_of(new[9], draw("newer notice", 32))
        case 7:
            new[7] = [choices.one_of(1, 1, 2), choices.one_of(new[7][1], draw("other list", 32))]
        case _:
            new[12] = choices.number(100)


# --- payloads ---


def payloads() -> str:
    """rooms.json: payloads of every kind at their limits, signals and a dossier."""
    return render(
        "Payloads of every kind, many at their limits; signals (content of type 9) and a dossier (type 11)."
        " Each is read, and written again to the same bytes.",
        "TRN-14 TRN-20 TRN-21 TRN-22 TRN-25 ROOM-04 ROOM-25",
        {
            "payloads": [
                {"kind": kind, "diagnostic": diagnostic(value)[:200], "payload": cbor(value)}
                for kind, value in accepted()
            ],
            "signals": [{"diagnostic": diagnostic(one)[:200], "signal": cbor(one)} for one in signals()],
            "dossier": cbor(dossier()),
        },
    )


FILE: Final[Mapping[int, Value]] = {
    1: draw("blob", 32),
    2: draw("file key", 32),
    3: 65_536,
    4: draw("file hash", 32),
    5: 65_535,
    6: "Befund 1.pdf",
    7: "application/pdf",
    8: NOW_MS,
    9: DESK.device_id,
}
QUESTION: Final[list[Value]] = [1, 1, "Termin?", True, ["heute", "morgen"]]


def accepted() -> list[tuple[int, Value]]:
    """Kind and payload."""
    some, device = draw("some entry", 32), DESK.device_id
    many: list[Value] = [draw(f"entry {at}", 32) for at in range(64)]
    state = first_state(some)
    cards: list[Value] = [bytes(1024), bytes(1024), bytes(511), b"c"]
    return [
        (1, {1: NONCE, 2: bytes(8192)}),
        (2, state),
        (2, {**state, 5: [], 6: None, 13: cards, 14: "x" * 200}),
        (2, {**state, 5: [bytes((at,)) * 16 for at in range(12)], 6: bytes((3,)) * 16, 11: 3, 12: 2**32 - 1}),
        (2, {**state, 2: 2**31 - 1, 4: 5, 15: sorted(many[:16], key=parties.bytes_of), 16: bytes(8)}),
        (2, {**state, 3: None, 7: None, 9: None}),
        (3, {1: "ä" * 8192}),
        (3, {1: "x", 2: some, 3: "x" * 35, 4: True}),
        (4, {1: some, 2: "ä" * 8192}),
        (5, {1: None}),
        (5, {1: many}),
        (6, {1: None, 2: 1}),
        (6, {1: many, 2: 3, 3: 2**53 - 1}),
        (7, FILE),
        (7, {**FILE, 3: 69_206_016, 5: 67_108_864, 6: "x" * 128, 7: "x" * 64}),
        (7, {**FILE, 5: 0, 6: "zwei  Leerzeichen"}),
        (7, {**FILE, 6: "ä" * 64}),
        (7, {**FILE, 6: "Console.tar.gz"}),
        (8, b"receipt"),
        (9, b"withdrawal"),
        (10, {1: 5}),
        (12, [b"notice", [["de", bytes(16_384)]]]),
        (12, [b"notice", [["de-AT", b"x"]]]),
        (12, [b"notice", [["gsw", b"x"]]]),
        (13, b"channels"),
        (14, {1: None}),
        (14, {1: "a.b+c@praxis-1.example"}),
        (14, {1: "x" * 64 + "@b"}),
        (15, {1: many}),
        (16, {1: 2, 2: device, 3: 1, 4: [some, some], 5: None}),
        (16, {1: 1, 2: None, 3: 2**32 - 1, 4: None, 5: "x" * 200}),
        (17, b"token"),
        (17, None),
        (18, {1: "x" * 200, 2: [[at, 2, "x", False, []] for at in range(12)]}),
        (18, {1: "x", 2: [[2**32 - 1, 1, "x" * 200, True, ["x" * 200] * 12]]}),
        (19, {1: some, 2: [[1, "x" * 1000], [2, 2**53 - 1]]}),
        (20, {1: 1}),
        (20, {1: 5, 2: "x" * 500}),
        (21, None),
        (22, {1: some, 2: "room.right"}),
        (22, {1: bytes(8), 2: "x" * 64}),
        (11, {0: [True]}),
        (63, None),
    ]


def signals() -> list[dict[int, Value]]:
    """Payloads of type 9."""
    ranges: list[Value] = [[draw(f"tag {at}", 8), at, 2**53 - 1] for at in range(64)]
    return [
        {1: room_id(), 2: 1},
        {1: room_id(), 2: 2, 3: ranges},
        {1: room_id(), 2: 2, 3: [[draw("tag", 8), 5, 5]]},
        {1: room_id(), 2: 3, 3: {1: bytes(8), 2: 1, 3: None, 4: None, 5: None}},
        {1: room_id(), 2: 3, 3: {1: bytes(8), 2: 5, 3: DESK.device_id, 4: "x" * 256, 5: "x" * 200}},
        {1: room_id(), 2: 4, 3: {1: "x" * 256, 2: "x" * 35, 3: NOW_MS}},
        {1: room_id(), 2: 4, 3: None},
        {1: room_id(), 2: 5, 3: draw("some entry", 32)},
    ]


def dossier() -> dict[int, Value]:
    """A payload of type 11."""
    kinds = parties.prekey(CLIENT, parties.SPK, 9), parties.prekey(CLIENT, parties.PQK_LAST_RESORT, 9)
    bundle = parties.compact_entries(*kinds, [], [])
    back = parties.way_back(CLIENT)
    listed = parties.sign_list(CLIENT, parties.first_list(CLIENT))
    return {1: listed, 2: [[CLIENT.record, back, bundle], [CLIENT.record, back, None]]}
