"""Clients and relay killed while clocks are wrong, a clone runs, or a backup is restored twice: short forms.

The long form is client_kills.py beside this file; its result is reports/client-kills.json.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from kill_scenes import SCENES, KillScenes, play

pytestmark = pytest.mark.processes
# The others run in the audit, in short forms here and in long ones in its step client-kills.
FIRST, *OTHERS = SCENES
NAMES = [FIRST, *(pytest.param(name, marks=pytest.mark.audit_only) for name in OTHERS)]


@pytest.mark.parametrize("name", NAMES)
async def test_killed_in_a_bad_moment_they_come_to_rest(tmp_path: Path, name: str) -> None:
    """SES-11, SES-21, SES-25, SES-30, SES-40, ID-27: told or not lost, shown once, and both write again."""
    scene, found = await play(name, tmp_path, seed=1, rounds=2)
    assert found == []
    assert sum(scene.kills.values()) >= 2


async def test_what_must_not_be_is_found(tmp_path: Path) -> None:
    """The control: a text that came twice, and one that nobody has and nobody misses."""
    scene = KillScenes(tmp_path, seed=1)
    try:
        company, _ = await scene.meet()
        assert await scene.twice("customer", "company") == await scene.lost("company", "customer") == []
        scene.sent["company"].append(("id", "never sent"))
        assert await scene.lost("company", "customer") == ["lost and nobody told: never sent"]
        company.account.given_up.add("id")
        assert await scene.lost("company", "customer") == []
        scene.people["customer"].account.events.update(["id", "id"])
        assert await scene.twice("customer", "company") == ["the customer was told twice"]
    finally:
        await scene.end()
