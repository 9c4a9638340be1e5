"""All fuzz targets: one for each decoder of bytes from outside."""

from __future__ import annotations

import importlib
from typing import Final

import fuzz_planted
from fuzz_index import MODULES
from fuzz_target import Target

TARGETS: Final[dict[str, Target]] = {
    target.name: target
    for module in MODULES
    if module != fuzz_planted.__name__
    for target in importlib.import_module(module).TARGETS
}
