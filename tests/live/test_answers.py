"""Lost SYNs, slow answers, and SYNs that never left, against a peer of our own."""

from __future__ import annotations

import errno
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import responder
import retrying
import way
import workload
from responder import RST_ACK, Responder
from tracer import Tracer, one_lost_syn

from tcpconntop.core.analysis.anatomy import anatomy
from tcpconntop.core.wire import Events, Outcome, address_text
from tcpconntop.kernel.btf import Btf

Trace = Callable[..., Tracer]
MS = 1_000_000
EXACT_MS = 300 if way.EMULATED else 60
"""How well two clock readings of one event agree on a busy machine."""


@pytest.fixture
def link() -> Iterator[int]:
    with responder.link() as index:
        yield index


def answered_by(peer: Responder, trace: Trace, error: int = 0) -> Events:
    """Return the record of a connect to a peer."""
    tracer = trace()
    with peer, socket.socket() as client:
        client.settimeout(way.DEADLINE_S)
        assert client.connect_ex((responder.ADDRESS, 443)) == error
    return tracer.ended(1)


def near_ms(expected_ns: float) -> object:
    return pytest.approx(expected_ns / MS, abs=EXACT_MS)


def assert_slow(events: Events, delay_ns: float) -> None:
    """Assert that a connect waited for the network alone."""
    parts = anatomy(events)
    assert parts.slow.all()
    assert not parts.lost.any()
    assert parts.rto.tolist() == [0]
    assert parts.wire[0] / 1000 == near_ms(delay_ns)


def test_a_slow_answer_is_no_lost_syn(trace: Trace, link: int) -> None:
    """GIVEN 1.5 s to the answer WHEN the SYN was sent again in vain THEN it counts as network."""
    peer = Responder(delay_s=1.5)
    events = answered_by(peer, trace)
    took_ns = peer.answered_ns - peer.arrived_ns[0]
    assert events["syn_retransmits"][0] >= 1
    assert took_ns >= 1.5e9
    assert events["srtt_us"][0] / 1000 == near_ms(took_ns)
    assert_slow(events, took_ns)


def test_without_time_stamps_a_late_answer_is_not_explained(trace: Trace, link: int) -> None:
    events = answered_by(Responder(delay_s=1.5, stamps=False), trace)
    parts = anatomy(events)
    assert events["srtt_us"].tolist() == [0]
    assert events["outcome"].tolist() == [Outcome.OK]
    assert not parts.slow.any()
    assert not parts.lost.any()
    assert np.isnan(parts.rto).all()
    assert np.isnan(parts.wire).all()


def test_the_third_syn_is_answered(trace: Trace, link: int) -> None:
    """GIVEN two lost SYNs WHEN the third is answered THEN the last retransmission is that of the third."""
    peer = Responder(nth=3)
    events = answered_by(peer, trace)
    assert events["syn_retransmits"].tolist() == [2]
    assert events["last_rtx_ns"][0] / MS == near_ms(peer.arrived_ns[2])
    assert peer.arrived_ns[2] - peer.arrived_ns[1] > 0.5e9
    parts = anatomy(events)
    assert parts.lost.all()
    assert parts.rto[0] / 1000 == near_ms(peer.arrived_ns[2] - peer.arrived_ns[0])
    assert events["syn_unsent"].tolist() == [0]
    assert address_text(bytes(events["saddr"][0]), 4) == responder.OWN_ADDRESS


def test_a_reset_after_a_lost_syn(trace: Trace, link: int) -> None:
    peer = Responder(nth=2, flags=RST_ACK)
    events = answered_by(peer, trace, errno.ECONNREFUSED)
    assert events["outcome"].tolist() == [Outcome.REFUSED]
    assert events["srtt_us"].tolist() == [0]
    assert anatomy(events).rto[0] / 1000 == near_ms(peer.arrived_ns[1] - peer.arrived_ns[0])


@pytest.mark.parametrize("stray", [False, True])
def test_the_round_trip_is_that_of_the_kernel(trace: Trace, link: int, stray: bool) -> None:
    """GIVEN an answer after 0.2 s WHEN no SYN was sent again THEN the round trip is in µs, once for each.

    A segment that comes first and answers nothing does not end the attempt.
    """
    events = answered_by(Responder(delay_s=0.2, stray=stray), trace)
    took_us = (events["end_ns"] - events["begin_ns"])[0] / 1000
    assert 190_000 < events["srtt_us"][0] <= took_us
    assert events["syn_retransmits"].tolist() == [0]


def test_the_round_trip_of_a_lost_syn_is_that_of_the_next(trace: Trace) -> None:
    _, events = one_lost_syn(trace)
    assert 0 < events["srtt_us"][0] < 500_000
    assert anatomy(events).lost.all()


def test_failures_have_no_round_trip(trace: Trace) -> None:
    """GIVEN a socket that was connected before WHEN it is refused THEN there is no round trip."""
    tracer = trace()
    with workload.listener() as server, workload.closed_port() as port, socket.socket() as client:
        client.connect(server.getsockname())
        workload.disconnect(client)
        assert client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
    events = tracer.ended(2)
    assert events["srtt_us"][0] > 0
    assert events["srtt_us"][1] == 0


