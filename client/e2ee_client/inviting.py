"""A further device for our account, both sides: who invites, and who joins (ACC-31 to ACC-35).

An invite is in memory only: when the program ends, its code is worth nothing. What has been signed stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from e2ee.card import ContactCard
from e2ee.constants import DEVICE_LIFE_MS, MAILBOX_B, TOKEN_B
from e2ee.errors import AuthenticationError, DecodeError, E2eeError, Expired
from e2ee.identity import DeviceKind, OurDevice
from e2ee.ids import AccountId, DeviceId
from e2ee.ports import Rng
from e2ee.rooms import invite as invites
from e2ee.rooms.invite import HOLD_LIFE_MS, INVITE_LIFE_MS, Invite, Request, Step, Welcome
from e2ee_client.engine import Engine
from e2ee_client.engine.context import Context
from e2ee_client.engine.records import AskedDevice, Own, OwnDevice
from e2ee_client.engine.turn import Turn
from e2ee_client.engine.upkeep import new_mailbox
from e2ee_client.errors import (
    ConfigError,
    InviteClock,
    InviteExpired,
    InviteInvalid,
    InviteLeft,
    InviteShared,
    WaitTimeout,
)
from e2ee_client.rows import Put

from .contacts import Signal, Watch, wait_until
from .opening import Closing, Runtime
from .relay_box import BoxAddress, RelayBox
from .runtime.clock import Clock
from .runtime.shell import Shell

T = TypeVar("T")
_TELL_S: Final = 10.0


class _Joining(NamedTuple):
    """The one device that has come, and what it said."""

    request: Request
    digits: str


class Invitation(Closing):
    """An invite that waits for its device: show `code`, compare `digits`, then `confirm` or `close`.

    Good for ten minutes and one device, and only while the client is open.
    """

    def __init__(
        self,
        shell: Shell[Engine],
        watch: Watch,
        runtime: Runtime,
        invite: Invite,
        opening: bytes,
        box: RelayBox,
    ) -> None:
        """Not for callers: use `Client.invite`."""
        self._shell = shell
        self._watch = watch
        self._rng = runtime.rng
        self._invite = invite
        self._opening = opening
        self._box = box
        self._arrived: asyncio.Future[_Joining] = asyncio.get_running_loop().create_future()
        self._is_confirmed = self._is_added = self._is_told = False
        self._ended: InviteInvalid | InviteLeft | None = None
        served = within(runtime.clock, runtime.clock.now_ms() + INVITE_LIFE_MS, self._serve)
        self._server = asyncio.create_task(served, name="sealroom-invitation")
        self._server.add_done_callback(self._served)

    @property
    def code(self) -> str:
        """What the new device is given, 72 characters: for a QR code, or to copy. Whoever has it can come in
        the place of the device that is meant; the digits tell them apart.
        """
        return self._invite.code

    async def digits(self, timeout_s: float | None = None) -> str:
        """Wait for the new device, and return the six digits that it has to show as well.

        Raises:
            InviteExpired: nobody came within ten minutes.
            InviteInvalid: something else came.
            InviteShared: a second device.
            InviteClock: one of the two clocks is wrong.
            WaitTimeout: not in time; the invite goes on.
        """
        await self._until(self._arrived.done, timeout_s, "the new device")
        return self._joining().digits

    async def confirm(
        self, timeout_s: float | None = None, also: Callable[[Turn, Context, DeviceId], None] | None = None
    ) -> bytes:
        """Sign the new device into our list: a person has compared the digits. Returns its device id. What
        `also` does is done in the same step, or neither is.

        Raises:
            InviteExpired, InviteInvalid: as `digits`; nothing was signed.
            InviteLeft: the device has gone since; it was signed in, and is struck off again.
            AccountKeyAbsent, DeviceReplacedError, TooManyDevices: the device cannot be added.
            WaitTimeout: relay or new device could not be told in time; call it again.
        """
        record = self._joining().request.record

        def add(turn: Turn, parts: Context) -> None:
            parts.devices.add(turn, record)
            if also is not None:
                also(turn, parts, record.device_id)

        if not self._is_added:
            self._is_confirmed = True
            await self._shell.call(lambda engine, now_ms: engine.of_company(add, now_ms))
            self._is_added = True
        await self._until(
            lambda: self._welcome() is not None, timeout_s, "telling the relay of the new device"
        )
        welcome = self._welcome()
        if welcome is not None:
            await self._tell_in(welcome, timeout_s)
        await self.close()
        return record.device_id

    async def _tell_in(self, welcome: Welcome, timeout_s: float | None) -> None:
        """Send `out`. Who has gone before is struck off again (ACC-54); what an earlier call has sent may
        have come (ACC-32).
        """
        is_first, self._is_told = not self._is_told, True
        try:
            await self._tell(Step.OUT, welcome.encode(), timeout_s)
        except InviteExpired:
            if not is_first:
                return
            device_id = self._joining().request.record.device_id
            await self._shell.do(lambda engine, now_ms: engine.remove_device(device_id, now_ms))
            self._is_added, self._ended = False, InviteLeft("the new device has gone, and is struck off")
            self._server.cancel()
            raise self._ended from None

    @property
    def fingerprint(self) -> str:
        """The 20 digits of the record of the device that has come (ACC-44).

        Raises:
            InviteExpired, InviteInvalid: as `digits`. ConfigError: no device has come yet.
        """
        return invites.fingerprint(self._joining().request.record.hash)

    def asked(self, name: str, languages: Sequence[str], teams: Sequence[str]) -> AskedDevice:
        """Return what is kept of the new device until its list was signed elsewhere (ACC-42).

        Raises:
            InviteExpired, InviteInvalid: as `digits`.
        """
        record, mailbox, token = self._joining().request
        secret, now_ms = self._invite.secret, self._shell.now_ms
        return AskedDevice(record, now_ms, mailbox, token, secret, name, list(languages), list(teams))

    async def hold(self, timeout_s: float | None = None) -> None:
        """Tell the new device that its list is signed elsewhere, and end the invite (ACC-43).

        Raises:
            InviteExpired, InviteInvalid: as `digits`.
            WaitTimeout: it could not be told in time; call it again.
        """
        await self._tell(Step.HOLD, b"", timeout_s)
        await self.close()

    async def _tell(self, step: Step, message: bytes, timeout_s: float | None) -> None:
        request = self._joining().request
        body = self._invite.seal(step, message, self._rng)
        await _send_in_time(self._box, BoxAddress(request.mailbox, request.token), body, timeout_s)

    async def close(self) -> None:
        """End the invite; without `confirm` before, nothing has changed. Closing twice is allowed. Whoever is
        being told that it has ended is told first.
        """
        if self._ended is None:
            self._server.cancel()
        await asyncio.wait([self._server])
        await self._box.close()

    def _served(self, server: asyncio.Task[None]) -> None:
        """What has ended the invite is said by `_check`, and not by a log of a task that nobody asked."""
        if not server.cancelled():
            server.exception()
        self._watch.progress.fire()

    def _joining(self) -> _Joining:
        self._check()
        if not self._arrived.done():
            raise ConfigError("no device has come yet")
        return self._arrived.result()

    def _welcome(self) -> Welcome | None:
        return self._shell.machine.welcome(self._joining().request.record.hash)

    async def _until(self, reached: Callable[[], bool], timeout_s: float | None, what: str) -> None:
        def is_reached() -> bool:
            self._check()
            return reached()

        await wait_until(is_reached, self._watch.progress, timeout_s, what)

    def _check(self) -> None:
        """Raise what has ended the invite; once the device is signed in, nothing does."""
        if self._is_added:
            return
        if self._ended is not None:
            raise self._ended
        if not self._server.done():
            return
        if self._server.cancelled():
            raise InviteExpired("the invite was closed")
        error = self._server.exception()
        if error is not None:
            raise error

    async def _serve(self) -> None:
        """Take the first message that opens; another one that opens ends the invite (ACC-34)."""
        first: bytes | None = None
        while True:
            message = self._opened(await self._box.receive())
            if first is None and message is not None:
                first = message
                await self._answer(message)
            elif message is not None and message != first:
                came = [message] if first is None or self._is_confirmed else [first, message]
                await self._end(InviteShared("a second device has come"), came)

    async def _end(self, error: InviteInvalid, came: Iterable[bytes]) -> None:
        """End the invite, and then tell the devices that have come, so that each shows it (ACC-53)."""
        self._ended = error
        self._watch.progress.fire()
        await asyncio.gather(*(self._tell_end(message) for message in came))
        raise error

    async def _tell_end(self, message: bytes) -> None:
        with suppress(E2eeError, InviteExpired, TimeoutError):
            request = Request.read(message)
            body = self._invite.seal(Step.OUT, b"", self._rng)
            async with asyncio.timeout(_TELL_S):
                await self._box.send(BoxAddress(request.mailbox, request.token), body)

    def _opened(self, body: bytes) -> bytes | None:
        try:
            return self._invite.open_(Step.IN, body)
        except AuthenticationError:
            return None

    async def _answer(self, message: bytes) -> None:
        request = self._requested(message)
        if isinstance(request, InviteInvalid):
            await self._end(request, [message])
            return
        body = self._invite.seal(Step.OPENING, self._opening, self._rng)
        await self._box.send(BoxAddress(request.mailbox, request.token), body)
        self._arrived.set_result(_Joining(request, self._invite.digits(message, self._opening)))
        self._watch.progress.fire()

    def _requested(self, message: bytes) -> Request | InviteInvalid:
        try:
            return Request.decode(self._invite, message, self._shell.now_ms)
        except Expired:
            return InviteClock("the clock of the new device is wrong, or that of this one")
        except E2eeError as error:
            return InviteInvalid(f"another device than the one that was invited: {error.code}")

    def __repr__(self) -> str:
        return "<Invitation>"


async def _send_in_time(box: RelayBox, to: BoxAddress, body: bytes, timeout_s: float | None) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await box.send(to, body)
    except TimeoutError:
        raise WaitTimeout("the new device could not be told in time") from None


async def tell_listed(
    shell: Shell[Engine], progress: Signal, runtime: Runtime, asked: AskedDevice, timeout_s: float | None
) -> None:
    """Send `out` to a device whose list was signed elsewhere, when the directory has the list (ACC-43).

    Raises:
        ConfigError: the directory has another list of its number.
        InviteExpired: the device is there no more.
        RelayUnavailable: the relay cannot be reached.
        WaitTimeout: relay or new device could not be told in time.
    """

    def welcome() -> Welcome | None:
        return shell.machine.welcome(asked.record.hash)

    def is_decided() -> bool:
        return welcome() is not None or not shell.machine.knows_device(asked.record.hash)

    await wait_until(is_decided, progress, timeout_s, "telling the relay of the new device")
    found = welcome()
    if found is None:
        raise ConfigError("the directory has another list of this number: invite the device anew")
    rng, (relay_url, registration) = runtime.rng, shell.machine.own_relay()
    own = BoxAddress(rng(MAILBOX_B), rng(TOKEN_B))
    body = invites.seal(asked.record.account_id, asked.secret, Step.OUT, found.encode(), rng)
    box = await RelayBox.open(runtime.transport, relay_url, own, registration, rng)
    try:
        await _send_in_time(box, BoxAddress(asked.mailbox, asked.token), body, timeout_s)
    finally:
        await box.close()


async def invite(
    shell: Shell[Engine],
    watch: Watch,
    runtime: Runtime,
    kind: DeviceKind,
    *,
    front_desk: bool,
    signed_elsewhere: bool = False,
) -> Invitation:
    """Make an invite and wait for its device at our relay.

    Raises:
        AccountKeyAbsent, DeviceReplacedError, ConfigError, TooManyDevices: no device can be added.
        RelayUnavailable: the relay cannot be reached.
    """
    relay_url, secret = shell.machine.relay_for_invite(kind, signed_elsewhere=signed_elsewhere)
    account_id = AccountId(shell.machine.account_id)
    made, opening = invites.new_invite(account_id, kind, front_desk=front_desk, rng=runtime.rng)
    place = made.place()
    address = BoxAddress(place.mailbox, place.token)
    box = await RelayBox.open(runtime.transport, relay_url, address, secret, runtime.rng)
    return Invitation(shell, watch, runtime, made, opening, box)


# --- the new device ---


class Joined(NamedTuple):
    """A new device that its account's list names."""

    card: ContactCard
    device: OurDevice
    welcome: Welcome


