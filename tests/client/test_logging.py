"""Logging is silent unless the application asks, and then it tells names of events and codes only."""

from __future__ import annotations

import base64
import logging
import subprocess
import sys

import pytest
from conversations import collect
from e2ee_client import Client, MessageState
from e2ee_client.testing import MemoryNetwork

CANARY = "canary sentence 4711"


async def test_no_content_key_or_id_is_logged_with_everything_switched_on(
    network: MemoryNetwork, shop: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """The canary, raw and encoded, ids and the passphrase are looked for in each record at level DEBUG."""
    caplog.set_level(logging.DEBUG)
    async with network.client(name="Canary Name") as customer:
        contact = await customer.add_contact(shop.card())
        await (await contact.send(CANARY)).wait_for(MessageState.SENT, 60)
        assert await collect(shop.events(), 1) == [CANARY]
        await customer.export("canary passphrase")
        network.break_connections()
        secrets = [
            customer.account_id,
            shop.account_id,
            *(key for key, _ in customer._store.items("mailbox")),
        ]
        secrets += [row[:64] for table in ("session", "prekey") for _, row in customer._store.items(table)]
    texts = [CANARY, "Canary Name", "canary passphrase", base64.b64encode(CANARY.encode()).decode()]
    texts += [form for one in secrets for form in (one.hex(), repr(one)[2:-1])]
    logged = "\n".join(f"{one.getMessage()} {one.args!r} {one.exc_text}" for one in caplog.records)
    assert "event.MessageReceived" in logged
    assert [text for text in texts if text in logged] == []


async def test_reprs_hold_no_text(shop: Client, customer: Client) -> None:
    contact = await customer.add_contact(shop.card())
    message = await contact.send(CANARY)
    shown = repr((message, contact, customer, await contact.history(), contact.view._replace(name=None)))
    assert CANARY not in shown
    assert repr(customer.recovery_key) == "<RecoveryKey>"


def test_importing_and_failing_prints_nothing() -> None:
    """The logger has a handler that drops everything: not even warnings reach stderr by themselves."""
    program = (
        "import logging, e2ee_client; logging.getLogger('sealroom').error('x');"
        "logging.getLogger('sealroom.child').warning('y')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout + done.stderr == ""
