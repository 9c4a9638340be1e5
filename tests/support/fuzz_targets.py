"""All fuzz targets: one for each decoder of bytes from outside."""

from __future__ import annotations

from typing import Final

import fuzz_cards
import fuzz_identity
import fuzz_prekeys
import fuzz_relay
import fuzz_sessions
import fuzz_stored
import fuzz_texts
import fuzz_wire
from fuzz_target import Target

_MODULES: Final = (
    fuzz_wire,
    fuzz_identity,
    fuzz_prekeys,
    fuzz_cards,
    fuzz_sessions,
    fuzz_stored,
    fuzz_relay,
    fuzz_texts,
)
TARGETS: Final[dict[str, Target]] = {target.name: target for module in _MODULES for target in module.TARGETS}
