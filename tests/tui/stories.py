"""The traffic that the screens are drawn of, and the sizes of the terminals."""

from __future__ import annotations

from support import flow

from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import Outcome
from tcpconntop.sources.synthetic import SCENARIO

SIZES = [(80, 24), (120, 36), (200, 60)]
DEMO = SourceInfo("db-07", "6.12.0", "", "", "synthetic", ("tcp_v6_connect is missing: IPv6 is not seen",))
PID = 2_147_483_000
"""Greater than any that a kernel gives out: /proc has nothing about it."""

FAILING = [
    *SCENARIO,
    flow(
        "\x1b[31m[red]evil[/]"[:15],
        71,
        "10.9.9.8",
        443,
        rate_hz=2,
        failure_share=1.0,
        outcome=Outcome.TIMEOUT,
    ),
    flow("日本語サー", 72, "fd00:7::24", 443, rate_hz=1, failure_share=0.7, outcome=Outcome.CANCELLED),
    flow("cafe\u0301", 73, "fd00:7::23", 443, rate_hz=1, failure_share=0.7, outcome=Outcome.ERROR),
    *(flow("scan", 74, f"10.20.0.{i}", 22, rate_hz=0.2, failure_share=0.9) for i in range(1, 20)),
]
CONNECTS = [
    flow("checkout", PID, "10.7.0.12", 5432),
    flow("checkout", PID, "fd00:7::21", 8443, median_us=9000, lost_syn_share=0.02),
    flow("curl", 4, "192.0.2.1", 443),
]
QUIET = [flow("nginx", 4, "10.2.3.4", 443), flow("checkout", 5, "10.7.0.12", 5432)]
NO_CONNECTS = [flow("a", rate_hz=0)]
