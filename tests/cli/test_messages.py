"""send, listen, history: what is waited for, what is printed, and what a sender cannot do to a terminal."""

from __future__ import annotations

import json
import re
import signal
import time
import unicodedata
from pathlib import Path

import pytest
from command_line import Person, Two, make_account
from forked_relay import ForkedRelay

pytestmark = [pytest.mark.processes, pytest.mark.slow]
# Clears the screen, renames the window, fakes a line above, hides what follows, turns the text around.
HOSTILE = "a\x1b[2J\x1b]0;owned\x07b\r\x1b[1Afake\x9b31m\u202egnp.exe\u2066x\u200bz\x00\x7f\nshop: paid"


def _is_harmless(output: str) -> bool:
    return all(unicodedata.category(char) not in ("Cc", "Cf") for char in output.replace("\n", ""))


def test_texts_go_both_ways(two: Two) -> None:
    assert two.customer.ok("send", "Shop", "Guten Tag, grüße 🌷").strip() == "at the relay"
    heard = [json.loads(line) for line in two.shop.ok("listen", "--count", "1", "--json").splitlines()]
    assert {"contact_added", "message"} <= {one["event"] for one in heard}
    (text,) = [one for one in heard if one["event"] == "message"]
    assert text["text"] == "Guten Tag, grüße 🌷"
    customer = text["account_id"][:8]
    with two.customer.start("listen", "--texts", "--count", "1") as listening:
        sent = two.shop.run(
            "send", customer, "-", "--wait", "delivered", "--json", text="Zwei Zeilen\nhier\n"
        )
        assert (sent.status, json.loads(sent.out)["state"]) == (0, "delivered")
        heard_there = listening.finish()
    assert re.fullmatch(r"\d\d:\d\d:\d\d Shop: Zwei Zeilen↵hier\n", heard_there.out)
    rows = [json.loads(line) for line in two.shop.ok("history", customer, "--json").splitlines()]
    assert [(one["outgoing"], one["text"]) for one in rows] == [
        (False, "Guten Tag, grüße 🌷"),
        (True, "Zwei Zeilen\nhier"),
    ]
    assert two.shop.ok("history", customer, "--last", "1").strip().endswith("Zwei Zeilen↵hier  ✓")


def test_what_came_in_while_sending_is_told(acquainted: Two) -> None:
    acquainted.shop.ok("send", acquainted.customer_id, "an answer")
    said = acquainted.customer.run("send", "Shop", "next", "--wait", "delivered", "--timeout", "8")
    # Nobody is online there: it is with the relay only.
    assert (said.status, said.out.strip()) == (6, "at the relay")
    assert "send.undelivered" in said.err
    assert "1 new text from Shop" in said.err


def test_control_characters_of_a_sender_never_reach_the_terminal(acquainted: Two) -> None:
    acquainted.customer.ok("send", "Shop", "-", text=HOSTILE.replace("\x00", ""))
    heard = acquainted.shop.ok("listen", "--count", "1")
    history = acquainted.shop.ok("history", acquainted.customer_id)
    chat = acquainted.shop.run("chat", acquainted.customer_id, "--plain")
    as_json = acquainted.shop.ok("history", acquainted.customer_id, "--json")
    for output in (heard, history, chat.out, chat.err, as_json):
        assert _is_harmless(output)
    for output in (heard, history, chat.out):
        (line,) = [line for line in output.splitlines() if "fake" in line]
        assert "␛[2J" in line
        assert "<U+202E>gnp.exe" in line
        assert line.rstrip().endswith("↵shop: paid")


def test_without_the_relay_a_text_is_kept(person: Person, tmp_path: Path) -> None:
    with ForkedRelay(tmp_path / "data") as relay:
        card = make_account(tmp_path / "shop.db", relay.url, name="Shop", publish=True)
        make_account(person.store, relay.url)
    person.ok("add", card)
    for language, word in (("en", "it is kept"), ("de", "bleibt aufgehoben")):
        said = person.run("--lang", language, "send", "Shop", language, "--timeout", "1")
        assert (said.status, said.code) == (6, "send.kept")
        assert word in said.err
    assert person.ok("send", "Shop", "third", "--wait", "queued").strip() == "waiting"
    rows = [json.loads(line) for line in person.ok("history", "Shop", "--json").splitlines()]
    assert [one["text"] for one in rows] == ["en", "de", "third"]
    assert {one["state"] for one in rows} == {"queued"}
    with person.start("listen") as listening:
        listening.wait_for("not connected")
        time.sleep(2)  # a few more attempts
        ended = listening.finish(signal.SIGINT)
    assert (ended.status, ended.out.count("not connected")) == (130, 1)


def test_texts_that_cannot_be_sent(two: Two) -> None:
    for text, code in (("", "message.empty"), ("x" * 70_000, "message.too_large")):
        said = two.customer.run("send", "Shop", "-", text=text)
        assert (said.status, said.code) == (2, code)
    assert two.customer.run("send", "Nobody", "text").code == "contact.unknown"
    assert two.customer.ok("history", "Shop") == ""


def test_a_signal_ends_listening_cleanly(two: Two) -> None:
    with two.shop.start("listen", "--lang", "de") as listening:
        listening.wait_for("verbunden mit")
        ended = listening.finish(signal.SIGTERM)
    assert (ended.status, ended.err) == (143, "")
