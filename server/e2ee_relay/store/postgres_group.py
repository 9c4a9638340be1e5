"""What a group of operations on the shared database is about, and what is left to do after its commit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from e2ee_relay.limits import Policy, SendLimits
from e2ee_relay.protocol import Ack, BlobOpen, CreateMailbox, DeleteMailbox, Send, TokenAdd, TokenRevoke

from .api import MAILBOX, Close, Find, Op, Open, Read, Remove

_OF_ONE: Final = (Ack, CreateMailbox, TokenAdd, TokenRevoke, DeleteMailbox, Close, Read, BlobOpen)


class Interrupted(Exception):
    """Another node came first: the transaction is to be repeated."""


class Replaced(Exception):
    """The tables are not those that the connection was checked for."""


@dataclass(slots=True)
class Context:
    """What a group needs to know beside its operations."""

    tables: tuple[Any, ...]  # those that the connection was checked for
    policy: Policy
    limits: SendLimits
    node: str  # the name of this node, in hex
    now_ms: int
    skew_ms: int
    seq_floor: int
    blocked: frozenset[bytes]


class Displacement(NamedTuple):
    """A subscription on another node that one of this group has ended."""

    node: str
    mailbox: bytes
    no: int


class Aftermath(NamedTuple):
    """What is left to do after the commit: tell nodes that deliver no longer, note days of use by mailbox."""

    displaced: list[Displacement]
    touched: dict[bytes, int]


@dataclass(slots=True)
class Mine:
    """What is kept with a Box."""

    subscription_no: int
    cleared_seq: int


def mailboxes_named(ops: Iterable[Op]) -> set[bytes]:
    """Return the mailboxes that requests name, without those that entries name."""
    named: set[bytes] = set()
    for op in ops:
        request = op.request
        if isinstance(request, Send):
            named.update(item.mailbox for item in request.items)
        elif isinstance(request, _OF_ONE):
            named.add(request.mailbox)
        elif isinstance(request, Find | Open):
            named.update(request.mailboxes)
        elif isinstance(request, Remove) and request.kind == MAILBOX:
            named.add(request.subject)
    return named
