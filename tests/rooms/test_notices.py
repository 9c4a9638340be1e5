"""Notices of a company: all faults at once, drafts that state what the law asks for, files of an example."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from e2ee_client.errors import ConfigError
from e2ee_client.rooms import Policy
from e2ee_client.rooms.errors import NoticeInvalid
from e2ee_client.rooms.notices import EXAMPLE, FACTS, MODES, SECTORS, Notice, draft_text, write_draft
from parties import NOW_MS, ScriptedRng

from e2ee import identity
from e2ee.errors import RemoteError
from e2ee.grammar import is_plain_text
from e2ee.rooms.notice import Mode, sign_next_notice

KEY = identity.new_account(ScriptedRng("notices"))
ACCOUNT_ID = identity.account_id_of(KEY)
ALL = list(itertools.product(SECTORS, MODES))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of an example that loads."""
    write_draft(tmp_path, "health", "explicit", EXAMPLE, is_reviewed=True)
    return tmp_path / "notice.toml"


def changed(file: Path, old: str, new: str) -> Path:
    """The file with a part replaced."""
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    return file


def faults(file: Path) -> dict[str, str]:
    """What is wrong with a file: the provision by the field."""
    with pytest.raises(NoticeInvalid) as caught:
        Notice.load(file)
    assert caught.value.code == "config.notice"
    return {fault.field: fault.law for fault in caught.value.faults}


# --- drafts ---

STATEMENTS = {
    "de": {
        "controller": ["Verantwortlich", EXAMPLE["name"], EXAMPLE["address"], EXAMPLE["email"]],
        "officer": ["atenschutzbeauftragte Person"],
        "purposes": ["Anfragen zu beantworten", "per E-Mail mitzuteilen", "nachzuweisen"],
        "basis": ["Rechtsgrundlage", "Art. 6 Abs. 1 Buchst. "],
        "recipients": [
            "Wer die Daten erhält",
            "Übertragungsdienst (Relay)",
            EXAMPLE["relay_operator"],
            "keine Inhalte",
            "Empfänger",
        ],
        "countries": ["außerhalb der EU und des EWR"],
        "storage": ["Wie lange gespeichert wird", "3 Jahre"],
        "device": ["§ 25 Abs. 2 Nr. 2 TDDDG"],
        "rights": ["Auskunft", "Berichtigung", "Löschung", "Einschränkung", "Übertragbarkeit", "Widerspruch"],
        "complaint": ["Aufsichtsbehörde", EXAMPLE["authority"]],
        "withdrawal": ["jederzeit widerrufen", "bleibt rechtmäßig"],
        "duty": ["weder ein Gesetz noch ein Vertrag", "Ohne die Daten"],
        "decisions": ["automatisiert", "Art. 22"],
        "bot": ["Bots"],
        "links": ["§ 5 DDG", EXAMPLE["imprint_url"], EXAMPLE["privacy_url"]],
    },
    "en": {
        "controller": ["Controller", EXAMPLE["name"], EXAMPLE["address"], EXAMPLE["email"]],
        "officer": ["ata protection officer"],
        "purposes": ["answer your requests", "by e-mail", "To prove"],
        "basis": ["egal basis", "Art. 6 Abs. 1 Buchst. "],
        "recipients": [
            "Who receives the data",
            "transport service (relay)",
            EXAMPLE["relay_operator"],
            "sees no content",
            "recipients",
        ],
        "countries": ["outside the EU and the EEA"],
        "storage": ["How long it is stored", "3 years"],
        "device": ["section 25 (2) no. 2 TDDDG"],
        "rights": ["access", "rectification", "erasure", "restriction", "portability", "object"],
        "complaint": ["supervisory authority", EXAMPLE["authority"]],
        "withdrawal": ["withdraw", "at any time", "remains lawful"],
        "duty": ["neither the law nor a contract", "Without the data"],
        "decisions": ["automated means", "Art. 22"],
        "bot": ["bots"],
        "links": ["section 5 DDG", EXAMPLE["imprint_url"], EXAMPLE["privacy_url"]],
    },
}


