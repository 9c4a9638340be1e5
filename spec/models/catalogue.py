"""All questions to the prover, and the verdicts that expected.json has for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spec.models import (
    conversation_claims,
    handshake_claims,
    link_claims,
    login_claims,
    recovery_claims,
    rooms_claims,
    sessions_claims,
)
from spec.models.claims import Claim, Question

EXPECTED = Path(__file__).resolve().parent / "expected.json"


def claims() -> tuple[Claim, ...]:
    return (
        *handshake_claims.claims(),
        *conversation_claims.claims(),
        *sessions_claims.claims(),
        *rooms_claims.claims(),
        *link_claims.claims(),
        *login_claims.claims(),
        *recovery_claims.claims(),
    )


def questions() -> list[Question]:
    return [question for claim in claims() for question in claim.questions()]


def table() -> str:
    """The claims as the README lists them."""
    lines = ["| Claim | What | Rules | Controls, each an attack |", "| --- | --- | --- | --- |"]
    for claim in claims():
        controls = "; ".join(f"`{control.name}`: {control.text}" for control in claim.controls)
        lines.append(f"| `{claim.name}` | {claim.text} | {claim.rules.replace(' ', ', ')} | {controls} |")
    return "\n".join(lines)


def document() -> dict[str, Any]:
    """The whole file: `spass` by the name of the question, `proverif` by file and flags."""
    content: dict[str, Any] = json.loads(EXPECTED.read_text("utf-8"))
    return content


def expected() -> dict[str, str]:
    """Verdicts of the prover by question."""
    return dict(document()["spass"])
