"""For tests of applications: a relay in memory, a clock to move, faults to inject.

    async def test_my_bot():
        network = MemoryNetwork()
        async with network.client(publish=True) as shop, network.client() as customer:
            await shop.wait_online(5)
            contact = await customer.add_contact(shop.card())
            message = await contact.send("Hello")
            await message.wait_for(MessageState.SENT, timeout_s=5)

It is the real client over the real relay, without sockets and files. This is the only part of the client
that imports the relay; it needs the extras `client` and `relay`.
"""

from __future__ import annotations

from .fake_clock import FakeClock
from .faults import Dice, Faults
from .network import MemoryNetwork, MemoryRuntime, RefusingStore

__all__ = ["Dice", "FakeClock", "Faults", "MemoryNetwork", "MemoryRuntime", "RefusingStore"]