@pytest.mark.parametrize(("sector", "mode"), ALL)
@pytest.mark.parametrize("language", ["de", "en"])
def test_every_draft_makes_every_statement_that_the_law_asks_for(
    sector: str, mode: str, language: str
) -> None:
    text = Notice.draft(sector, mode, EXAMPLE, is_reviewed=True).texts[language]
    for statement, words in STATEMENTS[language].items():
        assert all(word in text for word in words), statement
    assert is_plain_text(text)
    assert len(text.encode()) <= 16_384
    assert "{{" not in text


@pytest.mark.parametrize(("sector", "mode"), ALL)
def test_every_draft_can_be_signed_and_states_its_mode_and_sector(sector: str, mode: str) -> None:
    """CNS-01, CNS-02: what was loaded is what the core takes."""
    found = Notice.draft(sector, mode, EXAMPLE, is_reviewed=True)
    signed = sign_next_notice(KEY, found.unsigned(ACCOUNT_ID, 7, NOW_MS))
    assert signed == found.sign(KEY, 7, NOW_MS)
    assert (signed.mode, signed.sector, signed.version) == (MODES[mode], sector, 7)
    assert [one.number for one in signed.purposes if one.is_required] == [1, 3]
    assert ("Art. 9" in signed.purposes[0].basis) is (
        mode == "explicit" or found.fields.sector in _SPECIAL[mode]
    )


@pytest.mark.parametrize("sector", SECTORS)
def test_every_draft_tells_how_long_rooms_are_kept_where_nobody_has_set_a_policy(sector: str) -> None:
    """CNS-46: what is shipped fits together, to the day."""
    usual = Policy().retention
    found = Notice.draft(sector, "consent", EXAMPLE, is_reviewed=True)
    assert dict(found.fields.retention or ())[usual.kind] == usual.ttl_s
    assert "höchstens 90 Tage nach dem Abschluss des Gesprächs" in found.texts["de"]
    assert "at most 90 days after the conversation was closed" in found.texts["en"]


_SPECIAL = {"notice": ("health", "legal"), "consent": (), "explicit": ()}


def test_explicit_drafts_name_special_categories_and_secrecy_where_it_is() -> None:
    explicit = Notice.draft("health", "explicit", EXAMPLE, is_reviewed=True).texts
    assert "Art. 9 Abs. 2 Buchst. a DSGVO" in explicit["de"]
    assert "Art. 9 (2) (a) GDPR" in explicit["en"]
    assert "§ 203 StGB" in explicit["de"]
    assert "§ 203" not in Notice.draft("general", "explicit", EXAMPLE, is_reviewed=True).texts["de"]


def test_a_draft_says_that_it_is_one_and_is_not_loaded_before_somebody_removed_the_line() -> None:
    for language, word in (("de", "ENTWURF"), ("en", "DRAFT")):
        assert word in draft_text(language, "general", "notice").splitlines()[0]
    with pytest.raises(NoticeInvalid) as caught:
        Notice.draft("general", "notice", EXAMPLE)
    assert {fault.field for fault in caught.value.faults} == {"texts.de", "texts.en"}


def test_what_only_the_company_knows_is_asked_for_whole() -> None:
    with pytest.raises(NoticeInvalid) as caught:
        Notice.draft("legal", "notice", {}, is_reviewed=True)
    assert len(caught.value.faults) == len(FACTS)


# --- files ---


def test_a_text_says_what_the_fields_say(file: Path) -> None:
    """One source: what a company changes in its fields changes in the texts."""
    changed(file, "bot = false", "bot = true\nminimum_age = 16")
    changed(file, "recipients = []", 'recipients = ["Labor GmbH"]\nprotection_officer = "Frau Schmidt"')
    changed(file, "third_countries = []", 'third_countries = ["Schweiz (Art. 45)"]')
    changed(file, 'proof = "3y"', 'proof = "36h"')
    changed(file, "automated_decisions = false", "automated_decisions = true")
    text = Notice.load(file).texts["de"]
    for words in (
        "antworten auch automatische",
        "ab 16 Jahren",
        "- Labor GmbH",
        "Frau Schmidt",
        "36 Stunden",
    ):
        assert words in text
    assert "- Schweiz (Art. 45)" in text
    assert "ausschließlich automatisiert fallen" in text