def parse(card: ContactCard, code: str) -> Invite:
    """Read a code.

    Raises:
        InviteInvalid: it is none, or not of this card's account.
    """
    try:
        return invites.parse(card.account_id, code)
    except DecodeError as error:
        raise InviteInvalid(str(error)) from None


async def join(
    card: ContactCard,
    made: Invite,
    registration_secret: bytes | None,
    show_digits: Callable[[str], None],
    runtime: Runtime,
    show_fingerprint: Callable[[str], None] | None = None,
) -> Joined:
    """Come as the device that was invited, and wait until a person has confirmed it. `show_fingerprint` is
    called where the list is signed elsewhere (ACC-44).

    Raises:
        InviteExpired: nobody waits there, or has confirmed within ten minutes.
        InviteInvalid: what came back does not hold.
        RelayUnavailable: the relay cannot be reached.
    """
    rng, now_ms = runtime.rng, runtime.clock.now_ms()
    device = made.make_device(now_ms, now_ms + DEVICE_LIFE_MS, rng)
    address = BoxAddress(rng(MAILBOX_B), rng(TOKEN_B))
    box = await RelayBox.open(runtime.transport, card.relay_url, address, registration_secret, rng)
    try:
        asked = partial(_ask, made, device, box, show_digits, runtime)
        welcome = await within(runtime.clock, now_ms + INVITE_LIFE_MS, asked)
        if welcome is None:
            if show_fingerprint is not None:
                show_fingerprint(invites.fingerprint(device.record.hash))
            held = partial(_listed, made, device, box, runtime.clock)
            welcome = await within(runtime.clock, runtime.clock.now_ms() + HOLD_LIFE_MS, held)
    finally:
        await box.close()
    return Joined(card, device, welcome)


