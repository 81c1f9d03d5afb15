"""A server that sends new series and huge counts for ever: bounded in time, memory and numbers."""

from __future__ import annotations

import time

import numpy as np
from scraped import BEGAN_S

from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.prometheus.answers import MAX_COUNT, MAX_SERIES
from tcpconntop.prometheus.counters import MAX_ROWS, HostCounters
from tcpconntop.prometheus.samples import read_samples
from tcpconntop.prometheus.slots import Slots

N_SERIES = 35_000  # two answers have more than the units that are remembered


def connects(at_s, value, **labels):
    return {
        "metric": {"__name__": "tcpconntop_connects_total", "outcome": "ok"} | labels,
        "values": [[at_s, str(value)]],
    }


def latencies(at_s, value, **labels):
    metric = {"__name__": "tcpconntop_connect_duration_seconds_bucket", "le": "1.5"}
    return {"metric": metric | labels, "values": [[at_s, str(value)]]}


def test_given_series_that_are_always_new_then_time_and_memory_are_bounded():
    """Each answer has as many units as there may be series: remembering them must not take n² steps."""
    counters, slots, spent_s = HostCounters(1, 0), Slots(()), []
    for step in range(2):
        began_s = time.process_time()
        result = [connects(BEGAN_S + step, 1, unit=f"{step}-{n}") for n in range(N_SERIES)]
        counters.take(read_samples(result, [BEGAN_S + step], slots), BEGAN_S + step, 1)
        spent_s.append(time.process_time() - began_s)
    assert len(counters.keys.units) == 1 << 16
    assert len(counters._rows) <= MAX_ROWS + N_SERIES
    assert len(slots._slots) <= MAX_SERIES + 1
    print(f"{spent_s} s of CPU for {N_SERIES:,} new series each")


def test_given_the_greatest_counts_then_no_sum_overflows():
    counters, slots = HostCounters(1, 0), Slots(())
    window = RollingWindow(900, step_s=1)
    for step in range(200):
        value = MAX_COUNT * (step % 2)  # every second one is a reset
        result = [
            one
            for n in range(50)
            for one in (
                connects(BEGAN_S + step, value, port=str(n)),
                latencies(BEGAN_S + step, value, port=str(n)),
            )
        ]
        for counted in counters.take(read_samples(result, [BEGAN_S + step], slots), BEGAN_S + step, 1):
            window.ingest_counted(counted)
    state = window.state()
    assert int(state.stats["outcomes"].sum()) == 50 * 100 * MAX_COUNT
    assert int(state.latency.counts.sum()) == 50 * 100 * MAX_COUNT
    assert (state.stats["outcomes"] >= 0).all()
    assert np.isfinite(window.state().stats["sum_ns"]).all()
