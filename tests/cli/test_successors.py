"""successor sign, read, follow: a lost account and its recovery key, as people meet them (ID-13, ID-62)."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import PASSPHRASE, QUICK, TIMEOUT_S, Person, make_account
from e2ee_client import Client
from forked_command import ForkedCommand
from relay_process import RelayProcess

pytestmark = [pytest.mark.processes, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Lost:
    """A company whose machine is gone, its customer, and what it has begun anew with."""

    customer: Person
    new: Person
    old_card: str
    new_card: str
    key: str

    def state(self, by: Person) -> str:
        """What `by` states with the recovery key."""
        out = by.ok("successor", "sign", self.old_card, text=self.key)
        return next(line for line in out.splitlines() if line.startswith("sealroom:successor?"))


@pytest.fixture
def lost(tmp_path: Path, relay: RelayProcess) -> Lost:
    """The customer has written to the old account."""
    old, customer, new = (_person(tmp_path, name) for name in ("old", "customer", "new"))
    said = old.ok("init", "--relay", relay.url, "--name", "Shop", "--publish")
    old_card = said.strip().splitlines()[-1]
    make_account(customer.store, relay.url)
    customer.ok("add", old_card)
    customer.ok("send", "Shop", "Hello")
    new_card = make_account(new.store, relay.url, name="New", publish=True)
    new.ok("add", old_card)
    key = " ".join(re.findall(r"(?:^|\s)([0-9A-F]{4})(?=\s)", said))
    return Lost(customer, new, old_card, new_card, key)


def _person(folder: Path, name: str) -> Person:
    home = folder / name
    home.mkdir()
    return Person(home)


async def _write_offline(who: Person) -> None:
    opening = Client.open(who.store, passphrase=PASSPHRASE, online=False, runtime=QUICK)
    async with opening as client:
        await next(one for one in client.contacts() if one.name == "Shop").send("This waits")


def _answers(who: Person, answer: str, *arguments: str) -> tuple[int, str]:
    with who.terminal("successor", "follow", *arguments) as asked:
        asked.wait_for(r"\[[yj]/N\]")
        asked.type(answer)
        status = asked.finish()
        return status, " ".join(asked.shown().split())


def test_a_person_is_shown_a_statement_asked_and_only_then_follows(lost: Lost, tmp_path: Path) -> None:
    """ID-62: in both languages; the new account is not verified, the old one is sent nothing."""
    file = tmp_path / "statement.txt"
    file.write_text(lost.state(lost.new) + "\n")
    read = json.loads(lost.customer.ok("successor", "read", str(file), "--json"))
    assert read["alarm"] == ""
    assert read["safety_number"] in " ".join(lost.customer.ok("successor", "read", str(file)).split())
    assert _answers(lost.customer, "n\r", str(file), lost.new_card)[0] == 2
    assert "New" not in lost.customer.ok("contacts", "--offline")
    asyncio.run(_write_offline(lost.customer))
    status, shown = _answers(lost.customer, "j\r", "--lang", "de", "--offline", str(file), lost.new_card)
    assert status == 0
    assert "warten (1)" in shown
    assert "nicht verglichen" in shown
    listed = lost.customer.ok("contacts", "--offline").splitlines()
    assert "ALARM contact.succeeded" in next(line for line in listed if "Shop" in line)
    assert "verified" not in next(line for line in listed if "New" in line)
    refused = lost.customer.run("send", "Shop", "to the thief?")
    assert (refused.status, refused.code) == (7, "contact.succeeded")
    lost.customer.ok("send", "New", "to you")
    assert "to you" in lost.new.ok("listen", "--count", "1", "--texts")


def test_a_second_statement_is_shown_as_such_and_not_followed(
    lost: Lost, tmp_path: Path, relay: RelayProcess
) -> None:
    """ID-62: of two, one may be a thief's."""
    thief = _person(tmp_path, "thief")
    card = make_account(thief.store, relay.url, name="Real")
    thief.ok("add", lost.old_card)
    first, second = lost.state(lost.new), lost.state(thief)
    assert _answers(lost.customer, "y\r", first, lost.new_card)[0] == 0
    assert "CAREFUL" in lost.customer.ok("successor", "read", second)
    said = lost.customer.run("successor", "follow", second, card)
    assert (said.status, said.code) == (7, "successor.second")


