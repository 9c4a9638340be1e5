"""A practice with its team and customers over a relay in memory, for tests of what developers write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from conversations import until
from e2ee_client.rooms import Agent, Company, CompanyRoom, Customer, CustomerRoom
from e2ee_client.rooms.notices import EXAMPLE, Notice
from e2ee_client.testing import MemoryNetwork

ORIGIN = "https://praxis.example"
RELAY = "wss://relay.test"


class Practice:
    """A company whose notice is published, and its door."""

    def __init__(self, network: MemoryNetwork, company: Company, stack: AsyncExitStack) -> None:
        self.network = network
        self.company = company
        self.stack = stack
        self.door = b""

    async def publish(self, mode: str = "consent") -> None:
        """Publish a notice and make the door."""
        facts = {**EXAMPLE, "relay_url": self.company.client.card().relay_url}
        await self.company.publish(Notice.draft("health", mode, facts, is_reviewed=True))
        await self.company.wait_ready(60)
        await self.publish_door()

    async def publish_door(self) -> None:
        """Serve the door anew, as after each mandate."""
        self.door = await self.company.door()

    async def fetch(self, origin: str) -> bytes:
        """Return the door, as the page of the practice does."""
        assert origin == ORIGIN
        return self.door

    async def agent(self, name: str, **about: object) -> Agent:
        """Let an agent join."""
        invite = await self.company.invite(name, **about)  # type: ignore[arg-type]  # given by tests as they stand
        agent = await Agent.join(None, invite, runtime=self.network.runtime())
        self.stack.push_async_callback(agent.close)
        await agent.wait_ready(60)
        await agent.wait_settled(60)
        return agent

    async def customer(self) -> Customer:
        """A person who has accepted nothing yet."""
        return await self.stack.enter_async_context(
            Customer.open(None, company=ORIGIN, fetch=self.fetch, runtime=self.network.runtime())
        )

    async def opened(self, customer: Customer) -> CustomerRoom:
        """Let a person accept."""
        return await customer.accept(await customer.notice())


async def until_assigned(agent: Agent, room_id: bytes) -> CompanyRoom:
    """Wait until a room is an agent's, and return it. One that waits is there before, and not in between."""
    found: list[CompanyRoom] = []

    def is_its() -> bool:
        found[:] = [one for one in agent.rooms() if one.room_id == room_id]
        return any(one.assigned is not None and one.assigned.is_this for one in found)

    await until(is_its)
    return found[0]


@asynccontextmanager
async def practice(network: MemoryNetwork, origin: str = ORIGIN) -> AsyncIterator[Practice]:
    """Found a practice and publish its notice."""
    async with AsyncExitStack() as stack:
        founded = Company.create(
            None, relay=network.url, name="Praxis", origins=[origin], runtime=network.runtime()
        )
        made = Practice(network, await stack.enter_async_context(founded), stack)
        await made.publish()
        yield made
