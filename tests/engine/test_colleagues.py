"""Sessions between the devices of one account (ACC-37 to ACC-39)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from e2ee_client.engine import Channel
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import UnknownContact
from e2ee_client.events import ContactAdded, MessageRejected, OfContact, OwnDeviceAdded
from e2ee_relay.protocol import Role, Send, decode_frames, encode_frames
from engine_world import Node, World
from own_devices import device_id, joined
from rooms_double import RoomsDouble, post, posted, with_rooms
from team_world import do

from e2ee.content import Content, Text
from e2ee.ids import ContentId

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def team() -> tuple[World, Node, Node, bytes, RoomsDouble, RoomsDouble]:
    """Two front desks of one account that have read their entry."""
    world = World()
    holder = world.node("Praxis", publish=True)
    holder.start()
    second = joined(world, holder)
    world.advance(MINUTE_MS)
    account = holder.engine.account_id
    rooms = with_rooms(holder, gated=True), with_rooms(second, gated=True)
    return world, holder, second, account, *rooms


def checked(node: Node, account: bytes) -> None:
    """Our own account is no contact and no event names it."""
    assert node.engine.contacts() == []
    assert [one for one in node.events if isinstance(one, OfContact) and one.account_id == account] == []
    assert node.of(ContactAdded) == []
    assert account not in node.rows.tables.get("contact", {})


def test_a_content_reaches_a_colleague_without_consent_and_shows_no_contact() -> None:
    """ACC-37, ACC-38: both ways, confirmed, over restarts."""
    world, holder, second, account, ours, theirs = team()
    what = posted(holder, "intern")
    post(holder, what, (account, device_id(second)))
    world.advance(MINUTE_MS)
    assert theirs.words == ["intern"]
    assert ours.reached == [(device_id(second), what.content_id)]
    for node, rooms in ((holder, ours), (second, theirs)):
        node.crash()
        with_rooms(node, rooms)
        node.start()
    post(second, posted(second, "Antwort"), (account, device_id(holder)))
    world.advance(MINUTE_MS)
    assert ours.words == ["Antwort"]
    assert ours.admitted == theirs.admitted == []
    for node in (holder, second):
        checked(node, account)
        assert len(node.rows.tables.get("posted", {})) == 0


def test_both_start_at_once_and_agree_on_a_session() -> None:
    """ACC-37, SES-22: crossing flights."""
    world, holder, second, account, ours, theirs = team()
    post(holder, posted(holder, "hin"), (account, device_id(second)))
    post(second, posted(second, "her"), (account, device_id(holder)))
    world.advance(5 * MINUTE_MS)
    assert (ours.words, theirs.words) == (["her"], ["hin"])
    for number in range(3):
        post(holder, posted(holder, f"hin {number}"), (account, device_id(second)))
        post(second, posted(second, f"her {number}"), (account, device_id(holder)))
        world.advance(MINUTE_MS)
    assert len(ours.words) == len(theirs.words) == 4
    actives = {next(iter(node.engine._state.peers.values())).pair.active for node in (holder, second)}
    assert len({one.id for one in actives if one is not None}) == 1
    assert len(holder.rows.tables.get("posted", {})) == len(second.rows.tables.get("posted", {})) == 0


def test_no_texts_go_to_the_own_account_or_come_from_it() -> None:
    """ACC-38: by no command; a colleague that sends one is refused, and only its session goes on."""
    world, holder, second, account, _, theirs = team()
    post(holder, posted(holder, "intern"), (account, device_id(second)))
    world.advance(MINUTE_MS)
    for call in (
        lambda: holder.engine.send_texts(account, ["nein"], world.now_ms),
        lambda: holder.engine.accept_contact(account, world.now_ms),
        lambda: holder.engine.forget_contact(account, world.now_ms),
        lambda: holder.engine.safety_number(account),
    ):
        with pytest.raises(UnknownContact):
            call()
    turn = holder.engine._step(world.now_ms)
    context, peer = holder.engine._context, next(iter(holder.engine._state.peers.values()))
    session = context.renewal.session_for(turn, peer)
    assert session is not None
    item = holder.engine._state.outbox.new_text(peer.account_id, peer.device_id, b"t" * 16, world.now_ms)
    content = Content(ContentId(b"t" * 16), world.now_ms, Text("heimlich"))
    context.sending.seal_counted(turn, peer, session, item, content)
    context.sending.pump(turn, peer.contact)
    before = {table: dict(rows) for table, rows in second.rows.tables.items()}
    holder.carry_out(turn.effects())
    world.advance(MINUTE_MS)
    assert [one.code for one in second.of(MessageRejected)] == ["room.right"]
    assert second.texts() == []
    changed = {table for table, rows in second.rows.tables.items() if rows != before.get(table, {})}
    assert changed <= {"session", "meta"}
    assert theirs.words == ["intern"]


def test_a_device_that_is_invited_later_is_learned_of_and_answered() -> None:
    """ACC-37, ACC-39: the holder lists it, the second hears of the list and looks it up."""
    world, holder, second, account, ours, theirs = team()
    post(holder, posted(holder, "intern"), (account, device_id(second)))
    world.advance(MINUTE_MS)
    third = joined(world, holder, "Praxis drei")
    newest = with_rooms(third, gated=True)
    world.advance(15 * MINUTE_MS)
    assert device_id(third) in {one.device_id for one in second.engine.devices()}
    assert second.of(OwnDeviceAdded) == [OwnDeviceAdded(device_id(third), False)]
    assert holder.of(OwnDeviceAdded)[-1].invited_here
    assert account in theirs.changed
    post(third, posted(third, "neu hier"), (account, device_id(holder)), (account, device_id(second)))
    post(second, posted(second, "willkommen"), (account, device_id(third)))
    world.advance(30 * MINUTE_MS)
    assert ours.words[-1] == theirs.words[-1] == "neu hier"
    assert newest.words == ["willkommen"]
    for node in (holder, second, third):
        checked(node, account)


def test_devices_that_are_invited_one_after_another_are_all_learned_of() -> None:
    """ACC-39: each list that a device is given is looked up at once, and none of them twice."""
    world, holder, second, account, *_ = team()
    post(holder, posted(holder, "intern"), (account, device_id(second)))
    world.advance(MINUTE_MS)
    for name in ("drei", "vier", "fuenf"):
        third = joined(world, holder, f"Praxis {name}")
        world.advance(MINUTE_MS)
        assert device_id(third) in {one.device_id for one in second.engine.devices()}
    world.advance(20 * MINUTE_MS)
    colleagues, signed = second.engine._context.colleagues, second.engine._state.own.device_list.signed
    compared_ms = colleagues._compared_ms
    do(second, lambda turn: colleagues.told_list(turn, signed))
    assert colleagues._compared_ms == compared_ms


def test_a_list_that_the_directory_did_not_have_yet_is_looked_for_again_when_it_is_given_again() -> None:
    """ACC-39: at most once in ten minutes, as it is not newer than the one before."""
    world, holder, second, *_ = team()
    given = holder.engine._state.own.device_list
    joined(world, holder, "Praxis drei")
    newer = holder.engine._state.own.device_list
    assert newer.seq > given.seq
    own, colleagues = second.engine._state.own, second.engine._context.colleagues
    own.device_list = given
    looks: list[int] = []

    def look(turn: Turn) -> bool:
        looks.append(turn.now_ms)
        return True

    second.engine._context.entry.compare = look  # type: ignore[method-assign]  # the directory has it not
    colleagues._given_seq = given.seq
    begun_ms = world.now_ms
    for _ in range(2):
        do(second, lambda turn: colleagues.told_list(turn, newer.signed))
    world.advance(20 * MINUTE_MS)
    assert looks == [begun_ms, begun_ms + 10 * MINUTE_MS]


def test_a_flight_of_a_device_that_is_not_listed_here_makes_us_look() -> None:
    """ACC-37, ACC-39: it is refused and leaves nothing, and the repeated ask of the same flight is taken."""
    world, holder, second, account, _, theirs = team()
    second.stop()
    third = joined(world, holder, "Praxis drei")
    newest = with_rooms(third, gated=True)
    compared = second.engine._context.entry
    second.start()
    del compared
    post(third, posted(third, "neu hier"), (account, device_id(second)))
    world.advance(HOUR_MS)
    assert theirs.words == ["neu hier"]
    assert newest.lost == []


def test_a_removed_device_is_heard_no_more() -> None:
    """ACC-37, ID-28: what waits for it is lost, and what it sends is refused."""
    world, holder, second, account, ours, theirs = team()
    post(holder, posted(holder, "intern"), (account, device_id(second)))
    world.advance(MINUTE_MS)
    gone = device_id(second)
    holder.carry_out(holder.engine.remove_device(gone, world.now_ms))
    world.advance(MINUTE_MS)
    late = posted(holder, "zu spaet")
    post(holder, late, (account, gone))
    assert ours.lost == [(gone, late.content_id, "remote.identity")]
    assert account in ours.changed
    assert len(holder.rows.tables.get("session", {})) == 0
    post(second, posted(second, "ich bin noch da"), (account, device_id(holder)))
    world.advance(HOUR_MS)
    assert ours.words == []
    assert theirs.words == ["intern"]


def test_a_relay_that_gives_one_device_what_is_for_the_other_gains_nothing() -> None:
    """ACC-37, HS-11: to the sender itself, and to a colleague of the receiver."""
    world, holder, second, account, ours, theirs = team()
    mailbox = next(iter(holder.engine._state.mailboxes.values()))
    holder.outgoing = redirected(mailbox.id, mailbox.tokens[b""][0])
    post(holder, posted(holder, "intern"), (account, device_id(second)))
    world.settle()
    assert (ours.words, theirs.words) == ([], [])
    assert [one.code for one in holder.of(MessageRejected)][:1] == ["remote.unknown_prekey"]
    assert len(holder.rows.tables.get("session", {})) == 1
    holder.outgoing = lambda _channel, data: [data]
    world.advance(HOUR_MS)
    assert theirs.words == ["intern"]
    assert ours.words == []


def redirected(mailbox: bytes, token: bytes) -> Callable[[Channel, bytes], list[bytes]]:
    """What puts every envelope into another mailbox."""

    def outgoing(_channel: Channel, data: bytes) -> list[bytes]:
        frames = [
            replace(one, items=tuple(replace(item, mailbox=mailbox, token=token) for item in one.items))
            if isinstance(one, Send)
            else one
            for one in decode_frames(data, Role.RELAY)
        ]
        return [encode_frames(frames)]  # type: ignore[arg-type]  # known frames

    return outgoing


@pytest.mark.audit_only
def test_a_renewed_list_keeps_the_sessions_of_colleagues() -> None:
    """ACC-39: over the life of several lists; nobody is stale, nothing is told as of a contact."""
    world, holder, second, account, ours, theirs = team()
    for number in range(5):
        post(holder, posted(holder, f"hin {number}"), (account, device_id(second)))
        post(second, posted(second, f"her {number}"), (account, device_id(holder)))
        world.advance(10 * DAY_MS)
    assert len(ours.words) == len(theirs.words) == 5
    for node in (holder, second):
        checked(node, account)
    assert holder.engine._state.own.device_list.seq == second.engine._state.own.device_list.seq > 2


def test_sessions_with_colleagues_keep_to_the_budgets_of_pairs() -> None:
    """ACC-37, SES-35: a colleague that starts sessions without end is refused after eight flights a day."""
    world, holder, second, account, ours, _ = team()
    for number in range(12):
        second.crash(rows=second.rows)
        second.start()
        peer = second.engine._state.peers[account + device_id(holder)]
        turn = second.engine._step(world.now_ms)
        second.engine._state.set_pair(
            turn, peer, type(peer.pair)(given=peer.pair.given), tuple(one.id for one in peer.pair.sessions)
        )
        second.carry_out(turn.effects())
        post(second, posted(second, f"Nummer {number}"), (account, device_id(holder)))
        world.advance(MINUTE_MS)
    assert len(ours.words) == 8
    assert "remote.budget" in [one.code for one in holder.of(MessageRejected)]
