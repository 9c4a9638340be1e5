"""The example of a bot at a front desk."""

from __future__ import annotations

import asyncio
import os
import runpy
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pytest
from conversations import until, until_read
from e2ee_client.errors import StoreMissing
from e2ee_client.rooms import Desk, Policy
from practice import Practice


async def test_the_bot_greets_answers_and_routes(praxis: Practice, repo_root: Path) -> None:
    """TRN-29: nobody had a session between bot and agent before."""
    example = runpy.run_path(str(repo_root / "examples/support_bot.py"))
    await praxis.company.set_policy(Policy(team=None))
    agent = await praxis.agent("Agent A", teams=["abrechnung"])
    invite = await praxis.company.invite("Bot", kind="bot", front_desk=True)
    async with Desk.join(None, invite, runtime=praxis.network.runtime()) as bot:
        example["teach"](bot)
        task = asyncio.create_task(bot.run(example["SERVICE"]))
        await until(lambda: bot.policy.team is None)
        room = await praxis.opened(await praxis.customer())
        await room.send("Ein Rezept bitte, und eine Frage zur Rechnung")
        wanted = {"Guten Tag, worum geht es?", "Rezepte liegen am nächsten Werktag bereit."}

        async def heard() -> bool:
            return wanted <= {one.text for one in await room.texts()}

        await until_read(heard, True)
        assert (await anext(agent.waiting())).waits_for == "abrechnung"
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_the_bot_is_opened_again_without_an_invite(repo_root: Path, tmp_path: Path) -> None:
    """It was always joined, so that its second start was refused."""
    example = runpy.run_path(str(repo_root / "examples/support_bot.py"))
    with patch.dict(os.environ, SEALROOM_PASSPHRASE="correct horse"), pytest.raises(StoreMissing):
        asyncio.run(example["main"](str(tmp_path / "none.db")))


def test_the_bot_takes_less_than_25_lines(repo_root: Path) -> None:
    source = (repo_root / "examples/support_bot.py").read_text().split('"""')[2]
    lines = [line for line in source.splitlines() if line.strip() and not line.startswith(("import", "from"))]
    assert len(lines) < 25
