"""Situations that connects get into. Each notes the truth about its connects.

A situation is a generator: it starts its connects, yields what it waits for, and goes on once that is true.
So many wait side by side. `SITUATIONS` has them all, with what each needs.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

import container
import network
import responder
import workload
from truth import Place, Truth, Wait, address_of, all_ended, elapsed, family_of, rename, resent_of

IP_LOCAL_PORT_RANGE, TCP_REPAIR = 51, 19
USER_TIMEOUT_MS = 900
"""Less than the first repetition of a SYN: the connect ends soon after that."""
FULL_S = 0.6
"""How long an accept queue stays full: there is room before the SYN is sent again, after 1 s."""
GIVES_UP_S = 0.06
SECOND = 100
"""Added to the port of a situation that needs another one."""


def succeeds(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    address = address_of(host, port)
    server = place.listen(address)
    for _ in range(n):
        assert place.connect("ok", address, "ok") == 0
        server.accept()[0].close()
    yield from ()


def is_refused(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    for _ in range(n):
        assert place.connect("refused", address_of(host, port), "refused") == errno.ECONNREFUSED
    yield from ()


def from_a_thread(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Connect in a thread that has a name of its own."""

    def work() -> None:
        rename(f"worker-{n}")
        list(is_refused(place, host, port, n))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    yield from ()


def in_children(place: Place, children: int, work: Callable[[Place], None]) -> None:
    """Run `work` in processes of their own, side by side, and add what they note."""
    pipes = []
    for _ in range(children):
        reading, writing = os.pipe()
        if os.fork() == 0:
            inside = Place(place.netns)
            work(inside)
            os.write(writing, json.dumps([asdict(truth) for truth in inside.truths]).encode())
            os._exit(0)
        os.close(writing)
        pipes.append(reading)
    for reading in pipes:
        with os.fdopen(reading, "rb") as pipe:
            place.truths += [Truth(**truth) for truth in json.loads(pipe.read())]
        os.wait()


