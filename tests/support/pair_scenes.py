"""Directed runs of pair_world: customer A and company B, one attack or mishap each.

A scene returns what was not as it has to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pair_bodies import Faults
from pair_world import NAMES, PairWorld
from symbolic_ratchet import Envelope

from e2ee.pair import DAY_MS, HOUR_MS, MINUTE_MS

_YEAR_MS: Final = 365 * DAY_MS


def met(faults: Faults | None = None) -> PairWorld:
    """Return a pair that has met, after a few texts."""
    world = PairWorld(1, faults, "customer")
    for name in "ABAB":
        world.say(name)
        world.deliver_all()
    return world


def talk(world: PairWorld, names: str) -> None:
    """Let each write one text that arrives."""
    for name in names:
        world.say(name)
        world.deliver_all()


def until_agreed(world: PairWorld, limit_ms: int) -> bool:
    """Let time pass by minutes, then by hours, until both have one active session and nothing waits."""
    began_ms = world.time_ms
    while world.time_ms <= began_ms + limit_ms:
        world.pass_time(1 if world.time_ms < began_ms + 3 * HOUR_MS else 60)
        world.deliver_all()
        waiting = any(world.devices[name].texts.waiting() for name in NAMES)
        if world.is_agreed() and not waiting:
            return True
    return False


def keep_all(world: PairWorld, name: str) -> list[Envelope]:
    """Keep back what is under way to a device."""
    envelopes = list(world.queue[name])
    world.queue[name].clear()
    return envelopes


def _found(world: PairWorld, *expected: tuple[bool, str]) -> list[str]:
    return [*world.faults, *(what for holds, what in expected if not holds)]


def garbage_and_silence(faults: Faults | None = None) -> list[str]:
    """Garbage, 90 minutes of silence, then release: one session again, and a thief reads nothing."""
    world = met(faults)
    world.steal("A")
    talk(world, "ABAB")
    healed = set(world.written_ms)
    world.say("B")
    kept = keep_all(world, "A")
    world.garbage("A", 7)
    for _ in range(30):
        world.pass_time(3)
        if world.queue["B"]:
            world.deliver("B", world.queue["B"].pop(0))
        kept += keep_all(world, "A")
    started = world.devices["A"].pair.candidate is not None
    for envelope in kept:
        world.deliver("A", envelope)
    world.deliver_all()
    talk(world, "AB")
    read = set() if world.thief is None else world.thief.texts - healed
    return _found(
        world,
        (started, "silence has led to no candidate"),
        (world.is_agreed(), "no common session after the release"),
        (not read, "the thief reads"),
    )


def old_answer(faults: Faults | None = None) -> list[str]:
    """The reply to a session that was started in a silence comes after the active one has lived on."""
    world = met(faults)
    world.garbage("A", 7)
    keep_all(world, "B")
    world.pass_time(11)
    top = world.devices["A"].pair.top
    while world.queue["B"]:
        world.deliver("B", world.queue["B"].pop(0))
    kept = keep_all(world, "A")
    for name in "ABAB":
        world.say(name)
        kept += [one for one in keep_all(world, "A") if _is_of_another(world, one)]
        world.deliver_all()
        world.pass_time(2)
    for envelope in kept:
        world.deliver("A", envelope)
    world.deliver_all()
    return _found(world, (world.devices["A"].pair.top == top, "an old answer has changed the active session"))


def _is_of_another(world: PairWorld, envelope: Envelope) -> bool:
    active = world.devices["A"].pair.active
    if active is None:
        return False
    is_active = envelope.tag in world.devices["A"].sessions[active.id].ratchet.tags()
    if is_active:
        world.deliver("A", envelope)
    return not is_active


def old_flight(faults: Faults | None = None) -> list[str]:
    """A flight that was kept back for 14 days proves nothing, and newer prekeys stay."""
    world = met(faults)
    world.garbage("A", 7)
    keep_all(world, "B")
    world.pass_time(11)
    kept = [envelope for envelope in keep_all(world, "B") if envelope.prefix is not None]
    if not kept:
        return ["silence has led to no candidate"]
    for _ in range(14):
        world.pass_time(24 * 60)
        world.deliver_all()
        talk(world, "AB")
    top = world.devices["B"].pair.top
    world.deliver("B", kept[0])
    world.deliver_all()
    talk(world, "AB")
    of_peer, newest = world.devices["B"].prekeys.of_peer, world.devices["A"].prekeys.bundle
    return _found(
        world,
        (world.devices["B"].pair.top == top, "an old flight has changed the active session"),
        (_same_prekey(of_peer, newest), "the newest prekeys were lost"),
    )


def _same_prekey(one: object, other: object) -> bool:
    return getattr(one, "prekey_id", 0) == getattr(other, "prekey_id", 1)


def clock_of_prekeys(faults: Faults | None = None) -> list[str]:
    """Prekeys that were made a year ahead give way to those of the session that is proven next."""
    world = met(faults)
    world.offset_ms["A"] = _YEAR_MS
    world.pass_time(1)
    world.deliver_all()
    talk(world, "AB")
    world.offset_ms["A"] = 0
    world.lose("A")
    agreed = until_agreed(world, HOUR_MS)
    talk(world, "AB")
    of_peer, newest = world.devices["B"].prekeys.of_peer, world.devices["A"].prekeys.bundle
    return _found(
        world,
        (agreed, "no common session within an hour"),
        (_same_prekey(of_peer, newest), "prekeys whose private half is gone are used"),
    )


def loss(names: str) -> Callable[[Faults | None], list[str]]:
    """A loss that is noticed is mended by one session for each that lost, in a minute."""

    def scene(faults: Faults | None = None) -> list[str]:
        world = met(faults)
        before = world.figures["sessions started"]
        for name in names:
            world.lose(name)
        world.say("A")
        world.say("B")
        agreed = until_agreed(world, MINUTE_MS)
        started = world.figures["sessions started"] - before
        return _found(
            world,
            (agreed, "no common session within a minute"),
            (started <= len(names), f"{started} sessions were started"),
        )

    return scene


def set_back(name: str) -> Callable[[Faults | None], list[str]]:
    """A state that is set back without notice is mended within 30 minutes, and its owner is told."""

    def scene(faults: Faults | None = None) -> list[str]:
        world = met(faults)
        saved = world.devices[name].reopened()
        talk(world, "ABAB")
        world.put_back(name, saved, noticed=False)
        talk(world, "AB")
        for _ in range(30):
            world.pass_time(1)
            world.deliver_all()
        agreed = until_agreed(world, 5 * MINUTE_MS)
        return _found(
            world,
            (agreed, "no common session within 30 minutes"),
            (world.figures["own rollbacks seen"] == 1, "its owner was not told"),
        )

    return scene


def higher_elsewhere(ahead_ms: int) -> Callable[[Faults | None], list[str]]:
    """A is set back to before a session that was made ahead of time: the top mends it in one round trip."""

    def scene(faults: Faults | None = None) -> list[str]:
        world = met(faults)
        saved = world.devices["A"].reopened()
        world.offset_ms = {"A": ahead_ms, "B": ahead_ms}
        world.lose("A")
        until_agreed(world, HOUR_MS)
        world.offset_ms = {"A": 0, "B": 0}
        world.put_back("A", saved, noticed=True)
        world.deliver_all()
        agreed = until_agreed(world, 2 * MINUTE_MS)
        return _found(world, (agreed, "no common session within two minutes"))

    return scene


def old_store(faults: Faults | None = None) -> list[str]:
    """A store of several sessions ago, noticed: one new session is enough."""
    world = met(faults)
    saved = world.devices["A"].reopened()
    for _ in range(3):
        world.pass_time(24 * 60)
        world.lose("A")
        until_agreed(world, HOUR_MS)
    world.pass_time(24 * 60)
    world.deliver_all()
    before = world.figures["sessions started"]
    world.put_back("A", saved, noticed=True)
    agreed = until_agreed(world, 2 * MINUTE_MS)
    started = world.figures["sessions started"] - before
    return _found(
        world,
        (agreed, "no common session within two minutes"),
        (started == 1, f"{started} sessions were started"),
    )


def clock_put_back(faults: Faults | None = None) -> list[str]:
    """A clock that was a year ahead and is right again does not keep a device from asking."""
    world = met(faults)
    world.offset_ms["A"] = _YEAR_MS
    world.garbage("A", 7)
    world.deliver_all()
    world.offset_ms["A"] = 0
    asks = world.figures["asks"]
    for _ in range(4):
        world.pass_time(5)
        world.garbage("A", 8)
        world.deliver_all()
    return _found(world, (world.figures["asks"] > asks, "no ask after the clock was put right"))


def two_openings(faults: Faults | None = None) -> list[str]:
    """Two openings of one store give the same number: the peer is told, whatever arrives of them."""
    world = met(faults)
    saved = world.devices["A"].reopened()
    world.say("A")
    keep_all(world, "B")
    world.say("A")
    sixth = keep_all(world, "B")
    world.put_back("A", saved, noticed=False)
    talk(world, "A")
    for envelope in sixth:
        world.deliver("B", envelope)
    return _found(world, (world.devices["B"].parted == 1, "nobody was told"))


def lost_text(faults: Faults | None = None) -> list[str]:
    """A text that the relay drops is asked for and arrives."""
    world = met(faults)
    world.say("A")
    keep_all(world, "B")
    world.pass_time(2)
    talk(world, "A")
    gaps = world.devices["B"].gaps
    for _ in range(3):
        world.pass_time(2)
        world.deliver_all()
    text_ids = world.devices["A"].texts.rows
    all_shown = all(text_id in world.devices["B"].texts.shown for text_id in text_ids)
    return _found(world, (gaps == 1, "no gap was found"), (all_shown, "the text has not come again"))


def a_thousand_unknown(faults: Faults | None = None) -> list[str]:
    """1000 messages of nobody in 1000 minutes cost a dozen asks and no session."""
    world = met(faults)
    before, top = world.figures.copy(), world.devices["A"].pair.top
    for index in range(1_000):
        world.garbage("A", index)
        world.deliver_all()
        world.pass_time(1)
    asks = world.figures["asks"] - before["asks"]
    started = world.figures["sessions started"] - before["sessions started"]
    return _found(
        world,
        (asks <= 12, f"{asks} asks"),
        (not started, f"{started} sessions were started"),
        (world.devices["A"].pair.top == top, "the active session has changed"),
    )


SCENES: Final[Mapping[str, Callable[[Faults | None], list[str]]]] = {
    "garbage-and-silence": garbage_and_silence,
    "old-answer": old_answer,
    "old-flight": old_flight,
    "clock-of-prekeys": clock_of_prekeys,
    "loss-of-a": loss("A"),
    "loss-of-b": loss("B"),
    "loss-of-both": loss("AB"),
    "set-back-a": set_back("A"),
    "set-back-b": set_back("B"),
    "higher-elsewhere-day": higher_elsewhere(DAY_MS),
    "higher-elsewhere-year": higher_elsewhere(_YEAR_MS),
    "old-store": old_store,
    "clock-put-back": clock_put_back,
    "two-openings": two_openings,
    "lost-text": lost_text,
    "a-thousand-unknown": a_thousand_unknown,
}
