"""What `doctor` makes of the loader's answer, and how it says it."""

from __future__ import annotations

import pytest

from tcpconntop.doctor.checks import MISSING, OK, REFUSED, UNKNOWN, Check, DoctorReport
from tcpconntop.doctor.examine import LoaderTrial, auto_choice
from tcpconntop.doctor.remedies import DISTRIBUTIONS, Distribution, command
from tcpconntop.doctor.report import document, report
from tcpconntop.kernel.privileges import Caller

ROOT = Caller(("CAP_SYS_ADMIN",), is_root=True)
TRIED = {"ok": True}


def refused(code):
    return {"ok": False, "exit": code}


def answer(**changed):
    ways = dict.fromkeys(("fentry", "kprobe", "tracepoint"), TRIED)
    transports = dict.fromkeys(("ring", "perf"), TRIED)
    return {
        "ways": {name: changed.get(name, said) for name, said in ways.items()},
        "transports": {name: changed.get(name, said) for name, said in transports.items()},
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
    ("caller", "transport", "said", "expected"),
    [
        (ROOT, "ring", answer(), ("fentry", "ring", 0)),
        (ROOT, "perf", answer(fentry=refused(4)), ("kprobe", "perf", 0)),
        (ROOT, "ring", answer(fentry=refused(4), kprobe=refused(4)), ("tracepoint", "ring", 0)),
        (ROOT, "ring", answer(perf=refused(4)), ("fentry", "ring", 0)),
        (ROOT, "ring", answer(ring=refused(3)), (None, None, 3)),
        (ROOT, "ring", answer(ring=refused(4)), (None, None, 4)),
        (
            ROOT,
            "ring",
            answer(fentry=refused(4), kprobe=refused(4), tracepoint=refused(3)),
            (None, None, 3),
        ),
        (ROOT, "ring", {}, (None, None, 4)),
        (ROOT, "", answer(), (None, None, 4)),
        (Caller((), is_root=False), "ring", answer(), (None, None, 3)),
        (Caller((), is_root=False), "ring", {}, (None, None, 3)),
    ],
)
def test_given_an_answer_then_the_verdict_is_what_auto_comes_to(caller, transport, said, expected):
    survey = LoaderTrial(caller, {"transport": transport} if transport else {}, "", said)
    assert auto_choice(survey) == expected


BCC = Check("bcc", "BCC", MISSING, "no \x1b[31mBCC", needed=True, problem="bcc")
CHECKS = (
    Check("kernel", "kernel", OK, "6.12", needed=True, problem="kernel"),
    BCC,
    Check("fentry", "fentry", REFUSED, "Operation not permitted"),
    Check("ring", "ring buffer", UNKNOWN, "not tried", needed=True),
)


def checkup(family="debian", *, probe=None, as_root=True):
    where = Distribution("Some \x1b[1mLinux", family)
    transport, code = ("ring", 0) if probe else (None, 4)
    return DoctorReport("db-07", "6.12", "x86_64", where, CHECKS, probe, transport, code, as_root)


def test_given_a_known_distribution_then_its_own_command_stands_below_what_is_missing():
    lines = report(checkup()).splitlines()
    found = next(i for i, line in enumerate(lines) if line.startswith("missing  BCC"))
    assert lines[found + 1].split() == ["mend:", "apt", "install", "python3-bpfcc"]
    assert sum("mend" in line for line in lines) == 1


def test_given_an_unknown_distribution_then_every_command_is_told():
    text = report(checkup(None, as_root=False))
    for family in DISTRIBUTIONS:
        assert f"mend on {family}: {command('bcc', family, as_root=False)}\n" in text


def test_given_text_from_outside_then_no_escape_sequence_gets_through():
    assert "\x1b" not in report(checkup())


def test_given_what_is_wanting_then_the_last_line_names_what_nothing_works_without():
    assert report(checkup()).endswith("\nThis machine cannot trace; look at: BCC (exit code 4).\n")
    assert report(checkup(probe="kprobe")).endswith("\nTracing works: auto takes kprobe/ring.\n")
    assert "fentry       Operation not permitted (not needed)\n" in report(checkup())


def test_given_a_checkup_then_the_document_has_every_check_and_all_commands():
    said = document(checkup(probe="kprobe"))
    assert (said["probe"], said["transport"], said["exit_code"]) == ("kprobe", "ring", 0)
    assert [check["name"] for check in said["checks"]] == [check.name for check in CHECKS]
    assert [check["status"] for check in said["checks"]] == [OK, MISSING, REFUSED, UNKNOWN]
    assert said["checks"][1]["mend"]["alpine"] == "apk add py3-bcc"
    assert said["checks"][2]["mend"] is None
