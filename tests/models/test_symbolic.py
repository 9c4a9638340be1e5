"""The symbolic models ask what they say: twins, controls, expected verdicts, and a few quick runs."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path

import checkout
import pytest
import spec_rules

from spec.models import (
    catalogue,
    conversation,
    handshake_terms,
    link,
    login,
    prove,
    recovery,
    rooms,
    sessions,
    spass,
)
from spec.models.attacker import later, now
from spec.models.claims import REACHED, SAFE, UNDECIDED, Question
from spec.models.terms import Symbol, Term
from spec.models.theory import Theory

FOLDER = checkout.ROOT / "spec" / "models"
QUESTIONS = {question.name: question for question in catalogue.questions()}
PROVERIF = catalogue.document()["proverif"]
QUICK = (
    "handshake.secret/twin",
    "ratchet.secret",
    "ratchet.heals-1",
    "ratchet.heals-1/no-dh",
    "sessions.reset-answerer",
    "sessions.reset-answerer/early",
    "sessions.answer-kept/not-dropped",
    "rooms.gate",
    "rooms.gate/other-room",
    "rooms.entry",
    "rooms.entry/any-signer",
    "rooms.leaver",
    "rooms.leaver/no-parent",
    "link.listed",
    "link.listed/r-early",
    "link.listed/any-r",
    "login.holder",
    "login.holder/replayed",
    "login.in-place/other-room",
)


def test_every_claim_has_its_twin_and_a_control() -> None:
    claims = catalogue.claims()
    assert len(claims) >= 12
    for claim in claims:
        kinds = Counter(question.kind for question in claim.questions())
        assert kinds["claim"] == kinds["twin"] == 1, claim.name
        assert kinds["control"] >= 1, claim.name
    assert len(QUESTIONS) == len(catalogue.questions())


def test_claims_cite_rules_that_exist() -> None:
    """Chapters 06 to 09 and 15 to 18 are all asked about."""
    defined = {rule.rule_id for rule in spec_rules.definitions(checkout.ROOT)}
    cited = {rule for claim in catalogue.claims() for rule in claim.rules.split()}
    assert cited <= defined
    assert {"HS-02", "HS-03", "DR-06", "DR-14", "PQ-06", "PQ-12"} <= cited
    assert {"SES-22", "SES-24", "SES-27", "SES-32", "SES-36", "SES-37"} <= cited
    assert {"ACC-09", "ROOM-05", "TRN-04", "TRN-08", "CNS-07", "CNS-13"} <= cited
    assert {"ACC-34", "ACC-35", "ACC-51", "ACC-52", "CNS-50", "CNS-51", "CNS-52", "CNS-53"} <= cited


def test_the_expected_verdicts_are_those_of_the_claims() -> None:
    assert catalogue.expected() == {name: question.expected for name, question in QUESTIONS.items()}
    assert {q.expected for q in QUESTIONS.values() if q.kind == "claim"} == {SAFE}
    assert {q.expected for q in QUESTIONS.values() if q.kind != "claim"} == {REACHED}


def test_a_twin_is_asked_under_the_settings_of_its_claim_and_a_control_is_another_question() -> None:
    for claim in catalogue.claims():
        own, twin, *controls = claim.questions()
        assert twin.settings == own.settings
        assert not set(twin.goals) & set(own.goals)
        for control in controls:
            assert (control.settings, control.goals) != (own.settings, claim.goals), control.name


def test_every_setting_is_used_and_an_unknown_one_is_refused() -> None:
    used = set[str]().union(*(question.settings for question in QUESTIONS.values()))
    below = handshake_terms, conversation, sessions
    above = rooms, link, login, recovery
    assert set[str]().union(*(one.SETTINGS for one in (*below, *above))) == used
    names = ("handshake.secret", "ratchet.secret", "sessions.reset-starter", "rooms.gate")
    for name in (*names, "link.listed", "login.holder", "recovery.told"):
        with pytest.raises(ValueError, match="no such settings"):
            QUESTIONS[name].theory(frozenset({"unheard_of"}))


def test_what_a_party_receives_is_the_attackers() -> None:
    """A premise is the attacker's knowledge or the party's own state: nothing comes from a peer directly."""
    states = {"verified", "started", "opened", "received", "sent", "got"}
    states |= {"asked", "provena", "heard", "provenb"}
    attacker = {symbol.name for phase in (now, later) for symbol in phase.predicates()}
    names = ("handshake.secret", "handshake.secret-both-roles", "ratchet.secret", "kem-ratchet.secret")
    for name in (*names, "sessions.reset-answerer", "sessions.answer-kept"):
        question = QUESTIONS[name]
        for clause in question.theory(question.settings).clauses:
            assert {premise.head for premise in clause.premises} <= states | attacker
            assert len([premise for premise in clause.premises if premise.head in states]) <= 1


def test_a_device_in_a_room_is_given_nothing_but_by_the_attacker() -> None:
    """All other premises are what the device itself has concluded, or a commitment that it was shown."""
    concluded = {"islisted", "inforce", "consents", "follows", "shown"}
    attacker = {symbol.name for symbol in now.predicates()}
    for question in QUESTIONS.values():
        if question.name.startswith("rooms."):
            clauses = question.theory(question.settings).clauses
            assert {premise.head for clause in clauses for premise in clause.premises} <= attacker | concluded


def test_who_links_or_takes_a_login_is_given_nothing_but_by_the_attacker() -> None:
    """All other premises are what that party has concluded itself, or which device an account has listed."""
    concluded = {"fixes", "answered", "samedigits", "lists", "islisted"}
    attacker = {symbol.name for symbol in now.predicates()}
    for question in QUESTIONS.values():
        if question.name.startswith(("link.", "login.")):
            clauses = question.theory(question.settings).clauses
            assert {premise.head for clause in clauses for premise in clause.premises} <= attacker | concluded


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name.startswith("sessions.")])
def test_a_thief_of_a_conversation_takes_part_only_where_it_says_so(name: str) -> None:
    """What was stolen is not among what the relay can use, but for an active thief."""
    question = QUESTIONS[name]
    in_use = {symbol.name for symbol in now.predicates()}
    stolen = [one for one in question.theory(question.settings).clauses if one.name.startswith("theft")]
    assert stolen
    is_used = any(clause.conclusion.head in in_use for clause in stolen)
    assert is_used == ("active_thief" in question.settings)


def test_only_undisturbed_legs_are_taken_from_the_peer() -> None:
    question = QUESTIONS["ratchet.heals-1"]
    clauses = question.theory(question.settings).clauses
    direct = [clause for clause in clauses if sum(premise.head == "sent" for premise in clause.premises) == 2]
    assert {str(clause.conclusion.args[1]) for clause in direct} == {"n2", "n3"}


def test_a_symbol_has_one_number_of_arguments() -> None:
    pair = Symbol("pair", 2)
    with pytest.raises(ValueError, match="takes 2 arguments"):
        pair(Term("a"))
    theory = Theory()
    theory.rule("slip", now.known(Term("a", (Term("b"),))), now.known(Term("a")))
    with pytest.raises(ValueError, match="different numbers"):
        theory.problem("slip", [now.known(Term("b"))])


def test_the_readme_lists_the_claims() -> None:
    """`python3 spec/models/prove.py --table` prints what belongs there."""
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert catalogue.table() in readme
    assert " ".join(prove.LIMITS.split()) in " ".join(readme.split())


@pytest.mark.parametrize(
    ("output", "verdict"),
    [
        ("\nSPASS beiseite: Proof found.\nSPASS derived 12 clauses, ", REACHED),
        ("\nSPASS beiseite: Completion found.\nSPASS derived 12 clauses, ", SAFE),
        ("\nSPASS beiseite: Ran out of time. SPASS was killed.\nSPASS derived 12 clauses, ", UNDECIDED),
        (" In file problem.dfg at line 6: got 'root'", UNDECIDED),
        ("", UNDECIDED),
    ],
)
def test_only_a_completion_is_safe(output: str, verdict: str) -> None:
    answer = spass.read(output, 1.0)
    assert answer.verdict == verdict
    assert bool(answer.remark) == (verdict == UNDECIDED)


def test_a_wrong_verdict_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prove, "ROOT", tmp_path)
    claim = QUESTIONS["ratchet.secret"]
    safe, attacked, late = (spass.Answer(verdict, 1, 0.1) for verdict in (SAFE, REACHED, UNDECIDED))
    assert prove.report([prove.Row(claim, SAFE, safe)], "pass", ["a: expected holds, got holds"], 1)
    for answer, tlc in ((attacked, "pass"), (late, "pass"), (safe, "fail")):
        assert not prove.report([prove.Row(claim, SAFE, answer)], tlc, [], 1)
        written = json.loads((tmp_path / "reports/prove.json").read_text("utf-8"))
        assert written["result"] == "fail"
        assert written["limits"] == prove.LIMITS
    assert not prove.report([], "pass", [], 1)


def test_without_the_prover_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(spass, "installed", lambda: False)
    assert prove.main([]) == 1
    assert "apt install spass default-jre-headless" in capsys.readouterr().err


@pytest.mark.parametrize("name", QUICK)
def test_a_quick_question_has_its_verdict(name: str) -> None:
    if not spass.installed() and not os.environ.get("CI"):
        pytest.skip("SPASS is not installed (Debian: spass)")
    question: Question = QUESTIONS[name]
    assert spass.ask(question, 60).verdict == question.expected


def _row_name(row: dict[str, str]) -> str:
    return f"{row['file']} {row['flags']}"


def _included(name: str) -> str:
    text = (FOLDER / name).read_text("utf-8")
    return re.sub(r'#include "([^"]+)"', lambda found: _included(found[1]), text)


def _flags(row: dict[str, str]) -> dict[str, int]:
    """`CALM=6` gives 6, a bare flag 1."""
    named = [flag.partition("=") for flag in row["flags"].split()]
    return {name: int(value or 1) for name, _, value in named}


def _preprocessed(row: dict[str, str]) -> str:
    """The lines that the C preprocessor keeps for these flags; macros stay as they are."""
    flags, kept, open_if = _flags(row), [""], [True]
    for line in _included(row["file"]).splitlines():
        if line.startswith("#if"):
            open_if.append(_holds(line, flags))
        elif line.startswith("#else"):
            open_if[-1] = not open_if[-1]
        elif line.startswith("#endif"):
            open_if.pop()
        elif all(open_if):
            kept.append(line)
    assert open_if == [True]
    return "\n".join(kept)


def _holds(condition: str, flags: dict[str, int]) -> bool:
    if condition.startswith("#if CALM >= "):
        return flags.get("CALM", 0) >= int(condition[-1])
    names = set(re.findall(r"[A-Z][A-Z0-9_]+", condition))
    return bool(names & flags.keys()) != condition.startswith("#ifndef")


@pytest.mark.parametrize("row", PROVERIF, ids=_row_name)
def test_a_proverif_row_has_a_verdict_for_every_query_of_its_run(row: dict[str, str]) -> None:
    text = _preprocessed(row)
    assert len(re.findall(r"^query ", text, re.MULTILINE)) == len(row["verdicts"]) > 0
    for flag in _flags(row):
        assert re.search(rf"^#if.*\b{flag}\b", _included(row["file"]), re.MULTILINE), flag
    without_comments = re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)
    assert "*)" not in without_comments
    code = re.sub(r"^#define(?:.*\\\n)*.*$", "", without_comments, flags=re.MULTILINE)
    assert code.count("(") == code.count(")")
    assert code.count("[") == code.count("]")


@pytest.mark.parametrize("row", [row for row in PROVERIF if row["question"]], ids=_row_name)
def test_both_forms_of_a_question_expect_the_same(row: dict[str, str]) -> None:
    """ProVerif says true where nothing is derived; one false query of several is an attack."""
    verdict = SAFE if set(row["verdicts"]) == {"true"} else REACHED
    assert QUESTIONS[row["question"]].expected == verdict


def test_each_proverif_file_has_claims_attacks_and_a_reachability_row() -> None:
    for name in ("handshake.pv", "ratchet.pv", "kem_ratchet.pv"):
        rows = [row for row in PROVERIF if row["file"] == name]
        assert {verdict for row in rows for verdict in row["verdicts"]} == {"true", "false"}
        (reached,) = [row["verdicts"] for row in rows if row["flags"] == "REACH"]
        assert set(reached) == {"false"}
    assert len({_row_name(row) for row in PROVERIF}) == len(PROVERIF)
