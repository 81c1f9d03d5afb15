"""A running trace, as the interface sees it: descriptors from the loader, mapped and read.

Nothing here needs a privilege: what may be done with a map was decided when the loader opened it.
"""

from __future__ import annotations

import json
import mmap
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from tcpconntop.core.wire import COUNTERS, EVENT, NETNS_COUNTERS, NETNS_SLOTS, SETTINGS, Events
from tcpconntop.kernel.attach import BEGIN_COPIES
from tcpconntop.kernel.btf import Btf, BtfError
from tcpconntop.kernel.launch import Loader, TracerError
from tcpconntop.kernel.loader import MAX_MESSAGE_BYTES
from tcpconntop.kernel.perf import PerfBuffer
from tcpconntop.kernel.program import EXIT_UNSUPPORTED
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.ring import MemoryBarrier, RingBuffer

BUFFER_BYTES = 8 << 20
"""Of the ring buffer, or of all perf buffers together."""
START_MAP_SIZE = 1 << 16
"""Attempts that can be in flight at once."""

IF_INET6 = Path("/proc/self/net/if_inet6")
NO_IPV6 = "this kernel has no IPv6, or it was disabled at boot: connects over IPv4 alone"

_FDS_MAX = 32

# What bpf/tcpconntop.bpf.c calls a place, where it is, and whether every kernel has it.
_OFFSETS = (
    ("SK_FAMILY", "sock_common", "skc_family", True),
    ("SK_DPORT", "sock_common", "skc_dport", True),
    ("SK_DADDR", "sock_common", "skc_daddr", True),
    ("SK_RCV_SADDR", "sock_common", "skc_rcv_saddr", True),
    ("SK_V6_DADDR", "sock_common", "skc_v6_daddr", False),
    ("SK_V6_RCV_SADDR", "sock_common", "skc_v6_rcv_saddr", False),
    ("SK_NET", "sock_common", "skc_net.net", False),
    ("NET_INUM", "net", "ns.inum", True),
    ("SK_PROTOCOL", "sock", "sk_protocol", True),
    ("SK_ERR", "sock", "sk_err", True),
    ("SK_SOCKET", "sock", "sk_socket", True),
    ("SOCKET_STATE", "socket", "state", True),
    ("INET_SPORT", "inet_sock", "inet_sport", True),
)


@dataclass(frozen=True)
class Counters:
    """`struct counters`, summed over the CPUs; read so that `in_flight` is never negative."""

    attempts: int
    outcomes: tuple[int, ...]
    """By `Outcome`."""
    syn_retransmits: int
    ring_drops: int
    start_failures: int
    below_minimum: int
    unsent: int

    @property
    def in_flight(self) -> int:
        """Attempts that have not ended."""
        return self.attempts - sum(self.outcomes)


