"""The benchmark of the kernel side, while others load programs too."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from functools import partial

import pytest

from tcpconntop.kernel.launch import spawn_loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session
from tests.bench.kernel import connect, ns_per_connect, reason
from tests.bench.peers import Contender, cell, traced, tracers
from tests.bench.programs import held_by, measured, opened, spent
from tests.bench.scaling import rate
from tests.bench.storm import hammer, run_storm

CONNECTS = 97


def test_given_others_that_come_and_go_when_measured_then_only_the_tracers_own_programs_count():
    """The measurement ended with a KeyError when a program was loaded meanwhile."""
    request = TraceRequest(probe="tracepoint")
    with measured(), ExitStack() as others, open_session(spawn_loader(), request):

        def work(times: int) -> None:
            connect(times)
            others.enter_context(open_session(spawn_loader(), request))

        assert ns_per_connect(os.getpid(), CONNECTS, work) > 0


def test_given_a_tracer_that_has_ended_when_its_programs_are_open_then_their_counts_can_still_be_read():
    with measured(), ExitStack() as kept:
        with open_session(spawn_loader(), TraceRequest(probe="tracepoint")):
            programs = kept.enter_context(opened(held_by(os.getpid())))
            connect(CONNECTS)
            before = spent(programs)
        assert spent(programs) >= before
        assert min(before) > 0


def test_given_a_bpftrace_that_does_not_run_when_asked_why_then_the_reason_is_not_the_limit_it_cannot_raise():
    errors = (
        'ERROR: couldn\'t set RLIMIT_MEMLOCK for bpftrace. Try "ulimit -l 8192"\n\nFATAL: no such probe\n'
    )
    assert reason(errors) == "FATAL: no such probe"
    assert reason("\n") == "it ended without a word"


@pytest.mark.long
def test_given_a_tracer_when_measured_then_it_has_printed_every_connect_and_cost_something():
    ours = next(each for each in tracers() if each.name == "tcpconntop log, tracepoint, image")
    first_s, bpf_us, user_ms, system_ms, memory_mb, missing = traced(ours)
    assert min(first_s, bpf_us, user_ms + system_ms) > 0
    assert memory_mb > 10
    assert missing == 0


def test_given_a_program_that_ends_when_measured_then_the_reason_is_its_last_line():
    command = [sys.executable, "-c", r"print('attaching'); print('\033[31mno such probe\033[0m')"]
    with pytest.raises(RuntimeError, match=r"^no such probe$"):
        traced(Contender("it", command))


def test_given_ratios_on_both_sides_of_one_when_compared_then_it_is_a_tie():
    ours = [2.0, 2.0, 2.0, 2.0, 2.0]
    assert cell([3.9, 4.0, 4.0, 4.0, 4.1], ours, 1) == "4.0 (4.0 to 4.0), 2×"
    assert cell([1.0, 1.9, 2.1, 2.2, 2.3], ours, 1) == "2.1 (1.9 to 2.2), tie"
    assert cell(ours, ours, 1) == "2.0 (2.0 to 2.0)"


@pytest.mark.long
def test_given_a_storm_of_one_cpu_when_measured_then_it_is_complete_and_its_programs_took_time():
    with measured():
        storm = run_storm(0.3, [partial(hammer, cpus={min(os.sched_getaffinity(0))})])
    assert storm.is_complete
    assert storm.opens > CONNECTS
    assert storm.bpf_ns > 100 * storm.opens


@pytest.mark.long
def test_given_a_rate_when_the_dashboard_is_measured_then_no_connect_is_lost():
    (per_s, low, median, high), connects, lost = rate(1000, samples=2)
    assert lost == 0
    assert per_s == pytest.approx(1000, rel=0.1)
    assert connects > 5000
    assert 0 < low <= median <= high < 100