def test_texts_stand_inline_or_in_a_file_beside(file: Path) -> None:
    changed(file, 'en = { file = "notice.en.txt" }', 'fr = "Bonjour {{controller.name}}"')
    (file.parent / "notice.de.txt").write_bytes("\ufeffGuten Tag\r\n{{purpose.1}}\r\n".encode())
    found = Notice.load(file)
    assert found.texts == {
        "de": "Guten Tag\nArt. 6 Abs. 1 Buchst. a, Art. 9 Abs. 2 Buchst. a DSGVO (GDPR)",
        "fr": f"Bonjour {EXAMPLE['name']}",
    }
    assert found.fields.texts == {name: text.encode() for name, text in found.texts.items()}


def test_nothing_is_overwritten_and_nothing_unknown_is_written(file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()
    for folder, sector, mode, facts in (
        (tmp_path, "health", "notice", EXAMPLE),
        (tmp_path / "new", "church", "notice", EXAMPLE),
        (tmp_path / "new", "health", "silence", EXAMPLE),
        (tmp_path / "new", "health", "notice", {"phone": "1"}),
        (tmp_path / "new", "health", "notice", {"name": "a\x00b"}),
        (file, "health", "notice", {}),
    ):
        with pytest.raises(ConfigError):
            write_draft(folder, sector, mode, facts)
    assert file.read_bytes() == before
    assert not (tmp_path / "new").exists()


def test_facts_are_quoted(tmp_path: Path) -> None:
    name = 'Müller "& Söhne"\nC:\\'
    write_draft(tmp_path, "general", "notice", {**EXAMPLE, "name": name}, is_reviewed=True)
    assert Notice.load(tmp_path / "notice.toml").fields.controller == (
        name,
        EXAMPLE["address"],
        EXAMPLE["email"],
    )


# --- faults ---


def test_all_faults_are_named_at_once_with_the_provision_that_asks(file: Path) -> None:
    """CNS-03."""
    file.write_text('extra = 1\nmode = "silence"\n[controller]\nphone = "1"\n', "utf-8")
    assert faults(file) == {
        "mode": "Art. 6 (1), Art. 7, Art. 9 (2) (a) GDPR",
        "sector": "CNS-02",
        "controller.name": "Art. 13 (1) (a) GDPR",
        "controller.address": "Art. 13 (1) (a) GDPR",
        "controller.email": "Art. 13 (1) (a) GDPR",
        "relay.operator": "Art. 13 (1) (e) GDPR",
        "relay.url": "CNS-02",
        "recipients": "Art. 13 (1) (e) GDPR",
        "third_countries": "Art. 13 (1) (f) GDPR",
        "authority": "Art. 13 (2) (d) GDPR",
        "imprint_url": "§ 5 DDG",
        "privacy_url": "Art. 12 (1) GDPR",
        "bot": "Art. 50 (1) Regulation (EU) 2024/1689",
        "automated_decisions": "Art. 13 (2) (f), Art. 22 GDPR",
        "default_locale": "Art. 12 (1) GDPR",
        "purposes": "Art. 13 (1) (c) GDPR",
        "retention": "Art. 13 (2) (a) GDPR",
        "texts": "Art. 12 (1) GDPR",
        "extra": "CNS-02",
        "controller.phone": "CNS-02",
    }


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('email = "kontakt@firma.example"', 'email = "kontakt"', "controller.email"),
        ('url = "wss://relay.example/"', 'url = "https://relay.example/"', "relay.url"),
        ('url = "wss://relay.example/"', f'url = "wss://relay.example/{"a" * 37}"', "relay.url"),
        ("recipients = []", "recipients = [1]", "recipients"),
        ("recipients = []", f"recipients = {['x'] * 33}", "recipients"),
        ("recipients = []", 'recipients = ["{{who}}"]', "recipients"),
        ("bot = false", "bot = 0", "bot"),
        ("# minimum_age = 16", "minimum_age = 151", "minimum_age"),
        ("# minimum_age = 16", "minimum_age = true", "minimum_age"),
        ('sector = "health"', f'sector = "{"x" * 241}"', "sector"),
        ('"https://firma.example/impressum"', '"http://firma.example/impressum"', "imprint_url"),
        ('default_locale = "de"', 'default_locale = "fr"', "default_locale"),
        ('proof = "3y"', 'proof = "3 months"', "retention.proof"),
        ('proof = "3y"', 'proof = "137y"', "retention.proof"),
        ('proof = "3y"', 'always = "3y"', "retention.always"),
        ("number = 3", "number = 1", "purposes"),
        ("number = 3", "number = 33", "purposes[2].number"),
        ("number = 3", "number = 3\nwhy = 1", "purposes[2].why"),
        ("required = false", "required = true", "purposes[1].required"),
        (", Art. 9 Abs. 2 Buchst. a DSGVO", " DSGVO", "purposes"),
        ('de = { file = "notice.de.txt" }', 'DE = { file = "notice.de.txt" }', "texts.DE"),
        ('de = { file = "notice.de.txt" }', 'de = { file = "../notice.de.txt" }', "texts.de"),
        ('de = { file = "notice.de.txt" }', 'de = { file = "gone.txt" }', "texts.de"),
        ('de = { file = "notice.de.txt" }', "de = 1", "texts.de"),
        ('de = { file = "notice.de.txt" }', 'de = ""', "texts.de"),
        ('de = { file = "notice.de.txt" }', 'de = "a\\u200bb"', "texts.de"),
        ('de = { file = "notice.de.txt" }', 'de = "{{purpose.4}}"', "texts.de"),
        ('de = { file = "notice.de.txt" }', 'fr = "{{bot}}"\nde = "x"', "texts.fr"),
        ('de = { file = "notice.de.txt" }', f'de = "{"ä" * 8_193}"', "texts.de"),
        ("[controller]", "[controller", "notice.toml"),
    ],
)
def test_a_wrong_field_is_named(file: Path, old: str, new: str, field: str) -> None:
    """CNS-02, CNS-05, ACC-20."""
    assert field in faults(changed(file, old, new))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("notice.toml", b"\xff"),
        ("notice.toml", b"#" * 262_145),
        ("notice.de.txt", b"\xff"),
        ("notice.de.txt", b"a" * 65_537),
        ("notice.de.txt", b"\t"),
    ],
)
def test_a_file_that_is_no_text_or_too_large_is_a_fault(file: Path, name: str, data: bytes) -> None:
    (file.parent / name).write_bytes(data)
    assert set(faults(file)) <= {"notice.toml", "texts.de"}


