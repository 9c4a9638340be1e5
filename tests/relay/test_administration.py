"""The operator's commands: figures, blocking, expiry, a new secret, and a backup that is put back."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest
from e2ee_relay.blocklist import BLOCKED, BlockList
from e2ee_relay.cli import main
from e2ee_relay.datadir import DataDirectory
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.protocol import (
    AuthResult,
    CreateMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    Lookup,
    LookupResult,
    Message,
    Ping,
    PrekeysBundle,
    PrekeysCount,
    PrekeysFetch,
    PrekeysStock,
    Subscribe,
    TtlClass,
)
from e2ee_relay.reports import size
from e2ee_relay.store.api import StoreError
from e2ee_relay.store.sqlite_schema import SCHEMA_VERSION
from relay_actors import DAY_MS, START_MS, Clock, Company, Owner, Peer, SocketLink
from relay_process import RelayProcess
from websockets.asyncio.client import connect

NOW_MS = time.time_ns() // 1_000_000


def run(data_dir: Path, *arguments: str) -> int:
    return main([arguments[0], "--data-dir", str(data_dir), *arguments[1:]])


def fill(data_dir: Path) -> bytes:
    """Make a database with one mailbox and a message that has expired and one that has not."""
    directory = DataDirectory.claim(data_dir)
    file = directory.open_store()
    mailbox = os.urandom(16)
    rows = [
        (number, 1, number, os.urandom(16), NOW_MS + ends, NOW_MS, b"12345")
        for number, ends in ((1, -1000), (2, 30 * DAY_MS))
    ]
    file.connection.execute("INSERT INTO mailbox VALUES (1, ?, ?, 20000)", (mailbox, bytes(32)))
    file.connection.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    file.close()
    directory.release()
    return mailbox


async def code(peer: Peer, request: object) -> ErrorCode:
    answer = await peer.expect(ErrorReply, request)  # type: ignore[arg-type]  # any request
    return answer.code


def test_stats_count_and_name_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-85: figures of a stopped relay; no id among them."""
    mailbox = fill(tmp_path)
    assert run(tmp_path, "stats", "--json") == 0
    text = capsys.readouterr().out
    told = json.loads(text)
    assert {name: told[name] for name in ("mailboxes", "held_messages", "held_bytes", "schema")} == {
        "mailboxes": 1,
        "held_messages": 2,
        "held_bytes": 10,
        "schema": SCHEMA_VERSION,
    }
    assert told["oldest_held_ms"] == NOW_MS
    assert told["database_bytes"] > 0
    assert mailbox.hex() not in text
    assert run(tmp_path / "nowhere", "stats") == 1


@pytest.mark.parametrize("command", ["stats", "inspect", "expire-now", "manifest"])
def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path, command: str) -> None:
    """As in `sealroom-relay stats | head`."""
    mailbox = fill(tmp_path)
    about = {"manifest": [], "inspect": ["--data-dir", str(tmp_path), "--mailbox", mailbox.hex()]}
    options = about.get(command, ["--data-dir", str(tmp_path)])
    unread, output = os.pipe()
    os.close(unread)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "e2ee_relay", command, *options],
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(output)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("command", ["stats", "inspect", "expire-now", "manifest"])
def test_an_output_that_was_closed_before_the_start_is_no_fault(tmp_path: Path, command: str) -> None:
    """As of `sealroom-relay manifest >&-`."""
    mailbox = fill(tmp_path)
    about = {"manifest": [], "inspect": ["--data-dir", str(tmp_path), "--mailbox", mailbox.hex()]}
    options = about.get(command, ["--data-dir", str(tmp_path)])
    ended = subprocess.run(
        ["sh", "-c", '"$0" "$@" >&-', sys.executable, "-m", "e2ee_relay", command, *options],
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_statistics_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-85: a figure a line, with units and dates."""
    fill(tmp_path)
    assert run(tmp_path, "stats") == 0
    told = dict(re.split("  +", line, maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert (told["mailboxes"], told["held messages"], told["held bytes"]) == ("1", "2", "10 B")
    assert told["oldest held"] == f"{datetime.fromtimestamp(NOW_MS // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    assert told["disk free bytes"].endswith("iB")


def test_rows_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-77: every row and column; of long values the beginning and the size, all of them with --json."""
    mailbox = fill(tmp_path)
    db = sqlite3.connect(tmp_path / "relay.db")
    db.execute("UPDATE message SET body = ?, expires_ms = 1 << 62 WHERE seq = 2", (bytes(2000),))
    db.commit()
    db.close()
    subject = ("inspect", "--mailbox", mailbox.hex())
    assert run(tmp_path, *subject) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"mailbox: 1\n  - no: 1\n    mailbox: {mailbox.hex()}\n")
    assert "    used_day: 2024-10-04\n" in told
    assert "message: 2\n  - row_id: 1\n" in told
    assert f"    body: {b'12345'.hex()}\n" in told
    assert f"    body: {'0' * 32}... (2000 bytes; all of them: --json)\n" in told
    assert f"    expires_ms: {1 << 62}\n" in told
    assert run(tmp_path, *subject, "--json") == 0
    assert bytes(2000).hex() in capsys.readouterr().out
    assert run(tmp_path, "inspect", "--mailbox", "ab" * 16) == 0
    assert capsys.readouterr().out == "nothing found about this mailbox\n"


