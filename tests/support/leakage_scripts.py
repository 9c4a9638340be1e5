"""Conversations that are played to a recording relay, by different people with different words (LKG-04).

A script says who does what and when; a cast says who the people are and what they write. The same script
with two casts whose texts fall into the same padding classes has the same leakage.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import checkout
import engine_world
from e2ee_client.engine import Channel, Setup
from engine_world import RELAY_URL, Node, SeededRng, World
from relay_view import RecordingRelay
from seen_fields import operation_names

PROFESSIONALS = ("praxis", "kanzlei")
Step = tuple[Any, ...]


class PacedRng(SeededRng):
    """Randomness of a person, with the same pauses for everybody: a pause is drawn from four bytes, as an id
    of a prekey is, so that no two are equal.
    """

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self._paces = itertools.count(1)

    def __call__(self, size_b: int) -> bytes:
        return next(self._paces).to_bytes(4, "big") if size_b == 4 else super().__call__(size_b)


class TracedNode(Node):
    """A person, with a note of which connection served which channel."""

    def __post_init__(self) -> None:
        self.served: dict[int, Channel] = {}
        super().__post_init__()

    def _connect(self, channel: Channel) -> None:
        relay = self.world.relay
        if self.world.relay_up and isinstance(relay, RecordingRelay):
            self.served[relay.next_number()] = channel
        super()._connect(channel)


@dataclass(frozen=True)
class Cast:
    """Who plays: a seed for all of their randomness, the names they go by, and their texts."""

    seed: str
    names: Mapping[str, str]
    texts: Mapping[str, str]


class Stage:
    """A world with a recording relay and the people of one cast."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.world = World()
        self.world.relay.close()
        self.relay = RecordingRelay(
            lambda: self.world.now_ms, SeededRng(f"relay of {cast.seed}"), operation_names(checkout.ROOT)
        )
        self.world.relay = self.relay
        self.people: dict[str, TracedNode] = {}
        self.channels: dict[str, dict[int, Channel]] = {}

    def play(self, script: list[Step]) -> Stage:
        """Carry out the steps and let everything come to rest."""
        with patch.object(engine_world, "SeededRng", PacedRng):
            for verb, *rest in script:
                getattr(self, verb)(*rest)
                self.world.settle()
        self.relay.figures()
        return self

    def mailboxes_for(self, role: str, account_id: bytes) -> set[bytes]:
        """Mailboxes that somebody made for one contact."""
        mailboxes = self.people[role].engine._state.mailboxes.values()
        return {one.id for one in mailboxes if one.contact == account_id}

    # --- what people do ---

    def arrive(self, role: str) -> None:
        """Somebody makes an account and goes online."""
        published = role in PROFESSIONALS
        setup = Setup(RELAY_URL, name=self.cast.names[role], publish=published, front_desk=published)
        self.people[role] = TracedNode(self.world, f"{role} of {self.cast.seed}", setup)
        self.channels[role] = self.people[role].served
        self.world.nodes.append(self.people[role])
        self.people[role].start()

    def say(self, role: str, other: str, text: str) -> None:
        """Somebody writes one of the cast's texts; a person adds the contact before the first one."""
        node, card = self.people[role], self.people[other].engine.card()
        if role not in PROFESSIONALS:
            node.add(card)
        node.send(card.account_id, self.cast.texts[text])

    def wait(self, ms: int) -> None:
        """Time passes."""
        self.world.advance(ms)

    def leave(self, role: str) -> None:
        """Somebody goes offline."""
        self.people[role].stop()

    def come_back(self, role: str) -> None:
        """Somebody goes online again."""
        self.people[role].start()

    def name(self, role: str, other: str) -> None:
        """Somebody gives a contact a name of their own choice."""
        node = self.people[role]
        other_id = self.people[other].engine.account_id
        node.carry_out(
            node.engine.set_name(other_id, self.cast.names[f"{other} to {role}"], self.world.now_ms)
        )

    def forget(self, role: str, other: str) -> None:
        """Somebody deletes a contact."""
        node = self.people[role]
        node.carry_out(node.engine.forget_contact(self.people[other].engine.account_id, self.world.now_ms))

    def break_down(self) -> None:
        """The relay ends and begins again from its files."""
        self.world.cut()
        self.world.mend()
        self.relay.see_rows()


Played = Callable[[str, str], Stage]
"""Plays a script with a cast, both by name, once in a session."""


def play(script: list[Step], cast: Cast) -> Stage:
    """Play a script with a cast."""
    return Stage(cast).play(script)


