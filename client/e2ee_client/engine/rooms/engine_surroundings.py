"""The engine as rooms see it: teams, devices, posting, timers. `Surroundings` says what each method does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from e2ee.constants import CONTENT_ID_B
from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import ConsentWithdrawn, InvalidArgument, RemoteError, RoomErased
from e2ee.identity import DeviceKind, ListHead
from e2ee.ids import AccountId, ContentId, DeviceId, SignPublic
from e2ee.rooms.agent_card import AgentCard
from e2ee.rooms.entry import Author, EntryHash, RoomId
from e2ee.rooms.forward import without_bodies
from e2ee.rooms.kinds import Side
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.notice import Notice
from e2ee.rooms.roster import RosterRef
from e2ee.rooms.signals import encode_dossier
from e2ee.rooms.team import TeamView
from e2ee.secret import SigningKey
from e2ee_client.engine.part import Part
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.posted import Posted
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import RoomEvent

from .admission import does_last
from .on_days import on_since_ms
from .policies import load_policy
from .surroundings import Papers

if TYPE_CHECKING:
    from e2ee_client.engine.context import Context

Tick = Callable[[RoomId, Turn], None]
_MAX_VOUCHED: Final = 4_096


class EngineSurroundings(Part):
    """`turn` is the step that runs; whoever calls a room sets it first. `posted` counts what was posted."""

    def __init__(self, context: Context, tick: Tick) -> None:
        super().__init__(context)
        self._tick = tick
        self._signers: dict[Author, SignPublic] = {}
        self._vouched: dict[tuple[Author, RosterRef], None] = {}
        self.turn = Turn(0)
        self.posted = 0
        self.policy = load_policy(context.state.rows)

    @property
    def us(self) -> Author:
        own = self._state.own
        return Author(own.account_id, own.device.record.device_id)

    @property
    def leaving(self) -> frozenset[DeviceId]:
        """Devices of our account that the next list does not name."""
        return frozenset(one.record.device_id for one in self._state.own_devices.values() if one.leaving)

    @property
    def is_stopped(self) -> bool:
        """Whether our device writes nothing more (ACC-67, ID-48)."""
        return self._state.is_stopped

    @property
    def has_all_since_ms(self) -> int | None:
        return self._context.links.have_all_since_ms()

    def on_since_ms(self, turn: Turn) -> int | None:
        """Return since when our device was on for 14 days (ROOM-24)."""
        return on_since_ms(turn, self.rows)

    def check_goes_on(self) -> None:
        self._state.check_goes_on()

    def check_listed(self, turn: Turn) -> None:
        self._context.upkeep.check_listed(turn)

    @property
    def side(self) -> Side:
        """`CUSTOMER` for a device of a person."""
        is_person = self._state.own.device.record.kind is DeviceKind.PERSON
        return Side.CUSTOMER if is_person else Side.COMPANY

    @property
    def key(self) -> SigningKey:
        return self._state.own.device.signing_key

    @property
    def rows(self) -> RowReader:
        return self._state.rows

    def rng(self, size_b: int) -> bytes:
        """Return random bytes (PRM-08)."""
        return self._state.ports.rng(size_b)

    def gaps(self, turn: Turn) -> int:
        """Return how often our device was suspended and has caught up since (CNS-74)."""
        return self._context.rooms.hearing.gaps(turn) if self.side is Side.COMPANY else 0

    # --- who is there ---

    def team(self, company: AccountId, now_ms: int) -> TeamView:
        """Return who of a company is in force now; as `Surroundings.team`."""
        return self._context.team.view(self.turn, company)

    def team_by(self, company: AccountId, ref: RosterRef) -> TeamView | None:
        """Return who was in force by one roster (ACC-21)."""
        return self._context.team.view_by(self.turn, company, ref)

    def mandate(self, company: AccountId) -> Mandate | None:
        """Return the mandate of a company that counts (ACC-05)."""
        standing = self._context.team.standing(company)
        return None if standing is None else standing.mandate

    def suspended(self, company: AccountId) -> frozenset[DeviceId]:
        """Return whom the newest mandate, or any known roster of it, suspends (ROOM-28)."""
        standing = self._context.team.standing(company)
        return frozenset() if standing is None else standing.suspended

    def devices(self, account_id: AccountId) -> tuple[DeviceId, ...]:
        """Return those of the newest accepted list whose records are known, ours included."""
        contact = self._state.party(account_id)
        if contact is None:
            return (self.us.device_id,) if account_id == self.us.account_id else ()
        found = {one.device_id for one in self._state.peers_named(contact)}
        if account_id == self.us.account_id:
            found.add(self.us.device_id)
        return tuple(sorted(found))

    def list_head(self, account_id: AccountId) -> ListHead | None:
        """Return the newest accepted list of an account (ROOM-05)."""
        if account_id == self.us.account_id:
            return self._state.own.device_list.head
        contact = self._state.contacts.get(account_id)
        return None if contact is None else contact.head

    def created_ms(self, device: Author) -> int | None:
        """Return when the record of a device was made, which may be ours; None if it is not known."""
        peer = self._state.peers.get(device.account_id + device.device_id)
        if device == self.us:
            return self._state.own.device.record.created_ms
        return None if peer is None else peer.record.created_ms

    def listed_since(self, device: Author) -> int | None:
        """Return the number of the list that named a device of the customer first (TRN-48)."""
        own, peer = self._state.own, self._state.peers.get(device.account_id + device.device_id)
        if device.account_id == own.account_id and own.account_key is not None:
            return 0
        return None if peer is None else peer.listed_seq

    def signer(self, author: Author) -> SignPublic | None:
        found = self._signers.get(author)
        if found is None:
            found = self._signer(author)
            if found is not None:
                self._signers[author] = found
        return found

    def _signer(self, author: Author) -> SignPublic | None:
        if author == self.us:
            return self._state.own.device.record.sign_public
        peer = self._state.peers.get(author.account_id + author.device_id)
        if peer is not None:
            return peer.record.sign_public
        records = self._context.team.kept_records(self.turn, author.account_id)
        return next((one.sign_public for one in records if one.device_id == author.device_id), None)

    def papers(self, customer: Author, company: AccountId) -> Papers | None:
        """Return what a proof says of a device of the customer (CNS-30)."""
        standing, record, signed = self._context.team.standing(company), None, None
        if customer.account_id == self.us.account_id:
            signed = self._state.own.device_list.signed
        elif (contact := self._state.contacts.get(customer.account_id)) is not None:
            signed = contact.signed_list
        peer = self._state.peers.get(customer.account_id + customer.device_id)
        if peer is not None:
            record = peer.record
        elif customer == self.us:
            record = self._state.own.device.record
        if standing is None or record is None or signed is None:
            return None
        return Papers(record.encoded, signed, standing.mandate.signed)

    def card(self, company: AccountId, device_id: DeviceId) -> AgentCard | None:
        """Return the card of a device in force (ACC-14)."""
        return self._context.team.card(self.turn, company, device_id)

    def learn_card(self, turn: Turn, company: AccountId, card_b: bytes) -> None:
        """Take a card that a state gives; one that does not fit is passed over (ACC-14)."""
        with suppress(RemoteError):
            self._context.team.learn_card(turn, company, card_b)

    def notice(self, company: AccountId, notice_hash: bytes) -> Notice | None:
        """Return a verified notice of a company by its hash (CNS-07)."""
        return self._context.team.notice(self.turn, company, notice_hash)

    # --- what goes out ---

    def post(self, turn: Turn, content: Content, to: Iterable[Author]) -> None:
        payload = content.payload
        if not isinstance(payload, OfRooms):
            raise InvalidArgument("a room posts contents of rooms")
        self.posted += 1
        posted = Posted(content.id, content.sent_ms, payload.type, payload.payload, does_last(payload))
        self._context.posting.post(turn, posted, [one for one in to if self._state.party(one.account_id)])

    def signal(self, turn: Turn, payload: OfRooms, to: Iterable[Author]) -> None:
        self._context.posting.signal(turn, payload, to)

    def recall(self, turn: Turn, device: Author, goes: Callable[[OfRooms], bool]) -> list[ContentId]:
        def is_ours(posted: Posted) -> bool:
            return goes(OfRooms(posted.type, posted.payload))

        if self._state.party(device.account_id) is None:
            return []
        return [ContentId(one) for one in self._context.posting.recall(turn, *device, is_ours)]

    def take_back(
        self, turn: Turn, room_id: RoomId, hashes: frozenset[EntryHash], *, is_erased: bool = True
    ) -> None:
        """Send no body of these entries any more, alone or in a forward (ROOM-44); what was withdrawn still
        goes to other devices of ours (ROOM-66).
        """
        self._context.posting.take_back(
            turn,
            [one[:CONTENT_ID_B] for one in sorted(hashes)],
            lambda payload: without_bodies(payload, room_id, hashes),
            code=(RoomErased if is_erased else ConsentWithdrawn).code,
            but=None if is_erased else self.us.account_id,
        )

    def introduce(self, turn: Turn, customer: AccountId, to: DeviceId) -> None:
        """Post the dossier of a customer's devices to a company's device that joins (ROOM-25)."""
        dossier = self._context.dossiers.of(customer)
        if dossier is not None:
            self._post_new(
                turn, OfRooms(ContentType.DOSSIER, encode_dossier(dossier)), Author(self.us.account_id, to)
            )

    def vouch(
        self,
        turn: Turn,
        company: AccountId,
        rosters: Iterable[RosterRef],
        to: Author,
        *,
        is_repeated: bool = True,
    ) -> None:
        """Post what these rosters are judged by, as contents of type 12 (ROOM-25, ACC-21)."""
        for ref in rosters:
            if not is_repeated and (to, ref) in self._vouched:
                continue
            content = self._context.announcing.content(turn, company, ref, to)
            if content is not None:
                self._post_new(turn, content.encode(), to)
                self._vouched[to, ref] = None
                if len(self._vouched) > _MAX_VOUCHED:
                    del self._vouched[next(iter(self._vouched))]

    def _post_new(self, turn: Turn, payload: OfRooms, to: Author) -> None:
        content = Content(ContentId(self.rng(CONTENT_ID_B)), turn.now_ms, payload)
        self.post(turn, content, [to])

    def look_up(self, turn: Turn, account_id: AccountId) -> None:
        contact = self._state.party(account_id)
        if contact is not None:
            self._context.directory.catch_up(turn, contact)

    # --- time and application ---

    def wake(self, turn: Turn, room_id: RoomId, at_ms: int | None) -> None:
        if at_ms is None:
            self._context.timers.drop(("room", room_id))
        else:
            self._context.timers.set(("room", room_id), at_ms, partial(self._tick, room_id))

    def tell(self, turn: Turn, event: RoomEvent) -> None:
        self._context.rooms.heard(turn, event)
        turn.notify(event)
        self._context.rooms.files.heard(turn, event)