@pytest.mark.parametrize(
    ("size_b", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "0.977 KiB"), (10 << 30, "10 GiB"), (1 << 60, "1.05e+06 TiB")],
)
def test_sizes_have_units(size_b: int, text: str) -> None:
    assert size(size_b) == text


def test_expired_messages_go_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-85, RLY-41: without a relay; what has time left stays."""
    fill(tmp_path)
    assert run(tmp_path, "expire-now") == 0
    assert capsys.readouterr().out == "expired messages deleted: 1\n"
    assert run(tmp_path, "stats", "--json") == 0
    assert json.loads(capsys.readouterr().out)["held_messages"] == 1


def test_the_list_of_blocked_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-86: block and unblock; notes of the operator stay; a damaged list is refused, not ignored."""
    mailbox = fill(tmp_path)
    listed = tmp_path / BLOCKED
    for expected in ("mailbox blocked\n", "the mailbox was blocked already\n"):
        assert run(tmp_path, "block", "--mailbox", mailbox.hex()) == 0
        assert capsys.readouterr().out == expected
    assert stat.S_IMODE(listed.stat().st_mode) == 0o600
    listed.write_text(listed.read_text() + f"# flood of November\n{'ab' * 32}  # the same\n")
    assert run(tmp_path, "stats", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["blocked_mailboxes"], told["blocked_accounts"]) == (1, 1)
    assert run(tmp_path, "unblock", "--mailbox", mailbox.hex()) == 0
    assert listed.read_text() == f"# flood of November\n{'ab' * 32}  # the same\n"
    assert run(tmp_path, "unblock", "--mailbox", mailbox.hex()) == 1
    for damage in ("xyz\n", "abcd\n"):
        listed.write_text(damage)
        with pytest.raises(StoreError, match=r"relay\.blocked"):
            BlockList(tmp_path).read()
        assert run(tmp_path, "block", "--mailbox", mailbox.hex()) == 1
        assert listed.read_text() == damage


