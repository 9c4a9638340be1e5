"""What a thief of a session's state reads, message by message: exactly what chapters 07 and 09 leave to it.

The thief is a program of its own (tests/support/thief.py). What it should read is said here in the words of
the chapters, from the places of the messages in the ratchet; both must be the same set.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from recorded_run import BURSTS, ONE_SIDED, PING_PONG, Moment, Pattern, Run
from thief import Powers, sorted_traffic, steal

from e2ee.ratchet.kem_ratchet import Answering, Offering, SecretHeld
from e2ee.ratchet.state import Receiving, Sending
from e2ee.session import Session

RUNS: dict[str, tuple[Pattern, float, float]] = {
    "ping-pong": (PING_PONG, 0.0, 0.0),
    "bursts of five, late": (BURSTS, 0.0, 0.3),
    "twenty to one, loss": (ONE_SIDED, 0.2, 0.1),
    "ping-pong, loss": (PING_PONG, 0.2, 0.2),
}
MESSAGES = 130
STEP = 3


@pytest.fixture(scope="module", params=RUNS)
def run(request: pytest.FixtureRequest) -> Run:
    """A recorded conversation."""
    pattern, loss, late = RUNS[request.param]
    return Run(pattern, loss, seed=len(request.param), late=late).talk(MESSAGES)


def thefts(run: Run) -> Iterator[tuple[Moment, str]]:
    """Points of theft, of either side."""
    for moment in run.moments[::STEP]:
        yield moment, "A"
        yield moment, "B"


def chains_of(run: Run, sender: str) -> list[bytes]:
    """The chains of one side in order."""
    return list(dict.fromkeys(one.chain for one in run.sent if one.sender == sender))


def on_its_way(run: Run, moment: Moment, victim: str) -> set[int]:
    """What was sent to the victim and has not been opened: its keys have to be there still."""
    sent = range(moment.at + 1)
    return {at for at in sent if run.sent[at].sender != victim and at not in moment.received[victim]}


def classical_window(run: Run, moment: Moment, victim: str) -> set[int]:
    """DR-03, DR-14: the open chains, and one chain more if the victim holds the key that it answers."""
    ratchet = moment.sides[victim].ratchet
    peer = "B" if victim == "A" else "A"
    window = set()
    chains = chains_of(run, peer)
    known = chains.index(ratchet.receiving.their_key) if isinstance(ratchet.receiving, Receiving) else -1
    if isinstance(ratchet.sending, Sending):
        own = ratchet.sending.public_key
        window |= {at for at, one in enumerate(run.sent) if one.chain == own and at > moment.at}
        known += 1
    readable = set(chains[: known + 1])
    for at, one in enumerate(run.sent):
        if one.sender == peer and one.chain in readable and at not in moment.received[victim]:
            window.add(at)
    return window


def first_safe_epoch(session: Session) -> int:
    """PQ-16: an epoch whose key pair or ciphertext the victim makes after the theft."""
    made = isinstance(session.ratchet.kem, Offering | SecretHeld | Answering)
    return session.ratchet.pq_epoch + (2 if made else 1)


def quantum_window(run: Run, moment: Moment, victim: str) -> set[int]:
    """PQ-06, PQ-12: everything, until an epoch is mixed that was made after the theft."""
    safe = first_safe_epoch(moment.sides[victim])
    later = {at for at, one in enumerate(run.sent) if at > moment.at and one.pq_epoch < safe}
    return later | on_its_way(run, moment, victim)


def test_no_thief_reads_what_was_read_before(run: Run) -> None:
    """DR-04, DR-14, DR-17, PQ-14: forward secrecy to the message, also if everything is broken."""
    traffic = sorted_traffic(run.sent)
    for moment, victim in thefts(run):
        stolen = steal(moment.sides[victim], traffic, Powers(run.broken, run.broken))
        assert {at for at in stolen if at <= moment.at} == on_its_way(run, moment, victim)


def test_a_thief_reads_until_the_victim_has_turned(run: Run) -> None:
    """DR-06, DR-14, DR-19: classical healing after one round trip."""
    traffic = sorted_traffic(run.sent)
    for moment, victim in thefts(run):
        window = classical_window(run, moment, victim)
        assert steal(moment.sides[victim], traffic, Powers()) == window


def test_breaking_ml_kem_helps_no_thief(run: Run) -> None:
    """PQ-06: the hybrid is no worse than its classical half."""
    traffic = sorted_traffic(run.sent)
    for moment, victim in thefts(run):
        window = classical_window(run, moment, victim)
        assert steal(moment.sides[victim], traffic, Powers(kem=run.broken)) == window


def test_a_thief_with_a_quantum_computer_reads_until_a_new_epoch(run: Run) -> None:
    """PQ-06, PQ-12, PQ-14, PQ-16: post-quantum healing after the next whole epoch."""
    traffic = sorted_traffic(run.sent)
    healed = 0
    for moment, victim in thefts(run):
        window = quantum_window(run, moment, victim)
        assert steal(moment.sides[victim], traffic, Powers(dh=run.broken)) == window
        healed += len(run.sent) - 1 not in window
    assert healed or run.pattern is ONE_SIDED


def test_a_thief_who_breaks_both_reads_everything(run: Run) -> None:
    """The control: the thief misses nothing, so what stays closed above is closed by the protocol."""
    traffic = sorted_traffic(run.sent)
    for moment, victim in thefts(run):
        stolen = steal(moment.sides[victim], traffic, Powers(run.broken, run.broken))
        assert stolen == set(range(moment.at + 1, len(run.sent))) | on_its_way(run, moment, victim)


@pytest.mark.reference
def test_a_ratchet_that_does_not_mix_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of PQ-06: epochs that rise without their secret heal nothing."""
    from e2ee.ratchet import chain

    honest = chain.root
    monkeypatch.setattr(chain, "root", lambda key, shared, _, epoch: honest(key, shared, None, epoch))
    run = Run(PING_PONG, seed=1).talk(80)
    moment = run.moments[10]

    def without_mixing(_: object, epoch: int) -> bytes:
        return b""

    monkeypatch.setattr("thief.Thief.epoch_secret", without_mixing)
    stolen = steal(moment.sides["A"], sorted_traffic(run.sent), Powers(dh=run.broken))
    assert stolen == set(range(moment.at + 1, len(run.sent)))
