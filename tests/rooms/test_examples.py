"""The examples of a practice, its agent and a customer, over a relay in memory."""

from __future__ import annotations

import asyncio
import builtins
import runpy
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conversations import until
from e2ee_client.rooms import Agent, Company, Customer
from e2ee_client.rooms.notices import EXAMPLE, Notice
from e2ee_client.rooms.proof import open_proof
from e2ee_client.testing import MemoryNetwork

from e2ee.ids import AccountId

NAMES = ("found_practice", "agent", "customer")


@pytest.fixture
def examples(repo_root: Path) -> dict[str, dict[str, Any]]:
    """What each example defines."""
    return {name: runpy.run_path(str(repo_root / f"examples/{name}.py")) for name in NAMES}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a person was asked; the answers are a yes."""
    questions: list[str] = []

    def answer(question: str) -> str:
        questions.append(question)
        return "y"

    monkeypatch.setattr(builtins, "input", answer)
    return questions


async def test_a_practice_is_founded_and_answers_a_customer(
    network: MemoryNetwork,
    examples: dict[str, dict[str, Any]],
    asked: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """The digits of both sides are compared, the text goes to the agent, and the consent can be proved."""
    practice, colleague, person = (examples[name] for name in NAMES)
    door = tmp_path / "door"
    async with Company.create(
        None, relay=network.url, name="Praxis", origins=[practice["PAGE"]], runtime=network.runtime()
    ) as company:
        facts = {**EXAMPLE, "relay_url": company.client.card().relay_url}
        await practice["publish"](company, Notice.draft("health", "consent", facts, is_reviewed=True), door)
        inviting = asyncio.create_task(practice["invite"](company, "Frau Sommer", "*"))
        said = ""

        def shown() -> bool:
            nonlocal said
            said += capsys.readouterr().out
            return "\n" in said

        await until(shown)
        invite = said.split("'")[1]
        digits: list[str] = []
        joining = Agent.join(None, invite, show_digits=digits.append, runtime=network.runtime())
        async with joining as agent:
            device_id = await inviting
            await agent.wait_ready(60)
            assert device_id == agent.me().device_id
            said += capsys.readouterr().out
            assert digits[0] in said
            tasks = [
                asyncio.create_task(company.run(practice["SERVICE"])),
                asyncio.create_task(colleague["answer"](agent)),
            ]

            async def fetch(origin: str) -> bytes:
                return door.read_bytes()

            async with Customer.open(
                None, company=person["PAGE"], fetch=fetch, runtime=network.runtime()
            ) as me:
                room = await person["accepted"](me)
                heard = await person["talk"](me, room, "Meine Rechnung 4711 stimmt nicht")
                assert heard.endswith((colleague["GREETING"], "worum geht es?"))
                proof = open_proof(await room.proof(), AccountId(company.client.account_id))
                assert proof.customer == me.client.account_id
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
    assert len(asked) == 2


async def test_who_refuses_is_shown_other_ways(
    network: MemoryNetwork, examples: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-18: and has no store."""
    monkeypatch.setattr(builtins, "input", lambda question: "n")
    async with Company.create(
        None, relay=network.url, name="Praxis", origins=["https://praxis.example"], runtime=network.runtime()
    ) as company:
        facts = {**EXAMPLE, "relay_url": company.client.card().relay_url}
        await company.publish(Notice.draft("health", "consent", facts, is_reviewed=True))
        await company.wait_ready(60)
        door = await company.door()

        async def fetch(origin: str) -> bytes:
            return door

        page = examples["customer"]["PAGE"]
        async with Customer.open(None, company=page, fetch=fetch, runtime=network.runtime()) as me:
            assert await examples["customer"]["accepted"](me) is None
            assert not me.has_accepted


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_short(repo_root: Path, name: str) -> None:
    source = (repo_root / f"examples/{name}.py").read_text().split('"""', 2)[2]
    assert len([line for line in source.splitlines() if line.strip()]) < 50