def test_what_does_not_hold_is_refused_before_any_question(lost: Lost) -> None:
    """ID-13, ID-61"""
    text = lost.state(lost.new)
    for given, card, code in (
        (text[:-1], lost.new_card, "successor.invalid"),
        (text, lost.old_card, "successor.invalid"),
        (text, "sealroom:contact?v=1&a=x", "card.invalid"),
        ("no-such-file", lost.new_card, "file.failed"),
        (text, lost.new_card, "successor.unasked"),
    ):
        said = lost.customer.run("successor", "follow", given, card, "--offline")
        assert said.code == code
        assert "[y/N]" not in said.out
    stranger = lost.new.run("successor", "read", text.replace("s=", "s=A"))
    assert stranger.code == "successor.invalid"


def test_a_recovery_key_is_checked_and_never_printed(lost: Lost, person: Person, relay: RelayProcess) -> None:
    """ID-63: by the old account's list, or by typing it twice."""
    wrong = ("F" if lost.key[0] == "0" else "0") + lost.key[1:]
    for typed, code in (
        (wrong, "successor.other_key"),
        (lost.key[:-1], "config.invalid"),
        ("", "config.invalid"),
    ):
        said = lost.new.run("successor", "sign", lost.old_card, text=typed)
        assert (said.status, said.code) == (2, code)
        assert typed[5:30] not in said.out + said.err or not typed
    stated = lost.new.ok("successor", "sign", lost.old_card, text=lost.key.lower().replace(" ", ""))
    assert not any(lost.key[:9] in one for one in (stated, stated.upper()))
    make_account(person.store, relay.url)
    unchecked = person.run("successor", "sign", lost.old_card, text=lost.key)
    assert (unchecked.status, unchecked.code) == (2, "successor.unchecked")
    for again, status in ((wrong, 2), (lost.key, 0)):
        with person.terminal("successor", "sign", lost.old_card) as asked:
            asked.wait_for("in one line or two:")
            asked.type(lost.key + "\r")
            asked.wait_for("once more:")
            asked.type(again + "\r")
            assert asked.finish() == status


def test_a_key_that_is_typed_stays_neither_on_the_screen_nor_for_the_shell(lost: Lost) -> None:
    """ID-63: in two lines, as it was shown; the one of another list is signed when it was typed twice."""
    groups = lost.key.split(" ")
    lines = "  " + " ".join(groups[:8]) + "\r  " + " ".join(groups[8:]) + "\r"
    wrong = ("F" if lost.key[0] == "0" else "0") + lost.key[1:] + "\r"
    short = lost.key[:39] + "\r\r"
    for typed, again, status in (
        (lines, "", 0),
        (short, "", 2),
        (wrong, lines, 2),
        (wrong, wrong, 0),
    ):
        with lost.new.terminal("successor", "sign", lost.old_card) as asked:
            asked.wait_for("in one line or two:")
            asked.type(typed)
            if again:
                asked.wait_for("once more:")
                assert groups[2] not in asked.shown()
                asked.type(again)
            assert asked.finish() == status
            assert not [one for one in groups if one in asked.shown().split()]


def test_no_shell_reads_what_was_pasted_beyond_a_key(lost: Lost, tmp_path: Path) -> None:
    """ID-63: also where the statement goes to a file, and the screen is the one of the input."""
    ours, theirs = pty.openpty()
    with (tmp_path / "out").open("wb") as out:
        lost.new.environment["TERM"] = "xterm"
        sign = ForkedCommand(
            ("successor", "sign", lost.old_card),
            lost.new.environment,
            lost.new.home,
            {0: theirs, 1: out.fileno(), 2: theirs},
        )
        shown = b""
        while b"two:" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, f"{lost.key[:-1]} {lost.key[:9]}\r{lost.key}\r".encode())
        assert sign.wait(TIMEOUT_S) == 2
    while select.select([ours], [], [], 0)[0]:
        shown += os.read(ours, 4096)
    assert lost.key[:9].encode() not in shown.rpartition(b"\x1b[2J")[2]
    assert select.select([theirs], [], [], 0)[0] == []
    for one in (ours, theirs):
        os.close(one)
