"""The audit: reruns the evidence of every claim and writes a dated report.

`spec/claims.toml` says what is claimed, by which rules, shown by what; `audit.steps` says which commands
produce the evidence; the report joins the two. `make audit` runs it.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ROOT / "reports"
RAW = REPORTS / "raw"

# The reader of rules and citations lives with the lint of the specification.
sys.path.append(str(ROOT / "tests" / "support"))