class Session:
    """Attached probes and their output. They are detached by `close()`, or by the end of this process.

    Made by `open_session`. For one thread at a time.
    """

    def __init__(self, answer: dict[str, Any], fds: dict[str, int], loader: Loader | None) -> None:
        self.probe: str = answer["probe"]
        self.transport: str = answer["transport"]
        self.notes = (*answer["notes"], *([] if IF_INET6.exists() else [NO_IPV6]))
        """One line for each thing that this kernel does not offer."""
        self.kernel = os.uname().release
        self.fds = fds
        """Descriptors by `map:NAME`, `program:NAME` and `link:PROGRAM:TARGET`."""
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
        n_spaces = cpus * NETNS_SLOTS
        self._spaces_map = mmap.mmap(
            fds["map:tct_netns"], n_spaces * NETNS_COUNTERS.itemsize, mmap.MAP_SHARED, mmap.PROT_READ
        )
        self._spaces = np.frombuffer(self._spaces_map, NETNS_COUNTERS, n_spaces).reshape(cpus, NETNS_SLOTS)
        self._settings_map = mmap.mmap(fds["map:tct_settings"], SETTINGS.itemsize, mmap.MAP_SHARED)

    def set_filters(self, request: TraceRequest) -> None:
        """Go on with the filters of another request; probes, transport and a perf buffer's wake-up stay.

        What is in flight is followed to its end. An attempt that begins at this very moment may be judged by
        a mixture of both requests.
        """
        self._settings_map[:] = request.settings()

    def read(self, timeout_s: float) -> Events:
        """Wait until much has come in or `timeout_s` is over, then take all there is; may be empty."""
        self._reader.wait(timeout_s)
        return self._reader.read()

    def counters(self) -> Counters:
        """The totals since the start."""
        # Ends first: what begins or ends meanwhile then only makes more attempts than ends.
        outcomes = self._counters["outcomes"].sum(axis=0)
        self._barrier()
        totals = {
            name: int(self._counters[name].sum())
            for name in COUNTERS.names or ()
            if name not in ("outcomes", "reserved")
        }
        return Counters(outcomes=tuple(outcomes.tolist()), **totals)

    def sent_attempts(self, netns: int) -> int | None:
        """How many attempts of a network namespace got a SYN sent, which is when the kernel counts them.

        None where two namespaces share a slot, so that they cannot be told apart.
        """
        slots = self._spaces[:, netns % NETNS_SLOTS]
        sent = int(slots["attempts"].sum()) - int(slots["unsent"].sum())
        shared = slots["others"].any() or not np.isin(slots["netns"], (0, netns)).all()
        return None if shared else sent

    def close(self) -> None:
        """Detach the probes and give everything back. Idempotent."""
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
    """Have the loader compile and attach, and map what it hands over. Blocks for some tenths of a second.

    Ends early, with the loader gone and nothing attached, on `loader.cancel()` from another thread (as
    `TracerError`) and on any exception raised in this one (Ctrl-C).

    Raises:
        TracerError: this machine cannot trace that way, or does not let us.
    """
    fds: list[int] = []
    stays = False
    try:
        loader.connection.send(json.dumps(loader_job(request)).encode())
        message, fds, _, _ = socket.recv_fds(loader.connection, MAX_MESSAGE_BYTES, _FDS_MAX)
        answer = json.loads(message) if message else {}
        if "fds" not in answer:
            raise TracerError(
                answer.get("error", "the loader ended without an answer"),
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
            f"the loader is gone ({error})", EXIT_UNSUPPORTED, loader.captured_output()
        ) from error
    except BaseException:
        close_all(fds)
        stays = False
        raise
    finally:
        if not stays:
            loader.close()


def loader_job(request: TraceRequest) -> dict[str, Any]:
    """The loader's job, as JSON will carry it.

    Raises:
        BtfError: the kernel does not tell what the program needs to know.
    """
    btf = Btf()
    best = "perf" if btf.offset("bpf_ringbuf", "mask") is None else "ring"
    return {
        "folder": str(bpf_folder()),
        "defines": compile_macros(btf),
        "probe": request.probe,
        "transport": best if request.transport == "auto" else request.transport,
        "settings": request.settings().hex(),
        "buffer_bytes": BUFFER_BYTES,
        "record_bytes": EVENT.itemsize,
        "wakeup_bytes": request.wakeup_bytes,
    }


def compile_macros(btf: Btf) -> dict[str, int]:
    """The macros that `bpf/tcpconntop.bpf.c` is compiled with.

    Raises:
        BtfError: this kernel lacks a struct member that nothing works without.
    """
    macros = {
        "CPUS": possible_cpus(),
        "RING_BYTES": BUFFER_BYTES,
        "START_MAP_SIZE": START_MAP_SIZE,
        "BEGIN_COPIES": BEGIN_COPIES,
    }
    for macro, struct, path, needed in _OFFSETS:
        offset = btf.offset(struct, path)
        if offset is not None:
            macros[macro] = offset
        elif needed:
            raise BtfError(f"this kernel's type information lacks struct {struct}.{path}")
    if (btf.count_tracepoint_args("tcp_retransmit_skb") or 0) > 2:
        macros["RETRANSMIT_HAS_ERROR"] = 1
    return macros


def possible_cpus() -> int:
    """How many CPUs this kernel may ever have, by the highest number."""
    ranges = Path("/sys/devices/system/cpu/possible").read_text().strip()
    return int(ranges.replace("-", ",").rsplit(",", 1)[-1]) + 1


def bpf_folder() -> Path:
    """Where the kernel side's source is: in the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    return next(folder for folder in (package / "bpf", package.parent / "bpf") if folder.is_dir())


def close_all(fds: Iterable[int]) -> None:
    """Close descriptors."""
    for fd in fds:
        os.close(fd)
