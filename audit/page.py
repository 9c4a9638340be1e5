"""The record of an audit as one page: no script, no outside file, readable on paper."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from audit.runner import PASS
from audit.verdicts import SHOWN

Record = Mapping[str, Any]
# Tests that the page names for a rule; the JSON names all.
SHOWN_TESTS = 3
# Lines of a list inside a result that the page shows; the JSON has all.
SHOWN_LINES = 5

STYLE = """
:root { color-scheme: light; --ink: #1b1f23; --quiet: #57606a; --line: #d0d7de; --good: #116329;
  --bad: #a40e26; --soft: #f6f8fa }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); max-width: 84rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.6rem }
h2 { font-size: 1.25rem; margin-top: 2.2rem }
h3 { font-size: 1.05rem; margin-top: 1.6rem }
table { border-collapse: collapse; table-layout: fixed; width: 100%; margin: .6rem 0 }
th, td { border: 1px solid var(--line); padding: .35rem .5rem; text-align: left; vertical-align: top }
th { background: var(--soft); font-weight: 600 }
code, pre { font: 12.5px/1.4 ui-monospace, monospace }
td, code { overflow-wrap: anywhere }
.id { white-space: nowrap }
pre { background: var(--soft); padding: .5rem; margin: .2rem 0;
  white-space: pre-wrap; overflow-wrap: anywhere }
ul { margin: .2rem 0; padding-left: 1.1rem }
.quiet { color: var(--quiet) }
.good { color: var(--good); font-weight: 600 }
.bad { color: var(--bad); font-weight: 600 }
.box { border: 2px solid var(--line); border-radius: 6px; padding: .4rem 1rem }
.open { border-color: var(--bad) }
@page { size: A4 landscape; margin: 12mm }
@media print {
  body { font-size: 8.5pt; margin: 0; padding: 0; max-width: none }
  code, pre { font-size: 7pt }
  th, td { padding: 2pt 3pt }
  h2, h3 { break-after: avoid }
  tr { break-inside: avoid }
}
"""

READING = (
    "Each claim leads to its rules (chapters of `spec/`), the code that cites them, and the tests, models or"
    " runs that show it, with the result of this run and its limit. A claim is shown only if all its evidence"
    " was produced in this run and came out as expected. A limit that needs no evidence is declared."
)


def render(record: Record) -> str:
    """The whole page."""
    sections = (
        head(record),
        open_list(record),
        contents(),
        step_table(record["steps"]),
        claim_tables(record),
        compromise_table(record["compromises"]),
        risk_table(record["risks"]),
        list_tables(record["steps"]),
        rule_table(record["rules"]),
        environment_section(record),
    )
    title = f"Sealroom: audit report, {record['date']}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{text(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n<body>\n'
        + "\n".join(sections)
        + "\n</body></html>\n"
    )


def text(value: object) -> str:
    """Text with `code` spans, safe in HTML."""
    parts = html.escape(str(value)).split("`")
    return "".join(f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts))


def code(names: Iterable[str]) -> str:
    """Names in code type, one a line."""
    return "<br>".join(f"<code>{html.escape(name)}</code>" for name in names) or "-"


def table(heads: Mapping[str, int], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already; its heads have widths in percent."""
    columns = "".join(f'<col style="width: {width}%">' for width in heads.values())
    top = "".join(f"<th>{head}</th>" for head in heads)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{columns}<thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table>"


def verdict(said: str) -> str:
    """A verdict in its colour."""
    kind = {PASS: "good", SHOWN: "good", "declared": "quiet"}.get(said, "bad")
    return f'<span class="{kind}">{html.escape(said)}</span>'


def head(record: Record) -> str:
    """Title, commit, profile, and what it ran on."""
    changes = f"with changes (digest {record['changes']})" if record["changes"] else "without changes"
    run = f"{record['date']}, {record['profile']} profile, commit `{record['commit']}` {changes}"
    title = "<h1>Sealroom: audit report</h1>"
    return f"{title}\n<p>{text(run)}; {text(record['system'])}.</p>\n<p>{text(READING)}</p>"


def open_list(record: Record) -> str:
    """What is missing; empty where the audit passed."""
    claims = [
        f"<li><b>{text(one['id'])}</b>: {text(one['says'])}<ul>"
        + "".join(f"<li>{text(line)}</li>" for line in one["missing"])
        + "</ul></li>"
        for one in record["open_claims"]
    ]
    steps = [
        f"<li><b>{text(one['step'])}</b>: {text(one['why'])} <code>{text(one['command'])}</code></li>"
        for one in record["open_steps"]
    ]
    if not claims and not steps:
        return '<h2 id="open">Open claims</h2>\n<p class="box good">None. Every claim is shown.</p>'
    listed = f"<p><b>{len(claims)} open claims</b></p><ul>{''.join(claims)}</ul>" if claims else ""
    ended = f"<p><b>{len(steps)} steps did not pass</b></p><ul>{''.join(steps)}</ul>" if steps else ""
    return f'<h2 id="open">Open claims</h2>\n<div class="box open">{ended}{listed}</div>'


def contents() -> str:
    """Where the parts are."""
    parts = ("steps", "claims", "compromises", "risks", "lists", "rules", "environment")
    return "<p>" + " · ".join(f'<a href="#{part}">{part}</a>' for part in parts) + "</p>"


def step_table(steps: Sequence[Record]) -> str:
    """One row per step: command, result, figures, limits."""
    rows = []
    for step in steps:
        result = step["result"]
        command = f"{text(step['shows'])}<br><code>{text(step['command'])}</code>"
        took = f"{step['seconds']:.0f} s<br>{text(step['ended'])}<br>at {text(step['commit'][:10])}"
        ended = f"{verdict(step['state'])} {text(step['why'])}<br>{took}"
        figures = figures_of(result.get("figures", result)) + f"<pre>{html.escape(step['closing'])}</pre>"
        rows.append((text(step["step"]), command, ended, figures, text(result.get("limits", ""))))
    heads = {"Step": 9, "Shows, command": 23, "Result": 11, "Figures, closing lines": 37, "Limits": 20}
    return '<h2 id="steps">Steps</h2>\n' + table(heads, rows)


def figures_of(figures: Mapping[str, Any]) -> str:
    """Figures of a step: plain ones a line each, groups as one line; lists have tables of their own."""
    parts = []
    for name, value in figures.items():
        if isinstance(value, list):
            parts.append(f"{text(name)}: {len(value)}<br>" if value else "")
        elif isinstance(value, Mapping):
            plain = (
                f"{inner}: {shown}" for inner, shown in value.items() if not isinstance(shown, dict | list)
            )
            parts.append(f"{text(name)}: {text(', '.join(plain))}<br>")
        else:
            parts.append(f"{text(name)}: <b>{text(value)}</b><br>")
    return "".join(parts)


def list_tables(steps: Sequence[Record]) -> str:
    """Lists in the results of the steps, each as a table: queries, windows, attacks, controls."""
    parts = ['<h2 id="lists">Results in detail</h2>']
    for step in steps:
        result = step["result"]
        for name, value in (*result.items(), *dict(result.get("figures", {})).items()):
            if isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
                parts.append(f"<h3>{text(step['step'])}: {text(name)}</h3>\n{_entries(value)}")
    return "\n".join(parts)


def _entries(entries: Sequence[Record]) -> str:
    heads = list(dict.fromkeys(name for entry in entries for name in entry))
    rows = [[_cell(entry.get(name, "")) for name in heads] for entry in entries]
    widths = {name: _width([str(entry.get(name, "")) for entry in entries]) for name in heads}
    return table({text(name): 100 * width // sum(widths.values()) for name, width in widths.items()}, rows)


def _width(values: Sequence[str]) -> int:
    """A column is as wide as its longest value asks for, within bounds."""
    return min(max(20, *map(len, values)), 120)


def _cell(value: object) -> str:
    if isinstance(value, list):
        shown = SHOWN_LINES if all(isinstance(one, str) for one in value) else 1
        more = [f"and {len(value) - shown} more"] if len(value) > shown else []
        return "<br>".join([*map(_cell, value[:shown]), *more])
    if isinstance(value, Mapping):
        return "<br>".join(f"{text(name)}: {_cell(inner)}" for name, inner in value.items())
    return text(value)


def claim_tables(record: Record) -> str:
    """Claims, one table per adversary, what it cannot do first."""
    parts = ['<h2 id="claims">Claims</h2>']
    heads = {"": 6, "Claim": 22, "Rules, code": 20, "Evidence and result": 30, "Verdict": 6, "Limit": 16}
    for adversary in record["adversaries"]:
        own = [claim for claim in record["claims"] if claim["adversary"] == adversary["id"]]
        parts.append(f"<h3>{text(adversary['name'])}</h3>\n<p>Has: {text(adversary['has'])}</p>")
        rows = [_claim_row(claim) for claim in sorted(own, key=lambda claim: bool(claim["can"]))]
        parts.append(table(heads, rows))
    return "\n".join(parts)


def _claim_row(claim: Record) -> Sequence[str]:
    return (
        "can" if claim["can"] else "<b>cannot</b>",
        f'{text(claim["says"])}<br><span class="quiet">{text(claim["id"])}</span>',
        rules_and_code(claim["code"]),
        evidence(claim["evidence"]),
        verdict(claim["verdict"]),
        text(claim["limit"]),
    )


def rules_and_code(by_rule: Mapping[str, Sequence[str]]) -> str:
    """The rules of a claim, and the files that cite them."""
    rules = ", ".join(f'<span class="id">{html.escape(rule)}</span>' for rule in by_rule)
    files = code(sorted({name for names in by_rule.values() for name in names}))
    return f"{rules}<br>{files}" if rules else "-"


def evidence(pieces: Sequence[Record]) -> str:
    """Pieces of evidence with what the run says about each."""
    lines = [
        f'<code>{html.escape(piece["name"])}</code> <span class="{"good" if piece["good"] else "bad"}">'
        f"{html.escape(piece['said'])}</span>"
        for piece in pieces
    ]
    return "<br>".join(lines) or "-"


def compromise_table(stolen: Sequence[Record]) -> str:
    """Which secret opens what, and when it heals."""
    rows = [
        (
            *(text(one[name]) for name in ("secret", "opens", "closed", "heals")),
            rules_and_code(one["code"]),
            evidence(one["evidence"]),
            verdict(one["verdict"]),
        )
        for one in stolen
    ]
    heads = {"Stolen": 10, "Opens": 16, "Stays closed": 12, "Heals": 13, "Rules, code": 18}
    heads |= {"Evidence and result": 25, "Verdict": 6}
    return '<h2 id="compromises">Compromise matrix</h2>\n' + table(heads, rows)


def risk_table(risks: Sequence[Record]) -> str:
    """Risks that are accepted, with what is done instead."""
    rows = [(text(risk["says"]), text(risk["instead"]), code(risk["rules"])) for risk in risks]
    return '<h2 id="risks">Accepted risks</h2>\n' + table({"Risk": 45, "What is done": 45, "Rules": 10}, rows)


def rule_table(rules: Sequence[Record]) -> str:
    """Every rule of the specification with its tests and how their cases ended."""
    rows = []
    for rule in rules:
        ended = f"{rule['cases']} passed"
        if rule["failed"] or rule["skipped"]:
            ended += f', <span class="bad">{rule["failed"]} failed, {rule["skipped"]} skipped</span>'
        tests = code(rule["tests"][:SHOWN_TESTS])
        if len(rule["tests"]) > SHOWN_TESTS:
            tests += f"<br>and {len(rule['tests']) - SHOWN_TESTS} more"
        name = f'<span class="id">{rule["rule"]}</span>'
        rows.append((name, text(rule["text"]), code(rule["code"]), tests, ended))
    heads = {"Rule": 7, "Begins": 32, "Code": 21, "Tests": 31, "Cases": 9}
    return '<h2 id="rules">Rules</h2>\n' + table(heads, rows)


def environment_section(record: Record) -> str:
    """Skipped tests, lock file, installed libraries."""
    skipped = [(code([name]), text(reason)) for name, reason in record["skipped_tests"].items()]
    lock = record["lock"]
    libraries = ", ".join(f"{name} {version}" for name, version in record["installed"].items())
    locked = f"`{lock['file']}` has SHA-256 `{lock['sha256']}`."
    return (
        f'<h2 id="environment">Environment</h2>\n<p>{text(record["system"])}. {text(locked)}</p>\n'
        f"<p>{text(libraries)}</p>\n<h3>Skipped tests</h3>\n"
        + (table({"Test": 60, "Reason": 40}, skipped) if skipped else "<p>None.</p>")
    )
