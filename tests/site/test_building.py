"""`sealroom web build`: what stands in the folder, what is signed, and what is refused."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from e2ee_client.errors import ConfigError
from e2ee_client.rooms import sign_assets
from e2ee_client.testing import FakeClock, MemoryNetwork
from e2ee_client.web import built as built_pages
from e2ee_client.web.embedding import read_page
from e2ee_client.web.folders import folder_findings
from e2ee_client.web.making import install_assets, look_at_folder, make_site
from e2ee_client.web.settings import load_settings
from practice import practice
from site_builder import Builder
from site_scene import PAGES, ROOM, built, settings, write_built

from e2ee.errors import ListRollback
from e2ee.rooms.assets import Assets, Place


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its mode and bytes; folders with their mode."""
    return {
        path.relative_to(folder).as_posix(): (
            stat.S_IMODE(path.stat().st_mode),
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


async def test_a_build_lists_every_file_that_it_serves_with_hash_and_headers(builder: Builder) -> None:
    """CNS-60"""
    made = await builder.make()
    assert made.assets is not None
    Assets.verify(builder.signer.company.account_id, made.assets.signed).check(builder.now_ms, ROOM)
    room = {one.path for one in made.assets.files if one.place is Place.ROOM}
    assert {"/room.html", "/notice.de.html", "/notice.en.html", "/third-party.txt"} < room
    assert "/.well-known/sealroom-door" in room
    for one in made.assets.files:
        folder = builder.folder / ("room" if one.place is Place.ROOM else "page")
        data = (folder / one.path[1:]).read_bytes()
        assert (one.size_b, one.sha256) == (len(data), hashlib.sha256(data).digest())
    page = dict(made.assets.header_sets[0])
    assert f"frame-ancestors {' '.join(PAGES)};" in page["content-security-policy"]
    assert "connect-src 'self' wss://relay.example;" in page["content-security-policy"]
    assert made.assets.expires_ms <= builder.now_ms + 90 * 86_400_000


async def test_the_snippet_names_the_account_and_the_hash_of_the_script_that_is_served(
    builder: Builder,
) -> None:
    await builder.make()
    page = read_page((builder.folder / "snippet.html").read_text("utf-8"), f"{PAGES[0]}/kontakt")
    (script,), (button,) = page.launchers, page.rooms
    served = (builder.folder / "page" / script["src"].removeprefix(f"{PAGES[0]}/")).read_bytes()
    assert script["integrity"] == built_pages.integrity(served)
    assert button["src"] == f"{ROOM}/room.html"
    assert button["account"] == builder.signer.company.account_id.hex()


@pytest.mark.parametrize(
    ("storage", "linkable"), [("device", "no"), ("recoverable", "yes"), ("session", "no")]
)
async def test_the_page_of_the_room_says_how_it_is_kept_and_whose_it_is(
    builder: Builder, storage: str, linkable: str
) -> None:
    """CNS-84: in the bytes that are listed; the snippet says no more."""
    await builder.make(wanted=settings(storage=storage, linkable=linkable))
    account = builder.signer.company.account_id.hex()
    page = (builder.folder / "room/room.html").read_text("utf-8")
    own = f'<body data-storage="{storage}" data-linkable="{linkable}" data-account="{account}">'
    assert page.count(own) == 1
    snippet = (builder.folder / "snippet.html").read_text("utf-8")
    assert f'storage="{storage}"' in snippet
    assert f'account="{account}"' in snippet


async def test_the_pages_of_the_notice_link_imprint_and_privacy_and_name_other_ways(builder: Builder) -> None:
    await builder.make()
    page = (builder.folder / "room/notice.de.html").read_text("utf-8")
    assert '<html lang="de">' in page
    assert "Impressum</a>" in page
    assert "Datenschutz</a>" in page
    assert 'href="tel:+49301234"' in page
    assert 'href="mailto:praxis@praxis.example"' in page
    assert "<script" not in page


async def test_scripts_stay_for_two_releases_and_a_rebuild_does_not_age_them(builder: Builder) -> None:
    builds = [await builder.assets(release) for release in ("one", "two", "two", "three")]
    names = [next(one.path for one in made.files if "vault-" in one.path and one.age == 0) for made in builds]
    ages = {one.path: one.age for one in builds[-1].files if "vault-" in one.path}
    assert ages == {names[3]: 0, names[1]: 1, names[0]: 2}
    assert all((builder.folder / "room" / path[1:]).is_file() for path in ages)
    last = await builder.assets("four")
    assert names[0] not in {one.path for one in last.files}
    assert not (builder.folder / "room" / names[0][1:]).exists()


async def test_going_back_to_a_release_is_a_newer_list(builder: Builder) -> None:
    """CNS-63"""
    first, second, back = [await builder.assets(release) for release in ("one", "two", "one")]
    back.check_follows(second)
    with pytest.raises(ListRollback):
        first.check_follows(second)
    assert {one.path: one.age for one in back.files if "vault-" in one.path} == {
        one.path: 1 - one.age for one in second.files if "vault-" in one.path
    }


async def test_builds_in_other_folders_under_another_umask_are_the_same_but_for_what_is_signed(
    builder: Builder, tmp_path: Path
) -> None:
    await builder.make()
    first, builder.folder = builder.folder, tmp_path / "a folder of another name" / "site"
    before = os.umask(0o077)
    try:
        await builder.make()
    finally:
        os.umask(before)
    signed = {"room/.well-known/sealroom-assets", "room/.well-known/sealroom-door"}
    one, other = tree(first), tree(builder.folder)
    assert one.keys() == other.keys()
    assert {name: one[name][0] for name in one} == {name: other[name][0] for name in other}
    assert {name for name in one if one[name] != other[name]} <= signed


# --- what is refused ---


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"room": "http://chat.praxis.example", "pages": [], "colour": 1}, ["room:", "pages:", "colour:"]),
        ({"position": "left", "storage": "cloud", "language": "fr"}, ["position:", "storage:", "language:"]),
        ({"pages": [ROOM]}, ["the room's own host"]),
        ({"pages": ["https://www.other.example", "https://praxis.example"]}, ["www.other.example"]),
        ({"channels": {"phone": "no", "email": "no"}}, ["phone is not", "email is not"]),
        ({"channels": {"fax": "1"}, "hours": {"deutsch": "8"}}, ["fax", "hours:"]),
        ({"linkable": "yes"}, ["linkable: needs storage"]),
        ({"launcher": "/seal/../..", "label": ""}, ["launcher:", "label:"]),
    ],
)
def test_all_that_is_wrong_with_settings_is_said_at_once(changes: dict[str, Any], words: list[str]) -> None:
    """CNS-88 among others."""
    with pytest.raises(ConfigError) as caught:
        settings(**changes)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_settings_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "room.toml"
    file.write_text(f'room = "{ROOM}"\npages = ["{PAGES[1]}", "{PAGES[0]}"]\n', "utf-8")
    assert load_settings(file).pages == PAGES
    file.write_text('room = "https://chat.praxis.example"', "utf-8")
    with pytest.raises(ConfigError, match="pages: is missing"):
        load_settings(file)


