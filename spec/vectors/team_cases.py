"""Who is in force by records, lists, mandates and times, for accounts.json; by hand from chapter 15."""

from __future__ import annotations

from typing import Any, Final

from spec.vectors import company, parties
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, hash_

EVERYBODY: Final = {"chief": 3, "desk": 2, "agent": 1, "bot": 0}
PERSON, AGENT, BOT = 0, 1, 2


def record(who: str, **changed: Value) -> bytes:
    """Another record of a device."""
    names = {"kind": 7, "flags": 8, "created_ms": 9, "expires_ms": 10}
    return cbor({**company.device(who).entries, **{names[name]: one for name, one in changed.items()}})


def slot(mandate: dict[int, Value], roster: dict[int, Value], number: int = 1) -> bytes:
    """A mandate and a roster, signed."""
    return cbor([company.sign_mandate(mandate), company.sign_roster(roster, number)])


def case(name: str, in_force: dict[str, int] | str, **given: Any) -> dict[str, Any]:
    """A view: `more` records are listed too, `unlisted` ones only known, `mandate` has what is changed."""
    records = [one.record for one in company.devices().values()]
    records += given.get("more", [])
    hashes = [hash_("SR1-record", one) for one in records]
    first = parties.list_hash(company.device_list())
    listed = parties.list_entries(company.device("chief"), 2, first, hashes, **given.get("list", {}))
    mandate = {**company.mandate(), **given.get("mandate", {})}
    found: Any = in_force
    if not isinstance(in_force, str):
        found = {company.device(who).device_id.hex(): rank for who, rank in in_force.items()}
    return {
        "name": name,
        "list": parties.sign_list(company.device("chief"), listed),
        "records": records + given.get("unlisted", []),
        "slots": given.get("slots", [slot(mandate, {**company.roster(), **given.get("roster", {})})]),
        "now_ms": NOW_MS + given.get("shift_ms", 0),
        "in_force": found,
    }


def cases() -> list[dict[str, Any]]:
    """All of them."""
    agent, bot, chief = (company.device(who).device_id for who in ("agent", "bot", "chief"))
    known = hash_("SR1-record", company.device("agent").record)
    others = (record("agent", flags=1, expires_ms=NOW_MS + 300 * DAY_MS + at) for at in range(99))
    larger = next(one for one in others if hash_("SR1-record", one) > known)
    without_agent = {who: rank for who, rank in EVERYBODY.items() if who != "agent"}
    second = company.mandate(2, 3_100_050)
    of_second = company.roster(seq=5, mandate_seq=3_100_050)
    older = company.roster(seq=3_100_000)
    over = {**company.roster(seq=3_100_002), 5: NOW_MS - 6 * DAY_MS, 6: NOW_MS - DAY_MS - 1}
    over[8] = [[row[0], NOW_MS - 2 * DAY_MS, row[2]] for row in over[8]]  # type: ignore[union-attr,index]
    return [
        case(
            "record of a bot, created later",
            {**EVERYBODY, "agent": 0},
            more=[record("agent", kind=BOT, created_ms=NOW_MS + 1)],
        ),
        case(
            "record with the flag, created before",
            EVERYBODY,
            more=[record("agent", flags=1, created_ms=NOW_MS - 1)],
        ),
        case("records created at one time", {**EVERYBODY, "agent": 2}, more=[larger]),
        case(
            "record created later, over",
            EVERYBODY,
            more=[record("agent", kind=BOT, created_ms=NOW_MS + 1, expires_ms=NOW_MS + 2)],
            shift_ms=3,
        ),
        case(
            "record created later, of a person",
            EVERYBODY,
            more=[record("agent", kind=PERSON, created_ms=NOW_MS + 1)],
        ),
        case(
            "record created later, more than a day ahead",
            EVERYBODY,
            more=[record("agent", kind=BOT, created_ms=NOW_MS + DAY_MS + 1)],
        ),
        case(
            "record created later, not listed",
            EVERYBODY,
            unlisted=[record("agent", kind=BOT, created_ms=NOW_MS + 1)],
        ),
        case("record of a person only", {**EVERYBODY}, unlisted=[record("agent", kind=PERSON)]),
        case("supervisor of kind bot", {**EVERYBODY, "bot": 3}, mandate={8: sorted([bot, chief])}),
        case("mandate without supervisors", {**EVERYBODY, "chief": 2}, mandate={8: []}),
        case("mandate that suspends", without_agent, mandate={10: [agent]}),
        case(
            "mandate that suspends its supervisor",
            {who: rank for who, rank in EVERYBODY.items() if who != "chief"},
            mandate={10: [chief]},
        ),
        case("roster that names and suspends", without_agent, roster={11: [agent]}),
        case("roster that states a lower list", EVERYBODY, list={"issued_ms": NOW_MS + DAY_MS}),
        case("list more than a day ahead", "remote.list_expired", list={"issued_ms": NOW_MS + DAY_MS + 1}),
        case(
            "newer mandate, older roster number",
            EVERYBODY,
            slots=[slot(company.mandate(), company.roster()), slot(second, of_second, 2)],
        ),
        case(
            "suspended under the older mandate",
            EVERYBODY,
            slots=[slot(company.mandate(), {**company.roster(), 11: [agent]}), slot(second, of_second, 2)],
        ),
        case(
            "newer mandate that is over",
            "room.mandate",
            slots=[
                slot(company.mandate(), company.roster()),
                slot({**second, 4: NOW_MS - 9 * DAY_MS, 5: NOW_MS - DAY_MS - 1}, of_second, 2),
            ],
        ),
        case(
            "newer mandate more than a day ahead",
            EVERYBODY,
            slots=[
                slot(company.mandate(), company.roster()),
                slot({**second, 4: NOW_MS + DAY_MS + 1}, company.roster(("bot",), mandate_seq=3_100_050), 2),
            ],
        ),
        case(
            "newer mandate that suspends, its roster more than a day ahead",
            "room.roster_expired",
            slots=[
                slot(company.mandate(), company.roster()),
                slot({**second, 10: [agent]}, {**of_second, 5: NOW_MS + DAY_MS + 1}, 2),
            ],
        ),
        case(
            "roster more than a day ahead of a known mandate",
            EVERYBODY,
            slots=[
                slot(second, of_second, 2),
                slot(second, {**of_second, 4: 6, 5: NOW_MS + DAY_MS + 1, 8: []}, 2),
            ],
        ),
        case(
            "newer roster that is over",
            "room.roster_expired",
            slots=[slot(company.mandate(), older), slot(company.mandate(), over)],
        ),
        case(
            "newer roster more than a day ahead",
            EVERYBODY,
            slots=[
                slot(company.mandate(), older),
                slot(company.mandate(), {**company.roster(("bot",), seq=9_000_000), 5: NOW_MS + DAY_MS + 1}),
            ],
        ),
        case(
            "roster more than a day ahead that suspends",
            EVERYBODY,
            slots=[
                slot(company.mandate(), older),
                slot(
                    company.mandate(),
                    {**company.roster(seq=9_000_000, suspended=[agent]), 5: NOW_MS + DAY_MS + 1},
                ),
            ],
        ),
    ]
