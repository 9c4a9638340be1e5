"""The full screen of a chat in a terminal emulator: what is seen, and that nothing stays behind."""

from __future__ import annotations

import re
import unicodedata

import pyte.screens
import pytest
from command_line import TerminalRun, Two
from e2ee_client.cli import screen_lines, steady
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.utils import get_cwidth
from wcwidth import wcwidth

LEAVE = "\x03"
BACKSPACE, LEFT, RIGHT, DELETE = "\x7f", "\x1b[D", "\x1b[C", "\x1b[3~"
NEW_LINE = "\x1b\r"
FAMILY = "👩\u200d👩\u200d👧"
# What is typed, how many characters a person takes it for, and what is drawn.
TEXTS = (
    ("Tulpen", 6, "Tulpen"),
    ("🌷🚲", 2, "🌷🚲"),
    (FAMILY, 1, "👩👩👧"),
    ("👍\U0001f3fd!", 2, "👍!"),
    ("❤\ufe0f", 1, "❤"),
    ("🇩🇪🇫🇷", 2, "DEFR"),
    ("1\ufe0f\u20e3", 1, "1"),
    ("你好，世界。", 6, "你好，世界。"),
    ("مرحبا بالعالم", 13, "مرحبا بالعالم"),
    ("كَتَبَ", 3, "كَتَبَ"),
    ("שָׁלוֹם", 4, "שָׁלוֹם"),
    ("e\u0301a\u0308\u0304o", 3, "éǟo"),
    ("a\u202eb\u200f", 4, "a<U+202E>b<U+200F>"),
)


def _line_of_input(chat: TerminalRun) -> str:
    return next((line for line in chat.shown().split("\n") if line.startswith(">")), "")


def _settled(chat: TerminalRun, shown: str) -> None:
    wanted = unicodedata.normalize("NFC", shown)
    chat.wait_until(lambda: _line_of_input(chat) == wanted or None, repr(shown))


@pytest.fixture
def chat(acquainted: Two) -> object:
    """A chat on a screen of 80 columns and 24 rows."""
    with acquainted.customer.terminal("chat", "Shop") as run:
        run.see("not verified · connected")
        yield run
        run.type(LEAVE)
        assert run.finish() == 0
        assert "\x1b[?1049l" in run.output  # the screen before is back


@pytest.mark.processes
@pytest.mark.slow
def test_nothing_stays_behind_when_it_is_deleted(chat: TerminalRun) -> None:
    before = chat.shown()
    for text, count, drawn in TEXTS:
        chat.type(text)
        _settled(chat, f"> {drawn}")
        chat.type(BACKSPACE * count)
        chat.wait_until(lambda: chat.shown() == before or None, f"empty screen after {text!r}")
        assert chat.screen.cursor.x == 2


@pytest.mark.processes
@pytest.mark.slow
def test_nothing_stays_behind_when_it_is_changed_in_the_middle(chat: TerminalRun) -> None:
    for text, count, drawn in TEXTS:
        chat.type(f"a{text}z")
        _settled(chat, f"> a{drawn}z")
        chat.type(LEFT * 2 + RIGHT + "B")
        _settled(chat, f"> a{drawn}Bz")
        chat.type(LEFT * (count + 1) + DELETE * (count + 1))
        _settled(chat, "> az")
        chat.type("\x0b" + BACKSPACE)
        _settled(chat, ">")


