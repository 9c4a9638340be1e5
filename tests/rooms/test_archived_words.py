"""Wordings, forms and ratings in transcripts: both verifiers say the same of them, whoever exports."""

from __future__ import annotations

import json
import random
from pathlib import Path

import independent_export
import pytest
from conversations import until
from e2ee_client.rooms import Room, choice, day, free_text, number
from practice import Practice

from e2ee.ids import AccountId
from e2ee.rooms.kinds import Kind

QUESTIONS = (choice("Wann?", "Montag", "Dienstag"), free_text("Warum?", required=False), number("Wie oft?"))


async def talk(praxis: Practice, rnd: random.Random) -> tuple[Room, Room]:
    """A room in which both sides write, word anew, ask, answer, rate and erase."""
    room = await praxis.opened(await praxis.customer())
    await room.send("Guten Tag")
    await until(lambda: any(one.unread for one in praxis.company.rooms()))
    theirs = praxis.company.room(room.room_id)
    for at in range(24):
        side = rnd.choice((room, theirs))
        own = [one for one in await side.texts() if one.is_ours]
        forms = [one for one in await room.history() if one.kind == Kind.FORM and one.form is not None]
        match rnd.randrange(7):
            case 0 if own:
                await side.edit(rnd.choice(own), f"anders {at}")
            case 1:
                await theirs.ask("Termin", *QUESTIONS, day("Geboren?", required=False))
            case 2 if forms:
                await room.answer(rnd.choice(forms), "Dienstag", f"weil {at}", at, None)
            case 3:
                await room.rate(1 + at % 5, "gut")
            case 4 if own:
                await side.erase([rnd.choice(own)])
            case _:
                await side.send(f"Text {at}", reply_to=rnd.choice(own) if own else None)
    return room, theirs


@pytest.mark.parametrize("seed", range(2))
async def test_both_verifiers_read_the_same(praxis: Practice, tmp_path: Path, seed: int) -> None:
    """EXP-02, EXP-13, TRN-40: each wording stands in the file, what was erased in none of its wordings."""
    room, theirs = await talk(praxis, random.Random(seed))
    account = AccountId(praxis.company.client.account_id)
    for side, name in ((room, "ours.json"), (theirs, "theirs.json")):
        report = await side.export(tmp_path / name)
        lines = (tmp_path / name).read_bytes().splitlines()
        shown = independent_export.verify(lines, account)
        assert [one.verdict for one in shown.entries] == [one.verdict.value for one in report.entries]
        assert (shown.refused, shown.has_end, report.refused_count) == ([], True, 0)
        said = [json.loads(one.removesuffix(b",")) for one in lines if one.startswith(b'{"entry"')]
        assert Kind.TEXT in {one["kind"] for one in said}
        hidden = {one.hash.hex() for one in await side.history(limit=500) if one.is_hidden}
        assert all("payload" not in one for one in said if one["hash"] in hidden)
        worded = {one["payload"]["1"] for one in said if one["kind"] == Kind.EDIT and "payload" in one}
        assert not worded & hidden
