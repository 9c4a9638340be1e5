"""company policy: what a desk goes by by itself, shown and set."""

from __future__ import annotations

import asyncio
import json

import pytest
from command_line import PASSPHRASE, QUICK, Person
from e2ee_client.rooms import Company

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Person:
    """A company that has never been online."""
    made = Person(tmp_path_factory.mktemp("desk"))

    async def found() -> None:
        opening = Company.create(
            made.store,
            relay="wss://relay.example",
            name="Praxis",
            passphrase=PASSPHRASE,
            online=False,
            runtime=QUICK,
        )
        async with opening:
            pass

    asyncio.run(found())
    return made


def _shown(desk: Person, *arguments: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(desk.ok("company", "policy", "--json", *arguments))
    return found


def test_a_policy_is_shown_set_and_kept(desk: Person) -> None:
    """ROOM-22: what is not given stays as it was."""
    assert _shown(desk) == {
        "retention_class": "default",
        "retention_s": 90 * 86_400,
        "team": "*",
        "grants": ["transfer", "close", "reopen"],
    }
    said = desk.ok(
        "company", "policy", "--keep", "7", "--class", "ephemeral", "--team", "labor", "--ask", "close"
    )
    assert "New rooms are kept 7 days (ephemeral)." in said
    assert "A person decides: to close the room" in said
    german = desk.ok("--lang", "de", "company", "policy", "--nobody", "--ask", "transfer", "--grant", "close")
    assert "Neue Räume werden 7 Tage aufbewahrt (ephemeral)." in german
    assert "wartet vor seinem ersten Text auf niemanden" in german
    assert "Ein Mensch entscheidet: den Raum zu übergeben" in german
    assert _shown(desk)["grants"] == ["close", "reopen"]
    assert _shown(desk, "--anybody")["team"] == "*"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--keep", "36501"),
        ("--grant", "close", "--ask", "close"),
        ("--ask", "add"),
        ("--team", "a", "--nobody"),
        ("--team", "a\nb"),
        ("--anybody", "--nobody"),
    ],
)
def test_what_is_no_policy_changes_nothing(desk: Person, arguments: tuple[str, ...]) -> None:
    said = desk.run("company", "policy", "--keep", "8", *arguments)
    assert (said.status, said.code, said.out) == (2, "usage.invalid", "")
    assert _shown(desk)["retention_s"] != 8 * 86_400
