"""Transcripts as files on disk: exported by both sides, verified offline, read as a page."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import re
import stat
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from company import Company
from conversations import until, until_read
from e2ee_client.errors import ConfigError
from e2ee_client.rooms import EntryProgress, Room
from e2ee_client.rooms import transcripts as files
from e2ee_client.rooms.errors import TranscriptInvalid
from e2ee_client.rooms.transcript_findings import as_plain, name_of
from e2ee_client.rooms.transcript_words import LANGUAGES, WORDS
from e2ee_client.rooms.transcripts import verify_transcript, write_transcript_page
from parties import NOW_MS, Party
from practice import Practice
from transcript_world import Talk, conversation, edited, line_of, verify

from e2ee.errors import NoRight, NotMember
from e2ee.files import padded_size
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.forms import Answer, Form, Question, QuestionKind, Rating
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.payloads import (
    Access,
    AccessKind,
    Act,
    ActKind,
    Edit,
    EntryPayload,
    Erase,
    Erased,
    File,
    Outcome,
    Reach,
    Refusal,
    RoomText,
    Sensitive,
    UnknownKind,
)
from e2ee.rooms.state import Phase
from e2ee.rooms.transcript_file import LINE_MAX_B
from e2ee.rooms.transcript_report import DOUBTED, Fault, Note, TranscriptReport, Verdict
from e2ee.secret import FileKey

HOSTILE = (
    "</p><script>alert(1)</script><img src=x onerror=alert(1)>",
    "<style>body{display:none}</style>&lt;b&gt;",
    "\u202eevil\u2066\u0000\x1b[31m\ufeff\u2028x",
    "{0} {title} %s",
    "]]><!-- -->\"'`",
)


@pytest.fixture(scope="module")
def firm() -> Company:
    """A company whose roster names its notice."""
    made = Company.make()
    made.new_roster(NOW_MS, notice_hash=made.notice().hash)
    return made


@pytest.fixture
def talk(firm: Company) -> Talk:
    """A room of eight entries."""
    return conversation(firm, Party.make("anna"))


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def written(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"\n".join([*lines, b""]))
    return path


# --- reading ---


def test_a_file_is_verified_offline(talk: Talk, firm: Company, tmp_path: Path) -> None:
    """EXP-05, EXP-13"""
    path = written(tmp_path / "t.json", talk.lines())
    assert verify_transcript(path, firm.account_id).holds
    with pytest.raises(TranscriptInvalid) as caught:
        verify_transcript(path, Company.make("other").account_id)
    assert caught.value.reason == "remote.identity"
    for whole in (b"", b"{}", b"[", bytes(9_000_000)):
        path.write_bytes(whole)
        with pytest.raises(TranscriptInvalid) as caught:
            verify_transcript(path, firm.account_id)
        assert caught.value.reason == "remote.decode"
    with pytest.raises(ConfigError):
        verify_transcript(tmp_path / "none", firm.account_id)


def test_a_line_of_any_length_is_one_line(talk: Talk, firm: Company, tmp_path: Path) -> None:
    """EXP-06, EXP-14: nothing of it is kept, and the next one is looked at."""
    lines = talk.lines()
    at = line_of(lines, talk.entries[3])
    for length in (LINE_MAX_B, LINE_MAX_B + 1, LINE_MAX_B + 2, 3 * LINE_MAX_B + 7):
        path = written(tmp_path / "t.json", [*lines[:at], b"x" * length, *lines[at:]])
        report = verify_transcript(path, firm.account_id)
        assert [(one.line, one.fault) for one in report.refused] == [(at + 1, Fault.FORM)]
        assert len(report.entries) == len(talk.entries)


def test_a_file_that_is_too_long_is_told(
    talk: Talk, firm: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EXP-14"""
    path = written(tmp_path / "t.json", talk.lines())
    monkeypatch.setattr(files, "FILE_MAX_B", 1_000)
    with pytest.raises(TranscriptInvalid) as caught:
        verify_transcript(path, firm.account_id)
    assert caught.value.reason == "room.too_many"