async def _ask(
    made: Invite, device: OurDevice, box: RelayBox, show_digits: Callable[[str], None], runtime: Runtime
) -> Welcome | None:
    """Return what the holder has signed; None where that is done elsewhere, and takes a while (ACC-43)."""
    place = made.place()
    message = Request(device.record, *box.address).encode()
    await box.send(BoxAddress(place.mailbox, place.token), made.seal(Step.IN, message, runtime.rng))
    with _answers():
        _, opening = await _next(made, box, Step.OPENING)
        made.check_opening(opening)
        show_digits(made.digits(message, opening))
        step, answer = await _next(made, box, Step.OUT, Step.HOLD)
        if step is Step.HOLD:
            return None
        return Welcome.decode(made, device.record, answer, runtime.clock.now_ms())


async def _listed(made: Invite, device: OurDevice, box: RelayBox, clock: Clock) -> Welcome:
    with _answers():
        _, answer = await _next(made, box, Step.OUT)
        return Welcome.decode(made, device.record, answer, clock.now_ms())


@contextmanager
def _answers() -> Iterator[None]:
    try:
        yield
    except E2eeError as error:
        raise InviteInvalid(f"the answer to the invite does not hold: {error.code}") from None


async def _next(made: Invite, box: RelayBox, *steps: Step) -> tuple[Step, bytes]:
    """Wait for one of these messages of the invite; what does not open as one is passed over (ACC-33).

    Raises:
        InviteInvalid: the holder says that the invite has ended (ACC-53).
    """
    while True:
        body = await box.receive()
        for step in dict.fromkeys((Step.OUT, *steps)):
            with suppress(AuthenticationError):
                message = made.open_(step, body)
                if step is Step.OUT and not message:
                    raise InviteInvalid("the holder has ended it: two devices have come, or a clock is wrong")
                if step in steps:
                    return step, message


