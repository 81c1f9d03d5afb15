"""The call of connect(): failures inside it, and the parts of the latency."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import failing
import numpy as np
import pytest
import workload
from compared import comparison, seen_of
from tracer import Tracer, assert_adds_up, one_lost_syn

from tcpconntop.core.analysis.anatomy import anatomy
from tcpconntop.core.wire import Outcome, address_text
from tcpconntop.kernel.session import NO_IPV6, Session

Trace = Callable[..., Tracer]
UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES}


def destination(event: np.void) -> str:
    return address_text(bytes(event["daddr"]), int(event["family"]))


def outcome_of_errno(error: int) -> Outcome:
    if not error:
        return Outcome.OK
    return Outcome.UNREACHABLE if error in UNREACHABLE else Outcome.ERROR


def test_connects_that_fail_inside_the_call(trace: Trace) -> None:
    """GIVEN no route or no port WHEN connecting THEN each is one attempt, with the errno that it returned."""
    with workload.closed_port() as port:
        tracer = trace(ports=(port,))
        command = ["unshare", "--net", sys.executable, failing.__file__, str(port)]
        errnos = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    v6 = failing.NEVER_STARTED_V6 if len(errnos) > len(failing.NEVER_STARTED + failing.NO_PORT) else ()
    expected = (*failing.NEVER_STARTED, *v6, *failing.NO_PORT)
    assert errnos == [error for _, error in expected]

    visible = expected if tracer.sees_calls else failing.NO_PORT
    events = tracer.ended(len(visible))
    assert [destination(event) for event in events] == [
        address.removeprefix("::ffff:") for address, _ in visible
    ]
    assert events["error"].tolist() == [error for _, error in visible]
    assert events["outcome"].tolist() == [outcome_of_errno(error) for _, error in visible]
    assert set(events["dport"]) == {port}
    assert (events["end_ns"] >= events["begin_ns"]).all()
    assert (events["syn_ns"][events["error"] > 0] == 0).all()
    assert len(set(events["netns"])) == 1
    assert (events["netns"] != Path("/proc/self/ns/net").stat().st_ino).all()
    assert workload.nothing_left(tracer.session)


def test_connects_without_a_syn_are_not_active_opens(trace: Trace) -> None:
    """ActiveOpens does not count failures inside the call, so the count compared with it must not either."""
    tracer = trace()
    completeness = comparison(tracer.session)
    with workload.listener() as server, socket.socket() as client:
        client.connect(server.getsockname())
        with socket.socket() as lost:
            assert lost.connect_ex(("255.255.255.255", 47)) == errno.ENETUNREACH
    events = tracer.ended(1 + tracer.sees_calls)
    assert set(events["dport"][1:]) <= {47}
    counters = tracer.counters()
    assert counters.attempts - counters.unsent == 1
    assert seen_of(completeness) == (1, 1)


@pytest.mark.usefixtures("alone")
def test_a_port_without_a_route(trace: Trace) -> None:
    """GIVEN a rule that no local port passes WHEN connecting THEN the call's errno is that of the attempt.

    The kernel looks for the route again once it has chosen a port: the attempt has begun by then.
    """
    rule = ["ip", "rule", "add", "pref", "0", "ipproto", "tcp", "sport", "1-65534", "prohibit"]
    tracer = trace()
    with workload.listener() as server, socket.socket() as client:
        # The kernel looks into its own addresses first, unless that rule comes second.
        for command in (
            ["ip", "rule", "add", "pref", "1", "lookup", "local"],
            ["ip", "rule", "del", "pref", "0"],
        ):
            subprocess.run(command, check=True)
        added = subprocess.run(rule, check=False, capture_output=True, text=True)
        if added.returncode:
            pytest.skip(f"this kernel has no rules for ports ({added.stderr.strip()})")
        assert client.connect_ex(server.getsockname()) == errno.EACCES
    events = tracer.ended(1)
    assert events["error"].tolist() == [errno.EACCES if tracer.sees_calls else 0]
    assert events["outcome"].tolist() == [Outcome.UNREACHABLE if tracer.sees_calls else Outcome.ERROR]
    assert events["lport"][0] > 0
    assert tracer.counters().unsent == 1
    assert workload.nothing_left(tracer.session)


@pytest.mark.parametrize(
    ("family", "address", "error"),
    [
        (socket.AF_INET, struct.pack("=H2s24x", socket.AF_INET6, b"\0\x2f"), errno.EAFNOSUPPORT),
        (socket.AF_INET6, struct.pack("=H2s4s8x", socket.AF_INET, b"\0\x2f", b"\x7f\0\0\1"), errno.EINVAL),
        (socket.AF_INET, struct.pack("=H2s", socket.AF_INET, b"\0\x2f"), errno.EINVAL),
    ],
    ids=["v6 address", "v4 address", "short"],
)
def test_addresses_of_the_wrong_family_or_length(
    trace: Trace, family: int, address: bytes, error: int
) -> None:
    tracer = trace()
    libc = ctypes.CDLL(None, use_errno=True)
    with workload.socket_v6() if family == socket.AF_INET6 else socket.socket() as client:
        assert libc.connect(client.fileno(), address, len(address)) == -1
        assert ctypes.get_errno() == error
    events = tracer.ended(int(tracer.sees_calls))
    assert set(events["outcome"]) <= {Outcome.ERROR}
    assert set(events["error"]) <= {error}


@pytest.mark.parametrize(
    ("listen_on", "connect_to"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "::ffff:127.0.0.1")]
)
def test_the_parts_of_a_latency_add_up(trace: Trace, listen_on: str, connect_to: str) -> None:
    tracer = trace()
    with workload.listener(listen_on) as server:
        for _ in range(11):
            with socket.create_connection((connect_to, workload.port_of(server))):
                server.accept()[0].close()
    events = tracer.ended(11)
    assert (events["outcome"] == Outcome.OK).all()
    assert_adds_up(tracer, events)
    assert workload.nothing_left(tracer.session)


def test_the_wait_for_a_lost_syn_is_separated(trace: Trace) -> None:
    """GIVEN a dropped SYN WHEN the next one is answered THEN the wait does not count as network time."""
    tracer, events = one_lost_syn(trace)
    assert_adds_up(tracer, events)
    parts = anatomy(events)
    assert events["syn_retransmits"].tolist() == [1]
    assert parts.wire[0] < 0.5e6
    if tracer.sees_calls:
        assert parts.rto[0] == pytest.approx(1.03e6, abs=0.5e6)
        assert parts.local[0] < 0.5e6


def test_a_repeated_connect_is_the_same_attempt(trace: Trace) -> None:
    with workload.silent_listener() as server:
        tracer = trace()
        with workload.start_connect(server.getsockname()) as client:
            for _ in range(3):
                assert client.connect_ex(server.getsockname()) == errno.EALREADY
        events = tracer.ended(1)
    assert events["outcome"].tolist() == [Outcome.CANCELLED]
    assert workload.nothing_left(tracer.session)


def test_fast_open_counts_the_wait_for_data_as_local_work(trace: Trace) -> None:
    """GIVEN a fast-open cookie WHEN connect() stores only the address THEN waiting for data is local work."""
    with workload.fast_open_listener() as server:
        tracer = trace()
        with workload.fast_open(server) as client:
            tracer.until(lambda now: now.attempts == now.in_flight == 1)
            client.send(b"?")
            server.accept()[0].close()
            lport = workload.port_of(client)
    events = tracer.ended(1)
    assert events["outcome"].tolist() == [Outcome.OK]
    assert events["lport"].tolist() == [lport]
    assert_adds_up(tracer, events)


def test_filters_apply_to_failures_inside_the_call(trace: Trace) -> None:
    tracer = trace(pids=(os.getpid(),), ports=(53,), family=4)
    for address, port in (("255.255.255.255", 53), ("255.255.255.255", 47)):
        with socket.socket() as client:
            assert client.connect_ex((address, port)) == errno.ENETUNREACH
    events = tracer.ended(int(tracer.sees_calls))
    assert set(events["dport"]) <= {53}
    assert set(events["tgid"]) <= {os.getpid()}
    assert workload.nothing_left(tracer.session)


def test_a_kernel_without_ipv6_has_a_note(session: Session) -> None:
    try:
        socket.socket(socket.AF_INET6).close()
        absent = False
    except OSError:
        absent = True
    assert (NO_IPV6 in session.notes) == absent
