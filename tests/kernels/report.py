"""From what a guest left behind to the table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from matrix import COMBINATIONS

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
    """One way of tracing on one kernel. Times in seconds, None where it did not come so far."""

    guest: str
    probe: str
    transport: str
    release: str = "-"
    boot_s: float | None = None
    start_s: float | None = None
    """From the request to attached probes."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    tests_s: float | None = None
    problem: str = ""
    """Why there are no counts; empty where there are."""
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether tests ran and none failed."""
        return not self.problem and not self.failed and self.passed > 0


def not_run(guest: str, why: str) -> list[Run]:
    """A guest that was never started."""
    return [Run(guest, probe, transport, problem=f"not run: {why}") for probe, transport in COMBINATIONS]


def collect(guest: str, results: Path, ending: str) -> list[Run]:
    """What a guest left in the folder `results`; `ending` is why where there is nothing."""
    boot = load(results / "boot.json")
    if boot is None:
        return not_run(guest, ending)
    return [one(guest, results / f"{probe}-{transport}", boot, ending) for probe, transport in COMBINATIONS]


def one(guest: str, stem: Path, boot: dict[str, Any], ending: str) -> Run:
    """The same of one combination."""
    seen = load(stem.with_suffix(".json"))
    probe, transport = stem.name.split("-")
    known: dict[str, Any] = {"release": boot["release"], "boot_s": boot["up_s"]}
    if seen is None:
        return Run(guest, probe, transport, **known, problem=ending)
    known["tests_s"] = seen["tests_s"]
    try:
        suite = next(ElementTree.parse(stem.with_suffix(".xml")).iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        log = stem.with_suffix(".log").read_text().strip().splitlines() or ["no output"]
        return Run(guest, probe, transport, **known, problem=f"pytest: {log[-1]}")
    told = [(item.get("name"), item.get("value") or "") for item in suite.iter("property")]
    known["notes"] = tuple(line for name, text in told if name == "notes" for line in text.splitlines())
    known |= {name: float(text) for name, text in told if name == "start_s"}
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    skipped = int(suite.get("skipped", 0))
    passed = int(suite.get("tests", 0)) - failed - skipped
    return Run(
        guest,
        probe,
        transport,
        **known,
        passed=passed,
        failed=failed,
        skipped=skipped,
        failures=failures(suite),
    )


def failures(suite: ElementTree.Element) -> tuple[str, ...]:
    """One line for each test that failed."""
    lines = []
    for case in suite.iter("testcase"):
        for found in (*case.iter("failure"), *case.iter("error")):
            message = " ".join((found.get("message") or "").split())
            lines.append(f"{case.get('classname')}::{case.get('name')}: {message[:MESSAGE_WIDTH]}")
    return tuple(lines)


def load(path: Path) -> dict[str, Any] | None:
    """A JSON file; None where it is missing or was never finished."""
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return None


def table(runs: list[Run]) -> str:
    """One line for each run."""
    rows = [COLUMNS, *(cells(run) for run in runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def cells(run: Run) -> tuple[str, ...]:
    """A run's line, in the order of `COLUMNS`."""
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
    """To be read, not to be calculated with."""
    return "-" if value is None else f"{value:.0f} s"
