"""The program in the kernel: compiled for a transport, with its maps; or refused, with a reason.

Part of the loader: standard library alone, Python 3.9.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import stat
from typing import Any

from tcpconntop.kernel.forward import PerfForwarder

EXIT_NOT_PRIVILEGED = 3
EXIT_UNSUPPORTED = 4

NO_BCC = (
    "no Python here has BCC: install python3-bpfcc (Debian, Ubuntu), python3-bcc (Fedora), python-bcc (Arch) "
    "or py3-bcc (Alpine)"
)
NO_PRIVILEGES = "tracing needs root or CAP_BPF+CAP_PERFMON: run with sudo"

_PRINTED_BYTES = 1 << 16


class LoadError(Exception):
    """One actionable line, and the exit code that goes with it."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def prepare(bcc: Any, job: dict[str, Any]) -> tuple[Any, PerfForwarder | None]:
    """Compile for the job's transport, and open its perf buffers where it has some.

    Raises:
        LoadError: the kernel or the compiler refused.
    """
    with contextlib.suppress(OSError, ValueError):  # only kernels before 5.11 charge maps to it
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    module = compile_program(bcc, job)
    if job["transport"] != "perf":
        return module, None
    try:
        return module, PerfForwarder(
            bcc, module, job["buffer_bytes"], job["record_bytes"], job["wakeup_bytes"]
        )
    except Exception as error:  # BCC raises nothing more specific
        raise load_error(f"the kernel refused its perf buffers ({error})") from error


def compile_program(bcc: Any, job: dict[str, Any]) -> Any:
    """Compile, create the maps and write the settings.

    Raises:
        LoadError: the kernel or the compiler refused.
    """
    os.environ["BCC_KERNEL_SOURCE"] = job["folder"]

    class Module(bcc.BPF):  # type: ignore[misc]
        """Attaches nothing by itself, whatever the names of programs say."""

        def _trace_autoload(self) -> None:
            pass

    try:
        flags = ["-I" + job["folder"], "-DTRANSPORT_" + job["transport"].upper()]
        flags += [f"-D{name}={value}" for name, value in job["defines"].items()]
        module = Module(src_file=f"{job['folder']}/tcpconntop.bpf.c", cflags=flags)
    except Exception as error:  # BCC raises nothing more specific
        raise load_error(f"the kernel side does not compile or its maps are refused ({error})") from error
    settings = module["tct_settings"]
    settings[settings.Key(0)] = settings.Leaf.from_buffer_copy(bytes.fromhex(job["settings"]))
    return module


def load_error(what: str) -> LoadError:
    """The error for a refused step. BCC tells errno only for programs; for maps it prints the reason."""
    if ctypes.get_errno() == errno.EPERM or os.strerror(errno.EPERM) in captured_output():
        return LoadError(NO_PRIVILEGES, EXIT_NOT_PRIVILEGED)
    return LoadError(what, EXIT_UNSUPPORTED)


def captured_output() -> str:
    """What this process has printed so far, if that goes to a file."""
    is_file = stat.S_ISREG(os.fstat(2).st_mode)
    return os.pread(2, _PRINTED_BYTES, 0).decode("utf-8", "replace") if is_file else ""
