"""A running trace in the user interface: descriptors from the loader, mapped and read.

Nothing here needs a privilege: the loader opened the maps with the access that is allowed here.
"""

from __future__ import annotations

import json
import mmap
import os
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from tcpconntop.core.wire import COUNTERS, N_OUTCOMES, NETNS_COUNTERS, NETNS_SLOTS, SETTINGS, Events
from tcpconntop.kernel import job
from tcpconntop.kernel.forward import MAX_MESSAGE_BYTES
from tcpconntop.kernel.job import possible_cpus, send_job
from tcpconntop.kernel.launch import Loader, TracerError
from tcpconntop.kernel.netns_table import NamespaceCounts, read_namespaces
from tcpconntop.kernel.perf import PerfBuffer
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.ring import MemoryBarrier, RingBuffer

IF_INET6 = Path("/proc/self/net/if_inet6")
NO_IPV6 = "this kernel has no IPv6, or it was disabled at boot: only IPv4 connects are traced"

RUSH_S = 0.1
"""How long records are collected while they come, in seconds."""

_MAX_FDS = 32
_WAKEUP = slice(8, 12)
"""Where the settings have `wakeup_bytes`."""


@dataclass(frozen=True)
class Counters:
    """`struct counters`, summed over the CPUs. `in_flight` is never negative."""

    attempts: int
    outcomes: tuple[int, ...]
    """Indexed by `Outcome`."""
    syn_retransmits: int
    ring_drops: int
    start_failures: int
    below_minimum: int
    unsent: int
    missed_outcomes: tuple[int, ...] = (0,) * N_OUTCOMES
    """How those of `start_failures` ended that are still remembered; indexed by `Outcome`."""
    netns_unplaced: int = 0
    skipped: int = 0

    @property
    def in_flight(self) -> int:
        """Attempts that have not ended."""
        return self.attempts - sum(self.outcomes)


