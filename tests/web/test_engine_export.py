"""A room of the web client as a file: Python verifies it by the company's account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conversations import until
from e2ee_client.rooms import Company
from e2ee_client.rooms.transcripts import verify_transcript
from web_companies import company, relay
from web_person import WebPerson, web_person

from e2ee.ids import AccountId
from e2ee.rooms.transcript_report import TranscriptReport

__all__ = ["company", "relay"]
pytestmark = pytest.mark.processes
HOSTILE = "<img src=x onerror=alert(1)> \u202egnp.exe & </script>"


@pytest.fixture
async def person(web_libraries: None, company: Company, tmp_path: Path) -> AsyncIterator[WebPerson]:
    """A person who has written, was answered, and has erased a text."""
    door = tmp_path / "door"
    door.write_bytes(await company.door())
    async with web_person(door) as made:
        await made.do("accept")
        gone = await made.do("send", text="bald weg")
        await made.do("wait", entry=await made.do("send", text=HOSTILE))
        (theirs,) = company.rooms()
        await theirs.claim(60)
        await theirs.send("Guten Tag")
        while "Guten Tag" not in [one["text"] for one in await made.do("entries")]:
            await made.next_event()
        await made.do("erase", entry=gone)
        await made.do("wait", entry=await made.do("send", text="zuletzt"))
        await until(lambda: theirs.unread >= 2)
        yield made


def verified(path: Path, company: Company) -> TranscriptReport:
    """What Python says of a file."""
    return verify_transcript(path, AccountId(company.client.account_id))


async def test_a_file_of_the_web_client_holds_and_a_flipped_byte_is_named(
    person: WebPerson, company: Company, tmp_path: Path
) -> None:
    """EXP-01 to EXP-03, EXP-13: each entry has its verdict; what was erased is its commitment."""
    path = tmp_path / "room.json"
    assert (await person.do("export", path=str(path), kind="json")).endswith(".json")
    report = verified(path, company)
    assert report.holds
    entries = await person.do("entries")
    lines = path.read_text().split("\n")
    said = [line for line in lines if line.startswith('{"entry":')]
    assert len(said) == len(entries)
    assert "bald weg" not in path.read_text()
    place = next(at for at, line in enumerate(lines) if "Guten Tag" in line)
    lines[place] = lines[place].replace("Guten Tag", "Guten Tod")
    path.write_text("\n".join(lines))
    assert not verified(path, company).holds


class Parts(HTMLParser):
    """The elements and the texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element, and that it has no listener."""
        assert not [name for name, _ in attrs if name.startswith("on") or name in {"src", "href"}]
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append(data)


async def test_a_page_to_read_has_texts_as_texts(person: WebPerson, tmp_path: Path) -> None:
    """EXP-23, EXP-24: no script, link or part from elsewhere, and nothing hides; no file is named."""
    page = tmp_path / "room.html"
    await person.do("export", path=str(page), kind="html")
    text = page.read_text()
    parts = Parts()
    parts.feed(text)
    assert {"script", "a", "img", "form", "iframe", "link"}.isdisjoint(parts.elements)
    assert HOSTILE.replace("\u202e", "⟨U+202E⟩") in parts.texts
    assert "default-src 'none'" in text
    assert ".json" not in text
    assert "bald weg" not in text
