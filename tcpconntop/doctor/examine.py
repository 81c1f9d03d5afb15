"""What this kernel and machine offer: asked of the kernel by loading and attaching, as tracing does.

What the loader can try is tried, whoever we are: the kernel is the one that refuses. Where it comes to
nothing, because there is no BCC or no BTF, what files tell is said instead.
"""

from __future__ import annotations

import json
import os
import resource
import socket
from dataclasses import dataclass
from typing import Any

from tcpconntop.core.errors import EXIT_NOT_PRIVILEGED, EXIT_OK, EXIT_UNSUPPORTED
from tcpconntop.doctor import machine
from tcpconntop.doctor.checks import MISSING, OK, REFUSED, UNKNOWN, Check, DoctorReport
from tcpconntop.doctor.remedies import parse_os_release
from tcpconntop.kernel.attach import KPROBE_PMU, NO_KPROBES, PROBE_SETS, RAW_TRACEPOINT
from tcpconntop.kernel.btf import VMLINUX, Btf, BtfError
from tcpconntop.kernel.launch import Loader, TracerError
from tcpconntop.kernel.loader import MAX_MESSAGE_BYTES
from tcpconntop.kernel.privileges import Caller
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import loader_job

_ANYTHING = TraceRequest()

_LINES_MAX = 8

_EPERM = (1, 13)
"""EPERM and EACCES: the feature is there, and not for us."""


@dataclass(frozen=True)
class LoaderTrial:
    """What the loader and the kernel answered.

    Attributes:
        caller: who asked.
        job: what a loader would be told to do with `auto`; empty without BTF.
        no_btf: why there is no job.
        answer: what `survey.survey` gives; empty where no loader could try.
        no_bcc: what was found instead of BCC, where the loader had none.
        failure: why the loader gave no answer at all.
    """

    caller: Caller
    job: dict[str, Any]
    no_btf: str
    answer: dict[str, Any]
    no_bcc: str = ""
    failure: str = ""

    @property
    def untried(self) -> str:
        """Why nothing was attached, in a few words; empty where something was."""
        if self.answer.get("ways"):
            return ""
        if not self.answer:
            return "not tried: " + ("BCC is missing" if self.no_bcc else "the loader gave no answer")
        if not self.job:
            return "not tried: BTF is missing"
        return "not tried: " + ("the program is refused" if self.caller.may_trace else "not privileged")


def examine(loader: Loader | TracerError, caller: Caller, request: TraceRequest = _ANYTHING) -> DoctorReport:
    """Try everything and tell what came of it; nothing stays in the kernel. Takes about a second.

    Args:
        loader: a started loader, or why there is none.
        caller: who we were when it was started.
        request: what would be traced, and by which transport.
    """
    survey = _survey(loader, caller, request)
    uname = os.uname()
    limit = survey.answer.get("memlock_bytes", resource.getrlimit(resource.RLIMIT_MEMLOCK)[0])
    probe, transport, exit_code = auto_choice(survey)
    return DoctorReport(
        host=socket.gethostname(),
        kernel=uname.release,
        machine=uname.machine,
        distribution=parse_os_release(machine.os_release()),
        checks=(
            machine.kernel(uname.release, uname.machine),
            _btf(survey),
            _capabilities(caller, exit_code),
            _bcc(survey),
            _raw(survey),
            _way(survey, "fentry", "fentry", ""),
            _way(survey, "kprobe", "kprobes", "" if KPROBE_PMU.exists() else NO_KPROBES),
            _transport(survey, "ring", "ring buffer"),
            _transport(survey, "perf", "perf buffers"),
            machine.tracefs(),
            machine.lockdown(),
            machine.memory_lock(uname.release, limit),
            machine.ipv6(),
            machine.cgroups(),
        ),
        probe=probe,
        transport=transport,
        exit_code=exit_code,
        as_root=caller.is_root,
    )


def auto_choice(survey: LoaderTrial) -> tuple[str | None, str | None, int]:
    """What `auto` comes to: probe set, transport and exit code, as `open_session` would have it."""
    if not survey.caller.may_trace:
        return None, None, EXIT_NOT_PRIVILEGED
    if not survey.job or not survey.answer:
        return None, None, EXIT_UNSUPPORTED
    transport = survey.job["transport"]
    tried = survey.answer["transports"][transport]
    if not tried["ok"]:
        return None, None, tried["exit"]
    ways = survey.answer["ways"]
    probe = next((name for name in PROBE_SETS if ways[name]["ok"]), None)
    return (probe, transport, EXIT_OK) if probe else (None, None, ways["tracepoint"]["exit"])


