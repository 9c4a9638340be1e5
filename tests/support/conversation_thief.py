"""A thief of one side's whole state, beside a relay that hides, repeats and forges, over real engines.

The thief has copied every session, the device's keys and the private halves of all prekeys, and has all
traffic. It makes no key and sends nothing. What it derives from a session is the work of `thief`; here it
also redoes, as the responder, each handshake that names prekeys of which it has the private halves. The
relay does whatever makes the two start new sessions and send texts again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from e2ee_client.engine import Ports
from e2ee_client.engine.records import OwnPrekey
from e2ee_client.rows import Continuity
from hostile_relay import Letter
from parties import ScriptedRng, unpinned
from random_conversation import HOUR_MS, MINUTE_MS, Conversation, Side
from recorded_run import Broken
from thief import Line, Powers, Thief, sorted_traffic, steal

from e2ee import handshake
from e2ee.content import Text
from e2ee.errors import E2eeError
from e2ee.handshake import ResponderKeys
from e2ee.ids import SessionId
from e2ee.prekeys import PrekeyPair
from e2ee.session import Session
from e2ee.wire import envelope as envelopes
from e2ee.wire.envelope import Prefix

_TRIES: Final = 40


@dataclass(frozen=True)
class Sealing:
    """One envelope: who sealed it, when, on which session, and which content; `is_text` for a text."""

    sender: str
    at_ms: int
    content_id: bytes
    is_text: bool
    session_id: SessionId
    envelope: bytes


@dataclass(frozen=True)
class Theft:
    """A copy of a side's whole state, made after `at` envelopes."""

    victim: str
    at: int
    sessions: tuple[Session, ...]
    prekeys: tuple[PrekeyPair, ...]
    own_keys: frozenset[bytes]


