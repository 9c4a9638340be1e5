"""Opens the relay's store on what a loss of power left, in a process of its own, and looks for the facts."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from e2ee_relay.datadir import DataDirectory
from e2ee_relay.store.api import StoreError
from e2ee_relay.store.sqlite_file import DatabaseFile
from power_facts import Facts, digest

_DAY_MS: Final = 86_400_000


@dataclass(slots=True)
class Verdict:
    """Sentences about what must not be, and whether the one-time keys were burned (RLY-76)."""

    faults: list[str] = field(default_factory=list)
    is_burned: bool = False


def examine(folder: Path, files: Mapping[str, bytes], facts: Facts) -> Verdict:
    """Put the files there and open them as a relay does at its start."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    try:
        directory = DataDirectory.claim(folder)
        file = directory.open_store()
    except StoreError as error:
        return Verdict([f"the store does not open: {error}"])
    verdict = Verdict(is_burned=file.is_restored())
    try:
        generation = file.begin_generation()
        verdict.faults += _compare(file, generation, facts)
        verdict.faults += _go_on(file, generation)
        (intact,) = file.connection.execute("PRAGMA integrity_check").fetchone()
        verdict.faults += [] if intact == "ok" else [f"integrity_check: {intact}"]
    except sqlite3.DatabaseError as error:
        verdict.faults.append(f"the store cannot be read: {error}")
    file.close()
    directory.release()
    return verdict


def _compare(file: DatabaseFile, generation: int, facts: Facts) -> list[str]:
    ask = file.connection.execute
    address = dict(ask("SELECT no, mailbox FROM mailbox"))
    content = {
        (address.get(no, b""), msg_id): body
        for no, msg_id, body in ask("SELECT mailbox_no, msg_id, body FROM message")
    }
    tokens = {
        (address.get(no, b""), hashed) for no, hashed in ask("SELECT mailbox_no, token_hash FROM token")
    }
    accounts = {bytes(account_id) for (account_id,) in ask("SELECT DISTINCT account_id FROM device_list")}
    owed = facts.owed()
    kept = {place: digest(body) for place, body in content.items()}
    lost = [place for place in owed if place not in content]
    prekeys = {digest(bytes(key)) for (key,) in ask("SELECT signed_prekey FROM prekey")}
    rows = ask("SELECT record_hash, key_type, highest_id FROM prekey_mark")
    highest = {(bytes(record), key_type): highest_id for record, key_type, highest_id in rows}
    findings = {
        "confirmed messages lost (RLY-30)": len(lost),
        "messages held with another content": sum(
            kept.get(one) != owed[one] for one in owed.keys() & content.keys()
        ),
        "deleted messages that are back (RLY-37)": len(facts.deleted & content.keys()),
        "mailboxes lost": len(facts.mailboxes - facts.removals - set(address.values())),
        "removed mailboxes that are back (RLY-27)": len(facts.removed & set(address.values())),
        "tokens lost": sum(one not in tokens for one in facts.tokens if one[0] not in facts.removals),
        "entries lost": len(facts.accounts - accounts),
        "handed-out one-time prekeys that are back (RLY-63)": len(facts.handed_out & prekeys),
        "uploads forgotten (RLY-62)": sum(
            highest.get((record, key_type), 0) < ids[key_type - 1]
            for record, ids in facts.highest_key.items()
            for key_type in (1, 2)
        ),
        "numbers that may be given twice (RLY-35)": generation <= facts.generation,
    }
    return [f"{count} {what}" for what, count in findings.items() if count]


def _go_on(file: DatabaseFile, generation: int) -> list[str]:
    """The store takes the next message."""
    ask = file.connection.execute
    mailbox = ask("SELECT no FROM mailbox LIMIT 1").fetchone()
    if mailbox is None:
        return []
    (row_id,) = ask("SELECT coalesce(max(row_id), 0) + 1 FROM message").fetchone()
    expires_ms = time.time_ns() // 1_000_000 + _DAY_MS
    row = (row_id, mailbox[0], generation << 32 | 1, b"x" * 16, expires_ms, 0, b"x")
    with file.transaction():
        ask("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    return []


class Examiners:
    """Examinations in forked processes, several at a time."""

    def __init__(self, folder: Path, most: int, heard: Callable[[str, Verdict], None]) -> None:
        self._folder = folder
        self._most = most
        self._heard = heard
        self._running: list[tuple[str, int, int, Path]] = []
        self._count = 0

    def begin(self, label: str, files: Mapping[str, bytes], facts: Facts) -> None:
        """Examine; the facts are those of now."""
        if len(self._running) >= self._most:
            self._finish_one()
        self._count += 1
        folder = self._folder / f"state-{self._count}"
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _child(writer, lambda: examine(folder, files, facts))
        os.close(writer)
        self._running.append((label, pid, reader, folder))

    def finish(self) -> None:
        """Wait for all."""
        while self._running:
            self._finish_one()

    def _finish_one(self) -> None:
        label, pid, reader, folder = self._running.pop(0)
        with os.fdopen(reader, "rb") as answer:
            said = answer.read()
        os.waitpid(pid, 0)
        shutil.rmtree(folder, ignore_errors=True)
        verdict = Verdict(**json.loads(said)) if said else Verdict(["the examination died"])
        self._heard(label, verdict)


def _child(writer: int, work: Callable[[], Verdict]) -> None:
    """Do the work and end without anything that the parent has registered."""
    try:
        os.write(writer, json.dumps(asdict(work())).encode())
    finally:
        os._exit(0)
