"""The next step of a finding: a command that shows more, and where to run it.

Every command only reads. It can be pasted as it is: numbers and addresses are in it, and of names only those
that a shell and a program take for a name (`_SAFE_NAME`); process names never are.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.places import Places
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import SUBNET_BITS, key_address_text
from tcpconntop.core.window.host import is_loopback
from tcpconntop.core.wire import address_text

HERE = "here"

_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@-]*")
"""Names of interfaces and namespaces that are part of a command; of others the number is."""

_HOST_NAMESPACE = "host"
_OVERFLOWS = "nstat -asz TcpExtListenOverflows TcpExtListenDrops"


@dataclass(frozen=True)
class NextStep:
    """A command that shows more about a finding.

    Attributes:
        where: `here`, or where else to run it: `on 10.0.0.5`.
        command: the command, for a POSIX shell. Some of its programs need root.
        tells: what its output means, in one line without a full stop.
    """

    where: str
    command: str
    tells: str

    @property
    def text(self) -> str:
        """Where, the command and what it tells, in one line."""
        return f"{self.where}: {self.command} — {self.tells}"


@dataclass(frozen=True)
class _Recipe:
    """Makes the next step of findings of one kind.

    Attributes:
        commands: the commands, with the names of `_words` in braces.
        tells: what their output means.
        at_peer: True if they are to run at the destination, and not where the connects were made.
    """

    commands: tuple[str, ...]
    tells: str
    at_peer: bool = False

    def __call__(self, evidence: Evidence, keys: Rows) -> NextStep:
        """Return the step for some keys of the evidence; the first of them, the busiest, is named."""
        key, places = evidence.keys[keys[0]], evidence.snapshot.places
        words = _words(key, places)
        commands = tuple(command.format_map(words) for command in self.commands)
        if self.at_peer and not _is_here(evidence, key):
            return NextStep(f"on {key_address_text(key, places)}", "; ".join(commands), self.tells)
        enter = _enter(evidence, int(key["netns"]))
        return NextStep(_host(evidence, key), _inside(commands, enter), self.tells)


# At the peer

look_for_listener = _Recipe(
    ("ss -ltn sport = :{port}",),
    "no line: no listener in that network namespace; a line with this address, 0.0.0.0, [::] or *:"
    " something before it rejects, such as a firewall",
    at_peer=True,
)
"""How to see whether the peer of the busiest of some keys listens."""

look_at_some_listener = _Recipe(
    ("ss -ltn sport = :{port}", _OVERFLOWS),
    "no line: nothing listens now; Recv-Q above Send-Q: its accept queue is full; behind a load"
    " balancer: run it on each back end",
    at_peer=True,
)
"""How to see whether a peer that refuses some connects listens now, and how full its queue is."""

loss_or_accept_queue = _Recipe(
    ("ss -ltn sport = :{port}", _OVERFLOWS),
    "Recv-Q above Send-Q, or counts that grow: its accept queue is full; else SYNs or answers are lost on"
    " the way, or a firewall drops them",
    at_peer=True,
)
"""How to tell at the peer whether SYNs are lost on the way, or by its accept queue."""


def accept_queue(evidence: Evidence, keys: Rows, *, of_one: bool) -> NextStep:
    """Return how to see which accept queue of this host is full."""
    recipe = _Recipe(
        (f"ss -ltnp{' sport = :{port}' if of_one else ''}", _OVERFLOWS),
        "Recv-Q above Send-Q: a full queue, and the process that does not accept; Send-Q is the backlog,"
        " the lower one of listen() and net.core.somaxconn",
    )
    return recipe(evidence, keys)


# Here

open_connections = _Recipe(
    ("ss -tin {dst}",),
    "rtt of the connections that are open: as long as the connect: the path is slow; much shorter: the"
    " answer to the SYN is; no line: none is open",
)
"""How to compare the connect with the round trips of open connections."""

waiting_connects = _Recipe(
    ("ss -tnop state syn-sent {dst}",),
    "the connects that wait now, of which processes, and when the SYN is sent again (timer: the time"
    " until then, and how often it was)",
)
"""How to see the connects that wait for an answer."""


def waiting_of_scope(evidence: Evidence, keys: Rows, scope: str) -> NextStep:
    """Return how to see the connects that wait, of one port, subnet or process, or all (`dest`)."""
    key = evidence.keys[keys[0]]
    command = {
        "port": "ss -tnop state syn-sent dport = :{port}",
        "subnet": "ss -tnop state syn-sent dst {subnet}",
        "process": f"ss -tnop state syn-sent | awk '/pid={int(key['tgid'])},/'",
    }.get(scope, "ss -tnop state syn-sent")
    tells = "the connects that wait now, and how often their SYN was sent again (timer); no line: none waits"
    return _Recipe((command,), tells)(evidence, keys)


route = _Recipe(
    ("ip {six}route get {address}{oif}", "ip {six}neigh show to {address}{dev}"),
    "an error: no route; FAILED: no such host on the link; a route and no FAILED: a router or a firewall"
    " rejects it",
)
"""How to see the route and the neighbour."""

ipv6 = _Recipe(
    ("ip -6 route get {address}{oif}", "ip -6 addr show scope global"),
    "an error, or no global address: there is no IPv6 to that address here; both: look for it on the way",
)
"""How to see whether this host has IPv6 at all."""

firewall = _Recipe(
    (
        "ip {six}route get {address}{oif}",
        "nft list ruleset",
        "{ip}tables-save -c",
        "tc -s qdisc show",
    ),
    "an error: no route; else look for a rule that drops or rejects it, or a qdisc whose count of dropped"
    " packets grows",
)
"""How to see the rules and queues of this machine that can drop."""

treated_apart = _Recipe(
    (
        "ip {six}route get {address}{oif}",
        "ip {six}rule show",
        "nft list ruleset",
        "{ip}tables-save -c",
        "tc -s qdisc show",
    ),
    "an error: no route; else look for a rule that drops or rejects it, or a qdisc that drops; none:"
    " something on the way or at the peer does so for this source alone",
)
"""How to see why some do not reach what others on the same host reach."""

port_use = _Recipe(
    ('ss -Htan {dst} | cut -d" " -f1 | sort | uniq -c', "sysctl net.ipv4.ip_local_port_range"),
    "sockets towards it by state, beside the range of local ports: TIME-WAIT are connections that were"
    " closed on this side first, a minute ago at most",
)
"""How to see what takes the local ports."""

local_work = _Recipe(
    ("cat /proc/loadavg", "nproc", "ss -Htan {dst} | wc -l", "nft list ruleset | wc -l"),
    "load and number of CPUs; sockets towards it, each on a local port; lines of firewall rules: which"
    " of the three is high",
)
"""How to see what can make local work slow."""

own_link = _Recipe(
    ("ip -s link show", "tc -s qdisc show", "nstat -asz TcpExtTCPSynRetrans"),
    "errors or drops that grow when it is run again: the loss is here; none: it is on the way that the"
    " destinations share, or at their accept queues",
)
"""How to see losses at this host's own links."""