class Recorded(Conversation):
    """A conversation of two engines of which all that was sealed is kept, and who can be stolen from."""

    def __init__(self, seed: int, *, steal_first: str = "") -> None:
        super().__init__(seed)
        self._steal_first = steal_first
        self.sealed: list[Sealing] = []
        self.broken = Broken()
        self.shelf: dict[str, dict[tuple[bool, int], OwnPrekey]] = {"A": {}, "B": {}}
        self.thefts: list[Theft] = []
        self.healed_at: dict[int, int] = {}
        for name, side in self.sides.items():
            rng = ScriptedRng(f"thief {seed} {name}")
            noting = Noting(rng, self.broken)
            side.ports = Ports(noting, self.broken.encapsulate)

    # --- what is recorded ---

    def begin(self) -> None:
        for name, side in self.sides.items():
            _when_engine_is_set(side, partial(self.watch_engine, name))
        super().begin()

    def watch_engine(self, name: str, engine: Any) -> None:
        """Record what this engine seals, and which of its keys are answered."""
        sending, renewal = engine._context.sending, engine._context.renewal
        seal, opened = sending._seal, renewal.opened

        def recording(turn: Any, peer: Any, session: Any, item: Any, content: Any, **how: bool) -> bool:
            done: bool = seal(turn, peer, session, item, content, **how)
            if done:
                is_text = isinstance(content.payload, Text)
                made = Sealing(name, turn.now_ms, content.id, is_text, item.session_id, item.envelope)
                self.sealed.append(made)
            return done

        def noting(turn: Any, peer: Any, found: Any) -> Any:
            for number, theft in enumerate(self.thefts):
                if (
                    theft.victim == name
                    and found.answered is not None
                    and found.answered not in theft.own_keys
                ):
                    self.healed_at.setdefault(number, len(self.sealed))
            return opened(turn, peer, found)

        vars(sending)["_seal"], vars(renewal)["opened"] = recording, noting

    def note_prekeys(self) -> None:
        """Keep the public halves of all prekeys; a thief has the private ones that it stole or can break."""
        for name, side in self.sides.items():
            for own in side.engine._state.prekeys.values():
                prekey = own.pair.prekey
                self.shelf[name][prekey.kind.is_kem, prekey.id] = own

    def say(self, name: str) -> None:
        if self._steal_first:
            self.steal(self._steal_first)
            self._steal_first = ""
        super().say(name)

    def tick(self) -> None:
        super().tick()
        self.note_prekeys()

    def steal(self, name: str) -> int:
        """Copy a side's whole state; return the number of the theft."""
        self.note_prekeys()
        state = self.sides[name].engine._state
        found = tuple(state.sessions.values())
        keys = {bytes(one.ratchet_key) for one in found if one.ratchet_key is not None}
        pairs = tuple(own.pair for own in state.prekeys.values())
        self.thefts.append(Theft(name, len(self.sealed), found, pairs, frozenset(keys)))
        return len(self.thefts) - 1

    # --- what the relay and bad luck do ---

    def talk(self, names: str) -> None:
        """Let each write one text that arrives."""
        for name in names:
            self.say(name)
            self.all_through()

    def hide(self) -> None:
        """Lose everything that is under way."""
        for name in ("A", "B"):
            while self.box(name):
                self.box(name).clear()

    def force_reset(self, starter: str) -> bool:
        """Make a side start a new session: garbage, and silence for all that it asks; then only what belongs
        to the new session arrives, until both use it.

        The texts that are written meanwhile are lost and go again. In the mailbox of a published account
        garbage shows nothing, so there a text that is not confirmed has to grow old.
        """
        known = set(self.session_ids())
        pause_ms = 11 * MINUTE_MS if starter == "A" else 5 * HOUR_MS
        for _ in range(_TRIES):
            self._garbage(starter)
            self.say(starter)
            self.hide()
            self.now_ms += pause_ms
            self.tick_side(self.sides[starter])
            if set(self.session_ids()) - known:
                break
        else:
            return False
        for _ in range(_TRIES):
            self._deliver_only(set(self.session_ids()) - known)
            if self._is_switched(known):
                return True
            self.now_ms += pause_ms
            self.tick()
        return False

    def _garbage(self, name: str) -> None:
        """Deliver the last envelope that was sealed for a side, with another tag."""
        body = next(one.envelope for one in reversed(self.sealed) if one.sender != name)
        mailbox = next(iter(self.sides[name].engine._state.mailboxes))
        forged = body[:2] + self.rng.randbytes(8) + body[10:]
        self.deliver(name, Letter(mailbox, self.rng.randbytes(16), forged))

    def _deliver_only(self, sessions: set[SessionId]) -> None:
        """Deliver what belongs to these sessions, and lose the rest."""
        while letters := self.box("A") or self.box("B"):
            letter = letters.pop(0)
            if self._session_of(letter.body) in sessions:
                self.deliver(
                    "A" if letter.mailbox in self.sides["A"].engine._state.mailboxes else "B", letter
                )

    def _session_of(self, envelope: bytes) -> SessionId | None:
        return next((one.session_id for one in reversed(self.sealed) if one.envelope == envelope), None)

    def _is_switched(self, known: set[SessionId]) -> bool:
        """Whether both sides have one active session, which is none of these."""
        active = [
            peer.pair.active for side in self.sides.values() for peer in side.engine._state.peers.values()
        ]
        ids = {one.id for one in active if one is not None}
        return len(ids) == 1 and None not in active and ids.isdisjoint(known)

    def lose(self, name: str, *, quietly: bool = False) -> None:
        """A side's store is found not to continue its last run: all its sessions are gone. Unless that is to
        stay quiet, what follows from it takes its course.
        """
        self.reopen(self.sides[name], self.sides[name].rows, Continuity.UNKNOWN)
        for _ in range(0 if quietly else 6):
            self.all_through()
            self.now_ms += 11 * MINUTE_MS
            self.tick()

    def session_ids(self) -> Iterator[SessionId]:
        """Yield the sessions of both sides."""
        for side in self.sides.values():
            yield from side.engine._state.sessions

    def wait(self, hours: int) -> None:
        """Time passes under an honest relay."""
        for _ in range(hours):
            self.now_ms += HOUR_MS
            self.tick()
            self.all_through()


