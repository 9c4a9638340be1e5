"""`sealroom desk` as a process: its address, other commands beside it, its end; the company's own desk."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import httpx
import pytest
import web_packages
from command_line import PASSPHRASE, QUICK, Person
from e2ee_client.rooms import Company
from relay_process import RelayProcess

pytestmark = [pytest.mark.processes, pytest.mark.slow]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory, relay: RelayProcess) -> Person:
    """A company that has published nothing."""
    desk = Person(tmp_path_factory.mktemp("desk"))

    async def found() -> None:
        opening = Company.create(
            desk.store, relay=relay.url, name="Praxis", passphrase=PASSPHRASE, origins=[], runtime=QUICK
        )
        async with opening as company:
            await company.client.wait_settled(60)

    asyncio.run(found())
    return desk


def test_the_desk_serves_its_page_and_carries_out_other_commands(founded: Person) -> None:
    try:
        web_packages.install()
    except web_packages.NotInstalled as problem:
        pytest.skip(str(problem))
    with founded.start("desk", "--no-browser", "--json") as running:
        address = json.loads(running.wait_for(r"\{.*\}"))["address"]
        origin, token = address.split("/#")
        assert origin.startswith("http://127.0.0.1:")
        assert len(bytes.fromhex(token)) == 32
        assert "desk-" in httpx.get(f"{origin}/").text
        assert founded.ok("room", "list", "--json") == ""
        busy = founded.run("desk", "--no-browser")
        assert (busy.status, busy.code) == (3, "store.busy")
        assert running.finish(signal.SIGINT).status == 130
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{origin}/")


def test_a_desk_needs_a_company_and_settings_that_hold(
    founded: Person, tmp_path: Path, relay: RelayProcess
) -> None:
    settings = tmp_path / "desk.toml"
    settings.write_text("greetings = 'x'", "utf-8")
    said = founded.run("desk", "serve", "--settings", str(settings))
    assert (said.status, said.code) == (2, "config.invalid")
    person = Person(tmp_path)
    person.ok("init", "--relay", relay.url)
    said = person.run("desk", "--no-browser")
    assert (said.status, said.code) == (2, "local.side")
