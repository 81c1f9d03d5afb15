"""Examine this kernel and machine: load and attach like a command that traces, and read files.

Everything that the loader can try is tried, with or without privileges: the kernel itself then refuses. Where
nothing can be tried, because BCC or BTF is missing, files are the only source.
"""

from __future__ import annotations

import errno
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
from tcpconntop.kernel.attach import PROBE_SETS
from tcpconntop.kernel.btf import VMLINUX, Btf
from tcpconntop.kernel.forward import MAX_MESSAGE_BYTES
from tcpconntop.kernel.job import loader_job
from tcpconntop.kernel.kprobe import KPROBE_PMU, NO_KPROBES
from tcpconntop.kernel.launch import Loader, TracerError
from tcpconntop.kernel.load_error import LoadError
from tcpconntop.kernel.privileges import Caller
from tcpconntop.kernel.program_numbers import complete_job
from tcpconntop.kernel.programs import RAW_TRACEPOINT
from tcpconntop.kernel.request import TraceRequest

_DEFAULT_REQUEST = TraceRequest()

_MAX_OUTPUT_LINES = 8

_NOT_PERMITTED = (errno.EPERM, errno.EACCES)
"""The kernel has the feature, but refuses it to this user."""


@dataclass(frozen=True)
class LoaderTrial:
    """The results of a loader that ran `doctor.try_load`, or why there are none.

    Attributes:
        caller: the privileges of the loader.
        job: the loader's job with `auto`; empty without BTF.
        no_btf: why there is no job.
        results: what `try_load.try_load` returned; empty where no loader could try.
        no_bcc: what was found instead of BCC, if the loader had none.
        failure: why the loader sent no answer at all.
    """

    caller: Caller
    job: dict[str, Any]
    no_btf: str
    results: dict[str, Any]
    no_bcc: str = ""
    failure: str = ""

    @property
    def has_image(self) -> bool:
        """True if the programs of the image were loaded."""
        return bool(self.results.get("image", {}).get("ok"))

    @property
    def not_tried(self) -> str:
        """Why nothing was attached, in a few words; empty if something was."""
        if self.results.get("probe_sets"):
            return ""
        if not self.results:
            return "not tried: " + ("no Python was found" if self.no_bcc else "the loader sent no answer")
        if not self.job:
            return "not tried: BTF is missing"
        if self.no_bcc and not self.has_image:
            return "not tried: neither the image nor BCC can be used"
        return "not tried: " + ("the program is refused" if self.caller.may_trace else "not privileged")


def examine(
    loader: Loader | TracerError, caller: Caller, request: TraceRequest = _DEFAULT_REQUEST
) -> DoctorReport:
    """Try everything and return the results; nothing stays in the kernel. Takes about a second.

    Args:
        loader: a loader that was started with `try_load.ENTRY`, or why there is none.
        caller: the privileges of this process when the loader was started.
        request: what would be traced, and by which transport.
    """
    trial = _run_trial(loader, caller, request)
    uname = os.uname()
    limit = trial.results.get("memlock_bytes", resource.getrlimit(resource.RLIMIT_MEMLOCK)[0])
    probe, transport, exit_code = auto_choice(trial)
    return DoctorReport(
        host=socket.gethostname(),
        kernel=uname.release,
        machine=uname.machine,
        distribution=parse_os_release(machine.read_os_release()),
        checks=(
            machine.check_kernel(uname.release, uname.machine),
            _check_btf(trial),
            _check_capabilities(caller, exit_code),
            _check_image(trial),
            _check_bcc(trial),
            _check_raw_tracepoints(trial),
            _check_probe_set(trial, "fentry", "fentry"),
            _check_probe_set(trial, "kprobe", "kprobes", "" if KPROBE_PMU.exists() else NO_KPROBES),
            _check_transport(trial, "ring", "ring buffer"),
            _check_transport(trial, "perf", "perf buffers"),
            machine.check_tracefs(),
            machine.check_lockdown(),
            machine.check_memory_lock(uname.release, limit),
            machine.check_ipv6(),
            machine.check_cgroups(),
        ),
        probe=probe,
        transport=transport,
        exit_code=exit_code,
        as_root=caller.is_root,
    )


def auto_choice(trial: LoaderTrial) -> tuple[str | None, str | None, int]:
    """Return the probe set and transport that `auto` selects, and the exit code of a command that traces.

    The probe set and the transport are None if it cannot trace. `open_session` decides the same way.
    """
    if not trial.caller.may_trace:
        return None, None, EXIT_NOT_PRIVILEGED
    if not trial.job or not trial.results:
        return None, None, EXIT_UNSUPPORTED
    transport = trial.job["transport"]
    result = trial.results["transports"][transport]
    if not result["ok"]:
        return None, None, result["exit"]
    results = trial.results["probe_sets"]
    probe = next((name for name in PROBE_SETS if results[name]["ok"]), None)
    return (probe, transport, EXIT_OK) if probe else (None, None, results["tracepoint"]["exit"])


