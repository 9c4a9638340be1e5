"""The desk of docs/embed.md and the bot of the examples: what they answer, whatever happens with one text."""

from __future__ import annotations

import runpy
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast
from unittest.mock import patch

import pytest
from conversations import until
from e2ee_client import Contact, MessageState
from e2ee_client.errors import ContactBlocked
from e2ee_client.testing import MemoryNetwork

LONGEST = "x" * 63_000
Answer = Callable[[Contact], Awaitable[None]]


def answer_of(repo_root: Path, tmp_path: Path, name: str) -> Answer:
    """The function `answer` of a program, which is not run."""
    program = repo_root / "examples/bot.py"
    if name == "embed":
        page = (repo_root / "docs/embed.md").read_text()
        program = tmp_path / "desk.py"
        program.write_text(page.partition('title="desk.py"\n')[2].partition("```")[0])
    with (
        patch("asyncio.run", lambda main: main.close()),
        patch("sys.argv", [name, "store"]),
        patch.dict("os.environ", SEALROOM_PASSPHRASE="x"),
    ):
        return cast("Answer", runpy.run_path(str(program))["answer"])


@pytest.mark.parametrize("name", ["embed", "bot"])
async def test_each_text_is_answered_once_also_after_a_restart(
    network: MemoryNetwork, repo_root: Path, tmp_path: Path, name: str
) -> None:
    """A text near the largest one ended the desk, and nothing unread was answered."""
    answer = answer_of(repo_root, tmp_path, name)
    async with network.client(publish=True) as desk, network.client() as customer:
        await desk.wait_settled(60)
        theirs = await customer.add_contact(desk.card())
        for text in (LONGEST, "Hello"):
            await theirs.send(text)
        await until(lambda: [one.unread for one in desk.contacts()] == [2])
        (contact,) = desk.contacts()
        for _ in range(2):
            await answer(contact)
        texts = await contact.history()
        answers = [one for one in texts if one.outgoing]
        assert len(answers) == 2 + (name == "bot")
        assert all(one.outgoing or one.state is MessageState.READ for one in texts)


@pytest.mark.parametrize("name", ["embed", "bot"])
async def test_what_is_refused_ends_no_desk(
    network: MemoryNetwork, repo_root: Path, tmp_path: Path, name: str
) -> None:
    """Its identity has to be looked at first, say."""
    answer = answer_of(repo_root, tmp_path, name)
    async with network.client(publish=True) as desk, network.client() as customer:
        await desk.wait_settled(60)
        await (await customer.add_contact(desk.card())).send("Hello")
        await until(lambda: [one.unread for one in desk.contacts()] == [1])
        (contact,) = desk.contacts()
        with patch.object(Contact, "send", side_effect=ContactBlocked("alarm")):
            await answer(contact)
        assert contact.unread == 1
