"""company mandate and notice: request, sign where the key is kept, install (ACC-16, ACC-26)."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from command_line import PASSPHRASE, QUICK, Person
from e2ee_client.rooms import Company
from relay_process import RelayProcess

pytestmark = [pytest.mark.processes, pytest.mark.slow]
ORIGIN = "https://praxis.example"
KEPT = "kept in a safe"
FINGERPRINT = "[0-9a-f]{4}(?:-[0-9a-f]{4}){4}"


@pytest.fixture
def desk(tmp_path: Path, relay: RelayProcess) -> Person:
    """A company whose account key is in the file `key`, and in its store no more."""
    desk = Person(tmp_path, SEALROOM_BACKUP_PASSPHRASE=KEPT)

    async def found() -> None:
        opening = Company.create(
            desk.store, relay=relay.url, name="Praxis", passphrase=PASSPHRASE, origins=[ORIGIN], runtime=QUICK
        )
        async with opening as company:
            await company.client.wait_settled(60)
            # As `account-key export` does, at a low cost: the key is opened with each signature.
            (tmp_path / "key").write_bytes(await company.client.export_account_key(KEPT))

    asyncio.run(found())
    desk.ok("company", "notice", "draft", "notice", "--sector", "health", "--relay", relay.url, "--example")
    desk.ok("account-key", "remove", "--yes")
    return desk


def test_mandate_and_notice_are_signed_where_the_key_is_kept(desk: Person) -> None:
    refused = desk.run("company", "publish", "notice")
    assert (refused.status, refused.code) == (1, "account.key_absent")
    # The machine that signs has no store and no network.
    elsewhere = desk.with_(SEALROOM_STORE=str(desk.home / "none.db"), SEALROOM_PASSPHRASE=None)
    desk.ok("company", "mandate", "request", "mandate.request")
    shown = elsewhere.ok("company", "mandate", "sign", "key", "mandate.request", "mandate")
    assert re.search(r"mandate \d+, until \d{4}-.*Pages: https://praxis\.example", shown)
    assert "Write the door anew" in desk.ok("company", "mandate", "install", "mandate")
    desk.ok("company", "notice", "request", "notice", "notice.request")
    shown = elsewhere.ok("company", "notice", "sign", "key", "notice.request", "signed")
    assert re.search(r"notice \d+ of Beispiel GmbH, in de, en, relay ws://", shown)
    assert "Published; the notice is" in desk.ok("company", "notice", "install", "notice", "signed")
    assert "Door written" in desk.ok("company", "door", "door")


def test_who_signs_a_renewal_is_shown_the_fingerprint_of_each_device(desk: Person) -> None:
    """ACC-44: a desk that was stolen could name another device in it."""
    ready(desk)
    elsewhere = desk.with_(SEALROOM_STORE=str(desk.home / "none.db"), SEALROOM_PASSPHRASE=None)
    desk.ok("renewal", "request", "request")
    shown = elsewhere.ok("renewal", "sign", "key", "request", "answer")
    assert len(re.findall(FINGERPRINT, shown)) == 1
    assert "signed each of these fingerprints before" in shown


def test_a_colleague_is_taken_in_by_a_list_that_is_signed_where_the_key_is_kept(desk: Person) -> None:
    """ACC-42, ACC-43, ACC-44: the new device shows the fingerprint that is signed."""
    ready(desk)
    elsewhere = desk.with_(SEALROOM_STORE=str(desk.home / "none.db"), SEALROOM_PASSPHRASE=None)
    agent = desk.with_(SEALROOM_STORE=str(desk.home / "agent.db"))
    with desk.start("company", "run") as front_desk:
        front_desk.wait_for("connected")
        refused = desk.run("company", "invite", "Frau Sommer", "--yes")
        assert (refused.status, refused.code) == (1, "account.key_absent")
        assert "sealroom company device" in refused.err
        with desk.start("company", "device", "request", "Frau Sommer", "request", "--yes") as asking:
            text = asking.wait_for(r"sealroom:contact[^\n]+\n").strip()
            with agent.start("agent", "join", text) as joining:
                asked = asking.finish().out
                assert "company device sign" in asked
                own = joining.wait_for(FINGERPRINT)
                shown = elsewhere.ok("company", "device", "sign", "key", "request", "answer")
                assert "2 devices" in shown
                assert own in asked
                assert own in re.findall(FINGERPRINT, shown)
                assert len(re.findall(FINGERPRINT, shown)) == 2
                assert "belongs to the company now" in desk.ok("company", "device", "install", "answer")
                assert "This is device" in joining.finish().out
        again = desk.run("company", "device", "install", "answer")
        assert (again.status, again.code) == (2, "config.invalid")


def ready(desk: Person) -> None:
    """Let notice and mandate be signed, so that the company acts."""
    for what, given, then in (("notice", ["notice"], "Kept."), ("mandate", [], "Installed.")):
        desk.ok("company", what, "request", *given, "asked", "--force")
        desk.ok("company", what, "sign", "key", "asked", "signed", "--force")
        assert then in desk.ok("company", what, "install", *given, "signed")


def test_what_was_not_asked_for_is_neither_signed_nor_installed(desk: Person) -> None:
    desk.ok("company", "notice", "request", "notice", "notice.request")
    desk.ok("company", "mandate", "request", "mandate.request")
    mixed = desk.run("company", "mandate", "sign", "key", "notice.request", "out")
    assert (mixed.status, mixed.code) == (2, "config.invalid")
    assert not (desk.home / "out").exists()
    desk.ok("company", "mandate", "sign", "key", "mandate.request", "mandate")
    foreign = desk.run("company", "notice", "install", "notice", "mandate")
    assert (foreign.status, foreign.code) == (2, "config.invalid")
    desk.ok("company", "origins", "--add", "https://raum.praxis.example")
    late = desk.run("company", "mandate", "install", "mandate")
    assert (late.status, late.code, "anew" in late.err) == (2, "config.invalid", True)
    desk.ok("company", "origins", "--remove", "https://raum.praxis.example")
    desk.ok("company", "mandate", "install", "mandate")
    again = desk.run("company", "mandate", "install", "mandate")
    assert (again.status, again.code) == (2, "config.invalid")


def test_a_backup_is_made_with_the_exported_key(desk: Person) -> None:
    """ID-53: a device without the key is restored; its backup has the passphrase of the key's file."""
    refused = desk.run("export", "backup")
    assert (refused.status, refused.code) == (1, "account.key_absent")
    desk.ok("export", "backup", "--account-key", "key")
    again = desk.with_(SEALROOM_STORE=str(desk.home / "again.db"))
    again.ok("restore", "backup")
    again.ok("account-key", "export", "key.again")