def test_the_hash_is_that_of_the_whole_file(talk: Talk, firm: Company, tmp_path: Path) -> None:
    """EXP-15: also of what is behind the part of a line that is looked at."""
    lines = talk.lines()
    path = written(tmp_path / "t.json", [*lines[:-2], b"x" * (2 * LINE_MAX_B), *lines[-2:]])
    expected = hashlib.sha256(path.read_bytes()).digest()
    assert files.verify_file(path, firm.account_id).digest == expected


def test_how_far_it_has_come_is_told(
    talk: Talk, firm: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_TOLD_EVERY", 5)
    path = written(tmp_path / "t.json", talk.lines())
    told: list[tuple[int, int]] = []
    verify_transcript(path, firm.account_id, lambda done, whole: told.append((done, whole)))
    assert len(told) == len(talk.lines()) // 5
    assert all(whole == path.stat().st_size for _, whole in told)
    assert told == sorted(told)


# --- the page ---


class Page(HTMLParser):
    """Collects what a browser would act on, and what it would show."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.shown: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.shown.append(data)


def page_of(talk: Talk, tmp_path: Path, language: str = "de", lines: list[bytes] | None = None) -> Page:
    source = written(tmp_path / "t.json", talk.lines() if lines is None else lines)
    target = tmp_path / "t.html"
    target.unlink(missing_ok=True)
    write_transcript_page(source, target, talk.head.company, language)
    page = Page()
    page.feed(target.read_text("utf-8"))
    page.close()
    return page


TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "dl", "dt", "dd"),
    *("section", "ul", "li", "b", "main", "ol", "div", "bdi", "span", "footer"),
}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "dir"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_room_says_is_text_only(talk: Talk, tmp_path: Path, language: str) -> None:
    """EXP-15: no markup of a text, a name or a title acts, and nothing turns around or hides."""
    for one in HOSTILE:
        talk.say(talk.customer, one)
        talk.say(talk.agent, Access(AccessKind.PRINT, None, 1, None, one[:60]))
        talk.say(talk.desk, Form(one[:60], (Question(1, QuestionKind.CHOICE, one[:60], True, (one[:60],)),)))
    page = page_of(talk, tmp_path, language)
    assert {tag for tag, _ in page.tags} <= TAGS
    assert {name for _, given in page.tags for name in given} <= ATTRIBUTES
    shown = "".join(page.shown)
    for one in HOSTILE:
        if one.isprintable():
            assert one in shown
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff\x00\x1b]", shown)
    assert "⟨U+202E⟩evil" in shown


def test_on_a_page_nothing_hides_and_what_letters_need_stays(talk: Talk, tmp_path: Path) -> None:
    """EXP-24: joined signs and letters stand as they were written."""
    family, persian = (
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    )
    marks = "\u0301" * 9
    said = {
        family: family,
        persian: persian,
        "10\u00a0km\tund\u202fmehr\r\nweiter": "10\u00a0km\tund\u202fmehr\nweiter",
        "[\u3164\u2800\u115f\u202e\u00ad\r]": "[⟨U+3164⟩⟨U+2800⟩⟨U+115F⟩⟨U+202E⟩⟨U+00AD⟩⟨U+000D⟩]",
        f"e{marks}e{marks}": f"e{marks[1:]}e{marks[1:]}",
    }
    for one in said:
        talk.say(talk.customer, one)
    assert set(said.values()) <= set(page_of(talk, tmp_path).shown)


def test_a_page_shows_a_device_by_all_of_its_names(talk: Talk) -> None:
    """EXP-25: the first eight, and that there are more."""
    device_id = DeviceId(b"d" * 16)
    made = verify(talk.lines(), talk.head.company)
    eight = " / ".join("01234567")
    cases = (
        (0, "64646464"),
        (2, "0 / 1 (64646464)"),
        (8, f"{eight} (64646464)"),
        (9, f"{eight} / … (64646464)"),
    )
    for count, shown in cases:
        report = dataclasses.replace(made, names={device_id: tuple(map(str, range(count)))})
        assert as_plain(name_of(report, device_id)) == shown


def test_letters_of_another_direction_turn_nothing_beside_them(talk: Talk, tmp_path: Path) -> None:
    """EXP-15: a name stands for itself, and no heap of marks lies over other lines."""
    key, marked = FileKey(b"k" * 32), "a" + "\u0301" * 60
    file = File(
        b"b" * 32, key, padded_size(5), b"h" * 32, 5, "\u05d0\u05d1.txt", "text/plain", 1, DeviceId(bytes(16))
    )
    talk.say(talk.customer, file)
    talk.say(talk.customer, marked)
    shown = "".join(page_of(talk, tmp_path).shown)
    text = (tmp_path / "t.html").read_text("utf-8")
    assert "„<bdi>\u05d0\u05d1.txt</bdi>“" in text
    assert "<bdi>Agent</bdi> (" in text
    assert (shown.count("\u0301"), "\x02" in text) == (8, False)


def test_the_page_loads_nothing_and_says_so_itself(talk: Talk, tmp_path: Path) -> None:
    """EXP-15"""
    page = page_of(talk, tmp_path)
    policy = next(given["content"] for _, given in page.tags if given.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    text = (tmp_path / "t.html").read_text("utf-8")
    assert not re.search(r"https?://|url\(|@import|<script|<a |<img|<form|javascript:", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_of_each_entry_what_is_shown(
    talk: Talk, firm: Company, tmp_path: Path, language: str
) -> None:
    """EXP-15, EXP-13: verdict, witnesses, the hash of the file, and what is not proved."""
    words = WORDS[language]
    shown = "".join(page_of(talk, tmp_path, language).shown)
    assert words["holds"] in shown
    assert shown.count(words["verdict ACKNOWLEDGED"]) == 3
    assert shown.count(words["verdict CLAIMED"]) == 1
    assert "Gern, welches?" in shown
    assert f"Agent ({firm.id('agent').hex()[:8]})" in shown
    assert words["limits"].split("\n")[1] in shown
    verified = files.verify_file(tmp_path / "t.json", firm.account_id)
    assert verified.digest.hex() in shown
    assert words["for reading"] in shown
    assert "{" not in shown.split("<style>")[0].replace(_style(shown), "")


def _style(shown: str) -> str:
    return shown[shown.index(":root") : shown.index("@media(max-width") + 100]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_names_what_does_not_hold(talk: Talk, tmp_path: Path, language: str) -> None:
    """EXP-15"""
    words = WORDS[language]
    lines = talk.lines()
    at = line_of(lines, talk.entries[3])
    broken = edited(lines, at, lambda line: line.replace(b"Gern", b"Nein"))
    shown = "".join(page_of(talk, tmp_path, language, broken).shown)
    assert words["fails"] in shown
    assert words["holds"] not in shown
    assert words["finding refused"].format(at + 1, words["fault SHOWN"]) in shown
    assert "Nein, welches" not in shown
    gone = [one for place, one in enumerate(lines) if place not in (at, line_of(lines, talk.entries[5]))]
    shown = "".join(page_of(talk, tmp_path, language, gone).shown)
    assert words["finding missing"].split("{0}")[0] in shown
    assert words["finding end"] in shown
    moved = [*lines[: at - 1], lines[at], lines[at - 1], *lines[at + 1 :]]
    assert words["note PLACE"] in "".join(page_of(talk, tmp_path, language, moved).shown)
    many = [*lines[:-2], *([b"x"] * 1_200), *lines[-2:]]
    shown = "".join(page_of(talk, tmp_path, language, many).shown)
    assert shown.count(words["fault FORM"]) < 2_500


EVERYTHING: tuple[tuple[Side, EntryPayload], ...] = (
    (Side.CUSTOMER, RoomText("Grüße")),
    (Side.CUSTOMER, Edit(b"h" * 32, "Neu gefasst")),  # type: ignore[arg-type]
    (Side.CUSTOMER, Erase((b"h" * 32,))),  # type: ignore[arg-type]
    (Side.CUSTOMER, Erase(None)),
    (Side.COMPANY, Erased(None, Outcome.HOLD)),
    (
        Side.CUSTOMER,
        File(
            *(b"b" * 32, FileKey(b"k" * 32), padded_size(5), b"h" * 32, 5, "a&b.txt", "text/plain", 1),
            DeviceId(bytes(16)),
        ),
    ),
    (Side.CUSTOMER, Act(ActKind.CALL_DESK)),
    (Side.CUSTOMER, Reach(None)),
    (Side.CUSTOMER, Reach("a@b.example")),
    (Side.COMPANY, Sensitive((b"h" * 32,))),  # type: ignore[arg-type]
    (Side.COMPANY, Access(AccessKind.READ_IN, None, 3, None)),
    (Side.CUSTOMER, Answer(b"h" * 32, ((1, "ja"), (2, 7)))),  # type: ignore[arg-type]
    (Side.CUSTOMER, Rating(5, "gut")),
    (Side.COMPANY, Refusal(b"r" * 8, "room.right")),
    (Side.CUSTOMER, UnknownKind(60, [1])),
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_words(talk: Talk, tmp_path: Path, language: str) -> None:
    """EXP-15, TRN-20"""
    for side, payload in EVERYTHING:
        talk.say(talk.customer if side is Side.CUSTOMER else talk.desk, payload)
    talk.say(
        talk.desk, talk.state(talk.state(), talk.first, phase=Phase.CLOSED, assigned=None, text="fertig")
    )
    shown = "".join(page_of(talk, tmp_path, language).shown)
    for expected in ("Neu gefasst", "a&b.txt", "1: ja\n2: 7", "gut", "room.right", "fertig", "60"):
        assert expected in shown
    assert WORDS[language]["ERASED 2"] in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_state_says_that_does_not_count_is_not_shown(
    talk: Talk, tmp_path: Path, language: str
) -> None:
    """ROOM-71, EXP-11: nobody reads that a room was closed by who has no right to that; the note says why."""
    words, before = WORDS[language], talk.state()
    talk.say(talk.agent, talk.state(before, talk.first, phase=Phase.CLOSED, assigned=None, text="vorbei"))
    shown = "".join(page_of(talk, tmp_path, language).shown)
    assert words["note RIGHT"] in shown
    assert words["STATE"].format(words["phase CLOSED"]) not in shown
    assert "vorbei" not in shown
    talk.say(talk.desk, talk.state(before, talk.first, phase=Phase.CLOSED, assigned=None, text="fertig"))
    shown = "".join(page_of(talk, tmp_path, language).shown)
    assert words["STATE"].format(words["phase CLOSED"]) in shown
    assert "fertig" in shown


def test_both_languages_have_words_for_everything() -> None:
    german, english = WORDS["de"], WORDS["en"]
    assert german.keys() == english.keys()
    for key, text in german.items():
        assert sorted(re.findall(r"\{\d\}", text)) == sorted(re.findall(r"\{\d\}", english[key])), key
    needed = [f"verdict {one.name}" for one in Verdict] + [f"note {one.name}" for one in Note]
    needed += [f"fault {one.name}" for one in Fault] + [f"phase {one.name}" for one in Phase]
    needed += [f"{kind} {int(one)}" for kind, of in (("ACT", ActKind), ("ACCESS", AccessKind)) for one in of]
    needed += [f"ERASED {int(one)}" for one in Outcome]
    several = {Kind.ACT, Kind.ACCESS, Kind.ERASED, Kind.TEXT}
    needed += [one.name for one in Kind if one not in several]
    needed += [f"kind {one.name}" for one in Kind] + [f"finding {one.value}" for one in DOUBTED]
    assert set(needed) <= german.keys()


def test_a_page_of_absurd_times_and_nobody(talk: Talk, firm: Company, tmp_path: Path) -> None:
    """EXP-15, TRN-47: a time beyond all calendars; a device without a card; nothing at all."""
    far = talk.customer.make(9, talk.entries[-1].hash, 2**53 - 1, RoomText("später"))
    shown = "".join(page_of(talk, tmp_path, "de", talk.lines([*talk.entries, far])).shown)
    assert "9007199254740991 ms" in shown
    assert "".join(page_of(talk, tmp_path, "de", talk.lines([])).shown)


def test_nothing_is_replaced_and_no_half_file_stays(talk: Talk, firm: Company, tmp_path: Path) -> None:
    source = written(tmp_path / "t.json", talk.lines())
    target = tmp_path / "t.html"
    target.write_text("mine")
    for language, place in (("de", target), ("fr", tmp_path / "x"), ("de", tmp_path / "none" / "x")):
        with pytest.raises(ConfigError):
            write_transcript_page(source, place, firm.account_id, language)
    with pytest.raises(TranscriptInvalid):
        write_transcript_page(source, tmp_path / "x", Company.make("other").account_id)
    assert target.read_text() == "mine"
    assert names(tmp_path) == ["t.html", "t.json"]


def test_a_file_that_changes_between_both_readings_makes_no_page(
    talk: Talk, firm: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EXP-15"""
    source, whole = tmp_path / "t.json", files.verify_file
    lines = written(source, talk.lines()).read_bytes()

    other = b"\n".join([*talk.lines()[:3], *[b'{"entry":"gA"'] * 40])
    left = [lines.replace(b"Danke!", b"Nein!!"), other]

    def verify_and_change(path: Path, company: AccountId, _: files.Progress) -> files.Verified:
        found = whole(path, company)
        path.write_bytes(left.pop())
        return found

    monkeypatch.setattr(files, "verify_file", verify_and_change)
    while left:
        source.write_bytes(lines)
        with pytest.raises(TranscriptInvalid):
            write_transcript_page(source, tmp_path / "t.html", firm.account_id)
        assert names(tmp_path) == ["t.json"]


# --- real rooms ---


async def talked(praxis: Practice) -> tuple[Room, Room]:
    """A room of both sides, in which each has written and heard the other."""
    room = await praxis.opened(await praxis.customer())
    await room.send("Guten Tag")
    await until(lambda: len(praxis.company.rooms()) == 1 and praxis.company.rooms()[0].unread == 1)
    theirs = praxis.company.rooms()[0]
    await theirs.claim(60)
    await theirs.send("Was fehlt Ihnen?")
    await until(lambda: room.unread == 1)
    # What nobody has confirmed yet goes to who takes the room (ROOM-35).
    await (await room.send("Der Schlaf")).wait_for(EntryProgress.DELIVERED, 60)
    await until(lambda: theirs.unread == 2)
    return room, theirs


def shown_texts(path: Path) -> list[str]:
    read: list[dict[str, Any]] = json.loads(path.read_bytes())
    return [one["payload"]["1"] for one in read if one.get("kind") == Kind.TEXT and "payload" in one]


async def test_both_sides_export_the_same_room(praxis: Practice, tmp_path: Path) -> None:
    """EXP-03, EXP-04, EXP-12: the company's export is logged, for the customer to see."""
    ours, theirs = await talked(praxis)
    company = praxis.company.client.account_id
    reports: list[TranscriptReport] = []
    for name, room in (("ours", ours), ("theirs", theirs)):
        path = tmp_path / f"{name}.json"
        reports.append(await room.export(path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert verify_transcript(path, AccountId(company)) == reports[-1]
        assert shown_texts(path) == ["Guten Tag", "Was fehlt Ihnen?", "Der Schlaf"]
    for report in reports:
        assert (report.holds, report.is_stale, report.phase) == (True, False, Phase.OPEN)
        assert {one.verdict for one in report.entries if one.side is Side.COMPANY} == {Verdict.SIGNED}
    said = [one for one in reports[1].entries if one.side is Side.CUSTOMER and one.kind == Kind.TEXT]
    assert said[0].verdict is Verdict.ACKNOWLEDGED
    assert reports[1].entries[-1].kind == Kind.ACCESS

    async def logged() -> int:
        return sum(one.kind == Kind.ACCESS for one in await ours.history())

    await until_read(logged, 1)
    log = next(one.payload for one in await ours.history() if one.kind == Kind.ACCESS)
    assert isinstance(log, Access)
    assert (log.what, log.count) == (AccessKind.EXPORT, len(reports[1].entries) - 1)
    assert log.ends == (reports[1].entries[0].hash, reports[1].entries[-2].hash)


async def test_a_page_is_exported_at_once(praxis: Practice, tmp_path: Path) -> None:
    """EXP-15: of the room, without another file left, and it names none."""
    ours, _ = await talked(praxis)
    report = await ours.export(tmp_path / "room.html", format="html", language="en")
    assert report.holds
    text = (tmp_path / "room.html").read_text("utf-8")
    assert "Was fehlt Ihnen?" in text
    assert WORDS["en"]["holds"] in text
    assert names(tmp_path) == ["room.html"]
    assert WORDS["en"]["for reading alone"] in text
    assert not {WORDS["en"]["for reading"], WORDS["en"]["digest"]} & set(re.findall(r">([^<]+)<", text))
    for given in ({"format": "pdf"}, {"language": "fr"}):
        with pytest.raises(ConfigError):
            await ours.export(tmp_path / "x", **given)
    with pytest.raises(ConfigError):
        await ours.export(tmp_path / "room.html")


async def test_what_is_marked_leaves_the_company_as_its_commitment(praxis: Practice, tmp_path: Path) -> None:
    """EXP-04: a sensitive room not at all, but for a supervisor while it is on hold."""
    ours, theirs = await talked(praxis)
    company = praxis.company.room(theirs.room_id)
    marked = (await theirs.texts())[0]
    await theirs.mark_sensitive([marked])
    await until(lambda: theirs.view.is_sensitive and company.is_sensitive)
    await company.set_sensitive(False)
    await until(lambda: not theirs.view.is_sensitive)
    report = await theirs.export(tmp_path / "marked.json")
    assert shown_texts(tmp_path / "marked.json") == ["Was fehlt Ihnen?", "Der Schlaf"]
    assert [Note.REDACTED in one.notes for one in report.entries if one.hash == marked.hash] == [True]
    assert report.holds
    await company.set_sensitive(True)
    with pytest.raises(NoRight):
        await theirs.export(tmp_path / "sensitive.json")
    assert not (tmp_path / "sensitive.json").exists()
    await company.set_hold(True, "Streit")
    assert (await theirs.export(tmp_path / "held.json")).holds
    assert shown_texts(tmp_path / "held.json") == ["Guten Tag", "Was fehlt Ihnen?", "Der Schlaf"]
    await ours.export(tmp_path / "own.json")
    assert shown_texts(tmp_path / "own.json")[0] == "Guten Tag"


async def test_what_was_erased_is_not_exported(praxis: Practice, tmp_path: Path) -> None:
    """EXP-03: hidden at once, before it is destroyed."""
    ours, _ = await talked(praxis)
    first = (await ours.texts())[0]
    await ours.erase([first])
    report = await ours.export(tmp_path / "t.json")
    assert shown_texts(tmp_path / "t.json") == ["Was fehlt Ihnen?", "Der Schlaf"]
    assert report.holds
    assert b"Guten Tag" not in (tmp_path / "t.json").read_bytes()


async def test_notes_are_not_exported_nor_a_room_that_was_left(praxis: Practice, tmp_path: Path) -> None:
    """EXP-04"""
    _, theirs = await talked(praxis)
    agent = await praxis.agent("Agent A")
    company = praxis.company.room(theirs.room_id)
    await company.note("intern")
    with pytest.raises(NoRight):
        await (await company.notes()).export(tmp_path / "notes.json")
    await company.transfer(device_id=agent.me().device_id)
    await until(lambda: company.assigned is not None and company.assigned.name == "Agent A")
    await until(lambda: any(one.room_id == theirs.room_id for one in agent.rooms()))
    at_agent = agent.room(theirs.room_id)
    report = await at_agent.export(tmp_path / "joined.json")
    assert not report.refused
    await at_agent.leave()
    await until(lambda: not at_agent.members)
    with pytest.raises(NotMember):
        await at_agent.export(tmp_path / "left.json")
    assert names(tmp_path) == ["joined.json"]


async def test_other_work_goes_on_while_a_room_is_exported(praxis: Practice, tmp_path: Path) -> None:
    ours, _ = await talked(praxis)
    export = asyncio.create_task(ours.export(tmp_path / "t.json"))
    await ours.send("noch etwas")
    assert (await export).holds
