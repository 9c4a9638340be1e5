"""Two devices, a hostile relay, losses of state, wrong clocks and a passive thief: the rules of a pair under
attack (chapter 08). The ratchets are symbolic, every decision is made by e2ee.pair and e2ee.numbers.

    python tests/support/pair_world.py [--runs N] [--seed S] [--fault NAME]
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import pair_faults  # noqa: E402  # a script finds its modules by itself
from pair_bodies import Bundle, Faults, other  # noqa: E402
from pair_device import Device  # noqa: E402
from pair_hostility import Hostility  # noqa: E402
from pair_texts import RESEND_AGE_MS  # noqa: E402
from pair_thief import Thief  # noqa: E402
from symbolic_ratchet import Envelope, Header  # noqa: E402

from e2ee.constants import PREKEY_GRACE_MS  # noqa: E402
from e2ee.pair import DAY_MS, HOUR_MS, MINUTE_MS  # noqa: E402

NAMES: Final[tuple[str, ...]] = ("A", "B")
START_MS: Final = 30_000_000 * MINUTE_MS
WEEK_MS: Final = 7 * DAY_MS
YEAR_MS: Final = 365 * DAY_MS
_MAX_TALK: Final = 400
_ROUNDS: Final = 46


class PairWorld:
    """One run: `faults` are the rules that were broken, `figures` what has happened."""

    def __init__(self, seed: int, faults: Faults | None = None, kind: str | None = None) -> None:
        self.rng = random.Random(seed)
        self.time_ms = START_MS
        self.offset_ms: dict[str, int] = {"A": 0, "B": 0}
        self.kind = kind or self.rng.choice(("customer", "customer", "people", "companies"))
        shared = faults or Faults()
        self.devices = {
            "A": Device(self, "A", self.fresh(), self.kind != "companies", self.kind == "companies", shared),
            "B": Device(self, "B", self.fresh(), self.kind == "people", self.kind != "people", shared),
        }
        self.queue: dict[str, list[Envelope]] = {name: [] for name in NAMES}
        self.past: dict[str, list[Envelope]] = {name: [] for name in NAMES}
        self.kept: dict[str, list[Envelope]] = {name: [] for name in NAMES}
        self.saved: dict[str, Device] = {}
        self.written_ms: dict[int, int] = {}
        self.thief: Thief | None = None
        self.is_clean = True
        self.faults: list[str] = []
        self.figures: Counter[str] = Counter()
        for device in self.devices.values():
            device.prekeys.make(device.now_ms, device.identity, self.fresh)
        if self.kind == "people":
            self.devices["A"].prekeys.of_peer = self.devices["B"].prekeys.bundle

    # --- what devices need (pair_device.World) ---

    def fresh(self) -> int:
        """Return a number that was never given."""
        return self.rng.getrandbits(60)

    def now_ms(self, name: str) -> int:
        """Return what the clock of a device shows."""
        return max(1, self.time_ms + self.offset_ms[name])

    def post(self, sender: Device, envelope: Envelope) -> None:
        """Put an envelope into the peer's queue."""
        name = other(sender.name)
        self.queue[name].append(envelope)
        self.past[name].append(envelope)
        self.figures["envelopes"] += 1
        if self.thief is not None and self.thief.name == name:
            self.thief.read(envelope)

    def fault(self, what: str) -> None:
        """Note that a rule was broken."""
        self.faults.append(what)

    def count(self, what: str, times: int = 1) -> None:
        """Count what has happened."""
        self.figures[what] += times

    def bundle_of_peer(self, device: Device, *, again: bool) -> Bundle | None:
        """Return the prekeys that a device can get at: published ones, or those it has from the peer."""
        peer = self.devices[other(device.name)]
        grace_ms = PREKEY_GRACE_MS if device.pair.met else 0
        bundle = device.prekeys.of_peer
        if peer.is_published:
            if peer.prekeys.bundle is None or peer.now_ms > peer.prekeys.bundle.ends_ms:
                peer.prekeys.make(peer.now_ms, peer.identity, self.fresh)
            bundle = peer.prekeys.bundle
        elif self.kind == "people" and (
            bundle is None or device.now_ms > bundle.ends_ms + grace_ms or is_unreachable(device)
        ):
            bundle = self.from_outside(device)
        if bundle is None or again or bundle.one_time is None or self.rng.random() < 0.2:
            return None if bundle is None else replace(bundle, one_time=None)
        spent = replace(bundle, one_time=None)
        if peer.is_published:
            peer.prekeys.bundle = spent
        else:
            device.prekeys.of_peer = spent
        return bundle

    def from_outside(self, device: Device) -> Bundle | None:
        """Give a device new prekeys of its peer by hand: neither of two unpublished ones has any."""
        peer = self.devices[other(device.name)]
        peer.prekeys.make(peer.now_ms, peer.identity, self.fresh)
        device.prekeys.of_peer = peer.prekeys.bundle
        self.figures["prekeys from outside"] += 1
        return peer.prekeys.bundle

    # --- what happens ---

    def say(self, name: str) -> None:
        """Let a device write a text."""
        self.written_ms[self.devices[name].say()] = self.time_ms
        self.figures["texts"] += 1

    def deliver(self, name: str, envelope: Envelope) -> None:
        """Deliver an envelope to a device."""
        self.devices[name].receive(envelope)

    def deliver_all(self) -> None:
        """Deliver what is under way, and what it leads to."""
        for _ in range(_MAX_TALK):
            names = [name for name in NAMES if self.queue[name]]
            if not names:
                return
            name = self.rng.choice(names)
            self.deliver(name, self.queue[name].pop(0))
        self.fault("talk without an end")

    def pass_time(self, minutes: int) -> None:
        """Let time pass; each device looks at its clock once."""
        self.time_ms += minutes * MINUTE_MS
        for device in self.devices.values():
            device.tick()

    def put_back(self, name: str, saved: Device, *, noticed: bool) -> None:
        """Set a device back to a stored state."""
        self.devices[name] = saved.reopened()
        self.is_clean = False
        if noticed:
            self.devices[name].lose()

    def lose(self, name: str) -> None:
        """Let a device lose its sessions and notice it."""
        self.is_clean = False
        self.devices[name].lose()

    def garbage(self, name: str, tag: int) -> None:
        """Deliver bytes of nobody, under a tag."""
        header = Header(self.fresh(), 0, 0)
        self.deliver(name, Envelope(None, tag, self.fresh(), header, self.fresh(), None))

    def steal(self, name: str) -> None:
        """Copy a device; from now on the copy reads along."""
        self.thief = Thief(name, self.devices[name].reopened(), self.devices[other(name)].reopened())

    # --- runs ---

    def run(self) -> PairWorld:
        """Run with a hostile relay, then with an honest one, and check what has to hold."""
        rng = self.rng
        with_losses = rng.random() < 0.7
        skew = rng.choice((0, 1, 1, 2)) if rng.random() < 0.6 else 0
        self.say(rng.choice(NAMES))
        if rng.random() < 0.8:
            self.deliver_all()
            for name in ("B" if self.devices["B"].sessions else "A", "A"):
                self.say(name)
                self.deliver_all()
        Hostility(self, skew, with_losses=with_losses).run(rng.randrange(20, 90))
        if rng.random() < 0.5 or skew > 1:
            self.offset_ms = {"A": 0, "B": 0}
        self._honest_days()
        return self

    def _honest_days(self) -> None:
        began_ms, agreed_ms = self.time_ms, None
        for index in range(_ROUNDS):
            self.deliver_all()
            if index < 40:
                self._talk(index)
            if not self.is_agreed():
                agreed_ms = None
            elif agreed_ms is None:
                agreed_ms = self.time_ms - began_ms
            self.pass_time(11 if index < 14 else 360 if index < 24 else 1500)
        self.deliver_all()
        if agreed_ms is None:
            self.fault("no common active session")
        else:
            self.figures["agreed within 30 minutes"] += agreed_ms <= HOUR_MS // 2
            self.figures["agreed within 2 days"] += agreed_ms <= 2 * DAY_MS
        self.check(began_ms)

    def _talk(self, index: int) -> None:
        rng = self.rng
        if index % 3 == 0:
            self.say(rng.choice(NAMES))
            self.deliver_all()
        if index < 30 and rng.random() < 0.2:
            name = rng.choice(NAMES)
            if self.kept[name]:
                self.deliver(name, self.kept[name].pop())
                self.deliver_all()

    def is_agreed(self) -> bool:
        """Whether both devices have the same active session."""
        top = self.devices["A"].pair.top
        return top is not None and top == self.devices["B"].pair.top

    # --- what has to hold ---

    def check(self, began_ms: int) -> None:
        """Check both directions at the end of a run."""
        for name in NAMES:
            sender, receiver = self.devices[name], self.devices[other(name)]
            for text_id in sender.texts.rows:
                if text_id not in receiver.texts.shown:
                    self._check_lost(sender, receiver, text_id, began_ms)
            if sender.parted and self.is_clean:
                self.fault("a peer is called parted without a loss")
        if self.thief is not None and self.is_clean and self.thief.reads_after_healing():
            self.fault("the thief reads what was said after healing")

    def _check_lost(self, sender: Device, receiver: Device, text_id: int, began_ms: int) -> None:
        row, received = sender.texts.rows[text_id], receiver.pair.received
        is_late = text_id in self.written_ms and self.written_ms[text_id] > began_ms + 3 * DAY_MS
        if is_late:
            self.fault("a late text has not arrived")
        if row.number is None or row.state == "waits":
            self.fault("a text still waits")
            return
        is_known = received.is_missing(row.number.n) or row.number.n <= received.forgotten
        if is_known or (receiver.parted and row.number.n <= received.highest):
            return
        if row.number.n <= received.highest and not self.is_clean and self._is_old(sender, row.made_ms):
            self.figures["only the sender knows: set back without notice"] += 1
            return
        self.fault("a text is lost without a gap")

    def _is_old(self, sender: Device, made_ms: int) -> bool:
        return sender.now_ms - made_ms > RESEND_AGE_MS


def is_unreachable(device: Device) -> bool:
    """Whether sessions were started for three days without an answer: its owner is told then."""
    wanted = device.pair.wanted
    return wanted is not None and wanted.again and device.now_ms >= wanted.since_ms + 3 * DAY_MS


def main() -> int:
    """Run many seeds and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fault", choices=sorted(pair_faults.PLANTED))
    options = parser.parse_args()
    found: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    first: dict[str, int] = {}
    began_s, broken = time.process_time(), 0
    planted = pair_faults.planted(options.fault) if options.fault else nullcontext(Faults())
    with planted as faults:
        for seed in range(options.seed, options.seed + options.runs):
            world = PairWorld(seed, faults).run()
            figures.update(world.figures)
            figures["runs without a loss"] += world.is_clean
            broken += bool(world.faults)
            for what in set(world.faults):
                found[what] += 1
                first.setdefault(what, seed)
    print(f"{options.runs} runs, {broken} with a fault; CPU {time.process_time() - began_s:.0f} s")
    for what, runs in found.most_common():
        print(f"  FAULT {what}: {runs} runs, first seed {first[what]}")
    print(f"  {dict(figures)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
