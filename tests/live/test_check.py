"""check end to end: assertions over live connects, and over the recording of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import way
import workload
from command import UNPRIVILEGED, Known, ended, run, tcpconntop

pytestmark = pytest.mark.compiles

FOR = "60s" if way.EMULATED else "3s"
"""Long enough for the known connects."""
ASSERT = ("--assert", "count>=23", "--assert", "p99<30s", "--assert", "fail=0")


def test_check_passes_live_and_from_the_recording(known: Known, tmp_path: Path) -> None:
    """GIVEN a recorded check WHEN repeated on the recording THEN the output and exit code 0 are the same."""
    file, port = str(tmp_path / "r"), str(workload.port_of(known.v4))
    with tcpconntop("check", "--for", FOR, *ASSERT, "-P", port, "--record", file) as check:
        workload.connect(known.v4, 23)
        out = ended(check)
    assert check.process.returncode == 0
    lines = out.splitlines()
    assert lines[0] == "ok count>=23: 23 (n=23)"
    assert lines[1].startswith("ok p99<30s: ")
    assert lines[2] == "ok fail=0: 0% (n=23)"
    again = run("check", "--replay", file, *ASSERT, prefix=UNPRIVILEGED)
    assert (again.returncode, again.stdout) == (0, out)


def test_check_fails_if_an_assertion_does_not_hold(known: Known, tmp_path: Path) -> None:
    file = str(tmp_path / "r")
    asserted = ("--assert", "count>=38", "--assert", "fail<0.1%", "--json")
    with tcpconntop("check", "--for", FOR, *asserted, "-P", known.ports, "--record", file) as check:
        known.run()
        out = ended(check)
    assert check.process.returncode == 1
    document = json.loads(out)
    holds = {entry["expr"]: entry["holds"] for entry in document["assertions"]}
    assert holds == {"count>=38": True, "fail<0.1%": False}
    assert document["attempts"] == Known.count
    again = run("check", "--replay", file, *asserted)
    assert again.returncode == 1
    assert json.loads(again.stdout)["assertions"] == document["assertions"]
    some = run("check", "--replay", file, "--assert", "count=5", "-P", str(known.closed))
    assert (some.returncode, some.stdout) == (0, "ok count=5: 5 (n=5)\n")


def test_check_without_data_fails(known: Known) -> None:
    with tcpconntop("check", "--for", "0.5s", "--assert", "p99<30s", "-P", str(known.closed)) as check:
        out = ended(check)
    assert check.process.returncode == 1
    assert out == "failed p99<30s: no connect ended (n=0)\n"


def test_check_without_privileges_ends_with_3() -> None:
    done = run("check", "--for", "1s", "--assert", "p99<1s", prefix=UNPRIVILEGED)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (3, "", 1)


def test_check_that_is_interrupted_has_no_verdict(known: Known) -> None:
    with tcpconntop("check", "--for", "1h", "--assert", "count>=0") as check:
        out, _ = check.interrupt()
    assert out == []
