"""The headless commands end to end: started as a user starts them, with known connects."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path

import pytest
import way
import workload
from command import Known, run, tcpconntop

pytestmark = pytest.mark.compiles

DEADLINE_S = way.DEADLINE_S
like_others = partial(pytest.param, marks=pytest.mark.long)


def active_opens() -> int:
    """Return the kernel's own count of connects."""
    lines = Path("/proc/net/snmp").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(dict(zip(names, values, strict=True))["ActiveOpens"])


def test_batch_and_log_report_exactly_what_happened(known: Known) -> None:
    """GIVEN both commands WHEN known connects are made THEN both report them, as does the kernel's count."""
    with (
        tcpconntop("-b", "-d", "0.5", "--json", "-w", "all", "-P", known.ports) as batch,
        tcpconntop("log", "--json", "-P", known.ports) as log,
    ):
        before = active_opens()
        known.run()
        assert active_opens() - before == Known.count
        documents = [json.loads(line) for line in batch.interrupt()[0]]
        connects = [json.loads(line) for line in log.interrupt()[0]]

    last = documents[-1]
    assert last["outcomes"] == {
        "ok": 30, "refused": 5, "timeout": 0, "unreachable": 0, "cancelled": 3, "error": 0
    }  # fmt: skip
    assert (last["attempts"], last["in_flight"], last["lost"]) == (Known.count, 0, 0)
    rows = {(row["daddr"], row["dport"]): row for row in last["rows"]}
    counts = {key: (row["count"], row["ok"]) for key, row in rows.items()}
    assert counts == {
        ("127.0.0.1", workload.port_of(known.v4)): (23, 23),
        ("::1", workload.port_of(known.v6)): (7, 7),
        ("127.0.0.1", known.closed): (5, 0),
        ("127.0.0.1", workload.port_of(known.silent)): (3, 0),
    }
    assert len(connects) == Known.count
    assert {line["pid"] for line in connects} == {os.getpid()}
    results = [(line["result"], line["errno"]) for line in connects]
    assert results == [("ok", None)] * 30 + [("refused", "ECONNREFUSED")] * 5 + [("cancelled", None)] * 3


def test_every_document_balances(known: Known) -> None:
    """GIVEN a connect in flight WHEN documents are printed THEN attempts = outcomes + in flight in each."""
    with tcpconntop("-b", "-n", "3", "-d", "0.3", "--json", "-P", known.ports) as batch:
        waiting = workload.start_connect(known.silent.getsockname())
        known.run()
        out, err = batch.process.communicate(timeout=DEADLINE_S)
        waiting.close()

    documents = [json.loads(line) for line in out.splitlines()]
    assert batch.process.returncode == 0, err
    assert len(documents) == 3
    for document in documents:
        assert document["attempts"] == sum(document["outcomes"].values()) + document["in_flight"]
        assert document["attempts"] - document["in_flight"] == sum(row["count"] for row in document["rows"])
    assert documents[-1]["in_flight"] == 1


def test_log_begins_with_the_columns_of_tcpconnlat(known: Known) -> None:
    """GIVEN a script for tcpconnlat WHEN it splits our lines THEN it finds the same fields."""
    with tcpconntop("log", "-P", str(workload.port_of(known.v4))) as log:
        lports = workload.connect(known.v4, 11)
        header, *lines = log.interrupt()[0]
    with tcpconntop("log", "-t", "-L", "-P", str(workload.port_of(known.v4))) as log:
        lports = workload.connect(known.v4, 11)
        long_header, *long_lines = log.interrupt()[0]

    assert header.split()[:7] == ["PID", "COMM", "IP", "SADDR", "DADDR", "DPORT", "LAT(ms)"]
    expected = [str(os.getpid()), "4", "127.0.0.1", "127.0.0.1", str(workload.port_of(known.v4))]
    assert [[f[0], *f[2:6]] for f in map(str.split, lines)] == [expected] * 11
    assert all(0 < float(line.split()[6]) < 1000 for line in lines)
    assert long_header.split()[:6] == ["TIME(s)", "PID", "COMM", "IP", "SADDR", "LPORT"]
    assert [int(line.split()[5]) for line in long_lines] == lports


