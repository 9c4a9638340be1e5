"""Sessions under an adversarial network (DR-05, DR-10 to DR-18, SES-11, SES-14, SES-15, SES-21 to SES-37,
HS-06 to HS-11).
"""

from __future__ import annotations

from hypothesis import settings
from run_counts import IS_FULL
from session_machine import SessionMachine

TestSessionMachine = SessionMachine.TestCase
# A planted bug is found within twenty examples (test_machine_catches); a million steps are in the audit.
if not IS_FULL:
    TestSessionMachine.settings = settings(max_examples=40)
