"""A relay and a fate that do what they can to a simulated pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pair_bodies import other
from pair_thief import Thief
from symbolic_ratchet import Envelope

from e2ee.pair import DAY_MS, MINUTE_MS

if TYPE_CHECKING:
    from pair_world import PairWorld

_YEAR_MS: Final = 365 * DAY_MS
_PAUSES_MIN: Final = (1, 1, 5, 11, 30, 61, 400, 1445, 3 * 1440, 7 * 1440, 17 * 1440)


class Hostility:
    """One act after the other, chosen by chance."""

    def __init__(self, world: PairWorld, skew: int, *, with_losses: bool) -> None:
        self.world, self.skew, self.with_losses = world, skew, with_losses

    def run(self, steps: int) -> None:
        """Take steps by chance."""
        world, rng = self.world, self.world.rng
        chances: tuple[tuple[float, Callable[[str], None]], ...] = (
            (0.20, world.say),
            (0.24, self.deliver),
            (0.08, self.reorder),
            (0.05, self.drop),
            (0.04, self.keep_back),
            (0.04, self.release),
            (0.04, self.replay),
            (0.04, self.garble),
            (0.03, self.change_body),
            (0.17, self.wait),
            (0.03, self.lose),
            (0.03, self.clone),
            (0.015, self.set_clock),
            (0.03, self.steal),
        )
        acts, weights = [act for _, act in chances], [weight for weight, _ in chances]
        for _ in range(steps):
            rng.choices(acts, weights)[0](rng.choice(("A", "B")))
            if world.thief is not None and world.is_clean:
                self._look_at_healing(world.thief)

    def _look_at_healing(self, thief: Thief) -> None:
        world = self.world
        victim, peer = world.devices[thief.name], world.devices[other(thief.name)]
        if thief.healed is None and thief.is_healed(victim, peer):
            thief.healed = set(world.written_ms)
            world.figures["thefts healed"] += 1

    def deliver(self, name: str) -> None:
        if self.world.queue[name]:
            self.world.deliver(name, self.world.queue[name].pop(0))

    def reorder(self, name: str) -> None:
        if self.world.queue[name]:
            self.world.deliver(name, self._any(self.world.queue[name]))

    def drop(self, name: str) -> None:
        if self.world.queue[name]:
            self._any(self.world.queue[name])

    def keep_back(self, name: str) -> None:
        if self.world.queue[name]:
            self.world.kept[name].append(self._any(self.world.queue[name]))

    def release(self, name: str) -> None:
        if self.world.kept[name]:
            self.world.deliver(name, self._any(self.world.kept[name]))

    def replay(self, name: str) -> None:
        if self.world.past[name]:
            self.world.deliver(name, self.world.rng.choice(self.world.past[name]))

    def garble(self, name: str) -> None:
        """Bytes of nobody, under a tag that the device knows or under one that it does not."""
        rng = self.world.rng
        sessions = self.world.devices[name].sessions.values()
        tags = sorted(tag for one in sessions for tag in one.ratchet.tags())
        self.world.garbage(name, rng.choice(tags) if tags and rng.random() < 0.4 else rng.getrandbits(60))

    def change_body(self, name: str) -> None:
        """A true prefix and header with another body."""
        if self.world.past[name]:
            envelope = self.world.rng.choice(self.world.past[name])
            self.world.deliver(name, replace(envelope, message_key=1))

    def wait(self, _: str) -> None:
        self.world.pass_time(self.world.rng.choice(_PAUSES_MIN))

    def lose(self, name: str) -> None:
        world, rng = self.world, self.world.rng
        if not self.with_losses:
            return
        kind = rng.random()
        if kind < 0.3 or name not in world.saved:
            world.saved[name] = world.devices[name].reopened()
            if rng.random() < 0.5:
                world.devices[name] = world.saved[name].reopened()
        elif kind < 0.5:
            world.lose(name)
            world.figures["losses"] += 1
        else:
            world.put_back(name, world.saved[name], noticed=kind < 0.75)
            world.figures["states set back"] += 1

    def clone(self, name: str) -> None:
        """A second process opens an old copy of the store, talks for a while, and ends."""
        world, rng = self.world, self.world.rng
        if not self.with_losses or name not in world.saved or rng.random() >= 0.3:
            return
        original, world.is_clean = world.devices[name], False
        clone = world.devices[name] = world.saved[name].reopened()
        for _ in range(rng.randrange(1, 6)):
            if rng.random() < 0.5:
                world.say(name)
            elif world.queue[name]:
                world.deliver(name, world.queue[name].pop(0))
            else:
                world.time_ms += 11 * MINUTE_MS
                clone.tick()
        for text_id in set(clone.texts.rows) - set(original.texts.rows):
            world.written_ms.pop(text_id, None)
        world.devices[name] = original
        world.figures["clones"] += 1

    def set_clock(self, name: str) -> None:
        rng = self.world.rng
        if not self.skew:
            return
        day = rng.randrange(-DAY_MS, DAY_MS)
        choices = (0, 0, DAY_MS, -DAY_MS, day, *((_YEAR_MS,) if self.skew > 1 else ()))
        self.world.offset_ms[name] = rng.choice(choices)

    def steal(self, name: str) -> None:
        if self.world.thief is None and self.world.is_clean and self.world.rng.random() < 0.5:
            self.world.steal(name)

    def _any(self, envelopes: list[Envelope]) -> Envelope:
        return envelopes.pop(self.world.rng.randrange(len(envelopes)))
