"""Compile the BPF program with BCC and create its maps, or find the reason why that is refused.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import os
from typing import Any

from tcpconntop.kernel.bpf_call import raise_memory_lock_limit
from tcpconntop.kernel.forward import PerfForwarder
from tcpconntop.kernel.load_error import load_error
from tcpconntop.kernel.perf_event import CONFIG_BPF_OUTPUT, TYPE_SOFTWARE, open_perf_event
from tcpconntop.kernel.programs import Programs


class BccPrograms(Programs):
    """The programs that BCC has compiled.

    Args:
        module: what `compile_program` returned.
        functions: BTF numbers of kernel functions.
    """

    def __init__(self, module: Any, functions: dict[str, int]) -> None:
        super().__init__(functions)
        self._module = module

    def map_fd(self, name: str) -> int:
        """Return the descriptor of a map."""
        return int(self._module[name].map_fd)

    def code(self, name: str) -> bytes:
        """Return the instructions of a program."""
        return bytes(self._module.dump_func(name.encode()))


def prepare(bcc: Any, job: dict[str, Any]) -> tuple[BccPrograms, PerfForwarder | None]:
    """Compile for the job's transport. Return the compiled programs and, for perf, the opened perf buffers.

    Raises:
        LoadError: the kernel or the compiler refused.
    """
    if job["transport"] == "perf":
        check_perf_buffers()
    raise_memory_lock_limit()
    module = compile_program(bcc, job)
    programs = BccPrograms(module, job["functions"])
    if job["transport"] != "perf":
        return programs, None
    try:
        return programs, PerfForwarder(
            bcc, module, job["buffer_bytes"], job["record_bytes"], job["wakeup_bytes"]
        )
    except Exception as error:  # BCC raises nothing more specific
        raise load_error(f"the kernel refused the perf buffers ({error})") from error


def check_perf_buffers() -> None:
    """Open a perf event as perf buffers need them, and close it.

    Where BCC may not open one, it unmaps as much memory as the buffer has from address 0 on: the code of a
    Python that is not position-independent, as Debian's, is there.

    Raises:
        LoadError: the kernel refused.
    """
    try:
        os.close(open_perf_event(TYPE_SOFTWARE, CONFIG_BPF_OUTPUT))
    except OSError as error:
        what = (
            f"the kernel refuses perf buffers ({error.strerror}): use --transport ring, or lower"
            " kernel.perf_event_paranoid"
        )
        raise load_error(what, error.errno or 0) from error


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
