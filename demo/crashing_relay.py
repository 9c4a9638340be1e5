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
from e2ee_relay.outgoing import Outgoing
from e2ee_relay.protocol import Send, SendItem
from e2ee_relay.relay import RelayCore
from e2ee_relay.store.sqlite import SqliteStore

PLACES: Final = {
    "receive": (RelayCore, "receive"),
    "complete": (RelayCore, "complete"),
    "tick": (RelayCore, "tick"),
    "disconnect": (RelayCore, "disconnect"),
    "flush": (Outgoing, "flush"),
    "store": (SqliteStore, "execute"),
}
CARELESS: Final = "--careless"
_IN_HAND: list[SendItem] = []


def _keep(receive: Callable[..., Any]) -> Callable[..., Any]:
    def keeping(self: RelayCore, number: int, frame: object, now_ms: int) -> Any:
        if isinstance(frame, Send):
            _IN_HAND[:] = frame.items
        return receive(self, number, frame, now_ms)

    return keeping


def _fail(carry_out: Callable[..., Any], *, careless: bool) -> Callable[..., Any]:
    def failing(*args: Any) -> Any:
        if not _IN_HAND:
            return carry_out(*args)
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
    RelayCore.receive = _keep(RelayCore.receive)  # type: ignore[method-assign]  # the fault needs a message


if __name__ == "__main__":
    wanted, *rest = sys.argv[1:]
    install(wanted.removesuffix(CARELESS), careless=wanted.endswith(CARELESS))
    sys.exit(main(rest))
