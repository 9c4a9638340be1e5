"""What is measured: the axes by name."""

from __future__ import annotations

from typing import Final

from bench.growth import people, relay, rooms, sessions
from bench.growth.subject import Axis

AXES: Final[dict[str, Axis]] = {
    "sessions": Axis("a session", (10, 100, 1_000, 10_000, 100_000, 1_000_000), sessions.sessions),
    "contacts of a company": Axis("a contact", (10, 100, 1_000, 10_000), people.company),
    "contacts of a person": Axis("a contact", (10, 100, 1_000, 3_000), people.person),
    "rooms of a desk": Axis("a room", (10, 100, 1_000, 10_000), rooms.desk),
    "entries of a room": Axis("an entry", (10, 100, 1_000, 10_000, 50_000), rooms.room),
    "states of a room": Axis("a state", (10, 100, 500), rooms.states),
    "rows of a client's store": Axis("a row", (100, 1_000, 10_000, 100_000), rooms.store),
    "mailboxes of a relay": Axis("a mailbox", (100, 1_000, 10_000, 100_000, 1_000_000), relay.mailboxes),
    "messages of a mailbox": Axis("a message", (100, 1_000, 10_000, 100_000), relay.messages),
    "tokens of a mailbox": Axis("a token", (100, 1_000, 10_000, 100_000), relay.tokens),
}