async def test_a_blocked_mailbox_is_not_served(
    relay: MemoryRelay, peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-86: nobody writes to it, its owner neither proves, reads nor makes it anew; then all is there."""
    await owner.subscribe(peer)
    await sender.send(owner.item(b"before"))
    relay.node.block(frozenset({owner.mailbox}))
    item = owner.item(b"while")
    assert [result.code for result in await sender.send(item, owner.item(b"x", token=bytes(32)))] == [
        ErrorCode.DENIED,
        ErrorCode.DENIED,
    ]
    assert await code(peer, Subscribe(peer.next_id(), (owner.mailbox,))) is ErrorCode.NOT_AUTHENTICATED
    answer = await peer.expect(AuthResult, owner.auth(peer))
    assert answer.refused == (owner.mailbox,)
    create = CreateMailbox(peer.next_id(), owner.mailbox, owner.owner_pub)
    assert await code(peer, create) is ErrorCode.DENIED
    relay.node.block(frozenset())
    assert (await sender.send(item))[0].code is ErrorCode.OK
    again = await Peer(relay.connect()).greet()
    await owner.prove(again)
    await owner.subscribe(again)
    assert [(await again.push(Message)).body for _ in range(2)] == [b"before", b"while"]


async def test_a_block_ends_delivery(relay: MemoryRelay, peer: Peer, sender: Peer, owner: Owner) -> None:
    """RLY-86: whoever was subscribed gets nothing more, ephemeral messages neither."""
    await owner.subscribe(peer)
    relay.node.block(frozenset({owner.mailbox}))
    await sender.send(owner.item(b"x", ttl=TtlClass.EPHEMERAL))
    relay.node.block(frozenset())
    await sender.send(owner.item(b"y"))
    assert await peer.ask(Ping(500)) == Done(500)
    assert not any(isinstance(push, Message) for push in peer.pushes)


async def test_a_blocked_account_is_not_found(
    relay: MemoryRelay, peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-86: it is neither looked up nor reached, and publishes nothing."""
    company = Company(owner, START_MS)
    await company.publish(peer)
    await peer.expect(PrekeysStock, company.upload(peer, 5, 5))
    relay.node.block(frozenset({company.account_id}))
    lookup = Lookup(1, company.account_id, 0)
    fetch = PrekeysFetch(2, company.account_id, company.record_hash, company.front_token)
    assert await code(sender, lookup) is ErrorCode.NOT_FOUND
    assert await code(sender, fetch) is ErrorCode.DENIED
    count = PrekeysCount(peer.next_id(), company.account_id, company.record_hash)
    assert await code(peer, count) is ErrorCode.NOT_AUTHENTICATED
    assert await code(peer, company.entry(peer, company.make_list([company.record]))) is ErrorCode.DENIED
    relay.node.block(frozenset())
    await sender.expect(LookupResult, Lookup(3, company.account_id, 0))
    await sender.expect(
        PrekeysBundle, PrekeysFetch(4, company.account_id, company.record_hash, company.front_token)
    )


async def test_expiry_beside_a_running_relay(
    relay: MemoryRelay, clock: Clock, owner: Owner, peer: Peer
) -> None:
    """RLY-85: the request is taken up within seconds, long before the next sweep, and is gone afterwards."""
    relay.tick()
    await peer.send(owner.item(b"x"))
    clock.forward(2_592_000_000 + 7_200_000)
    relay.store._sweep._next_sweep_ms = clock() + 600_000
    relay.tick()
    db = relay._file.connection
    assert db.execute("SELECT count(*) FROM message").fetchone()[0] == 1
    db.execute("INSERT INTO purge_request VALUES (?, 'expire')", (b"expire",))
    clock.forward(4000)
    relay.tick()
    assert db.execute("SELECT count(*) FROM message").fetchone()[0] == 0
    assert db.execute("SELECT count(*) FROM purge_request").fetchone()[0] == 0


def test_a_new_registration_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RLY-85: in its file with the same rights, and on the output; each time another."""
    file = tmp_path / "secret"
    file.write_text("old")
    file.chmod(0o640)
    seen = set()
    for _ in range(2):
        assert run(tmp_path, "rotate", "--set", f"registration_secret_file={file}") == 0
        shown = capsys.readouterr().out.strip()
        assert file.read_text().strip() == shown
        seen.add(shown)
    assert len(seen) == 2
    assert min(len(one) for one in seen) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert run(tmp_path, "rotate") == 2
    assert "registration_secret_file" in capsys.readouterr().err


# --- with a real relay ---


@pytest.mark.processes
async def test_a_block_reaches_a_running_relay(tmp_path: Path) -> None:
    """RLY-86, RLY-85: within seconds, over a restart too; expiry is asked of it as well."""
    with RelayProcess(tmp_path / "relay") as process:
        async with connect(process.url, compression=None) as client:
            peer = await Peer(SocketLink(client)).greet()
            owner = Owner()
            await owner.set_up(peer)
            assert run(process.data_dir, "block", "--mailbox", owner.mailbox.hex()) == 0
            await until_code(peer, owner, ErrorCode.DENIED)
            assert run(process.data_dir, "expire-now") == 0
        process.restart()
        async with connect(process.url, compression=None) as client:
            peer = await Peer(SocketLink(client)).greet()
            assert (await peer.send(owner.item(b"x")))[0].code is ErrorCode.DENIED
            (process.data_dir / BLOCKED).write_text("damaged\n")
            for _ in range(600):
                if "reload_refused" in process.log():
                    break
                await peer.expect(Done, Ping(peer.next_id()))
                await asyncio.sleep(0.1)
            assert (await peer.send(owner.item(b"x")))[0].code is ErrorCode.DENIED
            (process.data_dir / BLOCKED).unlink()
            await until_code(peer, owner, ErrorCode.OK)
        assert owner.mailbox.hex() not in process.log()


async def until_code(peer: Peer, owner: Owner, expected: ErrorCode) -> None:
    for _ in range(600):
        if (await peer.send(owner.item(b"x")))[0].code is expected:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"never {expected.name}")


@pytest.mark.processes
async def test_a_backup_is_put_back(tmp_path: Path) -> None:
    """RLY-76, RLY-85: owners and contacts go on, later mailboxes are gone, no one-time key comes again."""
    copy = tmp_path / "copy.db"
    with RelayProcess(tmp_path / "relay") as process:
        async with connect(process.url, compression=None) as client:
            peer = await Peer(SocketLink(client)).greet()
            owner, late = Owner(), Owner()
            await owner.set_up(peer)
            company = Company(owner, NOW_MS)
            await company.publish(peer)
            await peer.expect(PrekeysStock, company.upload(peer, 5, 5))
            assert run(process.data_dir, "backup", str(copy)) == 0
            first = await peer.expect(PrekeysBundle, fetch_of(company, peer))
            assert first.one_time_x25519
            await late.create(peer)
        process.stop()
        for path in process.data_dir.glob("relay.db*"):
            path.write_bytes(b"lost with the disk" * 300)
        assert run(process.data_dir, "restore", str(copy)) == 0
        assert sorted(path.name for path in process.data_dir.glob("relay.db*")) == [
            "relay.db",
            "relay.db.old",
        ]
        assert (process.data_dir / "relay.db.old").read_bytes().startswith(b"lost with the disk")
        process.start()
        assert "restored_copy_found" in process.log()
        async with connect(process.url, compression=None) as client:
            peer = await Peer(SocketLink(client)).greet()
            await owner.prove(peer)
            assert (await peer.send(owner.item(b"x")))[0].code is ErrorCode.OK
            assert (await peer.expect(AuthResult, late.auth(peer))).refused == (late.mailbox,)
            again = await peer.expect(PrekeysBundle, fetch_of(company, peer))
            assert (again.one_time_x25519, again.one_time_kem) == (False, False)


def fetch_of(company: Company, peer: Peer) -> PrekeysFetch:
    return PrekeysFetch(peer.next_id(), company.account_id, company.record_hash, company.front_token)


def test_a_backup_that_cannot_be_used_replaces_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-75, RLY-85: missing, damaged, empty, something else's, of a newer release; the old one stays."""
    data_dir = tmp_path / "relay"
    fill(data_dir)
    good = tmp_path / "good"
    assert run(data_dir, "backup", str(good)) == 0
    damaged = bytearray(good.read_bytes())
    damaged[5000:9000] = os.urandom(4000)
    (tmp_path / "damaged").write_bytes(damaged)
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("no database" * 1000)
    (tmp_path / "newer").write_bytes(good.read_bytes())
    newer = sqlite3.connect(tmp_path / "newer")
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    before = {path.name: path.read_bytes() for path in data_dir.iterdir()}
    for name in ("missing", "damaged", "empty", "text", "newer"):
        assert run(data_dir, "restore", str(tmp_path / name)) == 1, name
        assert "backup" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in data_dir.iterdir()} == before
    assert run(data_dir, "restore", str(good)) == 0


