"""Our mailboxes at their relays: made, proved, listened to, and published where the account is (RLY-20 to
RLY-67).

HELLO --> CREATE (once) --> AUTH --> TOKEN_ADD, SUBSCRIBE --> PUBLISH (published) --> PREKEYS_COUNT --> upload
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from e2ee_relay.protocol import (
    Ack,
    Auth,
    AuthResult,
    CreateMailbox,
    DeleteMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    Lookup,
    LookupResult,
    LowPrekeys,
    Message,
    PrekeysCount,
    PrekeysStock,
    PrekeysUpload,
    Publish,
    Response,
    Subscribe,
    TokenAdd,
    TokenClass,
    TokenRevoke,
    auth_payload,
    pow_context_create,
    token_hash,
)

from e2ee import identity
from e2ee.errors import E2eeError
from e2ee.identity import DeviceList
from e2ee.prekeys import PrekeyKind
from e2ee.primitives import sign
from e2ee_client.events import ConnectionChanged, ConnectionState

from .effects import Channel
from .link import Link, LinkState
from .records import Mailbox
from .shortage import Shortage
from .state import State
from .turn import Turn
from .upkeep import REFILL_BELOW, STOCK, Upkeep, new_mailbox

_REFUSED_RETRY_MS: Final = 60_000
_REFILL_JITTER_MS: Final = 30_000
_MAX_LISTS: Final = 64
_FRONT_DOOR: Final = b""


class Mailboxes:
    """The receiving side of every mailbox of ours."""

    def __init__(
        self,
        state: State,
        upkeep: Upkeep,
        link_of: Callable[[Turn, Channel], Link],
        usable: Callable[[Turn, Mailbox, list[bytes]], None],
        unwanted: Callable[[Turn, Mailbox, str], None],
    ) -> None:
        self._state = state
        self._upkeep = upkeep
        self._link_of = link_of
        self._usable = usable
        self._unwanted = unwanted
        self._shortage = Shortage()
        self.refill_at_ms: int | None = None
        self.published = False

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
        mailbox.tokens[contact_id] = (self._state.ports.rng(32), False)
        turn.put(mailbox.put())
        link = self._link_of(turn, self.channel(mailbox))
        if link.state is LinkState.READY:
            self._add_tokens(turn, link, mailbox)

    def forget(self, turn: Turn, contact_id: bytes) -> None:
        """Take back what a contact could reach us by: its token, or the whole mailbox made for it."""
        mailbox = self._state.mailbox_for(contact_id)
        link = self._link_of(turn, self.channel(mailbox))
        ready = link.state is LinkState.READY
        if mailbox.contact == contact_id:
            if ready:
                link.request(turn, lambda request_id: DeleteMailbox(request_id, mailbox.id), _ignore)
            self._state.mailboxes.pop(mailbox.id)
            self._state.taken.forget(turn, mailbox.id)
            turn.delete("mailbox", mailbox.id)
        elif contact_id in mailbox.tokens:
            token, _ = mailbox.tokens.pop(contact_id)
            turn.put(mailbox.put())
            if ready:
                hashes = (token_hash(token),)
                link.request(turn, lambda request_id: TokenRevoke(request_id, mailbox.id, hashes), _ignore)

    def acknowledge(self, turn: Turn, link: Link, mailbox: Mailbox, frame: Message) -> None:
        """Tell the relay that a message is safe here and may be deleted."""
        link.request(turn, lambda request_id: Ack(request_id, mailbox.id, (frame.seq,)), _ignore)

    # --- a fresh connection, step by step ---

    def _create(self, turn: Turn, link: Link, mailbox: Mailbox) -> None:
        if link.hello is None:
            return
        public = sign.derive_public(mailbox.owner_seed)
        context = pow_context_create(link.hello.nonce, mailbox.id, public)
        secret = self._state.own.registration_secret

        def create(turn: Turn, work: bytes) -> None:
            link.request(
                turn,
                lambda request_id: CreateMailbox(request_id, mailbox.id, public, work, secret),
                partial(self._created, link, mailbox),
            )

        link.work(turn, context, link.hello.limits.pow_bits_create, create)

    def _created(self, link: Link, mailbox: Mailbox, turn: Turn, frame: Response) -> None:
        if not isinstance(frame, Done):
            self._refused(turn, link, frame)
            if isinstance(frame, ErrorReply) and frame.code is ErrorCode.REGISTRATION_REFUSED:
                self._unwanted(turn, mailbox, "relay.registration_refused")
            return
        mailbox.created = True
        turn.put(mailbox.put())
        self._authenticate(turn, link, mailbox)

    def _authenticate(self, turn: Turn, link: Link, mailbox: Mailbox) -> None:
        if link.hello is None:
            return
        public = sign.derive_public(mailbox.owner_seed)
        payload = auth_payload(link.hello.relay_name, link.hello.nonce, [mailbox.id])
        signature = sign.sign(mailbox.owner_seed, payload)
        link.request(
            turn,
            lambda request_id: Auth(request_id, (mailbox.id,), public, signature),
            partial(self._authenticated, link, mailbox),
        )

    def _authenticated(self, link: Link, mailbox: Mailbox, turn: Turn, frame: Response) -> None:
        if not isinstance(frame, AuthResult):
            self._refused(turn, link, frame)
            return
        if mailbox.id in frame.refused:
            # The relay has lost the mailbox (an old backup, a purge): make it again under the same id and
            # key.
            mailbox.created = False
            mailbox.tokens = {contact: (token, False) for contact, (token, _) in mailbox.tokens.items()}
            turn.put(mailbox.put())
            self._create(turn, link, mailbox)
            return
        link.ready()
        if mailbox.contact or not self._state.own.publish:
            turn.notify(ConnectionChanged(ConnectionState.ONLINE, mailbox.relay_url))
        self._add_tokens(turn, link, mailbox)
        link.request(
            turn,
            lambda request_id: Subscribe(request_id, (mailbox.id,)),
            partial(self._needed, link),
        )
        if not mailbox.contact and self._state.own.publish:
            self.publish(turn, link, mailbox)

    def _add_tokens(self, turn: Turn, link: Link, mailbox: Mailbox) -> None:
        missing = [contact for contact, (_, known) in mailbox.tokens.items() if not known]
        for group, kind in (
            ([one for one in missing if one != _FRONT_DOOR], TokenClass.CONTACT),
            ([one for one in missing if one == _FRONT_DOOR], TokenClass.FRONT_DOOR),
        ):
            if group:
                part = group[:256]
                hashes = tuple(token_hash(mailbox.tokens[contact][0]) for contact in part)
                link.request(
                    turn,
                    partial(_token_add, mailbox.id, hashes, kind),
                    partial(self._tokens_added, link, mailbox, part),
                )
        if not missing:
            self._usable(turn, mailbox, [])

    def _tokens_added(
        self, link: Link, mailbox: Mailbox, contacts: list[bytes], turn: Turn, frame: Response
    ) -> None:
        if not isinstance(frame, Done):
            self._refused(turn, link, frame)
            return
        for contact in contacts:
            if contact in mailbox.tokens:
                mailbox.tokens[contact] = (mailbox.tokens[contact][0], True)
        turn.put(mailbox.put())
        self._usable(turn, mailbox, contacts)

    def _needed(self, link: Link, turn: Turn, frame: Response) -> None:
        if not isinstance(frame, Done):
            self._refused(turn, link, frame)

    def _refused(self, turn: Turn, link: Link, frame: Response) -> None:
        """A step that the connection cannot do without was refused: report it and come back later."""
        code, retry_after_ms = ErrorCode.UNAVAILABLE, _REFUSED_RETRY_MS
        if isinstance(frame, ErrorReply):
            code, retry_after_ms = frame.code, frame.retry_after_ms or _REFUSED_RETRY_MS
        link.drop(turn, retry_after_ms)
        name = f"relay.{code.name.lower()}"
        turn.notify(ConnectionChanged(ConnectionState.OFFLINE, link.channel.relay_url, name))

    # --- directory entry and prekeys ---

    def publish(self, turn: Turn, link: Link, mailbox: Mailbox) -> None:
        """Bring our directory entry up to date, then our prekeys (RLY-50 to RLY-54)."""
        own = self._state.own
        if own.published_seq == own.device_list.seq:
            self.count(turn, link)
            return
        self._publish_after(turn, link, mailbox, own.published_seq)

    def _publish_after(self, turn: Turn, link: Link, mailbox: Mailbox, seq: int) -> None:
        own = self._state.own
        rows = sorted(self._state.rows.items("list"))
        # A list that was signed in this very step is not in the store yet.
        signed = [
            row for key, row in rows if int.from_bytes(key, "big") > seq and row != own.device_list.signed
        ]
        links = (*signed, own.device_list.signed)[-_MAX_LISTS:]
        address = identity.sign_address(own.device, mailbox.id, mailbox.tokens[_FRONT_DOOR][0], turn.now_ms)
        link.request(
            turn,
            lambda request_id: Publish(
                request_id, own.account_id, links, (own.device.record.encoded,), (address,)
            ),
            partial(self._published, link, mailbox),
        )

    def _published(self, link: Link, mailbox: Mailbox, turn: Turn, frame: Response) -> None:
        own = self._state.own
        if isinstance(frame, Done):
            own.published_seq = own.device_list.seq
            turn.put(own.put())
            self.count(turn, link)
        elif isinstance(frame, ErrorReply) and frame.code is ErrorCode.STALE_ENTRY:
            self._find_head(turn, link, mailbox, 0)
        else:
            self._refused(turn, link, frame)

    def _find_head(self, turn: Turn, link: Link, mailbox: Mailbox, after_seq: int) -> None:
        own = self._state.own
        link.request(
            turn,
            lambda request_id: Lookup(request_id, own.account_id, after_seq),
            partial(self._found_head, link, mailbox),
        )

    def _found_head(self, link: Link, mailbox: Mailbox, turn: Turn, frame: Response) -> None:
        """The relay's entry is not what we thought: an old backup there, or here."""
        if not isinstance(frame, LookupResult) or not frame.lists:
            self._refused(turn, link, frame)
            return
        own = self._state.own
        try:
            held = DeviceList.verify(own.account_id, frame.lists[-1])
        except E2eeError:
            self._refused(turn, link, frame)
            return
        if frame.more:
            self._find_head(turn, link, mailbox, held.seq)
        elif held.seq < own.device_list.seq:
            self._publish_after(turn, link, mailbox, held.seq)
        elif held.head == own.device_list.head:
            own.published_seq = held.seq
            turn.put(own.put())
            self.count(turn, link)
        else:
            self._adopt_newer(turn, link, mailbox, frame.lists)

    def _adopt_newer(self, turn: Turn, link: Link, mailbox: Mailbox, lists: tuple[bytes, ...]) -> None:
        """Our store is older than the directory: follow our own published chain (ID-07)."""
        own = self._state.own
        try:
            newest = identity.verify_chain(own.account_id, own.device_list.head, lists, turn.now_ms)
            newest.check_record(own.device.record)
        except E2eeError as error:
            link.drop(turn, _REFUSED_RETRY_MS)
            turn.notify(ConnectionChanged(ConnectionState.OFFLINE, link.channel.relay_url, error.code))
            return
        self._upkeep.store_list(turn, newest)
        own.published_seq = newest.seq
        self.publish(turn, link, mailbox)

    def count(self, turn: Turn, link: Link) -> None:
        """Ask for the relay's stock of our prekeys and fill it up."""
        own = self._state.own
        link.request(
            turn,
            lambda request_id: PrekeysCount(request_id, own.account_id, own.device.record.hash),
            partial(self._stock, link),
        )

    def low(self, turn: Turn, frame: LowPrekeys) -> None:
        """Tell of it, and refill soon, not at once: that would tell when we are online (pitfall 17)."""
        self._shortage.heard(turn, frame.one_time_x25519, frame.one_time_kem)
        if self.refill_at_ms is None:
            jitter = int.from_bytes(self._state.ports.rng(4), "big") % _REFILL_JITTER_MS
            self.refill_at_ms = turn.now_ms + jitter

    def refill(self, turn: Turn) -> None:
        """Carry out a refill that is due, or the upload after a rotation."""
        self.refill_at_ms = None
        for mailbox in self._state.mailboxes.values():
            link = self._link_of(turn, self.channel(mailbox))
            if not mailbox.contact and link.state is LinkState.READY and self._state.own.publish:
                self.publish(turn, link, mailbox)

    def _stock(self, link: Link, turn: Turn, frame: Response) -> None:
        own = self._state.own
        if not isinstance(frame, PrekeysStock):
            if (
                isinstance(frame, ErrorReply)
                and frame.code is ErrorCode.NOT_AUTHENTICATED
                and own.published_seq
            ):
                # The relay does not have our entry: an old backup was put back there.
                own.published_seq = 0
                turn.put(own.put())
                self.publish(turn, link, self._state.mailboxes[link.channel.mailbox])
            return
        self._upkeep.skip_ids(turn, max(frame.highest_x25519_id, frame.highest_kem_id))
        self._upkeep.rotate(turn)
        current = self._upkeep.current()
        if current is None:
            return
        spk, pqk = (item.pair.prekey for item in current)
        stale = frame.signed_prekey_id != spk.id or frame.last_resort_id != pqk.id
        opks = self._missing(turn, PrekeyKind.OPK, frame.one_time_x25519)
        pqks = self._missing(turn, PrekeyKind.PQK_ONE_TIME, frame.one_time_kem)
        if stale or opks or pqks:
            link.request(
                turn,
                lambda request_id: PrekeysUpload(
                    request_id, own.account_id, own.device.record.hash, spk.signed, pqk.signed, opks, pqks
                ),
                partial(self._uploaded, link),
            )
        else:
            self._is_published(turn, link)

    def _uploaded(self, link: Link, turn: Turn, frame: Response) -> None:
        if isinstance(frame, PrekeysStock):
            self._shortage.end()
            self._is_published(turn, link)
        else:
            self._refused(turn, link, frame)

    def _is_published(self, turn: Turn, link: Link) -> None:
        """Entry and prekeys are at the relay: whoever has our card can write to us."""
        if not self.published:
            self.published = True
            turn.notify(ConnectionChanged(ConnectionState.ONLINE, link.channel.relay_url))

    def _missing(self, turn: Turn, kind: PrekeyKind, held: int) -> tuple[bytes, ...]:
        if held >= REFILL_BELOW:
            return ()
        made = self._upkeep.make_one_time(turn, kind, STOCK - held)
        return tuple(item.pair.prekey.signed for item in made)


def _token_add(mailbox_id: bytes, hashes: tuple[bytes, ...], kind: TokenClass, request_id: int) -> TokenAdd:
    return TokenAdd(request_id, mailbox_id, hashes, kind)


def _ignore(_turn: Turn, _frame: Response) -> None:
    """The answer changes nothing: what was asked is repeated when it is needed again."""
