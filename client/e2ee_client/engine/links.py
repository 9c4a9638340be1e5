"""The connections that the engine uses, opened when they are first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2ee_client.events import ConnectionChanged, ConnectionState

from .deadlines import Deadlines
from .effects import Channel
from .link import OPEN_TIMEOUT_MS, REQUEST_TIMEOUT_MS, Link, LinkState
from .part import Part
from .turn import Turn

if TYPE_CHECKING:
    from .context import Context


class Links(Part):
    """All connections by channel; none is opened while the engine is offline."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.is_online = False
        self.by_channel: dict[Channel, Link] = {}
        self._deadlines: Deadlines[tuple[Channel, int]] = Deadlines()

    def link(self, turn: Turn, channel: Channel) -> Link:
        """Return the link of a channel, opening the connection if we are online and it is new."""
        link = self.by_channel.get(channel)
        if link is None:
            link = Link(channel, self._state.ports.rng, self._deadlines)
            if self.is_online:
                self.by_channel[channel] = link
                link.open(turn)
        return link

    def is_unused(self, channel: Channel) -> bool:
        """Whether a connection was for a mailbox that is gone with its contact."""
        return bool(channel.mailbox) and channel.mailbox not in self._state.mailboxes

    def end_unused(self, turn: Turn) -> None:
        """Close sending connections through which nobody is reached any more: a contact must not make us keep
        one for each address that it has named.
        """
        state, delivery = self._state, self._context.delivery
        used = {delivery.channel(contact) for contact in state.contacts.values()}
        for peer in state.peers.values():
            used.add(delivery.channel(peer.contact, peer))
        for channel in [one for one in self.by_channel if not one.mailbox and one not in used]:
            self._lost(channel)
            turn.close(channel)
            self.forget(channel)

    def forget(self, channel: Channel) -> None:
        """Have a connection no more."""
        link = self.by_channel.pop(channel, None)
        if link is not None:
            link.forget()

    def went_down(self, turn: Turn, link: Link, code: str = "") -> None:
        """A connection is gone: what was given to it is sent again, what was asked is asked again."""
        self._lost(link.channel)
        if link.channel.mailbox:
            self._context.entry.published = False
            turn.notify(ConnectionChanged(ConnectionState.OFFLINE, link.channel.relay_url, code))

    def _lost(self, channel: Channel) -> None:
        self._state.outbox.take_back(channel)
        self._context.directory.lost(channel)

    def has_all_of(self, mailbox_channel: Channel) -> bool:
        """Whether the relay has delivered all of a mailbox, so that silence counts (SES-26)."""
        link = self.by_channel.get(mailbox_channel)
        return link is not None and link.state is LinkState.READY and link.emptied

    def have_all(self) -> bool:
        """Whether our relays have delivered all that waited in our mailboxes when these were connected."""
        mailboxes = [channel for channel in self.by_channel if channel.mailbox]
        return bool(mailboxes) and all(self.has_all_of(one) for one in mailboxes)

    def have_all_since_ms(self) -> int | None:
        """Return since when our relays have delivered all; None: they have not, or are not connected."""
        return max(one.emptied_ms for one in self.by_channel.values()) if self.have_all() else None

    def tick(self, turn: Turn) -> None:
        """Give up on what took too long, open again what is due."""
        for channel in dict.fromkeys(channel for channel, _ in self._deadlines.pop_all(turn.now_ms)):
            link = self.by_channel.get(channel)
            if link is not None and link.tick(turn):
                self.went_down(turn, link)

    def stop(self, turn: Turn) -> None:
        """Close every connection."""
        self.is_online = False
        for link in self.by_channel.values():
            turn.close(link.channel)
            link.state = LinkState.CLOSED
            self._lost(link.channel)
        self.by_channel.clear()
        self._deadlines.clear()

    def clock_put_back(self, now_ms: int) -> None:
        """Try each closed connection again, and wait no longer than usual for the others."""
        self._deadlines.at_the_latest(now_ms + max(OPEN_TIMEOUT_MS, REQUEST_TIMEOUT_MS))
        for link in self.by_channel.values():
            link.clock_put_back(now_ms)

    def wake_ms(self) -> int | None:
        """Return when `tick` is due."""
        return self._deadlines.first_ms()
