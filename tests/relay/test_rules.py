"""The rules by themselves, on a view in dictionaries: each decision, and that a refusal changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import cbor2
import pytest
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import (
    Ack,
    CreateMailbox,
    DeleteMailbox,
    ErrorCode,
    Lookup,
    LookupResult,
    PrekeysFetch,
    PrekeysStock,
    PrekeysUpload,
    Publish,
    Send,
    SendItem,
    SendResult,
    TokenAdd,
    TokenClass,
    TokenRevoke,
    TtlClass,
    hour_of,
    token_hash,
)
from e2ee_relay.rules import decide, told_hour_ms
from e2ee_relay.store.api import (
    ACCOUNT,
    HOUR_MS,
    MAILBOX,
    UNAVAILABLE,
    DeviceStock,
    Find,
    Found,
    HandedOut,
    Op,
    Open,
    Page,
    Read,
    Refusal,
    Remove,
    Request,
    Stocks,
)
from relay_actors import DAY_MS, START_MS, Company, Owner
from view_in_memory import Asker, MemoryView

OK = SendResult(ErrorCode.OK)
DENIED = SendResult(ErrorCode.DENIED)


class NoPeer:
    """Gives request ids to what makes requests for a connection."""

    def next_id(self) -> int:
        return 1


@dataclass
class Scene:
    """A mailbox with one contact, its authenticated owner, and somebody who proved nothing."""

    view: MemoryView = field(default_factory=MemoryView)
    owner: Owner = field(default_factory=Owner)
    stranger: Asker = field(default_factory=Asker)
    now_ms: int = START_MS + 1_234_567

    def __post_init__(self) -> None:
        self.asker = Asker(owned={self.owner.mailbox: self.owner.owner_pub})
        assert self.ask(CreateMailbox(1, self.owner.mailbox, self.owner.owner_pub)) is None
        assert self.ask(self.grant(self.owner.token)) is None

    def grant(self, token: bytes, kind: TokenClass = TokenClass.CONTACT) -> TokenAdd:
        return TokenAdd(1, self.owner.mailbox, (token_hash(token),), kind)

    def ask(self, request: Request, policy: Policy | None = None, by: Asker | None = None) -> object:
        return self.view.decide(by or self.asker, request, self.now_ms, policy).result

    def send(self, *items: SendItem, policy: Policy | None = None) -> list[SendResult]:
        result = self.ask(Send(1, items), policy, self.stranger)
        assert isinstance(result, list)
        return result

    def company(self) -> Company:
        company = Company(self.owner, self.now_ms)
        assert self.ask(company.entry(NoPeer(), company.make_list([company.record]))) is None  # type: ignore[arg-type]  # it gives the id
        assert self.ask(self.grant(company.front_token, TokenClass.FRONT_DOOR)) is None
        return company

    def upload(self, company: Company, x25519: int, kem: int, **changes: bool) -> PrekeysUpload:
        return company.upload(NoPeer(), x25519, kem, **changes)  # type: ignore[arg-type]  # it gives the id

    def fetch(self, company: Company, token: bytes | None = None) -> PrekeysFetch:
        return PrekeysFetch(1, company.account_id, company.record_hash, token or company.front_token, b"")


@pytest.fixture
def scene() -> Scene:
    return Scene()


# --- messages ---


def test_a_message_is_stored_with_its_hour_and_its_id(scene: Scene) -> None:
    """RLY-34, RLY-41."""
    op = scene.view.decide(scene.stranger, Send(1, (scene.owner.item(b"x"),)), scene.now_ms)
    assert op.result == [OK]
    assert op.fresh is not None
    (fresh,) = op.fresh
    hour = hour_of(scene.now_ms)
    assert (fresh.seq, fresh.received_ms) == ((1 << 32) + 1, hour)
    assert fresh.expires_ms == hour + HOUR_MS + Policy().retention_s * 1000
    assert (fresh.box.held, fresh.box.held_b) == (1, 1)


def test_a_repeated_id_is_answered_ok_and_stored_once(scene: Scene) -> None:
    """RLY-32."""
    item = scene.owner.item(b"x")
    assert scene.send(item, item) == [OK, OK]
    assert scene.send(item) == [OK]
    assert len(scene.view.messages) == 1


@pytest.mark.parametrize(
    "change",
    [{"mailbox": bytes(16)}, {"token": bytes(32)}],
    ids=["unknown mailbox", "unknown token"],
)
def test_unknown_mailbox_and_unknown_token_are_denied_alike(scene: Scene, change: dict[str, bytes]) -> None:
    """RLY-31."""
    assert scene.send(scene.owner.item(b"x", **change)) == [DENIED]
    assert not scene.view.messages


def test_a_revoked_token_is_denied(scene: Scene) -> None:
    """RLY-25, RLY-31."""
    revoke = TokenRevoke(1, scene.owner.mailbox, (token_hash(scene.owner.token),))
    assert scene.ask(revoke) is None
    assert scene.send(scene.owner.item(b"x")) == [DENIED]


@pytest.mark.parametrize(
    "policy",
    [Policy(quota_messages=2), Policy(quota_b=5)],
    ids=["messages", "bytes"],
)
def test_a_full_mailbox_takes_no_more_until_one_is_acknowledged(scene: Scene, policy: Policy) -> None:
    """RLY-33, RLY-37."""
    sent = scene.send(*[scene.owner.item(b"xx") for _ in range(3)], policy=policy)
    assert [one.code for one in sent] == [ErrorCode.OK, ErrorCode.OK, ErrorCode.QUOTA]
    first = min(seq for _, seq in scene.view.messages)
    op = scene.view.decide(scene.asker, Ack(1, scene.owner.mailbox, (first, first, 5)), scene.now_ms)
    assert (op.result, op.count) == (None, 1)
    assert scene.send(scene.owner.item(b"xx"), policy=policy) == [OK]


def test_an_empty_bucket_stores_nothing(scene: Scene) -> None:
    """RLY-42."""
    scene.view.limits.wait_ms = 77
    assert scene.send(scene.owner.item(b"x")) == [SendResult(ErrorCode.RATE_LIMITED, 77)]
    assert not scene.view.messages


def test_what_is_refused_charges_no_bucket(scene: Scene) -> None:
    """RLY-42: a bucket is charged by what would be stored."""
    scene.send(scene.owner.item(b"x", token=bytes(32)))
    scene.send(scene.owner.item(b"x"), policy=Policy(quota_messages=0))
    assert scene.view.limits.charged == []


def test_an_ephemeral_message_is_brought_and_not_stored(scene: Scene) -> None:
    """RLY-40."""
    item = scene.owner.item(b"x", ttl=TtlClass.EPHEMERAL)
    op = scene.view.decide(scene.stranger, Send(1, (item,)), scene.now_ms)
    assert op.result == [OK]
    assert op.fresh is not None
    assert op.fresh[0].seq == 0
    assert not scene.view.messages


def test_the_short_class_expires_to_the_millisecond(scene: Scene) -> None:
    """RLY-41."""
    scene.send(scene.owner.item(b"x", ttl=TtlClass.MINUTE))
    (fresh,) = scene.view.messages.values()
    assert fresh.expires_ms == scene.now_ms + 60_000


def test_work_is_asked_of_front_door_tokens_only(scene: Scene) -> None:
    """RLY-24."""
    front = os.urandom(32)
    scene.ask(scene.grant(front, TokenClass.FRONT_DOOR))
    policy = Policy(pow_bits_send=20)
    asked = scene.send(scene.owner.item(b"x", token=front), scene.owner.item(b"x"), policy=policy)
    assert [one.code for one in asked] == [ErrorCode.POW_REQUIRED, ErrorCode.OK]


def test_only_the_owner_acknowledges(scene: Scene) -> None:
    """RLY-26: another key for the same mailbox, and none."""
    scene.send(scene.owner.item(b"x"))
    ((_, seq),) = scene.view.messages
    for asker in (scene.stranger, Asker(owned={scene.owner.mailbox: bytes(32)})):
        assert scene.ask(Ack(1, scene.owner.mailbox, (seq,)), by=asker) == Refusal(
            ErrorCode.NOT_AUTHENTICATED
        )
    assert len(scene.view.messages) == 1


def test_a_read_leaves_out_what_is_in_flight_and_what_has_expired(scene: Scene) -> None:
    scene.send(*[scene.owner.item(bytes([n])) for n in range(3)])
    scene.send(scene.owner.item(b"short", ttl=TtlClass.MINUTE))
    scene.now_ms += 60_000
    first = min(seq for _, seq in scene.view.messages)
    page = scene.ask(Read(scene.owner.mailbox, (first,), 64, 1 << 18))
    assert isinstance(page, Page)
    assert [one.body for one in page.messages] == [b"\1", b"\2"]
    assert page.is_drained


def test_the_told_hour_follows_the_machines_clock_by_whole_hours() -> None:
    """RLY-34, RLY-133."""
    assert told_hour_ms(START_MS + 5, 0) == hour_of(START_MS)
    assert told_hour_ms(START_MS, 29 * 60_000) == hour_of(START_MS)
    assert told_hour_ms(START_MS, 31 * 60_000) == hour_of(START_MS) + HOUR_MS


# --- mailboxes ---


def test_creating_again_with_the_same_key_is_done_without_being_charged(scene: Scene) -> None:
    """RLY-20, RLY-21."""
    asker = Asker(refusal=Refusal(ErrorCode.RATE_LIMITED, 9))
    create = CreateMailbox(1, scene.owner.mailbox, scene.owner.owner_pub)
    assert scene.ask(create, by=asker) is None
    assert asker.admissions == 0


def test_another_key_is_denied_and_an_admission_comes_first(scene: Scene) -> None:
    """RLY-20, RLY-21."""
    create = CreateMailbox(1, scene.owner.mailbox, bytes(32))
    assert scene.ask(create, by=Asker()) == Refusal(ErrorCode.DENIED)
    refusal = Refusal(ErrorCode.REGISTRATION_REFUSED)
    assert scene.ask(create, by=Asker(refusal=refusal)) == refusal
    assert scene.view.boxes[scene.owner.mailbox].owner_pub == scene.owner.owner_pub


def test_find_does_not_tell_unknown_from_foreign_and_notes_the_day_once_a_week(scene: Scene) -> None:
    """RLY-23, RLY-79."""
    unknown, mailbox, key = os.urandom(16), scene.owner.mailbox, scene.owner.owner_pub
    assert scene.ask(Find((mailbox, unknown), key)) == Found((mailbox,), (unknown,))
    assert scene.ask(Find((mailbox,), bytes(32))) == Found((), (mailbox,))
    created = scene.view.boxes[mailbox].used_day
    scene.now_ms += 6 * DAY_MS
    scene.ask(Find((mailbox,), key))
    assert scene.view.boxes[mailbox].used_day == created
    scene.now_ms += DAY_MS
    scene.ask(Find((mailbox,), key))
    assert scene.view.boxes[mailbox].used_day == created + 7


def test_tokens_beyond_the_limit_are_refused_as_a_whole(scene: Scene) -> None:
    policy = Policy(max_tokens=2)
    hashes = (os.urandom(32), os.urandom(32))
    add = TokenAdd(1, scene.owner.mailbox, hashes, TokenClass.CONTACT)
    assert scene.ask(add, policy) == Refusal(ErrorCode.QUOTA)
    assert len(scene.view.tokens) == 1


def test_open_is_all_or_nothing(scene: Scene) -> None:
    """RLY-26, RLY-39."""
    opened = scene.ask(Open((scene.owner.mailbox, scene.owner.mailbox)))
    assert isinstance(opened, tuple)
    assert len(opened) == 1
    refused = scene.ask(Open((scene.owner.mailbox, os.urandom(16))))
    assert refused == Refusal(ErrorCode.NOT_AUTHENTICATED)
    assert scene.view.opened == 1


def test_nothing_is_left_of_a_deleted_mailbox(scene: Scene) -> None:
    """RLY-27."""
    company = scene.company()
    scene.ask(scene.upload(company, 2, 2))
    scene.send(scene.owner.item(b"x"))
    assert scene.ask(DeleteMailbox(1, scene.owner.mailbox), by=scene.stranger) == Refusal(
        ErrorCode.NOT_AUTHENTICATED
    )
    assert scene.ask(DeleteMailbox(1, scene.owner.mailbox)) is None
    view = scene.view
    assert [view.boxes, view.tokens, view.messages, view.seen, view.keys] == [{}, {}, {}, set(), {}]
    assert view.entries[company.account_id].devices[0].address is None


# --- what is blocked, and a full disk ---


def test_a_blocked_mailbox_is_served_no_longer(scene: Scene) -> None:
    """RLY-86."""
    mailbox = scene.owner.mailbox
    scene.view.blocked = frozenset({mailbox})
    refused = Refusal(ErrorCode.NOT_AUTHENTICATED)
    assert scene.send(scene.owner.item(b"x")) == [DENIED]
    assert scene.ask(Find((mailbox,), scene.owner.owner_pub)) == Found((), (mailbox,))
    assert scene.ask(CreateMailbox(1, mailbox, scene.owner.owner_pub)) == Refusal(ErrorCode.DENIED)
    for request in (Ack(1, mailbox, (1,)), Open((mailbox,)), DeleteMailbox(1, mailbox), scene.grant(b"")):
        assert scene.ask(request) == refused


def test_a_blocked_account_is_served_no_longer(scene: Scene) -> None:
    """RLY-86."""
    company = scene.company()
    scene.ask(scene.upload(company, 1, 1))
    scene.view.blocked = frozenset({company.account_id})
    assert scene.ask(Lookup(1, company.account_id, 0)) == Refusal(ErrorCode.NOT_FOUND)
    assert scene.ask(scene.fetch(company)) == Refusal(ErrorCode.DENIED)
    assert scene.ask(scene.upload(company, 1, 1)) == Refusal(ErrorCode.NOT_AUTHENTICATED)
    publish = company.entry(NoPeer(), company.make_list([company.record]))  # type: ignore[arg-type]  # it gives the id
    assert scene.ask(publish) == Refusal(ErrorCode.DENIED)


def test_without_room_nothing_is_added_and_all_else_goes_on(scene: Scene) -> None:
    """RLY-131."""
    company = scene.company()
    scene.ask(scene.upload(company, 2, 2))
    scene.send(scene.owner.item(b"x"))
    ((_, seq),) = scene.view.messages
    scene.view.has_room = False
    adding: list[Callable[[], Request]] = [
        lambda: CreateMailbox(1, os.urandom(16), bytes(32)),
        lambda: scene.grant(os.urandom(32)),
        lambda: Publish(
            1, company.account_id, (company.make_list([company.record], k3=2),), (company.record,), (None,)
        ),
        lambda: scene.upload(company, 1, 1, reusable=False),
    ]
    company.lists.append(scene.view.rows[company.account_id][0].encoded)
    for make in adding:
        assert scene.ask(make()) == UNAVAILABLE
    assert scene.send(scene.owner.item(b"y"))[0].code is ErrorCode.UNAVAILABLE
    assert scene.ask(Ack(1, scene.owner.mailbox, (seq,))) is None
    assert isinstance(scene.ask(scene.fetch(company)), HandedOut)
    assert not scene.view.messages


def test_what_is_decided_again_is_charged_once(scene: Scene) -> None:
    """RLY-196: and each item by itself, those of one id too."""
    company, passing = scene.company(), scene.owner.item(b"x", ttl=TtlClass.EPHEMERAL)
    scene.ask(scene.upload(company, 2, 2))
    asker, mailbox = Asker(), os.urandom(16)
    sent = Op(scene.stranger, Send(1, (passing, passing)))
    created = Op(asker, CreateMailbox(1, mailbox, bytes(32)))
    fetched = Op(scene.stranger, scene.fetch(company))
    for _ in range(2):
        for op in (sent, created, fetched):
            decide(scene.view, op, Policy(), scene.now_ms)
        del scene.view.boxes[mailbox]
        scene.view.limits.grants = False
    assert len(scene.view.limits.charged) == 2
    assert asker.admissions == 1
    assert isinstance(fetched.result, HandedOut)
    assert not fetched.result.is_held_back


# --- entries and prekeys ---


def test_an_entry_is_looked_up_behind_a_number(scene: Scene) -> None:
    """RLY-55."""
    company = scene.company()
    listed = scene.ask(Lookup(1, company.account_id, 0), by=scene.stranger)
    assert isinstance(listed, LookupResult)
    assert (len(listed.lists), listed.records, listed.more) == (1, (company.record,), False)
    later = scene.ask(Lookup(1, company.account_id, 9), by=scene.stranger)
    assert isinstance(later, LookupResult)
    assert later.lists == ()
    assert scene.ask(Lookup(1, os.urandom(32), 0)) == Refusal(ErrorCode.NOT_FOUND)


def test_an_entry_is_published_by_the_owner_of_a_named_mailbox(scene: Scene) -> None:
    """RLY-50, RLY-51."""
    company = Company(scene.owner, scene.now_ms)
    publish = company.entry(NoPeer(), company.make_list([company.record]))  # type: ignore[arg-type]  # it gives the id
    assert scene.ask(publish, by=scene.stranger) == Refusal(ErrorCode.NOT_AUTHENTICATED)
    assert not scene.view.entries
    lists = [company.make_list([company.record], k3=seq) for seq in (3, 2)]
    stale = company.entry(NoPeer(), *lists)  # type: ignore[arg-type]  # it gives the id
    assert scene.ask(stale) == Refusal(ErrorCode.STALE_ENTRY)
    foreign = company.entry(NoPeer(), company.make_list([company.record], scene.owner.key))  # type: ignore[arg-type]  # it gives the id
    assert scene.ask(foreign) == Refusal(ErrorCode.BAD_ENTRY)


def test_each_one_time_key_is_handed_out_once(scene: Scene) -> None:
    """RLY-63, RLY-64."""
    company = scene.company()
    scene.ask(scene.upload(company, 2, 1))
    given = [scene.ask(scene.fetch(company), by=scene.stranger) for _ in range(3)]
    bundles = [cbor2.loads(one.bundle) for one in given if isinstance(one, HandedOut)]
    flags = [(one.one_time_x25519, one.one_time_kem) for one in given if isinstance(one, HandedOut)]
    assert flags == [(True, True), (True, False), (False, False)]
    assert len({bundles[0][4], bundles[1][4], bundles[2][4]}) == 3
    assert bundles[1][5] == bundles[2][5]


def test_a_fetch_beyond_the_devices_bucket_spends_nothing(scene: Scene) -> None:
    """RLY-164."""
    company = scene.company()
    scene.ask(scene.upload(company, 2, 2))
    scene.view.limits.grants = False
    given = scene.ask(scene.fetch(company), by=scene.stranger)
    assert isinstance(given, HandedOut)
    assert (given.is_held_back, given.one_time_x25519, given.left_x25519, given.left_kem) == (
        True,
        False,
        2,
        2,
    )


def test_a_fetch_needs_the_front_door_token_of_the_devices_address(scene: Scene) -> None:
    """RLY-65: a contact's token of the same mailbox is none."""
    company = scene.company()
    scene.ask(scene.upload(company, 1, 1))
    denied = Refusal(ErrorCode.DENIED)
    assert scene.ask(scene.fetch(company, scene.owner.token)) == denied
    assert scene.ask(scene.fetch(company, os.urandom(32))) == denied
    assert scene.ask(PrekeysFetch(1, os.urandom(32), company.record_hash, company.front_token, b"")) == denied


