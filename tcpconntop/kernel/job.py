"""The job of the loader process, which the user interface sends before it imports numpy or Textual."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tcpconntop.core.limits import EVENT_BYTES
from tcpconntop.kernel.launch import Loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.start_map import memory_bytes, start_map

BUFFER_BYTES = 4 << 20
"""Size of the ring buffer, or of all perf buffers together: a second of 20,000 connects a second."""


def send_job(loader: Loader, request: TraceRequest) -> None:
    """Ask the loader to load and attach. It answers to `session.receive_session`.

    Raises:
        OSError: it has ended.
    """
    loader.connection.send(json.dumps(loader_job(request)).encode())


def loader_job(request: TraceRequest) -> dict[str, Any]:
    """Return the loader's job as a JSON-serialisable dict; `program_numbers.complete_job` adds to it."""
    entries, flags = start_map(os.uname().release, memory_bytes(), request.max_in_flight)
    return {
        "folder": str(bpf_folder()),
        "sizes": map_sizes(entries),
        "map_flags": {"tct_start": flags},
        "loader": request.loader,
        "probe": request.probe,
        "transport": request.transport,
        "settings": request.settings().hex(),
        "buffer_bytes": BUFFER_BYTES,
        "record_bytes": EVENT_BYTES,
        "wakeup_bytes": request.wakeup_bytes,
    }


def map_sizes(max_in_flight: int) -> dict[str, int]:
    """Return the sizes of maps in `bpf/tcpconntop.bpf.c`, by macro."""
    return {"CPUS": possible_cpus(), "RING_BYTES": BUFFER_BYTES, "START_MAP_SIZE": max_in_flight}


def possible_cpus() -> int:
    """Return how many CPUs this kernel can ever have: the highest CPU number plus 1.

    Without /sys, how many are configured.
    """
    try:
        ranges = Path("/sys/devices/system/cpu/possible").read_text().strip()
    except OSError:
        return os.sysconf("SC_NPROCESSORS_CONF")
    return int(ranges.replace("-", ",").rsplit(",", 1)[-1]) + 1


def bpf_folder() -> Path:
    """Return the folder of the BPF source: in the installed package, or next to it in a checkout."""
    package = Path(__file__).parents[1]
    return next(folder for folder in (package / "bpf", package.parent / "bpf") if folder.is_dir())
