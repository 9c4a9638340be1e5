"""Profiles of the property tests: `ci` is 300 examples of 60 steps, `deep` as many as SEALROOM_DEEP_STEPS
asks for.

They are named on the command line where only this folder is run, as in `pytest tests/property
--hypothesis-profile=ci`; the suite's own profile `full` has a third of the examples. The recorded
million of steps is run by deep.py in batches.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

STEPS = 60
DEEP_STEPS = int(os.environ.get("SEALROOM_DEEP_STEPS", "1000000"))

settings.register_profile(
    "ci",
    deadline=None,
    max_examples=300,
    stateful_step_count=STEPS,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.register_profile(
    "deep", settings.get_profile("ci"), max_examples=max(DEEP_STEPS // STEPS, 1), stateful_step_count=STEPS
)
