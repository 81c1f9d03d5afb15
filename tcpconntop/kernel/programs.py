"""Load and attach programs, whoever compiled them: those of an image, and those of BCC.

BCC only compiles and creates maps: which program is for which function would depend on names, and since BCC
0.28 names like those of before end the process. Runs inside the loader process: only the standard library,
Python 3.9.
"""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from typing import NamedTuple

from tcpconntop.kernel import bpf_call
from tcpconntop.kernel.kprobe import open_kprobe

RAW_TRACEPOINT, FENTRY, FEXIT, KPROBE, KRETPROBE = "raw tracepoint", "fentry", "fexit", "kprobe", "kretprobe"

_TRACING = {FENTRY: bpf_call.ATTACH_FENTRY, FEXIT: bpf_call.ATTACH_FEXIT}


class Probe(NamedTuple):
    """One program and the kernel function or tracepoint that runs it."""

    program: str
    kind: str
    target: str


class Programs(ABC):
    """Compiled programs and their maps.

    Args:
        functions: BTF numbers of the kernel functions that fentry and fexit programs are for.
    """

    def __init__(self, functions: dict[str, int]) -> None:
        self._functions = functions
        self._loaded: dict[tuple[str, int], int] = {}

    @abstractmethod
    def map_fd(self, name: str) -> int:
        """Return the descriptor of a map."""

    @abstractmethod
    def code(self, name: str) -> bytes:
        """Return the instructions of a program, with the descriptors of its maps."""

    def load(self, probe: Probe) -> int:
        """Load the program of a probe. Return its descriptor; the same one when it is loaded again.

        Raises:
            OSError: the kernel refused.
        """
        if probe.kind == RAW_TRACEPOINT:
            return self._load(probe, bpf_call.TYPE_RAW_TRACEPOINT)
        if probe.kind not in _TRACING:
            return self._load(probe, bpf_call.TYPE_KPROBE)
        if probe.target not in self._functions:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        function_id = self._functions[probe.target]
        return self._load(probe, bpf_call.TYPE_TRACING, _TRACING[probe.kind], function_id)

    def attach(self, probe: Probe, program: int) -> int:
        """Attach a loaded program. Return the descriptor of its link.

        A kprobe is opened as a perf event. Where that needs more privileges than we have
        (`perf_event_paranoid` 3), it is attached with fprobe, which has them since Linux 5.18.

        Raises:
            OSError: the kernel refused.
        """
        if probe.kind == RAW_TRACEPOINT:
            return bpf_call.open_raw_tracepoint(program, probe.target)
        if probe.kind in _TRACING:
            return bpf_call.open_raw_tracepoint(program)
        on_return = probe.kind == KRETPROBE
        try:
            return open_kprobe(program, probe.target, on_return)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM):
                raise
            try:
                multi = self._load(probe, bpf_call.TYPE_KPROBE, bpf_call.ATTACH_KPROBE_MULTI)
                return bpf_call.open_kprobe_multi(multi, probe.target, on_return)
            except OSError:
                raise error from None

    def _load(self, probe: Probe, kind: int, attach_type: int = 0, function_id: int = 0) -> int:
        key = (probe.program, attach_type)
        if key not in self._loaded:
            code = self.code(probe.program)
            self._loaded[key] = bpf_call.load_program(probe.program, kind, code, attach_type, function_id)
        return self._loaded[key]
