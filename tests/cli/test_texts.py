"""Both languages say the same things, and every error has a text; what the exit statuses are."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import string
from types import ModuleType, SimpleNamespace
from typing import cast, get_args

import pytest
from command_line import Person
from e2ee_client import Client, ClientEvent, ConnectionChanged, OwnDeviceAdded, Parted, cli, errors
from e2ee_client.cli import arguments, event_lines, failures, neutral, screen_lines, terminal, texts
from e2ee_client.cli.texts.english import ENGLISH
from e2ee_client.cli.texts.german import GERMAN
from e2ee_client.cli.texts.german_rooms import GERMAN_ROOMS
from e2ee_client.desk import errors as desk_errors
from e2ee_client.engine.rooms import acting, deciding, exporting, forwarding, freezing
from e2ee_client.errors import UnknownContact
from e2ee_client.events import ConnectionState, MessageRejected, MessageState
from e2ee_client.room_events import RoomChanged
from e2ee_client.rooms import errors as room_errors
from e2ee_client.rooms import proof, transcript_words
from e2ee_client.rooms.notices import fields
from e2ee_relay.protocol import ErrorCode
from hypothesis import example, given
from hypothesis import strategies as st
from prompt_toolkit.utils import get_cwidth

from e2ee import errors as core_errors
from e2ee.rooms import erasure

CLIENT_CODES = sorted(
    {
        one.code
        for module in (errors, room_errors, desk_errors)
        for _, one in inspect.getmembers(module, inspect.isclass)
        if issubclass(one, errors.SealroomError)
    }
)
# An event holds the codes of the core and of the relay, too.
CORE_CODES = sorted(
    {
        one.code
        for _, one in inspect.getmembers(core_errors, inspect.isclass)
        if issubclass(one, core_errors.E2eeError)
    }
)
RELAY_CODES = [f"relay.{one.name.lower()}" for one in ErrorCode if one is not ErrorCode.OK]
# A code without a dot is that of a group.
CODES = [one for one in (*CLIENT_CODES, *CORE_CODES, *RELAY_CODES) if "." in one]


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_texts() -> None:
    assert ENGLISH.keys() == GERMAN.keys()
    for key, text in ENGLISH.items():
        assert _places(text) == _places(GERMAN[key]), key
        assert text.strip()


def test_what_is_counted_has_words_for_one() -> None:
    for spoken in (ENGLISH, GERMAN):
        counted = {key for key, text in spoken.items() if re.search(r"\{(count|days|written)\} \w", text)}
        several = {one for one in counted if not one.endswith(".one")} - {"contacts.unread"}
        assert len(several) > 9
        assert {f"{one}.one" for one in several} <= counted
        assert not [key for key, text in spoken.items() if re.search(r"\w\((s|e|en|n)\)", text)]
    for words in transcript_words.WORDS.values():
        assert all(
            f"{key} one" in words
            for key, text in words.items()
            if re.search("entries|Einträge", text) and "{0}" in text
        )


@pytest.mark.parametrize(
    ("language", "of_each"),
    [("de", "0 Einträge, 1 Eintrag, 2 Einträge"), ("en", "0 entries, 1 entry, 2 entries")],
)
def test_one_thing_is_said_as_one(language: str, of_each: str) -> None:
    spoken = texts.Texts(language)
    assert ", ".join(spoken.say("erasures.entries", count=count) for count in range(3)) == of_each
    words = transcript_words.WORDS[language]
    assert [
        count
        for count in range(3)
        if re.search("Einträge|entries", transcript_words.counted(words, "ERASE", count))
    ] == [0, 2]


def test_every_text_of_the_code_exists() -> None:
    sources = "".join(map(inspect.getsource, _modules()))
    said = set(re.findall(r"""(?:say|remark|confirm|result)\(\s*["']([a-z_.]+)["']""", sources))
    assert len(said) > 30
    assert said <= ENGLISH.keys()
    for code in re.findall(r'Refused\(\s*"([a-z_.]+)"', sources):
        assert f"error.{code}" in ENGLISH, code
    for state in MessageState:
        assert f"state.{state.value}" in ENGLISH
    for connection in ConnectionState:
        assert {f"chat.{connection.value}", f"event.connection_{connection.value}"} <= ENGLISH.keys()


def test_every_event_has_a_text_or_is_for_programs_only() -> None:
    kinds = get_args(ClientEvent)
    assert len(kinds) > 10
    for kind in kinds:
        name = event_lines.event_name(kind)
        special = ("connection", "message", "own_condition_changed", "waiting_changed")
        assert name in special or name in event_lines.SILENT or f"event.{name}" in ENGLISH, name
    assert event_lines.event_name(type("GapFilled", (), {})) == "gap_filled"


def test_a_device_that_was_replaced_is_told_what_it_means() -> None:
    for texts_of in (ENGLISH, GERMAN):
        assert not _places(texts_of["event.device_replaced"])
    assert "reaches nobody" in ENGLISH["event.device_replaced"]


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_contact_whose_lists_leave_a_gap_is_named_with_what_helps(language: str) -> None:
    """ID-58: to forget the contact and to add it anew, and only there."""

    class Stranger:
        account_id = b"o" * 32

        def contact(self, account_id: bytes) -> None:
            raise UnknownContact("none")

    def said(account_id: bytes, code: str) -> str:
        event = cast(ClientEvent, MessageRejected(account_id, code))
        return event_lines.event_text(event, cast(Client, Stranger()), texts.Texts(language))

    gap = said(bytes(32), "remote.list_gap")
    assert "sealroom forget" in gap
    assert gap.endswith("(remote.list_gap)")
    assert all(
        "forget" not in said(*one) for one in ((b"", "remote.list_gap"), (bytes(32), "remote.identity"))
    )


def test_events_of_rooms_are_json() -> None:
    changed = RoomChanged(bytes(16), 1, (bytes(16), b"\x01" * 16), None, False, False)
    about = json.loads(json.dumps(event_lines.event_json(changed)))
    assert about["members"] == ["00" * 16, "01" * 16]
    assert about["event"] == "room_changed"


def test_faults_of_a_notice_are_told_in_german() -> None:
    german = texts.Texts("de")
    for field in (*fields.FIELDS, *fields.PURPOSE):
        assert german.detail(field.must) != field.must
    assert german.detail(fields.FILLED) != fields.FILLED


@pytest.mark.parametrize(
    "module", [erasure, acting, deciding, exporting, forwarding, freezing], ids=lambda one: one.__name__
)
def test_what_a_device_may_not_do_in_a_room_is_told_in_german(module: ModuleType) -> None:
    german = texts.Texts("de")
    details = re.findall(r'raise NoRight\("([^"]+)"\)', inspect.getsource(module))
    assert details
    assert [one for one in details if german.detail(one) == one] == []


def _modules() -> list[ModuleType]:
    names = [one.name for one in pkgutil.iter_modules(cli.__path__) if one.name != "__main__"]
    return [importlib.import_module(f"{cli.__name__}.{name}") for name in names]


@pytest.mark.parametrize("code", CODES)
def test_every_error_has_a_text_and_a_status(code: str) -> None:
    assert f"error.{code}" in ENGLISH
    assert 1 <= failures.status_of(code) <= 8


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("language", ["en", "de"])
def test_an_event_says_in_words_what_its_code_means(code: str, language: str) -> None:
    said = texts.Texts(language).why(code)
    assert said
    assert not _places(said)
    assert code not in said


def test_a_device_that_was_invited_here_is_no_alarm() -> None:
    german = texts.Texts("de")
    told = [german_line(OwnDeviceAdded(bytes(16), is_ours), german) for is_ours in (True, False)]
    assert "Kontoschlüssel" not in told[0]
    assert "Kontoschlüssel" in told[1]


def test_another_list_of_ours_at_the_relay_names_the_next_step() -> None:
    event = ConnectionChanged(ConnectionState.OFFLINE, "wss://relay.example", "remote.list_fork")
    assert "sealroom renewal follow" in german_line(event, texts.Texts("de"))


def test_nobody_is_told_that_a_customer_waits_for_all() -> None:
    assert "alle" not in GERMAN["event.waiting_anybody"]
    assert "Team {team}" in GERMAN["event.waiting_changed"]


@pytest.mark.parametrize("text", ["ein Wort " * 30, "x" * 200, "kurz", "a\n  sealroom " + "lang " * 40])
def test_no_word_is_cut_on_a_terminal(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = terminal.Terminal()
    monkeypatch.setattr(shown.err, "isatty", lambda: True, raising=False)
    shown.remark(text)
    said = capsys.readouterr().err
    assert said.split() == text.split()
    prose = [line for line in said.splitlines() if " " in line and not line.startswith("  ")]
    assert all(len(line) <= 80 for line in prose)
    assert [line for line in said.splitlines() if line.startswith("  ")] == [
        line for line in text.splitlines() if line.startswith("  ")
    ]


def test_a_room_is_closed_by_one_german_word_in_commands_and_exports() -> None:
    """That of the browser's pages; the rooms of a device that is suspended are not called closed."""
    exported = (*transcript_words.WORDS["de"].values(), *proof._WORDS["de"].values())
    for text in (*GERMAN_ROOMS.values(), *exported):
        assert re.search(r"Leitung|(?<!b)geschlossen|zu schließen|Raum schließen", text) is None, text


def test_places_of_arguments_are_named_in_german_in_help_and_errors() -> None:
    german = texts.Texts("de")
    with pytest.raises(failures.Refused) as refused:
        arguments.parse(["company", "door"], german)
    assert refused.value.values["detail"] == "es fehlt: DATEI"


def german_line(event: ClientEvent, words: texts.Texts) -> str:
    """The line of an event that names no contact."""
    return event_lines.event_text(event, cast(Client, None), words)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("usage.invalid", 2),
        ("card.invalid", 2),
        ("message.too_large", 2),
        ("store.locked", 3),
        ("backup.corrupt", 3),
        ("store.wrong_key", 4),
        ("passphrase.missing", 4),
        ("contact.unknown", 5),
        ("contact.ambiguous", 5),
        ("relay.unavailable", 6),
        ("wait.timeout", 6),
        ("contact.blocked", 7),
        ("verify.different", 7),
        ("message.failed", 8),
        ("something.new", 1),
    ],
)
def test_exit_statuses_stay_the_same(code: str, status: int) -> None:
    assert failures.status_of(code) == status
    assert re.search(rf"^  {status}  ", ENGLISH["help.exit"], re.MULTILINE)
    assert re.search(rf"^  {status}  ", GERMAN["help.exit"], re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        ([], {}, "en"),
        ([], {"LANG": "de_DE.UTF-8"}, "de"),
        ([], {"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, "en"),
        ([], {"LANG": "fr_FR.UTF-8", "LC_MESSAGES": "de_AT"}, "de"),
        (["--lang", "de", "card"], {}, "de"),
        (["card", "--lang=en"], {"LANG": "de"}, "en"),
        (["card", "--lang"], {"LANG": "de"}, "en"),
        (["send", "x", "--", "--lang=de"], {}, "en"),
    ],
)
def test_the_language(arguments: list[str], environment: dict[str, str], language: str) -> None:
    assert texts.choose_language(arguments, environment) == language


@pytest.mark.processes
def test_help_in_both_languages(person: Person) -> None:
    for language, words in (
        ("en", ("usage: ", "exit status")),
        ("de", ("Aufruf: ", "Rückgabewert", "Befehle")),
    ):
        said = person.ok("--lang", language, "--help")
        assert all(word in said for word in words)
        assert "SEALROOM_PASSPHRASE" in said
    german = person.ok("send", "--help", "--lang", "de")
    assert not re.search(r"usage|positional|options:|show this", german)


@given(st.text())
def test_no_character_that_a_terminal_acts_on_is_left(text: str) -> None:
    shown = neutral.neutral(text)
    joiners = {"\u200c", "\u200d"}
    assert all(char.isprintable() or char in joiners or char.isspace() for char in shown)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", shown)
    assert len(neutral.neutral_lines(text)) == text.replace("\r\n", "\n").count("\n") + 1


def test_what_may_stay_stays() -> None:
    family = "👩\u200d👩\u200d👧 Grüße, שלום, 你好 e\u0301"
    assert neutral.neutral(family) == family
    assert neutral.neutral("a\tb\x1b[1mc\r\nd\re") == "a    b␛[1mc↵d␍e"
    assert "\u200d" not in neutral.neutral_name("S\u200dhop")
    assert len(neutral.neutral("e" + "\u0301" * 500)) == 9


@given(st.text(alphabet="ab 你🌷\u0301", max_size=200), st.integers(2, 30))
@example("\u0301 a你", 2)
def test_wrapping_loses_nothing_but_spaces(text: str, width: int) -> None:
    rows = screen_lines.wrap(text, width)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")
    assert all(get_cwidth(row) <= width for row in rows)


def test_another_device_of_our_own_account_is_called_by_our_name() -> None:
    own = SimpleNamespace(account_id=b"a" * 32, card=lambda: SimpleNamespace(name="Praxis"))
    said = event_lines.event_text(Parted(b"a" * 32), cast(Client, own), texts.Texts("de"))
    assert said.startswith("Praxis schreibt von einem älteren Stand aus weiter")


def test_why_a_relay_keeps_a_device_from_being_reached_is_said_in_the_language() -> None:
    """ID-60: with a status of its own kind, and what is to be done."""
    refused = errors.PublishRefused("relay.rate_limited")
    german = failures.error_text(refused, texts.Texts("de"))
    assert german.endswith("dem Relay ist es zu viel auf einmal; es wird wieder versucht (wait.refused)")
    assert "too much at once for the relay" in failures.error_text(refused, texts.Texts("en"))
    assert failures.status_of(refused.code) == 6
