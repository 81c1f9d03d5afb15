"""What `doctor` concludes from the loader's results, and how it is displayed."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace

import pytest

from tcpconntop.commands.doctor import shows_colours
from tcpconntop.doctor.checks import MISSING, OK, REFUSED, UNKNOWN, Check, DoctorReport
from tcpconntop.doctor.examine import LoaderTrial, auto_choice
from tcpconntop.doctor.remedies import DISTRIBUTIONS, Distribution, remedy
from tcpconntop.doctor.report import report_document, report_text
from tcpconntop.kernel.privileges import Caller

ROOT = Caller(("CAP_SYS_ADMIN",), is_root=True)
TRIED = {"ok": True}


def refused(code):
    return {"ok": False, "exit": code}


def results(**changed):
    probe_sets = dict.fromkeys(("fentry", "kprobe", "tracepoint"), TRIED)
    transports = dict.fromkeys(("ring", "perf"), TRIED)
    return {
        "probe_sets": {name: changed.get(name, result) for name, result in probe_sets.items()},
        "transports": {name: changed.get(name, result) for name, result in transports.items()},
    }


@pytest.mark.parametrize(
    ("capabilities", "may"),
    [
        ((), False),
        (("CAP_BPF",), False),
        (("CAP_PERFMON",), False),
        (("CAP_PERFMON", "CAP_BPF"), True),
        (("CAP_SYS_ADMIN",), True),
    ],
)
def test_given_capabilities_then_they_suffice_or_not(capabilities, may):
    assert Caller(capabilities, is_root=False).may_trace == may


@pytest.mark.parametrize(
    ("caller", "transport", "results", "expected"),
    [
        (ROOT, "ring", results(), ("fentry", "ring", 0)),
        (ROOT, "perf", results(fentry=refused(4)), ("kprobe", "perf", 0)),
        (ROOT, "ring", results(fentry=refused(4), kprobe=refused(4)), ("tracepoint", "ring", 0)),
        (ROOT, "ring", results(perf=refused(4)), ("fentry", "ring", 0)),
        (ROOT, "ring", results(ring=refused(3)), (None, None, 3)),
        (ROOT, "ring", results(ring=refused(4)), (None, None, 4)),
        (
            ROOT,
            "ring",
            results(fentry=refused(4), kprobe=refused(4), tracepoint=refused(3)),
            (None, None, 3),
        ),
        (ROOT, "ring", {}, (None, None, 4)),
        (ROOT, "", results(), (None, None, 4)),
        (Caller((), is_root=False), "ring", results(), (None, None, 3)),
        (Caller((), is_root=False), "ring", {}, (None, None, 3)),
    ],
)
def test_given_results_then_auto_selects_the_best_that_works(caller, transport, results, expected):
    trial = LoaderTrial(caller, {"transport": transport} if transport else {}, "", results)
    assert auto_choice(trial) == expected


BCC = Check("bcc", "BCC", MISSING, "no \x1b[31mBCC", needed=True, problem="bcc")
CHECKS = (
    Check("kernel", "kernel", OK, "6.12", needed=True, problem="kernel"),
    BCC,
    Check("fentry", "fentry", REFUSED, "Operation not permitted"),
    Check("ring", "ring buffer", UNKNOWN, "not tried", needed=True),
)


def doctor_report(family="debian", *, probe=None, as_root=True):
    distribution = Distribution("Some \x1b[1mLinux", family)
    transport, code = ("ring", 0) if probe else (None, 4)
    return DoctorReport("db-07", "6.12", "x86_64", distribution, CHECKS, probe, transport, code, as_root)


def test_given_a_known_distribution_then_its_command_is_below_what_is_missing():
    lines = report_text(doctor_report()).splitlines()
    found = next(i for i, line in enumerate(lines) if line.startswith("missing  BCC"))
    assert lines[found + 1].split() == ["fix:", "apt", "install", "python3-bpfcc"]
    assert sum("fix:" in line for line in lines) == 1


def test_given_an_unknown_distribution_then_the_commands_of_all_are_there():
    text = report_text(doctor_report(None, as_root=False))
    for family in DISTRIBUTIONS:
        assert f"fix on {family}: {remedy('bcc', family, as_root=False)}\n" in text


def test_given_text_from_outside_then_no_escape_sequence_gets_through():
    assert "\x1b" not in report_text(doctor_report())


def test_the_last_line_names_what_is_missing_and_needed():
    assert report_text(doctor_report()).endswith("\nThis machine cannot trace; see: BCC (exit code 4).\n")
    assert report_text(doctor_report(probe="kprobe")).endswith("\nTracing works: auto selects kprobe/ring.\n")
    assert "fentry       Operation not permitted (not needed)\n" in report_text(doctor_report())


def test_given_a_report_then_the_document_has_every_check_and_all_commands():
    document = report_document(doctor_report(probe="kprobe"))
    assert (document["probe"], document["transport"], document["exit_code"]) == ("kprobe", "ring", 0)
    assert [check["name"] for check in document["checks"]] == [check.name for check in CHECKS]
    assert [check["status"] for check in document["checks"]] == [OK, MISSING, REFUSED, UNKNOWN]
    assert document["checks"][1]["mend"]["alpine"] == "apk add py3-bcc"
    assert document["checks"][2]["mend"] is None


def test_given_a_terminal_then_each_status_has_its_colour_and_its_word():
    """GIVEN checks of each kind WHEN shown on a terminal THEN only the colours differ from the plain text."""
    plain, coloured = report_text(doctor_report()), report_text(doctor_report(), colours=True)
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == plain
    colours = dict(re.findall("\x1b\\[([0-9;]+)m(ok|missing|refused|unknown) ", coloured))
    statuses = {(check.status, check.needed) for check in doctor_report().checks}
    assert (MISSING, True) in statuses
    assert colours["32"] == OK
    assert colours["1;31"] == MISSING
    assert "\x1b[33mrefused" in coloured
    assert "\x1b[1;31mThis machine cannot trace" in coloured


@pytest.mark.parametrize(
    ("environment", "is_terminal", "expected"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_given_a_pipe_or_no_color_then_there_are_no_colours(monkeypatch, environment, is_terminal, expected):
    """GIVEN a pipe, NO_COLOR or a dumb terminal WHEN the report is printed THEN it is plain."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: is_terminal))
    assert shows_colours() == expected
