"""A source of generated records: for pictures, tests and benches. Outputs show that its data is not live."""

from __future__ import annotations

import platform
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import EVENT, N_OUTCOMES, Events, Outcome, address_bytes

_ERRNO = {
    Outcome.OK: 0,
    Outcome.REFUSED: 111,
    Outcome.TIMEOUT: 110,
    Outcome.UNREACHABLE: 113,
    Outcome.CANCELLED: 0,
    Outcome.ERROR: 99,
}


@dataclass(frozen=True)
class Flow:
    """Connects of one process to one destination.

    Attributes:
        comm, pid: the process.
        daddr, dport: the destination.
        rate_hz: mean number of connects per second (a Poisson process).
        median_us: median latency; latencies have a log-normal distribution.
        sigma: shape of that distribution; 0.3 is a quiet network, 1 a heavy tail.
        lost_syn_share: share of connects whose first SYN is lost, so that they wait about one second longer.
        failure_share: share of connects that fail.
        outcome: outcome of the connects that fail.
        fail_after_us: mean time that a failing connect takes.
    """

    comm: str
    pid: int
    daddr: str
    dport: int
    rate_hz: float
    median_us: float
    sigma: float = 0.3
    lost_syn_share: float = 0.0
    failure_share: float = 0.0
    outcome: Outcome = Outcome.REFUSED
    fail_after_us: float = 150.0


SCENARIO: tuple[Flow, ...] = (
    Flow("nginx", 1204, "10.2.3.4", 443, 210, 210, 0.4),
    Flow("nginx", 1205, "10.2.3.4", 443, 190, 205, 0.4),
    Flow("nginx", 1204, "10.2.3.5", 443, 60, 900, 0.8, lost_syn_share=0.012),
    Flow("checkout", 2310, "10.7.0.12", 5432, 45, 320, 0.3),
    Flow("checkout", 2310, "10.7.0.13", 5432, 40, 4200, 0.6),
    Flow("checkout", 2310, "10.7.9.20", 6379, 120, 95, 0.25),
    Flow("report-worker", 4121, "10.7.0.12", 5432, 6, 340, 0.3),
    Flow("envoy", 880, "fd00:7::21", 8443, 80, 480, 0.5),
    Flow("envoy", 880, "fd00:7::22", 8443, 75, 470, 0.5),
    Flow("curl", 9917, "203.0.113.80", 443, 3, 31_000, 0.2, lost_syn_share=0.05),
    Flow("prometheus", 702, "10.9.1.7", 9100, 4, 260, 0.3, failure_share=1.0, fail_after_us=180),
    Flow("backup", 3055, "198.51.100.9", 22, 0.4, 18_000, failure_share=1.0, outcome=Outcome.CANCELLED,
         fail_after_us=2_000_000),
    Flow("node_exporter", 655, "10.9.1.1", 9090, 1, 150, 0.2),
    Flow("python3", 6402, "192.0.2.44", 8080, 2, 1200, 0.9, failure_share=0.2, outcome=Outcome.UNREACHABLE,
         fail_after_us=900),
    Flow("dockerd", 512, "10.0.0.53", 53, 8, 130, 0.4),
)  # fmt: skip


