"""chat: on a terminal with marks that change in place, and in lines everywhere else."""

from __future__ import annotations

import re
import signal

import pytest
from command_line import Two, plain
from relay_process import RelayProcess

pytestmark = [pytest.mark.processes, pytest.mark.slow]
LEAVE = "\x03"


def test_two_people_talk_on_their_terminals(acquainted: Two) -> None:
    german = acquainted.customer.with_(LANG="de_DE.UTF-8")
    with (
        acquainted.shop.terminal("chat", acquainted.customer_id) as shop,
        german.terminal("chat", "Shop") as they,
    ):
        shop.see("not accepted: your answer accepts")
        they.see("nicht verglichen · verbunden")
        they.type("Haben Sie Tulpen?\r")
        shop.see("Haben Sie Tulpen")
        shop.type("Yes, we do.\r")
        they.see("Shop: Yes, we do")
        # The mark behind the text above changes in place.
        they.see(r"Haben Sie Tulpen\?  ✓")
        shop.see("not verified · connected")
        for side in (they, shop):
            side.type(LEAVE)
            assert side.finish() == 0
            assert "\x1b[?1049l" in side.output  # the screen before is back
    assert "Haben Sie Tulpen?  ✓" in acquainted.customer.ok("history", "Shop")


def test_a_hostile_text_stays_on_its_line_of_the_screen(acquainted: Two) -> None:
    acquainted.customer.ok("send", "Shop", "-", text="x\x1b]0;owned\x07y\x1b[2J\u202ez\n12:00 You: paid")
    with acquainted.shop.terminal("chat", acquainted.customer_id) as chat:
        chat.wait_for("paid")
        assert "\x1b]0;owned" not in chat.output
        assert "\u202e" not in chat.output
        assert "<U+202E>" in plain(chat.output)
        chat.type(LEAVE)
        chat.finish()


def test_a_text_written_without_the_relay_goes_out_later(acquainted: Two, relay: RelayProcess) -> None:
    with acquainted.customer.terminal("chat", "Shop") as chat:
        chat.see("verified · connected")
        relay.kill()
        try:
            chat.see("not connected")
            chat.type("still there?\r")
            chat.see(r"still there\?  \.(?!\.)")
        finally:
            relay.start()
        chat.see(r"still there\?  \.\.")
        acquainted.shop.ok("listen", "--count", "1")
        chat.type(LEAVE)
        assert chat.finish() == 0
    assert re.search(r"still there\?  \.\.", acquainted.customer.ok("history", "Shop"))


def test_a_chat_in_lines(acquainted: Two) -> None:
    dumb = acquainted.customer.with_(TERM="dumb", LANG="de_DE.UTF-8")
    with dumb.start("chat", "Shop") as lines:
        lines.wait_for(r"\[1\] Sie: Hello")
        lines.write("eins\n\nzwei\n")
        lines.wait_for(r"\[3\] beim Relay")
        acquainted.shop.ok("send", acquainted.customer_id, "gelesen")
        lines.wait_for(r"\d\d:\d\d:\d\d Shop: gelesen")
        lines.write("ohne Zeilenende")
        lines.end_of_input()
        ended = lines.finish()
    assert ended.status == 0
    assert re.search(r"\[4\] Sie: ohne Zeilenende\n(.*\n)*\[4\] beim Relay", ended.out)
    assert "\x1b" not in ended.out


def test_a_file_is_sent_line_by_line(acquainted: Two) -> None:
    said = acquainted.customer.run("chat", "Shop", text="first\nsecond\n")
    assert said.status == 0
    assert "[3] at the relay" in said.out
    heard = acquainted.shop.ok("listen", "--texts", "--count", "2")
    assert [line.split(": ", 1)[1] for line in heard.splitlines()] == ["first", "second"]


def test_a_chat_in_lines_ends_on_a_signal(acquainted: Two) -> None:
    with acquainted.customer.start("chat", "Shop") as lines:
        lines.wait_for("Hello")
        ended = lines.finish(signal.SIGINT)
    assert ended.status == 130
    assert "Traceback" not in ended.err


def test_a_chat_with_nobody(two: Two) -> None:
    said = two.customer.run("chat", "Nobody")
    assert (said.status, said.code) == (5, "contact.unknown")
