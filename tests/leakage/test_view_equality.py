"""Two runs of equal leakage look the same to a relay (LKG-01, LKG-03, LKG-04), and each control is found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from e2ee_client.engine.sending import Sending
from leakage_declaration import Row
from leakage_scripts import FIRST, PING_PONG, SCRIPTS, SECOND, Cast, Played, Stage, play
from relay_view import RecordingRelay
from view_comparison import differences, undeclared

from e2ee.content import Text
from e2ee.wire import padding

# One worker plays the scripts for all of these tests.

Table = Mapping[str, Row]


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_view_holds_declared_fields_only(played: Played, table: Table, script: str) -> None:
    """LKG-01: frames, rows and figures of a whole run."""
    assert undeclared(played(script, "first").relay.view, table) == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_other_people_languages_and_texts_look_the_same(played: Played, table: Table, script: str) -> None:
    """LKG-03, LKG-04: two casts share no key, no name and no text, only the padding classes."""
    first, second = played(script, "first").relay.view, played(script, "second").relay.view
    assert len(first) > 300
    found = differences(first, second, table)
    assert not found, "\n".join(found)


def test_the_same_text_twice_and_two_texts_look_the_same(played: Played, table: Table) -> None:
    """LKG-04: one cast writes one word again and again, the other writes something else each time."""
    assert FIRST.texts["yes"] == FIRST.texts["again"]
    assert SECOND.texts["yes"] != SECOND.texts["again"]
    ours, theirs = played("ping-pong", "first").relay.view, played("ping-pong", "second").relay.view
    assert differences(ours, theirs, table) == []


# --- controls: each of these leaks something, and the comparison has to find it ---


def other_class() -> Cast:
    """The first cast, but one text falls into another padding class."""
    return replace(FIRST, texts={**FIRST.texts, "again": "x" * 400})


def test_another_padding_class_is_a_difference(played: Played, table: Table) -> None:
    """LKG-03, LKG-04: the class is leakage, so the comparison sees it."""
    found = differences(
        played("ping-pong", "first").relay.view, play(PING_PONG, other_class()).relay.view, table
    )
    assert any("envelope.size" in line for line in found)


def test_another_moment_is_a_difference(played: Played, table: Table) -> None:
    """LKG-03: time is leakage, so the comparison sees a millisecond."""
    late = [("wait", step[1] + 1) if step == ("wait", 20_000) else step for step in PING_PONG]
    assert differences(played("ping-pong", "first").relay.view, play(late, SECOND).relay.view, table)


def test_a_client_that_forgets_to_pad_is_found(monkeypatch: pytest.MonkeyPatch, table: Table) -> None:
    """LKG-04: bodies as long as what is in them."""
    monkeypatch.setattr(padding, "body_class", lambda length_b, **_: length_b)
    found = differences(play(PING_PONG, FIRST).relay.view, play(PING_PONG, SECOND).relay.view, table)
    assert any("envelope.size" in line for line in found)
    assert any("envelope.sealed_body" in line for line in found)


def test_a_client_that_makes_ids_from_texts_is_found(monkeypatch: pytest.MonkeyPatch, table: Table) -> None:
    """LKG-03: the ids look random, but the same text gives the same id."""
    seal: Callable[..., bool] = Sending._seal

    def leaky(self: Sending, turn: Any, peer: Any, session: Any, item: Any, made: Any, **how: bool) -> bool:
        sealed = seal(self, turn, peer, session, item, made, **how)
        if isinstance(made.payload, Text):
            item.msg_id = hashlib.blake2b(made.payload.text.encode(), digest_size=16).digest()
        return sealed

    monkeypatch.setattr(Sending, "_seal", leaky)
    found = differences(play(PING_PONG, FIRST).relay.view, play(PING_PONG, SECOND).relay.view, table)
    assert any("SEND.msg_id" in line for line in found)


def test_a_client_whose_pause_depends_on_the_text_is_found(
    monkeypatch: pytest.MonkeyPatch, table: Table
) -> None:
    """LKG-03: a longer text takes longer."""
    say = Stage.say

    def thoughtful(self: Stage, role: str, other: str, text: str) -> None:
        self.wait(len(self.cast.texts[text]))
        say(self, role, other, text)

    monkeypatch.setattr(Stage, "say", thoughtful)
    assert differences(play(PING_PONG, FIRST).relay.view, play(PING_PONG, SECOND).relay.view, table)


def test_a_frame_with_one_more_key_is_found(monkeypatch: pytest.MonkeyPatch, table: Table) -> None:
    """LKG-01: the client tells how it is called, in a key that nobody declared."""
    take = RecordingRelay.take

    def chatty(self: RecordingRelay, connection: Any, number: Any, message: bytes) -> None:
        frames = cbor2.loads(message)
        named = [{**frame, len(frame): "Erika"} if frame[0] == 1 else frame for frame in frames]
        take(self, connection, number, cbor2.dumps(named))

    monkeypatch.setattr(RecordingRelay, "take", chatty)
    stage = play([("arrive", "praxis"), ("wait", 1_000)], FIRST)
    assert undeclared(stage.relay.view, table) == ["CREATE.key 6"]


def test_an_item_of_a_batch_with_one_more_value_is_found(
    monkeypatch: pytest.MonkeyPatch, table: Table
) -> None:
    """LKG-01: also inside a batch."""
    take = RecordingRelay.take

    def chatty(self: RecordingRelay, connection: Any, number: Any, message: bytes) -> None:
        frames = cbor2.loads(message)
        more = [{**one, 2: [[*item, b"de"] for item in one[2]]} if one[0] == 5 else one for one in frames]
        take(self, connection, number, cbor2.dumps(more))

    monkeypatch.setattr(RecordingRelay, "take", chatty)
    script = [
        ("arrive", "praxis"),
        ("arrive", "kundin"),
        ("say", "kundin", "praxis", "hello"),
        ("wait", 1_000),
    ]
    assert undeclared(play(script, FIRST).relay.view, table) == ["SEND.item 6"]


@pytest.mark.parametrize(
    ("statement", "path"),
    [
        (
            "CREATE TABLE visitor (address TEXT); INSERT INTO visitor VALUES ('192.0.2.7')",
            "db.visitor.address",
        ),
        ("ALTER TABLE mailbox ADD COLUMN seen_ms INTEGER", "db.mailbox.seen_ms"),
        ("INSERT INTO meta VALUES ('busiest', x'00')", "db.meta.busiest"),
    ],
)
def test_a_relay_that_stores_more_is_found(table: Table, statement: str, path: str) -> None:
    """LKG-01: a table, a column and a name that nobody declared."""
    stage = play([("arrive", "praxis"), ("wait", 1_000)], FIRST)
    assert undeclared(stage.relay.view, table) == []
    stage.relay._file.connection.executescript(statement)
    stage.relay.see_rows()
    assert undeclared(stage.relay.view, table) == [path]
