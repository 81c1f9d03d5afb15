"""diff and check --baseline end to end, over recordings of live connects."""

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


def test_recordings_are_compared_and_a_new_destination_is_found(known: Known, tmp_path: Path) -> None:
    """GIVEN 38 connects, and the same 60 more to a port THEN diff names that port."""
    before, after = str(tmp_path / "before"), str(tmp_path / "after")
    with tcpconntop("record", before, "--for", FOR, "-P", known.ports) as record:
        known.run()
        ended(record)
    with (
        workload.listener() as more,
        tcpconntop("record", after, "--for", FOR, "-P", f"{known.ports},{workload.port_of(more)}") as record,
    ):
        known.run()
        workload.connect(more, 60)
        port = workload.port_of(more)
        ended(record)
    same = run("diff", before, before, prefix=UNPRIVILEGED)
    assert same.returncode == 0
    assert same.stdout.splitlines()[2].startswith("0 of 4 rows by dest differ by more than noise")
    done = run("diff", before, after, "--json", prefix=UNPRIVILEGED)
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document["before"]["connects"] == Known.count
    new = [one for one in document["differences"] if one["verdict"] == "new"]
    assert [(one["name"], one["after"]["count"]) for one in new] == [(f"127.0.0.1:{port}", 60)]
    fails = ("--baseline", before, "--assert", "fail<3x")
    check = run("check", "--replay", before, *fails, "-P", str(known.closed), prefix=UNPRIVILEGED)
    assert check.stdout.startswith("unknown fail<3x: 100% is 1.00x of 100%")  # five connects prove nothing
    assert check.returncode == 1


def test_what_cannot_be_compared_is_one_line(tmp_path: Path) -> None:
    missing = str(tmp_path / "no")
    for words, code in (
        (("diff", missing, missing), 1),
        (("diff", missing), 2),
        (("check", "--for", "1s", "--assert", "p99<2x"), 2),
        (("check", "--for", "1s", "--assert", "p99<2s", "--baseline", __file__), 2),
    ):
        done = run(*words, prefix=UNPRIVILEGED)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (code, "", 1), done
