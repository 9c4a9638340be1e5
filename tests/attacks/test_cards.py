"""Attacks on what the company publishes itself: its contact card and the program's files.

What a room's host serves to browsers is of the catalogue's entry A17, too: `tests/site/test_verifying.py`
shows that whoever compares it notices an exchange.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from attack_evidence import Book, Verdict
from attack_keys import Impostor
from attack_world import AttackWorld
from e2ee_client.errors import InvalidCard
from e2ee_client.opening import parse_card
from engine_world import RELAY_URL
from patched_copy import switch_off

from e2ee import card as cards
from e2ee import fingerprint
from e2ee.card import ContactCard
from e2ee.ids import AccountId

# --- A17 ---


def test_a17_a_card_is_altered(book: Book) -> None:
    """ID-21, ID-22, ID-34: one changed character of account, relay or name, or another form, is refused by
    name.
    """
    world = AttackWorld()
    card = world.company.engine.card()
    for text in (card.to_uri(), card.to_json()):
        for at in range(len(text)):
            if text[at].isspace():
                continue
            altered = text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1 :]
            with pytest.raises(InvalidCard) as refused:
                parse_card(altered)
            world.customer.refusals.append(refused.value.code)
    world.relay.deeds.append("changed each character of a card in turn")
    book.attack("A17", world, Verdict.REFUSED, "a damaged card is caught by its check bytes")


def test_a17_a_whole_card_is_exchanged(book: Book) -> None:
    """ID-25, ID-26: a card of another account leads there; the safety number is what tells a person."""
    world = AttackWorld()
    impostor = Impostor().party
    card = ContactCard(AccountId(impostor.account_id), RELAY_URL, "Praxis")
    led = world.customer.add(parse_card(card.to_uri()))
    assert led != world.praxis
    shown = world.customer.engine.safety_number(led)
    at_the_company = fingerprint.safety_number(AccountId(world.praxis), AccountId(world.kundin))
    assert shown != at_the_company
    assert world.customer.engine.safety_number(world.praxis) == at_the_company
    world.relay.deeds.append("exchanged the card on the way to the customer for one of its own")
    book.attack("A17", world, Verdict.LEFT, "a card has to come from the company; the safety number differs")


def test_a17_control_no_check_value(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of ID-21: without the check value a mistyped card becomes a contact that nobody has."""
    switch_off(monkeypatch, cards, "_parse_uri", "found.to_uri() != uri", "False")
    card = AttackWorld().company.engine.card()
    account = card.to_uri().split("&a=")[1].split("&")[0]
    altered = card.to_uri().replace(account, ("B" if account[0] == "A" else "A") + account[1:])
    assert parse_card(altered).account_id != card.account_id
    book.control("A17", "the check value of a card", "a damaged card was taken for another account")


# --- the file that the company, or the project, publishes ---


def installed(wheel: Path, published: str, target: Path) -> subprocess.CompletedProcess[str]:
    """Install a wheel as the README says, against the hash that was published for it."""
    wanted = target.parent / "wanted.txt"
    wanted.write_text(f"{wheel.as_uri()} --hash=sha256:{published}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--require-hashes"]
    command += ["--quiet", "--target", str(target), "--requirement", str(wanted)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def wheels(tmp_path: Path) -> tuple[Path, Path]:
    """A small wheel, and the same under the same name with a line more."""
    made: list[Path] = []
    for folder, code in (("honest", "VALUE = 1\n"), ("swapped", "VALUE = 1\nSENT_TO_THE_RELAY = 1\n")):
        made.append(tmp_path / folder / "roomparts-1-py3-none-any.whl")
        made[-1].parent.mkdir()
        info = "roomparts-1.dist-info"
        with zipfile.ZipFile(made[-1], "w") as archive:
            archive.writestr("roomparts.py", code)
            archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: roomparts\nVersion: 1\n")
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")
    return made[0], made[1]


def test_a17_the_file_is_exchanged(wheels: tuple[Path, Path], tmp_path: Path, book: Book) -> None:
    """An exchanged file does not have the published hash, and the installer refuses it."""
    honest, swapped = wheels
    published = hashlib.sha256(honest.read_bytes()).hexdigest()
    assert installed(honest, published, tmp_path / "one").returncode == 0
    refused = installed(swapped, published, tmp_path / "two")
    assert refused.returncode != 0
    assert "HASH" in refused.stderr.upper()
    assert not (tmp_path / "two").exists()
    world = AttackWorld()
    world.relay.deeds.append("exchanged the program's file; the published hash was out of its reach")
    world.customer.refusals.append(f"pip: exit code {refused.returncode}, hashes do not match")
    book.attack("A17", world, Verdict.REFUSED, "a browser compares the launcher with the hash in its page")


def test_a17_control_no_hash(wheels: tuple[Path, Path], tmp_path: Path, book: Book) -> None:
    """Control: without the hash the exchanged file is installed."""
    _, swapped = wheels
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    command += ["--target", str(tmp_path / "three"), str(swapped)]
    subprocess.run(command, check=True, capture_output=True)
    assert "SENT_TO_THE_RELAY" in (tmp_path / "three" / "roomparts.py").read_text("utf-8")
    book.control("A17", "the published hash", "the exchanged file was installed")
