"""What `make test-kernels` runs: the guests, and the probe sets and transports tested in each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

PROBES, TRANSPORTS = ("fentry", "kprobe", "tracepoint"), ("ring", "perf")


@dataclass(frozen=True)
class Kernel:
    """A Debian kernel: the newest one of a suite."""

    suite: str
    security: bool = False
    """True if it is in the archive of security updates."""
    peer: bool = False
    """True if BCC's own tcpconnlat runs on it; it is then downloaded too, with the kernel headers."""
    architecture: str = ""
    """Debian's name of an architecture that is emulated, with a root of its own; empty: this machine's."""


@dataclass(frozen=True)
class Guest:
    """One boot."""

    name: str
    kernel: str
    """Key of `KERNELS`."""
    arguments: tuple[str, ...] = ()
    """Added to the kernel's command line."""
    transports: tuple[str, ...] = TRANSPORTS
    times: int = 1
    """How many times the usual limit it may take."""


KERNELS = {
    "5.10": Kernel("bullseye-security", security=True),
    "6.1": Kernel("bookworm", peer=True),
    "6.12": Kernel("trixie"),
    "unstable": Kernel("sid"),
    "6.12-arm64": Kernel("trixie", architecture="arm64"),
}

GUESTS = (
    Guest("5.10", "5.10"),
    Guest("6.1", "6.1"),
    Guest("6.12", "6.12"),
    Guest("unstable", "unstable"),
    Guest("6.1-no-ipv6", "6.1", ("ipv6.disable=1",)),
    Guest("6.12-arm64", "6.12-arm64", transports=("ring",), times=3),  # what BCC compiles takes minutes there
)


def combinations(guest: str) -> tuple[tuple[str, str], ...]:
    """Return the probe sets and transports that run in a guest, in their order."""
    (transports,) = (known.transports for known in GUESTS if known.name == guest)
    return tuple(product(PROBES, transports))


QUICK = ("-m", "not compiles")
"""The live tests that run by default: those that share a session. Each of the others compiles at least once,
which takes 4 to 15 s in emulation, and differs little between kernels."""
