"""A running trace in the user interface: descriptors from the loader, mapped and read.

Nothing here needs a privilege: the loader opened the maps with the access that is allowed here.
"""

from __future__ import annotations

import json
import mmap
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from tcpconntop.core.errors import EXIT_UNSUPPORTED
from tcpconntop.core.wire import COUNTERS, EVENT, N_OUTCOMES, NETNS_COUNTERS, NETNS_SLOTS, SETTINGS, Events
from tcpconntop.kernel.attach import FENTRY_FUNCTIONS
from tcpconntop.kernel.btf import Btf, BtfError
from tcpconntop.kernel.forward import MAX_MESSAGE_BYTES
from tcpconntop.kernel.launch import Loader, TracerError, unusable_python
from tcpconntop.kernel.netns_table import NamespaceCounts, read_namespaces
from tcpconntop.kernel.perf import PerfBuffer
from tcpconntop.kernel.program_numbers import numbers_from_btf
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.ring import MemoryBarrier, RingBuffer
from tcpconntop.kernel.start_map import memory_bytes, start_map

BUFFER_BYTES = 8 << 20
"""Size of the ring buffer, or of all perf buffers together."""

IF_INET6 = Path("/proc/self/net/if_inet6")
NO_IPV6 = "this kernel has no IPv6, or it was disabled at boot: only IPv4 connects are traced"

_MAX_FDS = 32


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
            PerfBuffer(loader.connection) if loader else RingBuffer(fds["map:tct_events"], BUFFER_BYTES)
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

    def set_filters(self, request: TraceRequest) -> None:
        """Use the filters of another request; probes, transport and a perf buffer's wake-up stay.

        Attempts in flight are followed to their end. An attempt that begins during the call may be filtered
        by a mixture of both requests.
        """
        self._settings_map[:] = request.settings()

    def read(self, timeout_s: float) -> Events:
        """Wait for `wakeup_bytes` of records or for `timeout_s`, then return all records; may be empty."""
        self._reader.wait(timeout_s)
        return self._reader.read()

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
    """Ask the loader to compile and attach; map what it sends. Blocks for some tenths of a second.

    Ends early, with the loader ended and nothing attached, on `loader.cancel()` from another thread (as
    `TracerError`) and on any exception raised in this one (Ctrl-C).

    Raises:
        TracerError: this machine cannot trace like that, or this user may not.
    """
    fds: list[int] = []
    stays = False
    try:
        loader.connection.send(json.dumps(loader_job(request)).encode())
        message, fds, _, _ = socket.recv_fds(loader.connection, MAX_MESSAGE_BYTES, _MAX_FDS)
        answer = json.loads(message) if message else {}
        if "fds" not in answer:
            raise TracerError(
                answer.get("error", unusable_python() or "the loader ended without an answer"),
                answer.get("exit", EXIT_UNSUPPORTED),
                loader.captured_output(),
            )
        stays = answer["transport"] == "perf"
        loader = loader.hand_over() if stays else loader
        return Session(answer, dict(zip(answer["fds"], fds, strict=True)), loader if stays else None)
    except BtfError as error:
        raise TracerError(str(error), EXIT_UNSUPPORTED) from error
    except OSError as error:
        close_all(fds)
        stays = False
        raise TracerError(
            unusable_python() or f"the loader has ended ({error})", EXIT_UNSUPPORTED, loader.captured_output()
        ) from error
    except BaseException:
        close_all(fds)
        stays = False
        raise
    finally:
        if not stays:
            loader.close()


def loader_job(request: TraceRequest) -> dict[str, Any]:
    """Return the loader's job as a JSON-serialisable dict.

    Raises:
        BtfError: this kernel has no usable type information, or lacks a needed struct member.
    """
    btf = Btf()
    has_ring_buffer = btf.offset("bpf_ringbuf", "mask") is not None
    best = "ring" if has_ring_buffer else "perf"
    entries, flags = start_map(os.uname().release, memory_bytes(), request.max_in_flight)
    return {
        "folder": str(bpf_folder()),
        "sizes": map_sizes(entries),
        "map_flags": {"tct_start": flags},
        "numbers": numbers_from_btf(btf),
        "functions": btf.function_ids(FENTRY_FUNCTIONS),
        "loader": request.loader,
        "probe": request.probe,
        "transport": best if request.transport == "auto" else request.transport,
        "settings": request.settings().hex(),
        "buffer_bytes": BUFFER_BYTES,
        "record_bytes": EVENT.itemsize,
        "wakeup_bytes": request.wakeup_bytes,
    }


def map_sizes(max_in_flight: int) -> dict[str, int]:
    """Return the sizes of maps in `bpf/tcpconntop.bpf.c`, by macro."""
    return {"CPUS": possible_cpus(), "RING_BYTES": BUFFER_BYTES, "START_MAP_SIZE": max_in_flight}


def possible_cpus() -> int:
    """Return how many CPUs this kernel can ever have: the highest CPU number plus 1."""
    ranges = Path("/sys/devices/system/cpu/possible").read_text().strip()
    return int(ranges.replace("-", ",").rsplit(",", 1)[-1]) + 1


def bpf_folder() -> Path:
    """Return the folder of the BPF source: in the installed package, or next to it in a checkout."""
    package = Path(__file__).parents[1]
    return next(folder for folder in (package / "bpf", package.parent / "bpf") if folder.is_dir())


def close_all(fds: Iterable[int]) -> None:
    """Close descriptors."""
    for fd in fds:
        os.close(fd)
