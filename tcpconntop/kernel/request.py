"""What to trace, and how: the request that the user interface sends to the kernel side."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tcpconntop.core.limits import FILTER_LIST_MAX, LOADERS, MAX_IN_FLIGHT, PROBES, TRANSPORTS

_SETTINGS = struct.Struct(f"=Q6I{FILTER_LIST_MAX}I{FILTER_LIST_MAX}I{FILTER_LIST_MAX}H")
"""`struct settings`, as `wire.SETTINGS` has it; without numpy, which is slow to load."""


@dataclass(frozen=True)
class TraceRequest:
    """Filters that must all match; an empty list (0 for the family) matches everything.

    Raises:
        ValueError: a value is out of range; the message is one line for the user.
    """

    probe: str = "auto"
    transport: str = "auto"
    loader: str = "auto"
    pids: tuple[int, ...] = ()
    uids: tuple[int, ...] = ()
    ports: tuple[int, ...] = ()
    """Destination ports."""
    family: int = 0
    """4, 6 or 0 for both; a v4-mapped IPv6 address counts as 4."""
    min_latency_ms: float = 0.0
    """Attempts that ended sooner are counted, but write no record."""
    wakeup_bytes: int = 1 << 20
    """Wake the reader when this many bytes of records wait; else its own timer wakes it."""
    max_in_flight: int = 0
    """How many attempts in flight are followed; 0 is a number that fits the memory of the machine."""

    def __post_init__(self) -> None:
        _check(self.probe in PROBES, f"--probe must be one of {', '.join(PROBES)}")
        _check(self.transport in TRANSPORTS, f"--transport must be one of {', '.join(TRANSPORTS)}")
        _check(self.loader in LOADERS, f"--loader must be one of {', '.join(LOADERS)}")
        _check(self.family in (0, 4, 6), "the address family must be 4 or 6")
        _check(0 <= self.min_latency_ms < 1e9, "the minimum latency must be between 0 and 1e9 ms")
        _check(0 < self.wakeup_bytes < 1 << 32, "the wake-up threshold must be between 1 byte and 4 GiB")
        _check(0 <= self.max_in_flight <= MAX_IN_FLIGHT, f"--max-in-flight must be 1 to {MAX_IN_FLIGHT}")
        for name, values, least, most in (
            ("process IDs", self.pids, 1, (1 << 32) - 1),
            ("user IDs", self.uids, 0, (1 << 32) - 1),
            ("ports", self.ports, 1, 65535),
        ):
            _check(len(values) <= FILTER_LIST_MAX, f"at most {FILTER_LIST_MAX} {name} can be traced at once")
            _check(all(least <= value <= most for value in values), f"{name} must be {least} to {most}")

    @property
    def filters_attempts(self) -> bool:
        """True if the filters exclude some attempts."""
        return bool(self.pids or self.uids or self.ports or self.family)

    def settings(self) -> bytes:
        """Return the bytes of `struct settings`."""
        filters = (self.pids, self.uids, self.ports)
        return _SETTINGS.pack(
            round(self.min_latency_ms * 1e6),
            self.wakeup_bytes,
            self.family,
            *map(len, filters),
            1,  # ready
            *(value for values in filters for value in (*values, *[0] * (FILTER_LIST_MAX - len(values)))),
        )


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
