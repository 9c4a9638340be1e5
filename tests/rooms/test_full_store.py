"""A store that has no room for a while: a call that says so has sent nothing."""

from __future__ import annotations

import pytest
from conversations import until
from e2ee_client.errors import StoreFull
from e2ee_client.rooms import free_text
from e2ee_client.runtime.shell import Shell
from practice import Practice


async def test_what_is_sent_is_returned_also_where_nothing_can_be_read_afterwards(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STO-09: a question shares the commit of others and fails with it; who gets `store.full` sends again."""
    room = await praxis.opened(await praxis.customer())
    await room.send("question")
    await until(lambda: any(one.unread for one in praxis.company.rooms()))
    (desk,) = praxis.company.rooms()

    async def refused(_shell: object, _query: object) -> None:
        raise StoreFull("no room")

    with monkeypatch.context() as full:
        full.setattr(Shell, "ask", refused)
        sent = await desk.send("answer")
        form = await desk.ask("Appointment", free_text("Your wish?"))
        assert (await desk.edit(sent, "another answer")).is_ours
        assert (sent.text, form.is_ours) == ("answer", True)
    assert (await desk.entry(sent.hash)).text == "another answer"