@pytest.mark.processes
@pytest.mark.slow
def test_nothing_stays_behind_in_a_terminal_that_measures_otherwise(
    chat: TerminalRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here a vowel sign takes a cell of its own, as in some terminals; the library counts none for it."""
    monkeypatch.setattr(pyte.screens, "wcwidth", lambda char: 1 if char == "ी" else wcwidth(char))
    before = chat.shown()
    chat.type("नीनीनीab")
    chat.see("> नीनीनीab\n")
    chat.type(LEFT * 2 + BACKSPACE)
    chat.see("> नीनीab\n")
    chat.type("\x05" + BACKSPACE * 4)
    chat.wait_until(lambda: chat.shown() == before or None, "empty screen")


@pytest.mark.processes
@pytest.mark.slow
def test_texts_of_all_scripts_are_seen_on_both_sides(acquainted: Two) -> None:
    german = acquainted.shop.with_(LANG="de_DE.UTF-8")
    with (
        german.terminal("chat", acquainted.customer_id, columns=120, rows=40) as shop,
        acquainted.customer.terminal("chat", "Shop") as they,
    ):
        shop.see("nicht angenommen: Ihre Antwort nimmt an")
        they.see("verified · connected")
        for text, _, drawn in TEXTS:
            they.type(f"{text}\r")
            they.see(re.escape(f"You: {drawn}  ") + "(\\.|✓)")
            shop.see(re.escape(f": {drawn}") + "\n")
        shop.type("ja\r")
        they.see("Shop: ja")
        they.see("Tulpen  ✓")
        for run in (shop, they):
            run.type(LEAVE)
            assert run.finish() == 0


@pytest.mark.processes
@pytest.mark.slow
def test_lines_are_pasted_and_typed_as_one_text(chat: TerminalRun, acquainted: Two) -> None:
    chat.paste("erstens\r\nzweitens 🌷\rdrittens")
    chat.see("> erstens\n  zweitens 🌷\n  drittens")
    chat.type(f"{NEW_LINE}viertens")
    chat.see("  drittens\n  viertens")
    chat.type("\r")
    chat.see(r"You: erstens\n {11}zweitens 🌷\n {11}drittens\n {11}viertens  \.")
    assert "erstens↵zweitens 🌷↵drittens↵viertens" in acquainted.customer.ok("history", "Shop")


@pytest.mark.processes
@pytest.mark.slow
def test_the_screen_follows_the_window(chat: TerminalRun) -> None:
    rule = "─"
    for columns, rows in ((120, 40), (40, 12), (80, 24)):
        chat.resize(columns, rows)
        chat.see(f"^ Shop · [^\n]*\n(.*\n)+{rule * columns}\n>\n(.*\n)*")
        chat.type("Wort " * 30)
        chat.see(r"> (Wort ){3}")
        chat.type("\x15" * 2)
        _settled(chat, ">")
        assert len(chat.screen.display) == rows


@pytest.mark.processes
@pytest.mark.slow
def test_commands_of_a_chat(chat: TerminalRun, acquainted: Two) -> None:
    chat.type("/help\r")
    for word in ("/contacts", "/chat NAME", "/verify", "/quit", "Alt\\+Enter"):
        chat.see(word)
    chat.type("/nothing\r")
    chat.see("there is no /nothing; see /help")
    chat.type("/verify\r")
    chat.see(r"Safety number with Shop[^\n]*\n(.*\n)?( +\d{5} \d{5} \d{5} \d{5}\n){3}")
    chat.see("If it is the same: /mark")
    chat.type("/mark\r")
    chat.see("^ Shop · verified")
    chat.type("/name Blumen Meier\r")
    chat.see("^ Blumen Meier · verified")
    chat.type("//tmp is a folder\r")
    chat.see("You: /tmp is a folder")
    chat.type("/chat Nobody\r")
    chat.see("there is no such contact")
    chat.type("/chat blumen\r")
    chat.see(r"\A Blumen Meier · [^\n]*\n─+ \d{4}-\d\d-\d\d ─+\n\d\d:\d\d You: Hello  ..\n.*/tmp is")


@pytest.mark.processes
@pytest.mark.slow
def test_a_command_in_the_lines_of_a_simple_terminal(acquainted: Two) -> None:
    with acquainted.customer.with_(TERM="dumb").terminal("chat", "Shop") as lines:
        lines.wait_for(r"-- \d{4}-\d\d-\d\d\r\n.*\[1\] You: Hello")
        lines.type("/contacts\n")
        lines.wait_for(r"-- [0-9a-f]{8}  Shop  \[accepted\]")
        lines.type("/quit\n")
        assert lines.finish() == 0


_PIECES = st.sampled_from(
    [*"ab 1é你م\u0301\u0308\u200d\u200c\ufe0f\u202e\x1b\x07", "🌷", "👩", "\U0001f3fd", "🇩", "🇪", "नी"]
)


@given(st.lists(_PIECES, max_size=30).map("".join))
def test_what_is_drawn_is_counted_as_the_terminal_counts_it(text: str) -> None:
    drawn = steady.drawn(text)
    shown = "".join(drawn)
    assert shown == steady.steady(text)
    assert len(drawn) == len(text)
    assert not re.search(
        "[\x00-\x1f\x7f-\x9f\u202a-\u202e\ufe0f\U0001f3fb-\U0001f3ff\U0001f1e6-\U0001f1ff]", shown
    )
    assert get_cwidth(shown) == sum(wcwidth(char) for char in shown)
    assert "".join(steady.clusters(text)) == text
    assert all(part for part in steady.clusters(text))


@given(st.text(alphabet="ab 你🌷\u0301\n", max_size=60), st.integers(2, 20))
def test_the_rows_of_the_input_are_counted(text: str, width: int) -> None:
    rows = screen_lines.rows_of_input(text, width)
    assert rows >= text.count("\n") + 1
    assert rows >= max(-(-get_cwidth(line) // width) for line in text.split("\n"))


def test_joiners_of_scripts_stay() -> None:
    assert steady.steady("می\u200cخواهم") == "می\u200cخواهم"
    assert steady.steady("क्\u200dष") == "क्\u200dष"
    assert len(steady.steady("e" + "\u0301" * 500)) == 9