class Session:
    """Attached probes and their output. The probes are detached by `close()` or at the end of this process.

    Created by `open_session`. For one thread at a time.
    """

    def __init__(self, answer: dict[str, Any], fds: dict[str, int], loader: Loader | None) -> None:
        self.loader: str = answer["loader"]
        """`image` or `bcc`."""
        self.probe: str = answer["probe"]
        self.transport: str = answer["transport"]
        self.notes = (*answer["notes"], *([] if IF_INET6.exists() else [NO_IPV6]))
        """One line for each thing that this kernel does not offer."""
        self.kernel = os.uname().release
        self.fds = fds
        """Descriptors by `map:NAME` and `link:PROGRAM:TARGET`."""
        cpus = possible_cpus()
        self._barrier = MemoryBarrier()
        self._loader = loader
        self._reader = (
            PerfBuffer(loader.connection) if loader else RingBuffer(fds["map:tct_events"], job.BUFFER_BYTES)
        )
        self._counters_map = mmap.mmap(
            fds["map:tct_counters"], cpus * COUNTERS.itemsize, mmap.MAP_SHARED, mmap.PROT_READ
        )
        self._counters = np.frombuffer(self._counters_map, COUNTERS, cpus)
        self._spaces_map = mmap.mmap(
            fds["map:tct_netns"], NETNS_SLOTS * NETNS_COUNTERS.itemsize, mmap.MAP_SHARED, mmap.PROT_READ
        )
        self._spaces = np.frombuffer(self._spaces_map, NETNS_COUNTERS, NETNS_SLOTS)
        self._settings_map = mmap.mmap(fds["map:tct_settings"], SETTINGS.itemsize, mmap.MAP_SHARED)
        self._wakeup_bytes: bytes | None = None  # those of the request, while every record wakes

    def set_filters(self, request: TraceRequest) -> None:
        """Use the filters of another request; probes, transport and a perf buffer's wake-up stay.

        Attempts in flight are followed to their end. An attempt that begins during the call may be filtered
        by a mixture of both requests.
        """
        self._settings_map[:] = request.settings()
        self._wakeup_bytes = None

    def read(self, timeout_s: float) -> Events:
        """Wait for `wakeup_bytes` of records or for `timeout_s`, then return all records; may be empty."""
        self._reader.wait(timeout_s)
        return self._reader.read()

    def read_soon(self, timeout_s: float) -> Events:
        """Wait for `timeout_s` at most, and return all records; may be empty.

        While records come, it waits for `RUSH_S`, so that it is woken for many at once; once none came for so
        long, until the next one comes. So an idle machine wakes nobody, and the first record is read at once.
        """
        ring = self._reader
        if not isinstance(ring, RingBuffer) or timeout_s < RUSH_S:
            return self.read(min(timeout_s, RUSH_S))
        if self._wakeup_bytes is None:
            woken, events = ring.wait(RUSH_S), ring.read()
            if woken or len(events):
                return events
            self._wakeup_bytes = self._settings_map[_WAKEUP]
            self._settings_map[_WAKEUP] = bytes(len(self._wakeup_bytes))  # every record wakes
            self._barrier()  # a record that came before: is not waited for
            timeout_s -= RUSH_S
        if ring.is_empty():
            ring.wait(timeout_s)
        events = ring.read()
        if len(events):
            self._settings_map[_WAKEUP], self._wakeup_bytes = self._wakeup_bytes, None
        return events

    def wake(self) -> None:
        """End a running wait of `read_soon`. From any thread; nothing after `close`."""
        if isinstance(self._reader, RingBuffer):
            self._reader.wake()

    def counters(self) -> Counters:
        """Return the totals since the start."""
        # Outcomes first: what begins or ends in between then never makes fewer attempts than outcomes.
        outcomes, missed = (self._counters[name].sum(axis=0) for name in ("outcomes", "missed_outcomes"))
        self._barrier()
        totals = {
            name: int(self._counters[name].sum())
            for name in COUNTERS.names or ()
            if name not in ("outcomes", "missed_outcomes", "reserved")
        }
        return Counters(outcomes=tuple(outcomes.tolist()), missed_outcomes=tuple(missed.tolist()), **totals)

    def namespaces(self, since_ns: int = 0) -> Mapping[int, NamespaceCounts]:
        """Return the counts of each network namespace with an attempt since a time, by its inode number."""
        return read_namespaces(self._spaces, since_ns)

    def close(self) -> None:
        """Detach the probes and release everything. Idempotent."""
        if not self.fds:
            return
        self._reader.close()
        del self._counters, self._spaces
        self._counters_map.close()
        self._spaces_map.close()
        self._settings_map.close()
        close_all(self.fds.values())
        self.fds = {}
        if self._loader:
            self._loader.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_session(loader: Loader, request: TraceRequest) -> Session:
    """Send the loader its job, and receive the session; see `receive_session`."""
    with suppress(OSError):  # it has ended: its end of the connection tells
        send_job(loader, request)
    return receive_session(loader)


def receive_session(loader: Loader) -> Session:
    """Wait for the loader to load and attach; map what it sends. Blocks for some tenths of a second.

    Ends early, with the loader ended and nothing attached, on `loader.cancel()` from another thread (as
    `TracerError`) and on any exception raised in this one (Ctrl-C).

    Args:
        loader: has its job (`job.send_job`).

    Raises:
        TracerError: this machine cannot trace like that, or this user may not.
    """
    fds: list[int] = []
    stays = False
    try:
        message, fds, _, _ = socket.recv_fds(loader.connection, MAX_MESSAGE_BYTES, _MAX_FDS)
        answer = json.loads(message) if message else {}
        if not answer:
            raise loader.died()
        if "fds" not in answer:
            raise TracerError(answer["error"], answer["exit"], loader.captured_output())
        stays = answer["transport"] == "perf"
        loader = loader.hand_over() if stays else loader
        return Session(answer, dict(zip(answer["fds"], fds, strict=True)), loader if stays else None)
    except OSError as error:
        close_all(fds)
        stays = False
        raise loader.died() from error
    except BaseException:
        close_all(fds)
        stays = False
        raise
    finally:
        if not stays:
            loader.close()


def close_all(fds: Iterable[int]) -> None:
    """Close descriptors."""
    for fd in fds:
        os.close(fd)
