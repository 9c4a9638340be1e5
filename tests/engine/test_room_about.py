"""Wordings, replies, answers and ratings in rooms whose relay loses and reorders (TRN-40 to TRN-45)."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from e2ee_client.engine.rooms import about, erasing
from e2ee_client.engine.rooms.about import MAX_ABOUT, payload_of
from e2ee_client.engine.rooms.room_engine import RoomEngine
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import UnknownEntry
from e2ee_client.room_events import EntryErased, EntryRefused
from room_rooms import MINUTE_MS, change, dev, do, opened, say
from room_words import FORM, answer_to, rating, shown, stored, talk, wording, write
from room_world import World

from e2ee.errors import (
    ConsentWithdrawn,
    InvalidArgument,
    NoRight,
    RemoteError,
    RoomClosed,
    RoomErased,
    RoomFrozen,
)
from e2ee.rooms.about import Said
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.forms import Answer, Rating
from e2ee.rooms.payloads import Act, ActKind, Edit, Erase, RoomText, Sensitive
from e2ee.rooms.state import Phase

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
NOWHERE = EntryHash(b"?" * 32)


def forge(world: World, name: str, payload: object) -> EntryHash:
    """Write what an honest device would not: its own checks are off."""
    room = world.devices[name].room
    assert room is not None
    room.about.check_ours = lambda turn, payload: None  # type: ignore[method-assign]  # a device that lies
    room.about.settle = lambda turn, named: None  # type: ignore[method-assign]  # as above
    room.erasing.check = lambda turn, entry, payload: None  # type: ignore[method-assign]  # as above
    try:
        return write(world, name, payload)  # type: ignore[arg-type]  # any payload
    finally:
        del room.about.check_ours
        del room.about.settle
        del room.erasing.check


def late(world: World, sender: str, to: str, write_first: Callable[[], EntryHash]) -> EntryHash:
    """Write something that one device gets only when it asks for it."""
    world.blocked.add((sender, to))
    found = write_first()
    world.blocked.discard((sender, to))
    return found


# --- wordings ---


def test_a_wording_that_overtakes_its_text_counts_when_the_text_comes() -> None:
    """TRN-40."""
    world = opened("desk")
    said = late(world, "phone", "desk", lambda: write(world, "phone", RoomText("helo")))
    write(world, "phone", Edit(said, "hello"))
    world.run(30_000)
    assert stored(world, "desk", said) is None
    world.run(10 * MINUTE_MS)
    assert wording(world, "desk", said) == wording(world, "phone", said) == "hello"


def test_of_wordings_in_any_order_the_newest_counts_weeks_later_too() -> None:
    """TRN-40: what was held back for three weeks undoes nothing that is newer."""
    world = opened("desk")
    said = write(world, "phone", RoomText("eins"))
    world.run(MINUTE_MS)
    late(world, "phone", "desk", lambda: write(world, "phone", Edit(said, "zwei")))
    write(world, "phone", Edit(said, "drei"))
    world.run(30_000)
    assert wording(world, "desk", said) == "drei"
    world.run(DAY_MS)
    assert wording(world, "desk", said) == "drei"
    world.run(20 * DAY_MS)
    write(world, "phone", Edit(said, "vier"))
    world.run(MINUTE_MS)
    assert {wording(world, one, said) for one in ("phone", "desk")} == {"vier"}


def test_a_colleague_and_the_other_side_word_nothing_anew_whatever_comes_first() -> None:
    """TRN-23, TRN-40: refused where the text is here, without effect where it comes later."""
    world = opened("desk")
    world.add("agent")
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(3 * MINUTE_MS)
    said = late(world, "desk", "phone", lambda: write(world, "desk", RoomText("Wir zahlen")))
    world.run(2_000)
    forged = forge(world, "agent", Edit(said, "Wir zahlen nicht"))
    world.run(10 * MINUTE_MS)
    assert wording(world, "phone", said) == wording(world, "desk", said) == "Wir zahlen"
    assert forged in {one.entry_hash for one in world.devices["desk"].told(EntryRefused)}
    assert isinstance(do(world, "agent", lambda room, turn: room.write(turn, Edit(said, "x"))), NoRight)


def test_control_without_the_author_a_colleague_words_texts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRN-40, without the countermeasure: the customer reads another promise under the desk's name."""

    def anybody(text: Said, edit: Said) -> bool:
        return True

    monkeypatch.setattr(about, "is_wording", anybody)
    monkeypatch.setattr("e2ee.rooms.about.is_wording", anybody)
    world = opened("desk")
    world.add("agent")
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(3 * MINUTE_MS)
    said = late(world, "desk", "phone", lambda: write(world, "desk", RoomText("Wir zahlen")))
    world.run(2_000)
    forge(world, "agent", Edit(said, "Wir zahlen nicht"))
    world.run(10 * MINUTE_MS)
    assert wording(world, "phone", said) == "Wir zahlen nicht"