def test_without_keys_in_force_there_is_no_bundle(scene: Scene) -> None:
    """RLY-66: no upload, and an expired list."""
    company = scene.company()
    assert scene.ask(scene.fetch(company)) == Refusal(ErrorCode.NO_PREKEYS)
    scene.ask(scene.upload(company, 1, 1))
    scene.view.skew_ms = 31 * DAY_MS
    assert scene.ask(scene.fetch(company)) == Refusal(ErrorCode.NO_PREKEYS)
    assert scene.view.stock(company.record_hash).one_time_x25519 == 1


def test_keys_with_known_ids_are_ignored_and_a_full_stock_is_refused(scene: Scene) -> None:
    """RLY-62."""
    company = scene.company()
    first = scene.upload(company, 3, 3)
    stock = scene.ask(first)
    assert isinstance(stock, PrekeysStock)
    assert (stock.one_time_x25519, stock.highest_x25519_id, stock.signed_prekey_id) == (3, 3, 1)
    assert scene.ask(first) == stock
    beyond = scene.ask(scene.upload(company, 2, 0, reusable=False), Policy(max_one_time_keys=4))
    assert isinstance(beyond, Refusal)
    assert beyond.code is ErrorCode.QUOTA
    assert PrekeysStock(0, *scene.view.stock(company.record_hash)) == stock


def test_the_stocks_behind_a_mailbox_are_found(scene: Scene) -> None:
    """RLY-67."""
    company = scene.company()
    scene.ask(scene.upload(company, 2, 1))
    (found,) = scene.view.decide(scene.asker, Stocks(scene.owner.mailbox), scene.now_ms).result
    assert isinstance(found, DeviceStock)
    assert (found.account_id, found.stock.one_time_kem) == (company.account_id, 1)


def test_the_operator_removes_an_account_or_a_mailbox(scene: Scene) -> None:
    """RLY-77."""
    company = scene.company()
    scene.ask(scene.upload(company, 1, 1))
    assert scene.ask(Remove(ACCOUNT, company.account_id)) is None
    assert not scene.view.entries
    assert scene.ask(Remove(MAILBOX, scene.owner.mailbox)) is None
    assert scene.ask(Remove(MAILBOX, scene.owner.mailbox)) is None
    assert not scene.view.boxes
