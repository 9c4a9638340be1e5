"""When a desk knows what happened while it did not run, or its company had taken it out."""

from __future__ import annotations

from e2ee_client.client import Client
from e2ee_client.contacts import wait_until


async def wait_caught_up(client: Client) -> None:
    """Wait until the rooms of a device are open, and all that waited in its mailboxes is here (CNS-71)."""
    machine = client.shell.machine
    await wait_until(
        lambda: machine.is_fetched and machine.rooms.is_open, client.progress, None, "catching up"
    )
