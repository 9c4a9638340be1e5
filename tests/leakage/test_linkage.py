"""What a relay can link by values: only what the declaration's scopes say (LKG-06 to LKG-09, LKG-12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from e2ee_client.engine import Channel, mailboxes, upkeep
from e2ee_client.engine.delivery import Delivery
from e2ee_client.engine.own_mailbox import Mailbox
from leakage_declaration import Row
from leakage_scripts import DAY, FIRST, HOUR, SCRIPTS, TWO_COMPANIES, Played, Stage, play
from relay_view import DOWN, OPENED, STORED, UP, Seen, all_fields
from seen_fields import Field

from e2ee.ports import Rng

# One worker plays the scripts for all of these tests.

Table = Mapping[str, Row]
_PART_B = 8
_STORED_TIMES = {f"db.message.{column}" for column in ("received_ms", "expires_ms")}


def strays(view: Sequence[Seen], table: Table) -> list[str]:
    """Random values that stand in two rows of the declaration, or beyond the scope of theirs."""
    rows: dict[bytes, set[str]] = defaultdict(set)
    scopes: dict[tuple[str, bytes], set[object]] = defaultdict(set)
    mailbox_of: dict[bytes | None, bytes | None] = {}
    for seen, field in all_fields(list(view)):
        row = table[field.path]
        if not row.is_random or not isinstance(field.value, bytes):
            continue
        rows[field.value].add(row.what)
        owner = field.owner
        if owner.mailbox is not None and owner.message is not None:
            mailbox_of[owner.message] = owner.mailbox
        place = {
            "message": owner.message,
            "flight": owner.mailbox or mailbox_of.get(owner.message),
            "chain": owner.mailbox or mailbox_of.get(owner.message),
            "connection": seen.connection,
            "mailbox": owner.mailbox,
            "account": owner.account,
        }[row.scope]
        if place is not None:
            scopes[row.what, field.value].add(place)
    found = [f"{' and '.join(sorted(names))} share a value" for names in rows.values() if len(names) > 1]
    return found + [f"{what} comes again beyond its scope" for (what, _), at in scopes.items() if len(at) > 1]


@pytest.mark.parametrize("script", SCRIPTS)
def test_values_link_within_their_scope_only(played: Played, table: Table, script: str) -> None:
    """LKG-06: no value is in two rows, and each comes again within its message, chain, mailbox, ... only."""
    assert strays(played(script, "first").relay.view, table) == []


def test_a_token_that_serves_as_message_id_is_found(table: Table) -> None:
    """LKG-06, control: one value in two rows, and one message id for two messages."""
    ids = [bytes([n]) * 16 for n in range(4)]
    fields = [Field("SEND.token", ids[0]), Field("SEND.msg_id", ids[0])]
    assert strays([Seen(0, UP, 1, fields)], table) == ["delivery token and message id share a value"]
    view = [Seen(0, OPENED, n, [Field("HELLO.nonce", ids[1])]) for n in (1, 2)]
    assert strays(view, table) == ["nonce comes again beyond its scope"]


# --- two contacts of one person ---


def channels(stage: Stage, role: str) -> dict[int, Channel]:
    """Which connection of the relay served which channel of a person, over the whole run."""
    return stage.channels[role]


def seen_with(stage: Stage, role: str, contact: str) -> Iterator[tuple[Seen, Field]]:
    """What the relay saw on the connections that a person made for one contact."""
    account = stage.people[contact].engine.account_id
    mailboxes = stage.mailboxes_for(role, account)
    numbers = {
        number
        for number, one in channels(stage, role).items()
        if one.isolation == account or one.mailbox in mailboxes
    }
    assert len(numbers) >= 4
    for seen, field in all_fields(stage.relay.view):
        if seen.connection in numbers:
            yield seen, field


def parts(stage: Stage, contact: str) -> set[bytes]:
    """Every run of 8 bytes inside a byte string that the relay saw for one contact of the customer."""
    values = {
        field.value for _, field in seen_with(stage, "kundin", contact) if isinstance(field.value, bytes)
    }
    assert len(values) > 50
    return {
        value[start : start + _PART_B]
        for value in values
        for start in range(max(len(value) - _PART_B, 0) + 1)
    } - {b""}


def test_two_contacts_of_one_person_share_nothing(played: Played) -> None:
    """LKG-07: not even eight bytes of anything, in either direction, before and after she was away."""
    stage = played("two companies", "first")
    assert parts(stage, "praxis").isdisjoint(parts(stage, "kanzlei"))
    serving = channels(stage, "kundin").values()
    assert all(bool(one.isolation) != bool(one.mailbox) for one in serving)


def test_one_owner_key_for_all_mailboxes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """LKG-07, control: a client that proves every mailbox with one key."""
    made = upkeep.new_mailbox

    def thrifty(relay_url: str, contact: bytes, rng: Rng) -> Mailbox:
        return replace(made(relay_url, contact, rng), owner_seed=bytes(32))

    monkeypatch.setattr(mailboxes, "new_mailbox", thrifty)
    stage = play(TWO_COMPANIES, FIRST)
    assert not parts(stage, "praxis").isdisjoint(parts(stage, "kanzlei"))


def test_one_connection_for_all_contacts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """LKG-07, control: a client that sends to everybody on one connection."""
    channel = Delivery.channel

    def thrifty(self: Delivery, *args: Any) -> Channel:
        return Channel(channel(self, *args).relay_url, b"", b"")

    monkeypatch.setattr(Delivery, "channel", thrifty)
    serving = channels(play(TWO_COMPANIES, FIRST), "kundin").values()
    assert not all(bool(one.isolation) != bool(one.mailbox) for one in serving)


# --- who sends ---


def operations(view: Sequence[Seen]) -> dict[int, set[str]]:
    """What was asked on each connection."""
    asked: dict[int, set[str]] = defaultdict(set)
    for seen in view:
        if seen.what == UP:
            asked[seen.connection] |= {str(one.value) for one in seen.fields if one.path == "frame.operation"}
    return asked


@pytest.mark.parametrize("script", SCRIPTS)
def test_whoever_sends_proves_no_mailbox(played: Played, script: str) -> None:
    """LKG-08: SEND, LOOKUP and PREKEYS_FETCH of a person are never on a connection with AUTH."""
    stage = played(script, "first")
    persons = [
        number for role in ("kundin", "kunde") if role in stage.people for number in channels(stage, role)
    ]
    asked = operations(stage.relay.view)
    sending = [number for number in persons if asked[number] & {"SEND", "LOOKUP", "PREKEYS_FETCH"}]
    assert sending
    assert [number for number in sending if asked[number] - {"SEND", "LOOKUP", "PREKEYS_FETCH"}] == []


# --- time ---


def test_what_is_stored_is_coarse(played: Played) -> None:
    """LKG-09, RLY-34: full hours, and days at least a week apart, whenever things happened."""
    days: dict[object, list[int]] = defaultdict(list)
    for script in SCRIPTS:
        for seen, field in all_fields(played(script, "first").relay.view):
            if field.path in {"MESSAGE.received_ms", *_STORED_TIMES}:
                assert int(str(field.value)) % HOUR == 0
            if field.path == "db.seen.until_hour":
                assert 0 < int(str(field.value)) * HOUR - seen.at_ms <= 2 * HOUR or seen.what != STORED
            if field.path == "db.mailbox.used_day" and seen.what == STORED:
                days[script, field.owner.mailbox].append(int(str(field.value)))
    assert any(len(one) > 1 for one in days.values())
    assert all(b - a >= 7 for one in days.values() for a, b in pairwise(one))


def test_receipts_leave_together_and_not_at_once() -> None:
    """LKG-12: both companies' texts are confirmed at one moment, with one envelope for each contact."""
    script = [*TWO_COMPANIES, ("wait", DAY // 24)]
    stage = play(script, FIRST)
    began = len(stage.relay.view)
    at_ms = stage.world.now_ms
    for company in ("praxis", "kanzlei"):
        for _ in range(3):
            stage.say(company, "kundin", "yes")
    stage.wait(3_000)
    sent = [
        seen
        for seen in stage.relay.view[began:]
        if seen.what == UP and seen.connection in channels(stage, "kundin")
    ]
    receipts = [
        seen
        for seen in sent
        if any(one.path == "SEND.body" or one.path == "envelope.size" for one in seen.fields)
    ]
    assert len(receipts) == 2
    assert len({seen.at_ms for seen in receipts}) == 1
    assert 300 <= receipts[0].at_ms - at_ms <= 1_000
    assert [seen for seen in stage.relay.view[began:] if seen.what == DOWN]
