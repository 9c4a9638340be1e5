"""The record of an audit as plain data: what the JSON file holds and the page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import spec_rules

from audit import ROOT, claims, environment, junit, verdicts
from audit.runner import OPEN, PASS, Outcome
from audit.verdicts import Findings

LOCK = "requirements/audit.txt"
Record = dict[str, Any]


def build(file: claims.ClaimsFile, findings: Findings, now: datetime, quick: bool) -> Record:
    """Joins claims, rules, code and results into one record."""
    cited = spec_rules.citations(ROOT)
    state = environment.checkout()
    judged = [_claim(claim, findings, cited) for claim in file.claims]
    stolen = [_compromise(one, findings, cited) for one in file.compromises]
    record: Record = {
        "name": "audit",
        "date": now.strftime("%Y-%m-%d %H:%M UTC"),
        "profile": "short" if quick else "full",
        "commit": state.commit,
        "changes": state.changes,
        "system": environment.system(),
        "lock": {"file": LOCK, "sha256": environment.digest(ROOT / LOCK)},
        "open_claims": [_open(one) for one in (*judged, *stolen) if one["verdict"] == OPEN],
        "open_steps": [_open_step(o) for o in findings.outcomes.values() if o.state != PASS],
        "adversaries": [asdict(adversary) for adversary in file.adversaries],
        "claims": judged,
        "compromises": stolen,
        "risks": [asdict(risk) for risk in file.risks],
        "steps": [asdict(outcome) for outcome in findings.outcomes.values()],
        "rules": [_rule(rule, findings, cited) for rule in spec_rules.definitions(ROOT)],
        "skipped_tests": junit.skipped(findings.tests),
        "installed": environment.installed(),
    }
    record["result"] = "fail" if record["open_claims"] or record["open_steps"] else "pass"
    return record


def _judged(entries: Sequence[str], findings: Findings) -> Record:
    found = verdicts.pieces(entries, findings)
    return {"evidence": [asdict(piece) for piece in found], "verdict": verdicts.verdict(found)}


def _code(rules: Sequence[str], cited: spec_rules.Citations) -> dict[str, list[str]]:
    return {rule: sorted(cited.code.get(rule, ())) for rule in rules}


def _claim(claim: claims.Claim, findings: Findings, cited: spec_rules.Citations) -> Record:
    return asdict(claim) | {"code": _code(claim.rules, cited)} | _judged(claim.evidence, findings)


def _compromise(one: claims.Compromise, findings: Findings, cited: spec_rules.Citations) -> Record:
    return asdict(one) | {"code": _code(one.rules, cited)} | _judged(one.evidence, findings)


def _open(entry: Mapping[str, Any]) -> Record:
    missing = [f"{piece['name']}: {piece['said']}" for piece in entry["evidence"] if not piece["good"]]
    return {"id": entry["id"], "says": entry.get("says") or entry["secret"], "missing": missing}


def _open_step(outcome: Outcome) -> Record:
    return {"step": outcome.step, "command": outcome.command, "why": outcome.why or outcome.state}


def _rule(rule: spec_rules.Rule, findings: Findings, cited: spec_rules.Citations) -> Record:
    tests = sorted(cited.tests.get(rule.rule_id, ()))
    records = [findings.tests[name] for name in tests if name in findings.tests]
    return {
        "rule": rule.rule_id,
        "chapter": rule.chapter,
        "text": rule.text,
        "code": sorted(cited.code.get(rule.rule_id, ())),
        "tests": tests,
        "cases": sum(record.passed for record in records),
        "failed": sum(record.failed for record in records),
        "skipped": sum(len(record.skipped) for record in records),
    }
