"""What a negative vector is given to: the operation of its name, and what must hold after the refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vector_devices import responder_keys
from vector_files import unhex
from vector_play import no_encapsulation

from e2ee import card, content, files, fingerprint, identity, labels, prekeys, session, snapshot
from e2ee import pair as pairs
from e2ee.errors import RemoteError
from e2ee.identity import DeviceList, DeviceRecord, ListHead
from e2ee.ids import AccountId, ContentId, DeviceId, ListHash, SessionId, SignPublic
from e2ee.numbers import Number
from e2ee.prekeys import PrekeyKind, SignedPrekey
from e2ee.primitives import dh, kem, sign
from e2ee.rooms import entry, forward, login, login_texts, payloads, signals, slots, team
from e2ee.rooms.agent_card import AgentCard
from e2ee.rooms.assets import Assets
from e2ee.rooms.channels import Channels
from e2ee.rooms.consent import Receipt, Withdrawal
from e2ee.rooms.door import Door
from e2ee.rooms.entry import Author, EntryHash, RoomId
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.notice import Notice
from e2ee.rooms.proof import Proof
from e2ee.rooms.roster import Roster
from e2ee.rooms.slots import RosterContent
from e2ee.rooms.state import State, WrittenState, check_change
from e2ee.rooms.structure import reading_content
from e2ee.rooms.team import TeamView
from e2ee.secret import FileKey
from e2ee.session import Session
from e2ee.wire import cbor, envelope

LABELS = {value.rstrip(b"\0").decode(): value for value in vars(labels).values() if isinstance(value, bytes)}
Input = dict[str, Any]


def _record(given: Input) -> DeviceRecord:
    return DeviceRecord.decode(unhex(given["record"]))


def _account(given: Input) -> AccountId:
    return AccountId(unhex(given["account_id"]))


def _pinned(given: Input) -> ListHead | None:
    head = given["pinned"]
    return None if head is None else ListHead(head["seq"], ListHash(unhex(head["hash"])))


def pinned_lists(row: dict[str, str] | None) -> dict[AccountId, DeviceList]:
    """The pinned list of an account, as a flight's vector gives it."""
    if row is None:
        return {}
    account_id = AccountId(unhex(row["account_id"]))
    return {account_id: DeviceList.verify(account_id, unhex(row["signed_list"]))}


def _signature(given: Input) -> None:
    message = LABELS[given["label"]] + unhex(given["data"])
    sign.verify(unhex(given["public"]), message, unhex(given["signature"]))


def _chain(given: Input) -> None:
    links = [unhex(link) for link in given["links"]]
    identity.verify_chain(_account(given), _pinned(given), links, given["now_ms"])


def _file(given: Input) -> None:
    said = given["announced"]
    announced = files.Announced(said["size_b"], said["padded_b"], unhex(said["hash"]))
    for _ in files.open_(FileKey(unhex(given["key"])), announced, map(unhex, given["parts"])):
        pass


def _prekey(given: Input) -> None:
    SignedPrekey.verify(_record(given), unhex(given["signed"]), [PrekeyKind[kind] for kind in given["kinds"]])


def _bundle(given: Input) -> None:
    links = [unhex(link) for link in given["links"]]
    bundle = unhex(given["bundle"])
    prekeys.verify_bundle(
        _account(given), _pinned(given), links, bundle, given["now_ms"], grace_ms=given["grace_ms"]
    )


def _compact(given: Input) -> None:
    bundle = prekeys.decode_compact(cbor.decode(unhex(given["compact_bundle"])))
    prekeys.verify_compact(_record(given), bundle)


def _successor(given: Input) -> None:
    pinned = DeviceList.verify(_account(given), unhex(given["list"]))
    identity.verify_successor(pinned, unhex(given["signed"]))


def _safety(given: Input) -> None:
    ours, theirs = AccountId(unhex(given["ours"])), AccountId(unhex(given["theirs"]))
    fingerprint.compare_qr(ours, theirs, given["scanned"])


def _restored(given: Input) -> Session:
    rows = [snapshot.decode_skipped(unhex(row["place"]), unhex(row["value"])) for row in given["skipped"]]
    return snapshot.decode_session(unhex(given["session"]), rows)


def _open(given: Input) -> None:
    """Opens in the restored session; its stored form stays, and the honest message opens."""
    ours = _restored(given)
    try:
        session.open_(ours, envelope.decode(unhex(given["envelope"])), given["now_ms"])
    finally:
        assert snapshot.encode_session(ours).hex() == given["session"]
        assert [list(map(bytes.hex, snapshot.encode_skipped(row))) for row in ours.ratchet.skipped] == [
            [row["place"], row["value"]] for row in given["skipped"]
        ]
        flight = envelope.decode(unhex(given["honest"]))
        _opens(lambda: session.open_(ours, flight, given["now_ms"]))