def _run_trial(loader: Loader | TracerError, caller: Caller, request: TraceRequest) -> LoaderTrial:
    """Send the job to the loader and wait for its answer. The loader has ended afterwards."""
    job, no_btf = loader_job(request), ""
    try:
        complete_job(job)
    except LoadError as error:
        job, no_btf = {}, str(error)
    if isinstance(loader, TracerError):
        return LoaderTrial(caller, job, no_btf, {}, no_bcc="no Python was found")
    try:
        loader.connection.send(json.dumps(job).encode())
        message = loader.connection.recv(MAX_MESSAGE_BYTES)
        output = loader.captured_output().splitlines()[-_MAX_OUTPUT_LINES:]
        reason = "; ".join(output) or "the loader ended without any output"
    except OSError as error:
        message, reason = b"", str(error)
    finally:
        loader.close()
    results = json.loads(message) if message else {}
    no_bcc = reason if results and not results["bcc"] else ""
    return LoaderTrial(caller, job, no_btf, results, no_bcc, failure="" if results else reason)


def _check_btf(trial: LoaderTrial) -> Check:
    if trial.job:
        return Check("btf", "BTF", OK, str(VMLINUX), True)
    problem = "kernel" if VMLINUX.parents[1].exists() else "sysfs"
    return Check("btf", "BTF", MISSING, trial.no_btf, True, problem)


def _check_capabilities(caller: Caller, exit_code: int) -> Check:
    if caller.may_trace and caller.in_user_namespace and exit_code == EXIT_NOT_PRIVILEGED:
        detail = "those of a user namespace are not enough (a rootless container?)"
        return Check("capabilities", "capabilities", REFUSED, detail, True)
    if caller.may_trace:
        return Check("capabilities", "capabilities", OK, ", ".join(caller.capabilities), True)
    held = f"only {', '.join(caller.capabilities)}" if caller.capabilities else "neither"
    detail = f"CAP_BPF+CAP_PERFMON or CAP_SYS_ADMIN needed; held: {held}"
    problem = "container" if caller.is_root else "privileges"
    return Check("capabilities", "capabilities", REFUSED, detail, True, problem)


def _check_image(trial: LoaderTrial) -> Check:
    """Check the programs that were compiled when the package was built: BCC stands in for them."""
    result = trial.results.get("image")
    if not result:
        return Check("image", "image", UNKNOWN, trial.not_tried or "not tried")
    if result["ok"]:
        return Check("image", "image", OK, f"programs compiled ahead by {result['made_by']}")
    status = REFUSED if result["exit"] == EXIT_NOT_PRIVILEGED else MISSING
    return Check("image", "image", status, result["reason"])


def _check_bcc(trial: LoaderTrial) -> Check:
    """Check the compiler: it is needed where the image cannot be used, and for perf buffers."""
    needed = not trial.has_image
    if trial.results.get("bcc"):
        detail = "{bcc} of {python} ({folder})".format(**trial.results)
        return Check("bcc", "BCC", OK, detail, needed)
    if trial.failure:
        return Check("bcc", "BCC", UNKNOWN, f"the loader sent no answer: {trial.failure}", needed)
    return Check("bcc", "BCC", MISSING, trial.no_bcc, needed, "bcc" if needed else "")


def _check_raw_tracepoints(trial: LoaderTrial) -> Check:
    """Check the raw tracepoints: all of one probe set, and a part of the others."""
    only_btf = trial.not_tried and trial.job
    exists = not only_btf or Btf().count_tracepoint_args("inet_sock_set_state")
    missing = "" if exists else "not in this kernel"
    check = _check_probe_set(trial, "tracepoint", "raw tracepoints", missing)
    return Check("raw_tracepoints", check.label, check.status, check.detail, True, check.problem)


def _check_probe_set(trial: LoaderTrial, name: str, label: str, missing: str = "") -> Check:
    """Check one probe set; `missing` is why the kernel cannot have it, used only where it was not tried."""
    if trial.not_tried and missing:
        return Check(name, label, MISSING, missing, problem="kernel")
    if trial.not_tried:
        return Check(name, label, UNKNOWN, trial.not_tried)
    result = trial.results["probe_sets"][name]
    if result["ok"]:
        return Check(name, label, OK, "; ".join(["attached and detached", *result["notes"]]))
    needs_raw = result["kind"] == RAW_TRACEPOINT and name != "tracepoint"
    reason = "raw tracepoints are refused" if needs_raw else result["reason"]
    if result["errno"] in _NOT_PERMITTED:
        return Check(name, label, REFUSED, reason)
    return Check(name, label, MISSING, reason, problem="kernel")


def _check_transport(trial: LoaderTrial, name: str, label: str) -> Check:
    result = trial.results.get("transports", {}).get(name)
    if result is None:
        return Check(name, label, UNKNOWN, trial.not_tried)
    needed = trial.job["transport"] == name
    if result["ok"]:
        return Check(name, label, OK, "maps created", needed)
    if result["exit"] == EXIT_NOT_PRIVILEGED:
        return Check(name, label, REFUSED, "the kernel refuses its maps to this user", needed)
    return Check(name, label, MISSING, result["reason"], needed)