def fork_storm(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Make one refused connect in each of many processes."""
    in_children(place, 3 * n, lambda inside: list(is_refused(inside, host, port, 1)) and None)
    yield from ()


def renamed(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Connect in a process that has renamed itself, from a thread with another name."""

    def work(inside: Place) -> None:
        rename("renamed")
        list(from_a_thread(inside, host, port, n))

    in_children(place, 1, work)
    yield from ()


def is_closed(place: Place, host: str, port: int, n: int, age_s: float = 0.0) -> Iterator[Wait]:
    """Close sockets while they connect, some with SO_LINGER 0, at the same age and at different times."""
    address = address_of(host, port)
    place.silent(address)
    for number in range(n):
        began_s = time.monotonic()
        client = place.start(address)
        yield elapsed(age_s)
        if number % 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        lport, resent = workload.port_of(client), resent_of(client)
        client.close()
        age = time.monotonic() - began_s
        place.note("closed", address, "cancelled", lport=lport, resent=resent, age_s=age)


def gives_up(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Close sockets always at the same age: a time-out of the program's own."""
    yield from is_closed(place, host, port, n, GIVES_UP_S)


def times_out(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    address = address_of(host, port)
    place.silent(address)
    clients = [place.start(address, TCP_USER_TIMEOUT=USER_TIMEOUT_MS) for _ in range(n)]
    yield all_ended(clients)
    for client in clients:
        place.ended("silent", address, "timeout", client)


def never_leaves(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Connect while a firewall drops what leaves this namespace for the port."""
    address = address_of(host, port)
    clients = [place.start(address, TCP_USER_TIMEOUT=USER_TIMEOUT_MS) for _ in range(n)]
    yield all_ended(clients)
    for client in clients:
        place.ended("output-drop", address, "timeout", client, all_unsent=True)


def rejected(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Connect to what a firewall answers as unreachable: the kernel believes it from the second SYN on."""
    address = address_of(host, port)
    clients = [place.start(address) for _ in range(n)]
    yield all_ended(clients)
    for client in clients:
        place.ended("rejected", address, "unreachable", client)


def loses_a_syn(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Connect while a firewall drops what arrives; it opens once all situations have started."""
    address = address_of(host, port)
    place.listen(address)
    clients = [place.start(address) for _ in range(n)]
    yield all_ended(clients)
    for client in clients:
        place.ended("lost", address, "ok", client)


def finds_a_full_queue(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    address = address_of(host, port)
    server = place.listen(address, 0)
    place.connect("filled", address, "ok")
    overflows = container.counter("ListenOverflows")
    clients = [place.start(address) for _ in range(n)]
    yield elapsed(FULL_S)
    assert container.counter("ListenOverflows") > overflows
    server.listen(100)
    yield all_ended(clients)
    for client in clients:
        place.ended("full-queue", address, "ok", client)


def is_slow(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Connect to a peer behind a link that answers after 1.4 s."""
    address = (responder.ADDRESS, port)
    place.stack.enter_context(responder.link())
    place.stack.enter_context(responder.Responder(delay_s=1.4))
    client = place.start(address)
    yield all_ended([client])
    place.ended("slow", address, "ok", client)


def no_route(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    for _ in range(n):
        number = place.connect("no-route", ("198.51.100.1", port), "unreachable", in_call=True)
        assert number == errno.ENETUNREACH
    yield from ()


def used_again(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Cancel a connect by connect(AF_UNSPEC), and use the socket again for a refused one."""
    silent, closed = address_of(host, port), address_of(host, port + SECOND)
    place.silent(silent)
    for _ in range(n):
        client = place.start(silent)
        lport = workload.port_of(client)
        workload.disconnect(client)
        place.note("used-again", silent, "cancelled", lport=lport)
        client.setblocking(True)
        assert client.connect_ex(closed) == errno.ECONNREFUSED
        place.note("refused", closed, "refused", errno.ECONNREFUSED)
        client.close()
    yield from ()


def fast_open_unsent(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Close TCP Fast Open sockets before they send data: no SYN leaves."""
    server = place.stack.enter_context(workload.fast_open_listener())
    address = server.getsockname()
    place.note("fast-open", address, "ok")  # it brought the cookie
    for _ in range(n):
        with workload.fast_open(server) as client:
            place.note("unsent", address, "cancelled", lport=workload.port_of(client))
    yield from ()


def repaired(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Restore connections as CRIU does: no attempt, so no truth."""
    address = address_of(host, port)
    place.listen(address)
    for _ in range(n):
        with socket.socket(family_of(address)) as client:
            client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            client.connect(address)
    yield from ()


def first_local_port() -> int:
    return int(network.LOCAL_PORTS.read_text().split()[0])


def own_ports_run_out(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Connect with sockets that have a range of one port of their own: others have enough."""
    address = address_of(host, port)
    place.listen(address)
    only = first_local_port() + port % 1000
    clients = [place.stack.enter_context(socket.socket(family_of(address))) for _ in range(n + 1)]
    for number, client in enumerate(clients):
        client.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("=I", only << 16 | only))
        error = client.connect_ex(address)
        assert error == (errno.EADDRNOTAVAIL if number else 0), error
        lport = 0 if number else only
        place.note("own-ports" if number else "ok", address, "error" if number else "ok", error, lport=lport)
    yield from ()


def ports_run_out(place: Place, host: str, port: int, n: int) -> Iterator[Wait]:
    """Leave two local ports in the namespace, use them, and connect again. The last situation of a place."""
    address = address_of(host, port)
    place.listen(address)
    yield lambda: place.others_are_done
    first = first_local_port() + 900
    network.LOCAL_PORTS.write_text(f"{first} {first + 1}")
    clients = [place.stack.enter_context(socket.socket(family_of(address))) for _ in range(n + 2)]
    for number, client in enumerate(clients):
        error, none_left = client.connect_ex(address), number > 1
        assert error == (errno.EADDRNOTAVAIL if none_left else 0), error
        lport = 0 if none_left else workload.port_of(client)
        place.note(
            "no-port" if none_left else "ok", address, "error" if none_left else "ok", error, lport=lport
        )


Needs = Literal["", "input", "output", "reject", "v4", "alone", "link", "last"]


@dataclass(frozen=True)
class Kind:
    """A situation, how often it is drawn, the least and most connects, and what it needs."""

    run: Callable[[Place, str, int, int], Iterator[Wait]]
    weight: int
    least: int
    most: int
    needs: Needs = ""


SITUATIONS = {
    kind.run.__name__: kind
    for kind in (
        Kind(succeeds, 4, 1, 12),
        Kind(is_refused, 4, 1, 7),
        Kind(from_a_thread, 2, 1, 5),
        Kind(fork_storm, 1, 1, 5),
        Kind(renamed, 1, 1, 5),
        Kind(is_closed, 2, 1, 6),
        Kind(gives_up, 2, 3, 7),
        Kind(times_out, 2, 1, 5),
        Kind(never_leaves, 2, 1, 5, "output"),
        Kind(rejected, 2, 1, 5, "reject"),
        Kind(loses_a_syn, 2, 1, 5, "input"),
        Kind(finds_a_full_queue, 2, 1, 5),
        Kind(is_slow, 1, 1, 1, "link"),
        Kind(no_route, 1, 1, 4),
        Kind(used_again, 2, 1, 4),
        Kind(fast_open_unsent, 1, 1, 5, "alone"),
        Kind(repaired, 1, 1, 3),
        Kind(own_ports_run_out, 1, 1, 4, "v4"),
        Kind(ports_run_out, 2, 1, 5, "last"),
    )
}
"""All situations by name."""
