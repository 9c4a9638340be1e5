"""The second implementation of the rules of pairs, over sessions.json; it imports nothing of the core."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import pytest
from vector_files import hexed, load, unhex

pair_rules = importlib.import_module("spec.vectors.pair_rules")
number_rules = importlib.import_module("spec.vectors.number_rules")
SESSIONS = load("sessions.json")


def made_of(step: dict[str, Any]) -> Any:
    """A session that a script makes."""
    now_ms, ours = step["now_ms"], step["event"] == "start"
    beside = None if step["beside"] is None else unhex(step["beside"])
    ends_ms = now_ms + 14 * 86_400_000
    return pair_rules.Session(unhex(step["session"]), step["epoch"], ours, now_ms, ends_ms, beside)


def played(pair: Any, step: dict[str, Any]) -> Any:
    """One event of a script."""
    now_ms = step["now_ms"]
    match step["event"]:
        case "start" | "hear" as act:
            return getattr(pair, act)(made_of(step), now_ms)
        case "answer" | "message":
            key = unhex(step["key"]) if "key" in step else None
            return pair.open(unhex(step["session"]), key, now_ms)
        case "tell" | "sync":
            top = None if step["top"] is None else (step["top"][0], unhex(step["top"][1]))
            ask_id = unhex(step["ask_id"]) if "ask_id" in step else None
            return pair.sync(unhex(step["session"]), ask_id, top, now_ms)
        case "ask":
            return pair.send_ask(unhex(step["ask_id"]), step["patience_ms"], now_ms)
        case "repeat" | "lose" as act:
            return getattr(pair, act)(now_ms)
        case _:
            return pair.pass_time(now_ms, texts_wait=step["texts_wait"])


@pytest.mark.parametrize("script", SESSIONS["scripts"], ids=lambda script: script["name"])
def test_a_script_of_a_pair(script: dict[str, Any]) -> None:
    """SES-21, SES-22, SES-23, SES-26, SES-27, SES-28, SES-32, SES-33, SES-36"""
    pair = pair_rules.Pair()
    for step in script["steps"]:
        outcome = hexed(dataclasses.asdict(played(pair, step)))
        assert outcome == step["outcome"], step
        assert hexed(pair.shown(step["now_ms"])) == step["after"], step


@pytest.mark.parametrize("case", SESSIONS["numbers"], ids=lambda case: case["name"])
def test_numbers_of_texts(case: dict[str, Any]) -> None:
    """SES-30, SES-31"""
    known = number_rules.Numbers()
    for step in case["steps"]:
        n, line, first = step["number"]
        take = known.take if step["event"] == "take" else known.told
        assert take(n, unhex(line), first) == step["findings"], step
    after = {"highest": known.highest, "missing": known.ranges(), "forgotten": known.forgotten}
    assert after == case["after"]
