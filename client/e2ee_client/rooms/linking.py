"""A further device of a person: a code or QR that one shows and the other one reads (ACC-50 to ACC-52).

existing device -- link: text --> new device: door of the company, "is the other one yours?", digits
both show six digits; once the person has compared them, confirm --> list, rooms, history
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from e2ee.card import ContactCard
from e2ee.identity import DeviceKind
from e2ee_client import inviting, opening
from e2ee_client.client import Client
from e2ee_client.contacts import wait_until
from e2ee_client.engine.rooms.consenting import Acceptance
from e2ee_client.errors import InvalidCard, InviteInvalid, NotAccepted
from e2ee_client.inviting import Invitation
from e2ee_client.opening import Closing, Runtime, StorePath

from .doors import FoundDoor, find_door
from .doors.finding import Fetch
from .errors import DoorOfAnotherCompany, LinkRefused


class LinkOffer(NamedTuple):
    """What a person is asked before anything leaves the new device: is the other device yours, and before
    you? A stranger's code would bring this device into the stranger's account.
    """

    company: str
    origin: str


class LinkText(NamedTuple):
    """What a link shows: the person's account, the code, and the company that it is about."""

    account: ContactCard
    code: str
    company: ContactCard

    @classmethod
    def parse(cls, text: str) -> LinkText:
        """Read it.

        Raises:
            InviteInvalid: it is none, or no person's.
        """
        words = text.split()
        if len(words) != 3:
            raise InviteInvalid("not the code of a person's device")
        try:
            account, company = opening.parse_card(words[0]), opening.parse_card(words[2])
        except InvalidCard:
            raise InviteInvalid("a damaged code") from None
        made = inviting.parse(account, words[1])
        if made.kind is not DeviceKind.PERSON or made.front_desk:
            raise InviteInvalid("the code of a company's device")
        if account.relay_url != company.relay_url:
            raise InviteInvalid("a code that leads to another relay than the company's")
        return cls(account, words[1], company)


class Link(Closing):
    """A link that waits for the new device: show `text` as QR or code, compare `digits`, then `confirm`.

    Good for ten minutes and one device, and only while this device is open.
    """

    def __init__(self, client: Client, invitation: Invitation) -> None:
        """Not for callers: use `Customer.link`."""
        self._client = client
        self._invitation = invitation

    @property
    def text(self) -> str:
        """What the new device reads, in one line, as QR code or to copy. Whoever has it can come in the place
        of the device that is meant; the digits tell them apart.
        """
        company = self._client.shell.machine.rooms.company_card()
        if company is None:
            raise NotAccepted("nothing was accepted yet")
        return f"{self._client.card().to_uri()} {self._invitation.code} {company.to_uri()}"

    async def digits(self, timeout_s: float | None = None) -> str:
        """Wait for the new device and return the six digits that it has to show as well.

        Raises:
            InviteExpired: nobody came within ten minutes. InviteInvalid: a second device, or another one.
            WaitTimeout: not in time; the link goes on.
        """
        return await self._invitation.digits(timeout_s)

    async def confirm(self, timeout_s: float | None = None) -> bytes:
        """Take the new device in: the person has compared the digits. Returns its device id.

        The company is shown the device at once, and this one gives it the rooms that it has opened, with all
        that is here.

        Raises:
            InviteExpired, InviteInvalid: as `digits`; nothing was signed. AccountKeyAbsent, TooManyDevices.
            WaitTimeout: not in time; a device that was told is given them later, after a restart, too.
        """
        device_id = await self._invitation.confirm(timeout_s)
        await rooms_given(self._client, device_id, timeout_s)
        return device_id

    async def close(self) -> None:
        """End the link; without `confirm` before, nothing has changed."""
        await self._invitation.close()

    def __repr__(self) -> str:
        return "<Link>"


async def rooms_given(client: Client, device_id: bytes, timeout_s: float | None = None) -> None:
    """Wait until a device of the person was given the rooms that this one has opened.

    Raises:
        UnknownDevice: the account has none of this id. WaitTimeout: it was not seen in time.
    """
    machine = client.shell.machine
    await wait_until(
        lambda: not machine.owes_rooms(device_id), client.progress, timeout_s, "seeing the device"
    )


IsOwn: TypeAlias = Callable[[LinkOffer], bool]


async def offered(
    text: str, company: str, is_own: IsOwn, runtime: Runtime, fetch: Fetch
) -> tuple[LinkText, FoundDoor]:
    """Read what another device shows, and ask the person before anything leaves this one (ACC-51).

    Raises:
        InviteInvalid: no such text, or one about another company than the page's. LinkRefused: not own.
        DoorError: each failure by its class.
    """
    given = LinkText.parse(text)
    try:
        found = await find_door(company, runtime.clock.now_ms(), known=given.company, fetch=fetch)
    except DoorOfAnotherCompany:
        raise InviteInvalid("a code about another company than that of this page") from None
    if not is_own(LinkOffer(found.door.notice.controller[0], company)):
        raise LinkRefused("the other device is not this person's")
    return given, found


async def linked(
    path: StorePath,
    given: LinkText,
    found: FoundDoor,
    show_digits: Callable[[str], None],
    unlock: tuple[str | None, bytes | None],
    runtime: Runtime,
) -> Client:
    """Make this device one of the person's account; what `Client.join` raises (ACC-51)."""
    client = await Client.join(
        path,
        given.code,
        card=given.account,
        show_digits=show_digits,
        passphrase=unlock[0],
        key=unlock[1],
        runtime=runtime,
    )
    door = found.door
    texts, locale = dict(door.texts), door.notice.default_locale
    known = Acceptance(found.card, door.mandate, door.notice, texts, locale, 0)
    await client.shell.call(lambda engine, now_ms: engine.know_company(known, now_ms))
    return client
