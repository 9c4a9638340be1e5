"""Rules by which a conversation goes to a team."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.routing import Asked, Routing

RULES: dict[str, Any] = {
    "default": "Empfang",
    "rules": [
        {"team": "Notdienst", "words": ["heute noch", "dringend"]},
        {"team": "Buchhaltung", "words": ["Rechnung*", "E-Mail-Rechnung", "Straße"]},
        {"team": "International", "languages": ["en", "fr-CH"]},
        {"team": "Newsletter", "purposes": [2, 3]},
    ],
}
ROUTING = Routing.of(RULES)


@pytest.mark.parametrize(
    ("asked", "team"),
    [
        (Asked("Guten Tag", 1, "de"), "Empfang"),
        (Asked("Bitte HEUTE\n noch!", 1, "de"), "Notdienst"),
        (Asked("nicht heute, noch nicht", 1, "de"), "Notdienst"),
        (Asked("heutenoch undringend", 1, "de"), "Empfang"),
        (Asked("Meine Rechnungsnummer", 1, "de"), "Buchhaltung"),
        (Asked("Abrechnung", 1, "de"), "Empfang"),
        (Asked("e mail rechnung", 1, "de"), "Buchhaltung"),
        (Asked("in der STRASSE", 1, "de"), "Buchhaltung"),
        (Asked("Hello", 1, "en-GB"), "International"),
        (Asked("Bonjour", 1, "fr"), "Empfang"),
        (Asked("Bonjour", 1, "fr-CH"), "International"),
        (Asked("Rechnung", 1, "en"), "Buchhaltung"),
        (Asked("", 0b110, "de"), "Newsletter"),
        (Asked("", 0b010, "de"), "Empfang"),
    ],
)
def test_the_first_rule_that_fits_names_the_team(asked: Asked, team: str) -> None:
    assert ROUTING.team(asked) == team


def test_no_more_than_the_beginning_of_a_text_is_read() -> None:
    assert ROUTING.team(Asked("x " * 2_044 + "dringend", 1, "de")) == "Notdienst"
    assert ROUTING.team(Asked("x " * 2_045 + "dringend", 1, "de")) == "Empfang"


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (1, "rules\\[0\\]"),
        ({"words": ["x"]}, "rules\\[0\\].team"),
        ({"team": "\u200b"}, "rules\\[0\\].team"),
        ({"team": "a", "words": ["*"]}, "rules\\[0\\].words"),
        ({"team": "a", "words": ["x" * 65]}, "rules\\[0\\].words"),
        ({"team": "a", "words": ["x"] * 101}, "rules\\[0\\].words"),
        ({"team": "a", "purposes": [0]}, "rules\\[0\\].purposes"),
        ({"team": "a", "purposes": [True]}, "rules\\[0\\].purposes"),
        ({"team": "a", "languages": ["deutsch"]}, "rules\\[0\\].languages"),
        ({"team": "a", "word": ["x"]}, "rules\\[0\\].word"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named(rule: Any, named: str) -> None:
    with pytest.raises(ConfigError, match=f"- {named}:"):
        Routing.of({"default": "a", "rules": [rule]})


def test_rules_have_a_default_and_a_bound() -> None:
    with pytest.raises(ConfigError, match="- default:"):
        Routing.of({"rules": []})
    with pytest.raises(ConfigError, match="- rules:"):
        Routing.of({"default": "a", "rules": [{"team": "a"}] * 101})
    with pytest.raises(ConfigError, match="- rule:"):
        Routing.of({"default": "a", "rule": []})


def test_rules_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "routing.toml"
    path.write_text('default = "Empfang"\n[[rules]]\nteam = "Praxis"\nwords = ["Termin"]\n', "utf-8")
    assert Routing.load(path).team(Asked("Einen Termin, bitte", 1, "de")) == "Praxis"
