"""The relay's figures for Prometheus. No label names a mailbox, account, token or client (RLY-72)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from .machine import MachineFigures
from .protocol import ErrorCode

if TYPE_CHECKING:
    from .node import Node

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_PREFIX: Final = "sealroom_relay_"
_COMMIT_BOUNDS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5)
_GROUP_BOUNDS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 512, 4096)
_COUNTERS: Final = {
    "accepted": "Messages committed",
    "accepted_bytes": "Bytes of committed messages",
    "delivered": "Messages pushed to their owner, repetitions included",
    "acknowledged": "Messages deleted on acknowledgement",
    "expired": "Messages deleted at the end of their time",
    "bundles": "Prekey bundles handed out",
    "bundles_last_resort": "Prekey bundles without a one-time KEM key",
    "bundles_held_back": "Prekey bundles without one-time keys because too many were asked of a device",
    "mailboxes_created": "Mailboxes created",
    "words_heard": "Words from other nodes of the same relay",
    "bad_words": "What came from another node and is no word of this release",
    "found_by_poll": "Mailboxes with messages that no word told of",
    "limited_by_mailbox": "Messages refused because their mailbox had got too many in a short time",
    "low_prekeys": "Times that an owner was told of a stock of one-time keys that runs low",
}


class Histogram:
    """How many values were at most as large as each bound, their sum, their number."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.up_to = dict.fromkeys(bounds, 0)
        self.total: float = 0
        self.number = 0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.total += value
        self.number += 1
        for bound in self.up_to:
            self.up_to[bound] += value <= bound


class CommitFigures:
    """Commits: how long, and how many changes each."""

    def __init__(self) -> None:
        self.seconds = Histogram(_COMMIT_BOUNDS_S)
        self.changes = Histogram(_GROUP_BOUNDS)
        self.failures = 0

    def observe(self, seconds: float, changes: int, *, failed: bool = False) -> None:
        """Count one commit."""
        self.failures += changes if failed else 0
        self.seconds.observe(seconds)
        self.changes.observe(changes)


@dataclass(frozen=True, slots=True)
class ShellFigures:
    """What the shell knows and the core does not."""

    connections: int
    slow_clients_dropped: int
    journal_b: int
    database_b: int
    is_ready: bool
    certificate_ends_s: int | None = None
    machine: MachineFigures = field(default_factory=MachineFigures)
    not_let_in: Mapping[str, int] = field(default_factory=dict)


def render(core: Node, commits: CommitFigures, shell: ShellFigures) -> str:
    """Return the figures in Prometheus' text format, of the type `CONTENT_TYPE`."""
    registry = CollectorRegistry()
    registry.register(_Figures(core, commits, shell))
    return generate_latest(registry).decode()


class _Figures(Collector):
    """All figures of one moment, for a registry of their own: no figure of the library's is among them."""

    def __init__(self, core: Node, commits: CommitFigures, shell: ShellFigures) -> None:
        self._core = core
        self._commits = commits
        self._shell = shell

    def collect(self) -> Iterator[Metric]:
        """Yield every figure with its name, type and text."""
        for name, text in _COUNTERS.items():
            yield _counter(name, text, self._core.counters[name])
        refusals = {code.name: self._core.refusals[code] for code in ErrorCode if code is not ErrorCode.OK}
        yield _counter_by("refusals", "Refused requests and items by reason", "code", refusals)
        yield from self._of_commits()
        for name, (text, value) in self._gauges().items():
            yield GaugeMetricFamily(_PREFIX + name, text, value)
        dropped = self._shell.slow_clients_dropped
        yield _counter("slow_clients", "Connections dropped for not reading", dropped)
        text = "Connections that were not let in, by reason"
        yield _counter_by("not_let_in", text, "reason", self._shell.not_let_in)
        yield from self._of_machine()

    def _of_commits(self) -> Iterator[Metric]:
        commits = self._commits
        yield _histogram("commit_seconds", "Time of one commit", commits.seconds)
        yield _histogram("commit_changes", "Changes of one commit", commits.changes)
        yield _counter("changes", "Changes carried out", commits.changes.total)
        yield _counter("store_failures", "Changes that could not be committed", commits.failures)

    def _gauges(self) -> dict[str, tuple[str, int]]:
        core, shell = self._core, self._shell
        return {
            "connections": ("Open connections", shell.connections),
            **core.gauges(),
            "store_backlog": ("Changes that wait for a commit", core.store.backlog),
            "journal_bytes": ("Size of the write-ahead log", shell.journal_b),
            "database_bytes": ("Size of the database", shell.database_b),
            "mailboxes_admitted": ("1 if new mailboxes are made", int(core.admits_mailboxes())),
            "ready": ("1 if the relay takes traffic", int(shell.is_ready)),
            "draining": ("1 if the relay is about to close", int(core.is_draining)),
            "clock_skew_seconds": (
                "How far the machine's clock is ahead of the relay's",
                core.store.skew_ms // 1000,
            ),
        }

    def _of_machine(self) -> Iterator[Metric]:
        machine, ends_s = self._shell.machine, self._shell.certificate_ends_s
        gauges = {
            "disk_free_bytes": ("Free space on the data directory's disk", machine.disk_free_b),
            "disk_bytes": ("Size of the data directory's disk", machine.disk_b),
            "resident_bytes": ("Memory of the process", machine.resident_b),
            "open_files": ("Open files and sockets of the process", machine.open_files),
        }
        if ends_s is not None:
            text = "When the first certificate of the chain ends, in seconds since 1970"
            gauges["certificate_end_seconds"] = (text, ends_s)
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(_PREFIX + name, text, value)
        yield _counter("cpu_seconds", "Processor time of the process", machine.processor_ms / 1000)


# The library adds "_total" to the names of counters.
def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(_PREFIX + name, text, value)


def _counter_by(name: str, text: str, label: str, values: Mapping[str, float]) -> CounterMetricFamily:
    family = CounterMetricFamily(_PREFIX + name, text, labels=[label])
    for one, value in values.items():
        family.add_metric([one], value)
    return family


def _histogram(name: str, text: str, counted: Histogram) -> HistogramMetricFamily:
    buckets = [*((str(bound), count) for bound, count in counted.up_to.items()), ("+Inf", counted.number)]
    return HistogramMetricFamily(_PREFIX + name, text, buckets=buckets, sum_value=counted.total)
