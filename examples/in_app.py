"""A room inside an application that has a login of its own: no second account, no second password."""

from collections.abc import Awaitable, Callable

from e2ee_client.rooms import Customer, CustomerRoom, ShownNotice

Accepts = Callable[[ShownNotice], Awaitable[bool]]
Web = Callable[[str], Awaitable[str]]


async def room_of(me: Customer, accepts: Accepts, web: Web) -> CustomerRoom | None:
    """`me` is opened with a key of the application, `accepts` shows the notice, `web` is /seal/login."""
    if me.has_accepted:
        room = me.rooms()[0]
    elif await accepts(notice := await me.notice()):
        room = await me.accept(notice)
    else:
        return None
    if await room.person() is None:
        await room.identify(await web(await room.login_challenge()))
    return room