async def test_a_room_that_the_mandate_does_not_name_is_refused_before_anything_is_written(
    builder: Builder,
) -> None:
    with pytest.raises(ConfigError, match="its door would be refused"):
        await builder.make(wanted=settings(room="https://elsewhere.praxis.example"))
    assert not builder.folder.exists()


async def test_a_relay_behind_the_rooms_host_needs_a_notice_that_names_it(builder: Builder) -> None:
    with pytest.raises(ConfigError, match=r"wss://chat\.praxis\.example/relay"):
        await builder.make(wanted=settings(relay_upstream="wss://relay.operator.example/"))


async def test_a_folder_that_holds_other_things_is_left_alone(builder: Builder) -> None:
    builder.folder.mkdir()
    (builder.folder / "diary.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"diary\.txt"):
        await builder.make()
    assert [one.name for one in builder.folder.iterdir()] == ["diary.txt"]


@pytest.mark.parametrize("link", ["room", "room/room.html", "page/seal"])
async def test_nothing_is_written_through_a_link(builder: Builder, tmp_path: Path, link: str) -> None:
    await builder.make()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("untouched")
    place = builder.folder / link
    place.rename(tmp_path / "moved")
    place.symlink_to(outside / "file" if link.endswith(".html") else outside)
    with pytest.raises(ConfigError, match="link"):
        await builder.make("two")
    assert {one.name: one.read_text() for one in outside.iterdir()} == {"file": "untouched"}


async def test_a_script_that_was_changed_in_the_folder_is_not_signed_anew(builder: Builder) -> None:
    assets = await builder.assets()
    script = next(one.path for one in assets.files if "vault-" in one.path)
    with (builder.folder / "room" / script[1:]).open("a") as file:
        file.write("steal()")
    with pytest.raises(ConfigError, match="was changed since it was built"):
        await builder.make("two")


async def test_the_site_of_another_company_is_not_written_over(builder: Builder) -> None:
    assets = await builder.assets()
    path = builder.folder / "room/.well-known/sealroom-assets"
    path.write_bytes(assets.signed[:-1] + bytes([assets.signed[-1] ^ 1]))
    with pytest.raises(ConfigError, match=r"remote\.signature"):
        await builder.make("two")


def test_built_files_that_are_not_those_of_their_list_are_refused(tmp_path: Path) -> None:
    folder = write_built(tmp_path / "built")
    (folder / "room.html").write_text("<script>steal()</script>")
    with pytest.raises(ConfigError, match=r"changed: room\.html"):
        built_pages.read(folder)


# --- the account key elsewhere ---


async def test_a_list_that_is_signed_where_the_account_key_is_kept_is_installed(tmp_path: Path) -> None:
    """CNS-60"""
    network = MemoryNetwork(clock=FakeClock(speed=20))
    key, folder = tmp_path / "account.key", tmp_path / "site"
    files = built(tmp_path / "built")
    async with practice(network, ROOM) as founded:
        company, now_ms = founded.company, network.clock.now_ms()
        here = (await make_site(company, settings(), files, folder, "one", now_ms)).assets
        assert here is not None
        assert here.account_id == company.client.account_id
        await company.move_account_key(key, "a passphrase of the key")
        made = await make_site(company, settings(), files, folder, "one", now_ms)
    network.relay.close()
    assert look_at_folder(folder, here.account_id)[0] == here
    assert made.assets is None
    assert made.request is not None
    signed = sign_assets(key.read_bytes(), "a passphrase of the key", made.request.read_bytes())
    (folder / "room/third-party.txt").write_text("other")
    with pytest.raises(ConfigError, match="third-party"):
        install_assets(folder, signed)
    (folder / "room/third-party.txt").write_text("MIT")
    assets = install_assets(folder, signed)
    assert folder_findings(folder, assets) == []
    assets.check_follows(here)
    assert assets.seq > here.seq
    assert not made.request.exists()