def _survey(loader: Loader | TracerError, caller: Caller, request: TraceRequest) -> LoaderTrial:
    wanted, no_btf = {}, ""
    try:
        wanted = loader_job(request)
    except BtfError as error:
        no_btf = str(error)
    if isinstance(loader, TracerError):
        return LoaderTrial(caller, wanted, no_btf, {}, no_bcc="there is no Python to look in")
    try:
        loader.connection.send(json.dumps({"survey": True, **wanted}).encode())
        message = loader.connection.recv(MAX_MESSAGE_BYTES)
        said = (
            "; ".join(loader.captured_output().splitlines()[-_LINES_MAX:])
            or "the loader ended without a word"
        )
    except OSError as error:
        message, said = b"", str(error)
    finally:
        loader.close()
    answer = json.loads(message) if message else {}
    if "error" in answer:
        return LoaderTrial(caller, wanted, no_btf, {}, no_bcc=said)
    return LoaderTrial(caller, wanted, no_btf, answer, failure="" if answer else said)


def _btf(survey: LoaderTrial) -> Check:
    if survey.job:
        return Check("btf", "BTF", OK, str(VMLINUX), True)
    problem = "kernel" if VMLINUX.parents[1].exists() else "sysfs"
    return Check("btf", "BTF", MISSING, survey.no_btf, True, problem)


def _capabilities(caller: Caller, exit_code: int) -> Check:
    if caller.may_trace and caller.in_user_namespace and exit_code == EXIT_NOT_PRIVILEGED:
        detail = "a user namespace's do not count (a rootless container?)"
        return Check("capabilities", "capabilities", REFUSED, detail, True)
    if caller.may_trace:
        return Check("capabilities", "capabilities", OK, ", ".join(caller.capabilities), True)
    held = f"{', '.join(caller.capabilities)} alone" if caller.capabilities else "none of them"
    detail = f"CAP_BPF+CAP_PERFMON or CAP_SYS_ADMIN needed: {held}"
    problem = "container" if caller.is_root else "privileges"
    return Check("capabilities", "capabilities", REFUSED, detail, True, problem)


def _bcc(survey: LoaderTrial) -> Check:
    if survey.answer:
        detail = "{bcc} of {python} ({folder})".format(**survey.answer)
        return Check("bcc", "BCC", OK, detail, True)
    if survey.failure:
        return Check("bcc", "BCC", UNKNOWN, f"the loader gave no answer: {survey.failure}", True)
    return Check("bcc", "BCC", MISSING, survey.no_bcc, True, "bcc")


def _raw(survey: LoaderTrial) -> Check:
    """The raw tracepoints, which are the whole of one way and a part of the others."""
    asked = survey.untried and survey.job
    hint = "not in this kernel" if asked and not Btf().count_tracepoint_args("inet_sock_set_state") else ""
    check = _way(survey, "tracepoint", "raw tracepoints", hint)
    return Check("raw_tracepoints", check.label, check.status, check.detail, True, check.problem)


def _way(survey: LoaderTrial, name: str, label: str, hint: str) -> Check:
    """One way of attaching; `hint` is why it cannot be there, for where it was not tried."""
    if survey.untried and hint:
        return Check(name, label, MISSING, hint, problem="kernel")
    if survey.untried:
        return Check(name, label, UNKNOWN, survey.untried)
    tried = survey.answer["ways"][name]
    if tried["ok"]:
        return Check(name, label, OK, "; ".join(["attached and detached", *tried["notes"]]))
    reason = (
        tried["reason"]
        if tried["kind"] != RAW_TRACEPOINT or name == "tracepoint"
        else "raw tracepoints are refused"
    )
    status = REFUSED if tried["errno"] in _EPERM else MISSING
    return Check(name, label, status, reason, problem="kernel" if status == MISSING else "")


def _transport(survey: LoaderTrial, name: str, label: str) -> Check:
    tried = survey.answer.get("transports", {}).get(name)
    if tried is None:
        return Check(name, label, UNKNOWN, survey.untried)
    needed = survey.job["transport"] == name
    if tried["ok"]:
        return Check(name, label, OK, "compiled, with its maps", needed)
    if tried["exit"] == EXIT_NOT_PRIVILEGED:
        return Check(name, label, REFUSED, "the kernel refuses us its maps", needed)
    return Check(name, label, MISSING, tried["reason"], needed)