class Noting:
    """A source of randomness; whoever breaks Diffie-Hellman knows what it gave."""

    def __init__(self, rng: ScriptedRng, broken: Broken) -> None:
        self._rng, self._broken = rng, broken

    def __call__(self, size_b: int) -> bytes:
        return self._broken.note(self._rng(size_b))


def _when_engine_is_set(side: Side, watch: Callable[[Any], None]) -> None:
    """Watch each engine that a side gets, from its making on."""

    class Watched(type(side)):  # type: ignore[misc]  # the class of the side, with one hook
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "engine":
                watch(value)

    side.__class__ = Watched


def reads(run: Recorded, theft: Theft, powers: Powers) -> set[int]:
    """Return the places in `run.sealed` of all envelopes that the thief opens."""
    traffic = sorted_traffic(run.sealed)  # type: ignore[arg-type]  # what has an envelope
    opened: set[int] = set()
    for session in theft.sessions:
        opened |= steal(session, traffic, powers)
    known, tried = {one.id for one in theft.sessions}, set[bytes]()
    for sealing in run.sealed:
        raw = envelopes.decode(sealing.envelope)
        if sealing.sender == theft.victim or not raw.prefix or bytes(raw.prefix) in tried:
            continue
        tried.add(bytes(raw.prefix))
        redone = _responder(run, theft, envelopes.decode_prefix(raw.prefix), known, powers)
        if redone is not None:
            session_id, line = redone
            thief = Thief(session_id, traffic, powers)
            thief.follow(line)
            opened |= thief.opened
    return opened


def _responder(
    run: Recorded, theft: Theft, prefix: Prefix, known: set[SessionId], powers: Powers
) -> tuple[SessionId, Line] | None:
    """Redo a handshake with stolen prekeys; None where a private half is missing."""
    shelf = run.shelf[theft.victim]
    names = [(False, prefix.spk_id), (True, prefix.pqk_id)]
    names += [(False, prefix.opk_id)] if prefix.opk_id else []
    found = [_private(shelf.get(name), theft, powers) for name in names]
    held = [one for one in found if one is not None]
    if len(held) < len(found):
        return None
    spk, pqk, *opk = held
    device = run.sides[theft.victim].engine._state.own.device
    record = spk.record
    keys = ResponderKeys(device, record, spk.pair, opk[0].pair if opk else None, pqk.pair)
    try:
        made = handshake.respond(prefix, keys, unpinned, run.now_ms).keys
    except E2eeError:
        return None
    if made.session_id in known:
        return None
    private = handshake.dh_private(keys.spk)
    first, second = made.initiator_header_key.expose(), made.responder_header_key.expose()
    line = Line(made.root_key.expose(), keys.spk.prekey.key, private, first, second, 0)
    return made.session_id, line


def _private(own: OwnPrekey | None, theft: Theft, powers: Powers) -> OwnPrekey | None:
    """Return a prekey with its private half if that was stolen, or can be computed."""
    if own is None or any(one.prekey == own.pair.prekey for one in theft.prekeys):
        return own
    broken = powers.kem if own.pair.prekey.kind.is_kem else powers.dh
    return None if broken is None else own


def texts(run: Recorded, places: set[int], after: int = 0) -> list[bytes]:
    """Return the content ids of the texts at these places that were sealed first after `after`, each once."""
    first: dict[bytes, int] = {}
    for at, one in enumerate(run.sealed):
        if one.is_text:
            first.setdefault(one.content_id, at)
    found = {run.sealed[at].content_id for at in places if run.sealed[at].is_text}
    return sorted(content_id for content_id in found if first[content_id] >= after)