def test_an_edit_of_an_edit_is_refused_and_counts_for_nothing_if_it_came_first() -> None:
    """TRN-23, TRN-40."""
    world = opened("desk")
    said = write(world, "phone", RoomText("eins"))
    world.run(MINUTE_MS)
    edit = late(world, "phone", "desk", lambda: write(world, "phone", Edit(said, "zwei")))
    assert isinstance(do(world, "phone", lambda room, turn: room.write(turn, Edit(edit, "drei"))), NoRight)
    forge(world, "phone", Edit(edit, "drei"))
    world.run(10 * MINUTE_MS)
    assert wording(world, "desk", said) == "zwei"


def test_a_text_is_worded_anew_only_while_the_room_lets_texts_pass() -> None:
    """ROOM-19: an edit is content."""
    world = opened("desk")
    said = write(world, "phone", RoomText("eins"))
    world.run(MINUTE_MS)
    write(world, "phone", Act(ActKind.CLOSE))
    world.run(MINUTE_MS)
    assert isinstance(do(world, "phone", lambda room, turn: room.write(turn, Edit(said, "zwei"))), RoomClosed)


# --- what is erased or marked ---


def body_of(world: World, name: str, entry_hash: EntryHash) -> bytes | None:
    found = stored(world, name, entry_hash)
    return None if found is None else found.body


def test_what_is_erased_goes_in_all_its_wordings() -> None:
    """TRN-41: hidden with their text, and destroyed with it."""
    world = opened("desk")
    said = write(world, "phone", RoomText("meine Nummer"))
    edit = write(world, "phone", Edit(said, "meine Nummer ist 4711"))
    world.run(MINUTE_MS)
    write(world, "phone", Erase((said,)))
    world.run(MINUTE_MS)
    for name in ("phone", "desk"):
        here = stored(world, name, edit)
        assert here is not None
        assert here.is_hidden
    world.run(26 * HOUR_MS)
    for name in ("phone", "desk"):
        assert body_of(world, name, said) is None
        assert body_of(world, name, edit) is None
        told = {(one.entry_hash, one.is_destroyed) for one in world.devices[name].told(EntryErased)}
        assert {(edit, False), (edit, True)} <= told


