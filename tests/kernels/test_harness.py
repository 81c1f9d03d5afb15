"""The parts of the harness that need no virtual machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import archive
import foreign
import matrix
import report
import run

JUNIT = """<testsuites><testsuite tests="13" failures="2" errors="1" skipped="3">
<properties><property name="start_s" value="7.1"/><property name="notes" value="no IPv6"/></properties>
<testcase classname="tests.live.test_a" name="test_b"><failure message="22 == 23&#10; + more"/></testcase>
</testsuite></testsuites>"""
COMBINATIONS = matrix.combinations("6.1")
COMBINATION = COMBINATIONS[0]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results of a guest that got as far as its first probe set and transport."""
    stem = tmp_path / "-".join(COMBINATION)
    (tmp_path / "boot.json").write_text(json.dumps({"release": "6.1.0-50", "up_s": 31.2}))
    stem.with_suffix(".json").write_text(json.dumps({"tests_s": 61.0}))
    stem.with_suffix(".xml").write_text(JUNIT)
    return tmp_path


def test_counts_come_from_the_junit_report(results: Path) -> None:
    first, *others = report.collect("6.1", results, "it hung")
    assert (first.passed, first.failed, first.skipped) == (7, 3, 3)
    assert first.failures == ("tests.live.test_a::test_b: 22 == 23 + more",)
    assert first.notes == ("no IPv6",)
    assert not first.good
    assert [(other.probe, other.transport) for other in others] == list(COMBINATIONS[1:])
    assert {other.problem for other in others} == {"it hung"}


def test_a_guest_without_results_is_not_a_success(tmp_path: Path) -> None:
    runs = report.collect("6.1", tmp_path, "it hung")
    assert {run.problem for run in runs} == {"not run: it hung"}
    assert not any(run.good for run in runs)


def test_no_test_at_all_is_not_a_success() -> None:
    good = report.Run("6.1", *COMBINATION, passed=1)
    assert good.good
    assert not replace(good, passed=0, skipped=5).good


def test_the_table_has_a_line_for_each_run(results: Path) -> None:
    header, *lines = report.table(report.collect("6.1", results, "it hung")).splitlines()
    assert header.split() == [name for name in report.COLUMNS if name]
    assert lines[0].split() == [
        "6.1",
        "6.1.0-50",
        "31",
        "s",
        *COMBINATION,
        "7",
        "s",
        "7",
        "3",
        "3",
        "61",
        "s",
    ]
    assert len(lines) == len(COMBINATIONS)


def test_a_guest_that_hangs_is_killed() -> None:
    # The second program keeps the console open: its end is read once that one has ended, too.
    console, ending = run.supervise(["sh", "-c", "echo booting; sleep infinity & sleep infinity"], 0.5)
    assert (console, ending) == (b"booting\n", "it hung: killed after 0 s")
    assert not run._running


def test_an_interrupted_guest_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    communicate, guests = subprocess.Popen.communicate, []

    def interrupted(process: subprocess.Popen[bytes], **options: float) -> tuple[bytes, bytes]:
        if not guests:
            guests.append(process.pid)
            raise KeyboardInterrupt
        return communicate(process, **options)

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.supervise(["sleep", "infinity"], 60)
    with pytest.raises(ProcessLookupError):
        os.kill(guests[0], 0)


def test_settings() -> None:
    settings = run.Settings.read({"KERNELS": "6.12 5.10", "KERNEL_ARGS": "a=1 b", "KERNEL_CACHE": "/c"})
    assert [guest.name for guest in settings.guests] == ["6.12", "5.10"]
    assert settings.kernel_arguments == ("a=1", "b")
    assert settings.cache == Path("/c")
    with pytest.raises(ValueError, match=r"no 4\.9 among"):
        run.Settings.read({"KERNELS": "4.9"})


def test_the_archive_is_that_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEBIAN_ARCHIVE", raising=False)
    monkeypatch.setattr(archive, "machine_archives", lambda: {"Debian": "http://mirror.example/debian/"})
    kernels = matrix.KERNELS
    assert archive.source_line(kernels["6.1"]).endswith(" http://mirror.example/debian/ bookworm main")
    monkeypatch.delenv("DEBIAN_SECURITY", raising=False)
    with pytest.raises(archive.FetchError, match="DEBIAN_SECURITY=URL"):
        archive.source_line(kernels["5.10"])
    monkeypatch.setenv("DEBIAN_SECURITY", "http://other.example/security")
    assert " http://other.example/security bullseye-security main" in archive.source_line(kernels["5.10"])


def test_every_guest_has_a_kernel() -> None:
    assert {guest.kernel for guest in matrix.GUESTS} == set(matrix.KERNELS)


def test_a_guest_of_another_architecture_has_a_root_and_the_project(tmp_path: Path) -> None:
    root, results = tmp_path / "6.12-arm64", tmp_path / "results"
    (root / "boot").mkdir(parents=True)
    (root / "boot/vmlinuz-6.12-arm64").touch()
    results.mkdir()
    (guest,) = (guest for guest in matrix.GUESTS if guest.name == "6.12-arm64")
    image = archive.Image(root, "arm64")
    line = run.command(guest, image, results, run.Settings.read({}), [image.python, "guest.py"])
    assert {"--arch=arm64", f"--root={root}", f"--rodir={run.UNCACHED}={root}"} <= {*line}
    assert f"--rodir={run.UNCACHED}-project={run.PROJECT}" in line
    assert f"PROJECT={run.PROJECT} " in line[-1]
    assert line[-1].endswith(f" {results} /opt/tests/bin/python guest.py")


def test_without_its_emulator_a_guest_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(archive.FetchError, match="qemu-system-aarch64 is missing: install qemu-system-arm"):
        foreign.get("6.12-arm64", matrix.KERNELS["6.12-arm64"], tmp_path)


def test_a_guest_needs_what_the_project_and_its_tests_need() -> None:
    names = {re.match(r"[\w-]+", line)[0] for line in foreign.requirements()}  # type: ignore[index]
    assert {"numpy", "textual", "pytest", "pytest-asyncio"} <= names
