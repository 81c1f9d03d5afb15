"""A process that connects on request in a separate network namespace.

Run as `unshare --net python elsewhere.py`. Each line of its input is a number of connects; it prints `made`
when they are done.
"""

from __future__ import annotations

import sys

import network
import workload


def main() -> None:
    network.bring_loopback_up()
    with workload.listener() as server:
        print("ready", flush=True)
        for line in sys.stdin:
            workload.connect(server, int(line))
            print("made", flush=True)


if __name__ == "__main__":
    main()
