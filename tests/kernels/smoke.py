"""Does tracing work at all here? Traces 23 connects and prints how it went, as one line of JSON.

Run as `python smoke.py PROBE TRANSPORT`, with privileges. Exit code 0 when all 23 were seen, else 1; the line
then has an `error`.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

from tcpconntop.kernel.launch import TracerError, spawn_loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session

CONNECTS = 23
DEADLINE_S = 10.0


def trace(probe: str, transport: str) -> dict[str, object]:
    """Trace `CONNECTS` connects of this process.

    Raises:
        TracerError: tracing did not start.
    """
    begin_s = time.monotonic()
    request = TraceRequest(probe=probe, transport=transport, pids=(os.getpid(),))
    with open_session(spawn_loader(), request) as session:
        start_s = time.monotonic() - begin_s
        connect(CONNECTS)
        seen, deadline_s = 0, time.monotonic() + DEADLINE_S
        while seen < CONNECTS and time.monotonic() < deadline_s:
            seen += len(session.read(0.1))
        report: dict[str, object] = {
            "tracing": f"{session.probe}/{session.transport}",
            "start_s": round(start_s, 1),
            "notes": session.notes,
        }
    if seen != CONNECTS:
        report["error"] = f"{seen} of {CONNECTS} connects seen"
    return report


def connect(times: int) -> None:
    """Connect to a listener of our own."""
    with socket.create_server(("127.0.0.1", 0), backlog=times) as server:
        for _ in range(times):
            socket.create_connection(server.getsockname()).close()


def main(probe: str, transport: str) -> int:
    try:
        report = trace(probe, transport)
    except TracerError as error:
        report = {"error": str(error), "detail": error.detail}
    print(json.dumps(report))
    return int("error" in report)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
