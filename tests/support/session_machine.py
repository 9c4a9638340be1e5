"""Sessions under an adversarial network: the Hypothesis state machine of two devices, and a third one as
bystander.

The rules send, start sessions (also both sides at once, with and without one-time keys), and do what an
adversary does to envelopes; machines crash, are rolled back, cloned, and lose their sessions. After every
step the invariants hold; in the end all honest copies arrive, and both sides of every pair understand each
other.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

from device_model import DeviceModel, Peer
from hostile_network import BOUNDARIES, Tampering, tampered
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from parties import DAY_MS, ScriptedRng
from sealing_record import SealingRecord
from session_world import DEVICES, SessionWorld, stored_at

from e2ee import pair as pairs
from e2ee.constants import MAX_OTHER_SESSIONS, MAX_SKIPPED_KEYS
from e2ee.prekeys import OneTimeState
from e2ee.session import Proven

HOUR_MS = DAY_MS // 24
MAX_AGE_MS = 300 * DAY_MS
ANY = st.integers(0, 2**16 - 1)
SEED = st.integers(0, 2**32 - 1)
# The first two carry most of the traffic.
DEVICE = st.sampled_from((0, 1, 0, 1, 2))
ROUTE = st.sampled_from(((0, 1), (1, 0), (0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)))
# Each padding class of both kinds, and one text that does not fit into a first flight.
LENGTH = st.sampled_from((1, 1, 100, 600, 1_600, 3_000, 9_000, 40_000))
ONE_TIME = st.builds(OneTimeState, x25519=st.booleans(), kem=st.booleans())
SPAN_MS = st.sampled_from((1, HOUR_MS, DAY_MS, 3 * DAY_MS, 8 * DAY_MS, 31 * DAY_MS))
# Most gaps are small, since stored keys cost time; some reach the limits of 1000 kept and 1000 passed over.
LOST = st.sampled_from((*range(1, 9),) * 10 + (40, 500, 998, 1_001))
CUT = st.sampled_from(BOUNDARIES) | ANY


@dataclass
class Tally:
    """Steps and examples that all machines of one class have run, and how envelopes fared in them."""

    steps: int = 0
    examples: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


class SessionMachine(RuleBasedStateMachine):
    """Rules of the adversary over a `SessionWorld`; `tally` counts across examples."""

    tally: ClassVar[Tally] = Tally()

    def __init__(self) -> None:
        super().__init__()
        self.record = SealingRecord()
        self.world = SessionWorld(0)
        self.order = random.Random(0)
        self.calm = False
        self.age = 0
        self.record.__enter__()

    @initialize(seed=SEED, calm=st.booleans())
    def begin(self, seed: int, calm: bool) -> None:
        """In a calm world no machine loses its state, and both sides agree without any help."""
        self.calm = calm
        self.world = SessionWorld(seed)
        self.order = random.Random(seed)
        self.tally.examples += 1

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # after a failed step there is nothing left to show
                self.world.quiesce(self.order)
                self.check()
        finally:
            self.tally.outcomes.update(self.world.outcomes)
            self.record.__exit__(None, None, None)

    def _device(self, index: int) -> DeviceModel:
        return self.world.devices[index]

    def _clone(self, index: int) -> DeviceModel:
        clones = self.world.clones
        return clones.get(index) or next(iter(clones.values()))

    # --- honest owners ---

    @rule(route=ROUTE, length=LENGTH)
    def send(self, route: tuple[int, int], length: int) -> None:
        self.world.say(self._device(route[0]), route[1], "x" * length)

    @rule(route=ROUTE, one_time=ONE_TIME)
    def start(self, route: tuple[int, int], one_time: OneTimeState) -> None:
        self.world.start(self._device(route[0]), route[1], one_time)
        self.world.say(self._device(route[0]), route[1], "anew")

    @rule(route=ROUTE, one_time=ONE_TIME, other_one_time=ONE_TIME)
    def start_both(
        self, route: tuple[int, int], one_time: OneTimeState, other_one_time: OneTimeState
    ) -> None:
        self.start(route, one_time)
        self.start((route[1], route[0]), other_one_time)

    @rule(route=ROUTE, lost=LOST)
    def send_and_lose(self, route: tuple[int, int], lost: int) -> None:
        """Send two messages between which many are lost."""
        self.world.say(self._device(route[0]), route[1], "before")
        self.world.pass_over(self._device(route[0]), route[1], lost)
        self.world.say(self._device(route[0]), route[1], "after")

    @rule(index=DEVICE)
    def expire(self, index: int) -> None:
        self._device(index).expire(self.world.now_ms)
        self.world.check_stored(self._device(index))

    @precondition(lambda self: self.world.now_ms < self.world.started_ms + MAX_AGE_MS)
    @rule(span_ms=SPAN_MS)
    def pass_time(self, span_ms: int) -> None:
        self.world.pass_time(span_ms)

    @rule(index=DEVICE)
    def renew_list(self, index: int) -> None:
        self.world.renew_list(index)

    # --- the network ---

    @precondition(lambda self: self.world.network.waiting)
    @rule(at=ANY)
    def deliver(self, at: int) -> None:
        packet = self.world.network.take(at)
        self.world.deliver(self._device(packet.recipient), packet)

    @precondition(lambda self: self.world.network.waiting)
    @rule(count=st.integers(1, 8))
    def deliver_oldest(self, count: int) -> None:
        for _ in range(min(count, len(self.world.network.waiting))):
            self.deliver(0)

    @precondition(lambda self: self.world.network.waiting)
    @rule(at=ANY)
    def drop(self, at: int) -> None:
        self.world.network.take(at)

    @precondition(lambda self: self.world.network.waiting)
    @rule(at=ANY)
    def duplicate(self, at: int) -> None:
        self.world.network.put(self.world.network.look(at))

    @precondition(lambda self: self.world.network.past)
    @rule(at=ANY)
    def replay(self, at: int) -> None:
        packet = self.world.network.recall(at)
        self.world.deliver(self._device(packet.recipient), packet)

    @precondition(lambda self: self.world.network.past)
    @rule(at=ANY, how=st.sampled_from(Tampering), place=ANY, value=st.integers(0, 255))
    def tamper(self, at: int, how: Tampering, place: int, value: int) -> None:
        packet = self.world.network.recall(at)
        self.world.deliver(
            self._device(packet.recipient), packet, tampered(packet.envelope, how, place, value)
        )

    @precondition(lambda self: self.world.network.past)
    @rule(at=ANY, other=ANY, cut=CUT)
    def splice(self, at: int, other: int, cut: int) -> None:
        packet, second = self.world.network.recall(at), self.world.network.recall(other)
        spliced = packet.envelope[:cut] + second.envelope[cut:]
        self.world.deliver(self._device(packet.recipient), packet, spliced)

    @precondition(lambda self: self.world.network.past)
    @rule(at=ANY)
    def reflect(self, at: int) -> None:
        packet = self.world.network.recall(at)
        opened = self.world.deliver(self._device(packet.sender), packet)
        assert not opened, "a device took its own message"

    @precondition(lambda self: self.world.network.past)
    @rule(at=ANY)
    def cross_deliver(self, at: int) -> None:
        packet = self.world.network.recall(at)
        stranger = DEVICES - packet.sender - packet.recipient
        opened = self.world.deliver(self._device(stranger), packet)
        assert not opened, "a device took what was meant for another"

    # --- machines ---

    @rule(index=DEVICE)
    def crash(self, index: int) -> None:
        """Stop and start again from the rows."""
        device = self._device(index)
        device.load(device.store())
        self.world.check_stored(device)

    @precondition(lambda self: self.world.network.waiting)
    @rule(at=ANY)
    def crash_while_receiving(self, at: int) -> None:
        """Open a message and stop before it is stored: nothing of it may remain, and the copy waits on."""
        packet = self.world.network.look(at)
        device = self._device(packet.recipient)
        before = device.store()
        self.world.try_receive(device, packet.envelope)
        device.load(before)
        rows = {number: one.rows for number, one in before.peers.items()}
        assert device.encoded() == rows, "a message that was not stored left something behind"

    @precondition(lambda self: not self.calm)
    @rule(index=DEVICE, depth=st.integers(1, 5), repeat=st.booleans())
    def roll_back(self, index: int, depth: int, repeat: bool) -> None:
        """An older store with its keys comes back, perhaps with the randomness of then."""
        device = self._device(index)
        stored = stored_at(self.world.stored[index], depth)
        device.life = self.world.next_life()
        if repeat:
            device.rng.calls = stored.rng_calls
        else:
            device.rng = ScriptedRng(f"life {device.life}")
        device.load(stored)
        self.world.suffered = True

    @precondition(lambda self: not self.calm)
    @rule(index=DEVICE, repeat=st.booleans())
    def clone(self, index: int, repeat: bool) -> None:
        """A second machine goes on from the same store, perhaps with the same randomness."""
        self.world.clone(index, repeat=repeat)

    @precondition(lambda self: self.world.clones)
    @rule(index=DEVICE, peer=st.integers(1, DEVICES - 1), length=LENGTH)
    def clone_sends(self, index: int, peer: int, length: int) -> None:
        clone = self._clone(index)
        self.world.say(clone, (clone.owner.index + peer) % DEVICES, "y" * length)

    @precondition(lambda self: self.world.clones and self.world.network.past)
    @rule(index=DEVICE, at=ANY)
    def clone_receives(self, index: int, at: int) -> None:
        self.world.deliver(self._clone(index), self.world.network.recall(at))

    @precondition(lambda self: not self.calm)
    @rule(index=DEVICE)
    def lose_sessions(self, index: int) -> None:
        self.world.lose_sessions(self._device(index))

    # It costs as much as twenty other steps, and each example ends with one anyway.
    @precondition(lambda self: self.age % 8 == 7)
    @rule(seed=SEED)
    def quiesce(self, seed: int) -> None:
        self.world.quiesce(random.Random(seed))

    # --- after every step ---

    @invariant()
    def check(self) -> None:
        self.tally.steps += self.age > 0
        self.age += 1
        assert not self.record.reused, "one key sealed two different plaintexts"
        for device in self.world.instances():
            for peer in device.peers.values():
                self._check_pair(peer)

    def _check_pair(self, peer: Peer) -> None:
        ids = [one.id for one in peer.pair.sessions]
        assert set(ids) == set(peer.sessions), "a pair and its sessions differ"
        assert len(ids) == len(set(ids)) <= MAX_OTHER_SESSIONS + 2, "too many sessions"
        proven = [one for one in peer.pair.sessions if isinstance(peer.sessions[one.id].phase, Proven)]
        best = min(proven, key=lambda one: one.rank, default=None)
        assert peer.pair.active == best, "the active session is not the best proven one"
        used = peer.pair.budget
        limits = (pairs.MAX_FLIGHTS, pairs.MAX_TELLS, pairs.MAX_ASKS + 1, pairs.MAX_STARTS)
        assert all(count <= most for count, most in zip(used[1:5], limits, strict=True)), "over a budget"
        for session in peer.sessions.values():
            assert len(session.ratchet.skipped) <= MAX_SKIPPED_KEYS, "too many skipped keys"
