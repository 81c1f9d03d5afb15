"""report end to end: over live connects, and over the recording of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import way
from command import UNPRIVILEGED, Known, ended, run, tcpconntop

pytestmark = pytest.mark.compiles

FOR = "60s" if way.EMULATED else "3s"
"""Long enough for the known connects."""


def test_the_report_has_what_happened_live_and_from_the_recording(known: Known, tmp_path: Path) -> None:
    """GIVEN 23 + 7 connects, 5 refused and 3 cancelled THEN the report has them, live and replayed."""
    file = str(tmp_path / "r")
    with tcpconntop("report", "--for", FOR, "-P", known.ports, "--record", file) as report:
        known.run()
        out = ended(report)
    assert report.process.returncode == 0
    assert out.startswith("# TCP connects of ")
    assert "= ok 30, refused 5, cancelled 3, in flight 0" in out
    assert f"127.0.0.1:{known.closed} refuses every connect" in out
    assert f"Next step, here:\n\n```\nss -ltn sport = :{known.closed}\n```" in out
    assert "| refused ECONNREFUSED | 5 |" in out
    again = run("report", "--replay", file, prefix=UNPRIVILEGED)
    assert again.returncode == 0
    for section in ("## Destinations", "## Pictures"):
        assert section in out
        assert section in again.stdout
    assert "= ok 30, refused 5, cancelled 3, in flight 0" in again.stdout


def test_a_report_without_a_time_or_privileges_says_so() -> None:
    done = run("report")
    assert (done.returncode, done.stdout) == (2, "")
    assert "report needs --for" in done.stderr
    done = run("report", "--for", "1s", prefix=UNPRIVILEGED)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (3, "", 1)
