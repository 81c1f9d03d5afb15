"""Make the recording that `demo` plays without privileges: `make_demo_recording.py FILE [SECONDS]`, as root.

The demo's workload runs in a separate network namespace, and only its connects are recorded. Names that
identify this machine (host, units) are replaced; the measured values are not changed.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
WARM_UP_S = 3.0


def workload() -> tuple[subprocess.Popen[bytes], int]:
    """Start the workload in a new network namespace; return its process and the namespace's inode.

    This process moves into the namespace as well.
    """
    if ctypes.CDLL(None).unshare(CLONE_NEWNET):
        raise SystemExit("unshare: this needs root")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))
    process = subprocess.Popen(
        [sys.executable, "-m", "tcpconntop.demo.workload"], stdin=subprocess.PIPE, start_new_session=True
    )
    return process, Path("/proc/thread-self/ns/net").stat().st_ino


def main(path: Path, seconds: float) -> None:
    """Record the workload for some seconds into the file `path`."""
    import numpy as np

    from tcpconntop.core.window.ledger import Ledger
    from tcpconntop.core.window.snapshot import SourceInfo
    from tcpconntop.core.wire import N_OUTCOMES, Events
    from tcpconntop.kernel.launch import spawn_loader
    from tcpconntop.kernel.request import TraceRequest
    from tcpconntop.recording.files import RotatingFile
    from tcpconntop.recording.writer import RecordingWriter
    from tcpconntop.sources.live import Live

    class AnonymousLive(Live):
        """Live source: only the workload's connects; host and unit names are replaced."""

        def __init__(self) -> None:
            super().__init__(spawn_loader(), TraceRequest())
            release = ".".join(os.uname().release.split(".")[:2])
            self.info = SourceInfo("demo", release, self.info.probe, self.info.transport, "live")
            self.ids: dict[bytes, int] = {}
            self.outcomes, self.syn_retransmits = np.zeros(N_OUTCOMES, np.int64), 0

        def read(self, timeout_s: float) -> Events:
            events = super().read(timeout_s)
            events = events[events["netns"] == netns]
            events["cgroup_id"] = [self.ids.setdefault(comm, len(self.ids) + 1) for comm in events["comm"]]
            self.outcomes += np.bincount(events["outcome"], minlength=N_OUTCOMES)
            self.syn_retransmits += int(events["syn_retransmits"].sum())
            return events

        def ledger(self) -> Ledger:
            return Ledger(int(self.outcomes.sum()), tuple(self.outcomes.tolist()), self.syn_retransmits)

        def units(self) -> dict[int, str | None]:
            return {number: f"{comm.decode()}.service" for comm, number in self.ids.items()}

    process, netns = workload()
    source = AnonymousLive()
    time.sleep(WARM_UP_S)
    source.read(0)
    source.outcomes[:] = 0
    # The clock stands still, so that everything goes into one block: smaller than many blocks.
    recorder = RecordingWriter(source, RotatingFile(path), clock_s=lambda: 0.0)
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        recorder.read(0.1)
    recorder.close()
    process.communicate()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 30.0)