def test_a_notice_that_is_missing_or_too_long_to_be_signed_is_a_fault(file: Path) -> None:
    long = [f"{number:02}" + "ä" * 238 for number in range(32)]
    changed(file, "recipients = []", f"recipients = {long}".replace("'", '"'))
    for language in ("de", "en"):
        (file.parent / f"notice.{language}.txt").write_text("x", "utf-8")
    assert faults(file) == {"notice.toml": "CNS-02"}
    assert faults(file.parent / "other.toml") == {"notice.toml": "CNS-03"}


def test_what_loads_is_what_the_core_takes(file: Path) -> None:
    """Each field at its edge: whatever is taken here can be signed."""
    edges = {
        'sector = "health"': f'sector = "{"x" * 240}"',
        "# minimum_age = 16": "minimum_age = 150",
        'proof = "3y"': 'proof = "136y"',
        "number = 3": "number = 32",
        'url = "wss://relay.example/"': f'url = "wss://relay.example/{"a" * 36}"',
    }
    for old, new in edges.items():
        changed(file, old, new)
    for language in ("de", "en"):
        (file.parent / f"notice.{language}.txt").write_text("ä" * 8_192, "utf-8")
    try:
        signed = Notice.load(file).sign(KEY, 2**31 - 1, NOW_MS)
    except RemoteError as error:
        raise AssertionError("the core refuses what was loaded") from error
    assert signed.mode is Mode.EXPLICIT
    assert signed.purposes[-1].number == 32