def held(database: Path) -> int:
    db = sqlite3.connect(database)
    (count,) = db.execute("SELECT count(*) FROM message").fetchone()
    db.close()
    return int(count)


@pytest.mark.parametrize("has_links", [True, False])
def test_a_replaced_database_is_kept_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], has_links: bool
) -> None:
    """RLY-85: with what stands in its journal, also without hard links; the next one takes its place."""
    if not has_links:
        monkeypatch.setattr(Path, "hardlink_to", Mock(side_effect=OSError("not here")))
    data_dir, copy, crashed = tmp_path / "relay", tmp_path / "copy", tmp_path / "crashed"
    fill(data_dir)
    assert run(data_dir, "backup", str(copy)) == 0
    # As a crash leaves it: the last change is in the journal only.
    db = sqlite3.connect(data_dir / "relay.db")
    db.execute(
        "INSERT INTO message"
        " SELECT 3, mailbox_no, 3, msg_id, expires_ms, received_ms, body FROM message LIMIT 1"
    )
    db.commit()
    shutil.copytree(data_dir, crashed)
    db.close()
    assert (crashed / "relay.db-wal").stat().st_size > 0
    capsys.readouterr()
    assert run(crashed, "restore", str(copy)) == 0
    assert f"kept as {crashed / 'relay.db.old'}" in capsys.readouterr().out
    assert (held(crashed / "relay.db"), held(crashed / "relay.db.old")) == (0, 3)
    assert run(crashed, "restore", str(copy)) == 0
    assert (held(crashed / "relay.db.old"), held(crashed / "relay.db.old.2")) == (3, 0)


