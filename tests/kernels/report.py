"""Read the results of the guests, and format them as a table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from matrix import combinations

COLUMNS = (
    "KERNEL",
    "RELEASE",
    "BOOT",
    "PROBE",
    "TRANSPORT",
    "START",
    "PASSED",
    "FAILED",
    "SKIPPED",
    "TIME",
    "",
)
MESSAGE_WIDTH = 160


@dataclass(frozen=True)
class Run:
    """The tests of one probe set and transport on one kernel. Times are None if it did not get that far."""

    guest: str
    probe: str
    transport: str
    release: str = "-"
    boot_s: float | None = None
    start_s: float | None = None
    """Time from the request until the probes were attached."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    tests_s: float | None = None
    problem: str = ""
    """Why there are no counts; empty if there are."""
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """True if tests ran and none failed."""
        return not self.problem and not self.failed and self.passed > 0


def not_run(guest: str, why: str) -> list[Run]:
    """Return the runs of a guest that was not started."""
    return [Run(guest, *way, problem=f"not run: {why}") for way in combinations(guest)]


def collect(guest: str, results: Path, ending: str) -> list[Run]:
    """Read the folder `results` of a guest; `ending` is the reason if there is nothing in it."""
    boot = load(results / "boot.json")
    if boot is None:
        return not_run(guest, ending)
    return [
        collect_one(guest, results / f"{probe}-{transport}", boot, ending)
        for probe, transport in combinations(guest)
    ]


def collect_one(guest: str, stem: Path, boot: dict[str, Any], ending: str) -> Run:
    """Read the results of one probe set and transport."""
    timing = load(stem.with_suffix(".json"))
    probe, transport = stem.name.split("-")
    fields: dict[str, Any] = {"release": boot["release"], "boot_s": boot["up_s"]}
    if timing is None:
        return Run(guest, probe, transport, **fields, problem=ending)
    fields["tests_s"] = timing["tests_s"]
    try:
        suite = next(ElementTree.parse(stem.with_suffix(".xml")).iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        log = stem.with_suffix(".log").read_text().strip().splitlines() or ["no output"]
        return Run(guest, probe, transport, **fields, problem=f"pytest: {log[-1]}")
    properties = [(item.get("name"), item.get("value") or "") for item in suite.iter("property")]
    fields["notes"] = tuple(
        line for name, text in properties if name == "notes" for line in text.splitlines()
    )
    fields |= {name: float(text) for name, text in properties if name == "start_s"}
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    skipped = int(suite.get("skipped", 0))
    passed = int(suite.get("tests", 0)) - failed - skipped
    return Run(
        guest,
        probe,
        transport,
        **fields,
        passed=passed,
        failed=failed,
        skipped=skipped,
        failures=failures(suite),
    )


def failures(suite: ElementTree.Element) -> tuple[str, ...]:
    """Return one line for each failed test."""
    lines = []
    for case in suite.iter("testcase"):
        for element in (*case.iter("failure"), *case.iter("error")):
            message = " ".join((element.get("message") or "").split())
            lines.append(f"{case.get('classname')}::{case.get('name')}: {message[:MESSAGE_WIDTH]}")
    return tuple(lines)


def load(path: Path) -> dict[str, Any] | None:
    """Return the content of a JSON file; None if it is missing or incomplete."""
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return None


def table(runs: list[Run]) -> str:
    """Return the table, one line for each run."""
    rows = [COLUMNS, *(cells(run) for run in runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def cells(run: Run) -> tuple[str, ...]:
    """Return the cells of a run, in the order of `COLUMNS`."""
    counts = ("-",) * 3 if run.problem else tuple(map(str, (run.passed, run.failed, run.skipped)))
    return (
        run.guest,
        run.release,
        seconds(run.boot_s),
        run.probe,
        run.transport,
        seconds(run.start_s),
        *counts,
        seconds(run.tests_s),
        run.problem,
    )


def seconds(value: float | None) -> str:
    """Format a time in whole seconds; `-` if there is none."""
    return "-" if value is None else f"{value:.0f} s"
