"""A relay that fails with a message in hand. Only the demonstration and the tests of LKG-10 run it.

`python -m demo.crashing_relay PLACE serve ...`: at the named place, once a message has been sent to it, the
relay raises an error whose text quotes that message, token and all: the worst that a careless library could
say. What then stands in its log and output is searched.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Any, Final

from e2ee_relay.cli import main
from e2ee_relay.node import Node
from e2ee_relay.outgoing import Outgoing
from e2ee_relay.protocol import Send, SendItem
from e2ee_relay.store.sqlite_group import SqliteGroup

PLACES: Final = {
    "receive": (Node, "receive"),
    "complete": (Node, "committed"),
    "tick": (Node, "tick"),
    "disconnect": (Node, "disconnect"),
    "flush": (Outgoing, "flush"),
    "store": (SqliteGroup, "commit"),
}
CARELESS: Final = "--careless"
_IN_HAND: list[SendItem] = []


def _keep(receive: Callable[..., Any]) -> Callable[..., Any]:
    def keeping(self: Node, session: object, frame: object) -> Any:
        if isinstance(frame, Send):
            _IN_HAND[:] = frame.items
        return receive(self, session, frame)

    return keeping


def _fail(carry_out: Callable[..., Any], *, careless: bool) -> Callable[..., Any]:
    def failing(*args: Any, **named: Any) -> Any:
        if not _IN_HAND:
            return carry_out(*args, **named)
        item = _IN_HAND.pop()
        error = RuntimeError(f"cannot handle {item.mailbox!r} {item.token!r} {item.body!r} {item.body.hex()}")
        if careless:
            traceback.print_exception(error)
        raise error

    return failing


def install(place: str, *, careless: bool) -> None:
    """Put the fault into the relay's classes; a careless relay also prints the error itself."""
    owner, name = PLACES[place]
    setattr(owner, name, _fail(getattr(owner, name), careless=careless))
    Node.receive = _keep(Node.receive)  # type: ignore[method-assign]  # the fault needs a message


if __name__ == "__main__":
    wanted, *rest = sys.argv[1:]
    install(wanted.removesuffix(CARELESS), careless=wanted.endswith(CARELESS))
    sys.exit(main(rest))
