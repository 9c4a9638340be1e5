"""Where a passphrase comes from, and that nothing of it, nor of a key, is ever printed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from command_line import PASSPHRASE, Person, make_account, plain
from e2ee_client.cli import passphrases

pytestmark = [pytest.mark.processes, pytest.mark.slow]
RELAY = "ws://127.0.0.1:9"


@pytest.fixture
def owner(person: Person) -> Person:
    """Somebody with a store."""
    make_account(person.store, RELAY)
    return person


def _pipe(data: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return reading


def test_a_wrong_passphrase_opens_nothing(owner: Person) -> None:
    """STO-05."""
    for language, word in (("en", "does not open the store"), ("de", "öffnet den Speicher nicht")):
        said = owner.with_(SEALROOM_PASSPHRASE="hunter2 hunter2").run("--lang", language, "contacts")
        assert (said.status, said.code, said.out) == (4, "store.wrong_key", "")
        assert word in said.err
        assert "hunter2" not in said.err


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (PASSPHRASE.encode(), ""),
        (f"{PASSPHRASE}\r\nmore\n".encode(), ""),
        (b"", "passphrase.empty"),
        (b"\n", "passphrase.empty"),
        (b"\xff\xfe\n", "passphrase.unreadable"),
        (b"x" * 2000, "store.misuse"),
        (b"wrong\n", "store.wrong_key"),
    ],
)
def test_a_passphrase_from_a_descriptor(owner: Person, data: bytes, code: str) -> None:
    descriptor = _pipe(data)
    said = owner.run("card", "--passphrase-fd", str(descriptor), fds=(descriptor,))
    os.close(descriptor)
    assert (said.status, said.code) == (4 if code else 0, code)
    assert said.out.startswith("sealroom:") == (not code)


def test_a_descriptor_that_is_not_open(owner: Person) -> None:
    said = owner.run("--passphrase-fd", "77", "card")
    assert (said.status, said.code) == (4, "passphrase.unreadable")


def test_passphrase_and_text_through_the_same_input(owner: Person) -> None:
    card = make_account(owner.home / "shop.db", RELAY, name="Shop")
    said = owner.with_(SEALROOM_PASSPHRASE=None).run(
        "add", "-", "--passphrase-fd", "0", text=f"{PASSPHRASE}\n{card}\n"
    )
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("Added Shop")


def test_without_terminal_or_passphrase_it_says_what_to_set(owner: Person) -> None:
    said = owner.with_(SEALROOM_PASSPHRASE=None).run("card")
    assert (said.status, said.code) == (4, "passphrase.missing")
    assert "SEALROOM_PASSPHRASE" in said.err
    assert "--passphrase-fd" in said.err


def test_a_new_passphrase_is_asked_for_twice(person: Person) -> None:
    typist = person.with_(SEALROOM_PASSPHRASE=None)
    for second, status in (("some other words", 4), ("some words here", 0)):
        with typist.terminal("init", "--relay", RELAY) as asked:
            asked.wait_for(r"New passphrase \(at least 12 characters\): ")
            asked.type("some words here\n")
            asked.wait_for("The same again: ")
            asked.type(f"{second}\n")
            assert asked.finish() == status
            assert "words" not in plain(asked.output)
        assert person.store.exists() == (status == 0)
    with typist.terminal("card") as asked:
        asked.wait_for("Passphrase: ")
        asked.type("some words here\n")
        assert asked.finish() == 0
        assert "sealroom:contact" in asked.output
        assert "▀" in asked.output


@pytest.mark.parametrize(
    ("passphrase", "code"),
    [
        ("", "passphrase.empty"),
        ("eleven char", "passphrase.short"),
        ("aaaaaaaaaaaaaaaa", "passphrase.common"),
        ("abababababab", "passphrase.common"),
        ("Password2026", "passphrase.common"),
        ("passwordPASSWORD", "passphrase.common"),
        ("Correct Horse Battery Staple", "passphrase.common"),
        ("123456789012", "passphrase.common"),
    ],
)
def test_a_weak_passphrase_that_is_typed_is_refused(person: Person, passphrase: str, code: str) -> None:
    with person.with_(SEALROOM_PASSPHRASE=None).terminal("init", "--relay", RELAY) as asked:
        asked.wait_for("New passphrase")
        asked.type(f"{passphrase}\n")
        asked.wait_for(re.escape(f"({code})"))
        asked.wait_for("hint: ")
        assert asked.finish() == 4
    assert not person.store.exists()


@pytest.mark.parametrize(
    "good", ["four words are enough", "Grüße aus Köln", "zq8-Lw2:mK7v", "密码是很长的一句话没有人知道"]
)
def test_a_passphrase_of_some_length_is_taken(good: str) -> None:
    assert passphrases.weakness_of(good) is None


def test_a_weak_passphrase_from_the_environment_is_taken_with_a_warning(person: Person) -> None:
    weak = person.with_(SEALROOM_PASSPHRASE="short")
    for language, word in (
        ("en", "warning: a passphrase has at least 12"),
        ("de", "Warnung: eine Passphrase"),
    ):
        store = str(person.home / f"{language}.db")
        said = weak.run("--lang", language, "--store", store, "init", "--relay", RELAY)
        assert said.status == 0
        assert word in said.err
        # Only a new one: nothing can be done about one that is in use.
        assert weak.run("--store", store, "card").err == ""


def test_ctrl_c_at_the_prompt_leaves_cleanly(owner: Person) -> None:
    with owner.with_(SEALROOM_PASSPHRASE=None).terminal("contacts") as asked:
        asked.wait_for("Passphrase: ")
        assert asked.interrupt() == 130
        assert "Traceback" not in asked.output


def test_a_file_that_is_no_store(person: Person, tmp_path: Path) -> None:
    person.store.write_bytes(b"not a store at all" * 100)
    said = person.run("card")
    assert said.status == 3
    assert person.store.read_bytes() == b"not a store at all" * 100
    folder = person.run("--store", str(tmp_path), "card")
    assert folder.status == 3
    assert len(folder.err.splitlines()) == 2
