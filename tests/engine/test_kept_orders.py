"""What destroys is kept for a device that is away for long, and comes when it is back (ROOM-73, ROOM-78)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from e2ee_client.engine.outbox import NO_DEVICE, Lane, Outgoing
from e2ee_client.engine.posted import Posted, PostedRow
from e2ee_client.engine.turn import Turn
from e2ee_relay.limits import Policy
from engine_world import Node, World
from relay_scenes import talking, the_peer, withholding
from rooms_double import RoomsDouble, post, posted, with_rooms

from e2ee.content import ContentType
from e2ee.ids import AccountId
from e2ee.wire import cbor

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def scene() -> tuple[World, Node, Node, RoomsDouble, RoomsDouble]:
    """A company that writes, a customer that will be away, and the rooms of both."""
    world, company, customer, _ = talking()
    return world, company, customer, with_rooms(company), with_rooms(customer)


def lane_of(node: Node) -> Lane:
    peer = the_peer(node)
    return node.engine._state.outbox.lane(peer.account_id, peer.device_id)


def order(node: Node, word: str) -> Posted:
    """A content that is kept for who is away."""
    return replace(posted(node, word), lasts=True)


def to_peer(node: Node) -> tuple[bytes, bytes]:
    return the_peer(node).account_id, the_peer(node).device_id


def is_old(node: Node, item: Outgoing, days: int = 20) -> None:
    """An item that was sent four times, and so long ago."""
    item.created_ms, item.sealed_ms, item.sendings = (*[node.now_ms - days * DAY_MS] * 2, 4)


@pytest.mark.audit_only
def test_of_very_many_that_are_kept_all_come_when_a_device_is_there_again() -> None:
    """ROOM-73: 64 at first, then as many as it has confirmed; nobody writes any more."""
    world, company, customer, _, rooms = scene()
    customer.stop()
    words = [f"Auftrag {n}" for n in range(400)]
    for word in words:
        post(company, order(company, word), to_peer(company))
    world.advance(DAY_MS)
    for _ in range(15):
        world.advance(2 * DAY_MS)
    assert len(lane_of(company).unconfirmed) == 400
    customer.start()
    world.advance(2 * HOUR_MS)
    assert sorted(rooms.words) == sorted(words)
    assert not lane_of(company).all()


def test_what_is_posted_again_for_a_device_that_has_it_not_goes_again() -> None:
    """ROOM-78: as to a device that is in force again (ROOM-65); not what went to it within a day."""
    world, company, _, _, rooms = scene()
    what, (_, end) = order(company, "Auftrag"), withholding(company)
    post(company, what, to_peer(company))
    world.settle()
    end()
    (item,) = lane_of(company).unconfirmed.values()
    post(company, what, to_peer(company))
    world.settle()
    assert not rooms.words
    is_old(company, item)
    post(company, what, to_peer(company))
    world.settle()
    assert rooms.words == ["Auftrag"]
    world.advance(10_000)
    assert not lane_of(company).all()


def test_what_a_relay_denies_is_kept_until_the_device_is_there_again() -> None:
    """ROOM-78: the mailbox of who is away is gone at the relay; its owner makes it again."""
    world, company, customer, ours, rooms = scene()
    world.cut()
    world.relay._policy = Policy(abandoned_s=10 * 86_400)
    world.mend()
    world.advance(HOUR_MS)
    customer.stop()
    world.advance(12 * DAY_MS)
    post(company, order(company, "Auftrag"), to_peer(company))
    post(company, posted(company, "Text"), to_peer(company))
    for _ in range(10):
        world.advance(2 * DAY_MS)
    assert [code for _, _, code in ours.lost] == ["relay.denied"]
    assert company.engine.is_handed_over
    customer.start()
    world.advance(DAY_MS)
    assert rooms.words == ["Auftrag"]
    assert not lane_of(company).all()


def test_a_time_ahead_of_the_clock_counts_as_now_from_then_on() -> None:
    """ROOM-73: also on a device that is restarted before a day is over."""
    world, company, customer, _, rooms = scene()
    (_, end) = withholding(company)
    post(company, order(company, "Auftrag"), to_peer(company))
    world.settle()
    end()
    (item,) = lane_of(company).unconfirmed.values()
    is_old(company, item, -400)
    company.rows.commit((item.put(),))
    customer.stop()
    for _ in range(3):
        company.crash()
        with_rooms(company)
        company.start()
        world.advance(9 * HOUR_MS)
    (item,) = lane_of(company).unconfirmed.values()
    assert item.sealed_ms < company.now_ms - DAY_MS
    assert item.may_go_again(company.now_ms)
    assert not rooms.words


def test_what_is_kept_takes_the_place_of_no_text() -> None:
    """ROOM-78, SES-37: the newest 64 of the texts go first, whatever is kept beside them."""
    world, company, _, _, _ = scene()
    for n in range(130):
        what = posted(company, f"{n}") if n % 2 else order(company, f"{n}")
        post(company, what, to_peer(company))
    lane, peer = lane_of(company), the_peer(company)
    items = [one for stage in (lane.ready, [item for item, _ in lane.flying.values()]) for one in stage]
    lane.ready.clear()
    lane.flying.clear()
    for item in items:
        item.envelope = b""
        company.engine._state.outbox.add(item)
        if item.lasts:
            is_old(company, item, 2)
    company.engine._context.sending.again_unanswered(Turn(world.now_ms), peer)
    texts = [one.place for one in items if not one.lasts]
    assert [one.place for one in lane.waiting] == sorted(texts)[-64:]


def test_an_erasure_looks_into_no_order_that_is_kept() -> None:
    """ROOM-44: what it takes back stands in texts and forwards alone."""
    world, company, customer, _, _ = scene()
    customer.stop()
    post(company, posted(company, "weiter", ContentType.FORWARD), to_peer(company))
    for n in range(20):
        post(company, order(company, f"{n}"), to_peer(company))
    world.advance(HOUR_MS)
    company.crash()
    with_rooms(company)
    read, get = list[bytes](), company.rows.get

    def noting(table: str, key: bytes) -> bytes | None:
        if table == PostedRow.TABLE:
            read.append(key)
        return get(table, key)

    company.rows.get = noting  # type: ignore[method-assign]  # what it does stays
    posting, seen = company.engine._context.posting, list[cbor.Value]()

    def redacted(payload: cbor.Value) -> cbor.Value:
        seen.append(payload)
        return payload

    posting.take_back(Turn(world.now_ms), [bytes(16)], redacted)
    assert seen == [{1: "weiter"}]
    assert len(read) == 1


def test_what_a_device_refuses_for_good_is_sent_less_and_less_often() -> None:
    """ROOM-78: after 16 times once in 30 days."""
    world, company, *_ = scene()
    peer, outbox = the_peer(company), company.engine._state.outbox
    item = outbox.new_text(peer.account_id, peer.device_id, bytes(16), world.now_ms, lasts=True)
    for sendings, days in ((15, 1), (16, 30)):
        is_old(company, item, 20)
        item.sendings = sendings
        last_ms = item.sealed_ms
        assert not item.may_go_again(last_ms + days * DAY_MS - 1)
        assert item.may_go_again(last_ms + days * DAY_MS)


def test_what_is_kept_for_a_device_that_has_not_met_is_waited_for_no_longer() -> None:
    """ROOM-73: nor is it withheld, where it is posted again, as long as what begins a contact (SES-37)."""
    world, company, *_ = scene()
    account_id, sending = AccountId(bytes(32)), company.engine._context.sending
    kept = sending.new_item(account_id, NO_DEVICE, bytes(16), world.now_ms, lasts=True)
    text = sending.new_item(account_id, NO_DEVICE, bytes(16), world.now_ms)
    later_ms = world.now_ms + 14 * DAY_MS
    assert (kept.is_young(later_ms), text.is_young(later_ms)) == (False, True)
