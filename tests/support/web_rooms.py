"""Random rooms, teams and proofs of which the TypeScript core has to say the same as this one.

    python tests/support/web_rooms.py --runs 20000 --seed 1

One node process judges all. Of ten cases four are states with acts, one an order, one chains, two who was in
force by a roster that a state names, one who is after some slots, one a proof.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple

import agreement_rooms as rooms
import web_packages
from independent_heads import Act

from e2ee.errors import E2eeError, ListGap, MandateInvalid, RemoteError
from e2ee.identity import DeviceList, DeviceRecord
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms import slots, team
from e2ee.rooms.entry import Entry, EntryHash, Header
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.order import keys
from e2ee.rooms.proof import Proof
from e2ee.rooms.roster import Roster, RosterRef
from e2ee.wire import cbor
from spec.vectors import company, parties, proof_vectors
from spec.vectors.suite import DAY_MS, NOW_MS, hash_

ACCOUNT: Final = AccountId(company.ACCOUNT_ID)
NEAR: Final = (*[0] * 12, 1, -1, DAY_MS, DAY_MS + 1, -DAY_MS, -DAY_MS - 1)
POOL: Final = 60


class Judged(NamedTuple):
    """What an operation is given, and what this core makes of it: a value, or the code of a refusal."""

    operation: str
    given: dict[str, Any]
    value: Any


def judged(operation: str, given: dict[str, Any], work: Callable[[], Any]) -> Judged:
    """The value of some work, or its code."""
    try:
        return Judged(operation, given, work())
    except E2eeError as error:
        return Judged(operation, given, error.code)


# --- rooms ---


@cache
def _tables() -> list[dict[str, Any]]:
    return [
        {
            "ref": [mandate, seq, hash_.hex()],
            "ranks": [[one.hex(), rank] for one, rank in sorted(ranks.items())],
        }
        for (mandate, seq, hash_), ranks in rooms.ROSTERS.items()
    ]


def of_states(dice: random.Random) -> Judged:
    """Verdicts, head, and what holds: of states that may be refused or held, or of valid ones and acts."""
    if dice.randrange(2):
        root, states, suspended = rooms.random_room(dice)
        acts: list[Act] = []
    else:
        (states, acts), root = rooms.room_with_acts(dice), rooms.OPEN
        suspended = {one for one in rooms.PEOPLE if dice.randrange(4) == 0}
    room, holds = rooms.core_room(root, states, acts, suspended)
    given = {
        "root": None if root is None else root.hex(),
        "states": [
            {
                "hash": one.hash.hex(),
                "author": one.author.hex(),
                "n": one.n,
                "state": cbor.encode(one.map).hex(),
            }
            for one in states
        ],
        "acts": [
            {"hash": one.hash.hex(), "k": at, "name": one.what}
            for at, one in enumerate(sorted(acts, key=lambda one: one.place))
        ],
        "rosters": _tables(),
        "suspended": sorted(one.hex() for one in suspended),
    }
    verdicts = [room.verdicts[EntryHash(one.hash)].value for one in states]
    head = None if room.head is None else room.head.hash.hex()
    return Judged("room", given, [verdicts, head, holds.phase, holds.is_sensitive, holds.keeps])


def _header(header: Header) -> dict[str, Any]:
    prev = None if header.prev is None else header.prev.hex()
    seen = [[tag.hex(), n, hash_.hex()] for tag, n, hash_ in header.seen]
    return {"room": header.room_id.hex(), "n": header.n, "prev": prev, "seen": seen, "sent": header.sent_ms}


def of_order(dice: random.Random) -> Judged:
    """The place of each entry."""
    made = rooms.random_entries(dice)
    root = dice.choice((made[0].hash, EntryHash(bytes(32))))
    entries = [{"hash": one.hash.hex(), "header": _header(one.header)} for one in made]
    found = keys({one.hash: one.header for one in made}, root)
    value = sorted([one.hex(), k] for one, k in found.items())
    return Judged("order", {"root": root.hex(), "entries": entries}, value)


def _without_links_to_seconds(made: list[Entry]) -> list[Entry]:
    """Without each second entry of a number that somebody links: browsers know that it is here, and
    devices ask for it once more.
    """
    linked = {link.hash for one in made for link in one.header.seen}
    found: dict[tuple[DeviceId, int], Entry] = {}
    return [
        one
        for one in made
        if found.setdefault((one.author.device_id, one.header.n), one) is one or one.hash not in linked
    ]


def of_chains(dice: random.Random) -> Judged:
    """What is found, missing and linked. Of several who link one wrong hash browsers name each, devices the
    first: who has shown something is left out.
    """
    made = rooms.random_entries(dice)
    dice.shuffle(made)
    made = _without_links_to_seconds(made)
    entries = [
        {
            "account": one.author.account_id.hex(),
            "device": one.author.device_id.hex(),
            "signed": one.signature is not None,
            "hash": one.hash.hex(),
            "header": _header(one.header),
        }
        for one in made
    ]
    found = rooms.core_chains(made)
    findings = sorted({(one.kind.value, one.tag.hex(), one.n) for one in found.findings})
    missing = [[gap.tag.hex(), gap.first, gap.last] for gap in found.missing]
    links = [[tag.hex(), n, hash_.hex()] for tag, n, hash_ in found.links]
    return Judged("chains", {"entries": entries}, [findings, missing, links])


# --- teams ---


class Papers(NamedTuple):
    """A mandate and a roster of it, signed, and the list that the roster was made for."""

    mandate: Mandate
    roster: Roster
    device_list: bytes
    listed: dict[int, Any]


def _some(dice: random.Random, share: float) -> list[bytes]:
    return sorted(one.device_id for one in company.devices().values() if dice.random() < share)


def _lists(dice: random.Random) -> list[dict[int, Any]]:
    """Lists of two numbers, in time and at its borders."""
    found = [company.device_list()]
    for _ in range(4):
        at_ms = NOW_MS + dice.choice((-30, -29, -1, 0, 1)) * DAY_MS + dice.choice(NEAR)
        changed: dict[int, Any] = {3: dice.choice((1, 2)), 5: at_ms, 6: at_ms + 30 * DAY_MS}
        if changed[3] == 2:
            changed[4] = parties.list_hash(found[0])
        found.append({**found[0], **changed})
    return found


@cache
def pool(seed: int) -> list[Papers]:
    """Mandates of two keys and numbers with rosters, at the borders of their times."""
    dice = random.Random(f"papers {seed}")
    lists, found = _lists(dice), list[Papers]()
    signed_lists = [parties.sign_list(company.device("chief"), one) for one in lists]
    mandates = [_mandate(dice) for _ in range(POOL // 4)]
    while len(found) < POOL:
        number, mandate = dice.choice(mandates)
        at = dice.randrange(len(lists))
        signed = company.sign_roster(_roster(dice, mandate.seq, lists[at]), number)
        found.append(Papers(mandate, Roster.verify(mandate, signed), signed_lists[at], lists[at]))
    return found


def _mandate(dice: random.Random) -> tuple[int, Mandate]:
    number, seq = dice.choice((1, 2)), 3_100_000 + dice.choice((0, 0, 5))
    at_ms = NOW_MS + dice.choice((0, 0, 0, -90 * DAY_MS, DAY_MS)) + dice.choice(NEAR)
    entries = {**company.mandate(number, seq), 4: at_ms, 5: at_ms + 90 * DAY_MS}
    entries |= {8: _some(dice, 0.3), 10: _some(dice, 0.1)}
    return number, Mandate.verify(ACCOUNT, company.sign_mandate(entries))


def _roster(dice: random.Random, mandate_seq: int, listed: dict[int, Any]) -> dict[int, Any]:
    who = tuple(one for one in company.devices() if dice.random() < 0.85)
    at_ms = NOW_MS + dice.choice((0, 0, 0, -7 * DAY_MS, DAY_MS)) + dice.choice(NEAR)
    entries: dict[int, Any] = dict(company.roster(who, 3_100_001 + dice.randrange(3), mandate_seq))
    entries |= {5: at_ms, 6: at_ms + 7 * DAY_MS, 11: _some(dice, 0.1)}
    entries[7] = [listed[3], parties.list_hash(listed)]
    if dice.randrange(10) == 0:
        entries[7] = [dice.choice((1, 2, 3)), dice.choice((entries[7][1], bytes(32)))]
    ends = [entries[6], entries[6], at_ms - DAY_MS, at_ms - DAY_MS - 1]
    entries[8] = [[device, dice.choice(ends), mark] for device, _, mark in entries[8]]
    return entries


def _records(dice: random.Random) -> list[bytes]:
    return [one.record for one in company.devices().values() if dice.randrange(20)]


def _ref(dice: random.Random, papers: Papers) -> RosterRef:
    """The reference of a roster, one of three with something of another one."""
    mandate, seq, mark = papers.roster.ref
    other = dice.choice(pool(0)).roster.ref
    return dice.choice(
        (
            *[papers.roster.ref] * 6,
            RosterRef(mandate + dice.choice((-1, 1, 5)), seq, mark),
            RosterRef(mandate, seq + dice.choice((-1, 1)), mark),
            RosterRef(mandate, seq, other.hash),
        )
    )


def _was(known: list[Papers], ref: RosterRef, lists: list[DeviceList], records: list[DeviceRecord]) -> Any:
    """Ranks by the roster that a state names; None while it is not known (ACC-21, ROOM-10)."""
    papers = next((one for one in known if one.roster.ref == ref), None)
    device_list = papers and next((one for one in lists if one.head == papers.roster.list_head), None)
    if papers is None or device_list is None:
        return None
    try:
        return _ranks(team.view_by(papers.mandate, papers.roster, device_list, records))
    except ListGap:
        return None
    except RemoteError:
        return []


def _ranks(view: team.TeamView) -> list[list[Any]]:
    return sorted([one.hex(), rank] for one, rank in view.ranks().items())


def of_references(dice: random.Random) -> Judged:
    """Who was in force by the roster that a state names, or says that it names."""
    known = dice.sample(pool(0), dice.randint(1, 4))
    lists = [one.device_list for one in known if dice.randrange(10)]
    ref, records = _ref(dice, dice.choice(known)), _records(dice)
    given = {
        "account": ACCOUNT.hex(),
        "ref": [ref.mandate_seq, ref.seq, ref.hash.hex()],
        "devices": [one.device_id.hex() for one in company.devices().values()],
        "papers": [[one.mandate.signed.hex(), one.roster.signed.hex()] for one in known],
        "lists": [one.hex() for one in lists],
        "records": [one.hex() for one in records],
    }
    verified = [DeviceList.verify(ACCOUNT, one) for one in lists]
    return Judged("ranks", given, _was(known, ref, verified, [DeviceRecord.decode(one) for one in records]))


def of_slots(dice: random.Random) -> Judged:
    """Who is in force after some slots."""
    known = dice.sample(pool(0), dice.randint(1, 4))
    given_slots = [slots.encode_slot(one.mandate, one.roster) for one in known]
    signed, records = dice.choice(known).device_list, _records(dice)
    now_ms = NOW_MS + dice.choice(NEAR)
    given = {
        "account": ACCOUNT.hex(),
        "slots": [one.hex() for one in given_slots],
        "list": signed.hex(),
        "records": [one.hex() for one in records],
        "now_ms": now_ms,
    }

    def work() -> list[list[Any]]:
        standing = slots.read_slots(ACCOUNT, None, given_slots, now_ms).standing
        if standing is None:
            raise MandateInvalid("none is known")
        known_records = [DeviceRecord.decode(one) for one in records]
        return _ranks(team.view(standing, DeviceList.verify(ACCOUNT, signed), known_records, now_ms))

    return judged("in force", given, work)


# --- proofs ---


def _withdrawn(signed: bytes) -> proof_vectors.Line:
    return proof_vectors.line(proof_vectors.phone(), 9, signed, proof_vectors.LEFT_MS, 7)


def of_proofs(dice: random.Random) -> Judged:
    """A proof by some papers, with a receipt, a withdrawal and an answer that may go with them."""
    papers = dice.choice(pool(0))
    days = (0, 0, 30, 31, 90, 91, 365, 366)
    times = [NOW_MS + dice.choice(days) * DAY_MS + dice.choice((0, 1_000, -1_000)) for _ in range(2)]
    receipt = proof_vectors.receipt(_5=times[0], _7=dice.choice((1, 2)))
    signed = proof_vectors.given(receipt)
    left = proof_vectors.left(
        {
            1: hash_("SR1-consent", cbor.encode(receipt)),
            2: proof_vectors.room(),
            3: times[1],
            4: dice.choice((1, 2)),
        }
    )
    line = dice.choice((proof_vectors.opened(signed[0]), _withdrawn(left[0]), None))
    proof = proof_vectors.proof(_8=signed, _9=dice.choice((None, left)))
    if line is not None:
        parts = {
            "_1": papers.mandate.signed,
            "_2": papers.roster.signed,
            "_3": dice.choice((papers, papers, papers, dice.choice(pool(0)))).device_list,
        }
        named = dice.choice((line.hash, line.hash, line.hash, bytes(32)))
        state = proof_vectors.state(named, _8=list(_ref(dice, papers)), _4=dice.choice((1, 4)))
        proof[10] = proof_vectors.answer(line, state, dice.choice(("desk", "chief", "agent")), **parts)
    encoded = cbor.encode(proof)

    def work() -> list[Any]:
        found = Proof.verify(ACCOUNT, encoded)
        answer = found.answer and ("withdrawal" if found.answer.is_of_withdrawal else "receipt")
        return [found.is_withdrawn, answer, sorted(one.value for one in found.doubts)]

    return judged("proof", {"account": ACCOUNT.hex(), "proof": encoded.hex()}, work)


# --- both ---

KINDS: Final = (
    *(of_states, of_states, of_states, of_states, of_order),
    *(of_chains, of_references, of_references, of_slots, of_proofs),
)


def differences(runs: int, seed: int) -> tuple[list[str], Counter[str]]:
    """Of what both cores say something else, and how often which operation gave a value or a code."""
    dice = random.Random(seed)
    cases = [KINDS[at % len(KINDS)](dice) for at in range(runs)]
    given = json.dumps([[one.operation, one.given] for one in cases])
    done = web_packages.run(web_packages.REMEMBERING, "packages/client/tests/values.ts", given=given)
    if done.returncode != 0:
        return [done.stderr[-2_000:]], Counter()
    found = [
        f"{one.operation}: {their} in TypeScript, {one.value} here: {json.dumps(one.given)}"
        for one, their in zip(cases, json.loads(done.stdout), strict=True)
        if json.loads(json.dumps(one.value)) != their
    ]
    kinds = Counter(f"{one.operation} {'code' if isinstance(one.value, str) else 'value'}" for one in cases)
    return found, kinds


def main() -> int:
    parser = argparse.ArgumentParser(description="rooms, teams and proofs of which both cores say the same")
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found, kinds = differences(options.runs, options.seed)
    print(f"{options.runs} cases, {len(found)} differences; {dict(kinds)}")
    for one in found[:30]:
        print(one[:600])
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
