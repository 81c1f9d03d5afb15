"""Which process connects, and where to: names of processes and threads, and the scope of an address."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import responder
import uring
import workload
from tracer import Tracer

from tcpconntop.core.window.keys import KeyTable
from tcpconntop.core.wire import Events, address_text, comm_text

Trace = Callable[..., Tracer]
LINK_LOCAL = "fe80::1:2:3"


def names(events: Events, field: str) -> list[str]:
    return [comm_text(bytes(name)) for name in events[field]]


@contextmanager
def named(path: str, name: str) -> Iterator[None]:
    """Rename a thread for a while; `path` is its file `comm`."""
    before = Path(path).read_text().strip()
    Path(path).write_text(name)
    try:
        yield
    finally:
        Path(path).write_text(before)


def connect_from_thread(name: str, server: socket.socket) -> None:
    """Connect once from a new thread of this name."""

    def run() -> None:
        with named("/proc/thread-self/comm", name):
            workload.connect(server, 1)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def start_ticks() -> int:
    """Return when this process started, as /proc shows it."""
    return int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])


def test_threads_have_the_name_of_their_process(trace: Trace) -> None:
    """GIVEN threads with names WHEN they connect THEN it is one process, and the record has both names."""
    tracer = trace()
    with workload.listener() as server:
        for number in range(3):
            connect_from_thread(f"pool-worker-{number}", server)
        workload.connect(server, 2)
    events = tracer.ended(5)
    own = Path("/proc/self/comm").read_text().strip()
    assert names(events, "comm") == [own] * 5
    assert names(events, "thread")[:3] == [f"pool-worker-{number}" for number in range(3)]
    assert names(events, "thread")[3:] == [Path("/proc/thread-self/comm").read_text().strip()] * 2
    assert set(events["tgid"]) == {os.getpid()}


@pytest.mark.parametrize("how", ["now", "worker", "poll"])
def test_io_uring_connects_for_the_process_that_asked(trace: Trace, how: str) -> None:
    """GIVEN a kernel's own thread that connects THEN the record has the process that asked for it."""
    with workload.listener() as server, workload.listener() as other:
        ports = [workload.port_of(server), workload.port_of(other)]
        other.close()
        tracer = trace(ports=tuple(ports))
        command = [sys.executable, uring.__file__, "asks", how, *map(str, ports)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            out, err = process.communicate()
        if "Operation not permitted" in err or "not implemented" in err:
            pytest.skip(f"no io_uring here: {err.splitlines()[-1]}")
        events = tracer.ended(2)
    assert out.split() == ["0", str(errno.ECONNREFUSED)]
    assert names(events, "comm") == ["asks"] * 2
    assert events["tgid"].tolist() == [process.pid] * 2
    assert events["error"].tolist() == [0, errno.ECONNREFUSED]
    thread = {"now": "asks", "worker": "iou-wrk-", "poll": "iou-sqp-"}[how]
    assert all(name.startswith(thread) for name in names(events, "thread"))


def test_a_process_is_known_by_its_start(trace: Trace) -> None:
    tracer = trace()
    with workload.listener() as server:
        workload.connect(server, 1)
        connect_from_thread("later", server)
    starts_ns = set(tracer.ended(2)["process_start_ns"].tolist())
    assert len(starts_ns) == 1
    assert starts_ns.pop() * os.sysconf("SC_CLK_TCK") // 10**9 == start_ticks()


def test_a_process_that_renames_itself_stays_one_row_with_the_newest_name(trace: Trace) -> None:
    tracer = trace()
    main_thread = f"/proc/self/task/{os.getpid()}/comm"
    with workload.listener() as server:
        # As long as a name can be, and shorter than one word of the kernel's.
        given = [f"{'name' if number % 2 else 'a-longer-name'}-{number}" for number in range(7)]
        for name in given:
            with named(main_thread, name):
                connect_from_thread("worker", server)
    events = tracer.ended(7)
    assert names(events, "comm") == given
    table = KeyTable()
    table.find_or_add(events)
    assert table.keys["comm"][1:].tolist() == [b"a-longer-name-6"]


def test_a_failure_inside_the_call_has_both_names(trace: Trace) -> None:
    tracer = trace()

    def run() -> None:
        with named("/proc/thread-self/comm", "dialer"), socket.socket() as client:
            assert client.connect_ex(("255.255.255.255", 47)) == errno.ENETUNREACH

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    events = tracer.ended(int(tracer.sees_calls))
    assert set(names(events, "thread")) <= {"dialer"}
    assert set(names(events, "comm")) <= {Path("/proc/self/comm").read_text().strip()}
    assert len(set(events["process_start_ns"])) == len(set(events["tgid"]))


@pytest.fixture
def interface() -> Iterator[int]:
    with responder.link() as index:
        responder.ip(f"-6 addr add {LINK_LOCAL}/64 dev {responder.LINK} nodad")
        yield index


def test_the_scope_of_a_link_local_address(trace: Trace, interface: int) -> None:
    """GIVEN one address on an interface WHEN connecting with its scope THEN the record has its index."""
    tracer = trace()
    with workload.socket_v6() as server, workload.socket_v6() as bound, workload.socket_v6() as refused:
        server.bind((LINK_LOCAL, 0, 0, interface))
        server.listen()
        port = workload.port_of(server)
        with workload.socket_v6() as client:
            client.connect((LINK_LOCAL, port, 0, interface))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, responder.LINK.encode())
        bound.connect((LINK_LOCAL, port, 0, 0))
        server.close()
        assert refused.connect_ex((LINK_LOCAL, port, 0, interface)) == errno.ECONNREFUSED
    assert tracer.ended(3)["scope_id"].tolist() == [interface] * 3


def test_other_addresses_have_no_scope(trace: Trace, interface: int) -> None:
    """GIVEN a socket that is bound to an interface WHEN it connects elsewhere THEN there is no scope."""
    tracer = trace()
    loopback = socket.if_nametoindex("lo")
    with workload.listener("::1") as v6, workload.listener("::") as dual, workload.listener() as v4:
        for address, server in (("::1", v6), ("::ffff:127.0.0.1", dual), ("127.0.0.1", v4)):
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
                client.connect((address, workload.port_of(server)))
    events = tracer.ended(3)
    assert loopback > 0
    assert events["scope_id"].tolist() == [0] * 3


def test_the_scope_of_a_connect_that_fails_before_a_syn(trace: Trace, interface: int) -> None:
    """The socket does not have the scope yet: the address that was passed has it."""
    tracer = trace()
    absent = interface + 1000
    with ExitStack() as stack:
        client, bound, multicast = (stack.enter_context(workload.socket_v6()) for _ in range(3))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, responder.LINK.encode())
        assert client.connect_ex((LINK_LOCAL, 47, 0, absent)) > 0
        assert bound.connect_ex((LINK_LOCAL, 47, 0, absent)) == errno.EINVAL
        assert multicast.connect_ex(("ff02::1", 47, 0, interface)) == errno.ENETUNREACH
        assert bound.connect_ex(("ff02::1", 47, 0, 0)) == errno.ENETUNREACH
    events = tracer.ended(4 * tracer.sees_calls)
    assert events["scope_id"].tolist() == [absent, absent, interface, interface][: len(events)]
    assert {address_text(bytes(event["daddr"]), 6) for event in events} <= {LINK_LOCAL, "ff02::1"}