_GERMAN = {
    "hello": "Guten Tag, ich hätte gern einen Termin wegen meiner Rückenschmerzen.",
    "yes": "ja",
    "again": "ja",
    "answer": "Am Dienstag um 9:40 Uhr ist noch ein Platz frei, passt Ihnen das so?",
    "page": "Befund: " + "unauffällig, keine weitere Behandlung nötig; " * 9,
    "pages": "Verlauf: " + "Die Patientin klagt über Schmerzen. " * 115,
}
_OTHERS = {
    "hello": "مرحبا",
    "yes": "👍🏽 all good, see you there",
    "again": "🙏 no, thank you, never mind",
    "answer": "ok",
    "page": "x" * 330,
    "pages": "Case 4711: " + "the tenant has not paid since March. " * 113,
}
_NAMES = {
    "praxis": "Praxis Dr. Beispiel",
    "kanzlei": "Kanzlei am Markt",
    "kundin": "Erika Muster",
    "kunde": "Max Muster",
    "praxis to kundin": "Hausärztin",
}
_OTHER_NAMES = {
    "praxis": "X",
    "kanzlei": "The law office of Someone, Somebody and Partners, second floor",
    "kundin": "Q",
    "kunde": "محمد",
    "praxis to kundin": "that other place",
}
FIRST = Cast("one", _NAMES, _GERMAN)
SECOND = Cast("two", _OTHER_NAMES, _OTHERS)

HOUR, DAY = 3_600_000, 86_400_000

FIRST_CONTACT: list[Step] = [
    ("arrive", "praxis"), ("leave", "praxis"), ("arrive", "kundin"), ("say", "kundin", "praxis", "hello"),
    ("say", "kundin", "praxis", "yes"), ("wait", HOUR), ("come_back", "praxis"), ("wait", 2_000),
    ("say", "praxis", "kundin", "answer"), ("wait", 5_000),
]  # fmt: skip
PING_PONG: list[Step] = [
    *FIRST_CONTACT, ("name", "kundin", "praxis"),
    *[step for _ in range(3) for step in (
        ("say", "kundin", "praxis", "yes"), ("wait", 20_000),
        ("say", "praxis", "kundin", "again"), ("wait", 20_000),
    )],
]  # fmt: skip
BURSTS: list[Step] = [
    *FIRST_CONTACT, ("leave", "kundin"),
    *[("say", "praxis", "kundin", text) for text in ("yes", "again", "page", "hello", "pages")],
    ("wait", HOUR), ("come_back", "kundin"), ("wait", 3_000),
    *[("say", "kundin", "praxis", text) for text in ("pages", "yes", "yes")], ("wait", 3_000),
]  # fmt: skip
TWO_CUSTOMERS: list[Step] = [
    *FIRST_CONTACT, ("arrive", "kunde"), ("say", "kunde", "praxis", "answer"), ("wait", 1_500),
    ("say", "praxis", "kunde", "yes"), ("say", "praxis", "kundin", "again"), ("wait", 4_000),
    ("say", "kunde", "praxis", "page"), ("say", "kundin", "praxis", "page"), ("wait", 4_000),
]  # fmt: skip
OUTAGE: list[Step] = [
    *FIRST_CONTACT, ("break_down",), ("say", "kundin", "praxis", "yes"), ("wait", 90_000),
    ("say", "praxis", "kundin", "page"), ("wait", 3_000), ("forget", "kundin", "praxis"), ("wait", HOUR),
]  # fmt: skip
WEEKS: list[Step] = [
    *FIRST_CONTACT, ("wait", 16 * DAY), ("leave", "kundin"), ("say", "kundin", "praxis", "yes"),
    ("come_back", "kundin"), ("wait", DAY),
    ("say", "praxis", "kundin", "answer"), ("wait", 3_000),
]  # fmt: skip
TWO_COMPANIES: list[Step] = [
    *FIRST_CONTACT, ("arrive", "kanzlei"), ("say", "kundin", "kanzlei", "hello"), ("wait", 2_000),
    ("say", "kanzlei", "kundin", "answer"), ("wait", 2_000), ("say", "kundin", "praxis", "yes"),
    ("say", "kundin", "kanzlei", "yes"), ("wait", 2_000), ("leave", "kundin"), ("wait", HOUR),
    ("come_back", "kundin"), ("say", "kundin", "praxis", "again"), ("say", "kundin", "kanzlei", "answer"),
    ("wait", 3_000),
]  # fmt: skip
SCRIPTS = {
    "first contact": FIRST_CONTACT,
    "ping-pong": PING_PONG,
    "bursts": BURSTS,
    "two customers": TWO_CUSTOMERS,
    "outage": OUTAGE,
    "weeks": WEEKS,
    "two companies": TWO_COMPANIES,
}
