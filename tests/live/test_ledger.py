"""The ledger balances, to the last connect, and agrees with the kernel's own count."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import way

# Where there is time for it, more of both clients together than the ring holds: it comes round.
TIMES = 1_511 if way.EMULATED else 36_007
CLIENTS = 2


def test_a_storm_is_counted_to_the_last_connect() -> None:
    """GIVEN two processes WHEN they connect as fast as they can THEN nothing is lost or counted twice."""
    script = str(Path(__file__).with_name("storm.py"))
    command = ["unshare", "--net", sys.executable, script, str(TIMES)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    print(told)

    total, refused = CLIENTS * TIMES, CLIENTS * (TIMES // 7)
    assert told["attempts"] == told["records"] == told["sent"] == told["active_opens"] == total
    assert told["outcomes"] == [total - refused, refused, 0, 0, 0, 0]
    assert told["in_flight"] == told["least_in_flight"] == 0
    assert told["ring_drops"] == told["start_failures"] == 0
    assert told["start_map_empty"]
