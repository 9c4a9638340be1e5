"""The end of a file on the screens of a room: said before it comes, and when it has come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import browsers
import pytest
from e2ee_client.rooms import Company
from forked_relay import ForkedRelay
from relay_process import RelayProcess
from web_release import CHAT, company, proxy, site, visitor, written

__all__ = ["company", "proxy", "site", "visitor"]
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.processes,
]


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    """A relay that holds blobs to the end of the hour, and a minute in which the test sees one."""
    with ForkedRelay(tmp_path / "relay", "blob_retention_s=60") as started:
        yield started


@browsers.firefox_in_audit
async def test_the_end_of_a_file_is_said_before_it_and_at_it_and_after_a_reload(
    visitor: browsers.Visitor, site: browsers.Site, company: Company, tmp_path: Path
) -> None:
    """FIL-15"""
    await visitor.context.clock.install()
    room = await visitor.open(site.url("/room.html?lang=de", CHAT))
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await written(room, "Guten Tag")
    await room.get_by_text("Angekommen").wait_for()
    (theirs,) = company.rooms()
    await theirs.claim(60)
    (tmp_path / "Befund.txt").write_text("alles in Ordnung")
    await theirs.send_file(tmp_path / "Befund.txt")
    message = room.get_by_role("log").get_by_role("listitem").filter(has_text="Befund.txt")
    await message.get_by_text("Nur noch bis").wait_for()
    await message.get_by_role("button", name="Speichern").wait_for()
    await room.clock.fast_forward("01:02:00")
    await message.get_by_text("Nicht mehr vorhanden").wait_for()
    assert await message.get_by_role("button", name="Speichern").count() == 0
    await room.reload()
    await message.get_by_text("Nicht mehr vorhanden").wait_for()
    assert [one for one in visitor.take_complaints() if "ws://" not in one] == []
