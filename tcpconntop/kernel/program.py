"""Compile the BPF program for a transport and create its maps, or find the reason why that is refused.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import stat
from typing import Any

from tcpconntop.core.errors import EXIT_NOT_PRIVILEGED, EXIT_UNSUPPORTED, FatalError
from tcpconntop.kernel.forward import PerfForwarder

NO_BCC = (
    "no Python here has BCC: install python3-bpfcc (Debian, Ubuntu), python3-bcc (Fedora), python-bcc (Arch) "
    "or py3-bcc (Alpine)"
)
NO_PRIVILEGES = "tracing needs root or CAP_BPF+CAP_PERFMON: run with sudo"

_MAX_OUTPUT_BYTES = 1 << 16


class LoadError(FatalError):
    """The program cannot be loaded or attached."""


def prepare(bcc: Any, job: dict[str, Any]) -> tuple[Any, PerfForwarder | None]:
    """Compile for the job's transport. Return the compiled program and, for perf, the opened perf buffers.

    Raises:
        LoadError: the kernel or the compiler refused.
    """
    with contextlib.suppress(OSError, ValueError):  # only kernels before 5.11 count maps as locked memory
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    module = compile_program(bcc, job)
    if job["transport"] != "perf":
        return module, None
    try:
        return module, PerfForwarder(
            bcc, module, job["buffer_bytes"], job["record_bytes"], job["wakeup_bytes"]
        )
    except Exception as error:  # BCC raises nothing more specific
        raise load_error(f"the kernel refused the perf buffers ({error})") from error


def compile_program(bcc: Any, job: dict[str, Any]) -> Any:
    """Compile, create the maps and write the settings. Return the compiled program.

    Raises:
        LoadError: the kernel or the compiler refused.
    """
    os.environ["BCC_KERNEL_SOURCE"] = job["folder"]

    class Module(bcc.BPF):  # type: ignore[misc]
        """Attaches nothing on its own, whatever the programs are called."""

        def _trace_autoload(self) -> None:
            pass

    try:
        flags = ["-I" + job["folder"], "-DTRANSPORT_" + job["transport"].upper()]
        flags += [f"-D{name}={value}" for name, value in job["defines"].items()]
        module = Module(src_file=f"{job['folder']}/tcpconntop.bpf.c", cflags=flags)
    except Exception as error:  # BCC raises nothing more specific
        raise load_error(f"the BPF program does not compile, or its maps are refused ({error})") from error
    settings = module["tct_settings"]
    settings[settings.Key(0)] = settings.Leaf.from_buffer_copy(bytes.fromhex(job["settings"]))
    return module


def load_error(what: str) -> LoadError:
    """Return the error for a refused step `what`.

    EPERM means missing privileges. BCC sets errno only for programs; for maps it prints the reason.
    """
    if ctypes.get_errno() == errno.EPERM or os.strerror(errno.EPERM) in captured_output():
        return LoadError(NO_PRIVILEGES, EXIT_NOT_PRIVILEGED)
    return LoadError(what, EXIT_UNSUPPORTED)


def captured_output() -> str:
    """Return what this process has written to stderr, if that is a file; else an empty string."""
    is_file = stat.S_ISREG(os.fstat(2).st_mode)
    return os.pread(2, _MAX_OUTPUT_BYTES, 0).decode("utf-8", "replace") if is_file else ""
