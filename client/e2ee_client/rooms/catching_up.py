"""When a desk knows what happened while it did not run, or its company had taken it out."""

from __future__ import annotations

from e2ee_client.client import Client
from e2ee_client.contacts import wait_until


async def wait_open(client: Client) -> None:
    """Wait until the rooms of a device are open (ACC-15)."""
    rooms = client.shell.machine.rooms
    await wait_until(lambda: rooms.is_open, client.progress, None, "opening rooms")


async def wait_caught_up(client: Client) -> None:
    """Wait until a device is in force, and all that waited in its mailboxes is here (CNS-71)."""
    shell = client.shell

    def is_caught_up() -> bool:
        return shell.machine.is_fetched and shell.machine.rooms.is_in_force(shell.now_ms)

    await wait_until(is_caught_up, client.progress, None, "catching up")
