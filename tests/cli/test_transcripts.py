"""verify-transcript in processes: what it says and with which status; room export is in test_rooms.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Person
from company import Company
from e2ee_client.cli.transcripts import account_id
from parties import NOW_MS, Party
from transcript_world import MINUTE_MS, Talk, conversation, edited, file_of, line_of

from e2ee.card import ContactCard
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import RoomText
from e2ee.rooms.transcript_file import Part

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def talk() -> Talk:
    """A room of eight entries."""
    firm = Company.make()
    firm.new_roster(NOW_MS, notice_hash=firm.notice().hash)
    return conversation(firm, Party.make("anna"))


@pytest.fixture
def reader(tmp_path: Path) -> Person:
    """Somebody who has neither a store nor a passphrase."""
    return Person(tmp_path).with_(SEALROOM_PASSPHRASE=None)


def written(folder: Path, lines: list[bytes]) -> str:
    (folder / "t.json").write_bytes(b"\n".join([*lines, b""]))
    return "t.json"


def test_a_transcript_that_holds_ends_with_0(talk: Talk, reader: Person) -> None:
    """EXP-13: by the account, or by the card of the company; in German; each entry where it is asked for."""
    file, account = written(reader.home, talk.lines()), talk.head.company.hex()
    said = reader.run("verify-transcript", file, "--account", account)
    assert (said.status, "All is in order" in said.out) == (0, True)
    assert "No transcript proves to a third person" in said.err
    card = ContactCard(talk.head.company, "wss://relay.example/", "Praxis").to_uri()
    said = reader.run("--lang", "de", "verify-transcript", file, "--account", card, "--all")
    assert said.status == 0
    assert said.out.count(": unterschrieben, Zeugen:") == 3
    assert "nur von dieser Datei behauptet, ohne Zeugen" in said.out
    assert list(reader.home.iterdir()) == [reader.home / file]


def test_what_does_not_hold_is_named_and_ends_with_7(talk: Talk, reader: Person) -> None:
    """EXP-06 to EXP-10: a flipped byte, an entry removed, one moved, a forged author, a withheld text."""
    lines, account = talk.lines(), talk.head.company.hex()
    at = line_of(lines, talk.entries[3])
    forged = talk.desk.make(3, talk.entries[5].hash, talk.now_ms + MINUTE_MS, RoomText("x"))
    forged = type(forged)(talk.agent.author, *[getattr(forged, one) for one in _REST])
    flipped = edited(lines, at, lambda one: one.replace(b"Gern", b"Germ"))
    cases: dict[str, list[bytes]] = {
        f"Line {at + 1}: something else is shown": flipped,
        f"Entry {talk.entries[5].header.n} of Desk": file_of(
            talk.head, talk.parts(), [one for one in talk.entries if one is not talk.entries[5]]
        ),
        f"Line {at + 1}: the entry does not stand in its place": [
            *lines[: at - 1],
            lines[at],
            lines[at - 1],
            *lines[at + 1 :],
        ],
        "the signature is wrong": talk.lines([*talk.entries, forged]),
    }
    for named, given in cases.items():
        said = reader.run("verify-transcript", written(reader.home, given), "--account", account)
        assert said.status == 7
        assert named in said.out
    shown = [one.redacted() if one.header.kind == Kind.TEXT else one for one in talk.entries]
    said = reader.run("verify-transcript", written(reader.home, talk.lines(shown)), "--account", account)
    assert (said.status, "5 without content" in said.out) == (0, True)


def test_one_that_could_not_be_judged_ends_with_9(talk: Talk, reader: Person) -> None:
    """EXP-13: without its roster nobody is told that all is in order."""
    parts = [one for one in talk.parts() if one[0] not in (Part.SLOT, Part.CARD)]
    file = written(reader.home, file_of(talk.head, parts, talk.entries))
    said = reader.run("verify-transcript", file, "--account", talk.head.company.hex())
    assert (said.status, "All is in order" in said.out) == (9, False)
    assert "not everything could be judged" in said.out


_REST = ("header", "commitment", "body", "signature", "hash")


def test_programs_read_json_and_people_a_page(talk: Talk, reader: Person) -> None:
    file, account = written(reader.home, talk.lines()), talk.head.company.hex()
    options = ("--account", account, "--json", "--all", "--html", "page.html")
    told: list[dict[str, Any]] = [
        json.loads(line) for line in reader.ok("verify-transcript", file, *options).splitlines()
    ]
    assert [one["verdict"] for one in told[:-1]].count("acknowledged") == 3
    assert told[-1]["holds"] is True
    assert told[-1]["verdicts"] == {"signed": 4, "stale": 0, "acknowledged": 3, "claimed": 1}
    assert told[-1]["room_id"] == talk.head.room.hex()
    assert "<title>Transcript of a room</title>" in (reader.home / "page.html").read_text("utf-8")
    broken = edited(talk.lines(), line_of(talk.lines(), talk.entries[3]), lambda line: b"x")
    said = reader.run("verify-transcript", written(reader.home, broken), "--account", account, "--json")
    assert said.status == 7
    found = json.loads(said.out)
    assert [one["fault"] for one in found["refused"]] == ["form"]


def test_what_is_no_transcript_of_this_company_is_an_error(talk: Talk, reader: Person) -> None:
    """EXP-05"""
    file, account = written(reader.home, talk.lines()), talk.head.company.hex()
    for given, status, code in (
        ((file, "--account", "00" * 32), 2, "transcript.invalid"),
        ((file, "--account", "ab"), 2, "usage.invalid"),
        ((file, "--account", account[:-2] + "zz"), 2, "usage.invalid"),
        (("none", "--account", account), 2, "config.invalid"),
        ((file,), 2, "usage.invalid"),
    ):
        said = reader.run("verify-transcript", *given)
        assert (said.status, said.code) == (status, code)
    assert account_id(account) == talk.head.company
