"""Kernels that have members of a struct elsewhere: each one is read by itself, and records are the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import workload
from tracer import Tracer

from tcpconntop.core.wire import EVENT, Outcome
from tcpconntop.kernel import job

pytestmark = pytest.mark.compiles

SAME = [
    name
    for name in EVENT.names or ()
    if not name.endswith("_ns") and name not in ("lport", "srtt_us", "dport")
]


@pytest.mark.parametrize("sizes", [(16, 8, 8), (1024, 8, 512)], ids=["alone", "some"])
def test_members_outside_of_what_is_read_at_once_are_read_alone(
    own_trace: Callable[..., Tracer], monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int, int]
) -> None:
    names = ("SOCK_BYTES", "TCP_BYTES", "TASK_BYTES")
    records, usual = [], job.loader_job
    for numbers in ({}, dict(zip(names, sizes, strict=True))):
        monkeypatch.setattr(
            job, "loader_job", lambda request, numbers=numbers: usual(request) | {"numbers": numbers}
        )
        tracer = own_trace(family=4)
        with workload.listener() as server:
            ports = workload.connect(server, 3)
            tracer.until(lambda now: now.in_flight == 0)
            found = tracer.session.read(0)
            mine = found[found["dport"] == workload.port_of(server)]
        assert mine["lport"].tolist() == ports
        assert (mine["srtt_us"] > 0).all()
        assert (mine["process_start_ns"] > 0).all()
        assert mine["outcome"].tolist() == 3 * [Outcome.OK]
        records.append(mine[SAME])
    assert records[0].tolist() == records[1].tolist()
