"""Compile the BPF program with BCC and create its maps, or find the reason why that is refused.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import stat
from collections.abc import Iterable
from typing import Any

from tcpconntop.core.errors import EXIT_NOT_PRIVILEGED, EXIT_UNSUPPORTED, FatalError
from tcpconntop.kernel import bpf_call
from tcpconntop.kernel.attach import FENTRY, KRETPROBE, RAW_TRACEPOINT, Probe
from tcpconntop.kernel.forward import PerfForwarder
from tcpconntop.kernel.kprobe import open_kprobe
from tcpconntop.kernel.needs import NO_PRIVILEGES

_MAX_OUTPUT_BYTES = 1 << 16


class LoadError(FatalError):
    """The program cannot be loaded or attached."""

    @property
    def is_for_all_loaders(self) -> bool:
        """True if the kernel would refuse the same programs from another loader, too."""
        return self.exit_code == EXIT_NOT_PRIVILEGED


class ProbeSetRefusedError(LoadError):
    """The kernel has not got the probe set that was asked for, or refuses it."""

    @property
    def is_for_all_loaders(self) -> bool:
        """True: the image and BCC have the same probe sets."""
        return True


class BccPrograms:
    """The `Programs` that BCC has compiled.

    Args:
        bcc: BCC's module.
        module: what `compile_program` returned.
    """

    def __init__(self, bcc: Any, module: Any) -> None:
        self._bcc, self._module = bcc, module

    def map_fd(self, name: str) -> int:
        """Return the descriptor of a map."""
        return int(self._module[name].map_fd)

    def load(self, probe: Probe) -> int:
        """Load the program of a probe. Return its descriptor."""
        types = {RAW_TRACEPOINT: self._bcc.BPF.RAW_TRACEPOINT, FENTRY: self._bcc.BPF.TRACING}
        return int(self._module.load_func(probe.program, types.get(probe.kind, self._bcc.BPF.KPROBE)).fd)

    def attach(self, probe: Probe, program: int) -> int:
        """Attach a loaded program. Return the descriptor of its link.

        Raises:
            OSError: the kernel refused.
        """
        if probe.kind == RAW_TRACEPOINT:
            link = self._bcc.lib.bpf_attach_raw_tracepoint(program, probe.target.encode())
        elif probe.kind == FENTRY:
            link = self._bcc.lib.bpf_attach_kfunc(program)
        else:
            link = open_kprobe(program, probe.target, probe.kind == KRETPROBE)
        if link < 0:
            raise OSError(ctypes.get_errno(), "not attached")
        return int(link)


def prepare(bcc: Any, job: dict[str, Any]) -> tuple[BccPrograms, PerfForwarder | None]:
    """Compile for the job's transport. Return the compiled programs and, for perf, the opened perf buffers.

    Raises:
        LoadError: the kernel or the compiler refused.
    """
    raise_memory_lock_limit()
    module = compile_program(bcc, job)
    programs = BccPrograms(bcc, module)
    if job["transport"] != "perf":
        return programs, None
    try:
        return programs, PerfForwarder(
            bcc, module, job["buffer_bytes"], job["record_bytes"], job["wakeup_bytes"]
        )
    except Exception as error:  # BCC raises nothing more specific
        raise load_error(f"the kernel refused the perf buffers ({error})") from error


def raise_memory_lock_limit() -> None:
    """Allow as much locked memory as the kernel lets us: kernels before 5.11 count maps as locked memory."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def compile_program(bcc: Any, job: dict[str, Any]) -> Any:
    """Compile and create the maps. Return the compiled program.

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
        flags += [f"-D{name}={value}" for name, value in job["sizes"].items()]
        flags += [f"-D{name.upper()}_FLAGS={value}" for name, value in job.get("map_flags", {}).items()]
        flags += [f"-D{name}=FROM_BTF({value})" for name, value in job["numbers"].items()]
        return Module(src_file=f"{job['folder']}/tcpconntop.bpf.c", cflags=flags)
    except Exception as error:  # BCC raises nothing more specific
        raise load_error(f"the BPF program does not compile, or its maps are refused ({error})") from error


def start_tracing(read_only: Iterable[int], settings_map: int, settings: bytes) -> None:
    """Protect maps and write the settings, once all is attached: attempts are followed from then on.

    Args:
        read_only: maps that no process can write from now on, by mapping or system call; programs still do. A
            descriptor that is only for reading would not do: the kernel does not map those.
        settings_map: the map of settings.
        settings: its one entry.

    Raises:
        LoadError: the kernel refused.
    """
    try:
        for descriptor in read_only:
            bpf_call.freeze_map(descriptor)
        bpf_call.write_map(settings_map, 0, settings)
    except OSError as error:
        raise load_error(
            f"the kernel refused to set up a map ({error.strerror})", error.errno or 0
        ) from error


def load_error(what: str, code: int = 0) -> LoadError:
    """Return the error for a refused step `what`, with the errno `code` where it is known.

    EPERM means missing privileges. BCC sets errno only for programs; for maps it prints the reason.
    """
    if errno.EPERM in (code, ctypes.get_errno()) or os.strerror(errno.EPERM) in captured_output():
        return LoadError(NO_PRIVILEGES, EXIT_NOT_PRIVILEGED)
    return LoadError(what, EXIT_UNSUPPORTED)


def captured_output() -> str:
    """Return what this process has written to stderr, if that is a file; else an empty string."""
    is_file = stat.S_ISREG(os.fstat(2).st_mode)
    return os.pread(2, _MAX_OUTPUT_BYTES, 0).decode("utf-8", "replace") if is_file else ""
