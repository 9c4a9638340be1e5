"""Random conversations of real engines: chapter 08 under a hostile relay, losses, clones and wrong clocks.

50 in `make test`, 500 in the audit, more by the command `tests/support/random_conversation.py`.
"""

from __future__ import annotations

import pytest
from e2ee_client.engine.incoming import Incoming
from e2ee_client.engine.own_mailbox import Mailbox
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.renewal import Renewal
from e2ee_client.engine.sending import Sending
from e2ee_client.engine.turn import Turn
from random_conversation import Conversation, Fault
from run_counts import count

from e2ee.numbers import Finding, Received
from e2ee.prekeys import VerifiedBundle

GROUPS = count(2, 20)
RUNS_A_GROUP = 25


@pytest.mark.parametrize("group", range(GROUPS))
def test_random_conversations(group: int) -> None:
    """SES-22 to SES-37: one active session at the end, no text twice, none lost without an event, none sent
    again before an authenticated answer, and nothing changed by bytes that do not authenticate.
    """
    for seed in range(group * RUNS_A_GROUP, (group + 1) * RUNS_A_GROUP):
        try:
            Conversation(seed).run()
        except Fault as fault:
            pytest.fail(f"seed {seed}: {fault}")


@pytest.mark.parametrize("seed", [2866, 11830, 13134, 16753])
def test_an_account_that_was_set_back_to_before_its_lists(seed: int) -> None:
    """ID-11, ID-36, ID-40, ID-45, CON-05: both clocks were a year ahead; a minute after it had signed; while
    the list that its contact knows had ended; in the minute in which it had signed.
    """
    Conversation(seed).run()


def _is_noticed(seeds: range) -> bool:
    """Whether one of these runs breaks a promise."""
    for seed in seeds:
        try:
            Conversation(seed).run()
        except Fault:
            return True
    return False


def test_the_run_notices_texts_that_are_lost_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: an engine that neither asks for missing texts nor sends any again."""
    monkeypatch.setattr(Received, "_given_up_to", _without_gap)
    monkeypatch.setattr(Sending, "_again", lambda *_arguments: None)
    assert _is_noticed(range(40))


def _without_gap(received: Received, n: int) -> tuple[Received, list[Finding]]:
    return received._replace(highest=max(received.highest, n)), []


def test_the_run_notices_a_session_that_is_dropped_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: an engine that gives up its sessions when something does not open."""

    def drop(incoming: Incoming, turn: Turn, mailbox: Mailbox) -> None:
        incoming._context.renewal.lost_all(turn)

    monkeypatch.setattr(Incoming, "_doubt", drop)
    assert _is_noticed(range(40))


def test_the_run_notices_texts_that_go_again_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: an engine that sends unconfirmed texts again with each session that it starts."""
    begin = Renewal.start

    def start(renewal: Renewal, turn: Turn, peer: Peer, bundle: VerifiedBundle) -> None:
        begin(renewal, turn, peer, bundle)
        candidate = peer.pair.candidate
        if candidate is None:
            return
        lane = renewal._state.outbox.lane(peer.account_id, peer.device_id)
        for item in lane.unconfirmed.values():
            item.session_id, item.envelope = candidate.id, bytes(600)
            item.sendings += 1
            lane.ready.append(item)

    monkeypatch.setattr(Renewal, "start", start)
    assert _is_noticed(range(40))
