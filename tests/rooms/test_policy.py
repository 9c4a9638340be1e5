"""What a desk grants by itself, and notes of agents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conversations import until, until_read
from e2ee_client.errors import RetentionNotStated, UnknownRoom
from e2ee_client.rooms import Company, CompanyRoom, Policy, RequestAsked, Room
from e2ee_client.rooms.notices import EXAMPLE, Notice
from e2ee_client.testing import MemoryNetwork
from practice import Practice

from e2ee.errors import InvalidArgument
from e2ee.rooms.signals import RequestKind
from e2ee.rooms.state import Phase, Retention, RetentionClass, State

DAY_S = 86_400
YEAR_S = 365 * DAY_S


async def texts(room: Room) -> list[str | None]:
    return [one.text for one in await room.texts()]


async def notes(room: CompanyRoom) -> list[str | None]:
    try:
        return await texts(await room.notes())
    except UnknownRoom:
        return []


async def retentions(room: Room) -> list[Retention]:
    return [one.payload.retention for one in await room.history() if isinstance(one.payload, State)]


async def test_an_agent_writes_a_note_and_hands_the_room_to_a_team(praxis: Practice) -> None:
    """ROOM-22, ROOM-32, ROOM-33, ROOM-34: nobody is asked, the next agent is given the note, and the first
    one leaves both rooms.
    """
    a = await praxis.agent("Agent A", teams=["empfang"])
    b = await praxis.agent("Agent B", teams=["abrechnung"])
    room = await praxis.opened(await praxis.customer())
    await room.send("Guten Tag")
    at_a = await anext(a.waiting())
    await at_a.claim(600)
    await at_a.send("Guten Tag, hier ist A")
    await at_a.transfer(team="abrechnung", note="Rechnung 4711")
    at_b = await anext(b.waiting())
    assert at_b.waits_for == "abrechnung"
    await at_b.claim(600)
    await until(lambda: [one.name for one in room.members] == ["Agent B"])
    await until_read(lambda: notes(at_b), ["Rechnung 4711"])
    beside = await at_b.notes()
    await until(lambda: sorted(str(one.name) for one in beside.members) == ["Agent B", "Praxis"])
    assert await texts(room) == ["Guten Tag", "Guten Tag, hier ist A"]
    assert "Rechnung 4711" not in str([one.payload for one in await room.history()])


async def test_a_company_that_wants_persons_to_decide_is_asked(praxis: Practice) -> None:
    """ROOM-22."""
    await praxis.company.set_policy(Policy(grants=frozenset()))
    a = await praxis.agent("Agent A")
    room = await praxis.opened(await praxis.customer())
    at_a = await anext(a.waiting())
    await at_a.claim(600)
    events = praxis.company.events()
    await at_a.close("erledigt")
    asked = await anext(one async for one in events if isinstance(one, RequestAsked))
    assert room.phase is Phase.OPEN
    await praxis.company.room(room.room_id).decide(asked, grant=True)
    await until(lambda: room.phase is Phase.CLOSED)


def test_only_what_members_may_ask_for_is_granted() -> None:
    """ROOM-22: nobody is added by a policy."""
    with pytest.raises(InvalidArgument):
        Policy(grants=frozenset({RequestKind.ADD}))
    with pytest.raises(InvalidArgument):
        Policy(team="")


def telling(praxis: Practice, *retention: tuple[int, int]) -> Notice:
    """A notice with these classes and periods."""
    facts = {**EXAMPLE, "relay_url": praxis.company.client.card().relay_url}
    drafted = Notice.draft("health", "consent", facts, is_reviewed=True)
    return replace(drafted, fields=drafted.fields._replace(retention=list(retention)))


@pytest.mark.parametrize(
    ("told", "words"),
    [((2, 7 * DAY_S), "default 7d"), ((1, YEAR_S), "ephemeral 1y"), ((3, 36 * 3_600), "statutory 36h")],
)
async def test_a_notice_that_does_not_tell_what_the_policy_does_is_not_published(
    praxis: Practice, told: tuple[int, int], words: str
) -> None:
    """CNS-46: a shorter period, or another class; both are named, and the notice before stays."""
    notice = telling(praxis, told)
    for refused in (praxis.company.publish, praxis.company.notice_request):
        with pytest.raises(RetentionNotStated, match=f"policy: default 90d; notice: {words}") as caught:
            await refused(notice)
        assert (caught.value.policy, caught.value.notice) == ((2, 90 * DAY_S), (told,))
    await praxis.publish_door()
    shown = await (await praxis.customer()).notice()
    assert dict(shown.found.door.notice.retention)[2] == 90 * DAY_S


async def test_a_policy_that_the_notice_does_not_tell_is_not_set(praxis: Practice) -> None:
    """CNS-46: to shorten a period the policy goes first, to lengthen it the notice."""
    company, usual = praxis.company, praxis.company.policy
    for wrong in (Retention(RetentionClass.DEFAULT, 90 * DAY_S + 1), Retention(RetentionClass.EPHEMERAL, 60)):
        with pytest.raises(RetentionNotStated, match=r"notice: default 90d, statutory 90d, proof 3y"):
            await company.set_policy(Policy(retention=wrong))
        assert company.policy == usual
    week = Policy(retention=Retention(RetentionClass.DEFAULT, 7 * DAY_S))
    await company.set_policy(week)
    await company.publish(telling(praxis, (2, 7 * DAY_S)))
    with pytest.raises(RetentionNotStated, match="policy: default 90d; notice: default 7d"):
        await company.set_policy(usual)
    await company.publish(telling(praxis, (2, 90 * DAY_S)))
    await company.set_policy(usual)


async def test_a_policy_stays_and_holds_for_new_rooms(praxis: Practice) -> None:
    week = Retention(RetentionClass.DEFAULT, 7 * 86_400)
    await praxis.company.set_policy(Policy(retention=week, team=None))
    room = await praxis.opened(await praxis.customer())
    await room.send("Guten Tag")
    await until(lambda: len(praxis.company.rooms()) == 1)
    theirs = praxis.company.rooms()[0]
    await until_read(lambda: retentions(theirs), [week])
    assert theirs.waits_for is None


@pytest.mark.parametrize(
    "grants", [[], [RequestKind.CLOSE], [RequestKind.TRANSFER, RequestKind.REOPEN], None]
)
async def test_a_policy_holds_when_the_store_is_opened_again(
    network: MemoryNetwork, tmp_path: Path, grants: list[RequestKind] | None
) -> None:
    """ROOM-22: whatever is granted, the usual kinds as well."""
    policy = Policy(team=None) if grants is None else Policy(grants=frozenset(grants))
    path, key, runtime = tmp_path / "desk.db", bytes(32), network.runtime()
    founding = Company.create(path, key=key, relay=network.url, name="Praxis", online=False, runtime=runtime)
    async with founding as company:
        await company.set_policy(policy)
    async with Company.open(path, key=key, online=False, runtime=runtime) as company:
        assert company.policy == policy
