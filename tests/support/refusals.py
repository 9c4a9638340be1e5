"""The three refusals that nobody may tell apart (RLY-31), as requests; and a core that answers too early."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from e2ee_relay import cli, intake
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import (
    Auth,
    CreateMailbox,
    ErrorCode,
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
from e2ee_relay.relay import RelayCore
from e2ee_relay.state import Submit, Transmit
from e2ee_relay.store.sqlite import SqliteStore
from relay_actors import START_MS, Owner

UNBOUNDED = Rate(1e12, 1e12)
MAILBOXES = 1000
POLICY = Policy(requests=UNBOUNDED, creations=UNBOUNDED, auths=UNBOUNDED, fetches=UNBOUNDED)
BODY = bytes(512)


class Refuser:
    """A relay's core with mailboxes that had a contact each, whose token has been revoked."""

    def __init__(self) -> None:
        store = SqliteStore(None, bytes(16))
        self._store = store
        self.core = RelayCore(POLICY, store.load(), START_MS)
        self._connection, _ = self.core.connect(bytes(32))
        self.owners = [Owner() for _ in range(MAILBOXES)]
        for owner in self.owners:
            self._set_up(owner)

    def _set_up(self, owner: Owner) -> None:
        signed = auth_payload(POLICY.relay_name, bytes(32), (owner.mailbox,))
        others = tuple(os.urandom(32) for _ in range(20))
        for frame in (
            CreateMailbox(1, owner.mailbox, owner.owner_pub),
            Auth(2, (owner.mailbox,), owner.owner_pub, owner.key.sign(signed).signature),
            TokenAdd(3, owner.mailbox, (token_hash(owner.token), *others), TokenClass.CONTACT),
            TokenRevoke(4, owner.mailbox, (token_hash(owner.token),)),
        ):
            effects = self.core.receive(self._connection, frame, START_MS)
            while effects:
                submits = [one for one in effects if isinstance(one, Submit)]
                effects = []
                for one in submits:
                    result = self._store.execute([one.change])[0]
                    effects += self.core.complete(one.then, result, START_MS)

    def time_of(self, message: bytes) -> float:
        """Carry out a message that must be refused; return the seconds of it, answer encoded."""
        begun = time.perf_counter()
        frames: list[SendResults] = []
        for frame in decode_frames(message, Role.RELAY):
            for effect in self.core.receive(self._connection, frame, START_MS):
                if isinstance(effect, Transmit) and isinstance(effect.frame, SendResults):
                    frames.append(effect.frame)
        encode_frames(frames)
        seconds = time.perf_counter() - begun
        if [result.code for frame in frames for result in frame.results] != [ErrorCode.DENIED]:
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


def leave_early(taking: intake.Intake) -> None:
    """Make a relay leave before it hashes the token where there is no mailbox, as one is tempted to write."""
    proper = taking._judge

    def judge(one: SendItem, now_ms: int) -> SendResult | intake._Waiting:
        if taking._state.mailbox(one.mailbox) is None:
            return SendResult(ErrorCode.DENIED)
        return proper(one, now_ms)

    taking._judge = judge  # type: ignore[method-assign, assignment]  # the fault that has to be noticed


def main() -> int:
    """Serve as `sealroom-relay`, with that fault: the control of a measurement over sockets."""
    whole = intake.Intake.__init__

    def faulty(self: intake.Intake, *arguments: Any) -> None:
        whole(self, *arguments)
        leave_early(self)

    intake.Intake.__init__ = faulty  # type: ignore[method-assign, assignment]  # the fault
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
