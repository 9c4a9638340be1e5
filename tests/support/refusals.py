"""The three refusals that nobody may tell apart (RLY-31), as requests; and a core that answers too early."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from e2ee_relay import cli, rules
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.node import Node
from e2ee_relay.protocol import (
    Auth,
    CreateMailbox,
    ErrorCode,
    KnownFrame,
    Role,
    SendItem,
    SendResult,
    SendResults,
    TokenAdd,
    TokenClass,
    TokenRevoke,
    TtlClass,
    auth_payload,
    decode_frames,
    encode_frames,
    token_hash,
)
from e2ee_relay.store.api import Op, View
from e2ee_relay.store.sqlite import SqliteStore
from e2ee_relay.store.sqlite_file import DatabaseFile
from relay_actors import START_MS, Owner

UNBOUNDED = Rate(1e12, 1e12)
MAILBOXES = 1000
POLICY = Policy(
    requests=UNBOUNDED, creations=UNBOUNDED, directory_b=UNBOUNDED, auths=UNBOUNDED, fetches=UNBOUNDED
)
BODY = bytes(512)


class Refuser:
    """A relay's node with mailboxes that had a contact each, whose token has been revoked."""

    def __init__(self) -> None:
        self._sent: list[KnownFrame] = []
        file = DatabaseFile(None, bytes(16))
        store = SqliteStore(file)
        self.node = Node(POLICY, store, lambda: START_MS)
        store.load(self.node)
        self._session = self.node.connect(self, bytes(32))
        self.owners = [Owner() for _ in range(MAILBOXES)]
        for owner in self.owners:
            self._set_up(owner)

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Take an answer."""
        self._sent.append(frame)

    def _set_up(self, owner: Owner) -> None:
        signed = auth_payload(POLICY.relay_name, bytes(32), (owner.mailbox,))
        others = tuple(os.urandom(32) for _ in range(20))
        for frame in (
            CreateMailbox(1, owner.mailbox, owner.owner_pub),
            Auth(2, (owner.mailbox,), owner.owner_pub, owner.key.sign(signed).signature),
            TokenAdd(3, owner.mailbox, (token_hash(owner.token), *others), TokenClass.CONTACT),
            TokenRevoke(4, owner.mailbox, (token_hash(owner.token),)),
        ):
            self.node.receive(self._session, frame)

    def time_of(self, message: bytes) -> float:
        """Carry out a message that must be refused; return the seconds of it, answer encoded."""
        self._sent.clear()
        begun = time.perf_counter()
        for frame in decode_frames(message, Role.RELAY):
            self.node.receive(self._session, frame)
        encode_frames(self._sent)
        seconds = time.perf_counter() - begun
        answers = [frame for frame in self._sent if isinstance(frame, SendResults)]
        if [result.code for frame in answers for result in frame.results] != [ErrorCode.DENIED]:
            raise AssertionError("it was not denied")
        return seconds


def item(mailbox: bytes, token: bytes) -> SendItem:
    """An item as any other."""
    return SendItem(mailbox, token, os.urandom(16), TtlClass.RETENTION, b"", BODY)


def requests(owners: list[Owner]) -> dict[str, Callable[[], SendItem]]:
    """Items of each class, made anew each time; the first two classes are the same."""

    def some() -> Owner:
        return owners[int.from_bytes(os.urandom(2), "big") % len(owners)]

    return {
        "unknown mailbox": lambda: item(os.urandom(16), os.urandom(32)),
        "unknown mailbox, again": lambda: item(os.urandom(16), os.urandom(32)),
        "unknown token": lambda: item(some().mailbox, os.urandom(32)),
        "revoked token": lambda: (lambda owner: item(owner.mailbox, owner.token))(some()),
    }


@contextmanager
def leaving_early() -> Iterator[None]:
    """Make relays leave before they hash the token where there is no mailbox, as one is tempted to write."""
    proper = rules._judge

    def judge(view: View, op: Op, place: int, policy: Policy, now_ms: int) -> SendResult:
        if view.box(op.request.items[place].mailbox) is None:
            return SendResult(ErrorCode.DENIED)
        return proper(view, op, place, policy, now_ms)

    with patch.object(rules, "_judge", judge):
        yield


def main() -> int:
    """Serve as `sealroom-relay`, with that fault: the control of a measurement over sockets."""
    with leaving_early():
        return cli.main()


if __name__ == "__main__":
    sys.exit(main())
