"""The report: its text for a known recording, and names from outside that would do harm in Markdown."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timezone
from pathlib import Path

import pytest
from explaining import ending_now, snapshot_by_second
from recordings import record, replayed
from records import connect

from tcpconntop.core.places import Places
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import RECORDING, Snapshot, SourceInfo
from tcpconntop.core.wire import Outcome
from tcpconntop.outputs.report.markdown import fenced, table, text
from tcpconntop.outputs.report.report import report_text

GOLDEN = Path(__file__).with_name("report.md")
INFO = SourceInfo("db-07", "6.12.0", "fentry", "ring", RECORDING)


def report_of(snapshot: Snapshot, spec: ViewSpec | None = None, top: int = 3) -> str:
    return report_text(make_view(snapshot, spec or ViewSpec()), top, timezone.utc) + "\n"


def test_the_report_of_a_known_recording(tmp_path: Path) -> None:
    """GIVEN a recording WHEN it is reported THEN the text is that of `report.md`."""
    record(tmp_path / "r")
    shown = replayed(tmp_path / "r", window_s=None)[-1]
    ledger = replace(shown.ledger, completeness=0.995, namespaces=3, namespaces_compared=2)
    info = replace(INFO, notes=("2 files are missing",), filters="-P 443")
    got = report_of(replace(shown, info=info, ledger=ledger))
    assert got == GOLDEN.read_text("utf-8"), got


def test_without_a_connect_it_says_so() -> None:
    got = report_of(replace(snapshot_by_second(), info=INFO, ledger=Ledger()))
    assert "No connect ended in this time." in got
    assert "## Pictures" not in got


def test_what_is_ignored_is_not_reported_and_said() -> None:
    shown = snapshot_by_second(*ending_now(connect(times=9, outcome=Outcome.REFUSED, error=111)))
    assert "### ● 10.0.0.1:443 refuses" in report_of(shown)
    got = report_of(shown, ViewSpec(ignore=("refused",)))
    assert "refuses every connect" not in got
    assert "ignored: refused" in got


HOSTILE = (
    "[x](javascript:1)",
    "<img src=x>",
    "a|b`c`|d",
    "`",
    "```\n# no\n```",
    "a\\|b",
    "@someone",
    "www.evil.com",
    "http://evil.com",
    "&lt;b&gt;",
    "*b* _i_ ~s~ $m$",
    "\x1b[31mred\u202e",
    "![x](y)",
    "<!-- -->",
)
STRUCTURE = re.compile(r"[\\`*\[\]<>|~$!{}]|://|www\.")


@pytest.mark.parametrize("name", HOSTILE)
def test_text_from_outside_has_no_structure_and_reads_as_it_was(name: str) -> None:
    escaped = text(name)
    assert not STRUCTURE.search(escaped.replace("&#64;<!-- -->", ""))
    assert "\n" not in escaped
    if name.isprintable():
        assert html.unescape(escaped.replace("&#64;<!-- -->", "@")) == name


@pytest.mark.parametrize("name", ["curl", "my_app", "10.0.0.1:443", "fe80::1%eth0", "a-b.service", "日本語"])
def test_usual_names_are_left_as_they_are(name: str) -> None:
    assert text(name) == name


@pytest.mark.parametrize("name", HOSTILE)
def test_a_report_with_a_hostile_name_has_the_structure_of_any_other(name: str) -> None:
    """GIVEN the name of a process, a host, a namespace THEN headings, cells and fences are the same."""

    def skeleton(name: str) -> list[str]:
        parts = [
            connect(times=9, comm=name[:15], outcome=Outcome.REFUSED, error=111),
            connect(
                daddr="127.0.0.1", times=9, comm=name[:15], netns=60, outcome=Outcome.UNREACHABLE, error=113
            ),
        ]
        info = replace(INFO, host=name, filters=name, notes=(name,))
        shown = replace(snapshot_by_second(*ending_now(*parts)), info=info, places=Places({}, {60: name}))
        for group_by in ("dest", "process"):
            lines = report_of(shown, ViewSpec(group_by)).splitlines()
            assert all("<" not in line.replace("<!-- -->", "") for line in lines)
        fences = [line.startswith("```") for line in lines]
        return [
            f"{'fence' if fence else line[:2] if line[:1] in '#|-' else ''} {line.count('|')}"
            for line, fence in zip(lines, fences, strict=True)
            if not line.startswith(("nsenter", "ip netns"))
        ]

    assert skeleton(name) == skeleton("curl")


def test_a_fence_is_longer_than_any_in_it() -> None:
    assert fenced("a ```` b").startswith("`````\n")
    assert fenced("ss -ltn") == "```\nss -ltn\n```"


def test_cells_have_no_pipe_of_their_own() -> None:
    lines = table(["a", "b"], [["x|y", "1"]], [False, True]).splitlines()
    assert lines == ["| a | b |", "|---|---:|", "| x&#124;y | 1 |"]
