"""A process in a network namespace of its own that connects as often as it is told.

Run as `unshare --net python elsewhere.py`: each line of its input is a number of connects, answered when they
are made.
"""

from __future__ import annotations

import subprocess
import sys

import workload


def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with workload.listener() as server:
        print("ready", flush=True)
        for line in sys.stdin:
            workload.connect(server, int(line))
            print("made", flush=True)


if __name__ == "__main__":
    main()
