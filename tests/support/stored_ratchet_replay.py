"""Real sessions in real stores under a trace of the model StoredRatchet (DR-04, DR-05, STO-14, STO-15).

Randomness is what the model assumes: it repeats at every seal. What leaves is opened by a real peer.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from e2ee_client.rows import Put
from e2ee_client.store import FileAnchor, Store, StoreOptions, database, header
from e2ee_client.store.keys import StoreKeys
from e2ee_client.store.ledger import Ledger
from e2ee_client.store.sealing import RowSealer
from e2ee_client.store.state import StateSealer, StoreState
from model_traces import Step, as_set, crash_image
from parties import NUMBER, Party, ScriptedRng, open_
from store_probe import RAW_KEY, put_back_in_place
from stored_ratchet_machines import Crash, Machine, Named, Peer, RepeatingRng, text_named
from stored_ratchet_words import (
    NO_ANCHOR,
    NO_STATE,
    NONE,
    VERDICTS,
    number_of,
    shown,
    shown_state,
    stored_envelope,
    stored_session,
)

from e2ee import snapshot
from e2ee.session import Session

_ROW: Final = b"1"
_SETTLED: Final = "continuous"
_NEVER: Final = 1 << 20


class StoredRatchetReplay:
    """Two machines, one peer. `limit` is the configuration whose declared limit is replayed, if any."""

    def __init__(self, folder: Path, limit: str) -> None:
        self._folder = folder
        self._whole_image = limit.endswith("whole_image")
        self._options = StoreOptions(
            anchor_every=_NEVER if limit.endswith("anchor_lags") else 1,
            detect_copies=not limit.endswith("no_file_mark"),
        )
        self._alice, self._bob = Party.make("alice"), Party.make("bob")
        self._peer = Peer()
        self._machines = {m: Machine.at(folder / f"machine {m}") for m in (1, 2)}
        self._instances: dict[bytes, int] = {}
        self._envelopes: dict[Named, bytes] = {}
        self._made: set[Named] = set()
        self._net: set[Named] = set()
        self._create(self._machines[1])

    def close(self) -> None:
        """Close what still runs."""
        for machine in self._machines.values():
            machine.crash()

    def _create(self, machine: Machine) -> None:
        machine.folder.mkdir()
        machine.store = Store.create(machine.path, RAW_KEY, anchor=machine.anchor, options=self._options)
        machine.session, machine.sess = self._new_session(), 1
        self._commit(machine, settle=False)
        self._close(machine)

    def _new_session(self) -> Session:
        """Start a session at the peer and let it answer; return our state."""
        number = len(self._peer.sessions) + 1
        self._alice.rng = self._bob.rng = ScriptedRng(f"session {number}")
        state, flight = self._alice.seal(self._alice.initiate(self._bob, number), "hello")
        theirs, answer = self._bob.seal(self._bob.accept(flight).opened.session, "welcome", way_back=None)
        self._peer.sessions[number] = theirs
        return open_(state, answer).session

    # --- steps ---

    def carry_out(self, step: Step) -> None:
        """Carry out one step of the model."""
        op, upto = step.step["op"], step.step["upto"]
        match op:
            case "backup":
                shutil.rmtree(self._folder / "image", ignore_errors=True)
                crash_image(self._machines[1].folder, self._folder / "image")
            case "restore":
                self._restore(self._machines[1])
            case "clone":
                crash_image(self._machines[1].folder, self._machines[2].folder)
            case _:
                self._step_of(self._machines[step.step["m"]], op, upto, step.step["text"])

    def _step_of(self, machine: Machine, op: str, upto: str, text: int) -> None:
        match op:
            case "open":
                self._open(machine, upto)
            case "settle":
                machine.session, machine.sess = self._new_session(), len(self._peer.sessions)
                machine.out, machine.verdict = None, _SETTLED
                self._commit_upto(machine, upto, settle=True)
            case "seal":
                self._seal(machine, text)
            case "persist":
                machine.out, machine.sealed = machine.sealed, None
                self._commit_upto(machine, upto, settle=False)
            case "release":
                self._release(machine)
            case "close":
                self._close(machine)
            case "crash":
                machine.crash()
            case other:
                raise ValueError(f"no such step: {other}")

    def _open(self, machine: Machine, upto: str) -> None:
        adopt = Ledger.adopt

        def crashing(ledger: Ledger, state: StoreState) -> None:
            if upto == "caught up":
                raise Crash
            adopt(ledger, state)
            machine.anchor.fails = upto == "begun"

        try:
            with patch.object(Ledger, "adopt", crashing):
                machine.store = Store.open(
                    machine.path, RAW_KEY, anchor=machine.anchor, options=self._options
                )
        except Crash:
            machine.anchor.fails = False
            return
        machine.verdict = VERDICTS[machine.store.continuity]
        machine.sess, machine.session = stored_session(machine.store.get("session", _ROW))
        machine.out = stored_envelope(machine.store.get("outbox", _ROW))

    def _seal(self, machine: Machine, text: int) -> None:
        if machine.session is None:
            raise ValueError("the client is down")
        named = (machine.sess, number_of(machine.session), text)
        self._alice.rng = RepeatingRng()
        machine.session, envelope = self._alice.seal(
            machine.session, text_named(text), way_back=None, number=NUMBER
        )
        if self._envelopes.setdefault(named, envelope) != envelope:
            raise AssertionError("the same text under the same state is another envelope")
        machine.sealed = named, envelope
        self._made.add(named)

    def _commit_upto(self, machine: Machine, upto: str, *, settle: bool) -> None:
        machine.anchor.fails = upto == "db"
        try:
            self._commit(machine, settle=settle)
        except Crash:
            machine.crash()
        machine.anchor.fails = False

    def _commit(self, machine: Machine, *, settle: bool) -> None:
        if machine.session is None:
            raise ValueError("the client is down")
        session = bytes([machine.sess]) + snapshot.encode_session(machine.session)
        named, envelope = machine.out or (NONE, b"")
        changes = [Put("session", _ROW, session), Put("outbox", _ROW, bytes(named) + envelope)]
        machine.running().commit(changes, settle_continuity=settle)

    def _release(self, machine: Machine) -> None:
        if machine.out is None:
            raise ValueError("nothing waits to be sent")
        self._net.add(machine.out[0])
        self._peer.take(*machine.out)
        machine.out = None

    @staticmethod
    def _close(machine: Machine) -> None:
        machine.running().close()
        machine.stop()

    def _restore(self, machine: Machine) -> None:
        for left in machine.folder.glob("store-*"):
            left.unlink()
        for source in (self._folder / "image").iterdir():
            target = machine.folder / source.name
            if source.name == "store":
                put_back_in_place(source, target)
            elif self._whole_image or source.name.startswith("store-"):
                shutil.copy(source, target)

    # --- the state in the model's words ---

    def state(self) -> Mapping[str, Any]:
        """What files and memory of both machines hold, and what was sealed and sent."""
        looked = [self._look(self._machines[m]) for m in (1, 2)]
        return {
            "db": [db for db, _ in looked],
            "anchor": [anchor for _, anchor in looked],
            "machine": [self._memory(self._machines[m]) for m in (1, 2)],
            "made": as_set(map(shown, self._made)),
            "net": as_set(map(shown, self._net)),
        }

    def _look(self, machine: Machine) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read database and anchor from a copy of the files."""
        if not machine.folder.exists():
            return {**shown_state(NO_STATE, 0, 0), "sess": 0, "n": 0, "out": shown(NONE)}, dict(NO_ANCHOR)
        files = {path.name: path.read_bytes() for path in machine.folder.glob("store*")}
        if machine.seen is None or machine.seen[0] != files:
            machine.seen = files, self._look_inside(machine)
        return machine.seen[1]

    def _look_inside(self, machine: Machine) -> tuple[dict[str, Any], dict[str, Any]]:
        probe = crash_image(machine.folder, self._folder / "probe")
        with closing(database.connect(probe / "store")) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            decoded = header.decode(database.read_header(connection))
            keys = StoreKeys(header.unwrap(RAW_KEY, decoded))
            states = StateSealer(keys, decoded.store_id, bytes)
            ledger = Ledger(connection, RowSealer(keys, decoded.store_id, bytes), states)
            db = self._shown_ledger(ledger)
        shutil.rmtree(probe)
        return db, self._shown_anchor(states, machine.anchor)

    def _shown_ledger(self, ledger: Ledger) -> dict[str, Any]:
        sess, session = stored_session(ledger.get("session", _ROW))
        out = stored_envelope(ledger.get("outbox", _ROW))
        previous = self._instance(ledger.state.previous_instance)
        store = shown_state(ledger.state, self._instance(ledger.state.instance), previous)
        return {**store, "sess": sess, "n": number_of(session), "out": shown(out[0] if out else NONE)}

    def _shown_anchor(self, states: StateSealer, anchor: FileAnchor) -> dict[str, Any]:
        record = states.decode_anchor(anchor.load())
        if record is None:
            return dict(NO_ANCHOR)
        marks = {one.path.stat().st_ino: m for m, one in self._machines.items() if one.folder.exists()}
        mark = marks[record.file_mark] if record.file_mark else 0
        instance = self._instance(record.instance)
        return {"gen": record.generation, "inst": instance, "commits": record.commits, "mark": mark}

    def _instance(self, instance: bytes) -> int:
        """Number the instances in the order in which they come up; the store's first is 0."""
        return self._instances.setdefault(instance, len(self._instances))

    def _memory(self, machine: Machine) -> dict[str, Any]:
        up = machine.store is not None
        return {
            "phase": "up" if up else "down" if machine.folder.exists() else "absent",
            "verdict": machine.verdict,
            "sess": machine.sess,
            "n": 0 if machine.session is None else number_of(machine.session),
            "sealed": shown(machine.sealed[0] if machine.sealed else NONE),
            "out": shown(machine.out[0] if machine.out else NONE),
        }