def test_nobody_answers(trace: Trace, link: int) -> None:
    tracer = trace()
    with Responder(nth=0), socket.socket() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
        assert client.connect_ex((responder.ADDRESS, 443)) == errno.ETIMEDOUT
    parts = anatomy(tracer.ended(1))
    assert np.isnan(parts.wire).all()
    assert parts.rto == pytest.approx(parts.latency, abs=EXACT_MS * 1000)


def syn_retransmits() -> int:
    """Return the kernel's own count of this network namespace (TCPSynRetrans)."""
    names, values = (line.split() for line in Path("/proc/net/netstat").read_text().splitlines()[:2])
    return int(values[names.index("TCPSynRetrans")])


@contextmanager
def firewall(hook: str, rule: str) -> Iterator[None]:
    """A rule in a chain of this network namespace."""
    if not shutil.which("nft"):
        pytest.skip("nft is missing: install nftables")
    chain = f"add table ip tct; add chain ip tct c {{ type filter hook {hook} priority 0; }}"
    added = subprocess.run(["nft", chain], check=False, capture_output=True, text=True)
    if added.returncode:
        pytest.skip(f"this kernel has no nf_tables ({added.stderr.splitlines()[0]})")
    try:
        subprocess.run(["nft", f"add rule ip tct c {rule}"], check=True)
        yield
    finally:
        subprocess.run(["nft", "delete table ip tct"], check=True)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("hook", "leaves"), [("output", False), ("input", True)])
def test_syns_that_a_firewall_of_this_machine_drops(trace: Trace, hook: str, leaves: bool) -> None:
    """GIVEN dropped SYNs WHEN nobody answers THEN those that never left are marked, all are counted."""
    tracer = trace()
    with workload.listener() as server, socket.socket() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 2)
        before = syn_retransmits()
        with firewall(hook, f"tcp dport {workload.port_of(server)} drop"):
            assert client.connect_ex(server.getsockname()) == errno.ETIMEDOUT
        sent_again = syn_retransmits() - before
    events = tracer.ended(1)
    assert sent_again >= 2
    assert events["syn_retransmits"].tolist() == [sent_again]
    assert tracer.counters().syn_retransmits == sent_again
    assert events["syn_unsent"].tolist() == [0 if leaves else sent_again]
    # Older kernels do not report when they try to send one that a firewall drops.
    times = leaves or Btf().count_tracepoint_args("tcp_retransmit_skb") == 3
    assert (events["begin_ns"] < events["last_rtx_ns"]).tolist() == [times]
    assert (events["last_rtx_ns"] < events["end_ns"]).all()
    parts = anatomy(events)
    assert np.isnan(parts.wire).all()
    assert parts.rto == pytest.approx(parts.latency, abs=EXACT_MS * 1000)


def test_a_firewall_that_opens(trace: Trace) -> None:
    """GIVEN a SYN and its repetition that never left WHEN the third one is answered THEN one is marked."""
    tracer = trace()
    with workload.listener() as server:
        before = syn_retransmits()
        with firewall("output", f"tcp dport {workload.port_of(server)} drop"):
            client = workload.start_connect(server.getsockname())
            while syn_retransmits() == before:
                workload.still_connecting(client, 0.05)
        with client:
            assert workload.wait_connect(client, way.DEADLINE_S) == 0
        sent_again = syn_retransmits() - before
    events = tracer.ended(1)
    assert sent_again == 2
    assert events["syn_retransmits"].tolist() == [2]
    assert events["syn_unsent"].tolist() == [1]


def test_a_socket_that_connects_again_has_its_own_errno_and_port(trace: Trace) -> None:
    """GIVEN sockets that were used before WHEN they connect again THEN nothing of before is reported."""
    command = ["unshare", "--net", sys.executable, retrying.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        tracer = trace(pids=(child.pid,))
        results = json.loads(child.communicate("\n")[0])
    events = tracer.ended(len(retrying.EXPECTED))
    told = [(Outcome(int(event["outcome"])).label, int(event["error"])) for event in events]
    assert told == [(outcome, error) for _, outcome, error in retrying.EXPECTED]
    for (name, _, error), (returned, lport), event in zip(retrying.EXPECTED, results, events, strict=True):
        assert returned == error, name
        assert lport in (-1, int(event["lport"])), name
        assert (event["lport"] == 0) == name.startswith("no port"), name
        assert address_text(bytes(event["daddr"]), 4) == "127.0.0.1", name
    assert tracer.counters().unsent == sum(name.startswith("no port") for name, *_ in retrying.EXPECTED)


def test_a_fast_open_that_is_given_up_before_its_data(trace: Trace) -> None:
    """GIVEN a cookie WHEN the socket is closed before it sends data THEN there is no SYN, but a port."""
    with workload.fast_open_listener() as server:
        tracer = trace()
        with workload.fast_open(server) as client:
            tracer.until(lambda now: now.in_flight == 1)
            lport = workload.port_of(client)
    events = tracer.ended(1)
    assert events["outcome"].tolist() == [Outcome.CANCELLED]
    assert events["error"].tolist() == [0]
    assert events["lport"].tolist() == [lport] != [0]
    assert tracer.counters().unsent == 1
