"""The ledger balances, and agrees with the kernel's own count."""

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

CLIENTS = 2


def test_every_connect_of_a_storm_is_counted() -> None:
    """GIVEN two processes WHEN they connect as fast as they can THEN nothing is lost or counted twice."""
    # If time allows, more connects of both clients than the ring buffer holds, so that it wraps around.
    times = 1_511 if way.EMULATED or way.TRANSPORT == "perf" else 18_013
    script = str(Path(__file__).with_name("storm.py"))
    command = ["unshare", "--net", sys.executable, script, str(times)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    results = json.loads(done.stdout)
    print(results)

    total, refused = CLIENTS * times, CLIENTS * (times // 7)
    assert results["attempts"] == results["records"] == results["sent"] == results["active_opens"] == total
    assert results["outcomes"] == [total - refused, refused, 0, 0, 0, 0]
    assert results["in_flight"] == results["least_in_flight"] == 0
    assert results["ring_drops"] == results["start_failures"] == 0
    assert results["start_map_empty"]


def test_a_known_list_is_reported_exactly(trace: Callable[..., Tracer]) -> None:
    """GIVEN connects of every kind WHEN they have ended THEN each is one record with outcome and errno."""
    command = ["unshare", "--net", sys.executable, known.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        tracer = trace(pids=(process.pid,))
        errnos = json.loads(process.communicate("go\n")[0])
    expected_rows = [row for row in known.KNOWN if row[0] in errnos]
    assert errnos == {kind: [errno] * times for kind, times, _, _, errno in expected_rows}
    print(f"{tracer.session.probe}: {sum(row[1] for row in expected_rows)} connects, of {', '.join(errnos)}")

    visible = [row for row in expected_rows if tracer.sees_calls or row[0] != "no route"]
    events = tracer.ended(sum(row[1] for row in visible))
    expected = Counter[tuple[int, int, int]]()
    for _, times, family, outcome, errno in visible:
        expected[family, outcome, errno] += times
    assert Counter(events[["family", "outcome", "error"]].tolist()) == expected
    assert_adds_up(tracer, events[events["outcome"] == Outcome.OK])
    assert workload.nothing_left(tracer.session)
