"""The benchmark of the kernel side, while others load programs too."""

from __future__ import annotations

import os
from contextlib import ExitStack

from tcpconntop.kernel.launch import spawn_loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session
from tests.bench.kernel import connect, ns_per_connect, reason
from tests.bench.programs import held_by, measured, opened, spent

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
