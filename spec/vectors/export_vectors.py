"""export.json: transcripts as files, and what is said of each entry (EXP-01 to EXP-14, EXP-16 to EXP-19)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from spec.vectors import company, parties, proof_vectors
from spec.vectors.document import render
from spec.vectors.parties import Device
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, draw, hash_, sign

ROOM: Final = proof_vectors.room()
MINUTE_MS: Final = 60_000
DESK: Final = company.device("desk")
AGENT: Final = company.device("agent")
CUSTOMER: Final = company.customer()
Map = dict[str, Any]
Lines = list[str]


class Said(NamedTuple):
    """An entry with what others need to name it."""

    owner: Device
    kind: int
    n: int
    header: bytes
    body: bytes
    payload: Value
    sent_ms: int
    signature: bytes | None
    hash: bytes

    @property
    def link(self) -> list[Value]:
        """A link to it."""
        return [tag(self.owner), self.n, self.hash]


def tag(owner: Device) -> bytes:
    """The tag of a device in the room."""
    return hash_("SR1-device-tag", ROOM + owner.device_id)[:8]


def say(
    owner: Device,
    kind: int,
    payload: Value,
    minute: int,
    before: Said | None = None,
    seen: Iterable[Said] = (),
    *,
    n: int | None = None,
    room: bytes = ROOM,
    **more: Value,
) -> Said:
    """An entry of a device, some minutes after the room was opened."""
    number = (0 if before is None else before.n + 1) if n is None else n
    sent_ms = NOW_MS + minute * MINUTE_MS
    links: list[Value] = [one.link for one in sorted(seen, key=lambda one: (tag(one.owner), one.n))]
    keys: dict[int, Value] = {1: room, 2: kind, 3: number}
    keys |= {} if before is None else {4: before.hash}
    keys |= {5: links} if links else {}
    keys |= {int(key[1:]): one for key, one in more.items()}
    header = cbor({**keys, 7: sent_ms})
    body = cbor([draw(f"export blind {owner.name} {kind} {number} {minute}", 16), payload])
    return entry_of(owner, kind, number, header, body, payload, sent_ms)


def entry_of(
    owner: Device, kind: int, n: int, header: bytes, body: bytes, payload: Value, sent_ms: int
) -> Said:
    """An entry of these bytes; a company's device signs it."""
    found = hash_("SR1-entry", owner.account_id + owner.device_id + hash_("SR1-commit", body) + header)
    is_company = owner.account_id == company.ACCOUNT_ID
    signature = sign(owner.sign_seed, "SR1-sig-entry", found) if is_company else None
    return Said(owner, kind, n, header, body, payload, sent_ms, signature, found)


def state(parent: bytes, **changed: Value) -> Value:
    """The map of a state with the agent as member."""
    members = sorted([DESK.device_id, AGENT.device_id])
    return proof_vectors.state(parent, _5=members, _6=AGENT.device_id, **changed)


# --- lines ---


