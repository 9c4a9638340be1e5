"""An id that was forgotten and sent again while its first message is still held: two copies."""

from __future__ import annotations

import pytest
from core_bench import MAILBOX, Bench, item
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import Ack, Done, ErrorCode, Send, SendResults
from relay_actors import HOUR_MS

ID = b"i" * 16


@pytest.mark.parametrize("first", [0, 1])
def test_both_copies_of_an_id_go_one_after_the_other(first: int) -> None:
    """RLY-32, RLY-37: what was stored twice is deleted copy by copy, in either order."""
    bench = Bench(Policy(remembered_s=3600)).with_mailbox()
    for request, hours in ((4, 0), (5, 1), (6, 2)):
        bench.clock.now_ms += HOUR_MS * (hours > 0)
        bench.node.tick(bench.clock.now_ms)
        bench.commit()
        sent = bench.ask(SendResults, Send(request, (item(b"x", ID),)))
        assert sent.results[0].code is ErrorCode.OK
    seqs = bench.held()
    assert len(seqs) == 2
    bench.ask(Done, Ack(7, MAILBOX, (seqs[first],)))
    assert bench.held() == [seqs[1 - first]]
    bench.ask(Done, Ack(8, MAILBOX, (seqs[1 - first],)))
    assert (bench.held(), bench.box.held, bench.box.held_b, bench.held_rows()) == ([], 0, 0, 0)