def test_control_without_sharing_their_fate_wordings_outlive_their_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TRN-41, without the countermeasure: what was erased can be read in its newest wording."""
    monkeypatch.setattr(about.AboutOthers, "_share_fate", lambda self, turn, text, edit: None)
    monkeypatch.setattr(erasing.Erasing, "_wordings", lambda self, turn, of: [])
    world = opened("desk")
    said = write(world, "phone", RoomText("meine Nummer"))
    edit = write(world, "phone", Edit(said, "meine Nummer ist 4711"))
    world.run(MINUTE_MS)
    write(world, "phone", Erase((said,)))
    world.run(26 * HOUR_MS)
    assert body_of(world, "desk", edit) is not None


@pytest.mark.parametrize("after_ms", [MINUTE_MS, 30 * HOUR_MS], ids=["hidden", "destroyed"])
def test_a_wording_that_comes_after_the_erasure_is_hidden_and_destroyed(after_ms: int) -> None:
    """TRN-41: also weeks later, when the order itself is forgotten."""
    world = opened("desk")
    said = write(world, "phone", RoomText("meine Nummer"))
    world.run(MINUTE_MS)
    write(world, "phone", Erase((said,)))
    world.run(after_ms)
    assert isinstance(do(world, "phone", lambda room, turn: room.write(turn, Edit(said, "4711"))), NoRight)
    forged = forge(world, "phone", Edit(said, "4711"))
    world.run(30 * HOUR_MS)
    here = stored(world, "desk", forged)
    assert here is not None
    assert here.is_hidden
    assert here.body is None


def test_a_wording_that_is_erased_alone_gives_way_to_the_one_before() -> None:
    """TRN-40."""
    world = opened("desk")
    said = write(world, "phone", RoomText("eins"))
    write(world, "phone", Edit(said, "zwei"))
    newest = write(world, "phone", Edit(said, "drei"))
    world.run(MINUTE_MS)
    write(world, "phone", Erase((newest,)))
    world.run(MINUTE_MS)
    assert {wording(world, one, said) for one in ("phone", "desk")} == {"zwei"}


def test_a_sensitive_mark_of_a_text_holds_for_its_wordings() -> None:
    """TRN-41, ROOM-17: those that came before and after it."""
    world = opened("desk")
    said = write(world, "phone", RoomText("Befund"))
    before = write(world, "phone", Edit(said, "Befund A"))
    world.run(MINUTE_MS)
    write(world, "desk", Sensitive((said,)))
    world.run(MINUTE_MS)
    after = write(world, "phone", Edit(said, "Befund B"))
    world.run(MINUTE_MS)
    for one in (before, after):
        here = stored(world, "desk", one)
        assert here is not None
        assert here.is_marked


def test_a_wording_of_a_marked_text_is_marked_where_the_mark_itself_is_forgotten() -> None:
    """TRN-41, ROOM-17: of many marks a device remembers some; the text says that it is marked."""
    world = opened("desk")
    said = write(world, "phone", RoomText("Befund"))
    world.run(MINUTE_MS)
    write(world, "desk", Sensitive((said,)))
    world.run(MINUTE_MS)
    room = world.devices["desk"].room
    assert room is not None
    room.live.orders = ()
    edit = write(world, "phone", Edit(said, "Befund A"))
    world.run(MINUTE_MS)
    here = stored(world, "desk", edit)
    assert here is not None
    assert (here.is_marked, here.is_hidden) == (True, False)


# --- replies ---


def test_a_reply_to_what_is_not_here_is_shown_and_follows_from_nothing() -> None:
    """TRN-42, TRN-45: an honest device answers only what it has."""
    world = opened("desk")
    with pytest.raises(UnknownEntry):
        do(world, "phone", lambda room, turn: room.write(turn, RoomText("dazu", NOWHERE)))
    said = forge(world, "phone", RoomText("dazu", NOWHERE))
    own = write(world, "phone", RoomText("und dazu", said))
    world.run(MINUTE_MS)
    assert wording(world, "desk", said) == "dazu"
    here = stored(world, "desk", own)
    assert here is not None
    payload = payload_of(here)
    assert isinstance(payload, RoomText)
    assert payload.reply == said


# --- forms ---


def test_of_answers_the_last_one_counts_and_the_others_stay() -> None:
    """TRN-44: whoever corrects an answer gives it again."""
    world = opened("desk")
    form = write(world, "desk", FORM)
    world.run(MINUTE_MS)
    first = write(world, "phone", Answer(form, ((1, 0),)))
    second = write(world, "phone", Answer(form, ((1, 1), (2, "Arbeit"))))
    world.run(MINUTE_MS)
    for name in ("phone", "desk"):
        assert answer_to(world, name, form) == second
        assert first in world.devices[name].order()


@pytest.mark.parametrize("values", [((1, 2),), ((1, "Montag"),), ((2, "weil"),), ((1, 0), (7, 1))], ids=str)
def test_an_answer_that_does_not_fit_counts_for_nothing(values: tuple[tuple[int, str | int], ...]) -> None:
    """TRN-43, TRN-45: it is not written, and where it comes all the same, it undoes no answer."""
    world = opened("desk")
    form = write(world, "desk", FORM)
    world.run(MINUTE_MS)
    good = write(world, "phone", Answer(form, ((1, 0),)))
    refused = do(world, "phone", lambda room, turn: room.write(turn, Answer(form, values)))
    assert isinstance(refused, InvalidArgument)
    bad = forge(world, "phone", Answer(form, values))
    world.run(MINUTE_MS)
    assert answer_to(world, "desk", form) == good
    assert bad in world.devices["desk"].order()


def test_control_without_fitting_an_option_that_was_not_offered_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TRN-43, without the countermeasure."""
    world = opened("desk")
    form = write(world, "desk", FORM)
    world.run(MINUTE_MS)
    monkeypatch.setattr(about, "fault_of", lambda form, answer: None)
    bad = write(world, "phone", Answer(form, ((1, 9),)))
    world.run(MINUTE_MS)
    assert answer_to(world, "desk", form) == bad


