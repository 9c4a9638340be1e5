"""A person's recovery code: shown, typed back, and typed where every device is lost (ACC-60 to ACC-68).

first accept --> code to write down --> two groups typed back: kept
all devices lost --> door, notice, code --> account key --> a new device, a new room
"""

from __future__ import annotations

import asyncio
from typing import Final

from e2ee_relay.protocol import ErrorCode, ErrorReply, FrameError, Hello, Lookup, LookupResult, encode_frames

from e2ee import identity, recovery
from e2ee.errors import DecodeError, E2eeError
from e2ee.identity import DeviceList
from e2ee.ids import AccountId
from e2ee.ports import Rng
from e2ee.recovery import RecoveryCode
from e2ee_client.engine.recovering import LEAST_TYPED
from e2ee_client.errors import RelayUnavailable
from e2ee_client.restoring import LOOKUP_TIMEOUT_S, MAX_PAGES, answer
from e2ee_client.runtime.transport import Connection, Transport

from .errors import RecoveryCodeInvalid

_DRAWN: Final = 256


class RecoverySheet:
    """What a person writes down or prints: `text` in six `groups`, and whose it is: the name of the
    `company`, "" where it has none that can be shown, and its pages (`origins`; ACC-72). Then ask for the
    groups of the numbers in `asked`, from 1 on, and give them to `Customer.confirm_recovery_code`.
    """

    __slots__ = ("_code", "asked", "company", "origins")

    def __init__(
        self, code: RecoveryCode, asked: tuple[int, ...], company: str, origins: tuple[str, ...]
    ) -> None:
        """Not for callers: use `Customer.recovery_code`."""
        self._code = code
        self.asked = asked
        self.company = company
        self.origins = origins

    @property
    def text(self) -> str:
        """The code, its groups parted by `-`."""
        return self._code.text

    @property
    def groups(self) -> tuple[str, ...]:
        """Six groups."""
        return self._code.groups

    def __repr__(self) -> str:
        return "<RecoverySheet>"


def drawn(of: int, rng: Rng) -> tuple[int, ...]:
    """Draw the numbers of the groups that a person types back (ACC-68)."""
    left = list(range(1, of + 1))
    found = [left.pop(rng(1)[0] * len(left) // _DRAWN) for _ in range(LEAST_TYPED)]
    return tuple(sorted(found))


def parse(typed: str) -> RecoveryCode:
    """Read a code that a person has typed.

    Raises:
        RecoveryCodeInvalid: it is none.
    """
    try:
        return recovery.parse(typed)
    except DecodeError:
        raise RecoveryCodeInvalid(recovery.doubtful_group(typed)) from None


async def newest_list(code: RecoveryCode, relay_url: str, transport: Transport) -> DeviceList | None:
    """Ask the relay for the newest list of the account of a code, if that was made with an entry (ACC-64).

    Raises:
        RelayUnavailable: no answer.
    """
    if not code.entry:
        return None
    account_id = identity.account_id_of(code.account_key())
    try:
        async with asyncio.timeout(LOOKUP_TIMEOUT_S):
            connection = await transport.open(relay_url)
            try:
                await answer(connection, Hello)
                return await _ask(connection, account_id)
            finally:
                await connection.close()
    except (TimeoutError, FrameError):
        raise RelayUnavailable("the relay does not answer as it should") from None


async def _ask(connection: Connection, account_id: AccountId) -> DeviceList | None:
    newest: DeviceList | None = None
    for request_id in range(1, MAX_PAGES + 1):
        after_seq = 0 if newest is None else newest.seq
        await connection.send(encode_frames([Lookup(request_id, account_id, after_seq)]))
        frame = await answer(connection, LookupResult | ErrorReply)
        if isinstance(frame, ErrorReply) and frame.code is ErrorCode.NOT_FOUND:
            return newest
        if not isinstance(frame, LookupResult):
            raise RelayUnavailable("the relay refuses to look up the account")
        for signed in frame.lists:
            newest = _newer(account_id, newest, signed)
        if not frame.more:
            return newest
    raise RelayUnavailable("the relay has no end of device lists")


def _newer(account_id: AccountId, known: DeviceList | None, signed: bytes) -> DeviceList | None:
    """Return a list if the account has signed it and it is newer than the known one, else that."""
    try:
        found = DeviceList.verify(account_id, signed)
    except E2eeError:
        return known
    return found if known is None or found.seq > known.seq else known