def _opens(honest: Callable[[], object]) -> None:
    """Run what must not be refused, so that its refusal is not taken for the one that is looked for."""
    try:
        honest()
    except RemoteError as error:
        raise AssertionError(f"the honest one is refused with {error.code}") from error


def _respond(given: Input) -> None:
    """Answers a flight; an honest flight to the same keys is accepted afterwards (HS-07)."""
    held = responder_keys(given["responder"], given)
    pinned = pinned_lists(given["pinned"])
    honest = given["honest"]
    try:
        session.respond(envelope.decode(unhex(given["envelope"])), held, pinned.get, given["now_ms"])
    finally:
        assert held == responder_keys(given["responder"], given)
        again = responder_keys(given["responder"], honest)
        flight = envelope.decode(unhex(honest["envelope"]))
        _opens(lambda: session.respond(flight, again, lambda _: None, honest["now_ms"]))


def _seal(given: Input) -> None:
    """Seals a text of `text_b` letters x; under a prefix with an address."""
    ours = snapshot.decode_session(unhex(given["session"]))
    words, number = content.Text("x" * given["text_b"]), Number(1, b"line", 1)
    back = content.WayBack(bytes(16), bytes(32), "wss://relay.example/")
    started = isinstance(ours.phase, session.Started)
    whole = content.Content(
        ContentId(unhex(given["content_id"])),
        given["now_ms"],
        words,
        way_back=back if started else None,
        number=number,
    )
    session.seal(ours, whole, given["now_ms"], bytes, no_encapsulation)


def _check_sending(given: Input) -> None:
    """Asks whether a text, an ask (1) or a tell (2) may be sealed on a session of a stored pair."""
    kind = None if given["sync"] is None else content.SyncKind(given["sync"])
    sync = None if kind is None else content.Sync(kind, bytes(8), None, None, 0)
    pair = snapshot.decode_pair(unhex(given["pair"]), bytes(4))
    pairs.check_sending(pair, SessionId(unhex(given["session_id"])), sync, given["now_ms"])


def _entry(given: Input) -> None:
    author = Author(_account(given), DeviceId(unhex(given["device_id"])))
    signer = None if given["sign_public"] is None else SignPublic(unhex(given["sign_public"]))
    value = cbor.decode(unhex(given["content"]))
    payload = content.OfRooms(content.ContentType.ENTRY, value)
    whole = content.Content(ContentId(unhex(given["content_id"])), given["sent_ms"], payload)
    entry.decode_entry(whole, author, signer)


def _payload(given: Input) -> None:
    with reading_content():
        payloads.decode_payload(given["kind"], cbor.decode(unhex(given["payload"])))


def _line(given: Input) -> None:
    company, customer = AccountId(unhex(given["company"])), AccountId(unhex(given["customer"]))
    known = Author(company, DeviceId(unhex(given["device_id"])))
    key = SignPublic(unhex(given["sign_public"]))
    value = cbor.decode(unhex(given["line"]))
    forward.decode_line(
        value,
        RoomId(unhex(given["room_id"])),
        company,
        customer,
        lambda author: key if author == known else None,
    )


def _state(given: Input) -> None:
    before = State.of(cbor.decode(unhex(given["before"])))
    found = State.of(cbor.decode(unhex(given["state"])))
    ranks = {DeviceId(unhex(device)): rank for device, rank in given["ranks"]}
    check_change(
        WrittenState(EntryHash(bytes(32)), DeviceId(unhex(given["author"])), 0, found), before, ranks
    )


def _mandate(given: Input) -> Mandate:
    return Mandate.verify(_account(given), unhex(given["mandate"]))


def team_view(given: Input) -> TeamView:
    """Learns slots, and says who is in force to somebody with a list and records."""
    account_id = AccountId(unhex(given["list_of"]))
    learned = slots.read_slots(_account(given), None, [unhex(one) for one in given["slots"]], given["now_ms"])
    assert learned.standing is not None
    records = [DeviceRecord.decode(unhex(one)) for one in given["records"]]
    signed_list = DeviceList.verify(account_id, unhex(given["list"]))
    return team.view(learned.standing, signed_list, records, given["now_ms"])


def _door(given: Input) -> None:
    door = unhex(given["door"])
    Door.verify(_account(given), door, given["now_ms"], given["relay_url"], given["origin"])