def test_log_applies_filters_that_the_kernel_cannot(known: Known) -> None:
    """GIVEN a filter expression WHEN connects match or not THEN only those that match are printed."""
    with tcpconntop("log", "--dest", "::/0", "-P", known.ports) as log:
        known.run()
        lines = log.interrupt()[0]
    assert len(lines) == 1 + 7


def test_the_table_has_a_line_for_each_destination(known: Known) -> None:
    with tcpconntop("-b", "-n", "1", "-d", "2", "-o", "count", "-P", known.ports) as batch:
        known.run()
        out, _ = batch.process.communicate(timeout=DEADLINE_S)
    summary, window, header, *rows = out.rstrip().splitlines()
    assert window.startswith(f"last 1m00s, -P {known.ports}: ")
    assert "attempts 38  ok 30  refused 5  cancelled 3  in flight 0" in summary
    assert header.split()[:4] == ["DESTINATION", "PORT", "PROCESS", "TROUBLE"]
    assert [row.split()[0] for row in rows] == ["127.0.0.1", "::1", "127.0.0.1", "127.0.0.1"]


def test_a_closed_pipe_ends_log_silently(known: Known) -> None:
    """GIVEN `log | head -1` WHEN head has its line THEN log ends by SIGPIPE and prints nothing."""
    with tcpconntop("log", "-P", known.ports) as log:
        assert log.process.stdout is not None
        log.process.stdout.readline()
        log.process.stdout.close()
        known.run()
        assert log.process.wait(DEADLINE_S) == -signal.SIGPIPE
        assert log.process.stderr is not None
        assert log.process.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--no-such-option"], "--no-such-option"),
        (["-b", "-o", "p98"], "p98"),
        like_others(["-b", "-o", "p99:up"], "up"),
        like_others(["-b", "-g", "hosts"], "hosts"),
        (["-b", "-w", "7m"], "7m"),
        like_others(["-b", "-n", "0"], "-n"),
        like_others(["-b", "-d", "0"], "-d"),
        like_others(["-b", "-P", "70000"], "70000"),
        like_others(["-b", "--max-keys", "99"], "99"),
        like_others(["-b", "--max-keys", "1000001"], "1000000"),
        like_others(["-b", "-P", ",".join(map(str, range(1, 18)))], "16"),
        like_others(["-b", "-p", "me"], "me"),
        (["-b", "--filter", "p99>fast"], "p99>fast"),
        like_others(["-b", "--dest", "10.0.0.0/99"], "10.0.0.0/99"),
        like_others(["log", "--filter", "p99>5ms"], "p99"),
        like_others(["lgo"], "lgo"),
        like_others(["--json"], "-b"),
        like_others(["-b", "-1"], "-1"),
    ],
    ids=" ".join,
)
def test_a_usage_error_is_one_line_and_exit_code_2(arguments: list[str], names: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert names in done.stderr


@pytest.mark.parametrize(
    ("prefix", "says"),
    [
        (("--bounding-set=-all",), "CAP_BPF and CAP_PERFMON, which root lacks here"),
        (
            ("--bounding-set=-all,+bpf",),
            "CAP_PERFMON, which root lacks here: start the container with --cap-add P",
        ),
        (
            ("--bounding-set=-all,+perfmon",),
            "CAP_BPF, which root lacks here: start the container with --cap-add B",
        ),
        (("--reuid=65534", "--bounding-set=-all,+bpf"), "root or CAP_BPF+CAP_PERFMON: run with sudo\n"),
    ],
    ids=["root with none", "root with one", "root with the other", "somebody"],
)
def test_without_privileges_one_line_says_what_to_do(prefix: tuple[str, ...], says: str) -> None:
    done = run(
        "-b", "-n", "1", prefix=("env", "-u", "XDG_CONFIG_HOME", "setpriv", "--inh-caps=-all", *prefix)
    )
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (3, "", 1)
    assert done.stderr.startswith(f"tcpconntop: tracing needs {says}")


def test_without_a_terminal_there_is_no_dashboard() -> None:
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "terminal" in done.stderr
