"""Who takes part in a room, as an application shows it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Role(Enum):
    """What somebody is in a room: the customer, or a device of the company by its rank (ACC-10)."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"
    DESK = "desk"
    SUPERVISOR = "supervisor"
    FORMER = "former"
    """A device of the company that is not in force any more."""


class LoggedIn(NamedTuple):
    """Who the customer of a room is, by the company's web server (CNS-50): its own name for the person, what
    clerks read, how it knows (1 password, 2 second factor, 3 identity document), and from which device.
    """

    subject: str
    name: str | None
    number: str | None
    level: int
    device_id: bytes
    since_ms: int


class Person(NamedTuple):
    """A device of a room. `name` is that of its card, None where none is known; a bot is one at any rank."""

    device_id: bytes
    role: Role
    name: str | None = None
    languages: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    is_bot: bool = False
    is_this: bool = False