class Synthetic:
    """A `Source` of generated records.

    Args:
        flows: the processes and their destinations.
        seed: the same seed and the same sequence of reads return the same records.
        clock_ns: a clock in nanoseconds; None for the monotonic clock, and then reads sleep.
        label: kind of data, as the dashboard shows it.
        notes: why the data is not live.
    """

    def __init__(
        self,
        flows: Sequence[Flow] = SCENARIO,
        seed: int = 1,
        clock_ns: Callable[[], int] | None = None,
        label: str = "synthetic",
        notes: tuple[str, ...] = (),
    ) -> None:
        self._flows = tuple(flows)
        self._random = np.random.default_rng(seed)
        self._live_clock = clock_ns is None
        self._clock_ns = clock_ns or time.monotonic_ns
        self._read_until_ns = self._clock_ns()
        self._attempts = 0
        self._outcomes = np.zeros(N_OUTCOMES, np.int64)
        self._retransmits = 0
        self.info = SourceInfo(socket.gethostname(), platform.release(), "", "", label, notes)
        self.ended = False
        addresses = [address_bytes(flow.daddr) for flow in self._flows]
        self._template = np.zeros(len(self._flows), EVENT)
        groups = {flow.comm: number for number, flow in enumerate(self._flows, 1)}
        for row, flow, (raw, family) in zip(self._template, self._flows, addresses, strict=True):
            row["cgroup_id"] = groups[flow.comm]
            row["daddr"], row["family"], row["dport"] = np.void(raw), family, flow.dport
            row["saddr"] = np.void(address_bytes("10.2.0.9" if family == 4 else "fd00:7::9")[0])
            row["comm"], row["tgid"], row["uid"] = flow.comm.encode(), flow.pid, 1000

    def change(self, flows: Sequence[Flow]) -> None:
        """Go on with other rates, latencies and failures of the same processes and destinations."""
        self._flows = tuple(flows)

    def read(self, timeout_s: float) -> Events:
        """Return the records of the time since the last call."""
        if self._live_clock and timeout_s > 0:
            time.sleep(timeout_s)
        since, now = self._read_until_ns, self._clock_ns()
        self._read_until_ns = now
        rates = np.array([flow.rate_hz for flow in self._flows])
        counts = self._random.poisson(rates * (now - since) / SECOND_NS)
        events = np.concatenate([self._draw(i, int(n), since, now) for i, n in enumerate(counts)])
        self._attempts += len(events)
        self._outcomes += np.bincount(events["outcome"], minlength=N_OUTCOMES)
        self._retransmits += int(events["syn_retransmits"].sum())
        return events[np.argsort(events["end_ns"], kind="stable")]

    def _draw(self, index: int, n: int, since_ns: int, now_ns: int) -> Events:
        """Return `n` random records of one flow that end between two times."""
        flow, random = self._flows[index], self._random
        events = np.repeat(self._template[index : index + 1], n)
        failed = random.random(n) < flow.failure_share
        lost = (random.random(n) < flow.lost_syn_share) & ~failed
        latency = random.lognormal(np.log(flow.median_us * 1e3), flow.sigma, n)
        latency = np.where(failed, flow.fail_after_us * 1e3 * random.normal(1, 0.02, n), latency)
        rto = np.where(lost, 1_024e6 + random.random(n) * 8e6, 0)
        events["end_ns"] = random.integers(since_ns, max(now_ns, since_ns + 1), n)
        events["begin_ns"] = events["end_ns"] - (np.maximum(latency, 1) + rto).astype(np.uint64)
        events["syn_ns"] = events["begin_ns"] + np.uint64(12_000)
        events["last_rtx_ns"] = np.where(lost, events["begin_ns"] + rto.astype(np.uint64), 0)
        events["syn_retransmits"] = lost
        events["srtt_us"] = np.where(failed, 0, np.maximum(latency / 1000, 1))
        events["outcome"] = np.where(failed, int(flow.outcome), int(Outcome.OK))
        events["error"] = np.where(failed, _ERRNO[flow.outcome], 0)
        events["lport"] = random.integers(32768, 60999, n)
        return events

    def ledger(self) -> Ledger:
        """Return the totals of the records so far."""
        return Ledger(self._attempts, tuple(int(n) for n in self._outcomes), self._retransmits)

    def units(self) -> Mapping[int, str | None]:
        """Return the unit names of all flows, by `cgroup_id`."""
        return {number: f"{flow.comm}.service" for number, flow in enumerate(self._flows, 1)}

    def places(self) -> Places:
        """Return no names."""
        return NO_PLACES

    def host(self) -> None:
        """Return None: there is no such host."""

    player = wake = None
    """None: this is not a recording."""

    def now_ns(self) -> int:
        """Return the time of the last read."""
        return self._read_until_ns

    def wall_offset_ns(self) -> int:
        """Return Unix time minus the clock, in nanoseconds; 0 with a clock of the caller's."""
        return time.time_ns() - time.monotonic_ns() if self._live_clock else 0

    def close(self) -> None:
        """Mark the source as ended."""
        self.ended = True
