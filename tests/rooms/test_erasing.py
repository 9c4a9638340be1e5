"""Erasure as developers and the command line see it: who has answered, and in which words."""

from __future__ import annotations

from typing import cast

import pytest
from conversations import until_read
from e2ee_client import Client
from e2ee_client.cli import room_erasing
from e2ee_client.cli.texts import LANGUAGES, Texts
from e2ee_client.contacts import wait_until
from e2ee_client.engine.rooms.views import ErasureAnswer, ErasureView
from e2ee_client.people import Person, Role
from e2ee_client.rooms import CompanyRoom
from practice import Practice

from e2ee.errors import NoRight
from e2ee.ids import DeviceId
from e2ee.rooms.entry import EntryHash


async def test_an_order_names_whom_it_waits_for_until_all_have_answered(praxis: Practice) -> None:
    """ROOM-45: of both sides, for an entry and under a hold."""
    customer = await praxis.customer()
    room = await praxis.opened(customer)
    said = await room.send("Meine Diagnose")
    company = praxis.company
    await wait_until(lambda: bool(company.rooms()), company.client.progress, 60, "the room")
    theirs = company.room(room.room_id)
    assert isinstance(theirs, CompanyRoom)
    await wait_until(lambda: theirs.unread == 1, company.client.progress, 60, "the text")
    with pytest.raises(NoRight):
        await theirs.erase([said])
    await theirs.set_hold(True, "Streit")
    # Nobody answers before the order was looked at.
    praxis.network.cut()
    order = await room.erase([said])
    (found,) = await room.erasures()
    assert (found.order, found.entries, found.answers) == (order.hash, (said.hash,), ())
    (waited_for,) = found.missing
    assert not waited_for.is_this

    async def outcomes() -> list[str]:
        return [one.outcome for one in (await room.erasures())[0].answers]

    praxis.network.mend()
    await until_read(outcomes, ["hold"])


def view(*, outcome: str | None, whole: bool) -> ErasureView:
    """An erasure of a company with one device."""
    person = Person(DeviceId(bytes(16)), Role.DESK, "Frau Braun")
    answers = () if outcome is None else (ErasureAnswer(person, outcome, None, 1_000),)
    entries = () if whole else (EntryHash(bytes(32)),)
    return ErasureView(EntryHash(bytes(32)), entries, 0, answers, () if outcome == "done" else (person,))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_command_line_says_who_has_answered_and_what_stands_above_it(language: str) -> None:
    """ROOM-45: in both languages."""
    texts = Texts(language)
    client = cast("Client", None)  # asked for who has no name alone
    done = room_erasing._line(view(outcome="done", whole=True), client, texts)
    waiting = room_erasing._line(view(outcome=None, whole=False), client, texts)
    held = room_erasing._line(view(outcome="hold", whole=False), client, texts)
    assert texts.say("erasures.room") in done
    assert done.index("Frau Braun") < done.index(texts.say("erasures.nobody"))
    assert waiting.index(texts.say("erasures.nobody")) < waiting.index("Frau Braun")
    assert texts.say("erasure.hold") in held
    assert room_erasing._json(view(outcome="hold", whole=False))["missing"] == [bytes(16).hex()]
