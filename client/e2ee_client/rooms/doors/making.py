"""The door of a company, for its web server (CNS-04, CNS-05)."""

from __future__ import annotations

from collections.abc import Mapping

from e2ee.errors import RemoteError
from e2ee.rooms.channels import Channels
from e2ee.rooms.door import MAX_DOOR_TEXTS, Door, encode_door
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.notice import Notice
from e2ee_client.errors import ConfigError


def make_door(
    mandate: Mandate, notice: Notice, texts: Mapping[str, str], channels: Channels, now_ms: int
) -> bytes:
    """Return the bytes to be served at `/.well-known/sealroom-door`; they are verified as a customer would.

    The file is static, and good as long as its mandate: make it anew with each mandate, notice and channels.

    Raises:
        ConfigError: more than four texts, not those of the notice, or parts that do not go together now.
    """
    if not 1 <= len(texts) <= MAX_DOOR_TEXTS:
        raise ConfigError(f"a door has 1 to {MAX_DOOR_TEXTS} texts, the default among them")
    encoded = encode_door(mandate, notice, texts, channels)
    try:
        Door.verify(mandate.account_id, encoded, now_ms, notice.relay_url, None)
    except RemoteError as error:
        raise ConfigError(f"the parts of the door do not go together: {error} ({error.code})") from None
    return encoded