def test_an_answer_that_overtakes_its_form_counts_when_the_form_comes() -> None:
    """TRN-43, TRN-44: at a colleague who gets the form only by asking."""
    world = opened("desk")
    world.add("agent")
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(3 * MINUTE_MS)
    form = late(world, "desk", "agent", lambda: write(world, "desk", FORM))
    world.run(2_000)
    given = write(world, "phone", Answer(form, ((1, 0),)))
    world.run(10 * MINUTE_MS)
    assert answer_to(world, "agent", form) == given


def test_an_answer_to_a_text_or_to_nothing_is_not_written() -> None:
    """TRN-45."""
    world = opened("desk")
    said = say(world, "desk", "Wann?")
    world.run(MINUTE_MS)
    found = do(world, "phone", lambda room, turn: room.write(turn, Answer(said, ((1, 0),))))
    assert isinstance(found, InvalidArgument)
    with pytest.raises(UnknownEntry):
        do(world, "phone", lambda room, turn: room.write(turn, Answer(NOWHERE, ((1, 0),))))


def test_of_ratings_the_last_one_counts() -> None:
    """TRN-44: what was said twice is not counted twice."""
    world = opened("desk")
    assert rating(world, "desk") is None
    write(world, "phone", Rating(1, "lange gewartet"))
    world.run(MINUTE_MS)
    last = write(world, "phone", Rating(5))
    world.run(MINUTE_MS)
    assert rating(world, "desk") == rating(world, "phone") == last


def test_a_closed_room_takes_a_rating_that_changes_nothing_of_it() -> None:
    """ROOM-19, TRN-44: it is shown, and not unread; the room stays closed, and nobody waits."""
    world = opened("desk")
    say(world, "phone", "danke")
    write(world, "phone", Act(ActKind.CLOSE))
    world.run(5 * MINUTE_MS)
    desk = world.devices["desk"].room
    assert desk is not None
    before = (desk.index.unread, desk.states.path, desk.states.condition(), desk.live.board)
    assert before[0] == 1
    given = write(world, "phone", Rating(5, "schnell"))
    world.run(2 * DAY_MS)
    assert rating(world, "desk") == rating(world, "phone") == given
    assert (desk.index.unread, desk.states.path, desk.states.condition(), desk.live.board) == before
    assert not world.devices["desk"].told(EntryRefused)


def test_a_rating_that_is_overtaken_by_the_closing_is_taken() -> None:
    """ROOM-19: it was given while the room was open, and came when it was closed."""
    world = opened("desk")
    world.blocked.add(("phone", "desk"))
    given = write(world, "phone", Rating(4))
    change(world, "desk", Change(phase=Phase.CLOSED))
    world.run(MINUTE_MS)
    assert stored(world, "desk", given) is None
    world.blocked.clear()
    write(world, "phone", Rating(5))
    world.run(20 * MINUTE_MS)
    assert rating(world, "desk") == rating(world, "phone") != given


