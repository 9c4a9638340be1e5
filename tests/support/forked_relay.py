"""A relay process that is forked from one which has imported the relay, for tests that only need a relay.

What such a process serves is the program all the same, with descriptors, environment, signals and exit status
of its own. How it starts, and what a fresh process has, is shown by tests with a `RelayProcess`.
"""

from __future__ import annotations

import os

from forked_command import ForkedCommand
from relay_process import ROOT, RelayProcess, Started


class ForkedRelay(RelayProcess):
    """`sealroom-relay serve` on a free port, as `RelayProcess` starts it, without the time of importing."""

    def _started(self, words: list[str], output: int, log: int) -> Started:
        with open(os.devnull) as nothing:
            descriptors = {0: nothing.fileno(), 1: output, 2: log}
            return ForkedCommand(words, self._variables(), ROOT, descriptors, program="sealroom-relay")