def new_rows(
    joined: Joined, registration_secret: bytes | None, rng: Rng, *, read_receipts: bool
) -> list[Put]:
    """Return the rows of the new device's store."""
    card, device, (device_list, records) = joined
    own = Own(
        account_id=card.account_id,
        account_key=None,
        device=device,
        device_list=device_list,
        relay_url=card.relay_url,
        name=card.name,
        publish=True,
        read_receipts=read_receipts,
        registration_secret=registration_secret,
        published_seq=device_list.seq,
    )
    others = [one for one in records if one.device_id != device.record.device_id]
    return [
        own.put(),
        Put("list", device_list.seq.to_bytes(8, "big"), device_list.signed),
        *(OwnDevice(one.hash, one, listed=True).put() for one in others),
        new_mailbox(card.relay_url, b"", rng).put(),
    ]


async def within(clock: Clock, deadline_ms: int, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Return what `work` returns, if it does so in time.

    Raises:
        InviteExpired: it does not.
    """
    task = asyncio.create_task(work())
    try:
        while not task.done() and clock.now_ms() < deadline_ms:
            timer = asyncio.create_task(clock.wait_until(deadline_ms))
            try:
                await asyncio.wait([task, timer], return_when=asyncio.FIRST_COMPLETED)
            finally:
                timer.cancel()
        if not task.done():
            raise InviteExpired("the invite has ended: its time is over")
        return await task
    finally:
        task.cancel()