@pytest.mark.parametrize(
    ("act", "refusal"),
    [
        (lambda room, turn: room.write(turn, Act(ActKind.FREEZE)), RoomFrozen),
        (lambda room, turn: room.withdraw(turn, 9), ConsentWithdrawn),
    ],
    ids=["frozen", "withdrawn"],
)
def test_a_room_that_is_frozen_or_withdrawn_takes_no_rating(
    act: Callable[[RoomEngine, Turn], EntryHash], refusal: type[RemoteError]
) -> None:
    """ROOM-19: though it was closed before; the company refuses one of a device that lies as well."""
    world = opened("desk")
    write(world, "phone", Act(ActKind.CLOSE))
    world.run(5 * MINUTE_MS)
    do(world, "phone", act)
    world.run(5 * MINUTE_MS)
    assert isinstance(do(world, "phone", lambda room, turn: room.write(turn, Rating(5))), refusal)
    assert refused_of_one_who_lies(world) == [refusal.code]


def test_an_erased_room_takes_no_rating() -> None:
    """ROOM-19: though it was closed before."""
    world = opened("desk")
    write(world, "phone", Act(ActKind.CLOSE))
    world.run(5 * MINUTE_MS)
    write(world, "phone", Erase(None))
    world.run(5 * MINUTE_MS)
    assert isinstance(do(world, "phone", lambda room, turn: room.write(turn, Rating(5))), RoomErased)
    assert rating(world, "desk") is None


def test_a_room_that_is_closed_for_more_than_90_days_takes_no_rating() -> None:
    """ROOM-18, ROOM-19, CNS-13: each side counts by its own clock."""
    world = opened("desk")
    write(world, "phone", Act(ActKind.CLOSE))
    world.run(5 * MINUTE_MS)
    for name in ("phone", "desk"):
        room = world.devices[name].room
        assert room is not None
        room.live.closed_ms = world.now_ms - 90 * DAY_MS
    write(world, "phone", Rating(3))
    world.now_ms += 1
    assert isinstance(do(world, "phone", lambda room, turn: room.write(turn, Rating(5))), RoomClosed)
    assert refused_of_one_who_lies(world)[-1] == "room.closed"


def refused_of_one_who_lies(world: World) -> list[str]:
    """The codes with which the desk refuses a rating of a device that does not look at the phase."""
    room = world.devices["phone"].room
    assert room is not None
    room.states.check_content = lambda kind, now_ms: None  # type: ignore[method-assign]  # a device that lies
    given = write(world, "phone", Rating(1))
    world.run(5 * MINUTE_MS)
    assert rating(world, "desk") != given
    return [one.code for one in world.devices["desk"].told(EntryRefused)]


def test_of_many_ratings_few_are_looked_at_and_the_last_counts() -> None:
    """TRN-44: whoever rates without end fills no row without end."""
    world = opened("desk")
    last = [write(world, "phone", Rating(1 + at % 5)) for at in range(MAX_ABOUT + 6)][-1]
    world.run(MINUTE_MS)
    room = world.devices["desk"].room
    assert room is not None
    assert len(room.abouts.of(Turn(world.now_ms), EntryHash(bytes(32)))) == MAX_ABOUT
    assert rating(world, "desk") == last


# --- all of it, over a bad network ---


@pytest.mark.parametrize("seed", range(6))
def test_all_honest_devices_show_the_same_whatever_was_lost_and_overtaken(seed: int) -> None:
    """TRN-40 to TRN-44: random texts, wordings, replies, forms, answers, ratings and erasures."""
    world = World(seed, loss=0.2, vanish=0.2, customer_lists=2)
    world.add("phone", "tablet", "desk", "agent", spread_ms=30_000)
    world.open()
    world.run(3 * MINUTE_MS)
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(5 * MINUTE_MS)
    names = ("phone", "desk", "agent")
    talk(world, names, random.Random(seed), 40)
    world.loss = world.vanish = 0.0
    for name in names:
        say(world, name, "Ende")
    world.run(40 * MINUTE_MS)
    views = [shown(world, name) for name in ("phone", "desk", "agent")]
    assert len(views[0]) > 10
    assert views[1] == views[2]
    # What the company erases the customer keeps (ROOM-26): it shows at least what the company shows.
    assert {key: views[0][key] for key in views[1]} == views[1]