def text64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def plain(value: Value) -> str:
    """A payload as JSON (EXP-02)."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, bytes):
        return f'"{value.hex()}"'
    if isinstance(value, str):
        return f'"{"".join(map(escaped, value))}"'
    if isinstance(value, dict):
        return "{" + ",".join(f'"{key}":{plain(value[key])}' for key in sorted(value)) + "}"
    return f"[{','.join(map(plain, value))}]" if isinstance(value, list | tuple) else str(value)


def escaped(one: str) -> str:
    """A character inside a text of JSON."""
    short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    return short.get(one, one) if one >= " " or one in short else f"\\u{ord(one):04x}"


def line(said: Said, *, shown: bool = True) -> str:
    """The line of an entry; not shown is one whose body is withheld."""
    body: Value = said.body if shown else [hash_("SR1-commit", said.body)]
    value: list[Value] = [said.owner.account_id, said.owner.device_id, said.header, body, said.signature]
    payload = f',"payload":{plain(said.payload)}' if shown else ""
    return (
        f'{{"entry":"{text64(cbor(value))}","hash":"{said.hash.hex()}","device":"{said.owner.device_id.hex()}",'
        f'"kind":{said.kind},"n":{said.n},"sent_ms":{said.sent_ms}{payload}}}'
    )


HEAD: Final = (
    f'{{"sealroom_transcript":1,"company":"{company.ACCOUNT_ID.hex()}",'
    f'"customer":"{CUSTOMER.account_id.hex()}","nonce":"{proof_vectors.NONCE.hex()}","room":"{ROOM.hex()}"}}'
)


def part(name: str, data: bytes) -> str:
    """A line of what entries are judged by."""
    return f'{{"{name}":"{text64(data)}"}}'


def slot(roster: dict[int, Value] | None = None) -> bytes:
    """A slot of the only mandate."""
    signed = company.sign_roster(roster or company.roster())
    return cbor([company.sign_mandate(company.mandate()), signed])


def parts() -> Lines:
    """What the entries are judged by: 9 lines, from the third line of the file on."""
    chief = company.device("chief")
    return [
        part("company_list", parties.sign_list(chief, company.device_list())),
        part("customer_list", proof_vectors.signed_list()),
        *(part("record", one.record) for one in company.devices().values()),
        part("record", CUSTOMER.record),
        part("slot", slot()),
        part("card", cbor(company.card("agent", "Agent"))),
    ]


def file(entries: Sequence[str], given: Sequence[str] | None = None) -> Lines:
    """A whole file."""
    inside = [HEAD, *(parts() if given is None else given), *entries]
    return ["[", *(f"{one}," for one in inside), f'{{"end":{len(entries)}}}', "]"]


# --- the room ---

OPEN: Final = say(CUSTOMER, 1, {1: proof_vectors.NONCE, 2: proof_vectors.given()[0]}, 1)
STATE: Final = say(DESK, 2, state(OPEN.hash), 2, seen=[OPEN])
ASK: Final = say(CUSTOMER, 3, {1: 'Ein "Rezept"\\\n\u0001\u2028é'}, 3, OPEN, [STATE])
REPLY: Final = say(AGENT, 3, {1: "Gern, welches?"}, 4, seen=[ASK, STATE], _6=STATE.hash)
THANKS: Final = say(CUSTOMER, 3, {1: "Das alte", 2: REPLY.hash}, 5, ASK, [REPLY])
READY: Final = say(DESK, 3, {1: "Liegt bereit."}, 6, STATE, [THANKS, REPLY])
MARK: Final = say(AGENT, 21, None, 7, REPLY, [THANKS, READY])
BYE: Final = say(CUSTOMER, 3, {1: "Danke!"}, 8, THANKS, [READY, MARK])
ROOM_ENTRIES: Final = (OPEN, STATE, ASK, REPLY, THANKS, READY, MARK, BYE)
FIRST: Final = 12
"""The line of the first entry."""
_BASE: Final[dict[bytes, tuple[str, list[str], set[str]]]] = {
    OPEN.hash: ("acknowledged", ["consent"], {"desk", "agent"}),
    STATE.hash: ("signed", [], {"agent"}),
    ASK.hash: ("acknowledged", [], {"desk", "agent"}),
    REPLY.hash: ("signed", [], {"desk"}),
    THANKS.hash: ("acknowledged", [], {"desk", "agent"}),
    READY.hash: ("signed", [], {"agent"}),
    MARK.hash: ("signed", [], set()),
    BYE.hash: ("claimed", [], set()),
}
_WHO: Final = {"desk": DESK, "agent": AGENT, "customer": CUSTOMER}


def case(
    name: str,
    lines: Lines,
    order: Sequence[Said] = ROOM_ENTRIES,
    changes: dict[bytes, tuple[str, list[str], set[str]]] | None = None,
    **more: Any,
) -> Map:
    """A file and what is said of it: `order` are the entries that hold, as they stand; `changes` what is said
    of them that is not said of the whole room.
    """
    told = {**_BASE, **(changes or {})}
    said = [
        [
            told[one.hash][0],
            sorted(told[one.hash][1]),
            sorted(_WHO[who].device_id for who in told[one.hash][2]),
        ]
        for one in order
    ]
    whole: Map = {"name": name, "lines": lines, "holds": True, "has_end": True, "phase": 1}
    whole |= {"hashes": [one.hash for one in order], "entries": said, "refused": [], "missing": []}
    return {**whole, **more}


def _cases() -> Iterable[Map]:
    yield case("whole", file([line(one) for one in ROOM_ENTRIES]))
    yield _redacted()
    yield from _of_withheld()
    yield from _edited()
    yield from _of_times()
    yield from _of_rosters()
    yield from _of_numbers()
    yield from _of_states()
    yield from _of_the_customer()


def _of_withheld() -> Iterable[Map]:
    """Proofs without their bodies, which nobody may erase."""
    for one, notes, phase in (
        (MARK, ["redacted", "withheld"], 1),
        (STATE, ["held", "redacted", "withheld"], None),
    ):
        lines = [line(other, shown=other is not one) for other in ROOM_ENTRIES]
        changes = {one.hash: (_BASE[one.hash][0], notes, _BASE[one.hash][2])}
        yield case(f"kind {one.kind} withheld", file(lines), changes=changes, holds=False, phase=phase)


def _redacted() -> Map:
    hidden = {ASK.hash, REPLY.hash, THANKS.hash, READY.hash, BYE.hash}
    changes = {key: (_BASE[key][0], ["redacted"], _BASE[key][2]) for key in hidden}
    lines = [line(one, shown=one.hash not in hidden) for one in ROOM_ENTRIES]
    return case("texts withheld", file(lines), changes=changes)


def _without(*gone: Said) -> list[Said]:
    return [one for one in ROOM_ENTRIES if one not in gone]


def _edited() -> Iterable[Map]:
    """Files that somebody has changed."""
    left = _without(READY)
    changes = {
        OPEN.hash: ("acknowledged", ["consent"], {"desk", "agent"}),
        STATE.hash: ("signed", [], {"agent"}),
        ASK.hash: ("acknowledged", [], {"agent"}),
        REPLY.hash: ("signed", [], set()),
        THANKS.hash: ("acknowledged", [], {"agent"}),
    }
    gone = [[tag(DESK), 1, 0, READY.hash]]
    yield case(
        "an entry left out", file([line(one) for one in left]), left, changes, holds=False, missing=gone
    )
    moved = [*ROOM_ENTRIES[:2], BYE, *ROOM_ENTRIES[2:7]]
    changes = {BYE.hash: ("claimed", ["place"], set())}
    yield case("an entry moved", file([line(one) for one in moved]), moved, changes, holds=False)
    lines = [line(one) for one in ROOM_ENTRIES]
    other = [lines[3].replace("Gern", "Nein") if at == 3 else one for at, one in enumerate(lines)]
    at = FIRST + 3
    left = _without(REPLY)
    yield case("a text shown otherwise", file(other), left, holds=False, refused=[[at, "shown"]])
    spelled = [lines[3].replace("Gern", "\\u0047ern") if at == 3 else one for at, one in enumerate(lines)]
    yield case("another spelling", file(spelled), left, holds=False, refused=[[at, "shown"]])
    stolen = entry_of(DESK, 3, 0, REPLY.header, REPLY.body, REPLY.payload, REPLY.sent_ms)
    forged = [
        line(stolen._replace(signature=REPLY.signature)) if one is REPLY else line(one)
        for one in ROOM_ENTRIES
    ]
    gone = [[tag(AGENT), 0, None, REPLY.hash]]
    yield case("a forged author", file(forged), left, holds=False, refused=[[at, "signature"]], missing=gone)
    yield case("cut off", file(lines)[:-2], holds=False, has_end=False)
    short = [*file(lines)[:-2], '{"end":7}', "]"]
    yield case("another number of entries", short, holds=False, has_end=False)
    yield case("an entry twice", file([*lines[:4], *lines[3:]]), holds=False, refused=[[at + 1, "repeated"]])
    keys = '{"entry":"AA","entry":"AA","hash":"'
    yield case("no entry", file([*lines[:3], keys, *lines[3:]]), holds=False, refused=[[at, "form"]])
    open_end = [*lines[:3], lines[3].removesuffix("}}"), *lines[3:]]
    yield case("an entry without its end", file(open_end), holds=False, refused=[[at, "form"]])
    elsewhere = say(AGENT, 3, {1: "woanders"}, 9, n=0, room=bytes(16))
    end = FIRST + 8
    yield case("of another room", file([*lines, line(elsewhere)]), holds=False, refused=[[end, "room"]])
    wrong = part("card", cbor({**company.card("agent", "Agent"), 5: "Chefin"}))
    yield case(
        "a card that no roster names",
        file(lines, [*parts()[:-1], wrong]),
        holds=False,
        refused=[[FIRST - 1, "identity"]],
    )
    early = [lines[0], parts()[-1], *lines[1:]]
    yield case(
        "a part behind an entry",
        file(early),
        holds=False,
        refused=[[FIRST + 1, "form"]],
    )


def _of_times() -> Iterable[Map]:
    """Who was in force when."""
    lines = [line(one) for one in ROOM_ENTRIES]
    for days, minutes, verdict, name in (
        (8, 0, "signed", "the last moment of a roster"),
        (8, 1, "stale", "behind a roster that had ended"),
    ):
        late = say(AGENT, 3, {1: "spät"}, days * 1440 + minutes, MARK, [BYE])
        changes: dict[bytes, tuple[str, list[str], set[str]]] = {
            late.hash: (verdict, [], set()),
            BYE.hash: ("acknowledged", [], {"agent"}) if verdict == "signed" else ("claimed", [], set()),
        }
        yield case(name, file([*lines, line(late)]), [*ROOM_ENTRIES, late], changes)
    suspending = {**company.roster(("chief", "desk"), 3_100_010, suspended=[AGENT.device_id])}
    suspending |= {5: NOW_MS + 2 * DAY_MS, 6: NOW_MS + 7 * DAY_MS}
    late = say(AGENT, 3, {1: "noch da"}, 3 * 1440, MARK, [BYE])
    both = [*parts()[:-1], part("slot", slot(suspending)), parts()[-1]]
    whole = file([*lines, line(late)], both)
    yield case("of a suspended device", whole, holds=False, refused=[[FIRST + 9, "in_force"]])
    none = file([line(one) for one in ROOM_ENTRIES], [one for one in parts() if '"slot"' not in one][:-1])
    changes = {one.hash: ("stale", [], set()) for one in (REPLY, READY, MARK)}
    changes |= {STATE.hash: ("stale", ["held"], set())}
    changes |= {one.hash: ("claimed", _BASE[one.hash][1], set()) for one in (OPEN, ASK, THANKS)}
    yield case("without a roster", none, changes=changes, phase=None)


def _of_rosters() -> Iterable[Map]:
    """Who was in force where several rosters say something else."""
    lines = [line(one) for one in ROOM_ENTRIES]
    everybody, late = tuple(company.WHO), say(AGENT, 3, {1: "noch da"}, 3 * 1440, MARK, [BYE])

    def issued(days: int, who: tuple[str, ...], seq: int, hours: int = 0, **more: Any) -> dict[int, Value]:
        at_ms = NOW_MS + days * DAY_MS + hours * 60 * MINUTE_MS
        return {**company.roster(who, seq, **more), 5: at_ms, 6: NOW_MS + 7 * DAY_MS}

    without = ("chief", "desk")
    out = issued(1, without, 3_100_010, suspended=[AGENT.device_id])
    cases: dict[str, tuple[list[bytes], bool]] = {
        "suspended and named again": ([slot(out), slot(issued(2, everybody, 3_100_011))], False),
        "two rosters of one number": (
            [slot(issued(2, without, 3_100_010)), slot(issued(2, everybody, 3_100_010))],
            False,
        ),
        "an older number issued later": (
            [slot(issued(2, without, 3_100_010)), slot(issued(3, everybody, 3_100_009, hours=9))],
            False,
        ),
        "a higher number issued later": (
            [slot(issued(2, without, 3_100_010)), slot(issued(3, everybody, 3_100_011, hours=9))],
            True,
        ),
        "suspended, in force by a later roster": (
            [slot(out), slot(issued(3, everybody, 3_100_011, hours=9))],
            False,
        ),
        "a device whose time had ended": (
            [slot(issued(1, everybody, 3_100_010, ends={"agent": NOW_MS + DAY_MS + 60_000}))],
            False,
        ),
    }
    newer = {**company.mandate(2, 3_100_005), 4: NOW_MS + DAY_MS, 5: NOW_MS + 60 * DAY_MS}
    new = company.sign_roster(issued(1, without, 3_100_006, mandate_seq=3_100_005), 2)
    stolen = slot(issued(3, everybody, 3_100_090, hours=9))
    cases["a roster of an older mandate issued later"] = (
        [cbor([company.sign_mandate(newer), new]), stolen],
        False,
    )
    for name, (slots, is_signed) in cases.items():
        given = [*parts()[:-1], *(part("slot", one) for one in slots), parts()[-1]]
        whole, at = file([*lines, line(late)], given), FIRST + 8 + len(slots)
        if is_signed:
            changes: dict[bytes, tuple[str, list[str], set[str]]] = {
                late.hash: ("signed", [], set()),
                BYE.hash: ("acknowledged", [], {"agent"}),
            }
            yield case(name, whole, [*ROOM_ENTRIES, late], changes)
        else:
            yield case(name, whole, holds=False, refused=[[at, "in_force"]])


def _of_numbers() -> Iterable[Map]:
    """Chains that contradict, and one that begins anew."""
    lines = [line(one) for one in ROOM_ENTRIES]
    other = say(CUSTOMER, 3, {1: "anders"}, 9, OPEN)
    changes: dict[bytes, tuple[str, list[str], set[str]]] = {
        ASK.hash: ("acknowledged", ["number"], {"desk", "agent"}),
        other.hash: ("claimed", ["number"], set()),
    }
    both = [*ROOM_ENTRIES, other]
    yield case("two entries of one number", file([*lines, line(other)]), both, changes, holds=False)
    jump = say(AGENT, 3, {1: "sieben"}, 9, MARK, n=7)
    changes = {jump.hash: ("signed", ["number"], set())}
    yield case("a number left out", file([*lines, line(jump)]), [*ROOM_ENTRIES, jump], changes, holds=False)
    again = say(CUSTOMER, 3, {1: "neu"}, 9, n=NOW_MS)
    changes = {again.hash: ("claimed", ["restarted"], set())}
    yield case("a restart", file([*lines, line(again)]), [*ROOM_ENTRIES, again], changes)


def _of_states() -> Iterable[Map]:
    """States with and without the right."""
    lines = [line(one) for one in ROOM_ENTRIES]
    for owner, before, notes, phase, name in (
        (DESK, READY, [], 2, "closed"),
        (AGENT, MARK, ["right"], 1, "a state of an agent"),
    ):
        closing = say(owner, 2, state(STATE.hash, _2=2, _4=2), 9, before)
        changes: dict[bytes, tuple[str, list[str], set[str]]] = {closing.hash: ("signed", notes, set())}
        given = file([*lines, line(closing)])
        yield case(name, given, [*ROOM_ENTRIES, closing], changes, phase=phase, holds=not notes)


def _of_the_customer() -> Iterable[Map]:
    """What the customer has signed, and what it has not."""
    lines = [line(one) for one in ROOM_ENTRIES]
    left = say(CUSTOMER, 9, proof_vectors.left()[0], 9, BYE)
    yield case(
        "a withdrawal of another device",
        file([*lines, line(left)]),
        holds=False,
        refused=[[FIRST + 8, "consent"]],
    )
    again = say(CUSTOMER, 8, proof_vectors.given()[0], 9, BYE)
    changes: dict[bytes, tuple[str, list[str], set[str]]] = {again.hash: ("claimed", ["outdated"], set())}
    yield case("a receipt shown again", file([*lines, line(again)]), [*ROOM_ENTRIES, again], changes)
    as_agent = replace(CUSTOMER, name=AGENT.name)
    twin = say(as_agent, 3, {1: "Ich bin der Agent"}, 9, n=0, seen=[READY])
    yield case(
        "a customer's device by the id of a company's",
        file([*lines, line(twin)]),
        holds=False,
        refused=[[FIRST + 8, "identity"]],
    )
    unlisted = [one for one in parts() if '"customer_list"' not in one]
    changes = {
        one.hash: (_BASE[one.hash][0], ["device"], _BASE[one.hash][2]) for one in (OPEN, ASK, THANKS, BYE)
    }
    yield case(
        "a device that no list names",
        file(lines, unlisted),
        changes=changes,
        holds=False,
        refused=[[8, "identity"]],
    )
    access = say(CUSTOMER, 16, {1: 1, 2: None, 3: 1, 4: None, 5: None}, 9, BYE)
    yield case(
        "a kind of the other side", file([*lines, line(access)]), holds=False, refused=[[FIRST + 8, "right"]]
    )


def _heads() -> Iterable[Map]:
    """Files that are no transcript of this company."""
    whole = file([line(one) for one in ROOM_ENTRIES])
    changed: dict[str, tuple[Callable[[Lines], Lines], str]] = {
        "no array": (lambda lines: lines[1:], "remote.decode"),
        "version 2": (lambda lines: _head(lines, 'transcript":1', 'transcript":2'), "remote.version"),
        "a space": (lambda lines: _head(lines, '","customer"', '", "customer"'), "remote.decode"),
        "upper case": (lambda lines: _head(lines, ROOM.hex(), ROOM.hex().upper()), "remote.decode"),
        "another room": (lambda lines: _head(lines, ROOM.hex(), bytes(16).hex()), "remote.decode"),
        "one account": (
            lambda lines: _head(lines, CUSTOMER.account_id.hex(), company.ACCOUNT_ID.hex()),
            "remote.identity",
        ),
    }
    for name, (change, error) in changed.items():
        yield {"name": name, "account_id": company.ACCOUNT_ID, "lines": change(whole), "error": error}
    yield {"name": "another company", "account_id": bytes(32), "lines": whole, "error": "remote.identity"}


def _head(lines: Lines, old: str, new: str) -> Lines:
    return [lines[0], lines[1].replace(old, new), *lines[2:]]


def exports() -> str:
    """Transcripts, and what each of them shows."""
    return render(
        "Transcripts as files, line by line, and what is said of each entry that holds, in order: verdict,"
        " notes, witnesses; `refused` are [line, fault], `missing` [tag, n, after, hash].",
        "EXP-01 EXP-02 EXP-05 EXP-06 EXP-07 EXP-08 EXP-09 EXP-10 EXP-11 EXP-12 EXP-13"
        " EXP-16 EXP-17 EXP-18 EXP-19",
        {"account_id": company.ACCOUNT_ID, "transcripts": list(_cases()), "heads": list(_heads())},
    )