def test_a_device_that_was_asked_for_is_cancelled(desk: Person) -> None:
    """ACC-42: the list that was signed for it is not installed any more, and another one is asked for."""
    ready(desk)
    elsewhere = desk.with_(SEALROOM_STORE=str(desk.home / "none.db"), SEALROOM_PASSPHRASE=None)
    agent = desk.with_(SEALROOM_STORE=str(desk.home / "agent.db"))
    with desk.start("company", "run") as front_desk:
        front_desk.wait_for("connected")
        with desk.start("company", "device", "request", "Frau Sommer", "request", "--yes") as asking:
            text = asking.wait_for(r"sealroom:contact[^\n]+\n").strip()
            with agent.start("agent", "join", text):
                asking.finish()
        elsewhere.ok("company", "device", "sign", "key", "request", "answer")
        assert json.loads(desk.ok("company", "device", "cancel", "--json")) == {"cancelled": True}
        refused = desk.run("company", "device", "install", "answer")
        assert (refused.status, refused.code) == (2, "config.invalid")
    assert "No device is asked for any more" in desk.ok("company", "device", "cancel")


def test_a_device_takes_the_list_of_the_relay(desk: Person) -> None:
    """ID-55: where it is its own nothing changes, and nothing is asked; not where the account key is."""
    followed = json.loads(desk.ok("renewal", "follow", "--json"))
    assert followed["until_ms"] > 0
    assert "now holds until" in desk.ok("renewal", "follow", "--yes")
    desk.ok("export", "backup", "--account-key", "key")
    again = desk.with_(SEALROOM_STORE=str(desk.home / "again.db"))
    again.ok("restore", "backup")
    refused = again.run("renewal", "follow", "--yes")
    assert (refused.status, refused.code) == (2, "config.invalid")
