"""`sealroom web` as a process: a site is built and signed, served, verified; what is wrong has its status."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import web_packages
from command_line import PASSPHRASE, QUICK, Person
from e2ee_client.rooms import Company
from e2ee_client.rooms.doors import open_door
from e2ee_client.rooms.notices import EXAMPLE, Notice
from relay_process import RelayProcess
from site_scene import PAGES, ROOM, Server, replies_of

from e2ee.ids import AccountId
from e2ee.rooms.assets import Assets

pytestmark = [pytest.mark.processes, pytest.mark.slow]
CONFIG = f'room = "{ROOM}"\npages = ["{PAGES[1]}"]\n[channels]\nphone = "+49 30 1234"\n'


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory, relay: RelayProcess) -> Person:
    """A company whose notice is published, with the settings of its site."""
    person = Person(tmp_path_factory.mktemp("practice"))

    async def found() -> None:
        opening = Company.create(
            person.store, relay=relay.url, name="Praxis", passphrase=PASSPHRASE, origins=[ROOM], runtime=QUICK
        )
        async with opening as company:
            facts = {**EXAMPLE, "relay_url": company.client.card().relay_url}
            await company.publish(Notice.draft("health", "consent", facts, is_reviewed=True))
            await company.wait_ready(60)

    asyncio.run(found())
    (person.home / "room.toml").write_text(CONFIG, "utf-8")
    return person


@pytest.fixture(scope="module")
def served(practice: Person) -> Iterator[tuple[Server, Assets]]:
    """The site that a command has built, on a server that is set up well."""
    try:
        web_packages.install()
    except web_packages.NotInstalled as problem:
        pytest.skip(str(problem))
    out = practice.home / "site"
    made = json.loads(practice.ok("web", "build", "--config", "room.toml", "--out", str(out), "--json"))
    signed = (out / "room/.well-known/sealroom-assets").read_bytes()
    assets = Assets.verify(AccountId(bytes.fromhex(made["account_id"])), signed)
    assert made["seq"] == assets.seq
    with Server(replies_of(out, assets)) as server:
        yield server, assets


def test_what_a_command_has_built_is_verified_by_another_one(
    practice: Person, served: tuple[Server, Assets]
) -> None:
    server, assets = served
    stranger = practice.with_(SEALROOM_PASSPHRASE=None, SEALROOM_STORE=str(practice.home / "none.db"))
    account = assets.account_id.hex()
    given = ("web", "verify", server.origin, "--company", account, "--page", server.origin)
    result = stranger.run(*given)
    assert result.status == 0, result.out
    assert "as the company has signed it" in result.out
    assert "as four different programs" in " ".join(result.err.split())
    nobody = stranger.run("web", "verify", server.origin, "--page", server.origin)
    assert (nobody.status, f"the account {account} is only what is stated there" in nobody.out) == (7, True)
    path = next(one.path for one in assets.files if "vault-" in one.path)
    body = server.replies[path].body
    server.replies[path].body = body[:100] + b"\0" + body[101:]
    result = stranger.run(*given, "--lang", "de")
    server.replies[path].body = body
    assert result.status == 7
    assert f"FEHLER  {server.origin}{path}: andere Bytes" in result.out
    told = json.loads(stranger.run(*given, "--json").out)
    assert (told["holds"], told["findings"], told["account_id"]) == (True, [], account)


def test_a_folder_is_verified_and_a_kept_list_shows_an_older_one(
    practice: Person, served: tuple[Server, Assets]
) -> None:
    server, assets = served
    out, known = practice.home / "site", ("--company", assets.account_id.hex())
    assert practice.run("web", "verify", str(out), *known).status == 0
    (out / "room/extra.html").write_text("x")
    told = practice.run("web", "verify", str(out), *known)
    (out / "room/extra.html").unlink()
    assert (told.status, "extra.html: is in the folder" in told.out) == (7, True)
    practice.ok("web", "build", "--config", "room.toml", "--out", str(out))
    kept = str(out / "room/.well-known/sealroom-assets")
    told = practice.run("web", "verify", server.origin, "--assets", kept, *known)
    assert (told.status, "an older list was put back" in told.out) == (7, True)


def test_a_list_or_a_folder_alone_says_whose_it_is_and_verifies_nothing(
    practice: Person, served: tuple[Server, Assets]
) -> None:
    """CNS-68: whoever gives somebody a list or a folder has signed it with an account of their own."""
    server, assets = served
    kept = practice.home / "kept"
    kept.write_bytes(assets.signed)
    page = ("--page", server.origin)
    folder = str(practice.home / "site")
    for where, given in ((kept, (server.origin, "--assets", str(kept), *page)), (folder, (folder,))):
        told = practice.run("web", "verify", *given, "--json")
        (found,) = json.loads(told.out)["findings"]
        assert (told.status, json.loads(told.out)["holds"]) == (7, False)
        assert (found["code"], found["where"]) == ("account_stated", str(where))
        assert found["what"] == assets.account_id.hex()
        assert practice.run("web", "verify", *given, "--company", found["what"]).status == 0


def test_a_check_says_what_keeps_a_room_from_working(practice: Person, served: tuple[Server, Assets]) -> None:
    server, _ = served
    server.replies["/"] = server.replies["/third-party.txt"]
    told = practice.run("web", "check", f"{server.origin}/room.html", "--page", f"{server.origin}/", "--json")
    codes = {one["code"] for one in json.loads(told.out)["findings"]}
    assert told.status == 7
    assert {"not_embedded", "not_framed"} <= codes


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("build", "--config", "absent.toml", "--out", "x"), 2, "config.invalid"),
        (("verify", "https://"), 2, "web.address"),
        (("verify", "https://me:secret@praxis.example"), 2, "web.address"),
        (("verify", "nowhere"), 2, "config.invalid"),
        (("verify", ROOM, "--company", "12"), 2, "web.account"),
        (("check", "chat.praxis.example"), 2, "web.address"),
    ],
)
def test_a_command_line_that_cannot_be_used(
    person: Person, arguments: tuple[str, ...], status: int, code: str
) -> None:
    told = person.run("web", *arguments)
    assert (told.status, told.code) == (status, code)


def test_all_faults_of_the_settings_are_shown_at_once(person: Person, tmp_path: Path) -> None:
    (tmp_path / "room.toml").write_text('room = "x"\npages = 7\ncolour = "red"', "utf-8")
    told = person.run("web", "build", "--config", str(tmp_path / "room.toml"), "--out", "x")
    assert (told.status, told.code) == (2, "config.invalid")
    assert all(word in told.err for word in ("room:", "pages:", "colour:"))


@pytest.mark.usefixtures("served")
def test_a_host_is_added_to_a_company_that_was_founded_and_removed_again(practice: Person) -> None:
    """ACC-06, ACC-20: by new mandates, which the door shows."""
    added = "https://raum.praxis.example"
    assert practice.ok("company", "origins").split() == [ROOM]
    told = practice.ok("company", "origins", "--add", added, "--json")
    assert json.loads(told) == {"origins": [ROOM, added], "named": [ROOM, added]}
    assert practice.ok("company", "origins", "--add", added).split() == [ROOM, added]
    assert _origins_of_door(practice) == (ROOM, added)
    many = [word for number in range(3) for word in ("--add", f"https://{number}.praxis.example")]
    for wrong, status, code in (
        (("--remove", "https://nobody.example"), 2, "usage.invalid"),
        (("--add", "http://praxis.example/page"), 2, "config.invalid"),
        (many, 2, "config.invalid"),
    ):
        result = practice.run("company", "origins", *wrong)
        assert (result.status, result.code) == (status, code)
    practice.ok("company", "origins", "--remove", added)
    assert _origins_of_door(practice) == (ROOM,)


def test_hosts_that_no_mandate_names_are_not_called_signed(tmp_path: Path, relay: RelayProcess) -> None:
    """ACC-07: neither before the first notice nor from a store that may be an older copy."""
    desk, added = Person(tmp_path), "https://raum.praxis.example"

    async def found() -> None:
        async with Company.create(
            desk.store, relay=relay.url, name="Praxis", passphrase=PASSPHRASE, origins=[ROOM], runtime=QUICK
        ) as company:
            await company.client.wait_settled(60)

    async def lose() -> None:
        async with Company.open(desk.store, passphrase=PASSPHRASE, runtime=QUICK) as company:
            facts = {**EXAMPLE, "relay_url": company.client.card().relay_url}
            await company.publish(Notice.draft("health", "consent", facts, is_reviewed=True))
            await company.wait_ready(60)
            await company.client.shell.call(
                lambda engine, now_ms: engine.of_company(lambda turn, parts: parts.company.lost(turn), now_ms)
            )

    asyncio.run(found())
    told = desk.run("company", "origins", "--add", added)
    assert (told.status, told.code) == (1, "origins.no_notice")
    assert "Signed with" not in told.err
    asyncio.run(lose())
    told = desk.run("company", "origins", "--remove", added)
    assert (told.status, told.code) == (3, "local.signing_unsure")
    assert "Signed with" not in told.err
    shown = desk.ok("company", "origins")
    assert f"may show the door: {ROOM}, {added}" in shown
    assert json.loads(desk.ok("company", "origins", "--json"))["named"] == [ROOM, added]


def _origins_of_door(practice: Person) -> tuple[str, ...]:
    door = practice.home / "door"
    practice.ok("company", "door", str(door), "--force")
    return open_door(door.read_bytes(), int(time.time() * 1000), origin=None).door.mandate.origins
