"""init, card, contacts and what they refuse; the store's place; languages of the outcome."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys

import pytest
from command_line import Person, make_account
from relay_process import RelayProcess

pytestmark = [pytest.mark.processes, pytest.mark.slow]


def test_init_publishes_and_shows_the_recovery_key_once(person: Person, relay: RelayProcess) -> None:
    """ID-13: the recovery key is shown when it is made, and never again."""
    said = person.run("init", "--relay", relay.url, "--name", "Blumen", "--publish")
    assert (said.status, said.err) == (0, "")
    key = re.findall(r"(?:^|\s)([0-9A-F]{4})(?=\s)", said.out)
    assert len(key) == 16
    assert f"Published at {relay.url}" in said.out
    card = said.out.strip().splitlines()[-1]
    assert card.startswith("sealroom:contact?v=1&a=")
    assert stat.S_IMODE(person.store.stat().st_mode) == 0o600
    later = person.ok("card") + person.ok("contacts")
    assert later.strip() == card
    assert not any(join.join(key[:4]) in later for join in ("", " "))
    again = person.run("init", "--relay", relay.url)
    assert (again.status, again.code) == (3, "store.exists")


def test_the_store_is_in_the_users_data_folder(person: Person, relay: RelayProcess) -> None:
    data = person.home / "data"
    other = person.with_(SEALROOM_STORE=None, XDG_DATA_HOME=str(data))
    other.ok("init", "--relay", relay.url)
    assert (data / "sealroom" / "store.db").is_file()
    assert stat.S_IMODE((data / "sealroom").stat().st_mode) == 0o700
    missing = other.run("--store", str(person.home / "none.db"), "card")
    assert (missing.status, missing.code) == (3, "store.missing")
    assert "none.db" in missing.err


def test_init_without_a_relay_that_answers_keeps_the_account(person: Person) -> None:
    said = person.run("init", "--relay", "ws://127.0.0.1:9", "--publish", "--timeout", "1")
    assert (said.status, said.code) == (6, "publish.pending")
    assert person.ok("card").startswith("sealroom:contact")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("init", "--relay", "ws://elsewhere.example"), "config.invalid"),
        (("init", "--relay", "ws://127.0.0.1:1", "--name", "a\x1b[2J"), "config.invalid"),
        (("init",), "usage.invalid"),
        (("init", "--relay", "ws://127.0.0.1:1", "--kind", "robot"), "usage.invalid"),
        (("no-such-command",), "usage.invalid"),
        ((), "usage.invalid"),
        (("send", "Shop"), "usage.invalid"),
        (("listen", "--count", "0"), "usage.invalid"),
        (("send", "Shop", "x", "--timeout", "nan"), "usage.invalid"),
        (("forget",), "usage.invalid"),
        (("forget", "Shop", "--all"), "usage.invalid"),
        (("card", "--passphrase-fd", "-1"), "usage.invalid"),
    ],
)
def test_a_wrong_command_line_is_one_error_line(
    person: Person, arguments: tuple[str, ...], code: str
) -> None:
    for language, word in (("en", "error: "), ("de", "Fehler: ")):
        said = person.with_(LANG=f"{language}_XX.UTF-8").run(*arguments)
        assert (said.status, said.code, said.out) == (2, code, "")
        assert said.err.startswith(word)
        assert len(said.err.splitlines()) <= 2
        assert "\x1b" not in said.err
    assert not person.store.exists()


def test_card_as_json_and_as_qr_code(person: Person, relay: RelayProcess) -> None:
    uri = make_account(person.store, relay.url, name="Größe & Maß")
    assert person.ok("card").strip() == uri
    card = json.loads(person.ok("card", "--json"))
    assert (card["sealroom"], card["relay"], card["name"]) == (1, relay.url, "Größe & Maß")
    rows = person.ok("card", "--qr").splitlines()[1:]
    assert len(rows) > 15
    assert {len(row) for row in rows} == {len(rows[0])}
    assert set("".join(rows)) <= set(" ▀▄█")
    # A terminal that has no blocks gets the URI alone, and one without the letters no traceback.
    ascii_only = person.with_(LANG="C", PYTHONIOENCODING="ascii")
    assert ascii_only.ok("card", "--qr").strip() == uri


def test_a_reader_that_leaves_early_is_no_error(person: Person, relay: RelayProcess) -> None:
    make_account(person.store, relay.url)
    reading = subprocess.Popen(
        [sys.executable, "-m", "e2ee_client.cli", "card", "--qr"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=person.environment,
    )
    assert reading.stdout is not None
    reading.stdout.close()
    assert reading.stderr is not None
    with reading.stderr:
        assert reading.stderr.read() == b""
    assert reading.wait(60) == 0