def _receipt(given: Input) -> Receipt:
    return Receipt.verify(SignPublic(unhex(given["public"])), unhex(given["signed"]))


def _check_receipt(given: Input) -> None:
    notice = Notice.verify(_account(given), unhex(given["notice"]))
    _receipt(given).check(unhex(given["room"]), notice)


def _withdrawal(given: Input) -> None:
    Withdrawal.verify(SignPublic(unhex(given["public"])), unhex(given["signed"]), unhex(given["room"]))


def _login(given: Input) -> None:
    author = Author(AccountId(unhex(given["customer"])), DeviceId(unhex(given["device_id"])))
    times = given["sent_ms"], given["now_ms"]
    login.check_login(_mandate(given), unhex(given["signed"]), author, RoomId(unhex(given["room"])), *times)


def _assets(given: Input) -> Assets:
    return Assets.verify(_account(given), unhex(given["signed"]))


def _check_assets(given: Input) -> None:
    _assets(given).check(given["now_ms"], given["origin"])


def _follows(given: Input) -> None:
    _assets(given).check_follows(Assets.verify(_account(given), unhex(given["known"])))


OF_COMPANIES: dict[str, Callable[[Input], object]] = {
    "mandate.verify": lambda given: Mandate.verify(_account(given), unhex(given["signed"])),
    "roster.verify": lambda given: Roster.verify(_mandate(given), unhex(given["signed"])),
    "agent_card.decode": lambda given: AgentCard.decode(unhex(given["card"])),
    "channels.verify": lambda given: Channels.verify(
        _mandate(given), unhex(given["signed"]), given["now_ms"]
    ),
    "team.view": team_view,
    "roster_content.decode": lambda given: RosterContent.decode(cbor.decode(unhex(given["payload"]))),
    "notice.verify": lambda given: Notice.verify(_account(given), unhex(given["signed"])),
    "door.verify": _door,
    "consent_receipt.verify": _receipt,
    "consent_receipt.check": _check_receipt,
    "withdrawal.verify": _withdrawal,
    "assets.verify": _assets,
    "assets.check": _check_assets,
    "assets.follows": _follows,
    "login.check": _login,
    "login.challenge": lambda given: login_texts.parse_challenge(given["text"]),
    "login.key": lambda given: login_texts.IssuingKey.parse(given["text"]),
    "login.token": lambda given: login_texts.parse_token(given["text"]),
    "proof.verify": lambda given: Proof.verify(_account(given), unhex(given["proof"])),
}

OPERATIONS: dict[str, Callable[[Input], object]] = {
    "file.open": _file,
    "cbor.decode": lambda given: cbor.decode(unhex(given["encoded"])),
    "dh.exchange": lambda given: dh.exchange(unhex(given["private"]), unhex(given["public"])),
    "dh.public": lambda given: dh.public_key(unhex(given["public"])),
    "kem.key": lambda given: kem.encapsulation_key(unhex(given["key"])),
    "signature.verify": _signature,
    "dossier.decode": lambda given: signals.decode_dossier(cbor.decode(unhex(given["dossier"]))),
    "entry.decode": _entry,
    "forward.decode": lambda given: forward.decode_forward(cbor.decode(unhex(given["forward"]))),
    "line.decode": _line,
    "payload.decode": _payload,
    "signal.decode": lambda given: signals.decode_signal(cbor.decode(unhex(given["signal"]))),
    "state.check": _state,
    "card.parse": lambda given: card.parse(given["text"]),
    "safety.compare": _safety,
    "envelope.decode": lambda given: envelope.decode(unhex(given["head"]) + bytes(given["zeros"])),
    "prefix.decode": lambda given: envelope.decode_prefix(unhex(given["prefix"])),
    "content.decode": lambda given: content.decode(unhex(given["content"])),
    "record.decode": _record,
    "record.check_time": lambda given: _record(given).check_time(given["now_ms"]),
    "list.verify": lambda given: DeviceList.verify(_account(given), unhex(given["signed"])),
    "chain.verify": _chain,
    "prekey.verify": _prekey,
    "bundle.verify": _bundle,
    "compact.verify": _compact,
    "address.verify": lambda given: identity.verify_address(_record(given), unhex(given["signed"])),
    "successor.verify": _successor,
    "session.restore": _restored,
    "pair.check_sending": _check_sending,
    "pair.restore": lambda given: snapshot.decode_pair(unhex(given["pair"]), bytes(4)),
    "session.seal": _seal,
    "session.open": _open,
    "session.respond": _respond,
    **OF_COMPANIES,
}
