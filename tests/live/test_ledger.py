"""The ledger balances, to the last connect, and agrees with the kernel's own count."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import known
import way
import workload
from tracer import Tracer, assert_adds_up

from tcpconntop.core.wire import Outcome

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


def test_a_known_list_is_told_exactly(trace: Callable[..., Tracer]) -> None:
    """GIVEN connects of every kind WHEN they are over THEN each is one record, with its outcome and errno."""
    command = ["unshare", "--net", sys.executable, known.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        tracer = trace(pids=(process.pid,))
        told = json.loads(process.communicate("go\n")[0])
    asked = [row for row in known.KNOWN if row[0] in told]
    assert told == {kind: [errno] * times for kind, times, _, _, errno in asked}
    print(f"{tracer.session.probe}: {sum(row[1] for row in asked)} connects, of {', '.join(told)}")

    visible = [row for row in asked if tracer.sees_calls or row[0] != "no route"]
    events = tracer.ended(sum(row[1] for row in visible))
    expected = Counter[tuple[int, int, int]]()
    for _, times, family, outcome, errno in visible:
        expected[family, outcome, errno] += times
    assert Counter(events[["family", "outcome", "error"]].tolist()) == expected
    assert_adds_up(tracer, events[events["outcome"] == Outcome.OK])
    assert workload.nothing_left(tracer.session)
