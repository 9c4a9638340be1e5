"""export, restore, account-key and renewal."""

from __future__ import annotations

import re
import stat
import time

import pytest
from command_line import Person, Two, make_account

pytestmark = [pytest.mark.processes, pytest.mark.slow]
BACKUP = "another passphrase"


def test_an_account_moves_to_another_machine(acquainted: Two) -> None:
    """STO-24 to STO-26: a backup brings account, contacts and history to a new device."""
    shop = acquainted.shop.with_(SEALROOM_BACKUP_PASSPHRASE=BACKUP)
    file = shop.home / "shop.backup"
    assert "Backup written" in shop.ok("export", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert shop.run("export", str(file)).code == "file.exists"
    shop.ok("export", str(file), "--force")
    new = Person(shop.home, shop.home / "new" / "store.db", SEALROOM_BACKUP_PASSPHRASE="wrong")
    wrong = new.run("restore", str(file))
    assert (wrong.status, wrong.code) == (4, "backup.wrong_key")
    assert not new.store.exists()
    new = new.with_(SEALROOM_BACKUP_PASSPHRASE=BACKUP)
    assert "restored" in new.ok("restore", str(file))
    assert new.ok("card").strip() == acquainted.card
    assert new.ok("history", acquainted.customer_id).strip().endswith("Hello")
    assert new.run("restore", str(file)).code == "store.exists"


def test_files_that_cannot_be_used(person: Person) -> None:
    noise = person.home / "noise"
    noise.write_bytes(b"\x00" * 100_000)
    person = person.with_(SEALROOM_BACKUP_PASSPHRASE=BACKUP)
    for arguments, status, code in (
        (("restore", "absent"), 2, "file.failed"),
        (("restore", str(noise)), 3, "backup.corrupt"),
        (("renewal", "sign", str(noise), str(noise), "out"), 2, "file.large"),
        (("export", "absent/folder/file"), 2, "file.failed"),
        (("renewal", "sign", "absent", "absent", "out"), 2, "file.failed"),
    ):
        said = person.run(*arguments)
        assert (said.status, said.code) == (status, code)
    assert not person.store.exists()


def test_an_account_key_that_is_kept_elsewhere_signs_renewals(person: Person) -> None:
    """ID-12."""
    make_account(person.store, "ws://127.0.0.1:9")
    person = person.with_(SEALROOM_BACKUP_PASSPHRASE=BACKUP)
    key, request, answer = (str(person.home / name) for name in ("key", "request", "answer"))
    person.ok("account-key", "export", key)
    assert person.run("account-key", "remove").code == "confirm.missing"
    assert "removed" in person.ok("account-key", "remove", "--yes")
    again = person.run("account-key", "export", f"{key}2")
    assert (again.status, again.code) == (1, "account.key_absent")
    assert person.run("export", f"{key}3").code == "account.key_absent"
    person.ok("renewal", "request", request)
    # The machine that signs has no store and no network.
    elsewhere = person.with_(SEALROOM_STORE=str(person.home / "none.db"), SEALROOM_PASSPHRASE=None)
    signed = elsewhere.ok("renewal", "sign", key, request, answer)
    (number,) = re.findall(r"1 device, list (\d+), until", signed)
    assert abs(int(number) // 2 - int(time.time()) // 60) <= 1
    assert "Installed" in person.ok("renewal", "install", answer)
    old = person.run("renewal", "install", answer)
    assert (old.status, old.code) == (2, "config.invalid")
    wrong = elsewhere.with_(SEALROOM_BACKUP_PASSPHRASE="x").run("renewal", "sign", key, request, f"{answer}2")
    assert (wrong.status, wrong.code) == (4, "backup.wrong_key")
    foreign = elsewhere.run("renewal", "sign", key, key, f"{answer}2")
    assert (foreign.status, foreign.code) == (2, "config.invalid")
