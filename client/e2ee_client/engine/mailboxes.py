"""Our mailboxes at their relays: made, proved, listened to, and published where the account is (RLY-20 to
RLY-67).

HELLO --> CREATE (once) --> AUTH --> TOKEN_ADD, SUBSCRIBE --> PUBLISH (published) --> PREKEYS_COUNT --> upload
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Final

from e2ee_relay.protocol import (
    Ack,
    Auth,
    AuthResult,
    CreateMailbox,
    DeleteMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    Message,
    Response,
    Subscribe,
    TokenAdd,
    TokenClass,
    TokenRevoke,
    auth_payload,
    pow_context_create,
    token_hash,
)

from e2ee.primitives import sign
from e2ee_client.events import ConnectionChanged, ConnectionState

from .delivery import MAX_RETRY_AFTER_MS
from .effects import Channel
from .link import Link, LinkState
from .own_mailbox import Mailbox
from .part import Part
from .token_parts import TokenPart, TokenParts
from .turn import Turn
from .upkeep import new_mailbox

if TYPE_CHECKING:
    from .context import Context

_FRONT_DOOR: Final = b""
_TOKENS_APART_MS: Final = 1000
_UNHEARD_MS: Final = 600_000


class Mailboxes(Part):
    """The receiving side of every mailbox of ours."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._unheard_ms = 0  # since when we wait for our entry; 0 while we do not

    @staticmethod
    def channel(mailbox: Mailbox) -> Channel:
        """Return the connection that authenticates a mailbox: one for each (chapter 11)."""
        return Channel(mailbox.relay_url, mailbox.id, b"")

    def add(self, turn: Turn, relay_url: str, contact: bytes) -> Mailbox:
        """Make a mailbox; the relay learns of it when the connection stands."""
        mailbox = new_mailbox(relay_url, contact, self._state.ports.rng)
        self._state.mailboxes[mailbox.id] = mailbox
        turn.put(mailbox.put())
        return mailbox

    def greeted(self, turn: Turn, link: Link) -> None:
        """Begin on a fresh connection."""
        mailbox = self._state.mailboxes[link.channel.mailbox]
        link.state = LinkState.AUTHENTICATING
        if mailbox.created:
            self._authenticate(turn, link, mailbox)
        else:
            self._create(turn, link, mailbox)

    def ensure_token(self, turn: Turn, contact_id: bytes) -> None:
        """Give a contact of a published account a delivery token of its own."""
        mailbox = self._state.mailbox_for(contact_id)
        if contact_id in mailbox.tokens:
            return
        mailbox.set_token(turn, contact_id, self._state.ports.rng(32), known=False)
        link = self._context.links.link(turn, self.channel(mailbox))
        if link.state is LinkState.READY:
            self._give_tokens(turn, link, mailbox, [contact_id])

    def trust(self, turn: Turn, contact_id: bytes) -> None:
        """Tell the relay that a contact's token pays for large blobs, now or on the next connection."""
        mailbox = self._state.mailbox_for(contact_id)
        if contact_id not in mailbox.tokens:
            return
        link = self._context.links.link(turn, self.channel(mailbox))
        if link.state is LinkState.READY:
            part = TokenPart([contact_id], TokenClass.TRUSTED)
            self._ask(turn, link, mailbox, part, TokenParts.of({}))
        else:
            mailbox.set_token(turn, contact_id, mailbox.tokens[contact_id][0], known=False)

    def forget(self, turn: Turn, contact_id: bytes) -> None:
        """Take back what a contact could reach us by: its token, or the whole mailbox made for it."""
        mailbox = self._state.mailbox_for(contact_id)
        link = self._context.links.link(turn, self.channel(mailbox))
        ready = link.state is LinkState.READY
        if mailbox.contact == contact_id:
            if ready:
                link.request(turn, DeleteMailbox(link.new_id(), mailbox.id), _ignore)
            self._state.mailboxes.pop(mailbox.id)
            self._state.taken.forget(turn, mailbox.id)
            self._state.refused.forget(turn, mailbox.id)
            mailbox.delete(turn)
        elif contact_id in mailbox.tokens:
            token = mailbox.drop_token(turn, contact_id)
            if ready:
                link.request(turn, TokenRevoke(link.new_id(), mailbox.id, (token_hash(token),)), _ignore)

    def delivered(self, turn: Turn, link: Link, frame: Message) -> None:
        """Take a message and acknowledge it. What was taken before is acknowledged again (SES-18); what
        does not authenticate stays at the relay when it first comes, up to 64 of a mailbox (SES-41).
        """
        mailbox = self._state.mailboxes.get(frame.mailbox)
        if mailbox is None or link.channel.mailbox != frame.mailbox:
            return
        taken, refused_before = self._state.taken, self._state.refused
        if frame.seq and taken.knows(mailbox.id, frame.msg_id):
            self._acknowledge(turn, link, mailbox, frame)
            return
        is_authentic = self._context.incoming.take(turn, mailbox, frame.body)
        if not frame.seq:
            return
        is_first_sight = not refused_before.knows(mailbox.id, frame.msg_id)
        if not is_authentic and is_first_sight and not refused_before.is_full(mailbox.id):
            refused_before.add(turn, mailbox.id, frame.msg_id)
            return
        refused_before.remove(turn, mailbox.id, frame.msg_id)
        taken.add(turn, mailbox.id, frame.msg_id)
        self._acknowledge(turn, link, mailbox, frame)

    def _acknowledge(self, turn: Turn, link: Link, mailbox: Mailbox, frame: Message) -> None:
        link.request(turn, Ack(link.new_id(), mailbox.id, (frame.seq,)), _ignore)

    # --- a fresh connection, step by step ---

    def _create(self, turn: Turn, link: Link, mailbox: Mailbox) -> None:
        if link.hello is None:
            return
        public = sign.derive_public(mailbox.owner_seed)
        context = pow_context_create(link.hello.nonce, mailbox.id, public)
        secret = self._state.own.registration_secret

        def create(turn: Turn, work: bytes) -> None:
            if self._is_gone(turn, link, mailbox):
                return
            made = CreateMailbox(link.new_id(), mailbox.id, public, work, secret)
            link.request(turn, made, partial(self._created, link, mailbox))

        link.work(turn, context, link.hello.limits.pow_bits_create, create)

    def _is_gone(self, turn: Turn, link: Link, mailbox: Mailbox) -> bool:
        """Whether a mailbox was forgotten meanwhile: an answer must not bring its row back."""
        if self._state.mailboxes.get(mailbox.id) is mailbox:
            return False
        turn.close(link.channel)
        self._context.links.forget(link.channel)
        return True

    def _created(self, link: Link, mailbox: Mailbox, turn: Turn, frame: Response) -> None:
        if self._is_gone(turn, link, mailbox):
            return
        if not isinstance(frame, Done):
            refused(turn, link, frame)
            if isinstance(frame, ErrorReply) and frame.code is ErrorCode.REGISTRATION_REFUSED:
                self._is_unwanted(turn, mailbox, "relay.registration_refused")
            return
        mailbox.created, link.has_created = True, True
        turn.put(mailbox.put())
        self._authenticate(turn, link, mailbox)

    def _authenticate(self, turn: Turn, link: Link, mailbox: Mailbox) -> None:
        if link.hello is None:
            return
        public = sign.derive_public(mailbox.owner_seed)
        payload = auth_payload(link.hello.relay_name, link.hello.nonce, [mailbox.id])
        signature = sign.sign(mailbox.owner_seed, payload)
        auth = Auth(link.new_id(), (mailbox.id,), public, signature)
        link.request(turn, auth, partial(self._authenticated, link, mailbox))

    def _authenticated(self, link: Link, mailbox: Mailbox, turn: Turn, frame: Response) -> None:
        if self._is_gone(turn, link, mailbox):
            return
        if not isinstance(frame, AuthResult):
            refused(turn, link, frame)
            return
        if mailbox.id in frame.refused:
            # The relay has lost the mailbox (an old backup, a purge): make it again under the same id and
            # key; once on a connection, or its answers could keep us busy without end.
            if link.has_created:
                refused(turn, link, frame)
                return
            mailbox.forget_at_relay(turn)
            self._create(turn, link, mailbox)
            return
        link.ready()
        if mailbox.contact or not self._state.own.publish:
            turn.notify(ConnectionChanged(ConnectionState.ONLINE, mailbox.relay_url))
        if mailbox.unknown:
            self._give_tokens(turn, link, mailbox, mailbox.unknown)
        else:
            self._is_usable(turn, mailbox, [])
        if mailbox.contact or not self._state.own.publish:
            self.listen(turn, link, mailbox)
            return
        if self._is_to_wait(turn):
            listen = partial(self._listen_late, link, mailbox)
            self._context.timers.set("listen", self._unheard_ms + _UNHEARD_MS, listen)
        else:
            self.listen(turn, link, mailbox)
        self._context.entry.publish(turn, link, mailbox)

    def _is_to_wait(self, turn: Turn) -> bool:
        """Whether what a company's device has to know or sign first is in its entry: out of force it refuses
        what customers begin, and would destroy what has waited for it (ACC-81).
        """
        own, team = self._state.own, self._context.team
        is_of_company = team.standing(own.account_id) is not None
        if self._state.is_stopped or not is_of_company or team.is_in_force(turn):
            self._unheard_ms = 0
            return False
        self._unheard_ms = min(self._unheard_ms or turn.now_ms, turn.now_ms)
        return turn.now_ms < self._unheard_ms + _UNHEARD_MS

    def entry_over(self, turn: Turn, link: Link, mailbox: Mailbox) -> None:
        """Our entry was looked at, and what is due was signed: the next wait is a new one (ACC-81)."""
        self._unheard_ms = 0
        self.listen(turn, link, mailbox)

    def _listen_late(self, link: Link, mailbox: Mailbox, turn: Turn) -> None:
        if link.state is LinkState.READY and not self._is_gone(turn, link, mailbox):
            self.listen(turn, link, mailbox)

    def listen(self, turn: Turn, link: Link, mailbox: Mailbox) -> None:
        """Ask for what has arrived and what will, once on a connection."""
        if not link.listens:
            link.listens = True
            subscribe = Subscribe(link.new_id(), (mailbox.id,))
            link.request(turn, subscribe, partial(self._subscribed, link, mailbox))

    # --- tokens ---

    def _give_tokens(self, turn: Turn, link: Link, mailbox: Mailbox, contacts: Iterable[bytes]) -> None:
        """Give these tokens to the relay: the front door's, then those of trusted contacts (CON-14)."""
        by_class: dict[TokenClass, list[bytes]] = {
            kind: [] for kind in (TokenClass.FRONT_DOOR, TokenClass.TRUSTED, TokenClass.CONTACT)
        }
        for contact in contacts:
            by_class[self._class_of(contact)].append(contact)
        self._go_on(turn, link, mailbox, TokenParts.of(by_class))

    def _class_of(self, contact: bytes) -> TokenClass:
        if contact == _FRONT_DOOR:
            return TokenClass.FRONT_DOOR
        return TokenClass.TRUSTED if self._context.rooms.is_trusted(contact) else TokenClass.CONTACT

    def _go_on(self, turn: Turn, link: Link, mailbox: Mailbox, giving: TokenParts) -> None:
        """Ask for the next part, of which nothing was forgotten, given or trusted meanwhile."""
        while giving.parts:
            contacts, kind = giving.parts.popleft()
            still = [one for one in contacts if one in mailbox.unknown and self._class_of(one) is kind]
            if still:
                self._ask(turn, link, mailbox, TokenPart(still, kind), giving)
                return

    def _ask(self, turn: Turn, link: Link, mailbox: Mailbox, part: TokenPart, giving: TokenParts) -> None:
        hashes = tuple(token_hash(mailbox.tokens[contact][0]) for contact in part.contacts)
        add = TokenAdd(link.new_id(), mailbox.id, hashes, part.kind)
        link.request(turn, add, partial(self._tokens_added, link, mailbox, part, giving))

    def _tokens_added(
        self, link: Link, mailbox: Mailbox, part: TokenPart, giving: TokenParts, turn: Turn, frame: Response
    ) -> None:
        if self._is_gone(turn, link, mailbox):
            return
        if isinstance(frame, ErrorReply) and frame.code is ErrorCode.RATE_LIMITED:
            wait_ms = min(max(frame.retry_after_ms, _TOKENS_APART_MS), MAX_RETRY_AFTER_MS)
            again = partial(self._give_again, link, mailbox)
            self._context.timers.set(("tokens", mailbox.id), turn.now_ms + wait_ms, again)
            return
        contacts, is_needed = part.contacts, mailbox.contact in part.contacts
        has_no_room = isinstance(frame, ErrorReply) and frame.code is ErrorCode.QUOTA
        if has_no_room and not (is_needed and mailbox.contact in mailbox.unknown):
            giving.refused(part)  # they stay with the front door's (CON-14)
        elif not isinstance(frame, Done):
            refused(turn, link, frame)
            return
        else:
            for contact in contacts:
                if contact in mailbox.tokens:
                    mailbox.set_token(turn, contact, mailbox.tokens[contact][0], known=True)
            self._is_usable(turn, mailbox, contacts)
            self._is_complete(link, mailbox)
        self._go_on(turn, link, mailbox, giving)

    def _give_again(self, link: Link, mailbox: Mailbox, turn: Turn) -> None:
        """Give what the relay has put off (CON-16), unless a fresh connection does so by itself."""
        if link.state is LinkState.READY and not self._is_gone(turn, link, mailbox):
            self._give_tokens(turn, link, mailbox, mailbox.unknown)

    def _subscribed(self, link: Link, mailbox: Mailbox, turn: Turn, frame: Response) -> None:
        if not isinstance(frame, Done):
            refused(turn, link, frame)
        else:
            self._is_complete(link, mailbox)

    def _is_complete(self, link: Link, mailbox: Mailbox) -> None:
        """A connection without an entry to publish counts no refusals once its mailbox can be reached."""
        if not self._state.own.publish and not mailbox.unknown:
            link.refusals = 0

    def _is_usable(self, turn: Turn, mailbox: Mailbox, contacts: list[bytes]) -> None:
        """The relay knows these contacts' tokens: tell those of a published account, and send what waited."""
        for account_id in contacts:
            contact = self._state.party(account_id)
            if contact is not None and not mailbox.contact:
                self._context.telling.tell_address(turn, contact)
        if contacts and _FRONT_DOOR not in contacts:
            for account_id in contacts:
                self._context.sending.pump_account(account_id, turn)
        elif mailbox.contact:
            self._context.sending.pump_account(mailbox.contact, turn)
        else:
            self._context.sending.pump_all(turn)

    def _is_unwanted(self, turn: Turn, mailbox: Mailbox, code: str) -> None:
        """The relay makes none for us: nobody could answer what waits to begin a session (CON-06)."""
        for contact in list(self._state.contacts.values()):
            if self._state.mailbox_for(contact.account_id) is mailbox:
                self._context.delivery.fail_unanswerable(turn, contact, code)


def refused(turn: Turn, link: Link, frame: Response) -> None:
    """A step that the connection cannot do without was refused: report it and come back later."""
    code, retry_after_ms = ErrorCode.UNAVAILABLE, 0
    if isinstance(frame, ErrorReply):
        code, retry_after_ms = frame.code, min(frame.retry_after_ms, MAX_RETRY_AFTER_MS)
    link.refused(turn, retry_after_ms)
    name = f"relay.{code.name.lower()}"
    turn.notify(ConnectionChanged(ConnectionState.OFFLINE, link.channel.relay_url, name))


def _ignore(_turn: Turn, _frame: Response) -> None:
    """The answer changes nothing: what was asked is repeated when it is needed again."""
