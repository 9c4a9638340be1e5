"""accounts.json and consent.json: chapters 15 and 18."""

from __future__ import annotations

from typing import Any

from spec.vectors import company, gate_cases, parties, team_cases
from spec.vectors.document import render
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, hash_


def _structure(entries: dict[int, Value], signed: bytes, label: str | None) -> dict[str, Any]:
    encoded = cbor(entries)
    found: dict[str, Any] = {"encoded": encoded, "signed": signed}
    return found if label is None else {**found, "hash": hash_(label, encoded)}


def accounts() -> str:
    """A company's signed structures, and who is in force after which of them."""
    first, second = company.mandate(), company.mandate(2, 3_100_050)
    agent = company.device("agent").device_id
    rosters = {
        "all": company.roster(),
        "without the agent": company.roster(("chief", "desk", "bot"), 3_100_002),
        "agent suspended": company.roster(("chief", "desk", "bot"), 3_100_003, suspended=[agent]),
        "agent named again": company.roster(seq=3_100_004),
        "same number": company.roster(("desk",), seq=3_100_004),
        "agent ends early": company.roster(seq=3_100_005, ends={"agent": NOW_MS + DAY_MS}),
        "highest number": company.roster(("bot",), seq=2**31 - 1),
        "next mandate": company.roster(seq=3_100_060, mandate_seq=3_100_050),
    }
    slots = {
        name: cbor(
            [company.sign_mandate(second), company.sign_roster(one, 2)]
            if name == "next mandate"
            else [company.sign_mandate(first), company.sign_roster(one)]
        )
        for name, one in rosters.items()
    }
    given = [
        (["all"], 0),
        (["all", "without the agent"], 0),
        (["agent suspended", "agent named again"], 0),
        (["agent named again", "agent suspended"], 0),
        (["agent named again", "same number"], 0),
        (["same number", "agent named again"], 0),
        (["agent ends early"], 2 * DAY_MS),
        (["agent ends early"], 2 * DAY_MS + 1),
        (["all"], 8 * DAY_MS),
        (["all"], 8 * DAY_MS + 1),
        (["all"], -DAY_MS),
        (["highest number", "all"], 0),
        (["highest number", "agent suspended", "next mandate"], 0),
        (["next mandate", "highest number"], 0),
    ]
    same = min(
        (rosters[name] for name in ("agent named again", "same number")),
        key=lambda one: hash_("SR1-roster", cbor(one)),
    )
    everybody = {"chief": 3, "desk": 2, "agent": 1, "bot": 0}
    of_same = everybody if same is rosters["agent named again"] else {"desk": 2}
    without = {name: rank for name, rank in everybody.items() if name != "agent"}
    found: list[dict[str, int] | str] = [
        everybody,
        without,
        without,
        without,
        of_same,
        of_same,
        everybody,
        without,
        everybody,
        "room.roster_expired",
        everybody,
        {"bot": 0},
        everybody,
        everybody,
    ]
    return render(
        "A company: records and list of four devices, two mandates, rosters, cards, channels, slots, a"
        " content of type 12. `views` are slots in the order in which they are learned at `now_ms`, and who"
        " is then in force, by device id with the rank, or the code; `teams` are views with records and a"
        " list of their own.",
        "ACC-01 ACC-02 ACC-04 ACC-05 ACC-06 ACC-08 ACC-09 ACC-10 ACC-11 ACC-12 ACC-14 ACC-18 ACC-19 ACC-20",
        {
            "account_id": company.ACCOUNT_ID,
            "records": {who: one.record for who, one in company.devices().items()},
            "list": parties.sign_list(company.device("chief"), company.device_list()),
            "mandates": [
                _structure(one, company.sign_mandate(one), "SR1-mandate") for one in (first, second)
            ],
            "rosters": {
                name: _structure(
                    one, company.sign_roster(one, 2 if name == "next mandate" else 1), "SR1-roster"
                )
                for name, one in rosters.items()
            },
            "cards": {
                who: {"card": cbor(company.card(who, who.title())), "hash": company.card_hash(who)}
                for who in company.WHO
            },
            "channels": _structure(company.channels(), company.sign_channels(company.channels()), None),
            "slots": slots,
            "content": cbor(roster_payload()),
            "views": [
                {
                    "slots": names,
                    "now_ms": NOW_MS + shift_ms,
                    "in_force": view
                    if isinstance(view, str)
                    else {company.device(who).device_id.hex(): rank for who, rank in view.items()},
                }
                for (names, shift_ms), view in zip(given, found, strict=True)
            ],
            "teams": team_cases.cases(),
        },
    )


def roster_payload() -> dict[int, Value]:
    """The payload of a content of type 12."""
    return {
        1: company.sign_mandate(company.mandate()),
        2: company.sign_roster(company.roster()),
        3: [parties.sign_list(company.device("chief"), company.device_list())],
        4: [one.record for one in company.devices().values()],
        5: [company.sign_notice(company.notice())],
        6: [cbor(company.card("agent", "Agent"))],
    }


def consents() -> str:
    """A notice, a door, receipts and withdrawals, and which of them counts."""
    receipts = {f"receipt {seq}": company.receipt(seq) for seq in (1, 3)}
    receipts["receipt 3 for less"] = company.receipt(3, purposes=1)
    leaves = {f"withdrawal {seq}": company.withdrawal(seq) for seq in (2, 3)}
    smaller = min(
        ("receipt 3", "receipt 3 for less"), key=lambda name: hash_("SR1-consent", cbor(receipts[name]))
    )
    sets: list[tuple[list[str], str | None]] = [
        (["receipt 1"], "receipt 1"),
        (["receipt 1", "withdrawal 2"], None),
        (["withdrawal 2", "receipt 1"], None),
        (["withdrawal 2", "receipt 3", "receipt 1"], "receipt 3"),
        (["receipt 3", "withdrawal 3"], None),
        (["withdrawal 3", "receipt 3"], None),
        (["receipt 3", "receipt 3 for less"], smaller),
        (["receipt 3 for less", "receipt 3"], smaller),
    ]
    notice, door = company.notice(), company.door()
    return render(
        "A notice with its texts, a door, receipts and withdrawals of one room, signed by `customer`."
        " `sets` are what is known of the room, in the order in which it came, and the receipt that counts,"
        " or null. `gate` are rooms, and for each kind of entry of a customer the code with which it is"
        " refused there, or null: whether a receipt is known, is over, or withdrawn, the phase, and whether a"
        " closed room may be opened again. `lines` are the codes for a line of a forward, with its body.",
        "CNS-01 CNS-02 CNS-04 CNS-05 CNS-06 CNS-07 CNS-08 CNS-09 CNS-13 CNS-92 ROOM-19",
        {
            "now_ms": NOW_MS,
            "account_id": company.ACCOUNT_ID,
            "customer": company.customer().entries[5],
            "room": company.ROOM,
            "notice": _structure(notice, company.sign_notice(notice), "SR1-notice"),
            "texts": company.TEXTS,
            "door": cbor(door),
            "relay_url": company.RELAY_URL,
            "origin": "https://praxis.example",
            "receipts": {
                name: _structure(one, company.sign_receipt(one), "SR1-consent")
                for name, one in receipts.items()
            },
            "withdrawals": {
                name: _structure(one, company.sign_withdrawal(one), None) for name, one in leaves.items()
            },
            "sets": [{"known": names, "counts": counts} for names, counts in sets],
            "gate": gate_cases.cases(),
        },
    )