# How commands are put together


def _is_here(evidence: Evidence, key: np.void) -> bool:
    """Return True if the destination of a key is the machine of the connects."""
    facts = evidence.facts.get(int(key["netns"]))
    address, family = key["daddr"].tobytes(), int(key["family"])
    return is_loopback(address, family) or (facts is not None and facts.is_local(address, family))


def _host(evidence: Evidence, key: np.void) -> str:
    """Return where the connects of a key were made."""
    info, places = evidence.snapshot.info, evidence.snapshot.places
    if places.hosts:
        return f"on {places.host(int(key['netns'])) or 'the host of the connects'}"
    return HERE if info.live else f"on {info.host or 'the host that was traced'}"


def _words(key: np.void, places: Places) -> dict[str, str]:
    """Return what commands name of a key. Every value is safe in a shell."""
    family, scope_id, port = int(key["family"]), int(key["scope_id"]), int(key["dport"])
    address = address_text(key["daddr"].tobytes(), family)
    dev = _interface(places, int(key["netns"]), scope_id) if scope_id else ""
    bracketed = f"[{address}]" if family == 6 else address
    octets = np.frombuffer(key["daddr"].tobytes(), np.uint8).copy()
    octets[SUBNET_BITS[family] // 8 :] = 0
    network = address_text(octets.tobytes(), family)
    prefix = f"{network}/{SUBNET_BITS[family]}"
    prefix = f"[{prefix}]" if family == 6 else prefix
    return {
        "address": address,
        "port": str(port),
        "dst": f"dst {shlex.quote(f'{bracketed}:{port}')}" + (f" and dev = {dev}" if dev else ""),
        "subnet": shlex.quote(prefix) + (f" and dev = {dev}" if dev else ""),
        "six": "-6 " if family == 6 else "",
        "ip": "ip6" if family == 6 else "ip",
        "oif": f" oif {dev}" if dev else "",
        "dev": f" dev {dev}" if dev else "",
    }


def _interface(places: Places, netns: int, index: int) -> str:
    """Return an interface as ip and ss take it: its name, or `if2` where that is not known or strange."""
    name = places.interface(netns, index)
    return name if _SAFE_NAME.fullmatch(name) and not name.isdecimal() else f"if{index}"


def _enter(evidence: Evidence, netns: int) -> str:
    """Return the command that runs others in a network namespace; empty if none is needed."""
    places, facts = evidence.snapshot.places, evidence.facts.get(netns)
    inode = places.inode(netns)
    if not inode or (facts is not None and facts.own):
        return ""
    name = places.namespaces.get(netns, "")
    # A name is one namespace's only on its own host: of several hosts, each has a `host`.
    named = [n for n, other in places.namespaces.items() if other == name]
    same = [n for n in named if places.host(n) == places.host(netns)]
    if len(same) == 1 and name == _HOST_NAMESPACE and facts is None:
        return ""
    if len(same) == 1 and name != _HOST_NAMESPACE and _SAFE_NAME.fullmatch(name):
        return f"ip netns exec {name}"
    # Any of its processes will do: that of the connects may have ended.
    return f'nsenter -t "$(lsns -rno PID {inode} | head -n 1)" -n'


def _inside(commands: tuple[str, ...], enter: str) -> str:
    script = "; ".join(commands)
    if enter and (len(commands) > 1 or "|" in script):
        script = f"sh -c {shlex.quote(script)}"
    return f"{enter} {script}".lstrip()