# --- purge ---


def test_a_purge_that_left_something_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-172: the receipt counts what is there afterwards, whatever the removal did."""
    mailbox = fill(tmp_path)
    monkeypatch.setattr("e2ee_relay.commands.purge_now", Mock())
    assert run(tmp_path, "purge", "--mailbox", mailbox.hex(), "--yes") == 1
    assert "  left: 3 rows\n" in capsys.readouterr().out


class Terminal(io.StringIO):
    """Somebody who can be asked."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "removed"), [("yes\n", True), ("y\n", False), ("\n", False), ("", False)])
def test_purge_shows_what_it_removes_and_asks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    removed: bool,
) -> None:
    """RLY-171: counts by table, no content; only "yes" is yes."""
    mailbox = fill(tmp_path)
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert run(tmp_path, "purge", "--mailbox", mailbox.hex()) == (0 if removed else 1)
    told = capsys.readouterr().out
    assert "  mailbox: 1\n  message: 2\n" in told
    assert ("nothing removed" in told) != removed
    assert ("receipt" in told) == removed
    if removed:
        assert f"  removed: mailbox {mailbox.hex()}\n" in told
        assert "  rows: mailbox 1, message 2\n  left: 0 rows\n" in told
    assert held(tmp_path / "relay.db") == (0 if removed else 2)


def test_purge_asks_nobody_who_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-171: a script says --yes; what is not there is not removed, and told."""
    mailbox = fill(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert run(tmp_path, "purge", "--mailbox", mailbox.hex()) == 2
    assert "--yes" in capsys.readouterr().err
    assert held(tmp_path / "relay.db") == 2
    assert run(tmp_path, "purge", "--mailbox", mailbox.hex(), "--yes") == 0
    assert held(tmp_path / "relay.db") == 0
    capsys.readouterr()
    for kind, subject in (("mailbox", mailbox.hex()), ("account", "ab" * 32)):
        assert run(tmp_path, "purge", f"--{kind}", subject, "--yes") == 1
        assert capsys.readouterr().out == f"nothing found about this {kind}\n"
